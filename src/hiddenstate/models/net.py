"""The architecture of a network as named arrays: names, shapes and initial values of its weights.

Names and gate order of torch's cells are torch's (`weight_ih_l0`; i, f, g, o; r, z, n; two biases),
so a state_dict of `torch.nn.LSTM` fits without conversion. torch is not needed here; the torch
modules are in `torch_modules.py`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any, TypedDict

import numpy as np

from hiddenstate.config import (
    AutoencoderConfig,
    RecurrentConfig,
    make_config,
    section_options,
    section_to_dict,
)
from hiddenstate.data.prepare.batches import generator
from hiddenstate.errors import OptionError, UntrustedFileError, printable
from hiddenstate.program.cells import CELLS, RING, Cell, Weight
from hiddenstate.program.jobs import JobKind, kind_of
from hiddenstate.system.array_file import Layout
from hiddenstate.system.strict_json import check_fields
from hiddenstate.system.typing import Array

Params = dict[str, Array]
"""Weights, or other arrays, by name."""

STEM_MOMENTS = ("running_mean", "running_var")
"""Arrays of a stem's batch normalisation that follow the data and are not trained."""


class NetFacts(TypedDict):
    """An architecture as values for JSON; the fields are those of :class:`Net`."""

    job: str
    model: dict[str, Any]
    n_features: int
    n_outputs: int
    output: str


