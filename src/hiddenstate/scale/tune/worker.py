"""A worker: takes trials of a study one after another, trains them and reports the results."""

import contextlib
import os
import secrets
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any, Protocol

from hiddenstate.errors import (
    DataError,
    DivergedError,
    OptionError,
    RunMovedError,
    printable,
)
from hiddenstate.scale.tune.heartbeat import Heartbeat
from hiddenstate.scale.tune.ledger import (
    MAX_DEATHS,
    OWNERS,
    RUNS,
    SECONDS,
    WHY,
    Ledger,
    Owner,
    Reading,
    Slot,
)
from hiddenstate.scale.tune.rungs import RungRequests, Rungs
from hiddenstate.scale.tune.settings import FILE, Settings, StudyData, read_settings
from hiddenstate.scale.tune.suggest import choose
from hiddenstate.scale.tune.training import Outcome, Task, done_before, open_session, train
from hiddenstate.system.atomic_file import make_folder, remove_folder
from hiddenstate.system.lock import take_lock
from hiddenstate.training.trainer import Callback

WORKERS = "workers"
"""Folder, in that of a study, of the locks of its workers on this machine."""

IDLE = (0.3, 3.0)
"""Seconds between two looks for a free trial: at first, and after some without one."""


class Watcher(Protocol):
    """What is shown of a worker."""

    def say(self, line: str) -> None:
        """Show a note."""

    def callbacks(self, slot: int) -> Sequence[Callback]:
        """Return the callbacks of the runs of a trial that is about to be trained."""

    def finished(self, slots: Sequence[Slot], number: int) -> None:
        """Show that a trial is finished."""


@dataclass(frozen=True)
class Study:
    """An open study.

    Parameters
    ----------
    settings : Settings
    folder : Path
        Where its runs are on this machine.
    ledger : Ledger
    data : StudyData
    heartbeat : int
        Seconds between two signs of life.
    """

    settings: Settings
    folder: Path
    ledger: Ledger
    data: StudyData
    heartbeat: int

    def slots(self) -> list[Slot]:
        """Return all trials as they stand."""
        return self.ledger.slots(self.settings.n_trials)


