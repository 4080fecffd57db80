"""The command line as a user meets it: help without waiting, and a mistake is one message."""

import subprocess
import sys

import pytest

REPRODUCE = ["reproduce", "main", "--preset", "smoke", "--bits", "16", "--seeds", "2"]


def test_help_names_every_command(ssvh):
    text = ssvh("--help")
    assert all(word in text for word in "methods data extract train index search reproduce tables figures".split())


@pytest.mark.parametrize("command", ["extract", "index", "search", "data check"])
def test_help_of_a_command_says_what_it_does_without_loading_torch(command):
    script = f"import sys; from ssvh_lib.cli import app; sys.argv[1:] = {[*command.split(), '--help']}\n"
    script += "try: app()\nexcept SystemExit: print([m for m in ('torch', 'faiss', 'pandas') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "Usage" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "conhm"], "Did you mean 'conmh'"),
        (["train", "lsh", "--dataset", "moving-digit"], "Did you mean 'moving-digits'"),
        (["train", "lsh", "--dataset", "moving-digits-smoke", "--bits", "12"], "positive multiple of 8"),
        (["train", "lsh", "--dataset", "moving-digits-smoke", "--variant", "papers"], "no variant of lsh called"),
        (["train", "lsh", "--dataset", "moving-digits-smoke", "--preset", "tiny"], "no preset called 'tiny'"),
        (["train", "conmh", "--dataset", "moving-digits-smoke", "--set", "epochs"], "--set expects FIELD=VALUE"),
        (["train", "conmh", "--dataset", "moving-digits-smoke", "--set", "epochs=x"], "epochs of conmh must be int"),
        (["train", "conmh", "--dataset", "moving-digits-smoke", "--device", "gpu"], "device 'gpu' cannot be used"),
        ([*REPRODUCE, "--device", "gpu"], "device 'gpu' cannot be used"),
        (["data", "moving-digit"], "Did you mean 'moving-digits'"),
        (["data", "check", "moving-digit"], "Did you mean 'moving-digits'"),
        (["data", "halve", "moving-digit", "out"], "Did you mean 'moving-digits'"),
        (["extract", "--videos", "nowhere", "--out", "out"], "There is no folder nowhere"),
        (["index", "nowhere", "--out", "my.index"], "nowhere holds no finished run"),
        (["index", "nowhere", "--out", "my.index", "--kind", "tree"], "no kind of index called 'tree'"),
        (["search", "my.index", "--query", "0"], "There is no file my.index. `ssvh index RUN --out my.index`"),
        (["search", "my.index"], "either --video FILE or --query NUMBER"),
        (["search", "my.index", "--query", "0", "--video", "a.mp4"], "either --video FILE or --query NUMBER"),
        (["tables", "--out", "nowhere"], "nowhere/data has no records. `make reproduce` makes them"),
        (["figures", "--out", "nowhere"], "nowhere/data has no records. `make reproduce` makes them"),
        (["reproduce", "system"], "Did you mean 'systems'"),
        (["reproduce", "A9"], "A9 cannot be made: nothing to run"),
        pytest.param(
            ["reproduce", "C2", "--preset", "smoke", "--scheduler", "tcp://127.0.0.1:1"],
            "No Dask scheduler answers",
            marks=pytest.mark.slow,  # it is given time to answer
        ),
        (["notebooks", "99_none.ipynb"], "There is no notebook 99_none.ipynb"),
    ],
)
def test_a_mistake_is_one_message_without_traceback_and_leaves_nothing(ssvh, tmp_path, words, message):
    text = ssvh(*words, code=1)
    assert message in text
    assert "Traceback" not in text
    assert list(tmp_path.rglob("config.json")) == []
