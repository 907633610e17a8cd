"""Rebuilds a study whose database is gone from the run folders of its trials."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hiddenstate.errors import HiddenstateError, count
from hiddenstate.runs import Run
from hiddenstate.scale.tune.ledger import PARAMS, RUNGS, RUNS, SLOT, WHY
from hiddenstate.scale.tune.rungs import values_at_rungs
from hiddenstate.scale.tune.suggest import kept_at_rungs
from hiddenstate.scale.tune.training import Outcome, is_same, outcome_of, runs_of
from hiddenstate.scale.tune.worker import Study


@dataclass(frozen=True)
class Rebuilt:
    """What was found in run folders.

    Parameters
    ----------
    n_finished, n_failed, n_begun : int
        Trials that are finished, that failed, and that are resumed.
    """

    n_finished: int = 0
    n_failed: int = 0
    n_begun: int = 0

    @property
    def n_found(self) -> int:
        """Number of trials that had run folders."""
        return self.n_finished + self.n_failed + self.n_begun

    def lines(self, n_trials: int, where: str) -> list[str]:
        """Say what was rebuilt and what is lost."""
        return [
            f"{where}: had no such study; rebuilt from run folders: "
            f"{count(self.n_finished, 'trial')} finished, {self.n_failed} failed, {self.n_begun} "
            f"to be resumed, {n_trials - self.n_found} to be trained",
            "not in run folders, and lost: who trained a trial and when, parameters of trials that "
            "had not begun, and all trials whose folders are on other machines",
        ]


def rebuild(study: Study) -> Rebuilt:
    """Add a trial to the database for each that has run folders here."""
    numbers = {"finished": 0, "failed": 0, "begun": 0}
    missing: list[Any] = []  # so that Optuna's numbers stay those of the trials
    for slot in range(study.settings.n_trials):
        trial, kind = _trial(study, slot)
        if trial is None:
            missing.append(_template(study, "WAITING", {SLOT: slot}, {}, None, {}, {}))
            continue
        for each in (*missing, trial):
            study.ledger.add_trial(each)
        missing.clear()
        numbers[kind] += 1
    return Rebuilt(numbers["finished"], numbers["failed"], numbers["begun"])


def _trial(study: Study, slot: int) -> tuple[Any, str]:
    """Return the Optuna trial of a slot, if it has run folders, and how it stands."""
    settings = study.settings
    first = next(_own_runs(study, slot, 0, None), None)
    if first is None:
        return None, ""
    params = settings.space.params_of(first.config.flat())
    outcomes: list[Outcome] = []
    for number in range(settings.seeds):
        done = (outcome_of(run) for run in _own_runs(study, slot, number, params))
        outcome = next((each for each in done if each is not None), None)
        if outcome is None:
            break
        outcomes.append(outcome)
        if outcome.pruned:
            break
    rungs: dict[int, float] = {}
    if settings.pruner != "none":
        rungs = values_at_rungs(Run(study.folder / outcomes[0].run) if outcomes else first)
    facts: dict[str, Any] = {SLOT: slot, PARAMS: params}
    if outcomes and (outcomes[-1].pruned or len(outcomes) == settings.seeds):
        return _finished(study, facts, params, outcomes, rungs), "finished"
    why = first.failure() if first.status() == "diverged" else None
    if why is not None:
        facts[WHY] = why
        return _template(study, "FAIL", facts, params, None, rungs, {}), "failed"
    return _template(study, "WAITING", facts, params, None, {}, {}), "begun"


def _own_runs(study: Study, slot: int, number: int, params: Any) -> Iterator[Run]:
    """Yield the runs of a trial that belong to this study, the newest first."""
    settings = study.settings
    for run in runs_of(study.folder, slot, number, settings.seeds):
        try:
            own = settings.space.params_of(run.config.flat()) if params is None else params
            same = is_same(run, settings.trial_config(own, number), settings.fingerprint)
        except (HiddenstateError, KeyError):
            continue
        if same:
            yield run


def _finished(
    study: Study,
    facts: dict[str, Any],
    params: dict[str, Any],
    outcomes: list[Outcome],
    rungs: dict[int, float],
) -> Any:
    value = sum(outcome.value for outcome in outcomes) / len(outcomes)
    best = round(sum(outcome.best_epoch for outcome in outcomes) / len(outcomes))
    facts = {
        **facts,
        RUNS: [outcome.run for outcome in outcomes],
        "best_epoch": max(1, best),
        "epochs": outcomes[0].epochs,
        "values": [outcome.value for outcome in outcomes],
    }
    pruned = outcomes[-1].pruned
    last = max(rungs, default=0)
    decided = {str(rung): [v, pruned and rung == last] for rung, v in rungs.items()}
    facts[RUNGS] = decided
    settings, state = study.settings, "PRUNED" if pruned else "COMPLETE"
    kept = kept_at_rungs(settings.pruner, settings.seed, facts[SLOT], rungs, pruned)
    return _template(study, state, facts, params, value, rungs, kept)


def _template(
    study: Study,
    state: str,
    facts: dict[str, Any],
    params: dict[str, Any],
    value: float | None,
    rungs: dict[int, float],
    kept: dict[str, Any],
) -> Any:
    from optuna.trial import TrialState, create_trial

    return create_trial(
        state=TrialState[state],
        value=value,
        params=params,
        distributions=study.settings.space.distributions() if params else {},
        user_attrs=facts,
        system_attrs=kept,
        intermediate_values=rungs,
    )
