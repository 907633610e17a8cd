"""Measures quality beside methods that a user would pick instead.

    python benchmarks/quality.py forecasts [--horizons 1,12] [--seeds 3] [--simple] [NAME ...]
    python benchmarks/quality.py classify [--seeds 3] [NAME ...]
    python benchmarks/quality.py teach [--seeds 5] [--out FILE] [NAME ...]
    python benchmarks/quality.py many [--horizons 1,12] [--seeds 3]
    python benchmarks/quality.py codes|anomalies [--seeds 3] [NAME ...]
    python benchmarks/quality.py cells [--seeds 3] [--epochs 5] [NAME ...]
    python benchmarks/quality.py memory [NAME ...] [--seeds 3] [--out FOLDER] [--held-out]
    python benchmarks/quality.py signals [NAME ...] [--seeds 3]
    python benchmarks/quality.py integers [NAME ...] [--seeds 5] [--sparsity .5,.8]

`forecasts`: the mean absolute scaled error (MASE) on the last fifth of eight series, beside
repeating the last value, repeating the value of a season ago, ridge regression on the last 24
values and, if statsmodels is installed and without `--simple`, exponential smoothing (AutoETS) and
Theta. Every method predicts each step from all steps up to `horizon` before it. Parameters are
fitted on the first four fifths, once; Theta, which is quick, at each step. The files are part of
the packages statsmodels, aeon and sktime; series of packages that are not installed are left out.
The retail series is made here. forecasts.py measures twenty further series, and shops.py made
tables.

`classify`: the accuracy on the test rows of eight sets of the UCR and UEA archives, which are part
of the package aeon, by the automatic recipe; beside it the fixed convolutions alone and the network
alone, one nearest neighbour under dynamic time warping (aeon, with its defaults), and logistic
regression on all values of a series, whose end is filled with zeros. Seconds are of the processor,
of the whole training command on one thread.

`teach`: where nets alone answer, and what augmentation and a teacher add; see teach.py.

`many`: the MASE of each of ten made series of 300 days in one model, of sizes from 1 to 1e6, every
other one about 0, beside repeating the value of a season ago; also with one scale for all.

`codes` and `anomalies`: the autoencoder beside UMAP, PCA and an isolation forest; see codes.py.

`cells`: the accuracy of each recurrent cell on MNIST, its size and its times; see cells.py.

`memory`: what cells remember over 784 to 5,000 steps; see long_memory.py.

`signals`: a state that is carried through made signals; see signals.py.

`integers`: what nets lose in integers, with and without training for it; see integers.py.
"""

import argparse
import csv
import math
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cells
import codes
import integers
import long_memory
import numpy as np
import signals
import teach
from recipes import place, run
from sets import EIGHT

SERIES: dict[str, tuple[str, str, str, int]] = {
    "sunspots": ("statsmodels", "datasets/sunspots/sunspots.csv", "SUNACTIVITY", 11),
    "airline": ("aeon", "datasets/data/Airline/Airline.csv", "Passengers", 12),
    "co2": ("statsmodels", "datasets/co2/co2.csv", "co2", 12),
    "nile": ("statsmodels", "datasets/nile/nile.csv", "volume", 1),
    "elec_equip": ("statsmodels", "datasets/elec_equip/elec_equip.csv", "", 12),
    "elnino": ("statsmodels", "datasets/elnino/elnino.csv", "", 12),
    "seatbelts": ("sktime", "datasets/data/seatbelts/seatbelts.csv", "KSI", 12),
    "retail": ("", "", "", 7),
}
"""Package, file and column of each series, and the steps of a season; 1 if there is none."""

Forecaster = Callable[[np.ndarray, int, int, int], np.ndarray]
"""From a series, the first held-out step, the horizon and the season to the forecasts (n,)."""


def values_of(name: str) -> np.ndarray:
    """Return a series; elnino is its months in order, co2 the means of months."""
    package, file, column, _ = SERIES[name]
    if name == "retail":
        return retail()
    with place(package, file).open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    if name == "elnino":
        months = [value for row in rows for value in list(row.values())[1:]]
        numbers = np.array([float(value) for value in months if value])
        return np.asarray(numbers[np.isfinite(numbers)])
    if name == "co2":
        months_of: dict[str, list[float]] = {}
        for row in rows:
            months_of.setdefault(row["date"][:6], [])
            if row["co2"]:
                months_of[row["date"][:6]].append(float(row["co2"]))
        means: list[float] = []
        for week in months_of.values():
            means.append(statistics.fmean(week) if week else means[-1])
        return np.array(means)
    return np.array([float(row[column or list(row)[-1]]) for row in rows])


