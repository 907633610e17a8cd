"""Reads files in the idx format of MNIST, gzipped or not.

A file holds two zero bytes, a type code, the number of axes, the length of each axis as a
big-endian 32-bit number, and the values, big-endian, last axis fastest (described on the MNIST page
of LeCun, Cortes and Burges).
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
from hiddenstate.errors import DataError, listed, printable

DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
SAMPLE_ROWS = 10_000
"""Most rows of a file that are read if a sample is enough."""

_PIECE = 1 << 22


def read_idx(path: Path, most: int | None = None) -> NDArray[Any]:
    """Read one idx file, or its first `most` rows; whether it is gzipped its content decides.

    No more memory is allocated than the file has bytes, whatever its header says.

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
                return _read(raw, where, most)
            with gzip.GzipFile(fileobj=raw) as stream:
                try:
                    return _read(stream, where, most)
                except EOFError:
                    raise DataError(
                        f"{where}: the gzip stream ends early, at byte {raw.tell()}; "
                        "download the file again"
                    ) from None
                except (zlib.error, gzip.BadGzipFile) as error:
                    raise DataError(
                        f"{where}: damaged gzip near byte {raw.tell()}: {error}; "
                        "download the file again"
                    ) from None
    except OSError as error:
        raise DataError(f"{where}: cannot be read: {error.strerror or error}") from None


def _read(stream: IO[bytes] | gzip.GzipFile, where: str, most: int | None) -> NDArray[Any]:
    head = stream.read(4)
    if len(head) < 4 or head[:2] != b"\0\0":
        raise DataError(f"{where}: not an idx file: starts with {head.hex() or 'nothing'}")
    code, n_axes = head[2], head[3]
    if code not in DTYPES or not 1 <= n_axes <= 8:
        raise DataError(
            f"{where}: type code 0x{code:02x} with {n_axes} axes; expected one of "
            f"{', '.join(f'0x{valid:02x}' for valid in DTYPES)} with 1 to 8 axes"
        )
    lengths = stream.read(4 * n_axes)
    if len(lengths) < 4 * n_axes:
        raise DataError(f"{where}: ends within its header")
    shape = tuple(int(length) for length in np.frombuffer(lengths, ">u4"))
    dtype = np.dtype(DTYPES[code])
    declared, cut = shape, most is not None and shape[0] > most
    shape = (most, *shape[1:]) if cut and most is not None else shape
    expected = math.prod(shape) * dtype.itemsize
    payload = bytearray()
    while piece := stream.read(min(_PIECE, expected + (not cut) - len(payload))):
        payload += piece
    if len(payload) != expected:
        size = len(payload) if len(payload) < expected else "more"
        whole = math.prod(declared) * dtype.itemsize
        raise DataError(f"{where}: the header {declared} declares {whole} bytes, found {size}")
    try:
        values = np.frombuffer(payload, dtype).reshape(shape)
    except ValueError:
        raise DataError(f"{where}: the header {shape} is not a valid shape") from None
    return values.astype(dtype.newbyteorder("="), copy=False)


def is_idx_folder(path: Path) -> bool:
    """Return whether a folder, or its `raw` folder, holds idx files."""
    return any(_visible(folder, "*idx[13]-ubyte*") for folder in _folders(path))


def _visible(folder: Path, pattern: str) -> list[Path]:
    """Return the files that match, in order; not the hidden ones that macOS puts beside them."""
    return [path for path in sorted(folder.glob(pattern)) if not path.name.startswith(".")]


def _folders(folder: Path) -> list[Path]:
    """Return the folders that may hold the files of a data set."""
    return [folder, folder / "raw", *sorted(folder.glob("*/raw"))]


