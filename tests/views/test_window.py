"""The window: keys, the bar, its pace beside training, and views beside a fit."""

import os
import select
import shutil
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from matplotlib.backend_bases import (
    CloseEvent,
    Event,
    KeyEvent,
    MouseButton,
    MouseEvent,
    ResizeEvent,
)
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hiddenstate.program.jobs import kind_of
from hiddenstate.runs import Run
from hiddenstate.views import catalog, offscreen, window
from hiddenstate.views.playback import Pace, Player
from hiddenstate.views.timeline import Timeline
from hiddenstate.views.window import Window, desktop_theme
from tests import warm


def happen(event: Event) -> None:
    """What a window does where a user does something."""
    event.canvas.callbacks.process(event.name, event)


@pytest.fixture
def run(run_of):
    return run_of("autoencode")


class Stage:
    """A window on a canvas without a screen, with clocks that the test sets."""

    def __init__(self, run):
        self.now = self.worked = 0.0
        self.player = Player(Timeline(run), clock=lambda: self.now)
        self.figure = Figure(figsize=(11, 7.9), dpi=100)
        self.canvas = FigureCanvasAgg(self.figure)
        self.closed = []
        pace = Pace(0.0, clock=lambda: self.now, worked=lambda: self.worked)
        self.window = Window(self.figure, self.player, lambda: self.closed.append(1), pace)
        self.window.tick()

    def press(self, key):
        happen(KeyEvent("key_press_event", self.canvas, key))

    def mouse(self, what, share, y=6):
        happen(MouseEvent(f"{what}_event", self.canvas, share * 1100, y, MouseButton.LEFT))

    @property
    def shown(self):
        return self.player.steps.index(self.player.step)

    def status(self):
        return " ".join(text.get_text() for part in self.figure.subfigs for text in part.texts)


@pytest.fixture
def drawn(monkeypatch):
    """The steps of the moments that are drawn, without what is drawn of them."""
    steps = []

    def spy(figure, timeline, moment, title=""):
        steps.append(moment.step)

    monkeypatch.setattr(catalog, "draw_dashboard", spy)
    return steps


@pytest.fixture
def stage(run, drawn):
    stage = Stage(run)
    drawn.clear()
    return stage


def test_keys_move_through_the_moments(stage):
    last = len(stage.player.steps) - 1
    keys = ("end", "left", "left", "right", "home", "left", "f", "r")
    places = (last, last - 1, last - 2, last - 1, 0, 0, last, 0)
    for key, place in zip(keys, places, strict=True):
        stage.press(key)
        stage.window.tick()
        assert stage.shown == place, key


def test_space_pauses_and_plus_and_minus_change_the_speed(stage):
    stage.press(" ")
    assert stage.player.paused
    assert "paused" in stage.status()
    stage.press("+")
    stage.press("=")
    assert stage.player.speed == 4
    assert "speed 4" in stage.status()
    stage.press("-")
    stage.press(" ")
    assert (stage.player.speed, stage.player.paused) == (2, False)


def test_q_closes_the_window_and_later_keys_do_nothing(stage, drawn):
    stage.press("q")
    assert stage.closed
    happen(CloseEvent("close_event", stage.canvas))
    stage.figure.set_canvas(SimpleNamespace())  # as toolkits do on closing
    stage.press("end")
    stage.window.tick()
    assert drawn == []


def test_the_status_line_has_run_step_and_status(stage):
    assert "autoencode-1   step 1   done   replay" in stage.status()


def test_dragging_the_bar_seeks(stage):
    last = len(stage.player.steps) - 1
    stage.mouse("button_press", 0.5)
    assert abs(stage.shown - last / 2) <= 1
    stage.mouse("motion_notify", 1.0)
    assert stage.shown == last
    stage.mouse("motion_notify", -0.3)
    assert stage.shown == 0
    stage.mouse("button_release", 0.0)
    stage.mouse("motion_notify", 0.7)
    assert stage.shown == 0
    assert stage.player.paused


def test_a_press_elsewhere_seeks_nothing_and_delays_drawing(stage, drawn):
    stage.mouse("button_press", 0.5, y=400)
    stage.now += 100
    stage.window.tick()
    assert drawn == []
    stage.mouse("button_release", 0.5, y=400)
    stage.window.tick()
    assert len(drawn) == 1


