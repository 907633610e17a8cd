"""Declares the options of how data is prepared, after those of how it is read.

The metadata of a field is that of an :class:`~hiddenstate.config.option.Option`.
"""

from dataclasses import dataclass

from hiddenstate.config.data_fields import ReadingConfig
from hiddenstate.config.option import CLASSES, TARGETS, option


@dataclass(frozen=True)
class DataConfig(ReadingConfig):
    """Which data is used, how it is read, and how it is prepared."""

    missing: str = option(
        "error",
        "What to do with missing values: error refuses them; drop drops rows that have any; mean "
        "fills in the mean of the training rows; forward repeats the last value before it in its "
        "series or, at the start, fills in the mean; mask fills in the mean and adds a feature "
        "that marks missing values; targets are never filled in: rows and windows without one are "
        "dropped.",
        choices=("error", "drop", "mean", "forward", "mask"),
        since=2,
    )
    scale: str = option(
        "none",
        "How features are scaled, with statistics of the training rows: standard, to mean 0 and "
        "standard deviation 1; minmax, to [0, 1]; auto, as standard unless all values are in "
        "[0, 1] already; window, as auto, but with --linear the past of the targets by each "
        "window, for series of different size.",
        choices=("none", "auto", "standard", "minmax", "window"),
        since=2,
        recipe=True,
    )
    window: int = option(
        10,
        "Length of the windows that series are cut into; 0 does not cut them.",
        low=0,
        jobs=TARGETS,
        unit="steps",
        kept=True,
        recipe=True,
    )
    stride: int | None = option(
        None,
        "Steps from the start of one window to the next; if unset, the length of a window.",
        low=1,
        jobs=TARGETS,
        unit="steps",
        since=2,
        kept=True,
        recipe=True,
    )
    windows: int = option(
        100, "Number of windows of the bundled waves.", low=1, jobs=TARGETS, unit="windows"
    )
    stateful: bool = option(
        True,
        "Rows are consecutive windows of one signal: the hidden state is carried from each row to "
        "the next.",
        jobs=TARGETS,
        recipe=True,
    )
    washout: int = option(
        0,
        "First steps of each stream (--stateful), or of each window, that are in no training loss.",
        low=0,
        jobs=TARGETS,
        unit="steps",
        since=5,
        kept=True,
        omitted=True,
        recipe=True,
    )
    output: str = option(
        "steps",
        "What is predicted: a target at every step, or one after the last step.",
        choices=("steps", "last"),
        jobs=TARGETS,
        recipe=True,
    )
    split: str = option(
        "auto",
        "How rows are held out: stratified, the same fraction of each class; group, whole groups; "
        "distinct, random rows, equal ones on one side; time, the latest rows or, of series with a "
        "target at every step, the end of each; random; auto, by group if there are groups, by "
        "time for signals to regress, else by class.",
        choices=("auto", "stratified", "group", "distinct", "time", "random"),
        since=2,
    )
    test_fraction: float = option(
        0.2,
        "Fraction of the rows held out for testing, if the data has no test rows.",
        since=2,
        low=0,
        below=1,
        targets=0.0,
        recipe=True,
    )
    valid_fraction: float = option(
        0.0,
        "Fraction of the training rows held out for validation; the weights with the lowest "
        "validation loss are kept.",
        low=0,
        below=1,
        since=2,
    )
    split_seed: int | None = option(
        None,
        "Seed of the choice of rows held out; if unset, --seed.",
        low=0,
        high=2**63 - 1,
        since=5,
    )
    test_scores: bool = option(
        True,
        "Score the test rows; with --no-test-scores they are held out, and nothing reads them.",
        since=5,
    )
    class_weight: str = option(
        "none",
        "With balanced, every class has the same total weight.",
        choices=("none", "balanced"),
        jobs=CLASSES,
        since=2,
    )
