"""Compares the results of a run with baselines, in numbers and words.

Shapes: C classes, K windows, T time steps, O targets.
"""

import math
from dataclasses import dataclass

import numpy as np

from hiddenstate.errors import MachineError, UntrustedFileError, count
from hiddenstate.metrics.comparison import Baseline, baseline_method, baseline_of, compare
from hiddenstate.metrics.glossary import (
    ResultRow,
    entry_of,
    interval_in_words,
    result_rows,
    target_rows,
    written,
)
from hiddenstate.metrics.headline import headline as headline_key
from hiddenstate.metrics.intervals import interval_of, wilson
from hiddenstate.metrics.scores import balanced_accuracy, f1_by_class, skill
from hiddenstate.metrics.target_scores import is_pooled, target_scores
from hiddenstate.program.jobs import kind_of
from hiddenstate.report.facts import RunFacts
from hiddenstate.runs.class_arrays import ClassifyFinal
from hiddenstate.runs.events import Figures, figures_of
from hiddenstate.runs.snapshots import AutoencodeStatic, typed
from hiddenstate.system.typing import Array

MOST_LINES = 4
"""Targets that the first screen names."""

WINDOWS = 10
"""Windows at the end of a run that `last10_mse` is computed over."""


@dataclass(frozen=True)
class Headline:
    """The main result of a run: its value as text, its name, and the comparison."""

    value: str
    name: str
    comparison: str
    share: float | None = None
    other_share: float | None = None
    more: tuple[tuple[str, str], ...] = ()
    """Value and name of each further target."""


def headline(facts: RunFacts) -> Headline:
    """Return the main result of the run, or the latest one before its end."""
    job, results = facts.job, facts.results
    key = headline_key(job, results)
    if key not in results:
        if "train_loss" in results:
            return Headline(
                written(results["train_loss"]),
                "training loss at the end",
                "No rows were held out for testing, so the error on other rows is unknown.",
            )
        return _latest(facts, key)
    entry, compared = entry_of(key, job), baseline(facts)
    if lines := _by_target(facts, key):
        words = "There is no baseline for it." if compared is None else compared.in_words()
        return Headline(*lines[0], words, more=tuple(lines[1:]))
    name, n = entry.title, facts.run.n_rows("test")
    if key == "test_accuracy":
        name = f"of {count(n, 'test row')} correct" if n else "of the test rows correct"
    elif results.keys() & {"test_steps", "test_rows"}:
        noun = "step" if "test_steps" in results else "row"
        name = f"{entry.title}, {count(int(results[f'test_{noun}s']), f'held-out {noun}')}"
    elif key == "test_mse" and n:
        name = f"{entry.title}, {count(n, 'test row')}"
    value, interval = written(results[key], entry.kind), interval_in_words(key, results, job)
    name += f"; {interval}" * bool(interval)
    if compared is None:
        return Headline(value, name, "There is no baseline for it.")
    if entry.kind == "share":
        return Headline(value, name, compared.in_words(), compared.value, compared.other)
    return Headline(value, name, compared.in_words())


def _by_target(facts: RunFacts, key: str) -> list[tuple[str, str]]:
    """Return the main score of each target, and what it is; none of quantiles of one series."""
    results = facts.results
    scores = target_scores(results, facts.options)
    if not scores or (key != "test_mse" and not is_pooled(key, results)):
        return []
    noun = "step" if "test_steps" in results else "row"
    n = int(results.get(f"test_{noun}s", 0))
    lines = [(score.value, score.rest) for score in scores[:MOST_LINES]]
    lines[0] = lines[0][0], f"{lines[0][1]}; {count(n, f'held-out {noun}')}"
    if len(scores) > MOST_LINES:
        more = len(scores) - MOST_LINES
        lines.append((f"{more} more", f"target{'s' * (more > 1)}, listed with all results"))
    return lines


def _latest(facts: RunFacts, key: str) -> Headline:
    logged = [event for event in facts.history if event["event"] == "log"]
    if not logged:
        return Headline("none", "nothing logged yet", "There is nothing to compare.")
    last = figures_of(logged[-1])
    if key in last:
        entry = entry_of(key, facts.job)
        value, name = written(last[key], entry.kind), entry.title
    else:
        value, name = written(last["mean_loss"]), "mean training loss"
    return Headline(
        value,
        f"{name} after step {int(last['step']) + 1:,}, the latest logged",
        "The run has not ended: there is no final result to compare.",
    )


def baseline(facts: RunFacts) -> Baseline | None:
    """Return the main result of the run and its baseline; None if either is unknown."""
    results, job = facts.results, facts.job
    logged = compare(job, results, facts.options)
    key, other = headline_key(job, results), _other(facts)
    if logged is not None or key not in results or other is None:
        return logged
    return Baseline(
        key,
        results[key],
        other.value,
        other.method,
        other.short,
        entry_of(key, job),
        entry_of(other.name, job),
    )


