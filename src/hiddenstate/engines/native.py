"""The native engine: whole steps in the C++ kernels, on the processor, without torch."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate import __version__
from hiddenstate.config import AutoencoderConfig, RecurrentConfig
from hiddenstate.data.store import PIECE
from hiddenstate.engines.interface import (
    Chunk,
    Source,
    Task,
    TrainingState,
    check_state,
    one_by_one,
)
from hiddenstate.engines.schedule import orders
from hiddenstate.errors import DataError
from hiddenstate.kernels import CELLS, default_threads, level, native
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net, Params
from hiddenstate.system.cancellation import StopRequestedError, cancellation_check, raise_if_cancelled

Array = NDArray[Any]

_ACTIVATIONS = {"linear": 0, "tanh": 1, "relu": 2, "sigmoid": 3}
_RULES = {"sgd": 0, "adam": 1, "adamw": 2}
_BETAS = (0.9, 0.999)
"""Decay of Adam's moments (Kingma and Ba, 2015, section 2), torch's default too."""

_AHEAD = 256
"""Steps whose rates are worked out at once for :meth:`NativeEngine.step`."""

_SHARD = 16
"""Rows the kernels take side by side where there are many (`shard_rows` in net.h)."""

_NOT_FINITE = 2
"""How a call says that the last loss was not finite."""


def _learner(net: Net, dtype: str) -> Any:
    """The compiled net, its weights still unset."""
    module = native()
    kind = module.Learner64 if dtype == "float64" else module.Learner32
    config = net.config
    if isinstance(config, RecurrentConfig):
        cell = f"rnn_{config.nonlinearity}" if config.cell == "rnn" else config.cell
        return kind(
            level=level(),
            cell=CELLS[cell],
            layers=config.layers,
            directions=2 if config.bidirectional else 1,
            inputs=net.n_features,
            hidden=config.hidden_size,
            outputs=net.n_outputs,
            every_step=net.output == "steps",
            mean=config.readout == "mean",
            classify=net.job == "classify",
        )
    widths = net.widths()
    between = [_ACTIVATIONS[config.activation]] * (len(widths) - 2)
    end = _ACTIVATIONS[config.output_activation]
    return kind(
        level=level(),
        widths=widths + widths[-2::-1],
        activations=[*between, _ACTIVATIONS["linear"], *between, end],
    )


def _load(learner: Any, which: int, arrays: list[Array], dtype: str) -> None:
    for i, array in enumerate(arrays):
        learner.load(which, i, np.ascontiguousarray(array, dtype))


def _load_state(learner: Any, carried: Params, dtype: str) -> None:
    parts = [np.ascontiguousarray(carried[n], dtype) if n in carried else None for n in ("h", "c")]
    learner.load_state(*parts)


def _kind(X: Source) -> np.dtype[Any]:
    """The type the kernels read `X` in: bytes or floats."""
    known = X.dtype in (np.uint8, np.float32, np.float64)
    return X.dtype if known else np.dtype(np.float64)


def _rows(X: Array) -> Array:
    """Rows as the kernels read them, row after row."""
    return np.ascontiguousarray(X, _kind(X))


def _whole(numbers: Array | None) -> Array | None:
    return None if numbers is None else np.ascontiguousarray(numbers, np.int64)


def _rows_at_once(X: Source) -> int:
    """Rows of `X` in `PIECE` bytes, as the kernels read them; at least one."""
    return max(1, PIECE // max(1, math.prod(X.shape[1:]) * _kind(X).itemsize))


def _pieces(X: Source) -> Iterator[slice]:
    """Yield slices of rows: an array's all, a store's at most `PIECE` bytes or two shards.

    Each but an only one has whole shards, and two at least; so every row stands among those it
    would stand among were all asked for at once, and its outputs are the same to the last bit.
    """
    bounds = [0, len(X)]
    if not isinstance(X, np.ndarray):
        two = 2 * _SHARD
        at_once = max(two, (_rows_at_once(X) - two) // _SHARD * _SHARD)
        bounds = [*range(0, max(len(X) - two + 1, 1), at_once), len(X)]
    for first, last in pairwise(bounds):
        yield slice(first, last)


def _joined(parts: list[Array]) -> Array:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


class _Forward:
    """A compiled net that is asked for outputs; what engine and predictor share."""

    def __init__(self, net: Net, params: Params, dtype: str, threads: int) -> None:
        self.net, self.threads = net, threads or default_threads()
        self.dtype = dtype
        self.learner = _learner(net, dtype)
        _load(self.learner, 0, [params[name] for name in net.shapes()], dtype)
        self._encoded = 0
        if isinstance(net.config, AutoencoderConfig):
            self._encoded = len(net.widths()) - 1

    def predict(self, X: Source, lengths: Array | None = None) -> Array:
        parts = []
        for some in _pieces(X):
            own = None if lengths is None else lengths[some]
            parts.append(self.forward(X[some], {}, own, wants_state=False)[0])
        return _joined(parts)

    def forward(
        self, X: Array, state: Params, lengths: Array | None = None, wants_state: bool = True
    ) -> tuple[Array, Params]:
        """Outputs of rows side by side from `state`, and the state after them."""
        net, X = self.net, _rows(X)
        if isinstance(net.config, AutoencoderConfig):
            return self._through(X, 0, 2 * self._encoded, net.n_features), {}
        config, n = net.config, len(X)
        depth = config.layers * (2 if config.bidirectional else 1)
        shape = (depth, n, config.hidden_size)
        names = ("h", "c") if config.cell == "lstm" else ("h",)
        begin = [np.ascontiguousarray(state[m], self.dtype) if m in state else None for m in "hc"]
        end = {m: np.empty(shape, self.dtype) for m in names} if wants_state else {}
        steps = (X.shape[1],) if net.output == "steps" else ()
        out = np.empty((n, *steps, net.n_outputs), self.dtype)
        self._ask(X, X.shape[1], _whole(lengths), 0, 1, *begin, out, end.get("h"), end.get("c"))
        return out, end

    def encode(self, X: Source) -> Array:
        width, end = self.net.widths()[-1], self._encoded
        return _joined([self._through(_rows(X[s]), 0, end, width) for s in _pieces(X)])

    def decode(self, codes: Array) -> Array:
        return self._through(_rows(codes), self._encoded, 2 * self._encoded, self.net.n_features)

    def _through(self, X: Array, first: int, last: int, width: int) -> Array:
        out = np.empty((len(X), width), self.dtype)
        self._ask(X, 0, None, first, last, None, None, out, None, None)
        return out

    def _ask(self, *arguments: Any) -> None:
        """Have the learner predict, unless it is to stop (`StopRequestedError`)."""
        raise_if_cancelled()  # the kernels ask for the first time after a while
        if not self.learner.predict(*arguments, self.threads, cancellation_check()):
            raise StopRequestedError


class NativeEngine:
    """Training steps in the kernels, many a call.

    Parameters
    ----------
    task : Task
        With a net, optimiser and float type that :func:`refusal` has nothing against.
    state : TrainingState
        Copied; the caller's arrays are not touched.
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
            _RULES[training.optimizer], *_BETAS, training.weight_decay, training.momentum
        )
        if state.carried:
            _load_state(self._learner, state.carried, self._dtype)
        X = task.X
        if isinstance(X, np.ndarray):
            self._teach(X, slice(None))
        else:  # `run` teaches piece by piece
            self._teach(np.empty((0, *X.shape[1:]), _kind(X)), slice(0))
        self._orders: list[tuple[float, float, float]] = []  # of `step`, from step `_from` on
        self._from = 0

    def _kinds(self) -> tuple[str, ...]:
        """What the optimiser remembers of each weight, in the kernels' order."""
        training = self.task.training
        if training.optimizer == "sgd":
            return ("momentum_buffer",) if training.momentum else ()
        return ("exp_avg", "exp_avg_sq")

    def _teach(self, X: Array, which: Any) -> None:
        """Let the learner learn from `X`, the task's rows `which`."""
        task, kind = self.task, self._dtype
        y, lengths, weights = (
            None if part is None else part[which] for part in (task.y, task.lengths, task.weights)
        )
        classes = targets = None
        if task.net.job == "classify":
            classes = _whole(y)
        elif y is not None:
            targets = np.ascontiguousarray(y, kind)
        steps = X.shape[1] if X.ndim == 3 else 0
        self._learner.teach(
            _rows(X),
            steps,
            classes,
            targets,
            _whole(lengths),
            task.stateful,
            None if weights is None else np.ascontiguousarray(weights, kind),
        )

    def _lessons(
        self, rows: Array, sizes: Array, stop: Callable[[], bool]
    ) -> Iterator[tuple[slice, Array]]:
        """Yield `(steps, rows)`: steps the learner was taught for, and their rows as it has them.

        A store's rows are read for as many steps at a time as `PIECE` has room for.
        """
        X = self.task.X
        if isinstance(X, np.ndarray):
            yield slice(0, len(sizes)), rows
            return
        ends, room, first, begin = np.cumsum(sizes), _rows_at_once(X), 0, 0
        while first < len(sizes) and not (first and stop()):
            last = max(first + 1, int(np.searchsorted(ends, begin + room, "right")))
            own, begin = rows[begin : ends[last - 1]], int(ends[last - 1])
            self._teach(X[own], own)
            yield slice(first, last), np.arange(len(own))
            first = last

    def run(self, first: int, last: int, stop: Callable[[], bool]) -> Chunk:
        """Take steps `first` to `last` - 1; see `Engine.run`. May take none if asked to stop."""
        task = self.task
        rows, sizes, resets = task.batches.span(first, last)
        outputs = None
        if task.stateful:
            self._check_carried(sizes, resets)
            y = task.y
            assert y is not None
            outputs = np.empty((len(rows), *y.shape[1:]), self._dtype)
        losses = np.empty(last - first)
        paces = orders(task.training, first, last, task.total_steps)
        taken = given = 0
        for some, own in self._lessons(rows, sizes, stop):
            rates, clips, smallest = (part[some] for part in paces)
            shown = None if outputs is None else outputs[given:]
            done, ending = self._learner.train(
                own,
                sizes[some],
                rates,
                clips,
                smallest,
                resets[some],
                losses[some],
                shown,
                self.threads,
                stop,
            )
            taken, given = taken + done, given + len(own)
            self._step = first + taken - (ending == _NOT_FINITE)
            if ending:
                break
        if outputs is not None:
            outputs = outputs[: int(sizes[:taken].sum())]
        return Chunk(losses[:taken], outputs)

    def _check_carried(self, sizes: Array, resets: Array) -> None:
        before = np.concatenate([[self._learner.state_rows], sizes[:-1]])
        wrong = np.flatnonzero((before != sizes) & (before != 0) & ~resets)
        if wrong.size:
            raise DataError(
                f"state: carries {before[wrong[0]]} sequences, x has {sizes[wrong[0]]}; "
                "reset the state or pass as many"
            )

    def step(self, x: Array, y: Array) -> float:
        """One update on rows given now, the bare stepper: nothing is checked.

        Parameters
        ----------
        x : ndarray (B, T, I) or (B, F)
            uint8 or the net's float type, contiguous.
        y : ndarray
            Class numbers (B,) int64, or targets in the net's float type, contiguous.

        Returns
        -------
        float
            The loss before the update, which is made unless it is not finite.
        """
        training, step = self.task.training, self._step
        if not self._from <= step < self._from + len(self._orders):
            ahead = orders(training, step, step + _AHEAD, self.task.total_steps)
            self._orders = list(zip(*(part.tolist() for part in ahead), strict=True))
            self._from = step
        self._step = step + 1
        return float(self._learner.step(x, y, *self._orders[step - self._from], self.threads))

    def predict(self, X: Source, lengths: Array | None = None) -> Array:
        """Outputs for rows `X`; see `Engine.predict`."""
        return self._net.predict(X, lengths)

    def encode(self, X: Source) -> Array:
        """An autoencoder's codes; see `Engine.encode`."""
        return self._net.encode(X)

    def restore(self, params: Params) -> None:
        """Put weights back; see `Engine.restore`."""
        _load(self._learner, 0, [params[name] for name in self._names], self._dtype)

    def set_lr(self, lr: float) -> None:
        """Learn at another rate; see `Engine.set_lr`."""
        self.task = replace(self.task, training=replace(self.task.training, lr=lr))
        self._orders = []

    def export(self) -> TrainingState:
        """A copy of the state; see `Engine.export`."""
        params = self._saved(0)
        moments: Params = {}
        if self._step > self._moments_since:
            for which, kind in enumerate(self._kinds(), start=1):
                moments |= {f"{kind}/{n}": a for n, a in self._saved(which).items()}
        return TrainingState(params, self._step, moments, self._carried(), self._moments_since)

    def _saved(self, which: int) -> Params:
        found = {}
        for i, (name, shape) in enumerate(self.task.net.shapes().items()):
            found[name] = np.empty(shape, self._dtype)
            self._learner.save(which, i, found[name])
        return found

    def _carried(self) -> Params:
        config, rows = self.task.net.config, self._learner.state_rows
        if not rows or not isinstance(config, RecurrentConfig):
            return {}
        depth = config.layers * (2 if config.bidirectional else 1)
        names = ("h", "c") if config.cell == "lstm" else ("h",)
        found = {n: np.empty((depth, rows, config.hidden_size), self._dtype) for n in names}
        self._learner.save_state(found["h"], found.get("c"))
        return found

    def about(self) -> dict[str, Any]:
        """Name, version, device and threads; see `Engine.about`. The level of instructions too."""
        return {
            "name": self.name,
            "version": self.version,
            "device": self.device,
            "threads": self.threads,
            "level": self.level,
        }


