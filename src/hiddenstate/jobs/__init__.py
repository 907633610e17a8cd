"""The three jobs: what each trains, how it is scored, and what its snapshots hold."""

from hiddenstate.config import Config
from hiddenstate.data import PreparedDataset
from hiddenstate.jobs.autoencode import AutoencodeJob, AutoencodeSnapshots
from hiddenstate.jobs.base import Evaluation, Job
from hiddenstate.jobs.classify import ClassifyJob, ClassifySnapshots
from hiddenstate.jobs.regress import RegressJob, RegressSnapshots
from hiddenstate.jobs.snapshot_arrays import JobSnapshots


def make_job(config: Config, dataset: PreparedDataset) -> Job:
    """Return the job that `config` names, on `dataset`.

    Raises
    ------
    DataError
        If the data does not fit the job.
    OptionError
        If the options do not fit the data.
    """
    jobs: dict[str, type[Job]] = {
        "classify": ClassifyJob,
        "regress": RegressJob,
        "autoencode": AutoencodeJob,
    }
    return jobs[config.job](config, dataset)


def make_snapshots(job: Job) -> JobSnapshots:
    """Return what makes the arrays for the snapshots of `job`."""
    kinds: dict[str, type[JobSnapshots]] = {
        "classify": ClassifySnapshots,
        "regress": RegressSnapshots,
        "autoencode": AutoencodeSnapshots,
    }
    return kinds[job.config.job](job)


__all__ = ["Evaluation", "Job", "JobSnapshots", "make_job", "make_snapshots"]
