"""The parts of a net in integers, which the file of a model that has one can read."""

from __future__ import annotations

from hiddenstate.export.python.model import PARTS
from hiddenstate.program.integers import (
    Dequantise,
    Factors,
    Format,
    IntegerBeside,
    IntegerConvolution,
    IntegerDense,
    IntegerDirection,
    IntegerPool,
    IntegerReadout,
    IntegerRecurrent,
    Product,
    Quantise,
)

INTEGER_PARTS = (
    *(Quantise, Dequantise, IntegerDense, IntegerConvolution, IntegerPool),
    *(IntegerRecurrent, IntegerBeside, IntegerReadout),
    *(Format, Product, Factors, IntegerDirection),
)
PARTS.update((kind.__name__, kind) for kind in INTEGER_PARTS)
