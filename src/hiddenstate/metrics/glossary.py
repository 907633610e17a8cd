"""What each figure of a run is and how it is computed, in words, by the name it is logged under.

Letters: N rows, C classes. The formulas are those of `metrics.py` and `baselines.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Entry:
    """What is known of a figure.

    Parameters
    ----------
    title : str
        What people call it.
    how : str
        How it is computed, a sentence or two.
    kind : {"share", "number", "count", "seconds"}
        How it is written.
    """

    title: str
    how: str
    kind: str = "number"


GLOSSARY: dict[str, Entry] = {
    "step": Entry("step", "Number of the update, from 0; at the end, updates made.", "count"),
    "epoch": Entry("epoch", "Passes over the training rows that were complete, from 0.", "count"),
    "classify/loss": Entry(
        "loss of the batch",
        "Cross-entropy, minus the natural logarithm of the probability given to the true class, "
        "mean over the rows of the batch, each times its weight where rows have weights; before "
        "that batch's update.",
    ),
    "regress/loss": Entry(
        "loss of the batch",
        "Squared difference of prediction and target as the net sees them (scaled, where targets "
        "are scaled), mean over every number of the batch that counts; before that batch's update.",
    ),
    "autoencode/loss": Entry(
        "loss of the batch",
        "Squared difference of a row as the net sees it and the row it builds again, mean over "
        "every number of the batch; before that batch's update.",
    ),
    "mean_loss": Entry(
        "mean loss since the last line", "Mean of the losses of all batches since the last line."
    ),
    "lr": Entry("learning rate", "The rate that scaled this update, as --lr-schedule moves it."),
    "test_accuracy": Entry(
        "test accuracy",
        "Share of test rows whose most probable class is the true one. At the end over all test "
        "rows; while learning over the first --n-evaluated of them.",
        "share",
    ),
    "regress/test_mse": Entry(
        "test mean squared error",
        "Squared difference of prediction and target, mean over every target of every test row, in "
        "the targets' own units; steps whose target is not known do not count. A carried state "
        "goes on from the training rows.",
    ),
    "autoencode/test_mse": Entry(
        "test mean squared error",
        "Squared difference of a row as the net sees it and the row it builds again, mean over "
        "every number of every test row. At the end over all test rows; while learning over the "
        "first --n-evaluated of them.",
    ),
    "test_r2": Entry(
        "test R²",
        "1 minus the squared error over the targets' squared distance from their own mean, on the "
        "test rows, mean over the targets; 1 is perfect, 0 is no better than that mean.",
    ),
    "valid_loss": Entry(
        "validation loss",
        "The loss, as it is defined for training, over all rows that --valid-fraction holds out of "
        "training, at an epoch's end. At the run's end that of the weights that were kept.",
    ),
    "best_step": Entry(
        "updates of the best weights",
        "Updates after which the validation loss was lowest; the run ends with those weights.",
        "count",
    ),
    "train_loss": Entry(
        "training loss at the end",
        "Mean of the losses of the last batches, 100 at the most, each before its update.",
    ),
    "last10_mse": Entry(
        "error of the last 10 windows",
        "Mean squared error of the last 10 windows learnt from, each predicted before it was "
        "learnt from.",
    ),
    "last100_mse": Entry(
        "error of the last 100 windows",
        "Mean squared error of the last 100 windows learnt from, each predicted before it was "
        "learnt from; the first of a short run are among them.",
    ),
    "baseline_accuracy": Entry(
        "accuracy without a net",
        "Share of test rows that are of the class most frequent among the training rows: what "
        "always naming that class reaches.",
        "share",
    ),
    "regress/baseline_mse": Entry(
        "error without a net",
        "Mean squared error, on the same test answers, of always saying the mean of the training "
        "targets; in a forecast, of saying that the target stays at its last value.",
    ),
    "autoencode/baseline_mse": Entry(
        "error of principal components",
        "Mean squared error of the test rows through as many principal components as the code has "
        "numbers, found on the training rows: the best a linear autoencoder of that size can do.",
    ),
    "seconds": Entry(
        "training time",
        "Wall time of the process that ended the run, from its first update or from where it took "
        "the run up again.",
        "seconds",
    ),
    # What is not logged, but worked out from what the run keeps.
    "balanced_accuracy": Entry(
        "balanced accuracy",
        "Share of rows named right in each class, mean over the classes that have test rows; from "
        "the confusion matrix.",
        "share",
    ),
    "f1": Entry(
        "F1, mean of the classes",
        "2 TP / (2 TP + FP + FN) of each class, mean over the classes that have test rows; from "
        "the confusion matrix.",
    ),
    "interval": Entry(
        "95 % interval of the accuracy",
        "Wilson's score interval for the share of that many test rows: where the accuracy on many "
        "more rows like these may lie, were they drawn independently.",
    ),
    "most_frequent": Entry(
        "accuracy without a net",
        "Share of test rows that are of the class most frequent among them: what always naming it "
        "would reach; from the confusion matrix.",
        "share",
    ),
    "pca_mse": Entry(
        "error of principal components",
        "Mean squared error of the test rows through as many principal components as the code has "
        "numbers, found on the first 2,000 training rows alone.",
    ),
    "mean_mse": Entry(
        "error without a net",
        "Mean squared error, on the targets of the last 10 windows, of always saying their mean: "
        "their variance.",
    ),
    "skill": Entry(
        "skill",
        "1 minus the net's error over the baseline's: 1 is perfect, 0 as good as the baseline, "
        "below 0 worse.",
        "share",
    ),
}


def explain(name: str, job: str) -> Entry | None:
    """The entry of the figure `name` of `job`, or None where there is none."""
    return GLOSSARY.get(f"{job}/{name}") or GLOSSARY.get(name)


def written(value: Any, kind: str = "number") -> str:
    """A figure as people read it.

    Parameters
    ----------
    value : number
    kind : str
        As in :class:`Entry`.
    """
    if kind == "share":
        return f"{100 * value:.2f} %"
    if kind == "count":
        return f"{value:,}"
    if kind == "seconds":
        return f"{value:.1f} s" if value < 120 else f"{value / 60:.1f} min"
    return f"{value:.4g}"


def named(figures: Mapping[str, Any], job: str) -> list[tuple[str, str, Entry]]:
    """Each figure's name, its value as it is written, and its entry; those without one last."""
    found = [(name, explain(name, job) or Entry(name, "")) for name in figures]
    found.sort(key=lambda pair: not pair[1].how)
    return [(name, written(figures[name], entry.kind), entry) for name, entry in found]
