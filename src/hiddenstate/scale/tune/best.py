"""Trains the best trial of a study again, on all training rows, as a run that is kept."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from hiddenstate.config import Config
from hiddenstate.errors import MachineError, OptionError, RunExistsError
from hiddenstate.jobs import make_job
from hiddenstate.runs import Run
from hiddenstate.scale.tune.ledger import Slot
from hiddenstate.scale.tune.training import is_same
from hiddenstate.scale.tune.worker import Study
from hiddenstate.system.lock import is_locked
from hiddenstate.training.initial_state import starting_state
from hiddenstate.training.resume import resume_run
from hiddenstate.training.start import Session, start_in
from hiddenstate.training.trainer import Callback

BEST = "best"
"""Name of the folder of the run, in that of the study."""

MAX_BEST = 1000

LOOKS = 0.3
"""Seconds between two looks whether another worker has trained it."""


def train_best(
    study: Study,
    slot: Slot,
    callbacks: Callable[[Session], Sequence[Callback]],
    should_stop: Callable[[], bool],
) -> Run | None:
    """Train the best trial again, unless that was done; None if interrupted, and saved.

    If another worker is training it, wait for that, and take it up if the worker is killed.

    The run trains on all training rows, the validation rows among them unless an option set how
    many there are; it then makes as many epochs as the weights had that the trial kept.

    Parameters
    ----------
    study : Study
    slot : Slot
    callbacks : callable
        Returns what shows the training of a session.
    should_stop : callable

    Raises
    ------
    MachineError
        If it cannot be trained here.
    """
    config = _config(study, slot)
    prepared = study.data.prepared(config)
    while not should_stop():
        path, run = _place(study, config, prepared.fingerprint())
        if run is not None and run.results() is not None:
            return run
        if run is not None and is_locked(path):  # another worker trains it, and may be killed
            time.sleep(LOOKS)
            continue
        try:
            if run is not None:
                session = resume_run(run, {}, dataset=prepared)
            else:
                job = make_job(config, prepared)
                session = start_in(path, job, starting_state(job))
        except MachineError as error:
            if not isinstance(error, RunExistsError) and not is_locked(path):
                raise
            time.sleep(LOOKS)  # another worker was faster
            continue
        except OptionError:
            if Run(path).results() is None:
                raise
            continue  # another worker ended it just now
        with session:
            figures = session.train(callbacks(session), should_stop)
        return None if figures is None else Run(path)
    return None


def trained_best(study: Study, slot: Slot) -> Run | None:
    """Return the run of the best trial if it is done, else None."""
    config = _config(study, slot)
    run = _place(study, config, study.data.prepared(config).fingerprint())[1]
    return run if run is not None and run.results() is not None else None


def _config(study: Study, slot: Slot) -> Config:
    return study.settings.best_config(slot.params, int(slot.attribute("best_epoch", 1)))


def _place(study: Study, config: Config, fingerprint: str) -> tuple[Path, Run | None]:
    """Return the folder of the run of the best, and the run if it is there.

    The best of fewer trials, or of others, keeps its folder.
    """
    for name in (BEST, *(f"{BEST}-{number}" for number in range(2, MAX_BEST))):
        path = study.folder / name
        if not os.path.lexists(path):
            return path, None
        if (path / "config.json").is_file():
            run = Run(path)
            if is_same(run, config, fingerprint):
                return path, run
    raise MachineError(f"{study.folder}: has {MAX_BEST:,} runs of its best; remove some")


def home_of(study: Study) -> Path | None:
    """Return the folder in which the study was made; None if that is this one."""
    from hiddenstate.scale.tune.study import HOME

    home = study.ledger.attributes().get(HOME)
    return None if home in (None, str(study.folder.absolute())) else Path(str(home))
