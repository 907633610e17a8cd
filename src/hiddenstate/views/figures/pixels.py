"""Draws the pixels of rows that are pictures, and the spectrograms and waves of sounds."""

from typing import Literal

import numpy as np
from matplotlib.axes import Axes

from hiddenstate.system.typing import Array
from hiddenstate.views import style
from hiddenstate.views.figures.layout import part_of
from hiddenstate.views.row_form import RowForm
from hiddenstate.views.spectrogram import frequencies

WAVE, GAP = 0.34, 0.06
"""Height of the wave above a spectrogram, and space between them, as shares of its height."""

WAVE_PARTS = 600
"""Parts of a wave whose extremes are drawn."""

TICK_INCHES = 0.15
"""Least space between the names of frequencies."""


def draw_pixels(
    axes: Axes,
    pixels: Array,
    form: RowForm,
    extent: tuple[float, float, float, float],
    aspect: Literal["equal", "auto"] = "equal",
) -> None:
    """Draw pixels from 0 to 255 as :meth:`RowForm.pixels` returns them, of one row or of several
    side by side; NaN is left empty.

    Parameters
    ----------
    axes : Axes
    pixels : ndarray (h, w) or (h, w, 3)
    form : RowForm
    extent : tuple of float
        The left, right, lower and upper end in units of the axes.
    aspect : {"equal", "auto"}
    """
    if pixels.ndim == 3:
        there = np.isfinite(pixels).all(axis=-1)
        colors = np.dstack([np.nan_to_num(pixels), np.where(there, 255, 0)])
        pixels = colors.round().astype(np.uint8)  # with transparency
    else:
        pixels = pixels / 255
    axes.imshow(
        pixels,
        cmap=style.pixels_map(form.is_photograph),
        vmin=0,
        vmax=1,
        aspect=aspect,
        extent=extent,
        interpolation="nearest",
    )


def draw_sound(axes: Axes, row: Array, form: RowForm, wave: Array | None = None) -> None:
    """Draw the spectrogram of a row (T, I), a unit of the axis each step, with the names of
    frequencies at the left; above it the samples (s,) of the sound, if they are there."""
    if form.sound is None:
        raise RuntimeError("the spectrogram of what is no sound")
    now, (T, tall), bands = style.now(), row.shape, form.sound.bands
    draw_pixels(axes, form.levels(row), form, (0, T, 0, tall), "auto")
    top = float(tall)
    if wave is not None and len(wave):
        top = tall * (1 + WAVE + GAP)
        _draw_wave(axes, wave[: T * form.sound.frame], T, tall * (1 + GAP), tall * WAVE)
    axes.set_ylim(0, top)
    inch = axes.bbox.height / part_of(axes.figure).dpi
    marks = frequencies(form.sound, TICK_INCHES * top / inch)
    places = [
        (channel * bands + place, name)
        for channel in range(form.sound.channels)
        for place, name in marks
    ]
    axes.set_yticks([place for place, _ in places], [name for _, name in places])
    axes.spines["left"].set_bounds(0, tall)
    axes.hlines(tall, 0, T, color=now.faint, lw=0.6)
    axes.hlines(range(bands, tall, bands), 0, T, color=now.ground, lw=1.5)  # between channels


def _draw_wave(axes: Axes, wave: Array, n_steps: int, low: float, high: float) -> None:
    """Draw samples as what lies between the extremes of equal parts, over all steps."""
    starts = np.unique(np.linspace(0, len(wave), WAVE_PARTS, endpoint=False).astype(int))
    most = max(float(np.abs(wave).max()), 1e-4)
    least, largest = (each.reduceat(wave, starts) / most for each in (np.minimum, np.maximum))
    at, middle = starts / len(wave) * n_steps, low + high / 2
    low_end, high_end = middle + high / 2 * least, middle + high / 2 * largest
    axes.fill_between(at, low_end, high_end, color=style.now().ink, lw=0.4)
