"""Abuses of JSON lines, workbooks and sounds: what programs write and what files claim."""

import gzip
import io
import json
import math
import re
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tools.stress.abuses.harness import Abuse
from tools.stress.abuses.sound import (
    ROWS,
    either,
    inspects,
    predicts,
    refused,
    refuses,
    text_table,
    with_value,
)

NAN = math.nan


def lines(rows: Any = ROWS) -> str:
    """Return rows as JSON lines with the keys a, b, c."""
    return "".join(json.dumps(dict(zip("abc", row, strict=True))) + "\n" for row in rows)


OBJECTS = lines().splitlines()


def with_line(line: str, row: int = 2) -> str:
    """Return the lines with one replaced."""
    return "\n".join([*OBJECTS[:row], line, *OBJECTS[row + 1 :], ""])


def read(name: str, data: str | bytes, truth: Any = ROWS, options: str = "") -> Abuse:
    """Return an abuse of JSON lines that must be read as `truth`."""
    return predicts(f"lines: {name}", data, truth, options, "d.jsonl")


def bad(name: str, data: str | bytes, says: str = r"d\.jsonl:3") -> Abuse:
    """Return an abuse of JSON lines that must be refused."""
    return refuses(f"lines: {name}", data, says, "predict wide.safetensors d.jsonl", "d.jsonl")


def rows_with(b: Any) -> list[list[Any]]:
    """Return the rows, the second number of the third one replaced."""
    return with_value(b)


SERIES = [{"label": "ab"[k % 2], "v": [[k, t] for t in range(3 + k % 2)]} for k in range(8)]


def series(name: str, change: Callable[[list[Any]], object], says: str = r"d\.jsonl") -> Abuse:
    """Return an abuse of JSON lines of whole series that must be refused."""
    each = json.loads(json.dumps(SERIES))
    change(each)
    data = "".join(json.dumps(line) + "\n" for line in each)
    return refuses(f"lines: {name}", data, says, "inspect d.jsonl", "d.jsonl")


LINES = (
    read("keys in another order in each line", "\n".join(
        json.dumps(dict(sorted(json.loads(o).items(), reverse=bool(k % 2))))
        for k, o in enumerate(OBJECTS))),
    read("carriage returns", "\r\n".join(OBJECTS) + "\r\n"),
    read("a byte order mark", "\ufeff" + lines()),
    read("blank lines", "\n\n" + "\n \n\n".join(OBJECTS) + "\n\n\n"),
    read("spaces and tabs around", "\n".join(f"  \t{o}   " for o in OBJECTS)),
    read("no newline at the end", lines().rstrip()),
    read("gzip under a plain name", gzip.compress(lines().encode(), mtime=0)),
    read("UTF-16, named", lines().encode("utf-16"), options="--encoding utf-16"),
    read("keys in escapes", lines().replace('"a"', '"\\u0061"')),
    read("objects in a key that nothing uses",
         lines().replace("}", ', "meta": {"x": [1, {"y": null}]}}')),
    read("a key that hides prototypes", lines().replace("}", ', "__proto__": 1, "class": 2}')),
    read("exponents", lines().replace("0.5", "5e-1").replace("0.25", "25E-2")),
    read("null is missing", with_line('{"a": 0, "b": null, "c": 0.001}'), rows_with(NAN)),
    either(read("true among numbers", with_line('{"a": 0, "b": true, "c": 0.001}'), rows_with(1))),
    read("minus zero", with_line('{"a": -0, "b": -0.0, "c": 0.001}'), rows_with(0)),
    either(read("a key that one line lacks", with_line('{"a": 0, "c": 0.001}'), rows_with(NAN))),
    either(read("NaN, which is no JSON", with_line('{"a": 0, "b": NaN, "c": 0.001}'),
                rows_with(NAN))),
    either(read("a number in quotes", with_line('{"a": 0, "b": "3", "c": 0.001}'))),
    either(read("a number of many digits",
                with_line('{"a": 0, "b": 3.' + "0" * 4000 + ', "c": 0.001}'))),
    either(read("an empty text", with_line('{"a": 0, "b": "", "c": 0.001}'), rows_with(NAN))),
    bad("a key twice in one object", with_line('{"a": 0, "b": 1, "b": 3, "c": 0.001}')),
    bad("one array of objects", "[" + ",\n".join(OBJECTS) + "]", r"d\.jsonl"),
    bad("indented over several lines", json.dumps(json.loads(OBJECTS[0]), indent=1), r"d\.jsonl:1"),
    bad("single quotes", with_line("{'a': 0, 'b': 3, 'c': 0.001}")),
    bad("a trailing comma", with_line('{"a": 0, "b": 3, "c": 0.001,}')),
    bad("a comma between lines", ",\n".join(OBJECTS), r"d\.jsonl:1"),
    bad("a comment", with_line("// paused")),
    bad("Infinity", with_line('{"a": 0, "b": Infinity, "c": 0.001}'), r"d\.jsonl"),
    bad("a number beyond floats", with_line('{"a": 0, "b": 1e999, "c": 0.001}'), r"d\.jsonl"),
    bad("a whole number of 5,000 digits",
        with_line('{"a": 0, "b": ' + "9" * 5000 + ', "c": 0.001}'), r"d\.jsonl"),
    bad("ten thousand brackets", with_line('{"a": ' + "[" * 10_000 + "]" * 10_000 + "}")),
    bad("the last line cut off", lines()[:-8], r"d\.jsonl:6"),
    bad("two objects in a line", with_line(OBJECTS[1] + OBJECTS[2])),
    bad("a line that is a number", with_line("3")),
    bad("a line that is an array", with_line("[0, 3, 0.001]")),
    bad("a line that is null", with_line("null")),
    bad("only empty objects", "{}\n" * 4, r"d\.jsonl"),
    bad("a byte that is no UTF-8", lines().encode().replace(b'"b"', b'"\xff"', 1), r"d\.jsonl"),
    bad("a NUL byte", with_line('{"a": 0, "b": 3\0, "c": 0.001}'), r"d\.jsonl"),
    bad("CSV", text_table(), r"d\.jsonl:1"),
    bad("words for numbers", with_line('{"a": 0, "b": "much", "c": 0.001}'), r"d\.jsonl.*b"),
    bad("an empty file", "", r"d\.jsonl"),
    series("series of different channels", lambda s: s[3].update(v=[[1, 2, 3]] * 3)),
    series("steps of different channels", lambda s: s[3].update(v=[[1, 2], [1], [2, 3]])),
    series("a series of no steps", lambda s: s[3].update(v=[])),
    series("a series that is null", lambda s: s[3].update(v=None)),
    series("a series of text", lambda s: s[3].update(v=["a", "b"])),
    series("series and single numbers in one key", lambda s: s[3].update(v=5)),
    series("two keys of unequal length", lambda s: [e.update(w=[1, 2]) for e in s]),
    series("arrays three levels deep", lambda s: s[3].update(v=[[[1], [2]]])),
)  # fmt: skip


