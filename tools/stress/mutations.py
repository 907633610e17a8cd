"""Damages data files at random places or by the structure of their format."""

import contextlib
import gzip
import io
import struct
import warnings
import zipfile
import zlib
from typing import Any

import numpy as np

from tools.stress.samples import long, npy, wide

Random = np.random.Generator


def damage(name: str, data: bytes, random: Random) -> bytes:
    """Damage `data` of the file `name` in one to three places, at random or by its structure."""
    for _ in range(random.integers(1, 4)):
        by_structure = random.random() < 0.6
        change = next((c for end, c in _BY_NAME.items() if name.endswith(end)), None)
        if name.endswith(".gz") and random.random() < 0.7:
            inner = damage(name.removesuffix(".gz"), _unpacked(data), random)
            data = gzip.compress(inner, 1, mtime=0)
        elif by_structure and change:
            try:
                data = change(name, data, random)
            except Exception:  # noqa: BLE001 - a damaged file may have no structure
                data = damage_bytes(data, random)
        else:
            data = damage_bytes(data, random)
    return data


def _unpacked(data: bytes) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(data)
    except zlib.error:
        return data


def damage_bytes(data: bytes, random: Random) -> bytes:
    """Flip, delete, insert, repeat, swap, cut off or overwrite bytes, or write a huge number."""
    damaged = bytearray(data)
    # Headers are small and near the ends: damage them half of the time.
    reach = min(len(damaged), 200) if random.random() < 0.5 else len(damaged)
    place = int(random.integers(reach)) if reach else 0
    place = max(len(damaged) - 1 - place, 0) if random.random() < 0.2 else place
    length = int(random.integers(1, 9))
    match random.integers(8):
        case 0:
            damaged[place : place + 1] = bytes(
                [damaged[place] ^ (1 << random.integers(8))] if damaged else []
            )
        case 1:
            del damaged[place : place + length]
        case 2:
            damaged[place:place] = random.bytes(length)
        case 3:
            damaged[place:place] = damaged[place : place + 10 * length] * int(random.integers(1, 4))
        case 4:
            other = int(random.integers(len(damaged))) if damaged else 0
            one, two = damaged[place : place + length], damaged[other : other + length]
            damaged[place : place + length], damaged[other : other + length] = two, one
        case 5 if random.random() < 0.4:
            del damaged[place:]
        case 6:
            huge = [
                b"\xff" * 4,
                b"\x7f\xff\xff\xff",
                b"\xff\xff\xff\x7f",
                b"\0\0\0\0",
                b"\xff" * 8,
                b"\0\1\0\0",
                b"\x80",
                b"\xff\x7f",
            ]
            new = huge[random.integers(len(huge))]
            damaged[place : place + len(new)] = new[: max(len(damaged) - place, 0)]
        case _:
            damaged[place : place + length] = random.bytes(length)[: max(len(damaged) - place, 0)]
    return bytes(damaged)


CELLS = [
    "",
    " ",
    "?",
    "1e999",
    "-inf",
    "nan",
    "NaN",
    "0",
    "-0",
    "1e308",
    "-1e308",
    "1e-320",
    "1_000",
    "\uff11\uff12",
    "9" * 400,
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "0x10",
    "1,5",
    "1;5",
    "true",
    "None",
    "2020-01-01",
    "2020-13-45",
    "0001-01-01",
    "9999-12-31",
    "2020-01-01T00:00:00+14:00",
    '"',
    '""',
    '"a',
    '"a""b"',
    '"a\nb"',
    "'",
    "\0",
    "\x1b[31m",
    "\u202e",
    "\ufeff",
    "é",
    "\udcff",
    "other",
    "p",
    "q",
    "up",
    "a",
    "b",
    "label",
    "id",
    "time",
    "<b>",
    "=1+1",
    "#",
    "@data",
    "@classLabel",
    "(1,2)",
    ":",
    "x" * 2000,
    "x" * 70_000,
    "\t",
    "\r",
    "\x85",
    "\u2028",
    "\x0b",
    "\\",
    "1e5",
    "255",
    "256",
    "-1",
    "0.5",
]
"""Values to put into a cell."""


def _damage_text(name: str, data: bytes, random: Random) -> bytes:
    """Change a cell, a line, a column or the format of the whole text."""
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
            value = CELLS[random.integers(len(CELLS))]  # a whole column, if all lines have one
            table = [line.split(delimiter) for line in lines]
            lines = [delimiter.join([*t[:j], value, *t[j + 1 :]]) for t in table]
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
    return "\n".join(lines).encode(
        "utf-8", "surrogatepass" if "\udcff" in cells else "surrogateescape"
    )


