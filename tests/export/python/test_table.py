"""The tables that an exported Python file reads."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hiddenstate import load
from hiddenstate.export import export_model
from hiddenstate.export.python.table import read_csv
from hiddenstate.export.target import facts_of
from tests.conftest import QUIET
from tests.export.models import random_model
from tests.export.python.test_command import long_table
from tests.export.scripts import imported, run_file


def table_of(text: str) -> tuple[list[str], np.ndarray[Any, Any]]:
    lines = [line.split(",") for line in text.splitlines()]
    return lines[0], np.array(lines[1:])


def test_the_file_classifies_pictures_as_the_program(cli, tiny_idx, tmp_path):
    options = ("--max-steps", "30", "--hidden-size", "8")
    assert cli("classify", tiny_idx, *options, *QUIET).code == 0
    answer = cli("export", "classify-1", "--to", "python")
    assert answer.code == 0, answer.err
    assert "largest difference from the model in 12 rows" in answer.err
    model = imported(tmp_path / "classify_1.py")
    X = np.random.default_rng(0).integers(0, 256, (7, 8, 8)).astype(np.uint8)
    own = load(tmp_path / "runs" / "classify-1" / "model.safetensors")
    np.testing.assert_allclose(model.predict(X)["probabilities"], own.predict_proba(X), atol=1e-5)
    np.savetxt(tmp_path / "rows.csv", X.reshape(7, -1), "%d", ",")
    done = run_file(tmp_path / "classify_1.py", tmp_path / "rows.csv")
    assert done.stderr == ""
    head, table = table_of(done.stdout)
    assert head == ["row", "label", "p_0", "p_1", "p_2"]
    assert (table[:, 1].astype(int) == own.predict(X)).all()


@pytest.mark.parametrize("output", ["steps", "last"])
def test_the_file_predicts_a_table_as_the_program(cli, tmp_path, output):
    data = long_table(tmp_path)
    named = ("--id", "shop", "--time", "day", "--target", "sales", "--input", "price,promo")
    words = (*named, "--output", output, "--window", "6", "--hidden-size", "5")
    assert cli("regress", data, *words, "--max-steps", "20", *QUIET).code == 0
    assert cli("export", "last", "--to", "python", "--output", "sales.py").code == 0
    expected = table_of(cli("predict", "last", data).out)
    shuffled = tmp_path / "other.csv"
    lines = [line.split(",") for line in data.read_text().splitlines()]
    shuffled.write_text("\n".join(",".join(reversed(line)) for line in lines))
    done = run_file(tmp_path / "sales.py", shuffled)
    assert done.stderr == ""
    head, table = table_of(done.stdout)
    assert head == ["series", "step", "sales"]
    names = [expected[0].index(name) for name in ("series", "step", "sales")]
    own = expected[1][:, names]
    assert (table[:, :2] == own[:, :2]).all()
    np.testing.assert_allclose(table[:, 2].astype(float), own[:, 2].astype(float), rtol=1e-5)


def test_a_wrong_file_is_one_line(tmp_path):
    model = random_model(4, job="regress", missing="error", pixels=False, linear=False)
    assert model.n_features == 4
    export_model(model, "python", tmp_path / "m.py")
    (tmp_path / "rows.csv").write_text("x1,other\n1,2\n")
    done = run_file(tmp_path / "m.py", tmp_path / "rows.csv")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("no column x0; it has x1, other\n")
    assert len(done.stderr.splitlines()) == 1
    head = "x0,x1,x2,x3\n"
    for text, message in (
        ("", "rows.csv: no rows"),
        (f"{head}1,2\n", "rows.csv:2: expected 4 columns as in the first line, found 2"),
        (f"{head}1,2,3,4\n1,two,3,4\n", "rows.csv:3:x1: 'two' is not a number"),
        (f'{head}1,"2,5",3,4\n', "'2,5' is not a number; the decimal mark of the training file is"),
        ("1,2\n3,4\n", "expected 4 columns, or a header, found 2"),
        ("1,2,3,\n" * 8, "rows.csv:1:3: missing or not finite"),
    ):
        (tmp_path / "rows.csv").write_text(text)
        with pytest.raises(ValueError, match=re.escape(message)) as error:
            read_csv(str(tmp_path / "rows.csv"), facts_of(model))
        assert str(error.value).isprintable()


def test_the_file_reads_a_table_of_an_autoencoder(cli, tmp_path):
    data = tmp_path / "rows.csv"
    lines = "".join(f'"1,{i:03}.5",{i % 7},{i % 5}\n' for i in range(40))
    data.write_text(f'"a; b",c,d\n{lines}')
    assert cli("autoencode", data, "--thousands", ",", "--max-steps", "2", *QUIET).code == 0
    assert cli("export", "last", "--to", "python", "--output", "m.py").code == 0
    expected = table_of(cli("predict", "last", data).out)
    head, table = table_of(run_file(tmp_path / "m.py", data).stdout)
    names = [expected[0].index(name) for name in head[:-1]]
    own = expected[1][:, names].astype(float)
    np.testing.assert_allclose(table[:, :-1].astype(float), own, rtol=1e-4, atol=1e-6)


def test_any_numbers_are_read_where_the_training_file_had_pixels(cli, tmp_path):
    model = random_model(5, job="autoencode", pixels=True)
    transform = replace(model.transform, reading={"layout": "features"})
    model = replace(model, transform=transform)
    model.save(tmp_path / "m.safetensors")
    export_model(model, "python", tmp_path / "m.py")
    columns, rows = model.transform.columns, tmp_path / "rows.csv"
    cells = [("300", "-1.5", "7")[i % 3] for i in range(len(columns))]
    rows.write_text(f"{','.join(columns)}\n{','.join(cells)}\n")
    expected = table_of(cli("predict", tmp_path / "m.safetensors", rows).out)
    head, table = table_of(run_file(tmp_path / "m.py", rows).stdout)
    names = [expected[0].index(name) for name in head[:-1]]
    own = expected[1][:, names].astype(float)
    np.testing.assert_allclose(table[:, :-1].astype(float), own, rtol=1e-4, atol=1e-6)


def test_a_missing_value_that_the_model_does_not_read_is_refused(tmp_path):
    model = random_model(5, job="classify", missing="error", pixels=False)
    export_model(model, "python", tmp_path / "m.py")
    X = np.zeros((1, 4, model.n_features))
    X[0, 2, 0] = np.nan
    with pytest.raises(ValueError, match="values are missing"):
        imported(tmp_path / "m.py").predict(X)


def test_gaps_are_filled_before_a_series_is_cut_into_windows(cli, tmp_path):
    random = np.random.default_rng(0)
    values = np.sin(np.arange(150) / 5) + random.normal(size=150) / 9
    lines = [f"{t},{v:.4f}" if t % 11 and t < 140 else f"{t}," for t, v in enumerate(values)]
    (tmp_path / "gaps.csv").write_text("time,x\n" + "\n".join(lines))
    words = ("--target", "x", "--horizon", 1, "--missing", "forward", "--window", 6)
    assert cli("regress", "gaps.csv", *words, "--max-steps", 20, *QUIET).code == 0
    assert cli("export", "last", "--to", "python", "--output", "m.py").code == 0
    expected = table_of(cli("predict", "last", "gaps.csv").out)
    done = run_file(tmp_path / "m.py", tmp_path / "gaps.csv")
    head, table = table_of(done.stdout)
    own = expected[1][:, [expected[0].index(name) for name in ("step", "x")]].astype(float)
    assert (table[:, head.index("step")].astype(float) == own[:, 0]).all()
    np.testing.assert_allclose(table[:, head.index("x")].astype(float), own[:, 1], atol=1e-5)
