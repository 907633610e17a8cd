"""The command line of an exported Python file: its text follows that of `runtime.py`.

A table is read as `hiddenstate predict` reads it, by the same rules, or refused as there; only a
delimiter, dates and times of unusual forms are refused that an option or a guess settles there.
"""

import csv
import datetime
import io
import math
import os
import re
import sys
from typing import Any

import numpy as np

from hiddenstate.export.python.runtime import Array, Model, Part

MISSING = ("", "-", "?", "na", "n/a", "#n/a", "<na>", "null", "none", "nan")
TRUTHS = {"true": 1.0, "false": 0.0}
SPACES = " \u00a0\u202f"  # what `--thousands space` means
SEPARATORS = {"\t": "tab", " ": "space", ";": "';'", ",": "','", "|": "'|'"}
TIME = re.compile(
    r"(?:(\d{1,4})([-/.])(\d{1,2})(?:\2(\d{1,4}))?(?:(?:T|,?\s+)(?=\d)|$))?"
    r"(?:(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(?:([ap])\.?m\.?)?"
    r"\s*(Z|UTC|GMT|[+-]\d\d:?(?:\d\d)?)?)?",
    re.ASCII | re.IGNORECASE,
)
Line = Any  # (its number in the file, the text of its cells)


def read_csv(path: str, about: Part) -> tuple[Array, list[tuple[str, ...]]]:
    """Return the columns that the model reads, (lines, columns), and of each line its series.

    Columns are found by name where model and file both have names, and by their places where
    neither has. Lines are put in the order of the time column.
    """
    where = shown(path, 200)
    with open(path, newline="", encoding=about["encoding"]) as file:
        text = file.read()
    text = text[text.startswith("\ufeff") :]
    lines = lines_of(text, separator_of(text, path, about), where)
    if not lines:
        raise ValueError(f"{where}: no rows")
    first, second = ([plain(cell, about) for cell in line] for _, line in [*lines, (0, [])][:2])
    names = [str(j) for j in range(len(first))]
    if has_names := is_header(first, second):
        n, line = lines.pop(0)
        names = [name or f"Unnamed: {j}" for j, name in enumerate(line)]
        for j, name in enumerate(names):
            if name in names[:j]:
                raise ValueError(f"{where}:{n}: two columns are named {shown(name)}; rename one")
    for n, line in lines:
        if len(line) != len(names):
            raise ValueError(
                f"{where}:{n}: expected {len(names)} columns as in the first line, found "
                f"{len(line)}; correct the line"
            )
    if not lines:
        raise ValueError(f"{where}: no rows")
    chosen, own, time = places(names, has_names, about, where)
    for j in own:
        refuse_missing(lines, j, about, f"{where}:{{}}:{shown(names[j])}: no id; name the series")
    ids = [tuple(line[j] for j in own) for _, line in lines]
    if time:
        order = in_order(lines, ids, time[0], names, about, where)
        lines, ids = [lines[i] for i in order], [ids[i] for i in order]
    columns = [numbers_of(lines, j, shown(names[j]), about, where) for j in chosen]
    return np.array(columns, np.float64).reshape(len(chosen), len(lines)).T, ids


def shown(text: object, limit: int = 40) -> str:
    """Return text on one line, control characters escaped, cut at `limit` characters."""
    safe = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))
    line = "".join(safe).encode("utf-8", "backslashreplace").decode()
    return line if len(line) <= limit else line[: limit - 1] + "\u2026"


def listed(names: list[str]) -> str:
    return ", ".join([shown(name) for name in names[:8]] + ["..."] * (len(names) > 8))


def separator_of(text: str, path: str, about: Part) -> str:
    """Return what separates cells: as in the training file, or the usual of a file so named."""
    given = about["delimiter"]
    if given:
        words = {"\\t": "\t", "tab": "\t", "space": " "}
        return words.get(given, str(given))
    lines = [line for line in io.StringIO(text, newline=None) if line.strip()][:20]
    first, name = lines[0].strip() if lines else "", os.path.basename(path).lower()
    usual = "\t" if ".tsv" in name else ","
    if about["decimal"] == "," and ";" in first:
        usual = ";"
    if ".txt" in name:
        blank = "" if about["thousands"] == "space" else " "
        usual = next((each for each in ("\t", usual, blank) if each and each in first), usual)
    bare = [re.sub(r"(?<=\d),(?=\d)", "", line) for line in lines]
    for other in ";\t,|" if usual != " " and not any(usual in line for line in bare) else "":
        if bare and other != usual and all(other in line for line in bare):
            raise ValueError(
                f"{shown(path, 200)}:1: columns are separated by {SEPARATORS[other]}, not by "
                f"{SEPARATORS[usual]} as in the training file"
            )
    return usual


