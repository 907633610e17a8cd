"""What verify says of a study: its settings, its database and its runs."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hiddenstate.scale.tune.check import check_study
from tests.conftest import Cli, answer_to, needs_kernels

pytestmark = needs_kernels


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study of two trials."""
    folder = tmp_path_factory.mktemp("searched")
    data = folder / "t.csv"
    rows = "".join(f"{n % 7},{n % 5},{'ab'[n % 2]}\n" for n in range(40))
    data.write_text("temp,press,kind\n" + rows)
    words = ("--trials", 2, "--epochs", 1, "--recipe", "classic")
    done = answer_to(
        "tune", data, "--job", "classify", "--name", "s", *words, "--runs-dir", folder / "runs"
    )
    assert done.code == 0, done.err
    return folder / "runs" / "s"


@pytest.fixture
def study(searched: Path, tmp_path: Path) -> Path:
    """A copy of it that may be damaged."""
    shutil.copytree(searched, tmp_path / "runs" / "s")
    return tmp_path / "runs" / "s"


def test_a_sound_study_is_one_line(cli: Cli, study: Path) -> None:
    done = cli("verify", "s")
    assert (done.code, done.out) == (0, "runs/s: 5 parts, every one is sound\n")
    listed = cli("verify", "s", "--all").out.splitlines()[1:]
    names = ("study.json", "study.sqlite3", "best", "trial-0000", "trial-0001")
    assert listed == [f"{name}: sound" for name in names]
    assert cli("verify", "s", "--steps", 3).code == 2


def hurt(path: Path, at: int, content: bytes) -> None:
    with path.open("r+b") as stream:
        stream.seek(at)
        stream.write(content)


def without_studies(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM studies")
    connection.close()


@pytest.mark.parametrize(
    ("file", "change", "part", "words"),
    [
        ("study.sqlite3", lambda p: hurt(p, 5000, bytes(4096)), "study.sqlite3", "damaged: "),
        ("study.sqlite3", lambda p: hurt(p, 0, b"?"), "study.sqlite3", "not a database"),
        ("study.sqlite3", Path.unlink, "study.sqlite3", "missing; the command"),
        ("study.sqlite3", lambda p: p.write_bytes(b""), "study.sqlite3", "no such table"),
        ("study.sqlite3", without_studies, "study.sqlite3", "does not hold the study s"),
        ("study.json", lambda p: hurt(p, 20, b"?"), "study.json", "study.json"),
        ("trial-0001/history.jsonl", lambda p: hurt(p, 9, b"?"), "trial-0001", "history.jsonl"),
        ("best/model.safetensors", Path.unlink, "best", "model.safetensors"),
        ("trial-0000/config.json", Path.unlink, "trial-0000", "config.json"),
    ],
)
def test_each_damaged_part_is_named(
    cli: Cli, study: Path, file: str, change: Callable[[Path], object], part: str, words: str
) -> None:
    change(study / file)
    done = cli("verify", "s")
    assert done.code == 4
    assert f"1 of 5 parts damaged: {part}; " in done.err
    assert words in done.err
    assert done.out == f"runs/s: 1 of 5 parts DAMAGED\n{part}: DAMAGED\n"


def test_a_database_whose_writer_was_killed_is_no_damage(study: Path) -> None:
    """The next search undoes what the process had written; verify changes nothing."""
    database = study / "study.sqlite3"
    program = (
        "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1])"
        "; c.execute('PRAGMA cache_size=1'); c.execute('CREATE TABLE t (x)'); c.commit()"
        "; c.executemany('INSERT INTO t VALUES (?)', [('x' * 4000,)] * 200); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", program, database], check=False).returncode == 9
    assert study.joinpath("study.sqlite3-journal").stat().st_size
    assert dict(check_study(study))["study.sqlite3"] is None
    assert study.joinpath("study.sqlite3-journal").exists()
