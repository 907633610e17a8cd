"""Adds the parts of a program to what a C header holds.

A table for each kind of part says what macro it has and which arrays. A program with a kind that
no table has is refused.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from hiddenstate.export.c.content import Layout
from hiddenstate.export.c.recurrent import CELLS, recurrent
from hiddenstate.export.target import BACKWARD
from hiddenstate.program.ahead import Ahead
from hiddenstate.program.companions import FixedConvolutions
from hiddenstate.program.layers import (
    Beside,
    Convolution,
    Dense,
    Layer,
    Norm,
    Pool,
    Readout,
    Recurrent,
)
from hiddenstate.program.lowering import folded_norms
from hiddenstate.program.order import step_of
from hiddenstate.program.program import Program
from hiddenstate.program.steps import (
    Change,
    Fill,
    Forecast,
    Fractions,
    Logarithm,
    Mask,
    Quantiles,
    Scale,
    Step,
    TargetScale,
    WindowScale,
)
from hiddenstate.system.typing import Array


def layout_of(
    program: Program,
    weights: str,
    prefix: str = "model",
    read: Mapping[str, Array] | None = None,
) -> Layout:
    """Return the layout of the header of a program, with numbers that were `read` of a header."""
    layout = Layout(folded_norms(program), weights, prefix, read)
    layout.has |= {"BYTES"} if weights == "int8" else set()
    layout.has |= {"STREAMS"} if program.streams else set()
    layout.constants["OUTPUTS"] = program.n_outputs
    steps = tuple(_step(layout, step) for step in layout.program.steps)
    layout.program = replace(layout.program, steps=steps)
    _ahead(layout)
    parts = _autoencoder if program.kind.has_codes else _networks
    layout.program = parts(layout, layout.program)
    _answers(layout)
    return layout


def _step(layout: Layout, step: Step) -> Step:
    name, build = STEPS[type(step)]
    layout.has.add(name)
    own: Step = build(layout, step)
    return own


def _layers(layout: Layout, layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    own = []
    for layer in layers:
        name, build = LAYERS[type(layer)]
        layout.has.add(name)
        own.append(build(layout, layer))
    return tuple(own)


def _same(layout: Layout, part: Any) -> Any:
    return part


def _logarithm(layout: Layout, step: Logarithm) -> Logarithm:
    features = range(layout.program.n_features)
    layout.add("logarithm", [i in step.features for i in features], np.uint8)
    layout.add("target_is_log", step.log, np.uint8)
    return step


def _scale(layout: Layout, step: Scale) -> Scale:
    if layout.program.companions:  # which read doubles
        offset = layout.add("offset", step.offset, np.float64)
        factor = layout.add("factor", step.factor, np.float64)
        return Scale(offset, factor)
    offset = layout.add_offset("offset", step.offset)
    factor = layout.add("factor", step.factor)
    if layout.program.kind.has_codes:
        layout.add("scale", 1 / step.factor)
    return Scale(offset, factor.astype(np.float64))


def _fill(layout: Layout, step: Fill) -> Fill:
    """Add what fills gaps in, scaled: gaps are filled in afterwards."""
    layout.has |= {"FORWARD"} if step.forward else set()
    if step.forward and step.backward:
        layout.has.add("BACKWARD")
        features = range(layout.program.n_features)
        layout.add("backward", [i in step.backward for i in features], np.uint8)
    offset, factor = _scaling(layout)
    values = layout.add("fill", (step.values - offset) * factor)
    return replace(step, values=values / factor + offset)


def _scaling(layout: Layout) -> tuple[Array, Array]:
    """Return offset and factor of the features, each (I,), as the program has them."""
    scale = step_of(layout.program.steps, Scale)
    if scale is None:
        return np.zeros(layout.program.n_features), np.ones(layout.program.n_features)
    return scale.offset, scale.factor


def _forecast(layout: Layout, step: Forecast) -> Forecast:
    """Add the linear function of prepared values, which are not scaled back before it; after it
    those of nearer steps, the nearest last."""
    made = layout.program.ahead
    paths = (step, *reversed(made.nearer if made is not None else ()))
    offset, factor = _scaling(layout)
    own, inputs, moved = list(step.features), list(step.inputs), list(step.moved)
    weights = np.stack([path.weights for path in paths])  # (paths, O, P)
    constant = weights.sum(axis=2) * offset[own]
    layout.add("own", step.features, np.int32)
    weight = layout.add("past_weights", weights / factor[own][:, None]) * factor[own][:, None]
    layout.constants["PAST"] = step.weights.shape[1]
    layout.work += step.weights.size
    others = effects = None
    if step.input_weights is not None:
        layout.has.add("LAGS")
        layout.add("others", step.inputs, np.int32)
        others = np.stack([path.input_weights for path in paths if path.input_weights is not None])
        constant = constant + others.sum(axis=2) @ offset[inputs]
        layout.constants |= {"OTHERS": len(inputs), "LAGS": step.input_weights[0].size}
        layout.work += step.input_weights.size
        others = layout.add("other_weights", others / factor[inputs]) * factor[inputs]
    if step.effects is not None:
        layout.has.add("EFFECTS")
        ahead = list(step.ahead)
        layout.add("ahead", step.ahead, np.int32)
        layout.add("moved", step.moved, np.int32)
        effects = np.stack([path.effects for path in paths if path.effects is not None])
        before, later = effects @ offset[ahead], effects @ offset[moved]
        constant = constant + later - weights.sum(axis=2) * before
        layout.add("effects_now", effects * factor[own][:, None] / factor[ahead])
        effects = layout.add("effects_later", effects / factor[moved]) * factor[moved]
        layout.constants["KNOWN"] = len(ahead)
    scale = step_of(layout.program.steps, TargetScale)
    constant[0] += 0 if scale is None else scale.offset
    bias = np.stack([path.bias for path in paths]) + constant
    bias = layout.add_offset("target_offset", bias) - constant

    def with_numbers(k: int) -> Forecast:
        read, known = (None if each is None else each[k] for each in (others, effects))
        path = replace(paths[k], weights=weight[k], bias=bias[k])
        return replace(path, input_weights=read, effects=known)

    if made is not None and made.nearer:
        _nearer(layout, made, tuple(with_numbers(k) for k in range(len(paths) - 1, 0, -1)))
    return with_numbers(0)


def _nearer(layout: Layout, ahead: Ahead, paths: tuple[Forecast, ...]) -> None:
    """Add the shares of nets in the forecasts of nearer steps, that of the horizon first."""
    layout.has.add("NEARER")
    shape = len(paths), layout.program.n_outputs
    share = np.zeros(shape) if ahead.share is None else ahead.share
    share = layout.add("net_share", np.concatenate([np.ones((1, shape[1])), share[::-1]]))
    own = replace(ahead, nearer=paths, share=share[:0:-1].astype(np.float64))
    layout.program = replace(layout.program, ahead=own)


def _ahead(layout: Layout) -> None:
    """Add what forecasts of all steps need, and their intervals."""
    program, ahead = layout.program, layout.program.ahead
    if ahead is None:
        return
    layout.has.add("HORIZON")
    if ahead.half is not None:
        layout.has.add("INTERVALS")
        layout.add("targets", ahead.targets, np.int32)
        half = layout.add("half_widths", ahead.half).astype(np.float64)
        layout.constants["SEASON"] = ahead.season
        layout.program = replace(program, ahead=replace(ahead, half=half))


def _window_scale(layout: Layout, step: WindowScale) -> WindowScale:
    layout.has |= {"WINDOW"} if step.window else set()
    return step


def _target_scale(layout: Layout, step: TargetScale) -> TargetScale:
    factor = 1 / layout.add("target_scale", 1 / step.factor).astype(np.float64)
    if step_of(layout.program.steps, Forecast) is not None:  # which has the offset
        return TargetScale(step.offset, factor)
    return TargetScale(layout.add_offset("target_offset", step.offset), factor)


def _change(layout: Layout, step: Change) -> Change:
    layout.add("change", step.features, np.int32)
    return step


def _quantiles(layout: Layout, step: Quantiles) -> Quantiles:
    layout.constants["QUANTILES"] = step.n
    return step


def _convolution(layout: Layout, layer: Convolution) -> Convolution:
    name = f"convolution{layout.count('convolutions')}"
    channels, inputs, width = layer.weight.shape
    matrix, weight = layout.add_weight(f"{name}_weight", layer.weight)
    bias = layout.add(f"{name}_bias", layer.bias)
    fields = matrix, layout.named(f"{name}_bias"), inputs, channels, width
    layout.line("convolutions", "convolution", *fields)
    layout.constants["CAUSAL"] = int(layer.causal)
    layout.constants["WIDEST"] = max(layout.constants.get("WIDEST", 1), channels)
    layout.work += layer.weight.size
    if "STREAMS" in layout.has:
        before = layout.constants.get("RECENT", 1)  # an array of C is not empty
        layout.constants["RECENT"] = before + (width - 1) * inputs
    return replace(layer, weight=weight, bias=bias)


def _pool(layout: Layout, layer: Pool) -> Pool:
    layout.constants["POOL"] = layer.steps
    if "STREAMS" in layout.has:
        layout.constants["POOLED"] = layer.channels
    return layer


def _beside(layout: Layout, layer: Beside) -> Beside:
    return Beside(_layers(layout, layer.layers))


def _readout(layout: Layout, layer: Readout) -> Readout:
    layout.has.add(layer.kind.upper())
    return layer


def _dense(layout: Layout, layer: Dense, part: str = "head", table: str = "heads") -> Dense:
    name, (rows, inputs) = f"{part}{layout.count(table)}", layer.weight.shape
    matrix, weight = layout.add_weight(f"{name}_weight", layer.weight)
    bias = layout.add(f"{name}_bias", layer.bias)
    fields: list[object] = [matrix, layout.named(f"{name}_bias"), inputs, rows]
    if part != "head":
        fields.append(f"{layout.prefix.upper()}_{layer.activation.upper()}")
        layout.work += layer.weight.size
    if layer.activation != "linear":
        layout.has |= {f"DENSE_{layer.activation.upper()}", layer.activation.upper()}
    layout.line(table, "dense", *fields)
    layout.constants["SUMMARY"] = inputs
    return replace(layer, weight=weight, bias=bias)


def _fixed(layout: Layout, path: FixedConvolutions) -> FixedConvolutions:
    """Add the arrays of fixed convolutions. The kernels need none: they are counted through."""
    layout.add("fixed_dilations", path.dilations, np.int32)
    layout.add("fixed_counts", path.counts, np.int32)
    if not path.uses.all():
        layout.has.add("CHANNELS")
        layout.add("fixed_uses", path.uses.ravel(), np.uint8)
    biases = layout.add("fixed_biases", path.biases)
    weight = layout.add_weight("fixed_weights", path.weight)[1]
    bias = layout.add("fixed_bias", path.bias)
    share, scale = path.share, path.scale
    if path.share:
        share, scale = map(float, layout.add("net", [path.share, path.scale], np.float64))
    layout.constants |= {"DILATIONS": len(path.dilations), "MOST_BIASES": max(1, *path.counts)}
    return replace(path, biases=biases, weight=weight, bias=bias, share=share, scale=scale)


Build = Callable[[Layout, Any], Any]
"""Adds the arrays of a part, and returns the part with the numbers that the header has."""

STEPS: dict[type, tuple[str, Build]] = {
    Fractions: ("FRACTIONS", _same),
    Quantiles: ("QUANTILES", _quantiles),
    Logarithm: ("LOGARITHM", _logarithm),
    Fill: ("FILL", _fill),
    Scale: ("SCALE", _scale),
    Mask: ("MASK", _same),
    Forecast: ("FORECAST", _forecast),
    WindowScale: ("WINDOW_SCALE", _window_scale),
    TargetScale: ("TARGET_SCALE", _target_scale),
    Change: ("CHANGE", _change),
}
"""Of each kind of step its macro, and what adds its arrays."""

LAYERS: dict[type, tuple[str, Build]] = {
    Convolution: ("CONVOLUTION", _convolution),
    Pool: ("POOL", _pool),
    Recurrent: ("RECURRENT", recurrent),
    Beside: ("BESIDE", _beside),
    Readout: ("READOUT", _readout),
    Dense: ("DENSE", _dense),
}
"""Of each kind of layer."""

COMPANIONS: dict[type, tuple[str, Build]] = {FixedConvolutions: ("FIXED", _fixed)}
"""Of each kind of companion."""

_IN_UNITS = {"CHANGE", "TARGET_SCALE", "FORECAST", "QUANTILES"}
"""Macros of the steps that change outputs."""

KINDS: set[type | str] = {*STEPS, *LAYERS, *CELLS, *COMPANIONS, Norm, BACKWARD}
"""What a header can have; norms are folded into convolutions."""


def _networks(layout: Layout, program: Program) -> Program:
    """Add the networks, unless they have no share, and the companions."""
    companions, nets = [], program.nets
    if all(each.share for each in program.companions):
        nets = tuple(_layers(layout, net) for net in nets)
        members = len(nets)
        layout.constants |= {
            "LAYERS": layout.count("layers") // members // layout.constants["DIRECTIONS"],
            "CONVOLUTIONS": layout.count("convolutions") // members,
            "MEMBERS": members,
        }
        if program.readout == "steps":
            layout.has.add("STEPS")
            layout.work += sum(net[-1].weight.size for net in nets if isinstance(net[-1], Dense))
    else:
        layout.constants["WIDEST"] = 1
    for companion in program.companions:
        name, build = COMPANIONS[type(companion)]
        layout.has.add(name)
        companions.append(build(layout, companion))
    return replace(program, nets=nets, companions=tuple(companions))


def _autoencoder(layout: Layout, program: Program) -> Program:
    layout.has |= {"AUTOENCODER", "DENSE"}
    parts, widest = {"encoder": program.nets[0], "decoder": program.decoder}, 1
    own: dict[str, tuple[Dense, ...]] = {}
    for name, layers in parts.items():
        dense = [each for each in layers if isinstance(each, Dense)]
        own[name] = tuple(_dense(layout, each, name, name) for each in dense)
        layout.constants[f"{name.upper()}_LAYERS"] = len(dense)
        widest = max([widest, *(len(each.bias) for each in dense[:-1])])
    layout.constants |= {"WIDEST": widest, "CODE": len(own["encoder"][-1].bias)}
    return replace(program, nets=(own["encoder"],), decoder=own["decoder"])


def _answers(layout: Layout) -> None:
    """Choose what makes answers of outputs."""
    if layout.program.kind.has_classes:
        layout.has |= {"CLASSES"} if layout.program.companions else {"CLASSES", "SOFTMAX"}
    if layout.program.kind.has_targets and layout.has & _IN_UNITS:
        layout.has.add("UNITS")
