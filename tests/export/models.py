"""Random trained models: every net and every preparation that the program makes."""

from dataclasses import replace
from typing import Any

import numpy as np

from hiddenstate.config import make_config
from hiddenstate.data.prepare.linear_path import LinearPath
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.models.companions.convolutions import ConvolutionPath
from hiddenstate.models.convolutions import choose_convolutions
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net


def random_model(seed: int, dtype: str = "float32", **wanted: Any) -> FittedModel:
    """Return a model with random options and weights.

    Parameters
    ----------
    seed : int
    dtype : {"float32", "float64"}
    **wanted
        Choices that are fixed: of `job`, `features`, `outputs`, `cell`, `layers`, `bidirectional`,
        `rank`, `states`, `stem` and its options, `members`, `readout`, `output`, `missing`,
        `hidden_size`, `linear`, `change`, `scaling`, `steps`; `convolutions`, the share of the net
        beside them, of a classifier; `by_window`, of a regressor with a linear path.
    """
    random = np.random.default_rng(seed)

    def choose(name: str, *values: Any) -> Any:
        """One of `values`, the first of which is the plain one."""
        drawn = values[int(random.integers(len(values)))]
        return wanted.get(name, drawn)

    job = choose("job", "classify", "regress", "autoencode")
    features = choose("features", 1, 2, 3, 4)
    if job == "autoencode":
        return _autoencoder(random, choose, dtype)
    missing = choose("missing", "error", "mean", "forward", "mask")
    steps = choose("steps", *range(2, 15))
    linear = job == "regress" and choose("linear", False, False, True)
    pixels = missing == "error" and not linear and choose("pixels", False, False, True)
    output = choose("output", "steps", "last") if job == "regress" else "last"
    stem = not linear and choose("stem", False, False, True)
    stateful = job == "regress" and not stem and choose("stateful", False, False, True)
    bidirectional = not stateful and choose("bidirectional", False, False, True)
    options: dict[str, Any] = {
        "cell": choose("cell", "rnn", "gru", "lstm"),
        "hidden_size": choose("hidden_size", *range(1, 9)),
        "layers": choose("layers", 1, 1, 2, 3),
        "bidirectional": bidirectional,
        "readout": "last" if output == "steps" else choose("readout", "last", "mean"),
        "members": 1 if stateful else choose("members", 1, 1, 3),
    }
    if job == "regress":
        options |= {"stateful": stateful, "output": output}
    options |= {name: wanted[name] for name in ("rank", "states") if name in wanted}
    if options["cell"] == "rnn":
        options["nonlinearity"] = choose("nonlinearity", "tanh", "relu")
    if stem:
        options |= {
            "stem": True,
            "stem_channels": [int(n) for n in random.integers(1, 6, 2)],
            "stem_kernels": [int(n) for n in random.integers(1, 6, 2)],
            "stem_pool": 1 if output == "steps" else int(random.integers(1, 4)),
            "stem_causal": bool(random.integers(2)),
        }
        options |= {name: wanted[name] for name in options if name in wanted}
    outputs = choose("outputs", *range(1, features + 1)) if job == "regress" else 2
    outputs = int(random.integers(2, 6)) if job == "classify" else outputs
    config = make_config(job, options).model
    width = features * (2 if missing == "mask" else 1)
    net = Net(job, config, width, outputs, output)
    log = bool(linear and random.integers(2))
    transform = Transform(
        missing=missing,
        pixels=pixels,
        fill=None if missing == "error" else random.normal(size=features) + 3,
        scaling=None if pixels else _scaling(random, features),
        target_scaling=_scaling(random, outputs) if job == "regress" else None,
        change=tuple(range(outputs))
        if job == "regress" and not linear and not pixels and choose("change", False, True)
        else None,
        linear=_linear(random, outputs, log) if linear else None,
        columns=tuple(f"x{i}" for i in range(features)),
        targets=tuple(f"x{i}" for i in range(outputs)) if linear else None,
        reading={"layout": "long"},
    )
    if log:  # logarithms of values around 1
        transform = _near_one(transform)
    if wanted.get("by_window"):
        transform = _by_window(transform, outputs, steps)
    classes = [f"class {i}" for i in range(outputs)] if job == "classify" else None
    params = _params(net, random, dtype)
    beside = _path(random, (steps, width), outputs, wanted.get("convolutions"))
    return FittedModel(net, params, classes, (steps, width), stateful, transform, beside)


