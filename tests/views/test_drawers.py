"""Pictures of data of unusual lengths, scales and names say what they show."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from hiddenstate.runs.static_facts import StaticFacts
from hiddenstate.views import figures
from hiddenstate.views.catalog import drawings
from hiddenstate.views.figures.layout import page_width
from hiddenstate.views.limits import Span, beyond, limits_of
from hiddenstate.views.row_form import row_form
from hiddenstate.views.timeline import Timeline
from tests.figure_texts import overlaps, placed_texts
from tests.report_html import train

random = np.random.default_rng(0)
LONG = "walking upstairs with a heavy bag"


def write_rows(path: Path, n_steps: int) -> str:
    """Write series of 3 to `n_steps` steps of two classes, one row per step."""
    lines = ["id,step,x,kind"]
    for row in range(12):
        steps = n_steps if row < 2 else 3
        lines += [f"{row},{t},{np.sin(t + row):.3f},{'ab'[row % 2]}" for t in range(steps)]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.mark.parametrize(("n_train", "n_test"), [(6, 9), (9, 6)])
def test_runs_whose_longest_test_row_is_not_the_longest_are_drawn(
    tmp_path: Path, n_train: int, n_test: int
) -> None:
    data = write_rows(tmp_path / "train.csv", n_train)
    test = write_rows(tmp_path / "test.csv", n_test)
    options = {"data": data, "test": test, "label": "kind", "hidden_size": 4, "max_steps": 4}
    timeline = Timeline(train("classify", options, tmp_path / "runs"))
    made = drawings(timeline, timeline.moment())
    assert {"example", "predictions", "worst", "decision"} <= set(made)
    for draw in made.values():
        placed_texts(draw(None))
    assert timeline.static_arrays["shown"].shape[1] == 9
    assert timeline.static_arrays["example"].shape[1] == 9


def test_the_figures_of_windows_name_the_series_they_are_of(tmp_path: Path) -> None:
    lines = ["shop,day,sales"]
    lines += [
        f"{shop},{t},{t % 7 + n}"
        for n, shop in enumerate(["north of the old station", "7"])
        for t in range(60)
    ]
    (tmp_path / "shops.csv").write_text("\n".join(lines) + "\n")
    options = {"data": str(tmp_path / "shops.csv"), "id": ("shop",), "time": "day", "window": 8}
    options |= {"target": ("sales",), "horizon": 1, "max_steps": 4}
    timeline = Timeline(train("regress", options, tmp_path))
    figure = drawings(timeline, timeline.moment())["tracking"](None)
    assert figure.texts[0].get_text() in (
        "Target and prediction: north of the old station",
        "Target and prediction: series 7",
    )
    held_out = drawings(timeline, timeline.moment())["held_out"]
    for size in ((3.4, 3.1), (6.4, 2.45), (11.0, 3.9)):
        assert overlaps(held_out(Figure(figsize=size))) == []


def test_pictures_of_a_run_are_all_drawn_as_drawings_or_all_as_photographs() -> None:
    ink = random.random((6, 4, 4)) * (random.random((6, 4, 4)) < 0.2)
    ink[0] = 0.5  # alone it would be a photograph
    facts = StaticFacts("classify", "d", ("a",), (4, 4), "test", False)
    assert not row_form(facts, {"example": ink[:1], "shown": ink}).is_photograph
    assert row_form(facts, {"example": ink[:1], "shown": ink + 0.3}).is_photograph


def test_several_targets_have_axes_and_limits_of_their_own() -> None:
    time = np.arange(40.0).reshape(8, 5)
    target = np.stack([np.sin(time), 1e4 * np.cos(time)], axis=-1)
    spans = limits_of(1, [], {}, [{"target": target, "prediction": target}]).signal
    figure = figures.tracking(time, target, target, spans=spans, names=("unemployed", "gdp"))
    lanes = figure.axes
    assert [axes.get_ylabel() for axes in lanes] == ["unemployed", "gdp"]
    assert lanes[0].get_ylim()[1] < 2
    assert lanes[1].get_ylim()[1] > 9000
    assert overlaps(figure) == []


def test_a_prediction_beyond_its_axis_is_written_down() -> None:
    time = np.arange(40.0).reshape(8, 5)
    target = np.sin(time)[..., None]
    spans = (Span(-2.0, 2.0),)
    for shift, words in ((5000.0, "above\nthis axis: 5000"), (-70.0, "below\nthis axis: ")):
        figure = figures.tracking(time, target, target + shift, spans=spans)
        texts = [placed.text for placed in placed_texts(figure)]
        assert any(text.startswith(f"prediction {words}") for text in texts)
    near = figures.tracking(time, target, target + 0.5, spans=spans)
    assert not any("this axis" in placed.text for placed in placed_texts(near))
    assert beyond(np.array([np.nan]), 0.0, 1.0) == ("", 0.0)


@pytest.mark.parametrize("width", [3.4, 20.0])
def test_the_name_of_one_example_is_whole(width: float) -> None:
    with page_width(width):
        figure = figures.examples(random.normal(size=(1, 30, 3)), [LONG])
    assert LONG in [placed.text for placed in placed_texts(figure)]
    assert overlaps(figure) == []


@pytest.mark.parametrize("height", [1.4, 1.45, 2.0, 2.6])
def test_labels_of_rows_stay_on_a_low_figure_and_off_its_note(height: float) -> None:
    rows, names = random.normal(size=(10, 30, 4)), [f"{LONG} {n}" for n in range(10)]
    for draw in (
        lambda on: figures.predictions(rows, names, names[::-1], None, on),
        lambda on: figures.worst(rows, names, names[::-1], np.full(10, 0.1), None, on),
    ):
        assert overlaps(draw(Figure(figsize=(7.15, height)))) == []


def test_on_a_phone_the_panels_of_classes_have_space_for_their_names() -> None:
    names = [f"{LONG} {n:02}" for n in range(11)]
    chances = random.random((5, 44))
    labels = np.arange(44) % 11
    with page_width(3.4):
        figure = figures.dynamics(np.arange(5), chances, labels, labels < 9, names)
    shown = [axes.texts[0].get_text() for axes in figure.axes]
    assert min(map(len, shown)) > 12
    assert overlaps(figure) == []
