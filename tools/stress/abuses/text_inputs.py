"""Abuses of text tables and .ts files: what exports, editors and people do to them."""

import gzip
import math

from tools.stress.abuses.harness import Abuse
from tools.stress.abuses.sound import (
    ROWS,
    classes,
    either,
    inspects,
    labelled,
    predicts,
    refuses,
    signal,
    text_table,
    with_cell,
    with_value,
)

PLAIN = text_table()
HEAD, *BODY = PLAIN.splitlines()


def mixed_ends(text: str) -> bytes:
    """Return lines that end in CR LF, LF and CR LF LF in turn."""
    ends = ("\r\n", "\n", "\r\n\n")
    lines = text.splitlines()
    return "".join(line + ends[k % 3] for k, line in enumerate(lines)).encode()


def in_middle(line: str) -> str:
    """Return the table with a line put between its rows."""
    return "\n".join([HEAD, *BODY[:3], line, *BODY[3:], ""])


def long(rows: list[str], head: str = "id,time,u,v") -> str:
    """Return a long table."""
    return "\n".join([head, *rows, ""])


STEPS = [f"{s},{t},{s + t * 0.25},{t * t}" for s in range(3) for t in range(4)]


def timed(*stamps: str) -> str:
    """Return one series with these times; its values grow with the row."""
    return long([f"0,{stamp},{k * 0.5},{k * k}" for k, stamp in enumerate(stamps)])


def in_order(*order: int) -> str:
    """Return the clean table of `timed` with its rows in the order of time."""
    return long([f"0,{t},{k * 0.5},{k * k}" for t, k in enumerate(order)])


def times(name: str, *stamps: str, order: tuple[int, ...] = (0, 1, 2, 3)) -> Abuse:
    """Return an abuse of the column of times, whose rows must be put in this order."""
    return predicts(f"times: {name}", timed(*stamps), in_order(*order), model="long")


def bad_time(name: str, *stamps: str) -> Abuse:
    """Return an abuse of the column of times that must be refused, naming the column."""
    return refuses(
        f"times: {name}", timed(*stamps), "d.csv:.*time", "predict long.safetensors d.csv"
    )


