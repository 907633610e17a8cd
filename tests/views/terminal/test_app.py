"""The terminal view on a pseudo-terminal: keys, sizes, signals and suspension."""

import contextlib
import fcntl
import json
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from hiddenstate.errors import MachineError
from hiddenstate.runs import Run
from hiddenstate.system.lock import take_lock
from hiddenstate.views.terminal import show_terminal, terminal_missing
from tests.conftest import add_line, write_digits, write_lines
from tests.report_html import train
from tests.terminal_model import TerminalModel
from tests.warm import Program

LIMIT = 120.0
"""Seconds to wait for what should happen; many, for busy machines."""

OWN_TERMINAL = "import fcntl, os, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"

VIEW = """
import sys
from pathlib import Path
from hiddenstate.runs import Run
from hiddenstate.views import playback, terminal
from hiddenstate.views.terminal import app
playback.SHARE = playback.CROWDED = 1  # the rest that training gets has tests of its own
app.LIVE_PERIOD = app.IDLE_PERIOD = 0.05
terminal.show_terminal(Run(Path(sys.argv[1])), **eval(sys.argv[2]))
"""

SUPERVISED = """
import os, signal, sys
child = os.fork()
if not child:
    os.setpgid(0, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.tcsetpgrp(0, os.getpgrp())
    os.execv(sys.executable, [sys.executable, "-c", *sys.argv[1:]])
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
while True:
    _, state = os.waitpid(child, os.WUNTRACED)
    os.tcsetpgrp(0, os.getpgrp())
    if not os.WIFSTOPPED(state):
        break
    os.write(1, b"STOPPED")
    os.read(0, 9)
    os.tcsetpgrp(0, child)
    os.killpg(child, signal.SIGCONT)
os.write(1, b"ENDED %d" % os.waitstatus_to_exitcode(state))
"""


class Watched:
    """A view in its own process, on its own terminal."""

    def __init__(self, run, *arguments, code=VIEW, size=(100, 36), **options) -> None:
        self.model = TerminalModel(*size)
        self.master, self.slave = pty.openpty()
        self.resize(*size)
        self.before = termios.tcgetattr(self.slave)
        environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "STY")}
        environment |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}
        words = ["-c", OWN_TERMINAL + code, *arguments, str(run.path), repr(options)]
        self.errors = run.path.with_name(f"{run.path.name}-{self.slave}")
        at = Path(os.ttyname(self.slave))
        self.process = Program(words, run.path.parent, at, environment, self.errors, at)

    def resize(self, width, height) -> None:
        self.model.resize(width, height)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def answers(self, keys: bytes, text: str, gone: bool = False) -> str:
        """Type keys, and read until `text` is on the screen, or is `gone`."""
        self.type(keys)
        return self.until(text, gone)

    def read(self, limit: float) -> bool:
        """Read what was written; return whether anything was."""
        if not select.select([self.master], [], [], limit)[0]:
            return False
        try:
            data = os.read(self.master, 1 << 16)
        except OSError:
            return False
        self.model.feed(self.decoder(data))
        return True

    _cut = b""

    def decoder(self, data: bytes) -> str:
        data = self._cut + data
        for n in range(4):
            with contextlib.suppress(UnicodeDecodeError):
                self._cut = data[len(data) - n :]
                return data[: len(data) - n].decode()
        raise AssertionError(data)

    def until(self, text: str, gone: bool = False) -> str:
        """Read until `text` is on the screen, or is `gone`, and a drawing is complete."""
        end = time.monotonic() + LIMIT
        while (text in self.model.text) is gone or self.model.modes.get("2026"):
            if not self.read(1.0):
                assert self.process.poll() is None, (self.error(), self.model.text)
            assert time.monotonic() < end, f"no {text!r} in\n{self.model.text}"
        return self.model.text

    def error(self) -> str:
        return self.errors.read_text("utf-8")

    def end(self) -> int:
        """Wait for the end of the process, read all output, and return the exit code."""
        end = time.monotonic() + LIMIT
        while self.process.poll() is None:
            self.read(0.1)
            assert time.monotonic() < end
        while self.read(0):
            pass
        return self.process.returncode

    def is_put_back(self) -> bool:
        """Whether the terminal is restored."""
        modes = {"1049": False, "25": True, "7": True, "2026": False}
        shown = {name: self.model.modes.get(name) for name in modes}
        return shown == modes and termios.tcgetattr(self.slave) == self.before

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for end in (self.master, self.slave):
            with contextlib.suppress(OSError):
                os.close(end)


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """A finished run with some moments."""
    folder = tmp_path_factory.mktemp("short")
    options = {"hidden_size": 6, "log_every": 1, "max_steps": 6, "batch_size": 16}
    return train("classify", {"data": str(write_digits(folder / "digits")), **options}, folder)


@pytest.fixture
def finished(short, tmp_path):
    """A copy of it."""
    return Run(shutil.copytree(short.path, tmp_path / "runs" / "classify-1"))


