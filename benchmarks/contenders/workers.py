"""Runs each contender in a separate process that receives requests through a pipe."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any

from timing import Clock, context, environment, thread_limits

from contenders.base import Contender, Entry, Lap
from hiddenstate.errors import HiddenstateError


def wanted(entries: Sequence[Entry], only: str) -> list[Entry]:
    """Return the entries that can run and whose name contains one of the words of `only`.

    Prints a line for each entry that cannot run.
    """
    chosen = []
    for entry in entries:
        if not any(word in entry.name for word in only.split(",")):
            continue
        missing = entry.missing()
        if missing:
            print(f"{entry.name}: skipped, {missing}")
        else:
            chosen.append(entry)
    return chosen


@contextlib.contextmanager
def working(entries: Sequence[Entry], threads: int) -> Iterator[dict[str, "Worker"]]:
    """Start a worker for each entry; print a line for each that fails."""
    workers = {}
    try:
        for entry in entries:
            try:
                workers[entry.name] = Worker(entry, threads)
            except LostError as error:
                print(f"{entry.name}: skipped, {error}")
        yield workers
    finally:
        for worker in workers.values():
            worker.close()


class LostError(Exception):
    """The contender could not be built, or its process died with a traceback on stderr."""


class Worker:
    """A contender in a new process, so that contenders do not disturb each other's threads.

    Parameters
    ----------
    entry : Entry
    threads : int
        Largest number of threads; 0 for the default of its library.
    options : dict
        Arguments of the class that override those of the entry.

    Attributes
    ----------
    build_seconds : float
        Seconds to build it, without imports.
    """

    def __init__(self, entry: Entry, threads: int, **options: Any) -> None:
        start: Any = context()
        self._pipe, theirs = start.Pipe()
        given = {**entry.options, **options, "threads": threads}
        self._process = start.Process(target=_serve, args=(theirs, entry, given), daemon=True)
        with environment(thread_limits(threads)):
            self._process.start()
        theirs.close()
        self._step = 0
        built = self._answer()
        if isinstance(built, str):
            raise LostError(built)
        self.build_seconds = float(built)

    def lap(self, size: int, every: int) -> Lap:
        """Run the next `size` steps, with an evaluation after every `every` steps."""
        first, self._step = self._step, self._step + size
        return Lap(*self._request("lap", first, size, every))

    def score(self) -> float:
        """Return the present score of the contender."""
        return float(self._request("score"))

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(OSError):  # it has ended
            self._pipe.send(None)
        self._pipe.close()
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.terminate()

    def _request(self, *request: Any) -> Any:
        self._pipe.send(request)
        return self._answer()

    def _answer(self) -> Any:
        try:
            return self._pipe.recv()
        except EOFError:
            raise LostError("ended early; its error is above") from None


def _serve(pipe: Connection, entry: Entry, options: dict[str, Any]) -> None:
    """Run the loop of the process: build, send the seconds it took, then answer requests."""
    kind = entry.load()
    kind.imports(options)
    began = time.perf_counter()
    try:
        contender = kind(**options)
    except HiddenstateError as error:
        pipe.send(str(error))
        return
    pipe.send(time.perf_counter() - began)
    while True:
        try:
            request = pipe.recv()
        except EOFError:
            return
        if request is None:
            return
        what, *details = request
        pipe.send(contender.score() if what == "score" else tuple(_lap(contender, *details)))


def _lap(contender: Contender, first: int, size: int, every: int) -> Lap:
    whole, train, look = Clock(), 0.0, 0.0
    loss = float("nan")
    with whole.running():
        for begin in range(first, first + size, every):
            began = time.perf_counter()
            loss = contender.train(begin, min(begin + every, first + size))
            trained = time.perf_counter()
            contender.evaluate()
            train, look = train + trained - began, look + time.perf_counter() - trained
    return Lap(train, look, whole.cpu / whole.wall, whole.others, loss)
