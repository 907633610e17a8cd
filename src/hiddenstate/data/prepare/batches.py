"""Computes the rows of each batch from the seed, the epoch and the step alone.

No state is kept between steps, so the batch of any step can be computed directly, and a resumed
run needs no saved state. Random numbers come from Philox, a counter-based generator (Salmon et al.,
"Parallel random numbers: as easy as 1, 2, 3", SC 2011), keyed by the seed and a purpose.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache

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
class Streams:
    """Rows that follow one another in streams, of which several are read side by side.

    Step j of a round takes the row j of each of its streams. The longest streams come first, so
    that those which have ended are the last ones and leave the batch; the state of each stream of
    a round has its place until the next round, which begins with a state of zero.

    Parameters
    ----------
    first, length : tuple of int
        The first row of each stream, and its number of rows.
    at_once : int
        Streams of a round.
    """

    first: tuple[int, ...]
    length: tuple[int, ...]
    at_once: int

    @cached_property
    def rounds(self) -> list[NDArray[np.intp]]:
        """The numbers of the streams of each round, the longest first."""
        order = np.argsort(-np.asarray(self.length), kind="stable")
        return [order[i : i + self.at_once] for i in range(0, len(order), self.at_once)]

    @cached_property
    def steps(self) -> "StreamSteps":
        """The steps of an epoch."""
        rows, sizes, rounds = [], [], []
        for streams in self.rounds:
            first, length = np.asarray(self.first)[streams], np.asarray(self.length)[streams]
            for j in range(int(length[0])):
                n = int((length > j).sum())
                rows.append(first[:n] + j)
                sizes.append(n)
                rounds.append(len(streams) if j == 0 else 0)
        return StreamSteps(np.concatenate(rows), np.array(sizes), np.array(rounds))


@dataclass(frozen=True)
class StreamSteps:
    """The steps of an epoch in streams.

    Parameters
    ----------
    rows : ndarray of int64
        Row numbers, step after step.
    sizes : ndarray of int64 (n_steps,)
        Number of rows of each step.
    rounds : ndarray of int64 (n_steps,)
        Number of streams of the round that a step begins, 0 if it begins none.
    """

    rows: NDArray[np.int64]
    sizes: NDArray[np.int64]
    rounds: NDArray[np.int64]

    @cached_property
    def begins(self) -> NDArray[np.int64]:
        """The place in `rows` where each step begins."""
        return np.cumsum(self.sizes) - self.sizes


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
    streams : Streams, optional
        The order of rows whose state is carried in streams; `batch_size` and `shuffle` then have no
        effect.
    """

    n_rows: int
    batch_size: int
    seed: int = 0
    shuffle: bool = True
    first_step: int = 0
    streams: Streams | None = None

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches in an epoch."""
        if self.streams is not None:
            return len(self.streams.steps.sizes)
        return -(-self.n_rows // self.batch_size)

    def place_of(self, step: int) -> tuple[int, int]:
        """Return the epoch of `step` and its batch in that epoch, both from 0."""
        return divmod(step - self.first_step, self.steps_per_epoch)

    def epoch_of(self, step: int) -> int:
        """Return the epoch of `step`, from 0."""
        return self.place_of(step)[0]

    def starts_anew(self, step: int) -> bool:
        """Return whether `step` starts an epoch, or a round of streams, after the first; a carried
        state is then reset.

        The first step of all uses the state it is given.
        """
        return bool(self._resets(np.array([step]))[0])

    def state_rows(self, step: int) -> int:
        """Return the number of rows of the state that is carried after `step` updates."""
        if self.streams is None:
            return len(self.rows(step - 1))
        rounds = self.streams.steps.rounds[: self.place_of(step - 1)[1] + 1]
        return int(rounds[np.flatnonzero(rounds)[-1]])

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
            As :meth:`starts_anew`.
        """
        steps = np.arange(first, last)
        epochs, begins, sizes = self._places(steps)
        parts = []
        for epoch in range(int(epochs[0]), int(epochs[-1]) + 1):
            own = np.flatnonzero(epochs == epoch)
            begin, end = int(begins[own[0]]), int(begins[own[-1]] + sizes[own[-1]])
            parts.append(self._rows_of(epoch, begin, end))
        return np.concatenate(parts), sizes, self._resets(steps)

    def epochs(self, first: int, last: int) -> NDArray[np.int64]:
        """Return the epoch in which each row of :meth:`span` is read."""
        epochs, _, sizes = self._places(np.arange(first, last))
        return np.repeat(epochs, sizes)

    def rows(self, step: int) -> NDArray[np.int64]:
        """Return the row numbers of the batch of `step`, int64 (B,)."""
        epochs, begins, sizes = self._places(np.array([step]))
        begin = int(begins[0])
        return self._rows_of(int(epochs[0]), begin, begin + int(sizes[0])).copy()

    def _places(
        self, steps: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return the epoch of each step, where its rows begin in it, and how many they are."""
        epochs, places = np.divmod(steps - self.first_step, self.steps_per_epoch)
        if self.streams is not None:
            order = self.streams.steps
            return epochs, order.begins[places], order.sizes[places]
        begins = places * self.batch_size
        return epochs, begins, np.minimum(begins + self.batch_size, self.n_rows) - begins

    def _resets(self, steps: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether each step starts an epoch or a round after the first."""
        places = (steps - self.first_step) % self.steps_per_epoch
        starts = places == 0
        if self.streams is not None:
            starts = self.streams.steps.rounds[places] > 0
        return np.asarray(starts & (steps > self.first_step))

    def _rows_of(self, epoch: int, begin: int, end: int) -> NDArray[np.int64]:
        """Return the rows at the places `begin` to `end` - 1 of an epoch."""
        if self.streams is not None:
            return self.streams.steps.rows[begin:end]
        if self.shuffle:
            return _order(self.n_rows, self.seed, epoch)[begin:end]
        return np.arange(begin, end)
