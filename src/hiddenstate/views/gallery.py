"""Which figures a run has, and how they stand together in one window."""

from collections.abc import Callable
from typing import Any

from matplotlib.figure import FigureBase

from hiddenstate.views import figures
from hiddenstate.views.scene import Frame, Scene

Draw = Callable[[FigureBase | None], FigureBase]


def drawings(scene: Scene, frame: Frame) -> dict[str, Draw]:
    """Every figure of the run at `frame` by name, each ready to draw on a figure or a new one.

    Only what the run has written so far is offered.
    """
    offered: dict[str, Draw] = {}
    kept, arrays = scene.kept, frame.arrays
    if "example" in kept and len(kept["example"]):
        labels = kept.get("example_label")
        names = None if labels is None else [scene.label(number) for number in labels]
        offered["example"] = lambda on: figures.examples(kept["example"], names, scene.picture, on)
    if "input" in kept:
        named = ("sin", "cos") if scene.facts["data"] == "sin -> cos" else ("input", "target")
        offered["signals"] = lambda on: figures.signals(
            kept["time"], kept["input"], kept["target"], named, on
        )
    if frame.history:
        unit = "window" if scene.facts.get("appended") else "step"
        offered["learning"] = lambda on: figures.learning(frame.history, unit, on)
    offered |= {
        "classify": _of_classify,
        "regress": _of_regress,
        "autoencode": _of_autoencode,
    }[scene.job](scene, arrays)
    return offered


def _of_classify(scene: Scene, arrays: dict[str, Any]) -> dict[str, Draw]:
    if "probability" not in arrays or "shown" not in scene.kept:
        return {}
    real = [scene.label(number) for number in scene.kept["shown_label"]]
    predicted = [scene.label(number) for number in arrays["probability"].argmax(axis=1)]
    return {
        "predictions": lambda on: figures.predictions(
            scene.kept["shown"], real, predicted, scene.picture, on
        )
    }


def _of_regress(scene: Scene, arrays: dict[str, Any]) -> dict[str, Draw]:
    if not {"time", "target", "prediction"} <= set(arrays) or not len(arrays["time"]):
        return {}
    return {
        "tracking": lambda on: figures.tracking(
            arrays["time"], arrays["target"], arrays["prediction"], on
        )
    }


def _of_autoencode(scene: Scene, arrays: dict[str, Any]) -> dict[str, Draw]:
    offered: dict[str, Draw] = {}
    if "reconstruction" in arrays:
        offered["reconstructions"] = lambda on: figures.reconstructions(
            scene.kept["original"], arrays["reconstruction"], scene.picture, on
        )
    if "code" in arrays:
        labels = scene.kept.get("code_label")
        names = [scene.label(number) for number in range(len(scene.facts.get("classes") or []))]
        offered["codes"] = lambda on: figures.codes(arrays["code"], labels, names, on)
    return offered


LAYOUTS: dict[str, list[tuple[str, ...]]] = {
    "classify": [("example", "learning"), ("predictions",)],
    "regress": [("signals", "learning"), ("tracking",)],
    "autoencode": [("example", "learning"), ("reconstructions", "codes")],
}
"""Rows of a job's window, each the figures side by side in it."""


def draw_dashboard(figure: FigureBase, scene: Scene, frame: Frame, title: str = "") -> None:
    """Draw a run's figures together on `figure`, after clearing it; a turned plot stays so."""
    turned = [(axes.elev, axes.azim) for axes in _spaces(figure)]
    figure.clear()
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=9, color="0.4")
    offered = drawings(scene, frame)
    heights = [1.0, 1.6] if scene.job == "autoencode" else [1.0, 1.0]
    rows: Any = figure.subfigures(2, 1, height_ratios=heights)
    for row, names in zip(rows, LAYOUTS[scene.job], strict=True):
        widths = [1.0, 1.6][: len(names)]
        parts: Any = row.subfigures(1, len(names), width_ratios=widths, squeeze=False)
        for part, name in zip(parts[0], names, strict=True):
            if name in offered:
                offered[name](part)
    for axes, (elevation, azimuth) in zip(_spaces(figure), turned, strict=False):
        axes.view_init(elevation, azimuth)


def _spaces(figure: FigureBase) -> list[Any]:
    """The 3-D axes on `figure` and its parts."""
    own = [axes for axes in getattr(figure, "axes", []) if axes.name == "3d"]
    return own + [axes for part in figure.subfigs for axes in _spaces(part)]
