"""Lists the formats of data files: the endings of their names, and what reads them."""

import importlib
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hiddenstate.errors import DataError, OptionError, printable

DELIMITED = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz")
JSON_LINES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
PARQUET = (".parquet", ".pq")
WORKBOOKS = (".xlsx", ".xlsm")
ARCHIVES = (".ts",)
ARRAYS = (".npy", ".npz")
IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm",
          ".pbm", ".pnm")  # fmt: skip
SOUNDS = (".wav", ".wave")
IDX = ("ubyte", ".idx", "ubyte.gz", ".idx.gz")


@dataclass(frozen=True)
class Format:
    """A kind of data file, and what reads it.

    Parameters
    ----------
    module : str
        The module in `data.readers`, which is imported when it is used.
    endings : tuple of str
        Those of the names of its files.
    read : str
        The function that reads a file: of a table, its columns, else its rows.
    is_table : bool
    takes_texts : bool
        Of a table, whether its reader takes the names of columns that are text.
    is_folder, read_folder : str
        The functions that say whether a folder holds such data, and that read one if not `read`.
    first : dict
        What a file begins with, and its ending then, for data without a name, from stdin.
    """

    module: str
    endings: tuple[str, ...]
    read: str = "read_columns"
    is_table: bool = False
    takes_texts: bool = False
    is_folder: str = ""
    read_folder: str = ""
    first: Mapping[bytes, str] = field(default_factory=dict)

    def function(self, name: str) -> Callable[..., Any]:
        """Return a function of the module."""
        module = importlib.import_module(f"hiddenstate.data.readers.{self.module}")
        function: Callable[..., Any] = getattr(module, name)
        return function


FORMATS = (
    Format("delimited", DELIMITED, is_table=True, takes_texts=True),
    Format("json_lines", JSON_LINES, is_table=True),
    Format("excel", WORKBOOKS, is_table=True, first={b"PK\x03\x04": ".xlsx"}),
    Format("parquet", PARQUET, is_table=True, takes_texts=True, first={b"PAR1": ".parquet"}),
    Format("idx", IDX, "read_idx_file", is_folder="is_idx_folder", read_folder="read_idx_folder"),
    Format(
        "arrays",
        ARRAYS,
        "read_arrays",
        is_folder="is_array_folder",
        first={b"\x93NUMPY": ".npy"},
    ),
    Format("ts", ARCHIVES, "read_ts", is_folder="is_ts_folder"),
    Format(
        "sounds",
        SOUNDS,
        "read_sounds",
        is_folder="more_sounds",
        first={b"RIFF": ".wav"},
    ),
    Format("images", IMAGES, "read_images"),
)
"""All formats; a folder is the first that says so, else one of images."""

TABLES = tuple(ending for one in FORMATS if one.is_table for ending in one.endings)

SUPPORTED = (
    *(ending for ending in (*TABLES, *ARCHIVES, *ARRAYS, *SOUNDS) if not ending.endswith(".gz")),
    "idx files",
    "images",
)
"""Files that are read, as messages list them."""

_NAMED = (*DELIMITED[:3], *(one.endings[0] for one in FORMATS[1:] if one.is_table))

DATA = (
    f"a table ({', '.join(_NAMED)}), a .ts archive, .npy or .npz arrays, idx files, or a folder "
    "with one folder of images or of .wav files per class"
)
"""What is read, as the help of commands lists it."""

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

STDIN_NAMES = tuple(
    f"stdin{ending}"
    for ending in (
        *(".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".ts", ".npz"),
        *(ending for one in FORMATS for ending in one.first.values()),
    )
)
"""Names of a file with what stdin held; a run folder keeps one."""


def stdin_name(head: bytes) -> str:
    """Return one of `STDIN_NAMES` for a file that begins with `head`: CSV, unless it shows."""
    for magic, ending in (pair for one in FORMATS for pair in one.first.items()):
        if head.startswith(magic):
            return f"stdin{'.npz' if ending == '.xlsx' and b'.npy' in head[:200] else ending}"
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


def format_of(path: Path) -> Format:
    """Return the format of a file by its name, or of a folder by its content.

    Raises
    ------
    DataError
        If it is none of them, with a hint.
    """
    if path.is_dir():
        folders = (one for one in FORMATS if one.is_folder)
        return next((one for one in folders if one.function(one.is_folder)(path)), FORMATS[-1])
    for one in FORMATS:
        if has_ending(path, one.endings):
            return one
    raise DataError(f"{printable(path)}: {unsupported(path)}")


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
