"""Bad tables: each is refused by all that reads it, with its place and what to do."""

import gzip
import io
import os
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from tools.stress import samples
from tools.stress.abuses.array_inputs import parquet
from tools.stress.abuses.harness import Abuse
from tools.stress.abuses.sound import JOBS, SMALL, everywhere, refused

# fmt: off

WIDE, LONG = samples.wide().decode(), samples.long().decode()
SIGNAL = "time,u,v\n" + "".join(f"{t},{t / 7},{t % 5}\n" for t in range(80))
TARGET = "regress d.csv --target v"


def changed(text: str, *cells: tuple[int, int, str]) -> str:
    """Return a table with other cells, each a line from 1, a column from 0 and the text."""
    rows = [line.split(",") for line in text.splitlines()]
    for line, column, cell in cells:
        rows[line - 1][column] = cell
    return "".join(",".join(row) + "\n" for row in rows)


def packed(text: str | bytes) -> bytes:
    return gzip.compress(text.encode() if isinstance(text, str) else text, mtime=0)


def tables() -> Iterator[Abuse]:
    """Iterate over abuses of text that is no table, or not the one that options describe."""
    near = "no such file; did you mean digits.csv?"
    yield from everywhere("file: a name that is almost right", {"digits.csv": WIDE},
                          "digts.csv: ", near, file="digts.csv")
    for name in ("t2.csv", "t2.tsv", "t2.txt", "t2.csv.gz", "t2.parquet", "t2.ts"):
        yield from everywhere("file: a FIFO", None, f"{name}: neither a file nor a folder",
                              file=name, make=lambda f, name=name: os.mkfifo(f / name))
    for name in ("d.csv", "d.parquet", "d.ts"):
        yield from everywhere("file: a folder", None, name, file=name,
                              make=lambda f, name=name: (f / name).mkdir())
    for k, text in enumerate(("", "\n\n", "a,b,c,label\n", "a,b,c,label", "\ufeff\r\n")):
        for file in ("d.csv", "d.tsv", "d.txt", "d.csv.gz"):
            own = text.replace(",", {"d.tsv": "\t", "d.txt": " "}.get(file, ","))
            yield from everywhere(f"table: no rows {k}", packed(own) if "gz" in file else own,
                                  f"{file}: ", "no rows", file=file)
    empty = parquet(lambda pa: {k: pa.array([], pa.float64()) for k in ("a", "b", "c", "label")})
    yield from everywhere("parquet: no rows", empty, "no.parquet: no rows", file="no.parquet")
    for row, n, hint in (("1,2", 2, "correct the line"), ("9", 1, "correct the line"),
                         ("1,2,3,p,4", 5, "quote cells that contain a delimiter")):
        for file, mark in (("d.csv", ","), ("d.tsv", "\t"), ("d.txt", " ")):
            lines = WIDE.splitlines()
            text = "\n".join([*lines[:6], row, *lines[6:], ""]).replace(",", mark)
            found = f"{file}:7: expected 4 columns as in the first line, found {n}; "
            yield from everywhere(f"table: a row of {n} cells", text, found, hint, file=file)
    nul = WIDE.replace("\n0.607", "\n\0.607")
    yield from everywhere("table: a NUL character", nul,
                          f"d.csv: a NUL character at byte {nul.index(chr(0))}; not a text file")
    yield from refused("table: a NUL character in gzip", packed(b"a,b\n1,\0\n"),
                       "a NUL character at byte 6", by=("autoencode",), file="d.csv.gz")
    yield from everywhere("header: a name twice", WIDE.replace("a,b,c,", "a,b,a,"),
                          "d.csv:1: columns 1 and 3 are both named a; rename one")
    umlaut = changed(WIDE, (3, 3, "größe"))
    place = umlaut.index("ö")
    yield from everywhere("table: cp1252", umlaut.encode("cp1252"),
                          f"d.csv: byte {place} (0xf6) is not utf-8", "--encoding cp1252")
    mark = "starts with the byte order mark of UTF-16; add --encoding utf-16"
    yield from everywhere("table: UTF-16", umlaut.encode("utf-16"), mark)
    yield from refused("table: UTF-8 read as UTF-16", WIDE, "utf-16",
                       by=("classify d.csv --encoding utf-16",))
    semicolons = WIDE.replace(",", ";").replace(".", ",")
    both = "d.csv:1: columns are separated by ';', not by ','; add --delimiter ';' --decimal ','"
    yield from everywhere("table: semicolons and decimal commas", semicolons, both)
    yield from refused("table: decimal commas", semicolons,
                       "d.csv:2:a: '0,637' has a decimal comma; add --decimal ','",
                       by=("classify d.csv --delimiter ';'",))
    yield Abuse("table: semicolons and decimal commas, named", "hiddenstate classify d.csv "
                f"--delimiter ';' --decimal ',' {SMALL}", {"d.csv": semicolons},
                leaves=("runs", "runs/*"))
    yield from refused("table: tabs", WIDE.replace(",", "\t"), "add --delimiter tab")


