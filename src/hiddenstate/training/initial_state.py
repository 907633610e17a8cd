"""The weights that training starts from: drawn from the seed, or read from a file."""

import hashlib
from collections.abc import Mapping
from typing import Any

from hiddenstate.config import Config, TrainingConfig
from hiddenstate.data.readers.open import existing
from hiddenstate.engines import TrainingState
from hiddenstate.jobs import Job, Taught
from hiddenstate.models.weight_file import read_weights
from hiddenstate.system.strict_json import canonical_json


def starting_state(job: Job) -> TrainingState:
    """Return the state before the first step: from `--weights`, else drawn from the seed.

    Raises
    ------
    DataError
        If there is no such file, or it is for the same columns in another order.
    UntrustedFileError
        If it is not a model or plain tensors, or does not fit the net.
    """
    net, training = job.net, job.config.training
    if training.weights is None:
        return TrainingState(net.initial(training.seed, training.dtype))
    params = read_weights(existing(training.weights), job.dataset.transform.names)
    fitting = net.check(params, training.weights)
    return TrainingState({name: a.astype(training.dtype) for name, a in fitting.items()})


def fingerprint(training: TrainingConfig) -> str | None:
    """Return the SHA-256 of the file that `--weights` names; None without one."""
    if training.weights is None:
        return None
    return hashlib.sha256(existing(training.weights).read_bytes()).hexdigest()


CHANGEABLE = {
    *("epochs", "windows", "max_steps"),  # how long; a run can be resumed for longer
    *("data", "test", "answers", "weights", "teach"),  # paths; what is in the files counts
    *("checkpoint_every", "threads", "engine", "device"),  # the last two as they were chosen
}
"""Options that two runs can differ in and still have the same first lines and snapshots."""


def run_id(
    config: Config,
    data: Mapping[str, Any],
    engine: Mapping[str, Any],
    state: TrainingState,
    taught: Taught | None = None,
) -> str:
    """Return what the files of a run have in common: 32 hexadecimal digits.

    Runs with the same settings, data, engine and initial weights have the same, as they write the
    same files.

    Parameters
    ----------
    config : Config
    data, engine : mapping
        As `PreparedDataset.facts` and `Engine.about` return them.
    state : TrainingState
        Where training starts.
    taught : Taught, optional
        The answers of a teacher.
    """
    options = {name: value for name, value in config.settings().items() if name not in CHANGEABLE}
    # The bundled waves are as many as `windows` says, and a resumed run can have more.
    source = data["name"] if data["source"] == "bundled" else data["fingerprint"]
    engine = {name: value for name, value in engine.items() if name != "threads"}
    digest = hashlib.sha256(
        canonical_json([config.job, options, source, engine, state.step]).encode()
    )
    for name, array in sorted(state.params.items()):
        digest.update(name.encode())
        digest.update(array.tobytes())
    if taught is not None:
        digest.update(taught.answers.tobytes())
    return digest.hexdigest()[:32]
