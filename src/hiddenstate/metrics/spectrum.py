"""Estimates how the power of a signal, and of an error, is spread over frequencies.

Shapes: n steps, O targets, F frequencies.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from hiddenstate.system.typing import Array

SHORTEST, LONGEST = 16, 1024
"""Steps of a segment, at least and at most; between them, as many as leave four without overlap."""

BLOCK = 256
"""Segments that are transformed at once."""

Floats = NDArray[np.float64]

BANDS = 12
"""Bands of an octave that power is averaged over, where several frequencies are in one."""

DEEPEST = 120.0
"""Decibels below the strongest frequency of the target that are drawn at most."""


def spectrum(values: Array, series: Array, at: Array) -> tuple[Floats, Floats] | None:
    """Return the power spectral density of signals, each without its mean.

    Welch's method ("The use of fast Fourier transform for the estimation of power spectra", IEEE
    Transactions on Audio and Electroacoustics 15, 1967): the mean over segments that overlap by
    half, each without its mean and in a Hann window. Of one stretch without a gap these are the
    numbers of ``scipy.signal.welch(values, nperseg=..., axis=0)``.

    Parameters
    ----------
    values : ndarray (n, O)
        In the order of series and steps.
    series, at : ndarray (n,)
        The series and the step that each belongs to; segments do not cross a gap.

    Returns
    -------
    frequencies : ndarray (F,)
        From 0 to 1/2, in cycles per step.
    densities : ndarray (F, O)
        Power per cycle per step. None if all stretches without a gap are too short.
    """
    breaks = np.flatnonzero((np.diff(series) != 0) | (np.diff(at) != 1)) + 1
    stretches = np.split(np.asarray(values, np.float64), breaks)
    free = min(max(map(len, stretches)), len(values) // 4)
    if free < SHORTEST:
        return None
    size = min(1 << (free.bit_length() - 1), LONGEST)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    total, n = np.zeros((size // 2 + 1, values.shape[1])), 0
    for stretch in stretches:
        if len(stretch) < size:
            continue
        segments = sliding_window_view(stretch, size, axis=0)[:: size // 2]  # (M, O, size)
        for first in range(0, len(segments), BLOCK):
            part = segments[first : first + BLOCK]
            part = (part - part.mean(axis=2, keepdims=True)) * window
            total += (np.abs(np.fft.rfft(part, axis=2)) ** 2).sum(axis=0).T
        n += len(segments)
    density = total / (n * (window**2).sum())
    density[1:-1] *= 2  # of the negative frequencies
    return np.arange(size // 2 + 1) / size, density


def error_spectrum(
    target: Array, before: Array, after: Array, series: Array, at: Array
) -> Floats | None:
    """Return the spectra of targets, and of the errors of two predictions of them.

    The spectra of several targets, which may differ in their units, are divided by the power of
    each target, and averaged.

    Parameters
    ----------
    target, before, after : ndarray (n, O)
        The targets, and their predictions without a network and with it.
    series, at : ndarray (n,)
        As of :func:`spectrum`.

    Returns
    -------
    ndarray (4, F)
        Frequencies in cycles per step, without 0 and 1/2; shares of the power of the targets in
        each, of the targets themselves and of both errors. None if there are too few steps, or if
        no target moves.
    """
    target = np.asarray(target, np.float64)
    found = spectrum(np.hstack([target, before - target, after - target]), series, at)
    if found is None:
        return None
    frequencies, density = found
    density = density.reshape(len(density), 3, -1)[1:-1]
    power = density[:, 0].sum(axis=0)
    moves = power > 0
    if not moves.any() or not np.isfinite(density).all():
        return None
    shares = (density[..., moves] / power[moves]).mean(axis=2)
    return np.vstack([frequencies[None, 1:-1], shares.T])


def in_bands(power: Array) -> Array:
    """Return the means of each row (4, F), over `BANDS` bands of an octave, of as many
    frequencies as are in them."""
    octaves = np.floor(BANDS * np.log2(power[0] / power[0, 0]) + 1e-9)
    first = np.flatnonzero(np.diff(octaves, prepend=-1))
    sizes = np.diff(np.append(first, power.shape[1]))
    return np.asarray(np.add.reduceat(power, first, axis=1) / sizes)


def in_decibels(power: Array | float, reference: Array | float) -> Array:
    """Return power in decibels relative to a reference, at least `-DEEPEST`."""
    ratio = np.asarray(power, float) / reference
    return np.asarray(10 * np.log10(np.maximum(ratio, 10 ** (-DEEPEST / 10))))
