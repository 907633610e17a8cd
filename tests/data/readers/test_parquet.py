"""Parquet tables: every type of column, damage, and rows that stay on disk."""

import datetime
import decimal
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiddenstate.config import DataConfig
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.readers import parquet
from hiddenstate.data.readers.open import read_path
from hiddenstate.data.store import RowStore
from hiddenstate.errors import DataError, MachineError
from tests.conftest import EVIL, n_refused

Array = np.ndarray[Any, Any]
quick = settings(max_examples=40)
nan = np.nan


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One Parquet file, overwritten again and again."""
    return tmp_path_factory.mktemp("data") / "values.parquet"


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., SequenceDataset]:
    """Write columns as Parquet and read them: `read({"a": [1], "label": ["x"]}, label="label")`."""

    def run(
        columns: dict[str, Any],
        job: str = "classify",
        require_targets: bool = True,
        row_group_size: int | None = None,
        **options: Any,
    ) -> SequenceDataset:
        path = tmp_path / "t.parquet"
        pq.write_table(pa.table(columns), path, row_group_size=row_group_size)
        return read_path(str(path), DataConfig(**options), job, require_targets)

    return run


Read = Callable[..., SequenceDataset]


def equal(result: Any, expected: Any) -> None:
    np.testing.assert_array_equal(result, np.asarray(expected))


def test_a_wide_table(read: Read) -> None:
    data = read({"a": [1, 2], "b": [0.5, None], "label": ["x", "y"]})
    equal(data.X, [[1, 0.5], [2, nan]])
    equal(data.y, ["x", "y"])
    assert (data.name, data.kind) == ("t.parquet", "a wide Parquet table")
    assert data.columns == ("a", "b")
    assert data.X.dtype == np.float64


def test_a_long_table(read: Read) -> None:
    columns = {"id": [7, 8, 7], "time": [2, 1, 1], "u": [1.0, 2.0, 3.0], "label": ["x", "y", "x"]}
    data = read(columns)
    equal(data.X, [[[3], [1]], [[2], [0]]])
    equal(data.train.lengths, [2, 1])
    equal(data.train.times, [[1, 2], [1, 0]])
    equal(data.y, ["x", "y"])
    data = read(columns, job="regress", target=("u",), horizon=1)
    equal(data.y, data.X)


def test_every_type_of_number(read: Read) -> None:
    numbers = {
        "i8": pa.array([1, None], pa.int8()),
        "u64": pa.array([1, 2**64 - 1], pa.uint64()),
        "f16": pa.array(np.array([1, 2], "f2")),
        "f32": pa.array([1.5, None], pa.float32()),
        "truth": pa.array([True, None]),
        "kind": pa.array([3, 4]).dictionary_encode(),
        "money": pa.array([decimal.Decimal("1.5"), None], pa.decimal128(9, 2)),
        "span": pa.array([5, None], pa.duration("s")),
        "clock": pa.array([5, None], pa.time32("s")),
        "none": pa.nulls(2),
    }
    data = read(numbers | {"label": pa.array(["x", "y"]).dictionary_encode()})
    equal(
        data.X,
        [[1, 1, 1, 1.5, 1, 3, 1.5, 5, 5, nan], [nan, 2.0**64, 2, nan, nan, 4, nan, nan, nan, nan]],
    )
    equal(data.y, ["x", "y"])


def test_single_precision_is_kept(read: Read) -> None:
    single = pa.array([1.5, 2.5], pa.float32())
    assert read({"a": single, "label": [1, 2]}).X.dtype == np.float32
    assert read({"a": single, "b": [1, 2], "label": [1, 2]}).X.dtype == np.float64
    assert read({"a": single, "id": [1, 1]}, require_targets=False).X.dtype == np.float32


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
def test_every_type_of_text(read: Read, kind: Any) -> None:
    equal(read({"a": [1, 2], "label": pa.array(["x", "y"], kind)}).y, ["x", "y"])
    with pytest.raises(DataError, match=r"t\.parquet:row 1:label: empty, so the row has no label"):
        read({"a": [1, 2], "label": pa.array(["x", None], kind)})


def test_labels_that_are_numbers_or_booleans(read: Read) -> None:
    data = read({"a": [1, 2], "label": [2**62 + 1, 3]})
    equal(data.y, [2**62 + 1, 3])
    equal(read({"a": [1, 2], "label": [True, False]}).y, ["true", "false"])
    with pytest.raises(DataError, match="row 1:label"):
        read({"a": [1, 2], "label": pa.array([1, None])})


def test_dates_order_rows_and_have_no_other_role(read: Read) -> None:
    day = datetime.date(2020, 1, 1)
    moment = datetime.datetime(2020, 1, 1, 12)
    for dates in ([day.replace(day=3), day], [moment.replace(hour=13), moment]):
        data = read({"date": dates, "u": [1, 2]}, job="regress", target=("u",), horizon=1)
        equal(data.X[0, :, 0], [2, 1])
        assert data.train.times is None
    with pytest.raises(DataError, match=r"column when holds dates, .*with --time when"):
        read({"when": [day], "u": [1], "id": ["x"]}, job="regress", target=("u",), input=("when",))
    wide = read({"when": [day], "u": [1], "label": ["x"]})
    assert wide.remarks[0].endswith("nothing uses them: when (dates)")
    with pytest.raises(DataError, match="row 1:date: empty, so the row has no time"):
        read({"date": [day, None], "u": [1, 2]}, job="regress", target=("u",), horizon=1)


def test_a_nested_column_is_left_out_or_refused_by_name(read: Read) -> None:
    nested = {"a": [1, 2], "bad": [[1], [2]], "label": ["x", "y"]}
    assert read(nested).remarks[0].endswith("nothing uses them: bad (a type that cannot be read)")
    with pytest.raises(DataError, match=r"column bad has a type that cannot be read; .*--drop bad"):
        read(nested, input=("a", "bad"))
    assert read(nested, input=("a",)).columns == ("a",)
    with pytest.raises(DataError, match="column bad has a type"):
        read(nested, label="bad", input=("a",))
    for role in ("id", "time", "group"):
        with pytest.raises(DataError, match="column bad has"):
            read(nested, input=("a",), **{role: ("bad",) if role == "id" else "bad"})
    assert "raw (a type" in read({"a": [1], "raw": [b"x"], "label": ["x"]}).remarks[0]


def test_a_file_that_is_not_parquet_is_refused(tmp_path: Path) -> None:
    for data in (
        b"",
        b"PAR",
        b"a,b\n1,2\n",
        b"PAR1",
        b"PAR1" * 5,
        b"PAR1" + b"\xff" * 60 + b"PAR1",
    ):
        path = tmp_path / "t.parquet"
        path.write_bytes(data)
        with pytest.raises(DataError, match=r"not a Parquet file|damaged|empty"):
            read_path(str(path), DataConfig(), "classify")
    with pytest.raises(DataError, match="cannot be read"):
        parquet.read_columns(tmp_path, DataConfig())


def test_no_rows_and_duplicate_names_are_refused(read: Read, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no rows"):
        read({"a": pa.array([], pa.int64())})
    path = tmp_path / "twice.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array([1])] * 2, names=["a", "a"]), path)
    with pytest.raises(DataError, match="columns 1 and 2 are both named a"):
        read_path(str(path), DataConfig(), "classify")


def test_hostile_names_are_escaped(read: Read) -> None:
    hostile = {EVIL: ["p", "p"], "a": [1, 2], "label": ["x", "y"]}
    with pytest.raises(DataError) as error:
        read(hostile, input=(EVIL,))
    assert str(error.value).isprintable()
    assert read(hostile).remarks[0].isprintable()
    data = read({"a.b": [1, 2], "a": [3, 4], "label": ["x", "y"]})
    equal(data.X, [[1, 3], [2, 4]])


def test_without_pyarrow_the_install_command_is_given(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MachineError, match=r"pip install .*\[tables\]'"):
        read({"a": [1], "label": ["x"]})


def test_a_file_that_unpacks_to_too_much_is_refused(read: Read) -> None:
    zeros = {"a": np.zeros(4_000_000, "i8")}
    with pytest.raises(DataError, match="--max-unpacked"):
        read(zeros, job="autoencode")
    with pytest.raises(DataError, match=r"at most 0\.001 GiB"):
        read({"a": np.arange(1_000_000)}, job="autoencode", max_unpacked=0.001)
    assert len(read(zeros, job="autoencode", max_unpacked=1).X) == 4_000_000


def test_a_page_that_claims_more_than_the_file_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    table = pa.table({"a": np.arange(50.0)})
    pq.write_table(table, path, compression="none", use_dictionary=False)
    data = path.read_bytes()
    # After PAR1: field 1 (a page of data), 2 (bytes unpacked), 3 (bytes packed), as varints.
    assert data[4:7] == b"\x15\0\x15"
    packed = data.index(b"\x15", 7) + 1
    end = next(k for k in range(packed, len(data)) if data[k] < 128) + 1
    path.write_bytes(data[:packed] + b"\xfe\xff\xff\xff\x0f" + data[end:])
    with pytest.raises(DataError, match="damaged or unreadable"):
        read_path(str(path), DataConfig(), "autoencode")
    assert pa.default_memory_pool().max_memory() < 1 << 30


def test_files_of_polars(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": [1, None, 3], "who": ["x", "y", "x"]})
    frame = frame.with_columns(pl.col("who").cast(pl.Categorical).alias("label")).drop("who")
    frame.write_parquet(tmp_path / "t.parquet")
    data = read_path(str(tmp_path / "t.parquet"), DataConfig(), "classify")
    equal(data.X, [[1], [nan], [3]])
    equal(data.y, ["x", "y", "x"])


# --- on disk


@pytest.fixture
def spilling(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Keep nothing in memory, and read a few columns and rows at a time."""
    folder = tmp_path / "spilled"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(parquet, "IN_MEMORY", 16)
    monkeypatch.setattr(parquet, "BATCH", 1000)
    monkeypatch.setattr(parquet, "PAGES", 1)
    return folder


