"""Named arrays and strict JSON in one checked file; the only format models are kept in.

A file is a safetensors file whose metadata holds one entry, `hiddenstate`: JSON with the
format version, the kind of file, its facts, and a SHA-256 over those facts and every array's
name, type, shape and bytes. Reading checks all of it before any array is used. There is no
pickle on any path.
"""

import contextlib
import errno
import hashlib
import json
import math
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.errors import MachineError, UntrustedFileError, printable
from hiddenstate.system.memory import check_free

FORMAT = 2
"""Version written; files of a newer one are refused."""

MAX_HEADER = 4 * 1024 * 1024
"""Longest safetensors header taken, in bytes; ours are a few KiB."""

LARGE = 2**26
"""Bytes from which on it is asked whether there is memory for a file."""

Arrays = Mapping[str, NDArray[Any]]

Layout = Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]]
"""Type and shape of arrays by name, known before any of them is read."""

TEMPORARY = ".hiddenstate-tmp-"
"""What the name of a file still being written begins with; its process's number follows."""

_TYPES = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "I32": "<i4", "U8": "|u1"}


def write_arrays(
    path: Path, kind: str, arrays: Arrays, facts: Mapping[str, Any], durable: bool = True
) -> None:
    """Write `arrays` and the JSON-ready `facts` to `path`, whole or not at all.

    `durable` waits until the disk has it.

    Raises
    ------
    MachineError
        If the file cannot be written; what stood at `path` before is untouched.
    """
    import safetensors.numpy

    plain = {name: np.asarray(array, order="C") for name, array in sorted(arrays.items())}
    strange = {a.dtype.str for a in plain.values()} - set(_TYPES.values())
    if strange:
        raise TypeError(f"{path}: arrays of {', '.join(strange)} have no place in the format")
    body = {"format": FORMAT, "kind": kind, "facts": dict(facts)}
    body["sha256"] = _digest(body, plain)
    data = safetensors.numpy.save(plain, metadata={"hiddenstate": canonical_json(body)})
    write_atomically(path, data, durable)


