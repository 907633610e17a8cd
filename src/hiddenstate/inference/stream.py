"""A recurrent model that reads parallel series step by step and answers after every step."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hiddenstate.data.dataset import label_array
from hiddenstate.data.rows import check_pixels, fractions
from hiddenstate.engines.choose import check_device
from hiddenstate.engines.integers import compiled
from hiddenstate.engines.reference import ReferencePredictor
from hiddenstate.errors import DataError, OptionError, UntrustedFileError, printable
from hiddenstate.inference.compiled_steps import Stepper, compiled_stepper
from hiddenstate.inference.hidden_states import hidden_state_model
from hiddenstate.inference.inputs import as_trained
from hiddenstate.inference.overflow import CheckedPredictor, check_inputs, checked_predictor
from hiddenstate.inference.stem_steps import advance_stem, stem_of, without_stem
from hiddenstate.inference.stream_state import (
    by_row,
    initial_state,
    n_features_of,
    rows_of,
    state_from,
    state_layout,
)
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.meaning import program_of
from hiddenstate.models.net import Params
from hiddenstate.models.streaming import obstacles_of_model, reasons, streaming_options
from hiddenstate.program.equations import softmax
from hiddenstate.program.jobs import first_with
from hiddenstate.program.layers import Layer, run_layers
from hiddenstate.program.order import step_of
from hiddenstate.program.rows import Rows, carry_forward
from hiddenstate.program.steps import Change, Fractions, Quantiles, Scale, TargetScale
from hiddenstate.system.array_file import Layout, encode_arrays, read_arrays
from hiddenstate.system.atomic_file import write_output
from hiddenstate.system.cancellation import raise_if_cancelled
from hiddenstate.system.typing import Array

KIND = "stream"
"""The kind of the array file that :meth:`Stream.save` writes."""

WORK_AT_ONCE = 10**9
"""Multiplications between two looks whether the caller is interrupted."""

FLOAT64, UINT8 = np.dtype(np.float64), np.dtype(np.uint8)


class Stream:
    """Reads parallel series step by step, and answers after every step.

    The state of each series is carried from call to call, so it does not matter how a series is
    cut: its answers are the same. They are the same alone and beside other series, too. The first
    holds to the bit with the kernels and the reference, the second with the reference; otherwise
    both hold to rounding.

    The state goes on beyond the length of the windows a model was trained on; `predict` starts anew
    with every window, unless the model carries its state.

    Parameters
    ----------
    model : FittedModel
        Of a classifier or a regressor that reads no later steps.
    rows : int, default 1
        Number of parallel series.
    device : str, default "auto"
    threads : int, default 0
        0 chooses the number, as the option `--threads` does.
    state : dict of ndarray, optional
        An earlier :attr:`state`, which is copied; arrays that are missing begin anew, a sum and
        the number of its steps together.

    Attributes
    ----------
    rows : int
    classes : ndarray (C,) or None
        The labels of a classifier, in the order of its answers.
    state : dict of ndarray
        The arrays of the cell by name, each (L, rows, H), or (L, rows, S) of complex states; `last`
        (rows, I), the last known value of each feature, with missing "forward"; `lags` (rows, P,
        I), the last inputs of the network that a forecast reads; `sum` (rows, H), of a stem (rows,
        H + C), and `count` (rows,) with readout "mean"; of a stem `recent` (rows, M), the last
        inputs of each of its layers, and with a mean of steps `pooled` (rows, C), the sum since the
        last complete mean, and `phase` (rows,), its steps. The arrays of layers after that mean
        change when it is complete. Of an integer model all but `last` and `lags` are integers.

    Raises
    ------
    OptionError
        If the model cannot answer before the end of a series, or `rows` is not positive.
    DataError
        If `state` is not one of this model for as many rows.
    """

    def __init__(
        self,
        model: FittedModel,
        rows: int = 1,
        device: str = "auto",
        threads: int = 0,
        state: Mapping[str, Array] | None = None,
    ) -> None:
        _check_streams(model)
        if isinstance(rows, bool) or not isinstance(rows, (int, np.integer)) or rows < 1:
            raise OptionError(f"rows: expected a positive integer, got {printable(rows, 40)}")
        self.rows = int(rows)
        self.classes = None if model.classes is None else label_array(model.classes)
        self._model, self._shape = model, (self.rows, n_features_of(model))
        self._predictor: CheckedPredictor | None = None
        self._averages = model.net.output == "last" and model.net.recurrent.readout == "mean"
        self._state = state_from(model, self.rows, state or {})
        check_device(model, device)
        self._layers, self._one_by_one = _integer_layers(model), False
        self._stem: tuple[Layer, ...] = ()
        if self._layers is None:
            self._stem = stem_of(model)
            steps = hidden_state_model(model) if self._averages else _answers_every_step(model)
            self._predictor = checked_predictor(without_stem(steps), device, threads)
            self._one_by_one = isinstance(self._predictor.predictor, ReferencePredictor)
        self._stepper = self._compiled()
        plain = (Fractions, Scale, TargetScale, Change)  # what the compiled steps do themselves
        own = all(isinstance(step, plain) for step in model.transform.steps)
        self._reads_raw = self._stepper is not None and own
        self._answer_shape, self._dtype = (self.rows, model.net.n_outputs), model.dtype
        self._answer_type = model.transform.answer_type(model.dtype)
        self._types = FLOAT64, UINT8, np.dtype(model.dtype)
        self._of_features = model.transform.reading.get("layout") == "features"

    @property
    def state(self) -> Mapping[str, Array]:
        """The arrays that a later step reads, by name."""
        return MappingProxyType(self._state)

    def step(self, x: ArrayLike, active: ArrayLike | None = None) -> Array:
        """Read one step of every series, and answer.

        Parameters
        ----------
        x : array-like (rows, I)
            As the data has them. (I,) is accepted of one series, and a number of one feature. Of a
            model that reads columns known ahead, the last ones are the values of these at the time
            that is predicted.
        active : array-like of bool (rows,), optional
            The series that have a step now; the others keep their state. By default all.

        Returns
        -------
        ndarray (rows, C) or (rows, O)
            The probability of each class if the series ended here, or the targets in their own
            units. NaN for series that are not active.

        Raises
        ------
        DataError
            If x has another shape, or values that the model does not read. The state is then
            unchanged.
        """
        x = np.asarray(x)
        if self._of_features:
            x = as_trained(self._model, x)
        if x.shape != self._shape:
            x = self._shaped(x)
        stepper = self._stepper
        if stepper and self._reads_raw and active is None and x.dtype in self._types:
            out = np.empty(self._answer_shape, self._dtype)
            if stepper.advance(x, True, None, out):
                return out
        if active is None:
            return self._answers(x[:, None])[:, 0]
        active = np.asarray(active)
        if active.dtype != bool or active.shape != (self.rows,):
            raise DataError(
                f"active: expected {self.rows} truth values, got shape {active.shape} of "
                f"{active.dtype}"
            )
        return self._answers(x[active][:, None], active)[:, 0]

    def feed(self, X: ArrayLike) -> Array:
        """Read several steps of every series.

        Parameters
        ----------
        X : array-like (rows, T, I)
            (T, I) is accepted of one series.

        Returns
        -------
        ndarray (rows, T, C) or (rows, T, O)
            The answers after every step; see :meth:`step`, also for errors.
        """
        X = as_trained(self._model, np.asarray(X))
        if X.ndim == 2 and self.rows == 1:
            X = X[None]
        if X.ndim != 3 or len(X) != self.rows or X.shape[2] != self._shape[1]:
            raise DataError(
                f"X: expected shape ({self.rows}, steps, {self._shape[1]}), got {X.shape}"
            )
        before = {name: array.copy() for name, array in self._state.items()}
        parts = [np.empty((self.rows, 0, self._answer_shape[1]), self._answer_type)]
        at_once = max(1, WORK_AT_ONCE // (self.rows * self._model.net.n_parameters()))
        try:
            for first in range(0, X.shape[1], at_once):
                raise_if_cancelled()
                parts.append(self._answers(X[:, first : first + at_once]))
        except BaseException:
            for name, array in self._state.items():
                array[...] = before[name]
            raise
        return np.concatenate(parts, axis=1)

    def reset(self, rows: ArrayLike | None = None) -> None:
        """Begin new series in these rows, numbers or a mask; by default in all."""
        fresh = initial_state(self._model, self.rows)
        which = slice(None) if rows is None else np.asarray(rows)
        for name, array in self._state.items():
            by_row(array, name)[which] = by_row(fresh[name], name)[which]

    def copy(self) -> "Stream":
        """Return a stream that goes on from the same state, independently of this one."""
        other = type(self).__new__(type(self))
        vars(other).update(vars(self))
        other._state = {name: array.copy() for name, array in self._state.items()}
        other._stepper = other._compiled()
        return other

    def _compiled(self) -> Stepper | None:
        """Return what advances the state in the kernels, if they compute."""
        if self._predictor is None:
            return None
        return compiled_stepper(self._model, self._predictor, self._state, self._stem)

    def __copy__(self) -> "Stream":
        return self.copy()

    def __deepcopy__(self, memo: dict[int, object]) -> "Stream":
        return self.copy()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the state to a file, from which the same model continues: `model.stream(path)`.

        Raises
        ------
        MachineError
            If the file cannot be written; an existing file is then unchanged.
        """
        facts = {"model": fingerprint(self._model), "rows": self.rows}
        write_output(Path(path), encode_arrays(KIND, self._state, facts))

    def _shaped(self, x: Array) -> Array:
        """Return x as (rows, I) if its shape leaves no doubt."""
        shape = self._shape
        if (x.ndim < 2 and self.rows == 1 and x.size == shape[1]) or (
            x.ndim == 1 and shape == (x.size, 1)
        ):
            return x.reshape(shape)
        raise DataError(f"x: expected shape {shape}, got {x.shape}")

    def _answers(self, X: Array, active: Array | None = None) -> Array:
        """Return answers (rows, n, ...) to raw steps X (B, n, I) of the active rows."""
        if self._model.transform.pixels:
            check_pixels(X, "x")
        out = np.full((self.rows, X.shape[1], self._answer_shape[1]), np.nan, self._answer_type)
        if active is not None and not active.any():
            return out
        if self._stepper and self._compiled_answers(self._stepper, X, active, out):
            return out
        which = slice(None) if active is None else active
        state = {n: np.array(rows_of(a, n, which), order="C") for n, a in self._state.items()}
        out[which] = self._computed_answers(X, state)
        for name, array in state.items():
            by_row(self._state[name], name)[which] = by_row(array, name)
        return out

    def _compiled_answers(
        self, stepper: Stepper, X: Array, active: Array | None, out: Array
    ) -> bool:
        """Write the answers of the kernels to `out`, unless something is wrong with X."""
        which = slice(None) if active is None else active
        if self._reads_raw and X.dtype == np.uint8:
            return bool(stepper.advance(np.ascontiguousarray(X), True, active, out))
        if self._reads_raw and X.dtype.kind in "fi":
            return bool(stepper.advance(X.astype(np.float64), True, active, out))
        last = self._state["last"][which] if "last" in self._state else None
        inputs, last = self._prepared(X, last)
        read = np.ascontiguousarray(fractions(inputs, self._dtype))
        if not stepper.advance(read, False, active, out):
            return False
        if last is not None:
            self._state["last"][which] = last
        if "lags" in self._state:
            memory = {"lags": self._state["lags"][which]}
            out[which] = self._model.transform.undo_targets(out[which], inputs, None, memory)
            self._state["lags"][which] = memory["lags"]
        elif (order := step_of(self._model.transform.steps, Quantiles)) is not None:
            out[which] = order.undo(out[which], Rows(inputs))
        return True

    def _computed_answers(self, X: Array, state: Params) -> Array:
        """Return the predictor's answers (B, n, ...) to raw steps, and advance `state` in place."""
        if self._one_by_one and X.shape[:2] != (1, 1):
            return self._answers_one_by_one(X, state)
        if self._stem and X.shape[1] != 1:
            self._prepared(X, state.get("last"))  # refuses all before any state changes
            steps = [self._computed_answers(x[:, None], state) for x in X.swapaxes(0, 1)]
            return np.concatenate(steps, axis=1)
        inputs, last = self._prepared(X, state.get("last"))
        outputs = self._outputs(inputs, state)
        if last is not None:
            state["last"][...] = last
        if self._model.net.kind.has_classes:
            return softmax(outputs)
        memory = {name: state[name] for name in ("lags",) if name in state}
        answers = self._model.transform.undo_targets(outputs, inputs, None, memory)
        for name, array in memory.items():
            state[name][...] = array
        return answers

    def _outputs(self, inputs: Array, state: Params) -> Array:
        """Return outputs (B, n, O) of the net, without a stem for n steps, and advance `state`."""
        if self._layers is not None:
            return _advanced(self._layers, fractions(inputs, self._dtype), state)
        assert self._predictor is not None
        if not self._stem:
            outputs = self._predictor.advance(inputs, state)
            return self._head(outputs, state) if self._averages else outputs
        read, complete = advance_stem(self._stem, fractions(inputs, self._dtype), state)
        after = state if complete is None else {name: a.copy() for name, a in state.items()}
        outputs = self._predictor.advance(read, after)
        if self._averages:
            outputs = self._head(np.concatenate([outputs, read], axis=2), after)
        if complete is not None:
            for name, array in after.items():
                by_row(state[name], name)[complete] = by_row(array, name)[complete]
        return outputs

    def _answers_one_by_one(self, X: Array, state: Params) -> Array:
        """Compute each row and step alone: products of several differ in their last bits."""
        self._prepared(X, state.get("last"))  # refuses all before any state changes
        rows = []
        for i in range(len(X)):
            own = {n: np.ascontiguousarray(rows_of(a, n, [i])) for n, a in state.items()}
            rows.append(
                [self._computed_answers(X[i : i + 1, t : t + 1], own) for t in range(X.shape[1])]
            )
            for name, array in own.items():
                by_row(state[name], name)[i] = by_row(array, name)[0]
        return np.concatenate([np.concatenate(row, axis=1) for row in rows])

    def _prepared(self, X: Array, last: Array | None) -> tuple[Array, Array | None]:
        """Return steps as the net reads them, and the last known values after them, if kept."""
        if X.dtype.kind not in "fiub":
            raise DataError(f"x: expected numbers, got {X.dtype}")
        if X.dtype == bool:
            X = X.astype(self._dtype)
        if last is not None:
            values = fractions(X, np.float64)
            values = np.where(np.isfinite(values), values, np.nan)
            known = carry_forward(np.concatenate([last[:, None], values], axis=1))
            X, last = known[:, 1:], known[:, -1]
        X = self._model.transform.apply(X, None, self._dtype, "x")
        check_inputs(self._model, X, "x")
        return X, last

    def _head(self, hidden: Array, state: Params) -> Array:
        """Return outputs (B, n, O) from the means of what the head reads (B, n, H) so far."""
        params = self._model.params
        parts = np.concatenate([state["sum"][:, None], hidden], axis=1)
        sums = np.add.accumulate(parts, axis=1)
        counts = state["count"][:, None] + np.arange(1, hidden.shape[1] + 1)
        mean = (sums[:, 1:] / counts[..., None]).astype(hidden.dtype)
        state["sum"][...], state["count"][...] = sums[:, -1], counts[:, -1]
        return np.asarray(mean @ params["out.weight"].T + params["out.bias"])


