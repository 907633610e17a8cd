"""What Optuna's samplers and pruners decide, as a function of the seed and of earlier trials.

Both see a copy of the study in memory whose trials are its slots, each once and under its own
number. Their random numbers follow from the seed and the number of the trial, so that one worker
makes the same choices however often it was interrupted. Several workers with `tpe` choose by what
the others have finished, which no seed fixes; every single trial is the same anyway.
"""

import hashlib
import itertools
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache, lru_cache
from typing import Any

from hiddenstate.scale.tune.ledger import Slot
from hiddenstate.scale.tune.space import Space

SAMPLERS = ("tpe", "random")
PRUNERS = ("none", "median", "hyperband")
"""The first is the default: of equally many trials, the others found worse ones."""

ETA = 3
"""Of the trials at a rung, about one in `ETA` goes on to the next, which has `ETA` times as many
epochs."""

PARTS = ETA**3
"""Parts of a full training in which rungs are counted: they are after 1, 3 and 9 of them."""

RUNGS = (1, 3, 9)

RUNG_KEY = "completed_rung_"
"""How the attributes begin in which Optuna keeps the values at rungs."""


PROBABILITIES = 2**15
"""How many are kept of the last choices; a choice among a thousand trials needs about 9,000."""


def rungs_of(epochs: int) -> dict[int, int]:
    """Return the rung of an epoch after which there is one, by the number of epochs before.

    A short training has fewer rungs, and none after its last epoch.
    """
    rungs: dict[int, int] = {}
    for rung in RUNGS:
        rungs[-(-epochs * rung // PARTS)] = rung
    return {epoch: rung for epoch, rung in rungs.items() if epoch < epochs}


def choose(
    space: Space, slots: Sequence[Slot], number: int, sampler: str, pruner: str, seed: int
) -> dict[str, Any]:
    """Return the parameters of trial `number`.

    Parameters
    ----------
    space : Space
    slots : sequence of Slot
        All trials as they stand.
    number : int
    sampler : {"tpe", "random"}
    pruner : {"hyperband", "median", "none"}
        `tpe` learns from the finished trials of all brackets of hyperband.
    seed : int
        That of the study.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trial = _trial(space, slots, number, sampler, pruner, seed, {}, {})
        return {each.name: each.suggest(trial) for each in space.dimensions}


def is_pruned(
    space: Space,
    slots: Sequence[Slot],
    number: int,
    pruner: str,
    seed: int,
    values: Mapping[int, float],
    kept: Mapping[str, Any] | None = None,
) -> tuple[bool, dict[str, Any]]:
    """Return whether trial `number` ends at its last rung, and what Optuna keeps about the rung.

    Parameters
    ----------
    space, slots, number, pruner, seed
        As :func:`choose`.
    values : mapping
        The best validation loss of the trial so far at each of its rungs.
    kept : mapping, optional
        What was kept about earlier rungs; by default, what the trial has.
    """
    if pruner == "none":
        return False, {}
    slot = slots[number]
    before = _of_rungs(slot.last.system_attrs if kept is None else kept)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trial = _trial(space, slots, number, "random", pruner, seed, slot.params, before)
        for rung, value in sorted(values.items()):
            trial.report(value, rung)
        pruned = bool(trial.should_prune())
        after = trial.study._storage.get_trial(number).system_attrs
    return pruned, {n: v for n, v in _of_rungs(after).items() if n not in before}


def _of_rungs(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if name.startswith(RUNG_KEY)}


def kept_at_rungs(
    pruner: str, seed: int, number: int, values: Mapping[int, float], pruned: bool = False
) -> dict[str, Any]:
    """Return what Optuna keeps about the rungs of a trial, whatever was decided at them.

    Parameters
    ----------
    pruner, seed, number
        As :func:`choose`.
    values : mapping
        The best validation loss so far at each rung.
    pruned : bool
        Whether the trial ended at the last of them.
    """
    nothing = Space("", ())
    kept: dict[str, Any] = {}
    for rung in sorted(values):
        slots = [Slot(each) for each in range(number + 1)]
        reached = {each: value for each, value in values.items() if each <= rung}
        new = is_pruned(nothing, slots, number, pruner, seed, reached, kept)[1]
        if pruned and rung == max(values):  # it went on to no later one
            new = dict(sorted(new.items())[:1])
        kept |= new
    return kept


def study_of(
    space: Space, slots: Sequence[Slot], sampler: str, pruner: str, seed: int, number: int = 0
) -> Any:
    """Return a copy of the study in memory, with slots in place of attempts.

    The random numbers of its sampler are those of trial `number`.
    """
    study = _empty_study(sampler, pruner, seed, number)
    for slot in slots:
        study.add_trial(_copy(space, slot))
    return study


def _empty_study(sampler: str, pruner: str, seed: int, number: int) -> Any:
    import optuna

    return optuna.create_study(
        study_name=f"hiddenstate-{seed}",  # which the brackets of hyperband follow from
        sampler=_sampler(sampler, seed, number),
        pruner=_pruner(pruner),
    )


def _trial(
    space: Space,
    slots: Sequence[Slot],
    number: int,
    sampler: str,
    pruner: str,
    seed: int,
    params: Mapping[str, Any],
    system_attrs: Mapping[str, Any],
) -> Any:
    """Return trial `number` of a copy of the study, running."""
    import optuna

    others = list(slots)
    while len(others) > number + 1 and others[-1].state == "waiting":
        others.pop()  # they tell nothing
    study = _empty_study(sampler, pruner, seed, number)
    # Optuna would copy each trial three times, which takes longer than to choose. Nothing may
    # change those that are whole.
    own = study._storage._studies[study._study_id].trials
    own.extend([slot.whole or _shown(space, slot) for slot in others])
    own[number] = _state("RUNNING", space, params, system_attrs=dict(system_attrs))
    own[number].number = own[number]._trial_id = number
    study._storage._trial_id_to_study_id_and_number[number] = study._study_id, number
    return optuna.trial.Trial(study, number)


def _shown(space: Space, slot: Slot) -> Any:
    """Return a slot as one Optuna trial of its number."""
    trial = _copy(space, slot)
    trial.number = trial._trial_id = slot.number
    return trial


def _copy(space: Space, slot: Slot) -> Any:
    """Return a slot as one Optuna trial."""
    if not slot.finished and slot.state != "running":
        return _state("WAITING", space, {})
    last = slot.last
    params = slot.params if set(slot.params) == set(space.names) else {}
    if slot.state == "running" and not params:
        return _state("WAITING", space, {})
    return _state(
        last.state.name,
        space,
        params,
        value=slot.value,
        system_attrs=_of_rungs(last.system_attrs),
        intermediate_values=last.intermediate_values,
    )


def _state(name: str, space: Space, params: Mapping[str, Any], **more: Any) -> Any:
    from optuna.trial import TrialState, create_trial

    kinds = space.distributions() if params else {}
    return create_trial(state=TrialState[name], params=dict(params), distributions=kinds, **more)


def _sampler(name: str, seed: int, number: int) -> Any:
    from optuna.samplers import RandomSampler

    digest = hashlib.sha256(f"{seed} {number}".encode()).digest()
    own = int.from_bytes(digest[:4], "little")
    return RandomSampler(seed=own) if name == "random" else _one_space()(seed=own)


@cache
def _one_space() -> Any:
    """Return a class, TPE for trials of one space, for which a choice among many takes less time.

    Optuna finds the space by comparing each trial with the next. Of the probabilities of trials it
    keeps 1,000, though a choice among hundreds needs many more, most of them as the one before.
    """
    import optuna
    from optuna.samplers import TPESampler

    class OneSpace(TPESampler):
        def infer_relative_search_space(self, study: Any, trial: Any) -> Any:
            one = optuna.create_study()
            trials = study.get_trials(deepcopy=False)
            with_space = (each for each in trials if each.state.is_finished() and each.params)
            one.add_trials(itertools.islice(with_space, 1))
            return super().infer_relative_search_space(one, trial)

    with suppress(ImportError, AttributeError):  # in another version
        from optuna.samplers._tpe import _truncnorm

        own = _truncnorm._log_ndtr_single.__wrapped__
        _truncnorm._log_ndtr_single = lru_cache(PROBABILITIES)(own)
    return OneSpace


def _pruner(name: str) -> Any:
    from optuna.pruners import HyperbandPruner, MedianPruner, NopPruner

    if name == "hyperband":
        return HyperbandPruner(min_resource=1, max_resource=PARTS, reduction_factor=ETA)
    return MedianPruner() if name == "median" else NopPruner()
