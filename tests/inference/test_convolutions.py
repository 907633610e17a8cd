"""The baseline of fixed convolutions: compiled features, their specification, a classifier."""

import numpy as np
import pytest

from hiddenstate.data.prepare.batches import generator
from hiddenstate.inference.convolutions import (
    FEATURES,
    KERNELS,
    ConvolutionClassifier,
    proportions,
)
from tests.conftest import needs_kernels


def shapes(n_rows, n_steps, n_channels=1, seed=0):
    """Noise with a sine or a square of three periods somewhere in the first channel."""
    random = generator(seed, "shapes")
    X, y = random.normal(0, 0.3, (n_rows, n_steps, n_channels)), np.arange(n_rows) % 2
    time = np.arange(n_steps // 2) / (n_steps // 2)
    for row, label in zip(X, y, strict=True):
        wave = np.sin(6 * np.pi * time)
        start = random.integers(n_steps - len(wave))
        row[start : start + len(wave), 0] += np.sign(wave) if label else wave * np.sqrt(2)
    return X, y


@needs_kernels
@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize("unequal", [False, True])
def test_the_compiled_features_are_those_of_the_specification(n_channels, unequal):
    X, y = shapes(12, 60, n_channels)
    lengths = generator(1, "lengths").integers(5, 61, 12) if unequal else None
    made = ConvolutionClassifier().fit(X, y, lengths)
    parts = made._dilations, made._counts, made._uses, made._biases
    features = made.transform(X, lengths)
    assert features.shape == (12, FEATURES)
    for row in range(12):
        own = X[row, : None if lengths is None else lengths[row]].T.astype(np.float32)
        wanted = proportions(own, *parts)
        # A value next to a bias may lie on either side of it after rounding.
        assert np.mean(~np.isclose(features[row], wanted, rtol=1e-6)) < 0.005


def test_there_are_84_kernels_that_sum_to_zero():
    assert len(set(KERNELS)) == 84
    weights = [np.where(np.isin(np.arange(9), kernel), 2.0, -1.0) for kernel in KERNELS]
    assert {w.sum() for w in weights} == {0.0}


def test_shapes_are_told_apart_wherever_they_are():
    X, y = shapes(80, 100)
    other, wanted = shapes(80, 100, seed=5)
    made = ConvolutionClassifier().fit(X, y)
    assert np.mean(made.predict(other) == wanted) > 0.9


@needs_kernels
def test_threads_change_nothing():
    X, y = shapes(30, 50, 2)
    one, two = (ConvolutionClassifier(threads=n).fit(X, y).transform(X) for n in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_series_of_one_step_are_read():
    X, y = shapes(10, 20)
    lengths = np.array([1, 2, 20, 20, 20, 20, 20, 20, 3, 20])
    made = ConvolutionClassifier().fit(X, y, lengths)
    assert np.isfinite(made.transform(X, lengths)).all()
