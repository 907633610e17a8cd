"""Packs numbers, moments and colours of a run for the page's scripts."""

import base64
from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

import numpy as np

from hiddenstate.system.typing import Array
from hiddenstate.views import style
from hiddenstate.views.themes import THEMES
from hiddenstate.views.timeline import Timeline

Item = TypeVar("Item")


def thinned(items: Sequence[Item], most: int) -> list[Item]:
    """Return at most `most` items, at least two, evenly spaced, with the first and the last."""
    most = max(most, 2)
    if len(items) <= most:
        return list(items)
    return [items[place] for place in np.linspace(0, len(items) - 1, most).round().astype(int)]


def packed(values: Array, over: tuple[int, ...], dtype: str) -> tuple[str, Any, Any]:
    """Return values as whole numbers between their extremes `over` some axes, and these."""
    finite = np.isfinite(values)
    low = np.nan_to_num(np.where(finite, values, np.inf).min(axis=over), posinf=0.0)
    high = np.nan_to_num(np.where(finite, values, -np.inf).max(axis=over), neginf=0.0)
    span = np.where(high > low, high - low, 1.0)
    whole = np.rint(np.iinfo(dtype).max * np.nan_to_num((values - low) / span))
    return encoded(whole.astype(dtype)), low.tolist(), high.tolist()


def as_bytes(shares: Array) -> str:
    """Return shares as numbers from 0 to 255 in base64; missing ones are 0."""
    whole = np.rint(255 * np.clip(np.nan_to_num(shares), 0, 1))
    return encoded(whole.astype("|u1"))


def encoded(whole: Array) -> str:
    """Return the bytes of whole numbers in base64."""
    return base64.b64encode(whole.tobytes()).decode()


def losses_at(timeline: Timeline, steps: Sequence[int]) -> list[float | None]:
    """Return the mean loss logged after each of `steps`; None where none was."""
    losses = {event["step"] + 1: event["mean_loss"] for event in timeline.moment().history}
    return [losses.get(step) for step in steps]


@cache
def class_colors(n: int) -> dict[str, list[str]]:
    """Return the colours of `n` classes by theme."""
    from matplotlib.colors import to_hex

    colors = {}
    for name in THEMES:
        with style.theme(name):
            colors[name] = [to_hex(color) for color in style.class_colors(n)]
    return colors
