"""The fingerprint of code: it changes with what a result depends on, and with nothing else."""

import ast
import os
import re
import shutil
import subprocess
import sys
from functools import cache, partial
from pathlib import Path

import pytest

import ssvh_lib
from ssvh_lib.data.embedded import build
from ssvh_lib.data.embedded.worlds import WORLDS
from ssvh_lib.experiments import measures
from ssvh_lib.methods import method_class
from ssvh_lib.training import loop
from ssvh_lib.utils import fingerprint
from ssvh_lib.utils.fingerprint import code_digest, digest_of_places, read_sources

PACKAGE = Path(ssvh_lib.__file__).parent
SOURCES = read_sources(PACKAGE)


def edited(sources, path, old, new):
    assert sources[path].count(old.encode()) == 1, f"{old!r} should stand in {path} once"
    return {**sources, path: sources[path].replace(old.encode(), new.encode())}


# A small package that shows each rule

SMALL = {
    "__init__.py": "",
    "tables/__init__.py": "from .shares import share\n",
    "tables/shares.py": 'def share(name):\n    return open(name + ".csv")\n',
    "tables/curve.csv": "1,2\n",
    "tables/page.html": "<p>",
    "steps.py": """
try:
    from fast import step
except ImportError:
    def step(x):
        return x - 1

RATES = {"slow": 0.1}
RATES |= {"fast": 0.2}
RATES["middle"] = 0.15
OTHERS = {"none": 0.0}
if RATES:
    LIMIT = 7 * PRESETS[0]
PRESETS = (1,)
""",
    "layers.py": '''
import warnings
from scipy.special import expit
from .base import Base, traced
from .steps import LIMIT, RATES, step

SCALE = 2.0
KINDS = {"plain": lambda: Plain()}
warnings.simplefilter("error")

def used(x: int, times: int = SCALE) -> int:
    """Doubles."""
    if x < 0:
        raise ValueError(complaint(x))
    return step(helper(x)) * times * expit(x) * RATES[x] * LIMIT  # one line

def helper(x):
    return x  # as it is

def complaint(x):
    return f"{x} is negative"

def unused(x):
    return x + 1

class Plain(Base):
    size = 4

    def __len__(self):
        return self.size + 40

    @traced
    def grow(self, x):
        return x * 5

    @property
    def width(self):
        return 6

    def idle(self):
        return 8

    def named(self):
        return 9
''',
    "base.py": """
def traced(function):
    return function

class Base:
    def forward(self, x):
        return x + 60

    def inherited(self):
        return 70

    def never_called(self):
        return 80
""",
    "lazy.py": "def late(x):\n    return x + 90\n",
    "moved.py": "def scaled(x):\n    return x * 11\n\ndef not_scaled(x):\n    return x * 12\n",
    "methods/__init__.py": "def construct(x):\n    return x\n",
    "methods/one.py": """
from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from .. import moved, tables
from ..layers import KINDS, used as double
from . import construct

if TYPE_CHECKING:
    from ..layers import unused

class One:
    TITLE = "One"
    PRESETS: dict = {"smoke": 1}
    VARIANTS: ClassVar[tuple] = ("paper",)
    rate: float = 0.5

    def loss(self, x, bar, helper=None):
        from ..lazy import late

        bar.set_description("halfway")
        part = KINDS["plain"]()
        size = part.grow(x) + part.width + getattr(part, "named")() + part.inherited() + late(x)
        table = tables.share("curve")
        found = construct(double(x)) + moved.scaled(size), cast("float", x), f"{x}: {size}"
        return found, table, [unused for unused in x]
""",
    "methods/two.py": "class Two:\n    def loss(self, x):\n        return x + 13\n",
}
SMALL = {path: text.encode() for path, text in SMALL.items()}


def one(sources):
    return digest_of_places(sources, "methods.one:One.loss")


