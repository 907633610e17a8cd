"""Checks that a run's files are sound, and that resuming it on this machine is exact."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from hiddenstate.config import Config, make_config
from hiddenstate.data import PreparedDataset
from hiddenstate.data.readers.formats import STDIN_NAMES
from hiddenstate.engines import Chunk, Engine
from hiddenstate.errors import DataError, HiddenstateError, UntrustedFileError, printable
from hiddenstate.jobs import Taught, make_job
from hiddenstate.runs import Run
from hiddenstate.runs.record import CLOSED, TEACHER, TEXTS, read_record
from hiddenstate.runs.run import FINAL_ARRAYS, STATIC_ARRAYS
from hiddenstate.runs.run_data import kept_rows, unchanged_dataset
from hiddenstate.training.initial_state import starting_state
from hiddenstate.training.resume import resume_run
from hiddenstate.training.start import Session, start_in
from hiddenstate.training.teacher_file import kept_answers

LOGGED = 8
"""About how many logged lines the retrained part of a run has."""


def check_files(run: Run) -> Iterator[tuple[str, str | None]]:
    """Yield each checksummed file of a run, and what is wrong with it, or None.

    Every array and line is read. Files that nothing reads are skipped: `lock`, `figures/`, pages
    and requests.
    """
    readers: list[tuple[Path, Callable[[Path], Any]]] = [(run.path / "config.json", read_record)]
    readers += [(path, run.read_checkpoint) for path in run.checkpoint_paths()[::-1]]
    readers += [(path, run.snapshot) for path in run.snapshot_paths()]
    readers += [(path, run.weights) for path in run.weights_paths()]
    snapshots, model = run.path / "snapshots", run.path / "model.safetensors"
    if run.config.training.teach is not None:
        readers.append((run.path / TEACHER, lambda path: kept_answers(run)))
    if run.has_final_arrays:
        readers.append((snapshots / FINAL_ARRAYS, lambda path: run.final_arrays()))
    if (snapshots / STATIC_ARRAYS).exists():
        readers.append((snapshots / STATIC_ARRAYS, lambda path: run.static_arrays))
    if model.exists():
        readers.append((model, lambda path: run.model()))
    if (run.path / CLOSED).exists():
        readers.append((run.path / CLOSED, lambda path: run.cut_lines(TEXTS[0])))
    yield from _missing_files(run)
    for name, missing in _missing_lines(run).items():
        yield name, run.damage(name) or missing
    for path, read in readers:
        fault = None
        try:
            read(path)
        except HiddenstateError as error:
            if not path.exists():  # replaced since, by the process that trains the run
                continue
            fault = str(error)
        yield str(path.relative_to(run.path)), fault


def _missing_files(run: Run) -> Iterator[tuple[str, str]]:
    """Yield each file that was written, as the journal states, and is missing; and say so."""
    events = {entry["event"]: entry for entry in run.journal()}
    try:
        kept_rows(run)
    except DataError as error:
        yield STDIN_NAMES[0], str(error)
    if run.config.training.teach is not None and not (run.path / TEACHER).exists():
        yield TEACHER, "missing, although a teacher taught the run"
    if run.results() is not None:
        if not (run.path / "model.safetensors").exists():
            yield "model.safetensors", "missing, although the run is done"
        if "closing" in events.get("end", {}) and not run.has_final_arrays:
            yield f"snapshots/{FINAL_ARRAYS}", "missing, although the run is done"
    if "start" in events and not (run.path / "snapshots" / STATIC_ARRAYS).exists():
        yield f"snapshots/{STATIC_ARRAYS}", "missing, although the run was started"
    if "checkpoint" in events and not run.checkpoint_paths():
        yield "checkpoints", "missing, although the run saved some"


def _missing_lines(run: Run) -> dict[str, str | None]:
    """Say which whole lines are missing from history and journal, as far as other files show."""
    missing: dict[str, str | None] = dict.fromkeys(TEXTS)
    if run.status() == "running":
        return missing
    with suppress(UntrustedFileError):  # closed.json itself is named then
        missing = {name: run.cut_lines(name) for name in TEXTS}
    try:
        checkpoint = run.checkpoint()
    except UntrustedFileError:
        checkpoint = None
    if checkpoint is not None:
        arrays, facts = checkpoint
        since: Any = arrays.get("progress/since_log", ())
        name, step, n_lines = TEXTS[0], int(facts.get("step", 0)), facts.get("lines")
        missing[name] = missing[name] or run.missing_lines(step, len(since), n_lines)
    events = [entry["event"] for entry in run.journal() if entry["event"] in ("start", "end")]
    if "start" not in events and (checkpoint is not None or run.history()):
        name = "journal.jsonl"
        missing[name] = missing[name] or f"{printable(run.path / name)}: its start is missing"
    if (events[-1:] == ["end"]) != (run.results() is not None):
        name = "journal.jsonl" if run.results() is not None else "history.jsonl"
        # A kill can come between the two ends: the run is resumed then.
        if name == "journal.jsonl" or run.record["format"] < 4 or (run.path / CLOSED).exists():
            missing[name] = missing[name] or f"{printable(run.path / name)}: its end is missing"
    return missing


@dataclass(frozen=True)
class Proof:
    """How training that was interrupted and resumed compares with uninterrupted training.

    Parameters
    ----------
    stops : tuple of int
        Numbers of updates after which it was interrupted.
    differing : list of str
        Files that are not byte-identical; empty if resuming was exact.
    """

    stops: tuple[int, ...]
    differing: list[str]


def prove(run: Run, steps: int, folder: Path) -> Iterator[Proof]:
    """Retrain the first `steps` of a run in `folder`: uninterrupted, and interrupted.

    Yield a proof for an interruption after the first step, in the middle and before the last, and
    one for five interruptions in a row. Each is resumed from its files, as `resume` does.

    Raises
    ------
    HiddenstateError
        If the run's data or engine is not available.
    """
    config = _short_config(run, steps)
    dataset = unchanged_dataset(run)
    rows, answers = kept_rows(run), kept_answers(run)
    whole = _train(config, dataset, folder / "whole", (), rows, answers)
    total = int(Run(folder / "whole").checkpoint_paths()[0].stem)
    places = sorted({1, total // 2, total - 1} - {0, total})
    chained = tuple(sorted({max(1, total * k // 6) for k in range(1, 6)} - {total}))
    for number, stops in enumerate([*((place,) for place in places), chained]):
        if stops and stops not in [(place,) for place in places[:number]]:
            files = _train(config, dataset, folder / f"stopped-{number}", stops, rows, answers)
            names = sorted({*whole, *files})
            yield Proof(stops, [name for name in names if whole.get(name) != files.get(name)])


def _short_config(run: Run, steps: int) -> Config:
    """Return the run's config for `steps` steps on its engine, saved only when interrupted."""
    training, engine = run.config.training, run.record.get("engine")
    changes: dict[str, Any] = {"max_steps": min(steps, training.max_steps or steps)}
    changes["log_every"] = max(1, min(training.log_every, changes["max_steps"] // LOGGED))
    changes["checkpoint_every"] = 0
    for option, name in (("engine", "name"), ("device", "device")):
        if isinstance(engine, dict) and getattr(training, option) == "auto":
            changes[option] = engine.get(name, "auto")
    values = run.config.flat() | changes
    return make_config(run.config.job, values)


def _train(
    config: Config,
    dataset: PreparedDataset,
    path: Path,
    stops: tuple[int, ...],
    rows: Path | None,
    answers: Taught | None,
) -> dict[str, bytes]:
    """Train in the new folder `path`, interrupted after each of `stops`; return its files.

    `rows` is the file of rows that came from stdin, if they did, and `answers` a teacher's.
    """
    job = make_job(config, dataset, answers)
    with start_in(path, job, starting_state(job)) as session:
        if rows is not None:
            session.writer.keep_rows(rows)
        results = _train_until(session, *stops[:1])
    for place in (*stops[1:], None):
        if results is None:
            with resume_run(Run(path), {}) as session:
                results = _train_until(session, *(() if place is None else (place,)))
    newest = Run(path).checkpoint_paths()[0]
    files = [path / "history.jsonl", path / "model.safetensors", newest]
    files += Run(path).snapshot_paths() + Run(path).weights_paths()
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


def _train_until(session: Session, place: int = 0) -> dict[str, Any] | None:
    """Train a session to its end or, with `place`, until that many updates are made."""
    if not place:
        return session.train()
    engine = _UpTo(session.engine, place)
    return replace(session, engine=cast(Engine, engine)).train((), lambda: engine.reached)


class _UpTo:
    """An engine that takes no step beyond `place`."""

    def __init__(self, engine: Engine, place: int) -> None:
        self._engine, self._place, self.reached = engine, place, False

    def run(self, first: int, last: int, stop: Callable[[], bool]) -> Chunk:
        chunk = self._engine.run(first, min(last, self._place), stop)
        self.reached = first + len(chunk.losses) >= self._place
        return chunk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)
