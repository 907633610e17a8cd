"""The three jobs: what each trains on, evaluates, shows and ends with; one file each."""

from hiddenstate.config import Config
from hiddenstate.data import PreparedDataset
from hiddenstate.jobs.autoencode import AutoencodeJob
from hiddenstate.jobs.base import Job
from hiddenstate.jobs.classify import ClassifyJob
from hiddenstate.jobs.regress import RegressJob

KINDS: dict[str, type[Job]] = {
    "classify": ClassifyJob,
    "regress": RegressJob,
    "autoencode": AutoencodeJob,
}


def make_job(config: Config, dataset: PreparedDataset) -> Job:
    """The job `config` names, on `dataset`."""
    return KINDS[config.job](config, dataset)


__all__ = ["KINDS", "Job", "make_job"]
