"""The recurrent cells: what each is called, what it carries, and its arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace

RING = "ring"
"""The initial values of the three arrays of eigenvalues, which one draw gives."""

FACTORS = ("_out", "_in")
"""What the names of the two factors of a matrix of low rank end with; the second reads."""


@dataclass(frozen=True)
class Weight:
    """An array of a cell, one for each layer and direction.

    Parameters
    ----------
    name : str
        As in torch; the array of layer 0 is called `rnn.NAME_l0`.
    axes : str
        A letter for each axis: G for the blocks of a cell times H, the hidden size H, the inputs I,
        the complex states S, Z for their real and then their imaginary parts, the rank R, or 1 for
        a single number.
    initial : float or "ring", optional
        What every number begins with; by default they are drawn. `RING`: from eigenvalues on a
        ring (:meth:`hiddenstate.models.net.Net.initial`).
    spread : float, optional
        They are drawn from a normal distribution of deviation spread / sqrt(fan); by default they
        are uniform within 1 / sqrt(fan) (`torch.nn.RNNBase.reset_parameters`).
    fan : str, default "H"
        The letter of fan.
    mapped : bool, default False
        Whether only a layer has it whose input is not what one direction of such a layer gives.
    decays : bool, default True
        Whether weight decay applies.
    """

    name: str
    axes: str
    initial: float | str | None = None
    spread: float | None = None
    fan: str = "H"
    mapped: bool = False
    decays: bool = True

    def shape(self, sizes: dict[str, int]) -> tuple[int, ...]:
        """Return its shape in a layer of these sizes; see :meth:`Cell.sizes`."""
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
    kind : {"gated", "block"}
        Gated: the next state is a function of W x and, if the cell has a `hidden`, U h, both
        blocks * H numbers, of the state and of the cell's own arrays. A block: what it gives is a
        function of its input, of a state that it advances and of its own arrays. See
        :data:`hiddenstate.program.equations.EQUATIONS`.
    state : tuple of str
        The arrays that it carries; of a gated cell the first one is its output.
    state_axis : {"H", "S"}
        The letter of the numbers of each of these.
    weights : tuple of Weight
        The arrays of a layer in one direction, in order; see :meth:`arrays`.
    inputs : str, default "weight_ih"
        The name of W, by which a layer's input is multiplied.
    hidden : str, default "weight_hh"
        The name of U, by which h is multiplied; "" of a cell without that product.
    shifted : tuple of str
        The own arrays that each take what is added to W x, if that is the same at every step.
    apart : int, default 0
        Blocks, the last ones, in which W x + bias_ih and U h + bias_hh are not only added.
    options : tuple of str
        Options of some cells that apply to it; "rank": W and U may each be the product of two
        factors.
    remembers : tuple of tuple
        Where a bias makes a gate remember: the array, the block, and the sign.
    in_integers : bool, default True
        Whether nets are trained for integers with it; all cells have a form in them.
    """

    name: str
    title: str
    blocks: int
    kind: str = "gated"
    state: tuple[str, ...] = ("h",)
    state_axis: str = "H"
    weights: tuple[Weight, ...] = LIKE_TORCH
    inputs: str = "weight_ih"
    hidden: str = "weight_hh"
    shifted: tuple[str, ...] = ("bias_ih",)
    apart: int = 0
    options: tuple[str, ...] = ()
    remembers: tuple[tuple[str, int, int], ...] = ()
    in_integers: bool = True

    def product(self, name: str) -> str:
        """Return of which matrix an array is the whole or a factor: `inputs`, `hidden` or ""."""
        ends = ("", *FACTORS)
        return next(
            (p for p in (self.inputs, self.hidden) if p and name in [p + e for e in ends]), ""
        )

    @property
    def own(self) -> tuple[str, ...]:
        """The names of its own arrays, which are neither W nor U."""
        products = (self.inputs, self.hidden)
        return tuple(weight.name for weight in self.weights if weight.name not in products)

    @property
    def added(self) -> tuple[str, ...]:
        """The names of its own arrays that are added to W x and to U h, one to each."""
        if self.kind != "gated":
            return ()
        axes = {weight.name: weight.axes for weight in self.weights}
        return tuple(name for name in self.own if axes[name] == "G")

    @property
    def eigenvalues(self) -> tuple[str, ...]:
        """The names of the arrays of its eigenvalues: logarithms of decay, angle and scale."""
        return tuple(weight.name for weight in self.weights if weight.initial == RING)

    @property
    def carries_output(self) -> bool:
        """Whether what it gives is the first array of its state."""
        return self.kind == "gated"

    @property
    def option(self) -> str:
        """The value of the option that selects it: both rnn cells are one choice."""
        return self.name.split("_")[0]

    def sizes(self, inputs: int, hidden: int, states: int = 0, rank: int = 0) -> dict[str, int]:
        """Return what the letters of axes stand for in a layer of these sizes."""
        sizes = {"I": inputs, "H": hidden, "S": states, "R": rank}
        return {**sizes, "G": self.blocks * hidden, "Z": 2 * states, "1": 1}

    def arrays(self, sizes: dict[str, int], mapped: bool = True) -> tuple[Weight, ...]:
        """Return the arrays of a layer of these sizes in one direction, in order.

        `mapped` says whether its input is other than what one direction of such a layer gives.
        Of a rank R, W and U are two factors each where these have fewer numbers.
        """
        result: list[Weight] = []
        for weight in self.weights:
            if weight.mapped and not mapped:
                continue
            if sizes["R"] and self.product(weight.name):
                rows, columns = weight.shape(sizes)
                if sizes["R"] * (rows + columns) < rows * columns:
                    axes = weight.axes[0] + "R", "R" + weight.axes[1]
                    names = (weight.name + end for end in FACTORS)
                    result += [replace(weight, name=n, axes=a) for n, a in zip(names, axes)]
                    continue
            result.append(weight)
        return tuple(result)


