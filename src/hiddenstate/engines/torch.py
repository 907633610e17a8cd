"""The torch engine: any device torch has, any configuration there is."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hiddenstate.config import RecurrentConfig, TrainingConfig
from hiddenstate.data.rows import fractions
from hiddenstate.data.prepare.batches import generator
from hiddenstate.data.store import PIECE, RowStore
from hiddenstate.engines.interface import (
    Chunk,
    Source,
    Task,
    TrainingState,
    check_state,
    one_by_one,
)
from hiddenstate.engines.schedule import clip_at, eps_at, rate_at
from hiddenstate.errors import MachineError
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net, Params
from hiddenstate.models.torch_modules import AutoencoderNet, RecurrentNet, State, make_module
from hiddenstate.system.cancellation import raise_if_cancelled

Array = NDArray[Any]

EVALUATED_AT_ONCE = 2048
"""Most rows in a forward pass without gradient; bounds memory."""

WORK = 10**10
"""About how many multiplications such a pass has; between two of them a stop is heard."""


def pick_device(wanted: str) -> torch.device:
    """The device `wanted` names; auto is cuda where there is one, else cpu.

    Raises
    ------
    MachineError
        If it is not there.
    """
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    there: dict[str, Callable[[], bool]] = {
        "cpu": lambda: True,
        "cuda": torch.cuda.is_available,
        "mps": torch.backends.mps.is_available,
    }
    if not there[wanted]():
        raise MachineError(f"--device {wanted}: torch finds none here; use --device cpu")
    return torch.device(wanted)


_NO_MEMORY = ("allocate memory", "not enough memory", "could not create a primitive")
"""What torch and its libraries say when memory has run out."""


@contextmanager
def thread_count(threads: int) -> Iterator[None]:
    """Give torch `threads` threads for a while; 0 changes nothing.

    Raises
    ------
    MemoryError
        If torch runs out of memory, for which it has several words.
    """
    before = torch.get_num_threads()
    if threads:
        torch.set_num_threads(threads)
    try:
        yield
    except RuntimeError as error:
        words = str(error)
        if isinstance(error, torch.OutOfMemoryError) or any(w in words for w in _NO_MEMORY):
            raise MemoryError(words.partition("allocate memory: ")[2] or words) from None
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
        Copied; the caller's arrays are not touched.
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
        self._optimizer = _make_optimizer(training, self.module, self.device)
        _load_moments(self._optimizer, self.module, state)
        self._carried = _as_state(state.carried, self._device, self._dtype)
        self._X = None  # all rows, where they are on another device
        if self.device != "cpu" and isinstance(task.X, np.ndarray):
            self._X = torch.from_numpy(task.X).to(self._device)
        self._y = None if task.y is None else _targets(task.y, training.dtype, self._device)
        self._weights = None
        if task.weights is not None:
            weights = np.ascontiguousarray(task.weights, training.dtype)
            self._weights = torch.from_numpy(weights).to(self._device)

    def run(self, first: int, last: int, stop: Callable[[], bool]) -> Chunk:
        """Take steps `first` to `last` - 1; see `Engine.run`."""
        self.module.train()
        losses: list[Tensor] = []
        outputs: list[Tensor] = []
        with thread_count(self.task.training.threads):
            for step in range(first, last):
                loss, output, updated = self._take(step)
                losses.append(loss)
                if self.task.stateful:
                    outputs.append(output)
                if not updated or stop():
                    break
        values = torch.stack(losses).double().cpu().numpy()
        lost = np.flatnonzero(~np.isfinite(values))
        values = values[: lost[0] + 1] if lost.size else values
        shown = torch.cat(outputs).cpu().numpy() if outputs else None
        return Chunk(values, shown)

    def _take(self, step: int) -> tuple[Tensor, Tensor, bool]:
        """One step: the loss before its update, the output, and whether it was made."""
        task, training = self.task, self.task.training
        x, target, weights = self._batch(step)
        if task.stateful and task.batches.starts_epoch(step):
            self._carried = None
        lengths = None
        if isinstance(self.module, AutoencoderNet):
            output = self.module(x)[1]
        else:
            lengths = self._lengths(step)
            output, after = self.module(x, self._carried, self._masks(step, x), lengths)
            if task.stateful:
                self._carried = tuple(part.detach() for part in after)
        loss = _loss(task.net, output, x if target is None else target, lengths, weights)
        # A look at the value makes a GPU wait, so only the cpu looks at every step.
        if self.device == "cpu" and not math.isfinite(loss.item()):
            return loss.detach(), output.detach(), False
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        limit = clip_at(training, step)
        if limit is not None:
            nn.utils.clip_grad_norm_(self.module.parameters(), limit)
        for group in self._optimizer.param_groups:
            group["lr"] = rate_at(training, step, task.total_steps)
            if "eps" in group:
                group["eps"] = eps_at(training, step)
        self._optimizer.step()
        self._step = step + 1
        return loss.detach(), output.detach(), True

    def _batch(self, step: int) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Inputs, targets and weights of a step's rows."""
        rows = self.task.batches.rows(step)
        index = torch.from_numpy(rows).to(self._device)
        if self._X is None:
            x = _owned(fractions(self.task.X[rows], self.task.training.dtype), self._device)
        else:
            x = _fractions(self._X[index], self._dtype)
        target = None if self._y is None else self._y[index]
        if self._weights is None:
            return x, target, None
        # A row that counts nothing may hold anything, and 0 times that may be anything too.
        weights = self._weights[index]
        out = weights == 0
        if not self.task.stateful:
            x = x.masked_fill(_beside(out, x), 0)
        if target is not None:
            target = target.masked_fill(_beside(out, target), 0)
        return x, target, weights

    def _lengths(self, step: int) -> Tensor | None:
        lengths = self.task.lengths
        return None if lengths is None else torch.from_numpy(lengths[self.task.batches.rows(step)])

    def _masks(self, step: int, x: Tensor) -> list[Tensor] | None:
        """Dropout between layers, decided by (seed, step) alone: 0 or 1 / (1 - p)."""
        config = self.task.net.config
        if not isinstance(config, RecurrentConfig) or config.dropout == 0:
            return None
        width = config.hidden_size * (2 if config.bidirectional else 1)
        random = generator(self.task.training.seed, "dropout", step)
        shape = (config.layers - 1, x.shape[0], x.shape[1], width)
        kept = random.random(shape, np.float32) >= config.dropout
        masks = torch.from_numpy(kept).to(x) / (1 - config.dropout)
        return list(masks.unbind())

    def predict(self, X: Source, lengths: Array | None = None) -> Array:
        """Outputs for rows `X`; see `Engine.predict`."""
        with thread_count(self.task.training.threads):
            return _forward(self.module, X, self._dtype, lengths)

    def encode(self, X: Source) -> Array:
        """An autoencoder's codes; see `Engine.encode`."""
        with thread_count(self.task.training.threads):
            return encode(self.module, X, self._dtype)

    def restore(self, params: Params) -> None:
        """Put weights back; see `Engine.restore`."""
        with torch.no_grad():
            for name, parameter in self.module.named_parameters():
                parameter.copy_(torch.tensor(params[name]))

    def set_lr(self, lr: float) -> None:
        """Learn at another rate; see `Engine.set_lr`."""
        self.task = replace(self.task, training=replace(self.task.training, lr=lr))

    def export(self) -> TrainingState:
        """A copy of the state; see `Engine.export`."""
        params = {n: p.detach().cpu().numpy().copy() for n, p in self.module.named_parameters()}
        moments = _export_moments(self._optimizer, self.module)
        carried = _as_arrays(self._carried)
        return TrainingState(params, self._step, moments, carried, self._moments_since)

    def about(self) -> dict[str, Any]:
        """Name, version, device and threads; see `Engine.about`."""
        return {
            "name": self.name,
            "version": self.version,
            "device": self.device,
            "threads": self.threads,
        }


