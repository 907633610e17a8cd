"""Lists the figures of a run, and lays them out together in one window."""

import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure, FigureBase

from hiddenstate.metrics.comparison import baseline_method, share_in_words
from hiddenstate.metrics.curves import Calibration, Curves
from hiddenstate.runs.snapshots import (
    AutoencodeMoment,
    AutoencodeStatic,
    ClassifySnapshot,
    ClassifyStatic,
)
from hiddenstate.views import figures, style
from hiddenstate.views.figures.confusion import SERIATED, has_order, similarity_order
from hiddenstate.views.figures.layout import REGULAR, inches, part_of
from hiddenstate.views.limits import sorted_units
from hiddenstate.views.memory import layer_names
from hiddenstate.views.regress import Draw, of_regress
from hiddenstate.views.timeline import Moment, Timeline

PATH = 30
"""Moments whose eigenvalues are drawn behind the present ones."""

FIGURES: dict[str, tuple[str, ...]] = {
    "classify": (
        "example",
        "augmented",
        "learning",
        "predictions",
        "confusion",
        "recall",
        "worst",
        "decision",
        "memory",
        "dynamics",
        "calibration",
        "curves",
    ),
    "regress": (
        "signals",
        "augmented",
        "learning",
        "held_out",
        "tracking",
        "error",
        "spectrum",
        "hidden",
        "portrait",
        "streams",
        "memory",
    ),
    "autoencode": (
        "example",
        "augmented",
        "learning",
        "reconstructions",
        "codes",
        "grid",
        "walk",
        "worst",
    ),
}
"""Names of a job's figures; a run has those that it has the arrays for."""


def drawings(timeline: Timeline, moment: Moment) -> dict[str, Draw]:
    """Return the figures of the run at `moment` by name, as functions that draw them.

    Each draws on the figure it is given, or on a new one, in the current theme. Figures whose
    arrays are not written yet are left out.
    """
    of_job = {"classify": _of_classify, "regress": of_regress, "autoencode": _of_autoencode}
    draws = _of_all(timeline, moment) | of_job[timeline.job](timeline, moment)
    return {name: _themed(draws[name]) for name in FIGURES[timeline.job] if name in draws}


def _themed(draw: Draw) -> Draw:
    def draw_in_theme(on: Figure | None = None) -> Figure:
        with style.theme():
            return draw(on)

    return draw_in_theme


def _of_all(timeline: Timeline, moment: Moment) -> dict[str, Draw]:
    draws: dict[str, Draw] = {}
    static = timeline.static_arrays
    if "example" in static and len(static["example"]):
        numbers = static.get("example_label")
        labels = None if numbers is None else [timeline.label(number) for number in numbers]
        draws["example"] = lambda on: figures.examples(
            static["example"], labels, timeline.picture, on, timeline.form
        )
    if {"plain", "augmented"} <= set(static):
        draws["augmented"] = lambda on: figures.augmented(
            static["plain"], static["augmented"], timeline.picture, on, timeline.form
        )
    if moment.history:
        compared = timeline.compared(moment)
        draws["learning"] = lambda on: figures.learning(
            moment.history,
            timeline.unit,
            timeline.validations(moment),
            _baselines(timeline),
            on,
            kept=timeline.kept(moment),
            evaluated=timeline.evaluated,
            results=moment.results,
            warning=compared.warning() if compared else "",
            share=share_in_words(timeline.job, moment.results, timeline.run.config.flat()),
            limits=timeline.limits,
        )
    if "eigenvalue" in moment.arrays:
        draws["memory"] = lambda on: _draw_memory(timeline, moment, on)
    return draws


def _draw_memory(timeline: Timeline, moment: Moment, on: Figure | None) -> Figure:
    """Draw how far back the complex states reach, and from where their eigenvalues came."""
    values = moment.arrays["eigenvalue"]
    _, (path,) = timeline.over_time("eigenvalue", until=moment.step)
    chosen = np.linspace(0, len(path) - 1, min(len(path), PATH)).round().astype(int)
    return figures.memory(
        values,
        on,
        path=path[chosen],
        names=layer_names(timeline.run, len(values)),
        row=timeline.row_steps,
        span=timeline.limits.reach,
    )


