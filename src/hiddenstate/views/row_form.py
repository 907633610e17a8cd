"""What a row of a run is to views: a picture, a series of channels, or quantities without time.

A picture is drawn as pixels from 0 to 255, grey or in colour, and a sound that is read in bands as
those of its spectrogram. A series is drawn as stacked lanes,
one for each channel, each with a scale of its own, which is the same in all figures of a run.
Quantities are drawn as bars around their means.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from hiddenstate.data.framing import Framing
from hiddenstate.errors import printable
from hiddenstate.metrics.units import in_digits
from hiddenstate.runs.static_facts import StaticFacts
from hiddenstate.system.typing import Array, Arrays
from hiddenstate.views import spectrogram

MAX_LANES, MAX_BARS = 6, 16
"""Channels of a series and quantities that are drawn, the first ones."""

MAX_STEPS = 400
"""Points that are drawn of a channel; of more steps, the extremes of equal parts."""

BAND_STEPS = 8 * MAX_STEPS
"""Steps from which on a channel is drawn as a band between the extremes of equal parts."""

INK = 0.1
"""Median of the pixels of pictures above which they are photographs."""

DEVIATIONS = 3
"""Standard deviations from the mean of a quantity to the ends of its scale."""

UNITS = (("d", 86400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0), ("ms", 1e-3), ("µs", 1e-6))
"""Units of time and their seconds."""

Look = Literal["lanes", "bars", "grey", "color", "spectrogram"]
"""What a row is drawn as: channels of a series in lanes, quantities as bars, or pixels."""

OF_DATA = ("example", "plain", "shown", "original", "code_row", "walk_end")
"""Static arrays that hold rows of the data."""


@dataclass(frozen=True)
class RowForm:
    """What a row is, and the scales to draw it in.

    Parameters
    ----------
    shape : tuple of int
        Steps and channels (T, C). A row of one step has no time: its numbers are quantities.
    low, high : ndarray (C,)
        Ends of the scale of each channel; all are those of pixels if a row is a picture.
    picture : tuple of int, optional
        Height and width in pixels of the picture that a row is drawn as.
    in_color : bool
        Whether its pixels are red, green and blue.
    sound : Framing, optional
        How a sound that is drawn as a spectrogram is cut.
    names : tuple of str (C,), optional
        Names of the channels.
    time_step : float, optional
        Time from each step to the next.
    time_unit : str, optional
    is_photograph : bool
        Whether pictures are photographs, not drawings, most of whose pixels are 0.
    """

    shape: tuple[int, int]
    low: Array = field(repr=False)
    high: Array = field(repr=False)
    picture: tuple[int, int] | None = None
    names: tuple[str, ...] | None = None
    time_step: float | None = None
    time_unit: str | None = None
    is_photograph: bool = False
    in_color: bool = False
    sound: Framing | None = None

    @property
    def look(self) -> Look:
        """What a row is drawn as."""
        if self.sound is not None:
            return "spectrogram"
        if self.picture is not None:
            return "color" if self.in_color else "grey"
        return "lanes" if self.shape[0] > 1 else "bars"

    @property
    def down(self) -> bool:
        """Whether the steps of a row are the lines of its picture, read from the top."""
        return self.look in ("grey", "color")

    @property
    def has_time(self) -> bool:
        """Whether a row is a series of several steps, and no picture."""
        return self.picture is None and self.shape[0] > 1

    @property
    def is_quantities(self) -> bool:
        """Whether the numbers of a row are quantities, without time."""
        return self.picture is None and self.shape[0] == 1

    @property
    def n_drawn(self) -> int:
        """Number of channels that are drawn."""
        return min(self.shape[1], MAX_LANES if self.has_time else MAX_BARS)

    @property
    def more(self) -> str:
        """How many channels are not drawn, in words; empty if all are."""
        n = self.shape[1] - self.n_drawn
        return f"and {n} more" if n and self.picture is None else ""

    def labels(self) -> list[str]:
        """Return the names of the drawn channels; empty for one channel without a name."""
        if self.sound is not None:
            return []
        if self.names is not None:
            return [printable(name) for name in self.names[: self.n_drawn]]
        kind = "channel" if self.has_time else "feature"
        return [f"{kind} {number}" for number in range(self.n_drawn)] if self.shape[1] > 1 else []

    def series(self, row: Array) -> Array:
        """Return the drawn channels of a row, flat or not, as floats (T, n_drawn)."""
        values = np.asarray(row, float).reshape(-1, self.shape[1])
        return values[:, : self.n_drawn]

    def shares(self, row: Array) -> Array:
        """Return the same as shares of the scales: 0 at the lower end, 1 at the upper end."""
        low, high = self.low[: self.n_drawn], self.high[: self.n_drawn]
        return np.asarray((self.series(row) - low) / (high - low))

    def pixels(self, row: Array) -> Array:
        """Return a picture, flat or not, as pixels from 0 to 255: float32 (h, w), or (h, w, 3) of
        red, green and blue. A missing one is NaN."""
        if self.picture is not None and self.sound is not None:
            return spectrogram.resized(self.levels(row), self.picture[1])
        low, high = float(self.low[0]), float(self.high[0])
        shares = (np.asarray(row, np.float32) - low) / (high - low)
        shape = (*(self.picture or self.shape), *((3,) if self.in_color else ()))
        return np.asarray(255 * np.clip(shares, 0, 1)).reshape(shape)

    def levels(self, row: Array) -> Array:
        """Return a sound, flat or not, as a spectrogram (C, T) of pixels from 0 to 255."""
        if self.sound is None:
            raise RuntimeError("the levels of what is no sound")
        steps = np.asarray(row, np.float32).reshape(-1, self.shape[1])
        ends = float(self.low[0]), float(self.high[0])
        return 255 * spectrogram.shares(steps, self.sound, *ends)

    def clock(self) -> tuple[float, str]:
        """Return the time of a step and its unit, readable over a whole row; 1 and `step` if the
        time is not known, and without a unit if only that is not."""
        if self.time_step is None:
            return 1.0, "step"
        if self.time_unit != "s":
            return self.time_step, self.time_unit or ""
        if self.sound is not None:
            return self.time_step, "s"
        total = self.time_step * max(self.shape[0] - 1, 1)
        unit, seconds = next((u for u in UNITS if total >= 2 * u[1]), UNITS[-1])
        return self.time_step / seconds, unit

    def time_ends(self) -> tuple[str, str]:
        """Return what to write at the first and the last step of a row."""
        each, unit = self.clock()
        last = self.shape[0] - 1
        if unit == "step":
            return "step 1", f"{last + 1:,}"
        return "0", f"{in_digits(last * each, 4)} {unit}".rstrip()


def row_form(facts: StaticFacts, arrays: Arrays) -> RowForm:
    """Return what a row of a run is, from what the run says and its static arrays."""
    rows = [arrays[name] for name in OF_DATA if name in arrays and len(arrays[name])]
    width = math.prod(rows[0].shape[1:]) if rows else 1
    shape = facts.row_shape
    if shape is None:
        is_series = bool(rows) and rows[0].ndim == 3
        shape = (rows[0].shape[1], rows[0].shape[2]) if is_series else (width, 1)
    return _form(
        rows,
        shape,
        picture=facts.picture,
        names=facts.channels,
        time_step=facts.time_step,
        time_unit=facts.time_unit,
        ranges=facts.channel_ranges,
        sound=facts.sound,
    )


def form_of_rows(rows: Array, picture: tuple[int, ...] | None = None) -> RowForm:
    """Return what rows (N, T, C) or (N, T) are if nothing else is known of them than their
    `picture`: height and width, and 3 if its pixels are red, green and blue in turn."""
    shape = (rows.shape[1], math.prod(rows.shape[2:])) if rows.ndim > 1 else (1, 1)
    return _form([rows] if len(rows) else [], shape, picture=picture)


def _form(
    rows: Sequence[Array],
    shape: tuple[int, int],
    picture: tuple[int, ...] | None = None,
    names: tuple[str, ...] | None = None,
    time_step: float | None = None,
    time_unit: str | None = None,
    ranges: Sequence[Sequence[float]] | None = None,
    sound: Framing | None = None,
) -> RowForm:
    low, high = np.zeros(shape[1]), np.ones(shape[1])
    if ranges is not None and len(ranges) == shape[1]:
        low, high = _extremes(np.array(ranges, float).T)
    elif picture is not None:
        values = np.concatenate([np.array((0, 1)), *(part.ravel() for part in rows)])
        ends = _extremes(values[:, None].astype(float))  # 0 to 1, but of other floats
        low, high = (np.repeat(end, shape[1]) for end in ends)
    elif rows:
        values = np.concatenate([np.asarray(part, float).reshape(-1, shape[1]) for part in rows])
        low, high = _around_mean(values) if shape[0] == 1 else _extremes(values)
    if names is not None and len(names) != shape[1]:
        names = None
    if sound is not None and sound.bands and shape[0] > 1 and shape[1] == sound.width:
        low, high = (np.full(shape[1], end) for end in spectrogram.drawn_levels(low, high))
        sides = shape[1], spectrogram.columns(shape[0], shape[1])
        return RowForm(shape, low, high, sides, names, time_step, time_unit, sound=sound)
    if picture is None:
        return RowForm(shape, low, high, None, names, time_step, time_unit)
    pixels = np.concatenate([part.ravel() for part in rows]) if rows else np.zeros(1)
    is_photograph = float(np.median(pixels)) > INK
    sides = picture[0], picture[1]
    return RowForm(
        shape, low, high, sides, names, time_step, time_unit, is_photograph, len(picture) > 2
    )


def _extremes(values: Array) -> tuple[Array, Array]:
    """Return the smallest and largest finite value of each column of (n, C), never equal."""
    finite = np.isfinite(values)
    low = np.where(finite, values, np.inf).min(axis=0, initial=np.inf)
    high = np.where(finite, values, -np.inf).max(axis=0, initial=-np.inf)
    low, high = np.where(np.isfinite(low), low, 0.0), np.where(np.isfinite(high), high, 1.0)
    room = np.where(high > low, 0.0, np.maximum(0.5, np.abs(low) / 2))
    return low - room, high + room


def _around_mean(values: Array) -> tuple[Array, Array]:
    """Return `DEVIATIONS` standard deviations to both sides of the mean of each column (n, C)."""
    finite = np.isfinite(values)
    n = np.maximum(finite.sum(axis=0), 1)
    mean = np.where(finite, values, 0.0).sum(axis=0) / n
    spread = np.sqrt((np.where(finite, values - mean, 0.0) ** 2).sum(axis=0) / n)
    reach = DEVIATIONS * np.where(spread > 0, spread, np.maximum(0.5, np.abs(mean) / 2))
    return mean - reach, mean + reach


def thinned_line(values: Array, most: int = MAX_STEPS) -> tuple[Array, Array]:
    """Return steps and values of a channel (T,) as at most `most` points that keep its peaks.

    Of a long one, each of equal parts is drawn by its smallest and largest value, in their order.
    """
    T = len(values)
    if most >= T:
        return np.arange(T), values
    chosen = np.sort(_ends_of_parts(values, most // 2), axis=1).reshape(-1)
    return chosen, values[chosen]


def band(values: Array, parts: int = MAX_STEPS) -> tuple[Array, Array]:
    """Return steps and values of a line along the channel (T,) that fills the band between the
    extremes of its parts; of a channel of fewer than `BAND_STEPS`, what `thinned_line` returns."""
    if len(values) < BAND_STEPS:
        return thinned_line(values)
    both = _ends_of_parts(values, parts)
    both[1::2] = both[1::2, ::-1]  # down in one part and up in the next, so that edges are drawn
    middle = (np.arange(parts) + 0.5) * len(values) / parts
    return np.repeat(middle.astype(int), 2), values[both.reshape(-1)]


def as_drawn(n_steps: int) -> str:
    """Return what the line of a channel of `n_steps` shows, in words; nothing if it shows all."""
    if n_steps < BAND_STEPS:
        return ""
    return f"extremes of each {round(n_steps / MAX_STEPS):,} steps"


def _ends_of_parts(values: Array, parts: int) -> Array:
    """Return the steps (parts, 2) of the smallest and the largest value of equal parts."""
    edges = np.linspace(0, len(values), parts + 1).round().astype(int)
    low = np.where(np.isfinite(values), values, np.inf)
    high = np.where(np.isfinite(values), values, -np.inf)
    pairs = [
        (first + low[first:last].argmin(), first + high[first:last].argmax())
        for first, last in itertools.pairwise(edges)
    ]
    return np.array(pairs)
