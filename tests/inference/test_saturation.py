"""Cut numbers of an integer model are counted for each vector."""

from dataclasses import replace

from hiddenstate.inference.quantising import quantised
from hiddenstate.inference.saturation import saturation
from tests.contract.models import CLASSIFY, made
from tests.inference.test_quantising import rows_of


def test_a_number_beyond_the_ranges_is_counted() -> None:
    model = made(1, CLASSIFY, cell="lstm")
    rows = rows_of(model)
    integer, _ = quantised(model, rows)
    far = saturation(integer, replace(rows, X=100 * rows.X))
    near = saturation(integer, rows)
    assert far[0].name == near[0].name == "input"
    assert far[0].share > 0.9
    assert near[0].share < 0.001
