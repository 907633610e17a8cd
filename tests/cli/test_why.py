"""`predict --why` writes what an answer rests on, draws it and says it in a sentence."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from hiddenstate.runs import Run
from tests.conftest import Cli, needs_kernels

pytestmark = needs_kernels


def test_a_test_row_of_a_run_is_explained(
    run_of: Callable[[str], Run], cli: Cli, tmp_path: Path, blank: None
) -> None:
    run_of("classify")
    answer = cli("predict", "classify-1", "--why", 3, "--figure", "why.png")
    assert answer.code == 0
    table = list(csv.DictReader(io.StringIO(answer.out)))
    assert len(table) == 64
    assert table[9] == {**table[9], "row": "3", "step": "1", "feature": "feature 2"}
    assert "log-odds, and " in answer.err
    assert "for the mean of training; row" in answer.err
    with Image.open(tmp_path / "why.png") as image:
        assert image.info["Description"] in answer.err  # for who does not see it
    total = sum(float(line["attribution"]) for line in table)
    told = answer.err.split("log-odds, and ")
    assert total == pytest.approx(
        float(told[0].split()[-1]) - float(told[1].split()[0]), abs=2e-3 * (1 + abs(total))
    )


def test_a_moment_and_an_answer_can_be_named(run_of: Callable[[str], Run], cli: Cli) -> None:
    run_of("classify")
    words = ("predict", "classify-1", "--why", 0, "--format", "json", "--moment", 4)
    every = [json.loads(cli(*words, "--answer", name).out) for name in ("0", "2")]
    assert [len(table) for table in every] == [40, 40]
    assert every[0] != every[1]
    wrong = cli(*words, "--answer", "none")
    assert (wrong.code, "no answer is called none" in wrong.err) == (2, True)
    assert cli("predict", "classify-1", "--why", 10**6).code == 2
    assert "only with --why" in cli("predict", "classify-1", "--moment", 4).err
    assert "--figure" in cli("predict", "classify-1", "--why", 0, "--figure", "x.gif").err


def test_a_window_is_explained_from_the_state_before_it(
    run_of: Callable[[str], Run], cli: Cli
) -> None:
    run = run_of("regress")
    answer = cli("predict", "regress-1", "--why", 2)
    table = list(csv.DictReader(io.StringIO(answer.out)))
    made = cli("predict", "regress-1").out.splitlines()
    steps = run.model().row_shape[0]
    assert len(table) % steps == 0
    last = made[3 * steps].split(",")
    assert float(answer.err.split(": ")[-1].split(",")[0]) == pytest.approx(
        float(last[-1]), abs=1e-3
    )
    assert "there are" in cli("predict", "regress-1", "--why", 10**6).err
