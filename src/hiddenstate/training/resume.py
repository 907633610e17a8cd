"""Resumes a run from its last checkpoint."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hiddenstate.config import Config, make_config
from hiddenstate.data.dataset import PreparedDataset
from hiddenstate.engines import Engine, TrainingState
from hiddenstate.errors import (
    DataError,
    LostRankError,
    MachineError,
    OptionError,
    UntrustedFileError,
    printable,
)
from hiddenstate.jobs import Job, make_job
from hiddenstate.jobs.lines import job_notices
from hiddenstate.jobs.memory import check_memory
from hiddenstate.runs import Run
from hiddenstate.runs.events import ControlEvent
from hiddenstate.runs.record import make_record
from hiddenstate.runs.requests import Inbox, is_paused
from hiddenstate.runs.run_data import data_change, run_dataset
from hiddenstate.runs.writer import RunWriter, reopen_run
from hiddenstate.system.notice import Notice, warning
from hiddenstate.system.typing import Array
from hiddenstate.training.checkpoints import check_layout, unpack
from hiddenstate.training.initial_state import fingerprint, starting_state
from hiddenstate.training.progress import Progress, out_of_patience, pending_events
from hiddenstate.training.recorder import lines_with_weights
from hiddenstate.training.start import MakeEngine, Session, one_process
from hiddenstate.training.teacher_file import kept_answers


@dataclass(frozen=True)
class Point:
    """Where a run stopped.

    Parameters
    ----------
    state : TrainingState
        Weights, moments and carried state.
    progress : Progress
        What the loop remembered.
    n_lines : int or None
        Lines of the history that it needs, if it states that.
    waiting : ndarray or None
        Predictions made since the last snapshot, (n_steps, T, O) or (n_steps, O).
    damaged : tuple of str
        What is wrong with each newer checkpoint, one line each.
    """

    state: TrainingState
    progress: Progress
    waiting: Array | None
    n_lines: int | None = None
    damaged: tuple[str, ...] = ()


@dataclass(frozen=True)
class ResumePlan:
    """Everything a resumed run needs, checked; nothing is written yet.

    Parameters
    ----------
    run : Run
    job : Job
        With the changed options.
    point : Point
    engine : Engine
        In the state of `point`.
    notices : list of Notice
    """

    run: Run
    job: Job
    point: Point
    engine: Engine
    notices: list[Notice]


def resume_run(
    run: Run,
    changes: dict[str, str],
    allow_changed: bool = False,
    before_writing: Callable[[], None] = lambda: None,
    make: MakeEngine = one_process,
    dataset: PreparedDataset | None = None,
) -> Session:
    """Resume `run` from its last checkpoint, with `changes` to how long it trains.

    Parameters
    ----------
    run : Run
    changes : dict of str
        `epochs`, `windows` or `max_steps`: `N`, or `+N` for that many more than the run was to
        have.
    allow_changed : bool
        Resume even if the data changed, or lines of the history are damaged.
    before_writing : callable
        Called after every check, before anything is written.
    make : callable
        Makes the engine.
    dataset : PreparedDataset, optional
        The run's data, if it was prepared for its config already; by default it is read.

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
    inbox = Inbox(run.path)  # requests that arrive from here on are carried out
    try:
        plan = _plan(run, config, changes, allow_changed, make, dataset)
        before_writing()
        return _apply(plan, writer, inbox)
    except BaseException:
        writer.close()
        raise


def _plan(
    run: Run,
    config: Config,
    changes: dict[str, str],
    allow_changed: bool,
    make: MakeEngine,
    given: PreparedDataset | None,
) -> ResumePlan:
    """Check everything a resumed run needs, in the order a user would ask."""
    notices: list[Notice] = []
    _check_history(run, allow_changed, notices)
    dataset = _same_dataset(run, config, allow_changed, notices, given)
    job = make_job(config, dataset, kept_answers(run))
    _check_limit(run, job, changes, notices)
    if _is_addition(changes.get("max_steps")):
        job = _with_more_steps(job, int(changes["max_steps"]))
    check_memory(job)
    point = _last_point(run, job, allow_changed, notices)
    _check_logged_lines(run, point, allow_changed, notices)
    _check_steps_left(run, job, point)
    _check_windows_keep_their_place(run, point, "windows" in changes)
    engine = _same_engine(run, job, point.state, notices, make)
    return ResumePlan(run, job, point, engine, [*notices, *job_notices(job)])


