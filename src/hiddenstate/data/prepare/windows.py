"""Cuts series with a target at every step into windows."""

from dataclasses import replace

import numpy as np

from hiddenstate.data.rows import Rows
from hiddenstate.errors import DataError, count
from hiddenstate.system.typing import Array


def cut_windows(
    rows: Rows,
    window: int,
    stride: int | None,
    horizon: int | None,
    output: str,
    where: str,
    short: bool = False,
) -> Rows:
    """Cut every series into windows, in order.

    Parameters
    ----------
    rows : Rows
        X (N, T, I), and y (N, T, O), a target at every step, or None.
    window : int
        Length W of a window; 0 does not cut the series.
    stride : int or None
        Steps from the start of one window to the next; None means `window`.
    horizon : int or None
        The target of a step is the one this many steps later.
    output : {"steps", "last"}
        Whether a window has a target at every step (n, W, O), or only at its last step (n, O).
    where : str
        Name of the data in messages.
    short : bool, default False
        Whether a series that is shorter than a window is one window of fewer steps; else it has
        none.

    Returns
    -------
    Rows
        n windows; with times, which are step numbers if the data has none. Those of a single series
        are views of it, which cannot be written.

    Raises
    ------
    DataError
        If no series is long enough.
    """
    if rows.times is None:
        steps = np.arange(rows.X.shape[1], dtype=float)
        rows = replace(rows, times=np.tile(steps, (len(rows), 1)))
    rows = _shifted(rows, horizon or 0, where)
    if not window or (rows.X.shape[1] == window and rows.lengths is None):
        return _with_targets(rows, output)
    N, lengths = len(rows), rows.ends
    if window > lengths.max(initial=0):
        longest = int(lengths.max(initial=0))
        ahead = f" with a value {count(horizon, 'step')} ahead" if horizon else ""
        raise DataError(
            f"{where}: a window has {window} steps, but the longest series has {longest}{ahead}; "
            f"use --window {longest} or less"
        )
    counts = np.maximum(lengths - window + (stride or window), 0) // (stride or window)
    if short:
        counts = np.maximum(counts, 1)
    series = np.repeat(np.arange(N), counts)
    number = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    steps = number[:, None] * (stride or window) + np.arange(window)
    n_steps = np.minimum(lengths[series] - steps[:, 0], window)
    steps = np.minimum(steps, lengths[series, None] - 1)

    def read(values: Array) -> Array:
        if N > 1 or not values.flags.c_contiguous:
            return np.asarray(values[series[:, None], steps])
        shape, each = (len(series), window, *values.shape[2:]), values.strides[1:]
        strides = ((stride or window) * each[0], *each)
        windows: Array = np.ndarray(shape, values.dtype, values, 0, strides)
        windows.flags.writeable = False  # they may overlap
        return windows

    cut = Rows(
        X=read(rows.X),
        y=None if rows.y is None else read(rows.y),
        lengths=None if (n_steps == window).all() else n_steps,
        weights=None if rows.weights is None else rows.weights[series],
        groups=None if rows.groups is None else rows.groups[series],
        times=None if rows.times is None else read(rows.times),
        ids=None if rows.ids is None else rows.ids[series],
        origin=None if rows.origin is None else rows.origin.take(series).later(steps[:, 0]),
    )
    return _with_targets(cut, output)


def _shifted(rows: Rows, horizon: int, where: str) -> Rows:
    """Give each step the target `horizon` steps later; the last steps of a series are dropped."""
    if not horizon:
        return rows
    T = rows.X.shape[1]
    lengths = rows.ends
    if lengths.max(initial=0) <= horizon:
        longest = count(int(lengths.max(initial=0)), "step")
        raise DataError(
            f"{where}: the longest series has {longest}, so there is no value "
            f"{count(horizon, 'step')} ahead; use a smaller --horizon"
        )
    long_enough = lengths > horizon
    kept = rows if long_enough.all() else rows.take(np.flatnonzero(long_enough))
    shorter = None if kept.lengths is None else kept.lengths - horizon
    return replace(
        kept,
        X=kept.X[:, : T - horizon],
        y=None if kept.y is None else kept.y[:, horizon:],
        lengths=shorter,
        times=None if kept.times is None else kept.times[:, : T - horizon],
        origin=kept.origin and kept.origin.ahead(horizon),
    )


def _with_targets(rows: Rows, output: str) -> Rows:
    """Return the rows with a target at every step, or only at their last step."""
    if output == "steps" or rows.y is None:
        return rows
    last = rows.ends
    y = rows.y[np.arange(len(rows)), last - 1]
    return replace(rows, y=y)
