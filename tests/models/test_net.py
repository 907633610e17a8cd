"""The architecture of a network: its shapes, its initial weights, and its facts in a file."""

import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.config import config_from_dict, make_config
from hiddenstate.errors import HiddenstateError, OptionError, UntrustedFileError
from hiddenstate.models.fitted import FittedModel, load_model
from hiddenstate.models.net import Net, net_from_dict
from hiddenstate.program.cells import CELLS, Weight
from hiddenstate.system.array_file import write_arrays
from tests.conftest import mutations


def recurrent(job: str = "classify", output: str = "last", **values: Any) -> Net:
    return Net(job, make_config(job, values).model, 5, 3, output)


def dense(**values: Any) -> Net:
    values = {"encoder_sizes": (6, 4), "code_size": 2, "output_activation": "sigmoid"} | values
    return Net("autoencode", make_config("autoencode", values).model, 9, 9)


NETS: dict[str, Callable[[], Net]] = {
    "lstm": lambda: recurrent(hidden_size=4),
    "gru two layers": lambda: recurrent(cell="gru", hidden_size=4, layers=2, dropout=0.5),
    "rnn both ways": lambda: recurrent(cell="rnn", hidden_size=4, bidirectional=True),
    "fastgrnn": lambda: recurrent(
        cell="fastgrnn", hidden_size=4, layers=2, dropout=0.5, bidirectional=True
    ),
    "fastgrnn of rank 1": lambda: recurrent(cell="fastgrnn", hidden_size=4, rank=1),
    "mingru": lambda: recurrent(cell="mingru", hidden_size=4, layers=2),
    "lru": lambda: recurrent(cell="lru", hidden_size=4, states=3, layers=2),
    "lru both ways": lambda: recurrent(cell="lru", hidden_size=4, layers=2, bidirectional=True),
    "regressor": lambda: recurrent("regress", "steps", hidden_size=4),
    "autoencoder": dense,
    "autoencoder without hidden": lambda: dense(encoder_sizes=(2,), activation="relu"),
}


@pytest.fixture(params=list(NETS))
def net(request: pytest.FixtureRequest) -> Net:
    return NETS[request.param]()


def fitted(net: Net, **facts: Any) -> FittedModel:
    classes = ["a", "b", "c"] if net.job == "classify" else None
    shape = (9,) if net.job == "autoencode" else (7, 5)
    return FittedModel(
        net, net.initial(1, "float32"), **{"classes": classes, "row_shape": shape} | facts
    )


@pytest.mark.parametrize(
    ("cell", "layers", "both"),
    list(itertools.product(["rnn", "gru", "lstm"], [1, 3], [False, True])),
)
def test_recurrent_weights_have_torchs_names_and_shapes(cell: str, layers: int, both: bool) -> None:
    import torch

    net = recurrent(cell=cell, layers=layers, bidirectional=both, hidden_size=4)
    kind = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[cell]
    theirs = kind(5, 4, layers, bidirectional=both).state_dict()
    expected = {f"rnn.{name}": tuple(value.shape) for name, value in theirs.items()}
    expected |= {"out.weight": (3, 8 if both else 4), "out.bias": (3,)}
    assert list(net.shapes().items()) == list(expected.items())


def test_the_classic_autoencoders_weights_have_the_scripts_names_and_shapes() -> None:
    net = Net("autoencode", make_config("autoencode").model, 784, 784)
    shapes = net.shapes()
    assert shapes["encoder.0.weight"] == (128, 784)
    assert shapes["encoder.6.weight"] == (3, 12)
    assert shapes["decoder.0.weight"] == (12, 3)
    assert shapes["decoder.6.bias"] == (784,)
    assert len(shapes) == 16


def test_the_classic_lstms_number_of_weights() -> None:
    net = Net("classify", make_config("classify").model, 28, 10)
    assert net.n_parameters() == 4 * 64 * (28 + 64 + 2) + 64 * 10 + 10


