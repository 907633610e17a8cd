"""What makes a score too good is found, and honest data is left alone."""

import csv
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine

from hiddenstate.config import make_config
from hiddenstate.data import Rows, SequenceDataset
from hiddenstate.data.leaks import Leak
from hiddenstate.data.prepare import leakage
from hiddenstate.data.prepare.leakage import find_leaks
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.training.start import plan

Array = np.ndarray[Any, Any]


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def table(path: Path, head: str, rows: Iterable[Sequence[Any]]) -> Path:
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([head.split(), *rows])
    return path


def leaks_of(path: Path, job: str = "classify", **options: Any) -> tuple[Leak, ...]:
    """The leaks of a table, as training finds them."""
    labels = {"label": "label"} if job == "classify" else {"target": ("y",)}
    config, dataset = plan(job, {"data": str(path), "epochs": 1, **labels, **options})
    return find_leaks(dataset, config, prepare(dataset, config))


def of_columns(leaks: tuple[Leak, ...]) -> list[tuple[str, str | None]]:
    return [(leak.kind, leak.column) for leak in leaks]


def quantities(random: np.random.Generator, n: int) -> Array:
    """Columns of unlike units (n, 3)."""
    return np.round(random.normal([50, 2, 1000], [10, 0.3, 200], (n, 3)), 3)


# --- columns that give the label


@pytest.mark.parametrize("name", ["code", "code with errors", "threshold", "text"])
def test_a_column_that_alone_gives_the_label_is_named(
    name: str, random: np.random.Generator, tmp_path: Path
) -> None:
    y = random.integers(0, 2, 400)
    column: Any = 7 * y + 3
    if name == "code with errors":
        column = np.where(np.arange(400) < 3, 13 - column, column)
    elif name == "threshold":
        column = np.round(y * 100 + random.uniform(0, 100, 400), 2)
    elif name == "text":
        column = np.where(y, "stopped", "runs")
    rows = [(*x, c, "ab"[k]) for x, c, k in zip(quantities(random, 400), column, y, strict=True)]
    found = leaks_of(table(tmp_path / "t.csv", "a b c leak label", rows), input=("all",))
    right = 397 if name == "code with errors" else 400
    assert found == (Leak("label", right, 400, "leak"),)


def test_a_column_that_is_often_wrong_or_dropped_is_not_named(
    random: np.random.Generator, tmp_path: Path
) -> None:
    y = random.integers(0, 2, 400)
    column = np.where(random.random(400) < 0.05, 1 - y, y)
    rows = [(*x, c, "ab"[k]) for x, c, k in zip(quantities(random, 400), column, y, strict=True)]
    path = table(tmp_path / "t.csv", "a b c flag label", rows)
    assert leaks_of(path) == ()
    rows = [(*x, c, "ab"[k]) for x, c, k in zip(quantities(random, 400), y, y, strict=True)]
    path = table(tmp_path / "t.csv", "a b c flag label", rows)
    assert of_columns(leaks_of(path)) == [("label", "flag")]
    assert leaks_of(path, drop=("flag",)) == ()


def test_a_long_table_names_a_column_that_is_the_same_at_every_step(
    random: np.random.Generator, tmp_path: Path
) -> None:
    rows = [
        (s, t, *random.normal(0, 1, 2).round(3), 3 * (s % 2), "ab"[s % 2])
        for s in range(60)
        for t in range(5 + s % 3)
    ]
    found = leaks_of(table(tmp_path / "t.csv", "id t x z state label", rows))
    assert found == (Leak("label", 60, 60, "state"),)


def test_moments_of_a_series_that_tell_classes_apart_are_no_leak(
    random: np.random.Generator, tmp_path: Path
) -> None:
    y = np.arange(200) % 2
    steps = np.cumsum(random.normal(0, 0.1, (200, 12)), axis=1) + 5 * y[:, None]
    rows = [(*x, "ab"[k]) for x, k in zip(steps.round(4), y, strict=True)]
    path = table(tmp_path / "t.csv", " ".join(f"t{i}" for i in range(12)) + " label", rows)
    assert leaks_of(path) == ()


# --- columns that give the target


def test_a_copy_of_the_target_in_other_units_is_named(
    random: np.random.Generator, tmp_path: Path
) -> None:
    y = random.normal(15, 8, 300)
    rows = [
        (*x, round(1.8 * v + 32, 1), round(v, 1))
        for x, v in zip(quantities(random, 300), y, strict=True)
    ]
    path = table(tmp_path / "t.csv", "a b c fahrenheit y", rows)
    for layout in ("features", "long"):  # one example each, and one series
        assert leaks_of(path, "regress", layout=layout) == (Leak("target", 300, 300, "fahrenheit"),)
    assert leaks_of(path, "regress", horizon=1, input=("fahrenheit", "a", "y")) == ()


