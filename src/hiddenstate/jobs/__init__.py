"""The three jobs: what each trains on, evaluates, shows and ends with; one file each."""

from collections.abc import Mapping
from typing import Any

from hiddenstate.config import Config
from hiddenstate.data import SequenceDataset
from hiddenstate.jobs.autoencode import AutoencodeJob
from hiddenstate.jobs.base import Job
from hiddenstate.jobs.classify import ClassifyJob
from hiddenstate.jobs.regress import RegressJob

KINDS: dict[str, type[Job]] = {
    "classify": ClassifyJob,
    "regress": RegressJob,
    "autoencode": AutoencodeJob,
}


def make_job(config: Config, dataset: SequenceDataset) -> Job:
    """The job `config` names, on `dataset`."""
    return KINDS[config.job](config, dataset)


def headline(job: str, results: Mapping[str, Any]) -> str:
    """The key of the result that sums up a run of `job`."""
    keys = KINDS[job].headlines
    return next((key for key in keys if key in results), keys[-1])


__all__ = ["KINDS", "Job", "headline", "make_job"]
