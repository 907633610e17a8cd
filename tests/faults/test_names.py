"""Names with newlines, escape codes, markup and formulas are printed escaped, a line as a line."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from tools.stress import strange_names
from tools.stress.processes import Ended

from tests.conftest import Cli


@pytest.mark.parametrize("kind", ["newline", "escape codes", "markup", "a formula", "directions"])
def test_a_strange_name_changes_nothing_but_itself(
    kind: str, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hiddenstate.report.html.pictures.DOTS", 24)

    def run(args: Sequence[str], folder: Path) -> Ended:
        os.chdir(folder)
        return Ended(*cli(*args))

    outcome = strange_names.names(tmp_path / "names", [kind], run, None)
    assert outcome.findings == []
    assert outcome.counts["svg figures read"] > 1


def test_a_name_printed_as_it_is_is_a_finding() -> None:
    sound = Ended(0, "run: x\n", "")
    for out, said in (
        ("run: \x1b[5;95mx\n", "as it is"),
        ("run: \u202ex\n", "as it is"),
        ("run:\nx\n", "2 lines, with a plain name 1"),
    ):
        assert said in strange_names.judge(Ended(0, out, ""), ["runs"], False, sound)[0]
