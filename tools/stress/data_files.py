"""Damaged files through every reader: each must become a dataset, or one line that says why not.

    nice -n 10 python -m tools.stress.data_files [--n 100000] [--seed 0] [--reader NAME]
    python -m tools.stress.data_files --reader NAME --at 123    # one file again, with its trace

A file is read for every job it is good for, with options drawn by chance, up to all checks made
before training (`session.plan`, `prepare`, the job and its memory), and once more as new rows to
predict. A finding is anything but a sound dataset or an error of ours: another exception, a
message that is not one printable line, a warning, words on stdout or stderr, a value the net cannot
read, more than 2 s (in the better of two runs), more than 200 MB above the start (300 for an
image), or the end of the process. Files are read in child processes, a few hundred each; what was
found is kept in a folder, and makes the exit code 1.
"""

import argparse
import contextlib
import gc
import json
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from hiddenstate.config import Config, DataConfig, section_options
from hiddenstate.data import PreparedDataset, Rows, fractions
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.data.readers.open import read_like
from hiddenstate.errors import HiddenstateError
from hiddenstate.jobs import make_job
from hiddenstate.jobs.lines import job_notices
from hiddenstate.jobs.memory import check_memory
from hiddenstate.training.start import plan
from tools.stress import mutations, samples
from tools.stress.tables import markdown

READERS = samples.READERS

MOST_SECONDS = 2.0
MOST_MB = 200
MOST_MB_OF_IMAGES = 300
"""An image may have 50 million pixels, which take 200 MB as they are decoded."""

HANGS = 60
"""Seconds after which a child that says nothing is ended."""

PIECE = 400
"""Files read by one child process."""

KINDS = ("dataset", "DataError", "OptionError", "MachineError", "UntrustedFileError")


@dataclass
class Outcome:
    """What became of one file, for all its uses."""

    ends: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    megabytes: float = 0.0
    findings: list[str] = field(default_factory=list)
    hurt: str = ""
    """The file that was damaged."""


class Place:
    """A folder with the sound files of a reader, one of which can be damaged for a while."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.reader, self.folder = name, READERS[name], folder
        self.files = self.reader.files()
        for file, data in self.files.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(data)

    def random(self, seed: int, number: int) -> np.random.Generator:
        """What file `number` of `seed` follows from."""
        return np.random.default_rng([seed, zlib.crc32(self.name.encode()), number])

    @contextlib.contextmanager
    def spoilt(self, random: np.random.Generator) -> Iterator[str]:
        """Damage a file, and mend it."""
        file = sorted(self.files)[random.integers(len(self.files))]
        (self.folder / file).write_bytes(mutations.spoil(file, self.files[file], random))
        try:
            yield file
        finally:
            (self.folder / file).write_bytes(self.files[file])

    def uses(self, random: np.random.Generator) -> Iterator[samples.Use]:
        """The jobs, each with options of its own and drawn ones."""
        for job, own in self.reader.uses:
            drawn = [*samples.SEVERAL, *samples.ONE_JOB[job]]
            if self.reader.data.endswith((".csv", ".tsv", ".txt", ".gz")):
                drawn += samples.TEXT_ONLY
            yield job, self.options({**drawn[random.integers(len(drawn))], **own})

    def attempt(self, seed: int, number: int) -> Outcome:
        """Damage file `number`, and read it for every use."""
        return try_file(self, seed, number)

    def options(self, given: dict[str, Any]) -> dict[str, Any]:
        """Options with the names of files as they are in the folder."""
        files = {name: given[name] for name in ("test", "answers") if name in given}
        paths = {name: str(self.folder / file) for name, file in files.items()}
        return {**given, **paths, "data": str(self.folder / self.reader.data)}


def try_file(place: Place, seed: int, number: int, uses: int | None = None) -> Outcome:
    """Damage file `number` and read it for every use, or for so many, another with each file."""
    random, outcome = place.random(seed, number), Outcome()
    with place.spoilt(random) as outcome.hurt:
        found = list(place.uses(random))
        first = number % len(found) if uses else 0
        for job, options in found[first : first + (uses or len(found))]:
            for ask in (train, new_rows):
                _try(outcome, ask, job, options)
    return outcome


def _try(outcome: Outcome, ask: Any, job: str, options: dict[str, Any]) -> None:
    """Read for one use, and note how it ended."""
    trouble = watched(outcome, "dataset", lambda: ask(job, options))
    what = f"{ask.__name__}({job!r}, {options})"
    outcome.findings += [f"{words}\n{what}" for words in trouble]


def watched(outcome: Outcome, read: str, ask: Callable[[], list[str]]) -> list[str]:
    """Ask for something, note how that ended, as `read` if it did well; returns what was wrong."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", ResourceWarning)
        began = time.perf_counter()
        end, trouble = _end(read, ask)
        seconds = time.perf_counter() - began
    if seconds > MOST_SECONDS:  # others may have been busy
        began = time.perf_counter()
        _end(read, ask)
        seconds = min(seconds, time.perf_counter() - began)
    outcome.ends[end] += 1
    outcome.seconds = max(outcome.seconds, seconds)
    trouble += [
        f"warning: {w.category.__name__}: {w.message} at {w.filename}:{w.lineno}" for w in warned
    ]
    if seconds > MOST_SECONDS:
        trouble.append(f"slow: {seconds:.1f} s")
    return trouble


