"""Computes the rows of each batch from the seed, the epoch and the step alone.

No state is kept between steps, so the batch of any step can be computed directly, and a resumed
run needs no saved state. Random numbers come from Philox, a counter-based generator (Salmon et al.,
"Parallel random numbers: as easy as 1, 2, 3", SC 2011), keyed by the seed and a purpose.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


def generator(seed: int, purpose: str, *counters: int) -> np.random.Generator:
    """Return the random generator of (seed, purpose, counters).

    Equal arguments give equal numbers, on every machine and with every version of numpy that has
    Philox; different arguments give independent streams.
    """
    return np.random.Generator(np.random.Philox(key=generator_key(seed, purpose, *counters)))


def generator_key(seed: int, purpose: str, *counters: int) -> NDArray[np.uint64]:
    """Return the key of the generator of (seed, purpose, counters), uint64 of shape (2,)."""
    text = "/".join([str(seed), purpose, *map(str, counters)])
    digest = hashlib.sha256(text.encode()).digest()[:16]
    return np.frombuffer(digest, dtype="<u8").astype(np.uint64)


@lru_cache(maxsize=2)
def _order(n_rows: int, seed: int, epoch: int) -> NDArray[np.int64]:
    return generator(seed, "shuffle", epoch).permutation(n_rows)


@dataclass(frozen=True)
class Batches:
    """The rows of each step; the last batch of an epoch may be smaller.

    Parameters
    ----------
    n_rows, batch_size : int
        Number of rows, and of rows in a batch.
    seed : int, default 0
        Seed of the order.
    shuffle : bool, default True
        Whether each epoch has a new order; otherwise rows are visited in order.
    first_step : int, default 0
        Step of the first batch, for a model that continues to learn.
    """

    n_rows: int
    batch_size: int
    seed: int = 0
    shuffle: bool = True
    first_step: int = 0

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches in an epoch."""
        return -(-self.n_rows // self.batch_size)

    def place_of(self, step: int) -> tuple[int, int]:
        """Return the epoch of `step` and its batch in that epoch, both from 0."""
        return divmod(step - self.first_step, self.steps_per_epoch)

    def epoch_of(self, step: int) -> int:
        """Return the epoch of `step`, from 0."""
        return self.place_of(step)[0]

    def starts_epoch(self, step: int) -> bool:
        """Return whether `step` starts an epoch after the first; a carried state is then reset.

        The first step of all uses the state it is given.
        """
        return step > self.first_step and (step - self.first_step) % self.steps_per_epoch == 0

    def span(
        self, first: int, last: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """Return the rows of the steps `first` to `last` - 1 in one array.

        Returns
        -------
        rows : ndarray of int64
            Row numbers, step after step.
        sizes : ndarray of int64 (n_steps,)
            Number of rows of each step.
        resets : ndarray of bool (n_steps,)
            As :meth:`starts_epoch`.
        """
        epochs, places = np.divmod(np.arange(first, last) - self.first_step, self.steps_per_epoch)
        begins = places * self.batch_size
        sizes = np.minimum(begins + self.batch_size, self.n_rows) - begins
        parts = []
        for epoch in range(int(epochs[0]), int(epochs[-1]) + 1):
            own = np.flatnonzero(epochs == epoch)
            begin, end = int(begins[own[0]]), int(begins[own[-1]] + sizes[own[-1]])
            if self.shuffle:
                parts.append(_order(self.n_rows, self.seed, epoch)[begin:end])
            else:
                parts.append(np.arange(begin, end))
        resets = (places == 0) & (np.arange(first, last) > self.first_step)
        return np.concatenate(parts), sizes, resets

    def epochs(self, first: int, last: int) -> NDArray[np.int64]:
        """Return the epoch in which each row of :meth:`span` is read."""
        epochs, places = np.divmod(np.arange(first, last) - self.first_step, self.steps_per_epoch)
        begins = places * self.batch_size
        return np.repeat(epochs, np.minimum(begins + self.batch_size, self.n_rows) - begins)

    def rows(self, step: int) -> NDArray[np.int64]:
        """Return the row numbers of the batch of `step`, int64 (B,)."""
        epoch, place = self.place_of(step)
        first = place * self.batch_size
        last = min(first + self.batch_size, self.n_rows)
        if not self.shuffle:
            return np.arange(first, last)
        return _order(self.n_rows, self.seed, epoch)[first:last].copy()