def _baselines(timeline: Timeline) -> dict[str, tuple[float, str]]:
    """Return the scores that need no training, and their names, as far as the run has them."""
    options = timeline.run.config.flat()
    short = baseline_method(timeline.job, options)[1]
    rows = {"loss": "training rows", "valid_loss": "validation rows"}
    return {
        key: (value, f"{short}, {rows.get(key, timeline.evaluated)}")
        for key, value in timeline.baselines().items()
    }


def _of_classify(timeline: Timeline, moment: Moment) -> dict[str, Draw]:
    draws: dict[str, Draw] = {}
    static, arrays = timeline.static_as(ClassifyStatic), moment.arrays_as(ClassifySnapshot)
    picture, form = timeline.picture, timeline.form
    if "probability" in arrays and "shown" in static:
        real = [timeline.label(number) for number in static["shown_label"]]
        predicted = [timeline.label(number) for number in arrays["probability"].argmax(axis=1)]
        draws["predictions"] = lambda on: figures.predictions(
            static["shown"], real, predicted, picture, on, form
        )
    if "confusion" in arrays:
        names, order = timeline.class_names, _class_order(timeline)
        draws["confusion"] = lambda on: figures.confusion(arrays["confusion"], names, order, on)
    draws |= _of_probabilities(timeline, moment)
    if "worst_row" in arrays and "worst_chosen" in arrays:
        worst_real = [timeline.label(number) for number in arrays["worst_label"]]
        worst_predicted = [timeline.label(number) for number in arrays["worst_chosen"]]
        draws["worst"] = lambda on: figures.worst(
            arrays["worst_row"],
            worst_real,
            worst_predicted,
            arrays["worst_chance"],
            picture,
            on,
            form,
        )
    if "hidden" in arrays and {"shown", "read"} <= set(static) and not form.is_quantities:
        draws["decision"] = lambda on: _draw_decision(timeline, moment, on)
    return draws


def _of_probabilities(timeline: Timeline, moment: Moment) -> dict[str, Draw]:
    """The figures of evaluated rows: how far their probabilities can be trusted, and over time."""
    draws: dict[str, Draw] = {}
    arrays, names = moment.arrays_as(ClassifySnapshot), timeline.class_names
    if "calibration_rows" in arrays:
        bins = Calibration(
            arrays["calibration_rows"],
            arrays["calibration_confidence"],
            arrays["calibration_accuracy"],
        )
        draws["calibration"] = lambda on: figures.calibration(bins, on)
    if "roc" in arrays:
        curves = Curves(*(moment.arrays[name] for name in Curves._fields))
        draws["curves"] = lambda on: figures.curves(curves, names, on)
    steps, (counts,) = timeline.over_time("confusion", until=moment.step)
    if len(steps) > 1:
        order = _class_order(timeline)
        draws["recall"] = lambda on: figures.recall(steps, counts, names, order, timeline.end, on)
    times, (rows, chances, right) = timeline.over_time(
        "followed", "followed_chance", "followed_right", until=moment.step
    )
    if len(times) > 1 and (rows == rows[-1]).all():
        labels = arrays["followed_label"]
        draws["dynamics"] = lambda on: figures.dynamics(
            times, chances, labels, right[-1] > 0, names, timeline.end, timeline.kept(moment), on
        )
    return draws


def _class_order(timeline: Timeline) -> list[int] | None:
    """Return the order of the classes in the confusion matrix, the same at every moment.

    Names without an order are sorted by similarity once the run has ended.
    """
    names, final = timeline.class_names, timeline.final_arrays.get("confusion")
    if final is None or len(names) <= SERIATED or has_order(names):
        return None
    return similarity_order(final)


def _draw_decision(timeline: Timeline, moment: Moment, on: Figure | None, n: int = 4) -> Figure:
    """Draw when the first `n` of the followed rows were decided."""
    static, arrays = timeline.static_as(ClassifyStatic), moment.arrays_as(ClassifySnapshot)
    probabilities = arrays["decision"][:n] if "decision" in arrays else None
    return figures.decision(
        static["shown"][:n],
        static["read"],
        probabilities,
        sorted_units(arrays["hidden"][:n], timeline.unit_order),
        static["shown_label"][:n],
        timeline.class_names,
        timeline.picture,
        on,
        timeline.form,
    )


