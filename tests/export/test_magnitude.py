"""Exports of models that scale nothing: what may differ follows the size of what is computed."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hiddenstate.errors import DataError
from hiddenstate.export.c import header as c_header
from hiddenstate.export.export import export_model
from hiddenstate.export.magnitude import magnitudes
from hiddenstate.export.target import Source, source_of
from hiddenstate.models.fitted import FittedModel
from tests.export.compiled import checked, compiled
from tests.export.models import random_model


def unscaled(seed: int, job: str) -> FittedModel:
    """A model of data around 5 that vary by 50."""
    wanted: dict[str, Any] = {"pixels": False, "missing": "error", "change": False, "linear": False}
    model = random_model(
        seed, job=job, scaling=False, output_activation="linear", stem=False, **wanted
    )
    transform = replace(model.transform, target_scaling=None)
    last = [n for n in model.params if n.split(".")[0] in ("out", "decoder")][-2:]
    params = {n: a * 50 + 5 if n in last else a for n, a in model.params.items()}
    return replace(model, params=params, transform=transform)


@pytest.mark.parametrize(
    ("seed", "job", "to", "weights"),
    [
        (3, "autoencode", "c", "float32"),
        (0, "autoencode", "c", "int8"),
        (1, "autoencode", "onnx", "int8"),
        (1, "autoencode", "html", "float16"),
        (0, "regress", "c", "float32"),
        (1, "regress", "html", "float16"),
    ],
)
def test_a_model_of_unscaled_data_is_exported(seed, job, to, weights, tmp_path):
    report = export_model(unscaled(seed, job), to, tmp_path / "m", weights)
    assert report.difference <= report.limit


def wrong_in_one_weight(source: Source) -> Source:
    """The source with one weight of the last layer a thousandth off."""
    params = dict(source.model.params)
    last = [n for n in params if n.split(".")[0] in ("out", "decoder") and "weight" in n][-1]
    weight = params[last] = params[last].copy()
    weight[np.unravel_index(np.abs(weight).argmax(), weight.shape)] *= 1.001
    return replace(source, model=replace(source.model, params=params))


@pytest.mark.parametrize("job", ["autoencode", "regress"])
def test_an_export_with_one_wrong_weight_is_refused(job, tmp_path, monkeypatch):
    def build(source: Source) -> dict[str, bytes]:
        return c_header.build(wrong_in_one_weight(source))

    monkeypatch.setattr(c_header, "TARGET", replace(c_header.TARGET, build=build))
    with pytest.raises(DataError, match="nothing was written"):
        export_model(unscaled(4, job), "c", tmp_path / "m.h")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("job", ["autoencode", "regress"])
def test_the_selftest_of_a_header_follows_the_size_of_what_is_computed_too(job, tmp_path):
    source = source_of(unscaled(1, job), "m", "float32")
    right = c_header.build(source)[".h"].decode()
    assert "passed" in checked(compiled(tmp_path, f"#define M_SELFTEST\n{right}"))
    code, start, _ = (
        c_header.build(wrong_in_one_weight(source))[".h"].decode().partition("#ifdef M_SELFTEST")
    )
    rows = right.partition(start)[2]
    with pytest.raises(AssertionError, match="FAILED"):
        checked(compiled(tmp_path, f"#define M_SELFTEST\n{code}{start}{rows}"))


@pytest.mark.parametrize("seed", range(8))
def test_a_sum_is_as_large_as_its_answer_at_least(seed):
    model = unscaled(seed, ("autoencode", "regress")[seed % 2])
    source = source_of(model, "m", "float32")
    sizes = magnitudes(source.program, source.trials)
    for trial in source.trials:
        for name, answer in trial.answers.items():
            assert np.abs(answer).max() <= sizes[name] * 1.0001


def of_large_states() -> FittedModel:
    """A classifier whose states are around 200, and its probabilities far from 0 and 1."""
    wanted: dict[str, Any] = {"pixels": False, "missing": "error", "stem": False, "members": 1}
    model = random_model(1, job="classify", cell="mingru", layers=1, **wanted)
    params = {n: a + 200 if "bias_ih" in n else a for n, a in model.params.items()}
    return replace(model, params={**params, "out.weight": 1 + params["out.weight"] / 1000})


def test_probabilities_of_large_sums_have_their_rounding(tmp_path, monkeypatch):
    report = export_model(of_large_states(), "c", tmp_path / "m.h")
    assert c_header.TARGET.limit < report.difference <= report.limit

    def build(source: Source) -> dict[str, bytes]:
        return c_header.build(wrong_in_one_weight(source))

    monkeypatch.setattr(c_header, "TARGET", replace(c_header.TARGET, build=build))
    with pytest.raises(DataError, match="nothing was written"):
        export_model(of_large_states(), "c", tmp_path / "other.h")
