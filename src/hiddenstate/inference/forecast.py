"""Forecasts the steps after the end of series, with intervals from earlier forecasts.

A model with horizon h answers h steps ahead. The first h steps are *direct*: step j is the answer
to the window that ends h - j steps before the end of the series. Later steps are *recursive*: the
forecasts are appended to the series, and the model answers again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hiddenstate.data import Rows
from hiddenstate.data.prepare.apply import UNREADABLE
from hiddenstate.data.prepare.known_ahead import known_steps, up_to
from hiddenstate.data.prepare.missing import check_finite
from hiddenstate.data.store import PIECE
from hiddenstate.engines import Predictor, make_predictor
from hiddenstate.errors import DataError, OptionError, count, listed
from hiddenstate.models.fitted import FittedModel
from hiddenstate.program.order import step_of
from hiddenstate.program.rows import carry_forward
from hiddenstate.program.steps import Logarithm
from hiddenstate.system.typing import Array

ORIGINS = 1000
"""Most latest origins of a series from which forecasts are made to calibrate intervals."""

WINDOWS = 4096
"""Windows that are answered at once."""


@dataclass(frozen=True)
class Paths:
    """Forecasts from n origins, each H steps ahead, of O targets.

    Parameters
    ----------
    series, origin : ndarray (n,)
        The series, and the last step that the forecast knows.
    values : ndarray (n, H, O)
    actual : ndarray (n, H, O)
        What was observed; NaN after the end of the series.
    """

    series: Array
    origin: Array
    values: Array
    actual: Array

    def take(self, which: Array) -> "Paths":
        """Return some of the paths."""
        return Paths(*(part[which] for part in vars(self).values()))


def trained_steps(model: FittedModel) -> int:
    """Return how many steps ahead a model was trained to forecast.

    Raises
    ------
    OptionError
        If it does not forecast.
    """
    if not model.net.kind.has_targets:
        raise OptionError(
            f"forecast: a {model.net.job} model does not forecast; use one of regress --horizon 1"
        )
    if trained := int(model.transform.reading.get("horizon") or 0):
        return trained
    raise OptionError(
        "forecast: the model was not trained with --horizon; use one of regress --horizon 1"
    )


class Forecaster:
    """Forecasts paths of a model.

    Parameters
    ----------
    model : FittedModel
        A regressor trained with a horizon on windows.
    predictor : Predictor
        The same model, ready to compute.
    horizon : int
        Steps H of a path.
    after : sequence of ndarray (F_i, K), optional
        Values after each series of the K features that are known ahead. Steps that would read
        later ones are NaN.

    Raises
    ------
    OptionError
        If the model does not forecast, or cannot forecast so far ahead.
    """

    def __init__(
        self,
        model: FittedModel,
        predictor: Predictor,
        horizon: int,
        after: Sequence[Array] | None = None,
    ) -> None:
        self.model, self.predictor, self.horizon = model, predictor, horizon
        self.after, transform = after, model.transform
        self.trained = trained_steps(model)
        if transform.quantiles:
            raise OptionError(
                "forecast: the model answers quantiles, which no later forecast can be made of; "
                "use predict, or train it without --loss quantile"
            )
        self.window = model.window
        if model.stateful or not self.window:
            reads = "carries its state" if model.stateful else "reads whole series"
            raise OptionError(
                f"forecast: the model {reads}; train it with --no-stateful on windows"
            )
        self.own = transform.own_features
        self.known, self.static = transform.known.ahead, transform.known.static
        if not self.own:
            names = f" ({listed(transform.targets)})" if transform.targets else ""
            raise OptionError(
                f"forecast: the model does not read the values of its targets{names}; train one "
                "that has them among its inputs (--input)"
            )
        given = {*self.own, *self.known, *self.static}
        unknown = [k for k in range(model.n_features) if k not in given]
        if horizon > self.trained and unknown:
            inputs = self._named(unknown)
            listing = f" ({listed(inputs, each=40)})" if inputs else ""
            known = f", or with --future {inputs[0]} if it is known ahead" if inputs else ""
            raise OptionError(
                f"--horizon: the model forecasts {count(self.trained, 'step')} ahead, and later "
                f"steps require inputs that are not forecast{listing}; train with "
                f"--horizon {horizon}{known}"
            )

    def _named(self, unknown: list[int]) -> list[str]:
        """Return the names of the columns of inputs whose later values are unknown."""
        transform = self.model.transform
        if transform.columns is None:
            return []
        encoded = {name: each.column for each in transform.encodings for name in each.features}
        names = (transform.columns[k] for k in unknown)
        return list(dict.fromkeys(encoded.get(name, name) for name in names))

    def followed_by(self, after: Sequence[Array]) -> "Forecaster":
        """Return the forecaster with values known ahead after each series."""
        return Forecaster(self.model, self.predictor, self.horizon, after)

    @property
    def length(self) -> int:
        """Steps of a series that a path reads."""
        return self.window + self.trained - 1

    @property
    def least(self) -> int:
        """Fewest steps of a series, at least two; for a path, the first value stands for those
        before it."""
        transform = self.model.transform
        if not transform.has_path:
            return self.length
        return 2 if transform.nearer else max(2, self.trained)

    def method(self, ahead: Array) -> Array:
        """Return how each step `ahead` (n,) is forecast: direct or recursive."""
        return np.where(ahead <= self.trained, "direct", "recursive")

    def paths(self, series: list[Array], origins: list[Array]) -> Paths:
        """Forecast from origins (n_i,) of each series (T_i, I), as the data has them."""
        numbers = np.repeat(np.arange(len(series)), [len(each) for each in origins])
        ends = np.concatenate([np.zeros(0, np.int64), *origins]).astype(np.int64)
        shape = (len(ends), self.horizon, len(self.own))
        values, actual, first = np.full(shape, np.nan), np.full(shape, np.nan), 0
        for number, (own, at) in enumerate(zip(series, origins, strict=True)):
            part, ahead = slice(first, first + len(at)), self.known_after(own, number)
            if len(at):
                values[part] = self._forecast(own, ahead, at)
                later = at[:, None] + np.arange(1, self.horizon + 1)
                known = later < len(own)
                actual[part][known] = own[later[known]][:, self.own]
            first += len(at)
        return Paths(numbers, ends, values, actual)

    def again(self, paths: Paths, series: list[Array]) -> Array:
        """Return the forecasts (n, H, O) of this model from the origins of other paths."""
        origins = [paths.origin[paths.series == i] for i in range(len(series))]
        return self.paths(series, origins).values

    def spread(self, paths: Paths, series: list[Array]) -> tuple[Array, Array] | None:
        """Return the lowest and the highest forecast (n, H, O) of the members of the net, each
        alone, from the origins of paths; None of a net without members."""
        if self.model.n_members == 1:
            return None
        each = []
        for member in self.model.members():
            alone = Forecaster(member, make_predictor(member, "cpu", 1), self.horizon, self.after)
            each.append(alone.again(paths, series))
        return np.min(each, axis=0), np.max(each, axis=0)

    def known_after(self, values: Array, number: int) -> Array:
        """Return what is known ahead at each step of a series (T, I) and after it, (T + F, K)."""
        own = values[:, self.known].astype(np.float64)
        return own if self.after is None else np.concatenate([own, self.after[number]])

    def _forecast(self, series: Array, ahead: Array, origins: Array) -> Array:
        """Return forecasts (n, H, O) from `origins` (n,) of a series (T, I), of which `ahead`
        (T + F, K) is known."""
        H, h, T = self.horizon, self.trained, len(series)
        if self.model.transform.missing == "forward":  # also from before a window, as predict does
            series, ahead = (
                carry_forward(np.where(np.isfinite(x), x, np.nan)[None])[0] for x in (series, ahead)
            )
        n_blocks, n_known = -(-H // h), len(ahead)
        ahead = np.concatenate([ahead, ahead[-1:].repeat(max(0, T + n_blocks * h - n_known), 0)])
        whole = _Histories(series[None], np.zeros(1, np.int64), ahead)
        made = [self._block(whole, np.zeros_like(origins), origins, min(H, h))]
        if h < H:
            width = min(self.length, T)
            begin, rows = np.maximum(origins - width + 1, 0), np.arange(len(origins))
            steps = begin[:, None] + np.arange(width + n_blocks * h)
            reads = series[np.minimum(steps, origins[:, None])].astype(np.float64)
            reads[..., self.known] = ahead[steps]
            each, at = _Histories(reads, begin, ahead), origins - begin
        for _ in range(h, H, h):
            later = (rows[:, None], at[:, None] + np.arange(1, h + 1))
            reads[(*(part[..., None] for part in later), self.own)] = made[-1]
            at = at + h
            made.append(self._block(each, rows, at, h))
        forecast = np.concatenate(made, axis=1)[:, :H]
        if self.known:
            forecast[origins[:, None] + np.arange(1, H + 1) >= n_known] = np.nan
        return forecast

    def _block(self, read: "_Histories", rows: Array, ends: Array, n_steps: int) -> Array:
        """Return forecasts (n, n_steps, O) of up to `horizon` steps after the steps `ends` (n,) of
        histories `rows` (n,)."""
        h, transform = self.trained, self.model.transform
        T = read.values.shape[1]
        before = ends[:, None] + np.arange(n_steps) + 1 - h
        there = before >= 0
        which, place = np.unique((rows[:, None] * T + before)[there], return_inverse=True)
        answers, added = self._answers(*read.windows(*np.divmod(which, T), self.window, h))
        values: Array = np.zeros((*before.shape, len(self.own)))
        net = np.zeros_like(values)
        values[there], net[there] = answers[place], added[place]
        for step in range(min(n_steps, len(transform.nearer))):  # from the newest values
            X, lengths = read.windows(rows, ends, self.window, step + 1)
            X = transform.apply(X, lengths, self.model.dtype, "series")
            values[:, step] = transform.nearer_targets(step, X, lengths, net[:, step])
        return values

    def _answers(self, X: Array, lengths: Array | None) -> tuple[Array, Array]:
        """Return the answer (n, O) to each window (n, W, I), as the data has them, and what the
        network adds to the path, logarithms where that takes them."""
        transform = self.model.transform
        answers, added = [np.empty((0, len(self.own)))], [np.empty((0, len(self.own)))]
        for first in range(0, len(X), WINDOWS):
            part = slice(first, first + WINDOWS)
            n = None if lengths is None else lengths[part]
            read = transform.apply(X[part], n, self.model.dtype, "series")
            outputs = self.predictor.predict(read, n)
            made = transform.undo_targets(outputs, read, n)
            if outputs.ndim == 3:
                last = np.full(len(read), -1) if n is None else n - 1
                made, outputs = (each[np.arange(len(read)), last] for each in (made, outputs))
            answers.append(made)
            added.append(transform.added_to_path(outputs, read, n))
        return np.concatenate(answers), np.concatenate(added)


@dataclass(frozen=True)
class _Histories:
    """Values (R, T, I) of R series, the first step of each (R,), and what is known ahead at all
    steps (S, K)."""

    values: Array
    begin: Array
    ahead: Array

    def windows(
        self, rows: Array, ends: Array, window: int, horizon: int
    ) -> tuple[Array, Array | None]:
        """Return the windows (n, W, I + K) that end at steps `ends` (n,) of `rows` (n,), beside
        what is known `horizon` steps later, and their lengths if some are shorter."""
        first = np.maximum(ends - window + 1, 0)
        lengths = ends - first + 1
        steps = np.minimum(first[:, None] + np.arange(window), ends[:, None])
        later = self.ahead[self.begin[rows][:, None] + steps + horizon]
        X = np.concatenate([self.values[rows[:, None], steps], later], axis=2)
        return X, None if (lengths == window).all() else lengths


def series_of_rows(rows: Rows, forecaster: Forecaster, where: str) -> list[Array]:
    """Return the series (T_i, I) of rows as read, in float64 unless they are large.

    Raises
    ------
    DataError
        If one is too short, or has values missing that the model does not fill in.
    """
    X = rows.X[:]
    X = X[None, :, None] if X.ndim == 1 else X[None] if X.ndim == 2 else X
    if forecaster.known:  # the steps after the last target are those to forecast
        rows = replace(rows, X=X)
        rows = up_to(rows, known_steps(rows, forecaster.own))
        X = rows.X
    lengths = np.full(len(X), X.shape[1]) if rows.lengths is None else rows.lengths
    for i, n in enumerate(lengths):
        if n < forecaster.least:
            name = i if rows.ids is None else rows.ids[i]
            raise DataError(
                f"{where}: series {name} has {count(int(n), 'step')}; a forecast reads at least "
                f"{forecaster.least}"
            )
    transform = forecaster.model.transform
    if transform.missing in ("error", "drop"):
        check_finite(X, rows.lengths, where, transform.names, True, rows.ids)
    logarithm = step_of(transform.steps, Logarithm)
    for i, n in enumerate(lengths):
        if logarithm is None:
            break
        first = max(int(n) - forecaster.length, 0)
        low = (X[i, first:n][:, list(logarithm.features)] <= 0).any(axis=1)
        if low.any():
            name = i if rows.ids is None else rows.ids[i]
            step = first + int(np.argmax(low))
            raise DataError(f"{where}: series {name}, step {step} {UNREADABLE['logarithm']}")
    kept = X.dtype.kind == "f" and X.nbytes > PIECE  # large series are not copied
    dtype = X.dtype if kept else np.float64
    return [np.asarray(row[:n], dtype) for row, n in zip(X, lengths, strict=True)]