def _apply(plan: ResumePlan, writer: RunWriter, inbox: Inbox) -> Session:
    """Truncate the run's files to where it stopped, and open it for training."""
    run, job, point = plan.run, plan.job, plan.point
    training, step, waiting = job.config.training, point.state.step, point.waiting
    pending = pending_events(job, step, point.progress)
    in_full = lines_with_weights(job)
    if writer.truncate_after(step, training.log_every, in_full, pending):
        waiting = None  # a snapshot taken after the checkpoint holds it
    if is_paused(run.history()) and not _is_complete(job, point):
        go: ControlEvent = {"event": "control", "step": step, "do": "go"}
        writer.add_history(go)
        writer.add_journal(**go)
    # Without a checkpoint the run starts from the weights file as it is now.
    resumes = bool(run.checkpoint_paths())
    weights = run.record.get("weights") if resumes else fingerprint(training)
    facts, about = job.dataset.facts(), plan.engine.about()
    writer.write_record(make_record(job.config, facts, about, weights, run.id))
    for why in point.damaged:
        writer.add_journal("damaged", why=why)
    return Session(
        job, plan.engine, writer, inbox, step, point.progress, waiting, tuple(plan.notices)
    )


def _is_complete(job: Job, point: Point) -> bool:
    """Whether no update is left to make: a request for the last one did not pause the run."""
    return point.state.step >= job.total_steps or out_of_patience(job, point.progress)


def changed_config(run: Run, changes: dict[str, str]) -> Config:
    """Return the run's config with `changes` by name, each `N` or, to add to what was, `+N`.

    Steps are added once the data is read and says how many the run was to make.

    Raises
    ------
    OptionError
        If a change is not a whole number, is not an option of the job, or would remove steps.
    """
    values = run.config.flat()
    for name, text in changes.items():
        flag = "--" + name.replace("_", "-")
        if name not in values:
            raise OptionError(f"{flag}: a {run.config.job} run has no such option")
        digits = text.removeprefix("+")
        if not (digits.isascii() and digits.isdecimal()) or len(digits) > 12:
            raise OptionError(f"{flag}: expected N or +N, got {printable(text, 40)}")
        if name == "max_steps" and _is_addition(text):
            continue
        before = values[name]
        if before is None:  # max_steps, unset: more than were made so far
            before = max((int(path.stem) for path in run.checkpoint_paths()), default=0)
        values[name] = int(digits) + (before if _is_addition(text) else 0)
        if values[name] < before:
            raise OptionError(f"{flag}: the run already has {before}; use +N to add to them")
    return make_config(run.config.job, values)


def _is_addition(text: str | None) -> bool:
    return text is not None and text.startswith("+")


