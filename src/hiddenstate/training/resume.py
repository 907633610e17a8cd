"""A job in its run folder: started or gone on with, every check made before anything is written.

The command line, and whatever else trains on someone's behalf, begins here.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from hiddenstate.config import Config, make_config
from hiddenstate.data import SequenceDataset, load_dataset
from hiddenstate.engines import Engine, TrainingState, make_engine
from hiddenstate.errors import (
    DataError,
    MachineError,
    OptionError,
    UntrustedFileError,
    printable,
)
from hiddenstate.jobs import Job, make_job
from hiddenstate.runs import Run
from hiddenstate.runs.record import make_record, read_lines
from hiddenstate.runs.requests import Inbox
from hiddenstate.runs.run_data import data_change, run_dataset
from hiddenstate.runs.writer import reopen_run
from hiddenstate.training.checkpoints import check_layout, unpack
from hiddenstate.training.initial_state import fingerprint, starting_state
from hiddenstate.training.progress import Progress, pending_events
from hiddenstate.training.start import Session


def resume_run(
    run: Run,
    changes: dict[str, str],
    allow_changed: bool = False,
    before_writing: Callable[[], None] = lambda: None,
) -> Session:
    """Take up `run` at its last checkpoint, with `changes` to how long it trains.

    Parameters
    ----------
    run : Run
    changes : dict of str
        `epochs`, `windows` or `max_steps`: `N`, or `+N` for so many more.
    allow_changed : bool
        Go on although the data is not what it was, or lines of the history are damaged.
    before_writing : callable
        Called when every check is passed.

    Raises
    ------
    OptionError
        If nothing is left to do.
    DataError
        If the data changed.
    UntrustedFileError
        If no checkpoint is sound, or a line of the history is damaged.
    MachineError
        If another process is writing the run.
    """
    config = changed_config(run, changes)
    writer = reopen_run(run)
    inbox = Inbox(run.path)  # from here on the run is under way to whoever asks something of it
    try:
        remarks = _history_remarks(run, allow_changed)
        dataset, change = _same_dataset(run, config, allow_changed)
        job = make_job(config, dataset)
        job.check_memory()
        (state, progress, waiting), damaged = _last_state(run, job, allow_changed)
        asked = [e["lr"] for e in run.history() if e.get("do") == "lr" and e["step"] <= state.step]
        progress.lr = asked[-1] if asked else progress.lr  # told in the history before it is saved
        told = f"; going on from the checkpoint before, after step {state.step}"
        remarks += change + [f"warning: {what.partition(';')[0]}{told}" for what in damaged]
        remarks += _lacking_remarks(run, state.step, progress, allow_changed)
        _check_left(run, job, state.step, progress)
        if "windows" in changes and state.step > run.config.data.windows:
            raise OptionError(
                "--windows: the run is beyond its first epoch, so windows would change places; "
                "add epochs instead"
            )
        engine, remark = _same_engine(run, job, state)
        before_writing()
        due = pending_events(job, state.step, progress)
        if writer.truncate_after(state.step, config.training.log_every, due):
            waiting = None  # it came after the checkpoint, and holds it
        begun = bool(run.checkpoint_paths())  # or it begins from the weights as they are now
        weights = run.record.get("weights") if begun else fingerprint(config.training)
        writer.write_record(make_record(config, job.about_data(), engine.about(), weights))
        for what in damaged:
            writer.add_journal("damaged", why=what)
    except BaseException:
        writer.close()
        raise
    remarks = [*remarks, *remark, *job.remarks()]
    return Session(job, engine, writer, inbox, state.step, progress, waiting, tuple(remarks))


def _check_left(run: Run, job: Job, step: int, progress: Progress) -> None:
    """Refuse to go on where nothing is left to do, and say what would give more."""
    done = run.results() is not None
    if done and 0 < job.config.training.patience <= progress.waited:
        raise OptionError(
            f"{printable(run.path)}: stopped early after step {step}: no better on the validation "
            f"rows for {progress.waited} epochs; start a new run with a larger --patience"
        )
    if step < job.total_steps or (step == job.total_steps and not done):
        return
    training = job.config.training
    if training.max_steps and training.max_steps <= training.epochs * job.batches.steps_per_epoch:
        more = "--max-steps +100"
    elif job.dataset.source == "bundled" and job.config.job == "regress":
        more = "--windows +100"
    else:
        more = "--epochs +1"
    raise OptionError(
        f"{printable(run.path)}: has made {step} steps of {job.total_steps} already; add some "
        f"with {more}"
    )


def changed_config(run: Run, changes: dict[str, str]) -> Config:
    """The run's config with `changes` by name, each `N` or, to add to what was, `+N`.

    Raises
    ------
    OptionError
        If a change is no whole number, is not this job's, or would take steps away.
    """
    values = run.config.flat()
    for name, text in changes.items():
        flag = "--" + name.replace("_", "-")
        if name not in values:
            raise OptionError(f"{flag}: a {run.config.job} run has no such option")
        digits = text.removeprefix("+")
        if not (digits.isascii() and digits.isdecimal()) or len(digits) > 12:
            raise OptionError(f"{flag}: expected N or +N, got {printable(text, 40)}")
        before = values[name]
        if before is None:  # max_steps, unset: more than were made so far
            before = max((int(path.stem) for path in run.checkpoint_paths()), default=0)
        values[name] = int(digits) + (before if text.startswith("+") else 0)
        if values[name] < before:
            raise OptionError(f"{flag}: the run has {before} already; use +N to add some")
    return make_config(run.config.job, values)


def _same_dataset(
    run: Run, config: Config, allow_changed: bool
) -> tuple[SequenceDataset, list[str]]:
    """The data of `config`, sure that it is what the run began with, and remarks on it."""
    before = run_dataset(run)
    change = data_change(run, before)
    if change and not allow_changed:
        raise DataError(f"{change}; restore it or add --allow-changed")
    remarks = [f"warning: {change}; going on all the same"] if change else []
    return (before if config.data == run.config.data else load_dataset(config)), remarks


def _history_remarks(run: Run, allow_changed: bool) -> list[str]:
    """Refuse a damaged history, or go on without its damaged lines and say so."""
    lines = read_lines(run.path / "history.jsonl", run.sealed)
    if not lines.damaged:
        return []
    what = f"{printable(run.path / 'history.jsonl')}:{lines.damaged[0]}: this line is damaged"
    if not allow_changed:
        raise UntrustedFileError(f"{what}; restore the file, or add --allow-changed")
    return [f"warning: {what}; going on without it"]


def _lacking_remarks(run: Run, step: int, progress: Progress, allow_changed: bool) -> list[str]:
    """Refuse a history that lacks lines, or go on and say so."""
    lacking = run.missing_lines(step, len(progress.since_log))
    if lacking is None:
        return []
    if not allow_changed:
        raise UntrustedFileError(f"{lacking}; restore the file, or add --allow-changed")
    return [f"warning: {lacking}; going on without the others"]


_Point = tuple[TrainingState, Progress, NDArray[Any] | None]


def _last_state(run: Run, job: Job, allow_changed: bool) -> tuple[_Point, list[str]]:
    """Where the run stopped, at its newest sound checkpoint or the start; and what is damaged.

    A run whose checkpoints were taken away is refused: it would be trained anew over what it was.
    """
    where = str(run.path / "checkpoints")
    found, damaged = run.sound_checkpoint(
        lambda where, layout, facts: check_layout(layout, facts, job, where)
    )
    if found is None:
        if any(entry["event"] == "checkpoint" for entry in run.journal()) and not allow_changed:
            raise UntrustedFileError(
                f"{printable(where)}: the checkpoints the run made are gone; restore one, or add "
                "--allow-changed to train it anew"
            )
        _check_weights(run, allow_changed)
        return (starting_state(job.net, job.config.training), Progress(), None), []
    return unpack(*found, job, where), damaged


def _check_weights(run: Run, allow_changed: bool) -> None:
    """Refuse to begin anew from weights that are not those the run began from."""
    before, now = run.record.get("weights"), fingerprint(run.config.training)
    if before not in (None, now) and not allow_changed:
        raise DataError(
            f"{printable(run.config.training.weights)}: weights changed: SHA-256 "
            f"{printable(before, 12)} became {printable(now, 12)}; restore the file or add "
            "--allow-changed"
        )


def _same_engine(run: Run, job: Job, state: TrainingState) -> tuple[Engine, list[str]]:
    """The engine and device the run began on; others, said aloud, where those are gone."""
    task, recorded = job.task(), run.record.get("engine")
    before: dict[str, Any] = recorded if isinstance(recorded, dict) else {}
    changes = {}
    for name, known in (("name", ("native", "torch")), ("device", ("cpu", "cuda", "mps"))):
        option = "engine" if name == "name" else name
        if getattr(task.training, option) == "auto" and before.get(name) in known:
            changes[option] = before[name]
    try:
        engine = make_engine(replace(task, training=replace(task.training, **changes)), state)
    except (MachineError, OptionError):
        engine = make_engine(task, state)
    now = engine.about()
    places = ("name", "device", "level")
    if None in (before.get("name"), before.get("device")):
        return engine, []
    if all(before.get(name) == now.get(name) for name in places):
        # Native is the same at any number of threads.
        places = ("name", "version", *(("threads",) if engine.name == "torch" else ()))
        if all(before.get(name) == now.get(name) for name in places):
            return engine, []
    was, new = (" ".join(_in_words(about, places)) for about in (before, now))
    return engine, [f"warning: the run began on {was}, going on with {new}: not to the last digit"]


def _in_words(about: Mapping[str, Any], places: Iterable[str]) -> list[str]:
    words = {"threads": "on {} threads"}
    told = [(name, about[name]) for name in places if about.get(name)]
    return [words.get(name, "{}").format(printable(value, 20)) for name, value in told]