LINES = (
    predicts("table: a byte order mark before a quoted header",
             "\ufeff" + PLAIN.replace("a,b,c", '"a","b","c"')),
    either(predicts("table: a byte order mark in the middle", in_middle("\ufeff" + BODY[2]),
                    [*ROWS[:3], ROWS[2], *ROWS[3:]], says="d.csv:5")),
    predicts("table: three kinds of line ends", mixed_ends(PLAIN)),
    predicts("table: only carriage returns", PLAIN.replace("\n", "\r")),
    predicts("table: no newline at the end", PLAIN.rstrip("\n")),
    predicts("table: fifty newlines at the end", PLAIN + "\n" * 50),
    predicts("table: spaces at the end", PLAIN + "   \n\t\n"),
    predicts("table: blank lines inside and before", "\n\n" + in_middle("\n  \n")),
    predicts("table: spaces around names and numbers",
             PLAIN.replace(",", " ,  ").replace("\n", "  \n")),
    predicts("table: every cell quoted",
             "\n".join(",".join(f'"{c}"' for c in line.split(",")) for line in [HEAD, *BODY])),
    predicts("table: a line of delimiters alone is a row", in_middle(",,"),
             [*ROWS[:3], [math.nan] * 3, *ROWS[3:]]),
    refuses("table: a comment before the header", "# made by a logger\n" + PLAIN, "d.csv"),
    refuses("table: a comment between rows", in_middle("# paused"), r"d\.csv:5.*found 1"),
    refuses("table: a comment with as many commas", in_middle("# paused, then, resumed"),
            r"d\.csv"),
    refuses("table: the header repeated in the middle", in_middle(HEAD), r"d\.csv:5"),
    refuses("table: a trailing delimiter in rows alone",
            HEAD + "\n" + "".join(line + ",\n" for line in BODY), r"d\.csv:2.*found 4"),
    refuses("table: a total below the rows", PLAIN + "(6 rows affected)\n", r"d\.csv:8"),
    refuses("table: conflict markers of git", in_middle("<<<<<<< HEAD"), r"d\.csv:5"),
    refuses("table: a line sep=; of a spreadsheet", "sep=;\n" + PLAIN.replace(",", ";"),
            r"d\.csv"),
    refuses("table: a web page", "<!DOCTYPE html>\n<html><body>404</body></html>\n", r"d\.csv"),
    refuses("table: JSON", '[{"a": 1, "b": 2, "c": 3}]\n', r"d\.csv"),
    refuses("table: the last row cut off", PLAIN[: PLAIN.rindex(",")] + "\n", r"d\.csv:7.*found 2"),
    refuses("table: a quote inside a row that never closes", in_middle('"0.5,1,2'),
            r"d\.csv:5.*quote"),
    refuses("table: text after a closing quote", with_cell('"0.5"x'), r"d\.csv:4.*b"),
    refuses("table: a form feed for a comma", in_middle("1\f2\f3"), r"d\.csv:5"),
    refuses("table: one row in a semicolon dialect", in_middle("1;2;3"), r"d\.csv:5"),
    refuses("table: pipes", PLAIN.replace(",", "|"), r"--delimiter"),
    refuses("table: semicolons in a .tsv file", PLAIN.replace(",", ";"), "--delimiter ';'",
            "predict wide.safetensors d.tsv", "d.tsv"),
    predicts("table: semicolons, named", PLAIN.replace(",", ";"), options="--delimiter ';'"),
    predicts("table: tabs in a .csv file, named", PLAIN.replace(",", "\t"),
             options="--delimiter tab"),
    predicts("table: pipes, named", PLAIN.replace(",", "|"), options="--delimiter '|'"),
    predicts("table: a .txt file aligned with spaces",
             "\n".join("".join(f"{c:>12}" for c in line.split(",")) for line in [HEAD, *BODY]),
             file="d.txt"),
    predicts("table: a suffix in upper case", PLAIN, file="D.CSV"),
    predicts("table: a name with spaces and percent signs", PLAIN, file="my data %s (1).csv"),
    predicts("table: latin-1, named", PLAIN, options="--encoding latin-1"),
    predicts("table: UTF-16, named", PLAIN.encode("utf-16"), options="--encoding utf-16"),
    predicts("table: UTF-32, named", PLAIN.encode("utf-32"), options="--encoding utf-32"),
    refuses("table: read in the wrong wide encoding", PLAIN, r"d\.csv",
            "predict wide.safetensors d.csv --encoding utf-16-le"),
    predicts("table: gzip in two members", gzip.compress(PLAIN[:30].encode(), mtime=0)
             + gzip.compress(PLAIN[30:].encode(), mtime=0), file="d.csv.gz"),
    refuses("table: gzip with text after its end",
            gzip.compress(PLAIN.encode(), mtime=0) + b"junk", r"d\.csv\.gz",
            "predict wide.safetensors d.csv.gz", "d.csv.gz"),
    predicts("table: text named .csv.gz", PLAIN, file="d.csv.gz"),
    predicts("table: gzip named .csv", gzip.compress(PLAIN.encode(), mtime=0)),
    refuses("table: a spreadsheet named .csv", b"PK\x03\x04" + bytes(200), r"d\.csv"),
    refuses("table: 300,000 columns", ",".join("a" * 300_000) + "\n", r"d\.csv.*columns",
            "inspect d.csv"),
    inspects("table: one number of two million digits", "a,b,c\n1,2," + "9" * 2_000_000,
             n_train=1, infinite=1),
    inspects("table: 100,000 columns", ",".join(f"c{k}" for k in range(100_000)) + ",label\n"
             + "".join(",".join(["1.5"] * 100_000) + f",{'ab'[k % 2]}\n" for k in range(4)),
             n_features=100_000, n_train=4),
    refuses("table: one column", "a\n1\n2\n", r"d\.csv.*columns"),
    predicts("table: one row", "\n".join([HEAD, BODY[0], ""]), ROWS[:1]),
    refuses("table: a header alone with a space", "a,b,c\n ", r"d\.csv.*no rows"),
)  # fmt: skip


def number(name: str, cell: str, value: float) -> Abuse:
    """Return an abuse with a cell that must be read as `value`."""
    return predicts(f"number: {name}", with_cell(cell), with_value(value))


def maybe(name: str, cell: str, value: float) -> Abuse:
    """Return an abuse with a cell that must be read as `value`, or refused."""
    return either(predicts(f"number: {name}", with_cell(cell), with_value(value), says=r"d\.csv"))


def no_number(name: str, cell: str) -> Abuse:
    """Return an abuse with a cell that is no number: refused with the line and the column."""
    return refuses(f"number: {name}", with_cell(cell), r"d\.csv:4:b")