COUNTS = {
    "a constant": ("layers.py", "SCALE = 2.0", "SCALE = 3.0"),
    "a line of a function": ("layers.py", "* times * ", "+ times * "),
    "a function that it calls": ("layers.py", "return x  # as it is", "return -x"),
    "a condition": ("layers.py", "if x < 0", "if x < 1"),
    "a default": ("layers.py", "times: int = SCALE", "times: int = 1"),
    "a statement that defines nothing": ("layers.py", 'simplefilter("error")', 'simplefilter("ignore")'),
    "a package": ("methods/__init__.py", "return x", "return [x]"),
    "the root": ("methods/one.py", "double(x)", "double(x + 1)"),
    "a default of a field": ("methods/one.py", "= 0.5", "= 0.6"),
    "no field any more": ("methods/one.py", "rate: float = 0.5", "rate = 0.5"),
    "a class in a table": ("layers.py", "lambda: Plain()", "lambda: Base()"),
    "a method, by attribute": ("layers.py", "x * 5", "x * 6"),
    "a property": ("layers.py", "return 6", "return 7"),
    "a class attribute": ("layers.py", "size = 4", "size = 5"),
    "a special method": ("layers.py", "self.size + 40", "self.size + 41"),
    "a method by its name as text": ("layers.py", "return 9", "return 10"),
    "a decorator": ("base.py", "return function", "return print"),
    "a method that PyTorch calls": ("base.py", "x + 60", "x + 61"),
    "an inherited method": ("base.py", "return 70", "return 71"),
    "a constant called as the choices of a method": ("steps.py", "PRESETS = (1,)", "PRESETS = (2,)"),
    "another base": ("layers.py", "Plain(Base)", "Plain(dict)"),
    "an import inside a function": ("lazy.py", "x + 90", "x + 91"),
    "an attribute of a module": ("moved.py", "x * 11", "x * 12.5"),
    "a name brought on by a package": ("tables/shares.py", "open(name", "open(2 * name"),
    "a file": ("tables/curve.csv", "1,2", "1,3"),
    "a name bound by an import or a function": ("steps.py", "return x - 1", "return x - 2"),
    "the import of that name": ("steps.py", "from fast import step", "from faster import step"),
    "a constant that grows": ("steps.py", '"fast": 0.2', '"fast": 0.3'),
    "an item": ("steps.py", '"middle"] = 0.15', '"middle"] = 0.16'),
    "a constant under a condition": ("steps.py", "LIMIT = 7", "LIMIT = 8"),
    "an import from elsewhere": (
        "layers.py",
        "from scipy.special import expit",
        "from scipy.special import erf as expit",
    ),
}


@pytest.mark.parametrize("edit", COUNTS.values(), ids=COUNTS)
def test_counts(edit):
    assert one(edited(SMALL, *edit)) != one(SMALL)


COUNTS_NOT = {
    "a function that is not used": ("layers.py", "return x + 1", "return x + 2"),
    "a comment": ("layers.py", "# as it is", "# unchanged"),
    "a docstring": ("layers.py", '"""Doubles."""', '"""Twice."""'),
    "layout": ("layers.py", "def unused", "\n\ndef renamed"),
    "hints": ("layers.py", "x: int, times: int = SCALE) -> int", "x: float, times = SCALE) -> float"),
    "an import for hints": ("methods/one.py", "    from ..layers import unused", "    from ..layers import helper"),
    "a hint that can be called": ("methods/one.py", 'cast("float", x)', "x"),
    "an error": ("layers.py", "raise ValueError(complaint(x))", "raise TypeError"),
    "what only writes an error": ("layers.py", "is negative", "must not be negative"),
    "presets": ("methods/one.py", '{"smoke": 1}', '{"smoke": 2}'),
    "a printed name": ("methods/one.py", 'TITLE = "One"', 'TITLE = "Two"'),
    "a hint of a constant": ("methods/one.py", "VARIANTS: ClassVar[tuple] =", "VARIANTS ="),
    "text of a progress bar": ("methods/one.py", "halfway", "half of it"),
    "a method that is not called": ("layers.py", "return 8", "return 9"),
    "one of a base": ("base.py", "return 80", "return 81"),
    "another table": ("steps.py", '"none": 0.0', '"none": 0.1'),
    "another function of a module": ("moved.py", "x * 12", "x * 13"),
    "a file that is not named": ("tables/page.html", "<p>", "<b>"),
    "another method": ("methods/two.py", "x + 13", "x + 14"),
    "a local name": ("methods/one.py", "[unused for unused in x]", "[unused for unused in (x)]"),
    "an alias": (
        "methods/one.py",
        "from ..layers import KINDS, used as double",
        "from ..layers import used as double, KINDS",
    ),
}


@pytest.mark.parametrize("edit", COUNTS_NOT.values(), ids=COUNTS_NOT)
def test_does_not_count(edit):
    assert one(edited(SMALL, *edit)) == one(SMALL)


