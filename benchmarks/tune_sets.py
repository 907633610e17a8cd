"""The data sets of the measurement of searches, and what is searched on each."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from recipes import place
from sets import control_chart, cylinder, two_patterns, waveform

FORMULAS = {
    "Cylinders": (cylinder, 3, 4),
    "ControlCharts": (control_chart, 6, 2),
    "TwoPatterns": (two_patterns, 4, 4),
    "Waveform": (waveform, 3, 1),
}
"""Series of formulas, their classes, and every how many steps one is kept."""

SHARED = {
    "lr": {"low": 3e-4, "high": 1e-1, "log": True},
    "batch_size": [8, 16, 32],
}
RECURRENT = {
    **SHARED,
    "hidden_size": {"low": 4, "high": 32, "log": True},
    "cell": ["rnn", "gru", "lstm"],
}
CODES = {
    **SHARED,
    "encoder_sizes": [[16], [32], [64], [32, 16], [64, 32]],
    "optimizer": ["adam", "adamw", "sgd"],
}


@dataclass(frozen=True)
class Task:
    """A data set, the options of all its trials, and what is searched."""

    job: str
    options: Mapping[str, Any]
    space: Mapping[str, Any]


def tasks(folder: Path) -> dict[str, Task]:
    """Return the data sets; the digits are written into `folder`."""
    from sklearn.datasets import load_digits

    digits = folder / "digits.npz"
    np.savez(digits, X=load_digits().data[:600].astype("f4") / 16)
    power = place("aeon", "datasets/data/ItalyPowerDemand/ItalyPowerDemand_TRAIN.ts")
    spots = place("statsmodels", "datasets/sunspots/sunspots.csv")
    shared = {"recipe": "classic", "valid_fraction": 0.3, "threads": 1}
    power_options = {"data": str(power), "scale": "standard", "convolutions": False}
    spot_options = {
        "data": str(spots),
        "target": "SUNACTIVITY",
        "horizon": 1,
        "scale": "standard",
        "stateful": False,
    }
    return {
        "ItalyPowerDemand": Task("classify", {**shared, **power_options}, RECURRENT),
        "sunspots": Task("regress", {**shared, **spot_options}, RECURRENT),
        "digits": Task("autoencode", {**shared, "data": str(digits)}, CODES),
        **_made(folder, shared),
    }


def _made(folder: Path, shared: Mapping[str, Any]) -> dict[str, Task]:
    """Return data sets of formulas, which are written into `folder`."""
    made: dict[str, Task] = {}
    for name, (series, classes, every) in FORMULAS.items():
        random, labels = np.random.RandomState(0), np.arange(120) % classes
        rows = np.stack([series(random, int(label))[::every, None] for label in labels])
        np.savez(folder / f"{name}.npz", X=rows.astype("f4"), y=labels)
        options = {"data": str(folder / f"{name}.npz"), "scale": "standard", "convolutions": False}
        made[name] = Task("classify", {**shared, **options}, RECURRENT)
    random, t = np.random.RandomState(0), np.arange(300)
    noise = random.normal(size=(2, 300))
    forecasts = {
        "Damped": np.sin(t / 3) * np.exp(-t % 60 / 30) + noise[0] / 10,
        "Seasons": np.sin(t / 2) + np.sin(t / 7) + noise[1] / 5,
    }
    for name, values in forecasts.items():
        lines = "\n".join(f"{value:.6f}" for value in values)
        (folder / f"{name}.csv").write_text(f"value\n{lines}\n")
        options = {
            "data": str(folder / f"{name}.csv"),
            "target": "value",
            "horizon": 1,
            "scale": "standard",
            "stateful": False,
        }
        made[name] = Task("regress", {**shared, **options}, RECURRENT)
    np.savez(folder / "Shapes.npz", X=np.stack([made_shape(random, n % 3) for n in range(200)]))
    made["Shapes"] = Task("autoencode", {**shared, "data": str(folder / "Shapes.npz")}, CODES)
    return made


def made_shape(random: np.random.RandomState, label: int) -> np.ndarray:
    """Return every fourth step of a cylinder, a bell or a funnel."""
    return np.asarray(cylinder(random, label)[::4] / 6, "f4")
