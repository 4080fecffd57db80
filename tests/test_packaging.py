"""The files a newcomer's first command depends on agree with one another."""

import re
import subprocess
import sys
from importlib.metadata import version

import pytest
import yaml
from distributions import EXTRAS, PROJECT, ROOT, declared, normal
from packaging.specifiers import SpecifierSet

import ssvh_lib
from ssvh_lib.data import EMBEDDED
from ssvh_lib.data.embedded.worlds import WORLDS

TOP_LEVEL = {
    "README.md", "environment.yml", "notebooks", "ssvh_lib", "figures", "tests", "Makefile",
    "pyproject.toml", "LICENSE", "CITATION.cff", "CHANGELOG.md", "CONTRIBUTING.md",
}  # fmt: skip
LOCK = {
    normal(name): pinned
    for name, pinned in re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / ".constraints.txt").read_text(), flags=re.M)
}
REQUIREMENTS = {normal(one.name): one for one in declared(*EXTRAS)}
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())


def test_the_lock_pins_every_dependency_and_extra():
    assert REQUIREMENTS.keys() - LOCK.keys() == set()
    assert LOCK["torch"] == "2.13.0"


def test_the_lock_has_nothing_of_one_platform_only():
    text = (ROOT / ".constraints.txt").read_text()
    assert not re.search(r"^[^#]*(\+cpu|nvidia-|file:|-e )", text, flags=re.M)


@pytest.mark.parametrize("name", sorted(REQUIREMENTS))
def test_pinned_and_installed_versions_are_in_the_declared_range(name):
    allowed = REQUIREMENTS[name].specifier
    assert allowed.contains(LOCK[name])
    assert allowed.contains(version(name), prereleases=True)


def test_all_has_every_extra_and_dev_what_the_tests_try():
    assert declared("all") == declared(*EXTRAS.keys() - {"all", "dev"})
    assert declared("dev") == declared(*EXTRAS)


def test_conda_installs_the_pinned_versions():
    *tools, packages = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    python = next(tool.partition("=")[2] for tool in tools if tool.startswith("python="))
    assert SpecifierSet(PROJECT["requires-python"]).contains(python)
    assert packages["pip"] == ["-c .constraints.txt", "-e .[dev]"]


def test_versions_agree():
    assert CITATION["version"] == ssvh_lib.__version__
    assert f"## {ssvh_lib.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_papers_are_at_one_address():
    cited = {paper["notes"]: paper.get("url") or f"https://doi.org/{paper['doi']}" for paper in CITATION["references"]}
    assert PROJECT["urls"] == cited


def test_the_workflow_tests_each_python_that_is_promised():
    tested = {job["python"] for job in WORKFLOW["jobs"]["make"]["strategy"]["matrix"]["include"]}
    promised = {line.rpartition(" ")[2] for line in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", line)}
    assert tested == promised
    assert all(SpecifierSet(PROJECT["requires-python"]).contains(python) for python in tested)


def test_the_workflow_makes_only_targets_that_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    assert {job["target"].split()[0] for job in WORKFLOW["jobs"]["make"]["strategy"]["matrix"]["include"]} <= targets


def test_top_level_is_what_was_agreed():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    top = {line.partition("/")[0] for line in listed.stdout.splitlines()}
    assert {name for name in top if not name.startswith(".")} == TOP_LEVEL


def test_make_alone_names_every_target_and_knob():
    text = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = "reproduce check test setup lab inspect notebooks site figures tables bench lint format clean env"
    for word in targets.split():
        assert re.search(rf"^  {word} ", text, flags=re.M), word
    for knob in "PYTHON DATASET PRESET TARGETS BITS SEEDS JOBS DEVICE SCHEDULER TESTS".split():
        assert re.search(rf"^  {knob} ", text, flags=re.M), knob


def test_make_refuses_an_old_python_by_name(tmp_path):
    old = tmp_path / "python2"
    old.write_text('#!/bin/sh\ncase "$*" in *version_info\\[*) echo 2.7.18;; *) exit 1;; esac\n')
    old.chmod(0o755)
    for name in ("Makefile", "pyproject.toml", ".constraints.txt"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    done = subprocess.run(["make", "setup", f"PYTHON={old}"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert "Python 3.11 or newer is needed" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_make_clean_deletes_what_can_be_made_again_and_nothing_else(tmp_path):
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    networks = {world.lesson.network for world in WORLDS.values()}
    made = [*(f"data/{name}" for name in (*EMBEDDED, *networks)), "site", "ssvh_lib/data/__pycache__"]
    ours = [
        "data/ucf101",
        "data/moving-pictures",
        "data/needle-work",
        "data/order-of-mine",
        "data/my-videos",
        "runs/ucf101",
        "figures/ucf101-paper",
        ".venv",
        "ssvh_lib/data",
        "notebooks",
    ]
    for folder in made + ours:
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "file").touch()
    (tmp_path / "tests").mkdir()
    subprocess.run(["make", "clean"], cwd=tmp_path, capture_output=True, check=True)
    assert [folder for folder in made if (tmp_path / folder).exists()] == []
    assert all((tmp_path / folder / "file").exists() for folder in ours)


def readme_snippets(kind: str) -> list[str]:
    text = (ROOT / "README.md").read_text()
    return re.findall(rf"```{kind}\n(.*?)```", text, flags=re.S)


@pytest.mark.slow
def test_readme_python_runs(smoke, tmp_path, monkeypatch):
    monkeypatch.setenv("SSVH_RUNS", str(tmp_path))
    snippets = readme_snippets("python")
    assert snippets
    for snippet in snippets:
        script = snippet.replace('"moving-digits"', '"moving-digits-smoke"')
        assert script != snippet
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
        assert done.returncode == 0, done.stderr


def test_readme_shows_the_committed_results():
    from ssvh_lib.experiments import results
    from ssvh_lib.report import tables

    table = tables.glance(results.load(ROOT / "figures" / "data" / "main.json"))
    assert tables.to_markdown(table).rstrip() in (ROOT / "README.md").read_text()


def test_readme_lists_the_extras():
    table = (ROOT / "README.md").read_text().partition("| extra | brings |")[2].partition("\n\n")[0]
    listed = re.findall(r"^\| (`[a-z`, ]+`) \|", table, flags=re.M)
    assert set(re.findall(r"[a-z]+", " ".join(listed))) == EXTRAS.keys()


def test_readme_names_only_make_targets_and_commands_that_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    text = (ROOT / "README.md").read_text() + (ROOT / "CONTRIBUTING.md").read_text()
    assert set(re.findall(r"`make ([a-z]+)", text)) - targets == set()
    from ssvh_lib.cli import app

    commands = {command.callback.__name__ for command in app.registered_commands}
    commands |= {group.name for group in app.registered_groups}
    assert set(re.findall(r"ssvh ([a-z]+)", text)) - commands - {"is", "as"} == set()
