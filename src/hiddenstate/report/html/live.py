"""Packs what the first screen replays: probabilities of rows, or predictions of a signal.

Shapes: P moments, N rows, T steps, I features, C classes, K windows, n points of a signal.
"""

from typing import TypedDict

import numpy as np

from hiddenstate.runs.class_arrays import ClassifyMoment, ClassifyStatic
from hiddenstate.runs.snapshots import RegressSnapshot
from hiddenstate.system.typing import Array
from hiddenstate.views.answers import network_alone
from hiddenstate.views.clock import axis_of
from hiddenstate.views.names import cut, kept_apart
from hiddenstate.views.row_form import RowForm, thinned_line
from hiddenstate.views.timeline import Timeline
from hiddenstate.web import tags
from hiddenstate.web.packing import (
    as_bytes,
    encoded,
    losses_at,
    thinned,
)

MAX_BYTES = 192 * 1024
"""Bytes of the numbers of all moments; of more moments, as many evenly spaced ones."""

MAX_MOMENTS = 100
"""Moments that are replayed, evenly spaced ones."""

MAX_ROWS = 10
"""Rows whose predictions are replayed, the first ones."""

BESIDE = 13
"""Letters of a class that have space beside the bar of its probability."""

MAX_STEPS = 100
"""Points that are drawn of a channel; of more steps, the extremes of equal parts."""

MAX_CLASSES = 50
"""Classes up to which predictions are replayed."""

MAX_POINTS = 800
"""Points of a signal whose predictions change that are replayed, the last ones."""

SEEN = 8
"""Windows that are seen at once if each is predicted once."""


class Curve(TypedDict):
    """The moments of training, and the mean loss at each as far as it is known.

    What the last moment shows is of the model. If that is not the network alone, `by` says what is
    shown before; with `alone` the same of the last moment is behind that of the model.
    """

    steps: list[int]
    losses: list[float | None]
    by: str
    alone: bool


class LiveRows(Curve):
    """Rows with the probabilities of their classes over training.

    `short` are names that fit beside a bar. `rows` holds (N, length, channels), or (N, picture),
    from 0 to 255 in the range of each channel, as in all figures; the first `lengths` steps of a
    row are drawn. Rows of `quantities` have one. `chances` holds (P, N, C) from 0 to 255.
    """

    split: str
    names: list[str]
    short: list[str]
    truth: list[int]
    picture: tuple[int, ...] | None
    length: int
    channels: int
    lengths: list[int]
    quantities: bool
    rows: str
    chances: str


class LiveSignal(Curve):
    """A signal (n) with its prediction (P, n) over training; from `held` on, it was held out.

    Or with one prediction (n), if each window is predicted once: then `ends` are the points
    predicted at each moment, of which `seen` are seen at once. Numbers are from 0 to 65534 between
    `low` and `high`, and 65535 for a missing one. Points from the first to before the second number
    of each of `washed` are in no loss.
    """

    unit: str
    time: list[float]
    target: str
    prediction: str
    low: float
    high: float
    ends: list[int] | None
    seen: int
    held: int | None
    washed: list[tuple[int, int]]
    dates: bool
    clock: str


MISSING = 65535
"""The number of a signal that stands for a missing one."""

LAYERS = (
    '<p class="layers" role="group" aria-label="Whose answers the end shows">'
    '<button type="button" id="live-model">the model</button> '
    '<button type="button" id="live-network">the network alone</button></p>'
)
"""The switch between the answers of the model and those of its network alone."""

LiveData = LiveRows | LiveSignal


def live_data(timeline: Timeline, names: list[str]) -> LiveData | None:
    """Return what the first screen replays; None if the run has too little for it.

    Parameters
    ----------
    timeline : Timeline
    names : list of str
        Labels of the classes, as the page shows them.
    """
    if timeline.kind.has_classes:
        return _rows(timeline, names)
    return _signal(timeline) if timeline.kind.has_targets else None


def live(data: LiveData) -> str:
    """Return the elements of the replay, hidden until `live.js` fills them."""
    if "chances" in data:
        title, shown = "Predictions", '<ul id="live-rows" class="cards"></ul>'
    else:
        title = "Target and prediction"
        shown = '<canvas id="live-canvas" role="img" aria-describedby="live-note"'
        shown += ' aria-label="Target and prediction over time"></canvas>'
    layers = LAYERS if data["alone"] else ""
    return (
        f'<div id="live" class="live" hidden><h2>{title}, while the network learned</h2>'
        f'<p id="live-note" class="help"></p>{layers}{shown}{tags.time_bar("live")}</div>'
    )


