"""The layers of a net as a program has them, of its weights by name."""

from hiddenstate.models.net import Net, Params, member_params
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
from hiddenstate.system.typing import Array


def nets_of(net: Net, params: Params) -> tuple[tuple[Layer, ...], ...]:
    """Return the layers of a net, or of each of its members; those of an autoencoder encode."""
    if net.kind.has_codes:
        return (dense_layers(net, params, "encoder"),)
    if net.n_members == 1:
        return (layers_of(net, params),)
    own = (member_params(params, number) for number in range(net.n_members))
    return tuple(layers_of(net.member(), each) for each in own)


def decoder_of(net: Net, params: Params) -> tuple[Dense, ...]:
    """Return the layers that decode codes; none of a net without codes."""
    return dense_layers(net, params, "decoder") if net.kind.has_codes else ()


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
