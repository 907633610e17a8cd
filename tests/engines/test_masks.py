"""Series of unequal length: a padded batch gives each the result of the series alone."""

from typing import Any

import numpy as np

from hiddenstate import RecurrentClassifier

RNG = np.random.default_rng(5)
SERIES = [RNG.normal(size=(n, 3)) * 4 + 1 for n in RNG.integers(2, 15, 40)]
LABELS = np.array(["up" if x[:, 0].mean() > 1 else "down" for x in SERIES])
QUICK: dict[str, Any] = {"hidden_size": 5, "epochs": 6, "random_state": 0, "threads": 1}


def test_training_on_series_of_one_length_equals_training_on_an_array():
    X = RNG.normal(size=(30, 8, 2))
    y = X[:, :, 0].sum(axis=1) > 0
    a = RecurrentClassifier(**QUICK).fit(X, y)
    b = RecurrentClassifier(**QUICK).fit(list(X), y)
    np.testing.assert_array_equal(a.predict_proba(X), b.predict_proba(list(X)))


def test_scaling_ignores_the_padding():
    clf = RecurrentClassifier(scale="standard", **QUICK).fit(SERIES, LABELS)
    offset, factor = clf.model_.transform.scaling
    every = np.concatenate(SERIES)
    np.testing.assert_allclose(offset, every.mean(axis=0))
    np.testing.assert_allclose(1 / factor, every.std(axis=0))
