"""Sound files for every reader, and ways to spoil them; `fuzz_readers.py` reads what comes out."""

import contextlib
import gzip
import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Random = np.random.Generator
Files = dict[str, bytes]
Use = tuple[str, dict[str, Any]]

SEVERAL = [
    {}, {}, {}, {"missing": "mean"}, {"missing": "drop"}, {"missing": "forward"},
    {"missing": "mask"}, {"scale": "standard"}, {"scale": "minmax"}, {"valid_fraction": 0.2},
    {"recipe": "classic"}, {"dtype": "float64"}, {"max_unpacked": 1e-5},
]  # fmt: skip
"""Options beside a use's own, drawn anew for each file."""

ONE_JOB: dict[str, list[dict[str, Any]]] = {
    "classify": [{"class_weight": "balanced"}, {"steps": 2}],
    "regress": [{"window": 0}, {"window": 4, "stride": 3}, {"output": "last"}, {"horizon": 2}],
    "autoencode": [{"test_fraction": 0.0}],
}
TEXT_ONLY = [{"encoding": "cp1252"}, {"encoding": "utf-16"}, {"decimal": ","}, {"delimiter": ";"}]


@dataclass(frozen=True)
class Reader:
    """One kind of data.

    Parameters
    ----------
    files : callable
        Makes the sound files, by name in a folder.
    data : str
        The name a user gives; "" is the folder.
    uses : tuple of (job, options)
        What it is good for; the option `test` or `answers` names another of the files.
    """

    files: Callable[[], Files]
    data: str
    uses: tuple[Use, ...]


CLASSIFY: Use = ("classify", {})
ENCODE: Use = ("autoencode", {})


# --- sound files


def numbers(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).random(shape).round(3)


def wide(seed: int = 0, delimiter: str = ",") -> bytes:
    """Three numbers a row, and a label."""
    lines = [["a", "b", "c", "label"]]
    lines += [[*map(str, row), "pq"[k % 2]] for k, row in enumerate(numbers(24, 3, seed=seed))]
    return "".join(delimiter.join(line) + "\n" for line in lines).encode()


def roles() -> bytes:
    """As `wide`, headerless numbers replaced by a person, a weight and a gap."""
    rows = [f"who{k // 3},{k % 4},{k}.5,{'' if k == 5 else k},{'xy'[k % 2]}" for k in range(24)]
    return "\n".join(["who,w,a,b,label", *rows, ""]).encode()


def pixels() -> bytes:
    """Bytes of pictures after their class, without a header."""
    values = np.random.default_rng(1).integers(0, 256, (12, 64))
    return "".join(f"{k % 3}," + ",".join(map(str, row)) + "\n" for k, row in enumerate(values)) \
        .encode()  # fmt: skip


def long() -> bytes:
    """Eight series of three to six steps."""
    rows = [f"{s},{t},{s + t * 0.25},{t * t},{'up' if s % 2 else 'down'}"
            for s in range(8) for t in range(3 + s % 4)]  # fmt: skip
    return "\n".join(["id,time,u,v,label", *rows, ""]).encode()


def signal() -> bytes:
    """One long signal with a date for each step."""
    rows = [f"2020-01-{1 + t // 24:02d} {t % 24:02d}:00,{np.sin(t):.3f},{np.cos(t):.3f}"
            for t in range(120)]  # fmt: skip
    return "\n".join(["date,u,v", *rows, ""]).encode()


