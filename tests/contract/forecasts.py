"""Models that forecast all steps up to a horizon, with intervals."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from hiddenstate.export.target import Source, source_of
from hiddenstate.models.fitted import FittedModel
from tests.contract.models import (
    BY_WINDOW,
    LAST,
    LINEAR,
    as_float64,
    made,
    with_known_ahead,
    with_lags_of_inputs,
    with_logarithms,
)

HORIZON, SEASON, LEVELS = 3, 4, (0.8, 0.95)


def forecasting(model: FittedModel) -> FittedModel:
    """Return a model as one that was trained with a horizon on windows."""
    transform = model.transform
    reading = {"horizon": HORIZON, "window": model.row_shape[0], **transform.reading}
    targets = (transform.columns or ())[: model.net.n_outputs]
    season = (SEASON,)
    changed = replace(transform, reading={**reading, "season": season}, targets=targets)
    return replace(model, transform=changed)


def with_nearer(model: FittedModel, seed: int) -> FittedModel:
    """Return a model with paths of the steps before its horizon, and shares of its net in them."""
    model = forecasting(model)
    linear, random = model.transform.linear, np.random.default_rng(seed)
    assert linear is not None
    n = int(model.transform.reading["horizon"]) - 1

    def near(name: str) -> Any:
        array = getattr(linear, name)
        return None if array is None else array * random.uniform(0.5, 1.5, array.shape)

    names = ("weights", "bias", "effects", "input_weights")
    nearer = tuple(replace(linear, **{name: near(name) for name in names}) for _ in range(n))
    share = random.uniform(0, 1, (n, model.net.n_outputs))
    path = replace(linear, nearer=nearer, nearer_share=share)
    return replace(model, transform=replace(model.transform, linear=path))


ALL: dict[str, Any] = {"features": 4, "outputs": 1}

MODELS: dict[str, Callable[[], FittedModel]] = {
    "answers to earlier windows": lambda: forecasting(made(1, LINEAR)),
    "changes": lambda: forecasting(made(2, LAST, change=True, features=2, outputs=1)),
    "every step": lambda: forecasting(
        made(3, {**LINEAR, "output": "steps", "missing": "forward"}, members=3)
    ),
    "every step of a stream": lambda: with_nearer(
        made(4, {**LINEAR, "output": "steps", "missing": "forward"}), 4
    ),
    "logarithms": lambda: with_nearer(with_logarithms(5, LINEAR), 5),
    "members, both directions, gaps": lambda: with_nearer(
        as_float64(6, LINEAR, bidirectional=True, members=3, missing="mask"), 6
    ),
    "known ahead": lambda: forecasting(with_known_ahead(made(7, LINEAR, features=3, outputs=1), 7)),
    "by window, every part": lambda: with_nearer(
        with_lags_of_inputs(with_known_ahead(made(8, BY_WINDOW, **ALL), 8), 8), 8
    ),
    "every part of a stream": lambda: with_nearer(
        with_lags_of_inputs(with_known_ahead(made(9, LINEAR, missing="forward", **ALL), 9), 9), 9
    ),
}


@cache
def source(name: str) -> Source:
    """Return a model of the list with intervals, which would follow from a run."""
    model = MODELS[name]()
    own = source_of(model, "m", "float32")
    ahead = own.program.ahead
    assert ahead is not None
    shape = len(LEVELS), own.program.horizon, own.program.n_outputs
    half = np.cumsum(np.full(shape, 0.125), axis=0)
    own.__dict__["program"] = replace(own.program, ahead=replace(ahead, levels=LEVELS, half=half))
    return own
