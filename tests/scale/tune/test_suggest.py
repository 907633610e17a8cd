"""Choices follow from the seed, the number of the trial and what is finished."""

from pathlib import Path

import pytest

from hiddenstate.scale.tune.ledger import Slot
from hiddenstate.scale.tune.space import default_space
from hiddenstate.scale.tune.suggest import choose, is_pruned, kept_at_rungs, rungs_of
from tests.scale.tune.studies import study_in


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_each_trial_has_parameters_of_its_own_whoever_chooses_them(sampler: str) -> None:
    space, slots = default_space("classify"), [Slot(number) for number in range(5)]
    chosen = [choose(space, slots, number, sampler, "none", 1) for number in range(5)]
    assert chosen == [choose(space, slots, number, sampler, "none", 1) for number in range(5)]
    assert len({str(each) for each in chosen}) == 5
    assert choose(space, slots, 0, sampler, "none", 2) != chosen[0]


def test_rungs_are_whole_epochs_before_the_last() -> None:
    assert rungs_of(27) == {1: 1, 3: 3, 9: 9}
    assert rungs_of(9) == {1: 3, 3: 9}
    assert rungs_of(2) == {1: 9}
    assert rungs_of(1) == {}
    assert list(rungs_of(100)) == [4, 12, 34]


def test_hyperband_prunes_what_is_worse_than_others_at_its_rung(tmp_path: Path) -> None:
    study = study_in(tmp_path, n_trials=30)
    space = study.settings.space
    slots = [Slot(number) for number in range(30)]
    kept = {n: kept_at_rungs("hyperband", 0, n, {1: 0.1 + n}) for n in range(30)}
    first = [n for n in range(30) if kept[n]]  # in the bracket with the earliest rung
    assert 5 < len(first) < 30
    from optuna.trial import TrialState, create_trial

    last = first[-1]
    for number in first[:-1]:
        trial = create_trial(
            state=TrialState.PRUNED,
            value=1.0,
            system_attrs=kept[number],
            user_attrs={"slot": number},
        )
        slots[number] = Slot(number, (trial,))
    assert is_pruned(space, slots, last, "hyperband", 0, {1: 99.0}, {})[0]
    assert not is_pruned(space, slots, last, "hyperband", 0, {1: 0.01}, {})[0]
    assert not is_pruned(space, slots, last, "none", 0, {1: 99.0}, {})[0]
