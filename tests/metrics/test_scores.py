"""Scores equal scikit-learn's, for any type of array, size of chunks and padding."""

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics as theirs
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from hiddenstate.errors import DataError
from hiddenstate.metrics import scores

Array = np.ndarray[Any, Any]
quick = settings(max_examples=60)
REGRESSION = [scores.mean_squared_error, scores.mean_absolute_error, scores.r2]
THEIRS = {
    "mean_squared_error": theirs.mean_squared_error,
    "mean_absolute_error": theirs.mean_absolute_error,
    "r2": theirs.r2_score,
}
Score = Callable[..., float]
by_name = pytest.mark.parametrize("score", REGRESSION, ids=lambda f: f.__name__)
class_numbers = st.integers(1, 60).flatmap(
    lambda n: st.tuples(*[hnp.arrays(np.uint8, n, elements=st.integers(0, 4))] * 2)
)


@pytest.fixture(params=[1, 7])
def small_chunks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "CHUNK", request.param)


def pair(shape: tuple[int, ...], dtype: str = "f4", seed: int = 0) -> tuple[Array, Array]:
    """Targets with a mean far from zero, and predictions near them."""
    random = np.random.default_rng(seed)
    target = 100 + 20 * random.standard_normal(shape)
    return (target + 5 * random.standard_normal(shape)).astype(dtype), target.astype(dtype)


def padded() -> tuple[Array, Array, Array, Array]:
    """Prediction and target (N, T, O) with nan after each length, and the valid steps."""
    prediction, target = pair((9, 6, 2))
    lengths = np.array([6, 0, 3, 1, 6, 2, 5, 4, 1])
    valid = np.arange(6) < lengths[:, None]
    prediction[~valid] = np.nan
    target[~valid] = 1e30
    return prediction, target, lengths, valid


# --- classes