def cells() -> Iterator[Abuse]:
    """Iterate over abuses of single cells, and of labels."""
    text = changed(WIDE, (7, 1, "oops\x1b[31m" + "!" * 60))
    shown = "d.csv:7:b: 'oops\\x1b[31m" + "!" * 27 + "…' is not a number; correct or empty the cell"
    targets = ("regress d.csv --target a --input b", "regress d.csv --target b --input a")
    yield from everywhere("number: text", text, shown, jobs=("classify", "autoencode", *targets))
    weight = "expected a finite number of at least 0"
    for name, cell, option, says in (
        ("weight: text", "oops", "--weight b", "d.csv:7:b: 'oops' is not a number"),
        ("weight: negative", "-1", "--weight b", f"d.csv:7:b: weight -1; {weight}"),
        ("weight: none", "", "--weight b", f"d.csv:7:b: weight nan; {weight}"),
        ("group: none", "", "--group b",
         "d.csv:7:b: empty, so the row has no group; fill it in or drop the row"),
        ("series: no id", "", "--id b", "d.csv:7:b: empty, so the row belongs to no series"),
    ):
        yield from refused(name, changed(WIDE, (7, 1, cell)), says,
                           by=(f"classify d.csv {option}",))
    for name, column, text, *places in (
        ("times: a word", 1, "noon",
         "6:time: 'noon' is not a time; expected numbers, or dates like 2020-12-31"),
        ("times: a date among numbers", 1, "2020-12-31",
         "6:time: '2020-12-31' is a date without a time zone, but other cells"),
        ("times: none", 1, "", "6:time: empty, so the row has no time"),
        ("times: twice", 1, "3", "8:time: time 3 occurs twice in series 1, first at ", "d.csv:6"),
        ("labels: two in a series", 4, "z",
         "6:label: series 1 has z here and up at ", "d.csv:5; it must be the same in all"),
        ("labels: none in a series", 4, "",
         "6:label: empty, so the row has no label; fill it in or drop the row"),
        ("number: text in a series", 2, "oops",
         "6:u: 'oops' is not a number; correct or empty the cell"),
    ):
        yield from refused(name, changed(LONG, (6, column, text)), "d.csv:", *places,
                           by=("classify d.csv --time time",))
    for k, cell in enumerate(("", "?", "nan", "NA", "inf", "-inf", "1e999")):
        found = "d.csv: 2 values are missing or not finite, the first in row 3"
        text = changed(WIDE, (5, 0, cell), (9, 1, cell))
        for job, fills in (("classify", "mean, forward or mask"), ("autoencode", "mean or mask")):
            way = f"--missing {fills}, or leave the rows out with --missing drop"
            yield from refused(f"missing: {k}", text, found, way, by=(job,))
        new = ("predict code.safetensors d.csv --output o.csv", "evaluate code.safetensors d.csv")
        yield from refused(f"missing: {k}", text, found, "the model was trained without missing "
                           "values; fill them in", by=new)
        for column, says in ((1, "1 value is missing"), (2, "1 target is missing")):
            signal = changed(SIGNAL, (5, column, cell))
            yield from refused(f"missing: {k} in column {column}", signal, says, by=(TARGET,))
    yield from refused("missing: in all rows", "a,b,label\n" + "?,1,p\n,2,q\n" * 6,
                       "all 10 rows have missing values; use --missing mean or mask",
                       by=("classify d.csv --missing drop",))
    for way in ("drop", "mean", "forward", "mask"):
        yield Abuse(f"missing: {way}", f"hiddenstate classify d.csv --missing {way} {SMALL}",
                    {"d.csv": changed(WIDE, (5, 0, "?"), (9, 1, ""))}, leaves=("runs", "runs/*"))
    both = ("classify", "classify t.csv --test d.csv")
    yield from refused("labels: two empty", changed(WIDE, (7, 3, ""), (9, 3, "")), "d.csv:7:label: "
                       "empty, so the row has no label (2 such rows); fill it in or drop", by=both)
    bare = "".join(line.rpartition(",")[0] + "\n" for line in WIDE.splitlines())
    yield from refused("labels: no column", bare, "add --label COL; columns: a, b, c")
    yield from refused("labels: no column", bare, "d.csv: no column label (--label)",
                       by=("classify t.csv --test d.csv", "evaluate wide.safetensors d.csv"))
    yield from refused("labels: all the same", WIDE.replace(",q", ",p"),
                       "d.csv: all rows have the label p; expected two or more classes")
    lone = "d.csv: class lone has only 1 row; add rows, or drop the class"
    for name, text in (("row", WIDE + "1,2,3,lone\n"), ("series", LONG + "s,1,2,3,lone\n")):
        yield from refused(f"labels: one {name} of a class", text, lone)
    yield from refused("labels: infinite numbers", "a,b,label\n1,2,1\n2,3,inf\n3,4,1\n4,5,inf\n",
                       "d.csv:3:label: the label is inf; a number that is a label must be finite",
                       by=("classify d.csv --label label",))
    yield from refused("labels: new in test rows", changed(WIDE, (4, 3, "zz")), "d.csv row 2 has "
                       "label zz, which no training row has",
                       by=("classify t.csv --test d.csv", "evaluate wide.safetensors d.csv"))
    few = "warning: 20 rows are fewer than a batch of 64; each batch has all of them"
    yield Abuse("table: fewer rows than a batch", "hiddenstate classify t.csv --batch-size 64 "
                f"{SMALL}", says=few, leaves=("runs", "runs/*"))
    for options, says in (
        ("--window 100 --test-fraction 0",
         "a window has 100 steps, but the longest series has 80; use --window 80"),
        ("--window 70", "80 steps are too few"),
        ("--horizon 90", "in windows of 1 and 90 steps ahead; use a smaller --horizon"),
    ):
        yield from refused("signal: too short", SIGNAL, says, by=(f"{TARGET} {options}",))
    yield from refused("series: shorter than a window", LONG, "d.csv: a window has 9 steps, but "
                       "the longest series has 6; use --window 6",
                       by=("regress d.csv --id id --target v --input u --window 9",))


