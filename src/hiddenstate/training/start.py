"""Starts a run: config, data and engine are checked first, the run folder is made last."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from hiddenstate.config import Config, make_config
from hiddenstate.data import SequenceDataset, read_dataset
from hiddenstate.data.prepare.leakage import with_leaks
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.data.prepare.split import are_forecasts, are_long_enough
from hiddenstate.data.prepare.wide import assumptions, decided_reading
from hiddenstate.data.settled import settled
from hiddenstate.engines import Engine, Task, TrainingState, kernel_notices, make_engine
from hiddenstate.errors import printable
from hiddenstate.jobs import Job, make_snapshots, taught_job
from hiddenstate.jobs.lines import job_notices
from hiddenstate.jobs.memory import check_memory
from hiddenstate.models.labels import check_labels
from hiddenstate.models.weight_file import encodings_of, transform_of
from hiddenstate.runs.events import Figures
from hiddenstate.runs.record import RunRecord, make_record
from hiddenstate.runs.requests import Inbox, Requests
from hiddenstate.runs.writer import RunWriter, create_next_run, create_run
from hiddenstate.system.notice import Notice
from hiddenstate.system.typing import Array
from hiddenstate.training.augmenting import with_augmentation
from hiddenstate.training.budget import with_budget
from hiddenstate.training.initial_state import fingerprint, run_id, starting_state
from hiddenstate.training.loop_control import LoopControl
from hiddenstate.training.progress import Progress
from hiddenstate.training.recipes import seasons_of, suggest
from hiddenstate.training.recorder import Recorder
from hiddenstate.training.teacher_file import arrays_of
from hiddenstate.training.teaching import with_teaching
from hiddenstate.training.trainer import Callback, Trainer

MakeEngine = Callable[[Job, Task, TrainingState], Engine]
"""Makes the engine that trains a job from a state."""


def one_process(job: Job, task: Task, state: TrainingState) -> Engine:
    """Return the engine that the options name, which computes whole batches."""
    return make_engine(task, state)


@dataclass(frozen=True)
class Session:
    """A job ready to train, and the open run folder that records it.

    Close `writer`, or use the session in a `with` block.

    Parameters
    ----------
    job : Job
    engine : Engine
    writer : RunWriter
    inbox : Requests
        Where requests arrive.
    step : int
        Updates made before, where a run is resumed.
    progress : Progress, optional
        What the loop remembered then.
    waiting : ndarray, optional
        Predictions made since the last snapshot, (n_steps, T, O) or (n_steps, O).
    notices : tuple of Notice
        What a user should see before training.
    make_control : callable
        As :class:`hiddenstate.training.trainer.Trainer` takes it.
    brief : bool, default False
        Whether little is recorded, as of one of many runs; `Recorder` and `Job` state what.
    """

    job: Job
    engine: Engine
    writer: RunWriter
    inbox: Requests
    step: int = 0
    progress: Progress | None = None
    waiting: Array | None = None
    notices: tuple[Notice, ...] = ()
    make_control: Callable[..., LoopControl] = LoopControl
    brief: bool = False

    def train(
        self, callbacks: Iterable[Callback] = (), should_stop: Callable[[], bool] = lambda: False
    ) -> Figures | None:
        """Train to the end, recorded; as :meth:`hiddenstate.training.trainer.Trainer.train`."""
        self.job.brief = self.brief
        recorder = Recorder(self.writer, make_snapshots(self.job), self.waiting, self.brief)
        trainer = Trainer(
            self.job,
            self.engine,
            [recorder, *callbacks],
            self.step,
            self.progress,
            should_stop,
            requests=self.inbox,
            make_control=self.make_control,
        )
        return trainer.train()

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *exception: object) -> None:
        self.writer.close()


def plan(
    job: str,
    values: Mapping[str, Any],
    stdin: Path | None = None,
    read: Callable[[Config], SequenceDataset] | None = None,
) -> tuple[Config, SequenceDataset]:
    """Return the config that `values` and the recipe make, and the data as read.

    Parameters
    ----------
    job : str
        Name of a job.
    values : mapping
        The options that were set, by name. The recipe sets the others: classic for the bundled
        data, auto for a file, unless it is named.
    stdin : Path, optional
        The file with what stdin held, for data named `-`.
    read : callable, optional
        Returns the data, or a sample of it, as a config says; the recipe then follows from that.

    Raises
    ------
    HiddenstateError
        For invalid options or data.
    """
    read = read or partial(_read, stdin=stdin)
    by_rules = values.get("data") or values.get("streamable")
    recipe = values.get("recipe") or ("auto" if by_rules else "classic")
    values = {**values, "recipe": recipe}
    dataset = read(_reading(job, values))
    config = _config(job, dataset, values)
    if dataset.source == "bundled" and recipe != "classic":
        # The bundled waves are made as the config says, which the recipe may have changed.
        return config, read(config)
    settled_data = settled(
        dataset,
        config,
        values,
        lambda more: read(_reading(job, {**values, **more})),
        transform_of(config.training.weights),
    )
    dataset, values = settled_data.dataset, {**values, **settled_data.options}
    if recipe != "classic" or config.flat().get("linear") or values.get("season"):
        seasons = seasons_of(dataset, {**config.flat(), "season": values.get("season")})
        if seasons is not None:
            dataset = replace(dataset, season_why=seasons.why)
            values = {**values, "season": seasons.steps}
    config = _config(job, dataset, values)
    reading = decided_reading(dataset, config)
    layout = settled_data.layout if reading is None else reading.layout
    if layout is not None:
        config = _config(job, dataset, {**values, "layout": layout})
    remarks = (*dataset.remarks, *settled_data.remarks, *assumptions(dataset, config, reading))
    if config.data.split == "auto" and are_forecasts(dataset, config):
        in_time = _config(job, dataset, {**values, "split": "time"})
        if are_long_enough(dataset, in_time):
            config = in_time
            remarks += (
                f"{printable(dataset.name)}: the end of each series is held out (--split time); "
                "--split random holds out whole series",
            )
    return config, replace(dataset, remarks=remarks)


def _reading(job: str, values: Mapping[str, Any]) -> Config:
    """Return the config to read data with, before the recipe sets other options."""
    return make_config(job, values, together=values["recipe"] == "classic")


def _read(config: Config, stdin: Path | None = None) -> SequenceDataset:
    """Read the data, with inputs encoded as those of the model that `--weights` names."""
    encodings = encodings_of(config.training.weights)
    return read_dataset(config, encodings=encodings, stdin=stdin)


def _config(job: str, dataset: SequenceDataset, values: Mapping[str, Any]) -> Config:
    """Return the config of `values`, which name the recipe that sets the others."""
    recipe = {} if values["recipe"] == "classic" else suggest(job, dataset, values)
    return make_config(job, {**recipe, **values})


def start(
    config: Config,
    runs_dir: Path,
    before_writing: Callable[[], None] = lambda: None,
    dataset: SequenceDataset | None = None,
    name: str | None = None,
    stdin: Path | None = None,
    make: MakeEngine = one_process,
) -> Session:
    """Start a run of `config` in a new folder of `runs_dir`.

    Parameters
    ----------
    config : Config
    runs_dir : Path
    before_writing : callable
        Called after every check, before anything is written.
    dataset : SequenceDataset, optional
        The data as read, if it was (:func:`plan`).
    name : str, optional
        Name of the folder; by default the job and the next free number.
    stdin : Path, optional
        The file with what stdin held, which the run folder keeps.
    make : callable
        Makes the engine.

    Raises
    ------
    HiddenstateError
        For anything invalid; then nothing was written.
    """
    dataset = dataset or _read(config, stdin)
    prepared = with_leaks(prepare(dataset, config), dataset, config)
    config, prepared = with_budget(*with_augmentation(config, prepared))
    config, prepared = with_teaching(config, dataset, prepared)
    job = taught_job(config, dataset, prepared)

    def make_folder(record: RunRecord) -> RunWriter:
        before_writing()
        if name is not None:
            writer = create_run(runs_dir / name, record, arrays_of(job.taught))
        else:
            writer = create_next_run(runs_dir, config.job, record, arrays_of(job.taught))
        if stdin is not None:
            writer.keep_rows(stdin)
        return writer

    return _start(
        job,
        lambda: starting_state(job),
        make_folder,
        make,
    )


def start_in(path: Path, job: Job, state: TrainingState) -> Session:
    """Start `job` from `state` in the new folder `path`; raises as :func:`start`."""
    answers = arrays_of(job.taught)
    return _start(job, lambda: state, lambda record: create_run(path, record, answers))


def _start(
    job: Job,
    make_state: Callable[[], TrainingState],
    make_folder: Callable[[RunRecord], RunWriter],
    make: MakeEngine = one_process,
) -> Session:
    """Check labels and memory, make the engine, and only then the folder."""
    check_labels(job.dataset.classes or [])
    check_memory(job)
    state = make_state()
    engine = make(job, job.task(), state)
    data, about = job.dataset.facts(), engine.about()
    name = run_id(job.config, data, about, state, job.taught)
    weights = fingerprint(job.config.training)
    record = make_record(job.config, data, about, weights, name)
    notices = (*kernel_notices(job.config.training), *job_notices(job))
    writer = make_folder(record)
    return Session(job, engine, writer, Inbox(writer.path), notices=notices)
