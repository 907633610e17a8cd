"""The loop of the terminal view: look, draw what changed, obey keys, until it is over."""

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
from hiddenstate.views.terminal.header import Hint, Status, draw_help
from hiddenstate.views.terminal.keys import ASKING, WATCHING
from hiddenstate.views.terminal.panels import Look
from hiddenstate.views.terminal.progress import ProgressMeter
from hiddenstate.views.terminal.screen import Screen, terminal_missing
from hiddenstate.views.timeline import Timeline

SHORTEST, LIVE = 0.1, 0.5
"""Seconds between two frames at the least, and between two of a run under way."""

IDLE = 1.0
"""Seconds between two looks at a run that is over and stands still."""

MESSAGE_STAYS = 4.0
"""Seconds a message hides the keys."""

FIRST_WORD = 10.0
"""Seconds a run that has just begun is given to write what the views need."""

SHORT_RUN = 3.0
"""Seconds a run must have been shown live not to be replayed before its view ends with it."""

REPLAY_SPEED = 2.0
"""How much faster than usual such a replay goes: six seconds."""


def show_terminal(
    run: Run,
    replay: bool = False,
    speed: float = 1.0,
    control: bool = True,
    attached: bool = False,
) -> None:
    """Show `run` in the terminal until its reader leaves: live while it runs, else replayed.

    Reads the run folder and nothing else, draws no sooner than 20 times a moment's processor
    time after it (40 where training has every processor), and puts the terminal back however it
    ends. It must run in the main thread of a process.

    Parameters
    ----------
    run : Run
    replay : bool, default False
        Begin at the first moment although the run is under way.
    speed : float, default 1.0
        How much faster than usual a replay goes.
    control : bool, default True
        Keys may ask a run under way to pause, stop, learn at half the rate or keep a snapshot.
    attached : bool, default False
        Training started the view on its own terminal: Ctrl-C is for training alone, and the
        view ends with the run, after a replay where that was short. The process must be in
        training's process group.

    Raises
    ------
    MachineError
        If there is no terminal to show it in.
    UntrustedFileError
        If the run's snapshots are damaged.
    """
    missing = terminal_missing()
    if missing:
        raise MachineError(f"--view terminal: {missing}; use --view files or --view off")
    timeline = _timeline_of(run)
    player = Player(timeline, replay, speed)
    over = (lambda: run.status() != "running") if attached else None
    with warnings.catch_warnings(), np.errstate(all="ignore"), Screen(over) as screen:
        warnings.simplefilter("ignore")  # what is written to stderr would stand in the picture
        View(timeline, screen, player, control).watch()


def _timeline_of(run: Run) -> Timeline:
    """What the views read of a run, as soon as a run that has just begun has written it."""
    until = time.monotonic() + FIRST_WORD
    while True:
        try:
            return Timeline(run)
        except (UntrustedFileError, MachineError):
            if run.status() != "running" or time.monotonic() > until:
                raise
        time.sleep(0.05)


