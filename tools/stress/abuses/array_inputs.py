"""Abuses of arrays, images, Parquet files, idx files, folders and archives."""

import io
import os
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tools.stress import samples
from tools.stress.abuses.harness import Abuse
from tools.stress.abuses.sound import (
    ROWS,
    either,
    inspects,
    predicts,
    refuses,
    text_table,
    with_value,
)

npy_format: Any = np.lib.format  # not typed in all versions of numpy

CUBE = samples.numbers(6, 8, 2, seed=9)


def saved(array: Any, version: tuple[int, int] | None = None) -> bytes:
    """Return an .npy file as numpy writes it."""
    stream = io.BytesIO()
    npy_format.write_array(stream, np.asanyarray(array), version)
    return stream.getvalue()


def array(name: str, data: bytes, truth: Any = CUBE, file: str = "d.npy") -> Abuse:
    """Return an abuse of an array that must be read as `truth`."""
    return predicts(
        f"array: {name}", data, saved(truth), file=file, model="cube", clean_file="clean.npy"
    )


def no_array(name: str, data: bytes, says: str = "d.np", file: str = "d.npy") -> Abuse:
    """Return an abuse of an array that must be refused."""
    return refuses(f"array: {name}", data, says, f"predict cube.safetensors {file}", file)


def zipped(members: dict[str, bytes]) -> bytes:
    """Return a zip archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def tarred(members: dict[str, bytes]) -> bytes:
    """Return a tar archive."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


HALVES = CUBE.astype(np.float16)
WHOLE = np.arange(96).reshape(6, 8, 2) % 7
SCALE = CUBE.copy()
SCALE[2, 3, 1] = 1e300

ARRAYS = (
    array("Fortran order", saved(np.asfortranarray(CUBE))),
    array("big-endian", saved(CUBE.astype(">f8"))),
    array("a header of version 2", saved(CUBE, (2, 0))),
    either(array("a header of version 3", saved(CUBE, (3, 0)))),
    array("half precision", saved(HALVES), HALVES.astype(np.float32)),
    array("64-bit integers", saved(WHOLE), WHOLE.astype(float)),
    array("big-endian 16-bit integers", saved(WHOLE.astype(">i2")), WHOLE.astype(np.float32)),
    array("true and false", saved(WHOLE > 3), (WHOLE > 3).astype(np.float32)),
    either(array("long double", saved(CUBE.astype(np.longdouble)))),
    array("a view with steps that was saved", saved(np.repeat(CUBE, 2, axis=1)[:, ::2])),
    array("one row", saved(CUBE[:1]), CUBE[:1]),
    array("flat rows of the right width", saved(CUBE.reshape(6, 16))),
    array("an archive with X alone", samples.npz(X=CUBE), file="d.npz"),
    array("an archive with names of Keras", samples.npz(x_train=CUBE, y_train=WHOLE[:, 0, 0]),
          file="d.npz"),
    array("a suffix in upper case", saved(CUBE), file="D.NPY"),
    either(array("an archive with its suffix in upper case", samples.npz(X=CUBE), file="D.NPZ")),
    no_array("no axes", saved(1.5)),
    no_array("complex", saved(CUBE + 1j), "complex"),
    no_array("dates", saved(np.zeros(6, "M8[s]")), "datetime64"),
    no_array("durations", saved(np.zeros(6, "m8[s]")), "timedelta64"),
    no_array("text", saved(np.full((6, 8, 2), "x")), "text"),
    no_array("bytes", saved(np.full((6, 8, 2), b"x"))),
    no_array("a structured type", saved(np.zeros(6, [("a", float), ("b", float)]))),
    no_array("no rows", saved(CUBE[:0]), "no data|no rows|empty|shape|0"),
    no_array("four axes", saved(CUBE[None])),
    no_array("steps and features swapped", saved(CUBE.swapaxes(1, 2)), "features"),
    no_array("one feature too few", saved(CUBE[..., :1]), "features"),
    no_array("one infinite value", saved(np.where(CUBE.max() == CUBE, np.inf, CUBE))),
    no_array("one missing value", saved(np.where(CUBE.max() == CUBE, np.nan, CUBE)), "missing"),
    no_array("a value too large for the net", saved(SCALE), "too large"),
    no_array("two arrays in one file", saved(CUBE) + saved(CUBE)),
    no_array("an archive named .npy", samples.npz(X=CUBE)),
    no_array("an array named .npz", saved(CUBE), file="d.npz"),
    no_array("an archive with one more array", samples.npz(X=CUBE, notes=[1]), file="d.npz"),
    no_array("an archive with a name twice in two spellings", samples.npz(X=CUBE, x=CUBE),
             file="d.npz"),
    no_array("an empty archive", zipped({}), file="d.npz"),
    no_array("a header with an expression",
             b"\x93NUMPY\x01\x00\x3c\x00" + b"__import__('os').system('touch pwned')".ljust(60)),
    no_array("a header with a shape of a million axes", b"\x93NUMPY\x02\x00" + struct.pack(
        "<I", 9000) + (b"{'descr': '<f8', 'fortran_order': False, 'shape': ("
                       + b"1," * 4000 + b"), }").ljust(9000)),
)  # fmt: skip


