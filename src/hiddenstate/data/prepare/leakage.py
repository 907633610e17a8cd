"""Finds what makes the score of a data set too good, before a network is trained.

N rows, or series, have C classes or O targets. Nothing here changes what is trained or held out.
"""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hiddenstate.config import Config
from hiddenstate.data.dataset import PreparedDataset, SequenceDataset
from hiddenstate.data.leaks import MAX_ROWS, Leak, looked_at
from hiddenstate.data.prepare.encoding import spans
from hiddenstate.data.prepare.wide import WideReading
from hiddenstate.data.readers.profiles import is_whole, missing_cells
from hiddenstate.data.rows import Rows, row_hashes
from hiddenstate.data.store import RowStore
from hiddenstate.program.rows import after_end
from hiddenstate.system.typing import Array

TOLERANCE = 0.02
"""Wrong answers of a column that gives the label, as a share of the rows outside the largest class:
1 % of all rows of two equal classes. The width of a petal is wrong in 6 of 150 irises."""

MIN_OTHERS = 15
"""Fewest rows outside the largest class: of fewer, many columns give the label by chance."""

SCREENED = 1_000
"""Rows that show of each column whether it can give the answer at all."""

MAX_LEAKS = 5
"""Most columns that are named."""

EQUAL_SHARE = 0.05
"""Smallest share of test rows that equal training rows: one iris of 150 was measured twice."""

MAX_NAME = 1000
"""Most characters of the name of a column that a run records."""

MAX_BYTES = 2**28
"""Bytes of training rows that are compared with the test rows."""

Numbers = NDArray[np.int64]


def with_leaks(
    prepared: PreparedDataset, dataset: SequenceDataset, config: Config
) -> PreparedDataset:
    """Return prepared data with its leaks; `dataset` is the data as read."""
    return replace(prepared, leaks=find_leaks(dataset, config, prepared))


def columns_that_answer(
    sample: SequenceDataset, config: Config, reading: WideReading | None
) -> list[Leak]:
    """Find the columns that alone give the answer in rows that were read but not split.

    Parameters
    ----------
    sample : SequenceDataset
    config : Config
    reading : WideReading, optional
        How wide rows are read if no option says.
    """
    if reading is not None:
        config = replace(config, data=replace(config.data, layout=reading.layout))
    leaks = _answering(sample, config)
    if sample.unread:
        leaks = [replace(leak, looked_at=leak.of) for leak in leaks]
    return leaks


def find_leaks(d: SequenceDataset, config: Config, prepared: PreparedDataset) -> tuple[Leak, ...]:
    """Find what makes the score of a data set too good.

    Parameters
    ----------
    d : SequenceDataset
        The data as read. Bundled data, and rows that stay on disk, are not looked at.
    config : Config
    prepared : PreparedDataset
        The data as it is split.
    """
    if d.source == "bundled" or isinstance(d.X, RowStore):
        return ()
    found = _answering(d, config)
    if d.y is None and config.kind.has_series:
        return tuple(found)
    if d.y is None or d.y.ndim < 3:  # not windows of series
        if config.kind.has_series:
            found += _joining_rows(d, config, prepared, {leak.column for leak in found})
        found += _equal_rows(prepared)
    return tuple(leak for leak in found if len(leak.column or "") <= MAX_NAME)


# --- columns that give the answer


def _answering(d: SequenceDataset, config: Config) -> list[Leak]:
    """Name the columns that give the answer of the job, if it has one."""
    if isinstance(d.X, RowStore):
        return []
    found: list[Leak] = []
    if config.kind.has_classes and d.y is not None and d.y.ndim == 1:
        found += _giving_labels(d, config)
    elif config.kind.has_targets and d.y is not None and d.y.ndim > 1 and not config.data.horizon:
        found += _copying_targets(d, config)
    return found[:MAX_LEAKS]


def _looked_at(n: int) -> int | None:
    """Return how many of `n` rows are looked at; None if all are."""
    return None if n <= MAX_ROWS else len(looked_at(n))


def _inputs(d: SequenceDataset, config: Config) -> list[tuple[str, slice, bool]]:
    """Return name, features and whether it is text of each input column but the calendars.

    There are none if flat rows are the steps of a series, of which each is a moment, or pixels.
    """
    if d.X.dtype == np.uint8 or (d.X.ndim == 2 and config.data.layout != "features"):
        return []
    kinds = {e.column: bool(e.values) for e in d.encodings}
    columns = spans(d.columns or (), d.encodings)
    return [(name, part, name in kinds) for name, part in columns if kinds.get(name, True)]


