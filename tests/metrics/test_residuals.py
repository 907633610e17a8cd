"""Histograms and autocorrelation of residuals."""

import numpy as np
import pytest

from hiddenstate.metrics.residuals import BINS, autocorrelation, deviations, residual_counts


def test_all_residuals_are_counted_in_bars_about_zero() -> None:
    residuals = np.random.default_rng(0).normal(size=(1000, 2)) * [1, 50]
    residuals[0] = 1e6  # an outlier does not stretch the axis
    edges, counts = residual_counts(residuals)
    assert counts.sum(axis=1).tolist() == [1000, 1000]
    np.testing.assert_allclose(edges, -edges[:, ::-1], atol=1e-12)
    assert edges[0, -1] < 5
    assert edges[1, -1] < 250
    assert counts[0, BINS // 2 - 4 : BINS // 2 + 4].sum() > 200


def test_constant_residuals_have_a_histogram() -> None:
    edges, counts = residual_counts(np.zeros((7, 1)))
    assert np.isfinite(edges).all()
    assert counts.sum() == 7


def test_autocorrelation_sees_a_period_and_does_not_cross_series() -> None:
    wave = np.sin(np.arange(40) * np.pi / 4)
    residuals = np.concatenate([wave, wave])[:, None]
    series, at = np.repeat([0, 1], 40), np.tile(np.arange(40), 2)
    lags = autocorrelation(residuals, series, at)[0]
    assert lags[7] == pytest.approx(1, abs=0.01)
    assert lags[3] == pytest.approx(-1, abs=0.01)
    apart = autocorrelation(residuals, np.arange(80), np.zeros(80, int))
    assert np.isnan(apart).all()  # steps of different series are no pairs


def test_an_autocorrelation_is_never_above_one() -> None:
    values = np.r_[np.zeros(30), np.tile([3.0, -3.0], 6)][:, None]  # large only at the end
    lags = autocorrelation(values, np.zeros(42, int), np.arange(42))
    assert np.nanmax(np.abs(lags)) <= 1 + 1e-12


def test_deviations_are_those_of_each_series():
    series = np.repeat([3, 7], 50)
    target = np.column_stack([np.where(series == 3, 1, 100) * np.tile([-1, 1], 50), np.ones(100)])
    spread = deviations(target, series)
    assert np.unique(spread[:50, 0]) == 1
    assert np.unique(spread[50:, 0]) == 100
    assert np.unique(spread[:, 1]) == 1
