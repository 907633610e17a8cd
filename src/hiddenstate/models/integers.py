"""Weights as int8 with a scale for each row, and how the file of an integer model stores them."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NotRequired, TypedDict

import numpy as np

from hiddenstate.config import JOBS, DataConfig, make_config, section_options
from hiddenstate.errors import UntrustedFileError, printable
from hiddenstate.models.layers import decoder_of, nets_of
from hiddenstate.models.net import Net, Params
from hiddenstate.models.sparse import matrix_of, sparse_bytes
from hiddenstate.program.calibrating import MOST, Calibration, NotInteger
from hiddenstate.program.cells import Cell
from hiddenstate.program.lowering import converted, summed
from hiddenstate.program.program import Program
from hiddenstate.program.quantising import SCALE_BITS, in_integers, row_scale
from hiddenstate.system.array_file import Layout
from hiddenstate.system.strict_json import check_fields
from hiddenstate.system.typing import Array

SCALES = "scale"
"""Name of the scales in a model file: those of the rows of all matrices, one after the other."""

ROOM = 28
"""Binary places between the largest scale of a net and the least, so that float16 has all."""


class IntegerFacts(TypedDict):
    """A calibration as values for JSON; see :class:`Calibration`. `scale` is the binary exponent of
    the unit of the scales in the file."""

    state_bits: int
    input: int
    nets: list[list[dict[str, int]]]
    scale: int
    code: NotRequired[int | None]
    decoder: NotRequired[list[dict[str, int]]]


FIELDS: dict[str, Any] = {
    "state_bits": int,
    "input": int,
    "nets": list,
    "code": (int, type(None)),
    "decoder": list,
    "scale": int,
}
"""The types of :class:`IntegerFacts` in a file."""


def on_grid(weight: Array, least: float = 0.0) -> tuple[Array, Array]:
    """Return weights (C, ...) as int8, and the scale (C,) of each row; see `row_scale`.

    Rows whose scale would be less than `least`, or than float32 has it, become zeros.
    """
    scale = row_scale(weight)
    tiny = scale < max(least, float(np.finfo(np.float32).tiny))
    scale = np.where(tiny, 1.0, scale)
    q = np.rint(weight / _column(scale, weight)).clip(-MOST, MOST)
    return np.where(_column(tiny, weight), 0, q).astype(np.int8), scale


def multiples(q: Array, scale: Array, dtype: Any) -> Array:
    """Return int8 times the scale of each row, which is exact in any float type."""
    return np.asarray((q * _column(scale, q).astype(np.float64)).astype(dtype))


def params_on_grid(net: Net, params: Params) -> Params:
    """Return the weights of a net with each matrix rounded to multiples of its scales, and vectors
    of recurrent layers as :func:`rounded_vectors`. Done again, it changes nothing."""
    least = 2.0 ** (_exponent(params) + 15 - ROOM)
    rounded = {
        name: multiples(*on_grid(array, least), array.dtype) if array.ndim > 1 else array
        for name, array in params.items()
    }
    return rounded_vectors(net, rounded)


def rounded_vectors(net: Net, params: Params) -> Params:
    """Return weights whose vectors of recurrent layers are float16, but for those of eigenvalues;
    of two biases that are added there is one."""
    found = dict(params)
    if net.kind.has_series:
        for names in _vectors(net.cell, params):
            own = _rounded_own(net.cell, {each: params[name] for each, name in names.items()})
            found |= {names[each]: array for each, array in own.items()}
    return found


def _vectors(cell: Cell, params: Params) -> Iterable[dict[str, str]]:
    """Return the names in `params` of the arrays of each direction that are no matrices, by their
    own; logarithms of eigenvalues stay as they are."""
    own = {weight.name for weight in cell.weights if weight.axes in ("G", "H", "1")}
    places: dict[tuple[str, str], dict[str, str]] = {}
    for name in params:
        member, _, array = name.rpartition("rnn.")
        array, _, place = array.rpartition("_l")
        if array in own:
            places.setdefault((member, place), {})[array] = name
    return places.values()


def _rounded_own(cell: Cell, own: dict[str, Array]) -> dict[str, Array]:
    """Return the own arrays of a direction in float16, with one sum where only that counts."""
    sums = summed(cell, own)
    if max(float(np.abs(each).max(initial=0)) for each in sums.values()) > float(
        np.finfo(np.float16).max
    ):
        return own
    return {name: array.astype(np.float16).astype(array.dtype) for name, array in sums.items()}


def _exponent(params: Params) -> int:
    """Return the binary exponent of the unit in which the scales of all matrices are at most 2**15;
    0 of nothing but zeros."""
    largest = [np.abs(array).max(initial=0) / MOST for array in params.values() if array.ndim > 1]
    # The scale of the largest row may be rounded up to a power of 2.
    return int(np.frexp(max(largest) * (1 + 2.0**-SCALE_BITS))[1]) - 15 if any(largest) else 0


def _column(rows: Array, like: Array) -> Array:
    """Return numbers of rows (C,) as a column for an array (C, ...)."""
    return rows.reshape(-1, *[1] * (like.ndim - 1))


# In a file


def stored(net: Net, params: Params) -> Params:
    """Return weights on the grid as a file has them: int8 or, where they are fewer, the bytes of
    :mod:`hiddenstate.models.sparse`; a scale for each row, and vectors in float16 where that has
    them; zeros of recurrent layers are left out."""
    arrays: Params = {}
    scales, unit = list[Array](), 2.0 ** -_exponent(params)
    for name in net.shapes():
        array = params[name]
        if array.ndim > 1:
            q, scale = on_grid(array)
            scales.append(np.where(_has_any(q), scale * unit, 0))
            sparse = sparse_bytes(q)
            arrays[name] = q if sparse is None else sparse
        elif "rnn." not in name:
            arrays[name] = array
        elif array.any():
            with np.errstate(over="ignore"):
                half = array.astype(np.float16)
            arrays[name] = half if np.array_equal(half.astype(array.dtype), array) else array
    arrays[SCALES] = np.concatenate(scales).astype(np.float16)
    return arrays


def _has_any(q: Array) -> Array:
    """Return which rows (C,) have a number that is not 0."""
    return np.asarray(q.reshape(len(q), -1).any(axis=1))


def layout_of_floats(layout: Layout, net: Net, where: str) -> Layout:
    """Return the layout of the weights that the arrays of a file of an integer model stand for.

    Raises
    ------
    UntrustedFileError
        If a matrix is neither int8 nor fewer bytes, or there is not one scale in float16 for each
        row.
    """
    shapes, own = net.shapes(), {n: a for n, a in layout.items() if n in net.shapes()}
    types = (dtype for dtype, shape in own.values() if len(shape) == 1 and dtype.itemsize > 2)
    dtype = next(types, np.dtype(np.float32))
    rows = sum(shape[0] for shape in shapes.values() if len(shape) > 1)
    wanted: dict[str, Any] = {n: (np.dtype(np.int8), s) for n, s in shapes.items() if len(s) > 1}
    wanted[SCALES] = (np.dtype(np.float16), (rows,))
    for name, expected in wanted.items():
        given = layout.get(name)
        if given != expected and not (name in shapes and _is_sparse(given, shapes[name])):
            raise UntrustedFileError(
                f"{printable(where)}: {name}: expected {expected[0]} {expected[1]}"
            )
    floats = {name: a for name, a in layout.items() if name != SCALES}
    for name, shape in shapes.items():
        given = floats.get(name, (np.dtype(np.float16), shape))
        if len(shape) > 1:
            floats[name] = (dtype, shape)
        elif "rnn." in name and given[0] == np.float16:
            floats[name] = (dtype, given[1])
    return floats


def _is_sparse(given: Any, shape: tuple[int, ...]) -> bool:
    """Return whether the type and shape of an array are those of the bytes of a sparse matrix."""
    if given is None or given[0] != np.uint8 or len(shape) < 2 or len(given[1]) != 1:
        return False
    (n,) = given[1]
    return bool(n % 2 == 0 and 2 * shape[0] <= n < math.prod(shape))


def restored(arrays: Mapping[str, Array], net: Net, stored: Any, where: str) -> Params:
    """Return arrays of a file of an integer model with its weights as floats; `stored` are the
    facts of its calibration.

    Raises
    ------
    UntrustedFileError
        As :func:`layout_of_floats`, and if scales are not those of their rows, or bytes those of no
        sparse matrix.
    """
    unit = _checked(stored, f"{printable(where)}: damaged calibration")["scale"]
    if not -1000 < unit < 1000:
        raise UntrustedFileError(f"{printable(where)}: damaged calibration: scale is {unit}")
    layout = layout_of_floats({n: (a.dtype, a.shape) for n, a in arrays.items()}, net, where)
    found: Params = {}
    scales, first = np.ldexp(arrays[SCALES].astype(np.float64), unit), 0
    for name, shape in net.shapes().items():
        dtype = layout[name][0] if name in layout else None
        if len(shape) > 1:
            q, given = arrays[name], scales[first : first + shape[0]]
            if q.ndim == 1:
                try:
                    q = matrix_of(q, shape)
                except ValueError as error:
                    damaged = f"damaged weights of {printable(name, 60)}: {error}"
                    raise UntrustedFileError(f"{printable(where)}: {damaged}") from None
            first += shape[0]
            with np.errstate(invalid="ignore", over="ignore"):
                found[name] = multiples(q, given, dtype)
                scale = np.where(_has_any(q), row_scale(found[name]), 0)
            if not np.array_equal(scale, given):
                raise UntrustedFileError(
                    f"{printable(where)}: damaged scales of {printable(name, 60)}"
                )
        elif dtype is not None:
            found[name] = arrays.get(name, np.zeros(shape)).astype(dtype)
    return {name: found.get(name, arrays.get(name)) for name in layout}  # type: ignore[misc]


def shorter(facts: dict[str, Any]) -> dict[str, Any]:
    """Return facts of a model without what reading them adds: options of the net that have their
    defaults and came with later versions, and options of reading data that are not set."""
    net, job = facts["net"], facts["net"]["job"]
    options = section_options(type(make_config(job, {}).model), job)
    model = {
        name: value
        for name, value in net["model"].items()
        if options[name].since == 1 or value != options[name].default_for(job)
    }
    preparation, unset = facts["preparation"], _unset(job)
    reading = {n: v for n, v in preparation["reading"].items() if v is not None or n not in unset}
    return {
        **facts,
        "net": {**net, "model": model},
        "preparation": {**preparation, "reading": reading},
    }


def longer(facts: dict[str, Any]) -> dict[str, Any]:
    """Return facts with the options of reading data that :func:`shorter` left out."""
    preparation, job = facts["preparation"], facts["net"].get("job")
    if job not in JOBS or not isinstance(preparation.get("reading"), dict):
        return facts  # which is refused where they are read
    reading = dict.fromkeys(_unset(job)) | preparation["reading"]
    return {**facts, "preparation": {**preparation, "reading": reading}}


def _unset(job: str) -> list[str]:
    """Return the kept options of reading data that are not set by default."""
    options = section_options(DataConfig, job).items()
    return [name for name, o in options if o.kept and o.default_for(job) is None]


def facts_of(calibration: Calibration, params: Params) -> IntegerFacts:
    """Return a calibration, and the unit of the scales of weights, as values for JSON."""
    facts: IntegerFacts = {
        "state_bits": calibration.state_bits,
        "input": calibration.input,
        "nets": [[dict(layer) for layer in net] for net in calibration.nets],
        "scale": _exponent(params),
    }
    if calibration.code is not None:
        facts["code"] = calibration.code
        facts["decoder"] = [dict(layer) for layer in calibration.decoder]
    return facts


def _checked(stored: Any, where: str) -> dict[str, Any]:
    """Return the facts of a calibration; those of a net without a decoder have no `code`."""
    return check_fields({"code": None, "decoder": [], **stored}, FIELDS, where)


def calibration_from(stored: Any, net: Net, params: Params, where: str) -> Calibration:
    """Return the calibration of a model file if the weights have a form in integers with it.

    Raises
    ------
    UntrustedFileError
        Otherwise.
    """
    where = f"{printable(where)}: damaged calibration"
    facts = _checked(stored, where)
    lists = [*facts["nets"], facts["decoder"]]
    if not all(isinstance(each, list) and all(map(_are_bits, each)) for each in lists):
        raise UntrustedFileError(f"{where}: expected bits by name for each layer")
    nets = tuple(map(tuple, facts["nets"]))
    decoder, bits = tuple(facts["decoder"]), facts["state_bits"]
    found = Calibration(bits, facts["input"], nets, facts["code"], decoder)
    try:
        in_integers(program_of_nets(net, params), found)
    except NotInteger as error:
        raise UntrustedFileError(f"{where}: {error}") from None
    return found


def program_of_nets(net: Net, params: Params) -> Program:
    """Return a program of the layers of a net alone, in float64."""
    nets, decoder = nets_of(net, params), decoder_of(net, params)
    return converted(Program(net.job, (), nets, decoder=decoder), np.float64)


def of_states(calibration: Calibration, net: Net) -> Calibration:
    """Return the calibration of a net, without members, with an output at every step in place of
    the outputs of `net`."""
    config, (bits,) = net.recurrent, calibration.nets
    stem = len(config.stem_channels) + (config.stem_pool > 1) if config.stem else 0
    # What stands beside layers, and readouts, has no vectors.
    kept = (*bits[:stem], *(each for each in bits[stem:] if each))
    return replace(calibration, nets=(kept,))


def _are_bits(value: Any) -> bool:
    return isinstance(value, dict) and all(type(bits) is int for bits in value.values())
