"""What the C header of a program holds: its arrays, its constants, and which parts it needs."""

from dataclasses import dataclass, field

import numpy as np

from hiddenstate.export.int8 import quantised
from hiddenstate.export.program import Dense, Direction, FixedConvolutions, Linear, Program
from hiddenstate.system.typing import Array

GATES = {"rnn_tanh": 1, "rnn_relu": 1, "gru": 3, "lstm": 4}


@dataclass
class Layout:
    """A program as the header has it. Names have no prefix.

    Parameters
    ----------
    program : Program
    weights : str
        `float32` or `int8`.
    arrays : dict
        Constant arrays, in order. Matrices are transposed: the weights of one input side by side.
    tables : dict
        Of each table of layers its type and its lines, which name arrays.
    constants : dict of int
        Sizes that only the implementation needs.
    words : set of str
        What holds for the model: the conditions of the template.
    work : int
        Multiply-adds of a step, or of a row for an autoencoder.
    """

    program: Program
    weights: str
    arrays: dict[str, Array] = field(default_factory=dict)
    tables: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    constants: dict[str, int] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)
    work: int = 0

    @property
    def n_inputs(self) -> int:
        """Numbers that a network reads of a step."""
        return self.program.n_features * (2 if self.program.missing == "mask" else 1)

    @property
    def flash(self) -> int:
        """Bytes of the arrays."""
        return sum(array.nbytes for array in self.arrays.values())

    @property
    def stack(self) -> int:
        """About how many bytes the deepest call needs beside the state and what a caller gives."""
        c = self.constants
        if "alone" in self.words:
            numbers = 0
        elif self.program.job == "autoencode":
            numbers = 2 * self.n_inputs + 2 * c["WIDEST"]
        else:
            gates = GATES[self.program.nets[0].cell] * (2 if "gru" in self.words else 1)
            numbers = gates * c["HIDDEN"] + self.n_inputs + c["OUTPUTS"] + c["SUMMARY"]
            if "rows" in self.words:
                numbers += 2 * c["HIDDEN"] + c["WIDEST"] + self.program.n_features
        if "bytes" in self.words:
            numbers += c["MOST_ROWS"]
        if "fixed" in self.words:
            numbers += c["MOST_BIASES"] + 3 * 2 * c["OUTPUTS"] + 40
        return 4 * numbers + 160

    def add(self, name: str, array: Array) -> str:
        """Add an array of floats, and return its name."""
        self.arrays[name] = np.ascontiguousarray(array, np.float32)
        return f"@_{name}"

    def add_weight(self, name: str, weight: Array) -> str:
        """Add weights (rows, inputs) or (rows, inputs, width); return the fields that name them."""
        self.constants["MOST_ROWS"] = max(self.constants.get("MOST_ROWS", 0), len(weight))
        if self.weights != "int8":
            return self.add(name, weight.T)
        steps, scale = quantised(weight)
        self.arrays[name] = np.ascontiguousarray(steps.T)
        return f"@_{name}, {self.add(f'{name}_scale', scale)}"

    def add_offset(self, name: str, values: Array) -> None:
        """Add numbers as the sum of two floats each, as one float cannot have all their digits."""
        high = values.astype(np.float32)
        self.add(name, high)
        self.add(f"{name}_low", values - high.astype(np.float64))

    def add_exact(self, name: str, values: Array) -> None:
        """Add an array of doubles."""
        self.arrays[name] = np.ascontiguousarray(values, np.float64)

    def add_flags(self, name: str, flags: list[bool]) -> None:
        """Add an array of 0 and 1."""
        self.arrays[name] = np.array(flags, np.uint8)

    def add_numbers(self, name: str, numbers: tuple[int, ...]) -> None:
        """Add an array of integers."""
        self.arrays[name] = np.array(numbers, np.int32)


def layout_of(program: Program, weights: str) -> Layout:
    """Return the layout of the header of a program."""
    layout = Layout(program, weights)
    layout.words |= {"bytes"} if weights == "int8" else {"floats"}
    layout.words |= {program.job}
    _preparation(layout)
    if program.job == "autoencode":
        _autoencoder(layout)
    elif program.convolutions is not None and program.convolutions.net_share == 0:
        layout.words |= {"alone", "rows", "classes"}
        layout.constants |= {"OUTPUTS": program.n_outputs, "WIDEST": 1}
        _fixed(layout, program.convolutions)
    else:
        _recurrent(layout)
        _units(layout)
        if program.convolutions is not None:
            _fixed(layout, program.convolutions)
            layout.words -= {"softmax"}
    if layout.words & {"sigmoid", "tanh", "softmax"}:
        layout.words.add("exp")
    return layout


