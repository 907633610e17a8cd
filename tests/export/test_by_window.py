"""Exports of models that read windows in units of their own deviation."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.errors import OptionError
from hiddenstate.export.export import export_model
from hiddenstate.export.trial import expected_answers, trials_of
from tests.export.models import random_model

OPTIONS: dict[str, Any] = {
    "job": "regress",
    "linear": True,
    "output": "last",
    "missing": "error",
    "by_window": True,
}


def test_the_trial_has_a_flat_window_and_answers_that_the_net_changes() -> None:
    model = random_model(0, **OPTIONS)
    X = trials_of(model)[0].X
    scale = model.transform.window_scale(model.transform.apply(X, None, float, ""), None)
    assert scale.flat[1].all()
    assert not scale.flat[0].any()
    silent = replace(model, params={n: np.zeros_like(a) for n, a in model.params.items()})
    answers, alone = (expected_answers(each, X, None)["y"] for each in (model, silent))
    assert np.abs(answers - alone)[0].min() > 1e-3
    np.testing.assert_array_equal(answers[1], alone[1])


def test_a_model_that_also_fills_in_is_refused(tmp_path: Path) -> None:
    model = random_model(1, **{**OPTIONS, "missing": "forward"})
    with pytest.raises(OptionError, match=r"cannot fill in missing values .* --scale auto"):
        export_model(model, "onnx", tmp_path / "model")
    assert not list(tmp_path.iterdir())
