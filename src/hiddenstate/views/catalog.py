"""Which figures a run has, and how they stand together in one window."""

from collections.abc import Callable
from typing import Any

from matplotlib.figure import Figure, FigureBase

from hiddenstate.views import figures, style
from hiddenstate.views.timeline import Moment, Timeline

Draw = Callable[[FigureBase | None], FigureBase]

FIGURES: dict[str, tuple[str, ...]] = {
    "classify": ("example", "learning", "predictions", "confusion", "worst", "decision"),
    "regress": ("signals", "learning", "tracking", "error", "hidden", "portrait"),
    "autoencode": ("example", "learning", "reconstructions", "codes", "grid", "walk", "worst"),
}
"""Names of a job's figures; a run has those it has the arrays for."""


def drawings(timeline: Timeline, moment: Moment) -> dict[str, Draw]:
    """Every figure of the run at `moment` by name, each ready to draw on a figure or a new one.

    Only what the run has written so far is offered. They are drawn in the theme in force.
    """
    of_job = {"classify": _of_classify, "regress": _of_regress, "autoencode": _of_autoencode}
    offered = _of_all(timeline, moment) | of_job[timeline.job](timeline, moment.arrays)
    return {name: _themed(offered[name]) for name in FIGURES[timeline.job] if name in offered}


def _themed(draw: Draw) -> Draw:
    def drawn(on: FigureBase | None = None) -> FigureBase:
        with style.theme():
            return draw(on)

    return drawn


def _of_all(timeline: Timeline, moment: Moment) -> dict[str, Draw]:
    offered: dict[str, Draw] = {}
    static = timeline.static_arrays
    if "example" in static and len(static["example"]):
        numbers = static.get("example_label")
        labels = None if numbers is None else [timeline.label(number) for number in numbers]
        offered["example"] = lambda on: figures.examples(
            static["example"], labels, timeline.picture, on
        )
    if moment.history:
        valid = [e for e in timeline.events if e["event"] == "valid" and e["step"] <= moment.step]
        offered["learning"] = lambda on: figures.learning(
            moment.history, _unit(timeline), valid, _baselines(timeline, moment), on
        )
    return offered


def _unit(timeline: Timeline) -> str:
    return "window" if timeline.facts.get("appended") else "step"


def _names(timeline: Timeline) -> list[str]:
    """Labels of the classes in their order."""
    return [timeline.label(number) for number in range(len(timeline.facts.get("classes") or []))]


def _baselines(timeline: Timeline, moment: Moment) -> dict[str, tuple[float, str]]:
    """What is reached without a net, where the run knows it."""
    if "code" in moment.arrays:
        size = moment.arrays["code"].shape[1]
        beside = {"loss": ("pca_train_mse", "training"), "test_mse": ("pca_evaluated_mse", "test")}
        return {
            key: (
                float(timeline.static_arrays[name][0]),
                f"{size} principal components, {rows} rows",
            )
            for key, (name, rows) in beside.items()
            if name in timeline.static_arrays
        }
    for event in timeline.events:
        if event["event"] == "end" and "baseline_accuracy" in event:
            accuracy = float(event["baseline_accuracy"])
            return {"test_accuracy": (accuracy, "the most frequent class")}
    return {}


def _of_classify(timeline: Timeline, arrays: dict[str, Any]) -> dict[str, Draw]:
    offered: dict[str, Draw] = {}
    static, picture = timeline.static_arrays, timeline.picture
    names = _names(timeline)
    if "probability" in arrays and "shown" in static:
        real = [timeline.label(number) for number in static["shown_label"]]
        taken = [timeline.label(number) for number in arrays["probability"].argmax(axis=1)]
        offered["predictions"] = lambda on: figures.predictions(
            static["shown"], real, taken, picture, on
        )
    if "confusion" in arrays:
        offered["confusion"] = lambda on: figures.confusion(arrays["confusion"], names, on)
    if "worst_row" in arrays and "worst_chosen" in arrays:
        is_ = [timeline.label(number) for number in arrays["worst_label"]]
        as_ = [timeline.label(number) for number in arrays["worst_chosen"]]
        offered["worst"] = lambda on: figures.worst(
            arrays["worst_row"], is_, as_, arrays["worst_chance"], picture, on
        )
    if "hidden" in arrays and {"shown", "read"} <= set(static):
        offered["decision"] = lambda on: _draw_decision(timeline, arrays, names, on)
    return offered


def _draw_decision(
    timeline: Timeline, arrays: dict[str, Any], names: list[str], on: FigureBase | None, n: int = 4
) -> FigureBase:
    """When the first `n` of the followed rows were decided."""
    static, some = timeline.static_arrays, slice(0, n)
    chances = arrays["decision"][some] if "decision" in arrays else None
    return figures.decision(
        static["shown"][some],
        static["read"],
        chances,
        arrays["hidden"][some],
        static["shown_label"][some],
        names,
        timeline.picture,
        on,
    )