def lines_of(text: str, separator: str, where: str) -> list[Line]:
    """Return the cells of each row, with the number of its line in the file."""
    raw = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    found: list[Line] = []
    at = 0

    def following() -> Any:
        nonlocal at
        while at < len(raw):
            at += 1
            yield raw[at - 1] + "\n"
        raise ValueError(f"{where}:{n}: a quote is opened but not closed")

    reader = csv.reader(
        following(), delimiter=separator, skipinitialspace=separator not in (" ", "\t")
    )
    while True:
        while (
            at < len(raw) and not raw[at].strip() and (separator == " " or separator not in raw[at])
        ):
            at += 1
        if at == len(raw):
            return found
        n = at + 1
        try:
            cells = next(reader)
        except csv.Error as error:
            raise ValueError(f"{where}:{n}: {error}") from None
        found.append((n, [cell.strip() for cell in cells if cell or separator != " "]))


def is_header(first: list[str], second: list[str]) -> bool:
    """Return whether the first line has the names of the columns, and is no row as the second."""
    known = [is_number(cell) for cell in first]
    texts = [j for j, cell in enumerate(first) if not known[j] and not is_missing(cell)]
    if texts:
        over_number = any(j < len(second) and is_number(second[j]) for j in texts)
        no_number = not any(known[j] and not is_missing(cell) for j, cell in enumerate(first))
        return no_number or over_number or (counts_up(first) and not counts_up(second))
    counting = first[1:] if first[:1] == [""] else first  # of a file whose lines are numbered
    return counts_up(first) and len(counting) >= 10 and counting[0] == "0"


def counts_up(cells: list[str]) -> bool:
    """Return whether the numbers among cells are at least 3 whole ones, each 1 larger."""
    counts = [cell for cell in cells if is_number(cell) and not is_missing(cell)]
    if len(counts) < 3 or not all(cell.isdecimal() and len(cell) < 10 for cell in counts):
        return False
    return all(int(counts[i + 1]) == int(counts[i]) + 1 for i in range(len(counts) - 1))


def places(
    names: list[str], has_names: bool, about: Part, where: str
) -> tuple[list[int], list[int], list[int]]:
    """Return where the inputs, the columns that name series and the time stand in a line."""
    columns = about["columns"]
    # In a line that is a row, ids and times only name it.
    own, time = ([], []) if about["rows_are_series"] else (about["id"], about["time"])
    absent = [name for name in [*(columns or ()), *own, *time] if name not in names]
    if columns and not absent:
        inputs, series, clock = ([names.index(n) for n in each] for each in (columns, own, time))
        return inputs, series, clock
    if columns and (has_names or own or time):
        header = "" if has_names else ", and no header"
        raise ValueError(f"{where}: no column {shown(absent[0])}; it has {listed(names)}{header}")
    if not all(name.isdecimal() for name in names):
        raise ValueError(
            f"{where}: has named columns ({listed(names)}), but the model was trained on columns "
            "without names; remove the header to use them in this order"
        )
    if columns and len(names) != len(columns):
        raise ValueError(
            f"{where}: expected {len(columns)} columns, or a header, found {len(names)}"
        )
    return list(range(len(names))), [], []


def refuse_missing(lines: list[Line], j: int, about: Part, what: str) -> None:
    """Refuse lines without an id or a time; a word for it is one among numbers alone."""
    cells = [line[j] for _, line in lines]
    words = [""] if any(value_of(cell, about) is None for cell in cells) else MISSING
    for n, line in lines:
        if line[j].lower() in words:
            raise ValueError(what.format(n))


