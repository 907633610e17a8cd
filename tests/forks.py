"""Runs tests in forks of the process that collected them: `python -m pytest -p tests.forks`.

What tests import, and their collection, is then paid once, and not by each worker. Each fork has a
share of the tests, in their order, so that it makes what they share once; one that has none left
takes the second half of the longest share.
"""

import atexit
import contextlib
import multiprocessing
import os
from collections.abc import Iterator
from multiprocessing import connection, util
from pathlib import Path
from typing import Any

import pytest

CONTEXT = multiprocessing.get_context("fork")


class Shares:
    """The numbers of the tests that each fork has left, from a first to an end.

    Parameters
    ----------
    n_tests, n_forks : int
    """

    def __init__(self, n_tests: int, n_forks: int) -> None:
        ends = [n_tests * k // n_forks for k in range(n_forks + 1)]
        self._first: Any = CONTEXT.Array("l", ends[:-1])
        self._end: Any = CONTEXT.Array("l", ends[1:])
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
                half = (first[longest] + end[longest]) // 2
                first[fork], end[fork], end[longest] = half, end[longest], half
            if first[fork] == end[fork]:
                return None
            first[fork] += 1
            return first[fork] - 1

    def clear(self) -> None:
        """Leave none to be taken."""
        with self._lock:
            self._first[:] = self._end[:]


class Sender:
    """Sends what a fork finds to the process that started it."""

    def __init__(self, config: pytest.Config, pipe: Any) -> None:
        self.config, self.pipe = config, pipe

    def pytest_runtest_logstart(self, nodeid: str, location: Any) -> None:
        self.pipe.send((nodeid, location, None))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = self.config.hook.pytest_report_to_serializable(config=self.config, report=report)
        self.pipe.send((report.nodeid, report.location, data))


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Run the tests in one more fork than there are cores: now and then one waits."""
    n = min(len(os.sched_getaffinity(0)) + 1, len(session.items))
    if n < 2 or session.config.option.collectonly or session.testsfailed:
        return None
    shares, base = Shares(len(session.items), n), _folders(session).getbasetemp()
    pipes: dict[Any, int] = {}
    started: dict[Any, Any] = {}
    pipe: Any
    for fork in range(n):
        mine, other = CONTEXT.Pipe(duplex=False)
        pid = os.fork()
        if not pid:
            for pipe in (mine, *pipes):
                pipe.close()
            _work(session, fork, shares, other, base / f"fork-{fork}")
        other.close()
        pipes[mine], started[mine] = pid, None
    while pipes:
        for pipe in connection.wait(list(pipes)):
            try:
                nodeid, location, data = pipe.recv()
            except EOFError:
                _, status = os.waitpid(pipes.pop(pipe), 0)
                if status:
                    _tell_of_end(session, started[pipe], os.waitstatus_to_exitcode(status))
                continue
            started[pipe] = nodeid, location
            if data is not None:
                read = session.config.hook.pytest_report_from_serializable
                _tell(session, read(config=session.config, data=data))
        if session.shouldfail or session.shouldstop:
            shares.clear()
    if session.shouldfail:
        raise session.Failed(session.shouldfail)
    return True


def _folders(session: pytest.Session) -> pytest.TempPathFactory:
    factory: pytest.TempPathFactory = session.config._tmp_path_factory  # type: ignore[attr-defined]
    return factory


def _tell(session: pytest.Session, report: pytest.TestReport) -> None:
    hook = session.config.hook
    hook.pytest_runtest_logreport(report=report)
    if report.when == "teardown":
        hook.pytest_runtest_logfinish(nodeid=report.nodeid, location=report.location)


def _tell_of_end(session: pytest.Session, test: Any, code: int) -> None:
    """Report that a fork ended in the middle of a test."""
    nodeid, location = test or ("before the first test", ("", None, ""))
    text = f"the fork that ran it ended with {code}"
    _tell(session, pytest.TestReport(nodeid, location, {}, "failed", text, "call"))


def _work(session: pytest.Session, fork: int, shares: Shares, pipe: Any, folder: Path) -> None:
    """Run tests in this process, and end it."""
    code = 1
    # What the process that collected wants done at its end, and its streams, are its own.
    atexit._clear()
    util._finalizer_registry.clear()  # type: ignore[attr-defined]
    with contextlib.suppress(KeyboardInterrupt):
        plugins = session.config.pluginmanager
        capture: Any = plugins.getplugin("capturemanager")
        capture.stop_global_capturing()
        capture.start_global_capturing()
        os.environ["PYTEST_XDIST_WORKER"] = f"gw{fork}"
        folder.mkdir(mode=0o700)
        _folders(session)._basetemp = folder
        plugins.unregister(name="terminalreporter")
        plugins.register(Sender(session.config, pipe))
        items, numbers = session.items, shares.of(fork)
        number = next(numbers, None)
        while number is not None:
            following = next(numbers, None)
            item, after = items[number], None if following is None else items[following]
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
            number = following
        code = 0
    try:
        pipe.close()
        util._exit_function()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    finally:
        os._exit(code)
