"""Draws the learning curves, the panel that every job has."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hiddenstate.metrics.answer import NETWORK
from hiddenstate.metrics.comparison import drawn_baseline
from hiddenstate.runs.events import figures_of
from hiddenstate.system.typing import Array
from hiddenstate.views.answers import network_alone
from hiddenstate.views.terminal import shapes
from hiddenstate.views.terminal.canvas import Canvas, clip
from hiddenstate.views.terminal.colors import BLUE, GREEN, GREY, ORANGE
from hiddenstate.views.terminal.panels import Selection, axes, short, titled
from hiddenstate.views.timeline import Moment, Timeline


def learning(canvas: Canvas, timeline: Timeline, moment: Moment, selection: Selection) -> None:
    """Draw the loss and, if there is space, the test score beside it or below it."""
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
    if len(parts) == 1 and not timeline.kind.has_targets:  # whose panel of held-out rows says it
        parts = [_below_warning(canvas, timeline, moment)]
    _loss(parts[0], timeline, moment, key if len(parts) == 1 else None)
    if key and len(parts) == 2:
        _score(parts[1], timeline, moment, key)


def _has(moment: Moment, key: str) -> bool:
    return any(key in event for event in moment.history)


def _loss(canvas: Canvas, timeline: Timeline, moment: Moment, score_key: str | None) -> None:
    """Draw the logged losses in grey, their means in blue, the validation losses in orange."""
    steps = np.array([event["step"] for event in moment.history], float)
    losses = np.array([event["loss"] for event in moment.history], float)
    means = np.array([event["mean_loss"] for event in moment.history], float)
    valid = np.array([(e["step"], e["valid_loss"]) for e in timeline.validations(moment)], float)
    kept, levels = timeline.kept(moment), timeline.baselines()
    level = levels.get("valid_loss") if len(valid) else levels.get("loss")
    note = f"mean {short(float(means[-1]))}" if len(means) else ""
    if score_key:
        logged = [figures_of(e)[score_key] for e in moment.history if score_key in e]
        value = moment.results.get(score_key, logged[-1])
        note += f"  {_score_note(score_key, value)}"
    if kept is not None:
        note += f", {'kept' if moment.results else 'best'} {timeline.unit} {kept:,}"
    body = titled(canvas, "loss", note)
    if not len(steps):
        body.text(0, 0, "nothing logged yet", GREY)
        return
    ends, unit = timeline.limits.curves["loss"], timeline.unit
    to_axis: Callable[[Any], Array] = np.log10 if ends.log else np.asarray
    span = (*_steps(timeline), float(to_axis(ends.low)), float(to_axis(ends.high)))
    plot = axes(body, span, (f"{unit} 1", f"{timeline.end:,}"), ends.log)
    if body.height >= 6:
        named = [(f"this {unit}", GREY), ("mean", BLUE), ("validation", ORANGE)]
        _key(body.part(0, body.height - 1, body.width, 1), named[: 3 if len(valid) else 2])
    shapes.graph(plot, steps, to_axis(losses), span, GREY, second=True)
    if kept is not None:
        upright(plot, kept - 1, span)
    if len(valid):
        shapes.graph(plot, valid[:, 0], to_axis(valid[:, 1]), span, ORANGE)
    shapes.graph(plot, steps, to_axis(means), span, BLUE)
    if level:
        rows = "on validation rows" if len(valid) else "on training rows"
        _level(plot, float(to_axis(level)), span, f"{_baseline(timeline)} {short(level)}", rows)


def _steps(timeline: Timeline) -> tuple[float, float]:
    """Return the ends of the axis of steps, from the first to the last of the whole run."""
    return 0.0, float(max(timeline.end - 1, 1))


def _below_warning(body: Canvas, timeline: Timeline, moment: Moment) -> Canvas:
    """Say at the end if the network is no better than its baseline, and return the space below."""
    compared = timeline.compared(moment)
    if compared is None or not compared.verdict() or body.height < 4:
        return body
    ink = ORANGE if compared.worse else GREY
    body.text(0, 0, clip(compared.verdict(), body.width), ink)
    return body.part(0, 1, body.width, body.height - 1)


def _key(line: Canvas, named: Sequence[tuple[str, int]]) -> None:
    """Write what each colour stands for in the middle of a line, if its ends leave space."""
    texts = [f"━ {name}" for name, _ in named]
    x = (line.width - sum(len(text) + 2 for text in texts)) // 2
    if x < 22:
        return
    for text, (_, ink) in zip(texts, named, strict=True):
        x = line.text(x, 0, text, ink) + 2


def _baseline(timeline: Timeline) -> str:
    """Return the name of the score without a network, short."""
    words = {"classes": "one class", "codes": "PCA", "targets": "training mean"}
    if not (timeline.kind.has_targets and timeline.options["horizon"]):
        return words[timeline.kind.answers]
    days = timeline.facts.step_days
    return drawn_baseline(timeline.job, timeline.options, {}, step_days=days).removeprefix("the ")


def upright(plot: Canvas, x: float, span: tuple[float, ...]) -> None:
    """Draw a dotted vertical line at `x`."""
    across = shapes.scaled(np.array([x]), span[0], span[1], 2 * plot.width)
    down = np.arange(0, 4 * plot.height, 3)
    shapes.scatter(plot, np.full(len(down), round(float(across[0]))), down, GREY)


def _level(
    plot: Canvas, value: float, span: tuple[float, ...], name: str, of: str, ink: int = ORANGE
) -> None:
    """Draw a dotted horizontal line at `value` and its name, with `of` if there is space."""
    down = 4 * plot.height - 1 - shapes.scaled(np.array([value]), span[2], span[3], 4 * plot.height)
    across = np.arange(0, 2 * plot.width, 3)
    shapes.scatter(plot, across, np.full(len(across), round(float(down[0]))), ink)
    y = int(down[0]) // 4
    whole = f"{name} {of}".rstrip()
    plot.right(y - 1 if y else 1, whole if 2 * len(whole) < plot.width else name, ink)


def _score_note(key: str, value: float) -> str:
    return f"accuracy {value:.1%}" if key == "test_accuracy" else f"test mse {short(value)}"


def _score_notes(timeline: Timeline, moment: Moment, key: str, logged: float) -> list[str]:
    """Return a score in words, the longest first: at the end that of the model, beside that of the
    network alone if it does not answer alone."""
    percent = key == "test_accuracy"
    value, net = moment.results.get(key, logged), moment.results.get(key.replace("test", "net"))
    texts = [f"{each:.1%}" if percent else short(each) for each in (value, net or 0.0)]
    rows = timeline.evaluated
    if moment.results and (n := timeline.run.n_rows("test")):
        rows = f"all {n:,} test rows"
    notes = [f"{texts[0]} on {rows}", texts[0]]
    if network_alone(timeline, moment) and moment.results:
        notes = [f"model {notes[0]}", f"model {texts[0]}"]
        if net is not None:
            notes.insert(0, f"{texts[1]}, model {texts[0]}")
    return notes


def _score(canvas: Canvas, timeline: Timeline, moment: Moment, key: str) -> None:
    """Draw the test score of each evaluation during training."""
    logged = [figures_of(event) for event in moment.history if key in event]
    points = np.array([(figures["step"], figures[key]) for figures in logged])
    name, notes = key.replace("_", " "), _score_notes(timeline, moment, key, float(points[-1, 1]))
    alone = bool(network_alone(timeline, moment))
    names = [f"{name}, {NETWORK} alone", f"{NETWORK} alone"] if alone else [name]
    pairs = [(name, note) for note in notes for name in names]
    fits = (pair for pair in pairs if len("".join(pair)) + 2 <= canvas.width)
    body = titled(canvas, *next(fits, pairs[-1]))
    body = _below_warning(body, timeline, moment)
    level, kept = timeline.baselines().get(key), timeline.kept(moment)
    span = (*_steps(timeline), *timeline.limits.curves[key][:2])
    plot = axes(body, span, ("step 1", f"{timeline.end:,}"))
    if kept is not None:
        upright(plot, kept - 1, span)
    shapes.graph(plot, points[:, 0], points[:, 1], span, BLUE)
    if level:
        text = f"{level:.1%}" if key == "test_accuracy" else short(level)
        _level(plot, level, span, f"{_baseline(timeline)} {text}", "on these test rows")
    if alone and key in moment.results:
        _level(plot, moment.results[key], span, f"model {notes[-1].split()[-1]}", "", GREEN)
