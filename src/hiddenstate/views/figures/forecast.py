"""Draws forecasts of series with their intervals, after their history and its held-out part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hiddenstate.system.typing import Array
from hiddenstate.views import style
from hiddenstate.views.figures.dates import date_axis
from hiddenstate.views.figures.layout import (
    REGULAR,
    add_axes,
    align_names,
    fitting_label,
    heading,
    inches,
    legend,
    new_figure,
    place,
    rule,
)

LANE = 2.1
"""Height of the lane of a series in inches."""

BETWEEN = 3
"""Letters between the times on an axis."""


@dataclass(frozen=True)
class Fan:
    """The forecast of one target of a series.

    Parameters
    ----------
    name, target : str
        Of the series, if there are several, and of its target, which may end with its unit.
    times : sequence of str
        Of the n known steps and the H that are forecast.
    seconds : sequence of int, optional
        The same of dates, since 1970.
    past, held : ndarray (n,)
        The last known values, and what was forecast of them as many steps earlier as the horizon,
        of the held-out part; NaN elsewhere.
    held_from : int
        The first of these steps that is held out; n if none is.
    ahead : mapping of ndarray (H,)
        The forecast "y", the ends of intervals, such as "lower_80", and of the members of a net.
    error : str
        How far earlier forecasts were off.
    """

    name: str
    target: str
    times: Sequence[str]
    seconds: Sequence[int] | None
    past: Array
    held: Array
    held_from: int
    ahead: Mapping[str, Array] = field(default_factory=dict)
    error: str = ""


def forecasts(fans: list[Fan], levels: list[float], note: str = "") -> Figure:
    """Draw each fan in a lane of its own.

    Parameters
    ----------
    fans : list of Fan
    levels : list of float
        Of their intervals.
    note : str
        A line below the title.
    """
    figure = new_figure(8.6, 1.2 + LANE * len(fans))
    heading(figure, "Forecast", note)
    grid = place(figure, len(fans), left=0.85, top=1.0, bottom=0.35, gap=(0.2, 0.62))
    lanes = list[Axes]()
    for i, fan in enumerate(fans):
        axes = add_axes(figure, grid[i, 0])
        _draw(axes, fan, levels)
        name = style.plain(fan.name, 40) if fan.name else ""
        words = ", ".join(filter(None, (name, fan.error)))
        axes.set_title(words, loc="right", fontsize=style.SMALL_POINTS, color=style.now().muted)
        fitting_label(axes, style.plain(fan.target, 30), style.plain(fan.target, 14))
        lanes.append(axes)
    legend(lanes[0], 0.2)
    align_names(lanes)
    return figure


def _draw(axes: Axes, fan: Fan, levels: list[float]) -> None:
    theme, n, H = style.now(), len(fan.past), len(fan.ahead["y"])
    steps = np.arange(n + H) if fan.seconds is None else np.array(fan.seconds) / 86_400
    known, ahead, start = steps[:n], steps[n - 1 :], fan.past[-1:]

    def on(name: str) -> Array:
        return np.concatenate([start, fan.ahead[name]])

    if fan.held_from < n:
        axes.axvspan(
            steps[fan.held_from], steps[n - 1], color=theme.faint, alpha=0.5, lw=0, label="held out"
        )
    for level in sorted(levels, reverse=True):
        alpha = 0.16 if level == max(levels) else 0.28
        ends = on(f"lower_{100 * level:g}"), on(f"upper_{100 * level:g}")
        band = axes.fill_between(ahead, *ends, color=theme.prediction, alpha=alpha, linewidth=0)
        band.set_label(f"{100 * level:g} %")
    axes.plot(known, fan.past, color=theme.target, linewidth=1.2, label="observed")
    if np.isfinite(fan.held).any():
        axes.plot(known, fan.held, color=theme.prediction, linewidth=0.9, label="forecast then")
    dashed: dict[str, Any] = {"color": theme.prediction, "linestyle": "--", "linewidth": 1.5}
    axes.plot(ahead, on("y"), label="forecast", **dashed)
    for name in ("members_low", "members_high"):
        if name in fan.ahead:
            label = "members alone" if name == "members_low" else ""
            dotted: dict[str, Any] = {"color": theme.prediction, "linestyle": ":", "linewidth": 0.7}
            axes.plot(ahead, on(name), label=label, **dotted)
    axes.axvline(steps[n - 1], color=theme.ink, linewidth=0.8)
    axes.set_xlim(steps[0], steps[-1])
    rule(axes)
    if fan.seconds is None:
        _write_times(axes, fan, n)
    else:
        date_axis(axes)


def _write_times(axes: Axes, fan: Fan, n: int) -> None:
    """Write times below the axis, as many as there is space for: round ones if they are numbers at
    equal distances, else that of the first forecast and others at equal distances."""
    wide = inches(axes.figure)[0] * axes.get_position().width
    longest = max(style.letters(str(fan.times[k])) for k in (0, n, -1))
    fitting = max(1, int(wide / (REGULAR * style.SMALL_POINTS * (longest + BETWEEN))))
    each = -(-len(fan.times) // fitting)
    steps = np.arange(n % each, len(fan.times), each, dtype=float)
    texts = [style.plain(fan.times[k], 40) for k in steps.astype(int).tolist()]
    if (numbers := _even_numbers(fan.times)) is not None:
        start, apart = numbers[0], numbers[1] - numbers[0]
        whole = float(apart).is_integer()
        round_ones = MaxNLocator(fitting, steps=[1, 2, 5, 10], integer=whole)
        ticks = round_ones.tick_values(start, numbers[-1])
        steps, texts = (ticks - start) / apart, [f"{tick:.9g}" for tick in ticks]
    half = longest * REGULAR * style.SMALL_POINTS / 2 / wide * len(fan.times)
    inside = (steps >= half) & (steps <= len(fan.times) - half)
    axes.set_xticks(steps[inside], [text for text, fits in zip(texts, inside, strict=True) if fits])


def _even_numbers(times: Sequence[str]) -> Array | None:
    """Return times as numbers, if they are numbers at equal distances."""
    try:
        numbers = np.array([float(each) for each in times])
    except ValueError:
        return None
    even = numbers[0] + np.arange(len(times)) * (numbers[1] - numbers[0])
    apart = float(numbers[1] - numbers[0])
    return numbers if apart > 0 and (np.abs(numbers - even) < 0.01 * apart).all() else None
