"""Looks at validation rows are part of a run's course: the same whether it was stopped or not."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate import Autoencoder, RecurrentClassifier, RecurrentRegressor
from hiddenstate.config import make_config
from hiddenstate.data import load_dataset
from hiddenstate.engines import make_engine
from hiddenstate.errors import OptionError, UntrustedFileError
from hiddenstate.jobs import Job, make_job
from hiddenstate.models.sparse import share_of_zeros
from hiddenstate.program.equations import softmax
from hiddenstate.runs import Run
from hiddenstate.runs.requests import is_paused
from hiddenstate.runs.writer import reopen_run
from hiddenstate.training import resume
from hiddenstate.training.checkpoints import pack, unpack
from hiddenstate.training.initial_state import starting_state
from hiddenstate.training.progress import Progress
from hiddenstate.training.trainer import Callback, Trainer
from tests.conftest import ENGINES, QUIET, Cli, needs_kernels
from tests.training.test_resume import begin, contents, resume_run

SMALL: dict[str, Any] = {"batch_size": 16, "epochs": 30, "valid_fraction": 0.25}
OPTIONS: dict[str, dict[str, Any]] = {
    "classify": {**SMALL, "hidden_size": 6, "lr": 0.5},
    "regress": {
        **{"batch_size": 8, "hidden_size": 4, "lr": 0.3, "epochs": 30, "window": 6, "stride": 3},
        **{"stateful": False, "shuffle": True, "test_fraction": 0.2, "valid_fraction": 0.3},
        **{"scale": "standard", "lr_schedule": "constant", "clip": None, "hold": 0},
    },
    "autoencode": {**SMALL, "encoder_sizes": (8,), "lr": 0.2},
}


def make(kind: str, folder: Path, tiny_idx: Path, **changes: Any) -> Job:
    """A job that stops early at these rates, after two looks that found no better."""
    data = tiny_idx
    if kind == "regress":
        t = np.arange(150) * 0.4
        data = folder / "own.npz"
        np.savez(data, X=np.sin(t), y=np.cos(t) + np.random.default_rng(0).normal(0, 0.3, 150))
    values = {"threads": 1, "log_every": 4, "patience": 2, **OPTIONS[kind], **changes}
    config = make_config(kind, {**values, "data": str(data)})
    return make_job(config, load_dataset(config))


def begun(folder: Path, tiny_idx: Path) -> Any:
    """A classifier's job, its first state, and its engine after three steps."""
    job = make("classify", folder, tiny_idx)
    state = starting_state(job)
    engine = make_engine(job.task(), state)
    engine.run(0, 3, lambda: False)
    return job, state, engine


