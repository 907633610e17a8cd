"""Draws the lines around the panels: the run, its progress, and the keys."""

from dataclasses import dataclass

from hiddenstate.errors import printable
from hiddenstate.views.answers import answered_by
from hiddenstate.views.terminal.canvas import BOLD, REVERSE, Canvas, clip, width_of
from hiddenstate.views.terminal.colors import BLUE, GREEN, GREY, ORANGE
from hiddenstate.views.terminal.panels import short
from hiddenstate.views.timeline import Moment, Timeline

SIGNS = {"running": ("●", GREEN), "paused": ("‖", ORANGE), "done": ("■", BLUE)}
"""Sign and colour of a run's status; any other means that it ended early."""


@dataclass
class ViewStatus:
    """What the lines around the panels show that no snapshot holds.

    Parameters
    ----------
    run : str
        The status of the run, or `paused`.
    total : int or None
        Updates of the whole run, if known.
    seconds, rate : float or None
        Time that training took so far, and updates per second.
    moment, moments : int
        The number of the moment shown, from 1, and of all moments.
    mode : {"live", "replay", "held", "end"}
    speed : float
        Of the replay.
    message : str
        Replaces the keys in the last line.
    pages : tuple of str
        What can be shown: all panels together, or one alone.
    page : int
        The number of the page shown.
    """

    run: str
    total: int | None = None
    seconds: float | None = None
    rate: float | None = None
    moment: int = 0
    moments: int = 0
    mode: str = "live"
    speed: float = 1.0
    message: str = ""
    pages: tuple[str, ...] = ("all",)
    page: int = 0


def header_lines(height: int) -> int:
    """Return the number of lines of the header on a screen of `height` lines."""
    return 1 if height < 16 else 2 if height < 30 else 3


def draw_header(canvas: Canvas, timeline: Timeline, moment: Moment, status: ViewStatus) -> None:
    """Draw name, job, data and status of a run, and its progress in a second line."""
    sign, ink = SIGNS.get(status.run, ("✗", ORANGE))
    state = f"{sign} {status.run}"
    room = canvas.width - width_of(state) - 2
    name, data = printable(timeline.run.name, 60), printable(timeline.facts.data, 60)
    if canvas.height == 1:
        _one_line(canvas, name, moment, status, state, ink)
        return
    end = canvas.text(0, 0, clip(name, room), mark=BOLD)
    who = answered_by(timeline, moment)
    about = "  ".join(part for part in (timeline.job, data, who) if part)
    if end + 3 < room:
        about = who if who and width_of(about) > room - end - 2 else about
        canvas.text(end + 2, 0, clip(about, room - end - 2), GREY)
    canvas.right(0, state, ink, BOLD)
    _progress(canvas.part(0, 1, canvas.width, 1), moment, status)


def _one_line(
    canvas: Canvas, name: str, moment: Moment, status: ViewStatus, state: str, ink: int
) -> None:
    progress = f"{moment.step:,}" + (f"/{status.total:,}" if status.total else "")
    begin = canvas.right(0, f"{progress}  {state}", ink, BOLD)
    canvas.text(0, 0, clip(name, max(begin - 1, 0)), mark=BOLD)


def _progress(canvas: Canvas, moment: Moment, status: ViewStatus) -> None:
    """Draw a bar, the step, and as many figures as fit."""
    words = [f"step {moment.step:,}" + (f" of {status.total:,}" if status.total else "")]
    if status.seconds is not None:
        words.append(clock(status.seconds))
    if status.rate:
        words.append(f"{short(status.rate) if status.rate < 100 else f'{status.rate:,.0f}'}/s")
    if status.rate and status.total and status.mode == "live":
        words.append(f"{clock((status.total - moment.step) / status.rate)} left")
    if moment.history:
        last = moment.history[-1]
        words += [f"epoch {last['epoch'] + 1}", f"lr {short(last['lr'])}"]
    while len(words) > 1 and width_of("  ".join(words)) > canvas.width - 12:
        words.pop()
    text = "  ".join(words)
    long = min(canvas.width - width_of(text) - 2, 60)
    whole = status.total or 0
    if not whole:
        canvas.text(0, 0, clip(text, canvas.width))
        return
    done = round(long * min(moment.step / whole, 1.0))
    canvas.text(0, 0, "━" * done, BLUE, BOLD)
    canvas.text(done, 0, ("─" if canvas.depth else "┄") * (long - done), GREY)
    canvas.text(long + 2, 0, text)


def clock(seconds: float) -> str:
    """Format a time: 0.84 s, 4 s, 12 s, 3:05 or 2:03:05."""
    if seconds < 10:
        return f"{seconds:.2g} s"
    minutes, rest = divmod(int(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


KeyHint = tuple[str, str]
"""A key, and what it does."""

MODES = {"live": "live", "replay": "▶", "held": "‖", "end": "end"}


def draw_footer(canvas: Canvas, status: ViewStatus, hints: list[KeyHint]) -> None:
    """Draw a message, or the moment shown and as many keys as fit."""
    if status.message:
        canvas.text(0, 0, clip(f" {status.message} ", canvas.width), mark=REVERSE)
        return
    place = MODES[status.mode]
    if status.mode != "live":
        place += f" {status.moment} of {status.moments}"
        place += f" at {short(status.speed)}x" if status.mode == "replay" else ""
    x = canvas.text(0, 0, place, BLUE, BOLD) + 2
    page = status.pages[status.page]
    for key, does in [("tab", page), *hints]:
        if x + width_of(f"{key} {does}") > canvas.width:
            continue
        x = canvas.text(x, 0, key, mark=BOLD) + 1
        x = canvas.text(x, 0, does, GREY) + 2


def draw_help(canvas: Canvas, lines: list[KeyHint], part: int) -> bool:
    """Draw what the keys do in a box in the middle; return whether this is the last part.

    Parameters
    ----------
    canvas : Canvas
    lines : list of KeyHint
    part : int
        Which part to draw, from 0, if they do not all fit.
    """
    keys = max(width_of(key) for key, _ in lines) + 2
    wide = keys + max(width_of(does) for _, does in lines) + 2
    n_columns = 1 if len(lines) + 2 <= canvas.height or 2 * wide + 3 > canvas.width else 2
    rows = min(canvas.height - 2, -(-len(lines) // n_columns))
    shown = lines[part * rows * n_columns :][: rows * n_columns]
    w, h = min(n_columns * wide + 3, canvas.width), rows + 2
    box = canvas.part((canvas.width - w) // 2, (canvas.height - h) // 2, w, h)
    box.clear()
    for y in range(h):
        left, line, right = "╭─╮" if y == 0 else "╰─╯" if y == h - 1 else "│ │"
        box.text(0, y, left + line * (w - 2) + right, GREY)
    box.text(2, 0, " keys ", mark=BOLD)
    for n, (key, does) in enumerate(shown):
        column, row = divmod(n, rows)
        place = box.part(2 + column * wide, 1 + row, min(wide, w - 3), 1)
        place.text(0, 0, key, BLUE, BOLD)
        place.text(keys, 0, does)
    more = (part + 1) * rows * n_columns < len(lines)
    if more:
        box.right(h - 1, " ? for more ─╯", GREY)
    return not more
