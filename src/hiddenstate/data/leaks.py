"""What makes a score too good: columns that give the answer, and rows on both sides of a split."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict, cast, get_args

import numpy as np
from numpy.typing import NDArray

from hiddenstate.errors import Setting, count, printable
from hiddenstate.system.notice import offering
from hiddenstate.system.typing import Array

MAX_ROWS = 50_000
"""Most rows whose columns are compared with the answers; of more, blocks are looked at."""

BLOCK = 1_000
"""Consecutive rows of such a block: rows of one person often follow one another."""

Kind = Literal["label", "target", "group", "equal"]

OPTIONS: dict[Kind, str] = {"label": "drop", "target": "drop", "group": "group", "equal": "split"}
"""The option that removes each kind of leak: its value is the column, or `distinct`."""


class LeakFacts(TypedDict):
    """A leak as values for JSON; see :class:`Leak`."""

    kind: str
    rows: int
    of: int
    option: str
    column: NotRequired[str]
    looked_at: NotRequired[int]


@dataclass(frozen=True)
class Leak:
    """One reason why a score may be too good.

    Parameters
    ----------
    kind : {"label", "target", "group", "equal"}
        `label`: the column alone gives the label; `target`: the column is a linear copy of a
        target; `group`: rows with the same value of the column have the same answer, and are both
        training and test rows; `equal`: test rows are training rows too.
    rows, of : int
        In how many rows of how many: rows whose answer the column gives or, of `group` and
        `equal`, test rows that have such a training row.
    column : str, optional
        Name of the column as in the file; None for `equal`.
    looked_at : int, optional
        Number of rows that were looked at, if these are not all.
    """

    kind: Kind
    rows: int
    of: int
    column: str | None = None
    looked_at: int | None = None

    @property
    def setting(self) -> Setting:
        """The option that removes it, as a hint."""
        value = "distinct" if self.column is None else self.column
        return Setting("add", **{OPTIONS[self.kind]: value})

    def facts(self) -> LeakFacts:
        """Return the leak as values for JSON."""
        facts: LeakFacts = {
            "kind": self.kind,
            "rows": self.rows,
            "of": self.of,
            "option": str(self.setting).removeprefix("add "),
        }
        if self.column is not None:
            facts["column"] = self.column
        if self.looked_at is not None:
            facts["looked_at"] = self.looked_at
        return facts

    def in_words(self) -> str:
        """Return the leak as one line, with the option that removes it."""
        name = "" if self.column is None else f"column {printable(self.column, 40)}"
        rows = f"all {count(self.of, 'row')}"
        if self.rows < self.of:
            rows = f"{self.rows:,} of {count(self.of, 'row')}"
        seen = f" ({self.looked_at:,} rows were looked at)" if self.looked_at else ""
        if self.kind in ("label", "target"):
            rows += " that were looked at" if self.looked_at else ""
            does = "alone gives the label of"
            does = does if self.kind == "label" else "is a linear copy of the target in"
            return offering(f"{name} {does} {rows}; if it is known only later, ", self.setting)
        tested = rows.replace("row", "test row")
        if self.kind == "group":
            text = (
                f"{name}: equal values have equal answers, and {tested} share theirs with training "
                f"rows{seen}; if it names persons or sessions, "
            )
            return offering(text, self.setting)
        verb = "equals a training row" if (self.rows, self.of) == (1, 1) else "equal training rows"
        text = f"{tested} {verb}{seen}, so the score is too good; to keep equal rows on one side, "
        return offering(text, self.setting)


def leaks_as_facts(leaks: Iterable[Leak]) -> dict[str, list[LeakFacts]]:
    """Return what a record of data and the JSON of a command have of leaks: nothing without any."""
    facts = [leak.facts() for leak in leaks]
    return {"leaks": facts} if facts else {}


def leaks_from(facts: Mapping[str, Any]) -> tuple[Leak, ...]:
    """Return the leaks in what :func:`leaks_as_facts` wrote; what is damaged is left out."""
    leaks, stored = [], facts.get("leaks")
    for each in stored if isinstance(stored, list) else ():
        if not isinstance(each, dict) or each.get("kind") not in get_args(Kind):
            continue
        kind = cast("Kind", each["kind"])
        column, numbers = each.get("column"), [each.get(n) for n in ("rows", "of", "looked_at")]
        rows, of, looked_at = (n if type(n) is int and n > 0 else None for n in numbers)
        if rows and of and (column is None if kind == "equal" else type(column) is str):
            leaks.append(Leak(kind, rows, of, column, looked_at))
    return tuple(leaks)


def looked_at(n: int) -> NDArray[np.int64]:
    """Return which of `n` rows are looked at: all, or blocks that lie evenly among them."""
    if n <= MAX_ROWS:
        return np.arange(n)
    starts = np.linspace(0, n - BLOCK, MAX_ROWS // BLOCK).astype(np.int64)
    return (starts[:, None] + np.arange(BLOCK)).ravel()


@dataclass(frozen=True)
class UnusedColumns:
    """Columns of a table that no network reads, in which rows may belong together.

    Parameters
    ----------
    n_rows : int
        Number of rows, or of series, of the data.
    cells : mapping
        The cells of each column by name (n,), in the rows that :func:`looked_at` names.
    """

    n_rows: int
    cells: Mapping[str, Array]