def drawn(net: Net, name: str) -> Weight | None:
    """Return the declaration of an array of a cell whose numbers are drawn in another way."""
    weight = net.declared(name)[0]
    return weight if weight and (weight.initial, weight.spread) != (None, None) else None


def test_initial_weights_fill_the_range_that_torch_draws_from(net: Net) -> None:
    for name, array in net.initial(0, "float64").items():
        if drawn(net, name):
            continue
        fan = net.declared(name)[1] or net.shapes()[name.replace("bias", "weight")][1]
        assert np.abs(array).max() <= 1 / math.sqrt(fan)
        if array.size >= 60:
            assert np.abs(array).max() > 0.8 / math.sqrt(fan)
            assert abs(array.mean()) < 0.3 / math.sqrt(fan)


def test_initial_weights_of_a_cell_are_those_that_it_declares() -> None:
    net = recurrent(cell="fastgrnn", hidden_size=40, bidirectional=True)
    params, seen = net.initial(0, "float64"), 0
    for name, array in params.items():
        weight = drawn(net, name)
        if weight and weight.initial is not None:
            np.testing.assert_array_equal(array, weight.initial)
        elif weight and weight.spread is not None:
            assert 0.8 < array.std() / weight.spread < 1.2
            assert abs(array.mean()) < 0.3 * weight.spread
        seen += weight is not None
    assert seen == 12


def test_eigenvalues_begin_on_a_ring_and_what_they_keep_is_scaled_away() -> None:
    net = recurrent(cell="lru", states=500, ring_min=0.5, ring_max=0.9, ring_angle=1.0)
    nu, theta, gamma = (
        net.initial(0, "float64")[f"rnn.{name}_l0"] for name in ("nu", "theta", "gamma")
    )
    radius, angle = np.exp(-np.exp(nu)), np.exp(theta)
    assert 0.5 <= radius.min() < 0.52 < 0.89 < radius.max() <= 0.9
    assert np.mean(radius**2) == pytest.approx((0.5**2 + 0.9**2) / 2, abs=0.02)
    assert 0 < angle.min() < 0.01 < 0.99 < angle.max() <= 1
    np.testing.assert_allclose(np.exp(gamma), np.sqrt(1 - radius**2), rtol=1e-12)


@pytest.mark.parametrize("name", [name for name, cell in CELLS.items() if cell.remembers])
def test_gates_begin_by_remembering_up_to_so_many_steps(name: str) -> None:
    plain, net = (recurrent(cell=name, hidden_size=400, remember=n) for n in (0, 100))
    drawn, params, H = plain.initial(0, "float64"), net.initial(0, "float64"), 400
    seen = dict(drawn)
    for own, block, sign in CELLS[name].remembers:
        bias = params[f"rnn.{own}_l0"]
        steps = np.exp(sign * bias[block * H : (block + 1) * H])
        assert 1 <= steps.min() < 4 < 95 < steps.max() <= 99
        assert np.mean(steps) == pytest.approx(50, abs=4)
        seen[f"rnn.{own}_l0"] = bias
    assert all(np.array_equal(seen[each], params[each]) for each in params)


def test_eigenvalues_whose_squares_round_to_0_have_finite_logarithms() -> None:
    params = recurrent(cell="lru", ring_min=0.0, ring_max=1e-300).initial(0, "float32")
    assert all(np.isfinite(array).all() for array in params.values())


def test_a_matrix_of_low_rank_is_whole_where_factors_have_more_numbers() -> None:
    shapes = recurrent(cell="fastgrnn", hidden_size=8, rank=3).shapes()  # 5 inputs
    factors = shapes["rnn.weight_ih_out_l0"], shapes["rnn.weight_ih_in_l0"]
    assert factors == ((8, 3), (3, 5))
    shapes = recurrent(cell="fastgrnn", hidden_size=8, rank=4).shapes()
    assert "rnn.weight_ih_l0" in shapes
    assert "rnn.weight_hh_l0" in shapes


