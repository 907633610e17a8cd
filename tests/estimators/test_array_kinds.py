"""Arrays, frames and labels of unusual kinds answer as plain arrays do, or are refused."""

import importlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from hiddenstate.errors import DataError
from tests.estimators.test_estimators import KINDS, RNG, N
from tests.estimators.test_inputs import MADE, classifier, predictions_of, regressor

X = RNG.integers(-3, 4, (N, 6)).astype(float)
Y = np.arange(N) % 3
NAMES = list("abcdef")


def read_only(values: Any) -> Any:
    values = values.copy()
    values.flags.writeable = False
    return values


def on_disk(values: Any, folder: Path) -> Any:
    np.save(folder / "X.npy", values)
    return np.load(folder / "X.npy", mmap_mode="r")


ARRAYS: dict[str, Callable[..., Any]] = {
    "memmap": on_disk,
    "read-only": read_only,
    "Fortran": np.asfortranarray,
    "big-endian": lambda x: x.astype(">f8"),
    "big-endian whole": lambda x: x.astype(">i4"),
    "strided": lambda x: np.repeat(x, 2, axis=0)[::2],
    "backwards": lambda x: x[::-1].copy()[::-1],
    "float16": lambda x: x.astype(np.float16),
    "int8": lambda x: x.astype(np.int8),
    "long double": lambda x: x.astype(np.longdouble),
    "objects": lambda x: x.astype(object),
    "masked": np.ma.masked_array,
    "bool": lambda x: x > 0,
}


@cache
def fitted(job: str, named: bool = False) -> Any:
    rows = pd.DataFrame(X, columns=NAMES) if named else X
    return MADE[job](**{} if job == "autoencode" else {"steps": 3}).fit(
        rows, None if job == "autoencode" else Y
    )


@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.parametrize("job", KINDS)
def test_unusual_arrays_answer_as_plain_ones(job: str, kind: str, tmp_path: Path) -> None:
    own = ARRAYS[kind](X, *[tmp_path] * (kind == "memmap"))
    plain = np.asarray(own, float) if kind == "bool" else X
    expected = predictions_of(fitted(job), plain)
    np.testing.assert_allclose(predictions_of(fitted(job), own), expected, rtol=1e-5, atol=1e-6)


FRAMES: dict[str, Callable[[pd.DataFrame], Any]] = {
    "Int64": lambda f: f.astype("Int64"),
    "Float64": lambda f: f.astype("Float64"),
    "categories": lambda f: f.astype(pd.CategoricalDtype([*range(-3, 4), 99])),
    "levels of an index": lambda f: f.set_index(pd.MultiIndex.from_arrays([f.index, f.index])),
    "arrow columns": lambda f: f.astype("float64[pyarrow]"),
    "arrow table": pa.Table.from_pandas,
    "arrow batch": pa.RecordBatch.from_pandas,
    "arrow decimals": lambda f: pa.table({n: pa.array(f[n]).cast(pa.decimal128(9, 2)) for n in f}),
    "polars": pl.from_pandas,
    "lazy": lambda f: pl.from_pandas(f).lazy(),
    "DuckDB": lambda f: importlib.import_module("duckdb").from_df(f),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_unusual_frames_answer_as_plain_ones(kind: str) -> None:
    if kind == "DuckDB":
        pytest.importorskip("duckdb")
    frame = pd.DataFrame(X, columns=NAMES)
    for job in KINDS:
        got = predictions_of(fitted(job, named=True), FRAMES[kind](frame))
        expected = predictions_of(fitted(job), X)
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
        with pytest.raises(ValueError, match="feature names should match"):
            predictions_of(fitted(job, named=True), FRAMES[kind](frame[NAMES[::-1]]))


COLUMNS: dict[str, Callable[[Any], Any]] = {
    "read-only": read_only,
    "big-endian": lambda y: y.astype(">i4"),
    "strided": lambda y: np.repeat(y, 2)[::2],
    "masked": np.ma.masked_array,
    "Int64": lambda y: pd.Series(y, dtype="Int64"),
    "categories": lambda y: pd.Series(pd.Categorical(y, categories=[*range(4), 99])),
    "polars": pl.Series,
    "arrow": pa.array,
    "arrow pieces": lambda y: pa.chunked_array([y[:3], y[3:]]),
    "arrow batch": lambda y: pa.record_batch({"k": y}),
    "lazy": lambda y: pl.LazyFrame({"k": y}),
    "DuckDB": lambda y: importlib.import_module("duckdb").from_df(pd.DataFrame({"k": y})),
}


@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
@pytest.mark.parametrize("kind", COLUMNS)
def test_unusual_labels_targets_and_weights_are_those_of_plain_arrays(kind: str) -> None:
    if kind == "DuckDB":
        pytest.importorskip("duckdb")
    labels, plain = COLUMNS[kind](Y), fitted("classify")
    again = classifier(steps=3).fit(X, labels)
    np.testing.assert_array_equal(again.predict_proba(X), plain.predict_proba(X))
    assert plain.score(X, labels) == plain.score(X, Y)
    targets = np.ravel(regressor(steps=3).fit(X, labels).predict(X))
    np.testing.assert_array_equal(targets, regressor(steps=3).fit(X, Y).predict(X))


MASK = np.arange(N) == 3


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
@pytest.mark.parametrize(
    "use",
    [
        lambda masked: classifier().fit(X, masked),
        lambda masked: classifier().fit(X, Y, masked),
        lambda masked: fitted("classify").score(X, masked),
    ],
    ids=["labels", "weights", "score"],
)
def test_masked_values_are_missing(use: Callable[[Any], Any]) -> None:
    with pytest.raises(ValueError, match="NaN"):
        use(np.ma.masked_array(Y, MASK))


@pytest.mark.parametrize("job", KINDS)
def test_arrays_of_no_numbers_are_refused_in_one_line(job: str) -> None:
    fields = np.zeros(N, [("a", float), ("b", float)])
    for values, words in ((X.astype(complex), "Complex data not supported"), (fields, "expected")):
        with pytest.raises(DataError, match=words) as refused:
            MADE[job]().fit(values, *[Y] * (job != "autoencode"))
        assert "\n" not in str(refused.value)
