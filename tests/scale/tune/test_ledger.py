"""Every trial is taken by one worker at a time, and finished once."""

import random
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hiddenstate.errors import OptionError
from hiddenstate.scale.tune.ledger import Owner, Slot, renewed, slots_of
from hiddenstate.scale.tune.worker import Study, locked_place
from tests.scale.tune.studies import study_in


def owner(study: Study, lock: Path) -> Owner:
    return Owner.here(lock, study.folder)


def claimed(study: Study, lock: Path) -> Slot:
    slot = study.ledger.claim(study.settings.n_trials, owner(study, lock))
    assert slot is not None
    return slot


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_several_workers_at_once_take_different_trials(tmp_path: Path) -> None:
    study = study_in(tmp_path, n_trials=12)
    others = [study_in(tmp_path, n_trials=12) for _ in range(3)]
    taken: list[int] = []
    all_took = threading.Barrier(4, timeout=60)

    def take(each: Study) -> None:
        with locked_place(each.folder) as place:
            for _ in range(3):
                taken.append(claimed(each, place).number)
            all_took.wait()  # a worker whose lock is free counts as dead
        each.ledger.storage.remove_session()

    threads = [threading.Thread(target=take, args=(each,)) for each in (study, *others)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(12))


def test_a_trial_of_a_dead_worker_is_taken_up_first_with_its_parameters(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    params = {"lr": 0.01, "hidden_size": 3}
    with locked_place(study.folder) as place:
        first = claimed(study, place)
        assert study.ledger.update(first.last, facts={"params": params})
        assert claimed(study, place).number == 1  # its worker lives: it is not taken
    with locked_place(study.folder) as place:
        again = claimed(study, place)
    assert (again.number, again.params, again.deaths) == (0, params, 1)
    assert [each["folder"] for each in again.attribute("owners")] == [str(study.folder)]


def test_a_trial_that_was_given_away_cannot_be_written_or_finished(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    with locked_place(study.folder) as place:
        slot = claimed(study, place)
    with locked_place(study.folder) as place:  # another worker, which finds the first one dead
        again = claimed(study, place)
        assert again.number == slot.number
        assert not study.ledger.finish(slot.last, "COMPLETE", 0.5)
        assert not study.ledger.update(slot.last, facts={"x": 1})
        assert not study.ledger.release(slot.last)
        assert study.ledger.finish(again.last, "COMPLETE", 0.25)
        # The answer to the first call may have been lost.
        assert study.ledger.finish(again.last, "COMPLETE", 0.25)
        assert not study.ledger.finish(slot.last, "COMPLETE", 0.5)
    assert study.slots()[0].value == 0.25


def test_a_killed_worker_leaves_no_failure_and_numbers_lead_to_folders(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    for deaths in range(3):
        with locked_place(study.folder) as place:
            assert claimed(study, place).deaths == deaths
    with locked_place(study.folder) as place:
        for number in range(3):
            slot = claimed(study, place)
            assert (slot.number, slot.last.number) == (number, number)
        assert study.ledger.claim(3, owner(study, place)) is None
    assert [trial.state.name for trial in study.ledger.trials()] == ["RUNNING"] * 3


def test_attempts_of_version_0_5_are_read(tmp_path: Path) -> None:
    """There a worker that died left a failure, and another trial followed it."""
    from optuna.trial import TrialState, create_trial

    study = study_in(tmp_path)
    params, kinds = {"lr": 0.01, "hidden_size": 3}, study.settings.space.distributions()
    attempts: list[tuple[TrialState, dict[str, Any]]] = [
        (TrialState.FAIL, {"slot": 0, "params": params}),
        (TrialState.WAITING, {"slot": 1}),
        (TrialState.FAIL, {"slot": 2}),  # its worker died, and nobody has noticed
        (TrialState.WAITING, {"slot": 0, "params": params, "after": 0}),
        (TrialState.WAITING, {"slot": 0, "params": params, "after": 0}),  # twice: void
    ]
    for state, facts in attempts:
        own: Any = {"params": params, "distributions": kinds} if "params" in facts else {}
        study.ledger.add_trial(create_trial(state=state, user_attrs=facts, **own))
    other = study_in(tmp_path)
    assert [slot.state for slot in other.slots()] == ["waiting", "waiting", "lost"]
    with locked_place(study.folder) as place:
        taken = [claimed(study, place) for _ in range(3)]
        assert [(slot.number, slot.last.number) for slot in taken] == [(0, 3), (1, 1), (2, 2)]
        assert [slot.deaths for slot in taken] == [1, 0, 1]
        assert taken[0].params == params
        assert other.ledger.claim(3, owner(other, place)) is None
        assert [slot.state for slot in other.slots()] == ["running"] * 3


def test_a_released_trial_waits_and_counts_no_death(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    with locked_place(study.folder) as place:
        slot = claimed(study, place)
        study.ledger.release(slot.last)
        assert [each.state for each in study.slots()] == ["waiting"] * 3
        assert claimed(study, place).deaths == 0


def test_a_silent_attempt_is_given_to_another_after_the_grace(tmp_path: Path) -> None:
    study = study_in(tmp_path, grace=2)
    silent = "UPDATE trial_heartbeats SET heartbeat = datetime('now', '-9 seconds')"
    with locked_place(study.folder) as place:
        slot = claimed(study, place)
        with study.ledger.storage.engine.begin() as connection:
            connection.exec_driver_sql(silent)
        again = claimed(study, place)  # the lock is held, as by a stopped process
        assert (again.number, again.deaths) == (slot.number, 1)
        with study.ledger.storage.engine.begin() as connection:
            connection.exec_driver_sql(silent)
        assert not study.ledger.beat(slot.last)  # nor is it a sign of life of the other
        assert study.ledger.storage._get_stale_trial_ids(study.ledger.study_id)
        assert study.ledger.beat(again.last)
        assert not study.ledger.storage._get_stale_trial_ids(study.ledger.study_id)
        assert study.ledger.finish(again.last, "COMPLETE", 0.5)
        assert not study.ledger.beat(again.last)


def test_a_study_of_another_program_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import optuna

    monkeypatch.setattr("hiddenstate.scale.tune.study.MAKING", 0.0)
    database = f"sqlite:///{tmp_path}/x.db"
    other = optuna.create_study(storage=database, study_name="waves")
    other.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    with pytest.raises(OptionError, match="is a study of another program; use another --name"):
        study_in(tmp_path, storage=database)
    assert len(other.trials) == 1
    assert not (tmp_path / "runs").exists()


def test_a_worker_leaves_no_folder_and_counts_as_dead_at_once(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    with locked_place(study.folder) as place:
        worker = owner(study, place)
        assert place.is_dir()
        assert not worker.is_dead
    assert not list(place.parent.iterdir())
    assert worker.is_dead
    place.parent.rmdir()  # nothing is known of a study that was moved
    assert not worker.is_dead


def test_only_trials_that_changed_are_made_anew_when_a_study_is_read_again(tmp_path: Path) -> None:
    study, other = study_in(tmp_path), study_in(tmp_path)
    with locked_place(study.folder) as place:
        first, second = claimed(study, place), claimed(study, place)
        assert study.ledger.finish(first.last, "COMPLETE", 0.5)
        before = study.slots()
        assert other.ledger.finish(second.last, "COMPLETE", 0.25)
        after = study.slots()
    assert after[0] is before[0]
    assert [each.state for each in before[:2]] == ["done", "running"]
    assert [(each.state, each.value) for each in after[:2]] == [("done", 0.5), ("done", 0.25)]


def test_slots_that_are_renewed_are_those_that_are_made_anew() -> None:
    dice = random.Random(0)
    for _ in range(300):
        slots, trials = slots_of([], 6), []
        for _ in range(12):
            before, trials = trials, list(trials)
            if trials and dice.random() < 0.5:
                at = dice.randrange(len(trials))
                trials[at] = SimpleNamespace(**vars(trials[at]))
            else:
                slot = slots[dice.randrange(6)]
                facts: dict[str, Any] = {"slot": slot.number}
                if slot.last and dice.random() < 0.2:
                    facts["after"] = slot.last.number
                elif dice.random() < 0.05:
                    facts = {}
                trials.append(SimpleNamespace(number=len(trials), user_attrs=facts))
            anew = slots_of(trials, 6)
            changed = [each for each in trials if all(each is not old for old in before)]
            renewed_ones = renewed(slots, changed, 6)
            slots = anew if renewed_ones is None else renewed_ones
            assert [[*map(id, slot.attempts)] for slot in slots] == [
                [*map(id, slot.attempts)] for slot in anew
            ]
