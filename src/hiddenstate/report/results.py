"""What a run reached: its figures beside what no net at all would reach, in numbers and words.

Shapes: C classes, K windows, T time steps, O targets.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.errors import MachineError, UntrustedFileError
from hiddenstate.metrics.glossary import Entry, explain, named, written
from hiddenstate.metrics.headline import headline as headline_key
from hiddenstate.metrics.scores import balanced_accuracy, f1_by_class, skill
from hiddenstate.report.facts import RunFacts
from hiddenstate.runs.events import figures_of

Array = NDArray[Any]

WINDOWS = 10
"""Windows at a run's end that `last10_mse` is of."""


@dataclass(frozen=True)
class Baseline:
    """The figure that sums a run up, beside what is reached without a net.

    Parameters
    ----------
    name : str
        Of the run's figure.
    value, other : float
        The run's figure, and the baseline's.
    what : str
        What the baseline does, to follow "Without a net, ".
    entry, other_entry : Entry
        How each is computed.
    """

    name: str
    value: float
    other: float
    what: str
    entry: Entry
    other_entry: Entry

    @property
    def better(self) -> bool:
        """Whether the net beats it."""
        more_is_better = self.entry.kind == "share"
        return self.value > self.other if more_is_better else self.value < self.other

    def in_words(self) -> str:
        """The comparison in a sentence."""
        other = written(self.other, self.entry.kind)
        reached = f"Without a net, {self.what} reaches {other}"
        if not self.better:
            return f"{reached}: the net is no better."
        if self.entry.kind == "share":
            return f"{reached}."
        return f"{reached}; the net's error is {100 * skill(self.value, self.other):.1f} % less."


@dataclass(frozen=True)
class Headline:
    """The figure that sums a run up: as it is written, what it is, and the comparison."""

    value: str
    what: str
    beside: str
    share: float | None = None
    other_share: float | None = None


def headline(facts: RunFacts) -> Headline:
    """The figure that sums the run up, or the best so far of one that has not ended."""
    job, results = facts.job, facts.results
    key = headline_key(job, results)
    if key not in results:
        if "train_loss" in results:
            return Headline(
                written(results["train_loss"]),
                "training loss at the end",
                "No rows were held out to test on, so nothing is known of other rows.",
            )
        return _so_far(facts, key)
    entry, compared = explain(key, job), baseline(facts)
    assert entry is not None
    what = entry.title
    n = facts.rows("test")
    if key == "test_accuracy":
        what = f"of {n:,} test rows named right" if n else "of the test rows named right"
    elif key == "test_mse" and n:
        what = f"{entry.title}, {n:,} test rows"
    value = written(results[key], entry.kind)
    if compared is None:
        return Headline(value, what, "No baseline is known for it.")
    if entry.kind == "share":
        return Headline(value, what, compared.in_words(), compared.value, compared.other)
    return Headline(value, what, compared.in_words())


def _so_far(facts: RunFacts, key: str) -> Headline:
    logged = [event for event in facts.history if event["event"] == "log"]
    if not logged:
        return Headline("none", "nothing was logged yet", "There is nothing to compare.")
    last = figures_of(logged[-1])
    if key in last:
        entry = explain(key, facts.job)
        assert entry is not None
        shown, what = written(last[key], entry.kind), entry.title
    else:
        shown, what = written(last["mean_loss"]), "mean training loss"
    return Headline(
        shown,
        f"{what} after step {last['step'] + 1:,}, the last line logged",
        "The run has not ended: there is no final figure to compare.",
    )


def baseline(facts: RunFacts) -> Baseline | None:
    """The run's main figure beside what is reached without a net; None where that is unknown."""
    results, job = facts.results, facts.job
    key = headline_key(job, results)
    found = _other(facts)
    if key not in results or found is None:
        return None
    name, other, what = found
    entry, other_entry = explain(key, job), explain(name, job)
    assert entry is not None
    assert other_entry is not None
    return Baseline(key, results[key], other, what, entry, other_entry)


def _other(facts: RunFacts) -> tuple[str, float, str] | None:
    """The baseline's name, its figure, and what it does."""
    results, job = facts.results, facts.job
    if job == "classify":
        if "baseline_accuracy" in results:
            what = "always naming the most frequent class"
            return "baseline_accuracy", results["baseline_accuracy"], what
        matrix = confusion(facts)
        if matrix is None:
            return None
        share = float(matrix.sum(axis=1).max() / matrix.sum())
        return "most_frequent", share, "always naming the most frequent class"
    if job == "autoencode":
        size = facts.config.flat()["code_size"]
        what = f"projection on {size} principal component" + "s" * (size != 1)
        if "baseline_mse" in results:
            return "baseline_mse", results["baseline_mse"], what
        kept, what = (
            facts.static_arrays.get("pca_mse"),
            f"{what} found on the first 2,000 training rows",
        )
        return None if kept is None or kept.size != 1 else ("pca_mse", float(kept[0]), what)
    if "test_mse" in results:
        if "baseline_mse" not in results:
            return None
        forecast = facts.config.flat()["horizon"]
        what = "staying at the last value" if forecast else "always saying the training mean"
        return "baseline_mse", results["baseline_mse"], what
    spread = _spread_of_last(facts)
    return None if spread is None else ("mean_mse", spread, "always saying the targets' mean")


