"""Splits rows into those to train on and those held out."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hiddenstate.config import Config
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.prepare.batches import generator
from hiddenstate.data.prepare.missing import SCAN_BYTES
from hiddenstate.data.rows import Rows, in_pieces, row_hashes
from hiddenstate.data.store import RowStore
from hiddenstate.errors import DataError, count
from hiddenstate.system.typing import Array

SPLIT_RULE = 2
"""How series are split in time. Rule 1, of runs that record none: a signal is split after a whole
number of windows, and the first held-out steps of a forecast have no window before them."""

FRACTIONS = {"split": "--test-fraction", "valid": "--valid-fraction"}
"""The option that holds rows out, by purpose."""


def hold_out(
    rows: Rows,
    fraction: float,
    way: str,
    seed: int,
    purpose: str,
    where: str,
    overwrite: bool = False,
) -> tuple[Rows, Rows]:
    """Return `rows` that are kept and those held out, in their order; see :func:`held_out`.

    With `overwrite`, those that are kept take the place of all.
    """
    held = held_out(rows, fraction, way, seed, purpose, where)
    kept, out = np.flatnonzero(~held), rows.take(np.flatnonzero(held))
    if not overwrite:
        return rows.take(kept), out
    X = rows.X
    for first, piece in in_pieces(X[: len(kept)], SCAN_BYTES):  # each row moves towards the first
        piece[:] = X[kept[first : first + len(piece)]]
    del piece
    X.resize((len(kept), *X.shape[1:]), refcheck=False)
    return replace(replace(rows, X=held).take(kept), X=X), out  # all else is small


def held_out(
    rows: Rows, fraction: float, way: str, seed: int, purpose: str, where: str
) -> NDArray[np.bool_]:
    """Return which rows are held out (N,).

    Parameters
    ----------
    rows : Rows
        With labels in `y` for a stratified split, and with groups for a split by group.
    fraction : float
        Fraction held out.
    way : {"stratified", "group", "distinct", "time", "random"}
        The same fraction of each class; whole groups; random rows, of which equal ones are a group;
        the latest rows; or random rows.
    seed : int
    purpose : {"split", "valid"}
        Whether rows are held out for testing or for validation; the random order depends on it.
    where : str
        Name of the data in messages.

    Raises
    ------
    DataError
        If no rows would be kept, or none held out.
    """
    held = _held(rows, fraction, way, generator(seed, purpose))
    if held.all() or not held.any():
        aim = "testing" if purpose == "split" else "validation"
        groups = {"group": " in one or two groups", "distinct": ", equal ones counted once,"}.get(
            way, ""
        )
        raise DataError(
            f"{where}: {len(rows)} rows{groups} are too few to hold some out for {aim}; "
            f"use {FRACTIONS[purpose]} 0" + (" and --test FILE" if purpose == "split" else "")
        )
    return held


def _held(rows: Rows, fraction: float, way: str, random: np.random.Generator) -> NDArray[np.bool_]:
    """Return which rows are held out (N,)."""
    n = len(rows)
    held = np.zeros(n, bool)
    if way == "time":
        held[_latest(rows, round(fraction * n))] = True
    elif way in ("group", "distinct"):
        groups = row_hashes(rows) if way == "distinct" else rows.groups
        if groups is None:
            raise RuntimeError("rows without groups cannot be split by group")
        names, numbers = np.unique(groups, return_inverse=True)
        counts = np.bincount(numbers)
        wanted, n_held = round(fraction * n), 0
        members = _members(numbers, counts)
        for group in random.permutation(len(names)):
            # A group is held out only if that brings the number of rows closer to the fraction.
            if abs(n_held + counts[group] - wanted) <= abs(wanted - n_held):
                held[members[group]] = True
                n_held += counts[group]
    else:
        parts = [np.arange(n)]
        if way == "stratified" and rows.y is not None:
            numbers = np.unique(rows.y, return_inverse=True)[1]
            parts = _members(numbers, np.bincount(numbers))
        for part in parts:  # at least one row of each class is kept
            n_held = min(round(fraction * len(part)), len(part) - (len(parts) > 1))
            held[random.permutation(part)[:n_held]] = True
        if fraction and len(parts) > 1 and not held.any():  # classes are small: one row of some
            large = [part for part in parts if len(part) > 1]
            for number in random.permutation(len(large))[: max(1, round(fraction * n))]:
                held[random.choice(large[number])] = True
    return held


def _members(numbers: NDArray[np.intp], counts: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Return the rows of each class or group, in order; `numbers` (N,) are theirs."""
    return np.split(np.argsort(numbers, kind="stable"), np.cumsum(counts)[:-1])


