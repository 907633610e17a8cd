"""Draws the held-out part of a regression: target, prediction, baseline and residuals."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.ticker import MaxNLocator, NullLocator

from hiddenstate.metrics.units import without_unit
from hiddenstate.system.typing import Array
from hiddenstate.views import style
from hiddenstate.views.figures.dates import date_axis, year_under_first_tick
from hiddenstate.views.figures.layout import (
    KEY_LINE,
    KEYED,
    REGULAR,
    add_axes,
    align_names,
    fitting_label,
    heading,
    inches,
    legend,
    legend_columns,
    name_time,
    new_figure,
    note_outside,
    part_of,
    place,
    rule,
    warn,
    write,
)
from hiddenstate.views.figures.numbers import Numbers
from hiddenstate.views.held_out import HeldOut, Lane, Residuals

ZOOMED = 60
"""Steps at the end that are drawn again, larger, if there are more."""

LANE, SMALLEST = 1.6, 1.15
"""Height of a lane in inches, and the least."""

NAMES = 0.2
"""Inches above the curves for the names of the parts."""

WIDE, WIDER, HIGH = 6.0, 8.0, 2.8
"""Width in inches from which residuals have a histogram beside the lanes, width from which the end
is drawn again, and height from which the autocorrelation is drawn."""

LOWEST, HIGHEST, PANEL_NAMES = 0.32, 2.4, 0.62
"""Inches that a panel of residuals has at least and at most, and those of names between two."""

BARS = ((4, 60), (2, 300))
"""Bars of a histogram that are drawn as one, and the residuals below which they are."""

SHORTEST = 8
"""Letters of the name of a lane that are written beside its errors at least."""

LEFT = 0.76
"""Inches at the left for the numbers and names of axes."""

LEGEND = 3.1
"""Inches that the legend above the first lane takes."""

TITLE = 0.17
"""Height in inches of the title of a lane that stands under a legend."""

BETWEEN = 0.14
"""Inches between the curves and the residuals, whose numbers do not meet."""

NUMBERED, THREE_NUMBERS = 0.2, 0.4
"""Heights in inches from which residuals have numbers at their axis, and three of them."""

DAY = 86_400
"""Seconds of a day, the unit of dates in matplotlib."""


def held_out(shown: HeldOut, figure: Figure | None = None) -> Figure:
    """Draw the held-out part of each lane with what came before, and the residuals.

    Parameters
    ----------
    shown : HeldOut
    figure : Figure, optional
        The figure to draw on, or a part of one. If it is low, the last lanes are left out.
    """
    scatter = shown.one_a_series
    height = 3.9 if scatter else 1.5 + LANE * max(len(shown.lanes), 1.4)
    figure = figure or new_figure(10, height)
    width, height = inches(figure)
    title = "Held-out rows" if scatter else "Held-out part"
    lanes = shown.lanes[: max(1, int((height - 1.2) / SMALLEST))]
    if scatter:
        lanes = shown.lanes[: max(1, int((width - 1.5) / 2.2))]
    left_out = len(shown.lanes) - len(lanes)
    score, *share = shown.score.split("; ")
    # The last clauses are left out where there is no space for them.
    clauses = [score, f"{left_out} more not drawn" if left_out else "", *share, shown.about]
    heading(figure, title, "; ".join(clause for clause in clauses if clause))
    top = KEYED + 0.05 + warn(figure, shown.warning, worse=shown.worse)
    columns = 2 if width >= WIDE else 1
    if scatter:
        labels = ["prediction = target", shown.baseline, "held-out row"]
        labels += ["members alone"] * (lanes[0].members is not None)
        top += KEY_LINE * (-(-len(labels) // legend_columns(labels, width - LEFT)) - 1)
    if width < WIDER and lanes[0].title and not scatter:
        # The title of the lane has a line of its own; where it is narrowest, the legend has two.
        top += TITLE if columns == 2 else 2 * TITLE
    grid = place(figure, 1, columns, top=top, left=LEFT, gap=(0.5, 0), widths=[5, 1][:columns])
    if scatter:
        _draw_scatters(figure, grid[0, 0], shown, lanes)
    else:
        _draw_lanes(figure, grid[0, 0], shown, lanes)
    if columns == 2:
        _draw_residuals(figure, grid[0, 1], shown)
    return figure


def _draw_lanes(figure: Figure, part: SubplotSpec, shown: HeldOut, lanes: tuple[Lane, ...]) -> None:
    rows = part.subgridspec(len(lanes), 1, hspace=0.42)
    for number, lane in enumerate(lanes):
        zoomed = len(lane.time) > ZOOMED and inches(figure)[0] >= WIDER
        high = rows[number].get_position(part_of(figure)).height * inches(figure)[1]
        inner = rows[number].subgridspec(
            2,
            1 + zoomed,
            height_ratios=[3, 1],
            hspace=2 * BETWEEN / max(high - BETWEEN, BETWEEN),
            wspace=0.1,
            width_ratios=[3, 2][: 1 + zoomed],
        )
        values = add_axes(figure, inner[0, 0])
        first = len(lane.time)
        if lane.count > len(lane.time):  # steps in the middle are not there
            first = len(lane.time) // 2
        foot = lane is lanes[-1], _has_own_time(lane, lanes[-1])
        _draw_lane(figure, values, inner[1, 0], shown, lane, slice(first), foot)
        names = lane.of, without_unit(lane.of), style.plain(lane.of, 16)
        fitting_label(values, *(style.plain(name, 40) for name in names))
        narrow = inches(figure)[0] < WIDER
        if not number:
            legend(values, TITLE if narrow and lane.title else 0.0)
        last = values
        if zoomed:
            last = add_axes(figure, inner[0, 1], sharey=values)
            _draw_lane(
                figure, last, inner[1, 1], shown, lane, slice(-ZOOMED, None), foot, zoom=True
            )
            last.tick_params(labelleft=False)
        errors = lane.errors(shown.baseline)
        wide = last.bbox.x1 - values.bbox.x0
        if not number and not narrow:
            wide -= LEGEND * part_of(figure).dpi
        room = wide / part_of(figure).dpi / (REGULAR * style.SMALL_POINTS)
        if style.letters(errors) + SHORTEST > room:
            errors = errors.partition(", ")[0]
        most = max(room - style.letters(errors) - 2, SHORTEST)
        title = lane.title if shown.one_a_series else without_unit(lane.title)
        name = f"{style.plain(title, most)}: " if lane.title else ""
        name += errors if len(shown.lanes) > 1 else ""
        worse = len(shown.lanes) > 1 and lane.is_worse
        color = style.now().wrong if worse else style.now().ink
        write(
            last, name, (1, 1), (0, 3), ha="right", va="bottom", color=color, within="axes fraction"
        )


def _draw_lane(
    figure: Figure,
    axes: Axes,
    below: SubplotSpec,
    shown: HeldOut,
    lane: Lane,
    part: slice,
    foot: tuple[bool, bool],
    zoom: bool = False,
) -> None:
    """Draw some held-out steps of a lane, all before them unless `zoom`, and residuals below.

    `foot` says whether the time axis has a name, and whether the year of its dates is written.
    """
    past = slice(0, 0) if zoom else slice(None)
    unit = DAY if shown.dates else 1
    time, past_time = lane.time[part] / unit, lane.past_time[past] / unit
    _draw_lane_values(axes, shown, lane, (time, part), (past_time, past), zoom)
    residuals = add_axes(figure, below, sharex=axes)
    _draw_lane_residuals(figure, residuals, time, lane, part, zoom)
    start, end = (past_time[0] if len(past_time) else time[0]), time[-1]
    washed = [np.divide(ends, unit) for ends in lane.washed if not zoom or ends[0] / unit > start]
    start = min([start, *(ends[0] for ends in washed)])
    margin = 0.01 * (end - start) or 0.5
    border = start - margin
    if len(past_time):  # after the last step that was trained on
        last = int(np.flatnonzero(np.isfinite(lane.past_target))[-1])
        border = float(np.append(past_time, time[0])[last : last + 2].mean())
    now = style.now()
    for one in (axes, residuals):
        one.axvspan(border, end + margin, color=now.faint, alpha=0.55, lw=0, zorder=0)
        if len(past_time):
            one.axvline(border, color=now.muted, lw=0.9, zorder=1)
        rule(one)
    for number, ends in enumerate(washed):
        label = "" if number else "washout"
        axes.axvspan(*ends, color=now.muted, alpha=0.35, lw=0, zorder=0.5, label=label)
    axes.set_xlim(start - margin, end + margin)
    axes.tick_params(labelbottom=False)
    _time_axis(residuals, shown.dates)
    if foot[0]:
        name_time(residuals, shown.clock.partition(":")[0] if zoom else shown.clock)
    year_under_first_tick(residuals, any(foot))  # at the right is the title of the next lane
    low, high = lane.values[:2]
    names = NAMES / max(axes.bbox.height / part_of(figure).dpi, 0.4) * (high - low)
    axes.set_ylim(low, high + names)
    if not zoom:
        align_names([axes, residuals])
    _name_parts(axes, shown, lane, border, end, len(past_time) > 0, zoom)
    note_outside(axes, lane.prediction[part], "prediction", now.prediction)


def _draw_lane_values(
    axes: Axes,
    shown: HeldOut,
    lane: Lane,
    held_out: tuple[Array, slice],
    past: tuple[Array, slice],
    zoom: bool,
) -> None:
    """Draw target, baseline, members and prediction; of each part its times and its steps."""
    now, (time, part) = style.now(), held_out
    marker: dict[str, Any] = {"marker": "o", "ms": 2.6, "mew": 0} if zoom else {}
    if len(time) == 1:
        marker = {"marker": "o", "ms": 4, "mew": 0}
    axes.plot(
        np.concatenate([past[0], time]),
        np.concatenate([lane.past_target[past[1]], lane.target[part]]),
        color=now.target,
        lw=1.0,
        label="target",
        **marker,
    )
    axes.plot(time, lane.baseline[part], color=now.baseline, lw=0.9, ls="--", label=shown.baseline)
    if lane.members is not None:
        lowest, highest = (each[part] for each in lane.members)
        axes.fill_between(
            time, lowest, highest, color=now.prediction, alpha=0.3, lw=0, label="members alone"
        )
    axes.plot(
        time, lane.prediction[part], color=now.prediction, lw=1.4, label="prediction", **marker
    )


def _draw_lane_residuals(
    figure: Figure, axes: Axes, time: Array, lane: Lane, part: slice, zoom: bool
) -> None:
    """Draw prediction minus target as lines from 0, with as many numbers as there is room for."""
    now, residual = style.now(), lane.prediction[part] - lane.target[part]
    axes.vlines(time, 0, residual, color=now.residual, lw=max(0.8, 90 / max(len(time), 60)))
    axes.axhline(0, color=now.muted, lw=0.6)
    tall = axes.bbox.height / part_of(figure).dpi
    low, high = 1.05 * lane.residuals.low, 1.05 * lane.residuals.high
    axes.yaxis.set_major_locator(MaxNLocator(2) if tall > NUMBERED else NullLocator())
    axes.set_ylim(low, high)
    if NUMBERED < tall <= THREE_NUMBERS:  # a line stands at 0
        axes.set_yticks([tick for tick in axes.get_yticks() if tick and low < tick < high])
    if zoom:
        axes.tick_params(labelleft=False)
    else:
        fitting_label(axes, "residual")


def _has_own_time(lane: Lane, last: Lane) -> bool:
    """Whether the times of a lane are others than those of the last one."""
    return not np.array_equal(lane.time, last.time)


def _name_parts(
    axes: Axes, shown: HeldOut, lane: Lane, border: float, end: float, split: bool, zoom: bool
) -> None:
    """Write beside the border which part is which."""
    name = "held out"
    if zoom:
        name = f"last {ZOOMED} of {lane.count:,} held-out steps"
    elif lane.count > len(lane.time):
        name = f"first {len(lane.time) // 2} held out"
    within = axes.get_xaxis_transform()
    write(axes, name, (border, 1), (3, -2), ha="left", va="top", within=within)
    room = axes.transData.transform((border, 0))[0] - axes.bbox.x0
    letters = room / part_of(axes.figure).dpi / (REGULAR * style.SMALL_POINTS)
    if split and letters > len(shown.before):
        write(axes, shown.before, (border, 1), (-3, -2), ha="right", va="top", within=within)


def _time_axis(axes: Axes, dates: bool) -> None:
    """Write times at the x axis: dates as dates, numbers in full."""
    if dates:
        date_axis(axes)
        return
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.ticklabel_format(axis="x", style="plain", useOffset=False)


def _draw_scatters(
    figure: Figure, part: SubplotSpec, shown: HeldOut, lanes: tuple[Lane, ...]
) -> None:
    """Draw prediction against target of held-out rows, with the diagonal."""
    now = style.now()
    columns = part.subgridspec(1, len(lanes), wspace=0.35)
    for number, lane in enumerate(lanes):
        axes = add_axes(figure, columns[number])
        ends = np.array(lane.values[:2])
        axes.plot(ends, ends, color=now.muted, lw=0.9, label="prediction = target")
        order = np.argsort(lane.target)
        axes.plot(
            lane.target[order],
            lane.baseline[order],
            color=now.baseline,
            lw=0.9,
            ls="--",
            label=shown.baseline,
        )
        if lane.members is not None:
            axes.vlines(
                lane.target,
                *lane.members,
                color=now.prediction,
                alpha=0.35,
                lw=1.2,
                label="members alone",
            )
        axes.plot(
            lane.target,
            lane.prediction,
            ls="",
            marker="o",
            ms=3.4,
            mew=0,
            alpha=0.75,
            color=now.prediction,
            label="held-out row",
        )
        axes.set_xlabel(style.plain(lane.of, 24))
        axes.set_ylabel("prediction" if not number else "")
        axes.set(xlim=ends, ylim=ends)
        rule(axes, "both")
        if not number:
            legend(axes)
        if lane.count > len(lane.target):
            name = f"first {len(lane.target):,} of {lane.count:,} rows"
            write(axes, name, (1, 0), (-2, 3), ha="right", va="bottom", within="axes fraction")


def _draw_residuals(figure: Figure, part: SubplotSpec, shown: HeldOut) -> None:
    """Draw the histogram of the residuals of each target, and below it their autocorrelation."""
    high = part.get_position(part_of(figure)).height * inches(figure)[1]

    def each(n: int) -> float:
        return (high - (n - 1) * PANEL_NAMES) / n

    most = next((n for n in range(len(shown.residuals), 1, -1) if each(n) >= LOWEST), 1)
    every = shown.residuals[:most]
    known = any(one.lags is not None and np.isfinite(one.lags).any() for one in every)
    known = known and inches(figure)[1] >= HIGH and each(2 * most) >= LOWEST
    n = most * (1 + known)
    tall = min(each(n), HIGHEST)
    rest = high - n * tall - (n - 1) * PANEL_NAMES  # high panels would only stretch their bars
    ratios, space = [tall] * n, PANEL_NAMES * n / (n * tall)
    if rest > PANEL_NAMES + 0.1:
        ratios, space = (
            [*ratios, rest - PANEL_NAMES],
            PANEL_NAMES * (n + 1) / (n * tall + rest - PANEL_NAMES),
        )
    parts = part.subgridspec(len(ratios), 1, hspace=space, height_ratios=ratios)
    for number, one in enumerate(every):
        _draw_counts(figure, add_axes(figure, parts[number * (1 + known)]), one)
        if known:
            _draw_lags(add_axes(figure, parts[2 * number + 1]), one)


def _draw_counts(figure: Figure, axes: Axes, of: Residuals) -> None:
    """Draw the histogram of the residuals of a target."""
    now, edges = style.now(), of.edges
    joined = next((size for size, most in BARS if of.counts.sum() < most), 1)
    counts = of.counts.reshape(-1, joined).sum(axis=1)
    axes.stairs(counts, edges[::joined], fill=True, color=now.residual, alpha=0.7)
    axes.axvline(0, color=now.ink, lw=0.8)
    axes.set_yticks([])
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.xaxis.set_major_formatter(Numbers())
    size = (style.SMALL_POINTS + 0.5) * part_of(figure).dpi  # of a letter, by its share of it
    ticks = [tick for tick in axes.get_xticks() if edges[0] <= tick <= edges[-1]]
    if ticks and len(ticks) * len(f" {ticks[0]:,.6g} ") * REGULAR * size > axes.bbox.width:
        axes.set_xticks([tick for tick in ticks if tick])  # a line stands at 0
    room = int(axes.bbox.width / (REGULAR * style.SMALL_POINTS * part_of(figure).dpi))
    _above(
        axes,
        style.plain(
            f"residuals, {without_unit(of.name)}" if of.name else "residuals", max(room, 12)
        ),
    )
    name = "prediction \N{MINUS SIGN} target"
    if of.scaled:
        name = "in deviations of a series"
    wide = len(name) * REGULAR * size > axes.bbox.width
    axes.set_xlabel(name, loc="right" if wide else "center")  # a wide one would leave the figure


def _draw_lags(axes: Axes, of: Residuals) -> None:
    """Draw the autocorrelation of the residuals of a target."""
    now, lags = style.now(), of.lags
    if lags is None:
        return
    axes.vlines(np.arange(1, len(lags) + 1), 0, lags, color=now.residual, lw=2)
    axes.axhline(0, color=now.muted, lw=0.6)
    if np.isfinite(lags).any():
        ends = min(-0.25, float(np.nanmin(lags)) * 1.1), max(1.0, float(np.nanmax(lags)))
        axes.set_ylim(*ends)
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    _above(axes, "autocorrelation of these")
    axes.set_xlabel("steps later")


def _above(axes: Axes, text: str) -> None:
    write(axes, text, (0, 1), (0, 3), ha="left", va="bottom", within="axes fraction")
