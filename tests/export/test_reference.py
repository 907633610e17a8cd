"""The reference in numpy, the measure of every export, computes what torch computes in float64."""

from collections.abc import Callable

import numpy as np
import pytest

from hiddenstate.engines import Predictor
from hiddenstate.engines.members import MembersPredictor
from hiddenstate.engines.reference import ReferencePredictor
from hiddenstate.engines.torch import TorchPredictor
from hiddenstate.export.trial import trials_of
from hiddenstate.models.fitted import FittedModel
from tests.export.models import random_model


@pytest.mark.parametrize("seed", range(100))
def test_the_reference_is_torch_in_float64(seed):
    model = random_model(seed, "float64")
    made: list[Callable[[FittedModel], Predictor]]
    made = [ReferencePredictor, lambda member: TorchPredictor(member, "cpu", 1)]
    own, theirs = (
        MembersPredictor(model, make) if model.n_members > 1 else make(model) for make in made
    )
    for trial in trials_of(model):
        inputs = model.transform.apply(trial.X, trial.lengths, np.float64, "rows")
        found, expected = (each.predict(inputs, trial.lengths) for each in (own, theirs))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
