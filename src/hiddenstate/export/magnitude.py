"""How large the sums are that answers are made of, by which the rounding of these is measured.

A model that scales nothing computes with numbers of any size: a sum of terms of 50 has four digits
fewer after the point than one of terms of 0.01, in any type of float.
"""

import numpy as np

from hiddenstate.export.program import Program, plain
from hiddenstate.export.python.runtime import Model, Part, dense, outputs
from hiddenstate.export.target import Source
from hiddenstate.export.trial import Answers, Trial, float_rounding, scale_of
from hiddenstate.system.typing import Array


def magnitudes(program: Program, trials: list[Trial]) -> dict[str, float]:
    """Return, of each answer, the largest sum of the sizes of its terms in trial rows.

    Offsets that are added to scaled answers are no terms: no digit of the others is lost before.
    Probabilities are 1 at most, and not among them.
    """
    if program.job == "classify":
        return {}
    model = Model(plain(program), {})
    of_job = _autoencoded if program.job == "autoencode" else _predicted
    each = [of_job(model, trial) for trial in trials]
    return {name: max(one[name] for one in each) for name in each[0]}


def answer_limits(source: Source, answers: Answers, share: float) -> dict[str, float]:
    """Return by how much float32 answers may differ from `answers`: a share of their scale or of
    the size of their sums, with the rounding of their own type."""
    scale, sizes = scale_of(source.model, source.trials), magnitudes(source.program, source.trials)
    limits = {}
    for name in (name for name in answers if name != "class"):
        right = {name: answers[name]}
        found = {name: answers[name].astype(np.float32)}
        limits[name] = share * max(scale, sizes.get(name, 0.0))
        limits[name] += float_rounding(found, right, scale)
    return limits


def _terms(layer: Part, x: Array) -> Array:
    """Return the sums of the sizes of what a dense layer adds up, (..., outputs)."""
    return np.asarray(np.abs(x) @ np.abs(layer["weight"]).T + np.abs(layer["bias"]))


def _autoencoded(model: Model, trial: Trial) -> dict[str, float]:
    program = model.program
    x, _ = model.prepare(trial.X)
    h = x
    for layer in program["encoder"][:-1]:
        h = dense(layer, h)
    code = _terms(program["encoder"][-1], h)
    h = dense(program["encoder"][-1], h)
    for layer in program["decoder"][:-1]:
        h = dense(layer, h)
    rows = _terms(program["decoder"][-1], h)
    in_units = rows[:, : program["n_features"]] / _factor(program["factor"])
    error = ((rows + np.abs(x)) ** 2).mean(axis=1)
    return {
        "code": float(code.max()),
        "reconstruction": float(in_units.max()),
        "error": float(error.max()),
    }


def _predicted(model: Model, trial: Trial) -> dict[str, float]:
    program = model.program
    x, _ = model.prepare(trial.X, trial.lengths)
    ends = np.full(len(x), x.shape[1]) if trial.lengths is None else trial.lengths
    read = model.by_window(x, ends) if program["by_window"] else x
    terms = []
    for net in program["nets"]:
        n = net["head"]["weight"].shape[1]
        summary = {"weight": np.eye(n), "bias": np.zeros(n), "activation": "linear"}
        terms.append(_terms(net["head"], outputs({**net, "head": summary}, read, ends)[0]))
    y = np.mean(terms, axis=0)
    every = y.ndim == 3
    last = np.arange(len(x)), ends - 1
    if program["change"] is not None:
        current = np.abs(x[..., program["change"]])
        y = y + (current if every else current[last])
    y = y / _factor(program["target_factor"])
    if program["by_window"]:
        y = y * model.window_scale(x, ends)[1]
    if program["linear"] is not None:
        path = program["linear"]
        values = np.abs(model.unscaled_features(x, path["features"])).max(axis=1)
        own = np.abs(path["bias"]) + values * np.abs(path["weight"]).sum(axis=1)
        y = y + (own[:, None] if every else own)
        y = y * np.where(path["log"], np.abs(trial.answers["y"]), 1)  # e^y changes by e^y times y
    return {"y": float(y.max())}


def _factor(factor: Array | None) -> Array | float:
    return 1.0 if factor is None else np.abs(factor)
