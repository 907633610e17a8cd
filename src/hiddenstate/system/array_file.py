"""Reads and writes named arrays with JSON facts in one checked file; models are stored in it.

An array file is a safetensors file whose metadata has one entry, `hiddenstate`: JSON with the
format version, the kind of file, its facts, and a SHA-256 over these and every array's name,
type, shape and bytes. Reading checks all of it before any array is used. Nothing is pickled.
"""

import hashlib
import io
import math
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from hiddenstate.errors import MachineError, UntrustedFileError, printable
from hiddenstate.system.atomic_file import open_regular, write_atomically
from hiddenstate.system.memory import LARGE, check_free
from hiddenstate.system.strict_json import canonical_json, check_fields, parse_json
from hiddenstate.system.typing import Array, Arrays

ARRAY_FILE_FORMAT = 2
"""Version of the format that is written of arrays of other types."""

BYTES_FORMAT = 3
"""Version of files with arrays of int8 or float16, and of no other; newer ones are refused."""

MAX_HEADER = 4 * 1024 * 1024
"""Longest safetensors header that is read, in bytes; those written here have a few KiB."""

Layout = Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]]
"""Type and shape of arrays by name, as a file's header states them."""


_TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "I64": "<i8",
    "I32": "<i4",
    "U8": "|u1",
    "I8": "|i1",
    "F16": "<f2",
}


def write_arrays(
    path: Path, kind: str, arrays: Arrays, facts: Mapping[str, Any], durable: bool = True
) -> None:
    """Write `arrays` and `facts` to `path` atomically; see :func:`encode_arrays`.

    `durable` flushes the file to disk before returning.

    Raises
    ------
    MachineError
        If the file cannot be written; an earlier file at `path` is untouched.
    """
    write_atomically(path, encode_arrays(kind, arrays, facts), durable)


def encode_arrays(kind: str, arrays: Arrays, facts: Mapping[str, Any]) -> bytes:
    """Return the bytes of an array file.

    Parameters
    ----------
    kind : str
        What the file is, such as "model"; :func:`read_arrays` checks it.
    arrays : mapping of str to ndarray
        Of types float64, float32, int64, int32, uint8, int8 or float16.
    facts : mapping
        Values that JSON can hold.
    """
    import safetensors.numpy

    plain = {name: np.asarray(array, order="C") for name, array in sorted(arrays.items())}
    unsupported = {a.dtype.str for a in plain.values()} - set(_TYPES.values())
    if unsupported:
        raise TypeError(f"unsupported array type {', '.join(unsupported)}")
    version = _format_of(array.dtype for array in plain.values())
    body = {"format": version, "kind": kind, "facts": dict(facts)}
    body["sha256"] = _digest(body, plain)
    return safetensors.numpy.save(plain, metadata={"hiddenstate": canonical_json(body)})


def read_arrays(
    path: Path, kind: str, check: Callable[[Layout, dict[str, Any]], None] | None = None
) -> tuple[dict[str, Array], dict[str, Any]]:
    """Return the arrays and facts of a file that :func:`write_arrays` wrote.

    Parameters
    ----------
    path : Path
    kind : str
        The kind of file expected.
    check : callable, optional
        Takes the layout that the header states and the facts, and may raise an error; called
        before memory is allocated for the arrays.

    Raises
    ------
    UntrustedFileError
        If the file was not written by hiddenstate, or is damaged, newer, or of another kind.
    MachineError
        If it cannot be opened, or needs more memory than is free.
    """
    try:
        with open_regular(path) as stream:
            return _read(path, stream, os.fstat(stream.fileno()).st_size, kind, check)
    except OSError as error:
        raise MachineError(f"{printable(path)}: cannot be read: {error.strerror}") from None


def decode_arrays(
    content: bytes,
    where: str,
    kind: str,
    check: Callable[[Layout, dict[str, Any]], None] | None = None,
) -> tuple[dict[str, Array], dict[str, Any]]:
    """Return the arrays and facts in the bytes that :func:`encode_arrays` returned.

    `where` names them in errors, which are those of :func:`read_arrays`.
    """
    return _read(Path(where), io.BytesIO(content), len(content), kind, check)


def _read(
    path: Path,
    stream: IO[bytes],
    size: int,
    kind: str,
    check: Callable[[Layout, dict[str, Any]], None] | None,
) -> tuple[dict[str, Array], dict[str, Any]]:
    """Read an array file of `size` bytes from a stream; `path` names it in errors."""
    start, header = _header(path, stream, size)
    body, recorded = _body_of_kind(path, header.pop("__metadata__", None), kind)
    layout, offsets = _layout(path, header, size - start)
    needed = _format_of(dtype for dtype, _ in layout.values())
    if BYTES_FORMAT in (needed, body["format"]) and needed != body["format"]:
        raise UntrustedFileError(
            f"{printable(path)}: damaged facts: its arrays are not those of format {body['format']}"
        )
    if check is not None:
        check(layout, body["facts"])
    if size > LARGE:
        check_free(2 * size, f"reading {printable(path)}", "free memory, or use a smaller file")
    data = stream.read(size - start)
    if len(data) != size - start:
        raise UntrustedFileError(f"{printable(path)}: was truncated while it was read")
    arrays = {}
    for name, (dtype, shape) in layout.items():
        values = np.frombuffer(data, dtype, math.prod(shape), offsets[name])
        arrays[name] = values.reshape(shape).copy()
    digest = _digest(body, arrays)
    if recorded != digest:
        raise UntrustedFileError(
            f"{printable(path)}: SHA-256 of the contents is {digest[:12]}…, recorded is "
            f"{printable(recorded, 12)}",
            "the file was damaged or changed, use another copy",
        )
    return arrays, body["facts"]