def test_the_same_code_elsewhere_is_the_same():
    """What ``used`` calls moves to another module, under another name."""
    helper = "def helper(x):\n    return x  # as it is\n"
    away = edited(SMALL, "layers.py", helper, "from .lazy import assist as helper\n")
    away["lazy.py"] += helper.replace("helper", "assist").encode()
    assert one(away) == one(SMALL)


def test_two_functions_of_one_name_are_two():
    """Their names do not count, but which of them is called does."""
    swapped = edited(SMALL, "moved.py", "x * 11", "x * 0")
    swapped = edited(edited(swapped, "moved.py", "x * 12", "x * 11"), "moved.py", "x * 0", "x * 12")
    assert one(swapped) != one(SMALL)


@pytest.mark.parametrize("place", ["layers:nothing", "nothing:used", "methods.one:Two"])
def test_a_root_must_be_there(place):
    with pytest.raises(LookupError, match=f"no (module )?{place.partition(':')[0]}"):
        digest_of_places(SMALL, place)


# The library: a line of a function changes, and the digests of the methods it serves change with it

ROOTS = ("construct", "read_dataset", "Run.load_weights", "_train", "_solve beside fit", "encode")  # and the method

# Function -> method whose digest changes, and one whose digest does not. Of several with one name, the right one
# stands beside another, in the same file.
ON_THE_WAY = """
read_dataset                            ConMH
_read_set beside read_dataset           ConMH
ReleasedSource.open                     ConMH
VideoSource.open                        ITQ
VideoRows._read                         ConMH
middles                                 ITQ
arrange                                 ConMH
classes_of                              ITQ
read_labels                             ConMH
_read_labels                            ITQ
_by_video                               ITQ
_read_extras                            AutoSSVH
_read_ids                               ConMH
part_of                                 ConMH
same_parts                              ITQ
StoredRows.__init__                     ConMH
LazyRows.__getitem__                    ConMH
StoredRows.__getstate__                 ITQ
LazyRows.unchecked                      ITQ
LazyRows._check_finite                  ConMH
StoredRows._fill                        S5VH
StoredRows._open                        ITQ
open_hdf5                               ITQ
_fill_from                              ConMH
_within_float32                         ConMH
VideoFeatures.__post_init__             ConMH
VideoFeatures.__len__                   ITQ
VideoFeatures.nbytes                    ConMH
VideoFeatures.held                      ConMH
VideoFeatures.read                      ConMH
VideoFeatures.read                      ITQ
VideoFeatures.batches                   ITQ
VideoFeatures.in_memory                 ConMH
Dataset.__post_init__                   LSH
sizes                                   ConMH
draw_order                              ConMH
_blocks beside draw_order               S5VH
read_batches                            ConMH
_gather                                 ConMH
in_background                           AutoSSVH
construct                               LSH
_solve beside fit                       ITQ
_train                                  ConMH
_set_learning_rate                      BTH
_resume                                 S5VH
_save beside fit                        S5VH
_epoch                                  S5VH
_pass                                   ConMH
_step beside fit                        ConMH
_check_finite beside fit                ConMH
_batches beside fit                     ConMH
epoch_seed                              ConMH
Run.load_weights                        ITQ
Run.load_state                          ConMH
Run._save_weights                       ConMH
encode                                  ITQ
apply_in_batches                        ConMH
Codes.from_values                       ITQ
_checked beside encode                  ConMH
sign_ste                                ConMH       ITQ
_SignSTE.forward                        ConMH       ITQ
_SignSTE.backward                       S5VH        ITQ
HashLayer.forward                       ConMH       ITQ
sinusoidal_positions                    ConMH       ITQ
Attention.forward                       ConMH       MCMSH
Attention._weights                      AutoSSVH    ITQ
Attention._project                      ConMH       ITQ
Attention.weights                       AutoSSVH    ConMH
Block.__init__                          ConMH       ITQ
Block.forward                           AutoSSVH    SSTH
reverse_gradient                        AutoSSVH    ConMH
_ReverseGradient.backward               AutoSSVH    S5VH
xavier                                  ConMH       ITQ
frame_index                             ConMH       ITQ
take_frames                             ConMH       ITQ
put_frames                              ConMH       ITQ
MaskedAutoencoder.tokens                ConMH       BTH
MaskedAutoencoder.encode                ConMH       ITQ
MaskedAutoencoder.reconstruct_masked    S5VH        ITQ
MaskedAutoencoder.decode                ConMH       BerVAE
masked_reconstruction                   ConMH       ITQ
debiased_contrastive                    ConMH       ITQ
centre_alignment                        S5VH        ConMH
point_to_set                            AutoSSVH    ConMH
step_decay                              ConMH       S5VH
cosine                                  S5VH        ConMH
selective_scan                          S5VH        ConMH
selective_scan_loop                     S5VH        ConMH
_fastest_scan                           S5VH        AutoSSVH
_cuda_scan                              S5VH        AutoSSVH
_CompiledScan.forward                   S5VH        ConMH
_CompiledScan.backward                  S5VH        ConMH
Mamba.forward                           S5VH        ConMH
Mamba._initialise_steps                 S5VH        ConMH
Mamba._convolved                        S5VH        ConMH
scan_forward                            S5VH        ConMH
scan_backward                           S5VH        ConMH
_kernels                                S5VH        ConMH
_forward_block                          S5VH        ConMH
_step_back                              S5VH        ConMH
_laid_out beside scan_forward           S5VH        ConMH
selective_scan_triton                   S5VH        ConMH
_TritonScan.backward                    S5VH        ConMH
_scan_forward                           S5VH        ConMH
_laid_out beside selective_scan_triton  S5VH        ConMH
_options beside selective_scan_triton   S5VH        ConMH
_own                                    S5VH        ConMH
_backward beside selective_scan_triton  S5VH        ConMH
BidirectionalBlock.forward              S5VH        ConMH
Retention._decay_mask                   S5VH        AutoSSVH
_TimeMixing.forward                     S5VH        ConMH
wkv                                     S5VH        ConMH
hadamard_centres                        S5VH        ConMH
optimise_centres                        S5VH        ConMH
_best_flips                             S5VH        ConMH
semantic_target                         S5VH        AutoSSVH
mean_pooled                             ITQ         ConMH
principal_directions                    ITQ         ConMH
kmeans                                  AutoSSVH    ConMH
_lloyd                                  S5VH        ITQ
prototypes                              AutoSSVH    S5VH
random_pair                             ConMH       ITQ
independent_pair                        ConMH       S5VH
visible_count                           ConMH       ITQ
gumbel                                  AutoSSVH    ConMH
agreement                               AutoSSVH    ConMH
Sampler.forward                         AutoSSVH    ConMH
GradeNet.scores                         AutoSSVH    ConMH
AttMask.scores                          AutoSSVH    S5VH
AdaMAE.penalty                          AutoSSVH    S5VH
ADIOS.forward                           AutoSSVH    ConMH
ConMH.__init__                          ConMH       ITQ
ConMH.loss                              ConMH       ITQ
TrainedMethod.optimiser                 ConMH       ITQ
ConMH.learning_rate                     ConMH       AutoSSVH
S5VH.begin_epoch                        S5VH        ConMH
S5VH.soft_labels                        S5VH        ConMH
S5VH.decode                             S5VH        ConMH
AutoSSVH.loss                           AutoSSVH    ConMH
AutoSSVH._point_to_set                  AutoSSVH    ConMH
AutoSSVH.embed_training_set             AutoSSVH    S5VH
ITQ.solve                               ITQ         ConMH
LinearHash.encode                       ITQ         ConMH
LSH.solve                               LSH         ITQ
MedianHash.encode                       MFH         ITQ
PCASign.solve                           PCASign     ITQ
SpectralHashing.encode                  SpectralHashing  PCASign
lowest_modes                            SpectralHashing  ITQ
laplacian                               MFH         VHDT
fista                                   VHDT        MFH
Smooth.gradient                         VHDT        MFH
TeacherStudentHasher.student_loss       BTH         ConMH
TeacherStudentHasher.begin_epoch        DKPH        SSTH
BertEncoder.forward                     BTH         MCMSH
cloze                                   BTH         ConMH
anchor_graph                            BTH         ConMH
Neighbours.similar                      BTH         ConMH
DKPH.temporal_loss                      DKPH        BTH
draw_codes                              BerVAE      BTH
inject_gradient                         BerVAE      BTH
scene_contrast                          CHAIN       ConMH
disturb                                 CHAIN       BTH
quadruplet_loss                         MCMSH       BTH
GatingMLP.forward                       MCMSH       ConMH
long_weights                            MCMSH       SSVH
PeepholeLSTM._step                      SSTH        ITQ
ClippedMomentum.step                    SSTH        ConMH
StepNorm._update_statistics             SSVH        ConMH
neighbour_pairs                         SSVH        SSTH
Decoder.forward                         SSTH        SSVH
"""
ROWS = [[*re.split(r"  +", line), ""][:3] for line in ON_THE_WAY.strip().splitlines()]


