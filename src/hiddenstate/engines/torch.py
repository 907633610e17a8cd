"""The torch engine: every device that torch has, every configuration."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hiddenstate.data.rows import fractions
from hiddenstate.data.store import PIECE, RowStore
from hiddenstate.engines.dropout import masks
from hiddenstate.engines.interface import (
    Chunk,
    EngineInfo,
    Source,
    Task,
    TrainingState,
    check_state,
    one_by_one,
    replace_state,
)
from hiddenstate.engines.schedule import clip_at, eps_at, rate_at
from hiddenstate.engines.torch_loss import expand, mean_loss, soft_loss
from hiddenstate.errors import MachineError
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net, Params
from hiddenstate.models.torch_cells import State
from hiddenstate.models.torch_modules import AutoencoderNet, RecurrentNet, make_module
from hiddenstate.system.cancellation import raise_if_cancelled
from hiddenstate.system.typing import Array

ROWS_AT_ONCE = 2048
"""Most rows in a forward pass without gradient; bounds the memory."""

WORK_AT_ONCE = 10**10
"""Most multiplications in such a pass, about; between two passes it can be cancelled."""


def pick_device(wanted: str) -> torch.device:
    """Return the device that `wanted` names; "auto" is cuda if there is one, else cpu.

    Raises
    ------
    MachineError
        If this machine does not have it.
    """
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    is_available: dict[str, Callable[[], bool]] = {
        "cpu": lambda: True,
        "cuda": torch.cuda.is_available,
        "mps": torch.backends.mps.is_available,
    }
    if not is_available[wanted]():
        raise MachineError(f"--device {wanted}: torch finds no such device; use --device cpu")
    return torch.device(wanted)


_NO_MEMORY = ("allocate memory", "not enough memory", "could not create a primitive")
"""Parts of the messages of torch and its libraries when memory runs out."""


@contextmanager
def thread_count(threads: int) -> Iterator[None]:
    """Let torch use `threads` threads in this context; 0 changes nothing.

    Raises
    ------
    MemoryError
        If torch runs out of memory, for which it raises several other errors.
    """
    before = torch.get_num_threads()
    if threads:
        torch.set_num_threads(threads)
    try:
        yield
    except RuntimeError as error:
        text = str(error)
        if isinstance(error, torch.OutOfMemoryError) or any(part in text for part in _NO_MEMORY):
            raise MemoryError(text.partition("allocate memory: ")[2] or text) from None
        raise
    finally:
        if threads:
            torch.set_num_threads(before)


class TorchEngine:
    """Training steps with torch's own layers, autograd and optimisers.

    Parameters
    ----------
    task : Task
    state : TrainingState
        Copied; the caller's arrays do not change.
    """

    name = "torch"
    version = str(torch.__version__)

    def __init__(self, task: Task, state: TrainingState) -> None:
        self.task, training = task, task.training
        self._device = pick_device(training.device)
        self.device = self._device.type
        self.threads = training.threads or torch.get_num_threads()
        self._dtype = getattr(torch, training.dtype)
        params = {n: a.astype(training.dtype, copy=False) for n, a in state.params.items()}
        self.module = make_module(task.net, params).to(self._device)
        self._step, self._moments_since = state.step, state.moments_since
        self._optimizer = _make_optimizer(task, self.module, self.device)
        _load_moments(self._optimizer, self.module, state)
        self._carried = _as_state(task.net, state.carried, self._device, self._dtype)
        self._X = None  # all rows, on the device if it is not the cpu
        in_memory = isinstance(task.X, np.ndarray) and task.augment is None
        if self.device != "cpu" and in_memory:
            own = np.require(task.X, requirements=["C", "W"])
            self._X = torch.from_numpy(own).to(self._device)
        self._y = None if task.y is None else _targets(task.y, training.dtype, self._device)
        self._weights = None
        if task.weights is not None:
            weights = np.ascontiguousarray(task.weights, training.dtype)
            self._weights = torch.from_numpy(weights).to(self._device)

    def run(self, first: int, last: int, stop: Callable[[], bool]) -> Chunk:
        """Run steps `first` to `last` - 1; see `Engine.run`."""
        self.module.train()
        losses: list[Tensor] = []
        outputs: list[Tensor] = []
        with thread_count(self.task.training.threads):
            for step in range(first, last):
                loss, output, updated = self._run_step(step)
                losses.append(loss)
                if self.task.stateful:
                    outputs.append(output)
                if not updated or stop():
                    break
        values = torch.stack(losses).double().cpu().numpy()
        not_finite = np.flatnonzero(~np.isfinite(values))
        values = values[: not_finite[0] + 1] if not_finite.size else values
        return Chunk(values, torch.cat(outputs).cpu().numpy() if outputs else None)

    def _run_step(self, step: int) -> tuple[Tensor, Tensor, bool]:
        """Run a step: its loss and output before the update, and whether the update was made."""
        loss, output = self._loss(step)
        # Reading the value makes a GPU wait, so only the cpu checks it at every step.
        if self.device == "cpu" and not math.isfinite(loss.item()):
            return loss.detach(), output.detach(), False
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch's
        self._update(step)
        return loss.detach(), output.detach(), True

    def _loss(self, step: int) -> tuple[Tensor, Tensor]:
        """Return the loss and the output of a step."""
        task = self.task
        x, target, weights = self._batch(step)
        if task.stateful and task.batches.starts_anew(step):
            self._carried = None
        lengths = None
        if isinstance(self.module, AutoencoderNet):
            output = self.module(x)[1]
        else:
            lengths = self._of_rows(step, task.lengths)
            ignored = None if weights is None else weights == 0
            masks = self._masks(step, x)
            carried = self._carried  # its last rows are of streams that have ended
            before = None if carried is None else tuple(part[:, : len(x)] for part in carried)
            output, after = self.module(x, before, masks, lengths, ignored)
            if task.stateful:
                after = tuple(part.detach() for part in after)
                pairs = zip(after, carried or after, strict=True)
                self._carried = tuple(torch.cat([own, old[:, len(x) :]], 1) for own, old in pairs)
        target, soft = (
            x if target is None else target,
            self._softened(step, output, target, weights),
        )
        n_values = self._n_values(step, output)
        counts_from = self._of_rows(step, task.counts_from)
        loss = mean_loss(task, output, target, lengths, weights, n_values, soft, counts_from)
        return loss, output

    def _softened(
        self, step: int, output: Tensor, target: Tensor | None, weights: Tensor | None
    ) -> Tensor | None:
        """Return the soft part of the loss of each row (B,); None without a teacher."""
        y = None if target is None or self.task.soft is None else target.cpu().numpy()
        soft = self.task.answers(*self._read(step), y)
        if soft is None:
            return None
        answers = _targets(soft, self.task.training.dtype, self._device)
        if weights is not None:
            answers = answers.masked_fill(expand(weights == 0, answers), 0)
        return soft_loss(output, answers, self.task.training.teach_temperature)

    def _update(self, step: int) -> None:
        """Update the weights by the gradient that the parameters have."""
        task, training = self.task, self.task.training
        limit = clip_at(training, step)
        if limit is not None:
            nn.utils.clip_grad_norm_(self.module.parameters(), limit)
        for group in self._optimizer.param_groups:
            group["lr"] = rate_at(training, step, task.total_steps)
            if "eps" in group:
                group["eps"] = eps_at(training, step)
        self._optimizer.step()
        self._step = step + 1

    def _rows(self, step: int) -> NDArray[np.int64]:
        """Return the rows of a step that this process computes."""
        return self.task.batches.rows(step)

    def _read(self, step: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the rows of a step that this process computes, and the epoch of each."""
        rows = self._rows(step)
        return rows, np.full(len(rows), self.task.batches.epoch_of(step))

    def _n_values(self, step: int, output: Tensor) -> int | None:
        """Return the divisor of the loss; None for the number of values that are in it."""
        return None

    def _batch(self, step: int) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Return the inputs, targets and weights of a step's rows."""
        rows, epochs = self._read(step)
        index = torch.from_numpy(rows).to(self._device)
        if self._X is None:
            inputs = self.task.inputs(rows, epochs)
            x = _owned(fractions(inputs, self.task.training.dtype), self._device)
        else:
            x = _fractions(self._X[index], self._dtype)
        target = None if self._y is None else self._y[index]
        if self.task.has_drawn_targets and (y := self.task.targets(rows, epochs)) is not None:
            target = _targets(y, self.task.training.dtype, self._device)
        if self._weights is None:
            return x, target, None
        # A row of weight 0 may contain anything, and 0 times that may still not be 0.
        weights = self._weights[index]
        ignored = weights == 0
        if not self.task.stateful:
            x = x.masked_fill(expand(ignored, x), 0)
        if target is not None:
            target = target.masked_fill(expand(ignored, target), 0)
        return x, target, weights

    def _of_rows(self, step: int, numbers: Array | None) -> Tensor | None:
        """Return the number of each row of a step, of those of all rows (N,)."""
        return None if numbers is None else torch.from_numpy(numbers[self._rows(step)])

    def _masks(self, step: int, x: Tensor) -> list[Tensor] | None:
        """Return the dropout masks of a step, one for each layer but the last."""
        training = self.task.training
        rows, steps = x.shape[:2]
        values = masks(self.task.net, training.seed, step, rows, steps, training.dtype)
        return None if values is None else list(torch.from_numpy(values).to(x).unbind())

    def predict(self, X: Source, lengths: Array | None = None) -> Array:
        """Return the outputs for rows `X`; see `Engine.predict`."""
        with thread_count(self.task.training.threads):
            return _forward(self.module, X, self._dtype, lengths)

    def encode(self, X: Source) -> Array:
        """Return the codes of rows `X`; see `Engine.encode`."""
        with thread_count(self.task.training.threads):
            return encode(self.module, X, self._dtype)

    def restore(self, params: Params) -> None:
        """Replace the weights; see `Engine.restore`."""
        with torch.no_grad():
            for name, tensor in self.module.state_dict().items():
                tensor.copy_(torch.tensor(params[name]))

    def set_lr(self, lr: float) -> None:
        """Set the initial rate of the schedule; see `Engine.set_lr`."""
        self.task = replace(self.task, training=replace(self.task.training, lr=lr))

    def export(self) -> TrainingState:
        """Return a copy of the state; see `Engine.export`."""
        params = {n: t.cpu().numpy().copy() for n, t in self.module.state_dict().items()}
        moments = _export_moments(self._optimizer, self.module)
        carried = _as_arrays(self.task.net, self._carried)
        return TrainingState(params, self._step, moments, carried, self._moments_since)

    def about(self) -> EngineInfo:
        """Return what config.json records about the engine; see `Engine.about`."""
        return {
            "name": self.name,
            "version": self.version,
            "device": self.device,
            "threads": self.threads,
        }


