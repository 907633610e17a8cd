"""The held-out part of a regression: the arrays of a run, and what views read from them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.engines import make_predictor
from hiddenstate.inference.evaluate import evaluate_run
from hiddenstate.runs import Run
from hiddenstate.studio.details import details
from hiddenstate.views import catalog
from hiddenstate.views.figures.layout import new_figure
from hiddenstate.views.held_out import HeldOut, held_out
from hiddenstate.views.terminal.held_out import held_out as draw_in_terminal
from hiddenstate.views.timeline import Moment, Timeline
from tests.report_html import train
from tests.terminal_model import panel_text

SERIES = {"north": 60, "south": 50}
FIRST = np.datetime64("2024-01-01")
FORECAST = {
    "window": 6,
    "horizon": 2,
    "stateful": False,
    "split": "time",
    "target": ("sales",),
    "id": "store",
    "hidden_size": 4,
    "max_steps": 30,
    "output": "last",
}


def value(store: int, day: int) -> float:
    return round(10 * store + 3 * np.sin(day / 2) + 0.1 * day, 4)


def write_sales(path: Path) -> str:
    lines = [
        f"{FIRST + day},{name},{value(store, day)}"
        for store, (name, n) in enumerate(SERIES.items())
        for day in range(n)
    ]
    order = np.random.default_rng(0).permutation(len(lines))
    path.write_text("\n".join(["date,store,sales", *(lines[i] for i in order)]) + "\n")
    return str(path)


@pytest.fixture(scope="module")
def sales(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("sales")
    data = write_sales(folder / "sales.csv")
    return train("regress", {**FORECAST, "data": data, "valid_fraction": 0.2}, folder)


def shown_of(timeline: Timeline, moment: Moment | None = None) -> HeldOut:
    """Return the held-out part, which there is."""
    shown = held_out(timeline, moment or timeline.moment())
    assert shown is not None
    return shown


def test_each_series_has_its_held_out_steps_after_its_past(sales: Run) -> None:
    timeline = Timeline(sales)
    shown = shown_of(timeline)
    assert {lane.title for lane in shown.lanes} == set(SERIES)
    assert shown.dates
    assert shown.before == "training and validation"
    for lane in shown.lanes:
        store, n = list(SERIES).index(lane.title), SERIES[lane.title]
        split = n - round(0.2 * n)
        first = split
        held = [value(store, day) for day in range(first, n)]
        np.testing.assert_allclose(lane.target, held, rtol=1e-5)
        np.testing.assert_allclose(
            lane.baseline, [value(store, day - 2) for day in range(first, n)], rtol=1e-5
        )
        day = np.datetime64(int(lane.time[-1]), "s").astype("M8[D]")
        assert day == FIRST + n - 1
        known = np.isfinite(lane.past_target)
        past = [value(store, day) for day in range(first - len(known), first)]
        np.testing.assert_allclose(lane.past_target[known], np.array(past)[known], rtol=1e-5)
        assert known[-1]
        assert lane.past_time[-1] < lane.time[0]


def test_the_last_series_that_is_drawn_has_the_time_axis(sales: Run) -> None:
    timeline = Timeline(sales)
    draw = catalog.drawings(timeline, timeline.moment())["held_out"]
    for height, drawn in ((5.0, 2), (2.4, 1)):
        figure = draw(new_figure(10, height))
        axes = [axes for axes in figure.axes if axes.get_xlabel() == "date"]
        assert len(axes) == (2 if axes[0] is not axes[-1] else 1)
        lowest = min(one.get_position().y0 for one in figure.axes if len(one.lines) > 1)
        assert axes[0].get_position().y0 <= lowest
        texts = [text.get_text() for text in figure.texts]
        assert any("1 more not drawn" in text for text in texts) is (drawn == 1)


def test_errors_are_those_of_the_results(sales: Run) -> None:
    timeline = Timeline(sales)
    shown, results = shown_of(timeline), sales.results()
    assert results is not None
    counts = [lane.count for lane in shown.lanes]
    assert sum(counts) == results["test_steps"] == shown.residuals[0].counts.sum()
    error = np.average([lane.error for lane in shown.lanes], weights=counts)
    other = np.average([lane.baseline_error for lane in shown.lanes], weights=counts)
    assert error == pytest.approx(results["test_mse"], rel=1e-5)
    assert other == pytest.approx(results["baseline_mse"], rel=1e-5)
    model = sales.model()
    scores: Any = evaluate_run(model, make_predictor(model, "cpu", 1), sales)
    assert scores["mse"] == pytest.approx(error, rel=1e-5)
    assert shown.score.startswith(f"MASE {results['target_1_mase']:.3g}, ± ")
    assert f"on {sum(counts)} held-out steps, medians of 2 series" in shown.score
    mae = np.median([lane.mae[0] for lane in shown.lanes if lane.mae])
    assert mae == pytest.approx(results["target_1_mae"], rel=1e-5)
    assert shown.about.startswith("each predicted 2 steps ahead; weights ")


def test_the_last_snapshot_predicts_the_same_steps_as_the_end(sales: Run) -> None:
    last = sales.snapshot(sales.snapshot_paths()[-1])["held_prediction"]
    np.testing.assert_allclose(last, sales.final_arrays()["held_prediction"], rtol=1e-4)


def test_the_figure_and_the_terminal_say_that_the_network_is_worse(tmp_path: Path) -> None:
    data = write_sales(tmp_path / "sales.csv")
    options = {**FORECAST, "data": data, "max_steps": 1, "linear": False}
    run = train("regress", options, tmp_path)
    timeline = Timeline(run)
    figure = catalog.drawings(timeline, timeline.moment())["held_out"](None)
    texts = [text.get_text() for text in figure.texts]
    assert texts[2] == "worse than the value of 13 days ago"
    names = {text.get_text() for axes in figure.axes for text in axes.texts}
    assert {"held out", "training"} <= names
    text = panel_text(draw_in_terminal, 80, 20, timeline, timeline.moment())
    assert "worse than the value of 13 days ago" in text
    assert "north: " in text


def test_of_many_series_the_best_the_middle_and_the_worst_are_drawn(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    noise = [0.0, 2.0, 0.0, 0.01, 0.0, 0.5, 0.01, 0.0, 0.3]
    lines = ["id,t,value"] + [
        f"unit{unit},{t},{np.sin(t / 2) + random.normal(0, noise[unit]):.4f}"
        for unit in range(len(noise))
        for t in range(40)
    ]
    (tmp_path / "units.csv").write_text("\n".join(lines) + "\n")
    options = {**FORECAST, "target": ("value",), "id": "id", "data": str(tmp_path / "units.csv")}
    timeline = Timeline(train("regress", options, tmp_path))
    shown = shown_of(timeline)
    assert shown.lanes[2].title == "worst of 9: unit1"
    assert shown.lanes[0].title.startswith("best of 9: unit")
    errors = [lane.error for lane in shown.lanes]
    assert errors == sorted(errors)
    during = shown_of(timeline, timeline.moment(timeline.steps[0]))
    assert [lane.title for lane in during.lanes] == ["unit0", "unit1", "unit2"]


@pytest.mark.parametrize("shape", [(40, 1), (40, 2)])
def test_rows_with_one_target_are_drawn_against_it(tmp_path: Path, shape: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    X, y = random.normal(size=(40, 5, 2)), random.normal(size=shape)
    np.savez(tmp_path / "rows.npz", X=X, y=y)
    options = {"data": str(tmp_path / "rows.npz"), "output": "last", "max_steps": 3}
    run = train("regress", {**options, "stateful": False, "window": 0}, tmp_path)
    timeline = Timeline(run)
    shown = shown_of(timeline)
    assert shown.one_a_series
    assert len(shown.lanes) == shape[1]
    for target, lane in enumerate(shown.lanes):
        assert len(lane.target) == run.n_rows("test")
        distances = np.abs(lane.target[:, None] - y[:, target])
        assert distances.min(axis=1).max() < 1e-5  # each is a row of the data
    figure = catalog.drawings(timeline, timeline.moment())["held_out"](None)
    assert figure.axes[0].get_ylabel() == "prediction"


def test_the_bundled_waves_have_no_held_out_part(run_of: Callable[[str], Run]) -> None:
    timeline = Timeline(run_of("regress"))
    assert held_out(timeline, timeline.moment()) is None
    assert {"tracking", "error"} <= set(catalog.drawings(timeline, timeline.moment()))


def test_the_spread_of_members_is_drawn_while_they_train_and_at_the_end(tmp_path: Path) -> None:
    options = {**FORECAST, "data": write_sales(tmp_path / "sales.csv"), "linear": False}
    run = train("regress", {**options, "members": 3, "max_steps": 4}, tmp_path)
    timeline = Timeline(run)
    for moment in (timeline.moment(timeline.steps[0]), timeline.moment()):
        shown = shown_of(timeline, moment)
        for lane in shown.lanes:
            assert lane.members is not None
            low, high = lane.members
            assert (low <= lane.prediction).all()
            assert (lane.prediction <= high).all()
            assert (low < high).all()
        figure = catalog.drawings(timeline, moment)["held_out"](None)
        labels = {text for axes in figure.axes for text in axes.get_legend_handles_labels()[1]}
        assert "members alone" in labels
    last = run.snapshot(run.snapshot_paths()[-1])
    np.testing.assert_allclose(last["held_low"], run.final_arrays()["held_low"], rtol=1e-4)
    assert "members alone" in panel_text(draw_in_terminal, 80, 20, timeline, timeline.moment())


def test_a_single_net_has_no_spread(sales: Run) -> None:
    shown = shown_of(Timeline(sales))
    assert shown.lanes[0].members is None
    assert "held_low" not in sales.final_arrays()


def test_residuals_of_several_series_are_in_the_deviations_of_each(sales: Run) -> None:
    timeline = Timeline(sales)
    shown = shown_of(timeline)
    (residuals,) = shown.residuals
    assert residuals.scaled
    own = [(lane.prediction - lane.target) / lane.target.std() for lane in shown.lanes]
    high = np.quantile(np.abs(np.concatenate(own)), 0.99)
    assert residuals.edges[-1] == pytest.approx(high, rel=1e-4)


def test_the_drawn_baseline_of_a_forecast_is_that_of_the_headline(
    odd_run: Callable[[str], Run],
) -> None:
    timeline = Timeline(odd_run("long_names"))
    moment = timeline.moment()
    shown = shown_of(timeline, moment)
    (score,) = timeline.scores(moment)
    assert shown.baseline == f"value of {score.method}" == "value of 7 steps ago"
    drawn = np.abs(shown.lanes[0].baseline - shown.lanes[0].target).mean()
    assert drawn == pytest.approx(score.other, rel=1e-5)
    page = details(timeline.run, "long_names")["baseline"]
    assert page["seasonal"] == "the value of 7 steps ago"