def looks(path: Path) -> list[dict[str, Any]]:
    events = [json.loads(line) for line in (path / "history.jsonl").read_text().splitlines()]
    return [event for event in events if event["event"] == "valid"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", list(OPTIONS))
def test_it_stops_early_with_the_best_weights_also_when_resumed(kind, engine, tiny_idx, tmp_path):
    job = make(kind, tmp_path, tiny_idx, engine=engine)
    per_epoch = job.batches.steps_per_epoch
    end = begin(job, tmp_path / "whole")
    assert end < job.total_steps, "it never stopped early: the test shows nothing"
    whole = contents(tmp_path / "whole")

    # Each epoch ends with a validation, and two that were no better are the last.
    told, run = looks(tmp_path / "whole"), Run(tmp_path / "whole")
    assert [e["step"] for e in told] == list(range(per_epoch - 1, end, per_epoch))
    assert [e["epoch"] for e in told] == list(range(len(told)))
    losses = [e["valid_loss"] for e in told]
    assert len(losses) - 1 - int(np.argmin(losses)) == 2
    assert run.history()[-1]["step"] == end
    results = run.results()
    assert results is not None
    assert results["valid_loss"] == min(losses)

    # Its model and figures are those of a run that ended at the best step.
    best = results["best_step"]
    begin(make(kind, tmp_path, tiny_idx, engine=engine, max_steps=best), tmp_path / "there")
    there = Run(tmp_path / "there")
    for name, array in there.model().params.items():
        np.testing.assert_array_equal(run.model().params[name], array)
    other = there.results()
    assert other is not None
    for name in ("test_accuracy", "test_mse", "test_r2", "valid_loss"):
        assert results.get(name) == other.get(name)

    # Stopped at the end of an epoch, within it, after it, and while it waits.
    for stop_at in (per_epoch - 1, per_epoch, end - per_epoch + 1):
        path = tmp_path / f"stopped-{stop_at}"
        begin(job, path, stop_at)
        resume_run(job, path)
        assert contents(path) == whole, stop_at
    chained = tmp_path / "chained"
    begin(job, chained, 2)
    for stop in (per_epoch + 1, 2 * per_epoch, end - 1, None):
        resume_run(job, chained, stop)
    assert contents(chained) == whole


def test_a_run_killed_when_it_had_stopped_but_not_ended_ends_the_same(tiny_idx, tmp_path):
    """The last checkpoint is there and the model is not: no step is taken, and the best stays."""
    job = make("classify", tmp_path, tiny_idx)
    for name in ("whole", "killed"):
        begin(job, tmp_path / name)
    killed = tmp_path / "killed"
    history = (killed / "history.jsonl").read_text().splitlines(keepends=True)
    (killed / "history.jsonl").write_text("".join(history[:-1]))
    (killed / "model.safetensors").unlink()
    resume_run(job, killed)
    assert contents(killed) == contents(tmp_path / "whole")


def test_without_patience_it_trains_to_the_end_and_keeps_the_best(tiny_idx, tmp_path):
    job = make("classify", tmp_path, tiny_idx, patience=0, epochs=12)
    assert begin(job, tmp_path / "run") == job.total_steps
    results = Run(tmp_path / "run").results()
    assert results is not None
    losses = [event["valid_loss"] for event in looks(tmp_path / "run")]
    assert len(losses) == 12
    assert results["valid_loss"] == min(losses)


class Keeper(Callback):
    """Keeps the weights of the last checkpoint."""

    params: dict[str, Any]

    def on_checkpoint(self, trainer: Trainer) -> None:
        self.params = trainer.engine.export().params


def test_a_validation_does_not_change_training(tiny_idx: Path, tmp_path: Path) -> None:
    """The same training rows, with the validation rows and without: the same last weights."""
    job = make("classify", tmp_path, tiny_idx, patience=0, epochs=3)
    blind = make_job(job.config, replace(job.dataset, valid=None))
    ends = []
    for each in (job, blind):
        engine = make_engine(each.task(), starting_state(each))
        kept = Keeper()
        Trainer(each, engine, [kept]).train()
        ends.append(kept.params)
    for name, array in ends[1].items():
        np.testing.assert_array_equal(ends[0][name], array)


def test_the_loss_that_decides_is_the_mean_of_the_rows_losses(tiny_idx, tmp_path):
    """The cross-entropy of held-out rows, or the squared error of each series."""
    job = make("classify", tmp_path, tiny_idx)
    engine = make_engine(job.task(), starting_state(job))
    train, valid = job.dataset.train, job.dataset.valid
    assert valid is not None
    together = np.concatenate([train.X, valid.X]).reshape(120, -1)
    assert (len(valid), len(np.unique(together, axis=0))) == (30, 120)
    chances = softmax(engine.predict(valid.X).astype(float))
    losses = -np.log(chances[np.arange(len(valid)), valid.y])
    assert job.validation_loss(engine) == pytest.approx(losses.mean(), rel=1e-6)
    job = make("regress", tmp_path, tiny_idx)
    engine = make_engine(job.task(), starting_state(job))
    valid = job.dataset.valid
    assert valid is not None
    each = [
        np.mean((engine.predict(x[None])[0] - y) ** 2)
        for x, y in zip(valid.X, valid.y, strict=True)
    ]
    assert job.validation_loss(engine) == pytest.approx(np.mean(each), rel=1e-5)


def test_more_epochs_continue_from_the_last_weights_not_the_best(tiny_idx, tmp_path):
    short, long = (
        make("classify", tmp_path, tiny_idx, patience=0, epochs=n, lr=0.1) for n in (4, 9)
    )
    begin(long, tmp_path / "long")
    begin(short, tmp_path / "short")
    resume_run(long, tmp_path / "short")
    assert contents(tmp_path / "short") == contents(tmp_path / "long")


def test_the_validations_of_a_run_are_kept_when_it_is_resumed(cli, tiny_idx, tmp_path):
    words = ("--recipe", "classic", "--hidden-size", 6, "--batch-size", 16)
    options = (*words, *QUIET, "--valid-fraction", "0.2")
    cli("classify", tiny_idx, *options, "--epochs", 2)
    cli("resume", "last", "--epochs", "+2", "--view", "off")
    cli("classify", tiny_idx, *options, "--epochs", 4)
    one, two = (tmp_path / "runs" / f"classify-{n}" for n in (1, 2))
    assert len(looks(one)) == 4
    assert contents(one) == contents(two)


# --- checkpoints


def test_the_best_weights_survive_packing(tiny_idx: Path, tmp_path: Path) -> None:
    job, state, engine = begun(tmp_path, tiny_idx)
    progress = Progress(best=state.params, best_loss=0.1 + 0.2, best_step=1, waited=2)
    back = unpack(*pack(engine.export(), progress, None), job, "here")[1]
    assert (back.best_loss, back.best_step, back.waited) == (0.1 + 0.2, 1, 2)
    for name, array in state.params.items():
        np.testing.assert_array_equal(back.best[name], array)


@pytest.mark.parametrize(
    "valid",
    [
        *([0.5, 4, 0], [0.5, 1, 9], [0.5, -1, 0], [0.5, 1.5, 0], [np.nan, 1, 0]),
        *([np.inf, 1, 0], [0.5, np.nan, 0], [0.5, 1], [0.5, 1, 0, 0]),
        None,
    ],
)
def test_damaged_validation_results_in_a_checkpoint_are_refused(valid, tiny_idx, tmp_path):
    job, state, engine = begun(tmp_path, tiny_idx)
    arrays, facts = pack(engine.export(), Progress(best=state.params, best_loss=1), None)
    if valid is None:
        del arrays["progress/valid"]
    else:
        arrays["progress/valid"] = np.array(valid, float)
    with pytest.raises(UntrustedFileError, match="here: "):
        unpack(arrays, facts, job, "here")


def test_validation_results_without_best_weights_and_weights_of_another_net_are_refused(
    tiny_idx: Path, tmp_path: Path
) -> None:
    job, state, engine = begun(tmp_path, tiny_idx)
    progress = Progress(best=dict(state.params), best_loss=1.0)
    arrays, facts = pack(engine.export(), progress, None)
    without = {name: a for name, a in arrays.items() if not name.startswith("best/")}
    other = {**arrays, "best/out.bias": np.zeros(9, "f4")}
    for wrong in (without, other):
        with pytest.raises(UntrustedFileError, match="here: "):
            unpack(wrong, facts, job, "here")


# --- who may look


def test_a_carried_state_is_not_broken_for_validation_rows(cli: Cli, tmp_path: Path) -> None:
    t = np.arange(200.0)
    np.savez(tmp_path / "own.npz", X=np.sin(t), y=np.cos(t))
    done = cli("regress", "own.npz", "--recipe", "classic", "--valid-fraction", "0.2", *QUIET)
    assert done.code == 2
    assert "add --no-stateful" in done.err
    assert not (tmp_path / "runs").exists()


def test_a_run_that_stopped_early_is_not_resumed(cli: Cli, tiny_idx: Path) -> None:
    options = ("--recipe", "classic", "--hidden-size", 3, "--lr", "0.5", "--epochs", 30)
    cli("classify", tiny_idx, *options, "--valid-fraction", "0.3", "--patience", 1, *QUIET)
    done = cli("resume", "classify-1", "--epochs", "+5", "--view", "off")
    assert done.code == 2
    assert "stopped early" in done.err
    assert "--patience" in done.err


@pytest.mark.parametrize("engine", ENGINES)
def test_estimators_keep_their_validations_and_the_best_weights(engine: str) -> None:
    random = np.random.default_rng(0)
    X, y = random.normal(size=(60, 6)), random.normal(size=60)
    own: dict[str, Any] = {
        **{"epochs": 25, "valid_fraction": 0.3, "patience": 2, "batch_size": 16, "engine": engine},
        **{"threads": 1, "random_state": 0},
    }
    coder = Autoencoder((8,), 2, lr=0.1, **own).fit(X)
    follower = RecurrentRegressor(hidden_size=4, lr=0.3, **own).fit(X, y)
    sorter = RecurrentClassifier(hidden_size=4, lr=0.3, **own).fit(X, y > 0)
    for fitted, targets in ((coder, None), (follower, y), (sorter, y > 0)):
        told = [event for event in fitted.history_ if event["event"] == "valid"]
        losses = [event["valid_loss"] for event in told]
        best = int(np.argmin(losses))
        assert len(losses) == best + 3 < 25
        assert fitted.n_steps_ == told[-1]["step"] + 1
        shorter = fitted.__class__(**{**fitted.get_params(), "patience": 0, "epochs": best + 1})
        again = shorter.fit(X, targets)
        for name, array in again.model_.params.items():
            np.testing.assert_array_equal(array, fitted.model_.params[name])


def test_patience_needs_rows_to_be_counted_on() -> None:
    with pytest.raises(OptionError, match=r"--valid-fraction 0\.1"):
        make_config("classify", {"patience": 3})
    with pytest.raises(OptionError, match="valid"):
        Autoencoder(patience=3).fit(np.random.default_rng(0).random((30, 4)))


@needs_kernels
def test_weights_of_a_net_in_integers_are_those_of_its_last_part(tiny_idx, tmp_path):
    job = make("classify", tmp_path, tiny_idx, quantize="int8")
    begin(job, tmp_path / "run")
    results, grid_from = Run(tmp_path / "run").results(), job.grid_from
    assert results is not None
    assert grid_from is not None
    assert grid_from < results["best_step"] <= job.total_steps
    before = np.array([e["valid_loss"] for e in looks(tmp_path / "run") if e["step"] < grid_from])
    better = np.flatnonzero(before[1:] < np.minimum.accumulate(before)[:-1])
    assert np.diff(better).max() > 2  # a net in floats would have stopped there

    # So a run that waited there after a single step goes on where it is resumed.
    waited = next(k for k in range(len(before)) if k - np.argmin(before[: k + 1]) >= 2)
    step = begin(job, tmp_path / "paused", (waited + 1) * job.batches.steps_per_epoch + 1)
    assert step < grid_from
    with reopen_run(Run(tmp_path / "paused")) as writer:
        writer.truncate_after(step, job.config.training.log_every, False)
        writer.add_history({"event": "control", "step": step, "do": "step"})
    resume.resume_run(Run(tmp_path / "paused"), {}).writer.close()
    assert not is_paused(Run(tmp_path / "paused").history())


@needs_kernels
def test_weights_of_before_do_not_answer_where_the_last_part_ends_within_an_epoch(
    tiny_idx, tmp_path
):
    options: Any = {"quantize": "int8", "sparsity": 0.9, "patience": 0}
    steps = 2 * make("classify", tmp_path, tiny_idx, **options).batches.steps_per_epoch - 1
    job = make("classify", tmp_path, tiny_idx, **options, max_steps=steps)
    begin(job, tmp_path / "run")
    assert job.grid_from is not None
    assert looks(tmp_path / "run")[-1]["step"] < job.grid_from
    run = Run(tmp_path / "run")
    results = run.results()
    assert results is not None
    assert "best_step" not in results
    assert share_of_zeros(run.model().params) >= 0.89
