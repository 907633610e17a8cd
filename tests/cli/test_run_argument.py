"""How commands find a run: names, mistakes in their place, and runs that ended badly."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate import Run
from tests.conftest import QUIET, Cli, Refuse

WAVES = ("regress", "--windows", 12, *QUIET)


@pytest.mark.usefixtures("coarse")
def test_a_named_run_is_known_by_its_name_to_every_command(cli: Cli, tmp_path: Path) -> None:
    assert cli(*WAVES, "--name", "sinus-1.b").code == 0
    (tmp_path / "sinus-1.b").mkdir()  # data of the same name
    assert "\nsinus-1.b\t" in cli("runs").out
    assert cli("compare", "sinus-1.b", "last").out.splitlines()[0] == "\tsinus-1.b\tsinus-1.b"
    assert cli("report", "sinus-1.b").out == "runs/sinus-1.b/report.html\n"
    assert "sinus-1.b" in (tmp_path / "runs/sinus-1.b/report.html").read_text()
    assert cli("resume", "sinus-1.b", "--windows", "+3", "--view", "off").code == 0


def test_the_name_of_a_run_that_exists_is_refused(cli: Cli, refuse: Refuse) -> None:
    cli(*WAVES, "--name", "a-seed1")
    assert "runs/a-seed1 already exists" in refuse(2, "regress", "--name", "a-seed1")
    assert "runs/a-seed1 already exists" in refuse(2, "regress", "--name", "a", "--seeds", 2)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "-a", ".a", "last", "a b", "a\n", "é" * 60])
def test_a_name_that_is_no_plain_name_is_refused(name: str, refuse: Refuse) -> None:
    assert "--name: expected letters, digits" in refuse(2, "regress", f"--name={name}")


@pytest.fixture
def table(cli: Cli, tmp_path: Path) -> Path:
    """A table, and a run that was trained on it after another was trained on the waves."""
    path = tmp_path / "signal file.csv"
    rows = "".join(f"{np.sin(t / 5):.4f},{np.cos(t / 5):.4f}\n" for t in range(60))
    path.write_text(f"x,y\n{rows}")
    words = ("--target", "y", "--max-steps", 2, *QUIET)
    assert cli("regress", path, *words, "--name", "on-table").code == 0
    assert cli(*WAVES).code == 0
    return path


def test_data_in_the_place_of_a_run_gets_the_right_command(table: Path, refuse: Refuse) -> None:
    data = table.name
    for words, right in {
        ("predict", data, "last"): f"predict last '{data}'",
        ("evaluate", data, "regress-1"): f"evaluate regress-1 '{data}'",
        ("predict", data): f"predict on-table '{data}'",
        ("watch", data): "watch on-table",
        ("figures", data): "figures on-table",
        ("compare", "last", data): "compare on-table",
    }.items():
        error = refuse(2, *words)
        assert f"{data}: not a run" in error
        assert f"use `hiddenstate {right}`" in error


def test_a_run_may_have_the_name_of_its_data(cli: Cli, table: Path) -> None:
    table.with_name("on-table").mkdir()  # data of the name, such as a folder of sounds
    assert cli("predict", "on-table", table.name).code == 0


def test_a_missing_run_or_folder_is_called_missing_with_the_nearest_name(
    cli: Cli, refuse: Refuse
) -> None:
    assert "runs: no such folder" in refuse(2, "watch", "last")
    assert "classify-1: no such run; runs: no such folder" in refuse(2, "report", "classify-1")
    cli(*WAVES)
    assert "regres-1: no such run; did you mean regress-1?" in refuse(2, "watch", "regres-1")
    assert "rnus: no such folder; did you mean runs?" in refuse(2, "runs", "--runs-dir", "rnus")
    assert "rnus: no such folder; did you mean runs?" in refuse(
        2, "watch", "last", "--runs-dir", "rnus"
    )


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("classify", "--cell", "LSTM"), "did you mean lstm?"),
        (("classify", "--CELL", "lstm"), "did you mean --cell?"),
        (("classify", "--hidden_size", "4"), "did you mean --hidden-size?"),
        (("classify", "--Epochs", "3"), "did you mean --epochs?"),
        (("watch", "last", "--view", "Lines"), "did you mean lines?"),
        (("predict", "last", "--format", "CSV"), "csv"),
        (("CLASSIFY",), "did you mean classify?"),
    ],
)
def test_wrong_case_is_a_hint(words: tuple[str, ...], hint: str, refuse: Refuse) -> None:
    assert hint in refuse(2, *words)


@pytest.mark.usefixtures("coarse")
def test_a_run_that_diverged_says_so_everywhere(cli: Cli, tmp_path: Path) -> None:
    assert cli("regress", "--lr", "1e25", "--name", "d", *QUIET).code == 5
    assert cli("runs").out.splitlines()[1].split("\t")[3] == "diverged"
    watched = cli("watch", "d", "--view", "lines")
    assert watched.code == 0
    assert watched.out.splitlines()[-1].startswith("diverged: training diverged in epoch 0, batch ")
    cli("report", "d")
    page = (tmp_path / "runs/d/report.html").read_text()
    assert "Training diverged; the run has no model." in page
    assert "training diverged in epoch 0, batch " in page


def test_a_watch_that_follows_a_run_until_it_diverges_ends_with_5(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("regress", "--lr", "1e25", *QUIET)
    before, passed = Run.status, threading.Event()

    def status(run: Run) -> Any:
        return before(run) if passed.is_set() else "running"

    monkeypatch.setattr(Run, "status", status)
    monkeypatch.setattr("hiddenstate.cli.view.time.sleep", lambda seconds: passed.set())
    followed = cli("watch", "last", "--view", "lines")
    assert followed.code == 5
    assert followed.err.startswith("error: runs/regress-1: training diverged in epoch 0")


def test_epochs_beyond_max_steps_are_not_added_silently(cli: Cli, refuse: Refuse) -> None:
    cli("regress", "--windows", 20, "--max-steps", 10, *QUIET)
    for words, more in {("--epochs", "+1"): 30, ("--windows", "+5"): 15}.items():
        error = refuse(2, "resume", "last", *words, "--view", "off")
        assert f"{words[0]}: nothing would change, since --max-steps ends the run" in error
        assert f"add --max-steps +{more}" in error
    both = cli("resume", "last", "--epochs", "+1", "--max-steps", "+15", "--view", "off")
    assert (both.code, Run(Path("runs/regress-1")).config.training.max_steps) == (0, 25)
    cli("regress", "--windows", 20, "--max-steps", 30, *QUIET)
    partly = cli("resume", "last", "--epochs", "+1", "--view", "off")
    assert "--max-steps ends the run after 30 of 40 steps" in partly.err


def test_resuming_a_finished_run_says_what_continues_it(cli: Cli, refuse: Refuse) -> None:
    cli(*WAVES)
    error = refuse(2, "resume", "last", "--view", "off")
    assert "`hiddenstate resume runs/regress-1 --windows +100`" in error


def test_a_search_and_a_sweep_are_named_as_such(cli: Cli, refuse: Refuse, tmp_path: Path) -> None:
    for folder, file in (("tune-a", "study.json"), ("a-by-b", "sweep.json")):
        path = tmp_path / "runs" / folder
        path.mkdir(parents=True)
        (path / file).write_text("{}")
    assert "it is a search, whose trials `hiddenstate runs" in refuse(2, "report", "tune-a")
    assert "it is a sweep, which predict" in refuse(2, "watch", "a-by-b")
    listed = cli("runs").err.splitlines()
    assert listed == [
        "a sweep: hiddenstate sweep runs/a-by-b",
        "a search: hiddenstate runs --runs-dir runs/tune-a",
    ]
