"""Filling in and scaling: the fit, the same results in pieces, and small cases by hand."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hiddenstate.data import Rows, Transform
from hiddenstate.data.prepare.fit import fitted_transform
from hiddenstate.data.prepare.statistics import statistics
from hiddenstate.data.prepare.transform import feature_indices
from hiddenstate.data.store import RowStore
from hiddenstate.errors import DataError
from hiddenstate.program.rows import after_end

Array = np.ndarray[Any, Any]
NAN, INF = np.nan, np.inf
quick = settings(max_examples=50)
numbers = st.floats(-100, 100, width=32)

Store = Callable[[Array], RowStore]


@pytest.fixture
def stored(tmp_path: Path) -> Store:
    """An array as a store on a file."""

    def write(X: Array) -> RowStore:
        path = tmp_path / "rows"
        path.write_bytes(X.tobytes())
        return RowStore(path, 0, X.shape, X.dtype)

    return write


@pytest.fixture
def in_small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of one or two rows."""
    monkeypatch.setattr("hiddenstate.data.prepare.apply.SCAN_BYTES", 80)


def series(*rows: list[Any]) -> Array:
    """Series of one feature (N, T, 1)."""
    return np.array(rows, dtype=float)[..., None]


def fit(X: Array, missing: str = "error", scale: str = "none", **rows: Any) -> Transform:
    return fitted_transform(Rows(X, **rows), missing, scale, scale_targets=False)


def test_prepared_float32_takes_the_memory_of_float64(in_small_pieces: None) -> None:
    X = np.random.default_rng(0).normal(5, 2, (9, 5, 3))
    own = fit(X, scale="standard")
    expected, copy = own.apply(X, None, "float32", "X"), X.copy()
    got = own.apply(copy, None, "float32", "X", overwrite=True)
    assert np.shares_memory(got, copy)
    assert copy.nbytes < X.nbytes  # the rest is given back
    np.testing.assert_array_equal(got, expected)


# --- statistics


