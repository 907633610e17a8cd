"""Trains the same networks in jax: pure functions, one jitted training step.

Weights and moments stay on the device and are donated to each step, which also gathers its batch.
Reading the last loss waits until all steps are complete.
"""

from functools import partial
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from contenders import data
from contenders.base import Contender

Tree = Any


def initial(shapes: dict[str, tuple[int, ...]], bounds: dict[str, float]) -> Tree:
    """Return uniform random weights within torch's bounds, zero moments and a zero step count."""
    random = np.random.default_rng(0)
    params = {
        name: jnp.asarray(random.uniform(-bounds[name], bounds[name], shape), jnp.float32)
        for name, shape in shapes.items()
    }
    zeros = {name: jnp.zeros_like(value) for name, value in params.items()}
    return {
        "params": params,
        "mean": zeros,
        "square": {name: jnp.zeros_like(value) for name, value in params.items()},
        "count": jnp.zeros((), jnp.int32),
    }


def adam(state: Tree, grads: Tree, rate: float) -> Tree:
    """Make one Adam update (Kingma and Ba, 2015) with torch's constants."""
    count = state["count"] + 1
    mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, state["mean"], grads)
    square = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, state["square"], grads)
    size = rate / (1 - 0.9**count)
    root = jnp.sqrt(1 - 0.999**count)
    params = jax.tree.map(
        lambda p, m, v: p - size * m / (jnp.sqrt(v) / root + 1e-8), state["params"], mean, square
    )
    return {"params": params, "mean": mean, "square": square, "count": count}