@dataclass
class Worker:
    """Trains trials of a study until all are finished, or it is asked to stop.

    Parameters
    ----------
    study : Study
    watcher : Watcher
    interrupted : callable
        Returns True once it is asked to stop; called often.
    threads : int
        CPU threads of a run; 0 leaves the choice to the engine.
    """

    study: Study
    watcher: Watcher
    interrupted: Callable[[], bool] = lambda: False
    threads: int = 0
    _heartbeat: Heartbeat = field(init=False)
    _read: Reading | None = field(init=False, default=None)

    def run(self) -> bool:
        """Train until every trial is finished; False if asked to stop before."""
        settings, ledger = self.study.settings, self.study.ledger
        wait, waiting = IDLE[0], False
        with locked_place(self.study.folder) as place:
            owner = Owner.here(place, self.study.folder)
            while not self.interrupted():
                read, self._read = self._read, None
                slot = ledger.claim(settings.n_trials, owner, self._chosen, read)
                if slot is not None:
                    self._train(slot, owner)
                    wait, waiting = IDLE[0], False
                    continue
                slots = self.study.slots()
                if all(each.finished for each in slots):
                    return True
                if not waiting:
                    self._say_waiting(slots)
                    waiting = True
                self._sleep(wait)
                wait = min(1.5 * wait, IDLE[1])
        return False

    def _say_waiting(self, slots: Sequence[Slot]) -> None:
        others = [Owner.of(s.attribute("owner")) for s in slots if s.state == "running"]
        names = sorted({owner.name for owner in others if owner})
        self.watcher.say(f"waiting for trials of {', '.join(names) or 'another worker'}")

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.interrupted():
            time.sleep(0.05)

    def _train(self, slot: Slot, owner: Owner) -> None:
        """Train a trial that was taken, and report it."""
        attempt = slot.last
        with Heartbeat(self.study.ledger, attempt, self.study.heartbeat) as heartbeat:
            self._heartbeat = heartbeat
            try:
                if slot.deaths >= MAX_DEATHS:
                    raise OptionError(f"the workers of {slot.deaths} attempts died at it")
                began = time.monotonic()
                outcomes = self._train_runs(slot)
                if outcomes is not None:
                    self._report(slot, outcomes, time.monotonic() - began)
                elif not heartbeat.lost:
                    self._release(attempt)
            except RunMovedError:
                if not heartbeat.lost:
                    self._release(attempt)
                    raise
            except (DivergedError, OptionError, DataError, MemoryError) as error:
                self._report_failure(slot, error)
            except BaseException:
                with contextlib.suppress(Exception):
                    self._release(attempt)
                raise
        if self._heartbeat.lost:
            self.watcher.say(
                f"trial {slot.number}: was given to another worker, as this one gave no sign of "
                "life; left to it"
            )

    def _release(self, attempt: Any) -> None:
        """Leave a trial to another worker."""
        self._heartbeat.finishing = True
        self.study.ledger.release(attempt)

    def _train_runs(self, slot: Slot) -> list[Outcome] | None:
        """Train the runs of a trial; None if stopped before the end."""
        settings = self.study.settings
        outcomes: list[Outcome] = []
        for number in range(settings.seeds):
            outcome = self._train_run(slot, number)
            if outcome is None:
                return None
            outcomes.append(outcome)
            if outcome.pruned:  # by the rungs of the first seed
                break
        return outcomes

    def _chosen(self, slot: Slot, slots: Sequence[Slot]) -> Any:
        """Return the parameters of a trial, unless it has some, and their distributions."""
        own, space = self.study.settings, self.study.settings.space
        if set(slot.params) == set(space.names):
            return None
        params = choose(space, slots, slot.number, own.sampler, own.pruner, own.seed)
        return params, space.distributions()

    def _train_run(self, slot: Slot, number: int) -> Outcome | None:
        settings, study = self.study.settings, self.study
        config = settings.trial_config(slot.params, number, self.threads)
        owners = [Owner.of(facts) for facts in slot.attribute(OWNERS, [])]
        earlier = [owner for owner in owners if owner is not None]
        task = Task(
            folder=study.folder,
            slot=slot.number,
            number=number,
            n_runs=settings.seeds,
            config=config,
            dataset=study.data.prepared(config),
            owners=earlier,
            others=[path for path in _folders(earlier, study) if path != study.folder],
        )
        label = f"trial {slot.number}" + (f", seed {number}" if settings.seeds > 1 else "")
        outcome = done_before(task)
        if outcome is not None:
            self.watcher.say(f"{label}: {outcome.run} was done already")
            return outcome
        session = open_session(task, lambda line: self.watcher.say(f"{label}: {line}"))
        requests = RungRequests(session.inbox)
        callbacks = list(self.watcher.callbacks(slot.number))
        if number == 0 and settings.pruner != "none":
            ledger = study.ledger
            callbacks.append(Rungs(ledger, settings, slot.last, slot.number, requests))
        return train(session, callbacks, requests, self._must_stop)

    def _must_stop(self) -> bool:
        return self._heartbeat.lost or self.interrupted()

    def _report(self, slot: Slot, outcomes: Sequence[Outcome], seconds: float) -> None:
        value = statistics.fmean(outcome.value for outcome in outcomes)
        best_epoch = round(statistics.fmean(outcome.best_epoch for outcome in outcomes))
        facts = {
            RUNS: [outcome.run for outcome in outcomes],
            SECONDS: round(seconds, 3),
            "best_epoch": max(1, best_epoch),
            "epochs": outcomes[0].epochs,
            "values": [outcome.value for outcome in outcomes],
        }
        self._finish(slot, "PRUNED" if outcomes[-1].pruned else "COMPLETE", value, facts)

    def _report_failure(self, slot: Slot, error: BaseException) -> None:
        facts = {WHY: printable(error or type(error).__name__, 300)}
        self._finish(slot, "FAIL", None, facts)

    def _finish(
        self, slot: Slot, state: str, value: float | None, facts: Mapping[str, Any]
    ) -> None:
        """Finish a trial, unless it is another worker's by now."""
        self._heartbeat.finishing = True
        if self.study.ledger.finish(slot.last, state, value, facts):
            self._read = self.study.ledger.read(self.study.settings.n_trials)
            self.watcher.finished(self._read.slots, slot.number)
        else:
            self._heartbeat.lost = True


def _folders(owners: Sequence[Owner], study: Study) -> Iterator[Path]:
    """Yield the study's folders that earlier workers had, where they can be reached."""
    for owner in owners:
        path = Path(owner.folder)
        if (path / FILE).is_file():
            with contextlib.suppress(Exception):
                if read_settings(path).id == study.settings.id:
                    yield path


@contextmanager
def locked_place(folder: Path) -> Iterator[Path]:
    """Make a folder whose lock this process holds while it lives, and remove it at the end."""
    place = folder / WORKERS / f"{os.getpid()}-{secrets.token_hex(4)}"
    make_folder(place)
    lock: FileIO = take_lock(place)
    try:
        yield place
    finally:
        remove_folder(place, "lock")
        lock.close()
