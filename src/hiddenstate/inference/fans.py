"""Forecasts as views draw them: the history of each series, its held-out part and what follows."""

from typing import Any, TypedDict

import numpy as np

from hiddenstate.data.origin import Origin, whole
from hiddenstate.errors import printable
from hiddenstate.inference.backtest import last_origins, seasonal_paths
from hiddenstate.inference.forecast_scores import simple_forecasts
from hiddenstate.inference.outlook import PAST, Outlook
from hiddenstate.inference.target_times import LaterTimes
from hiddenstate.metrics.units import ago, quantity, unit_of
from hiddenstate.system.typing import Array

MOST_SERIES = 10
"""Series that a view offers."""

Numbers = list[float | None]
"""Values of steps; None where there is none."""


class Fan(TypedDict):
    """One series: n past steps, and H that are forecast; lists of targets are in their order.

    Parameters
    ----------
    name : str
        Empty of a single series.
    times : list of str
        Of all n + H steps, as the data writes them, or their numbers.
    seconds : list of int, optional
        The same of dates that are regular, on their clock, since 1970; None of other times.
    past, held : list of list
        The known values of each target (n,), and what was forecast of them H steps earlier, of the
        held-out part alone.
    held_from : int
        The first of the n steps that is held out; n if none is.
    ahead : dict of list of list
        Of each target the forecasts "y" (H,), the ends of intervals such as "lower_80" and, of a
        net with members, what these forecast alone at the least and at the most, "members_low".
    errors : list of dict
        Of each target the mean absolute error of earlier forecasts of held-out steps, "own", and
        of the best simple forecast, "other", whose name is "simple", and "steps" how far back that
        looks, which is its name if "counted"; None if there are none.
    """

    name: str
    times: list[str]
    seconds: list[int] | None
    past: list[Numbers]
    held: list[Numbers]
    held_from: int
    ahead: dict[str, list[Numbers]]
    errors: list[dict[str, Any] | None]


class Fans(TypedDict):
    """Forecasts of some series of one model.

    Parameters
    ----------
    units : list of str
        Of the targets, where their names give them.
    counts : list of int
        The number of earlier forecasts that intervals rest on, 1 and H steps ahead.
    assumed : list of list
        Columns known ahead that go on as before, each with the steps that it looks back.
    """

    targets: list[str]
    units: list[str]
    horizon: int
    levels: list[float]
    held_out: bool
    n_series: int
    counts: list[int]
    assumed: list[tuple[str, int]]
    series: list[Fan]


