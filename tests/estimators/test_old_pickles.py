"""Pickles of estimators: those of version 0.4 load, and new ones name no class but the estimator's.

The golden files were made by version 0.4, with `epochs=2, random_state=0, threads=1` and the
settings that the estimators in them have, from the X below.
"""

import copy
import json
import pickle
import pickletools
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate import Autoencoder, RecurrentClassifier, RecurrentRegressor
from hiddenstate.models import FittedModel

GOLDEN = Path(__file__).parents[1] / "golden" / "pickles"
EXPECTED = json.loads((GOLDEN / "v0.4-expected.json").read_text("utf-8"))
KINDS: dict[str, Any] = {
    "classifier": RecurrentClassifier,
    "regressor": RecurrentRegressor,
    "autoencoder": Autoencoder,
}

X = np.sin(np.arange(30 * 6 * 2).reshape(30, 6, 2) * 0.37).astype("f4")
Y = X.cumsum(axis=1).mean(axis=2, keepdims=True)


def old(name: str) -> Any:
    return pickle.loads((GOLDEN / f"v0.4-{name}.pickle").read_bytes())


def results(name: str, estimator: Any) -> dict[str, Any]:
    """The values that version 0.4 recorded beside its pickles."""
    if name == "classifier":
        probabilities = estimator.predict_proba(X[:3])
        return {"predict_proba": probabilities, "classes": estimator.classes_.tolist()}
    if name == "autoencoder":
        return {"transform": estimator.transform(X[:3].reshape(3, 12))}
    predicted, n_steps = estimator.predict(X[:2]), estimator.n_steps_
    continued = estimator.partial_fit(X[:4], Y[:4]).predict(X[:2])
    return {"predict": predicted, "n_steps": n_steps, "predict_after_partial_fit": continued}


def assert_as_recorded(name: str, estimator: Any) -> None:
    values = results(name, estimator)
    assert values.keys() == EXPECTED[name].keys()
    for key, value in values.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_allclose(value, EXPECTED[name][key], atol=1e-5)
        else:
            assert value == EXPECTED[name][key]


@pytest.mark.parametrize("name", KINDS)
def test_a_pickle_of_version_0_4_loads_and_predicts_what_it_did(name: str) -> None:
    estimator = old(name)
    assert type(estimator) is KINDS[name]
    assert type(estimator.model_) is FittedModel
    assert_as_recorded(name, estimator)


@pytest.mark.parametrize("name", KINDS)
def test_a_pickle_of_version_0_4_can_be_pickled_again(name: str) -> None:
    assert_as_recorded(name, pickle.loads(pickle.dumps(old(name))))


@pytest.mark.parametrize("name", KINDS)
def test_a_pickle_names_no_class_of_the_library_but_the_estimators(name: str) -> None:
    data = pickle.dumps(old(name))
    texts = {argument for _, argument, _ in pickletools.genops(data) if isinstance(argument, str)}
    assert {text for text in texts if text.startswith("hiddenstate.")} == {KINDS[name].__module__}


def test_an_unfitted_estimator_can_be_pickled() -> None:
    estimator = RecurrentRegressor(hidden_size=7)
    assert pickle.loads(pickle.dumps(estimator)).get_params() == estimator.get_params()


def test_an_old_pickle_loads_in_a_process_that_has_imported_nothing() -> None:
    code = (
        f"import pickle; print(pickle.load(open({str(GOLDEN / 'v0.4-classifier.pickle')!r}, 'rb')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("RecurrentClassifier(")


@pytest.mark.parametrize("kind", ["datetime64[D]", "timedelta64[s]", np.longdouble, "U5"])
def test_labels_of_any_type_are_pickled_and_copied(kind):
    X = np.random.default_rng(0).normal(size=(20, 3, 2))
    labels = np.arange(2).astype(kind)
    estimator = RecurrentClassifier(epochs=1, random_state=0, threads=1).fit(X, labels[[0, 1] * 10])
    expected = estimator.predict(X)
    for same in (pickle.loads(pickle.dumps(estimator)), copy.deepcopy(estimator)):
        np.testing.assert_array_equal(same.predict(X), expected)
        assert same.model_.classes == estimator.model_.classes
