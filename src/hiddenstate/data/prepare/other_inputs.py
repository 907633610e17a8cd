"""Ridge regressions of a target on its own last values and those of other inputs.

They are direct forecasts of the horizon, ranked on the rolling origin of the other candidates. Each
reads some of the inputs, so the worth of each input is the difference between the best regressions
with and without it.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data.prepare.candidates import absolute_errors, origins
from hiddenstate.data.prepare.lags import Form, LagRows, Regressions, mean_of

Floats = NDArray[np.float64]

PENALTIES = np.array([0.01, 0.3, 3.0, 30.0])
"""Ridge penalties, in units of the variance of the lags."""

OWN_RUNS, INPUT_RUNS = (1, 4, 8, 32), (1, 2, 4, 8, 16, 32)
"""How many of the last values a regression reads, of the target and of each input."""

SCREENED = 8
"""Most inputs of the regressions that read several."""

FEWEST = 40
"""Smallest number of forecasts to learn from."""

MOST_ROWS = 5000
"""Most forecasts, evenly chosen, that regressions are ranked on."""

BLOCKS = 4
"""Blocks of time, of those that follow an origin, whose mean errors are compared."""

KEPT, CERTAIN = 1.0, 1.5
"""Standard errors by which each input, and all together, must lower the error."""

LEADING = 3.5
"""Deviations of a normal distribution (a chance of 0.0002) by which an input must help one step
ahead."""

LEAST_LAGS, STEPS_FOR_LAG = 12, 8
"""Last values that regressions read in short series: at least so many, one for so many steps."""

ROUNDING = 1e-12
"""Share of a sum of squares below which it is rounding."""

NEAR_BEST, AVERAGED = 1.1, 20
"""Regressions whose mean is taken: at most so many, whose error is at most this times the least."""


@dataclass(frozen=True)
class InputFit:
    """A regression on own lags and on inputs.

    Parameters
    ----------
    error : float
        In a rolling origin.
    weights : ndarray (P,)
        Of own lags.
    bias : float
    inputs : ndarray (Q, J)
        Weights of the lags of all J inputs; 0 for those that do not help.
    without : dict
        By the place of each input that helps, the error without it.
    candidates : sequence
        The regressions whose mean it is; :func:`fit_again` fits them for other horizons.
    """

    error: float
    weights: Floats
    bias: float
    inputs: Floats
    without: dict[int, float]
    candidates: "Sequence[_Candidate]" = ()


@dataclass(frozen=True)
class _Form:
    """How regressions are written: a form on own lags, those of its combinations that some
    regression reads, the places among these of those that each reads, and whether inputs are read
    as changes."""

    own: Form
    read: list[int]
    chosen: tuple[tuple[int, ...], ...]
    changes: bool


def fit_inputs(
    rows: LagRows,
    others: Sequence[Floats],
    horizon: int,
    season: int | None,
    is_log: bool,
    divided: bool,
    among: Collection[int] | None = None,
) -> InputFit | None:
    """Return the mean of the best regressions; None without enough rows, or if no input helps.

    Parameters
    ----------
    rows : LagRows
        The forecasts to learn from.
    others : sequence of ndarray (T_i, J)
        Values of the inputs of each series, which `rows.series` numbers; none are missing.
    horizon : int
    season : int, optional
    is_log, divided : bool
        As `Pool.fit` has them: `divided` rows are in units of the scale of their series, in which
        inputs are divided too, so that their weights are the same in all series.
    among : collection of int, optional
        The inputs that may be read; by default, all.
    """
    n = len(rows)
    searched = range(others[0].shape[1]) if among is None else sorted(among)
    if n < FEWEST or not searched:
        return None
    chosen = np.arange(n) % -(-n // MOST_ROWS) == 0
    search = _Search(rows.take(chosen), others, horizon, season, is_log, divided)
    own = search.best([()])[0]
    alone = {j: search.best([(j,)], quick=True)[0] for j in searched}
    promising = [j for j in alone if _certainty(own - alone[j]) > KEPT]
    promising.sort(key=lambda j: (float(alone[j].mean()), j))
    kept = tuple(sorted(promising[:SCREENED]))
    while kept:
        sets = {kept, *((j,) for j in kept), *(tuple(k for k in kept if k != j) for j in kept)}
        errors, candidates = search.best(sets)
        without = {j: search.best([s for s in sets if j not in s] + [()])[0] for j in kept}
        worst = min(kept, key=lambda j: (_certainty(without[j] - errors), j))
        if _certainty(without[worst] - errors) > KEPT:
            break
        kept = tuple(j for j in kept if j != worst)
    if not kept or _certainty(own - errors) < CERTAIN:
        return None
    search = search if chosen.all() else _Search(rows, others, horizon, season, is_log, divided)
    weights, bias, inputs = search.fitted(candidates)
    each = {j: float(without[j].mean()) for j in kept}
    return InputFit(float(errors.mean()), weights, bias, inputs, each, candidates)


def leading_inputs(
    rows: LagRows, others: Sequence[Floats], season: int | None, is_log: bool, divided: bool
) -> list[int]:
    """Return the inputs whose past says what the past of the target does not, one step ahead.

    They are found by likelihood ratios of regressions (Granger causality). What leads a target
    helps one step ahead, too; errors of further steps overlap, so that there series that have
    nothing to do with each other often seem related. `rows` are one step ahead; other parameters
    as of :func:`fit_inputs`.
    """
    n = len(rows)
    if n < FEWEST:
        return []
    search = _Search(rows, others, 1, season, is_log, divided)
    everything = np.ones(n, bool)
    alone = []
    for f, form in enumerate(search.forms[::2] if search.P > 1 else search.forms):
        block = _Block(search, form, (), everything)
        for own in (own for own in form.chosen if len(own) < n // 4):
            left = block.squares_left(own)
            alone.append((n * np.log(left) + np.log(n) * len(own), f, own, left))
    if not alone:
        return []
    _, f, own, without = min(alone)
    forms = search.forms[2 * f : 2 * f + 2]

    def leads(j: int) -> bool:
        for form in forms:
            block = _Block(search, form, (j,), everything)
            n_lags = len(block.mean) - block.n_own
            for q in (q for q in search.runs if q <= n_lags and q + len(own) < n // 2):
                left = block.squares_left((*own, *range(block.n_own, block.n_own + q)))
                if (n - len(own) - q - 1) * np.log(without / left) > _quantile(q):
                    return True
        return False

    return [j for j in range(others[0].shape[1]) if leads(j)]


def _quantile(freedom: int) -> float:
    """Return the quantile of the chi-squared distribution that belongs to `LEADING` deviations of
    the normal one (Wilson and Hilferty, PNAS 17, 1931)."""
    part = 2 / (9 * freedom)
    return float(freedom * (1 - part + LEADING * np.sqrt(part)) ** 3)


def lags_of_inputs(series: Sequence[Floats], P: int, season: int | None) -> int:
    """Return how many last values regressions on other inputs read, at most P: fewer in short
    series without a season, which then have more forecasts to learn from."""
    n_steps = sum(len(values) for values in series)
    return P if season else min(P, max(LEAST_LAGS, n_steps // STEPS_FOR_LAG))


def fit_again(
    fit: InputFit,
    rows: LagRows,
    others: Sequence[Floats],
    horizon: int,
    season: int | None,
    is_log: bool,
    divided: bool,
) -> InputFit:
    """Return a fit for another horizon, by the same regressions; parameters as of `fit_inputs`."""
    search = _Search(rows, others, horizon, season, is_log, divided)
    weights, bias, inputs = search.fitted(fit.candidates)
    return replace(fit, weights=weights, bias=bias, inputs=inputs)


def _certainty(gains: Floats) -> float:
    """Return the mean of gains (B,) in units of its standard error."""
    error = gains.std(ddof=1) / np.sqrt(len(gains))
    return float(gains.mean() / error) if error > 0 else float(np.sign(gains.mean())) * np.inf


@dataclass(frozen=True, order=True)
class _Candidate:
    """One regression: numbers of its form, of its own lags, of its run and of its penalty, and the
    inputs that it reads."""

    form: int
    chosen: int
    run: int
    penalty: int
    columns: tuple[int, ...]


class _Search:
    """Errors of candidates in a rolling origin, each computed once."""

    def __init__(
        self,
        rows: LagRows,
        others: Sequence[Floats],
        horizon: int,
        season: int | None,
        is_log: bool,
        divided: bool,
    ) -> None:
        self.rows, self.is_log, self.divided = rows, is_log, divided
        self.P, self.J = rows.P, others[0].shape[1]
        self.Q = min(self.P, INPUT_RUNS[-1] + 1)
        self.runs = sorted({min(q, self.P) for q in INPUT_RUNS})
        starts = np.cumsum([0, *(len(each) for each in others)])
        self.flat, self.oldest = np.concatenate(others), starts[rows.series]
        self.newest = self.oldest + rows.end
        self.forms = list(self._forms(horizon, season))
        self.parts = [
            ((rows.place < low), (rows.place >= low) & (rows.place < high))
            for low, high in origins(rows)
        ]
        self._errors: dict[tuple[tuple[int, ...], bool], dict[_Candidate, Floats]] = {}

    def _forms(self, horizon: int, season: int | None) -> Iterator[_Form]:
        for own, seasonal in Regressions(self.rows, horizon, season, True).forms():
            q = len(own)
            sets = [tuple(range(p)) for p in OWN_RUNS if p <= q]
            if season:
                around = (season - 1, season) if seasonal else _around(-horizon % season, season)
                sets += [
                    tuple(sorted({k for k in (*range(p), *around) if 0 <= k < q})) for p in (1, 4)
                ]
            read = sorted({k for each in sets for k in each})
            chosen = [tuple(np.searchsorted(read, each).tolist()) for each in dict.fromkeys(sets)]
            for changes in (False, True) if self.P > 1 else (False,):
                yield _Form(own, read, tuple(chosen), changes)

    def best(
        self, sets: Collection[tuple[int, ...]], quick: bool = False
    ) -> tuple[Floats, list[_Candidate]]:
        """Return the regressions near the best on one of `sets` of inputs, and the mean of their
        errors in each block (B,)."""
        each = {
            key: errors
            for columns in sorted(sets)
            for key, errors in self._of(columns, quick).items()
        }
        ranked = sorted((float(errors.mean()), key) for key, errors in each.items())
        near = [key for error, key in ranked[:AVERAGED] if error <= NEAR_BEST * ranked[0][0]]
        return np.mean([each[key] for key in near], axis=0), near

    def fitted(self, candidates: Sequence[_Candidate]) -> tuple[Floats, float, Floats]:
        """Return the mean weights (P,), bias and weights of inputs (Q, J) of regressions, fitted on
        all rows."""
        weights, bias, inputs = np.zeros(self.P), 0.0, np.zeros((self.Q, self.J))
        everything = np.ones(len(self.rows), bool)
        for each in candidates:
            fit = _Block(self, self.forms[each.form], each.columns, everything)
            own, c, other = fit.solve(min(each.chosen, len(fit.form.chosen) - 1), each.run)
            weights += own[each.penalty]
            bias += float(c[each.penalty])
            inputs[:, list(each.columns)] += other[each.penalty]
        n = len(candidates)
        used = np.flatnonzero(inputs.any(axis=1))
        return weights / n, bias / n, inputs[: used.max(initial=0) + 1] / n

    def _of(self, columns: tuple[int, ...], quick: bool = False) -> dict[_Candidate, Floats]:
        key = columns, quick
        if key not in self._errors:
            self._errors[key] = self._ranked(columns, quick)
        return self._errors[key]

    def _ranked(self, columns: tuple[int, ...], quick: bool) -> dict[_Candidate, Floats]:
        """Return the error of each regression on some inputs."""
        found: dict[_Candidate, list[Floats]] = {}
        runs = range(len(self.runs)) if columns else range(1)
        if quick:
            runs = range(0, len(self.runs), 2)
        for early, later in self.parts:
            tested = self.rows.take(later)
            blocks = _blocks(tested.place)
            for f, form in enumerate(self.forms):
                if form.changes and not columns:
                    continue
                block = _Block(self, form, columns, early)
                read = block.read(later)
                for s in range(len(form.chosen)):
                    for run in runs:
                        own, bias, inputs = block.solve(s, run)
                        forecast = tested.forecasts(own) + bias
                        if columns:
                            forecast += read @ inputs.reshape(len(own), -1).T
                        errors = absolute_errors(forecast, tested, self.is_log, self.divided)
                        means = blocks @ errors
                        for penalty in range(len(PENALTIES)):
                            key = _Candidate(f, s, run, penalty, columns)
                            found.setdefault(key, []).append(means[:, penalty])
        return {key: np.concatenate(parts) for key, parts in found.items()}

    def lags(self, columns: tuple[int, ...], which: NDArray[np.bool_]) -> Floats:
        """Return the last Q values (n, Q, J') of some inputs, as the rows are scaled."""
        steps = self.newest[which][:, None] - np.arange(self.Q)
        steps = np.maximum(steps, self.oldest[which][:, None])
        values = self.flat[steps][..., list(columns)]
        return np.asarray(
            values / self.rows.scale[which][:, None, None] if self.divided else values
        )


class _Block:
    """The products of all combinations of some rows, of which each regression takes a part."""

    def __init__(
        self, search: _Search, form: _Form, columns: tuple[int, ...], which: NDArray[np.bool_]
    ) -> None:
        self.search, self.form, self.columns = search, form, columns
        rows = search.rows.take(which)
        n, self.n_own = len(rows), len(form.read)
        own, sample = form.own.combined(rows, form.read), form.own.sample(rows)
        other = self.read(which)
        if form.changes:
            wide = other.reshape(n, search.Q, len(columns))
            other = (wide[:, :-1] - wide[:, 1:]).reshape(n, (search.Q - 1) * len(columns))
        left = rows.target - rows.forecasts(form.own.fixed[None])[:, 0]
        constant = not search.divided and n > 0
        J = len(columns)
        sizes = [_size(part, constant) for part in (sample, *(other[:, j::J] for j in range(J)))]
        each = np.tile(sizes[1:], other.shape[1] // max(J, 1))
        self.size = np.concatenate([np.full(self.n_own, sizes[0]), each])
        design = np.concatenate([own, other], axis=1)
        self.mean = design.mean(axis=0) if constant else np.zeros(design.shape[1])
        self.center = mean_of(left) if constant else 0.0
        left -= self.center
        design = (design - self.mean) / self.size
        self.n, self.gram, self.product = n, design.T @ design, design.T @ left
        self.total = float(left @ left)

    def read(self, which: NDArray[np.bool_]) -> Floats:
        """Return the last values (n, Q J') of the inputs, the newest first."""
        values = self.search.lags(self.columns, which)
        return values.reshape(len(values), self.search.Q * len(self.columns))

    def squares_left(self, chosen: Sequence[int]) -> float:
        """Return the sum of squares that a regression on some of the combinations leaves."""
        system = self.gram[np.ix_(chosen, chosen)] + PENALTIES[0] * np.eye(len(chosen))
        product = self.product[list(chosen)]
        left = self.total - float(product @ np.linalg.solve(system, product))
        return max(left, ROUNDING * self.total, np.finfo(float).tiny)

    def solve(self, chosen: int, run: int) -> tuple[Floats, Floats, Floats]:
        """Return the weights (L, P) of own lags, biases (L,), and weights (L, Q, J') of inputs, for
        each of L penalties."""
        form, J, L = self.form, len(self.columns), len(PENALTIES)
        P, Q = self.search.P, self.search.Q
        q = min(self.search.runs[run], Q - 1 if form.changes else Q) * J
        own = np.array(form.chosen[chosen], int)
        which = np.concatenate([own, self.n_own + np.arange(q)]).astype(int)
        if len(which) >= self.n:  # too few rows: what is fixed stands alone
            fixed = np.broadcast_to(form.own.fixed, (L, P))
            return fixed, np.full(L, self.center), np.zeros((L, Q, J))
        within = self.gram[np.ix_(which, which)]
        system = within + PENALTIES[:, None, None] * np.eye(len(which))
        right = np.broadcast_to(self.product[which][:, None], (L, len(which), 1))
        slope = np.linalg.solve(system, right)[..., 0] / self.size[which]
        bias = self.center - slope @ self.mean[which]
        weights = form.own.weights(slope[:, : len(own)], [form.read[k] for k in own])
        inputs = np.zeros((L, Q, J))
        others = slope[:, len(own) :].reshape(L, -1, J) if J else inputs[:, :0]
        inputs[:, : others.shape[1]] += others
        if form.changes:
            inputs[:, 1 : others.shape[1] + 1] -= others
        return weights, bias, inputs


def _size(values: Floats, about_mean: bool) -> float:
    """Return the mean of the deviations of columns (n, k), from their means or from 0; not 0."""
    if len(values) == 0:
        return 1.0
    middle = values.mean(axis=0) if about_mean else 0.0
    return float(np.sqrt(((values - middle) ** 2).mean(axis=0)).mean()) or 1.0


def _blocks(place: Floats) -> Floats:
    """Return what makes means (b,) in blocks of time of errors (n,) at these places."""
    number = np.floor(np.argsort(np.argsort(place, kind="stable")) * BLOCKS / len(place))
    own = number == np.arange(BLOCKS)[:, None]
    own = own[own.any(axis=1)]
    return np.asarray(own / own.sum(axis=1, keepdims=True))


def _around(lag: int, season: int) -> tuple[int, ...]:
    """Return the lags of the target's season in two seasons, and those beside them."""
    return tuple(lag + k * season + beside for k in range(2) for beside in (-1, 0, 1))
