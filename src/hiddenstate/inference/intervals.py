"""Intervals around forecasts, from the errors of earlier forecasts as many steps ahead.

Errors of forecasts j steps ahead overlap, so that few of them are independent, and old ones say
less than new ones. So the half width is the size of the errors, in which new ones count more, times
a quantile of Student's distribution with as many degrees of freedom as there are independent
errors, times the shape of their distribution. Few errors give wide intervals, none give none.
"""

import numpy as np

from hiddenstate.data.rows import Read, of_features
from hiddenstate.inference.forecast import Paths
from hiddenstate.metrics.student import normal_quantile, student_quantile
from hiddenstate.models.fitted import FittedModel
from hiddenstate.program.ahead import mean_change
from hiddenstate.system.typing import Array

HALF_LIFE = 15
"""Steps, or a season if that is longer, after which an error counts half."""

FORGOTTEN = 10
"""Half-lives after which an error no longer counts."""


class Intervals:
    """Intervals around the forecasts of a model.

    Errors, of logarithms if the model forecasts these, are divided by the mean change of their
    series over a season, so that the intervals of each series have a width of their own, as those
    of normalized conformal prediction (Papadopoulos et al., "Normalized nonconformity measures for
    regression conformal prediction", AIA 2008).

    Parameters
    ----------
    model : FittedModel
    series : list of ndarray (T_i, I)
    """

    def __init__(self, model: FittedModel, series: list[Array]) -> None:
        self._log = np.array(model.transform.log or [False] * model.net.n_outputs)
        self._own = model.transform.own_features
        self.season = model.transform.season or 1
        own = [of_features(each, self._own)[None] for each in series]
        self.plain = [mean_change(Read(each), self.season)[0] for each in own]
        scales = self.plain
        if self._log.any():
            scales = [mean_change(Read(each, self._logs), self.season)[0] for each in own]
        self.scales = np.stack(scales)

    def _logs(self, values: Array) -> Array:
        if not self._log.any():
            return values
        return np.where(
            self._log, np.log(np.where(self._log, np.maximum(values, 1e-300), 1)), values
        )

    def errors(self, paths: Paths) -> Array:
        """Return the absolute scaled errors (n, H, O) of paths; NaN where nothing is observed."""
        error = np.abs(self._logs(paths.values) - self._logs(paths.actual))
        return np.asarray(error / self.scales[paths.series][:, None])

    def sizes(self, paths: Paths, errors: Array) -> "ErrorSizes":
        """Return the sizes of errors (n, H, O) of paths, as far as they are known."""
        return ErrorSizes(errors, paths.series, paths.origin, max(HALF_LIFE, self.season))

    def around(self, values: Array, series: Array, half_widths: Array) -> tuple[Array, Array]:
        """Return lower and upper ends (n, H, O) around forecasts; NaN without a half width."""
        half = half_widths * self.scales[series][:, None]
        center = self._logs(values)
        with np.errstate(over="ignore"):
            low, high = (
                np.where(self._log, np.exp(np.where(self._log, end, 0)), end)
                for end in (center - half, center + half)
            )
        return low, high


class ErrorSizes:
    """How large the errors of forecasts are, for each number of steps ahead.

    The size is the root of the weighted mean of the squares. The degrees of freedom are those of
    Satterthwaite (Biometrics Bulletin 2, 1946): the weighted mean of the squares of errors j steps
    ahead, k < j steps apart, varies as if their correlation was 1 - k / j, as it is in a random
    walk. The shape is a quantile of all errors, each divided by its size, as if as many normal
    errors as one lies outside of were among them.

    Parameters
    ----------
    errors : ndarray (n, H, O)
        Absolute errors; NaN where they are not known.
    series, origin : ndarray (n,)
        The series of each forecast, and the last step that it knows.
    half_life : int
        Steps after which an error counts half.
    """

    def __init__(self, errors: Array, series: Array, origin: Array, half_life: int) -> None:
        H, n_targets = errors.shape[1:]
        self.size, self.freedom = np.full((2, H, n_targets), np.nan)
        self._relative: list[list[tuple[Array, Array]]] = [[] for _ in range(n_targets)]
        numbers = np.unique(series, return_inverse=True)[1]
        last = np.zeros(int(numbers.max(initial=-1)) + 1, np.int64)
        np.maximum.at(last, numbers, origin)
        steps = min(int((last[numbers] - origin).max(initial=0)) + 1, FORGOTTEN * half_life + H)
        place = steps - 1 - (last[numbers] - origin)
        recent = place >= 0
        grid = np.full((len(last), steps, H), np.nan)
        for target in range(n_targets):
            grid[numbers[recent], place[recent]] = errors[recent, :, target]
            for ahead in range(H):
                self._add(grid[:, :, ahead], ahead, target, half_life)

    def _add(self, errors: Array, ahead: int, target: int, half_life: int) -> None:
        """Add the errors (S, L) of consecutive origins, `ahead` + 1 steps ahead."""
        known = np.isfinite(errors)
        if not known.any():
            return
        L = errors.shape[1]
        newest = L - 1 - known[:, ::-1].argmax(axis=1)
        age = newest[:, None] - np.arange(L)
        counts = known & (age <= FORGOTTEN * half_life)
        weight = np.where(counts, 0.5 ** (np.maximum(age, 0) / half_life), 0.0)
        total = weight.sum()
        size = float(np.sqrt((weight * np.where(counts, errors, 0) ** 2).sum() / total))
        products = np.fft.irfft((np.abs(np.fft.rfft(weight, 2 * L)) ** 2).sum(axis=0))
        apart = np.arange(1, min(ahead + 1, L))
        alike = (1 - apart / (ahead + 1)) ** 2
        self.size[ahead, target] = size
        spread = products[0] + 2 * (products[apart] * alike).sum()
        self.freedom[ahead, target] = max(1.0, total**2 / spread)
        if size > 0:
            self._relative[target].append((errors[counts] / size, weight[counts]))

    def half_widths(self, level: float) -> Array:
        """Return what covers `level` of new absolute errors (H, O); NaN without any errors.

        It does not fall with the steps ahead.
        """
        widths = np.full(self.size.shape, np.nan)
        normal = normal_quantile(level)
        for target, relative in enumerate(self._relative):
            known = np.flatnonzero(np.isfinite(self.size[:, target]))
            quantile = normal
            if relative:
                n = float(self.freedom[known, target].max())
                share = n / (n + 1 / (1 - level))
                values, weights = (np.concatenate(part) for part in zip(*relative, strict=True))
                quantile = share * _quantile(values, weights, level) + (1 - share) * normal
            factors = [
                student_quantile(level, round(float(v), 3)) for v in self.freedom[known, target]
            ]
            each = self.size[known, target] * np.array(factors) * quantile / normal
            widths[known, target] = np.maximum.accumulate(each)
        return widths


def _quantile(values: Array, weights: Array, level: float) -> float:
    """Return the weighted quantile of values (n,)."""
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order]) - weights[order] / 2
    return float(np.interp(level, below / weights.sum(), values[order]))