def _spread_of_last(facts: RunFacts) -> float | None:
    """The variance of the targets of the last windows, where windows follow one another."""
    if not facts.static_facts or not facts.static_facts.appended:
        return None
    parts: list[Array] = []
    for path in reversed(facts.run.snapshot_paths()):
        try:
            target = facts.run.snapshot(path).get("target")
        except (UntrustedFileError, MachineError):
            return None
        parts = parts if target is None else [target, *parts]
        if sum(map(len, parts)) >= WINDOWS:
            break
    if not parts:
        return None
    last = np.concatenate(parts)[-WINDOWS:].astype(np.float64)
    last = last.reshape(-1, last.shape[-1])
    spread = float(np.nanmean(np.square(last - np.nanmean(last, axis=0))))
    return spread if math.isfinite(spread) else None


def confusion(facts: RunFacts) -> Array | None:
    """The confusion matrix (C, C) of the test rows; None where there is none that is sound."""
    matrix, n = facts.final_arrays.get("confusion"), len(facts.classes)
    if matrix is None or matrix.shape != (n, n) or matrix.sum() <= 0:
        return None
    return matrix.astype(np.int64)


def interval(share: float, n: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of a share of `n` (E. B. Wilson, JASA 22, 1927)."""
    z = 1.959964
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def by_class(facts: RunFacts) -> list[tuple[str, int, float, float]]:
    """Each class: its label, its test rows, the share of them named right, and its F1."""
    matrix = confusion(facts)
    if matrix is None:
        return []
    n_true, f1 = matrix.sum(axis=1), f1_by_class(matrix)
    right = np.diagonal(matrix) / np.maximum(n_true, 1)
    told = zip(facts.classes, n_true, right, f1, strict=True)
    return [(name, int(n), float(share), float(score)) for name, n, share, score in told]


Told = list[tuple[str, str, Entry]]


def numbers(facts: RunFacts) -> dict[str, Told]:
    """Every figure of the run under a heading: its name, its value and its entry."""
    job, found = facts.job, {}
    for title, event in (("When it ended", _ending(facts)), *_last_events(facts)):
        if event:
            found[title] = named(event, job)
    worked_out = _worked_out(facts)
    if worked_out:
        found["Worked out from what the run keeps"] = worked_out
    return found


def _ending(facts: RunFacts) -> dict[str, Any]:
    seconds = facts.run.seconds()
    ends = [event for event in facts.history if event["event"] == "end"]
    end = figures_of(ends[-1]) if ends else {}
    return end if seconds is None else {**end, "seconds": seconds}


def _last_events(facts: RunFacts) -> list[tuple[str, Mapping[str, Any]]]:
    """The last line that was logged, and the last look at the validation rows."""
    titles = {"log": "The last line logged", "valid": "The last look at the validation rows"}
    found: list[tuple[str, Mapping[str, Any]]] = []
    for kind, title in titles.items():
        events = [event for event in facts.history if event["event"] == kind]
        if events:
            found.append((title, {n: v for n, v in events[-1].items() if n != "event"}))
    return found


def _worked_out(facts: RunFacts) -> Told:
    figures: dict[str, Any] = {}
    compared, matrix = baseline(facts), confusion(facts)
    if compared is not None and compared.other_entry.title and compared.entry.kind != "share":
        figures["skill"] = skill(compared.value, compared.other)
    name = _other(facts)
    if name is not None and name[0] not in facts.results:
        figures[name[0]] = name[1]
    if matrix is not None:
        figures["balanced_accuracy"] = balanced_accuracy(matrix)
        figures["f1"] = float(f1_by_class(matrix)[matrix.sum(axis=1) > 0].mean())
    told = named({n: v for n, v in figures.items() if math.isfinite(v)}, facts.job)
    accuracy, n = facts.results.get("test_accuracy"), facts.rows("test")
    entry = explain("interval", facts.job)
    if accuracy is not None and n and entry is not None:
        low, high = interval(accuracy, n)
        told.append(("interval", f"{100 * low:.2f} % to {100 * high:.2f} %", entry))
    return told
