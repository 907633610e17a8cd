"""Labels augmented rows by a model that is fitted on some of the training rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from hiddenstate.config import Config
from hiddenstate.data import PreparedDataset, Rows
from hiddenstate.data.prepare.augment import augmentation
from hiddenstate.data.prepare.augment_suited import picture_of
from hiddenstate.data.prepare.batches import generator
from hiddenstate.data.rows import fractions
from hiddenstate.metrics.scores import cross_entropy_by_row
from hiddenstate.models.companions import KINDS, Fit, FittedCompanion
from hiddenstate.models.ridge import scale_of_logits
from hiddenstate.system.typing import Array

MOST_ROWS, MOST_NUMBERS = 300, 3_000_000
"""Most rows that are looked at, and numbers in them."""

WITH_COPIES = 450
"""About how many rows a model is fitted on together with augmented copies, one or two of each."""


@dataclass(frozen=True)
class Look:
    """Some training rows, which are augmented and labelled.

    Parameters
    ----------
    rows : Rows
        X (n, T, I) or (n, F) as nets read them, float32, and class numbers y (n,).
    n_classes : int
    seed, threads : int
    masked : bool
        Whether half of the features mark missing values.
    picture : tuple of int, or None
        Height and width of rows that are pictures, and 3 if they are in colour.
    """

    rows: Rows
    n_classes: int
    seed: int
    threads: int
    masked: bool
    picture: tuple[int, ...] | None

    @property
    def y(self) -> Array:
        """Class number of each row."""
        return self.rows.require_targets()

    def changed(self, strengths: Mapping[str, float], draw: int = 0, every: bool = False) -> Array:
        """Return the rows as augmented in a draw: all of them, or the usual part."""
        rows = self.rows
        X, n = rows.X[:], np.arange(len(rows))
        what = augmentation(X, strengths, self.y, rows.lengths, None, self.masked, self.picture)
        if every:
            what = replace(what, parts=dict.fromkeys(strengths, 1.0))
        return what.apply(X, n, np.full(len(n), draw), self.seed, "float32", rows.lengths)

    def fit(self, strengths: Mapping[str, float] | None = None) -> Fit[FittedCompanion] | None:
        """Return what a companion learns of the rows, and of augmented copies of them; None if
        none applies to such rows.

        A row and its copies, or its whole group, are left out together.
        """
        rows, n = self.rows, len(self.rows)
        if strengths is not None:
            draws = range(min(2, max(1, WITH_COPIES // n - 1)))
            X = np.concatenate([rows.X[:], *(self.changed(strengths, draw) for draw in draws)])
            parts = rows.lengths, np.arange(n) if rows.groups is None else rows.groups
            y, lengths, groups = (
                None if part is None else np.tile(part, len(draws) + 1) for part in (self.y, *parts)
            )
            rows = Rows(X, y, lengths, groups=groups)
        for kind in KINDS:
            if kind.is_baseline(rows, rows.take(slice(0, 0))):
                return kind.fit(rows, self.n_classes, self.seed, self.threads)
        return None

    def losses(self, fit: Fit[FittedCompanion]) -> Array:
        """Return the log loss of each row (n,) from a companion that did not learn from it."""
        logits = fit.held_out[: len(self.y)]
        scale = scale_of_logits(logits, self.y, np.ones(len(self.y)))
        return cross_entropy_by_row(scale * logits, self.y)

    def judge(self, fit: Fit[FittedCompanion] | None) -> Callable[[Array], Array]:
        """Return a function that labels changed rows: by a companion, or by the nearest row."""
        rows, y = self.rows, self.y
        if fit is not None:
            alone = fit.companion
            return lambda X: alone.logits(X, rows.lengths, self.threads).argmax(axis=1)
        known = rows.X.reshape(len(rows), -1).astype(np.float64)
        squares = (known**2).sum(axis=1)

        def nearest(X: Array) -> Array:
            distance = squares - 2 * X.reshape(len(X), -1).astype(np.float64) @ known.T
            return np.asarray(y[distance.argmin(axis=1)])

        return nearest


def look_at(config: Config, dataset: PreparedDataset) -> Look:
    """Return a look at training rows that are chosen at random."""
    train, training = dataset.train, config.training
    n = min(MOST_ROWS, max(1, MOST_NUMBERS // int(np.prod(train.X.shape[1:]))))
    places = generator(training.seed, "augment look").permutation(len(train))[:n]
    rows = train.take(np.sort(places))
    rows = replace(rows, X=fractions(rows.X[:], "float32"), weights=None)
    return Look(
        rows,
        len(dataset.require_classes()),
        training.seed,
        training.threads,
        dataset.transform.missing == "mask",
        picture_of(dataset),
    )
