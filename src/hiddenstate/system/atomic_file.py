"""Files opened without following links, and written whole or not at all."""

import contextlib
import errno
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import IO

from hiddenstate.errors import MachineError, UntrustedFileError, printable

TEMPORARY = ".hiddenstate-tmp-"
"""What the name of a file still being written begins with; its process's number follows."""


def open_regular(path: Path) -> IO[bytes]:
    """Open `path` to read if it is a file; a pipe or a device is refused, not waited for.

    Raises
    ------
    OSError
        If it cannot be opened.
    UntrustedFileError
        If it is anything but a regular file.
    """
    return os.fdopen(regular(path, os.O_RDONLY), "rb")


def regular(path: Path, flags: int) -> int:
    """A handle of `path`, opened as `flags` say, if it is a file.

    A pipe or a device is refused, not waited for; what is to be written is not reached by a link.

    Raises
    ------
    OSError
        If it cannot be opened.
    UntrustedFileError
        If it is anything but a regular file.
    """
    if flags != os.O_RDONLY:
        flags |= getattr(os, "O_NOFOLLOW", 0)
    try:
        handle = os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o644)
    except OSError as error:
        if error.errno == errno.ELOOP and path.is_symlink():
            raise UntrustedFileError(f"{printable(path)}: is a link; remove it") from None
        if error.errno == errno.ENXIO:  # a pipe that nobody reads
            raise UntrustedFileError(f"{printable(path)}: not a regular file") from None
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise UntrustedFileError(f"{printable(path)}: not a regular file")
    return handle


def write_atomically(path: Path, data: bytes, durable: bool = True) -> None:
    """Write `data` to a temporary neighbour, flush it to disk, rename it to `path`.

    Raises
    ------
    MachineError
        If it cannot be written; what stood at `path` before is untouched.
    """
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f"{TEMPORARY}{os.getpid()}-")
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
        temporary = ""
        if durable:
            flush(path.parent)
    except BaseException as error:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        if isinstance(error, OSError):
            raise MachineError(_not_written(path, len(data), error)) from None
        raise


def append(path: Path, data: bytes, durable: bool = False) -> None:
    """Add `data` to the end of `path`, all of it or nothing.

    Raises
    ------
    MachineError
        If it cannot be written; the file is then as it was.
    UntrustedFileError
        If it is a link, a pipe or a device.
    """
    try:
        handle = regular(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    except OSError as error:
        raise MachineError(_not_written(path, len(data), error)) from None
    before = os.fstat(handle).st_size
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(handle, left) :]
        if durable:
            os.fsync(handle)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.ftruncate(handle, before)
        raise MachineError(_not_written(path, len(data), error)) from None
    finally:
        os.close(handle)


def flush(path: Path) -> None:
    """Wait until the disk has a file's contents, or a folder's names.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    MachineError
        If the disk does not take it.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:  # some file systems look for room only now
        needed = os.fstat(handle).st_size
        raise MachineError(_not_written(path, needed, error)) from None
    finally:
        os.close(handle)


def clear_stale(folder: Path) -> None:
    """Remove what killed processes left half written in `folder`; live ones' files stay.

    Of folders only those that are half-made runs, which hold a lock or nothing yet.
    """
    for left in folder.glob(f"{TEMPORARY}*"):
        number = left.name.removeprefix(TEMPORARY).partition("-")[0]
        if number.isdecimal() and not _is_alive(int(number)):
            if (left / "lock").is_file() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            with contextlib.suppress(OSError):
                left.rmdir() if left.is_dir() else left.unlink()  # a folder goes only if empty


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _not_written(path: Path, needed: int, error: OSError) -> str:
    """Why `needed` bytes could not be written, and, where room is short, how much is free."""
    room = ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        with contextlib.suppress(OSError):
            room = f", {shutil.disk_usage(path.parent).free:,} bytes are free"
    return (
        f"{printable(path)}: {needed:,} bytes could not be written: {error.strerror}{room}; "
        "the earlier file, if any, is intact"
    )


def write_answer(path: Path, data: bytes) -> None:
    """Write what a command answers: to a device or pipe as it is, else whole or not at all."""
    if path.exists() and not path.is_file():
        path.write_bytes(data)
    else:
        clear_stale(path.resolve().parent)
        write_atomically(path.resolve(), data)
