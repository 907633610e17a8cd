"""A store of rows on disk behaves like the array in its file."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hiddenstate.data.rows import Rows, as_rows, flat_rows, in_memory, in_pieces
from hiddenstate.data.store import RowStore
from hiddenstate.errors import DataError
from tests.conftest import same

Array = np.ndarray[Any, Any]
quick = settings(max_examples=100)
HEAD = b"thirteen byte"
kinds = st.sampled_from(["u1", "<i2", ">i4", "<f4", ">f4", "<f8", "?"])
arrays = hnp.arrays(kinds, hnp.array_shapes(min_dims=2, max_dims=3, min_side=0, max_side=6))
ends = st.none() | st.integers(-8, 8)
slices = st.builds(slice, ends, ends, st.sampled_from([None, 1, 2, 3, -1, -2]))


def store_of(path: Path, array: Array) -> RowStore:
    path.write_bytes(HEAD + array.tobytes())
    return RowStore(path, len(HEAD), array.shape, array.dtype)


def native(array: Array) -> Array:
    return array.astype(array.dtype.newbyteorder("="))


@st.composite
def choices(draw: st.DrawFn, n_rows: int) -> Any:
    """A slice, row numbers (also from the end, also twice) or a mask."""
    numbers = st.lists(st.integers(-n_rows, n_rows - 1), max_size=9) if n_rows else st.just([])
    masks = st.lists(st.booleans(), min_size=n_rows, max_size=n_rows).map(
        lambda x: np.array(x, bool)
    )
    return draw(slices | numbers.map(lambda x: np.array(x, np.int64)) | masks)


@given(arrays, st.data())
@quick
def test_a_store_is_indexed_like_its_array(place: Path, array: Array, data: st.DataObject) -> None:
    store, array = store_of(place, array), native(array)
    assert (store.shape, store.dtype, store.ndim) == (array.shape, array.dtype, array.ndim)
    assert len(store) == len(array)
    for _ in range(3):
        which = data.draw(choices(len(array)))
        same(store[which], array[which])
        store, array = store.take(which), array[which]
        assert store.shape == array.shape
        same(store[:], array)


@given(arrays.filter(lambda array: 0 not in array.shape), st.integers(1, 200))
@quick
def test_pieces_are_the_rows_in_order_and_of_limited_size(
    place: Path, array: Array, n_bytes: int
) -> None:
    store = store_of(place, array)
    pieces = list(store.pieces(n_bytes))
    same(np.concatenate([rows for _, rows in pieces]), native(array))
    assert all(rows.nbytes <= n_bytes or len(rows) == 1 for _, rows in pieces)
    assert [first for first, _ in pieces] == list(range(0, len(array), len(pieces[0][1])))
    assert [first for first, _ in in_pieces(store, n_bytes)] == [first for first, _ in pieces]


def test_changes_are_applied_in_order_to_the_stored_type(place: Path) -> None:
    array = np.arange(24, dtype="u1").reshape(4, 6)
    seen = []

    def fractions(rows: Array) -> Array:
        seen.append(rows.dtype)
        return rows / np.float32(255)

    store = store_of(place, array).mapped(fractions, (6,), np.float32).reshaped((2, 3))
    assert (store.shape, store.dtype, store.row_bytes) == ((4, 2, 3), np.float32, 24)
    result = store.take([3, 1])[::-1]
    same(result, (array[[1, 3]] / np.float32(255)).reshape(2, 2, 3))
    assert seen == [np.uint8]


def test_taking_rows_of_a_store_reads_nothing(place: Path) -> None:
    array = np.arange(24.0).reshape(4, 6)
    rows = Rows(store_of(place, array), np.arange(4)).take(np.array([2, 0]))
    assert isinstance(rows.X, RowStore)
    assert len(rows) == 2
    np.testing.assert_array_equal(rows.X[:], array[[2, 0]])
    assert np.concatenate([part.reshape(-1) for part, _ in rows.arrays()]).tolist() == [
        *array[2],
        *array[0],
        2,
        0,
    ]


def test_a_store_is_reshaped_like_an_array(place: Path) -> None:
    array = np.arange(24.0).reshape(2, 12)
    store = store_of(place, array)
    for steps in (None, 4):
        np.testing.assert_array_equal(
            as_rows(store, steps, "x")[:], as_rows(array, steps, "x"), strict=True
        )
    np.testing.assert_array_equal(flat_rows(as_rows(store, 4, "x"))[:], array, strict=True)


def test_writing_to_rows_that_were_read_does_not_change_the_file(place: Path) -> None:
    store = store_of(place, np.zeros((3, 2)))
    store[:][:] = 1
    assert not store[:].any()


@pytest.mark.parametrize("which", [0, 1.5, "x", [[0]], [0.0], np.ones(2, bool), None])
def test_invalid_row_selections_are_refused(place: Path, which: Any) -> None:
    with pytest.raises(TypeError, match="row numbers"):
        store_of(place, np.zeros((3, 2)))[which]


@pytest.mark.parametrize("number", [3, -4])
def test_a_row_out_of_range_is_refused(place: Path, number: int) -> None:
    with pytest.raises(IndexError, match="the store has 3"):
        store_of(place, np.zeros((3, 2))).take([number])


def test_a_store_is_not_converted_to_an_array_implicitly(place: Path) -> None:
    with pytest.raises((TypeError, ValueError)):
        np.asarray(store_of(place, np.zeros((3, 2))), np.float64)


def test_the_file_stays_open_for_every_copy(place: Path) -> None:
    array = np.arange(6.0).reshape(3, 2)
    store = store_of(place, array)
    others = [copy.copy(store), copy.deepcopy(store), store.take(slice(None))]
    del store
    for other in others:
        np.testing.assert_array_equal(other[:], array)


def test_a_file_that_became_shorter_is_a_data_error(place: Path) -> None:
    store = store_of(place, np.zeros((3, 2)))
    place.write_bytes(place.read_bytes()[:-1])
    assert not store[:2].any()
    with pytest.raises(DataError, match="became shorter"):
        store[:]


def test_a_file_that_cannot_be_opened_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="absent: cannot be read"):
        RowStore(tmp_path / "absent", 0, (1, 1), "f4")
    with pytest.raises(DataError, match="cannot be read"):
        RowStore(tmp_path, 0, (1, 1), "f4")[:]


def test_changes_of_a_mapped_array_stay_while_it_is_read(tmp_path: Path) -> None:
    np.zeros((4, 2)).tofile(tmp_path / "rows")
    X = np.memmap(tmp_path / "rows", float, "c", 0, (4, 2))  # changes are kept in memory alone
    X[:] = 3
    X.flags.writeable = False
    pieces = [piece.copy() for _, piece in in_pieces(X[:], 16)]
    assert (np.concatenate(pieces) == 3).all()
    assert (in_memory(X) == 3).all()
    assert (X == 3).all()
