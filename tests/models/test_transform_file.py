"""The transform within a model file: read as it was written, and refused if it is forged."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from hiddenstate.data import Transform
from hiddenstate.errors import UntrustedFileError
from hiddenstate.models.fitted import FittedModel, load_model
from tests.models.test_fitted import FORGERIES, FULL, coder, forged, pair, recurrent


def same_transform(one: Transform, two: Transform) -> None:
    for part in fields(Transform):
        a, b = getattr(one, part.name), getattr(two, part.name)
        if isinstance(a, tuple) and a and isinstance(a[0], np.ndarray):
            assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True)), part.name
        elif isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b)
        else:
            assert a == b, part.name


@pytest.mark.parametrize(
    "model",
    [
        FULL,
        recurrent(),
        recurrent("classify", 3, missing="mean", fill=np.arange(3.0)),
        recurrent(missing="forward", fill=np.zeros(2), target_scaling=pair(2)),
        recurrent(missing="drop", reading={"group": "who", "weight": "w"}),
        coder(scaling=pair(6)),
        coder("sigmoid", pixels=True, reading={"image_size": 3, "color": False}),
    ],
)
def test_a_transform_is_read_as_it_was_written(model: FittedModel, tmp_path: Path) -> None:
    model.save(tmp_path / "model.safetensors", {"more": 1})
    back, extra = load_model(tmp_path / "model.safetensors")
    same_transform(model.transform, back.transform)
    assert extra == {"more": 1}
    assert (back.net, back.classes, back.row_shape) == (model.net, model.classes, model.row_shape)
    assert set(back.params) == set(model.params)  # no array of the transform among the weights
    back.save(tmp_path / "again.safetensors", {"more": 1})
    files = [tmp_path / name for name in ("model.safetensors", "again.safetensors")]
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_transform_is_refused(name: str, tmp_path: Path) -> None:
    path = forged(FULL, FORGERIES[name], tmp_path)
    with pytest.raises(UntrustedFileError, match=r"model\.safetensors: damaged"):
        load_model(path)


def test_a_file_of_format_1_has_the_transform_that_does_nothing(tmp_path: Path) -> None:
    def older(arrays, stored):
        del stored["preparation"], stored["net"]["model"]["readout"]

    back = load_model(forged(recurrent(), older, tmp_path))[0]
    same_transform(back.transform, Transform())
    assert back.net == recurrent().net
