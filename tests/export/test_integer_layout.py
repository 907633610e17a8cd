"""What a header in integers holds: the order of weights, and how sums are rescaled."""

from dataclasses import replace

import numpy as np
import pytest

from hiddenstate.export import export_model
from hiddenstate.export.c.integer_layout import _factors_of, arranged, layout_of
from hiddenstate.models.meaning import program_of
from tests.contract.integers import integer_case


@pytest.mark.parametrize(("rows", "inputs", "group"), [(4, 8, 4), (6, 7, 3), (7, 5, 4), (2, 3, 4)])
def test_weights_of_a_group_of_rows_stand_together(rows: int, inputs: int, group: int) -> None:
    """Read as the header reads them, they give the sums."""
    weight = np.arange(rows * inputs).reshape(rows, inputs)
    flat, x = arranged(weight, group).tolist(), np.arange(1, inputs + 1)
    sums = []
    while len(sums) < rows:
        own = group if rows - len(sums) >= group else 1
        total, fours = np.zeros(own, int), inputs - inputs % 4
        for place in range(0, fours, 4):
            for row in range(own):
                total[row] += x[[place, place + 2, place + 1, place + 3]] @ flat[:4]
                del flat[:4]
        for value in x[fours:]:
            total += value * np.array(flat[:own])
            del flat[:own]
        sums += total.tolist()
    assert not flat
    assert sums == (weight @ x).tolist()


def test_a_net_of_large_weights_is_rescaled_with_64_bits(tmp_path) -> None:
    """Its header has other arithmetic, with the same integers: the export compares them."""
    model = integer_case("gru, 16 bits").model
    params = {n: a * np.float32(64 if n == "out.weight" else 1) for n, a in model.params.items()}
    wide = replace(model, params=params)
    assert "WIDE" in layout_of(program_of(wide)).has
    assert "WIDE" not in layout_of(program_of(model)).has
    export_model(wide, "c", tmp_path / "m.h")


def test_shifts_of_a_group_are_alike_where_factors_stay_exact() -> None:
    """By up to four places, the zeros at their ends; a factor of zero takes any shift."""
    multiplier = np.array([0x7FF, 0x401, 0, 0x5A5, 0x7FF, 0x401, 0x5A5, 0x5A5]) << 20
    shift = np.array([40, 44, 62, 41, 40, 45, 40, 40])
    factor, own = _factors_of(multiplier, shift, 4)
    assert own.tolist() == [7, 7, 7, 7, 7, 12, 7, 7]
    exact = multiplier / 2.0**shift
    assert (factor / 2.0 ** (own + 17.0) == exact).all()
