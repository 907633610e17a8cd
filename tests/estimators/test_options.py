"""What the estimators make of parameters that are left to them."""

import warnings
from typing import Any

import numpy as np
import pytest

from hiddenstate import RecurrentRegressor

TIME = np.arange(120) / 10
X, Y = np.sin(TIME).reshape(12, 10, 1), np.cos(TIME).reshape(12, 10)


def stateful(**options):
    small: dict[str, Any] = {"hidden_size": 4, "epochs": 1, "random_state": 0, "threads": 1}
    return RecurrentRegressor("rnn", stateful=True, output="steps", **small, **options)


@pytest.mark.parametrize("targets", [Y + 100, 1e-4 * Y])
def test_targets_far_from_what_a_stateful_net_learns_are_warned_of(targets):
    with pytest.warns(RuntimeWarning, match="use scale='standard'") as caught:
        stateful().fit(X, targets)
    assert [each.filename for each in caught] == [__file__]
    made = stateful()
    with pytest.warns(RuntimeWarning, match="use scale='standard'"):
        made.partial_fit(X[:1], targets[:1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made.partial_fit(X[1:2], targets[1:2])  # once


@pytest.mark.parametrize(
    ("options", "targets"),
    [({}, Y), ({}, 0 * Y), ({"scale": "standard"}, Y + 100), ({"scale": "none"}, Y + 100)],
)
def test_other_targets_and_a_scale_that_is_set_are_not(options, targets):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stateful(**options).fit(X, targets)
