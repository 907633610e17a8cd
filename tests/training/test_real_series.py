"""The automatic recipe on real series: those the aeon and statsmodels packages carry.

Neither package is imported; `make series` brings the files of aeon.
"""

import importlib.util
import json
from pathlib import Path

import pytest

OFF = ("--view", "off", "--json", "--threads", "1")


def carried(package: str, path: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        pytest.skip(f"{package} is not installed")
    return Path(found.submodule_search_locations[0]) / path


@pytest.mark.series
@pytest.mark.parametrize(
    ("name", "options"), [("BasicMotions", ()), ("JapaneseVowels", ("--members", 2))]
)
def test_real_series_are_classified_by_the_recipe(cli, name, options):
    """Without further options, or with fewer nets, of which each makes all its updates."""
    path = carried("aeon", f"datasets/data/{name}/{name}_TRAIN.ts")
    # Logged lines would have evaluations of the test rows; training is the same without.
    done = cli("classify", path, "--log-every", 10_000, *options, *OFF)
    assert done.code == 0, done.err
    assert json.loads(done.out)["test_accuracy"] >= 0.95


def test_a_forecast_of_the_sunspots_beats_the_last_value(cli):
    path = carried("statsmodels", "datasets/sunspots/sunspots.csv")
    for seed in (0, 1):
        done = cli("regress", path, "--target", "SUNACTIVITY", "--horizon", 1, "--seed", seed, *OFF)
        assert done.code == 0, done.err
        found = json.loads(done.out)
        assert found["test_mse"] < 0.5 * found["baseline_mse"]
