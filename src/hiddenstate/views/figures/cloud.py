"""Draws many labelled points as one artist, in the plane or in space, from far to near."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgba
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path
from matplotlib.transforms import Affine2D, IdentityTransform
from mpl_toolkits.mplot3d import proj3d

from hiddenstate.system.typing import Array
from hiddenstate.views import style
from hiddenstate.views.figures.layout import glyphs

LABEL_POINTS, NAME_POINTS = 8.5, 8.5
"""Size of labels on codes, and of the names of classes among them."""

SHIFTS = (0, 1, -1, 2, -2)
"""Lines that the name of a class may move by, in order."""


class Cloud(PathCollection):
    """Points (N, 2 or 3) drawn as labels on coloured boxes, or as dots.

    They are one artist: 200 labels as text objects would take twenty times as long.

    Parameters
    ----------
    axes : Axes or Axes3D
    points : ndarray (N, 2) or (N, 3)
    labels : ndarray (N,) of int, or None
        The number of each point's name and colour; by default all have the first colour.
    names : sequence of str or None
        The labels; without them, points are dots.
    colors : sequence of color
    """

    def __init__(
        self,
        axes: Any,
        points: Array,
        labels: Array | None,
        names: Sequence[str] | None,
        colors: Any,
    ) -> None:
        self.points = np.asarray(points, float)
        numbers = np.zeros(len(points), int) if labels is None else np.asarray(labels, int)
        self.labels = numbers
        ground = to_rgba(style.now().ground)
        shapes: list[tuple[Path, ...]] = [(mark(number),) for number in range(len(colors))]
        inks: list[tuple[Any, ...]] = [(to_rgba(color),) for color in colors]
        if names:
            shapes = [(box(name), glyphs(name, LABEL_POINTS, bold=True)) for name in names]
            inks = [(ink, to_rgba(style.readable_on(ink))) for (ink,) in inks]
        self._own_shapes = [shapes[n] for n in numbers]
        self._own_inks = [inks[n] for n in numbers]
        super().__init__(
            [dot()],
            sizes=[1.0],
            offsets=np.zeros((0, 2)),
            offset_transform=axes.transData,
            linewidths=0,
        )
        self.set_transform(IdentityTransform())  # shapes are in points, not in data
        edge = to_rgba(ground)
        self._own_edges = [(edge, edge)[: len(shapes[0])] for _ in numbers]
        self._lay(np.arange(len(points)), self.points[:, :2])

    def _lay(self, order: Array, flat: Array) -> None:
        """Set the points in `order`, at `flat` (N, 2)."""
        each = len(self._own_shapes[0]) if len(order) else 1
        self._paths = [path for n in order for path in self._own_shapes[n]] or [dot()]
        self.set_facecolor([ink for n in order for ink in self._own_inks[n]] or ["none"])
        edges = [(0.6, 0.0)[:each] for _ in order]
        self.set_edgecolor([edge for n in order for edge in self._own_edges[n]] or ["none"])
        self.set_linewidth([width for pair in edges for width in pair] or [0])
        self.set_offsets(np.repeat(flat[order], each, axis=0))

    def do_3d_projection(self) -> float:
        """Project the points to the axes' view, the nearest last; return the smallest depth."""
        if not len(self.points):
            return 0.0
        space: Any = self.axes
        x, y, depth = proj3d.proj_transform(*self.points.T, space.M)
        depth = np.asarray(depth)
        self._lay(np.argsort(-depth, kind="stable"), np.column_stack([x, y]))
        return float(depth.min())


