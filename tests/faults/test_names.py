"""Names with newlines, escape codes, markup or formulas are printed escaped, on one line."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from tools.stress import strange_names
from tools.stress.processes import Ended

from tests.conftest import Cli


def test_an_unusual_name_changes_nothing_else_in_the_output(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hiddenstate.report.html.pictures.DOTS", 24)

    def run(args: Sequence[str], folder: Path) -> Ended:
        os.chdir(folder)
        return Ended(*cli(*args))

    outcome = strange_names.names(tmp_path / "names", ["all of these"], run, None)
    assert outcome.findings == []
    assert outcome.counts["svg figures read"] > 1


def test_a_name_printed_unescaped_is_a_finding() -> None:
    sound = Ended(0, "run: x\n", "")
    for out, fault in (
        ("run: \x1b[5;95mx\n", "unescaped"),
        ("run: \u202ex\n", "unescaped"),
        ("run:\nx\n", "2 lines, with a plain name 1"),
    ):
        assert fault in strange_names.judge(Ended(0, out, ""), ["runs"], False, sound)[0]
