"""Finds the streams among rows that follow one another, and the steps of theirs that count."""

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data.prepare.batches import Streams
from hiddenstate.data.rows import Rows
from hiddenstate.errors import OptionError, count

AT_ONCE = 64
"""Most series that are read side by side where `--streams` does not say how many."""


def signals_of(rows: Rows) -> NDArray[np.int64]:
    """Return the number of the signal that each row (N,) is a window of: 0 of the only one, or that
    of its series."""
    if rows.origin is None or not rows.origin.separate:
        return np.zeros(len(rows), np.int64)
    return rows.origin.series


def streams_of(rows: Rows, wanted: int | None, where: str) -> Streams | None:
    """Return the streams of consecutive windows; None if all rows are one stream.

    A stream is a part of one signal without a gap. Of a single signal there are as many parts as
    are wanted, as equal as possible, and more if it has gaps; of several, one for each.

    Parameters
    ----------
    rows : Rows
        Prepared windows, those of a signal one after the other.
    wanted : int or None
        Streams that are read side by side; None means 1 for one signal, else at most `AT_ONCE`.
    where : str
        Names the data in messages.

    Raises
    ------
    OptionError
        If one signal has fewer windows than streams are wanted.
    """
    signals, n = signals_of(rows), len(rows)
    begins = np.flatnonzero(np.diff(signals, prepend=signals[:1] - 1))
    if len(begins) == 1:
        if wanted in (None, 1):
            return None
        if wanted > n:
            raise OptionError(
                f"--streams: {where} has {count(n, 'training window')}, fewer than {wanted} "
                f"streams; use --streams {n} or less, or a shorter --window"
            )
        begins = np.arange(wanted) * n // wanted
    begins = np.union1d(begins, after_gaps(rows))
    lengths = np.diff(np.append(begins, n))
    at_once = min(wanted or AT_ONCE, len(begins))
    return Streams(tuple(begins.tolist()), tuple(lengths.tolist()), at_once)


def after_gaps(rows: Rows) -> NDArray[np.intp]:
    """Return the rows that begin later than at the end of the row before them in their signal."""
    return np.flatnonzero(_strides(rows) > rows.X.shape[1]) + 1


def overlap(rows: Rows) -> bool:
    """Return whether a row begins before the end of the row before it in its signal."""
    strides = _strides(rows)
    return bool(((strides > 0) & (strides < rows.X.shape[1])).any())


def _strides(rows: Rows) -> NDArray[np.int64]:
    """Return the steps from the begin of each row to that of the next (N - 1,); 0 if it is in
    another signal, or none is known."""
    if rows.origin is None:
        return np.zeros(max(len(rows) - 1, 0), np.int64)
    return np.asarray(np.diff(rows.origin.first) * (np.diff(signals_of(rows)) == 0))


def first_counted(n_rows: int, washout: int, streams: Streams | None) -> NDArray[np.int32]:
    """Return the first step of each window (N,) whose loss counts where a state is carried.

    Parameters
    ----------
    n_rows : int
        N.
    washout : int
        Steps at the beginning of each stream that do not count; fewer than a window has.
    streams : Streams or None
        As :func:`streams_of` returns them.
    """
    steps = np.zeros(n_rows, np.int32)
    steps[[0] if streams is None else list(streams.first)] = washout
    return steps
