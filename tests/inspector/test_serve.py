"""The inspector as a page: who may open it, what is served, and how it ends."""

import os
import re
import select
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import ssvh_lib as ssvh
from ssvh_lib.inspector.serve import open_subject

pytestmark = pytest.mark.slow  # each test starts a server

ROOT = Path(ssvh.__file__).resolve().parents[1]


def test_without_a_run_the_command_that_makes_one_is_named(smoke, tmp_path, monkeypatch):
    monkeypatch.setenv("SSVH_RUNS", str(tmp_path))
    with pytest.raises(ssvh.SSVHError, match="ssvh train autossvh --dataset moving-digits-smoke"):
        open_subject(None, "moving-digits-smoke")


def ask(address, headers=None):
    """Status and text of an answer; redirects are not followed."""
    opener = urllib.request.build_opener(NoRedirect)
    try:
        with opener.open(urllib.request.Request(address, headers=headers or {}), timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


SERVE = """
import sys
from ssvh_lib.inspector import serve
serve(sys.argv[1], browser=False, say=lambda text: print(text, flush=True))
"""


@pytest.fixture(scope="module")
def server(runs):
    """The address of a served inspector, with its token apart, and the process."""
    command = [sys.executable, "-c", SERVE, str(runs["grade-net"].folder)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as process:
        ready, _, _ = select.select([process.stdout], [], [], 120)
        line = process.stdout.readline() if ready else ""
        match = re.search(r"(http://127\.0\.0\.1:(\d+)/)\?token=(\S+)", line)
        assert match, "the server did not start"
        yield *match.groups(), process
        process.terminate()


def test_a_page_shows_the_widget_to_who_knows_the_token(server):
    address, _, token, _ = server
    assert [ask(address)[0], ask(f"{address}?token=wrong")[0]] == [403, 403]
    status, page = ask(f"{address}?token={token}")
    assert status == 200
    assert "application/vnd.jupyter.widget-view+json" in page
    assert "Traceback" not in page


def test_nothing_else_is_served(server):
    address, _, token, _ = server
    known = ("api/kernels", "api/contents", "api/terminals", "api/sessions", "terminals/1", "tree", "lab", "login")
    for path in (*known, "voila/files/inspector.ipynb", "voila/files/open.html", "voila/tree"):
        assert ask(f"{address}{path}?token={token}")[0] in (302, 403, 404), path
    assert ask(f"{address}?token={token}", {"Host": "example.org"})[0] == 403


def test_it_listens_on_the_loopback_address_only(server):
    _, port, _, _ = server
    tables = [Path("/proc/net/tcp"), Path("/proc/net/tcp6")]
    if not tables[0].is_file():
        pytest.skip("which sockets listen is read from /proc, which is not there")
    lines = [line.split() for table in tables if table.is_file() for line in table.read_text().splitlines()[1:]]
    mine = [words[1] for words in lines if words[3] == "0A" and int(words[1].split(":")[1], 16) == int(port)]
    assert mine == [f"0100007F:{int(port):04X}"]


def test_it_stops_on_interrupt(server):  # the last one with this server
    _, _, _, process = server
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 0
    assert process.stdout.read().strip().endswith("The inspector is closed.")


def test_a_mistake_is_told_before_a_server_starts(tmp_path):
    from ssvh_lib.inspector import serve

    with pytest.raises(ssvh.SSVHError, match="no finished run"):
        serve(tmp_path, browser=False)
