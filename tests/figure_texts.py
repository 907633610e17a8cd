"""What a drawn figure shows: whether anything, where its texts are, and which of them collide."""

import itertools
from typing import Any, NamedTuple

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.text import Text
from matplotlib.transforms import IdentityTransform

from hiddenstate.views.figures.cloud import Cloud

TOUCH = 1.5
"""Pixels that the boxes of two texts may overlap: their own margins."""


class Placed(NamedTuple):
    """A text and its box in pixels."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float


def drawn(figure: Any, blank: bool = False) -> Any:
    """Draw a figure as for a file, check that its axes are blank or not, and return it."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[::-1]  # from the bottom, as boxes
    inner = [axes.bbox.padded(-3) for axes in figure.get_axes() if axes.get_visible()]
    parts = [pixels[int(b.y0) : int(b.y1), int(b.x0) : int(b.x1)] for b in inner]
    assert blank == all((part == part[:1, :1]).all() for part in parts)
    return figure


def placed_texts(figure: Any) -> list[Placed]:
    """Return every text that a figure shows, with its box; it is laid out but not drawn."""
    root = figure.figure if figure.figure is not None else figure
    FigureCanvasAgg(root)
    root.draw_without_rendering()
    return _placed(figure, root)


def _placed(figure: Any, root: Any) -> list[Placed]:
    found = []
    for artist in _visible(figure):
        if isinstance(artist, Text) and artist.get_text().strip():
            box = artist.get_window_extent()
            found.append(Placed(artist.get_text(), box.x0, box.y0, box.x1, box.y1))
        elif isinstance(artist, PathCollection) and not isinstance(artist, Cloud):
            found += _outlined(artist, root.dpi / 72)
    return found


def _visible(artist: Any) -> list[Any]:
    if not artist.get_visible():
        return []
    return [artist, *(one for child in _children(artist) for one in _visible(child))]


def _children(artist: Any) -> list[Any]:
    children = list(artist.get_children())
    if not (hasattr(artist, "axison") and hasattr(artist, "xaxis")):
        return children
    axes, low_high = (
        [artist.xaxis, artist.yaxis],
        [artist.viewLim.intervalx, artist.viewLim.intervaly],
    )
    kept = [
        child
        for child in children
        if child not in axes and child is not getattr(artist, "zaxis", 0)
    ]
    if not artist.axison or hasattr(artist, "zaxis"):
        return kept
    for axis, ends in zip(axes, low_high, strict=True):
        on = axis.get_transform().transform  # a logarithm, perhaps
        low, high = on(np.sort(ends))
        room = 1e-6 * (high - low)
        ticks = [
            tick
            for tick in axis.get_major_ticks()
            if low - room <= float(on(tick.get_loc())) <= high + room
        ]
        labels = [tick.label1 for tick in ticks] + [tick.label2 for tick in ticks]
        kept += [axis.label, axis.offsetText, *labels]
    return kept


def _outlined(artist: PathCollection, scale: float) -> list[Placed]:
    """The boxes of texts that are drawn as outlines, in points."""
    if (
        not isinstance(artist.get_transform(), IdentityTransform)
        and artist.get_transform() != IdentityTransform()
    ):
        return []
    places = artist.get_offset_transform().transform(artist.get_offsets())
    boxes = []
    for number, path in enumerate(artist.get_paths()):
        corners = np.asarray(path.vertices) * scale
        if len(corners) and number < len(places):
            low, high = corners.min(axis=0) + places[number], corners.max(axis=0) + places[number]
            boxes.append(Placed(f"outline {number}", *low, *high))
    return boxes


def _are_one(one: Placed, other: Placed) -> bool:
    """Whether two outlines are a text and the line around its letters."""
    aside = one.x0 + one.x1 - other.x0 - other.x1, one.y0 + one.y1 - other.y0 - other.y1
    return one.text.startswith("outline ") and max(map(abs, aside)) < 1


def overlaps(figure: Any) -> list[tuple[str, str]]:
    """Return the pairs of texts that collide, and each text that is cut by the figure's edge."""
    texts, box = placed_texts(figure), figure.bbox
    pairs = [
        (one.text, other.text)
        for one, other in itertools.combinations(texts, 2)
        if not _are_one(one, other)
        and min(one.x1, other.x1) - max(one.x0, other.x0) > TOUCH
        and min(one.y1, other.y1) - max(one.y0, other.y0) > TOUCH
    ]
    cut = [
        (text.text, "the edge")
        for text in texts
        if text.x0 < box.x0 - 1
        or text.y0 < box.y0 - 1
        or text.x1 > box.x1 + 1
        or text.y1 > box.y1 + 1
    ]
    return pairs + cut