CELLS = {
    cell.name: cell
    for cell in (
        Cell("rnn_tanh", "RNN (tanh)", 1),
        Cell("rnn_relu", "RNN (relu)", 1),
        Cell(
            "gru",
            "GRU",
            3,
            apart=1,
            options=("remember",),
            remembers=(("bias_ih", 1, 1),),
        ),
        Cell(
            "lstm",
            "LSTM",
            4,
            state=("h", "c"),
            options=("remember",),
            remembers=(("bias_ih", 0, -1), ("bias_ih", 1, 1)),
        ),
        Cell(
            "fastgrnn",
            "FastGRNN",
            1,
            weights=(  # initial values: the authors' program, EdgeML
                Weight("weight_ih", "GI", spread=0.1, fan="1"),
                Weight("weight_hh", "GH", spread=0.1, fan="1"),
                Weight("bias_gate", "H", initial=1.0),
                Weight("bias_update", "H", initial=1.0),
                Weight("zeta", "1", initial=1.0),
                Weight("nu", "1", initial=-4.0),
            ),
            shifted=("bias_gate", "bias_update"),
            options=("rank", "remember"),
            remembers=(("bias_gate", 0, 1),),
        ),
        Cell(
            "mingru",
            "minGRU",
            2,
            weights=(  # initial values: those of torch.nn.Linear, as the authors' program
                Weight("weight_ih", "GI", fan="I"),
                Weight("bias_ih", "G", fan="I"),
            ),
            hidden="",
            options=("remember",),
            remembers=(("bias_ih", 0, -1),),
            in_integers=False,
        ),
        Cell(
            "lru",
            "LRU",
            2,
            kind="block",
            state=("re", "im"),
            state_axis="S",
            weights=(  # initial values: the authors' program; of maps, those of torch.nn.Linear
                Weight("weight_in", "HI", fan="I", mapped=True),
                Weight("bias_in", "H", fan="I", mapped=True),
                Weight("norm_weight", "H", initial=1.0),
                Weight("norm_bias", "H", initial=0.0),
                Weight("nu", "S", initial=RING, decays=False),
                Weight("theta", "S", initial=RING, decays=False),
                Weight("gamma", "S", initial=RING, decays=False),
                Weight("weight_ih", "ZH", spread=0.5**0.5),
                Weight("weight_ho", "HZ", spread=1.0, fan="S"),
                Weight("skip", "H", spread=1.0, fan="1"),
                Weight("weight_glu", "GH"),
                Weight("bias_glu", "G"),
            ),
            inputs="weight_in",
            hidden="",
            shifted=("bias_in",),
            in_integers=False,
            options=("states", "ring_min", "ring_max", "ring_angle"),
        ),
    )
}

CHOICES = tuple(dict.fromkeys(cell.option for cell in CELLS.values()))
"""The values of the option that selects a cell."""

STATES = tuple(dict.fromkeys(name for cell in CELLS.values() for name in cell.state))
"""The names of all arrays that cells carry."""


def cells_with(name: str) -> list[str]:
    """Return the values of the option of cells that have an option of their own."""
    return [cell.option for cell in CELLS.values() if name in cell.options]


def with_option(name: str) -> str:
    """Return these values in words."""
    return " and ".join(cells_with(name)).replace(" and ", ", ", len(cells_with(name)) - 2)
