"""Which rows are held out, so that nothing of them is known while learning."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data.prepare.batches import generator
from hiddenstate.data.rows import Rows
from hiddenstate.errors import DataError


def hold_out(
    rows: Rows, fraction: float, how: str, seed: int, purpose: str, where: str
) -> tuple[Rows, Rows]:
    """Part `rows` into those kept and those held out, both in their old order.

    Parameters
    ----------
    rows : Rows
        With labels in `y` where classes are to be held out alike.
    fraction : float
        Share held out.
    how : {"stratified", "group", "time", "random"}
        Of each class alike; whole groups; the last; or any.
    seed, purpose
        What the random order follows from.
    where : str
        What the data is called in errors.

    Raises
    ------
    DataError
        If one of the two would be empty.
    """
    held = _held(rows, fraction, how, generator(seed, purpose))
    if held.all() or not held.any():
        aim = "for testing" if purpose == "split" else "to decide when to stop"
        option = "--test-fraction" if purpose == "split" else "--valid-fraction"
        mend = "" if how != "group" else ", of one group or two,"
        raise DataError(
            f"{where}: {len(rows)} rows{mend} are too few to hold some out {aim}; "
            f"use {option} 0" + (" and --test FILE" if purpose == "split" else "")
        )
    return rows.take(np.flatnonzero(~held)), rows.take(np.flatnonzero(held))


def _held(rows: Rows, fraction: float, how: str, random: np.random.Generator) -> NDArray[np.bool_]:
    n = len(rows)
    held = np.zeros(n, bool)
    if how == "time":
        held[n - round(fraction * n) :] = True
    elif how == "group":
        assert rows.groups is not None
        names, place = np.unique(rows.groups, return_inverse=True)
        counts = np.bincount(place)
        wanted = round(fraction * n)
        for group in random.permutation(len(names)):
            # A group that would take more than it brings nearer is left where it is.
            if abs(held.sum() + counts[group] - wanted) <= abs(wanted - held.sum()):
                held[place == group] = True
    else:
        parts = [np.arange(n)]
        if how == "stratified" and rows.y is not None:
            parts = [np.flatnonzero(rows.y == label) for label in np.unique(rows.y)]
        for part in parts:  # of a class one row at least is left to learn from
            n_held = min(round(fraction * len(part)), len(part) - (len(parts) > 1))
            held[random.permutation(part)[:n_held]] = True
        if fraction and len(parts) > 1 and not held.any():  # too few of each: one of some
            large = [part for part in parts if len(part) > 1]
            for place in random.permutation(len(large))[: max(1, round(fraction * n))]:
                held[random.choice(large[place])] = True
    return held


def split_signal(
    rows: Rows, fraction: float, unit: int, context: int, where: str
) -> tuple[Rows, Rows]:
    """Part one long signal (1, T, I) in time; the first part is a multiple of `unit` steps.

    The second part begins `context` steps earlier, with targets that are missing there: they
    may be read, and count for nothing.

    Raises
    ------
    DataError
        If a part would be shorter than `unit`.
    """
    if rows.lengths is not None:  # what is left of several, padded to another's length
        rows = replace(_steps(rows, slice(0, int(rows.lengths[0]))), lengths=None)
    T = rows.X.shape[1]
    first = (T - round(fraction * T)) // unit * unit
    if first < unit or T - first < unit:
        raise DataError(
            f"{where}: {T} steps are too few to hold {fraction:g} of them out in windows of "
            f"{unit}; use a shorter --window or --test-fraction 0"
        )
    held = _steps(rows, slice(first - context, T))
    if context and held.y is not None:
        y = held.y.astype(np.float64)
        y[:, :context] = np.nan
        held = replace(held, y=y)
    return _steps(rows, slice(0, first)), held


def _steps(rows: Rows, steps: slice) -> Rows:
    """Some steps of every row."""
    y = rows.y[:, steps] if rows.y is not None and rows.y.ndim == 3 else rows.y
    times = None if rows.times is None else rows.times[:, steps]
    return replace(rows, X=rows.X[:, steps], y=y, times=times)