class UnderWay:
    """A run in progress that the test continues; it holds the lock."""

    def __init__(self, finished) -> None:
        self.path = finished.path.with_name("under-way")
        shutil.copytree(finished.path, self.path)
        (self.path / "snapshots" / "closing.safetensors").unlink()
        self.events = finished.history()
        write_lines(self.path / "journal.jsonl", finished.journal()[:1])
        write_lines(self.path / "history.jsonl", self.events[:2])
        self.snapshots = sorted((self.path / "snapshots").glob("0*"))
        for path in self.snapshots[2:]:
            path.rename(path.with_suffix(".later"))
        self.lock = take_lock(self.path)
        self.run = Run(self.path)

    def write(self, *events) -> None:
        for event in events:
            add_line(self.path / "history.jsonl", event)

    def resume_run(self) -> None:
        """Log a third moment."""
        path = self.snapshots[2]
        path.with_suffix(".later").rename(path)
        self.write(self.events[2])

    def finish(self) -> None:
        self.write(*self.events[3:])
        self.lock.close()

    def asked(self) -> list[str]:
        path = self.path / "control.jsonl"
        text = path.read_text() if path.exists() else ""
        return [json.loads(line)["do"] for line in text.splitlines()]


@pytest.fixture
def under_way(finished):
    run = UnderWay(finished)
    yield run
    run.lock.close()


@pytest.fixture
def watch():
    """Starts views, and ends those that remain."""
    with contextlib.ExitStack() as stack:

        def start(run, *arguments, **options) -> Watched:
            watched = Watched(run, *arguments, **options)
            stack.callback(watched.close)
            return watched

        yield start


def test_a_finished_run_is_replayed_moved_and_stays_until_the_user_quits(finished, watch):
    before = {p: p.read_bytes() for p in finished.path.rglob("*") if p.is_file()}
    view = watch(finished, speed=16.0)
    view.until("end 6 of 6")
    assert "step 6 of 6" in view.model.text
    assert "■ done" in view.model.text
    assert view.model.modes["1049"]
    assert not view.model.modes["25"]
    view.type(b"\x1b[D")
    assert "step 5 of 6" in view.until("‖ 5 of 6")
    view.answers(b"\x1b[H", "‖ 1 of 6")
    view.answers(b"\x1b[C", "‖ 2 of 6")
    view.answers(b"--- ", "▶ 2 of 6 at 2x")
    view.answers(b"\x1b[F", "‖ 6 of 6")
    view.answers(b"r", "▶")
    view.type(b"q")
    assert view.end() == 0
    assert view.error() == ""
    assert view.is_put_back()
    assert {p: p.read_bytes() for p in finished.path.rglob("*") if p.is_file()} == before


def test_a_run_in_progress_is_followed_to_its_end(under_way, watch):
    view = watch(under_way.run)
    text = view.until("● running")
    assert "step 2" in text
    assert "live" in text
    under_way.resume_run()
    view.until("step 3")
    under_way.finish()
    view.until("■ done")
    view.type(b"q")
    assert view.end() == 0


def test_panels_rows_and_help_are_chosen_by_key_at_any_size(finished, watch):
    view = watch(finished, speed=16.0)
    view.until("end 6 of 6")
    view.answers(b"3", "probabilities of row 3")
    view.answers(b"\t", "tab learning")
    view.until("probabilities of", gone=True)
    view.answers(b"\x1b[Z", "tab all")
    view.answers(b"?", "select a row")
    view.answers(b"x", "select a row", gone=True)
    view.answers(b"?", "select a row")
    view.answers(b"q", "select a row", gone=True)
    view.type("zXé\x1b[15~\x00".encode())  # keys without a meaning
    view.answers(b"4", "probabilities of row 4")
    assert "training" not in view.model.text  # a finished run takes no requests
    before = view.model.written
    view.answers(b"?", "select a row")
    view.answers(b"?", "select a row", gone=True)
    assert view.model.written - before < 100 * 36 / 2  # only what changes
    for width, height in ((60, 18), (150, 50), (40, 12), (20, 5), (90, 30)):
        view.resize(width, height)
        if width < 40:
            view.until("needs 40x12")
        else:
            view.until("6 of 6  tab all" if width > 40 else "end 6 of 6")
        assert len(view.model.lines) == height


def test_keys_send_requests_to_training(under_way, watch):
    view = watch(under_way.run)
    view.until("p pause training")
    view.answers(b"p", "asked training to pause")
    view.answers(b"s", "stop training and keep the best weights? y or n")
    view.answers(b"n", "keep the best weights?", gone=True)
    view.answers(b"l", "asked training to use the learning rate 0.0")
    view.answers(b"sy", "asked training to stop")
    view.answers(b"k", "asked training to save a snapshot")
    view.answers(b"n", "asked training to make one update")
    assert under_way.asked() == ["pause", "lr", "stop", "snapshot", "step"]


