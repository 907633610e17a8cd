"""Reads damaged data files with every reader; each must give a valid dataset or a one-line error.

    nice -n 10 python -m tools.stress.data_files [--n 100000] [--seed 0] [--reader NAME]
    python -m tools.stress.data_files --reader NAME --at 123    # one file again, with its traceback

Each file is read for every job that supports it, with random options, up to the last check before
training (`plan`, `prepare`, the job and its memory), and again as new rows to predict. A finding is
anything other than a valid dataset or a hiddenstate error: another exception, a message that is not
one printable line, a warning, output on stdout or stderr, a value the network cannot use, more than
2 s (in the faster of two runs), more than 200 MB above the start (300 for an image), or the end of
the process. Child processes read a few hundred files each. The files of a finding are kept in a
folder, and the exit code is then 1.
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
from hiddenstate.jobs import make_job, without_teacher
from hiddenstate.jobs.lines import job_notices
from hiddenstate.jobs.memory import check_memory
from hiddenstate.training.augmenting import with_augmentation
from hiddenstate.training.start import plan
from tools.stress import mutations, samples
from tools.stress.tables import markdown

READERS = samples.READERS

MOST_SECONDS = 2.0
MOST_MB = 200
MOST_MB_OF_IMAGES = 300
"""An image may have 50 million pixels, which take 200 MB while they are decoded."""

HANGS = 60
"""Seconds without a message after which a child is killed."""

PIECE = 400
"""Files read by one child process."""

KINDS = ("dataset", "DataError", "OptionError", "MachineError", "UntrustedFileError")


@dataclass
class Outcome:
    """The results of one file, over all its uses."""

    ends: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    megabytes: float = 0.0
    findings: list[str] = field(default_factory=list)
    damaged_file: str = ""
    """The name of the damaged file."""


class Place:
    """A folder with the intact files of a reader, one of which can be damaged temporarily."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.reader, self.folder = name, READERS[name], folder
        self.files = self.reader.files()
        for file, data in self.files.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(data)

    def random(self, seed: int, number: int) -> np.random.Generator:
        """Return the generator that file `number` of `seed` is made from."""
        return np.random.default_rng([seed, zlib.crc32(self.name.encode()), number])

    @contextlib.contextmanager
    def damaged(self, random: np.random.Generator) -> Iterator[str]:
        """Damage one file, yield its name, and restore it."""
        file = sorted(self.files)[random.integers(len(self.files))]
        (self.folder / file).write_bytes(mutations.damage(file, self.files[file], random))
        try:
            yield file
        finally:
            (self.folder / file).write_bytes(self.files[file])

    def uses(self, random: np.random.Generator) -> Iterator[samples.Use]:
        """Yield each job with its own and one set of random options."""
        for job, own in self.reader.uses:
            drawn = [*samples.SEVERAL, *samples.ONE_JOB[job]]
            if self.reader.data.endswith((".csv", ".tsv", ".txt", ".gz")):
                drawn += samples.TEXT_ONLY
            yield job, self.options({**drawn[random.integers(len(drawn))], **own})

    def attempt(self, seed: int, number: int) -> Outcome:
        """Damage file `number` and read it for every use."""
        return try_file(self, seed, number)

    def options(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return the options with file names replaced by paths in the folder."""
        files = {name: given[name] for name in ("test", "answers") if name in given}
        paths: dict[str, Any] = {name: str(self.folder / file) for name, file in files.items()}
        return {**given, **paths, "data": str(self.folder / self.reader.data)}


def try_file(place: Place, seed: int, number: int, uses: int | None = None) -> Outcome:
    """Damage file `number` and read it for every use, or for `uses` of them, rotating by number."""
    random, outcome = place.random(seed, number), Outcome()
    with place.damaged(random) as outcome.damaged_file:
        every = list(place.uses(random))
        first = number % len(every) if uses else 0
        for job, options in every[first : first + (uses or len(every))]:
            for read in (train, new_rows):
                _try(outcome, read, job, options)
    return outcome


def _try(outcome: Outcome, read: Any, job: str, options: dict[str, Any]) -> None:
    """Read for one use and record the result."""
    trouble = watched(outcome, "dataset", lambda: read(job, options))
    what = f"{read.__name__}({job!r}, {options})"
    outcome.findings += [f"{text}\n{what}" for text in trouble]


def watched(outcome: Outcome, success: str, call: Callable[[], list[str]]) -> list[str]:
    """Time `call` and count how it ended, as `success` without an error; return the problems."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", ResourceWarning)
        began = time.process_time()  # of this process: others may be busy
        end, trouble = _end(success, call)
        seconds = time.process_time() - began
    outcome.ends[end] += 1
    outcome.seconds = max(outcome.seconds, seconds)
    trouble += [
        f"warning: {w.category.__name__}: {w.message} at {w.filename}:{w.lineno}" for w in warned
    ]
    if seconds > MOST_SECONDS:
        trouble.append(f"slow: {seconds:.1f} s")
    return trouble


