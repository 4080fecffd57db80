"""The shape of the library: imports go one way, a method is one file, importing is light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import ssvh_lib

PACKAGE = Path(ssvh_lib.__file__).parent
# Left to right, as data flows; a package may import only from those before it.
PACKAGES = [
    *(
        "errors",
        "utils",
        "data",
        "clustering",
        "losses",
        "nn",
        "samplers",
        "methods",
        "training",
        "evaluation",
        "search",
    ),
    *(
        "literature",
        "experiments",
        "report",
        "reproduce",
        "inspector",
        "course",
        "bench",
        "cli",
        "__init__",
        "__main__",
    ),
]
METHOD_MAY_IMPORT = {"errors", "data", "clustering", "losses", "nn", "samplers"}


def siblings_imported(path: Path) -> set[str]:
    """Top-level modules of the package that a file imports, whatever the way of writing it."""
    inside = len(path.relative_to(PACKAGE).parts) - 1  # folders between the file and the package
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level > inside:
            found |= {node.module.split(".")[0]} if node.module else {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ssvh_lib"):
            found |= {([*node.module.split("."), "__init__"])[1]}
        elif isinstance(node, ast.Import):
            found |= {([*alias.name.split("."), "__init__"])[1] for alias in node.names if "ssvh_lib" in alias.name}
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path):
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert own in PACKAGES, f"{own} has no place in PACKAGES: decide where it belongs"
    allowed = set(PACKAGES[: PACKAGES.index(own)])
    assert siblings_imported(path) - allowed - {own} == set()


@pytest.mark.parametrize("path", sorted((PACKAGE / "methods").rglob("[a-z]*.py")), ids=lambda path: path.stem)
def test_a_method_imports_only_what_methods_are_made_of(path):
    assert siblings_imported(path) <= METHOD_MAY_IMPORT


def test_importing_the_library_loads_nothing_heavy():
    script = (
        "import sys, ssvh_lib; print([m for m in ('torch', 'pandas', 'matplotlib', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_can_be_had():
    for name in ssvh_lib.__all__:
        assert getattr(ssvh_lib, name) is not None
    with pytest.raises(AttributeError, match="nothing_like_it"):
        _ = ssvh_lib.nothing_like_it
