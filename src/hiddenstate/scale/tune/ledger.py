"""The trials of a study in its database: who trains which, each finished exactly once.

A study of N trials has N *slots*, which are Optuna's trials of the same numbers, made when they
are first taken. A trial belongs to the worker that its row has as the owner: whoever takes it,
writes to it, finishes it or gives it up does so in one transaction, which changes nothing if the
owner is another one by now. If a worker dies, another takes its trial over, with its parameters and
what its rungs decided.

Studies of version 0.5 have several Optuna trials, *attempts*, at a slot: if a worker died, its
attempt failed, and another followed it. Only the last attempt of a slot counts.
"""

import os
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

from hiddenstate.scale.tune.rows import (
    attribute_of,
    attributes,
    locked,
    number_of_trials,
    parameters,
    read_trials,
    state_of,
    transaction,
    write,
)
from hiddenstate.scale.tune.storage import Patience
from hiddenstate.system.lock import is_locked
from hiddenstate.system.sockets import host_name

MAX_DEATHS = 10
"""Workers that may die at one trial before it counts as failed."""

MAX_OWNERS = 8
"""Earlier workers of a trial that are remembered, the last one first."""

SLOT, AFTER, DEATHS, PARAMS, OWNER, OWNERS, WHY, RUNS, RUNGS, RELEASED, SECONDS = (
    "slot",
    "after",
    "deaths",
    "params",
    "owner",
    "owners",
    "why",
    "runs",
    "rungs",
    "released",
    "seconds",
)
"""User attributes of an Optuna trial: the slot, the number of the attempt before, how many of its
workers died, the parameters all at once, who trains it and who did before, why it failed, its run
folders, what was decided at each rung, whether its worker gave it up, and the seconds that it took.
`AFTER` and `RELEASED` are of attempts of version 0.5."""


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

    @cached_property
    def state(self) -> str:
        """`waiting`, `running`, `done`, `pruned`, `failed` or `lost`."""
        if self.last is None:
            return "waiting"
        name = self.last.state.name.lower()
        if name == "fail":
            return "failed" if WHY in self.last.user_attrs else "lost"
        return {"complete": "done"}.get(name, str(name))

    @cached_property
    def finished(self) -> bool:
        """Whether it is done, pruned or failed."""
        return self.state in ("done", "pruned", "failed")

    @cached_property
    def value(self) -> float | None:
        """The validation loss of a trial that is done or pruned."""
        return self.last.value if self.state in ("done", "pruned") else None

    @cached_property
    def whole(self) -> Any:
        """The only attempt at a finished trial, if it has its number and parameters; else None."""
        last = self.last
        return last if self.finished and last.number == self.number and last.params else None

    @property
    def params(self) -> dict[str, Any]:
        """The parameters, once they were chosen."""
        return dict(self.attribute(PARAMS, {}))

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return a user attribute of the attempt that counts."""
        return default if self.last is None else self.last.user_attrs.get(name, default)

    @property
    def deaths(self) -> int:
        """Number of workers that died at it."""
        lost = (each for each in self.attempts if each.state.name == "FAIL")
        died = sum(not {WHY, RELEASED} & set(each.user_attrs) for each in lost)
        return int(self.attribute(DEATHS, 0) + died)


def slots_of(trials: Iterable[Any], n_trials: int) -> list[Slot]:
    """Return the slots that Optuna's trials are attempts at, by number."""
    first: dict[tuple[int, Any], Any] = {}
    for trial in sorted(trials, key=lambda each: each.number):
        facts = trial.user_attrs
        if isinstance(facts.get(SLOT), int):  # the first of those that follow the same one counts
            first.setdefault((facts[SLOT], facts.get(AFTER)), trial)
    slots = []
    for number in sorted({*range(n_trials), *(slot for slot, _ in first if slot >= 0)}):
        attempts, before = [], None
        while (number, before) in first:
            attempts.append(first[number, before])
            before = attempts[-1].number
        slots.append(Slot(number, tuple(attempts)))
    return slots


def renewed(slots: Sequence[Slot], changed: Iterable[Any], n_trials: int) -> list[Slot] | None:
    """Return the slots with the trials that changed; None if all have to be made anew."""
    if len(slots) != n_trials:
        return None
    new = list(slots)
    for trial in changed:
        number = trial.user_attrs.get(SLOT)
        is_plain = isinstance(number, int) and 0 <= number < n_trials
        if not is_plain or AFTER in trial.user_attrs:
            return None
        attempts = new[number].attempts
        if len(attempts) > 1:
            return None
        if not attempts or trial.number <= attempts[0].number:  # the first one counts
            new[number] = Slot(number, (trial,))
    return new


