"""Views of a carried state: the drawn stream, its washout, and its error by frequency."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from hiddenstate.report.html.live import live_data
from hiddenstate.runs import Run
from hiddenstate.views import catalog
from hiddenstate.views.figures.layout import new_figure
from hiddenstate.views.terminal.canvas import Canvas, changes
from hiddenstate.views.terminal.panels import Selection
from hiddenstate.views.terminal.regress import tracking as draw_in_terminal
from hiddenstate.views.timeline import Timeline
from tests.figure_texts import overlaps, placed_texts
from tests.report_html import train
from tests.terminal_model import TerminalModel

LENGTHS = {"small": 120, "large": 200}
WINDOW, WASHOUT, EPOCHS = 10, 4, 2
OPTIONS = {
    "id": "machine",
    "target": ("y",),
    "test_fraction": 0.5,
    "window": WINDOW,
    "washout": WASHOUT,
    "hidden_size": 4,
    "recipe": "classic",
    "epochs": EPOCHS,
}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> str:
    random, lines = np.random.default_rng(0), ["machine,u,y"]
    for name, n in LENGTHS.items():
        u = random.normal(size=n)
        y = np.convolve(u, [0.5, 0.3, 0.2])[:n]
        lines += [f"{name},{u[t]:.4f},{y[t]:.4f}" for t in range(n)]
    path = tmp_path_factory.mktemp("machines") / "machines.csv"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.fixture(scope="module")
def machines(table: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train("regress", {**OPTIONS, "data": table}, tmp_path_factory.mktemp("runs"))


def shaded(timeline: Timeline) -> list[tuple[float, float]]:
    """Return the ends in time of what is shaded in the picture of windows."""
    figure = catalog.drawings(timeline, timeline.moment())["tracking"](None)
    patches = [p for p in figure.axes[0].patches if isinstance(p, Rectangle)]
    return [(p.get_x(), p.get_x() + p.get_width()) for p in patches]


def test_the_drawn_stream_is_named_and_its_first_steps_are_shaded(machines: Run) -> None:
    timeline = Timeline(machines)
    assert timeline.drawn_series == "large, stream 2 of 2"
    arrays = timeline.moment().arrays
    n = LENGTHS["large"] // 2 // WINDOW
    assert arrays["first_counted"].tolist() == [WASHOUT, *[0] * (n - 1)] * EPOCHS
    begins = arrays["time"][[0, n], 0].astype(float)
    assert shaded(timeline) == [(t - 0.5, t + WASHOUT - 0.5) for t in begins]
    assert (
        overlaps(catalog.drawings(timeline, timeline.moment())["tracking"](new_figure(3.4, 3)))
        == []
    )
    figure = catalog.drawings(timeline, timeline.moment())["tracking"](None)
    texts = {placed.text for placed in placed_texts(figure)}
    assert {"Target and prediction: large, stream 2 of 2", "washout"} <= texts
    signal = live_data(timeline, [])
    assert signal is not None
    assert dict(signal)["washed"] == [(0, WASHOUT), (n * WINDOW, n * WINDOW + WASHOUT)]


def test_a_terminal_marks_where_the_washout_ends(machines: Run) -> None:
    timeline = Timeline(machines)
    canvas = Canvas.blank(240, 16)
    draw_in_terminal(canvas, timeline, timeline.moment(), Selection())
    model = TerminalModel(240, 16)
    model.feed(changes(canvas, None))
    assert "large, stream 2 of 2, last 20 of 20 windows" in model.text
    assert "end of washout" in model.text


def test_each_window_without_a_carried_state_has_its_washout(table: str, tmp_path: Path) -> None:
    run = train("regress", {**OPTIONS, "data": table, "stateful": False, "epochs": 1}, tmp_path)
    timeline = Timeline(run)
    times = timeline.moment().arrays["time"][:, 0]
    assert shaded(timeline) == [(t - 0.5, t + WASHOUT - 0.5) for t in times]
    assert timeline.facts.stream is None


def test_the_error_by_frequency_fits_small_pages_and_large_ones(machines: Run) -> None:
    timeline = Timeline(machines)
    power = machines.final_arrays()["spectrum"]
    assert (np.diff(power[0]) > 0).all()
    assert power[1].sum() == pytest.approx(1, rel=0.1)  # without the ends
    np.testing.assert_allclose(power[2], power[1], rtol=1e-4)  # the error of a mean
    for size in ((3.4, 3.2), (6.4, 3.4), (12, 5)):
        draw = catalog.drawings(timeline, timeline.moment())["spectrum"]
        assert overlaps(draw(new_figure(*size))) == []