def retail(days: int = 730) -> np.ndarray:
    """Return made daily sales: a week and a year, a trend and noise, multiplied."""
    random, day = np.random.default_rng(0), np.arange(days)
    week = np.array([0.8, 0.85, 0.9, 1, 1.2, 1.5, 0.9])[day % 7]
    year = 1 + 0.15 * np.sin(2 * np.pi * day / 365)
    return np.asarray(np.exp(random.normal(size=days) * 0.08) * (100 + 0.05 * day) * week * year)


def last(values: np.ndarray, first: int, horizon: int, season: int) -> np.ndarray:
    """Repeat the last value."""
    return np.asarray(values[np.arange(first, len(values)) - horizon])


def seasonal(values: np.ndarray, first: int, horizon: int, season: int) -> np.ndarray:
    """Repeat the last value in the season of the target."""
    back = math.ceil(horizon / season) * season
    return np.asarray(values[np.arange(first, len(values)) - back])


def ridge(values: np.ndarray, first: int, horizon: int, season: int) -> np.ndarray:
    """Ridge regression on the last 24 values, its penalty chosen by leave-one-out."""
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    lags = min(24, first // 3)
    steps = np.arange(lags - 1 + horizon, len(values))
    X = values[steps[:, None] - horizon - np.arange(lags)]
    known = steps < first
    model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 3, 13)))
    model.fit(X[known], values[steps[known]])
    return np.asarray(model.predict(X[~known]))


def ets(values: np.ndarray, first: int, horizon: int, season: int) -> np.ndarray:
    """Exponential smoothing, its trend and season chosen by AICc."""
    from statsmodels.tsa.statespace.exponential_smoothing import ExponentialSmoothing

    best: Any = None
    for trend, damped in ((False, False), (True, False), (True, True)):
        for months in {None, season if season > 1 else None}:
            model = ExponentialSmoothing(
                values[:first], trend=trend, damped_trend=damped, seasonal=months
            )
            fit = model.fit(disp=False, maxiter=100)
            best = fit if best is None or fit.aicc < best.aicc else best
    ends = np.arange(first, len(values)) - horizon + 1
    return np.array([best.apply(values[:end]).forecast(horizon)[-1] for end in ends])


def theta(values: np.ndarray, first: int, horizon: int, season: int) -> np.ndarray:
    """The Theta method, fitted at each step."""
    from statsmodels.tsa.forecasting.theta import ThetaModel

    answers = []
    for end in np.arange(first, len(values)) - horizon + 1:
        model = ThetaModel(values[:end], period=max(season, 2), deseasonalize=season > 1)
        answers.append(np.asarray(model.fit().forecast(horizon))[-1])
    return np.array(answers)


METHODS: dict[str, Forecaster] = {"last": last, "seasonal": seasonal, "ridge": ridge}
SLOW: dict[str, Forecaster] = {"AutoETS": ets, "Theta": theta}


def ours(
    values: np.ndarray, first: int, horizon: int, seed: int, folder: Path, *options: object
) -> np.ndarray:
    """Train a run, and return its forecasts of the held-out steps."""
    path = folder / "series.csv"
    path.write_text("value\n" + "".join(f"{value!r}\n" for value in values.tolist()))
    words = (path, "--target", "value", "--horizon", horizon, "--seed", seed, *options)
    share = (len(values) - first) / len(values)
    more = ("--test-fraction", share, "--view", "off", "--json", "--runs-dir", folder)
    done = run("regress", *words, *more)
    table = folder / "predictions.csv"
    run_quietly("predict", done["run"], "--output", table, "--runs-dir", folder)
    with table.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    found = {int(row["step"]) + horizon: float(row["value"]) for row in rows}
    return np.array([found[step] for step in range(first, len(values))])


def run_quietly(*words: object) -> None:
    """Run a command without its output."""
    import contextlib
    import io

    from hiddenstate.cli import main

    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()) as err,
    ):
        try:
            main([str(word) for word in words])
        except SystemExit as ended:
            if ended.code:
                raise SystemExit(err.getvalue()) from None


def scaled_error(values: np.ndarray, first: int, answers: np.ndarray, season: int) -> float:
    """Return the mean absolute scaled error of forecasts of the steps from `first`."""
    scale = np.abs(values[season:first] - values[: first - season]).mean()
    return float(np.abs(values[first:] - answers).mean() / scale)


