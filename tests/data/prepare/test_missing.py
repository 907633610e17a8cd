"""Missing values are filled in by what training rows hold, or refused by name."""

from typing import Any

import numpy as np
import pytest

from hiddenstate.data.prepare.missing import check_finite
from hiddenstate.errors import DataError
from hiddenstate.program.rows import carry_forward
from tests.data.prepare.test_transform import fit, series

NAN, INF = np.nan, np.inf


HOLES = [[1, NAN, INF, 4], [NAN, 6, -INF, NAN]]
"""The values are 1, 4 and 6, with mean 11/3."""


MEAN = 11 / 3


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("mean", [[1, MEAN, MEAN, 4], [MEAN, 6, MEAN, MEAN]]),
        ("forward", [[1, 1, 1, 4], [MEAN, 6, 6, 6]]),
        ("mask", [[1, MEAN, MEAN, 4], [MEAN, 6, MEAN, MEAN]]),
    ],
)
def test_missing_and_infinite_values_are_filled_in(missing: str, expected: list[Any]) -> None:
    X = series(*HOLES)
    got = fit(X, missing).apply(X, None, "float64", "X")
    np.testing.assert_allclose(got[..., 0], expected, rtol=1e-15)
    assert got.shape == (2, 4, 2 if missing == "mask" else 1)
    if missing == "mask":
        np.testing.assert_array_equal(got[..., 1], ~np.isfinite(X[..., 0]))


def test_filling_comes_before_scaling_and_the_mask_is_not_scaled() -> None:
    X = series(*HOLES)
    own = fit(X, "mask", "standard")
    got = own.apply(X, None, "float64", "X")
    deviation = float(np.std([1, 4, 6]))
    np.testing.assert_allclose(got[0, :, 0], [(1 - MEAN) / deviation, 0, 0, (4 - MEAN) / deviation])
    np.testing.assert_array_equal(got[..., 1], [[0, 1, 1, 0], [1, 0, 1, 1]])


def test_the_mask_of_flat_rows_doubles_the_columns() -> None:
    X = np.array([[1, NAN, 3], [NAN, 5, 7]])
    own = fit(X, "mask")
    assert (own.width(3), own.n_features(6)) == (6, 3)
    got = own.apply(X, None, "float64", "X")
    np.testing.assert_array_equal(got, [[1, 5, 3, 0, 1, 0], [1, 5, 7, 1, 0, 0]])
    np.testing.assert_array_equal(own.undo(got), [[1, 5, 3], [1, 5, 7]])


def test_values_are_not_carried_between_series_or_features() -> None:
    X = np.array([[[1, 7], [NAN, NAN]], [[NAN, 8], [2, NAN]]])
    np.testing.assert_array_equal(carry_forward(X), [[[1, 7], [1, 7]], [[NAN, 8], [2, 8]]])


def test_new_rows_are_filled_in_with_the_fitted_mean() -> None:
    own = fit(series([1, 3]), "mean")
    got = own.apply(series([100, NAN]), None, "float64", "X")
    np.testing.assert_array_equal(got[0, :, 0], [100, 2])


@pytest.mark.parametrize("missing", ["error", "drop"])
def test_missing_values_that_nothing_fills_in_are_refused(missing: str) -> None:
    X = np.zeros((3, 4, 2))
    X[1, 2, 1] = X[2, 0, 0] = NAN
    with pytest.raises(DataError) as error:
        fit(X, missing).apply(X, None, "float32", "here")
    assert str(error.value).startswith("here: 2 values are missing or not finite, the first in ")
    assert "row 1, step 2, feature 1; " in str(error.value)
    assert "; the model was trained without missing values; fill them in" in str(error.value)


def test_the_first_missing_value_is_named_by_its_column() -> None:
    X = np.zeros((3, 2))
    X[2, 1] = -INF
    with pytest.raises(DataError, match="1 value is missing or not finite, the first in row 2, "):
        check_finite(X, None, "here", None)
    with pytest.raises(DataError, match="fill them in with --missing mean, forward or mask"):
        check_finite(X, None, "here", None)
    with pytest.raises(DataError, match=r"row 2, column b\\x1b; "):
        check_finite(X, None, "here", ("a", "b\x1b"))
    with pytest.raises(DataError, match="feature 1"):  # names of other columns are not used
        check_finite(X, None, "here", ("a", "b", "c"))


def test_padding_is_not_missing() -> None:
    X = np.zeros((2, 3, 1))
    X[0, 2] = NAN
    check_finite(X, np.array([2, 3]), "here", None)
    with pytest.raises(DataError, match="row 0, step 2"):
        check_finite(X, np.array([3, 3]), "here", None)
    got = fit(X, "mask", lengths=np.array([2, 3])).apply(X, np.array([2, 3]), "float64", "X")
    np.testing.assert_array_equal(got, np.zeros((2, 3, 2)))
