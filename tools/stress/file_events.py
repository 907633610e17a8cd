"""Records the file events of a command and can kill, interrupt or fail it at the N-th event.

    python tools/stress/file_events.py kill|term|full|read-only N ARGUMENTS...

runs `hiddenstate ARGUMENTS`. Right before its N-th event, the process is killed, receives SIGTERM,
or has a full or read-only disk from then on. Events can also be read from the output of strace,
which records every system call.
"""

import errno
import json
import os
import re
import signal
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hiddenstate.system.interpreter import python_command

LOG = "events.jsonl"
"""The file that events are written to, next to `runs`."""


@dataclass(frozen=True)
class Event:
    """One operation on a file.

    Parameters
    ----------
    kind : str
        `open` (to write), `write`, `fsync`, `rename`, `unlink` or `mkdir`.
    path : str
        The absolute path.
    to : str
        The new path, for a rename.
    """

    kind: str
    path: str
    to: str = ""


class Watch:
    """Records the file events of this process under `root` and acts before the `number`-th."""

    def __init__(self, root: Path, action: str, number: int) -> None:
        self.root, self.action, self.number, self.seen = str(root), action, number, 0
        self._log = os.open(root.parent / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._fsync = os.fsync
        os.fsync = self.fsync  # it has no audit event
        sys.addaudithook(self.hook)

    def hook(self, event: str, args: tuple[Any, ...]) -> None:
        """Record an audit event, which Python raises before it changes a file."""
        kind = {"os.rename": "rename", "os.remove": "unlink", "os.mkdir": "mkdir"}.get(event)
        if event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR):
            kind = "open"
        if kind and isinstance(args[0], (str, os.PathLike)):
            to = os.path.abspath(args[1]) if kind == "rename" else ""
            self.take(Event(kind, os.path.abspath(args[0]), to))

    def fsync(self, fd: Any) -> None:
        """Record the event and call the original `os.fsync`."""
        self.take(Event("fsync", os.readlink(f"/proc/self/fd/{fd}")))
        self._fsync(fd)

    def take(self, event: Event) -> None:
        """Record an event, and act if it is the `number`-th."""
        if not _is_under(event, self.root):
            return
        self.seen += 1
        os.write(self._log, json.dumps([event.kind, event.path, event.to]).encode() + b"\n")
        failure = {"full": errno.ENOSPC, "read-only": errno.EROFS}.get(self.action)
        frees = failure == errno.ENOSPC and event.kind == "unlink"
        if failure and self.seen >= self.number and not frees:
            raise OSError(failure, os.strerror(failure), event.path)
        if self.seen == self.number and self.action in ("kill", "term"):
            os.kill(os.getpid(), signal.SIGKILL if self.action == "kill" else signal.SIGTERM)


def at_event(action: str, number: int) -> list[str]:
    """Return the command that replaces `hiddenstate` to act at event `number`; 0 only records."""
    return python_command(__file__, action, str(number))


def noted(folder: Path) -> list[Event]:
    """Return the recorded events of the commands run in `folder`."""
    lines = (folder / LOG).read_text().splitlines()
    return [Event(*json.loads(line)) for line in lines]


# --- strace

CALLS = (
    "openat,write,pwrite64,writev,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,"
    "mkdir,mkdirat,ftruncate"
)


def traced(log: Path) -> list[str]:
    """Return the command that replaces `hiddenstate` to have strace record its calls in `log`."""
    return [
        "strace",
        "-f",
        "--seccomp-bpf",
        "-y",
        "-s",
        "0",
        "-qq",
        "-e",
        f"trace={CALLS}",
        "-o",
        str(log),
        *python_command("-m", "hiddenstate"),
    ]


_CALL = re.compile(r"(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)")
_OF_FD = re.compile(r"\d+<([^>]*)>")