def in_order(
    lines: list[Line], ids: list[tuple[str, ...]], j: int, names: list[str], about: Part, where: str
) -> list[int]:
    """Return the numbers of the lines, series by series, in the order of the time in column `j`."""
    column = shown(names[j])
    refuse_missing(lines, j, about, f"{where}:{{}}:{column}: no time; fill it in")
    cells = [line[j] for _, line in lines]
    clock, kind = clock_of(cells, names[j], about)
    if clock is not None and kind == "day":
        clock = with_days(clock, lines, ids, names, about)
    if clock is None:
        raise ValueError(
            f"{where}: cannot order the lines by {column}; expected numbers, or dates like "
            "2020-12-31 or 2020-12-31T23:59:59, all with a time zone or all without"
        )
    rank = {own: i for i, own in reversed(list(enumerate(ids)))}
    order = sorted(range(len(lines)), key=lambda i: (rank[ids[i]], clock[i]))
    for k in range(1, len(order)):
        before, i = order[k - 1], order[k]
        if ids[before] == ids[i] and clock[before] == clock[i]:
            raise ValueError(
                f"{where}:{lines[i][0]}:{column}: time {shown(cells[i])} occurs twice in a series; "
                "drop one of the lines"
            )
        every = about.get("every")
        if every and ids[before] == ids[i] and not is_next(clock[before], clock[i], kind, every):
            raise ValueError(
                f"{where}:{lines[i][0]}:{column}: {shown(cells[i])} is not the {every} after "
                f"{shown(cells[before])}; add a line for each {every} that is missing, with its "
                "time alone"
            )
    return order


