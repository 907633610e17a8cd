"""Kills, interrupts and races commands, or closes their output, and checks the resumed runs."""

import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.stress import file_events, processes
from tools.stress.processes import Ended, Outcome, hiddenstate

MOST_SECONDS = 2.0
"""Longest time in seconds from a signal until the process ends."""

BETWEEN = 0.06
"""Seconds between two signals; two signals within 0.05 s count as one."""

Stop = Callable[[Sequence[str], Path], Ended]
"""Runs a command in a folder and stops it at some point."""


@dataclass(frozen=True)
class AtMoment:
    """Sends a signal `seconds` after the command starts, and with `twice` a second one."""

    seconds: float
    number: signal.Signals = signal.SIGKILL
    twice: bool = False

    def __call__(self, args: Sequence[str], folder: Path) -> Ended:
        process = processes.begin(args, folder)
        try:
            out, err = process.communicate(timeout=self.seconds)
        except subprocess.TimeoutExpired:
            began = time.monotonic()
            process.send_signal(self.number)
            if self.twice:
                time.sleep(BETWEEN)
                process.send_signal(self.number)
            return processes.finish(process, lambda: time.monotonic() - began)
        return Ended(process.returncode, out, err)


@dataclass(frozen=True)
class AtLine:
    """Sends a signal after `line` printed lines; if `number` is None, closes the output instead."""

    line: int
    number: signal.Signals | None = signal.SIGKILL

    def __call__(self, args: Sequence[str], folder: Path) -> Ended:
        process = processes.begin(args, folder)
        assert process.stdout
        lines = sum(1 for _ in zip(range(self.line), process.stdout, strict=False))
        began = time.monotonic()
        if self.number is None:
            process.stdout.close()
            err = process.stderr.read() if process.stderr else ""
            return Ended(process.wait(), "", err, time.monotonic() - began)
        if lines == self.line:
            process.send_signal(self.number)
        return processes.finish(process, lambda: time.monotonic() - began)


@dataclass(frozen=True)
class AtEvent:
    """Lets :mod:`tools.stress.file_events` act before a file event of the command."""

    event: int
    action: str = "kill"

    def __call__(self, args: Sequence[str], folder: Path) -> Ended:
        return hiddenstate(args, folder, file_events.at_event(self.action, self.event))


@dataclass(frozen=True)
class Plan:
    """An uninterrupted run, the command that made it and the seconds it took."""

    args: list[str]
    path: Path
    seconds: float


def make_plan(args: list[str], folder: Path) -> Plan:
    """Make a run in the new folder `folder` and return its plan."""
    began = time.monotonic()
    path = processes.whole_run(args, folder)
    return Plan(args, path, time.monotonic() - began)


def make_plans(folder: Path, engines: Sequence[str] = ("auto",)) -> list[Plan]:
    """Make a plan for each engine and job."""
    return [
        make_plan(processes.arguments(job, engine), folder / f"whole-{job}-{engine}")
        for engine in engines
        for job in processes.JOBS
    ]


def draws_figures(plan: Plan, folder: Path) -> Plan:
    """Make the same run with figures drawn at its end, where a signal can arrive too."""
    args = [*plan.args[:-1], "files"]
    return make_plan(args, folder / "whole-with-figures")


def survive(plan: Plan, folder: Path, stops: Sequence[Stop]) -> Outcome:
    """Run a plan in the new folder `folder`, stop it with each of `stops` and resume it to its end.

    It must end like the plan's run: with the same bytes except clock times, and no extra file.
    """
    outcome = Outcome()
    folder.mkdir(parents=True)
    for stop in stops:
        before = _starts(folder)
        done = stop(next_command(plan, folder), folder)
        if _is_done(folder) or done.code == 0:
            break
        outcome.done += 1
        trained, twice = _starts(folder) > before, getattr(stop, "twice", False)
        _judge(done, trained, outcome, twice)
    if not _is_done(folder):
        done = hiddenstate(next_command(plan, folder), folder)
        outcome.expect(done.code == 0, f"could not resume: {done.last}")
    elif outcome.done < len(stops):
        outcome.counts["after its end"] += 1
        hiddenstate(next_command(plan, folder), folder)  # refused, but removes stale files
    run = processes.last_run(folder)
    if run is None or run.results() is None:
        outcome.counts["runs lost"] += 1
        return outcome
    outcome.counts["runs"] += 1
    differing = processes.differences(run.path, plan.path)
    outcome.counts["not identical"] += bool(differing)
    outcome.expect(not differing, f"{plan.args[0]}: not identical: {', '.join(differing[:4])}")
    left = processes.stale(folder, plan.path)
    outcome.counts["stale files"] += len(left)
    outcome.expect(not left, f"{plan.args[0]}: stale: {', '.join(left[:4])}")
    return outcome


