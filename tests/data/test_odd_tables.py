"""Odd tables of each kind are read as they were, or refused with the same words."""

from pathlib import Path

import pytest
from tools import odd_tables

from hiddenstate.kernels import VARIABLE


@pytest.mark.parametrize("level", ["", "off"])
def test_odd_tables_keep_their_roles(
    tmp_path: Path, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, level)
    expected = odd_tables.GOLDEN.read_text().splitlines()
    assert len(expected) == odd_tables.TABLES
    for i, table in odd_tables.tables(every=4):
        assert f"{i:03d} {table.name} {odd_tables.reading(table, tmp_path)}" == expected[i]