@given(hnp.arrays(float, (6, 3), elements=numbers), st.lists(st.integers(0, 4), min_size=6))
@quick
def test_a_weight_counts_as_that_many_copies_of_a_row(X: Array, weights: list[int]) -> None:
    copies = np.repeat(X, weights[:6], axis=0)
    assume(len(copies) > 0)
    result = statistics(X, None, np.array(weights[:6], float))
    np.testing.assert_allclose(result.mean, copies.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(result.squares / len(copies), copies.var(axis=0), atol=1e-8)
    np.testing.assert_array_equal(result.low, copies.min(axis=0))
    np.testing.assert_array_equal(result.high, copies.max(axis=0))


@given(hnp.arrays(float, (5, 4, 2), elements=numbers | st.just(NAN)), st.data())
@quick
def test_missing_values_and_padding_are_not_counted(X: Array, data: st.DataObject) -> None:
    lengths = np.array(data.draw(st.lists(st.integers(1, 4), min_size=5, max_size=5)))
    result = statistics(X, lengths, None)
    for feature in range(2):
        values = np.concatenate([row[:n, feature] for row, n in zip(X, lengths, strict=True)])
        values = values[np.isfinite(values)]
        assert result.weight[feature] == len(values)
        if len(values):
            assert result.mean[feature] == pytest.approx(values.mean(), abs=1e-9)
            assert result.low[feature] == values.min()
            assert result.high[feature] == values.max()


@pytest.mark.usefixtures("in_small_pieces")
@pytest.mark.parametrize("kind", ["f4", "f8", "u1"])
def test_pieces_and_rows_on_disk_give_the_same_statistics(kind: str, stored: Store) -> None:
    X = np.random.default_rng(0).uniform(0, 200, (30, 7)).astype(kind)
    values = X / 255 if kind == "u1" else X.astype(float)
    for rows in (X, stored(X), stored(X).take(np.arange(30))):
        result = statistics(rows, None, None)
        np.testing.assert_allclose(result.mean, values.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(result.deviation, values.std(axis=0), rtol=1e-12)
        np.testing.assert_array_equal(result.high, values.max(axis=0))


@pytest.mark.usefixtures("in_small_pieces")
@pytest.mark.parametrize("missing", ["mean", "forward", "mask"])
def test_rows_on_disk_are_transformed_like_rows_in_memory(missing: str, stored: Store) -> None:
    X = np.random.default_rng(0).normal(3, 2, (20, 5, 2))
    X[X > 5] = NAN
    own = fit(X, missing, "standard")
    expected = own.apply(X, None, "float32", "here")
    for store in (stored(X), stored(X).reshaped((10,)).reshaped((5, 2))):
        result = own.apply(store, None, "float32", "here")
        assert isinstance(result, RowStore)
        assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
        np.testing.assert_array_equal(result[:], expected)
        np.testing.assert_array_equal(result[np.array([7, 2])], expected[[7, 2]])


# --- scaling


def test_standard_gives_mean_0_and_deviation_1_of_every_feature() -> None:
    X = np.random.default_rng(0).normal([5, -300], [0.1, 40], (50, 8, 2))
    flat = fit(X, scale="standard").apply(X, None, "float64", "X").reshape(-1, 2)
    np.testing.assert_allclose(flat.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(flat.std(axis=0), 1, rtol=1e-12)


def test_minmax_gives_0_to_1_of_every_feature() -> None:
    X = np.random.default_rng(0).normal([5, -300], [0.1, 40], (50, 8, 2))
    flat = fit(X, scale="minmax").apply(X, None, "float64", "X").reshape(-1, 2)
    np.testing.assert_allclose([flat.min(axis=0), flat.max(axis=0)], [[0, 0], [1, 1]], atol=1e-12)


@pytest.mark.parametrize("value", [0.1, 0.0, -7e8, 1 / 3, 1e-9])
@pytest.mark.parametrize("scale", ["standard", "minmax"])
@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_a_constant_feature_becomes_0_and_stays_finite(value: float, scale: str, kind: str) -> None:
    X = np.full((1001, 3), value, kind)
    own = fit(X, scale=scale)
    assert own.scaling is not None
    np.testing.assert_array_equal(own.scaling[1], 1)
    np.testing.assert_allclose(own.apply(X, None, "float64", "X"), 0, atol=1e-7 * abs(value))
    other = own.apply(X.astype(float) + 0.5, None, "float64", "X")
    np.testing.assert_allclose(other, 0.5, atol=1e-6 + 1e-7 * abs(value))


@pytest.mark.parametrize(
    ("low", "high", "scaled"), [(0, 1, False), (0.2, 0.9, False), (-0.01, 1, True), (0, 1.01, True)]
)
def test_auto_does_not_scale_values_in_0_to_1(low: float, high: float, scaled: bool) -> None:
    X = np.linspace(low, high, 12).reshape(4, 3)
    own = fit(X, scale="auto")
    assert (own.scaling is not None) == scaled
    if scaled:
        np.testing.assert_array_equal(own.scaling, fit(X, scale="standard").scaling)


@pytest.mark.parametrize("scale", ["none", "auto", "standard", "minmax"])
def test_pixels_are_fractions_and_not_scaled_again(scale: str) -> None:
    X = np.arange(12, dtype="u1").reshape(3, 4)
    own = fit(X, scale=scale)
    assert own.pixels
    if scale != "standard":  # standard scales pixels too
        assert own.scaling is None
        assert own.apply(X, None, "float32", "X") is X


def test_a_feature_of_missing_values_only_stays_finite() -> None:
    X = np.random.default_rng(0).normal(size=(6, 3, 2))
    X[..., 1] = NAN
    for missing in ("mean", "forward", "mask"):
        for scale in ("none", "auto", "standard", "minmax"):
            got = fit(X, missing, scale).apply(X, None, "float32", "X")
            assert np.isfinite(got).all(), (missing, scale)
            np.testing.assert_array_equal(got[..., 1], 0)


@pytest.mark.parametrize("values", [[1e300, -1e300], [0, 5e-324], [1e-200, 2e-200]])
@pytest.mark.parametrize("scale", ["standard", "minmax"])
def test_values_too_large_or_too_close_are_refused_or_stay_finite(
    values: list[float], scale: str
) -> None:
    X = np.array(values)[:, None]
    try:
        own = fit(X, scale=scale)
    except DataError as error:
        assert "--scale none" in str(error)  # noqa: PT017
        return
    assert own.scaling is not None
    assert np.isfinite(own.scaling).all()
    assert own.scaling[1].all()
    assert np.isfinite(own.apply(X, None, "float64", "X")).all()


def test_padding_becomes_0_and_does_not_affect_the_fit() -> None:
    X = np.random.default_rng(0).normal(9, 2, (4, 6, 2))
    lengths = np.array([6, 3, 1, 5])
    gone = after_end(lengths, 6)
    garbage = X.copy()
    garbage[gone] = 1e30
    for missing in ("error", "mean", "mask"):
        one, two = (fit(rows, missing, "standard", lengths=lengths) for rows in (X, garbage))
        np.testing.assert_array_equal(one.scaling, two.scaling)
        got = two.apply(garbage, lengths, "float32", "X")
        np.testing.assert_array_equal(got[gone], 0)
        np.testing.assert_array_equal(got, one.apply(X, lengths, "float32", "X"))


def test_padding_does_not_affect_the_scaling_of_targets() -> None:
    y = series([1, 2, 99], [3, 4, 5])
    rows = Rows(np.zeros((2, 3, 1)), y, lengths=np.array([2, 3]))
    own = fitted_transform(rows, "error", "standard", scale_targets=True)
    assert own.target_scaling is not None
    assert own.target_scaling[0] == pytest.approx(3)
    assert own.target_scaling[1] == pytest.approx(1 / np.std([1, 2, 3, 4, 5]))


@given(
    hnp.arrays(float, (3, 4, 2), elements=numbers),
    hnp.arrays(float, (3, 4, 1), elements=numbers),
    st.sampled_from(["none", "standard", "minmax"]),
    st.booleans(),
    st.booleans(),
)
@quick
def test_undoing_targets_gives_the_targets(
    X: Array, y: Array, scale: str, change: bool, every: bool
) -> None:
    lengths = np.array([4, 2, 3])
    y = y if every else y[:, 0]
    rows = Rows(X, y, lengths=lengths)
    own = fitted_transform(rows, "error", scale, True, change=(1,) if change else None)
    prepared = own.apply(X, lengths, "float64", "X")
    learnt = own.apply_targets(y, prepared, lengths, "float64")
    back = own.undo_targets(learnt, prepared, lengths)
    np.testing.assert_allclose(back, y, atol=1e-9)


def test_a_change_is_relative_to_the_last_value_before_padding() -> None:
    X = series([1, 2, 0], [5, 6, 8])
    rows = Rows(X, np.array([[10.0], [10.0]]), lengths=np.array([2, 3]))
    own = fitted_transform(rows, "error", "none", True, change=(0,))
    learnt = own.apply_targets(rows.y, X, rows.lengths, "float64")
    np.testing.assert_array_equal(learnt, [[8], [2]])
    steps = own.apply_targets(np.full((2, 3, 1), 10.0), X, rows.lengths, "float64")
    np.testing.assert_array_equal(steps[..., 0], [[9, 8, 10], [5, 4, 2]])


def test_feature_indices_of_targets_are_all_or_none() -> None:
    assert feature_indices(("b", "a"), ("a", "x", "b")) == (2, 0)
    assert feature_indices(("b", "c"), ("a", "b")) is None
    assert feature_indices(None, ("a",)) is None
    assert feature_indices(("a",), None) is None


# --- missing values, by hand


# --- values that are too large


@pytest.mark.parametrize(("dtype", "most"), [(np.float32, 1e39), (np.float64, 1.7e308)])
def test_targets_without_a_prediction_in_their_units_are_refused(dtype: Any, most: float) -> None:
    """Scaled they fit, and predictions of them would be infinite."""
    y = np.array([[1.0], [most]])
    transform = Transform(target_scaling=(np.array([0.0]), np.array([1 / most])))
    if dtype is np.float32:
        with pytest.raises(DataError, match=r"1 target is .* row 1; .* --dtype float64"):
            transform.apply_targets(y, None, None, dtype)
    else:
        assert np.isfinite(transform.apply_targets(y, None, None, dtype)).all()


def test_the_advice_for_float64_is_not_float64() -> None:
    transform = Transform(target_scaling=(np.array([0.0]), np.array([1e300])))
    with pytest.raises(DataError, match="too large for float64") as error:
        transform.apply_targets(np.array([[1e300]]), None, None, np.float64)
    assert "--dtype" not in str(error.value)


def test_predictions_that_overflow_are_infinite_without_a_warning() -> None:
    transform = Transform(target_scaling=(np.array([0.0]), np.array([1e-38])))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isinf(transform.undo_targets(np.array([[9.0]], np.float32))).all()
