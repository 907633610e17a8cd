"""A kind of step that a translation has nothing for is refused, or applied, and never skipped."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from hiddenstate.config.exports import TARGETS
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.errors import DataError, OptionError
from hiddenstate.export.export import export_model
from hiddenstate.inference.stream import Stream
from hiddenstate.models.meaning import program_of
from hiddenstate.program.steps import Step
from tests.export.models import random_model

PLAIN: dict[str, Any] = {
    **{"missing": "error", "pixels": False, "stem": False, "members": 1, "bidirectional": False},
}


@dataclass(frozen=True)
class Half(Step):
    """Rows become half as large."""

    def apply(self, x, lengths, memory):
        return x / 2


@pytest.fixture(autouse=True)
def _with_half(monkeypatch):
    """Each transform has the step, after the first one."""
    steps = vars(Transform)["steps"].func
    own = property(lambda transform: (steps(transform)[0], Half(), *steps(transform)[1:]))
    monkeypatch.setattr(Transform, "steps", own)


def test_a_stream_applies_it():
    model = random_model(1, job="regress", output="steps", linear=False, **PLAIN)
    X = np.random.default_rng(0).normal(size=(1, 5, model.net.n_features))
    expected = program_of(model).predict(X)["y"][0]
    stream = Stream(model)
    answers = np.concatenate([stream.step(x[None]) for x in X[0]])
    np.testing.assert_allclose(answers, expected, rtol=1e-4, atol=1e-5)


def test_weights_of_torch_do_not_hold_it():
    with pytest.raises(DataError, match="Half cannot be folded into the weights"):
        random_model(1, job="classify", **PLAIN).folded()


@pytest.mark.parametrize("to", TARGETS)
def test_an_export_refuses_it(to, tmp_path):
    model = random_model(
        1, job="regress", output="steps", features=1, outputs=1, linear=False, **PLAIN
    )
    with pytest.raises(
        OptionError, match=f"--to {to}: (cannot hold Half$|.* cannot hold this model)"
    ):
        export_model(model, to, tmp_path / "m")
    assert list(tmp_path.iterdir()) == []
