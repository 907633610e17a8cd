"""Abuses of text and dates as inputs, and of forecasts, streams and exports."""

from typing import Any

from tools.stress.abuses.harness import Abuse, Done
from tools.stress.abuses.sound import (
    SMALL,
    either,
    predicts,
    refuses,
    shop,
    signal,
    text_table,
)

RUNS = ("runs", "runs/*")
QUICK = "--max-steps 1 --threads 1 --view off"


# --- text and dates as inputs

HEAD, *SHOP = shop().splitlines()


def with_shop(old: str, new: str) -> str:
    """Return the table with a text replaced in its third row."""
    rows = list(SHOP)
    assert old in rows[2], rows[2]
    rows[2] = rows[2].replace(old, new, 1)
    return "\n".join([HEAD, *rows, ""])


def text(name: str, data: str | bytes, truth: str | None = None, **facts: Any) -> Abuse:
    """Return an abuse of text as an input that must predict what the clean table does."""
    return predicts(f"text: {name}", data, truth or shop(), model="text", **facts)


def no_text(name: str, data: str, says: str, options: str = "", **facts: Any) -> Abuse:
    """Return an abuse of text as an input that must be refused."""
    command = f"predict text.safetensors d.csv {options}".strip()
    return refuses(f"text: {name}", data, says, command, **facts)


def trains(name: str, data: str, options: str, says: str, job: str = "classify") -> Abuse:
    """Return an abuse of text or dates that training must refuse."""
    return refuses(f"text: {name}", data, says, f"{job} d.csv {options} {QUICK}")


def column(cells: list[str], name: str = "word") -> str:
    """Return a table with a column of cells, numbers and two classes."""
    rows = [f"{cell},{k % 5},{'pq'[k % 2]}" for k, cell in enumerate(cells)]
    return "\n".join([f"{name},a,label", *rows, ""])


OTHER_ORDER = "\n".join(",".join(line.split(",")[::-1]) for line in [HEAD, *SHOP]) + "\n"
JSON = "".join(
    f'{{"label": "{y}", "date": "{d}", "price": {p}, "color": "{c}"}}\n'
    for c, p, d, y in (line.split(",") for line in SHOP)
)

TEXTS = (
    text("columns in another order", OTHER_ORDER),
    text("every cell quoted", "\n".join(
        ",".join(f'"{c}"' for c in line.split(",")) for line in [HEAD, *SHOP])),
    text("JSON lines", JSON, file="d.jsonl"),
    text("without its label", "\n".join(
        ",".join(line.split(",")[:3]) for line in [HEAD, *SHOP])),
    either(text("a newline in a cell", with_shop("blue", '"blue\n"'))),
    either(text("a space after the text", with_shop("blue", "blue "))),
    either(text("a space before the text", with_shop("blue", " blue"))),
    either(text("one row alone", "\n".join([HEAD, SHOP[0], ""]), "\n".join([HEAD, SHOP[0], ""]))),
    no_text("a value that training did not have", with_shop("blue", "pink"), "d.csv:4:color.*pink"),
    no_text("another case", with_shop("blue", "Blue"), "d.csv:4:color.*blue"),
    no_text("an accent in two characters", with_shop("blue", "blu\u0065\u0301"), "d.csv:4:color"),
    no_text("a letter of another alphabet", with_shop("blue", "bl\u03c5e"), "d.csv:4:color"),
    no_text("a zero-width space", with_shop("blue", "blue\u200b"), "d.csv:4:color"),
    no_text("a formula of a spreadsheet", with_shop("blue", "=blue"), "d.csv:4:color"),
    no_text("an empty cell", with_shop("blue", ""), "color"),
    no_text("a word for missing", with_shop("blue", "NA"), "color"),
    no_text("a number in its place", with_shop("blue", "3"), "d.csv:4:color"),
    no_text("all numbers in its place", "\n".join(
        [HEAD, *(line.replace(line.split(",")[0], "1") for line in SHOP), ""]), "color"),
    no_text("the column missing", "\n".join(
        line.partition(",")[2] for line in [HEAD, *SHOP]), "no input column color"),
    no_text("the column named in another case", shop().replace("color", "Color"), "color"),
    no_text("features named as the model names them", shop().replace("color,", "color=red,"),
            "no input column color"),
    trains("more than a hundred values", column([f"w{k}" for k in range(202)]), "--input word,a",
           "word.*202"),
    trains("a single value", column(["w"] * 20), "--input word,a", "word.*only"),
    trains("a value of a thousand characters", column(["w" * 1000, "v"] * 10), "--input word,a",
           "word"),
    trains("half numbers", column(["1", "2", "x", "3"] * 5), "--input word,a", "word.*x"),
    trains("numbers with a percent sign", column(["1%", "2%"] * 10), "--input word,a", "word"),
    trains("dates without --calendar", column([f"2024-01-{k + 1:02d}" for k in range(20)], "day"),
           "--input day,a", "--calendar"),
    trains("a calendar of numbers", column([str(k) for k in range(20)], "day"),
           "--calendar weekday --time day", "day|date"),
    trains("a calendar without dates", column(["w", "v"] * 10), "--calendar weekday", "date"),
    trains("a calendar of minutes", shop(), "--calendar minute", "--calendar"),
    trains("a calendar of nothing", shop(), "--calendar ''", "--calendar"),
    trains("a calendar of a word", column(["soon"] * 20, "date"), "--calendar month --time date",
           "date"),
    trains("dates that may be others", column(["03/04/2024", "05/06/2024"] * 10, "date"),
           "--calendar month --time date", "--dates"),
    trains("two orders of day and month", column(["13/04/2024", "05/16/2024"] * 10, "date"),
           "--calendar month --time date", "d.csv.*date"),
)  # fmt: skip


