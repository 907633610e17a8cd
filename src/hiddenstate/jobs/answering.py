"""What answers a forecast beside a linear path: lines that are printed, and values for JSON."""

from collections.abc import Mapping
from typing import Any

from hiddenstate.data.prepare.linear_path import Group, LinearPath
from hiddenstate.errors import count, printable
from hiddenstate.jobs.base import Job
from hiddenstate.metrics.path_terms import path_terms

TARGETS_IN_LINES = 3
"""Targets whose linear path is printed."""

SERIES_IN_LINE = 8
"""Series whose part is printed."""


def answer_lines(job: Job, results: Mapping[str, float]) -> list[str]:
    """Return what answers, the largest terms of the path, the part of the network in each series,
    and what columns are worth; nothing without a linear path."""
    path = job.dataset.transform.linear
    if path is None:
        return []
    share, part = results.get("net_share", 0.0), results.get("net_part", 0.0)
    who = function_in_words(path)
    if share:
        who = f"{part:.0%} by the network, the rest by {who}" if part else f"the network and {who}"
    adds = f"the network adds {share:.0%} of its output" if share else "the network adds nothing"
    lines = [f"answer: {who}; {adds}, by a rolling origin in the training rows"]
    if share and (each := job.part_of_series):
        named = [f"{name} {part:.0%}" for name, part in list(each.items())[:SERIES_IN_LINE]]
        more = len(each) - SERIES_IN_LINE
        lines.append(f"  by the network: {', '.join(named)}" + f", {more} more" * (more > 0))
    terms = path_terms(job.dataset.transform)
    lines += [f"  {each.target}: {each.in_words()}" for each in terms[:TARGETS_IN_LINES]]
    more = path.n_targets - TARGETS_IN_LINES
    lines += [f"  {count(more, 'more target')}, in the report"] if more > 0 else []
    return lines + [f"  {group_in_words(group)}" for group in path.groups]


def function_in_words(path: LinearPath) -> str:
    """Return what a linear path is a function of."""
    season = f", season of {count(path.season, 'step')}" if path.season else ""
    logs = "the logarithms of " if any(path.log) else ""
    return f"a linear function of {logs}the last {count(path.n_lags, 'value')}{season}"


def group_in_words(group: Group) -> str:
    """Return the error of the path with some columns, and without them."""
    name = printable(group.name, 80)
    return f"{name}: error {group.error:.4g} with it, {group.without:.4g} without"


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
        "columns": [vars(group) for group in path.groups],
    }
    return {"answer": facts}