def read_arrays(
    path: Path, kind: str, fits: Callable[[Layout, dict[str, Any]], None] | None = None
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays and facts of a file :func:`write_arrays` made.

    Header and facts come first; then `fits` may refuse them, given the layout the header states
    and the facts; and only then room is made for the arrays.

    Raises
    ------
    UntrustedFileError
        If the file is not one of ours, is damaged, newer, or of another kind.
    MachineError
        If it cannot be opened, or holds more than there is memory for.
    """
    try:
        with open_regular(path) as stream:
            size = os.fstat(stream.fileno()).st_size
            start, header = _header(path, stream, size)
            body, stated = _body(path, header.pop("__metadata__", None))
            if body["kind"] != kind:
                raise UntrustedFileError(
                    f"{printable(path)}: holds a {printable(body['kind'], 40)}, expected a {kind}"
                )
            layout, places = _layout(path, header, size - start)
            if fits is not None:
                fits(layout, body["facts"])
            if size > LARGE:
                check_free(
                    2 * size, f"reading {printable(path)}", "free some, or use a smaller file"
                )
            data = stream.read(size - start)
    except OSError as error:
        raise MachineError(f"{printable(path)}: cannot be read: {error.strerror}") from None
    if len(data) != size - start:
        raise UntrustedFileError(f"{printable(path)}: became shorter while it was read")
    arrays = {}
    for name, (dtype, shape) in layout.items():
        values = np.frombuffer(data, dtype, math.prod(shape), places[name])
        arrays[name] = values.reshape(shape).copy()
    found = _digest(body, arrays)
    if stated != found:
        raise UntrustedFileError(
            f"{printable(path)}: SHA-256 of the contents is {found[:12]}…, the file states "
            f"{printable(stated, 12)}; it was damaged or changed, use another copy"
        )
    return arrays, body["facts"]


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


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces; NaN and infinity are refused."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def parse_json(text: str) -> Any:
    """Parse JSON, refusing duplicate keys and numbers JSON does not have (`ValueError`)."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a key stands twice")
        return found

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is not JSON")

    def finite(text: str) -> float:
        number = float(text)
        if not math.isfinite(number):
            raise ValueError(f"{text[:40]} is out of range")
        return number

    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=refuse, parse_float=finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _digest(body: Mapping[str, Any], arrays: Arrays) -> str:
    digest = hashlib.sha256(canonical_json(body).encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(canonical_json([name, array.dtype.str, list(array.shape)]).encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _header(path: Path, stream: IO[bytes], size: int) -> tuple[int, dict[str, Any]]:
    """Where the arrays begin, and the safetensors header: its length in 8 bytes, then JSON."""
    length = int.from_bytes(stream.read(8), "little")
    if size < 8 or length > min(MAX_HEADER, size - 8):
        raise UntrustedFileError(
            f"{printable(path)}: not a whole safetensors file (its header claims {length} bytes, "
            f"the file has {size})"
        )
    try:
        header = parse_json(stream.read(length).decode())
    except ValueError as error:
        raise UntrustedFileError(f"{printable(path)}: damaged header: {error}") from None
    if not isinstance(header, dict):
        raise UntrustedFileError(f"{printable(path)}: damaged header: not a JSON object")
    return 8 + length, header


def _body(path: Path, metadata: Any) -> tuple[dict[str, Any], str]:
    """Our JSON out of the metadata, its outer shape and version checked, and its digest."""
    text = metadata.get("hiddenstate") if isinstance(metadata, dict) else None
    if not isinstance(text, str) or len(metadata) > 1:
        raise UntrustedFileError(
            f"{printable(path)}: a safetensors file, but not written by hiddenstate"
        )
    try:
        body = parse_json(text)
    except ValueError as error:
        raise UntrustedFileError(f"{printable(path)}: damaged facts: {error}") from None
    if isinstance(body, dict) and isinstance(body.get("format"), int) and body["format"] > FORMAT:
        raise UntrustedFileError(
            f"{printable(path)}: written in format {body['format']}, this version reads up to "
            f"{FORMAT}; update hiddenstate"
        )
    fields = {"format": int, "kind": str, "facts": dict, "sha256": str}
    checked = check_fields(body, fields, f"{printable(path)}: damaged facts")
    if checked["format"] < 1:
        raise UntrustedFileError(f"{printable(path)}: there is no format {checked['format']}")
    if canonical_json(body) != text:  # the same values in other letters were not written by us
        raise UntrustedFileError(f"{printable(path)}: damaged facts: not canonical JSON")
    return checked, checked.pop("sha256")


def check_fields(
    value: Any, fields: Mapping[str, type | tuple[type, ...]], what: str
) -> dict[str, Any]:
    """Return `value` if it is a dict of exactly these fields, each of its exact type.

    Raises
    ------
    UntrustedFileError
        Beginning with `what`.
    """
    if not isinstance(value, dict) or set(value) != set(fields):
        raise UntrustedFileError(f"{what}: expected {', '.join(fields)} and nothing else")
    for name, kind in fields.items():
        if type(value[name]) not in (kind if isinstance(kind, tuple) else (kind,)):
            raise UntrustedFileError(f"{what}: {name} is of another type")
    return value


def _layout(path: Path, header: dict[str, Any], n_bytes: int) -> tuple[Layout, dict[str, int]]:
    """Types and shapes the header lists, and where each array begins in the data.

    Together the arrays must fill the `n_bytes` of data, end to end.
    """
    layout, places, spans = {}, {}, []
    for name, entry in header.items():
        try:
            if set(entry) != {"dtype", "shape", "data_offsets"}:
                raise ValueError("expected a dtype, a shape, data_offsets and nothing else")
            dtype = np.dtype(_TYPES[entry["dtype"]])
            numbers = [*entry["shape"], *entry["data_offsets"]]
            if not all(type(number) is int for number in numbers):
                raise ValueError("sizes and offsets are whole numbers")
            shape, (first, last) = tuple(entry["shape"]), entry["data_offsets"]
            fits = min(shape, default=0) >= 0 and 0 <= first <= last <= n_bytes
            if not fits or last - first != math.prod(shape) * dtype.itemsize:
                raise ValueError("size and offsets disagree")
            np.empty(0).reshape((0, *shape))  # numpy's own bounds: number and product of axes
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise UntrustedFileError(
                f"{printable(path)}: array {printable(name, 60)} is damaged: {printable(error)}"
            ) from None
        layout[name], places[name] = (dtype, shape), first
        spans.append((first, last))
    end = 0
    for first, last in sorted(spans):
        if first != end:
            raise UntrustedFileError(f"{printable(path)}: arrays overlap or leave holes")
        end = last
    if end != n_bytes:
        raise UntrustedFileError(
            f"{printable(path)}: arrays cover {end} bytes, the file holds {n_bytes}"
        )
    return layout, places
