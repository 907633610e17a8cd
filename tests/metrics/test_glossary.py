"""The glossary explains every figure of a run."""

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hiddenstate.jobs
from hiddenstate.metrics.glossary import GLOSSARY, explain, result_rows, written
from hiddenstate.program.jobs import KINDS
from hiddenstate.runs import Run
from tests.conftest import write_digits
from tests.report_html import train

JOBS = ("classify", "regress", "autoencode")
GOLDEN = Path(__file__).parents[1] / "golden"


def figures_of(run: Run) -> set[str]:
    events = [event for event in run.history() if event["event"] in ("log", "valid", "end")]
    return {name for event in events for name in event if name != "event"}


def test_every_figure_of_every_kind_of_run_has_an_entry(tmp_path: Path) -> None:
    digits: dict[str, Any] = {
        "data": str(write_digits(tmp_path / "digits")),
        "max_steps": 12,
        "log_every": 2,
    }
    signal = "\n".join(["load", *(f"{np.sin(t / 3):.4f}" for t in range(120))])
    (tmp_path / "signal.csv").write_text(signal + "\n")
    own: dict[str, Any] = {
        "data": str(tmp_path / "signal.csv"),
        "target": ("load",),
        "epochs": 1,
        "window": 8,
    }
    asked: list[tuple[str, dict[str, Any]]] = [
        ("classify", digits | {"valid_fraction": 0.2}),
        ("classify", {"max_steps": 2, "n_evaluated": 9}),
        ("regress", {"windows": 3}),
        ("regress", own | {"horizon": 1, "valid_fraction": 0.2}),
        ("regress", own | {"horizon": 1, "scale": "none"}),
        ("regress", own | {"horizon": 1, "stateful": True, "test_fraction": 0.0}),
        ("autoencode", digits | {"valid_fraction": 0.2, "n_evaluated": 9}),
        ("autoencode", {"max_steps": 2}),
    ]
    seen: set[tuple[str, str]] = set()
    for job, values in asked:
        seen |= {(job, name) for name in figures_of(train(job, values, tmp_path))}
    for path in GOLDEN.glob("v*"):
        seen |= {("regress", name) for name in figures_of(Run(path / "regress"))}
    assert {name for _, name in seen} >= {
        *("loss", "mean_loss", "lr", "test_accuracy", "test_mse", "test_r2", "valid_loss"),
        *("best_step", "train_loss", "last10_mse", "last100_mse"),
        *("baseline_accuracy", "baseline_mse"),
    }
    assert {(job, name) for job, name in seen if explain(name, job) is None} == set()


@pytest.mark.parametrize("job", JOBS)
def test_every_result_named_in_a_jobs_source_has_an_entry(job: str) -> None:
    path = Path(hiddenstate.jobs.__file__).parent / f"{job}.py"
    names = {
        node.slice.value
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name)
        and node.value.id == "results"
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, str)
    }
    assert names
    assert {name for name in names if explain(name, job) is None} == set()


def test_an_entry_has_a_title_and_sentences() -> None:
    for name, entry in GLOSSARY.items():
        assert entry.title, name
        assert entry.definition.endswith("."), name
        assert entry.kind in ("share", "number", "count", "seconds"), name
        if "/" in name:
            assert name.split("/")[0] in {kind.answers for kind in KINDS.values()}


def test_an_interval_is_shown_with_its_score() -> None:
    ends = {"test_mse_low": 0.25, "test_mse_high": 1, "gain_low": -0.5, "gain_high": 2}
    rows = result_rows({"test_mse": 0.5, "interval_groups": 7, **ends}, "regress")
    values = {row.name: row.value for row in rows}
    assert values == {"test_mse": "0.5, 95 % interval 0.25 to 1 of 7 groups", "gain": "-0.5 to 2"}


def test_a_figure_without_an_entry_is_shown_last() -> None:
    rows = result_rows({"mystery": 1.5, "lr": 0.01}, "classify")
    assert [(row.name, row.value) for row in rows] == [("lr", "0.01"), ("mystery", "1.5")]


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        *[(0.95958, "share", "95.96 %"), (0.034100401, "number", "0.0341")],
        *[(12345, "count", "12,345"), (2.821, "seconds", "2.8 s"), (600.0, "seconds", "10.0 min")],
    ],
)
def test_figures_are_formatted(value: float, kind: str, text: str) -> None:
    assert written(value, kind) == text