class NativePredictor:
    """A fitted model ready to be asked, in the kernels.

    Parameters
    ----------
    model : FittedModel
    threads : int
        As the option of that name.
    """

    def __init__(self, model: FittedModel, threads: int = 0) -> None:
        self._net = _Forward(model.net, model.params, str(model.dtype), threads)

    def predict(self, X: Source, lengths: Array | None = None) -> Array:
        """Outputs for rows `X`, each row from a zero state."""
        return self._net.predict(X, lengths)

    def forward(self, X: Array, state: Params) -> tuple[Array, Params]:
        """Outputs for rows `X` (B, T, I) side by side from `state`, and the state after them.

        With the readout "mean" an output is of the mean over the steps of this call alone.

        Raises
        ------
        DataError
            If `state` is not this net's or carries another number of rows.
        """
        check_state(state, self._net.net, len(X))
        return self._net.forward(X, state)

    def follow(self, X: Source, state: Params) -> tuple[Array, Params]:
        """Outputs for rows `X` (N, T, I) that follow one another, and the state after them."""
        outputs = []
        for row in one_by_one(X):
            raise_if_cancelled()
            output, state = self.forward(row, state)
            outputs.append(output)
        return np.concatenate(outputs), state

    def encode(self, X: Source) -> Array:
        """An autoencoder's codes (N, Z)."""
        return self._net.encode(X)

    def decode(self, codes: Array) -> Array:
        """An autoencoder's rows (N, F) for codes (N, Z)."""
        return self._net.decode(codes)
