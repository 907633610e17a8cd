"""Small data sets that are odd on purpose, made from a seed, and a run of each.

Their names are long or in other scripts, their values tiny, huge or constant, their rows few or of
one step, their series one or thirty; what is shown of them is cut or overlaps, if anything is.
"""

import csv
import math
import wave
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.runs import Run
from tests.conftest import write_digits
from tests.report_html import train

Options = dict[str, Any]

ALONE: Options = {"convolutions": False}
"""Options of classifiers that are soon trained."""

Make = Callable[[Path], tuple[str, Options]]
"""Writes a data set into a folder; returns the job and the options of its run."""

ODD: dict[str, Make] = {}
"""The data sets by name."""

WORDS = [
    *("alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols"),
    *("flavanoids", "hue", "nonflavanoid_phenols", "proanthocyanins", "color_intensity"),
    *("proline", "sulphates", "density", "od280_od315_of_diluted_wines", "citric_acid"),
    *("residual_sugar", "chlorides", "volatile_acidity", "free_sulfur_dioxide"),
    *("total_sulfur_dioxide", "fixed_acidity", "grape_variety_index", "vintage"),
]

MOVES = [
    *("standing", "sitting_and_relaxing", "lying_down", "climbing_stairs", "waist_bends_forward"),
    *("frontal_elevation_of_arms", "knees_bending_crouching", "jogging", "nordic_walking"),
    *("ironing", "jump", "cycling", "running", "vacuum_cleaning", "walking", "rope_jumping"),
    *("ascending_stairs", "descending_stairs", "playing_soccer", "watching_television"),
]

RARE = (
    "a valve that closes far too slowly after the pump was stopped at night by hand and "
    "without notice"
)


def _random(name: str) -> np.random.Generator:
    return np.random.default_rng(list(name.encode()))


def odd(make: Make) -> Make:
    """Add a data set to `ODD` by the name of its function."""
    ODD[make.__name__] = make
    return make


def _table(folder: Path, columns: Mapping[str, Any]) -> str:
    path = folder / "data.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return str(path)


def _days(n: int, step: timedelta = timedelta(days=1), form: str = "%Y-%m-%d") -> list[str]:
    return [f"{datetime(2024, 1, 25) + k * step:{form}}" for k in range(n)]


def _demand(random: np.random.Generator, n: int, season: int, size: float = 100.0) -> Any:
    time = np.arange(n)
    wave = np.sin(2 * math.pi * time / season) + 0.2 * random.normal(size=n)
    return (size * (3 + time / n + wave)).round(2)


def _rows(folder: Path, kinds: Sequence[str], label: str, n: int, steps: int = 12) -> str:
    """Write rows of waves, a frequency for each kind."""
    random, time = _random(label), np.arange(steps)
    at = np.arange(n) % len(kinds)
    waves = np.sin(time * (at[:, None] + 1) / (len(kinds) + 2)) + random.normal(0, 0.1, (n, steps))
    columns: dict[str, Any] = {f"t{step}": waves[:, step].round(3) for step in time}
    return _table(folder, {**columns, label: [kinds[k] for k in at.tolist()]})


@odd
def long_names(folder: Path) -> tuple[str, Options]:
    """A forecast whose columns have sentences as names."""
    random = _random("long names")
    target = "mean daily consumption of electrical energy in all buildings north of the river"
    columns = {
        "day of the reading at the main meter": range(120),
        target: _demand(random, 120, 7),
        "outside temperature at two metres above the ground, mean of the day": random.normal(
            10, 5, 120
        ).round(1),
    }
    options = {"target": (target,), "horizon": 1, "time": "day of the reading at the main meter"}
    return "regress", {**options, "data": _table(folder, columns)}


@odd
def many_columns(folder: Path) -> tuple[str, Options]:
    """An autoencoder of 24 columns of unlike sizes, with a code of two numbers."""
    shared = _random("columns").normal(size=(80, 2))
    columns = {
        name: (10 ** (k % 7) + shared[:, k % 2] * 10 ** (k % 5)).round(3)
        for k, name in enumerate(WORDS)
    }
    return "autoencode", {"data": _table(folder, columns), "code_size": 2}


