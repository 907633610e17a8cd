"""A folder of images: one sub-folder a class, or none where no labels are needed.

Read are files named as one of `SUFFIXES`; names that begin with a dot are passed over, others
are told in a remark. Sub-folders `train` and `test`, each with a folder a class, are the halves
of a data set. Within a half rows are in order of class, then of name.

An image may be grey, coloured, of a palette or black and white, of 8 bits or fewer. Parts that
are transparent are read as on white paper, and a photo is turned as its EXIF says. Refused are
CMYK and other colour systems, 16 bits, animations and more than `MAX_PIXELS`.
"""

import contextlib
import logging
import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.config import DataConfig
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.rows import Rows
from hiddenstate.errors import DataError, printable
from hiddenstate.system.memory import check_free
from hiddenstate.system.typing import Array

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm",
            ".pbm", ".pnm")  # fmt: skip
"""Endings of image files, in small letters."""

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
"""The formats that Pillow is let decode; its others can start programs."""

MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX")
"""Pillow's names of the kinds of pixels that are read."""

MAX_PIXELS = 50_000_000
"""Largest image read, in pixels, known from its header before it is decoded."""

LISTED = 100
"""Most names listed in remarks."""

# Pillow logs what it then raises; a program without logging would print that too.
logging.getLogger("PIL").addHandler(logging.NullHandler())


def is_image(path: Path) -> bool:
    """Whether a file is named as an image."""
    return path.suffix.lower() in SUFFIXES


def read_images(path: Path, how: DataConfig, job: str, answered: bool = True) -> SequenceDataset:
    """Read the images of a folder, or one image.

    X is (N, h, w) uint8 grey, which is h steps of w pixels, with `picture` (h, w); or with
    `how.color` (N, h, 3 w), red, green and blue of each pixel in turn. y is the names of the
    classes' folders (N,), text.

    Parameters
    ----------
    path : Path
        A folder with a folder a class; with `train` and if wanted `test`, each of such; or, for
        rows without labels, a folder of images or an image.
    how : DataConfig
        Of it `color`, `image_size` and `skip_bad`.
    job : {"classify", "regress", "autoencode"}
    answered : bool
        Whether labels must be there.

    Raises
    ------
    DataError
        For an image that cannot be read, or, without `image_size`, has another size.
    """
    where = printable(path)
    if job == "regress" and answered:
        raise DataError(f"{where}: images have no targets to regress; use classify or autoencode")
    found = _Found()
    train, test = _halves(path, found)
    if not train:
        raise DataError(
            f"{where}: no data in it; expected images in a sub-folder a class, or files of idx, "
            ".npy or .ts"
        )
    if job == "classify" and answered:
        if not _labelled(train):
            raise DataError(f"{where}: images without a class; put them in a sub-folder a class")
        if not _labelled(test):
            found.outside += [f"{printable(image.path)}: without a class" for image in test]
            test = []
    halves = [half for half in (train, test) if half]
    parts = _read_parts(halves, all(map(_labelled, halves)), how, found, where)
    return SequenceDataset(
        path.name,
        parts[0],
        parts[1] if len(parts) > 1 else None,
        kind=("a folder of images" if path.is_dir() else "an image")
        + (", in train and test" if test else ""),
        picture=None if how.color else parts[0].X.shape[1:],
        remarks=tuple(found.remarks(where)),
    )


# --- which files


@dataclass(frozen=True)
class _Image:
    path: Path
    label: str | None


@dataclass
class _Found:
    """What was come across and is not a row."""

    others: int = 0
    """Files of other kinds."""
    outside: list[str] = field(default_factory=list)
    """Folders and images in places where none is looked for."""
    bad: list[str] = field(default_factory=list)
    """Images that cannot be read, and why."""

    def remarks(self, where: str) -> Iterator[str]:
        """What a user should know."""
        if self.others:
            files = "1 file" if self.others == 1 else f"{self.others} files"
            yield f"{where}: passed over {files} not named as an image"
        for what, names in (("not looked at", self.outside), ("left out as unreadable", self.bad)):
            if names:
                yield f"{where}: {len(names)} {what}"
                yield from names[:LISTED]
            if len(names) > LISTED:
                yield f"and {len(names) - LISTED} more"


def _labelled(images: list[_Image]) -> bool:
    return all(image.label is not None for image in images)


def _halves(path: Path, found: _Found) -> tuple[list[_Image], list[_Image]]:
    """Images to learn from and to test on."""
    if not path.is_dir():
        return [_Image(path, None)], []
    folders, images = _entries(path, _Found())
    names = {folder.name: folder for folder in folders}
    if "train" in names:
        classes, _ = _entries(names["train"], _Found())
        # A class may be called train, but then there are others.
        if classes or set(names) <= {"train", "test"}:
            others = [folder for folder in folders if folder.name not in ("train", "test")]
            found.outside += [printable(other) for other in (*others, *images)]
            test = _images(names["test"], found) if "test" in names else []
            return _images(names["train"], found), test
    return _images(path, found), []


def _images(folder: Path, found: _Found) -> list[_Image]:
    """Images by class, or, where there is no folder with any, those in the folder itself."""
    folders, images = _entries(folder, found)
    rows = []
    for sub in folders:
        deeper, inside = _entries(sub, found)
        found.outside += [printable(path) for path in deeper]
        if not inside:
            found.outside.append(f"{printable(sub)}: no images")
        label = os.fsencode(sub.name).decode("utf-8", "backslashreplace")
        rows += [_Image(path, label) for path in inside]
    if not rows:
        return [_Image(path, None) for path in images]
    for path in images:
        if path.exists():
            found.outside.append(f"{printable(path)}: not in a class")
        else:  # a link that leads nowhere may have been a class: it is read, and so refused
            rows.append(_Image(path, path.name))
    return rows