def _giving_labels(d: SequenceDataset, config: Config) -> list[Leak]:
    """Name the columns that alone give the label, by few codes or by one interval for each class.

    Of series, only columns that are the same at every step count.
    """
    inputs, rows = _inputs(d, config), looked_at(len(d.train))
    if len(inputs) < 2 or d.y is None:
        return []
    y = np.unique(d.y[rows], return_inverse=True)[1]
    allowed, found = _allowed(y), []
    for name, part, is_text in _screened(d, inputs, y) if allowed is not None else ():
        values = _per_row(d, part, is_text, rows)
        right = 0 if values is None else _right(values, y, is_text)
        if len(y) - right <= (allowed or 0):
            found.append(Leak("label", right, len(y), name, _looked_at(len(d.train))))
    return found


def _screened(
    d: SequenceDataset, inputs: list[tuple[str, slice, bool]], y: Array
) -> Iterator[tuple[str, slice, bool]]:
    """Yield the inputs that may give the label, by few rows that are sorted all at once.

    Along a column that gives the label, the label changes rarely.
    """
    rows = looked_at(len(d.train))
    some = np.linspace(0, len(rows) - 1, min(SCREENED, len(rows))).astype(np.int64)
    some = some[np.argsort(y[some], kind="stable")]  # equal values then lie class by class
    limit = 3 * (int(y.max(initial=0)) + 1) + len(some) // 10
    X = d.X if d.X.ndim == 2 else d.X[:, 0]
    for name, part, is_text in inputs:
        if is_text:
            yield name, part, is_text
            continue
        order = np.argsort(X[rows[some], part.start], kind="stable")
        if (np.diff(y[some][order]) != 0).sum() <= limit:
            yield name, part, is_text


def _per_row(d: SequenceDataset, part: slice, is_text: bool, rows: Numbers) -> Array | None:
    """Return one number of a column for each row (n,), NaN if missing; None if steps differ."""
    X = d.X[..., part][rows]
    if X.ndim == 3:
        if d.train.lengths is not None:
            padding = after_end(d.train.lengths[rows], X.shape[1])
            X = np.where(padding[..., None], X[:, :1], X)
        if not ((X[:, :1] == X) | (np.isnan(X) & np.isnan(X[:, :1]))).all():
            return None
        X = X[:, 0]
    if not is_text:
        return np.asarray(X[:, 0], np.float64)
    values: Array = np.where(np.isnan(X[:, 0]), np.nan, X.argmax(axis=1))
    return values


def _numbered(values: Array) -> Numbers:
    """Return the number of each value (n,): of text any, of numbers by size, the missing first."""
    if values.dtype.kind == "O":  # np.unique would sort all cells
        numbered: dict[str, int] = {}
        return np.array([numbered.setdefault(cell, len(numbered)) for cell in values], np.int64)
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), -np.inf, values)
    numbers: Numbers = np.unique(values, return_inverse=True)[1]
    return numbers


def _majorities(numbers: Numbers, y: Numbers) -> tuple[Numbers, Numbers]:
    """Return the commonest class of each value (K,), and its number of rows."""
    n_classes = int(y.max(initial=0)) + 1
    pairs, counts = np.unique(numbers * n_classes + y, return_counts=True)
    of = pairs // n_classes
    order = np.lexsort((counts, of))
    last = np.append(np.flatnonzero(np.diff(of[order])), len(order) - 1)
    best = order[last]
    return pairs[best] % n_classes, counts[best]


def _allowed(y: Numbers) -> int | None:
    """Return how many wrong rows still count as none; None if too few rows could be wrong."""
    others = len(y) - int(np.bincount(y.astype(np.intp, copy=False)).max(initial=0))
    return int(TOLERANCE * others) if others >= MIN_OTHERS else None


def _right(values: Array, y: Numbers, only_codes: bool) -> int:
    """Return how many labels (n,) a column (n,) gives by at most 2 C codes or, if its values are
    more, by one interval for each class."""
    best, right = _majorities(_numbered(values), y)
    n_classes = int(y.max(initial=0)) + 1
    if len(best) <= 2 * n_classes:
        return int(right.sum())
    return 0 if only_codes else _of_intervals(best, right, n_classes)


def _of_intervals(best: Numbers, right: Numbers, n: int) -> int:
    """Return how many rows lie in `n` intervals of one class; the smallest ones are left out."""
    while True:
        starts = np.flatnonzero(np.diff(best, prepend=-1) != 0)
        best, right = best[starts], np.add.reduceat(right, starts)
        if len(best) <= n:
            return int(right.sum())
        keep = right > right.min()
        if not keep.any():
            return 0
        best, right = best[keep], right[keep]


