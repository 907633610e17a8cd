"""One short run of each job, which the tests stop, starve or trace."""

from collections.abc import Callable
from functools import cache

import pytest
from tools.stress import processes
from tools.stress.stopping import AtEvent, Plan

from tests.conftest import write_digits

Plans = Callable[[str], Plan]


@pytest.fixture(scope="session")
def plan_of(tmp_path_factory: pytest.TempPathFactory) -> Plans:
    """Makes an uninterrupted run of a job on little data, once, and notes its file events."""
    folder = tmp_path_factory.mktemp("whole")

    @cache
    def make(job: str) -> Plan:
        place = folder / job
        place.mkdir()
        _, *options = processes.arguments(job, short=True)
        data = [] if job == "regress" else [str(write_digits(folder / "digits"))]
        args = [job, *data, *options]
        done = AtEvent(0, "note")(args, place)
        assert done.code == 0, done.err
        run = processes.last_run(place)
        assert run is not None
        return Plan(args, run.path, 0.0)

    return make
