"""Fills in missing values and scales features and targets; fitted on training rows.

A model keeps the transform it was trained with and applies it to new rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from hiddenstate.data.prepare.encoding import (
    Encoding,
    encoded_features,
    source_names,
)
from hiddenstate.data.prepare.known_ahead import KnownAhead, known_ahead
from hiddenstate.data.prepare.linear import LinearPath
from hiddenstate.data.prepare.missing import (
    SCAN_BYTES,
    after_end,
    amount,
    carry_forward,
    check_finite,
)
from hiddenstate.data.prepare.statistics import statistics
from hiddenstate.data.rows import Rows, fractions, in_pieces
from hiddenstate.data.store import RowStore
from hiddenstate.errors import DataError
from hiddenstate.system.typing import Array

Scaling = tuple[Array, Array]
"""(offset, factor), each (I,): a value x becomes (x - offset) * factor."""


REMAINDER = 1e-4
"""Smallest deviation of what a linear path leaves, as a fraction of that of the targets."""


@dataclass(frozen=True)
class Transform:
    """Missing values filled in, features and targets scaled.

    Parameters
    ----------
    missing : {"error", "drop", "mean", "forward", "mask"}
        As the option of that name. Rows are dropped before; here "drop" refuses missing values.
    fill : ndarray (I,), optional
        What replaces a missing value of each feature, before scaling.
    scaling : (offset (I,), factor (I,)), optional
        A feature x becomes (x - offset) * factor.
    target_scaling : (offset (O,), factor (O,)), optional
        The same for targets.
    change : tuple of int, optional
        Features of X that hold the current value of each target; the net learns the difference.
    linear : LinearPath, optional
        Forecast of each target from its own last values; the net learns what it leaves.
    columns, targets : tuple of str, optional
        Names of the features, which are those of the columns that X was read from unless these
        are encoded, and of the targets.
    pixels : bool
        Whether X was uint8, which means fractions of 255.
    reading : dict
        Options that the training file was read with, by name.
    encodings : tuple of Encoding
        How columns of text and dates became features; their features are not scaled.
    """

    missing: str = "error"
    fill: Array | None = None
    scaling: Scaling | None = None
    target_scaling: Scaling | None = None
    change: tuple[int, ...] | None = None
    columns: tuple[str, ...] | None = None
    targets: tuple[str, ...] | None = None
    pixels: bool = False
    reading: Mapping[str, Any] = field(default_factory=dict)
    encodings: tuple[Encoding, ...] = ()
    linear: LinearPath | None = None

    @property
    def names(self) -> tuple[str, ...] | None:
        """Names of the input columns, if X was read from a table; None otherwise."""
        columns = table_names(self.columns, self.reading.get("layout"))
        return source_names(columns, self.encodings)

    @property
    def changes_inputs(self) -> bool:
        """Whether :meth:`apply` changes X."""
        scaled = self.fill is not None or self.scaling is not None or self.missing == "mask"
        return scaled or self.takes_logarithms

    @property
    def takes_logarithms(self) -> bool:
        """Whether features are replaced by their logarithms before anything else."""
        return self.linear is not None and any(self.linear.log)

    @property
    def own_features(self) -> list[int]:
        """The features that hold the current values of the targets of a linear path."""
        return list(feature_indices(self.targets, self.columns) or ())

    @cached_property
    def known(self) -> KnownAhead:
        """The features that are known ahead, and those that never change."""
        future, static, horizon = (self.reading.get(n) for n in ("future", "static", "horizon"))
        return known_ahead(future, static, horizon, self.columns, self.encodings)

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """Names of all features that a net reads, also of those that are moved in time."""
        return self.known.all_names if self.known.ahead else self.columns

    def width(self, n_features: int) -> int:
        """Inputs of the net for `n_features` features of the data."""
        return n_features * (2 if self.missing == "mask" else 1)

    def n_features(self, width: int) -> int:
        """Features of the data for `width` inputs of the net."""
        return width // (2 if self.missing == "mask" else 1)

    def apply(
        self, X: Any, lengths: Array | None, dtype: Any, where: str, check: bool = True
    ) -> Any:
        """Transform X (N, T, I) or (N, F), an array or a store, into what the net reads.

        Steps after the end of a series become 0.

        Parameters
        ----------
        X : ndarray or RowStore
        lengths : ndarray (N,), optional
            Steps of each series.
        dtype : dtype
            Float type of the result, if X changes.
        where : str
            Name of the data in messages.
        check : bool, default True
            Whether missing values are refused where nothing fills them in.

        Raises
        ------
        DataError
            If values are missing and nothing fills them in, or a value is too large for `dtype`.
        """
        if check and self.missing in ("error", "drop"):
            names = self.feature_names
            check_finite(X, lengths, where, names, applied=True, encodings=self.encodings)
        if not self.changes_inputs:
            _check_range(X, lengths, dtype, where)
            return X
        if self.takes_logarithms:
            X = self._logarithms(X, lengths, where)
        shape = (*X.shape[1:-1], self.width(X.shape[-1]))
        if isinstance(X, RowStore):
            return X.mapped(lambda rows: self._apply_read(rows, dtype, where), shape, dtype)
        out = np.empty((len(X), *shape), dtype)
        for first, piece in in_pieces(X, SCAN_BYTES):
            rows = slice(first, first + len(piece))
            own = None if lengths is None else lengths[rows]
            with np.errstate(over="ignore"):  # checked below
                out[rows] = self._apply_piece(piece, own, dtype)
        _check_range(out, None, dtype, where)
        return out

    def _apply_read(self, X: Array, dtype: Any, where: str) -> Array:
        """Transform rows of a store when they are read, which is when they are checked."""
        with np.errstate(over="ignore"):
            values = self._apply_piece(X, None, dtype)
        if np.isinf(values).any():
            raise DataError(
                f"{where}: values too large for {np.dtype(dtype)}; correct the data, or train with "
                "--dtype float64"
            )
        return values

    def _apply_piece(self, X: Array, lengths: Array | None, dtype: Any) -> Array:
        values = fractions(X, np.float64)
        absent = ~np.isfinite(values) if self.fill is not None else None
        if absent is not None and self.fill is not None:
            values = np.where(absent, np.nan, values)
            if self.missing == "forward":
                values = carry_forward(values)
            values = np.where(np.isnan(values), self.fill, values)
        if self.scaling is not None:
            values = (values - self.scaling[0]) * self.scaling[1]
        if self.missing == "mask" and absent is not None:
            values = np.concatenate([values, absent], axis=-1)
        if lengths is not None:
            values = np.where(after_end(lengths, values.shape[1])[..., None], 0, values)
        return values.astype(dtype, copy=False)

    def apply_targets(self, y: Array, X: Any, lengths: Array | None, dtype: Any) -> Array:
        """Transform targets (N, T, O) or (N, O) of transformed rows `X` into what the net learns.

        Raises
        ------
        DataError
            If a target is too large for `dtype`.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # checked below
            scaled = y
            if self.linear is not None:
                scaled = self.linear.logarithms(y) - self._linear_targets(X, lengths, y.ndim)
            if self.target_scaling is not None:
                scaled = (scaled - self.target_scaling[0]) * self.target_scaling[1]
            if self.change is not None:
                scaled = scaled - self._current(X, self.change, lengths, y.ndim)
            scaled = scaled.astype(dtype, copy=False)
        too_large = np.isfinite(y) & np.isinf(scaled)  # NaN has no current value
        if too_large.any():
            row = int(np.argwhere(too_large)[0][0])
            raise DataError(
                f"{amount(int(too_large.sum()), 'target')} too large for {np.dtype(dtype)}, the "
                f"first in row {row}; correct the data, or train with --dtype float64"
            )
        return np.asarray(scaled)

    def undo_targets(self, outputs: Array, X: Any = None, lengths: Array | None = None) -> Array:
        """Return a regressor's outputs in the units of the targets; undoes `apply_targets`."""
        dtype = outputs.dtype
        if self.change is not None:
            outputs = outputs + self._current(X, self.change, lengths, outputs.ndim)
        if self.target_scaling is not None:
            outputs = outputs / self.target_scaling[1] + self.target_scaling[0]
        if self.linear is not None:
            outputs = outputs + self._linear_targets(X, lengths, outputs.ndim)
            with np.errstate(over="ignore"):
                outputs = self.linear.undo_logarithms(outputs)
        return np.asarray(outputs, dtype)

    def linear_targets(self, X: Array) -> Array | None:
        """Return what the linear path alone forecasts at each step of transformed X (N, T, I), in
        the units of the targets; None without one."""
        if self.linear is None:
            return None
        shape = (*X.shape[:2], self.linear.n_targets)
        return self.undo_targets(np.zeros(shape), X)

    def _linear_targets(self, X: Array, lengths: Array | None, ndim: int) -> Array:
        """What the linear path forecasts, logarithms where it takes them."""
        assert self.linear is not None
        X = np.asarray(X, np.float64)
        values, effects = self._unscaled(X, self.own_features), self.linear.effects
        later: Any = 0.0
        if effects is not None:
            values = values - self._unscaled(X, self.known.ahead) @ effects.T
            n = len(self.known.names)
            moved = list(range(n, n + len(self.known.ahead)))
            later = self._unscaled(X, moved) @ effects.T
        if ndim == X.ndim:
            return np.asarray(self.linear.at_each_step(values) + later)
        last = np.full(len(X), X.shape[1]) if lengths is None else lengths
        later = later if effects is None else later[np.arange(len(X)), last - 1]
        return np.asarray(self.linear.at_step(values, last - 1) + later)

    def _unscaled(self, X: Array, features: list[int]) -> Array:
        """Some features of transformed X (..., I), without their scaling."""
        values = X[..., features]
        if self.scaling is not None:
            values = values / self.scaling[1][features] + self.scaling[0][features]
        return np.asarray(values)

    def _logarithms(self, X: Array, lengths: Array | None, where: str) -> Array:
        """Replace features by their logarithms (`DataError` if one has none)."""
        assert self.linear is not None
        features = [f for f, log in zip(self.own_features, self.linear.log, strict=True) if log]
        X = fractions(X, np.float64).copy()
        values = X[..., features]
        if lengths is not None:
            values = np.where(after_end(lengths, X.shape[1])[..., None], 1, values)
        if (values <= 0).any():
            row = int(np.argwhere(values <= 0)[0][0])
            raise DataError(
                f"{where}: row {row} has a value of 0 or less, but the model forecasts logarithms, "
                "as all training values are above 0; correct it, or train with --no-linear"
            )
        X[..., features] = np.log(values)
        return X

    def _current(
        self, X: Array, features: tuple[int, ...], lengths: Array | None, ndim: int
    ) -> Array:
        """Some features as scaled: at each step, or at each row's last step."""
        current = np.asarray(X[..., list(features)])
        if ndim == X.ndim:
            return current
        last = np.full(len(X), X.shape[1]) if lengths is None else lengths
        return np.asarray(current[np.arange(len(X)), last - 1])

    def current_targets(self, X: Array) -> Array | None:
        """Return the current values of the targets in their own units.

        X (..., I) is transformed. None if the targets are not among the features.
        """
        indices = feature_indices(self.targets, self.columns)
        if indices is None or max(indices) >= self.n_features(X.shape[-1]):
            return None
        current = self._unscaled(X, list(indices))
        return current if self.linear is None else self.linear.undo_logarithms(current)

    def undo(self, rows: Array) -> Array:
        """Return transformed or reconstructed rows (..., I) in the units of the features.

        Features that mark missing values are left out.
        """
        rows = rows[..., : self.n_features(rows.shape[-1])]
        if self.takes_logarithms and self.linear is not None:
            rows = self._undo_scaling(rows)
            own = self.own_features
            rows[..., own] = self.linear.undo_logarithms(rows[..., own])
            return rows
        return rows if self.scaling is None else self._undo_scaling(rows)

    def _undo_scaling(self, rows: Array) -> Array:
        if self.scaling is None:
            return rows.copy()
        offset, factor = self.scaling
        undone = np.empty_like(rows)
        for first, piece in in_pieces(rows, SCAN_BYTES):  # computed in float64
            undone[first : first + len(piece)] = piece / factor + offset
        return undone


