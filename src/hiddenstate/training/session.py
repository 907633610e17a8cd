"""A job in its run folder: started or gone on with, every check made before anything is written.

The command line, and whatever else trains on someone's behalf, begins here.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from hiddenstate.config import Config, make_config
from hiddenstate.data import SequenceDataset, load_dataset, read_dataset
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.engines import Engine, TrainingState, kernel_remarks, make_engine
from hiddenstate.errors import (
    DataError,
    MachineError,
    OptionError,
    UntrustedFileError,
    printable,
)
from hiddenstate.jobs import Job, make_job
from hiddenstate.models.weight_file import fingerprint, starting_state
from hiddenstate.runs import Run
from hiddenstate.runs.record import make_record, read_lines
from hiddenstate.runs.requests import Inbox
from hiddenstate.runs.writer import RunWriter, create_next_run, create_run, reopen_run
from hiddenstate.training.checkpoints import check_layout, unpack
from hiddenstate.training.recipes import suggest
from hiddenstate.training.recorder import Recorder
from hiddenstate.training.trainer import Callback, Progress, Trainer, still_due


@dataclass(frozen=True)
class Session:
    """A job ready to train, and the open run folder it is recorded in.

    Close `writer`, or use the session in a `with` block.
    """

    job: Job
    engine: Engine
    writer: RunWriter
    inbox: Inbox
    step: int = 0
    progress: Progress | None = None
    waiting: NDArray[Any] | None = None
    remarks: tuple[str, ...] = ()

    def train(
        self, callbacks: Iterable[Callback] = (), should_stop: Callable[[], bool] = lambda: False
    ) -> dict[str, Any] | None:
        """Train to the end, recorded; see :meth:`hiddenstate.training.trainer.Trainer.train`."""
        hooks = [Recorder(self.writer, self.waiting), *callbacks]
        trainer = Trainer(
            self.job, self.engine, hooks, self.step, self.progress, should_stop,
            requests=self.inbox,
        )  # fmt: skip
        return trainer.train()

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *exception: object) -> None:
        self.writer.close()


def plan(job: str, values: Mapping[str, Any]) -> tuple[Config, SequenceDataset]:
    """The config that `values` and the recipe make, and the data as it was read.

    Parameters
    ----------
    job : str
    values : mapping
        What was asked for, by option name; the recipe fills in the rest: classic for bundled
        data, auto for a file, unless it is named.

    Raises
    ------
    HiddenstateError
        For options or data that do not fit.
    """
    recipe = values.get("recipe") or ("auto" if values.get("data") else "classic")
    values = {**values, "recipe": recipe}
    if recipe == "classic":
        config = make_config(job, values)
        return config, read_dataset(config)
    dataset = read_dataset(make_config(job, values, together=False))
    config = make_config(job, {**suggest(job, dataset, values), **values})
    # Waves are made as the config says, which the recipe may have changed.
    return config, read_dataset(config) if dataset.source == "bundled" else dataset


def start(
    config: Config,
    runs_dir: Path,
    before_writing: Callable[[], None] = lambda: None,
    dataset: SequenceDataset | None = None,
) -> Session:
    """Begin what `config` says in the next free folder of `runs_dir`.

    `before_writing` is called when every check is passed and nothing is written yet. `dataset`
    is the data as it was read, where it was (:func:`plan`).

    Raises
    ------
    HiddenstateError
        For whatever does not fit; then nothing was written.
    """
    job = make_job(config, prepare(dataset or read_dataset(config), config))

    def make_folder(record: dict[str, Any]) -> RunWriter:
        before_writing()
        return create_next_run(runs_dir, config.job, record)

    return _begin(job, lambda: starting_state(job.net, config.training), make_folder)


def start_in(path: Path, job: Job, state: TrainingState) -> Session:
    """Begin `job` from `state` in the new folder `path`; errors as :func:`start`."""
    return _begin(job, lambda: state, lambda record: create_run(path, record))


def _begin(
    job: Job,
    make_state: Callable[[], TrainingState],
    make_folder: Callable[[dict[str, Any]], RunWriter],
) -> Session:
    """Check memory before any is taken, make the engine, and only then the folder."""
    job.check_memory()
    engine = make_engine(job.task(), make_state())
    weights = fingerprint(job.config.training)
    record = make_record(job.config, job.about_data(), engine.about(), weights)
    remarks = [*kernel_remarks(job.config.training), *job.remarks()]
    writer = make_folder(record)
    return Session(job, engine, writer, Inbox(writer.path), remarks=tuple(remarks))


def go_on(
    run: Run, changes: dict[str, str], allow_changed: bool = False,
    before_writing: Callable[[], None] = lambda: None,
) -> Session:  # fmt: skip
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
        due = still_due(job, state.step, progress)
        if writer.cut_back(state.step, config.training.log_every, due):
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


def run_dataset(run: Run) -> SequenceDataset:
    """Load the data a run was made from.

    Raises
    ------
    DataError
        If it was arrays in Python, which no command can load again.
    """
    if run.data_fact("source") == "arrays":
        raise DataError(
            f"{printable(run.path)}: was made from arrays in Python, which no command can load; "
            "name a file, or go on from Python"
        )
    return load_dataset(run.config)


def unchanged_dataset(run: Run) -> SequenceDataset:
    """As :func:`run_dataset`, sure that it is what the run began with (`DataError`)."""
    dataset = run_dataset(run)
    change = _change(run, dataset)
    if change:
        raise DataError(f"{change}; restore it, or name the data to use")
    return dataset


def _change(run: Run, dataset: SequenceDataset) -> str | None:
    """What became of the run's data in words, or None if nothing did."""
    old, new = run.data_fact("fingerprint"), dataset.fingerprint()
    if old == new:
        return None
    return (
        f"{printable(dataset.name)}: data changed: fingerprint {printable(old[:12])} became "
        f"{new[:12]}"
    )


def _same_dataset(
    run: Run, config: Config, allow_changed: bool
) -> tuple[SequenceDataset, list[str]]:
    """The data of `config`, sure that it is what the run began with, and remarks on it."""
    before = run_dataset(run)
    change = _change(run, before)
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
    lacking = run.lacking(step, len(progress.since_log))
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
