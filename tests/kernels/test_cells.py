"""The kernels and the programs declare the same cells."""

import pytest

from hiddenstate.kernels import cells, native
from hiddenstate.program.cells import CELLS


@pytest.mark.skipif(native() is None, reason="no kernels")
@pytest.mark.parametrize("name", [n for n in cells() if CELLS[n].kind == "gated"])
def test_a_compiled_cell_has_the_arrays_that_programs_give_it(name: str) -> None:
    blocks, n_states, own = native().cells()[name]
    cell = CELLS[name]
    assert (blocks, n_states) == (cell.blocks, len(cell.state))
    assert own == [(weight.name, weight.axes) for weight in cell.weights if weight.name in cell.own]
