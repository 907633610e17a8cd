"""The loss of a batch in torch."""

import torch
from torch import Tensor, nn

from hiddenstate.data.prepare.emphasis import EMPHASIS
from hiddenstate.engines.interface import Task
from hiddenstate.engines.losses import error_factors


def soft_loss(output: Tensor, answers: Tensor, temperature: float) -> Tensor:
    """Return how far rows (B,) of logits (B, C) are from soft answers, of which zeros count 0.

    It is the divergence of Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural
    Network", 2015, section 2, times the square of the temperature.
    """
    logs = nn.functional.log_softmax(output / temperature, dim=1)
    each = nn.functional.kl_div(logs, answers, reduction="none").sum(dim=1)
    return temperature * temperature * each


def mean_loss(
    task: Task,
    output: Tensor,
    target: Tensor,
    lengths: Tensor | None,
    weights: Tensor | None,
    n_values: int | None = None,
    soft: Tensor | None = None,
    counts_from: Tensor | None = None,
) -> Tensor:
    """Return the mean loss over rows, or over all values read, times the weights (B,) of rows.

    With `n_values` it is the sum divided by that: of some rows, their part of a batch's mean.
    `soft` (B,) is added to the weighted loss of labels. Of outputs at every step, those before
    `counts_from` (B,) are not in the loss; it is 0 if none is.
    """
    net, training = task.net, task.training
    if net.kind.has_classes:
        by_row = weights is not None or soft is not None
        reduction = "none" if by_row else "mean" if n_values is None else "sum"
        each = nn.functional.cross_entropy(  # -1 is no label
            output,
            target,
            ignore_index=-1,
            reduction=reduction,
            label_smoothing=training.label_smoothing,
        )
        each = each if soft is None else training.teach_weight * each + soft
        each = each if weights is None else each * weights
    else:
        read = None
        if net.output == "steps" and (lengths is not None or counts_from is not None):
            steps = torch.arange(output.shape[1])
            read = torch.ones(output.shape[:2], dtype=torch.bool)
            read = read if lengths is None else read & (steps < lengths[:, None])
            read = read if counts_from is None else read & (steps >= counts_from[:, None])
        if training.loss == "esr":  # compares a step with the one before
            output, target = emphasised(output - target, read), torch.zeros_like(output)
        if read is not None:
            output, target = output[read], target[read]
            weights = None if weights is None else weights[:, None].expand(read.shape)[read]
            if not read.any():
                return output.sum()
        if weights is None and n_values is None and training.loss == "mse":
            return nn.functional.mse_loss(output, target)
        each = errors(task, output - target)
        each = each if weights is None else each * expand(weights, output)
    return each.mean() if n_values is None else each.sum() / n_values


def expand(values: Tensor, rows: Tensor) -> Tensor:
    """Return `values` (B,) with as many axes as `rows` (B, ...)."""
    return values.reshape(-1, *[1] * (rows.ndim - 1))


def errors(task: Task, off: Tensor) -> Tensor:
    """Return the losses of outputs that are `off` (..., O) from their targets.

    They are those of the kernels; net_losses.h names their sources.
    """
    if task.training.loss == "mse":
        return off.square()
    if task.training.loss == "huber":
        near = off.clamp(-1, 1)
        return near.detach() * (off - near.detach() / 2)
    over, under = (off.new_tensor(factors) for factors in error_factors(task))
    if task.training.loss == "esr":
        return over * off.square()
    return over * off.relu() + under * (-off).relu()


def emphasised(off: Tensor, read: Tensor | None) -> Tensor:
    """Return errors (B, T, O) with pre-emphasis: 0 at the first step, and where one is not `read`
    (B, T)."""
    off = off if read is None else off.masked_fill(~read[..., None], 0)
    high = nn.functional.pad(off[:, 1:] - EMPHASIS * off[:, :-1], (0, 0, 1, 0))
    if read is None:
        return high
    both = nn.functional.pad(read[:, 1:] & read[:, :-1], (1, 0))
    return high.masked_fill(~both[..., None], 0)
