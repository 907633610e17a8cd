"""Who answers by a trained model: printed lines, and values for JSON."""

from collections.abc import Mapping
from typing import Any

from hiddenstate.errors import count
from hiddenstate.jobs.base import Job
from hiddenstate.metrics.answer import answer_of
from hiddenstate.metrics.path_terms import described

TARGETS_IN_LINES = 3
"""Targets whose terms are printed."""

GROUPS_IN_LINES = 8
"""Columns whose worth is printed."""

SERIES_IN_LINE = 8
"""Series whose part is printed."""


def answer_lines(job: Job, results: Mapping[str, float]) -> list[str]:
    """Return who answers; of a forecast by a path the largest terms, the part of the network in
    each series, and what columns are worth. Nothing of autoencoders, and of nets that stand alone
    and learned from the bundled data."""
    made = described(job.config.job, job.dataset.transform, results)
    if made is None:
        answer = answer_of(job.config.job, results, job.config.flat())
        is_own = job.dataset.source != "bundled" and job.config.kind.has_series
        return [f"answer: {answer.in_words()}"] if is_own or answer.beside else []
    lines = [f"answer: {made.answer}"]
    if results["net_share"] and (each := job.part_of_series):
        named = [f"{name} {part:.0%}" for name, part in list(each.items())[:SERIES_IN_LINE]]
        more = len(each) - SERIES_IN_LINE
        lines.append(f"  by the network: {', '.join(named)}" + f", {more} more" * (more > 0))
    lines += [f"  {each.target}: {each.in_words()}" for each in made.targets[:TARGETS_IN_LINES]]
    more = made.n_targets - TARGETS_IN_LINES
    lines += [f"  {count(more, 'more target')}, in the report"] if more > 0 else []
    lines += [f"  {group.in_words()}" for group in made.groups[:GROUPS_IN_LINES]]
    more = len(made.groups) - GROUPS_IN_LINES
    return lines + ([f"  {count(more, 'more column')}, in the report"] if more > 0 else [])


def answer_facts(job: Job, results: Mapping[str, float]) -> dict[str, Any]:
    """Return who answers under `answered_by`, as values for JSON, and the terms of a path under
    `answer`; nothing of autoencoders."""
    if job.config.kind.has_codes:
        return {}
    who = answer_of(job.config.job, results, job.config.flat()).who
    facts: dict[str, Any] = {"answered_by": who}
    made = described(job.config.job, job.dataset.transform, results)
    if made is not None:
        facts["answer"] = {
            "network": bool(results["net_share"]),
            "targets": [each.facts() for each in made.targets],
            "part_of_series": job.part_of_series,
            "columns": [group.facts() for group in made.groups],
        }
    return facts