@cache
def definitions():
    """Qualified name -> the files that define it, with the line after which a statement can be put, and its indent."""
    found = {}
    for path, content in SOURCES.items():
        top = ast.parse(content).body if path.endswith(".py") else []
        inner = [(f"{kind.name}.", node) for kind in top if isinstance(kind, ast.ClassDef) for node in kind.body]
        for prefix, node in [("", node) for node in top] + inner:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
                line = min([first.lineno, *(part.lineno for part in getattr(first, "decorator_list", []))])
                found.setdefault(prefix + node.name, {})[path] = line - 1, first.col_offset
    return found


def place_of(name):
    """The file, the line and the indent of a definition such as "_check beside fit"."""
    name, _, neighbour = name.partition(" beside ")
    places = definitions()[name]
    [path] = [path for path in places if not neighbour or path in definitions()[neighbour]]
    return path, *places[path]


def place_in_package(name):
    return f"{module_of(place_of(name)[0])}:{name.partition(' ')[0]}"


def digest(method, sources=SOURCES):
    return digest_of_places(sources, *map(place_in_package, (method, *ROOTS)))


@cache
def digest_as_it_is(method):
    return digest(method)


def with_a_line_more(function):
    path, line, indent = place_of(function)
    lines = SOURCES[path].decode().splitlines(keepends=True)
    return {**SOURCES, path: "".join([*lines[:line], " " * indent + "_of_a_test = 0\n", *lines[line:]]).encode()}


