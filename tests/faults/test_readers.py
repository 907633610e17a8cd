"""A share of `tools.stress.data_files`: damaged files become datasets or errors of ours."""

from pathlib import Path
from typing import Any

import pytest
from tools.stress import data_files as fuzz

from hiddenstate.errors import DataError

FILES = 80
"""Damaged files of each reader; each is read for one of its uses."""


@pytest.mark.parametrize("name", fuzz.READERS)
def test_a_damaged_file_is_a_dataset_or_one_line_that_says_why_not(
    name: str, tmp_path: Path
) -> None:
    place = fuzz.Place(name, tmp_path)
    ends: set[str] = set()
    for number in range(FILES):
        outcome = fuzz.try_file(place, seed=1, number=number, uses=1)
        assert not outcome.findings, f"--reader '{name}' --seed 1 --at {number}"
        ends |= set(outcome.ends)
    assert ends >= {"dataset", "DataError"}
    assert ends <= set(fuzz.KINDS)


@pytest.mark.parametrize("name", fuzz.READERS)
def test_a_sound_file_is_a_dataset_for_every_use(name: str, tmp_path: Path) -> None:
    place = fuzz.Place(name, tmp_path)
    for job, options in place.reader.uses:
        given = place.options(options)
        assert fuzz.train(job, given) == []
        assert fuzz.new_rows(job, given) == []


def test_what_is_no_error_of_ours_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = fuzz.Place("npy", tmp_path)
    for error, said in (
        (ZeroDivisionError("x"), "exception: ZeroDivisionError: x"),
        (DataError("two\nlines"), "message: 'two\\nlines'"),
    ):

        def spoilt(job: str, options: dict[str, Any], error: Exception = error) -> list[str]:
            raise error

        monkeypatch.setattr(fuzz, "train", spoilt)
        assert said in fuzz.try_file(place, 0, 0).findings[0]
