"""What is done to rows before the net reads them: fitted on training rows, kept with the model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data.dataset import Rows, fractions, in_pieces
from hiddenstate.data.store import RowStore
from hiddenstate.errors import DataError, printable
from hiddenstate.system.typing import Array

Pair = tuple[Array, Array]

SCANNED = 2**24
"""Bytes of rows looked at in one go; as float64 and with their masks they take some times that."""


@dataclass(frozen=True)
class Preparation:
    """Missing values filled in, features and targets scaled.

    Parameters
    ----------
    missing : {"error", "drop", "mean", "forward", "mask"}
        As the option of that name. Rows are dropped before; here "drop" refuses them.
    fill : ndarray (I,), optional
        What stands for a missing value of each feature, before scaling.
    scaling : (offset (I,), factor (I,)), optional
        A feature x becomes (x - offset) * factor.
    target_scaling : (offset (O,), factor (O,)), optional
        Likewise a target.
    change : tuple of int, optional
        Targets are learnt as their change from these features of X, which are the targets now.
    columns, targets : tuple of str, optional
        The names of the columns X was read from, and of the targets.
    pixels : bool
        Whether X was uint8, which means fractions of 255.
    reading : dict
        The options the training file was read with, by name.
    """

    missing: str = "error"
    fill: Array | None = None
    scaling: Pair | None = None
    target_scaling: Pair | None = None
    change: tuple[int, ...] | None = None
    columns: tuple[str, ...] | None = None
    targets: tuple[str, ...] | None = None
    pixels: bool = False
    reading: Mapping[str, Any] = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        """Whether X becomes anything else."""
        return self.fill is not None or self.scaling is not None or self.missing == "mask"

    def width(self, n_features: int) -> int:
        """Features the net reads for `n_features` of the data."""
        return n_features * (2 if self.missing == "mask" else 1)

    def n_features(self, width: int) -> int:
        """The inverse of :meth:`width`."""
        return width // (2 if self.missing == "mask" else 1)

    def apply(
        self, X: Any, lengths: Array | None, dtype: Any, where: str, check: bool = True
    ) -> Any:
        """Rows (N, T, I) or (N, F), of an array or a store, as the net reads them.

        Steps after a row's length become 0. `check` looks for values that are missing.

        Raises
        ------
        DataError
            If values are missing and nothing says what to do with them, or one is beyond what
            `dtype` holds.
        """
        if check and self.missing in ("error", "drop"):
            check_finite(X, lengths, where, self.columns, applied=True)
        if not self.changes:
            _check_range(X, lengths, dtype, where)
            return X
        shape = (*X.shape[1:-1], self.width(X.shape[-1]))
        if isinstance(X, RowStore):
            return X.mapped(lambda values: self._piece(values, None, dtype), shape, dtype)
        out = np.empty((len(X), *shape), dtype)
        for first, piece in in_pieces(X, SCANNED):
            own = None if lengths is None else lengths[first : first + len(piece)]
            with np.errstate(over="ignore"):  # told below
                out[first : first + len(piece)] = self._piece(piece, own, dtype)
        _check_range(out, None, dtype, where)
        return out

    def _piece(self, X: Array, lengths: Array | None, dtype: Any) -> Array:
        values = fractions(X, np.float64)
        gone = ~np.isfinite(values) if self.fill is not None else None
        if gone is not None and self.fill is not None:
            values = np.where(gone, np.nan, values)
            if self.missing == "forward":
                values = carry_forward(values)
            values = np.where(np.isnan(values), self.fill, values)
        if self.scaling is not None:
            values = (values - self.scaling[0]) * self.scaling[1]
        if self.missing == "mask" and gone is not None:
            values = np.concatenate([values, gone], axis=-1)
        if lengths is not None:
            values = np.where(after_end(lengths, values.shape[1])[..., None], 0, values)
        return values.astype(dtype, copy=False)

    def apply_targets(self, y: Array, X: Any, lengths: Array | None, dtype: Any) -> Array:
        """Targets (N, T, O) or (N, O) as the net learns them, of prepared rows `X`.

        Raises
        ------
        DataError
            If one is beyond what `dtype` holds.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # told below
            made = y
            if self.target_scaling is not None:
                made = (made - self.target_scaling[0]) * self.target_scaling[1]
            if self.change is not None:
                made = made - self._now(X, lengths, y.ndim)
            made = made.astype(dtype, copy=False)
        beyond = np.isfinite(y) & ~np.isfinite(made)
        if beyond.any():
            row = int(np.argwhere(beyond)[0][0])
            raise DataError(
                f"{int(beyond.sum())} targets are beyond {np.dtype(dtype)}, the first in row "
                f"{row}; mend them, or train with --dtype float64"
            )
        return np.asarray(made)

    def undo_targets(self, outputs: Array, X: Any = None, lengths: Array | None = None) -> Array:
        """A regressor's outputs in the units of the targets: the inverse of `apply_targets`."""
        kind = outputs.dtype
        if self.change is not None:
            outputs = outputs + self._now(X, lengths, outputs.ndim)
        if self.target_scaling is not None:
            outputs = outputs / self.target_scaling[1] + self.target_scaling[0]
        return np.asarray(outputs, kind)

    def _now(self, X: Array, lengths: Array | None, ndim: int) -> Array:
        """The targets' values now, scaled as X is: at every step, or at each row's last."""
        now = np.asarray(X[..., list(self.change or ())])
        if ndim == X.ndim:
            return now
        last = np.full(len(X), X.shape[1]) if lengths is None else lengths
        return np.asarray(now[np.arange(len(X)), last - 1])

    def known_targets(self, X: Array) -> Array | None:
        """The targets' values now in their own units, of prepared X (..., I), where it has them."""
        places = places_of(self.targets, self.columns)
        if places is None or max(places) >= self.n_features(X.shape[-1]):
            return None
        now = X[..., list(places)]
        if self.scaling is not None:
            now = now / self.scaling[1][list(places)] + self.scaling[0][list(places)]
        return np.asarray(now)

    def undo(self, rows: Array) -> Array:
        """Prepared or rebuilt rows (..., I) in the units of the features, without any mask."""
        rows = rows[..., : self.n_features(rows.shape[-1])]
        if self.scaling is None:
            return rows
        offset, factor = self.scaling
        return np.asarray(rows / factor + offset, rows.dtype)


