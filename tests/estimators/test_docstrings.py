"""The docstrings of the estimators name every fitted attribute."""

import inspect

import pytest

from hiddenstate.config import job_options
from tests.estimators.test_estimators import FITTED, KINDS


@pytest.mark.parametrize("job", KINDS)
def test_the_range_of_the_seed_is_that_of_the_option(job):
    seed = next(option for _, option in job_options(job) if option.name == "seed")
    assert (seed.low, seed.high) == (0, 2**63 - 1)


@pytest.mark.parametrize("job", KINDS)
def test_every_attribute_is_documented(job):
    section = inspect.getdoc(KINDS[job]).split("Attributes\n----------\n")[1].split("\n\n")[0]
    documented = {line.split(" : ")[0] for line in section.splitlines() if line[0] != " "}
    fitted = {name for name in vars(FITTED[job]()) if name.endswith("_") and name[0] != "_"}
    computed = set() if job == "autoencode" else {"answered_by_", "drifts_"}
    assert documented == fitted | computed | {"feature_names_in_"}
