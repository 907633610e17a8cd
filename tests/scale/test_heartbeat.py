"""Which rank is lost, as it follows from the signs of life alone."""

import pytest

from hiddenstate.scale.heartbeat import BEAT, GRACE, NAMING, PREPARING, TRAINING, Heartbeat


class Clock:
    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


class Store(dict):
    """A store in memory."""

    def set(self, key, value):
        self[key] = value.encode()

    def multi_get(self, keys):
        return [self[key] for key in keys]

    def check(self, keys):
        return all(key in self for key in keys)


@pytest.fixture
def clock(monkeypatch):
    own = Clock()
    monkeypatch.setattr("hiddenstate.scale.heartbeat.time", own)
    return own


@pytest.fixture
def watched(clock):
    store = Store({"beat/0": b"0", "beat/1": b"0", "beat/2": b"0"})
    return store, Heartbeat(store, 0, 3, "10.0.0.1:29500", lambda why: None)


def beats(watched, *ranks):
    store, heartbeat = watched
    for rank in ranks:
        store.set(f"beat/{rank}", str(int(store[f"beat/{rank}"]) + 1))
    heartbeat.beat(1)


def test_a_rank_that_stands_still_is_named(watched, clock):
    for _ in range(5):
        clock.now += 2.0
        beats(watched, 1)
    assert watched[1].lost(6.0) == "rank 2 no longer answers"
    assert watched[1].lost(60.0) is None


def test_ranks_that_count_up_are_not_lost(watched, clock):
    for _ in range(20):
        clock.now += 2.0
        beats(watched, 1, 2)
    assert watched[1].lost(6.0) is None


def test_without_answers_it_is_rank_0_and_not_those_that_were_not_asked(watched, clock):
    beats(watched, 1, 2)
    clock.now += 7.0
    why = "rank 0, or its host, no longer answers at 10.0.0.1:29500"
    assert watched[1].lost(6.0) == why


def test_what_a_rank_says_before_it_ends_is_the_reason(watched):
    Heartbeat(watched[0], 2, 3, "", lambda why: None).announce("no memory")
    beats(watched, 1, 2)
    assert watched[1].lost(6.0) == "rank 2: no memory"


def test_a_process_that_was_suspended_itself_forgives(watched, clock):
    clock.now += 100.0
    watched[1].forgive()
    assert watched[1].lost(6.0) is None


def test_all_are_out_within_ten_seconds():
    assert TRAINING + GRACE + 4 * BEAT < 10
    assert 2 * NAMING + GRACE < TRAINING < PREPARING