def parquet(text: bytes, spoilt: Random | None = None) -> bytes:
    """The table of CSV `text` as Parquet, with one odd column or cell if `spoilt`."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet as pq

    table = pyarrow.csv.read_csv(io.BytesIO(text))
    how: dict[str, Any] = {"row_group_size": 10}
    if spoilt is not None:
        j = int(spoilt.integers(table.num_columns))
        name, values = table.column_names[j], table.column(j)
        column: Any = _odd_column(values, spoilt)
        if spoilt.random() < 0.15:
            name = str(spoilt.choice([*table.column_names, "", "x\n\x1b[31m", "é" * 300]))
        with contextlib.suppress(pa.ArrowException, ValueError, OverflowError):
            table = table.set_column(j, name, column)
        how["compression"] = str(spoilt.choice(["none", "snappy", "gzip", "zstd"]))
        how["use_dictionary"] = bool(spoilt.integers(2))
        table = table.slice(0, spoilt.choice([0, 1, 5, 100, 100, 100]))
    stream = io.BytesIO()
    try:
        pq.write_table(table, stream, **how)
    except (pa.ArrowException, OSError):  # what cannot be written is left as it was
        return parquet(text)
    return stream.getvalue()


def _odd_column(values: Any, random: Random) -> Any:
    import pyarrow as pa

    n, cells = len(values), values.to_pylist()
    place = int(random.integers(n))
    edges = [None, 2**63 - 1, -(2**63), 0, 1e308, float("nan"), float("inf"), "", "?", "x" * 20_000,
             "a\nb", True]  # fmt: skip
    match random.integers(7):
        case 0:
            types = [pa.int64(), pa.float16(), pa.timestamp("ns"), pa.timestamp("s"), pa.date32(),
                     pa.date64(), pa.duration("ns"), pa.uint64(), pa.time64("us")]  # fmt: skip
            kind = types[random.integers(len(types))]
            whole = pa.array([*[2**62] * (place + 1), *[k for k in range(n)]][:n], pa.int64())
            with contextlib.suppress(pa.ArrowException):
                return whole.cast(kind, safe=False)
        case 1:
            return pa.array([[k] for k in range(n)])
        case 2:
            return pa.array([{"k": k} for k in range(n)])
        case 3:
            return pa.array([b"\xff\0"] * n)
        case 4:
            return pa.nulls(n)
        case 5:
            return pa.array([str(c) for c in cells]).dictionary_encode()
    cells[place] = edges[random.integers(len(edges))]
    try:
        return pa.array(cells)
    except (pa.ArrowException, OverflowError):
        return pa.array([str(cell) for cell in cells])


TS_HEAD = "# about\n@problemName Tiny\n@timeStamps {}\n@univariate {}\n@equalLength {}\n"


def ts_class() -> bytes:
    head = TS_HEAD.format("false", "true", "true") + "@seriesLength 5\n@classLabel true a b\n"
    return _ts(head, [_cells(row) + ":" + "ab"[k % 2] for k, row in enumerate(numbers(12, 5))])


def ts_unequal() -> bytes:
    head = TS_HEAD.format("false", "false", "false")
    head += "@missing true\n@dimensions 2\n@classLabel true 1 2\n"
    rows = [f"{_cells(row[: 2 + k % 3])}:{_cells(row[: 2 + k % 3])}:{1 + k % 2}"
            for k, row in enumerate(numbers(12, 5))]  # fmt: skip
    return _ts(head, rows)


def ts_target() -> bytes:
    head = TS_HEAD.format("false", "true", "true") + "@targetLabel true\n"
    return _ts(head, [f"{_cells(row)}:{row.sum()}" for row in numbers(12, 5)])


def ts_stamped() -> bytes:
    head = TS_HEAD.format("true", "true", "false") + "@classLabel true a b\n"
    rows = [",".join(f"({t},{value})" for t, value in enumerate(row)) + ":" + "ab"[k % 2]
            for k, row in enumerate(numbers(12, 4))]  # fmt: skip
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


def idx(array: Any) -> bytes:
    head = bytes([0, 0, 8, array.ndim]) + b"".join(struct.pack(">I", n) for n in array.shape)
    return head + array.astype("u1").tobytes()


def digits(packed: bool = False) -> Files:
    """Four idx files."""
    found, random = {}, np.random.default_rng(2)
    for half, n in (("train", 24), ("t10k", 9)):
        found[f"{half}-images-idx3-ubyte"] = idx(random.integers(0, 256, (n, 5, 4)))
        found[f"{half}-labels-idx1-ubyte"] = idx(np.arange(n) % 3)
    return {f"{n}.gz": gzip.compress(d, mtime=0) for n, d in found.items()} if packed else found


def images(suffix: str, **how: Any) -> Callable[[], Files]:
    def make() -> Files:
        from PIL import Image

        found, random = {}, np.random.default_rng(3)
        for k in range(4):
            stream = io.BytesIO()
            image = Image.fromarray(random.integers(0, 256, (9, 8, 3), np.uint8))
            image.save(stream, {"jpg": "jpeg"}.get(suffix, suffix), **how)
            found[f"{'cat' if k % 2 else 'dog'}/{k}.{suffix}"] = stream.getvalue()
        return found

    return make


def _table(name: str, text: Callable[[], bytes], *uses: Use) -> Reader:
    return Reader(lambda: {name: text()}, name, uses)


WIDE: tuple[Use, ...] = (CLASSIFY, ENCODE, ("regress", {"layout": "wide", "target": ("c",),
                         "input": ("a", "b")}))  # fmt: skip
LONG: tuple[Use, ...] = (CLASSIFY, ("regress", {"target": ("v",), "input": ("u",), "id": "id"}))
SIGNAL: tuple[Use, ...] = (("regress", {"target": ("v",)}),
                           ("regress", {"horizon": 1, "target": ("u", "v")}))  # fmt: skip
ARRAYS = {"X": numbers(20, 4, 2), "y": np.arange(20) % 2}

READERS = {
    "csv wide": _table("t.csv", wide, *WIDE),
    "csv roles": _table("t.csv", roles, ("classify", {"group": "who", "weight": "w",
                                                      "missing": "mask"})),
    "csv pixels": _table("t.csv", pixels, CLASSIFY, ENCODE),
    "csv long": _table("t.csv", long, *LONG),
    "csv signal": _table("t.csv", signal, *SIGNAL),
    "tsv": _table("t.tsv", lambda: wide(delimiter="\t"), *WIDE),
    "txt": _table("t.txt", lambda: wide(delimiter=" "), *WIDE),
    "csv.gz": _table("t.csv.gz", lambda: gzip.compress(wide(), mtime=0), *WIDE),
    "csv + --test": Reader(lambda: {"t.csv": wide(), "test.csv": wide(seed=1)}, "t.csv",
                           (("classify", {"test": "test.csv"}), ("regress", {
                            "test": "test.csv", **WIDE[2][1]}))),
    "parquet wide": _table("t.parquet", lambda: parquet(wide()), *WIDE),
    "parquet long": _table("t.parquet", lambda: parquet(long()), *LONG),
    "ts class": _table("t.ts", ts_class, CLASSIFY, ENCODE, ("regress", {"horizon": 1})),
    "ts unequal": _table("t.ts", ts_unequal, CLASSIFY, ("regress", {"horizon": 1})),
    "ts target": _table("t.ts", ts_target, ("regress", {})),
    "ts timestamps": _table("t.ts", ts_stamped, CLASSIFY, ("regress", {"horizon": 1})),
    "ts halves": Reader(lambda: {"t_TRAIN.ts": ts_class(), "t_TEST.ts": ts_class()}, "",
                        (CLASSIFY, ENCODE)),
    "npy": Reader(lambda: {"x.npy": npy(ARRAYS["X"]), "y.npy": npy(ARRAYS["y"])}, "x.npy",
                  (("classify", {"answers": "y.npy"}), ENCODE, ("regress", {"horizon": 1}),
                   ("regress", {"answers": "y.npy"}))),
    "npz": _table("x.npz", lambda: npz(**ARRAYS, X_test=numbers(4, 4, 2), y_test=[0, 1, 1, 0]),
                  CLASSIFY, ENCODE, ("regress", {})),
    "npy folder": Reader(lambda: {"X.npy": npy(numbers(60, 2)), "y.npy": npy(numbers(60))}, "",
                         (("regress", {}), ENCODE)),
    "idx": Reader(digits, "", (CLASSIFY, ENCODE)),
    "idx.gz": Reader(lambda: digits(True), "", (CLASSIFY, ENCODE)),
    **{f"images {suffix}": Reader(images(suffix, **how), "", (
        CLASSIFY, ("autoencode", {"image_size": 6, "color": True}), ("classify", {
            "skip_bad": True})))
       for suffix, how in (("png", {}), ("jpg", {}), ("bmp", {}), ("gif", {}),
                           ("tiff", {"compression": "tiff_lzw"}), ("webp", {}))},
}  # fmt: skip


# --- spoiling them


def spoil(name: str, data: bytes, random: Random) -> bytes:
    """`data` of the file `name`, damaged in one to three places, blindly or by its structure."""
    for _ in range(random.integers(1, 4)):
        by_structure = random.random() < 0.6
        change = next((c for end, c in _BY_NAME.items() if name.endswith(end)), None)
        if name.endswith(".gz") and random.random() < 0.7:
            inner = spoil(name.removesuffix(".gz"), _unpacked(data), random)
            data = gzip.compress(inner, 1, mtime=0)
        elif by_structure and change:
            try:
                data = change(name, data, random)
            except Exception:  # noqa: BLE001 - a file spoilt before has no structure
                data = spoil_bytes(data, random)
        else:
            data = spoil_bytes(data, random)
    return data


def _unpacked(data: bytes) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(data)
    except zlib.error:
        return data


def spoil_bytes(data: bytes, random: Random) -> bytes:
    """Bytes flipped, cut out, put in, doubled, swapped, cut off, or made a huge number."""
    hurt = bytearray(data)
    # Headers are near the ends, and small: aim there half of the time.
    reach = min(len(hurt), 200) if random.random() < 0.5 else len(hurt)
    place = int(random.integers(reach)) if reach else 0
    place = max(len(hurt) - 1 - place, 0) if random.random() < 0.2 else place
    length = int(random.integers(1, 9))
    match random.integers(8):
        case 0:
            hurt[place : place + 1] = bytes([hurt[place] ^ (1 << random.integers(8))] if hurt else [])
        case 1:
            del hurt[place : place + length]
        case 2:
            hurt[place:place] = random.bytes(length)
        case 3:
            hurt[place:place] = hurt[place : place + 10 * length] * int(random.integers(1, 4))
        case 4:
            other = int(random.integers(len(hurt))) if hurt else 0
            one, two = hurt[place : place + length], hurt[other : other + length]
            hurt[place : place + length], hurt[other : other + length] = two, one
        case 5 if random.random() < 0.4:
            del hurt[place:]
        case 6:
            huge = [b"\xff" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\0", b"\xff" * 8,
                    b"\0\1\0\0", b"\x80", b"\xff\x7f"]  # fmt: skip
            new = huge[random.integers(len(huge))]
            hurt[place : place + len(new)] = new[: max(len(hurt) - place, 0)]
        case _:
            hurt[place : place + length] = random.bytes(length)[: max(len(hurt) - place, 0)]
    return bytes(hurt)


CELLS = [
    "", " ", "?", "1e999", "-inf", "nan", "NaN", "0", "-0", "1e308", "-1e308", "1e-320", "1_000",
    "\uff11\uff12", "9" * 400, "9223372036854775807", "9223372036854775808", "-9223372036854775809",
    "0x10", "1,5", "1;5", "true", "None", "2020-01-01", "2020-13-45", "0001-01-01", "9999-12-31",
    "2020-01-01T00:00:00+14:00", '"', '""', '"a', '"a""b"', '"a\nb"', "'", "\0", "\x1b[31m",
    "\u202e", "\ufeff", "é", "\udcff", "other", "p", "q", "up", "a", "b", "label", "id", "time",
    "<b>", "=1+1", "#", "@data", "@classLabel", "(1,2)", ":", "x" * 2000, "x" * 70_000, "\t", "\r",
    "\x85", "\u2028", "\x0b", "\\", "1e5", "255", "256", "-1", "0.5",
]  # fmt: skip
"""What may stand in a cell."""


def _spoil_text(name: str, data: bytes, random: Random) -> bytes:
    """A cell, a line, a column or the whole written otherwise."""
    text = data.decode("utf-8", "surrogateescape")
    delimiter = {"tsv": "\t", "txt": " "}.get(name.rpartition(".")[2], ",")
    lines = text.split("\n")
    row = int(random.integers(len(lines)))
    cells = lines[row].split(delimiter)
    j = int(random.integers(len(cells)))
    match random.integers(16):
        case 0:
            del cells[j]
        case 1:
            cells.insert(j, cells[j])
        case 2:
            lines.insert(int(random.integers(len(lines))), lines[row])
        case 3:
            other = int(random.integers(len(lines)))
            lines[row], lines[other] = lines[other], lines[row]
            cells = lines[row].split(delimiter)
        case 4:
            lines[row + 1 :] = []
        case 5:
            lines = [delimiter.join(line.split(delimiter)[::-1]) for line in lines]
            cells = lines[row].split(delimiter)
        case 6 if random.random() < 0.3:
            new = str(random.choice([";", "|", "\t", ",", " ", "::"]))
            return text.replace(delimiter, new).encode("utf-8", "surrogateescape")
        case 6 if random.random() < 0.3:
            coding = str(random.choice(["utf-16", "utf-8-sig", "utf-32", "cp1252", "utf-16-le"]))
            return text.encode(coding, "replace")
        case 7 if random.random() < 0.3:
            new = str(random.choice(["\r\n", "\r", "\n\n", "\x0b"]))
            return text.replace("\n", new).encode("utf-8", "surrogateescape")
        case 8 if random.random() < 0.05:
            cells[j] = "x" * int(random.choice([2_000_000, 17_000_000]))
        case 9 if random.random() < 0.05:
            lines[row] = delimiter.join([lines[row]] * 3000)
            cells = lines[row].split(delimiter)
        case 10:
            value = CELLS[random.integers(len(CELLS))]  # a whole column, as long as lines have it
            lines = [delimiter.join(value if k == j else cell
                     for k, cell in enumerate(line.split(delimiter))) for line in lines]  # fmt: skip
            cells = lines[row].split(delimiter)
        case 11 if name.endswith(".ts"):
            words = ["true", "false", "0", "1", "2", "999999999999", "-1", "", "a b c", "maybe"]
            head = lines[row].split(" ")
            head[1:2] = [words[random.integers(len(words))]]
            cells = [" ".join(head)]
        case _:
            cells[j] = CELLS[random.integers(len(CELLS))]
    if row < len(lines):
        lines[row] = delimiter.join(cells)
    return "\n".join(lines).encode("utf-8", "surrogatepass" if "\udcff" in cells else
                                   "surrogateescape")  # fmt: skip


def _spoil_parquet(name: str, data: bytes, random: Random) -> bytes:
    """The same table with an odd column, written anew."""
    return parquet(long() if b"time" in data[-3000:] else wide(), random)


def _spoil_npy(name: str, data: bytes, random: Random) -> bytes:
    """Another type or shape in the header, or other values under it."""
    array = np.load(io.BytesIO(data), allow_pickle=False)
    shapes = ["(2, 3)", "(99999999999,)", "(-1, 4)", "()", "(0, 4)", "(1, 1, 1, 1)", "(4294967296, "
              "4294967296, 4294967296)", "(True,)", "[3]", "(3", "(2,) * 99"]  # fmt: skip
    types = ["|O", "<U9", ">f8", "<f2", "|S3", "<M8[s]", "|V8", "<c16", "?", "<u8", "<f16", "|i1",
             "<U99999999", "<f99", ",".join(["<f8"] * 50)]  # fmt: skip
    values = [np.nan, np.inf, -np.inf, 1e308, -1.0, 0.0, 1e30]
    match random.integers(5):
        case 0:
            shape, kind = shapes[random.integers(len(shapes))], array.dtype.str
        case 1:
            shape, kind = str(array.shape), types[random.integers(len(types))]
        case 2:
            kinds = ["f2", "f4", "u1", "i8", "U3", "?", ">f4"]
            with np.errstate(all="ignore"):
                return npy(array.astype(kinds[random.integers(len(kinds))]))
        case 3:
            array = np.array(array, float) if array.dtype.kind in "fiub" else array
            if array.size and array.dtype.kind == "f":
                array.reshape(-1)[random.integers(array.size)] = values[random.integers(7)]
            return npy(array)
        case _:
            array = array[: int(random.integers(3))] if array.ndim else array
            return npy(array.swapaxes(0, -1) if array.ndim > 1 else array)
    head = f"{{'descr': '{kind}', 'fortran_order': {bool(random.integers(2))}, 'shape': {shape}, }}"
    head = head.ljust(117) + "\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head.encode() + array.tobytes()


def _spoil_npz(name: str, data: bytes, random: Random) -> bytes:
    """One member damaged, renamed, doubled or left out, in a sound archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    j = int(random.integers(len(members)))
    inside, content = members[j]
    match random.integers(5):
        case 0:
            names = ["../x.npy", "/x.npy", "X", "X.npy", "y.npy", "z\n.npy", "x_train.npy", ""]
            members[j] = str(random.choice(names)), content
        case 1:
            members.append(members[j])
        case 2:
            del members[j]
        case _:
            members[j] = inside, _spoil_npy(inside, content, random)
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")  # of a name given twice
        for inside, content in members:
            archive.writestr(zipfile.ZipInfo(inside), content)
    return stream.getvalue()


