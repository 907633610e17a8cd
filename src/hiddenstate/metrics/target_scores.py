"""The scores of each target of a regression, in its own unit, and which results hold them.

Targets differ in their units and series in their size, so that no score here is taken over several
targets, and each is the median over series. Needs no numpy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from hiddenstate.errors import count
from hiddenstate.metrics.units import ago, quantity, unit_of, without_unit

MOST = 50
"""Targets that get scores of their own."""

LAST, MEAN, SEASONAL, LINEAR = "last", "mean", "seasonal", "linear"
"""What answers without a network: the last value, the training mean, the value a season ago, and
the linear path of a forecast. Quantiles are answered by those of the changes since these values."""

QUANTILES = "quantiles"
"""The same of quantiles that are no forecast: those of the training targets."""

METHODS = (SEASONAL, LAST, MEAN, QUANTILES, LINEAR)
"""In the order in which one is named of those with the same error: the last value known a season
ahead is the value a season ago."""

RESULTS = {
    LAST: "baseline_mse",
    MEAN: "baseline_mse",
    SEASONAL: "seasonal_mse",
    LINEAR: "linear_mse",
}
"""The results that hold their squared errors."""

SERIES, DAYS = "target_series", "seasonal_days"
"""Results: the number of series that scores of targets are medians over, if there are several;
and how many days ago the value of a season ago is, if dates say so."""

CONSTANT = "constant"
"""Result of a target: the number of series in which it is constant, if there are some."""

STEPS = "seasonal_steps"
"""Result: how many steps ago the value of a season ago is, if no dates say how many days."""

GAIN = "relative_gain"
"""Result: the share by which the mean absolute error is below that of the best baseline."""


def gain_ends(results: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return the interval of the relative gain, if the results have it."""
    low, high = results.get(f"{GAIN}_low"), results.get(f"{GAIN}_high")
    return None if low is None or high is None else (float(low), float(high))


MAE, PINBALL = "mae", "pinball"
"""The scores of a target that its methods are compared by: the second if answers are quantiles
without a median."""


def score_of(results: Mapping[str, Any]) -> str:
    """Return by which of both the results compare methods."""
    return PINBALL if f"target_1_{PINBALL}" in results and "target_1_mae" not in results else MAE


def in_words_of(score: str) -> str:
    """Return what a score is."""
    return "quantile loss" if score == PINBALL else "mean absolute error"


def changes_since(method: str) -> str:
    """Return what answers quantiles from the values of a method, such as "a week ago"."""
    return f"the quantiles of changes since {method}"


LOW = 100
"""Coefficients of determination are written down to the negative of this."""


