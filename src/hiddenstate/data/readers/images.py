"""Reads folders of images: one subfolder per class, or none if no labels are needed.

Which files are read and in which order: :mod:`hiddenstate.data.readers.class_folders`.

An image may be grey, coloured, with a palette, or black and white, with at most 8 bits per channel.
Transparent parts are read as white, and photos are rotated as their EXIF data says. CMYK and other
colour spaces, 16 bits, animations, and images of more than `MAX_PIXELS` are refused.
"""

import contextlib
import logging
import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.config import DataConfig
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.readers.class_folders import ClassFolders, Example, labelled, spaced
from hiddenstate.data.readers.formats import FOLDERS, IMAGES
from hiddenstate.data.rows import Rows
from hiddenstate.errors import DataError, Flag, Setting, printable
from hiddenstate.program.jobs import kind_of
from hiddenstate.system.memory import check_free
from hiddenstate.system.reading_progress import report_read
from hiddenstate.system.typing import Array

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
"""Formats that Pillow may decode; some of its other formats start programs."""

MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX")
"""Pixel modes that are read, by Pillow's names."""

SAMPLE_IMAGES = 500
"""Largest number of images that are read if a sample is enough, evenly spaced."""

COLORS_READ, COLOR_SIDE, SHADE = 8, 8, 40
"""Images that are looked at for colours, the size to which they are reduced, and by how much red,
green and blue then differ."""

MAX_PIXELS = 50_000_000
"""Largest number of pixels of an image, checked in its header before it is decoded."""

# Pillow also logs the errors it raises; without a handler they would be printed.
logging.getLogger("PIL").addHandler(logging.NullHandler())