def _with_more_steps(job: Job, n: int) -> Job:
    """Return `job` with `n` more updates than it was to make, and the epochs they take.

    Raises
    ------
    OptionError
        If the bundled waves are too few, which have windows to add.
    """
    training, total = job.config.training, job.total_steps + n
    epochs = max(training.epochs, -(-total // job.batches.steps_per_epoch))
    if epochs > training.epochs and _has_windows_to_add(job):
        raise OptionError(
            f"--max-steps: {job.config.data.windows} windows of the bundled waves are too few for "
            f"{total} updates; add more with --windows +{n}"
        )
    values = {**job.config.flat(), "max_steps": total, "epochs": epochs}
    return make_job(make_config(job.config.job, values), job.dataset, job.taught)


def _check_limit(run: Run, job: Job, changes: dict[str, str], notices: list[Notice]) -> None:
    """Refuse more epochs or windows where `--max-steps` lets none of them be trained.

    Raises
    ------
    OptionError
        With the option that adds the steps.
    """
    limit, before = job.config.training.max_steps, run.config
    added = [name for name in ("epochs", "windows") if name in changes]
    if limit is None or not added or "max_steps" in changes or job.config == before:
        return
    per_epoch = job.batches.steps_per_epoch
    if _has_windows_to_add(job):
        old_per_epoch = -(-before.data.windows // before.training.batch_size)
    else:
        old_per_epoch = per_epoch
    had, wanted = before.training.epochs * old_per_epoch, job.config.training.epochs * per_epoch
    if had >= limit:
        raise OptionError(
            f"--{added[0]}: nothing would change, since --max-steps ends the run after {limit} "
            f"steps; add --max-steps +{wanted - limit}"
        )
    if wanted > limit:
        notices.append(warning(f"--max-steps ends the run after {limit} of {wanted} steps"))


def _has_windows_to_add(job: Job) -> bool:
    is_one = job.streams is None  # others are parts of all windows
    return job.dataset.source == "bundled" and job.config.kind.has_targets and is_one


def _check_history(run: Run, allow_changed: bool, notices: list[Notice]) -> None:
    """Refuse a damaged history, or skip its damaged lines with a warning, as those of the journal,
    which only tells people what was done."""
    what = run.damaged_lines("history.jsonl")
    if what:
        if not allow_changed:
            raise UntrustedFileError(f"{what}; restore the file, or add --allow-changed")
        notices.append(warning(f"{what}; resuming without it"))
    if what := run.damaged_lines("journal.jsonl"):
        notices.append(warning(f"{what}; resuming without it; `hiddenstate verify` names it"))
    elif what := run.lost_lines("journal.jsonl"):
        notices.append(warning(f"{what}; the others are lost"))


def _same_dataset(
    run: Run,
    config: Config,
    allow_changed: bool,
    notices: list[Notice],
    given: PreparedDataset | None,
) -> PreparedDataset:
    """Load the data of `config`, after a check that it is what the run started with."""
    before = given or run_dataset(run)
    change = data_change(run, before)
    if change:
        if not allow_changed:
            raise DataError(f"{change}; restore it or add --allow-changed")
        notices.append(warning(f"{change}; continuing anyway"))
    return before if config.data == run.config.data else run_dataset(run, config)


def _last_point(run: Run, job: Job, allow_changed: bool, notices: list[Notice]) -> Point:
    """Read the newest sound checkpoint; without one, the start.

    A run whose checkpoints were removed is refused: training would overwrite what it was.
    """
    folder = str(run.path / "checkpoints")
    checkpoint, damaged = run.sound_checkpoint(
        lambda where, layout, facts: check_layout(layout, facts, job, where)
    )
    if checkpoint is None:
        _check_removed_checkpoints(run, allow_changed)
        _check_weights(run, allow_changed)
        point = Point(
            starting_state(job),
            Progress(),
            None,
        )
    else:
        state, progress, waiting = unpack(*checkpoint, job, folder)
        point = Point(
            state, progress, waiting, checkpoint[1].get("lines"), tuple(map(str, damaged))
        )
    step = point.state.step
    for error in damaged:
        then = f"resuming from the checkpoint before, after step {step}"
        notices.append(warning(f"{error.what}; {then}"))
    # A rate that was requested stands in the history before a checkpoint holds it.
    for event in run.history():
        if event["event"] == "control" and event["do"] == "lr" and event["step"] <= step:
            point.progress.lr = event["lr"]
    return point


def _check_removed_checkpoints(run: Run, allow_changed: bool) -> None:
    saved = any(entry["event"] == "checkpoint" for entry in run.journal())
    if saved and not allow_changed:
        raise UntrustedFileError(
            f"{printable(run.path / 'checkpoints')}: the checkpoints of this run are missing; "
            "restore one, or add --allow-changed to train it from the start"
        )


def _check_weights(run: Run, allow_changed: bool) -> None:
    """Refuse to start again from weights that are not those the run started from."""
    before, now = run.record.get("weights"), fingerprint(run.config.training)
    if before not in (None, now) and not allow_changed:
        raise DataError(
            f"{printable(run.config.training.weights)}: weights changed: SHA-256 "
            f"{printable(before, 12)} became {printable(now, 12)}; restore the file or add "
            "--allow-changed"
        )


def _check_logged_lines(run: Run, point: Point, allow_changed: bool, notices: list[Notice]) -> None:
    """Refuse a history with missing lines, or resume with a warning."""
    missing = run.missing_lines(point.state.step, len(point.progress.since_log), point.n_lines)
    if missing:
        if not allow_changed:
            raise UntrustedFileError(f"{missing}; restore the file, or add --allow-changed")
        notices.append(warning(f"{missing}; resuming without the others"))


def _check_steps_left(run: Run, job: Job, point: Point) -> None:
    """Refuse to resume where nothing is left to do, with the option that adds steps."""
    done, step, waited = run.results() is not None, point.state.step, point.progress.waited
    training = job.config.training
    if done and out_of_patience(job, point.progress):
        raise OptionError(
            f"{printable(run.path)}: stopped early after step {step}: no improvement on the "
            f"validation rows for {waited} epochs; start a new run with a larger --patience"
        )
    if step < job.total_steps or (step == job.total_steps and not done):
        return
    if training.max_steps and training.max_steps <= training.epochs * job.batches.steps_per_epoch:
        more = "--max-steps +100"
    elif _has_windows_to_add(job):
        more = "--windows +100"
    else:
        more = "--epochs +1"
    raise OptionError(
        f"{printable(run.path)}: has already made {step} of {job.total_steps} steps; train it for "
        f"longer with `hiddenstate resume {shlex.quote(str(run.path))} {more}`"
    )


def _check_windows_keep_their_place(run: Run, point: Point, more_windows: bool) -> None:
    if more_windows and run.config.training.streams not in (None, 1):
        raise OptionError(
            "--windows: the streams are parts of all windows, which would change places; add "
            "epochs instead"
        )
    if more_windows and point.state.step > run.config.data.windows:
        raise OptionError(
            "--windows: the run is beyond its first epoch, so windows would change places; "
            "add epochs instead"
        )


def _same_engine(
    run: Run, job: Job, state: TrainingState, notices: list[Notice], make: MakeEngine
) -> Engine:
    """Make the engine the run started on; if it is not available, another, with a warning."""
    task, recorded = job.task(), run.record.get("engine")
    before: dict[str, Any] = recorded if isinstance(recorded, dict) else {}
    changes = {}
    for name, choices in (("name", ("native", "torch")), ("device", ("cpu", "cuda", "mps"))):
        option = "engine" if name == "name" else name
        if getattr(task.training, option) == "auto" and before.get(name) in choices:
            changes[option] = before[name]
    try:
        engine = make(job, replace(task, training=replace(task.training, **changes)), state)
    except LostRankError:
        raise
    except (MachineError, OptionError):
        engine = make(job, task, state)
    change = _engine_change(before, engine.about())
    if change:
        notices.append(warning(change))
    return engine


def _engine_change(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """Say what computes now instead of before, or None where the bytes will be the same."""
    if None in (before.get("name"), before.get("device")):
        return None
    # The native engine computes the same at any number of threads.
    exact = ("name", "version", *(("threads",) if now.get("name") == "torch" else ()))
    for names in (("name", "device", "level", "ranks"), exact):
        if any(before.get(name) != now.get(name) for name in names):
            was, new = (_describe_engine(about, names) for about in (before, now))
            return f"the run started on {was}, resuming on {new}; last digits may differ"
    return None


def _describe_engine(about: Mapping[str, Any], names: tuple[str, ...]) -> str:
    formats = {"threads": "on {} threads", "ranks": "on {} ranks"}
    parts = [(name, about[name]) for name in names if about.get(name)]
    return " ".join(formats.get(name, "{}").format(printable(value, 20)) for name, value in parts)
