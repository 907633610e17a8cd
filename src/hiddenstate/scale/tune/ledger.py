"""The trials of a study in its database: who trains which, each finished exactly once.

A study of N trials has N *slots*. Optuna's own trials are *attempts* at a slot: if a worker dies,
its attempt fails, and another follows it with the same parameters. Only the last attempt of a slot
counts. Optuna changes the state of a trial atomically, so an attempt is taken by one worker, and
finished or given up once. Everything else may be repeated: of two attempts that follow the same
one, as after an answer that was lost, the later is void.
"""

import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hiddenstate.scale.tune.storage import Patience
from hiddenstate.system.lock import is_locked
from hiddenstate.system.sockets import host_name

MAX_DEATHS = 10
"""Workers that may die at one trial before it counts as failed."""

MAX_OWNERS = 8
"""Earlier workers of a trial that are remembered, the last one first."""

SLOT, AFTER, PARAMS, OWNER, OWNERS, WHY, RUNS, RUNGS, RELEASED, SECONDS = (
    "slot",
    "after",
    "params",
    "owner",
    "owners",
    "why",
    "runs",
    "rungs",
    "released",
    "seconds",
)
"""User attributes of an Optuna trial: the slot, the number of the attempt before, the parameters
all at once, who trains it and who did before, why it failed, its run folders, what was decided at
each rung, whether its worker gave it up, and the seconds that it took."""


@dataclass(frozen=True)
class Slot:
    """One trial of a study, as its attempts stand.

    Parameters
    ----------
    number : int
        From 0.
    attempts : tuple of FrozenTrial
        Those that count, in order; the last one is how the trial stands.
    """

    number: int
    attempts: tuple[Any, ...] = ()

    @property
    def last(self) -> Any:
        """The attempt that counts; None before the first."""
        return self.attempts[-1] if self.attempts else None

    @property
    def state(self) -> str:
        """`new`, `waiting`, `running`, `done`, `pruned`, `failed` or `lost`."""
        if self.last is None:
            return "new"
        name = self.last.state.name.lower()
        if name == "fail":
            return "failed" if WHY in self.last.user_attrs else "lost"
        return {"complete": "done"}.get(name, str(name))

    @property
    def finished(self) -> bool:
        """Whether it is done, pruned or failed."""
        return self.state in ("done", "pruned", "failed")

    @property
    def value(self) -> float | None:
        """The validation loss of a trial that is done or pruned."""
        return self.last.value if self.state in ("done", "pruned") else None

    @property
    def params(self) -> dict[str, Any]:
        """The parameters, once they were chosen."""
        return dict(self.attribute(PARAMS, {}))

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return a user attribute of the attempt that counts."""
        return default if self.last is None else self.last.user_attrs.get(name, default)

    @property
    def deaths(self) -> int:
        """Number of attempts whose worker died."""
        return sum(
            each.state.name == "FAIL" and not {WHY, RELEASED} & set(each.user_attrs)
            for each in self.attempts
        )


def slots_of(trials: Iterable[Any], n_trials: int) -> list[Slot]:
    """Return the slots that Optuna's trials are attempts at, by number."""
    by_slot: dict[int, dict[Any, Any]] = {number: {} for number in range(n_trials)}
    for trial in sorted(trials, key=lambda each: each.number):
        slot = trial.user_attrs.get(SLOT)
        if isinstance(slot, int) and slot >= 0:
            # The first of those that follow the same attempt counts.
            by_slot.setdefault(slot, {}).setdefault(trial.user_attrs.get(AFTER), trial)
    slots = []
    for number in sorted(by_slot):
        attempts, before = [], None
        while before in by_slot[number]:
            attempts.append(by_slot[number][before])
            before = attempts[-1].number
        slots.append(Slot(number, tuple(attempts)))
    return slots


