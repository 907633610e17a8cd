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
        descriptor = open_regular_descriptor(folder / name, os.O_RDWR | os.O_CREAT)
        stream = FileIO(descriptor, "r+") if platform.has("locks") else _Marked(descriptor, "r+")
    except OSError as error:
        raise MachineError(f"{printable(folder)}: cannot be written: {error.strerror}") from None
    # `is_locked` holds the lock for an instant, so a first attempt may fail: try again.
    for wait in (0.0, 0.02, 0.05, 0.1):
        time.sleep(wait)
        try:
            _lock_alone(stream, folder / f"{name}{HELD}")
            break
        except (BlockingIOError, FileExistsError):
            continue
        except OSError as error:
            stream.close()
            raise MachineError(
                f"{printable(folder)}: cannot be locked: {error.strerror}; use another folder"
            ) from None
    else:
        holder = printable(stream.read(200).decode(errors="replace").strip() or "another process")
        stream.close()
        left = "" if platform.has("locks") else f", or remove {name}{HELD} there if it was killed"
        raise MachineError(
            f"{printable(folder)}: is being written by {holder}; wait for it or stop it{left}"
        )
    now = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    try:
        stream.truncate(0)
        os.write(stream.fileno(), f"process {os.getpid()}, since {now}\n".encode())
    except OSError as error:
        stream.close()
        raise MachineError(f"{printable(folder)}: cannot be written: {error.strerror}") from None
    return stream


class _Marked(FileIO):
    """A lock file without a lock of the system: another file is there as long as it is open."""

    mark: Path | None = None

    def close(self) -> None:
        """Let go of the lock."""
        mark, self.mark = self.mark, None
        if mark is not None:
            mark.unlink(missing_ok=True)
        super().close()


def _lock_alone(stream: FileIO, mark: Path) -> None:
    """Lock a file, or make its mark; raise `BlockingIOError` or `FileExistsError` if it is."""
    if isinstance(stream, _Marked):
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
        stream.mark = mark
        return
    import fcntl

    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)


def follow(stream: FileIO, folder: Path) -> None:
    """Note that the locked folder was renamed to `folder`, with the lock in it."""
    if isinstance(stream, _Marked) and stream.mark is not None:
        stream.mark = folder / stream.mark.name


def holds(stream: FileIO, folder: Path) -> bool:
    """Return whether `stream`, from :func:`take_lock`, is still the lock of `folder`.

    It is not if the folder or its lock file was moved or removed; another process may have
    created a new one since.
    """
    try:
        return os.path.samestat(os.fstat(stream.fileno()), os.lstat(folder / "lock"))
    except OSError:
        return False