# --- images

RANDOM = np.random.default_rng(4)
COLOR = RANDOM.integers(0, 256, (9, 8, 3), np.uint8)
DEEP = RANDOM.integers(0, 65536, (9, 8)).astype(np.uint16)


def image(pixels: Any, kind: str = "png", mode: str | None = None, **options: Any) -> bytes:
    """Return an image file as Pillow writes it."""
    from PIL import Image

    stream = io.BytesIO()
    made = Image.fromarray(pixels)
    (made.convert(mode) if mode else made).save(stream, kind, **options)
    return stream.getvalue()


def grey(pixels: Any = COLOR) -> bytes:
    """Return the sound image that others are compared with."""
    return image(np.asarray(_opened(image(pixels)).convert("L")))


def _opened(data: bytes) -> Any:
    from PIL import Image

    return Image.open(io.BytesIO(data))


def picture(name: str, data: bytes, truth: bytes, file: str = "d.png") -> Abuse:
    """Return an abuse of an image that must be read as `truth`."""
    return predicts(f"image: {name}", data, truth, file=file, model="pics", clean_file="clean.png")


def no_picture(name: str, data: bytes, file: str = "d.png", says: str = "d.") -> Abuse:
    """Return an abuse of an image, one of a class, that must be refused."""
    folder = {f"many/a/{file}": data, "many/b/x.png": grey()}
    return Abuse(
        f"image: {name}", "hiddenstate predict pics.safetensors many", folder, ends=(2,), says=says
    )


def _frames(kind: str) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    frames = [Image.fromarray(COLOR), Image.fromarray(255 - COLOR)]
    frames[0].save(stream, kind, save_all=True, append_images=frames[1:])
    return stream.getvalue()


def _turned() -> bytes:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees to see it upright
    return image(np.rot90(COLOR, 1), exif=exif)


def _palette(data: bytes) -> bytes:
    return image(np.asarray(_opened(data).convert("RGB").convert("P").convert("L")))


def _on_white() -> tuple[bytes, bytes]:
    """Return a picture whose upper rows are transparent, and the same on white."""
    alpha = np.full((9, 8, 1), 255, np.uint8)
    alpha[:4] = 0
    white = COLOR.copy()
    white[:4] = 255
    return image(np.concatenate([COLOR, alpha], axis=2)), grey(white)