def dated(stamp: Any) -> str:
    """Return the table with the date of each row written by `stamp`."""
    rows = [line.split(",") for line in SHOP]
    return "\n".join([HEAD, *(",".join([c, p, stamp(d), y]) for c, p, d, y in rows), ""])


def dates(name: str, stamp: Any, options: str = "", ends: tuple[int, ...] = (0,)) -> Abuse:
    """Return an abuse of how dates are written; they must mean the same."""
    found = predicts(f"dates: {name}", dated(stamp), shop(), options, model="dates")
    return Abuse(**{**found.__dict__, "ends": ends})


def no_dates(name: str, cell: str, says: str = "d.csv:4:date") -> Abuse:
    """Return an abuse of one date that must be refused."""
    data = with_shop("2024-03-03", cell)
    return refuses(f"dates: {name}", data, says, "predict dates.safetensors d.csv")


def parts(stamp: str) -> list[str]:
    """Return year, month and day."""
    return stamp.split("-")


DATES = (
    dates("day first with points", lambda d: ".".join(parts(d)[::-1])),
    dates("day first with slashes, named", lambda d: "/".join(parts(d)[::-1]), "--dates dmy"),
    dates("month first, named", lambda d: "{1}/{2}/{0}".format(*parts(d)), "--dates mdy"),
    dates("slashes, which the days above 12 decide", lambda d: "/".join(parts(d)[::-1])),
    dates("without zeros", lambda d: "-".join(str(int(p)) for p in parts(d)), ends=(0, 2)),
    dates("digits alone", lambda d: d.replace("-", "")),
    dates("with a time of day", lambda d: d + "T23:59:59"),
    dates("with a time of day after a space", lambda d: d + " 0:00"),
    dates("with microseconds", lambda d: d + "T12:00:00.123456"),
    dates("in UTC", lambda d: d + "T12:00:00Z"),
    dates("in a zone far west", lambda d: d + "T01:00:00-14:00", ends=(0, 2)),
    dates("one of them in digits alone", lambda d: d.replace("-", "") if d[-1] == "3" else d),
    dates("in Arabic digits", lambda d: d.replace("2", "\u0662"), ends=(0, 2)),
    dates("quoted", lambda d: f'"{d}"'),
    dates("with spaces", lambda d: f"  {d} "),
    no_dates("a thirtieth of February", "2024-02-30"),
    no_dates("a month 13", "2024-13-01"),
    no_dates("the year 0", "0000-01-01"),
    no_dates("a year of five digits", "12024-01-01"),
    no_dates("a word", "yesterday"),
    no_dates("a week", "2024-W05x"),
    no_dates("an empty cell", "", "date"),
    no_dates("one with a time zone among others", "2024-03-03T00:00:00Z", "date"),
    no_dates("an hour 25", "2024-03-03T25:00:00"),
)