NUMBERS = (
    number("a plus sign", "+1", 1.0),
    number("minus zero", "-0", -0.0),
    number("no digit before the point", ".5", 0.5),
    number("no digit after the point", "5.", 5.0),
    number("an exponent", "1.5E+01", 15.0),
    number("thirty digits", "0.1000000000000000055511151231257827", 0.1),
    number("a thousand digits", "0." + "3" * 1000, 1 / 3),
    number("too small for a float", "1e-400", 0.0),
    number("the smallest float", "5e-324", 5e-324),
    number("leading zeros", "007", 7.0),
    number("quoted spaces", '" 2.5 "', 2.5),
    number("NA with spaces", " NA ", math.nan),
    number("NaN in capitals", "NAN", math.nan),
    number("a negative NaN", "-nan", math.nan),
    number("a question mark", "?", math.nan),
    number("null", "NULL", math.nan),
    number("a quoted empty cell", '""', math.nan),
    maybe("a no-break space", "\u00a01.5", 1.5),
    maybe("full-width digits", "\uff11.\uff15", 1.5),
    maybe("Arabic digits", "\u0663", 3.0),
    no_number("an underscore", "1_000"),
    no_number("hexadecimal", "0x10"),
    no_number("binary", "0b11"),
    no_number("a superscript", "2²"),
    no_number("a Unicode minus", "\u22121"),
    no_number("a percent sign", "50%"),
    no_number("a dollar", "$1.50"),
    no_number("a euro", "1.50 €"),
    no_number("an apostrophe for thousands", "1'000"),
    no_number("a space for thousands", "1 000"),
    no_number("two points", "1.5.2"),
    no_number("a C suffix", "1.5f"),
    no_number("a Fortran exponent", "1.5d3"),
    no_number("an accountant's negative", "(1.5)"),
    no_number("a spreadsheet error", "#DIV/0!"),
    no_number("a date made by a spreadsheet", "01-Jan"),
    no_number("a formula", "=A1+B1"),
    no_number("a complex number", "1+2j"),
    no_number("a fraction", "1/2"),
    no_number("single quotes", "'1.5'"),
    no_number("a NaN of another compiler", "1.#QNAN"),
    no_number("true among numbers", "true"),
    no_number("a zero-width space", "1\u200b5"),
    number("too large for a float counts as missing", "1e400", math.nan),
    number("infinity counts as missing", "-Infinity", math.nan),
    refuses("number: infinity by its sign", with_cell("∞"), r"d\.csv:4:b"),
    refuses("number: a decimal comma, quoted", with_cell('"1,5"'), r"d\.csv:4:b"),
)

LABELS = (
    classes("labels: emoji", "🙂", "🙃"),
    classes("labels: spaces inside", "a b", "a  b"),
    classes("labels: tabs and quotes", 'say "x"', "tab\tbed"),
    classes("labels: newlines", "two\nlines", "one line"),
    classes("labels: line separators of Unicode", "a\u2028b", "a\x85b", "a\x0bb", "a\x1cb"),
    classes("labels: leading zeros beside text", "007", "7", "x"),
    classes("labels: case matters", "Walk", "walk"),
    classes("labels: two normal forms", "é", "e\u0301"),
    classes("labels: NA and none are words", "NA", "none", "nan", "x"),
    classes("labels: true and false", "true", "false"),
    classes("labels: negative numbers", "-1", "1"),
    classes("labels: 64-bit numbers that floats confuse", "9007199254740993", "9007199254740992"),
    classes("labels: commas and semicolons", "a,b", "a;b"),
    classes("labels: formulas", "=1+1", "+x", "@y"),
    classes("labels: dates as text", "2024-01-01", "2024-01-02", options="--label label"),
    classes("labels: right-to-left text", "שלום", "مرحبا"),
    inspects("labels: numbers first, text after 50,000 rows",
             labelled(["1"] * 25_000 + ["2"] * 25_000 + ["x"] * 5),
             classes={"1": 25_000, "2": 25_000, "x": 5}, n_train=50_005),
    inspects("labels: numbers with and without a point beside text",
             labelled(["1", "1.0", "x"] * 3), classes={"1": 3, "1.0": 3, "x": 3}),
    refuses("labels: two thousand characters", labelled(["a", "b" * 2000] * 3), r"d\.csv.*label",
            "inspect d.csv --job classify"),
    refuses("labels: every row its own", labelled([f"r{k}" for k in range(30)]), "label|class",
            "classify d.csv"),
    refuses("labels: infinite", labelled(["1", "inf"] * 4), r"d\.csv|label|class",
            "classify d.csv --label label"),
)  # fmt: skip

