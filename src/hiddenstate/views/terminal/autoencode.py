"""The panels of an autoencoder: what it gives back, and how its codes lie."""

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.views.terminal import panels, shapes
from hiddenstate.views.terminal.canvas import BOLD, Canvas, clip, width_of
from hiddenstate.views.terminal.colors import BLUE, CLASSES, GREY, ORANGE
from hiddenstate.views.terminal.layout import Box, Panel, Stack
from hiddenstate.views.terminal.learning import learning
from hiddenstate.views.terminal.panels import Look
from hiddenstate.views.timeline import Moment, Timeline

Array = NDArray[Any]

SMALL_TILE = 9
"""Pixels a picture needs across to be known for what it is; of many, only so many are drawn."""

_LEFT = Stack((Panel("learning", 30, 6), Panel("against", 30, 4, most=4)))
_PAIRS = Panel("reconstructions", 60, 11, most=29)
BOXES: tuple[Box, ...] = (
    Stack(
        (
            Stack((_LEFT, Panel("codes", 40, 12, weight=1.5)), True, weight=2),
            Stack(
                (
                    Stack((_PAIRS, Panel("walk", 60, 6, most=15, weight=0.5))),
                    Panel("grid", 36, 18, widest=56, weight=0.5),
                ),
                True,
                weight=1.5,
            ),
        )
    ),
    Stack(
        (
            Stack((_LEFT, Panel("codes", 36, 10, weight=1.5)), True),
            Panel("reconstructions", 50, 9, most=29),
        )
    ),
    Stack((Panel("learning", 30, 5, weight=2), Panel("reconstructions", 30, 9, most=29))),
    Stack((Panel("learning", 18, 6), Panel("codes", 18, 6)), True),
    Panel("learning", 20, 4),
)


def offered(timeline: Timeline, moment: Moment) -> dict[str, panels.Draw]:
    """The panels there is something to draw in."""
    found: dict[str, panels.Draw] = {"learning": learning}
    static, arrays = timeline.static_arrays, moment.arrays
    if "reconstruction" in arrays and len(static.get("original", ())):
        found["reconstructions"] = reconstructions
    if len(arrays.get("code", ())):
        found["codes"] = codes
    if "pca_train_mse" in static and moment.history:
        found["against"] = against
    if len(arrays.get("walk", ())):
        found["walk"] = walk
    if len(arrays.get("grid", ())) and timeline.picture:
        found["grid"] = grid
    if len(arrays.get("worst", ())) and {"worst_row", "worst_rebuilt"} <= set(arrays):
        found["worst"] = worst
    return found


