"""Series with a target at every step -> windows with their targets."""

from dataclasses import replace

import numpy as np

from hiddenstate.data.rows import Rows
from hiddenstate.errors import DataError


def cut_windows(
    rows: Rows, window: int, stride: int | None, horizon: int | None, output: str, where: str
) -> Rows:
    """Windows of every series, in order.

    Parameters
    ----------
    rows : Rows
        X (N, T, I) with y (N, T, O), a target at every step, or y None.
    window : int
        Steps of a window; 0 takes each series whole.
    stride : int or None
        Steps from a window's start to the next; None is `window`.
    horizon : int or None
        The target of a step is that so many steps later.
    output : {"steps", "last"}
        Whether a window has a target at every step (n, W, O), or that of its last (n, O).

    Raises
    ------
    DataError
        If no series is long enough.
    """
    if rows.times is None:
        steps = np.arange(rows.X.shape[1], dtype=float)
        rows = replace(rows, times=np.tile(steps, (len(rows), 1)))
    rows = _ahead(rows, horizon or 0, where)
    if not window or (rows.X.shape[1] == window and rows.lengths is None):
        return _answered(rows, output)
    N, T = rows.X.shape[:2]
    lengths = np.full(N, T) if rows.lengths is None else rows.lengths
    if window > lengths.max(initial=0):
        longest = int(lengths.max(initial=0))
        after = f" with a value {horizon} ahead" if horizon else ""
        raise DataError(
            f"{where}: a window has {window} steps, the longest series only {longest}{after}; "
            f"use --window {longest} or less"
        )
    counts = np.maximum(lengths - window + (stride or window), 0) // (stride or window)
    series = np.repeat(np.arange(N), counts)
    place = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    steps = place[:, None] * (stride or window) + np.arange(window)
    cut = Rows(
        X=rows.X[series[:, None], steps],
        y=None if rows.y is None else rows.y[series[:, None], steps],
        weights=None if rows.weights is None else rows.weights[series],
        groups=None if rows.groups is None else rows.groups[series],
        times=None if rows.times is None else rows.times[series[:, None], steps],
        ids=None if rows.ids is None else rows.ids[series],
    )
    return _answered(cut, output)


def _ahead(rows: Rows, horizon: int, where: str) -> Rows:
    """Every series with the targets of `horizon` steps later, less its last steps."""
    if not horizon:
        return rows
    T = rows.X.shape[1]
    lengths = np.full(len(rows), T) if rows.lengths is None else rows.lengths
    if lengths.max(initial=0) <= horizon:
        raise DataError(
            f"{where}: the longest series has {int(lengths.max(initial=0))} steps, so none has a "
            f"value {horizon} steps ahead; use a smaller --horizon"
        )
    kept = rows.take(np.flatnonzero(lengths > horizon))
    shorter = None if kept.lengths is None else kept.lengths - horizon
    return replace(
        kept,
        X=kept.X[:, : T - horizon],
        y=None if kept.y is None else kept.y[:, horizon:],
        lengths=shorter,
        times=None if kept.times is None else kept.times[:, : T - horizon],
    )


def _answered(rows: Rows, output: str) -> Rows:
    """The same rows, with the target of the last step alone where that is asked for."""
    if output == "steps" or rows.y is None:
        return rows
    last = np.full(len(rows), rows.y.shape[1]) if rows.lengths is None else rows.lengths
    y = rows.y[np.arange(len(rows)), last - 1]
    return replace(rows, y=y)
