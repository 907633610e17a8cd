"""The loop of the terminal view: read what is new, draw what changed, act on keys."""

import os
import time
import warnings
from bisect import bisect
from collections.abc import Callable

import numpy as np

from hiddenstate.errors import HiddenstateError, MachineError, UntrustedFileError, printable
from hiddenstate.runs import Run
from hiddenstate.runs.events import figures_of
from hiddenstate.views.playback import Pace, Player
from hiddenstate.views.terminal.canvas import Canvas
from hiddenstate.views.terminal.colors import color_depth
from hiddenstate.views.terminal.dashboard import draw_screen, pages_of
from hiddenstate.views.terminal.header import KeyHint, ViewStatus, draw_help
from hiddenstate.views.terminal.keys import RUN_KEYS, VIEW_KEYS
from hiddenstate.views.terminal.panels import Selection
from hiddenstate.views.terminal.progress import ProgressMeter
from hiddenstate.views.terminal.screen import Screen, terminal_missing
from hiddenstate.views.timeline import Timeline

MIN_PERIOD, LIVE_PERIOD = 0.1, 0.5
"""Shortest time between two drawings, and between two of a run in progress, in seconds."""

IDLE_PERIOD = 1.0
"""Seconds between two reads of a run that has ended, while nothing moves."""

MESSAGE_SECONDS = 4.0
"""Seconds that a message replaces the keys."""

START_SECONDS = 10.0
"""Seconds that a new run may take to write its static arrays."""

SHORT_RUN = 3.0
"""Seconds; an attached view that was live for less replays the run before it ends."""

REPLAY_SPEED = 2.0
"""Speed of that replay, which takes six seconds."""


def show_terminal(
    run: Run,
    replay: bool = False,
    speed: float = 1.0,
    control: bool = True,
    attached: bool = False,
) -> None:
    """Show `run` in the terminal until the user quits: live while it runs, else as a replay.

    The view reads only the run folder. It waits 20 times the processor time of a drawing before
    the next (40 if training uses every processor), and always restores the terminal. It must run
    in the main thread of a process.

    Parameters
    ----------
    run : Run
    replay : bool, default False
        Start at the first moment even if the run is in progress.
    speed : float, default 1.0
        Speed of a replay; 2 is twice as fast.
    control : bool, default True
        Let keys pause, step or stop a run in progress, halve its learning rate, or save a snapshot.
    attached : bool, default False
        Whether training started the view on its own terminal. Then Ctrl-C goes to training alone,
        and the view ends with the run, after a replay if the run was short. The process must be in
        the process group of training.

    Raises
    ------
    MachineError
        If there is no terminal to show it in.
    UntrustedFileError
        If the file of static arrays is damaged.
    """
    missing = terminal_missing()
    if missing:
        raise MachineError(f"--view terminal: {missing}; use --view files or --view off")
    timeline = _wait_for_timeline(run)
    player = Player(timeline, replay, speed)
    over = (lambda: run.status() != "running") if attached else None
    with warnings.catch_warnings(), np.errstate(all="ignore"), Screen(over) as screen:
        warnings.simplefilter("ignore")  # a warning on stderr would overwrite the screen
        View(timeline, screen, player, control).watch()


def _wait_for_timeline(run: Run) -> Timeline:
    """Return the run's timeline, once a run that has just started has written its first files."""
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            return Timeline(run)
        except (UntrustedFileError, MachineError):
            if run.status() != "running" or time.monotonic() > until:
                raise
        time.sleep(0.05)