def next_command(plan: Plan, folder: Path) -> list[str]:
    """Return the command of the job or, if there is a run, the one that resumes it."""
    run = processes.last_run(folder)
    if run is None:
        return plan.args
    return ["resume", run.name, "--view", plan.args[-1]]


def _is_done(folder: Path) -> bool:
    run = processes.last_run(folder)
    return run is not None and run.results() is not None


def _starts(folder: Path) -> int:
    """Return how often training started in the run of `folder`."""
    run = processes.last_run(folder)
    return sum(entry["event"] == "start" for entry in run.journal()) if run else 0


def _judge(done: Ended, trained: bool, outcome: Outcome, twice: bool) -> None:
    """Check how a stopped command ended; after two signals it may end without a message."""
    outcome.counts["in training" if trained else "before training"] += 1
    if done.too_early:
        outcome.counts["before Python was up"] += 1
        return
    interrupted = done.code in (130, 143, 141)
    if twice:
        kept = interrupted or done.code == -signal.SIGINT
        outcome.expect(kept and "Traceback" not in done.err, f"{done.code}: {done.err[-300:]!r}")
        interrupted = kept
    elif trained and done.code != -signal.SIGKILL:
        outcome.expect(interrupted, f"ended with {done.code} in training: {done.last}")
    if interrupted and done.code != 141 and not twice:
        outcome.expect(not done.trouble(), done.trouble())
    elif not interrupted:
        signalled = (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT)
        outcome.expect(done.code in signalled, f"ended with {done.code}: {done.last}")
    slow = done.waited > MOST_SECONDS
    outcome.expect(not slow, f"ended {done.waited:.1f} s after the signal")
    outcome.counts["longest wait, ms"] = max(
        outcome.counts["longest wait, ms"], int(1000 * done.waited)
    )


# --- at random moments


def stopped(
    plans: Sequence[Plan],
    folder: Path,
    total: int,
    seed: int,
    number: signal.Signals = signal.SIGKILL,
    twice: bool = False,
) -> Outcome:
    """Stop runs at random moments in the whole life of a command, from imports to exit.

    Runs alternate between the plans. Each is stopped at most twice. A moment after the end of a
    command does not count in `total`.
    """
    drawn, outcome, chain = random.Random(seed), Outcome(), 0
    lives = [plan.seconds for plan in plans]
    while outcome.done < total:
        plan, life = plans[chain % len(plans)], lives[chain % len(plans)]
        times = min(2, total - outcome.done)
        # After a stop, less work remains, so the command ends sooner.
        ends = [life * (1 - k / (times + 1)) for k in range(times)]
        moments = [drawn.uniform(0, end) for end in ends]
        place = folder / f"chain-{chain}"
        part = survive(plan, place, [AtMoment(m, number, twice) for m in moments])
        # The time that a command takes varies with other work on the machine.
        lives[chain % len(plans)] *= 0.9 if part.counts["after its end"] else 1.1
        longest = max(o.counts.pop("longest wait, ms", 0) for o in (part, outcome))
        part.findings = [f"chain {chain}: {line}" for line in part.findings]
        outcome.add(part)
        outcome.counts["longest wait, ms"] = longest
        if not part.findings:
            shutil.rmtree(place)
        chain += 1
    return outcome


