"""The estimators follow the conventions of scikit-learn and train like the commands."""

import inspect
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

import hiddenstate
from hiddenstate import Autoencoder, RecurrentClassifier, RecurrentRegressor, load, load_waves
from hiddenstate.config import job_options
from hiddenstate.errors import DataError, HiddenstateError, OptionError, UntrustedFileError
from hiddenstate.program.cells import CHOICES
from tests import classic

RNG = np.random.default_rng(0)
N, T, I = 60, 9, 2  # noqa: E741  rows, time steps, features
X = RNG.normal(size=(N, T, I))
Y_CLASS = np.where(X[:, :, 0].mean(axis=1) > 0, "up", "down")
Y_LAST = X.sum(axis=(1, 2))
Y_STEPS = np.cumsum(X[:, :, 0], axis=1)

QUICK: dict[str, Any] = {"max_steps": 15, "random_state": 0, "threads": 1}


def classifier(**options):
    return RecurrentClassifier(hidden_size=8, **QUICK, **options).fit(X, Y_CLASS)


def regressor(y=Y_LAST, **options):
    return RecurrentRegressor(hidden_size=8, **QUICK, **options).fit(X, y)


def autoencoder(rows=None, **options):
    rows = X if rows is None else rows
    return Autoencoder(encoder_sizes=(8,), code_size=2, **QUICK, **options).fit(rows)


FITTED: dict[str, Any] = {"classify": classifier, "regress": regressor, "autoencode": autoencoder}
KINDS: dict[str, Any] = {
    "classify": RecurrentClassifier,
    "regress": RecurrentRegressor,
    "autoencode": Autoencoder,
}


def predictions_of(estimator):
    """The codes or predictions of an estimator for X."""
    return estimator.transform(X) if hasattr(estimator, "transform") else estimator.predict(X)


@pytest.mark.parametrize("job", KINDS)
def test_parameters_are_the_options_of_the_commands(job):
    left_to_fit = {"dtype", "n_evaluated"}
    options = {"seed": "random_state", "teach": "teacher"}
    kept = {"steps", "channels_first", "missing", "scale", "stateful", "output"}
    kept |= {"valid_fraction", "class_weight", "horizon", "window", "change", "linear"}
    kept |= {"future", "static"}
    if job == "regress":  # which reads dated frames
        kept |= {
            "linear_inputs",
            "season",
            "input",
            "time",
            "id",
            "every",
            "calendar",
            "test_fraction",
            "input_skip",
            "washout",
        }
    expected = {
        options.get(o.name, o.name)
        for section, o in job_options(job)
        if section != "data" or o.name in kept  # the others concern how files are read and split
    } - left_to_fit | {"verbose"}
    if job != "autoencode":
        expected.add("last_target")  # of `learn_one`
    assert set(inspect.signature(KINDS[job]).parameters) == expected


@pytest.mark.parametrize("job", KINDS)
def test_init_only_stores(job):
    strange = object()
    names = list(inspect.signature(KINDS[job]).parameters)
    estimator = KINDS[job](**dict.fromkeys(names, strange))
    assert all(getattr(estimator, name) is strange for name in names)


@pytest.mark.parametrize("job", KINDS)
def test_the_same_seed_gives_the_same_predictions_and_another_seed_others(job):
    one, two = FITTED[job](), FITTED[job]()
    np.testing.assert_array_equal(predictions_of(one), predictions_of(two))
    other = clone(one).set_params(random_state=1)
    other.fit(X, {"classify": Y_CLASS, "regress": Y_LAST, "autoencode": None}[job])
    assert not all(
        np.array_equal(a, b)
        for a, b in zip(one.model_.params.values(), other.model_.params.values(), strict=True)
    )


@pytest.mark.parametrize("job", KINDS)
def test_fitting_changes_neither_the_seed_nor_the_threads_of_torch(job):
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    FITTED[job]()
    assert torch.equal(torch.rand(4), expected)