def read_facts(path: Path, kind: str) -> dict[str, Any]:
    """Return the facts of such a file without its arrays; their checksum is not compared.

    Errors as :func:`read_arrays`.
    """
    body = _body_of_kind(path, _metadata(path), kind)[0]
    facts: dict[str, Any] = body["facts"]
    return facts


def kind_of_file(path: Path) -> str:
    """Return what kind of array file this is; errors as :func:`read_arrays`."""
    return str(_body(path, _metadata(path))[0]["kind"])


def _metadata(path: Path) -> Any:
    try:
        with open_regular(path) as stream:
            size = os.fstat(stream.fileno()).st_size
            return _header(path, stream, size)[1].pop("__metadata__", None)
    except OSError as error:
        raise MachineError(f"{printable(path)}: cannot be read: {error.strerror}") from None


def _format_of(dtypes: Iterable[np.dtype[Any]]) -> int:
    """Return the format of a file with arrays of these types."""
    return (
        BYTES_FORMAT if {np.dtype(np.int8), np.dtype(np.float16)} & {*dtypes} else ARRAY_FILE_FORMAT
    )


def _digest(body: Mapping[str, Any], arrays: Arrays) -> str:
    digest = hashlib.sha256(canonical_json(body).encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(canonical_json([name, array.dtype.str, list(array.shape)]).encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _header(path: Path, stream: IO[bytes], size: int) -> tuple[int, dict[str, Any]]:
    """Return the offset of the arrays and the safetensors header: 8 bytes of length, then JSON."""
    length = int.from_bytes(stream.read(8), "little")
    if size < 8 or length > min(MAX_HEADER, size - 8):
        raise UntrustedFileError(
            f"{printable(path)}: not a complete safetensors file (its header should have {length} "
            f"bytes, the file has {size})"
        )
    try:
        header = parse_json(stream.read(length).decode())
    except ValueError as error:
        raise UntrustedFileError(f"{printable(path)}: damaged header: {error}") from None
    if not isinstance(header, dict):
        raise UntrustedFileError(f"{printable(path)}: damaged header: not a JSON object")
    return 8 + length, header


def _body_of_kind(path: Path, metadata: Any, kind: str) -> tuple[dict[str, Any], str]:
    """As :func:`_body`, of a file of this kind."""
    body, recorded = _body(path, metadata)
    if body["kind"] != kind:
        raise UntrustedFileError(
            f"{printable(path)}: is a {printable(body['kind'], 40)} file, expected a {kind} file"
        )
    return body, recorded


def _body(path: Path, metadata: Any) -> tuple[dict[str, Any], str]:
    """Return the JSON in the metadata, its fields and version checked, and its digest."""
    text = metadata.get("hiddenstate") if isinstance(metadata, dict) else None
    if not isinstance(text, str) or len(metadata) > 1:
        raise UntrustedFileError(
            f"{printable(path)}: a safetensors file, but not written by hiddenstate"
        )
    try:
        body = parse_json(text)
    except ValueError as error:
        raise UntrustedFileError(f"{printable(path)}: damaged facts: {error}") from None
    version = body.get("format") if isinstance(body, dict) else None
    if isinstance(version, int) and version > BYTES_FORMAT:
        raise UntrustedFileError(
            f"{printable(path)}: written in format {version}, this version reads up to "
            f"{BYTES_FORMAT}; update hiddenstate"
        )
    fields = {"format": int, "kind": str, "facts": dict, "sha256": str}
    checked = check_fields(body, fields, f"{printable(path)}: damaged facts")
    if checked["format"] < 1:
        raise UntrustedFileError(f"{printable(path)}: there is no format {checked['format']}")
    if canonical_json(body) != text:  # another spelling of the same values is not ours
        raise UntrustedFileError(f"{printable(path)}: damaged facts: not canonical JSON")
    return checked, checked.pop("sha256")


def _layout(path: Path, header: dict[str, Any], n_bytes: int) -> tuple[Layout, dict[str, int]]:
    """Return the types and shapes in the header, and the offset of each array in the data.

    Together the arrays must fill the `n_bytes` of data without gaps.
    """
    layout, offsets, spans = {}, {}, []
    for name, entry in header.items():
        try:
            if set(entry) != {"dtype", "shape", "data_offsets"}:
                raise ValueError("expected a dtype, a shape, data_offsets and nothing else")
            dtype = np.dtype(_TYPES[entry["dtype"]])
            numbers = [*entry["shape"], *entry["data_offsets"]]
            if not all(type(number) is int for number in numbers):
                raise ValueError("expected integers as sizes and offsets")
            shape, (first, last) = tuple(entry["shape"]), entry["data_offsets"]
            fits = min(shape, default=0) >= 0 and 0 <= first <= last <= n_bytes
            if not fits or last - first != math.prod(shape) * dtype.itemsize:
                raise ValueError("size and offsets do not match")
            np.empty(0).reshape((0, *shape))  # raises if numpy allows no such shape
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise UntrustedFileError(
                f"{printable(path)}: array {printable(name, 60)} is damaged: {printable(error)}"
            ) from None
        layout[name], offsets[name] = (dtype, shape), first
        spans.append((first, last))
    end = 0
    for first, last in sorted(spans):
        if first != end:
            raise UntrustedFileError(f"{printable(path)}: arrays overlap or leave gaps")
        end = last
    if end != n_bytes:
        raise UntrustedFileError(
            f"{printable(path)}: arrays cover {end} bytes, the file has {n_bytes} bytes of data"
        )
    return layout, offsets
