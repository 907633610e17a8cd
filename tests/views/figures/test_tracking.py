"""Figures of targets and predictions over time."""

import numpy as np
from matplotlib.colors import to_rgba

from hiddenstate.views import figures
from tests.views.figures.test_classify import random, titles


def test_tracking_draws_target_in_red_and_prediction_in_blue_against_time():
    time = np.arange(20.0).reshape(4, 5)
    target, prediction = np.sin(time)[:, :, None], np.cos(time)[:, :, None]
    (axes,) = figures.tracking(time, target, prediction).axes
    red, blue = axes.get_lines()
    assert to_rgba(red.get_color())[0] > to_rgba(red.get_color())[2]
    assert to_rgba(blue.get_color())[2] > to_rgba(blue.get_color())[0]
    assert (red.get_label(), blue.get_label()) == ("target", "prediction")
    np.testing.assert_array_equal(red.get_xdata(), time.ravel())
    np.testing.assert_array_equal(blue.get_ydata(), prediction.ravel())


def test_of_long_runs_both_ends_are_drawn():
    time = np.arange(2000.0).reshape(400, 5)
    wave = np.sin(time)[:, :, None]
    first, last = figures.tracking(time, wave, wave).axes
    assert np.asarray(first.get_lines()[0].get_xdata())[0] == 0
    assert np.asarray(last.get_lines()[0].get_xdata())[-1] == 1999


def test_windows_of_one_target_are_points_and_what_is_left_out_is_said():
    time, values = np.arange(20.0).reshape(4, 5), random.normal(size=(4, 1))
    figure = figures.tracking(time, values, values, False, noun="training window", of=90)
    red, _ = figure.axes[0].get_lines()
    assert (red.get_linestyle(), red.get_marker()) == ("None", "o")
    np.testing.assert_array_equal(red.get_xdata(), time[:, -1])
    note = "the first 4 of 90 training windows predicted with the current weights"
    assert titles(figure)[1] == note
