"""The moment that a view shows: the newest of a run in progress, or each in turn."""

from types import SimpleNamespace

import pytest

from hiddenstate.views.playback import CROWDED, SHARE, Pace, Player


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Stage:
    """A timeline whose run and moments the test sets."""

    def __init__(self, steps, state="running", threads=1):
        self.steps, self.state, self.news = list(steps), state, False
        journal = [{"event": "start", "device": "cpu", "threads": threads}]
        self.run = SimpleNamespace(status=lambda: self.state, journal=lambda: journal)

    def refresh(self):
        news, self.news = self.news, False
        return news

    def moment(self, step):
        return step


def player(steps, state="running", **options):
    stage, clock = Stage(steps, state), Clock()
    return stage, clock, Player(stage, clock=clock, **options)


def test_a_run_in_progress_shows_its_newest_moment():
    stage, _, shown = player([1, 5])
    assert shown.advance()
    assert shown.moment() == 5
    assert not shown.advance()
    stage.steps.append(9)
    assert shown.advance()
    assert shown.moment() == 9


def test_a_finished_run_is_replayed_from_start_to_end():
    _, clock, shown = player(range(1, 25), "done")
    seen = []
    while not shown.finished:
        if shown.advance():
            seen.append(shown.step)
        clock.now += 0.25
    assert seen == list(range(1, 25))
    assert clock.now == pytest.approx(12, abs=1)


def test_twice_the_speed_takes_half_as_long():
    _, clock, shown = player(range(24), "done", speed=2.0)
    while not shown.finished:
        shown.advance()
        clock.now += 0.125
    assert clock.now == pytest.approx(6, abs=0.5)


def test_a_replay_can_be_paused_stepped_and_moved():
    _, clock, shown = player(range(10), "done")
    shown.advance()
    assert shown.jump(3)
    clock.now += 100
    assert not shown.advance()
    assert (shown.step, shown.paused) == (3, True)
    assert shown.jump(-99)
    assert shown.step == 0
    assert shown.seek(1.0)
    assert shown.step == 9
    shown.restart()
    assert (shown.step, shown.paused) == (0, False)


def test_a_replay_of_a_run_in_progress_ends_in_following_it():
    _, clock, shown = player(range(4), replay=True)
    shown.advance()
    assert not shown.following
    clock.now += 50
    shown.advance()
    assert shown.following


def test_a_pause_at_the_end_survives_moments_removed_by_resume():
    stage, _, shown = player([1, 2, 3, 4], "interrupted")
    shown.advance()
    shown.seek(1.0)
    stage.steps, stage.state = [1, 2], "running"
    shown.advance()
    assert shown.step == 2


@pytest.mark.parametrize(("threads", "share"), [(1, SHARE), (2, CROWDED), (3, CROWDED)])
def test_drawing_rests_longer_if_training_uses_every_processor(threads, share, monkeypatch):
    monkeypatch.setattr("hiddenstate.views.playback.processors", lambda: 2)
    stage = Stage([1], threads=threads)
    shown = Player(stage)
    assert shown.share == share
    stage.state = "done"
    shown.advance()
    assert shown.share == 0


def test_a_drawing_waits_a_multiple_of_the_previous_drawings_time():
    clock, worked = Clock(), Clock()
    pace = Pace(0.1, clock, worked)
    assert pace.wait() == 0
    with pace.drawing():
        worked.now += 0.05
        clock.now += 0.06
    assert pace.wait() == pytest.approx(SHARE * 0.05)
    with pace.drawing(0):
        worked.now += 0.05
        clock.now += 0.06
    assert pace.wait() == pytest.approx(0.04)