def marks(name: str, cell: str, options: str, ends: tuple[int, ...] = (2,)) -> Abuse:
    """Return an abuse of marks between thousands; if read, the cell is 1234.5."""
    data = text_table([[1234.5, 1, 2]]).replace("1234.5", f'"{cell}"')
    found = predicts(f"thousands: {name}", data, [[1234.5, 1, 2]], options)
    return Abuse(**{**found.__dict__, "ends": ends, "says": "" if 0 in ends else r"d\.csv:2:a|--"})


MARKS = (
    marks("a comma", "1,234.5", "--thousands ,", (0,)),
    marks("a point", "1.234,5", "--decimal , --thousands .", (0,)),
    marks("a space", "1 234.5", "--thousands space", (0,)),
    marks("a narrow space", "1\u202f234.5", "--thousands space", (0, 2)),
    marks("a space that does not break", "1\u00a0234.5", "--thousands space", (0, 2)),
    marks("an apostrophe", "1'234.5", '--thousands "\'"', (0,)),
    marks("a curly apostrophe", "1\u2019234.5", '--thousands "\'"', (0, 2)),
    marks("not given", "1,234.5", ""),
    marks("groups of two", "12,34.5", "--thousands ,"),
    marks("two marks in a row", "1,,234.5", "--thousands ,"),
    marks("a mark at the end", "1234.5,", "--thousands ,"),
    marks("a mark at the start", ",1234.5", "--thousands ,"),
    marks("a mark after the point", "1234.5,00", "--thousands ,"),
    marks("two points", "1.234.5", "--thousands ,"),
    marks("the decimal mark itself", "1,234.5", "--thousands ."),
    marks("an unknown mark", "1_234.5", "--thousands _"),
)


# --- forecasts

FORECAST = "hiddenstate forecast next.safetensors"
LAST = signal().splitlines()


def paths(name: str, data: str, options: str = "--horizon 3", **facts: Any) -> Abuse:
    """Return an abuse of a forecast that must answer as for the plain table."""
    line = f"{FORECAST} d.csv --level none {options}"
    same = (f"{FORECAST} clean.csv --level none --horizon 3", {"clean.csv": signal()})
    return Abuse(f"forecast: {name}", line, {"d.csv": data}, same=same, **facts)


def no_paths(name: str, line: str, says: str, data: str | None = None, **facts: Any) -> Abuse:
    """Return an abuse of a forecast that must be refused."""
    files = {} if data is None else {"d.csv": data}
    return Abuse(f"forecast: {name}", f"hiddenstate forecast {line}", files,
                 ends=facts.pop("ends", (2,)), says=says, **facts)  # fmt: skip


