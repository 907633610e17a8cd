"""Opens regular files only, and writes files atomically: whole or not at all."""

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
"""Prefix of the name of a file that is still being written; the process id follows."""


def open_regular(path: Path) -> IO[bytes]:
    """Open the regular file `path` for reading, as :func:`open_regular_descriptor` does."""
    return os.fdopen(open_regular_descriptor(path, os.O_RDONLY), "rb")


def open_regular_descriptor(path: Path, flags: int) -> int:
    """Open the regular file `path` with `flags` and return its descriptor.

    A pipe or a device is refused without waiting for it. A symbolic link is followed for reading
    and refused for writing.

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
        descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o644)
    except OSError as error:
        if error.errno == errno.ELOOP and path.is_symlink():
            raise UntrustedFileError(f"{printable(path)}: is a link; remove it") from None
        if error.errno == errno.ENXIO:  # a pipe without a reader
            raise UntrustedFileError(f"{printable(path)}: not a regular file") from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UntrustedFileError(f"{printable(path)}: not a regular file")
    return descriptor


def write_atomically(path: Path, data: bytes, durable: bool = True) -> None:
    """Write `data` to a temporary file beside `path`, then rename it to `path`.

    `durable` flushes the file and the folder to disk before returning.

    Raises
    ------
    MachineError
        If it cannot be written; an earlier file at `path` is untouched.
    """
    temporary = ""
    try:
        descriptor, temporary = tempfile.mkstemp(
            dir=path.parent, prefix=f"{TEMPORARY}{os.getpid()}-"
        )
        with os.fdopen(descriptor, "wb") as stream:
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
    """Append all of `data` to the file `path`, or nothing of it.

    `durable` flushes the file to disk before returning.

    Raises
    ------
    MachineError
        If it cannot be written; the file is then unchanged.
    UntrustedFileError
        If it is a link, a pipe or a device.
    """
    try:
        descriptor = open_regular_descriptor(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    except OSError as error:
        raise MachineError(_not_written(path, len(data), error)) from None
    size = os.fstat(descriptor).st_size
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(descriptor, left) :]
        if durable:
            os.fsync(descriptor)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, size)
        raise MachineError(_not_written(path, len(data), error)) from None
    finally:
        os.close(descriptor)


def flush(path: Path) -> None:
    """Flush a file's contents, or a folder's list of names, to disk.

    Raises
    ------
    FileNotFoundError
        If `path` does not exist.
    MachineError
        If the disk cannot store it.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:  # some file systems allocate space only now
        needed = os.fstat(descriptor).st_size
        raise MachineError(_not_written(path, needed, error)) from None
    finally:
        os.close(descriptor)


def clear_stale(folder: Path) -> None:
    """Remove temporary files and run folders that killed processes left behind in `folder`.

    Those of live processes stay. A temporary folder is removed only if it is empty or contains a
    run's lock.
    """
    for left in folder.glob(f"{TEMPORARY}*"):
        number = left.name.removeprefix(TEMPORARY).partition("-")[0]
        if number.isdecimal() and not _is_alive(int(number)):
            if (left / "lock").is_file() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            with contextlib.suppress(OSError):
                left.rmdir() if left.is_dir() else left.unlink()  # rmdir: an empty folder only


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _not_written(path: Path, needed: int, error: OSError) -> str:
    """Say why `needed` bytes could not be written and, if space ran out, how much is free."""
    room = ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        with contextlib.suppress(OSError):
            room = f", {shutil.disk_usage(path.parent).free:,} bytes are free"
    return (
        f"{printable(path)}: {needed:,} bytes could not be written: {error.strerror}{room}; "
        "the earlier file, if any, is intact"
    )


def write_output(path: Path, data: bytes) -> None:
    """Write a command's output: directly to a device or pipe, atomically to a file."""
    if path.exists() and not path.is_file():
        path.write_bytes(data)
    else:
        clear_stale(path.resolve().parent)
        write_atomically(path.resolve(), data)
