"""Figures show what the arrays hold, in the right places."""

from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D

from hiddenstate.views import figures, style
from hiddenstate.views.figures.cloud import ClassNames, Cloud
from hiddenstate.views.figures.layout import glyphs, new_figure
from hiddenstate.views.limits import principal_plane
from tests.figure_texts import overlaps

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


def test_learning_curves_show_what_was_logged_and_the_baseline():
    history = [
        {"step": 50 * k, "loss": 2.0 - k / 10, "mean_loss": 2.1 - k / 10, "test_accuracy": k / 10}
        for k in range(5)
    ]
    valid = [{"step": 100, "valid_loss": 1.5}, {"step": 200, "valid_loss": 1.4}]
    figure = figures.learning(history, "step", valid, {"test_accuracy": (0.1, "guessing")})
    loss, score = figure.axes
    batch, mean, looks = loss.get_lines()
    np.testing.assert_array_equal(batch.get_ydata(), [event["loss"] for event in history])
    np.testing.assert_array_equal(mean.get_ydata(), [event["mean_loss"] for event in history])
    np.testing.assert_array_equal(looks.get_xydata(), [[101, 1.5], [201, 1.4]])
    test, guessing = score.get_lines()
    np.testing.assert_array_equal(test.get_ydata(), [0, 0.1, 0.2, 0.3, 0.4])
    assert set(np.asarray(guessing.get_ydata())) == {0.1}
    assert [text.get_text() for text in score.texts] == ["guessing: 0.1"]
    note = "step 201: mean loss 1.7, accuracy 40.00% on the test rows"
    assert titles(figure) == ["Learning curves", note]


def test_learning_curves_mark_the_kept_step_and_warn_at_the_end():
    history = [{"step": k, "loss": 1.0, "mean_loss": 1.0, "test_mse": 2.0} for k in range(9)]
    marks: dict[str, Any] = {
        "kept": 3,
        "evaluated": "the first 5 test rows",
        "warning": "worse than the mean",
    }
    during = figures.learning(history, **marks)
    note = "step 9: mean loss 1, error 2 on the first 5 test rows"
    assert titles(during) == ["Learning curves", note, "worse than the mean"]
    for axes in during.axes:
        assert any(set(np.asarray(line.get_xdata())) == {3} for line in axes.get_lines())
    assert "best so far: step 3" in [text.get_text() for text in during.axes[0].texts]
    after = figures.learning(history, results={"test_mse": 1.5}, **marks)
    assert titles(after)[1].startswith("at the end error 1.5 on all test rows")
    assert "kept: step 3" in [text.get_text() for text in after.axes[0].texts]


@pytest.mark.parametrize(("value", "side"), [(0.5, "top"), (0.001, "bottom"), (3.0, "bottom")])
def test_the_name_of_a_baseline_avoids_the_curve(value, side):
    history = [{"step": k, "loss": 1.0, "mean_loss": 1.0} for k in range(4)]
    (axes,) = figures.learning(history, baselines={"loss": (value, "PCA")}).axes
    (name,) = axes.texts
    assert name.get_verticalalignment() == side  # "top": the text is below the line


def test_a_loss_over_powers_of_ten_has_a_log_axis():
    history = [{"step": k, "loss": 10.0**-k, "mean_loss": 10.0**-k} for k in range(4)]
    assert figures.learning(history).axes[0].get_yscale() == "log"
    assert figures.learning(history[:2]).axes[0].get_yscale() == "linear"


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


def decided(chances, picture=None, rows=None, truth=0):
    steps, n_classes = chances.shape
    rows = random.random((1, steps, 4)) if rows is None else rows
    states = random.uniform(-1, 1, (1, steps, 5))
    names = list("abcdefgh"[:n_classes])
    figure = figures.decision(
        rows, np.arange(1, steps + 1), chances[None], states, [truth], names, picture
    )
    return figure, rows[0], states[0]


CHANGING = np.array([[0.2, 0.8], [0.9, 0.1], [0.3, 0.7], [0.6, 0.4], [0.7, 0.3], [0.8, 0.2]])


