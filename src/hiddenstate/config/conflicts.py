"""Refuses options that exclude each other: of nets that stream, and of nets in integers."""

from typing import Any

from hiddenstate.config.fields import RecurrentConfig, TrainingConfig
from hiddenstate.errors import OptionError
from hiddenstate.program.cells import CELLS


def check_streamable(training: TrainingConfig, model: RecurrentConfig) -> None:
    """Refuse options whose net has no answer before the end of a series (`OptionError`)."""
    conflicts = {
        "--recipe: classic has no such net; leave it out": training.recipe == "classic",
        "--bidirectional: reads steps that a stream does not have yet; leave it out": (
            model.bidirectional
        ),
        f"--members: {model.members} nets are averaged at the end of a series; leave it out": (
            model.members > 1
        ),
        "--convolutions: read whole series; leave it out": training.convolutions,
        "--no-stem-causal: layers read steps that a stream does not have yet; leave it out": (
            model.stem and not model.stem_causal
        ),
    }
    for what, conflicting in conflicts.items():
        if conflicting:
            raise OptionError(f"{what}, or leave out --streamable")


def check_quantised(training: TrainingConfig, model: Any) -> None:
    """Refuse options that do not work with a net in integers (`OptionError`)."""
    if training.quantize is None:
        if training.state_bits != 16:
            raise OptionError("--state-bits: applies only to integers; add --quantize int8")
        if training.sparsity is not None:
            raise OptionError("--sparsity: applies only to integers; add --quantize int8")
        return
    without = [cell for cell in CELLS.values() if not cell.in_integers]
    cell = isinstance(model, RecurrentConfig) and next(
        (cell for cell in without if cell.option == model.cell), None
    )
    conflicts = {
        "--engine torch: only the native engine trains for it; leave it out": (
            training.engine == "torch"
        ),
        f"--device {training.device}: only the CPU trains for it; leave it out": (
            training.device not in ("auto", "cpu")
        ),
        "--convolutions: they have no form in integers; leave it out": training.convolutions,
        f"--cell: {cell.title if cell else ''} is trained in floats; make integers of it with "
        "hiddenstate quantize": bool(cell),
    }
    for what, conflicting in conflicts.items():
        if conflicting:
            raise OptionError(f"{what}, or leave out --quantize")
