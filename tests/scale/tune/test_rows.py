"""What is read from the tables of Optuna is what Optuna reads."""

from pathlib import Path
from typing import Any

from hiddenstate.scale.tune.rows import read_trials
from tests.scale.tune.studies import study_in


def test_trials_are_read_as_optuna_reads_them(tmp_path: Path) -> None:
    from optuna.trial import TrialState, create_trial

    study = study_in(tmp_path)
    storage, number = study.ledger.storage, study.ledger.study_id
    own: Any = {
        "params": {"lr": 0.01, "hidden_size": 5},
        "distributions": study.settings.space.distributions(),
    }
    rungs = {"intermediate_values": {3: float("inf"), 1: 0.5}, "system_attrs": {"rung": [1, 2.5]}}
    for state, more in (
        ("COMPLETE", {**own, "value": 0.25, "user_attrs": {"slot": 0, "runs": ["trial-0000"]}}),
        ("PRUNED", {**own, **rungs, "value": float("inf")}),
        ("FAIL", own),
        ("WAITING", {}),
    ):
        storage.create_new_trial(number, create_trial(state=TrialState[state], **more))
    ours, theirs = read_trials(storage, number, -1, ()), storage.get_all_trials(number)
    times = ("_datetime_start", "datetime_complete")
    for one, other in zip(ours, theirs, strict=True):
        facts = [{n: v for n, v in vars(each).items() if n not in times} for each in (one, other)]
        assert facts[0] == facts[1]
        assert [*one.params] == [*other.params]
    ids = [each._trial_id for each in theirs]
    some = read_trials(storage, number, ids[2], [ids[0]])
    assert [each.number for each in some] == [0, 3]