class TorchPredictor:
    """Computes the outputs of a trained model on one device; see :class:`Predictor`.

    Parameters
    ----------
    model : FittedModel
    device : str, default "auto"
        As the option `--device`.
    threads : int, default 0
        As the option `--threads`.
    """

    def __init__(self, model: FittedModel, device: str = "auto", threads: int = 0) -> None:
        self._module = make_module(model.net, model.params).to(pick_device(device))
        self._dtype = next(self._module.parameters()).dtype
        self._threads = threads

    def predict(self, X: Source, lengths: Array | None = None) -> Array:
        """Return the outputs for rows `X`; see `Predictor.predict`."""
        with thread_count(self._threads):
            return _forward(self._module, X, self._dtype, lengths)

    def forward(self, X: Array, state: Params) -> tuple[Array, Params]:
        """Return the outputs for parallel rows and their last state; see `Predictor.forward`."""
        module = self._module.eval()
        assert isinstance(module, RecurrentNet)
        check_state(state, module.net, len(X))
        before = _as_state(module.net, state, next(module.parameters()).device, self._dtype)
        with thread_count(self._threads), torch.no_grad():
            output, after = module(_to_device(module, X, self._dtype), before)
        return output.cpu().numpy(), _as_arrays(module.net, after)

    def advance(self, X: Array, state: Params) -> Array:
        """Return the outputs for parallel rows, with their state; see `Predictor.advance`."""
        return replace_state(self, X, state)

    def follow(self, X: Source, state: Params) -> tuple[Array, Params]:
        """Return the outputs for consecutive rows and the last state; see `Predictor.follow`."""
        outputs = []
        for row in one_by_one(X):
            raise_if_cancelled()
            output, state = self.forward(row, state)
            outputs.append(output)
        return np.concatenate(outputs), state

    def encode(self, X: Source) -> Array:
        """Return the codes of rows `X`; see `Predictor.encode`."""
        with thread_count(self._threads):
            return encode(self._module, X, self._dtype)

    def decode(self, codes: Array) -> Array:
        """Return the rows that codes decode to; see `Predictor.decode`."""
        assert isinstance(self._module, AutoencoderNet)
        with thread_count(self._threads), torch.no_grad():
            weight = next(self._module.parameters())
            rows = self._module.decoder(torch.as_tensor(codes).to(weight))
            return np.asarray(rows.cpu().numpy())


