"""Whole runs on several ranks: as one process's, lost, resumed, refused."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tools.stress import processes
from tools.stress.rank_hosts import environments, free_port

from hiddenstate.runs import Run
from tests import warm
from tests.conftest import Cli

pytest.importorskip("torch")

ARGS = [
    *("regress", "--no-stateful", "--windows", "60", "--epochs", "6", "--batch-size", "7"),
    *("--hidden-size", "6", "--log-every", "2", "--checkpoint-every", "2", "--threads", "1"),
    *("--view", "off", "--name", "both"),
]


TORCHRUN = """
import os, sys
from pathlib import Path
from torch.distributed import run
from torch.distributed.elastic.multiprocessing.subprocess_handler import SubprocessHandler
from tests import warm

def fork(handler, words, env):
    printed, errors = (Path(f"/proc/{os.getpid()}/fd/{number}") for number in (1, 2))
    own = [word for word in words[1:] if word != "-u"]
    return warm.Program(own, Path.cwd(), printed, env, errors)

SubprocessHandler._popen = fork
run.main(sys.argv[1:])
"""
"""It starts ranks as `torchrun` does, but as forks."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that torchrun trained on two ranks."""
    folder = tmp_path_factory.mktemp("whole")
    warm.preload_torch()
    torchrun = ["-c", TORCHRUN, "--nproc-per-node", "2", "--master-port", str(free_port())]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = warm.run([*torchrun, "-m", "hiddenstate", *ARGS, "--json"], folder, environment)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)  # one line: the other rank prints nothing
    assert (results["engine"], results["steps"]) == ("torch", 54)
    assert "torch on cpu, 2 ranks of 1 thread, float32, seed 0; run runs/both" in done.stderr
    return folder / "runs" / "both"


def losses(run: Run) -> list[float]:
    return [event["mean_loss"] for event in run.history() if event["event"] == "log"]


def test_the_run_is_that_of_one_process(whole: Path, cli: Cli, tmp_path: Path) -> None:
    one = cli(*ARGS, "--engine", "torch", "--runs-dir", tmp_path)
    assert one.code == 0
    alone = losses(Run(tmp_path / "both"))
    assert losses(Run(whole)) == pytest.approx(alone, rel=1e-4)
    assert Run(whole).record["engine"]["ranks"] == 2


def start_ranks(args: list[list[str]], folder: Path) -> list[warm.Program]:
    """Start a rank with each of some arguments, without torchrun, which would end them itself."""
    return [
        warm.Program(["-m", "hiddenstate", *own], folder, folder / f"rank{rank}.out", environment)
        for rank, (own, environment) in enumerate(zip(args, environments(len(args)), strict=True))
    ]


def wait_for_lines(folder: Path, n: int, ranks: list[warm.Program]) -> None:
    history = folder / "runs" / "both" / "history.jsonl"
    while ranks[0].poll() is None:
        if history.exists() and len(history.read_bytes().splitlines()) >= n:
            return
        time.sleep(0.001)


def test_a_lost_rank_ends_the_others_and_the_resumed_run_is_the_same(
    whole: Path, tmp_path: Path
) -> None:
    ranks = start_ranks([ARGS, ARGS], tmp_path)
    wait_for_lines(tmp_path, 3, ranks)  # of 27: it is not over when a busy machine gets here
    ranks[1].kill()
    assert ranks[0].wait(timeout=60) == 3
    error = (tmp_path / "rank0.out").read_text().splitlines()[-1]
    assert error.startswith("error: data parallel training on 2 ranks ended: rank 1 no longer")
    assert "resume with `torchrun ... -m hiddenstate resume runs/both`" in error
    assert [entry["event"] for entry in Run(tmp_path / "runs" / "both").journal()][-1] == "failed"
    for rank in (0, 1):
        (tmp_path / f"rank{rank}.out").unlink()
    ranks = start_ranks([["resume", "both", "--view", "off"]] * 2, tmp_path)
    assert [rank.wait() for rank in ranks] == [0, 0], (tmp_path / "rank0.out").read_text()
    assert processes.differences(tmp_path / "runs" / "both", whole) == []