@cache
def machine() -> str:
    """Return what processes that see each other's locks have in common."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return host_name()


@dataclass(frozen=True)
class Owner:
    """The worker of an attempt.

    Parameters
    ----------
    name : str
        Host and process, for people.
    machine : str
        As :func:`machine` returns it.
    lock : str
        Folder that the worker holds locked while it lives.
    folder : str
        Folder of the study, where its runs are.
    """

    name: str
    machine: str
    lock: str
    folder: str

    @classmethod
    def here(cls, lock: Path, folder: Path) -> "Owner":
        """Return this process."""
        name = f"{host_name()}:{os.getpid()}"
        return cls(name, machine(), str(lock.absolute()), str(folder.absolute()))

    def facts(self) -> dict[str, str]:
        """Return the fields, for JSON."""
        return dict(vars(self))

    @classmethod
    def of(cls, facts: Any) -> "Owner | None":
        """Return what :meth:`facts` returned; None for anything else."""
        names = ("name", "machine", "lock", "folder")
        if not isinstance(facts, Mapping) or not all(isinstance(facts.get(n), str) for n in names):
            return None
        return cls(*(facts[name] for name in names))

    @property
    def is_dead(self) -> bool:
        """Whether the worker is known to have ended: it was on this machine, and holds no lock.

        A worker that was not killed removes its own folder, but not the one around it.
        """
        lock = Path(self.lock)
        is_ours = self.machine == machine() and lock.parent.is_dir()
        return is_ours and not is_locked(lock)


class Ledger:
    """The trials of a study, for one worker.

    Parameters
    ----------
    storage : RDBStorage
    name : str
        Of the study.
    patience : Patience
        Calls the storage again until it answers.
    """

    def __init__(self, storage: Any, name: str, patience: Patience) -> None:
        self.storage, self.name, self.patience = storage, name, patience
        self.study_id: int = patience(storage.get_study_id_from_name, name)

    def slots(self, n_trials: int) -> list[Slot]:
        """Return all slots as they stand."""
        return slots_of(self._trials(), n_trials)

    def _trials(self) -> list[Any]:
        return list(self.patience(self.storage.get_all_trials, self.study_id, deepcopy=False))

    def has_other_trials(self) -> bool:
        """Whether there are trials that this program did not make."""
        return any(SLOT not in trial.user_attrs for trial in self._trials())

    def attributes(self) -> dict[str, Any]:
        """Return the user attributes of the study."""
        return dict(self.patience(self.storage.get_study_user_attrs, self.study_id))

    def set_attribute(self, name: str, value: Any) -> None:
        """Set a user attribute of the study."""
        self.patience(self.storage.set_study_user_attr, self.study_id, name, value)

    def claim(self, n_trials: int, owner: Owner) -> Slot | None:
        """Take the first trial that nobody trains, for `owner`; None if there is none now.

        Trials of workers that died are taken up first.
        """
        slots = self.add_missing(n_trials, self._after_the_dead())
        for slot in slots:
            if slot.state == "waiting" and self._take(slot.last, owner):
                taken = self.slot(slot.number, n_trials)
                if taken.last is not None and taken.last.number == slot.last.number:
                    return taken
                self.finish(slot.last, "FAIL")  # void: another attempt counts
        return None

    def slot(self, number: int, n_trials: int) -> Slot:
        """Return one slot as it stands."""
        return self.slots(n_trials)[number]

    def _take(self, attempt: Any, owner: Owner) -> bool:
        """Take a waiting attempt; False if another worker was faster.

        The sign of life comes first: an attempt without one would never be found dead.
        """
        from optuna.trial import TrialState

        number = attempt._trial_id
        self.patience(self.storage.record_heartbeat, number)
        if not self._change(number, TrialState.RUNNING):
            return False
        return self.set_trial_attribute(attempt, OWNER, owner.facts())

    def _change(self, number: int, state: Any, values: Sequence[float] | None = None) -> bool:
        """Change the state of an attempt; False if another worker did."""
        from optuna.exceptions import UpdateFinishedTrialError

        try:
            change = self.storage.set_trial_state_values
            return bool(self.patience(change, number, state, values))
        except UpdateFinishedTrialError:
            return False

    def finish(self, attempt: Any, state: str, value: float | None = None) -> bool:
        """Finish an attempt as `COMPLETE`, `PRUNED` or `FAIL`; whether it now is, by this worker.

        An answer that was lost does not matter: the state is read again.
        """
        from optuna.trial import TrialState

        values = None if value is None else [value]
        if self._change(attempt._trial_id, TrialState[state], values):
            return True
        now = self.patience(self.storage.get_trial, attempt._trial_id)
        return bool(now.state is TrialState[state] and now.values == values)

    def is_ours(self, attempt: Any) -> bool:
        """Whether an attempt that this worker took is still its own; raises as the storage does."""
        return bool(self.storage.get_trial(attempt._trial_id).state.name == "RUNNING")

    def set_trial_attribute(self, attempt: Any, name: str, value: Any) -> bool:
        """Set a user attribute of an attempt; False if it is finished."""
        return self._updated(self.storage.set_trial_user_attr, attempt, name, value)

    def set_params(self, attempt: Any, params: Mapping[str, Any], distributions: Any) -> bool:
        """Keep the parameters of an attempt; False if it is finished.

        They are kept all at once first, as a worker may die between two.
        """
        if not self.set_trial_attribute(attempt, PARAMS, dict(params)):
            return False
        for name, value in params.items():
            kind = distributions[name]
            internal = kind.to_internal_repr(value)
            if not self._updated(self.storage.set_trial_param, attempt, name, internal, kind):
                return False
        return True

    def _updated(self, update: Callable[..., None], attempt: Any, *arguments: Any) -> bool:
        from optuna.exceptions import UpdateFinishedTrialError

        try:
            self.patience(update, attempt._trial_id, *arguments)
        except UpdateFinishedTrialError:
            return False
        return True

    def _after_the_dead(self) -> list[Any]:
        """Fail the attempts whose worker died, and return all attempts then.

        A worker of this machine is known to be dead at once, others after a time without a sign.
        """
        from optuna.trial import TrialState

        self.patience(_fail_stale, self.storage, self.name)
        trials, changed = self._trials(), False
        for trial in trials:
            if trial.state is TrialState.RUNNING:
                owner = Owner.of(trial.user_attrs.get(OWNER))
                if owner is not None and owner.is_dead:
                    changed = self._change(trial._trial_id, TrialState.FAIL) or changed
        return self._trials() if changed else trials

    def release(self, attempt: Any) -> None:
        """Give up an attempt that this worker was asked to leave, so that another takes it up."""
        if self.set_trial_attribute(attempt, RELEASED, True) and self.finish(attempt, "FAIL"):
            self._follow(attempt)

    def _follow(self, attempt: Any) -> None:
        """Add an attempt after one that ended without a result."""
        now = self.patience(self.storage.get_trial, attempt._trial_id)
        self.patience(self.storage.create_new_trial, self.study_id, _attempt_after(now))

    def add_missing(self, n_trials: int, trials: list[Any] | None = None) -> list[Slot]:
        """Add an attempt at each slot that has none, or whose last one was lost.

        Attempts that were added twice end here.
        """
        trials = self._trials() if trials is None else trials
        slots = slots_of(trials, n_trials)
        counting = {each.number for slot in slots for each in slot.attempts}
        added = False
        for trial in trials:
            if trial.state.name == "WAITING" and trial.number not in counting:
                self.finish(trial, "FAIL")
        for slot in slots:
            if slot.state == "new":
                first = _attempt({SLOT: slot.number})
                self.patience(self.storage.create_new_trial, self.study_id, first)
            elif slot.state == "lost":
                self._follow(slot.last)
            else:
                continue
            added = True
        return self.slots(n_trials) if added else slots

    def add_finished(self, trial: Any) -> None:
        """Add an attempt that was finished elsewhere."""
        self.patience(self.storage.create_new_trial, self.study_id, trial)


def retry(study: Any, trial: Any) -> None:
    """Add an attempt after one that was found dead; Optuna calls this."""
    study.add_trial(_attempt_after(trial))


def _attempt(attributes: Mapping[str, Any], **more: Any) -> Any:
    from optuna.trial import TrialState, create_trial

    return create_trial(state=TrialState.WAITING, user_attrs=dict(attributes), **more)


def _attempt_after(trial: Any) -> Any:
    """Return a waiting attempt with the parameters of `trial`, and what its rungs decided."""
    history = [*trial.system_attrs.get("retry_history", []), trial.number]
    first = trial.system_attrs.get("failed_trial", trial.number)
    carried = {n: v for n, v in trial.user_attrs.items() if n in (SLOT, PARAMS, RUNGS)}
    owners = [trial.user_attrs.get(OWNER), *trial.user_attrs.get(OWNERS, [])]
    whole = trial.params == trial.user_attrs.get(PARAMS)
    return _attempt(
        {**carried, AFTER: trial.number, OWNERS: [each for each in owners if each][:MAX_OWNERS]},
        params=trial.params if whole else {},
        distributions=trial.distributions if whole else {},
        intermediate_values=trial.intermediate_values,
        # The names that Optuna's own retry uses.
        system_attrs={**trial.system_attrs, "failed_trial": first, "retry_history": history},
    )


def _fail_stale(storage: Any, name: str) -> None:
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is experimental
        optuna.storages.fail_stale_trials(optuna.load_study(study_name=name, storage=storage))
