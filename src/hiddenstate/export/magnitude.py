"""How large the sums are that answers are made of, by which the rounding of these is measured.

A model that scales nothing computes with numbers of any size: a sum of terms of 50 has four digits
fewer after the point than one of terms of 0.01, in any type of float.
"""

from collections.abc import Sequence

import numpy as np

from hiddenstate.export.target import Source, in_integers
from hiddenstate.export.trial import Answers, Trial, float_rounding, scale_of
from hiddenstate.program.equations import softmax
from hiddenstate.program.layers import Dense, Layer, run_layers
from hiddenstate.program.order import for_nets, step_of
from hiddenstate.program.program import Program
from hiddenstate.program.rows import Rows
from hiddenstate.program.steps import (
    Change,
    Forecast,
    Logarithm,
    Scale,
    Step,
    TargetScale,
    WindowScale,
    unscaled,
)
from hiddenstate.system.typing import Array

COMMON = 8
"""Size of the sums that probabilities follow up to which limits for numbers of 1 hold."""


def magnitudes(program: Program, trials: list[Trial]) -> dict[str, float]:
    """Return, of each answer, the largest sum of the sizes of its terms in trial rows.

    Offsets that are added to scaled answers are no terms: no digit of the others is lost before.
    That of probabilities is 1, or more where they follow larger sums than `COMMON`, of nets alone.
    There are none of integers, which are exact.
    """
    if program.companions or in_integers(program):
        return {}
    jobs = {"classes": _classified, "targets": _predicted, "codes": _autoencoded}
    of_job = jobs[program.kind.answers]
    each = [of_job(program, trial) for trial in trials]
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


def _terms(layers: Sequence[Layer], x: Array, lengths: Array | None = None) -> Array:
    """Return the sums of the sizes of what the last of some layers adds up, (..., outputs)."""
    before, head = run_layers(layers[:-1], x, lengths)[0], layers[-1]
    assert isinstance(head, Dense)
    return np.asarray(np.abs(before) @ np.abs(head.weight).T + np.abs(head.bias))


def _classified(program: Program, trial: Trial) -> dict[str, float]:
    """A probability p changes by p (1 - p) times its logit, and by -p q times one whose is q."""
    read = for_nets(program.steps, program.kept(trial.X, trial.lengths), trial.lengths)
    sizes = []
    for net in program.nets:
        terms, p = (each(net, read, trial.lengths) for each in (_terms, _probabilities))
        own = p * terms
        sizes.append(p * (terms - 2 * own + own.sum(axis=1, keepdims=True)))
    return {"probabilities": max(1.0, float(np.mean(sizes, axis=0).max()) / COMMON)}


def _probabilities(layers: Sequence[Layer], x: Array, lengths: Array | None) -> Array:
    return softmax(run_layers(layers, x, lengths)[0])


def _autoencoded(program: Program, trial: Trial) -> dict[str, float]:
    x = program.kept(trial.X)
    code, scale = run_layers(program.nets[0], x)[0], step_of(program.steps, Scale)
    rows = _terms(program.decoder, code)
    in_units = rows[:, : program.n_features] / (1.0 if scale is None else np.abs(scale.factor))
    return {
        "code": float(_terms(program.nets[0], x).max()),
        "reconstruction": float(in_units.max()),
        "error": float(((rows + np.abs(x)) ** 2).mean(axis=1).max()),
    }


def _predicted(program: Program, trial: Trial) -> dict[str, float]:
    x = program.kept(trial.X, trial.lengths)
    read = for_nets(program.steps, x, trial.lengths)
    y = np.mean([_terms(net, read, trial.lengths) for net in program.nets], axis=0)
    rows = Rows(x, trial.lengths, y.ndim == 3)
    for step in reversed(program.steps):
        y = _undone(step, y, rows, trial.answers["y"])
    return {"y": float(y.max())}


def _undone(step: Step, y: Array, rows: Rows, answers: Array) -> Array:
    """Return the sums of the sizes of terms after a step is undone."""
    if isinstance(step, Change):
        return step.undo(y, Rows(np.abs(rows.x), rows.lengths, rows.every_step))
    if isinstance(step, TargetScale):
        return np.asarray(y / np.abs(step.factor))
    if isinstance(step, WindowScale):
        return step.undo(y, rows)
    if isinstance(step, Forecast):
        values = np.abs(unscaled(rows.x, step.features, step.scale)).max(axis=1)
        own = np.abs(step.bias) + values * np.abs(step.weights).sum(axis=1)
        if step.input_weights is not None:
            others = np.abs(unscaled(rows.x, step.inputs, step.scale)).max(axis=1)
            own = own + others @ np.abs(step.input_weights).sum(axis=1).T
        return np.asarray(y + (own[:, None] if rows.every_step else own))
    if isinstance(step, Logarithm):  # e^y changes by e^y times y
        return np.asarray(y * np.where(step.log, np.abs(answers), 1))
    return y
