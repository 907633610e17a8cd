"""The idx format of MNIST and its kin, plain or gzipped.

A file is: two zero bytes, a type code, the number of axes, each axis as a big-endian 32-bit
length, then the values, big-endian, last axis fastest (the description on the MNIST page of
LeCun, Cortes and Burges).
"""

import gzip
import math
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.config import DataConfig
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.rows import Rows
from hiddenstate.errors import DataError, printable

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_PIECE = 1 << 22


def read_idx(path: Path) -> NDArray[Any]:
    """Read one idx file, gzipped or not, by its content.

    Nothing is allocated beyond what the file really holds.

    Raises
    ------
    DataError
        For a bad magic number or type code, too few or too many bytes, or damaged gzip.
    """
    where = printable(path)
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if not packed:
                return _read(raw, where)
            with gzip.GzipFile(fileobj=raw) as stream:
                try:
                    return _read(stream, where)
                except EOFError:
                    raise DataError(
                        f"{where}: the gzip stream ends early, at byte {raw.tell()}; "
                        "fetch the file again"
                    ) from None
                except (zlib.error, gzip.BadGzipFile) as error:
                    raise DataError(
                        f"{where}: damaged gzip near byte {raw.tell()}: {error}; "
                        "fetch the file again"
                    ) from None
    except OSError as error:
        raise DataError(f"{where}: cannot be read: {error.strerror or error}") from None


def _read(stream: IO[bytes] | gzip.GzipFile, where: str) -> NDArray[Any]:
    head = stream.read(4)
    if len(head) < 4 or head[:2] != b"\0\0":
        raise DataError(f"{where}: not an idx file: starts with {head.hex() or 'nothing'}")
    code, n_axes = head[2], head[3]
    if code not in TYPES or not 1 <= n_axes <= 8:
        raise DataError(
            f"{where}: type code 0x{code:02x} with {n_axes} axes; expected one of "
            f"{', '.join(f'0x{known:02x}' for known in TYPES)} with 1 to 8 axes"
        )
    lengths = stream.read(4 * n_axes)
    if len(lengths) < 4 * n_axes:
        raise DataError(f"{where}: ends inside its header")
    shape = tuple(int(length) for length in np.frombuffer(lengths, ">u4"))
    dtype = np.dtype(TYPES[code])
    expected = math.prod(shape) * dtype.itemsize
    payload = bytearray()
    while piece := stream.read(min(_PIECE, expected + 1 - len(payload))):
        payload += piece
    if len(payload) != expected:
        found = f"only {len(payload)}" if len(payload) < expected else "more"
        raise DataError(f"{where}: header {shape} promises {expected} bytes, {found} follow")
    try:
        values = np.frombuffer(payload, dtype).reshape(shape)
    except ValueError:
        raise DataError(f"{where}: header {shape} is no shape an array can have") from None
    return values.astype(dtype.newbyteorder("="), copy=False)


def is_idx(path: Path) -> bool:
    """Whether a name is one the format has: `...-idx3-ubyte`, `x.idx`, gzipped or not."""
    stem = path.name.removesuffix(".gz")
    return stem.endswith(("ubyte", ".idx"))


def is_idx_folder(path: Path) -> bool:
    """Whether a folder, or its `raw` folder, holds idx files."""
    return any(next(place.glob("*idx[13]-ubyte*"), None) for place in _places(path))


def _places(folder: Path) -> list[Path]:
    return [folder, folder / "raw", *sorted(folder.glob("*/raw"))]


def read_idx_file(path: Path, how: DataConfig, job: str, answered: bool = True) -> SequenceDataset:
    """Read one idx file: a training images file with its kin, or, not answered, rows alone.

    Raises
    ------
    DataError
        As :func:`read_idx_folder`.
    """
    if answered or "train-images" in path.name:
        return read_idx_folder(path, how, job)
    X = read_idx(path)
    picture = X.shape[1:] if X.ndim == 3 else None
    return SequenceDataset(path.name, Rows(X), kind="an idx file", picture=picture)


def read_idx_folder(
    path: Path, how: DataConfig, job: str, answered: bool = True
) -> SequenceDataset:
    """Read training and test images and labels from a folder, or from one images file's side.

    `path` may be a folder with the four files, one with a `raw` folder (torchvision's
    layout), or the training images file itself, which settles which of several sets is meant.

    Raises
    ------
    DataError
        If the four files cannot be told, or images and labels differ in number.
    """
    train_images = path if path.is_file() else _find_train_images(path)
    arrays = []
    for split in ("train", "test"):
        images_path = _sibling(train_images, split, "images")
        labels_path = _sibling(train_images, split, "labels")
        images, labels = read_idx(images_path), read_idx(labels_path)
        if images.dtype != np.uint8 or images.ndim != 3 or 0 in images.shape:
            raise DataError(
                f"{printable(images_path)}: expected images of uint8 (N, rows, columns), "
                f"got {images.dtype} {images.shape}"
            )
        if labels.ndim != 1 or len(labels) != len(images):
            raise DataError(
                f"{printable(labels_path)}: {labels.size} labels for {len(images)} images"
            )
        arrays.append((images, labels))
    (X, y), (X_test, y_test) = arrays
    if X.shape[1:] != X_test.shape[1:]:
        raise DataError(
            f"{printable(path)}: training images are {X.shape[1:]}, test images {X_test.shape[1:]}"
        )
    return SequenceDataset(
        path.name,
        Rows(X, y.astype(np.int64)),
        Rows(X_test, y_test.astype(np.int64)),
        kind="idx files of images and labels",
        picture=X.shape[1:],
    )


def _find_train_images(folder: Path) -> Path:
    found: dict[tuple[Path, str], Path] = {}
    for place in _places(folder):
        for pattern in ("*train-images*idx3-ubyte", "*train-images*idx3-ubyte.gz"):
            for path in sorted(place.glob(pattern)):
                found.setdefault((place, path.name.removesuffix(".gz")), path)
    if not found:
        raise DataError(
            f"{printable(folder)}: no train-images-idx3-ubyte (plain or .gz) in it or in its raw "
            "folder"
        )
    if len(found) > 1:
        names = ", ".join(printable(path.relative_to(folder)) for path in found.values())
        raise DataError(
            f"{printable(folder)}: holds several sets; name one training images file: {names}"
        )
    return next(iter(found.values()))


def _sibling(train_images: Path, split: str, content: str) -> Path:
    """The file of `split` and `content` beside the training images, .gz or not."""
    name = train_images.name.removesuffix(".gz")
    if "train-images" not in name or "idx3" not in name:
        raise DataError(
            f"{printable(train_images)}: expected a training images file, named like "
            "train-images-idx3-ubyte"
        )
    if content == "labels":
        name = name.replace("-images", "-labels").replace("idx3", "idx1")
    before, after = name.split("train-", 1)
    wanted = [
        f"{before}{word}-{after}" for word in (("train",) if split == "train" else ("t10k", "test"))
    ]
    for candidate in wanted:
        for path in (train_images.with_name(candidate), train_images.with_name(candidate + ".gz")):
            if path.is_file():
                return path
    raise DataError(
        f"{printable(train_images.parent)}: {wanted[0]} (plain or .gz) is missing beside the "
        "training images"
    )
