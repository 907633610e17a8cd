"""What follows a stream: scaled inputs, a linear path, weights of forecasters, a drift detector."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from hiddenstate.errors import DataError, printable
from hiddenstate.system.typing import Array

Key = str | int | tuple[Any, ...]
"""The name of a column: of a feature, or a tuple of it and of a text or a part of a time."""

MOST = 1e100
"""The largest number that is read: its square is finite, too."""

LIMIT, WIDE, EARLY = 5.0, 20.0, 50
"""Standard deviations to which a scaled value is limited, and those for a feature that was read
`EARLY` times. The last targets keep the first: a wrong one is not followed far."""

LEAST = 1e-200
"""The smallest sum of squares that is a deviation: its inverse is finite."""

FIRST = 8
"""Columns for which there is room at first; the room doubles."""


def room_for(n: int, least: int = FIRST) -> int:
    """Return the room for `n` columns: `least`, or a double of it."""
    while least < n:
        least *= 2
    return least


def number(value: Any, where: str) -> float:
    """Return a number that is finite, or NaN; refuse anything else (`DataError`)."""
    try:
        given = float(value)
    except OverflowError:
        given = math.inf
    except (TypeError, ValueError):
        kinds = "a number" if where == "y" else "a number, text or a time"
        raise DataError(f"{where}: expected {kinds}, got a {type(value).__name__}") from None
    if abs(given) > MOST:
        raise DataError(f"{where}: expected a number of at most {MOST:g}, got {given:g}")
    return given


class Step:
    """A step as read: numbers, which are scaled, and values that are not, by column."""

    def __init__(self, x: Any) -> None:
        self.numbers: list[tuple[Key, float]] = []
        self.plain: list[tuple[Key, float]] = []
        if not isinstance(x, Mapping):
            raise DataError(f"x: expected a dict of features, got a {type(x).__name__}")
        for name, value in x.items():
            if type(name) not in (str, int):
                kind = type(name).__name__
                raise DataError(f"x: names of features are text or integers, got a {kind}")
            if isinstance(value, str):
                self.plain.append(((name, value), 1.0))
            elif isinstance(value, datetime):
                self.plain += _parts(name, value)
            elif value is not None:
                given = number(value, f"x: {printable(name, 40)}")
                if given == given:  # NaN is missing
                    self.numbers.append((name, given))


def _parts(name: Any, time: datetime) -> Iterable[tuple[Key, float]]:
    """Yield where a time is in its day and in its week, as points of a circle."""
    day = (time.hour + time.minute / 60 + time.second / 3600) / 24
    for part, turn in (("day", day), ("week", (time.weekday() + day) / 7)):
        yield (name, part, "sin"), math.sin(2 * math.pi * turn)
        yield (name, part, "cos"), math.cos(2 * math.pi * turn)


class RunningInputs:
    """Columns in the order in which they came, scaled by their means and deviations so far.

    A value that is missing has the mean of its column, and a column without a deviation is 0.
    """

    def __init__(self, keys: Sequence[Key]) -> None:
        self.columns: dict[Key, int] = {key: i for i, key in enumerate(keys)}
        size = room_for(len(keys))
        self.set([np.zeros(size), np.zeros(size), np.zeros(size)])

    @property
    def size(self) -> int:
        """Columns for which there is room."""
        return len(self.count)

    def room(self, keys: Iterable[Key]) -> bool:
        """Give columns to those of `keys` without one; return whether the room became larger."""
        new = {key for key in keys if key not in self.columns}
        for key in sorted(new, key=repr):  # whatever their order in a dict
            self.columns[key] = len(self.columns)
        size = room_for(len(self.columns))
        grown = size > self.size
        if new:
            self.set([padded(each, size) for each in (self.count, self.mean, self.square)])
        return grown

    def set(self, arrays: Iterable[Array]) -> None:
        """Set the counts, the means, and the sums of squares of differences from the means."""
        self.count, self.mean, self.square = arrays
        own = [isinstance(key, tuple) for key in self.columns]
        self._widest = np.where([*own, *[True] * (self.size - len(own))], LIMIT, WIDE)
        self._refresh()

    def scaled(self, step: Step) -> tuple[Array, Array, Array]:
        """Return the values, whether each was read, and the scaled values, (size,) each."""
        columns, raw, read = self.columns, self.mean.copy(), np.zeros(self.size)
        for key, value in step.numbers:
            i = columns.get(key)
            if i is not None:
                raw[i], read[i] = value, 1
        scaled = (raw - self.mean) * self._factor
        np.minimum(scaled, self._limits, out=scaled)
        np.maximum(scaled, -self._limits, out=scaled)
        for key, value in step.plain:
            i = columns.get(key)
            if i is not None:
                scaled[i] = value
        return raw, read, scaled

    def limited(self, column: int, scaled: Array, value: float) -> float:
        """Return the value of a column as `scaled` has it: within its limits, if it has any."""
        factor = float(self._factor[column])
        return float(self.mean[column] + scaled[column] / factor) if factor else value

    def learn(self, raw: Array, read: Array) -> None:
        """Count values that `scaled` returned (Welford, 1962, "Note on a method")."""
        self.count += read
        difference = raw - self.mean
        self.mean += difference / np.maximum(self.count, 1)
        self.square += difference * (raw - self.mean)
        self._refresh()

    def _refresh(self) -> None:
        """Set what follows from counts and squares: the inverse deviations, and the limits."""
        self._factor = np.zeros(self.size)
        np.divide(self.count, self.square, out=self._factor, where=self.square > LEAST)
        np.sqrt(self._factor, out=self._factor)
        self._limits = np.where(self.count < EARLY, LIMIT, self._widest)


def padded(array: Array, size: int) -> Array:
    """Return an array with `size` numbers in each axis, the new ones zero."""
    return np.pad(array, [(0, size - n) for n in array.shape])


class LinearPath:
    """Recursive least squares that forget (Haykin, "Adaptive filter theory", chapter on RLS).

    It reads at most `COLUMNS` columns and a one, and begins with the weights 0: a prior whose
    precision is 1 for each column, and `1 / CERTAIN` for the constant.
    """

    COLUMNS = 64
    FORGET = 0.998
    CERTAIN = 1e4

    def __init__(self, size: int) -> None:
        self.weight, self.spread = np.zeros(0), np.zeros((0, 0))
        self.room(size)

    def room(self, size: int) -> None:
        """Have room for `size` columns."""
        before, n = len(self.weight), min(size, self.COLUMNS) + 1
        self.weight, self.spread = padded(self.weight, n), padded(self.spread, n)
        new = range(before, n)
        self.spread[new, new] = [self.CERTAIN if i == 0 else 1.0 for i in new]

    def predict(self, scaled: Array) -> float:
        weight = self.weight
        return float(weight[0] + weight[1:] @ scaled[: len(weight) - 1])

    def learn(self, scaled: Array, error: float) -> None:
        """Learn from an `error`, the target less the prediction."""
        read = np.empty(len(self.weight))
        read[0], read[1:] = 1, scaled[: len(read) - 1]
        along = self.spread @ read
        size = math.sqrt(self.FORGET + read @ along)
        along /= size
        self.weight += along * (error / size)
        self.spread -= np.multiply.outer(along, along)  # which stays symmetric to the last bit
        if np.trace(self.spread) < self.CERTAIN + 10 * len(read):  # else nothing new was read
            self.spread /= self.FORGET


def mixed(losses: Sequence[float], steps: float) -> list[float]:
    """Return the weights of forecasters by their discounted squared errors in about `steps` steps.

    exp(-loss / 2 variance), where the variance is that of the best: the exponentially weighted
    average forecaster with discounted losses (Cesa-Bianchi and Lugosi, "Prediction, learning, and
    games", 2006, section 2.11).
    """
    best = min(losses)
    if best <= 0:
        weights = [float(loss <= 0) for loss in losses]
    else:
        weights = [math.exp(-min(steps / 2 * (loss / best - 1), 700.0)) for loss in losses]
    total = sum(weights)
    return [weight / total for weight in weights]


class PageHinkley:
    """Whether a loss left its own past: Page, "Continuous inspection schemes", 1954, with
    Hinkley's running mean.

    It adds up how far the losses, in units of their mean so far, are above 1 + `SLACK`, and alarms
    when the sum is `ALARM` above its smallest value: after about 55 steps of a loss that doubled.
    The mean forgets with a memory of about 1,000 steps, and the sum begins after `FIRST` steps.
    """

    SLACK, ALARM, FIRST = 0.1, 50.0, 50
    MEMORY = 0.999
    MOST = 10.0
    """The most that a single loss counts for, in means."""

    def __init__(self, sums: Sequence[float] = (0.0, 0.0, 0.0, 0.0)) -> None:
        self.sums = list(sums)

    def alarm(self, loss: float) -> bool:
        """Count a loss of at least 0; return whether there is an alarm, after which it restarts."""
        total, weight, steps, above = self.sums
        if steps >= self.FIRST and total > 0:
            above = max(0.0, above + min(loss * weight / total, self.MOST) - 1 - self.SLACK)
        total, weight = self.MEMORY * total + loss, self.MEMORY * weight + 1
        self.sums = [total, weight, steps + 1, above]
        if above <= self.ALARM:
            return False
        self.sums = [0.0, 0.0, 0.0, 0.0]
        return True
