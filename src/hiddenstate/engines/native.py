"""The native engine: complete training steps in the C++ kernels, on the cpu, without torch."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from hiddenstate.config import AutoencoderConfig
from hiddenstate.engines.dropout import mask_keys
from hiddenstate.engines.integers import grids
from hiddenstate.engines.interface import (
    Chunk,
    EngineInfo,
    Source,
    Task,
    TrainingState,
    check_state,
    one_by_one,
)
from hiddenstate.engines.learner import learner_of
from hiddenstate.engines.losses import kernel_loss
from hiddenstate.engines.pieces import is_whole, joined, kind_of, pieces, rows_at_once
from hiddenstate.engines.schedule import step_settings
from hiddenstate.engines.sparse import pruned, prunings, share_at
from hiddenstate.errors import DataError
from hiddenstate.kernels import default_threads, level, native
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net, Params
from hiddenstate.program.calibrating import Calibration
from hiddenstate.system.cancellation import (
    StopRequestedError,
    cancellation_check,
    raise_if_cancelled,
)
from hiddenstate.system.typing import Array
from hiddenstate.version import __version__

_RULES = {"sgd": 0, "adam": 1, "adamw": 2}
_BETAS = (0.9, 0.999)
"""Decay rates of Adam's moments (Kingma and Ba, 2015, section 2), as torch's defaults."""

_AHEAD = 256
"""Steps whose settings are computed at a time for :meth:`NativeEngine.step`."""

AUGMENTED = 2**19
"""Most numbers of rows that are augmented at once: a few arrays of 2 MB in float32."""

KEPT_BYTES = 2**22
"""Most bytes of weights of a net whose exported state is kept until the next step."""

_NOT_FINITE = 2
"""The status of a call whose last loss was not finite (`Ending` in net.h)."""


def _turned(array: Array) -> Array:
    """Return a convolution's weights (C, I, k) as the kernels have them, (C, k, I), or back."""
    return array.transpose(0, 2, 1) if array.ndim == 3 else array


def _load(learner: Any, which: int, arrays: list[Array], dtype: str) -> None:
    for i, array in enumerate(arrays):
        learner.load(which, i, np.ascontiguousarray(_turned(array), dtype))


def _states(net: Net, arrays: Params) -> list[Array]:
    """Return the arrays of a state in the order of the cell; none if there are none."""
    return [arrays[name] for name in net.cell.state] if arrays else []


def _rows(X: Array) -> Array:
    """Return rows as the kernels read them, contiguous."""
    return np.ascontiguousarray(X, kind_of(X))


def _whole(numbers: Array | None) -> Array | None:
    return None if numbers is None else np.ascontiguousarray(numbers, np.int64)


class _Forward:
    """A compiled network that computes outputs, for engine and predictor."""

    def __init__(self, net: Net, params: Params, dtype: str, threads: int) -> None:
        self.net, self.threads = net, threads or default_threads()
        self.dtype = dtype
        self.learner = learner_of(net, dtype)
        _load(self.learner, 0, [params[name] for name in net.shapes()], dtype)
        self._encoded = 0
        if isinstance(net.config, AutoencoderConfig):
            self._encoded = len(net.widths()) - 1

    def predict(self, X: Source, lengths: Array | None = None) -> Array:
        parts = []
        for some in pieces(X):
            part_lengths = None if lengths is None else lengths[some]
            parts.append(self.forward(X[some], {}, part_lengths, wants_state=False)[0])
        return joined(parts)

    def forward(
        self, X: Array, state: Params, lengths: Array | None = None, wants_state: bool = True
    ) -> tuple[Array, Params]:
        """Return the outputs of parallel rows from `state`, and the state after them."""
        net, X = self.net, _rows(X)
        if isinstance(net.config, AutoencoderConfig):
            return self._through(X, 0, 2 * self._encoded, net.n_features), {}
        begin = [np.ascontiguousarray(a, self.dtype) for a in _states(net, state)]
        shapes = net.state_shapes(len(X)) if wants_state else {}
        end = {name: np.empty(shape, self.dtype) for name, shape in shapes.items()}
        out = self.empty_outputs(len(X), X)
        self._call(X, X.shape[1], _whole(lengths), 0, 1, begin, out, _states(net, end))
        return out, end

    def advance(self, X: Array, state: Params) -> Array:
        """Return the outputs of parallel rows, and replace their state in place."""
        X, arrays = _rows(X), _states(self.net, state)
        out = self.empty_outputs(len(X), X)
        self._call(X, X.shape[1], None, 0, 1, arrays, out, arrays)
        return out

    def empty_outputs(self, n: int, X: Source) -> Array:
        """Return an uninitialised array for the outputs of `n` rows like those of `X`."""
        steps = (self.net.pooled(X.shape[1]),) if self.net.output == "steps" else ()
        return np.empty((n, *steps, self.net.n_outputs), self.dtype)

    def encode(self, X: Source) -> Array:
        width, end = self.net.widths()[-1], self._encoded
        return joined([self._through(_rows(X[s]), 0, end, width) for s in pieces(X)])

    def decode(self, codes: Array) -> Array:
        return self._through(_rows(codes), self._encoded, 2 * self._encoded, self.net.n_features)

    def _through(self, X: Array, first: int, last: int, width: int) -> Array:
        out = np.empty((len(X), width), self.dtype)
        self._call(X, 0, None, first, last, [], out, [])
        return out

    def _call(self, *arguments: Any) -> None:
        """Let the kernels predict, unless a stop is requested (`StopRequestedError`)."""
        raise_if_cancelled()  # the kernels check for the first time after a while
        if not self.learner.predict(*arguments, self.threads, cancellation_check()):
            raise StopRequestedError


