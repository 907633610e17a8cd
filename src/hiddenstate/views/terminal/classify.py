"""The panels of a classifier: what it thinks of some rows, and when it made up its mind."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.views.terminal import panels, shapes
from hiddenstate.views.terminal.canvas import BOLD, REVERSE, Canvas, clip, clip_label, width_of
from hiddenstate.views.terminal.colors import BLUE, CHANCE, GREY, ORANGE, SIGNED
from hiddenstate.views.terminal.layout import Box, Panel, Stack
from hiddenstate.views.terminal.learning import learning
from hiddenstate.views.terminal.panels import Look
from hiddenstate.views.timeline import Moment, Timeline

Array = NDArray[Any]


def _top(height: int) -> Stack:
    learning = Panel("learning", 30, height, most=16, weight=2)
    return Stack((learning, Panel("chances", 24, height, most=16, widest=56)), True)


BOXES: tuple[Box, ...] = (
    Stack((_top(11), Panel("shown", 60, 9, most=12), Panel("decision", 60, 16, most=16))),
    Stack((_top(7), Panel("shown", 60, 7, most=9), Panel("decision", 60, 10, most=16))),
    Stack((_top(7), Panel("decision", 60, 10, most=16))),
    Stack((_top(6), Panel("shown", 40, 6, most=12))),
    Stack((Panel("learning", 30, 6, weight=2), Panel("shown", 30, 7, most=12))),
    Stack((Panel("learning", 18, 6), Panel("chances", 18, 6)), True),
    Panel("learning", 20, 4),
)


def offered(timeline: Timeline, moment: Moment) -> dict[str, panels.Draw]:
    """The panels there is something to draw in."""
    found: dict[str, panels.Draw] = {"learning": learning}
    static, arrays = timeline.static_arrays, moment.arrays
    if "probability" in arrays and len(arrays["probability"]):
        if "shown" in static and "shown_label" in static:
            found["shown"] = shown
        found["chances"] = chances
    if "hidden" in arrays and "shown" in static and len(arrays["hidden"]):
        found["decision"] = decision
    if "confusion" in arrays:
        found["confusion"] = confusion
    if len(arrays.get("worst", ())) and "worst_row" in arrays:
        found["worst"] = worst
    return found


def _verdict(canvas: Canvas, y: int, predicted: str, real: str, marked: bool = False) -> None:
    """Predicted over real; right or wrong by a sign as well as by colour."""
    right = predicted == real
    sign, ink = ("✓", BLUE) if right else ("✗", ORANGE)
    text = f"{sign} {clip_label(predicted, canvas.width - 2)}"
    canvas.text(0, y, text, ink, BOLD | (REVERSE if marked else 0))
    canvas.text(0, y + 1, f"is {clip_label(real, canvas.width - 3)}", GREY)


def shown(canvas: Canvas, timeline: Timeline, moment: Moment, look: Look) -> None:
    """Shown rows with the predicted label over the real one."""
    rows, real = timeline.static_arrays["shown"], timeline.static_arrays["shown_label"]
    chosen = moment.arrays["probability"].argmax(axis=1)
    n_right = int((chosen == real[: len(chosen)]).sum())
    room = panels.titled(canvas, "predicted", f"{n_right} of {len(chosen)} right")

    def draw(part: Canvas, n: int, height: int) -> None:
        width = part.width
        if timeline.picture:
            width = panels.fitted(timeline.picture, part.width, height)[0]
        panels.draw_row(part.part(0, 0, width, height), rows[n], timeline.picture)
        names = panels.label(timeline, chosen[n]), panels.label(timeline, real[n])
        _verdict(part, height, *names, marked=n == look.row % len(chosen))

    panels.gallery(room, rows[: len(chosen)], timeline.picture, 2, draw)


def chances(canvas: Canvas, timeline: Timeline, moment: Moment, look: Look) -> None:
    """The probability of each class for one shown row: bars; of many classes the likeliest."""
    probability = moment.arrays["probability"]
    row = look.row % len(probability)
    values = probability[row]
    real = (
        timeline.static_arrays["shown_label"][row]
        if "shown_label" in timeline.static_arrays
        else None
    )
    told = "" if real is None else f"is {panels.label(timeline, real)}"
    room = panels.titled(canvas, f"chances of row {row + 1}", told)
    order = np.arange(len(values))
    if len(values) > room.height:
        likeliest = np.argsort(-values, kind="stable")[: max(room.height - 1, 1)]
        order = np.sort(likeliest)
        waiting = f"and {len(values) - len(order)} less likely classes"
        panels.waiting(room.part(0, len(order), room.width, 1), waiting)
    names = [panels.label(timeline, number) for number in order]
    wide = min(max(width_of(name) for name in names), max(room.width // 3, 2))
    long = room.width - wide - 8
    for y, (number, name) in enumerate(zip(order, names, strict=True)):
        best = number == values.argmax()
        ink = BLUE if number == real else ORANGE if best else GREY
        room.text(0, y, clip_label(name, wide), mark=BOLD if best else 0)
        shapes.bar(room, wide + 1, y, long, float(values[number]), ink)
        sign = "" if not best else "✓" if real is None or number == real else "✗"
        room.right(y, f"{values[number]:4.0%} {sign or ' '}", ink if best else GREY)


def decision(canvas: Canvas, timeline: Timeline, moment: Moment, look: Look) -> None:
    """Class probabilities and the hidden state after each step of a row that is read."""
    hidden = moment.arrays["hidden"]
    n = look.row % len(hidden)
    row, states = timeline.static_arrays["shown"][n], hidden[n]
    steps = np.flatnonzero(np.isfinite(row).any(axis=-1))
    length = int(steps[-1]) + 1 if len(steps) else len(row)
    read = timeline.static_arrays.get("read", np.arange(1, len(states) + 1))[: len(states)]
    inside = read <= length if (read <= length).any() else read > 0
    chance = moment.arrays.get("decision")
    chance = None if chance is None else chance[n][: len(read)][inside]
    states = states[: len(read)][inside]
    told = ""
    if "shown_label" in timeline.static_arrays:
        told = f"row {n + 1}, is {panels.label(timeline, timeline.static_arrays['shown_label'][n])}"
    room = panels.titled(canvas, "when did it decide", told)
    if timeline.picture and room.width >= 40:
        _downwards(room, timeline, row, chance, states)
    else:
        _across(room, timeline, row[:length], chance, states)


def _likeliest(chance: Array, n: int) -> Array:
    """The `n` classes with the greatest probability at any step, in class order."""
    if chance.shape[1] <= n:
        return np.arange(chance.shape[1])
    return np.sort(np.argsort(-chance.max(axis=0), kind="stable")[:n])


def _downwards(
    room: Canvas, timeline: Timeline, row: Array, chance: Array | None, states: Array
) -> None:
    """A picture read line by line; beside each line what is thought after it."""
    picture = timeline.picture or (1, 1)
    width, height = panels.fitted(picture, room.width // 3, room.height - 1)
    panels.draw_row(room.part(0, 1, width, height), row, picture)
    room.text(0, 0, clip("read downwards", width), GREY)
    x = width + 2
    if chance is not None:
        order = _likeliest(chance, max((room.width // 3) // 2, 1))
        names = panels.letters(panels.class_names(timeline, chance.shape[1]))
        each = min(max(room.width // 4 // len(order), 2), 6)
        for place, number in enumerate(order):
            room.text(x + each * place, 0, names[number], GREY)
        shapes.image(room.part(x, 1, each * len(order), height), chance[:, order], colors=CHANCE)
        x += each * len(order) + 1
        _choices(room.part(x, 1, 8, height), timeline, chance, names)
        x += 8
    right = room.part(x, 0, room.width - x, height + 1)
    told = f"h: {panels.signed_words(room, states.shape[1])}"
    right.text(0, 0, clip(told, right.width), GREY)
    wide = min(right.width, 2 * states.shape[1])
    shapes.image(right.part(0, 1, wide, height), panels.units(states, wide), -1, 1, SIGNED)


def _choices(canvas: Canvas, timeline: Timeline, chance: Array, names: Sequence[str]) -> None:
    """The class thought likeliest at each row of cells, and its probability."""
    places = (np.arange(canvas.height) + 1) * len(chance) // max(canvas.height, 1) - 1
    for y, values in enumerate(chance[np.maximum(places, 0)]):
        best = int(values.argmax())
        canvas.text(0, y, names[best], mark=BOLD if values[best] > 0.5 else 0)
        canvas.text(2, y, f"{values[best]:4.0%}", GREY)


def _across(
    room: Canvas, timeline: Timeline, row: Array, chance: Array | None, states: Array
) -> None:
    """A signal read from left to right; under each moment what is thought after it."""
    names = panels.class_names(timeline, chance.shape[1]) if chance is not None else []
    thinks = min(len(names), max(room.height // 3, 2))
    wide = min(max([width_of(name) for name in names] or [0]), room.width // 5)
    wide = max(wide, 2) + 1
    height = max((room.height - thinks) // 2, 1)
    room.text(0, 0, "x", GREY)
    signal = row.reshape(len(row), -1)
    panels.draw_row(room.part(wide, 0, room.width - wide, height), signal, None)
    if chance is not None:
        for y, number in enumerate(_likeliest(chance, thinks), start=height):
            room.text(0, y, clip_label(names[number], wide - 1))
            line = room.part(wide, y, room.width - wide, 1)
            shapes.image(line, chance[:, [number]].T, colors=CHANCE)
    below = room.height - height - thinks
    room.text(0, height + thinks, "h", GREY)
    rest = room.part(wide, height + thinks, room.width - wide, below)
    shapes.image(rest, panels.units(states, panels.pixels(rest)).T, -1, 1, SIGNED)


def confusion(canvas: Canvas, timeline: Timeline, moment: Moment, look: Look) -> None:
    """How often each class (a line) was taken for each (a column); shares of the line."""
    counts = moment.arrays["confusion"].astype(float)
    n_right, n_all = np.trace(counts), counts.sum()
    told = f"{n_right:,.0f} of {n_all:,.0f} right"
    room = panels.titled(canvas, "confusion: truth downwards", told)
    names = panels.class_names(timeline, len(counts))
    wide = min(max(width_of(name) for name in names), room.width // 4)
    cell = min(max((room.width - wide - 1) // len(counts), 1), 7)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    short = panels.letters(names)
    for y, line in enumerate(counts[: room.height - 1]):
        room.text(0, y + 1, clip_label(names[y], wide))
        for x, count in enumerate(line):
            here = room.part(wide + 1 + x * cell, y + 1, cell, 1)
            if y == 0:
                room.part(wide + 1 + x * cell, 0, cell, 1).right(0, short[x], GREY)
            if cell < 4:
                shapes.image(here, shares[y : y + 1, x : x + 1], colors=CHANCE)
            elif count:
                ink = BLUE if x == y else ORANGE if shares[y, x] >= 0.02 else GREY
                here.right(0, f"{count:.0f}", ink, BOLD if x == y else 0)
            else:
                here.right(0, "·", GREY)


def worst(canvas: Canvas, timeline: Timeline, moment: Moment, look: Look) -> None:
    """The rows whose truth was thought least likely."""
    arrays = moment.arrays
    room = panels.titled(canvas, "worst errors", "least probability of the truth first")
    rows = arrays["worst_row"]

    def draw(part: Canvas, n: int, height: int) -> None:
        width = part.width
        if timeline.picture:
            width = panels.fitted(timeline.picture, part.width, height)[0]
        panels.draw_row(part.part(0, 0, width, height), rows[n], timeline.picture)
        chosen, real = (
            panels.label(timeline, arrays[f"worst_{k}"][n]) for k in ("chosen", "label")
        )
        _verdict(part, height, chosen, real)

    panels.gallery(room, rows, timeline.picture, 2, draw)