def test_uint8_means_fractions_of_255():
    pixels = RNG.integers(0, 256, (40, 6, 3), dtype=np.uint8)
    labels = np.arange(40) % 2
    one = RecurrentClassifier(hidden_size=4, **QUICK).fit(pixels, labels)
    two = clone(one).fit((pixels / 255).astype(np.float32), labels)
    np.testing.assert_allclose(one.predict_proba(pixels), two.predict_proba(pixels), atol=1e-6)
    for other in (pixels.astype(int), pixels.tolist(), [row.astype("int16") for row in pixels]):
        with pytest.raises(ValueError, match=r"X: int\d+ values such as \d+, but the .* pixels"):
            one.predict(other)
    two.predict(pixels.astype(int))


def test_classes_are_sorted_labels_and_probabilities_add_up():
    estimator = classifier()
    assert list(estimator.classes_) == ["down", "up"]
    chances = estimator.predict_proba(X)
    assert chances.shape == (N, 2)
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    np.testing.assert_array_equal(estimator.predict(X), estimator.classes_[chances.argmax(axis=1)])


def test_a_classifier_learns():
    estimator = RecurrentClassifier(hidden_size=16, random_state=0, threads=1, max_steps=200)
    assert estimator.fit(X, Y_CLASS).score(X, Y_CLASS) > 0.95


def test_flat_rows_have_one_feature_per_step_or_are_cut_into_steps():
    flat = X.reshape(N, T * I)
    one = RecurrentClassifier(hidden_size=4, **QUICK).fit(flat, Y_CLASS)
    assert one.model_.net.n_features == 1
    two = RecurrentClassifier(hidden_size=8, steps=T, **QUICK).fit(flat, Y_CLASS)
    np.testing.assert_array_equal(two.predict_proba(flat), classifier().predict_proba(X))


@pytest.mark.parametrize(
    ("y", "output"),
    [
        (Y_LAST, "last"),
        (np.stack([Y_LAST, -Y_LAST], axis=1), "last"),
        (Y_STEPS, "steps"),
        (Y_STEPS[:, :, None], "steps"),
        (np.stack([Y_STEPS, Y_STEPS], axis=2), "steps"),
    ],
)
def test_predictions_have_the_shape_of_y(y, output):
    estimator = regressor(y, output=output)
    assert estimator.predict(X).shape == y.shape
    assert np.isfinite(estimator.score(X, y))


@pytest.mark.parametrize("cell", CHOICES)
def test_windows_one_by_one_train_as_in_one_fit(cell):
    waves = load_waves(120, 10)
    options = {"cell": cell, "stateful": True, "output": "steps", "random_state": 0}
    whole = RecurrentRegressor(epochs=1, threads=1, **options).fit(waves.X, waves.y)
    pieces = RecurrentRegressor(threads=1, **options)
    for k in (*range(100), slice(100, 120)):
        rows = slice(k, k + 1) if isinstance(k, int) else k
        pieces.partial_fit(waves.X[rows], waves.y[rows])
    for name, array in whole.model_.params.items():
        np.testing.assert_array_equal(pieces.model_.params[name], array)
    for name, array in whole.state_.items():
        np.testing.assert_array_equal(pieces.state_[name], array)


def test_predict_changes_nothing():
    waves = load_waves(20, 10)
    estimator = RecurrentRegressor("rnn", stateful=True, output="steps", epochs=1, random_state=0)
    estimator.fit(waves.X, waves.y)
    before = {name: array.copy() for name, array in estimator.state_.items()}
    np.testing.assert_array_equal(estimator.predict(waves.X), estimator.predict(waves.X))
    assert all(np.array_equal(before[name], estimator.state_[name]) for name in before)


def test_forward_carries_the_state_it_is_given():
    waves = load_waves(20, 10)
    estimator = RecurrentRegressor("lstm", stateful=True, output="steps", epochs=1, random_state=0)
    estimator.fit(waves.X, waves.y)
    whole, state = [], None
    for row in waves.X:
        y, state = estimator.forward(row[None], state)
        whole.append(y)
    np.testing.assert_allclose(np.concatenate(whole), estimator.predict(waves.X), atol=1e-6)
    with pytest.raises(DataError, match="carries 1 sequences, x has 3"):
        estimator.forward(waves.X[:3], state)


