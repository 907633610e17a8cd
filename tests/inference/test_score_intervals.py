"""What is drawn for the interval of a score, and that a run and `evaluate` agree on it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.inference.evaluate import evaluate_run
from hiddenstate.inference.overflow import checked_predictor
from hiddenstate.inference.score_intervals import of_correct
from hiddenstate.metrics.comparison import compare
from hiddenstate.metrics.intervals import Units
from hiddenstate.runs import Run
from hiddenstate.system.strict_json import parse_json
from tests.conftest import QUIET
from tests.report_html import train

RNG = np.random.default_rng(4)

SMALL: dict[str, Any] = {"epochs": 1, "hidden_size": 4, "log_every": 50}


def write(path: Path, head: str, *columns: Any) -> str:
    lines = [",".join(map(str, row)) for row in zip(*columns, strict=True)]
    path.write_text("\n".join([head, *lines, ""]))
    return str(path)


def numbers(n: int) -> list[str]:
    return [f"{value:.3f}" for value in RNG.normal(size=n)]


def scores_of(run: Run) -> tuple[dict[str, float], dict[str, Any]]:
    """Return the results of a run, and the scores of `evaluate` on the same rows."""
    model, results = run.model(), run.results()
    assert results is not None
    return results, {**evaluate_run(model, checked_predictor(model, "cpu", 1), run)}


def intervals_of(figures: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    kept = ("interval_", "gain_")
    return {
        name if name.startswith(kept) else name.removeprefix(prefix): value
        for name, value in figures.items()
        if name.startswith((*kept, f"{prefix}accuracy_", f"{prefix}mse_", f"{prefix}r2_"))
        or name.startswith(f"{prefix}mase_")
    }


def table(folder: Path, n: int, per_group: int) -> str:
    groups = [f"p{number // per_group}" for number in range(n)]
    labels = ["yes" if number // per_group % 2 else "no" for number in range(n)]
    return write(folder / "own.csv", "a,b,who,label", numbers(n), numbers(n), groups, labels)


@pytest.mark.parametrize(
    ("job", "options", "units"),
    [
        ("classify", {"label": "label", "drop": ("who",)}, {"interval_rows": 24}),
        ("classify", {"label": "label", "group": "who"}, {"interval_groups": 6}),
        ("autoencode", {"drop": ("who", "label"), "code_size": 1}, {"interval_rows": 24}),
    ],
)
def test_rows_or_their_groups_are_drawn(job, options, units, tmp_path):
    own = {name: value for name, value in SMALL.items() if job != "autoencode"} | {"epochs": 1}
    values = {"data": table(tmp_path, 120, 4), "seed": 1, **own, **options}
    results, scores = scores_of(train(job, values, tmp_path / "runs"))
    ends = intervals_of(results, "test_")
    assert units.items() <= ends.items()
    score = "mse" if job == "autoencode" else "accuracy"
    assert ends[f"{score}_low"] <= results[f"test_{score}"] <= ends[f"{score}_high"]
    assert {"gain_low", "gain_high"} <= set(ends)
    evaluated = {name: scores[name] for name in ends}
    assert evaluated == pytest.approx(ends, rel=1e-6)


@pytest.mark.parametrize(
    ("options", "units"),
    [
        ({"horizon": 2, "window": 4}, {"interval_blocks": 9, "interval_steps": 4}),
        ({"horizon": 2, "window": 4, "id": "shop"}, {"interval_series": 6}),
        ({"horizon": 2, "window": 4, "id": "shop", "group": "shop"}, {"interval_groups": 1}),
    ],
)
def test_blocks_of_a_series_or_whole_series_are_drawn(options, units, tmp_path):
    n, shops = 180, [f"s{number // 30}" for number in range(180)]
    data = write(tmp_path / "sales.csv", "shop,sales", shops, numbers(n))
    drop = {} if "id" in options else {"drop": ("shop",)}
    values = {"data": data, "target": ("sales",), **SMALL, **options, **drop}
    results, scores = scores_of(train("regress", values, tmp_path / "runs"))
    ends = intervals_of(results, "test_")
    assert units.items() <= ends.items()
    assert ("mse_low" in ends) is ("interval_groups" not in ends)
    evaluated = {name: scores[name] for name in ends}
    assert evaluated == pytest.approx(ends, rel=1e-6)


@pytest.mark.parametrize("job", ["classify", "autoencode"])
def test_new_rows_are_drawn_by_their_groups_if_they_name_them(job, cli, tmp_path):
    role = {"classify": ("--label", "label"), "autoencode": ("--drop", "label", "--code-size", "1")}
    options = ("--group", "who", *role[job], "--max-steps", "2", *QUIET)
    assert cli(job, table(tmp_path, 120, 4), *options).code == 0
    trained = (tmp_path / "own.csv").read_text()
    new = "\n".join(trained.splitlines()[:81]) + "\n"
    (tmp_path / "new.csv").write_text(new)
    assert parse_json(cli("evaluate", "last", "new.csv", "--json").out)["interval_groups"] == 20
    cells = [line.split(",") for line in new.splitlines()]
    without = "".join(f"{a},{b},{label}\n" for a, b, _, label in cells)
    for text in (without, new + "0.1,0.2,,no\n"):
        (tmp_path / "new.csv").write_text(text)
        done = cli("evaluate", "last", "new.csv")
        assert done.code == 0
        assert "no interval: the rows do not name their groups" in done.out


@pytest.mark.parametrize("job", ["classify", "autoencode"])
def test_many_rows_have_the_interval_of_the_gain_alone(job: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {"label": "label", "drop": ("who",)} if job == "classify" else {}
    options |= {} if options else {"drop": ("who", "label"), "code_size": 1, "encoder_sizes": (2,)}
    values = {"data": table(tmp_path, 2000, 1), **SMALL, **options}
    values |= {"test_fraction": 0.5, "batch_size": 500}
    if job == "autoencode":
        del values["hidden_size"]
    results, scores = scores_of(train(job, values, tmp_path / "runs"))
    ends = intervals_of(results, "test_")
    assert set(ends) == {"gain_low", "gain_high"}
    assert intervals_of(scores) == pytest.approx(ends, rel=1e-6)
    compared = compare(job, results, {"code_size": 1})
    assert compared is not None
    assert compared.tie is (ends["gain_low"] <= 0 <= ends["gain_high"])


def test_a_gain_on_many_rows_may_be_chance() -> None:
    n = 1200
    right, other = np.arange(n) >= 23, np.arange(n)[::-1] >= 24
    results = {"test_accuracy": float(right.mean()), "baseline_accuracy": float(other.mean())}
    results |= of_correct("test_accuracy", Units("rows", np.arange(n), n), right, other)
    compared = compare("classify", results, {})
    assert compared is not None
    assert compared.tie
    assert compared.in_words() == (
        "Without a network, always predicting the most frequent class reached 98.00 %: no clear "
        "difference, as the gain, -1.04 % to 1.20 % in the 95 % interval, may be chance."
    )
