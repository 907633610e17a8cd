"""What snapshots hold beside figures, and how much at the most.

A snapshot is small whatever the data is: of long rows some steps are kept, of wide nets the first
units, and decoded rows only as many as fit in `DECODED_BYTES`. Apart from what the options
`--n-predicted`, `--n-reconstructed` and `--n-scattered` ask for, none is over 256 KiB.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

ROWS_FOLLOWED = 4
"""Rows of a classifier whose states and chances are kept after every step read."""

STEPS_KEPT = 100
"""Steps of a row after which states are kept."""

SIGNAL_STEPS = 200
"""Steps of a signal at which states are kept."""

UNITS_KEPT = 64
"""Hidden units kept, the first ones."""

WORST_KEPT = 10
"""Test rows the net is furthest wrong on."""

CLASSES_CONFUSED = 50
"""Classes up to which a confusion matrix is kept."""

GRID_SIDE, WALK_STEPS = 8, 10
"""Rows decoded from a square of the code space, and on the way between two codes."""

DECODED_BYTES = 64 * 1024
"""Most bytes of rows decoded from the code space."""

WORST_BYTES = 64 * 1024
"""Most bytes of the worst rows."""

DESCRIBED_BYTES = 256 * 1024
"""Most bytes of the rows behind the drawn codes."""


def thinned(n: int, most: int) -> Array:
    """At most `most` of the numbers 0 .. n-1, evenly spread, the last always among them."""
    spread: Array = np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.int64))
    return spread


def affordable(row: tuple[int, ...], itemsize: int, n_bytes: int, most: int) -> int:
    """How many rows of shape `row` fit in `n_bytes`; one at least, `most` at the most."""
    return max(1, min(most, n_bytes // max(math.prod(row) * itemsize, 1)))


def as_pixels(values: Array) -> Array:
    """Fractions as bytes, a 255th each, rounded; a quarter of the room."""
    pixels: Array = np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8)
    return pixels


def plane_of(codes: Array, side: int) -> Array:
    """Codes (side*side, Z) on a square through the codes (N, Z), row by row from the top.

    The square spans the first two principal axes of the codes, two standard deviations to each
    side of their mean; codes of one number lie on a line, which the square runs along.
    """
    mean = codes.mean(axis=0)
    _, spread, axes = np.linalg.svd(codes - mean, full_matrices=False)
    # An axis has no sign of its own: its largest number is made positive, so that squares of one
    # net at different times lie alike.
    axes = axes * np.sign(np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1))
    reach = 2 * spread / math.sqrt(max(len(codes) - 1, 1))
    if codes.shape[1] == 1 or len(spread) < 2:
        line = np.linspace(-reach[0], reach[0], side * side)
        return np.asarray(mean + line[:, None] * axes[0], codes.dtype)
    ends = np.linspace(-1, 1, side)
    down, across = np.meshgrid(-ends, ends, indexing="ij")
    offsets = across.reshape(-1, 1) * reach[0] * axes[0] + down.reshape(-1, 1) * reach[1] * axes[1]
    return np.asarray(mean + offsets, codes.dtype)


def ends_of_walk(labels: Array | None, n: int) -> tuple[int, int]:
    """Two of the first `n` rows to walk between: the first, and the first of another class."""
    if labels is not None:
        others = np.flatnonzero(labels != labels[0])
        if others.size:
            return 0, int(others[0])
    return 0, min(1, n - 1)