class Reading(NamedTuple):
    """The trials of a study as they stood when they were read."""

    slots: list[Slot]
    n_rows: int
    """Number of Optuna's trials."""


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


Chooser = Callable[[Slot, Sequence[Slot]], "tuple[dict[str, Any], dict[str, Any]] | None"]


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
        self._forget()

    def _forget(self) -> None:
        """Read every trial anew; what is finished is otherwise read once."""
        self._slots: list[Slot] = []
        self._trials: dict[int, Any] = {}  # by number
        self._last, self._open = -1, set[int]()  # the last one that is finished, and those before

    def slots(self, n_trials: int) -> list[Slot]:
        """Return all slots as they stand."""
        return self.read(n_trials).slots

    def read(self, n_trials: int) -> Reading:
        """Return all slots as they stand; those that did not change are the same as before."""
        return self.patience(self.read_now, n_trials)

    def read_now(self, n_trials: int) -> Reading:
        """Do as :meth:`read`; raises as the storage does."""
        changed = self._changed()
        slots = renewed(self._slots, changed, n_trials)
        self._slots = slots_of(self._trials.values(), n_trials) if slots is None else slots
        return Reading(self._slots, len(self._trials))

    def _changed(self) -> list[Any]:
        """Read what may have changed, and return it."""
        changed = read_trials(self.storage, self.study_id, self._last, self._open)
        for trial in changed:
            self._trials[trial.number] = trial
        self._open |= {trial._trial_id for trial in changed}
        self._open -= {trial._trial_id for trial in changed if trial.state.is_finished()}
        finished = (each._trial_id for each in changed if each.state.is_finished())
        self._last = max([self._last, *finished])
        return changed

    def trials(self) -> list[Any]:
        """Return Optuna's trials, which are not to be changed; raises as the storage does."""
        self.read_now(0)
        return list(self._trials.values())

    def has_other_trials(self) -> bool:
        """Whether there are trials that this program did not make."""
        return any(SLOT not in trial.user_attrs for trial in self.patience(self.trials))

    def attributes(self) -> dict[str, Any]:
        """Return the user attributes of the study."""
        return dict(self.patience(self.storage.get_study_user_attrs, self.study_id))

    def set_attribute(self, name: str, value: Any) -> None:
        """Set a user attribute of the study."""
        self.patience(self.storage.set_study_user_attr, self.study_id, name, value)

    def claim(
        self,
        n_trials: int,
        owner: Owner,
        choose: Chooser = lambda slot, slots: None,
        read: Reading | None = None,
    ) -> Slot | None:
        """Take the first trial that nobody trains, for `owner`; None if there is none now.

        `choose` returns the parameters of a trial, with their distributions, or None if it has
        some; it gets the trial, and all as they stand. `read` is what was read a moment ago, if
        it was: a trial that another worker took since then is not taken.

        A worker of this machine is known to be dead at once, others after a time without a sign.
        """
        own = {**owner.facts(), "claim": secrets.token_hex(8)}  # of this claim and no other
        while True:
            (slots, n_rows), read = read or self.read(n_trials), None
            free = [slot for slot in slots if slot.state in ("waiting", "lost")]
            running = [slot for slot in slots if slot.state == "running"]
            stale = (
                self.patience(self.storage._get_stale_trial_ids, self.study_id) if running else ()
            )
            for slot in running:
                if slot.attribute(OWNER) == own:  # the answer was lost
                    return slot
                theirs = Owner.of(slot.attribute(OWNER))
                if slot.last._trial_id in stale or (theirs is not None and theirs.is_dead):
                    free.append(slot)
            free.sort(key=lambda slot: slot.number)
            for slot in free:
                chosen = choose(slot, slots)
                taken = self.patience(self._take, slot, own, chosen, n_rows)
                if taken is not None:
                    return taken
                if slot.last is None:  # another worker made it
                    break
                if slot.state == "lost":  # it was read as finished, and is not
                    self._forget()
            else:
                return None

    def _take(
        self,
        slot: Slot,
        owner: Mapping[str, str],
        chosen: tuple[dict[str, Any], dict[str, Any]] | None,
        n_rows: int,
    ) -> Slot | None:
        """Take a trial, with a first sign of life; None if another worker was faster."""
        from optuna.trial import create_trial

        params, kinds = chosen or ({}, {})
        facts: dict[str, Any] = {OWNER: owner, **({PARAMS: params} if chosen else {})}
        with transaction(self.storage) as (session, models):
            if slot.last is None:
                if number_of_trials(session, models, self.study_id) != n_rows:
                    return None
                row = models.TrialModel(number=n_rows, study_id=self.study_id)
                facts[SLOT] = slot.number
            else:
                row = locked(session, models.TrialModel, slot.last._trial_id)
                theirs = slot.attribute(OWNER)
                if (
                    row.state != slot.last.state
                    or attribute_of(session, models, row, OWNER) != theirs
                ):
                    return None
                facts |= _inherited(slot)
            row.state, row.datetime_start = state_of("RUNNING"), datetime.now()
            session.add(row)
            session.flush()
            is_new = slot.last is None
            write(session, models.TrialUserAttributeModel, row, attributes(facts), is_new)
            write(session, models.TrialParamModel, row, parameters(params, kinds), is_new)
            write(session, models.TrialHeartbeatModel, row, [{}], is_new)
            number, name = row.trial_id, row.number
        if slot.last is not None:
            return Slot(slot.number, (*slot.attempts[:-1], self.storage.get_trial(number)))
        first = create_trial(
            state=state_of("RUNNING"), user_attrs=facts, params=params, distributions=kinds
        )
        first.number, first._trial_id = name, number
        return Slot(slot.number, (first,))

    def update(self, attempt: Any, **changes: Any) -> bool:
        """Do as :meth:`update_now`, once the database answers."""
        return bool(self.patience(self.update_now, attempt, **changes))

    def update_now(
        self,
        attempt: Any,
        *,
        facts: Mapping[str, Any] | None = None,
        kept: Mapping[str, Any] | None = None,
        rungs: Mapping[int, float] | None = None,
        state: str = "RUNNING",
        value: float | None = None,
    ) -> bool:
        """Write to a trial that this worker took; False if it is another's by now.

        Parameters
        ----------
        attempt : FrozenTrial
            As :meth:`claim` returned it.
        facts, kept : mapping, optional
            User and system attributes.
        rungs : mapping, optional
            The validation losses at rungs.
        state : str
        value : float, optional
        """
        with transaction(self.storage) as (session, models):
            row = locked(session, models.TrialModel, attempt._trial_id)
            if attribute_of(session, models, row, OWNER) != attempt.user_attrs[OWNER]:
                return False
            if row.state is not state_of("RUNNING"):  # an answer may have been lost
                return bool(row.state is state_of(state))
            write(session, models.TrialUserAttributeModel, row, attributes(facts or {}))
            write(session, models.TrialSystemAttributeModel, row, attributes(kept or {}))
            for step, loss in (rungs or {}).items():
                stored, kind = models.TrialIntermediateValueModel.intermediate_value_to_stored_repr(
                    loss
                )
                own = {"intermediate_value": stored, "intermediate_value_type": kind}
                write(session, models.TrialIntermediateValueModel, row, [{"step": step, **own}])
            if value is not None:
                stored, kind = models.TrialValueModel.value_to_stored_repr(value)
                own = {"objective": 0, "value": stored, "value_type": kind}
                write(session, models.TrialValueModel, row, [own], is_new=True)
            row.state = state_of(state)
            if row.state.is_finished():
                row.datetime_complete = datetime.now()
        return True

    def finish(
        self,
        attempt: Any,
        state: str,
        value: float | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> bool:
        """Finish a trial as `COMPLETE`, `PRUNED` or `FAIL`; whether this worker did."""
        return self.update(attempt, state=state, value=value, facts=facts)

    def release(self, attempt: Any) -> bool:
        """Give up a trial that this worker was asked to leave, so that another takes it up."""
        return self.update(attempt, state="WAITING")

    def beat(self, attempt: Any) -> bool:
        """Give a sign of life of a trial; False if it is another worker's by now, or finished.

        Raises as the storage does. Optuna's own sign fails where another takes the trial meanwhile.
        """
        with transaction(self.storage) as (session, models):
            row = locked(session, models.TrialModel, attempt._trial_id)
            owner = attribute_of(session, models, row, OWNER)
            if row.state is not state_of("RUNNING") or owner != attempt.user_attrs[OWNER]:
                return False
            write(session, models.TrialHeartbeatModel, row, [{}])
        return True

    def add_trial(self, trial: Any) -> None:
        """Add a trial that was trained before."""
        self.patience(self.storage.create_new_trial, self.study_id, trial)


def _inherited(slot: Slot) -> dict[str, Any]:
    """Return what is noted of the earlier workers of a trial that another takes."""
    owners = [slot.attribute(OWNER), *slot.attribute(OWNERS, [])]
    facts: dict[str, Any] = {OWNERS: [each for each in owners if each][:MAX_OWNERS]}
    if slot.state == "running" or (slot.state == "lost" and not slot.attribute(RELEASED)):
        facts[DEATHS] = int(slot.attribute(DEATHS, 0)) + 1
    return facts
