"""Run folders whose files are folders, pipes, devices or huge: one line, soon."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hiddenstate.runs import Run
from hiddenstate.runs.record import read_lines, seed_of
from hiddenstate.system.atomic_file import TEMPORARY
from tests.conftest import Cli

COMMANDS = (
    ("ctl", "regress-1", "stop"),
    ("watch", "regress-1", "--view", "lines"),
    ("runs",),
    ("compare", "regress-1", "regress-1"),
    ("verify", "regress-1", "--files-only"),
    ("resume", "regress-1", "--windows", "+2", "--view", "off"),
)

FILES = (
    "history.jsonl",
    "journal.jsonl",
    "config.json",
    "model.safetensors",
    "closed.json",
    "snapshots/shown.safetensors",
    "checkpoints/000000025.safetensors",
    "checkpoints",
    "snapshots",
)


def huge(path: Path) -> None:
    """A file of 1 TiB that takes no room."""
    with path.open("wb") as stream:
        stream.truncate(2**40)


KINDS: dict[str, Callable[[Path], object]] = {
    "folder": Path.mkdir,
    "pipe": os.mkfifo,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "huge": huge,
}


CASES = [
    *((file, "pipe") for file in FILES),
    *((file, "device") for file in ("history.jsonl", "model.safetensors")),
    *((file, "huge") for file in ("journal.jsonl", "config.json", FILES[6])),
    *((file, "folder") for file in ("history.jsonl", "closed.json")),
]


@pytest.mark.usefixtures("coarse", "blank")
@pytest.mark.parametrize(("file", "kind"), CASES)
def test_a_file_that_is_none_ends_no_command_in_a_trace_or_a_wait(file, kind, run_of, cli):
    path = run_of("regress").path / file
    path.rename(path.with_name("kept"))
    KINDS[kind](path)
    drawing = (("report", "regress-1"),) if "snapshots" in file else ()  # it takes a second
    for command in (*COMMANDS, *drawing):
        done = cli(*command)
        assert done.code in (0, 2, 3, 4), (command, done)
        assert len([line for line in done.err.splitlines() if line.startswith("error")]) <= 1
        if command[0] == "resume" and done.code:
            assert not list(path.parent.glob(f"{TEMPORARY}*"))


def test_a_line_without_an_end_is_not_read_to_its_end(run_of, monkeypatch):
    run: Run = run_of("regress")
    events = run.history()
    with (run.path / "history.jsonl").open("ab") as stream:
        stream.truncate(stream.tell() + 2**25)  # a hole, as a crash of the machine can leave
    lines = read_lines(run.path / "history.jsonl", True, seed_of(run.id))
    assert lines.entries == events
    assert len(lines.rest) < 2**22
    assert "its last line is cut short" in (run.damage("history.jsonl") or "")


@pytest.mark.parametrize("name", ["history.jsonl", "closed.json", "model.safetensors"])
def test_a_pipe_is_refused_before_anything_is_written(name: str, run_of, cli: Cli) -> None:
    path = run_of("regress").path
    (path / name).unlink()
    os.mkfifo(path / name)
    before = {p: p.read_bytes() for p in path.rglob("*") if p.is_file() and p.name != "lock"}
    done = cli("resume", path, "--windows", "+2", "--view", "off")
    assert done.code == 4
    assert f"{name}: not a regular file; remove it" in done.err
    assert {p: p.read_bytes() for p in before} == before
    assert (path / name).is_fifo()


@pytest.mark.usefixtures("coarse", "blank")
@pytest.mark.parametrize("command", ["report", "figures"])
def test_a_pipe_in_place_of_a_page_or_figure_stays(command: str, run_of, cli: Cli) -> None:
    path = run_of("regress").path
    pipe = path / {"report": "report.html", "figures": "figures/learning.png"}[command]
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    done = cli(command, path)
    assert (done.code, done.err.count("\n")) == (4, 1)
    assert f"{pipe.name}: not a regular file; remove it" in done.err
    assert pipe.is_fifo()
