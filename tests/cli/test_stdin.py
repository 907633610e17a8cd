"""DATA from stdin: named `-`, kept in the run folder, and refused where it cannot be read."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hiddenstate.cli import stdin as stdin_module
from hiddenstate.config import make_config
from hiddenstate.data.readers.formats import STDIN_NAMES, stdin_name
from hiddenstate.runs import Run
from hiddenstate.runs.run_data import run_dataset
from tests.conftest import QUIET, Answer, Cli, Refuse

ROWS = "a,b,label\n" + "".join(f"{k % 5},{k % 2}.5,{'pq'[k % 2]}\n" for k in range(24))

Pipe = Callable[..., Answer]


class _Stdin(io.TextIOWrapper):
    terminal = False

    def isatty(self) -> bool:
        return self.terminal


def put(monkeypatch: pytest.MonkeyPatch, data: str | bytes) -> _Stdin:
    """Make `data` what stdin holds."""
    held = _Stdin(io.BytesIO(data.encode() if isinstance(data, str) else data))
    monkeypatch.setattr(sys, "stdin", held)
    return held


@pytest.fixture
def pipe(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Pipe:
    """Run a command with what stdin holds: `pipe(data, "classify", "-")`."""

    def run(data: str | bytes, *words: object) -> Answer:
        put(monkeypatch, data)
        return cli(*words)

    return run


def test_a_run_keeps_its_rows_and_is_resumed_evaluated_and_verified(
    pipe: Pipe, cli: Cli, tmp_path: Path
) -> None:
    answer = pipe(ROWS, "classify", "-", "--max-steps", 2, *QUIET)
    assert answer.code == 0, answer
    assert "data: stdin.csv, a wide CSV table" in answer.out
    run = tmp_path / "runs" / "classify-1"
    assert (run / "stdin.csv").read_text() == ROWS
    assert cli("resume", "classify-1", "--max-steps", "+1", "--view", "off").code == 0
    assert "rows: 4" in cli("evaluate", "classify-1").out
    assert cli("verify", "classify-1", "--steps", 2).code == 0
    values = {**Run(run).config.flat(), "test_fraction": 0.5}
    other = run_dataset(Run(run), make_config("classify", values))
    assert len(other.require_test()) == 12  # with another option the kept rows are read too
    (run / "stdin.csv").unlink()
    for words in (("evaluate", "classify-1"), ("resume", "classify-1", "--max-steps", "+1")):
        answer = cli(*words)
        assert answer.code == 2
        assert "its rows came from stdin, and the file that kept them" in answer.err
    assert "stdin.csv" in cli("verify", "classify-1").out


def test_other_commands_read_stdin_like_a_file(pipe: Pipe, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(ROWS)
    assert cli("classify", "t.csv", "--max-steps", 2, *QUIET).code == 0
    for words in (("predict", "classify-1"), ("evaluate", "classify-1")):
        assert pipe(ROWS, *words, "-") == cli(*words, "t.csv")
    inspected = pipe(ROWS, "inspect", "-").out
    assert inspected == cli("inspect", "t.csv").out.replace("t.csv: ", "stdin.csv: ").replace(
        "t.csv", "-"
    ).replace("stdin.-", "stdin.csv")


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"a,b\n1,2\n", "stdin.csv"),
        (b'\xef\xbb\xbf\n{"a": 1}\n', "stdin.jsonl"),
        (b"\x1f\x8bnothing", "stdin.csv.gz"),
        (b"PAR1", "stdin.parquet"),
        (b"RIFF\0\0\0\0WAVE", "stdin.wav"),
        (b"\x93NUMPY\1\0", "stdin.npy"),
        (b"PK\3\4" + b"\0" * 26 + b"X.npy", "stdin.npz"),
        (b"PK\3\4" + b"\0" * 26 + b"[Content_Types].xml", "stdin.xlsx"),
        (b"# about\n@problemName x\n", "stdin.ts"),
    ],
)
def test_the_format_follows_from_the_first_bytes(head: bytes, name: str) -> None:
    assert stdin_name(head) == name
    assert name in STDIN_NAMES


def test_bad_rows_are_refused_as_those_of_stdin(
    refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(monkeypatch, ROWS + "1,2\n")
    assert refuse(2, "classify", "-").startswith("error: stdin:26: expected 3 columns")
    put(monkeypatch, "")
    assert refuse(2, "inspect", "-") == "error: stdin: empty, no rows\n"


def test_more_rows_than_a_run_keeps_are_refused(
    refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hiddenstate.cli.train.KEPT", 2**20)
    monkeypatch.setattr(stdin_module, "PIECE", 1000)
    put(monkeypatch, ROWS + "1,2,p\n" * 200_000)
    assert "stdin: more than 1 MiB; save it to a file" in refuse(2, "classify", "-")


def test_a_terminal_and_other_files_from_stdin_are_refused(
    refuse: Refuse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    held = put(monkeypatch, ROWS)
    for flag in ("--test", "--answers"):
        assert f"{flag}: only DATA is read from stdin" in refuse(2, "classify", "-", flag, "-")
    held.terminal = True
    for words in (("inspect", "-"), ("regress", "-")):
        assert "DATA: - reads stdin, which is a terminal" in refuse(2, *words)
