"""Figures of codes and reconstructions."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PolyCollection
from mpl_toolkits.mplot3d import Axes3D

from hiddenstate.views import figures, style
from hiddenstate.views.figures.cloud import ClassNames, Cloud
from hiddenstate.views.figures.layout import glyphs
from tests.views.figures.test_classify import frames, image, random


def test_reconstructions_are_below_their_originals():
    (axes,) = figures.reconstructions(np.zeros((5, 16)), np.ones((5, 16)), (4, 4)).axes
    sheet = image(axes)
    assert np.nanmax(sheet[:4]) == 0
    assert np.nanmin(sheet[5:9]) == 1


def test_reconstructed_lines_lie_over_their_originals_with_the_difference_filled():
    rows = random.normal(size=(3, 30))
    (axes,) = figures.reconstructions(rows, rows / 2 + 0.5 * rows.mean()).axes
    upper, lower, *_ = (c for c in axes.collections if isinstance(c, LineCollection))
    pairs = list(zip(upper.get_segments(), lower.get_segments(), strict=True))
    assert len(pairs) == 3
    assert all((a[:, 0] == b[:, 0]).all() for a, b in pairs)
    assert all(np.ptp(b[:, 1]) < np.ptp(a[:, 1]) for a, b in pairs)
    (filled,) = (c for c in axes.collections if isinstance(c, PolyCollection))
    assert [np.shape(path.vertices) for path in filled.get_paths()] == [(61, 2)] * 3


def test_the_grid_starts_at_the_top():
    rows = np.arange(9)[:, None] * np.ones(16) / 10
    (axes,) = figures.grid(rows, (4, 4)).axes
    sheet = image(axes)
    assert sheet[0, 0] == 0
    assert sheet[0, 10] == pytest.approx(0.2)
    assert sheet[10, 0] == pytest.approx(0.6)


def test_the_ends_of_a_walk_are_rows_in_frames():
    rows, ends = np.full((4, 16), 0.5), np.stack([np.zeros(16), np.ones(16)])
    (axes,) = figures.walk(rows, ends, (4, 4)).axes
    sheet, now = image(axes), style.now()
    assert sheet[0, 0] == 0
    assert sheet[0, 25] == 1
    assert frames(axes) == [now.target, *[now.faint] * 4, now.target]


def test_codes_are_coloured_labels_on_fitting_axes():
    values = np.array([[0.0, 1.0, 2.0], [3.0, -1.0, 5.0], [1.0, 0.0, 4.0]])
    figure = figures.codes(values, np.array([0, 2, 1]), ["0", "1", "2"])
    (axes,) = figure.axes
    assert isinstance(axes, Axes3D)
    (cloud,) = (c for c in axes.collections if isinstance(c, Cloud))
    np.testing.assert_array_equal(cloud.points, values)
    paths, colors = cloud.get_paths(), np.asarray(cloud.get_facecolor())
    assert [paths[n] for n in (1, 3, 5)] == [glyphs(t, 8.5, bold=True) for t in "021"]
    np.testing.assert_allclose(colors[[0, 2, 4]], style.class_colors(3)[[0, 2, 1]])
    for number, limits in enumerate((axes.get_xlim(), axes.get_ylim(), axes.get_zlim())):
        low, high = values[:, number].min(), values[:, number].max()
        assert limits[0] <= low < high <= limits[1]
        assert limits[1] - limits[0] < 1.2 * (high - low)


def test_long_names_are_listed_beside_the_codes():
    values = random.normal(size=(4, 2))
    (axes,) = figures.codes(values, np.array([0, 1, 1, 0]), ["walking", "running"]).axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["walking", "running"]


def test_classes_with_long_names_are_named_at_their_codes_without_overlap():
    values = random.normal(size=(40, 3)) * 0.01  # all at the same place
    names = ["walking", "running", "standing still", "cycling"]
    figure = figures.codes(values, np.arange(40) % 4, names)
    FigureCanvasAgg(figure).draw()
    (written_names,) = (c for c in figure.axes[0].get_children() if isinstance(c, ClassNames))
    places = figure.axes[0].transData.transform(written_names.get_offsets()) * 72 / figure.dpi
    boxes = [
        path.get_extents().translated(*place)
        for path, place in zip(written_names.get_paths()[::2], places[::2], strict=True)
    ]
    assert len(boxes) == 4
    assert not any(a.overlaps(b) for n, a in enumerate(boxes) for b in boxes[:n])