def wide(X: Array) -> dict[str, Any]:
    return {f"p{j}": X[:, j] for j in range(X.shape[1])}


@pytest.mark.parametrize(
    ("kind", "pages", "group"),
    [
        *((kind, 1, None) for kind in ("f4", "f8", "u1", "i8")),
        *(("f4", pages, 7) for pages in (1, 1 << 23, 1 << 27)),
        ("i8", 1 << 23, None),
        ("i8", 1 << 27, 7),
    ],
)
def test_a_large_wide_table_stays_on_disk(
    read: Read,
    spilling: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    pages: int,
    group: int | None,
) -> None:
    monkeypatch.setattr(parquet, "PAGES", pages)
    X = np.random.default_rng(0).integers(0, 256, (50, 64)).astype(kind)
    labels = [f"l{k % 3}" for k in range(50)]
    data = read({"label": labels} | wide(X), row_group_size=group)
    assert isinstance(data.X, RowStore)
    assert (data.X.shape, data.X.dtype, data.picture) == ((50, 64), np.uint8, (8, 8))
    equal(data.X[:], X)
    equal(data.y, labels)
    assert os.listdir(spilling) == []

    data = read(
        wide(X - (np.arange(50) == 49)[:, None].astype(kind) / 2),
        job="autoencode",
        row_group_size=group,
    )
    assert isinstance(data.X, RowStore)
    assert data.X.dtype == (np.float32 if kind == "f4" else np.float64)
    equal(data.X[:], X - (np.arange(50) == 49)[:, None] / 2)
    assert os.listdir(spilling) == []


