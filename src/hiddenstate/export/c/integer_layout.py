"""What a C header that computes in integers holds of a program: arrays, tables, sizes, parts."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from hiddenstate.export.c.arrays import exact_literal
from hiddenstate.models.sparse import pairs_of, sparse_bytes
from hiddenstate.program.cells import CELLS
from hiddenstate.program.integers import (
    CURVES,
    LARGEST_SUM,
    ONE,
    SIGMOID,
    Dequantise,
    Factors,
    IntegerBeside,
    IntegerConvolution,
    IntegerDense,
    IntegerPool,
    IntegerReadout,
    IntegerRecurrent,
    Product,
    Quantise,
)
from hiddenstate.program.layers import Layer
from hiddenstate.program.order import step_of
from hiddenstate.program.program import Program
from hiddenstate.program.steps import (
    Change,
    Fill,
    Fractions,
    Mask,
    Quantiles,
    Scale,
    Step,
    TargetScale,
)
from hiddenstate.system.typing import Array

STEPS: dict[type[Step], str] = {
    Fractions: "FRACTIONS",
    Fill: "FILL",
    Scale: "SCALE",
    Mask: "MASK",
    TargetScale: "TARGET_SCALE",
    Change: "CHANGE",
    Quantiles: "QUANTILES",
}
"""The macro of each kind of step that it can have."""

LAYERS: tuple[type[Layer], ...] = (
    *(IntegerConvolution, IntegerPool, IntegerRecurrent, IntegerBeside),
    *(IntegerReadout, IntegerDense, Quantise, Dequantise),
)
"""The kinds of layers."""

LEAST_SHIFT = 17
"""From this shift on, a sum is rescaled with numbers of 32 bits."""

CARRIED = ("LAYERS", "HIDDEN", "STATES", "RECENT", "POOL", "POOLED", "SUMMARY")
"""Sizes that a state needs."""


@dataclass
class IntegerLayout:
    """A program in integers as the header has it.

    Parameters
    ----------
    program : Program
    prefix : str
        Of the names in the header.
    group : int
        Rows of a product that are computed together.
    arrays : dict
        Constant arrays by names without prefix. Those of floating point are not in flash.
    tables : dict
        Of each table its type and its lines.
    sizes : dict
        Values of macros: numbers, or text.
    has : set of str
        The macros `HAS_...` of the parts that it needs, without `HAS_`.
    work : int
        Multiply-adds of a step or a row.
    """

    program: Program
    prefix: str
    group: int = 4
    arrays: dict[str, Array] = field(default_factory=dict)
    tables: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    sizes: dict[str, int | str] = field(default_factory=dict)
    has: set[str] = field(default_factory=set)
    work: int = 0

    @property
    def flash(self) -> int:
        """Bytes of the arrays of integers."""
        return sum(own.nbytes for own in self.arrays.values() if own.dtype.kind != "f")

    @property
    def state(self) -> int:
        """Bytes of a state."""
        own = {name: value for name, value in self.sizes.items() if isinstance(value, int)}
        cells = 2 if "LSTM" in self.has else 1
        numbers = cells * own["LAYERS"] * own["HIDDEN"] + own.get("RECENT", 0)
        if "LRU" in self.has:
            numbers = 2 * own["LAYERS"] * own["STATES"] + own["HIDDEN"] + own.get("RECENT", 0)
        numbers += own["FEATURES"] if "FORWARD" in self.has else 0
        more = 4 * own["POOLED"] + 4 if "POOL" in self.has else 0
        more += 8 * own["SUMMARY"] + 8 if "MEAN" in self.has else 0
        return 2 * numbers + more

    @property
    def stack(self) -> int:
        """About how many bytes a step needs beside the state and what a caller gives."""
        own = {name: value for name, value in self.sizes.items() if isinstance(value, int)}
        if "AUTOENCODER" in self.has:
            return 4 * own.get("WIDEST", 0) + 2 * own["CODE"] + 200
        numbers = own["HIDDEN"] + 2 * own.get("RANK", 0) + 2 * own.get("WIDEST", 0)
        numbers += own["HIDDEN"] + 2 * own.get("WIDE", 0) if "LRU" in self.has else 0
        numbers = max(numbers, own["SUMMARY"] if "MEAN" in self.has else 0)
        return 2 * numbers + (self.state if "POOL" in self.has else 0) + 200

    def named(self, name: str) -> str:
        """Return a name with its prefix."""
        return f"{self.prefix}_{name}"

    def line(self, table: str, kind: str, *fields: object) -> None:
        """Add a line to a table."""
        lines = self.tables.setdefault(table, (kind, []))[1]
        lines.append(", ".join(map(str, fields)))


def layout_of(program: Program, prefix: str = "model") -> IntegerLayout:
    """Return the layout of a program in integers."""
    layout = IntegerLayout(program, prefix)
    layout.has |= {"INTEGERS", *(() if program.kind.has_codes else ("STREAMS",))}
    layout.sizes["FEATURES"] = program.n_features
    layout.sizes["INPUTS"] = program.width
    layout.has |= {"SPARSE"} if any(map(_is_sparse, _products(program))) else set()
    _steps(layout)
    if program.kind.has_codes:
        _autoencoder(layout)
    else:
        _network(layout)
    if layout.has & {"SIGMOID", "TANH"}:
        layout.has.add("SIGMOID")
        places = int(np.argmax(SIGMOID == ONE)) + 1
        layout.arrays["table"] = SIGMOID[:places].astype(np.uint16)
        layout.sizes["PLACES"] = places
    return layout


def _steps(layout: IntegerLayout) -> None:
    program = layout.program
    first = _of(program.nets[0], Quantise).format
    layout.sizes |= {
        "INPUT_BITS": first.bits,
        "INPUT_MOST": first.most,
        "INPUT_SCALE": exact_literal(2.0**first.bits),
    }
    layout.has |= {STEPS[type(step)] for step in program.steps}
    if (scale := step_of(program.steps, Scale)) is not None:
        layout.arrays |= {"offset": scale.offset, "factor": scale.factor}
    if (target := step_of(program.steps, TargetScale)) is not None:
        layout.arrays |= {"target_offset": target.offset, "target_scale": 1 / target.factor}
    if (change := step_of(program.steps, Change)) is not None:
        layout.arrays["change"] = np.array(change.features, np.int16)
    if (quantiles := step_of(program.steps, Quantiles)) is not None:
        layout.sizes["QUANTILES"] = quantiles.n
    if (fill := step_of(program.steps, Fill)) is not None:
        layout.has |= {"FORWARD"} if fill.forward else set()
        absent = np.full((1, 1, program.n_features), np.nan)
        filled = program.kept(absent)[0, 0]
        whole, _, _ = Quantise(first).forward(filled[None], None, {})
        layout.arrays["fill"] = whole[0, : program.n_features].astype(np.int16)
        if "FORWARD" not in layout.has or "CHANGE" in layout.has:
            layout.arrays["filled"] = filled[: program.n_features]
        layout.sizes["MISSES"] = (
            int(min(2.0**first.bits + 0.5, first.most)) if "MASK" in layout.has else 0
        )


def _of(layers: Sequence[Layer], kind: type[Quantise]) -> Quantise:
    return next(layer for layer in layers if isinstance(layer, kind))


def _product(layout: IntegerLayout, name: str, product: Product, most: int, blocks: int = 1) -> str:
    """Add a product, the rows of a unit of a cell side by side; return what names it."""
    rows, inputs = product.weight.shape
    layout.sizes["COLUMNS"] = max(int(layout.sizes.get("COLUMNS", 0)), inputs)
    order = np.arange(rows).reshape(blocks, -1).T.ravel()
    factor, shift = _factors_of(product.multiplier[order], product.shift[order], layout.group)
    layout.has |= {"WIDE"} if shift.min() < 0 else set()
    own = {"_bias": product.bias[order], "_factor": factor, "_shift": shift}
    if _is_sparse(product):
        pairs = [pairs_of(row) for row in product.weight[order]]
        ends = np.cumsum([len(each) for each in pairs]).astype(np.uint16)
        own = {"": np.concatenate(pairs).view(np.int8).ravel(), **own, "_ends": ends}
        layout.work += int(ends[-1])
    else:
        weight = arranged(product.weight[order], layout.group)
        if layout.group == 3:  # of which four bytes more are read
            weight = np.append(weight, np.zeros(4, np.int8))
        own = {"": weight, **own}
        layout.work += product.weight.size
    layout.arrays |= {f"{name}{end}": array for end, array in own.items()}
    names = [layout.named(f"{name}{end}") for end in own]
    last = ", ".join(names[4:]) or "NULL" if "SPARSE" in layout.has else ""
    return f"{{{', '.join(names[:4])}, {most}, {inputs}, {rows}{last and f', {last}'}}}"


def _products(program: Program) -> list[Product]:
    layers = [*_flat(program.nets[0]), *program.decoder]
    parts = [
        each.product for each in layers if isinstance(each, (IntegerDense, IntegerConvolution))
    ]
    return parts + [product for each in _all_factors(program) for product in each.products]


def _is_sparse(product: Product) -> bool:
    """Return whether a matrix has fewer bytes as the pairs of each row, of which there are fewer
    than 2^16."""
    content = sparse_bytes(product.weight)
    return content is not None and len(content) < 2 * (len(product.bias) + (1 << 16))


def arranged(weight: Array, group: int) -> Array:
    """Return weights (C, I) flat, as the header has them; see integers/structures.c."""
    rows, inputs = weight.shape
    full, fours = rows - rows % group, inputs - inputs % 4
    groups = weight[:full].reshape(-1, group, inputs)
    first = groups[:, :, :fours].reshape(len(groups), group, fours // 4, 4).transpose(0, 2, 1, 3)
    first = first[..., [0, 2, 1, 3]]
    last = groups[:, :, fours:].transpose(0, 2, 1)
    parts = [
        first.reshape(len(groups), group * fours),
        last.reshape(len(groups), group * (inputs - fours)),
    ]
    own = np.concatenate(parts, axis=1).ravel()
    return own if full == rows else np.concatenate([own, arranged(weight[full:], 1)])


def _factors_of(multiplier: Array, shift: Array, group: int) -> tuple[Array, Array]:
    """Return multipliers / 2^shift as factors of 15 bits, and shifts less 16 and `LEAST_SHIFT`.

    A multiplier has as many bits as a scale; one of less than 2^30 gives 0, whatever the sum. The
    shifts of a group of rows are alike if its factors end in enough zeros.
    """
    m, n = multiplier.astype(np.int64), shift.astype(np.int64)
    tiny = m < 1 << 30
    assert not (m[~tiny] & 0xFFFF).any()
    factor, shift = np.where(tiny, 0, m >> 16), np.where(tiny, 127, n - 16 - LEAST_SHIFT)
    for first in range(0, len(m), group):
        own = slice(first, first + group)
        least = 0 if tiny[own].all() else shift[own].min()
        spare = np.where(tiny[own], 0, shift[own] - least)
        if not (factor[own] & ((1 << spare) - 1)).any():
            factor[own], shift[own] = factor[own] >> spare, least
    shift = np.where(tiny & (shift == 127), 0, shift)
    return factor.astype(np.int16), shift.astype(np.int8)


def _network(layout: IntegerLayout) -> None:
    program = layout.program
    layers = _flat(program.nets[0])
    recurrent = [layer for layer in layers if isinstance(layer, IntegerRecurrent)]
    cell = CELLS[recurrent[0].cell]
    layout.group = 3 if cell.blocks == 3 else 4
    layout.has |= {"RECURRENT", recurrent[0].cell.upper()}
    layout.has |= set() if cell.name == "rnn_relu" else {"SIGMOID"}
    layout.has |= set() if cell.name in ("rnn_relu", "mingru", "lru") else {"TANH"}
    layout.sizes |= {
        "OUTPUTS": program.n_outputs,
        "ANSWER_BITS": 16,
        "LAYERS": len(recurrent),
        "HIDDEN": recurrent[0].directions[0].hidden_size,
        "GROUP": layout.group,
        "BLOCKS": cell.blocks,
    }
    layout.has |= {"CLASSES"} if program.kind.has_classes else set()
    layout.has |= {"STEPS"} if program.readout == "steps" else set()
    bits = recurrent[-1].formats["h"].bits
    for layer in layers:
        if isinstance(layer, IntegerConvolution):
            _convolution(layout, layer)
        elif isinstance(layer, IntegerPool):
            layout.has.add("POOL")
            layout.sizes |= {"POOL": layer.steps, "POOLED": layer.channels}
        elif isinstance(layer, IntegerRecurrent):
            (_lru if layer.cell == "lru" else _recurrent)(layout, layer)
        elif isinstance(layer, IntegerBeside):
            layout.has.add("BESIDE")
            bits = min(layer.bits, layer.given)
        elif isinstance(layer, IntegerReadout) and layer.kind == "mean":
            layout.has.add("MEAN")
            layout.sizes["MEAN_BITS"] = bits
        elif isinstance(layer, IntegerDense):
            _dense(layout, layer, "heads")
            layout.sizes["SUMMARY"] = int(layer.product.weight.shape[1])
    layout.sizes["CONVOLUTIONS"] = len(layout.tables.get("convolutions", ("", []))[1])


def _flat(layers: Sequence[Layer]) -> list[Layer]:
    """Return layers, those of an `IntegerBeside` before it."""
    flat: list[Layer] = []
    for layer in layers:
        flat += [*(_flat(layer.layers) if isinstance(layer, IntegerBeside) else ()), layer]
    return flat


def _activation(
    layout: IntegerLayout, layer: IntegerDense | IntegerConvolution
) -> tuple[str, int, int]:
    """Return the activation of a layer, the bits and the largest of what it gives."""
    layout.has |= {"DENSE", f"DENSE_{layer.activation.upper()}"}
    curve = {layer.activation.upper(), "MOVED"}
    layout.has |= curve if layer.activation in CURVES else set()
    name = f"{layout.prefix.upper()}_{layer.activation.upper()}"
    return name, layer.format.bits, layer.format.most


def _most(layer: IntegerDense | IntegerConvolution) -> int:
    """Return the largest sum that its activation reads."""
    return LARGEST_SUM if layer.activation in CURVES else layer.format.most


def _dense(layout: IntegerLayout, layer: IntegerDense, table: str) -> None:
    name = f"{table}{len(layout.tables.get(table, ('', []))[1])}"
    fields: list[object] = [_product(layout, name, layer.product, _most(layer))]
    if "CONVOLUTION" in layout.has:
        fields.append(0)
    layout.line(table, "dense", *fields, *_activation(layout, layer))


def _convolution(layout: IntegerLayout, layer: IntegerConvolution) -> None:
    layout.has |= {"CONVOLUTION", "HIDDEN"}
    channels, inputs = layer.product.weight.shape
    sizes = layout.sizes
    number = len(layout.tables.get("convolutions", ("", []))[1])
    product = _product(layout, f"convolution{number}", layer.product, _most(layer))
    fields = product, layer.inputs, *_activation(layout, layer)
    layout.line("convolutions", "dense", *fields)
    sizes["RECENT"] = int(sizes.get("RECENT", 0)) + inputs
    sizes["WIDEST"] = max(int(sizes.get("WIDEST", 0)), channels)


def _recurrent(layout: IntegerLayout, layer: IntegerRecurrent) -> None:
    name = f"layer{len(layout.tables.get('layers', ('', []))[1])}"
    (own,) = layer.directions
    blocks = int(layout.sizes["BLOCKS"])
    h = layer.formats["h"]
    named = {"input": own.inputs, **({"state": own.hidden} if own.hidden.products else {})}
    fields: list[object] = [
        _product(layout, f"{name}_{each}", factors.products[0], LARGEST_SUM, blocks)
        for each, factors in named.items()
    ]
    if any(len(factors.products) > 1 for factors in _all_factors(layout.program)):
        layout.has.add("FACTORS")
        for each, factors in named.items():
            if len(factors.products) == 1:
                fields.append(_no_product(layout))
                continue
            inner = factors.products[1]
            fields.append(_product(layout, f"{name}_{each}_first", inner, factors.format.most))
            rank = max(int(layout.sizes.get("RANK", 1)), len(inner.bias))
            layout.sizes["RANK"] = rank
    if not CELLS[layer.cell].added:  # biases are not in a product
        layout.has.add("ONE_SUM")
        biases = [own.own[each] for each in ("bias_gate", "bias_update")]
        layout.arrays[f"{name}_own"] = np.concatenate(biases).astype(np.int32)
        fields += [layout.named(f"{name}_own"), *(own.own[each].item() for each in ("zeta", "nu"))]
    else:
        layout.has.add("MOVED")
    fields.append(h.bits)
    fields += [layer.formats["c"].bits] if layer.cell == "lstm" else []
    fields += [own.own["bits"].item()] if layer.cell == "rnn_relu" else []
    layout.line("layers", "layer", *fields, h.most)


def _no_product(layout: IntegerLayout) -> str:
    return f"{{NULL, NULL, NULL, NULL, 0, 0, 0{', NULL' if 'SPARSE' in layout.has else ''}}}"


def _lru(layout: IntegerLayout, layer: IntegerRecurrent) -> None:
    name = f"layer{len(layout.tables.get('layers', ('', []))[1])}"
    (given,) = layer.directions
    own, formats = given.own, layer.formats
    h, u, n, gelu = (formats[each] for each in ("h", "u", "n", "g"))
    layout.has.add("MOVED")
    layout.sizes |= {"STATES": given.states, "WIDE": 2 * max(given.states, given.hidden_size)}
    factors = {"input": given.inputs, **given.block}
    products = [
        _product(
            layout, f"{name}_{each}", one.products[0], u.most if each == "input" else LARGEST_SUM
        )
        if one.products
        else _no_product(layout)
        for each, one in factors.items()
    ]
    arrays = {
        "turn": np.concatenate([own["cosine"], own["sine"]]).astype(np.int16),
        "norm": own["norm_weight"].astype(np.int16),
        "skip": own["skip"].astype(np.int16),
        "norm_bias": own["norm_bias"].astype(np.int32),
    }
    layout.arrays |= {f"{name}_{each}": array for each, array in arrays.items()}
    fields: list[object] = [*products, *(layout.named(f"{name}_{each}") for each in arrays)]
    fields += [own["epsilon"].item(), own["norm_bits"].item(), n.bits, own["skip_places"].item()]
    fields += [gelu.bits, u.bits - h.bits, h.bits]
    layout.line("layers", "layer", *fields, n.most, formats["re"].most, gelu.most, h.most)


def _all_factors(program: Program) -> list[Factors]:
    layers = [each for each in _flat(program.nets[0]) if isinstance(each, IntegerRecurrent)]
    return [
        each
        for layer in layers
        for one in layer.directions
        for each in (one.inputs, one.hidden, *one.block.values())
    ]


def _autoencoder(layout: IntegerLayout) -> None:
    program = layout.program
    layout.has.add("AUTOENCODER")
    layout.sizes["GROUP"] = layout.group
    parts = {"encoder": program.nets[0], "decoder": program.decoder}
    widest, last = 0, {}
    for name, layers in parts.items():
        dense = [each for each in layers if isinstance(each, IntegerDense)]
        for layer in dense:
            _dense(layout, layer, name)
        widest = max([widest, *(len(each.product.bias) for each in dense[:-1])])
        layout.sizes[f"{name.upper()}_LAYERS"] = len(dense)
        last[name] = dense[-1]
    if widest:
        layout.has.add("HIDDEN")
        layout.sizes["WIDEST"] = widest
    code = _of(program.decoder, Quantise).format
    answer, row = last["encoder"].format.bits, last["decoder"].format.bits
    layout.sizes |= {
        "CODE": len(last["encoder"].product.bias),
        "ANSWER_BITS": answer,
        "ANSWER_SCALE": exact_literal(2.0**answer),
        "CODE_BITS": code.bits,
        "CODE_MOST": code.most,
        "CODE_SCALE": exact_literal(2.0**code.bits),
        "ROW_BITS": row,
        "ROW_SCALE": exact_literal(2.0**row),
    }
