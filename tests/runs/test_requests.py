"""Requests to a run are carried out between two steps, recorded, and kept when it is resumed."""

import json
import os
import shutil

import numpy as np
import pytest

from hiddenstate.engines import make_engine
from hiddenstate.errors import DataError, OptionError, RunMovedError, UntrustedFileError
from hiddenstate.runs import Run, requests
from hiddenstate.runs.requests import Inbox, Request, make_request, send_request
from hiddenstate.system.lock import take_lock
from hiddenstate.training.initial_state import starting_state
from hiddenstate.training.recorder import Recorder
from hiddenstate.training.resume import resume_run
from hiddenstate.training.trainer import Trainer
from tests.conftest import ENGINES
from tests.runs.asking import Asked, controls, finish, killed_after_request, train
from tests.training.test_resume import IN_TURN, contents, make


@pytest.mark.parametrize(("kind", "engine"), IN_TURN)
def test_a_run_with_a_requested_rate_resumes_exactly(kind, engine, tiny_idx, tmp_path):
    job = make(kind, tiny_idx, engine=engine)
    asked = [(3, "lr", 0.001), (6, "snapshot"), (8, "lr", 0.02)]
    train(job, tmp_path / "whole", *asked)
    train(job, tmp_path / "cut", *asked, stop_at=12)
    finish(tmp_path / "cut")
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")
    assert [event["do"] for event in controls(tmp_path / "cut")] == ["lr", "snapshot", "lr"]


def test_a_new_rate_is_saved_at_once(tiny_idx, tmp_path):
    train(make("classify", tiny_idx), tmp_path / "run", (5, "lr", 0.5), stop_at=6)
    step = controls(tmp_path / "run")[0]["step"]
    saved = [e["step"] for e in Run(tmp_path / "run").journal() if e["event"] == "checkpoint"]
    assert saved[0] == step


def test_a_new_rate_killed_before_its_checkpoint_is_in_force(tiny_idx, tmp_path):
    """The history has it, the step's earlier checkpoint does not."""
    job = make("regress", tiny_idx, checkpoint_every=4)
    train(job, tmp_path / "whole", (8, "lr", 0.001))
    killed_after_request(job, tmp_path / "cut", (8, "lr", 0.001))
    assert "progress/lr" not in Run(tmp_path / "cut").checkpoint()[0]
    finish(tmp_path / "cut")
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


@pytest.mark.parametrize("engine", ENGINES)
def test_learning_at_another_rate_is_learning_at_that_rate(engine, tiny_idx, tmp_path):
    """From the first step on, so it equals a run started with that rate."""
    values = {"engine": engine, "dtype": "float64", "lr_schedule": "cosine"}
    asked = make("classify", tiny_idx, lr=0.3, **values)
    begun = make("classify", tiny_idx, lr=0.02, **values)
    train(asked, tmp_path / "asked", (0, "lr", 0.02))
    train(begun, tmp_path / "begun")
    one, other = (Run(tmp_path / name) for name in ("asked", "begun"))
    for name, array in one.model().params.items():
        np.testing.assert_array_equal(array, other.model().params[name])
    logged = [event for event in one.history() if event["event"] != "control"]
    assert logged == other.history()


def test_the_log_has_the_rate_in_force(tiny_idx, tmp_path):
    train(make("classify", tiny_idx), tmp_path / "run", (5, "lr", 0.125))
    event = controls(tmp_path / "run")[0]
    rates = {e["step"]: e["lr"] for e in Run(tmp_path / "run").history() if e["event"] == "log"}
    assert {rate for step, rate in rates.items() if step >= event["step"]} == {0.125}
    assert {rate for step, rate in rates.items() if step < event["step"]} == {0.01}


def test_a_run_finished_early_has_a_model_and_can_be_resumed(tiny_idx, tmp_path):
    job = make("classify", tiny_idx)
    trainer, results = train(job, tmp_path / "run", (5, "stop"))
    run = Run(tmp_path / "run")
    assert run.status() == "done"
    assert run.history()[-1]["step"] == trainer.step < job.total_steps
    assert run.results() == results
    for name, array in run.model().params.items():
        np.testing.assert_array_equal(array, trainer.engine.export().params[name])
    finish(tmp_path / "run")
    train(job, tmp_path / "whole")
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")