@dataclass(frozen=True)
class _Other:
    """The result of a method without a network, which was not logged."""

    name: str
    value: float
    method: str
    short: str


def _other(facts: RunFacts) -> _Other | None:
    """Return the baseline of a run that did not log one; None if it is unknown."""
    job = facts.job
    scored = kind_of(job).has_targets and headline_key(job, facts.results).startswith("test")
    if scored or baseline_of(job, facts.results) in facts.results:
        return None
    if kind_of(job).has_targets:
        spread, mean = _spread_of_last(facts), "the targets' mean"
        return None if spread is None else _Other("mean_mse", spread, f"predicting {mean}", mean)
    method, short = baseline_method(job, facts.config.flat())
    if kind_of(job).has_classes:
        matrix = confusion(facts)
        if matrix is None:
            return None
        share = float(matrix.sum(axis=1).max() / matrix.sum())
        return _Other("most_frequent", share, method, short)
    error = typed(facts.static_arrays, AutoencodeStatic).get("pca_mse")
    method += " fitted to the first 2,000 training rows"
    return None if error is None else _Other("pca_mse", float(error[0]), method, short)


def _spread_of_last(facts: RunFacts) -> float | None:
    """Return the variance of the targets of the last windows, if windows follow one another."""
    if facts.static_facts is None or not facts.static_facts.appended:
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
    """Return the confusion matrix (C, C) of the test rows; None if there is none."""
    matrix, n = typed(facts.final_arrays, ClassifyFinal).get("confusion"), len(facts.classes)
    if matrix is None or matrix.shape != (n, n) or matrix.sum() <= 0:
        return None
    return matrix.astype(np.int64)


@dataclass(frozen=True)
class ClassResult:
    """The result of one class: its test rows, the share that is correct, and F1."""

    label: str
    n_rows: int
    correct: float
    f1: float


def by_class(facts: RunFacts) -> list[ClassResult]:
    """Return the result of each class; none without a confusion matrix."""
    matrix = confusion(facts)
    if matrix is None:
        return []
    n_rows, f1 = matrix.sum(axis=1), f1_by_class(matrix)
    correct = np.diagonal(matrix) / np.maximum(n_rows, 1)
    columns = zip(facts.classes, n_rows, correct, f1, strict=True)
    return [ClassResult(label, int(n), float(share), float(f)) for label, n, share, f in columns]


def tables(facts: RunFacts) -> dict[str, list[ResultRow]]:
    """Return all results of the run as tables, by title."""
    figures = {
        "At the end of the run": _at_end(facts),
        "The last logged line": _last_event(facts, "log"),
        "The last validation": _last_event(facts, "valid"),
    }
    rows = {title: result_rows(values, facts.job) for title, values in figures.items() if values}
    if of_targets := target_rows(_at_end(facts), facts.options):
        rows = {"By target": of_targets, **rows}
    derived = _derived(facts)
    return rows | ({"Derived from the saved arrays": derived} if derived else {})


def _at_end(facts: RunFacts) -> Figures:
    seconds = facts.run.seconds()
    end = _last_event(facts, "end")
    return end if seconds is None else {**end, "seconds": seconds}


def _last_event(facts: RunFacts, kind: str) -> Figures:
    """Return the figures of the last event of a kind; none without one."""
    events = [event for event in facts.history if event["event"] == kind]
    return figures_of(events[-1]) if events else {}


def _derived(facts: RunFacts) -> list[ResultRow]:
    derived: Figures = {}
    compared, other, matrix = baseline(facts), _other(facts), confusion(facts)
    alone = compared is None or is_pooled(compared.name, facts.results)
    has_title = compared is not None and compared.other_entry.title
    if compared is not None and has_title and not alone and compared.entry.kind != "share":
        derived["skill"] = skill(compared.value, compared.other)
    if other is not None:
        derived[other.name] = other.value
    if matrix is not None:
        derived["balanced_accuracy"] = balanced_accuracy(matrix)
        derived["f1"] = float(f1_by_class(matrix)[matrix.sum(axis=1) > 0].mean())
    finite = {name: value for name, value in derived.items() if math.isfinite(value)}
    rows = result_rows(finite, facts.job)
    accuracy, n = facts.results.get("test_accuracy"), facts.run.n_rows("test")
    grouped = facts.config.flat().get("group") or interval_of("test_accuracy", facts.results)
    if accuracy is not None and n and not grouped:  # else stated with the score, or not Wilson's
        low, high = wilson(accuracy, n)
        ends = f"{100 * low:.2f} % to {100 * high:.2f} %"
        rows.append(ResultRow("interval", ends, entry_of("interval", facts.job)))
    return rows
