"""A study whose database is deleted comes back from its run folders."""

from pathlib import Path

from hiddenstate.scale.tune.storage import DATABASE
from tests.conftest import needs_kernels
from tests.scale.tune.studies import facts, study_in, trained

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
