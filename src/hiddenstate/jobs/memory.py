"""The memory that a job needs."""

from hiddenstate.config import RecurrentConfig
from hiddenstate.engines.choose import refusal
from hiddenstate.jobs.base import Job
from hiddenstate.models.net import Net
from hiddenstate.system.memory import check_free

COPIES = 7
"""Copies of each weight in memory: itself, its gradient, two moments, and those of saving."""

STEM_COPIES = 3
"""Copies of each output of a stem's layers in memory: normalised, after relu, and its gradient."""

SEGMENTED = 2**28
"""Bytes of whole series beyond which the kernels pass them in segments (`most_bytes` in net.h)."""

BLOCKS_SEGMENTED = 4
"""How many times more those are of blocks in two directions (`segments_cost` in lru_stack.h)."""

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
    needed = COPIES * net.n_parameters() * itemsize
    if isinstance(config, RecurrentConfig):
        training, steps = job.config.training, job.dataset.X.shape[1]
        native = training.engine != "torch" and not refusal(net, training.device)
        needed += _series_bytes(net, rows, steps, itemsize, native)
    else:
        needed += 4 * rows * sum(net.widths()) * itemsize
    if job.taught is not None and job.config.kind.has_classes:
        needed += SOFT_COPIES * job.taught.answers.nbytes
    return needed + sum(kind.bytes_needed(len(job.dataset.X)) for kind in job.beside)


def _series_bytes(net: Net, rows: int, steps: int, itemsize: int, native: bool) -> int:
    """Return a lower bound of the bytes of a batch of series between the passes over it."""
    config, cell = net.recurrent, net.cell
    directions, pooled = 2 if config.bidirectional else 1, net.pooled(steps)
    read = net.output == "steps" or config.readout == "mean"  # what the last layer gives, by steps
    arrays = config.layers * (len(cell.state) + cell.blocks + 1) - (not read)
    if native and cell.kind == "block":  # computed again, but for what a direction reads of another
        arrays = 2 * config.layers if directions == 2 else 2 * read
    numbers = steps * net.n_features + pooled * directions * config.hidden_size * arrays
    if net.output == "steps":
        numbers += 3 * steps * net.n_outputs
    first, *others = config.stem_channels if config.stem else (0,)
    numbers += STEM_COPIES * (steps * first + pooled * sum(others))
    needed = rows * numbers * itemsize
    least = SEGMENTED * (BLOCKS_SEGMENTED if cell.kind == "block" and directions == 2 else 1)
    if not native or needed <= least:
        return needed
    apart = STEM_COPIES * rows * steps * first * itemsize if config.stem else needed
    return max(needed - apart, least)
