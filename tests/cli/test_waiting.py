"""A process that waits for its command runs it as the command line does."""

import json
from pathlib import Path

from tests import warm
from tests.conftest import Answer, Cli


def handed_over(text: str, folder: Path) -> Answer:
    """Run the process with `text` on its stdin."""
    process = warm.Piped(["-m", "hiddenstate.cli.waiting"], folder)
    printed = process.communicate(text)
    return Answer(process.wait(), *printed)


def test_the_command_runs_as_on_the_command_line(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,b,label\n" + "1,2,x\n3,4,y\n" * 20)
    words = ["inspect", "rows.csv", "--json"]
    own = handed_over(json.dumps(words) + "\n", tmp_path)
    assert own.code == 0
    assert own == cli(*words)

    wrong = handed_over(json.dumps(["inspect", "none.csv"]) + "\n", tmp_path)
    assert wrong.code == 2
    assert wrong.err.startswith("error: none.csv: ")
    assert wrong.err.count("\n") == 1


def test_stdin_of_the_command_is_empty(tmp_path: Path) -> None:
    done = handed_over(json.dumps(["inspect", "-"]) + "\na,b\n1,2\n", tmp_path)
    assert done.code == 2
    assert "stdin" in done.err


def test_without_a_command_it_ends(tmp_path: Path) -> None:
    for text in ("", '["classify"]'):  # whoever wrote was killed
        done = handed_over(text, tmp_path)
        assert done == (0, "", "")
    assert not list(tmp_path.iterdir())
