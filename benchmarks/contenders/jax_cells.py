"""Trains the networks of with_cells.py in jax: one jitted update, with scans over the steps."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from contenders.base import Contender
from contenders.with_cells import CLASSES, ROWS, STEPS, batch
from contenders.with_jax import Tree, adam, initial

H, STATES, LAYERS = 128, 64, 2


def gru(params: Tree, x: Array) -> Array:
    """Return the last state of a GRU, for x (T, B, 1)."""

    def step(h: Array, now: Array) -> tuple[Array, None]:
        a, b = now + params["bias"], h @ params["hidden"] + params["hidden_bias"]
        r, z = (jax.nn.sigmoid(part) for part in jnp.split((a + b)[:, : 2 * H], 2, axis=1))
        n = jnp.tanh(a[:, 2 * H :] + r * b[:, 2 * H :])
        return (1 - z) * n + z * h, None

    return lax.scan(step, jnp.zeros((ROWS, H)), x @ params["input"])[0]


def block(params: Tree, layer: int, u: Array) -> Array:
    """Return what an LRU block gives for u (T, B, H)."""
    own = {name[:-1]: value for name, value in params.items() if name.endswith(str(layer))}
    normal = jax.nn.standardize(u, axis=-1, epsilon=1e-5) * (1 + own["scale"]) + own["shift"]
    size = jnp.exp(-jnp.exp(own["nu"]))
    decay = lax.complex(size * jnp.cos(own["theta"]), size * jnp.sin(own["theta"]))
    v = lax.complex(normal @ own["b_re"], normal @ own["b_im"])

    def step(s: Array, now: Array) -> tuple[Array, Array]:
        s = decay * s + now
        return s, s

    s = lax.scan(step, jnp.zeros((ROWS, STATES), jnp.complex64), v)[1]
    y = s.real @ own["c_re"] - s.imag @ own["c_im"] + normal * own["skip"]
    a, b = jnp.split(jax.nn.gelu(y) @ own["glu"] + own["glu_bias"], 2, axis=-1)
    return u + a * jax.nn.sigmoid(b)


def lru(params: Tree, x: Array) -> Array:
    """Return the last outputs of the blocks, for x (T, B, 1)."""
    u = x @ params["input"] + params["bias"]
    for layer in range(LAYERS):
        u = block(params, layer, u)
    return u[-1]


NETS = {"gru": gru, "lru": lru}
OUT = {"out": (H, CLASSES), "out_bias": (CLASSES,)}
BLOCK = {
    **dict.fromkeys(("scale", "shift", "skip"), (H,)),
    **dict.fromkeys(("nu", "theta"), (STATES,)),
    **dict.fromkeys(("b_re", "b_im"), (H, STATES)),
    **dict.fromkeys(("c_re", "c_im"), (STATES, H)),
    **{"glu": (H, 2 * H), "glu_bias": (2 * H,)},
}
SHAPES: dict[str, dict[str, tuple[int, ...]]] = {
    "gru": {
        "input": (1, 3 * H),
        "bias": (3 * H,),
        "hidden": (H, 3 * H),
        "hidden_bias": (3 * H,),
        **OUT,
    },
    "lru": {"input": (1, H), "bias": (H,), **OUT}
    | {f"{name}{layer}": shape for layer in range(LAYERS) for name, shape in BLOCK.items()},
}


@partial(jax.jit, static_argnums=0, donate_argnums=1)
def update(cell: str, state: Tree, x: Array, y: Array) -> tuple[Tree, Array]:
    """Make one update."""

    def cost(params: Tree) -> Array:
        logits = NETS[cell](params, jnp.swapaxes(x, 0, 1)) @ params["out"] + params["out_bias"]
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], axis=1).mean()

    loss, grads = jax.value_and_grad(cost)(state["params"])
    return adam(state, grads, 0.001), loss


class InJax(Contender):
    """One network of with_cells.py."""

    def __init__(self, cell: str, threads: int, steps: int = STEPS) -> None:
        self.cell, shapes = cell, SHAPES[cell]
        self.state = initial(shapes, dict.fromkeys(shapes, H**-0.5))
        self.x, self.y = (jnp.asarray(part) for part in batch(steps))

    def train(self, first: int, last: int) -> float:
        """See `Contender.train`."""
        for _ in range(first, last):
            self.state, loss = update(self.cell, self.state, self.x, self.y)
        return float(np.asarray(loss))
