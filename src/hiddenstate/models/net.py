"""What a config means as arrays: names, shapes and first values of a net's weights.

Names and gate order are torch's (`weight_ih_l0`; i,f,g,o; r,z,n; two biases), so a state_dict
of `torch.nn.LSTM` fits without conversion. No torch here; the modules are in `nets.py`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.config import (
    AutoencoderConfig,
    RecurrentConfig,
    make_config,
    section_options,
    section_to_dict,
)
from hiddenstate.data.prepare.batches import generator
from hiddenstate.errors import OptionError, UntrustedFileError, printable
from hiddenstate.system.array_file import Layout
from hiddenstate.system.strict_json import check_fields

Params = dict[str, NDArray[Any]]

GATES = {"rnn": 1, "gru": 3, "lstm": 4}
"""Blocks of H rows in a cell's weights."""


@dataclass(frozen=True)
class Net:
    """The shape of a net: enough to make its arrays or its torch module.

    Parameters
    ----------
    job : str
        `classify`, `regress` or `autoencode`.
    config : RecurrentConfig or AutoencoderConfig
        Its sizes.
    n_features : int
        I, the features of a time step, or of a flat row for the autoencoder.
    n_outputs : int
        Classes, targets, or the row again.
    output : {"last", "steps"}
        Whether the head answers once, reading what `config.readout` says, or at every step.
    """

    job: str
    config: RecurrentConfig | AutoencoderConfig
    n_features: int
    n_outputs: int
    output: str = "last"

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every weight, in torch's order."""
        if isinstance(self.config, RecurrentConfig):
            return self._recurrent_shapes(self.config)
        shapes: dict[str, tuple[int, ...]] = {}
        for part, sizes in (("encoder", self.widths()), ("decoder", self.widths()[::-1])):
            for layer, (inside, outside) in enumerate(pairwise(sizes)):
                shapes[f"{part}.{2 * layer}.weight"] = (outside, inside)
                shapes[f"{part}.{2 * layer}.bias"] = (outside,)
        return shapes

    def _recurrent_shapes(self, config: RecurrentConfig) -> dict[str, tuple[int, ...]]:
        H, rows = config.hidden_size, GATES[config.cell] * config.hidden_size
        directions = ("", "_reverse") if config.bidirectional else ("",)
        shapes: dict[str, tuple[int, ...]] = {}
        for layer in range(config.layers):
            width = self.n_features if layer == 0 else H * len(directions)
            for direction in directions:
                place = f"l{layer}{direction}"
                shapes[f"rnn.weight_ih_{place}"] = (rows, width)
                shapes[f"rnn.weight_hh_{place}"] = (rows, H)
                shapes[f"rnn.bias_ih_{place}"] = (rows,)
                shapes[f"rnn.bias_hh_{place}"] = (rows,)
        shapes["out.weight"] = (self.n_outputs, H * len(directions))
        shapes["out.bias"] = (self.n_outputs,)
        return shapes

    def widths(self) -> list[int]:
        """The autoencoder's layer widths from the row to the code."""
        assert isinstance(self.config, AutoencoderConfig)
        return [self.n_features, *self.config.encoder_sizes, self.config.code_size]

    def n_parameters(self) -> int:
        """How many numbers are trained."""
        return sum(math.prod(shape) for shape in self.shapes().values())

    def inner_weights(self) -> list[str]:
        """Names of the weights that read hidden units: recurrent ones, dense ones within."""
        if isinstance(self.config, RecurrentConfig):
            return [name for name in self.shapes() if ".weight_hh_" in name]
        ends = ("encoder.0.weight", "decoder.0.weight")
        return [n for n in self.shapes() if n.endswith("weight") and n not in ends]

    def initial(self, seed: int, dtype: str) -> Params:
        """First weights, drawn as torch draws them, from (seed, name).

        All are uniform within +-1/sqrt(n): n is H for recurrent weights and biases
        (`torch.nn.RNNBase.reset_parameters`) and the layer's inputs for linear ones
        (`torch.nn.Linear.reset_parameters`).
        """
        shapes = self.shapes()
        params = {}
        for name, shape in shapes.items():
            if name.startswith("rnn."):
                assert isinstance(self.config, RecurrentConfig)
                fan = self.config.hidden_size
            else:
                fan = shapes[name.replace(".bias", ".weight")][1]
            bound = 1 / math.sqrt(fan)
            drawn = generator(seed, f"initial {name}").uniform(-bound, bound, shape)
            params[name] = drawn.astype(dtype)
        return params

    def describe(self) -> str:
        """The net in torch's words, as printing its module would give them."""
        if isinstance(self.config, RecurrentConfig):
            c = self.config
            extra = f", num_layers={c.layers}" if c.layers != 1 else ""
            extra += ", batch_first=True"
            extra += f", dropout={c.dropout}" if c.dropout else ""
            extra += ", bidirectional=True" if c.bidirectional else ""
            width, outputs = self.shapes()["out.weight"][1], self.n_outputs
            return (
                "RecurrentNet(\n"
                f"  (rnn): {c.cell.upper()}({self.n_features}, {c.hidden_size}{extra})\n"
                f"  (out): Linear(in_features={width}, out_features={outputs}, bias=True)\n)"
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
            lines += [f"    ({place}): {layer}" for place, layer in enumerate(layers)]
            lines += ["  )"]
        return "\n".join([*lines, ")"])

    def check_layout(self, layout: Layout, where: str) -> None:
        """Refuse types and shapes by name that are not those of this net's weights.

        All are of one float type, float32 or float64.

        Raises
        ------
        UntrustedFileError
            Naming `where`, the array, what was expected and what was found.
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

    def check(self, params: Mapping[str, NDArray[Any]], where: str) -> Params:
        """Return `params` in order if they are this net's weights, all finite.

        Raises
        ------
        UntrustedFileError
            As :meth:`check_layout`.
        """
        self.check_layout({name: (a.dtype, a.shape) for name, a in params.items()}, where)
        finite = {name: bool(np.isfinite(array).all()) for name, array in params.items()}
        odd = [f"{n} holds numbers that are not finite" for n in self.shapes() if not finite[n]]
        _refuse(odd, where)
        return {name: np.ascontiguousarray(params[name]) for name in self.shapes()}

    def to_dict(self) -> dict[str, Any]:
        """The net as JSON takes it."""
        return {
            "job": self.job,
            "model": section_to_dict(self.config, self.job),
            "n_features": self.n_features,
            "n_outputs": self.n_outputs,
            "output": self.output,
        }


def _refuse(problems: list[str], where: str) -> None:
    if problems:
        more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
        raise UntrustedFileError(
            f"{printable(where)}: weights do not fit: {'; '.join(problems[:3])}{more}"
        )


def net_from_dict(stored: Any, where: str) -> Net:
    """The inverse of :meth:`Net.to_dict`; anything unknown or out of range is refused.

    Raises
    ------
    UntrustedFileError
        Naming `where` and the field.
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
        known = section_options(type(config.model), stored["job"])
        added = {n: o.default_for(stored["job"]) for n, o in known.items() if o.since > 1}
        values = added | stored["model"]
        if set(known) != set(values):
            raise OptionError(f"model needs {', '.join(known)} and nothing else")
        section = type(config.model)(**{n: o.check(values[n]) for n, o in known.items()})
    except OptionError as error:
        raise UntrustedFileError(f"{printable(where)}: {error}") from None
    if isinstance(section, AutoencoderConfig) and (
        section.output_activation == "auto" or stored["n_features"] != stored["n_outputs"]
    ):
        raise UntrustedFileError(f"{printable(where)}: not an autoencoder's net")
    return Net(stored["job"], section, stored["n_features"], stored["n_outputs"], stored["output"])
