"""A linear classifier on fixed convolutions, beside the nets of a model or alone as a baseline.

Ridge regression on the features of MiniRocket tells the classes apart; see
:mod:`hiddenstate.models.convolutions`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hiddenstate.data.rows import Rows, in_pieces
from hiddenstate.data.store import RowStore
from hiddenstate.kernels import level, why_not
from hiddenstate.models.companions.companion import Fit, FittedCompanion
from hiddenstate.models.convolutions import FEATURES, Convolutions, choose_convolutions
from hiddenstate.models.net import Net, Params
from hiddenstate.models.ridge import fit_ridge
from hiddenstate.program.companions import KERNELS, FixedConvolutions
from hiddenstate.program.words import COMPANIONS
from hiddenstate.system.typing import Array

ROWS = 256
"""Rows whose features are in memory at once in a prediction."""

PRODUCTS = 4
"""Matrices of the size of rows times rows that a path is fitted with."""

LEAST_STEPS, MOST_NUMBERS = 9, 3_000_000
"""What is read as a series, and what takes a few seconds."""

LARGEST = 2**31
"""Above all dilations and counts."""


@dataclass(frozen=True)
class ConvolutionPath(FittedCompanion):
    """A linear classifier on fixed convolutions.

    Parameters
    ----------
    convolutions : Convolutions
    weights : ndarray of float32 (C, P)
        From features to the logits of the classes.
    bias : ndarray of float32 (C,)
    net_share, net_scale : float
        See `FittedCompanion`.
    """

    convolutions: Convolutions
    weights: Array
    bias: Array
    net_share: float = 0.0
    net_scale: float = 1.0

    words: ClassVar = COMPANIONS[FixedConvolutions]
    types: ClassVar = {
        "dilations": (np.int64, 1),
        "counts": (np.int64, 1),
        "uses": (np.uint8, 3),
        "biases": (np.float32, 1),
        "weights": (np.float32, 2),
        "bias": (np.float32, 1),
    }
    most_rows: ClassVar = 5000
    """The time grows with the third power of their number."""

    @classmethod
    def fits(
        cls,
        rows: Rows,
        n_classes: int,
        left_out: Sequence[Array],
        seed: int = 0,
        threads: int = 0,
    ) -> "list[Fit[ConvolutionPath]]":
        """Fit paths with the same convolutions; see `FittedCompanion.fits`.

        The seed is that of the rows that biases are computed from, and of the channels of each
        kernel.
        """
        known = np.full(len(rows), True) if rows.weights is None else rows.weights > 0
        some = rows if known.all() else rows.take(np.flatnonzero(known))
        X = some.X[:]
        convolutions = choose_convolutions(X, some.lengths, seed)
        features = convolutions.features(X, some.lengths, threads)
        fits = []
        for which in left_out:
            learned = known & ~which
            kept = learned[known]
            x, own = features, some
            if not kept.all():
                x, own = features[kept], some.take(np.flatnonzero(kept))
            y = own.require_targets()
            weights, bias, left = fit_ridge(x, y, n_classes, own.weights, own.groups)
            path = cls(convolutions, weights, bias)
            held_out = np.empty((len(rows), n_classes))
            held_out[learned] = left
            if len(others := rows.take(np.flatnonzero(~learned))):
                held_out[~learned] = path.logits(others.X, others.lengths, threads)
            fits.append(Fit(path, held_out))
        return fits

    @classmethod
    def bytes_needed(cls, n_rows: int) -> int:
        """Return the memory of features and their products."""
        return 4 * n_rows * FEATURES + PRODUCTS * 8 * n_rows**2

    @classmethod
    def is_baseline(cls, train: Rows, test: Rows) -> bool:
        """Return whether rows are series of nine steps or more, few enough to be quick with
        kernels: a path is what people would otherwise use for labelled series."""
        n_rows, shape = len(train) + len(test), train.X.shape
        steps = shape[1] if train.lengths is None else int(np.median(train.lengths))
        enough = train.y is not None and len(np.unique(train.y)) > 1
        small = n_rows <= cls.most_rows and n_rows * shape[1] * shape[2] <= MOST_NUMBERS
        return level() is not None and enough and small and steps >= LEAST_STEPS

    @classmethod
    def why_unfit(cls, rows: Rows) -> str | None:
        """Return why; see `FittedCompanion.why_unfit`."""
        steps = rows.X.shape[1] if rows.lengths is None else int(np.median(rows.lengths))
        if level() is None:
            return f"computed by the native kernels: {why_not()}"
        if steps < LEAST_STEPS:
            return f"read series of {LEAST_STEPS} steps or more, not of {steps}"
        if len(rows) > cls.most_rows:
            return f"are fitted on at most {cls.most_rows:,} training rows, not {len(rows):,}"
        return None

    def logits(
        self,
        X: Array | RowStore,
        lengths: Array | None = None,
        threads: int = 0,
        reference: bool = False,
    ) -> Array:
        """Return the logits; see `FittedCompanion.logits` and :meth:`Convolutions.features`."""
        out, weights = np.empty((len(X), len(self.bias))), self.weights.astype(np.float64)
        for begin, piece in in_pieces(X):
            for first in range(0, len(piece), ROWS):
                rows = piece[first : first + ROWS]
                place = slice(begin + first, begin + first + len(rows))
                own = None if lengths is None else lengths[place]
                features = self.convolutions.features(rows, own, threads, reference)
                features = features.astype(np.float64)
                # Not a matrix product, whose last digits depend on the number of rows.
                out[place] = np.einsum("np,cp->nc", features, weights) + self.bias
                out[place][_has_gaps(rows, own)] = np.nan
        return out

    def meaning(self) -> FixedConvolutions:
        """Return the path as a part of a program."""
        own = self.convolutions
        return FixedConvolutions(
            dilations=tuple(own.dilations.tolist()),
            counts=tuple(own.counts.tolist()),
            uses=own.uses,
            biases=own.biases,
            weight=self.weights,
            bias=self.bias,
            share=self.net_share,
            scale=self.net_scale,
        )

    def arrays(self) -> Params:
        """Return the arrays by their names."""
        own = self.convolutions
        return {
            "dilations": own.dilations,
            "counts": own.counts,
            "uses": own.uses.astype(np.uint8),
            "biases": own.biases,
            "weights": self.weights,
            "bias": self.bias,
        }

    @classmethod
    def of_arrays(cls, arrays: Params, net: Net) -> "ConvolutionPath | None":
        """Return the path with these arrays, if they fit."""
        if not _fit(arrays, net):
            return None
        convolutions = Convolutions(
            arrays["dilations"], arrays["counts"], arrays["uses"].astype(bool), arrays["biases"]
        )
        return cls(convolutions, arrays["weights"], arrays["bias"])


def _has_gaps(X: Array, lengths: Array | None) -> Array:
    """Return which rows have a number that is not finite, before their end."""
    if X.dtype.kind != "f":
        return np.zeros(len(X), bool)
    ends = np.full(len(X), X.shape[1]) if lengths is None else lengths
    read = np.arange(X.shape[1]) < ends[:, None]
    return np.asarray((read & ~np.isfinite(X).all(axis=2)).any(axis=1))


def _fit(arrays: Params, net: Net) -> bool:
    """Return whether arrays of the right types are those of a path beside the net."""
    dilations, counts, uses = (arrays[name] for name in ("dilations", "counts", "uses"))
    n = len(arrays["biases"])
    shapes = {
        "counts": dilations.shape,
        "uses": (len(dilations), len(KERNELS), net.n_features),
        "weights": (net.n_outputs, n),
        "bias": (net.n_outputs,),
    }
    if any(arrays[name].shape != shape for name, shape in shapes.items()):
        return False
    ranges = ((dilations > 0) & (dilations < LARGEST) & (counts >= 0) & (counts < LARGEST)).all()
    finite = all(np.isfinite(arrays[name]).all() for name in ("biases", "weights", "bias"))
    whole = n > 0 and int(counts.sum()) * len(KERNELS) == n
    return bool(ranges and finite and whole and (uses <= 1).all() and uses.any(axis=2).all())