def read_rows(params: Tree, x: Array) -> Array:
    """Return scores (B, 10) of an LSTM over images (B, 28, 28).

    The input product is computed at each step, and the scan is not unrolled: both usual
    optimisations were measured and are slower here.
    """
    H = params["hidden"].shape[0]

    def step(state: tuple[Array, Array], now: Array) -> tuple[tuple[Array, Array], None]:
        h, c = state
        gates = now @ params["input"] + h @ params["hidden"] + params["bias"]
        i, f, g, o = jnp.split(gates, 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    zeros = jnp.zeros((x.shape[0], H), x.dtype)
    (h, _), _ = lax.scan(step, (zeros, zeros), jnp.swapaxes(x, 0, 1))
    return h @ params["out"] + params["out_bias"]


@partial(jax.jit, donate_argnums=0)
def classify_step(state: Tree, X: Array, y: Array, rows: Array) -> tuple[Tree, Array]:
    """Make one update of the classifier."""

    def cost(params: Tree) -> Array:
        logs = jax.nn.log_softmax(read_rows(params, X[rows]))
        return -jnp.take_along_axis(logs, y[rows][:, None], axis=1).mean()

    loss, grads = jax.value_and_grad(cost)(state["params"])
    return adam(state, grads, 0.01), loss


class JaxClassify(Contender):
    """An LSTM 28->64."""

    def __init__(self, threads: int) -> None:
        H, bound = 64, 64**-0.5
        shapes = {"input": (28, 4 * H), "hidden": (H, 4 * H), "bias": (4 * H,)}
        shapes |= {"out": (H, 10), "out_bias": (10,)}
        self.state = initial(shapes, dict.fromkeys(shapes, bound))
        d = data.digits()
        self.X, self.y = jnp.asarray(d.X), jnp.asarray(d.y, jnp.int32)
        n = data.N_EVALUATED["classify"]
        self.X_test, self.y_test = jnp.asarray(d.X_test), jnp.asarray(d.y_test, jnp.int32)
        self.X_evaluated, self.y_evaluated = self.X_test[:n], self.y_test[:n]
        self.right = jax.jit(lambda p, x, y: (read_rows(p, x).argmax(axis=1) == y).mean())

    def train(self, first: int, last: int) -> float:
        """See `Contender.train`."""
        for step in range(first, last):
            rows = data.rows(step).astype(np.int32)
            self.state, loss = classify_step(self.state, self.X, self.y, rows)
        return float(loss)

    def evaluate(self) -> None:
        """Compute the accuracy on 2,000 test images."""
        float(self.right(self.state["params"], self.X_evaluated, self.y_evaluated))

    def score(self) -> float:
        """Return the accuracy on all test images."""
        return float(self.right(self.state["params"], self.X_test, self.y_test))


WIDTHS = (784, 128, 64, 12, 3, 12, 64, 128, 784)


def rebuild(params: Tree, x: Array) -> Array:
    """Return reconstructions (B, 784) of rows (B, 784)."""
    last = len(WIDTHS) - 2
    for layer in range(last + 1):
        x = x @ params[f"weight{layer}"] + params[f"bias{layer}"]
        if layer == last:
            return jax.nn.sigmoid(x)
        # The code in the middle has no activation.
        x = x if layer == last // 2 else jnp.tanh(x)
    return x


@partial(jax.jit, donate_argnums=0)
def autoencode_step(state: Tree, X: Array, rows: Array) -> tuple[Tree, Array]:
    """Make one update of the autoencoder."""
    x = X[rows]
    cost = lambda params: jnp.square(rebuild(params, x) - x).mean()  # noqa: E731
    loss, grads = jax.value_and_grad(cost)(state["params"])
    return adam(state, grads, 0.005), loss


class JaxAutoencode(Contender):
    """An autoencoder 784-128-64-12-3 and back."""

    def __init__(self, threads: int) -> None:
        shapes: dict[str, tuple[int, ...]] = {}
        bounds: dict[str, float] = {}
        for layer, (inside, outside) in enumerate(pairwise(WIDTHS)):
            shapes |= {f"weight{layer}": (inside, outside), f"bias{layer}": (outside,)}
            bounds |= dict.fromkeys((f"weight{layer}", f"bias{layer}"), inside**-0.5)
        self.state = initial(shapes, bounds)
        d = data.digits(flat=True)
        self.X, self.X_test = jnp.asarray(d.X), jnp.asarray(d.X_test)
        self.X_evaluated = self.X_test[: data.N_EVALUATED["autoencode"]]
        self.rebuild = jax.jit(rebuild)

    def train(self, first: int, last: int) -> float:
        """See `Contender.train`."""
        for step in range(first, last):
            rows = data.rows(step).astype(np.int32)
            self.state, loss = autoencode_step(self.state, self.X, rows)
        return float(loss)

    def evaluate(self) -> None:
        """Reconstruct five digits."""
        self.rebuild(self.state["params"], self.X_evaluated).block_until_ready()

    def score(self) -> float:
        """Return the mean squared error on all test rows."""
        return data.error(np.asarray(self.rebuild(self.state["params"], self.X_test)))


def follow(params: Tree, x: Array, h: Array) -> tuple[Array, Array]:
    """Return outputs (1, T, 1) of an RNN over a window (1, T, 1) from `h` (1, H), and last h."""

    def step(h: Array, now: Array) -> tuple[Array, Array]:
        h = jnp.tanh(now @ params["input"] + h @ params["hidden"] + params["bias"])
        return h, h

    h, steps = lax.scan(step, h, jnp.swapaxes(x, 0, 1))
    return jnp.swapaxes(steps, 0, 1) @ params["out"] + params["out_bias"], h


def regress_update(state: Tree, h: Array, x: Array, y: Array) -> tuple[Tree, Array, Array]:
    """Train on one window; return the new state, the hidden state after it and the loss."""

    def cost(params: Tree) -> tuple[Array, Array]:
        prediction, after = follow(params, x, h)
        return jnp.square(prediction - y).mean(), after

    (loss, after), grads = jax.value_and_grad(cost, has_aux=True)(state["params"])
    return adam(state, grads, 0.02), after, loss


regress_step = jax.jit(regress_update, donate_argnums=(0, 1))


@partial(jax.jit, donate_argnums=(0, 1))
def regress_scan(state: Tree, h: Array, xs: Array, ys: Array) -> tuple[Tree, Array, Array]:
    """Train on windows (N, 1, T, 1) in order; return the state, hidden state and losses (N,)."""

    def step(carried: tuple[Tree, Array], now: tuple[Array, Array]) -> Any:
        state, h, loss = regress_update(*carried, *now)
        return (state, h), loss

    (state, h), losses = lax.scan(step, (state, h), (xs, ys))
    return state, h, losses


class JaxRegress(Contender):
    """An RNN 1->32, called once per new window, or scanned over windows in memory."""

    def __init__(self, threads: int, scan: bool = False) -> None:
        H, bound = 32, 32**-0.5
        shapes = {"input": (1, H), "hidden": (H, H), "bias": (H,), "out": (H, 1), "out_bias": (1,)}
        self.state = initial(shapes, dict.fromkeys(shapes, bound))
        self.h, self.scan = jnp.zeros((1, H), jnp.float32), scan
        if scan:
            self.x, self.y = (jnp.asarray(part[: data.WINDOWS, None]) for part in data.windows())

    def train(self, first: int, last: int) -> float:
        """See `Contender.train`."""
        return self._scan(last - first) if self.scan else self._step(first, last)

    def _step(self, first: int, last: int) -> float:
        for k in range(first, last):
            self.state, self.h, loss = regress_step(self.state, self.h, *data.fresh_window(k))
        return float(loss)

    def _scan(self, n: int) -> float:
        """Train on `n` windows; they repeat every two, so any even piece can follow another."""
        while n > 0:
            size = min(n, data.WINDOWS)
            xs, ys = self.x[:size], self.y[:size]
            self.state, self.h, losses = regress_scan(self.state, self.h, xs, ys)
            n -= size
        return float(losses[-1])