FORECASTS = (
    paths("newest first", "\n".join([LAST[0], *LAST[:0:-1], ""])),
    paths("columns in another order",
          "\n".join(",".join(line.split(",")[::-1]) for line in LAST) + "\n"),
    paths("another column of text", "\n".join(f"{line},x" for line in LAST) + "\n"),
    paths("from stdin", signal(), "--horizon 3 - < d.csv".replace("- ", ""), ends=(0, 2)),
    no_paths("no step", "next.safetensors s.csv --horizon 0", "--horizon"),
    no_paths("a step before the end", "next.safetensors s.csv --horizon -1", "--horizon"),
    no_paths("a billion steps", "next.safetensors s.csv --horizon 1000000000", "--horizon|memory",
             ends=(2, 3)),
    no_paths("a horizon that is a word", "next.safetensors s.csv --horizon week", "--horizon"),
    no_paths("a level of 100", "next.safetensors s.csv --horizon 2 --level 100", "--level"),
    no_paths("a level of 0", "next.safetensors s.csv --horizon 2 --level 0", "--level"),
    no_paths("a level of nan", "next.safetensors s.csv --horizon 2 --level nan", "--level"),
    no_paths("a level that is empty", "next.safetensors s.csv --horizon 2 --level ''", "--level"),
    no_paths("a level for which nothing is known",
             "next.safetensors s.csv --horizon 2 --level 99.999", "--level", ends=(0, 2)),
    no_paths("a model that classifies", "wide.safetensors t.csv --horizon 2", "classif|forecast"),
    no_paths("a model without data", "next.safetensors --horizon 2", "DATA"),
    no_paths("a model of another signal", "next.safetensors t.csv --horizon 2", "t.csv.*u|u"),
    no_paths("one row", "next.safetensors d.csv --horizon 2", "d.csv", "step,u\n0,1\n"),
    no_paths("a header alone", "next.safetensors d.csv --horizon 2", "d.csv", "step,u\n"),
    no_paths("fewer rows than a window", "next.safetensors d.csv --horizon 2", "d.csv",
             "\n".join([*LAST[:5], ""]), ends=(0, 2)),
    no_paths("a gap", "next.safetensors d.csv --horizon 2", "d.csv",
             signal().replace("\n30,", "\n30,#").replace("#-0.544", "").replace("#", "")
             .replace("30,-0.544", "30,")),
    no_paths("a word", "next.safetensors d.csv --horizon 2", "d.csv:11:u",
             "\n".join([*LAST[:10], "9,high", *LAST[11:], ""])),
    no_paths("a time twice", "next.safetensors d.csv --horizon 2", "d.csv:.*twice",
             "\n".join([*LAST, LAST[-1], ""])),
    no_paths("an infinite time", "next.safetensors d.csv --horizon 2", "d.csv:.*inf",
             "\n".join([*LAST, "inf,1", ""])),
    no_paths("a figure in a format that is none",
             "next.safetensors s.csv --horizon 2 --figure f.doc", "--figure"),
    no_paths("a figure in a folder that is missing",
             "next.safetensors s.csv --horizon 2 --figure no/f.png", "no/f.png|no", ends=(2, 3)),
    no_paths("the data as its output", "next.safetensors s.csv --horizon 2 --output s.csv",
             "s.csv"),
    no_paths("the model as its output",
             "next.safetensors s.csv --horizon 2 --output next.safetensors", "next.safetensors"),
    no_paths("a backtest of none", "next.safetensors s.csv --horizon 2 --backtest 0", "--backtest"),
    no_paths("a backtest longer than the series",
             "next.safetensors s.csv --horizon 59 --backtest 9", "--backtest|steps|horizon"),
    no_paths("run and data exchanged", "s.csv next.safetensors --horizon 2", "s.csv"),
    no_paths("a model that carries its state", "flow.safetensors s.csv --horizon 2",
             "stateful|state|window"),
)  # fmt: skip


# --- streams

STREAM = "hiddenstate predict flow.safetensors - --stream"
STEPS = ["u", "0.5", "-0.25", "1", "0"]


def stream(name: str, data: str | bytes, n: int, ends: tuple[int, ...] = (0,), says: str = "",
           options: str = "") -> Abuse:  # fmt: skip
    """Return an abuse of a stream that must answer `n` lines before it ends."""

    def answer(done: Done) -> str:
        found = len(done.out.splitlines()) - 1
        return "" if found == n else f"{found} answers, expected {n}"

    return Abuse(f"stream: {name}", f"{STREAM} {options} < d.txt", {"d.txt": data}, ends=ends,
                 says=says, answer=answer)  # fmt: skip


