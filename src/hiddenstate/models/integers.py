"""Weights as int8 with a scale for each row, and how the file of an integer model stores them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypedDict

import numpy as np

from hiddenstate.errors import UntrustedFileError, printable
from hiddenstate.models.layers import decoder_of, nets_of
from hiddenstate.models.net import Net, Params
from hiddenstate.program.lowering import converted
from hiddenstate.program.program import Program
from hiddenstate.program.quantising import MOST, Calibration, NotInteger, in_integers, row_scale
from hiddenstate.system.array_file import Layout
from hiddenstate.system.strict_json import check_fields
from hiddenstate.system.typing import Array

SCALES = "scale/"
"""Prefix of the names of scales in a model file; the name of their matrix follows."""


class IntegerFacts(TypedDict):
    """A calibration as values for JSON; see :class:`Calibration`."""

    state_bits: int
    input: int
    nets: list[list[dict[str, int]]]
    code: int | None
    decoder: list[dict[str, int]]


FIELDS: dict[str, Any] = {
    "state_bits": int,
    "input": int,
    "nets": list,
    "code": (int, type(None)),
    "decoder": list,
}
"""The types of :class:`IntegerFacts` in a file."""


def on_grid(weight: Array) -> tuple[Array, Array]:
    """Return weights (C, ...) as int8, and the scale (C,) of each row; see `row_scale`.

    Rows too small for a scale in float32 become zeros.
    """
    scale = row_scale(weight)
    tiny = scale < np.finfo(np.float32).tiny
    scale = np.where(tiny, 1.0, scale)
    q = np.rint(weight / _column(scale, weight)).clip(-MOST, MOST)
    return np.where(_column(tiny, weight), 0, q).astype(np.int8), scale


def multiples(q: Array, scale: Array, dtype: Any) -> Array:
    """Return int8 times the scale of each row, which is exact in any float type."""
    return np.asarray((q * _column(scale, q).astype(np.float64)).astype(dtype))


def params_on_grid(params: Params) -> Params:
    """Return weights with each matrix rounded to multiples of its scales; vectors stay.

    Done again, it changes nothing.
    """
    return {n: multiples(*on_grid(a), a.dtype) if a.ndim > 1 else a for n, a in params.items()}


def _column(rows: Array, like: Array) -> Array:
    """Return numbers of rows (C,) as a column for an array (C, ...)."""
    return rows.reshape(-1, *[1] * (like.ndim - 1))


# In a file


def stored(params: Params) -> Params:
    """Return weights on the grid as a file has them: int8, and a scale for each row."""
    arrays: Params = {}
    for name, array in params.items():
        arrays[name] = array
        if array.ndim > 1:
            arrays[name], scale = on_grid(array)
            arrays[SCALES + name] = scale.astype(np.float32)
    return arrays


def layout_of_floats(layout: Layout, where: str) -> Layout:
    """Return the layout of the weights that the arrays of a file of an integer model stand for.

    Raises
    ------
    UntrustedFileError
        If a matrix is not int8, or its scales are not one float32 a row.
    """
    floats: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {}
    own = {name: a for name, a in layout.items() if "/" not in name or name[:8] == "members/"}
    vectors = (dtype for dtype, shape in own.values() if len(shape) == 1)
    dtype = next(vectors, np.dtype(np.float32))
    for name, (stored_as, shape) in layout.items():
        if name in own and len(shape) > 1:
            scale = layout.get(SCALES + name)
            expected = (np.dtype(np.float32), shape[:1])
            if stored_as != np.int8 or scale != expected:
                raise UntrustedFileError(
                    f"{printable(where)}: {printable(name, 60)}: expected int8 and a scale for "
                    "each row"
                )
            floats[name] = (dtype, shape)
        elif name.removeprefix(SCALES) == name or name.removeprefix(SCALES) not in own:
            floats[name] = (stored_as, shape)
    return floats


def restored(arrays: Mapping[str, Array], where: str) -> Params:
    """Return arrays of a file of an integer model with its weights as floats.

    Raises
    ------
    UntrustedFileError
        As :func:`layout_of_floats`, and if scales are not those of their rows.
    """
    layout = layout_of_floats({n: (a.dtype, a.shape) for n, a in arrays.items()}, where)
    found: Params = {}
    for name, (dtype, _) in layout.items():
        found[name] = arrays[name]
        if arrays[name].dtype == np.int8:
            scale = arrays[SCALES + name].astype(np.float64)
            with np.errstate(invalid="ignore", over="ignore"):
                found[name] = multiples(arrays[name], scale, dtype)
                fits = np.array_equal(row_scale(found[name]), scale)
            if not fits:
                raise UntrustedFileError(
                    f"{printable(where)}: damaged scales of {printable(name, 60)}"
                )
    return found


def facts_of(calibration: Calibration) -> IntegerFacts:
    """Return a calibration as values for JSON; :func:`calibration_from` reads them."""
    return {
        "state_bits": calibration.state_bits,
        "input": calibration.input,
        "nets": [[dict(layer) for layer in net] for net in calibration.nets],
        "code": calibration.code,
        "decoder": [dict(layer) for layer in calibration.decoder],
    }


def calibration_from(stored: Any, net: Net, params: Params, where: str) -> Calibration:
    """Return the calibration of a model file if the weights have a form in integers with it.

    Raises
    ------
    UntrustedFileError
        Otherwise.
    """
    where = f"{printable(where)}: damaged calibration"
    facts = check_fields(stored, FIELDS, where)
    lists = [*facts["nets"], facts["decoder"]]
    if not all(isinstance(each, list) and all(map(_are_bits, each)) for each in lists):
        raise UntrustedFileError(f"{where}: expected bits by name for each layer")
    nets = tuple(map(tuple, facts["nets"]))
    found = Calibration(**{**facts, "nets": nets, "decoder": tuple(facts["decoder"])})
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
