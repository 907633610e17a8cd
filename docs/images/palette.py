"""The palette that the frames of a film share."""

import numpy as np
from PIL import Image

EXACT = 8
"""How many of the commonest colours are kept as they are."""
NEAR = 10
"""Distance within which an entry becomes such a colour, since Pillow compares roughly."""


def palette_of(frames: list[Image.Image], colors: int) -> Image.Image:
    """Return a picture with a palette for frames of one size, in RGB.

    The palette covers as many colours as it can, which shifts those of large areas; so the
    commonest colours replace the entries near them.
    """
    whole = Image.fromarray(np.concatenate([np.asarray(frame) for frame in frames]))
    palette = whole.quantize(colors, Image.Quantize.MAXCOVERAGE)
    table = np.reshape(palette.getpalette(), (-1, 3))
    counted = sorted(whole.getcolors(whole.width * whole.height), reverse=True)
    free = np.ones(len(table), bool)
    for _, color in counted[:EXACT]:
        apart = np.linalg.norm(table - color, axis=1)
        if (apart[~free] > NEAR).all():  # no commoner colour stands for it
            entries = free & (apart <= max(NEAR, apart[free].min()))
            table[entries] = color
            free &= ~entries
    palette.putpalette(table.ravel().tolist())
    return palette
