"""A net that learns while it reads one series: an update after every step, in the kernels.

The gradient is cut after the last `WINDOW` steps: truncated backpropagation through time, as
Williams and Peng, "An efficient gradient-based algorithm for on-line training of recurrent network
trajectories", 1990. The window begins with the state that was there before its first step.
"""

from typing import Any

import numpy as np

from hiddenstate.config import TrainingConfig
from hiddenstate.engines.choose import refusal
from hiddenstate.engines.learner import learner_of
from hiddenstate.engines.native import _BETAS, _NOT_FINITE, _RULES, _load
from hiddenstate.errors import DivergedError, OptionError
from hiddenstate.models.net import Net, Params
from hiddenstate.system.typing import Array

WINDOW = 32
"""Steps of the past that the gradient reaches."""

Shapes = dict[str, tuple[np.dtype[Any], tuple[int, ...]]]
"""Types and shapes of arrays, by name."""

_FIRST = np.zeros(1, np.int64)
_ONE = np.ones(1, np.int64)
_GOES_ON = np.zeros(1, np.bool_)


class OnlineNet:
    """A net, the last steps that it read, and the state before each.

    Parameters
    ----------
    net : Net
        With one output for each step ("steps"), or, of a classifier, one after the last.
    training : TrainingConfig
        Optimiser, rate, clip and eps of every update; the float type and the seed.
    arrays : dict of ndarray, optional
        What :meth:`arrays` returned, of a net with at most as many inputs and outputs; the others
        are new. By default the net has read nothing.

    Raises
    ------
    OptionError
        If the kernels cannot compute it.
    """

    def __init__(self, net: Net, training: TrainingConfig, arrays: Params | None = None) -> None:
        if reason := refusal(net, training.device):
            raise OptionError(f"learn_one: learns in the native kernels alone, and {reason}")
        self.net, self.dtype, given = net, training.dtype, arrays or {}
        shapes = net.state_shapes(1).values()
        self._x = np.zeros((WINDOW, net.n_features), self.dtype)
        by_class = net.kind.has_classes
        self._y = np.zeros(1, np.int64) if by_class else np.zeros((WINDOW, 1), self.dtype)
        self._counts = np.zeros(2, np.int64)  # steps read, updates made
        self._states = [np.zeros((WINDOW + 1, *shape), self.dtype) for shape in shapes]
        self._slots = [[each[i] for each in self._states] for i in range(WINDOW + 1)]
        self._after = [np.zeros(shape, self.dtype) for shape in shapes]
        self._answer = np.zeros((1, 1, net.n_outputs), self.dtype)
        self._outputs = np.zeros((WINDOW, net.n_outputs), self.dtype)
        self._loss = np.zeros(1)
        self._settings = [np.full(1, v) for v in (training.lr, training.clip or 0.0, training.eps)]
        self._learner = learner_of(net, self.dtype)
        rule = _RULES[training.optimizer]
        self._learner.rule(rule, *_BETAS, training.weight_decay, training.momentum, 0.0)
        initial = net.initial(training.seed, self.dtype)
        self._kinds = _kinds(training)
        for which, kind in enumerate(self._kinds):
            weights = {n: a if which == 0 else 0 * a for n, a in initial.items()}
            for name, array in weights.items():
                _put(array, given.get(f"{kind}/{name}"))
            _load(self._learner, which, list(weights.values()), self.dtype)
        for name, array in self._memory().items():
            _put(array, given.get(name))
        self._learner.updates = int(self._counts[1])
        self._taught = 0
        if self._counts[0]:
            self._teach()

    def _memory(self) -> Params:
        names = [f"state/{name}" for name in self.net.cell.state]
        states = dict(zip(names, self._states, strict=True))
        return {"x": self._x, "y": self._y, "counts": self._counts, **states}

    def arrays(self) -> Params:
        """Return copies of all that the net knows, by name."""
        self._counts[1] = self._learner.updates
        arrays = {name: array.copy() for name, array in self._memory().items()}
        for which, kind in enumerate(self._kinds):
            for i, (name, shape) in enumerate(self.net.shapes().items()):
                arrays[f"{kind}/{name}"] = array = np.empty(shape, self.dtype)
                self._learner.save(which, i, array)
        return arrays

    def _teach(self) -> None:
        """Give the kernels the window, which they read in place."""
        n = self._taught = min(int(self._counts[0]), WINDOW)
        classes = self.net.kind.has_classes
        y = None if classes else self._y[:n][None]
        self._learner.teach(self._x[:n][None], n, self._y if classes else None, y, None, True)

    def predict(self, x: Array) -> Array:
        """Return the outputs (O,) after a step x (I,), which is not kept."""
        here = self._slots[int(self._counts[0]) % (WINDOW + 1)]
        step = x[None, None]
        self._learner.predict(step, 1, None, 0, 1, here, self._answer, self._after, 1, None)
        return np.asarray(self._answer[0, 0])

    def learn(self, x: Array, y: Array) -> None:
        """Read a step x (I,), and learn from the last steps.

        `y` are the targets of the last steps up to this one, (n,) of `n_steps` + 1, at most
        `WINDOW`; of a classifier the class of this step, (1,).

        Raises
        ------
        DivergedError
            If the loss is not finite; the weights did not change.
        """
        learner, read = self._learner, int(self._counts[0])
        if read >= WINDOW:
            self._x[:-1] = self._x[1:]
        self._x[min(read, WINDOW - 1)] = x
        self._counts[0] = read = read + 1
        if self._taught != min(read, WINDOW):
            self._teach()
        flat = self._y.reshape(-1)
        flat[: len(y)] = y
        learner.load_state(self._slots[(read + 1) % (WINDOW + 1)])
        _, status = learner.train(
            _FIRST, _ONE, *self._settings, _GOES_ON, None, self._loss, None, 1, None
        )
        if status == _NOT_FINITE:
            raise DivergedError("learn_one: the loss is not finite; use a smaller lr")
        learner.save_state(self._slots[read % (WINDOW + 1)])


def _kinds(training: TrainingConfig) -> list[str]:
    """Return what is kept of each weight: its value, and the moments of the optimiser."""
    if training.optimizer != "sgd":
        return ["params", "exp_avg", "exp_avg_sq"]
    return ["params", *["momentum_buffer"] * bool(training.momentum)]


def layout(net: Net, training: TrainingConfig) -> Shapes:
    """Return types and shapes of the arrays of such a net, by name."""
    dtype, by_class = np.dtype(training.dtype), net.kind.has_classes
    whole, one = np.dtype(np.int64), net.state_shapes(1).items()
    named: Shapes = {f"state/{name}": (dtype, (WINDOW + 1, *shape)) for name, shape in one}
    for kind in _kinds(training):
        named = {**named, **{f"{kind}/{n}": (dtype, shape) for n, shape in net.shapes().items()}}
    y = (whole, (1,)) if by_class else (dtype, (WINDOW, 1))
    return {**named, "x": (dtype, (WINDOW, net.n_features)), "y": y, "counts": (whole, (2,))}


def _put(array: Array, given: Array | None) -> None:
    """Write a given array, which may be smaller in each axis, into the begin of another."""
    if given is not None:
        array[tuple(map(slice, given.shape))] = given
