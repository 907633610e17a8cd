"""Starts a run: config, data and engine checked first, the run folder made last."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from hiddenstate.config import Config, make_config
from hiddenstate.data import SequenceDataset, read_dataset
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.engines import Engine, TrainingState, kernel_notices, make_engine
from hiddenstate.jobs import Job, make_job
from hiddenstate.runs.record import make_record
from hiddenstate.runs.requests import Inbox
from hiddenstate.runs.writer import RunWriter, create_next_run, create_run
from hiddenstate.training.callback import Callback
from hiddenstate.training.initial_state import fingerprint, starting_state
from hiddenstate.training.progress import Progress
from hiddenstate.training.recipes import suggest
from hiddenstate.training.recorder import Recorder
from hiddenstate.training.trainer import Trainer


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
            self.job,
            self.engine,
            hooks,
            self.step,
            self.progress,
            should_stop,
            requests=self.inbox,
        )
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
    remarks = [*kernel_notices(job.config.training), *job.remarks()]
    writer = make_folder(record)
    return Session(job, engine, writer, Inbox(writer.path), remarks=tuple(remarks))
