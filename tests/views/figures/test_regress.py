"""Figures of the errors and hidden states of a regressor."""

import numpy as np
import pytest

from hiddenstate.views import figures
from hiddenstate.views.limits import principal_plane
from tests.views.figures.test_classify import image, random


def test_the_error_is_that_of_each_window_without_missing_values():
    target = random.normal(size=(30, 4, 2))
    prediction = target + np.arange(1, 31)[:, None, None]
    target[3, 1:] = np.nan
    (axes,) = figures.error(target, prediction).axes
    dots, mean = axes.get_lines()
    np.testing.assert_allclose(np.asarray(dots.get_ydata()), np.arange(1, 31) ** 2.0)
    assert np.asarray(mean.get_ydata())[-1] == pytest.approx(np.mean(np.arange(21, 31) ** 2.0))
    assert axes.get_yscale() == "log"


def test_carried_hidden_states_are_drawn_above_reset_ones():
    time, carried = np.arange(12.0), random.uniform(-1, 1, (12, 5))
    upper, lower, scale = figures.hidden(time, carried, -carried).axes
    np.testing.assert_array_equal(image(upper), carried.T)
    np.testing.assert_array_equal(image(lower), -carried.T)
    assert upper.get_position().y0 > lower.get_position().y1
    assert upper.get_images()[0].get_clim() == (-1, 1)
    assert [label.get_text() for label in scale.get_yticklabels()][1] == "0"


def test_uneven_times_keep_their_places():
    time = np.array([0.0, 1.0, 10.0])
    upper, _ = figures.hidden(time, np.array([[1.0], [0.5], [-1.0]])).axes
    shades = image(upper)[0]
    where = np.linspace(*upper.get_xlim(), len(shades))
    assert shades[np.abs(where - 3).argmin()] == 0.5
    assert shades[np.abs(where - 7).argmin()] == -1


def test_the_portrait_is_in_the_plane_of_largest_variance():
    angle = np.linspace(0, 2 * np.pi, 50, endpoint=False)
    ring = np.column_stack([3 * np.cos(angle), np.sin(angle), np.zeros(50)])
    turn = np.linalg.qr(random.normal(size=(3, 3)))[0]
    states = ring @ turn + 5
    (axes,) = figures.portrait(states, np.zeros((1, 3))).axes
    path = axes.get_lines()[0].get_xydata()
    np.testing.assert_allclose(np.abs(path), np.abs(ring[:, :2]), atol=1e-9)
    assert axes.get_xlabel() == "first component, 90%"
    assert axes.get_ylabel() == "second component, 10%"
    plane, share = principal_plane(states)
    np.testing.assert_allclose(plane @ plane.T, np.eye(2), atol=1e-12)
    assert share == pytest.approx([0.9, 0.1])