@given(class_numbers)
@quick
def test_class_scores_are_sklearns(numbers: tuple[Array, Array]) -> None:
    y, predicted = numbers
    matrix = scores.confusion(y, predicted, 5)
    assert matrix.dtype == np.int64
    np.testing.assert_array_equal(matrix, theirs.confusion_matrix(y, predicted, labels=range(5)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # predicted classes that are not in y
        expected = theirs.balanced_accuracy_score(y, predicted)
    assert scores.balanced_accuracy(matrix) == pytest.approx(expected, abs=1e-12)
    f1 = theirs.f1_score(y, predicted, labels=range(5), average=None, zero_division=0)
    np.testing.assert_allclose(scores.f1_by_class(matrix), f1, atol=1e-12)


def test_no_rows_have_no_balanced_accuracy() -> None:
    none = np.zeros(0, dtype=np.int64)
    matrix = scores.confusion(none, none, 3)
    assert matrix.shape == (3, 3)
    assert math.isnan(scores.balanced_accuracy(matrix))
    np.testing.assert_array_equal(scores.f1_by_class(matrix), 0)


def test_class_numbers_out_of_range_and_missing_ones_are_refused() -> None:
    for number in (-1, 3):
        with pytest.raises(DataError, match="expected 0 to 2"):
            scores.confusion(np.array([0, number]), np.array([0, 1]), 3)
    with pytest.raises(DataError, match="do not match"):
        scores.confusion(np.array([0, 1]), np.array([0]), 3)
    many = np.full(300, 20, dtype=np.uint8)  # more pairs than a byte holds
    assert scores.confusion(many, many, 21)[20, 20] == 300


# --- numbers


@by_name
@pytest.mark.parametrize(
    ("shape", "dtype"), [((50,), "u1"), ((50, 3), "f4"), ((12, 5, 2), "f4"), ((12, 5, 2), "f8")]
)
@pytest.mark.usefixtures("small_chunks")
def test_regression_scores_are_sklearns(score: Score, shape: tuple[int, ...], dtype: str) -> None:
    prediction, target = pair(shape, dtype)
    width = shape[-1] if len(shape) > 1 else 1
    flat = [a.astype("f8").reshape(-1, width) for a in (target, prediction)]
    expected = THEIRS[score.__name__](*flat)
    assert score(prediction, target) == pytest.approx(expected, rel=1e-12)


@given(hnp.arrays(np.float64, (2, 8, 3), elements=st.integers(-3, 3).map(float)))
@quick
def test_r2_is_sklearns_for_constant_targets(values: Array) -> None:
    prediction, target = values
    expected = theirs.r2_score(target, prediction)
    assert scores.r2(prediction, target) == pytest.approx(expected, abs=1e-12)
    constant = np.full((1000, 1), 0.1)  # which rounding does not make vary
    assert (scores.r2(constant, constant), scores.r2(constant + 1, constant)) == (1, 0)


def test_one_sample_has_no_r2() -> None:
    prediction, target = pair((1, 3))
    assert math.isnan(scores.r2(prediction, target))
    prediction, target = pair((4, 5, 2))
    assert math.isnan(scores.r2(prediction, target, np.array([0, 1, 0, 0])))


@by_name
@pytest.mark.usefixtures("small_chunks")
def test_steps_after_a_rows_length_do_not_count(score: Score) -> None:
    prediction, target, lengths, valid = padded()
    expected = THEIRS[score.__name__](target[valid].astype("f8"), prediction[valid].astype("f8"))
    assert score(prediction, target, lengths) == pytest.approx(expected, rel=1e-12)
    prediction, target = pair((6, 4, 2))
    assert score(prediction, target, np.full(6, 4)) == score(prediction, target)


@by_name
def test_shapes_that_do_not_match_are_refused(score: Score) -> None:
    prediction, target = pair((6, 4, 2))
    with pytest.raises(DataError, match=r"\(6, 1\).*\(6,\)"):
        score(prediction[:, 0, :1], target[:, 0, 0])
    with pytest.raises(DataError, match="lengths"):
        score(prediction, target, np.full(5, 4))
    with pytest.raises(DataError, match="lengths"):
        score(prediction[:, 0], target[:, 0], np.full(6, 4))


@pytest.mark.parametrize("score", REGRESSION[:2], ids=lambda f: f.__name__)
def test_errors_of_empty_arrays_are_zero(score: Score) -> None:
    prediction, target = pair((3, 4, 2))
    assert score(prediction[:0], target[:0]) == 0
    assert score(prediction, target, np.zeros(3, dtype=int)) == 0


def test_errors_of_float32_are_summed_in_float64() -> None:
    target = np.zeros((2**18, 1), dtype="f4")
    prediction = np.full_like(target, 0.1)
    assert scores.mean_absolute_error(prediction, target) == pytest.approx(
        float(np.float32(0.1)), rel=1e-13
    )


@given(st.floats(0, 10), st.floats(0.1, 10))
@quick
def test_skill_is_the_fraction_of_the_baselines_error_removed(mse: float, base: float) -> None:
    assert base * (1 - scores.skill(mse, base)) == pytest.approx(mse, abs=1e-12)


def test_skill_against_a_perfect_baseline() -> None:
    assert scores.skill(0.0, 0.0) == 0
    assert scores.skill(0.1, 0.0) == -math.inf


@pytest.mark.parametrize("shape", [(50,), (50, 3), (12, 5, 2)])
@pytest.mark.usefixtures("small_chunks")
def test_error_by_row_is_each_rows_mean_squared_error(shape: tuple[int, ...]) -> None:
    prediction, target = pair(shape, "u1")
    expected = [
        theirs.mean_squared_error(np.ravel(t).astype("f8"), np.ravel(p).astype("f8"))
        for p, t in zip(prediction, target, strict=True)
    ]
    np.testing.assert_allclose(scores.error_by_row(prediction, target), expected, rtol=1e-12)


@pytest.mark.usefixtures("small_chunks")
def test_error_by_row_ignores_steps_after_the_length() -> None:
    prediction, target, lengths, _ = padded()
    expected = [
        scores.mean_squared_error(p[None, :n], t[None, :n])
        for p, t, n in zip(prediction, target, lengths, strict=True)
    ]
    assert expected[1] == 0
    np.testing.assert_allclose(scores.error_by_row(prediction, target, lengths), expected)


# --- neighbours


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.usefixtures("small_chunks")
def test_knn_accuracy_is_sklearns_leave_one_out(k: int) -> None:
    random = np.random.default_rng(3)
    labels = random.integers(0, 3, 80).astype("u1")
    codes = (random.standard_normal((80, 4)) + labels[:, None]).astype("f4")
    expected = cross_val_score(KNeighborsClassifier(k), codes, labels, cv=LeaveOneOut()).mean()
    assert scores.knn_accuracy(codes, labels, k) == pytest.approx(expected)


def one_by_one(codes: Array, labels: Array, k: int) -> float:
    """Leave-one-out accuracy, a row at a time, in Python."""
    right = 0
    for i, code in enumerate(codes):
        others = [j for j in range(len(codes)) if j != i]
        others.sort(key=lambda j: (float(((codes[j] - code) ** 2).sum()), j))
        votes = [int(labels[j]) for j in others[:k]]
        right += min(set(votes), key=lambda c: (-votes.count(c), c)) == labels[i]
    return right / len(codes)


@given(
    st.integers(2, 12).flatmap(
        lambda n: st.tuples(
            hnp.arrays(np.float64, (n, 2), elements=st.integers(0, 2).map(float)),
            hnp.arrays(np.int64, n, elements=st.integers(0, 3)),
        )
    ),
    st.integers(1, 15),
)
@quick
def test_knn_ties_go_to_the_earlier_row_and_the_smaller_class(
    rows: tuple[Array, Array], k: int
) -> None:
    codes, labels = rows
    assert scores.knn_accuracy(codes, labels, k) == one_by_one(codes, labels, k)


@pytest.mark.usefixtures("small_chunks")
def test_knn_ties_among_many_rows_go_to_the_earlier() -> None:
    random = np.random.default_rng(9)
    codes, labels = random.integers(0, 4, (120, 2)), random.integers(0, 3, 120)
    assert scores.knn_accuracy(codes, labels, 4) == one_by_one(codes, labels, 4)


def test_knn_distances_of_bytes_do_not_wrap_and_the_first_rows_are_compared() -> None:
    codes = np.array([[0], [10], [250], [255]], dtype=np.uint8)
    assert scores.knn_accuracy(codes, np.array([0, 0, 1, 1]), k=1) == 1
    codes = np.array([[0.0], [0.1], [5.0], [5.1], [0.0], [5.0]])
    labels = np.array([0, 0, 1, 1, 1, 0])
    assert scores.knn_accuracy(codes, labels, k=1, n_most=4) == 1  # of the first rows only
    assert scores.knn_accuracy(codes, labels, k=1) < 1


def test_one_row_has_no_neighbours() -> None:
    assert math.isnan(scores.knn_accuracy(np.zeros((1, 2)), np.zeros(1)))


# --- chunks


@given(st.lists(st.integers(0, 9), min_size=1, max_size=3), st.integers(1, 40))
@quick
def test_row_chunks_cover_every_row_once(shape: list[int], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scores, "CHUNK", most)
        chunks = list(scores.row_chunks(tuple(shape)))
    numbers = [n for chunk in chunks for n in range(shape[0])[chunk]]
    assert numbers == list(range(shape[0]))
    width = math.prod(shape[1:])
    assert all((c.stop - c.start) * width <= max(most, width) for c in chunks)