def _copying_targets(d: SequenceDataset, config: Config) -> list[Leak]:
    """Name the columns that are linear copies of a target at the same step, in other units."""
    inputs, rows = _inputs(d, config), looked_at(len(d.train))
    if len(inputs) < 2 or d.y is None:
        return []
    X, y = d.X[rows], np.asarray(d.y[rows], np.float64)
    if y.ndim == 3 and X.ndim == 3:  # of series, each step counts
        read = np.ones(y.shape[:2], bool)
        if d.train.lengths is not None:
            read = ~after_end(d.train.lengths[rows], y.shape[1])
        X, y = X[read], y[read]
    if X.ndim != 2 or y.ndim != 2 or len(X) != len(y):
        return []
    steps = looked_at(len(X))
    some = steps[np.linspace(0, len(steps) - 1, min(SCREENED, len(steps))).astype(np.int64)]
    found = []
    for name, part in ((name, part) for name, part, is_text in inputs if not is_text):
        for k in range(y.shape[1]):
            if not _n_copied(X[some, part.start], y[some, k]):
                continue
            x, target = X[steps, part.start], y[steps, k]
            if (n := _n_copied(x, target)) >= (1 - TOLERANCE / 2) * len(steps):
                cut = len(steps) if len(steps) < len(X) else _looked_at(len(d.train))
                found.append(Leak("target", n, len(steps), name, cut))
                break
    return found


@np.errstate(over="ignore", invalid="ignore")
def _n_copied(x: Array, y: Array) -> int:
    """Return in how many rows y (n,) is a x + b up to the decimals that both are rounded to.

    Values without such decimals may differ by 0.1 per mille of the deviation of y, and 1 % of the
    rows at will.
    """
    present = np.isfinite(x) & np.isfinite(y)
    x, y = x[present].astype(np.float64), y[present]
    if len(y) < 2 * MIN_OTHERS or len(np.unique(y)) < MIN_OTHERS:
        return 0
    near = np.ones(len(y), bool)
    for _ in range(2):  # the second fit is without outliers
        u, v = x[near] - x[near].mean(), y[near] - y[near].mean()
        if not (u @ u > 0 and v @ v > 0) or (u @ v) ** 2 < 0.99 * (u @ u) * (v @ v):
            return 0
        slope = (u @ v) / (u @ u)
        off = np.abs(y - y[near].mean() - slope * (x - x[near].mean()))
        near = off <= np.quantile(off, 0.99)
    units = abs(slope) * _decimal(x), _decimal(y)
    # In the same unit, a copy has the same steps, and the value before is one step away at most.
    rounding = max(units) / 2 if 0.9 < abs(slope) < 1.1 else sum(units) / 2
    within = off <= 1.01 * max(rounding, 1e-4 * float(y.std()))
    return int(within.sum()) if within.mean() >= 1 - TOLERANCE / 2 else 0


def _decimal(values: Array) -> float:
    """Return the power of ten that all values are rounded to; 0 if there is none."""
    for digits in range(7):
        scaled = values * 10.0**digits
        if np.allclose(scaled, np.round(scaled), rtol=1e-7, atol=1e-6):
            return float(10.0**-digits)
    return 0.0


# --- rows that belong together


def _joining_rows(
    d: SequenceDataset, config: Config, prepared: PreparedDataset, named: set[str | None]
) -> list[Leak]:
    """Name the columns whose equal values have equal answers, and are on both sides of the split.

    Such are the persons or sessions that rows come from. Numbers that order the classes are
    quantities, not names.
    """
    test = _test_rows(d, prepared)
    if test is None or d.y is None:
        return []
    rows = looked_at(len(d.train))
    y = d.y[rows] if d.y.ndim == 1 else d.y[rows, 0]
    classes, answers = np.unique(y, return_inverse=True)
    found = []
    for name, cells in _names(d, config, rows):
        if name in named or len(cells) != len(rows):
            continue
        present = ~missing_cells(cells)
        y, numbers = answers[present], _numbered(cells[present])
        as_quantity = cells[present] if cells.dtype.kind != "O" and d.y.ndim == 1 else None
        if not _are_names(numbers, y, as_quantity, 2 * len(classes) if d.y.ndim == 1 else 4):
            continue
        held = test[rows][present]
        shared = int(np.isin(numbers[held], numbers[~held]).sum())
        if 2 * shared > held.sum():
            cut = _looked_at(len(d.train))
            found.append(Leak("group", shared, int(held.sum()), name, cut))
    return found[:MAX_LEAKS]


def _test_rows(d: SequenceDataset, prepared: PreparedDataset) -> NDArray[np.bool_] | None:
    """Return which rows as read are test rows (N,); None if they come from elsewhere."""
    if prepared.test is None or prepared.test.origin is None or d.test is not None:
        return None
    test = np.zeros(len(d.train), bool)
    test[prepared.test.origin.series] = True
    return test


