"""Quantiles of Student's distribution, for any number of degrees of freedom."""

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np

MANY = 30
"""Degrees of freedom from which on the series in 1 / freedom is exact to six digits."""

ANGLES = np.linspace(0, math.pi / 2, 4001)


def normal_quantile(level: float) -> float:
    """Return the z for which a normal variable is between -z and z with probability `level`."""
    return NormalDist().inv_cdf((1 + level) / 2)


@lru_cache(maxsize=4096)
def student_quantile(level: float, freedom: float) -> float:
    """Return the t for which Student's variable is between -t and t with probability `level`.

    Parameters
    ----------
    level : float
        Between 0 and 1.
    freedom : float
        Degrees of freedom, 1 or more; not necessarily whole.
    """
    if freedom >= MANY:  # Abramowitz & Stegun, 1964, 26.7.5
        z, v = normal_quantile(level), freedom
        t = z + (z**3 + z) / (4 * v) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        return t + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
    # With t = sqrt(v) tan(a), the density is that of cos(a) to the power v - 1.
    density = np.cos(ANGLES[:-1]) ** (freedom - 1)
    density = np.append(density, 1.0 if freedom == 1 else 0.0)
    below = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])
    angle = np.interp(level * below[-1], below, ANGLES)
    return float(math.sqrt(freedom) * math.tan(angle))
