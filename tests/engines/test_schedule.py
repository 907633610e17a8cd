"""The learning rate, the clip and Adam's eps as functions of the step."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiddenstate.config import TrainingConfig, make_config
from hiddenstate.engines.schedule import clip_at, eps_at, phase_of, rate_at, step_settings


def training(**values: object) -> TrainingConfig:
    return make_config("classify", values).training


def test_constant_never_moves() -> None:
    kept = training(lr=0.25)
    assert {rate_at(kept, step, 100) for step in range(200)} == {0.25}


def test_inverse_holds_then_falls_with_the_step() -> None:
    falling = training(lr=0.1, lr_schedule="inverse", hold=10)
    assert [rate_at(falling, step, 50) for step in (0, 9, 10)] == [0.1, 0.1, 0.1]
    assert rate_at(falling, 40, 50) == pytest.approx(0.1 / 4)


@given(st.integers(0, 10**6), st.integers(1, 10**6), st.integers(1, 10**6))
@settings(max_examples=60)
def test_inverse_never_looks_at_the_total(step: int, total: int, other: int) -> None:
    falling = training(lr=0.1, lr_schedule="inverse", hold=100)
    assert rate_at(falling, step, total) == rate_at(falling, step, other)


def test_cosine_holds_then_is_half_in_the_middle_and_nothing_at_the_end() -> None:
    falling = training(lr=0.2, lr_schedule="cosine", hold=20)
    assert rate_at(falling, 19, 120) == 0.2
    assert rate_at(falling, 20, 120) == pytest.approx(0.2)
    assert rate_at(falling, 70, 120) == pytest.approx(0.1)
    assert rate_at(falling, 45, 120) == pytest.approx(0.1 * (1 + math.sqrt(0.5)))
    assert rate_at(falling, 120, 120) == pytest.approx(0, abs=1e-12)


def test_cosine_shorter_than_its_hold_keeps_the_full_rate() -> None:
    falling = training(lr=0.2, lr_schedule="cosine", hold=20)
    assert rate_at(falling, 4, 5) == 0.2


@given(
    st.sampled_from(["constant", "inverse", "cosine"]), st.integers(1, 500), st.integers(1, 2000)
)
@settings(max_examples=60)
def test_the_rate_never_rises_and_never_leaves_its_bounds(kind: str, hold: int, total: int) -> None:
    falling = training(lr=0.3, lr_schedule=kind, hold=hold)
    rates = [rate_at(falling, step, total) for step in range(0, total, max(total // 50, 1))]
    assert all(0 <= rate <= 0.3 for rate in rates)
    assert rates == sorted(rates, reverse=True)


def test_the_clip_begins_when_hold_ends() -> None:
    clipped = training(clip=2.0, hold=5)
    assert [clip_at(clipped, step) for step in (0, 4, 5, 6)] == [None, None, 2.0, 2.0]


def test_eps_is_adams_own_until_hold_ends() -> None:
    damped = training(eps=0.5, hold=5)
    assert [eps_at(damped, step) for step in (0, 4, 5, 6)] == [1e-8, 1e-8, 0.5, 0.5]


@pytest.mark.parametrize("schedule", ["constant", "inverse", "cosine"])
@pytest.mark.parametrize("hold", [0, 7])
def test_rates_of_many_steps_are_those_of_each(schedule: str, hold: int) -> None:
    scheduled = TrainingConfig(lr_schedule=schedule, hold=hold, clip=1.0, eps=1e-3)
    rates, clips, eps = step_settings(scheduled, 3, 20, 18)
    for i, step in enumerate(range(3, 20)):
        assert rates[i] == rate_at(scheduled, step, 18)
        assert clips[i] == (clip_at(scheduled, step) or 0.0)
        assert eps[i] == eps_at(scheduled, step)


def test_nets_that_turn_to_all_rows_have_two_cosines():
    falling = training(lr=0.1, lr_schedule="cosine", hold=2)
    rates = [rate_at(*_with(step, phase_of(falling, step, 20, 10))) for step in range(20)]
    assert rates[:3] == [0.1, 0.1, 0.1]
    assert rates[9] < 0.01 < rates[10] == 0.1
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert phase_of(falling, 15, 20, None) == (falling, 20)


def test_the_second_cosine_begins_no_earlier_than_hold_ends():
    held = training(lr=0.1, lr_schedule="cosine", hold=15, clip=1.0)
    rates = [rate_at(*_with(step, phase_of(held, step, 20, 10))) for step in range(20)]
    assert rates[:16] == [0.1] * 16
    assert clip_at(phase_of(held, 12, 20, 10)[0], 12) is None


def _with(step: int, phase: tuple[TrainingConfig, int]) -> tuple[TrainingConfig, int, int]:
    return phase[0], step, phase[1]
