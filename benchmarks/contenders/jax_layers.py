"""A stack of LSTM layers in both directions in jax, forward and backward in one jitted function."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

Weights = list[list[dict[str, Array]]]
"""For each layer and direction: input (I, 4H), hidden (H, 4H) and bias (4H,), gates i, f, g, o."""


def jax_pass(layer: Any, x: np.ndarray, above: np.ndarray) -> Callable[[], None]:
    """Return a function that makes one pass with the weights of a `torch.nn.LSTM`.

    Parameters
    ----------
    layer : torch.nn.LSTM
    x : ndarray of shape (B, T, I)
    above : ndarray of shape (B, T, directions * H)
        The gradient of the outputs.
    """
    weights, rows, gradient = _weights(layer), jnp.asarray(x), jnp.asarray(above)

    compiled = jax.jit(_gradients)

    def one() -> None:
        jax.block_until_ready(compiled(weights, rows, gradient))

    return one


def jax_outputs(layer: Any, x: np.ndarray) -> np.ndarray:
    """Return the outputs (B, T, directions * H), to compare them with those of the others."""
    return np.asarray(_stack(_weights(layer), jnp.asarray(x)))


def _weights(layer: Any) -> Weights:
    stored = {name: jnp.asarray(value.detach().numpy()) for name, value in layer.named_parameters()}

    def one(suffix: str) -> dict[str, Array]:
        return {
            "input": stored[f"weight_ih_{suffix}"].T,
            "hidden": stored[f"weight_hh_{suffix}"].T,
            "bias": stored[f"bias_ih_{suffix}"] + stored[f"bias_hh_{suffix}"],
        }

    suffixes = ("", "_reverse")[: 1 + layer.bidirectional]
    return [[one(f"l{depth}{side}") for side in suffixes] for depth in range(layer.num_layers)]


def _gradients(weights: Weights, rows: Array, gradient: Array) -> tuple[Weights, Array]:
    _, backward = jax.vjp(_stack, weights, rows)
    return backward(gradient)  # type: ignore[no-any-return]


def _stack(weights: Weights, rows: Array) -> Array:
    """Return the outputs of all layers: (B, T, I) to (B, T, directions * H)."""
    steps = jnp.swapaxes(rows, 0, 1)
    for directions in weights:
        read = [_read(steps, one, reverse=side == 1) for side, one in enumerate(directions)]
        steps = jnp.concatenate(read, axis=2)
    return jnp.swapaxes(steps, 0, 1)


def _read(steps: Array, weights: dict[str, Array], reverse: bool) -> Array:
    """Return the states (T, B, H) of one direction; the input product is one for all steps."""
    size = weights["hidden"].shape[0]
    products = steps @ weights["input"] + weights["bias"]

    def step(state: tuple[Array, Array], product: Array) -> tuple[tuple[Array, Array], Array]:
        h, c = state
        i, f, g, o = jnp.split(product + h @ weights["hidden"], 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    zeros = jnp.zeros((steps.shape[1], size), steps.dtype)
    return lax.scan(step, (zeros, zeros), products, reverse=reverse)[1]
