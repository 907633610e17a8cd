"""Trains one run of a trial: resumed from a checkpoint where there is one, else from the start."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hiddenstate.config import Config
from hiddenstate.data import PreparedDataset
from hiddenstate.errors import (
    DataError,
    HiddenstateError,
    MachineError,
    OptionError,
    RunExistsError,
    UntrustedFileError,
    count,
)
from hiddenstate.jobs import make_job
from hiddenstate.jobs.memory import check_memory
from hiddenstate.runs import Run
from hiddenstate.runs.writer import copy_run
from hiddenstate.scale.tune.ledger import Owner, machine
from hiddenstate.scale.tune.rungs import RungRequests, was_pruned
from hiddenstate.system.lock import is_locked
from hiddenstate.training.initial_state import CHANGEABLE, starting_state
from hiddenstate.training.resume import resume_run
from hiddenstate.training.start import Session, start_in
from hiddenstate.training.trainer import Callback

MAX_TRIES = 1000
"""Folders that one run of a trial may have."""


@dataclass(frozen=True)
class Outcome:
    """What a run of a trial reached.

    Parameters
    ----------
    run : str
        Name of the run folder.
    value : float
        Lowest validation loss, that of the weights that are kept.
    best_epoch, epochs : int
        Number of epochs after which that was, and of all that were trained.
    steps : int
        Number of updates.
    pruned : bool
        Whether the study ended the run early.
    """

    run: str
    value: float
    best_epoch: int
    epochs: int
    steps: int
    pruned: bool


def run_name(slot: int, number: int, n_runs: int, attempt: int = 1) -> str:
    """Return the name of a run folder: `trial-0007`, `trial-0007-seed1-try2`."""
    seed = f"-seed{number}" if n_runs > 1 else ""
    return f"trial-{slot:04d}{seed}" + (f"-try{attempt}" if attempt > 1 else "")


def runs_of(folder: Path, slot: int, number: int, n_runs: int) -> Iterator[Run]:
    """Yield the runs in `folder` of run `number` of a trial, the newest first."""
    base = run_name(slot, number, n_runs)
    names = os.listdir(folder) if folder.is_dir() else []
    tries = []
    for name in [name for name in names if name.startswith(base)]:
        rest = name.removeprefix(f"{base}-try")
        if name == base:
            tries.append(1)
        elif rest != name and rest.isdecimal():
            tries.append(int(rest))
    for attempt in sorted(tries, reverse=True):
        try:
            yield Run(folder / run_name(slot, number, n_runs, attempt))
        except HiddenstateError:  # it is not a run, or damaged: another folder is used
            continue


def is_same(run: Run, config: Config, fingerprint: str) -> bool:
    """Whether a run has these settings, but for what does not change its results, and this data."""
    own, theirs = config.flat(), run.config.flat()
    left_out = CHANGEABLE - {"epochs", "max_steps"}
    is_ours = run.config.job == config.job and run.data_fact("fingerprint") == fingerprint
    return is_ours and all(
        theirs.get(name) == value for name, value in own.items() if name not in left_out
    )


def outcome_of(run: Run) -> Outcome | None:
    """Return what a run reached that is done; None for another."""
    results = run.results()
    if results is None or "valid_loss" not in results:
        return None
    validated = [event for event in run.history() if event["event"] == "valid"]
    if not validated:
        return None
    steps = [int(event["step"]) + 1 for event in validated]
    best_step = int(results["best_step"])
    return Outcome(
        run=run.name,
        value=float(results["valid_loss"]),
        best_epoch=1 + sum(step < best_step for step in steps),
        epochs=len(steps),
        steps=int(run.history()[-1]["step"]),
        pruned=was_pruned(run),
    )


@dataclass(frozen=True)
class Task:
    """One run of a trial, to be trained.

    Parameters
    ----------
    folder : Path
        Of the study.
    slot, number, n_runs : int
        Number of the trial, of the run in it, and of its runs.
    config : Config
    dataset : PreparedDataset
    owners : sequence of Owner
        Earlier workers of the trial, the last first.
    others : sequence of Path
        Folders of the study that they had, where this process can read them.
    """

    folder: Path
    slot: int
    number: int
    n_runs: int
    config: Config
    dataset: PreparedDataset
    owners: Sequence[Owner] = ()
    others: Sequence[Path] = ()

    def candidates(self) -> Iterator[Run]:
        """Yield the runs of earlier workers, those in the own folder first."""
        first = self.folder / run_name(self.slot, self.number, self.n_runs)
        if not self.owners and not os.path.lexists(first):  # of many trials, names take long
            return
        for folder in dict.fromkeys((self.folder, *self.others)):
            for run in runs_of(folder, self.slot, self.number, self.n_runs):
                if is_same(run, self.config, self.dataset.fingerprint()):
                    yield run

    def is_free(self, run: Run) -> bool:
        """Whether nobody else can be writing a run: locks only tell on the same machine."""
        if run.path.parent != self.folder or is_locked(run.path):
            return False
        own = [owner for owner in self.owners if owner.folder == str(self.folder.absolute())]
        return all(owner.machine == machine() for owner in own)

    def new_path(self) -> Path:
        """Return the first free path of a run folder."""
        for attempt in range(1, MAX_TRIES):
            path = self.folder / run_name(self.slot, self.number, self.n_runs, attempt)
            if not os.path.lexists(path):
                return path
        raise MachineError(f"{self.folder}: trial {self.slot} has {MAX_TRIES:,} folders")


def done_before(task: Task) -> Outcome | None:
    """Return what an earlier worker's run reached, if it is done."""
    for run in task.candidates():
        outcome = outcome_of(run)
        if outcome is not None:
            return outcome
    return None


