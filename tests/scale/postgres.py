"""A PostgreSQL server of the tests' own, with an empty database for each test."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest
from tools.stress.postgres import Cluster, cluster, why_not


@pytest.fixture(scope="session")
def server() -> Iterator[Cluster]:
    """A server that only these tests use; skipped where there is no PostgreSQL."""
    if reason := why_not():
        pytest.skip(reason)
    with cluster() as running:
        yield running


@pytest.fixture(scope="session")
def new_database(server: Cluster) -> Callable[[], str]:
    """Creates an empty database and returns its address."""
    numbers = count(1)
    return lambda: server.create(f"study{next(numbers)}")