def _preparation(layout: Layout) -> None:
    program, words = layout.program, layout.words
    offset, factor = program.offset, program.factor
    words |= {"pixels"} if program.pixels else set()
    if offset is not None and factor is not None:
        words.add("scaled")
        if program.convolutions is not None:
            layout.add_exact("offset", offset)
            layout.add_exact("factor", factor)
        else:
            layout.add_offset("offset", offset)
            layout.add("factor", factor)
        if program.job == "autoencode":
            layout.add("scale", 1 / factor)
    if program.fill is not None:
        words |= {"fill", "forward" if program.missing == "forward" else "filled"}
        words |= {"mask"} if program.missing == "mask" else set()
        scaled = program.fill
        if offset is not None and factor is not None:
            scaled = (scaled - offset) * factor
        layout.add("fill", scaled)
    path = program.linear
    if path is not None and any(path.log):
        words.add("log")
        own = {f for f, log in zip(path.features, path.log, strict=True) if log}
        layout.add_flags("logarithm", [i in own for i in range(program.n_features)])


def _recurrent(layout: Layout) -> None:
    program, words = layout.program, layout.words
    net = program.nets[0]
    words |= {"rnn", "relu_cell" if net.cell == "rnn_relu" else "tanh"}
    if net.cell in ("gru", "lstm"):
        words -= {"rnn", "relu_cell"}
        words |= {net.cell, "tanh", "sigmoid"}
    words |= {net.readout, "streams" if program.streams else "rows"}
    words |= {"softmax", "classes"} if program.job == "classify" else set()
    directions, hidden = len(net.layers[0]), net.layers[0][0].hidden_weight.shape[1]
    words |= {"both"} if directions == 2 else set()
    lines: list[str] = []
    heads: list[str] = []
    for member in program.nets:
        for direction in (each for layer in member.layers for each in layer):
            lines.append(_layer(layout, member.cell, direction, len(lines)))
            layout.work += direction.input_weight.size + direction.hidden_weight.size
        heads.append(_dense(layout, member.head, f"head{len(heads)}"))
        layout.work += member.head.weight.size if net.readout == "steps" else 0
    widest = directions * hidden
    if net.stem:
        widest = max(widest, _stem(layout))
    layout.tables["layers"] = ("layer", lines)
    layout.tables["heads"] = ("dense", heads)
    layout.constants |= {
        "OUTPUTS": program.n_outputs,
        "HIDDEN": hidden,
        "LAYERS": len(net.layers),
        "DIRECTIONS": directions,
        "MEMBERS": len(program.nets),
        "WIDEST": widest,
        "SUMMARY": net.head.weight.shape[1],
    }


def _fixed(layout: Layout, path: FixedConvolutions) -> None:
    """Add the arrays of fixed convolutions. The kernels need none: they are counted through."""
    layout.words.add("fixed")
    layout.add_numbers("fixed_dilations", path.dilations)
    layout.add_numbers("fixed_counts", path.counts)
    if not path.uses.all():
        layout.words.add("channels")
        layout.add_flags("fixed_uses", [bool(use) for use in path.uses.ravel()])
    layout.add("fixed_biases", path.biases)
    layout.add_weight("fixed_weights", path.weight)
    layout.add("fixed_bias", path.bias)
    if "alone" not in layout.words:
        layout.add_exact("net", np.array([path.net_share, path.net_scale]))
    layout.constants |= {"DILATIONS": len(path.dilations), "MOST_BIASES": max(1, *path.counts)}


def _layer(layout: Layout, cell: str, direction: Direction, number: int) -> str:
    name = f"layer{number}"
    bias, state_bias = direction.input_bias, direction.hidden_bias
    fields = [
        layout.add_weight(f"{name}_input", direction.input_weight),
        layout.add_weight(f"{name}_state", direction.hidden_weight),
    ]
    both = bias.astype(np.float64) + state_bias
    if cell == "gru":
        n = len(bias) // 3 * 2
        fields.append(layout.add(f"{name}_bias", np.concatenate([both[:n], bias[n:]])))
        fields.append(layout.add(f"{name}_state_bias", state_bias[n:]))
    else:
        fields.append(layout.add(f"{name}_bias", both))
    return ", ".join([*fields, str(direction.input_weight.shape[1])])


