"""Passes the windows of several signals through a model, with a state carried along each."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data.prepare.batches import Batches, Streams
from hiddenstate.data.prepare.streams import AT_ONCE, signals_of
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
    numbers = signals_of(rows)
    first = np.flatnonzero(np.diff(numbers, prepend=numbers[:1] - 1))
    if len(first) == 1:
        number = int(numbers[0])
        outputs, state = predictor.follow(rows.X, before.get(number, {}))
        return outputs, {number: state}
    length = np.diff(np.append(first, len(rows)))
    streams = Streams(tuple(first.tolist()), tuple(length.tolist()), AT_ONCE)
    batches, parts, after = Batches(len(rows), 1, streams=streams), [], dict[int, Params]()
    begun = -1
    for step in range(batches.steps_per_epoch):
        raise_if_cancelled()
        which = batches.rows(step)
        if streams.steps.rounds[step]:
            begun += 1
            of_round = numbers[first[streams.rounds[begun]]].tolist()
            state = _stacked(net, [before.get(number, {}) for number in of_round])
        now = {name: array[:, : len(which)] for name, array in state.items()}
        outputs, now = predictor.forward(rows.X[which], now)
        parts.append(outputs)
        for place, number in enumerate(of_round[: len(which)]):
            after[number] = {n: array[:, place : place + 1] for n, array in now.items()}
        state = now
    made = np.concatenate(parts)
    outputs = np.empty_like(made)
    outputs[streams.steps.rows] = made
    return outputs, after


def begin_from_zero(rows: Rows, before: Carried) -> NDArray[np.bool_]:
    """Return whether the state is zero before each window (N,): before the first of each signal
    that has none in `before`."""
    numbers = signals_of(rows)
    begins = np.diff(numbers, prepend=numbers[:1] - 1) != 0
    known = [number for number, state in before.items() if state]
    return np.asarray(begins & ~np.isin(numbers, known))


def _stacked(net: Net, states: list[Params]) -> Params:
    """Return the states of several signals as one state."""
    zero = {name: np.zeros(shape) for name, shape in net.state_shapes(1).items()}
    each = [state or zero for state in states]
    return {name: np.concatenate([state[name] for state in each], axis=1) for name in zero}
