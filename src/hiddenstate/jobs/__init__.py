"""The three jobs: what each trains, how it is scored, and what its snapshots hold.

The module of a job is imported when the job is made: a command has one.
"""

from dataclasses import replace

from hiddenstate.config import Config
from hiddenstate.data import PreparedDataset, SequenceDataset
from hiddenstate.jobs.base import Evaluation, Job
from hiddenstate.jobs.snapshot_arrays import JobSnapshots
from hiddenstate.jobs.taught import Taught
from hiddenstate.jobs.teacher import Teacher, answers_of
from hiddenstate.system.typing import Array


def make_job(config: Config, dataset: PreparedDataset, answers: Taught | None = None) -> Job:
    """Return the job that `config` names, on `dataset`, with the answers of its teacher.

    Raises
    ------
    DataError
        If the data does not fit the job.
    OptionError
        If the options do not fit the data.
    """
    return _kinds(config)[0](config, dataset, answers)


def taught_job(
    config: Config,
    raw: SequenceDataset,
    dataset: PreparedDataset,
    given: Teacher | Array | None = None,
) -> Job:
    """Return the job that `config` names, which learns from its teacher, if it has one.

    Raises
    ------
    DataError, OptionError, UntrustedFileError
        If the data or the teacher does not fit the job; see :func:`answers_of`.
    """
    if config.training.teach is None:
        return make_job(config, dataset)
    answers = answers_of(config, raw, without_teacher(config, dataset), given)
    return make_job(config, dataset, answers)


def without_teacher(config: Config, dataset: PreparedDataset) -> Job:
    """Return the job that `config` names, without its teacher."""
    return make_job(replace(config, training=replace(config.training, teach=None)), dataset)


def make_snapshots(job: Job) -> JobSnapshots:
    """Return what makes the arrays for the snapshots of `job`."""
    return _kinds(job.config)[1](job)


def _kinds(config: Config) -> tuple[type[Job], type[JobSnapshots]]:
    """Return the two classes of a job."""
    if config.kind.has_classes:
        from hiddenstate.jobs.classify import ClassifyJob, ClassifySnapshots

        return ClassifyJob, ClassifySnapshots
    if config.kind.has_targets:
        from hiddenstate.jobs.regress import RegressJob, RegressSnapshots

        return RegressJob, RegressSnapshots
    from hiddenstate.jobs.autoencode import AutoencodeJob, AutoencodeSnapshots

    return AutoencodeJob, AutoencodeSnapshots


__all__ = [
    "Evaluation",
    "Job",
    "JobSnapshots",
    "Taught",
    "Teacher",
    "answers_of",
    "make_job",
    "make_snapshots",
    "taught_job",
    "without_teacher",
]