def test_a_decision_is_aligned_with_the_lines_of_the_picture():
    figure, row, states = decided(CHANGING, (6, 4))
    seen, thought, held = figure.axes
    np.testing.assert_array_equal(image(seen), row)
    np.testing.assert_array_equal(image(held), states)
    assert {axes.get_ylim() for axes in figure.axes} == {(6.0, 0.0)}
    places = [axes.get_position() for axes in figure.axes]
    assert np.ptp([box.y0 for box in places]) < 1e-9
    assert np.ptp([box.y1 for box in places]) < 1e-9
    edge = thought.get_lines()[0].get_xydata()  # the probability of the true class after each row
    np.testing.assert_allclose(edge[1:-1], np.column_stack([CHANGING[:, 0], np.arange(6) + 0.5]))


def test_a_decision_is_marked_where_the_prediction_becomes_final():
    figure, *_ = decided(CHANGING, (6, 4))
    assert figure.axes[0].texts[0].get_text() == "✓ a, from row 4 on"
    for axes in figure.axes:
        assert set(axes.get_lines()[-1].get_ydata()) == {3}
    figure, *_ = decided(CHANGING[:, ::-1], (6, 4))
    assert figure.axes[0].texts[0].get_text() == "✗ b, from row 4 on (is a)"


def test_a_decision_on_a_signal_is_below_it_and_ends_with_it():
    rows = random.normal(size=(1, 6, 2))
    rows[0, 4:] = np.nan
    figure, row, states = decided(CHANGING, rows=rows)
    seen, thought, held = figure.axes
    assert {axes.get_xlim() for axes in figure.axes} == {(0.0, 4.0)}
    np.testing.assert_array_equal(image(held), states[:4].T)
    first, second = (
        np.asarray(line.get_ydata()) for line in seen.get_lines() if np.size(line.get_xdata()) == 4
    )
    assert second.max() < 1 < first.min()  # each channel has a lane of its own
    # Colours are those of classes, so channels have none.
    inks = {line.get_color() for line in seen.get_lines() if np.size(line.get_xdata()) == 4}
    assert inks == {style.now().ink}
    np.testing.assert_allclose(np.corrcoef(second, row[:4, 1])[0, 1], 1)
    assert thought.get_lines()[0].get_xdata()[-1] == 4
    assert seen.get_position().y0 > thought.get_position().y1


# regress


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


# autoencode


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


def test_near_codes_are_drawn_over_far_ones():
    axes = Figure().add_subplot(projection="3d")
    points = np.array([[0.0, 0.0, 0.0], [1.0, -1.0, 0.5], [-1.0, 1.0, 0.2]])
    cloud = Cloud(axes, points, np.arange(3), ["a", "b", "c"], style.class_colors(3))
    axes.add_collection(cloud, autolim=False)
    for turn in (-60, 120):
        axes.view_init(elev=0, azim=turn)
        axes.M = axes.get_proj()
        cloud.do_3d_projection()
        eye = np.array([np.cos(np.radians(turn)), np.sin(np.radians(turn)), 0])
        nearest = "abc"[int((points @ eye).argmax())]
        assert cloud.get_paths()[-1] is glyphs(nearest, 8.5, bold=True)


@pytest.mark.parametrize(
    ("size", "kind"), [(1, "rectilinear"), (2, "rectilinear"), (3, "3d"), (5, "3d")]
)
def test_codes_of_any_size_are_drawn(size, kind):
    values = random.normal(size=(6, size))
    assert figures.codes(values, None, []).axes[0].name == kind
    (cloud,) = (
        c
        for c in figures.codes(values, np.arange(6) % 3, list("abc")).axes[0].collections
        if isinstance(c, Cloud)
    )
    np.testing.assert_array_equal(cloud.labels, [0, 1, 2, 0, 1, 2])


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


def test_the_names_under_a_small_decision_do_not_meet():
    rows, chances = random.random((4, 28, 28)), np.full((4, 28, 3), 1 / 3)
    read, states = np.arange(1, 29), np.tanh(random.normal(size=(4, 28, 64)))
    figure = figures.decision(
        rows,
        read,
        chances,
        states,
        np.zeros(4, int),
        ["a", "b", "c"],
        (28, 28),
        new_figure(6.4, 4.8),
    )
    assert not overlaps(figure)


def test_the_name_of_a_high_baseline_does_not_meet_the_legend_on_a_narrow_page():
    history = [{"step": step, "loss": 1.0, "mean_loss": 1.0} for step in range(20)]
    levels = {"loss": (5.23, "the last value, training rows")}
    for width in (3.4, 6.4):
        assert not overlaps(figures.learning(history, "step", (), levels, new_figure(width, 3)))
