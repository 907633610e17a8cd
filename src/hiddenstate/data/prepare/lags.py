"""Ridge regressions of a series on its own last values, in several forms."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PENALTIES = (1.0, 10.0)
"""Ridge penalties, in units of the variance of the lags."""

RUNS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""How many of the last values a regression reads."""

ROUNDING = 1e-9
"""Deviation of lags, as a share of the largest, up to which they are all alike."""

FEW, FEW_ROWS = 128, 2500
"""Lags and forecasts, evenly chosen, whose deviations stand for those of all, if there are twice as
many."""

MOST_ROWS = 20_000
"""Latest forecasts that regressions are fitted on."""

AT_ONCE = 1 << 18
"""Most lags of rows that are held at one time."""

OF_ROWS = ("newest", "oldest", "target", "place", "scale", "added", "series", "end")


@dataclass(frozen=True)
class LagRows:
    """Forecasts to learn from P last values; these are not copied for each of n forecasts.

    Parameters
    ----------
    values : ndarray (N,)
        The end of each series, one after another.
    P : int
    newest, oldest : ndarray (n,)
        Where in `values` the newest lag of each forecast is, and the first value of its series,
        which stands for those before it.
    target : ndarray (n,)
    place : ndarray (n,)
        Of each target in its series, between 0 and 1.
    scale, added : ndarray (n,)
        The scale of its series, and what columns known ahead add to it.
    series, end : ndarray (n,)
        The number of the series, and the step of the newest lag in it.
    """

    values: Floats
    P: int
    newest: NDArray[np.int64]
    oldest: NDArray[np.int64]
    target: Floats
    place: Floats
    scale: Floats
    added: Floats
    series: NDArray[np.int64]
    end: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.target)

    def take(self, which: "NDArray[np.bool_] | slice") -> "LagRows":
        """Return some of the forecasts."""
        return replace(self, **{name: getattr(self, name)[which] for name in OF_ROWS})

    def lags(self, columns: Collection[int]) -> Floats:
        """Return some lags (n, k) of the forecasts; 0 is the newest."""
        if columns and isinstance(columns, range):
            most = columns[-1]
            if (self.newest - self.oldest >= most).all():  # without places of each
                windows = sliding_window_view(self.values, most + 1)[:, ::-1]
                return windows[:, columns.start :: columns.step][self.newest - most]
        at = self.newest[:, None] - np.fromiter(columns, np.int64, len(columns))
        return np.asarray(self.values[np.maximum(at, self.oldest[:, None], out=at)])

    def forecasts(self, weights: Floats) -> Floats:
        """Return the sums (n, C) of all lags by weights (C, P)."""
        used: Collection[int] = np.flatnonzero(weights.any(axis=0)).tolist()
        used = range(self.P) if 2 * len(used) > self.P else used
        matrix = weights[:, list(used)].T
        sums = np.zeros((len(self), len(weights)))
        for some in self._parts(len(used)):
            sums[some] = self.take(some).lags(used) @ matrix
        return sums

    @cached_property
    def mean(self) -> Floats:
        """The mean (P,) of each lag; 0 of no forecasts."""
        total = np.zeros(self.P)
        for some in self._parts(self.P):
            total += self.take(some).lags(range(self.P)).sum(axis=0)
        return total / max(len(self), 1)

    def _parts(self, n_lags: int) -> Iterator[slice]:
        """Yield rows whose lags are held at one time."""
        step = max(1, AT_ONCE // max(n_lags, 1))
        for first in range(0, len(self), step):
            yield slice(first, first + step)


def latest_rows(
    series: Sequence[Floats],
    observed: Sequence[Floats],
    scales: Sequence[float],
    moves: Sequence[Floats],
    P: int,
    horizon: int,
) -> LagRows:
    """Return the latest forecasts of series `horizon` steps ahead from P values, as far as these
    are known; one of a series that has fewer, whose first value stands for those before it."""
    complete = [
        _latest_ends(values, truth, P, horizon)
        for values, truth in zip(series, observed, strict=True)
    ]
    places = [(ends + horizon) / len(v) for ends, v in zip(complete, series, strict=True)]
    latest = np.argsort(-np.concatenate(places), kind="stable")[:MOST_ROWS]
    firsts = np.cumsum([len(ends) for ends in complete])
    taken = np.split(np.isin(np.arange(firsts[-1]), latest), firsts[:-1])
    parts, read, start = [], [], 0
    for i, (values, truth, own, moved) in enumerate(
        zip(series, observed, scales, moves, strict=True)
    ):
        ends = complete[i][taken[i]]
        first = max(int(ends.min(initial=len(values))) + 1 - P, 0)
        read.append(values[first : ends.max(initial=0) + 1])
        parts.append(
            {
                "newest": ends - first + start,
                "oldest": np.full(len(ends), start),
                "target": truth[ends + horizon],
                "place": (ends + horizon) / len(values),
                "scale": np.full(len(ends), own),
                "added": moved[ends + horizon],
                "series": np.full(len(ends), i),
                "end": ends,
            }
        )
        start += len(read[-1])
    every = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return LagRows(read[0] if len(read) == 1 else np.concatenate(read), P, **every)


def _latest_ends(values: Floats, truth: Floats, P: int, horizon: int) -> NDArray[np.int64]:
    """Return the latest steps of a series, at most `MOST_ROWS`, before which P values and after
    which the one to forecast are known; of a long series only its end is looked at."""
    last, n = len(values) - horizon - 1, MOST_ROWS
    low = min(P - 1, max(last, 0))
    while True:
        n *= 2
        ends = np.arange(max(low, last + 1 - n), last + 1)
        begin = max(max(low, last + 1 - n) + 1 - P, 0)
        missing = np.concatenate([[0], np.cumsum(~np.isfinite(values[begin : last + 1]))])
        known = missing[ends + 1 - begin] == missing[np.maximum(ends + 1 - P, 0) - begin]
        kept = ends[known & np.isfinite(truth[ends + horizon])]
        if len(kept) >= MOST_ROWS or last + 1 - n <= low:
            return np.asarray(kept[-MOST_ROWS:])


def mean_change(values: Floats) -> float:
    """Return the mean absolute change from a value to the next, where both are known; or 0."""
    total, n = 0.0, 0
    for first in range(0, len(values), AT_ONCE):  # a part at a time, as series may be long
        changes = np.abs(np.diff(values[first : first + AT_ONCE + 1]))
        known = np.isfinite(changes)
        total, n = total + float(changes[known].sum()), n + int(known.sum())
    return total / n if n else 0.0


def mean_of(values: Floats) -> float:
    return float(values.mean()) if len(values) else 0.0


@dataclass(frozen=True)
class Form:
    """How regressions write a target: as a fixed combination of lags, and a regression on
    combinations that are alike: lag k, or a difference of lags k, k + 1, k + season, ....

    Parameters
    ----------
    fixed : ndarray (P,)
    terms : tuple of (int, int)
        Of the combination k: how far from lag k each lag is, and its sign.
    """

    fixed: Floats
    terms: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        """Return the number of combinations."""
        return len(self.fixed) - max(apart for apart, _ in self.terms)

    def combined(self, rows: LagRows, chosen: Collection[int]) -> Floats:
        """Return some combinations (n, k)."""
        values = rows.lags(chosen)
        for apart, sign in self.terms[1:]:
            values = values + sign * rows.lags(_moved(chosen, apart))
        return values

    def sample(self, rows: LagRows) -> Floats:
        """Return combinations (n, k) whose deviations stand for those of all."""
        few = rows.take(slice(None, None, max(1, len(rows) // FEW_ROWS)))
        return self.combined(few, range(0, len(self), max(1, len(self) // FEW)))

    def weights(self, slopes: NDArray[Any], chosen: Collection[int]) -> Floats:
        """Return the weights (L, P) on lags of regressions with slopes (L, k) of combinations."""
        weights = np.tile(self.fixed, (len(slopes), 1))
        for apart, sign in self.terms:
            weights[:, np.fromiter(chosen, np.int64, len(chosen)) + apart] += sign * slopes
        return weights


def _moved(lags: Collection[int], by: int) -> Collection[int]:
    """Return lags so many steps before."""
    if isinstance(lags, range):
        return range(lags.start + by, lags.stop + by, lags.step)
    return [lag + by for lag in lags]


class Regressions:
    """Ridge regressions on lags, in several forms: on levels, on changes, on seasonal changes, and
    on changes of seasonal changes."""

    def __init__(self, rows: LagRows, horizon: int, season: int | None, constant: bool) -> None:
        self.rows, self.horizon, self.season, self.constant = rows, horizon, season, constant

    def fits(self) -> Iterator[tuple[Floats, float]]:
        """Yield weights (P,) and bias of each regression."""
        rows, n = self.rows, len(self.rows)
        for form, seasonal in self.forms():
            sets = self._lag_sets(len(form), seasonal)
            read = sorted({k for chosen in sets for k in chosen})
            R, sample = form.combined(rows, read), form.sample(rows)
            r = rows.target - rows.forecasts(form.fixed[None])[:, 0]
            mean = R.mean(axis=0) if self.constant and n else np.zeros(R.shape[1])
            center = mean_of(r) if self.constant else 0.0
            spread = float(sample.std(axis=0).mean()) if n else 0.0
            most_size = float(np.abs(sample).max(initial=0))
            spread = spread if spread > ROUNDING * most_size else most_size or 1.0
            R, r = (R - mean) / spread, r - center
            gram, product = R.T @ R, R.T @ r
            for chosen in sets:
                if len(chosen) > n // 2:  # too few rows: what is fixed stands alone
                    yield from ((form.fixed, center) for _ in PENALTIES)
                    continue
                at = np.searchsorted(read, chosen)
                penalties = np.array(PENALTIES)[:, None, None] * np.eye(len(chosen))
                within = gram[np.ix_(at, at)] + penalties
                slopes = np.linalg.solve(within, product[at, None])[..., 0] / spread
                for slope, weights in zip(slopes, form.weights(slopes, chosen), strict=True):
                    yield weights, center - float(slope @ mean[at])

    def forms(self) -> Iterator[tuple[Form, bool]]:
        """Yield each form, and whether it is seasonal."""
        P, h, m = self.rows.P, self.horizon, self.season
        fixed = np.zeros((4, P))
        yield Form(fixed[0], ((0, 1),)), False
        if P > 1:
            fixed[1, 0] = 1
            yield Form(fixed[1], ((0, 1), (1, -1))), False
        if m and -h % m < P:
            fixed[2:, -h % m] = 1
            yield Form(fixed[2], ((0, 1), (m, -1))), True
            before = m * -(-h // m)
            fixed[3, 0] += 1
            fixed[3, before if before < P else m] -= 1
            yield Form(fixed[3], ((0, 1), (m, -1), (1, -1), (m + 1, 1))), True

    def _lag_sets(self, q: int, seasonal: bool) -> list[list[int]]:
        """Return which of `q` combinations regressions read."""
        sets = [list(range(p)) for p in RUNS if p <= q]
        h, m = self.horizon, self.season
        for p in (1, 2, 4) if m else ():
            assert m is not None
            around = (m - 1, m) if seasonal else _around(-h % m, m)
            sets.append(sorted({k for k in (*range(p), *around) if 0 <= k < q}))
        unique = {tuple(chosen): chosen for chosen in sets if chosen}
        return list(unique.values())


def _around(lag: int, season: int) -> tuple[int, ...]:
    """Return the lags of the target's season in three seasons, and those beside them."""
    return tuple(lag + k * season + beside for k in range(3) for beside in (-1, 0, 1))


def iterations(weights: Floats, bias: Floats, steps: int) -> Iterator[tuple[Floats, Floats]]:
    """Yield weights (..., P) and biases (...) of one-step forecasts applied once, twice, ... and
    `steps` times: the newest value that a forecast reads is a forecast itself."""
    far, constant = weights, bias
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(steps):
            yield far, constant
            newest = far[..., 0]
            constant = constant + newest * bias
            older = np.concatenate([far[..., 1:], np.zeros_like(far[..., :1])], axis=-1)
            far = older + newest[..., None] * weights
