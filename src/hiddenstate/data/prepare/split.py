"""Splits rows into those to train on and those held out."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data.prepare.batches import generator
from hiddenstate.data.rows import Rows
from hiddenstate.errors import DataError


def hold_out(
    rows: Rows, fraction: float, way: str, seed: int, purpose: str, where: str
) -> tuple[Rows, Rows]:
    """Split `rows` into those kept and those held out; both keep their order.

    Parameters
    ----------
    rows : Rows
        With labels in `y` for a stratified split, and with groups for a split by group.
    fraction : float
        Fraction held out.
    way : {"stratified", "group", "time", "random"}
        The same fraction of each class, whole groups, the last rows, or random rows.
    seed : int
    purpose : {"split", "valid"}
        Whether rows are held out for testing or for validation; the random order depends on it.
    where : str
        Name of the data in messages.

    Returns
    -------
    kept, held : Rows

    Raises
    ------
    DataError
        If no rows would be kept, or none held out.
    """
    held = _held(rows, fraction, way, generator(seed, purpose))
    if held.all() or not held.any():
        aim = "testing" if purpose == "split" else "validation"
        option = "--test-fraction" if purpose == "split" else "--valid-fraction"
        groups = "" if way != "group" else " in one or two groups"
        raise DataError(
            f"{where}: {len(rows)} rows{groups} are too few to hold some out for {aim}; "
            f"use {option} 0" + (" and --test FILE" if purpose == "split" else "")
        )
    return rows.take(np.flatnonzero(~held)), rows.take(np.flatnonzero(held))


def _held(rows: Rows, fraction: float, way: str, random: np.random.Generator) -> NDArray[np.bool_]:
    """Return which rows are held out (N,)."""
    n = len(rows)
    held = np.zeros(n, bool)
    if way == "time":
        held[n - round(fraction * n) :] = True
    elif way == "group":
        if rows.groups is None:
            raise RuntimeError("rows without groups cannot be split by group")
        names, numbers = np.unique(rows.groups, return_inverse=True)
        counts = np.bincount(numbers)
        wanted = round(fraction * n)
        for group in random.permutation(len(names)):
            # A group is held out only if that brings the number of rows closer to the fraction.
            if abs(held.sum() + counts[group] - wanted) <= abs(wanted - held.sum()):
                held[numbers == group] = True
    else:
        parts = [np.arange(n)]
        if way == "stratified" and rows.y is not None:
            parts = [np.flatnonzero(rows.y == label) for label in np.unique(rows.y)]
        for part in parts:  # at least one row of each class is kept
            n_held = min(round(fraction * len(part)), len(part) - (len(parts) > 1))
            held[random.permutation(part)[:n_held]] = True
        if fraction and len(parts) > 1 and not held.any():  # classes are small: one row of some
            large = [part for part in parts if len(part) > 1]
            for number in random.permutation(len(large))[: max(1, round(fraction * n))]:
                held[random.choice(large[number])] = True
    return held


def split_signal(
    rows: Rows, fraction: float, unit: int, context: int, where: str
) -> tuple[Rows, Rows]:
    """Split one long signal (1, T, I) in time.

    Parameters
    ----------
    rows : Rows
    fraction : float
        Fraction held out.
    unit : int
        The first part has a multiple of this many steps.
    context : int
        Number of steps of the first part that the second part repeats as inputs; their targets
        are NaN, so they do not count.
    where : str
        Name of the data in messages.

    Returns
    -------
    kept, held : Rows

    Raises
    ------
    DataError
        If a part would be shorter than `unit`.
    """
    if rows.lengths is not None:  # the only one left of several padded series
        rows = replace(_steps(rows, slice(0, int(rows.lengths[0]))), lengths=None)
    T = rows.X.shape[1]
    first = (T - round(fraction * T)) // unit * unit
    if first < unit or T - first < unit:
        raise DataError(
            f"{where}: {T} steps are too few to hold out a fraction of {fraction:g} in windows of "
            f"{unit}; use a shorter --window or --test-fraction 0"
        )
    held = _steps(rows, slice(first - context, T))
    if context and held.y is not None:
        y = held.y.astype(np.float64)
        y[:, :context] = np.nan
        source = held.source and replace(held.source, context=np.array([context]))
        held = replace(held, y=y, source=source)
    return _steps(rows, slice(0, first)), held


def _steps(rows: Rows, steps: slice) -> Rows:
    """Return some steps of every row."""
    y = rows.y[:, steps] if rows.y is not None and rows.y.ndim == 3 else rows.y
    times = None if rows.times is None else rows.times[:, steps]
    source = rows.source and rows.source.later(steps.start)
    return replace(rows, X=rows.X[:, steps], y=y, times=times, source=source)
