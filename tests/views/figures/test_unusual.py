"""Figures of unusual data are drawn without warnings."""

import math
import warnings
from itertools import cycle, pairwise

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hiddenstate.views import figures, style
from tests.figure_texts import drawn

HOSTILE = [
    *("a\nb", "<script>", "$x^2$ $", "\u202eright", "\u0627\u200f\u0628", "中文", "\U0001f600", ""),
    *("\x1b[31m", "x" * 300, "%s{0}", "\\alpha", "\uff46\uff55\uff4c\uff4c", "tab\there"),
]
"""Names of classes that a file may have."""

random = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _strictly():
    """Warnings are errors; in one theme, since only colours differ in the other."""
    with warnings.catch_warnings(), style.theme("dark"):
        warnings.simplefilter("error")
        yield


def chances(*shape):
    values = random.random(shape) + 1e-3
    return values / values.sum(axis=-1, keepdims=True)


def places(texts):
    """Return the places of the texts that are not empty."""
    return [text.get_window_extent() for text in texts if text.get_text()]


def laid_out(figure):
    """Lay a figure out, which measures each text and tick, and return it; it is not painted."""
    FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    return figure


LEAST = cycle([0.35, 3.2e-7, 0.35, 42, 2e6])


@pytest.mark.parametrize(
    ("least", "ratio"), list(zip(LEAST, (1, 1.3, 2, 5, 8, 12, 29, 31, 70, 101, 1e4), strict=False))
)
def test_error_axes_of_any_range_have_fitting_numbers(least, ratio):
    prediction = np.sqrt(np.geomspace(least, least * ratio, 7))[:, None]
    (axes,) = laid_out(figures.error(np.zeros((7, 1)), prediction)).axes
    low, high = axes.get_ylim()
    seen = [tick for tick in axes.get_yticks() if low <= tick <= high]
    assert min(ratio, 2) <= len(seen) <= 7
    assert all(place.x0 >= 0 for place in places(axes.get_yticklabels()))


@pytest.mark.parametrize("ulps", [(-1, -1, -1), (0, 0, 0), (0, 1, 2)])
def test_errors_that_are_equal_but_for_rounding_have_an_axis(ulps):
    error = np.sqrt(0.01 + np.array(ulps) * np.spacing(0.01))
    (axes,) = drawn(figures.error(np.zeros((3, 1)), error[:, None])).axes
    low, high = axes.get_ylim()
    assert low < 0.01 < high
    assert low < 0.9 * high
    assert sum(low <= tick <= high for tick in axes.get_yticks()) >= 1


@pytest.mark.parametrize(
    ("scale", "n_rows"), [(1e-5, 4), (0.0125, 1), (1, 1), (999, 4), (1250, 1), (3e7, 4)]
)
def test_the_numbers_of_a_signal_do_not_overlap_its_label(scale, n_rows):
    rows = scale * np.sin(np.arange(40.0)).reshape(1, 40, 1).repeat(n_rows, axis=0)
    read, states = np.arange(1, 41), random.normal(size=(n_rows, 40, 3))
    figure = laid_out(figures.decision(rows, read, None, states, [0] * n_rows, ["a"]))
    for axes in figure.axes[::2]:
        numbers = places(axes.get_yticklabels())
        assert len(numbers) >= 2
        assert all(place.x0 >= 0 for place in numbers)
        for name in places([axes.yaxis.label]):
            assert name.x0 >= 0
            assert all(name.x1 <= place.x0 for place in numbers)


@pytest.mark.parametrize("begin", [0.0, 188_400.0, 1.7e9])
def test_late_times_are_written_in_full_without_overlap(begin):
    time = begin + np.arange(250 * 10.0).reshape(250, 10)
    wave = np.sin(time)[..., None]
    figure = laid_out(figures.tracking(time, wave, wave))
    hidden = laid_out(figures.hidden(time[0], random.normal(size=(10, 3))))
    for axes in (*figure.axes, hidden.axes[0]):
        assert axes.xaxis.get_offset_text().get_text() == ""
        assert all(a.x1 < b.x0 for a, b in pairwise(places(axes.get_xticklabels())))


def test_the_axis_of_a_single_window_is_centred_on_it():
    (axes,) = figures.error(np.zeros((1, 4, 1)), np.ones((1, 4, 1))).axes
    assert axes.get_xlim() == (0.5, 1.5)


@pytest.mark.parametrize(
    ("shape", "picture", "n"),
    [((4, 4), (4, 4), 0), ((4, 4), (4, 4), 2), ((7, 3), None, 25), ((1, 1), None, 1)],
)
def test_any_number_of_rows_of_any_shape(shape, picture, n):
    rows = random.random((n, *shape))
    flat = rows.reshape(n, math.prod(shape))
    labels = [HOSTILE[k % len(HOSTILE)] for k in range(n)]
    other = [HOSTILE[(k + k % 2) % len(HOSTILE)] for k in range(n)]
    for figure in (
        figures.examples(rows, labels, picture),
        figures.examples(rows, None, picture),
        figures.predictions(rows, labels, other, picture),
        figures.worst(rows, labels, other, np.full(n, 1e-12), picture),
        figures.reconstructions(flat, flat / 2, picture),
        figures.rebuilt_worst(flat, flat / 2, np.zeros(n), labels, picture),
        figures.rebuilt_worst(flat, flat / 2, np.zeros(n), None, picture),
        figures.grid(flat, picture),
        figures.walk(flat, flat[:2], picture),
    ):
        drawn(figure, blank=n == 0)