def places_of(
    targets: tuple[str, ...] | None, columns: tuple[str, ...] | None
) -> tuple[int, ...] | None:
    """Where among the features the targets are; None if they are not all there."""
    if not targets or not columns or not set(targets) <= set(columns):
        return None
    return tuple(columns.index(name) for name in targets)


@dataclass
class Scan:
    """Sums over the values of each feature, leaving out what is missing or after a row's end."""

    weight: Array
    mean: Array
    squares: Array
    low: Array
    high: Array

    @property
    def deviation(self) -> Array:
        """Of each feature; 1 for a constant one, which scaling then leaves as it is."""
        deviation = np.sqrt(self.squares / np.maximum(self.weight, np.finfo(float).tiny))
        rounding = deviation <= 10 * np.finfo(float).eps * np.abs(self.mean)
        return np.where(rounding | (self.low >= self.high), 1.0, deviation)


def scan(X: Any, lengths: Array | None, weights: Array | None) -> Scan:
    """Weighted mean, squared deviations, least and greatest of each feature, in one pass.

    Pieces are joined by the update of Chan, Golub and LeVeque, "Updating formulae and a
    pairwise algorithm for computing sample variances", 1979.
    """
    width = X.shape[-1]
    total = Scan(
        weight=np.zeros(width),
        mean=np.zeros(width),
        squares=np.zeros(width),
        low=np.full(width, np.inf),
        high=np.full(width, -np.inf),
    )
    for first, piece in in_pieces(X, SCANNED):
        some = slice(first, first + len(piece))
        values = fractions(piece, np.float64)
        counted = np.isfinite(values)
        if lengths is not None:
            counted &= ~after_end(lengths[some], values.shape[1])[..., None]
        weight = counted.astype(np.float64)
        if weights is not None:
            weight *= weights[some].reshape(-1, *(1,) * (values.ndim - 1))
        _join(total, values.reshape(-1, width), weight.reshape(-1, width))
    return total


def _join(total: Scan, values: Array, weight: Array) -> None:
    counted = weight > 0
    values = np.where(counted, values, 0)
    own = weight.sum(axis=0)
    mean = (values * weight).sum(axis=0) / np.maximum(own, np.finfo(float).tiny)
    squares = (weight * (values - mean) ** 2).sum(axis=0)
    both = np.maximum(total.weight + own, np.finfo(float).tiny)
    apart = mean - total.mean
    total.squares += squares + apart**2 * total.weight * own / both
    total.mean += apart * own / both
    total.weight += own
    total.low = np.minimum(total.low, np.where(counted, values, np.inf).min(axis=0, initial=np.inf))
    total.high = np.maximum(
        total.high, np.where(counted, values, -np.inf).max(axis=0, initial=-np.inf)
    )