@odd
def chinese(folder: Path) -> tuple[str, Options]:
    """A classifier with Chinese columns and classes."""
    kinds = ("正常运行状态", "轴承外圈磨损严重", "电机过热", "未知")
    random = _random("chinese")
    at = np.arange(100) % 4
    names = ("温度(摄氏度)", "振动加速度(毫米每二次方秒)", "转速", "电流(安)", "油压")
    columns: dict[str, Any] = {
        name: (random.normal(size=100) + 2 * (at == k)).round(3) for k, name in enumerate(names)
    }
    columns["故障类型"] = [kinds[k] for k in at]
    return "classify", {"data": _table(folder, columns), "label": "故障类型"}


@odd
def cyrillic(folder: Path) -> tuple[str, Options]:
    """Rows read as features, with units in parentheses."""
    random = _random("cyrillic")
    values = random.normal(size=(90, 3))
    columns = {
        "Температура наружного воздуха (°C)": (10 + 5 * values[:, 0]).round(2),
        "Относительная влажность (%)": (60 + 10 * values[:, 1]).round(1),
        "Скорость ветра (м/сек)": (4 + values[:, 2]).round(2),
        "Потребление электроэнергии (кВт·ч)": (900 + 80 * values @ (1, -0.5, 0.2)).round(1),
    }
    target = "Потребление электроэнергии (кВт·ч)"
    data = _table(folder, columns)
    return "regress", {"data": data, "target": (target,), "layout": "features"}


@odd
def tiny_values(folder: Path) -> tuple[str, Options]:
    """Values near 1e-9."""
    random = _random("tiny")
    columns = {
        "t": range(120),
        "voltage_v": (1e-6 * random.normal(size=120)),
        "leak_a": 1e-9 * _demand(random, 120, 12, 1),
    }
    return "regress", {"data": _table(folder, columns), "target": ("leak_a",)}


@odd
def huge_values(folder: Path) -> tuple[str, Options]:
    """Values near 1e12, forecast."""
    columns = {"year": range(1900, 2020), "gdp_usd": _demand(_random("huge"), 120, 11, 4e12)}
    options = {"target": ("gdp_usd",), "horizon": 1, "time": "year"}
    return "regress", {**options, "data": _table(folder, columns)}


@odd
def negative(folder: Path) -> tuple[str, Options]:
    """Values all below zero."""
    random = _random("negative")
    columns = {
        "depth_m": -_demand(random, 120, 9, 1000),
        "level_db": -_demand(random, 120, 12, 0.1),
    }
    return "regress", {"data": _table(folder, columns), "target": ("level_db",), "horizon": 3}


@odd
def wordy_class(folder: Path) -> tuple[str, Options]:
    """Two classes, one rare and of many words."""
    kinds = ("ok",) * 7 + (RARE,)
    return "classify", {"data": _rows(folder, kinds, "cause", 120), "label": "cause"}


@odd
def twenty_classes(folder: Path) -> tuple[str, Options]:
    """Twenty classes with names of unequal length."""
    return "classify", {"data": _rows(folder, MOVES, "activity", 160), "label": "activity"}


@odd
def forty_classes(folder: Path) -> tuple[str, Options]:
    """Forty classes."""
    kinds = [f"{name} {side}" for name in MOVES for side in ("indoors", "outdoors")]
    data = _rows(folder, kinds, "scene", 240)
    return "classify", {"data": data, "label": "scene", **ALONE}


@odd
def daily(folder: Path) -> tuple[str, Options]:
    """One daily series, two weeks ahead."""
    columns = {"date": _days(200), "revenue_eur": _demand(_random("daily"), 200, 7, 4000)}
    options = {"target": ("revenue_eur",), "horizon": 14, "time": "date"}
    return "regress", {**options, "data": _table(folder, columns)}


@odd
def thirty_series(folder: Path) -> tuple[str, Options]:
    """Thirty daily series of unlike size."""
    random = _random("thirty")
    columns: dict[str, list[Any]] = {"store": [], "date": [], "sold": []}
    for k in range(30):
        columns["store"] += [f"Store {k} in the {'old' if k % 3 else 'newly built'} town"] * 50
        columns["date"] += _days(50)
        columns["sold"] += list(_demand(random, 50, 7, 10.0 ** (k % 4)))
    options = {"target": ("sold",), "horizon": 1, "time": "date", "id": ("store",), "window": 8}
    return "regress", {**options, "data": _table(folder, columns)}


@odd
def hourly(folder: Path) -> tuple[str, Options]:
    """One hourly series, a day ahead."""
    times = _days(300, timedelta(hours=1), "%Y-%m-%dT%H:%M")
    columns = {"time": times, "load_mw": _demand(_random("hourly"), 300, 24, 1e4)}
    options = {"target": ("load_mw",), "horizon": 24, "time": "time"}
    return "regress", {**options, "data": _table(folder, columns)}


@odd
def undated(folder: Path) -> tuple[str, Options]:
    """One series without times, six steps ahead."""
    columns = {"x": _demand(_random("undated"), 150, 10)}
    return "regress", {"data": _table(folder, columns), "target": ("x",), "horizon": 6}


@odd
def one_step(folder: Path) -> tuple[str, Options]:
    """Rows of one step and nine features, three classes."""
    random = _random("one step")
    at = np.arange(90) % 3
    columns: dict[str, Any] = {
        f"{name} (mm)": (random.normal(size=90) + (at == k % 3)).round(3)
        for k, name in enumerate(WORDS[:9])
    }
    columns["species"] = [("Iris setosa", "Iris versicolor", "Iris virginica")[k] for k in at]
    data = _table(folder, columns)
    return "classify", {"data": data, "label": "species", "layout": "features"}


@odd
def few_rows(folder: Path) -> tuple[str, Options]:
    """Three rows, of which one is held out."""
    columns = {"width": (1.5, 2.5, 3.5), "height": (2, 4, 7), "price": (100, 210, 290)}
    options = {"target": ("price",), "layout": "features", "test_fraction": 0.3}
    return "regress", {**options, "data": _table(folder, columns), "valid_fraction": 0.0}


@odd
def constant(folder: Path) -> tuple[str, Options]:
    """Columns that never change, and so does the target while it is held out."""
    random = _random("constant")
    sold = np.r_[_demand(random, 90, 7), np.full(30, 300.0)]
    columns = {"t": range(120), "rate": np.full(120, 0.25), "zero": [0] * 120, "sold": sold}
    return "regress", {"data": _table(folder, columns), "target": ("sold",), "horizon": 1}


@odd
def two_units(folder: Path) -> tuple[str, Options]:
    """Two targets, of 1e6 and of 1e-6."""
    wave = np.sin(np.arange(160) / 9)
    columns = {
        "minute": np.arange(160),
        "pressure_at_the_inlet_pa": (101325 + 900 * wave).round(1),
        "molar_mass_g_per_mol": (1.2e6 + 4e5 * np.cos(np.arange(160) / 9)).round(),
        "leak_mol_s": 1e-6 * (1 + 0.3 * wave),
    }
    target = ("molar_mass_g_per_mol", "leak_mol_s")
    return "regress", {"data": _table(folder, columns), "target": target}


@odd
def known_ahead(folder: Path) -> tuple[str, Options]:
    """A week ahead, with a price and a holiday that are known then, by a linear path too."""
    random = _random("ahead")
    price = random.choice([9.99, 7.99, 4.99], 160)
    columns = {
        "date": _days(160),
        "price in the coming week (EUR)": price,
        "holiday": (random.random(160) < 0.1).astype(int),
        "pieces sold in the shop": (_demand(random, 160, 7) - 20 * price).round(),
    }
    options = {
        "target": ("pieces sold in the shop",),
        "horizon": 7,
        "time": "date",
        "future": ("price in the coming week (EUR)", "holiday"),
        "linear": True,
    }
    return "regress", {**options, "data": _table(folder, columns)}


@odd
def quantiles(folder: Path) -> tuple[str, Options]:
    """Three quantiles, five days ahead."""
    columns = {"date": _days(160), "wait_min": _demand(_random("quantiles"), 160, 7, 5)}
    options = {"target": ("wait_min",), "horizon": 5, "time": "date", "loss": "quantile"}
    return "regress", {**options, "data": _table(folder, columns), "quantile": (0.1, 0.5, 0.9)}


def _pixels(folder: Path) -> str:
    return str(write_digits(folder / "digits", 60, 20))


@odd
def three_codes(folder: Path) -> tuple[str, Options]:
    """A labelled autoencoder of seven columns, with a code of three numbers."""
    random = _random("three codes")
    at = np.arange(80) % 4
    columns: dict[str, Any] = {
        name: (random.normal(size=80) + 3 * (at == k % 4)).round(3)
        for k, name in enumerate(WORDS[:7])
    }
    columns["cultivar"] = [("Barolo", "Grignolino", "Barbera d'Alba", "other")[k] for k in at]
    return "autoencode", {"data": _table(folder, columns), "label": "cultivar", "code_size": 3}