def _entries(folder: Path, found: _Found) -> tuple[list[Path], list[Path]]:
    """Folders, and files named as images or links that lead nowhere, each in order."""
    folders, images = [], []
    try:
        for path in sorted(folder.iterdir()):
            if path.name.startswith(".") or path.name == "__MACOSX":
                continue
            if path.is_dir():
                folders.append(path)
            elif is_image(path) or (path.is_symlink() and not path.exists()):
                images.append(path)
            else:
                found.others += 1
    except OSError as error:
        raise DataError(f"{printable(folder)}: cannot be read: {error.strerror}") from None
    return folders, images


# --- from files to rows


def _read_parts(
    halves: list[list[_Image]], labelled: bool, how: DataConfig, found: _Found, where: str
) -> list[Rows]:
    """X and y of each half; all images are of one size."""
    parts: list[Rows] = []
    first = None
    for half in halves:
        X, labels = None, list[str | None]()
        for image in half:
            try:
                pixels = _read_image(image.path, how)
            except DataError as error:
                if not how.skip_bad:
                    raise DataError(f"{error}; or leave out what is bad with --skip-bad") from None
                found.bad.append(str(error))
                continue
            first = first or (image.path, pixels.shape)
            if pixels.shape != first[1]:
                raise _other_size(image.path, pixels.shape, *first)
            if X is None:
                X = _empty(len(half), pixels, where)
            X[len(labels)] = pixels
            labels.append(image.label)
        if X is None:
            raise DataError(f"{where}: none of {len(half)} images can be read: {found.bad[-1]}")
        flat = X[: len(labels)].reshape(len(labels), X.shape[1], -1)
        parts.append(Rows(flat, np.array(labels, np.str_) if labelled else None))
    return parts


def _empty(n_rows: int, pixels: Array, where: str) -> Array:
    needed = n_rows * pixels.nbytes
    check_free(needed, f"{where}: {n_rows} images", "make them smaller with --image-size")
    return np.empty((n_rows, *pixels.shape), np.uint8)


def _other_size(
    path: Path, shape: tuple[int, ...], first: Path, expected: tuple[int, ...]
) -> DataError:
    return DataError(
        f"{printable(path)}: {shape[1]} x {shape[0]} pixels, but {printable(first.name, 60)} has "
        f"{expected[1]} x {expected[0]}; bring all to one size with --image-size "
        f"{min(expected[:2])}"
    )


def _read_image(path: Path, how: DataConfig) -> Array:
    """Pixels (h, w), or (h, w, 3) with colours.

    Raises
    ------
    DataError
        Naming the file.
    """
    from PIL import Image, UnidentifiedImageError

    where = printable(path)
    if not path.is_file():
        link = "a link that leads nowhere or in a circle" if path.is_symlink() else "not a file"
        raise DataError(f"{where}: {link}")
    try:
        with warnings.catch_warnings(), path.open("rb") as stream:
            warnings.simplefilter("ignore")  # Pillow's, of sizes we check and tags we skip
            with Image.open(stream, formats=FORMATS) as image:
                _check_header(image, where)
                with _quiet(image):
                    return _pixels(image, how)
    except UnidentifiedImageError:
        raise DataError(f"{where}: not an image, or of a format that is not read") from None
    except Image.DecompressionBombError:
        raise DataError(f"{where}: more than {MAX_PIXELS:,} pixels; make it smaller") from None
    except DataError:
        raise
    # Pillow's decoders raise these on damaged files.
    except (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, EOFError,
            AttributeError, RuntimeError, AssertionError, MemoryError, struct.error,
            zlib.error) as error:  # fmt: skip
        why = printable(getattr(error, "strerror", None) or error, 80)
        raise DataError(f"{where}: damaged or cut short ({why})") from None


@contextlib.contextmanager
def _quiet(image: Any) -> Iterator[None]:
    """Keep off stderr what libtiff, past Python, prints of a damaged file."""
    try:
        kept = os.dup(2) if image.format == "TIFF" else None
    except OSError:  # stderr is closed
        kept = None
    if kept is None:
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _check_header(image: Any, where: str) -> None:
    """Refuse an image for what its header says, before any of it is decoded."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise DataError(
            f"{where}: {width} x {height} pixels, more than {MAX_PIXELS:,}; make it smaller"
        )
    if width * height == 0:
        raise DataError(f"{where}: has no pixels")
    if image.mode not in MODES:
        raise DataError(
            f"{where}: its pixels are {printable(image.mode, 20)}; expected 8 bits of grey or "
            "red, green and blue; save it as such"
        )
    # A phone's photo may hold a second picture (MPO); the first is what it shows.
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise DataError(f"{where}: several pictures in one file; save one of them")


def _pixels(image: Any, how: DataConfig) -> Array:
    """An opened image as pixels: upright, on white, in the wanted colours and size."""
    from PIL import Image, ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(paper, image)
    image = image.convert("RGB" if how.color else "L")
    if how.image_size is not None:
        side = (how.image_size, how.image_size)
        shrinks = min(image.size) >= how.image_size
        sampling = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
        image = image.resize(side, sampling)
    return np.asarray(image)
