"""The inspector in a browser, without a notebook: a Voilà server for this machine's user alone."""

from __future__ import annotations

import logging
import secrets
import signal
import socket
import tempfile
import webbrowser
from collections.abc import Awaitable, Callable
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from ..data import load_dataset
from ..errors import SSVHError
from ..utils.extras import requires_extra
from ..utils.files import data_root, runs_root
from .subject import Subject, subjects

if TYPE_CHECKING:
    import nbformat
    from ipywidgets import DOMWidget
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_server.auth.identity import User
    from traitlets.config import Application

HOST = "127.0.0.1"
IDLE = 900  # seconds after which a kernel ends that no page is connected to
# What the page may load: itself and pictures inside it. Voilà's template links a font on another host, which no part
# of this page uses; its own loader needs inline scripts and eval.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    f"img-src 'self' data:; font-src 'self' data:; connect-src 'self' ws://{HOST}:*; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'"
)


def serve(
    run: str | Path | None = None,
    dataset: str = "moving-digits",
    *,
    root: str | Path | None = None,
    browser: bool = True,
    say: Callable[[str], object] = print,
) -> None:
    """Open the inspector in the browser and stay until Ctrl-C; ``say`` gets its address.

    By default it shows the first of ``subjects`` on ``dataset``; a ``run`` names its own dataset. The server
    listens on the loopback address only, on a free port, and answers only those who know its token, which is new
    each time. A page has a kernel that does nothing but move its widgets. Raises SSVHError before anything is started
    if there is no such run, or if its dataset is not there.
    """
    with requires_extra("inspector", "The inspector"):
        import nbformat
        import voila  # noqa: F401 - its server starts below

    subject, base = open_subject(run, dataset, root), Path(root or data_root()).resolve()
    token = secrets.token_urlsafe(32)
    with tempfile.TemporaryDirectory(prefix="ssvh-inspector-") as folder:  # which only this user can read
        page = Path(folder) / "inspector.ipynb"
        nbformat.write(_notebook(subject.run.folder.resolve(), base), page)
        server = _server(page, token, lambda port: _announce(port, token, Path(folder), browser, say))
        server.initialize([])
        logging.getLogger("tornado").setLevel("ERROR")  # who was refused is of no interest to a single user
        before = signal.getsignal(signal.SIGINT)
        try:
            server.start()  # until Ctrl-C or SIGTERM
        finally:
            signal.signal(signal.SIGINT, before)
    say("The inspector is closed.")


def open_subject(run: str | Path | None, dataset: str, root: str | Path | None = None) -> Subject:
    """Open the run that is asked for, or the first of ``subjects`` on ``dataset``; SSVHError if there is none."""
    if run is not None:
        return Subject.open(run, root=root)
    loaded = load_dataset(dataset, root, progress=True)
    there = subjects(runs_root() / loaded.name, loaded)
    if not there:
        raise SSVHError(
            f"{runs_root() / loaded.name} holds no finished run with a Grade-Net on {loaded.name} as it is now. Train "
            f"one: ssvh train autossvh --dataset {dataset}; or several that keep every epoch: ssvh reproduce A7. Or "
            "name the folder of one: ssvh inspect --run FOLDER."
        )
    return Subject.open(there[0], loaded)


def show(run: str, root: str) -> DOMWidget:
    """Return the inspector's widget, in the kernel of a page."""
    from .widget import Inspector

    subject = Subject.open(run, root=root)
    Thread(target=subject.encode_ahead, daemon=True).start()
    return Inspector(subject).widget


def _server(page: Path, token: str, ready: Callable[[int], None]) -> Application:
    """Make a server of one page that calls ``ready`` with its port as soon as it listens."""
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_server.auth.identity import IdentityProvider
    from tornado.ioloop import IOLoop
    from tornado.web import HTTPError, RequestHandler
    from traitlets.config import Config
    from voila.app import Voila

    class OwnKernel(KernelSpecManager):
        """This Python, whatever is installed under the same name elsewhere; it logs errors only."""

        kernel_dirs = []  # noqa: RUF012 - a constant

        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            spec = super().get_kernel_spec(kernel_name)
            spec.argv.append("--log-level=ERROR")
            return spec

    class TokenOnly(IdentityProvider):
        """Without the token the answer is 403: there is no form to try others in."""

        login_available = False

        async def get_user(self, handler: RequestHandler) -> User:
            found = super().get_user(handler)
            user = await found if isinstance(found, Awaitable) else found
            if user is None:
                handler.current_user = None  # for the page that says 403
                raise HTTPError(403)
            return user

    class Server(Voila):
        """A server that opens the browser with the token, and obeys Ctrl-C whatever it is doing."""

        def launch_browser(self) -> None:
            loop = IOLoop.current()  # a KeyboardInterrupt raised in a callback from C would be lost
            signal.signal(signal.SIGINT, lambda *_: loop.add_callback_from_signal(loop.stop))
            ready(self.port)

    asked = {"allow_theme_override": "NO", "allow_template_override": "NO", "kernel_spec_manager_class": OwnKernel}
    culling = {"cull_idle_timeout": IDLE, "cull_interval": 60}
    return Server(
        notebook_path=str(page),
        ip=HOST,
        port=_free_port(),
        port_retries=0,
        token=token,
        identity_provider_class=TokenOnly,
        config_file_paths=[],  # nothing from the working folder
        tornado_settings={"allow_remote_access": False, "headers": {"Content-Security-Policy": POLICY}},
        config=Config({"VoilaConfiguration": asked, "MappingKernelManager": culling}),
        log_level="ERROR",
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def _announce(port: int, token: str, folder: Path, browser: bool, say: Callable[[str], object]) -> None:
    """Announce the address, and open it through a file, so that no list of processes shows the token."""
    address = f"http://{HOST}:{port}/?token={token}"
    say(f"The inspector is at {address}\nIt is for you and this machine only. Ctrl-C closes it.")
    if browser:
        jump = folder / "open.html"
        jump.write_text(f'<meta http-equiv="refresh" content="0; url={address}">', encoding="utf-8")
        webbrowser.open(jump.as_uri())


def _notebook(run: Path, root: Path) -> nbformat.NotebookNode:
    """Make a notebook of one cell that shows the widget; the library is found where it lies, installed or not."""
    import nbformat

    lines = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).resolve().parents[2])!r})",
        "from ssvh_lib.inspector.serve import show",
        f"show({str(run)!r}, {str(root)!r})",
    )
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cell = nbformat.v4.new_code_cell("\n".join(lines))
    return nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel, "title": "Grade-Net inspector"})
