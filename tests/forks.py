"""Runs tests in forks of the process that collected them: `python -m pytest -p tests.forks`.

What tests import, and their collection, is then paid once, and not by each worker. Each fork has a
share of the tests, in their order, so that it makes what they share once, after some of the files
that take longest; one that has none left takes about half of the longest share. With --pdb or
--trace, all run in one process.
"""

import atexit
import faulthandler
import multiprocessing
import os
import signal
import sys
import threading
import traceback
import warnings
from bisect import bisect
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import accumulate, chain, islice
from multiprocessing import connection, util
from pathlib import Path
from typing import Any

import pytest

from tests import warm

CONTEXT = multiprocessing.get_context("fork")
MANY = 1000
"""Of so many tests, some start programs."""

LONGEST = (
    *("scale/track/test_mlflow.py", "faults/test_machine.py", "faults/test_names.py"),
    *("scale/test_postgres.py", "benchmarks/test_scripts.py", "docs/test_examples.py"),
    *("docs/test_streamable_page.py", "docs/test_serving.py", "studio/test_keyboard.py"),
)
"""Files of tests that run for long, most of them because they wait: begun last, one of them would
run when the others have ended."""


class Shares:
    """The numbers of the tests that each fork has left, from a first to an end.

    Parameters
    ----------
    sizes : sequence of int
        How many tests each fork has at first.
    begins : sequence of int, default ()
        The first test of each file, ascending: a share is divided between two files where it has
        several, so that what the tests of a file share is made once.

    Attributes
    ----------
    running : array
        The test that each fork has begun last; -1 before its first.
    """

    def __init__(self, sizes: Sequence[int], begins: Sequence[int] = ()) -> None:
        ends = [0, *accumulate(sizes)]
        self._begins = begins
        self._first: Any = CONTEXT.Array("l", ends[:-1])
        self._end: Any = CONTEXT.Array("l", ends[1:])
        self.running: Any = CONTEXT.Array("l", [-1] * len(sizes), lock=False)
        self._lock = CONTEXT.Lock()

    def of(self, fork: int) -> Iterator[int]:
        """Return the tests that a fork takes one by one."""
        while (number := self._next(fork)) is not None:
            yield number

    def _next(self, fork: int) -> int | None:
        first, end = self._first, self._end
        with self._lock:
            if first[fork] == end[fork]:
                longest = max(range(len(first)), key=lambda k: end[k] - first[k])
                half = self._middle(first[longest], end[longest])
                first[fork], end[fork], end[longest] = half, end[longest], half
            if first[fork] == end[fork]:
                return None
            first[fork] += 1
            return first[fork] - 1

    def _middle(self, first: int, end: int) -> int:
        """Return where to divide a share: at the file that begins nearest to its middle."""
        half = (first + end) // 2
        at = bisect(self._begins, half)
        near = [n for n in self._begins[max(at - 1, 0) : at + 1] if first < n < end]
        return min(near, key=lambda n: abs(n - half), default=half)

    def clear(self) -> None:
        """Leave none to be taken."""
        with self._lock:
            self._first[:] = self._end[:]


class Sender:
    """Sends what a fork finds to the process that started it, once for each test."""

    def __init__(self, config: pytest.Config, pipe: Any) -> None:
        self.config, self.pipe = config, pipe
        self.warns = False  # of what the process that started it has reported
        self._reports: list[Any] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        to_data = self.config.hook.pytest_report_to_serializable
        self._reports.append(to_data(config=self.config, report=report))
        if report.when == "teardown":
            self.pipe.send(("reports", self._reports))
            self._reports = []

    def pytest_warning_recorded(
        self, warning_message: warnings.WarningMessage, when: Any, nodeid: str, location: Any
    ) -> None:
        if not self.warns:
            return
        m = warning_message
        # Classes of tests cannot be sent.
        category = next(c for c in m.category.__mro__ if c.__module__ == "builtins")
        text = f"{m.category.__name__}: {m.message}" if category != m.category else str(m.message)
        self.pipe.send(("warning", text, category, m.filename, m.lineno, when, nodeid, location))


