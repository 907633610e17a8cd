"""The seasons of series: the steps after which their values repeat."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

Why = Literal["of the calendar", "of the data", "as given", "none"]
"""Where seasons come from."""


@dataclass(frozen=True)
class Seasons:
    """The steps after which series repeat.

    Parameters
    ----------
    steps : tuple of int
        The main season first; empty if there is none.
    why : {"of the calendar", "of the data", "as given", "none"}
    """

    steps: tuple[int, ...] = ()
    why: Why = "none"

    @property
    def main(self) -> int | None:
        """Steps of the main season, or None."""
        return self.steps[0] if self.steps else None


def find_seasons(
    series: Sequence[Floats],
    calendar: tuple[int, ...] = (),
    given: tuple[int, ...] | None = None,
    most: int | None = None,
) -> Seasons:
    """Return the seasons of training series.

    Parameters
    ----------
    series : sequence of ndarray (T_i, O)
        Missing values are NaN.
    calendar : tuple of int
        Seasons that the unit of a step has, the main one first, such as 24 and 168 of hours.
    given : tuple of int, optional
        The seasons to return, whatever the series show; empty: none.
    most : int, optional
        Seasons are below it.
    """
    if given is not None:
        return Seasons(given, "as given" if given else "none")
    longest = max((len(values) for values in series), default=0)
    season = season_of(series, longest if most is None else most)
    return Seasons((season,), "of the data") if season else Seasons()


def season_of(series: Sequence[Floats], most: int) -> int | None:
    """Return the number of steps, below `most`, after which series (T_i, O) repeat, or None.

    It is the highest peak of the autocorrelation of their changes, if that is significant; a
    multiple of a lower peak must be higher by a tenth. Gaps are filled in by straight lines:
    changes beside gaps are unknown, and with them most pairs that show a season.
    """
    longest = max((len(values) for values in series), default=0)
    top = min(most - 1, longest // 3)
    if top < 3:
        return None
    products, squares, n = np.zeros(top + 1), 0.0, 0
    for values in series:
        if len(values) < 4:
            continue
        change = np.diff(_without_gaps(values.astype(np.float64)), axis=0)
        change = change - change.sum(axis=0) / len(change)
        scale = change.std(axis=0)
        change = change / np.where(scale > 0, scale, 1)
        squares += float((change**2).sum())
        n += len(change)
        for k in range(1, min(top + 1, len(change))):
            products[k] += float((change[:-k] * change[k:]).sum())
    if not squares > 0:
        return None
    r, best = products / squares, 0
    for k in range(2, top):
        is_peak = r[k] > r[k - 1] and r[k] >= r[k + 1] and r[k] > max(0.3, 2.5 / np.sqrt(n))
        if is_peak and (not best or r[k] > 1.1 * r[best]):
            best = k
    return best or None


def _without_gaps(values: Floats) -> Floats:
    """Return a series (T, O) with straight lines in its gaps; 0 for a target without values."""
    known = np.isfinite(values)
    if known.all():
        return values
    steps, filled = np.arange(len(values)), np.zeros_like(values)
    for o, has in enumerate(known.T):
        if has.any():
            filled[:, o] = np.interp(steps, steps[has], values[has, o])
    return filled