def _stem(layout: Layout) -> int:
    """Add the convolutions, and return the largest number of channels."""
    program, first = layout.program, layout.program.nets[0]
    layout.words |= {"stem"} | ({"pool"} if first.pool > 1 else set())
    lines: list[str] = []
    for member in program.nets:
        for each in member.stem:
            name = f"convolution{len(lines)}"
            channels, inputs, width = each.weight.shape
            weight = layout.add_weight(f"{name}_weight", each.weight)
            bias = layout.add(f"{name}_bias", each.bias)
            lines.append(f"{weight}, {bias}, {inputs}, {channels}, {width}")
            layout.work += each.weight.size
    layout.tables["convolutions"] = ("convolution", lines)
    layout.constants |= {
        "CONVOLUTIONS": len(first.stem),
        "POOL": first.pool,
        "CAUSAL": int(first.causal),
    }
    return max(len(each.bias) for each in first.stem)


def _dense(layout: Layout, dense: Dense, name: str) -> str:
    rows, inputs = dense.weight.shape
    weight = layout.add_weight(f"{name}_weight", dense.weight)
    bias = layout.add(f"{name}_bias", dense.bias)
    activation = f", $_{dense.activation.upper()}" if layout.program.job == "autoencode" else ""
    return f"{weight}, {bias}, {inputs}, {rows}{activation}"


def _units(layout: Layout) -> None:
    """Add what turns outputs into units of the targets: y * scale + path + offset."""
    program, words = layout.program, layout.words
    if program.job != "regress":
        return
    offset = np.zeros(program.n_outputs)
    if program.change is not None:
        words.add("change")
        layout.add_numbers("change", program.change)
    if program.target_factor is not None and program.target_offset is not None:
        words |= {"target_scaled", "target_offset"}
        layout.add("target_scale", 1 / program.target_factor)
        offset = offset + program.target_offset
    path = program.linear
    if path is not None:
        words |= {"linear", "target_offset"}
        own, weight = list(path.features), path.weight.astype(np.float64)
        offset = offset + path.bias
        _effects(layout, path)
        if path.effects is not None and program.offset is not None:
            before = path.effects @ program.offset[list(path.ahead)]
            later = path.effects @ program.offset[list(path.moved)]
            offset = offset + later - path.weight.sum(axis=1) * before
        if program.offset is not None and program.factor is not None:
            # The path reads prepared values x: each is x / factor + offset in the data.
            offset = offset + weight.sum(axis=1) * program.offset[own]
            weight = weight / program.factor[own][:, None]
        layout.add_numbers("own", path.features)
        layout.add("past_weights", weight)
        layout.constants["PAST"] = weight.shape[1]
        layout.work += weight.size
        if any(path.log):
            layout.add_flags("target_is_log", list(path.log))
        if program.by_window:
            words |= {"by_window"} | ({"cut"} if program.window else set())
    if "target_offset" in words:
        layout.add_offset("target_offset", offset)
    if words & {"change", "target_offset"}:
        words.add("units")


def _effects(layout: Layout, path: Linear) -> None:
    """Add what columns known ahead add to prepared values, and later to the forecast."""
    if path.effects is None:
        return
    layout.words.add("effects")
    layout.add_numbers("ahead", path.ahead)
    layout.add_numbers("moved", path.moved)
    now = later = path.effects
    factor = layout.program.factor
    if factor is not None:
        own = factor[list(path.features)][:, None]
        now, later = now * own / factor[list(path.ahead)], later / factor[list(path.moved)]
    layout.add("effects_now", now)
    layout.add("effects_later", later)
    layout.constants["KNOWN"] = len(path.ahead)


def _autoencoder(layout: Layout) -> None:
    program = layout.program
    widest = 1
    for name, part in (("encoder", program.encoder), ("decoder", program.decoder)):
        layout.tables[name] = (
            "dense",
            [_dense(layout, dense, f"{name}{i}") for i, dense in enumerate(part)],
        )
        layout.constants[f"{name.upper()}_LAYERS"] = len(part)
        widest = max([widest, *(len(dense.bias) for dense in part[:-1])])
        layout.work += sum(dense.weight.size for dense in part)
        for dense in part:
            if dense.activation != "linear":
                layout.words |= {f"dense_{dense.activation}"}
                layout.words |= {dense.activation} - {"relu"}
    layout.constants |= {"WIDEST": widest, "CODE": len(program.encoder[-1].bias)}