# --- workbooks


def workbook(change: Callable[[Any, Any], object] | None = None, rows: Any = ROWS) -> bytes:
    """Return a workbook of rows under a, b, c, after `change(book, sheet)`."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    for row in [list("abc"), *rows]:
        sheet.append(list(row))
    if change is not None:
        change(book, sheet)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def repacked(name: str, change: Callable[[bytes], bytes | None]) -> bytes:
    """Return the workbook with one member changed, or left out."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook())) as old,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for member in old.namelist():
            data: bytes | None = old.read(member)
            if member == name:
                data = change(old.read(member))
            if data is not None:
                new.writestr(member, data)
    return stream.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + k, b"&%c;" % (97 + k) * 10) for k in range(9))
    + b"]><worksheet>&j;</worksheet>"
)


def cells(name: str, change: Any = None, truth: Any = ROWS, options: str = "") -> Abuse:
    """Return an abuse of a workbook that must be read as `truth`."""
    return predicts(f"workbook: {name}", workbook(change), truth, options, "d.xlsx")


def no_cells(
    name: str, data: bytes, says: str = r"d\.xlsx", options: str = "", file: str = "d.xlsx"
) -> Abuse:
    """Return an abuse of a workbook that must be refused."""
    command = f"predict wide.safetensors {file} {options}".strip()
    return refuses(f"workbook: {name}", data, says, command, file)


def put(cell: str, value: Any) -> Callable[[Any, Any], None]:
    """Return a change of one cell."""
    return lambda book, sheet: sheet.__setitem__(cell, value)


def other_sheet(book: Any, sheet: Any) -> None:
    """Put a sheet of notes first."""
    book.create_sheet("notes", 0).append(["nothing here"])


def hidden(book: Any, sheet: Any) -> None:
    """Hide a second sheet, and some columns and rows of the first."""
    book.create_sheet("more").sheet_state = "hidden"
    sheet.column_dimensions["B"].hidden = sheet.row_dimensions[3].hidden = True


