"""The state of each signal goes on from its training windows, but never over a gap."""

from dataclasses import replace

import numpy as np
import pytest

from hiddenstate.config import RecurrentConfig
from hiddenstate.data.origin import Origin
from hiddenstate.data.rows import Rows
from hiddenstate.engines import make_predictor
from hiddenstate.engines.signals import begin_from_zero, follow_signals, state_before
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net

T = 5
NET = Net("regress", RecurrentConfig("gru", "tanh", 3, 1), 1, 1, "steps")
RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def predictor():
    model = FittedModel(NET, NET.initial(0, "float64"), None, (T, 1), True)
    return make_predictor(model, "cpu", 1)


def windows(series, first):
    """Windows of T steps of signals, from their steps `first` on."""
    series, first = np.array(series), np.array(first)
    origin = Origin(series, int(series.max()) + 1, first, 0 * first, separate=True)
    return Rows(RANDOM.normal(size=(len(series), T, 1)), origin=origin)


def test_the_state_is_zero_after_a_gap(predictor):
    rows = windows([0] * 5 + [1] * 2, [0, 5, 20, 25, 30, 0, 5])
    outputs, after = follow_signals(predictor, NET, rows, {})
    for part in (slice(0, 2), slice(2, 5), slice(5, 7)):
        alone, state = predictor.follow(rows.X[part], {})
        np.testing.assert_allclose(outputs[part], alone, atol=1e-12)
        number = int(rows.origin.series[part.start])
        if part.start:
            np.testing.assert_allclose(after[number]["h"], state["h"], atol=1e-12)
    zero = begin_from_zero(rows, {0: after[0]})
    assert np.flatnonzero(zero).tolist() == [2, 5]


@pytest.mark.parametrize(
    ("series", "first", "goes_on"),
    [
        ([0, 0, 1], [10, 15, 5], [0, 1]),  # where the training windows end
        ([0, 1], [15, 5], [1]),  # after a gap
        ([0, 1, 2], [0, 0, 0], []),  # the series of another file
    ],
)
def test_a_signal_goes_on_where_its_training_ends(predictor, series, first, goes_on):
    train = windows([0, 0, 1], [0, 5, 0])
    after = follow_signals(predictor, NET, train, {})[1]
    states = state_before(predictor, NET, train, windows(series, first))
    assert sorted(states) == goes_on
    assert all(np.array_equal(states[k]["h"], after[k]["h"]) for k in goes_on)


def test_the_only_signal_goes_on_in_a_file_of_its_own(predictor):
    train, rows = windows([0, 0], [0, 5]), windows([0], [0])
    assert list(state_before(predictor, NET, train, rows)) == [0]
    far = replace(rows, origin=replace(rows.origin, first=np.array([15])))
    assert not state_before(predictor, NET, train, far)
