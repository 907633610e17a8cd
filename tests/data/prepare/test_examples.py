"""`regress` reads a table of unlike quantities as examples, and a signal as steps of a series."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate import Run
from hiddenstate.data.prepare.examples import FEWEST_ROWS, rows_follow
from tests.conftest import QUIET, Cli

RNG = np.random.default_rng(4)
N = 80
AGE, FEE = RNG.integers(18, 80, N), RNG.normal(5000, 900, N).round()
PRICE = (3 * AGE + FEE / 50 + RNG.normal(0, 3, N)).round(1)
SHORT = ("--max-steps", 2, *QUIET)
NOTE = (
    "note: t.csv: each row is read as an example of its own: neighbouring rows are no more alike "
    "than others; if rows are time steps of one series, add --layout long\n"
)


def write(path: Path, **columns: Any) -> None:
    values = np.column_stack(list(columns.values()))
    np.savetxt(path, values, "%.6g", ",", header=",".join(columns), comments="")


@pytest.fixture
def flats(tmp_path: Path) -> Path:
    write(tmp_path / "t.csv", age=AGE, fee=FEE, price=PRICE)
    return tmp_path


def layouts(folder: Path, n: int = 1) -> tuple[str, tuple[int, ...]]:
    run = Run(folder / "runs" / f"regress-{n}")
    return run.config.data.layout, run.model().row_shape


def test_a_table_of_unlike_quantities_is_read_as_examples(cli: Cli, flats: Path) -> None:
    done = cli("regress", "t.csv", "--target", "price", *SHORT)
    assert done.code == 0, done.err
    assert NOTE in done.err
    assert "t.csv: each row is read as 2 separate features" in done.err
    assert layouts(flats) == ("features", (1, 2))
    assert len(cli("predict", "last", "t.csv").out.splitlines()) == N + 1
    assert cli("resume", "last", "--max-steps", "+1", "--view", "off").code == 0


def test_a_single_input_is_a_feature_too(cli: Cli, flats: Path) -> None:
    done = cli("regress", "t.csv", "--target", "price", "--input", "age", *SHORT)
    assert done.code == 0, done.err
    assert layouts(flats) == ("features", (1, 1))


@pytest.mark.parametrize(
    "options", [("--layout", "long"), ("--window", 8), ("--horizon", 1), ("--output", "steps")]
)
def test_options_of_steps_say_that_rows_are_steps(
    options: tuple[object, ...], cli: Cli, flats: Path
) -> None:
    done = cli("regress", "t.csv", "--target", "price", *options, *SHORT)
    assert done.code == 0, done.err
    assert NOTE not in done.err
    assert layouts(flats)[1][0] > 1


def test_a_signal_without_a_time_column_is_read_as_steps(cli: Cli, tmp_path: Path) -> None:
    heat = RNG.normal(size=N)
    load = np.convolve(heat, [0.5, 0.3, 0.2, 0.2], "full")[:N]
    write(tmp_path / "t.csv", heat=heat, load=load)
    done = cli("regress", "t.csv", "--target", "load", *SHORT)
    assert done.code == 0, done.err
    assert "each row is read as a time step of one series" in done.err
    assert layouts(tmp_path)[1][0] > 1


@pytest.mark.parametrize("target", [("--target", "price"), ()])
def test_inspect_follows_the_same_rule(target: tuple[str, ...], cli: Cli, flats: Path) -> None:
    said = json.loads(cli("inspect", "t.csv", *target, "--json").out)
    fit = next(fit for fit in said["fits"] if fit["job"] == "regress")
    assert fit["options"]["target"] == "price"
    assert fit["layout"] == "1 step of 2 features; 1 number after the last"
    done = cli(*fit["command"].split()[1:], *SHORT)
    assert done.code == 0, done.err
    assert layouts(flats) == ("features", (1, 2))
    said_so = any("example of its own" in text for text in said["warnings"])
    assert said_so == bool(target)


def test_columns_that_only_rise_do_not_make_rows_steps() -> None:
    quantities = np.column_stack([AGE, FEE])
    assert not rows_follow(quantities)
    assert not rows_follow(np.column_stack([np.arange(N), quantities]))
    assert not rows_follow(np.where(RNG.random((N, 2)) < 0.1, np.nan, quantities))
    assert rows_follow(np.column_stack([quantities, RNG.normal(size=N).cumsum()]))


def test_a_table_sorted_by_class_does_not_make_rows_steps() -> None:
    centres = np.repeat([[0, 0], [4, 1], [7, 3]], 50, axis=0)
    assert not rows_follow(centres + RNG.normal(size=(150, 2)))
    assert rows_follow(centres + RNG.normal(size=(150, 2)).cumsum(axis=0))


def test_few_rows_are_steps() -> None:
    assert rows_follow(RNG.normal(size=(FEWEST_ROWS - 1, 3)))