@pytest.mark.parametrize("values", [0.0, 1e30, -1e-30, np.nan])
def test_equal_and_empty_rows(values):
    rows = np.full((3, 8, 2), values)
    drawn(figures.predictions(rows, list("abc"), list("abd")))
    drawn(figures.reconstructions(rows.reshape(3, -1), rows.reshape(3, -1)))


@pytest.mark.parametrize("n_classes", [1, 15, 120])
def test_confusion_of_any_number_of_classes_with_hostile_names(n_classes):
    names = [HOSTILE[k % len(HOSTILE)] for k in range(n_classes)]
    drawn(figures.confusion(random.integers(0, 10**6, (n_classes, n_classes)), names))
    laid_out(figures.confusion(np.zeros((n_classes, n_classes), int), names))


@pytest.mark.parametrize(
    ("n_rows", "n_classes", "steps", "features"), [(4, 2, 1, 1), (1, 15, 30, 12), (4, 50, 5, 2)]
)
def test_decisions_on_signals_of_unequal_length(n_rows, n_classes, steps, features):
    rows = random.normal(size=(n_rows, steps, features))
    rows[0, 1 + steps // 2 :] = np.nan
    read = np.arange(1, steps + 1)
    names = [HOSTILE[k % len(HOSTILE)] for k in range(n_classes)]
    states = random.uniform(-1, 1, (n_rows, steps, 3))
    truth = [0] * n_rows
    drawn(figures.decision(rows, read, chances(n_rows, steps, n_classes), states, truth, names))
    laid_out(figures.decision(rows, read, None, states, truth, names))


@pytest.mark.parametrize("picture", [(60, 4), (5, 90)])
def test_decisions_on_pictures_of_any_shape(picture):
    read = np.unique(np.linspace(1, picture[0], 20).round().astype(int))
    rows = random.random((4, *picture))
    states = 3 * random.normal(size=(4, len(read), 1))
    chance, truth = chances(4, len(read), 3), [0, 1, 2, 0]
    laid_out(figures.decision(rows, read, chance, states, truth, list("abc"), picture))


@pytest.mark.parametrize(("n", "steps", "outputs"), [(1, 1, 1), (3, 5, 2), (250, 2, 4)])
def test_tracking_and_error_of_any_number_of_windows(n, steps, outputs):
    time = np.arange(float(n * steps)).reshape(n, steps)
    target = random.normal(size=(n, steps, outputs))
    prediction = target + 0.1
    target[0, 0] = np.nan
    drawn(figures.tracking(time, target, prediction))
    drawn(figures.error(target, prediction))
    few = slice(-20, None)
    laid_out(figures.tracking(time[few], target[few, -1], prediction[few, -1]))
    laid_out(figures.error(target[:, -1], prediction[:, -1]))
    laid_out(figures.error(prediction[few], prediction[few]))
    laid_out(figures.signals(time[0], target[0], target[0], ("$", HOSTILE[0])))


@pytest.mark.parametrize(("steps", "units"), [(1, 1), (3, 2), (200, 64)])
def test_hidden_states_of_any_size(steps, units):
    time = np.cumsum(random.random(steps))
    states = random.normal(size=(steps, units))
    for reset in (None, np.zeros_like(states)):
        laid_out(figures.hidden(time, states, reset))
        drawn(figures.portrait(states, reset))
    drawn(figures.hidden(time[::-1], states))
    drawn(figures.portrait(np.ones((steps, units))))


@pytest.mark.parametrize(
    ("size", "n", "names"),
    [
        *[(1, 40, HOSTILE), (7, 40, HOSTILE), (2, 0, HOSTILE), (3, 0, HOSTILE)],
        *[(2, 1, ["1", "2"]), (3, 1, ["1", "2"]), (3, 40, []), (2, 40, HOSTILE * 70)],
    ],
)
def test_codes_of_any_size_and_names(size, n, names):
    values = random.normal(size=(n, size))
    labels = np.arange(n) % len(names) if names else None
    blank = n == 0 and size < 3  # 3-D axes have a box
    figure = drawn(figures.codes(values, labels, names), blank)
    assert figure.axes[0].name == ("3d" if size > 2 else "rectilinear")
    laid_out(figures.codes(np.zeros_like(values), labels, names, rainbow=True))


@pytest.mark.parametrize("n", [0, 1, 2, 40])
def test_learning_of_any_length(n):
    history = [
        {"step": 50 * k, "loss": 10.0**-k, "mean_loss": 10.0**-k, "test_accuracy": 0.5}
        for k in range(n)
    ]
    valid = [{"step": 10, "valid_loss": 0.3}]
    baselines = {"loss": (0.1, "PCA"), "test_accuracy": (0.1, "$guess$")}
    drawn(figures.learning(history, "step", valid, baselines))
    for loss in (0.0, -2.0):
        laid_out(
            figures.learning([{**event, "loss": loss, "mean_loss": loss} for event in history])
        )


def test_a_figure_too_small_for_its_margins_is_drawn():
    for size in ((0.3, 0.3), (1.0, 0.4), (30, 0.5)):
        small = Figure(figsize=size)
        drawn(figures.predictions(random.random((10, 4, 4)), ["a"] * 10, ["a"] * 10, (4, 4), small))
        small.clear()
        drawn(figures.learning([{"step": 0, "loss": 1.0, "mean_loss": 1.0}], figure=small))
