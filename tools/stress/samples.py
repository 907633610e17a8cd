"""Intact files for every reader, with the jobs that each supports."""

import contextlib
import csv
import gzip
import io
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

Files = dict[str, bytes]
Use = tuple[str, dict[str, Any]]

SEVERAL: list[dict[str, Any]] = [
    {},
    {},
    {},
    {"missing": "mean"},
    {"missing": "drop"},
    {"missing": "forward"},
    {"missing": "mask"},
    {"scale": "standard"},
    {"scale": "minmax"},
    {"valid_fraction": 0.2},
    {"recipe": "classic"},
    {"dtype": "float64"},
    {"max_unpacked": 1e-5},
]
"""Options added to those of a use; one set is drawn for each file."""

ONE_JOB: dict[str, list[dict[str, Any]]] = {
    "classify": [{"class_weight": "balanced"}, {"steps": 2}],
    "regress": [{"window": 0}, {"window": 4, "stride": 3}, {"output": "last"}, {"horizon": 2}],
    "autoencode": [{"test_fraction": 0.0}],
}
TEXT_ONLY: list[dict[str, Any]] = [
    {"encoding": "cp1252"},
    {"encoding": "utf-16"},
    {"decimal": ","},
    {"delimiter": ";"},
]


@dataclass(frozen=True)
class Reader:
    """One kind of data files.

    Parameters
    ----------
    files : callable
        Returns the contents of the intact files by name.
    data : str
        The name that a user passes; "" is the folder.
    uses : tuple of (job, options)
        The supported jobs; the option `test` or `answers` names another of the files.
    """

    files: Callable[[], Files]
    data: str
    uses: tuple[Use, ...]


CLASSIFY: Use = ("classify", {})
ENCODE: Use = ("autoencode", {})


# --- intact files


def numbers(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).random(shape).round(3)


def wide(seed: int = 0, delimiter: str = ",") -> bytes:
    """Return CSV rows of three numbers and a label."""
    lines = [["a", "b", "c", "label"]]
    lines += [[*map(str, row), "pq"[k % 2]] for k, row in enumerate(numbers(24, 3, seed=seed))]
    return "".join(delimiter.join(line) + "\n" for line in lines).encode()


def roles() -> bytes:
    """Return CSV rows with a person, a weight, two numbers (one missing) and a label."""
    rows = [f"who{k // 3},{k % 4},{k}.5,{'' if k == 5 else k},{'xy'[k % 2]}" for k in range(24)]
    return "\n".join(["who,w,a,b,label", *rows, ""]).encode()


def pixels() -> bytes:
    """Return CSV rows of a class and 64 pixel bytes, without a header."""
    values = np.random.default_rng(1).integers(0, 256, (12, 64))
    return "".join(
        f"{k % 3}," + ",".join(map(str, row)) + "\n" for k, row in enumerate(values)
    ).encode()


def long() -> bytes:
    """Return CSV rows of eight series of three to six steps."""
    rows = [
        f"{s},{t},{s + t * 0.25},{t * t},{'up' if s % 2 else 'down'}"
        for s in range(8)
        for t in range(3 + s % 4)
    ]
    return "\n".join(["id,time,u,v,label", *rows, ""]).encode()


def signal() -> bytes:
    """Return CSV rows of one long signal with a date for each step."""
    rows = [
        f"2020-01-{1 + t // 24:02d} {t % 24:02d}:00,{np.sin(t):.3f},{np.cos(t):.3f}"
        for t in range(120)
    ]
    return "\n".join(["date,u,v", *rows, ""]).encode()


def parquet(text: bytes) -> bytes:
    """Convert the table of CSV `text` to Parquet."""
    import pyarrow.csv
    import pyarrow.parquet as pq

    stream = io.BytesIO()
    pq.write_table(pyarrow.csv.read_csv(io.BytesIO(text)), stream, row_group_size=10)
    return stream.getvalue()


def json_lines(text: bytes) -> bytes:
    """Convert the table of CSV `text` to JSON lines."""
    rows = csv.DictReader(text.decode().splitlines())
    return "".join(
        json.dumps({k: _typed(v) for k, v in row.items()}) + "\n" for row in rows
    ).encode()


def json_series() -> bytes:
    """Return JSON lines of twelve series of two channels."""
    lines = [{"label": "ab"[k % 2], "v": numbers(4 + k % 3, 2, seed=k).tolist()} for k in range(12)]
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def workbook(text: bytes) -> bytes:
    """Convert the table of CSV `text` to an Excel workbook of two sheets."""
    import openpyxl

    book, stream = openpyxl.Workbook(), io.BytesIO()
    for row in csv.reader(text.decode().splitlines()):
        book.active.append([_typed(cell) for cell in row])
    book.create_sheet("Other").append(["a", 1])
    book.save(stream)
    return stream.getvalue()


