"""Compares the main result of a run with that of a prediction that needs no network."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hiddenstate.metrics.glossary import Entry, entry_of, written
from hiddenstate.metrics.headline import headline
from hiddenstate.metrics.scores import skill

BASELINES = {
    "classify": "baseline_accuracy",
    "regress": "baseline_mse",
    "autoencode": "baseline_mse",
}
"""The result of each job's baseline on the test rows."""


@dataclass(frozen=True)
class Baseline:
    """The main result of a run, and that of a method without a network on the same rows.

    Parameters
    ----------
    name : str
        Name of the result.
    value, other : float
        The result of the run and that of the baseline.
    method : str
        What the baseline does, as the end of "Without a network, ...".
    short : str
        The same as a noun, as the end of "worse than ...".
    entry, other_entry : Entry
        Their entries in the glossary.
    """

    name: str
    value: float
    other: float
    method: str
    short: str
    entry: Entry
    other_entry: Entry

    @property
    def better(self) -> bool:
        """Whether the network is better, in the digits that are written."""
        better = self.value > self.other if self._more_is_better else self.value < self.other
        return better and self._differs

    @property
    def worse(self) -> bool:
        """Whether the network is worse, in the digits that are written."""
        worse = self.value < self.other if self._more_is_better else self.value > self.other
        return worse and self._differs

    @property
    def _differs(self) -> bool:
        value, other = (written(number, self.entry.kind) for number in (self.value, self.other))
        return value != other

    @property
    def _more_is_better(self) -> bool:
        return self.entry.kind == "share"

    def in_words(self) -> str:
        """Return the comparison as a sentence."""
        other = written(self.other, self.entry.kind)
        sentence = f"Without a network, {self.method} reaches {other}"
        if not self.better:
            return f"{sentence}: the network is {'worse' if self.worse else 'no better'}."
        if self._more_is_better:
            return f"{sentence}."
        lower = 100 * skill(self.value, self.other)
        return f"{sentence}; the error of the network is {lower:.1f} % lower."

    def warning(self) -> str:
        """Return a sentence for views if the network is worse, else nothing."""
        if not self.worse:
            return ""
        value, other = (written(number, self.entry.kind) for number in (self.value, self.other))
        return f"worse than {self.short}: {self.entry.title} {value}, without a network {other}"


def baseline_method(job: str, options: Mapping[str, Any]) -> tuple[str, str]:
    """Return what the baseline of a run with these options does, and the same as a noun."""
    if job == "classify":
        return "always predicting the most frequent class", "always the most frequent class"
    if job == "autoencode":
        size = options["code_size"]
        components = f"{size} principal component" + "s" * (size != 1)
        return f"projection on {components}", components
    if options["horizon"]:
        return "repeating the last value", "the last value"
    return "predicting the training mean", "the training mean"


CONVOLUTIONS = "convolutions_accuracy"
"""The result of fixed convolutions and a linear classifier, where a run of series has it."""


FORECASTS = {
    "seasonal_mse": ("repeating the value a season ago", "the value a season ago"),
    "linear_mse": ("the linear path alone", "the linear path alone"),
}
"""Other results of a forecast that need no network: what it does, and the same as a noun."""


def share_in_words(job: str, results: Mapping[str, Any]) -> str:
    """Return what the network adds to what stands beside it, or nothing if nothing does.

    Beside the network of a classifier are fixed convolutions, beside that of a forecast is a
    linear path.
    """
    if "net_share" not in results:
        return ""
    share = float(results["net_share"])
    if job == "classify":
        adds = f"{share:.0%} of the answer" if share else "nothing"
        return f"the network adds {adds} to fixed convolutions"
    alone = f" {written(results['linear_mse'])}" if "linear_mse" in results else ""
    adds = f"{share:.0%} of its output" if share else "nothing"
    return f"linear path alone{alone}, the network adds {adds}"


def compare(job: str, results: Mapping[str, Any], options: Mapping[str, Any]) -> Baseline | None:
    """Return the main result of a run beside its baseline on the test rows, if it has both.

    Of several baselines it is the best one.
    """
    key, other = headline(job, results), BASELINES[job]
    if key not in results or other not in results or not key.startswith("test"):
        return None
    method, short = baseline_method(job, options)
    if results.get(CONVOLUTIONS, 0) > results[other]:
        other, method = CONVOLUTIONS, "fixed convolutions with a linear classifier"
        short = method
    for name, words in FORECASTS.items():
        if job == "regress" and results.get(name, math.inf) < results[other]:
            other, (method, short) = name, words
    return _compared(job, key, results[key], (other, results[other]), method, short)


def compare_scores(job: str, scores: Mapping[str, Any]) -> Baseline | None:
    """Return the scores of an evaluation beside those of its baseline, if it has some."""
    name = BASELINES[job].removeprefix("baseline_")
    if BASELINES[job] not in scores:
        return None
    short = str(scores["baseline"])
    other = (BASELINES[job], scores[BASELINES[job]])
    return _compared(job, f"test_{name}", scores[name], other, short, short)


def _compared(
    job: str, key: str, value: float, other: tuple[str, float], method: str, short: str
) -> Baseline:
    """`other` is the name and the value of the baseline."""
    entries = entry_of(key, job), entry_of(other[0], job)
    return Baseline(key, float(value), float(other[1]), method, short, *entries)
