"""Open files and folders where systems differ: opening, flushing, reading in place, replacing.

macOS stores what was flushed only on a further request. Windows opens no folder, reads a file in
place only after a seek, and replaces no file that a process has open.
"""

import errno
import os
import time
from contextlib import suppress
from pathlib import Path
from threading import Lock

from hiddenstate.system import platform

_SEEKING = Lock()

WAITS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Seconds between attempts to replace a file that another process reads."""


def opened(path: Path, flags: int, mode: int = 0o666) -> int:
    """Open a file as `os.open` does, its bytes as they are on each system."""
    return os.open(path, flags | getattr(os, "O_BINARY", 0), mode)


def sync(descriptor: int) -> None:
    """Wait until what was written to a file is on the disk, and not in the disk's own memory.

    `os.fsync` of macOS leaves it there; its `F_FULLFSYNC` does not, on file systems that have it.

    Raises
    ------
    OSError
        If it cannot be stored.
    """
    if platform.has("locks"):
        import fcntl

        if (full := getattr(fcntl, "F_FULLFSYNC", None)) is not None:
            try:
                fcntl.fcntl(descriptor, full)
                return
            except OSError as error:
                if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOTTY):
                    raise
    os.fsync(descriptor)


def read_at(descriptor: int, into: memoryview, offset: int) -> int:
    """Read bytes from `offset` of a file on into memory; return how many, 0 at its end.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    if hasattr(os, "preadv"):
        return os.preadv(descriptor, [into], offset)
    with _SEEKING:
        os.lseek(descriptor, offset, os.SEEK_SET)
        content = os.read(descriptor, into.nbytes)
    into[: len(content)] = content
    return len(content)


def replace(source: Path, target: Path) -> None:
    """Rename a file, in place of one that is there.

    Raises
    ------
    OSError
        If it cannot be renamed; on Windows after a second in which others had `target` open.
    """
    for seconds in () if platform.has("open folders") else WAITS:
        with suppress(PermissionError):
            os.replace(source, target)
            return
        time.sleep(seconds)
    os.replace(source, target)


def is_alive(process: int) -> bool:
    """Return whether a process runs, and true where asking would end it, as on Windows."""
    if not platform.has("signals"):
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