@np.errstate(over="ignore", divide="ignore", invalid="ignore")
def fit_preparation(
    rows: Rows,
    missing: str,
    scale: str,
    scale_targets: bool,
    change: tuple[int, ...] | None = None,
    **facts: Any,
) -> Preparation:
    """Fit on training rows what :class:`Preparation` keeps.

    Parameters
    ----------
    rows : Rows
    missing, scale : str
        As the options of those names.
    scale_targets : bool
        Whether targets are scaled too, where features are.
    change : tuple of int, optional
        As :class:`Preparation` has it; targets are then scaled as those features are.
    **facts
        Columns, targets and reading, kept as they are.

    Raises
    ------
    DataError
        For numbers so large or so close that no finite scaling takes them apart.
    """
    fill = scaling = target_scaling = None
    pixels = rows.X.dtype == np.uint8
    if (scale != "none" and not pixels) or missing in ("mean", "forward", "mask"):
        found = scan(rows.X, rows.lengths, rows.weights)
        if missing in ("mean", "forward", "mask"):
            fill = found.mean
        in_range = bool((found.low >= 0).all() and (found.high <= 1).all())
        if scale == "minmax" and not pixels:
            there = found.weight > 0
            low, high = np.where(there, found.low, 0), np.where(there, found.high, 0)
            scaling = (low, 1 / np.where(high > low, high - low, 1.0))
        elif scale == "standard" or (scale == "auto" and not in_range and not pixels):
            scaling = (found.mean, 1 / found.deviation)
    if change is not None:
        places = list(change)
        target_scaling = scaling and (scaling[0][places], scaling[1][places])
    elif scale_targets and scale != "none" and rows.y is not None:
        lengths = rows.lengths if rows.y.ndim == 3 else None
        known = scan(rows.y, lengths, rows.weights)
        target_scaling = (known.mean, 1 / known.deviation)
    for pair in (scaling, target_scaling):
        if pair and not (np.isfinite(pair).all() and np.all(pair[1])):
            raise DataError("values are too large or too close to be scaled; use --scale none")
    return Preparation(missing, fill, scaling, target_scaling, change, pixels=bool(pixels), **facts)


def _check_range(X: Any, lengths: Array | None, dtype: Any, where: str) -> None:
    """Refuse numbers that are infinite in `dtype` (`DataError`)."""
    if X.dtype.kind != "f":
        return
    most = np.finfo(dtype).max
    for first, piece in in_pieces(X, SCANNED):
        beyond = np.abs(piece) > most
        if lengths is not None:
            beyond &= ~after_end(lengths[first : first + len(piece)], piece.shape[1])[..., None]
        if beyond.any():
            row = first + int(np.argwhere(beyond)[0][0])
            raise DataError(
                f"{where}: {int(beyond.sum())} values are beyond {np.dtype(dtype)}, the first in "
                f"row {row}; mend them, or train with --dtype float64"
            )


def after_end(lengths: Array, T: int) -> NDArray[np.bool_]:
    """Which of `T` steps lie after each row's end, (N, T)."""
    return np.asarray(np.arange(T) >= lengths[:, None])


def carry_forward(values: Array) -> Array:
    """Each NaN of (N, T, I) replaced by the last number before it in its series, if any."""
    known = ~np.isnan(values)
    steps = np.arange(values.shape[1])[None, :, None]
    last = np.maximum.accumulate(np.where(known, steps, -1), axis=1)
    found = np.take_along_axis(values, np.maximum(last, 0), axis=1)
    return np.where(last >= 0, found, np.nan)


def lacking(X: Any, lengths: Array | None) -> Array:
    """Missing or infinite values of each row (N,), those after its end left out."""
    if X.dtype.kind != "f":
        return np.zeros(len(X), np.int64)
    counts = np.zeros(len(X), np.int64)
    for first, piece in in_pieces(X, SCANNED):
        gone = ~np.isfinite(piece)
        if lengths is not None:
            gone &= ~after_end(lengths[first : first + len(piece)], piece.shape[1])[..., None]
        counts[first : first + len(piece)] = gone.reshape(len(piece), -1).sum(axis=1)
    return counts


def check_finite(
    X: Any,
    lengths: Array | None,
    where: str,
    columns: tuple[str, ...] | None,
    applied: bool = False,
    ids: Array | None = None,
) -> None:
    """Refuse missing or infinite values, while training or where a model is `applied`.

    Raises
    ------
    DataError
        With their count, the first of them, and what can be done.
    """
    counts = lacking(X, lengths)
    if not counts.any():
        return
    row = int(np.flatnonzero(counts)[0])
    values = X[row : row + 1]
    gone = ~np.isfinite(values)
    if lengths is not None:
        gone &= ~after_end(lengths[row : row + 1], values.shape[1])[..., None]
    place = tuple(int(part) for part in np.argwhere(gone)[0][1:])
    n = int(counts.sum())
    cell = f"row {row}" if ids is None else f"series {printable(ids[row], 40)}"
    if len(place) > 1:
        cell += f", step {place[0]}"
    # A wide table's columns are its flat row, however it is cut into steps.
    flat = int(np.ravel_multi_index(place, X.shape[1:]))
    if columns is not None and len(columns) == X.shape[-1]:
        cell += f", column {printable(columns[place[-1]], 40)}"
    elif columns is not None and len(columns) == np.prod(X.shape[1:]):
        cell += f", column {printable(columns[flat], 40)}"
    else:
        cell += f", feature {place[-1]}"
    mend = (
        "the model was trained with none missing; mend them, or train anew with --missing mean, "
        "forward or mask"
        if applied
        else "fill them in with --missing mean, forward or mask, or leave rows out with "
        "--missing drop"
    )
    raise DataError(
        f"{where}: {n} value{' is' if n == 1 else 's are'} missing or not finite, the first in "
        f"{cell}; {mend}"
    )
