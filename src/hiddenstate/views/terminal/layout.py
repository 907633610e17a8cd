"""Computes where panels stand: boxes in rows and columns that share the available space."""

from collections.abc import Sequence
from dataclasses import dataclass

GAP = 2
"""Empty columns between panels side by side."""


@dataclass(frozen=True)
class Place:
    """The place of a panel: its first column and line, and its size in characters."""

    name: str
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Panel:
    """A panel and the space it needs.

    Parameters
    ----------
    name : str
    width, height : int
        The smallest useful size, its title included.
    most : int, default 0
        Lines that it can use; 0 for no limit.
    widest : int, default 0
        Columns that it can use; 0 for no limit.
    weight : float, default 1.0
        Its share of the spare space.
    """

    name: str
    width: int
    height: int
    most: int = 0
    widest: int = 0
    weight: float = 1.0


@dataclass(frozen=True)
class Stack:
    """Boxes above one another, with an empty line between them if possible; or side by side."""

    parts: "Sequence[Panel | Stack]"
    across: bool = False
    weight: float = 1.0


Box = Panel | Stack


def least(box: Box) -> tuple[int, int]:
    """Return the smallest width and height that `box` can be drawn in."""
    if isinstance(box, Panel):
        return box.width, box.height
    sizes = [least(part) for part in box.parts]
    widths, heights = [w for w, _ in sizes], [h for _, h in sizes]
    if box.across:
        return sum(widths) + GAP * (len(widths) - 1), max(heights)
    return max(widths), sum(heights)


def most(box: Box, across: bool) -> int:
    """Return the largest width or height that `box` can use; 0 for no limit."""
    if isinstance(box, Panel):
        return box.widest if across else box.most
    sizes = [most(part, across) for part in box.parts]
    if 0 in sizes:
        return 0
    if box.across is across:
        return sum(sizes) + (GAP if across else 1) * (len(sizes) - 1)
    return max(sizes)


def arrange(box: Box, x: int, y: int, width: int, height: int) -> list[Place]:
    """Return the place of each panel of `box` in a space that is large enough."""
    if isinstance(box, Panel):
        return [Place(box.name, x, y, width, height)]
    gaps = len(box.parts) - 1
    gap = GAP if box.across else int(height >= least(box)[1] + gaps)
    room = (width if box.across else height) - gap * gaps
    sizes = shared(
        room,
        [least(part)[0 if box.across else 1] for part in box.parts],
        [most(part, box.across) for part in box.parts],
        [part.weight for part in box.parts],
    )
    places: list[Place] = []
    for part, size in zip(box.parts, sizes, strict=True):
        if box.across:
            places += arrange(part, x, y, size, height)
            x += size + gap
        else:
            places += arrange(part, x, y, width, size)
            y += size + gap
    return places


def shared(
    room: int, least: Sequence[int], most: Sequence[int], weights: Sequence[float]
) -> list[int]:
    """Share `room` by weight, each part between its least and its most size (0: no limit).

    Space that no part can use stays free.
    """
    sizes = list(least)
    while (spare := room - sum(sizes)) > 0:
        open_ = [n for n, size in enumerate(sizes) if not most[n] or size < most[n]]
        if not open_:
            break
        # One line or column at a time to the part that is furthest below its share.
        for _ in range(spare):
            n = min(open_, key=lambda n: (sizes[n] - least[n] + 1) / weights[n])
            sizes[n] += 1
            if most[n] and sizes[n] >= most[n]:
                break
    return sizes


def choose(boxes: Sequence[Box], width: int, height: int) -> Box | None:
    """Return the first of `boxes` that fits; None if none does."""
    for box in boxes:
        w, h = least(box)
        if w <= width and h <= height:
            return box
    return None
