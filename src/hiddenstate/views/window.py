"""The live window of a run; it reads only the run folder, and training never waits for it.

The dashboard stands above a strip with a status line and a bar to move through the moments.
"""

import importlib
import importlib.util
import os
import sys
import time
from bisect import bisect_left
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hiddenstate.errors import MachineError, printable
from hiddenstate.runs import Run
from hiddenstate.system import platform
from hiddenstate.system.processes import call, program
from hiddenstate.views.offscreen import status_line
from hiddenstate.views.playback import Pace, Player
from hiddenstate.views.timeline import Timeline

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TICK = 0.04
"""Seconds between two checks whether a drawing is due."""

IDLE_PERIOD = 0.5
"""Seconds between two reads of the run while nothing moves."""

STRIP = 0.055
"""Height of the strip, as a share of the window."""

HINTS = "space pause   ←→ step   home end   +- speed   f follow   r replay   q close"

HINTS_FROM = 900
"""Width of the window in pixels from which it shows the keys."""

KEYS: dict[str, Callable[[Player], Any]] = {
    " ": lambda player: player.pause(),
    "left": lambda player: player.jump(-1),
    "right": lambda player: player.jump(1),
    "home": lambda player: player.seek(0),
    "end": lambda player: player.seek(1),
    "+": lambda player: player.change_speed(2),
    "=": lambda player: player.change_speed(2),  # the key of + on many keyboards
    "-": lambda player: player.change_speed(1 / 2),
    "f": lambda player: player.follow(),
    "r": lambda player: player.restart(),
}

HELP_KEY = "?"

CLOSE_KEYS = ("q", "ctrl+w", "cmd+w")


def display_missing() -> str | None:
    """Return why no window can be opened here, or None if one can."""
    if not platform.has("terminals"):  # its pictures come through a pipe that is waited for
        return "no view can be drawn in a process of its own on this platform"
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return "there is no display"
    return None if _backend() else "no window toolkit is installed (Tk or Qt)"


def _backend() -> str | None:
    """Return a matplotlib backend whose toolkit is installed."""
    if sys.platform == "darwin":
        return "macosx"
    toolkits = {"PySide6": "QtAgg", "PyQt6": "QtAgg", "_tkinter": "TkAgg"}
    installed = (name for module, name in toolkits.items() if importlib.util.find_spec(module))
    return next(installed, None)


def desktop_theme() -> str:
    """Return the theme of the desktop, `light` or `dark`; light if it is unknown."""
    commands = {
        "darwin": ["defaults", "read", "-g", "AppleInterfaceStyle"],
        "linux": ["gsettings", "get", "org.gnome.desktop.interface", "color-scheme"],
    }
    command = commands.get(sys.platform, [""])
    if not program(command[0]):
        return "light"
    with suppress(OSError):
        output = call(command, seconds=1).output
        return "dark" if b"dark" in output.lower() else "light"
    return "light"


def show_window(run: Run, replay: bool = False, speed: float = 1.0) -> None:
    """Show `run` until its window is closed: live while it runs, else as a replay.

    Keys: space pauses and resumes; left and right move by one moment, home and end to the first
    and the last; + and - double and halve the speed; f follows the run, r replays it, q closes.
    In a narrow window ? shows the keys in place of the status. The bar can be dragged.

    Parameters
    ----------
    run : Run
    replay : bool, default False
        Start at the first moment even if the run is in progress.
    speed : float, default 1.0
        Speed of a replay; 2 is twice as fast.

    Raises
    ------
    MachineError
        If no window can be opened.
    """
    missing = display_missing()
    if missing:
        raise MachineError(f"--view window: {missing}; use --view terminal")
    player = Player(Timeline(run), replay, speed)
    import matplotlib

    from hiddenstate.views import style

    with style.theme(desktop_theme()):
        try:
            matplotlib.use(str(_backend()))
            from matplotlib import pyplot

            matplotlib.rcParams.update({"figure.raise_window": False, "toolbar": "None"})
            figure = pyplot.figure(figsize=(11, 7.9))
        except Exception as error:  # noqa: BLE001  a toolkit may raise anything without a screen
            raise MachineError(
                f"--view window: cannot open a window: {printable(error)}; use --view terminal"
            ) from None
        manager: Any = figure.canvas.manager
        manager.set_window_title(f"hiddenstate: {printable(run.name)}")
        figure.canvas.mpl_disconnect(manager.key_press_handler_id)  # matplotlib's own keys
        _keep_focus(manager.window)
        window = Window(figure, player, lambda: pyplot.close(figure))
        timer = figure.canvas.new_timer(interval=round(1000 * TICK))
        timer.add_callback(window.tick)
        timer.start()
        pyplot.show()


def _keep_focus(window: Any) -> None:
    """Leave the keyboard focus where it is when the window opens."""
    if hasattr(window, "setAttribute"):  # Qt
        qt = importlib.import_module("matplotlib.backends.qt_compat").QtCore.Qt
        window.setAttribute(qt.WidgetAttribute.WA_ShowWithoutActivating)
    elif hasattr(window, "wm_focusmodel"):  # Tk: in the active model it never asks for the focus
        window.wm_focusmodel("active")
        window.after(1000, window.wm_focusmodel, "passive")


