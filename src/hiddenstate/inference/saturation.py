"""How often the numbers of each vector of an integer model are cut."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hiddenstate.data import Rows
from hiddenstate.data.rows import fractions
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.meaning import program_of
from hiddenstate.program.calibrating import BOUNDED
from hiddenstate.program.cells import CELLS
from hiddenstate.program.integers import (
    CURVES,
    Factors,
    Format,
    IntegerBeside,
    IntegerConvolution,
    IntegerDense,
    IntegerRecurrent,
    Quantise,
)
from hiddenstate.program.layers import Layer
from hiddenstate.program.order import for_nets
from hiddenstate.system.typing import Array


@dataclass(frozen=True)
class Saturated:
    """What share of the numbers of a vector is cut: beyond its range, or at its end.

    Parameters
    ----------
    name : str
        Of the layer and the vector: `input`, `gru 1 h`, `lstm 2 c`, `dense 1`.
    bits : int
    share : float
    """

    name: str
    bits: int
    share: float


def saturation(model: FittedModel, rows: Rows) -> tuple[Saturated, ...]:
    """Return the shares of an integer model on kept rows; members share those of each vector."""
    program, found = program_of(model), _Counts()
    lengths = rows.lengths
    x = for_nets(program.steps, fractions(rows.X[:], np.float64), lengths)
    for net in program.nets:
        y = found.layers(net, x, lengths, "input")
    if program.decoder:
        found.layers(program.decoder, y, None, "code")
    return tuple(
        Saturated(name, bits, cut / max(1, n)) for name, (bits, cut, n) in found.counts.items()
    )


class _Counts:
    """Counts cut numbers while layers run."""

    def __init__(self) -> None:
        self.counts: dict[str, tuple[int, int, int]] = {}

    def add(self, name: str, cut: Array, format: Format, lengths: Array | None) -> None:
        """Count the numbers (B, T, C) or (B, C) of a vector that are `cut`."""
        if lengths is not None and cut.ndim == 3:
            cut = cut[np.arange(cut.shape[1]) < lengths[:, None]]
        bits, before, n = self.counts.get(name, (format.bits, 0, 0))
        self.counts[name] = (bits, before + int(cut.sum()), n + cut.size)

    def largest(
        self, name: str, x: Array, format: Format, lengths: Array | None, bounded: bool = False
    ) -> None:
        """Count the numbers of x that have the largest size, to which larger ones were cut: none of
        what is `bounded`, which lies between -1 and 1."""
        cut = np.zeros(x.shape, bool) if bounded else np.abs(x) == format.most
        self.add(name, cut, format, lengths)

    def layers(self, net: Sequence[Layer], x: Array, lengths: Array | None, first: str) -> Array:
        """Count what layers give, and return what the last one does."""
        names: dict[str, int] = {}
        for layer in net:
            before = x, lengths
            x, lengths, _ = layer.forward(x, lengths, layer.state(len(x)))
            kind = _kind_of(layer)
            names[kind] = names.get(kind, 0) + 1
            name = f"{'decoder ' if first == 'code' else ''}{kind} {names[kind]}"
            if isinstance(layer, IntegerBeside):
                self.layers(layer.layers, *before, first)
            elif isinstance(layer, Quantise):
                whole = np.abs(np.ldexp(before[0], layer.format.bits))
                # What is cut by one, such as 1.0 with 15 bits, has lost no more than by rounding.
                self.add(first, whole > layer.format.most + 1, layer.format, lengths)
            elif isinstance(layer, IntegerRecurrent):
                self._recurrent(layer, *before, x, name)
            elif isinstance(layer, (IntegerDense, IntegerConvolution)) and layer is not net[-2]:
                self.largest(name, x, layer.format, lengths, layer.activation in CURVES)
        return x

    def _recurrent(
        self, layer: IntegerRecurrent, x: Array, lengths: Array | None, y: Array, name: str
    ) -> None:
        """Count h (B, T, D*H) or what a block gives, other states, and what stands between two
        factors."""
        self.largest(f"{name} h", y, layer.formats["h"], lengths, layer.cell in BOUNDED)
        for number, direction in enumerate(layer.directions):
            self._factors(f"{name} between inputs", direction.inputs, x, lengths)
            H = direction.hidden_size
            h = y[..., number * H : (number + 1) * H]
            self._factors(f"{name} between states", direction.hidden, h, lengths)
            others = [own for own in CELLS[layer.cell].state if own != "h"]
            if others:
                one = replace(layer, directions=(direction,))
                rows = x if number == 0 else _reversed(x, lengths)
                state, steps = one.state(len(x)), dict[str, list[Array]]()
                for t in range(x.shape[1]):
                    here = None if lengths is None else (lengths > t).astype(int)
                    _, _, state = one.forward(rows[:, t : t + 1], here, state)
                    for own in others:
                        steps.setdefault(own, []).append(state[own][0])
                for own, values in steps.items():
                    read = np.stack(values, axis=1)
                    self.largest(f"{name} {own}", read, layer.formats[own], lengths)

    def _factors(self, name: str, factors: Factors, x: Array, lengths: Array | None) -> None:
        for product in factors.products[:0:-1]:
            x = product.of(x)
            self.add(name, np.abs(x) > factors.format.most, factors.format, lengths)


def _kind_of(layer: Layer) -> str:
    if isinstance(layer, IntegerRecurrent):
        return CELLS[layer.cell].name
    if isinstance(layer, IntegerConvolution):
        return "convolution"
    return "dense" if isinstance(layer, IntegerDense) else ""


def _reversed(x: Array, lengths: Array | None) -> Array:
    """Return rows (B, T, I) from their last step to their first."""
    if lengths is None:
        return x[:, ::-1]
    steps = np.maximum(lengths[:, None] - 1 - np.arange(x.shape[1]), 0)
    return np.asarray(np.take_along_axis(x, steps[:, :, None], axis=1))