def _end(read: str, ask: Callable[[], list[str]]) -> tuple[str, list[str]]:
    """How it ended, and what is wrong with that."""
    try:
        return read, ask()
    except HiddenstateError as error:
        message = str(error)
        wrong = not message.isprintable() or not message or len(message) > 2000
        return type(error).__name__, [f"message: {message[:3000]!r}"] if wrong else []
    except BaseException:  # noqa: BLE001 - all others are what is looked for
        trace = traceback.format_exc().strip()
        last = trace.splitlines()
        place = next((line.strip() for line in last[::-1] if "hiddenstate" in line), "")
        return "other", [f"exception: {last[-1][:200]} at {place}\n{trace}"]


def train(job: str, options: dict[str, Any]) -> list[str]:
    """Everything a training command does before it makes a folder."""
    config, dataset = plan(job, options)
    prepared = prepare(dataset, config)
    made = make_job(config, prepared)
    check_memory(made)
    said = [*map(str, job_notices(made)), *made.dataset.sizes()]
    trouble = [f"remark: {line!r}" for line in said if not line.isprintable()]
    return trouble + _unsound(prepared, config)


def new_rows(job: str, options: dict[str, Any]) -> list[str]:
    """The same file as rows to predict."""
    kept = section_options(DataConfig, job)
    reading = {name: options[name] for name in options if name in kept and kept[name].kept}
    read_like(options["data"], job, reading, {}, require_targets=False)
    return []


def _unsound(dataset: PreparedDataset, config: Config) -> list[str]:
    """What in a prepared dataset a net cannot learn from."""
    trouble, dtype = [], config.training.dtype
    for name in ("train", "valid", "test"):
        rows: Rows | None = getattr(dataset, name)
        if rows is None:
            continue
        if not len(rows):
            trouble.append(f"unsound: {name} has no rows")
        with np.errstate(over="ignore"):
            X = fractions(np.asarray(rows.X[:]), dtype)
        y, whole = rows.y, name == "test" and config.job == "regress"
        # Of a test series, steps without inputs or target are not measured.
        if not np.isfinite(X).all() and not (whole and config.data.missing == "drop"):
            trouble.append(f"unsound: {name} X is not finite as {dtype}")
        if y is not None and len(y) != len(X):
            trouble.append(f"unsound: {name} has {len(y)} y for {len(X)} rows")
        if y is not None and y.dtype.kind == "f" and not np.isfinite(y).all() and not whole:
            trouble.append(f"unsound: {name} y is not finite")
        n_classes = len(dataset.classes or ())
        if y is not None and n_classes and not (y.min() >= 0 and y.max() < n_classes):
            trouble.append(f"unsound: {name} y is no class number")
        if rows.lengths is not None and not (
            rows.lengths.min() >= 1 and rows.lengths.max() <= X.shape[1]
        ):
            trouble.append(f"unsound: {name} lengths")
        if rows.weights is not None and not (
            np.isfinite(rows.weights).all() and rows.weights.any()
        ):
            trouble.append(f"unsound: {name} weights")
    return trouble


