"""Nets in integers in the kernels: the integers of the program, in batches and in streams."""

from dataclasses import replace

import numpy as np
import pytest

from hiddenstate.engines.integers import _CompiledProduct, compiled
from hiddenstate.export.trial import trials_of
from hiddenstate.kernels import levels
from hiddenstate.models.meaning import program_of
from hiddenstate.program.calibrating import calibrated
from hiddenstate.program.integers import INTEGER_EQUATIONS, Product
from hiddenstate.program.quantising import in_integers
from tests.contract.models import model_of
from tests.program.test_integers import MODELS, in_both


@pytest.mark.parametrize("level", levels())
def test_the_kernels_give_the_integers_of_the_program(
    level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIDDENSTATE_LEVEL", level)
    for number, name in enumerate(MODELS):
        _, whole = in_both(name, 8 if number % 4 == 3 else 16)
        fast = compiled(whole, threads=1 + number % 2)
        for trial in trials_of(model_of(name)):
            expected = whole.predict(trial.X, trial.lengths)
            found = fast.predict(trial.X, trial.lengths)
            for key, answer in expected.items():
                assert np.array_equal(found[key], answer), (name, key)
        if not whole.streams:
            continue
        X, begin = trials_of(model_of(name))[0].X, whole.state(3)
        answers, state = whole.advance(X[:3], begin)
        found, after = fast.advance(X[:3], begin)
        assert all(np.array_equal(found[key], answers[key]) for key in answers), name
        assert all(np.array_equal(after[key], state[key]) for key in state), name


@pytest.mark.parametrize("cell", sorted(INTEGER_EQUATIONS))
def test_large_numbers_are_cut_alike(cell: str) -> None:
    name = {"rnn_tanh": "rnn tanh", "rnn_relu": "rnn relu"}.get(cell, cell)
    model, random = model_of(name), np.random.default_rng(0)
    size = 0.5 if cell in ("rnn_relu", "mingru", "lru") else 40
    params = {n: size * random.normal(size=a.shape) for n, a in model.params.items()}
    model = replace(model, params={n: a.astype(np.float32) for n, a in params.items()})
    program = program_of(model)
    x = random.normal(size=(21, 5, program.width))
    whole = in_integers(program, calibrated(program, x))
    wide = np.concatenate([100 * x, x, 0.001 * x])
    expected, found = whole.outputs(wide), compiled(whole, 2).outputs(wide)
    assert np.array_equal(found, expected)
    assert np.ptp(expected) > 0


def test_products_of_all_sizes_are_exact() -> None:
    random = np.random.default_rng(1)
    for rows, columns, outputs in ((1, 1, 1), (5, 7, 17), (18, 64, 33), (3, 258, 16)):
        weight = random.integers(-127, 128, (outputs, columns)).astype(np.int8)
        bias = random.integers(-(2**29), 2**29, outputs).astype(np.int32)
        multiplier = random.integers(2**30, 2**31, outputs).astype(np.int32)
        shift = random.integers(17, 63, outputs).astype(np.int8)
        x = random.integers(-32767, 32768, (rows, columns))
        parts = (weight, bias, multiplier, shift)
        expected = Product(*parts).of(x).clip(-(2**31) + 1, 2**31 - 1)
        assert np.array_equal(_CompiledProduct(*parts).of(x), expected)
