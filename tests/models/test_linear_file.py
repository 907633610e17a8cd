"""The linear path of a model file: what it keeps, and forged files that are refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.config import make_config
from hiddenstate.data import Transform
from hiddenstate.data.prepare.linear_path import LinearPath, with_nearer
from hiddenstate.errors import UntrustedFileError
from hiddenstate.export.export import export_model
from hiddenstate.models.fitted import FittedModel, load_model
from hiddenstate.models.net import Net
from hiddenstate.system.array_file import read_arrays
from tests.models.test_fitted import forged

random = np.random.default_rng(0)
FORECASTS = LinearPath(
    weights=random.normal(size=(1, 4)), bias=random.normal(size=1), log=(False,), season=7
)
OTHERS = replace(FORECASTS, inputs=(1, 2), input_weights=random.normal(size=(1, 3, 2)))
FULL = replace(
    with_nearer(
        OTHERS, [FORECASTS, replace(OTHERS, inputs=(2,), input_weights=np.ones((1, 5, 1)))]
    ),
    seasons=(7, 30),
    nearer_share=np.array([[0.5], [0.25]]),
)


def model_of(linear: LinearPath) -> FittedModel:
    net = Net("regress", make_config("regress", {"hidden_size": 4}).model, 3, 1, "last")
    transform = Transform(
        columns=("y", "lead", "other"),
        targets=("y",),
        reading={"horizon": 3, "window": 8, "layout": "long"},
        scaling=(np.array([5.0, 3, 1]), np.array([0.5, 2, 1])),
        linear=linear,
    )
    return FittedModel(net, net.initial(0, "float64"), None, (8, 3), False, transform)


def same(one: Any, two: Any) -> bool:
    if isinstance(one, LinearPath):
        return all(same(a, b) for a, b in zip(vars(one).values(), vars(two).values(), strict=True))
    if isinstance(one, tuple):
        return len(one) == len(two) and all(map(same, one, two))
    return bool(np.array_equal(one, two)) if isinstance(one, np.ndarray) else one == two


def test_a_file_keeps_the_path_and_those_of_nearer_steps(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    model_of(FULL).save(path)
    back = load_model(path)[0].transform.linear
    assert back is not None
    assert same(back.nearer, tuple(replace(each, seasons=(7, 30)) for each in FULL.nearer))
    assert same(replace(back, nearer=()), replace(FULL, nearer=()))


def test_a_file_of_a_path_without_other_inputs_holds_nothing_of_them(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    model_of(replace(FORECASTS, seasons=(7,))).save(path)
    arrays, facts = read_arrays(path, "model")
    assert facts["preparation"]["linear"] == {"log": [False], "season": 7}
    held = {name for name in arrays if name.startswith(("preparation/lag", "preparation/near"))}
    assert held == {"preparation/lag_weights", "preparation/lag_bias"}


@pytest.mark.parametrize(
    "forge",
    [
        lambda facts, arrays: facts.update(log=[1]),
        lambda facts, arrays: facts.update(log=[True, True]),
        lambda facts, arrays: facts.update(season=0),
        lambda facts, arrays: facts.update(inputs=[-1, 1]),
        lambda facts, arrays: facts.update(inputs=[1, 3]),
        lambda facts, arrays: facts.update(inputs=[1, 1]),
        lambda facts, arrays: facts.update(inputs=[1]),
        lambda facts, arrays: facts.pop("inputs"),
        lambda facts, arrays: facts.update(seasons=[30, 7]),
        lambda facts, arrays: facts.update(seasons=[7, True]),
        lambda facts, arrays: facts.update(more=1),
        lambda facts, arrays: arrays.pop("preparation/lag_bias"),
        lambda facts, arrays: arrays["preparation/lag_weights"].fill(np.nan),
        lambda facts, arrays: arrays.update({"preparation/lag_weights": np.zeros((2, 3))}),
        lambda facts, arrays: arrays.pop("preparation/lag_inputs"),
        lambda facts, arrays: arrays.pop("preparation/near_inputs"),
        lambda facts, arrays: arrays.pop("preparation/near_bias"),
        lambda facts, arrays: arrays["preparation/lag_inputs"].fill(np.inf),
        lambda facts, arrays: arrays["preparation/near_share"].fill(np.nan),
        lambda facts, arrays: arrays.update({"preparation/near_weights": np.zeros((3, 1, 4))}),
        lambda facts, arrays: arrays.update({"preparation/near_share": np.zeros((2, 2))}),
        lambda facts, arrays: arrays.update({"preparation/lag_inputs": np.zeros((1, 3, 1))}),
        lambda facts, arrays: arrays.update({"preparation/near_inputs": np.zeros((2, 1, 0, 2))}),
    ],
)
def test_a_forged_path_is_refused(forge: Any, tmp_path: Path) -> None:
    def change(arrays, facts):
        forge(facts["preparation"]["linear"], arrays)

    path = forged(model_of(FULL), change, tmp_path)
    with pytest.raises(UntrustedFileError, match=r"model.safetensors"):
        load_model(path)


@pytest.mark.parametrize("to", ["python", "c"])
def test_an_export_answers_the_last_step_of_a_path_with_nearer_ones(to, tmp_path):
    nearer = with_nearer(FORECASTS, [FORECASTS, FORECASTS])
    assert export_model(model_of(nearer), to, tmp_path / "model").n_rows == 12
    assert export_model(model_of(FULL), to, tmp_path / "full").n_rows == 12
