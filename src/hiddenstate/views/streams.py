"""The states of the streams that a regression reads side by side, at a moment."""

from typing import NamedTuple

import numpy as np

from hiddenstate.runs.snapshots import RegressSnapshot
from hiddenstate.system.typing import Array
from hiddenstate.views.limits import sorted_units
from hiddenstate.views.timeline import Moment, Timeline


class StreamStates(NamedTuple):
    """The state of each stream of the present round.

    Parameters
    ----------
    names : list of str (n,)
        Their names, or numbers from 1.
    states : ndarray (n, u)
        Their states, the units by when they respond.
    has_ended : ndarray (n,)
        Whether a stream has no more windows in this epoch, so that its state stands still.
    drawn : int or None
        The one whose windows are drawn.
    total : int
        Streams in all rounds.
    high : float
        Largest absolute value of a state over the run, at least 1.
    """

    names: list[str]
    states: Array
    has_ended: Array
    drawn: int | None
    total: int
    high: float

    @property
    def which(self) -> str:
        """Which streams these are."""
        n = len(self.names)
        return f"{n:,} streams" if n == self.total else f"{n:,} of {self.total:,} streams"

    @property
    def note(self) -> str:
        """What is shown, in clauses."""
        clauses = [f"{self.which}, one line each, after their latest window"]
        if self.has_ended.any():
            clauses.append(f"{int(self.has_ended.sum()):,} have ended, pale")
        return "; ".join(clauses)

    @property
    def title(self) -> str:
        """The title of the picture."""
        return f"The states of {'all ' * (len(self.names) == self.total)}streams"


def stream_states(timeline: Timeline, moment: Moment) -> StreamStates | None:
    """Return the states of the streams at a moment; None of a run with one stream."""
    arrays = moment.arrays_as(RegressSnapshot)
    if "stream_state" not in arrays or timeline.facts.stream is None:
        return None
    drawn, total = timeline.facts.stream
    there = (arrays["stream"] > 0) & (arrays["stream"] <= total)
    number, read = arrays["stream"][there], arrays["stream_read"][there]
    if not len(number):
        return None
    names = timeline.facts.stream_names
    at = np.flatnonzero(number == drawn)
    return StreamStates(
        [names[k - 1] if names else f"{k:,}" for k in number.tolist()],
        sorted_units(arrays["stream_state"][there], timeline.unit_order),
        read < read.max(),
        int(at[0]) if len(at) else None,
        total,
        timeline.limits.stream,
    )


def in_words(shown: StreamStates) -> str:
    """Return sentences about the streams, for who does not see them."""
    size = np.sqrt((shown.states.astype(float) ** 2).mean(axis=1))
    largest = shown.names[int(np.argmax(np.nan_to_num(size)))]
    words = (
        f"{shown.which.capitalize()} of {shown.states.shape[1]} units. Largest state: {largest}."
    )
    if shown.drawn is not None:
        words += f" Drawn elsewhere: {shown.names[shown.drawn]}."
    return words
