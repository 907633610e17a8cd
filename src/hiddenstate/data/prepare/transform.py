"""Fills in missing values and scales features and targets; fitted on training rows.

A model keeps the transform it was trained with and applies it to new rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from hiddenstate.data.prepare.encoding import Encoding, source_names
from hiddenstate.data.prepare.known_ahead import KnownAhead, known_ahead
from hiddenstate.data.prepare.linear_path import LinearPath
from hiddenstate.data.prepare.missing import (
    SCAN_BYTES,
    after_end,
    amount,
    carry_forward,
    check_finite,
)
from hiddenstate.data.prepare.window_scale import (
    FAR,
    LARGEST_TARGET,
    WindowScale,
    scale_at_each_step,
    scale_at_step,
)
from hiddenstate.data.rows import fractions, in_pieces
from hiddenstate.data.store import RowStore
from hiddenstate.errors import DataError
from hiddenstate.system.typing import Array

Scaling = tuple[Array, Array]
"""(offset, factor), each (I,): a value x becomes (x - offset) * factor."""


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
    by_window : bool
        With a linear path, whether the net reads the current values of the targets, and learns what
        the path leaves, in units of the deviation of each window.
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
    by_window: bool = False

    @property
    def names(self) -> tuple[str, ...] | None:
        """Names of the input columns, if X was read from a table; None otherwise."""
        columns = table_names(self.columns, self.reading.get("layout"))
        return source_names(columns, self.encodings)

    @property
    def season(self) -> int | None:
        """Steps after which the targets of forecasts repeat; of several seasons, the main one."""
        given = self.reading.get("season")
        if given is None:  # a model of an earlier version
            return None if self.linear is None else self.linear.season
        return given[0] if given else None

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
        # A value of a window far from 0 has more digits than float32; the net reads it scaled.
        out = np.empty((len(X), *shape), np.float64 if self.by_window else dtype)
        for first, piece in in_pieces(X, SCAN_BYTES):
            rows = slice(first, first + len(piece))
            own = None if lengths is None else lengths[rows]
            with np.errstate(over="ignore"):  # checked below
                out[rows] = self._apply_piece(piece, own, out.dtype)
        _check_range(out, None, dtype, where)
        return out

    def _apply_read(self, X: Array, dtype: Any, where: str) -> Array:
        """Transform rows of a store when they are read, which is when they are checked."""
        with np.errstate(over="ignore"):
            values = self._apply_piece(X, None, dtype)
        if np.isinf(values).any():
            raise DataError(f"{where}: values too large for {np.dtype(dtype)}; {_advice(dtype)}")
        return values

    def _apply_piece(self, X: Array, lengths: Array | None, dtype: Any) -> Array:
        values = fractions(X, np.float64)
        absent = ~np.isfinite(values) if self.fill is not None else None
        if absent is not None and self.fill is not None:
            values = np.where(absent, np.nan, values)
            if self.missing == "forward":
                values = carry_forward(values)
                if self.by_window:  # the mean of all series is no value of this one
                    own = self.own_features
                    values[..., own] = carry_forward(values[:, ::-1, own])[:, ::-1]
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
                current = self._linear_targets(X, lengths, y.ndim)
                scaled = self.logarithms_of_targets(y, lengths) - current
            if self.by_window:
                scaled = scaled / self.window_scale(X, lengths, y.ndim).size
            if self.target_scaling is not None:
                scaled = (scaled - self.target_scaling[0]) * self.target_scaling[1]
            if self.change is not None:
                scaled = scaled - self._current(X, self.change, lengths, y.ndim)
            scaled = scaled.astype(dtype, copy=False)
        # Predictions are in the units of the targets, in `dtype` too. NaN has no current value.
        too_large = np.isfinite(y) & (np.isinf(scaled) | (np.abs(y) > np.finfo(dtype).max))
        if too_large.any():
            row = int(np.argwhere(too_large)[0][0])
            raise DataError(
                f"{amount(int(too_large.sum()), 'target')} too large for {np.dtype(dtype)}, the "
                f"first in row {row}; {_advice(dtype)}"
            )
        return np.asarray(scaled)

    def logarithms_of_targets(self, y: Array, lengths: Array | None) -> Array:
        """Return targets y (N, T, O) or (N, O) with logarithms where the linear path takes them;
        padding, the steps after `lengths`, counts as 1."""
        if self.linear is None or not self.takes_logarithms:
            return y
        if y.ndim == 3 and lengths is not None:
            y = np.where(after_end(lengths, y.shape[1])[..., None], 1, y)
        return self.linear.logarithms(y)

    def undo_targets(self, outputs: Array, X: Any = None, lengths: Array | None = None) -> Array:
        """Return a regressor's outputs in the units of the targets; undoes `apply_targets`.

        They are float64 where float32 has too few digits: of targets that are `FAR` deviations
        from 0.
        """
        dtype = self.answer_type(outputs.dtype)
        if self.change is not None:
            outputs = outputs + self._current(X, self.change, lengths, outputs.ndim)
        if self.target_scaling is not None:
            outputs = outputs / self.target_scaling[1] + self.target_scaling[0]
        if self.by_window:
            scale = self.window_scale(X, lengths, outputs.ndim)
            outputs = outputs * scale.size
            if scale.far.any():
                dtype = np.dtype(np.float64)
        if self.linear is not None:
            outputs = outputs + self._linear_targets(X, lengths, outputs.ndim)
            with np.errstate(over="ignore"):
                outputs = self.linear.undo_logarithms(outputs)
        with np.errstate(over="ignore"):  # infinite, which whoever compares them refuses
            return np.asarray(outputs, dtype)

    def added_to_path(self, outputs: Array, X: Array, lengths: Array | None) -> Array:
        """Return what outputs (N, O) for transformed rows X add to a linear path: logarithms where
        it takes them."""
        if self.target_scaling is not None:
            outputs = outputs / self.target_scaling[1]
        if self.by_window:
            outputs = outputs * self.window_scale(X, lengths).size
        return outputs

    def answer_type(self, dtype: Any) -> np.dtype[Any]:
        """Return the type of targets in their units, of a net that computes in `dtype`."""
        return np.dtype(np.float64 if self.has_far_targets else dtype)

    @cached_property
    def has_far_targets(self) -> bool:
        """Whether targets are so many deviations from 0 that float32 cannot tell them apart."""
        if self.linear is not None and self.scaling is not None:
            offset, factor = (np.abs(each[self.own_features]) for each in self.scaling)
            offset = np.where(self.linear.log, 1, offset)  # of logarithms 1 / factor is a share
        elif self.target_scaling is not None:
            offset, factor = (np.abs(each) for each in self.target_scaling)
        else:
            return False
        return bool((offset * factor > FAR).any())

    def linear_targets(self, X: Array) -> Array | None:
        """Return what the linear path alone forecasts at each step of transformed X (N, T, I), in
        the units of the targets; None without one."""
        if self.linear is None:
            return None
        shape = (*X.shape[:2], self.linear.n_targets)
        return self.undo_targets(np.zeros(shape), X)

    def window_scale(self, X: Array, lengths: Array | None, ndim: int = 2) -> WindowScale:
        """Return the scale of the window before the last step of each row of transformed X
        (N, T, I), or before each step if `ndim` is 3."""
        values = self._unscaled(np.asarray(X, np.float64), self.own_features)
        window = int(self.reading.get("window") or 0)
        if ndim == X.ndim:
            return scale_at_each_step(values, window)
        last = np.full(len(X), X.shape[1]) if lengths is None else lengths
        return scale_at_step(values, last - 1, window)

    def net_inputs(self, X: Any, lengths: Array | None, dtype: Any) -> Any:
        """Return what the net reads of transformed rows X: X itself, unless windows are scaled."""
        if not self.by_window:
            return X
        scale, own = self.window_scale(X, lengths), self.own_features
        inputs = np.array(X, np.float64)
        values = (inputs[..., own] - scale.location[:, None]) / scale.size[:, None]
        if lengths is not None:
            values = np.where(after_end(lengths, X.shape[1])[..., None], 0, values)
        inputs[..., own] = values
        return inputs.astype(dtype)

    def net_targets(self, y: Any, X: Any, lengths: Array | None) -> Any:
        """Return what the net learns of transformed targets y (N, O) of rows X: of windows that are
        scaled no extreme ones, and after flat ones nothing."""
        if not self.by_window:
            return y
        flat = self.window_scale(X, lengths).flat
        return np.where(flat, 0, np.clip(y, -LARGEST_TARGET, LARGEST_TARGET)).astype(y.dtype)

    def net_outputs(self, outputs: Array, X: Array, lengths: Array | None) -> Array:
        """Return outputs (N, O) of the net for transformed rows X: 0 after flat windows."""
        if not self.by_window or outputs.ndim != 2:
            return outputs
        flat = self.window_scale(X, lengths).flat
        return np.where(flat, 0, outputs).astype(outputs.dtype)

    def _linear_targets(self, X: Array, lengths: Array | None, ndim: int) -> Array:
        """What the linear path forecasts, logarithms where it takes them."""
        assert self.linear is not None
        return self.path_targets(self.linear, X, lengths, ndim)

    def path_targets(
        self, path: LinearPath, X: Array, lengths: Array | None = None, ndim: int = 2
    ) -> Array:
        """Return the forecast (N, O) of a path after the last step of each row of transformed X
        (N, T, I), or after each step if `ndim` is 3: logarithms where it takes them.

        `path` is `linear` or one of its `nearer`; the moved features of X are as far ahead as it
        forecasts.
        """
        X = np.asarray(X, np.float64)
        values, effects = self._unscaled(X, self.own_features), path.effects
        others = self._unscaled(X, list(path.inputs)) if path.inputs else None
        later: Any = 0.0
        if effects is not None:
            values = values - self._unscaled(X, self.known.ahead) @ effects.T
            n = len(self.known.names)
            moved = list(range(n, n + len(self.known.ahead)))
            later = self._unscaled(X, moved) @ effects.T
        if ndim == X.ndim:
            return np.asarray(path.at_each_step(values, others) + later)
        last = np.full(len(X), X.shape[1]) if lengths is None else lengths
        later = later if effects is None else later[np.arange(len(X)), last - 1]
        return np.asarray(path.at_step(values, last - 1, others) + later)

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
            with np.errstate(over="ignore"):
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
                f"{np.dtype(dtype)}, the first in row {row}; {_advice(dtype)}"
            )


def _advice(dtype: Any) -> str:
    """Return what helps against values that are too large for `dtype`."""
    if np.dtype(dtype) == np.float64:
        return "correct the data, or divide it by a power of ten"
    return "correct the data, or train with --dtype float64"
