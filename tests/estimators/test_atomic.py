"""A fit changes an estimator all at once when it ends, or not at all."""

import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from hiddenstate import Autoencoder, Callback, RecurrentClassifier, RecurrentRegressor, Run, load
from hiddenstate.errors import (
    DataError,
    DivergedError,
    HiddenstateError,
    OptionError,
    UntrustedFileError,
)
from hiddenstate.estimators.base import Estimator
from tests.conftest import ENGINES

RNG = np.random.default_rng(0)
X, OTHER = RNG.normal(size=(24, 5, 2)), RNG.normal(size=(20, 15))
LABELS, OTHER_LABELS = np.array(["cat", "dog"] * 12), np.array(["ape", "zebra", "newt", "owl"] * 5)
SMALL: dict[str, Any] = {"max_steps": 4, "log_every": 1, "random_state": 0, "threads": 1}

MADE: dict[str, Any] = {
    "classify": (lambda **o: RecurrentClassifier(hidden_size=3, **SMALL | o), LABELS, OTHER_LABELS),
    "regress": (lambda **o: RecurrentRegressor(hidden_size=3, **SMALL | o), X[:, 0], OTHER[:, 0]),
    "autoencode": (lambda **o: Autoencoder((4,), 2, **SMALL | o), None, None),
}


class Raising(Callback):
    """Raises an error in the middle of training."""

    def __init__(self, error):
        self.error = error

    def on_log(self, trainer, event):
        if event["step"] == 2:
            raise self.error


def answers(estimator):
    """What an estimator predicts for X; the rows that its codes decode to."""
    if hasattr(estimator, "transform"):
        codes = estimator.transform(X)
        return [codes, estimator.inverse_transform(codes)]
    return [estimator.predict(X), estimator.hidden_states(X)]


def unchanged(estimator, before, expected):
    assert vars(estimator).keys() == before.keys()
    assert all(vars(estimator)[name] is value for name, value in before.items())
    for found, same in zip(answers(estimator), expected, strict=True):
        np.testing.assert_array_equal(found, same)


ENDINGS: dict[str, tuple[dict[str, Any], type[BaseException]]] = {
    "Ctrl-C": ({}, KeyboardInterrupt),
    "an error": ({}, RuntimeError),
    "a refused option": ({"lr": -1.0}, OptionError),
    "a refused weight file": ({"weights": "missing.safetensors"}, DataError),
    "divergence": ({"lr": 1e30}, DivergedError),
    "no such engine": ({"engine": "steam"}, OptionError),
}


@pytest.mark.parametrize("recorded", [False, True], ids=["in memory", "in a folder"])
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("job", MADE)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_refit_that_fails_leaves_the_estimator_as_it_was(job, ending, recorded, tmp_path):
    make, y, other = MADE[job]
    options, error = ENDINGS[ending]
    estimator = make().fit(X, y)
    expected, chosen = answers(estimator), estimator.get_params()
    estimator.set_params(**options)
    before = dict(vars(estimator))
    folder = {"run_dir": tmp_path / "run"} if recorded else {}
    raised = [] if options else [Raising(error())]
    with pytest.raises(error):
        estimator.fit(OTHER, other, callbacks=raised, **folder)
    estimator.set_params(**chosen)
    before = {name: before[name] if name not in options else chosen[name] for name in before}
    unchanged(estimator, before, expected)


@pytest.mark.parametrize("job", MADE)
def test_a_first_fit_that_fails_leaves_an_estimator_that_is_not_fitted(job):
    make, y, _ = MADE[job]
    estimator = make()
    before = dict(vars(estimator))
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(X, y, callbacks=[Raising(KeyboardInterrupt())])
    assert vars(estimator) == before
    with pytest.raises(NotFittedError):
        answers(pickle.loads(pickle.dumps(estimator)))


@pytest.mark.parametrize("job", MADE)
def test_an_estimator_pickled_while_it_trains_has_its_old_model(job):
    make, y, other = MADE[job]
    estimator, copies = make().fit(X, y), []

    class Copying(Callback):
        def on_log(self, trainer, event):
            copies.append(pickle.loads(pickle.dumps(estimator)))

    expected = answers(estimator)
    estimator.fit(OTHER, other, callbacks=[Copying()])
    assert estimator.fit_ndim_ == 2
    for found, same in zip(answers(copies[-1]), expected, strict=True):
        np.testing.assert_array_equal(found, same)


@pytest.mark.parametrize("job", MADE)
def test_a_prediction_during_which_another_thread_refits_is_of_one_fit(job, monkeypatch):
    make, y, other = MADE[job]
    estimator, prepared = make(scale="standard").fit(X, y), Estimator._prepare
    expected = answers(estimator)[0]

    def refit_then_prepared(self, rows):
        estimator.fit(100 * X, None if y is None else np.tile(other[:4], 6))
        return prepared(self, rows)

    monkeypatch.setattr(Estimator, "_prepare", refit_then_prepared)
    found = estimator.transform(X) if job == "autoencode" else estimator.predict(X)
    np.testing.assert_array_equal(found, expected)


