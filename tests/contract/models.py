"""The one list of models that every translation must answer: each kind once, then random ones."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from hiddenstate.config import AutoencoderConfig
from hiddenstate.data.prepare.encoding import Encoding
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.export.target import kinds_of
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.meaning import program_of
from hiddenstate.models.net import Net
from tests.export.models import random_model

RANDOM = (
    *(2, 3, 4, 6, 7, 13, 16, 23, 28, 33, 34, 35, 36, 40, 41, 43, 46, 47, 48, 49, 50, 54, 56, 63),
    *(65, 66, 70, 80, 84, 87, 93, 95, 96, 106, 110, 115, 116, 118, 121, 124, 127, 131, 136, 137),
    *(140, 146, 150, 153, 156),
)
"""Seeds of random models: of 160, those that together have every pair of options, steps and sizes
that some has and none of `KINDS`."""

PLAIN: dict[str, Any] = {
    **{"cell": "gru", "layers": 1, "bidirectional": False, "stem": False, "members": 1},
    **{"readout": "last", "output": "last", "missing": "error", "hidden_size": 5, "steps": 6},
    **{"linear": False, "change": False, "pixels": False, "stateful": False},
    **{"nonlinearity": "tanh"},
}
CLASSIFY: dict[str, Any] = {**PLAIN, "job": "classify"}
STEPS: dict[str, Any] = {**PLAIN, "job": "regress", "output": "steps"}
LAST: dict[str, Any] = {**PLAIN, "job": "regress"}
CODE: dict[str, Any] = {"job": "autoencode", "pixels": False}
LINEAR: dict[str, Any] = {**LAST, "linear": True}
STEM: dict[str, Any] = {**CLASSIFY, "stem": True, "readout": "mean", "bidirectional": True}
CAUSAL: dict[str, Any] = {**CLASSIFY, "stem": True, "stem_causal": True, "stem_pool": 1}
POOLED: dict[str, Any] = {**CAUSAL, "stem_pool": 3, "steps": 8}
STREAMING: dict[str, Any] = {"stem_causal": True, "stem_pool": 1}
THREE: dict[str, Any] = {"stem_channels": [3, 5, 4], "stem_kernels": [4, 1, 3]}
SIGNAL: dict[str, Any] = {**STEPS, "features": 1, "outputs": 1}
LOW_RANK: dict[str, Any] = {"cell": "fastgrnn", "rank": 2, "hidden_size": 9}
NOT_OF_TORCH = ({"cell": "fastgrnn"}, {"cell": "mingru"}, {"cell": "lru"}, LOW_RANK)
WIDE: dict[str, Any] = {"hidden_size": 33, "layers": 2, "bidirectional": True}


def made(seed: int, wanted: dict[str, Any], dtype: str = "float32", **changes: Any) -> FittedModel:
    """Return a random model with the options `wanted` and then `changes`."""
    return random_model(seed, dtype, **{**wanted, **changes})


def as_float64(seed: int, wanted: dict[str, Any], **changes: Any) -> FittedModel:
    return made(seed, wanted, "float64", **changes)


def without_scaling(seed: int, wanted: dict[str, Any]) -> FittedModel:
    model = made(seed, wanted)
    return replace(model, transform=replace(model.transform, scaling=None, target_scaling=None))


def with_large_factors(model: FittedModel) -> FittedModel:
    """Return the model with factors of weights whose product is not near zero."""
    params = {n: a * 4 if "_out_l" in n or "_in_l" in n else a for n, a in model.params.items()}
    return replace(model, params=params)


def far(model: FittedModel, deviations: float) -> FittedModel:
    """Return the model for data whose inputs and targets lie `deviations` from 0."""
    transform = model.transform
    if transform.takes_logarithms:
        return model

    def moved(scaling: Any) -> Any:
        return None if scaling is None else (scaling[0] + deviations / scaling[1], scaling[1])

    scaling = moved(transform.scaling)
    fill = transform.fill
    if fill is not None and scaling is not None:
        fill = fill + scaling[0]
    targets = transform.target_scaling if transform.linear else moved(transform.target_scaling)
    changed = replace(transform, scaling=scaling, fill=fill, target_scaling=targets)
    return replace(model, transform=changed)


def with_skip(model: FittedModel) -> FittedModel:
    """Return the model with its first inputs added to its outputs."""
    added = tuple(range(model.net.n_outputs))
    return replace(model, transform=replace(model.transform, change=added))


def with_logarithms(seed: int, wanted: dict[str, Any]) -> FittedModel:
    models = (made(number, wanted) for number in range(1000 * seed, 1000 * seed + 1000))
    return next(model for model in models if model.transform.takes_logarithms)


def with_known_ahead(model: FittedModel, seed: int) -> FittedModel:
    """Return the model with its last feature as the one before it, two steps later."""
    linear, F = model.transform.linear, model.n_features
    assert linear is not None
    columns = tuple(f"x{i}" for i in range(F - 1))
    random = np.random.default_rng(seed)
    effects = random.normal(size=(model.net.n_outputs, 1)).astype(np.float32) / 4
    transform = replace(
        model.transform,
        columns=columns,
        reading={**model.transform.reading, "future": (columns[-1],), "horizon": 2},
        linear=replace(linear, effects=effects.astype(np.float64)),
    )
    return replace(model, transform=transform)


def with_lags_of_inputs(model: FittedModel, seed: int) -> FittedModel:
    """Return the model with a linear path that reads the last values of an input, too."""
    linear, random = model.transform.linear, np.random.default_rng(seed)
    assert linear is not None
    O, Q = model.net.n_outputs, int(random.integers(1, 5))  # noqa: E741
    scale = 1.0 if model.transform.scaling is None else model.transform.scaling[1][O]
    weights = random.normal(size=(O, Q, 1)).astype(np.float32).astype(float) * scale / (4 * Q)
    linear = replace(linear, inputs=(O,), input_weights=weights)
    return replace(model, transform=replace(model.transform, linear=linear))


def with_calendar(seed: int, wanted: dict[str, Any]) -> FittedModel:
    """Return a model of one number and the weekday of a date."""
    date = Encoding("date", calendar=("weekdays",))
    model = made(seed, wanted)
    columns = ("x0", *date.features)
    net = replace(model.net, n_features=len(columns), n_outputs=1)
    transform = Transform(
        scaling=(np.full(len(columns), 0.5), np.full(len(columns), 2.0)),
        target_scaling=(np.array([3.0]), np.array([0.5])),
        columns=columns,
        encodings=(date,),
        reading={"layout": "long"},
    )
    params, shape = net.initial(seed, "float32"), (model.row_shape[0], len(columns))
    return replace(model, net=net, params=params, row_shape=shape, transform=transform)


def with_quantiles(model: FittedModel) -> FittedModel:
    """Return a model of six outputs as one of three quantiles of two targets, which may cross."""
    transform, scaling = model.transform, model.transform.target_scaling
    assert scaling is not None
    changed = replace(
        transform,
        quantiles=(0.1, 0.5, 0.9),
        target_scaling=(np.repeat(scaling[0][:2], 3), np.repeat(scaling[1][:2], 3)),
        change=None if transform.change is None else (0, 0, 0, 1, 1, 1),
    )
    return replace(model, transform=changed)


def coder(activation: str, output_activation: str, *sizes: int) -> FittedModel:
    """Return an autoencoder of 9 numbers without a scaling."""
    config = AutoencoderConfig(sizes, 2, activation, output_activation)
    net = Net("autoencode", config, 9, 9)
    return FittedModel(net, net.initial(1, "float32"), None, (9,), False, Transform())


BY_WINDOW: dict[str, Any] = {**LINEAR, "by_window": True}

KINDS: dict[str, Callable[[], FittedModel]] = {
    # cells
    "rnn tanh": lambda: made(1, CLASSIFY, cell="rnn"),
    "rnn relu": lambda: made(2, CLASSIFY, cell="rnn", nonlinearity="relu"),
    "gru": lambda: made(3, CLASSIFY),
    "lstm": lambda: made(4, CLASSIFY, cell="lstm"),
    "fastgrnn": lambda: made(63, CLASSIFY, cell="fastgrnn"),
    "wide fastgrnn": lambda: made(64, LAST, cell="fastgrnn", readout="mean", **WIDE),
    "fastgrnn, carried state": lambda: as_float64(
        65, STEPS, cell="fastgrnn", stateful=True, missing="forward"
    ),
    "fastgrnn of rank 2": lambda: with_large_factors(made(90, CLASSIFY, layers=2, **LOW_RANK)),
    "fastgrnn of rank 1, both directions": lambda: made(
        91, LAST, bidirectional=True, readout="mean", missing="mask", **{**LOW_RANK, "rank": 1}
    ),
    "mingru": lambda: made(93, CLASSIFY, cell="mingru", layers=2),
    "wide mingru": lambda: made(94, LAST, cell="mingru", members=3, missing="mask", **WIDE),
    "lru": lambda: made(96, CLASSIFY, cell="lru", layers=2),
    "wide lru": lambda: made(97, CLASSIFY, cell="lru", readout="mean", missing="mask", **WIDE),
    "lru of more states than units": lambda: made(98, STEPS, cell="lru", hidden_size=2, states=7),
    "lru, carried state": lambda: as_float64(
        99, LAST, cell="lru", layers=2, stateful=True, missing="forward", states=1
    ),
    "lru, stem of members": lambda: made(100, STEM, cell="lru", members=3, readout="last"),
    "lru, causal stem": lambda: made(101, POOLED, cell="lru", layers=2, readout="mean", **THREE),
    # layers and what the head reads
    "three layers": lambda: made(5, CLASSIFY, cell="lstm", layers=3),
    "both directions": lambda: made(6, CLASSIFY, layers=2, bidirectional=True),
    "mean readout": lambda: made(7, CLASSIFY, readout="mean"),
    "mean of both directions": lambda: made(8, LAST, readout="mean", bidirectional=True),
    "wide": lambda: made(9, CLASSIFY, cell="lstm", **WIDE),
    "wide steps": lambda: made(10, STEPS, **WIDE),
    "every step": lambda: made(11, STEPS),
    "every step of both directions": lambda: made(12, STEPS, bidirectional=True),
    "last step": lambda: made(13, LAST),
    "carried state": lambda: made(14, STEPS, cell="lstm", stateful=True),
    "carried state, last step": lambda: made(15, LAST, stateful=True, readout="mean"),
    "members": lambda: made(16, CLASSIFY, members=3),
    "members of a regressor": lambda: made(17, LAST, members=3, readout="mean"),
    "stem": lambda: made(18, STEM),
    "stem, last": lambda: made(19, STEM, readout="last", cell="lstm"),
    "stem of every step": lambda: made(20, STEPS, stem=True),
    "stem of members": lambda: made(62, STEM, members=3, missing="forward"),
    # causal stems, which stream
    "causal stem": lambda: made(70, CAUSAL, stem_channels=[4], stem_kernels=[5]),
    "causal stem of three": lambda: made(71, CAUSAL, layers=2, cell="lstm", **THREE),
    "causal stem, mean": lambda: made(72, CAUSAL, readout="mean", missing="forward"),
    "causal stem of single steps": lambda: made(86, CAUSAL, stem_kernels=[1, 1]),
    "causal stem of every step": lambda: made(
        74, STEPS, stem=True, stem_causal=True, missing="mask", features=2
    ),
    "causal stem, change": lambda: made(75, LAST, stem=True, **STREAMING, change=True),
    "causal stem, float64": lambda: as_float64(76, CAUSAL, readout="mean", missing="mean"),
    "causal stem, far": lambda: far(made(77, CAUSAL, missing="forward"), 1e5),
    "causal stem of pixels": lambda: made(78, CAUSAL, pixels=True),
    "causal stem of a signal": lambda: made(84, SIGNAL, stem=True, **STREAMING),
    "pooling causal stem": lambda: made(79, POOLED, stem_channels=[4], stem_kernels=[5]),
    "pooling causal stem of three": lambda: made(80, POOLED, layers=2, cell="lstm", **THREE),
    "pooling causal stem, mean": lambda: made(87, POOLED, readout="mean", missing="forward"),
    "pooling causal stem, float64": lambda: as_float64(
        82, LAST, stem=True, stem_causal=True, stem_pool=2, readout="mean", missing="mask"
    ),
    "pooling causal stem of both directions": lambda: made(83, POOLED, bidirectional=True),
    # preparing
    "pixels": lambda: made(22, CLASSIFY, pixels=True),
    "no scaling": lambda: without_scaling(23, STEPS),
    "far": lambda: far(made(24, STEPS), 1e6),
    "far, filled": lambda: far(made(25, CLASSIFY, missing="forward"), 1e5),
    "mean of gaps": lambda: made(26, STEPS, missing="mean"),
    "forward": lambda: made(27, STEPS, missing="forward"),
    "mask": lambda: made(28, CLASSIFY, missing="mask"),
    "mask, both directions": lambda: made(29, LAST, missing="mask", bidirectional=True),
    "calendar flags": lambda: with_calendar(30, LAST),
    "change": lambda: made(31, STEPS, change=True),
    "input skip of a carried state": lambda: made(
        102, STEPS, cell="lstm", stateful=True, change=True, missing="mask", features=3, outputs=2
    ),
    "input skip of pixels": lambda: with_skip(made(103, STEPS, pixels=True, outputs=1)),
    "change after gaps": lambda: made(32, LAST, change=True, missing="mean"),
    "quantiles": lambda: with_quantiles(made(104, STEPS, outputs=6)),
    "quantiles of the last step": lambda: with_quantiles(made(105, LAST, outputs=6, members=3)),
    "quantiles, change of a carried state": lambda: with_quantiles(
        made(106, STEPS, stateful=True, change=True, features=2, outputs=6, missing="forward")
    ),
    "float64": lambda: as_float64(33, STEPS, missing="forward"),
    "float64 classes": lambda: as_float64(34, CLASSIFY, cell="lstm", readout="mean"),
    # forecasts
    "linear path": lambda: made(1, LINEAR),
    "linear path of every step": lambda: made(36, LINEAR, output="steps", missing="forward"),
    "logarithms": lambda: with_logarithms(37, LINEAR),
    "logarithms of every step": lambda: with_logarithms(38, {**LINEAR, "output": "steps"}),
    "far linear path": lambda: far(as_float64(39, LINEAR), 1e5),
    "linear path of both directions": lambda: made(40, LINEAR, bidirectional=True, members=3),
    "known ahead": lambda: with_known_ahead(made(41, LINEAR, features=3, outputs=1), 41),
    "known ahead, mask": lambda: with_known_ahead(
        made(42, {**LINEAR, "missing": "mask"}, features=3, outputs=1), 42
    ),
    "lags of inputs": lambda: with_lags_of_inputs(made(43, LINEAR, features=3, outputs=2), 43),
    "lags of inputs, every step": lambda: with_lags_of_inputs(
        made(44, {**LINEAR, "output": "steps", "missing": "forward"}, features=2, outputs=1), 44
    ),
    "by window": lambda: made(45, BY_WINDOW),
    "by window, mask": lambda: made(46, BY_WINDOW, missing="mask"),
    "by window, forward": lambda: made(47, BY_WINDOW, missing="forward"),
    "by window, known ahead": lambda: with_known_ahead(
        made(48, BY_WINDOW, features=3, outputs=1), 48
    ),
    "by window, all parts": lambda: with_lags_of_inputs(
        with_known_ahead(made(49, BY_WINDOW, features=4, outputs=1), 49), 49
    ),
    # fixed convolutions
    "fixed convolutions": lambda: made(50, CLASSIFY, steps=12, convolutions=0.5),
    "fixed convolutions alone": lambda: made(51, CLASSIFY, convolutions=0.0, missing="mean"),
    "fixed convolutions, stem": lambda: made(
        52, STEM, steps=12, convolutions=0.75, members=3, missing="mask"
    ),
    "fixed convolutions of pixels": lambda: made(53, CLASSIFY, convolutions=1.0, pixels=True),
    # autoencoders
    "autoencoder": lambda: made(54, CODE, scaling=True),
    "autoencoder of pixels": lambda: made(55, CODE, pixels=True),
    "autoencoder, tanh": lambda: coder("tanh", "linear", 7),
    "autoencoder, relu": lambda: coder("relu", "sigmoid", 40, 17, 5),
    "autoencoder, sigmoid": lambda: coder("sigmoid", "sigmoid", 3),
    "autoencoder of one layer": lambda: coder("tanh", "linear"),
    # signals
    "lstm of a signal": lambda: made(60, SIGNAL, cell="lstm", layers=2),
    "gru of a signal": lambda: made(61, SIGNAL, output="last"),
}
"""Every kind of cell, layer, step and companion once."""


@cache
def model_of(name: str) -> FittedModel:
    """Return a model of the list by its name: a key of `KINDS`, or "random 7"."""
    return KINDS[name]() if name in KINDS else _random(int(name.removeprefix("random ")))


def random_names() -> list[str]:
    """Return the names of random models."""
    return [f"random {seed}" for seed in RANDOM]


def first_of_kinds() -> list[str]:
    """Return the models of `KINDS` that have a part which none before them has."""
    seen, first = set[Any](), []
    for name in KINDS:
        model = model_of(name)
        program, net = program_of(model), model.net
        parts = {*kinds_of(program), model.dtype, net.job, net.output, len(program.nets) > 1}
        if net.job != "autoencode":
            own = net.recurrent
            parts |= {own.readout, (own.bidirectional, own.stem_causal, own.stem_pool > 1)}
            parts |= {("streams", own.stem, model.stateful)} if program.streams else set()
        first += [name] if parts - seen else []
        seen |= parts
    return first


def _random(seed: int) -> FittedModel:
    """Return a tiny random model: rows of up to 12 steps, up to 5 units."""
    job = "autoencode" if seed % 12 == 5 else ("classify", "regress")[seed // 2 % 2]
    wanted: dict[str, Any] = {"job": job, "steps": 2 + seed % 8, "hidden_size": 1 + seed // 8 % 5}
    dtype = "float64" if seed % 4 == 0 else "float32"
    if seed % 40 == 7:  # they have thousands of weights
        share = (0.0, 0.3, 0.8, 1.0)[seed // 40]
        wanted |= {"job": "classify", "convolutions": share}
    if seed % 10 == 3:
        wanted |= {"job": "regress", "linear": True}
    if seed % 10 == 6:
        wanted |= NOT_OF_TORCH[seed // 10 % 4]
    if seed % 10 == 9:
        cell = ("lstm", "gru")[seed // 10 % 2]
        wanted = {**SIGNAL, **wanted, "job": "regress", "cell": cell, "layers": 1 + seed // 20 % 3}
    if seed % 20 == 3:
        missing = ("error", "mask")[seed // 20 % 2]
        wanted |= {"output": "last", "by_window": True, "missing": missing}
    model = random_model(seed, dtype, **wanted)
    linear, n = model.transform.linear, model.net.n_outputs
    if linear is None:
        return far(model, 10 ** (seed // 5 % 6)) if seed % 5 == 1 else model
    if model.net.output == "last" and model.n_features >= n + 2 and seed % 2:
        model = with_known_ahead(model, seed)
    if model.n_features > n and seed % 3 == 0:
        model = with_lags_of_inputs(model, seed)
    return model
