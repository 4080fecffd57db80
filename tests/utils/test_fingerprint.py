"""The fingerprint of code: it changes with what a result depends on, and with nothing else."""

import pytest

from ssvh_lib.utils.fingerprint import code_digest

FILES = {
    "layers.py": '''
SCALE = 2.0

def used(x: int) -> int:
    """Doubles."""
    if x < 0:
        raise ValueError("no negative numbers")
    return helper(x) * SCALE

def helper(x):
    return x  # as it is

def unused(x):
    return x + 1
''',
    "methods/__init__.py": "def construct(x):\n    return x\n",
    "methods/one.py": """
from ..layers import used as double
from . import construct

class One:
    PRESETS: dict = {"smoke": 1}

    def loss(self, x):
        return construct(double(x))
""",
}


@pytest.fixture
def package(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def digest(package):
    return code_digest(("methods.one", "One"), package=package)


def edit(package, name, old, new):
    text = FILES[name]
    assert old in text
    (package / name).write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("layers.py", "SCALE = 2.0", "SCALE = 3.0"),
        ("layers.py", "helper(x) * SCALE", "helper(x) + SCALE"),
        ("layers.py", "return x  # as it is", "return -x"),
        ("layers.py", "if x < 0", "if x < 1"),
        ("methods/__init__.py", "return x", "return [x]"),
        ("methods/one.py", "double(x)", "double(x + 1)"),
    ],
)
def test_a_change_of_what_is_used_shows(package, name, old, new):
    before = digest(package)
    edit(package, name, old, new)
    assert digest(package) != before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("layers.py", "return x + 1", "return x + 2"),
        ("layers.py", "# as it is", "# unchanged"),
        ("layers.py", '"""Doubles."""', '"""Twice."""'),
        ("layers.py", "no negative numbers", "must not be negative"),
        ("layers.py", "(x: int) -> int", "(x: float) -> float"),
        ("layers.py", "def unused", "\n\ndef renamed"),
        ("methods/one.py", '{"smoke": 1}', '{"smoke": 2}'),
    ],
)
def test_a_change_of_anything_else_does_not(package, name, old, new):
    before = digest(package)
    edit(package, name, old, new)
    assert digest(package) == before


def test_the_loss_of_conmh_is_followed_to_the_library():
    """Methods of the real package reach the losses and layers they use, and not those of others."""
    conmh, itq = code_digest(("methods.conmh", "ConMH")), code_digest(("methods.itq", "ITQ"))
    assert conmh != itq
    assert conmh == code_digest(("methods.conmh", "ConMH"))
