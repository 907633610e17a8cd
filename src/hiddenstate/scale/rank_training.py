"""Data parallel training: rank 0 starts or resumes a run, and the other ranks train it with rank 0.

Rank 0 reads the options, the data and the run folder as one process does. It sends the options, and
each other rank reads the data from the same path; all compare what they read before anything is
written. Then rank 0 sends the state, so that the other ranks need no run folder.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from hiddenstate.config import make_config
from hiddenstate.engines import Engine, Task, TrainingState
from hiddenstate.errors import DataError, HiddenstateError, MachineError, printable
from hiddenstate.jobs import Job, Taught, make_job
from hiddenstate.jobs.memory import check_memory
from hiddenstate.models.net import Params
from hiddenstate.runs.run_data import dataset_of
from hiddenstate.scale.agreement import SharedControl
from hiddenstate.scale.distributed import Group, refuse
from hiddenstate.training.progress import Progress
from hiddenstate.training.start import MakeEngine, Session
from hiddenstate.training.teacher_file import arrays_of, taught_from
from hiddenstate.training.trainer import Trainer
from hiddenstate.version import __version__


@dataclass(frozen=True)
class Follower:
    """The part of a rank other than 0: it trains, and writes and prints nothing.

    Parameters
    ----------
    group : Group
    job : Job
    engine : Engine
    progress : Progress
        What the loop remembered, where a run is resumed.
    """

    group: Group
    job: Job
    engine: Engine
    progress: Progress

    def train(self, should_stop: Callable[[], bool]) -> bool:
        """Train with rank 0; return whether the run is done, rather than interrupted."""
        step = self.engine.export().step
        control = partial(SharedControl, self.group)
        trainer = Trainer(
            self.job, self.engine, (), step, self.progress, should_stop, make_control=control
        )
        return trainer.train() is not None


def lead(
    group: Group, command: Mapping[str, Any], open_run: Callable[[MakeEngine], Session]
) -> Session:
    """Open a run on rank 0, once the other ranks have the same options, data and state.

    Parameters
    ----------
    group : Group
    command : mapping
        What the user set, ready for JSON; the same on all ranks.
    open_run : callable
        Starts or resumes the run with the engine that the function it gets makes.

    Raises
    ------
    HiddenstateError
        For anything invalid on this or another rank; then nothing was written.
    """
    group.send(json.dumps(command).encode())
    group.together(lambda: None)
    failed: list[HiddenstateError] = []

    def make(job: Job, task: Task, state: TrainingState) -> Engine:
        refuse(task)
        if failed:  # the other ranks have ended, and wait for no other engine
            raise failed[0]
        try:
            group.send(json.dumps(_facts(group, job, task)).encode())
            if job.taught is not None:
                group.send(save(arrays_of(job.taught) or {}))
            group.together(lambda: None)
        except HiddenstateError as error:
            failed.append(error)
            raise
        group.send(save(_state_arrays(state)))
        return group.make_engine(task, state)

    with group.telling():
        session = open_run(make)
    group.send(save(_progress_arrays(session.progress or Progress())))
    group.begin_training()
    return replace(session, make_control=partial(SharedControl, group))


def follow(group: Group, command: Mapping[str, Any]) -> Follower:
    """Take part in the run that rank 0 opens; the other side of :func:`lead`.

    Raises
    ------
    HiddenstateError
        For anything invalid on this or another rank.
    """
    first = json.loads(group.receive())
    group.together(partial(_check_command, json.loads(json.dumps(command)), first))
    facts = json.loads(group.receive())
    is_taught = facts["config"].get("teach") is not None
    answers = taught_from(load(group.receive()), "rank 0") if is_taught else None
    job, task = group.together(partial(_prepare, group, facts, answers))
    arrays = load(group.receive())
    state = TrainingState(
        _named(arrays, "params"),
        int(arrays["step"][0]),
        _named(arrays, "moments"),
        left_out=arrays.get("left_out"),
    )
    engine = group.make_engine(task, state)
    progress = _progress_of(load(group.receive()))
    group.begin_training()
    return Follower(group, job, engine, progress)


def _facts(group: Group, job: Job, task: Task) -> dict[str, Any]:
    """Return what the other ranks need to make the same task, and compare."""
    return {
        "version": __version__,
        "job": job.config.job,
        "config": job.config.flat(),
        "data": job.dataset.facts(),
        "engine": task.training.engine,
        "device": task.training.device,
        "computes_on": group.device_of(task),
    }


def _check_command(own: Mapping[str, Any], first: Mapping[str, Any]) -> None:
    """Refuse options that differ from those of rank 0."""
    for name in sorted({*own, *first}):
        if own.get(name) != first.get(name):
            raise DataError(
                f"{name.replace('_', '-')} is {printable(own.get(name), 60)}, and "
                f"{printable(first.get(name), 60)} on rank 0; start all ranks with the same command"
            )


def _prepare(group: Group, facts: Mapping[str, Any], answers: Taught | None) -> tuple[Job, Task]:
    """Read the data as rank 0 did, and refuse what differs from there."""
    if facts["version"] != __version__:
        raise MachineError(
            f"hiddenstate {__version__}, and {printable(facts['version'], 20)} on rank 0; install "
            "the same version on all hosts"
        )
    config = make_config(facts["job"], facts["config"])
    dataset = dataset_of(config, facts["data"], "the data of rank 0")
    own, first = dataset.fingerprint(), facts["data"]["fingerprint"]
    if own != first:
        raise DataError(
            f"{printable(dataset.name)}: fingerprint {own[:12]}, and {printable(first, 12)} on "
            "rank 0; copy the same data to the same path on all hosts"
        )
    job = make_job(config, dataset, answers)
    check_memory(job)
    task = job.task()
    chosen = {"engine": facts["engine"], "device": facts["device"]}
    task = replace(task, training=replace(task.training, **chosen))
    device = group.device_of(task)
    if device != facts["computes_on"]:
        raise MachineError(
            f"computes on {device}, and rank 0 on {printable(facts['computes_on'], 20)}; add "
            "--device cpu"
        )
    return job, task


def _state_arrays(state: TrainingState) -> Params:
    """Return a state without what is carried, as arrays by name."""
    arrays = {f"params/{name}": array for name, array in state.params.items()}
    arrays |= {f"moments/{name}": array for name, array in state.moments.items()}
    arrays["step"] = np.array([state.step])
    arrays |= {} if state.left_out is None else {"left_out": state.left_out}
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


def _progress_arrays(progress: Progress) -> Params:
    """Return what the loop remembers, as arrays by name."""
    rate = math.nan if progress.lr is None else progress.lr
    numbers = [progress.best_loss, progress.best_step, progress.waited, rate]
    arrays = {f"best/{name}": np.ascontiguousarray(a) for name, a in progress.best.items()}
    arrays["numbers"] = np.array(numbers, np.float64)
    arrays["since_log"] = np.array(progress.since_log, np.float64)
    arrays["recent"] = np.array(progress.recent, np.float64)
    return arrays


def _progress_of(arrays: Params) -> Progress:
    """Reverse :func:`_progress_arrays`."""
    loss, step, waited, rate = arrays["numbers"].tolist()
    progress = Progress(
        since_log=arrays["since_log"].tolist(),
        best=_named(arrays, "best"),
        best_loss=loss,
        best_step=int(step),
        waited=int(waited),
        lr=None if math.isnan(rate) else rate,
    )
    progress.recent.extend(arrays["recent"].tolist())
    return progress


def _named(arrays: Params, group: str) -> Params:
    """Return the arrays of a group by the rest of their names."""
    prefix = f"{group}/"
    return {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
