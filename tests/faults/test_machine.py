"""Full disks, little memory and divergence give a one-line error; saved files stay intact."""

import shutil
from pathlib import Path

import pytest
from tools.stress import file_events, machine, processes, stopping
from tools.stress.file_events import Event
from tools.stress.processes import Outcome
from tools.stress.stopping import AtEvent, Plan

from tests.faults.conftest import Plans


@pytest.fixture
def plan(plan_of: Plans) -> Plan:
    return plan_of("regress")


def test_a_disk_that_fills_up_leaves_every_saved_file_intact(plan: Plan, tmp_path: Path) -> None:
    outcome = machine.full_at_event(plan, tmp_path, [1, 24, 50])
    assert outcome.findings == []
    assert outcome.counts["not identical"] == 0


def test_a_read_only_disk_gives_a_one_line_error_and_loses_nothing(
    plan: Plan, tmp_path: Path
) -> None:
    AtEvent(30)(plan.args, tmp_path)  # killed in training
    resume = stopping.next_command(plan, tmp_path)
    assert resume[0] == "resume"
    before = stopping.contents(tmp_path / "runs")
    for args in (plan.args, resume):
        done = AtEvent(1, "read-only")(args, tmp_path)
        assert done.code == 3
        assert "Read-only file system" in done.last
        assert not done.trouble()
    assert stopping.contents(tmp_path / "runs") == before
    assert processes.hiddenstate(resume, tmp_path).code == 0
    run = processes.last_run(tmp_path)
    assert run is not None
    assert processes.differences(run.path, plan.path) == []


@pytest.mark.skipif(not shutil.which("prlimit"), reason="prlimit is not installed")
def test_a_run_with_little_memory_succeeds_or_ends_with_a_one_line_error(tmp_path: Path) -> None:
    outcome = machine.limited_memory(tmp_path, [170, 400], jobs=["regress"])
    outcome.add(machine.limited_memory(tmp_path, [600], engines=["torch"], jobs=["regress"]))
    assert outcome.findings == []
    assert outcome.counts["ended with 3"]


@pytest.mark.parametrize("job", list(processes.SHORT))
def test_divergence_exits_with_5_and_saves_only_finite_numbers(
    job: str, plan_of: Plans, tmp_path: Path
) -> None:
    rate = "1e30, sgd" if job == "regress" else "1e30"
    outcome = machine.divergence(tmp_path, [plan_of(job).args], {rate: machine.RATES[rate]})
    assert outcome.findings == []
    assert outcome.counts["ended with 5"] == outcome.done


@pytest.mark.parametrize("job", list(processes.SHORT))
def test_files_are_flushed_before_they_are_renamed(job: str, plan_of: Plans) -> None:
    """Uses Python's audit events; the next test uses strace, which also records the writes."""
    outcome = Outcome()
    machine.judge_order(file_events.noted(plan_of(job).path.parent.parent), outcome, job)
    assert outcome.findings == []
    assert outcome.counts["checkpoints"] >= 3


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_system_calls_write_files_in_the_required_order(tmp_path: Path) -> None:
    outcome = machine.write_order(tmp_path, ["regress"])
    assert outcome.findings == []
    assert outcome.counts["renamed into place"]


def test_a_wrong_order_of_events_is_reported() -> None:
    temporary, place = "/r/checkpoints/.hiddenstate-tmp-1", "/r/checkpoints/000000001.safetensors"
    folder, old = "/r/checkpoints", "/r/checkpoints/000000000.safetensors"
    sound = [
        Event("open", temporary),
        Event("write", temporary),
        Event("fsync", temporary),
        Event("rename", temporary, place),
        Event("fsync", folder),
        Event("unlink", old),
    ]
    assert file_events.misordered(sound) == []
    for left_out, fault in ((2, "renamed before it was flushed"), (4, "removed before the folder")):
        events = [event for number, event in enumerate(sound) if number != left_out]
        assert fault in file_events.misordered(events)[0]
    assert "in place" in file_events.misordered([Event("open", place)])[0]
    late = [sound[0], sound[1], sound[2], Event("write", temporary), *sound[3:]]
    assert "renamed before it was flushed" in file_events.misordered(late)[0]
    early = [sound[-1], *sound[:-1]]
    assert "removed before a newer checkpoint" in file_events.misordered(early)[0]
