"""The command track: what it prints, and what it refuses."""

import shutil
import socket
import sys
from importlib import import_module

import pytest

from hiddenstate.system.extras import command
from tests.conftest import Cli, Refuse
from tests.scale.track.trackers import Memory

pytest.importorskip("tensorboard")


@pytest.fixture(autouse=True)
def no_figures(monkeypatch, tmp_path):
    monkeypatch.setattr("hiddenstate.views.save.draw_figures", lambda run: [])
    monkeypatch.setattr("hiddenstate.views.offscreen.lower_priority", lambda: None)
    for name in ("MLFLOW_TRACKING_URI", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_a_finished_run_is_followed_once(cli: Cli, run_of):
    run = run_of("autoencode")
    answer = cli("track", run.name, "--to", "tensorboard")
    assert (answer.code, answer.err) == (0, "")
    n = sum(len(e) - 3 for e in run.history() if e["event"] == "log")
    assert answer.out == f"autoencode-1: done, {n} new points in tensorboard/autoencode-1\n"
    again = cli("track", run.name, "--to", "tensorboard")
    assert again.out == "autoencode-1: done, 0 new points in tensorboard/autoencode-1\n"


def test_all_runs_are_followed_and_damaged_ones_left_out(cli: Cli, run_of, tmp_path):
    run_of("autoencode"), run_of("regress")
    bad = tmp_path / "runs" / "bad"
    bad.mkdir()
    (bad / "config.json").write_text("{}")
    answer = cli("track", "--all", "--to", "tensorboard", "--into", "tb")
    assert answer.code == 0
    assert [line.split(":")[0] for line in answer.out.splitlines()] == ["autoencode-1", "regress-1"]
    assert "warning: runs/bad/config.json: not a run's config.json" in answer.err
    assert {path.name for path in (tmp_path / "tb").iterdir()} == {"autoencode-1", "regress-1"}


def test_runs_that_come_later_or_take_a_name_are_found_once_and_damage_is_told_once(
    run_of, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    first, runs = run_of("autoencode"), tmp_path / "runs"
    find = import_module("hiddenstate.cli.track")._every(runs, lambda run: Memory(), keep=True)

    def found():
        return [follower.run.id for follower in find()]

    assert found() == [first.id]
    assert found() == []
    copied = runs / "copied"
    copied.mkdir()  # a folder that is being copied has no config.json at first
    assert found() == []
    (runs / "bad").mkdir()
    (runs / "bad" / "config.json").write_text("{}")
    assert found() == []
    other = run_of("regress")
    shutil.copy(other.path / "config.json", copied)
    assert found() == [other.id, other.id]
    moved = first.path.rename(tmp_path / "moved")
    assert found() == []
    moved.rename(first.path)
    assert found() == [first.id]
    shutil.rmtree(first.path)
    other.path.rename(first.path)
    assert found() == [other.id]
    assert capsys.readouterr().err.count("bad/config.json") == 1


def test_all_runs_at_a_server_that_is_away_are_one_error(refuse: Refuse, run_of):
    run_of("autoencode"), run_of("regress")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    assert "cannot be reached" in refuse(3, "track", "--all", "--to", "mlflow", "--url", url)


def test_a_run_among_many_that_is_refused_is_the_exit_code(cli: Cli, run_of, tmp_path):
    run_of("autoencode"), run_of("regress")
    assert cli("track", "regress-1", "--to", "tensorboard").code == 0
    (tmp_path / "tensorboard" / "regress-1").rename(tmp_path / "tensorboard" / "autoencode-1")
    answer = cli("track", "--all", "--to", "tensorboard")
    assert answer.code == 2
    assert answer.out.startswith("regress-1: done")
    assert "autoencode-1: holds the events of another run" in answer.err


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["clasify-1", "--to", "tensorboard"], 2, "no such run"),
        (["--to", "tensorboard"], 2, "no run; name one, use last, or --all"),
        (["autoencode-1", "--all", "--to", "tensorboard"], 2, "--all: follows every run"),
        (["autoencode-1"], 2, "missing option '--to'"),
        (["autoencode-1", "--to", "comet"], 2, "'comet' is not one of"),
        (["autoencode-1", "--to", "tensorboard", "--url", "http://x"], 2, "--url: TensorBoard"),
        (["autoencode-1", "--to", "tensorboard", "--project", "x"], 2, "--project: TensorBoard"),
        (["autoencode-1", "--to", "mlflow", "--into", "x"], 2, "--into: MLflow has a server"),
        (["autoencode-1", "--to", "mlflow", "--project", " "], 2, "--project: expected a name"),
        (["autoencode-1", "--to", "mlflow", "--url", "ftp://x"], 2, "--url: expected http://"),
        (["--all", "--runs-dir", "nowhere", "--to", "tensorboard"], 2, "nowhere: no such folder"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(refuse: Refuse, run_of, words, code, says):
    run_of("autoencode")
    assert says in refuse(code, "track", *words)


@pytest.mark.parametrize(
    "url",
    ["http://me:hunter2@h:1", "http://h:1/?token=hunter2", "me:hunter2@h:1", "http:/a:hunter2@h"],
)
def test_a_password_in_an_address_is_neither_used_nor_shown(
    refuse: Refuse, run_of, tmp_path, monkeypatch, url
):
    run_of("autoencode")
    for tracker in ("mlflow", "wandb"):
        assert "hunter2" not in refuse(2, "track", "autoencode-1", "--to", tracker, "--url", url)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
    assert "hunter2" not in refuse(2, "track", "autoencode-1", "--to", "mlflow")


@pytest.mark.parametrize("tracker", ["tensorboard", "mlflow", "wandb"])
def test_a_missing_extra_is_one_line(refuse: Refuse, run_of, monkeypatch, tracker):
    run_of("autoencode")
    for name in [name for name in sys.modules if name.split(".")[0] == tracker]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, tracker, None)
    said = refuse(3, "track", "autoencode-1", "--to", tracker)
    assert command(tracker) in said


def test_a_damaged_run_is_refused(refuse: Refuse, run_of):
    run = run_of("autoencode")
    (run.path / "config.json").write_text('{"format": 5}')
    refuse(4, "track", run.path, "--to", "tensorboard")


def test_an_interrupted_follower_ends_with_the_code_of_the_signal(cli: Cli, run_of, monkeypatch):
    run_of("autoencode")

    def stopped(find, should_stop, *args, **kwargs):
        should_stop.trigger(15)

    monkeypatch.setattr("hiddenstate.scale.track.follow", stopped)
    answer = cli("track", "autoencode-1", "--to", "tensorboard")
    assert answer.code == 143
    assert "the same command continues" in answer.err
