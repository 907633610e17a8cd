"""What views draw of the held-out part of a regression: some series, their past, and residuals.

A lane is one target of one series. Every series is drawn if they are few; else three of them: the
first ones while training, and at the end those with the smallest, the middle and the largest error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data import Rows
from hiddenstate.data.origin import Origin, whole
from hiddenstate.data.prepare.axes import as_numbers
from hiddenstate.data.rows import AT_ONCE, Computed, at_steps, column_spans, in_pieces
from hiddenstate.engines import Engine
from hiddenstate.engines.members import averaged
from hiddenstate.inference.forecast_scores import seasonal_forecast
from hiddenstate.inference.inputs import values_now
from hiddenstate.inference.predict import Answers
from hiddenstate.jobs.base import Job
from hiddenstate.jobs.snapshot_limits import HELD_BEFORE, HELD_ROWS, HELD_STEPS, LANES
from hiddenstate.metrics.by_target import mean_errors, nearest
from hiddenstate.metrics.losses import constant, output_error
from hiddenstate.metrics.residuals import autocorrelation, deviations, residual_counts
from hiddenstate.metrics.spectrum import error_spectrum
from hiddenstate.system.typing import Array

NAME = 40
"""Letters of a series' name that are kept."""


@dataclass(frozen=True)
class Steps:
    """Held-out steps (n,) in the order of their series and time.

    Parameters
    ----------
    row, step : ndarray (n,)
        Index of the test row, and of its step.
    series, at : ndarray (n,)
        Number of the series in the data, and the step of the series that the target belongs to. If
        a series has one target, all rows are one series and `at` is the row.
    target, baseline : ndarray (n, O)
        The target, and what is predicted without a network; the latter may be computed when read.
    """

    row: NDArray[np.int64]
    step: NDArray[np.int64]
    series: NDArray[np.int64]
    at: NDArray[np.int64]
    target: Array
    baseline: Array | Computed

    def of(self, number: int, most: int, both_ends: bool) -> NDArray[np.intp]:
        """Return where the steps of a series are: all, or at most `most` from its ends."""
        places = np.flatnonzero(self.series == number)
        if len(places) <= most:
            return places
        half = most // 2
        return np.concatenate([places[:half], places[-half:]]) if both_ends else places[:most]


