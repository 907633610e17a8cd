"""What the cells of a table hold, in an exported Python file: numbers, gaps and words."""

import math
import re
from typing import Any

from hiddenstate.export.facts import Facts

MISSING = ("", "-", "?", "na", "n/a", "#n/a", "<na>", "null", "none", "nan")
TRUTHS = {"true": 1.0, "false": 0.0}
SPACES = " \u00a0\u202f"  # what `--thousands space` means
Line = Any  # (its number in the file, the text of its cells)


def shown(text: object, limit: int = 40) -> str:
    """Return text on one line, control characters escaped, cut at `limit` characters."""
    safe = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))
    line = "".join(safe).encode("utf-8", "backslashreplace").decode()
    return line if len(line) <= limit else line[: limit - 1] + "\u2026"


def listed(names: list[str]) -> str:
    return ", ".join([shown(name) for name in names[:8]] + ["..."] * (len(names) > 8))


def refuse_missing(lines: list[Line], j: int, about: Facts, what: str) -> None:
    """Refuse lines without an id or a time; a word for it is one among numbers alone."""
    cells = [line[j] for _, line in lines]
    words = [""] if any(value_of(cell, about) is None for cell in cells) else MISSING
    for n, line in lines:
        if line[j].lower() in words:
            raise ValueError(what.format(n))


def plain(cell: str, about: Facts) -> str:
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


def value_of(cell: str, about: Facts) -> float | None:
    """Return the number in a cell, NaN if it is missing; None if it is something else."""
    text = plain(cell, about)
    if is_number(text):
        return float(text)
    return math.nan if is_missing(text) else None


def numbers_of(lines: list[Line], j: int, column: str, about: Facts, where: str) -> list[float]:
    """Return a column as numbers, NaN if missing; one of true and false alone as 1 and 0."""
    cells = [line[j] for _, line in lines]
    values: list[Any] = [value_of(cell, about) for cell in cells]
    if None in values and all(is_missing(cell) or cell.lower() in TRUTHS for cell in cells):
        values = [TRUTHS.get(cell.lower(), math.nan) for cell in cells]
    for i, value in enumerate(values):
        at = f"{where}:{lines[i][0]}:{column}"
        if value is None:
            mark = f"; the decimal mark of the training file is '{about['decimal']}'"
            hint = mark if re.search("[.,][0-9]", cells[i]) else "; correct or empty the cell"
            raise ValueError(f"{at}: '{shown(cells[i])}' is not a number{hint}")
    refuse_gaps(values, lines, column, about, where)
    return values


def refuse_gaps(values: Any, lines: list[Line], column: str, about: Facts, where: str) -> None:
    """Refuse missing values of a column where the model does not fill them in."""
    if about["preparation"]["missing"] in ("error", "drop"):
        for (n, _), value in zip(lines, values):
            if not math.isfinite(value):
                raise ValueError(
                    f"{where}:{n}:{column}: missing or not finite; the model was trained without "
                    "missing values; fill it in"
                )
