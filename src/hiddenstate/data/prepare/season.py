"""The seasons of series: the steps after which their values repeat.

A series that repeats after k steps has lines in its periodogram at the frequencies j / k. Cut to a
whole number of periods, these are single ordinates, and each is compared with the mean of the
ordinates around it, which belong to no such line (a local F test of harmonics, as in Thomson, Proc.
IEEE 70, 1982, section XIII). Trends, random walks and autoregressions have smooth spectra, so that
their ordinates are about as large as those around them.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data.rows import column_spans, in_pieces

Floats = NDArray[np.float64]

Why = Literal["of the calendar", "of the data", "as given", "none"]
"""Where seasons come from."""

ALPHA, WEAK = 0.005, 0.02
"""Levels of significance: over all periods that are tried, and of one that the calendar names."""

SURE = 1e-6
"""A season of the calendar that is as unlikely as this by chance is kept whatever else is found."""

NEAR = 6
"""Ordinates on each side of a line that it is compared with."""

HARMONICS = 6
"""Most lines of a season that are taken together."""

MOST_SERIES, MOST_STEPS = 24, 8192
"""Most series, evenly chosen, and last steps of each, that are looked at."""

PIECE = 1 << 19
"""Most values of a few columns of a series that are transformed at once."""

NOISE = 1e-10
"""Autocorrelations are computed to within this; what are nearer are computed again, exactly."""

LONGER = 4
"""Seasons of the data have at most so many times the steps of the calendar's longest one."""

FEW, MOSTLY = 3, 0.66
"""A season of the data of which fewer periods fit than this must explain at least this share."""

MULTIPLE = 3
"""How many times its least value a positive series reaches whose logarithms are looked at."""

CHANGES, CLEAR = 4, 4.0
"""Shortest season that is read from the changes of a series without dates, and the deviations by
which their autocorrelation must differ from 0 then."""

EXPLAINS = 0.66
"""Share of what a season explains from which on its divisor is the main season."""

MOST_FOUND = 256
"""Most results that are remembered, each by the digest of its series."""

_found: dict[bytes, "Seasons"] = {}


@dataclass(frozen=True)
class Seasons:
    """The steps after which series repeat.

    Parameters
    ----------
    steps : tuple of int
        The main season first; empty if there is none.
    why : {"of the calendar", "of the data", "as given", "none"}
    """

    steps: tuple[int, ...] = ()
    why: Why = "none"

    @property
    def main(self) -> int | None:
        """Steps of the main season, or None."""
        return self.steps[0] if self.steps else None


def find_seasons(
    series: Sequence[Floats],
    calendar: tuple[int, ...] = (),
    given: tuple[int, ...] | None = None,
    most: int | None = None,
) -> Seasons:
    """Return the seasons of training series; those of the same series are looked for once.

    Seasons of the calendar need weak evidence; one of the data takes their place if it explains
    twice as much and theirs are not certain. Without a calendar, the highest peak of the
    autocorrelation of changes counts where the lines of the periodogram show none.

    Parameters
    ----------
    series : sequence of ndarray (T_i, O)
        Missing values are NaN.
    calendar : tuple of int
        Seasons that the unit of a step has, the main one first, such as 24 and 168 of hours.
    given : tuple of int, optional
        The seasons to return, whatever the series show; empty: none.
    most : int, optional
        Seasons are below it. Two periods always fit into the longest series.
    """
    if given is not None:
        return Seasons(given, "as given" if given else "none")
    key = _digest(series, calendar, most)
    if key not in _found:
        if len(_found) >= MOST_FOUND:
            _found.clear()
        _found[key] = _searched(series, calendar, most)
    return _found[key]


def _digest(series: Sequence[Floats], *more: object) -> bytes:
    """Return a digest of all that the seasons of series depend on."""
    digest = hashlib.blake2b(repr(more).encode())
    for values in series:
        digest.update(f"{values.dtype.str} {values.shape} {values.flags.f_contiguous}".encode())
        for _, piece in in_pieces(values):
            digest.update(np.ascontiguousarray(piece).data)
    return digest.digest()


