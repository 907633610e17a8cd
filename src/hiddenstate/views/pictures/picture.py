"""A picture of a run, without how it is drawn."""

from collections.abc import Callable
from dataclasses import dataclass

from hiddenstate.views.pictures.words import listed
from hiddenstate.views.timeline import Moment, Timeline


@dataclass(frozen=True)
class Picture:
    """What a picture needs and says.

    Parameters
    ----------
    static, arrays : tuple of str, optional
        The arrays of the run, and those of a moment, without which there is no picture.
    classes, rows : bool, default False
        Whether it shows all classes, or rows with their channels, whose names it may shorten.
    is_error : bool, default False
        Whether it shows where the network is wrong.
    caption : str, optional
        What it does not say itself.
    only_if : callable, optional
        What else must be so.
    words : callable, optional
        Returns sentences for who does not see it.
    """

    static: tuple[str, ...] = ()
    arrays: tuple[str, ...] = ()
    classes: bool = False
    rows: bool = False
    is_error: bool = False
    caption: str = ""
    only_if: Callable[[Timeline, Moment], bool] | None = None
    words: Callable[[Timeline, Moment], str] | None = None

    def is_there(self, timeline: Timeline, moment: Moment) -> bool:
        """Whether the run has what the picture needs at `moment`."""
        return (
            all(name in timeline.static_arrays for name in self.static)
            and all(name in moment.arrays for name in self.arrays)
            and (self.only_if is None or self.only_if(timeline, moment))
        )

    def is_empty(self, timeline: Timeline, moment: Moment) -> bool:
        """Whether one of the arrays that it needs is empty."""
        needed = [timeline.static_arrays[name] for name in self.static]
        return not all(map(len, needed + [moment.arrays[name] for name in self.arrays]))

    def in_words(self, timeline: Timeline, moment: Moment) -> str:
        """Return sentences with the full names in the picture, which a drawing may shorten; empty
        if it has none."""
        parts = [self.words(timeline, moment)] if self.words else []
        channels = timeline.form.labels() if timeline.form.picture is None else []
        if self.classes and timeline.class_names:
            parts.append(f"Classes: {listed(timeline.class_names)}.")
        if self.rows and channels:
            parts.append(f"Channels: {listed(channels)}.")
        return " ".join(part for part in parts if part)