def columns() -> Iterator[Abuse]:
    """Iterate over abuses of new rows without the columns of a model."""
    def renamed(text: str, head: str) -> str:
        return head + text[text.index("\n") :]

    for model, text, missing in (
        ("wide", renamed(WIDE, "a,x,c,label"), " b; columns: a, x, c, label"),
        ("wide", "a,c,label\n1,2,p\n3,4,q\n", " b; columns: a, c, label"),
        ("wide", renamed(WIDE, "A,bb,c,label"),
         "s a, b; did you mean A?; columns: A, bb, c, label"),
        ("long", renamed(LONG, "id,time,u,w,label"), " v; columns: id, time, u, w, label"),
    ):
        by = (f"predict {model}.safetensors d.csv", f"evaluate {model}.safetensors d.csv")
        yield from refused(f"header: {text.split()[0]} is not that of the model", text,
                           f"d.csv: no input column{missing}",
                           by=(*by, *(("classify t.csv --test d.csv",) * (model == "wide"))))
    other = "step,w\n" + "".join(f"{t},{t}\n" for t in range(40))
    for command, says in (("predict", "no input column u; columns: step, w"),
                          ("evaluate", "no column u (--target); columns: step, w")):
        yield from refused("header: no signal of the model", other, f"d.csv: {says}",
                           by=(f"{command} flow.safetensors d.csv",))
    yield from refused("header: no id", renamed(LONG, "who,time,u,v,label"),
                       "d.csv: no column id (--id)", by=("predict long.safetensors d.csv",))


TS_HEAD = "@problemName Tiny\n@univariate true\n@equalLength true\n@seriesLength 2\n"
TS = TS_HEAD + "@classLabel true p q\n@data\n" + "1,2:p\n3,4:q\n" * 8


def series() -> Iterator[Abuse]:
    """Iterate over .ts files that contradict their headers."""
    for old, new, says in (
        ("3,4:q\n", "3,4:r\n", "8: label r is not one of @classLabel: p, q"),
        ("3,4:q\n", "3:q\n", "8: 1 step, but @seriesLength is 2"),
        ("3,4:q\n", "3,4:5,6:q\n", "8: 2 dimensions, but @univariate is true"),
        ("3,4:q\n", "3,inf:q\n",
         "8: dimension 1, step 2: inf is not finite; write ? if it is missing"),
        ("3,4:q\n", "3,x:q\n", "8: dimension 1, step 2: expected a number, or ? if missing"),
        ("3,4:q\n", "3,4:\x1b[31m\u202e<b>\n", "8: label \\x1b[31m\\u202e<b> is not one of"),
        ("@seriesLength 2", "@seriesLength 3", "7: 2 steps, but @seriesLength is 3"),
        ("@classLabel true p q", "@classLabel true", "5: @classLabel: true, but no labels"),
        ("@classLabel", "@clasLabel", "5: @clasLabel is not a header field of a .ts file; did you"),
        ("@seriesLength 2\n@classLabel true p q\n@data\n1,2:p\n3,4:q\n",
         "@classLabel true p q\n@data\n1,2:p\n3:q\n",
         "7: 1 step, but @equalLength is true and the first row has 2; set"),
    ):
        yield from everywhere(f"ts: {new[:20]!r}", TS.replace(old, new, 1), f"d.ts:{says}",
                              file="d.ts", jobs=("classify",))
    yield from refused("ts: no label", TS.replace("3,4:q\n", "3,4\n", 1), "d.ts:8: no label "
                       "(@classLabel) after the last ':'", file="d.ts",
                       by=("classify", "evaluate wide.safetensors d.ts"))
    yield from refused("ts: classes for another job", TS, "use hiddenstate classify, or --horizon",
                       by=("regress",), file="d.ts")
    yield from refused("ts: targets for another job", "@targetLabel true\n@data\n" + "1,2:.5\n" * 9,
                       "use hiddenstate regress", file="d.ts")
    for k, text in enumerate(("", "# about\n", TS_HEAD, TS_HEAD + "@classLabel false\n@data\n")):
        for abuse in refused(f"ts: no rows {k}", text, by=JOBS, file="d.ts"):
            yield replace(abuse, says=r"d\.ts: .*(no rows|no @data|@classLabel is false)")


