"""Declares the options of data: which data is used, and how it is read.

The metadata of a field is that of an :class:`~hiddenstate.config.option.Option`.
"""

from dataclasses import dataclass

from hiddenstate.config.option import IMAGES, RECURRENT, TARGETS, option

PERIODS = ("hour", "weekday", "month", "yearday")
"""The values of `--calendar` beside auto, the shortest period first."""

EVERY = (
    *("minute", "5min", "10min", "15min", "30min", "hour"),
    *("day", "weekday", "week", "month", "quarter", "year"),
)
"""The values of `--every`."""

FLAGS = ("hours", "weekdays", "months")
"""Further values of `--calendar`: a feature of 0 and 1 for each hour, weekday or month."""

NO_CALENDAR = ("none",)
"""`--calendar` of data whose dates are no inputs, whatever they are."""

STDIN = "-"
"""DATA of a command, and of a run, whose rows come from stdin."""


@dataclass(frozen=True)
class ReadingConfig:
    """Which data is used, how it is read, and what of it is learned."""

    data: str | None = option(
        None, "File or folder with the data; if unset, data bundled with the program."
    )
    test: str | None = option(
        None,
        "File with the test rows, if DATA has none; never used for training.",
        since=2,
        reading=True,
    )
    answers: str | None = option(
        None,
        "An .npy file with the labels or targets, if DATA is an .npy file without them; or, of a "
        "WAV file to regress, the one to make of it.",
        jobs=RECURRENT,
        since=2,
        reading=True,
    )
    steps: int | None = option(
        None,
        "Number of time steps in a flat row: with 28 steps, a row of 784 numbers is read as 28 "
        "steps of 28 features.",
        low=1,
        jobs=RECURRENT,
        unit="steps",
        reading=True,
        kept=True,
    )
    channels_first: bool = option(
        False,
        "Arrays are (rows, channels, steps), as in aeon and sktime.",
        jobs=RECURRENT,
        since=2,
        reading=True,
        kept=True,
    )
    layout: str = option(
        "auto",
        "Layout of a table: wide, one row per series; features, one row per example and each "
        "column a feature of its own; long, one row per time step; auto, long if there is an id "
        "column or, with regress, a time column or rows that follow one another, otherwise wide or "
        "features by the names and values of the columns.",
        choices=("auto", "wide", "features", "long"),
        since=2,
        reading=True,
        kept=True,
        new_data=True,
    )
    label: str | None = option(
        None,
        "Column of the labels; if unset, the column named label, class, target or y, the only "
        "column of text, or a last column of 0 and 1.",
        placeholder="COL",
        since=2,
        reading=True,
        kept=True,
    )
    input: tuple[str, ...] | None = option(
        None,
        "Input columns, of numbers or of text with at most 100 different values; if unset, every "
        "numeric column without another role that holds no ids; all adds the columns of text whose "
        "values repeat.",
        item=str,
        placeholder="COL,...",
        since=2,
        reading=True,
        kept=True,
        new_data=True,
    )
    target: tuple[str, ...] | None = option(
        None,
        "Columns to predict.",
        item=str,
        jobs=TARGETS,
        placeholder="COL,...",
        since=2,
        reading=True,
        kept=True,
    )
    horizon: int | None = option(
        None,
        "Forecast the targets this many steps ahead, from the inputs and the targets themselves.",
        low=1,
        high=10**6,
        jobs=TARGETS,
        unit="steps",
        since=2,
        reading=True,
        kept=True,
    )
    change: bool = option(
        False,
        "With --horizon, learn the change of a target from its current value, not its level; the "
        "target is then an input too.",
        jobs=TARGETS,
        since=2,
        recipe=True,
    )
    input_skip: bool = option(
        False,
        "Add the first inputs to the outputs, one to each: the network learns how a target differs "
        "from its input, as the sound of an amplifier from that of the guitar.",
        jobs=TARGETS,
        since=5,
        recipe=True,
    )
    linear: bool = option(
        False,
        "With --horizon, forecast each target by a linear function of its own last values, fitted "
        "on the training rows; the network learns what it leaves.",
        jobs=TARGETS,
        since=4,
        recipe=True,
    )
    linear_inputs: bool = option(
        False,
        "With --linear, the linear function may read the last values of other inputs too, where a "
        "rolling origin in the training rows shows that they help.",
        jobs=TARGETS,
        since=5,
        recipe=True,
    )
    season: tuple[int, ...] | None = option(
        None,
        "With --horizon, the steps after which the targets repeat, such as 7 for days, or 24,168 "
        "for hours, the main season first; none: they do not; if unset, those of the calendar or "
        "the data, where a test finds them.",
        low=2,
        high=10**6,
        jobs=TARGETS,
        placeholder="N,...|none",
        unit="steps",
        since=5,
        reading=True,
        kept=True,
        recipe=True,
        none=True,
    )
    future: tuple[str, ...] | None = option(
        None,
        "With --horizon, inputs that are known ahead, such as a price, a holiday or the column of "
        "--calendar: their values at the time that is predicted are read too.",
        item=str,
        jobs=TARGETS,
        placeholder="COL,...",
        since=5,
        reading=True,
        kept=True,
    )
    static: tuple[str, ...] | None = option(
        None,
        "With --horizon, inputs that have one value in each series, such as a region or the type "
        "of a store: numbers or text, read at every step.",
        item=str,
        jobs=TARGETS,
        placeholder="COL,...",
        since=5,
        reading=True,
        kept=True,
    )
    drop: tuple[str, ...] | None = option(
        None,
        "Columns that are left out, whatever they hold.",
        item=str,
        placeholder="COL,...",
        since=4,
        reading=True,
        kept=True,
    )
    id: tuple[str, ...] | None = option(
        None,
        "Column that says which series a row belongs to, or several whose values together do; if "
        "unset, the column named id, series or similar.",
        item=str,
        placeholder="COL,...",
        since=2,
        reading=True,
        kept=True,
    )
    time: str | None = option(
        None,
        "Column that orders the rows of a series; if unset, the column named time, step or "
        "similar.",
        placeholder="COL",
        since=2,
        reading=True,
        kept=True,
    )
    every: str | None = option(
        None,
        "The step of the dates: steps that are missing between the first and the last of a series "
        "are added as missing values, which --missing handles; weekday is Monday to Friday.",
        choices=EVERY,
        jobs=TARGETS,
        since=5,
        reading=True,
        kept=True,
        new_data=True,
        recipe=True,
    )
    calendar: tuple[str, ...] | None = option(
        None,
        "Inputs made from the dates of the time column: as a sine and a cosine each, hour, the "
        "time of day, weekday, month and yearday, the day of the year; auto, those of hour, "
        "weekday and month of which the dates show a whole day, week or year; as 0 or 1 for each "
        "of their values hours, weekdays and months; none, no inputs, also none that the recipe "
        "adds.",
        item=str,
        choices=(*PERIODS, "auto", *FLAGS, "none"),
        placeholder="NAME,...",
        since=4,
        reading=True,
    )
    group: str | None = option(
        None,
        "Column whose equal values stay on one side of a split, such as a person or a machine.",
        placeholder="COL",
        since=2,
        reading=True,
        kept=True,
    )
    weight: str | None = option(
        None,
        "Column with the weight of each row.",
        placeholder="COL",
        since=2,
        reading=True,
        kept=True,
    )
    delimiter: str | None = option(
        None,
        "Column separator; if unset, a comma, or a tab in a .tsv file.",
        placeholder="C",
        since=2,
        reading=True,
        kept=True,
        new_data=True,
    )
    decimal: str = option(
        ".",
        "Decimal mark.",
        choices=(".", ","),
        since=2,
        reading=True,
        kept=True,
        new_data=True,
    )
    thousands: str | None = option(
        None,
        "Mark between the thousands of a number; if unset, there is none.",
        choices=(",", ".", "'", "space"),
        since=2,
        reading=True,
        kept=True,
        new_data=True,
    )
    dates: str | None = option(
        None,
        "Order of day, month and year in dates such as 03/04/2024 or 03042024; if unset, a day "
        "above 12 decides. Dates with a year of four digits first are read in any case.",
        choices=("dmy", "mdy", "ymd"),
        since=4,
        reading=True,
        kept=True,
        new_data=True,
    )
    encoding: str = option(
        "utf-8",
        "Encoding of a text file.",
        placeholder="NAME",
        since=2,
        reading=True,
        kept=True,
        new_data=True,
    )
    image_size: int | None = option(
        None,
        "Resize images to squares of this side; if unset, all images must have the same size.",
        low=1,
        high=4096,
        jobs=IMAGES,
        unit="pixels",
        since=2,
        reading=True,
        kept=True,
    )
    color: bool = option(
        False,
        "Keep the colours of images; without it, images are converted to greyscale.",
        jobs=IMAGES,
        since=2,
        reading=True,
        kept=True,
    )
    skip_bad: bool = option(
        False,
        "Leave out images and sounds that cannot be read, and list them.",
        jobs=IMAGES,
        since=2,
        reading=True,
    )
    frame: int | None = option(
        None,
        "Samples of sound in a frame, which is a time step of classify and regress, and a row of "
        "autoencode; if unset, 25 ms of long sounds, and of others and with regress 1 sample.",
        low=1,
        high=10**6,
        unit="samples",
        since=4,
        reading=True,
        kept=True,
        new_data=True,
    )
    bands: int | None = option(
        None,
        "Frequency bands of a frame of sound, whose levels in decibels are read in place of its "
        "samples; 0 reads the samples; if unset, 32 for long sounds.",
        low=0,
        high=1000,
        unit="bands",
        since=4,
        reading=True,
        kept=True,
        new_data=True,
    )
    rate: int | None = option(
        None,
        "Sample rate that sounds must have; if unset, that of the first.",
        low=1,
        unit="Hz",
        since=4,
        reading=True,
        kept=True,
        new_data=True,
    )
    sheet: str | None = option(
        None,
        "Sheet of a workbook, by its name or its number from 1; if unset, the first.",
        placeholder="NAME|N",
        since=4,
        reading=True,
        kept=True,
        new_data=True,
    )
    max_unpacked: float | None = option(
        None,
        "Largest unpacked size of an archive; if unset, 8 GiB and 1,000 times its packed size.",
        above=0,
        unit="GiB",
        reading=True,
        new_data=True,
    )
