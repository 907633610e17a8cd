"""What a spectrogram shows: the levels of bands as pixels, and where frequencies stand."""

import numpy as np

from hiddenstate.data.framing import Framing
from hiddenstate.system.typing import Array

DEEP = 60.0
"""Decibels below the loudest band of training rows that are drawn."""

TICKS = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)
"""Frequencies that are named, in Hz."""

WIDEST = 3
"""How many times as wide as high a small spectrogram is at most, and at least half as wide."""


def drawn_levels(low: Array, high: Array) -> tuple[float, float]:
    """Return the levels at the ends of the scale of all bands, of the ranges of each."""
    top = float(np.max(high))
    return max(float(np.min(low)), top - DEEP), top


def columns(n_steps: int, bands: int) -> int:
    """Return the pixels that `n_steps` are wide in a small spectrogram."""
    return int(np.clip(n_steps, max(bands // 2, 1), WIDEST * bands))


def shares(levels: Array, framing: Framing, low: float, high: float) -> Array:
    """Return the levels of steps (T, I) as shares of the scale (I, T), the lowest band of a channel
    at the bottom."""
    scaled = np.clip((np.asarray(levels, np.float32) - low) / (high - low), 0, 1)
    by_channel = scaled.reshape(len(scaled), framing.channels, framing.bands)
    return np.asarray(by_channel[:, :, ::-1].reshape(len(scaled), -1).T)


def resized(pixels: Array, width: int) -> Array:
    """Return pixels (h, T) in another width: of fewer columns each is the largest of its part."""
    starts = np.arange(width) * pixels.shape[1] // width
    if width > pixels.shape[1]:
        return np.asarray(pixels[:, starts])
    return np.asarray(np.fmax.reduceat(pixels, starts, axis=1))


def frequencies(framing: Framing, apart: float) -> list[tuple[float, str]]:
    """Return the place of each named frequency, in bands from the bottom of a channel, and its
    name; places are `apart` bands at least."""
    bounds = framing.hertz()
    found: list[tuple[float, str]] = []
    for tick in TICKS:
        place = float(np.interp(tick, bounds, np.arange(len(bounds)), left=-1, right=-1))
        if place >= 0 and (not found or place - found[-1][0] >= apart):
            found.append((place, f"{tick} Hz" if tick < 1000 else f"{tick // 1000} kHz"))
    return found
