"""What a command does to the files of its run, event by event; it can die or fail at the N-th.

    python tools/stress/file_events.py kill|term|full|read-only N ARGUMENTS...

runs `hiddenstate ARGUMENTS` and, right before its N-th event, is killed, is sent SIGTERM, or has a
full or read-only disk from then on. Events are also read from what strace says, which sees every
system call.
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

LOG = "events.jsonl"
"""Where the events go, beside `runs`."""


@dataclass(frozen=True)
class Event:
    """`open` (to write), `write`, `fsync`, `rename`, `unlink` or `mkdir`, and of what.

    Parameters
    ----------
    kind : str
    path : str
        As the system has it, absolute.
    to : str
        The new name, of a rename.
    """

    kind: str
    path: str
    to: str = ""


class Watch:
    """Sees the file events of this process under `root`, and acts before the `number`-th."""

    def __init__(self, root: Path, action: str, number: int) -> None:
        self.root, self.action, self.number, self.seen = str(root), action, number, 0
        self._log = os.open(root.parent / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._fsync = os.fsync
        os.fsync = self.fsync  # no audit event tells of it
        sys.addaudithook(self.hook)

    def hook(self, event: str, args: tuple[Any, ...]) -> None:
        """Called by Python before it opens, renames, removes or makes anything."""
        kind = {"os.rename": "rename", "os.remove": "unlink", "os.mkdir": "mkdir"}.get(event)
        if event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR):
            kind = "open"
        if kind and isinstance(args[0], (str, os.PathLike)):
            to = os.path.abspath(args[1]) if kind == "rename" else ""
            self.take(Event(kind, os.path.abspath(args[0]), to))

    def fsync(self, fd: Any) -> None:
        """In place of `os.fsync`."""
        self.take(Event("fsync", os.readlink(f"/proc/self/fd/{fd}")))
        self._fsync(fd)

    def take(self, event: Event) -> None:
        """Note an event, and act if its turn has come."""
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
    """What stands for the command `hiddenstate` to have it act at an event; 0 only notes them."""
    return [sys.executable, __file__, action, str(number)]


def noted(folder: Path) -> list[Event]:
    """The events of the commands run in `folder` so far."""
    lines = (folder / LOG).read_text().splitlines()
    return [Event(*json.loads(line)) for line in lines]


# --- strace

CALLS = (
    "openat,write,pwrite64,writev,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,"
    "mkdir,mkdirat,ftruncate"
)


def traced(log: Path) -> list[str]:
    """What stands for the command `hiddenstate` to have strace write its calls to `log`."""
    return ["strace", "-f", "-y", "-s", "0", "-qq", "-e", f"trace={CALLS}", "-o", str(log),
            sys.executable, "-m", "hiddenstate"]  # fmt: skip


_CALL = re.compile(r"(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)")
_OF_FD = re.compile(r"\d+<([^>]*)>")


def read_strace(lines: Iterable[str], root: Path) -> list[Event]:
    """The events under `root` that strace saw, paths taken from the process's folder, its parent.

    Raises
    ------
    ValueError
        For a call that was cut in two, which one thread's file calls never are.
    """
    events = []
    for line in lines:
        found = _CALL.match(line)
        if found is None:
            if str(root) in line or "runs/" in line:
                raise ValueError(f"strace: {line.strip()}")
            continue
        call, args, value = found.groups()
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
"""Files of a run that are written in place."""


def misordered(events: Iterable[Event]) -> list[str]:
    """What in a run's events could leave it with half a file, should the power go at that moment.

    A file that counts is written beside its place, flushed to disk, renamed into its place, and its
    folder flushed, before the next is renamed. An older checkpoint goes right after that.
    """
    faults: list[str] = []
    dirty: set[str] = set()  # files written since they were flushed
    waiting: str | None = None  # the last file renamed whose folder was not flushed yet
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
        elif event.kind == "rename" and _counts(event.to):
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
    """Checkpoints renamed while lines of the history before them were not on disk."""
    dirty, found = False, 0
    for event in events:
        if event.path.endswith("history.jsonl"):
            dirty = event.kind in ("open", "write")
        if event.to.endswith("history.jsonl"):
            dirty = False
        found += event.kind == "rename" and "/checkpoints/" in event.to and dirty
    return found


def _is_checkpoint(path: str) -> bool:
    return bool(re.search(r"/checkpoints/\d+\.safetensors$", path))


def _counts(path: str) -> bool:
    """Whether a file must outlast a power cut: all but figures and snapshots."""
    return os.path.basename(os.path.dirname(path)) not in ("figures", "snapshots")


def main() -> None:
    action, number, *args = sys.argv[1:]
    Watch(Path("runs").absolute(), action, int(number))
    from hiddenstate.cli import main as command

    command(args)


if __name__ == "__main__":
    main()
