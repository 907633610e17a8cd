"""How far back complex states reach: numbers, words, and pictures of any number of them."""

from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hiddenstate.runs import Run
from hiddenstate.system.typing import Array
from hiddenstate.views import figures
from hiddenstate.views.catalog import FIGURES, draw_dashboard, drawings
from hiddenstate.views.figures.layout import page_width
from hiddenstate.views.limits import Span, reach_span
from hiddenstate.views.memory import in_words, layer_names, period, reach
from hiddenstate.views.pictures import PICTURES
from hiddenstate.views.terminal.canvas import Canvas
from hiddenstate.views.terminal.dashboard import panels_of
from hiddenstate.views.terminal.panels import Selection
from hiddenstate.views.timeline import Timeline
from tests.conftest import ENGINES, Cli


def eigenvalues(L: int, S: int) -> Array:
    """Return those of reaches from 2 to 200 steps, at all angles."""
    size = np.exp(-1 / np.geomspace(2, 200, L * S)).reshape(L, S)
    angle = np.linspace(0.1, 6.2, L * S).reshape(L, S)
    return np.stack([size * np.cos(angle), size * np.sin(angle)], axis=2)


def test_a_response_falls_to_1_over_e_in_as_many_steps_as_a_state_reaches() -> None:
    value = 0.9 * np.exp(2j * np.pi / 8)
    pair = np.array([value.real, value.imag])
    assert abs(value) ** reach(pair) == pytest.approx(np.exp(-1))
    assert period(pair) == pytest.approx(8)
    assert np.angle(value**8) == pytest.approx(0, abs=1e-12)


def test_states_that_forget_at_once_or_never_have_a_reach_too() -> None:
    values = np.array([[0, 0], [1, 0], [np.nan, 0], [-0.5, 0]])
    np.testing.assert_array_equal(reach(values)[:3], [0, np.inf, np.nan])
    np.testing.assert_allclose(period(values)[[1, 3]], [np.inf, 2])
    assert in_words(values[None], ["layer 1"]).startswith("Layer 1: 3 states reach 0 to infinite")


def bars(axes: Any) -> float:
    """Return where the longest bar of a lane ends."""
    return max(float(part.get_datalim(axes.transData).x1) for part in axes.collections)


@pytest.mark.parametrize(("L", "S"), [(1, 1), (1, 8), (4, 64)])
def test_each_layer_has_a_lane_whose_longest_bar_is_its_longest_reach(L: int, S: int) -> None:
    values = eigenvalues(L, S)
    plane, *lanes = figures.memory(values, path=np.stack([0.9 * values, values]), row=28).axes
    assert len(lanes) == L
    drawn = [line for line in plane.lines if line.get_linestyle() == "None"]
    np.testing.assert_array_equal(np.stack([line.get_xydata() for line in drawn]), values)
    for lane, far in zip(lanes, reach(values), strict=True):
        assert bars(lane) == pytest.approx(far.max(), rel=0.02)


def test_the_axis_spans_all_moments_and_a_small_figure_has_the_plane_alone() -> None:
    values = eigenvalues(2, 8)
    span = reach_span([values, 0.1 * values])
    assert span == Span(0.1, 1000.0, log=True)
    assert figures.memory(values, span=span).axes[1].get_xlim() == (0.1, 1000.0)
    parts: Any = Figure().subfigures(4, 4)
    assert len(figures.memory(values, parts[0, 0]).axes) == 1
    with page_width(3.4):
        narrow = figures.memory(values)
    FigureCanvasAgg(narrow).draw()
    assert len(narrow.axes) == 3


@pytest.mark.parametrize("job", ["classify", "regress"])
def test_a_run_of_lru_records_and_draws_its_eigenvalues(job: str, cli: Cli, tmp_path: Any) -> None:
    rows = np.random.default_rng(0).normal(size=(30, 12, 2))
    np.savez(
        tmp_path / "own.npz", X=rows, y=np.arange(30) % 2 if job == "classify" else rows[..., 0]
    )
    own = ("--states", 3, "--layers", 2, "--hidden-size", 4, "--bidirectional")
    words = ("--cell", "lru", "--max-steps", 4, "--view", "off", "--threads", 1, *own)
    alone = (
        "--recipe",
        "classic",
        "--engine",
        ENGINES[-1],
        *["--no-stateful"] * (job == "regress"),
    )
    done = cli(job, tmp_path / "own.npz", *words, *alone)
    assert done.code == 0, done.err
    timeline = Timeline(Run(tmp_path / "runs" / f"{job}-1"))
    moment = timeline.moment()
    values = moment.arrays["eigenvalue"]
    assert values.shape == (4, 3, 2)
    assert (np.hypot(*values.T) < 1).all()
    names = layer_names(timeline.run, 4)
    assert names[2:] == ["layer 2 forwards", "layer 2 backwards"]
    assert "memory" in FIGURES[timeline.kind.answers]
    figure = drawings(timeline, moment)["memory"](None)
    assert [axes.get_ylabel() for axes in figure.axes[1:]] == names
    assert "Layer 2 backwards: 3 states reach" in PICTURES[timeline.kind.answers][
        "memory"
    ].in_words(timeline, moment)
    window = Figure((13, 8))
    draw_dashboard(window, timeline, moment)
    texts = [text.get_text() for part in window.subfigs for text in part.texts]
    assert "How far states reach back" in texts
    for width, height in ((60, 14), (30, 6), (8, 3)):
        canvas = Canvas.blank(width, height)
        panels_of(timeline, moment)["memory"](canvas, timeline, moment, Selection())
        assert (canvas.glyph >> 8 == 0x28).any()