class View:
    """One user's view of a run.

    Parameters
    ----------
    timeline : Timeline
    screen : Screen
    player : Player
    control : bool, default True
        Whether keys may send requests to the run.
    """

    def __init__(
        self, timeline: Timeline, screen: Screen, player: Player, control: bool = True
    ) -> None:
        self.timeline, self.screen, self.player, self.control = timeline, screen, player, control
        self.depth, self.selection = color_depth(os.environ), Selection()
        self._pace = Pace(MIN_PERIOD)
        self._page, self._left = "all", False
        self._help: int | None = None  # the part of the list of keys that is shown
        self._help_ends = True
        self._question: Callable[[], None] | None = None
        self._message, self._message_time = "", 0.0
        self._controls = self._n_controls()
        self._progress = ProgressMeter(player)
        self._moment = player.moment()
        self._drawn: object = None
        self._dirty = True
        self._live_since = self._live_until = time.monotonic()
        self._replaying = False

    def watch(self) -> None:
        """Show the run until the user quits, the terminal is gone, or an attached run ends."""
        while not (self.screen.ended or self._left):
            if self._pace.wait() == 0:
                self._pace.shortest = LIVE_PERIOD if self.player.live else MIN_PERIOD
                with self._pace.drawing(self.player.share):
                    self._step()
                if self.screen.attached and not self.player.live and self._may_end():
                    return
            for key in self.screen.keys(self._timeout()):
                self._press(key)

    def _may_end(self) -> bool:
        """Whether an attached view may end; after a short run it first replays it."""
        if self._live_until - self._live_since >= SHORT_RUN:
            return True
        if not self._replaying:
            self._replaying = True
            self.player.speed = REPLAY_SPEED
            self.player.restart()
        return self.player.finished and not self.player.paused

    def _timeout(self) -> float:
        """Seconds until there is something to do, if no key is pressed."""
        still = self.player.paused or self.player.finished
        idle = still and not self.player.live and not self._dirty and not self._message
        return IDLE_PERIOD if idle else max(self._pace.wait(), 0.001)

    def _step(self) -> None:
        """Read what is new, and draw if the screen would change."""
        changed = self.player.advance() or self._dirty
        if self.player.live:
            self._live_until = time.monotonic()
        if changed:
            self._moment = self.player.moment()
        self._update_message()
        now, size = self._status(), self.screen.size
        if changed or (now, size) != self._drawn:
            self._draw(now, size)
            self._drawn, self._dirty = (now, size), False

    def _draw(self, status: ViewStatus, size: tuple[int, int]) -> None:
        canvas = Canvas.blank(*size, self.depth)
        draw_screen(canvas, self.timeline, self._moment, status, self.selection, self._hints())
        if self._help is not None:
            lines = [*VIEW_KEYS, *(RUN_KEYS if self._may_request else [])]
            self._help_ends = draw_help(canvas, lines, self._help)
        self.screen.show(canvas)

    # ---- the lines around the panels

    def _status(self) -> ViewStatus:
        player, progress = self.player, self._progress
        steps = player.steps
        pages = pages_of(self.timeline, self._moment)
        if self._page not in pages:
            self._page = "all"
        status = "paused" if player.live and self._training_paused else player.status
        mode = "live" if player.live and player.following else "replay"
        if mode == "replay" and (player.paused or not steps):
            mode = "held"
        elif player.finished:
            mode = "end"
        return ViewStatus(
            status,
            progress.total(steps),
            progress.seconds(),
            progress.rate(steps, paused=status == "paused"),
            bisect(steps, player.step),
            len(steps),
            mode,
            player.speed,
            self._message,
            pages,
            pages.index(self._page),
        )

    def _hints(self) -> list[KeyHint]:
        run = [("p", "pause training"), ("s", "stop")] if self._may_request else []
        view = [("space", "resume" if self.player.paused else "pause"), ("← →", "step")]
        if not self.player.live:
            view.append(("r", "replay"))
        return [("?", "keys"), ("q", "quit"), *run, *view, ("0-9", "row")]

    def _show_message(self, message: str) -> None:
        self._message, self._message_time = printable(message, 120), time.monotonic()

    # ---- requests to the run

    @property
    def _may_request(self) -> bool:
        return self.control and self.player.live

    def _n_controls(self) -> int:
        return sum(event["event"] == "control" for event in self.timeline.events)

    @property
    def _training_paused(self) -> bool:
        """Whether training waits for a request to continue."""
        from hiddenstate.runs.requests import is_paused

        return is_paused(self.timeline.events)

    def _update_message(self) -> None:
        """Show the last request that training carried out; remove an old message."""
        n = self._n_controls()
        if n > self._controls:
            from hiddenstate.runs.requests import describe_request

            last = [event for event in self.timeline.events if event["event"] == "control"][-1]
            self._show_message(describe_request(last))
        self._controls = n
        expired = time.monotonic() > self._message_time + MESSAGE_SECONDS
        if self._message and not self._question and expired:
            self._message = ""

    def _request(self, do: str, value: float | None = None) -> None:
        from hiddenstate.runs.requests import send_request

        words = {
            "stop": "stop",
            "pause": "pause",
            "go": "resume",
            "step": "make one update",
            "snapshot": "save a snapshot",
        }
        requested = words[do] if value is None else f"use the learning rate {value:g}"
        try:
            send_request(self.timeline.run.path, do, value)
            self._show_message(f"asked training to {requested}")
        except HiddenstateError as error:
            self._show_message(f"error: {error}")

    def _halve(self) -> None:
        rates = [rate for event in self.timeline.events if (rate := figures_of(event).get("lr"))]
        if rates:
            self._request("lr", rates[-1] / 2)
        else:
            self._show_message("no learning rate is logged yet")

    # ---- keys

    def _press(self, key: str) -> None:
        """Act on a key; unknown keys do nothing."""
        self._dirty = True
        if self._question:
            question, self._question, self._message = self._question, None, ""
            if key in ("y", "Y"):
                question()
        elif key == "ctrl-z":
            self.screen.suspend()
        elif key == "ctrl-l":
            self.screen.forget()
        elif self._help is not None:
            self._help = self._help + 1 if key == "?" and not self._help_ends else None
        elif key.isdigit():
            self.selection.row = (int(key) - 1) % 10
        elif self._may_request and key in "pnslk":
            self._press_run_key(key)
        else:
            self._press_view_key(key)

    def _press_run_key(self, key: str) -> None:
        if key == "p":
            self._request("go" if self._training_paused else "pause")
        elif key == "n":
            self._request("step")
        elif key == "s":
            self._show_message("stop training and keep the best weights? y or n")
            self._question = lambda: self._request("stop")
        elif key == "l":
            self._halve()
        else:
            self._request("snapshot")

    def _press_view_key(self, key: str) -> None:
        player = self.player
        if key == "space" and player.finished:
            player.restart()
        elif key in JUMPS:
            player.jump(JUMPS[key])
        elif key in ("tab", "back-tab"):
            pages = pages_of(self.timeline, self._moment)
            step = 1 if key == "tab" else -1
            self._page = pages[(pages.index(self._page) + step) % len(pages)]
        elif key in ACTIONS:
            ACTIONS[key](player)
        elif key == "a":
            self.selection.plane += 1
        elif key == "?":
            self._help = 0
        elif key == "escape":
            self._page = "all"
        elif key == "q":
            self._left = True


JUMPS = {"left": -1, "right": 1, "up": -10, "down": 10}
ACTIONS: dict[str, Callable[[Player], object]] = {
    "space": Player.pause,
    "home": lambda player: player.seek(0.0),
    "end": lambda player: player.seek(1.0),
    "+": lambda player: player.change_speed(2.0),
    "=": lambda player: player.change_speed(2.0),
    "-": lambda player: player.change_speed(0.5),
    "f": Player.follow,
    "r": Player.restart,
}
