"""The model file: it keeps the transform of a model, and forged facts in it are refused."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.config import make_config
from hiddenstate.data import Rows, Transform
from hiddenstate.engines import make_predictor
from hiddenstate.errors import DataError, UntrustedFileError
from hiddenstate.inference.inputs import prepare_inputs
from hiddenstate.models.fitted import FittedModel, load_model
from hiddenstate.models.net import Net
from hiddenstate.system.array_file import read_arrays, write_arrays

Array = np.ndarray[Any, Any]


def pair(n: int, seed: int = 0) -> tuple[Array, Array]:
    random = np.random.default_rng(seed)
    return random.normal(3, 2, n), random.uniform(0.5, 2, n)


def recurrent(
    job: str = "regress", width: int = 2, outputs: int = 2, output: str = "steps", **own: Any
) -> FittedModel:
    """A network with initial weights and the transform `own`; `width` includes a mask."""
    net = Net(job, make_config(job, {"hidden_size": 4}).model, width, outputs, output)
    classes = [f"c{i}" for i in range(outputs)] if job == "classify" else None
    params = net.initial(0, "float64")
    return FittedModel(net, params, classes, (5, width), False, Transform(**own))


def coder(activation: str = "linear", width: int = 6, **own: Any) -> FittedModel:
    values = {"encoder_sizes": (5,), "code_size": 2, "output_activation": activation}
    net = Net("autoencode", make_config("autoencode", values).model, width, width)
    return FittedModel(net, net.initial(0, "float64"), None, (width,), False, Transform(**own))


FULL = recurrent(
    width=4,
    missing="mask",
    fill=np.array([0.25, -1.5]),
    scaling=pair(2),
    target_scaling=pair(2, 1),
    change=(1, 0),
    columns=("a b", "\u00e9\u202e\n"),
    targets=("\u00e9\u202e\n", "a b"),
    pixels=True,
    reading={
        **{"input": ("a b", "\u00e9\u202e\n"), "target": None, "horizon": 3, "decimal": ","},
        **{"window": 0, "stride": None, "layout": "long", "channels_first": True},
    },
)


# --- lies


Forgery = Callable[[dict[str, Any], dict[str, Any]], None]


def forged(model: FittedModel, forge: Forgery, folder: Path) -> Path:
    """Save a model whose arrays and facts are changed, with a right checksum."""
    path = folder / "model.safetensors"
    model.save(path)
    arrays, stored = read_arrays(path, "model")
    forge(arrays, stored)
    write_arrays(path, "model", arrays, stored)
    return path


def facts(**changes: Any) -> Forgery:
    return lambda arrays, stored: stored["preparation"].update(changes)


def reading(**changes: Any) -> Forgery:
    return lambda arrays, stored: stored["preparation"]["reading"].update(changes)


def array(name: str, values: Any) -> Forgery:
    return lambda arrays, stored: arrays.update({f"preparation/{name}": np.asarray(values)})


def without(name: str) -> Forgery:
    return lambda arrays, stored: arrays.pop(f"preparation/{name}")


FORGERIES: dict[str, Forgery] = {
    "another width of the fill": array("fill", np.ones(4)),
    "another width of the scale": array("offset", np.ones(3)),
    "a scale of two axes": array("offset", np.ones((2, 1))),
    "another width of the target scale": array("target_factor", np.ones(1)),
    "a fill that is not finite": array("fill", [1, np.nan]),
    "an offset that is not finite": array("offset", [1, np.inf]),
    "a factor that is not finite": array("factor", [1, np.nan]),
    "a factor of 0": array("factor", [1.0, 0.0]),
    "a target factor of 0": array("target_factor", [0.0, 1.0]),
    "another float type": array("offset", np.ones(2, "f4")),
    "whole numbers": array("fill", np.ones(2, "i8")),
    "an unknown array": array("extra", np.ones(2)),
    "an offset alone": without("factor"),
    "a factor alone": without("offset"),
    "a target factor alone": without("target_offset"),
    "nothing to fill in with": without("fill"),
    "a fill for nothing": facts(missing="error"),
    "an unknown way to fill in": facts(missing="zero"),
    "a way to fill in that is no text": facts(missing=3),
    "pixels that are no bool": facts(pixels=1),
    "a change from a feature that does not exist": facts(change=[0, 2]),
    "a change from a feature before the first": facts(change=[-1, 0]),
    "a change from too few": facts(change=[0]),
    "a change from a fraction": facts(change=[0.0, 1]),
    "a change from a bool": facts(change=[True, 0]),
    "targets too many": facts(targets=["a", "b", "c"]),
    "targets that are no names": facts(targets=["a", 3]),
    "columns that are no names": facts(columns=[None, "a"]),
    "columns that are one text": facts(columns="ab"),
    "an unknown option": reading(more=1),
    "an option that is not of reading": reading(hidden_size=3),
    "an option of another job": reading(image_size=3),
    "an option out of range": reading(horizon=0),
    "an unknown choice": reading(decimal=";"),
    "an option of another type": reading(window="wide"),
    "an option that must not be null": reading(window=None),
    "no reading options": lambda arrays, stored: stored["preparation"].pop("reading"),
    "an unknown field": facts(more=1),
    "a transform of another type": lambda arrays, stored: stored.update(preparation=[]),
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda arrays, stored: arrays.update(odd=np.zeros(100)), "odd is unknown"),
        (lambda arrays, stored: stored["net"].update(n_outputs=0), "n_outputs is out of range"),
        (
            lambda arrays, stored: arrays.update({"preparation/fill": np.zeros((9, 9))}),
            r"preparation/fill is float64 \(9, 9\), expected a vector",
        ),
    ],
    ids=["weights", "facts", "transform"],
)
def test_what_does_not_fit_is_refused_before_memory_is_allocated(
    change: Any, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = forged(FULL, change, tmp_path)
    monkeypatch.setattr("numpy.frombuffer", None)
    with pytest.raises(UntrustedFileError, match=message):
        load_model(path)


@pytest.mark.parametrize("name", ["a factor of 0", "an option of another job", "targets too many"])
def test_a_forged_model_ends_a_command_with_exit_code_4(name, refuse, tmp_path):
    forged(FULL, FORGERIES[name], tmp_path)
    np.save(tmp_path / "X.npy", np.ones((9, 2)))
    assert "damaged transform" in refuse(4, "predict", "model.safetensors", "X.npy")


@pytest.mark.parametrize(
    ("model", "forge"),
    [
        (recurrent("classify"), facts(change=[0, 1])),  # only a regressor forecasts
        (coder(), facts(change=[0, 1, 2, 3, 4, 5])),
        (recurrent(width=3), facts(missing="mask")),
        (recurrent(), facts(missing="mean")),
    ],
)
def test_a_transform_must_fit_its_network(model, forge, tmp_path):
    path = forged(model, forge, tmp_path)
    with pytest.raises(UntrustedFileError, match="damaged transform"):
        load_model(path)


def test_names_of_columns_that_the_network_does_not_read_are_ignored() -> None:
    """A file may name more columns than its network reads; targets among them are no features."""
    own = replace(recurrent(width=2).transform, columns=("a", "b", "c"), targets=("c", "a"))
    assert own.current_targets(np.zeros((1, 5, 2))) is None


# --- scaling folded into the weights


@pytest.mark.parametrize(
    "own",
    [
        {},
        {"scaling": pair(2)},
        {"target_scaling": pair(2, 1)},
        {"scaling": pair(2), "target_scaling": pair(2, 1)},
        {"scaling": pair(2), "missing": "mean", "fill": np.ones(2)},
    ],
)
@pytest.mark.parametrize("output", ["steps", "last"])
def test_folded_weights_take_and_return_the_units_of_the_data(own: Any, output: str) -> None:
    model = recurrent(output=output, **own)
    X = np.random.default_rng(0).normal(3, 2, (4, 7, 2))
    rows = prepare_inputs(model, Rows(X), "X")
    expected = model.transform.undo_targets(make_predictor(model, "cpu", 1).predict(rows.X))
    folded = replace(model, params=model.folded(), transform=Transform())
    np.testing.assert_allclose(make_predictor(folded, "cpu", 1).predict(X), expected, rtol=1e-9)


def test_a_folded_autoencoder_returns_rows_in_their_own_units() -> None:
    model = coder(scaling=pair(6))
    X = np.random.default_rng(0).normal(3, 2, (4, 6))
    predictor = make_predictor(model, "cpu", 1)
    expected = model.transform.undo(predictor.predict(prepare_inputs(model, Rows(X), "X").X))
    folded = replace(model, params=model.folded(), transform=Transform())
    np.testing.assert_allclose(make_predictor(folded, "cpu", 1).predict(X), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            recurrent(width=4, missing="mask", fill=np.ones(2)),
            "mask of missing values .* --missing",
        ),
        (coder("sigmoid", scaling=pair(6)), "a scaled sigmoid .* --scale"),
        (recurrent(change=(0, 1)), "adding inputs to the outputs .* --no-input-skip"),
    ],
)
def test_a_transform_that_weights_cannot_express_is_not_folded(model, message):
    with pytest.raises(DataError, match=message):
        model.folded()
