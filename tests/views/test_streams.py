"""Views of a carried state: the drawn stream, its washout, and its error by frequency."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from hiddenstate.report.html.live import live_data
from hiddenstate.runs import Run
from hiddenstate.views import catalog
from hiddenstate.views.figures.layout import new_figure
from hiddenstate.views.pictures import PICTURES
from hiddenstate.views.streams import stream_states
from hiddenstate.views.terminal.dashboard import panels_of
from hiddenstate.views.terminal.regress import tracking as draw_in_terminal
from hiddenstate.views.terminal.streams import streams as draw_streams
from hiddenstate.views.timeline import Timeline
from tests.figure_texts import overlaps, placed_texts
from tests.report_html import train
from tests.terminal_model import panel_text

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


@pytest.fixture(scope="module")
def in_turn(table: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that reads one stream after the other."""
    options = {**OPTIONS, "data": table, "streams": 1, "log_every": 7}
    return train("regress", options, tmp_path_factory.mktemp("runs"))


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
    text = panel_text(draw_in_terminal, 240, 16, timeline, timeline.moment())
    assert "large, stream 2 of 2, last 20 of 20 windows" in text
    assert "end of washout" in text


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
    moment = timeline.moment()
    text = panel_text(panels_of(timeline, moment)["spectrum"], 80, 12, timeline, moment)
    assert "error before" in text
    assert "0.469 per step" in text


def test_windows_are_counted_while_other_streams_are_read(in_turn: Run) -> None:
    timeline, n = Timeline(in_turn), LENGTHS["large"] // 2 // WINDOW
    epoch = n + LENGTHS["small"] // 2 // WINDOW
    assert timeline.end == EPOCHS * epoch
    for step, windows in ((4, 4), (n, n), (n + 3, n), (epoch, n), (epoch + 1, n + 1)):
        assert len(timeline.moment(step).arrays["prediction"]) == windows
    axes = catalog.drawings(timeline, timeline.moment())["error"](None).axes[0]
    assert EPOCHS * n < axes.get_xlim()[1] < EPOCHS * n + 1
    signal = live_data(timeline, [])
    assert signal is not None
    made = [*range(1, n + 1), *range(epoch + 1, epoch + n + 1)]
    assert dict(signal)["steps"] == made
    assert dict(signal)["ends"] == [WINDOW * (k + 1) for k in range(EPOCHS * n)]


def test_the_states_of_all_streams_are_those_that_training_carries(machines: Run) -> None:
    timeline, n = Timeline(machines), LENGTHS["small"] // 2 // WINDOW
    moment = timeline.moment()
    shown = stream_states(timeline, moment)
    assert shown is not None
    assert (shown.names, shown.drawn, shown.total) == (["small", "large"], 1, 2)
    assert shown.has_ended.tolist() == [True, False]
    assert moment.arrays["stream_read"].tolist() == [n, LENGTHS["large"] // 2 // WINDOW]
    assert (moment.arrays["stream_state"] != 0).all()
    words = PICTURES["targets"]["streams"].in_words(timeline, moment)
    assert words.endswith("Drawn elsewhere: large.")
    for size in ((3.4, 3), (5.6, 2.6)):
        figure = catalog.drawings(timeline, moment)["streams"](new_figure(*size))
        assert overlaps(figure) == []
        assert {"small", "large"} <= {placed.text for placed in placed_texts(figure)}
    text = panel_text(draw_streams, 60, 8, timeline, moment)
    assert all(words in text for words in ("2 streams", "▸large", "·small"))


def test_streams_that_are_read_in_turn_are_one_at_a_time(in_turn: Run) -> None:
    timeline = Timeline(in_turn)
    of_moments = [stream_states(timeline, timeline.moment(step)) for step in (8, 15)]
    assert [shown and shown.names for shown in of_moments] == [["large"], ["small"]]
    assert [shown and shown.drawn for shown in of_moments] == [0, None]


def test_a_round_of_fewer_streams_is_read_back(table: str, tmp_path: Path) -> None:
    more = [f"third,{t % 5},{t % 3}" for t in range(100)]
    data = tmp_path / "three.csv"
    data.write_text(Path(table).read_text() + "\n".join(more) + "\n")
    run = train("regress", {**OPTIONS, "data": str(data), "streams": 2, "epochs": 1}, tmp_path)
    assert [run.snapshot(path)["stream"].min() for path in run.snapshot_paths()][-1] == 0
    timeline = Timeline(run)
    shown = stream_states(timeline, timeline.moment())
    assert shown is not None
    assert (shown.names, shown.which) == (["third"], "1 of 3 streams")
    assert len(shown.states) == 1


def test_the_washout_of_a_held_out_series_is_shaded(table: str, tmp_path: Path) -> None:
    lines = Path(table).read_text().splitlines()
    for name in LENGTHS:
        own = [lines[0], *(line for line in lines if line.startswith(name))]
        (tmp_path / f"{name}.csv").write_text("\n".join(own) + "\n")
    options = {**OPTIONS, "data": str(tmp_path / "large.csv"), "test": str(tmp_path / "small.csv")}
    del options["test_fraction"]
    run = train("regress", {**options, "stateful": False, "epochs": 1}, tmp_path)
    timeline = Timeline(run)
    left_out = run.final_arrays()["held_washout"]
    assert left_out[0].tolist() == [WASHOUT, *[0] * (LENGTHS["small"] - 1)]
    figure = catalog.drawings(timeline, timeline.moment())["held_out"](None)
    patches = [p for p in figure.axes[0].patches if isinstance(p, Rectangle)]
    spans = [p for p in patches if p.get_label() == "washout"]
    assert [(p.get_x(), p.get_x() + p.get_width()) for p in spans] == [(-0.5, WASHOUT - 0.5)]