def _typed(cell: str) -> Any:
    """Return a cell as a number or a date, if it is one."""
    for kind in (int, float, datetime.fromisoformat):
        with contextlib.suppress(ValueError):
            return kind(cell) if kind is not datetime.fromisoformat or len(cell) > 9 else cell
    return cell or None


def sound(n: int = 400, bits: int = 16, channels: int = 1, seed: int = 0) -> bytes:
    """Return a WAV file of PCM samples, with a chunk that is not read."""
    random = np.random.default_rng(seed)
    data = random.bytes(n * channels * bits // 8)
    width = channels * bits // 8
    head = struct.pack("<HHIIHH", 1, channels, 8000, 8000 * width, width, bits)
    chunks = b"".join(
        name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
        for name, content in ((b"fmt ", head), (b"LIST", b"odd"), (b"data", data))
    )
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def sounds(n: int) -> Files:
    return {f"{('cat', 'dog')[k % 2]}/{k}.wav": sound(n + k, seed=k) for k in range(6)}


TS_HEAD = "# about\n@problemName Tiny\n@timeStamps {}\n@univariate {}\n@equalLength {}\n"


def ts_class() -> bytes:
    head = TS_HEAD.format("false", "true", "true") + "@seriesLength 8\n@classLabel true a b\n"
    return _ts(head, [_cells(row) + ":" + "ab"[k % 2] for k, row in enumerate(numbers(12, 8))])


def ts_unequal() -> bytes:
    head = TS_HEAD.format("false", "false", "false")
    head += "@missing true\n@dimensions 2\n@classLabel true 1 2\n"
    rows = [
        f"{_cells(row[: 5 + k % 3])}:{_cells(row[: 5 + k % 3])}:{1 + k % 2}"
        for k, row in enumerate(numbers(12, 8))
    ]
    return _ts(head, rows)


def ts_target() -> bytes:
    head = TS_HEAD.format("false", "true", "true") + "@targetLabel true\n"
    return _ts(head, [f"{_cells(row)}:{row.sum()}" for row in numbers(12, 8)])


def ts_stamped() -> bytes:
    head = TS_HEAD.format("true", "true", "false") + "@classLabel true a b\n"
    rows = [
        ",".join(f"({t},{value})" for t, value in enumerate(row)) + ":" + "ab"[k % 2]
        for k, row in enumerate(numbers(12, 8))
    ]
    return _ts(head, rows)


def _ts(head: str, rows: list[str]) -> bytes:
    return "\n".join([head + "@data", *rows, ""]).encode()


def _cells(values: Any) -> str:
    return ",".join(map(str, values))


def npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.asarray(array))
    return stream.getvalue()