def saved_stream(
    model: FittedModel, path: str | os.PathLike[str], device: str = "auto", threads: int = 0
) -> Stream:
    """Return the stream that :meth:`Stream.save` wrote to `path`, to continue it with its model.

    Raises
    ------
    OptionError
        If the model cannot answer before the end of a series.
    UntrustedFileError
        If the file is damaged, or belongs to another model.
    MachineError
        If it cannot be read.
    """
    _check_streams(model)
    where = printable(path)

    def check(layout: Layout, facts: dict[str, Any]) -> None:
        if facts.get("model") != fingerprint(model):
            raise UntrustedFileError(f"{where}: is a stream of another model")
        rows = facts.get("rows")
        if not isinstance(rows, int) or not 0 < rows < 2**31:
            raise UntrustedFileError(f"{where}: damaged number of rows")
        expected = state_layout(model, rows)
        if dict(layout) != expected:
            raise UntrustedFileError(f"{where}: its arrays are not the state of this model")

    arrays, facts = read_arrays(Path(path), KIND, check)
    try:
        return Stream(model, facts["rows"], device, threads, arrays)
    except DataError as error:
        raise UntrustedFileError(f"{where}: {error}") from None


def fingerprint(model: FittedModel) -> str:
    """Return a SHA-256 of everything a model computes with, in hexadecimal."""
    return hashlib.sha256(model.encode()).hexdigest()


def _check_streams(model: FittedModel) -> None:
    """Refuse models that have no answer before the end of a series (`OptionError`)."""
    if against := obstacles_of_model(model):
        options = streaming_options(against)
        other = f", or train one with {options}" if options else ""
        raise OptionError(f"stream: the model {reasons(against)}; use predict{other}")


def _integer_layers(model: FittedModel) -> tuple[Layer, ...] | None:
    """Return the layers of an integer model, None of any other."""
    return None if model.integer is None else compiled(program_of(model)).nets[0]


def _advanced(layers: tuple[Layer, ...], x: Array, state: Params) -> Array:
    """Return the outputs (B, n, O) of layers after each step of x, and advance `state` in place."""
    outputs = []
    for t in range(x.shape[1]):
        y, _, after = run_layers(layers, x[:, t : t + 1], None, state)
        outputs.append(y if y.ndim == 3 else y[:, None])
        for name, array in after.items():
            state[name][...] = array
    return np.concatenate(outputs, axis=1)


def _answers_every_step(model: FittedModel) -> FittedModel:
    """Return the model with an output at every step, from the state there."""
    return replace(model, net=replace(model.net, job=first_with("targets"), output="steps"))
