"""Reads the held-out part of a regression for views: series, predictions, errors, residuals."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hiddenstate.errors import count
from hiddenstate.metrics.comparison import drawn_baseline, share_in_words
from hiddenstate.metrics.glossary import written
from hiddenstate.metrics.losses import output_error
from hiddenstate.metrics.units import quantity, unit_of
from hiddenstate.runs.snapshots import RegressMoment, RegressStatic, typed
from hiddenstate.system.typing import Array
from hiddenstate.views.answers import network_alone
from hiddenstate.views.clock import axis_of
from hiddenstate.views.limits import Span
from hiddenstate.views.timeline import Moment, Timeline

MOST_TARGETS = 3
"""Targets whose scores stand in the note."""

RANKS = ("best", "middle", "worst")
"""Where the series stand that are drawn at the end if they are many."""


@dataclass(frozen=True)
class Lane:
    """A target of a held-out series.

    Parameters
    ----------
    title : str
        The name of the series and of the target, as far as there are several.
    of : str
        The name of the target.
    time, target, prediction, baseline : ndarray (n,)
        Held-out steps; without times, rows of one target each.
    past_time, past_target : ndarray (g,)
        The steps before them.
    count : int
        Number of all its held-out steps. If it is larger than n, the first n/2 steps and the last
        n/2 are there.
    error, baseline_error : float
        Mean squared errors, or losses of a quantile, at the end of a run over all held-out steps,
        else over those here.
    values, residuals : Span
        The ends of their axes over the run.
    washed : list of tuple
        The ends in time of the steps that a washout left out.
    members : tuple of ndarray (n,), optional
        The lowest and the highest prediction of the members of a net.
    """

    title: str
    of: str
    time: Array
    target: Array
    prediction: Array
    baseline: Array
    past_time: Array
    past_target: Array
    count: int
    error: float
    baseline_error: float
    values: Span
    residuals: Span
    washed: list[tuple[float, float]]
    members: tuple[Array, Array] | None = None

    unit: str = ""
    """The unit of the target; empty if its name gives none."""
    mae: tuple[float, float] | None = None
    """Mean absolute errors of the prediction and of the baseline; None of quantiles."""

    @property
    def is_worse(self) -> bool:
        """Whether the error is larger than that of the baseline."""
        own, other = self.mae or (self.error, self.baseline_error)
        return own > other

    def errors(self, baseline: str) -> str:
        """Return the error and that of the baseline, in the unit of the target where it has one."""
        if self.mae is None:
            return f"{written(self.error)}, {baseline} {written(self.baseline_error)}"
        own, other = (f"± {quantity(error, self.unit)}" for error in self.mae)
        return f"{own}, {baseline} {other}"


@dataclass(frozen=True)
class Residuals:
    """The residuals of one target over all held-out rows.

    Parameters
    ----------
    name : str
        The name of the target, if there are several.
    edges, counts : ndarray
        Their histogram.
    lags : ndarray or None
        Their autocorrelation at 1, 2, ... steps.
    scaled : bool
        Whether they are in deviations of the targets of their own series.
    """

    name: str
    edges: Array
    counts: Array
    lags: Array | None = None
    scaled: bool = False


@dataclass(frozen=True)
class HeldOut:
    """The held-out part at one moment.

    Parameters
    ----------
    lanes : tuple of Lane
    one_a_series : bool
        Whether each row has one target, so that there are no times.
    dates : bool
        Whether times are dates, in seconds since 1970.
    clock : str
        What times are: date, time or step.
    baseline : str
        Name of the prediction without a network.
    before : str
        What the steps before the held-out ones were used for.
    score, about, warning : str
        The error beside that of the baseline; how the predictions were made; a sentence if the
        network is worse, or there is no clear difference.
    worse : bool
        Whether it is worse.
    residuals : tuple of Residuals
        Of each target that is drawn.
    """

    lanes: tuple[Lane, ...]
    one_a_series: bool
    dates: bool
    clock: str
    baseline: str
    before: str
    score: str
    about: str
    warning: str
    worse: bool
    residuals: tuple[Residuals, ...]


def held_out(timeline: Timeline, moment: Moment) -> HeldOut | None:
    """Return the held-out part of a regression at `moment`; None if nothing is predicted yet."""
    static = typed(timeline.static_arrays, RegressStatic)
    if "held_of" not in static or "held_prediction" not in moment.arrays:
        return None
    at_end = "held_error" in moment.arrays
    arrays = typed({**timeline.static_arrays, **moment.arrays}, RegressMoment)
    facts, options = timeline.facts, timeline.options
    lanes = _lanes(timeline, arrays, at_end)
    results = timeline.moment().results
    baseline = drawn_baseline(
        timeline.job, options, results, "held_seasonal" in moment.arrays, facts.step_days
    ).removeprefix("the ")
    compared = timeline.compared(moment)
    return HeldOut(
        lanes,
        "held_time" not in static,
        facts.dates,
        _clock(axis_of(timeline.run, facts, lanes[0].time)),
        baseline,
        "training and validation" if timeline.run.n_rows("valid") else "training",
        _score(timeline, moment, lanes, baseline, at_end),
        _about(timeline, moment, at_end),
        "" if compared is None else compared.verdict(),
        compared is not None and compared.worse,
        _residuals(lanes, arrays, at_end),
    )


def _clock(clock: str) -> str:
    """Return what times are, and of rows that nothing orders how they are read."""
    order = ": rows are read in the order of the file, as one series"
    return clock + order if clock == "row" else clock


def _residuals(
    lanes: tuple[Lane, ...], arrays: RegressMoment, at_end: bool
) -> tuple[Residuals, ...]:
    """Return the residuals of each drawn target; before the end, of the drawn steps alone."""
    of = arrays["held_of"][:, 1].tolist()
    targets = list(dict.fromkeys(of))
    made = []
    for target in targets:
        own = [lane for lane, number in zip(lanes, of, strict=True) if number == target]
        name = own[0].of if len(targets) > 1 else ""
        if at_end:
            lags = arrays["residual_lag"][target] if "residual_lag" in arrays else None
            edges, counts = arrays["residual_edge"][target], arrays["residual_count"][target]
            made.append(Residuals(name, edges, counts, lags, "residual_scaled" in arrays))
            continue
        scaled = len(own) > 1
        parts = [lane.prediction - lane.target for lane in own]
        if scaled:
            parts = [
                part / (np.nanstd(lane.target) or 1) for part, lane in zip(parts, own, strict=True)
            ]
        values = np.concatenate(parts)
        values = values[np.isfinite(values)]
        high = max(float(np.quantile(np.abs(values), 0.99)), 1e-300) if len(values) else 1.0
        ends = (-high, high) if scaled else own[0].residuals[:2]
        edges = np.linspace(*ends, 41)
        made.append(
            Residuals(name, edges, np.histogram(np.clip(values, *ends), edges)[0], None, scaled)
        )
    return tuple(made)


_HELD: tuple[Literal["held_target", "held_prediction", "held_baseline"], ...] = (
    "held_target",
    "held_prediction",
    "held_baseline",
)


def _lanes(timeline: Timeline, arrays: RegressMoment, at_end: bool) -> tuple[Lane, ...]:
    """Return the lanes, without what is padded."""
    facts, of = timeline.facts, arrays["held_of"]
    numbers, n_series = list(dict.fromkeys(of[:, 0].tolist())), facts.held_series or 1
    lanes = []
    several = bool(of[:, 1].any())
    quantiles = timeline.options.get("quantile") or ()
    empty = np.zeros((len(of), 0))
    for lane, (number, target) in enumerate(of.tolist()):
        n = int(np.isfinite(arrays["held_target"][lane]).sum())
        truth, prediction, baseline = (arrays[name][lane, :n] for name in _HELD)
        past = arrays.get("past_target", empty)[lane]
        past_time = arrays.get("past_time", empty)[lane]
        known = np.isfinite(past_time)
        names = [_text(arrays["held_name"][lane])]
        if at_end and len(numbers) < n_series:
            names[0] = f"{RANKS[numbers.index(number)]} of {n_series:,}: {names[0]}"
        of_target = f"y_{target + 1}" if several else "target"
        if facts.targets is not None and target < len(facts.targets):
            of_target = facts.targets[target]
        names += [of_target] if several else []
        drawn = np.isfinite(prediction)
        lanes.append(
            Lane(
                ", ".join(name for name in names if name),
                of_target,
                arrays["held_time"][lane, :n] if "held_time" in arrays else np.arange(n),
                truth,
                prediction,
                baseline,
                past_time[known],
                past[known],
                int(arrays["held_count"][lane]),
                float(arrays["held_error"][lane])
                if at_end
                else output_error(prediction[drawn], truth[drawn], target, quantiles),
                float(arrays["held_baseline_error"][lane])
                if at_end
                else output_error(baseline[drawn], truth[drawn], target, quantiles),
                *timeline.limits.held[number, target],
                _washed(arrays, lane, n),
                _members(arrays, lane, n),
                unit_of(of_target),
                _absolute(arrays, lane, at_end, prediction, truth, baseline, quantiles),
            )
        )
    return tuple(lanes)


def _absolute(
    arrays: RegressMoment,
    lane: int,
    at_end: bool,
    prediction: Array,
    truth: Array,
    baseline: Array,
    quantiles: Sequence[float],
) -> tuple[float, float] | None:
    """Return the mean absolute errors of a lane and of its baseline: at the end over all steps,
    before over those that are drawn; None of quantiles, and of runs of earlier versions."""
    if at_end and "held_mae" in arrays:
        return float(arrays["held_mae"][lane]), float(arrays["held_baseline_mae"][lane])
    if at_end or quantiles or not np.isfinite(prediction).any():
        return None
    own, other = (np.nanmean(np.abs(values - truth)) for values in (prediction, baseline))
    return float(own), float(other)


def _washed(arrays: RegressMoment, lane: int, n: int) -> list[tuple[float, float]]:
    """Return the ends in time of the steps before those of a lane that a washout left out."""
    if "held_washout" not in arrays or "held_time" not in arrays:
        return []
    left_out, time = arrays["held_washout"][lane, :n], arrays["held_time"][lane, :n]
    step = float(np.median(np.diff(time))) if n > 1 else 1.0
    ends = zip(time - (left_out + 0.5) * step, time - 0.5 * step, strict=True)
    return [(float(a), float(b)) for (a, b), many in zip(ends, left_out, strict=True) if many]


def _members(arrays: RegressMoment, lane: int, n: int) -> tuple[Array, Array] | None:
    """Return the lowest and the highest prediction of members in a lane."""
    if "held_low" not in arrays or "held_high" not in arrays:
        return None
    return arrays["held_low"][lane, :n], arrays["held_high"][lane, :n]


def _text(points: Array) -> str:
    """Return the name that code points stand for."""
    return "".join(chr(point) for point in points.tolist() if 0 < point < 0x110000)


def _score(
    timeline: Timeline, moment: Moment, lanes: tuple[Lane, ...], baseline: str, at_end: bool
) -> str:
    """Return the error on held-out steps beside that of the baseline, with what it is over."""
    results = moment.results
    rows = "rows" if "held_time" not in timeline.static_arrays else "steps"
    share = share_in_words(timeline.job, results)
    if at_end and (scores := timeline.scores(moment)):
        several = len(scores) > 1
        texts = [f"{score.name} " * several + score.short for score in scores[:MOST_TARGETS]]
        n_scored = int(results.get(f"test_{rows}", timeline.run.n_rows("test") or 0))
        of = f" on {count(n_scored, f'held-out {rows[:-1]}')}"
        of += f", medians of {scores[0].series:,} series" * (scores[0].series > 1)
        versus = "" if several else scores[0].versus
        return "; ".join(filter(None, (", ".join(texts) + of, versus, share)))
    name, error = "test_mse", "mean squared error"
    if timeline.options.get("quantile"):
        name, error = "test_pinball", "quantile loss"
    if at_end and name in results:
        n = results.get(f"test_{rows}", timeline.run.n_rows("test") or 0)
        n_rows = f"{int(n):,} held-out {rows if n != 1 else rows[:-1]}"
        plain = name.replace("test", "baseline")
        other = f", {baseline} {written(results[plain])}" if plain in results else ""
        score = f"{error} {written(results[name])} on {n_rows}{other}"
        return "; ".join(part for part in (score, share) if part)
    sizes = np.array([np.isfinite(lane.prediction).sum() for lane in lanes], float)
    if not sizes.sum():
        return "no finite prediction"
    texts = [f"{lane.title} {lane.errors(baseline)}".strip() for lane in lanes[:2]]
    return f"step {moment.step:,}: {', '.join(texts)}, on the held-out {rows} drawn"


def _about(timeline: Timeline, moment: Moment, at_end: bool) -> str:
    """Return how the predictions were made."""
    horizon = timeline.options["horizon"]
    clauses = [f"each predicted {horizon} step{'s' * (horizon > 1)} ahead"] if horizon else []
    if at_end:
        kept = timeline.kept(moment)
        which = f"of {timeline.unit} {kept:,}, which were kept" if kept else "at the end"
        clauses.append(f"weights {which}")
    elif by := network_alone(timeline, moment):
        clauses.append(f"by {by}")
    return "; ".join(clauses)