def test_stopped_it_keeps_the_best_weights(tiny_idx, tmp_path):
    job = make("classify", tiny_idx, valid_fraction=0.3, epochs=30, lr=2.0)
    _, results = train(job, tmp_path / "run", (60, "stop"))
    looks = [e for e in Run(tmp_path / "run").history() if e["event"] == "valid"]
    assert results["valid_loss"] == min(look["valid_loss"] for look in looks)
    assert results["best_step"] < looks[-1]["step"] + 1


def test_a_pause_does_not_change_training(tiny_idx, tmp_path):
    job = make("autoencode", tiny_idx)
    train(job, tmp_path / "paused", (4, "pause"), (4, "go"))
    train(job, tmp_path / "whole")
    one, other = contents(tmp_path / "paused"), contents(tmp_path / "whole")
    assert one["model.safetensors"] == other["model.safetensors"]
    assert [event["do"] for event in controls(tmp_path / "paused")] == ["pause", "go"]


def test_a_paused_run_can_be_interrupted(tiny_idx, tmp_path, monkeypatch):
    job, waits = make("classify", tiny_idx), []
    engine = make_engine(job.task(), starting_state(job))
    monkeypatch.setattr("time.sleep", waits.append)
    asked = Asked((3, "pause"))
    trainer = Trainer(job, engine, [asked], should_stop=lambda: len(waits) > 4, requests=asked)
    assert trainer.train() is None
    assert len(waits) == 5
    assert 3 <= trainer.step < job.total_steps


def test_a_requested_snapshot_stays(tiny_idx, tmp_path):
    job = make("autoencode", tiny_idx, log_every=100, checkpoint_every=5)
    train(job, tmp_path / "run", (5, "snapshot"), stop_at=10)
    finish(tmp_path / "run")
    assert [int(path.stem) for path in Run(tmp_path / "run").snapshot_paths()] == [1, 5, 16]
    assert [int(path.stem) for path in Run(tmp_path / "run").weights_paths()] == [1, 5]


def line(**entry):
    return json.dumps(entry) + "\n"


def test_what_stood_there_before_is_not_obeyed(tmp_path):
    path = tmp_path / "control.jsonl"
    path.write_text(line(do="stop"))
    inbox = Inbox(tmp_path, clock=iter(range(100)).__next__)
    assert not inbox
    path.write_text(path.read_text() + line(do="pause", name="a"))
    assert inbox
    assert inbox.take() == [Request("pause", name="a")]
    assert not inbox


def test_lines_that_are_no_request_are_passed_over(tmp_path):
    inbox = Inbox(tmp_path, clock=iter(range(100)).__next__)
    lines = (line(do="lr"), line(do="rm -rf"), line(do="lr", value=-1), line(do="lr", value="x"))
    bad = ["{", "[]", "3", '{"do": 7}', "[" * 5000, "\x00\xff", *lines, line(do="stop", value=3)]
    text = "\n".join(entry.rstrip("\n") for entry in bad) + "\n"
    (tmp_path / "control.jsonl").write_text(text + line(do="lr", value=0.5, name="b"), "utf-8")
    assert inbox.take() == [Request("lr", 0.5, "b")]


def test_a_request_after_half_a_line_has_a_line_of_its_own(tiny_idx, tmp_path):
    train(make("classify", tiny_idx), tmp_path / "run", stop_at=3)
    path, inbox = tmp_path / "run" / "control.jsonl", Inbox(tmp_path / "run")
    path.write_text('{"do": "st')
    with take_lock(tmp_path / "run"):
        names = [send_request(tmp_path / "run", do) for do in ("pause", "stop")]
    assert inbox.take() == [Request("pause", name=names[0]), Request("stop", name=names[1])]


def test_half_a_line_is_read_once_and_waits_for_its_end(tmp_path):
    """Or training would be interrupted for it for ever."""
    inbox, path = Inbox(tmp_path, clock=iter(range(100)).__next__), tmp_path / "control.jsonl"
    path.write_text('{"do": "st')
    assert inbox
    assert inbox.take() == []
    assert not inbox
    with path.open("a") as stream:
        stream.write('op"}\n')
    assert inbox
    assert inbox.take() == [Request("stop")]


