"""The answer to rows as a differentiable function of the rows as they are kept.

It is that of the nets and the steps of a model, without its companions, at the last step of each
row. Shapes: B rows of one length, T time steps, I features as kept, C classes, O targets.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hiddenstate.engines.gradients import Gradient
from hiddenstate.kernels.gradients import Pull
from hiddenstate.program.companions import mean_probabilities
from hiddenstate.program.equations import log_probabilities, softmax
from hiddenstate.program.order import step_of
from hiddenstate.program.program import Program
from hiddenstate.program.rows import Rows
from hiddenstate.program.steps import (
    Change,
    Forecast,
    Logarithm,
    Quantiles,
    Step,
    TargetScale,
    WindowScale,
    unscaled,
)
from hiddenstate.system.typing import Array

Undone = tuple[Array, Callable[[Array], tuple[Array, Array | None]]]
"""What a step makes of outputs, and what turns a gradient of that into one of the outputs and, if
it reads them, one of the rows."""


@dataclass(frozen=True)
class Answer:
    """One answer of a model, as a function of rows.

    Parameters
    ----------
    program : Program
    nets : sequence of Gradient
        Its nets.
    output : int
        The number of a class, whose answer is its log-odds log(p / (1 - p)), or of an output of a
        regressor, in the units of the target.
    begin : mapping of ndarray, optional
        The state before the first step.
    place : int, optional
        Of a forecast of all steps up to a horizon, the number of the step from 0, whose forecast is
        explained in place of the answer to the last window.
    """

    program: Program
    nets: Sequence[Gradient]
    output: int
    begin: Mapping[str, Array] | None = None
    place: int | None = None

    @property
    def most_steps(self) -> int:
        """How many of the last steps the answer depends on; 0 for all."""
        program = self.program
        if not program.window or program.stateful:
            return 0
        if self.place is not None:
            return program.window + program.horizon - 1
        path = step_of(program.steps, Forecast)
        return max(program.window, 0 if path is None else path.n_lags)

    def at(self, x: Array) -> tuple[Array, Callable[[], Array]]:
        """Return the answers (B,) for rows x (B, T, I), and what computes their gradients."""
        if self.place is not None:
            return self._forecast(x, self.place)
        return self._last(x, self._target)

    def _last(
        self, x: Array, target: Callable[[list[Array], Array], Any]
    ) -> tuple[Array, Callable[[], Array]]:
        program = self.program
        window = program.window if self.most_steps else 0
        read, read_pull = _read_by_nets(program.steps, x, window)
        given = [net(read, self.begin) for net in self.nets]
        outputs = [y[:, -1] if y.ndim == 3 else y for y, _ in given]
        classes = program.kind.has_classes
        answer, pull = log_odds(outputs, self.output) if classes else target(outputs, x)

        def gradient() -> Array:
            grads, own = pull()
            total = np.zeros(read.shape)
            for (y, net_pull), grad in zip(given, grads, strict=True):
                whole = grad if y.ndim == 2 else np.zeros(y.shape)
                if y.ndim == 3:
                    whole[:, -1] = grad
                total += net_pull(whole)
            grad_x = read_pull(total)
            return grad_x if own is None else grad_x + own

        return answer, gradient

    def _forecast(self, x: Array, place: int) -> tuple[Array, Callable[[], Array]]:
        """As `at`, of a step ahead: the answer to the window that ended as much earlier, to which a
        path of nearer steps, if there is one, adds what it makes of the newest window."""
        program, T = self.program, x.shape[1]
        ahead, W, H = program.ahead, program.window, program.horizon
        if ahead is None:
            raise ValueError("the model does not forecast all steps up to a horizon")
        end = T - H + 1 + place
        first, newest = max(0, end - W), max(0, T - W)
        rows = x[:, first:end]
        whole = (0, 0), (first, T - end), (0, 0)
        if place >= len(ahead.nearer):
            answer, gradient = self._last(rows, self._target)
            return answer, lambda: np.pad(gradient(), whole)
        last = x[:, newest:].copy()
        moved = slice(program.n_features - program.n_moved, program.n_features)
        last[:, -1, moved] = rows[:, -1, moved]
        own_last = np.zeros(last.shape)

        def nearer(step: Step, y: Array, given: Rows) -> Undone | None:
            if isinstance(step, TargetScale):
                return y / step.factor, lambda grad: (grad / step.factor, None)
            if not isinstance(step, Forecast):
                return None
            path, share = ahead.nearer[place], 0.0 if ahead.share is None else ahead.share[place]
            slope = path_slope(path, *last.shape[1:])

            def pull(grad: Array) -> tuple[Array, None]:
                own_last[...] = np.einsum("bo,oti->bti", grad, slope)
                return grad * share, None

            return path.at(Rows(last)) + share * y, pull

        answer, gradient = self._last(rows, lambda outputs, x: self._target(outputs, x, nearer))

        def joined() -> Array:
            total = np.pad(gradient(), whole)
            total[:, end - 1, moved] += own_last[:, -1, moved]
            own_last[:, -1, moved] = 0
            total[:, newest:] += own_last
            return total

        return answer, joined

    def _target(
        self,
        outputs: list[Array],
        x: Array,
        other: Callable[[Step, Array, Rows], Undone | None] = lambda *_: None,
    ) -> tuple[Array, Callable[[], tuple[list[Array], Array]]]:
        """Return the answers to targets; `other` says what some steps make of outputs instead."""
        rows, y = Rows(x), np.mean(outputs, axis=0)
        flat: Any = False
        for step in self.program.steps:
            if isinstance(step, WindowScale):
                flat = step.spread(rows).flat
            y = step.from_net(y, rows)
        pulls = []
        for step in reversed(self.program.steps):
            undone = other(step, y, rows)
            if undone is None and type(step) in _UNDONE:
                undone = _UNDONE[type(step)](step, y, rows)
            if undone is not None:
                y, pull = undone
                pulls.append(pull)

        def pulled() -> tuple[list[Array], Array]:
            grad, own = np.zeros(y.shape), np.zeros(x.shape)
            grad[:, self.output] = 1
            for pull in reversed(pulls):
                grad, more = pull(grad)
                own = own if more is None else own + more
            grad = np.where(flat, 0, grad) / len(outputs)
            return [grad] * len(outputs), own

        return y[:, self.output], pulled


def log_odds(
    outputs: Sequence[Array], output: int
) -> tuple[Array, Callable[[], tuple[list[Array], None]]]:
    """Return log(p / (1 - p)) of one class (B,) from the logits (B, C) of nets, whose probabilities
    are averaged, and what computes its gradients by these."""
    z = outputs[0] if len(outputs) == 1 else mean_probabilities(outputs)
    others = np.delete(z, output, axis=1)
    largest = others.max(axis=1, keepdims=True)
    rest = (largest + np.log(np.exp(others - largest).sum(axis=1, keepdims=True)))[:, 0]

    def pulled() -> tuple[list[Array], None]:
        grad = np.insert(-softmax(others), output, 1, axis=1)
        if len(outputs) == 1:
            return [grad], None
        logs = [log_probabilities(each) for each in outputs]
        shares = [grad * np.exp(log - z) / len(logs) for log in logs]
        return [
            share - np.exp(log) * share.sum(axis=1, keepdims=True)
            for share, log in zip(shares, logs, strict=True)
        ], None

    return z[:, output] - rest, pulled


def _read_by_nets(steps: Sequence[Step], x: Array, window: int) -> tuple[Array, Pull]:
    """Return what nets read of rows: their last `window` steps, in units of the window's spread."""
    scale, first = step_of(steps, WindowScale), x.shape[1] - window if window else 0
    first = max(0, first)
    if scale is None:
        read = x[:, first:]

        def widened(grad: Array) -> Array:
            return np.pad(grad, ((0, 0), (first, 0), (0, 0)))

        return read, widened
    read = x[:, first:].copy()
    values = unscaled(read, scale.features, scale.scale)
    spread = scale.spread(Rows(read))
    location, size = spread.location[:, None], spread.size[:, None]
    read[..., list(scale.features)] = (values - location) / size

    def pull(grad: Array) -> Array:
        inner = grad[..., list(scale.features)] / size
        n = grad.shape[1]
        of_size = -(inner * (values - location)).sum(axis=1, keepdims=True) / size
        inner = inner - inner.sum(axis=1, keepdims=True) / n + of_size * _of_size(values, spread)
        whole = grad.copy()
        whole[..., list(scale.features)] = inner / _factor(scale)
        return np.pad(whole, ((0, 0), (first, 0), (0, 0)))

    return read, pull


