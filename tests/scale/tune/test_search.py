"""`hiddenstate.tune` has scikit-learn's manners."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.distributions import IntDistribution

import hiddenstate
from hiddenstate import Autoencoder, RecurrentClassifier, RecurrentRegressor
from hiddenstate.errors import DataError, OptionError
from hiddenstate.scale.tune.settings import read_settings
from tests.conftest import needs_kernels

pytestmark = needs_kernels

Y = np.arange(48) % 2
X = np.random.default_rng(0).normal(size=(48, 6, 1)).astype(np.float32) + Y[:, None, None]
SPACE: dict[str, Any] = {"lr": {"low": 1e-3, "high": 1e-1, "log": True}, "hidden_size": [2, 3]}


def classifier(**parameters: Any) -> RecurrentClassifier:
    return RecurrentClassifier(epochs=3, batch_size=16, threads=1, **parameters)


def test_results_have_scikit_learns_form() -> None:
    found = hiddenstate.tune(classifier(), X, Y, space=SPACE, n_trials=4, seeds=2, pruner="none")
    results = found.cv_results_
    assert set(results["params"][0]) == set(SPACE)
    assert {len(column) for column in results.values()} == {4}
    scores = np.stack([results["split0_test_score"], results["split1_test_score"]])
    assert np.array_equal(results["mean_test_score"], scores.mean(axis=0))
    assert found.best_score_ == results["mean_test_score"].max()
    assert results["rank_test_score"][found.best_index_] == 1
    assert found.best_params_ == results["params"][found.best_index_]
    assert found.best_estimator_.get_params()["lr"] == found.best_params_["lr"]
    assert len(found.study_.trials) == 4
    assert np.array_equal(found.predict(X), found.best_estimator_.predict(X))
    assert found.predict_proba(X).shape == (48, 2)
    assert not hasattr(found, "transform")


def test_the_same_call_goes_on_with_a_study_that_is_kept(tmp_path: Path) -> None:
    first = hiddenstate.tune(
        classifier(), X, Y, space=SPACE, n_trials=2, runs_dir=tmp_path, refit=False
    )
    more = hiddenstate.tune(classifier(), X, Y, space=SPACE, n_trials=3, runs_dir=tmp_path)
    assert more.n_trials_ == 3
    assert list(more.cv_results_["valid_loss"][:2]) == list(first.cv_results_["valid_loss"])
    assert (tmp_path / "tune" / "trial-0002").is_dir()
    assert not hasattr(first, "best_estimator_")
    with pytest.raises(OptionError, match=r"another study of this name \(data"):
        hiddenstate.tune(classifier(), X[1:], Y[1:], space=SPACE, n_trials=3, runs_dir=tmp_path)


def test_a_study_that_goes_on_keeps_its_pruner(tmp_path: Path) -> None:
    """Studies of version 0.5 have the default of then, hyperband."""

    def search(n_trials: int, **more: Any) -> None:
        options = {"n_trials": n_trials, "runs_dir": tmp_path, "refit": False, **more}
        hiddenstate.tune(classifier(), X, Y, space=SPACE, **options)

    search(1, pruner="hyperband")
    search(2)
    assert read_settings(tmp_path / "tune").pruner == "hyperband"
    with pytest.raises(OptionError, match="pruner: none, there hyperband"):
        search(2, pruner="none")
    search(1, name="new")
    assert read_settings(tmp_path / "new").pruner == "none"


def test_regressors_and_autoencoders_are_tuned_too() -> None:
    forecasts = RecurrentRegressor(horizon=1, epochs=2, threads=1)
    found = hiddenstate.tune(forecasts, X, space={"hidden_size": [2, 3]}, n_trials=2)
    assert found.best_params_["hidden_size"] in (2, 3)
    coder = Autoencoder(epochs=2, code_size=2, threads=1)
    found = hiddenstate.tune(coder, X, space={"encoder_sizes": [[4], [5, 3]]}, n_trials=2)
    assert found.transform(X).shape == (48, 2)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"space": {"hiden": [1]}}, "no such parameter"),
        ({"space": {"lr": {"low": 1, "high": 0.1}}}, "is empty"),
        ({"space": [1]}, "expected a dict"),
        ({"n_trials": 0}, "n_trials: expected a whole number of at least 1"),
        ({"sampler": "grid"}, "sampler: expected one of tpe, random"),
        ({"storage": "x.db"}, "no URL"),
        ({"storage": 3}, "expected a URL as text, got int"),
        ({"name": "../x"}, "name: expected letters"),
        ({"name": "last"}, "name: expected letters"),
        ({"name": 101 * "x"}, "name: expected letters"),
        ({"valid_fraction": 0}, "valid_fraction: trials are compared on validation rows"),
    ],
)
def test_refuses(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(OptionError, match=why):
        hiddenstate.tune(classifier(), X, Y, **{"n_trials": 2, **changes})


def test_refuses_other_estimators_and_weights_by_class() -> None:
    from sklearn.linear_model import LogisticRegression

    with pytest.raises(OptionError, match="OptunaSearchCV"):
        hiddenstate.tune(LogisticRegression(), X, Y)
    with pytest.raises(OptionError, match="class_weight"):
        hiddenstate.tune(classifier(class_weight={0: 1.0, 1: 2.0}), X, Y)


def test_an_option_that_changes_what_is_judged_is_refused() -> None:
    coder = Autoencoder(epochs=2, threads=1)
    with pytest.raises(OptionError, match="could not be compared"):
        hiddenstate.tune(coder, X, space={"scale": ["none", "standard"]}, n_trials=2)


def test_without_a_complete_trial_the_reason_is_said() -> None:
    with pytest.raises(DataError, match="no trial is complete; one failed: dropout"):
        hiddenstate.tune(classifier(), X, Y, space={"dropout": [0.3, 0.5]}, n_trials=2)


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ({"hiden_size": [2, 3]}, "hiden_size: .* no such parameter; did you mean hidden_size"),
        ({"hidden_sizes": [2, 3]}, "did you mean hidden_size"),
        ({"hidden_size": 3}, r"hidden_size: expected choices, such as \[16, 32\], .* got int"),
        ({"lr": IntDistribution(1, 3)}, r"\{'low': 8, 'high': 64\}, got IntDistribution"),
        ({}, "space: is empty; name a parameter, such as {'hidden_size'"),
    ],
)
def test_a_wrong_space_is_named_in_words_of_python(space: dict[str, object], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        hiddenstate.tune(classifier(), X, Y, space=space, n_trials=2)


def test_a_tuple_lists_choices() -> None:
    space = {"hidden_size": (2, 3), "lr": np.array([0.01, 0.02])}
    found = hiddenstate.tune(classifier(), X, Y, space=space, n_trials=1, refit=False)
    assert found.best_params_["hidden_size"] in (2, 3)
    assert found.best_params_["lr"] in (0.01, 0.02)


@pytest.mark.parametrize("n_jobs", [-1, 0])
def test_workers_are_counted_as_those_of_a_sweep(
    n_jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hiddenstate.scale.tune.search.processors", lambda: 1)
    found = hiddenstate.tune(
        classifier(), X, Y, space=SPACE, n_trials=1, refit=False, n_jobs=n_jobs
    )
    assert found.n_trials_ == 1
    with pytest.raises(OptionError, match="n_jobs: expected a whole number of at least -1"):
        hiddenstate.tune(classifier(), X, Y, space=SPACE, n_trials=1, n_jobs=-2)
