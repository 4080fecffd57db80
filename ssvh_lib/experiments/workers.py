"""Who carries out tasks side by side: processes of this machine, or the workers of a Dask cluster.

Both have a ``size``, how many tasks go at a time, and ``results(task, items)``, pairs of an item and what the task
returned for it, as they come. The tasks of a process go one after the other, on one thread.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
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
    """What came of an item whose workers died again and again."""


class Workers(Protocol):
    """Whoever carries out tasks."""

    @property
    def size(self) -> int:
        """How many tasks go at a time."""

    def results(self, task: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[tuple[Item, Result | Lost]]:
        """Each item with what ``task`` returned for it, in the order of completion."""


@dataclass(frozen=True)
class Processes:
    """So many processes of this machine, with one thread each; if one, this process, as it is.

    Several threads in each would fight over the cores and be 20 times slower.
    """

    size: int

    def results(self, task: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[tuple[Item, Result | Lost]]:
        """Each item with what ``task`` returned for it, in the order of completion."""
        with joblib.parallel_config("loky", inner_max_num_threads=1):
            calls = (joblib.delayed(_beside)(task, item, os.getpid()) for item in items)
            yield from joblib.Parallel(self.size, return_as="generator_unordered")(calls)


@dataclass(frozen=True)
class Cluster:
    """The workers of a Dask cluster; also those that come while tasks are waiting.

    The task of a worker that dies goes to another one, up to as often as the scheduler's ``allowed-failures`` says (3).
    """

    client: Client

    @property
    def size(self) -> int:
        """How many workers there are now."""
        return len(self.client.nthreads())

    def results(self, task: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[tuple[Item, Result | Lost]]:
        """Each item with what ``task`` returned for it, in the order of completion.

        Where this is left early, what has not begun is cancelled; what workers are at goes on to its end.
        """
        from distributed import as_completed

        futures = dict(zip(self.client.map(partial(_there, task), items, pure=False, key="run"), items, strict=True))
        try:
            for future in as_completed(futures, loop=self.client.loop):
                yield futures[future], _outcome(future)
        finally:
            self.client.cancel(list(futures))

    def check(self, shared: Path, folders: Sequence[Path], question: Callable[[], Any]) -> None:
        """Have each worker look at the file system; ``shared`` must be the same folder everywhere, and be written.

        Raises SSVHError if a worker does not see it or one of ``folders``, answers the question otherwise than this
        process, does not have this library, or has several threads, in which tasks would disturb each other.
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
            answers = self.client.run(_look, [token, *folders], question, on_error="return")
        finally:
            token.unlink(missing_ok=True)
        expected = question()
        for address, found in answers.items():
            _compare(address, found, {token: shared}, expected)


@contextmanager
def cluster(address: str) -> Iterator[Cluster]:
    """The Dask cluster whose scheduler is at ``address``; SSVHError if it or its workers cannot be reached."""
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
    """A bar that asks twice a second how much is done, so that it moves while others work; full if all went well."""
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
        bar.update(bar.total - bar.n)
    finally:
        stop.set()
        thread.join()
        bar.close()


def _beside(task: Callable[[Item], Result], item: Item, parent: int) -> tuple[Item, Result]:
    """Carry out a task in a process that ends with the one that wants it."""
    if os.getpid() != parent:
        _watch(parent)
    return item, task(item)


@cache
def _watch(parent: int) -> None:
    """Start ``_end_with`` beside the tasks of this worker, once for all of them."""
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process when the one that started it has died, even by SIGKILL: a new one may start the task again."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _there(task: Callable[[Item], Result], item: Item) -> Result:
    """Carry out a task in a worker of a cluster; one at a time, as torch's random state belongs to the process."""
    with _one_at_a_time, threadpool_limits(1):
        torch.set_num_threads(1)
        return task(item)


async def _look(paths: list[Path], question: Callable[[], Any]) -> tuple[list[Path], Any]:
    """Which paths a worker does not see, and its answer, if it sees all; the worker goes on to answer its scheduler."""
    unseen = [path for path in paths if not path.exists()]
    return unseen, None if unseen else await asyncio.to_thread(question)


def _compare(address: str, found: tuple[list[Path], Any] | Exception, names: dict[Path, Path], expected: Any) -> None:
    """SSVHError if a worker cannot do what is wanted of it."""
    if isinstance(found, Exception):
        raise SSVHError(
            f"The worker {address} cannot begin: {type(found).__name__}: {found}. It needs the same versions of "
            "Python, of this library and of its data as here."
        ) from found
    unseen, answer = found
    if unseen:
        raise SSVHError(
            f"The worker {address} does not see {names.get(unseen[0], unseen[0])}. A cluster needs one file system "
            "for runs and data: set SSVH_RUNS and SSVH_DATA here to folders that have the same path on every host."
        )
    if answer != expected:
        raise SSVHError(
            f"The worker {address} has another version of this library, or of the data, than there is here: what it "
            "makes would be another run. Install the same on every host, and start the workers again."
        )


def _outcome(future: Future) -> Any:
    if future.status == "finished":
        return future.result()
    error = future.exception() if future.status == "error" else "the connection to the scheduler was lost"
    return Lost(str(error))
