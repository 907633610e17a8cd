"""A damaged data file gives a valid dataset or a one-line error."""

from pathlib import Path
from typing import Any

import pytest
from tools.stress import data_files as fuzz

from hiddenstate.errors import DataError

FEW, MANY = 4, 80
"""Damaged files per reader, each read for one of its uses; `make stress` reads many more."""


@pytest.mark.parametrize("name", fuzz.READERS)
def test_a_damaged_file_gives_a_valid_dataset_or_a_one_line_error(
    name: str, tmp_path: Path
) -> None:
    place = fuzz.Place(name, tmp_path)
    ends: set[str] = set()
    for number in range(MANY):  # few, and more until one was read and one refused
        if number >= FEW and ends >= {"dataset", "DataError"}:
            break
        outcome = fuzz.try_file(place, seed=1, number=number, uses=1)
        assert not outcome.findings, f"--reader '{name}' --seed 1 --at {number}"
        ends |= set(outcome.ends)
    assert ends >= {"dataset", "DataError"}
    assert ends <= set(fuzz.KINDS)


@pytest.mark.parametrize("name", fuzz.READERS)
def test_an_intact_file_gives_a_valid_dataset_for_every_use(name: str, tmp_path: Path) -> None:
    place = fuzz.Place(name, tmp_path)
    for job, options in place.reader.uses:
        given = place.options(options)
        assert fuzz.train(job, given) == []
        assert fuzz.new_rows(job, given) == []


def test_another_exception_or_a_message_of_two_lines_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = fuzz.Place("npy", tmp_path)
    for error, finding in (
        (ZeroDivisionError("x"), "exception: ZeroDivisionError: x"),
        (DataError("two\nlines"), "message: 'two\\nlines'"),
    ):

        def failing(job: str, options: dict[str, Any], error: Exception = error) -> list[str]:
            raise error

        monkeypatch.setattr(fuzz, "train", failing)
        assert finding in fuzz.try_file(place, 0, 0).findings[0]
