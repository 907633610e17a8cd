"""A trained model as the steps of its computation, which every export writes in its own language.

A program has no names of torch and no options: it is what is left of a model when only its answers
matter. Normalisation after a convolution is folded into its weights. `runtime.py` is the
specification: it computes a program's answers with numpy alone.
"""

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np

from hiddenstate.models.convolutions import ConvolutionPath
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net, Params
from hiddenstate.program.layers import NORM_EPS
from hiddenstate.system.typing import Array


@dataclass(frozen=True)
class Dense:
    """A dense layer: `activation(weight (outputs, inputs) x + bias (outputs,))`."""

    weight: Array
    bias: Array
    activation: str = "linear"


@dataclass(frozen=True)
class Convolution:
    """A convolution over time with its normalisation folded in, then relu.

    `weight` is (C, inputs, k) and `bias` (C,). Steps outside of a row count as zeros.
    """

    weight: Array
    bias: Array


@dataclass(frozen=True)
class Direction:
    """One recurrent layer in one direction; G gates, stacked i, f, g, o (lstm) or r, z, n (gru).

    `input_weight` is (G*H, inputs), `hidden_weight` (G*H, H), both biases (G*H,).
    """

    input_weight: Array
    hidden_weight: Array
    input_bias: Array
    hidden_bias: Array


@dataclass(frozen=True)
class Recurrent:
    """A recurrent net.

    Parameters
    ----------
    cell : {"rnn_tanh", "rnn_relu", "gru", "lstm"}
    layers : tuple of tuple of Direction
        Of each layer its forward direction and, of a bidirectional net, the backward one.
    readout : {"steps", "last", "mean"}
        Whether the head reads the state at every step, the last one, or the mean over the steps
        that were read; with a stem the mean of the stem's output stands beside it.
    head : Dense
    stem : tuple of Convolution
        Convolutions before the recurrent layers.
    pool : int
        Steps of the first convolution's output that are averaged to one.
    causal : bool
        Whether convolutions read the steps before, instead of those around.
    """

    cell: str
    layers: tuple[tuple[Direction, ...], ...]
    readout: str
    head: Dense
    stem: tuple[Convolution, ...] = ()
    pool: int = 1
    causal: bool = False


@dataclass(frozen=True)
class Linear:
    """A linear path: each target from its own last values; see `LinearPath`.

    `features` hold the targets' values, `weight` is (O, P), newest first, `bias` (O,); `log` says
    whether the values of each are logarithms. `effects` (O, K) is what one unit of each of the
    features `ahead` adds to a value, and of the features `moved`, their later values, to the
    forecast; the weights read values without it.
    """

    features: tuple[int, ...]
    weight: Array
    bias: Array
    log: tuple[bool, ...]
    effects: Array | None = None
    ahead: tuple[int, ...] = ()
    moved: tuple[int, ...] = ()


@dataclass(frozen=True)
class FixedConvolutions:
    """A linear classifier on fixed convolutions, beside the nets; see `ConvolutionPath`.

    Beside `dilations` and `counts` (D) it has `uses` (D, 84, I), 0 or 1, `biases` (P,), `weight`
    (O, P) and `bias` (O,), and the share and the scale of the nets.
    """

    dilations: tuple[int, ...]
    counts: tuple[int, ...]
    uses: Array
    biases: Array
    weight: Array
    bias: Array
    net_share: float
    net_scale: float


@dataclass(frozen=True)
class Program:
    """A model as steps of computation, in this order.

    1. x, uint8 if `pixels`, becomes a fraction of 255.
    2. Features of `linear` that are logarithms are replaced by these.
    3. `fill` (I,) replaces values that are missing or infinite; if `missing` is "forward" only
       those without a known value before them, which is repeated for the others.
    4. x becomes (x - `offset`) * `factor`, each (I,).
    5. If `missing` is "mask", I features follow: 1 where a value was missing, else 0.
    6. If `by_window`, the features of `linear` become (x - mean) / deviation of the last `window`
       steps of the row, for the nets alone; what they add is multiplied by the deviation. After a
       flat window, whose deviation is at most 1e-9 of its largest size, they add 0.
    7. The nets; with members the mean of their answers: of probabilities for a classifier.
    8. A classifier: softmax; with `convolutions`, the mean of these probabilities, raised to the
       power of the scale, and those of the convolutions, by the share. A regressor: plus the
       features `change`; divided by `target_factor` and plus `target_offset`, each (O,); plus what
       `linear` gives of unscaled x; the exponential of logarithms. An autoencoder: the
       reconstruction is unscaled as x was scaled.

    Parameters
    ----------
    job : {"classify", "regress", "autoencode"}
    n_steps : int
        Steps of the rows it was trained on; rows may have other numbers. 0 for an autoencoder.
    n_features, n_outputs : int
        Of the data: features of a step (I) or of a row; classes, targets, or features. The last
        `n_moved` features are others, known ahead, as they are at the time that is predicted.
    window : int
        Steps that a regressor reads for each answer; 0 if it reads whole series.
    stateful : bool
        Whether a regressor carries its state from window to window.
    """

    job: str
    n_steps: int
    n_features: int
    n_outputs: int
    window: int
    stateful: bool
    pixels: bool
    missing: str
    fill: Array | None
    offset: Array | None
    factor: Array | None
    nets: tuple[Recurrent, ...]
    encoder: tuple[Dense, ...]
    decoder: tuple[Dense, ...]
    change: tuple[int, ...] | None
    target_offset: Array | None
    target_factor: Array | None
    linear: Linear | None
    convolutions: FixedConvolutions | None = None
    by_window: bool = False
    n_moved: int = 0

    @property
    def readout(self) -> str:
        """What the heads of the nets read; an autoencoder has none: ""."""
        return self.nets[0].readout if self.nets else ""

    @property
    def fills(self) -> bool:
        """Whether values may be missing."""
        return self.fill is not None

    @property
    def streams(self) -> bool:
        """Whether it can answer after every step, from a state."""
        net = self.nets[0] if len(self.nets) == 1 else None
        plain = net is not None and not net.stem and len(net.layers[0]) == 1
        whole = self.convolutions is not None or self.by_window
        return plain and not whole


