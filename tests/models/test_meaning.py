"""The program of a model, in numpy, gives the model's answers in float64."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hiddenstate.export.target import source_of
from hiddenstate.export.trial import difference
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.meaning import program_of
from hiddenstate.program.program import Program
from tests.export.models import random_model

SPECIAL: tuple[dict[str, Any], ...] = (
    {"job": "classify", "steps": 9, "convolutions": 0.0},
    {"job": "classify", "steps": 12, "convolutions": 0.25, "members": 3},
    {"job": "regress", "linear": True, "output": "last", "missing": "error", "by_window": True},
    {"job": "regress", "linear": True, "output": "last", "missing": "forward", "by_window": True},
)


def check(model: FittedModel) -> Program:
    """Compare with the model's answers to trial rows, of a stream in steps and in one piece."""
    source = source_of(model, "m", "float32")
    program = program_of(source.model)
    for trial in source.trials:
        assert trial.difference(program.predict(trial.X, trial.lengths)) < 1e-12
        if trial.stream is not None:
            whole, _ = program.advance(trial.X, program.state(len(trial.X)))
            assert difference(whole, trial.stream) < 1e-12
            state, each = program.state(len(trial.X)), []
            for t in range(trial.X.shape[1]):
                answers, state = program.advance(trial.X[:, t : t + 1], state)
                each.append(answers)
            steps = {name: np.concatenate([a[name] for a in each], axis=1) for name in each[0]}
            assert difference(steps, trial.stream) < 1e-12
    assert any(trial.stream is not None for trial in source.trials) == program.streams
    return program


@pytest.mark.parametrize("seed", range(60))
def test_a_program_gives_the_answers_of_its_model(seed: int) -> None:
    check(random_model(seed, "float64" if seed % 3 == 0 else "float32"))


@pytest.mark.parametrize("number", range(len(SPECIAL)))
def test_convolutions_members_and_windows_are_in_it_too(number: int) -> None:
    program = check(random_model(number, **SPECIAL[number]))
    with pytest.raises(ValueError, match="no answer before the end"):
        program.state(1)


def test_lags_of_inputs_are_in_it() -> None:
    model = random_model(3, job="regress", linear=True, stateful=False, members=3)
    linear, F = model.transform.linear, model.transform.n_features(model.net.n_features)
    assert linear is not None
    weights = np.random.default_rng(0).normal(size=(linear.n_targets, 3, 1))
    path = replace(linear, inputs=(F - 1,), input_weights=weights)
    program = check(replace(model, transform=replace(model.transform, linear=path)))
    assert program.predict(np.ones((1, 5, F)))["y"].shape == (1, linear.n_targets)