def filtered(book: Any, sheet: Any) -> None:
    """Filter the columns and freeze the header."""
    sheet.freeze_panes, sheet.auto_filter.ref = "A2", "A1:C7"


PREDICT = "predict wide.safetensors d.xlsx"


def bomb(folder: Path) -> None:
    """Make a workbook whose sheet unpacks to two gigabytes."""
    with (
        zipfile.ZipFile(io.BytesIO(workbook())) as old,
        zipfile.ZipFile(folder / "d.xlsx", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new,
    ):
        for member in old.namelist():
            with new.open(member, "w", force_zip64=True) as stream:
                stream.write(old.read(member))
                for _ in range(200 if member == SHEET else 0):
                    stream.write(b" " * 10_000_000)


WORKBOOKS = (
    cells("a sheet by name", other_sheet, options="--sheet Sheet"),
    cells("a sheet by number", other_sheet, options="--sheet 2"),
    cells("hidden rows and columns", hidden),
    cells("a number formatted as percent",
          lambda b, s: s["B4"].__setattr__("number_format", "0%")),
    either(cells("true among numbers", put("B4", True), with_value(1))),
    cells("an empty cell is missing", put("B4", None), with_value(NAN)),
    cells("a far cell that holds nothing",
          lambda b, s: s["ZZ90000"].__setattr__("number_format", "0.00")),
    cells("filters and frozen panes", filtered),
    either(cells("a number as text", put("B4", "3"))),
    either(cells("a number as text with spaces", put("B4", " 3 "))),
    either(predicts("workbook: a dimension that claims all cells", repacked(SHEET, lambda x:
        x.replace(b'ref="A1:C7"', b'ref="A1:XFD1048576"')), file="d.xlsx")),
    either(predicts("workbook: no dimension", repacked(SHEET, lambda x:
        x.replace(b'<dimension ref="A1:C7" />', b"").replace(b'<dimension ref="A1:C7"/>', b"")),
        file="d.xlsx")),
    no_cells("a formula without a value", workbook(put("B4", "=A4*2")), r"d\.xlsx.*B4|formula|b"),
    no_cells("a cell with an error", workbook(put("B4", "#DIV/0!")), r"d\.xlsx.*b"),
    no_cells("a date as an input", workbook(put("B4", __import__("datetime").date(2024, 1, 1))),
             r"d\.xlsx.*b"),
    no_cells("a word as an input", workbook(put("B4", "three")), r"d\.xlsx.*b"),
    no_cells("a title above the header", workbook(lambda b, s: (s.insert_rows(1),
             s.__setitem__("A1", "Report 2024")))),
    no_cells("a name twice", workbook(put("C1", "b")), r"d\.xlsx.*b"),
    no_cells("an empty sheet first", workbook(lambda b, s: b.create_sheet("new", 0))),
    no_cells("a sheet that is not there", workbook(), "--sheet.*Sheet", "--sheet Shet"),
    no_cells("sheet 0", workbook(), "--sheet", "--sheet 0"),
    no_cells("sheet 99", workbook(), "--sheet", "--sheet 99"),
    no_cells("sheet -1", workbook(), "--sheet", "--sheet -1"),
    no_cells("a sheet of a table that is text", text_table().encode(), "--sheet", "--sheet 1",
             "d.csv"),
    no_cells("a header alone", workbook(rows=[]), "no rows"),
    no_cells("CSV named .xlsx", text_table().encode()),
    no_cells("cut in half", workbook()[: len(workbook()) // 2]),
    no_cells("an encrypted file", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000)),
    no_cells("an old .xls file", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000), r"d\.xls",
             file="d.xls"),
    no_cells("without its sheet", repacked(SHEET, lambda x: None)),
    no_cells("without its list of sheets", repacked("xl/workbook.xml", lambda x: None)),
    no_cells("a sheet that is no XML", repacked(SHEET, lambda x: x[:200])),
    no_cells("entities that grow", repacked(SHEET, lambda x: LAUGHS)),
    refuses("workbook: two gigabytes of spaces", None, r"d\.xlsx", PREDICT, make=bomb, ends=(2, 3)),
    refuses("workbook: an output for a folder of sheets", None, "out.xlsx",
            "predict wide.safetensors t.csv --output out.xlsx",
            make=lambda f: (f / "out.xlsx").mkdir(), ends=(2, 3)),
)  # fmt: skip


LABELLED = [[1, 0.5, "p"], [2.5, None, "q"], [-3, 7, "p"], [4, 2, "q"]]


def out_of_order(old: str, new: str) -> bytes:
    """Return the workbook with another text in the XML of its sheet."""
    return repacked(SHEET, lambda x: re.sub(old, new, x.decode()).encode())


# fmt: off

def named_cells() -> Iterator[Abuse]:
    """Iterate over workbooks that are refused with the cell or the row."""
    for k, (cell, value, says) in enumerate((
        ("B4", "x1", ":B4:b: 'x1' is not a number"),
        ("B4", "#DIV/0!", ":B4:b: '#DIV/0!' is not a number"),
        ("A3", "=A2+1", ":A3: a formula without a saved result"),
        ("F3", 1, ":F3: a value outside the table, for which row 1 names columns up to C"),
        ("C3", None, ":C3:c: empty, so the row has no label"),
        ("B1", "a", ":1: columns 1 and 2 are both named a"),
    )):
        yield from refused(f"workbook: cell {k}", workbook(put(cell, value), LABELLED),
                           f"d.xlsx{says}", file="d.xlsx")
    for k, (old, new, says) in enumerate((
        (r'r="([A-C]?)3"', r'r="\g<1>44"', "row 4 below row 44"),
        (r'r="([A-C]?)3"', r'r="\g<1>2"', "row 2 below row 2"),
        ('<row r="1"', '<row r="-2"', "row -2 below row 0"),
        ('r="C3"', 'r="C9"', "cell C9 in row 3"),
        ('r="C3"', 'r="A3"', "cell A3 in row 3"),
    )):
        yield from refused(f"workbook: order {k}", out_of_order(old, new),
                           f"d.xlsx: damaged: {says}; open the workbook", file="d.xlsx",
                           by=("classify d.xlsx", "predict wide.safetensors d.xlsx"))
    whole = workbook()
    for k, (data, says) in enumerate((
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600, ": an old or encrypted workbook"),
        (b"a,b\n1,2\n", ": not an .xlsx workbook"),
        (whole[:-50], ": not an .xlsx workbook"),
        (repacked(SHEET, lambda x: b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + x),
         ": its XML declares a document type"),
        (workbook(lambda b, s: s.merge_cells("A1:B1")), ":A1:B1: merged cells in the first row"),
        (workbook(lambda b, s: (s.insert_rows(1), s.__setitem__("A1", "Sales"))),
         ":B2: a value outside the table"),
        (workbook(rows=[]), ": no rows below the header in row 1"),
        (workbook(lambda b, s: s.delete_rows(1), []), ": no rows"),
    )):
        yield from refused(f"workbook: file {k}", data, f"d.xlsx{says}", file="d.xlsx")
    yield from refused("workbook: unpacks to too much", whole, "d.xlsx", "unpacks from",
                       file="d.xlsx", by=("classify d.xlsx --max-unpacked 1e-6",))

