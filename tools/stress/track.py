"""Kills followers of runs, takes their server away, and reads back what the tracker has.

A run is trained alone first. Then it is trained again, followed, and its files must be the same.
"""

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from hiddenstate.runs import Run
from hiddenstate.system.interpreter import python_command
from tools.stress.processes import COMMAND, ENVIRONMENT, Outcome

TRAINING = (
    "classify",
    "--max-steps",
    "3000",
    "--epochs",
    "8",
    "--n-evaluated",
    "64",
    "--log-every",
    "5",
    "--valid-fraction",
    "0.1",
    "--hidden-size",
    "32",
    "--threads",
    "1",
    "--view",
    "off",
    "--name",
    "followed",
)

AWAY_SECONDS = 60.0
"""How long the server is away."""

READY_SECONDS = 240.0

Points = Iterable[tuple[str, int, float]]


class Server:
    """An MLflow server on this machine.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._words = [
            "--backend-store-uri",
            f"sqlite:///{folder}/runs.sqlite",
            "--port",
            str(port),
            "--artifacts-destination",
            str(folder / "artifacts"),
            "--host",
            "127.0.0.1",
            "--workers",
            "1",
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                python_command("-m", "mlflow", "server", *self._words),
                cwd=self.folder,
                env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/health"):
                return
            time.sleep(0.2)
        raise RuntimeError("the MLflow server did not start")

    def send(self, number: signal.Signals) -> None:
        """Send a signal to its processes."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            if number == signal.SIGKILL:
                self._process.wait()


def followed(folder: Path, n: int, seed: int, away: float = AWAY_SECONDS) -> Outcome:
    """Follow a run into TensorBoard and MLflow, killing each follower `n` times.

    The MLflow server is killed for `away` seconds, and stopped for a while as if it hung.
    """
    outcome = Outcome()
    alone = folder / "alone"
    alone.mkdir(parents=True)
    subprocess.run(
        [*COMMAND, *TRAINING], cwd=alone, env=ENVIRONMENT, capture_output=True, check=True
    )
    whole = _files(alone)
    server = Server(folder / "server")
    try:
        outcome.add(_tensorboard(folder / "tensorboard", n, seed, whole))
        outcome.add(_mlflow(folder / "mlflow", n, seed, away, server, whole))
    finally:
        server.send(signal.SIGKILL)
    return outcome


def _files(folder: Path) -> dict[str, bytes]:
    """What a run must leave, followed or not."""
    run = folder / "runs" / "followed"
    return {name: (run / name).read_bytes() for name in ("history.jsonl", "model.safetensors")}


def _tensorboard(folder: Path, n: int, seed: int, whole: dict[str, bytes]) -> Outcome:
    outcome = _strike(folder, n, seed, ["--to", "tensorboard"], lambda struck: None, whole)
    found = tensorboard_points(folder / "tensorboard" / "followed")
    check(outcome, "TensorBoard", found, Run(folder / "runs" / "followed"))
    return outcome


def _mlflow(
    folder: Path, n: int, seed: int, away: float, server: Server, whole: dict[str, bytes]
) -> Outcome:
    def meanwhile(struck: int) -> None:
        if struck == n // 3:
            server.send(signal.SIGKILL)
            time.sleep(away)
            server.start()
        if struck in (2 * n // 3, 2 * n // 3 + 1):
            server.send(signal.SIGSTOP if struck == 2 * n // 3 else signal.SIGCONT)

    words = ["--to", "mlflow", "--url", server.url]
    outcome = _strike(folder, n, seed + 1, words, meanwhile, whole)
    check(outcome, "MLflow", mlflow_points(server.url), Run(folder / "runs" / "followed"))
    return outcome


def _strike(
    folder: Path,
    n: int,
    seed: int,
    words: list[str],
    meanwhile: Callable[[int], None],
    whole: dict[str, bytes],
) -> Outcome:
    """Train, and kill a follower again and again; then let one finish."""
    outcome, chance = Outcome(), random.Random(seed)
    folder.mkdir(parents=True)
    training = subprocess.Popen(
        [*COMMAND, *TRAINING],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not (folder / "runs" / "followed" / "journal.jsonl").exists():
        time.sleep(0.1)
    command = [*COMMAND, "track", "followed", *words, "--keep"]
    for struck in range(n):
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        time.sleep(chance.uniform(2.0, 9.0))
        meanwhile(struck)
        ended = process.poll()
        process.kill()
        said = process.communicate()[1]
        outcome.expect(ended is None, f"{words[1]}: a follower ended by itself: {said[-300:]}")
        outcome.counts["killed while training"] += training.poll() is None
        outcome.done += 1
    outcome.expect(training.wait() == 0, f"{words[1]}: training ended with {training.returncode}")
    last = subprocess.run(command[:-1], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)
    outcome.expect(last.returncode == 0, f"{words[1]}: the last follower: {last.stderr[-300:]}")
    outcome.expect(_files(folder) == whole, f"{words[1]}: training differs from one not followed")
    return outcome


def check(outcome: Outcome, where: str, found: Points, run: Run) -> None:
    """Check that each number of the run is there once."""
    right: dict[tuple[str, int], float] = {}
    for event in run.history():
        before = "final/" if event["event"] == "end" else ""
        for name, value in event.items():
            if event["event"] in ("log", "valid", "end") and name not in ("event", "step", "epoch"):
                right[before + name, event["step"]] = float(str(value))
    found = list(found)
    counts = Counter((name, step) for name, step, _ in found)
    wrong = [
        key
        for *key, value in found
        if abs(value - right.get((str(key[0]), int(str(key[1]))), float("inf"))) > 1e-5
    ]
    missing = len(right.keys() - counts.keys())
    twice = sum(n - 1 for n in counts.values())
    outcome.counts["points"] += len(found)
    outcome.counts["missing"] += missing
    outcome.counts["twice"] += twice
    outcome.expect(not missing, f"{where}: {missing} points are missing")
    outcome.expect(not twice, f"{where}: {twice} points are there twice")
    outcome.expect(not wrong, f"{where}: {len(wrong)} points are wrong, {wrong[:3]}")


def tensorboard_points(folder: Path) -> Points:
    """What TensorBoard's own reader finds in a folder."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read: Any = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    read.Reload()
    for name in read.Tags()["scalars"]:
        for event in read.Scalars(name):
            yield name, event.step, event.value


def mlflow_points(url: str) -> Points:
    """What MLflow's own client finds at a server with one run."""
    from mlflow import MlflowClient

    client: Any = MlflowClient(tracking_uri=url)
    experiment = client.get_experiment_by_name("hiddenstate")
    runs = client.search_runs([experiment.experiment_id])
    for run in runs:  # more than one would have points twice
        for name in run.data.metrics:
            for metric in client.get_metric_history(run.info.run_id, name):
                yield name, metric.step, metric.value