def _end(success: str, call: Callable[[], list[str]]) -> tuple[str, list[str]]:
    """Run `call`; return how it ended and the problems with that."""
    try:
        return success, call()
    except HiddenstateError as error:
        message = str(error)
        wrong = not message.isprintable() or not message or len(message) > 2000
        return type(error).__name__, [f"message: {message[:3000]!r}"] if wrong else []
    except BaseException:  # noqa: BLE001 - any other exception is a finding
        trace = traceback.format_exc().strip()
        last = trace.splitlines()
        place = next((line.strip() for line in last[::-1] if "hiddenstate" in line), "")
        return "other", [f"exception: {last[-1][:200]} at {place}\n{trace}"]


def train(job: str, options: dict[str, Any]) -> list[str]:
    """Do what a training command does before it creates the run folder, but for a teacher."""
    config, dataset = plan(job, options)
    config, prepared = with_augmentation(config, prepare(dataset, config))
    make = make_job if job == "autoencode" else without_teacher  # a run makes its own
    made = make(config, prepared)
    check_memory(made)
    lines = [*map(str, job_notices(made)), *made.dataset.sizes()]
    trouble = [f"notice: {line!r}" for line in lines if not line.isprintable()]
    return trouble + _unsound(prepared, config)


def new_rows(job: str, options: dict[str, Any]) -> list[str]:
    """Read the same file as new rows to predict."""
    kept = section_options(DataConfig, job)
    reading = {name: options[name] for name in options if name in kept and kept[name].kept}
    read_like(options["data"], job, reading, {}, require_targets=False)
    return []


def _unsound(dataset: PreparedDataset, config: Config) -> list[str]:
    """Return the problems that make a prepared dataset unusable for training."""
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
        # Test metrics exclude steps without inputs or target.
        if not np.isfinite(X).all() and not (whole and config.data.missing == "drop"):
            trouble.append(f"unsound: {name} X is not finite as {dtype}")
        if y is not None and len(y) != len(X):
            trouble.append(f"unsound: {name} has {len(y)} y for {len(X)} rows")
        if y is not None and y.dtype.kind == "f" and not np.isfinite(y).all() and not whole:
            trouble.append(f"unsound: {name} y is not finite")
        n_classes = len(dataset.classes or ())
        if y is not None and n_classes and not (y.min() >= 0 and y.max() < n_classes):
            trouble.append(f"unsound: {name} y is not a class number")
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
    """Read files `numbers` of a reader; send each number before its file is read, then the outcome.

    This function is the body of a child process.
    """
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    printed = tempfile.TemporaryFile()  # noqa: SIM115
    for stream in (1, 2):  # C libraries print without Python's streams
        os.dup2(printed.fileno(), stream)
    try:
        place = open_place(name, folder)
        place.attempt(seed, 10**9)  # so that imports and caches do not count as memory of a file
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
            if printed.seek(0, os.SEEK_END):
                printed.seek(0)
                outcome.findings.append(f"printed: {printed.read()[:500]!r}")
                printed.seek(0)
                printed.truncate()
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
    """Return the memory of this process in MB: VmRSS is the current value, VmHWM the peak."""
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) / 1000 for line in lines if line.startswith(what))


def _forget_peak() -> None:
    with open("/proc/self/clear_refs", "w", encoding="ascii") as stream:
        stream.write("5")


def _limit(more: int) -> None:
    """Limit this process to `more` bytes of address space above its present use."""
    with open("/proc/self/statm", encoding="ascii") as stream:
        now = int(stream.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + more, now + more))


# --- the parent


@dataclass
class Child:
    """A child process and the files it still has to read."""

    process: Any
    receive: Connection
    name: str
    left: range
    heard: float = field(default_factory=time.monotonic)