def _forward(
    module: RecurrentNet | AutoencoderNet,
    X: Source,
    dtype: torch.dtype,
    lengths: Array | None = None,
) -> Array:
    """Return outputs without gradient, computed for a bounded number of rows at a time."""
    module.eval()
    parts = []
    with torch.no_grad():
        for some in _pieces(X, module):
            x = _to_device(module, X[some], dtype)
            if isinstance(module, AutoencoderNet):
                parts.append(module(x)[1])
            else:
                part_lengths = None if lengths is None else torch.from_numpy(lengths[some])
                parts.append(module(x, lengths=part_lengths)[0])
    return np.asarray(torch.cat(parts).cpu().numpy())


def _as_state(net: Net, arrays: Params, device: torch.device, dtype: torch.dtype) -> State | None:
    """Return the state tuple of the arrays of a state; None for zero."""
    parts = [torch.from_numpy(arrays[n].copy()) for n in net.cell.state] if arrays else []
    return tuple(part.to(device, dtype) for part in parts) or None


def _as_arrays(net: Net, state: State | None) -> Params:
    """Return the arrays of a state: the inverse of :func:`_as_state`."""
    parts = zip(net.cell.state, state, strict=True) if state else ()
    return {name: part.cpu().numpy().copy() for name, part in parts}


