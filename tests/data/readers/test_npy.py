"""Files of numpy are read as numpy reads them; all but arrays of numbers and text is refused."""

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hiddenstate.data.readers.npy import first_of_npy, first_of_npz, npy_header, read_npy, read_npz
from hiddenstate.errors import DataError, HiddenstateError
from tests.conftest import n_refused, same

Array = np.ndarray[Any, Any]
quick = settings(max_examples=60)
shapes = hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5)


# --- npy and npz


def npy_bytes(array: Array, version: tuple[int, int] = (1, 0)) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version, allow_pickle=True)
    return stream.getvalue()


def npy_head(header: str, version: int = 1) -> bytes:
    """The start of an .npy file with any header."""
    text = (header + "\n").encode("latin1")
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text


numbers = st.sampled_from(["u1", "i1", "<i2", ">i4", "<i8", "<f2", "<f4", ">f4", "<f8", ">f8", "?"])


@given(hnp.arrays(numbers, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0)), st.booleans())
@quick
def test_any_npy_file_of_numbers_is_read_as_numpy_reads_it(
    place: Path, array: Array, fortran: bool
) -> None:
    place.write_bytes(npy_bytes(np.asarray(array, order="F") if fortran else array))
    same(read_npy(place), array)
    assert read_npy(place).flags.c_contiguous


def test_the_second_npy_format_is_read(place: Path) -> None:
    array = np.arange(6.0).reshape(2, 3)
    place.write_bytes(npy_bytes(array, (2, 0)))
    same(read_npy(place), array)


def test_pickled_objects_are_refused_without_loading_them(place: Path) -> None:
    place.write_bytes(npy_bytes(np.array([{}, print], dtype=object)))
    with pytest.raises(DataError, match="contains pickled objects; save it again as numbers"):
        read_npy(place)


def test_a_long_header_is_refused_without_mentioning_pickle(place: Path) -> None:
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }" + " " * 20_000
    place.write_bytes(npy_head(header) + b"\0" * 8)
    with pytest.raises(DataError) as refused:
        read_npy(place)
    assert "pickle" not in str(refused.value)


@pytest.mark.filterwarnings("ignore")
def test_a_damaged_npy_file_only_raises_a_data_error(place: Path) -> None:
    files = npy_bytes(np.arange(12.0).reshape(3, 4)), npy_bytes(np.zeros(3), (2, 0))
    assert sum(n_refused(place, data, 300, read_npy) for data in files) > 300


@given(hnp.arrays(numbers, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0)), st.booleans())
@settings(quick, max_examples=25)
def test_the_header_gives_type_shape_and_offset(place: Path, array: Array, fortran: bool) -> None:
    stored = np.asarray(array, order="F") if fortran else array
    place.write_bytes(npy_bytes(stored))
    header = npy_header(place)
    assert (header.shape, header.dtype) == (array.shape, array.dtype)
    values = np.fromfile(place, header.dtype, offset=header.offset)
    result = values.reshape(header.shape, order="F" if header.fortran else "C")
    np.testing.assert_array_equal(result, array)
    assert header.n_bytes == array.nbytes


@pytest.mark.parametrize("extra", [b"", b"xx"])
def test_a_header_that_does_not_match_the_file_is_refused_before_reading(
    place: Path, extra: bytes
) -> None:
    place.write_bytes(npy_bytes(np.arange(4.0))[:-1] + extra)
    with pytest.raises(DataError, match="declares 32 bytes"):
        npy_header(place)


@pytest.mark.filterwarnings("error")
def test_a_header_written_by_python_2_is_read_without_a_warning(place: Path) -> None:
    head = npy_head("{'descr': '<f8', 'fortran_order': False, 'shape': (1L,), }")
    place.write_bytes(head + b"\0" * 8)
    same(read_npy(place), np.zeros(1))


def test_text_of_zero_length_is_refused(place: Path) -> None:
    place.write_bytes(npy_head("{'descr': '<U0', 'fortran_order': False, 'shape': (3,), }"))
    with pytest.raises(DataError, match="expected numbers or labels"):
        read_npy(place)


@given(
    st.dictionaries(st.sampled_from(["X", "y", "z"]), hnp.arrays(numbers, shapes)), st.booleans()
)
@settings(quick, max_examples=25)
def test_any_npz_of_numbers_is_read_as_numpy_reads_it(
    place: Path, arrays: dict[str, Array], packed: bool
) -> None:
    with place.open("wb") as stream:
        save: Any = np.savez_compressed if packed else np.savez
        save(stream, **arrays)
    result = read_npz(place)
    assert set(result) == set(arrays)
    for name, array in arrays.items():
        same(result[name], array)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_damaged_npz_file_only_raises_errors_of_the_library(
    place: Path, save: Callable[..., None]
) -> None:
    stream = io.BytesIO()
    save(stream, X=np.arange(40.0).reshape(8, 5), y=np.arange(8))
    assert n_refused(place, stream.getvalue(), 300, read_npz) > 150


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_npz_with_a_damaged_packed_member_is_a_data_error(place: Path, method: int) -> None:
    with zipfile.ZipFile(place, "w", method) as archive:
        archive.writestr("X.npy", npy_bytes(np.arange(400.0)))
    data = bytearray(place.read_bytes())
    refused = 0
    for start in range(36, 300, 12):
        hurt = bytearray(data)
        hurt[start : start + 8] = b"\xff" * 8
        place.write_bytes(hurt)
        try:
            read_npz(place)
        except HiddenstateError:
            refused += 1
    assert refused > 10


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_sample_has_the_first_rows(tmp_path: Path, order: Any, packed: bool) -> None:
    array = np.arange(1000 * 3 * 2, dtype="f4").reshape(1000, 3, 2)
    laid_out = np.asarray(array, order=order)
    if packed:
        np.savez_compressed(tmp_path / "x.npz", X=laid_out, y=np.arange(1000))
        first = first_of_npz(tmp_path / "x.npz", None, 480)
        np.testing.assert_array_equal(first["y"].values, np.arange(60))
        values, n_rows = first["X"]
    else:
        np.save(tmp_path / "x.npy", laid_out)
        values, n_rows = first_of_npy(tmp_path / "x.npy", 480)
    np.testing.assert_array_equal(values, array[:20])
    assert n_rows == 1000