def program_of(model: FittedModel) -> Program:
    """Return the program of a model."""
    from hiddenstate.inference.predict import window_length

    net, transform = model.net, model.transform
    recurrent = net.job != "autoencode"
    offset, factor = transform.scaling or (None, None)
    target_offset, target_factor = transform.target_scaling or (None, None)
    linear = None
    if transform.linear is not None:
        path, known = transform.linear, transform.known
        linear = Linear(tuple(transform.own_features), path.weights, path.bias, path.log)
        if path.effects is not None:
            moved = range(len(known.names), len(known.names) + len(known.ahead))
            linear = replace(
                linear, effects=path.effects, ahead=tuple(known.ahead), moved=tuple(moved)
            )
    members = [model.member(number) for number in range(model.n_members)] if recurrent else []
    return Program(
        job=net.job,
        n_steps=model.row_shape[0] if recurrent else 0,
        n_features=transform.n_features(net.n_features),
        n_outputs=net.n_outputs,
        window=window_length(model) if net.job == "regress" else 0,
        stateful=model.stateful,
        pixels=transform.pixels,
        missing=transform.missing if transform.fill is not None else "error",
        fill=transform.fill,
        offset=offset,
        factor=factor,
        nets=tuple(_recurrent(member.net, member.params) for member in members),
        encoder=() if recurrent else _dense(net, model.params, "encoder"),
        decoder=() if recurrent else _dense(net, model.params, "decoder"),
        change=transform.change,
        target_offset=target_offset,
        target_factor=target_factor,
        linear=linear,
        convolutions=None if model.convolutions is None else _fixed(model.convolutions),
        by_window=transform.by_window,
        n_moved=len(transform.known.ahead),
    )


def _fixed(path: ConvolutionPath) -> FixedConvolutions:
    own = path.convolutions
    return FixedConvolutions(
        dilations=tuple(own.dilations.tolist()),
        counts=tuple(own.counts.tolist()),
        uses=own.uses.astype(np.float32),
        biases=own.biases,
        weight=path.weights,
        bias=path.bias,
        net_share=path.net_share,
        net_scale=path.net_scale,
    )


def _recurrent(net: Net, params: Params) -> Recurrent:
    config = net.recurrent
    ends = ("", "_reverse") if config.bidirectional else ("",)
    parts = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    layers = tuple(
        tuple(Direction(*(params[f"rnn.{part}_l{layer}{end}"] for part in parts)) for end in ends)
        for layer in range(config.layers)
    )
    stem: tuple[Convolution, ...] = ()
    if config.stem:
        stem = tuple(convolution_of(params, f"stem.{i}") for i in range(len(config.stem_channels)))
    return Recurrent(
        cell=f"rnn_{config.nonlinearity}" if config.cell == "rnn" else config.cell,
        layers=layers,
        readout="steps" if net.output == "steps" else config.readout,
        head=Dense(params["out.weight"], params["out.bias"]),
        stem=stem,
        pool=config.stem_pool if stem else 1,
        causal=config.stem_causal if stem else False,
    )


def convolution_of(params: Params, layer: str) -> Convolution:
    """Return a convolution, called `stem.0` or so, with its normalisation folded in.

    Folds (z - mean) / sqrt(variance + eps) * scale + shift into the convolution that gives z."""
    names = ("bias", "running_mean")
    shift, mean = (params[f"{layer}.norm.{name}"].astype(np.float64) for name in names)
    factor = norm_factor(params, layer)
    weight, bias = params[f"{layer}.conv.weight"], params[f"{layer}.conv.bias"]
    return Convolution(weight * factor[:, None, None], (bias - mean) * factor + shift)


def norm_factor(params: Params, layer: str) -> Array:
    """Return by what the normalisation of a convolution multiplies each channel, float64 (C,)."""
    names = ("weight", "running_var")
    scale, variance = (params[f"{layer}.norm.{name}"].astype(np.float64) for name in names)
    return np.asarray(scale / np.sqrt(variance + NORM_EPS))


def _dense(net: Net, params: Params, part: str) -> tuple[Dense, ...]:
    config = net.autoencoder
    n = len(net.widths()) - 1
    end = config.output_activation if part == "decoder" else "linear"
    activations = [*[config.activation] * (n - 1), end]
    return tuple(
        Dense(params[f"{part}.{2 * i}.weight"], params[f"{part}.{2 * i}.bias"], activation)
        for i, activation in enumerate(activations)
    )


def plain(value: Any) -> Any:
    """Return a program as nested dictionaries and lists of plain values and arrays."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, (tuple, list)):
        return [plain(each) for each in value]
    return value