class NativeEngine:
    """Training steps in the kernels, many in one call.

    Parameters
    ----------
    task : Task
        A task that :func:`~hiddenstate.engines.choose.refusal` accepts.
    state : TrainingState
        Copied; the caller's arrays do not change.
    """

    name = "native"
    version = __version__
    device = "cpu"

    def __init__(self, task: Task, state: TrainingState) -> None:
        self.task, training = task, task.training
        self._dtype = training.dtype
        self._net = _Forward(task.net, state.params, self._dtype, training.threads)
        self.threads, self.level = self._net.threads, level()
        self._learner = self._net.learner
        self._names = list(task.net.shapes())
        self._step, self._moments_since = state.step, state.moments_since
        for which, kind in enumerate(self._kinds(), start=1):
            if state.moments:
                arrays = [state.moments[f"{kind}/{name}"] for name in self._names]
                _load(self._learner, which, arrays, self._dtype)
        self._learner.updates = state.step - state.moments_since
        self._learner.rule(
            _RULES[training.optimizer],
            *_BETAS,
            training.weight_decay,
            training.momentum,
            training.label_smoothing,
            training.teach_temperature,
            training.teach_weight,
        )
        self._learner.loss(*kernel_loss(task))
        if state.carried:
            carried = _states(task.net, state.carried)
            self._learner.load_state([np.ascontiguousarray(a, self._dtype) for a in carried])
        X = task.X
        if isinstance(X, np.ndarray) and is_whole(X) and task.augment is None:
            self._teach(X, slice(None))
        else:  # `run` reads it piece by piece
            dtype = kind_of(X) if task.augment is None else np.dtype(self._dtype)
            none = np.empty(0, np.int64)
            self._teach(np.empty((0, *X.shape[1:]), dtype), none, none)
        self._exported: TrainingState | None = None
        # Settings for `step`, from step `_settings_from` on.
        self._settings: list[tuple[float, float, float]] = []
        self._settings_from = 0

    def _kinds(self) -> tuple[str, ...]:
        """Return the kinds of moments the optimiser has, in the kernels' order."""
        training = self.task.training
        if training.optimizer == "sgd":
            return ("momentum_buffer",) if training.momentum else ()
        return ("exp_avg", "exp_avg_sq")

    def _teach(self, X: Array, which: Any, epochs: Any = 0) -> None:
        """Give the kernels the rows `X` to train on: the task's rows `which` in `epochs`."""
        task, kind = self.task, self._dtype
        lengths, weights = (
            None if part is None else part[which] for part in (task.lengths, task.weights)
        )
        y = task.targets(which, epochs)
        parts = weights, task.answers(which, epochs, y)
        is_class = task.net.kind.has_classes
        targets = None if is_class or y is None else np.ascontiguousarray(y, kind)
        steps = X.shape[1] if X.ndim == 3 else 0
        self._learner.teach(
            _rows(X),
            steps,
            _whole(y) if is_class else None,
            targets,
            _whole(lengths),
            task.stateful,
            *(None if p is None else np.ascontiguousarray(p, kind) for p in parts),
            None if task.counts_from is None else task.counts_from[which].astype(np.int32),
        )

    def _lessons(
        self, rows: Array, epochs: Array, sizes: Array, stop: Callable[[], bool]
    ) -> Iterator[tuple[slice, Array]]:
        """Yield (steps, rows): the steps whose rows the kernels have, and their numbers there.

        The rows of a store, or of many windows of a series, are read for as many steps at a time as
        fit in `PIECE` bytes, and rows are augmented for as many as have `AUGMENTED` numbers.
        """
        X, augment = self.task.X, self.task.augment
        if is_whole(X) and augment is None:
            yield slice(0, len(sizes)), rows
            return
        room = rows_at_once(X)
        if augment is not None:
            room = min(room, max(1, AUGMENTED // math.prod(X.shape[1:])))
        ends, first, begin = np.cumsum(sizes), 0, 0
        while first < len(sizes) and not (first and stop()):
            last = max(first + 1, int(np.searchsorted(ends, begin + room, "right")))
            chunk, own = rows[begin : ends[last - 1]], epochs[begin : ends[last - 1]]
            self._teach(self.task.inputs(chunk, own), chunk, own)
            yield slice(first, last), np.arange(len(chunk))
            first, begin = last, int(ends[last - 1])

    def run(self, first: int, last: int, stop: Callable[[], bool]) -> Chunk:
        """Run steps `first` to `last` - 1; see `Engine.run`."""
        task, self._exported = self.task, None
        if task.training.sparsity is not None:
            last = self._prune(task.training.sparsity, first, last)
        rows, sizes, resets = task.batches.span(first, last)
        epochs = task.batches.epochs(first, last)
        outputs = None
        if task.stateful:
            self._check_carried(sizes, resets)
            outputs = self._net.empty_outputs(len(rows), task.X)
        losses = np.empty(last - first)
        settings = step_settings(task.training, first, last, task.total_steps)
        keys = mask_keys(task.net, task.training.seed, first, last)
        steps_done = rows_done = 0
        for some, chunk in self._lessons(rows, epochs, sizes, stop):
            rates, clips, eps = (values[some] for values in settings)
            n_steps, status = self._learner.train(
                chunk,
                sizes[some],
                rates,
                clips,
                eps,
                resets[some],
                None if keys is None else keys[some],
                losses[some],
                None if outputs is None else outputs[rows_done:],
                self.threads,
                stop,
            )
            steps_done, rows_done = steps_done + n_steps, rows_done + len(chunk)
            self._step = first + steps_done - (status == _NOT_FINITE)
            if status:
                break
        if outputs is not None:
            outputs = outputs[: int(sizes[:steps_done].sum())]
        return Chunk(losses[:steps_done], outputs)

    def quantise(self, calibration: Calibration) -> None:
        """Compute with the numbers of a net in integers from now on, as gradients do not."""
        params, self._exported = self._saved(0), None
        self._learner.quantise(*grids(self.task.net, params, calibration))

    def _prune(self, sparsity: float, first: int, last: int) -> int:
        """Prune weights if they are before update `first`, and return the next such update if it is
        before `last`."""
        total = self.task.total_steps
        steps = prunings(total)
        self._learner.sparse = bool(first >= steps[0])
        if first in steps:
            gone = pruned(self._saved(0), share_at(first, sparsity, total))
            for which in range(1 + len(self._kinds())):
                arrays = self._saved(which)
                for name, own in gone.items():
                    arrays[name][own] = 0
                _load(self._learner, which, [arrays[name] for name in self._names], self._dtype)
        return int(min([last, *steps[steps > first]]))

    def _check_carried(self, sizes: Array, resets: Array) -> None:
        before = np.concatenate([[self._learner.state_rows], sizes[:-1]])
        fits = before == sizes if self.task.batches.streams is None else before >= sizes
        wrong = np.flatnonzero(~fits & (before != 0) & ~resets)
        if wrong.size:
            raise DataError(
                f"state: carries {before[wrong[0]]} sequences, x has {sizes[wrong[0]]}; "
                "reset the state, or pass as many sequences"
            )

    def step(self, x: Array, y: Array) -> float:
        """Make one update on the given rows, without checking them.

        Parameters
        ----------
        x : ndarray of shape (B, T, I) or (B, F)
            uint8 or the network's float type, contiguous.
        y : ndarray
            Class numbers (B,) int64, or targets in the network's float type, contiguous.

        Returns
        -------
        float
            The loss before the update; the update is not made if the loss is not finite.
        """
        training, step = self.task.training, self._step
        index = step - self._settings_from
        if not 0 <= index < len(self._settings):
            arrays = step_settings(training, step, step + _AHEAD, self.task.total_steps)
            self._settings = list(zip(*(values.tolist() for values in arrays), strict=True))
            self._settings_from, index = step, 0
        self._step, self._exported = step + 1, None
        keys = mask_keys(self.task.net, training.seed, step, step + 1)
        return float(self._learner.step(x, y, *self._settings[index], self.threads, keys))

    def predict(self, X: Source, lengths: Array | None = None) -> Array:
        """Return the outputs for rows `X`; see `Engine.predict`."""
        return self._net.predict(X, lengths)

    def encode(self, X: Source) -> Array:
        """Return the codes of rows `X`; see `Engine.encode`."""
        return self._net.encode(X)

    def restore(self, params: Params) -> None:
        """Replace the weights; see `Engine.restore`."""
        self._exported = None
        _load(self._learner, 0, [params[name] for name in self._names], self._dtype)

    def set_lr(self, lr: float) -> None:
        """Set the initial rate of the schedule; see `Engine.set_lr`."""
        self.task = replace(self.task, training=replace(self.task.training, lr=lr))
        self._settings = []

    def export(self) -> TrainingState:
        """Return a copy of the state; see `Engine.export`. That of a small net is kept until the
        next step."""
        if self._exported is not None:
            kept = self._exported
            params, moments, carried = map(dict, (kept.params, kept.moments, kept.carried))
            return replace(kept, params=params, moments=moments, carried=carried)
        state = self._copied()
        if np.dtype(self._dtype).itemsize * self.task.net.n_parameters() <= KEPT_BYTES:
            self._exported = state
        return state

    def _copied(self) -> TrainingState:
        params = self._saved(0)
        moments: Params = {}
        if self._step > self._moments_since:
            for which, kind in enumerate(self._kinds(), start=1):
                moments |= {f"{kind}/{n}": a for n, a in self._saved(which).items()}
        return TrainingState(params, self._step, moments, self._carried(), self._moments_since)

    def _saved(self, which: int) -> Params:
        arrays = {}
        for i, (name, shape) in enumerate(self.task.net.shapes().items()):
            turned = shape if len(shape) != 3 else (shape[0], shape[2], shape[1])
            array = np.empty(turned, self._dtype)
            self._learner.save(which, i, array)
            arrays[name] = np.ascontiguousarray(_turned(array))
        return arrays

    def _carried(self) -> Params:
        n_rows = self._learner.state_rows
        if not n_rows:
            return {}
        shapes = self.task.net.state_shapes(n_rows)
        state = {name: np.empty(shape, self._dtype) for name, shape in shapes.items()}
        self._learner.save_state(_states(self.task.net, state))
        return state

    def about(self) -> EngineInfo:
        """Return what config.json records about the engine, with its instruction level."""
        return {
            "name": self.name,
            "version": self.version,
            "device": self.device,
            "threads": self.threads,
            "level": self.level,
        }


class NativePredictor:
    """Computes the outputs of a trained model in the kernels; see :class:`Predictor`.

    Parameters
    ----------
    model : FittedModel
    threads : int, default 0
        Number of threads; 0 chooses it, as the option `--threads` does.
    """

    def __init__(self, model: FittedModel, threads: int = 0) -> None:
        self._net = _Forward(model.net, model.params, str(model.dtype), threads)

    def predict(self, X: Source, lengths: Array | None = None) -> Array:
        """Return the outputs for rows `X`; see `Predictor.predict`."""
        return self._net.predict(X, lengths)

    def forward(self, X: Array, state: Params) -> tuple[Array, Params]:
        """Return the outputs for parallel rows and their last state; see `Predictor.forward`."""
        check_state(state, self._net.net, len(X))
        return self._net.forward(X, state)

    def advance(self, X: Array, state: Params) -> Array:
        """Return the outputs for parallel rows, with their state; see `Predictor.advance`."""
        return self._net.advance(X, state)

    def stepper(self, state: Params, **meaning: Any) -> Any:
        """Return the compiled `Stepper` of csrc/stepper.h, which replaces `state` in place.

        `meaning` has the fields of its `Meaning`, weights and biases or offsets and factors in
        pairs, and the convolutions of a stem.
        """
        module = native()
        kind = module.Stepper64 if self._net.dtype == "float64" else module.Stepper32
        mean = (state["sum"], state["count"]) if "sum" in state else None
        stem = [state[name] for name in ("recent", "pooled") if name in state]
        parts = _states(self._net.net, state), mean, stem, state.get("phase")
        return kind(self._net.learner, *parts, threads=self._net.threads, **meaning)

    def follow(self, X: Source, state: Params) -> tuple[Array, Params]:
        """Return the outputs for consecutive rows and the last state; see `Predictor.follow`."""
        outputs = []
        for row in one_by_one(X):
            raise_if_cancelled()
            output, state = self.forward(row, state)
            outputs.append(output)
        return np.concatenate(outputs), state

    def encode(self, X: Source) -> Array:
        """Return the codes of rows `X`; see `Predictor.encode`."""
        return self._net.encode(X)

    def decode(self, codes: Array) -> Array:
        """Return the rows that codes decode to; see `Predictor.decode`."""
        return self._net.decode(codes)
