"""JSON lines: the same rows as a CSV table, series in arrays, and what is refused."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.config import DataConfig
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.readers import json_lines, text_lines
from hiddenstate.data.readers.open import read_like, read_path
from hiddenstate.errors import DataError
from tests.conftest import n_refused
from tests.data.readers.tables import equal, reader

ROWS = [
    {"a": 1, "b": 0.5, "label": "p"},
    {"label": "q", "a": 2.5, "b": None},
    {"a": -3, "label": "p", "extra": True},
    {"a": 4, "b": 2, "label": "q"},
]
SERIES = [
    {"label": "up", "v": [[1, 2], [3, 4.5], [5, None]], "w": [7, 8, 9], "who": "x"},
    {"label": "down", "v": [[1, 0]], "w": [3], "who": "y"},
]

Read = Callable[..., SequenceDataset]


def lines(rows: list[Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def read(tmp_path: Path) -> Read:
    run = reader(tmp_path)
    return lambda text, *arguments, **options: run(text, "t.jsonl", *arguments, **options)


def refused(read: Read, text: str, *arguments: Any, **options: Any) -> str:
    with pytest.raises(DataError) as error:
        read(text, *arguments, **options)
    assert str(error.value).isprintable()
    return str(error.value).partition("/t.jsonl")[2]


@pytest.mark.parametrize("block", [8, 1 << 22])
def test_rows_are_those_of_a_csv_table(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(text_lines, "BLOCK", block)
    data = read(lines(ROWS))
    csv = reader(tmp_path)("a,b,label,extra\n1,.5,p,\n2.5,,q,\n-3,,p,true\n4,2,q,\n")
    equal(data.X, csv.X)
    equal(data.y, csv.y)
    assert data.columns == csv.columns == ("a", "b", "extra")
    assert data.kind == "a wide table of JSON lines"


def test_gzipped_lines_and_blank_lines_are_read(read: Read, tmp_path: Path) -> None:
    path = tmp_path / "t.ndjson.gz"
    path.write_bytes(gzip.compress(("\n" + lines(ROWS).replace("\n", "\r\n\r\n")).encode()))
    equal(read_path(str(path), DataConfig(), "classify").X, read(lines(ROWS)).X)


def test_large_whole_numbers_stay_exact_and_text_beside_numbers_is_kept(read: Read) -> None:
    rows = [{"label": 2**62 + k % 2, "a": k} for k in range(4)]
    equal(read(lines(rows)).y, [2**62, 2**62 + 1] * 2)
    mixed: list[Any] = [{"label": "x" if k % 2 else 7, "a": k} for k in range(4)]
    equal(read(lines(mixed)).y, ["7", "x"] * 2)


def test_nested_fields_are_left_out(read: Read) -> None:
    data = read(lines([{"m": {"x": 1}, "n": ["x"], "a": 1, "label": "p"}] * 2))
    assert data.columns == ("a",)


def test_arrays_are_series_with_a_channel_for_each_column(read: Read) -> None:
    data = read(lines(SERIES), group="who")
    assert data.columns == ("v_0", "v_1", "w")
    equal(data.X[0], [[1, 2, 7], [3, 4.5, 8], [5, np.nan, 9]])
    equal(data.train.lengths, [3, 1])
    equal(data.y, ["up", "down"])
    equal(data.train.groups, ["x", "y"])
    equal(data.train.ids, [1, 2])


def test_new_series_are_read_like_those_of_training(read: Read, tmp_path: Path) -> None:
    kept = {"layout": "long", "id": "series", "label": "label"}
    read(lines(SERIES))
    path = str(tmp_path / "t.jsonl")
    assert read_like(path, "classify", kept, {}, require_targets=False).X.shape == (2, 3, 3)


def test_equally_long_arrays_can_be_wide_rows(read: Read) -> None:
    rows = [{"label": k % 2, "v": [k, k + 1, k + 2]} for k in range(4)]
    data = read(lines(rows), layout="wide")
    equal(data.X, [[k, k + 1, k + 2] for k in range(4)])
    assert data.columns == ("v_0", "v_1", "v_2")
    text = lines([*rows, {"label": 1, "v": [1, 2]}])
    assert refused(read, text, layout="wide").startswith(":5:v: 2 numbers, but 3 numbers in line 1")


def test_a_sample_says_how_many_rows_it_read(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_lines, "SAMPLE_ROWS", 3)
    read(lines(ROWS))
    columns = json_lines.read_columns(tmp_path / "t.jsonl", DataConfig(), sample=True)
    assert columns.n_rows == 3
    assert columns.unread == "only the first 3 rows were read"


def test_a_nested_value_is_no_input(read: Read) -> None:
    nested = lines([{"m": {"x": 1}, "a": 1, "label": "p"}])
    message = refused(read, nested, input=("m",))
    assert message.startswith(": column m has a type that cannot be read")


def test_an_array_in_some_lines_only_is_refused(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_lines, "BLOCK", 8)
    assert refused(read, lines([{"v": [1]}, {"v": 2}])).startswith(":2: v is not an array here")


def test_damaged_lines_only_raise_errors_of_the_library(tmp_path: Path) -> None:
    def read(path: Path) -> object:
        return read_path(str(path), DataConfig(), "autoencode")

    texts = [lines(rows).encode() for rows in (ROWS, SERIES)]
    assert 100 < sum(n_refused(tmp_path / "t.jsonl", text, 200, read) for text in texts) < 395