class Window:
    """The contents of the window, on any canvas that matplotlib can draw on.

    Parameters
    ----------
    figure : Figure
    player : Player
    close : callable
        Closes the window.
    pace : Pace, optional
    """

    def __init__(
        self, figure: "Figure", player: Player, close: Callable[[], None], pace: Pace | None = None
    ) -> None:
        self.figure, self.player, self._close = figure, player, close
        self._pace = pace or Pace(TICK)
        self._requested = True  # by the user, or for the first time: drawn at once
        self._held = self._seeking = self._closed = False
        self._next_read = 0.0  # of the run
        parts: Any = figure.subfigures(2, 1, height_ratios=[1 - STRIP, STRIP])
        self._main = parts[0]
        self._strip = _Strip(parts[1])
        connect = figure.canvas.mpl_connect
        connect("key_press_event", self._on_key)
        connect("button_press_event", self._on_press)
        connect("motion_notify_event", self._on_motion)
        connect("button_release_event", self._on_release)
        connect("resize_event", self._on_resize)
        connect("close_event", self._on_close)

    def tick(self) -> None:
        """Draw if a drawing is due."""
        if self._closed or (self._held and not self._seeking):  # a plot that is being turned stays
            return
        if not self._requested and (self._pace.wait() or time.monotonic() < self._next_read):
            return
        with self._pace.drawing(self.player.share):
            before = self.player.status
            if self.player.advance() or self._requested:
                self._requested = False
                self._draw()
            elif self.player.status != before:
                self._draw_strip()
        idle = self.player.paused or self.player.finished
        self._next_read = time.monotonic() + (IDLE_PERIOD if idle else 0.0)

    def _draw(self) -> None:
        from hiddenstate.views.catalog import draw_dashboard

        draw_dashboard(self._main, self.player.timeline, self.player.moment())
        self._strip.show(self.player)
        self.figure.canvas.draw()

    def _draw_strip(self) -> None:
        """Draw only the strip."""
        if self._closed:
            return
        self._strip.show(self.player)
        canvas: Any = self.figure.canvas
        self._strip.figure.draw(canvas.get_renderer())
        canvas.blit(self._strip.figure.bbox)

    def _on_resize(self, event: Any) -> None:
        self._strip.fit(event.width)
        self._requested = True  # margins in inches change with the size

    def _on_close(self, event: Any) -> None:
        self._closed = True  # earlier key presses may still arrive

    def _on_key(self, event: Any) -> None:
        if event.key in CLOSE_KEYS:
            self._close()
        elif event.key == HELP_KEY:
            self._strip.asked = not self._strip.asked
            self._strip.fit(self.figure.bbox.width)
            self._draw_strip()
        elif event.key in KEYS:
            before = self.player.step
            KEYS[event.key](self.player)
            self._update(before)

    def _update(self, before: int) -> None:
        """Show the moment that the user chose if it is another one, and how it is played."""
        self._next_read = 0.0
        if self.player.step != before:
            self._requested = True
        self._draw_strip()

    def _on_press(self, event: Any) -> None:
        self._held = True
        if event.button == 1 and self._strip.holds(event):
            self._seeking = True
            self._on_motion(event)

    def _on_motion(self, event: Any) -> None:
        if self._seeking:
            before = self.player.step
            self.player.seek(self._strip.share(event))
            self._update(before)

    def _on_release(self, event: Any) -> None:
        self._held = self._seeking = False


class _Strip:
    """A status line and a bar, at the foot of the window."""

    def __init__(self, figure: Any) -> None:
        from hiddenstate.views import style

        theme = style.now()
        self.figure, self.asked = figure, False  # whether the user asked for the keys
        figure.set_facecolor(theme.ground)
        figure.patch.set_alpha(1.0)
        self._axes = figure.add_axes((0.012, 0.1, 0.976, 0.34))
        self._axes.set_xlim(0, 1)
        self._axes.set_ylim(-1, 1)
        self._axes.set_axis_off()
        self._axes.set_navigate(False)
        line = {"lw": 3, "solid_capstyle": "round", "clip_on": False}
        self._axes.plot([0, 1], [0, 0], color=theme.faint, **line)
        (self._past,) = self._axes.plot([0, 0], [0, 0], color=theme.muted, **line)
        (self._knob,) = self._axes.plot([0], [0], "o", color=theme.ink, ms=7, clip_on=False)
        text = {"va": "center", "fontsize": style.TEXT_POINTS}
        self._status = figure.text(0.012, 0.72, "", color=theme.ink, **text)
        self._hints = figure.text(0.988, 0.72, HINTS, ha="right", color=theme.muted, **text)
        self.fit(figure.bbox.width)

    def show(self, player: Player) -> None:
        """Show the place of `player`."""
        steps = player.steps
        share = bisect_left(steps, player.step) / (len(steps) - 1) if len(steps) > 1 else 0.0
        self._past.set_xdata([0, share])
        self._knob.set_xdata([share])
        more = "   ? keys" if self.figure.bbox.width < HINTS_FROM else ""
        self._status.set_text(status_line(player) + more)

    def fit(self, width: float) -> None:
        """Hide the keys if there is no space for them; if asked for, they replace the status."""
        room = width >= HINTS_FROM
        self._hints.set_visible(room or self.asked)
        self._status.set_visible(room or not self.asked)

    def holds(self, event: Any) -> bool:
        """Whether the mouse is on the strip."""
        return bool(self.figure.bbox.contains(event.x, event.y))

    def share(self, event: Any) -> float:
        """Return the place of the mouse along the bar, 0 to 1."""
        x, _ = self._axes.transData.inverted().transform((event.x, event.y))
        return float(min(max(x, 0.0), 1.0))
