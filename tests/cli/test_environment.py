"""Commands in a process with closed streams, or with odd environment variables."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hiddenstate.kernels import default_threads, processors
from tests.conftest import Answer

REGRESS = ("regress", "--windows", "4", "--view", "off", "--threads", "1")


def shell(command: str, tmp_path: Path, **variables: str) -> Answer:
    """Run `hiddenstate COMMAND` in a shell, which carries out its redirections."""
    full = f"exec {sys.executable} -m hiddenstate {command}"
    environment = {**os.environ, **variables}
    done = subprocess.run(
        full, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    return Answer(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-", "1</dev/null 2</dev/null"])
def test_a_stream_that_is_closed_is_like_the_null_device(closed: str, tmp_path: Path) -> None:
    done = shell(f"{' '.join(REGRESS)} {closed}", tmp_path)
    assert done.code == 0
    assert "rror" not in done.err
    run = tmp_path / "runs" / "regress-1"
    assert b'"event": "end"' in (run / "history.jsonl").read_bytes()
    for path in (path for path in run.rglob("*") if path.suffix != ".safetensors"):
        assert path.is_dir() or b"Window:" not in path.read_bytes()  # what was printed


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="requires /dev/full")
def test_a_log_on_a_full_disk_ends_no_command(tmp_path: Path) -> None:
    assert shell(f"{' '.join(REGRESS)} 2>/dev/full", tmp_path).code == 0
    assert (tmp_path / "runs" / "regress-1" / "model.safetensors").is_file()
    assert shell("regress --windows none 2>/dev/full", tmp_path).code == 2
    assert shell("predict regress-1 2>/dev/full", tmp_path).code == 0


def test_an_error_with_a_closed_stderr_has_its_exit_code(tmp_path: Path) -> None:
    assert shell("regress --windows none 2>&-", tmp_path).code == 2


def test_figures_are_drawn_whatever_matplotlib_is_told(run_of, tmp_path: Path) -> None:
    run_of("regress")
    odd = {"MPLBACKEND": "garbage", "SOURCE_DATE_EPOCH": "x"}
    done = shell("figures regress-1 --format svg", tmp_path, **odd)
    assert done.code == 0
    assert done.err == "warning: SOURCE_DATE_EPOCH: not a number of seconds; it is ignored\n"


def test_an_odd_environment_changes_no_result(run_of, tmp_path: Path) -> None:
    run_of("regress")
    odd = {
        "COLUMNS": "x",
        "LINES": "-5",
        "TERM": "odd",
        "HOME": "",
        "TMPDIR": "/nonexistent",
        "LC_ALL": "C",
        "PYTHONIOENCODING": "ascii",
        "OMP_NUM_THREADS": "1e3",
    }
    plain, strange = shell("runs", tmp_path), shell("runs", tmp_path, **odd)
    assert strange == plain


def test_a_name_that_the_terminal_cannot_print_is_escaped(run_of, tmp_path: Path) -> None:
    run_of("regress").path.rename(tmp_path / "runs" / "数-1")
    done = shell("runs", tmp_path, PYTHONIOENCODING="latin-1")
    assert done.code == 0
    assert "\\u6570-1" in done.out


@pytest.mark.parametrize(
    ("value", "threads"),
    [
        *(("4", 4), ("4,2", 4), (" 3 ", 3)),
        *((odd, None) for odd in ("0", "-1", "1e3", "", "x", "²", "4294967297", "4097")),
        ("9" * 5000, None),
    ],
)
def test_the_number_of_threads_is_one_that_can_be_started(
    value: str, threads: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert default_threads() == (threads or processors())
