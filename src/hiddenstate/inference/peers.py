"""Forecasts by AutoETS, AutoARIMA and Theta of statsforecast, from the origins of other forecasts.

Their parameters are fitted once, on the training part of each series, and stay as they are.
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hiddenstate.inference.forecast import Paths
from hiddenstate.metrics.ridge_forecast import carried
from hiddenstate.system.extras import require
from hiddenstate.system.typing import Array

MOST_SERIES, MOST_ORIGINS = 50, 200
"""Most series, and most origins of each, that are forecast; evenly chosen."""

MOST_FITTED = 1000
"""Most last steps of a series that models are fitted on."""

FEWEST = 8
"""Fewest training steps of a series."""

NAMES = {"AutoETS": "AutoETS", "AutoARIMA": "AutoARIMA", "AutoTheta": "Theta"}
"""The name of each model by that of its class in statsforecast."""


@dataclass(frozen=True)
class Peers:
    """Series to forecast.

    Parameters
    ----------
    series, train : sequence of ndarray (T_i, O)
        The targets, and their training part; empty where there is none. Missing values are read as
        the last before them.
    season : int
        Steps of the main season; 1 without one.
    """

    series: Sequence[Array]
    train: Sequence[Array]
    season: int


@dataclass(frozen=True)
class PeerForecasts:
    """Forecasts of peers by name, which paths (n,) they are made from, and what was thinned."""

    paths: dict[str, Paths]
    scored: Array
    remarks: tuple[str, ...]


def peer_paths(peers: Peers, paths: Paths, scored: Array) -> PeerForecasts:
    """Return the forecasts of peers from the scored origins of other paths.

    Series without a first value or with few training steps are left out; of no others, nothing
    is forecast.

    Raises
    ------
    MissingExtraError
        If statsforecast is not installed.
    """
    require("statsforecast", "--peers")
    models = importlib.import_module("statsforecast.models")
    peers = replace(peers, series=[*map(carried, peers.series)], train=[*map(carried, peers.train)])
    kept, remarks = _thinned(peers, paths, scored)
    if not kept.any():
        return PeerForecasts({}, scored, remarks)
    scored = kept
    values = {name: np.full_like(paths.values, np.nan) for name in NAMES.values()}
    H, n_targets = paths.values.shape[1:]
    for number in np.unique(paths.series[scored]):
        rows = np.flatnonzero(scored & (paths.series == number))
        for o in range(n_targets):
            own, train = peers.series[number][:, o], peers.train[number][-MOST_FITTED:, o]
            for made, name in NAMES.items():
                model = getattr(models, made)(season_length=peers.season).fit(train)
                for row in rows:
                    values[name][row, :, o] = _forward(model, own[: paths.origin[row] + 1], H)
    return PeerForecasts(
        {name: replace(paths, values=each) for name, each in values.items()}, scored, remarks
    )


def _forward(model: Any, values: Array, horizon: int) -> Array:
    """Return the forecast (H,) after the last of values (T,), with the parameters of a model."""
    return np.asarray(model.forward(y=values, h=horizon)["mean"])


def _thinned(peers: Peers, paths: Paths, scored: Array) -> tuple[Array, tuple[str, ...]]:
    """Return which paths are forecast, and say what was left out."""
    remarks = []
    numbers = np.unique(paths.series[scored])
    whole = [
        number
        for number in numbers
        if len(peers.train[number]) >= FEWEST
        and np.isfinite(peers.series[number]).all()
        and np.isfinite(peers.train[number]).all()
    ]
    if len(whole) < len(numbers):
        lacking = f"whose first value is missing or with fewer than {FEWEST} training steps"
        remarks.append(
            f"--peers: {len(numbers) - len(whole)} of {len(numbers)} series, {lacking}, are left "
            "out of all scores"
            if whole
            else f"--peers: left out, as there are only series {lacking}"
        )
    chosen = _evenly(np.array(whole, np.int64), MOST_SERIES)
    if len(chosen) < len(whole):
        remarks.append(f"--peers: {MOST_SERIES} of {len(whole)} series are scored, evenly chosen")
    kept = np.zeros_like(scored)
    most = 0
    for number in chosen:
        rows = np.flatnonzero(scored & (paths.series == number))
        most = max(most, len(rows))
        kept[_evenly(rows, MOST_ORIGINS)] = True
    if most > MOST_ORIGINS:
        remarks.append(
            f"--peers: {MOST_ORIGINS} of up to {most} origins of a series are scored, evenly chosen"
        )
    return kept, tuple(remarks)


def _evenly(values: Array, most: int) -> Array:
    """Return at most so many of values (n,)."""
    if len(values) <= most:
        return values
    return np.asarray(values[np.linspace(0, len(values) - 1, most).astype(int)])
