"""What an extra brings is asked for by name, once, by every command that needs it and by no other."""

import json
import re
import subprocess
import sys

import pytest
from distributions import EXTRAS, brought, modules_of
from video_samples import write_backbone, write_video

import ssvh_lib as ssvh
from ssvh_lib.search.searcher import index_run
from ssvh_lib.utils.extras import requires_extra

OPTIONAL = sorted(EXTRAS.keys() - {"all", "dev"})
REPRODUCE = "reproduce main --dataset moving-digits-smoke --preset smoke --bits 16 --seeds 1 --out figures"
COMMANDS = [
    ("plots", "figures --out figures"),
    ("plots", "tables --out figures"),
    ("plots", REPRODUCE),
    ("plots", "data describe moving-digits-smoke --figure statistics.svg"),
    ("inspector", "inspect --dataset moving-digits-smoke --no-browser"),
    ("course", "notebooks"),
    ("course", "site --out site"),
    ("video", "extract --videos videos --backbone backbone --out dataset"),
    ("cluster", f"{REPRODUCE} --scheduler tcp://127.0.0.1:1"),
]
SCRIPT = """
import json, sys
from typer.testing import CliRunner

absent, commands = json.loads(sys.argv[1])
sys.modules.update(dict.fromkeys(absent))
from ssvh_lib.cli import app

done = [CliRunner().invoke(app, words.split()) for words in commands]
print(json.dumps([(one.exit_code, one.output) for one in done]))
"""


@pytest.fixture(scope="module")
def folder(smoke, tmp_path_factory):
    """A folder with an index of moving-digits-smoke, and two videos with a backbone that could describe them."""
    folder = tmp_path_factory.mktemp("extras")
    run = ssvh.fit(ssvh.build("lsh", dataset=smoke, bits=16), smoke, folder / "run", seed=0)
    index_run(run.folder).save(folder / "digits.index")
    for name in "ab":
        write_video(folder / "videos" / "cat" / f"{name}.mp4", 5)
    write_backbone(folder / "backbone")
    return folder


def without(absent, commands, folder):
    """Exit status and output of commands in one process in which some modules cannot be imported."""
    given = json.dumps([sorted(absent), commands])
    done = subprocess.run([sys.executable, "-c", SCRIPT, given], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("extra", OPTIONAL)
def test_a_command_without_its_extra_is_one_message_before_anything_is_done(extra, folder, tree):
    """Every extra that does not include this one is there, so that no other can be what is missing."""
    others = [other for other in OPTIONAL if brought(extra) - brought(other)]
    absent = modules_of(brought(extra) - brought(*others))
    commands = [words for name, words in COMMANDS if name == extra]
    before = tree(folder)
    for words, (status, output) in zip(commands, without(absent, commands, folder), strict=True):
        assert status == 1, words
        expected = rf'needs the package (\w+), which is not installed: pip install "ssvh-lib\[{extra}]"'
        assert (missing := re.search(expected, output)), (words, output)
        assert missing[1] in absent
        assert output.count("Error") == 1
    assert tree(folder) == before


@pytest.mark.slow
def test_a_page_with_pictures_needs_one_of_the_extras_that_bring_pillow(folder):
    """A page is asked for after the search, so that what was found is printed nevertheless."""
    words = "search digits.index --query 0 --html found.html"
    [(status, output)] = without(modules_of(brought(*OPTIONAL) - brought()), [words], folder)
    assert status == 1
    assert "A page with pictures needs the package PIL" in output
    assert not (folder / "found.html").exists()


@pytest.mark.slow
def test_core_commands_need_no_extra(folder):
    absent = modules_of(brought(*OPTIONAL) - brought())
    commands = [
        "methods",
        "data moving-digits-smoke",
        "train itq --dataset moving-digits-smoke --bits 16 --out itq",
        "train conmh --dataset moving-digits-smoke --preset smoke --bits 16 --out conmh",
        "index itq --out itq.index",
        "search itq.index --query 0",
        "bench no-such-topic",
    ]
    *done, (status, output) = without(absent, commands, folder)
    assert [words for words, (status, _) in zip(commands, done, strict=False) if status] == []
    assert status == 1
    assert "There is no benchmark called 'no-such-topic'" in output


def test_what_is_missing_is_named_with_its_purpose(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ssvh.SSVHError) as caught, requires_extra("plots", "Drawing figures"):
        import matplotlib.pyplot  # noqa: F401
    assert str(caught.value) == (
        'Drawing figures needs the package matplotlib, which is not installed: pip install "ssvh-lib[plots]"'
    )


def test_what_is_there_but_does_not_fit_says_why():
    reason = RuntimeError("operator torchvision::nms does not exist")
    expected = r"An image model fails.*operator torchvision::nms.*pip install \"ssvh-lib\[video]\" --upgrade"
    with pytest.raises(ssvh.SSVHError, match=expected), requires_extra("video", "An image model"):
        raise ImportError("Could not import module 'AutoModel'") from reason


def test_a_mistake_in_the_library_is_not_called_a_missing_package():
    with pytest.raises(ImportError, match="no_such_module"), requires_extra("plots", "Drawing figures"):
        import ssvh_lib.no_such_module  # noqa: F401
