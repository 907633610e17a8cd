"""Fills in missing values and scales features and targets; fitted on training rows.

A model keeps the transform it was trained with and applies it to new rows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from hiddenstate.data.column_names import table_names
from hiddenstate.data.origin import Origin
from hiddenstate.data.prepare.apply import advice, apply_steps, check_range, restore_steps
from hiddenstate.data.prepare.encoding import Encoding, source_names
from hiddenstate.data.prepare.known_ahead import KnownAhead, known_ahead
from hiddenstate.data.prepare.linear_path import LinearPath
from hiddenstate.data.prepare.missing import SCAN_BYTES, amount, check_finite, place_of
from hiddenstate.data.rows import overlapping, windows_like
from hiddenstate.data.store import PIECE, RowStore
from hiddenstate.errors import DataError
from hiddenstate.program.order import for_nets, has_far_targets, learned, step_of, undone
from hiddenstate.program.rows import Rows, Spread
from hiddenstate.program.steps import (
    Change,
    Fill,
    Forecast,
    Fractions,
    Logarithm,
    Mask,
    Quantiles,
    Scale,
    Step,
    TargetScale,
    WindowScale,
    exponentials,
    unscaled,
)
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
        Features of X, one for each target, that are added to what the net gives: the current values
        of targets that are forecast, or the first inputs.
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
    quantiles : tuple of float
        What is answered of each target; each is then there once for each quantile, with its scaling
        and change. By default the target itself.
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
    quantiles: tuple[float, ...] = ()

    def __getstate__(self) -> dict[str, Any]:
        """Return what a pickle holds: not the steps, which are made of the rest."""
        return {name: value for name, value in vars(self).items() if name != "steps"}

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
        return any(self.log)

    @property
    def has_path(self) -> bool:
        """Whether the net adds to a forecast of each target."""
        return self.linear is not None

    @property
    def log(self) -> tuple[bool, ...]:
        """For each target, whether its logarithm is forecast; empty without a path."""
        return () if self.linear is None else self.linear.log

    @property
    def nearer(self) -> tuple[LinearPath, ...]:
        """The paths of nearer steps, if there are some."""
        return () if self.linear is None else self.linear.nearer

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """What is done to rows and targets: the steps of the model's program."""
        path, own = self.linear, tuple(self.own_features)
        scale = None if self.scaling is None else Scale(*self.scaling)
        steps: list[Step | None] = [Fractions(), None, None, scale]
        if path is not None and any(path.log):
            logs = tuple(f for f, log in zip(own, path.log, strict=True) if log)
            steps[1] = Logarithm(logs, path.log)
        if self.fill is not None:
            # The mean of all series is no value of one in units of its own.
            steps[2] = Fill(self.fill, self.missing == "forward", own if self.by_window else ())
            steps.append(Mask() if self.missing == "mask" else None)
        if path is not None:
            steps.append(self.forecast(path))
        if self.by_window:
            steps.append(WindowScale(own, int(self.reading.get("window") or 0), scale))
        if self.target_scaling is not None:
            steps.append(TargetScale(*self.target_scaling))
        if self.change is not None:
            steps.append(Change(self.change))
        if len(self.quantiles) > 1:
            steps.insert(1, Quantiles(len(self.quantiles)))
        return tuple(step for step in steps if step is not None)

    def for_outputs(self, values: Array) -> Array:
        """Return values (..., O) of targets for the outputs: once for each quantile."""
        return values if not self.quantiles else np.repeat(values, len(self.quantiles), axis=-1)

    @property
    def has_center(self) -> bool:
        """Whether an output of each target is near it: the target itself, or its median."""
        return not self.quantiles or 0.5 in self.quantiles

    def central(self, values: Array) -> Array:
        """Return those outputs of values (..., O), if there are some."""
        if not self.quantiles:
            return values
        return values[..., self.quantiles.index(0.5) :: len(self.quantiles)]

    def answer_names(self, n_outputs: int) -> tuple[str, ...]:
        """Return the names of the outputs in the units of the targets, such as `y` or `y_q0.9`."""
        n_targets = n_outputs // max(1, len(self.quantiles))
        names = self.targets or tuple(f"y_{i + 1}" for i in range(n_targets))
        ends = [f"_q{quantile:g}" for quantile in self.quantiles] or [""]
        return tuple(name + end for name in names for end in ends)

    def forecast(self, path: LinearPath) -> Forecast:
        """Return the step of a path, which is `linear` or one of its `nearer`.

        The moved features are as far ahead as it forecasts.
        """
        scale = None if self.scaling is None else Scale(*self.scaling)
        ahead = [] if path.effects is None else self.known.ahead
        moved = range(len(self.columns or ()), len(self.columns or ()) + len(ahead))
        return path.forecast(tuple(self.own_features), scale, ahead, moved)

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
        self,
        X: Any,
        lengths: Array | None,
        dtype: Any,
        where: str,
        check: bool = True,
        overwrite: bool = False,
        origin: Origin | None = None,
        ids: Array | None = None,
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
        overwrite : bool, default False
            Whether the result may take the place of X.
        origin : Origin, optional
            Where the rows come from, for messages.
        ids : ndarray (N,), optional
            What messages call the series of each row.

        Raises
        ------
        DataError
            If values are missing and nothing fills them in, or a value is too large for `dtype`.
        """
        if check and self.missing in ("error", "drop"):
            more: Any = {"encodings": self.encodings, "origin": origin}
            check_finite(X, lengths, where, self.feature_names, True, ids, **more)
        if not self.changes_inputs:
            check_range(X, lengths, dtype, where)
            return X
        # A value of a window far from 0 has more digits than float32; the net reads it scaled.
        kept = np.float64 if self.by_window and not isinstance(X, RowStore) else dtype
        width = self.width(X.shape[-1])

        def place(row: int, position: tuple[int, ...]) -> tuple[str, int | None]:
            return place_of(row, position, X.shape[1:], self.feature_names, ids, origin)

        return apply_steps(self.steps, X, lengths, width, (kept, dtype), where, overwrite, place)

    def apply_targets(
        self, y: Array, X: Any, lengths: Array | None, dtype: Any, undo: bool = False
    ) -> Array:
        """Transform targets (N, T, O) or (N, O) of transformed rows `X` into what the net learns;
        with `undo`, into what it can answer of them, in their own units.

        Raises
        ------
        DataError
            If a target is too large for `dtype`.
        """
        most, wrong, first_wrong = np.finfo(dtype).max, 0, None
        at_once = undo and self.is_alike_in_parts
        kept = self.answer_type(dtype) if at_once else dtype

        def change(y: Array, X: Any, lengths: Array | None, first: int, before: int) -> Array:
            nonlocal wrong, first_wrong
            rows = Rows(X, lengths, y.ndim == 3)
            with np.errstate(over="ignore", invalid="ignore"):
                scaled = learned(self.steps, y.astype(np.float64, copy=False), rows)
                scaled = scaled.astype(dtype, copy=False)
            # Predictions are in the units of the targets, in `dtype` too. NaN has no current value.
            too_large = (np.isfinite(y) & (np.isinf(scaled) | (np.abs(y) > most)))[:, before:]
            if too_large.any():
                wrong += int(too_large.sum())
                if first_wrong is None:
                    first_wrong = first + int(np.argwhere(too_large)[0][0])
            with np.errstate(over="ignore"):
                return np.asarray(undone(self.steps, scaled, rows) if at_once else scaled, kept)

        scaled = self._in_parts(change, y, X, lengths, kept)
        if wrong:
            if overlapping(y) is not None:  # counted by window
                return self.apply_targets(np.array(y), X, lengths, dtype)
            raise DataError(
                f"{amount(wrong, 'target')} too large for {np.dtype(dtype)}, the first in row "
                f"{first_wrong}; {advice(dtype)}"
            )
        return self.undo_targets(scaled, X, lengths) if undo and not at_once else scaled

    def _in_parts(
        self,
        change: Callable[[Array, Any, Array | None, int, int], Array],
        y: Array,
        X: Any,
        lengths: Array | None,
        dtype: Any,
    ) -> Array:
        """Return `change` of targets y of transformed rows X.

        It takes several copies of both, so that many are changed in parts: some rows or, of a long
        one, some steps, with those before them that a path reads. Its last arguments are the number
        of the first row, and how many of the steps are such."""
        if not isinstance(X, np.ndarray) or X.ndim < 3:
            return change(y, X, lengths, 0, 0)
        plain = self._reads_plainly
        if self.linear is None and not self.by_window and lengths is None:
            series, inputs = overlapping(y), overlapping(X)
            if series is not None and inputs is not None and len(series) == len(inputs):
                return windows_like(y, self._in_parts(change, series, inputs, None, dtype))
        whole, most = (8 * max(X.size, y.size), SCAN_BYTES) if plain else (y.nbytes, PIECE)
        if whole <= most:
            return change(y, X, lengths, 0, 0)
        out, (N, T) = np.empty(y.shape, dtype), X.shape[:2]
        n = max(1, SCAN_BYTES * N // whole)
        for first in range(0, N, n):
            rows = slice(first, first + n)
            ends = None if lengths is None else lengths[rows]
            apart = plain and not self.by_window
            if n > 1 or y.ndim == 2 or lengths is not None or not apart:
                out[rows] = change(y[rows], X[rows], ends, first, 0)
                continue
            lags = 0 if self.linear is None else self.linear.n_lags
            size = max(SCAN_BYTES // (8 * max(X.shape[2], y.shape[2])), 4 * lags, 1)
            for begin in range(0, T, size):
                before = min(begin, lags)
                steps = slice(begin - before, begin + size)
                part = change(y[rows, steps], X[rows, steps], None, first, before)
                out[rows, begin : begin + size] = part[:, before:]
        return out

    @property
    def is_alike_in_parts(self) -> bool:
        """Whether the outputs of some steps are undone to the bit as those of all."""
        return self._reads_plainly and not self.by_window

    @property
    def _reads_plainly(self) -> bool:
        """Whether a path multiplies no matrices: their products differ in the last bit with the
        number of rows and steps."""
        path = self.linear
        return path is None or (path.effects is None and path.input_weights is None)

    def logarithms_of_targets(self, y: Array, lengths: Array | None) -> Array:
        """Return targets y (N, T, O) or (N, O) with logarithms where the linear path takes them;
        padding, the steps after `lengths`, counts as 1."""
        step = step_of(self.steps, Logarithm)
        return y if step is None else step.learn(y, Rows(None, lengths, y.ndim == 3))

    def undo_targets(
        self,
        outputs: Array,
        X: Any = None,
        lengths: Array | None = None,
        memory: dict[str, Array] | None = None,
    ) -> Array:
        """Return a regressor's outputs in the units of the targets; undoes `apply_targets`.

        They are float64 where float32 has too few digits: of targets that are `FAR` deviations
        from 0. Of a stream, `memory` holds what its steps carry, and is advanced.
        """
        dtype = self.answer_type(outputs.dtype)
        if memory is None and self.is_alike_in_parts:

            def change(y: Array, X: Any, lengths: Array | None, *_: int) -> Array:
                with np.errstate(over="ignore"):
                    y = undone(self.steps, y, Rows(X, lengths, y.ndim == 3))
                    return np.asarray(y, dtype)

            return self._in_parts(change, outputs, X, lengths, dtype)
        rows = Rows(X, lengths, outputs.ndim == 3, memory)
        outputs = undone(self.steps, outputs, rows)
        if rows.spread is not None and rows.spread.far.any():
            dtype = np.dtype(np.float64)
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
        return has_far_targets(self.steps)

    def linear_targets(self, X: Array) -> Array | None:
        """Return what the linear path alone forecasts at each step of transformed X (N, T, I), in
        the units of the targets; None without one."""
        if self.linear is None:
            return None
        shape = (*X.shape[:2], self.linear.n_targets)
        return self.undo_targets(np.broadcast_to(0.0, shape), X)

    def window_scale(self, X: Array, lengths: Array | None) -> Spread:
        """Return the spread of the window before the last step of each row of transformed X
        (N, T, I), if windows are scaled."""
        return self._window.spread(Rows(X, lengths))

    @property
    def _window(self) -> WindowScale:
        step = step_of(self.steps, WindowScale)
        assert step is not None
        return step

    def net_inputs(self, X: Any, lengths: Array | None, dtype: Any) -> Any:
        """Return what the net reads of transformed rows X: X itself, unless windows are scaled."""
        return for_nets(self.steps, X, lengths).astype(dtype) if self.by_window else X

    def net_targets(self, y: Any, X: Any, lengths: Array | None) -> Any:
        """Return what the net learns of transformed targets y (N, O) of rows X: of windows that are
        scaled no extreme ones, and after flat ones nothing."""
        return self._window.to_net(y, Rows(X, lengths)) if self.by_window else y

    def net_outputs(self, outputs: Array, X: Array, lengths: Array | None) -> Array:
        """Return outputs (N, O) of the net for transformed rows X: 0 after flat windows."""
        if not self.by_window or outputs.ndim != 2:
            return outputs
        return self._window.from_net(outputs, Rows(X, lengths))

    def path_targets(
        self, path: LinearPath, X: Array, lengths: Array | None = None, ndim: int = 2
    ) -> Array:
        """Return the forecast (N, O) of a path after the last step of each row of transformed X
        (N, T, I), or after each step if `ndim` is 3: logarithms where it takes them.

        `path` is `linear` or one of its `nearer`.
        """
        return self.forecast(path).at(Rows(X, lengths, ndim == 3))

    def nearer_targets(self, place: int, X: Array, lengths: Array | None, added: Array) -> Array:
        """Return the forecast (n, O) of the path of a nearer step in the units of the targets, with
        its share of what the net `added` (n, O) at the last step; X is transformed."""
        assert self.linear is not None
        shares = self.linear.nearer_share
        share = 0.0 if shares is None else shares[place]
        own = self.path_targets(self.nearer[place], X, lengths) + share * added
        return exponentials(own, self.log)

    def current_targets(self, X: Array) -> Array | None:
        """Return the current values of the targets in their own units.

        X (..., I) is transformed. None if the targets are not among the features.
        """
        indices = feature_indices(self.targets, self.columns)
        if indices is None or max(indices) >= self.n_features(X.shape[-1]):
            return None
        if (series := overlapping(X)) is not None:
            current = self.current_targets(series)
            return None if current is None else windows_like(X, current)
        current = self.for_outputs(unscaled(X, indices, step_of(self.steps, Scale)))
        return exponentials(current, self.log) if self.log else current

    def undo(self, rows: Array) -> Array:
        """Return transformed or reconstructed rows (..., I) in the units of the features.

        Features that mark missing values are left out.
        """
        return restore_steps(self.steps, rows, self.n_features(rows.shape[-1]))


def feature_indices(
    targets: tuple[str, ...] | None, columns: tuple[str, ...] | None
) -> tuple[int, ...] | None:
    """Return the index of each target among the features; None unless all are there."""
    if not targets or not columns or not set(targets) <= set(columns):
        return None
    return tuple(columns.index(name) for name in targets)