def open_session(task: Task, tell: Callable[[str], None]) -> Session:
    """Open the run of a task: resumed where an earlier worker left a checkpoint, else started.

    Raises
    ------
    HiddenstateError
        As `resume_run` and `start_in` do.
    """
    runs = [run for run in task.candidates() if run.results() is None]
    runs.sort(key=_progress, reverse=True)
    for run in runs:
        try:
            return _resumed(task, run, tell)
        except (UntrustedFileError, DataError, OptionError) as error:
            tell(f"{run.path.name} cannot be resumed ({error})")
        except MachineError as error:
            if not is_locked(run.path):
                raise
            tell(f"{run.path.name} cannot be resumed ({error})")
    if runs:
        tell("started anew: no checkpoint of it can be used")
    elif task.owners:
        folders = {str(path.absolute()) for path in (task.folder, *task.others)}
        is_there = task.owners[0].folder in folders
        why = "worker had not begun it" if is_there else "run folder cannot be reached"
        tell(f"started anew: its {why}")
    job = make_job(task.config, task.dataset)
    _check_memory(job)
    state = starting_state(job)
    while True:
        try:
            return start_in(task.new_path(), job, state)
        except RunExistsError:  # another worker was faster
            continue


def _check_memory(job: object) -> None:
    """Refuse a net that is too large for the machine, as other parameters may not be."""
    try:
        check_memory(job)  # type: ignore[arg-type]  # a job
    except MachineError as error:
        raise OptionError(str(error)) from None


def _resumed(task: Task, run: Run, tell: Callable[[str], None]) -> Session:
    """Resume a run in its folder if nobody else can be writing there, else resume a copy."""
    if not task.is_free(run):
        path = task.new_path()
        copy_run(run, path)
        how = f"from a copy of {run.path.name}"
        if run.path.parent != task.folder:
            how = f"from a copy of {run.path}"
        run = Run(path)
    else:
        how = f"in {run.path.name}"
    session = resume_run(run, {}, dataset=task.dataset)
    if session.step:
        tell(f"resumed from its checkpoint after {count(session.step, 'update')}, {how}")
    else:
        tell(f"started anew, {how}: it has no checkpoint yet")
    return session


def _progress(run: Run) -> int:
    paths = run.checkpoint_paths()
    return int(paths[0].stem) if paths else -1


def train(
    session: Session,
    callbacks: Sequence[Callback],
    requests: RungRequests,
    should_stop: Callable[[], bool],
) -> Outcome | None:
    """Train a run to its end; None if it was interrupted, and saved.

    Raises
    ------
    OptionError
        If it ended before there was a loss on validation rows.
    """
    with session:
        figures = replace(session, inbox=requests, brief=True).train(callbacks, should_stop)
    if figures is None:
        return None
    outcome = outcome_of(Run(session.writer.path))
    if outcome is None:
        raise OptionError(
            "the training ended within its first epoch, so it has no validation loss; raise "
            "--max-steps"
        )
    return outcome
