"""Kills sweeps and their workers, and compares each group with a lone run of its rows."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.errors import HiddenstateError
from hiddenstate.scale.sweep.records import Record, read_records
from hiddenstate.training.start import plan, start
from tools.stress import processes
from tools.stress.processes import Outcome, hiddenstate

TABLE, NAME = "sales.csv", "sweep"

OPTIONS = ("--time", "t", "--target", "y", "--recipe", "classic")
"""Options of each group: 100 rows make ten windows."""

VALUES: dict[str, Any] = {"time": "t", "target": ("y",), "recipe": "classic", "threads": 1}
"""The same for a lone run."""

ROWS = 100
"""Rows of a group."""

RECORD = 6500
"""About how many bytes a group takes in the folder."""

REASONS = {"word": "is not a number", "twice": "occurs twice", "short": "the longest series has"}
"""What makes a group bad, and what its reason must say."""


@dataclass(frozen=True)
class Table:
    """A table of groups, some of which cannot be trained.

    Parameters
    ----------
    path : Path
    groups : dict of str to list of str
        The lines of each group, without its column.
    bad : dict of str to str
        The groups that cannot be trained, and what the reason must say.
    """

    path: Path
    groups: dict[str, list[str]]
    bad: dict[str, str]


def make_table(folder: Path, n: int, n_bad: int, seed: int) -> Table:
    """Write a table of `n` groups whose rows are mixed, `n_bad` of them bad."""
    numbers = np.random.default_rng(seed)
    names = [f"S{number:05d}" for number in range(n)]
    chosen = numbers.choice(n, n_bad, replace=False)
    kinds = list(REASONS)
    bad = {names[g]: kinds[k % len(kinds)] for k, g in enumerate(chosen)}
    groups: dict[str, list[str]] = {}
    for name in names:
        t, phase = np.arange(ROWS), numbers.uniform(0, 6)
        x = np.sin(t / 7 + phase) + 0.05 * numbers.normal(size=ROWS)
        y = np.cos(t / 7 + phase)
        lines = [f"{i},{x[i]:.4f},{y[i]:.4f}" for i in t]
        match bad.get(name):
            case "word":
                lines[40] = "40,broken,0.5"
            case "twice":
                lines[41] = lines[40]
            case "short":
                lines = lines[:4]
        groups[name] = lines
    rows = [(name, line) for name, lines in groups.items() for line in lines]
    order = numbers.permutation(len(rows)) if n < 100 else np.arange(len(rows))
    path = folder / TABLE
    text = "".join(f"{rows[i][0]},{rows[i][1]}\n" for i in order)
    path.write_text(f"site,t,x,y\n{text}", "utf-8")
    own = (
        {name: [line for other, line in rows if other == name] for name in names}
        if n < 100
        else groups
    )
    return Table(path, own, {name: REASONS[kind] for name, kind in bad.items()})


def children(parent: int) -> list[int]:
    """Return the worker processes of a command."""
    listed = subprocess.run(
        ["ps", "-axo", "pid=,ppid=,command="], capture_output=True, text=True, check=True
    )
    rows = [line.split(None, 2) for line in listed.stdout.splitlines()]
    return [
        int(pid)
        for pid, ppid, *command in rows
        if int(ppid) == parent and "sweep.worker" in " ".join(command)
    ]


def kill(pid: int) -> None:
    """Kill a process, if it is still there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def stored(folder: Path) -> int:
    """Return the bytes of models that a sweep has stored."""
    files = (folder / "runs" / NAME).glob("*.groups")
    return sum(path.stat().st_size for path in files)


