"""Forecasts of other methods, rolled over the end of a series with the parameters of its start.

statsforecast (`pip install statsforecast`) gives AutoETS, AutoARIMA and Theta, fitted once on the
first part and then moved on with `forward`; they know the season, if it has at most 24 steps. The
simple methods are those of quality.py.
"""

import hashlib
import importlib
import importlib.util
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from quality import last, ridge, seasonal

SIMPLE: dict[str, Callable[[np.ndarray, int, int, int], np.ndarray]] = {
    "last": last,
    "season ago": seasonal,
    "ridge": ridge,
}
SLOW = {"AutoETS": "AutoETS", "AutoARIMA": "AutoARIMA", "Theta": "AutoTheta"}
"""Column of a table, and class of statsforecast.models."""

LEVELS = (80, 95)
LONGEST_SEASON = 24
"""AutoETS takes no longer season, and AutoARIMA takes hours for one."""

Answers = dict[str, np.ndarray]
"""`mean` and, for each level, `lo-80` and `hi-80`, (n,) each."""


def has_peers() -> bool:
    """Return whether statsforecast is installed."""
    return importlib.util.find_spec("statsforecast") is not None


def peer(name: str, season: int) -> Any:
    """Return a model of statsforecast."""
    models = importlib.import_module("statsforecast.models")
    return getattr(models, SLOW[name])(season_length=season if season <= LONGEST_SEASON else 1)


def rolled(
    name: str, values: np.ndarray, first: int, horizon: int, season: int, cache: Path | None
) -> Answers:
    """Return a peer's forecasts of the steps from `first`, each from the values `horizon` before.

    `cache` is a folder that keeps answers, as a fit can take minutes.
    """
    facts = (
        f"{SLOW[name]} {first} {horizon} {season} ".encode()
        + np.ascontiguousarray(values).tobytes()
    )
    path = cache / f"{hashlib.sha256(facts).hexdigest()[:24]}.npz" if cache else None
    if path is not None and path.exists():
        with np.load(path) as kept:
            return dict(kept)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = peer(name, season).fit(values[:first])
        each: list[dict[str, float]] = []
        for step in range(first, len(values)):
            answer = model.forward(values[: step - horizon + 1], h=horizon, level=list(LEVELS))
            each.append({key: float(np.asarray(value)[-1]) for key, value in answer.items()})
    answers = {key: np.array([row[key] for row in each]) for key in each[0]}
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **answers)  # type: ignore[arg-type]
    return answers


def ahead(name: str, values: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """Return a method's forecasts of the `horizon` steps after a series, (horizon,)."""
    if name == "last":
        return np.full(horizon, values[-1])
    if name == "drift":
        slope = (values[-1] - values[0]) / (len(values) - 1)
        return np.asarray(values[-1] + slope * np.arange(1, horizon + 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(peer(name, season).forecast(values, h=horizon)["mean"], float)


def ridge_of_both(
    target: np.ndarray, lead: np.ndarray, first: int, horizon: int, lags: int, changes: bool
) -> np.ndarray:
    """Ridge regression on the last `lags` values of a target and of an input, or on changes.

    Its penalty is chosen by leave-one-out. Returns the forecasts of the steps from `first`.
    """
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    steps = np.arange(lags + horizon, len(target))
    read = steps[:, None] - horizon - np.arange(lags)
    columns = [target, lead]
    X = np.hstack([each[read] - (each[read - 1] if changes else 0) for each in columns])
    base = target[steps - horizon] if changes else np.zeros(len(steps))
    known = steps < first
    model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 3, 13)))
    model.fit(X[known], (target[steps] - base)[known])
    return np.asarray(model.predict(X[~known]) + base[~known])
