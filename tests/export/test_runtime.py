"""The numpy runtime, which all exports follow: its answers are those of the program."""

import numpy as np
import pytest

from hiddenstate.export.program import plain, program_of
from hiddenstate.export.python.file import packed
from hiddenstate.export.python.runtime import Model, unpacked
from hiddenstate.export.target import source_of
from hiddenstate.export.trial import difference
from tests.export.models import random_model


@pytest.mark.parametrize("seed", range(6))
def test_it_gives_the_answers_of_fixed_convolutions_too(seed):
    share = (0.0, 0.25, 0.75)[seed % 3]
    model = random_model(seed, job="classify", steps=9 + seed, convolutions=share)
    source = source_of(model, "m", "float32")
    assert not source.program.streams
    own = Model(unpacked(packed(plain(source.program))), source.facts)
    for trial in source.trials:
        assert trial.difference(own.predict(trial.X, trial.lengths)) < 1e-12
    with pytest.raises(ValueError, match="no answer before the end"):
        own.stream()


@pytest.mark.parametrize("seed", range(120))
def test_it_gives_the_answers_of_the_program(seed):
    model = random_model(seed, "float64" if seed % 3 == 0 else "float32")
    source = source_of(model, "m", "float32")
    own = Model(unpacked(packed(plain(source.program))), source.facts)
    streams = 0
    for trial in source.trials:
        assert trial.difference(own.predict(trial.X, trial.lengths)) < 1e-12
        if trial.stream is not None:
            streams += 1
            steps = own.stream(len(trial.X))
            each = [steps.step(trial.X[:, t]) for t in range(trial.X.shape[1])]
            found = {name: np.stack([one[name] for one in each], axis=1) for name in each[0]}
            assert difference(found, trial.stream) < 1e-12
    assert streams == int(program_of(source.model).streams)
