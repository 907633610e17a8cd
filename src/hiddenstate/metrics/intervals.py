"""Intervals of scores on few rows: where a score on many more such rows may lie.

A share of independent rows gets Wilson's score interval, any other score a bootstrap that draws
whole units: rows, groups, series, or blocks of the steps of one series. Shapes: n outcomes (one
for each row or step that is scored), U units, K sums, D draws.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data.rows import summed
from hiddenstate.errors import count
from hiddenstate.metrics.student import student_quantile
from hiddenstate.system.typing import Array

Floats = NDArray[np.float64]
Ends = tuple[float, float]
"""The lower and the upper end of an interval."""

Kind = Literal["rows", "groups", "series", "blocks"]
"""What is drawn as a whole."""

MOST = 1000
"""Number of units from which on scores have no interval: it would be narrow."""

FEWEST = 5
"""Fewest units that are drawn: the spread between fewer is unknown."""

LEVEL = 0.95
DRAWS = 2000
SEED = 1979
"""Of the draws, so that equal outcomes have equal intervals."""

MOST_SUMS = 128
"""Most sums of a score that are drawn; scores of more classes or targets have no interval."""


@dataclass(frozen=True)
class Units:
    """The independent unit that each scored outcome belongs to.

    Parameters
    ----------
    kind : {"rows", "groups", "series", "blocks"}
    of : ndarray (n,)
        Number of the unit of each outcome, from 0.
    n : int
        U.
    length : int
        Steps of a block; 0 of other units.
    """

    kind: Kind
    of: NDArray[np.int64]
    n: int
    length: int = 0

    @property
    def few(self) -> bool:
        """Whether scores on them carry an interval, or the reason why there is none."""
        return self.n < MOST


def units_of(series: Array, steps: Array, length: int, groups: Array | None = None) -> Units:
    """Return the units of n outcomes.

    Parameters
    ----------
    series, steps : ndarray (n,)
        Number of the series that each outcome belongs to, and its place in the series.
    length : int
        Steps of a block, if all outcomes are of one series. Blocks do not overlap (Carlstein,
        Annals of Statistics 14, 1986; moving ones: Kuensch, Annals of Statistics 17, 1989), and
        the last one has the steps that are left over.
    groups : ndarray (n,), optional
        The group of each outcome, which then is its unit.
    """
    kind: Kind
    if groups is not None:
        kind, (names, of) = "groups", np.unique(groups, return_inverse=True)
        return Units(kind, of.astype(np.int64), len(names))
    names, of = np.unique(series, return_inverse=True)
    if len(names) == 1 and len(series) > 1:
        place = np.asarray(steps - np.min(steps), np.int64)
        n = max(int(place.max() + 1) // length, 1)
        names, of = np.unique(np.minimum(place // length, n - 1), return_inverse=True)
        return Units("blocks", of.astype(np.int64), len(names), length)
    kind = "rows" if len(names) == len(series) else "series"
    return Units(kind, of.astype(np.int64), len(names))


def unnamed_groups(n: int) -> Units:
    """Return the units of `n` outcomes that belong to groups which nothing names: none."""
    return Units("groups", np.zeros(n, np.int64), 0)


def wilson(share: float, n: int) -> Ends:
    """Return the score interval of a share of `n` independent rows (Wilson, JASA 22, 1927)."""
    z = NormalDist().inv_cdf((1 + LEVEL) / 2)
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # The ends of 0 and 1 are themselves, but for rounding.
    return min(share, max(0.0, middle - reach)), max(share, min(1.0, middle + reach))


class Bootstrap:
    """Draws units with replacement; every score is computed on the same draws.

    Parameters
    ----------
    units : Units
    """

    def __init__(self, units: Units) -> None:
        self.units = units

    def share(self, correct: Array) -> Ends | None:
        """Return the interval of the share of outcomes (n,) that are true.

        If all units agree, a bootstrap has no width, and each unit counts as one row of Wilson's
        interval.
        """
        if self.units.kind == "rows" or correct.all() or not correct.any():
            enough = self.units.kind == "rows" or self.units.n >= FEWEST
            return wilson(float(np.mean(correct)), self.units.n) if enough else None
        return self.mean(correct)

    def mean(self, values: Array, weights: Array | None = None) -> Ends | None:
        """Return the interval of the mean of `values` (n,), each with its weight (n,)."""
        weights = np.ones(len(values)) if weights is None else weights
        sums = np.stack([values * weights, weights], axis=1)
        return self.statistic(sums, lambda drawn: drawn[:, 0] / drawn[:, 1])

    def r2(self, prediction: Array, target: Array) -> Ends | None:
        """Return the interval of the coefficient of determination of predictions (n, O)."""
        N, n = target.shape
        (total,) = summed(lambda *ends: (target[slice(*ends)].astype(np.float64),), 0, N, n)
        mean = total / N

        def columns() -> Iterator[Array]:  # one at a time, as all are several copies of the data
            for power in (0, 1, 2):
                for o in range(n):
                    truth = target[:, o].astype(np.float64)
                    left = truth - mean[o] if power else prediction[:, o] - truth
                    yield left if power == 1 else left**2
            yield np.ones(N)

        def statistic(drawn: Floats) -> Floats:
            error, first, second = (drawn[:, k * n : (k + 1) * n] for k in range(3))
            each: Floats = 1 - error / (second - first**2 / drawn[:, -1:])
            return np.asarray(each.mean(axis=1))

        return self._of_columns(columns(), 3 * n + 1, statistic)

    def statistic(self, sums: Array, statistic: Callable[[Floats], Floats]) -> Ends | None:
        """Return the interval of a function of sums over outcomes.

        The ends are quantiles of the drawn values, further apart for few units, as Student's
        distribution is wider than the normal one (Hesterberg, American Statistician 69, 2015,
        "expanded percentile interval").

        Parameters
        ----------
        sums : ndarray (n, K)
            What is summed, of each outcome.
        statistic : callable
            From drawn sums (D, K) to values (D,).

        Returns
        -------
        tuple or None
            None for fewer than `FEWEST` units, more than `MOST_SUMS` sums, if most values are
            undefined, or if all draws agree: then they say nothing of other rows.
        """
        return self._of_columns(sums.T, sums.shape[1], statistic)

    def _of_columns(
        self, columns: Iterable[Array], n: int, statistic: Callable[[Floats], Floats]
    ) -> Ends | None:
        if self.units.n < FEWEST or n > MOST_SUMS:
            return None
        of = self.units.of.astype(np.intp, copy=False)
        by_unit = [np.bincount(of, column, self.units.n) for column in columns]
        # Not a product of matrices: its last bits may depend on the number of threads.
        counts = _counts(self.units.n)
        each = [np.einsum("du,u->d", counts, column) for column in by_unit]
        drawn = np.stack(each, axis=1)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            values = statistic(drawn)
        values = values[np.isfinite(values)]
        if len(values) < DRAWS / 2:
            return None
        tail = _expanded_tail(self.units.n)
        low, high = np.quantile(values, [tail, 1 - tail])
        return (float(low), float(high)) if low < high else None


def paired_difference(
    values: Array, weights: Array, units: Units, kept: Array | None = None
) -> Ends | None:
    """Return the interval of a mean of paired differences, from its standard error.

    The differences of a unit belong together, so that they may depend on one another: blocks of
    steps allow for autocorrelation (Carlstein, Annals of Statistics 14, 1986), as a comparison of
    forecasts has to (Diebold & Mariano, J. Business & Economic Statistics 13, 1995). The standard
    error is that of a ratio of sums over units (Cochran, Sampling Techniques, 1977, 6.4), and the
    quantile Student's.

    Parameters
    ----------
    values, weights : ndarray (m,)
        The differences, and how much each counts.
    units : Units
        Of n outcomes.
    kept : ndarray (n,) of bool, optional
        Which of the outcomes the differences are of; by default all.

    Returns
    -------
    tuple or None
        None for fewer than `FEWEST` units.
    """
    own = units.of if kept is None else units.of[kept]
    names, place = np.unique(own, return_inverse=True)
    if len(names) < FEWEST or not units.n:
        return None
    total = np.bincount(place, values * weights)
    share = np.bincount(place, weights)
    mean = float(total.sum() / share.sum())
    squares = float(((total - mean * share) ** 2).sum())
    error = math.sqrt(squares * len(names) / (len(names) - 1)) / float(share.sum())
    reach = student_quantile(LEVEL, len(names) - 1) * error
    return mean - reach, mean + reach


@lru_cache(maxsize=1)
def _counts(n: int) -> Floats:
    """How often each draw has each of `n` units (D, n)."""
    drawn = np.random.default_rng(SEED).integers(0, n, (DRAWS, n))
    places = drawn + n * np.arange(DRAWS)[:, None]
    counts = np.bincount(places.ravel().astype(np.intp, copy=False), minlength=DRAWS * n)
    return counts.reshape(DRAWS, n).astype(np.float64)


def _expanded_tail(n: int) -> float:
    """Return the share of the drawn values beyond each end, for `n` units."""
    z, v = NormalDist().inv_cdf((1 + LEVEL) / 2), n - 1
    # Student's quantile (Abramowitz & Stegun, 1964, 26.7.5), exact to 0.01 from 4 degrees on.
    t = z + (z**3 + z) / (4 * v) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
    t += (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
    return NormalDist().cdf(-t * math.sqrt(n / v))


@dataclass(frozen=True)
class Interval:
    """The interval of a score, or why it has none.

    Parameters
    ----------
    kind : {"rows", "groups", "series", "blocks"}
        The units that were drawn.
    n : int
        Their number.
    length : int
        Steps of a block; 0 of other units.
    ends : tuple of float, optional
        None if there are too few of them.
    """

    kind: Kind
    n: int
    length: int
    ends: Ends | None

    def in_words(self, write: Callable[[float], str]) -> str:
        """Return the interval as it follows a score, with its ends written by `write`."""
        drawn = "" if self.kind == "rows" else f" of {self.units_in_words()}"
        if self.n == 0:
            return "no interval: the rows do not name their groups"
        if self.ends is None:
            return f"no interval: {self.units_in_words()}, fewer than {FEWEST}"
        low, high = map(write, self.ends)
        return f"95 % interval {low} to {high}{drawn}"

    def units_in_words(self) -> str:
        """Return the units with their number."""
        if self.kind == "series":
            return f"{self.n:,} series"
        steps = f" of {count(self.length, 'step')}" if self.length else ""
        return count(self.n, self.kind.removesuffix("s")) + steps


def figures(
    units: Units, ends: Mapping[str, Ends | None], gain: Ends | None = None
) -> dict[str, float]:
    """Return intervals as results: `<score>_low` and `<score>_high`, and `interval_<units>`.

    Of blocks also `interval_steps`, the steps of each; of many units the gain alone.

    Parameters
    ----------
    units : Units
    ends : dict
        By the name of the score; None if it has none.
    gain : tuple of float, optional
        Interval of how much better the score is than that of the baseline on the same rows.
    """
    results: dict[str, float] = {f"interval_{units.kind}": units.n} if units.few else {}
    if units.few and units.length:
        results["interval_steps"] = units.length
    for name, pair in {**(ends if units.few else {}), "gain": gain}.items():
        if pair is not None:
            results |= {f"{name}_low": pair[0], f"{name}_high": pair[1]}
    return results


def interval_of(name: str, results: Mapping[str, float]) -> Interval | None:
    """Return the interval of the score `name` from results; None if they do not judge it."""
    ends = ends_of(name, results)
    if name == "relative_gain":  # its units may be shorter blocks than those of other scores
        return ends and Interval("rows", FEWEST, 0, ends)
    for kind in get_args(Kind):
        if f"interval_{kind}" in results:
            n, length = int(results[f"interval_{kind}"]), int(results.get("interval_steps", 0))
            return Interval(kind, n, length, ends) if ends or n < FEWEST else None
    return None


def ends_of(name: str, results: Mapping[str, float]) -> Ends | None:
    """Return the ends of the interval `name` from results, if they have them."""
    low, high = results.get(f"{name}_low"), results.get(f"{name}_high")
    return None if low is None or high is None else (low, high)


def is_end(name: str, results: Iterable[str]) -> bool:
    """Whether the result `name` is part of an interval, and shown with its score."""
    score = name.removesuffix("_low").removesuffix("_high")
    return name.startswith("interval_") or (score != name and score in {*results, "gain"})


def differ(first: tuple[float, Ends], second: tuple[float, Ends]) -> bool:
    """Whether two scores, each with its interval, differ by more than both leave open.

    The interval of the difference is made of those of the scores (Newcombe, Statistics in
    Medicine 17, 1998, method 10; Zou & Donner, Statistics in Medicine 27, 2008), as of two
    independent samples: on the same rows it is, if anything, too wide.
    """
    (lower, own), (higher, other) = sorted((first, second))
    return higher - lower > math.hypot(own[1] - lower, higher - other[0])