def test_what_a_callback_sets_on_the_estimator_stays():
    estimator = MADE["classify"][0]()

    class Noting(Callback):
        def on_log(self, trainer, event):
            estimator.seen = event["step"]

    assert estimator.fit(X, LABELS, callbacks=[Noting()]).seen == 3


@pytest.mark.parametrize("engine", ENGINES)
def test_a_pass_that_fails_does_not_continue_training(engine, monkeypatch):
    estimator = RecurrentRegressor("rnn", "tanh", 3, stateful=True, engine=engine, random_state=0)
    estimator.partial_fit(X, X[:, 0])
    expected, before = answers(estimator), dict(vars(estimator))
    twin = pickle.loads(pickle.dumps(estimator))
    for wrong in (X[:, :, :1], np.full_like(X, np.nan), np.zeros((3, 4, 5))):
        with pytest.raises(HiddenstateError):
            estimator.partial_fit(wrong, X[: len(wrong), 0])
        unchanged(estimator, before, expected)
    estimator.partial_fit(X[::-1], X[::-1, 0])
    twin.partial_fit(X[::-1], X[::-1, 0])
    for found, same in zip(answers(estimator), answers(twin), strict=True):
        np.testing.assert_array_equal(found, same)


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt(), "interrupted"), (RuntimeError("no"), "failed")]
)
def test_a_recorded_fit_notes_how_it_ended(error, status, tmp_path):
    make, y, _ = MADE["classify"]
    with pytest.raises(type(error)):
        make(checkpoint_every=1).fit(X, y, run_dir=tmp_path / "run", callbacks=[Raising(error)])
    run = Run(tmp_path / "run")
    assert run.status() == status
    assert run.results() is None
    assert list((tmp_path / "run" / "checkpoints").iterdir())
    assert not (tmp_path / "run" / "model.safetensors").exists()


@pytest.mark.parametrize("job", MADE)
def test_a_loaded_or_cloned_estimator_fits_other_data_like_a_new_one(job, tmp_path):
    make, y, other = MADE[job]
    make().fit(X, y).save(tmp_path / "m.safetensors")
    fresh = make().fit(OTHER, other)
    loaded = load(tmp_path / "m.safetensors")
    for estimator in (loaded, clone(loaded)):
        estimator.fit(OTHER, other)
        for name in ("n_features_in_", "fit_ndim_", "row_shape_", "targets_shape_", "n_steps_"):
            assert getattr(estimator, name, None) == getattr(fresh, name, None)
        for found, same in zip(outputs(estimator), outputs(fresh), strict=True):
            np.testing.assert_array_equal(found, same)


def outputs(estimator):
    if hasattr(estimator, "transform"):
        return [estimator.transform(OTHER), estimator.inverse_transform(estimator.transform(OTHER))]
    return [estimator.predict(OTHER)]


def test_parameters_set_after_a_fit_do_not_change_predictions():
    square = RNG.normal(size=(24, 4, 4))
    changes = {"channels_first": True, "output": "steps", "stateful": True, "cell": "lstm"}
    changes |= {"missing": "mask", "scale": "none", "hidden_size": 9, "readout": "mean"}
    estimator = RecurrentRegressor(hidden_size=3, **SMALL).fit(square, square[:, 0, :2])
    expected = estimator.predict(square)
    np.testing.assert_array_equal(estimator.set_params(**changes).predict(square), expected)
    changes = {n: v for n, v in changes.items() if n not in ("output", "stateful")}
    classifier = RecurrentClassifier(hidden_size=3, **SMALL).fit(square, LABELS)
    expected = classifier.predict_proba(square)
    np.testing.assert_array_equal(classifier.set_params(**changes).predict_proba(square), expected)


def test_a_pickle_of_an_older_version_whose_fit_failed_does_not_predict():
    estimator = RecurrentClassifier(hidden_size=3, **SMALL)
    torn = {"n_features_in_": 2, "fit_ndim_": 3, "feature_names_in_": np.array(["a", "b"], object)}
    torn["classes_"] = np.array(["ape", "zebra"])
    unfitted = pickle.loads(pickle.dumps(estimator))
    unfitted.__setstate__(estimator.__getstate__() | torn)
    with pytest.raises(NotFittedError):
        unfitted.predict(X)
    fitted = estimator.fit(X, LABELS).__getstate__()
    with pytest.raises(UntrustedFileError, match="fit it again"):
        unfitted.__setstate__(fitted | {"classes_": torn["classes_"]})