def _of_regress(timeline: Timeline, arrays: dict[str, Any]) -> dict[str, Draw]:
    offered: dict[str, Draw] = {}
    static = timeline.static_arrays
    if {"time", "input", "target"} <= set(static):
        named = ("sin", "cos") if timeline.facts["data"] == "sin -> cos" else ("input", "target")
        offered["signals"] = lambda on: figures.signals(
            static["time"], static["input"], static["target"], named, on
        )
    if {"target", "prediction"} <= set(arrays) and len(arrays["target"]):
        target, prediction = arrays["target"], arrays["prediction"]
        if "time" in arrays:
            offered["tracking"] = lambda on: figures.tracking(
                arrays["time"], target, prediction, bool(timeline.facts.get("appended")), on
            )
        unit = "window" if timeline.facts.get("appended") else "row"
        offered["error"] = lambda on: figures.error(target, prediction, unit, on)
    if {"hidden", "hidden_time"} <= set(arrays):
        time, carried = arrays["hidden_time"], arrays["hidden"]
        reset = arrays.get("hidden_reset")
        offered["hidden"] = lambda on: figures.hidden(time, carried, reset, on)
        offered["portrait"] = lambda on: figures.portrait(carried, reset, on)
    return offered


def _of_autoencode(timeline: Timeline, arrays: dict[str, Any]) -> dict[str, Draw]:
    offered: dict[str, Draw] = {}
    static, picture = timeline.static_arrays, timeline.picture
    if "reconstruction" in arrays:
        offered["reconstructions"] = lambda on: figures.reconstructions(
            static["original"], arrays["reconstruction"], picture, on
        )
    if "code" in arrays:
        names = _names(timeline)
        rainbow = timeline.run.config.training.recipe == "classic"
        offered["codes"] = lambda on: figures.codes(
            arrays["code"], static.get("code_label"), names, rainbow, on
        )
    if "grid" in arrays:
        offered["grid"] = lambda on: figures.grid(
            arrays["grid"], picture, static.get("original"), on
        )
    if "walk" in arrays:
        offered["walk"] = lambda on: figures.walk(
            arrays["walk"], static.get("walk_end"), picture, on
        )
    if {"worst_row", "worst_rebuilt"} <= set(arrays):
        numbers = arrays.get("worst_label")
        labels = None if numbers is None else [timeline.label(number) for number in numbers]
        offered["worst"] = lambda on: figures.rebuilt_worst(
            arrays["worst_row"], arrays["worst_rebuilt"], arrays["worst_error"], labels, picture, on
        )
    return offered


Place = tuple[float, float, float, float]

LAYOUTS: dict[str, dict[str, Place]] = {
    "classify": {
        "learning": (0.0, 0.54, 0.35, 1.0),
        "decision": (0.35, 0.48, 1.0, 1.0),
        "confusion": (0.0, 0.0, 0.35, 0.54),
        "predictions": (0.35, 0.24, 1.0, 0.46),
        "worst": (0.35, 0.0, 1.0, 0.24),
    },
    "regress": {
        "tracking": (0.0, 0.58, 1.0, 1.0),
        "error": (0.0, 0.0, 0.32, 0.56),
        "hidden": (0.32, 0.0, 0.68, 0.56),
        "portrait": (0.68, 0.0, 1.0, 0.56),
    },
    "autoencode": {
        "learning": (0.0, 0.56, 0.4, 1.0),
        "codes": (0.4, 0.44, 1.0, 1.0),
        "grid": (0.0, 0.0, 0.4, 0.56),
        "reconstructions": (0.4, 0.16, 1.0, 0.44),
        "walk": (0.4, 0.0, 1.0, 0.16),
    },
}
"""Where the figures of a job stand in its window: left, bottom, right and top, as shares."""

CELLS = 50
"""Lines and columns of the grid the places are rounded to."""


def draw_dashboard(figure: FigureBase, timeline: Timeline, moment: Moment, title: str = "") -> None:
    """Draw a run's figures together on `figure`, after clearing it; a turned plot stays so.

    It takes the theme in force, and no layout engine: margins are inches.
    """
    with style.theme() as now:
        turned = [(axes.elev, axes.azim) for axes in _spaces(figure)]
        _empty(figure)
        if isinstance(figure, Figure):
            figure.set_layout_engine("none")
        figure.set_facecolor(now.ground)
        offered = drawings(timeline, moment)
        if "decision" in offered:  # one row, large
            names = _names(timeline)
            offered["decision"] = lambda on: _draw_decision(timeline, moment.arrays, names, on, 1)
        grid = figure.add_gridspec(CELLS, CELLS, left=0, right=1, bottom=0, top=1)
        for name, place in LAYOUTS[timeline.job].items():
            if name in offered:
                left, low, right, high = (round(CELLS * edge) for edge in place)
                offered[name](figure.add_subfigure(grid[CELLS - high : CELLS - low, left:right]))
        if title:
            figure.text(0.995, 0.99, title, ha="right", va="top", fontsize=8, color=now.muted)
        for axes, (elevation, azimuth) in zip(_spaces(figure), turned, strict=False):
            axes.view_init(elevation, azimuth)


def _empty(figure: FigureBase) -> None:
    """Clear a figure; its axes are dropped, which is quicker than to clear each one first."""
    for part in figure.subfigs:
        for axes in list(part.axes):
            part.delaxes(axes)
    figure.clear()


def _spaces(figure: FigureBase) -> list[Any]:
    """The 3-D axes on `figure` and its parts."""
    own = [axes for axes in getattr(figure, "axes", []) if axes.name == "3d"]
    return own + [axes for part in figure.subfigs for axes in _spaces(part)]
