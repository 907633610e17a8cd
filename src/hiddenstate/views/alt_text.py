"""Says in words which rows, classes and channels a figure shows, with their full names."""

from hiddenstate.views.pictures import PICTURES
from hiddenstate.views.timeline import Moment, Timeline

OF_CLASSES = {name for each in PICTURES.values() for name, one in each.items() if one.classes}
"""Figures that show all classes."""


def alt_text(timeline: Timeline, moment: Moment, name: str) -> str:
    """Return sentences with the full names in a figure; empty if it has none.

    A figure shortens long names. It may also draw fewer rows than are listed here.

    Parameters
    ----------
    timeline : Timeline
    moment : Moment
    name : str
        The name of the figure.
    """
    return PICTURES[timeline.job][name].in_words(timeline, moment)
