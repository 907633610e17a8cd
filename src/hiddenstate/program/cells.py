"""The recurrent cells: what each is called, what it carries, and its arrays."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Weight:
    """An array of a cell, one for each layer and direction.

    Parameters
    ----------
    name : str
        As in torch; the array of layer 0 is called `rnn.NAME_l0`.
    axes : str
        A letter for each axis: G for the blocks of a cell times H, the hidden size H, the inputs I,
        or 1 for a single number.
    initial : float, optional
        What every number begins with; by default they are drawn.
    spread : float, optional
        The standard deviation of a normal distribution that they are drawn from; by default they
        are uniform within 1 / sqrt(H) (`torch.nn.RNNBase.reset_parameters`).
    """

    name: str
    axes: str
    initial: float | None = None
    spread: float | None = None

    def shape(self, blocks: int, inputs: int, hidden: int) -> tuple[int, ...]:
        """Return its shape in a layer with that many inputs and that hidden size."""
        sizes = {"G": blocks * hidden, "H": hidden, "I": inputs, "1": 1}
        return tuple(sizes[axis] for axis in self.axes)


LIKE_TORCH = (
    Weight("weight_ih", "GI"),
    Weight("weight_hh", "GH"),
    Weight("bias_ih", "G"),
    Weight("bias_hh", "G"),
)
"""The arrays of a layer of torch."""


@dataclass(frozen=True)
class Cell:
    """A recurrent cell, H numbers wide.

    Parameters
    ----------
    name : str
    title : str
        What it is called in text.
    blocks : int
        Blocks of H rows in a weight: i, f, g, o of an lstm, r, z, n of a gru.
    kind : {"gated"}
        Gated: the next state is a function of W x, U h, both blocks * H numbers, of the state and
        of the cell's own arrays; see :data:`hiddenstate.program.equations.EQUATIONS`.
    state : tuple of str
        The arrays that it carries; the first one is its output.
    weights : tuple of Weight
        W, U, and the cell's own arrays.
    shifted : tuple of str
        The own arrays that each take what is added to W x, if that is the same at every step.
    apart : int, default 0
        Blocks, the last ones, in which W x + bias_ih and U h + bias_hh are not only added.
    """

    name: str
    title: str
    blocks: int
    kind: str = "gated"
    state: tuple[str, ...] = ("h",)
    weights: tuple[Weight, ...] = LIKE_TORCH
    shifted: tuple[str, ...] = ("bias_ih",)
    apart: int = 0

    @property
    def own(self) -> tuple[str, ...]:
        """The names of its own arrays, which are no products."""
        return tuple(weight.name for weight in self.weights[2:])

    @property
    def added(self) -> tuple[str, ...]:
        """The names of its own arrays that are added to W x and to U h, one to each."""
        return tuple(weight.name for weight in self.weights[2:] if weight.axes == "G")

    @property
    def option(self) -> str:
        """The value of the option that selects it: both rnn cells are one choice."""
        return self.name.split("_")[0]


CELLS = {
    cell.name: cell
    for cell in (
        Cell("rnn_tanh", "RNN (tanh)", 1),
        Cell("rnn_relu", "RNN (relu)", 1),
        Cell("gru", "GRU", 3, apart=1),
        Cell("lstm", "LSTM", 4, state=("h", "c")),
        Cell(
            "fastgrnn",
            "FastGRNN",
            1,
            weights=(  # initial values: the authors' program, EdgeML
                Weight("weight_ih", "GI", spread=0.1),
                Weight("weight_hh", "GH", spread=0.1),
                Weight("bias_gate", "H", initial=1.0),
                Weight("bias_update", "H", initial=1.0),
                Weight("zeta", "1", initial=1.0),
                Weight("nu", "1", initial=-4.0),
            ),
            shifted=("bias_gate", "bias_update"),
        ),
    )
}

CHOICES = tuple(dict.fromkeys(cell.option for cell in CELLS.values()))
"""The values of the option that selects a cell."""

STATES = tuple(dict.fromkeys(name for cell in CELLS.values() for name in cell.state))
"""The names of all arrays that cells carry, the output first."""
