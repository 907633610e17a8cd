"""Workers that are killed, stopped or interrupted cost no trial, and every run keeps its bytes."""

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hiddenstate import Callback
from hiddenstate.config import Config
from hiddenstate.errors import MachineError
from hiddenstate.runs import Run
from hiddenstate.runs.events import ValidationEvent
from hiddenstate.runs.writer import RunWriter
from hiddenstate.scale.tune.ledger import Owner
from hiddenstate.scale.tune.rungs import was_pruned
from hiddenstate.scale.tune.suggest import rungs_of
from hiddenstate.scale.tune.worker import Study, Worker, locked_place
from hiddenstate.training.trainer import Trainer
from hiddenstate.training.verify import check_files
from tests import warm
from tests.conftest import needs_kernels
from tests.scale.tune.studies import Watching, facts, study_in, trained

pytestmark = needs_kernels


class AtEpoch(Callback):
    """Calls something once, after an epoch that is no rung."""

    def __init__(self, epoch: int, do: Any) -> None:
        self.epoch, self.do, self.calls = epoch, do, 0

    def on_valid(self, trainer: Trainer, event: ValidationEvent) -> None:
        if event["epoch"] + 1 == self.epoch and not self.calls:
            self.calls += 1
            self.do(trainer)


def test_a_study_has_exactly_its_trials_and_prunes_at_rungs(tmp_path: Path) -> None:
    study = study_in(tmp_path, n_trials=6)
    watching = trained(study)
    assert sorted(watching.done) == list(range(6))
    slots = study.slots()
    assert {slot.state for slot in slots} == {"done", "pruned"}
    for slot in slots:
        (name,) = slot.attribute("runs")
        run = Run(study.folder / name)
        results = run.results()
        assert results is not None
        assert slot.value == results["valid_loss"]
        assert not {n for n in results if n.startswith("test_")}
        assert was_pruned(run) == (slot.state == "pruned")
        epochs = sum(event["event"] == "valid" for event in run.history())
        assert epochs in rungs_of(9) if slot.state == "pruned" else epochs == 9
        n_checkpoints = int(slot.state == "pruned")  # a trial that is done records little
        assert len(run.checkpoint_paths()) == n_checkpoints
        assert len(list((run.path / "snapshots").glob("0*"))) == epochs
        assert not list((run.path / "weights").glob("*"))


CHILD = """
import os, signal, sys
from pathlib import Path
from tests.scale.tune.studies import Watching, study_in
from tests.scale.tune.test_worker import AtEpoch, die_at_end
from hiddenstate.scale.tune.worker import Worker
if __name__ == "__main__":
    kill = AtEpoch({epoch}, lambda trainer: os.kill(os.getpid(), signal.SIGKILL))
    if not {epoch}:
        die_at_end()
    study = study_in(Path({path!r}), values={values!r})
    Worker(study, Watching([kill]), threads=1).run()
"""


def die_at_end() -> None:
    """Let this process die when a run has an end in one of its texts, and not in the other."""
    append = RunWriter._append

    def last(self: RunWriter, name: str, entry: Mapping[str, Any]) -> None:
        append(self, name, entry)
        if entry["event"] == "end":
            os.kill(os.getpid(), signal.SIGKILL)

    RunWriter._append = last  # type: ignore[method-assign]


def kill_one(path: Path, epoch: int, values: dict[str, Any]) -> None:
    """Let a process train until an epoch of a trial, or until its end if 0, and kill it there."""
    code = CHILD.format(epoch=epoch, path=str(path), values=values)
    root = Path(__file__).parents[3]
    ended = warm.run(["-c", code], root)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


