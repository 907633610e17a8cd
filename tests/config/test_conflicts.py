"""Options that exclude each other, of nets in integers."""

from typing import Any

import pytest

from hiddenstate.config import make_config
from hiddenstate.errors import OptionError
from hiddenstate.program.cells import CELLS
from hiddenstate.program.integers import INTEGER_EQUATIONS


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "torch"}, "--engine torch: only the native engine"),
        ({"device": "cuda"}, "--device cuda: only the CPU"),
        ({"convolutions": True}, "--convolutions: they have no form in integers"),
        ({"cell": "mingru"}, "--cell: minGRU is trained in floats; make"),
        ({"cell": "lru"}, "--cell: LRU is trained in floats; make"),
        ({"state_bits": 12}, "--state-bits: expected 16 or 8, got 12"),
        ({"quantize": None, "state_bits": 8}, "--state-bits: applies only to integers"),
        ({"quantize": None, "sparsity": 0.5}, "--sparsity: applies only to integers"),
        ({"sparsity": 1.0}, "--sparsity: expected a number above 0 and below 1"),
    ],
)
def test_what_a_net_in_integers_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        make_config("classify", {"quantize": "int8", **options})


def test_all_cells_have_a_form_in_integers() -> None:
    assert set(INTEGER_EQUATIONS) == set(CELLS)
