"""Reports how much memory is free, and refuses work that needs more."""

import os
import sys
from pathlib import Path

from hiddenstate.errors import MachineError, printable
from hiddenstate.system import limits

LARGE = 2**26
"""Size of a file, in bytes, from which the free memory is checked before reading it."""

RETURNED = 2**23
"""Size of an array, in bytes, from which its memory is returned when it is freed."""


def return_freed_arrays() -> None:
    """Let the C library return the memory of each large array as soon as it is freed.

    By itself, glibc raises the size from which it does so to 32 MiB, and what it keeps between
    other arrays is soon several times what is in use. This is for all of a process, and so for
    commands alone. Nothing changes with another C library.
    """
    import ctypes

    try:
        set_option = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    set_option(-3, RETURNED)  # M_MMAP_THRESHOLD
    set_option(-1, 2 * RETURNED)  # M_TRIM_THRESHOLD, which glibc raises with it


def check_free(needed: int, what: str, hint: str) -> None:
    """Refuse `what` if it needs more bytes than are free; `hint` says what to do about it.

    Raises
    ------
    MachineError
        If less than `needed` bytes are free; the message states both numbers.
    """
    free = bytes_free()
    if free is not None and needed > free:
        raise MachineError(
            f"{what} needs about {needed / 2**30:,.1f} GiB and {free / 2**30:,.1f} GiB are free; "
            f"{hint}"
        )


def check_address_space(needed: int, what: str, hint: str) -> None:
    """As :func:`check_free`, for the address space left by the process's limit, if it has one."""
    free = _address_space_left()
    if free is not None and needed > free:
        raise MachineError(
            f"{what} needs about {needed / 2**20:,.0f} MiB of address space and the process's "
            f"limit leaves {free / 2**20:,.0f} MiB; {hint}"
        )


def out_of_memory(error: MemoryError) -> MachineError:
    """Return the error that reports a failed allocation, its size and the free memory."""
    size = f": {printable(error)}" if str(error) else ""
    free = bytes_free()
    left = "" if free is None else f"; {free / 2**30:,.1f} GiB are free"
    return MachineError(f"out of memory{size}{left}; use a smaller --batch-size or --hidden-size")


def bytes_free() -> int | None:
    """Return how many bytes can be allocated now, or None if the system does not say.

    The least of three: the machine's available memory, what the process's control group may still
    use, and what its limit on address space leaves.
    """
    limits = [_machine_available(), _group_left(), _address_space_left()]
    return min((free for free in limits if free is not None), default=None)


def _machine_available(table: Path = Path("/proc/meminfo")) -> int | None:
    try:
        for line in table.read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    if sys.platform == "darwin":
        import psutil

        return int(psutil.virtual_memory().available)
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None


def _group_left(root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Return what a container or service may still allocate (Linux control groups, version 2)."""
    try:
        limit = (root / "memory.max").read_text("ascii").strip()
        if limit == "max":
            return None
        used = int((root / "memory.current").read_text("ascii"))
        for line in (root / "memory.stat").read_text("ascii").splitlines():
            if line.startswith("inactive_file "):  # cache pages, which the kernel frees first
                used -= int(line.split()[1])
        return max(int(limit) - used, 0)
    except (OSError, ValueError):
        return None


def _address_space_left() -> int | None:
    """Return what the limit on address space leaves (`ulimit -v`)."""
    limit = limits.address_space()
    if limit is None:
        return None
    try:
        used = int(Path("/proc/self/statm").read_text("ascii").split()[0])
        return max(limit - used * os.sysconf("SC_PAGE_SIZE"), 0)
    except (OSError, ValueError):
        return None