def test_reset_state_starts_the_next_window_from_zero():
    waves = load_waves(20, 10)
    options: dict[str, Any] = {"stateful": True, "output": "steps", "random_state": 0}
    estimator = RecurrentRegressor("rnn", epochs=1, **options).fit(waves.X, waves.y)
    kept = pickle.loads(pickle.dumps(estimator)).partial_fit(waves.X[:1], waves.y[:1])
    reset = estimator.reset_state()
    assert reset.state_ == {}
    reset.partial_fit(waves.X[:1], waves.y[:1])
    assert not np.array_equal(kept.model_.params["out.bias"], reset.model_.params["out.bias"])


def test_windows_one_by_one_train_as_in_one_fit_after_loading(tmp_path):
    waves = load_waves(30, 10)
    estimator = RecurrentRegressor("rnn", stateful=True, output="steps", epochs=1, random_state=3)
    estimator.fit(waves.X[:20], waves.y[:20]).save(tmp_path / "m.safetensors")
    whole = load(tmp_path / "m.safetensors").partial_fit(waves.X[20:], waves.y[20:])
    pieces = load(tmp_path / "m.safetensors")
    for k in range(20, 30):
        pieces.partial_fit(waves.X[k : k + 1], waves.y[k : k + 1])
    for name, array in whole.model_.params.items():
        np.testing.assert_array_equal(pieces.model_.params[name], array)


def test_numpy_numbers_as_parameters_survive_saving(tmp_path):
    options: dict[str, Any] = {
        "stateful": np.True_,
        "hidden_size": np.int64(8),
        "epochs": np.int64(1),
    }
    estimator = RecurrentRegressor("rnn", output="steps", threads=1, random_state=0, **options)
    estimator.fit(X, Y_STEPS).save(tmp_path / "m.safetensors")
    loaded = load(tmp_path / "m.safetensors")
    assert loaded.hidden_size == 8
    assert loaded.stateful is True
    np.testing.assert_array_equal(loaded.predict(X), estimator.predict(X))
    coder = Autoencoder([np.int64(8)], 2, **QUICK).fit(X)  # type: ignore[arg-type]
    coder.save(tmp_path / "a.safetensors")
    np.testing.assert_array_equal(load(tmp_path / "a.safetensors").transform(X), coder.transform(X))


def test_partial_fit_rejects_rows_for_another_network():
    estimator = RecurrentRegressor(hidden_size=4, threads=1).partial_fit(X, Y_LAST)
    with pytest.raises(DataError, match="expecting 2 features"):
        estimator.partial_fit(X[:, :, :1], Y_LAST)


@pytest.mark.parametrize("job", KINDS)
def test_rows_can_be_flat_after_a_fit_in_three_dimensions(job):
    estimator = FITTED[job]()
    flat = X.reshape(N, T * I)
    expected = predictions_of(estimator)
    ask = estimator.transform if job == "autoencode" else estimator.predict
    np.testing.assert_array_equal(ask(flat), expected)
    narrow = X[:, :, :1]
    y = {"classify": Y_CLASS, "regress": Y_LAST, "autoencode": None}[job]
    again = clone(estimator).fit(narrow, y)
    ask = again.transform if job == "autoencode" else again.predict
    np.testing.assert_array_equal(ask(narrow[:, :, 0]), ask(narrow))


def test_codes_and_reconstructions_have_their_shapes():
    estimator = autoencoder()
    codes = estimator.transform(X)
    assert codes.shape == (N, 2)
    assert estimator.inverse_transform(codes).shape == X.shape
    assert list(estimator.get_feature_names_out()) == ["autoencoder0", "autoencoder1"]


def test_rows_outside_0_to_1_end_in_a_linear_layer():
    assert autoencoder(X).model_.net.config.output_activation == "linear"
    inside = RNG.random((30, 5))
    assert autoencoder(inside).model_.net.config.output_activation == "sigmoid"
    # The message states the values as the network reads them, and that they are scaled.
    wide = 255 * RNG.random((30, 5))
    with pytest.raises(DataError, match="after scaling are outside the range of a sigmoid"):
        autoencoder(wide, output_activation="sigmoid", scale="standard")
    with pytest.raises(DataError, match=f"to {wide.max():.4g} are outside the range of a sigmoid"):
        autoencoder(wide, output_activation="sigmoid", scale="none")


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_the_torch_module_predicts_the_same_and_loads_into_the_classic_one(cell):
    estimator = RecurrentClassifier(cell, hidden_size=8, **QUICK).fit(X, Y_CLASS)
    module = estimator.to_torch()
    outputs = module(torch.from_numpy(X))[0].softmax(dim=1).detach().numpy()
    np.testing.assert_allclose(outputs, estimator.predict_proba(X), rtol=1e-12)
    twin = classic.Recurrent(cell, I, 8, 2).double()
    twin.load_state_dict(module.state_dict())