def _of_autoencode(timeline: Timeline, moment: Moment) -> dict[str, Draw]:
    draws: dict[str, Draw] = {}
    static, arrays = timeline.static_as(AutoencodeStatic), moment.arrays_as(AutoencodeMoment)
    picture, form = timeline.picture, timeline.form
    if "reconstruction" in arrays:
        draws["reconstructions"] = lambda on: figures.reconstructions(
            static["original"], arrays["reconstruction"], picture, on, form
        )
    if "code" in arrays:
        names = timeline.class_names
        rainbow = timeline.run.config.training.recipe == "classic"
        draws["codes"] = lambda on: figures.codes(
            arrays["code"], static.get("code_label"), names, rainbow, on, timeline.limits.codes
        )
    if "grid" in arrays:
        like = static.get("original")
        draws["grid"] = lambda on: figures.grid(arrays["grid"], picture, like, on, form)
    if "walk" in arrays:
        ends = static.get("walk_end")
        draws["walk"] = lambda on: figures.walk(arrays["walk"], ends, picture, on, form)
    if {"worst_row", "worst_rebuilt"} <= set(arrays):
        numbers = arrays.get("worst_label")
        labels = None if numbers is None else [timeline.label(number) for number in numbers]
        draws["worst"] = lambda on: figures.rebuilt_worst(
            arrays["worst_row"],
            arrays["worst_rebuilt"],
            arrays["worst_error"],
            labels,
            picture,
            on,
            form,
        )
    return draws


Place = tuple[float, float, float, float]

Layout = dict[str, Place]

LAYOUTS: dict[str, tuple[Layout, Layout]] = {
    "classify": (
        {
            "learning": (0.0, 0.54, 0.35, 1.0),
            "decision": (0.35, 0.48, 1.0, 1.0),
            "confusion": (0.0, 0.0, 0.35, 0.54),
            "predictions": (0.35, 0.24, 1.0, 0.46),
            "worst": (0.35, 0.0, 1.0, 0.24),
        },
        {
            "learning": (0.0, 0.42, 0.5, 1.0),
            "confusion": (0.5, 0.36, 1.0, 1.0),
            "predictions": (0.0, 0.0, 1.0, 0.36),
        },
    ),
    "regress": (
        {
            "tracking": (0.0, 0.58, 1.0, 1.0),
            "error": (0.0, 0.0, 0.32, 0.56),
            "hidden": (0.32, 0.0, 0.68, 0.56),
            "portrait": (0.68, 0.0, 1.0, 0.56),
        },
        {
            "tracking": (0.0, 0.5, 1.0, 1.0),
            "error": (0.0, 0.0, 0.5, 0.5),
            "portrait": (0.5, 0.0, 1.0, 0.5),
        },
    ),
    "held_out": (
        {
            "held_out": (0.0, 0.46, 1.0, 1.0),
            "learning": (0.0, 0.0, 0.34, 0.46),
            "hidden": (0.34, 0.0, 0.7, 0.46),
            "portrait": (0.7, 0.0, 1.0, 0.46),
        },
        {"held_out": (0.0, 0.46, 1.0, 1.0), "learning": (0.0, 0.0, 1.0, 0.46)},
    ),
    "autoencode": (
        {
            "learning": (0.0, 0.56, 0.4, 1.0),
            "codes": (0.4, 0.44, 1.0, 1.0),
            "grid": (0.0, 0.0, 0.4, 0.56),
            "reconstructions": (0.4, 0.16, 1.0, 0.44),
            "walk": (0.4, 0.0, 1.0, 0.16),
        },
        {
            "learning": (0.0, 0.4, 0.45, 1.0),
            "codes": (0.45, 0.4, 1.0, 1.0),
            "reconstructions": (0.0, 0.0, 1.0, 0.4),
        },
    ),
}
"""Places of the figures in a job's window, large and small: left, bottom, right and top, as shares
of it. A small window leaves some out, so that the others can be read.

A regression whose held-out part can be drawn has a layout of its own.
"""

