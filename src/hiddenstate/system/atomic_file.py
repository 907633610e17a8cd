"""Opens regular files only, and writes files atomically: whole or not at all."""

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from hiddenstate.errors import MachineError, OptionError, UntrustedFileError, printable
from hiddenstate.system import platform
from hiddenstate.system.descriptors import is_alive, opened, replace, sync

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
        descriptor = opened(path, flags | getattr(os, "O_NONBLOCK", 0))
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

    A link at `path` is replaced, and what it leads to is untouched. A file that is replaced passes
    on its mode and, if the system permits it, its owner; a new file has the mode that the umask
    leaves. `durable` flushes the file and the folder to disk before returning.

    Raises
    ------
    MachineError
        If it cannot be written; an earlier file at `path` is untouched.
    UntrustedFileError
        If there is a pipe or a device at `path`; it is untouched.
    """
    refuse_irregular(path)
    temporary = path.parent / f"{TEMPORARY}{os.getpid()}-{os.urandom(4).hex()}"
    try:
        with os.fdopen(_create_like(path, temporary), "wb") as stream:
            stream.write(data)
            stream.flush()
            if durable:
                sync(stream.fileno())
        replace(temporary, path)
        if durable:
            flush(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # its name is this call's own
        if isinstance(error, OSError):
            raise MachineError(_not_written(path, len(data), error)) from None
        raise


def _create_like(path: Path, temporary: Path) -> int:
    """Create the file `temporary` with the mode and owner of `path`; return its descriptor."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    try:
        earlier = path.lstat()
    except FileNotFoundError:
        earlier = None
    if earlier is None or not stat.S_ISREG(earlier.st_mode):
        return opened(temporary, flags)
    mode = earlier.st_mode & 0o777
    descriptor = opened(temporary, flags, mode & 0o700)  # open to others only when it is theirs
    for owner in (earlier.st_uid, -1):  # only root can give files away; a group can be one's own
        with contextlib.suppress(OSError, AttributeError):
            os.fchown(descriptor, owner, earlier.st_gid)
            break
    with contextlib.suppress(OSError, AttributeError):  # some systems have no owners or modes
        os.fchmod(descriptor, mode)
    return descriptor


def refuse_irregular(path: Path) -> None:
    """Refuse to replace what is at `path` (`UntrustedFileError`), if it is a pipe or a device."""
    try:
        kind = path.lstat().st_mode
    except OSError:  # nothing there, or nothing that can be reached: writing will say why
        return
    if not (stat.S_ISREG(kind) or stat.S_ISLNK(kind) or stat.S_ISDIR(kind)):
        raise UntrustedFileError(f"{printable(path)}: not a regular file; remove it")


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
            sync(descriptor)
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
    if platform.has("open folders"):
        flags = os.O_RDONLY
    elif path.is_dir():
        return
    else:
        flags = os.O_RDWR  # Windows flushes no file that is read
    descriptor = opened(path, flags)
    try:
        sync(descriptor)
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
    try:
        names = os.listdir(folder)  # a pattern would take ten times as long
    except OSError:
        return
    for left in (folder / name for name in names if name.startswith(TEMPORARY)):
        number = left.name.removeprefix(TEMPORARY).partition("-")[0]
        if number.isdecimal() and not is_alive(int(number)):
            if (left / "lock").is_file() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            with contextlib.suppress(OSError):
                left.rmdir() if left.is_dir() else left.unlink()  # rmdir: an empty folder only


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
    """Write `data` to the file that a user names.

    A link is followed, and the file it leads to is written as :func:`write_atomically` does. A
    device, a pipe or a descriptor of this process, such as /dev/stdout, is written to directly.

    Raises
    ------
    OptionError, MachineError
        As :func:`check_output`.
    MachineError
        If it cannot be written, as a pipe that no program reads; an earlier file is untouched.
    BrokenPipeError
        If the reader of a pipe has left.
    """
    target = check_output(path)
    if not _is_direct(target):
        clear_stale(target.parent)
        write_atomically(target, data)
        return
    try:
        with os.fdopen(_open_direct(target), "wb") as stream:
            stream.write(data)
    except BrokenPipeError:
        raise
    except OSError as error:
        hint = "; start the program that reads it first" if error.errno == errno.ENXIO else ""
        raise MachineError(
            f"{printable(path)}: {len(data):,} bytes could not be written: {error.strerror}{hint}"
        ) from None


