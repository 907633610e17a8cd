"""What the page of rows of one step shows: a field for each column, rows of the run, and how far
answers were off."""

from collections.abc import Mapping
from typing import Any, TypedDict

import numpy as np

from hiddenstate.errors import printable
from hiddenstate.export.facts import Facts
from hiddenstate.export.present import rows_of
from hiddenstate.export.python.file import packed
from hiddenstate.export.target import Source
from hiddenstate.metrics.units import without_unit
from hiddenstate.program.encoding import FLAG_NAMES, feature_names
from hiddenstate.runs import Run
from hiddenstate.runs.snapshots import RegressFinal, typed
from hiddenstate.system.typing import Array

ROWS = 10
"""Rows of the run that a reader can start with."""

LEVEL = 0.8
"""Of the interval around an answer."""


class Field(TypedDict):
    """A column: its features, of text one for each of its `words`, else its range and unit."""

    name: str
    unit: str
    features: list[int]
    words: list[str] | None
    low: float
    high: float
    whole: bool


class Off(TypedDict):
    """How far answers to held-out `rows` were off: on average, and at most for 80 % of them."""

    mean: float | None
    half: float | None
    rows: int


class FormView(TypedDict):
    """What the scripts of the page read.

    `rows` (N, I) are rows of the run, or one in the middle of all ranges, and `truths` their
    targets (N, O), or the number of their class (N, 1), if those are known.
    """

    fields: list[Field]
    own: bool
    rows: Any
    truths: list[list[float]] | None
    off: list[Off | None]


def has_form(source: Source) -> bool:
    """Return whether each row of a model is one step of quantities without time."""
    program, facts = source.program, source.facts
    one = program.n_steps == 1 and program.window <= 1 and not program.stateful
    return (
        one
        and facts["rows_are_series"]
        and not facts["horizon"]
        and source.model.net.kind.has_series
    )


def form_view(
    source: Source, low: list[float], high: list[float], units: Mapping[str, str], reads: bool
) -> FormView:
    """Return what the page of a model shows whose features have these ranges and units, by their
    names; of its run's data only if it `reads` them."""
    facts, run = source.facts, source.run
    found = rows_of(run) if reads and run is not None else None
    X, y = (np.zeros((0, source.program.n_features)), None) if found is None else found
    whole = np.array([len(x) > 0 and bool((x[np.isfinite(x)] % 1 == 0).all()) for x in X.T])
    if len(X):
        low, high = (
            end(np.where(np.isfinite(X), X, np.nan), axis=0) for end in (np.nanmin, np.nanmax)
        )
    fields = _fields(
        facts, np.nan_to_num(low, posinf=0), np.nan_to_num(high, neginf=1), whole, units
    )
    chosen = np.linspace(0, len(X) - 1, min(ROWS, len(X))).round().astype(int)
    rows, truths = X[chosen], None if y is None else y[chosen]
    if not len(X):
        rows = np.array([(np.array(low) + np.array(high)) / 2])
        for field in fields:
            if field["words"]:
                rows[0, field["features"]] = np.arange(len(field["words"])) == 0
    return FormView(
        fields=fields,
        own=len(X) > 0,
        rows=packed(rows.astype(np.float64), ("<f4", "<f8")),
        truths=None if truths is None else truths.reshape(len(rows), -1).astype(float).tolist(),
        off=_off(source, run),
    )


def _fields(
    facts: Facts, low: Array, high: Array, whole: Array, units: Mapping[str, str]
) -> list[Field]:
    """Return a field for each column in the order of the features."""
    names = facts["columns"] or [f"column {i + 1}" for i in range(facts["n_features"])]
    texts: dict[str, tuple[str, list[str] | None]] = {}
    for each in facts["encodings"]:
        values = each.get("values", [])
        if values:
            texts |= dict.fromkeys(feature_names(each["column"], values), (each["column"], values))
        for period in each.get("calendar", []):
            flags = FLAG_NAMES.get(period, ())
            periods = [name.partition("(")[2].rstrip(")") for name in flags]
            group = f"{each['column']}, {flags[0].partition('(')[0]}" if flags else ""
            texts |= dict.fromkeys(flags, (group, periods))
    fields, of_column = list[Field](), dict[str, Field]()
    for feature, name in enumerate(names):
        column, words = texts.get(name, (name, None))
        if column in of_column and words:
            of_column[column]["features"].append(feature)
            continue
        field = Field(
            name=printable(column if words else without_unit(column)),
            unit="" if words else units.get(printable(column), ""),
            features=[feature],
            words=words and [printable(word) for word in words],
            low=float(low[feature]),
            high=float(max(high[feature], low[feature] + 1e-9)),
            whole=bool(whole[feature]),
        )
        of_column[column] = field
        fields.append(field)
    return fields


def _off(source: Source, run: Run | None) -> list[Off | None]:
    """Return how far answers for each target were off in the held-out rows of the run, whose
    quantile of absolute errors is the half width of an interval.

    That is a split conformal interval (Lei et al., "Distribution-Free Predictive Inference for
    Regression", Journal of the American Statistical Association 113, 2018): of n errors the
    ceil((n + 1) level)-th smallest.
    """
    targets = source.facts["targets"] or []
    results = (run.results() or {}) if run is not None else {}
    arrays = typed(run.final_arrays(), RegressFinal) if run is not None and targets else {}
    made, right = arrays.get("held_prediction"), arrays.get("held_target")
    found = list[Off | None]()
    for o in range(len(targets)):
        errors = np.zeros(0)
        if made is not None and right is not None and len(made) == len(right) == len(targets):
            errors = np.abs(made[o] - right[o])
            errors = np.sort(errors[np.isfinite(errors)])
        rank = int(np.ceil((len(errors) + 1) * LEVEL))
        half = float(errors[rank - 1]) if 0 < rank <= len(errors) else None
        mean = results.get(f"target_{o + 1}_mae")
        off = Off(mean=None if mean is None else float(mean), half=half, rows=len(errors))
        found.append(off if mean is not None or half is not None else None)
    return found