class Sum:
    """The totals of a reader's files."""

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
    """Distributes files over child processes and collects their findings."""

    def __init__(
        self,
        args: argparse.Namespace,
        names: Sequence[str] = tuple(READERS),
        open_place: Callable[[str, Path], Any] = Place,
    ) -> None:
        self.args, self.open_place = args, open_place
        self.names = [args.reader] if args.reader else list(names)
        self.sums = {name: Sum() for name in self.names}
        each = -(-args.n // len(self.names))
        self.waiting = [
            (name, range(first, min(first + PIECE, each)))
            for first in range(0, each, PIECE)
            for name in self.names
        ]
        self.children: list[Child] = []

    def run(self) -> int:
        """Read all files and return the number of findings."""
        while self.waiting or self.children:
            while self.waiting and len(self.children) < self.args.processes:
                self._begin(*self.waiting.pop(0))
            wait([child.receive for child in self.children], timeout=5)
            for child in list(self.children):
                self._hear(child)
        return sum(total.findings for total in self.sums.values())

    def _begin(self, name: str, numbers: range) -> None:
        receive, send = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.get_context("fork").Process(
            target=work, args=(self.open_place, name, self.args.seed, numbers, send)
        )
        process.start()
        send.close()
        self.children.append(Child(process, receive, name, numbers))

    def _hear(self, child: Child) -> None:
        """Receive messages of a child; if it ended, record why and requeue its remaining files."""
        try:
            while child.receive.poll():
                message = child.receive.recv()
                child.heard = time.monotonic()
                if isinstance(message, Outcome):
                    self._note(child.name, child.left[0], message)
                    child.left = child.left[1:]
        except EOFError:
            child.process.join()
            self._gone(child, f"the process ended with {child.process.exitcode}")
            return
        if time.monotonic() - child.heard > HANGS:
            os.kill(child.process.pid, signal.SIGKILL)
            child.process.join()
            self._gone(child, f"no message for {HANGS} s")

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
    """Save the findings as JSON, with a copy of the damaged file next to them."""
    seed, folder = fuzz.args.seed, fuzz.args.keep
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"{name.replace(' ', '_')}-{seed}-{number}"
    Path(f"{stem}.json").write_text(json.dumps(findings, indent=1))
    with tempfile.TemporaryDirectory() as scratch:
        place = fuzz.open_place(name, Path(scratch))
        with place.damaged(place.random(seed, number)) as file:
            shutil.copy(place.folder / file, f"{stem}-{Path(file).name}")


def summary(finding: str) -> str:
    """Return the first line of a finding."""
    return finding.splitlines()[0][:300]


def table(sums: dict[str, Sum], kinds: Sequence[str] = KINDS) -> str:
    """Return a table with one row per reader."""
    head = ("reader", "files", *kinds, "findings", "slowest ms", "largest MB")
    rows: dict[str, list[int]] = {
        name: [
            s.files,
            *(s.ends[kind] for kind in kinds),
            s.findings,
            round(1000 * s.seconds),
            round(s.megabytes),
        ]
        for name, s in sums.items()
    }
    columns = list(zip(*rows.values(), strict=True))
    if columns:
        rows["all"] = [*map(sum, columns[:-2]), *map(max, columns[-2:])]
    return markdown(head, [(name, *row) for name, row in rows.items()])


def again(name: str, seed: int, number: int, open_place: Callable[[str, Path], Any] = Place) -> int:
    """Read one file again, print its findings and return their number."""
    with tempfile.TemporaryDirectory() as scratch:
        outcome = open_place(name, Path(scratch)).attempt(seed, number)
    print(f"{outcome.damaged_file}: {dict(outcome.ends)}, {1000 * outcome.seconds:.0f} ms")
    print(*outcome.findings, sep="\n")
    return len(outcome.findings)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--n", type=int, default=100_000, help="total number of damaged files")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reader", choices=list(READERS))
    parser.add_argument("--at", type=int, help="number of the one file of --reader to read again")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "fuzz-findings")
    args = parser.parse_args()
    if args.at is not None:
        sys.exit(again(args.reader, args.seed, args.at) > 0)
    fuzz = Fuzz(args)
    findings = fuzz.run()
    print(table(fuzz.sums))
    print(f"{findings} findings" + (f", saved in {args.keep}" if findings else ""))
    sys.exit(findings > 0)


if __name__ == "__main__":
    main()
