"""Ridge regression for classes: what leaving rows out would give, weights and groups."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge, RidgeClassifierCV

from hiddenstate.models import ridge
from hiddenstate.models.ridge import PENALTIES, fit_ridge


def problem(n=24, n_features=40, n_classes=3, seed=0):
    random = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    features = random.normal(size=(n, n_features)).astype(np.float32)
    features[:, 0] = features[:, 1] + y
    features[:, 3] = 0.25
    return features, y


def scaled(features):
    spread = features.std(axis=0, dtype=float)
    return features / np.where(features.max(axis=0) > features.min(axis=0), spread, np.inf)


def fitted(monkeypatch, penalty, *data):
    """Fit with one penalty and without a scale of the logits."""
    monkeypatch.setattr(ridge, "PENALTIES", (penalty,))
    monkeypatch.setattr(ridge, "SCALES", (1.0,))
    return fit_ridge(*data)


def test_the_classes_are_those_of_scikit_learn():
    features, y = problem(60)
    weights, bias, held_out = fit_ridge(features, y, 3)
    peer = RidgeClassifierCV(alphas=PENALTIES, store_cv_results=True).fit(scaled(features), y)
    new = problem(50, seed=1)[0]
    spread = features.std(axis=0, dtype=float)
    outputs = new @ weights.T + bias
    wanted = peer.decision_function(new / np.where(spread > 1e-6, spread, np.inf))
    factor = (outputs * wanted).sum() / (wanted**2).sum()
    np.testing.assert_allclose(outputs, factor * wanted, atol=1e-3)
    chosen = PENALTIES.index(peer.alpha_)
    left = np.where(y[:, None] == np.arange(3), 1.0, -1.0) - held_out / factor
    np.testing.assert_allclose(left**2, peer.cv_results_[:, :, chosen], atol=1e-3)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_row_left_out_gets_the_answer_of_a_fit_without_it(monkeypatch, weighted):
    features, y = problem()
    w = np.linspace(0.5, 2, len(y)) if weighted else None
    _, _, held_out = fitted(monkeypatch, 2.0, features, y, 3, w)
    X, targets = scaled(features), np.where(y[:, None] == np.arange(3), 1.0, -1.0)
    w = np.ones(len(y)) if w is None else w * (len(y) / w.sum())
    for row in (0, 7, 23):
        rest = np.arange(len(y)) != row
        peer = Ridge(2.0).fit(X[rest], targets[rest], w[rest])
        np.testing.assert_allclose(held_out[row], peer.predict(X[row : row + 1])[0], rtol=1e-3)


def test_a_group_is_left_out_as_a_whole(monkeypatch):
    features, y = problem()
    groups = np.repeat(["a", "b", "c", "d"], 6)
    _, _, held_out = fitted(monkeypatch, 2.0, features, y, 3, None, groups)
    X, targets = scaled(features), np.where(y[:, None] == np.arange(3), 1.0, -1.0)
    own = groups == "b"
    peer = Ridge(2.0).fit(X[~own], targets[~own])
    np.testing.assert_allclose(held_out[own], peer.predict(X[own]), rtol=1e-3)


def test_the_only_group_says_nothing():
    features, y = problem()
    held_out = fit_ridge(features, y, 3, None, np.zeros(len(y)))[2]
    np.testing.assert_allclose(held_out, held_out[:1].repeat(len(y), axis=0), atol=1e-6)


def test_classes_with_one_row_or_none_are_read():
    features, y = problem(12)
    y = np.where(np.arange(12) == 5, 3, y % 2)
    weights, bias, held_out = fit_ridge(features, y, 5)
    assert np.isfinite(weights).all()
    assert np.isfinite(bias).all()
    assert np.isfinite(held_out).all()
    assert (features @ weights.T + bias)[5].argmax() == 3


def test_logits_are_certain_only_as_far_as_rows_left_out_allow():
    features, y = problem(200, n_classes=2)
    noise = np.random.default_rng(1).permutation(y)
    sure, unsure = (np.abs(fit_ridge(features, each, 2)[2]).mean() for each in (y, noise))
    assert unsure < 0.5 < 3 < sure