@dataclass(frozen=True)
class TargetScore:
    """The scores of one target in its own unit; medians over series.

    Parameters
    ----------
    name : str
        The target without a unit in brackets.
    unit : str
        Empty if the column's name gives none.
    mae : float
        Mean absolute error or, of quantiles without a median, their mean loss.
    method : str
        The simple method with the smallest error: "a week ago", "the last value".
    other : float, optional
        Its mean absolute error.
    rmse, r2, mase : float, optional
        Root of the mean squared error, coefficient of determination within the series, mean
        absolute scaled error.
    series : int, default 1
        The number of series.
    constant : int, default 0
        The number of those in which the target is constant, which have no part in the scores;
        unless it is so in all.
    score : str
        Whether `mae` and `other` are mean absolute errors or losses of quantiles.
    ahead : int, default 0
        How many steps ahead the answers of a forecast are.
    """

    name: str
    unit: str
    mae: float
    method: str = ""
    other: float | None = None
    rmse: float | None = None
    r2: float | None = None
    mase: float | None = None
    series: int = 1
    constant: int = 0
    score: str = MAE
    ahead: int = 0

    def facts(self) -> dict[str, Any]:
        """Return the scores as values, those that there are."""
        named = {
            "target": self.name,
            "unit": self.unit or None,
            self.score: self.mae,
            "rmse": self.rmse,
        }
        named |= {"r2": self.r2, "mase": self.mase, f"baseline_{self.score}": self.other}
        named |= {"baseline": self.method or None, "series": self.counted}
        named |= {"constant": self.constant or None}
        named["words"] = self.in_words()
        return {name: value for name, value in named.items() if value is not None}

    @property
    def value(self) -> str:
        """The mean absolute error as text: "± 310 EUR"; of quantiles their loss: "31 EUR"."""
        return self._written(self.mae)

    def _written(self, error: float) -> str:
        return "± " * (self.score == MAE) + quantity(error, self.unit)

    @property
    def versus(self) -> str:
        """That of the simple method: "a week ago: ± 480 EUR"; empty if there is none."""
        if self.other is None:
            return ""
        return f"{self.method}: {self.other_value}"

    @property
    def other_value(self) -> str:
        """The error of the simple method as text: "± 480 EUR"; empty if there is none."""
        return "" if self.other is None else self._written(self.other)

    @property
    def short(self) -> str:
        """The main score alone, that of a panel first: "MASE 0.584, ± 310 EUR"."""
        loss = f"{in_words_of(self.score)} " * (self.score == PINBALL)
        return f"{self.scaled}, {self.value}" if self.is_scaled else loss + self.value

    @property
    def figures(self) -> str:
        """The scores without the target's name."""
        text = "; ".join(part for part in (self.short, self.versus, self.fit) if part)
        return text + (f" ({self.of})" if self.of else "")

    @property
    def counted(self) -> int:
        """The number of series that the scores are medians over."""
        return self.series - self.constant or self.series

    @property
    def of(self) -> str:
        """What the scores are taken over: "medians of 5 series"; empty of a single one."""
        several = self.series > 1
        if not self.constant:
            return f"medians of {self.series:,} series" * several
        if self.constant == self.series:
            return f"constant in all {self.series:,} series" if several else "constant"
        n = self.counted
        medians = f"medians of {n:,} series" if n > 1 else "1 series"
        return f"{medians}; {count(self.constant, 'constant one')} left out"

    @property
    def scaled(self) -> str:
        """The scaled error of a panel of series: "MASE 0.584"; empty of others."""
        return f"MASE {self.mase:.3g}" if self.is_scaled else ""

    @property
    def is_scaled(self) -> bool:
        """Whether the scaled error comes first, as it does of a panel of series."""
        return self.series > 1 and self.mase is not None and self.score == MAE

    @property
    def rest(self) -> str:
        """What `value` is, and the other scores."""
        of = f", {self.ahead} steps ahead" if self.ahead > 1 else ""
        of += f", {self.of}" if self.of else ""
        parts = [
            f"{in_words_of(self.score)} of {self.name}{of}",
            self.versus,
            self.scaled,
            self.fit,
        ]
        return "; ".join(part for part in parts if part)

    @property
    def fit(self) -> str:
        """The coefficient of determination as text; empty if there is none."""
        within = " within series" * (self.counted > 1)
        if self.r2 is None:
            return ""
        return f"R2{within} {self.r2:.3f}" if self.r2 > -LOW else f"R2{within} below -{LOW}"

    def in_words(self) -> str:
        """Return the scores as a line: "sales: ± 310 EUR; a week ago: ± 480 EUR; R2 0.912"."""
        return f"{self.name}: {self.figures}"


def target_scores(results: Mapping[str, Any], options: Mapping[str, Any]) -> list[TargetScore]:
    """Return the scores of each target that results hold; none of earlier versions' results.

    Parameters
    ----------
    results : mapping
        Those of a run, or the scores of an evaluation.
    options : mapping
        Those of the run, which may name the columns of the targets.
    """
    return [_score(results, options, k) for k in range(1, n_scored(results) + 1)]