PLAIN = "\n".join(STEPS) + "\n"
STREAMS = (
    stream("plain", PLAIN, 4),
    stream("no header", "\n".join(STEPS[1:]) + "\n", 4),
    stream("carriage returns", PLAIN.replace("\n", "\r\n"), 4),
    stream("no newline at the end", PLAIN.rstrip(), 4),
    stream("blank lines", PLAIN.replace("\n", "\n\n"), 4),
    stream("a byte order mark", "\ufeff" + PLAIN, 4),
    stream("spaces around", PLAIN.replace("\n", "  \n"), 4),
    stream("other columns", "x,u,y\n1,0.5,z\n2,0.25,z\n", 2),
    stream("JSON", '{"u": 0.5}\n{"u": -1}\n', 2),
    stream("JSON with other keys", '{"t": 1, "u": 0.5}\n{"u": -1, "t": "x"}\n', 2),
    stream("JSON lines as answers", PLAIN, 3, options="--format json"),
    stream("nothing at all", "", -1, (0, 2), "stdin"),
    stream("a header alone", "u\n", 0, (0, 2), "stdin"),
    stream("a word", "u\n1\nhigh\n2\n", 1, (2,), ":3.*u"),
    stream("an empty cell", "u,v\n1,2\n,3\n", 1, (2,), ":3.*u"),
    stream("NaN", "u\n1\nnan\n", 1, (2,), ":3"),
    stream("infinite", "u\n1\ninf\n", 1, (2,), ":3"),
    stream("beyond floats", "u\n1\n1e999\n", 1, (2,), ":3"),
    stream("beyond what the network reads", "u\n1\n1e300\n", 1, (2,), ":3|large"),
    stream("too many cells", "u,v\n1,2\n1,2,3\n", 1, (2,), ":3"),
    stream("too few cells", "v,u\n1,2\n1\n", 1, (2,), ":3"),
    stream("an open quote", 'u,v\n1,2\n"1,2\n', 1, (2,), ":3"),
    stream("a byte that is no UTF-8", b"u\n1\n\xff\n", 1, (2,), ":3"),
    stream("a NUL byte", b"u\n1\n\x00\n", 1, (2,), ":3"),
    stream("a line of three megabytes", "u\n1\n" + "9" * 3_000_000 + "\n", 1, (2,), ":3"),
    stream("another column", "v\n1\n", 0, (2,), "u"),
    stream("a column twice", "u,u\n1,2\n", 0, (2,), "u"),
    stream("JSON after CSV", 'u\n1\n{"u": 2}\n', 1, (2,), ":3"),
    stream("JSON without the key", '{"u": 1}\n{"v": 2}\n', 1, (2,), ":2.*u"),
    stream("JSON cut off", '{"u": 1}\n{"u": \n', 1, (2,), ":2"),
    stream("an array of JSON", "[1]\n[2]\n", 0, (2,), ":1"),
    refuses("stream: a model of both directions", PLAIN, "bidirectional|directions",
            "predict wide.safetensors - --stream < d.csv"),
    refuses("stream: a file for stdin", signal(), "--stream",
            "predict flow.safetensors d.csv --stream"),
    refuses("stream: without data", None, "--stream", "predict flow.safetensors --stream"),
    refuses("stream: into a workbook", PLAIN, "--format|--stream",
            "predict flow.safetensors - --stream --format xlsx < d.csv"),
    Abuse("stream: its reader leaves", f"(echo u; yes 1) | {STREAM} | head -3 > o; cat o",
          ends=(0,), leaves=("o",)),
    Abuse("stream: stdin is closed", f"{STREAM} <&-", ends=(0, 2), says="stdin"),
    Abuse("stream: answers before its input ends",
          f"(echo u; echo 1; sleep 3) | {STREAM} | (read a; read b; test -n \"$b\" && echo $b)",
          says="0,"),
)  # fmt: skip


# --- exports

EXPORT = "hiddenstate export wide.safetensors --to"


def export(name: str, line: str, says: str, ends: tuple[int, ...] = (2,), **facts: Any) -> Abuse:
    """Return an abuse of an export that must be refused."""
    return Abuse(f"export: {name}", line, ends=ends, says=says, **facts)


