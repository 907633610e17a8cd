"""Passes over a program change no answer but by rounding."""

import numpy as np
import pytest

from hiddenstate.export.trial import trials_of
from hiddenstate.models.meaning import program_of
from hiddenstate.program.layers import Norm
from hiddenstate.program.lowering import converted, folded_norms
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
    assert program.companions[0].uses.dtype == bool
    assert program.companions[0].weight.dtype == np.float32
