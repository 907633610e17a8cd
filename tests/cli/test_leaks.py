"""Leaks are shown wherever the score is: by the command, in its files, and before training."""

import csv
import json
import shlex
from pathlib import Path

import numpy as np
import pytest

from hiddenstate.report import write_report
from hiddenstate.report.model_card import card_text
from hiddenstate.runs import Run
from hiddenstate.studio.details import details
from tests.conftest import Cli

SHORT = ("--view", "off", "--max-steps", "2", "--threads", "1")
WORDS = "column code alone gives the label of all 120 rows; if it is known only later, add "


@pytest.fixture
def leaking(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    path = tmp_path / "t.csv"
    with path.open("w", newline="") as stream:
        write = csv.writer(stream)
        write.writerow(["fee", "use", "code", "label"])
        for i in range(120):
            x = random.normal([50, 2], [10, 0.3]).round(3)
            write.writerow([*x, 7 * (i % 2) + 3, ("no", "yes")[i % 2]])
    return path


@pytest.mark.usefixtures("coarse")
def test_a_leak_is_shown_wherever_the_score_is(cli: Cli, leaking: Path, tmp_path: Path) -> None:
    words = WORDS + "--drop code"
    trained = cli("classify", "t.csv", *SHORT)
    assert trained.code == 0, trained.err
    assert words in trained.out.splitlines()
    run = Run(tmp_path / "runs" / "classify-1")
    assert words in write_report(run).read_text("utf-8")
    assert words.replace("-", r"\-") in card_text(run) or words in card_text(run)
    assert details(run, "1")["leaks"] == [words]
    assert words in cli("evaluate", "classify-1").out.splitlines()
    assert json.loads(cli("evaluate", "classify-1", "--json").out)["leaks"][0]["column"] == "code"
    resumed = cli("resume", "classify-1", "--max-steps", "3", "--view", "off")
    assert words in resumed.out.splitlines()
    assert words in write_report(Run(run.path)).read_text("utf-8")


def test_json_has_leaks_as_values_and_only_if_there_are_some(cli: Cli, leaking: Path) -> None:
    (leak,) = json.loads(cli("classify", "t.csv", "--json", *SHORT).out)["leaks"]
    assert leak == {
        "kind": "label",
        "rows": 120,
        "of": 120,
        "column": "code",
        "option": "--drop code",
    }
    fixed = json.loads(cli("classify", "t.csv", *shlex.split(leak["option"]), "--json", *SHORT).out)
    assert "leaks" not in fixed
    seeds = json.loads(cli("classify", "t.csv", "--json", "--seeds", "2", *SHORT).out)
    assert seeds["leaks"] == [leak]
    assert WORDS + "--drop code" in cli("classify", "t.csv", "--seeds", "2", *SHORT).out


def test_inspect_names_a_leak_before_training(cli: Cli, leaking: Path) -> None:
    said = " ".join(cli("inspect", "t.csv").out.split())
    assert WORDS + "--drop code" in said
    found = json.loads(cli("inspect", "t.csv", "--json").out)
    assert [leak["column"] for leak in found["leaks"]] == ["code"]
    fixed = json.loads(cli("inspect", "t.csv", "--drop", "code", "--json").out)
    assert fixed["leaks"] == []


def test_a_run_without_a_leak_records_none(cli: Cli, leaking: Path, tmp_path: Path) -> None:
    assert cli("classify", "t.csv", "--drop", "code", *SHORT).code == 0
    record = json.loads((tmp_path / "runs" / "classify-1" / "config.json").read_text())
    assert "leaks" not in record["data"]
    assert details(Run(tmp_path / "runs" / "classify-1"), "1")["leaks"] == []


def test_inspect_of_a_sample_says_how_many_rows_it_looked_at(
    cli: Cli, leaking: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hiddenstate.data.readers.delimited.SAMPLE_ROWS", 80)
    said = " ".join(cli("inspect", "t.csv").out.split())
    assert "gives the label of all 80 rows that were looked at; " in said


def test_a_search_says_what_makes_the_score_of_its_best_too_good(cli: Cli, leaking: Path) -> None:
    pytest.importorskip("optuna")
    said = cli("tune", "t.csv", "--trials", "1", "--epochs", "1", "--name", "s")
    assert said.code == 0, said.err
    assert WORDS + "--drop code" in said.err
