"""Pictures of own data: rows of every class, gaps, rows without time, axes that stay."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.runs import Run
from hiddenstate.views.catalog import drawings
from hiddenstate.views.limits import turned_like
from hiddenstate.views.timeline import Timeline
from tests.report_html import train

KINDS = ("east", "north", "south", "west")


def write_kinds(path: Path, apart: float = 9.0) -> str:
    """Write 80 rows of four quantities, sorted by class."""
    random = np.random.default_rng(0)
    lines = ["a,b,c,d,kind"]
    for number, kind in enumerate(KINDS):
        for row in random.normal(size=(20, 4)) + apart * np.eye(4)[number]:
            lines.append(",".join([*(f"{value:.4f}" for value in row), kind]))
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("kinds")
    options = {"data": write_kinds(folder / "kinds.csv"), "hidden_size": 8, "epochs": 30}
    return train("classify", options, folder)


def texts(timeline: Timeline, name: str) -> list[str]:
    figure = drawings(timeline, timeline.moment())[name](None)
    return [text.get_text() for text in figure.texts]


def test_rows_of_every_class_are_shown_of_a_file_sorted_by_class(kinds: Run) -> None:
    static = Timeline(kinds).static_arrays
    assert static["shown_label"].tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]


def test_without_errors_the_least_certain_rows_are_drawn(kinds: Run) -> None:
    timeline = Timeline(kinds)
    arrays = timeline.moment().arrays
    assert timeline.moment().results["test_accuracy"] == 1
    assert len(arrays["worst_row"]) == 10
    assert (np.diff(arrays["worst_chance"]) >= 0).all()
    title, note = texts(timeline, "worst")
    assert title == "Least certain rows"
    assert note.startswith("no evaluated row is wrong")


def test_codes_of_every_class_are_drawn_with_the_numbers_of_their_rows(tmp_path: Path) -> None:
    data = write_kinds(tmp_path / "kinds.csv")
    options = {"data": data, "label": "kind", "n_scattered": 6, "max_steps": 4}
    run = train("autoencode", options, tmp_path)
    static = Timeline(run).static_arrays
    assert static["code_label"].tolist() == [0, 1, 2, 3, 0, 1]
    everything = train("autoencode", options | {"n_scattered": 200}, tmp_path)
    rows = Timeline(everything).static_arrays
    by_number = rows["code_row"][np.argsort(rows["code_number"])]
    np.testing.assert_array_equal(by_number[static["code_number"]], static["code_row"])


FORECAST = {
    "target": ("sales",),
    "horizon": 1,
    "window": 8,
    "output": "steps",
    "stateful": False,
    "hidden_size": 4,
    "max_steps": 40,
    "log_every": 10,
}


def write_sales(path: Path, names: tuple[str, ...] = ("sales",)) -> str:
    random = np.random.default_rng(1)
    lines = [",".join(names)]
    for day in range(160):
        values = [20 + day / 4 + 5 * np.sin(day / 2) + random.normal(), *random.normal(size=3)]
        lines.append(",".join(f"{value:.3f}" for value in values[: len(names)]))
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.fixture(scope="module")
def gappy(tmp_path_factory: pytest.TempPathFactory) -> Timeline:
    folder = tmp_path_factory.mktemp("gappy")
    options = {**FORECAST, "data": write_sales(folder / "sales.csv"), "stride": 12}
    return Timeline(train("regress", options, folder))


@pytest.mark.parametrize(("name", "line"), [("tracking", 0), ("signals", 0), ("portrait", 0)])
def test_lines_end_with_each_window_that_no_other_follows(
    gappy: Timeline, name: str, line: int
) -> None:
    axes, *_ = drawings(gappy, gappy.moment())[name](None).axes
    x, y = np.asarray(axes.get_lines()[line].get_xydata(), float).T
    pieces = np.split(np.isfinite(y), np.flatnonzero(~np.isfinite(x + y)))
    assert {int(piece.sum()) for piece in pieces} <= {4, 8}  # the first 100 steps end in a window


def test_a_default_forecast_is_tracked_as_one_line_with_its_name(tmp_path: Path) -> None:
    options = {**FORECAST, "data": write_sales(tmp_path / "sales.csv"), "output": "last"}
    timeline = Timeline(train("regress", options, tmp_path))
    axes, *_ = drawings(timeline, timeline.moment())["tracking"](None).axes
    red, blue = axes.get_lines()
    assert np.size(red.get_xdata()) == np.size(blue.get_xdata()) > 100
    assert red.get_linestyle() == "-"
    assert np.isfinite(np.asarray(red.get_ydata(), float)).all()
    assert axes.get_xlim()[0] > 4  # the first prediction is for the end of a window of 8 steps
    assert axes.get_ylabel() == "sales"


def test_a_forecast_says_in_its_figures_what_the_network_adds(tmp_path: Path) -> None:
    data = write_sales(tmp_path / "sales.csv")
    options = {"data": data, "target": ("sales",), "horizon": 1, "recipe": "auto", "epochs": 1}
    timeline = Timeline(train("regress", options, tmp_path))
    for name in ("learning", "held_out"):
        assert "linear path alone" in " ".join(texts(timeline, name))


def test_hidden_states_leave_gaps_between_windows(gappy: Timeline) -> None:
    axes, *_ = drawings(gappy, gappy.moment())["hidden"](None).axes
    (drawn,) = axes.get_images()
    assert np.isnan(np.ma.filled(np.ma.asarray(drawn.get_array()).astype(float), np.nan)).any()
    assert axes.get_xlabel() == "row"


def test_several_inputs_have_axes_of_their_own_with_their_names(tmp_path: Path) -> None:
    names = ("sales", "rain", "heat", "wind")
    options = {**FORECAST, "data": write_sales(tmp_path / "sales.csv", names), "max_steps": 4}
    timeline = Timeline(train("regress", options | {"input": names}, tmp_path))
    lanes = drawings(timeline, timeline.moment())["signals"](None).axes
    assert [axes.texts[0].get_text() for axes in lanes] == [*names, "sales"]
    assert [axes.get_xlabel() for axes in lanes] == ["", "", "", "", "row"]


def test_rows_without_time_have_no_path_and_no_time_axis(tmp_path: Path) -> None:
    names = ("sales", "rain", "heat", "wind")
    data = write_sales(tmp_path / "rows.csv", names)
    options = {
        "data": data,
        "target": ("sales",),
        "layout": "features",
        "max_steps": 4,
        "hidden_size": 4,
    }
    timeline = Timeline(train("regress", options, tmp_path))
    draws = drawings(timeline, timeline.moment())
    assert draws["hidden"](None).axes[0].get_xlabel() == "row"
    axes = draws["portrait"](None).axes[0]
    assert axes.get_lines()[0].get_linestyle() == "None"
    assert not axes.texts
    assert texts(timeline, "portrait")[0] == texts(timeline, "hidden")[0] == "Hidden states"


def ends(timeline: Timeline, name: str) -> set[Any]:
    moments = [timeline.moment(step) for step in timeline.steps[:-1]]  # the last may have a warning
    draws = [drawings(timeline, moment) for moment in moments]
    figures = [draw[name](None) for draw in draws if name in draw]
    assert len(figures) > 2
    return {
        tuple(
            tuple(round(end, 6) for end in (*axes.get_xlim(), *axes.get_ylim()))
            for axes in figure.axes
        )
        for figure in figures
    }


@pytest.mark.parametrize(
    ("job", "name"),
    [
        *(("regress", name) for name in ("tracking", "error", "portrait")),
        *[("autoencode", "codes"), ("classify", "learning")],
    ],
)
def test_axes_are_the_same_at_every_moment(job: str, name: str, run_of: Any) -> None:
    assert len(ends(Timeline(run_of(job)), name)) == 1


@pytest.mark.parametrize("name", ["tracking", "portrait"])
def test_axes_of_a_forecast_are_the_same_at_every_moment(gappy: Timeline, name: str) -> None:
    assert len(ends(gappy, name)) == 1


def test_axes_of_the_held_out_part_are_the_same_at_every_moment(gappy: Timeline) -> None:
    values = {sides[:2] for sides in ends(gappy, "held_out")}  # not of the residuals beside them
    assert len(values) == 1


def test_a_square_of_codes_keeps_its_directions() -> None:
    square = np.stack(np.meshgrid(np.arange(3.0), np.arange(3.0), [0.5]), axis=-1).reshape(9, 3)
    first = {"grid_code": square, "grid": np.arange(9.0)[:, None]}
    for across, down in ((-1, 1), (1, -1), (-1, -1)):
        order = np.arange(9).reshape(3, 3)[::down, ::across].ravel()
        flipped = {name: values[order] for name, values in first.items()}
        again = turned_like(flipped, first)
        np.testing.assert_array_equal(again["grid"], first["grid"])
        np.testing.assert_array_equal(again["grid_code"], square)
    assert turned_like(first, first) is not None
    assert turned_like({"code": square}, first) == {"code": square}
