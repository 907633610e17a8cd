"""Draws the panels of a classifier: predictions, probabilities, decisions, errors."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hiddenstate.runs.class_arrays import ClassifyMoment, ClassifyStatic
from hiddenstate.system.typing import Array
from hiddenstate.views.answers import network_alone, not_by_model
from hiddenstate.views.terminal import panels, shapes
from hiddenstate.views.terminal import rows as rows_of_data
from hiddenstate.views.terminal.canvas import (
    BOLD,
    REVERSE,
    Canvas,
    clip,
    clip_labels,
    width_of,
)
from hiddenstate.views.terminal.colors import BLUE, GREY, ORANGE, PROBABILITY, SIGNED
from hiddenstate.views.terminal.layout import Box, Panel, Stack
from hiddenstate.views.terminal.learning import learning
from hiddenstate.views.terminal.memory import memory
from hiddenstate.views.terminal.panels import Selection
from hiddenstate.views.timeline import Moment, Timeline


def _top(height: int) -> Stack:
    learning = Panel("learning", 30, height, most=16, weight=2)
    probabilities = Panel("probabilities", 24, height, most=16, widest=56)
    return Stack((learning, probabilities, Panel("memory", 30, height, most=16, widest=60)), True)


BOXES: tuple[Box, ...] = (
    Stack((_top(11), Panel("predictions", 60, 9, most=12), Panel("decision", 60, 16, most=16))),
    Stack((_top(7), Panel("predictions", 60, 7, most=9), Panel("decision", 60, 10, most=16))),
    Stack((_top(7), Panel("decision", 60, 10, most=16))),
    Stack((_top(6), Panel("predictions", 40, 6, most=12))),
    Stack((Panel("learning", 30, 6, weight=2), Panel("predictions", 30, 7, most=12))),
    Stack((Panel("learning", 18, 6), Panel("probabilities", 18, 6)), True),
    Panel("learning", 20, 4),
)


def _verdict(
    canvas: Canvas, y: int, names: Sequence[str], used: Sequence[str], marked: bool = False
) -> None:
    """Write the predicted label over the true one; a sign repeats what the colour says.

    `names` are both labels, and `used` those that they must not be mistaken for.
    """
    predicted, real = clip_labels([*names, *used], canvas.width - 3)[:2]
    sign, ink = ("✓", BLUE) if names[0] == names[1] else ("✗", ORANGE)
    canvas.text(0, y, f"{sign} {predicted}", ink, BOLD | (REVERSE if marked else 0))
    canvas.text(0, y + 1, f"is {real}", GREY)


HERTZ = "500 Hz"
"""A name of a frequency, as long as they are."""


def predictions(canvas: Canvas, timeline: Timeline, moment: Moment, selection: Selection) -> None:
    """Draw the shown rows, each with its predicted label over its true one."""
    static, arrays = timeline.static_as(ClassifyStatic), moment.arrays_as(ClassifyMoment)
    rows, real = static["shown"], static["shown_label"]
    chosen = arrays["probability"].argmax(axis=1)
    n_right = int((chosen == real[: len(chosen)]).sum())
    form, by = timeline.form, not_by_model(timeline, moment)
    correct = f"{n_right} of {len(chosen)} correct" + (f", by {by}" if by else "")
    body = canvas.part(0, 1, canvas.width, canvas.height - 1)

    def draw(part: Canvas, n: int, height: int) -> None:
        rows_of_data.draw_row(panels.place_of(part, form.picture, height), rows[n], form)
        names = panels.label(timeline, chosen[n]), panels.label(timeline, real[n])
        _verdict(part, height, names, used, marked=n == selection.row % len(chosen))

    used = [panels.label(timeline, n) for n in np.unique([*chosen, *real[: len(chosen)]])]
    height = rows_of_data.gallery(body, rows[: len(chosen)], form, 2, draw, used)
    panels.titled(canvas, "predictions", rows_of_data.note(form, correct, height))


def probabilities(canvas: Canvas, timeline: Timeline, moment: Moment, selection: Selection) -> None:
    """Draw the probability of each class, or of the likeliest, for one shown row."""
    static, arrays = timeline.static_as(ClassifyStatic), moment.arrays_as(ClassifyMoment)
    row = selection.row % len(arrays["probability"])
    values = arrays["probability"][row]
    real = static["shown_label"][row] if "shown_label" in static else None
    note = "" if real is None else f"is {panels.label(timeline, real)}"
    body = panels.titled(canvas, f"probabilities of row {row + 1}", note)
    order = np.arange(len(values))
    if len(values) > body.height:
        likeliest = np.argsort(-values, kind="stable")[: max(body.height - 1, 1)]
        order = np.sort(likeliest)
        others = f"and {len(values) - len(order)} less likely classes"
        panels.placeholder(body.part(0, len(order), body.width, 1), others)
    names = [panels.label(timeline, number) for number in order]
    wide = min(max(width_of(name) for name in names), max(body.width // 3, 2))
    long = body.width - wide - 8
    for y, (number, name) in enumerate(zip(order, clip_labels(names, wide), strict=True)):
        best = number == values.argmax()
        ink = BLUE if number == real else ORANGE if best else GREY
        body.text(0, y, name, mark=BOLD if best else 0)
        shapes.bar(body, wide + 1, y, long, float(values[number]), ink)
        sign = "" if not best else "✓" if real is None or number == real else "✗"
        body.right(y, f"{values[number]:4.0%} {sign or ' '}", ink if best else GREY)


def decision(canvas: Canvas, timeline: Timeline, moment: Moment, selection: Selection) -> None:
    """Draw the class probabilities and the hidden state after each step of one row."""
    static, arrays = timeline.static_as(ClassifyStatic), moment.arrays_as(ClassifyMoment)
    n = selection.row % len(arrays["hidden"])
    row, states = static["shown"][n], arrays["hidden"][n]
    steps = np.flatnonzero(np.isfinite(row).any(axis=-1))
    length = int(steps[-1]) + 1 if len(steps) else len(row)
    read = static.get("read", np.arange(1, len(states) + 1))[: len(states)]
    inside = read <= length if (read <= length).any() else read > 0
    chance = arrays.get("decision")
    chance = None if chance is None else chance[n][: len(read)][inside]
    states = states[: len(read)][inside]
    note, by = "", network_alone(timeline, moment)
    if "shown_label" in static:
        note = f"row {n + 1}, is {panels.label(timeline, static['shown_label'][n])}"
    by_model = "net_decision" in arrays
    if "net_probability" in arrays and not by_model:
        note = f"model: {panels.label(timeline, arrays['probability'][n].argmax())}, {note}"
    drawn_as_picture = timeline.form.down and canvas.width >= 40
    n_classes = 0 if chance is None else min(chance.shape[1], max((canvas.height - 1) // 3, 2))
    height = _lanes_height(timeline, canvas.height - 1 - n_classes)
    note = rows_of_data.note(timeline.form, note, None if drawn_as_picture else height)
    title = f"when did {'it' if by_model or not by else by.partition(',')[0]} decide?"
    body = panels.titled(canvas, title, note)
    if drawn_as_picture:
        _picture_decision(body, timeline, row, chance, states)
    else:
        _signal_decision(body, timeline, row[:length], chance, states, height)


def _lanes_height(timeline: Timeline, free: int) -> int:
    """Return the lines for a signal, of those that it shares with the hidden state: half of them,
    or as many as it has channels, but for one line of the state."""
    return max(free // 2, min(timeline.form.n_drawn, free - 1), 1)


def _likeliest(chance: Array, n: int) -> Array:
    """Return the `n` classes with the largest probability at any step, in class order."""
    if chance.shape[1] <= n:
        return np.arange(chance.shape[1])
    return np.sort(np.argsort(-chance.max(axis=0), kind="stable")[:n])


def _picture_decision(
    body: Canvas, timeline: Timeline, row: Array, chance: Array | None, states: Array
) -> None:
    """Draw a picture that is read line by line, and beside each line the state after it."""
    form = timeline.form
    width, height = panels.picture_size(form.picture or (1, 1), body.width // 3, body.height - 1)
    panels.draw_picture(body.part(0, 1, width, height), form.pixels(row))
    body.text(0, 0, clip("read top down", width), GREY)
    x = width + 2
    if chance is not None:
        order = _likeliest(chance, max((body.width // 3) // 2, 1))
        names = panels.letters(panels.labels(timeline, chance.shape[1]))
        each = min(max(body.width // 4 // len(order), 2), 6)
        for place, number in enumerate(order):
            body.text(x + each * place, 0, names[number], GREY)
        shapes.image(
            body.part(x, 1, each * len(order), height), chance[:, order], colors=PROBABILITY
        )
        x += each * len(order) + 1
        _choices(body.part(x, 1, 8, height), chance, names)
        x += 8
    right = body.part(x, 0, body.width - x, height + 1)
    note = f"h: {panels.units_note(body, states)}"
    right.text(0, 0, clip(note, right.width), GREY)
    wide = min(right.width, 2 * states.shape[1])
    high = panels.largest_unit(states)
    shapes.image(right.part(0, 1, wide, height), panels.units(states, wide), -high, high, SIGNED)


def _choices(canvas: Canvas, chance: Array, names: Sequence[str]) -> None:
    """Write the likeliest class and its probability on each line of the canvas."""
    places = (np.arange(canvas.height) + 1) * len(chance) // max(canvas.height, 1) - 1
    for y, values in enumerate(chance[np.maximum(places, 0)]):
        best = int(values.argmax())
        canvas.text(0, y, names[best], mark=BOLD if values[best] > 0.5 else 0)
        canvas.text(2, y, f"{values[best]:4.0%}", GREY)


def _signal_decision(
    body: Canvas,
    timeline: Timeline,
    row: Array,
    chance: Array | None,
    states: Array,
    height: int,
) -> None:
    """Draw a signal from left to right in some lines, and under each step the state after it."""
    names = panels.labels(timeline, chance.shape[1]) if chance is not None else []
    n_classes = min(len(names), max(body.height // 3, 2))
    form = replace(timeline.form, shape=(len(row), timeline.form.shape[1]))
    channels = form.labels() if form.sound is None else [HERTZ]
    wide = min(max(width_of(name) for name in [*names, *channels, ""]), body.width // 5)
    wide = max(wide, 2) + 1
    if not channels:
        body.text(0, 0, "x", GREY)
    if form.sound is None:
        rows_of_data.write_names(body.part(0, 0, wide, height), form, height)
    else:
        rows_of_data.write_frequencies(body.part(0, 0, wide, height), form.sound)
    rows_of_data.draw_row(body.part(wide, 0, body.width - wide, height), row, form)
    if chance is not None:
        likeliest = _likeliest(chance, n_classes)
        short = clip_labels([names[number] for number in likeliest], wide - 1)
        for y, (number, name) in enumerate(zip(likeliest, short, strict=True), start=height):
            body.text(0, y, name)
            line = body.part(wide, y, body.width - wide, 1)
            shapes.image(line, chance[:, [number]].T, colors=PROBABILITY)
    below = body.height - height - n_classes
    body.text(0, height + n_classes, "h", GREY)
    rest = body.part(wide, height + n_classes, body.width - wide, below)
    high = panels.largest_unit(states)
    shapes.image(rest, panels.units(states, panels.lines_of_pixels(rest)).T, -high, high, SIGNED)


def confusion(canvas: Canvas, timeline: Timeline, moment: Moment, selection: Selection) -> None:
    """Draw the confusion matrix: counts, or where columns are narrow shares of each true class."""
    counts = moment.arrays_as(ClassifyMoment)["confusion"].astype(float)
    n_right, n_all = np.trace(counts), counts.sum()
    note = f"{n_right:,.0f} of {n_all:,.0f} correct"
    body = panels.titled(canvas, "confusion matrix, true classes down", note)
    names = panels.labels(timeline, len(counts))
    wide = min(max(width_of(name) for name in names), body.width // 4)
    columns = min(max((body.width - wide - 1) // len(counts), 1), 7)  # for each class
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    short, clipped = panels.letters(names), clip_labels(names, wide)
    for y, line in enumerate(counts[: body.height - 1]):
        body.text(0, y + 1, clipped[y])
        for x, count in enumerate(line):
            here = body.part(wide + 1 + x * columns, y + 1, columns, 1)
            if y == 0:
                body.part(wide + 1 + x * columns, 0, columns, 1).right(0, short[x], GREY)
            if columns < 4:
                shapes.image(here, shares[y : y + 1, x : x + 1], colors=PROBABILITY)
            elif count:
                ink = BLUE if x == y else ORANGE if shares[y, x] >= 0.02 else GREY
                here.right(0, f"{count:.0f}", ink, BOLD if x == y else 0)
            else:
                here.right(0, "·", GREY)


def worst(canvas: Canvas, timeline: Timeline, moment: Moment, selection: Selection) -> None:
    """Draw the rows whose true class has the lowest probability."""
    arrays = moment.arrays_as(ClassifyMoment)
    body = panels.titled(canvas, "worst errors", "lowest probability of the true class first")
    rows, form = arrays["worst_row"], timeline.form

    def draw(part: Canvas, n: int, height: int) -> None:
        rows_of_data.draw_row(panels.place_of(part, form.picture, height), rows[n], form)
        both = arrays["worst_chosen"][n], arrays["worst_label"][n]
        _verdict(part, height, [panels.label(timeline, number) for number in both], used)

    numbers = np.unique([*arrays["worst_chosen"], *arrays["worst_label"]])
    used = [panels.label(timeline, number) for number in numbers]
    rows_of_data.gallery(body, rows, form, 2, draw, used)


PANELS = panels.by_name(learning, predictions, probabilities, decision, memory, confusion, worst)
"""What draws the pictures of the job in a terminal, in the order of their pages."""
