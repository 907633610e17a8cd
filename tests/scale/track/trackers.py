"""Runs that grow line by line, and what trackers hold, read back."""

import os
from collections import Counter

from hiddenstate.scale.track.destination import AwayError
from hiddenstate.scale.track.written import Written
from hiddenstate.system.lock import take_lock
from tests import warm

SKIPPED = ("event", "step", "epoch", "check")


def expected(run, results=True):
    """Each number of the history of a run, by name and step."""
    points = {}
    for event in run.history():
        if event["event"] == "end" and not results:
            continue
        if event["event"] in ("log", "valid", "end"):
            before = "final/" * (event["event"] == "end")
            for name, value in event.items():
                if name not in SKIPPED:
                    points[before + name, event["step"]] = value
    return points


def check_points(found, run, results=True, exact=True):
    """Each point is there once, with the value of the history."""
    found = [(name, step, value) for name, step, value in found if not name.startswith("figures/")]
    counts = Counter((name, step) for name, step, _ in found)
    assert [key for key, n in counts.items() if n > 1] == []
    points = expected(run, results)
    assert counts.keys() == points.keys()
    for name, step, value in found:
        right = points[name, step]
        assert value == right if exact else abs(value - right) <= 1e-6 * abs(right)


def look_until_the_end(follower):
    """Look until there is nothing more."""
    while follower.look():
        pass


class Growing:
    """A run that seems to be trained: its lines come when a test adds them.

    Parameters
    ----------
    run : Run
        A finished run in a folder of the test's own.
    n : int
        How many lines of the history are there at first.
    """

    def __init__(self, run, n):
        self.run, self.path = run, run.path / "history.jsonl"
        self._lines = self.path.read_bytes().splitlines(keepends=True)
        self.lock = take_lock(run.path)
        self.cut(n)

    def cut(self, n):
        """Leave `n` lines, in a new file, as a run that is resumed does."""
        self.path.unlink()
        self.path.write_bytes(b"".join(self._lines[:n]))
        self.n = n

    def add(self, n=1):
        """Add lines."""
        with self.path.open("ab") as stream:
            stream.write(b"".join(self._lines[self.n : self.n + n]))
        self.n += n

    def end(self):
        """Add all that is missing, and end."""
        self.add(len(self._lines))
        self.lock.close()


class Memory:
    """A destination in memory, which is away or fails when a test says so.

    Attributes
    ----------
    calls : list
        Every call, by name.
    fail_at : int or None
        Number of the call that finds it away, after it has stored half of what it was given.
    fails : bool
        Whether every call finds it away.
    """

    where = "memory"

    def __init__(self, can_rewind=False):
        self.points, self.endings, self.calls, self.fail_at = [], [], [], None
        self.fails = False
        self.can_rewind = can_rewind
        self.facts = None

    def _call(self, name):
        self.calls.append(name)
        if self.fails or len(self.calls) == self.fail_at:
            raise AwayError("unplugged")

    def open(self, facts):
        self._call("open")
        assert self.facts in (None, facts)
        self.facts = facts
        written = Written()
        for point in self.points:
            written.add(*point)
        return written

    def write(self, lines):
        points = [(name, line.step, v) for line in lines for name, v in line.values.items()]
        try:
            self._call("write")
        except AwayError:
            self.points += points[: len(points) // 2]
            raise
        self.points += points

    def rewind(self, step):
        self._call("rewind")
        if self.can_rewind:
            self.points = [point for point in self.points if point[1] < step]
        return self.can_rewind

    def is_finished(self, name):
        return name in [ending.name for ending in self.endings]

    def finish(self, ending):
        self._call("finish")
        self.endings.append(ending)

    def close(self):
        self.calls.append("close")


def killed(code, tmp_path, **environment):
    """Run Python code that kills itself with SIGKILL; check that it did."""
    done = warm.run(["-c", code], tmp_path, {**os.environ, **environment})
    assert done.returncode == -9, done.stderr


FOLLOW = """
import os, signal
from pathlib import Path
from hiddenstate.runs import Run
from hiddenstate.scale.track import Follower
import hiddenstate.scale.track.follower as module
module.CHUNK = 1
import hiddenstate.runs.record as record
record.MAX_LINE = 300
"""
"""The start of a follower that hands over a few lines at a time."""