def test_a_store_gives_the_same_as_memory(
    read: Read, spilling: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    X = np.random.default_rng(0).normal(size=(40, 5))
    X[3, 2] = nan
    stored = read(wide(X), job="regress", layout="wide", target=("p1",))
    monkeypatch.setattr(parquet, "IN_MEMORY", 1 << 30)
    held = read(wide(X), job="regress", layout="wide", target=("p1",))
    assert isinstance(stored.X, RowStore)
    assert isinstance(held.X, np.ndarray)
    equal(stored.X[:], held.X)
    equal(stored.y, held.y)


def test_a_full_disk_is_reported_before_and_while_writing(
    read: Read, spilling: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = wide(np.random.default_rng(0).normal(size=(40, 5)))
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1))
        with pytest.raises(MachineError, match=r"0\.0 GiB free; set TMPDIR"):
            read(columns, job="autoencode")

    class Full:
        seek = staticmethod(lambda place: None)

        @staticmethod
        def write(data: Any) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: Full)
    with pytest.raises(MachineError, match="No space left on device; set TMPDIR"):
        read(columns, job="autoencode")


# --- any table


numbers = st.floats() | st.none()


@given(
    st.integers(1, 5).flatmap(
        lambda width: st.lists(st.lists(numbers, min_size=width, max_size=width), min_size=1)
    ),
    st.integers(1, 9),
    st.booleans(),
)
@quick
def test_any_wide_table_is_read_as_it_was_written(
    place: Path, values: list[list[float | None]], group: int, spill: bool
) -> None:
    columns = {
        f"c{j}": pa.array(cells, pa.float64()) for j, cells in enumerate(zip(*values, strict=True))
    }
    pq.write_table(pa.table(columns), place, row_group_size=group)
    with pytest.MonkeyPatch.context() as patch:
        if spill:
            patch.setattr(parquet, "IN_MEMORY", 1)
        data = read_path(str(place), DataConfig(), "autoencode")
    equal(data.X[:], np.array(values, float))


@pytest.mark.parametrize("compression", ["none", "snappy"])
def test_a_damaged_file_only_raises_errors_of_the_library(place: Path, compression: str) -> None:
    table = pa.table(
        {"id": [1, 1, 2], "time": [1, 2, 3], "u": [1.5, None, 2.5], "label": ["x", "x", "y"]}
    )
    pq.write_table(table, place, compression=compression)

    def read(path: Path) -> object:
        return read_path(str(path), DataConfig(), "classify")

    assert n_refused(place, place.read_bytes(), 400, read) > 100
