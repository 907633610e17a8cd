"""Strikes a search on four hosts, and checks that each of its trials was trained once and exactly.

Afterwards the database is deleted and the search is rebuilt from its run folders.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from hiddenstate.data import read_dataset
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.jobs import make_job
from hiddenstate.runs import Run
from hiddenstate.runs.events import ValidationEvent
from hiddenstate.scale.tune.rungs import PRUNED, RungRequests, was_pruned
from hiddenstate.training.initial_state import starting_state
from hiddenstate.training.start import start_in
from hiddenstate.training.trainer import Callback, Trainer
from hiddenstate.training.verify import check_files
from tools.stress import hosts, postgres
from tools.stress.processes import COMMAND, ENVIRONMENT, Outcome, differences
from tools.stress.resuming import write_rows
from tools.stress.strikes import Strikes, Worker

TRIALS = 60
PER_STUDY = 20
"""Strikes on one search."""

GRACE = 10
"""Seconds without a sign of life after which a trial is given to another worker."""

HOSTS = ("one", "two", "three", "four")
STRANGERS = ("three", "four")
"""Hosts whose locks say nothing to the others: their dead are found by the missing sign of life."""

NAME = "struck"
MOST_SECONDS = 1500.0

SPACE = """[space]
lr = {low = 1e-3, high = 1e-1, log = true}
hidden_size = {low = 4, high = 16, log = true}
cell = ["rnn", "gru", "lstm"]
"""


def strikes(folder: Path, n: int, seed: int, say: Any = print) -> Outcome:
    """Strike searches `n` times in all, at most `PER_STUDY` times each."""
    outcome = Outcome()
    if reason := hosts.why_not() or postgres.why_not():
        outcome.counts[reason] += 1
        return outcome
    while n > 0:
        place = folder / f"study-{seed}"
        place.mkdir(parents=True)
        outcome.add(struck(place, min(n, PER_STUDY), seed, say))
        n, seed = n - PER_STUDY, seed + 1
    return outcome


@dataclass(frozen=True)
class Field:
    """A search on hosts of its own.

    Parameters
    ----------
    folder : Path
        Where the data and the runs are.
    command : tuple of str
        What every worker is started with.
    trials : int
    environment : mapping
        What a worker has in addition, such as the password.
    """

    folder: Path
    command: tuple[str, ...]
    trials: int
    environment: Mapping[str, str]

    @property
    def study(self) -> Path:
        """The folder of the search."""
        return self.folder / "runs" / NAME


def struck(folder: Path, n: int, seed: int, say: Any = print, trials: int = TRIALS) -> Outcome:
    """Strike one search `n` times and check what it ends with."""
    outcome = Outcome()
    with hosts.network((*HOSTS, "base"), STRANGERS) as network:
        base = postgres.Cluster(network.address("base"), 5432, network.on("base"))
        try:
            field = make_field(folder, base, seed, trials)
            _strike(field, network, base, n, seed, outcome)
            first = Trials(base, outcome)
            check_trials(first, field, outcome)
            check_runs(first, field, folder / "twins", outcome)
            rebuilt = _rebuild(field, network, base, outcome)
            check_rebuilt(first, Trials(base, outcome), rebuilt, field, outcome)
        finally:
            base.close()
    counts = ", ".join(f"{what} {count}" for what, count in outcome.counts.items())
    say(f"study {seed}: {counts}", *outcome.findings, sep="\n", flush=True)
    return outcome


def make_field(folder: Path, base: postgres.Cluster, seed: int, trials: int) -> Field:
    """Write the data and the space; return what a worker is started with."""
    data, space = write_rows(folder), folder / "space.toml"
    space.write_text(SPACE)
    command = (
        *(*COMMAND, "tune", str(data), "--job", "classify", "--name", NAME, "--seed", str(seed)),
        *("--space", space.name, "--trials", str(trials), "--grace", str(GRACE)),
        *("--storage", base.url(password=None), "--valid-fraction", "0.3"),
        *("--recipe", "classic", "--epochs", "360", "--batch-size", "4", "--threads", "1"),
        *("--log-every", "20", "--checkpoint-every", "50", "--no-convolutions"),
        *("--pruner", "hyperband"),
    )
    return Field(folder, command, trials, {"PGPASSWORD": postgres.PASSWORD})


def _strike(
    field: Field,
    network: hosts.Network,
    base: postgres.Cluster,
    n: int,
    seed: int,
    outcome: Outcome,
) -> None:
    logs = field.folder / "logs"
    logs.mkdir()
    workers = [
        Worker(network, host, field.command, field.folder, logs / host, field.environment)
        for host in HOSTS
    ]
    made = Strikes(network, workers, base, GRACE, seed)

    def progress() -> float:
        return len(list(field.study.glob("trial-*/model.safetensors"))) / field.trials

    try:
        ended = made.run(n, MOST_SECONDS, progress)
    finally:
        for worker in workers:
            worker.kill()
        (logs / "strikes").write_text("\n".join(made.log) + "\n")
    outcome.expect(ended, f"not finished after {MOST_SECONDS:.0f} s")
    outcome.done += made.made.total()
    outcome.counts.update({f"strikes, {kind}": count for kind, count in made.made.items()})
    outcome.counts.update(made.gave_up)
    for worker in workers:
        _check_log(worker.log, outcome)
    outcome.counts["starts"] += sum(worker.starts for worker in workers)


SAID = {
    "resumed": r"resumed from its checkpoint",
    "started anew": r"started anew",
    "given to another": r"was given to another worker",
    "database lost": r"no answer; trying again",
}


def _check_log(log: Path, outcome: Outcome) -> None:
    text = log.read_text(errors="replace")
    for what, pattern in SAID.items():
        outcome.counts[what] += len(re.findall(pattern, text))
    outcome.expect("Traceback" not in text, f"{log.name}: printed a traceback")
    outcome.expect("internal error" not in text, f"{log.name}: an internal error")
    shown = any(secret in text for secret in postgres.SECRETS)
    outcome.expect(not shown, f"{log.name}: printed the password")


class Trials:
    """The attempts at trials as the tables of the database have them, read without hiddenstate.

    Parameters
    ----------
    base : Cluster
    outcome : Outcome
        Gets a finding for each attempt that cannot be read.
    database : str
    """

    def __init__(
        self, base: postgres.Cluster, outcome: Outcome, database: str = postgres.DATABASE
    ) -> None:
        self.attempts: dict[int, dict[str, Any]] = {}
        query = partial(base.query, database=database)
        rows = query("SELECT trial_id, number, state FROM trials ORDER BY number")
        for key, number, state in rows:
            self.attempts[int(key)] = {"number": int(number), "state": state, "attributes": {}}
        for key, name, value in query(
            "SELECT trial_id, key, value_json FROM trial_user_attributes"
        ):
            self.attempts[int(key)]["attributes"][name] = json.loads(value)
        for key, value in query("SELECT trial_id, value FROM trial_values"):
            self.attempts[int(key)]["value"] = float(value)
        for attempt in self.attempts.values():
            outcome.expect("slot" in attempt["attributes"], f"an attempt at nothing: {attempt}")

    def finished(self) -> dict[int, list[dict[str, Any]]]:
        """Return the finished attempts of each trial."""
        found: dict[int, list[dict[str, Any]]] = {}
        for attempt in self.attempts.values():
            if attempt["state"] in ("COMPLETE", "PRUNED"):
                found.setdefault(attempt["attributes"].get("slot", -1), []).append(attempt)
        return found

    def runs(self) -> dict[int, str]:
        """Return the run folder of each finished trial."""
        return {slot: each[-1]["attributes"]["runs"][0] for slot, each in self.finished().items()}

    def best(self) -> tuple[int, float]:
        """Return the complete trial with the least loss, and its loss."""
        values = {
            slot: each[-1]["value"]
            for slot, each in self.finished().items()
            if each[-1]["state"] == "COMPLETE"
        }
        return min(values.items(), key=lambda item: (item[1], item[0]))


def check_trials(found: Trials, field: Field, outcome: Outcome) -> None:
    """Check that each trial was finished exactly once."""
    finished = found.finished()
    outcome.counts["trials"] += len(finished)
    outcome.counts["attempts"] += len(found.attempts)
    missing = sorted(set(range(field.trials)) - set(finished))
    outcome.expect(not missing, f"trials never finished: {missing}")
    for slot, attempts in sorted(finished.items()):
        times = len(attempts)
        outcome.expect(times == 1, f"trial {slot} was finished {times} times")
        outcome.expect(0 <= slot < field.trials, f"trial {slot} was not asked for")
    left = [
        each
        for each in found.attempts.values()
        if each["state"] == "RUNNING"
        or (each["state"] == "FAIL" and "why" not in each["attributes"])
    ]
    outcome.expect(not left, f"attempts left over: {left}")


# --- the twins


class EndsAfter(Callback):
    """Ends a run after an epoch, as its study does."""

    def __init__(self, epoch: int, requests: RungRequests) -> None:
        self.epoch, self.requests = epoch, requests

    def on_valid(self, trainer: Trainer, event: ValidationEvent) -> None:
        if event["epoch"] + 1 == self.epoch:
            self.requests.stop(f"{PRUNED} after epoch {self.epoch}")


def train_twin(run: Run, path: Path) -> Path:
    """Train a run with the settings and the number of epochs of another, undisturbed."""
    job = make_job(run.config, prepare(read_dataset(run.config), run.config))
    session = start_in(path, job, starting_state(job))
    requests = RungRequests(session.inbox)
    epochs = sum(event["event"] == "valid" for event in run.history())
    ends = [EndsAfter(epochs, requests)] if was_pruned(run) else []
    with session:
        replace(session, inbox=requests, brief=True).train(ends)
    return path


def check_runs(found: Trials, field: Field, folder: Path, outcome: Outcome) -> None:
    """Compare the run of each finished trial with an undisturbed twin, and verify it."""
    folder.mkdir()
    for slot, name in sorted(found.runs().items()):
        run = Run(field.study / name)
        differing = differences(run.path, train_twin(run, folder / name))
        outcome.counts["pruned"] += was_pruned(run)
        outcome.counts["not identical"] += bool(differing)
        outcome.expect(not differing, f"trial {slot}, {name}: not identical: {differing[:4]}")
        wrong = [(file, fault) for file, fault in check_files(run) if fault]
        outcome.expect(not wrong, f"trial {slot}, {name}: {wrong[:2]}")
        steps = [event["step"] for event in run.history() if event["event"] == "log"]
        outcome.expect(steps == sorted(set(steps)), f"trial {slot}: lines twice or out of order")
        shutil.rmtree(folder / name)
    for path in field.folder.rglob("*"):
        if path.is_file() and "logs" not in path.parts:
            data = path.read_bytes()
            has = any(secret.encode() in data for secret in postgres.SECRETS)
            outcome.expect(not has, f"{path}: has the password")


# --- the database deleted


def _rebuild(
    field: Field, network: hosts.Network, base: postgres.Cluster, outcome: Outcome
) -> "subprocess.CompletedProcess[str]":
    """Delete the database and start a worker."""
    base.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    before = _stamps(field)
    done = subprocess.run(
        [*network.on("one"), *field.command],
        cwd=field.folder,
        env={**ENVIRONMENT, **field.environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    outcome.expect(done.returncode == 0, f"rebuilding ended with {done.returncode}: {done.stderr}")
    after = _stamps(field)
    outcome.expect(
        before == after, f"trained again: {sorted(set(after.items()) - set(before.items()))[:3]}"
    )
    return done


def _stamps(field: Field) -> dict[str, int]:
    """Return when each history of a trial was written."""
    paths = field.study.glob("trial-*/history.jsonl")
    return {str(path.relative_to(field.study)): path.stat().st_mtime_ns for path in paths}


def check_rebuilt(
    before: Trials,
    after: Trials,
    done: "subprocess.CompletedProcess[str]",
    field: Field,
    outcome: Outcome,
) -> None:
    """Check that the rebuilt search has the same trials and the same best."""
    outcome.expect(before.best() == after.best(), f"best {before.best()}, now {after.best()}")
    outcome.expect(before.runs() == after.runs(), "other runs than before")
    states = [
        {slot: [each["state"] for each in attempts] for slot, attempts in study.finished().items()}
        for study in (before, after)
    ]
    outcome.expect(states[0] == states[1], "trials in another state")
    outcome.expect("rebuilt from run folders" in done.stderr, f"nothing said: {done.stderr[:300]}")
    outcome.expect("lost:" in done.stderr, "does not say what could not be rebuilt")
    outcome.counts["rebuilt"] += len(after.finished())
