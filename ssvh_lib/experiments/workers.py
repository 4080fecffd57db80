"""Workers that carry out tasks side by side: processes of this machine, or those of a Dask cluster.

Both have a ``size``, the number of tasks at a time, and ``results(task, items)``, pairs of an item and what the task
returned for it, in the order of completion. The tasks of a process run one after another, on one thread.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from uuid import uuid4

import joblib
import torch
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from ..errors import SSVHError
from ..utils.extras import requires_extra
from ..utils.files import make_folder

if TYPE_CHECKING:
    from distributed import Client, Future

PATIENCE = 10  # seconds for a scheduler, and then for its first worker, to answer

Item = TypeVar("Item")
Result = TypeVar("Result")
_one_at_a_time = threading.Lock()


class Lost(Exception):
    """The outcome of an item whose workers died again and again."""


Outcomes = Generator[tuple[Item, Result | Lost], None, None]


class Workers(Protocol):
    """Anything that carries out tasks."""

    @property
    def size(self) -> int:
        """Return the number of tasks at a time."""

    def results(self, task: Callable[[Item], Result], items: Sequence[Item]) -> Outcomes[Item, Result]:
        """Yield each item with what ``task`` returned for it, in the order of completion."""


@dataclass(frozen=True)
class Processes:
    """``size`` processes of this machine, with one thread each; a single one is this process, as it is.

    With several threads each they would compete for the cores and be 20 times slower.
    """

    size: int

    def results(self, task: Callable[[Item], Result], items: Sequence[Item]) -> Outcomes[Item, Result]:
        """Yield each item with what ``task`` returned for it, in the order of completion."""
        with joblib.parallel_config("loky", inner_max_num_threads=1):
            calls = (joblib.delayed(_call_in_process)(task, item, os.getpid()) for item in items)
            yield from joblib.Parallel(self.size, return_as="generator_unordered")(calls)


@dataclass(frozen=True)
class Cluster:
    """The workers of a Dask cluster, those that join while tasks are waiting included.

    If a worker dies, another one gets its task, at most as often as the scheduler's ``allowed-failures`` says (3).
    """

    client: Client

    @property
    def size(self) -> int:
        """Return the number of workers there are now."""
        return len(self.client.nthreads())

    def results(self, task: Callable[[Item], Result], items: Sequence[Item]) -> Outcomes[Item, Result]:
        """Yield each item with what ``task`` returned for it, in the order of completion.

        If the caller stops early, tasks that have not begun are cancelled; those in progress run to their end.
        """
        from distributed import as_completed

        futures = dict(
            zip(self.client.map(partial(_call_on_cluster, task), items, pure=False, key="run"), items, strict=True)
        )
        try:
            for future in as_completed(futures, loop=self.client.loop):
                yield futures[future], _outcome(future)
        finally:
            self.client.cancel(list(futures))

    def check(self, shared: Path, folders: Sequence[Path], question: Callable[[], object]) -> None:
        """Check that every worker can do the tasks; ``shared`` must be writable, and the same folder everywhere.

        Raises SSVHError if a worker does not see it or one of ``folders``, gives another answer to ``question`` than
        this process, does not have this library, or has several threads, in which tasks would disturb each other.
        """
        crowded = [address for address, threads in self.client.nthreads().items() if threads > 1]
        if crowded:
            raise SSVHError(
                f"The worker {crowded[0]} carries out several tasks at a time in one process, where runs would disturb "
                "each other. Start it with `dask worker ADDRESS --nworkers N --nthreads 1`."
            )
        token = make_folder(shared) / f".seen-{uuid4().hex}"
        token.touch()
        try:
            answers = self.client.run(_answer_on_worker, [token, *folders], question, on_error="return")
        finally:
            token.unlink(missing_ok=True)
        expected = question()
        for address, found in answers.items():
            _check_answer(address, found, {token: shared}, expected)


@contextmanager
def cluster(address: str) -> Iterator[Cluster]:
    """Connect to the Dask cluster whose scheduler is at ``address``; SSVHError if no worker of it can be reached."""
    with requires_extra("cluster", "A scheduler"):
        from distributed import Client
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise SSVHError(
            f"No Dask scheduler answers at '{address}' ({error}). Start one with `dask scheduler`, and give the "
            "address that it prints, such as tcp://host:8786."
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError as error:
            raise SSVHError(
                f"The Dask scheduler at {address} has no workers. Start some on each host with "
                f"`dask worker {address} --nworkers N --nthreads 1`."
            ) from error
        yield Cluster(client)


@contextmanager
def progress(total: int, done: Callable[[], float], unit: str) -> Iterator[tqdm]:
    """Show a bar that asks twice a second how much is ``done``, so that it moves while workers work.

    It ends full if nothing is raised.
    """
    stop = threading.Event()
    layout = "{percentage:3.0f}% |{bar:30}| {n:.0f}/{total:.0f} " + unit + ", {remaining} left"
    bar = tqdm(total=total, bar_format=layout)

    def follow() -> None:
        while not stop.wait(0.5):
            now = done()
            with bar.get_lock():
                bar.update(now - bar.n)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield bar
        bar.update(total - bar.n)
    finally:
        stop.set()
        thread.join()
        bar.close()


def _call_in_process(task: Callable[[Item], Result], item: Item, parent: int) -> tuple[Item, Result]:
    """Carry out a task in a process that ends with its parent."""
    if os.getpid() != parent:
        _start_exit_when_orphaned(parent)
    return item, task(item)


@cache
def _start_exit_when_orphaned(parent: int) -> None:
    """Start a thread beside the tasks of this process, once for all of them."""
    threading.Thread(target=_exit_when_orphaned, args=(parent,), daemon=True).start()


def _exit_when_orphaned(parent: int) -> None:
    """End this process once its parent has died, even by SIGKILL: another one may start the task again."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _call_on_cluster(task: Callable[[Item], Result], item: Item) -> Result:
    """Carry out a task in a worker of a cluster; one at a time, as torch's random state belongs to the process."""
    with _one_at_a_time, threadpool_limits(1):
        torch.set_num_threads(1)
        return task(item)


async def _answer_on_worker(paths: list[Path], question: Callable[[], object]) -> tuple[list[Path], object]:
    """Return the paths that this worker does not see and, if it sees all, its answer to the question.

    Meanwhile the worker goes on to answer its scheduler.
    """
    unseen = [path for path in paths if not path.exists()]
    return unseen, None if unseen else await asyncio.to_thread(question)


def _check_answer(
    address: str, found: tuple[list[Path], object] | Exception, names: dict[Path, Path], expected: object
) -> None:
    """Raise SSVHError if what ``_answer_on_worker`` returned or raised shows that a worker cannot do the tasks."""
    if isinstance(found, Exception):
        raise SSVHError(
            f"The worker {address} cannot begin: {type(found).__name__}: {found}. It needs the same versions of "
            "Python, of this library and of its data as this machine."
        ) from found
    unseen, answer = found
    if unseen:
        raise SSVHError(
            f"The worker {address} does not see {names.get(unseen[0], unseen[0])}. A cluster needs one file system "
            "for runs and data: set SSVH_RUNS and SSVH_DATA here to folders that have the same path on every host."
        )
    if answer != expected:
        raise SSVHError(
            f"The worker {address} has another version of this library, or of the data, than this machine, so its runs "
            "would differ. Install the same on every host, and start the workers again."
        )


def _outcome(future: Future) -> Any:
    if future.status == "finished":
        return future.result()
    error = future.exception() if future.status == "error" else "the connection to the scheduler was lost"
    return Lost(str(error))
