"""A process that waits for its command runs it as the command line does."""

import json
import subprocess
import sys
from pathlib import Path

WAITING = [sys.executable, "-m", "hiddenstate.cli.waiting"]


def handed_over(text: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run the process with `text` on its stdin."""
    return subprocess.run(WAITING, input=text, cwd=folder, capture_output=True, text=True)


def test_the_command_runs_as_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,b,label\n" + "1,2,x\n3,4,y\n" * 20)
    words = ["inspect", "rows.csv", "--json"]
    own = handed_over(json.dumps(words) + "\n", tmp_path)
    other = subprocess.run(
        [sys.executable, "-m", "hiddenstate", *words], cwd=tmp_path, capture_output=True, text=True
    )
    assert own.returncode == other.returncode == 0
    assert own.stdout == other.stdout
    assert own.stderr == other.stderr

    wrong = handed_over(json.dumps(["inspect", "none.csv"]) + "\n", tmp_path)
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("error: none.csv: ")
    assert wrong.stderr.count("\n") == 1


def test_stdin_of_the_command_is_empty(tmp_path: Path) -> None:
    done = handed_over(json.dumps(["inspect", "-"]) + "\na,b\n1,2\n", tmp_path)
    assert done.returncode == 2
    assert "stdin" in done.stderr


def test_without_a_command_it_ends(tmp_path: Path) -> None:
    for text in ("", '["classify"]'):  # whoever wrote was killed
        done = handed_over(text, tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not list(tmp_path.iterdir())
