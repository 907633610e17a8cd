"""A study whose database is deleted comes back from its run folders."""

from pathlib import Path

from hiddenstate.scale.tune.best import train_best
from hiddenstate.scale.tune.storage import DATABASE
from tests.conftest import needs_kernels
from tests.scale.tune.studies import facts, study_in, trained, write_sensors

pytestmark = needs_kernels


def test_finished_trials_come_back_and_are_not_trained_again(tmp_path: Path) -> None:
    study = study_in(tmp_path, n_trials=5)
    trained(study)
    before = facts(study)
    rungs = [slot.last.intermediate_values for slot in study.slots()]
    kept = [slot.last.system_attrs for slot in study.slots()]
    study.ledger.storage.engine.dispose()
    (study.folder / DATABASE).unlink()
    again = study_in(tmp_path, n_trials=5)
    assert trained(again).done == []
    assert facts(again) == before
    assert [slot.last.intermediate_values for slot in again.slots()] == rungs
    assert [slot.last.system_attrs for slot in again.slots()] == kept


def test_runs_of_another_study_are_not_taken(tmp_path: Path) -> None:
    other = study_in(tmp_path, n_trials=1, values={"epochs": 2})
    trained(other)
    other.ledger.storage.engine.dispose()
    for name in (DATABASE, "study.json"):
        (other.folder / name).unlink()
    study = study_in(tmp_path, n_trials=1, values={"epochs": 3})
    assert [slot.state for slot in study.slots()] == ["waiting"]
    trained(study)
    assert study.slots()[0].attribute("runs") == ["trial-0000-try2"]


def test_runs_on_other_data_are_not_taken(tmp_path: Path) -> None:
    other = study_in(tmp_path, n_trials=1, values={"epochs": 2})
    trained(other)
    assert train_best(other, other.slots()[0], lambda session: [], lambda: False) is not None
    other.ledger.storage.engine.dispose()
    for name in (DATABASE, "study.json"):
        (other.folder / name).unlink()
    write_sensors(tmp_path / "sensors.csv", n=66)
    study = study_in(tmp_path, n_trials=1, values={"epochs": 2})
    trained(study)
    (slot,) = study.slots()
    assert slot.attribute("runs") == ["trial-0000-try2"]
    run = train_best(study, slot, lambda session: [], lambda: False)
    assert run is not None
    assert run.name == "best-2"