def _rows(timeline: Timeline, names: list[str]) -> LiveRows | None:
    """Return the probabilities of the shown rows at each moment."""
    static, C = timeline.static_as(ClassifyStatic), len(names)
    N = min(len(static.get("shown", ())), MAX_ROWS)
    if not N or not 1 < C <= MAX_CLASSES:
        return None
    moments: list[tuple[int, Array]] = []
    for step in timeline.steps:
        chances = timeline.moment(step).arrays_as(ClassifyMoment).get("probability")
        if chances is not None and chances.shape == (len(static["shown"]), C):
            moments.append((step, np.clip(np.nan_to_num(chances[:N]), 0, 1)))
    if len(moments) < 2:
        return None
    moments = thinned(moments, min(MAX_MOMENTS, MAX_BYTES // (N * C)))
    steps = [step for step, _ in moments]
    alone = timeline.moment().arrays_as(ClassifyMoment).get("net_probability")
    every = [chances for _, chances in moments] + ([] if alone is None else [alone[:N]])
    rows, lengths = static["shown"][:N], [0] * N
    if timeline.form.picture:
        length, channels = 0, 1
        if timeline.form.sound is not None:
            rows = np.stack([timeline.form.pixels(row) / 255 for row in rows])
    else:
        rows, lengths = _thin_steps(timeline.form, rows)
        _, length, channels = rows.shape
    return {
        "steps": steps,
        "losses": losses_at(timeline, steps),
        "by": network_alone(timeline, timeline.moment()),
        "alone": alone is not None,
        "split": "training" if timeline.facts.shown_split == "train" else "test",
        "names": names,
        "short": kept_apart(names, [cut(name, BESIDE) for name in names], BESIDE),
        "truth": np.clip(static["shown_label"][:N].astype(int), 0, C - 1).tolist(),
        "picture": timeline.facts.picture or timeline.form.picture,
        "length": length,
        "channels": channels,
        "lengths": lengths,
        "quantities": timeline.form.is_quantities,
        "rows": as_bytes(rows),
        "chances": as_bytes(np.stack(every)),
    }


def _thin_steps(form: RowForm, rows: Array) -> tuple[Array, list[int]]:
    """Return the drawn channels of rows (N, T, I) as shares of their scales, in at most `MAX_STEPS`
    points, and the length of each."""
    shares = np.stack([_thinned(form.shares(row)) for row in rows])
    seen = np.isfinite(shares).any(axis=2)
    lengths = np.where(seen, np.arange(1, shares.shape[1] + 1), 0).max(axis=1)
    return shares, lengths.tolist()


def _thinned(shares: Array) -> Array:
    return np.stack([thinned_line(channel, MAX_STEPS)[1] for channel in shares.T], axis=1)


def _signal(timeline: Timeline) -> LiveSignal | None:
    """Return the target of a signal, and its prediction at each moment."""
    if timeline.facts.appended:
        return _windows(timeline)
    if "held_time" in timeline.static_arrays:
        return _held_out(timeline)
    moments: list[tuple[int, RegressSnapshot]] = []
    for step in timeline.steps:
        arrays = timeline.moment(step).arrays_as(RegressSnapshot)
        if {"time", "target", "prediction"} <= set(arrays) and arrays["target"].size:
            moments.append((step, arrays))
    if len(moments) < 2:
        return None
    time, target = _flat(moments[-1][1], "target")
    predictions = [(step, _flat(arrays, "prediction")[1]) for step, arrays in moments]
    predictions = [(step, each) for step, each in predictions if each.shape == target.shape]
    return _changing(timeline, time[-MAX_POINTS:], target[-MAX_POINTS:], predictions)


def _held_out(timeline: Timeline) -> LiveSignal | None:
    """Return the first held-out series, behind what comes before it in time."""
    static = timeline.static_arrays
    past, known = static["past_time"][0], static["past_target"][0]
    begun = np.isfinite(past)
    ahead = np.isfinite(static["held_time"][0])
    time = np.concatenate([past[begun], static["held_time"][0, ahead]])
    target = np.concatenate([known[begun], static["held_target"][0, ahead]])
    before = np.full(int(begun.sum()), np.nan)
    predictions: list[tuple[int, Array]] = []
    for step in timeline.steps:
        arrays = timeline.moment(step).arrays
        same = np.array_equal(arrays.get("held_of", static["held_of"]), static["held_of"])
        if "held_prediction" in arrays and same:  # at the end, other series may be drawn
            drawn = np.concatenate([before, arrays["held_prediction"][0, ahead]])
            predictions.append((step, drawn))
    if len(predictions) < 2:
        return None
    last, alone = timeline.moment().arrays, None
    if "net_held_prediction" in last and predictions[-1][0] == timeline.steps[-1]:
        alone = np.concatenate([before, last["net_held_prediction"][0, ahead]])
    return _changing(timeline, time, target, predictions, len(before), alone)


def _changing(
    timeline: Timeline,
    time: Array,
    target: Array,
    predictions: list[tuple[int, Array]],
    held: int | None = None,
    alone: Array | None = None,
) -> LiveSignal:
    """Return a signal (n,) whose predictions, at least (n,), are made anew at each moment, with
    those of the network alone at the end."""
    n = len(target)
    predictions = thinned(predictions, min(MAX_MOMENTS, MAX_BYTES // (2 * n)))
    steps = [step for step, _ in predictions]
    values = np.stack([each[-n:] for _, each in predictions])
    if alone is not None:
        values = np.concatenate([values, alone[None]])
    made = _signal_data(timeline, steps, time, target, values, None, n)
    # The last moment is of the model, also in runs of release 0.5, which have no more.
    of_model = steps[-1] == timeline.end and "held_error" in timeline.final_arrays
    by = "" if of_model and alone is None else made["by"]
    return made | {"held": held, "alone": alone is not None, "by": by}


def _windows(timeline: Timeline) -> LiveSignal | None:
    """Return a signal whose windows are predicted one after the other, each once."""
    arrays = timeline.moment().arrays_as(RegressSnapshot)
    if not {"time", "target", "prediction"} <= set(arrays) or not arrays["target"].size:
        return None
    time, target = _flat(arrays, "target")
    _, prediction = _flat(arrays, "prediction")
    size = len(target) // len(arrays["target"])
    K = min(len(arrays["target"]), MAX_BYTES // (4 * size))
    if K < 2:
        return None
    first = {timeline.n_windows(step): step for step in reversed(timeline.steps)}
    steps = thinned([first[k] for k in range(1, K + 1)], MAX_MOMENTS)
    ends, n = [size * timeline.n_windows(step) for step in steps], size * K
    made = _signal_data(
        timeline, steps, time[:n], target[:n], prediction[:n], ends, min(size * SEEN, n)
    )
    if "first_counted" in arrays:
        counted = arrays["first_counted"][:K].tolist()
        made["washed"] = [(size * k, size * k + n) for k, n in enumerate(counted) if n]
    return made


def _flat(arrays: RegressSnapshot, name: str) -> tuple[Array, Array]:
    """Return times (n,) and the first target, or its prediction, at them (n,)."""
    values = arrays["target"] if name == "target" else arrays["prediction"]
    time = arrays["time"] if values.ndim == 3 else arrays["time"][:, -1]
    return np.asarray(time, float).reshape(-1), np.asarray(values[..., 0], float).reshape(-1)


def _signal_data(
    timeline: Timeline,
    steps: list[int],
    time: Array,
    target: Array,
    prediction: Array,
    ends: list[int] | None,
    seen: int,
) -> LiveSignal:
    """Pack target (n,) and prediction in one range, somewhat wider than that of the target."""
    finite = target[np.isfinite(target)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    room = 0.15 * (high - low) or 1.0
    low, high = low - room, high + room

    def numbers(values: Array) -> str:
        share = np.clip(np.nan_to_num((values - low) / (high - low)), 0, 1)
        whole = np.where(np.isfinite(values), np.rint((MISSING - 1) * share), MISSING)
        return encoded(whole.astype("<u2"))

    return {
        "steps": steps,
        "losses": losses_at(timeline, steps),
        "by": network_alone(timeline, timeline.moment()),
        "alone": False,
        "unit": timeline.unit,
        "time": [float(f"{t:.10g}") for t in np.nan_to_num(time)],
        "target": numbers(target),
        "prediction": numbers(prediction),
        "low": low,
        "high": high,
        "ends": ends,
        "seen": seen,
        "held": None,
        "washed": [],
        "dates": bool(getattr(timeline.facts, "dates", False)),
        "clock": axis_of(timeline.run, timeline.facts, time),
    }
