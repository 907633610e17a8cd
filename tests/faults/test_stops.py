"""A run that was killed, interrupted or lost its reader resumes to an identical end."""

import random
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tools.stress import processes, stopping
from tools.stress.processes import Ended
from tools.stress.stopping import AtEvent, AtLine, Stop, survive

from hiddenstate.config import make_config
from hiddenstate.runs import Run, writer
from hiddenstate.system import lock
from hiddenstate.training.start import start
from tests.faults.conftest import Plans


# While the folder is made, while the first checkpoint is written, and later.
@pytest.mark.parametrize(
    ("job", "events"), [("classify", [21]), ("regress", [5, 26, 40]), ("autoencode", [34])]
)
def test_a_run_killed_twice_before_the_same_file_event_loses_nothing(
    job: str, events: list[int], plan_of: Plans, tmp_path: Path
) -> None:
    outcome = stopping.at_each_event(plan_of(job), tmp_path, events)
    assert outcome.findings == []
    assert outcome.counts["runs"] == len(events)


def test_sigterm_in_training_saves_and_the_run_can_be_resumed(
    plan_of: Plans, tmp_path: Path
) -> None:
    stops: list[Stop] = [AtEvent(24, "term"), AtLine(2, signal.SIGTERM)]
    outcome = survive(plan_of("classify"), tmp_path / "run", stops)
    assert outcome.findings == []
    assert outcome.counts["in training"]


@pytest.mark.parametrize("event", [1, 24])
def test_sigterm_at_the_first_file_event_or_later_saves_and_exits_with_143(
    event: int, tmp_path: Path
) -> None:
    done = AtEvent(event, "term")(processes.arguments("regress", short=True), tmp_path)
    assert done.code == 143
    assert "saved; resume with `hiddenstate resume" in done.last
    run = processes.last_run(tmp_path)
    assert run is not None
    assert run.status() == "interrupted"


def test_a_run_whose_output_is_closed_loses_nothing(plan_of: Plans, tmp_path: Path) -> None:
    outcome = stopping.left_alone(plan_of("autoencode"), tmp_path, [2])
    assert outcome.findings == []


def test_a_second_writer_is_refused_at_once_and_changes_nothing(
    plan_of: Plans, tmp_path: Path
) -> None:
    outcome = stopping.second_comer(plan_of("regress"), tmp_path / "race")
    assert outcome.findings == []
    assert outcome.counts["refused with process and time"] == 1


def test_a_clock_jump_changes_only_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config("regress", {"windows": 30, "threads": 1, "checkpoint_every": 4})
    with start(config, tmp_path / "plain") as session:
        session.train()
    plain = session.writer.path
    drawn = random.Random(0)
    jumps: list[datetime] = []

    def jumped() -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=drawn.randint(-9000, 9000))

    class Jumping(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]  # any tz
            jumps.append(jumped())
            return jumps[-1]

    monkeypatch.setattr(writer, "datetime", Jumping)
    monkeypatch.setattr(lock, "datetime", Jumping)
    monkeypatch.setattr(time, "time", lambda: jumped().timestamp())
    with start(config, tmp_path / "jumping") as session:
        session.train()
    run = Run(session.writer.path)
    stamps = [jump.isoformat(timespec="milliseconds") for jump in jumps[1:]]
    assert [entry["time"] for entry in run.journal()] == stamps  # the first is the lock's
    assert stamps != sorted(stamps)
    one, other = (
        [(entry["event"], entry.get("step")) for entry in each.journal()]
        for each in (run, Run(plain))
    )
    assert one == other
    assert 0 < (run.seconds() or 0) < 3600  # measured on another clock
    assert processes.differences(run.path, plain) == []
    assert run.status() == "done"


def test_ctrl_c_at_python_startup_is_distinguished_from_our_own_traceback() -> None:
    early = "Fatal Python error: init_import_site\nTraceback\n  <frozen os>\nKeyboardInterrupt\n"
    ours = early.replace("<frozen os>", "src/hiddenstate/__main__.py")
    assert Ended(1, "", early).too_early
    assert not Ended(1, "", ours).too_early
    assert not Ended(130, "", "error: interrupted\n").too_early
