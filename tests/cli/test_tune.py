"""`hiddenstate tune`: the same command goes on with a study, and nothing is lost or mixed up."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from hiddenstate import Run
from hiddenstate.cli.tune_progress import SearchProgress
from tests import warm
from tests.conftest import Answer, Cli, needs_kernels
from tests.scale.tune.studies import write_sensors

pytestmark = needs_kernels

FIXED = ("--epochs", 3, "--members", 1, "--no-stem", "--no-convolutions", "--threads", 1)
SPACE = "[space]\nlr = {low = 1e-3, high = 1e-1, log = true}\nhidden_size = [3, 5]\n"


@pytest.fixture
def tune(cli: Cli, tmp_path: Path) -> Cli:
    """Run `hiddenstate tune sensors.csv` with a small space."""
    write_sensors(tmp_path / "sensors.csv")
    (tmp_path / "space.toml").write_text(SPACE)

    def run(*arguments: object) -> Answer:
        return cli("tune", "sensors.csv", "--space", "space.toml", *FIXED, *arguments)

    return run


def test_a_study_ends_with_a_table_figures_and_a_run_of_the_best(tune: Cli, tmp_path: Path) -> None:
    done = tune("--trials", 4)
    assert done.code == 0, done.err
    head, best, *_ = (line.split("\t") for line in done.out.splitlines())
    assert head == ["trial", "valid_loss", "lr", "hidden_size", "best epoch"]
    folder = tmp_path / "runs" / "tune-sensors"
    for name in ("history", "importance"):
        assert (folder / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    run = Run(folder / "best")
    chosen = Run(folder / f"trial-{int(best[0]):04d}")
    assert run.config.flat()["lr"] == chosen.config.flat()["lr"]
    assert (run.n_rows("train"), run.n_rows("test")) == (48, 12)
    assert (chosen.n_rows("train"), chosen.n_rows("valid")) == (39, 9)
    assert (run.config.training.threads, chosen.config.training.threads) == (1, 1)
    assert "test_accuracy" in (run.results() or {})
    assert "test_accuracy" not in (chosen.results() or {})
    assert "test rows are held out" in done.err
    assert "job: classify, the first that fits" in done.err


def test_a_search_of_which_all_trials_failed_ends_with_their_error(
    tune: Cli, tmp_path: Path
) -> None:
    (tmp_path / "space.toml").write_text("[space]\ndropout = [0.3, 0.5]\n")  # needs two layers
    done = tune("--trials", 1, "--recipe", "classic", "--json")
    assert done.code == 2
    assert "no trial is complete; one failed: " in done.err
    assert json.loads(done.out)["best_run"] is None


def test_the_same_command_goes_on_and_another_is_refused(tune: Cli, tmp_path: Path) -> None:
    begun = tune("--trials", 2, "--json")
    first = json.loads(begun.out)
    more = json.loads(tune("--trials", 3, "--json").out)
    assert [trial["trial"] for trial in more["trials"]] == [0, 1, 2]
    assert more["trials"][:2] == first["trials"]
    again = tune("--trials", 3, "--json")
    assert again.out == json.dumps(more) + "\n"
    assert "training the best" in begun.err
    assert "training the best" not in again.err
    other = tune("--trials", 3, "--patience", 2)
    assert (other.code, other.out) == (2, "")
    assert "patience: 2, there 0" in other.err
    assert "use another --name" in other.err
    assert "(seed: 5, there 0)" in tune("--trials", 3, "--seed", 5).err
    with (tmp_path / "sensors.csv").open("a") as table:
        table.write(",".join(["0"] * 12) + ",a\n")
    changed = tune("--trials", 3)
    assert changed.code == 2
    assert "another study of this name (data: fingerprint" in changed.err


def test_ctrl_c_loses_nothing_and_resume_goes_on(
    tune: Cli, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(self: SearchProgress, slots: Any, number: int) -> None:
        signal.raise_signal(signal.SIGINT)  # in this thread, before anything else happens

    with monkeypatch.context() as patch:
        patch.setattr(SearchProgress, "finished", stop)
        ended = tune("--trials", 3)
    assert ended.code == 130
    assert "nothing is lost; `hiddenstate resume runs/tune-sensors` goes on" in ended.err
    done = cli("resume", "tune-sensors", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["done"] + found["pruned"] == 3
    assert found["unfinished"] == 0
    refused = cli("resume", "tune-sensors", "--epochs", "+1")
    assert refused.code == 2
    assert "is a study" in refused.err


def test_the_variable_does_not_replace_the_database_of_a_study(
    tune: Cli, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = f"sqlite:///{tmp_path / 'own.sqlite3'}"
    assert tune("--trials", 1, "--storage", own).code == 0
    monkeypatch.setenv("HIDDENSTATE_STORAGE", f"sqlite:///{tmp_path / 'other.sqlite3'}")
    resumed = cli("resume", "tune-sensors", "--json")
    assert resumed.code == 0, resumed.err
    assert json.loads(resumed.out)["done"] == 1
    assert f"HIDDENSTATE_STORAGE: names another database; the study's own, {own}" in resumed.err
    assert not (tmp_path / "other.sqlite3").exists()
    monkeypatch.setenv("HIDDENSTATE_STORAGE", own)
    assert "HIDDENSTATE_STORAGE" not in cli("resume", "tune-sensors", "--json").err


def test_several_workers_share_the_trials(
    tune: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As forks: tests/scale starts processes of a new Python."""
    monkeypatch.setattr("multiprocessing.get_context", lambda method=None: warm.FORKS)
    done = tune("--trials", 3, "--workers", 2, "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["done"] + found["pruned"] == 3
    runs = {run for trial in found["trials"] for run in trial["runs"]}
    assert runs == {"trial-0000", "trial-0001", "trial-0002"}


def test_no_password_is_printed_or_written(
    tune: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hiddenstate.scale.tune.storage.START_PATIENCE", 0.0)
    url = "postgresql://ada:hunter2@127.0.0.1:1/studies"
    refused = tune("--storage", url)
    assert refused.code == 3
    assert "hunter2" not in refused.out + refused.err
    assert refused.err.count("error:") == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("--storage", "mysql://db/x"), 2, "unsupported database"),
        (("--storage", "x.db"), 2, "no URL"),
        (("--trials", 0), 2, "--trials: expected a whole number from 1"),
        (("--space", "none.toml"), 2, "no such file"),
        (("--hidden-size", 8), 2, "--hidden-size: is in the search space too"),
        (("--valid-fraction", 0), 2, "--valid-fraction"),
        (("--job", "classify", "--horizon", 1), 2, "classify has no such option"),
        (("--job", "regres"), 2, "did you mean regress?"),
    ],
)
def test_refuses(
    tune: Cli, tmp_path: Path, arguments: tuple[object, ...], code: int, why: str
) -> None:
    refused = tune(*arguments)
    assert refused.code == code, refused.err
    assert why in refused.err
    assert not (tmp_path / "runs").exists()


