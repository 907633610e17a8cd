"""A list of steps, read forwards to prepare rows, and backwards to undo the outputs of nets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from hiddenstate.program.rows import FAR, Array, Rows, after_end
from hiddenstate.program.steps import Fill, Forecast, Logarithm, Step, TargetScale, Unreadable

Kind = TypeVar("Kind", bound=Step)


def step_of(steps: Sequence[Step], kind: type[Kind]) -> Kind | None:
    """Return the step of a kind, if there is one."""
    for step in steps:
        if isinstance(step, kind):
            return step
    return None


def prepared(
    steps: Sequence[Step],
    x: Array,
    lengths: Array | None = None,
    memory: dict[str, Array] | None = None,
) -> Array:
    """Return rows (N, T, I) or (N, F) as they are kept, in float64; steps after the end are 0.

    A stream's `memory` is advanced.
    """
    memory = {} if memory is None else memory
    for step in steps:
        x = x if step.net_only else step.apply(x, lengths, memory)
    memory.pop("absent", None)
    if lengths is not None:
        x = np.where(after_end(lengths, x.shape[1])[..., None], 0, x)
    return x


def for_nets(steps: Sequence[Step], x: Array, lengths: Array | None = None) -> Array:
    """Return what nets read of rows as they are kept."""
    for step in steps:
        x = step.apply(x, lengths, {}) if step.net_only else x
    return x


def learned(steps: Sequence[Step], y: Array, rows: Rows) -> Array:
    """Return what nets learn of targets y (N, T, O) or (N, O)."""
    for step in steps:
        y = step.learn(y, rows)
    return y


def undone(steps: Sequence[Step], y: Array, rows: Rows) -> Array:
    """Return outputs y of nets in the units of the targets."""
    for step in reversed(steps):
        y = step.undo(y, rows)
    return y


def restored(steps: Sequence[Step], x: Array) -> Array:
    """Return rows as they are kept, or reconstructed ones, in the units of the data."""
    for step in reversed(steps):
        x = step.restore(x)
    return x


def check_complete(steps: Sequence[Step], x: Array, lengths: Array | None = None) -> None:
    """Refuse missing or infinite values of rows (N, T, I) or (N, F) that no step fills in."""
    if step_of(steps, Fill) is None:
        absent = ~np.isfinite(x)
        if lengths is not None:
            absent &= ~after_end(lengths, x.shape[1])[..., None]
        if absent.any():
            first = tuple(int(k) for k in np.argwhere(absent)[0])
            raise Unreadable("missing", first[0], first[1:])


def has_far_targets(steps: Sequence[Step]) -> bool:
    """Return whether targets are so many deviations from 0 that float32 cannot tell them apart."""
    path, scale = step_of(steps, Forecast), step_of(steps, TargetScale)
    if path is not None and path.scale is not None:
        features, log = list(path.features), step_of(steps, Logarithm)
        offset, factor = np.abs(path.scale.offset[features]), np.abs(path.scale.factor[features])
        if log is not None:  # of logarithms 1 / factor is a share
            offset = np.where(log.log, 1, offset)
    elif scale is not None:
        offset, factor = np.abs(scale.offset), np.abs(scale.factor)
    else:
        return False
    return bool((offset * factor > FAR).any())