def struck(
    table: Table,
    folder: Path,
    kills: int,
    seed: int,
    more: Sequence[str] = (),
    workers: Callable[[int], list[int]] = children,
    whole: bool = True,
    every: int = 1,
) -> Outcome:
    """Run a sweep again and again until it is whole, while it and its workers are killed.

    Parameters
    ----------
    table : Table
    folder : Path
        Where the commands run.
    kills : int
        Number of kills, of the whole command and of single workers in turn.
    seed : int
    more : sequence of str
        Further arguments of the command.
    workers : callable
        Returns the worker processes of a command, by its process.
    whole : bool
        Whether the command itself is killed, too.
    every : int
        One good group in so many is compared with a lone run.
    """
    outcome, chance = Outcome(), random.Random(seed)
    args = ["sweep", str(table.path), "--by", "site", *OPTIONS, "--name", NAME, *more]
    # About how much is stored between two kills, if they are spread over the sweep.
    each = RECORD * len(table.groups) / (kills + 2)
    done, code = 0, None
    while code != 0:
        process = processes.begin(args, folder)
        first = stored(folder)
        # Workers are killed before they have stored anything, too.
        aim = first + chance.uniform(-0.8 if done % 2 or not whole else 0.2, 1.0) * each
        while process.poll() is None and done < kills:
            time.sleep(0.01)
            if stored(folder) < aim:
                continue
            found = workers(process.pid)
            if whole and done % 2 == 0:
                kill(process.pid)
                outcome.counts["commands killed"] += 1
                done += 1
                break
            if found:
                kill(chance.choice(found))
                aim = stored(folder) + chance.uniform(-0.3, 1.0) * each
                outcome.counts["workers killed"] += 1
                done += 1
        ended = processes.finish(process)
        code = ended.code
        if code not in (0, -signal.SIGKILL):
            outcome.findings.append(f"the command ended with {code}: {ended.last}")
            return outcome
    outcome.expect(done == kills, f"only {done} of {kills} kills before the sweep was whole")
    again = hiddenstate(args, folder)
    outcome.expect(" 0 to train" in again.err, f"not whole: {again.err!r}")
    outcome.done = len(table.groups)
    outcome.add(compared(table, folder, every))
    return outcome


def compared(table: Table, folder: Path, every: int = 1) -> Outcome:
    """Compare the groups of a whole sweep, of the good ones one in `every`, with lone runs."""
    outcome = Outcome()
    records: dict[str, Record] = {}
    times: Counter[str] = Counter()
    for path in sorted((folder / "runs" / NAME).glob("*.groups")):
        for record in read_records(path):
            times[record.key[0]] += 1
            records[record.key[0]] = record
    outcome.expect(set(records) == set(table.groups), "groups are missing")
    twice = [name for name, n in times.items() if n > 1]
    outcome.expect(not twice, f"{len(twice)} groups were stored more than once")
    for number, (name, lines) in enumerate(table.groups.items()):
        found = records.get(name)
        if found is None:
            continue
        reason = table.bad.get(name)
        if reason is not None:
            named = found.outcome.status == "failed" and reason in found.outcome.reason
            outcome.expect(named, f"{name}: {found.outcome.status}, {found.outcome.reason!r}")
            outcome.counts["bad ones named"] += named
            continue
        if number % every:
            outcome.expect(found.n_bytes, f"{name}: {found.outcome.status}")
            continue
        same = found.n_bytes > 0 and found.model_bytes() == lone_model(lines, folder / "lone")
        outcome.expect(same, f"{name}: {found.outcome.status}, not as a lone run makes it")
        outcome.counts["equal to a lone run"] += same
    return outcome


def lone_model(lines: Sequence[str], folder: Path) -> bytes:
    """Return the model file of a run on a file with these rows alone; b"" if it fails."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / TABLE).write_text("t,x,y\n" + "".join(f"{line}\n" for line in lines), "utf-8")
    try:
        config, dataset = plan("regress", {**VALUES, "data": str(folder / TABLE)})
        with start(config, folder / "runs", dataset=dataset, name="lone") as session:
            session.train()
    except HiddenstateError:
        return b""
    return (folder / "runs" / "lone" / "model.safetensors").read_bytes()


def kills(folder: Path, n: int, seed: int, groups: int = 2000) -> Outcome:
    """Kill a sweep of 2,000 groups, and its workers, `n` times."""
    table = make_table(folder, groups, groups // 100, seed)
    return struck(table, folder, n, seed)


def dask_kills(folder: Path, n: int, seed: int, groups: int = 2000, every: int = 1) -> Outcome:
    """Kill workers of a Dask cluster `n` times while a sweep of 2,000 groups runs on it."""
    from distributed import LocalCluster

    table = make_table(folder, groups, max(1, groups // 100), seed)
    start: Any = LocalCluster
    with start(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        silence_logs=50,
    ) as cluster:

        def workers(_: int) -> list[int]:
            return [w.pid for w in cluster.workers.values() if w.pid is not None]

        address = ("--scheduler", cluster.scheduler_address)
        return struck(table, folder, n, seed, address, workers, False, every)
