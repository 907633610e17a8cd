"""Changes training rows at random, as a pure function of the seed, the draw and the row.

A draw is the epoch in which a row is read. Random numbers are a hash of (seed, purpose, draw, row,
number), so a row is the same whichever rows are computed with it, and in whatever order. Kinds and
strengths are in `config/augment_kinds`.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from hiddenstate.config.augment_kinds import BLEND
from hiddenstate.data.prepare.augment_kernels import (
    add_noise,
    hashes,
    mix_rows,
    pictures_at,
    rows_at,
    scale_rows,
    standardise,
    time_map,
)
from hiddenstate.data.prepare.augment_maps import KNOTS, PART, parabolas
from hiddenstate.data.prepare.augment_numbers import Numbers, normal, uniform
from hiddenstate.data.rows import fractions
from hiddenstate.data.store import PIECE, RowStore
from hiddenstate.system.typing import Array

PARTS = {
    "mix": 0.5,
    BLEND: 0.25,
    "warp": 0.6,
    "crop": 0.5,
    "shift": 0.4,
    "rotate": 0.5,
    "scale": 0.5,
    "jitter": 0.5,
}
"""Part of the rows that each kind changes."""

FEWEST_STEPS = 4
"""Steps below which the time of a row is left alone."""

MEAN, DEVIATION = 0.01, 0.05
"""Largest distance from 0 and 1 of the mean and deviation of rows that are standardised each."""


@dataclass(frozen=True)
class Augmentation:
    """What is done to the rows of a training step.

    Parameters
    ----------
    strengths : mapping of str to float
        Strength of each kind.
    means, deviations : ndarray (I,) or (F,)
        Of each feature over the training rows.
    flags : ndarray of bool (I,) or (F,)
        Features of at most two values: they follow the nearest step and change in no other way.
    standard : ndarray of bool (I,) or (F,)
        Features that are standardised in every training row, and so in augmented ones.
    masked : bool, default False
        Whether the second half of the features marks missing values of the first.
    picture : tuple of int, optional
        Height and width of rows that are pictures, and 3 if they are in colour.
    pixels : bool, default False
        Whether values stay from 0 to 1.
    classes : ndarray of int (N,), optional
        Class of each row, -1 of rows that are mixed into no other.
    parts : mapping of str to float
        Part of the rows that each kind changes.
    """

    strengths: Mapping[str, float]
    means: Array
    deviations: Array
    flags: Array
    standard: Array
    masked: bool = False
    picture: tuple[int, ...] | None = None
    pixels: bool = False
    classes: Array | None = None
    parts: Mapping[str, float] = field(default_factory=lambda: PARTS)

    def take(self, rows: Array) -> "Augmentation":
        """Return the augmentation of some of the rows, which are mixed with one another alone."""
        return self if self.classes is None else replace(self, classes=self.classes[rows])

    def apply(
        self,
        X: Array | RowStore,
        rows: Array,
        draws: Array,
        seed: int,
        dtype: str,
        lengths: Array | None = None,
    ) -> Array:
        """Return rows as they are read in some draws.

        Parameters
        ----------
        X : ndarray or RowStore
            All rows (N, T, I) or (N, F), as nets read them.
        rows, draws : ndarray of int (n,)
            Numbers of rows, and the draw of each.
        seed : int
        dtype : str
            Float type of the result.
        lengths : ndarray (N,), optional
            Steps of each row.

        Returns
        -------
        ndarray (n, T, I) or (n, F)
            Each row keeps its number of steps; later ones are 0.
        """
        with np.errstate(invalid="ignore", over="ignore"):  # rows of weight 0 may hold anything
            draw = _Draw(self, X, rows, draws, seed, dtype, lengths)
            if self.picture is not None:
                return draw.pictures()
            return draw.flat() if X.ndim == 2 else draw.series()

    def blended(self, rows: Array, draws: Array, seed: int) -> Array:
        """Return which rows (n,) have a part of another class in some draws."""
        blended = np.zeros(len(rows), bool)
        if self.classes is not None:
            chosen, _, mates = self.mixed(BLEND, rows, draws, seed)
            blended[chosen] = self.classes[mates] != self.classes[rows[chosen]]
        return blended

    def mixed(self, kind: str, rows: Array, draws: Array, seed: int) -> tuple[Array, Array, Array]:
        """Return which rows a kind mixes (m,), the share of the others (m,), and their numbers."""
        none = np.empty(0, np.int64)
        if kind not in self.strengths or self.classes is None:
            return none, none, none
        order, begin, sizes = self.mates
        own = self.classes[rows]
        on = uniform(hashes(seed, f"{kind}?", draws, rows, 1))[:, 0] < self.parts[kind]
        chosen = np.flatnonzero(on & (own >= 0))
        share, place = uniform(hashes(seed, kind, draws, rows, 2))[chosen].T
        if kind == BLEND:
            first, size = begin[0], sizes.sum()
        else:
            first, size = begin[own[chosen]], sizes[own[chosen]]
        mates = order[first + (place * size).astype(np.int64)]
        return chosen, self.strengths[kind] * share, mates

    @cached_property
    def noise(self) -> Array:
        """Deviation of each feature to which noise is added; 0 of flags."""
        return np.where(self.flags, 0.0, self.deviations)

    @cached_property
    def mates(self) -> tuple[Array, Array, Array]:
        """Row numbers sorted by class, and where each class begins in them and its size."""
        assert self.classes is not None
        order = np.argsort(self.classes, kind="stable")
        begin = np.searchsorted(self.classes[order], np.arange(self.classes.max(initial=-1) + 2))
        return order, begin[:-1], np.diff(begin)


def augmentation(
    X: Array | RowStore,
    strengths: Mapping[str, float],
    classes: Array | None = None,
    lengths: Array | None = None,
    weights: Array | None = None,
    masked: bool = False,
    picture: tuple[int, ...] | None = None,
) -> Augmentation:
    """Return the augmentation of training rows X (N, T, I) or (N, F), as nets read them.

    Parameters
    ----------
    X : ndarray or RowStore
        Of many numbers some rows, evenly spaced, say what features are.
    strengths, masked, picture
        As in :class:`Augmentation`.
    classes : ndarray of int (N,), optional
        Class numbers.
    lengths, weights : ndarray (N,), optional
        Steps of each row, and its weight: rows of weight 0 are mixed into no other.
    """
    kept = np.arange(len(X)) if weights is None else np.flatnonzero(weights > 0)
    n = min(len(kept), max(1, PIECE // max(1, X[:1].nbytes)))
    kept = kept[np.arange(n) * len(kept) // max(1, n)]
    if weights is not None and classes is not None:  # other rows may contain anything
        classes = np.where(weights > 0, classes, -1)
    sample = fractions(X[kept], "float64")
    own = None if lengths is None else lengths[kept]
    means, deviations, flags, standard = _features(
        sample.reshape(len(sample), -1, X.shape[-1]), own
    )
    if picture is not None or X.ndim == 2:
        standard[:] = False
    if picture is not None:
        flags[:], means[:], deviations[:] = False, 0, sample.std() if len(sample) else 0
    return Augmentation(
        dict(strengths),
        means,
        deviations,
        flags,
        standard,
        masked=masked,
        picture=picture,
        pixels=X.dtype == np.uint8,
        classes=classes if {"mix", BLEND} & set(strengths) else None,
    )


def _features(X: Array, lengths: Array | None) -> tuple[Array, Array, Array, Array]:
    """Return of each feature of rows X (N, T, I) the mean and deviation, whether it is a flag, and
    whether it is standardised in every row."""
    n = np.full(len(X), X.shape[1]) if lengths is None else lengths
    read = np.arange(X.shape[1]) < n[:, None]
    values = X[read]
    if not len(values):
        nothing = np.zeros(X.shape[2])
        return nothing, nothing.copy(), nothing == 0, nothing > 0
    counts = np.maximum(n, 1)[:, None]
    own = np.where(read[..., None], X, 0.0)
    means = own.sum(axis=1) / counts
    spread = np.where(read[..., None], X - means[:, None], 0.0)
    deviations = np.sqrt((spread**2).sum(axis=1) / counts)
    centred = (np.abs(means) < MEAN) & (np.abs(deviations - 1) < DEVIATION)
    low, high = values.min(axis=0), values.max(axis=0)
    flags = ((values == low) | (values == high)).all(axis=0)
    return values.mean(axis=0), values.std(axis=0), flags, centred.all(axis=0)


class _Draw:
    """Some rows in some draws; see :meth:`Augmentation.apply`."""

    def __init__(
        self,
        what: Augmentation,
        X: Array | RowStore,
        rows: Array,
        draws: Array,
        seed: int,
        dtype: str,
        lengths: Array | None,
    ) -> None:
        self.what, self.source, self.dtype = what, X, dtype
        self.numbers, self.draws = np.asarray(rows, np.int64), np.asarray(draws, np.int64)
        self.seed = seed
        self.x = np.array(fractions(X[rows], dtype))
        self.all_lengths = lengths
        n = X.shape[1] if lengths is None else lengths[rows]
        self.n = np.full(len(rows), n, np.int64)

    def flat(self) -> Array:
        """Return rows (n, F) with noise."""
        self._jitter(self.x, self.what.noise)
        return self._bounded(self.x)

    def series(self) -> Array:
        """Return series (n, T, I)."""
        at = self._times()
        x = self.x if at is None else rows_at(self.x, at, self.n)
        self._mix(x, at)
        self._scale(x)
        self._jitter(x, self.what.noise)
        self._follow(x, at)
        if self.what.standard.any():
            standardise(x, self.n, self.what.standard)
        if self.all_lengths is not None:
            x[np.arange(x.shape[1]) >= self.n[:, None]] = 0
        return self._bounded(x)

    def pictures(self) -> Array:
        """Return pictures in the shape of the rows, changed in both axes."""
        height, width, *colors = self.what.picture or (0, 0)
        n, shape, C = len(self.x), self.x.shape, math.prod(colors)
        x = self.x.reshape(n, height, width * C)
        for chosen, share, mates in self._mixed():
            others = fractions(self.source[mates], self.dtype).reshape(-1, height, width * C)
            share = share[:, None, None].astype(self.dtype)
            x[chosen] = (1 - share) * x[chosen] + share * others
        if {"warp", "crop", "shift", "rotate"} & set(self.what.strengths):
            x = _in_colors(x, C, *self._turns(), self._knots_of_picture())
        if "scale" in self.what.strengths:
            factor = 1 + self._strength("scale") * self._normal("scale", 1)[:, 0]
            x *= factor[:, None, None].astype(self.dtype)
        flat = x.reshape(len(x), -1)
        self._jitter(flat, self.what.deviations[:1])
        return self._bounded(flat.reshape(shape))

    def _bounded(self, x: Array) -> Array:
        return np.clip(x, 0, 1, out=x) if self.what.pixels else x

    def _on(self, kind: str) -> Array:
        """Return which rows a kind changes (n,)."""
        return self._uniform(f"{kind}?", 1)[:, 0] < self.what.parts[kind]

    def _hashes(self, purpose: str, count: int, which: Array | None = None) -> Numbers:
        rows = self.numbers if which is None else self.numbers[which]
        draws = self.draws if which is None else self.draws[which]
        return hashes(self.seed, purpose, draws, rows, count)

    def _uniform(self, purpose: str, count: int) -> Array:
        """Return uniform numbers (n, count) from 0 to below 1."""
        return uniform(self._hashes(purpose, count))

    def _normal(self, purpose: str, count: int, which: Array | None = None) -> Array:
        return normal(self._hashes(purpose, count, which))

    def _strength(self, kind: str) -> Array:
        """Return the strength of a kind for each row (n,): 0 where it does not change it."""
        return np.where(self._on(kind), self.what.strengths[kind], 0.0)

    def _times(self) -> Array | None:
        """Return where each step (n, T) is read; None if all are read where they are."""
        kinds, enough = self.what.strengths, self.n >= FEWEST_STEPS
        if not {"warp", "crop", "shift"} & set(kinds):
            return None
        zero = np.zeros(len(self.n))
        shift, cut, begin, speed = zero, zero, zero, None
        if "shift" in kinds:
            shift = enough * self._moved(self.n - 1)[:, 0] / np.maximum(self.n - 1, 1)
        if "crop" in kinds:
            part, place = self._uniform("crop", 2).T
            cut = np.minimum(
                enough * self._strength("crop") * part,
                np.maximum(0, 1 - (FEWEST_STEPS - 1) / np.maximum(self.n - 1, 1)),
            )
            begin = place * cut
        if "warp" in kinds:
            knots = (enough * self._strength("warp"))[:, None] * self._normal("warp", KNOTS)
            speed = parabolas(np.exp(knots))
        return time_map(self.x.shape[1], self.n, shift, cut, begin, speed)

    def _mix(self, x: Array, at: Array | None) -> None:
        """Add a share of other rows, at the same parts of them, to some rows."""
        for chosen, share, mates in self._mixed():
            others, own = fractions(self.source[mates], self.dtype), self.n[:1]
            if self.all_lengths is not None:
                own = self.all_lengths[mates]
                if at is None:
                    zero = np.zeros(len(self.n))
                    at = time_map(x.shape[1], self.n, zero, zero, zero, None)
            own = np.broadcast_to(own, len(chosen))
            mix_rows(x, chosen, share, others, at, self.n, own)

    def _mixed(self) -> Iterator[tuple[Array, Array, Array]]:
        """Yield rows to mix, of each kind that does; see :meth:`Augmentation.mixed`."""
        for kind in ("mix", BLEND):
            parts = self.what.mixed(kind, self.numbers, self.draws, self.seed)
            if len(parts[0]):
                yield parts

    def _scale(self, x: Array) -> None:
        """Multiply the distance from the mean by 1 and a smooth curve."""
        if "scale" not in self.what.strengths:
            return
        chosen = np.flatnonzero(self._on("scale"))
        knots = self.what.strengths["scale"] * self._normal("scale", KNOTS, chosen)
        scale_rows(x, chosen, self.n[chosen], knots, self.what.means)

    def _jitter(self, x: Array, unit: Array) -> None:
        """Add noise to rows (n, T, I) or (n, F), in units (I,) or (F,) of each feature."""
        if "jitter" not in self.what.strengths:
            return
        chosen = np.flatnonzero(self._on("jitter"))
        size = self.what.strengths["jitter"] * self._uniform("jitter size", 1)[chosen, 0]
        flat = x.reshape(len(x), -1)
        add_noise(flat, self.seed, self.draws, self.numbers, chosen, size, unit)

    def _follow(self, x: Array, at: Array | None) -> None:
        """Take flags, and values that are missing, from the nearest step as they are."""
        flags, masked = self.what.flags, self.what.masked
        if not (flags.any() or masked):
            return
        original = fractions(self.source[self.numbers], self.dtype)
        if at is not None:
            nearest = np.floor(at + 0.5).astype(np.int64)
            original = np.take_along_axis(original, nearest[..., None], axis=1)
        x[..., flags] = original[..., flags]
        if masked:
            half = x.shape[-1] // 2
            gaps = original[..., half:] != 0
            x[..., :half] = np.where(gaps, original[..., :half], x[..., :half])

    def _turns(self) -> tuple[Array, Array, Array]:
        """Return cosine and sine (n,) of the angle, times the zoom, and where the middle (n, 2) of
        pictures is read, in pixels."""
        kinds, size = self.what.strengths, (self.what.picture or ())[:2]
        angle, zoom, shift = np.zeros(len(self.n)), np.ones(len(self.n)), np.zeros((len(self.n), 2))
        if "rotate" in kinds:
            turn = 2 * self._uniform("rotate", 1)[:, 0] - 1
            angle = np.radians(self._strength("rotate") * turn)
        if "crop" in kinds:
            part = 2 * self._uniform("crop", 1)[:, 0] - 1
            zoom = 1 + self._strength("crop") * part
        if "shift" in kinds:
            shift = self._moved(*size)
        middle = shift + (np.array(size) - 1) / 2
        return zoom * np.cos(angle), zoom * np.sin(angle), middle

    def _moved(self, *sizes: Array | int) -> Array:
        """Return by how many whole steps rows are moved along axes of these sizes (n, axes), at
        least by up to one: others would smooth what they move."""
        way = 2 * self._uniform("shift", len(sizes)) - 1
        most = [np.broadcast_to(self.what.strengths["shift"] * size, len(way)) for size in sizes]
        steps = np.rint(np.maximum(np.stack(most, axis=1), 1) * way)
        return np.where(self._on("shift")[:, None], steps, 0.0)

    def _knots_of_picture(self) -> Array | None:
        if "warp" not in self.what.strengths:
            return None
        strength = self._strength("warp")
        normals = self._normal("warp", 2 * KNOTS * KNOTS)
        return PART * (strength[:, None] * normals).reshape(len(self.n), 2, KNOTS, KNOTS)


def _in_colors(
    x: Array, C: int, cos: Array, sin: Array, middle: Array, knots: Array | None
) -> Array:
    """Return pictures x (n, H, W * C) at other places, the same ones for each colour of a pixel."""
    if C == 1:
        return pictures_at(x, cos, sin, middle, knots)
    n, height, width = x.shape
    apart = x.reshape(n, height, -1, C).transpose(0, 3, 1, 2).reshape(n * C, height, -1)
    cos, sin, middle = (np.repeat(part, C, axis=0) for part in (cos, sin, middle))
    knots = None if knots is None else np.repeat(knots, C, axis=0)
    moved = pictures_at(apart, cos, sin, middle, knots).reshape(n, C, height, -1)
    return np.asarray(moved.transpose(0, 2, 3, 1).reshape(n, height, width))