def test_a_replaced_file_is_read_from_its_start(tmp_path):
    path = tmp_path / "control.jsonl"
    path.write_text(line(do="pause", name="a long name, so that the next file is the shorter one"))
    inbox = Inbox(tmp_path, clock=iter(range(100)).__next__)
    path.unlink()
    path.write_text(line(do="stop"))
    assert inbox
    assert inbox.take() == [Request("stop")]


def test_a_pipe_in_its_place_is_neither_waited_for_nor_written(tiny_idx, tmp_path):
    train(make("classify", tiny_idx), tmp_path / "run", stop_at=3)
    os.mkfifo(tmp_path / "run" / "control.jsonl")
    assert Inbox(tmp_path / "run").take() == []
    with take_lock(tmp_path / "run"), pytest.raises(UntrustedFileError, match=r"control\.jsonl"):
        send_request(tmp_path / "run", "stop")


def test_a_request_made_while_a_resumed_run_reads_its_data_is_carried_out(tiny_idx, tmp_path):
    def ask() -> None:
        send_request(tmp_path / "run", "stop")

    train(make("classify", tiny_idx), tmp_path / "run", stop_at=3)
    with resume_run(Run(tmp_path / "run"), {}, before_writing=ask) as session:
        session.train()
    assert [event["do"] for event in controls(tmp_path / "run")] == ["stop"]


def test_a_line_without_end_is_not_read_for_ever(tmp_path):
    inbox, path = Inbox(tmp_path, clock=iter(range(100)).__next__), tmp_path / "control.jsonl"
    path.write_bytes(b"x" * (requests.MAX_READ + 5) + b"\n" + line(do="stop").encode())
    assert inbox.take() == []
    assert inbox.take() == [Request("stop")]


def test_the_file_is_checked_only_now_and_then(tmp_path):
    times = iter([0.0, 0.05, 0.08, 0.12])
    inbox = Inbox(tmp_path, clock=times.__next__)
    assert not inbox
    (tmp_path / "control.jsonl").write_text(line(do="stop"))
    assert [bool(inbox) for _ in range(3)] == [False, False, True]


@pytest.mark.parametrize(
    ("do", "value", "told"),
    [
        ("lr", None, "lr 0.001"),
        ("lr", "0", "above 0"),
        ("lr", "fast", "fast"),
        ("stop", "1", "no value"),
        ("pasue", None, "pause"),
        ("lr", "nan", "nan"),
    ],
)
def test_invalid_requests_are_refused(do, value, told):
    with pytest.raises(OptionError, match=told):
        make_request(do, value)


def test_a_run_that_no_process_trains_takes_no_requests(tiny_idx, tmp_path):
    train(make("classify", tiny_idx), tmp_path / "run")
    with pytest.raises(DataError, match="the run is done; `hiddenstate resume"):
        send_request(tmp_path / "run", "stop")
    assert not (tmp_path / "run" / "control.jsonl").exists()


def test_a_run_carries_out_what_ctl_requests(cli, tiny_idx, tmp_path, monkeypatch):
    from hiddenstate.cli.progress_bar import Lines

    monkeypatch.setattr(requests, "POLL_SECONDS", 0.0)
    monkeypatch.setattr("hiddenstate.cli.control.ANSWER_SECONDS", 0.0)
    asked = []

    def ask_once(self, trainer, event):
        if not asked:
            asked.append(cli("ctl", "last", "stop"))

    monkeypatch.setattr(Lines, "on_log", ask_once)
    done = cli("classify", tiny_idx, "--view", "off", "--threads", 1, "--epochs", 50)
    assert done.code == 0
    assert asked[0].code == 0
    assert "request sent" in asked[0].err
    run = Run(tmp_path / "runs" / "classify-1")
    assert run.status() == "done"
    assert [event["do"] for event in controls(run.path)] == ["stop"]
    made = run.history()[-1]["step"]
    assert made < 50 * 2
    assert f"({made} steps" in done.out
    answer = [entry for entry in run.journal() if entry["event"] == "control"]
    assert answer[0]["name"] == json.loads((run.path / "control.jsonl").read_text())["name"]


def test_windows_are_recorded_once_even_if_a_snapshot_came_at_a_saved_step(tiny_idx, tmp_path):
    """Killed after a requested snapshot, a run is resumed without recording windows again."""
    from hiddenstate.views.timeline import Timeline

    job = make("regress", tiny_idx)
    train(job, tmp_path / "cut", (7, "lr", 0.01), (7, "snapshot"), stop_at=12)
    finish(tmp_path / "cut")
    arrays = Timeline(Run(tmp_path / "cut")).moment().arrays
    assert len(arrays["prediction"]) == job.total_steps