def packed_tables() -> Iterator[Abuse]:
    """Iterate over abuses of gzipped tables and of Parquet files."""
    zipped_table = packed(WIDE)
    yield from everywhere("table: gzip cut off", zipped_table[:-20], "d.csv.gz: the gzip stream "
                          f"ends early, at byte {len(zipped_table) - 20}; download",
                          file="d.csv.gz")
    yield from refused("table: gzip damaged", zipped_table[:30] + b"\xff" * 10 + zipped_table[40:],
                       "damaged gzip near byte", file="d.csv.gz")
    yield from refused("table: gzip that unpacks to too much", packed(WIDE + "1,2,3,p\n" * 5000),
                       "unpacks from ", "to more than 1e-05 GiB; unpack it first, or raise "
                       "--max-unpacked", file="d.csv.gz", by=tuple(f"{command} --max-unpacked 1e-5"
                       for command in ("classify d.csv.gz", "predict wide.safetensors d.csv.gz",
                                       "evaluate wide.safetensors d.csv.gz")))
    for k, (data, says) in enumerate((
        (b"a,b,label\n1,2,x\n", "not a Parquet file: starts with 612c622c, not PAR1"),
        (b"PAR1" + b"\xff" * 60 + b"PAR1", "damaged or unreadable"),
        (b"PAR1", "damaged or unreadable"),
    )):
        yield from everywhere(f"parquet: no file of it {k}", data, f"d.parquet: {says}",
                              file="d.parquet")
    wrong = "d.parquet: column bad has a type that cannot be read; "
    for name, column in (("list", [[1]] * 12), ("struct", [{"k": 1}] * 12), ("bytes", [b"x"] * 12)):
        own = {"a": range(12), "bad": column, "label": ["p", "q"] * 6}
        data = parquet(lambda pa, own=own: own)  # type: ignore[misc]
        for says, by in (
            (f"{wrong}leave it out of --input", ("classify d.parquet --input a,bad",
                                                 "autoencode d.parquet --input a,bad")),
            (f"{wrong}name another", ("regress d.parquet --target bad",
                                      "classify d.parquet --label bad")),
            ("d.parquet: ", ("predict wide.safetensors d.parquet",
                             "evaluate wide.safetensors d.parquet")),
        ):
            yield from refused(f"parquet: a column of type {name}", data, says, by=by,
                               file="d.parquet")
        yield Abuse(f"parquet: an unused column of type {name}",
                    f"hiddenstate classify d.parquet {SMALL}", {"d.parquet": data},
                    says=r"left out, as nothing uses them: bad \(a type that cannot be read\)",
                    leaves=("runs", "runs/*"))
    twice = parquet_twice()
    yield from refused("parquet: a name twice", twice,
                       "d.parquet: columns 2 and 3 are both named b", by=JOBS, file="d.parquet")
    large = parquet(lambda pa: {"a": np.zeros(4_000_000, "i8")})
    yield from refused("parquet: a file that unpacks to too much", large,
                       f"unpacks from {len(large)} to 32000000 bytes", "add --max-unpacked 0.04",
                       by=("autoencode",), file="d.parquet")


def parquet_twice() -> bytes:
    """Return a Parquet file of columns a, b and b."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    stream = io.BytesIO()
    pq.write_table(pa.Table.from_arrays([pa.array([1.0])] * 3, names=["a", "b", "b"]), stream)
    return stream.getvalue()


ALL: tuple[Abuse, ...] = (*tables(), *cells(), *columns(), *series(), *packed_tables())