LARGE = (8.5, 5.5)
"""Width and height in inches from which a window is large."""

CAPTION = 0.3
"""Inches at the top for a title of all figures."""

WITHOUT_TIME: dict[str, dict[str, Place]] = {
    "classify": {"predictions": (0.35, 0.5, 1.0, 1.0), "worst": (0.35, 0.0, 1.0, 0.5)},
}
"""Places that differ if rows are quantities, which are not read step by step."""

WITH_MEMORY: dict[str, Layout] = {
    "classify": {
        "predictions": (0.35, 0.24, 0.78, 0.46),
        "worst": (0.35, 0.0, 0.78, 0.24),
        "memory": (0.78, 0.0, 1.0, 0.46),
    },
    "regress": {
        "tracking": (0.0, 0.58, 0.7, 1.0),
        "memory": (0.7, 0.58, 1.0, 1.0),
    },
    "held_out": {
        "held_out": (0.0, 0.46, 0.7, 1.0),
        "memory": (0.7, 0.46, 1.0, 1.0),
    },
}
"""Places that differ in large windows if the states of the net are complex."""

GRID = 50
"""Rows and columns of the grid that the places are rounded to."""


def draw_dashboard(figure: FigureBase, timeline: Timeline, moment: Moment, title: str = "") -> None:
    """Draw the figures of a run together on `figure`, which is cleared first.

    A 3-D plot that the user has turned keeps its view. The current theme applies; no layout engine
    is used, since margins are in inches.
    """
    with style.theme() as now:
        views = [(axes.elev, axes.azim) for axes in _axes_3d(figure)]
        _clear(figure)
        if isinstance(figure, Figure):
            figure.set_layout_engine("none")
        figure.set_facecolor(now.ground)
        draws = drawings(timeline, moment)
        if "decision" in draws:  # one row, large
            draws["decision"] = lambda on: _draw_decision(timeline, moment, on, 1)
        width, height = inches(figure)
        # Subfigures ignore the margins of a grid: the title has rows of its own.
        head = math.ceil(GRID * CAPTION / height) if title else 0
        top = GRID / (GRID + head)
        grid = figure.add_gridspec(GRID + head, GRID, left=0, right=1, bottom=0, top=1)
        kind = "held_out" if "held_out" in draws else timeline.job
        large, small = LAYOUTS[kind]
        is_large = width >= LARGE[0] and top * height >= LARGE[1]
        layout = large if is_large else small
        if is_large and timeline.form.is_quantities:
            layout = layout | WITHOUT_TIME.get(timeline.job, {})
        if is_large and "memory" in draws:
            layout = layout | WITH_MEMORY[kind]
        if is_large and "streams" in draws:
            layout = {"streams" if n == "portrait" else n: place for n, place in layout.items()}
        for name, place in layout.items():
            if name in draws:
                left, low, right, high = (round(GRID * edge) for edge in place)
                part = figure.add_subfigure(
                    grid[head + GRID - high : head + GRID - low, left:right]
                )
                draws[name](part_of(part))
        if title:
            title = style.cut(title, int((width - 0.24) / (REGULAR * style.TEXT_POINTS)))
            at: dict[str, Any] = {"va": "center", "fontsize": style.TEXT_POINTS}
            figure.text(0.12 / width, (1 + top) / 2, title, color=now.muted, **at)
        for axes, (elevation, azimuth) in zip(_axes_3d(figure), views, strict=False):
            axes.view_init(elevation, azimuth)


def _clear(figure: FigureBase) -> None:
    """Clear a figure; to drop its axes is faster than to clear each of them first."""
    for part in figure.subfigs:
        for axes in list(part.axes):
            part.delaxes(axes)
    figure.clear()


def _axes_3d(figure: FigureBase) -> list[Any]:
    """Return the 3-D axes on `figure` and its parts."""
    of_figure = [axes for axes in getattr(figure, "axes", []) if axes.name == "3d"]
    return of_figure + [axes for part in figure.subfigs for axes in _axes_3d(part)]