def test_run_dir_records_a_run_and_nothing_is_written_without_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    classifier()
    assert list(tmp_path.iterdir()) == []
    estimator = RecurrentClassifier(hidden_size=8, **QUICK)
    estimator.fit(X, Y_CLASS, run_dir=tmp_path / "mine")
    run = hiddenstate.Run(tmp_path / "mine")
    assert run.status() == "done"
    np.testing.assert_array_equal(
        load(run.path / "model.safetensors").predict(X), predictions_of(estimator)
    )


def test_callbacks_see_the_logged_steps():
    seen = []

    class Spy(hiddenstate.Callback):
        def on_log(self, trainer, event):
            seen.append(event["step"])

    RecurrentClassifier(hidden_size=4, log_every=5, **QUICK).fit(X, Y_CLASS, callbacks=[Spy()])
    assert seen == [0, 5, 10]
    with pytest.raises(OptionError, match=r"callbacks: expected hiddenstate.Callback .* got a int"):
        RecurrentClassifier(hidden_size=4, **QUICK).fit(X, Y_CLASS, callbacks=[3])  # type: ignore[list-item]


@pytest.mark.parametrize("path", ["run.pkl", "net.pt"])
def test_a_pickle_is_never_loaded(path, tmp_path):
    (tmp_path / path).write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(UntrustedFileError, match="can run code"):
        load(tmp_path / path)


@pytest.mark.parametrize(
    ("options", "rows", "y"),
    [
        ({"hidden_size": 0}, X, Y_CLASS),
        ({"cell": "lstmm"}, X, Y_CLASS),
        ({"batch_size": -3}, X, Y_CLASS),
        ({"epochs": 0}, X, Y_CLASS),
        ({"dropout": 0.5}, X, Y_CLASS),
        ({}, X, np.zeros(N)),
        ({}, X, Y_CLASS[:-1]),
        ({}, np.where(X > 2, np.nan, X), Y_CLASS),
        ({}, X[:0], Y_CLASS[:0]),
        ({}, [X[0], X[1][:, :1]], [0, 1]),
        ({}, [X[0], X[1][:0]], [0, 1]),
    ],
)
def test_invalid_data_and_parameters_are_a_value_error_in_one_line(options, rows, y):
    with pytest.raises(ValueError, match=r".") as caught:
        RecurrentClassifier(**{**QUICK, **options}).fit(rows, y)
    assert isinstance(caught.value, HiddenstateError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("augment", [[], (), "none"])
def test_partial_fit_trains_without_augmentation_however_it_is_written(augment: Any):
    assert RecurrentRegressor(hidden_size=4, augment=augment).partial_fit(X, Y_LAST).n_steps_
    with pytest.raises(OptionError, match="augment: rows are augmented in the epochs of a fit"):
        RecurrentRegressor(augment=("jitter",)).partial_fit(X, Y_LAST)


def test_partial_fit_rejects_a_schedule_that_requires_the_total():
    with pytest.raises(OptionError, match="cosine"):
        RecurrentRegressor(lr_schedule="cosine").partial_fit(X, Y_LAST)


def quick(kind):
    size = {"encoder_sizes": (8,)} if kind is Autoencoder else {"hidden_size": 8}
    return kind(epochs=60, threads=1, **size)


@parametrize_with_checks([quick(kind) for kind in KINDS.values()])
def test_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize("cls", KINDS.values())
def test_doc_examples_run(cls):
    import doctest

    finder = doctest.DocTestFinder(recurse=False)
    runner = doctest.DocTestRunner()
    for test in finder.find(cls, cls.__name__, globs={}):
        runner.run(test)
    assert runner.tries
    assert not runner.failures
