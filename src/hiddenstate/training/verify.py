"""Whether a run is sound, and whether going on with it is exact, shown on this very machine."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from hiddenstate.config import Config, make_config
from hiddenstate.data import PreparedDataset
from hiddenstate.engines import Chunk, Engine
from hiddenstate.errors import HiddenstateError, UntrustedFileError, printable
from hiddenstate.jobs import make_job
from hiddenstate.models.fitted import load_model
from hiddenstate.runs import Run
from hiddenstate.runs.record import read_record
from hiddenstate.runs.run import FINAL_ARRAYS, STATIC_ARRAYS
from hiddenstate.runs.run_data import unchanged_dataset
from hiddenstate.system.array_file import read_arrays
from hiddenstate.training.initial_state import starting_state
from hiddenstate.training.resume import resume_run
from hiddenstate.training.start import Session, start_in

LOGGED = 8
"""Logged lines of a piece that is trained anew, about."""


def check_files(run: Run) -> Iterator[tuple[str, str | None]]:
    """Yield each file of a run that tells when it was damaged, and what is wrong with it if so.

    Every array and line is read. What nothing reads is left out: `lock`, `figures/`, pages,
    requests.
    """
    readers: list[tuple[Path, Callable[[Path], Any]]] = [(run.path / "config.json", read_record)]
    readers += [
        (path, lambda path: read_arrays(path, "checkpoint"))
        for path in run.checkpoint_paths()[::-1]
    ]
    readers += [(path, run.snapshot) for path in run.snapshot_paths()]
    snapshots, model = run.path / "snapshots", run.path / "model.safetensors"
    if run.has_final_arrays:
        readers.append((snapshots / FINAL_ARRAYS, lambda path: run.final_arrays()))
    if (snapshots / STATIC_ARRAYS).exists():
        readers.append((snapshots / STATIC_ARRAYS, lambda path: run.static_arrays))
    if model.exists():
        readers.append((model, load_model))
    yield from _missing(run)
    for name, lacking in _lacking(run).items():
        yield name, run.damage(name) or lacking
    for path, read in readers:
        what = None
        try:
            read(path)
        except HiddenstateError as error:
            if not path.exists():  # a run under way has gone on since
                continue
            what = str(error)
        yield str(path.relative_to(run.path)), what


def _missing(run: Run) -> Iterator[tuple[str, str]]:
    """Yield each file that the journal says was written and that is not there, and so."""
    events = {entry["event"]: entry for entry in run.journal()}
    if run.results() is not None:
        if not (run.path / "model.safetensors").exists():
            yield "model.safetensors", "is missing, of a run that is done"
        if "closing" in events.get("end", {}) and not run.has_final_arrays:
            yield f"snapshots/{FINAL_ARRAYS}", "is missing, of a run that is done"
    if "start" in events and not (run.path / "snapshots" / STATIC_ARRAYS).exists():
        yield f"snapshots/{STATIC_ARRAYS}", "is missing, of a run that was begun"
    if "checkpoint" in events and not run.checkpoint_paths():
        yield "checkpoints", "those the run made are missing"


def _lacking(run: Run) -> dict[str, str | None]:
    """What whole lines history and journal lack, as far as other files tell."""
    lacking: dict[str, str | None] = {"history.jsonl": None, "journal.jsonl": None}
    if run.status() == "running":
        return lacking
    try:
        found = run.checkpoint()
    except UntrustedFileError:
        found = None
    if found is not None:
        since: Any = found[0].get("progress/since_log", ())
        lacking["history.jsonl"] = run.missing_lines(int(found[1].get("step", 0)), len(since))
    events = [entry["event"] for entry in run.journal() if entry["event"] in ("start", "end")]
    if (events[-1:] == ["end"]) != (run.results() is not None):
        name = "journal.jsonl" if run.results() is not None else "history.jsonl"
        lacking[name] = lacking[name] or f"{printable(run.path / name)}: its end is missing"
    return lacking


@dataclass(frozen=True)
class Proof:
    """How a piece that was stopped and gone on with compares with the piece in one go.

    Parameters
    ----------
    stops : tuple of int
        The updates after which it was stopped.
    differing : list of str
        Files that are not equal, byte for byte; none where going on was exact.
    """

    stops: tuple[int, ...]
    differing: list[str]


def prove(run: Run, steps: int, folder: Path) -> Iterator[Proof]:
    """Train the first `steps` of a run's job anew in `folder`: in one go, and with stops.

    Yield a proof for a stop after the first step, in the middle and before the last, and one for
    five stops in a row. Each is gone on with as `resume` does, from the files alone.

    Raises
    ------
    HiddenstateError
        If the run's data or engine cannot be had again.
    """
    config = _piece(run, steps)
    dataset = unchanged_dataset(run)
    whole = _train(config, dataset, folder / "whole", ())
    total = int(Run(folder / "whole").checkpoint_paths()[0].stem)
    places = sorted({1, total // 2, total - 1} - {0, total})
    chained = tuple(sorted({max(1, total * k // 6) for k in range(1, 6)} - {total}))
    for number, stops in enumerate([*((place,) for place in places), chained]):
        if stops and stops not in [(place,) for place in places[:number]]:
            found = _train(config, dataset, folder / f"stopped-{number}", stops)
            names = sorted({*whole, *found})
            yield Proof(stops, [name for name in names if whole.get(name) != found.get(name)])


def _piece(run: Run, steps: int) -> Config:
    """The config of a piece: so many steps on the run's engine, saved where it is stopped."""
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
    config: Config, dataset: PreparedDataset, path: Path, stops: tuple[int, ...]
) -> dict[str, bytes]:
    """Train a piece in the new folder `path`, stopped after each of `stops`; what it leaves."""
    job = make_job(config, dataset)
    with start_in(path, job, starting_state(job.net, config.training)) as session:
        results = _stretch(session, *stops[:1])
    for place in (*stops[1:], None):
        if results is None:
            with resume_run(Run(path), {}) as session:
                results = _stretch(session, *(() if place is None else (place,)))
    newest = Run(path).checkpoint_paths()[0]
    files = [path / "history.jsonl", path / "model.safetensors", newest]
    files += Run(path).snapshot_paths()
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


def _stretch(session: Session, place: int = 0) -> dict[str, Any] | None:
    """Train a session to its end, or, with `place`, until so many updates are made."""
    if not place:
        return session.train()
    engine = _UpTo(session.engine, place)
    return replace(session, engine=cast(Engine, engine)).train((), lambda: engine.reached)


class _UpTo:
    """An engine that takes no step beyond `place`, whatever it is asked for."""

    def __init__(self, engine: Engine, place: int) -> None:
        self._engine, self._place, self.reached = engine, place, False

    def run(self, first: int, last: int, stop: Callable[[], bool]) -> Chunk:
        chunk = self._engine.run(first, min(last, self._place), stop)
        self.reached = first + len(chunk.losses) >= self._place
        return chunk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)