def _by_window(transform: Transform, n: int, window: int) -> Transform:
    """Return the transform with the past of `n` targets scaled by window."""
    assert transform.scaling is not None
    assert transform.target_scaling is not None
    offset, factor = (each.copy() for each in transform.scaling)
    offset[:n], factor[:n] = 0, 1
    return replace(
        transform,
        by_window=True,
        scaling=(offset, factor),
        target_scaling=(np.zeros(n), transform.target_scaling[1]),
        reading={"layout": "long", "window": window},
    )


def path_of(model: FittedModel) -> ConvolutionPath:
    """Return the fixed convolutions of a model."""
    (path,) = model.companions
    assert isinstance(path, ConvolutionPath)
    return path


def _path(
    random: np.random.Generator, shape: tuple[int, int], outputs: int, share: float | None
) -> tuple[ConvolutionPath, ...]:
    if share is None:
        return ()
    convolutions = choose_convolutions(random.normal(size=(5, *shape)))
    weights = random.normal(size=(outputs, len(convolutions.biases))).astype(np.float32) / 50
    bias = random.normal(size=outputs).astype(np.float32)
    return (ConvolutionPath(convolutions, weights, bias, share, net_scale=1.5),)


def _autoencoder(random: np.random.Generator, choose: Any, dtype: str) -> FittedModel:
    sizes = [int(n) for n in random.integers(2, 9, random.integers(1, 4))]
    pixels = choose("pixels", False, True)
    options: dict[str, Any] = {
        "encoder_sizes": sizes,
        "code_size": int(random.integers(1, 4)),
        "activation": choose("activation", "tanh", "relu"),
        "output_activation": choose("output_activation", "sigmoid", "linear"),
    }
    config = make_config("autoencode", options).model
    width = int(random.integers(2, 12))
    net = Net("autoencode", config, width, width)
    transform = Transform(
        pixels=pixels,
        scaling=None if pixels or not choose("scaling", True, False) else _scaling(random, width),
        columns=tuple(f"x{i}" for i in range(width)),
    )
    return FittedModel(net, _params(net, random, dtype), None, (width,), False, transform)


def _scaling(random: np.random.Generator, n: int) -> tuple[Any, Any]:
    return random.normal(size=n) * 5, np.exp(random.normal(size=n))


def _linear(random: np.random.Generator, outputs: int, log: bool) -> LinearPath:
    P = int(random.integers(1, 6))
    weights = (random.normal(size=(outputs, P)) / (2 * P)).astype(np.float32).astype(float)
    return LinearPath(weights, random.normal(size=outputs), (log,) * outputs, None)


def _near_one(transform: Transform) -> Transform:
    scaling, target = transform.scaling, transform.target_scaling
    assert scaling is not None
    assert target is not None
    return replace(
        transform,
        scaling=(scaling[0] * 0, scaling[1] * 0 + 2),
        target_scaling=(target[0] * 0, target[1] * 0 + 4),
    )


def _params(net: Net, random: np.random.Generator, dtype: str) -> dict[str, Any]:
    params = net.initial(int(random.integers(2**31)), dtype)
    for name, array in params.items():
        if name.split("/")[-1].startswith("stem.") and ".norm." in name:
            positive = name.endswith(("running_var", "norm.weight"))
            values = random.normal(size=array.shape)
            params[name] = (np.exp(values / 2) if positive else values).astype(dtype)
        elif "bias" in name:
            params[name] = (array + random.normal(size=array.shape) / 3).astype(dtype)
    return params
