"""What answers a forecast, and the forecast itself, as sentences and tables for the report and the
model card."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hiddenstate.errors import printable
from hiddenstate.metrics.path_terms import MOST_TERMS, Described, Kind, PathTerms, described
from hiddenstate.report.facts import NAME_LENGTH, RunFacts
from hiddenstate.runs.snapshots import RegressFinal, typed

MOST_GROUPS = 50
"""Columns whose worth is said."""

MOST_ROWS = 400
"""Rows of a table of forecasts that are shown."""

ENDS = re.compile(r"_(lower|upper)_([\d.]+)$")
"""The end of the name of a column with the ends of intervals."""


@dataclass(frozen=True)
class Table:
    """A table of text.

    Parameters
    ----------
    title : str
    head : tuple of str
    rows : tuple of tuple of str
    first_number : int
        The column from which on all are numbers.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    first_number: int


def _described(facts: RunFacts) -> Described | None:
    """Return what answers a forecast; None without a path."""
    if facts.model is None:
        return None
    return described(facts.job, facts.model.transform, facts.results, facts.run.data_record())


def answer(facts: RunFacts) -> list[str]:
    """Return sentences on what answers a forecast; none without a path."""
    made = _described(facts)
    if made is None:
        return []
    groups = (group.in_words() for group in made.groups[:MOST_GROUPS])
    lines = [f"What answers: {made.answer}", *groups]
    return [f"{line}." for line in lines]


def weights(facts: RunFacts, most: int = MOST_TERMS) -> list[Table]:
    """Return the terms of the path of each target, the `most` largest of each kind."""
    made = _described(facts)
    return [] if made is None else [_weights_of(each, most) for each in made.targets]


KINDS: dict[Kind, str] = {
    "past": "its own past",
    "input": "another input",
    "ahead": "known ahead",
}
"""Kinds of terms in words."""


def _weights_of(each: PathTerms, most: int) -> Table:
    rows: list[tuple[str, ...]] = []
    for kind, words in KINDS.items():
        terms = each.of(kind)
        rows += [
            (
                words,
                term.column,
                each.lag_in_words(term),
                f"{term.weight:.4g}",
                each.effect_in_words(term.weight) if kind != "past" else "",
            )
            for term in terms[:most]
        ]
        if len(terms) > most:
            rest = sum(term.weight for term in terms[most:])
            total = f"{rest:.4g}" if kind == "past" else ""
            rows.append((words, f"{len(terms) - most} more", "", total, ""))
    rows.append(("constant", "", "", f"{each.constant:.4g}", ""))
    logs = " (logarithms)" if each.log else ""
    head = ("kind", "column", "value", "weight", "what one more unit adds")
    return Table(f"What {each.target}{logs} is forecast from", head, tuple(rows), 3)


def parts(facts: RunFacts) -> Table | None:
    """Return the part of the network in each series; None if it is 0, or they are not several."""
    arrays = typed(facts.final_arrays, RegressFinal)
    if not facts.results.get("net_share") or "series_part" not in arrays:
        return None
    names = ["".join(chr(n) for n in row if 0 < n < 0x110000) for row in arrays["series_name"]]
    shares = arrays["series_part"].mean(axis=1)
    rows = [
        (printable(name, NAME_LENGTH), f"{100 * share:.0f} %")
        for name, share in zip(names, shares, strict=True)
    ]
    return Table("Part of the network by series", ("series", "part"), tuple(rows), 1)


def forecast_table(head: Sequence[str], rows: Iterator[Sequence[object]], n: int) -> Table:
    """Return `n` forecasts with intervals, as the command `forecast` prints them, as a table."""
    shown: list[tuple[str, ...]] = []
    for row in rows:
        if len(shown) == MOST_ROWS:
            break
        cells = (f"{x:.5g}" if isinstance(x, float) else printable(x, NAME_LENGTH) for x in row)
        shown.append(tuple(cells))
    title = "The forecast"
    if n > len(shown):
        title += f": the first {len(shown):,} of {n:,} rows"
    names = [ENDS.sub(r" \1 \2", name) for name in head]
    method = names.index("method")
    if len({row[method] for row in shown}) == 1:  # says nothing
        del names[method]
        shown = [row[:method] + row[method + 1 :] for row in shown]
    return Table(title, tuple(names), tuple(shown), names.index("ahead"))