# --- the child


def work(
    open_place: Callable[[str, Path], Any], name: str, seed: int, numbers: range, send: Connection
) -> None:
    """Read files `numbers` of a reader, telling each before it is read and what became of it."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    words = tempfile.TemporaryFile()  # noqa: SIM115
    for stream in (1, 2):  # C libraries print where Python does not see it
        os.dup2(words.fileno(), stream)
    try:
        place = open_place(name, folder)
        place.attempt(seed, 10**9)  # whatever is imported and kept at first use
        gc.collect()
        start, open_files = _memory("VmRSS"), len(os.listdir("/proc/self/fd"))
        _limit(4 << 30)
        for number in numbers:
            send.send(number)
            _forget_peak()
            outcome = place.attempt(seed, number)
            outcome.megabytes = _memory("VmHWM") - start
            if outcome.megabytes > (MOST_MB_OF_IMAGES if "images" in name else MOST_MB):
                outcome.findings.append(f"memory: {outcome.megabytes:.0f} MB")
            sys.stdout.flush()
            sys.stderr.flush()
            if words.seek(0, os.SEEK_END):
                words.seek(0)
                outcome.findings.append(f"printed: {words.read()[:500]!r}")
                words.seek(0)
                words.truncate()
            if len(os.listdir("/proc/self/fd")) > open_files + 5:
                gc.collect()
                if len(os.listdir("/proc/self/fd")) > open_files + 5:
                    outcome.findings.append("files left open")
                    open_files = len(os.listdir("/proc/self/fd"))
            send.send(outcome)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        send.close()


def _memory(what: str) -> float:
    """Memory of this process in MB: VmRSS now, VmHWM at the most."""
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) / 1000 for line in lines if line.startswith(what))


def _forget_peak() -> None:
    with open("/proc/self/clear_refs", "w", encoding="ascii") as stream:
        stream.write("5")


def _limit(more: int) -> None:
    """Let this process take `more` bytes of addresses than it has, so that it harms no other."""
    with open("/proc/self/statm", encoding="ascii") as stream:
        now = int(stream.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + more, now + more))


# --- the parent


@dataclass
class Child:
    """A process at work on some files."""

    process: Any
    receive: Connection
    name: str
    left: range
    heard: float = field(default_factory=time.monotonic)


class Sum:
    """What became of a reader's files."""

    def __init__(self) -> None:
        self.files, self.ends, self.findings = 0, Counter[str](), 0
        self.seconds = self.megabytes = 0.0

    def add(self, outcome: Outcome) -> None:
        self.files += 1
        self.ends += outcome.ends
        self.findings += bool(outcome.findings)
        self.seconds = max(self.seconds, outcome.seconds)
        self.megabytes = max(self.megabytes, outcome.megabytes)


