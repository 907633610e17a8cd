"""Values of X and y: missing and infinite ones, float types, scaling, pixels."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.utils import get_tags

from hiddenstate import Autoencoder, RecurrentClassifier, RecurrentRegressor, load
from hiddenstate.errors import DataError, OptionError
from tests.conftest import ENGINES
from tests.estimators.test_estimators import KINDS, RNG, Y_CLASS, Y_LAST, I, N, T, X
from tests.estimators.test_inputs import (
    MADE,
    SERIES,
    STEPS,
    TAKEN,
    TARGETS,
    classifier,
    coder,
    predictions_of,
    regressor,
)

# Missing values and infinity

HOLES = np.where(X > 1.5, np.nan, X)
CHOICES = [
    (j, m) for j in KINDS for m in ("mean", "forward", "mask") if (j, m[0]) != ("autoencode", "f")
]


@pytest.mark.parametrize("rows", [HOLES, HOLES[:, :, 0]], ids=["3-D", "2-D"])
@pytest.mark.parametrize(("job", "missing"), CHOICES)
def test_missing_values_are_filled_in(job, missing, rows, tmp_path):
    estimator = MADE[job](missing=missing, scale="standard").fit(rows, TARGETS[job])
    assert get_tags(estimator).input_tags.allow_nan
    predicted = predictions_of(estimator, rows)
    assert np.isfinite(predicted).all()
    estimator.save(tmp_path / "m.safetensors")
    loaded = load(tmp_path / "m.safetensors")
    assert loaded.missing == missing
    assert loaded.n_features_in_ == estimator.n_features_in_
    np.testing.assert_array_equal(predictions_of(loaded, rows), predicted)
    if job == "autoencode":
        assert estimator.inverse_transform(predicted).shape == rows.shape
        assert np.isfinite(estimator.score(rows))


@pytest.mark.parametrize("missing", ["mean", "forward", "mask"])
def test_missing_values_are_filled_in_as_documented(missing):
    rows, cut = X.copy(), X.copy()
    rows[3, 4, 1] = np.nan
    estimator = classifier(missing=missing).fit(rows, Y_CLASS)
    mean = np.nanmean(rows[:, :, 1])
    cut[3, 4, 1] = {"forward": rows[3, 3, 1]}.get(missing, mean)
    same = np.allclose(estimator.predict_proba(cut), estimator.predict_proba(rows), rtol=1e-12)
    assert same == (missing != "mask")  # whose second feature marks missing values


@pytest.mark.parametrize("missing", ["mean", "mask"])
def test_the_score_of_an_autoencoder_ignores_missing_values(missing):
    estimator = coder(missing=missing, scale="standard").fit(HOLES)
    built = estimator.inverse_transform(estimator.transform(HOLES))
    present = np.isfinite(HOLES)
    expected = -np.mean((built[present] - HOLES[present]) ** 2)
    assert estimator.score(HOLES) == pytest.approx(expected)


@pytest.mark.parametrize(("job", "rows"), TAKEN)
def test_values_that_are_not_finite_are_rejected_as_in_scikit_learn(job, rows):
    assert not get_tags(MADE[job]()).input_tags.allow_nan
    fitted = MADE[job]().fit(rows, TARGETS[job])
    for value, words in ((np.nan, "Input X contains NaN"), (np.inf, "Input X contains infinity")):
        copies = [row.copy() for row in rows]
        copies[7].flat[0] = value
        bad = copies if rows is SERIES else np.array(copies)
        with pytest.raises(DataError, match=words):
            MADE[job]().fit(bad, TARGETS[job])
        with pytest.raises(DataError, match=words):
            predictions_of(fitted, bad)


@pytest.mark.parametrize(
    ("job", "rows", "missing"),
    [
        pytest.param(*taken.values, missing, id=f"{taken.id}-{missing}")
        for taken in TAKEN
        for job, missing in CHOICES
        if taken.values[0] == job
    ],
)
def test_infinity_is_missing_where_the_model_fills_gaps(job, rows, missing):
    copies = [[row.copy() for row in rows], [row.copy() for row in rows]]
    for copy, value in zip(copies, (np.nan, -np.inf), strict=True):
        copy[7].flat[0] = copy[2].flat[2] = value
    gaps, infinite = copies if rows is SERIES else map(np.array, copies)
    fitted, other = (
        MADE[job](missing=missing).fit(each, TARGETS[job]) for each in (gaps, infinite)
    )
    for one in (gaps, infinite):
        np.testing.assert_array_equal(predictions_of(other, one), predictions_of(fitted, gaps))
    if rows is X and job != "autoencode":
        steps = [fitted.stream(len(X)).step(np.asarray(one)[:, 0]) for one in (gaps, infinite)]
        np.testing.assert_array_equal(*steps)


def test_the_hint_for_missing_values_names_choices_of_the_estimator():
    for job, choices in (
        ("classify", "'mean' or 'forward' or 'mask'"),
        ("autoencode", "'mean' or 'mask'"),
    ):
        for value in (np.nan, np.inf):
            with pytest.raises(DataError, match=f"missing={choices}"):
                MADE[job]().fit(np.where(np.isnan(HOLES), value, X), TARGETS[job])


@pytest.mark.parametrize(("job", "missing"), [("classify", "drop"), ("autoencode", "forward")])
def test_choices_that_only_the_commands_have_are_rejected(job, missing):
    with pytest.raises(OptionError, match=f"missing: {missing!r} is not available for"):
        MADE[job](missing=missing).fit(X, TARGETS[job])
    line = next(line for line in KINDS[job].__doc__.splitlines() if " missing : " in line)
    assert missing not in line


@pytest.mark.parametrize(
    "y", [np.where(Y_LAST > 2, np.nan, Y_LAST), np.where(Y_LAST > 2, np.inf, 0)]
)
def test_targets_must_be_finite(y):
    with pytest.raises(DataError, match=r"Input y contains (NaN|infinity)"):
        regressor().fit(X, y)


# Types and scales


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("job", KINDS)
def test_float32_input_gives_float32_output(job, engine):
    rows = X.astype(np.float32)
    estimator = MADE[job](engine=engine, scale="standard").fit(rows, TARGETS[job])
    predicted = predictions_of(estimator, rows)
    assert predicted.dtype == np.float32
    if job == "autoencode":
        assert estimator.inverse_transform(predicted).dtype == np.float32
        assert "float32" in get_tags(estimator).transformer_tags.preserves_dtype
    double = MADE[job](engine=engine, scale="standard").fit(X, TARGETS[job])
    assert predictions_of(double, X).dtype == np.float64
    np.testing.assert_allclose(predictions_of(double, X), predicted, atol=2e-3)


def test_every_type_of_number_is_accepted():
    whole = (X * 10).astype(int)
    expected = classifier().fit(whole.astype(float), Y_CLASS).predict_proba(whole)
    for kind in (np.int8, np.int64, np.float16, ">f8", object):
        rows = whole.astype(kind)
        np.testing.assert_array_equal(classifier().fit(rows, Y_CLASS).predict_proba(rows), expected)


def test_partial_fit_keeps_the_float_type_of_its_first_call():
    estimator = regressor().partial_fit(X, Y_LAST).partial_fit(X.astype(np.float32), Y_LAST)
    assert {a.dtype for a in estimator.model_.params.values()} == {np.dtype(np.float64)}


@pytest.mark.parametrize("job", KINDS)
def test_scaling_makes_units_irrelevant(job):
    far = X * [1000, 0.01] + [5e4, -3]
    y = TARGETS[job]
    for scale in ("standard", "minmax"):
        near, moved = MADE[job](scale=scale).fit(X, y), MADE[job](scale=scale).fit(far, y)
        np.testing.assert_allclose(
            predictions_of(moved, far), predictions_of(near, X), rtol=1e-6, atol=1e-9
        )


def test_targets_are_scaled_and_predicted_in_their_units():
    options = {"scale": "standard", "output": "steps"}
    near = regressor(**options).fit(SERIES, STEPS).predict(SERIES)
    far = regressor(**options).fit(SERIES, [row * 1e6 - 5 for row in STEPS]).predict(SERIES)
    for one, other in zip(near, far, strict=True):
        np.testing.assert_allclose(other, one * 1e6 - 5, rtol=1e-6, atol=1e-2)


def test_scale_auto_scales_values_outside_0_to_1():
    inside = RNG.random((N, T))
    assert coder().fit(inside).model_.transform.scaling is None
    assert coder().fit(inside * 255).model_.transform.scaling is not None
    assert coder().fit(inside * 255).model_.net.config.output_activation == "linear"


def test_pixels_in_a_list_and_flat():
    pixels = RNG.integers(0, 256, (N, T * I), dtype=np.uint8)
    shaped = pixels.reshape(N, T, I)
    expected = classifier().fit(shaped, Y_CLASS).predict_proba(shaped)
    assert expected.dtype == np.float32
    flat = classifier(steps=T).fit(pixels, Y_CLASS)
    np.testing.assert_array_equal(flat.predict_proba(pixels), expected)
    np.testing.assert_array_equal(flat.predict_proba(shaped), expected)
    listed = classifier().fit(list(shaped), Y_CLASS)
    np.testing.assert_array_equal(listed.predict_proba(list(shaped)), expected)


@pytest.mark.parametrize("job", KINDS)
def test_checking_an_array_does_not_copy_it(job):
    rows = X.astype("float32")
    assert np.shares_memory(MADE[job]()._checked_rows(rows, reset=True).X, rows)


@pytest.mark.parametrize(
    ("job", "frame"), [("classify", True), ("regress", False), ("autoencode", True)]
)
def test_float32_stays_float32_and_is_not_copied_as_float64(job, frame, monkeypatch):
    """Beside X there are the scaled rows and, of a frame, the rows as an array; nothing larger."""
    import tracemalloc

    for name in ("missing.SCAN_BYTES", "statistics.MERGED", "apply.SCAN_BYTES"):
        monkeypatch.setattr(f"hiddenstate.data.prepare.{name}", 2**14)
    monkeypatch.setattr("hiddenstate.data.rows.PIECE", 2**14)
    X = RNG.normal(size=(1500, 120)).astype("float32")
    own = pd.DataFrame(X, columns=[f"c{j}" for j in range(120)]) if frame else X
    y = np.arange(1500) % 2
    options: dict[str, Any] = {"max_steps": 1, "threads": 1}
    made: dict[str, Any] = {
        "classify": RecurrentClassifier(hidden_size=2, steps=12, **options),
        "regress": RecurrentRegressor(hidden_size=2, steps=12, **options),
        "autoencode": Autoencoder((3,), 2, **options),
    }
    estimator = made[job].fit(own[:40], y[:40])  # imports modules, which do not count
    assert estimator._checked_rows(own, reset=True).X.dtype == np.float32
    calls = [lambda: estimator.fit(own, y)]
    calls += [lambda: getattr(estimator, "predict_proba" if job == "classify" else "predict")(own)]
    if job == "autoencode":
        calls[1] = lambda: estimator.inverse_transform(estimator.transform(own))
    for call in calls:
        tracemalloc.start()
        result = call()
        peak = tracemalloc.get_traced_memory()[1] / X.nbytes
        tracemalloc.stop()
        assert peak < 2.6, peak
    assert estimator.model_.dtype == result.dtype == np.float32


# Missing labels


@pytest.mark.parametrize(
    ("y", "row", "said"),
    [
        (["a", None] * (N // 2), 1, "None"),
        (np.array(["a", None] * (N // 2), object), 1, "None"),
        ([np.nan, "a"] * (N // 2), 0, "nan"),
        ([None, 1] * (N // 2), 0, "None"),
        (pd.Series(["a", pd.NA] * (N // 2)), 1, "nan|<NA>"),
        (pd.Series([pd.Timestamp("2020"), pd.NaT] * (N // 2)), 1, "NaT"),
    ],
)
def test_a_missing_label_is_refused_with_its_row(y: Any, row: int, said: str) -> None:
    message = rf"y: {N // 2} of {N} labels are missing, the first in row {row} \(({said})\)"
    with pytest.raises(DataError, match=message):
        RecurrentClassifier(max_steps=1).fit(X[: len(y)], y)
    with pytest.raises(DataError, match="classes: 1 of 2 labels are missing"):
        RecurrentClassifier(max_steps=1).partial_fit(X, Y_CLASS, classes=["a", None])