class View:
    """One reader's view of a run.

    Parameters
    ----------
    timeline : Timeline
    screen : Screen
    player : Player
    control : bool
        Keys may ask something of the training.
    """

    def __init__(
        self, timeline: Timeline, screen: Screen, player: Player, control: bool = True
    ) -> None:
        self.timeline, self.screen, self.player, self.control = timeline, screen, player, control
        self.depth, self.look = color_depth(os.environ), Look()
        self._pace = Pace(SHORTEST)
        self._page, self._left = "all", False
        self._help: int | None = None  # the part of the keys' list that is shown
        self._help_ends = True
        self._question: Callable[[], None] | None = None
        self._message, self._said = "", 0.0
        self._controls = self._n_controls()
        self._progress = ProgressMeter(player)
        self._frame = player.moment()
        self._drawn: object = None
        self._dirty = True
        self._live_since = self._live_until = time.monotonic()
        self._replaying = False

    def watch(self) -> None:
        """Show the run until its reader leaves, the terminal is gone, or, attached, its end."""
        while not (self.screen.ended or self._left):
            if self._pace.wait() == 0:
                self._pace.shortest = LIVE if self.player.live else SHORTEST
                with self._pace.drawing(self.player.share):
                    self._step()
                if self.screen.attached and not self.player.live and self._seen_enough():
                    return
            for key in self.screen.keys(self._patience()):
                self._press(key)

    def _seen_enough(self) -> bool:
        """Whether a view that ends with its run may: one that was hardly live first replays it."""
        if self._live_until - self._live_since >= SHORT_RUN:
            return True
        if not self._replaying:
            self._replaying = True
            self.player.speed = REPLAY_SPEED
            self.player.restart()
        return self.player.finished and not self.player.paused

    def _patience(self) -> float:
        """Seconds until there is something to do, if no key is pressed."""
        still = self.player.paused or self.player.finished
        idle = still and not self.player.live and not self._dirty and not self._message
        return IDLE if idle else max(self._pace.wait(), 0.001)

    def _step(self) -> None:
        """Look what is new, and draw if the screen would be another."""
        changed = self.player.advance() or self._dirty
        if self.player.live:
            self._live_until = time.monotonic()
        if changed:
            self._frame = self.player.moment()
        self._notice()
        now, size = self._status(), self.screen.size
        if changed or (now, size) != self._drawn:
            self._draw(now, size)
            self._drawn, self._dirty = (now, size), False

    def _draw(self, status: Status, size: tuple[int, int]) -> None:
        canvas = Canvas.blank(*size, self.depth)
        draw_screen(canvas, self.timeline, self._frame, status, self.look, self._hints())
        if self._help is not None:
            lines = [*WATCHING, *(ASKING if self._may_ask else [])]
            self._help_ends = draw_help(canvas, lines, self._help)
        self.screen.show(canvas)

    # ---- what the lines around the panels say

    def _status(self) -> Status:
        player, progress = self.player, self._progress
        steps = player.steps
        pages = pages_of(self.timeline, self._frame)
        if self._page not in pages:
            self._page = "all"
        state = "paused" if player.live and self._training_paused else player.state
        mode = "live" if player.live and player.following else "replay"
        if mode == "replay" and (player.paused or not steps):
            mode = "held"
        elif player.finished:
            mode = "end"
        return Status(
            state,
            progress.total(steps),
            progress.seconds(),
            progress.rate(steps, paused=state == "paused"),
            bisect(steps, player.step),
            len(steps),
            mode,
            player.speed,
            self._message,
            pages,
            pages.index(self._page),
        )

    def _hints(self) -> list[Hint]:
        asking = [("p", "pause training"), ("s", "stop")] if self._may_ask else []
        playing = [("space", "go on" if self.player.paused else "hold"), ("← →", "step")]
        if not self.player.live:
            playing.append(("r", "replay"))
        return [("?", "keys"), ("q", "leave"), *asking, *playing, ("0-9", "row")]

    def _say(self, message: str) -> None:
        self._message, self._said = printable(message, 120), time.monotonic()

    # ---- what is asked of training

    @property
    def _may_ask(self) -> bool:
        return self.control and self.player.live

    def _n_controls(self) -> int:
        return sum(event["event"] == "control" for event in self.timeline.events)

    @property
    def _training_paused(self) -> bool:
        """Whether the last that was asked of the training's going on was a pause."""
        done = [e["do"] for e in self.timeline.events if e["event"] == "control"]
        return [do for do in done if do in ("pause", "go")][-1:] == ["pause"]

    def _notice(self) -> None:
        """Say what training did when asked; forget an old message."""
        n = self._n_controls()
        if n > self._controls:
            from hiddenstate.runs.requests import describe_request

            last = [event for event in self.timeline.events if event["event"] == "control"][-1]
            self._say(describe_request(last))
        self._controls = n
        if self._message and not self._question and time.monotonic() > self._said + MESSAGE_STAYS:
            self._message = ""

    def _ask(self, do: str, value: float | None = None) -> None:
        from hiddenstate.runs.requests import send_request

        words = {"stop": "stop", "pause": "pause", "go": "go on", "snapshot": "keep a snapshot"}
        asked = words[do] if value is None else f"learn at rate {value:g}"
        try:
            send_request(self.timeline.run.path, do, value)
            self._say(f"asked training to {asked}")
        except HiddenstateError as error:
            self._say(f"error: {error}")

    def _halve(self) -> None:
        rates = [rate for event in self.timeline.events if (rate := figures_of(event).get("lr"))]
        if rates:
            self._ask("lr", rates[-1] / 2)
        else:
            self._say("no rate is logged yet")

    # ---- keys

    def _press(self, key: str) -> None:
        """Do what a key stands for; unknown ones do nothing."""
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
            self.look.row = (int(key) - 1) % 10
        elif self._may_ask and key in "pslk":
            self._press_asking(key)
        else:
            self._press_watching(key)

    def _press_asking(self, key: str) -> None:
        if key == "p":
            self._ask("go" if self._training_paused else "pause")
        elif key == "s":
            self._say("stop training and keep the best? y or n")
            self._question = lambda: self._ask("stop")
        elif key == "l":
            self._halve()
        else:
            self._ask("snapshot")

    def _press_watching(self, key: str) -> None:
        player = self.player
        if key == "space" and player.finished:
            player.restart()
        elif key in JUMPS:
            player.jump(JUMPS[key])
        elif key in ("tab", "back-tab"):
            pages = pages_of(self.timeline, self._frame)
            step = 1 if key == "tab" else -1
            self._page = pages[(pages.index(self._page) + step) % len(pages)]
        elif key in ACTIONS:
            ACTIONS[key](player)
        elif key == "a":
            self.look.plane += 1
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