def _factor(step: Any) -> Array:
    """Return by what the scaling of a step's features multiplies them."""
    features = list(step.features)
    return np.ones(len(features)) if step.scale is None else step.scale.factor[features]


def _of_size(values: Array, spread: Any) -> Array:
    """Return the slope of the size of windows by their values (B, W, O); 0 of flat ones."""
    location, size = spread.location[:, None], spread.size[:, None]
    slope = (values - location) / (values.shape[1] * size)
    return np.where(spread.flat[:, None], 0, slope)


def _change(step: Change, y: Array, rows: Rows) -> Undone:
    def pull(grad: Array) -> tuple[Array, Array]:
        own = np.zeros(rows.x.shape)
        for number, feature in enumerate(step.features):
            own[:, -1, feature] += grad[:, number]
        return grad, own

    return step.undo(y, rows), pull


def _target_scale(step: TargetScale, y: Array, rows: Rows) -> Undone:
    return step.undo(y, rows), lambda grad: (grad / step.factor, None)


def _window_scale(step: WindowScale, y: Array, rows: Rows) -> Undone:
    spread, T = step.spread(rows), rows.x.shape[1]
    window = min(step.window, T) if step.window else T

    def pull(grad: Array) -> tuple[Array, Array]:
        own = np.zeros(rows.x.shape)
        values = unscaled(rows.x[:, T - window :], step.features, step.scale)
        of_x = (grad * y)[:, None] * _of_size(values, spread) / _factor(step)
        for number, feature in enumerate(step.features):
            own[:, T - window :, feature] += of_x[..., number]
        return grad * spread.size, own

    return step.undo(y, rows), pull