def read_images(
    path: Path, options: DataConfig, job: str, require_targets: bool = True, sample: bool = False
) -> SequenceDataset:
    """Read a folder of images, or one image.

    Parameters
    ----------
    path : Path
        A folder with one folder per class; a folder with such folders `train` and optionally
        `test`; or, for rows without labels, a folder of images or an image.
    options : DataConfig
        Uses `color`, `image_size` and `skip_bad`.
    job : {"classify", "regress", "autoencode"}
    require_targets : bool, default True
        Whether labels must be there.

    Returns
    -------
    SequenceDataset
        X (N, h, w) uint8 in greyscale, h steps of w pixels, with `picture` (h, w); or, with
        `options.color`, (N, h, 3 w): red, green and blue of each pixel in turn, with `picture`
        (h, w, 3). y is the name of
        the class folder of each image (N,).

    Raises
    ------
    DataError
        If an image cannot be read or, without `image_size`, images differ in size.
    """
    where = printable(path)
    if kind_of(job).has_targets and require_targets:
        raise DataError(f"{where}: images have no targets to predict; use classify or autoencode")
    skipped = ClassFolders("image", IMAGES)
    train, test = skipped.halves(path)
    if not train:
        raise DataError(f"{where}: no data; expected {FOLDERS}")
    if kind_of(job).has_classes and require_targets:
        if not labelled(train):
            raise DataError(
                f"{where}: images without a class; put them into one subfolder per class"
            )
        if not labelled(test):
            skipped.without_class(test)
            test = []
    n_images = len(train) + len(test)
    if sample and n_images > SAMPLE_IMAGES:
        train, test = (spaced(half, SAMPLE_IMAGES // 2) for half in (train, test))
    n_unread = n_images - len(train) - len(test)
    halves = [half for half in (train, test) if half]
    parts = _read_parts(halves, all(map(labelled, halves)), options, skipped, where)
    remarks = [*skipped.remarks(where)]
    if require_targets and not options.color and _are_colored(train):
        remarks.append(
            f"{where}: images in colour are read in greyscale; --color keeps their colours"
        )
    return SequenceDataset(
        path.name,
        parts[0],
        parts[1] if len(parts) > 1 else None,
        kind=("a folder of images" if path.is_dir() else "an image")
        + (", in train and test" if test else ""),
        picture=(*parts[0].X.shape[1:-1], parts[0].X.shape[2] // 3, 3)
        if options.color
        else parts[0].X.shape[1:],
        remarks=tuple(remarks),
        unread=(f"{n_unread:,} of {n_images:,} images were not read",) if n_unread else (),
    )


# --- from files to rows


def _read_parts(
    halves: list[list[Example]],
    has_labels: bool,
    options: DataConfig,
    skipped: ClassFolders,
    where: str,
) -> list[Rows]:
    """Read X and y of each half; all images must have the same size."""
    parts: list[Rows] = []
    first = None
    for half in halves:
        X, labels = None, list[str | None]()
        for image in half:
            try:
                pixels = _read_image(image.path, options)
            except DataError as error:
                if not options.skip_bad:
                    hint = (Flag("--skip-bad"), " leaves out such images")
                    raise DataError(str(error), hint) from None
                skipped.bad.append(str(error))
                continue
            first = first or (image.path, pixels.shape)
            if pixels.shape != first[1]:
                raise _other_size(image.path, pixels.shape, *first)
            if X is None:
                X = _empty(len(half), pixels, where)
            X[len(labels)] = pixels
            labels.append(image.label)
            report_read(where, len(labels), len(half))
        if X is None:
            raise DataError(f"{where}: none of {len(half)} images can be read: {skipped.bad[-1]}")
        flat = X[: len(labels)].reshape(len(labels), X.shape[1], -1)
        parts.append(Rows(flat, np.array(labels, np.str_) if has_labels else None))
    return parts


def _are_colored(images: list[Example]) -> bool:
    """Return whether most of some images have colours."""
    small = DataConfig(color=True, image_size=COLOR_SIDE)
    found = []
    for image in spaced(images, COLORS_READ):
        with contextlib.suppress(DataError):
            pixels = _read_image(image.path, small).astype(int)
            found.append(bool((pixels.max(axis=2) - pixels.min(axis=2) > SHADE).any()))
    return 2 * sum(found) > len(found)


def _empty(n_rows: int, pixels: Array, where: str) -> Array:
    needed = n_rows * pixels.nbytes
    check_free(needed, f"{where}: {n_rows} images", "make them smaller with --image-size")
    return np.empty((n_rows, *pixels.shape), np.uint8)


def _other_size(
    path: Path, shape: tuple[int, ...], first: Path, expected: tuple[int, ...]
) -> DataError:
    return DataError(
        f"{printable(path)}: {shape[1]} x {shape[0]} pixels, but {printable(first.name, 60)} has "
        f"{expected[1]} x {expected[0]}",
        Setting("resize all images with", image_size=min(expected[:2])),
    )


def _read_image(path: Path, options: DataConfig) -> Array:
    """Read the pixels (h, w), or (h, w, 3) in colour, of an image (`DataError`)."""
    from PIL import Image, UnidentifiedImageError

    where = printable(path)
    if not path.is_file():
        link = "a broken or circular link" if path.is_symlink() else "not a file"
        raise DataError(f"{where}: {link}")
    try:
        with warnings.catch_warnings(), path.open("rb") as stream:
            warnings.simplefilter("ignore")  # of sizes we check and tags we skip
            with Image.open(stream, formats=FORMATS) as image:
                _check_header(image, where)
                with _quiet(image):
                    return _pixels(image, options)
    except UnidentifiedImageError:
        raise DataError(f"{where}: not an image, or in an unsupported format") from None
    except Image.DecompressionBombError:
        raise DataError(f"{where}: more than {MAX_PIXELS:,} pixels; resize it") from None
    except DataError:
        raise
    # Pillow's decoders raise these on damaged files.
    except (
        OSError,
        SyntaxError,
        ValueError,
        TypeError,
        LookupError,
        ArithmeticError,
        EOFError,
        AttributeError,
        RuntimeError,
        AssertionError,
        MemoryError,
        struct.error,
        zlib.error,
    ) as error:
        why = printable(getattr(error, "strerror", None) or error, 80)
        raise DataError(f"{where}: damaged or truncated ({why})") from None


@contextlib.contextmanager
def _quiet(image: Any) -> Iterator[None]:
    """Suppress what libtiff prints to stderr about a damaged file, bypassing Python."""
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
    """Refuse an image by its header, before it is decoded."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise DataError(f"{where}: {width} x {height} pixels, more than {MAX_PIXELS:,}; resize it")
    if width * height == 0:
        raise DataError(f"{where}: no pixels")
    if image.mode not in MODES:
        raise DataError(
            f"{where}: its pixels are {printable(image.mode, 20)}, expected 8-bit greyscale or "
            "RGB; convert it"
        )
    # The photo of a phone may hold a second picture (MPO); the first is the photo.
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise DataError(f"{where}: several pictures in one file; save them as separate files")


def _pixels(image: Any, options: DataConfig) -> Array:
    """Decode an opened image: rotated upright, on white, in the requested colours and size."""
    from PIL import Image, ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(paper, image)
    image = image.convert("RGB" if options.color else "L")
    if options.image_size is not None:
        side = (options.image_size, options.image_size)
        shrinks = min(image.size) >= options.image_size
        sampling = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
        image = image.resize(side, sampling)
    return np.asarray(image)
