"""A stop request cancels an evaluation; resuming repeats it."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from hiddenstate.config import make_config
from hiddenstate.data import load_dataset
from hiddenstate.engines import make_engine, make_predictor
from hiddenstate.jobs import make_job, make_snapshots
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net
from hiddenstate.runs import Run
from hiddenstate.system.cancellation import StopRequestedError, cancellable, raise_if_cancelled
from hiddenstate.training.initial_state import starting_state
from hiddenstate.training.recorder import Recorder
from hiddenstate.training.resume import resume_run
from hiddenstate.training.start import start
from hiddenstate.training.trainer import Callback, Trainer
from tests.conftest import ENGINES


def test_nothing_is_cancelled_outside_the_context():
    raise_if_cancelled()
    with cancellable(lambda: False):
        raise_if_cancelled()
    with cancellable(lambda: True), pytest.raises(StopRequestedError):
        raise_if_cancelled()
    raise_if_cancelled()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("job", ["classify", "autoencode", "regress"])
def test_predicting_can_be_cancelled(job, engine, monkeypatch):
    if engine == "torch":
        pytest.importorskip("torch")
        monkeypatch.setattr("hiddenstate.engines.choose.why_not", lambda: "none wanted")
    net = Net(job, make_config(job, {}).model, 9, 9, "steps" if job == "regress" else "last")
    if job == "autoencode":
        values = {"encoder_sizes": (6,), "code_size": 2, "output_activation": "linear"}
        net = Net(job, make_config(job, values).model, 9, 9)
    classes = list(range(9)) if job == "classify" else None
    model = FittedModel(net, net.initial(0, "float32"), classes, (9,))
    asked = make_predictor(model, "cpu", 1)
    assert type(asked).__module__.endswith(engine)
    X = np.ones((5, 9) if job == "autoencode" else (5, 4, 9), "f4")
    calls: list[Callable[[], object]] = [lambda: asked.predict(X)]
    if job == "regress":
        calls.append(lambda: asked.follow(X, {}))
    if job == "autoencode":
        calls.append(lambda: asked.encode(X))
    for call in calls:
        call()
        with cancellable(lambda: True), pytest.raises(StopRequestedError):
            call()


class During:
    """Requests a stop when it is checked within the nth evaluation."""

    def __init__(self, job, n):
        self.n, self.asked = n, False
        for name in ("evaluate", "validation_loss", "finish"):
            setattr(job, name, self.counted(getattr(job, name)))

    def counted(self, method):
        def run(*arguments):
            self.n -= 1
            self.asked = self.asked or self.n == 0
            result = method(*arguments)
            assert self.n != 0, "the evaluation was not cancelled"
            return result

        return run

    def __call__(self):
        return self.asked


def contents(path):
    kept = [path / "history.jsonl", path / "model.safetensors", *Run(path).snapshot_paths()]
    kept.append(Run(path).checkpoint_paths()[0])
    return {file.name: file.read_bytes() for file in kept}


RUN: dict[str, Any] = {"epochs": 3, "batch_size": 16, "hidden_size": 6, "log_every": 4}
RUN |= {"valid_fraction": 0.25, "threads": 1}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_stopped_in_any_evaluation_and_resumed_is_byte_identical(engine, tiny_idx, tmp_path):
    """At each logged line, on the validation rows, and on the test rows at the end."""
    config = make_config("classify", {**RUN, "data": str(tiny_idx), "engine": engine})
    with start(config, tmp_path) as session:
        evaluations = During(session.job, 0)  # counts them and cancels none
        session.train()
    whole, n = contents(tmp_path / "classify-1"), -evaluations.n
    assert n == 5 + 3 + 1
    for number in range(1, n + 1):
        path = tmp_path / f"classify-{number + 1}"
        with start(config, tmp_path) as session:
            assert session.train((), During(session.job, number)) is None
        journal = Run(path).journal()
        assert [entry["event"] for entry in journal][-2:] == ["checkpoint", "interrupted"]
        with resume_run(Run(path), {}) as session:
            session.train()
        assert contents(path) == whole, f"stopped in evaluation {number}"


def test_a_run_killed_while_it_repeats_an_evaluation_is_byte_identical(tiny_idx, tmp_path):
    """The history then has a line that the checkpoint still lists as pending."""
    config = make_config("classify", {**RUN, "data": str(tiny_idx)})
    with start(config, tmp_path) as session:
        session.train()
    whole = contents(tmp_path / "classify-1")
    for number in (1, 4, 6, 8):
        path = tmp_path / f"run-{number}"
        with start(config, tmp_path, name=path.name) as session:
            session.train((), During(session.job, number))

        class Killed(Callback):
            def on_checkpoint(self, trainer):
                raise SystemExit  # before the recorder's

        with resume_run(Run(path), {}) as session, suppress(SystemExit):
            hooks = [Recorder(session.writer, make_snapshots(session.job), session.waiting)]
            Trainer(
                session.job, session.engine, [Killed(), *hooks], session.step, session.progress
            ).train()
        with resume_run(Run(path), {}) as session:
            session.train()
        assert contents(path) == whole, f"stopped in evaluation {number}"


def test_stopping_at_the_end_does_not_mistake_the_best_weights_for_the_last(tiny_idx, tmp_path):
    other = {"epochs": 4, "lr": 0.5, "hidden_size": 4, "log_every": 100, "batch_size": 64}
    config = make_config("classify", {**RUN, **other, "data": str(tiny_idx)})
    for stop in (False, True):
        with start(config, tmp_path) as session:
            if stop:
                looks = During(session.job, 1 + 4 + 1)
                assert session.train((), looks) is None
            else:
                results = session.train()
    assert results["best_step"] < session.job.total_steps  # or the test would show nothing
    last = [Run(tmp_path / f"classify-{n}").checkpoint_paths()[0].read_bytes() for n in (1, 2)]
    assert last[0] == last[1]
    events = (tmp_path / "classify-2" / "history.jsonl").read_text().splitlines()
    assert "end" not in [json.loads(line)["event"] for line in events]


def test_an_engine_is_cancelled_only_inside_the_training_loop():
    config = make_config("regress", {"windows": 4, "threads": 1})
    job = make_job(config, load_dataset(config))
    engine = make_engine(job.task(), starting_state(job))

    class Asks(Callback):
        outputs = 0

        def on_log(self, trainer, event):  # hooks are never cancelled
            self.stop = True
            self.outputs += len(trainer.engine.predict(job.dataset.X))

    hook = Asks()
    hook.stop = False
    assert Trainer(job, engine, [hook], should_stop=lambda: hook.stop).train() is None
    assert hook.outputs == 4
