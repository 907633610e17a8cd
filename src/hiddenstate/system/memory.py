"""How much memory is free, asked before any is taken."""

import os
from pathlib import Path

from hiddenstate.errors import MachineError, printable


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


def check_addresses(needed: int, what: str, mend: str) -> None:
    """As :func:`check_free`, of addresses alone, where the process has a limit on them."""
    free = _of_process()
    if free is not None and needed > free:
        raise MachineError(
            f"{what} needs about {needed / 2**20:,.0f} MiB of addresses and the process's limit "
            f"leaves {free / 2**20:,.0f} MiB; {mend}"
        )


def out_of_memory(error: MemoryError) -> MachineError:
    """What to say when memory ran out all the same: what was asked for, and what is free."""
    asked = f": {printable(error)}" if str(error) else ""
    free = bytes_free()
    left = "" if free is None else f"; {free / 2**30:,.1f} GiB are free"
    return MachineError(
        f"there is not enough memory{asked}{left}; use a smaller --batch-size or --hidden-size"
    )


def bytes_free() -> int | None:
    """Memory that can be taken now, or None where the system does not say.

    The least of what the machine has, what the process's control group may have, and what its
    own limit on addresses leaves.
    """
    known = [_of_machine(), _of_group(), _of_process()]
    return min((free for free in known if free is not None), default=None)


def _of_machine() -> int | None:
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


def _of_group(root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """What a container or service may still take (Linux control groups, version 2)."""
    try:
        most = (root / "memory.max").read_text("ascii").strip()
        if most == "max":
            return None
        taken = int((root / "memory.current").read_text("ascii"))
        for line in (root / "memory.stat").read_text("ascii").splitlines():
            if line.startswith("inactive_file "):  # the first pages to be given back
                taken -= int(line.split()[1])
        return max(int(most) - taken, 0)
    except (OSError, ValueError):
        return None


def _of_process() -> int | None:
    """What the limit on addresses leaves (`ulimit -v`)."""
    try:
        import resource

        most = resource.getrlimit(resource.RLIMIT_AS)[0]
        if most == resource.RLIM_INFINITY:
            return None
        taken = int(Path("/proc/self/statm").read_text("ascii").split()[0])
        return max(most - taken * resource.getpagesize(), 0)
    except (ImportError, OSError, ValueError):
        return None
