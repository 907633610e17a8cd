"""Puts pictures in words, with the full names of what they show."""

from collections.abc import Callable, Iterable

from hiddenstate.views import memory, streams
from hiddenstate.views.timeline import Moment, Timeline

MOST = 50
"""Names that are listed."""


def listed(names: Iterable[object]) -> str:
    """Return names with commas between them, at most `MOST`."""
    every = [str(name) for name in names]
    more = len(every) - MOST
    return ", ".join(every[:MOST]) + (f", and {more} more" if more > 0 else "")


def predicted(timeline: Timeline, moment: Moment) -> str:
    """Return the predicted and the true label of each shown row."""
    chosen = moment.arrays["probability"].argmax(axis=1)
    return _judged(map(timeline.label, chosen), timeline.labels("shown_label", moment))


def worst(timeline: Timeline, moment: Moment) -> str:
    """Return the same of the worst rows."""
    chosen = timeline.labels("worst_chosen", moment) or ()
    return _judged(chosen, timeline.labels("worst_label", moment))


def _judged(chosen: Iterable[str], real: Iterable[str] | None) -> str:
    pairs = zip(chosen, real or (), strict=True)
    words = [one if one == other else f"{one} instead of {other}" for one, other in pairs]
    return f"Predicted, row by row: {listed(words)}." if words else ""


def labels_in(name: str) -> Callable[[Timeline, Moment], str]:
    """Return what writes the labels of rows, in an array of the run or of a moment."""

    def words(timeline: Timeline, moment: Moment) -> str:
        labels = timeline.labels(name, moment)
        known = labels is not None and timeline.class_names
        return f"Labels, row by row: {listed(labels or ())}." if known else ""

    return words


def reaches(timeline: Timeline, moment: Moment) -> str:
    """Return how far back the complex states of each layer reach."""
    values = moment.arrays["eigenvalue"]
    return memory.in_words(values, memory.layer_names(timeline.run, len(values)))


def states_of_streams(timeline: Timeline, moment: Moment) -> str:
    """Return which streams there are, and which is drawn elsewhere."""
    shown = streams.stream_states(timeline, moment)
    return "" if shown is None else streams.in_words(shown)


def signals(timeline: Timeline, moment: Moment) -> str:
    """Return the names of inputs and targets."""
    names = [*(timeline.facts.channels or ()), *(timeline.facts.targets or ())]
    return f"Inputs and targets: {listed(names)}." if timeline.facts.channels else ""