# fmt: on

# --- sounds


def wav(data: bytes, bits: int = 16, kind: int = 1, channels: int = 1, rate: int = 8000,
        align: int | None = None, size: int | None = None, riff: bytes = b"RIFF",
        before: bytes = b"") -> bytes:  # fmt: skip
    """Return a WAV file whose header claims these facts."""
    align = (channels * bits // 8) & 0xFFFF if align is None else align
    head = struct.pack("<HHIIHH", kind, channels, rate, rate * align & 0xFFFFFFFF, align, bits)
    body = b"WAVE" + before + b"fmt " + struct.pack("<I", len(head)) + head
    body += b"data" + struct.pack("<I", len(data) if size is None else size) + data
    return riff + struct.pack("<I", len(body)) + body


TONE = np.sin(np.arange(4000) / 7) * 0.5
PCM = (TONE * 32767).astype("<i2").tobytes()


def sound(name: str, data: bytes, file: str = "d.wav", **facts: Any) -> Abuse:
    """Return an abuse of a sound that must be read."""
    return inspects(f"sound: {name}", data, "--frame 1", file, **{"n_train": 1, **facts})


def no_sound(name: str, data: bytes, says: str = r"d\.wav", options: str = "") -> Abuse:
    """Return an abuse of a sound that must be refused."""
    return refuses(f"sound: {name}", data, says, f"inspect d.wav {options}".strip(), "d.wav")


def folder(name: str, files: dict[str, bytes], options: str = "", **facts: Any) -> Abuse:
    """Return an abuse of a folder of sounds."""
    found = inspects(f"sound: {name}", None, options, "many", **facts)
    return Abuse(**{**found.__dict__, "files": {f"many/{n}": d for n, d in files.items()}})


def write_all(place: Path, files: dict[str, bytes]) -> None:
    """Write files into a folder."""
    for name, data in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(data)


PAIRS = {f"{kind}/{k}.wav": wav(PCM) for kind in "ab" for k in range(2)}
QUIET = {f"{kind}/{k}.wav": wav(bytes(8000)) for kind in "ab" for k in range(2)}

SOUNDS = (
    sound("8 bits", wav(bytes(range(256)) * 4, 8)),
    sound("24 bits", wav(bytes(3000), 24)),
    sound("32 bits", wav(bytes(4000), 32)),
    sound("floats", wav(TONE.astype("<f4").tobytes(), 32, 3)),
    sound("doubles", wav(TONE.tobytes(), 64, 3)),
    sound("a suffix in upper case", wav(PCM), "D.WAV"),
    sound("two channels", wav(PCM, channels=2), n_features=2),
    sound("a list of facts before the format", wav(PCM, before=b"LIST\x03\0\0\0abc\0")),
    sound("a size of a stream that never ended", wav(PCM, size=0xFFFFFFFF), ends=(0, 2)),
    sound("a size of zero of a stream", wav(PCM, size=0), ends=(0, 2)),
    sound("an odd number of bytes", wav(PCM[:-1]), ends=(0, 2)),
    sound("text after its end", wav(PCM) + b"ID3 tags"),
    no_sound("fewer samples than it claims", wav(PCM[:100], size=8000)),
    no_sound("mu-law", wav(PCM, 8, 7), "d.wav: (damaged: )?its samples are mu-law, expected PCM"),
    no_sound("ADPCM", wav(PCM, 4, 2)),
    no_sound("no channels", wav(PCM, channels=0), "0 channels at 8000 Hz"),
    no_sound("a rate of zero", wav(PCM, rate=0)),
    no_sound("no bits", wav(PCM, 0)),
    no_sound("12 bits", wav(PCM, 12), "samples of 12 bits, expected 8, 16"),
    no_sound("blocks of the wrong size", wav(PCM, align=3)),
    no_sound("a header alone", wav(b""), "no samples"),
    no_sound("big-endian", wav(PCM, riff=b"RIFX"), "RIFX is not read"),
    no_sound("of 64 bits", wav(PCM, riff=b"RF64"), "RF64 is not read"),
    no_sound("no data", wav(PCM)[:36]),
    no_sound("MP3 under the name of a sound", b"ID3\x04" + bytes(500), "not a WAV file"),
    no_sound("empty", b""),
    sound("NaN is reported", wav(np.full(500, np.nan, "<f4").tobytes(), 32, 3), missing=500),
    sound("infinite is reported", wav(np.full(500, np.inf, "<f4").tobytes(), 32, 3), infinite=500),
    no_sound("60,000 channels", wav(PCM, channels=60_000)),
    no_sound("frames longer than the sound", wav(PCM), "--frame", "--frame 100000"),
    no_sound("another rate than asked for", wav(PCM), "16,000", "--rate 16000"),
    no_sound("more bands than a frame has", wav(PCM), "--bands", "--frame 8 --bands 900"),
    folder("one class sampled at another rate",
           {**PAIRS, "b/0.wav": wav(PCM, rate=16_000)}, ends=(2,), says="b/0.wav.*16,000"),
    folder("one sound of two channels", {**PAIRS, "b/0.wav": wav(PCM, channels=2)}, ends=(2,),
           says="channel"),
    refuses("sound: one sound of one sample", None, "b/0.wav.*frame", "classify many",
            make=lambda f: write_all(f / "many", {**PAIRS, "b/0.wav": wav(PCM[:2])})),
    refuses("sound: as many images as sounds", None, "many.*images", "classify many",
            make=lambda f: write_all(f / "many", {**PAIRS, **{n + ".png": b"" for n in PAIRS}})),
    refuses("sound: a frame for a table", text_table(), "--frame.*sounds",
            "predict wide.safetensors d.csv --frame 10"),
    folder("one bad sound, left out", {**PAIRS, "b/2.wav": b"RIFF"}, "--skip-bad", n_train=4),
    folder("silence", QUIET, infinite=0, missing=0),
    folder("sounds beside a cover and a list", {**PAIRS, "a/cover.jpg": b"x", "list.m3u": b"x"},
           n_train=4),
    folder("one class", {n: d for n, d in PAIRS.items() if n[0] == "a"}, ends=(0, 2)),
)  # fmt: skip

ALL: tuple[Abuse, ...] = (*LINES, *WORKBOOKS, *named_cells(), *SOUNDS)
