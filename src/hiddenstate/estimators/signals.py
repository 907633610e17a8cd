"""X of a stateful regressor as a list of signals, each an array of windows with its own state."""

from dataclasses import replace
from typing import Any

import numpy as np

from hiddenstate.data import Rows
from hiddenstate.data.origin import Origin
from hiddenstate.engines import Predictor, TrainingState
from hiddenstate.engines.signals import follow_signals
from hiddenstate.errors import DataError, OptionError, count
from hiddenstate.estimators.inputs import unwrapped
from hiddenstate.jobs import Job
from hiddenstate.system.typing import Array


def signals_in(X: Any) -> list[Array] | None:
    """Return the signals (n, T, I) of a list or tuple of them; None of anything else.

    Raises
    ------
    DataError
        If their windows differ in steps or features, or one has none.
    """
    if not isinstance(X, (list, tuple)) or not X:
        return None
    parts = [unwrapped(part) for part in X]
    if not all(len(getattr(part, "shape", ())) == 3 for part in parts):
        return None
    shapes = {part.shape[1:] for part in parts}
    if len(shapes) > 1 or not all(map(len, parts)):
        raise DataError(
            "X: a list of signals, each (n_windows, n_timesteps, n_features), expected at least "
            f"one window of one shape in each, got {', '.join(str(part.shape) for part in parts)}"
        )
    return [np.asarray(part) for part in parts]


def as_signals(rows: Rows, signals: list[Array]) -> Rows:
    """Return the windows of all signals as rows that say which signal each belongs to."""
    sizes = [len(part) for part in signals]
    number = np.concatenate([np.arange(n) for n in sizes])
    zeros = np.zeros(len(rows), np.int64)
    series, first = np.repeat(np.arange(len(sizes)), sizes), number * rows.X.shape[1]
    return replace(rows, origin=Origin(series, len(sizes), first, zeros, separate=True))


def joined(values: Any, rows: Rows) -> Any:
    """Return y or weights of a list of signals for all their windows, others as they are.

    Raises
    ------
    DataError
        If they are not a list of one part for each signal, with a value for each window.
    """
    if values is None or rows.origin is None or not rows.origin.separate:
        return values
    sizes = np.bincount(rows.origin.series.astype(np.intp, copy=False)).tolist()
    parts = [np.asarray(unwrapped(part)) for part in values]
    if [len(part) if part.ndim else 0 for part in parts] != sizes:
        raise DataError("X is a list of signals; expected a list of as many windows for each")
    return np.concatenate(parts)


def by_signal(values: Array, rows: Rows) -> Any:
    """Return values for all windows as a list of one array for each signal, if X was one."""
    if rows.origin is None or not rows.origin.separate:
        return values
    return np.split(
        values, np.cumsum(np.bincount(rows.origin.series.astype(np.intp, copy=False)))[:-1]
    )


def after_streams(job: Job, after: TrainingState, predictor: Predictor) -> TrainingState:
    """Return the state after training in streams, with the state of the trained network after the
    last window of each signal, in their order."""
    states = follow_signals(predictor, job.net, job.dataset.train, {})[1]
    parts = [states[number] for number in sorted(states)]
    names: list[str] = list(parts[0])
    carried = {n: np.concatenate([part[n] for part in parts], axis=1) for n in names}
    return replace(after, carried=carried)


def check_next_windows(job: Job, carried: dict[str, Array]) -> None:
    """Refuse windows that `partial_fit` cannot take in streams.

    Raises
    ------
    OptionError
        If they are parts of one signal, which begin anew in each call, or not all at once.
    DataError
        If the signals have different numbers of windows, or are not as many as before.
    """
    if job.streams is None:
        return
    n, lengths = len(job.streams.first), set(job.streams.length)
    if job.dataset.train.origin is None or not job.dataset.train.origin.separate:
        raise OptionError(
            "streams: the parts of one signal begin anew in each partial_fit; pass a list of "
            "signals, or leave it out"
        )
    if n > job.streams.at_once:
        raise OptionError(f"streams: partial_fit reads {n} signals at once; use streams={n}")
    if len(lengths) > 1:
        raise DataError("X: partial_fit takes signals of as many windows each")
    before = next(iter(carried.values())).shape[1] if carried else n
    if before != n:
        raise DataError(
            f"X: {count(n, 'signal')}, but the state is carried for {before}; pass as many, or "
            "call reset_state"
        )