def test_stdin_is_refused(cli: Cli) -> None:
    refused = cli("tune", "-", "--job", "classify")
    assert refused.code == 2
    assert "cannot read stdin" in refused.err


def test_a_file_in_the_way_is_refused(tune: Cli, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "tune-sensors").write_text("x")
    refused = tune()
    assert refused.code == 2
    assert "is a file; use another --name" in refused.err


def test_the_folder_of_a_run_is_refused(tune: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "wise-otter"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    refused = tune("--name", "wise-otter")
    assert refused.code == 2
    assert "wise-otter: is a run; use another --name" in refused.err
    assert [path.name for path in folder.iterdir()] == ["config.json"]


def test_no_test_scores_holds_for_the_best_too(tune: Cli) -> None:
    assert "use --teach none" in tune("--teach", "convolutions").err
    done = tune("--trials", 1, "--no-test-scores", "--json", "--teach", "none")
    assert done.code == 0, done.err
    assert not [name for name in json.loads(done.out)["results"] if name.startswith("test_")]
    assert "nothing is scored on them" in done.err


def test_a_damaged_study_is_refused(tune: Cli, tmp_path: Path) -> None:
    assert tune("--trials", 1).code == 0
    path = tmp_path / "runs" / "tune-sensors" / "study.json"
    path.write_text(path.read_text().replace('"n_trials": 1', '"n_trials": 2'))
    refused = tune("--trials", 1)
    assert refused.code == 4
    assert "study.json: damaged" in refused.err
