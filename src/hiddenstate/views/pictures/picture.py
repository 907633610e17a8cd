"""A picture of a run, without how it is drawn."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hiddenstate.runs.static_facts import StaticFacts
from hiddenstate.system.typing import Array
from hiddenstate.views.pictures.words import listed
from hiddenstate.views.timeline import Moment, Timeline


@dataclass(frozen=True)
class Frame:
    """What stands around a picture on a page of a run; pages translate its words.

    Parameters
    ----------
    title : str
        What there is to see, in a few words.
    caption : str
        What it means, for whoever asks.
    empty : str, optional
        What stands in its place until there is something to draw.
    wide : bool, default False
        Whether it has the whole width, and not half of it.
    """

    title: str
    caption: str
    empty: str = ""
    wide: bool = False


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
    frame : Frame, optional
        What stands around it on a page of a run; without it, no page draws it.
    frame_of : callable, optional
        Returns another frame from `frame` and the facts of a run.
    on_page : callable, optional
        Whether the page of a run with these facts and static arrays has it.
    """

    static: tuple[str, ...] = ()
    arrays: tuple[str, ...] = ()
    classes: bool = False
    rows: bool = False
    is_error: bool = False
    caption: str = ""
    only_if: Callable[[Timeline, Moment], bool] | None = None
    words: Callable[[Timeline, Moment], str] | None = None
    frame: Frame | None = None
    frame_of: Callable[[Frame, StaticFacts], Frame] | None = None
    on_page: Callable[[StaticFacts, Mapping[str, Array]], bool] | None = None

    def framed(self, facts: StaticFacts | None, arrays: Mapping[str, Array]) -> Frame | None:
        """Return what stands around it on the page of a run, of which nothing may be known yet;
        None if the page does not have it."""
        if self.frame is None or facts is None:
            return self.frame
        if self.on_page is not None and not self.on_page(facts, arrays):
            return None
        return self.frame_of(self.frame, facts) if self.frame_of else self.frame

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
