"""When the loop returns, saves and stops: on a signal, a request, the clock or a count."""

from types import SimpleNamespace

import pytest

from hiddenstate.runs.requests import NoRequests
from hiddenstate.training.loop_control import (
    CHECKPOINT_SECONDS,
    LONG_STEP,
    SAVING_SHARE,
    LoopControl,
)


class Waiting(NoRequests):
    """A request that is always waiting."""

    def __bool__(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the clock shows, to be changed."""
    now = [1000.0]
    shown = SimpleNamespace(monotonic=lambda: now[0])  # other threads keep theirs
    monkeypatch.setattr("hiddenstate.training.loop_control.time", shown)
    return now


def test_an_engine_returns_on_a_signal_a_request_or_a_late_checkpoint(clock: list[float]) -> None:
    assert not LoopControl(lambda: False, None, 0, 30).must_return()
    assert LoopControl(lambda: True, None, 0, 30).must_return()
    assert LoopControl(lambda: False, Waiting(), 0, 30).must_return()
    control = LoopControl(lambda: False, None, 0, 30)
    clock[0] += 30
    assert control.must_return()


def test_in_a_step_that_is_run_to_its_end_only_a_signal_counts(clock: list[float]) -> None:
    signalled = [False]
    control = LoopControl(lambda: signalled[0], Waiting(), 0, 0)
    control.ran(0, 2 * LONG_STEP)
    assert control.whole_steps
    assert not control.must_return()
    signalled[0] = True
    assert control.must_return()
    control.ran(1, LONG_STEP / 2)
    assert not control.whole_steps


def test_no_further_step_is_taken_after_a_signal_or_a_request_to_finish() -> None:
    assert not LoopControl(lambda: False, None, 0, 30).stopping
    assert LoopControl(lambda: True, None, 0, 30).stopping
    control = LoopControl(lambda: False, None, 0, 30)
    control.finishing = True
    assert control.stopping


def test_a_crash_loses_30_seconds_or_50_times_what_saving_takes(clock: list[float]) -> None:
    assert (CHECKPOINT_SECONDS, SAVING_SHARE) == (30, 50)  # docs/reliability.md states both
    control = LoopControl(lambda: False, None, 0, CHECKPOINT_SECONDS)
    for seconds, wait in ((0.1, 30), (2, 100)):
        control.saved(seconds)
        clock[0] += wait - 0.01
        assert not control.checkpoint_due(7)
        clock[0] += 0.01
        assert control.checkpoint_due(7)


def test_a_crash_loses_at_most_the_updates_between_two_checkpoints(clock: list[float]) -> None:
    control = LoopControl(lambda: False, None, 4, 30)
    assert [step for step in range(1, 13) if control.checkpoint_due(step)] == [4, 8, 12]
