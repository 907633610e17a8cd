"""The terms of a linear path, which say what answers a forecast: weights by lag and by column."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from hiddenstate.data.prepare.linear_path import Group, LinearPath, groups_from
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.errors import count, printable
from hiddenstate.metrics.answer import answer_of
from hiddenstate.system.typing import Array

TERMS = "Weights of the linear path"
"""Title of all terms."""

MOST_TERMS = 40
"""Terms of a kind that are listed of one target, the largest ones."""

MOST_TARGETS = 20
"""Targets whose terms are listed."""

IN_A_LINE = 3
"""Terms of a kind that a line of text has."""

NAME = 40
"""Characters of a name that are shown."""

Kind = Literal["past", "input", "ahead"]


@dataclass(frozen=True)
class Term:
    """One summand of a forecast by a linear path.

    Parameters
    ----------
    kind : {"past", "input", "ahead"}
        A value of the target itself, of another input, or of a column known ahead, mostly at the
        time that is forecast.
    column : str
        Name of the feature.
    before : int
        Steps from the value to the time that is forecast.
    weight : float
        What one unit of the value adds: to the logarithm, if the path takes logarithms.
    size : float
        Weight times the standard deviation of the feature, if it is known: terms are sorted by it.
    """

    kind: Kind
    column: str
    before: int
    weight: float
    size: float


@dataclass(frozen=True)
class PathTerms:
    """All terms of one target.

    Parameters
    ----------
    target : str
    log : bool
        Whether the path forecasts the logarithm of the target.
    n_lags, horizon : int
        How many last values of the target the path reads, and how many steps it looks ahead.
    constant : float
    terms : tuple of Term
        Those whose weight is not 0, by kind, the largest of each kind first.
    """

    target: str
    log: bool
    n_lags: int
    horizon: int
    constant: float
    terms: tuple[Term, ...]

    def of(self, kind: Kind) -> tuple[Term, ...]:
        """Return the terms of a kind."""
        return tuple(term for term in self.terms if term.kind == kind)

    def effect_in_words(self, weight: float) -> str:
        """Return what one unit adds: a percentage of the target if the path takes logarithms."""
        return f"{100 * np.expm1(min(weight, 700)):+.3g} %" if self.log else f"{weight:+.3g}"

    def lag_in_words(self, term: Term) -> str:
        """Return which value a term reads."""
        if term.kind == "ahead" and not term.before:
            return "at the time that is forecast"
        last = term.before == self.horizon
        return "the last" if last else f"{count(term.before, 'step')} before"

    def in_words(self, most: int = IN_A_LINE) -> str:
        """Return the largest terms, as in "0.41 x the last, 0.2 x 7 steps before, 30 more with a
        sum of 0.3; known ahead: promotion +28 %"."""
        past = self.of("past")
        words = [f"{t.weight:.3g} x {self.lag_in_words(t)}" for t in past[:most]]
        if len(past) > most:
            rest = sum(term.weight for term in past[most:])
            words.append(f"{len(past) - most} more with a sum of {rest:.3g}")
        parts = [", ".join(words) or f"{self.constant:.4g}"]
        parts += self._inputs(most)
        if ahead := self.of("ahead"):
            parts.append(f"known ahead: {', '.join(self._ahead(ahead, most))}")
        return "; ".join(parts)

    def _inputs(self, most: int) -> Iterator[str]:
        """Yield the largest terms of each other input; of many inputs the number of the others."""
        terms = self.of("input")
        columns = list(dict.fromkeys(term.column for term in terms))
        for column in columns[:most]:
            words = [
                f"{self.effect_in_words(t.weight)} ({self.lag_in_words(t)})"
                if self.log
                else f"{t.weight:.3g} x {self.lag_in_words(t)}"
                for t in terms
                if t.column == column
            ]
            more = [f"{len(words) - most} more"] if len(words) > most else []
            unit = ", each unit" if self.log else ""
            yield f"{column}{unit}: {', '.join([*words[:most], *more])}"
        if len(columns) > most:
            yield f"{count(len(columns) - most, 'more input')}"

    def _ahead(self, terms: Sequence[Term], most: int) -> Iterator[str]:
        """Yield what columns known ahead add at the time that is forecast: first those of numbers,
        then the values of each text or calendar."""
        groups: dict[str, list[tuple[str, float]]] = {"": []}
        for term in terms:
            group, value = _value_of(term.column)
            if not term.before:
                groups.setdefault(group, []).append((value, term.weight))
        for group, values in groups.items():
            if group and {name for name, _ in values} <= {"sin", "cos"}:
                swing = self.effect_in_words(float(np.hypot.reduce([w for _, w in values])))
                yield f"{group} up to {swing}"
                continue
            n = most if group else 2 * most
            words = [f"{name} {self.effect_in_words(weight)}" for name, weight in values[:n]]
            words += [f"{len(values) - n} more"] if len(values) > n else []
            if group:
                yield f"{group} ({', '.join(words)})"
            else:
                yield from words
        if earlier := sum(term.before > 0 for term in terms):
            yield f"{count(earlier, 'weight')} of earlier steps"

    def facts(self) -> dict[str, Any]:
        """Return the terms as values for JSON, at most `MOST_TERMS` of each kind."""
        return {
            "target": self.target,
            "logarithms": self.log,
            "lags": self.n_lags,
            "constant": self.constant,
            **{
                kind: [
                    {"column": t.column, "steps_before": t.before, "weight": t.weight}
                    for t in self.of(kind)[:MOST_TERMS]
                ]
                for kind in ("past", "input", "ahead")
            },
        }


