"""Nets in integers: near those in floats, the same in streams, and never beyond 32 bits."""

from typing import Any

import numpy as np
import pytest

from hiddenstate.export.trial import trials_of
from hiddenstate.models.meaning import program_of
from hiddenstate.program import integers
from hiddenstate.program.calibrating import calibrated
from hiddenstate.program.equations import NORM_EPS, gelu, layer_norm, sigmoid
from hiddenstate.program.integers import (
    LARGEST_SUM,
    ONE,
    Format,
    IntegerLayer,
    Product,
    integer_gelu,
    integer_norm,
    rescaled,
    shifted,
    table_sigmoid,
    table_tanh,
)
from hiddenstate.program.program import Program
from hiddenstate.program.quantising import in_integers
from hiddenstate.system.typing import Array
from tests.contract.models import CLASSIFY, made, model_of

MODELS = (
    *("rnn tanh", "rnn relu", "gru", "lstm", "fastgrnn", "fastgrnn of rank 2", "wide"),
    *("fastgrnn of rank 1, both directions", "mean of both directions", "members", "stem"),
    *("stem of every step", "causal stem of three", "pooling causal stem, mean", "mask", "pixels"),
    *("wide mingru", "lru", "wide lru", "lru of more states than units", "lru, causal stem"),
    *("carried state", "autoencoder of pixels", "autoencoder, tanh", "autoencoder, relu"),
)


def in_both(name: str, state_bits: int = 16) -> tuple[Program, Program]:
    """Return a model's program, and that in integers, calibrated on the rows it is tried on."""
    model = model_of(name)
    program, trial = program_of(model), trials_of(model)[0]
    x = program.kept(trial.X, trial.lengths)
    return program, in_integers(program, calibrated(program, x, trial.lengths, state_bits))


@pytest.mark.parametrize("name", MODELS)
def test_answers_are_near_those_in_floats(name: str) -> None:
    trials = trials_of(model_of(name))
    for state_bits, most in ((16, 0.04), (8, 0.15)):
        program, whole = in_both(name, state_bits)
        for trial in trials:
            expected = program.predict(trial.X, trial.lengths)
            found = whole.predict(trial.X, trial.lengths)
            for key in ("probabilities", "y", "reconstruction"):
                if key in expected:
                    size = np.abs(expected[key]).max()
                    assert np.abs(found[key] - expected[key]).max() <= most * size


def test_a_stream_gives_the_integers_of_whole_rows() -> None:
    asked = 0
    for name in MODELS:
        _, whole = in_both(name)
        if not whole.streams:
            continue
        asked += 1
        X = trials_of(model_of(name))[0].X
        _, state = whole.advance(X[:, :2], whole.state(len(X)))
        rest, _ = whole.advance(X[:, 2:], state)
        key = "y" if "y" in rest else "probabilities"
        expected = whole.predict(X)[key]
        last = expected if expected.ndim == 2 else expected[:, -1]
        assert np.array_equal(rest[key][:, -1], last), name
    assert asked > 8


def bounded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the largest size of what is shifted or summed from now on, as it is added."""
    sizes, sums, shift = list[int](), Product.sums, integers.shifted

    def watched(product: Product, x: Array) -> Array:
        result = sums(product, x)
        sizes.append(int(np.abs(result).max(initial=0)))
        return result

    def also(x: Array, n: int) -> Array:
        sizes.append(int(np.abs(x).max(initial=0)))
        return shift(x, n)

    monkeypatch.setattr(Product, "sums", watched)
    monkeypatch.setattr(integers, "shifted", also)
    return sizes


@pytest.mark.parametrize("cell", sorted(integers.INTEGER_EQUATIONS))
def test_no_number_leaves_32_bits(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, _, kind = cell.partition("_")
    wanted: dict[str, Any] = {**CLASSIFY, "cell": name, "layers": 2, "hidden_size": 9}
    model = made(3, {**wanted, **({"nonlinearity": kind} if kind else {})}, features=3)
    random = np.random.default_rng(0)
    size = 0.4 if kind == "relu" or name == "lru" else 50  # of which numbers grow
    largest = {n: np.sign(random.normal(size=a.shape)) * size for n, a in model.params.items()}
    model.params.update({n: a.astype(np.float32) for n, a in largest.items()})
    program = program_of(model)
    x = np.sign(random.normal(size=(40, 9, program.width)))
    whole = in_integers(program, calibrated(program, x))
    sizes = bounded(monkeypatch)
    whole.predict_kept(np.concatenate([1e6 * x, 0.01 * x]))
    assert max(sizes) < 2**31


@pytest.mark.parametrize("n", [1, 3, 64, 1024])
def test_a_norm_in_integers_is_near_that_in_floats(n: int) -> None:
    random = np.random.default_rng(n)
    for largest in (0, 2, 100, 32_767):
        x = random.integers(-largest, largest, (40, n), endpoint=True)
        found = integer_norm(x, round(NORM_EPS * 4.0**12 * 1024)) / 4096
        assert np.abs(found - layer_norm(x / 4096, np.ones(n), np.zeros(n))).max() < 3e-3


def test_tables_are_as_near_the_curves_as_they_say() -> None:
    x = np.arange(-LARGEST_SUM, LARGEST_SUM + 1)
    assert np.abs(table_sigmoid(x) / ONE - sigmoid(x / 4096)).max() < 8e-5
    assert np.abs(table_tanh(x) / ONE - np.tanh(x / 4096)).max() < 1.6e-4
    assert np.abs(integer_gelu(x) / 2**27 - gelu(x / 4096)).max() < 1.3e-4
    assert table_sigmoid(np.array([0, 131_070, -131_070])).tolist() == [ONE // 2, ONE, 0]


def test_halves_are_rounded_up() -> None:
    assert shifted(np.array([-3, -2, -1, 1, 2, 3, 6]), 2).tolist() == [-1, 0, 0, 0, 1, 1, 2]
    assert shifted(np.array([-3]), -2).tolist() == [-12]
    half = np.array([1 << 30]), np.array([31])
    assert rescaled(np.array([-3, -1, 1, 3]), *half).tolist() == [-1, 0, 1, 2]
    assert integers.mean(np.array([-3, -5, 3, 5]), np.array([2])).tolist() == [-1, -2, 2, 3]
    assert Format(3, 7).of(np.array([100, -100, 12]), 5).tolist() == [7, -7, 3]


def test_all_between_the_first_and_the_last_layer_are_integers() -> None:
    _, whole = in_both("causal stem of three")
    assert all(isinstance(layer, IntegerLayer) for layer in whole.nets[0])
    kinds = {array.dtype.kind for array in whole.state(2).values()}
    assert kinds == {"i"}
