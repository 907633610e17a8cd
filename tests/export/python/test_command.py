"""The command line of an exported Python file."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hiddenstate.export import export_model
from tests.conftest import QUIET
from tests.export.models import random_model
from tests.export.scripts import run_file

LONG = """shop,day,price,promo,sales
{rows}
"""


def long_table(tmp_path: Path) -> Path:
    random = np.random.default_rng(1)
    lines = [
        f"{shop},{day},{random.normal(5):.3f},{day % 3},{random.normal(100 + day):.2f}"
        for shop in "ab"
        for day in range(40)
    ]
    path = tmp_path / "sales.csv"
    path.write_text(LONG.format(rows="\n".join(lines)))
    return path


def test_the_file_says_which_columns_it_reads(cli, tmp_path):
    words = ("--id", "shop", "--time", "day", "--target", "sales", "--input", "price,promo")
    data = long_table(tmp_path)
    assert cli("regress", data, *words, "--max-steps", "1", *QUIET).code == 0
    assert cli("export", "last", "--to", "python", "--output", "sales.py").code == 0
    said = run_file(tmp_path / "sales.py", "--help").stderr
    assert "a step: the columns price, promo; shop names the series; day orders the lines" in said
    for name in ("shop", "day", "price"):
        lines = [line.split(",") for line in data.read_text().splitlines()]
        drop = lines[0].index(name)
        kept = "\n".join(",".join(c for j, c in enumerate(line) if j != drop) for line in lines)
        (tmp_path / "less.csv").write_text(kept)
        done = run_file(tmp_path / "sales.py", tmp_path / "less.csv")
        assert (done.returncode, done.stdout) == (2, "")
        assert f"no column {name}; it has " in done.stderr


def test_names_of_any_kind_are_refused_in_one_line(tmp_path):
    name = "a\n\x1b[31m\u202eb"
    model = random_model(5, job="autoencode", pixels=False)
    columns = (name, *model.transform.columns[1:])
    transform = replace(model.transform, columns=columns, reading={"layout": "features"})
    export_model(replace(model, transform=transform), "python", tmp_path / "m.py")
    rows = tmp_path / "rows\n.csv"
    for text in (
        "x1,other\n1,2\n",
        f'"{name}","{name}"\n1,2\n',
        f'"{name}",{",".join(columns[1:])}\n"{name}"{",1" * len(columns[1:])}\n',
    ):
        rows.write_text(text)
        done = run_file(tmp_path / "m.py", rows)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.removesuffix("\n").isprintable()
        assert "a\\n\\x1b[31m\\u202eb" in done.stderr
    assert run_file(tmp_path / "m.py", "--help").stderr.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--to", "pyton"), "--to: unknown target pyton; expected "),
        (("--to", "python", "--weights", "int8"), "--weights: --to python stores float32"),
        (("--to", "python", "--output", "no/x.py"), "no does not exist; create it first"),
        (("--to", "python", "--output", "there/"), "is a folder; name what to write in it"),
        *((("--to", "onnx", "--output", name), "is a folder") for name in (".", "..", "/")),
        (("--to", "onx"), "did you mean onnx?"),
        (("--to", "onnx", "--weights", "float16"), "stores float32 or int8"),
    ],
)
def test_a_wrong_option_is_one_line(refuse, tmp_path, words, message):
    (tmp_path / "there").mkdir()
    random_model(5, job="classify").save(tmp_path / "m.safetensors")
    assert message in refuse(2, "export", "m.safetensors", *words)
