"""SIGINT and SIGTERM: a flag first, the end at a second one, and drawing broken off."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import hiddenstate
from hiddenstate.cli.signals import StopSignal

BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


@BOTH
def test_a_first_signal_only_sets_the_flag(number: int) -> None:
    before = signal.getsignal(number)
    with StopSignal() as stopped:
        stopped.arm()
        assert not stopped()
        os.kill(os.getpid(), number)
        assert stopped()
        assert stopped.number == number
    assert signal.getsignal(number) is before


@BOTH
def test_what_may_be_broken_off_is(number: int) -> None:
    with StopSignal() as stopped:
        stopped.arm()
        with pytest.raises(KeyboardInterrupt), stopped.interrupting():
            os.kill(os.getpid(), number)
    assert stopped.number == number


def test_a_signal_that_came_before_is_not_forgotten() -> None:
    with StopSignal() as stopped:
        stopped.stop(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt), stopped.interrupting():
            pytest.fail("it went on")


def test_before_it_is_armed_signals_do_what_they_always_do() -> None:
    with StopSignal() as stopped, pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    assert not stopped()


LONG_CALL = """
import hashlib
from hiddenstate.cli import signals
signals.ECHO = 0
stopped = signals.StopSignal()
stopped.arm()
print("armed", flush=True)
hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # minutes without a Python instruction
"""


@BOTH
def test_a_second_signal_ends_the_process_in_the_middle_of_a_compiled_call(number: int) -> None:
    child = subprocess.Popen([sys.executable, "-c", LONG_CALL], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"armed\n"
    while child.poll() is None:  # two that come at once may arrive as one
        child.send_signal(number)
        try:
            child.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
    child.stdout.close()
    assert child.returncode == 128 + number


@BOTH
def test_a_signal_while_figures_are_drawn_is_told_and_loses_nothing(
    number, cli, tmp_path, monkeypatch
):
    def draw(run):
        os.kill(os.getpid(), number)
        pytest.fail("drawing went on")

    monkeypatch.setattr("hiddenstate.views.save.save_figures", draw)
    done = cli("regress", "--windows", 5, "--view", "files", "--threads", 1)
    assert done.code == 128 + number
    assert "interrupted when training was done and saved" in done.err
    assert cli("runs").out.splitlines()[1].split("\t")[3] == "done"


def test_nothing_is_imported_before_ctrl_c_is_seen_to() -> None:
    code = (
        "import sys; old = {*sys.modules}; sys.path.append(sys.argv[1]);"
        "import hiddenstate.__main__; print(*{*sys.modules} - old)"
    )
    place = str(Path(hiddenstate.__file__).parents[1])
    command = [sys.executable, "-S", "-c", code, place]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"hiddenstate", "hiddenstate.__main__", "__future__"}