def _names(d: SequenceDataset, config: Config, rows: Numbers) -> Iterator[tuple[str, Array]]:
    """Yield the columns that may name persons or sessions, with their cells (n,)."""
    if d.unused is not None and d.unused.n_rows == len(d.train):
        yield from d.unused.cells.items()
    for name, part, is_text in _inputs(d, config) if d.X.ndim == 2 else ():
        if not is_text and not is_whole(d.X[:MIN_OTHERS, part]):
            continue
        values = _per_row(d, part, is_text, rows)
        if values is not None and is_whole(values):
            yield name, values


def _are_names(numbers: Numbers, y: Numbers, cells: Array | None, few: int) -> bool:
    """Return whether equal values have equal answers: most rows repeat one of more than `few`.

    `cells` are the values of a column (n,) that may be a quantity instead, by which the classes
    are in order.
    """
    again = np.bincount(numbers.astype(np.intp, copy=False))[numbers] > 1
    if 2 * again.sum() < len(y):
        return False
    numbers, y = numbers[again], np.unique(y[again], return_inverse=True)[1]
    allowed = _allowed(y)
    if allowed is None or len(np.unique(numbers)) <= few:
        return False
    if len(y) - int(_majorities(numbers, y)[1].sum()) > allowed:
        return False
    return cells is None or len(y) - _right(cells[again], y, False) > allowed


# --- equal rows


def _equal_rows(prepared: PreparedDataset) -> list[Leak]:
    """Name test rows that equal training rows, where rows are not equal by chance."""
    train, test = prepared.train, prepared.test
    if test is None or isinstance(train.X, RowStore) or isinstance(test.X, RowStore):
        return []
    if len(train) < 2 or train.X.shape[1:] != test.X.shape[1:]:
        return []
    n_train = max(2, min(len(train), MAX_BYTES // max(train.X[:1].nbytes, 1)))
    cut = None if n_train == len(train) else n_train
    before, hashed = row_hashes(train.take(slice(0, n_train))), row_hashes(test)
    equal = np.isin(hashed, before) & ~_are_constant(test)
    n = int(equal.sum())
    if n < 3 or n < EQUAL_SHARE * len(test) or not _have_equal_answers(prepared, before, hashed):
        return []
    if _chance_of_a_pair(train) * n_train > 0.2 * n / len(test):
        return []
    return [Leak("equal", n, len(test), looked_at=cut)]


def _are_constant(rows: Rows) -> NDArray[np.bool_]:
    """Return which rows hold one value at every step (N,), such as those of a silent sensor."""
    X = rows.X
    if X.ndim < 3 or X.shape[1] < 2:
        return np.zeros(len(X), bool)
    constant: NDArray[np.bool_] = (X[:, :1] == X).all(axis=(1, 2))
    return constant


def _have_equal_answers(prepared: PreparedDataset, before: Array, hashed: Array) -> bool:
    """Return whether test rows that equal a training row have its label or target, as copies do."""
    train, test = prepared.train, prepared.require_test()
    if train.y is None or test.y is None or test.y.ndim > 2:
        return True
    first, at = np.unique(before, return_index=True)
    place = np.minimum(np.searchsorted(first, hashed), len(first) - 1)
    equal = first[place] == hashed
    train = train.take(at[place[equal]])
    own = train.require_targets()
    if own.ndim == 2:
        own = prepared.transform.undo_targets(own, train.X, train.lengths)
    same = own == test.y[equal]
    return bool(same.reshape(len(same), -1).all(axis=1).mean() >= 0.95)


def _chance_of_a_pair(rows: Rows) -> float:
    """Return how likely two rows would be equal if their columns were independent.

    Only columns whose values hardly repeat count: yes and no are equal in many rows that have
    nothing to do with one another. The one that repeats least does not count either, as its values
    would differ in rows that are no copies, which are counted once.
    """
    some = np.linspace(0, len(rows) - 1, min(len(rows), 2 * SCREENED)).astype(np.int64)
    flat = np.unique(rows.X[some].reshape(len(some), -1), axis=0)
    n, shares = len(flat), []
    for j in np.linspace(0, flat.shape[1] - 1, min(flat.shape[1], 64)).astype(np.int64):
        sizes = np.unique(flat[:, j], return_counts=True)[1]
        share = float(sizes @ (sizes - 1)) / max(n * (n - 1), 1)
        shares.append(max(share, 1 / n**2) if share <= 0.1 else 1.0)
    return math.prod(sorted(shares)[1:])
