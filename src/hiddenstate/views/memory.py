"""How far back the complex states of a net reach, and how fast they turn, from their eigenvalues.

A state that each step multiplies by lambda has after t steps lambda^t of what it had: a wave of
2 pi / angle steps that falls to 1/e, which is 37 %, in -1 / ln |lambda| steps.
"""

import numpy as np

from hiddenstate.config import RecurrentConfig
from hiddenstate.runs import Run
from hiddenstate.system.typing import Array

LEAST, MOST = 0.1, 1e6
"""Steps between which a reach is drawn."""

RINGS = (1, 3, 10)
"""Reaches in steps whose circles are drawn within the unit circle."""


def reach(eigenvalue: Array) -> Array:
    """Return the steps (...) in which a response falls to 1/e, of eigenvalues (..., 2).

    0 of an eigenvalue 0, infinite where its absolute value is not below 1, NaN of NaN.
    """
    with np.errstate(divide="ignore"):
        rate = -np.log(np.hypot(eigenvalue[..., 0], eigenvalue[..., 1]))
        far: Array = np.where(rate <= 0, np.inf, 1 / rate)
    return far


def period(eigenvalue: Array) -> Array:
    """Return the steps (...) of a whole turn, at least 2, of eigenvalues (..., 2); infinite of one
    that does not turn."""
    with np.errstate(divide="ignore"):
        turn: Array = 2 * np.pi / np.abs(np.arctan2(eigenvalue[..., 1], eigenvalue[..., 0]))
    return turn


def radius(steps: float) -> float:
    """Return the absolute value of the eigenvalues that reach so many steps."""
    return float(np.exp(-1 / steps))


def layer_names(run: Run, n: int) -> list[str]:
    """Return the names of `n` layers, those of a net in both directions twice."""
    net = run.config.model
    both = isinstance(net, RecurrentConfig) and net.bidirectional
    if not both:
        return [f"layer {k + 1}" for k in range(n)]
    return [f"layer {k // 2 + 1} {'backwards' if k % 2 else 'forwards'}" for k in range(n)]


def in_words(eigenvalue: Array, names: list[str]) -> str:
    """Return sentences about the states (L, S, 2) of each layer, for who does not see them."""
    return " ".join(map(_layer_in_words, eigenvalue, names))


def _layer_in_words(values: Array, name: str) -> str:
    far, turns = reach(values), period(values)
    finite = np.isfinite(values).all(axis=-1)
    if not finite.any():
        return f"{name.capitalize()}: no state is finite."
    far, turns = far[finite], turns[finite]
    if len(far) == 1:
        return f"{name.capitalize()}: 1 state reaches {steps(far[0])}; its {_turn(turns[0])}."
    return (
        f"{name.capitalize()}: {len(far)} states reach {number(far.min())} to {steps(far.max())}, "
        f"half of them at least {steps(float(np.median(far)))}; the shortest {_turn(turns.min())}, "
        f"the longest {number(turns.max())}."
    )


def _turn(turn: float) -> str:
    return f"period is {number(turn)}"


def steps(n: float) -> str:
    """Write a number of steps."""
    return f"{number(n)} step{'' if number(n) == '1' else 's'}"


def number(n: float) -> str:
    """Write a number of two digits, without a power of ten below a million."""
    if not np.isfinite(n):
        return "infinite"
    if n >= 1e6:
        return f"{n:.1e}".replace("e+0", "e").replace("e+", "e")
    return f"{float(f'{n:.2g}'):,g}"
