"""Measures the automatic recipe on real series, with five seeds each, on their own split.

The files are part of the packages aeon and statsmodels, which the extra `series` installs. Every
data set gets the same rules; nothing is tuned to a data set.

    python benchmarks/recipes.py [--seeds 5] [NAME ...]
"""

import argparse
import contextlib
import importlib.util
import io
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hiddenstate.cli import main

CLASSIFY = (
    "BasicMotions",
    "JapaneseVowels",
    "GunPoint",
    "ItalyPowerDemand",
    "UnitTest",
    "ArrowHead",
    "PickupGestureWiimoteZ",
    "OSULeaf",
    "ACSF1",
)
REGRESS = ("CardanoSentiment", "Covid3Month")
FORECAST = {
    "sunspots": ("statsmodels", "datasets/sunspots/sunspots.csv", "SUNACTIVITY"),
    "nile": ("statsmodels", "datasets/nile/nile.csv", "volume"),
    "elnino": ("statsmodels", "datasets/elnino/elnino.csv", "JAN"),
    "airline": ("aeon", "datasets/data/Airline/Airline.csv", "Passengers"),
    "solar": ("aeon", "datasets/data/solar/solar.csv", "solar_gen"),
    "shampoo": ("aeon", "datasets/data/ShampooSales/ShampooSales.csv", "Sales"),
}


def place(package: str, path: str) -> Path:
    """Return the path of a file in an installed package, without importing the package."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"{package} is not installed; pip install 'hiddenstate[series]'")
    return Path(spec.submodule_search_locations[0]) / path


def run(*words: object) -> dict[str, Any]:
    """Run a command with --json and return its output."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(word) for word in words])
        except SystemExit as ended:
            if ended.code:
                raise SystemExit(err.getvalue()) from None
    output: dict[str, Any] = json.loads(out.getvalue())
    return output


def measured(
    job: str, *words: object, seeds: int, runs: Path
) -> tuple[list[dict[str, Any]], float]:
    """Train and evaluate a run for each seed; return the figures and the median seconds per run."""
    figures, seconds = [], []
    for seed in range(seeds):
        began = time.perf_counter()
        done = run(job, *words, "--seed", seed, "--view", "off", "--json", "--runs-dir", runs)
        seconds.append(time.perf_counter() - began)
        figures.append(run("evaluate", done["run"], "--json", "--runs-dir", runs))
    return figures, statistics.median(seconds)


def row(name: str, figures: list[dict[str, Any]], key: str, baseline: str, seconds: float) -> str:
    """Return a line of the table."""
    values = [figure[key] for figure in figures]
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return (
        f"| {name} | {statistics.fmean(values):.4g} | {spread:.2g} | {min(values):.4g} | "
        f"{max(values):.4g} | {figures[0][baseline]:.4g} | {seconds:.1f} s |"
    )


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("names", nargs="*", help="data sets to measure; all by default")
    parser.add_argument("--toy", action="store_true", help="one seed, one step, to test the script")
    return parser


def table(words: Sequence[str] | None = None) -> None:
    """Measure the selected data sets and print the table."""
    args = arguments().parse_args(words)
    wanted = set(args.names) or {*CLASSIFY, *REGRESS, *FORECAST}
    toy = ("--max-steps", 1) if args.toy else ()
    print("| set | mean | deviation | least | greatest | baseline | a run |\n|" + " --- |" * 7)
    with tempfile.TemporaryDirectory() as folder:
        seeds, runs = 1 if args.toy else args.seeds, Path(folder)
        for name in (n for n in CLASSIFY if n in wanted):
            path = place("aeon", f"datasets/data/{name}/{name}_TRAIN.ts")
            figures, seconds = measured("classify", path, *toy, seeds=seeds, runs=runs)
            print(row(f"{name}, accuracy", figures, "accuracy", "baseline_accuracy", seconds))
        for name in (n for n in REGRESS if n in wanted):
            path = place("aeon", f"datasets/data/{name}/{name}_TRAIN.ts")
            figures, seconds = measured("regress", path, *toy, seeds=seeds, runs=runs)
            print(row(f"{name}, mse", figures, "mse", "baseline_mse", seconds))
        for name, (package, file, target) in FORECAST.items():
            if name in wanted:
                options = (place(package, file), "--target", target, "--horizon", 1, *toy)
                figures, seconds = measured("regress", *options, seeds=seeds, runs=runs)
                print(row(f"{name}, mse", figures, "mse", "baseline_mse", seconds))


if __name__ == "__main__":
    table()
