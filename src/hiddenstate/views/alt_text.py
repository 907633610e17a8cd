"""Says in words which rows, classes and channels a figure shows, with their full names."""

from collections.abc import Iterable
from typing import Any

from hiddenstate.runs.snapshots import (
    AutoencodeMoment,
    AutoencodeStatic,
    ClassifySnapshot,
    ClassifyStatic,
)
from hiddenstate.views.memory import in_words, layer_names
from hiddenstate.views.streams import in_words as streams_in_words
from hiddenstate.views.streams import stream_states
from hiddenstate.views.timeline import Moment, Timeline

OF_CLASSES = ("confusion", "recall", "curves", "dynamics", "decision", "codes")
"""Figures that show all classes."""

OF_ROWS = (
    *("example", "augmented", "predictions", "worst", "decision", "reconstructions", "walk"),
)
"""Figures that show rows, with the names of their channels."""

MOST = 50
"""Names that are listed."""


def alt_text(timeline: Timeline, moment: Moment, name: str) -> str:
    """Return sentences with the full names in a figure; empty if it has none.

    A figure shortens long names. It may also draw fewer rows than are listed here.

    Parameters
    ----------
    timeline : Timeline
    moment : Moment
    name : str
        The name of the figure.
    """
    parts = [_judged(timeline, moment, name), _labels(timeline, moment, name)]
    if name in OF_CLASSES and timeline.class_names:
        parts.append(f"Classes: {_listed(timeline.class_names)}.")
    if name in OF_ROWS and timeline.form.picture is None and timeline.form.labels():
        parts.append(f"Channels: {_listed(timeline.form.labels())}.")
    if name == "memory" and "eigenvalue" in moment.arrays:
        values = moment.arrays["eigenvalue"]
        parts.append(in_words(values, layer_names(timeline.run, len(values))))
    if name == "streams" and (shown := stream_states(timeline, moment)):
        parts.append(streams_in_words(shown))
    if name == "signals" and timeline.facts.channels:
        names = [*timeline.facts.channels, *(timeline.facts.targets or ())]
        parts.append(f"Inputs and targets: {_listed(names)}.")
    return " ".join(part for part in parts if part)


def _listed(names: Iterable[object]) -> str:
    every = [str(name) for name in names]
    more = len(every) - MOST
    return ", ".join(every[:MOST]) + (f", and {more} more" if more > 0 else "")


def _judged(timeline: Timeline, moment: Moment, name: str) -> str:
    """Return the predicted and the true label of each row of a classifier."""
    static, arrays = timeline.static_as(ClassifyStatic), moment.arrays_as(ClassifySnapshot)
    if timeline.job != "classify" or name not in ("predictions", "worst"):
        return ""
    if name == "predictions" and "probability" in arrays:
        chosen, real = arrays["probability"].argmax(axis=1), static["shown_label"]
    elif name == "worst" and "worst_chosen" in arrays:
        chosen, real = arrays["worst_chosen"], arrays["worst_label"]
    else:
        return ""
    pairs = [(timeline.label(a), timeline.label(b)) for a, b in zip(chosen, real, strict=True)]
    words = [one if one == other else f"{one} instead of {other}" for one, other in pairs]
    return f"Predicted, row by row: {_listed(words)}." if words else ""


def _labels(timeline: Timeline, moment: Moment, name: str) -> str:
    """Return the labels of rows that have one."""
    static: Any = timeline.static_as(AutoencodeStatic)
    labels = static.get("example_label") if name == "example" else None
    if timeline.job == "autoencode" and name == "worst":
        labels = moment.arrays_as(AutoencodeMoment).get("worst_label")
    if labels is None or not timeline.class_names:
        return ""
    return f"Labels, row by row: {_listed(map(timeline.label, labels))}."