def encode(module: nn.Module, X: Source, dtype: torch.dtype) -> Array:
    """Return codes (N, Z) without gradient, computed for a bounded number of rows at a time."""
    assert isinstance(module, AutoencoderNet)
    module.eval()
    with torch.no_grad():
        parts = [module.encoder(_to_device(module, X[some], dtype)) for some in _pieces(X, module)]
    return np.asarray(torch.cat(parts).cpu().numpy())


def _pieces(X: Source, module: nn.Module) -> Iterator[slice]:
    """Yield slices of rows, within the limits of rows, work and, of a store, `PIECE` bytes.

    A slice has at least one row. Before each, the caller may be cancelled (`StopRequestedError`).
    """
    work = sum(p.numel() for p in module.parameters()) * (X.shape[1] if X.ndim == 3 else 1)
    at_once = max(1, min(ROWS_AT_ONCE, WORK_AT_ONCE // max(work, 1)))
    if isinstance(X, RowStore):
        at_once = min(at_once, max(1, PIECE // max(1, X.row_bytes)))
    for first in range(0, max(len(X), 1), at_once):
        raise_if_cancelled()
        yield slice(first, first + at_once)


def _to_device(module: nn.Module, X: Array, dtype: torch.dtype) -> Tensor:
    device = next(module.parameters()).device
    return _fractions(_owned(X, device), dtype)


def _owned(X: Array, device: torch.device) -> Tensor:
    """Return `X` in memory that torch allocated, aligned to 64 bytes.

    At other addresses the matrix library may sum in another order, so that the last digit would
    depend on the address (Intel, oneMKL guide, "Obtaining Numerically Reproducible Results").
    """
    # torch warns about read-only arrays, such as mapped files: they are copied first.
    return torch.from_numpy(np.require(X, requirements=["C", "W"])).clone().to(device)


def _fractions(x: Tensor, dtype: torch.dtype) -> Tensor:
    """As :func:`hiddenstate.data.rows.fractions`, on the device."""
    return x.to(dtype) / 255 if x.dtype == torch.uint8 else x.to(dtype)


def _targets(y: Array, dtype: str, device: torch.device) -> Tensor:
    kind = np.int64 if y.dtype.kind in "iu" else np.dtype(dtype)
    return torch.from_numpy(np.ascontiguousarray(y, kind)).to(device)


def _make_optimizer(task: Task, module: nn.Module, device: str) -> torch.optim.Optimizer:
    """Return torch's optimiser; the fused form makes an update in one call."""
    training, exempt = task.training, task.net.undecayed()
    common: dict[str, Any] = {
        "lr": training.lr,
        "weight_decay": training.weight_decay,
        "fused": device in ("cpu", "cuda"),
    }
    named = list(module.named_parameters())
    groups: list[dict[str, Any]] = [{"params": [p for name, p in named if name not in exempt]}]
    if exempt:
        own = [p for name, p in named if name in exempt]
        groups.append({"params": own, "weight_decay": 0.0})
    if training.optimizer == "sgd":
        return torch.optim.SGD(groups, momentum=training.momentum, **common)
    kind: Any = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[training.optimizer]
    optimizer: torch.optim.Optimizer = kind(groups, **common)
    return optimizer


_MOMENTS = ("exp_avg", "exp_avg_sq", "momentum_buffer")


def _export_moments(optimizer: torch.optim.Optimizer, module: nn.Module) -> dict[str, Array]:
    moments = {}
    for name, parameter in module.named_parameters():
        for kind in _MOMENTS:
            value = optimizer.state.get(parameter, {}).get(kind)
            if value is not None:
                moments[f"{kind}/{name}"] = value.cpu().numpy().copy()
    if not moments:
        return moments
    kinds = {name.partition("/")[0] for name in moments}
    untrained = {n: np.zeros_like(b.cpu().numpy()) for n, b in module.named_buffers()}
    return moments | {f"{kind}/{n}": zeros for kind in kinds for n, zeros in untrained.items()}


def _load_moments(
    optimizer: torch.optim.Optimizer, module: nn.Module, state: TrainingState
) -> None:
    """Put the moments where the optimiser looks for them."""
    if not state.moments:
        return
    for name, parameter in module.named_parameters():
        moments: dict[str, Any] = {
            kind: torch.from_numpy(state.moments[f"{kind}/{name}"].copy()).to(parameter)
            for kind in _MOMENTS
            if f"{kind}/{name}" in state.moments
        }
        if "exp_avg" in moments:
            # The number of updates that Adam's bias correction uses (Kingma and Ba, 2015).
            moments["step"] = torch.tensor(
                float(state.step - state.moments_since), device=parameter.device
            )
        optimizer.state[parameter] = moments
