"""Baselines equal scikit-learn's dummy estimators and its PCA on the same rows."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier, DummyRegressor

from hiddenstate.errors import DataError, OptionError
from hiddenstate.metrics import baselines, scores

Array = np.ndarray[Any, Any]
quick = settings(max_examples=60)


class OnDisk:
    """Rows with a length, a shape and a type that can only be sliced."""

    def __init__(self, rows: Array) -> None:
        self._rows = rows
        self.shape, self.dtype = rows.shape, rows.dtype
        self.most = 0

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, which: slice) -> Array:
        assert isinstance(which, slice)
        part = self._rows[which]
        self.most = max(self.most, part.size)
        return part


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat rows of any width as too wide for their covariance."""
    monkeypatch.setattr(baselines, "WIDEST", 0)


@pytest.fixture(params=["covariance", "subspace"])
def either(request: pytest.FixtureRequest) -> None:
    if request.param == "subspace":
        request.getfixturevalue("wide")


def rows(n: int, width: int, rank: int, seed: int = 0, dtype: str = "f4") -> Array:
    """Rows (n, width) with a mean of 3 that vary in `rank` directions, less in each."""
    random = np.random.default_rng(7)
    directions = random.standard_normal((rank, width)) / np.arange(1, rank + 1)[:, None]
    values = np.random.default_rng(seed).standard_normal((n, rank)) @ directions + 3
    if dtype == "u1":
        return np.clip(100 + 25 * values, 0, 255).astype("u1")
    return values.astype(dtype)


def by_sklearn(X_train: Array, X_test: Array, n: int) -> float:
    """Mean squared error through sklearn's PCA, in float64."""
    train, test = (X.reshape(len(X), -1).astype("f8") for X in (X_train, X_test))
    if X_train.dtype == np.uint8:
        train, test = train / 255, test / 255
    pca = PCA(n, svd_solver="full").fit(train)
    return float(np.mean((pca.inverse_transform(pca.transform(test)) - test) ** 2))


# --- constant predictions


@given(
    hnp.arrays(np.uint8, st.integers(1, 30), elements=st.integers(0, 4)),
    hnp.arrays(np.uint8, st.integers(1, 30), elements=st.integers(0, 5)),
)
@quick
def test_majority_is_sklearns_most_frequent(y_train: Array, y_test: Array) -> None:
    dummy = DummyClassifier().fit(np.zeros((len(y_train), 1)), y_train)
    expected = dummy.score(np.zeros((len(y_test), 1)), y_test)
    assert baselines.majority(y_train, y_test, 6) == pytest.approx(expected)


@pytest.mark.parametrize("shape", [(), (3,), (5, 3)])
@pytest.mark.parametrize("dtype", ["u1", "f4"])
def test_training_mean_is_sklearns_mean(shape: tuple[int, ...], dtype: str) -> None:
    random = np.random.default_rng(1)
    y_train, y_test = (random.uniform(0, 250, (n, *shape)).astype(dtype) for n in (40, 11))
    width = shape[-1] if shape else 1
    train, test = (y.reshape(-1, width).astype("f8") for y in (y_train, y_test))
    mean = DummyRegressor().fit(train, train).predict(test).reshape(test.shape)
    expected = np.mean((mean - test) ** 2)
    assert baselines.training_mean(y_train, y_test) == pytest.approx(expected, rel=1e-12)


def test_training_mean_ignores_padding_in_training_and_test_rows() -> None:
    random = np.random.default_rng(2)
    y_train, y_test = random.random((8, 5, 2)), random.random((4, 6, 2))
    lengths = random.integers(0, 6, 8), random.integers(1, 7, 4)
    valid = [
        np.arange(y.shape[1]) < n[:, None] for y, n in zip((y_train, y_test), lengths, strict=True)
    ]
    y_train[~valid[0]] = np.nan
    y_test[~valid[1]] = np.nan
    expected = np.mean((y_test[valid[1]] - y_train[valid[0]].mean(axis=0)) ** 2)
    assert baselines.training_mean(y_train, y_test, *lengths) == pytest.approx(expected)


def test_other_targets_than_in_training_are_refused() -> None:
    with pytest.raises(DataError, match=r"\(4, 3\).*\(4, 2\)"):
        baselines.training_mean(np.zeros((4, 3)), np.zeros((4, 2)))


# --- principal components


def principal_error(X_train: Any, X_test: Any, n: int) -> float:
    return baselines.fit_components(X_train, (X_test,), n).error(X_test)


