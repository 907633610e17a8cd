"""Arrays in, matplotlib figures out; no run folder, no screen.

Every function draws on `figure` if given one, a figure or a part of one, else on a new one of its
own size, and returns it. Margins are inches, so a figure is laid out once and without a layout
engine. Wrap calls in `style.theme(name)` for the house style.
"""

from hiddenstate.views.figures.autoencode import codes, grid, rebuilt_worst, reconstructions, walk
from hiddenstate.views.figures.classify import confusion, predictions, worst
from hiddenstate.views.figures.decision import decision
from hiddenstate.views.figures.learning import examples, learning
from hiddenstate.views.figures.regress import error, hidden, portrait, signals, tracking

__all__ = [
    "codes",
    "confusion",
    "decision",
    "error",
    "examples",
    "grid",
    "hidden",
    "learning",
    "portrait",
    "predictions",
    "rebuilt_worst",
    "reconstructions",
    "signals",
    "tracking",
    "walk",
    "worst",
]