def test_a_snapshot_killed_before_its_checkpoint_is_the_same_and_recorded_once(tiny_idx, tmp_path):
    """The step's earlier checkpoint still has the windows that are in the snapshot."""
    from hiddenstate.views.timeline import Timeline

    job = make("regress", tiny_idx, checkpoint_every=4)
    train(job, tmp_path / "whole", (8, "snapshot"))
    killed_after_request(job, tmp_path / "cut", (8, "snapshot"))
    finish(tmp_path / "cut")
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")
    assert len(Timeline(Run(tmp_path / "cut")).moment().arrays["prediction"]) == job.total_steps


def test_of_two_pauses_the_last_is_the_one_a_resumed_run_does_not_keep(tiny_idx, tmp_path):
    pauses, pause = [], Recorder.on_pause

    class Counted(Recorder):
        def on_pause(self, trainer):
            pauses.append(trainer.step)
            pause(self, trainer)

    asked = ((3, "pause"), (3, "go"), (3, "pause"))
    stop = {"should_stop": lambda: len(pauses) > 1, "kind": Counted}
    train(make("classify", tiny_idx), tmp_path / "run", *asked, **stop)
    assert [event["do"] for event in controls(tmp_path / "run")] == ["pause", "go", "pause"]
    finish(tmp_path / "run")
    assert [event["do"] for event in controls(tmp_path / "run")] == ["pause", "go"]


@pytest.mark.parametrize("what", ["moved", "removed", "its lock"])
def test_a_run_whose_folder_is_gone_ends_in_a_pause_too(what, tiny_idx, tmp_path):
    path = tmp_path / "run"

    class Gone(Recorder):
        def on_pause(self, trainer):
            if what == "its lock":
                (path / "lock").unlink()
                take_lock(path).close()
            elif what == "moved":
                path.rename(tmp_path / "elsewhere")
            else:
                shutil.rmtree(path)
            super().on_pause(trainer)

    with pytest.raises(RunMovedError, match="moved or removed"):
        train(make("classify", tiny_idx), path, (3, "pause"), kind=Gone)


def test_stopped_before_its_first_step_a_run_is_no_result(tiny_idx, tmp_path):
    trainer, results = train(make("regress", tiny_idx), tmp_path / "run", (0, "stop"))
    assert results is None
    assert trainer.step == 0
    assert Run(tmp_path / "run").results() is None
    assert finish(tmp_path / "run") is not None


def test_a_run_interrupted_in_a_pause_does_not_pause_when_resumed(tiny_idx, tmp_path, monkeypatch):
    waits = []
    monkeypatch.setattr("time.sleep", waits.append)
    run, job = tmp_path / "run", make("classify", tiny_idx)
    train(job, run, (3, "pause"), should_stop=lambda: len(waits) > 2)
    assert [event["do"] for event in controls(tmp_path / "run")] == ["pause"]
    assert finish(tmp_path / "run") is not None
    assert controls(tmp_path / "run") == []


def test_the_words_for_a_step():
    event = {"event": "control", "step": 123, "do": "step"}
    assert requests.describe_request(event) == "one step, to 123, then paused"


@pytest.mark.parametrize(
    ("asked", "paused"),
    [
        ((), False),
        (("pause",), True),
        (("step",), True),
        (("pause", "step", "go"), False),
        (("go", "step", "lr", "snapshot"), True),
    ],
)
def test_whether_a_history_left_a_run_paused(asked, paused):
    history = [{"event": "control", "step": 1, "do": do} for do in asked]
    assert requests.is_paused([{"event": "log", "step": 0}, *history]) == paused


def test_paused_training_reacts_within_a_tenth_of_a_second(tmp_path):
    """Its short sleeps must not add up to more than the time between two checks."""
    from hiddenstate.training.trainer import PAUSED

    now = [0.0]
    inbox = Inbox(tmp_path, clock=lambda: now[0])
    assert not inbox
    (tmp_path / "control.jsonl").write_text(line(do="go"))
    while not inbox:
        now[0] += PAUSED
    assert now[0] <= 0.1
