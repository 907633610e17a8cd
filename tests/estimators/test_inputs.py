"""What estimators accept as X and y: series, tensors, data frames."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy.sparse import csr_matrix  # type: ignore[import-untyped]
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from hiddenstate import Autoencoder, RecurrentClassifier, RecurrentRegressor, load
from hiddenstate.errors import DataError, OptionError
from hiddenstate.runs import Run
from hiddenstate.views.timeline import Timeline
from tests.conftest import ENGINES
from tests.estimators.test_estimators import KINDS, QUICK, RNG, Y_CLASS, Y_LAST, Y_STEPS, I, N, T, X

LENGTHS = np.where(np.arange(N) == 5, 1, 2 + np.arange(N) * 7 % (T - 1))
SERIES = [X[i, :n] for i, n in enumerate(LENGTHS)]
STEPS = [Y_STEPS[i, :n] for i, n in enumerate(LENGTHS)]
TWO_STEPS = [np.stack([row, 1 - row], axis=1) for row in STEPS]


def objects(parts):
    """A one-dimensional array of arrays."""
    series = np.empty(len(parts), object)
    series[:] = parts
    return series


def classifier(**options):
    return RecurrentClassifier(**{"hidden_size": 4, **QUICK, **options})


def regressor(**options):
    return RecurrentRegressor(**{"hidden_size": 4, **QUICK, **options})


def coder(**options):
    return Autoencoder(**{"encoder_sizes": (6,), "code_size": 2, **QUICK, **options})


MADE = {"classify": classifier, "regress": regressor, "autoencode": coder}
TARGETS = {"classify": Y_CLASS, "regress": Y_LAST, "autoencode": None}


def predictions_of(estimator, rows):
    """Every output of an estimator for `rows`."""
    for name in ("predict_proba", "transform", "predict"):
        if hasattr(estimator, name):
            return getattr(estimator, name)(rows)
    raise AssertionError


# Series of unequal length


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("options", [{}, {"bidirectional": True}, {"readout": "mean"}])
def test_a_series_in_a_list_has_the_outputs_of_the_series_alone(options, engine):
    estimator = classifier(engine=engine, scale="standard", **options).fit(SERIES, Y_CLASS)
    together = estimator.predict_proba(SERIES)
    alone = np.concatenate([estimator.predict_proba([row]) for row in SERIES])
    np.testing.assert_allclose(together, alone, rtol=1e-9)
    arrays = np.concatenate([estimator.predict_proba(row[None]) for row in SERIES])
    np.testing.assert_allclose(together, arrays, rtol=1e-9)
    assert estimator.score(SERIES, Y_CLASS) == np.mean(estimator.predict(SERIES) == Y_CLASS)


FORMS = {
    "tuple": tuple,
    "objects": objects,
    "lists": lambda parts: [row.tolist() for row in parts],
    "tensors": lambda parts: [torch.tensor(row, requires_grad=True) for row in parts],
    "pandas": lambda parts: [pd.DataFrame(row) for row in parts],
    "polars": lambda parts: [pl.DataFrame(row) for row in parts],
}


@pytest.mark.parametrize("form", FORMS)
def test_a_list_of_series_can_have_many_forms(form):
    expected = classifier().fit(SERIES, Y_CLASS).predict_proba(SERIES)
    given = FORMS[form](SERIES)
    np.testing.assert_array_equal(classifier().fit(given, Y_CLASS).predict_proba(given), expected)


def test_series_of_numbers_have_one_feature_per_step():
    numbers = [row[:, 0] for row in SERIES]
    expected = regressor().fit([row[:, None] for row in numbers], Y_LAST).predict(X[:, :, :1])
    for form in ("tuple", "objects", "lists", "tensors"):
        estimator = regressor().fit(FORMS[form](numbers), Y_LAST)
        np.testing.assert_array_equal(estimator.predict(X[:, :, :1]), expected)
        np.testing.assert_array_equal(estimator.predict(X[:, :, 0]), expected)


@pytest.mark.parametrize("form", ["list", "tuple", "objects", "tensors"])
def test_equal_series_in_a_list_are_an_array(form):
    given = (
        (FORMS | {"list": list})[form](list(X)) if form != "objects" else objects(list(X[:, :5]))
    )
    own = X[:, :5] if form == "objects" else X
    np.testing.assert_array_equal(
        classifier().fit(given, Y_CLASS).predict_proba(given),
        classifier().fit(own, Y_CLASS).predict_proba(own),
    )


@pytest.mark.parametrize("y", [STEPS, TWO_STEPS, objects(STEPS), [torch.tensor(s) for s in STEPS]])
def test_targets_at_every_step_of_unequal_series(y):
    estimator = regressor(output="steps", scale="standard").fit(SERIES, y)
    predicted = estimator.predict(SERIES)
    assert predicted.dtype == object
    assert [row.shape for row in predicted] == [tuple(row.shape) for row in y]
    for row, own in zip(SERIES, predicted, strict=True):
        np.testing.assert_allclose(estimator.predict([row])[0], own, rtol=1e-9)
    assert np.isfinite(estimator.score(SERIES, y))


def test_predictions_of_unequal_series_can_be_targets_and_are_scored_step_by_step():
    estimator = regressor(output="steps").fit(SERIES, STEPS)
    predicted = estimator.predict(SERIES)
    assert estimator.score(SERIES, predicted) == 1
    flat, true = np.concatenate(list(predicted)), np.concatenate(STEPS)
    weights = RNG.random(N)
    each = np.repeat(weights, LENGTHS)
    mean = np.average(true, weights=each)
    expected = 1 - (each * (true - flat) ** 2).sum() / (each * (true - mean) ** 2).sum()
    assert estimator.score(SERIES, STEPS, weights) == pytest.approx(expected)


@pytest.mark.parametrize(
    "y", [STEPS[:-1], [*STEPS[:-1], STEPS[-1][:-1]], [row[:, None, None] for row in STEPS]]
)
def test_targets_that_do_not_match_their_series_are_rejected(y):
    with pytest.raises(DataError, match=r"^y: "):
        regressor(output="steps").fit(SERIES, y)


def test_targets_of_unequal_length_are_rejected_for_an_array():
    with pytest.raises(DataError, match="unequal length"):
        regressor(output="steps").fit(X, STEPS)
    estimator = regressor(output="steps").fit(X, Y_STEPS)
    with pytest.raises(DataError, match="different lengths"):
        estimator.score(X, STEPS)


@pytest.mark.parametrize("output", ["last", "steps"])
def test_stateful_series_are_each_read_to_their_own_end(output):
    y = STEPS if output == "steps" else Y_LAST
    estimator = regressor(stateful=True, output=output, max_steps=20).fit(SERIES, y)
    state, expected = {}, []
    for row in SERIES:
        one, state = estimator.forward(row[None], state)
        expected.append(one[0])
    for series, own in zip(estimator.predict(SERIES), expected, strict=True):
        np.testing.assert_allclose(series, own, rtol=1e-9)


def test_unequal_windows_one_by_one_train_as_in_one_fit():
    options: dict[str, Any] = {
        "stateful": True,
        "output": "steps",
        "random_state": 0,
        "hold": 100,
        "threads": 1,
    }
    whole = RecurrentRegressor(hidden_size=4, epochs=1, **options).fit(SERIES, STEPS)
    pieces = RecurrentRegressor(hidden_size=4, **options)
    for row, y in zip(SERIES, STEPS, strict=True):
        pieces.partial_fit([row], [y])
    for name, array in whole.model_.params.items():
        np.testing.assert_allclose(pieces.model_.params[name], array, rtol=1e-9, atol=1e-12)


def test_partial_fit_takes_series_of_other_lengths():
    estimator = regressor(output="steps").partial_fit(SERIES, STEPS)
    assert estimator.partial_fit(SERIES[:10], STEPS[:10]).n_steps_ == 2
    assert estimator.partial_fit(X, Y_STEPS).n_steps_ == 3


def test_forward_takes_only_rows_of_equal_length():
    with pytest.raises(DataError, match="equal length"):
        regressor().fit(SERIES, Y_LAST).forward(SERIES)


def test_steps_cut_flat_rows_not_series():
    with pytest.raises(OptionError, match=r"^steps: "):
        regressor(steps=3).fit(SERIES, Y_LAST)
    with pytest.raises(OptionError, match=r"^steps: "):
        classifier(steps=3).fit(SERIES, Y_CLASS)


def test_an_autoencoder_rejects_series_of_unequal_length():
    with pytest.raises(DataError, match="rows of one length, but these have 1 to 9 steps"):
        coder().fit(SERIES)
    estimator = coder().fit(list(X))
    for ask in (estimator.transform, estimator.score):
        with pytest.raises(DataError, match="rows of one length"):
            ask(SERIES)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([X[0], X[1][:4, 0]], "1 or 2 axes"),
        ([X[:1], X[1:2, :4]], "3 axes"),
        ([[[1.0, 2.0], [3.0]], [[1.0, 2.0]]], "series 0 is not an array"),
        ([X[0], X[1][:4, :1]], "1 to 2 features"),
        ([X[0], X[1][:0]], "series 1 has no steps"),
        ([X[0].astype(str), X[1][:4].astype(str)], "expected numbers"),
        ([X[0].astype(object), [[None, "a"]]], "expected numbers"),
        ([X[0] + 1j, X[1][:4] + 1j], "Complex data not supported"),
        (X[:2, :, :, None], "Found array with dim 4"),
    ],
)
def test_an_invalid_list_of_series_is_rejected(given, words):
    with pytest.raises(DataError, match=words):
        classifier().fit(given, [0, 1])


# The axes of time-series toolkits


@pytest.mark.parametrize("make", [classifier, regressor])
@pytest.mark.parametrize("rows", [X, SERIES], ids=["array", "list"])
def test_channels_first_swaps_the_axes_and_nothing_else(make, rows, tmp_path):
    y = Y_CLASS if make is classifier else Y_LAST
    turned = rows.transpose(0, 2, 1) if rows is X else [row.T for row in rows]
    expected = predictions_of(make().fit(rows, y), rows)
    estimator = make(channels_first=True).fit(turned, y)
    assert estimator.n_features_in_ == I
    np.testing.assert_array_equal(predictions_of(estimator, turned), expected)
    estimator.save(tmp_path / "m.safetensors")
    loaded = load(tmp_path / "m.safetensors")
    assert loaded.channels_first is True
    np.testing.assert_array_equal(predictions_of(loaded, turned), expected)


def test_channels_first_does_not_change_flat_rows_and_targets():
    flat = X[:, :, 0]
    np.testing.assert_array_equal(
        classifier(channels_first=True).fit(flat, Y_CLASS).predict_proba(flat),
        classifier().fit(flat, Y_CLASS).predict_proba(flat),
    )
    estimator = regressor(channels_first=True, output="steps").fit(X.transpose(0, 2, 1), Y_STEPS)
    assert estimator.predict(X.transpose(0, 2, 1)).shape == Y_STEPS.shape


# Tensors and frames


@pytest.mark.parametrize("job", KINDS)
def test_tensors_are_arrays(job):
    y = TARGETS[job]
    expected = predictions_of(MADE[job]().fit(X, y), X)
    tensor = torch.tensor(X, requires_grad=True)
    own = y
    if job == "regress":
        own = torch.tensor(y, requires_grad=True)
    if job == "classify":
        own = torch.tensor(y == "up")
    weights = torch.ones(N, dtype=torch.float64)
    estimator = MADE[job]().fit(tensor, own, weights)
    np.testing.assert_array_equal(predictions_of(estimator, tensor), expected)
    if job != "autoencode":
        assert np.isfinite(estimator.score(tensor, own, weights))


@pytest.mark.parametrize("in_list", [False, True])
def test_masked_numbers_are_missing_values(in_list):
    gaps = np.zeros(X.shape, bool)
    gaps[2, 1, 0] = True
    masked = np.ma.masked_array(np.where(gaps, 1e6, X), gaps)
    given = list(masked) if in_list else masked
    with pytest.raises(DataError, match="contains NaN"):
        classifier().fit(given, Y_CLASS)
    fitted = classifier(missing="mean").fit(given, Y_CLASS)
    plain = classifier(missing="mean").fit(np.where(gaps, np.nan, X), Y_CLASS)
    assert np.array_equal(fitted.predict_proba(given), plain.predict_proba(masked.filled(np.nan)))
    unmasked = classifier().fit(np.ma.masked_array(X), Y_CLASS)
    assert np.array_equal(unmasked.predict(X), classifier().fit(X, Y_CLASS).predict(X))


@pytest.mark.parametrize("labels", [Y_CLASS.astype(str), np.arange(N) % 2])
def test_masked_labels_are_rejected(labels):
    masked = np.ma.masked_array(labels, np.arange(N) == 3)
    with pytest.raises(DataError, match=r"masked|NaN"):
        classifier().fit(X, masked)


def test_sparse_matrices_in_a_list_are_rejected_by_number():
    with pytest.raises(DataError, match="series 0 is not an array"):
        classifier().fit([csr_matrix(row) for row in X], Y_CLASS)


def test_a_tensor_in_half_precision_is_converted_to_a_supported_type():
    for kind, own in ((torch.bfloat16, np.float32), (torch.float16, np.float64)):
        rows = torch.tensor(X, dtype=kind)
        assert classifier().fit(rows, Y_CLASS).predict_proba(rows).dtype == own


NAMES = [f"c{i}" for i in range(T)]
FLAT = X[:, :, 0]

TAKEN = [
    pytest.param(job, rows, id=f"{job}-{name}")
    for name, rows in {"3-D": X, "2-D": FLAT, "f4": X.astype("f4"), "list": SERIES}.items()
    for job in KINDS
    if (job, name) != ("autoencode", "list")
]
"""Rows of each form with the jobs that take them."""
PANDAS = pd.DataFrame(FLAT, columns=NAMES)
POLARS = pl.DataFrame(FLAT, schema=NAMES)


@pytest.mark.parametrize("frame", [PANDAS, POLARS], ids=["pandas", "polars"])
@pytest.mark.parametrize("job", KINDS)
def test_column_names_of_a_frame_are_kept_and_checked(job, frame, tmp_path):
    estimator = MADE[job]().fit(frame, TARGETS[job])
    expected = predictions_of(MADE[job]().fit(FLAT, TARGETS[job]), FLAT)
    assert list(estimator.feature_names_in_) == NAMES
    np.testing.assert_array_equal(predictions_of(estimator, frame), expected)
    estimator.save(tmp_path / "m.safetensors")
    for fitted in (estimator, load(tmp_path / "m.safetensors")):
        with pytest.raises(ValueError, match="feature names should match"):
            predictions_of(fitted, frame[NAMES[::-1]])
        with pytest.warns(UserWarning, match="does not have valid feature names"):
            predictions_of(fitted, FLAT)


def test_a_column_of_text_that_was_not_in_fit_is_named_as_unknown():
    estimator = classifier().fit(PANDAS, Y_CLASS)
    with pytest.raises(ValueError, match="unseen at fit time:\n- place\n"):
        estimator.predict(PANDAS.assign(place="in"))
    with pytest.raises(DataError, match="column c1: could not convert string to float: 'in'"):
        estimator.predict(PANDAS.assign(place="in", c1="in"))


def test_column_names_of_an_earlier_fit_are_removed():
    estimator = classifier().fit(PANDAS, Y_CLASS).fit(X, Y_CLASS)
    assert not hasattr(estimator, "feature_names_in_")
    assert estimator.n_features_in_ == I


def test_a_frame_of_pixels_is_read_as_its_array():
    pixels = RNG.integers(0, 256, (N, T), dtype=np.uint8)
    expected = coder().fit(pixels).transform(pixels)
    for frame in (pd.DataFrame(pixels), pl.DataFrame(pixels)):
        np.testing.assert_array_equal(coder().fit(frame).transform(frame), expected)


def test_labels_and_targets_can_be_pandas_series():
    for kind in (pd.Series, pl.Series):
        assert list(classifier().fit(X, kind(Y_CLASS)).classes_) == ["down", "up"]
        assert regressor().fit(X, kind(Y_LAST)).predict(X).shape == (N,)
    words = pd.Series(Y_CLASS).astype("category")
    assert list(classifier().fit(X, words).classes_) == ["down", "up"]


# The number of features, and calls before fitting


@pytest.mark.parametrize("job", KINDS)
@pytest.mark.parametrize("rows", [X, FLAT], ids=["3-D", "2-D"])
def test_another_number_of_features_is_rejected_as_in_scikit_learn(job, rows):
    estimator = MADE[job]().fit(rows, TARGETS[job])
    assert estimator.n_features_in_ == rows.shape[-1]
    words = f"X has {rows.shape[-1] - 1} features, but {type(estimator).__name__} is expecting"
    with pytest.raises(ValueError, match=words):
        predictions_of(estimator, rows[..., 1:])
    with pytest.raises(ValueError, match="features"):
        predictions_of(
            MADE[job]().fit(X, TARGETS[job]), X[:, :5, 0] if job != "autoencode" else X[..., :1]
        )


@pytest.mark.parametrize("job", KINDS)
def test_an_estimator_that_is_not_fitted_raises(job, tmp_path):
    estimator = MADE[job]()
    calls = [lambda: predictions_of(estimator, X), lambda: estimator.save(tmp_path / "m")]
    calls += [estimator.to_torch, lambda: estimator.score(X, TARGETS[job])]
    if job == "autoencode":
        calls += [lambda: estimator.inverse_transform([[0, 0]]), estimator.get_feature_names_out]
    for ask in calls:
        with pytest.raises(NotFittedError):
            ask()


@pytest.mark.parametrize("codes", [[[0.0]], [0.0, 1.0], [[np.nan, 0.0]], [[np.inf, 0.0]]])
def test_invalid_codes_are_rejected(codes):
    with pytest.raises(DataError, match="codes"):
        coder().fit(X).inverse_transform(codes)


def test_the_clone_of_a_fitted_estimator_is_not_fitted():
    estimator = classifier().fit(SERIES, Y_CLASS)
    assert not [name for name in vars(clone(estimator)) if name.endswith("_")]


# What a recorded fit draws


@pytest.mark.parametrize(
    ("shape", "dtype", "picture"),
    [
        ((N, 4, 5), "uint8", (4, 5)),
        ((N, 16), "uint8", (4, 4)),
        ((N, 15), "uint8", None),
        ((N, 9, 1), "uint8", None),
        ((N, 16), "float32", None),
    ],
)
def test_uint8_rows_with_two_axes_or_a_square_are_drawn_as_images(tmp_path, shape, dtype, picture):
    rows = RNG.integers(0, 255, shape).astype(dtype)
    coder().fit(rows, run_dir=tmp_path / "coder")
    classifier().fit(rows, Y_CLASS, run_dir=tmp_path / "classifier")
    for name in ("coder", "classifier"):
        assert Timeline(Run(tmp_path / name)).facts.picture == picture


@pytest.mark.parametrize("rows", ["one frame", "a list of frames"])
def test_two_columns_of_one_name_are_refused(rows):
    frame = pd.DataFrame(X[:, 0], columns=["a"] * X.shape[2])
    given = frame if rows == "one frame" else [frame] * N
    with pytest.raises(DataError, match="columns 1 and 2 are both named a; rename one"):
        classifier().fit(given, Y_CLASS)


def test_bytes_of_three_colours_are_pictures(tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 255, (6, 8, 9, 3)).astype(np.uint8)
    model = classifier().fit(pictures, [0, 1] * 3, run_dir=tmp_path / "run")
    assert Run(tmp_path / "run").static_arrays[1].picture == (8, 9, 3)
    assert model.model_.transform.reading["color"]
    fractions = model.predict_proba(pictures / 255)
    np.testing.assert_allclose(model.predict_proba(pictures), fractions, atol=1e-6)
    rebuilt = coder().fit(pictures)
    assert rebuilt.inverse_transform(rebuilt.transform(pictures)).shape == pictures.shape
    for given in (pictures / 255, pictures[..., :2]):
        with pytest.raises(DataError, match="pictures in colour are uint8"):
            classifier().fit(given, [0, 1] * 3)
