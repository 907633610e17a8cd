"""SIGINT and SIGTERM set a flag, a second signal ends the process, and drawing is interrupted."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import hiddenstate
from hiddenstate.cli.signals import InterruptHandler

BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


@BOTH
def test_a_first_signal_only_sets_the_flag(number: int) -> None:
    before = signal.getsignal(number)
    with InterruptHandler() as interrupt:
        interrupt.arm()
        assert not interrupt()
        os.kill(os.getpid(), number)
        assert interrupt()
        assert interrupt.number == number
    assert signal.getsignal(number) is before


@BOTH
def test_work_that_can_be_cut_off_is_interrupted(number: int) -> None:
    with InterruptHandler() as interrupt:
        interrupt.arm()
        with pytest.raises(KeyboardInterrupt), interrupt.raising():
            os.kill(os.getpid(), number)
    assert interrupt.number == number


def test_a_signal_that_came_before_interrupts_too() -> None:
    with InterruptHandler() as interrupt:
        interrupt.trigger(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt), interrupt.raising():
            pytest.fail("not interrupted")


def test_signals_have_their_usual_effect_before_it_is_armed() -> None:
    with InterruptHandler() as interrupt, pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    assert not interrupt()


LONG_CALL = """
import hashlib
from hiddenstate.cli import signals
signals.REPEAT_SECONDS = 0
interrupt = signals.InterruptHandler()
interrupt.arm()
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
def test_a_signal_while_figures_are_drawn_is_reported_and_loses_nothing(
    number, cli, tmp_path, monkeypatch
):
    def draw(run):
        os.kill(os.getpid(), number)
        pytest.fail("drawing continued")

    monkeypatch.setattr("hiddenstate.views.save.save_figures", draw)
    done = cli("regress", "--windows", 5, "--view", "files", "--threads", 1)
    assert done.code == 128 + number
    assert "interrupted after training was done and saved" in done.err
    assert cli("runs").out.splitlines()[1].split("\t")[3] == "done"


def test_nothing_is_imported_before_ctrl_c_is_handled() -> None:
    code = (
        "import sys; old = {*sys.modules}; sys.path.append(sys.argv[1]);"
        "import hiddenstate.__main__; print(*{*sys.modules} - old)"
    )
    place = str(Path(hiddenstate.__file__).parents[1])
    command = [sys.executable, "-S", "-c", code, place]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"hiddenstate", "hiddenstate.__main__", "__future__"}