class TorchPredictor:
    """A fitted model ready to be asked, on one device.

    Parameters
    ----------
    model : FittedModel
    device : str
        As the option of that name.
    threads : int
        As the option of that name.
    """

    def __init__(self, model: FittedModel, device: str = "auto", threads: int = 0) -> None:
        self._module = make_module(model.net, model.params).to(pick_device(device))
        self._dtype = next(self._module.parameters()).dtype
        self._threads = threads

    def predict(self, X: Source, lengths: Array | None = None) -> Array:
        """Outputs for rows `X`, each row from a zero state."""
        with thread_count(self._threads):
            return _forward(self._module, X, self._dtype, lengths)

    def forward(self, X: Array, state: Params) -> tuple[Array, Params]:
        """Outputs for rows `X` (B, T, I) side by side from `state`, and the state after them.

        With the readout "mean" an output is of the mean over the steps of this call alone.

        Raises
        ------
        DataError
            If `state` is not this net's or carries another number of rows.
        """
        module = self._module.eval()
        assert isinstance(module, RecurrentNet)
        check_state(state, module.net, len(X))
        before = _as_state(state, next(module.parameters()).device, self._dtype)
        with thread_count(self._threads), torch.no_grad():
            output, after = module(_to_device(module, X, self._dtype), before)
        return output.cpu().numpy(), _as_arrays(after)

    def follow(self, X: Source, state: Params) -> tuple[Array, Params]:
        """Outputs for rows `X` (N, T, I) that follow one another, and the state after them."""
        outputs = []
        for row in one_by_one(X):
            raise_if_cancelled()
            output, state = self.forward(row, state)
            outputs.append(output)
        return np.concatenate(outputs), state

    def encode(self, X: Source) -> Array:
        """An autoencoder's codes (N, Z)."""
        with thread_count(self._threads):
            return encode(self._module, X, self._dtype)

    def decode(self, codes: Array) -> Array:
        """An autoencoder's rows (N, F) for codes (N, Z)."""
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
    """Outputs without gradient, a bounded number of rows at a time."""
    module.eval()
    parts = []
    with torch.no_grad():
        for some in _pieces(X, module):
            x = _to_device(module, X[some], dtype)
            if isinstance(module, AutoencoderNet):
                parts.append(module(x)[1])
            else:
                own = None if lengths is None else torch.from_numpy(lengths[some])
                parts.append(module(x, lengths=own)[0])
    return np.asarray(torch.cat(parts).cpu().numpy())


