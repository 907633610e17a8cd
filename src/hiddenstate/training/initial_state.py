"""The weights that training starts from: drawn from the seed, or read from a file."""

import hashlib

from hiddenstate.config import TrainingConfig
from hiddenstate.data.readers.open import existing
from hiddenstate.engines import TrainingState
from hiddenstate.models.net import Net
from hiddenstate.models.weight_file import read_weights


def starting_state(
    net: Net, training: TrainingConfig, columns: tuple[str, ...] | None = None
) -> TrainingState:
    """Return the state before the first step: from `--weights`, else drawn from the seed.

    Parameters
    ----------
    net : Net
    training : TrainingConfig
    columns : tuple of str, optional
        Names of the input columns of the data, if they have names.

    Raises
    ------
    DataError
        If there is no such file, or it is for the same columns in another order.
    UntrustedFileError
        If it is not a model or plain tensors, or does not fit `net`.
    """
    if training.weights is None:
        return TrainingState(net.initial(training.seed, training.dtype))
    params = read_weights(existing(training.weights), columns)
    fitting = net.check(params, training.weights)
    return TrainingState({name: a.astype(training.dtype) for name, a in fitting.items()})


def fingerprint(training: TrainingConfig) -> str | None:
    """Return the SHA-256 of the file that `--weights` names; None without one."""
    if training.weights is None:
        return None
    return hashlib.sha256(existing(training.weights).read_bytes()).hexdigest()
