"""Reads .npy and .npz files of numbers or labels; pickled objects are always refused."""

import contextlib
import importlib
import math
import stat
import struct
import tokenize
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.lib import format as _untyped_format
from numpy.typing import NDArray

from hiddenstate.data.store import PIECE, mapped_rows
from hiddenstate.errors import DataError, HiddenstateError, Setting, UntrustedFileError, printable

npy_format: Any = _untyped_format  # typed only in later versions of numpy

MAX_RATIO = 1000
"""Largest ratio of unpacked to packed bytes of an archive."""

MAX_TOTAL = 8 * 1024**3
"""Largest unpacked size of an archive in bytes."""

_PIECE = 1 << 22

_NAME_LENGTH = 26
"""Where in the header of a member of an archive the length of its name is."""

_DAMAGE: tuple[type[Exception], ...] = (
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    KeyError,
    NotImplementedError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""Errors of `zipfile` for an archive that it cannot read."""

for _module, _error in (("lzma", "LZMAError"), ("compression.zstd", "ZstdError")):
    with contextlib.suppress(ImportError):  # not every Python has them, nor do browsers
        _DAMAGE += (getattr(importlib.import_module(_module), _error),)


class Header(NamedTuple):
    """Header of an .npy file, checked against the size of the file."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int
    """Bytes before the first value."""
    fortran: bool
    """Whether the first axis varies fastest, not the last."""

    @property
    def is_plain(self) -> bool:
        """Whether the values are in the file as they are in memory."""
        return not self.fortran and self.dtype.isnative

    @property
    def n_bytes(self) -> int:
        """Bytes of the values."""
        return math.prod(self.shape) * int(self.dtype.itemsize)


class First(NamedTuple):
    """The first rows of an array, and how many rows it has."""

    values: NDArray[Any]
    n_rows: int


def read_npy(path: Path) -> NDArray[Any]:
    """Read one .npy file of numbers or labels; errors are those of :func:`first_of_npy`."""
    return first_of_npy(path, None).values


def first_of_npy(path: Path, most: int | None) -> First:
    """Read the first rows of an .npy file: about `most` bytes, one row at least; None reads all.

    Raises
    ------
    DataError
        If it holds objects, is damaged, or does not have the size that its header declares.
    """
    try:
        with path.open("rb") as stream:
            return _read(stream, printable(path), path.stat().st_size, most)
    except OSError as error:
        raise DataError(f"{printable(path)}: cannot be read: {error.strerror or error}") from None


def npy_header(path: Path) -> Header:
    """Read the header of an .npy file and check the size of the file; no value is read.

    Raises
    ------
    DataError
        As in :func:`read_npy`.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            header = _read_header(stream, printable(path), size)
    except OSError as error:
        raise DataError(f"{printable(path)}: cannot be read: {error.strerror or error}") from None
    if size - header.offset != header.n_bytes:
        raise _wrong_size(header, size - header.offset, printable(path))
    return header


def read_npz(path: Path, max_bytes: float | None = None) -> dict[str, NDArray[Any]]:
    """Read all arrays of an .npz archive by name; errors are those of :func:`first_of_npz`."""
    return {name: first.values for name, first in first_of_npz(path, max_bytes, None).items()}


def first_of_npz(path: Path, max_bytes: float | None, most: int | None) -> dict[str, First]:
    """Read the first rows of all arrays of an .npz archive by name.

    Parameters
    ----------
    path : Path
    max_bytes : float, optional
        Largest unpacked size, instead of `MAX_TOTAL` and `MAX_RATIO`.
    most : int, optional
        Bytes of each array that are read, one row at least; None reads all.

    Raises
    ------
    DataError
        As in :func:`read_npy`, and for an archive that unpacks to too much.
    UntrustedFileError
        For a member that an .npz cannot have: a path, a link or a duplicate name.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_members(members, printable(path), max_bytes)
            arrays = {}
            for member in members:
                name = member.filename.removesuffix(".npy")
                with archive.open(member) as stream:
                    where = f"{printable(path)}:{printable(member.filename, 60)}"
                    mapped = None if most is not None else _mapped(path, member, stream, where)
                if mapped is not None:
                    arrays[name] = mapped
                    continue
                with archive.open(member) as stream:
                    arrays[name] = _read(stream, where, member.file_size, most)
            return arrays
    except HiddenstateError:
        raise
    except _DAMAGE as error:
        raise DataError(
            f"{printable(path)}: not an .npz file, or damaged ({printable(error, 60)}); "
            "save the arrays with numpy.savez"
        ) from None


def _mapped(path: Path, member: zipfile.ZipInfo, stream: IO[bytes], where: str) -> First | None:
    """Return a large array that is stored as it is in memory, read when it is used; its checksum is
    verified now. None of another array."""
    is_stored = member.compress_type == zipfile.ZIP_STORED
    if not is_stored or member.compress_size != member.file_size or member.file_size <= PIECE:
        return None
    header = _read_header(stream, where, member.file_size)
    if not header.is_plain or header.offset + header.n_bytes != member.file_size:
        return None
    while stream.read(_PIECE):
        pass
    with path.open("rb") as file:
        file.seek(member.header_offset + _NAME_LENGTH)
        lengths = struct.unpack("<HH", file.read(4))  # of its name and of what follows it
    first = member.header_offset + _NAME_LENGTH + 4 + sum(lengths) + header.offset
    values = mapped_rows(path, first, header.shape, header.dtype)
    return First(values, header.shape[0] if header.shape else 1)


def _check_members(members: list[zipfile.ZipInfo], where: str, max_bytes: float | None) -> None:
    names = [member.filename for member in members]
    for member in members:
        name = member.filename
        plain = name.endswith(".npy") and "/" not in name and "\\" not in name
        if not plain or names.count(name) > 1 or stat.S_ISLNK(member.external_attr >> 16):
            raise UntrustedFileError(
                f"{where}: member {printable(name, 60)} is not allowed in an .npz file (a path, a "
                "link or a duplicate name); save the arrays again with numpy.savez"
            )
    check_unpacked(members, where, max_bytes, "save it as .npy")


def check_unpacked(
    members: list[zipfile.ZipInfo], where: str, max_bytes: float | None, instead: str
) -> None:
    """Refuse an archive that unpacks to too much, with what to do `instead` (`DataError`)."""
    total = sum(member.file_size for member in members)
    packed = max(sum(member.compress_size for member in members), 1)
    bomb = total > MAX_TOTAL or (total > 2**24 and total > MAX_RATIO * packed)
    if bomb if max_bytes is None else total > max_bytes:
        default = f"{MAX_RATIO} times as much and {MAX_TOTAL}"
        limit = default if max_bytes is None else f"{max_bytes:.0f}"
        raise DataError(
            f"{where}: unpacks from {packed} to {total} bytes, expected at most {limit} bytes",
            instead,
            Setting("add", max_unpacked=f"{total / 2**30 + 0.01:.2f}"),
        )


def _read_header(stream: IO[bytes], where: str, size: int) -> Header:
    try:
        version = npy_format.read_magic(stream)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy warns of headers written by Python 2
            if version == (1, 0):
                shape, fortran, dtype = npy_format.read_array_header_1_0(stream)
            elif version == (2, 0):
                shape, fortran, dtype = npy_format.read_array_header_2_0(stream)
            else:
                raise ValueError(f"unknown version {version}")
    except (
        ValueError,
        EOFError,
        OverflowError,
        SyntaxError,
        TypeError,
        RecursionError,
        MemoryError,
        tokenize.TokenError,
    ):
        # numpy's messages may suggest unpickling, so they are not passed on.
        raise DataError(f"{where}: not an .npy file, or its header is damaged") from None
    if dtype.hasobject:
        raise DataError(f"{where}: contains pickled objects; save it again as numbers")
    if dtype.kind not in "fiubU" or not dtype.itemsize:
        raise DataError(f"{where}: holds {dtype}, expected numbers or labels")
    header = Header(shape, dtype, stream.tell(), fortran)
    if any(length < 0 for length in shape) or header.n_bytes > size:
        raise DataError(
            f"{where}: the header {printable(shape, 60)} declares {header.n_bytes} bytes, the file "
            f"has {size}"
        )
    return header


def _read(stream: IO[bytes], where: str, size: int, most: int | None) -> First:
    header = _read_header(stream, where, size)
    n_rows = header.shape[0] if header.shape else 1
    if most is not None and header.n_bytes > most and n_rows > 1:
        n = max(1, most * n_rows // header.n_bytes)
        return First(_first_rows(stream, header, n, where), n_rows)
    data = np.empty(header.n_bytes, np.uint8)
    n_read = 0
    while piece := stream.read(min(_PIECE, header.n_bytes + 1 - n_read)):
        if n_read + len(piece) <= header.n_bytes:
            data[n_read : n_read + len(piece)] = np.frombuffer(piece, np.uint8)
        n_read += len(piece)
    if n_read != header.n_bytes:
        raise _wrong_size(header, n_read, where)
    return First(_shaped(data, header, where), n_rows)


def _first_rows(stream: IO[bytes], header: Header, n: int, where: str) -> NDArray[Any]:
    """Read the first `n` rows; those of a Fortran array are spread over the whole array."""
    first = header._replace(shape=(n, *header.shape[1:]))
    n_blocks = first.n_bytes // (n * header.dtype.itemsize) if header.fortran else 1
    length, whole = first.n_bytes // n_blocks, header.n_bytes // n_blocks
    data = bytearray()
    for block in range(n_blocks):
        piece = stream.read(length)
        if len(piece) < length:
            raise _wrong_size(header, block * whole + len(piece), where)
        data += piece
        if block + 1 < n_blocks:
            stream.seek(whole - length, 1)
    return _shaped(np.frombuffer(data, np.uint8), first, where)


def _shaped(data: NDArray[np.uint8], header: Header, where: str) -> NDArray[Any]:
    """Return bytes as the array that a header describes."""
    values: NDArray[Any] = data.view(header.dtype)
    try:
        values = values.reshape(header.shape, order="F" if header.fortran else "C")
    except (ValueError, OverflowError, TypeError):
        raise DataError(
            f"{where}: the header {printable(header.shape, 60)} is not a valid shape"
        ) from None
    return np.asarray(values.astype(header.dtype.newbyteorder("="), copy=False), order="C")


def _wrong_size(header: Header, n_bytes: int, where: str) -> DataError:
    size = n_bytes if n_bytes < header.n_bytes else "more"
    return DataError(
        f"{where}: the header {printable(header.shape, 60)} declares {header.n_bytes} bytes, found "
        f"{size}"
    )
