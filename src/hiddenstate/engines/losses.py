"""The loss of a task as the engines take it."""

from hiddenstate.data.prepare.emphasis import EMPHASIS
from hiddenstate.engines.interface import Task

_KERNELS = {"mse": 0, "mae": 1, "quantile": 1, "huber": 2, "esr": 3}
"""The number of each loss in the kernels (`Loss` in net.h)."""


def error_factors(task: Task) -> tuple[list[float], list[float]]:
    """Return by what errors of each output (O,) above and below its target are multiplied.

    The outputs of a target follow one another, one for each quantile.
    """
    training, n = task.training, task.net.n_outputs
    if training.loss == "quantile":
        under = list(training.quantile) * (n // len(training.quantile))
        return [1 - quantile for quantile in under], under
    over = [1.0] * n if task.power is None else [float(1 / power) for power in task.power]
    return over, [1.0] * n


def kernel_loss(task: Task) -> tuple[int, list[float], list[float], float]:
    """Return the loss as the kernels take it: its number, the factors, and the pre-emphasis."""
    return _KERNELS[task.training.loss], *error_factors(task), EMPHASIS
