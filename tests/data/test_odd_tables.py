"""Odd tables of each kind are read as they were, or refused with the same words."""

from pathlib import Path

from tests.data import odd_tables


def test_odd_tables_keep_their_roles(tmp_path: Path) -> None:
    expected = odd_tables.GOLDEN.read_text().splitlines()
    assert len(expected) == odd_tables.TABLES
    for i, table in odd_tables.tables(every=3):
        assert f"{i:03d} {table.name} {odd_tables.reading(table, tmp_path)}" == expected[i]
