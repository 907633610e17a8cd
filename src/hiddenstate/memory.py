"""How much memory training will take, estimated before any of it is taken."""

import os

from hiddenstate.config import RecurrentConfig
from hiddenstate.errors import MachineError
from hiddenstate.jobs.base import Job
from hiddenstate.models import GATES

COPIES = 7
"""Weights, gradient, two moments, the caller's copy, and one more of each while saving."""


def check_memory(job: Job) -> None:
    """Refuse a job that cannot fit in what the machine has free.

    Raises
    ------
    MachineError
        Saying how much is needed and available.
    """
    needed, free = bytes_needed(job), bytes_free()
    if free is not None and needed > free:
        raise MachineError(
            f"training needs about {needed / 2**30:,.1f} GiB and {free / 2**30:,.1f} GiB are "
            "free; use a smaller net or --batch-size"
        )


def bytes_needed(job: Job) -> int:
    """A lower estimate of the bytes training takes beside the data."""
    net, config = job.net, job.net.config
    itemsize = 8 if job.config.training.dtype == "float64" else 4
    rows = min(job.config.training.batch_size, len(job.dataset.X))
    if isinstance(config, RecurrentConfig):
        steps = job.dataset.X.shape[1]
        width = (GATES[config.cell] + 2) * config.hidden_size * config.layers
        kept = rows * steps * (width * (2 if config.bidirectional else 1) + net.n_features)
    else:
        kept = rows * 2 * sum(net.widths())
    return int((COPIES * net.n_parameters() + 2 * kept) * itemsize)


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
