"""Guesses the roles of columns that no option names, by their names and content."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Literal

import numpy as np

from hiddenstate.config import DataConfig
from hiddenstate.data.prepare.examples import FEWEST_ROWS, FIRST_ROWS, rows_follow
from hiddenstate.data.readers.columns import Columns, number_error, numbered
from hiddenstate.data.readers.dates import SECONDS, looks_like_times
from hiddenstate.errors import DataError
from hiddenstate.program.jobs import JobKind, kind_of

LABEL_NAMES = ("label", "class", "target", "y")
FORECAST_NAMES = (
    "target",
    "sales",
    "demand",
    "quantity",
    "orders",
    "visits",
    "load",
    "consumption",
)
"""Names of columns that are rather forecast than read."""

ID_NAMES = (
    "id",
    "series",
    "series_id",
    "sequence",
    "sequence_id",
    "sample_id",
    "case",
    "recording",
    "recording_id",
    "trial",
    "trial_id",
    "session",
    "session_id",
)
TIME_NAMES = ("time", "t", "timestamp", "step", "date", "datetime", "index")
COUNTER_NAMES = ("year", "month", "week", "day", "hour", "minute", "second", "quarter")
"""Names of a time column if every row has a larger number than the one before, or a smaller one;
inputs if not."""

INDEX_NAMES = frozenset({"unnamed: 0", "__index_level_0__"})
"""Names that pandas gives to row numbers; such a column is never an input."""

MAX_LIKELY = 5
"""Most columns that a hint names as the probable label or target."""

Part = Literal["training", "test", "new"]
"""What rows are for: training; `--test`; or a model that is trained already."""


@dataclass(frozen=True)
class Question:
    """What roles are asked for.

    Parameters
    ----------
    columns : Columns
    options : DataConfig
    job : {"classify", "regress", "autoencode"}
    require_targets : bool
        Whether labels or targets must be there.
    report : callable
        Takes what is wrong; raises it, or remembers it where roles are only described.
    part : {"training", "test", "new"}
    """

    columns: Columns
    options: DataConfig
    job: str
    require_targets: bool
    report: Callable[[DataError], None]
    part: Part = "training"

    @property
    def kind(self) -> JobKind:
        """What the job is."""
        return kind_of(self.job)

    @property
    def is_further(self) -> bool:
        """Whether a model, or its training rows, say what the columns are."""
        return self.part != "training"

    @property
    def reads_wide(self) -> bool:
        """Whether each row is a series of its own, as an option says."""
        return self.options.layout in ("wide", "features")


class Likely(Enum):
    """Why a column is taken as the label."""

    NAMED = "an option names it"
    NAME = "its name"
    ONLY = "the only column of text, or of true and false"
    FIRST = "the first column of a file without a header"
    FLAG = "the last column, of 0 and 1"


_ID = re.compile(r"(^|.*[\W_])(id|ID|Id)|.*[a-z]I[dD]")

FEWEST_NAMES = 10
"""Fewer values of a column, in blocks of rows that count, are more likely classes in order."""


def says_id(name: str) -> bool:
    """Return whether the name of a column says that it holds ids: customer_id, PassengerId."""
    return name.casefold() in ID_NAMES or _ID.fullmatch(name) is not None


_NUMBER = re.compile(
    r".*(?:number|nummer|numero|num[eé]ro)|(?:.*[\W_])?(?:no|nr|num)\.?|.*[a-z](?:No|Nr|Num)\.?"
    r"|(?i:customer|client|patient|account|invoice|order|ticket|phone|zip)"
)


def says_number(name: str) -> bool:
    """Return whether the name of a column says that its numbers are names: CustomerNo, order."""
    return _NUMBER.fullmatch(name) is not None or _NUMBER.fullmatch(name.casefold()) is not None


def first_named(columns: Columns, names: tuple[str, ...], free: list[int]) -> int | None:
    """Return the free column with the first of `names`, in any case, or None."""
    present = {
        columns.names[j].casefold(): j for j in reversed(free) if columns.kinds[j] != "nested"
    }
    return next((present[name] for name in names if name in present), None)


def guess_time(columns: Columns, free: list[int], ids: tuple[int, ...] = ()) -> int | None:
    """Return the free column with a name of time that holds numbers or dates, or None.

    If most of its cells are times, the others are errors; the reader refuses them. A name with a
    unit, such as `time_s`, is one of time only if its numbers rise in each of the series that
    `ids` name: those of a table without series may be a result.
    """
    left = list(free)
    while (j := first_named(columns, TIME_NAMES, left)) is not None:
        if columns.kinds[j] != "text" or looks_like_times(
            columns.arrays[j], columns.names[j], or_numbers=True
        ):
            return j
        left.remove(j)
    counter = first_named(columns, COUNTER_NAMES, free)
    if counter is not None and columns.profile(counter).counts_rows:
        return counter
    timed = (j for j in free if ids and says_unit_of_time(columns.names[j]))
    return next((j for j in timed if _rises(columns, j, ids)), None)


_WITH_UNIT = re.compile(
    rf"(?:time|t|timestamp|elapsed)[_ (\[]+(?:{'|'.join(SECONDS)})[)\]]?", re.IGNORECASE
)


def says_unit_of_time(name: str) -> bool:
    """Return whether the name of a column says that it holds times in a unit: time_s, t (ms)."""
    return _WITH_UNIT.fullmatch(name) is not None


def _rises(columns: Columns, j: int, ids: tuple[int, ...]) -> bool:
    """Return whether the numbers of a column rise from each row of a series to the next."""
    if columns.kinds[j] != "number":
        return False
    series = numbered(columns, ids)
    order = np.argsort(series, kind="stable")
    steps = np.diff(columns.arrays[j][order].astype(float))[np.diff(series[order]) == 0]
    return len(steps) > 0 and bool((steps > 0).all())


def check_counters(ask: Question, free: list[int]) -> None:
    """Refuse text in a column such as day, which would order the rows if it held only numbers."""
    for j in free:
        if ask.columns.names[j].casefold() in COUNTER_NAMES:
            check_meant_as_numbers(ask, j)


def check_meant_as_numbers(ask: Question, j: int) -> None:
    """Report text in a column that was meant to hold numbers."""
    if ask.columns.kinds[j] == "text" and (error := number_error(ask.columns, j)) is not None:
        ask.report(error)


def is_static(columns: Columns, j: int, ids: tuple[int, ...]) -> bool:
    """Return whether a column has one value in each series, and not the same in all of them."""
    if columns.kinds[j] not in ("number", "text") or not columns.n_rows:
        return False
    series = numbered(columns, ids)
    cells, first = columns.arrays[j], np.unique(series, return_index=True)[1]
    values = cells[first]
    return bool((cells == values[series]).all()) and len(set(values.tolist())) > 1


def guess_label(
    ask: Question, free: list[int], ids: tuple[int, ...] = ()
) -> tuple[int | None, Likely, tuple[int, ...]]:
    """Return the label column, why it is one, and the others that could be the label as well.

    `ids` name the series of a long table: a label is the same in all rows of a series, so a column
    that changes within one yields to one that does not.
    """
    columns = ask.columns
    coordinates = {"x", "y"} <= {name.casefold() for name in columns.names}
    names = tuple(name for name in LABEL_NAMES if not (name == "y" and coordinates))
    by_name = first_named(columns, names, free)
    if by_name is not None and columns.kinds[by_name] != "date":
        return by_name, Likely.NAME, ()
    texts = []
    for j in free:
        profile = columns.profile(j)
        words = profile.kind == "text" and not profile.is_empty and not profile.sign
        texts += [j] if words and profile.content != "date" else []
    needed = ask.kind.has_classes and ask.require_targets
    only, others = _by_content(columns, free, texts, ids, needed)
    if only is not None:
        check_meant_as_numbers(ask, only)
        return only, Likely.ONLY, tuple(j for j in others if j != only)
    if not needed:
        return None, Likely.ONLY, ()
    unnamed = not columns.named and ask.options.label is None
    if unnamed and 0 in free and columns.profile(0).looks_like_classes:
        return 0, Likely.FIRST, ()
    if len(others) == 1 and columns.kinds[others[0]] == "number" and (ids or not _steps(columns)):
        return others[0], Likely.FLAG, ()
    for j in texts:
        check_meant_as_numbers(ask, j)
    ask.report(
        DataError(
            f"{columns.where}: no label column (one named label, class, target or y, the only "
            f"column of text, or a last column of 0 and 1); add --label COL"
            f"{_classes_hint(columns, free, others)}; columns: {columns.listed()}",
            needs="label",
        )
    )
    return None, Likely.ONLY, ()


def _by_content(
    columns: Columns, free: list[int], texts: list[int], ids: tuple[int, ...], needed: bool
) -> tuple[int | None, list[int]]:
    """Return the only column of text, or of true and false, if there is one, and the candidates."""
    truths = [j for j in free if columns.profile(j).holds_truths]
    words = [j for j in texts if j not in truths]
    only = _only(words, truths) if columns.n_rows else None
    candidates = _candidates(columns, free, ids) if needed or (ids and only is not None) else []
    changes = bool(ids) and only is not None and not is_static(columns, only, ids)
    if changes or (only is None and ids and needed):
        steady = _only(*([j for j in group if j in candidates] for group in (words, truths)))
        only = only if steady is None and needed else steady
    return only, candidates


def counter_within(columns: Columns, j: int) -> int | None:
    """Return a column whose numbers rise where column `j` stays the same and fall where it changes.

    The times of series do so beside their names; None if there is no such column.
    """
    values = columns.arrays[j]
    changes = values[1:] != values[:-1]
    n_blocks = int(changes.sum()) + 1
    if (
        n_blocks < FEWEST_NAMES
        or len(values) < 3 * n_blocks
        or len(set(values.tolist())) < n_blocks
    ):
        return None
    for k, kind in enumerate(columns.kinds):
        if kind == "number" and k != j:
            steps = np.diff(columns.arrays[k].astype(float))
            if (steps[~changes] > 0).all() and (steps[changes] < 0).all():
                return k
    return None


def _only(*groups: list[int]) -> int | None:
    """Return the column of the first group that has one column and no other."""
    return next((group[0] for group in groups if len(group) == 1), None)


def _candidates(columns: Columns, free: list[int], ids: tuple[int, ...]) -> list[int]:
    """Return the free columns that could be the label, by their content.

    These are text whose few values repeat, true and false, and 0 and 1 in the last column; in a
    long table, whose series have these `ids`, only columns with one value in each series.
    """
    last = len(columns.names) - 1
    likely = [
        j
        for j in free
        if (columns.profile(j).content == "category" and not columns.profile(j).sign)
        or columns.profile(j).holds_truths
        or (j == last and columns.profile(j).is_flag)
    ]
    return [j for j in likely if not ids or is_static(columns, j, ids)]


def _steps(columns: Columns) -> bool:
    """Return whether rows are likely the steps of one series, in which 0 and 1 are an input."""
    every = range(len(columns.names))
    if any(columns.profile(j).content == "date" for j in every):
        return True
    if guess_time(columns, list(every)) is not None:
        return True
    numbers = [columns.arrays[j][:FIRST_ROWS] for j in every if columns.kinds[j] == "number"]
    return columns.n_rows >= FEWEST_ROWS and rows_follow(np.column_stack(numbers))


def _classes_hint(columns: Columns, free: list[int], likely: list[int]) -> str:
    """Say which columns hold classes, by their content: `likely` ones, or whole numbers."""
    if likely:
        return f" (probably {columns.listed(likely)})"
    numbers = [j for j in free if columns.kinds[j] == "number"]
    likely = [j for j in numbers if columns.profile(j).looks_like_classes]
    return f" (probably {columns.listed(likely)})" if 0 < len(likely) <= MAX_LIKELY else ""


def _numbers_hint(columns: Columns, free: list[int]) -> str:
    """Say which columns may be predicted: those of numbers, if there are few."""
    likely = [j for j in free if columns.names[j].casefold() not in COUNTER_NAMES]
    few = 0 < len(likely) <= MAX_LIKELY and len(likely) < len(columns.names)
    return f" (probably {columns.listed(likely)})" if few else ""


def guess_target(ask: Question, free: list[int]) -> list[int]:
    """Return the only column of numbers, if it is to be forecast."""
    columns, options = ask.columns, ask.options
    free = [j for j in free if columns.kinds[j] == "number"]
    unnamed = options.target is None and options.input is None
    if options.horizon is not None and unnamed and len(free) == 1:
        return free
    if ask.require_targets and options.target is None:
        ask.report(
            DataError(
                f"{columns.where}: no target column; add --target COL"
                f"{_numbers_hint(columns, free)}; columns: {columns.listed()}",
                needs="target",
            )
        )
    return []


def all_numbers(ask: Question, free: list[int], may_be_empty: bool) -> list[int]:
    """Return the free columns of numbers; text that was meant to hold them is refused.

    One without a value is none of them, unless it `may_be_empty`.
    """
    found = []
    for j in free:
        profile = ask.columns.profile(j)
        if not may_be_empty and profile.is_empty:
            continue
        if profile.holds_numbers:
            found.append(j)
        else:
            check_meant_as_numbers(ask, j)
    return found
