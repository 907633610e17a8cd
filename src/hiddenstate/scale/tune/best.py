"""Trains the best trial of a study again, on all training rows, as a run that is kept."""

from collections.abc import Callable, Sequence
from pathlib import Path

from hiddenstate.errors import MachineError, RunExistsError
from hiddenstate.jobs import make_job
from hiddenstate.runs import Run
from hiddenstate.scale.tune.ledger import Slot
from hiddenstate.scale.tune.training import is_same
from hiddenstate.scale.tune.worker import Study
from hiddenstate.system.lock import is_locked
from hiddenstate.training.callback import Callback
from hiddenstate.training.initial_state import starting_state
from hiddenstate.training.resume import resume_run
from hiddenstate.training.start import Session, start_in

BEST = "best"
"""Name of the folder of the run, in that of the study."""


def train_best(
    study: Study,
    slot: Slot,
    callbacks: Callable[[Session], Sequence[Callback]],
    should_stop: Callable[[], bool],
    threads: int = 0,
) -> Run | None:
    """Train the best trial again, unless that was done; None if interrupted, and saved.

    The run trains on all training rows, the validation rows among them unless an option set how
    many there are; it then makes as many epochs as the weights had that the trial kept.

    Parameters
    ----------
    study : Study
    slot : Slot
    callbacks : callable
        Returns what shows the training of a session.
    should_stop : callable
    threads : int

    Raises
    ------
    MachineError
        If another process is training it.
    """
    settings = study.settings
    config = settings.best_config(slot.params, int(slot.attribute("best_epoch", 1)))
    for name in (BEST, *(f"{BEST}-{n}" for n in range(2, 1000))):
        path = study.folder / name
        if (path / "config.json").is_file():
            run = Run(path)
            if not is_same(run, config):  # that of fewer trials
                continue
            if run.results() is not None:
                return run
            if is_locked(path):
                raise MachineError(f"{path}: is being trained by another process; wait for it")
            session = resume_run(run, {}, dataset=study.data.prepared(config))
        else:
            from dataclasses import replace

            own = replace(config, training=replace(config.training, threads=threads))
            job = make_job(own, study.data.prepared(own))
            try:
                session = start_in(path, job, starting_state(job))
            except RunExistsError:
                continue
        with session:
            figures = session.train(callbacks(session), should_stop)
        return None if figures is None else Run(path)
    raise MachineError(f"{study.folder}: has too many runs of its best; remove some")


def is_home(study: Study) -> bool:
    """Whether this folder is the one in which the study was made."""
    from hiddenstate.scale.tune.study import HOME

    home = study.ledger.attributes().get(HOME)
    return home is None or home == str(Path(study.folder).absolute())