def test_in_a_running_run_a_drawing_waits_twenty_times_the_previous_ones_time(
    run, drawn, monkeypatch
):
    monkeypatch.setattr(Run, "status", lambda self: "running")
    stage = Stage(run)
    draw = catalog.draw_dashboard

    def slow(*arguments):
        draw(*arguments)
        stage.worked += 0.5

    monkeypatch.setattr(catalog, "draw_dashboard", slow)
    stage.press("left")  # a key is answered at once
    stage.window.tick()
    assert len(drawn) == 2
    stage.press("f")
    stage.window.tick()
    assert len(drawn) == 3
    stage.player.restart()  # a replay waits
    stage.now += 9.9
    stage.window.tick()
    assert len(drawn) == 3
    stage.now += 0.2
    stage.window.tick()
    assert len(drawn) == 4


def test_a_resized_window_is_redrawn_and_a_narrow_one_hides_the_keys(stage, drawn):
    happen(ResizeEvent("resize_event", stage.canvas))
    stage.window.tick()
    assert len(drawn) == 1
    (hint,) = (t for part in stage.figure.subfigs for t in part.texts if "close" in t.get_text())
    assert hint.get_visible()
    stage.window._on_resize(SimpleNamespace(width=700))
    assert not hint.get_visible()


def test_a_question_mark_shows_the_keys_in_a_narrow_window(stage):
    stage.figure.set_size_inches(6.4, 4.8)
    happen(ResizeEvent("resize_event", stage.canvas))
    stage.window.tick()
    assert stage.status().endswith("? keys " + window.HINTS)
    shown = {t.get_text(): t for part in stage.figure.subfigs for t in part.texts}
    hint, status = shown[window.HINTS], next(t for text, t in shown.items() if "? keys" in text)
    assert (hint.get_visible(), status.get_visible()) == (False, True)
    stage.press("?")
    assert (hint.get_visible(), status.get_visible()) == (True, False)
    stage.press("?")
    assert (hint.get_visible(), status.get_visible()) == (False, True)


@pytest.mark.parametrize(("output", "theme"), [("'prefer-dark'", "dark"), ("'default'", "light")])
def test_the_theme_of_the_desktop_is_used(output, theme, tmp_path, monkeypatch):
    tool = tmp_path / ("defaults" if sys.platform == "darwin" else "gsettings")
    tool.write_text(f'#!/bin/sh\necho "{output}"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert desktop_theme() == theme
    monkeypatch.setenv("PATH", "")
    assert desktop_theme() == "light"


CLOSES_ITSELF = """
import sys
from pathlib import Path
from matplotlib.backend_bases import KeyEvent
from hiddenstate.runs import Run
from hiddenstate.views import window

class Brief(window.Window):
    def tick(self):
        super().tick()
        event = KeyEvent("key_press_event", self.figure.canvas, "q")
        self.figure.canvas.callbacks.process("key_press_event", event)

window.Window = Brief
window.show_window(Run(Path(sys.argv[1])))
"""


@pytest.fixture
def display(monkeypatch):
    """A new display if Xvfb is installed, else the existing one."""
    if not shutil.which("Xvfb"):
        if window.display_missing():
            pytest.skip("needs a display, or Xvfb")
        yield
        return
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1200x900x24"]
    screen = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as stream:
        assert select.select([read], [], [], 60)[0], "Xvfb does not answer"
        number = stream.readline().strip()
    monkeypatch.setenv("DISPLAY", f":{number}")
    yield
    screen.kill()
    screen.wait()


def test_a_real_window_opens_draws_and_closes(run, display):
    if window.display_missing():
        pytest.skip("needs Tk or Qt")
    done = warm.run(["-c", CLOSES_ITSELF, str(run.path)], run.path.parent)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_missing_display_is_a_one_line_error(run, monkeypatch):
    if window._backend() is None:
        pytest.skip("needs Tk or Qt")
    monkeypatch.setenv("DISPLAY", ":54321")
    command = ["-m", "hiddenstate.live.launch", str(run.path), "window"]
    done = warm.run(command, run.path.parent)
    assert done.returncode == 1
    assert done.stderr.startswith("error: --view window: cannot open a window")
    assert len(done.stderr.splitlines()) == 1


def test_the_status_line_escapes_control_characters():
    run = SimpleNamespace(name="a\n\x1b[31m")
    timeline = SimpleNamespace(job="regress", kind=kind_of("regress"), run=run)
    now = {"step": 3, "status": "done", "paused": False, "following": True, "finished": True}
    player: Any = SimpleNamespace(timeline=timeline, speed=1, **now)
    assert offscreen.status_line(player).isprintable()
