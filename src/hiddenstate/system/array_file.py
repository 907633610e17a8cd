"""Named arrays and strict JSON in one checked file; the only format models are kept in.

A file is a safetensors file whose metadata holds one entry, `hiddenstate`: JSON with the
format version, the kind of file, its facts, and a SHA-256 over those facts and every array's
name, type, shape and bytes. Reading checks all of it before any array is used. There is no
pickle on any path.
"""

import hashlib
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.errors import MachineError, UntrustedFileError, printable
from hiddenstate.system.atomic_file import open_regular, write_atomically
from hiddenstate.system.memory import check_free
from hiddenstate.system.strict_json import canonical_json, check_fields, parse_json

FORMAT = 2
"""Version written; files of a newer one are refused."""

MAX_HEADER = 4 * 1024 * 1024
"""Longest safetensors header taken, in bytes; ours are a few KiB."""

LARGE = 2**26
"""Bytes from which on it is asked whether there is memory for a file."""

Arrays = Mapping[str, NDArray[Any]]

Layout = Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]]
"""Type and shape of arrays by name, known before any of them is read."""


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