def test_weight_decay_leaves_eigenvalues_as_they_are() -> None:
    ends = ("_l0", "_l0_reverse")
    names = {f"rnn.{name}{end}" for name in ("nu", "theta", "gamma") for end in ends}
    assert recurrent(cell="lru", bidirectional=True).undecayed() == names
    assert not recurrent(cell="fastgrnn").undecayed()  # its nu is another


def test_initial_weights_follow_from_the_seed(net: Net) -> None:
    first, again, other = (net.initial(seed, "float32") for seed in (3, 3, 4))
    for name in net.shapes():
        np.testing.assert_array_equal(first[name], again[name])
        weight = drawn(net, name)
        assert (first[name] != other[name]).any() or (weight and weight.initial is not None)


def test_initial_weights_in_float32_are_the_rounded_float64_ones(net: Net) -> None:
    wide, narrow = net.initial(0, "float64"), net.initial(0, "float32")
    for name in net.shapes():
        assert narrow[name].dtype == np.float32
        np.testing.assert_array_equal(wide[name].astype("f4"), narrow[name])


def test_a_net_is_described_as_torch_prints_its_module(net: Net) -> None:
    from hiddenstate.models.torch_modules import make_module

    assert net.describe() == str(make_module(net, net.initial(0, "float32")))


def test_a_net_survives_json(net: Net) -> None:
    assert net_from_dict(json.loads(json.dumps(net.to_dict())), "x") == net


def test_a_model_survives_its_file(net: Net, tmp_path: Path) -> None:
    model = fitted(net)
    model.save(tmp_path / "m.safetensors", {"note": "kept"})
    back, extra = load_model(tmp_path / "m.safetensors")
    assert extra == {"note": "kept"}
    assert (back.net, back.classes, back.row_shape, back.stateful) == (
        model.net,
        model.classes,
        model.row_shape,
        model.stateful,
    )
    assert list(back.params) == list(model.params)
    for name, array in model.params.items():
        np.testing.assert_array_equal(back.params[name], array)


def without(params: dict[str, Any], name: str) -> dict[str, Any]:
    return {n: array for n, array in params.items() if n != name}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: without(p, "out.bias"), r"out\.bias \(3,\) is missing"),
        (lambda p: p | {"spare": np.zeros(2)}, "spare is unknown"),
        (lambda p: p | {"out.bias": np.zeros(4)}, r"out\.bias is \(4,\), expected \(3,\)"),
        (lambda p: p | {"out.bias": np.zeros(3, int)}, r"out\.bias is int64, expected float32"),
        (lambda p: p | {"out.bias": np.zeros(3)}, r"out\.bias is float64, expected float32"),
        (lambda p: p | {"out.bias": np.array([0, 1, np.nan], "f4")}, r"out\.bias .*not finite"),
        (lambda p: p | {"out.bias": np.array([0, 1, np.inf], "f4")}, r"out\.bias .*not finite"),
    ],
    ids=["missing", "extra", "shape", "type", "another float type", "nan", "inf"],
)
def test_weights_that_do_not_fit_are_refused_by_name(change, message):
    net = recurrent(hidden_size=4)
    with pytest.raises(UntrustedFileError, match=f"here: .*{message}"):
        net.check(change(net.initial(0, "float32")), "here")


