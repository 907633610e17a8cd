"""The pass to integers: what it needs of rows, what it refuses, and its scales."""

import numpy as np
import pytest

from hiddenstate.models.meaning import program_of
from hiddenstate.program.calibrating import NotInteger, calibrated
from hiddenstate.program.integers import IntegerRecurrent, Quantise
from hiddenstate.program.quantising import in_integers, product_of, row_scale
from tests.contract.models import CLASSIFY, made, model_of


def test_scales_of_multiples_of_scales_are_the_same() -> None:
    random = np.random.default_rng(0)
    weight, least = random.normal(size=(200, 7)), random.uniform(0, 0.05, 200)
    scale = row_scale(weight, least)
    whole = np.rint(weight / scale[:, None]).clip(-127, 127)
    again = (whole * scale[:, None]).astype(np.float32)
    assert np.array_equal(row_scale(again, least), scale)
    assert np.array_equal(np.rint(again / scale[:, None]), whole)


@pytest.mark.parametrize("size", [1e-6, 1.0, 900.0])
def test_a_product_gives_what_its_floats_give(size: float) -> None:
    random = np.random.default_rng(1)
    weight, bias = size * random.normal(size=(20, 30)), size * random.normal(size=20)
    weight[3], bias[5] = 0, 1e5 * size
    x = random.integers(-32767, 32768, (50, 30))
    exact = (x / 2**15) @ weight.T + bias
    bits = int(np.log2(2**30 / np.abs(exact).max()))
    product = product_of(weight, bias, 15, bits)
    assert np.abs(product.sums(x)).max() < 2**31
    scale = np.maximum(np.abs(weight).max(axis=1), np.abs(bias) / 500)
    assert (np.abs(product.of(x) / 2.0**bits - exact).max(axis=0) <= 0.05 * scale + 1e-9).all()


def test_what_has_no_form_in_integers_is_refused() -> None:
    program = program_of(model_of("fixed convolutions"))
    x = np.zeros((2, 12, program.width))
    with pytest.raises(NotInteger, match="no form in integers"):
        in_integers(program, calibrated(program, x))


def test_a_vector_has_as_many_bits_as_fit() -> None:
    program = program_of(made(4, CLASSIFY, cell="lstm"))
    x = np.random.default_rng(5).uniform(-3, 3, (50, 6, program.width))
    calibration = calibrated(program, x)
    first, layer = in_integers(program, calibration).nets[0][:2]
    assert isinstance(first, Quantise)
    assert isinstance(layer, IntegerRecurrent)
    assert (first.format.bits, first.format.most) == (13, 32767)
    assert (layer.formats["h"].bits, layer.formats["h"].most) == (15, 32767)
