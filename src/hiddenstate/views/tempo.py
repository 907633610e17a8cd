"""Chooses the moments of a film: its time goes where the run changes."""

from collections.abc import Sequence

import numpy as np

from hiddenstate.system.typing import Array
from hiddenstate.views.timeline import Timeline

EVEN_SHARE = 0.25
"""Share of a film that goes evenly over the updates, whatever changes."""

HELD_SECONDS = 2.0
"""How long the last moment is held; at most a quarter of the film."""

MAX_PICTURES = 240
"""Moments that are drawn; a longer film shows each for longer, to limit memory."""

WATCHED = ("code", "probability", "followed_chance")
"""Arrays of the snapshots whose movement counts as change."""


def change(timeline: Timeline) -> Array:
    """Return the share of all change of a run that happened until each of its moments (S,).

    Change is the length of the path of the mean loss on its axis, and of each array that is drawn
    and moves; each counts the same. A part goes evenly over the updates.
    """
    steps = np.asarray(timeline.steps, float)
    paths = [_loss_path(timeline, steps)]
    for name in WATCHED:
        at, (arrays,) = timeline.over_time(name)
        if len(at) > 1:
            values = np.nan_to_num(arrays.reshape(len(at), -1).astype(float))
            lengths = np.linalg.norm(np.diff(values, axis=0), axis=1)
            paths.append(np.interp(steps, at, np.cumsum(np.append(0.0, lengths))))
    moved = [(path - path[0]) / (path[-1] - path[0]) for path in paths if path[-1] > path[0]]
    even = np.linspace(0, 1, len(steps))
    if len(steps) > 1:
        even = (steps - steps[0]) / (steps[-1] - steps[0])
    return np.asarray(EVEN_SHARE * even + (1 - EVEN_SHARE) * np.mean(moved or [even], axis=0))


def _loss_path(timeline: Timeline, steps: Array) -> Array:
    """Return how far the mean loss has moved on its axis at each of the `steps`."""
    log = timeline.limits.curves["loss"].log
    points = [(event["step"] + 1, event["mean_loss"]) for event in timeline.moment().history]
    at, losses = np.array(points, float).reshape(-1, 2).T
    good = np.isfinite(losses) & ((losses > 0) | (not log))
    at, losses = at[good], losses[good]
    if not len(at):
        return np.zeros(len(steps))
    levels = np.log10(losses) if log else losses
    return np.asarray(np.interp(steps, at, np.cumsum(np.append(0.0, np.abs(np.diff(levels))))))


def choose_moments(
    steps: Sequence[int], passed: Array, seconds: float, fps: int, tween: bool = False
) -> list[tuple[float, int]]:
    """Return the moments of a film, and the number of frames that each fills.

    Parameters
    ----------
    steps : sequence of int (S,)
        Moments of the run.
    passed : ndarray (S,)
        The share of all change until each of them, as :func:`change`.
    seconds : float
    fps : int
    tween : bool, default False
        Whether to show places between the moments.
    """
    n_frames = max(1, round(seconds * fps))
    moving = max(1, n_frames - round(min(HELD_SECONDS, seconds / 4) * fps))
    shares = np.linspace(0, 1, min(moving, MAX_PICTURES))
    if tween:
        places = np.interp(shares, passed, steps)
    else:
        nearest = np.abs(np.subtract.outer(shares, passed)).argmin(axis=1)
        places = np.asarray(steps, float)[nearest]
    places[-1] = steps[-1]
    chosen, first = np.unique(places, return_index=True)
    counts = np.diff(np.append(np.round(first * moving / len(places)), moving)).astype(int)
    counts[-1] += n_frames - moving
    pairs = zip(chosen, counts, strict=True)
    return [(float(place), int(count)) for place, count in pairs if count]
