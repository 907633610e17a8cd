"""Numbers and words that describe a data set."""

import numpy as np

from hiddenstate.config import make_config
from hiddenstate.data import Rows, SequenceDataset
from hiddenstate.data.inspect import inspect_dataset
from tests.data.test_inspect import RANDOM, fit, found_in


def test_missing_infinite_and_constant_values_are_counted_by_column():
    X = RANDOM.random((10, 4))
    X[0:3, 1], X[5, 2], X[:, 3] = np.nan, np.inf, 7
    result = found_in(X, np.arange(10) % 2, columns=("a", "b", "c", "d"))
    assert (result.missing, result.infinite, result.n_values) == (3, 1, 40)
    assert result.missing_by == {"b": 0.3}
    assert result.constant == ("d",)
    assert fit(result, "classify").options == {"missing": "mean"}


def test_padding_after_the_end_of_a_series_does_not_count():
    X = np.zeros((4, 5, 2))
    X[:, :3] = RANDOM.random((4, 3, 2))
    X[0, 4] = np.nan
    data = SequenceDataset("own", Rows(X, np.arange(4) % 2, np.array([3, 3, 2, 3])))
    result = inspect_dataset(data, make_config("classify"))
    assert (result.missing, result.n_values, result.steps) == (0, 22, (2, 3, 3))
    assert "differ in length, 2 to 3 steps" in fit(result, "autoencode").why_not


def test_missing_values_of_test_rows_count_too():
    X = RANDOM.random((8, 3, 2))
    test = Rows(np.full((2, 3, 2), np.nan), np.arange(2))
    assert found_in(X, np.arange(8) % 2, test=test).missing == 12


def test_a_column_of_missing_values_only_is_found():
    X = np.full((6, 3), np.nan)
    assert found_in(X, np.arange(6) % 2).missing_by == {f"feature {i}": 1.0 for i in range(3)}


def test_targets_have_minimum_mean_and_maximum():
    y = np.array([[1.0, -1], [2, 0], [6, np.nan]])
    result = found_in(RANDOM.random((3, 5, 2)), y, "regress", targets=("u", "v"))
    assert result.targets == {"u": (1, 3, 6), "v": (-1, -0.5, 0)}
    assert result.classes is None


def test_groups_and_weights_are_reported():
    rows = Rows(
        RANDOM.random((4, 3)),
        np.arange(4) % 2,
        weights=np.array([1, 2, 0.5, 1]),
        groups=np.array(["a", "a", "b", "c"]),
    )
    result = inspect_dataset(SequenceDataset("own", rows), make_config("classify"))
    assert (result.n_groups, result.weights) == (3, (0.5, 2))