def read_idx_file(
    path: Path, options: DataConfig, job: str, require_targets: bool = True, sample: bool = False
) -> SequenceDataset:
    """Read a file of training images with the three files beside it, or a file of rows alone.

    Rows alone are read only if no targets are required.

    Raises
    ------
    DataError
        As :func:`read_idx_folder`.
    """
    if require_targets or "train-images" in path.name:
        return read_idx_folder(path, options, job, sample=sample)
    X = read_idx(path, SAMPLE_ROWS if sample else None)
    picture = X.shape[1:] if X.ndim == 3 else None
    return SequenceDataset(
        path.name, Rows(X), kind="an idx file", picture=picture, unread=_unread(sample, X)
    )


def _unread(sample: bool, *parts: NDArray[Any]) -> tuple[str, ...]:
    """Say that rows may be left out of a sample."""
    cut = sample and any(len(part) == SAMPLE_ROWS for part in parts)
    return (f"at most the first {SAMPLE_ROWS:,} rows of a file were read",) if cut else ()


def read_idx_folder(
    path: Path, options: DataConfig, job: str, require_targets: bool = True, sample: bool = False
) -> SequenceDataset:
    """Read training and test images and labels from four idx files.

    Parameters
    ----------
    path : Path
        A folder with the four files; a folder with a `raw` folder of them, as torchvision makes;
        or the file of training images, if a folder holds several data sets.
    options : DataConfig
    job : str
    require_targets : bool, default True
        Not used: the files always have labels.
    sample : bool, default False
        Read at most `SAMPLE_ROWS` rows of each half.

    Raises
    ------
    DataError
        If a file is missing or ambiguous, or there are not as many labels as images.
    """
    train_images = path if path.is_file() else _find_train_images(path)
    most = SAMPLE_ROWS if sample else None
    arrays = []
    for split in ("train", "test"):
        images_path = _sibling(train_images, split, "images")
        labels_path = _sibling(train_images, split, "labels")
        images, labels = (read_idx(file, most) for file in (images_path, labels_path))
        if images.dtype != np.uint8 or images.ndim != 3 or 0 in images.shape:
            raise DataError(
                f"{printable(images_path)}: expected images as uint8 (N, rows, columns), "
                f"found {images.dtype} {images.shape}"
            )
        if labels.ndim != 1 or len(labels) != len(images):
            raise DataError(
                f"{printable(labels_path)}: {labels.size} labels for {len(images)} images"
            )
        arrays.append((images, labels))
    (X, y), (X_test, y_test) = arrays
    if X.shape[1:] != X_test.shape[1:]:
        raise DataError(
            f"{printable(path)}: training images are {X.shape[1:]}, but test images are "
            f"{X_test.shape[1:]}"
        )
    return SequenceDataset(
        path.name,
        Rows(X, y.astype(np.int64)),
        Rows(X_test, y_test.astype(np.int64)),
        kind="idx files of images and labels",
        picture=X.shape[1:],
        unread=_unread(sample, X, X_test),
    )


def _find_train_images(folder: Path) -> Path:
    sets: dict[tuple[Path, str], Path] = {}
    for place in _folders(folder):
        for pattern in ("*train-images*idx3-ubyte", "*train-images*idx3-ubyte.gz"):
            for path in _visible(place, pattern):
                sets.setdefault((place, path.name.removesuffix(".gz")), path)
    if not sets:
        raise DataError(
            f"{printable(folder)}: no train-images-idx3-ubyte (plain or .gz) in the folder or in "
            "its raw folder"
        )
    if len(sets) > 1:
        names = listed((path.relative_to(folder) for path in sets.values()), each=60)
        raise DataError(
            f"{printable(folder)}: holds several data sets; name one file of training images: "
            f"{names}"
        )
    return next(iter(sets.values()))


def _sibling(train_images: Path, split: str, content: str) -> Path:
    """Return the file of `split` and `content` beside the training images, .gz or not."""
    name = train_images.name.removesuffix(".gz")
    if "train-images" not in name or "idx3" not in name:
        raise DataError(
            f"{printable(train_images)}: expected a file of training images, named like "
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
        f"{printable(train_images.parent)}: no {wanted[0]} (plain or .gz) beside the training "
        "images"
    )
