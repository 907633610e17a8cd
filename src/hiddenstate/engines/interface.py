"""The engine interface: what goes in, what comes out, and the rule that picks one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hiddenstate.config import RecurrentConfig, TrainingConfig
from hiddenstate.data.rows import in_pieces
from hiddenstate.data.prepare.batches import Batches
from hiddenstate.data.store import RowStore
from hiddenstate.errors import DataError
from hiddenstate.models.net import Net, Params

Array = NDArray[Any]


Source = Array | RowStore
"""Rows in memory, or rows that are read piece by piece, of which each is at most `PIECE` bytes."""


@dataclass(frozen=True)
class Task:
    """All that the steps follow from, beside the state.

    Parameters
    ----------
    net : Net
        What is trained.
    training : TrainingConfig
        How.
    X : ndarray or RowStore
        (N, T, I) or, for an autoencoder, (N, F); uint8 or float. Of a store no more is in memory
        than some pieces, and every step is the one that the same array would give.
    y : ndarray or None
        Class numbers (N,) int64; targets (N, T, O) or (N, O) float; None where rows are
        their own target.
    batches : Batches
        Which rows each step sees.
    total_steps : int
        Where a cosine schedule ends.
    stateful : bool
        Whether the hidden state is carried from step to step, detached, from zero at each
        epoch's first step.
    lengths : ndarray, optional
        Steps of each row (N,) int64, from 1 to T: what comes after is not read, counts in no
        loss, and leaves the state as it was.
    weights : ndarray, optional
        (N,) float, not negative and about 1 on average: what each row's loss is multiplied by.
        What a batch's sum is divided by stays the same. A row of weight 0 may hold anything; only
        where state is carried its X is read, for what it does to the rows after it.
    """

    net: Net
    training: TrainingConfig
    X: Source
    y: Array | None
    batches: Batches
    total_steps: int
    stateful: bool = False
    lengths: Array | None = None
    weights: Array | None = None


@dataclass
class TrainingState:
    """Everything that changes while training, as arrays.

    Parameters
    ----------
    params : dict of ndarray
        Weights by torch name.
    step : int
        Updates made so far; the next step's number.
    moments : dict of ndarray
        The optimiser's memory, `kind/parameter`: kinds `exp_avg` and `exp_avg_sq` for adam
        and adamw, `momentum_buffer` for sgd with momentum. Empty before the first update.
    carried : dict of ndarray
        Hidden state handed to the next step, `h` and for lstm `c`, each (L*D, B, H); empty
        where it is zero.
    moments_since : int
        The step the moments began at: Adam corrects its bias by the updates made since.
    """

    params: Params
    step: int = 0
    moments: Params = field(default_factory=dict)
    carried: Params = field(default_factory=dict)
    moments_since: int = 0

    def not_finite(self) -> str | None:
        """The first weight or moment with a number that is not finite, or None."""
        for arrays in (self.params, self.moments):
            for name, array in arrays.items():
                if not np.isfinite(array).all():
                    return name
        return None


@dataclass(frozen=True)
class Chunk:
    """What a call of :meth:`Engine.run` did.

    Parameters
    ----------
    losses : ndarray of float64, shape (n_steps,)
        Each step's loss, before its update. One that is not finite ends the chunk; on the cpu
        its update was not made, other devices look only at the chunk's end.
    outputs : ndarray or None
        (n_steps, T, O), or (n_steps, O) where the net answers once a window: predictions made
        while learning, where state is carried.
    """

    losses: Array
    outputs: Array | None = None


class Engine(Protocol):
    """Runs training steps and evaluates the net as it stands."""

    name: str
    version: str
    device: str
    threads: int

    def run(self, first: int, last: int, stop: Callable[[], bool]) -> Chunk:
        """Take steps `first` to `last` - 1; fewer, maybe none, if `stop()` turns true."""
        ...

    def predict(self, X: Source, lengths: Array | None = None) -> Array:
        """Outputs for rows `X`: (N, C), (N, T, O), or an autoencoder's rows (N, F)."""
        ...

    def encode(self, X: Source) -> Array:
        """An autoencoder's codes (N, Z) of rows `X`."""
        ...

    def restore(self, params: Params) -> None:
        """Put weights back, as `export` gave them; step, moments and carried state stay."""
        ...

    def set_lr(self, lr: float) -> None:
        """From the next step on, take `lr` for the rate that the schedule starts from."""
        ...

    def export(self) -> TrainingState:
        """A copy of the state, as arrays."""
        ...

    def about(self) -> dict[str, Any]:
        """Name, version, device and threads, as a run's config.json keeps them."""
        ...


class Predictor(Protocol):
    """A fitted model ready to be asked. Shapes as in `Engine`; states as `carried`."""

    def predict(self, X: Source, lengths: Array | None = None) -> Array:
        """Outputs for rows `X`, each from a zero state, `lengths` as in `Task`."""
        ...

    def forward(self, X: Array, state: Params) -> tuple[Array, Params]:
        """Outputs for rows `X` (B, T, I) side by side from `state`, and the state after them.

        With the readout "mean" an output is of the mean over the steps of this call alone.
        """
        ...

    def follow(self, X: Source, state: Params) -> tuple[Array, Params]:
        """Outputs for rows `X` (N, T, I) that follow one another, and the state after them."""
        ...

    def encode(self, X: Source) -> Array:
        """An autoencoder's codes (N, Z) of rows `X` (N, F)."""
        ...

    def decode(self, codes: Array) -> Array:
        """An autoencoder's rows (N, F) for codes (N, Z)."""
        ...


def one_by_one(X: Source) -> Iterator[Array]:
    """Yield each row of `X`, in order, with its sample axis: (1, T, I)."""
    for _, rows in in_pieces(X):
        for i in range(len(rows)):
            yield rows[i : i + 1]


def check_state(state: Params, net: Net, n_rows: int) -> None:
    """Refuse a state that is not zero (no arrays) or `h` and for lstm `c`, each (L*D, B, H).

    Raises
    ------
    DataError
        Saying what was expected.
    """
    config = net.config
    assert isinstance(config, RecurrentConfig)
    depth = config.layers * (2 if config.bidirectional else 1)
    names = {"h", "c"} if config.cell == "lstm" else {"h"}
    if not state:
        return
    if set(state) != names:
        raise DataError(f"state: holds {', '.join(state)}, expected {', '.join(sorted(names))}")
    for name, array in state.items():
        if array.ndim == 3 and array.shape[1] != n_rows:
            raise DataError(f"state: carries {array.shape[1]} sequences, x has {n_rows}")
        if array.shape != (depth, n_rows, config.hidden_size):
            raise DataError(
                f"state: {name} is {array.shape}, expected {(depth, n_rows, config.hidden_size)}"
            )