@pytest.mark.parametrize("case", ["smooth", "whole degrees"])
def test_a_value_that_nearly_equals_the_target_is_no_leak(
    case: str, random: np.random.Generator, tmp_path: Path
) -> None:
    wave = np.sin(np.arange(1001) / 200) + random.normal(0, 0.005, 1001)
    if case == "whole degrees":
        wave = 20 + np.cumsum(
            random.choice([0, 0, 0, 0, 1], 1001) * (1 - 2 * (np.arange(1001) > 500))
        )
    rows = [(random.normal(), now, after) for now, after in pairwise(wave)]
    path = table(tmp_path / "t.csv", "noise now y", rows)
    assert leaks_of(path, "regress", layout="features", test_fraction=0.2) == ()


# --- columns that name persons


@pytest.mark.parametrize("kind", ["text", "number", "target"])
def test_a_column_that_names_persons_is_found_where_they_are_on_both_sides(
    kind: str, random: np.random.Generator, tmp_path: Path
) -> None:
    order = random.permutation(40)
    answers = [float(order[p]) if kind == "target" else "ab"[order[p] % 2] for p in range(40)]
    rows = [
        (f"p{p}" if kind != "number" else p, *x, answers[p])
        for p in range(40)
        for x in quantities(random, 10)
    ]
    job, answer = ("regress", "y") if kind == "target" else ("classify", "label")
    path = table(tmp_path / "t.csv", f"person a b c {answer}", rows)
    options = {"layout": "features", "test_fraction": 0.2} if kind == "target" else {}
    (leak,) = leaks_of(path, job, **options)
    assert leak == Leak("group", leak.of, leak.of, "person")
    assert leaks_of(path, job, group="person", **options) == ()


def test_a_text_whose_answers_differ_is_not_named(
    random: np.random.Generator, tmp_path: Path
) -> None:
    rows = [(f"p{i // 10}", *x, "ab"[i % 2]) for i, x in enumerate(quantities(random, 400))]
    assert leaks_of(table(tmp_path / "t.csv", "person a b c label", rows)) == ()


# --- equal rows


def test_rows_written_twice_are_named_until_they_stay_on_one_side(
    random: np.random.Generator, tmp_path: Path
) -> None:
    rows = [(*x, "ab"[i % 2]) for i, x in enumerate(random.normal(0, 1, (150, 8)).round(4))]
    path = table(tmp_path / "t.csv", "a b c d e f g h label", rows + rows)
    (leak,) = leaks_of(path)
    assert (leak.kind, leak.column, leak.of) == ("equal", None, 60)
    assert leak.rows > 30
    assert leaks_of(path, split="distinct") == ()


@pytest.mark.parametrize("case", ["yes and no", "other labels", "silent"])
def test_rows_that_are_equal_by_chance_are_not_named(
    case: str, random: np.random.Generator
) -> None:
    y = np.arange(400) % 2
    X: Array = (random.random((400, 10)) < np.where(y, 0.9, 0.1)[:, None]).astype(float)
    if case == "other labels":  # that differ, as those of copies do not
        X, y = np.tile(random.normal(0, 1, (200, 10)), (2, 1)), random.integers(0, 2, 400)
    elif case == "silent":  # series of a sensor that was off
        X = random.normal(0, 1, (400, 10, 2))
        X[:100] = 0
    data = SequenceDataset("own", Rows(X, y.astype(str)), source="file")
    config = make_config("classify", {"data": "own.npz", "recipe": "auto"})
    assert find_leaks(data, config, prepare(data, config)) == ()


# --- honest data


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer, load_digits])
def test_honest_tables_have_no_leaks(load: Any, tmp_path: Path) -> None:
    data = load()
    head = " ".join(name.replace(" ", "_") for name in map(str, data.feature_names)) + " label"
    rows = [(*x, data.target_names[k]) for x, k in zip(data.data, data.target, strict=True)]
    path = table(tmp_path / "t.csv", head, rows)
    for layout in ("auto", "features"):
        assert leaks_of(path, layout=layout) == ()


def test_an_honest_table_with_a_target_has_no_leaks(tmp_path: Path) -> None:
    data = load_diabetes()
    rows = [(*x, y) for x, y in zip(data.data, data.target, strict=True)]
    path = table(tmp_path / "t.csv", " ".join(data.feature_names) + " y", rows)
    assert leaks_of(path, "regress", layout="features", test_fraction=0.2) == ()


def test_many_columns_of_few_rows_do_not_give_labels_by_chance(
    random: np.random.Generator, tmp_path: Path
) -> None:
    rows = [(*x, "ab"[i % 2]) for i, x in enumerate(random.normal(0, 1, (30, 800)).round(4))]
    path = table(tmp_path / "t.csv", " ".join(f"g{i}" for i in range(800)) + " label", rows)
    assert leaks_of(path, layout="features") == ()


def test_bundled_data_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leakage, "looked_at", None)  # would fail if it were called
    config, dataset = plan("regress", {})
    assert find_leaks(dataset, config, prepare(dataset, config)) == ()
