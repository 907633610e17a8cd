"""Every view of a finished run shows the answers that `predict` gives."""

import base64
import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from hiddenstate import load
from hiddenstate.engines import make_predictor
from hiddenstate.inference.inputs import read_new_data, run_test_data
from hiddenstate.inference.predict import predict_data, predict_run
from hiddenstate.models.meaning import program_of
from hiddenstate.program.equations import softmax
from hiddenstate.report import write_report
from hiddenstate.report.html import live
from hiddenstate.report.model_card import card_text
from hiddenstate.runs import Run
from hiddenstate.studio.details import arrays_of, details
from hiddenstate.views.catalog import draw_dashboard, drawings
from hiddenstate.views.figures import layout
from hiddenstate.views.held_out import held_out
from hiddenstate.views.pictures import PICTURES
from hiddenstate.views.terminal.canvas import Canvas, changes
from hiddenstate.views.terminal.colors import Depth
from hiddenstate.views.terminal.dashboard import draw_screen, pages_of
from hiddenstate.views.terminal.header import ViewStatus
from hiddenstate.views.terminal.panels import Selection
from hiddenstate.views.timeline import Timeline
from tests.report_html import train
from tests.terminal_model import TerminalModel

pytestmark = pytest.mark.filterwarnings("ignore:X does not have valid feature names")
STEPS, ALONE = 24, "the network alone, which does not answer"


def waves(folder: Path) -> str:
    """Write waves of three kinds, which fixed convolutions tell apart at once."""
    random, lines = np.random.default_rng(0), ["kind," + ",".join(f"t{t}" for t in range(STEPS))]
    for row in range(90):
        wave = np.sin(np.arange(STEPS) * (1 + row % 3) / 3 + random.uniform(0, 6))
        values = wave + random.normal(0, 0.2, STEPS)
        lines.append(f"{'abc'[row % 3]}," + ",".join(f"{v:.3f}" for v in values))
    (folder / "waves.csv").write_text("\n".join(lines) + "\n")
    return str(folder / "waves.csv")


def shops(folder: Path) -> str:
    """Write sales of two shops of unequal size that repeat in a week, which a line knows."""
    random, lines = np.random.default_rng(0), ["shop,day,sales"]
    for name, size in (("Ulm", 10), ("Bonn", 4000)):
        for day in range(150):
            sales = size * (3 + [0, 1, 2, 1, 3, 4, -2][day % 7] + random.normal(0, 0.3))
            lines.append(f"{name},{day},{sales:.2f}")
    (folder / "shops.csv").write_text("\n".join(lines) + "\n")
    return str(folder / "shops.csv")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("answers")


@pytest.fixture(scope="module")
def beside(folder: Path) -> Run:
    """A classifier of which convolutions answer, and whose two nets learned nothing in time."""
    options: Any = {"convolutions": True, "hidden_size": 3, "members": 2, "epochs": 3}
    options |= {"recipe": "classic", "log_every": 2}
    return train("classify", {"data": waves(folder), "layout": "wide", **options}, folder)


@pytest.fixture(scope="module")
def path(folder: Path) -> Run:
    """A forecast of which the linear path answers."""
    options: Any = {
        **{"target": ("sales",), "id": ("shop",), "horizon": 3, "window": 14, "linear": True},
    }
    options |= {"hidden_size": 3, "epochs": 2, "log_every": 4}
    return train("regress", {"data": shops(folder), **options}, folder)


@pytest.fixture(scope="module")
def right(beside: Run) -> np.ndarray[Any, Any]:
    """The probabilities (N, C) that `predict` gives for the shown rows, all of whose classes are
    right; those of the network are not."""
    timeline = Timeline(beside)
    chances = load(beside.path).predict_proba(timeline.static_arrays["shown"])
    truth = timeline.static_arrays["shown_label"]
    assert (chances.argmax(axis=1) == truth).all()
    assert (timeline.final_arrays["net_probability"].argmax(axis=1) != truth).any()
    return np.asarray(chances)


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], str]:
    """Gives all texts of a figure that a function draws, with those that are drawn as outlines."""
    outlined: list[str] = []

    def write_at(axes: Any, points: Any, names: Any, *style: Any, **more: Any) -> None:
        outlined.extend(names)
        layout.write_at(axes, points, names, *style, **more)

    drawing = [m for n, m in sys.modules.items() if n.startswith("hiddenstate.views.figures.")]
    for module in drawing:
        if module is not layout and hasattr(module, "write_at"):
            monkeypatch.setattr(module, "write_at", write_at)

    def of(draw: Callable[[], Any]) -> str:
        outlined.clear()
        found = draw().findobj(Text)
        return "\n".join([*outlined, *(each.get_text() for each in found)])

    return of


def screen(timeline: Timeline, page: str, row: int, size: tuple[int, int]) -> str:
    moment, n = timeline.moment(), len(timeline.steps)
    pages = pages_of(timeline, moment)
    status = ViewStatus("done", 9, 1.0, None, n, n, "end", pages=pages, page=pages.index(page))
    canvas = Canvas.blank(*size, Depth.TRUE)
    draw_screen(canvas, timeline, moment, status, Selection(row=row), [])
    model = TerminalModel(*size)
    model.feed(changes(canvas, None))
    return str(model.text)