STRANGE = [
    *(None, True, -1, 0, 2**31, 2**80, 1.5, "x", ""),
    *([], {}, [1], ["a"], [[1], [2, 3]], {"a": 1}),
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside nested dicts and lists."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    paths = []
    for key, inner in items:
        paths.append((*path, key))
        if isinstance(inner, (dict, list)):
            paths += places(inner, (*path, key))
    return paths


@pytest.mark.parametrize("name", ["lstm", "regressor", "autoencoder"])
def test_a_forged_fact_with_a_right_checksum_is_refused_or_accepted_without_a_crash(name, tmp_path):
    model, path = fitted(NETS[name]()), tmp_path / "m.safetensors"
    facts = {**model.facts(), "extra": {}}
    for place, strange in itertools.product(places(facts), STRANGE):
        changed = json.loads(json.dumps(facts))
        inner = changed
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = strange
        write_arrays(path, "model", model.params, changed, durable=False)
        try:
            load_model(path)
        except UntrustedFileError as error:
            text = str(error)
        else:
            text = "m.safetensors"
        assert "m.safetensors" in text


@pytest.mark.parametrize(
    "change",
    [
        *({"row_shape": shape} for shape in ([], [7], [7, 6], [True, 5], [7, 5, 1])),
        *({"classes": names} for names in (None, [1, 2], [[1], [1, 2], 3], [None, {}, []])),
        {"classes": ["a", "a", "b"]},
        {"stateful": 1},
        {"extra": None},
        {"another": 1},
    ],
    ids=str,
)
def test_facts_that_do_not_fit_the_net_are_refused(change: dict[str, Any], tmp_path: Path) -> None:
    model, path = fitted(recurrent(hidden_size=4)), tmp_path / "m.safetensors"
    write_arrays(path, "model", model.params, {**model.facts(), "extra": {}, **change})
    with pytest.raises(UntrustedFileError, match=r"m\.safetensors"):
        load_model(path)


@pytest.mark.parametrize(
    "change",
    [
        {"job": "sort"},
        {"job": "autoencode"},
        *({"n_features": n} for n in (0, True, 2**31)),
        {"output": "first"},
        {"model": {}},
        {"spare": 1},
    ],
    ids=str,
)
def test_an_impossible_stored_network_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UntrustedFileError, match=r"^here: "):
        net_from_dict(recurrent().to_dict() | change, "here")


def test_a_network_stored_without_a_readout_reads_the_last_state() -> None:
    stored = recurrent().to_dict()
    del stored["model"]["readout"]
    assert net_from_dict(stored, "here") == recurrent()
    assert net_from_dict(recurrent(readout="mean").to_dict(), "here").config.readout == "mean"
    del stored["model"]["cell"]
    with pytest.raises(UntrustedFileError, match="model: expected cell"):
        net_from_dict(stored, "here")


def test_a_config_stored_without_a_readout_is_complete() -> None:
    config = make_config("classify", {"hidden_size": 7})
    stored = config.to_dict()
    del stored["model"]["readout"]
    assert config_from_dict(stored, whole=True) == config
    del stored["model"]["cell"]
    with pytest.raises(OptionError, match="cell missing"):
        config_from_dict(stored, whole=True)


def test_a_mean_readout_needs_one_output_per_window() -> None:
    with pytest.raises(OptionError, match="--readout: mean requires one target per window"):
        make_config("regress", {"readout": "mean"})
    config = make_config("regress", {"readout": "mean", "output": "last"})
    assert config.model.readout == "mean"


def test_a_stored_autoencoder_states_its_output_activation_and_has_as_many_outputs() -> None:
    for stored in (dense(output_activation="auto").to_dict(), dense().to_dict() | {"n_outputs": 4}):
        with pytest.raises(UntrustedFileError):
            net_from_dict(stored, "here")


def test_a_damaged_model_raises_only_errors_of_the_library(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    fitted(recurrent(hidden_size=2)).save(path)
    data = path.read_bytes()
    taken = 0
    for hurt in mutations(data, 300):
        path.write_bytes(hurt)
        try:
            load_model(path)
            taken += hurt != data
        except HiddenstateError:
            pass
    assert taken == 0


def test_inner_weights_are_those_that_read_hidden_units() -> None:
    assert recurrent(layers=2).inner_weights() == ["rnn.weight_hh_l0", "rnn.weight_hh_l1"]
    inner = ["encoder.2.weight", "encoder.4.weight", "decoder.2.weight", "decoder.4.weight"]
    assert dense().inner_weights() == inner
