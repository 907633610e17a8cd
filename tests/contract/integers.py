"""The list of models in integers: each kind that has such a form, and what answers them exactly."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from hiddenstate.engines.integers import compiled
from hiddenstate.export.trial import trials_of
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.meaning import program_of
from hiddenstate.program.calibrating import calibrated
from tests.contract.models import model_of
from tests.contract.reference import Case, Reply, ask
from tests.contract.translations import by_engine, html, program, python

WITH_BOTH = ("rnn tanh", "rnn relu", "gru", "lstm", "fastgrnn", "autoencoder, relu")
"""Models that are in the list with states of 16 and of 8 bits."""

OTHERS = (
    *("fastgrnn of rank 2", "fastgrnn of rank 1, both directions", "fastgrnn, carried state"),
    *("three layers", "both directions", "mean readout", "mean of both directions", "wide steps"),
    *("carried state, last step", "members of a regressor", "stem", "stem of every step"),
    *("causal stem of three", "causal stem, mean", "causal stem, change", "pixels", "mask"),
    *("pooling causal stem of three", "pooling causal stem, mean", "input skip of pixels"),
    *("input skip of a carried state", "quantiles of the last step", "linear path"),
    *("known ahead, mask", "lags of inputs, every step", "by window, mask", "far, filled"),
    *("mingru", "wide mingru", "lru", "wide lru", "lru of more states than units"),
    *("lru, carried state", "lru, causal stem"),
    *("autoencoder", "autoencoder of pixels", "autoencoder, tanh", "autoencoder, sigmoid"),
)
"""Those with 16 and with 8 bits in turn."""

NAMES = [
    *(f"{name}, {bits} bits" for name in WITH_BOTH for bits in (16, 8)),
    *(f"{name}, {(16, 8)[place % 2]} bits" for place, name in enumerate(OTHERS)),
    "sparse lstm, 16 bits",
]


def in_integers(model: FittedModel, state_bits: int = 16) -> FittedModel:
    """Return a model in integers, calibrated on the rows that exports are tried on."""
    own, trial = program_of(model), trials_of(model)[0]
    x = own.kept(trial.X, trial.lengths)
    return model.in_integers(calibrated(own, x, trial.lengths, state_bits))


def sparse(model: FittedModel) -> FittedModel:
    """Return a model with a seventh of the weights of wide matrices, the others zero."""
    params = {
        name: np.where(np.arange(a.size).reshape(a.shape) % 7 == 2, 2 * a, 0).astype(a.dtype)
        if a.ndim > 1 and a.shape[1] > 4
        else a
        for name, a in model.params.items()
    }
    return replace(model, params=params)


@cache
def integer_case(name: str) -> Case:
    """Return a model of the list by its name, with its questions and the answers of its program."""
    own, _, bits = name.removesuffix(" bits").rpartition(", ")
    model = model_of(own.removeprefix("sparse "))
    return ask(name, in_integers(sparse(model) if "sparse" in own else model, int(bits)))


def native(cases: Sequence[Case]) -> list[Reply]:
    """Return the answers of programs whose layers the kernels compute."""
    return program(cases, lambda model: compiled(program_of(model)))


def by_choice(cases: Sequence[Case]) -> list[Reply]:
    """Return the answers of the predictors and streams that models have."""
    return [by_engine(case) for case in cases]


ANSWERING = {
    **{"program": program, "native": native, "predictor and stream": by_choice},
    **{"python": python, "html": html},
}
"""What has nets in integers; headers in C, whose answers are float32, are asked where they are
tested."""

LIMIT = 1e-12
"""Of answers: a difference of one in an output is 2**-16, and far more in them."""
