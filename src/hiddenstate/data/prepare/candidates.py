"""Candidates of a linear path: repeated values, exponential smoothing and ridge regressions.

Each forecasts any number of steps ahead: regressions forecast one step and are applied again. A
rolling origin decides the share of each in the mean.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data.prepare.lags import LagRows, Regressions, iterations, mean_of
from hiddenstate.data.prepare.smoothing import smoothings

Floats = NDArray[np.float64]

SHARPNESS, SHARPEST = 2.0, 40.0
"""A candidate whose error is a share r above the least counts exp(-s r) times as much: s is
SHARPNESS times the root of the number of independent errors, and at most SHARPEST."""

NAIVE_SHARE = 0.1
"""Largest share of the better of the last and the seasonal value in the forecast of one series; it
falls with the root of their number."""

FIRST_ORIGIN, ORIGINS = 0.3, 6
"""Where in the training rows the rolling origin begins, and how often candidates are fitted."""

FEWEST = 8
"""Forecasts to learn from, below which the last value is repeated."""

LARGEST_SUM = 20.0
"""An iterated regression with a larger sum of weights is unstable, and repeats the last value."""

Lines = tuple[Floats, Floats]
"""Weights (C, P) and biases (C,) of candidates."""


def origins(rows: LagRows) -> list[tuple[float, float]]:
    """Return the places of the rolling origin: candidates are fitted on rows before the first of
    each pair, and forecast those from there to before the second."""
    cuts = np.quantile(rows.place, np.linspace(FIRST_ORIGIN, 1, ORIGINS + 1))
    cuts[-1] = 2
    return list(pairwise(cuts.tolist()))


def absolute_errors(forecast: Floats, rows: LagRows, is_log: bool, divided: bool) -> Floats:
    """Return the absolute errors (n, C) of the forecasts (n, C) of C candidates, in units of the
    scale of each series; `divided` rows are in these units already."""
    wanted = rows.target
    if is_log:
        forecast = np.exp(np.minimum(forecast + rows.added[:, None], 700))
        wanted = np.exp(np.minimum(wanted + rows.added, 700))
    return np.asarray(
        np.abs(forecast - wanted[:, None]) / (1.0 if divided else rows.scale[:, None])
    )


@dataclass(frozen=True)
class Chosen:
    """The mean of candidates for one horizon: its error in the rolling origin, weights (P,) and
    bias; also, unless rows are too few, the share of each candidate (C,), the places of the
    origins, and the regressions before each of them and on all rows."""

    error: float
    weights: Floats
    bias: float
    shares: Floats | None = None
    cuts: Sequence[tuple[float, float]] = ()
    regressions: Lines | None = None


class Pool:
    """The candidates for one horizon, and for the steps before it.

    Parameters
    ----------
    horizon : int
    P : int
        Values that a candidate reads.
    season : int or None
    constant : bool
        Whether candidates may have a bias.
    """

    def __init__(self, horizon: int, P: int, season: int | None, constant: bool) -> None:
        self.horizon, self.P, self.constant = horizon, P, constant
        self.season = season if season and season + 2 < P else None
        self.smoothings = smoothings(P, self.season)

    def fit(self, far: LagRows, near: LagRows, is_log: bool, divided: bool) -> Chosen:
        """Return the mean of candidates, fitted on rows one step and `horizon` steps ahead."""
        if len(far) < FEWEST:
            return self._drift(far)
        cuts = origins(far)
        parts = (near.take(near.place < low) for low in [*(low for low, _ in cuts), np.inf])
        fits = [list(Regressions(rows, 1, self.season, self.constant).fits()) for rows in parts]
        weights = np.array([[own for own, _ in fit] for fit in fits])
        bias = np.array([[constant for _, constant in fit] for fit in fits])
        shape = (len(fits), len(fits[0]))
        regressions = (weights.reshape(*shape, self.P), bias.reshape(shape))
        *_, (_, lines) = self._ahead(regressions, self.horizon)
        shares, error = self._shares(self.horizon, far, cuts, lines, is_log, divided)
        weights, bias = self._candidates(self.horizon, far, lines, -1)
        return Chosen(error, shares @ weights, float(shares @ bias), shares, cuts, regressions)

    def nearer(
        self,
        chosen: Chosen,
        rows: Callable[[int], LagRows],
        steps: int,
        is_log: bool,
        divided: bool,
    ) -> Iterator[Chosen]:
        """Yield the means of candidates 1, 2, ... `steps` steps ahead, fewer than `horizon`.

        `rows` returns the rows of a number of steps. The rolling origin decides the shares of
        candidates 1, 2, 4, ... steps ahead; between these, shares and errors are in proportion.
        """
        if chosen.shares is None or chosen.regressions is None:
            yield from (self._drift(rows(ahead)) for ahead in range(1, steps + 1))
            return
        decided = {self.horizon: (chosen.shares, chosen.error)}
        for ahead, lines in self._ahead(chosen.regressions, steps):
            if ahead & (ahead - 1) == 0:
                far = rows(ahead)
                decided[ahead] = self._shares(ahead, far, chosen.cuts, lines, is_log, divided)
        known = np.array(sorted(decided))
        weights, bias = (part[-1:] for part in chosen.regressions)
        for ahead, lines in self._ahead((weights, bias), steps):
            last = int(np.searchsorted(known, ahead, "right")) - 1
            low, high = known[last], known[last + 1]
            part = (ahead - low) / (high - low)
            (before, least), (after, most) = decided[low], decided[high]
            shares = (1 - part) * before + part * after
            each, constants = self._candidates(ahead, rows(ahead), lines, -1)
            error = (1 - part) * least + part * most
            yield Chosen(error, shares @ each, float(shares @ constants))

    def _drift(self, far: LagRows) -> Chosen:
        """Return the last value and, with a constant, the mean change after it."""
        change = far.target - far.lags([0])[:, 0]
        bias = mean_of(change) if self.constant and len(change) else 0.0
        return Chosen(np.inf, np.eye(self.P)[0], bias)

    def _ahead(self, lines: Lines, steps: int) -> Iterator[tuple[int, Lines]]:
        """Yield each number of steps, from 1, and the regressions so many steps ahead."""
        for ahead, (weights, bias) in enumerate(iterations(*lines, steps), 1):
            stable = np.abs(weights).sum(axis=-1) <= LARGEST_SUM
            last = np.where(stable[..., None], weights, np.eye(self.P)[0])
            yield ahead, (last, np.where(stable, bias, 0.0))

    def _shares(
        self,
        ahead: int,
        far: LagRows,
        cuts: Sequence[tuple[float, float]],
        lines: Lines,
        is_log: bool,
        divided: bool,
    ) -> tuple[Floats, float]:
        """Return the share of each candidate (C,), by its error in the rolling origin, and the mean
        error."""
        errors = []
        for number, (low, high) in enumerate(cuts):
            weights, bias = self._candidates(ahead, far.take(far.place < low), lines, number)
            later = far.take((far.place >= low) & (far.place < high))
            errors.append(absolute_errors(later.forecasts(weights) + bias, later, is_log, divided))
        absolute = np.concatenate(errors)
        error = absolute.mean(axis=0)
        least = max(error.min(), np.finfo(float).tiny)
        # Errors k < h steps apart are alike by 1 - k / h: so many of them are independent.
        independent = 3 * len(absolute) / (2 * ahead + 1 / ahead)
        with np.errstate(over="ignore"):  # an exact forecast has no error
            worse = np.minimum(error / least - 1, 1e3)
        share = np.exp(-min(SHARPNESS * math.sqrt(independent), SHARPEST) * worse)
        share /= share.sum()
        naive = int(np.argmin(error[: len(self._repeated(ahead))]))
        ratio = min(1.0, float(error @ share) / max(error[naive], least))
        mixed = NAIVE_SHARE / math.sqrt(len(np.unique(far.series))) * ratio**4
        share *= 1 - mixed
        share[naive] += mixed
        return share, float(error @ share)

    def _candidates(self, ahead: int, far: LagRows, lines: Lines, number: int) -> Lines:
        """Return weights (C, P) and biases (C,) of the candidates `ahead` steps ahead; those of
        regressions are `lines` of a `number`, and constants are fitted on rows `far`."""
        fixed = np.stack([*self._repeated(ahead), *(each.ahead(ahead) for each in self.smoothings)])
        weights, bias = [fixed], [np.zeros(len(fixed))]
        if self.constant:
            weights += [fixed, np.zeros((1, self.P))]
            bias += [mean_of(far.target) - fixed @ far.mean, np.array([mean_of(far.target)])]
        weights.append(lines[0][number])
        bias.append(lines[1][number])
        return np.concatenate(weights), np.concatenate(bias)

    def _repeated(self, ahead: int) -> list[Floats]:
        """Return the last value, and the last one of the season of the target."""
        lags = [0] if self.season is None else [0, -ahead % self.season]
        return [np.eye(self.P)[k] for k in lags]
