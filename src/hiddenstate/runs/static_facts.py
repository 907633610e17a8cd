"""The facts that a run folder states beside its static arrays."""

from dataclasses import dataclass

from hiddenstate.data.framing import Framing


@dataclass(frozen=True)
class StaticFacts:
    """What a shown.safetensors says beside its arrays.

    Parameters
    ----------
    job : str
    data : str
        Name of the data.
    classes : tuple or None
        The label of each class number, all different.
    picture : tuple of int or None
        Height and width of the picture that a row is, and 3 if its pixels are red, green and blue
        in turn.
    shown_split : {"test", "train"}
        Where the shown rows come from.
    appended : bool
        Whether the windows of a snapshot continue those of the previous one.
    channels : tuple of str, optional
        Names of the features of a step.
    row_shape : tuple of int, optional
        Steps and features (T, I) of a row that is a series though the arrays hold it flat.
    time_step : float, optional
        Time from each step to the next.
    time_unit : str, optional
        Unit of `time_step`; None if it is not known.
    channel_ranges : tuple of tuple of float, optional
        The range to draw each feature in: its extremes over training rows or, of quantities, three
        standard deviations to both sides of the mean.
    targets : tuple of str, optional
        Names of the targets of a regressor.
    held_series : int, optional
        Number of series with held-out steps.
    dates : bool
        Whether the times of held-out steps are dates, in seconds since 1970.
    series : str, optional
        Name of the series that drawn training windows are of, if there are several.
    stream : tuple of int, optional
        The number, from 1, of the stream that they are of, and how many there are; only if there
        are several.
    stream_names : tuple of str, optional
        The name of each stream, if each is a series of its own.
    sound : Framing, optional
        How the steps of a row were cut from a sound.
    stream_round : tuple of int, optional
        The number of windows of the drawn stream, and the steps of an epoch, in which there are
        more, of other rounds of streams.
    """

    job: str
    data: str
    classes: tuple[str | int | float, ...] | None
    picture: tuple[int, ...] | None
    shown_split: str
    appended: bool
    channels: tuple[str, ...] | None = None
    row_shape: tuple[int, int] | None = None
    time_step: float | None = None
    time_unit: str | None = None
    channel_ranges: tuple[tuple[float, float], ...] | None = None
    targets: tuple[str, ...] | None = None
    held_series: int | None = None
    dates: bool = False
    series: str | None = None
    stream: tuple[int, int] | None = None
    stream_names: tuple[str, ...] | None = None
    stream_round: tuple[int, int] | None = None
    sound: Framing | None = None

    @property
    def step_days(self) -> float | None:
        """The days of a step, 0 if steps are no dates; None if they are not known."""
        if not self.dates:
            return 0.0
        known = self.time_step is not None and self.time_unit == "s"
        return (self.time_step or 0) / 86400 if known else None