def write_outputs(files: Mapping[Path, bytes]) -> None:
    """Write all files, the first one last, or none of them, and the folders they are in.

    If one cannot be written, those before it are put back as they were. Errors as
    :func:`write_output`.
    """
    before = {path: path.read_bytes() if path.is_file() else None for path in files}
    done: list[Path] = []
    folders: list[Path] = []
    try:
        for path in files:
            _make_folders(path.parent, folders)
        for path, content in reversed(list(files.items())):
            write_output(path, content)
            done.append(path)
    except BaseException:
        for path in done:
            earlier = before[path]
            with contextlib.suppress(OSError, MachineError):
                if earlier is None:
                    path.unlink()
                else:
                    write_output(path, earlier)
        for folder in reversed(folders):
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


def _make_folders(path: Path, made: list[Path]) -> None:
    """Make a folder and those it is in, and add each to `made` (`MachineError`)."""
    missing = [each for each in (path, *path.parents) if not each.exists()]
    for folder in reversed(missing):
        try:
            folder.mkdir()
        except OSError as error:
            raise MachineError(
                f"{printable(folder)}: the folder cannot be made: {error.strerror}"
            ) from None
        made.append(folder)


def make_folder(path: Path) -> None:
    """Make a folder and those it is in, unless they are there; other processes may do the same.

    Raises
    ------
    MachineError
        If it cannot be made, or something else is there.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise MachineError(f"{printable(path)}: is not a folder; use another") from None
    except OSError as error:
        raise MachineError(
            f"{printable(path)}: the folder cannot be made: {error.strerror}"
        ) from None


def remove_folder(path: Path, *names: str) -> None:
    """Remove a folder that holds nothing but the files `names`; leave what cannot be removed."""
    with contextlib.suppress(OSError):
        for name in names:
            (path / name).unlink(missing_ok=True)
        path.rmdir()


def check_output(path: Path) -> Path:
    """Return where :func:`write_output` will write, before anything is computed for it.

    Raises
    ------
    OptionError
        If it is a folder, or in a folder that does not exist.
    MachineError
        If it is a loop of links.
    """
    target = _follow(path)
    if target.is_dir():
        raise OptionError(f"{printable(path)}: is a folder; name a file in it")
    if not target.parent.is_dir():
        folder = printable(target.parent)
        raise OptionError(f"{printable(path)}: the folder {folder} does not exist; create it first")
    return target


MAX_LINKS = 40
"""Links followed from one to the next, as Linux does."""


def _follow(path: Path) -> Path:
    """Return where the links at `path` lead; a link to an open descriptor stays as it is."""
    target = path.absolute()
    for _ in range(MAX_LINKS):
        if not target.is_symlink() or _descriptor(target) is not None:
            return target
        target = target.parent.resolve() / os.readlink(target)
    raise MachineError(f"{printable(path)}: cannot be written: a loop of links")


def _is_direct(target: Path) -> bool:
    """Whether `target` is not a file to replace, but something to write into."""
    return _descriptor(target) is not None or (target.exists() and not target.is_file())


def _descriptor(target: Path) -> int | None:
    """Return the number of the descriptor of this process that `target` names; else None."""
    folders = ("/dev/fd", "/proc/self/fd", f"/proc/{os.getpid()}/fd")
    named = target.name.isdecimal() and str(target.parent) in folders
    return int(target.name) if named else None


def _open_direct(target: Path) -> int:
    """Open a device, a pipe or a descriptor for writing; a pipe without a reader raises ENXIO."""
    number = _descriptor(target)
    if number is not None:
        return os.dup(number)  # where it stands: at its end, if it appends
    if not platform.has("terminals"):
        return opened(target, os.O_WRONLY)
    descriptor = os.open(target, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    return descriptor