@pytest.mark.parametrize(("function", "method", "other"), ROWS, ids=[" ".join(row[:2]) for row in ROWS])
def test_a_changed_function_shows_in_the_methods_that_it_serves(function, method, other):
    sources = with_a_line_more(function)
    assert digest(method, sources) != digest_as_it_is(method)
    if other:
        assert digest(other, sources) == digest_as_it_is(other)


def test_the_table_is_long_and_knows_every_method():
    assert len({row[0] for row in ROWS}) >= 60
    named = [ast.parse(content).body for path, content in SOURCES.items() if re.fullmatch(r"methods/\w+\.py", path)]
    classes = [node for body in named for node in body if isinstance(node, ast.ClassDef)]
    methods = {kind.name for kind in classes if "TITLE" in ast.unparse(kind)}
    assert {row[1] for row in ROWS} == methods


def test_a_choice_of_values_shows_in_no_method():
    [path] = definitions()["ConMH"]
    assert digest("ConMH", edited(SOURCES, path, '"epochs": 40', '"epochs": 41')) == digest_as_it_is("ConMH")


# The same code in other places

MOVES = {
    "nn.layers": "parts.tensors",
    "nn.mamba": "parts.recurrence",
    "losses": "objectives",
    "data.loader": "reading",
    "data.features": "data.videos",
    "methods.conmh": "methods.contrastive",
    "nn.selective_scan_cuda": "kernels.gpu",
    "utils.files": "storage.disk",
}


def module_of(path):
    return path.removesuffix(".py").removesuffix("__init__").strip("/").replace("/", ".")


def moved(path):
    """The file of a module after the moves."""
    return f"{MOVES[module_of(path)].replace('.', '/')}.py" if module_of(path) in MOVES else path


def with_imports_rewritten(path, text):
    """A module with absolute imports from where things are after the moves."""
    lines, folder = text.splitlines(keepends=True), [*path.split("/")[:-1]]
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom) and node.level]
    for node in sorted(nodes, key=lambda node: node.lineno, reverse=True):
        origin = ".".join(filter(None, [*folder[: len(folder) - node.level + 1], node.module]))
        imports = "; ".join(rewritten(origin, alias) for alias in node.names)
        lines[node.lineno - 1 : node.end_lineno] = [" " * node.col_offset + imports + "\n"]
    return "".join(lines)


