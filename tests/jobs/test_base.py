"""Each job fills in what `Job` leaves open, and changes nothing of the rest."""

import pytest

from hiddenstate.jobs.autoencode import AutoencodeJob
from hiddenstate.jobs.base import Job
from hiddenstate.jobs.classify import ClassifyJob
from hiddenstate.jobs.regress import RegressJob


class Empty(Job):
    """A job with what Python itself gives each class."""


@pytest.mark.parametrize("job", [ClassifyJob, RegressJob, AutoencodeJob])
def test_a_job_overrides_no_method_that_is_there(job: type[Job]) -> None:
    open_ones = Job.__abstractmethods__ | vars(Empty).keys()
    assert not {name for name in vars(job) if hasattr(Job, name)} - open_ones
    assert vars(job).keys() >= Job.__abstractmethods__
