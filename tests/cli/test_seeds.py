"""`--seeds` trains ordinary runs and prints one table of them."""

import json
import signal
from pathlib import Path

import numpy as np
import pytest

from hiddenstate import Callback, Run
from tests.conftest import QUIET, Cli, rows

WAVES = ("regress", "--windows", 20, *QUIET)


def test_one_table_has_every_run_and_their_mean_and_deviation(cli: Cli, tmp_path: Path) -> None:
    alone = json.loads(cli(*WAVES, "--seed", 2, "--json").out)
    done = cli(*WAVES, "--seeds", 3, "--name", "try")
    head, *lines, mean, deviation = (line.split("\t") for line in done.out.splitlines())
    assert head == ["seed", "run", "last10_mse", "epochs", "steps", "seconds"]
    assert [row[:2] for row in lines] == [[f"{n}", f"runs/try-seed{n}"] for n in range(3)]
    assert [row[3:5] for row in lines] == [["1", "20"]] * 3
    results = [Run(tmp_path / row[1]).results() for row in lines]
    scores = [result["last10_mse"] for result in results]
    assert scores[2] == alone["last10_mse"]
    assert [row[2] for row in lines] == [f"{score:.4g}" for score in scores]
    assert mean == ["mean", "", f"{np.mean(scores):.4g}", "", "", ""]
    assert deviation[2] == f"{np.std(scores, ddof=1):.4g}"
    progress = [line for line in done.err.splitlines() if line.startswith("seed ")]
    assert [line.split(" ")[1] for line in progress] == ["0:", "1:", "2:"]


def test_json_is_one_object_and_has_the_baseline(cli: Cli, tiny_idx: Path) -> None:
    done = cli("classify", tiny_idx, "--max-steps", 4, "--seeds", 2, "--json", *QUIET)
    printed = json.loads(done.out)
    assert printed["score"] == "test_accuracy"
    assert printed["seeds"] == [0, 1]
    assert printed["runs"] == ["runs/classify-1", "runs/classify-2"]
    assert printed["test_accuracy_mean"] == pytest.approx(np.mean(printed["test_accuracy"]))
    assert len(printed["baseline_accuracy"]) == len(printed["epochs"]) == 2


def test_runs_without_test_rows_are_compared_by_their_training_loss(
    cli: Cli, tmp_path: Path
) -> None:
    words = ("classify", rows(tmp_path), "--test-fraction", 0, "--max-steps", 3, "--seeds", 2)
    assert json.loads(cli(*words, "--json", *QUIET).out)["score"] == "train_loss"


@pytest.mark.parametrize("as_json", [False, True])
def test_ctrl_c_leaves_the_finished_runs_and_their_table(
    as_json: bool, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupts(Callback):
        def on_start(self, trainer: object) -> None:
            if (tmp_path / "runs" / "regress-3").exists():
                signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("hiddenstate.cli.train.view_callbacks", lambda *rest: [Interrupts()])
    done = cli(*WAVES, "--seeds", 4, *(["--json"] if as_json else []))
    assert done.code == 130
    if as_json:
        assert json.loads(done.out)["seeds"] == [0, 1]
    else:
        first = [line.split("\t")[0] for line in done.out.splitlines()]
        assert first == ["seed", "0", "1", "mean", "deviation"]
    assert "2 of 4 runs are done; for the others: --seed 2 --seeds 2" in done.err
    states = [Run(tmp_path / "runs" / f"regress-{n}").status() for n in (1, 2, 3)]
    assert states == ["done", "done", "interrupted"]