class Forks:
    """Forks that run tests, and what they send.

    Parameters
    ----------
    session : pytest.Session
    items : sequence of pytest.Item
        The tests.
    folders : sequence of Path
        The folder for temporary files of each fork; there are as many forks.
    """

    def __init__(
        self, session: pytest.Session, items: Sequence[pytest.Item], folders: Sequence[Path]
    ) -> None:
        self.session, self.finished = session, set[str]()
        parts = shared(items, len(folders))
        self.items = [item for part in parts for item in part]
        paths = [item.path for item in self.items]
        begins = [n for n, path in enumerate(paths) if not n or path != paths[n - 1]]
        self.shares = Shares([*map(len, parts)], begins)
        self._pids: dict[Any, int] = {}
        self._forks: dict[Any, int] = {}
        for fork, folder in enumerate(folders):
            mine, other = CONTEXT.Pipe(duplex=False)
            sys.stdout.flush()
            sys.stderr.flush()
            with warnings.catch_warnings():
                # Since Python 3.12, of threads of libraries, which expect a fork.
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
            if not pid:
                for pipe in (mine, *self._pids):
                    pipe.close()
                _work(session, self.items, self.shares, fork, other, folder)
            other.close()
            self._pids[mine], self._forks[mine] = pid, fork

    def follow(self) -> None:
        """Report what they send, until all have ended."""
        try:
            while self._pids:
                ready = connection.wait([*self._pids], timeout=1)
                for pipe in ready or self._ended():
                    self._read(pipe)
                if self.session.shouldfail or self.session.shouldstop:
                    self.shares.clear()
        except BaseException:
            for pid in self._pids.values():
                os.kill(pid, signal.SIGINT)
            for pipe, pid in self._pids.items():
                with suppress(EOFError, ConnectionError):
                    while True:
                        pipe.recv_bytes()
                os.waitpid(pid, 0)
            raise

    def _ended(self) -> list[Any]:
        """Return the pipes of forks that have ended, which processes of theirs may hold open."""
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return [pipe for pipe, pid in self._pids.items() if os.waitid(os.P_PID, pid, flags)]

    def _read(self, pipe: Any) -> None:
        try:
            kind, *rest = pipe.recv() if pipe.poll() else ("end",)
        except (EOFError, ConnectionError):
            kind, rest = "end", []
        hook, config = self.session.config.hook, self.session.config
        if kind == "end":
            _, status = os.waitpid(self._pids.pop(pipe), 0)
            if status:
                number = self.shares.running[self._forks[pipe]]
                self._report_end(number, os.waitstatus_to_exitcode(status))
        elif kind == "warning":
            names = ("warning_message", "when", "nodeid", "location")
            values = (warnings.WarningMessage(*rest[:4]), *rest[4:])
            hook.pytest_warning_recorded.call_historic(kwargs=dict(zip(names, values, strict=True)))
        else:
            for data in rest[0]:
                self._report(hook.pytest_report_from_serializable(config=config, data=data))

    def _report(self, report: pytest.TestReport) -> None:
        hook = self.session.config.hook
        hook.pytest_runtest_logreport(report=report)
        if report.when == "teardown":
            self.finished.add(report.nodeid)
            hook.pytest_runtest_logfinish(nodeid=report.nodeid, location=report.location)

    def _report_end(self, number: int, code: int) -> None:
        """Report that a fork ended in the middle of a test; the others go on."""
        if number < 0:
            self.session.shouldstop = f"a fork ended with {code} before its first test"
            return
        item = self.items[number]
        self.finished.add(item.nodeid)
        text = f"the fork that ran it ended with {code}"
        self._report(pytest.TestReport(item.nodeid, item.location, {}, "failed", text, "call"))


