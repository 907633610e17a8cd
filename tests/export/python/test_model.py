"""The model of an exported Python file gives the answers of the trained one."""

import json
from typing import Any

import numpy as np
import pytest

from hiddenstate.export.python.file import packed
from hiddenstate.export.python.model import Model, loaded
from hiddenstate.export.target import Source, source_of
from hiddenstate.export.trial import difference
from tests.export.models import random_model


def exported(source: Source) -> Model:
    return loaded(json.dumps(packed(source.meaning)), json.dumps(source.facts))


@pytest.mark.parametrize("seed", range(6))
def test_it_gives_the_answers_of_fixed_convolutions_too(seed):
    share = (0.0, 0.25, 0.75)[seed % 3]
    model = random_model(seed, job="classify", steps=9 + seed, convolutions=share)
    source = source_of(model, "m", "float32")
    own = exported(source)
    assert not own.program.streams
    for trial in source.trials:
        assert trial.difference(own.predict(trial.X, trial.lengths)) < 1e-12
    with pytest.raises(ValueError, match="no answer before the end"):
        own.stream()


@pytest.mark.parametrize("missing", ["error", "forward"])
def test_it_gives_the_answers_of_windows_in_units_of_their_deviation(missing):
    wanted: dict[str, Any] = {"job": "regress", "linear": True, "output": "last"}
    source = source_of(random_model(2, **wanted, missing=missing, by_window=True), "m", "float32")
    own = exported(source)
    for trial in source.trials:
        assert trial.difference(own.predict(trial.X, trial.lengths)) < 1e-12


@pytest.mark.parametrize("seed", range(120))
def test_it_gives_the_answers_of_the_program(seed):
    model = random_model(seed, "float64" if seed % 3 == 0 else "float32")
    source = source_of(model, "m", "float32")
    own, streams = exported(source), 0
    for trial in source.trials:
        assert trial.difference(own.predict(trial.X, trial.lengths)) < 1e-12
        if trial.stream is not None:
            streams += 1
            steps = own.stream(len(trial.X))
            each = [steps.step(trial.X[:, t]) for t in range(trial.X.shape[1])]
            found = {name: np.stack([one[name] for one in each], axis=1) for name in each[0]}
            assert difference(found, trial.stream) < 1e-12
            whole, _ = own.program.advance(trial.X, own.program.state(len(trial.X)))
            assert difference(whole, trial.stream) < 1e-12
    assert streams == int(own.program.streams)
