"""The command as a user meets it, in a folder of its own."""

import pytest
from typer.testing import CliRunner

from ssvh_lib.cli import app


@pytest.fixture
def ssvh(tmp_path, monkeypatch, smoke):
    monkeypatch.setenv("SSVH_RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)

    def run(*words, code=0):
        result = CliRunner().invoke(app, [str(word) for word in words])
        assert result.exit_code == code, result.output
        return result.output

    return run
