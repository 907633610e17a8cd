"""Leaks are stored as values, read back, and worded with the option that removes them."""

from typing import Any

import numpy as np
import pytest

from hiddenstate.data.leaks import BLOCK, MAX_ROWS, Leak, leaks_as_facts, leaks_from, looked_at

LEAKS = (
    Leak("label", 500, 500, "cancel code"),
    Leak("target", 396, 400, "temp_f"),
    Leak("group", 1, 1, "person", 50_000),
    Leak("equal", 44, 60),
)


def test_leaks_are_read_back_as_they_were_stored() -> None:
    assert leaks_from(leaks_as_facts(LEAKS)) == LEAKS


@pytest.mark.parametrize(
    "stored",
    [
        None,
        "label",
        ["label"],
        [{"kind": "label"}],
        [{"kind": "other", "rows": 1, "of": 1, "column": "a"}],
        [{"kind": "label", "rows": True, "of": 1, "column": "a"}],
        [{"kind": "label", "rows": -1, "of": 1, "column": "a"}],
        [{"kind": "label", "rows": 1, "of": 1, "column": 3}],
        [{"kind": "label", "rows": 1, "of": 1}],
        [{"kind": "equal", "rows": 1, "of": 1, "column": "a"}],
        [{"kind": ["label"], "rows": 1, "of": 1, "column": "a"}],
    ],
)
def test_what_is_damaged_in_a_run_is_left_out(stored: Any) -> None:
    assert leaks_from({"leaks": stored}) == ()


def test_the_words_end_with_the_option_as_a_shell_takes_it() -> None:
    label, target, group, equal = (leak.in_words() for leak in LEAKS)
    assert label == (
        "column cancel code alone gives the label of all 500 rows; if it is known only later, add "
        "--drop 'cancel code'"
    )
    assert "of the target in 396 of 400 rows; " in target
    assert target.endswith("add --drop temp_f")
    some = Leak("label", 5_000, 50_000, "a", 50_000).in_words()
    assert "gives the label of 5,000 of 50,000 rows that were looked at; " in some
    assert "all 1 test row share theirs" in group
    assert "(50,000 rows were looked at)" in group
    assert group.endswith("add --group person")
    assert equal.startswith("44 of 60 test rows equal training rows, so the score is too good; ")
    assert equal.endswith("add --split distinct")


def test_a_name_with_control_characters_stays_on_one_line() -> None:
    assert "\n" not in Leak("label", 9, 9, "a\nb").in_words()


@pytest.mark.parametrize("n", [1, BLOCK, MAX_ROWS, MAX_ROWS + 1, 10 * MAX_ROWS + 7])
def test_of_many_rows_even_blocks_are_looked_at(n: int) -> None:
    rows = looked_at(n)
    assert len(rows) == min(n, MAX_ROWS)
    assert (rows[0], rows[-1]) == (0, n - 1)
    assert (np.diff(rows).reshape(-1)[: BLOCK - 1] == 1).all()
    if n > 2 * MAX_ROWS:
        assert len(np.unique(rows)) == len(rows)
