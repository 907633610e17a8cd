"""Figures are what they say; views read a run folder and change nothing in it."""

import sys

import numpy as np
import pytest
from matplotlib.figure import Figure

from hiddenstate.runs import Run
from hiddenstate.views import figures
from hiddenstate.views.gallery import LAYOUTS, draw_dashboard, drawings
from hiddenstate.views.save import save_figures
from hiddenstate.views.scene import Scene
from hiddenstate.views.window import display_missing

OFF = ("--view", "off", "--threads", "1")


@pytest.fixture
def run_of(cli, tiny_idx, tmp_path):
    """Trains a small run of a job and gives it."""

    def train(job):
        small = {
            "classify": (tiny_idx, "--hidden-size", "6", "--log-every", "2"),
            "regress": ("--windows", "25", "--log-every", "10"),
            "autoencode": (tiny_idx, "--encoder-sizes", "8", "--epochs", "2", "--log-every", "1"),
        }
        assert cli(job, *small[job], *OFF).code == 0
        return Run(tmp_path / "runs" / f"{job}-1")

    return train


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_codes_stand_as_coloured_labels_on_axes_fitted_to_them():
    values = np.array([[0.0, 1.0, 2.0], [3.0, -1.0, 5.0], [1.0, 0.0, 4.0]])
    figure = figures.codes(values, np.array([0, 2, 1]), ["0", "1", "2"])
    (axes,) = figure.axes
    assert axes.name == "3d"
    assert texts(axes) == ["0", "2", "1"]
    colors = [text.get_bbox_patch().get_facecolor() for text in axes.texts]
    assert len(set(colors)) == 3
    for number, limits in enumerate((axes.get_xlim(), axes.get_ylim(), axes.get_zlim())):
        low, high = values[:, number].min(), values[:, number].max()
        assert limits[0] <= low < high <= limits[1]
        assert limits[1] - limits[0] < 1.2 * (high - low)


@pytest.mark.parametrize(
    ("size", "kind"), [(1, "rectilinear"), (2, "rectilinear"), (3, "3d"), (5, "3d")]
)
def test_codes_of_any_size_are_drawn(size, kind):
    values = np.random.default_rng(0).normal(size=(6, size))
    assert figures.codes(values, None, []).axes[0].name == kind
    labelled = figures.codes(values, np.arange(6) % 3, list("abc")).axes[0]
    assert texts(labelled) == list("abcabc")


def test_of_long_runs_both_ends_are_drawn():
    time = np.arange(2000.0).reshape(400, 5)
    wave = np.sin(time)[:, :, None]
    first, last = figures.tracking(time, wave, wave).axes
    assert first.get_lines()[0].get_xdata()[0] == 0
    assert last.get_lines()[0].get_xdata()[-1] == 1999


def test_time_goes_on_over_the_epochs(cli, tmp_path):
    cli("regress", "--windows", "12", "--epochs", "3", *OFF)
    time = Scene(Run(tmp_path / "runs" / "regress-1")).frame().arrays["time"].ravel()
    np.testing.assert_allclose(np.diff(time), np.pi / 10)


def test_tracking_draws_target_in_red_and_prediction_in_blue_against_time():
    time = np.arange(20.0).reshape(4, 5)
    target, prediction = np.sin(time)[:, :, None], np.cos(time)[:, :, None]
    (axes,) = figures.tracking(time, target, prediction).axes
    red, blue = axes.get_lines()
    assert (red.get_color(), blue.get_color()) == ("tab:red", "tab:blue")
    np.testing.assert_array_equal(red.get_xdata(), time.ravel())
    np.testing.assert_array_equal(blue.get_ydata(), prediction.ravel())


def test_reconstructions_stand_under_their_originals():
    originals, rebuilt = np.zeros((5, 16)), np.ones((5, 16))
    axes = figures.reconstructions(originals, rebuilt, (4, 4)).axes
    assert len(axes) == 10
    shown = [ax.get_images()[0].get_array() for ax in axes]
    assert all(picture.max() == 0 for picture in shown[:5])
    assert all(picture.min() == 1 for picture in shown[5:])


def test_examples_are_titled_with_their_labels():
    axes = figures.examples(np.zeros((2, 16)), ["5", "7"], (4, 4)).axes
    assert [ax.get_title() for ax in axes] == ["5", "7"]


def test_rows_that_are_no_pictures_are_drawn_as_lines():
    (axes,) = figures.examples(np.zeros((1, 9, 3)), ["a"]).axes
    assert len(axes.get_lines()) == 3


def test_wrong_predictions_are_red():
    axes = figures.predictions(np.zeros((2, 16)), ["1", "2"], ["1", "3"], (4, 4)).axes
    assert [ax.title.get_color() for ax in axes] == ["tab:blue", "tab:red"]


@pytest.mark.parametrize("job", list(LAYOUTS))
def test_every_figure_of_a_run_is_written_and_the_rest_of_it_untouched(job, run_of):
    run = run_of(job)

    def contents():
        return {
            p: p.read_bytes()
            for p in run.path.rglob("*")
            if p.is_file() and p.parent.name != "figures"
        }

    before = contents()
    written = save_figures(run)
    assert {path.stem for path in written} == {name for row in LAYOUTS[job] for name in row}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written)
    assert contents() == before


@pytest.mark.parametrize("job", list(LAYOUTS))
def test_a_dashboard_is_drawn_at_every_moment_and_again(job, run_of):
    scene = Scene(run_of(job))
    figure = Figure(layout="constrained")
    for step in (0, scene.steps[0], scene.steps[-1]):
        draw_dashboard(figure, scene, scene.frame(step))
    shown = {name for row in LAYOUTS[job] for name in row}
    assert set(drawings(scene, scene.frame())) == shown


def test_a_turned_code_plot_stays_turned_when_redrawn(run_of):
    scene = Scene(run_of("autoencode"))
    figure = Figure(layout="constrained")

    def space():
        return next(ax for part in figure.get_axes() for ax in [part] if ax.name == "3d")

    draw_dashboard(figure, scene, scene.frame())
    space().view_init(elev=11, azim=22)
    draw_dashboard(figure, scene, scene.frame())
    assert (space().elev, space().azim) == (11, 22)


def test_windows_grow_one_by_one(run_of):
    scene = Scene(run_of("regress"))
    assert scene.steps == list(range(1, 26))
    frame = scene.frame(7)
    assert frame.arrays["prediction"].shape == (7, 10, 1)
    np.testing.assert_allclose(frame.arrays["time"][6, 0], 6 * np.pi)


def test_shown_rows_are_test_rows(run_of):
    scene = Scene(run_of("autoencode"))
    assert scene.facts["shown_split"] == "test"
    assert len(scene.kept["original"]) == 5


def test_without_a_display_none_is_claimed(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert display_missing() == "there is no display"


def test_asked_for_a_window_without_a_display_it_is_refused_before_training(cli, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    done = cli("regress", "--view", "window")
    assert done.code == 3
    assert "--view files" in done.err


def test_figures_are_written_where_there_is_no_display(cli, tiny_idx, tmp_path, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert cli("regress", "--windows", "20").code == 0
    drawn = {path.name for path in (tmp_path / "runs/regress-1/figures").iterdir()}
    assert drawn == {"signals.png", "learning.png", "tracking.png"}
