"""Lists the formats of data files by the endings of their names."""

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hiddenstate.errors import OptionError, printable

DELIMITED = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz")
JSON_LINES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
PARQUET = (".parquet", ".pq")
WORKBOOKS = (".xlsx", ".xlsm")
TABLES = (*DELIMITED, *JSON_LINES, *WORKBOOKS, *PARQUET)
ARCHIVES = (".ts",)
ARRAYS = (".npy", ".npz")
IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm",
          ".pbm", ".pnm")  # fmt: skip
SOUNDS = (".wav", ".wave")
IDX = ("ubyte", ".idx", "ubyte.gz", ".idx.gz")

SUPPORTED = (
    *(ending for ending in (*TABLES, *ARCHIVES, *ARRAYS, *SOUNDS) if not ending.endswith(".gz")),
    "idx files",
    "images",
)
"""Files that are read, as messages and the help list them."""

FOLDERS = "images or .wav files in one subfolder per class, or idx, .npy or .ts files"
"""What a folder may hold."""

ONLY_FOR = {
    "sheet": (WORKBOOKS, "workbooks"),
    "frame": (SOUNDS, "sounds"),
    "bands": (SOUNDS, "sounds"),
    "rate": (SOUNDS, "sounds"),
    "color": (IMAGES, "images"),
    "image_size": (IMAGES, "images"),
    "every": (TABLES, "tables"),
}
"""Options that are for one kind of file, with its endings and its name."""

READ_WITH = {
    **dict.fromkeys(("delimiter", "decimal", "thousands"), (DELIMITED, "delimited text")),
    "encoding": ((*DELIMITED, *JSON_LINES, *ARCHIVES), "text files"),
    **dict.fromkeys(("layout", "dates", "input"), (TABLES, "tables")),
}
"""Options that change how such files are read, with their endings and their name."""

DEPTHS = ("*", "*/*", "*/*/*")
"""Where a folder holds files: in itself, in folders of classes, and in those in train and test."""

INSTEAD = {
    "save it as .xlsx or .csv": (".xls", ".xlsb", ".ods", ".numbers"),
    "save it as .csv": (".dta", ".sav", ".sas7bdat", ".arff"),
    "convert it to .wav": (".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aac", ".aif", ".aiff"),
    "write one object per line, as .jsonl": (".json",),
    "save the arrays as .npz": (".mat", ".h5", ".hdf5", ".nc", ".pkl", ".pickle", ".pt", ".npy.gz"),
    "save it as .parquet": (".feather", ".arrow", ".orc", ".avro"),
    "unpack it first": (".zip", ".tar", ".tgz", ".tar.gz", ".7z", ".rar", ".bz2", ".xz", ".zst"),
}
"""Hints for files in other formats, with the endings they apply to."""


def stdin_name(head: bytes) -> str:
    """Return one of `STDIN_NAMES` for a file that begins with `head`: CSV, unless it shows."""
    for magic, ending in (
        (b"PAR1", ".parquet"),
        (b"RIFF", ".wav"),
        (b"\x93NUMPY", ".npy"),
        (b"PK\x03\x04", ".npz" if b".npy" in head[:200] else ".xlsx"),
    ):
        if head.startswith(magic):
            return f"stdin{ending}"
    packed = ""
    if head.startswith(b"\x1f\x8b"):
        packed = ".gz"
        try:
            head = zlib.decompressobj(31).decompress(head, 1000)
        except zlib.error:
            head = b""
    text = head[:1000].removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"{"):
        return f"stdin.jsonl{packed}"
    is_ts = not packed and text.lower().startswith((b"@problemname", b"#")) and b"@" in text
    return "stdin.ts" if is_ts else f"stdin.csv{packed}"


def has_ending(path: Path, endings: tuple[str, ...]) -> bool:
    """Return whether the name of a path has one of `endings`, in any case."""
    return path.name.lower().endswith(endings)


def is_table(path: Path) -> bool:
    """Return whether a path is that of a table: delimited text, JSON lines, a sheet or Parquet."""
    return has_ending(path, TABLES) and not path.is_dir()


def check_applies(given: Mapping[str, Any], path: Path | None) -> None:
    """Refuse options of a format that the data does not have; None is the bundled data.

    Raises
    ------
    OptionError
        With the option, and what it is for.
    """
    for name, (endings, what) in ONLY_FOR.items():
        if not given.get(name) or (path is not None and holds(path, endings)):
            continue
        raise does_not_apply(name, what, path)


def does_not_apply(option: str, what: str, path: Path | None) -> OptionError:
    """Return the error for an option of another kind of data; None is the bundled data."""
    where = "the bundled data is" if path is None else f"{printable(path)} is"
    if path is not None and path.is_dir():
        where = f"{printable(path)} holds"
    flag = "--" + option.replace("_", "-")
    return OptionError(f"{flag}: applies only to {what}; {where} none; leave the option out")


def holds(path: Path, endings: tuple[str, ...]) -> bool:
    """Return whether a file has one of `endings`, or one in a folder or in the folders in it."""
    if not path.is_dir():
        return has_ending(path, endings)
    files = (each for depth in DEPTHS for each in path.glob(depth))
    return any(has_ending(each, endings) and not each.is_dir() for each in files)


def unsupported(path: Path) -> str:
    """Return what is wrong with a file in another format, with a hint."""
    hints = (hint for hint, endings in INSTEAD.items() if has_ending(path, endings))
    instead = "".join(f"; {hint}" for hint in hints)
    return f"unsupported format{instead}; supported: {', '.join(SUPPORTED)}, and folders"
