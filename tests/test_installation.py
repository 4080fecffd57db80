"""What is published, installed beside nothing but its dependencies and used outside the checkout."""

import ast
import os
import subprocess
import sys
import tarfile
import venv
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

import pytest
from distributions import ROOT, brought

import ssvh_lib

pytestmark = pytest.mark.slow
PACKAGE = Path(ssvh_lib.__file__).parent
IMPORT_ALL = """
import pkgutil, importlib, sys, ssvh_lib

def asked(module):
    try:
        importlib.import_module(module)
    except ssvh_lib.SSVHError as error:
        return str(error).rpartition("pip install ")[2]

found = pkgutil.walk_packages(ssvh_lib.__path__, "ssvh_lib.", onerror=lambda name: None)
print({asked(module.name) for module in found if not module.name.startswith(tuple(sys.argv[1:]))})
"""


def run(*words, **options):
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Folder of a source distribution and of the wheel that is built from it."""
    for backend in ("build", "hatchling"):
        pytest.importorskip(backend)
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def bare(built, tmp_path_factory):
    """Folder of an environment with the wheel and, of all packages here, only those that it asks for by itself."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for name in brought():
        there = distribution(name)
        for part in {file.parts[0] for file in there.files or () if ".." not in file.parts}:
            if not (site / part).is_symlink():
                (site / part).symlink_to(there.locate_file(part))
    (wheel,) = built.glob("*.whl")
    run(sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", "--no-index", "--no-deps", wheel)
    return folder


@pytest.fixture
def outside(tmp_path):
    """Options of a process that knows of no checkout, with folders of its own for data and runs."""
    own = {"SSVH_DATA": str(tmp_path / "data"), "SSVH_RUNS": str(tmp_path / "runs")}
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {"cwd": tmp_path, "env": kept | own}


def test_the_wheel_holds_the_whole_library(built):
    (wheel,) = built.glob("*.whl")
    assert wheel.name == f"ssvh_lib-{ssvh_lib.__version__}-py3-none-any.whl"
    with ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if name.startswith("ssvh_lib/")}
    files = {path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert held == {str(path.relative_to(ROOT)) for path in files}
    assert {"ssvh_lib/py.typed", "ssvh_lib/literature/numbers.csv"} <= held


def test_the_source_distribution_makes_the_same_wheel_as_the_checkout(built, tmp_path):
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path, ROOT, cwd=tmp_path)
    (direct,), (wheel,) = tmp_path.glob("*.whl"), built.glob("*.whl")
    assert direct.read_bytes() == wheel.read_bytes()


def test_the_source_distribution_leaves_out_what_needs_a_checkout(built):
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        top = {name.split("/")[1] for name in archive.getnames()}
    wanted = {"ssvh_lib", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff", "PKG-INFO"}
    assert top - {".gitignore"} == wanted


def test_every_module_can_be_imported_or_names_its_extra(bare, outside):
    """But for those that are made for one machine, and those that only ``course.site.build`` imports."""
    others = ["ssvh_lib.__main__", "ssvh_lib.nn.selective_scan_cuda", "ssvh_lib.course.site."]
    asked = run(bare / "bin" / "python", "-c", IMPORT_ALL, *others, **outside)
    assert ast.literal_eval(asked) == {None, '"ssvh-lib[inspector]"', '"ssvh-lib[plots]"'}


def test_the_command_trains_and_searches_and_names_what_is_missing(bare, outside, make_dataset):
    make_dataset(outside["cwd"] / "data" / "toy")

    def ssvh(line):
        return run(bare / "bin" / "ssvh", *line.split(), **outside)

    assert {line.split()[0] for line in ssvh("methods").splitlines()} == set(ssvh_lib.available())
    assert "12 videos x 4 frames x 8 values" in ssvh("data toy")
    for method in ("itq", "conmh"):
        assert "mAP@5" in ssvh(f"train {method} --dataset toy --bits 8 --out {method}")
    ssvh("index conmh --out toy.index")
    assert "Nearest to" in ssvh("search toy.index --query 0")
    refused = subprocess.run([bare / "bin" / "ssvh", "figures"], capture_output=True, text=True, **outside)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert 'pip install "ssvh-lib[plots]"' in refused.stderr


def test_tables_and_templates_come_with_the_package(bare, outside):
    script = "import ssvh_lib.literature as papers; print(papers.__file__, len(papers.numbers()))"
    assert run(bare / "bin" / "python", "-c", script, **outside).startswith(str(bare))
    assert list(bare.glob("lib/python*/site-packages/ssvh_lib/course/site/templates/*.css"))
