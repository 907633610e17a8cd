"""Files in .ts format are read as they were written, and refused if they contradict themselves."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiddenstate.config import DataConfig, make_config
from hiddenstate.data import read_dataset
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.readers import ts as reader
from hiddenstate.data.readers.ts import is_ts_folder, read_ts
from hiddenstate.errors import DataError, HiddenstateError, MachineError, OptionError
from tests.conftest import mutations, same

Array = np.ndarray[Any, Any]
quick = settings(max_examples=60)
HEAD = "@problemName Tiny\n@timeStamps false\n@univariate true\n"
TINY = HEAD + "@equalLength true\n@seriesLength 3\n@classLabel true a b\n@data\n1,2,3:a\n4,?,6:b\n"


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def read(
    path: Path, job: str = "classify", require_targets: bool = True, **options: Any
) -> SequenceDataset:
    return read_ts(path, DataConfig(**options), job, require_targets)


def spelled(series: list[Array], answers: list[str], head: str, missing: str = "?") -> str:
    """A file of series (T, I), written here independently of the reader."""
    lines = [head, "@data"]
    for values, answer in zip(series, answers, strict=True):
        channels = [",".join(missing if v != v else repr(float(v)) for v in c) for c in values.T]
        lines.append(":".join([*channels, answer]))
    return "\n".join(lines) + "\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "Tiny.ts"


# --- round trips

numbers = st.floats(allow_infinity=False, width=64)


@st.composite
def collections(draw: st.DrawFn) -> tuple[list[Array], list[str], list[str]]:
    """Series (T, I) of any lengths, the labels declared, and one for each series."""
    n_dimensions = draw(st.integers(1, 3))
    lengths = draw(st.lists(st.integers(1, 5), min_size=1, max_size=5))
    series = [
        np.array(
            draw(st.lists(numbers, min_size=t * n_dimensions, max_size=t * n_dimensions))
        ).reshape(t, n_dimensions)
        for t in lengths
    ]
    words = draw(st.sampled_from([["1", "2", "10"], ["a", "B", "é"], ["1.0", "2.0"], ["-1", "1"]]))
    return (
        series,
        words,
        draw(st.lists(st.sampled_from(words), min_size=len(series), max_size=len(series))),
    )


@given(collections(), st.sampled_from(["?", "NaN", "nan"]), st.sampled_from(["\n", "\r\n"]))
@quick
def test_any_collection_is_read_as_it_was_written(
    place: Path, collection: tuple[list[Array], list[str], list[str]], missing: str, end: str
) -> None:
    series, words, answers = collection
    text = spelled(
        series, answers, f"@equalLength false\n@classLabel true {' '.join(words)}", missing
    )
    result = read(write(place.with_name("any.ts"), text.replace("\n", end)))
    lengths = [len(values) for values in series]
    assert result.X.dtype == np.float64
    assert result.X.shape == (len(series), max(lengths), series[0].shape[1])
    for row, values in zip(result.X, series, strict=True):
        np.testing.assert_array_equal(row[: len(values)], values)
        assert not row[len(values) :].any()
    if len(set(lengths)) == 1:
        assert result.train.lengths is None
    else:
        same(result.train.lengths, np.array(lengths))
    whole = words[0] in ("1", "-1")
    same(result.y, np.array([int(word) for word in answers] if whole else answers))


@given(collections())
@settings(quick, max_examples=25)
def test_any_targets_are_read_as_they_were_written(
    place: Path, collection: tuple[list[Array], list[str], list[str]]
) -> None:
    series = collection[0]
    targets = [float(n) / 3 for n in range(len(series))]
    text = spelled(series, [repr(target) for target in targets], "@targetLabel true")
    result = read(write(place.with_name("any.ts"), text), "regress")
    same(result.y, np.array(targets)[:, None])


def test_the_header_may_be_spelled_in_any_case_with_comments_anywhere(path: Path) -> None:
    text = "\ufeff# about\n\n% too\n" + TINY.replace("@data\n", "@DATA\n# a comment\n\n").replace(
        "equalLength true", "EQUALLENGTH\tTrue"
    )
    result = read(write(path, text))
    np.testing.assert_array_equal(result.X[:, :, 0], [[1, 2, 3], [4, np.nan, 6]])
    same(result.y, np.array(["a", "b"]))
    assert (result.name, result.kind, result.columns) == ("Tiny.ts", "a .ts archive file", None)


def test_dimensions_are_named_where_there_are_several(path: Path) -> None:
    text = "@dimension 2\n@classLabel true 1 2\n@data\n1,2:3,4:1\n5,6:7,8:2\n"
    result = read(write(path, text))
    assert result.columns == ("channel_1", "channel_2")
    assert result.X.tolist() == [[[1, 3], [2, 4]], [[5, 7], [6, 8]]]


def test_labels_are_in_the_headers_spelling_and_whole_numbers_are_numbers(path: Path) -> None:
    text = "@classLabel true {}\n@data\n1:{}\n"
    same(read(write(path, text.format("Walking run", "walking"))).y, np.array(["Walking"]))
    same(read(write(path, text.format("a A", "A"))).y, np.array(["A"]))
    same(read(write(path, text.format("7 10", "10"))).y, np.array([10]))
    same(read(write(path, text.format("07 7", "07"))).y, np.array(["07"]))


def test_time_stamps_are_kept_beside_the_values(path: Path) -> None:
    head = "@timeStamps true\n@equalLength false\n@classLabel true 1 2\n@data\n"
    rows = "(0,1.5),(2.5,?):(0,3),(2.5,4):1\n(1, 5):(1, 6) :2\n"
    result = read(write(path, head + rows))
    np.testing.assert_array_equal(result.X, [[[1.5, 3], [np.nan, 4]], [[5, 6], [0, 0]]])
    assert result.train.times is not None
    assert result.train.times.tolist() == [[0, 2.5], [1, 0]]
    dates = "(1970-01-01 00:01:00,1),(1970-01-02,2):2\n"
    times = read(write(path, head + dates)).train.times
    assert times is not None
    assert times.tolist() == [[60, 86400]]


def test_an_encoding_is_read_as_it_is_named(path: Path) -> None:
    text = "@classLabel true é b\n@data\n1,2:é\n"
    for encoding in ("cp1252", "utf-16"):
        same(read(write(path, text, encoding), encoding=encoding).y, np.array(["é"]))


# --- halves and folders


def test_the_test_half_beside_a_training_half_is_read_with_it(tmp_path: Path) -> None:
    train = write(tmp_path / "A_TRAIN.ts", "@classLabel true 1 2\n@data\n1,2:1\n3,4:2\n")
    test = write(tmp_path / "A_TEST.ts", "@classLabel true 1 2\n@data\n5,6,7:2\n")
    for path in (train, tmp_path):
        result = read(path)
        assert result.kind == "a .ts archive file and its test half"
        assert result.X[..., 0].tolist() == [[1, 2, 0], [3, 4, 0]]
        assert result.X_test[..., 0].tolist() == [[5, 6, 7]]
        assert result.train.lengths is not None
        assert result.train.lengths.tolist() == [2, 2]
        assert result.test is not None
        assert result.test.lengths is not None
        assert result.test.lengths.tolist() == [3]
        same(result.y_test, np.array([2]))
    assert read(test).test is None
    assert is_ts_folder(tmp_path)


def test_test_rows_that_are_named_replace_the_test_half(tmp_path: Path) -> None:
    train = write(tmp_path / "A_TRAIN.ts", "@classLabel true 1 2\n@data\n1,2:1\n3,4:2\n")
    half = write(tmp_path / "A_TEST.ts", "@classLabel true 1 2\n@data\n5,6:2\n")
    other = write(tmp_path / "B_TEST.ts", "@classLabel true 1 2\n@data\n7,8:1\n")
    for test, first in ((half, 5), (other, 7)):
        values = {"data": str(train), "test": str(test)}
        data = read_dataset(make_config("classify", values))
        assert len(data.train) == 2
        assert data.X_test[0, 0, 0] == first


def test_halves_have_labels_of_one_type(tmp_path: Path) -> None:
    train = write(tmp_path / "A_TRAIN.ts", "@classLabel true 1 2\n@data\n1:1\n")
    write(tmp_path / "A_TEST.ts", "@classLabel true 1 2 x\n@data\n1:2\n")
    result = read(train)
    same(result.y, np.array(["1"]))
    same(result.y_test, np.array(["2"]))


def test_a_folder_of_several_pairs_is_refused_with_their_names(tmp_path: Path) -> None:
    assert not is_ts_folder(tmp_path)
    assert not is_ts_folder(tmp_path / "absent")
    with pytest.raises(DataError, match="found none"):
        read(tmp_path)
    for name in "AB":
        write(tmp_path / f"{name}_TRAIN.ts", TINY)
        write(tmp_path / f"{name}_TEST.ts", TINY)
    with pytest.raises(DataError, match=r"found A_TRAIN\.ts, B_TRAIN\.ts; name the file"):
        read(tmp_path)


def test_halves_of_different_kinds_are_refused(tmp_path: Path) -> None:
    train = write(tmp_path / "A_TRAIN.ts", TINY)
    test = write(tmp_path / "A_TEST.ts", "@classLabel true a b\n@data\n1:2:a\n")
    with pytest.raises(DataError, match=r"A_TEST\.ts.*2 @dimensions, but .* 1"):
        read(train)
    write(test, "@timeStamps true\n@classLabel true a b\n@data\n(1,2):a\n")
    with pytest.raises(DataError, match=r"A_TEST\.ts.*@timeStamps"):
        read(train)


# --- jobs


def test_each_job_reads_the_targets_it_learns(path: Path, tmp_path: Path) -> None:
    target = write(tmp_path / "t.ts", "@targetlabel true\n@data\n1,2:0.5\n")
    write(path, TINY)
    with pytest.raises(DataError, match=r"@targetLabel is true.*use hiddenstate regress"):
        read(target)
    with pytest.raises(DataError, match=r"@classLabel is true.*use hiddenstate classify"):
        read(path, "regress")
    same(read(path, "autoencode").y, np.array(["a", "b"]))
    assert read(target, "autoencode").y is None
    for file in (path, target):
        result = read(file, "regress", horizon=2)
        same(result.y, result.X)
        assert result.columns == result.targets == ("value",)
    assert read(path, "regress", require_targets=False).y is None
    assert read(target, require_targets=False).y is None


def test_rows_without_labels_are_read_where_none_are_needed(path: Path) -> None:
    write(path, "@classLabel false\n@data\n1,2\n3,4\n")
    assert read(path, "autoencode").X.shape == (2, 2, 1)
    assert read(path, require_targets=False).y is None
    for job in ("classify", "regress"):
        with pytest.raises(DataError, match="@classLabel is false"):
            read(path, job)
    write(path, "@classLabel true a b\n@data\n1,2:?\n3,4:a\n")
    assert read(path, require_targets=False).y is None
    assert read(path, "autoencode").y is None
    with pytest.raises(DataError, match=r"Tiny\.ts:3: no label \(@classLabel\)"):
        read(path)


def test_missing_values_that_the_header_denies_give_a_remark(path: Path) -> None:
    write(path, "@missing false\n" + TINY)
    (remark,) = read(path).remarks
    assert "1 row has missing values although @missing is false" in remark
    assert read(write(path, TINY)).remarks == ()


# --- what is refused


def test_another_encoding_is_refused(path: Path) -> None:
    for encoding in ("utf-16", "cp1252"):
        with pytest.raises(DataError, match="--encoding"):
            read(write(path, TINY.replace("a", "é"), encoding))
    with pytest.raises(OptionError, match="--encoding"):
        read(path, encoding="nonsense")


def test_text_of_a_file_is_escaped_in_messages(path: Path) -> None:
    evil = "\x1b[31m\u202e<b>"
    for text in (
        f"@{evil} true\n",
        TINY + f"1,2,3:{evil}\n",
        TINY + f"1,{evil},3:a\n",
        f"{evil}\n",
        f"@equalLength {evil}\n@classLabel false\n@data\n1\n",
    ):
        with pytest.raises(DataError) as refused:
            read(write(path, text))
        assert str(refused.value).isprintable()


def test_one_long_series_among_many_is_refused_before_it_is_padded(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hiddenstate.system.memory.bytes_free", lambda: 2000)
    write(path, "@classLabel false\n@data\n" + "1\n" * 100 + ",".join("1" * 100) + "\n")
    with pytest.raises(MachineError, match="101 series of up to 100 steps"):
        read(path, "autoencode")


def test_a_file_that_does_not_exist_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path / "absent.ts")


@pytest.mark.parametrize("stamped", [False, True])
def test_a_damaged_file_gives_rows_or_an_error_of_the_library(place: Path, stamped: bool) -> None:
    text = TINY.replace("@univariate true", "@dimensions 2").replace("1,2,3", "1,2,3:7,8,9")
    text = text.replace("4,?,6", "4,?,6:.5,-1e3,NaN")
    if stamped:
        text = "@timeStamps true\n@classLabel true 1 2\n@data\n(2001-01-01,1):1\n(5,2),(7,?):2\n"
    path, refused = place.with_name("Tiny.ts"), 0
    for hurt in mutations(text.encode(), 400):
        path.write_bytes(hurt)
        try:
            result = read(path, require_targets=False)
            assert not np.isinf(result.X).any()
        except HiddenstateError:
            refused += 1
    assert 100 < refused < 400


@pytest.mark.series
def test_the_files_of_aeon_are_read() -> None:
    result = importlib.util.find_spec("aeon")
    if result is None or not result.submodule_search_locations:
        pytest.skip("aeon is not installed")
    folder = Path(result.submodule_search_locations[0]) / "datasets" / "data"
    paths = sorted(folder.glob("*/*.ts"))
    assert paths
    for path in paths:
        target = "@targetlabel true" in path.read_text(encoding="utf-8").lower()
        dataset = read(path, "regress" if target else "classify")
        assert dataset.y is not None
        assert len(dataset.y) == len(dataset.X)
        assert reader.is_ts_folder(path.parent) or path.stem.startswith("UnitTestTime")