class HeldOut:
    """Makes the arrays of the held-out part of a regression.

    Parameters
    ----------
    job : Job
        A regression on data of the user, with test rows in memory.
    """

    def __init__(self, job: Job) -> None:
        self.job, self.dataset, self.transform = job, job.dataset, job.dataset.transform
        self.test = job.dataset.require_test()
        self.origin: Origin = self.test.origin or whole(len(self.test))
        self.horizon = int(self.transform.reading.get("horizon") or 0)
        y = self.test.require_targets()
        self.window = job.fitted({}).window
        whole_series = job.net.output == "last" and not self.window
        of_windows = job.stateful and (self.origin.n_series == 1 or self.origin.separate)
        self.one_a_series = (y.ndim == 2 or whole_series) and not of_windows
        self.most = HELD_ROWS if self.one_a_series else HELD_STEPS

    @property
    def n_series(self) -> int:
        """How many series have held-out steps."""
        return len(self._numbers)

    @property
    def dates(self) -> bool:
        """Whether times are dates, in seconds since 1970."""
        return not self.one_a_series and self._times(self.steps.series[:1], self.steps.at[:1])[1]

    def static_arrays(self) -> dict[str, Array]:
        """Return the lanes drawn while training, without predictions."""
        if not len(self.steps.row):
            return {}
        return self._lines(self.steps, self._numbers[: self._n_drawn])

    def snapshot(self, engine: Engine) -> dict[str, Array]:
        """Return the predictions of the current weights for these lanes; none where the state is
        carried, as it would have to be carried through all training rows first."""
        if self.job.stateful or not len(self.steps.row):
            return {}
        numbers = self._numbers[: self._n_drawn]
        places = [self.steps.of(number, self.most, not self.one_a_series) for number in numbers]
        outputs, *each = self._predict(engine, np.concatenate(places))
        ends = np.cumsum([len(place) for place in places])[:-1]

        def lanes(values: Array) -> Array:
            parts = np.split(values, ends)
            drawn = [part[:, o] for part in parts for o in range(self._n_targets)]
            return _padded(drawn, self._width)

        arrays = {"held_prediction": lanes(outputs)}
        if len(each) > 1:
            arrays["held_low"] = lanes(np.min(each, axis=0))
            arrays["held_high"] = lanes(np.max(each, axis=0))
        return arrays

    def final_arrays(
        self, answers: Answers, members: Sequence[Array] = (), alone: Array | Computed | None = None
    ) -> dict[str, Array]:
        """Return the lanes drawn at the end, with their predictions, and all residuals; `members`
        are the outputs of the members of a net, `alone` those with all that it adds to a path."""
        origin = answers.rows.origin or whole(len(answers.rows))
        plain, seasonal = self._nearest(answers)
        steps, order = self._sorted(origin, answers.row, answers.step, answers.target, plain)
        outputs, numbers = answers.outputs[order], np.unique(steps.series)
        several = not self.one_a_series and self.n_series > 1
        if several or len(numbers) > self._n_drawn:
            scaled = np.subtract(outputs, steps.target, dtype=np.float64)
            scaled /= deviations(steps.target, steps.series)
        if len(numbers) > self._n_drawn:
            each = np.concatenate(
                [(piece**2).mean(axis=1) for _, piece in in_pieces(scaled, 8 * AT_ONCE)]
            )
            errors = [each[steps.series == number].mean() for number in numbers]
            ranks = np.argsort(errors, kind="stable")
            ends = [0, (len(ranks) - 1) // 2, len(ranks) - 1]
            numbers = numbers[ranks[ends[: self._n_drawn]]]
        if len(numbers) < self._n_drawn:  # a series lost all its steps
            return {}

        def residuals(which: slice) -> Array:  # of some targets, as all are a copy of the data
            if several:
                return scaled[:, which]
            own = outputs[:, which], steps.target[:, which]
            return np.subtract(*own, dtype=np.float64)

        at_once = outputs.shape[1] if several else 8 * AT_ONCE // max(1, len(outputs))
        spans = column_spans(outputs.shape[1], at_once)
        parts = [residual_counts(residuals(span)) for span in spans]
        edges, counts = (np.concatenate(each) for each in zip(*parts, strict=True))
        more: dict[str, Array | Computed] = {"held_prediction": outputs}
        if len(members):
            more["held_low"] = np.min(members, axis=0)[order]
            more["held_high"] = np.max(members, axis=0)[order]
        if alone is not None:
            more["net_held_prediction"] = alone if isinstance(order, slice) else alone[order]
        arrays = self._lines(steps, numbers, more)
        arrays |= {"residual_edge": edges, "residual_count": counts}
        arrays |= {"residual_scaled": np.ones(1, np.int32)} if several else {}
        arrays |= {"held_seasonal": np.ones(1, np.int32)} if seasonal else {}
        if answers.washed_out and not self.one_a_series:
            arrays["held_washout"] = self._washed_out(steps, numbers)
        if not self.one_a_series:
            about = steps.series, steps.at
            lags = [autocorrelation(residuals(span), *about) for span in spans]
            arrays["residual_lag"] = np.concatenate(lags)
            arrays |= self._spectrum(steps, outputs)
        return arrays

    def _nearest(self, answers: Answers) -> tuple[Array | Computed | None, bool]:
        """Return the last values in a forecast, or the values a season ago if these are nearer to
        all targets, and whether they are; else None."""
        last = answers.now
        if last is None or self.transform.quantiles:
            return last, False
        season = seasonal_forecast(self.transform, answers, self.dataset.train)
        if season is None:
            return last, False
        series = (answers.rows.origin or whole(len(answers.rows))).series[answers.row]
        values = season[1]
        errors = (mean_errors(each, answers.target, series) for each in (last, values))
        is_nearer = bool(min(nearest(dict(enumerate(errors)))))
        return values if is_nearer else last, is_nearer

    def _washed_out(self, steps: Steps, numbers: Array) -> Array:
        """Return how many steps just before each drawn one a washout left out, (D, W)."""
        far = self.steps.at.max() + 1
        every = self.steps.series * far + self.steps.at
        places = np.searchsorted(every, steps.series * far + steps.at)
        left_out = np.minimum(np.diff(places, prepend=-1) - 1, self.job.config.data.washout)
        lanes = []
        for number in numbers:
            chosen = steps.of(number, self.most, not self.one_a_series)
            lanes += [left_out[chosen]] * self._n_targets
        return np.nan_to_num(_padded(lanes, self._width)).astype(np.int32)

    def _spectrum(self, steps: Steps, outputs: Array) -> dict[str, Array]:
        """Return how targets and errors are spread over frequencies, of signals with an output at
        every step."""
        is_signal = self.job.net.output == "steps" and (self.job.stateful or not self.horizon)
        if not is_signal or self.transform.quantiles:
            return {}
        plain = np.asarray(steps.baseline)
        made = error_spectrum(steps.target, plain, outputs, steps.series, steps.at)
        return {} if made is None else {"spectrum": made.astype(np.float32)}

    @cached_property
    def steps(self) -> Steps:
        """All held-out steps with a target."""
        test, y = self.test, self.test.require_targets()
        T = test.X.shape[1]
        lengths = test.ends
        if y.ndim == 2:
            kept = np.isfinite(y).all(axis=1)
            row = np.flatnonzero(kept)
            step, target = lengths[row] - 1, y[row]
        else:
            read = (np.arange(T) < lengths[:, None]) & np.isfinite(y).all(axis=2)
            if not self.job.stateful:
                read &= (lengths >= self.window)[:, None]
                if self.one_a_series:
                    read &= np.arange(T) == lengths[:, None] - 1
                elif self.job.net.output == "last":
                    read[:, : self.window - 1] = False
            row, step = np.nonzero(read)
            target = at_steps(y, row, step)
        now = values_now(self.transform, test, row, step) if self.horizon else None
        return self._sorted(self.origin, row, step, target, now)[0]

    def _sorted(
        self,
        origin: Origin,
        row: Array,
        step: Array,
        target: Array,
        now: Array | Computed | None,
    ) -> tuple[Steps, Array | slice]:
        """Return steps in the order of their series and time, and the places they come from."""
        if self.one_a_series:
            series, at = np.zeros(len(row), np.int64), np.asarray(row)
        else:
            series, at = origin.series[row], origin.first[row] + step + self.horizon
        order = np.lexsort((at, series))
        baseline = np.broadcast_to(self._mean, target.shape) if now is None else now
        parts = (row, step, series, at, target, baseline)
        if (np.diff(order) > 0).all():  # long series are not copied for nothing
            return Steps(*parts), slice(None)
        return Steps(*(part[order] for part in parts)), order

    @cached_property
    def _mean(self) -> Array:
        """The mean of each training target, or its quantiles, (O,), in its own units."""
        train = self.dataset.train
        y = self.transform.undo_targets(train.require_targets(), train.X, train.lengths)
        return constant(y, train.lengths if y.ndim == 3 else None, self.transform.quantiles)

    @cached_property
    def _numbers(self) -> Array:
        """The numbers of the series, in order."""
        return np.unique(self.steps.series)

    @property
    def _n_drawn(self) -> int:
        """How many series are drawn."""
        every = self.n_series * self.steps.target.shape[1] <= LANES
        return self.n_series if every else int(min(self.n_series, LANES // 2))

    @property
    def _n_targets(self) -> int:
        """How many targets of a series are drawn."""
        return int(max(1, min(self.steps.target.shape[1], LANES // self._n_drawn)))

    @cached_property
    def _width(self) -> int:
        """Most held-out steps of a lane."""
        return int(min(np.unique(self.steps.series, return_counts=True)[1].max(), self.most))

    @cached_property
    def _before(self) -> int:
        """Most steps of a lane before its held-out ones; 0 if no series was split in time."""
        split = self.origin.first + self.origin.context > 0
        if self.one_a_series or not split.any():
            return 0
        return int(min(self.steps.at.max(), HELD_BEFORE))

    def _lines(
        self,
        steps: Steps,
        numbers: Array,
        outputs: Mapping[str, Array | Computed] = MappingProxyType({}),
    ) -> dict[str, Array]:
        """Return the arrays of the series `numbers`, with outputs (n, O) of all steps by the names
        of their arrays; `held_prediction` with its error."""
        lanes: dict[str, list[Array]] = {}

        def error(prediction: Array | Computed, every: Array, o: int) -> Array:
            target, quantiles = steps.target[every, o], self.transform.quantiles
            return np.array(output_error(prediction[every, o], target, o, quantiles))

        for number in numbers:
            chosen = steps.of(number, self.most, not self.one_a_series)
            every = steps.series == number
            times = self._times(steps.series[chosen], steps.at[chosen])[0]
            before, past = self._past(int(number), int(steps.at[chosen[0]]))
            for o in range(self._n_targets):
                lane = {
                    "held_of": np.array([number, o]),
                    "held_name": letters(self._name(int(number))),
                    "held_count": np.array(every.sum()),
                    "held_target": steps.target[chosen, o],
                    "held_baseline": steps.baseline[chosen, o],
                    "held_baseline_error": error(steps.baseline, every, o),
                }
                if not self.one_a_series:
                    lane |= {"held_time": times, "past_time": before, "past_target": past[:, o]}
                lane |= {name: values[chosen, o] for name, values in outputs.items()}
                if outputs:
                    lane["held_error"] = error(outputs["held_prediction"], every, o)
                    if not self.transform.quantiles:
                        truth = steps.target[every, o].astype(np.float64)
                        made, plain = outputs["held_prediction"][every, o], steps.baseline[every, o]
                        lane["held_mae"] = np.abs(made - truth).mean()
                        lane["held_baseline_mae"] = np.abs(plain - truth).mean()
                for name, values in lane.items():
                    lanes.setdefault(name, []).append(values)
        padded = {"held_target", "held_baseline", "held_time", *outputs}
        return {
            name: _padded(values, self._width) if name in padded else np.stack(values)
            for name, values in lanes.items()
        }

    def _past(self, number: int, first: int) -> tuple[Array, Array]:
        """Return times (G,) and targets (G, O) of the steps of a series before its `first` held-out
        one; those of training and validation rows, and NaN where there is none."""
        G = self._before
        at = np.arange(first - G, first)
        past = np.full((G, self.steps.target.shape[1]), np.nan)
        for part in (self.dataset.train, self.dataset.valid):
            if G and part is not None and part.origin is not None:
                self._fill(past, at, part, number)
        times = np.full(G, np.nan)
        known = np.flatnonzero(np.isfinite(past).all(axis=1) & (at >= 0))
        if len(known):
            times[known[0] :] = self._times(np.full(G - known[0], number), at[known[0] :])[0]
        return times, past

    def _fill(self, past: Array, at: Array, part: Rows, number: int) -> None:
        """Fill in the targets (G, O) of the steps `at` (G,) that rows of a series have."""
        origin, y = part.origin, part.require_targets()
        assert origin is not None
        T = part.X.shape[1]
        ends = origin.first + T + self.horizon
        rows = np.flatnonzero(
            (origin.series == number) & (ends > at[0]) & (origin.first + self.horizon <= at[-1])
        )
        if not len(rows):
            return
        lengths = None if part.lengths is None else part.lengths[rows]
        y = self.transform.undo_targets(y[rows], part.X[rows], lengths)
        steps = np.arange(T) if y.ndim == 3 else np.full(1, T - 1)
        if y.ndim == 2 and lengths is not None:
            places = (origin.first[rows] + lengths - 1)[:, None]
        else:
            places = origin.first[rows][:, None] + steps
        places = places + self.horizon - at[0]
        values = y.reshape(*places.shape, -1)
        inside = (places >= 0) & (places < len(at))
        if y.ndim == 3 and lengths is not None:
            inside &= steps < lengths[:, None]
        past[places[inside]] = values[inside]

    def _predict(self, engine: Engine, places: Array) -> list[Array]:
        """Return the outputs (n, O) of some of the held-out steps, in the units of the targets; of
        a net with members also those of each."""
        row, step = self.steps.row[places], self.steps.step[places]
        window, test = self.window, self.test
        if self.one_a_series or not window:
            used, which = np.unique(row, return_inverse=True)
            rows = test.take(used)
            made = self._outputs(engine, rows)
            return [y[which] if y.ndim == 2 else y[which, step] for y in made]
        first = np.maximum(step - window + 1, 0)
        X = test.X[row[:, None], first[:, None] + np.arange(window)]
        made = self._outputs(engine, Rows(X))
        return [y if y.ndim == 2 else y[np.arange(len(X)), step - first] for y in made]

    def _outputs(self, engine: Engine, rows: Rows) -> list[Array]:
        """Return the outputs for prepared rows in the units of the targets, then each member's."""
        each = self.job.each(engine, rows)
        made = [averaged(each, self.job.net), *each] if len(each) > 1 else each
        return [self.transform.undo_targets(y, rows.X, rows.lengths) for y in made]

    def _times(self, series: Array, at: Array) -> tuple[Array, bool]:
        """Return the time of each step (n,): as the data has it, else its number; dates are in
        seconds since 1970, and then the second value is True."""
        table = self.origin.table
        if table is not None and table.starts is not None:
            numbers, unit = as_numbers(table.times_of(series, at))
            if numbers is not None:
                return numbers, unit is not None
        return at.astype(float), False

    def _name(self, number: int) -> str:
        """Return the name of a series: its id, or its number if there are several."""
        return "" if self.one_a_series else series_name(self.test, number)


def series_name(rows: Rows, number: int) -> str:
    """Return the name of a series: its id, or its number; empty if there is only one."""
    origin = rows.origin or whole(len(rows))
    if origin.n_series == 1:
        return ""
    if rows.ids is None:
        return f"series {number}"
    name = str(rows.ids[np.flatnonzero(origin.series == number)[0]])[:NAME]
    return name if any(letter.isalpha() for letter in name) else f"series {name}"


def letters(name: str) -> Array:
    """Return the code points of a name (NAME,), 0 after its end."""
    points = [ord(letter) for letter in name[:NAME]]
    return np.array(points + [0] * (NAME - len(points)), np.int32)


def _padded(lanes: list[Array], width: int) -> Array:
    """Stack lanes of different lengths, NaN after their ends."""
    padded = np.full((len(lanes), width), np.nan)
    for lane, values in zip(padded, lanes, strict=True):
        lane[: len(values)] = values
    return padded