def _pairs(canvas: Canvas, timeline: Timeline, above: Array, below: Array, foot: int = 0) -> None:
    """Rows over what they were rebuilt as; where they are no pictures, in one plot."""
    picture = timeline.picture
    stacked = (2 * picture[0], picture[1]) if picture else None

    def draw(part: Canvas, n: int, height: int) -> None:
        if not picture:
            both = np.stack([below[n].reshape(-1), above[n].reshape(-1)], axis=1)
            panels.draw_row(part.part(0, 0, part.width, height), both, None)
            return
        half = height // 2
        width = panels.fitted(picture, part.width, half)[0]
        panels.draw_row(part.part(0, 0, width, half), above[n], picture)
        panels.draw_row(part.part(0, half, width, half), below[n], picture)

    room = canvas
    if stacked:  # a whole number of rows each
        room = canvas.part(0, 0, canvas.width, (canvas.height - foot) // 2 * 2 + foot)
    panels.gallery(room, above[: len(below)], stacked, foot, draw)


def reconstructions(canvas: Canvas, timeline: Timeline, moment: Moment, look: Look) -> None:
    """Originals over their reconstructions."""
    told = "original over rebuilt" if timeline.picture else "original orange, rebuilt blue"
    room = panels.titled(canvas, "reconstructions", told)
    _pairs(room, timeline, timeline.static_arrays["original"], moment.arrays["reconstruction"])


def worst(canvas: Canvas, timeline: Timeline, moment: Moment, look: Look) -> None:
    """The rows that were rebuilt worst."""
    errors = moment.arrays.get("worst_error")
    told = "" if errors is None else f"mse {panels.short(float(errors[0]))} and less"
    room = panels.titled(canvas, "worst reconstructions", told)
    _pairs(room, timeline, moment.arrays["worst_row"], moment.arrays["worst_rebuilt"])


def against(canvas: Canvas, timeline: Timeline, moment: Moment, look: Look) -> None:
    """The loss as a bar over that of a PCA of the same size, both on training rows."""
    room = panels.titled(canvas, "against PCA on training rows", "of the same size")
    loss, pca = moment.history[-1]["mean_loss"], float(timeline.static_arrays["pca_train_mse"][0])
    most = max(loss, pca) or 1.0
    long = room.width - 12
    for y, (name, value, ink) in enumerate((("net", loss, BLUE), ("PCA", pca, ORANGE))):
        room.text(0, y, name, ink, BOLD)
        shapes.bar(room, 4, y, long, min(value / most, 1.0), ink)
        room.right(y, panels.short(value), ink)
    if loss > 0 and room.height > 2:
        said = f"{1 - loss / pca:.0%} less" if loss < pca else f"{loss / pca:.1f} times as much"
        room.text(4, 2, said, GREY)


def codes(canvas: Canvas, timeline: Timeline, moment: Moment, look: Look) -> None:
    """Codes in the plane of two of their numbers, each as its label's character."""
    values = moment.arrays["code"].astype(float)
    labels = timeline.static_arrays.get("code_label")
    if labels is not None and len(labels) < len(values):
        labels = None
    size = values.shape[1]
    planes: list[tuple[int, ...]] = list(combinations(range(size), 2)) or [(0, 0)]
    across, down = planes[look.plane % len(planes)]
    y = values[:, down]
    if size == 1:  # along a line, a class a row
        y = np.zeros(len(values)) if labels is None else -labels[: len(values)].astype(float)
    told = f"code {across + 1} across" + (f", {down + 1} up" if size > 1 else "")
    if len(planes) > 1:
        told += f", plane {look.plane % len(planes) + 1} of {len(planes)}"
    room = panels.titled(canvas, "codes", told)
    names = panels.class_names(timeline, len(timeline.facts.get("classes") or []))
    if labels is not None and names:
        room = _key(room, names, panels.letters(names))
    if not room.width or not room.height:
        return
    span = panels.span_of([values[:, across]], [y])
    if labels is None or not names:
        columns = shapes.scaled(values[:, across], *span[:2], 2 * room.width - 1)
        rows = 4 * room.height - 2 - shapes.scaled(y, *span[2:], 4 * room.height - 1)
        sound = np.isfinite(columns + rows)
        x, down_ = (np.round(v[sound]).astype(int) for v in (columns, rows))
        for right, lower in ((0, 0), (1, 0), (0, 1), (1, 1)):  # four dots a code
            shapes.scatter(room, x + right, down_ + lower, BLUE)
        return
    columns = shapes.scaled(values[:, across], *span[:2], room.width)
    rows = room.height - 1 - shapes.scaled(y, *span[2:], room.height)
    sound = np.flatnonzero(np.isfinite(columns + rows))
    marks = np.array([ord(letter) for letter in panels.letters(names)], np.int32)
    inks = np.array([CLASSES[n % len(CLASSES)] for n in range(len(names))], np.int32)
    row, column = (np.round(v[sound]).astype(int) for v in (rows, columns))
    number = np.clip(labels[sound].astype(int), 0, len(names) - 1)
    room.glyph[row, column], room.ink[row, column] = marks[number], inks[number]


def _key(room: Canvas, names: list[str], letters: list[str]) -> Canvas:
    """A line that names the letters, where they are not the names themselves."""
    if names == letters or room.height < 6:
        return room
    x = 0
    for n, (letter, name) in enumerate(zip(letters, names, strict=True)):
        text = clip(name, 16)
        if x + width_of(text) + 2 > room.width:
            room.text(x, 0, "…", GREY)
            break
        room.text(x, 0, letter, CLASSES[n % len(CLASSES)], BOLD)
        x = room.text(x + 2, 0, text, GREY) + 2
    return room.part(0, 1, room.width, room.height - 1)


def walk(canvas: Canvas, timeline: Timeline, moment: Moment, look: Look) -> None:
    """What codes on the straight way between those of two rows decode to."""
    room = panels.titled(canvas, "a walk from one code to another", "decoded on the way")
    rows = moment.arrays["walk"]
    wide = SMALL_TILE if timeline.picture else 2 * SMALL_TILE
    n = min(len(rows), max((room.width + 1) // (wide + 1), 2))
    rows = rows[np.linspace(0, len(rows) - 1, n).round().astype(int)]

    def draw(part: Canvas, n: int, height: int) -> None:
        width = part.width
        if timeline.picture:
            width = panels.fitted(timeline.picture, part.width, height)[0]
        panels.draw_row(part.part(0, 0, width, height), rows[n], timeline.picture)

    panels.gallery(room, rows, timeline.picture, 0, draw)


def grid(canvas: Canvas, timeline: Timeline, moment: Moment, look: Look) -> None:
    """What a square through the codes decodes to, as one picture."""
    room = panels.titled(canvas, "decoded from a square of codes", "along their two main axes")
    rows, picture = moment.arrays["grid"], timeline.picture or (1, 1)
    side = round(len(rows) ** 0.5)
    h, w = picture
    most = max(min(room.width, 2 * room.height) // SMALL_TILE, 2)
    some = np.linspace(0, side - 1, min(side, most)).round().astype(int)
    tiles = rows[: side * side].reshape(side, side, h, w)[np.ix_(some, some)].swapaxes(1, 2)
    side = len(some)
    share = min(room.width / (side * w), 2 * room.height / (side * h), 1.0)
    size = max(1, round(side * w * share)), max(1, round(side * h * share / 2))
    panels.draw_row(room.part(0, 0, *size), tiles, (side * h, side * w))
