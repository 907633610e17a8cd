"""Forecasts a target by a linear function of its own last values, fitted on training rows.

Every candidate is a vector of weights on lags: repeating a value, exponential smoothing, and ridge
regressions on levels, changes and seasonal changes, of one step and applied again. A rolling origin
within the training rows ranks them. As they are all linear, their average is one vector too.
"""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data.prepare.candidates import Chosen, Pool
from hiddenstate.data.prepare.effects import candidate_effects
from hiddenstate.data.prepare.lags import LagRows, latest_rows, mean_change
from hiddenstate.data.prepare.linear_path import Group, LinearPath, with_nearer
from hiddenstate.data.prepare.other_inputs import (
    InputFit,
    fit_again,
    fit_inputs,
    lags_of_inputs,
    leading_inputs,
)
from hiddenstate.data.prepare.season import season_of
from hiddenstate.data.rows import Rows, column, in_pieces, of_features

Floats = NDArray[np.float64]

WHOLE_LAGS = 32
"""Most last values that a path reads of series that are not cut into windows."""

WHOLE = 1e-7
"""Difference from 1 below which a sum of weights is 1."""

MOST_TARGETS = 4
"""Most targets that may be forecast from the past of others, and of other inputs."""

MOST_NEARER = 366
"""Longest horizon whose nearer steps have a path each."""

LOG_GAIN, GAIN = 0.995, 0.98
"""Logarithms are taken, and what is known ahead and other inputs are read, if they lower the error
to this fraction of what it is without."""


@dataclass(frozen=True)
class Names:
    """Names of what a path may read: by the name of each column known ahead, the features of it
    among all that are; and those of other inputs and of the targets, which are the last ones."""

    ahead: Mapping[str, Sequence[int]]
    columns: tuple[str, ...]
    n_targets: int


def all_above_zero(rows: Rows, features: tuple[int, ...]) -> bool:
    """Return whether no value of `features` that is known is 0 or less."""
    series = (of_features(X[:n], features) for X, n in zip(rows.X, rows.ends, strict=True))
    return not any((piece <= 0).any() for values in series for _, piece in in_pieces(values))


def _all_above_zero(series: Sequence[Floats]) -> bool:
    least = [np.fmin.reduce(values, initial=np.inf) for values in series]  # of what is known
    return bool(0 < min(least) < np.inf)


def logarithms_if(is_log: bool, series: Sequence[Floats]) -> list[Floats]:
    """Return series (T_i,), or their logarithms."""
    return [np.log(values) if is_log else values for values in series]


def filled(series: Sequence[Floats]) -> list[Floats]:
    """Return series (T_i, J) with the mean of each column over all in the place of gaps."""
    known = np.concatenate(series)
    absent = ~np.isfinite(known)
    if not absent.any():
        return list(series)
    number = np.maximum((~absent).sum(axis=0), 1)
    mean = np.where(absent, 0, known).sum(axis=0) / number
    return [np.where(np.isfinite(values), values, mean) for values in series]