def _damage_parquet(name: str, data: bytes, random: Random) -> bytes:
    """Write the table again with an unusual column or cell."""
    import pyarrow.csv
    import pyarrow.parquet as pq

    text = long() if b"time" in data[-3000:] else wide()
    table = pyarrow.csv.read_csv(io.BytesIO(text))
    j = int(random.integers(table.num_columns))
    title = table.column_names[j]
    if random.random() < 0.15:
        title = str(random.choice([*table.column_names, "", "x\n\x1b[31m", "é" * 300]))
    table = table.set_column(j, title, _odd_column(table.column(j), random))
    table = table.slice(0, random.choice([0, 1, 5, 100, 100, 100]))
    stream = io.BytesIO()
    packing = str(random.choice(["none", "snappy", "gzip", "zstd"]))
    pq.write_table(
        table,
        stream,
        row_group_size=10,
        compression=packing,
        use_dictionary=bool(random.integers(2)),
    )
    return stream.getvalue()


def _odd_column(values: Any, random: Random) -> Any:
    import pyarrow as pa

    n, cells = len(values), values.to_pylist()
    place = int(random.integers(n))
    edges = [
        None,
        2**63 - 1,
        -(2**63),
        0,
        1e308,
        float("nan"),
        float("inf"),
        "",
        "?",
        "x" * 20_000,
        "a\nb",
        True,
    ]
    match random.integers(7):
        case 0:
            types = [
                pa.int64(),
                pa.float16(),
                pa.timestamp("ns"),
                pa.timestamp("s"),
                pa.date32(),
                pa.date64(),
                pa.duration("ns"),
                pa.uint64(),
                pa.time64("us"),
            ]
            kind = types[random.integers(len(types))]
            whole = pa.array([*[2**62] * (place + 1), *range(n)][:n], pa.int64())
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


def _damage_npy(name: str, data: bytes, random: Random) -> bytes:
    """Change the type or shape in the header, or the values of the array."""
    array = np.load(io.BytesIO(data), allow_pickle=False)
    shapes = [
        "(2, 3)",
        "(99999999999,)",
        "(-1, 4)",
        "()",
        "(0, 4)",
        "(1, 1, 1, 1)",
        "(4294967296, 4294967296, 4294967296)",
        "(True,)",
        "[3]",
        "(3",
        "(2,) * 99",
    ]
    types = [
        "|O",
        "<U9",
        ">f8",
        "<f2",
        "|S3",
        "<M8[s]",
        "|V8",
        "<c16",
        "?",
        "<u8",
        "<f16",
        "|i1",
        "<U99999999",
        "<f99",
        ",".join(["<f8"] * 50),
    ]
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
    body: bytes = array.tobytes()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head.encode() + body


def _damage_npz(name: str, data: bytes, random: Random) -> bytes:
    """Damage, rename, repeat or remove one member of a valid archive."""
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
            members[j] = inside, _damage_npy(inside, content, random)
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")  # about a duplicate name
        for inside, content in members:
            archive.writestr(zipfile.ZipInfo(inside), content)
    return stream.getvalue()


def _damage_png(name: str, data: bytes, random: Random) -> bytes:
    """Change the size, depth or colour type in the header and correct its checksum."""
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


def _damage_idx(name: str, data: bytes, random: Random) -> bytes:
    """Change the type, number of axes or length in the header."""
    damaged = bytearray(data.ljust(8, b"\0"))
    match random.integers(3):
        case 0:
            damaged[2] = int(random.choice([0, 8, 9, 11, 12, 13, 14, 255]))
        case 1:
            damaged[3] = int(random.choice([0, 1, 2, 3, 4, 8, 9, 255]))
        case _:
            axis = 4 + 4 * int(random.integers(damaged[3] or 1))
            sizes = [0, 1, 2, 5, 2**31, 2**32 - 1]
            damaged[axis : axis + 4] = struct.pack(">I", sizes[random.integers(6)])
    return bytes(damaged)


_BY_NAME = {
    **dict.fromkeys((".csv", ".tsv", ".txt", ".ts"), _damage_text),
    ".npy": _damage_npy,
    ".npz": _damage_npz,
    ".parquet": _damage_parquet,
    ".png": _damage_png,
    "ubyte": _damage_idx,
}
