"""Several ranks that compute gradients together, as threads of one process.

`python -m tests.engines.ranks N_RANKS` prints, as JSON, how far each gradient is from that of one
process. Ranks that are processes are in `tests/scale/test_distributed.py`.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import islice, product
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch._C._distributed_c10d import HashStore, PrefixStore

from hiddenstate.config import RecurrentConfig, TrainingConfig
from hiddenstate.data.prepare.augment import augmentation
from hiddenstate.data.prepare.batches import Batches
from hiddenstate.engines.distributed import DistributedEngine, Ranks
from hiddenstate.engines.interface import TrainingState
from hiddenstate.engines.torch import TorchEngine
from hiddenstate.models.net import Net
from hiddenstate.program.cells import CHOICES
from tests.engines.tasks import any_net, never, small_task
from tests.engines.test_stem import net_with_stem, task_of

SGD: Any = {"optimizer": "sgd", "momentum": 0.9, "lr": 0.01, "threads": 1}
"""The first momentum of sgd is the gradient, after clipping."""


def cases():
    """Names, tasks and the step whose gradient is compared."""
    for kind, cell in product(["classify last", "regress last", "regress steps"], CHOICES):
        for dtype, lengths, weights in product(DTYPES, [0, 1], [0, 1]):
            net = any_net(kind, cell=cell)
            name = f"{kind} {cell} lengths={lengths} weights={weights}"
            yield name, small_task(net, dtype, lengths=lengths, weights=weights), 0
    for dtype in DTYPES:
        for weights in (0, 1):
            yield "autoencode", small_task(any_net("autoencode"), dtype, weights=weights), 0
        net = any_net("classify mean", cell="gru", bidirectional=True, layers=2)
        task = small_task(net, dtype)
        yield "short last batch", task, 1
        mixed = augmentation(task.X, {"mix": 0.9, "jitter": 0.5}, task.y)
        for step in (0, 1, 2):
            yield "augmented", replace(task, augment=mixed), step
        few = replace(task, batches=Batches(13, 2))
        yield "some slices empty", few, 0
        yield "most slices empty", few, 6
        task = small_task(net, dtype, lengths=True, weights=True)
        yield "slices empty, lengths, weights", replace(task, batches=Batches(13, 2)), 6
        yield "clipped", with_options(task, clip=0.01), 0
        soft = np.random.default_rng(0).dirichlet([1.0] * 4, 13) * (np.arange(13) % 3 != 1)[:, None]
        yield "taught", replace(task, soft=soft.astype(dtype)[None, None]), 6
        yield "smoothed", with_options(task, label_smoothing=0.1), 1
        config = RecurrentConfig("lstm", "tanh", 5, 3, True, dropout=0.4)
        dropout = small_task(Net("classify", config, 3, 4, "last"), dtype, lengths=True)
        yield "dropout", dropout, 0
        yield "dropout, slices empty", replace(dropout, batches=Batches(13, 2)), 6
        for pool, weights in product([1, 3], [0, 1]):
            stem = task_of(net_with_stem(pool), dtype=dtype, lengths=True, weights=weights)
            yield "stem", stem, 0
            yield "stem, short last batch", stem, 1
        stem = task_of(net_with_stem(), dtype=dtype)
        yield "stem, most slices empty", replace(stem, batches=Batches(40, 1)), 3


DTYPES = ("float64", "float32")


def with_options(task, **options):
    return replace(task, training=replace(task.training, **options))


def gradient_of(engine, step):
    chunk = engine.run(step, step + 1, never)
    prefix = "momentum_buffer/"
    moments = {n.removeprefix(prefix): a for n, a in engine.export().moments.items()}
    return float(chunk.losses[0]), moments, engine.export().params


def difference(one, two):
    """The largest difference between two gradients, relative to a gradient of size 1 and more."""
    sizes = [max(1.0, float(np.abs(a).max())) for a in two.values()]
    return max(
        float(np.abs(one[name].astype(float) - two[name]).max()) / size
        for name, size in zip(two, sizes, strict=True)
    )


def compare(case, ranks, group, moments):
    """Return how far the step of a case on these ranks is from that of one process, on rank 0."""
    name, task, step = case
    options: TrainingConfig = replace(task.training, **SGD)
    task = replace(task, training=options)
    state = TrainingState(task.net.initial(1, options.dtype), step)
    shared = DistributedEngine(task, state, Ranks(ranks[0], ranks[1], group, moments))
    loss, gradient, params = gradient_of(shared, step)
    if ranks[0]:
        return {}
    own_loss, own, own_params = gradient_of(TorchEngine(task, state), step)
    buffers = {n: a for n, a in params.items() if "running" in n}
    return {
        "name": f"{name} {options.dtype} on {ranks[1]}",
        "dtype": options.dtype,
        "loss": abs(loss - own_loss) / max(1, abs(own_loss)),
        "gradient": difference(gradient, own),
        "moments": difference(buffers, {n: own_params[n] for n in buffers}) if buffers else 0.0,
        "size": max(float(np.abs(a).max()) for a in own.values()),
    }


def group_of(store, name, rank, n_ranks):
    """A rank's end of a group, which needs no group of its whole process."""
    own = PrefixStore(name, store)
    group = dist.ProcessGroup(own, rank, n_ranks)
    gloo: Any = dist.ProcessGroupGloo
    options = gloo._Options()
    options._timeout = timedelta(seconds=60)
    options._devices = [gloo.create_device(hostname="127.0.0.1")]
    end = gloo(own, rank, n_ranks, options)
    group._register_backend(torch.device("cpu"), dist.ProcessGroup.BackendType.GLOO, end)
    return group


def compared(n_ranks, every=1, skipped=0):
    """Compare one case in `every`, but for the first `skipped`, on each rank; return rank 0's."""
    store, groups = HashStore(), []

    def run(rank):
        group, moments = (group_of(store, name, rank, n_ranks) for name in ("sum", "moments"))
        groups.append((group, moments))  # their end waits for threads, which may wait for Python
        chosen = islice(cases(), skipped, None, every)
        return [compare(case, (rank, n_ranks), group, moments) for case in chosen]

    with ThreadPoolExecutor(n_ranks) as ranks:
        return next(ranks.map(run, range(n_ranks)))


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps([case for n in range(2, int(sys.argv[1]) + 1) for case in compared(n)]))
