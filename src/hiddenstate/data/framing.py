"""Cuts sounds into frames: their samples, or the levels of their frequency bands."""

import itertools
import math
from dataclasses import dataclass

import numpy as np

from hiddenstate.data.readers.wav import Wav
from hiddenstate.errors import count
from hiddenstate.system.typing import Array

QUIET = 1e-10
"""Power that is added before the logarithm: -100 dB of the loudest sine, below 16-bit noise."""

PIECE = 1 << 20
"""Samples that are turned into frames at once."""

SILENT = 128
"""The byte of the sample 0."""


def mu_law(samples: Array) -> Array:
    """Return samples from -1 to 1 as bytes, finer near 0 (the curve of ITU-T G.711)."""
    x = np.clip(np.nan_to_num(samples), -1, 1)
    share = np.sign(x) * np.log1p(255 * np.abs(x)) / math.log(256)
    return np.asarray(SILENT + np.rint(127 * share), np.uint8)


def from_mu_law(values: Array) -> Array:
    """Return the samples from -1 to 1 that bytes of :func:`mu_law` stand for."""
    share = (values.astype(np.float64) - SILENT) / 127
    return np.asarray(np.sign(share) * np.expm1(np.abs(share) * math.log(256)) / 255)


@dataclass(frozen=True)
class Framing:
    """How sounds are read.

    Parameters
    ----------
    channels, rate : int
        What all sounds must have.
    frame : int
        Samples of a step.
    bands : int
        Frequency bands of a step; 0 if its samples are read.
    """

    channels: int
    rate: int
    frame: int
    bands: int

    @property
    def width(self) -> int:
        """Numbers of a step."""
        return self.channels * (self.bands or self.frame)

    def read(self, wav: Wav, most: int | None = None) -> Array:
        """Return the steps (T, I) of a sound, or of its first `most` samples."""
        n = (wav.n_samples if most is None else min(most, wav.n_samples)) // self.frame
        steps = np.empty((n, self.width), wav.dtype)
        at_once = max(1, PIECE // self.frame)
        for first in range(0, n, at_once):
            last = min(first + at_once, n)
            samples = wav.read(first * self.frame, (last - first) * self.frame)
            frames = samples.reshape(last - first, self.frame, self.channels)
            steps[first:last] = (
                self._levels(frames) if self.bands else frames.reshape(last - first, -1)
            )
        return steps

    def heard(self, wav: Wav, most: int) -> Array:
        """Return the samples of the whole frames of a sound (n,), at most the first `most`: the
        mean of its channels as a byte each, by :func:`mu_law`."""
        n = min(most, wav.n_samples) // self.frame * self.frame
        return mu_law(wav.read(0, n).mean(axis=1, dtype=np.float64))

    def names(self, one: str = "sound", each: str = "channel") -> tuple[str, ...]:
        """Return the name of each number of a step, after what one channel or each is called."""
        several = self.channels > 1
        channels = [f"{each}_{k + 1}" for k in range(self.channels)] if several else [one]
        if self.bands:
            hertz = self.hertz().round().astype(int)
            parts = [f"{low}-{high} Hz" for low, high in itertools.pairwise(hertz)]
            if self.channels == 1:
                return tuple(parts)
            return tuple(f"{name} {part}" for name in channels for part in parts)
        if self.frame == 1:
            return tuple(channels)
        return tuple(f"{name}_{k}" for k in range(self.frame) for name in channels)

    def times(self, n_steps: int) -> Array:
        """Return the second at which each step begins (T,)."""
        return np.arange(n_steps, dtype=np.float64) * (self.frame / self.rate)

    def words(self) -> str:
        """Return how a step is read: `frames of 400 samples (25 ms), each 32 frequency bands`."""
        milliseconds = 1000 * self.frame / self.rate
        text = f"frames of {count(self.frame, 'sample')} ({milliseconds:.3g} ms)"
        return text + (f", each the levels of {self.bands} frequency bands" if self.bands else "")

    def hertz(self) -> Array:
        """Return the bounds of the bands in Hz (bands + 1,)."""
        return self._edges() * self.rate / self.frame

    def _edges(self) -> Array:
        """Return the bounds of the bands among the frequencies of a frame (bands + 1,).

        Bands are as wide as the ear tells them apart, equally wide on the mel scale (O'Shaughnessy,
        Speech Communication, 1987), and hold a frequency each at least.
        """
        top, n = self.rate / 2, self.frame // 2 + 1
        mel = np.linspace(0, math.log1p(top / 700), self.bands + 1)
        edges = np.round(700 * np.expm1(mel) / top * n).astype(np.int64)
        least = np.arange(self.bands + 1)
        edges = np.maximum.accumulate(np.maximum(edges - least, 0)) + least
        return np.asarray(np.minimum(edges, n - self.bands + least))

    def _levels(self, frames: Array) -> Array:
        """Return the level of each band in decibels (n, C x bands) of frames (n, frame, C)."""
        window = np.hanning(self.frame + 1)[:-1]
        with np.errstate(all="ignore"):  # of values that are not finite, which are refused later
            spectrum = np.fft.rfft(frames * window[:, None], axis=1)
            power = np.abs(spectrum / (window.sum() / 2)) ** 2
            sums = np.add.reduceat(power, self._edges()[:-1], axis=1)
            levels = 10 * np.log10(sums + QUIET)
        return levels.swapaxes(1, 2).reshape(len(frames), -1)