class ClassNames(PathCollection):
    """The names of classes, each in the middle of its points (N, 2 or 3).

    A name moves up or down, up to `SHIFTS` lines, to a place where it covers no other; without
    such a place it is left out.

    Parameters
    ----------
    axes : Axes or Axes3D
    points : ndarray (N, 2) or (N, 3)
    labels : ndarray (N,) of int
    names : sequence of str
    """

    def __init__(self, axes: Any, points: Array, labels: Array, names: Sequence[str]) -> None:
        there = np.unique(labels)
        self.names = [names[number] for number in there]
        middles = [np.median(points[labels == number], axis=0) for number in there]
        self.middles = np.reshape(middles, (-1, points.shape[1]))
        super().__init__(
            [dot()],
            sizes=[1.0],
            offsets=np.zeros((0, 2)),
            offset_transform=axes.transData,
            zorder=5,
        )
        self.set_transform(IdentityTransform())  # outlines are in points, not in data
        self._flat = self.middles[:, :2]

    def do_3d_projection(self) -> float:
        """Project the names to the axes' view; return a depth before all points."""
        space: Any = self.axes
        x, y, _ = proj3d.proj_transform(*self.middles.T, space.M)
        self._flat = np.column_stack([x, y])
        return -1e9

    def draw(self, renderer: Any) -> None:
        """Place the names for the current view and size, and draw them."""
        axes: Any = self.axes
        pixels = axes.transData.transform(self._flat) * 72 / axes.figure.dpi
        taken: list[Array] = []
        paths, places = [], []
        for name, at, flat in zip(self.names, pixels, self._flat, strict=True):
            outline: Any = glyphs(name, NAME_POINTS, bold=True).vertices
            half = np.array([np.abs(outline[:, 0]).max(initial=0) + 2, 0.55 * NAME_POINTS])
            for shift in SHIFTS:
                up = shift * 1.15 * NAME_POINTS
                middle = np.add(at, [0.0, up])
                if all((np.abs(middle - t[0]) >= half + t[1]).any() for t in taken):
                    taken.append(np.array([middle, half]))
                    paths += [glyphs(name, NAME_POINTS, bold=True, up=up)] * 2
                    places += [flat] * 2
                    break
        now, n = style.now(), len(paths) // 2
        self._paths = paths
        self.set_offsets(np.reshape(places, (-1, 2)))
        self.set_facecolor([to_rgba(now.ground), to_rgba(now.ink)] * n or ["none"])
        self.set_edgecolor([to_rgba(now.ground), to_rgba(now.ink, 0)] * n or ["none"])
        self.set_linewidth([3.0, 0.0] * n or [0])
        super().draw(renderer)


@cache
def box(name: str) -> Path:
    """Return a rounded box around a name, in points."""
    outline: Any = glyphs(name, LABEL_POINTS, bold=True).vertices
    reach = np.abs(outline).max(axis=0) if len(outline) else np.zeros(2)
    x, y = max(reach[0], 2.2) + 2.2, max(reach[1], 3.2) + 2.2
    return _rounded(float(x), float(y), 1.8)


def _rounded(x: float, y: float, corner: float) -> Path:
    """Return a rectangle from (-x, -y) to (x, y) with round corners."""
    r = min(corner, x, y)
    points, kinds = [(-x + r, -y)], [Path.MOVETO]
    for sharp, before, after in (
        ((x, -y), (x - r, -y), (x, -y + r)),
        ((x, y), (x, y - r), (x - r, y)),
        ((-x, y), (-x + r, y), (-x, y - r)),
        ((-x, -y), (-x, -y + r), (-x + r, -y)),
    ):
        points += [before, sharp, after]
        kinds += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    points.append(points[0])
    kinds.append(Path.CLOSEPOLY)
    return Path(points, kinds)


MARKS = ("o", "s", "^", "D", "v", "P", "X")
"""Shapes of points by class number, over and over, so that colour is not their only sign."""


@cache
def mark(number: int) -> Path:
    """Return the shape of the points of a class, in points."""
    marker = MarkerStyle(MARKS[number % len(MARKS)])
    shape: Path = marker.get_path().transformed(marker.get_transform() + Affine2D().scale(6.4))
    return shape


def dot() -> Path:
    """Return a round dot, in points."""
    return mark(0)
