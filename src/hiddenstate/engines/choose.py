"""Chooses the engine that trains a task, and the predictor of a model."""

import sys
from dataclasses import replace

from hiddenstate.config import RecurrentConfig, TrainingConfig
from hiddenstate.engines.interface import (
    Engine,
    Predictor,
    Task,
    TrainingState,
    without_fold,
)
from hiddenstate.errors import MachineError, OptionError, printable
from hiddenstate.kernels import VARIABLE, cells, levels, why_not
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net
from hiddenstate.system.extras import command, is_installed, missing
from hiddenstate.system.memory import check_address_space
from hiddenstate.system.notice import Notice, warning

TORCH_ADDRESSES = 640 * 2**20
"""Address space, in bytes, that torch and a small network need; with less torch may abort."""


def refusal(net: Net, device: str) -> str | None:
    """Return why the native engine cannot train `net` on `device`, or None if it can."""
    if device not in ("auto", "cpu"):
        return f"it computes on the cpu, not on {device}"
    if reason := why_not():
        return f"there are no kernels: {reason}"
    return None if _computes(net) else f"the kernels have no {net.cell.title} cell"


def _computes(net: Net) -> bool:
    """Return whether the kernels have the cell of `net`, if it has one."""
    return not isinstance(net.config, RecurrentConfig) or net.cell.name in cells()


def kernel_notices(training: TrainingConfig) -> list[Notice]:
    """Return a warning if torch is the engine only because there are no kernels."""
    on_cpu = training.device in ("auto", "cpu")
    if training.engine != "auto" or not on_cpu or levels() or not is_installed("torch"):
        return []  # without torch, make_engine refuses
    return [warning(f"no native kernels: {why_not()}; computing with torch, which is slower")]


def make_engine(task: Task, state: TrainingState) -> Engine:
    """Return the engine that `task.training.engine` names; "auto" is native, or else torch.

    Raises
    ------
    MachineError
        If the device does not exist, memory is too small for torch, or there is neither a kernel
        nor torch.
    OptionError
        If the native engine is named and cannot train this task.
    """
    if task.grid_from is not None:
        return _rounded(task, state)
    if task.turn is not None:
        from hiddenstate.engines.turn import TurningEngine

        return TurningEngine(task, state, make_engine)
    if task.net.n_members > 1:
        from hiddenstate.engines.members import MembersEngine

        return MembersEngine(task, state, make_engine)
    task = without_fold(task, 0)
    training = task.training
    reason = refusal(task.net, training.device) if training.engine != "torch" else "not wanted"
    if training.engine == "native" and reason:
        raise OptionError(f"--engine native: {reason}; use --engine torch")
    if reason is None:
        from hiddenstate.engines.native import NativeEngine

        return NativeEngine(task, state)
    on_cpu = training.device in ("auto", "cpu")
    if training.engine == "auto" and on_cpu and why_not() and not is_installed("torch"):
        build = "install a C++17 compiler and reinstall hiddenstate"
        raise MachineError(
            f"training requires the native kernels or torch, and there is neither: {why_not()}; "
            f"{f'unset {VARIABLE}' if levels() else build}, or add torch: {command('torch')}"
        )
    load_torch("--engine torch" if on_cpu else f"--device {training.device}")
    from hiddenstate.engines.torch import TorchEngine

    return TorchEngine(task, state)


def _rounded(task: Task, state: TrainingState) -> Engine:
    """Return the engine of a task that ends with rounded numbers: the native one, or a refusal."""
    from hiddenstate.engines.native import NativeEngine
    from hiddenstate.engines.rounded import RoundedEngine

    training = task.training
    reason = refusal(task.net, training.device) if training.engine != "torch" else "not wanted"
    if reason:
        raise OptionError(f"--quantize: only the native engine trains for it: {reason}")
    if task.net.n_members > 1:
        from hiddenstate.engines.members import MembersEngine

        members = MembersEngine(task, state, NativeEngine)
        return RoundedEngine(task, members, state, make_predictor)
    return RoundedEngine(task, NativeEngine(without_fold(task, 0), state), state, make_predictor)


def load_torch(purpose: str) -> None:
    """Refuse to go without torch, or with too little address space: it would abort the process."""
    if "torch" not in sys.modules:
        if not is_installed("torch"):
            raise missing("torch", purpose)
        check_address_space(
            TORCH_ADDRESSES, "torch", "raise it (ulimit -v), or use --engine native"
        )


def check_device(model: FittedModel, device: str) -> None:
    """Refuse an integer model on any device but the CPU (`OptionError`)."""
    if model.integer is not None and device not in ("auto", "cpu"):
        raise OptionError(
            f"--device {printable(device)}: integers are computed on the CPU; leave it out"
        )


def make_predictor(model: FittedModel, device: str = "auto", threads: int = 0) -> Predictor:
    """Return a predictor for `model`.

    On the cpu it is native; without kernels torch's; without torch the reference in numpy, which
    is slow.

    Raises
    ------
    MachineError
        If the device does not exist, or memory is too small for torch.
    OptionError
        If the model answers in integers and the device is not the CPU.
    """
    check_device(model, device)
    if model.companions or model.n_members > 1:
        from hiddenstate.engines.beside import JoinedPredictor

        nets = [make_predictor(each, device, threads) for each in model.members()]
        return JoinedPredictor(nets, model, threads)
    if model.transform.by_window:
        from hiddenstate.engines.windowed import WindowedPredictor

        bare = replace(model, transform=replace(model.transform, by_window=False))
        return WindowedPredictor(make_predictor(bare, device, threads), model)
    if model.integer is not None:
        from hiddenstate.engines.integers import IntegerPredictor

        return IntegerPredictor(model, threads)
    on_cpu = device in ("auto", "cpu")
    if on_cpu and not why_not() and _computes(model.net):
        from hiddenstate.engines.native import NativePredictor

        return NativePredictor(model, threads)
    if on_cpu and not is_installed("torch"):
        from hiddenstate.engines.reference import ReferencePredictor

        return ReferencePredictor(model)
    load_torch(f"--device {device}")
    from hiddenstate.engines.torch import TorchPredictor

    return TorchPredictor(model, device, threads)
