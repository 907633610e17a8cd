"""`partial_fit` of the three estimators: scikit-learn's contract, and exact continuation."""

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import (
    check_estimators_partial_fit_n_features,
    check_estimators_pickle,
)

from hiddenstate import Autoencoder, RecurrentClassifier, RecurrentRegressor, load
from hiddenstate.errors import DataError, OptionError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 5, 2))
LABELS = np.array(["up", "down", "flat"])[np.arange(24) % 3]
SMALL: dict[str, Any] = {
    "epochs": 1,
    "batch_size": 4,
    "shuffle": False,
    "scale": "none",
    "random_state": 0,
    "threads": 1,
}

MADE: dict[str, Any] = {
    "classify": (RecurrentClassifier(hidden_size=4, lr_schedule="constant", **SMALL), LABELS),
    "regress": (RecurrentRegressor(hidden_size=4, **SMALL), X.sum(axis=(1, 2))),
    "autoencode": (Autoencoder((4,), 2, **SMALL), None),
}


@pytest.mark.parametrize(
    "check", [check_estimators_partial_fit_n_features, check_estimators_pickle]
)
@pytest.mark.parametrize("job", MADE)
def test_scikit_learns_checks_pass(job, check):
    estimator = clone(MADE[job][0]).set_params(max_steps=2)
    check(type(estimator).__name__, estimator)


@pytest.mark.parametrize("job", MADE)
def test_pieces_train_exactly_as_one_fit(job):
    estimator, y = MADE[job]
    whole, pieces = clone(estimator).fit(X, y), clone(estimator)
    for start in range(0, 24, 8):
        part = slice(start, start + 8)
        classes = {"classes": np.unique(LABELS)} if job == "classify" and not start else {}
        pieces.partial_fit(X[part], None if y is None else y[part], **classes)
    assert pieces.n_steps_ == whole.n_steps_ == 6
    for name, array in whole.model_.params.items():
        np.testing.assert_array_equal(pieces.model_.params[name], array)


def test_a_loaded_or_fitted_classifier_continues(tmp_path):
    fitted = clone(MADE["classify"][0]).fit(X, LABELS)
    fitted.save(tmp_path / "m.safetensors")
    for estimator in (fitted, load(tmp_path / "m.safetensors")):
        scaling, before = estimator.model_.transform, estimator.predict_proba(X)
        estimator.partial_fit(X[:8], ["up"] * 8)
        assert estimator.n_steps_ == 8
        assert estimator.model_.transform == scaling
        assert estimator.predict_proba(X)[:, 2].mean() > before[:, 2].mean()


def test_the_classes_of_the_first_call_hold():
    estimator = clone(MADE["classify"][0])
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        estimator.partial_fit(X, LABELS)
    estimator.partial_fit(X[:3], LABELS[:3], classes=["up", "down", "flat", "never"])
    assert estimator.predict_proba(X).shape == (24, 4)
    for labels in (["side"] * 3, [1, 2, 3]):
        with pytest.raises(DataError, match="not among the classes"):
            estimator.partial_fit(X[:3], labels)
    with pytest.raises(DataError, match="not those of the first call"):
        estimator.partial_fit(X[:3], LABELS[:3], classes=["up", "down"])
    assert estimator.n_steps_ == 1


@pytest.mark.parametrize(
    "options",
    [
        {"lr_schedule": "cosine"},
        {"valid_fraction": 0.5},
        {"recipe": "auto"},
        {"class_weight": "balanced"},
        {"quantize": "int8"},
    ],
)
def test_parameters_that_require_all_rows_are_refused(options):
    (name,) = options
    with pytest.raises(OptionError, match=f"^{name}: "):
        RecurrentClassifier(**options).partial_fit(X, LABELS, classes=LABELS)
