"""Passes the windows of several signals through a model, with a state carried along each."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data.prepare.batches import Batches, Streams
from hiddenstate.data.prepare.streams import AT_ONCE, after_gaps, signals_of
from hiddenstate.data.rows import Rows
from hiddenstate.engines.interface import Predictor
from hiddenstate.models.net import Net, Params
from hiddenstate.system.cancellation import raise_if_cancelled
from hiddenstate.system.typing import Array

Carried = Mapping[int, Params]
"""The state of each signal, by its number; zero of one that is missing."""


def follow_signals(
    predictor: Predictor, net: Net, rows: Rows, before: Carried
) -> tuple[Array, dict[int, Params]]:
    """Return the outputs for consecutive windows, and the state after the last of each signal.

    The state is zero again after a gap.

    Parameters
    ----------
    predictor : Predictor
    net : Net
        Its network.
    rows : Rows
        Prepared windows X (N, T, I) of one length, those of a signal one after the other.
    before : mapping of int to dict of ndarray
        The state that each signal begins with, of one row.

    Returns
    -------
    outputs : ndarray (N, T, O) or (N, O)
    after : dict of int to dict of ndarray
    """
    numbers, first = signals_of(rows), _first_of_parts(rows)
    anew = begin_from_zero(rows, before)
    if len(first) == 1:
        number = int(numbers[0])
        outputs, state = predictor.follow(rows.X, before.get(number, {}))
        return outputs, {number: state}
    length = np.diff(np.append(first, len(rows)))
    streams = Streams(tuple(first.tolist()), tuple(length.tolist()), AT_ONCE)
    batches, parts = Batches(len(rows), 1, streams=streams), []
    states: list[Params] = [{} if anew[row] else before[int(numbers[row])] for row in first]
    begun = -1
    for step in range(batches.steps_per_epoch):
        raise_if_cancelled()
        which = batches.rows(step)
        if streams.steps.rounds[step]:
            begun += 1
            of_round = streams.rounds[begun]
            state = _stacked(net, [states[part] for part in of_round])
        now = {name: array[:, : len(which)] for name, array in state.items()}
        outputs, now = predictor.forward(rows.X[which], now)
        parts.append(outputs)
        for place, part in enumerate(of_round[: len(which)]):
            states[part] = {n: array[:, place : place + 1] for n, array in now.items()}
        state = now
    made = np.concatenate(parts)
    outputs = np.empty_like(made)
    outputs[streams.steps.rows] = made
    return outputs, dict(zip(numbers[first].tolist(), states, strict=True))


def state_before(predictor: Predictor, net: Net, train: Rows, rows: Rows) -> dict[int, Params]:
    """Return the state after the training windows of each signal that goes on in `rows`.

    A signal of `rows` that begins later than its training windows end has none, and neither have
    those of several series that are read from a file of their own; that of one signal goes on.
    """
    after = follow_signals(predictor, net, train, {})[1]
    if train.origin is None or rows.origin is None:
        return after
    ends = dict(zip(signals_of(train).tolist(), train.origin.first + train.X.shape[1], strict=True))
    numbers, first = signals_of(rows), rows.origin.first
    begins = dict(zip(numbers[::-1].tolist(), first[::-1], strict=True))
    several = len(ends) > 1 or len(begins) > 1
    return {
        number: state
        for number, state in after.items()
        if number in begins
        and (begins[number] == ends[number] or (begins[number] < ends[number] and not several))
    }


def begin_from_zero(rows: Rows, before: Carried) -> NDArray[np.bool_]:
    """Return whether the state is zero before each window (N,): before the first of each signal
    that has none in `before`, and after each gap."""
    numbers = signals_of(rows)
    begins = np.diff(numbers, prepend=numbers[:1] - 1) != 0
    known = [number for number, state in before.items() if state]
    anew = begins & ~np.isin(numbers, known)
    anew[after_gaps(rows)] = True
    return np.asarray(anew)


def _first_of_parts(rows: Rows) -> NDArray[np.intp]:
    """Return the first row of each part of a signal without a gap."""
    numbers = signals_of(rows)
    begins = np.flatnonzero(np.diff(numbers, prepend=numbers[:1] - 1))
    return np.union1d(begins, after_gaps(rows))


def _stacked(net: Net, states: list[Params]) -> Params:
    """Return the states of several signals as one state."""
    zero = {name: np.zeros(shape) for name, shape in net.state_shapes(1).items()}
    each = [state or zero for state in states]
    return {name: np.concatenate([state[name] for state in each], axis=1) for name in zero}