class Fuzz:
    """Pieces of work given to children, and what they found."""

    def __init__(
        self,
        asked: argparse.Namespace,
        names: Sequence[str] = tuple(READERS),
        open_place: Callable[[str, Path], Any] = Place,
    ) -> None:
        self.asked, self.open_place = asked, open_place
        self.names = [asked.reader] if asked.reader else list(names)
        self.sums = {name: Sum() for name in self.names}
        each = -(-asked.n // len(self.names))
        self.waiting = [
            (name, range(first, min(first + PIECE, each)))
            for first in range(0, each, PIECE)
            for name in self.names
        ]
        self.children: list[Child] = []

    def run(self) -> int:
        """Read all files, and give how many findings there were."""
        while self.waiting or self.children:
            while self.waiting and len(self.children) < self.asked.processes:
                self._begin(*self.waiting.pop(0))
            wait([child.receive for child in self.children], timeout=5)
            for child in list(self.children):
                self._hear(child)
        return sum(found.findings for found in self.sums.values())

    def _begin(self, name: str, numbers: range) -> None:
        receive, send = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.get_context("fork").Process(
            target=work, args=(self.open_place, name, self.asked.seed, numbers, send)
        )
        process.start()
        send.close()
        self.children.append(Child(process, receive, name, numbers))

    def _hear(self, child: Child) -> None:
        """Take in what a child said; if it is gone, note why and let another do the rest."""
        try:
            while child.receive.poll():
                said = child.receive.recv()
                child.heard = time.monotonic()
                if isinstance(said, Outcome):
                    self._note(child.name, child.left[0], said)
                    child.left = child.left[1:]
        except EOFError:
            child.process.join()
            self._gone(child, f"the process ended with {child.process.exitcode}")
            return
        if time.monotonic() - child.heard > HANGS:
            os.kill(child.process.pid, signal.SIGKILL)
            child.process.join()
            self._gone(child, f"nothing heard for {HANGS} s")

    def _gone(self, child: Child, why: str) -> None:
        self.children.remove(child)
        child.receive.close()
        if child.left:
            self._note(child.name, child.left[0], Outcome(Counter(other=1), findings=[why]))
            if len(child.left) > 1:
                self.waiting.append((child.name, child.left[1:]))

    def _note(self, name: str, number: int, outcome: Outcome) -> None:
        self.sums[name].add(outcome)
        if outcome.findings:
            keep(self, name, number, outcome.findings)
            print(f"{name} {number}: {summary(outcome.findings[0])}", flush=True)


def keep(fuzz: Fuzz, name: str, number: int, findings: list[str]) -> None:
    """Keep the damaged file and what was found beside it."""
    seed, folder = fuzz.asked.seed, fuzz.asked.keep
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"{name.replace(' ', '_')}-{seed}-{number}"
    Path(f"{stem}.json").write_text(json.dumps(findings, indent=1))
    with tempfile.TemporaryDirectory() as scratch:
        place = fuzz.open_place(name, Path(scratch))
        with place.spoilt(place.random(seed, number)) as file:
            shutil.copy(place.folder / file, f"{stem}-{Path(file).name}")


def summary(finding: str) -> str:
    """The first line of what was found."""
    return finding.splitlines()[0][:300]


def table(sums: dict[str, Sum], kinds: Sequence[str] = KINDS) -> str:
    """A row a reader."""
    head = ("reader", "files", *kinds, "findings", "slowest ms", "largest MB")
    rows = [
        (
            name,
            s.files,
            *(s.ends[kind] for kind in kinds),
            s.findings,
            f"{1000 * s.seconds:.0f}",
            f"{s.megabytes:.0f}",
        )
        for name, s in sums.items()
    ]
    total = [sum(row[k] for row in rows) for k in range(1, len(kinds) + 3)]
    rows.append(
        (
            "all",
            *total,
            max((int(r[-2]) for r in rows), default=0),
            max((int(r[-1]) for r in rows), default=0),
        )
    )
    return markdown(head, rows)


def again(name: str, seed: int, number: int, open_place: Callable[[str, Path], Any] = Place) -> int:
    """Read one file again, and print what is found."""
    with tempfile.TemporaryDirectory() as scratch:
        outcome = open_place(name, Path(scratch)).attempt(seed, number)
    print(f"{outcome.hurt}: {dict(outcome.ends)}, {1000 * outcome.seconds:.0f} ms")
    print(*outcome.findings, sep="\n")
    return len(outcome.findings)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--n", type=int, default=100_000, help="damaged files in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reader", choices=list(READERS))
    parser.add_argument("--at", type=int, help="read this one file of --reader again")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "fuzz-findings")
    asked = parser.parse_args()
    if asked.at is not None:
        sys.exit(again(asked.reader, asked.seed, asked.at) > 0)
    fuzz = Fuzz(asked)
    found = fuzz.run()
    print(table(fuzz.sums))
    print(f"{found} findings" + (f", kept in {asked.keep}" if found else ""))
    sys.exit(found > 0)


if __name__ == "__main__":
    main()
