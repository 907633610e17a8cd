"""What a checkpoint file holds: a training state and the loop's progress, packed and checked."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.config import RecurrentConfig
from hiddenstate.engines import TrainingState
from hiddenstate.errors import UntrustedFileError, printable
from hiddenstate.jobs import Job
from hiddenstate.trainer import RECENT, Progress

Arrays = dict[str, NDArray[Any]]

MOMENTS = {"adam": ("exp_avg", "exp_avg_sq"), "adamw": ("exp_avg", "exp_avg_sq")}
"""Kinds of moments each rule keeps; sgd keeps `momentum_buffer`, and only with momentum."""


def pack(
    state: TrainingState, progress: Progress, waiting: NDArray[Any] | None
) -> tuple[Arrays, dict[str, Any]]:
    """The arrays and facts of a checkpoint.

    Parameters
    ----------
    state : TrainingState
    progress : Progress
    waiting : ndarray or None
        Predictions made since the last snapshot, (n_steps, T, O) or (n_steps, O).
    """
    groups = {"params": state.params, "moments": state.moments, "carried": state.carried}
    arrays = {f"{group}/{n}": a for group, named in groups.items() for n, a in named.items()}
    arrays["progress/since_log"] = np.asarray(progress.since_log, np.float64)
    arrays["progress/recent"] = np.asarray(progress.recent, np.float64)
    if progress.best:
        arrays |= {f"best/{name}": array for name, array in progress.best.items()}
        looks = [progress.best_loss, progress.best_step, progress.waited]
        arrays["progress/valid"] = np.asarray(looks, np.float64)
    if progress.lr is not None:
        arrays["progress/lr"] = np.array([progress.lr])
    if waiting is not None:
        arrays["progress/waiting"] = waiting
    return arrays, {"step": state.step}


def unpack(
    arrays: Arrays, facts: dict[str, Any], job: Job, where: str
) -> tuple[TrainingState, Progress, NDArray[Any] | None]:
    """The inverse of :func:`pack`, sure that all of it fits `job`.

    Raises
    ------
    UntrustedFileError
        Naming `where`, the array, what was expected and what was found.
    """
    step = facts.get("step")
    if set(facts) != {"step"} or type(step) is not int or not 0 <= step < 2**53:
        raise UntrustedFileError(f"{printable(where)}: damaged facts: expected a step")
    groups: dict[str, Arrays] = {
        name: {} for name in ("params", "moments", "carried", "best", "progress")
    }
    for name, array in arrays.items():
        group, _, rest = name.partition("/")
        if group not in groups:
            raise UntrustedFileError(f"{printable(where)}: {printable(name, 60)} is unknown")
        groups[group][rest] = array
    params = job.net.check(groups["params"], where)
    _check(groups["moments"], _moment_shapes(job, step), where)
    _check(groups["carried"], _state_shapes(job) if groups["carried"] else {}, where)
    kept = groups["progress"]
    progress = Progress(since_log=_losses(kept.pop("since_log", None), where))
    progress.recent.extend(_losses(kept.pop("recent", None), where)[-RECENT:])
    if groups["best"]:
        progress.best = job.net.check(groups["best"], where)
        valid = kept.pop("valid", None)
        looks = _losses(valid, where)
        counts = [n for n in looks[1:] if 0 <= n <= step and n == int(n)]
        if len(looks) != 3 or len(counts) != 2 or not math.isfinite(looks[0]):
            raise UntrustedFileError(f"{printable(where)}: its looks at validation are damaged")
        progress.best_loss = looks[0]
        progress.best_step, progress.waited = int(looks[1]), int(looks[2])
    if "lr" in kept:
        rates = _losses(kept.pop("lr"), where)
        if len(rates) != 1 or not 0 < rates[0] < math.inf:
            raise UntrustedFileError(f"{printable(where)}: its learning rate is damaged")
        progress.lr = rates[0]
    waiting = kept.pop("waiting", None)
    if kept or (waiting is not None and waiting.ndim not in (2, 3)):
        raise UntrustedFileError(f"{printable(where)}: its progress is damaged")
    return TrainingState(params, step, groups["moments"], groups["carried"]), progress, waiting


def _moment_shapes(job: Job, step: int) -> dict[str, tuple[int, ...]]:
    training = job.config.training
    kinds = MOMENTS.get(training.optimizer, ("momentum_buffer",) if training.momentum else ())
    shapes = job.net.shapes()
    return {f"{kind}/{n}": shapes[n] for n in shapes for kind in kinds} if step else {}


def _state_shapes(job: Job) -> dict[str, tuple[int, ...]]:
    """`h` and for lstm `c`, each (L*D, 1, H): carried states belong to one row."""
    config = job.net.config
    if not isinstance(config, RecurrentConfig) or not job.stateful:
        return {}
    depth = config.layers * (2 if config.bidirectional else 1)
    names = ("h", "c") if config.cell == "lstm" else ("h",)
    return dict.fromkeys(names, (depth, 1, config.hidden_size))


def _check(found: Arrays, expected: dict[str, tuple[int, ...]], where: str) -> None:
    if {n: a.shape for n, a in found.items()} != expected:
        names = [n for n in {*found, *expected} if n not in found or n not in expected]
        names += [n for n in found if n in expected and found[n].shape != expected[n]]
        name = sorted(names)[0]
        shape = found[name].shape if name in found else "missing"
        raise UntrustedFileError(
            f"{printable(where)}: {printable(name, 60)} is {shape}, expected "
            f"{expected.get(name, 'nothing')}"
        )
    for name, array in found.items():
        if array.dtype not in (np.float32, np.float64) or not np.isfinite(array).all():
            raise UntrustedFileError(f"{printable(where)}: {name} is not finite floats")


def _losses(values: NDArray[Any] | None, where: str) -> list[float]:
    if values is None or values.ndim != 1 or values.dtype != np.float64:
        raise UntrustedFileError(f"{printable(where)}: its losses are damaged")
    return [float(value) for value in values]