def path_of_rows(
    rows: Rows,
    features: tuple[int, ...],
    horizon: int,
    window: int,
    log: bool = True,
    ahead: Sequence[int] = (),
    inputs: Sequence[int] | None = None,
    seasons: tuple[int, ...] | None = None,
    names: Names | None = None,
) -> LinearPath:
    """Fit a path on training series, not cut into windows, whose `features` hold the targets.

    It reads at most a window or, if series are not cut (0), `WHOLE_LAGS` steps. It takes
    logarithms only if `log` is true. Features `ahead` are known ahead; the past of `inputs` and of
    other targets may be read. `seasons` as in :func:`fit_linear_path`; runs that name them, also
    none, have paths of nearer steps for a horizon of at most `MOST_NEARER`. With `names`, the path
    says what columns other than the targets are worth.
    """
    lengths = rows.ends
    series = [of_features(X[:n], list(features)) for X, n in zip(rows.X, lengths, strict=True)]
    longest = int(lengths.max())
    observed = None
    if rows.y is not None and rows.y.ndim == 3:
        observed = [y[:n] for y, n in zip(rows.y, lengths, strict=True)]
    lags = window or min(WHOLE_LAGS, longest // 3)
    known = [X[:n, list(ahead)].astype(float) for X, n in zip(rows.X, lengths, strict=True)]
    others = None
    if inputs is not None:
        others = [X[:n, list(inputs)].astype(float) for X, n in zip(rows.X, lengths, strict=True)]
    most = max(1, min(lags, longest - horizon))
    of_ahead = known if ahead else None
    nearer = seasons is not None and 1 < horizon <= MOST_NEARER
    columns = [*(inputs or ()), *features]
    if names is not None:
        names = replace(names, columns=tuple(names.columns[k] for k in columns))
    path = fit_linear_path(
        series, horizon, most, log, of_ahead, observed, others, seasons, nearer, names
    )
    which = tuple(columns[k] for k in path.inputs)
    steps = tuple(replace(each, inputs=which) for each in path.nearer)
    return replace(path, inputs=which, nearer=steps)


def fit_linear_path(
    series: Sequence[Floats],
    horizon: int,
    most_lags: int,
    log: bool = True,
    known: Sequence[Floats] | None = None,
    observed: Sequence[Floats] | None = None,
    others: Sequence[Floats] | None = None,
    seasons: tuple[int, ...] | None = None,
    nearer: bool = False,
    names: Names | None = None,
) -> LinearPath:
    """Fit a path on training series.

    Parameters
    ----------
    series : sequence of ndarray (T_i, O)
        Values of the targets; steps with a missing value are left out.
    horizon : int
        Steps from the last value to the one that is forecast.
    most_lags : int
        Most values that a forecast may read.
    log : bool, default True
        Whether logarithms may be taken.
    known : sequence of ndarray (T_i, K), optional
        Columns that are known ahead.
    observed : sequence of ndarray (T_i, O), optional
        The values where those of `series` are filled in: what a forecast reads may be, but what it
        is compared with is not.
    others : sequence of ndarray (T_i, J), optional
        Inputs whose past may be read by at most `MOST_TARGETS` targets, which also read each other.
    seasons : tuple of int, optional
        The steps after which the targets repeat, the main season first; by default looked for as
        earlier versions do.
    nearer : bool, default False
        Whether paths of nearer steps are fitted too.
    names : Names, optional
        Of the columns of `known`, and of those of `others` and the targets, for `groups`.

    Returns
    -------
    LinearPath
        Its `inputs` are numbers of the columns of `others`, then of the targets.
    """
    if seasons is None:
        season, seasons = season_of(series, most_lags), ()
    else:
        season = seasons[0] if seasons else None
    n = series[0].shape[1]

    def each(o: int) -> list[Floats]:  # a target at a time, as all are a copy of the data
        return [column(values, o) for values in series]

    def both(o: int) -> tuple[list[Floats], list[Floats]]:  # what is read, and what it is to be
        own = each(o)
        return own, own if observed is None else [column(values, o) for values in observed]

    def fitted(o: int, logs: tuple[bool, ...]) -> _Fit:
        return _fit(*both(o), horizon, most_lags, season, logs, known, read[o], nearer)

    inputs = None if others is None or n > MOST_TARGETS else filled(others)
    read = [inputs if n == 1 else None] * n
    fits = [
        fitted(o, (False, True) if log and _all_above_zero(each(o)) else (False,)) for o in range(n)
    ]
    if inputs is not None and n > 1:
        values = [logarithms_if(fit.log, each(o)) for o, fit in enumerate(fits)]
        for o in range(n):  # what the other targets are read as is known now
            all_inputs = [
                np.column_stack([*more.T, *(values[k][i] * (k != o) for k in range(n))])
                for i, more in enumerate(inputs)
            ]
            read[o] = filled(all_inputs)
            fits[o] = fitted(o, (fits[o].log,))
    groups: list[Group] = []
    for o in range(n if names is not None else 0):
        assert names is not None
        again = partial(_fit, *both(o), horizon, most_lags, season, (fits[o].log,))
        groups += _groups(fits[o], partial(again, inputs=read[o], nearer=False), known, names, o)
    path = replace(_path(fits, known, season, seasons), groups=tuple(groups))
    each_step = zip(*(fit.nearer for fit in fits), strict=True)
    steps = [_path(own, known, season, seasons) for own in each_step]
    return with_nearer(path, steps) if steps else path


def _groups(
    fit: "_Fit",
    again: "Callable[[list[Floats] | None], _Fit]",
    known: Sequence[Floats] | None,
    names: Names,
    target: int,
) -> Iterator[Group]:
    """Yield what the columns known ahead and the past of each input are worth to one target;
    nothing if rows are too few for an error."""
    if not np.isfinite(fit.error):
        return
    several = names.n_targets > 1
    own = len(names.columns) - names.n_targets + target
    of = f" for {names.columns[own]}" * several
    for name, which in names.ahead.items():
        without = fit.error
        if known is not None and fit.effects is not None and fit.effects[list(which)].any():
            rest = [k for k in range(known[0].shape[1]) if k not in which]
            without = again([columns[:, rest] for columns in known] if rest else None).error
        yield Group(f"{name} known ahead{of}", fit.error * fit.unit, without * fit.unit, fit.scaled)
    for j, name in enumerate(names.columns):
        if j != own and (several or j < own):
            without = (fit.without or {}).get(j, fit.error)
            yield Group(f"past of {name}{of}", fit.error * fit.unit, without * fit.unit, fit.scaled)


def _path(
    fits: "Sequence[_Fit]",
    known: Sequence[Floats] | None,
    season: int | None,
    seasons: tuple[int, ...],
) -> LinearPath:
    """Return the path of the fits of each target.

    It is rounded, so that it does not depend on the order in which a processor adds.
    """
    effects = None
    if known is not None and any(fit.effects is not None for fit in fits):
        none = np.zeros(known[0].shape[1])
        effects = np.stack([none if fit.effects is None else fit.effects for fit in fits])
        effects = effects.astype(np.float32).astype(float)
    used, input_weights = _input_weights([fit.inputs for fit in fits])
    return LinearPath(
        weights=np.stack([_rounded(fit.weights) for fit in fits]),
        bias=np.array([fit.bias for fit in fits]).astype(np.float32).astype(float),
        log=tuple(fit.log for fit in fits),
        season=season,
        effects=effects,
        inputs=used,
        input_weights=input_weights,
        seasons=seasons,
    )


def _rounded(weights: Floats) -> Floats:
    """Return weights (P,) in float32; if their sum is 1, so that a path of levels far from 0 keeps
    the level, the first takes what rounding leaves of it."""
    rounded = weights.astype(np.float32).astype(float)
    if abs(weights.sum() - 1) < WHOLE:
        rounded[0] = 1 - math.fsum(rounded[1:])
    return rounded


def _input_weights(fits: "Sequence[Floats | None]") -> tuple[tuple[int, ...], Floats | None]:
    """Return which inputs have weights (Q, J) for a target, and these weights (O, Q, I')."""
    some = [weights for weights in fits if weights is not None]
    if not some:
        return (), None
    Q, J = (max(weights.shape[axis] for weights in some) for axis in (0, 1))
    both = np.zeros((len(fits), Q, J))
    for own, weights in zip(both, fits, strict=True):
        if weights is not None:
            own[: len(weights), : weights.shape[1]] = weights
    used = np.flatnonzero(both.any(axis=(0, 1)))
    return tuple(used.tolist()), both[..., used].astype(np.float32).astype(float)


@dataclass(frozen=True)
class _Fit:
    """A path for one target: its error in a rolling origin, weights (P,), bias, whether they are
    of logarithms, the effects (K,) of columns known ahead, the weights (Q, J) of inputs, the paths
    of 1, 2, ... steps before it, the error without each input, and the unit of errors, in which
    those of several series are scaled."""

    error: float
    weights: Floats
    bias: float
    log: bool
    effects: Floats | None = None
    inputs: Floats | None = None
    nearer: "tuple[_Fit, ...]" = ()
    without: dict[int, float] | None = None
    unit: float = 1.0
    scaled: bool = False


def _fit(
    series: list[Floats],
    observed: list[Floats],
    horizon: int,
    P: int,
    season: int | None,
    logs: Sequence[bool],
    columns: Sequence[Floats] | None,
    inputs: list[Floats] | None,
    nearer: bool,
) -> _Fit:
    """Return the path of the smallest error; logarithms, effects and inputs must be worth it.

    With `nearer`, it holds those of the steps before it.
    """
    scales = [mean_change(values) or 1.0 for values in series]
    best: _Fit | None = None
    chosen: _Fits | None = None
    for is_log in logs:
        # Series of different sizes are divided by their scales, unless logarithms are taken.
        divided = len(series) > 1 and not is_log
        sizes = scales if divided else [1.0] * len(series)
        values = logarithms_if(is_log, series)
        truth = values if observed is series else logarithms_if(is_log, observed)
        pool = Pool(horizon, P, season, constant=not divided)
        choices: list[Floats | None] = [None]
        if columns is not None:
            choices += candidate_effects(truth, columns, scales if not is_log else sizes, season)
        for effects in choices:
            moves, middle = _moves(values, columns, effects)
            read, wanted = values, truth
            if effects is not None or divided:  # without a copy of one long series
                parts = list(zip(moves, sizes, strict=True))
                read, wanted = (
                    [(own - moved) / size for own, (moved, size) in zip(each, parts, strict=True)]
                    for each in (values, truth)
                )
            rows = partial(latest_rows, read, wanted, scales, moves, P)
            n_lags = lags_of_inputs(read, P, season)
            of_inputs = partial(latest_rows, read, wanted, scales, moves, n_lags)
            far = rows(horizon)
            own = pool.fit(far, rows(1), is_log, divided)
            fits = _Fits(rows, of_inputs, pool, own, inputs, is_log, divided, effects, middle)
            if best is None or own.error < (GAIN if effects is not None else LOG_GAIN) * best.error:
                best, chosen = fits.of(own), fits
            more = fits.with_inputs(horizon)
            if more is not None and more.error < GAIN * min(own.error, best.error) < np.inf:
                best, chosen = fits.of(more), fits
    assert best is not None
    assert chosen is not None
    best = replace(best, unit=scales[0] if len(series) == 1 else 1.0, scaled=len(series) > 1)
    return (
        replace(best, nearer=tuple(chosen.nearer(horizon, best.without or ()))) if nearer else best
    )


@dataclass(frozen=True)
class _Fits:
    """Fits a path of any number of steps ahead, with logarithms and effects that are given: rows of
    so many steps, the candidates of own lags and those chosen at the horizon, and inputs."""

    rows: Callable[[int], LagRows]
    of_inputs: Callable[[int], LagRows]
    pool: Pool
    own: Chosen
    inputs: list[Floats] | None
    is_log: bool
    divided: bool
    effects: Floats | None
    middle: float

    def of(self, fit: Chosen | InputFit) -> _Fit:
        """Return a fit in the units of the series."""
        bias = fit.bias + self.middle * (fit.weights.sum() - 1)
        inputs, without = None, None
        if isinstance(fit, InputFit):
            inputs, without = fit.inputs, fit.without
        weights = fit.weights
        return _Fit(fit.error, weights, bias, self.is_log, self.effects, inputs, without=without)

    def with_inputs(
        self,
        ahead: int,
        like: InputFit | None = None,
        among: Collection[int] | None = None,
    ) -> InputFit | None:
        """Return the fit on own lags and on the inputs that help, of all or `among` some, or on
        those of another fit; None if there is none."""
        if self.inputs is None:
            return None
        if like is None:
            among = set(self.leading) if among is None else {*self.leading} & {*among}
        rows = self.of_inputs(ahead)
        about = (rows, self.inputs, ahead, self.pool.season, self.is_log, self.divided)
        fit = fit_inputs(*about, among) if like is None else fit_again(like, *about)
        if fit is None or len(fit.weights) == self.pool.P:
            return fit
        return replace(fit, weights=np.pad(fit.weights, (0, self.pool.P - len(fit.weights))))

    @cached_property
    def leading(self) -> list[int]:
        """The inputs that help one step ahead; the others are not read."""
        assert self.inputs is not None
        about = (self.inputs, self.pool.season, self.is_log, self.divided)
        return leading_inputs(self.of_inputs(1), *about)

    def nearer(self, horizon: int, read: Collection[int]) -> Iterator[_Fit]:
        """Yield the paths of 1, 2, ... steps ahead, fewer than the horizon, which reads the inputs
        `read`.

        Inputs are searched one step ahead and, of those found there or read at the horizon, 2, 4,
        ... steps ahead; the steps after these read the same.
        """
        fit: InputFit | None = None
        among: Collection[int] | None = None
        owns = self.pool.nearer(self.own, self.rows, horizon - 1, self.is_log, self.divided)
        for ahead, own in enumerate(owns, 1):
            if ahead & (ahead - 1) == 0:
                fit = self.with_inputs(ahead, among=among)
                fit = fit if fit is not None and fit.error < GAIN * own.error else None
                among = {*read, *(fit.without if fit else ())} if among is None else among
            elif fit is not None:
                fit = self.with_inputs(ahead, fit)
            yield self.of(own if fit is None else fit)


def _moves(
    values: Sequence[Floats], columns: Sequence[Floats] | None, effects: Floats | None
) -> tuple[list[Floats], float]:
    """Return what columns add to each series, less its mean over all, and that mean."""
    if columns is None or effects is None:
        return [np.broadcast_to(0.0, len(own)) for own in values], 0.0
    moves = [np.asarray(beside @ effects) for beside in columns]
    middle = float(np.nanmean(np.concatenate(moves)))
    return [moved - middle for moved in moves], middle
