"""The memory that a job needs."""

from hiddenstate.config import RecurrentConfig
from hiddenstate.engines.choose import refusal
from hiddenstate.jobs.base import Job
from hiddenstate.system.memory import check_free

COPIES = 7
"""Copies of each weight in memory: itself, its gradient, two moments, and those of saving."""

STEM_COPIES = 3
"""Copies of each output of a stem's layers in memory: normalised, after relu, and its gradient."""

SEGMENTED = 2**28
"""Bytes of whole series beyond which the kernels pass them in segments (`most_bytes` in net.h)."""

SOFT_COPIES = 3
"""Copies of a teacher's answers in memory while they become probabilities, without the answers."""


def check_memory(job: Job) -> None:
    """Refuse a job that cannot fit in the free memory of the machine (`MachineError`)."""
    hint = "use a smaller net or --batch-size"
    check_free(bytes_needed(job), "training", hint + ", or --teach none" * bool(job.taught))


def bytes_needed(job: Job) -> int:
    """Return a lower bound of the bytes that training needs, without the data."""
    net, config = job.net, job.net.config
    itemsize = 8 if job.config.training.dtype == "float64" else 4
    rows = min(job.batches.batch_size, len(job.dataset.X))
    if isinstance(config, RecurrentConfig):
        steps = job.dataset.X.shape[1]
        width = (net.cell.blocks + 2) * config.hidden_size * config.layers
        width *= 2 if config.bidirectional else 1
        kept = rows * (net.pooled(steps) * width + steps * net.n_features)
        if config.stem:
            first, *others = config.stem_channels
            kept += STEM_COPIES * rows * (steps * first + net.pooled(steps) * sum(others))
        elif job.config.training.engine != "torch" and not refusal(net, job.config.training.device):
            kept = min(kept, SEGMENTED // (2 * itemsize))
    else:
        kept = rows * 2 * sum(net.widths())
    needed = int((COPIES * net.n_parameters() + 2 * kept) * itemsize)
    if job.taught is not None and job.config.job == "classify":
        needed += SOFT_COPIES * job.taught.answers.nbytes
    return needed + sum(kind.bytes_needed(len(job.dataset.X)) for kind in job.beside)