def shared(items: Sequence[pytest.Item], n_forks: int) -> list[list[pytest.Item]]:
    """Return the tests of each fork: some of the longest files first, then a part of all others."""
    files: dict[Path, list[pytest.Item]] = {}
    others = []
    for item in items:
        longest = item.path.as_posix().endswith(LONGEST)
        (files.setdefault(item.path, []) if longest else others).append(item)
    first = [*files.values()]
    ends = [len(others) * k // n_forks for k in range(n_forks + 1)]
    return [[*chain(*first[k::n_forks]), *others[ends[k] : ends[k + 1]]] for k in range(n_forks)]


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Run the tests in two more forks than there are cores: often one waits for what it started."""
    option = session.config.option
    alone = option.collectonly or option.usepdb or option.trace or len(session.items) < 2
    if alone or session.testsfailed or hasattr(session.config, "workerinput"):
        return None
    if len(session.items) > MANY:
        warm.share()
        warm.load()
    base, n_started = _folders(session).getbasetemp(), 0
    items: Sequence[pytest.Item] = session.items
    # Tests that a fork had taken when it ended are left.
    while items and not (session.shouldfail or session.shouldstop):
        n = min(len(os.sched_getaffinity(0)) + 2, len(items))
        numbers = range(n_started, n_started + n)
        forks = Forks(session, items, [base / f"fork-{number}" for number in numbers])
        forks.follow()
        n_started += n
        items = [item for item in items if item.nodeid not in forks.finished]
    if session.shouldfail:
        raise session.Failed(session.shouldfail)
    if session.shouldstop:
        raise session.Interrupted(session.shouldstop)
    return True


def _folders(session: pytest.Session) -> pytest.TempPathFactory:
    factory: pytest.TempPathFactory = session.config._tmp_path_factory  # type: ignore[attr-defined]
    return factory


def _work(
    session: pytest.Session,
    items: Sequence[pytest.Item],
    shares: Shares,
    fork: int,
    pipe: Any,
    folder: Path,
) -> None:
    """Run tests in this process, and end it."""
    code, numbers = 1, shares.of(fork)
    try:
        # What the process that collected wants done at its end, and its streams, are its own.
        atexit._clear()
        util._finalizer_registry.clear()  # type: ignore[attr-defined]
        plugins = session.config.pluginmanager
        capture: Any = plugins.getplugin("capturemanager")
        capture.stop_global_capturing()
        capture.start_global_capturing()
        os.environ["PYTEST_XDIST_WORKER"] = folder.name
        folder.mkdir(mode=0o700)
        _folders(session)._basetemp = folder
        plugins.unregister(name="terminalreporter")
        sender = Sender(session.config, pipe)
        plugins.register(sender)
        sender.warns = True
        exact = session._setupstate.teardown_exact
        taken = [*islice(numbers, 1)]

        def tear_down(_: pytest.Item | None) -> None:
            """Take the next test when one has been called: before, another fork may take it."""
            taken.extend(islice(numbers, 1))
            exact(items[taken[0]] if taken else None)

        setattr(session._setupstate, "teardown_exact", tear_down)  # noqa: B010
        while taken:
            shares.running[fork] = taken.pop()
            item = items[shares.running[fork]]
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        code = 0
    except (KeyboardInterrupt, ConnectionError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with suppress(Exception):
            exact(None)
    except Exception:
        capture.suspend_global_capture(in_=True)
        traceback.print_exc()
        raise
    finally:
        try:
            sys.stdout.flush()
            pipe.close()
            faulthandler.dump_traceback_later(600, exit=True, file=sys.__stderr__)
            # As at the end of a program: pools first end their processes, which are then joined.
            threading._shutdown()  # type: ignore[attr-defined]
            util._exit_function()  # type: ignore[attr-defined]
            atexit._run_exitfuncs()
        finally:
            os._exit(code)