def _forecast(step: Forecast, y: Array, rows: Rows) -> Undone:
    slope = path_slope(step, *rows.x.shape[1:])
    return step.undo(y, rows), lambda grad: (grad, np.einsum("bo,oti->bti", grad, slope))


def path_slope(path: Forecast, T: int, features: int) -> Array:
    """Return the slope (O, T, I) of a linear path after the last of T steps by kept rows."""
    O, P = path.weights.shape  # noqa: E741
    slope, values = np.zeros((O, T, features)), np.zeros((O, T, O))
    for k in range(P):
        values[np.arange(O), max(T - 1 - k, 0), np.arange(O)] += path.weights[:, k]
    for number, feature in enumerate(path.features):
        slope[:, :, feature] += values[..., number]
    if path.effects is not None:
        slope[:, :, list(path.ahead)] -= values @ path.effects
        slope[:, -1, list(path.moved)] += path.effects
    if path.input_weights is not None:
        for k in range(path.input_weights.shape[1]):
            slope[:, max(T - 1 - k, 0), list(path.inputs)] += path.input_weights[:, k]
    if path.scale is not None:
        slope[..., : len(path.scale.factor)] /= path.scale.factor  # a mask has no scale
    return slope


def _logarithm(step: Logarithm, y: Array, rows: Rows) -> Undone:
    undone = step.undo(y, rows)
    return undone, lambda grad: (np.where(step.log, grad * undone, grad), None)


def _quantiles(step: Quantiles, y: Array, rows: Rows) -> Undone:
    apart = (len(y), -1, step.n)
    order = np.argsort(y.reshape(apart), axis=-1, kind="stable")

    def pull(grad: Array) -> tuple[Array, None]:
        before = np.zeros(order.shape)
        np.put_along_axis(before, order, grad.reshape(apart), axis=-1)
        return before.reshape(y.shape), None

    return step.undo(y, rows), pull


_UNDONE: dict[type[Step], Callable[[Any, Array, Rows], Undone]] = {
    Change: _change,
    TargetScale: _target_scale,
    WindowScale: _window_scale,
    Forecast: _forecast,
    Logarithm: _logarithm,
    Quantiles: _quantiles,
}