def forecasts(args: argparse.Namespace) -> None:
    """Print a table for each horizon."""
    names = args.names or [n for n, (package, *_) in SERIES.items() if is_there(package)]
    options = ("--max-steps", 1) if args.toy else ()
    slow = is_there("statsmodels") and not (args.toy or args.simple)
    methods = METHODS | (SLOW if slow else {})
    for horizon in map(int, args.horizons.split(",")):
        columns = ["hiddenstate", "deviation", *methods, "to the best of the first three"]
        print(f"MASE, {horizon} ahead\n\n| series | {' | '.join(columns)} |")
        print("|" + " --- |" * (len(columns) + 1))
        table = []
        for name in names:
            table.append(errors_of(name, horizon, methods, 1 if args.toy else args.seeds, options))
            cells = [f"{value:.3f}" for value in table[-1].values()]
            print(f"| {name} | {' | '.join(cells)} |", flush=True)
        means = {
            name: math.exp(statistics.fmean(math.log(max(row[name], 1e-9)) for row in table))
            for name in ("hiddenstate", *methods)
        }
        ratios = [row["ratio"] for row in table]
        cells = [f"{means[name]:.3f}" for name in methods]
        print(f"| geometric mean | {means['hiddenstate']:.3f} | | {' | '.join(cells)} | ", end="")
        near = sum(ratio <= 1.1 for ratio in ratios)
        print(f"at most {max(ratios):.3f}; {near} of {len(ratios)} at most 1.1 |\n", flush=True)