def table_names(columns: tuple[str, ...] | None, layout: Any) -> tuple[str, ...] | None:
    """Return the names of columns of a table, which has a layout: others are not in the data."""
    return columns if layout in ("wide", "features", "long") else None


def feature_indices(
    targets: tuple[str, ...] | None, columns: tuple[str, ...] | None
) -> tuple[int, ...] | None:
    """Return the index of each target among the features; None unless all are there."""
    if not targets or not columns or not set(targets) <= set(columns):
        return None
    return tuple(columns.index(name) for name in targets)


@np.errstate(over="ignore", divide="ignore", invalid="ignore")
def fitted_transform(
    rows: Rows,
    missing: str,
    scale: str,
    scale_targets: bool,
    change: tuple[int, ...] | None = None,
    columns: tuple[str, ...] | None = None,
    targets: tuple[str, ...] | None = None,
    reading: Mapping[str, Any] | None = None,
    encodings: tuple[Encoding, ...] = (),
    linear: LinearPath | None = None,
) -> Transform:
    """Fit a :class:`Transform` on training rows.

    Parameters
    ----------
    rows : Rows
    missing, scale : str
        As the options of those names.
    scale_targets : bool
        Whether targets are scaled too if features are.
    change : tuple of int, optional
        As in :class:`Transform`; targets are then scaled as those features are.
    columns, targets, reading, encodings
        Kept as they are; features of encodings are not scaled, and missing ones become 0.
    linear : LinearPath, optional
        As in :class:`Transform`; what it leaves of the targets is scaled.

    Raises
    ------
    DataError
        If values are too large or too close together for a finite scaling.
    """
    fill = scaling = target_scaling = None
    least: Any = 0.0
    pixels = rows.X.dtype == np.uint8
    if linear is not None:
        bare = Transform(
            linear=linear,
            columns=columns,
            targets=targets,
            reading=reading or {},
            encodings=encodings,
        )
        rows, least = _with_remainder(rows, bare)
    if (scale != "none" and not pixels) or missing in ("mean", "forward", "mask"):
        features = statistics(rows.X, rows.lengths, rows.weights)
        encoded = encoded_features(
            _sources(columns, encodings, reading), encodings, len(features.mean)
        )
        if missing in ("mean", "forward", "mask"):
            fill = np.where(encoded, 0, features.mean)
        low, high = features.low[~encoded], features.high[~encoded]
        in_range = bool((low >= 0).all() and (high <= 1).all())
        if scale == "minmax" and not pixels:
            seen = features.weight > 0
            low, high = np.where(seen, features.low, 0), np.where(seen, features.high, 0)
            scaling = (low, 1 / np.where(high > low, high - low, 1.0))
        elif scale == "standard" or (scale == "auto" and not in_range and not pixels):
            scaling = (features.mean, 1 / features.deviation)
        if scaling is not None:
            scaling = (np.where(encoded, 0, scaling[0]), np.where(encoded, 1, scaling[1]))
    if change is not None:
        indices = list(change)
        target_scaling = scaling and (scaling[0][indices], scaling[1][indices])
    elif scale_targets and (scale != "none" or linear is not None) and rows.y is not None:
        lengths = rows.lengths if rows.y.ndim == 3 else None
        answers = statistics(rows.y, lengths, rows.weights)
        target_scaling = (answers.mean, 1 / np.maximum(answers.deviation, least))
    for pair in (scaling, target_scaling):
        if pair and not (np.isfinite(pair).all() and np.all(pair[1])):
            raise DataError(
                "values are too large or too close together to be scaled; use --scale none"
            )
    return Transform(
        missing,
        fill,
        scaling,
        target_scaling,
        change,
        columns,
        targets,
        bool(pixels),
        reading or {},
        encodings,
        linear,
    )


