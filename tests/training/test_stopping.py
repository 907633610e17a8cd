"""Validation rows decide when to stop and which weights are kept; resuming is exact."""

import json
from pathlib import Path

import numpy as np
import pytest

from hiddenstate import RecurrentClassifier
from hiddenstate.config import make_config
from hiddenstate.data import Rows, SequenceDataset
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.engines import make_engine
from hiddenstate.errors import OptionError
from hiddenstate.jobs import make_job
from hiddenstate.runs import Run
from hiddenstate.training.initial_state import starting_state
from hiddenstate.training.trainer import Callback, Trainer
from tests.conftest import ENGINES

RNG = np.random.default_rng(3)
X = RNG.normal(size=(60, 7, 2))
Y = (X[:, :, 0].mean(axis=1) > 0).astype(int)
VALUES = {
    "hidden_size": 6,
    "batch_size": 16,
    "epochs": 40,
    "lr": 0.05,
    "valid_fraction": 0.3,
    "patience": 4,
    "threads": 1,
    "test_fraction": 0.0,
}


class Kept(Callback):
    """Remembers every validation, and the weights then."""

    def __init__(self):
        self.looks, self.weights = [], []

    def on_valid(self, trainer, event):
        self.looks.append(event)
        self.weights.append(trainer.engine.export().params)


def trained(engine, **values):
    config = make_config("classify", {**VALUES, "engine": engine, **values})
    job = make_job(config, prepare(SequenceDataset("own", Rows(X, Y)), config))
    kept, computed = Kept(), make_engine(job.task(), starting_state(job))
    trainer = Trainer(job, computed, [kept])
    results = trainer.train()
    return kept, results, computed.export().params, trainer


@pytest.mark.parametrize("engine", ENGINES)
def test_the_weights_that_did_best_are_put_back(engine):
    kept, results, params, trainer = trained(engine)
    losses = [look["valid_loss"] for look in kept.looks]
    best = int(np.argmin(losses))
    assert results["valid_loss"] == losses[best]
    assert results["best_step"] == kept.looks[best]["step"] + 1
    for name, array in kept.weights[best].items():
        np.testing.assert_array_equal(params[name], array)
    assert len(losses) == best + 1 + VALUES["patience"]  # it waited so long, and no longer
    assert trainer.step < trainer.total_steps


def test_without_patience_it_trains_to_the_end_and_still_keeps_the_best():
    kept, results, _, trainer = trained(ENGINES[-1], patience=0, epochs=12)
    assert trainer.step == trainer.total_steps
    assert len(kept.looks) == 12
    assert results["valid_loss"] == min(look["valid_loss"] for look in kept.looks)


def test_the_validation_loss_is_the_cross_entropy_of_held_out_rows():
    config = make_config("classify", {**VALUES, "epochs": 1, "patience": 0})
    dataset = prepare(SequenceDataset("own", Rows(X, Y)), config)
    assert len(dataset.train) + len(dataset.valid) == 60
    together = np.concatenate([dataset.train.X, dataset.valid.X]).reshape(60, -1)
    assert len(np.unique(together.round(6), axis=0)) == 60
    job = make_job(config, dataset)
    engine = make_engine(job.task(), starting_state(job))
    outputs = engine.predict(dataset.valid.X).astype(float)
    chances = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    expected = -np.log(chances[np.arange(len(outputs)), dataset.valid.y]).mean()
    assert job.validation_loss(engine) == pytest.approx(expected, rel=1e-6)


def test_patience_without_validation_rows_is_refused():
    with pytest.raises(OptionError, match=r"--valid-fraction 0\.1"):
        make_config("classify", {"patience": 3})


def test_an_estimator_stops_early_and_keeps_its_validations():
    clf = RecurrentClassifier(
        hidden_size=6,
        lr=0.05,
        epochs=60,
        batch_size=16,
        valid_fraction=0.3,
        patience=3,
        random_state=0,
        threads=1,
    ).fit(X, Y)
    looks = [event for event in clf.history_ if event["event"] == "valid"]
    assert 3 < len(looks) < 60
    assert clf.n_steps_ == looks[-1]["step"] + 1


def own_file(folder: Path) -> Path:
    np.savez(folder / "own.npz", X=X.astype("f4"), y=Y)
    return folder / "own.npz"


def options(engine):
    return [
        "--engine",
        engine,
        "--recipe",
        "classic",
        "--hidden-size",
        5,
        "--batch-size",
        16,
        "--epochs",
        30,
        "--lr",
        "0.05",
        "--valid-fraction",
        "0.3",
        "--patience",
        3,
        "--threads",
        1,
        "--view",
        "off",
        "--checkpoint-every",
        1,
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_killed_at_any_checkpoint_stops_early_just_as_one_never_stopped(
    engine, cli, tmp_path
):
    """Truncated to an older checkpoint, as a crash leaves it, and resumed."""
    import shutil

    done = cli("classify", own_file(tmp_path), *options(engine))
    assert done.code == 0, done.err
    whole = Run(tmp_path / "runs" / "classify-1")
    total = json.loads(json.dumps(whole.results()))
    for stop in (2, 7):
        done = cli("classify", own_file(tmp_path), *options(engine), "--max-steps", stop)
        assert done.code == 0, done.err
        part = max((tmp_path / "runs").iterdir(), key=lambda path: int(path.name.split("-")[1]))
        done = cli("resume", part, "--max-steps", 10_000, "--view", "off")
        assert done.code == 0, done.err
        assert Run(part).results() == total
        model, other = whole.model().params, Run(part).model().params
        for name, array in model.items():
            np.testing.assert_array_equal(other[name], array)
        assert (part / "history.jsonl").read_bytes() == (whole.path / "history.jsonl").read_bytes()
        shutil.rmtree(part)


def test_a_run_that_stopped_early_is_not_resumed(cli, tmp_path):
    cli("classify", own_file(tmp_path), *options(ENGINES[-1]))
    done = cli("resume", "classify-1", "--epochs", "+5", "--view", "off")
    assert done.code == 2
    assert "stopped early" in done.err
    assert "--patience" in done.err
