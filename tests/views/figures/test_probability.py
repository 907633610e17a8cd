"""Calibration, curves, and recall and rows over training show what the arrays hold."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex

from hiddenstate.metrics.curves import Calibration, Curves, one_against_rest
from hiddenstate.views import figures, style
from hiddenstate.views.figures.layout import new_figure, page_width
from tests.figure_texts import overlaps
from tests.views.figures.test_classify import image, titles

random = np.random.default_rng(0)
LONG = [f"class_with_a_name_{n:02}" for n in range(12)]


def bins():
    rows = np.array([0, 0, 0, 0, 0, 4, 0, 0, 6, 30])
    confidence = np.where(rows, (np.arange(10) + 0.5) / 10, np.nan)
    return Calibration(rows, confidence, np.where(rows, confidence - 0.1, np.nan))


def test_calibration_has_a_point_for_each_used_interval_and_names_its_error():
    figure = figures.calibration(bins())
    upper, lower = figure.axes
    diagonal, line = upper.get_lines()
    np.testing.assert_array_equal(diagonal.get_xdata(), diagonal.get_ydata())
    np.testing.assert_allclose(np.asarray(line.get_xdata()), [0.55, 0.85, 0.95])
    np.testing.assert_allclose(np.asarray(line.get_ydata()), [0.45, 0.75, 0.85])
    assert titles(figure)[1].startswith("expected calibration error 0.100")
    assert len(lower.patches) == 10
    (bars,) = (c for c in upper.collections if isinstance(c, LineCollection))
    few, _, many = (np.ptp(segment[:, 1]) for segment in bars.get_segments())
    assert few > 2 * many
    (points,) = (c for c in upper.collections if isinstance(c, PathCollection))
    assert points.get_sizes()[0] < points.get_sizes()[1] < points.get_sizes()[2]


def test_a_legend_covers_no_curve():
    low = np.vstack([np.linspace(0, 1, 101) ** 2, np.full(101, 0.1)])  # where corners were free
    for width in (3.4, 8.6):
        with page_width(width):
            figure = figures.curves(Curves(low, low, np.ones(2), np.ones(2)), LONG[:2])
        FigureCanvasAgg(figure).draw()
        for axes in figure.axes:
            box = axes.get_legend().get_window_extent()
            assert box.y1 < axes.bbox.y0
            assert box.x0 >= 0
            assert box.y0 >= 0
        assert overlaps(figure) == []


def answers(n_classes):
    y = np.arange(20 * n_classes) % n_classes
    outputs = (
        random.normal(size=(len(y), n_classes))
        + np.linspace(3, 0.5, n_classes) * np.eye(n_classes)[y]
    )
    return one_against_rest(np.exp(outputs), y)


def test_the_hardest_classes_have_curves_and_the_others_a_mean():
    curves = answers(7)
    roc, precision = figures.curves(curves, list("abcdefg")).axes
    hardest = np.argsort(curves.roc_area)[:4]
    rest = np.argsort(curves.roc_area)[4:]
    for axes, lines in ((roc, curves.roc), (precision, curves.precision)):
        mean, *drawn = axes.get_lines()
        np.testing.assert_allclose(np.asarray(mean.get_ydata()), lines[rest].mean(axis=0))
        np.testing.assert_array_equal(
            np.array([line.get_ydata() for line in drawn]), lines[hardest]
        )
        assert len({line.get_linestyle() for line in drawn}) == 4
    entries = [text.get_text() for text in roc.get_legend().get_texts()]
    assert entries[1] == f"{'abcdefg'[hardest[0]]}  {curves.roc_area[hardest[0]]:.3f}"


def test_recall_is_the_share_of_each_class_at_each_step():
    counts = np.array([[[4, 0], [3, 1]], [[2, 2], [0, 4]]])
    (axes,) = figures.recall(np.array([10, 20]), counts, ["a", "b"], [1, 0], end=30).axes
    np.testing.assert_allclose(image(axes), [[0.25, 1.0], [1.0, 0.5]])
    assert axes.get_images()[0].get_clim() == (0.0, 1.0)
    assert axes.get_xlim() == (0.0, 30.0)
    assert [text.get_text() for text in axes.texts] == ["b", "a"]


def test_each_row_is_a_line_in_the_panel_of_its_class_and_wrong_ones_are_on_top():
    chances, steps = random.uniform(size=(5, 6)), np.arange(5) * 10
    labels, right = np.array([0, 0, 0, 1, 1, 1]), np.array([1, 0, 1, 1, 1, 1], bool)
    figure = figures.dynamics(steps, chances, labels, right, ["a", "b"], 80, kept=20)
    panels = figure.axes
    assert [axes.texts[0].get_text() for axes in panels] == ["a 2/3", "b 3/3"]
    good, wrong = (c for c in panels[0].collections if isinstance(c, LineCollection))
    drawn = [np.column_stack([steps, chance]) for chance in chances[:, [0, 2]].T]
    np.testing.assert_allclose(good.get_segments(), drawn)
    np.testing.assert_allclose(wrong.get_segments()[0][:, 1], chances[:, 1])
    assert wrong.get_zorder() > good.get_zorder()
    assert to_hex(np.asarray(wrong.get_color())[0]) == style.now().wrong
    assert panels[0].get_xlim()[1] > 80
    assert set(np.asarray(panels[1].get_lines()[0].get_xdata())) == {20}


def test_many_classes_share_a_panel():
    labels = np.arange(20)
    figure = figures.dynamics(
        np.arange(3), random.uniform(size=(3, 20)), labels, labels > 2, LONG * 2
    )
    (axes,) = figure.axes
    assert axes.texts[0].get_text() == "all 17/20"


def test_texts_never_collide():
    y, steps = np.arange(24) % 12, np.arange(4) * 50
    counts = np.tile(np.eye(12, dtype=int), (4, 1, 1))
    counts[0, :6, 6] += 1  # half of the classes are wrong at first
    chances = random.uniform(size=(4, 24))
    for figure in (
        figures.calibration(bins()),
        figures.calibration(bins(), new_figure(2.6, 2.4)),
        figures.curves(answers(12), LONG),
        figures.recall(steps, counts, LONG, None, 200),
        figures.recall(steps, counts, LONG, None, 200, new_figure(3.2, 2.4)),
        figures.dynamics(steps, chances, y, y > 3, LONG, 200, 50),
    ):
        assert overlaps(figure) == []


def test_on_a_phone_curves_stand_below_each_other_and_names_are_whole():
    names = [f"a_rather_long_name_of_class_{n}" for n in range(3)]
    roc = np.ones((3, 101))
    with page_width(3.4):
        upper, lower = figures.curves(Curves(roc, roc, np.ones(3), np.ones(3)), names).axes
        assert upper.get_position().y0 > lower.get_position().y1
        steps, counts = np.array([1, 5]), np.tile(np.eye(3, dtype=int), (2, 1, 1))
        figure = figures.recall(steps, counts, names)
    FigureCanvasAgg(figure).draw()
    assert all(text.get_window_extent().x0 >= 0 for text in figure.axes[0].texts)


def test_right_rows_of_no_class_have_the_colour_of_wrong_ones():
    steps, labels = np.arange(3), np.arange(4)
    chances = np.full((3, 4), 0.9)
    figure = figures.dynamics(steps, chances, labels, np.ones(4, bool), list("abcd"))
    colors = {
        to_hex(tuple(np.asarray(line.get_colors())[0]))
        for axes in figure.axes
        for line in axes.collections
        if isinstance(line, LineCollection) and len(line.get_segments())
    }
    assert colors == {to_hex(style.now().right)}


def test_long_names_of_classes_stay_distinct_over_their_panels():
    names = ["Atrial fibrillation, paroxysmal", "Atrial fibrillation, persistent"]
    figure = figures.dynamics(
        np.arange(3),
        np.full((3, 2), 0.9),
        np.arange(2),
        np.ones(2, bool),
        names,
        figure=new_figure(3, 2),
    )
    titles_of_panels = {axes.texts[0].get_text() for axes in figure.axes}
    assert len(titles_of_panels) == 2


def test_a_class_without_test_rows_has_no_recall():
    counts = np.zeros((2, 3, 3), int)
    counts[:, 0, 0], counts[:, 1, 0] = 4, 2
    figure = figures.recall(np.array([0, 50]), counts, ["a", "b", "c"], end=50)
    share = np.asarray(figure.axes[0].get_images()[0].get_array())
    assert share[0, -1] == 1
    assert share[1, -1] == 0
    assert np.isnan(share[2]).all()
    outlines = next(c for c in figure.axes[0].collections if isinstance(c, PathCollection))
    assert [np.size(path.vertices) for path in outlines.get_paths()][2] < 40  # a dash, not 0%
