"""Trains the best trial of a study again, on all training rows, as a run that is kept."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from hiddenstate.config import Config
from hiddenstate.errors import MachineError, OptionError, RunExistsError
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

WAIT = 0.3
"""Seconds between two looks at a run that another worker trains."""


def train_best(
    study: Study,
    slot: Slot,
    callbacks: Callable[[Session], Sequence[Callback]],
    should_stop: Callable[[], bool],
    threads: int = 0,
) -> Run | None:
    """Train the best trial again, unless that was done; None if interrupted, and saved.

    If another worker trains it, this one waits for it, and takes over if that one ends before.

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
        If it cannot be written.
    """
    settings = study.settings
    config = settings.best_config(slot.params, int(slot.attribute("best_epoch", 1)))
    for name in (BEST, *(f"{BEST}-{n}" for n in range(2, 1000))):
        path = study.folder / name
        while not should_stop():
            run = Run(path) if (path / "config.json").is_file() else None
            if run is not None and not is_same(run, config):  # that of fewer trials
                break
            if run is not None and run.results() is not None:
                return run
            session = _session(study, path, run, config, threads)
            if session is not None:
                with session:
                    figures = session.train(callbacks(session), should_stop)
                return None if figures is None else Run(path)
            if run is None and not _is_begun(path):  # a folder of something else
                break
            time.sleep(WAIT)
        if should_stop():
            return None
    raise MachineError(f"{study.folder}: has too many runs of its best; remove some")


def _session(
    study: Study, path: Path, run: Run | None, config: Config, threads: int
) -> Session | None:
    """Start or resume the run; None if another worker has it, or started or ended it just now."""
    if run is not None and is_locked(path):
        return None
    try:
        if run is not None:
            return resume_run(run, {}, dataset=study.data.prepared(config))
        own = replace(config, training=replace(config.training, threads=threads))
        job = make_job(own, study.data.prepared(own))
        return start_in(path, job, starting_state(job))
    except RunExistsError:
        return None
    except MachineError:
        if not is_locked(path):
            raise
        return None
    except OptionError:
        if Run(path).results() is None:
            raise
        return None


def _is_begun(path: Path) -> bool:
    """Whether a folder is, or becomes within a second, a run."""
    for _ in range(10):
        if (path / "config.json").is_file():
            return True
        time.sleep(0.1)
    return False


def is_home(study: Study) -> bool:
    """Whether this folder is the one in which the study was made."""
    from hiddenstate.scale.tune.study import HOME

    home = study.ledger.attributes().get(HOME)
    return home is None or home == str(Path(study.folder).absolute())