def links(folder: Path) -> None:
    """Make a folder of images with a link to an image, hidden files and files of systems."""
    for name in ("a/1.png", "b/2.png"):
        (folder / "many" / name).parent.mkdir(parents=True)
        (folder / "many" / name).write_bytes(grey())
    (folder / "many/a/3.png").symlink_to(folder / "many/b/2.png")
    for name in ("a/.hidden.png", ".git/x.png", "__MACOSX/a/1.png", "a/Thumbs.db", "a/.DS_Store"):
        (folder / "many" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "many" / name).write_bytes(b"not an image")


def loop(folder: Path) -> None:
    """Make a folder of images that contains a link to itself."""
    links(folder)
    (folder / "many/c").symlink_to(folder / "many")


IMAGES = (
    picture("a palette", image(COLOR, mode="P"), _palette(image(COLOR))),
    picture("transparent parts are white", *_on_white()),
    picture("rotated by its EXIF data", _turned(), grey()),
    picture("a PNG named .jpg", image(COLOR), grey(), "d.jpg"),
    picture("a suffix in upper case", image(COLOR), grey(), "D.PNG"),
    picture("greyscale with transparency", image(COLOR, mode="LA"), grey()),
    picture("TIFF", image(COLOR, "tiff"), grey(), "d.tif"),
    picture("black and white", image(COLOR, mode="1"), image(COLOR, mode="1")),
    no_picture("16 bits", image(DEEP), says="expected 8-bit"),
    no_picture("CMYK", image(COLOR, "jpeg", "CMYK"), "d.jpg", "CMYK"),
    no_picture("floats", image(DEEP.astype(np.float32), "tiff"), "d.tif"),
    no_picture("an animated GIF", _frames("gif"), "d.gif", "several pictures"),
    no_picture("an animated PNG", _frames("png"), says="several pictures"),
    no_picture("a TIFF of two pages", _frames("tiff"), "d.tif", "several pictures"),
    no_picture("another size", image(COLOR[:8]), says="8 x 9"),
    no_picture("empty", b""),
    no_picture("text", b"hello"),
    no_picture("a web page", b"<html>404</html>"),
    no_picture("SVG", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    inspects("image: hidden files and links in a folder", None, file="many", make=links,
             n_train=3, classes={"a": 2, "b": 1}),
    inspects("image: a folder inside itself", None, file="many", make=loop, ends=(0, 2),
             n_train=3),
    refuses("image: folders without images", None, "many.*no data", "classify many",
            make=lambda f: (f / "many/a").mkdir(parents=True)),
    refuses("image: an empty folder", None, "many.*no data", "classify many",
            make=lambda f: (f / "many").mkdir()),
    refuses("image: folders two levels deep", None, "many.*no data", "classify many",
            make=lambda f: os.makedirs(f / "many/a/b/c")),
    refuses("image: labels for images without folders", None, "many.*class", "classify many",
            make=lambda f: ((f / "many").mkdir(), (f / "many/1.png").write_bytes(grey()))[0]),
    refuses("image: one class", None, "class", "classify many",
            make=lambda f: ((f / "many/a").mkdir(parents=True),
                            [(f / f"many/a/{k}.png").write_bytes(grey()) for k in "123"])[0]),
)  # fmt: skip


# --- Parquet


def parquet(columns: Callable[[Any], dict[str, Any]], **options: Any) -> bytes:
    """Return a Parquet file; `columns` makes its arrays with pyarrow."""
    import pyarrow
    import pyarrow.parquet as pq

    stream = io.BytesIO()
    pq.write_table(pyarrow.table(columns(pyarrow)), stream, **options)
    return stream.getvalue()


A, B, C = (list(column) for column in zip(*ROWS, strict=True))


def abc(**changes: Callable[[Any], Any]) -> Callable[[Any], dict[str, Any]]:
    """Return a maker of the columns a, b and c, some of them changed."""

    def make(pa: Any) -> dict[str, Any]:
        plain = {"a": pa.array(A), "b": pa.array(B), "c": pa.array(C)}
        return {**plain, **{name: change(pa) for name, change in changes.items()}}

    return make


def rows_of(**changes: list[float]) -> list[list[float]]:
    """Return the rows with some columns replaced."""
    return [list(row) for row in zip(*({"a": A, "b": B, "c": C} | changes).values(), strict=True)]


def table(name: str, data: bytes, truth: Any = ROWS, file: str = "d.parquet") -> Abuse:
    """Return an abuse of a Parquet file that must be read as `truth`."""
    return predicts(f"parquet: {name}", data, truth, file=file)


def no_table(name: str, data: bytes, says: str = r"d\.parquet") -> Abuse:
    """Return an abuse of a Parquet file that must be refused."""
    return refuses(
        f"parquet: {name}", data, says, "predict wide.safetensors d.parquet", "d.parquet"
    )


TENTHS = [round(value, 1) for value in B]
INTS = [1.0, 0, 1, 0, 1, 1]

PARQUET = (
    table("one row in each group", parquet(abc(), row_group_size=1)),
    table("a suffix .pq", parquet(abc()), file="d.pq"),
    table("compressed with zstd", parquet(abc(), compression="zstd")),
    table("compressed with brotli", parquet(abc(), compression="brotli")),
    table("pages of version 2", parquet(abc(), data_page_version="2.0")),
    table("a dictionary of numbers", parquet(abc(b=lambda pa: pa.array(B).dictionary_encode()))),
    table("decimals", parquet(abc(b=lambda pa: pa.array(
        [__import__("decimal").Decimal(str(v)) for v in TENTHS], pa.decimal128(10, 1)))),
        rows_of(b=TENTHS)),
    table("nulls are missing", parquet(abc(b=lambda pa: pa.array([*B[:2], None, *B[3:]]))),
          with_value(float("nan"))),
    table("true and false", parquet(abc(a=lambda pa: pa.array([v > 0 for v in INTS]))),
          rows_of(a=INTS)),
    table("half precision", parquet(abc(a=lambda pa: pa.array(np.array(A, np.float16))))),
    table("8-bit integers", parquet(abc(a=lambda pa: pa.array([int(v) for v in INTS], pa.int8()))),
          rows_of(a=INTS)),
    table("a column of unsigned 64-bit numbers", parquet(abc(a=lambda pa: pa.array(
        [2**63 + 2**40] * 6, pa.uint64()))), rows_of(a=[2.0**63 + 2**40] * 6)),
    either(table("numbers as text", parquet(abc(a=lambda pa: pa.array([str(v) for v in A]))))),
    table("row numbers of pandas", parquet(lambda pa: abc()(pa) | {
        "__index_level_0__": pa.array(range(6))})),
    no_table("a list", parquet(abc(a=lambda pa: pa.array([[v] for v in A]))), "a"),
    no_table("a struct", parquet(abc(a=lambda pa: pa.array([{"x": v} for v in A]))), "a"),
    no_table("bytes", parquet(abc(a=lambda pa: pa.array([b"x"] * 6))), "a"),
    no_table("dates as inputs", parquet(abc(a=lambda pa: pa.array(range(6), pa.timestamp("s")))),
             "a.*date"),
    no_table("words as inputs", parquet(abc(a=lambda pa: pa.array(["x", "y"] * 3)))),
    no_table("no rows", parquet(lambda pa: {k: pa.array([], pa.float64()) for k in "abc"}),
             "no rows"),
    no_table("no columns", parquet(lambda pa: {})),
    table("only nulls of no type", parquet(abc(a=lambda pa: pa.nulls(6))),
          rows_of(a=[float("nan")] * 6)),
    no_table("a column too few", parquet(lambda pa: {"a": pa.array(A), "b": pa.array(B)}), "c"),
    no_table("CSV", text_table().encode()),
    no_table("the middle cut out", parquet(abc())[:200] + parquet(abc())[300:]),
    refuses("parquet: a folder of parts", None, "parts", "classify parts", make=lambda f: (
        (f / "parts").mkdir(), (f / "parts/0.parquet").write_bytes(parquet(abc())))[0]),
)  # fmt: skip

DIGITS = samples.digits()


def idx_images(kind: int, values: np.ndarray[Any, Any]) -> bytes:
    """Return an idx file of 3 axes with values of any type."""
    return bytes([0, 0, kind, 3]) + struct.pack(">3I", *values.shape) + values.tobytes()


def folder_of(name: str, files: dict[str, bytes], **expected: Any) -> Abuse:
    """Return an abuse of a folder of data files."""
    files = {f"many/{file}": data for file, data in files.items()}
    found = inspects(f"folder: {name}", None, file="many", **expected)
    return Abuse(**{**found.__dict__, "files": files})


OTHERS = (
    folder_of("idx files beside notes and hidden files",
              {**DIGITS, "notes.txt": b"hi", ".hidden": b"", "._train-images-idx3-ubyte": b"x"},
              n_train=24, n_test=9),
    folder_of("idx labels missing", {n: d for n, d in DIGITS.items() if "train-labels" not in n},
              ends=(2,), says="labels"),
    folder_of("idx files, plain and gzipped at once", {**DIGITS, **samples.digits(True)},
              ends=(0, 2), n_train=24),
    folder_of("idx test images of another size", {**DIGITS, "t10k-images-idx3-ubyte":
              samples.idx(np.zeros((9, 6, 4)))}, ends=(2,), says="many|t10k"),
    folder_of("arrays under two names", {"X.npy": saved(CUBE), "x_train.npy": saved(CUBE)},
              ends=(2,), says="many"),
    folder_of("arrays and labels of other length", {"X.npy": saved(CUBE), "y.npy": saved([0, 1])},
              ends=(2,), says="many"),
    folder_of("tables, which no reader takes", {"a.csv": b"a\n1\n", "b.csv": b"a\n1\n"}, ends=(2,),
              says="many"),
    folder_of("two .ts data sets", {"A_TRAIN.ts": samples.ts_class(),
              "B_TRAIN.ts": samples.ts_class()}, ends=(0, 2), n_train=12),
    refuses("archive: a zip of tables", zipped({"t.csv": samples.wide()}), r"d\.zip",
            "classify d.zip", "d.zip"),
    refuses("archive: a tar", tarred({"t.csv": samples.wide()}), r"d\.tar", "classify d.tar",
            "d.tar"),
    refuses("archive: a tar that leaves its folder", tarred({"../x.csv": b""}), r"d\.tgz",
            "classify d.tgz", "d.tgz"),
    refuses("archive: an xlsx", zipped({"xl/workbook.xml": b"<x/>"}), r"d\.xlsx", "classify d.xlsx",
            "d.xlsx"),
    refuses("archive: HDF5", b"\x89HDF\r\n\x1a\n" + bytes(200), r"d\.h5", "classify d.h5", "d.h5"),
    refuses("archive: a MATLAB file", b"MATLAB 5.0 MAT-file".ljust(128), r"d\.mat",
            "classify d.mat", "d.mat"),
    refuses("archive: an ARFF file", "@relation x\n@data\n", r"d\.arff", "classify d.arff",
            "d.arff"),
    refuses("archive: a WAV file", b"RIFF" + bytes(40), r"d\.wav", "classify d.wav", "d.wav"),
    refuses("archive: a pickle", b"\x80\x04K\x01.", r"d\.pkl", "classify d.pkl", "d.pkl"),
    refuses("archive: no suffix", samples.wide(), r"data", "classify data", "data"),
    refuses("archive: a model as data", None, r"wide\.safetensors",
            "predict wide.safetensors wide.safetensors"),
    refuses("archive: data as a model", None, r"t\.csv", "predict t.csv t.csv", ends=(2, 4)),
)  # fmt: skip

ALL: tuple[Abuse, ...] = (*ARRAYS, *IMAGES, *PARQUET, *OTHERS)