def rewritten(origin, alias):
    modules = {module_of(path) for path in SOURCES if path.endswith(".py")}
    inner = f"{origin}.{alias.name}".strip(".")
    whole = MOVES.get(inner, inner) if inner in modules else f"{MOVES.get(origin, origin)}.{alias.name}"
    home, _, name = f"ssvh_lib.{whole.strip('.')}".rpartition(".")
    return f"from {home} import {name} as {alias.asname or alias.name}"


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A copy of the package in which some modules have moved, and others have got other names."""
    package = tmp_path_factory.mktemp("elsewhere") / "ssvh_lib"
    for path, content in SOURCES.items():
        target = package / moved(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        code = path.endswith(".py")
        target.write_bytes(with_imports_rewritten(path, content.decode()).encode() if code else content)
    for folder in ("parts", "kernels", "storage"):
        (package / folder / "__init__.py").touch()
    return read_sources(package)


@pytest.mark.parametrize("method", ["ConMH", "S5VH", "AutoSSVH", "ITQ", "BTH", "SSVH"])
def test_modules_may_move_and_be_renamed(elsewhere, method):
    places = [place_in_package(root).partition(":") for root in (method, *ROOTS)]
    found = digest_of_places(elsewhere, *(f"{MOVES.get(module, module)}:{name}" for module, _, name in places))
    assert found == digest_as_it_is(method)


PYTHONS = ("3.11", "3.12", "3.13")
SCRIPT = """
import sys
from pathlib import Path
from ssvh_lib.utils.fingerprint import digest_of_places, read_sources
print(digest_of_places(read_sources(Path(sys.argv[1])), *sys.argv[2:]))
"""


def interpreters(version):
    """The interpreters of a version of Python on this machine; they need no packages."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [*sorted(pyenv.glob(f"{version}.*/bin/python")), *filter(None, [shutil.which(f"python{version}")])]
    return [sys.executable] if version == f"{sys.version_info.major}.{sys.version_info.minor}" else found


@pytest.mark.parametrize("version", PYTHONS)
def test_every_version_of_python_gives_the_same_digits(version):
    if not interpreters(version):
        pytest.skip(f"there is no Python {version}")
    names = [name for name, places in definitions().items() if len(places) == 1 and name != code_digest.__name__]
    every = [place_in_package(name) for name in names]
    command = [interpreters(version)[0], "-c", SCRIPT, PACKAGE, *every]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PACKAGE.parent, check=True)
    assert done.stdout.strip() == digest_of_places(SOURCES, *every)


# What the cache asks for


def collector(level, other=len):
    return lambda records: [level, other, records]


def test_values_inside_a_function_count():
    assert code_digest(collector(1)) == code_digest(collector(1))
    assert len({code_digest(collector(value)) for value in (1, 2, "1", read_sources, digest_of_places)}) == 5
    assert code_digest(partial(collector, 1)) != code_digest(partial(collector, 2))


@pytest.fixture
def changed(monkeypatch):
    """Let the package look as if a line had been added to a function."""

    def change(function):
        monkeypatch.setattr(fingerprint, "_package", lambda: with_a_line_more(function))
        loop._code.cache_clear()
        measures._code.cache_clear()

    yield change
    monkeypatch.undo()
    loop._code.cache_clear()
    measures._code.cache_clear()


@pytest.mark.parametrize(
    ("function", "shows"),
    [
        ("VideoFeatures.read", {"run", "metrics"}),
        ("ConMH.loss", {"run"}),
        ("encode", {"metrics"}),
        ("Codes.from_values", {"metrics"}),
        ("evaluate", {"metrics"}),
        ("_glyph", {"dataset"}),
        ("pretrain", {"dataset"}),
        ("digit_pools", {"dataset"}),
        ("code_digest", set()),
    ],
)
def test_runs_metrics_and_datasets_are_made_again_where_their_code_changed(changed, function, shows):
    def digests():
        method = method_class("conmh")
        code = measures._code(measures.measure, method)
        return {"run": loop._code(method), "metrics": code, "dataset": build.recipe(WORLDS["moving-digits"])}

    before = digests()
    changed(function)
    after = digests()
    assert {name for name in before if after[name] != before[name]} == shows


@pytest.mark.parametrize(
    ("function", "worlds"),
    [
        ("Scenes.render", {"moving-scenes", "needle", "order", "noisy-screen"}),
        ("OneGlyph.draw", {*WORLDS} - {"order"}),
        ("Order.draw", {"order"}),
        ("Stripes.render", {"moving-shapes"}),
        ("shape_pools", {"moving-shapes"}),
        ("Lesson.stills", {*WORLDS}),
        ("bilinear", {*WORLDS}),
    ],
)
def test_the_worlds_that_a_function_serves_are_built_again_where_it_changed(changed, function, worlds):
    before = {name: build.recipe(world) for name, world in WORLDS.items()}
    changed(function)
    assert {name for name, world in WORLDS.items() if build.recipe(world) != before[name]} == worlds
