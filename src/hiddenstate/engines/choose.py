"""Picks the engine that trains a task and the predictor that answers for a model."""

import sys

from hiddenstate.config import RecurrentConfig, TrainingConfig
from hiddenstate.engines.interface import Engine, Predictor, Task, TrainingState
from hiddenstate.errors import OptionError
from hiddenstate.kernels import levels, why_not
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net
from hiddenstate.system.memory import check_address_space
from hiddenstate.system.notice import Notice, warning

TORCH_ADDRESSES = 640 * 2**20
"""Addresses that loading torch for the cpu and a small net take; with less it may abort."""


def refusal(net: Net, device: str) -> str | None:
    """Why the native engine cannot train `net` on `device`, in words; None where it can."""
    if device not in ("auto", "cpu"):
        return f"it computes on the cpu, not on {device}"
    config = net.config
    if isinstance(config, RecurrentConfig) and config.dropout and config.layers > 1:
        return "it has no dropout"
    reason = why_not()
    return f"there are no kernels: {reason}" if reason else None


def kernel_notices(training: TrainingConfig) -> list[Notice]:
    """Return a warning if torch is the engine only because there are no kernels."""
    if training.engine != "auto" or training.device not in ("auto", "cpu") or levels():
        return []
    return [warning(f"no native kernels: {why_not()}; computing with torch, which is slower")]


def make_engine(task: Task, state: TrainingState) -> Engine:
    """The engine `task.training.engine` names; auto is native, and torch where that cannot.

    Raises
    ------
    MachineError
        If what is named is not there.
    OptionError
        If native was asked for and cannot do this.
    """
    training = task.training
    against = refusal(task.net, training.device) if training.engine != "torch" else "unwanted"
    if training.engine == "native" and against:
        raise OptionError(f"--engine native: {against}; use --engine torch")
    if against is None:
        from hiddenstate.engines.native import NativeEngine

        return NativeEngine(task, state)
    _check_torch()
    from hiddenstate.engines.torch import TorchEngine

    return TorchEngine(task, state)


def _check_torch() -> None:
    """Refuse to load torch where it would not find room, and end the process by itself."""
    if "torch" not in sys.modules:
        check_address_space(
            TORCH_ADDRESSES, "torch", "raise it (ulimit -v), or use --engine native"
        )


def make_predictor(model: FittedModel, device: str = "auto", threads: int = 0) -> Predictor:
    """A predictor for `model`: native on the cpu where there are kernels, else torch's."""
    if device in ("auto", "cpu") and not why_not():
        from hiddenstate.engines.native import NativePredictor

        return NativePredictor(model, threads)
    _check_torch()
    from hiddenstate.engines.torch import TorchPredictor

    return TorchPredictor(model, device, threads)
