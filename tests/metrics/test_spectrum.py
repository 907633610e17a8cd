"""The power of signals and errors by frequency."""

import numpy as np
import pytest

from hiddenstate.metrics.spectrum import LONGEST, SHORTEST, error_spectrum, spectrum


@pytest.mark.parametrize(("n", "size"), [(64, 16), (1000, 128), (9000, LONGEST)])
def test_one_stretch_has_the_numbers_of_scipy(n: int, size: int) -> None:
    values = np.random.default_rng(n).normal(size=(n, 2)).cumsum(axis=0)
    found = spectrum(values, np.zeros(n), np.arange(n))
    assert found is not None
    expected = pytest.importorskip("scipy.signal").welch(values, nperseg=size, axis=0)
    for own, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-9, atol=1e-12)


def test_segments_cross_no_gap_and_no_border_of_series() -> None:
    wave = np.sin(np.arange(400) * 2 * np.pi / 8)[:, None]
    at = np.concatenate([np.arange(200), np.arange(301, 401), np.arange(100)])
    series = np.repeat([0, 0, 1], [200, 100, 100])
    levels = np.repeat([0.0, 100.0, -50.0], [200, 100, 100])[:, None]  # of no segment's inside
    found = spectrum(wave + levels, series, at)
    assert found is not None
    frequencies, density = found
    assert frequencies[density[:, 0].argmax()] == 1 / 8
    assert density[(frequencies > 0) & (frequencies < 0.05)].max() < 1e-3 * density.max()


def test_too_few_steps_in_a_row_have_no_spectrum() -> None:
    values, steps = np.random.default_rng(0).normal(size=(400, 1)), np.arange(400)
    assert spectrum(values, np.zeros(400), steps + steps // (SHORTEST - 1)) is None
    assert spectrum(values[:63], np.zeros(63), steps[:63]) is None


def test_errors_are_shares_of_the_power_of_each_target() -> None:
    n = np.arange(2048)
    slow, fast = np.sin(n * 2 * np.pi / 64), np.sin(n * 2 * np.pi / 4)
    target = np.stack([slow + fast, 1000 * (slow + fast), np.ones(2048)], axis=1)
    after = np.stack([slow, 1000 * slow, np.ones(2048)], axis=1)  # misses what is fast
    made = error_spectrum(target, np.zeros((2048, 3)), after, np.zeros(2048), n)
    assert made is not None
    frequency, whole, before, rest = made
    assert whole.sum() == pytest.approx(1)
    np.testing.assert_allclose(before, whole)
    assert rest.sum() == pytest.approx(0.5, rel=0.01)
    assert frequency[rest.argmax()] == 1 / 4
    assert rest[frequency < 0.2].max() < 1e-9
    still = np.ones((2048, 1))
    assert error_spectrum(still, still, 2 * still, np.zeros(2048), n) is None
