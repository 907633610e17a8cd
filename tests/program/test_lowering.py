"""Passes over a program change no answer but by rounding."""

from dataclasses import replace

import numpy as np
import pytest

from hiddenstate.export.trial import trials_of
from hiddenstate.models.meaning import program_of
from hiddenstate.program.companions import FixedConvolutions
from hiddenstate.program.layers import Norm
from hiddenstate.program.lowering import converted, folded_norms, folded_scales, scaled_gaps
from hiddenstate.program.order import step_of
from hiddenstate.program.steps import Change, Fill, Forecast, Scale, TargetScale
from tests.export.models import random_model


@pytest.mark.parametrize("seed", range(6))
def test_a_normalisation_becomes_part_of_its_convolution(seed: int) -> None:
    model = random_model(seed, job=("classify", "regress")[seed % 2], stem=True, linear=False)
    program = program_of(model)
    folded = folded_norms(program)
    assert any(isinstance(layer, Norm) for layer in program.nets[0])
    assert not any(isinstance(layer, Norm) for net in folded.nets for layer in net)
    for trial in trials_of(model):
        assert trial.difference(folded.predict(trial.X, trial.lengths)) < 1e-12


def test_floats_change_their_type_and_other_arrays_do_not() -> None:
    model = random_model(0, job="classify", steps=9, convolutions=0.5, scaling=True)
    program = converted(program_of(model), np.float32)
    (fixed,) = program.companions
    assert isinstance(fixed, FixedConvolutions)
    assert fixed.uses.dtype == bool
    assert fixed.weight.dtype == np.float32


@pytest.mark.parametrize("seed", range(12))
def test_scalings_become_part_of_the_first_and_the_last_layers(seed: int) -> None:
    job, missing = ("classify", "regress")[seed % 2], ("error", "mean", "forward")[seed % 3]
    model = random_model(seed, job=job, missing=missing, stem=seed == 5, pixels=False)
    program = program_of(model)
    folded = folded_scales(program)
    reads_scaled = seed == 5 or any(step_of(program.steps, kind) for kind in (Change, Forecast))
    assert (step_of(folded.steps, Scale) is None) != reads_scaled
    assert (step_of(folded.steps, TargetScale) is None) == (step_of(folded.steps, Change) is None)
    for trial in trials_of(model):
        assert trial.difference(folded.predict(trial.X, trial.lengths)) < 1e-11


@pytest.mark.parametrize("missing", ["mean", "forward", "mask"])
def test_gaps_are_filled_in_after_the_scaling(missing: str) -> None:
    model = random_model(3, job="classify", missing=missing)
    program = program_of(model)
    lowered = replace(program, steps=scaled_gaps(program.steps))
    kinds = [type(step) for step in lowered.steps]
    assert kinds.index(Scale) < kinds.index(Fill)
    for trial in trials_of(model):
        assert trial.difference(lowered.predict(trial.X, trial.lengths)) < 1e-12
