"""SIGINT and SIGTERM set a flag, a second signal ends the process, and drawing is interrupted."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tools.stress import processes, stopping

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


@pytest.mark.parametrize("command", ["regress", "resume"])
def test_before_the_run_is_written_signals_end_the_process_at_once(command, cli, monkeypatch):
    arguments = [command, "--view", "off"]
    if command == "resume":
        assert cli("regress", "--windows", 5, "--view", "off", "--threads", 1).code == 0
        arguments[1:1] = ["regress-1", "--windows", "+5"]

    def files() -> dict[str, bytes]:
        found = stopping.contents(Path("runs"))
        return {name: data for name, data in found.items() if Path(name).name != "lock"}

    before = files()

    def read(*arguments: object, **more: object) -> None:
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        os.kill(os.getpid(), signal.SIGINT)
        pytest.fail("not ended")

    monkeypatch.setattr("hiddenstate.training.start.read_dataset", read)
    monkeypatch.setattr("hiddenstate.training.resume.run_dataset", read)
    done = cli(*arguments)
    assert (done.code, done.err) == (130, "error: interrupted\n")
    assert files() == before


LONG_CALL = """
import hashlib
from hiddenstate.cli import signals
signals.REPEAT_SECONDS = 0
interrupt = signals.InterruptHandler()
interrupt.arm()
print("armed", flush=True)
hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # minutes without a Python instruction
"""


def end_by_signals(child: "subprocess.Popen[Any]", number: int) -> int:
    """Send signals until the process ends, since two that come at once may arrive as one."""
    for _ in range(300):
        child.send_signal(number)
        try:
            child.wait(0.1)
            break
        except subprocess.TimeoutExpired:
            continue
    else:
        child.kill()
        pytest.fail("the signals did not end the process")
    for stream in (child.stdout, child.stderr):
        if stream is not None:
            stream.close()
    return int(child.returncode)


@BOTH
def test_a_second_signal_ends_the_process_in_the_middle_of_a_compiled_call(number: int) -> None:
    child = subprocess.Popen([sys.executable, "-c", LONG_CALL], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"armed\n"
    assert end_by_signals(child, number) == 128 + number


STUCK = """
import hashlib, sys
from hiddenstate.cli import main, signals
from hiddenstate.jobs.regress import RegressJob
signals.REPEAT_SECONDS = 0

def finish(*arguments):
    print("stuck", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)

RegressJob.finish = finish
main(sys.argv[1:])
"""


def test_after_a_second_signal_the_run_resumes_from_its_last_checkpoint(tmp_path: Path) -> None:
    args = processes.arguments("regress", short=True)
    plan = stopping.make_plan(args, tmp_path / "whole")
    (tmp_path / "cut").mkdir()
    child = processes.begin(args, tmp_path / "cut", [sys.executable, "-c", STUCK])
    assert child.stdout is not None
    assert "stuck\n" in child.stdout  # reads up to that line
    assert end_by_signals(child, signal.SIGTERM) == 128 + signal.SIGTERM
    done = processes.hiddenstate(stopping.next_command(plan, tmp_path / "cut"), tmp_path / "cut")
    assert done.code == 0
    run = processes.last_run(tmp_path / "cut")
    assert run is not None
    assert [entry["event"] for entry in run.journal()][-4:] == [
        "checkpoint",
        "start",
        "checkpoint",
        "end",
    ]
    assert processes.differences(run.path, plan.path) == []


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
