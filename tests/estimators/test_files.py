"""Fitted estimators in files and as torch modules, and the models of runs."""

import json
from itertools import cycle

import numpy as np
import pandas as pd
import pytest
import torch

from hiddenstate import Autoencoder, RecurrentClassifier, RecurrentRegressor, load
from hiddenstate.errors import DataError, OptionError, UntrustedFileError
from hiddenstate.program.cells import CHOICES
from hiddenstate.system.array_file import read_arrays, write_arrays
from tests.conftest import QUIET
from tests.estimators.test_estimators import KINDS, Y_CLASS, Y_LAST, Y_STEPS, N, T, X
from tests.estimators.test_inputs import (
    FLAT,
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

HOLES = np.where(X > 1.5, np.nan, X)


def saved(estimator, folder):
    estimator.save(folder / "m.safetensors")
    return load(folder / "m.safetensors")


def all_outputs(estimator, rows):
    """Every output of an estimator for `rows`, with series of unequal length concatenated."""
    outputs = [predictions_of(estimator, rows)]
    if hasattr(estimator, "inverse_transform"):
        outputs.append(estimator.inverse_transform(outputs[0]))
    return [np.concatenate(list(f)) if f.dtype == object else f for f in outputs]


OPTIONS = [
    ("classify", {"class_weight": {"up": 2.0}, "scale": "minmax"}),
    ("classify", {"class_weight": "balanced", "cell": "rnn", "nonlinearity": "relu"}),
    ("classify", {"bidirectional": True, "readout": "mean", "layers": 2, "missing": "mask"}),
    ("classify", {"valid_fraction": 0.2, "patience": 3, "lr_schedule": "cosine"}),
    ("regress", {"scale": "standard", "missing": "forward", "cell": "lstm"}),
    ("regress", {"optimizer": "sgd", "momentum": 0.5, "clip": None, "eps": 1e-4}),
    ("autoencode", {"scale": "standard", "missing": "mask"}),
    ("autoencode", {"scale": "minmax", "activation": "relu", "encoder_sizes": (7, 5)}),
]


@pytest.mark.parametrize(
    ("job", "options", "rows"),
    [
        pytest.param(job, options, taken.values[1], id=f"{taken.id}-{k}")
        for k, (job, options) in enumerate(OPTIONS)
        for taken in TAKEN
        if taken.values[0] == job
    ],
)
def test_a_saved_estimator_predicts_the_same_to_the_last_bit(job, options, rows, tmp_path):
    if options.get("missing") and rows is X:
        rows = HOLES
    estimator = MADE[job](**options).fit(rows, TARGETS[job])
    loaded = saved(estimator, tmp_path)
    assert loaded.get_params() == estimator.get_params()
    assert loaded.n_features_in_ == estimator.n_features_in_
    assert loaded.n_steps_ == estimator.n_steps_
    for output, expected in zip(
        all_outputs(loaded, rows), all_outputs(estimator, rows), strict=True
    ):
        assert output.dtype == expected.dtype
        np.testing.assert_array_equal(output, expected)
    again = saved(loaded, tmp_path)
    np.testing.assert_array_equal(all_outputs(again, rows)[0], all_outputs(estimator, rows)[0])


def test_saved_targets_at_every_step_of_series(tmp_path):
    for y in (STEPS, [np.stack([row, row], axis=1) for row in STEPS]):
        estimator = regressor(output="steps", scale="standard").fit(SERIES, y)
        loaded = saved(estimator, tmp_path)
        for output, own in zip(loaded.predict(SERIES), estimator.predict(SERIES), strict=True):
            np.testing.assert_array_equal(output, own)


@pytest.mark.parametrize(
    "y",
    [
        *((Y_CLASS == "up") * 3 - 1, Y_CLASS == "up", np.where(Y_CLASS == "up", 1.0, 2.0)),
        *(Y_CLASS, Y_CLASS.astype(object)),
    ],
)
def test_labels_and_class_weights_keep_their_type_in_a_file(y, tmp_path):
    weights = dict.fromkeys(np.unique(y)[:1].tolist(), 2.0)
    estimator = classifier(class_weight=weights).fit(X, y)
    loaded = saved(estimator, tmp_path)
    assert loaded.class_weight == weights
    assert [type(label) for label in loaded.class_weight] == [type(label) for label in weights]
    assert loaded.classes_.dtype == estimator.classes_.dtype
    np.testing.assert_array_equal(loaded.predict(X), estimator.predict(X))


UNSTORABLE = {
    "datetime64": np.array(["2020-01-01", "2021-01-01"], "M8[ns]"),
    "datetime64 ": np.array(["2020-01-01", "2021-01-01"], "M8[s]"),
    "timedelta64": np.array([1, 2], "m8[h]"),
    "Unicode": np.array(["up", "\ud800"]),
    "apart": np.array(["up", "up\0"], dtype=object),
    "apart ": np.array([1, 2**64 - 1], np.uint64),
}


@pytest.mark.parametrize("reason", UNSTORABLE)
def test_labels_that_a_file_cannot_hold_are_refused_before_it_is_written(reason, tmp_path):
    y = UNSTORABLE[reason][(Y_CLASS == "up").astype(int)]
    estimator = RecurrentClassifier(hidden_size=3, max_steps=2).fit(X, y)
    assert set(estimator.predict(X)) <= set(y)
    path = tmp_path / "m.safetensors"
    path.write_text("before")
    with pytest.raises(DataError, match=reason.strip()):
        estimator.save(path)
    with pytest.raises(DataError, match=reason.strip()):
        estimator.fit(X, y, run_dir=tmp_path / "run")
    assert path.read_text() == "before"
    assert [*tmp_path.iterdir()] == [path]


WEIGHTS = [[["up", [1]]], [[["up"], 1]], [["up"]], {"up": 1}, [[{}, 1]]]
UNFIT = [("n_features_in_", 2**31), ("n_features_in_", 0), ("fit_ndim_", 7)]
LATER = [("device", "nan"), ("device", None), ("threads", "p")]
"""Settings that are used only when predicting."""


@pytest.mark.parametrize(
    ("part", "name", "wrong", "error"),
    [
        *(("settings", "class_weight", wrong, UntrustedFileError) for wrong in WEIGHTS),
        *(("fitted", name, wrong, UntrustedFileError) for name, wrong in UNFIT),
        *(("settings", name, wrong, OptionError) for name, wrong in LATER),
    ],
)
def test_settings_and_attributes_that_do_not_fit_are_rejected(part, name, wrong, error, tmp_path):
    path = tmp_path / "m.safetensors"
    classifier(class_weight={"up": 2.0}).fit(X, Y_CLASS).save(path)
    arrays, facts = read_arrays(path, "model")
    facts = json.loads(json.dumps(facts))
    facts["extra"][part][name] = wrong
    write_arrays(path, "model", arrays, facts)
    if error is OptionError:
        with pytest.raises(error, match=name):
            load(path).predict(X)
    else:
        parameter = "class_weight is not a parameter"
        with pytest.raises(error, match=parameter if name == "class_weight" else name):
            load(path)


def test_a_file_with_another_estimator_than_expected_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    classifier().fit(X, Y_CLASS).save(path)
    assert load(path, RecurrentClassifier).n_steps_ == load(path).n_steps_
    with pytest.raises(DataError, match="holds a RecurrentClassifier, expected Autoencoder"):
        load(path, Autoencoder)


@pytest.mark.parametrize(("cell", "scale"), [*zip(CHOICES, cycle(["none", "standard", "minmax"]))])
def test_the_torch_module_of_a_recurrent_estimator_takes_unscaled_x(cell, scale):
    far = X * [300, 0.1] + [20, -3]
    options = {"cell": cell, "scale": scale}
    estimator = classifier(**options).fit(far, Y_CLASS)
    output = estimator.to_torch()(torch.from_numpy(far))[0].softmax(dim=1).detach().numpy()
    np.testing.assert_allclose(output, estimator.predict_proba(far), rtol=1e-7)
    for y, output in ((Y_LAST * 40 + 5, "last"), (Y_STEPS[..., None] * 40 + 5, "steps")):
        estimator = regressor(output=output, **options).fit(far, y)
        output = estimator.to_torch()(torch.from_numpy(far))[0].detach().numpy()
        np.testing.assert_allclose(output.reshape(y.shape), estimator.predict(far), rtol=1e-7)


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("stem", [False, True])
def test_the_torch_module_of_an_ordinary_frame_reads_float32(stem, members):
    """Numbers of a frame are float64, and those of torch float32 unless a user says otherwise."""
    hold = {} if members == 1 else {"members": members, "hold": 0}
    estimator = classifier(stem=stem, **hold).fit(X, Y_CLASS)
    module = estimator.to_torch()
    assert {p.dtype for p in module.parameters()} == {torch.float64}
    outputs = [module(torch.from_numpy(X.astype(kind))) for kind in (np.float32, np.float64)]
    plain = [each[0] if isinstance(each, tuple) else each for each in outputs]
    short, long = (each.detach().numpy() for each in plain)
    np.testing.assert_allclose(short, long, atol=1e-5)
    codes, _ = coder().fit(FLAT).to_torch()(torch.from_numpy(FLAT.astype(np.float32)))
    assert codes.dtype == torch.float64


@pytest.mark.parametrize("scale", ["none", "standard", "minmax"])
def test_the_torch_module_of_an_autoencoder_takes_unscaled_x(scale):
    far = FLAT * 300 + 20
    estimator = coder(scale=scale, output_activation="linear").fit(far)
    codes, rows = (part.detach().numpy() for part in estimator.to_torch()(torch.from_numpy(far)))
    np.testing.assert_allclose(codes, estimator.transform(far), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(rows, estimator.inverse_transform(codes), rtol=1e-6)
    mean = -np.mean((rows - far) ** 2)
    assert estimator.score(far) == pytest.approx(mean)


def test_a_mask_cannot_be_folded_into_a_torch_module():
    with pytest.raises(DataError, match="mask"):
        classifier(missing="mask").fit(X, Y_CLASS).to_torch()


# Continued training


@pytest.mark.parametrize("rows", [X, SERIES], ids=["array", "list"])
def test_partial_fit_continues_after_fit_and_keeps_the_first_scaling(rows):
    estimator = regressor(scale="standard").fit(rows, Y_LAST)
    first = estimator.model_.transform.scaling
    far = [row + 100 for row in rows]
    estimator.partial_fit(far if rows is SERIES else np.array(far), Y_LAST)
    assert estimator.n_steps_ == 16
    np.testing.assert_array_equal(estimator.model_.transform.scaling[0], first[0])


def test_partial_fit_uses_sample_weights():
    weights = np.arange(N) % 2
    one = regressor(scale="none").partial_fit(X, Y_LAST, weights)
    two = regressor(scale="none").partial_fit(X[1::2], Y_LAST[1::2])
    np.testing.assert_array_equal(one.predict(X), two.predict(X))


def test_partial_fit_rejects_validation_rows():
    with pytest.raises(OptionError, match=r"^valid_fraction: "):
        regressor(valid_fraction=0.2).partial_fit(X, Y_LAST)


def test_partial_fit_can_start_from_a_saved_model(tmp_path):
    estimator = regressor(scale="standard", missing="mean").fit(HOLES, Y_LAST)
    loaded = saved(estimator, tmp_path).partial_fit(HOLES, Y_LAST)
    assert loaded.n_steps_ == estimator.n_steps_ + 1
    assert np.isfinite(loaded.predict(HOLES)).all()


# The models of runs


def table(path, columns, **more):
    frame = pd.DataFrame(columns, columns=[f"t{i}" for i in range(np.shape(columns)[1])])
    frame.assign(**more).to_csv(path, index=False)
    return path


def learn(cli, job, *arguments):
    """Train with a command; return the model of the run as an estimator."""
    answer = cli(job, *arguments, *QUIET, "--max-steps", 10, "--seed", 0)
    assert answer.code == 0, answer.err
    return load(f"runs/{job}-1/model.safetensors")


@pytest.mark.parametrize("missing", ["mean", "forward", "mask"])
def test_the_model_of_a_run_on_a_table_takes_rows_as_in_the_table(cli, tmp_path, missing):
    rows = np.where(FLAT > 2, np.nan, FLAT * 40 + 7)
    path = table(tmp_path / "own.csv", rows, label=Y_CLASS)
    options = ("--scale", "standard", "--missing", missing)
    loaded = learn(cli, "classify", path, *options)
    assert loaded.missing == missing
    assert loaded.n_features_in_ == 9
    assert cli("predict", "classify-1", path, "--proba", "--output", "p.csv").code == 0
    expected = pd.read_csv(tmp_path / "p.csv")
    proba = loaded.predict_proba(rows)
    for place, name in enumerate(loaded.classes_):
        np.testing.assert_allclose(proba[:, place], expected[f"p_{name}"], rtol=1e-6)
    np.testing.assert_array_equal(loaded.predict(rows), expected["label"])
    assert loaded.score(rows, Y_CLASS) == np.mean(expected["label"] == Y_CLASS)


def test_the_model_of_a_run_on_a_channels_first_array_takes_such_arrays(cli, tmp_path):
    turned = np.ascontiguousarray(X.transpose(0, 2, 1))
    np.savez(tmp_path / "own.npz", X=turned, y=Y_CLASS)
    options = ("--channels-first", "--scale", "standard")
    loaded = learn(cli, "classify", tmp_path / "own.npz", *options)
    assert loaded.channels_first
    assert loaded.n_features_in_ == 2
    assert loaded.predict_proba(turned).shape == (N, 2)


def test_the_model_of_a_run_trained_on_changes_predicts_levels(cli, tmp_path):
    signal = np.cumsum(X[:, :, 0].ravel())
    frame = pd.DataFrame({"a": signal, "b": signal * 2 + 1})
    frame.to_csv(tmp_path / "own.csv", index=False)
    options = ("--target", "a", "--input", "a,b", "--horizon", 1, "--change", "--no-stateful")
    more = ("--window", T, "--output", "last", "--scale", "standard")
    loaded = learn(cli, "regress", tmp_path / "own.csv", *options, *more)
    assert cli("predict", "regress-1", tmp_path / "own.csv", "--output", "p.csv").code == 0
    expected = pd.read_csv(tmp_path / "p.csv")["a"].to_numpy()
    windows = np.stack([frame.to_numpy()[k : k + T] for k in range(len(expected))])
    np.testing.assert_allclose(loaded.predict(windows).ravel(), expected, rtol=1e-5, atol=1e-5)


def test_the_autoencoder_of_a_run_reconstructs_rows_in_their_units(cli, tmp_path):
    path = table(tmp_path / "own.csv", FLAT * 40 + 7)
    options = ("--scale", "standard")
    loaded = learn(cli, "autoencode", path, *options)
    assert cli("predict", "autoencode-1", path, "--output", "p.csv").code == 0
    expected = pd.read_csv(tmp_path / "p.csv")
    codes = loaded.transform(FLAT * 40 + 7)
    named = expected[[f"code_{i + 1}" for i in range(3)]].to_numpy()
    np.testing.assert_allclose(codes, named, rtol=1e-5, atol=1e-6)
    built = loaded.inverse_transform(codes)
    assert loaded.score(FLAT * 40 + 7) == pytest.approx(-np.mean((built - FLAT * 40 - 7) ** 2))


@pytest.mark.parametrize("job", KINDS)
def test_the_run_of_an_estimator_has_a_model(job, tmp_path):
    estimator = MADE[job](scale="standard")
    estimator.fit(X, TARGETS[job], run_dir=tmp_path / "mine")
    loaded = load(tmp_path / "mine" / "model.safetensors")
    assert type(loaded) in (RecurrentClassifier, RecurrentRegressor, Autoencoder)
    output, expected = predictions_of(loaded, X), predictions_of(estimator, X)
    np.testing.assert_array_equal(output.reshape(expected.shape), expected)