def test_the_last_arrays_are_what_predict_gives(beside, right):
    static, arrays = Timeline(beside).static_arrays, arrays_of(beside, "final")
    np.testing.assert_allclose(arrays["probability"], right, atol=1e-5)
    np.testing.assert_allclose(arrays["decision"][:, -1], right[:4], atol=1e-5)
    parts = load(beside.path).predict_proba(static["shown"][:4, :11])
    np.testing.assert_allclose(arrays["decision"][:, 10], parts, atol=1e-5)
    net = arrays["net_decision"][:, -1]
    np.testing.assert_allclose(net, arrays["net_probability"][:4], atol=1e-6)
    wrong = arrays["net_confusion"].sum() - np.trace(arrays["net_confusion"])
    assert wrong == 12
    assert (arrays["net_worst_label"] != arrays["net_worst_chosen"]).all()
    assert arrays["net_followed_right"].sum() == arrays["followed_right"].sum() - wrong


def test_no_figure_has_a_cross_where_predict_is_right(beside, right, texts):
    timeline = Timeline(beside)
    made = drawings(timeline, timeline.moment())
    assert {"predictions", "decision", "dynamics", "recall", "worst", "confusion"} <= set(made)
    shown = {name: texts(lambda draw=draw: draw(None)) for name, draw in made.items()}
    assert not [name for name, text in shown.items() if "✗" in text]
    assert "10 of 10 correct, of rows of each class in turn; below" in shown["predictions"]
    alone = {name for name, text in shown.items() if ALONE in text}
    assert alone == {"decision", "dynamics", "recall"}
    assert all(
        text.count("✓") >= n for text, n in ((shown["predictions"], 10), (shown["decision"], 4))
    )

    def window() -> Figure:
        figure = Figure((11.0, 7.0))
        draw_dashboard(figure, timeline, timeline.moment(), "run")
        return figure

    assert "✗" not in texts(window)


def test_no_picture_in_words_takes_a_row_for_another_class(beside, right):
    timeline = Timeline(beside)
    for name in ("predictions", "worst"):
        words = PICTURES["classes"][name].words
        assert words is not None
        assert "instead of" not in words(timeline, timeline.moment())


@pytest.mark.parametrize("size", [(120, 40), (60, 20)])
def test_the_last_screen_of_a_terminal_shows_what_answers(beside, right, size):
    timeline = Timeline(beside)
    for page in pages_of(timeline, timeline.moment()):
        for row in range(3):
            shown = screen(timeline, page, row, size)
            assert "✗" not in shown
            assert "answered by fixed" in shown
    shown = screen(timeline, "learning", 0, (120, 40))
    assert "test accuracy, the network alone ─" in shown
    assert "33.3%, model 100.0%" in shown
    assert shown.count("model 100.0%") == 2  # also at the line of the score at the end


def test_the_report_ends_with_what_answers(beside, right, monkeypatch):
    monkeypatch.setattr("hiddenstate.report.html.page.draw_pictures", lambda timeline: {})
    page = write_report(beside).read_text("utf-8")
    assert not re.search("✗ [abc]", page)
    assert "this network" not in page
    bars = page.split('class="bars"')[1].split("</div>")[0]
    assert "answer by fixed convolutions<" in bars
    assert "always the most frequent class<" in bars
    data: Any = json.loads(page.split('id="live-data">')[1].split("</script>")[0])
    assert data["by"] == ALONE
    shape = len(data["steps"]) + 1, len(right), 3
    chances = np.frombuffer(base64.b64decode(data["chances"]), np.uint8).reshape(shape) / 255
    assert chances[-2].argmax(axis=1).tolist() == data["truth"]
    alone = Timeline(beside).final_arrays["net_probability"]
    np.testing.assert_allclose(chances[-1], alone, atol=1 / 255)
    assert "fixed convolutions with a linear classifier; 2 networks" in card_text(beside)


def test_while_a_network_learns_pictures_say_that_it_is_alone(beside, texts):
    timeline = Timeline(beside)
    moment = timeline.moment(timeline.steps[1])
    made = drawings(timeline, moment)
    for name in ("predictions", "decision", "recall"):
        assert "the network alone, before fixed convolutions may" in texts(
            lambda name=name: made[name](None)
        )
    learned = texts(lambda: made["learning"](None))
    assert "test rows by the network alone" in learned
    assert "the model at the end" not in learned
    drawn = drawings(timeline, timeline.moment())["learning"]
    assert "the model at the end" in texts(lambda: drawn(None)).splitlines()


def test_old_runs_say_that_their_pictures_are_of_the_network(beside, texts):
    timeline = Timeline(beside)
    kept = timeline.final_arrays.items()
    new = ("net_", "probability", "decision")
    timeline.final_arrays = {name: array for name, array in kept if not name.startswith(new)}
    made = drawings(timeline, timeline.moment())
    for name in ("predictions", "decision", "dynamics", "recall"):
        assert ALONE in texts(lambda name=name: made[name](None))