@dataclass(frozen=True)
class Described:
    """What answers a forecast whose network adds to a path.

    Parameters
    ----------
    answer : str
        What answers, and what the network adds.
    targets : tuple of PathTerms
        Of the first `MOST_TARGETS` targets.
    n_targets : int
        Number of all targets.
    groups : tuple of Group
        What columns are worth.
    """

    answer: str
    targets: tuple[PathTerms, ...]
    n_targets: int
    groups: tuple[Group, ...]


def described(
    job: str,
    transform: Transform,
    results: Mapping[str, float],
    recorded: Mapping[str, Any] | None = None,
) -> Described | None:
    """Return what answers by the results of a run; None without a path, or before its end.

    What columns are worth stands in what the run `recorded` of its data, unless the path was fitted
    just now.
    """
    path = transform.linear
    if path is None or "net_share" not in results:
        return None
    answer, groups = (
        _answer_in_words(job, path, results),
        path.groups or groups_from(recorded or {}),
    )
    return Described(answer, path_terms(transform), path.n_targets, groups)


def _answer_in_words(job: str, path: LinearPath, results: Mapping[str, float]) -> str:
    """Return what answers beside a linear path, and what the network adds, by the results of a run:
    "a linear function of the last 32 values; the network adds nothing, ..."."""
    season = f", season of {count(path.season, 'step')}" if path.season else ""
    logs = "the logarithms of " if any(path.log) else ""
    who = f"a linear function of {logs}the last {count(path.n_lags, 'value')}{season}"
    answer = answer_of(job, results)
    if answer.by_net:
        who, adds = answer.in_words(who), f"the network adds {answer.net_share:.0%} of its output"
    else:
        adds = f"{answer.networks()} add{'s' * ((answer.nets or 1) == 1)} nothing"
    return f"{who}; {adds}, by a rolling origin in the training rows"


def path_terms(transform: Transform) -> tuple[PathTerms, ...]:
    """Return the terms of the linear path of each of the first `MOST_TARGETS` targets; none without
    a path."""
    path = transform.linear
    if path is None:
        return ()
    columns, known = transform.columns or (), transform.known
    horizon, features = int(transform.reading.get("horizon") or 0), transform.own_features
    of_targets = []
    for o, feature in enumerate(features[:MOST_TARGETS]):
        terms = list(_lagged("past", path.weights[o][:, None], [feature], transform, horizon))
        if path.input_weights is not None:
            moved = np.array(path.inputs) >= len(columns)  # columns at the time that is forecast
            inputs = np.where(moved, 0, path.input_weights[o])
            terms += _lagged("input", inputs, path.inputs, transform, horizon)
            inputs = np.where(moved, path.input_weights[o], 0)
            terms += _lagged("ahead", inputs, path.inputs, transform, 0)
        if path.effects is not None:
            each = path.effects[o][None, :]
            terms += _lagged("ahead", each, known.ahead, transform, 0)
        target = printable(columns[feature], NAME)
        of_targets.append(
            PathTerms(target, path.log[o], path.n_lags, horizon, float(path.bias[o]), tuple(terms))
        )
    return tuple(of_targets)


def _lagged(
    kind: Kind, weights: Array, features: Sequence[int], transform: Transform, ahead: int
) -> list[Term]:
    """Return the terms of weights (Q, I) of values k steps before the current one, the largest
    first."""
    known, scaling = transform.known, transform.scaling
    names = [*(transform.columns or ()), *(known.names[feature] for feature in known.ahead)]
    terms = []
    for k, i in zip(*np.nonzero(weights), strict=True):
        feature, weight = features[i], float(weights[k, i])
        spread = 1.0 if scaling is None else 1 / abs(float(scaling[1][feature]))
        name = printable(names[feature], NAME)
        terms.append(Term(kind, name, ahead + int(k), weight, abs(weight) * spread))
    return sorted(terms, key=lambda term: -term.size)


def _value_of(feature: str) -> tuple[str, str]:
    """Return the column of a feature that stands for one of its values, and the value: `store` and
    `north` of `store=north`, `weekday` and `Sat` of `weekday(Sat)`; else none and the feature."""
    column, _, value = feature.partition("=")
    if value:
        return column, value
    name, _, inner = feature.removesuffix(")").partition("(")
    if not feature.endswith(")") or not inner:
        return "", feature
    return (inner, name) if name in ("sin", "cos") else (name, inner)