def fans_of(made: Outlook, most: int = MOST_SERIES, past: int = 0) -> Fans:
    """Return what views draw of an outlook, of its first series and at least `past` known steps."""
    model, H = made.forecaster.model, made.forecaster.horizon
    targets = [printable(name) for name in model.transform.targets or ("y",)]
    units = [unit_of(name) for name in model.transform.targets or ("y",)]
    levels = sorted(made.levels)
    n = min(most, len(made.series))
    columns = made.prediction().columns
    errors = _errors(made)
    ends, spread = made.ends(), made.spread() or ()
    fans = []
    for i in range(n):
        T = len(made.series[i])
        start = made.starts[i] if made.held_out else T
        first = max(0, T - max(4 * H, PAST, past, min((T - start) * 5 // 4, 8 * H)))
        own = made.series[i][first:, made.forecaster.own]
        ahead = {"y": _lists(made.paths.values[i])}
        for level in levels:
            for end, values in zip(("lower", "upper"), ends[level], strict=True):
                ahead[f"{end}_{100 * level:g}"] = _lists(values[i])
        for end, values in zip(("low", "high"), spread, strict=False):
            ahead[f"members_{end}"] = _lists(values[i])
        times = _times(made, i, first)
        later = [str(each) for each in columns.get("time", ())[i * H : i * H + H]]
        if not times or "None" in later:
            times, later = ([str(k) for k in range(first, T)], [str(k) for k in range(T, T + H)])
        before = _held(made, i)
        fans.append(
            Fan(
                name=str(columns["series"][i * H]) if "series" in columns else "",
                times=[*times, *later],
                seconds=_seconds(made, i, first),
                past=_lists(own),
                held=_lists(before[first:]),
                held_from=min(T, max(start, first)) - first,
                ahead=ahead,
                errors=errors[i],
            )
        )
    return Fans(
        targets=targets,
        units=units,
        horizon=H,
        levels=levels,
        held_out=made.held_out,
        n_series=len(made.series),
        counts=made.counts()[[0, -1]].tolist(),
        assumed=[(printable(name), back) for name, back in made.assumed.items()],
        series=fans,
    )


def error_in_words(error: dict[str, Any] | None, unit: str) -> str:
    """Return how far forecasts were off, and the best simple ones; empty if that is not known."""
    if error is None:
        return ""
    own = f"off by ± {quantity(error['own'], unit)}"
    if error["other"] is None:
        return own
    return f"{own}; {error['simple']}: ± {quantity(error['other'], unit)}"


def _lists(values: Array) -> list[Numbers]:
    """Return values (n, O) as a list for each column, with None for what is not a number."""
    return [[float(x) if np.isfinite(x) else None for x in column] for column in values.T]


def _times(made: Outlook, number: int, first: int) -> list[str]:
    """Return the times of the known steps of a series from one on; none without times."""
    rows = made.dataset.train
    origin: Origin = rows.origin or whole(len(rows))
    if origin.table is None or origin.table.starts is None:
        return []
    steps = np.arange(first, len(made.series[number]))
    series = np.full(len(steps), origin.series[number])
    times = origin.table.times_of(series, steps)
    return [] if times is None else [str(each) for each in times.tolist()]


def _seconds(made: Outlook, number: int, first: int) -> list[int] | None:
    """Return the dates of the steps of a series from one on, and of those after it, in seconds."""
    rows = made.dataset.train
    origin: Origin = rows.origin or whole(len(rows))
    table, T = origin.table, len(made.series[number])
    if table is None or table.starts is None or table.dates is None:
        return None
    steps = np.arange(first, T)
    known = table.moments_of(np.full(len(steps), origin.series[number]), steps)
    later = LaterTimes(table, int(origin.series[number]), T - 1)
    after = later.moments(np.arange(1, made.forecaster.horizon + 1))
    if known is None or after is None:
        return None
    moments = np.concatenate([known.local, after.local]).view("M8[us]")
    return [int(each) for each in moments.astype("M8[s]").astype(np.int64)]


def _held(made: Outlook, number: int) -> Array:
    """Return what was forecast of each step of a series (T, O) a horizon earlier; NaN where nothing
    was."""
    shape = len(made.series[number]), len(made.forecaster.own)
    values = np.full(shape, np.nan)
    own, H = made.earlier.series == number, made.forecaster.horizon
    steps, found = made.earlier.origin[own] + H, made.earlier.values[own][:, -1]
    there = (steps < shape[0]) & (steps >= made.starts[number])
    values[steps[there]] = found[there]
    return values


def _errors(made: Outlook) -> list[list[dict[str, Any] | None]]:
    """Return the errors of each series and target: of the forecasts that tables score, those with
    all of their steps in the held-out part; of all of them if there are none."""
    paths, own = made.earlier, made.forecaster.own
    scored = last_origins(paths, made.series, None, made.starts)
    paths = paths.take(scored) if scored.any() else paths
    first = min(paths.origin.tolist(), default=0)
    simple = simple_forecasts(made.forecaster.model.transform, made.dataset.calendar, first)
    others = {
        name: np.abs(seasonal_paths(paths, made.series, own, k).values - paths.actual)
        for name, k in simple.items()
        if len(paths.origin)
    }
    off = np.abs(paths.values - paths.actual)
    found: list[list[dict[str, Any] | None]] = []
    for i in range(len(made.series)):
        which, each = paths.series == i, list[dict[str, Any] | None]()
        for o in range(len(own)):
            right = np.isfinite(off[which, :, o])
            if not right.any():
                each.append(None)
                continue
            means = {name: _mean(e[which, :, o][right]) for name, e in others.items()}
            known = {name: value for name, value in means.items() if value is not None}
            best = min(known, key=lambda name: known[name], default="")
            steps = simple.get(best, 1)
            mean, other = float(off[which, :, o][right].mean()), known.get(best)
            each.append(
                {
                    "own": mean,
                    "other": other,
                    "simple": best,
                    "steps": steps,
                    "counted": best == f"the value of {ago(None, steps)}",
                }
            )
        found.append(each)
    return found


def _mean(values: Array) -> float | None:
    """Return the mean of the values that are known; None if none is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None
