"""Named arrays and strict JSON in one checked file; the only format models are kept in.

A file is a safetensors file whose metadata holds one entry, `hiddenstate`: JSON with the
format version, the kind of file, its facts, and a SHA-256 over those facts and every array's
name, type, shape and bytes. Reading checks all of it before any array is used. There is no
pickle on any path.
"""

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.errors import MachineError, UntrustedFileError, printable

FORMAT = 2
"""Version written; files of a newer one are refused."""

MAX_HEADER = 4 * 1024 * 1024
"""Longest safetensors header taken, in bytes; ours are a few KiB."""

Arrays = Mapping[str, NDArray[Any]]

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

    plain = {name: np.array(array, order="C") for name, array in sorted(arrays.items())}
    strange = {a.dtype.str for a in plain.values()} - set(_TYPES.values())
    if strange:
        raise TypeError(f"{path}: arrays of {', '.join(strange)} have no place in the format")
    body = {"format": FORMAT, "kind": kind, "facts": dict(facts)}
    body["sha256"] = _digest(body, plain)
    data = safetensors.numpy.save(plain, metadata={"hiddenstate": canonical_json(body)})
    write_atomically(path, data, durable)


def read_arrays(path: Path, kind: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays and facts of a file :func:`write_arrays` made.

    Raises
    ------
    UntrustedFileError
        If the file is not one of ours, is damaged, newer, or of another kind.
    MachineError
        If it cannot be opened.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MachineError(f"{printable(path)}: cannot be read: {error.strerror}") from None
    header = _header(path, data)
    body = _body(path, header.pop("__metadata__", None))
    arrays = _arrays(path, data, header)
    stated = body.pop("sha256")
    found = _digest(body, arrays)
    if stated != found:
        raise UntrustedFileError(
            f"{printable(path)}: SHA-256 of the contents is {found[:12]}…, the file states "
            f"{printable(stated, 12)}; it was damaged or changed, use another copy"
        )
    if body["kind"] != kind:
        raise UntrustedFileError(
            f"{printable(path)}: holds a {printable(body['kind'], 40)}, expected a {kind}"
        )
    return arrays, body["facts"]


def write_atomically(path: Path, data: bytes, durable: bool = True) -> None:
    """Write `data` to a temporary neighbour, flush it to disk, rename it to `path`."""
    handle, temporary = -1, ""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".tmp-")
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
        if durable:
            _flush_folder(path.parent)
    except OSError as error:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        raise MachineError(
            f"{printable(path)}: {len(data)} bytes could not be written: {error.strerror}; "
            "the earlier file, if any, is intact"
        ) from None


def write_answer(path: Path, data: bytes) -> None:
    """Write what a command answers: to a device or pipe as it is, else whole or not at all."""
    if path.exists() and not path.is_file():
        path.write_bytes(data)
    else:
        write_atomically(path.resolve(), data)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
        digest.update(array.tobytes())
    return digest.hexdigest()


def _header(path: Path, data: bytes) -> dict[str, Any]:
    """The safetensors header: a little-endian length in 8 bytes, then that much JSON."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(MAX_HEADER, len(data) - 8):
        raise UntrustedFileError(
            f"{printable(path)}: not a whole safetensors file (its header claims {length} bytes, "
            f"the file has {len(data)})"
        )
    try:
        header = parse_json(data[8 : 8 + length].decode())
    except ValueError as error:
        raise UntrustedFileError(f"{printable(path)}: damaged header: {error}") from None
    if not isinstance(header, dict):
        raise UntrustedFileError(f"{printable(path)}: damaged header: not a JSON object")
    return header


def _body(path: Path, metadata: Any) -> dict[str, Any]:
    """Our JSON out of the metadata, its outer shape and version checked."""
    if not isinstance(metadata, dict) or not isinstance(metadata.get("hiddenstate"), str):
        raise UntrustedFileError(
            f"{printable(path)}: a safetensors file, but not written by hiddenstate"
        )
    try:
        body = parse_json(metadata["hiddenstate"])
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
    return checked


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


def _arrays(path: Path, data: bytes, header: dict[str, Any]) -> dict[str, NDArray[Any]]:
    """Every array the header lists, each checked to lie inside the file, end to end."""
    start = 8 + int.from_bytes(data[:8], "little")
    arrays, places = {}, []
    for name, entry in header.items():
        try:
            dtype = np.dtype(_TYPES[entry["dtype"]])
            shape = tuple(int(size) for size in entry["shape"])
            first, last = (int(offset) for offset in entry["data_offsets"])
            count = int(np.prod(shape, dtype=object)) if shape else 1
            fits = min(shape, default=0) >= 0 and 0 <= first <= last <= len(data) - start
            if not fits or last - first != count * dtype.itemsize:
                raise ValueError("size and offsets disagree")
            values = np.frombuffer(data, dtype, count, start + first).reshape(shape)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise UntrustedFileError(
                f"{printable(path)}: array {printable(name, 60)} is damaged: {error}"
            ) from None
        arrays[name] = values.copy()
        places.append((first, last))
    ends = [0]
    for first, last in sorted(places):
        if first != ends[-1]:
            raise UntrustedFileError(f"{printable(path)}: arrays overlap or leave holes")
        ends.append(last)
    if start + ends[-1] != len(data):
        raise UntrustedFileError(
            f"{printable(path)}: arrays cover {ends[-1]} bytes, the file holds {len(data) - start}"
        )
    return arrays
