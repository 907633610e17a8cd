"""Each job fills in what `Job` leaves open, and changes nothing of the rest."""

import pytest

from hiddenstate.jobs.autoencode import AutoencodeJob
from hiddenstate.jobs.base import Job
from hiddenstate.jobs.classify import ClassifyJob
from hiddenstate.jobs.regress import RegressJob


@pytest.mark.parametrize("job", [ClassifyJob, RegressJob, AutoencodeJob])
def test_a_job_overrides_no_method_that_is_there(job: type[Job]) -> None:
    open_ones = Job.__abstractmethods__ | {"__doc__", "__module__", "__abstractmethods__"}
    assert {name for name in vars(job) if hasattr(Job, name)} - open_ones <= {"_abc_impl"}
    assert vars(job).keys() >= Job.__abstractmethods__