def _as_state(arrays: Params, device: torch.device, dtype: torch.dtype) -> State | None:
    """The state tuple of arrays `h` and maybe `c`; None for zero."""
    parts = [torch.from_numpy(arrays[n].copy()) for n in ("h", "c") if n in arrays]
    return tuple(part.to(device, dtype) for part in parts) or None


def _as_arrays(state: State | None) -> Params:
    """The inverse of :func:`_as_state`."""
    parts = zip(("h", "c"), state or (), strict=False)
    return {name: part.cpu().numpy().copy() for name, part in parts}


def encode(module: nn.Module, X: Source, dtype: torch.dtype) -> Array:
    """Codes (N, Z) without gradient, a bounded number of rows at a time."""
    assert isinstance(module, AutoencoderNet)
    module.eval()
    with torch.no_grad():
        parts = [module.encoder(_to_device(module, X[some], dtype)) for some in _pieces(X, module)]
    return np.asarray(torch.cat(parts).cpu().numpy())


def _pieces(X: Source, module: nn.Module) -> Iterator[slice]:
    """Yield slices of `EVALUATED_AT_ONCE` rows or `WORK`, of a store no more than `PIECE` bytes;
    one row at least. Before each it may be time to stop (`StopRequestedError`)."""
    a_row = sum(p.numel() for p in module.parameters()) * (X.shape[1] if X.ndim == 3 else 1)
    at_once = max(1, min(EVALUATED_AT_ONCE, WORK // max(a_row, 1)))
    if isinstance(X, RowStore):
        at_once = min(at_once, max(1, PIECE // max(1, X.row_bytes)))
    for first in range(0, max(len(X), 1), at_once):
        raise_if_cancelled()
        yield slice(first, first + at_once)


def _to_device(module: nn.Module, X: Array, dtype: torch.dtype) -> Tensor:
    device = next(module.parameters()).device
    return _fractions(_owned(X, device), dtype)


def _owned(X: Array, device: torch.device) -> Tensor:
    """`X` in memory of torch's own, which begins at multiples of 64 bytes.

    At other addresses its matrix library may add up in another order, so that the same rows
    would not always have the same last digit (Intel, oneMKL guide, "Obtaining Numerically
    Reproducible Results").
    """
    # torch warns of arrays it may not write to, such as mapped files: they are copied first.
    return torch.from_numpy(np.require(X, requirements=["C", "W"])).clone().to(device)


def _fractions(x: Tensor, dtype: torch.dtype) -> Tensor:
    """As `data.fractions`, on the device."""
    return x.to(dtype) / 255 if x.dtype == torch.uint8 else x.to(dtype)


def _targets(y: Array, dtype: str, device: torch.device) -> Tensor:
    kind = np.int64 if y.dtype.kind in "iu" else np.dtype(dtype)
    return torch.from_numpy(np.ascontiguousarray(y, kind)).to(device)


def _loss(
    net: Net, output: Tensor, target: Tensor, lengths: Tensor | None, weights: Tensor | None
) -> Tensor:
    """The mean over rows, or over all values read, each times its row's weight (B,)."""
    if net.job == "classify" and weights is not None:
        each = nn.functional.cross_entropy(output, target, reduction="none")
        return (each * weights).mean()
    if net.job == "classify":
        return nn.functional.cross_entropy(output, target)
    if lengths is not None and net.output == "steps":
        read = torch.arange(output.shape[1]) < lengths[:, None]
        output, target = output[read], target[read]
        weights = None if weights is None else weights[:, None].expand(read.shape)[read]
    if weights is not None:
        return ((output - target).square() * _beside(weights, output)).mean()
    return nn.functional.mse_loss(output, target)


def _beside(values: Tensor, rows: Tensor) -> Tensor:
    """`values` (B,) with as many axes as `rows` (B, ...)."""
    return values.reshape(-1, *[1] * (rows.ndim - 1))


def _make_optimizer(
    training: TrainingConfig, module: nn.Module, device: str
) -> torch.optim.Optimizer:
    """torch's optimiser; the fused form does an update in one call instead of a dozen."""
    common: dict[str, Any] = {
        "lr": training.lr,
        "weight_decay": training.weight_decay,
        "fused": device in ("cpu", "cuda"),
    }
    if training.optimizer == "sgd":
        return torch.optim.SGD(module.parameters(), momentum=training.momentum, **common)
    kind: Any = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[training.optimizer]
    optimizer: torch.optim.Optimizer = kind(module.parameters(), **common)
    return optimizer


_MOMENTS = ("exp_avg", "exp_avg_sq", "momentum_buffer")


def _export_moments(optimizer: torch.optim.Optimizer, module: nn.Module) -> dict[str, Array]:
    moments = {}
    for name, parameter in module.named_parameters():
        for kind in _MOMENTS:
            value = optimizer.state.get(parameter, {}).get(kind)
            if value is not None:
                moments[f"{kind}/{name}"] = value.cpu().numpy().copy()
    return moments


def _load_moments(
    optimizer: torch.optim.Optimizer, module: nn.Module, state: TrainingState
) -> None:
    """Put the saved memory where the optimiser looks for it."""
    if not state.moments:
        return
    for name, parameter in module.named_parameters():
        own: dict[str, Any] = {
            kind: torch.from_numpy(state.moments[f"{kind}/{name}"].copy()).to(parameter)
            for kind in _MOMENTS
            if f"{kind}/{name}" in state.moments
        }
        if "exp_avg" in own:
            # Adam corrects its bias by the number of updates made (Kingma and Ba, 2015).
            own["step"] = torch.tensor(
                float(state.step - state.moments_since), device=parameter.device
            )
        optimizer.state[parameter] = own