VALUES = {"checkpoint_every": 5}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The trials of a study of three that nothing disturbs."""
    study = study_in(tmp_path_factory.mktemp("whole"), values=VALUES)
    trained(study)
    return facts(study)


def test_killed_workers_change_nothing(whole: list[Any], tmp_path: Path) -> None:
    for epoch in (4, 8, 0):
        kill_one(tmp_path, epoch, VALUES)
    killed = Run(tmp_path / "runs" / "waves" / "trial-0000")
    assert killed.status() == "stopped"
    assert not any(dict(check_files(killed)).values())
    study = study_in(tmp_path, values=VALUES)
    watching = trained(study)
    assert facts(study) == whole
    assert any("resumed from its checkpoint after" in line for line in watching.lines)
    assert not list(study.folder.glob("*-try*"))
    for path in study.folder.glob("trial-*"):
        assert not any(dict(check_files(Run(path))).values())


def test_a_trial_whose_worker_is_stopped_is_resumed_from_a_copy(
    whole: list[Any], tmp_path: Path
) -> None:
    study, other = (study_in(tmp_path, n_trials=1, values=VALUES) for _ in range(2))
    taker = Watching()

    def given_away(trainer: Trainer) -> None:
        """Do as another worker, while this one holds its locks and gives no sign of life."""
        with other.ledger.storage.engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE trial_heartbeats SET heartbeat = datetime('now', '-99 seconds')"
            )
        assert Worker(other, taker, threads=1).run()

    stopped = Watching([AtEpoch(8, given_away)])
    assert Worker(study, stopped, threads=1).run()
    assert any("from a copy of trial-0000" in line for line in taker.lines)
    assert taker.done == [0]
    assert stopped.done == []  # it finished its run, but the trial was the other's
    assert [run.name for run in study.folder.glob("trial-*")] != ["trial-0000"]
    assert facts(study) == whole[:1]


def interrupt(study: Study) -> None:
    """Let a worker train a trial until its fifth epoch."""
    stopping = AtEpoch(5, lambda trainer: None)
    assert not Worker(study, Watching([stopping]), lambda: stopping.calls > 0, threads=1).run()


def test_a_run_folder_that_cannot_be_reached_is_started_anew(
    whole: list[Any], tmp_path: Path
) -> None:
    database = f"sqlite:///{tmp_path}/study.db"
    here = study_in(tmp_path, runs="here", n_trials=1, values=VALUES, storage=database)
    interrupt(here)
    here.folder.rename(tmp_path / "elsewhere")
    there = study_in(tmp_path, runs="there", n_trials=1, values=VALUES, storage=database)
    assert "started anew: its run folder cannot be reached" in "\n".join(trained(there).lines)
    assert facts(there) == whole[:1]


def test_an_interrupted_worker_saves_and_gives_its_trial_back(
    whole: list[Any], tmp_path: Path
) -> None:
    study = study_in(tmp_path, n_trials=1, values=VALUES)
    interrupt(study)
    assert [slot.state for slot in study.slots()] == ["waiting"]
    watching = trained(study)
    assert "resumed from its checkpoint" in watching.lines[0]
    assert facts(study) == whole[:1]


def test_a_trial_that_fails_is_said_and_is_not_the_end(tmp_path: Path) -> None:
    space = {"dropout": [0.0, 0.5], "lr": [0.01, 1e6]}  # dropout with one layer is refused
    study = study_in(tmp_path, n_trials=8, space=space, values={"layers": 1}, sampler="random")
    trained(study)
    for slot in study.slots():
        if slot.params["dropout"]:
            assert slot.state == "failed"
            assert "--layers" in slot.attribute("why")
    assert {slot.state for slot in study.slots()} >= {"done", "failed"}


def test_a_training_without_a_validation_loss_fails(tmp_path: Path) -> None:
    study = study_in(tmp_path, n_trials=1, values={"max_steps": 1})
    trained(study)
    (slot,) = study.slots()
    assert slot.state == "failed"
    assert "has no validation loss; raise --max-steps" in slot.attribute("why")
    assert [path.name for path in study.folder.glob("trial-*")] == ["trial-0000"]


def test_a_trial_at_which_workers_die_again_and_again_counts_as_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hiddenstate.scale.tune.worker.MAX_DEATHS", 1)
    study = study_in(tmp_path, n_trials=1, values={"epochs": 2})
    with locked_place(study.folder) as place:
        assert study.ledger.claim(1, Owner.here(place, study.folder)) is not None
    trained(study)
    (slot,) = study.slots()
    assert slot.state == "failed"
    assert "died at it" in slot.attribute("why")


def test_the_value_of_several_seeds_is_their_mean_on_the_same_rows(tmp_path: Path) -> None:
    study = study_in(tmp_path, n_trials=1, seeds=2, values={"epochs": 2})
    trained(study)
    (slot,) = study.slots()
    runs = [Run(study.folder / name) for name in slot.attribute("runs")]
    assert [run.name for run in runs] == ["trial-0000-seed0", "trial-0000-seed1"]
    losses = [(run.results() or {})["valid_loss"] for run in runs]
    assert losses[0] != losses[1]
    assert slot.value == sum(losses) / 2
    rows = [study.data.prepared(run.config).valid for run in runs]
    assert rows[0] is rows[1]
    assert [run.config.data.split_seed for run in runs] == [0, 0]


def test_an_error_of_the_machine_ends_the_worker_and_gives_the_trial_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = study_in(tmp_path, n_trials=1)

    def full(*arguments: Any) -> None:
        raise MachineError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr("hiddenstate.scale.tune.worker.open_session", full)
        with pytest.raises(MachineError, match="no space left"):
            Worker(study, Watching()).run()
    assert study.slots()[0].state == "waiting"


def test_a_study_that_is_deleted_meanwhile_is_said(tmp_path: Path) -> None:
    study = study_in(tmp_path, n_trials=1)

    def delete(trainer: Trainer) -> None:
        study.ledger.storage.delete_study(study.ledger.study_id)

    before_a_rung = AtEpoch(2, delete)
    with pytest.raises(MachineError, match="the study is gone from its database"):
        Worker(study, Watching([before_a_rung]), threads=1).run()
    assert Run(study.folder / "trial-0000").results() is not None


def test_the_run_of_a_trial_is_an_ordinary_one(tmp_path: Path) -> None:
    from hiddenstate.training.start import plan, start

    study = study_in(tmp_path, n_trials=1, values={"epochs": 2})
    trained(study)
    run = Run(study.folder / "trial-0000")
    config: Config = run.config
    twin, dataset = plan("classify", config.flat())
    with start(twin, tmp_path / "alone", dataset=dataset) as session:
        session.train()
        path = session.writer.path
    for name in ("history.jsonl", "model.safetensors"):
        assert (path / name).read_bytes() == (run.path / name).read_bytes()