@pytest.mark.parametrize(
    ("do", "words"), [("pause", "paused after step 2"), ("step", "one step, to 2, then paused")]
)
def test_what_training_did_is_shown_and_a_pause_is_undone(do, words, under_way, watch):
    view = watch(under_way.run)
    view.until("● running")
    under_way.write({"event": "control", "step": 2, "do": do})
    assert "‖ paused" in view.until(words)
    view.answers(b"p", "asked training to resume")
    assert under_way.asked() == ["go"]


def test_without_control_keys_send_no_requests(under_way, watch):
    view = watch(under_way.run, control=False)
    view.until("● running")
    view.type(b"pnslk?")
    assert "halve" not in view.until("select a row")
    assert under_way.asked() == []


def test_ctrl_c_ends_the_view_of_another_process(under_way, watch):
    view = watch(under_way.run)
    view.until("● running")
    view.type(b"\x03")
    assert view.end() == 0
    assert view.error() == ""
    assert view.is_put_back()


def test_ctrl_c_goes_to_the_training_that_started_the_view(under_way, watch):
    view = watch(under_way.run, attached=True)
    view.until("● running")
    view.type(b"\x03")
    under_way.resume_run()
    view.until("step 3")
    under_way.finish()  # and the view ends too
    assert view.end() == 0
    assert view.error() == ""
    assert view.is_put_back()


def test_an_attached_view_replays_a_very_short_run(finished, watch):
    view = watch(finished, attached=True)
    view.until("replay")
    view.type(b"q")  # the user may quit
    assert view.end() == 0
    assert view.is_put_back()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_ends_the_view_and_restores_the_terminal(number, finished, watch):
    view = watch(finished)
    view.until("■ done")
    view.process.send_signal(number)
    assert view.end() == 0
    assert view.error() == ""
    assert view.is_put_back()


def test_a_terminal_that_accepts_no_output_does_not_block_the_end(finished, watch):
    view = watch(finished)
    view.until("■ done")
    view.type(b"\t" * 400)
    view.process.send_signal(signal.SIGTERM)
    assert view.process.wait(LIMIT) == 0  # without reading any output


def test_a_closed_terminal_ends_the_view_quietly(under_way, watch):
    view = watch(under_way.run)
    view.until("● running")
    os.close(view.slave)
    os.close(view.master)
    assert view.process.wait(LIMIT) == 0
    assert view.error() == ""


def test_an_internal_error_restores_the_terminal(finished, watch):
    code = VIEW.replace("terminal.show", "app.draw_screen = lambda *a: 1 / 0\nterminal.show")
    view = watch(finished, code=code)
    assert view.end() == 1
    assert "ZeroDivisionError" in view.error()
    assert view.is_put_back()


def test_the_view_is_suspended_and_continued_by_the_shell(finished, watch):
    view = watch(finished, VIEW, code=SUPERVISED, speed=16.0)
    view.until("end 6 of 6")
    for _ in range(2):
        view.answers(b"\x1a", "STOPPED")
        assert view.is_put_back()
        assert "probabilities" not in view.model.text
        view.answers(b"fg\n", "probabilities of row 1")
        assert view.model.modes["1049"]
    view.answers(b"q", "ENDED 0")
    assert view.is_put_back()


def test_without_a_terminal_there_is_no_view(finished):
    assert "no terminal" in str(terminal_missing())
    with pytest.raises(MachineError, match="--view terminal: there is no terminal"):
        show_terminal(finished)


@pytest.mark.parametrize(
    ("environment", "size", "reason"),
    [
        ({"TERM": "xterm"}, (80, 24), None),
        ({"TERM": "dumb"}, (80, 24), "TERM is dumb"),
        ({}, (80, 24), "TERM is not set"),
        ({"TERM": "linux"}, (80, 24), "no braille dots"),
        ({"TERM": "xterm"}, (39, 24), "too small: 39 by 24"),
        ({"TERM": "xterm", "PYTHONIOENCODING": "latin-1"}, (80, 24), "not UTF-8"),
    ],
)
def test_the_reason_why_no_view_is_possible_is_named(environment, size, reason, tmp_path):
    master, slave = pty.openpty()
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    code = "import sys; from hiddenstate.views.terminal import terminal_missing\n"
    code += "sys.stdout.reconfigure(encoding=sys.argv[1])\n"
    code += "sys.stderr.write(str(terminal_missing()))"
    at, errors = Path(os.ttyname(slave)), tmp_path / "errors"
    encoding = environment.pop("PYTHONIOENCODING", "utf-8")
    words = ["-c", OWN_TERMINAL + code, encoding]
    assert Program(words, tmp_path, at, environment, errors, at).wait() == 0
    os.close(master)
    os.close(slave)
    assert str(reason) in errors.read_text()


def test_a_view_in_the_terminal_imports_no_matplotlib_torch_or_sklearn():
    code = "import sys, hiddenstate.views.terminal; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"matplotlib", "torch", "sklearn", "rich"} & set(done.stdout.split())