HEADERS = (
    inspects("header: numbers alone name no columns", "1,2,3\n4,5,6\n7,8,9\n",
             job="autoencode", n_train=3, options="--job autoencode"),
    inspects("header: empty cells get names", ",b,,label\n1,2,3,x\n4,5,6,y\n7,8,9,x\n1,5,2,y\n",
             columns=["b", "Unnamed: 2"]),
    inspects("header: equal but for case", "A,a,label\n1,2,x\n4,5,y\n7,8,x\n1,5,y\n",
             columns=["A", "a"]),
    inspects("header: equal but for normal form", "é,e\u0301,label\n1,2,x\n4,5,y\n7,8,x\n1,5,y\n",
             columns=["é", "e\u0301"]),
    refuses("header: equal but for spaces", "a, a,label\n1,2,x\n4,5,y\n", "both named a",
            "inspect d.csv"),
    refuses("header: two empty cells and their names", ",Unnamed: 0,label\n1,2,x\n4,5,y\n",
            "both named", "inspect d.csv"),
    inspects("header: a quoted newline in a name", '"a\nx",b,label\n1,2,x\n4,5,y\n7,8,x\n1,5,y\n',
             columns=["a\nx", "b"]),
    inspects("header: a comma in a name", '"a,x",b,label\n1,2,x\n4,5,y\n7,8,x\n1,5,y\n',
             columns=["a,x", "b"]),
    inspects("header: ten thousand characters", "a" * 10_000 + ",label\n1,x\n4,y\n7,x\n1,y\n",
             n_features=1),
    inspects("header: two names for the label", "label,class,a\nx,1,3\ny,2,4\nx,1,5\ny,2,6\n",
             classes={"x": 2, "y": 2}),
)  # fmt: skip

ORDERS = (
    predicts("series: rows of all series interleaved", long(STEPS[::4] + STEPS[1::4] + STEPS[2::4]
             + STEPS[3::4]), long(STEPS), model="long"),
    predicts("series: each series backwards in time",
             long([row for s in range(3) for row in STEPS[s * 4 : s * 4 + 4][::-1]]), long(STEPS),
             model="long"),
    refuses("series: a time twice", long([*STEPS, STEPS[1]]), r"d\.csv:14:time.*twice",
            "predict long.safetensors d.csv"),
    refuses("series: an empty id", long([*STEPS, ",9,1,2"]), r"d\.csv:14:id",
            "predict long.safetensors d.csv"),
    predicts("series: ids that look like numbers in one row and text in another",
             long([row.replace("0,", "00,", 1) if row[0] == "0" else row for row in STEPS]
                  + ["x,0,1,1"]),
             long([*(row.replace("0,", "00,", 1) if row[0] == "0" else row for row in STEPS),
                   "x,0,1,1"]), model="long"),
    predicts("series: 64-bit ids that floats confuse",
             long([f"{2**53 + int(row[0])}{row[1:]}" for row in STEPS]),
             long([f"{2**53 + int(row[0])}{row[1:]}" for row in STEPS]), model="long"),
    times("dates backwards", "2024-01-04", "2024-01-03", "2024-01-02", "2024-01-01",
          order=(3, 2, 1, 0)),
    times("time zones of one instant order", "2024-03-10T01:30-05:00", "2024-03-10T03:30-04:00",
          "2024-03-10T06:00+00:00", "2024-03-10T06:45Z", order=(2, 0, 3, 1)),
    times("the hour that occurs twice", "2024-11-03T01:30-04:00", "2024-11-03T01:30-05:00",
          "2024-11-03T02:00-05:00", "2024-11-03T02:30-05:00"),
    times("nanoseconds since 1970", *(str(1_700_000_000_000_000_000 + k) for k in (3, 1, 2, 0)),
          order=(3, 1, 2, 0)),
    times("a fraction of a microsecond", "0.0000003", "0.0000001", "0.0000002", "0",
          order=(3, 1, 2, 0)),
    times("negative times", "-1", "-2", "0", "1", order=(1, 0, 2, 3)),
    times("dates before 1970", "1969-12-31T23:59:59", "1900-01-01", "1970-01-01", "1677-01-01",
          order=(3, 1, 0, 2)),
    times("a date and a moment of it", "2024-01-01", "2024-01-01T00:00:01", "2024-01-02",
          "2024-01-03"),
    times("week dates", "2024-W01-1", "2024-W01-2", "2024-W02-1", "2024-W02-2"),
    bad_time("a leap second", "2016-12-31T23:59:59", "2016-12-31T23:59:60", "2017-01-01T00:00:00",
             "2017-01-01T00:00:01"),
    times("day before month", "03/02/2024", "14/02/2024", "05/01/2024", "16/02/2024",
          order=(2, 0, 1, 3)),
    times("month before day", "02-13-2024", "02-14-2024", "02-15-2024", "02-16-2024"),
    times("dates without marks", "14022024", "3022024", "05012024", "16022024",
          order=(2, 1, 0, 3)),
    bad_time("a day that may be a month", "03/02/2024", "04/02/2024", "05/02/2024", "06/02/2024"),
    bad_time("a day without marks that may be a month", "03022024", "02032024", "05022024",
             "07022024"),
    times("over midnight", "23:58", "23:59", "00:00", "00:01"),
    bad_time("times of day that go back", "09:00", "17:00", "09:01", "17:01"),
    bad_time("some with a zone", "2024-01-01T00:00Z", "2024-01-01T01:00", "2024-01-01T02:00Z",
             "2024-01-01T03:00Z"),
    bad_time("a day that does not exist", "2024-02-28", "2024-02-29", "2024-02-30", "2024-03-01"),
    bad_time("names of months", "1 Jan 2024", "2 Jan 2024", "3 Jan 2024", "4 Jan 2024"),
    bad_time("an empty time", "2024-01-01", "", "2024-01-03", "2024-01-04"),
)  # fmt: skip

