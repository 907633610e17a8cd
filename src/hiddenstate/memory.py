"""How much memory is free, asked before any is taken."""

import os

from hiddenstate.errors import MachineError


def check_free(needed: int, what: str, mend: str) -> None:
    """Refuse `what` if it needs more bytes than are free; `mend` says what to do then.

    Raises
    ------
    MachineError
        Saying how much is needed and available.
    """
    free = bytes_free()
    if free is not None and needed > free:
        raise MachineError(
            f"{what} needs about {needed / 2**30:,.1f} GiB and {free / 2**30:,.1f} GiB are free; "
            f"{mend}"
        )


def bytes_free() -> int | None:
    """Memory that can be taken now, or None where the system does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None