def errors_of(
    name: str, horizon: int, methods: dict[str, Forecaster], seeds: int, options: tuple[object, ...]
) -> dict[str, float]:
    """Return the errors of every method on a series."""
    values, season = values_of(name), SERIES[name][3]
    first = len(values) - round(0.2 * len(values))
    own = []
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as folder:
            answers = ours(values, first, horizon, seed, Path(folder), *options)
        own.append(scaled_error(values, first, answers, season))
    row = {
        "hiddenstate": statistics.fmean(own),
        "deviation": statistics.stdev(own) if len(own) > 1 else 0.0,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for method, forecast in methods.items():
            answers = forecast(values, first, horizon, season)
            row[method] = scaled_error(values, first, answers, season)
    simple = [row[method] for method in METHODS]
    return row | {"ratio": row["hiddenstate"] / min(simple)}


def ten_series(days: int = 300) -> dict[str, np.ndarray]:
    """Return made series with a week and noise of its own each, of sizes from 1 to 1e6."""
    series = {}
    for i in range(10):
        random, day = np.random.default_rng(i), np.arange(days)
        week, noise, slow = random.normal(size=7)[day % 7], random.normal(size=days), [0.0]
        for more in noise[1:]:
            slow.append(0.8 * slow[-1] + more)
        level = 0 if i % 2 else 10 + 0.01 * day
        series[f"s{i}"] = 10 ** (6 * i / 9) * (week + 0.5 * np.array(slow) + level)
    return series


def many(args: argparse.Namespace) -> None:
    """Print a table for each horizon: the error of each series in one model."""
    series, season = ten_series(120 if args.toy else 300), 7
    options = ("--max-steps", 1) if args.toy else ()
    for horizon in map(int, args.horizons.split(",")):
        ways: dict[str, tuple[object, ...]] = {
            "each its own scale": (),
            "one scale for all": ("--scale", "standard"),
        }
        print(f"MASE, {horizon} ahead\n\n| | {' | '.join(series)} | mean |")
        print("|" + " --- |" * 12)
        for name, words in ways.items():
            each = [
                errors_of_many(series, horizon, seed, (*words, *options))
                for seed in range(1 if args.toy else args.seeds)
            ]
            print_row(name, np.mean(each, axis=0))
        naive = []
        for values in series.values():
            first = len(values) - round(0.2 * len(values))
            answers = seasonal(values, first, horizon, season)
            naive.append(scaled_error(values, first, answers, season))
        print_row("a season ago", np.array(naive))
        print()


def print_row(name: str, errors: np.ndarray) -> None:
    """Print the errors of the series, and their mean."""
    print(f"| {name} | {' | '.join(f'{e:.3f}' for e in [*errors, errors.mean()])} |", flush=True)


def errors_of_many(
    series: dict[str, np.ndarray], horizon: int, seed: int, options: tuple[object, ...]
) -> list[float]:
    """Return the error of each series in one run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = [f"{s},{t},{v!r}" for s, own in series.items() for t, v in enumerate(own.tolist())]
        (folder / "series.csv").write_text("\n".join(["id,day,value", *lines]) + "\n")
        words = ("--target", "value", "--id", "id", "--time", "day", "--horizon", horizon)
        more = ("--seed", seed, "--view", "off", "--json", "--threads", 1, "--runs-dir", folder)
        done = run("regress", folder / "series.csv", *words, *more, *options)
        table = folder / "predictions.csv"
        run_quietly("predict", done["run"], "--output", table, "--runs-dir", folder)
        with table.open(newline="") as stream:
            rows = list(csv.DictReader(stream))
    errors = []
    for key, values in series.items():
        first = len(values) - round(0.2 * len(values))
        own = [row for row in rows if row["series"] == key]
        found = {int(row["step"]) + horizon: float(row["value"]) for row in own}
        answers = np.array([found[step] for step in range(first, len(values))])
        errors.append(scaled_error(values, first, answers, 7))
    return errors


def classify(args: argparse.Namespace) -> None:
    """Print the table of classifications."""
    peers = {"logistic regression": logistic} | ({} if args.toy else {"1NN-DTW": nearest})
    columns = ["hiddenstate", "deviation", "the convolutions", "the network", "its share"]
    print(f"| set, accuracy | {' | '.join([*columns, *peers, 'seconds'])} |")
    print("|" + " --- |" * (len(columns) + len(peers) + 2))
    table = []
    for name in args.names or EIGHT:
        runs = [classified(name, seed, args.toy) for seed in range(1 if args.toy else args.seeds)]
        own = [each["test_accuracy"] for each in runs]
        # Without kernels, or of data that is too large, there are no convolutions.
        keys = ("convolutions_accuracy", "net_accuracy", "net_share", "seconds")
        row = {key: statistics.fmean(each.get(key, math.nan) for each in runs) for key in keys}
        seconds = row.pop("seconds")
        others = [peer(name) for peer in peers.values()]
        spread = statistics.stdev(own) if len(own) > 1 else 0.0
        table.append([statistics.fmean(own), spread, *row.values(), *others])
        print(
            f"| {name} | {' | '.join(f'{v:.3f}' for v in table[-1])} | {seconds:.1f} |", flush=True
        )
    means = [statistics.fmean(column) for column in zip(*table, strict=True)]
    print(f"| mean | {' | '.join(f'{value:.3f}' for value in means)} | |")


def classified(name: str, seed: int, toy: bool = False) -> dict[str, Any]:
    """Return the results of a run by the automatic recipe."""
    path = place("aeon", f"datasets/data/{name}/{name}_TRAIN.ts")
    options = ("--max-steps", 1) if toy else ()
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        quiet = ("--view", "off", "--json", "--threads", 1, "--runs-dir", folder)
        done = run("classify", path, "--seed", seed, *options, *quiet)
        return done | {"seconds": time.process_time() - began}


def series_of(name: str) -> Any:
    """Return a set as it is read."""
    from hiddenstate.config import make_config
    from hiddenstate.data import read_dataset

    path = place("aeon", f"datasets/data/{name}/{name}_TRAIN.ts")
    return read_dataset(make_config("classify", {"data": str(path)}))


def logistic(name: str) -> float:
    """Return the accuracy of logistic regression on standardised values."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    data = series_of(name)
    T = min(data.train.X.shape[1], data.test.X.shape[1])
    train, test = (rows.X[:, :T].reshape(len(rows), -1) for rows in (data.train, data.test))
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    with threadpool_limits(1):  # threads that wait for one another take far longer
        return float(model.fit(train, data.train.y).score(test, data.test.y))


def nearest(name: str) -> float:
    """Return the accuracy of one nearest neighbour under dynamic time warping."""
    from aeon.classification.distance_based import KNeighborsTimeSeriesClassifier

    data, model = series_of(name), KNeighborsTimeSeriesClassifier(n_neighbors=1, distance="dtw")
    parts: list[Any] = [[row.T for row in rows.series()] for rows in (data.train, data.test)]
    if len({row.shape for part in parts for row in part}) == 1:
        parts = [np.stack(part) for part in parts]
    train, test = parts
    return float(np.mean(model.fit(train, data.train.y).predict(test) == data.test.y))


def is_there(package: str) -> bool:
    """Return whether a package is installed; no package always is."""
    import importlib.util

    return not package or importlib.util.find_spec(package) is not None


TABLES = {
    "forecasts": forecasts,
    "classify": classify,
    "teach": teach.teach,
    "many": many,
    "codes": codes.codes,
    "anomalies": codes.anomalies,
    "cells": cells.cells,
    "memory": long_memory.memory,
    "signals": signals.measure,
    "integers": integers.integers,
}


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=tuple(TABLES))
    parser.add_argument("names", nargs="*", help="series, sets or cells to measure; all by default")
    parser.add_argument("--horizons", default="1,12", help="steps ahead, separated by commas")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=5, help="cells: passes over the digits")
    parser.add_argument("--simple", action="store_true", help="forecasts: no AutoETS, no Theta")
    parser.add_argument("--out", type=Path, help="teach: file to continue; memory: folder of runs")
    parser.add_argument("--sparsity", default="", help="integers: shares of zeros, by commas")
    parser.add_argument("--held-out", action="store_true", help="memory: score training rows")
    parser.add_argument("--threads", type=int, default=2, help="memory: threads of training")
    parser.add_argument("--toy", action="store_true", help="one seed, one step, to test the script")
    return parser


def main(words: Sequence[str] | None = None) -> None:
    """Measure what is asked for."""
    args = arguments().parse_args(words)
    TABLES[args.what](args)


if __name__ == "__main__":
    main()