TS = "@problemName T\n@timeStamps false\n@univariate true\n@classLabel true a b\n@data\n"
TS_ROWS = "1,2,3:a\n2,3,4:b\n3,4,5:a\n4,5,6:b\n"


def ts(name: str, data: str | bytes, **expected: object) -> Abuse:
    """Return an abuse of a .ts file that must be read."""
    return inspects(f"ts: {name}", data, file="d.ts", **expected)  # type: ignore[arg-type]


def bad_ts(name: str, data: str, says: str = r"d\.ts") -> Abuse:
    """Return an abuse of a .ts file that must be refused."""
    return refuses(f"ts: {name}", data, says, "inspect d.ts --job classify", "d.ts")


SERIES = (
    ts("Windows line ends and a byte order mark", "\ufeff" + (TS + TS_ROWS).replace("\n", "\r\n"),
       n_train=4, classes={"a": 2, "b": 2}),
    ts("tags in capitals", TS.upper().replace(" A B", " a b").replace("TRUE", "true")
       .replace("FALSE", "false") + TS_ROWS, n_train=4, classes={"a": 2, "b": 2}),
    ts("comments and blank lines among the data", TS + TS_ROWS.replace("\n", "\n\n# note\n"),
       n_train=4),
    ts("spaces around everything", TS + TS_ROWS.replace(",", " , ").replace(":", " : "),
       n_train=4, classes={"a": 2, "b": 2}),
    bad_ts("no @data", TS.replace("@data\n", "") + TS_ROWS),
    bad_ts("two headers", TS + TS + TS_ROWS),
    bad_ts("an empty series", TS + TS_ROWS + ":a\n", r"d\.ts:10"),
    bad_ts("an empty value", TS + TS_ROWS + "1,,3:a\n", r"d\.ts:10"),
    bad_ts("a label alone", TS + TS_ROWS + "a\n", r"d\.ts:10"),
    bad_ts("a hexadecimal value", TS + TS_ROWS + "0x1,2,3:a\n", r"d\.ts:10"),
    bad_ts("an underscore in a value", TS + TS_ROWS + "1_0,2,3:a\n", r"d\.ts:10"),
    ts("a label of another case", TS + TS_ROWS + "1,2,3:A\n", classes={"a": 3, "b": 2}),
)  # fmt: skip

SIGNALS = (
    refuses("signal: a table without its time", "\n".join(
        line.partition(",")[2] for line in signal().splitlines()) + "\n", r"d\.csv.*step",
            "predict next.safetensors d.csv"),
    refuses("signal: a gap", signal().replace(",0.327\n", ",\n"), r"d\.csv",
            "predict next.safetensors d.csv"),
)  # fmt: skip

ALL: tuple[Abuse, ...] = (
    *LINES, *NUMBERS, *LABELS, *HEADERS, *ORDERS, *SERIES, *SIGNALS
)  # fmt: skip
