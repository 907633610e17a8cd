"""Index batches, computed from (seed, epoch, step) and from nothing else.

No state is kept between steps, so any step's batch can be had at once and a resumed run
needs nothing saved. Random numbers come from Philox, a counter-based generator
(Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011), keyed by the seed and
the purpose they serve.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


def generator(seed: int, purpose: str, *counters: int) -> np.random.Generator:
    """Return the random generator of (seed, purpose, counters).

    Equal arguments give equal numbers, on every machine and with every numpy that keeps
    Philox; different ones give independent streams.
    """
    text = "/".join([str(seed), purpose, *map(str, counters)])
    key = hashlib.sha256(text.encode()).digest()[:16]
    return np.random.Generator(np.random.Philox(key=np.frombuffer(key, dtype="<u8")))


@lru_cache(maxsize=2)
def _order(n_rows: int, seed: int, epoch: int) -> NDArray[np.int64]:
    return generator(seed, "shuffle", epoch).permutation(n_rows)


@dataclass(frozen=True)
class Batches:
    """Which rows each step sees; the last batch of an epoch may be short.

    Parameters
    ----------
    n_rows, batch_size : int
        Rows in all, and rows a batch.
    seed : int
        Seed of the order.
    shuffle : bool
        A new order each epoch; else rows as they come.
    first_step : int
        The step these rows begin at, where a model learns on from others.
    """

    n_rows: int
    batch_size: int
    seed: int = 0
    shuffle: bool = True
    first_step: int = 0

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch."""
        return -(-self.n_rows // self.batch_size)

    def place_of(self, step: int) -> tuple[int, int]:
        """The epoch of `step` and its batch there, both from 0."""
        return divmod(step - self.first_step, self.steps_per_epoch)

    def epoch_of(self, step: int) -> int:
        """The epoch `step` belongs to, from 0."""
        return self.place_of(step)[0]

    def starts_epoch(self, step: int) -> bool:
        """Whether `step` is the first of a later epoch, where a carried state is reset.

        The very first step takes the state it is given.
        """
        return step > self.first_step and (step - self.first_step) % self.steps_per_epoch == 0

    def span(
        self, first: int, last: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """Rows of steps `first` to `last` - 1 one after another, the number of each step's, and
        whether it starts an epoch (:meth:`starts_epoch`)."""
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

    def rows(self, step: int) -> NDArray[np.int64]:
        """Row numbers of `step`'s batch, int64 of shape (B,)."""
        epoch, place = self.place_of(step)
        first = place * self.batch_size
        last = min(first + self.batch_size, self.n_rows)
        if not self.shuffle:
            return np.arange(first, last)
        return _order(self.n_rows, self.seed, epoch)[first:last].copy()
