"""Ids, groups and labels that are numbers, but differ only as text."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from hiddenstate.config import make_config
from hiddenstate.data.readers.open import read_dataset
from hiddenstate.runs import Run
from hiddenstate.runs.run_data import run_dataset
from tests.conftest import QUIET, Cli
from tests.data.readers.tables import Read, equal, read, refused

__all__ = ["read"]  # fixture

LONG = "id,time,x,label\n007,1,1,a\n7,1,2,b\n007,2,3,a\n7,2,4,b\n"


@pytest.mark.parametrize(("one", "other"), [("01", "1"), ("1", "1.0"), ("+1", "1"), ("1e0", "1")])
def test_labels_that_are_one_number_are_different_classes(read: Read, one: str, other: str) -> None:
    data = read(f"label,a\n{one},1\n{other},2\n2,3\n{one},4\n")
    equal(data.y, [one, other, "2", one])
    assert data.numbers_as_text == ("label",)
    assert data.remarks[0].startswith("t.csv: read as text: label (")
    assert "would be one number" in data.remarks[0]


def test_ids_that_are_one_number_are_different_series(read: Read) -> None:
    data = read(LONG)
    equal(data.X[..., 0], [[1, 3], [2, 4]])
    equal(data.train.ids, ["007", "7"])
    wide = read("id,a,label\n007,1,x\n7,2,y\n8,3,x\n")
    assert wide.X.shape == (3, 1)
    assert "wide" in wide.kind


def test_a_zero_at_the_start_keeps_the_text(read: Read) -> None:
    data = read("label,a,site\n01,1,010\n02,2,011\n", group="site")
    equal(data.y, ["01", "02"])
    equal(data.train.groups, ["010", "011"])
    assert data.remarks == (
        "t.csv: read as text: site (010 starts with a zero), label (01 starts with a zero)",
    )


def test_other_numbers_stay_numbers(read: Read) -> None:
    data = read("label,a,site\n0,01,1.0\n1,1,2.0\n-1,2,1.0\n", group="site")
    equal(data.y, [0, 1, -1])
    equal(data.train.groups, [1, 2, 1])
    equal(data.X[:, 0], [1, 1, 2])
    assert data.numbers_as_text == ()
    prices = "".join(f"{i}.{i % 7}{'0' * (i % 2)},{i}\n" for i in range(60))
    assert read(f"label,a\n0.5,1\n0.50,2\n{prices}").y.dtype == np.float64


@pytest.mark.parametrize("sep", [",", "\t", " "])
def test_cells_are_as_they_are_written(read: Read, sep: str) -> None:
    rows = [["a", "id", "label"], ["1", '"007"', "x"], ["2", "7", '"y"'], ["3", " 007", "x"]]
    rows = [[cell.strip(" ") for cell in row] for row in rows] if sep == " " else rows
    text = "\n\n".join(sep.join(row) for row in rows)
    data = read(gzip.compress(text.encode()), "t.csv.gz", delimiter=sep)
    equal(data.train.ids, ["007", "7"])
    equal(data.train.lengths, [2, 1])


def test_an_empty_label_is_refused_as_before(read: Read) -> None:
    message = refused(read, "label,a\n01,1\nNA,2\n1,3\n")
    assert message == "csv:3:label: empty, so the row has no label; fill it in or drop the row"


def test_a_group_that_is_an_input_must_be_written_alike(read: Read) -> None:
    text = "label,a,site\nx,1,01\ny,2,1\n"
    message = refused(read, text, group="site", input=("a", "site"))
    assert message.startswith("csv:3:site: 1 here and 01 at ")
    assert message.endswith("write them alike")


def test_a_model_reads_labels_as_its_training_data(cli: Cli, tmp_path: Path) -> None:
    kinds = ("01", "1", "2")
    lines = [f"{kinds[i % 3]},{i % 3}.{i % 7},{i % 5}" for i in range(60)]
    path, only = tmp_path / "t.csv", tmp_path / "only.csv"
    path.write_text("\n".join(["label,a,b", *lines, ""]))
    only.write_text("\n".join(["label,a,b", *(line for line in lines if line[0] != "0"), ""]))
    assert (
        cli("classify", path, "--max-steps", 3, *QUIET, "--runs-dir", tmp_path / "runs").code == 0
    )
    run = tmp_path / "runs/classify-1"
    answer = cli("evaluate", run, only, "--json")
    assert json.loads(answer.out)["f1_by_class"].keys() == {"01", "1", "2"}
    confusion = json.loads(answer.out)["confusion"]
    assert [sum(row) for row in confusion] == [0, 20, 20]
    predicted = cli("predict", run, path).out.split()[1:]
    assert {line.split(",")[1] for line in predicted} <= set(kinds)
    assert cli("resume", run, "--max-steps", "+1", "--view", "off").code == 0


@pytest.mark.parametrize(("kinds", "own"), [("01 1", ["1", "01"]), ("1 2", [1, 1])])
def test_test_rows_are_read_as_training_rows(tmp_path: Path, kinds: str, own: list[str]) -> None:
    one, other = kinds.split()
    (tmp_path / "a.csv").write_text(f"label,a\n{one},1\n{other},2\n{one},3\n")
    (tmp_path / "b.csv").write_text("label,a\n1,1\n01,2\n")
    options = {"data": str(tmp_path / "a.csv"), "test": str(tmp_path / "b.csv")}
    config = make_config("classify", options)
    data = read_dataset(config)
    equal(data.y_test, own)
    again = read_dataset(config, numbers_as_text=data.numbers_as_text)
    assert again.fingerprint() == data.fingerprint()


def test_an_older_run_reads_such_columns_as_numbers(tmp_path: Path, cli: Cli) -> None:
    path = tmp_path / "t.csv"
    path.write_text("label,a\n" + "".join(f"0{1 + i % 2},{i % 2}.{i}\n" for i in range(20)))
    config = make_config("classify", {"data": str(path)})
    before = read_dataset(config, numbers_as_text=())
    equal(before.y, [1, 2] * 10)
    assert read_dataset(config).fingerprint() != before.fingerprint()
    assert (
        cli("classify", path, "--max-steps", 2, *QUIET, "--runs-dir", tmp_path / "runs").code == 0
    )
    record = tmp_path / "runs/classify-1/config.json"
    facts = json.loads(record.read_text())
    assert facts["data"].pop("numbers_as_text") == ["label"]
    del facts["sha256"]
    record.write_text(json.dumps(facts))
    assert run_dataset(Run(record.parent)).fingerprint() == before.fingerprint()