@dataclass(frozen=True)
class Net:
    """The architecture of a network: enough to make its arrays or its torch module.

    Parameters
    ----------
    job : str
        `classify`, `regress` or `autoencode`.
    config : RecurrentConfig or AutoencoderConfig
        Cell, sizes and activations.
    n_features : int
        Features of a time step (I), or of a flat row (F) for an autoencoder.
    n_outputs : int
        Number of classes (C), of targets (O), or of features of the reconstructed row (F).
    output : {"last", "steps"}, default "last"
        Whether the head computes one output for a sequence, from what `config.readout` selects,
        or one for each time step.
    """

    job: str
    config: RecurrentConfig | AutoencoderConfig
    n_features: int
    n_outputs: int
    output: str = "last"

    @property
    def kind(self) -> JobKind:
        """What the job is."""
        return kind_of(self.job)

    @property
    def recurrent(self) -> RecurrentConfig:
        """The config of a recurrent network; a `TypeError` for an autoencoder."""
        if isinstance(self.config, RecurrentConfig):
            return self.config
        raise TypeError("an autoencoder has no recurrent config")

    @property
    def autoencoder(self) -> AutoencoderConfig:
        """The config of an autoencoder; a `TypeError` for a recurrent network."""
        if isinstance(self.config, AutoencoderConfig):
            return self.config
        raise TypeError("a recurrent network has no autoencoder config")

    @property
    def n_members(self) -> int:
        """Number of nets whose answers are averaged; 1 of an autoencoder."""
        return self.config.members if isinstance(self.config, RecurrentConfig) else 1

    @property
    def cell(self) -> Cell:
        """The cell of a recurrent network."""
        config = self.recurrent
        return CELLS[f"rnn_{config.nonlinearity}" if config.cell == "rnn" else config.cell]

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of every weight, in torch's order."""
        return dict(_shapes(self))

    def _own_shapes(self) -> dict[str, tuple[int, ...]]:
        if isinstance(self.config, RecurrentConfig):
            return self._recurrent_shapes(self.config)
        shapes: dict[str, tuple[int, ...]] = {}
        for part, sizes in (("encoder", self.widths()), ("decoder", self.widths()[::-1])):
            for layer, (inside, outside) in enumerate(pairwise(sizes)):
                shapes[f"{part}.{2 * layer}.weight"] = (outside, inside)
                shapes[f"{part}.{2 * layer}.bias"] = (outside,)
        return shapes

    def member(self) -> "Net":
        """Return the net of one member; its arrays are named without `members/K/`."""
        return replace(self, config=replace(self.recurrent, members=1))

    def _recurrent_shapes(self, config: RecurrentConfig) -> dict[str, tuple[int, ...]]:
        if config.members > 1:
            own = self.member().shapes()
            numbers = range(config.members)
            return {f"members/{k}/{name}": shape for k in numbers for name, shape in own.items()}
        directions = ("", "_reverse") if config.bidirectional else ("",)
        shapes = self._stem_shapes(config)
        for layer in range(config.layers):
            sizes = self.sizes(layer)
            for direction in directions:
                for weight in self.layer_weights(layer):
                    shapes[f"rnn.{weight.name}_l{layer}{direction}"] = weight.shape(sizes)
        shapes["out.weight"] = (self.n_outputs, sum(self.head_widths()))
        shapes["out.bias"] = (self.n_outputs,)
        return shapes

    def sizes(self, layer: int) -> dict[str, int]:
        """Return what the letters of axes stand for in a recurrent layer; see `Cell.sizes`."""
        c = self.recurrent
        width = c.hidden_size * (2 if c.bidirectional else 1)
        if layer == 0:
            width = c.stem_channels[-1] if c.stem else self.n_features
        return self.cell.sizes(width, c.hidden_size, self.n_states, c.rank)

    def layer_weights(self, layer: int) -> tuple[Weight, ...]:
        """Return the arrays of each direction of a recurrent layer."""
        mapped = layer == 0 or self.recurrent.bidirectional
        return self.cell.arrays(self.sizes(layer), mapped)

    @property
    def n_states(self) -> int:
        """Complex numbers of a state; 0 of a cell whose state has as many numbers as h."""
        config = self.recurrent
        if self.cell.state_axis == "H":
            return 0
        return config.states or max(1, config.hidden_size // 2)

    def readers(self) -> list[tuple[str, ...]]:
        """Return, for each direction of the first recurrent layer, the names of the factors of W.

        The last one is multiplied by what the layer reads.
        """
        cell, ends = self.cell, ("", "_reverse") if self.recurrent.bidirectional else ("",)
        own = [w.name for w in self.layer_weights(0) if cell.product(w.name) == cell.inputs]
        return [tuple(f"rnn.{name}_l0{end}" for name in own) for end in ends]

    def _stem_shapes(self, config: RecurrentConfig) -> dict[str, tuple[int, ...]]:
        shapes: dict[str, tuple[int, ...]] = {}
        if not config.stem:
            return shapes
        widths = (self.n_features, *config.stem_channels)
        for layer, ((inside, outside), size) in enumerate(
            zip(pairwise(widths), config.stem_kernels, strict=True)
        ):
            shapes[f"stem.{layer}.conv.weight"] = (outside, inside, size)
            for name in ("conv.bias", "norm.weight", "norm.bias"):
                shapes[f"stem.{layer}.{name}"] = (outside,)
            shapes |= {f"stem.{layer}.norm.{name}": (outside,) for name in STEM_MOMENTS}
        return shapes

    def head_widths(self) -> tuple[int, int]:
        """Return how many numbers the head reads of the states, and of the stem's output.

        The second is 0 unless there is a stem and the head reads means over the steps.
        """
        config = self.recurrent
        means = config.stem and self.output == "last" and config.readout == "mean"
        states = config.hidden_size * (2 if config.bidirectional else 1)
        return states, config.stem_channels[-1] if means else 0

    def pooled(self, n_steps: int) -> int:
        """Return how many steps the recurrent layers read of `n_steps`."""
        config = self.config
        if not isinstance(config, RecurrentConfig) or not config.stem:
            return n_steps
        return -(-n_steps // config.stem_pool)

    def state_shapes(self, n_rows: int) -> dict[str, tuple[int, int, int]]:
        """Return the shapes of the hidden state of `n_rows` sequences.

        Returns
        -------
        dict of tuple
            Those of the arrays of the cell, each (L*D, B, H) with B = `n_rows`, or (L*D, B, S) of
            complex states. Empty for an autoencoder.
        """
        if not isinstance(self.config, RecurrentConfig):
            return {}
        depth = self.config.layers * (2 if self.config.bidirectional else 1)
        return dict.fromkeys(
            self.cell.state, (depth, n_rows, self.n_states or self.config.hidden_size)
        )

    def widths(self) -> list[int]:
        """Return the widths of an autoencoder's layers, from the row to the code."""
        return [self.n_features, *self.autoencoder.encoder_sizes, self.autoencoder.code_size]

    def n_parameters(self) -> int:
        """Return how many numbers are trained."""
        return sum(math.prod(shape) for shape in self.shapes().values())

    def inner_weights(self) -> list[str]:
        """Return the names of the weights whose inputs are hidden units."""
        if isinstance(self.config, RecurrentConfig):
            return [name for name in self.shapes() if ".weight_hh_" in name]
        ends = ("encoder.0.weight", "decoder.0.weight")
        return [n for n in self.shapes() if n.endswith("weight") and n not in ends]

    def undecayed(self) -> set[str]:
        """Return the names of the arrays that weight decay leaves as they are."""
        if not isinstance(self.config, RecurrentConfig):
            return set()
        own = {weight.name for weight in self.cell.weights if not weight.decays}
        return {n for n in self.shapes() if "rnn." in n and _own_name(n) in own}

    def initial(self, seed: int, dtype: str) -> Params:
        """Return initial weights, a function of the seed and the name.

        They have torch's distribution, unless a cell declares another: uniform within +-1/sqrt(n),
        where n is H for recurrent weights and biases (`torch.nn.RNNBase.reset_parameters`), and the
        number of inputs of one output of a linear or convolutional layer
        (`torch.nn.Linear.reset_parameters`). Normalisation starts as the identity. With `remember`,
        biases of gates follow :meth:`_remembering`.
        """
        shapes = self.shapes()
        params = {}
        for name, shape in shapes.items():
            if ".norm." in name:
                ones = name.endswith(("weight", "running_var"))
                params[name] = np.full(shape, float(ones), dtype)
                continue
            drawn = generator(seed, f"initial {name}")
            weight, fan = self.declared(name)
            if weight and weight.initial == RING:
                params[name] = self._on_ring(seed, name, weight.name).astype(dtype)
                continue
            if weight and weight.initial is not None:
                params[name] = np.full(shape, weight.initial, dtype)
                continue
            if weight and weight.spread is not None:
                spread = weight.spread / math.sqrt(fan)
                params[name] = drawn.normal(0, spread, shape).astype(dtype)
                continue
            fan = fan or math.prod(shapes[name.replace(".bias", ".weight")][1:])
            bound = 1 / math.sqrt(fan)
            params[name] = drawn.uniform(-bound, bound, shape).astype(dtype)
        if self.kind.has_series and self.recurrent.remember:
            for name in params:
                self._remembering(seed, name, params[name])
        return params

    def _remembering(self, seed: int, name: str, bias: Array) -> None:
        """Set the bias of gates to +-log(u), u uniform from 1 to `remember` - 1, so that units
        remember about u steps: Tallec and Ollivier, 2018, section 2."""
        H, most = self.recurrent.hidden_size, max(2, self.recurrent.remember)
        for own, block, sign in self.cell.remembers:
            if "rnn." in name and _own_name(name) == own:
                drawn = generator(seed, f"remember {name}")
                bias[block * H : (block + 1) * H] = sign * np.log(drawn.uniform(1, most - 1, H))

    def declared(self, name: str) -> tuple[Weight | None, int]:
        """Return the declaration of an array of a recurrent layer and its fan; None of another."""
        if "rnn." not in name:
            return None, 0
        layer = int(name.rpartition("_l")[2].partition("_")[0])
        weight = next(each for each in self.layer_weights(layer) if each.name == _own_name(name))
        return weight, self.sizes(layer)[weight.fan]

    def _on_ring(self, seed: int, name: str, own: str) -> Array:
        """Return the logarithms of decay, angle or scale of eigenvalues that are uniform on a ring.

        |lambda|^2 is uniform between the squares of `ring_min` and `ring_max`, the angle up to
        `ring_angle`, and the scale is sqrt(1 - |lambda|^2): Orvieto et al., 2023, section 3.
        """
        config, S = self.recurrent, self.n_states
        drawn = generator(seed, f"initial {name.replace(own, self.cell.eigenvalues[0])}")
        area, turn = 1 - drawn.random((2, S))  # above 0, up to 1
        square = area * (config.ring_max**2 - config.ring_min**2) + config.ring_min**2
        square = np.maximum(square, np.finfo(float).tiny)  # a square may be too small for a float
        values = (
            np.log(-0.5 * np.log(square)),
            np.log(config.ring_angle * turn),
            0.5 * np.log1p(-square),
        )
        return np.asarray(values[self.cell.eigenvalues.index(own)])

    def describe(self) -> str:
        """Return the text that printing the torch module gives."""
        if isinstance(self.config, RecurrentConfig):
            c = self.config
            extra = f", states={self.n_states}" if self.n_states else ""
            extra += f", rank={c.rank}" if c.rank else ""
            extra += f", num_layers={c.layers}" if c.layers != 1 else ""
            extra += ", batch_first=True"
            extra += f", dropout={c.dropout}" if c.dropout else ""
            extra += ", bidirectional=True" if c.bidirectional else ""
            width, outputs = sum(self.head_widths()), self.n_outputs
            inputs = c.stem_channels[-1] if c.stem else self.n_features
            return (
                "RecurrentNet(\n"
                f"{self._describe_stem(c)}"
                f"  (rnn): {self.cell.title.split()[0]}({inputs}, {c.hidden_size}{extra})\n"
                f"  (out): Linear(in_features={width}, out_features={outputs}, bias=True)\n)"
                + (f"\n{c.members} members" if c.members > 1 else "")
            )
        names = {"tanh": "Tanh()", "relu": "ReLU()", "sigmoid": "Sigmoid()", "linear": None}
        between, end = names[self.config.activation], names[self.config.output_activation]
        lines = ["AutoencoderNet("]
        for part, sizes in (("encoder", self.widths()), ("decoder", self.widths()[::-1])):
            layers: list[str] = []
            for inside, outside in pairwise(sizes):
                layers += [f"Linear(in_features={inside}, out_features={outside}, bias=True)"]
                layers += [str(between)]
            layers[-1:] = [end] if part == "decoder" and end else []
            lines += [f"  ({part}): Sequential("]
            lines += [f"    ({position}): {layer}" for position, layer in enumerate(layers)]
            lines += ["  )"]
        return "\n".join([*lines, ")"])

    def _describe_stem(self, config: RecurrentConfig) -> str:
        if not config.stem:
            return ""
        lines = ["  (stem): ModuleList("]
        widths = (self.n_features, *config.stem_channels)
        for layer, (inside, outside) in enumerate(pairwise(widths)):
            size = config.stem_kernels[layer]
            lines += [
                f"    ({layer}): StemLayer(",
                f"      (conv): Conv1d({inside}, {outside}, kernel_size=({size},), stride=(1,))",
                "      (norm): RowNorm()",
                "    )",
            ]
        return "\n".join([*lines, "  )\n"])

    def check_layout(self, layout: Layout, where: str) -> None:
        """Refuse arrays whose names, types or shapes are not those of this network's weights.

        All weights have one float type, float32 or float64.

        Raises
        ------
        UntrustedFileError
            The message names `where`, the array, what was expected and what was found.
        """
        shapes = self.shapes()
        dtypes = [dtype for dtype, _ in layout.values() if dtype in (np.float32, np.float64)]
        wanted = str(dtypes[0]) if dtypes else "float32 or float64"
        problems = [f"{printable(name, 60)} is unknown" for name in layout if name not in shapes]
        for name, expected in shapes.items():
            dtype, shape = layout.get(name, (None, None))
            if shape is None:
                problems.append(f"{name} {expected} is missing")
            elif shape != expected:
                problems.append(f"{name} is {shape}, expected {expected}")
            elif str(dtype) != wanted:
                problems.append(f"{name} is {dtype}, expected {wanted}")
        _refuse(problems, where)

    def check(self, params: Mapping[str, Array], where: str) -> Params:
        """Return `params` in torch's order if they are this network's weights, all finite.

        Raises
        ------
        UntrustedFileError
            As :meth:`check_layout`, or if a number is not finite.
        """
        self.check_layout({name: (a.dtype, a.shape) for name, a in params.items()}, where)
        finite = {name: bool(np.isfinite(array).all()) for name, array in params.items()}
        problems = [f"{n} has numbers that are not finite" for n in self.shapes() if not finite[n]]
        _refuse(problems, where)
        return {name: np.ascontiguousarray(params[name]) for name in self.shapes()}

    def to_dict(self) -> NetFacts:
        """Return the architecture as values for JSON; :func:`net_from_dict` reads them."""
        return {
            "job": self.job,
            "model": section_to_dict(self.config, self.job),
            "n_features": self.n_features,
            "n_outputs": self.n_outputs,
            "output": self.output,
        }


@lru_cache(maxsize=64)
def _shapes(net: Net) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a net; each update of a small one asks for them."""
    return net._own_shapes()


def member_params(params: Mapping[str, Array], number: int) -> Params:
    """Return the arrays of one member of a net with members, by their own names."""
    prefix = f"members/{number}/"
    return {n.removeprefix(prefix): a for n, a in params.items() if n.startswith(prefix)}


def is_of_head(name: str) -> bool:
    """Return whether an array belongs to the output layer of a recurrent net, or of a member."""
    return name.rpartition("/")[2] in ("out.weight", "out.bias")


def _own_name(name: str) -> str:
    """Return what a cell calls an array of a recurrent layer: `weight_ih` of `rnn.weight_ih_l0`."""
    return name.rpartition("rnn.")[2].rpartition("_l")[0]


def _refuse(problems: list[str], where: str) -> None:
    if problems:
        more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
        raise UntrustedFileError(
            f"{printable(where)}: weights do not fit: {'; '.join(problems[:3])}{more}"
        )


def net_from_dict(stored: Any, where: str) -> Net:
    """Return the network that :meth:`Net.to_dict` described.

    Raises
    ------
    UntrustedFileError
        If a field is missing, unknown or out of range; the message names `where` and the field.
    """
    fields = {"job": str, "model": dict, "n_features": int, "n_outputs": int, "output": str}
    stored = check_fields(stored, fields, f"{printable(where)}: damaged net")
    for name in ("n_features", "n_outputs"):
        if not 0 < stored[name] < 2**31:
            raise UntrustedFileError(f"{printable(where)}: net field {name} is out of range")
    if stored["output"] not in ("last", "steps"):
        raise UntrustedFileError(f"{printable(where)}: net field output is out of range")
    try:
        config = make_config(stored["job"], {})
        options = section_options(type(config.model), stored["job"])
        added = {n: o.default_for(stored["job"]) for n, o in options.items() if o.since > 1}
        values = added | stored["model"]
        if set(options) != set(values):
            raise OptionError(f"model: expected {', '.join(options)} and nothing else")
        section = type(config.model)(**{n: o.check(values[n]) for n, o in options.items()})
    except OptionError as error:
        raise UntrustedFileError(f"{printable(where)}: {error}") from None
    if isinstance(section, AutoencoderConfig) and (
        section.output_activation == "auto" or stored["n_features"] != stored["n_outputs"]
    ):
        raise UntrustedFileError(f"{printable(where)}: not the network of an autoencoder")
    return Net(stored["job"], section, stored["n_features"], stored["n_outputs"], stored["output"])