def _searched(series: Sequence[Floats], calendar: tuple[int, ...], most: int | None) -> Seasons:
    """Return the seasons that the series show, as :func:`find_seasons` does."""
    evidence = _Evidence(series)
    top = evidence.longest // 2
    top = top if most is None else min(top, most - 1)
    found: tuple[int, ...] = ()
    for k in (k for k in calendar if k <= top):
        if evidence.log_p(k, found) < np.log(WEAK):
            found = (*found, k)
    if found and evidence.log_p(found[0]) < np.log(SURE):
        return Seasons(found, "of the calendar")
    own = evidence.search(min(top, LONGER * max(calendar)) if calendar else top)
    if own and (not found or evidence.explained(own[0]) > 2 * evidence.explained(found[0])):
        why: Why = "of the calendar" if set(own) <= set(calendar) else "of the data"
        return Seasons(own, why)
    if not calendar:  # a cycle that drifts has no sharp line, and its last turn is still of use
        changes = season_of(series, top + 1, CLEAR)
        if changes is not None and changes >= CHANGES:
            return Seasons((changes,), "of the data")
    return Seasons(found, "of the calendar" if found else "none")


class _Evidence:
    """How sure it is that series repeat after k steps."""

    def __init__(self, series: Sequence[Floats]) -> None:
        ends = [values[-MOST_STEPS:] for values in series]
        self.longest = most = max((len(end) for end in ends), default=0)
        total, n, place = np.zeros(most), np.zeros(most), []
        for i, end in enumerate(ends):  # the last steps of all series are taken to be of one time
            for o, values in enumerate(_levels(end)):
                if values.any():
                    total[-len(values) :] += values / values.std()
                    n[-len(values) :] += 1
                    place.append((i, o))
        self.longest = int((n > 0).sum())
        chosen = np.unique(np.linspace(0, len(place) - 1, MOST_SERIES).astype(int)) if place else ()
        self.each = [_levels(ends[i])[o] for i, o in (place[number] for number in chosen)]
        self.has_mean = len(place) > 1
        if self.has_mean:
            self.each.append(_level(total[most - self.longest :] / n[most - self.longest :]))
        sizes = np.array([len(values) for values in self.each])
        self._same = [np.flatnonzero(sizes == size) for size in np.unique(sizes)]
        self._stacks = [np.stack([self.each[i] for i in which]) for which in self._same]
        self._cached: dict[tuple[int, ...], tuple[float, int]] = {}

    def log_p(self, k: int, known: tuple[int, ...] = ()) -> float:
        """Return the logarithm of the chance that series without a season of `k` steps look so.

        A quarter of the series show it, or their mean. What repeats after one of `known` steps
        already does not count.
        """
        return self._looked_at(k, known)[0]

    def _looked_at(self, k: int, known: tuple[int, ...] = ()) -> tuple[float, int]:
        """Return what :meth:`log_p` does, and the number of the series that shows a season best."""
        if (k, *known) not in self._cached:
            each = np.zeros(len(self.each))
            for which, values in zip(self._same, self._stacks, strict=True):
                each[which] = _log_p(values, k, known)
            logs = sorted(each[:-1] if self.has_mean else each)
            place = -(-len(logs) // 4)  # p-values in any dependence (Rueger, Metrika 25, 1978)
            log = logs[place - 1] + np.log(len(logs) / place) if logs else 0.0
            if self.has_mean:
                log = min(log, each[-1]) + np.log(2)
            clearest = int(each.argmin()) if len(each) else 0
            self._cached[(k, *known)] = float(min(log, 0.0)), clearest
        return self._cached[(k, *known)]

    def explained(self, k: int) -> float:
        """Return the share of the variance that the means over a season explain, adjusted."""
        return _explained_by_means(self._clearest(k), k)

    def search(self, top: int) -> tuple[int, ...]:
        """Return the seasons of at most `top` steps that the data shows by itself."""
        periods = _periods(top, self.longest)
        if not periods:
            return ()
        limit = np.log(ALPHA / len(periods))
        best = min(periods, key=self.log_p)
        if self.log_p(best) > limit:
            return ()
        best = self._shortest(self._sharpest(best, top, limit), limit)
        if FEW * best > self.longest and self.explained(best) < MOSTLY:
            return ()
        longer = [k for k in periods if k % best == 0 and k > best]
        longest = min(longer, key=lambda k: self.log_p(k, (best,)), default=None)
        if longest is not None and self.log_p(longest, (best,)) < limit:
            return best, self._divisor(longest, (best,), limit)
        shorter = [k for k in range(3, best // 5 + 1) if best % k == 0 and self.log_p(k) < limit]
        part = max(shorter, key=self.explained, default=0)
        also = part and self.explained(part) > 0.1 * self.explained(best)
        return (best, part) if also else (best,)  # the days of a week that differs more

    def _clearest(self, k: int) -> Floats:
        """Return the series that shows a season of `k` steps best."""
        return np.asarray(self.each[self._looked_at(k)[1]])

    def _sharpest(self, k: int, top: int, limit: float) -> int:
        """Return the period about `k` whose lines leave least of all steps of a series."""
        values = self._clearest(k)
        harmonics, (logs,) = _lines(values[None], k)
        order = np.argsort(logs, kind="stable")[:HARMONICS]
        sure = logs[order] < np.log(0.05 / len(logs))
        lines = harmonics[order[: max(1, int(sure.sum()))]]
        reach = k * k // (2 * len(values)) + 1  # half the resolution of the periodogram
        near = range(max(2, int(2 * lines.max()), k - reach), min(top, k + reach) + 1)
        likely = [each for each in near if self.log_p(each) < limit] or [k]
        return min(likely, key=lambda each: _left_by_lines(values, each, lines))

    def _shortest(self, k: int, limit: float) -> int:
        """Return the shortest season of which `k` is a multiple and that explains about as much;
        one of 2 steps must explain nearly as much."""
        whole = self.explained(k)
        for parts in range(k // 2, 1, -1):
            part = round(k / parts)
            least = 0.9 if part == 2 else EXPLAINS
            if self.log_p(part) < limit and self.explained(part) >= least * whole:
                return part
        return k

    def _divisor(self, k: int, known: tuple[int, ...], limit: float) -> int:
        """Return the shortest multiple of `known[-1]` that divides `k` and is significant."""
        parts = (part for part in range(2 * known[-1], k, known[-1]) if k % part == 0)
        return next((part for part in parts if self.log_p(part, known) < limit), k)


def _periods(top: int, n: int) -> list[int]:
    """Return the periods to try: all up to 200 steps, then as close as the n steps resolve."""
    periods, k = [], 2
    while k <= top:
        periods.append(k)
        k += max(1, k * k // (4 * n)) if k > 200 else 1
    return periods


def _log_p(values: Floats, k: int, known: tuple[int, ...] = ()) -> Floats:
    """Return the logarithms of the chances of the lines of a period in series (S, T).

    By the largest of them, and by the first few together (Fisher), of which the ordinates that they
    are compared with overlap.
    """
    if values.shape[1] < 2 * k:
        return np.zeros(len(values))
    _, logs = _lines(values, k, known)
    if not logs.shape[1]:
        return np.zeros(len(values))
    first = logs[:, :HARMONICS]
    largest = logs.min(axis=1) + np.log(logs.shape[1])
    together = _log_gamma_tail(-0.8 * first.sum(axis=1), first.shape[1])
    chance: Floats = np.minimum(0.0, np.minimum(largest, together) + np.log(2))
    return chance


def _lines(values: Floats, k: int, known: tuple[int, ...] = ()) -> tuple[NDArray[np.int64], Floats]:
    """Return the numbers of the lines of a period (L,), and for each of series (S, T) the logarithm
    of the chance of its height (S, L); without those of the periods `known`."""
    m = values.shape[1] // k
    n = m * k
    power = np.abs(np.fft.rfft(_detrended(values[:, -n:]))) ** 2
    power += 1e-18 * power.sum(axis=1, keepdims=True) + 1e-300
    line = np.arange(1, k // 2 + 1)
    for period in known:  # j / k is i / period
        line = line[line * period % k != 0]
    free = np.flatnonzero(np.arange(power.shape[1]) % m > 0)
    around = np.searchsorted(free, line * m)[:, None] + np.arange(-NEAR, NEAR)
    has = (around >= 0) & (around < len(free))
    beside = free[np.clip(around, 0, len(free) - 1)]
    heights = np.where(has, power.take(beside, axis=1), 0)
    count = has.sum(axis=1)
    ratio = power.take(line * m, axis=1) / (heights.sum(axis=2) / count)
    ratio = np.where(2 * line == k, ratio / 2, ratio)  # the last ordinate is a single square
    return line, -count * np.log1p(ratio / count)  # F with 2 and 2 count degrees of freedom


def _log_gamma_tail(x: Floats, n: int) -> Floats:
    """Return the logarithms of the chances that the sum of n exponential numbers is above `x`."""
    i = np.arange(n)
    factorials = np.concatenate([[0], np.log(np.arange(1, n)).cumsum()])
    terms = i * np.log(np.maximum(x, 1e-300))[:, None] - factorials - x[:, None]
    largest = terms.max(axis=1)
    tail: Floats = np.log(np.exp(terms - largest[:, None]).sum(axis=1))
    return np.asarray(np.minimum(0.0, largest + tail))


def _left_by_lines(values: Floats, k: int, lines: NDArray[np.int64]) -> float:
    """Return the sum of squares of all steps that a line and sines of a period leave."""
    angle = 2 * np.pi / k * lines * np.arange(len(values))[:, None]
    t = np.linspace(-1, 1, len(values))
    waves = np.concatenate(
        [np.stack([np.ones_like(t), t], axis=1), np.cos(angle), np.sin(angle)], axis=1
    )
    products = waves.T @ waves + 1e-9 * len(values) * np.eye(waves.shape[1])
    fit = np.linalg.solve(products, waves.T @ values)
    return float(((values - waves @ fit) ** 2).sum())


def _explained_by_means(values: Floats, k: int) -> float:
    """Return the adjusted share of the variance of the last dozen periods that means explain."""
    values = _detrended(values[-max(12 * k, 48) :])
    n, phase = len(values), np.arange(len(values)) % k
    if n < k + 2:
        return 0.0
    means = np.bincount(phase, values, k) / np.bincount(phase, minlength=k)
    rest, whole = float(((values - means[phase]) ** 2).sum()), float((values**2).sum())
    return 1 - rest / (n - k) * (n - 1) / whole if whole > 0 else 0.0


def _levels(end: Floats) -> list[Floats]:
    """Return the columns of a series (T, O), each made even and level."""
    return [_level(_even(values)) for values in _without_gaps(end.astype(np.float64)).T]


def _even(values: Floats) -> Floats:
    """Return a series (T,), or its logarithms if it grows or falls to a multiple of itself: its
    season does so too."""
    low, high = (values.min(), values.max()) if len(values) else (0.0, 0.0)
    return np.log(values) if low > 0 and high > MULTIPLE * low else values


def _level(values: Floats) -> Floats:
    """Return a series (T,) without its line and its outliers; zeros if nothing is left."""
    rest = _detrended(values)
    size = float(np.abs(values).max(initial=0))
    if not np.abs(rest).max(initial=0) > 1e-9 * size:
        return np.zeros_like(rest)
    middle = float(np.median(rest))
    spread = 1.4826 * float(np.median(np.abs(rest - middle)))
    return rest.clip(middle - 4 * spread, middle + 4 * spread) if spread > 0 else rest


def _detrended(values: Floats) -> Floats:
    """Return series (..., T) without their means and their lines."""
    n = values.shape[-1]
    t = np.arange(n) - (n - 1) / 2
    rest = values - (values.sum(axis=-1, keepdims=True) / n if n else 0)
    slopes = np.array([t @ each for each in rest.reshape(-1, n)]).reshape(*values.shape[:-1], 1)
    rest -= t * slopes / max(float(t @ t), 1.0)
    return rest


def season_of(series: Sequence[Floats], most: int, clear: float = 2.5) -> int | None:
    """Return the number of steps, below `most`, after which series (T_i, O) repeat, or None.

    It is the highest peak of the autocorrelation of their changes, if that is `clear` deviations
    from 0; a multiple of a lower peak must be higher by a tenth. Gaps are filled in by straight
    lines: changes beside gaps are unknown, and with them most pairs that show a season.
    """
    longest = max((len(values) for values in series), default=0)
    top = min(most - 1, longest // 3)
    if top < 3:
        return None
    series = [values for values in series if len(values) >= 4]
    least = max(0.3, clear / np.sqrt(max(1, sum(len(values) - 1 for values in series))))
    r, best = _correlations(series, top), 0
    middle, before, after = r[1:-1], r[:-2], r[2:]
    around = np.stack([before, after, np.full_like(middle, least)])
    is_near = (np.abs(middle - around) < NOISE).any(axis=0)
    unsure = np.flatnonzero(is_near & (middle > around.max(axis=0) - NOISE)) + 1

    def settle(lags: Sequence[int]) -> None:  # what noise may decide about
        r[lags] = _exact_correlations(series, lags)

    settle(sorted({int(k) + i for k in unsure for i in (-1, 0, 1)}))
    for k in range(2, top):
        is_peak = r[k] > r[k - 1] and r[k] >= r[k + 1] and r[k] > least
        if is_peak and best and abs(r[k] - 1.1 * r[best]) < NOISE:
            settle([k, best])
        if is_peak and (not best or r[k] > 1.1 * r[best]):
            best = k
    return best or None


def _changes(values: Floats) -> Floats:
    """Return the changes (T - 1, O) of a series, each column with mean 0 and deviation 1."""
    change = np.diff(_without_gaps(values.astype(np.float64)), axis=0)
    change -= change.sum(axis=0) / len(change)
    scale = change.std(axis=0)
    change /= np.where(scale > 0, scale, 1)
    return change


def _correlations(series: Sequence[Floats], top: int) -> Floats:
    """Return the autocorrelations (top + 1,) of the changes of series, to within `NOISE`.

    By the Fourier transform of pieces of a few columns at a time, so that little is in memory.
    """
    sums: dict[int, NDArray[np.complex128]] = {}
    squares = 0.0
    for values in series:
        for columns in column_spans(values.shape[1], PIECE // len(values)):
            change = np.ascontiguousarray(_changes(values[:, columns]).T)
            squares += float((change**2).sum())
            step = max(PIECE // 8, 3 * top)
            for first in range(0, change.shape[1], step):
                piece = change[:, first : first + step]
                size = 1 << (piece.shape[1] + top - 1).bit_length()
                longer = change[:, first : first + piece.shape[1] + top]
                pairs = np.fft.rfft(piece, size).conj() * np.fft.rfft(longer, size)
                sums[size] = sums.get(size, 0) + pairs.sum(axis=0)
    if not squares > 0:
        return np.zeros(top + 1)
    products = [np.fft.irfft(pairs, size)[: top + 1] for size, pairs in sums.items()]
    return np.asarray(sum(products) / squares)


def _exact_correlations(series: Sequence[Floats], lags: Sequence[int]) -> Floats:
    """Return the autocorrelations (L,) of the changes of series at some lags."""
    products, squares = np.zeros(len(lags)), 0.0
    for change in map(_changes, series if lags else ()):
        squares += float((change**2).sum())
        for i, k in enumerate(lags):
            if k < len(change):
                products[i] += float((change[: len(change) - k] * change[k:]).sum())
    return products / squares if lags else products


def _without_gaps(values: Floats) -> Floats:
    """Return a series (T, O) with straight lines in its gaps; 0 for a target without values."""
    known = np.isfinite(values)
    if known.all():
        return values
    steps, filled = np.arange(len(values)), np.zeros_like(values)
    for o, has in enumerate(known.T):
        if has.any():
            filled[:, o] = np.interp(steps, steps[has], values[has, o])
    return filled
