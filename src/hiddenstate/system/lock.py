"""Locks a run folder for one writer; the operating system frees it when the process ends.

A platform without locks of files has a stand-in: a second file, made only if it is not there yet,
and removed at the end. A process that is killed leaves it.
"""

import os
import time
from datetime import datetime
from io import FileIO
from pathlib import Path

from hiddenstate.errors import MachineError, UntrustedFileError, printable
from hiddenstate.system import platform
from hiddenstate.system.atomic_file import open_regular_descriptor
from hiddenstate.system.descriptors import opened

HELD = ".held"
"""What the name of a lock is followed by in the name of its stand-in."""


def is_locked(folder: Path, name: str = "lock") -> bool:
    """Return whether a live process holds the lock `name` of `folder`; changes nothing there."""
    if not platform.has("locks"):
        return (folder / f"{name}{HELD}").exists()
    import fcntl

    try:
        with FileIO(open_regular_descriptor(folder / name, os.O_RDONLY)) as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (OSError, UntrustedFileError):  # no lock file, or one that cannot be locked
        return False
    return False


def take_lock(folder: Path, name: str = "lock") -> FileIO:
    """Lock `folder` for this process until the returned stream is closed.

    Parameters
    ----------
    folder : Path
    name : str, default "lock"
        The file that is locked, for a folder in which several processes write files of their own.

    Raises
    ------
    MachineError
        If another process holds the lock (the message says which one and since when), or the
        lock file cannot be written.
    UntrustedFileError
        If the lock is not a regular file.
    """
    try:
        stream = FileIO(open_regular_descriptor(folder / name, os.O_RDWR | os.O_CREAT), "r+")
    except OSError as error:
        raise MachineError(f"{printable(folder)}: cannot be written: {error.strerror}") from None
    if platform.has("locks"):
        _lock_alone(stream, stream, folder, name)
        return stream
    with stream:  # which is closed then: Windows renames no folder with an open file
        mark = _Mark(folder / f"{name}{HELD}")
        _lock_alone(mark, stream, folder, name)
        return mark


def _lock_alone(lock: FileIO, stream: FileIO, folder: Path, name: str) -> None:
    """Lock the file `stream` by `lock`, and write in it who holds it."""
    # `is_locked` holds the lock for an instant, so a first attempt may fail: try again.
    for wait in (0.0, 0.02, 0.05, 0.1):
        time.sleep(wait)
        try:
            _take(lock)
            break
        except (BlockingIOError, FileExistsError):
            continue
        except OSError as error:
            lock.close()
            raise MachineError(
                f"{printable(folder)}: cannot be locked: {error.strerror}; use another folder"
            ) from None
    else:
        holder = printable(stream.read(200).decode(errors="replace").strip() or "another process")
        lock.close()
        left = "" if platform.has("locks") else f", or remove {name}{HELD} there if it was killed"
        raise MachineError(
            f"{printable(folder)}: is being written by {holder}; wait for it or stop it{left}"
        )
    now = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    try:
        stream.truncate(0)
        os.write(stream.fileno(), f"process {os.getpid()}, since {now}\n".encode())
    except OSError as error:
        lock.close()
        raise MachineError(f"{printable(folder)}: cannot be written: {error.strerror}") from None


class _Mark(FileIO):
    """What is held without locks of the system: a file that is there until this is closed."""

    def __init__(self, path: Path) -> None:
        super().__init__(os.devnull)
        self.path = path
        self.made: os.stat_result | None = None

    def make(self) -> None:
        """Make the file; raise `FileExistsError` if it is there."""
        descriptor = opened(self.path, os.O_CREAT | os.O_EXCL)
        self.made = os.fstat(descriptor)
        os.close(descriptor)

    def close(self) -> None:
        """Let go of the lock."""
        made, self.made = self.made, None
        if made is not None:
            self.path.unlink(missing_ok=True)
        super().close()


def _take(lock: FileIO) -> None:
    """Take a lock; raise `BlockingIOError` or `FileExistsError` if another process has it."""
    if isinstance(lock, _Mark):
        lock.make()
        return
    import fcntl

    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def follow(lock: FileIO, folder: Path) -> None:
    """Note that the locked folder was renamed to `folder`, with the lock in it."""
    if isinstance(lock, _Mark):
        lock.path = folder / lock.path.name


def holds(stream: FileIO, folder: Path) -> bool:
    """Return whether `stream`, from :func:`take_lock`, is still the lock of `folder`.

    It is not if the folder or its lock file was moved or removed; another process may have
    created a new one since.
    """
    try:
        if isinstance(stream, _Mark):
            mark = folder / stream.path.name
            return stream.made is not None and os.path.samestat(stream.made, os.lstat(mark))
        return os.path.samestat(os.fstat(stream.fileno()), os.lstat(folder / "lock"))
    except OSError:
        return False