def moments(rows: Rows) -> Array | None:
    """Return numbers that order the rows in time (N,), or None if their order is all there is.

    Series that all start at the same time are not ordered by it.
    """
    times = rows.times[:, 0] if rows.clock is None and rows.times is not None else rows.clock
    return None if times is None or (times == times[:1]).all() else times


def _latest(rows: Rows, n: int) -> Array:
    """Return the numbers of the latest rows, about `n` of them; rows of one time stay together.

    Without times, the last rows.
    """
    times, first = moments(rows), len(rows) - n
    if times is None or not 0 < first < len(rows):
        return np.arange(first, len(rows))
    order = np.argsort(times, kind="stable")
    borders = np.flatnonzero(np.diff(times[order])) + 1
    return order[borders[np.argmin(np.abs(borders - first))] :]


def are_forecasts(dataset: SequenceDataset, config: Config) -> bool:
    """Return whether `--split auto` holds out the end of each of several series.

    It does for series of a file without groups, with a target at every step, that are to be split.
    """
    rows, options = dataset.train, config.data
    held_out = options.valid_fraction or (options.test_fraction and dataset.test is None)
    if not config.kind.has_targets or dataset.source != "file" or not held_out:
        return False
    if options.output == "last" and not options.window:  # one prediction a series
        return False
    at_every_step = options.horizon is not None if rows.y is None else rows.y.ndim == 3
    many = len(rows) > 1 and rows.X.ndim == 3 and rows.groups is None
    return many and at_every_step and not isinstance(rows.X, RowStore)


def are_long_enough(dataset: SequenceDataset, config: Config) -> bool:
    """Return whether the longest series has a window in each of the parts it is split into."""
    rows, options = dataset.train, config.data
    steps = rows.longest
    horizon, window = options.horizon or 0, max(options.window, 1)
    n_test = round(options.test_fraction * steps) if dataset.test is None else horizon + 1
    steps -= n_test
    n_valid = round(options.valid_fraction * steps)
    short = options.valid_fraction and n_valid < window + horizon
    return n_test > 0 and not short and steps - n_valid >= window + horizon


