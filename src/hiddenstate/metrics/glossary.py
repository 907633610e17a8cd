"""Defines the figures of a run in words, by the names they are logged under.

Letters: N rows, C classes. The formulas are those of `scores.py` and `baselines.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from hiddenstate.metrics.headline import headline
from hiddenstate.metrics.intervals import FEWEST, ends_of, interval_of, is_end
from hiddenstate.metrics.target_scores import (
    DAYS,
    SERIES,
    STEPS,
    in_words_of,
    is_of_target,
    is_pooled,
    score_of,
    target_scores,
)
from hiddenstate.metrics.units import in_digits
from hiddenstate.program.jobs import kind_of
from hiddenstate.program.words import BESIDE, COMPANIONS, FORECAST


@dataclass(frozen=True)
class Entry:
    """The definition of a figure.

    Parameters
    ----------
    title : str
        Its usual name.
    definition : str
        How it is computed, in a sentence or two.
    kind : {"share", "number", "count", "seconds"}
        How it is formatted.
    """

    title: str
    definition: str
    kind: str = "number"


@dataclass(frozen=True)
class ResultRow:
    """A figure in a table of results: its name, its value as text, and its entry."""

    name: str
    value: str
    entry: Entry


_PATH, _COMPANIONS = FORECAST.title, " and ".join(w.title for w in COMPANIONS.values())

GLOSSARY: dict[str, Entry] = {
    "step": Entry("step", "Number of the update, from 0; at the end, updates made.", "count"),
    "epoch": Entry("epoch", "Completed passes over the training rows.", "count"),
    "classes/loss": Entry(
        "batch loss",
        "Cross-entropy, the negative natural logarithm of the probability of the true class, "
        "averaged over the rows of the batch, each with its weight if rows have weights; computed "
        "before the update.",
    ),
    "targets/loss": Entry(
        "batch loss",
        "What --loss names, by default the squared difference, of prediction and target as the "
        "network sees them (scaled if targets are scaled), averaged over all numbers of the batch "
        "that count; computed before the update.",
    ),
    "codes/loss": Entry(
        "batch loss",
        "Squared difference between a row as the network sees it and its reconstruction, averaged "
        "over all numbers of the batch; computed before the update.",
    ),
    "mean_loss": Entry("mean loss", "Mean of the batch losses since the previous logged line."),
    "lr": Entry("learning rate", "The learning rate of this update, as set by --lr-schedule."),
    "test_accuracy": Entry(
        "test accuracy",
        "Share of test rows whose most probable class is the true one. At the end, over all test "
        "rows; during training, by the network alone over the first --n-evaluated of them.",
        "share",
    ),
    "targets/test_mse": Entry(
        "test mean squared error",
        "Squared difference between prediction and target, averaged over all targets of all test "
        "rows, in the units of the targets; steps with an unknown target do not count. A carried "
        "state continues from the training rows.",
    ),
    "codes/test_mse": Entry(
        "test mean squared error",
        "Squared difference between a row as the network sees it and its reconstruction, averaged "
        "over all numbers of all test rows. At the end, over all test rows; during training, over "
        "the first --n-evaluated of them.",
    ),
    "test_steps": Entry(
        "held-out steps",
        "Number of steps of the test series that have both a prediction and a target, which the "
        "test error is computed over.",
        "count",
    ),
    "test_rows": Entry(
        "held-out rows",
        "Number of test rows that have a target, which the test error is computed over.",
        "count",
    ),
    "test_r2": Entry(
        "test R²",
        "1 minus the squared error divided by the squared deviation of the targets from their own "
        "mean, on the test rows, averaged over the targets; 1 is perfect, 0 is no better than that "
        "mean.",
    ),
    "test_esr": Entry(
        "error-to-signal ratio",
        "Sum of the squared errors on the test steps divided by that of the targets, both with "
        "pre-emphasis (each value less 0.85 times the one before), averaged over the targets: 0 is "
        "perfect, 1 is the ratio of always answering 0.",
    ),
    "test_pinball": Entry(
        "test quantile loss",
        "Mean over the test targets and the quantiles q of q times the error of an answer that is "
        "too small, or 1 - q times that of one too large, in the units of the targets: the least "
        "for the true quantile.",
    ),
    "baseline_pinball": Entry(
        "quantile loss without a network",
        "Quantile loss, on the same test targets, of always answering the quantiles of the "
        "training targets; in a forecast, the last value.",
    ),
    "coverage": Entry(
        "coverage",
        "Share of the test targets at or below the answer of the quantile; near the quantile if "
        "the answers are right.",
        "share",
    ),
    "valid_loss": Entry(
        "validation loss",
        "The loss, as defined for training, over all rows that --valid-fraction holds out, at the "
        "end of an epoch. At the end of the run, the loss of the weights that were kept.",
    ),
    "best_step": Entry(
        "best step",
        "Updates after which the validation loss was lowest; the run ends with those weights.",
        "count",
    ),
    "train_loss": Entry(
        "training loss at the end",
        "Mean of the last 100 batch losses, or of all if there are fewer, each computed before its "
        "update.",
    ),
    "last10_mse": Entry(
        "error of the last 10 windows",
        "Mean squared error of the last 10 windows, each predicted before the network learned from "
        "it.",
    ),
    "last100_mse": Entry(
        "error of the last 100 windows",
        "Mean squared error of the last 100 windows, each predicted before the network learned "
        "from it; a short run includes its first windows.",
    ),
    "members_low": Entry(
        "lowest score of a member",
        "The lowest score, on the same test rows, of one of the networks whose answers are "
        "averaged.",
    ),
    "members_high": Entry(
        "highest score of a member",
        "The highest score, on the same test rows, of one of the networks whose answers are "
        "averaged.",
    ),
    "baseline_accuracy": Entry(
        "accuracy without a network",
        "Share of test rows of the class that is most frequent among the training rows: the "
        "accuracy of always predicting that class.",
        "share",
    ),
    "targets/baseline_mse": Entry(
        "error without a network",
        "Mean squared error, on the same test targets, of always predicting the mean of the "
        "training targets; in a forecast, of predicting that the target keeps its last value.",
    ),
    "test_mase": Entry(
        "mean absolute scaled error",
        "Mean absolute error on the test targets, divided by that of repeating the value of a "
        "season ago (or the last value, if there is no season) in the training rows of the same "
        "series; averaged over the series, without constant ones. Below 1 is better than that.",
    ),
    "seasonal_mse": Entry(
        "error of the seasonal value",
        "Mean squared error, on the same test targets, of predicting the value of one season ago; "
        "of several seasons, such as a day and a week, of the one with the smallest error.",
    ),
    "codes/baseline_mse": Entry(
        "error of principal components",
        "Mean squared error of the test rows projected on as many principal components as a code "
        "has numbers, fitted to the training rows: the best that a linear autoencoder of that size "
        "can do on those rows.",
    ),
    "seconds": Entry(
        "training time",
        "Wall time of the process that completed the run, from its first update or from where it "
        "resumed the run.",
        "seconds",
    ),
    **{
        words.result: Entry(f"error of the {words.title}", words.definition)
        if words.adds
        else Entry(f"accuracy of {words.title}", words.definition, "share")
        for every in BESIDE.values()
        for words in every
    },
    "nets": Entry("networks", "Number of networks whose answers are averaged.", "count"),
    "net_updates": Entry(
        "updates of a network", "Updates that the weights of each network had at the end.", "count"
    ),
    "net_accuracy": Entry(
        "accuracy of the network alone",
        "Share of test rows whose most probable class is the true one if only the network answers, "
        f"without the {_COMPANIONS} beside it.",
        "share",
    ),
    "full_accuracy": Entry(
        "accuracy of the full answer",
        f"Share of test rows that the network and the {_COMPANIONS} beside it label right "
        "together, where the network answers alone because it suffices (--prefer-nets).",
        "share",
    ),
    "teacher_accuracy": Entry(
        "accuracy of the teacher",
        "Share of test rows whose most probable class is the true one if the teacher answers, "
        "which may read whole series: the full answer, which a network that streams learns.",
        "share",
    ),
    "untaught_accuracy": Entry(
        "accuracy without the teacher",
        "Share of test rows whose most probable class is the true one, of the same network after "
        "as many updates on the same rows with their labels alone.",
        "share",
    ),
    "classes/net_share": Entry(
        "share of the network",
        "Share of the network, from 0 to 1, in the probabilities of the classes; the rest is that "
        f"of the {_COMPANIONS} beside it. It is the best one on training rows that neither "
        "learned from; 0 if the network gained nothing there, 1 if it answers alone.",
    ),
    "targets/net_share": Entry(
        "share of the network",
        f"Factor, from 0 to 1, by which the output of the network counts beside the {_PATH}: "
        "the best one in a rolling origin within the training rows; 0 if the network gained "
        "nothing there. The mean over the targets.",
    ),
    "net_part": Entry(
        "part of the network",
        "How much of the changes from the last known values to the forecasts comes from the "
        f"network, from 0 to 1: with n what the network adds and c the change that the {_PATH} "
        "forecasts, sum |n| / (sum |n| + sum |c|) over the test targets of a series; averaged over "
        "the series and the targets.",
        "share",
    ),
    "net_mse": Entry(
        "error of the network alone",
        "Mean squared error, on the same test targets, if all of the output of the network was "
        f"added to the {_PATH}, whatever its share.",
    ),
    # These are not logged, but derived from the saved arrays.
    "balanced_accuracy": Entry(
        "balanced accuracy",
        "Share of correct rows of each class, averaged over the classes that have test rows; from "
        "the confusion matrix.",
        "share",
    ),
    "f1": Entry(
        "macro F1",
        "2 TP / (2 TP + FP + FN) of each class, averaged over the classes that have test rows; "
        "from the confusion matrix.",
    ),
    "interval_rows": Entry(
        "rows drawn for intervals",
        "Number of test rows that the intervals of the scores rest on, if they are fewer than "
        "1,000.",
        "count",
    ),
    **{
        f"interval_{kind}": Entry(
            f"{kind} drawn for intervals",
            f"Number of {units}, each drawn as a whole, that the intervals of the scores rest on. "
            f"With fewer than {FEWEST} there are no intervals.",
            "count",
        )
        for kind, units in (
            ("groups", "groups of test rows"),
            ("series", "test series"),
            ("blocks", "blocks of consecutive steps of the only test series"),
        )
    },
    "interval_steps": Entry(
        "steps of a block",
        "Steps of each block that is drawn: a season or twice the horizon, whichever is longer, "
        "else a window.",
        "count",
    ),
    "classes/gain": Entry(
        "gain over the best baseline",
        "95 % interval of the accuracy minus that of the best baseline, on the same test rows; on "
        "1,000 rows or more from the standard error of the paired differences. If it includes 0, "
        "there is no clear difference.",
        "share",
    ),
    "gain": Entry(
        "gain over the best baseline",
        "95 % interval of the error of the best baseline minus that of the network, on the same "
        "test rows; on 1,000 rows or more from the standard error of the paired differences. If it "
        "includes 0, there is no clear difference.",
    ),
    "relative_gain": Entry(
        "lower absolute error than the best baseline",
        "Share by which the mean absolute error is below that of the best baseline on the same "
        "test targets, each target of each series counting alike. Its interval is made of the "
        "standard error of the paired differences, over series or blocks of steps where there are "
        "some; if it includes 0, there is no clear difference.",
        "share",
    ),
    "interval": Entry(
        "95 % interval of the accuracy",
        "Wilson's score interval for a share of that many test rows: where the accuracy on many "
        "more such rows may lie if the test rows were drawn independently.",
    ),
    "most_frequent": Entry(
        "accuracy without a network",
        "Share of test rows of the class that is most frequent among them: the accuracy of always "
        "predicting it; from the confusion matrix.",
        "share",
    ),
    "pca_mse": Entry(
        "error of principal components",
        "Mean squared error of the test rows projected on as many principal components as a code "
        "has numbers, fitted to the first 2,000 training rows only.",
    ),
    "mean_mse": Entry(
        "error without a network",
        "Mean squared error, on the targets of the last 10 windows, of always predicting their "
        "mean: their variance.",
    ),
    "skill": Entry(
        "skill",
        "1 minus the error of the network divided by that of the baseline: 1 is perfect, 0 is as "
        "good as the baseline, below 0 is worse.",
        "share",
    ),
}


def explain(name: str, job: str) -> Entry | None:
    """Return the entry of the figure `name` of `job`, or None if there is none."""
    entry = GLOSSARY.get(f"{kind_of(job).answers}/{name}") or GLOSSARY.get(name)
    before, _, quantile = name.partition("coverage_")
    if before in ("", "test_") and quantile:
        coverage = GLOSSARY["coverage"]
        return replace(coverage, title=f"coverage of quantile {quantile}")
    if entry is None and is_of_target(name):
        return _of_target(name)
    for end, which in (("_low", "lower"), ("_high", "upper")):
        if entry is None and name.endswith(end):
            score = explain(name.removesuffix(end), job)
            if score is not None:
                meaning = f"The {which} end of the 95 % interval of the {score.title}."
                return Entry(f"{score.title}, {which} end", meaning, score.kind)
    return entry


SCORES_OF_TARGET = {
    "mae": ("mean absolute error", "Mean absolute error on the test targets, in their unit"),
    "rmse": ("root mean squared error", "Root of the mean squared error, in the target's unit"),
    "r2": ("R²", "1 minus the squared error divided by that of the mean of the same series"),
    "mase": (
        "mean absolute scaled error",
        "Mean absolute error divided by the scale of the series",
    ),
    "last_mae": ("error of the last value", "Mean absolute error of repeating the last value"),
    "mean_mae": ("error of the training mean", "Mean absolute error of the training mean"),
    "seasonal_mae": (
        "error of the seasonal value",
        "Mean absolute error of the season before",
    ),
    "pinball": ("quantile loss", "Mean loss of the quantiles on the test targets, in their unit"),
    "quantiles_pinball": (
        "quantile loss of the training quantiles",
        "Mean loss of always answering the quantiles of the training targets",
    ),
    "last_pinball": (
        "quantile loss of changes since the last value",
        "Mean loss of the last value and the quantiles of the training changes since it",
    ),
    "seasonal_pinball": (
        "quantile loss of changes in a season",
        "Mean loss of the value a season ago and the quantiles of the training changes since it",
    ),
    "linear_mae": ("error of the linear path", "Mean absolute error of the linear path alone"),
}
"""Titles and definitions of the scores that each target has."""


def _of_target(name: str) -> Entry:
    """Return the entry of a result of one target."""
    if name == SERIES:
        words = "Number of series that the scores of each target are the medians of."
        return Entry("series with scores", words, "count")
    if name in (DAYS, STEPS):
        unit = name.removeprefix("seasonal_")
        title, meaning = f"{unit} of the season", "from the value a season ago to the target."
        return Entry(title, f"{unit.capitalize()} {meaning}")
    number, _, score = name.removeprefix("target_").partition("_")
    title, definition = SCORES_OF_TARGET.get(score, (score, ""))
    series = "; of several series, their median." if definition else ""
    return Entry(f"{title}, target {number}", definition + series)


def entry_of(name: str, job: str) -> Entry:
    """Return the entry of the figure `name` of `job`; one without a definition if unknown."""
    return explain(name, job) or Entry(name, "")


def written(value: Any, kind: str = "number") -> str:
    """Format a figure.

    Parameters
    ----------
    value : number
    kind : str, default "number"
        As in :class:`Entry`.
    """
    if kind == "share":
        return f"{100 * value:.2f} %" if value > -10 else "below -1,000 %"
    if kind == "count":
        return f"{value:,}"
    if kind == "seconds":
        return f"{value:.1f} s" if value < 120 else f"{value / 60:.1f} min"
    return in_digits(value, 4)


def interval_in_words(name: str, figures: Mapping[str, Any], job: str) -> str:
    """Return the interval of the figure `name`, or why it has none; nothing if it needs none."""
    kind, interval = entry_of(name, job).kind, interval_of(name, figures)
    if interval is None or (interval.ends is None and name != headline(job, figures)):
        return ""
    return interval.in_words(lambda end: written(end, kind))


def is_shown(name: str, figures: Mapping[str, Any]) -> bool:
    """Whether a table of results has a row for a figure: none for the ends of intervals, for what
    the lines of targets say, and for what is pooled over unlike targets or series."""
    hidden = is_end(name, figures) or is_of_target(name) or is_pooled(name, figures)
    return not hidden


def target_rows(figures: Mapping[str, Any], options: Mapping[str, Any]) -> list[ResultRow]:
    """Return a row for each target with its scores in its own unit."""
    error = in_words_of(score_of(figures)).capitalize()
    entry = f"{error} in the unit of the target, beside that of the best simple answer"
    entry += " on the same test rows; of several series the median, with the scaled error first."
    return [
        ResultRow(f"target_{k}", score.figures, Entry(score.name, entry))
        for k, score in enumerate(target_scores(figures, options), 1)
    ]


def result_rows(figures: Mapping[str, Any], job: str) -> list[ResultRow]:
    """Return figures with their values and intervals as text and their entries, those without one
    last."""
    names = [name for name in figures if is_shown(name, figures)]
    entries = [(name, entry_of(name, job)) for name in names]
    entries.sort(key=lambda pair: not pair[1].definition)
    rows = []
    for name, entry in entries:
        text = written(figures[name], entry.kind), interval_in_words(name, figures, job)
        rows.append(ResultRow(name, ", ".join(filter(None, text)), entry))
    if (ends := ends_of("gain", figures)) and not is_pooled("gain", figures):
        entry = entry_of("gain", job)
        rows.append(ResultRow("gain", " to ".join(written(x, entry.kind) for x in ends), entry))
    return rows