def _sources(
    columns: tuple[str, ...] | None, encodings: tuple[Encoding, ...], reading: Any
) -> tuple[str, ...] | None:
    """Return the feature of the data that each feature of a net is: those moved in time again."""
    if columns is None or not (reading or {}).get("future"):
        return columns
    known = Transform(columns=columns, encodings=encodings, reading=reading).known
    return (*columns, *(columns[k] for k in known.ahead))


def _with_remainder(rows: Rows, bare: Transform) -> tuple[Rows, Array]:
    """Return rows as the linear path of an unfitted transform leaves them: with logarithms where it
    takes them, and with what it leaves of the targets; also the least deviation of the latter
    (O,), below which it is rounding."""
    assert bare.linear is not None
    X = bare.apply(rows.X, rows.lengths, np.float64, "training rows", check=False)
    y = rows.require_targets()
    lengths = rows.lengths if y.ndim == 3 else None
    level = statistics(bare.linear.logarithms(y), lengths, rows.weights).deviation
    y = bare.apply_targets(y, X, rows.lengths, np.float64)
    return replace(rows, X=X, y=y), REMAINDER * level


def _check_range(X: Any, lengths: Array | None, dtype: Any, where: str) -> None:
    """Refuse values that are infinite in `dtype` (`DataError`)."""
    if X.dtype.kind != "f":
        return
    most = np.finfo(dtype).max
    for first, piece in in_pieces(X, SCAN_BYTES):
        too_large = np.abs(piece) > most
        if lengths is not None:
            own = lengths[first : first + len(piece)]
            too_large &= ~after_end(own, piece.shape[1])[..., None]
        if too_large.any():
            row = first + int(np.argwhere(too_large)[0][0])
            raise DataError(
                f"{where}: {amount(int(too_large.sum()), 'value')} too large for "
                f"{np.dtype(dtype)}, the first in row {row}; correct the data, or train with "
                "--dtype float64"
            )