@odd
def five_codes(folder: Path) -> tuple[str, Options]:
    """An autoencoder of series of 40 steps, with a code of five numbers."""
    data = _rows(folder, ("slow", "fast"), "kind", 80, 40)
    return "autoencode", {"data": data, "label": "kind", "code_size": 5}


@odd
def sounds(folder: Path) -> tuple[str, Options]:
    """A folder of short sounds for each class."""
    random = _random("sounds")
    for k, kind in enumerate(("a bell far away", "wind", "dog")):
        (folder / "sounds" / kind).mkdir(parents=True)
        for n in range(8):
            tone = np.sin(np.arange(1600) * (k + 1) / 9) + random.normal(0, 0.1, 1600)
            with wave.open(str(folder / "sounds" / kind / f"{n}.wav"), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(8000)
                file.writeframes((8000 * tone).astype("<i2").tobytes())
    options = {"data": str(folder / "sounds"), "frame": 80, "bands": 8}
    return "classify", options


@odd
def heartbeats(folder: Path) -> tuple[str, Options]:
    """Beats of 140 steps, of a rare class too, read by a cell with complex states."""
    random, time = _random("beats"), np.arange(140)
    kinds = ["normal sinus rhythm"] * 11 + ["premature ventricular contraction"]
    rows = [
        np.exp(-(((time - 60) / (4 + 8 * (k % 12 == 11))) ** 2)) + random.normal(0, 0.03, 140)
        for k in range(120)
    ]
    columns: dict[str, Any] = {f"mV_{step}": [row[step].round(3) for row in rows] for step in time}
    columns["beat"] = [kinds[k % 12] for k in range(120)]
    return "classify", {"data": _table(folder, columns), "label": "beat", "cell": "lru", **ALONE}


@odd
def grey_pictures(folder: Path) -> tuple[str, Options]:
    """Grey pictures of three classes."""
    return "classify", {"data": _pixels(folder)}


@odd
def sensors(folder: Path) -> tuple[str, Options]:
    """Recordings of six channels and unequal lengths, named by an id."""
    random = _random("sensors")
    names = ("acc_x", "acc_y", "acc_z", "gyroscope_roll", "gyroscope_pitch", "gyroscope_yaw")
    columns: dict[str, list[Any]] = {"id": [], "time_s": [], **{n: [] for n in names}, "move": []}
    for row in range(40):
        steps = 8 + row % 5
        columns["id"] += [row] * steps
        columns["time_s"] += [k / 50 for k in range(steps)]
        for k, name in enumerate(names):
            pitch = (row % 3 + 1) * (k + 1)
            waves = 10.0 ** (k - 2) * (np.sin(np.arange(steps) * pitch / 9) + random.normal())
            columns[name] += list(waves.round(4))
        columns["move"] += [("tap", "swipe to the left", "shake")[row % 3]] * steps
    return "classify", {"data": _table(folder, columns), "id": ("id",), "label": "move"}


@odd
def two_series(folder: Path) -> tuple[str, Options]:
    """A target at every step of two machines, from four inputs; states are carried."""
    random = _random("two series")
    columns: dict[str, list[Any]] = {"machine": [], "second": []}
    names = ("load", "torque (N m)", "coolant flow (l/min)", "ambient (°C)", "winding (°C)")
    columns |= {name: [] for name in names}
    for machine in ("press, hall 2", "the lathe"):
        columns["machine"] += [machine] * 120
        columns["second"] += list(range(120))
        for k, name in enumerate(names):
            columns[name] += list(_demand(random, 120, 9 + k, 10.0**k))
    options = {"target": ("winding (°C)",), "id": ("machine",), "time": "second"}
    return "regress", {**options, "data": _table(folder, columns), "stateful": True}


SMALL: Options = {"epochs": 1, "seed": 0}
"""Options of all runs."""

SMALL_NET: Options = {"hidden_size": 4}
"""Options of runs with recurrent nets."""


def train_odd(name: str, folder: Path) -> Run:
    """Write a data set into `folder`, train a small net on it for one epoch, and return the run,
    which has the name of the data set."""
    data = folder / "data" / name
    data.mkdir(parents=True)
    job, options = ODD[name](data)
    small = SMALL if job == "autoencode" else {**SMALL, **SMALL_NET}
    return train(job, {**small, **options}, folder / "runs", name=name)
