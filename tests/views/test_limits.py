"""Limits of axes hold for a whole run, only grow, and do not turn around."""

import numpy as np

from hiddenstate.views.limits import (
    code_spans,
    curve_span,
    outward,
    principal_plane,
    sorted_units,
    unit_order,
)

random = np.random.default_rng(0)


def test_limits_contain_the_range_and_never_shrink_while_it_grows():
    low = high = 0.3
    before = outward(low, high + 1e-3)
    for _ in range(300):
        low, high = low - random.exponential(0.1), high + random.exponential(0.1)
        now = outward(low, high)
        assert now[0] <= min(low, before[0])
        assert now[1] >= max(high, before[1])
        assert now[1] - now[0] <= 1.27 * (high - low)
        before = now


def test_limits_are_eighths_of_the_power_of_two_below_the_range():
    assert outward(0.3, 1.1) == (0.25, 1.125)
    assert outward(-3, 8.1) == (-3, 9)
    assert outward(2, 2) == (1, 3)


def test_a_curve_over_powers_of_ten_has_a_log_axis():
    assert curve_span([1.0, 0.001]).log
    assert not curve_span([1.0, 0.1]).log
    assert curve_span([1.0, 0.1]).low == 0
    assert not curve_span([1.0, 0.0, np.nan]).log
    assert curve_span([]) == (0.0, 1.0, False)


def test_codes_that_are_not_finite_have_axes():
    assert code_spans([np.full((3, 2), np.nan)]) == ((-1, 1, False), (-1, 1, False))


def test_principal_axes_keep_their_signs():
    states = random.normal(size=(30, 4)) * [4, 2, 1, 0.5]
    plane = principal_plane(states)[0]
    np.testing.assert_allclose(principal_plane(states, -plane)[0], -plane)


def test_units_are_sorted_by_when_they_respond():
    time = np.arange(60)[:, None]
    peaks = np.array([40, 10, 55, 25])
    states = np.exp(-(((time - peaks) / 4) ** 2))
    assert unit_order(states).tolist() == [1, 3, 0, 2]
    np.testing.assert_array_equal(sorted_units(states, unit_order(states)), states[:, [1, 3, 0, 2]])
    np.testing.assert_array_equal(sorted_units(states, np.arange(3)), states)
