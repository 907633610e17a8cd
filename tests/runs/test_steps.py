"""A run that was asked for one step makes one update, takes a snapshot, and waits."""

import numpy as np
import pytest

from hiddenstate.engines import make_engine
from hiddenstate.runs import Run, requests
from hiddenstate.runs.requests import Request
from hiddenstate.training.initial_state import starting_state
from hiddenstate.training.recorder import Recorder
from hiddenstate.training.trainer import Trainer
from tests.runs.asking import Asked, controls, finish, killed_after_request, train
from tests.training.test_resume import IN_TURN, OPTIONS, contents, make


def made(path):
    """The requests that were carried out, with their steps."""
    return [(event["step"], event["do"]) for event in controls(path)]


@pytest.fixture
def no_waiting(monkeypatch):
    """Paused training looks for requests again at once; the number of times it waited."""
    waits = []
    monkeypatch.setattr("time.sleep", lambda s: waits.append(s) if s else None)  # torch sleeps 0 s
    return waits


@pytest.mark.parametrize(("kind", "engine"), IN_TURN)
def test_a_step_is_one_update_with_a_snapshot_and_a_pause(
    kind, engine, tiny_idx, tmp_path, no_waiting
):
    job = make(kind, tiny_idx, engine=engine, log_every=100)
    train(job, tmp_path / "run", (0, "step"), (1, "step"), (2, "step"), (3, "go"))
    assert made(tmp_path / "run") == [(1, "step"), (2, "step"), (3, "step"), (3, "go")]
    assert len(no_waiting) == 3
    run = Run(tmp_path / "run")
    assert [int(path.stem) for path in run.snapshot_paths()] == [1, 2, 3, job.total_steps]
    assert [int(path.stem) for path in run.weights_paths()] == [1, 2, 3]
    saved = [entry["step"] for entry in run.journal() if entry["event"] == "checkpoint"]
    assert saved[:3] == [1, 2, 3]
    train(job, tmp_path / "whole")
    one, other = (Run(tmp_path / name).model().params for name in ("run", "whole"))
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name])


def test_steps_that_arrive_together_are_all_made_in_order(tiny_idx, tmp_path, no_waiting):
    asked = [(0, do) for do in ("pause", "step", "step", "snapshot", "step")]
    train(make("classify", tiny_idx), tmp_path / "run", *asked, (3, "go"))
    expected = [(0, "pause"), (1, "step"), (2, "step"), (2, "snapshot"), (3, "step"), (3, "go")]
    assert made(tmp_path / "run") == expected


@pytest.mark.parametrize("kind", list(OPTIONS))
def test_a_run_that_made_requested_steps_resumes_exactly(kind, tiny_idx, tmp_path, no_waiting):
    job = make(kind, tiny_idx, checkpoint_every=4)
    asked = [(0, "step"), (1, "go"), (5, "pause"), (5, "step"), (6, "go"), (9, "step"), (10, "go")]
    train(job, tmp_path / "whole", *asked)
    train(job, tmp_path / "cut", *asked, stop_at=11)
    finish(tmp_path / "cut")
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def test_a_step_killed_before_its_checkpoint_leaves_nothing(tiny_idx, tmp_path):
    job = make("regress", tiny_idx, checkpoint_every=4)
    killed_after_request(job, tmp_path / "cut", (7, "step"))
    assert made(tmp_path / "cut") != []
    finish(tmp_path / "cut")
    train(job, tmp_path / "whole")
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def test_a_run_resumed_after_a_step_has_continued(tiny_idx, tmp_path, no_waiting):
    """It is byte-identical to one that was sent the request to go."""
    job = make("classify", tiny_idx)
    train(job, tmp_path / "whole", (3, "pause"), (3, "step"), (4, "go"))
    asked = ((3, "pause"), (3, "step"))
    train(job, tmp_path / "cut", *asked, should_stop=lambda: len(no_waiting) > 5)
    assert requests.is_paused(Run(tmp_path / "cut").history())
    assert finish(tmp_path / "cut") is not None
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")
    assert not requests.is_paused(Run(tmp_path / "cut").history())


def test_the_last_step_of_a_run_ends_it(tiny_idx, tmp_path, no_waiting):
    job = make("classify", tiny_idx)
    last = job.total_steps - 1
    job = make("classify", tiny_idx, checkpoint_every=last)  # a chunk ends there
    _, results = train(job, tmp_path / "run", (last, "step"), (last + 1, "step"))
    assert results is not None
    assert no_waiting == []
    assert made(tmp_path / "run") == [(last + 1, "step")]
    short = make("classify", tiny_idx, epochs=2, checkpoint_every=15)
    train(short, tmp_path / "short", (15, "step"))
    finish(tmp_path / "short", epochs="+1")
    train(
        make("classify", tiny_idx, epochs=3, checkpoint_every=15),
        tmp_path / "long",
        (15, "step"),
        (16, "go"),
    )
    assert contents(tmp_path / "short") == contents(tmp_path / "long")


def test_a_run_killed_after_its_last_step_ends_as_if_it_had_not_been(tiny_idx, tmp_path):
    """No request to go is added where the step did not pause the run."""

    class Killed(Recorder):
        def on_end(self, trainer, results):
            raise SystemExit

    job = make("classify", tiny_idx, epochs=2, checkpoint_every=15)
    train(job, tmp_path / "whole", (15, "step"))
    with pytest.raises(SystemExit):
        train(job, tmp_path / "cut", (15, "step"), kind=Killed)
    finish(tmp_path / "cut")
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def test_a_request_in_the_middle_of_a_requested_step_waits_for_its_end(tiny_idx, tmp_path):
    """A step that returned early for the next request would never be made."""
    job = make("classify", tiny_idx)
    engine, stops = make_engine(job.task(), starting_state(job)), []

    class Watched:
        def run(self, first, last, stop):
            stops.append((last - first, stop()))
            return engine.run(first, last, stop)

        def __getattr__(self, name):
            return getattr(engine, name)

    class Busy(Asked):
        def __bool__(self):
            return bool(self.requests)  # the next one is always there already

        def take(self):
            return [self.requests.pop(0)]

    asked = Busy(Request("step"), Request("step"), Request("go"))
    Trainer(job, Watched(), [asked], requests=asked).train()
    assert stops[:2] == [(1, False)] * 2