def _spoil_png(name: str, data: bytes, random: Random) -> bytes:
    """Another size, depth or colour type in the header, its check sum right."""
    head = bytearray(data[16:29].ljust(13, b"\0"))
    match random.integers(3):
        case 0:
            sizes = [0, 1, 9, 7071, 65535, 10**6, 2**31 - 1, 2**32 - 1]
            struct.pack_into(">I", head, 4 * int(random.integers(2)), sizes[random.integers(8)])
        case 1:
            struct.pack_into(">II", head, 0, *random.integers(1, 8000, 2).tolist())
        case _:
            head[8 + random.integers(5)] = int(random.choice([0, 1, 2, 3, 4, 6, 8, 16, 255]))
    check = struct.pack(">I", zlib.crc32(b"IHDR" + bytes(head)))
    return data[:16] + bytes(head) + check + data[33:]


def _spoil_idx(name: str, data: bytes, random: Random) -> bytes:
    """Another type, number of axes or length in the header."""
    hurt = bytearray(data.ljust(8, b"\0"))
    match random.integers(3):
        case 0:
            hurt[2] = int(random.choice([0, 8, 9, 11, 12, 13, 14, 255]))
        case 1:
            hurt[3] = int(random.choice([0, 1, 2, 3, 4, 8, 9, 255]))
        case _:
            axis = 4 + 4 * int(random.integers(hurt[3] or 1))
            sizes = [0, 1, 2, 5, 2**31, 2**32 - 1]
            hurt[axis : axis + 4] = struct.pack(">I", sizes[random.integers(6)])
    return bytes(hurt)


_BY_NAME = {
    **dict.fromkeys((".csv", ".tsv", ".txt", ".ts"), _spoil_text),
    ".npy": _spoil_npy,
    ".npz": _spoil_npz,
    ".parquet": _spoil_parquet,
    ".png": _spoil_png,
    "ubyte": _spoil_idx,
}
