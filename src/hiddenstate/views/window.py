"""The live window: it reads the run folder and nothing else, and no training waits for it.

The dashboard stands over a strip with a line of status and a bar to scrub through the moments.
"""

import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from bisect import bisect_left
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hiddenstate.errors import MachineError, printable
from hiddenstate.runs import Run
from hiddenstate.views.offscreen import status
from hiddenstate.views.playback import Pace, Player
from hiddenstate.views.timeline import Timeline

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TICK = 0.04
"""Seconds between two looks at what is due."""

IDLE = 0.5
"""Seconds between two looks at the run while nothing moves."""

STRIP = 0.055
"""Share of the window's height that the strip has."""

HINTS = "space pause   ←→ step   home end   +- speed   f follow   r replay   q close"
"""The keys, said on windows of `HINTS_FROM` pixels and more."""

HINTS_FROM = 900

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

CLOSING = ("q", "ctrl+w", "cmd+w")


def display_missing() -> str | None:
    """Why no window can be opened here, or None if one can."""
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return "there is no display"
    return None if _backend() else "no window toolkit is installed (Tk or Qt)"


def _backend() -> str | None:
    """A matplotlib backend whose toolkit is here."""
    if sys.platform == "darwin":
        return "macosx"
    toolkits = {"PySide6": "QtAgg", "PyQt6": "QtAgg", "_tkinter": "TkAgg"}
    there = (backend for module, backend in toolkits.items() if importlib.util.find_spec(module))
    return next(there, None)


def desktop_theme() -> str:
    """The theme of the desktop, `light` or `dark`; light where it does not say."""
    commands = {
        "darwin": ["defaults", "read", "-g", "AppleInterfaceStyle"],
        "linux": ["gsettings", "get", "org.gnome.desktop.interface", "color-scheme"],
    }
    command = commands.get(sys.platform, [""])
    if not shutil.which(command[0]):
        return "light"
    with suppress(OSError, subprocess.TimeoutExpired):
        said = subprocess.run(command, capture_output=True, text=True, timeout=1).stdout
        return "dark" if "dark" in said.lower() else "light"
    return "light"


