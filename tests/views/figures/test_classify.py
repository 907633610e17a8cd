"""Figures of rows, predictions and the worst errors show what the arrays hold."""

import numpy as np
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex

from hiddenstate.views import figures, style
from hiddenstate.views.figures.layout import glyphs

random = np.random.default_rng(0)


def image(axes):
    (drawn,) = axes.get_images()
    return np.ma.filled(np.ma.asarray(drawn.get_array()).astype(float), np.nan)


def frames(axes):
    """Colours of the frames around thumbnails."""
    boxes = [c for c in axes.collections if isinstance(c, LineCollection)][-1]
    return [to_hex(color) for color in np.asarray(boxes.get_colors())]


def titles(figure):
    return [text.get_text() for text in figure.texts]


def written(axes, text, **options):
    """Return how often a short text is drawn on axes."""
    drawn = [c for c in axes.collections if isinstance(c, PathCollection)]
    points = style.SMALL_POINTS
    outline = glyphs(text, options.pop("points", points), **options)
    return sum(path is outline for c in drawn for path in c.get_paths())


# every job


def test_pictures_are_drawn_side_by_side_with_gaps():
    rows = random.random((3, 16))
    (axes,) = figures.examples(rows, ["5", "7", "9"], (4, 4)).axes
    sheet = image(axes)
    parts = [sheet[:4, x : x + 4] for x in (0, 5, 10)]
    np.testing.assert_allclose(parts, rows.reshape(3, 4, 4), rtol=1e-6)
    assert np.isnan(sheet[:, 4]).all()
    assert all(written(axes, label, points=9, bold=True, up=9) == 1 for label in "579")


def test_other_rows_are_lines_that_end_with_the_row():
    rows = random.normal(size=(2, 9, 3))
    rows[0, 5:] = np.nan
    (axes,) = figures.examples(rows, ["a", "b"]).axes
    lines, *_ = (c for c in axes.collections if isinstance(c, LineCollection))
    assert [len(line) for line in lines.get_segments()] == [5, 5, 5, 9, 9, 9]


def test_only_some_of_many_features_and_steps_are_drawn():
    (axes,) = figures.examples(random.normal(size=(1, 5000, 40)), None).axes
    lines = next(c for c in axes.collections if isinstance(c, LineCollection)).get_segments()
    assert len(lines) == 6
    assert {len(line) for line in lines} == {800}  # two for each of 400 parts


def test_drawings_are_ink_on_paper_and_photographs_are_photographs():
    drawing = np.zeros((1, 16))
    drawing[0, 5] = 1
    for rows, empty, full in ((drawing, "paper", "ink"), (1 - drawing, "black", "white")):
        (axes,) = figures.examples(rows, None, (4, 4)).axes
        colors = axes.get_images()[0].get_cmap()
        wanted = [getattr(style.now(), name, name) for name in (empty, full)]
        assert [to_hex(colors(share)) for share in (0.0, 1.0)] == [to_hex(c) for c in wanted]


# classify


def test_wrong_predictions_have_a_cross_a_frame_and_another_colour():
    figure = figures.predictions(np.zeros((2, 16)), ["1", "2"], ["1", "3"], (4, 4))
    (axes,) = figure.axes
    now = style.now()
    assert frames(axes) == [now.faint, now.wrong]
    assert written(axes, "✓ 1", points=9, bold=True, up=9) == 1
    assert written(axes, "✗ 3", points=9, bold=True, up=9) == 1
    assert written(axes, "is 2", up=-9) == 1
    assert titles(figure)[1].startswith("1 of 2 correct")


def test_worst_errors_show_the_true_label_and_its_probability():
    rows = random.random((2, 16))
    (axes,) = figures.worst(rows, ["4", "8"], ["9", "3"], np.array([0.0002, 0.25]), (4, 4)).axes
    np.testing.assert_allclose(image(axes)[:4, :4], rows[0].reshape(4, 4), rtol=1e-6)
    for text, up in (("is 4", -9), ("0.02%", -19.5), ("25%", -19.5)):
        assert written(axes, text, up=up) == 1
    assert written(axes, "✗ 9", points=9, bold=True, up=9) == 1


# regress


# autoencode
