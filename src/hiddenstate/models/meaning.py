"""What a trained model means: the program that computes its answers."""

import numpy as np

from hiddenstate.data.prepare.transform import Transform
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.layers import decoder_of, nets_of
from hiddenstate.program.ahead import Ahead
from hiddenstate.program.lowering import converted
from hiddenstate.program.program import Program
from hiddenstate.program.quantising import in_integers
from hiddenstate.program.steps import Fractions, Step


def program_of(model: FittedModel) -> Program:
    """Return the program of a model, in float64, with nets in integers if it has a calibration.

    Its rows are features: columns of text and dates are encoded by the caller, and those of columns
    known ahead are moved.
    """
    net, transform, reading = model.net, model.transform, model.transform.reading
    recurrent = net.kind.has_series
    program = Program(
        job=net.job,
        steps=steps_of(transform),
        nets=nets_of(net, model.params),
        companions=tuple(each.meaning() for each in model.companions),
        decoder=decoder_of(net, model.params),
        n_steps=model.row_shape[0] if recurrent else 0,
        n_features=transform.n_features(net.n_features),
        n_outputs=net.n_outputs,
        window=model.window if net.kind.has_targets else 0,
        stateful=model.stateful,
        horizon=int(reading.get("horizon") or 0),
        n_moved=len(transform.known.ahead),
        ahead=ahead_of(model),
    )
    program = converted(program, np.float64)
    return program if model.integer is None else in_integers(program, model.integer)


def ahead_of(model: FittedModel) -> Ahead | None:
    """Return what forecasts of all steps need; None of a model that does not make them.

    It has no intervals: these follow from a run.
    """
    transform = model.transform
    windows = model.net.kind.has_targets and model.window and not model.stateful
    own = tuple(transform.own_features)
    if not windows or not own or not transform.reading.get("horizon") or transform.quantiles:
        return None
    nearer = tuple(transform.forecast(path) for path in transform.nearer)
    share = None if transform.linear is None else transform.linear.nearer_share
    return Ahead(own, nearer, share if nearer else None, season=transform.season or 1)


def steps_of(transform: Transform) -> tuple[Step, ...]:
    """Return the steps of a transform; numbers of pixels are fractions of 255, whatever type."""
    others = transform.steps[1:]
    return (Fractions(always=True), *others) if transform.pixels else others
