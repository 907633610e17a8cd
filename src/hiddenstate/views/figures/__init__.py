"""Draws arrays as matplotlib figures, without a run folder or a screen.

Each function draws on `figure`, which may be a part of one, or on a new figure, and returns it.
Margins are in inches, so that no layout engine is needed. Call the functions inside
`with style.theme(name):` for the style of the program.
"""

from hiddenstate.views.figures.autoencode import (
    augmented,
    codes,
    grid,
    rebuilt_worst,
    reconstructions,
    walk,
)
from hiddenstate.views.figures.classify import predictions, worst
from hiddenstate.views.figures.confusion import confusion
from hiddenstate.views.figures.decision import decision
from hiddenstate.views.figures.held_out import held_out
from hiddenstate.views.figures.learning import examples, learning
from hiddenstate.views.figures.memory import memory
from hiddenstate.views.figures.probability import calibration, curves, dynamics, recall
from hiddenstate.views.figures.regress import error, hidden, portrait, signals
from hiddenstate.views.figures.spectrum import spectrum
from hiddenstate.views.figures.streams import streams
from hiddenstate.views.figures.tracking import tracking
from hiddenstate.views.figures.why import why

__all__ = [
    "augmented",
    "calibration",
    "codes",
    "confusion",
    "curves",
    "decision",
    "dynamics",
    "error",
    "examples",
    "grid",
    "held_out",
    "hidden",
    "learning",
    "memory",
    "portrait",
    "predictions",
    "rebuilt_worst",
    "recall",
    "reconstructions",
    "signals",
    "spectrum",
    "streams",
    "tracking",
    "walk",
    "why",
    "worst",
]
