"""What the tests of searches share."""

from tests.scale.postgres import new_database, server

__all__ = ["new_database", "server"]
