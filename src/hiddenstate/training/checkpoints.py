"""Packs a training state and the loop's progress into a checkpoint, and checks it on reading."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from hiddenstate.engines import TrainingState
from hiddenstate.errors import UntrustedFileError, printable
from hiddenstate.jobs import Job
from hiddenstate.models.integers import calibration_from, facts_of, params_on_grid
from hiddenstate.system.array_file import Layout
from hiddenstate.system.typing import Array, NamedArrays
from hiddenstate.training.progress import RECENT, Progress

MOMENTS = {"adam": ("exp_avg", "exp_avg_sq"), "adamw": ("exp_avg", "exp_avg_sq")}
"""Moments that each optimizer keeps; sgd keeps `momentum_buffer`, and only with momentum."""


def pack(
    state: TrainingState, progress: Progress, waiting: Array | None
) -> tuple[NamedArrays, dict[str, Any]]:
    """Return the arrays and facts of a checkpoint.

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
        validation = [progress.best_loss, progress.best_step, progress.waited]
        arrays["progress/valid"] = np.asarray(validation, np.float64)
    if progress.lr is not None:
        arrays["progress/lr"] = np.array([progress.lr])
    if waiting is not None:
        arrays["progress/waiting"] = waiting
    if state.left_out is not None:
        arrays["left_out/outputs"] = state.left_out
    facts: dict[str, Any] = {"step": state.step}
    if state.calibration is not None:
        facts["integer"] = facts_of(state.calibration, state.params)
    return arrays, facts


def check_layout(layout: Layout, facts: dict[str, Any], job: Job, where: str) -> None:
    """Refuse types, shapes and facts that are not those of a checkpoint of `job`.

    Raises
    ------
    UntrustedFileError
        With `where`, the array, what was expected and what the file has.
    """
    step = facts.get("step")
    facts = {name: value for name, value in facts.items() if name != "integer"}
    counts = [facts[name] for name in ("step", "lines") if name in facts]  # older ones: no lines
    whole = all(type(number) is int and 0 <= number < 2**53 for number in counts)
    if step is None or not whole or len(counts) != len(facts):
        raise UntrustedFileError(
            f"{printable(where)}: damaged facts: expected a step, lines, bits and nothing else"
        )
    groups = _by_group(layout, where)
    kind, shapes = np.dtype(job.config.training.dtype), job.net.shapes()
    wanted = {"params": shapes, "moments": _moment_shapes(job, step)}
    wanted["carried"] = _state_shapes(job, step) if groups["carried"] else {}
    wanted["best"] = shapes if groups["best"] else {}
    wanted["left_out"] = _left_out_shapes(job, step, bool(groups["left_out"]))
    for group, expected in wanted.items():
        _check(groups[group], {n: (kind, shape) for n, shape in expected.items()}, where)
    losses = {"since_log": step, "recent": RECENT} | ({"valid": 3} if groups["best"] else {})
    for name, most in losses.items():
        dtype, shape = groups["progress"].pop(name, (None, ()))
        if dtype != np.float64 or len(shape) != 1 or shape[0] > most:
            raise UntrustedFileError(f"{printable(where)}: its losses are damaged")
    rate = groups["progress"].pop("lr", None)
    if rate not in (None, (np.dtype(np.float64), (1,))):
        raise UntrustedFileError(f"{printable(where)}: its learning rate is damaged")
    dtype, shape = groups["progress"].pop("waiting", (kind, (0, 0)))
    if groups["progress"] or dtype != kind or len(shape) not in (2, 3) or shape[0] > step:
        raise UntrustedFileError(f"{printable(where)}: its progress is damaged")


def unpack(
    arrays: NamedArrays, facts: dict[str, Any], job: Job, where: str
) -> tuple[TrainingState, Progress, Array | None]:
    """Reverse :func:`pack`, after a check that everything fits `job`.

    Raises
    ------
    UntrustedFileError
        With `where`, the array, what was expected and what the file has.
    """
    check_layout({n: (a.dtype, a.shape) for n, a in arrays.items()}, facts, job, where)
    step, groups = facts["step"], _by_group(arrays, where)
    kept = groups.pop("progress")
    for named in groups.values():
        for name, array in named.items():
            if not np.isfinite(array).all():
                raise UntrustedFileError(
                    f"{printable(where)}: {name} holds numbers that are not finite"
                )
    progress = Progress(since_log=kept["since_log"].tolist())
    progress.recent.extend(kept["recent"].tolist())
    if groups["best"]:
        validation = kept["valid"].tolist()
        counts = [n for n in validation[1:] if 0 <= n <= step and n == int(n)]
        if len(validation) != 3 or len(counts) != 2 or not math.isfinite(validation[0]):
            raise UntrustedFileError(f"{printable(where)}: its validation results are damaged")
        progress.best, progress.best_loss = groups["best"], validation[0]
        progress.best_step, progress.waited = int(validation[1]), int(validation[2])
    if "lr" in kept:
        progress.lr = float(kept["lr"][0])
        if not 0 < progress.lr < math.inf:
            raise UntrustedFileError(f"{printable(where)}: its learning rate is damaged")
    left_out, bits = groups["left_out"].get("outputs"), facts.get("integer")
    calibration, params = None, groups["params"]
    if bits is not None:
        rounded = params_on_grid(job.net, params)
        calibration = calibration_from(bits, job.net, rounded, where)
    moments, carried = groups["moments"], groups["carried"]
    state = TrainingState(
        params, step, moments, carried, left_out=left_out, calibration=calibration
    )
    return state, progress, kept.get("waiting")


def _by_group(named: Mapping[str, Any], where: str) -> dict[str, dict[str, Any]]:
    """Return what is under each name before the first `/`."""
    groups: dict[str, dict[str, Any]] = {
        name: {} for name in ("params", "moments", "carried", "best", "left_out", "progress")
    }
    for name, value in named.items():
        group, _, rest = name.partition("/")
        if group not in groups:
            raise UntrustedFileError(f"{printable(where)}: unknown array {printable(name, 60)}")
        groups[group][rest] = value
    return groups


def _moment_shapes(job: Job, step: int) -> dict[str, tuple[int, ...]]:
    training = job.config.training
    kinds = MOMENTS.get(training.optimizer, ("momentum_buffer",) if training.momentum else ())
    shapes = job.net.shapes()
    return {f"{kind}/{n}": shapes[n] for n in shapes for kind in kinds} if step else {}


def _state_shapes(job: Job, step: int) -> dict[str, tuple[int, ...]]:
    """Shapes of the arrays of a carried state, of a row for each stream."""
    is_there = job.stateful and step > 0
    return dict(job.net.state_shapes(job.batches.state_rows(step))) if is_there else {}


def _left_out_shapes(job: Job, step: int, is_there: bool) -> dict[str, tuple[int, ...]]:
    """Shape of the answers to rows that were left out: there after the turn, and maybe at it."""
    if job.turn is None or step < job.turn or (step == job.turn and not is_there):
        return {}
    return {"outputs": (len(job.dataset.train), job.net.n_outputs)}


def _check(layout: Layout, expected: Layout, where: str) -> None:
    """Refuse a layout that is not `expected`, by the first name that differs."""
    for name in sorted({*layout, *expected}):
        if layout.get(name) != expected.get(name):
            got, wanted = (_describe(each.get(name)) for each in (layout, expected))
            raise UntrustedFileError(
                f"{printable(where)}: {printable(name, 60)} is {got}, expected {wanted}"
            )


def _describe(entry: tuple[np.dtype[Any], tuple[int, ...]] | None) -> str:
    return "missing" if entry is None else f"{entry[0]} {entry[1]}"
