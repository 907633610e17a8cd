"""What answers a forecast beside a linear path: lines that are printed, and values for JSON."""

from collections.abc import Mapping
from typing import Any

from hiddenstate.errors import count
from hiddenstate.jobs.base import Job
from hiddenstate.metrics.path_terms import answer_in_words, group_in_words, path_terms

TARGETS_IN_LINES = 3
"""Targets whose linear path is printed."""

GROUPS_IN_LINES = 8
"""Columns whose worth is printed."""

SERIES_IN_LINE = 8
"""Series whose part is printed."""


def answer_lines(job: Job, results: Mapping[str, float]) -> list[str]:
    """Return what answers, the largest terms of the path, the part of the network in each series,
    and what columns are worth; nothing without a linear path."""
    path = job.dataset.transform.linear
    if path is None:
        return []
    lines = [f"answer: {answer_in_words(path, results)}"]
    if results.get("net_share") and (each := job.part_of_series):
        named = [f"{name} {part:.0%}" for name, part in list(each.items())[:SERIES_IN_LINE]]
        more = len(each) - SERIES_IN_LINE
        lines.append(f"  by the network: {', '.join(named)}" + f", {more} more" * (more > 0))
    terms = path_terms(job.dataset.transform)
    lines += [f"  {each.target}: {each.in_words()}" for each in terms[:TARGETS_IN_LINES]]
    more = path.n_targets - TARGETS_IN_LINES
    lines += [f"  {count(more, 'more target')}, in the report"] if more > 0 else []
    lines += [f"  {group_in_words(group)}" for group in path.groups[:GROUPS_IN_LINES]]
    more = len(path.groups) - GROUPS_IN_LINES
    return lines + ([f"  {count(more, 'more column')}, in the report"] if more > 0 else [])


def answer_facts(job: Job, results: Mapping[str, float]) -> dict[str, Any]:
    """Return what answers a forecast under `answer`, as values for JSON; nothing without a linear
    path."""
    path = job.dataset.transform.linear
    if path is None or "net_share" not in results:
        return {}
    facts: dict[str, Any] = {
        "network": bool(results["net_share"]),
        "targets": [each.facts() for each in path_terms(job.dataset.transform)],
        "part_of_series": job.part_of_series,
        "columns": [group.facts() for group in path.groups],
    }
    return {"answer": facts}
