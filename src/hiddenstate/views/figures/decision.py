"""Draws when a classifier decided: input, probabilities and hidden state, step by step."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.gridspec import SubplotSpec
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from hiddenstate.metrics.units import quantity
from hiddenstate.system.typing import Array
from hiddenstate.views import style
from hiddenstate.views.figures.classify import RIGHT_MARK, WRONG_MARK
from hiddenstate.views.figures.lanes import READABLE
from hiddenstate.views.figures.layout import (
    LETTER,
    REGULAR,
    Box,
    add_axes,
    color_scale,
    heading,
    heat,
    inches,
    new_figure,
    on_page,
    part_of,
    place,
    write,
    write_at,
)
from hiddenstate.views.figures.numbers import brief
from hiddenstate.views.figures.pixels import draw_pixels, draw_sound
from hiddenstate.views.row_form import RowForm, as_drawn, band, form_of_rows

SIDE_BY_SIDE = 6.0
"""Width of a figure in inches from which two rows are side by side."""

PLACES = 100
"""Places along the areas of classes at which their names are tried."""

MAX_TICK = 6
"""Characters of a tick up to which there is space for a label beside it."""

LOWEST = 1.2
"""Height of a picture in inches, from which on its panels have space for their ticks and names."""

LANE_INCHES, LANE_NAME = 0.24, 12
"""Height of a lane from which the ends of its scale are written, and letters of its name."""

LEAST_NAME = 10
"""Letters of a class in the result that are written whether they fit or not; when it was decided
is left out before."""


def decision(
    rows: Array,
    read: Array,
    chances: Array | None,
    states: Array,
    truth: Sequence[int] | Array,
    names: Sequence[str],
    picture: tuple[int, ...] | None = None,
    figure: Figure | None = None,
    form: RowForm | None = None,
    *,
    answers: Array | None = None,
    by: str = "",
    all_by: bool = True,
    waves: Array | None = None,
) -> Figure:
    """Draw what a classifier reads, the class probabilities after each step, and the state h_t.

    The lines of a picture run down the page, with probabilities and state at the same height.
    The time of a signal runs across, with both below; each of its channels has a lane. A dashed
    line marks the step from which the prediction is the final one.

    Parameters
    ----------
    rows : ndarray (D, T, I)
        Shorter rows end in NaN.
    read : ndarray (P,)
        Numbers of steps read, increasing.
    chances : ndarray (D, P, C) or None
    states : ndarray (D, P, H)
    truth : sequence of int (D,)
        Class numbers.
    names : sequence of str
        Labels of the classes.
    picture : tuple of int, optional
        Height and width of the picture that a row is, and 3 if it is in colour.
    figure : Figure, optional
        The figure to draw on, or a part of one.
    form : RowForm, optional
        What a row is; by default told by `rows` and `picture`.
    answers : ndarray (D, C), optional
        Class probabilities of the whole rows by the model, if `chances` are not.
    by : str, optional
        What `states` are of, if it is not the model.
    all_by : bool, default True
        Whether `chances` are of the same.
    waves : ndarray (n, s), optional
        Samples of the first rows, if they are sounds, drawn above their spectrograms.
    """
    D, form = min(len(rows), len(states)), form or form_of_rows(rows, picture)
    if figure is None and on_page(SIDE_BY_SIDE) < SIDE_BY_SIDE:
        D = min(D, 2)
    figure = figure or new_figure(*_size(D, form))
    unit = "row" if form.down else "step"
    heading(
        figure,
        "When did it decide?",
        f"{_contents(rows.shape[1], len(read), unit, bool(by) and not all_by)}"
        f"{_of(by, all_by)}; dashed: from here "
        f"{'its' if by and all_by else 'the'} prediction stays",
    )
    across = 1 if D <= 1 or inches(figure)[0] < SIDE_BY_SIDE else 2
    high = max(1.0, float(np.abs(states[np.isfinite(states)]).max(initial=0)))
    wider, aside = _margins(form)
    blocks = place(
        figure,
        -(-max(D, 1) // across),
        across,
        left=0.55 + wider,
        right=0.42 + aside + 0.12 * (high > 1),  # a scale beyond 1 has longer numbers
        bottom=0.42,
        top=0.8,
        gap=(0.6 + wider + aside, 0.7),
    )
    for number in range(D):
        block = blocks[number // across, number % across]
        chance = None if chances is None else chances[number]
        decided = _Decided(
            rows[number], read, chance, states[number], int(truth[number]), names, high, form
        )
        if waves is not None and number < len(waves):
            decided.wave = waves[number]
        if answers is not None:
            decided.answered = int(answers[number].argmax())
        held = decided.draw(figure, block)
        if number == min(across, D) - 1:  # at the right edge
            inch = part_of(figure).dpi / held.bbox.width
            scale = held.inset_axes((1 + 0.05 * inch, 0, 0.06 * inch, 1))
            scale.tick_params(colors=style.now().muted, labelsize=style.SMALL_POINTS)
            color_scale(scale, high)
    return figure


def _of(by: str, all_by: bool) -> str:
    """Say what states, and maybe all, are of."""
    return f"{', all' * all_by} of {by}" if by else ""


def _contents(n_steps: int, n_read: int, unit: str, by_model: bool) -> str:
    """Say what is drawn of a row, in which order; probabilities `by_model`, not by what has h_t."""
    every = round(n_steps / max(n_read, 1))
    after = f"after each {unit}" if every <= 1 else f"every {every:,} {unit}s"
    shown = as_drawn(n_steps) if unit == "step" else ""
    whose = f"class probabilities{' of the model' * by_model}"
    return f"input{f' ({shown})' if shown else ''}, {whose} {after}, and h_t"


def _size(n: int, form: RowForm) -> tuple[float, float]:
    """Return width and height in inches for `n` rows; pictures keep their proportions."""
    width, across = (8.6, 7.9) if n <= 1 else (11.2, 4.95)
    width, across = on_page(width), min(across, on_page(width) - 0.7)
    picture, tall = form.picture, 2.6
    if form.sound is not None:
        tall = 3.6
    elif picture:
        tall = min(max(0.42 * across * picture[0] / picture[1], LOWEST), 4.0)
    elif form.n_drawn > 1:
        tall = 1.8 + 0.3 * form.n_drawn
    lines = -(-max(n, 1) // (1 if n <= 1 or width < SIDE_BY_SIDE else 2))
    return width, 1.25 + lines * tall + (lines - 1) * 0.7


def _margins(form: RowForm) -> tuple[float, float]:
    """Return the inches needed at the left, beyond the usual, and at the right of the input."""
    if form.picture:
        return 0.1 if form.sound else 0.0, 0.0
    if form.n_drawn == 1:
        return 0.2, 0.0  # for the input's numbers
    names = [style.plain(name, LANE_NAME) for name in form.labels()]
    longest = max(style.letters(name) for name in names)
    return max(REGULAR * style.SMALL_POINTS * longest - 0.35, 0.0), 0.34


class _Decided:
    """The decision on one row, over its own steps."""

    def __init__(
        self,
        row: Array,
        read: Array,
        chances: Array | None,
        states: Array,
        truth: int,
        names: Sequence[str],
        high: float,
        form: RowForm,
    ) -> None:
        finite = np.flatnonzero(np.isfinite(row).any(axis=1))
        self.row = row[: finite[-1] + 1 if len(finite) else 1]
        n = max(1, int(np.searchsorted(read, len(self.row), side="right")))
        self.edges = np.concatenate([[0], read[:n]]).astype(float)
        self.states, self.truth, self.names, self.high = states[:n], truth, names, high
        self.form, picture = form, form.picture
        self.down = form.down and picture is not None and len(self.row) == picture[0]
        self.chances = None if chances is None else chances[:n]
        self.chosen: int | None = None
        self.answered: int | None = None  # by the model, if it is not the network alone
        self.wave: Array | None = None  # samples of a sound
        if self.chances is not None:
            best = self.chances.argmax(axis=1)
            self.chosen = int(best[-1])
            others = np.flatnonzero(best != best[-1])
            self.since = int(others[-1]) + 1 if len(others) else 0

    def verdict(self, room: int) -> tuple[str, str]:
        """Return the result in words, in about so many letters, and its colour."""
        now = style.now()
        chosen = self.chosen if self.answered is None else self.answered
        if chosen is None:
            return f"is {style.shortened(self.names, room - 3)[self.truth]}", now.ink
        mark, color = (RIGHT_MARK, now.right) if chosen == self.truth else (WRONG_MARK, now.wrong)
        blank = [""] * len(self.names)
        for timed in (True, False):
            named = {chosen, self.truth, self.chosen if timed else None} - {None}
            free = room - 2 - style.letters(self._words(chosen, blank, timed))
            each = free / len(named)
            if each >= min(
                LEAST_NAME, max(style.letters(self.names[c]) for c in named if c is not None)
            ):
                break
        short = style.shortened(self.names, max(each, LEAST_NAME))
        return f"{mark} {self._words(chosen, short, timed)}", color

    def _words(self, chosen: int, names: Sequence[str], timed: bool) -> str:
        """Return the chosen class, the true one if it is another, and if `timed` from when the
        network has its own; `names` are those of the classes."""
        true = "" if chosen == self.truth else f" (is {names[self.truth]})"
        if self.chosen is None or not timed:
            return names[chosen] + true
        when = f"decided after {self._when()}"
        if self.answered is None:
            return f"{names[chosen]}, {when}{true}"
        own = "too" if self.chosen == chosen else names[self.chosen]
        return f"{names[chosen]}{true}; the network {own}, {when}"

    def _when(self) -> str:
        """The steps after which the prediction is the final one, or their time, in words."""
        step = int(self.edges[self.since + 1])
        each, unit = self.form.clock()
        if self.down or unit == "step":
            return f"{'row' if self.down else 'step'} {step}"
        time = quantity(step * each, unit)
        return time if unit else f"time {time}"

    def draw(self, figure: FigureBase, block: SubplotSpec) -> Axes:
        """Draw the panels in a part of a grid, with aligned steps; return that of the state."""
        boxes = self._boxes(figure, block)
        seen, *between, held = (add_axes(figure, box) for box in boxes)
        wide = seen.bbox.width / part_of(figure).dpi / (LETTER * style.TEXT_POINTS)
        text, color = self.verdict(int(wide))
        more = f"{self.form.more} channels" if self.form.more else ""
        if more and style.letters(text) + len(more) < wide:
            corner = (1.0, 1.0)
            write(seen, more, corner, (0, 5), ha="right", va="bottom", within="axes fraction")
        write(
            seen,
            text,
            (0, 1),
            (0, 5),
            ha="left",
            va="bottom",
            size=style.TEXT_POINTS,
            bold=True,
            color=color,
            within="axes fraction",
        )
        self._draw_row(seen)
        if self.chances is not None:
            self._draw_chances(between[0], self.chances)
        self._draw_states(held)
        for axes in (seen, *between, held):
            self._align(axes, first=axes is seen, last=axes is held)
        return held

    def _boxes(self, figure: FigureBase, block: SubplotSpec) -> list[Box]:
        """Return the places of the panels: beside a picture, or below a signal."""
        box = block.get_position(part_of(figure))
        wide, high = inches(figure)
        width, height = box.width * wide, box.height * high
        seen = 1.0 if self.form.sound is None else 1.8
        shares = [seen, 1.0, 0.8] if self.chances is not None else [seen, 0.8]
        if not self.down:
            gap, top, boxes = 0.1, box.y1, []
            free = max(height - gap * (len(shares) - 1), 0.5 * height)
            for share in shares:
                tall = share / sum(shares) * free / high
                boxes.append((box.x0, top - tall, box.width, tall))
                top -= tall + gap / high
            return boxes
        rows, columns = self.form.picture or self.row.shape
        gap, side = 0.28, min(height * columns / rows, 0.42 * width)
        tall = min(height, max(side * rows / columns, 0.5 * height))
        rest, left, boxes = width - side - gap * (len(shares) - 1), box.x0, []
        for size in (side, *(share / sum(shares[1:]) * rest for share in shares[1:])):
            boxes.append((left, box.y1 - tall / high, size / wide, tall / high))
            left += (size + gap) / wide
        return boxes

    def _align(self, axes: Axes, first: bool, last: bool) -> None:
        """Give all panels the same steps, and mark the decision."""
        now, end = style.now(), len(self.row)
        ticks = MaxNLocator(5, integer=True)
        if self.down:
            axes.set_ylim(end, 0)
            axes.yaxis.set_major_locator(ticks if first else NullLocator())
            if first:
                axes.set_ylabel("rows read")
        else:
            axes.set_xlim(0, end)
            axes.xaxis.set_major_locator(NullLocator())
            aside = -0.34 if self.row.shape[1] > 1 else -0.58
            axes.yaxis.set_label_coords(aside / axes.bbox.width * part_of(axes.figure).dpi, 0.5)
            if last:
                each, unit = self.form.clock()
                ticks = ticks if unit == "step" else MaxNLocator(5)
                times = np.asarray(ticks.tick_values(0, end * each))
                times = times[(times >= 0) & (times <= end * each * 1.001)]
                axes.set_xticks(times / each, [brief(round(time, 9)) for time in times])
                words = f"time read ({unit})" if unit else "time read"
                axes.set_xlabel("steps read" if unit == "step" else words)
        if self.chosen is not None and self.since:
            line = axes.axhline if self.down else axes.axvline
            line(self.edges[self.since + 1], color=now.ink, lw=1.2, ls=(0, (4, 2)))

    def _draw_row(self, axes: Axes) -> None:
        T, n_features = self.row.shape
        if self.down:
            draw_pixels(axes, self.form.pixels(self.row), self.form, (0, n_features, T, 0), "auto")
            axes.set_xticks([])
            axes.spines[:].set_visible(True)
            axes.spines[:].set_color(style.now().faint)
            return
        if self.form.sound is not None:
            draw_sound(axes, self.row, self.form, self.wave)
            return
        if self.form.n_drawn > 1:
            self._draw_lanes(axes)
            return
        steps, values = band(self.row[:, 0].astype(float))
        axes.plot(steps + 0.5, values, color=style.now().ink, lw=1, marker="o" if T == 1 else "")
        low, high = float(self.form.low[0]), float(self.form.high[0])
        room = 0.05 * (high - low)
        axes.set_ylim(low - room, high + room)
        axes.yaxis.set_major_locator(MaxNLocator(3))
        axes.yaxis.set_major_formatter(FuncFormatter(brief))
        if all(len(brief(tick)) <= MAX_TICK for tick in axes.get_yticks()):
            name = self.form.names[0] if self.form.names else "input"
            axes.set_ylabel(style.plain(name, LANE_NAME))

    def _draw_lanes(self, axes: Axes) -> None:
        """Draw each channel in a lane with its name at the left and its scale at the right.

        All have one colour, as the colours of this figure are those of classes.
        """
        form = self.form
        shares, n = np.clip(form.shares(self.row), -0.03, 1.03), form.n_drawn
        tall = axes.bbox.height / part_of(axes.figure).dpi / n  # inches
        ink = style.now().ink
        size = min(style.SMALL_POINTS, 0.95 * 72 * tall)
        for lane, name in enumerate(form.labels()):
            steps, values = band(shares[:, lane])
            low = n - 1 - lane
            axes.plot(steps + 0.5, low + 0.08 + 0.84 * values, color=ink, lw=1)
            write(
                axes,
                style.plain(name, LANE_NAME) if 72 * tall >= READABLE else "",
                (0, low + 0.5),
                (-5, 0),
                color=ink,
                size=size,
                ha="right",
                within=("axes fraction", "data"),
            )
            if lane:
                axes.axhline(low + 1, color=style.now().faint, lw=0.6, zorder=0)
            if tall < LANE_INCHES:
                continue
            for value, y, va in (
                (form.high[lane], low + 1, "top"),
                (form.low[lane], low, "bottom"),
            ):
                write(
                    axes,
                    brief(float(f"{value:.3g}")),
                    (1, y),
                    (3, 0),
                    size=6.5,
                    ha="left",
                    va=va,
                    within=("axes fraction", "data"),
                )
        axes.set_ylim(0, n)
        axes.set_yticks([])

    def _draw_chances(self, axes: Axes, chances: Array) -> None:
        """Draw areas that sum to 1; that of the true class is first, to be read on the axis."""
        C, now = chances.shape[1], style.now()
        order = [self.truth, *(c for c in range(C) if c != self.truth)]
        edges = np.cumsum(chances[:, order], axis=1, dtype=float)
        edges = np.concatenate([np.zeros((len(edges), 1)), edges / edges[:, -1:]], axis=1)
        at = np.concatenate([[0], (self.edges[1:] + self.edges[:-1]) / 2, [self.edges[-1]]])
        edges = np.concatenate([edges[:1], edges, edges[-1:]])
        colors = style.class_colors(C)[order]
        colors[1:] = style.faded(colors[1:], 0.72)
        fill = axes.fill_betweenx if self.down else axes.fill_between
        for number, color in enumerate(colors):
            fill(at, edges[:, number], edges[:, number + 1], color=color, lw=0)
        edge = (edges[:, 1], at) if self.down else (at, edges[:, 1])
        axes.plot(*edge, color=now.ink, lw=1.4)
        self._name_areas(axes, at, edges, order, colors)
        if self.down:
            axes.set(xlim=(0, 1), xlabel="probability")
            axes.set_xticks([0, 0.5, 1], ["0", "½", "1"])
        else:
            axes.set(ylim=(0, 1), ylabel="probability")
            axes.set_yticks([0, 0.5, 1], ["0", "½", "1"])

    def _name_areas(
        self, axes: Axes, at: Array, edges: Array, order: list[int], colors: Array
    ) -> None:
        """Write the name of each class where its area is widest, shortened if it must be."""
        points, texts, ink = [], [], []
        dpi = part_of(axes.figure).dpi
        along, across = axes.bbox.width / dpi, axes.bbox.height / dpi  # inches
        if self.down:
            along, across = across, along
        lengths = [style.shortened(self.names, n) for n in (24, 14, 10)]
        fine = np.linspace(at[0], at[-1], PLACES)
        edges = np.stack([np.interp(fine, at, np.nan_to_num(edge)) for edge in edges.T])
        for number, class_ in enumerate(order):
            for name in dict.fromkeys(short[class_] for short in lengths):
                low, high = edges[number : number + 2] * across
                found = self._widest(low, high, fine / fine[-1] * along, name)
                if found is None:
                    continue
                where, middle = fine[found[0]], found[1] / across
                points.append((middle, where) if self.down else (where, middle))
                texts.append(name)
                ink.append(style.readable_on(colors[number]))
                break
        if points:
            write_at(axes, np.array(points), texts, ink, style.TEXT_POINTS, bold=True)

    def _widest(self, low: Array, high: Array, spot: Array, name: str) -> tuple[int, float] | None:
        """Return at which of `spot` (n,) an area from `low` (n,) to `high` (n,), in inches, has
        the most space for a name, and the middle of that space; None if it fits nowhere."""
        long, tall = LETTER * style.TEXT_POINTS * (style.letters(name) + 1), 0.16
        if self.down:
            long, tall = tall, long
        beside = np.abs(spot[:, None] - spot) <= long / 2
        start, end = (
            np.where(beside, low, 0).max(axis=1),
            np.where(beside, high, np.inf).min(axis=1),
        )
        least = end - start
        fits = (spot >= long / 2) & (spot <= spot[-1] - long / 2) & (least >= tall)
        if not fits.any():
            return None
        widest = np.flatnonzero(fits & (least >= 0.97 * least[fits].max()))
        place = int(widest[len(widest) // 2])
        return place, float(start[place] + end[place]) / 2

    def _draw_states(self, axes: Axes) -> None:
        n_units = self.states.shape[1]
        units = np.arange(n_units + 1)
        if self.down:
            heat(axes, units, self.edges, self.states, self.high)
            axes.set_xticks([])
            name = f"h_t, {n_units} unit" + "s" * (n_units != 1)
            letters = axes.bbox.width / part_of(axes.figure).dpi / (REGULAR * style.SMALL_POINTS)
            # A wide name would meet that of the probabilities beside it.
            axes.set_xlabel(name if len(name) < 2 * letters else "h_t", labelpad=15)
        else:
            heat(axes, self.edges, units, self.states.T, self.high)
            axes.set_yticks([])
            axes.set_ylabel("h_t")