def read_strace(lines: Iterable[str], root: Path) -> list[Event]:
    """Return the events under `root` in the output of strace.

    Relative paths are resolved against the parent of `root`, where the process runs.

    Raises
    ------
    ValueError
        If a call under `root` is split over two lines. The file calls of one thread never are.
    """
    events = []
    for line in lines:
        match = _CALL.match(line)
        if match is None:
            if str(root) in line or "runs/" in line:
                raise ValueError(f"strace: {line.strip()}")
            continue
        call, args, value = match.groups()
        if int(value) < 0:
            continue
        names = [str(root.parent / n) for n in re.findall(r'"([^"]*)"', args)]
        kind = call.rstrip("0123456789").removeprefix("p").removesuffix("at")
        if kind in ("write", "writev", "fsync", "fdatasync", "ftruncate"):
            kind = {"writev": "write", "ftruncate": "write", "fdatasync": "fsync"}.get(kind, kind)
            described = _OF_FD.match(args)
            assert described, args
            event = Event(kind, described[1])
        elif kind == "rename":
            event = Event(kind, *names[:2])
        elif kind == "open":
            if not re.search(r"O_WRONLY|O_RDWR", args):
                continue
            event = Event(kind, names[0])
        else:
            event = Event(kind, names[0])
        if _is_under(event, str(root)):
            events.append(event)
    return events


def _is_under(event: Event, root: str) -> bool:
    return event.path == root or event.path.startswith(root + os.sep)


# --- the order in which files must be written

APPENDED = ("history.jsonl", "journal.jsonl", "lock")
"""Files of a run that are written without a temporary file."""


def misordered(events: Iterable[Event]) -> list[str]:
    """Return the events whose order could leave a partly written file after a power failure.

    A durable file must be written under a temporary name, flushed to disk and renamed, and its
    folder flushed, before the next file is renamed. An older checkpoint is removed right
    after that.
    """
    faults: list[str] = []
    dirty: set[str] = set()  # files written since their last flush
    waiting: str | None = None  # the last renamed file, until its folder is flushed
    before = Event("", "")
    for event in events:
        name, folder = os.path.basename(event.path), os.path.dirname(event.path)
        right_after = before == Event("fsync", folder) or before.kind == "unlink"
        if event.kind in ("open", "write"):
            temporary = name.startswith(".hiddenstate-tmp-")
            if not temporary and name not in APPENDED:
                faults.append(f"{event.kind} in place: {event.path}")
            if event.kind == "write" or temporary:
                dirty.add(event.path)
        elif event.kind == "fsync":
            dirty.discard(event.path)
            if waiting and event.path == os.path.dirname(waiting):
                waiting = None
        elif event.kind == "rename" and _is_durable(event.to):
            if event.path in dirty:
                faults.append(f"renamed before it was flushed: {event.to}")
            if waiting:
                faults.append(f"renamed before the folder of {waiting} was flushed: {event.to}")
            waiting = event.to
        elif event.kind == "unlink" and waiting and folder == os.path.dirname(waiting):
            faults.append(f"removed before the folder of {waiting} was flushed: {event.path}")
        elif event.kind == "unlink" and _is_checkpoint(event.path) and not right_after:
            faults.append(f"removed before a newer checkpoint was written: {event.path}")
        before = event
    if waiting:
        faults.append(f"the folder of {waiting} was never flushed")
    return faults


def unflushed_history(events: Iterable[Event]) -> int:
    """Count the checkpoints renamed before the history that precedes them was flushed."""
    dirty, count = False, 0
    for event in events:
        if event.path.endswith("history.jsonl"):
            dirty = event.kind in ("open", "write")
        if event.to.endswith("history.jsonl"):
            dirty = False
        count += event.kind == "rename" and "/checkpoints/" in event.to and dirty
    return count


def _is_checkpoint(path: str) -> bool:
    return bool(re.search(r"/checkpoints/\d+\.safetensors$", path))


def _is_durable(path: str) -> bool:
    """Return whether a file must survive a power failure: all but figures, snapshots, weights."""
    return os.path.basename(os.path.dirname(path)) not in ("figures", "snapshots", "weights")


def main() -> None:
    action, number, *args = sys.argv[1:]
    Watch(Path("runs").absolute(), action, int(number))
    from hiddenstate.cli import main as command

    command(args)


if __name__ == "__main__":
    main()
