"""Fixed convolutions: compiled features, their specification, and the path made of them."""

from dataclasses import replace

import numpy as np
import pytest

from hiddenstate.data import Rows
from hiddenstate.data.prepare.batches import generator
from hiddenstate.kernels import VARIABLE, levels
from hiddenstate.models.companions.convolutions import ConvolutionPath
from hiddenstate.models.convolutions import FEATURES, choose_convolutions
from hiddenstate.program.companions import KERNELS, combine, proportions
from hiddenstate.program.equations import log_probabilities
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
    X, _ = shapes(12, 60, n_channels)
    lengths = generator(1, "lengths").integers(5, 61, 12) if unequal else None
    made = choose_convolutions(X, lengths)
    parts = made.dilations, made.counts, made.uses, made.biases
    features = made.features(X, lengths)
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
    made = ConvolutionPath.fit(Rows(X, y), 2)
    assert np.mean(made.companion.logits(other).argmax(axis=1) == wanted) > 0.9
    assert np.mean(made.held_out.argmax(axis=1) == y) > 0.85


@needs_kernels
def test_threads_change_nothing():
    X, y = shapes(30, 50, 2)
    one, two = (ConvolutionPath.fit(Rows(X, y), 2, threads=n) for n in (1, 2))
    np.testing.assert_array_equal(one.companion.weights, two.companion.weights)
    np.testing.assert_array_equal(one.held_out, two.held_out)
    np.testing.assert_array_equal(
        one.companion.logits(X, None, 1), one.companion.logits(X, None, 2)
    )


def test_an_answer_depends_on_nothing_else_in_the_list_nor_on_padding():
    X, y = shapes(300, 20, 2)
    lengths = generator(2, "lengths").integers(1, 21, 300)
    for row, end in zip(X, lengths, strict=True):
        row[end:] = 0
    path = ConvolutionPath.fit(Rows(X, y, lengths), 2).companion
    whole = path.logits(X, lengths)
    garbage = X.copy()
    garbage[np.arange(20) >= lengths[:, None]] = 7e5
    np.testing.assert_array_equal(path.logits(garbage, lengths), whole)
    for row in (0, 150, 299):
        own = X[row : row + 1, : lengths[row]]
        np.testing.assert_array_equal(path.logits(own), whole[row : row + 1])


def test_rows_of_weight_0_are_not_learned_from():
    X, y = shapes(24, 30)
    weights = np.where(np.arange(24) < 20, 1.0, 0.0)
    made = ConvolutionPath.fit(Rows(X, y, weights=weights), 2)
    alone = ConvolutionPath.fit(Rows(X[:20], y[:20]), 2)
    np.testing.assert_allclose(made.companion.weights, alone.companion.weights, atol=1e-6)
    np.testing.assert_allclose(made.held_out[20:], alone.companion.logits(X[20:]), atol=1e-4)


def test_a_row_with_a_missing_value_has_no_answer():
    X, y = shapes(20, 20)
    path = ConvolutionPath.fit(Rows(X, y), 2).companion
    X[3, 5] = np.nan
    X[4, 15] = np.nan
    found = path.logits(X, np.array([20] * 4 + [12] + [20] * 15))
    assert np.isnan(found[3]).all()
    assert np.isfinite(np.delete(found, 3, axis=0)).all()


@pytest.mark.parametrize("n_steps", [1, 2, 8])
def test_series_shorter_than_a_kernel_are_read(n_steps):
    X, y = shapes(10, 20)
    X = X[:, :n_steps]
    made = ConvolutionPath.fit(Rows(X, y, np.full(10, n_steps)), 2)
    assert np.isfinite(made.held_out).all()
    assert np.isfinite(made.companion.logits(X)).all()


def test_a_kernel_far_longer_than_a_series_reads_one_step():
    X, _ = shapes(10, 20)
    made = choose_convolutions(X)
    far, near = (replace(made, dilations=np.full_like(made.dilations, n)) for n in (2**30, 21))
    np.testing.assert_array_equal(far.features(X), near.features(X))
    one, two = (proportions(X[0].T, m.dilations, m.counts, m.uses, m.biases) for m in (far, near))
    np.testing.assert_array_equal(one, two)


def test_constant_series_are_all_alike():
    X, y = np.ones((10, 30, 2)), np.arange(10) % 2
    made = ConvolutionPath.fit(Rows(X, y), 2)
    np.testing.assert_allclose(log_probabilities(made.companion.logits(X)), np.log(0.5), atol=1e-3)


def test_huge_numbers_leave_everything_finite():
    X, y = shapes(10, 30)
    made = ConvolutionPath.fit(Rows(X * 1e300, y), 2)
    assert np.isfinite(made.companion.convolutions.biases).all()
    assert np.isfinite(made.companion.logits(X * -1e307)).all()


def test_the_mean_of_certain_answers_is_finite():
    net, path = np.array([[900.0, -900.0]]), np.array([[-900.0, 900.0]])
    np.testing.assert_allclose(np.exp(combine(net, path, 0.25)), [[0.25, 0.75]])
    np.testing.assert_allclose(np.exp(combine(net, path, 1.0, 0.001))[0, 0], 1 / (1 + np.exp(-1.8)))
    np.testing.assert_allclose(np.exp(combine(net, path, 0.0)), [[0, 1]])
    np.testing.assert_allclose(np.exp(combine(net, path, 1.0)), [[1, 0]])


@needs_kernels
@pytest.mark.parametrize("unequal", [False, True])
@pytest.mark.parametrize("level", levels())
def test_series_far_from_zero_are_read_as_the_reference_reads_them(level, unequal, monkeypatch):
    """A mean of a million deviations, a flat row, and one channel of three that is far away."""
    monkeypatch.setenv(VARIABLE, level)
    X, y = shapes(12, 40, 3)
    lengths = generator(1, "lengths").integers(9, 41, 12) if unequal else None
    path = ConvolutionPath.fit(Rows(X, y, lengths), 2).companion
    X[:3] += 1e6
    X[3] = -1e6
    X[4, :, 1] = X[4, :, 1] * 1e-3 + 1e3
    own = None if lengths is None else lengths[:5]
    features = path.convolutions.features(X[:5], own)
    wanted = path.convolutions.features(X[:5], own, reference=True)
    assert np.mean(features != wanted) < 0.001
    exact = path.logits(X[:5], own, reference=True)
    np.testing.assert_allclose(path.logits(X[:5], own), exact, atol=1e-3)


@needs_kernels
def test_a_series_far_from_zero_changes_no_other():
    X, _ = shapes(12, 40, 2)
    made = choose_convolutions(X)
    expected = made.features(X)
    X[5] += 1e6
    np.testing.assert_array_equal(np.delete(made.features(X), 5, 0), np.delete(expected, 5, 0))
