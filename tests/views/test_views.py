"""Figures and dashboards of runs, and figure files; views change nothing in a run folder."""

import sys

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from hiddenstate.program.jobs import KINDS
from hiddenstate.runs import Run
from hiddenstate.views import style
from hiddenstate.views.catalog import FIGURES, LAYOUTS, draw_dashboard, drawings
from hiddenstate.views.save import save_figures
from hiddenstate.views.timeline import Timeline
from hiddenstate.views.window import display_missing
from tests.figure_texts import placed_texts

OF_OWN_DATA = {"held_out", "spectrum", "streams", "augmented", "memory"}
DRAWN = {job: set(FIGURES[kind.answers]) - OF_OWN_DATA for job, kind in KINDS.items()}
DRAWN["regress"] -= {"why"}
"""Figures of the bundled data; nothing is held out of the waves, whose answers are not explained,
and no row is augmented; the cells have no complex states."""

OFF = ("--view", "off", "--threads", "1")


@pytest.mark.parametrize("job", list(KINDS))
def test_figures_are_written_and_the_rest_of_the_run_is_unchanged(job, run_of, blank, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    run = run_of(job)

    def contents():
        return {
            p: p.read_bytes()
            for p in run.path.rglob("*")
            if p.is_file() and p.parent.name != "figures"
        }

    before = contents()
    written = save_figures(run)
    assert {path.stem for path in written} == DRAWN[job]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written)
    assert contents() == before


@pytest.mark.parametrize("job", list(KINDS))
def test_a_dashboard_can_be_drawn_at_every_moment_repeatedly(job, run_of):
    timeline = Timeline(run_of(job))
    figure = Figure(layout="constrained")
    for step in (0, timeline.steps[0], timeline.steps[-1]):
        draw_dashboard(figure, timeline, timeline.moment(step))
    assert set(drawings(timeline, timeline.moment())) == DRAWN[job]


@pytest.mark.parametrize(("kind", "large"), [(kind, large) for kind in LAYOUTS for large in (0, 1)])
def test_the_figures_of_a_window_share_it_without_overlap(kind, large):
    layout = LAYOUTS[kind][large]
    assert set(layout) <= set(FIGURES["targets" if kind == "held_out" else kind])
    covered = np.zeros((100, 100), int)
    for left, low, right, high in layout.values():
        across, up = (
            slice(*np.rint([100 * a, 100 * b]).astype(int)) for a, b in ((left, right), (low, high))
        )
        covered[up, across] += 1
    assert covered.max() == 1


def test_figures_can_be_dark_and_vector_graphics(run_of, monkeypatch):
    run = run_of("regress")
    error = {"error": drawings(timeline := Timeline(run), timeline.moment())["error"]}
    monkeypatch.setattr("hiddenstate.views.save.drawings", lambda *_: error)
    (dark,) = save_figures(run, "svg", "dark")
    assert dark.suffix == ".svg"
    assert "#15181e" in dark.read_text("utf-8")
    assert all("#15181e" not in p.read_text("utf-8") for p in save_figures(run, "svg"))
    assert [path.read_bytes()[:4] for path in save_figures(run, "pdf")] == [b"%PDF"]


def test_a_title_of_the_whole_window_stands_above_its_figures(run_of):
    timeline, figure = Timeline(run_of("regress")), Figure(figsize=(11, 7.5))
    draw_dashboard(figure, timeline, timeline.moment(), "a run   step 25   its result")
    title = next(text for text in placed_texts(figure) if text.text.startswith("a run"))
    others = [text for text in placed_texts(figure) if text.text != title.text]
    assert title.y0 > max(text.y1 for text in others)


def test_the_window_has_the_background_of_its_theme(run_of):
    timeline, figure = Timeline(run_of("regress")), Figure()
    with style.theme("dark") as dark:
        draw_dashboard(figure, timeline, timeline.moment())
    assert figure.get_facecolor() == to_rgba(dark.ground)
    draw_dashboard(figure, timeline, timeline.moment())
    assert figure.get_facecolor() == to_rgba("white")


def test_codes_of_the_classic_recipe_have_the_colours_of_all_views(cli, tiny_idx, tmp_path):
    cli("autoencode", tiny_idx, "--recipe", "classic", "--max-steps", "2", *OFF)
    timeline = Timeline(Run(tmp_path / "runs" / "autoencode-1"))
    (axes,) = drawings(timeline, timeline.moment())["codes"](None).axes
    drawn = {tuple(c) for cloud in axes.collections for c in np.asarray(cloud.get_facecolor())}
    expected = style.class_colors(len(timeline.class_names))
    assert drawn & {tuple(color) for color in expected}


def test_a_turned_code_plot_stays_turned_when_redrawn(run_of):
    timeline = Timeline(run_of("autoencode"))
    figure = Figure(layout="constrained")

    def space():
        return next(ax for part in figure.get_axes() for ax in [part] if ax.name == "3d")

    draw_dashboard(figure, timeline, timeline.moment())
    space().view_init(elev=11, azim=22)
    draw_dashboard(figure, timeline, timeline.moment())
    assert (space().elev, space().azim) == (11, 22)


def test_without_a_display_none_is_claimed(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert display_missing() == "there is no display"


def test_a_window_without_a_display_is_refused_before_training(cli, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    done = cli("regress", "--view", "window")
    assert done.code == 3
    assert "there is no display" in done.err
