"""What a taught network is compared with on test rows: its teacher, and itself without it."""

from collections.abc import Mapping
from dataclasses import replace

from hiddenstate.data import Rows
from hiddenstate.engines import Engine
from hiddenstate.jobs.again import trained_again
from hiddenstate.jobs.base import Job
from hiddenstate.program.words import BESIDE
from hiddenstate.system.typing import Array


def right_of_others(
    job: Job, engine: Engine, test: Rows, alone: Mapping[str, Array]
) -> dict[str, Array]:
    """Return which test rows others than a net that streams label right (N,), by result.

    They are its teacher, and the same network after as many updates on the same rows, augmented
    alike, with their labels alone; nothing of it if it started from other weights. It is trained
    here, once the run is over, so that it costs nothing while the run is watched.

    Parameters
    ----------
    job : Job
        A classification.
    engine : Engine
        At the end of training.
    test : Rows
    alone : mapping of ndarray
        Which rows companions label right alone, by result.

    Raises
    ------
    StopRequestedError
        If a stop is requested.
    """
    training, right, y = job.config.training, dict[str, Array](), test.require_targets()
    if not training.streamable or job.taught is None:
        return right
    own = next(
        (words.result for words in BESIDE[job.config.job] if words.name == training.teach), ""
    )
    if own in alone:
        right["teacher_accuracy"] = alone[own]
    elif job.taught.chosen is not None:
        right["teacher_accuracy"] = job.taught.chosen == y
    if training.weights is None:
        untaught = trained_again(job, replace(job.dataset, valid=None), engine.export().step)
        right["untaught_accuracy"] = job.predict(untaught, test).argmax(axis=1) == y
    return right
