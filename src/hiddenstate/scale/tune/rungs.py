"""Reports the validation loss of a trial at its rungs, and ends the run of a trial that is pruned.

A decision is kept in the database before it takes effect, so that a worker that takes the trial up
again makes the same one. Without an answer from the database, the trial goes on.
"""

import contextlib
from collections.abc import Sequence
from typing import Any

from hiddenstate.runs import Run
from hiddenstate.runs.events import ValidationEvent
from hiddenstate.runs.requests import Request, Requests
from hiddenstate.scale.tune.ledger import RUNGS, Ledger
from hiddenstate.scale.tune.settings import Settings
from hiddenstate.scale.tune.suggest import is_pruned, rungs_of
from hiddenstate.training.progress import pending_events
from hiddenstate.training.trainer import Callback, Trainer

PRUNED = "pruned"
"""How the name of the request begins that ends a pruned run, as its journal holds it."""


class RungRequests(Requests):
    """The requests to a run, and one of its study to end it.

    Parameters
    ----------
    inbox : Requests
        Where other requests arrive.
    """

    def __init__(self, inbox: Requests) -> None:
        self._inbox = inbox
        self._own: list[Request] = []

    def __bool__(self) -> bool:
        return bool(self._own) or bool(self._inbox)

    def take(self) -> Sequence[Request]:
        """Return the requests that came since the last call."""
        own, self._own = self._own, []
        return [*self._inbox.take(), *own]

    def stop(self, name: str) -> None:
        """Request that the run ends with its best weights."""
        self._own.append(Request("stop", name=name))


class Rungs(Callback):
    """Reports at rungs, and prunes.

    Parameters
    ----------
    ledger : Ledger
    settings : Settings
    attempt : FrozenTrial
        The trial, with its parameters.
    slot : int
        Its number in the study.
    requests : RungRequests
    """

    def __init__(
        self,
        ledger: Ledger,
        settings: Settings,
        attempt: Any,
        slot: int,
        requests: RungRequests,
    ) -> None:
        self._ledger, self._settings = ledger, settings
        self._attempt, self._slot, self._requests = attempt, slot, requests
        recorded = attempt.user_attrs.get(RUNGS, {})
        self._decided = {int(rung): (float(v), bool(p)) for rung, (v, p) in recorded.items()}

    def on_start(self, trainer: Trainer) -> None:
        """Of a resumed run, repeat the decision at the rung where it stopped."""
        per_epoch = trainer.job.batches.steps_per_epoch
        epoch, rest = divmod(trainer.step, per_epoch)
        pending = pending_events(trainer.job, trainer.step, trainer.progress)
        if trainer.step and not rest and "valid" not in pending:
            self._at(trainer, epoch)

    def on_valid(self, trainer: Trainer, event: ValidationEvent) -> None:
        """Decide at a rung."""
        self._at(trainer, event["epoch"] + 1)

    def _at(self, trainer: Trainer, epoch: int) -> None:
        rung = rungs_of(trainer.training.epochs).get(epoch)
        if rung is None or trainer.step >= trainer.total_steps:
            return
        if rung not in self._decided:
            self._decide(rung, trainer.progress.best_loss)
        if self._decided.get(rung, (0.0, False))[1]:
            self._requests.stop(f"{PRUNED} after epoch {epoch}")

    def _decide(self, rung: int, value: float) -> None:
        """Decide at a rung as Optuna's pruner does, and keep the decision in the database."""
        with contextlib.suppress(KeyError):  # the study was deleted
            self._ledger.patience.attempt(self._decide_now, rung, value)

    def _decide_now(self, rung: int, value: float) -> None:
        settings = self._settings
        slots = self._ledger.read_now(settings.n_trials).slots
        values = {each: known[0] for each, known in self._decided.items()} | {rung: value}
        pruned, kept = is_pruned(
            settings.space, slots, self._slot, settings.pruner, settings.seed, values
        )
        decided = {**self._decided, rung: (value, pruned)}
        facts = {RUNGS: {str(r): list(d) for r, d in decided.items()}}
        if self._ledger.update_now(self._attempt, facts=facts, kept=kept, rungs={rung: value}):
            self._decided = decided


def was_pruned(run: Run) -> bool:
    """Whether a run that is done was ended by its study."""
    ends = [entry for entry in run.journal() if entry.get("do") == "stop"]
    return bool(ends) and str(ends[-1].get("name", "")).startswith(PRUNED)


def values_at_rungs(run: Run) -> dict[int, float]:
    """Return the best validation loss that a run had reached at each of its rungs."""
    rungs, best, values = rungs_of(run.config.training.epochs), float("inf"), {}
    for event in run.history():
        if event["event"] == "valid":
            best = min(best, event["valid_loss"])
            rung = rungs.get(event["epoch"] + 1)
            if rung is not None:
                values[rung] = best
    return values
