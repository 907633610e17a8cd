"""Tests runs on a full or read-only disk, with little memory, when diverging, and under strace.

If a check cannot run here (no strace, no right to mount), its counts report this.
"""

import contextlib
import json
import os
import random
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from hiddenstate.errors import HiddenstateError
from hiddenstate.system.array_file import read_arrays
from tools.stress import file_events, processes, stopping
from tools.stress.processes import Outcome, hiddenstate
from tools.stress.stopping import AtEvent, Plan

MEGABYTE = 1 << 20

MEMORY_MB = (150, 200, 250, 300, 400, 600, 1000, 2000, 4000)
"""Limits of address space in MB. With less, importing numpy fails or hangs."""


# --- a full disk


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int = 4) -> Iterator[bool]:
    """Mount a small file system in the new folder `folder`; yield whether that was permitted."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


def full_disk(plans: Sequence[Plan], folder: Path, total: int, seed: int) -> Outcome:
    """Fill a 4 MB disk so that it is full in the middle of a run, then free space and resume.

    The run must end with 3 and a line that gives the bytes needed and free, with intact checkpoints
    and no partly written file. Once there is space, it must end like an uninterrupted run.
    """
    drawn, outcome = random.Random(seed), Outcome()
    while outcome.done < total:
        plan = plans[outcome.done % len(plans)]
        needs = _bytes_of(plan.path)
        place = folder / f"disk-{outcome.done}"
        with small_disk(place) as mounted:
            if not mounted:
                outcome.counts["not permitted to mount a disk"] += 1
                return outcome
            free = os.statvfs(place).f_bavail * os.statvfs(place).f_frsize
            left = drawn.randrange(int(0.9 * min(needs, free)))
            (place / "ballast").write_bytes(bytes(free - left))
            done = hiddenstate(plan.args, place)
            outcome.expect(
                done.code == 3, f"{left} bytes left: ended with {done.code}, {done.last}"
            )
            message = _full(done, outcome, place)
            (place / "ballast").unlink()
            subprocess.run(["mount", "-o", "remount,size=64m", str(place)], check=True)
            _resume(plan, place, outcome, f"{left} bytes left, {message}")
        outcome.done += 1
    return outcome


def full_at_event(plan: Plan, folder: Path, events: Sequence[int]) -> Outcome:
    """Run `plan` on a disk that is full from a file event on; see :func:`full_disk`."""
    outcome = Outcome()
    for event in events:
        place = folder / f"full-{event}"
        place.mkdir(parents=True)
        done = AtEvent(event, "full")(plan.args, place)
        if done.code:
            message = _full(done, outcome, place)
            _resume(plan, place, outcome, f"full at event {event}, {message}")
        outcome.done += 1
    return outcome


def read_only(plans: Sequence[Plan], folder: Path) -> Outcome:
    """Run commands on a read-only disk: those that write are refused, those that read are not.

    An existing run stays unchanged and can be resumed once the disk is writable again.
    """
    outcome = Outcome()
    for plan in plans:
        place = folder / f"read-only-{plan.args[0]}"
        with small_disk(place, 32) as mounted:
            if not mounted:
                outcome.counts["not permitted to mount a disk"] += 1
                return outcome
            AtEvent(40)(plan.args, place)
            subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
            for args in (plan.args, stopping.next_command(plan, place)):
                done = hiddenstate(args, place)
                kept = done.code == 3 and not done.trouble()
                outcome.expect(kept, f"read-only, {args[0]}: {done.code}, {done.last[:160]}")
                outcome.done += 1
            done = hiddenstate(["runs"], place)
            outcome.expect(done.code == 0, f"read-only, runs: {done.code}, {done.last[:160]}")
            subprocess.run(["mount", "-o", "remount,rw", str(place)], check=True)
            _resume(plan, place, outcome, "was read-only")
    return outcome


def _full(done: processes.Ended, outcome: Outcome, place: Path) -> str:
    """Check the run folder after a full disk; return the message of the command."""
    outcome.expect(done.code == 3 and not done.trouble(), f"full: {done.code}, {done.trouble()}")
    reported = bool(re.search(r"\d bytes .*\d bytes (are|is) free", done.last))
    run = processes.last_run(place)
    if run is None:
        outcome.counts["full before there was a run"] += 1
        return done.last
    outcome.counts["needed and free reported"] += reported
    outcome.expect(reported, f"needed and free not reported: {done.last[:160]}")
    outcome.counts["full while training"] += 1
    for path in run.checkpoint_paths():
        try:
            read_arrays(path, "checkpoint")
        except HiddenstateError as error:
            outcome.findings.append(f"a checkpoint damaged by a full disk: {error}")
    temporary = [path.name for path in (place / "runs").rglob(".hiddenstate-tmp-*")]
    outcome.expect(not temporary, f"left by a full disk: {temporary}")
    return done.last


def _resume(plan: Plan, place: Path, outcome: Outcome, when: str) -> None:
    """Resume a run once there is space; it must end like an uninterrupted run."""
    done = hiddenstate(stopping.next_command(plan, place), place)
    run = processes.last_run(place)
    differing = processes.differences(run.path, plan.path) if run else ["lost"]
    outcome.counts["not identical"] += bool(differing or done.code)
    outcome.expect(not done.code and not differing, f"{when}: {done.last} {differing[:4]}")


def _bytes_of(run: Path) -> int:
    """Return the size of a run's files in whole pages, in bytes."""
    sizes = [path.stat().st_size for path in run.rglob("*") if path.is_file()]
    return sum(-(-size // 4096) * 4096 for size in sizes)


# --- too little memory


def limited_memory(
    folder: Path,
    limits: Sequence[int] = MEMORY_MB,
    engines: Sequence[str] = ("auto",),
    jobs: Sequence[str] = tuple(processes.JOBS),
) -> Outcome:
    """Run each job within each limit of address space; it must succeed or end with 3 and a line."""
    outcome = Outcome()
    for engine in engines:
        for job in jobs:
            for limit in limits:
                outcome.add(_limited(job, engine, limit, folder / f"{engine}-{job}-{limit}"))
    return outcome


def _limited(job: str, engine: str, limit: int, place: Path) -> Outcome:
    place.mkdir(parents=True)
    before = ["prlimit", f"--as={limit * MEGABYTE}", *processes.COMMAND]
    done = hiddenstate(processes.arguments(job, engine, short=True), place, before)
    outcome = Outcome(1)
    outcome.counts["done" if done.code == 0 else f"ended with {done.code}"] += 1
    what = f"{job}, {engine}, in {limit} MB"
    if done.code:
        kept = done.code == 3 and not done.trouble()
        outcome.expect(kept, f"{what}: {done.code}, {done.last[:160]}")
    for path in place.rglob("*.safetensors"):
        outcome.expect(_is_sound(path), f"{what}: left a damaged {path.name}")
    shutil.rmtree(place)
    return outcome


def _is_sound(path: Path) -> bool:
    kind = {name: name for name in ("model", "shown", "closing")}.get(
        path.stem, {"weights": "model"}.get(path.parent.name, path.parent.name.removesuffix("s"))
    )
    try:
        arrays, _ = read_arrays(path, kind)
    except HiddenstateError:
        return False
    # What is drawn has NaN where there is nothing to draw.
    is_drawn = kind in ("shown", "closing", "snapshot")
    return is_drawn or all(np.isfinite(array).all() for array in arrays.values())


# --- divergence

RATES: dict[str, tuple[str, ...]] = {
    "1e6": ("--lr", "1e6"),
    "1e30": ("--lr", "1e30"),
    "1e30, sgd": ("--lr", "1e30", "--optimizer", "sgd"),
}


def divergence(
    folder: Path,
    commands: Sequence[Sequence[str]] = tuple(map(processes.arguments, processes.JOBS)),
    rates: Mapping[str, Sequence[str]] = RATES,
) -> Outcome:
    """Train each job at rates far too large; it must end with 5 and save only finite numbers."""
    outcome = Outcome()
    for command in commands:
        job = command[0]
        for name, rate in rates.items():
            place = folder / f"{job} {name}"
            place.mkdir(parents=True)
            done = hiddenstate([*command, *rate], place)
            outcome.done += 1
            outcome.counts[f"ended with {done.code}"] += 1
            outcome.expect(done.code == 5, f"{job} --lr {name}: ended with {done.code}")
            if done.code == 5:
                named = re.search(r"epoch \d+, batch \d+.*--lr", done.last)
                outcome.expect(named and not done.trouble(), f"{job} --lr {name}: {done.last}")
            for path in place.rglob("*.safetensors"):
                outcome.expect(_is_sound(path), f"{job} --lr {name}: {path.name} is not finite")
            history = next(place.rglob("history.jsonl")).read_text()
            outcome.expect(_finite(history), f"{job} --lr {name}: history is not finite")
            if done.code == 5:
                left = [path.name for path in place.rglob("model.safetensors")]
                outcome.expect(not left, f"{job} --lr {name}: left a model")
    return outcome


def _finite(lines: str) -> bool:
    return all(
        np.isfinite(value)
        for line in lines.splitlines()
        for value in json.loads(line).values()
        if isinstance(value, float)
    )


# --- the order of writing


def write_order(folder: Path, jobs: Sequence[str] = tuple(processes.JOBS)) -> Outcome:
    """Check every system call on the files of a run that is resumed, and of a new run."""
    outcome = Outcome()
    if shutil.which("strace") is None:
        outcome.counts["strace is not installed"] += 1
        return outcome
    for job in jobs:
        place = folder / job
        place.mkdir(parents=True)
        args = processes.arguments(job, short=True)
        AtEvent(30)(args, place)
        for number, command in enumerate((["resume", "last", "--view", "files"], args)):
            log = place / f"strace-{number}"
            done = hiddenstate(command, place, file_events.traced(log))
            outcome.expect(done.code == 0, f"{job}: ended with {done.code}: {done.last}")
            with log.open() as lines:
                events = file_events.read_strace(lines, (place / "runs").resolve())
            outcome.done += len(events)
            judge_order(events, outcome, job)
    return outcome


def judge_order(events: Sequence[file_events.Event], outcome: Outcome, job: str) -> None:
    """Count the renamed files and report events in the wrong order."""
    renamed = [event for event in events if event.kind == "rename"]
    outcome.counts["renamed into place"] += len(renamed)
    outcome.counts["checkpoints"] += sum("/checkpoints/" in event.to for event in renamed)
    outcome.expect(renamed, f"{job}: nothing was renamed")
    outcome.findings += [f"{job}: {fault}" for fault in file_events.misordered(events)]
    ahead = file_events.unflushed_history(events)
    outcome.expect(not ahead, f"{job}: {ahead} checkpoints on disk before their history")
