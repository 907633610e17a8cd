"""Integer models: their weights on a grid, their program, their file and what it refuses."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.config import DataConfig, make_config, section_options
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.errors import UntrustedFileError
from hiddenstate.models.fitted import FittedModel, load_model, model_from_facts, model_of_bytes
from hiddenstate.models.integers import params_on_grid
from hiddenstate.models.meaning import program_of
from hiddenstate.models.net import Net
from hiddenstate.program.calibrating import calibrated
from hiddenstate.program.integers import Quantise
from hiddenstate.system.array_file import read_arrays, write_arrays
from tests.contract.models import CLASSIFY, CODE, STEM, made


def in_integers(model: FittedModel) -> FittedModel:
    shape = (40, *model.row_shape) if model.net.kind.has_series else (40, model.net.n_features)
    x = np.random.default_rng(0).normal(size=shape)
    return model.in_integers(calibrated(program_of(model), x))


MODELS = {
    "lstm": made(1, CLASSIFY, cell="lstm"),
    "members": made(2, CLASSIFY, members=3),
    "factors": made(3, CLASSIFY, cell="fastgrnn", rank=2, hidden_size=9, dtype="float64"),
    "stem": made(4, STEM),
    "autoencoder": made(5, CODE),
}


@pytest.mark.parametrize("name", MODELS)
def test_an_integer_model_comes_back_from_its_file_and_answers_in_integers(name: str) -> None:
    model = in_integers(MODELS[name])
    again, extra = model_of_bytes(model.encode({"data": "d"}), "m")
    assert (again.integer, again.facts(), extra) == (model.integer, model.facts(), {"data": "d"})
    assert all(np.array_equal(again.params[n], a) for n, a in model.params.items())
    assert all(again.params[n].dtype == a.dtype for n, a in model.params.items())
    program = program_of(again)
    assert all(isinstance(net[0], Quantise) for net in program.nets)
    assert program_of(again.member(again.n_members - 1)).nets[0][0] == program.nets[-1][0]


def test_a_float_model_keeps_format_2_and_an_integer_model_has_3(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    for model, version in ((MODELS["lstm"], 2), (in_integers(MODELS["lstm"]), 3)):
        model.save(path)
        assert f'\\"format\\":{version}'.encode() in path.read_bytes()


@pytest.mark.filterwarnings("error")
def test_vectors_too_large_for_float16_stay_as_they_are() -> None:
    model = made(1, CLASSIFY, cell="lstm")
    large = {n: a * np.float32(1e30) for n, a in model.params.items()}
    rounded = params_on_grid(model.net, large)
    assert all(np.array_equal(rounded[n], a) for n, a in large.items() if "bias" in n and "l0" in n)


def test_bytes_take_27_percent_of_floats() -> None:
    config = make_config("classify", {"hidden_size": 64})
    net = Net("classify", config.model, 28, 10)
    options = section_options(DataConfig, "classify")
    reading = {name: getattr(config.data, name) for name, o in options.items() if o.kept}
    transform = Transform(pixels=True, reading=reading)
    params = net.initial(0, "float32")
    model = FittedModel(net, params, list(range(10)), (28, 28), False, transform)
    assert model_of_bytes(in_integers(model).encode(), "m")[0].transform == transform
    assert len(in_integers(model).encode()) < 0.27 * len(model.encode())


def test_rows_of_zeros_and_tiny_weights_come_back() -> None:
    model = MODELS["lstm"]
    params = {name: array.copy() for name, array in model.params.items()}
    params["out.weight"][0] = 0
    params["rnn.weight_hh_l0"][3] = 1e-30
    params["rnn.weight_hh_l0"][4] = 1e-4
    model = in_integers(replace(model, params=params))
    again = model_of_bytes(model.encode(), "m")[0]
    assert all(np.array_equal(again.params[n], a) for n, a in model.params.items())
    assert not again.params["rnn.weight_hh_l0"][3].any()
    assert again.params["rnn.weight_hh_l0"][4].all()


def test_a_sparse_matrix_takes_fewer_bytes_and_comes_back() -> None:
    model = MODELS["lstm"]
    odd = np.arange(64) % 8 > 0
    params = {n: a * ~odd[: a.shape[-1]] if a.ndim > 1 else a for n, a in model.params.items()}
    dense, sparse = (in_integers(replace(model, params=p)) for p in (model.params, params))
    arrays = sparse.arrays()
    assert arrays["rnn.weight_hh_l0"].dtype == np.uint8
    assert len(sparse.encode()) < len(dense.encode())
    again = model_of_bytes(sparse.encode(), "m")[0]
    assert all(np.array_equal(again.params[n], a) for n, a in sparse.params.items())
    arrays["rnn.weight_hh_l0"][2] = 255
    with pytest.raises(UntrustedFileError, match=r"m: damaged weights of rnn.weight_hh_l0: row 0"):
        model_from_facts(sparse.facts(), arrays, "m")


DAMAGES: dict[str, Any] = {
    "bytes that are no sparse matrix": lambda arrays, facts: arrays.update(
        {"out.weight": np.zeros(6, "u1")}
    ),
    "a scale below 0": lambda arrays, facts: arrays["scale"].__imul__(np.float16(-1)),
    "a scale that is no number": lambda arrays, facts: arrays["scale"].fill(np.nan),
    "-128": lambda arrays, facts: arrays["out.weight"].fill(-128),
    "no scale": lambda arrays, facts: arrays.pop("scale"),
    "scales of nothing": lambda arrays, facts: arrays.update({"scale/x": np.ones(1, "f4")}),
    "a float matrix": lambda arrays, facts: arrays.update({"out.weight": np.ones((2, 5), "f4")}),
    "no calibration": lambda arrays, facts: facts.pop("integer"),
    "12 state bits": lambda arrays, facts: facts["integer"].update(state_bits=12),
    "16 bits": lambda arrays, facts: facts["integer"].update(input=16),
    "bits of another type": lambda arrays, facts: facts["integer"].update(input=True),
    "another layer": lambda arrays, facts: facts["integer"]["nets"][0].append({}),
    "another net": lambda arrays, facts: facts["integer"]["nets"].append([]),
    "another vector": lambda arrays, facts: facts["integer"]["nets"][0][0].update(x=3),
    "h with fewer bits": lambda arrays, facts: facts["integer"]["nets"][0][0].update(output=14),
    "a text for a layer": lambda arrays, facts: facts["integer"]["nets"].__setitem__(0, "abc"),
    "another unit": lambda arrays, facts: facts["integer"].update(scale=2000),
    "a half where none is": lambda arrays, facts: arrays.update({"out.bias": np.ones(2, "f2")}),
    "a code": lambda arrays, facts: facts["integer"].update(code=3),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_scales_and_calibrations_are_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    in_integers(MODELS["lstm"]).save(path)
    arrays, facts = copy.deepcopy(read_arrays(path, "model"))
    DAMAGES[name](arrays, facts)
    write_arrays(path, "model", arrays, facts, durable=False)
    with pytest.raises(UntrustedFileError, match=r"m\.safetensors"):
        load_model(path)