ASK = "hiddenstate predict wide.safetensors t.csv | cut -d, -f2 > right"
OWN = "(set -o pipefail; python m.py d.csv 2>&1 | sed 's/^m.py: /error: /')"
EXPORTS = (
    Abuse("export: Python answers as the model",
          f"{EXPORT} python --output m.py && {ASK} && python m.py t.csv | "
          "python -c 'import sys,csv; r=list(csv.DictReader(sys.stdin)); print(\"label\"); "
          "[print(x[\"label\"]) for x in r]' > got; cmp got right",
          leaves=("m*", "got", "right")),
    Abuse("export: Python of a table that is bad",
          f"{EXPORT} python --output m.py >&2 && printf 'a,b,c\\n1,x,3\\n' > d.csv && {OWN}",
          ends=(2,), says="d.csv:2", keeps=("m*", "d.csv")),
    Abuse("export: Python of a table without a column",
          f"{EXPORT} python --output m.py >&2 && printf 'a,b\\n1,2\\n' > d.csv && {OWN}",
          ends=(2,), says="c", keeps=("m*", "d.csv")),
    Abuse("export: a page of a name that is markup",
          f"{EXPORT} html --output '<b>.html' && ! grep -q '<title>[^<]*<b>' '<b>.html'",
          leaves=("<b>*",)),
    export("a target that is none", f"{EXPORT} java", "--to"),
    export("a target in capitals", f"{EXPORT} ONNX", "--to"),
    export("no target", "hiddenstate export wide.safetensors", "--to"),
    export("weights that are none", f"{EXPORT} c --weights int4", "--weights"),
    export("weights that a target does not take", f"{EXPORT} python --weights int8", "--weights"),
    export("over a file of yours", f"{EXPORT} python --output d.py", "d.py.*--force|--force.*d.py",
           files={"d.py": "print('mine')\n"}),
    export("over a folder", f"{EXPORT} python --output x.py", "x.py", (2, 3),
           make=lambda f: (f / "x.py").mkdir()),
    export("over a folder by force", f"{EXPORT} python --output x.py --force", "x.py", (2, 3),
           make=lambda f: (f / "x.py").mkdir()),
    export("over the model by force",
           "cp wide.safetensors m.py; hiddenstate export m.py --to python --output m.py --force",
           "m.py", keeps=("m.py",)),
    export("into a folder that is missing", f"{EXPORT} c --output no/m.h", "no", (2, 3)),
    export("a name with another ending", f"{EXPORT} c --output m.txt", "m.txt", (0, 2),
           leaves=("m*",)),
    export("a table as the model", "hiddenstate export t.csv --to c", "t.csv", (2, 4)),
    export("a run without a model", "mkdir -p runs/x; hiddenstate export x --to c", "x", (2, 4),
           keeps=RUNS),
    export("audio of a model that classifies", f"{EXPORT} nam", "regress|signal|nam"),
    export("audio of a model with an unknown layer",
           "hiddenstate export code.safetensors --to rtneural", "autoencode|regress|signal"),
    export("text as inputs in C", "hiddenstate export text.safetensors --to c", "text|color",
           (0, 2), leaves=("*",)),
    export("a file that may not grow",
           f"ulimit -f 1; {EXPORT} python --output m.py", "m.py|large|space", (2, 3)),
    export("two at once into one file",
           f"({EXPORT} c --output m.h >/dev/null 2>&1; true) & {EXPORT} c --output m.h >/dev/null; "
           "wait; grep -c endif m.h", "", (0,), leaves=("m*",)),
)  # fmt: skip

REQUESTS = (
    Abuse("request: a name of a run with a slash",
          f"hiddenstate classify t.csv {SMALL} --name a/b", ends=(2,), says="--name"),
    Abuse("request: a name of a run that is two points",
          f"hiddenstate classify t.csv {SMALL} --name ..", ends=(2,), says="--name"),
    Abuse("request: a name of a run that is last",
          f"hiddenstate classify t.csv {SMALL} --name last", ends=(2,), says="--name|last"),
    Abuse("request: a name of a run that is taken",
          f"hiddenstate classify t.csv {SMALL} --name classify-1; code=$?; "
          "test -f runs/classify-1/model.safetensors && exit $code", ends=(2, 3),
          says="classify-1"),
    Abuse("request: no members", f"hiddenstate classify t.csv {SMALL} --members 0", ends=(2,),
          says="--members"),
    Abuse("request: a thousand members", f"hiddenstate classify t.csv {SMALL} --members 1000",
          ends=(0, 2, 3), says="--members", leaves=RUNS),
    Abuse("request: a share of smoothing above one",
          f"hiddenstate classify t.csv {SMALL} --label-smoothing 1.5", ends=(2,),
          says="--label-smoothing"),
    Abuse("request: a stem that pools no step",
          f"hiddenstate classify x.npz {SMALL} --stem --stem-pool 0", ends=(2,),
          says="--stem-pool"),
    Abuse("request: fixed convolutions of rows without steps",
          f"hiddenstate classify t.csv {SMALL} --convolutions --layout features", ends=(0, 2),
          says="--convolutions", leaves=RUNS),
    Abuse("request: a linear path of classes", f"hiddenstate classify t.csv {SMALL} --linear",
          ends=(2,), says="--linear"),
)  # fmt: skip

ALL: tuple[Abuse, ...] = (
    *TEXTS,
    *DATES,
    *MARKS,
    *FORECASTS,
    *STREAMS,
    *EXPORTS,
    *REQUESTS,
)