@pytest.mark.parametrize(
    ("n_rows", "width", "n", "dtype"),
    [(200, 12, 1, "u1"), (15, 40, 3, "f4"), (30, 30, 8, "f8"), (200, 12, 8, "f4")],
)
def test_principal_components_are_sklearns(n_rows: int, width: int, n: int, dtype: str) -> None:
    X_train, X_test = rows(n_rows, width, 10, 0, dtype), rows(20, width, 10, 1, dtype)
    found = principal_error(X_train, X_test, n)
    assert found == pytest.approx(by_sklearn(X_train, X_test, n), rel=1e-6)


@pytest.mark.usefixtures("wide")
@pytest.mark.parametrize(
    ("n_rows", "width", "n", "dtype"),
    [(20, 300, 1, "u1"), (300, 100, 4, "f4"), (60, 400, 16, "u1")],
)
def test_components_of_wide_rows_are_as_good_as_sklearns(
    n_rows: int, width: int, n: int, dtype: str
) -> None:
    X_train, X_test = rows(n_rows, width, 50, 0, dtype), rows(20, width, 50, 1, dtype)
    for X in (X_train, X_test):
        found = principal_error(X_train, X, n)
        assert found == pytest.approx(by_sklearn(X_train, X, n), rel=2e-3)


@pytest.mark.usefixtures("wide")
def test_components_of_wide_noise_are_nearly_as_good_as_sklearns() -> None:
    """The worst case of the iteration: all directions vary alike."""
    X = np.random.default_rng(6).standard_normal((500, 200))
    assert 1 <= principal_error(X, X, 10) / by_sklearn(X, X, 10) < 1.001


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("n", [4, 7, 100])
def test_as_many_components_as_the_rank_reconstruct_exactly(n: int) -> None:
    X_train, X_test = rows(30, 10, 4, 0, "f8"), rows(30, 10, 4, 1, "f8")
    assert principal_error(X_train, X_test, 3) > 1e-4
    assert principal_error(X_train, X_test, n) < 1e-20


@pytest.mark.usefixtures("either")
def test_components_stop_at_the_rank_of_the_training_rows() -> None:
    X_train, X_test = rows(5, 40, 10, 0, "f8"), rows(20, 40, 10, 1, "f8")
    expected = by_sklearn(X_train, X_test, 4)
    for n in (4, 5, 39, 40):
        found = principal_error(X_train, X_test, n)
        assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.usefixtures("either")
def test_one_training_row_predicts_itself() -> None:
    X_train, X_test = np.full((1, 6), 0.1), np.random.default_rng(8).random((9, 6))
    expected, before = np.mean((X_test - 0.1) ** 2), X_test.copy()
    assert principal_error(X_train, X_test, 3) == pytest.approx(expected)
    np.testing.assert_array_equal(X_test, before)
    X_train, X_test = rows(30, 10, 4, 0), rows(12, 10, 4, 1)
    mean = baselines.training_mean(X_train, X_test)  # which no components predict
    assert principal_error(X_train, X_test, 0) == pytest.approx(mean)


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("dtype", ["u1", "f4"])
def test_rows_read_in_chunks_equal_rows_in_memory(
    monkeypatch: pytest.MonkeyPatch, dtype: str
) -> None:
    X_train = rows(50, 12, 6, 0, dtype).reshape(50, 3, 4)
    X_test = rows(21, 12, 6, 1, dtype).reshape(21, 3, 4)
    expected = principal_error(X_train, X_test, 3)
    monkeypatch.setattr(scores, "CHUNK", 90)
    train, test = OnDisk(X_train), OnDisk(X_test)
    found = principal_error(train, test, 3)
    assert found == pytest.approx(expected, rel=1e-9)
    assert train.most == test.most == 84


@given(st.integers(1, 12), st.integers(1, 8), st.integers(0, 2**32 - 1))
@quick
def test_more_components_are_no_worse_on_the_training_rows(
    n_rows: int, width: int, seed: int
) -> None:
    X = np.random.default_rng(seed).standard_normal((n_rows, width))
    errors = [principal_error(X, X, n) for n in range(width + 1)]
    assert all(b <= a + 1e-12 for a, b in pairwise(errors))
    assert errors[-1] < 1e-20


def test_principal_components_refuse_bad_arguments() -> None:
    with pytest.raises(OptionError, match="-1"):
        principal_error(np.ones((3, 2)), np.ones((3, 2)), -1)
    with pytest.raises(DataError, match=r"\(0, 2\)"):
        principal_error(np.ones((0, 2)), np.ones((3, 2)), 1)
    with pytest.raises(DataError, match=r"\(3, 4\)"):
        principal_error(np.ones((3, 2)), np.ones((3, 4)), 1)