def show_window(run: Run, replay: bool = False, speed: float = 1.0) -> None:
    """Show `run` until its window is closed: live while it runs, else replayed.

    Keys: space pauses, left and right go one moment, home and end to the first and the last, + and
    - double and halve the speed, f follows the run, r replays it, q closes. The bar can be dragged.

    Parameters
    ----------
    run : Run
    replay : bool
        Begin at the first moment although the run is under way.
    speed : float
        How much faster than usual a replay goes.

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
                f"--view window: cannot open one: {printable(error)}; use --view terminal"
            ) from None
        manager: Any = figure.canvas.manager
        manager.set_window_title(f"hiddenstate: {printable(run.name)}")
        figure.canvas.mpl_disconnect(manager.key_press_handler_id)  # its keys mean other things
        _leave_focus(manager.window)
        window = Window(figure, player, lambda: pyplot.close(figure))
        timer = figure.canvas.new_timer(interval=round(1000 * TICK))
        timer.add_callback(window.tick)
        timer.start()
        pyplot.show()


def _leave_focus(window: Any) -> None:
    """Have the keyboard stay where it was when the window opens."""
    if hasattr(window, "setAttribute"):  # Qt
        qt = importlib.import_module("matplotlib.backends.qt_compat").QtCore.Qt
        window.setAttribute(qt.WidgetAttribute.WA_ShowWithoutActivating)
    elif hasattr(window, "wm_focusmodel"):  # Tk: it says that it will ask by itself, then is quiet
        window.wm_focusmodel("active")
        window.after(1000, window.wm_focusmodel, "passive")


class Window:
    """What is in the window, on any canvas that matplotlib draws pixels for.

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
        self._asked = True  # a person, or the first frame: it is drawn at once
        self._held = self._seeking = self._gone = False
        self._look = 0.0  # when the run is looked at next
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
        """Draw what is due, if anything is."""
        if self._gone or (self._held and not self._seeking):  # a plot being turned stays itself
            return
        if not self._asked and (self._pace.wait() or time.monotonic() < self._look):
            return
        with self._pace.drawing(self.player.share):
            before = self.player.state
            if self.player.advance() or self._asked:
                self._asked = False
                self._draw()
            elif self.player.state != before:
                self._restate()
        idle = self.player.paused or self.player.finished
        self._look = time.monotonic() + (IDLE if idle else 0.0)

    def _draw(self) -> None:
        from hiddenstate.views.catalog import draw_dashboard

        draw_dashboard(self._main, self.player.timeline, self.player.moment())
        self._strip.show(self.player)
        self.figure.canvas.draw()

    def _restate(self) -> None:
        """Draw the strip anew, and no more than that."""
        if self._gone:
            return
        self._strip.show(self.player)
        canvas: Any = self.figure.canvas
        self._strip.figure.draw(canvas.get_renderer())
        canvas.blit(self._strip.figure.bbox)

    def _on_resize(self, event: Any) -> None:
        self._strip.fit(event.width)
        self._asked = True  # margins are so many inches, whatever the size

    def _on_close(self, event: Any) -> None:
        self._gone = True  # keys pressed before it went may still come

    def _on_key(self, event: Any) -> None:
        if event.key in CLOSING:
            self._close()
        elif event.key in KEYS:
            before = self.player.step
            KEYS[event.key](self.player)
            self._answer(before)

    def _answer(self, before: int) -> None:
        """Show what a person asked for: another moment if it is one, else how it is played."""
        self._look = 0.0
        if self.player.step != before:
            self._asked = True
        self._restate()

    def _on_press(self, event: Any) -> None:
        self._held = True
        if event.button == 1 and self._strip.holds(event):
            self._seeking = True
            self._on_motion(event)

    def _on_motion(self, event: Any) -> None:
        if self._seeking:
            before = self.player.step
            self.player.seek(self._strip.share(event))
            self._answer(before)

    def _on_release(self, event: Any) -> None:
        self._held = self._seeking = False


class _Strip:
    """A line of status and a bar, at the foot of the window."""

    def __init__(self, figure: Any) -> None:
        from hiddenstate.views import style

        look = style.now()
        self.figure = figure
        figure.set_facecolor(look.ground)
        figure.patch.set_alpha(1.0)
        self._axes = figure.add_axes((0.012, 0.1, 0.976, 0.34))
        self._axes.set_xlim(0, 1)
        self._axes.set_ylim(-1, 1)
        self._axes.set_axis_off()
        self._axes.set_navigate(False)
        line = {"lw": 3, "solid_capstyle": "round", "clip_on": False}
        self._axes.plot([0, 1], [0, 0], color=look.faint, **line)
        (self._past,) = self._axes.plot([0, 0], [0, 0], color=look.muted, **line)
        (self._knob,) = self._axes.plot([0], [0], "o", color=look.ink, ms=7, clip_on=False)
        text = {"va": "center", "fontsize": style.TEXT_POINTS}
        self._said = figure.text(0.012, 0.72, "", color=look.ink, **text)
        self._hints = figure.text(0.988, 0.72, HINTS, ha="right", color=look.muted, **text)
        self.fit(figure.bbox.width)

    def show(self, player: Player) -> None:
        """Say where `player` stands."""
        steps = player.steps
        share = bisect_left(steps, player.step) / (len(steps) - 1) if len(steps) > 1 else 0.0
        self._past.set_xdata([0, share])
        self._knob.set_xdata([share])
        self._said.set_text(status(player))

    def fit(self, width: float) -> None:
        """Leave the keys unsaid where there is no room."""
        self._hints.set_visible(width >= HINTS_FROM)

    def holds(self, event: Any) -> bool:
        """Whether the mouse is on the strip."""
        return bool(self.figure.bbox.contains(event.x, event.y))

    def share(self, event: Any) -> float:
        """How far along the bar the mouse is, 0 to 1."""
        x, _ = self._axes.transData.inverted().transform((event.x, event.y))
        return float(min(max(x, 0.0), 1.0))
