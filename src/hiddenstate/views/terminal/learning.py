"""The panel every job has: how the loss and the test figure went."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.runs.events import figures_of
from hiddenstate.views.terminal import shapes
from hiddenstate.views.terminal.canvas import Canvas
from hiddenstate.views.terminal.colors import BLUE, GREY, ORANGE
from hiddenstate.views.terminal.panels import LOG_RATIO, Look, axes, short, span_of, titled
from hiddenstate.views.timeline import Moment, Timeline

Array = NDArray[Any]


def learning(canvas: Canvas, timeline: Timeline, moment: Moment, look: Look) -> None:
    """The loss, and where there is room the test figure beside it or below."""
    key = next((k for k in ("test_accuracy", "test_mse") if _has(moment, k)), None)
    width, height = canvas.width, canvas.height
    if key and width >= 64:
        half = (width - 2) // 2
        parts = [canvas.part(0, 0, half, height), canvas.part(width - half, 0, half, height)]
    elif key and height >= 12:
        half = height // 2
        parts = [canvas.part(0, 0, width, half), canvas.part(0, half, width, height - half)]
    else:
        parts = [canvas]
    _loss(parts[0], timeline, moment, key if len(parts) == 1 else None)
    if key and len(parts) == 2:
        _score(parts[1], timeline, moment, key)


def _has(moment: Moment, key: str) -> bool:
    return any(key in event for event in moment.history)


def _loss(canvas: Canvas, timeline: Timeline, moment: Moment, also: str | None) -> None:
    """Each logged loss in grey, the mean since the last line in blue, the validation's orange."""
    steps = np.array([event["step"] for event in moment.history], float)
    losses = np.array([event["loss"] for event in moment.history], float)
    means = np.array([event["mean_loss"] for event in moment.history], float)
    seen = [e for e in timeline.events if e["event"] == "valid" and e["step"] < moment.step]
    valid = np.array([(e["step"], e["valid_loss"]) for e in seen], float)
    pca = _kept(timeline, "pca_train_mse")
    note = f"mean {short(float(means[-1]))}" if len(means) else ""
    if also:
        value = next(figures_of(e)[also] for e in reversed(moment.history) if also in e)
        note += f"  {_score_words(also, value)}"
    room = titled(canvas, "loss", note)
    if not len(steps):
        room.text(0, 0, "nothing is logged yet", GREY)
        return
    values = [losses, means, *([valid[:, 1]] if len(valid) else []), *([[pca]] if pca else [])]
    sound = np.concatenate([np.asarray(v, float) for v in values])
    sound = sound[np.isfinite(sound)]
    log = bool(len(sound)) and sound.min() > 0 and sound.max() > LOG_RATIO * sound.min()
    turn: Callable[[Any], Array] = np.log10 if log else np.asarray
    span = span_of([steps], [turn(v) for v in values])
    unit = "window" if timeline.facts.get("appended") else "step"
    plot = axes(room, span, (f"{unit} {int(span[0]) + 1}", f"{int(steps[-1]) + 1:,}"), log)
    if room.height >= 6:
        named = [(f"of the {unit}", GREY), ("mean", BLUE), ("validation", ORANGE)]
        _key(room.part(0, room.height - 1, room.width, 1), named[: 3 if len(valid) else 2])
    shapes.graph(plot, steps, turn(losses), span, GREY, second=True)
    if pca:
        _level(plot, float(turn(pca)), span, f"PCA {short(pca)}", "on training rows")
    if len(valid):
        shapes.graph(plot, valid[:, 0], turn(valid[:, 1]), span, ORANGE)
    shapes.graph(plot, steps, turn(means), span, BLUE)


def _key(line: Canvas, named: Sequence[tuple[str, int]]) -> None:
    """What each ink stands for, in the middle of a line, if there is room between its ends."""
    texts = [f"━ {name}" for name, _ in named]
    x = (line.width - sum(len(text) + 2 for text in texts)) // 2
    if x < 22:
        return
    for text, (_, ink) in zip(texts, named, strict=True):
        x = line.text(x, 0, text, ink) + 2


def _kept(timeline: Timeline, name: str) -> float | None:
    """The one number kept under a name, if it is."""
    return float(timeline.static_arrays[name][0]) if name in timeline.static_arrays else None


def _level(plot: Canvas, value: float, span: tuple[float, ...], name: str, of: str) -> None:
    """A dotted line across at `value`, and what it is; where there is room, also of what."""
    down = 4 * plot.height - 1 - shapes.scaled(np.array([value]), span[2], span[3], 4 * plot.height)
    across = np.arange(0, 2 * plot.width, 3)
    shapes.scatter(plot, across, np.full(len(across), round(float(down[0]))), ORANGE)
    y = int(down[0]) // 4
    whole = f"{name} {of}"
    plot.right(y - 1 if y else 1, whole if 2 * len(whole) < plot.width else name, ORANGE)


def _score_words(key: str, value: float) -> str:
    return f"accuracy {value:.1%}" if key == "test_accuracy" else f"test mse {short(value)}"


def _score(canvas: Canvas, timeline: Timeline, moment: Moment, key: str) -> None:
    """The test figure of each look at test rows."""
    logged = [figures_of(event) for event in moment.history if key in event]
    points = np.array([(figures["step"], figures[key]) for figures in logged])
    name, value = key.replace("_", " "), points[-1, 1]
    room = titled(canvas, name, f"{value:.1%}" if key == "test_accuracy" else short(value))
    pca = _kept(timeline, "pca_evaluated_mse") if key == "test_mse" else None
    span = span_of([points[:, 0]], [points[:, 1], np.array([pca] if pca else [])])
    if key == "test_accuracy":
        span = (*span[:2], 0.0, 1.0)
    plot = axes(room, span, (f"step {int(span[0]) + 1}", f"{int(points[-1, 0]) + 1:,}"))
    if pca:
        _level(plot, pca, span, f"PCA {short(pca)}", "on these test rows")
    shapes.graph(plot, points[:, 0], points[:, 1], span, BLUE)