def npz(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def idx(array: np.ndarray[Any, Any]) -> bytes:
    head = bytes([0, 0, 8, array.ndim]) + b"".join(struct.pack(">I", n) for n in array.shape)
    return head + array.astype("u1").tobytes()


def digits(packed: bool = False) -> Files:
    """Return the four idx files of a digits data set."""
    files, random = {}, np.random.default_rng(2)
    for half, n in (("train", 24), ("t10k", 9)):
        files[f"{half}-images-idx3-ubyte"] = idx(random.integers(0, 256, (n, 5, 4)))
        files[f"{half}-labels-idx1-ubyte"] = idx(np.arange(n) % 3)
    return {f"{n}.gz": gzip.compress(d, mtime=0) for n, d in files.items()} if packed else files


def images(suffix: str, **options: Any) -> Callable[[], Files]:
    def make() -> Files:
        from PIL import Image

        files, random = {}, np.random.default_rng(3)
        for k in range(6):
            stream = io.BytesIO()
            image = Image.fromarray(random.integers(0, 256, (9, 8, 3), np.uint8))
            image.save(stream, {"jpg": "jpeg"}.get(suffix, suffix), **options)
            files[f"{('cat', 'dog')[k % 2]}/{k}.{suffix}"] = stream.getvalue()
        return files

    return make


def _table(name: str, text: Callable[[], bytes], *uses: Use) -> Reader:
    return Reader(lambda: {name: text()}, name, uses)


WIDE: tuple[Use, ...] = (
    CLASSIFY,
    ENCODE,
    ("regress", {"layout": "wide", "target": ("c",), "input": ("a", "b")}),
)
LONG: tuple[Use, ...] = (CLASSIFY, ("regress", {"target": ("v",), "input": ("u",), "id": "id"}))
SIGNAL: tuple[Use, ...] = (
    ("regress", {"target": ("v",)}),
    ("regress", {"horizon": 1, "target": ("u", "v")}),
)
ARRAYS = {"X": numbers(20, 8, 2), "y": np.arange(20) % 2}

READERS = {
    "csv wide": _table("t.csv", wide, *WIDE),
    "csv roles": _table(
        "t.csv", roles, ("classify", {"group": "who", "weight": "w", "missing": "mask"})
    ),
    "csv pixels": _table("t.csv", pixels, CLASSIFY, ENCODE),
    "csv long": _table("t.csv", long, *LONG),
    "csv signal": _table("t.csv", signal, *SIGNAL),
    "tsv": _table("t.tsv", lambda: wide(delimiter="\t"), *WIDE),
    "txt": _table("t.txt", lambda: wide(delimiter=" "), *WIDE),
    "csv.gz": _table("t.csv.gz", lambda: gzip.compress(wide(), mtime=0), *WIDE),
    "csv + --test": Reader(
        lambda: {"t.csv": wide(), "test.csv": wide(seed=1)},
        "t.csv",
        (("classify", {"test": "test.csv"}), ("regress", {"test": "test.csv", **WIDE[2][1]})),
    ),
    "parquet wide": _table("t.parquet", lambda: parquet(wide()), *WIDE),
    "parquet long": _table("t.parquet", lambda: parquet(long()), *LONG),
    "jsonl wide": _table("t.jsonl", lambda: json_lines(wide()), *WIDE),
    "jsonl long": _table("t.ndjson", lambda: json_lines(long()), *LONG),
    "jsonl series": _table(
        "t.jsonl", json_series, CLASSIFY, ("regress", {"horizon": 1, "target": ("v_0",)})
    ),
    "jsonl.gz": _table("t.jsonl.gz", lambda: gzip.compress(json_lines(wide()), mtime=0), *WIDE),
    "xlsx wide": _table("t.xlsx", lambda: workbook(wide()), *WIDE),
    "xlsx long": _table("t.xlsx", lambda: workbook(long()), *LONG),
    "xlsx signal": _table("t.xlsx", lambda: workbook(signal()), *SIGNAL),
    "wav": _table(
        "t.wav",
        lambda: sound(1200, 24, 2),
        ("regress", {"horizon": 1}),
        ("regress", {"horizon": 1, "frame": 8}),
        ("autoencode", {"frame": 16}),
        ENCODE,
    ),
    "wav short": Reader(lambda: sounds(60), "", (CLASSIFY, ("classify", {"skip_bad": True}))),
    "wav long": Reader(
        lambda: sounds(2500),
        "",
        (CLASSIFY, ("classify", {"frame": 64, "bands": 8, "skip_bad": True})),
    ),
    "ts class": _table("t.ts", ts_class, CLASSIFY, ENCODE, ("regress", {"horizon": 1})),
    "ts unequal": _table("t.ts", ts_unequal, CLASSIFY, ("regress", {"horizon": 1})),
    "ts target": _table("t.ts", ts_target, ("regress", {})),
    "ts timestamps": _table("t.ts", ts_stamped, CLASSIFY, ("regress", {"horizon": 1})),
    "ts halves": Reader(
        lambda: {"t_TRAIN.ts": ts_class(), "t_TEST.ts": ts_class()}, "", (CLASSIFY, ENCODE)
    ),
    "npy": Reader(
        lambda: {"x.npy": npy(ARRAYS["X"]), "y.npy": npy(ARRAYS["y"])},
        "x.npy",
        (
            ("classify", {"answers": "y.npy"}),
            ENCODE,
            ("regress", {"horizon": 1}),
            ("regress", {"answers": "y.npy"}),
        ),
    ),
    "npz": _table(
        "x.npz",
        lambda: npz(**ARRAYS, X_test=numbers(4, 8, 2), y_test=[0, 1, 1, 0]),
        CLASSIFY,
        ENCODE,
        ("regress", {}),
    ),
    "npy folder": Reader(
        lambda: {"X.npy": npy(numbers(60, 2)), "y.npy": npy(numbers(60))},
        "",
        (("regress", {}), ("autoencode", {"split": "random"})),
    ),
    "idx": Reader(digits, "", (CLASSIFY, ENCODE)),
    "idx.gz": Reader(lambda: digits(True), "", (CLASSIFY, ENCODE)),
    **{
        f"images {suffix}": Reader(
            images(suffix, **options),
            "",
            (
                CLASSIFY,
                ("autoencode", {"image_size": 6, "color": True}),
                ("classify", {"skip_bad": True}),
            ),
        )
        for suffix, options in (
            ("png", {}),
            ("jpg", {}),
            ("bmp", {}),
            ("gif", {}),
            ("tiff", {"compression": "tiff_lzw"}),
            ("webp", {}),
        )
    },
}
