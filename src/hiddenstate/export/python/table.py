"""The table that an exported Python file answers.

It is read as `hiddenstate predict` reads it, by the same rules, or refused as there; only a
delimiter, dates and times of unusual forms are refused that an option or a guess settles there.
"""

import csv
import io
import os
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from hiddenstate.export.facts import Facts
from hiddenstate.export.python.encoded import derived, encoded, source_of
from hiddenstate.export.python.times import in_order
from hiddenstate.export.python.values import (
    Line,
    is_missing,
    is_number,
    listed,
    numbers_of,
    plain,
    refuse_gaps,
    refuse_missing,
    shown,
)
from hiddenstate.program.rows import Array

SEPARATORS = {"\t": "tab", " ": "space", ";": "';'", ",": "','", "|": "'|'"}


@dataclass
class Read:
    """A table as a model reads it.

    Parameters
    ----------
    rows : array (lines, columns)
    ids : list
        Of each line its series.
    times : list of str
        The time in each line; none without a column of times.
    later : dict
        By series, the times in the lines after its last known target.
    """

    rows: Array
    ids: list[tuple[str, ...]]
    times: list[str]
    later: dict[tuple[str, ...], list[str]]


def read_csv(path: str, about: Facts) -> tuple[Array, list[tuple[str, ...]]]:
    """Return the columns that the model reads, (lines, columns), and of each line its series."""
    read = read_table(path, about)
    return read.rows, read.ids


def read_table(path: str, about: Facts) -> Read:
    """Return the columns that the model reads, and of each line its series and its time.

    A column known ahead is also read at the lines of the times that are predicted; those after the
    last target of a series are for that alone. Columns are found by name where model and file both
    have names, and by their places where neither has. Lines are put in the order of the time
    column.
    """
    where = shown(path, 200)
    names, has_names, lines = named_lines(path, about, where)
    features, moved = derived(names, about), moved_of(names, about)
    made_names = [*features, *moved]
    chosen, id_places, time = places(names, made_names, has_names, about, where)
    for j in id_places:
        refuse_missing(lines, j, about, f"{where}:{{}}:{shown(names[j])}: no id; name the series")
    ids = [tuple(line[j] for j in id_places) for _, line in lines]
    if time:
        order = in_order(lines, ids, time[0], names, about, where)
        lines, ids = [lines[i] for i in order], [ids[i] for i in order]
    ahead_of_targets = any(ahead for _, _, ahead in features.values()) or moved
    known = read_targets(lines, ids, names, about) if ahead_of_targets else [True] * len(lines)
    kept = [i for i, has_target in enumerate(known) if has_target]
    own = [lines[i] for i in kept]
    columns: list[Any] = []
    made: dict[str, tuple[Array, Array]] = {}
    for j in chosen:
        if j < len(names):
            columns.append(numbers_of(own, j, shown(names[j]), about, where))
            continue
        name = made_names[j - len(names)]
        if name in moved:
            k = names.index(moved[name])
            values = numbers_of(lines, k, shown(names[k]), about, where)
            columns.append(later_values(values, ids, about["horizon"] or 0)[kept])
        else:
            encoding, k, ahead = features[name]
            column = encoding["column"]
            if column not in made:
                made[column] = encoded(encoding, lines, ids, names, about, where)
            columns.append(made[column][ahead][kept, k])
        refuse_gaps(columns[-1], own, shown(name), about, where)
    rows = np.array(columns, np.float64).reshape(len(chosen), len(own)).T
    times = [line[time[0]] for _, line in lines] if time else []
    later: dict[tuple[str, ...], list[str]] = {}
    for i, cell in enumerate(times):
        if not known[i]:
            later.setdefault(ids[i], []).append(cell)
    return Read(rows, [ids[i] for i in kept], [times[i] for i in kept if time], later)


def named_lines(path: str, about: Facts, where: str) -> tuple[list[str], bool, list[Line]]:
    """Return the names of the columns of a table, whether its first line holds them, and its other
    lines, which are as long."""
    with open(path, newline="", encoding=about["encoding"]) as file:
        text = file.read()
    text = text[text.startswith("\ufeff") :]
    lines = lines_of(text, separator_of(text, path, about), where)
    if not lines:
        raise ValueError(f"{where}: no rows")
    first, second = ([plain(cell, about) for cell in line] for _, line in [*lines, (0, [])][:2])
    names = [str(j) for j in range(len(first))]
    has_names = is_header(first, second)
    if has_names:
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
    return names, has_names, lines


def moved_of(names: list[str], about: Facts) -> dict[str, str]:
    """Return the columns known ahead that a table has only at their own time, by the names of what
    the model reads of them, such as `price +12`."""
    ahead = f" +{about['horizon']}"
    return {
        name: name[: -len(ahead)]
        for name in about["columns"] or ()
        if name not in names and name.endswith(ahead) and name[: -len(ahead)] in names
    }


def later_values(values: Any, ids: list[tuple[str, ...]], horizon: int) -> Array:
    """Return the values of a column `horizon` lines later in the same series; NaN after its end."""
    later = np.full(len(ids), np.nan)
    series: dict[tuple[str, ...], list[int]] = {}
    for i, each in enumerate(ids):
        series.setdefault(each, []).append(i)
    for rows in series.values():
        for i, j in zip(rows, rows[horizon:]):
            later[i] = values[j]
    return later


def read_targets(
    lines: list[Line], ids: list[tuple[str, ...]], names: list[str], about: Facts
) -> list[bool]:
    """Return of each line whether it is not after the last target of its series."""
    places = [names.index(name) for name in about["targets"] or () if name in names]
    last = {
        each: i for i, each in enumerate(ids) if any(not is_missing(lines[i][1][j]) for j in places)
    }
    return [not places or i <= last.get(each, -1) for i, each in enumerate(ids)]


def separator_of(text: str, path: str, about: Facts) -> str:
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
    cut: list[Line] = []
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
            return cut
        n = at + 1
        try:
            cells = next(reader)
        except csv.Error as error:
            raise ValueError(f"{where}:{n}: {error}") from None
        cut.append((n, [cell.strip() for cell in cells if cell or separator != " "]))


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
    names: list[str], made: list[str], has_names: bool, about: Facts, where: str
) -> tuple[list[int], list[int], list[int]]:
    """Return where the inputs, the columns that name series and the time stand in a line, after
    which come the features that are `made` of it."""
    columns, known = about["columns"], [*names, *made]
    # In a line that is a row, ids and times only name it.
    ids, time = ([], []) if about["rows_are_series"] else (about["id"], about["time"])
    absent = [name for name in [*(columns or ()), *ids, *time] if name not in known]
    if columns and not absent:
        inputs, series, clock = ([known.index(n) for n in each] for each in (columns, ids, time))
        return inputs, series, clock
    if columns and (has_names or ids or time):
        header = "" if has_names else ", and no header"
        name = source_of(absent[0], about)
        raise ValueError(f"{where}: no column {shown(name)}; it has {listed(names)}{header}")
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
