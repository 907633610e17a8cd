"""The recurrent cells: what each is called, and what it carries from step to step."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """A recurrent cell, H numbers wide.

    Parameters
    ----------
    name : str
    kind : {"gated"}
        Gated: the next state is a function of W x + b, U h + b and the state, each product of
        `blocks` times H numbers; see :data:`hiddenstate.program.equations.EQUATIONS`.
    blocks : int
        Blocks of H rows in a weight: i, f, g, o of an lstm, r, z, n of a gru.
    state : tuple of str
        The arrays that it carries; the first one is its output.
    """

    name: str
    kind: str
    blocks: int
    state: tuple[str, ...] = ("h",)


CELLS = {
    cell.name: cell
    for cell in (
        Cell("rnn_tanh", "gated", 1),
        Cell("rnn_relu", "gated", 1),
        Cell("gru", "gated", 3),
        Cell("lstm", "gated", 4, ("h", "c")),
    )
}

STATES = tuple(dict.fromkeys(name for cell in CELLS.values() for name in cell.state))
"""The names of all arrays that cells carry, the output first."""
