"""The list of formats: what messages, the help and the page on own data say is read."""

from pathlib import Path

import pytest

from hiddenstate.data.readers import formats
from tests.conftest import Cli, Refuse

ENDINGS = [ending for ending in formats.SUPPORTED if ending.startswith(".")]


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_format_is_documented(ending: str) -> None:
    page = Path(__file__).parents[3] / "docs" / "own-data.md"
    assert f"`{ending}`" in page.read_text("utf-8")


def test_the_help_names_a_file_of_every_format(cli: Cli) -> None:
    text = cli("classify", "--help").out
    for endings in (
        formats.DELIMITED[:3],
        *(each[:1] for each in (formats.JSON_LINES, formats.WORKBOOKS, formats.PARQUET)),
        *(formats.ARCHIVES, formats.ARRAYS, formats.SOUNDS[:1]),
    ):
        for ending in endings:
            assert ending in text


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("t.xls", "save it as .xlsx or .csv"),
        ("t.ODS", "save it as .xlsx or .csv"),
        ("t.json", "write one object per line, as .jsonl"),
        ("t.mp3", "convert it to .wav"),
        ("t.zip", "unpack it first"),
    ],
)
def test_another_format_is_refused_with_those_that_are_read(
    refuse: Refuse, tmp_path: Path, name: str, hint: str
) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04")
    error = refuse(2, "inspect", name)
    assert error.startswith(f"error: {name}: unsupported format; {hint}; supported: .csv, .tsv")
    assert all(ending in error for ending in ENDINGS)


def test_missing_folders_and_folders_without_data_say_what_is_missing(
    refuse: Refuse, tmp_path: Path
) -> None:
    (tmp_path / "pictures").mkdir()
    assert "picturs: no such folder; did you mean pictures?" in refuse(2, "inspect", "picturs/")
    assert "picturs: no such file or folder; did you" in refuse(2, "classify", "picturs")
    assert "picturs: no such folder; did you mean" in refuse(2, "classify", "picturs/a.csv")
    assert f"pictures: no data; expected {formats.FOLDERS}" in refuse(2, "classify", "pictures")