def test_figures_of_states_say_that_the_network_does_not_answer(path, texts):
    timeline = Timeline(path)
    made = drawings(timeline, timeline.moment())
    for name in ("hidden", "portrait", "tracking"):
        assert ALONE in texts(lambda name=name: made[name](None))


def test_the_studio_says_what_answers_and_what_it_draws(beside, path):
    assert details(beside, "1")["answer"] == {
        "share": 0.0,
        "who": "fixed convolutions",
        "beside": ["fixed convolutions"],
    }
    of_path = details(path, "2")
    assert of_path["answer"]["who"] == "the linear path"
    assert of_path["baseline"]["drawn"] == "the last value"
    held, results = arrays_of(path, "final"), Timeline(path).moment().results
    errors = held["held_baseline_error"] @ held["held_count"] / held["held_count"].sum()
    name = "seasonal_mse" if "held_seasonal" in held else "baseline_mse"
    np.testing.assert_allclose(errors, results[name], rtol=1e-6)


def test_a_forecast_draws_the_model_and_keeps_the_network(path):
    arrays = arrays_of(path, "final")
    model, net = arrays["held_prediction"], arrays["net_held_prediction"]
    assert model.shape == net.shape
    known = np.isfinite(arrays["held_target"])
    np.testing.assert_array_equal(np.isfinite(net), known)
    assert (model != net)[known].all()
    timeline = Timeline(path)
    data: Any = live.live_data(timeline, [])
    n = len(data["time"])
    whole = np.frombuffer(base64.b64decode(data["prediction"]), "<u2").reshape(-1, n)
    assert data["alone"]
    assert len(whole) == len(data["steps"]) + 1
    assert (whole[-1] != whole[-2]).any()
    assert "answered by the linear path" in screen(timeline, "all", 0, (120, 40))


def test_the_last_snapshot_is_of_the_weights_that_are_kept(folder):
    options: Any = {"recipe": "classic", "hidden_size": 3, "lr": 2.0, "max_steps": 9, "epochs": 9}
    options |= {"log_every": 4, "valid_fraction": 0.2, "layout": "wide", "data": waves(folder)}
    run = train("classify", options, folder)
    last = run.snapshot_paths()[-1]
    assert Timeline(run).moment().results["best_step"] < int(last.stem) == 9
    snapshot, final = run.snapshot(last), run.final_arrays()
    np.testing.assert_array_equal(snapshot["probability"], final["probability"])
    assert "net_probability" not in final


def test_while_a_forecast_learns_all_of_the_network_is_added(path):
    timeline = Timeline(path)
    moment = timeline.moment(timeline.steps[1])
    shown = held_out(timeline, moment)
    assert shown is not None
    assert shown.about.endswith("by the network alone, all of its output added")


def test_the_beginnings_of_long_rows_are_of_the_network_under_the_answer(beside, right, texts):
    timeline = Timeline(beside)
    kept = timeline.final_arrays.items()
    timeline.final_arrays = {name: array for name, array in kept if "decision" not in name}
    decided = texts(lambda: drawings(timeline, timeline.moment())["decision"](None))
    assert "✗" not in decided
    assert decided.count("; the network ") == 4
    assert f"and h_t, all of {ALONE}" in decided
    shown = screen(timeline, "decision", 1, (120, 40))
    assert "when did the network alone decide?" in shown
    assert "model: b, row 2, is b" in shown


def test_a_run_for_integers_ends_with_their_answers(folder):
    options: Any = {"hidden_size": 3, "epochs": 8, "recipe": "classic", "log_every": 2}
    options |= {"quantize": "int8", "state_bits": 8, "scale": "auto", "sparsity": 0.5}
    run = train("classify", {"data": waves(folder), "layout": "wide", **options}, folder)
    fitted, timeline = load(run.path), Timeline(run)
    assert fitted.model_.integer is not None
    assert "answers in integers: weights of 8 bits, and 8 bits between" in card_text(run)
    assert "% of its weights are 0." in card_text(run)
    chances = fitted.predict_proba(timeline.static_arrays["shown"])
    np.testing.assert_allclose(arrays_of(run, "final")["probability"], chances, atol=1e-6)
    whole = program_of(fitted.model_).predict(timeline.static_arrays["shown"])
    np.testing.assert_allclose(chances, whole["probabilities"], atol=1e-6)
    own = softmax(
        make_predictor(replace(fitted.model_, integer=None)).predict(
            fitted.model_.transform.apply(timeline.static_arrays["shown"], None, np.float32, "rows")
        )
    )
    assert np.abs(own - chances).max() > 1e-4
    rows = read_new_data(fitted.model_, waves(folder), {}, require_targets=False)
    predictor = make_predictor(fitted.model_)
    others = predict_data(fitted.model_, predictor, rows, proba=True).columns
    test = predict_run(fitted.model_, predictor, run, proba=True).columns
    assert set(test["p_a"].tolist()) <= set(others["p_a"].tolist())
    assert run_test_data(run).require_test().X.dtype == np.float64  # as integers are made of