def test_options_that_differ_on_a_rank_are_refused_in_one_line(tmp_path: Path) -> None:
    warm.preload_torch()
    own, other = environments(2)
    command = ["-m", "hiddenstate", *ARGS]
    first = warm.Program(command, tmp_path, tmp_path / "rank0.out", own)
    # Rank 1 is started as torchrun does, so that it sets how much torch says before it imports it.
    with (tmp_path / "rank1.out").open("wb") as out:
        second = subprocess.run(
            [sys.executable, *command, "--lr", "0.1"],
            cwd=tmp_path,
            env=other,
            stdout=out,
            stderr=out,
        )
    assert (first.wait(timeout=120), second.returncode) == (2, 2)
    said = [(tmp_path / f"rank{rank}.out").read_text() for rank in (0, 1)]
    why = "lr is 0.1, and None on rank 0; start all ranks with the same command"
    assert said == [f"error: rank 1: {why}\n", ""]
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["classify", "--seeds", "2"], "--seeds: torchrun trains one run; start it once for each"),
        (["classify", "-"], "DATA: - is the stdin of one process; name a file that every rank"),
        (["classify", "--engine", "native"], "--engine native: it trains in one process; under"),
        (
            ["predict", "a", "b"],
            "predict: torchrun starts classify, regress, autoencode, resume on",
        ),
    ],
)
def test_what_only_one_process_can_do_is_refused_before_the_ranks_meet(
    args: list[str], why: str, cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    launch_alone(monkeypatch)
    done = cli(*args, "--runs-dir", tmp_path / "runs")
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith(f"error: {why}")
    assert not (tmp_path / "runs").exists()


def launch_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process be the only rank of torchrun."""
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    variables = {"RANK": 0, "WORLD_SIZE": 1, "LOCAL_RANK": 0, "MASTER_PORT": free_port()}
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")


@pytest.mark.parametrize(("rank", "n_ranks"), [(0, 1), (1, 4), ("x", "y")])
def test_a_command_that_does_not_train_ignores_variables_that_torchrun_did_not_set(
    rank: object, n_ranks: object, cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    launch_alone(monkeypatch)
    monkeypatch.delenv("TORCHELASTIC_RUN_ID")
    monkeypatch.setenv("RANK", str(rank))
    monkeypatch.setenv("WORLD_SIZE", str(n_ranks))
    (tmp_path / "runs").mkdir()
    done = cli("runs", "--runs-dir", tmp_path / "runs")
    assert (done.code, "torchrun" in done.err) == (0, False)


def test_a_carried_state_is_refused(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    launch_alone(monkeypatch)
    done = cli("regress", "--windows", 4, "--runs-dir", tmp_path / "runs", "--view", "off")
    assert done.code == 2
    assert done.err == (
        "error: --stateful: the hidden state is carried from batch to batch, which one process "
        "does; add --no-stateful, or train without torchrun\n"
    )
    assert not (tmp_path / "runs").exists()


def test_one_rank_alone_trains_and_validates(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    launch_alone(monkeypatch)
    rows = "\n".join(f"{k % 7},{k % 5},{k % 3},{'ab'[k % 2]}" for k in range(40))
    (tmp_path / "rows.csv").write_text(f"x,y,z,label\n{rows}\n")
    options = ("--valid-fraction", 0.2, "--epochs", 3, "--patience", 2, "--view", "off")
    done = cli("classify", tmp_path / "rows.csv", *options, "--runs-dir", tmp_path / "runs")
    assert done.code == 0, done.err
    run = Run(tmp_path / "runs" / "classify-1")
    assert any(event["event"] == "valid" for event in run.history())
    assert run.record["engine"]["ranks"] == 1
