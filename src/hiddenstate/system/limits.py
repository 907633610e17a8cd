"""Limits of the operating system on this process; without them nothing is limited."""

from hiddenstate.system import platform


def address_space() -> int | None:
    """Return the limit on address space (`ulimit -v`) in bytes; None if there is none."""
    if not platform.has("limits"):
        return None
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit
