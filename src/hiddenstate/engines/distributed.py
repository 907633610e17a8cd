"""The torch engine in several processes: each computes a part of every batch.

The global batch, its order, the divisor of its loss and its dropout masks are those of one process.
A rank takes a slice of the batch, and `DistributedDataParallel` adds the gradients up, so a step
differs from one process's in the last digits alone, where sums are rounded in another order. The
same number of ranks computes the same bits, in a resumed run too.

The loss and the wish to stop travel with the gradient, as that of two more parameters: every rank
then knows both after a step, without another message.
"""

import math
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from hiddenstate.engines.dropout import masks
from hiddenstate.engines.interface import Chunk, EngineInfo, Task, TrainingState
from hiddenstate.engines.torch import TorchEngine
from hiddenstate.models.torch_modules import RowNorm
from hiddenstate.system.typing import Array


@dataclass(frozen=True)
class Ranks:
    """The processes that compute a step together, as an engine sees them.

    Parameters
    ----------
    rank, n_ranks : int
        Number of this process, and of processes.
    group : ProcessGroup, optional
        Adds gradients up; None is torch's default group.
    moments : ProcessGroup, optional
        Adds up the moments of a stem, in messages that may cross those of the gradient.
    guard : callable
        Returns the context in which a step runs; it explains what torch raises if a rank is lost.
    """

    rank: int
    n_ranks: int
    group: Any = None
    moments: Any = None
    guard: Callable[[], AbstractContextManager[Any]] = nullcontext

    def slice_of(self, n_rows: int) -> slice:
        """Return which of the rows of a batch are this rank's; they may be none."""
        first, last = (n_rows * rank // self.n_ranks for rank in (self.rank, self.rank + 1))
        return slice(first, last)


class DistributedEngine(TorchEngine):
    """Training steps of which each rank computes a slice; see `Engine`.

    Parameters
    ----------
    task : Task
        The same on every rank, without a carried state.
    state : TrainingState
        The same on every rank; copied.
    ranks : Ranks
    """

    def __init__(self, task: Task, state: TrainingState, ranks: Ranks) -> None:
        if task.stateful:
            raise ValueError("a carried state stays in one process")
        super().__init__(task, state)
        self.ranks, self._asked = ranks, False
        self._ask: Callable[[], bool] = bool
        for layer in getattr(self.module, "stem", ()):
            layer.norm = SharedNorm(layer.norm, ranks)
        self._share = _Share(self.module, ranks.n_ranks).to(self._device, self._dtype)
        with warnings.catch_warnings(), ranks.guard():
            warnings.simplefilter("ignore")
            self._parallel = DistributedDataParallel(
                self._share,
                process_group=ranks.group,
                broadcast_buffers=False,
                device_ids=[self._device] if self.device == "cuda" else None,
            )
            # torch sorts the gradients into messages anew after the first step. A run that is
            # resumed has a first step too, and would add up in another order than before it.
            self._parallel(_nothing_of(self.module), 0.0).backward()
        self._parallel.zero_grad(set_to_none=True)

    def run(self, first: int, last: int, stop: Callable[[], bool]) -> Chunk:
        """Run steps `first` to `last` - 1, or until `stop()` is true on any rank."""
        self._ask = stop
        with self.ranks.guard():
            return super().run(first, last, lambda: self._asked)

    def _run_step(self, step: int) -> tuple[Tensor, Tensor, bool]:
        self._parallel.zero_grad(set_to_none=True)
        asked = float(self._ask())
        self._parallel(lambda: self._loss(step)[0], asked).backward()
        sent = self._share.sent.grad
        assert sent is not None
        loss, self._asked = sent[0].clone(), bool(sent[1] > 0)
        # Every rank has the same sum, so either all of them make the update or none.
        if self.device == "cpu" and not math.isfinite(loss.item()):
            return loss, loss, False
        self._update(step)
        return loss, loss, True

    def _rows(self, step: int) -> NDArray[np.int64]:
        rows = self.task.batches.rows(step)
        share = rows[self.ranks.slice_of(len(rows))]
        # Without a row of its own, a rank computes one with weight 0: all ranks send a gradient.
        return share if len(share) else rows[:1]

    def _is_empty(self, step: int) -> bool:
        n_rows = len(self.task.batches.rows(step))
        share = self.ranks.slice_of(n_rows)
        return bool(share.start == share.stop)

    def _batch(self, step: int) -> tuple[Tensor, Tensor | None, Tensor | None]:
        x, target, weights = super()._batch(step)
        if not self._is_empty(step):
            return x, target, weights
        zero = torch.zeros(len(x), dtype=self._dtype, device=self._device)
        return torch.zeros_like(x), None if target is None else torch.zeros_like(target), zero

    def _n_values(self, step: int, output: Tensor) -> int:
        """Return how many values the loss of the whole batch is the mean of."""
        net, rows = self.task.net, self.task.batches.rows(step)
        if net.kind.has_classes:
            return len(rows)
        if net.output == "steps":
            T, task = output.shape[1], self.task
            ends = np.full(len(rows), T) if task.lengths is None else task.lengths[rows]
            begins = 0 if task.counts_from is None else np.minimum(task.counts_from[rows], ends)
            return max(1, int((ends - begins).sum()) * output.shape[2])
        return len(rows) * (output.numel() // len(output))

    def _masks(self, step: int, x: Tensor) -> list[Tensor] | None:
        """Return the slice of the masks that one process would draw."""
        training, n_rows = self.task.training, len(self.task.batches.rows(step))
        values = masks(self.task.net, training.seed, step, n_rows, x.shape[1], training.dtype)
        if values is None:
            return None
        share: Array = values[:, self.ranks.slice_of(n_rows)]
        share = share if share.shape[1] else values[:, :1]
        return list(torch.from_numpy(share).to(x).unbind())

    def about(self) -> EngineInfo:
        """Return what config.json records about the engine; see `Engine.about`."""
        return {**super().about(), "ranks": self.ranks.n_ranks}


class _Share(nn.Module):
    """A rank's part of the loss of a step, as a module whose gradient DDP can add up.

    Parameters
    ----------
    module : Module
        The net.
    n_ranks : int
        DDP divides the sum by this, and the part is multiplied by it.
    """

    def __init__(self, module: nn.Module, n_ranks: int) -> None:
        super().__init__()
        self.module, self._n_ranks = module, n_ranks
        self.sent = nn.Parameter(torch.zeros(2))
        """Not a weight: its gradient carries the loss, and whether a rank wants to stop."""

    def forward(self, loss_of: Callable[[], Tensor], asked: float) -> Tensor:
        """Return the part, with the two numbers as the gradient of `sent`."""
        loss = loss_of()
        numbers = torch.stack([loss.detach(), torch.full_like(loss.detach(), asked)])
        return self._n_ranks * (loss + (self.sent * numbers).sum())


def _nothing_of(module: nn.Module) -> Callable[[], Tensor]:
    """Return a loss of 0 that depends on every parameter."""

    def nothing() -> Tensor:
        parts = [parameter.sum() * 0 for parameter in module.parameters()]
        return torch.stack(parts).sum()

    return nothing


EPS, MOMENTUM = 1e-5, 0.1
"""torch's defaults of batch normalisation, as `RowNorm` has them."""


class SharedNorm(nn.Module):
    """Batch normalisation of rows (N, C) by the moments of all ranks' rows; see `RowNorm`.

    Parameters
    ----------
    norm : RowNorm
        Its weights and running moments, which stay the same tensors.
    ranks : Ranks
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, norm: RowNorm, ranks: Ranks) -> None:
        super().__init__()
        self.weight, self.bias, self._ranks = norm.weight, norm.bias, ranks
        self.register_buffer("running_mean", norm.running_mean)
        self.register_buffer("running_var", norm.running_var)

    def forward(self, rows: Tensor) -> Tensor:
        """Return normalised rows: by the moments of all rows in training, else the running."""
        if not self.training:
            return nn.functional.batch_norm(
                rows, self.running_mean, self.running_var, self.weight, self.bias
            )
        # float64, because the variance is a difference of sums.
        wide = rows.double()
        count = wide.new_full((1,), len(rows))
        sums = torch.cat([count, wide.sum(dim=0), wide.square().sum(dim=0)])
        sums = _Sum.apply(sums, self._ranks.moments)  # type: ignore[no-untyped-call]  # torch's
        n, width = float(sums[0].item()), rows.shape[1]
        if not n:
            mean, var = self.running_mean.double(), self.running_var.double()
        else:
            mean = sums[1 : width + 1] / n
            var = (sums[width + 1 :] / n - mean.square()).clamp_min(0)
            self.running_mean.lerp_(mean.detach().to(rows.dtype), MOMENTUM)
            unbiased = var.detach() * (n / max(n - 1, 1))
            self.running_var.lerp_(unbiased.to(rows.dtype), MOMENTUM)
        normal = ((wide - mean) * torch.rsqrt(var + EPS)).to(rows.dtype)
        # The sums stay in the graph even if nothing is read, so that all ranks send a gradient.
        scaled: Tensor = normal * self.weight + self.bias + (sums.sum() * 0).to(rows.dtype)
        return scaled


class _Sum(torch.autograd.Function):
    """The sum of a tensor over the ranks; so is its gradient."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, group: Any) -> Tensor:
        """Return the sum."""
        ctx.group = group
        total = values.detach().clone()
        dist.all_reduce(total, group=group)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Return the sum of the gradients: each rank's loss depends on every rank's rows."""
        total = gradient.contiguous().clone()
        dist.all_reduce(total, group=ctx.group)
        return total, None
