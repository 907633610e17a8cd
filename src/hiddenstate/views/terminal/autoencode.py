"""Draws the panels of an autoencoder: reconstructions, codes, decoded rows, PCA."""

from itertools import combinations

import numpy as np

from hiddenstate.runs.snapshots import AutoencodeMoment, AutoencodeStatic
from hiddenstate.system.typing import Array
from hiddenstate.views.terminal import panels, shapes
from hiddenstate.views.terminal import rows as rows_of_data
from hiddenstate.views.terminal.canvas import BOLD, Canvas, clip, width_of
from hiddenstate.views.terminal.colors import BLUE, CLASSES, GREY, ORANGE
from hiddenstate.views.terminal.layout import Box, Panel, Stack
from hiddenstate.views.terminal.learning import learning
from hiddenstate.views.terminal.panels import Selection
from hiddenstate.views.timeline import Moment, Timeline

SMALL_TILE = 9
"""Pixels across that a picture needs to be recognisable; fewer pictures are drawn instead."""

_LEFT = Stack((Panel("learning", 30, 6), Panel("pca", 30, 4, most=4)))
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


def _pairs(canvas: Canvas, timeline: Timeline, above: Array, below: Array) -> None:
    """Draw pictures over their reconstructions, and reconstructions over other rows."""
    form = timeline.form
    if not form.picture:

        def draw_over(part: Canvas, n: int, height: int) -> None:
            rows_of_data.draw_row(part.part(0, 0, part.width, height), above[n], form, below[n])

        rows_of_data.gallery(canvas, above[: len(below)], form, 0, draw_over)
        return
    picture = form.picture

    def draw(part: Canvas, n: int, height: int) -> None:
        half = height // 2
        width = panels.picture_size(picture, part.width, half)[0]
        panels.draw_picture(part.part(0, 0, width, half), form.pixels(above[n]))
        panels.draw_picture(part.part(0, half, width, half), form.pixels(below[n]))

    # Both have the same number of lines.
    body = canvas.part(0, 0, canvas.width, canvas.height // 2 * 2)
    panels.gallery(body, above[: len(below)], (2 * picture[0], picture[1]), 0, draw)


def reconstructions(
    canvas: Canvas, timeline: Timeline, moment: Moment, selection: Selection
) -> None:
    """Draw rows over their reconstructions."""
    form = timeline.form
    note = "original above" if form.picture else rows_of_data.over_note(canvas, form)
    body = panels.titled(canvas, "reconstructions", note)
    original = timeline.static_as(AutoencodeStatic)["original"]
    _pairs(body, timeline, original, moment.arrays_as(AutoencodeMoment)["reconstruction"])


def worst(canvas: Canvas, timeline: Timeline, moment: Moment, selection: Selection) -> None:
    """Draw the rows with the largest reconstruction errors."""
    arrays = moment.arrays_as(AutoencodeMoment)
    errors = arrays.get("worst_error")
    note = "" if errors is None else f"mse up to {panels.short(float(errors[0]))}"
    body = panels.titled(canvas, "worst reconstructions", note)
    _pairs(body, timeline, arrays["worst_row"], arrays["worst_rebuilt"])


def pca(canvas: Canvas, timeline: Timeline, moment: Moment, selection: Selection) -> None:
    """Draw the loss as a bar above that of PCA with as many components, on training rows."""
    body = panels.titled(canvas, "network and PCA, training rows", "same code size")
    loss = moment.results.get("train_loss", moment.history[-1]["mean_loss"])
    other = float(timeline.static_as(AutoencodeStatic)["pca_train_mse"][0])
    most = max(loss, other) or 1.0
    long = body.width - 12
    for y, (name, value, ink) in enumerate((("net", loss, BLUE), ("PCA", other, ORANGE))):
        body.text(0, y, name, ink, BOLD)
        shapes.bar(body, 4, y, long, min(value / most, 1.0), ink)
        body.right(y, panels.short(value), ink)
    if loss > 0 and body.height > 2:
        lower = f"{1 - loss / other:.0%} lower" if loss < other else ""
        body.text(4, 2, lower or f"{loss / other:.1f} times as large", GREY)


def codes(canvas: Canvas, timeline: Timeline, moment: Moment, selection: Selection) -> None:
    """Draw codes in the plane of two of their dimensions, each as a character of its label."""
    values = moment.arrays_as(AutoencodeMoment)["code"].astype(float)
    labels = timeline.static_as(AutoencodeStatic).get("code_label")
    if labels is not None and len(labels) < len(values):
        labels = None
    size = values.shape[1]
    planes: list[tuple[int, ...]] = list(combinations(range(size), 2)) or [(0, 0)]
    across, down = planes[selection.plane % len(planes)]
    y = values[:, down]
    if size == 1:  # along a line, one line per class
        y = np.zeros(len(values)) if labels is None else -labels[: len(values)].astype(float)
    note = f"code {across + 1} across" + (f", {down + 1} up" if size > 1 else "")
    if len(planes) > 1:
        note += f", plane {selection.plane % len(planes) + 1} of {len(planes)}"
    body = panels.titled(canvas, "codes", note)
    names = panels.labels(timeline, len(timeline.facts.classes or ()))
    if labels is not None and names:
        body = _key(body, names, panels.letters(names))
    if not body.width or not body.height:
        return
    span = panels.span_of([values[:, across]], [y])
    limits = timeline.limits.codes
    if len(limits) == size:
        span = (*limits[across][:2], *(limits[down][:2] if size > 1 else span[2:]))
    if labels is None or not names:
        _dots(body, values[:, across], y, span)
        return
    columns = shapes.scaled(values[:, across], *span[:2], body.width)
    rows = body.height - 1 - shapes.scaled(y, *span[2:], body.height)
    inside = (columns >= 0) & (columns < body.width) & (rows >= 0) & (rows < body.height)
    finite = np.flatnonzero(inside)
    marks = np.array([ord(letter) for letter in panels.letters(names)], np.int32)
    inks = np.array([CLASSES[n % len(CLASSES)] for n in range(len(names))], np.int32)
    row, column = (np.round(v[finite]).astype(int) for v in (rows, columns))
    number = np.clip(labels[finite].astype(int), 0, len(names) - 1)
    body.glyph[row, column], body.ink[row, column] = marks[number], inks[number]


def _dots(body: Canvas, x: Array, y: Array, span: tuple[float, float, float, float]) -> None:
    """Draw points (n,), each as four dots."""
    columns = shapes.scaled(x, *span[:2], 2 * body.width - 1)
    rows = 4 * body.height - 2 - shapes.scaled(y, *span[2:], 4 * body.height - 1)
    finite = np.isfinite(columns + rows)
    across, down = (np.round(v[finite]).astype(int) for v in (columns, rows))
    for right, lower in ((0, 0), (1, 0), (0, 1), (1, 1)):
        shapes.scatter(body, across + right, down + lower, BLUE)


def _key(body: Canvas, names: list[str], letters: list[str]) -> Canvas:
    """Write which letter stands for which label, unless they are equal; return the rest."""
    if names == letters or body.height < 6:
        return body
    x = 0
    for n, (letter, name) in enumerate(zip(letters, names, strict=True)):
        text = clip(name, 16)
        if x + width_of(text) + 2 > body.width:
            body.text(x, 0, "…", GREY)
            break
        body.text(x, 0, letter, CLASSES[n % len(CLASSES)], BOLD)
        x = body.text(x + 2, 0, text, GREY) + 2
    return body.part(0, 1, body.width, body.height - 1)


def walk(canvas: Canvas, timeline: Timeline, moment: Moment, selection: Selection) -> None:
    """Draw the rows decoded along the straight line between the codes of two rows."""
    body = panels.titled(canvas, "a walk between two codes", "decoded rows")
    rows = moment.arrays_as(AutoencodeMoment)["walk"]
    wide = SMALL_TILE if timeline.form.picture else 2 * SMALL_TILE
    n = min(len(rows), max((body.width + 1) // (wide + 1), 2))
    rows = rows[np.linspace(0, len(rows) - 1, n).round().astype(int)]

    def draw(part: Canvas, n: int, height: int) -> None:
        place = panels.place_of(part, timeline.form.picture, height)
        rows_of_data.draw_row(place, rows[n], timeline.form)

    rows_of_data.gallery(body, rows, timeline.form, 0, draw)


def grid(canvas: Canvas, timeline: Timeline, moment: Moment, selection: Selection) -> None:
    """Draw the rows decoded from a square of codes, pictures as one picture."""
    note = "along their two principal axes"
    body = panels.titled(canvas, "decoded from a square of codes", note)
    rows, form = moment.arrays_as(AutoencodeMoment)["grid"], timeline.form
    if not form.picture:
        rows_of_data.draw_grid(body, rows, form)
        return
    side = round(len(rows) ** 0.5)
    h, w = form.picture
    most = max(min(body.width, 2 * body.height) // SMALL_TILE, 2)
    some = np.linspace(0, side - 1, min(side, most)).round().astype(int)
    lines = [[form.pixels(rows[side * i + j]) for j in some] for i in some]
    sheet = np.concatenate([np.concatenate(line, axis=1) for line in lines])
    side = len(some)
    share = min(body.width / (side * w), 2 * body.height / (side * h), 1.0)
    size = max(1, round(side * w * share)), max(1, round(side * h * share / 2))
    panels.draw_picture(body.part(0, 0, *size), sheet)


PANELS = panels.by_name(learning, reconstructions, codes, pca, walk, grid, worst)
"""What draws the pictures of the job in a terminal, in the order of their pages."""
