"""Contenders at work: each in a process of its own, built and asked through a pipe."""

import contextlib
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any

from timing import Clock, environment, thread_limits

from contenders.base import Contender, Entry, Lap
from hiddenstate.errors import HiddenstateError


def wanted(entries: Sequence[Entry], only: str) -> list[Entry]:
    """Entries whose name holds one of the words of `only`, and that can take part.

    A line is printed for each that cannot.
    """
    found = []
    for entry in entries:
        if not any(word in entry.name for word in only.split(",")):
            continue
        missing = entry.missing()
        if missing:
            print(f"{entry.name}: left out, {missing}")
        else:
            found.append(entry)
    return found


@contextlib.contextmanager
def working(entries: Sequence[Entry], threads: int) -> Iterator[dict[str, "Worker"]]:
    """Contenders built, each in its process; a line for each that cannot be."""
    workers = {}
    try:
        for entry in entries:
            try:
                workers[entry.name] = Worker(entry, threads)
            except LostError as error:
                print(f"{entry.name}: left out, {error}")
        yield workers
    finally:
        for worker in workers.values():
            worker.close()


class LostError(Exception):
    """A contender that could not be built, or whose process died with its trace on stderr."""


class Worker:
    """A contender in a fresh process of its own, so that none disturbs another's threads.

    Parameters
    ----------
    entry : Entry
    threads : int
        Most threads it may use; 0 leaves the choice to its library.
    options : dict
        Arguments of the class that stand in for the entry's.

    Attributes
    ----------
    build_seconds : float
        What making it took, imports left out.
    """

    def __init__(self, entry: Entry, threads: int, **options: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        given = {**entry.options, **options, "threads": threads}
        self._process = context.Process(target=_serve, args=(theirs, entry, given), daemon=True)
        with environment(thread_limits(threads)):
            self._process.start()
        theirs.close()
        self._step = 0
        built = self._answer()
        if isinstance(built, str):
            raise LostError(built)
        self.build_seconds = float(built)

    def lap(self, size: int, every: int) -> Lap:
        """Have the next `size` steps done, with a look after every `every` of them."""
        first, self._step = self._step, self._step + size
        return Lap(*self._ask("lap", first, size, every))

    def score(self) -> float:
        """The contender's score by now."""
        return float(self._ask("score"))

    def close(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.terminate()

    def _ask(self, *request: Any) -> Any:
        self._pipe.send(request)
        return self._answer()

    def _answer(self) -> Any:
        try:
            return self._pipe.recv()
        except EOFError:
            raise LostError("ended early; its error is above") from None


def _serve(pipe: Connection, entry: Entry, options: dict[str, Any]) -> None:
    """The worker's own loop: build, say how long it took, then do what is asked."""
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
            what, *details = pipe.recv()
        except EOFError:
            return
        pipe.send(contender.score() if what == "score" else tuple(_lap(contender, *details)))


def _lap(contender: Contender, first: int, size: int, every: int) -> Lap:
    whole, train, look = Clock(), 0.0, 0.0
    loss = float("nan")
    with whole.running():
        for begin in range(first, first + size, every):
            began = time.perf_counter()
            loss = contender.train(begin, min(begin + every, first + size))
            trained = time.perf_counter()
            contender.look()
            train, look = train + trained - began, look + time.perf_counter() - trained
    return Lap(train, look, whole.cpu / whole.wall, whole.others, loss)
