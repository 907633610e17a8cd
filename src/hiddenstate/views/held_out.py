"""Reads the held-out part of a regression for views: series, predictions, errors, residuals."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from hiddenstate.metrics.comparison import baseline_method, share_in_words
from hiddenstate.metrics.glossary import written
from hiddenstate.metrics.losses import output_error
from hiddenstate.runs.snapshots import RegressMoment, RegressStatic, typed
from hiddenstate.system.typing import Array
from hiddenstate.views.answers import network_alone
from hiddenstate.views.limits import Span
from hiddenstate.views.timeline import Moment, Timeline

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
    edges, counts : ndarray
        Histogram of the residuals of the first target.
    lags : ndarray or None
        Their autocorrelation at 1, 2, ... steps.
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
    edges: Array
    counts: Array
    lags: Array | None


def held_out(timeline: Timeline, moment: Moment) -> HeldOut | None:
    """Return the held-out part of a regression at `moment`; None if nothing is predicted yet."""
    static = typed(timeline.static_arrays, RegressStatic)
    if "held_of" not in static or "held_prediction" not in moment.arrays:
        return None
    at_end = "held_error" in moment.arrays
    arrays = typed({**timeline.static_arrays, **moment.arrays}, RegressMoment)
    facts, options = timeline.facts, timeline.options
    lanes = _lanes(timeline, arrays, at_end)
    baseline = baseline_method("regress", options)[1].removeprefix("the ")
    if at_end:
        edges, counts = arrays["residual_edge"][0], arrays["residual_count"][0]
    else:
        residuals = np.concatenate([lane.prediction - lane.target for lane in lanes])
        residuals = residuals[np.isfinite(residuals)]
        low, high = lanes[0].residuals[:2]
        edges = np.linspace(low, high, 41)
        counts = np.histogram(np.clip(residuals, low, high), edges)[0]
    compared = timeline.compared(moment)
    return HeldOut(
        lanes,
        "held_time" not in static,
        facts.dates,
        "date" if facts.dates else timeline.clock(lanes[0].time),
        baseline,
        "training and validation" if timeline.run.n_rows("valid") else "training",
        _score(timeline, moment, lanes, baseline, at_end),
        _about(timeline, moment, at_end),
        "" if compared is None else compared.verdict(),
        compared is not None and compared.worse,
        edges,
        counts,
        arrays["residual_lag"][0] if "residual_lag" in arrays else None,
    )


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
            )
        )
    return tuple(lanes)


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
    name, error = "test_mse", "mean squared error"
    if timeline.options.get("quantile"):
        name, error = "test_pinball", "quantile loss"
    if at_end and name in results:
        n = results.get(f"test_{rows}", timeline.run.n_rows("test") or 0)
        n_rows = f"{int(n):,} held-out {rows if n != 1 else rows[:-1]}"
        plain = name.replace("test", "baseline")
        other = f", {baseline} {written(results[plain])}" if plain in results else ""
        score = f"{error} {written(results[name])} on {n_rows}{other}"
        return "; ".join(part for part in (score, share_in_words("regress", results)) if part)
    sizes = np.array([np.isfinite(lane.prediction).sum() for lane in lanes], float)
    if not sizes.sum():
        return "no finite prediction"
    errors = (
        written(float(np.average([getattr(lane, name) for lane in lanes], weights=sizes)))
        for name in ("error", "baseline_error")
    )
    return "step {:,}: {} {} on the {} drawn, {} {}".format(
        moment.step, error, next(errors), f"held-out {rows}", baseline, next(errors)
    )


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
