"""What a trained model means: the program that computes its answers."""

import numpy as np

from hiddenstate.data.prepare.transform import Transform
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net, Params
from hiddenstate.program.ahead import Ahead
from hiddenstate.program.layers import (
    Beside,
    Convolution,
    Dense,
    Direction,
    Layer,
    Norm,
    Pool,
    Readout,
    Recurrent,
)
from hiddenstate.program.lowering import converted
from hiddenstate.program.program import Program
from hiddenstate.program.steps import Fractions, Step
from hiddenstate.system.typing import Array


def program_of(model: FittedModel) -> Program:
    """Return the program of a model, in float64.

    Its rows are features: columns of text and dates are encoded by the caller, and those of columns
    known ahead are moved.
    """
    net, transform, reading = model.net, model.transform, model.transform.reading
    recurrent = net.kind.has_series
    program = Program(
        job=net.job,
        steps=steps_of(transform),
        nets=tuple(layers_of(each.net, each.params) for each in model.members())
        if recurrent
        else (dense_layers(net, model.params, "encoder"),),
        companions=tuple(each.meaning() for each in model.companions),
        decoder=() if recurrent else dense_layers(net, model.params, "decoder"),
        n_steps=model.row_shape[0] if recurrent else 0,
        n_features=transform.n_features(net.n_features),
        n_outputs=net.n_outputs,
        window=model.window if net.kind.has_targets else 0,
        stateful=model.stateful,
        horizon=int(reading.get("horizon") or 0),
        n_moved=len(transform.known.ahead),
        ahead=ahead_of(model),
    )
    return converted(program, np.float64)


def ahead_of(model: FittedModel) -> Ahead | None:
    """Return what forecasts of all steps need; None of a model that does not make them.

    It has no intervals: these follow from a run.
    """
    transform = model.transform
    windows = model.net.kind.has_targets and model.window and not model.stateful
    own = tuple(transform.own_features)
    if not windows or not own or not transform.reading.get("horizon") or transform.quantiles:
        return None
    nearer = tuple(transform.forecast(path) for path in transform.nearer)
    share = None if transform.linear is None else transform.linear.nearer_share
    return Ahead(own, nearer, share if nearer else None, season=transform.season or 1)


def steps_of(transform: Transform) -> tuple[Step, ...]:
    """Return the steps of a transform; numbers of pixels are fractions of 255, whatever type."""
    others = transform.steps[1:]
    return (Fractions(always=True), *others) if transform.pixels else others


def layers_of(net: Net, params: Params) -> tuple[Layer, ...]:
    """Return the layers of a recurrent net without members."""
    config = net.recurrent
    ends = ("", "_reverse") if config.bidirectional else ("",)
    recurrent: tuple[Layer, ...] = tuple(
        Recurrent(net.cell.name, tuple(_direction(net, params, layer, end) for end in ends))
        for layer in range(config.layers)
    )
    width, beside = net.head_widths()
    if beside:
        recurrent = (Beside(recurrent),)
    readout: tuple[Layer, ...] = ()
    if net.output != "steps":
        last = config.readout == "last"
        backward = config.hidden_size if last and config.bidirectional else 0
        readout = (Readout(config.readout, width + beside, backward),)
    head = Dense(params["out.weight"], params["out.bias"])
    return (*stem_layers(net, params), *recurrent, *readout, head)


def stem_layers(net: Net, params: Params) -> tuple[Layer, ...]:
    """Return the convolutional layers before the recurrent ones; none without a stem."""
    config, layers = net.recurrent, list[Layer]()
    for number in range(len(config.stem_channels) if config.stem else 0):
        part = f"stem.{number}"
        weight, bias = params[f"{part}.conv.weight"], params[f"{part}.conv.bias"]
        layers.append(Convolution(weight, bias, config.stem_causal))
        names = ("running_mean", "running_var", "weight", "bias")
        mean, variance, factor, shift = (params[f"{part}.norm.{name}"] for name in names)
        layers.append(Norm(mean, variance, factor, shift, "relu"))
        if number == 0 and config.stem_pool > 1:
            layers.append(Pool(config.stem_pool, len(bias)))
    return tuple(layers)


def _direction(net: Net, params: Params, layer: int, end: str) -> Direction:
    inputs, hidden, own = list[Array](), list[Array](), dict[str, Array]()
    for weight in net.layer_weights(layer):
        array = params[f"rnn.{weight.name}_l{layer}{end}"]
        if product := net.cell.product(weight.name):
            (inputs if product == net.cell.inputs else hidden).append(array)
        else:
            own[weight.name] = array
    return Direction(tuple(inputs), tuple(hidden), own, net.recurrent.hidden_size, net.n_states)


def dense_layers(net: Net, params: Params, part: str) -> tuple[Dense, ...]:
    """Return the layers of the `encoder` or the `decoder` of an autoencoder."""
    config = net.autoencoder
    n = len(net.widths()) - 1
    end = config.output_activation if part == "decoder" else "linear"
    activations = [*[config.activation] * (n - 1), end]
    return tuple(
        Dense(params[f"{part}.{2 * i}.weight"], params[f"{part}.{2 * i}.bias"], activation)
        for i, activation in enumerate(activations)
    )