def at_each_event(plan: Plan, folder: Path, events: Sequence[int] = ()) -> Outcome:
    """Kill a short run before each file event, and again before the same event while resuming."""
    outcome = Outcome()
    if not events:
        (folder / "count").mkdir(parents=True)
        AtEvent(0, "note")(plan.args, folder / "count")
        events = range(1, len(file_events.noted(folder / "count")) + 1)
    for event in events:
        place = folder / f"event-{event}"
        part = survive(plan, place, [AtEvent(event), AtEvent(event)])
        part.findings = [f"event {event}: {line}" for line in part.findings]
        part.counts.pop("longest wait, ms", None)
        outcome.add(part)
        shutil.rmtree(place)
    return outcome


def left_alone(plan: Plan, folder: Path, lines: Sequence[int]) -> Outcome:
    """Close the output after each number of lines; the run exits with 141 and can be resumed."""
    outcome = Outcome()
    for line in lines:
        part = survive(plan, folder / f"line-{line}", [AtLine(line, None)])
        part.findings = [f"line {line}: {text}" for text in part.findings]
        outcome.add(part)
    return outcome


def second_comer(plan: Plan, place: Path) -> Outcome:
    """Pause a command that resumes a run, and start a second one, which must be refused."""
    outcome = Outcome(1)
    place.mkdir(parents=True)
    AtEvent(30)(plan.args, place)
    args = next_command(plan, place)
    first = processes.begin(args, place)
    assert first.stdout
    first.stdout.readline()  # it holds the lock before it prints anything
    first.send_signal(signal.SIGSTOP)
    before = contents(place)
    second = processes.begin(args, place)
    refused = processes.finish(second)
    outcome.expect(contents(place) == before, "the refused command changed a file")
    first.send_signal(signal.SIGCONT)
    judge_race([(first, processes.finish(first)), (second, refused)], outcome)
    run = processes.last_run(place)
    differing = processes.differences(run.path, plan.path) if run else ["lost"]
    outcome.expect(not differing, f"not identical: {', '.join(differing[:4])}")
    return outcome


def contents(place: Path) -> dict[str, bytes]:
    """Return the contents of every file under `place`."""
    return {str(path): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def races(plan: Plan, folder: Path, total: int, seed: int) -> Outcome:
    """Resume one run with two commands at nearly the same moment; one must be refused.

    A second command that starts after the first has ended does not count in `total`.
    """
    drawn, outcome, number, apart = random.Random(seed), Outcome(), 0, plan.seconds / 3
    stop = AtEvent(40)  # in training
    while outcome.done < total:
        place, number = folder / f"race-{number}", number + 1
        place.mkdir(parents=True)
        stop(plan.args, place)
        args = next_command(plan, place)
        first = processes.begin(args, place)
        time.sleep(drawn.uniform(0, apart))
        second = processes.begin(args, place)
        ends = []
        for process in (first, second):
            ends.append((process, processes.finish(process)))
        late = outcome.counts["after its end"]
        judge_race(ends, outcome)
        raced = outcome.counts["after its end"] == late
        apart *= 1.05 if raced else 0.8
        run = processes.last_run(place)
        differing = processes.differences(run.path, plan.path) if run else ["lost"]
        outcome.expect(not differing, f"race {number}: not identical: {', '.join(differing[:4])}")
        outcome.done += raced
        shutil.rmtree(place)
    return outcome


def judge_race(ends: Sequence[tuple["subprocess.Popen[str]", Ended]], outcome: Outcome) -> None:
    """Check that one command ended with 0, and the other with 3 and the first one's process id."""
    by_code = {done.code: (process, done) for process, done in ends}
    if set(by_code) == {0, 2}:  # the second started after the first had ended
        outcome.counts["after its end"] += 1
        return
    outcome.expect(set(by_code) == {0, 3}, f"ended with {[done.code for _, done in ends]}")
    if set(by_code) == {0, 3}:
        winner, refused = by_code[0][0], by_code[3][1]
        named = f"process {winner.pid}, since 2" in refused.err
        outcome.counts["refused with process and time"] += named
        outcome.expect(named and not refused.trouble(), f"refused with {refused.last!r}")
