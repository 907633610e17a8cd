"""Runs and models of version 0.5 keep how they read a table: rows as steps, ids as inputs."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from hiddenstate import Run, load
from tests.conftest import QUIET, Cli

GOLDEN = Path(__file__).parents[1] / "golden" / "readings"
COLUMNS = {
    "regress": ["customer", "age", "fee", "calls"],
    "classify": ["customer", "age", "fee", "calls", "price"],
}


@pytest.fixture
def older(tmp_path: Path) -> Path:
    shutil.copytree(GOLDEN, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.mark.parametrize(
    ("job", "option", "said"),
    [("regress", (), [9291.633, 10089.179]), ("classify", ("--proba",), [0.424881, 0.538373])],
)
def test_a_model_answers_as_it_did(job, option, said, cli, older):
    model = load(older / job / "model.safetensors")
    assert list(model.feature_names_in_) == COLUMNS[job]
    answer = cli("predict", f"{job}/model.safetensors", "table.csv", *option)
    assert answer.code == 0, answer.err
    rows = [line.split(",") for line in answer.out.splitlines()[1:]]
    assert [float(row[2]) for row in rows[:2]] == pytest.approx(said, rel=1e-4)


@pytest.mark.parametrize(("job", "shape"), [("regress", 12), ("classify", 1)])
def test_a_run_is_resumed_with_its_columns_and_steps(job, shape, cli, older):
    before = cli("evaluate", job, "--runs-dir", ".", "--json")
    assert before.code == 0, before.err
    done = cli("resume", job, "--runs-dir", ".", "--max-steps", "+2", *QUIET[:2])
    assert done.code == 0, done.err
    run = Run(older / job)
    assert run.history()[-1]["step"] == 8
    assert run.model().transform.columns == tuple(COLUMNS[job])
    assert run.model().row_shape == (shape, len(COLUMNS[job]))
    assert cli("verify", job, "--runs-dir", ".").code == 0


@pytest.mark.parametrize("job", ["regress", "classify"])
def test_training_from_its_weights_keeps_its_columns_and_steps(job, cli, older):
    role = ("--target", "price") if job == "regress" else ("--label", "kind")
    words = (job, "table.csv", *role, "--weights", f"{job}/model.safetensors")
    done = cli(*words, "--hidden-size", 3, "--layers", 1, "--max-steps", 2, *QUIET)
    assert done.code == 0, done.err
    model = Run(older / "runs" / f"{job}-1").model()
    assert model.transform.columns == tuple(COLUMNS[job])
    assert model.transform.reading["layout"] == ("long" if job == "regress" else "features")


def test_a_new_run_on_the_same_table_reads_examples_without_the_id(cli: Cli, older: Path) -> None:
    done = cli("regress", "table.csv", "--target", "price", "--max-steps", 2, *QUIET)
    assert done.code == 0, done.err
    assert (
        "note: table.csv: column customer holds ids, by its name, and is not used as input; to use "
        "it, name all inputs with --input COL,...\n"
    ) in done.err
    run = Run(older / "runs" / "regress-1")
    assert run.config.data.drop == ("customer",)
    assert run.model().row_shape == (1, 3)
    assert cli("predict", "last", "table.csv").code == 0
    table = (GOLDEN / "table.csv").read_text().splitlines()
    fewer = [line.partition(",")[2] for line in table]
    (older / "fewer.csv").write_text("\n".join(fewer) + "\n")
    assert cli("predict", "last", "fewer.csv").code == 0
    kept = cli(
        *("regress", "table.csv", "--target", "price", "--input", ",".join(COLUMNS["regress"])),
        *("--max-steps", 2, *QUIET),
    )
    assert "holds ids" not in kept.err
    assert Run(older / "runs" / "regress-2").model().row_shape == (1, 4)
    assert np.isfinite(Run(older / "runs" / "regress-2").model().params["out.weight"]).all()