def _score(results: Mapping[str, Any], options: Mapping[str, Any], k: int) -> TargetScore:
    column = column_of(options, k, n_scored(results))
    of = MAE if f"target_{k}_mae" in results else PINBALL
    errors = {name: results.get(f"target_{k}_{name}_{of}") for name in METHODS if name != LINEAR}
    simple = {name: float(error) for name, error in errors.items() if error is not None}
    best = min(simple, key=lambda name: simple[name], default=None)
    rmse, r2, mase = (results.get(f"target_{k}_{name}") for name in ("rmse", "r2", "mase"))
    series, constant = (
        int(results.get(n, d)) for n, d in ((SERIES, 1), (f"target_{k}_{CONSTANT}", 0))
    )
    return TargetScore(
        without_unit(column),
        unit_of(column),
        float(results[f"target_{k}_{of}"]),
        "" if best is None else method_in_words(best, results, k, of),
        None if best is None else simple[best],
        rmse,
        r2,
        mase,
        series,
        constant,
        of,
        int(options.get("horizon") or 0),
    )


def with_targets(options: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a run with the names of its targets, as its record of the data has
    them where the data decided what they are."""
    return {**options, "target": record.get("targets") or options.get("target")}


def column_of(options: Mapping[str, Any], k: int, n: int) -> str:
    """Return the name of the column of target `k` of `n`, from 1, as far as options name it."""
    named = options.get("target")
    if isinstance(named, (list, tuple)) and n == min(len(named), MOST):
        return str(named[k - 1])
    return "target" if n == 1 else f"y_{k}"


def n_scored(results: Mapping[str, Any]) -> int:
    """Return how many targets have scores of their own in results."""
    numbers = range(1, MOST + 2)
    return (
        next(k for k in numbers if not {f"target_{k}_mae", f"target_{k}_pinball"} & results.keys())
        - 1
    )


def method_in_words(name: str, results: Mapping[str, Any], k: int = 0, score: str = MAE) -> str:
    """Return what answers without a network as a noun, of target `k` alone or of all: "a week ago",
    "the last value"; of quantiles those of the changes since."""
    nouns = {LAST: "the last value", MEAN: "the training mean", LINEAR: "the linear path"}
    nouns |= {QUANTILES: "the training quantiles", SEASONAL: ago(*season_ago(results, k))}
    return nouns[name] if score == MAE or name == QUANTILES else changes_since(nouns[name])


def season_ago(results: Mapping[str, Any], k: int = 0) -> tuple[float | None, int | None]:
    """Return how many days ago the value of a season ago is, else how many steps, of target `k` or,
    if it is the same, of all."""
    days, steps = (results.get(f"target_{k}_{n}", results.get(n)) for n in (DAYS, STEPS))
    return days, steps


def smallest_error(
    results: Mapping[str, Any], methods: Sequence[str], score: str = MAE
) -> str | None:
    """Return which of some methods has the smallest error, of those that have one of every target;
    None if none has.

    Each target counts alike: its errors are taken in units of their mean over the methods.
    """
    targets = range(1, n_scored(results) + 1)
    errors: dict[str, list[Any]] = {
        m: [results.get(f"target_{k}_{m}_{score}") for k in targets]
        for m in METHODS
        if m in methods
    }
    known = {m: e for m, e in errors.items() if e and None not in e}
    units = [fmean(each) or 1.0 for each in zip(*known.values(), strict=True)]
    share = {m: fmean(x / u for x, u in zip(e, units, strict=True)) for m, e in known.items()}
    return min(share, key=lambda m: share[m], default=None)


POOLED = {
    *("test_mse", "test_r2", "test_mae", "baseline_mse", "seasonal_mse", "linear_mse", "net_mse"),
    *("mse", "mae", "r2", "skill", "pinball"),
    *("test_pinball", "baseline_pinball", "members_low", "members_high", "gain"),
}
"""Results over all targets and series in one, which say nothing where their units or sizes differ.
"""


def is_pooled(name: str, results: Mapping[str, Any]) -> bool:
    """Whether the result `name` is over several targets or series, and is not shown to people."""
    return name in POOLED and (SERIES in results or n_scored(results) > 1)


def is_of_target(name: str) -> bool:
    """Whether the result `name` belongs to the lines of targets, and is shown with them."""
    first, _, rest = name.removeprefix("target_").partition("_")
    of_one = name.startswith("target_") and first.isdigit() and bool(rest)
    return of_one or name in (SERIES, DAYS, STEPS)