def split_series(
    rows: Rows,
    fraction: float,
    context: int,
    purpose: str,
    where: str,
    ahead: int = 0,
    unit: int = 1,
    least: int = 1,
) -> tuple[Rows, Rows]:
    """Split each series of rows (N, T, I), with a target at every step, in time.

    Parameters
    ----------
    rows : Rows
    fraction : float
        Fraction of the steps of each series that is held out, at its end.
    context : int
        Largest number of steps of its first part that the second part of a series repeats as
        inputs; their targets are NaN, so they do not count.
    purpose, where : str
        As in :func:`hold_out`.
    ahead, unit : int, default 0 and 1
        The first part without `ahead` steps is a multiple of `unit`.
    least : int, default 1
        Fewest steps of each part.

    Returns
    -------
    kept, held : Rows
        Series too short to be split are in `kept` alone.

    Raises
    ------
    DataError
        If no series is long enough.
    """
    N, lengths = len(rows), rows.ends
    first = lengths - np.round(fraction * lengths).astype(np.int64) - ahead
    first = np.maximum(first // unit * unit + ahead, 1)
    parted = (lengths > first) & (first >= least) & (lengths - first + context >= least)
    if not parted.any():
        raise DataError(
            f"{where}: series of at most {count(int(lengths.max(initial=0)), 'step')} are too "
            f"short to hold out the last {fraction:g} of each; use {FRACTIONS[purpose]} 0"
        )
    split = np.flatnonzero(parted)
    begin = np.maximum(first - context, 0)[split]
    held = _spans(rows.take(split), begin, lengths[split])
    if held.y is not None:
        lead = first[split] - begin
        before = np.arange(held.X.shape[1]) < lead[:, None]
        origin = held.origin and replace(held.origin, context=lead)
        held = replace(held, y=np.where(before[..., None], np.nan, held.y), origin=origin)
    return _spans(rows, np.zeros(N, np.int64), np.where(parted, first, lengths)), held


def _spans(rows: Rows, begin: Array, end: Array) -> Rows:
    """Return the steps from `begin` to before `end`, both (N,), of each series; padded with 0."""
    lengths = end - begin
    steps = np.arange(int(lengths.max()))
    read = steps < lengths[:, None]
    index = np.where(read, begin[:, None] + steps, 0)

    def cut(values: Array) -> Array:
        each = np.arange(len(values))[:, None]
        mask = read if values.ndim == 2 else read[..., None]
        return np.where(mask, values[each, index], np.zeros((), values.dtype))

    return replace(
        rows,
        X=cut(rows.X),
        y=cut(rows.y) if rows.y is not None and rows.y.ndim == 3 else rows.y,
        times=None if rows.times is None else cut(rows.times),
        lengths=None if read.all() else lengths,
        origin=rows.origin and rows.origin.later(begin),
    )


def split_signal(
    rows: Rows,
    fraction: float,
    window: int,
    context: int,
    where: str,
    ahead: int = 0,
    unit: int = 1,
) -> tuple[Rows, Rows]:
    """Split one long signal (1, T, I) in time.

    Parameters
    ----------
    rows : Rows
    fraction : float
        Fraction held out.
    window : int
        Number of steps of a window.
    context : int
        Number of steps of the first part that the second part repeats as inputs; their targets
        are NaN, so they do not count.
    where : str
        Name of the data in messages.
    ahead : int, default 0
        Steps from the end of a window to its target.
    unit : int, default 1
        The first part without `ahead` steps is a multiple of this many.

    Returns
    -------
    kept, held : Rows

    Raises
    ------
    DataError
        If a part would be without a window and its target.
    """
    if rows.lengths is not None:  # the only one left of several padded series
        rows = replace(_steps(rows, slice(0, int(rows.lengths[0]))), lengths=None)
    T = rows.X.shape[1]
    first = (T - round(fraction * T) - ahead) // unit * unit + ahead
    if min(first, T - first + context) < window + ahead or first == T:
        shorter = f" and {count(ahead, 'step')} ahead" if ahead else ""
        raise DataError(
            f"{where}: {count(T, 'step')} {'is' if T == 1 else 'are'} too few to hold out a "
            f"fraction of {fraction:g} in windows of {window}{shorter}; use "
            f"{'a smaller --horizon, ' * bool(ahead)}a shorter --window or --test-fraction 0"
        )
    held = _steps(rows, slice(first - context, T))
    if context and held.y is not None:
        y = held.y.astype(held.y.dtype if held.y.dtype.kind == "f" else np.float64)
        y[:, :context] = np.nan
        origin = held.origin and replace(held.origin, context=np.array([context]))
        held = replace(held, y=y, origin=origin)
    return _steps(rows, slice(0, first)), held


def _steps(rows: Rows, steps: slice) -> Rows:
    """Return some steps of every row."""
    y = rows.y[:, steps] if rows.y is not None and rows.y.ndim == 3 else rows.y
    times = None if rows.times is None else rows.times[:, steps]
    origin = rows.origin and rows.origin.later(steps.start)
    return replace(rows, X=rows.X[:, steps], y=y, times=times, origin=origin)