def is_next(before: float, after: float, kind: str, every: str) -> bool:
    """Return whether a time is that of the next step; numbers do not say when they are."""
    day, apart = 86400e6, after - before
    fixed = {"minute": 60e6, "hour": 3600e6, "day": day, "week": 7 * day}
    if kind not in ("date", "day", "zone"):
        return False
    if every in fixed or every.endswith("min"):
        return apart == (fixed[every] if every in fixed else 60e6 * int(every[:-3]))
    first, second = (datetime.date.fromordinal(719163 + int(t // day)) for t in (before, after))
    if every == "weekday":
        return apart == (3 * day if first.weekday() == 4 else day) and second.weekday() < 5
    months = {"month": 1, "quarter": 3, "year": 12}[every]
    return 12 * (second.year - first.year) + second.month - first.month == months


def with_days(
    clock: list[float], lines: list[Line], ids: list[tuple[str, ...]], names: list[str], about: Part
) -> list[float] | None:
    """Return times of day with their dates in another column or, without one, over midnights."""
    day = 86400e6
    used = {*(about["columns"] or ()), *about["id"], *about["time"]}
    free = [j for j, name in enumerate(names) if name not in used]
    dates = [clock_of([line[j] for _, line in lines], names[j], about) for j in free]
    beside = [found for found, kind in dates if found is not None and kind == "date"]
    if len(beside) == 1:
        return [date + clock[i] for i, date in enumerate(beside[0])]
    for order in (range(len(clock)), range(len(clock) - 1, -1, -1)):  # or the newest is first
        later = {}
        last: dict[tuple[str, ...], tuple[float, float]] = {}
        for i in order:
            before, days = last.get(ids[i], (clock[i], 0.0))
            if 0 < before - clock[i] <= day / 2:
                break
            days += day if clock[i] < before else 0
            last[ids[i]], later[i] = (clock[i], days), clock[i] + days
        if len(later) == len(clock):
            return [later[i] for i in range(len(clock))]
    return None


def clock_of(cells: list[str], name: str, about: Part) -> tuple[list[float] | None, str]:
    """Return numbers in the order of times, or None, and what kind of times they are."""
    values = [value_of(cell, about) for cell in cells]
    numbers = [value for value in values if value is not None]
    counts = len(numbers) == len(cells)
    if counts and not all(map(math.isfinite, numbers)):
        return None, ""
    texts = compact_dates(numbers, name) if counts else cells
    settled = about["dates"]
    orders = ["dmy", "mdy", "ymd"] if counts else [settled] if settled else ["dmy", "mdy"]
    found = {}
    for order in orders if texts else []:
        dates = [parted(text, order) for text in texts] if counts else texts
        moments = [moment(date, order, counts or bool(settled)) for date in dates]
        known = [each for each in moments if each is not None]
        if len(known) == len(cells) and len({kind for kind, _ in known}) == 1:
            found[order] = [value for _, value in known], known[0][0]
    if not found:
        return (numbers, "number") if counts else (None, "")
    if settled:
        return found.get(settled, (None, ""))
    readings = list(found.values())
    if any(each != readings[0] for each in readings):  # either the day or the month comes first
        if counts and all(ranked(each) == ranked(numbers) for each, _ in readings):
            return numbers, "number"
        if not all("." in text[:5] for text in texts):
            return None, ""
    return readings[0]


def ranked(values: list[float]) -> list[int]:
    return sorted(range(len(values)), key=values.__getitem__)


def parted(text: str, order: str) -> str:
    """Return the digits of a date with the signs between day, month and year."""
    a, b = (4, 6) if order == "ymd" and len(text) == 8 else (2, 4)
    return f"{text[:a]}/{text[a:b]}/{text[b:]}"


def compact_dates(numbers: list[float], name: str) -> list[str]:
    """Return the digits of numbers that are dates such as 31122024; none if they are no dates, or
    begin with the year, and so are in their own order.
    """
    most, values = max(numbers), set(numbers)
    width = 6 if most < 1e6 else 8
    if not 1e4 <= most < 1e8 or not all(number >= 0 and number % 1 == 0 for number in values):
        return []
    counts = len(values) > 1 and most - min(values) == len(values) - 1
    if counts or (width == 6 and not re.search("date|day", name.lower())):
        return []
    texts = [f"{number:.0f}".zfill(width) for number in numbers]
    form = "(19|20|21)[0-9][0-9](0[1-9]|1[0-2])" + ("(0[1-9]|[12][0-9]|3[01])" * (width == 8))
    return [] if all(re.fullmatch(form, text) for text in texts) else texts


def moment(cell: str, order: str, short: bool) -> tuple[str, float] | None:
    """Return what kind of time a cell is, and microseconds since its beginning; None if none.

    Years of two digits are read if they may be `short`.
    """
    parts = TIME.fullmatch(cell)
    if parts is None or not cell:
        return None
    first, _, middle, last, hour, minute, second, part, half, zone = parts.groups()
    day, kind = 0, "day"
    if first is not None:
        year_first = len(first) == 4 or order == "ymd"
        month_first = order == "mdy" and not year_first
        if last is None and (hour or len(first) != 4 or len(middle) != 2):
            return None
        d, m, y = (last or "1", middle, first) if year_first else (first, middle, last)
        d, m = (m, d) if month_first else (d, m)
        if len(d) > 2 or len(m) > 2 or len(y) not in (2 if short else 4, 4):
            return None
        century = 0 if len(y) == 4 else 1900 if int(y) >= 69 else 2000
        try:
            day = datetime.date(century + int(y), int(m), int(d)).toordinal() - 719163
        except ValueError:
            return None
        kind = "zone" if zone else "date"
    hours = int(hour or 0) % 12 + 12 * (half in "pP") if half else int(hour or 0)
    if hours > 23 or int(minute or 0) > 59 or int(second or 0) > 59:
        return None
    seconds = hours * 3600 + int(minute or 0) * 60 + int(second or 0)
    if zone and zone[0] in "+-":
        seconds -= int(zone[0] + "1") * (int(zone[1:3]) * 3600 + int(zone[3:].strip(":") or 0) * 60)
    return kind, (day * 86400 + seconds) * 1000000 + int(((part or "") + "000000")[:6])


def plain(cell: str, about: Part) -> str:
    """Return a number as Python writes it; a cell with marks elsewhere is then no number."""
    point, mark = about["decimal"], about["thousands"]
    if mark:
        marks = SPACES if mark == "space" else mark
        whole = rf"[-+]?[0-9]{{1,3}}([{marks}][0-9]{{3}})+"
        if re.fullmatch(rf"{whole}({re.escape(point)}[0-9]*)?([eE][-+]?[0-9]+)?", cell):
            cell = "".join(sign for sign in cell if sign not in marks)
    return cell.translate({44: ".", 46: ","}) if point == "," else cell


def is_number(cell: str) -> bool:
    """Return whether a plain cell is a number, in ASCII digits; NaN and inf are numbers too."""
    try:
        float(cell)
    except ValueError:
        return False
    return cell.isascii() and "_" not in cell


def is_missing(cell: str) -> bool:
    return cell.lower() in MISSING


def value_of(cell: str, about: Part) -> float | None:
    """Return the number in a cell, NaN if it is missing; None if it is something else."""
    text = plain(cell, about)
    if is_number(text):
        return float(text)
    return math.nan if is_missing(text) else None


def numbers_of(lines: list[Line], j: int, column: str, about: Part, where: str) -> list[float]:
    """Return a column as numbers, NaN if missing; one of true and false alone as 1 and 0."""
    cells = [line[j] for _, line in lines]
    values: list[Any] = [value_of(cell, about) for cell in cells]
    if None in values and all(is_missing(cell) or cell.lower() in TRUTHS for cell in cells):
        values = [TRUTHS.get(cell.lower(), math.nan) for cell in cells]
    complete = about["preparation"]["missing"] in ("error", "drop")
    for i, value in enumerate(values):
        at = f"{where}:{lines[i][0]}:{column}"
        if value is None:
            mark = f"; the decimal mark of the training file is '{about['decimal']}'"
            hint = mark if re.search("[.,][0-9]", cells[i]) else "; correct or empty the cell"
            raise ValueError(f"{at}: '{shown(cells[i])}' is not a number{hint}")
        if complete and not math.isfinite(value):
            raise ValueError(
                f"{at}: missing or not finite; the model was trained without missing values; fill "
                "it in"
            )
    return values


def series_of(rows: Array, ids: list[tuple[str, ...]]) -> list[tuple[tuple[str, ...], Array]]:
    """Return the lines (T, I) of each series, in the order of their first lines."""
    groups: dict[tuple[str, ...], list[Array]] = {}
    for i, own in enumerate(ids):
        groups.setdefault(own, []).append(rows[i])
    return [(own, np.array(lines)) for own, lines in groups.items()]


def answer_file(model: Model, path: str) -> tuple[list[str], list[list[Any]]]:
    """Return the header and the lines of answers to the rows of a CSV file."""
    about = model.about
    rows, ids = read_csv(path, about)
    rows = checked(rows, model, shown(path, 200))
    if model.program["job"] == "autoencode":
        return coded(model, rows)
    series: list[Any]
    if about["rows_are_series"]:
        n = model.program["n_features"]
        series = [((str(i),), row.reshape(-1, n)) for i, row in enumerate(rows)]
    else:
        series = series_of(rows, ids)
    head = ["row"] if about["rows_are_series"] else about["id"]
    names, lines = (classified if model.program["job"] == "classify" else predicted)(model, series)
    return [*head, *names], lines


def checked(rows: Array, model: Model, where: str) -> Array:
    """Return rows with as many columns as the model reads."""
    n, width = model.program["n_features"], rows.shape[1]
    flat = model.about["rows_are_series"] and model.program["job"] != "autoencode"
    if flat and n == 1 and not model.about["columns"]:
        return rows  # of any number of steps
    n *= model.program["n_steps"] if flat else 1
    if width != n:
        raise ValueError(f"{where}: expected {n} columns, found {width}")
    return rows


def coded(model: Model, rows: Array) -> tuple[list[str], list[list[Any]]]:
    answers = model.predict(rows)
    codes, errors = answers["code"], answers["error"]
    names = [f"code_{i + 1}" for i in range(codes.shape[1])]
    lines = [[i, *codes[i], errors[i]] for i in range(len(codes))]
    return ["row", *names, "error"], lines


def classified(model: Model, series: list[Any]) -> tuple[list[str], list[list[Any]]]:
    classes, lines = model.about["classes"], []
    for own, x in series:
        answers = model.predict(x[None])
        label = classes[int(answers["class"][0])]
        lines.append([*own, label, *answers["probabilities"][0]])
    return ["label", *(f"p_{name}" for name in classes)], lines


def predicted(model: Model, series: list[Any]) -> tuple[list[str], list[list[Any]]]:
    lines: list[list[Any]] = []
    for own, x in series:
        steps, y = model.series(x)
        lines += [[*own, steps[i], *y[i]] for i in range(len(steps))]
    return ["step", *model.about["targets"]], lines


def main(model: Model) -> int:
    """Answer the rows of a CSV file, and print a CSV."""
    program = shown(sys.argv[0], 200)
    if len(sys.argv) != 2 or sys.argv[1] in ("-h", "--help"):
        sys.stderr.write(f"usage: python {program} ROWS.csv\n\n{model.about['usage']}\n")
        return 0 if "-h" in sys.argv or "--help" in sys.argv else 2
    try:
        header, lines = answer_file(model, sys.argv[1])
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{program}: {error}\n")
        return 2
    writer = csv.writer(sys.stdout, lineterminator="\n")
    try:
        writer.writerows([header, *lines])
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return 0
