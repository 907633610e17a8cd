"""How an export computes: in floats, or in integers that are made of a run."""

from dataclasses import replace

from hiddenstate.config.exports import TARGETS
from hiddenstate.errors import OptionError, did_you_mean, printable
from hiddenstate.export.export import target_named
from hiddenstate.export.target import Target
from hiddenstate.inference.quantising import Lost, quantised_run
from hiddenstate.models.fitted import FittedModel
from hiddenstate.program.integers import Quantise
from hiddenstate.runs import Run
from hiddenstate.runs.run_data import unchanged_dataset

ARITHMETICS = ("float", "integer")


def with_arithmetic(
    model: FittedModel, target: Target, arithmetic: str | None, run: Run | None
) -> tuple[FittedModel, Lost | None]:
    """Return the model that computes as it shall, and what that loses where integers are new to it.

    Parameters
    ----------
    model : FittedModel
    target : Target
    arithmetic : str, optional
        One of `ARITHMETICS`; by default as the model computes. In floats a model in integers keeps
        its rounded weights.
    run : Run, optional
        The run of the model, on whose training rows the ranges of numbers are found.

    Raises
    ------
    OptionError
        If there is no such arithmetic, the target has no integers, or there are no rows.
    """
    if arithmetic is None:
        return model, None
    if arithmetic not in ARITHMETICS:
        raise OptionError(
            f"--arithmetic: unknown {printable(arithmetic, 40)}; expected float or integer"
            f"{did_you_mean(arithmetic, ARITHMETICS)}"
        )
    if arithmetic == "float":
        return replace(model, integer=None), None
    if not target.has(Quantise):
        others = [name for name in TARGETS if target_named(name).has(Quantise)]
        raise OptionError(
            f"--arithmetic: --to {target.name} computes in floats; use --to {' or '.join(others)}"
        )
    if model.integer is not None:
        return model, None
    if run is None:
        raise OptionError(
            "--arithmetic: a model file has no training rows to find ranges on; run hiddenstate "
            "quantize MODEL DATA, and export the model that it writes (in Python, to_integers(X))"
        )
    return quantised_run(model, unchanged_dataset(run))
