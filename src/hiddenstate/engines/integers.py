"""Nets in integers: their answers, to the bit those of the program, and grids to train on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from hiddenstate.data.rows import fractions
from hiddenstate.engines.interface import Source, Task, check_state
from hiddenstate.engines.reference import ReferencePredictor
from hiddenstate.kernels import default_threads, level, native
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.integers import params_on_grid, program_of_nets
from hiddenstate.models.meaning import program_of
from hiddenstate.models.net import Net, Params
from hiddenstate.program.calibrating import Calibration, calibrated
from hiddenstate.program.cells import CELLS
from hiddenstate.program.integers import (
    INTEGER_EQUATIONS,
    LARGEST_SUM,
    SIGMOID,
    SUM_BITS,
    Dequantise,
    Factors,
    Format,
    IntegerBeside,
    IntegerConvolution,
    IntegerDense,
    IntegerDirection,
    IntegerRecurrent,
    Product,
    Quantise,
)
from hiddenstate.program.layers import Layer, run_layers, state_of
from hiddenstate.program.program import Program
from hiddenstate.program.quantising import in_integers
from hiddenstate.system.typing import Array

_KINDS = tuple(INTEGER_EQUATIONS)
"""Cells in the order of `IntegerKind` in contract.h."""

CALIBRATED_ROWS = 1000
"""About how many rows say how large numbers are."""

Pair = tuple[int, int]
"""Bits of a vector, and its largest integer; (0, 0) of one that is not rounded."""

_TABLE = [*SIGMOID.tolist(), int(SIGMOID[-1])]


def compiled(program: Program, threads: int = 0) -> Program:
    """Return a program in integers that gives the same, and has the same state, in the kernels;
    `program` itself if they are off.

    Parameters
    ----------
    program : Program
        As :func:`hiddenstate.program.quantising.in_integers` makes it.
    threads : int, default 0
        0 for :func:`hiddenstate.kernels.default_threads`.
    """
    if level() is None:
        return program
    threads = threads or default_threads()
    nets = tuple(tuple(_compiled(layer, threads) for layer in net) for net in program.nets)
    decoder: Any = tuple(_compiled(layer, threads) for layer in program.decoder)
    return replace(program, nets=nets, decoder=decoder)


def calibrated_on(task: Task, params: Params) -> Calibration:
    """Return the bits of a net with these weights, rounded, on about `CALIBRATED_ROWS` of its
    training rows.

    Raises
    ------
    NotInteger
        If its numbers do not fit.
    """
    every = max(1, len(task.X) // CALIBRATED_ROWS)
    x = fractions(task.X[np.arange(0, len(task.X), every)], np.float64)
    lengths = None if task.lengths is None else task.lengths[::every]
    program = program_of_nets(task.net, params_on_grid(task.net, params))
    return calibrated(program, x, lengths, task.state_bits)


def grids(
    net: Net, params: Params, calibration: Calibration
) -> tuple[Pair, list[Pair], list[tuple[Pair, Pair, Pair, Pair, int]], list[Pair]]:
    """Return how the kernels round a net without members while they train it: its inputs, what
    each layer of a stem gives, of each recurrent layer h, c, what stands between the factors of
    both products, and the bits of sums, and what each dense layer but the last gives."""
    program = in_integers(program_of_nets(net, params_on_grid(net, params)), calibration)
    first, *layers = _flat(program.nets[0])
    assert isinstance(first, Quantise)
    recurrent = [layer for layer in layers if isinstance(layer, IntegerRecurrent)]
    dense = [layer.format for layer in layers if isinstance(layer, IntegerDense)][:-1]
    if program.decoder:
        code, *rest = program.decoder
        assert isinstance(code, Quantise)
        dense += [code.format, *(e.format for e in rest[:-2] if isinstance(e, IntegerDense))]
    return (
        _pair(first.format),
        [_pair(layer.format) for layer in layers if isinstance(layer, IntegerConvolution)],
        [_of_layer(layer) for layer in recurrent],
        [_pair(format) for format in dense],
    )


def _pair(format: Format | None) -> Pair:
    return (format.bits, format.most) if format else (0, 0)


def _of_layer(layer: IntegerRecurrent) -> tuple[Pair, Pair, Pair, Pair, int]:
    direction = layer.directions[0]
    inputs, hidden = (
        each.format if len(each.products) > 1 else None
        for each in (direction.inputs, direction.hidden)
    )
    sums = int(direction.own["bits"][0]) if "bits" in direction.own else SUM_BITS
    h, c = _pair(layer.formats["h"]), _pair(layer.formats.get("c"))
    return h, c, _pair(inputs), _pair(hidden), sums


def _compiled(layer: Layer, threads: int) -> Layer:
    if isinstance(layer, IntegerBeside):
        return replace(layer, layers=tuple(_compiled(each, threads) for each in layer.layers))
    if isinstance(layer, (IntegerDense, IntegerConvolution)):
        return replace(layer, product=_compiled_product(layer.product, threads))
    if not isinstance(layer, IntegerRecurrent):
        return layer
    if CELLS[layer.cell].hidden:
        return _CompiledRecurrent(**_fields(layer), threads=threads)
    # Of cells without a product of the state the kernels compute the others.
    directions = tuple(_with_products(each, threads) for each in layer.directions)
    return replace(layer, directions=directions)


def _with_products(direction: IntegerDirection, threads: int) -> IntegerDirection:
    def of(factors: Factors) -> Factors:
        products = (_compiled_product(each, threads) for each in factors.products)
        return replace(factors, products=tuple(products))

    block = {name: of(factors) for name, factors in direction.block.items()}
    return replace(direction, inputs=of(direction.inputs), block=block)


def _compiled_product(product: Product, threads: int) -> Product:
    return _CompiledProduct(**_fields(product), threads=threads)


def _fields(one: Any) -> dict[str, Any]:
    return {field.name: getattr(one, field.name) for field in fields(one)}


def _packed(product: Product) -> Any:
    arrays = (product.weight, product.bias, product.multiplier, product.shift)
    return native().WholeProduct(level(), *(np.ascontiguousarray(each) for each in arrays))


def _halves(x: Array) -> Array:
    return np.ascontiguousarray(x, np.int16)


@dataclass(frozen=True)
class _CompiledProduct(Product):
    """A product; results are cut to 32 bits, as whatever reads them cuts them at least."""

    threads: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "packed", _packed(self))

    def of(self, x: Array) -> Array:
        """As :meth:`Product.of`."""
        shape = (*x.shape[:-1], len(self.weight))
        out = np.empty(shape, np.int32)
        rows = _halves(x).reshape(-1, x.shape[-1])
        self.packed.of(rows, out.reshape(len(rows), -1), self.threads)  # type: ignore[attr-defined]
        return out.astype(np.int64)


@dataclass(frozen=True)
class _CompiledRecurrent(IntegerRecurrent):
    """A recurrent layer whose directions sweep in the kernels."""

    threads: int = 1

    def __post_init__(self) -> None:
        made = [(each, self._pack(each)) for each in self.directions]
        object.__setattr__(self, "packed", made)

    def _pack(self, direction: IntegerDirection) -> Any:
        h, own = self.formats["h"], direction.own
        c, names = self.formats.get("c", h), [weight.name for weight in CELLS[self.cell].weights]

        def products(factors: Factors) -> list[Any]:
            return [_packed(product) for product in factors.products]

        return native().WholeCell(
            level(),
            _KINDS.index(self.cell),
            direction.hidden_size,
            products(direction.inputs),
            products(direction.hidden),
            [direction.inputs.format.most, direction.hidden.format.most],
            [h.bits, c.bits, int(own["bits"][0]) if "bits" in own else 0],
            [h.most, c.most, LARGEST_SUM],
            [own[name].tolist() for name in names if name in own],
            _TABLE,
        )

    def _sweep(
        self,
        direction: IntegerDirection,
        x: Array,
        read: Array | None,
        state: tuple[Array, ...],
        backward: bool,
    ) -> tuple[Array, tuple[Array, ...]]:
        """As the method of the base: `read` is a prefix of each row."""
        packed = next(cell for each, cell in self.packed if each is direction)  # type: ignore[attr-defined]
        after = [np.array(each, np.int32, order="C") for each in state]
        y = np.empty((*x.shape[:2], direction.hidden_size), np.int32)
        lengths = None if read is None else read.sum(axis=1, dtype=np.int64)
        c = after[1] if len(after) > 1 else None
        packed.sweep(_halves(x), lengths, after[0], c, y, backward, self.threads)
        return y.astype(np.int64), tuple(each.astype(np.int64) for each in after)


class IntegerPredictor(ReferencePredictor):
    """Computes the outputs of a model in integers; see :class:`Predictor`.

    Its states are those that the integers stand for, exactly. Answers to rows with missing values,
    which nothing filled in, are NaN, from the first on where there is one at every step.

    Parameters
    ----------
    model : FittedModel
        With a calibration.
    threads : int, default 0
        As :func:`compiled`.
    """

    def __init__(self, model: FittedModel, threads: int = 0) -> None:
        self.net, self.dtype = model.net, np.dtype(np.float64)
        program = compiled(program_of(model), threads)
        self._layers, self._decoder = program.nets[0], program.decoder
        self._bits: dict[str, Array] = {}
        given = 0
        for layer in _flat(self._layers):
            if isinstance(layer, IntegerRecurrent):
                given = layer.formats["h"].bits
                for name in CELLS[layer.cell].state:
                    own = np.full((len(layer.directions), 1, 1), layer.formats[name].bits)
                    before = self._bits.get(name, own[:0])
                    self._bits[name] = np.concatenate([before, own])
        if model.gives_states:  # no multiples of the scales of rows are an identity
            self._layers = (*self._layers[:-2], Dequantise(given))
        self._whole = any(layer.whole_rows for layer in self._layers)

    def predict(self, X: Source, lengths: Array | None = None) -> Array:
        """Return the outputs for rows `X`; see `Predictor.predict`."""
        parts = []
        for some in self._pieces(X):
            rows, own = fractions(X[some], self.dtype), None if lengths is None else lengths[some]
            parts.append(self._run(rows, own, None)[0])
        return np.concatenate(parts)

    def forward(self, X: Array, state: Params) -> tuple[Array, Params]:
        """Return the outputs for parallel rows and their last state; see `Predictor.forward`."""
        check_state(state, self.net, len(X))
        begin, gone = state_of(self._layers, len(X)), np.zeros(len(X), bool)
        for name, array in state.items():
            gone |= np.isnan(array).any(axis=(0, 2))
            whole = np.ldexp(np.nan_to_num(np.asarray(array, np.float64)), self._bits[name])
            begin[name] = np.rint(whole).astype(np.int64)
        outputs, after = self._run(fractions(X, self.dtype), None, begin, gone)
        return outputs, {name: after[name] for name in self.net.state_shapes(len(X))}

    def _run(
        self, X: Array, lengths: Array | None, begin: Params | None, gone: Array | None = None
    ) -> tuple[Array, Params]:
        """Return outputs, and the state after the last step of rows; NaN of rows that are `gone`
        from the first step, or from one with missing values on."""
        known = np.asarray(np.isfinite(X).all(axis=-1))
        if lengths is not None:
            known |= np.arange(X.shape[1]) >= lengths[:, None]
        layers = (*self._layers, *self._decoder)
        y, _, after = run_layers(layers, np.where(known[..., None], X, 0), lengths, begin)
        for name, bits in self._bits.items():
            after[name] = np.ldexp(after[name].astype(np.float64), -bits)
        if gone is not None and gone.any():
            known[gone, 0] = False
        if not known.all():
            lost = ~known if known.ndim == 1 else ~known.all(axis=1)
            if y.shape[:-1] == known.shape and known.ndim == 2 and not self._whole:
                y[~np.logical_and.accumulate(known, axis=1)] = np.nan
            else:
                y[lost] = np.nan
            for name in self._bits:
                after[name][:, lost] = np.nan
        return y, after


def _flat(layers: Sequence[Layer]) -> Iterator[Layer]:
    for layer in layers:
        yield from _flat(layer.layers) if isinstance(layer, IntegerBeside) else (layer,)
