"""The transform of a model file: its facts and arrays, checked where they are read."""

from collections.abc import Collection
from typing import Any, NotRequired, TypedDict

import numpy as np

from hiddenstate.config import DataConfig, section_options
from hiddenstate.data.prepare.encoding import Encoding, EncodingFacts, encodings_from
from hiddenstate.data.prepare.known_ahead import KnownAhead, known_ahead
from hiddenstate.data.prepare.transform import Transform, feature_indices
from hiddenstate.errors import OptionError, UntrustedFileError, printable
from hiddenstate.models.labels import is_text
from hiddenstate.models.linear_file import (
    AXES,
    LinearFacts,
    arrays_of_linear,
    linear_from,
    linear_to_dict,
)
from hiddenstate.models.net import Net, Params
from hiddenstate.system.strict_json import check_fields
from hiddenstate.system.typing import Array


class TransformFacts(TypedDict):
    """Everything of a transform but its arrays, as values for JSON."""

    missing: str
    pixels: bool
    change: list[int] | None
    columns: list[str] | None
    targets: list[str] | None
    reading: dict[str, Any]
    encodings: NotRequired[list[EncodingFacts]]
    linear: NotRequired[LinearFacts]
    by_window: NotRequired[bool]
    quantiles: NotRequired[list[float]]


FIELDS: dict[str, Any] = {
    "missing": str,
    "pixels": bool,
    "change": (list, type(None)),
    "columns": (list, type(None)),
    "targets": (list, type(None)),
    "reading": dict,
    "encodings": list,
    "linear": (dict, type(None)),
    "by_window": bool,
    "quantiles": list,
}
"""The types of :class:`TransformFacts` in a file."""

PREFIX = "preparation/"
"""Prefix of the names of a transform's arrays in a model file."""


def transform_to_dict(transform: Transform) -> TransformFacts:
    """Return everything of a transform but its arrays, as values for JSON."""
    p = transform
    facts: TransformFacts = {
        "missing": p.missing,
        "pixels": p.pixels,
        "change": None if p.change is None else list(p.change),
        "columns": None if p.columns is None else list(p.columns),
        "targets": None if p.targets is None else list(p.targets),
        "reading": {n: list(v) if isinstance(v, tuple) else v for n, v in p.reading.items()},
    }
    if p.encodings:
        facts["encodings"] = [e.facts() for e in p.encodings]
    if p.linear is not None:
        facts["linear"] = linear_to_dict(p.linear)
    if p.by_window:
        facts["by_window"] = True
    if p.quantiles:
        facts["quantiles"] = list(p.quantiles)
    return facts


def arrays_of_transform(transform: Transform) -> Params:
    """Return a transform's arrays by their names in a model file."""
    p = transform
    offset, factor = p.scaling or (None, None)
    target_offset, target_factor = p.target_scaling or (None, None)
    named = {
        "fill": p.fill,
        "offset": offset,
        "factor": factor,
        "target_offset": target_offset,
        "target_factor": target_factor,
        **({} if p.linear is None else arrays_of_linear(p.linear)),
    }
    return {PREFIX + name: array for name, array in named.items() if array is not None}


def transform_from(stored: Any, arrays: Params, net: Net, where: str) -> Transform:
    """Return the transform of a model file if it fits `net`, else raise `UntrustedFileError`."""
    where = f"{printable(where)}: damaged transform"
    older: dict[str, Any] = {"encodings": [], "linear": None, "by_window": False, "quantiles": []}
    stored = check_fields(older | stored, FIELDS, where)
    missing, reading = _read_options(stored, net, where)
    width = net.n_features // (2 if missing == "mask" else 1)
    columns = read_names(stored["columns"], None, where)
    quantiles = _read_quantiles(stored["quantiles"], net, where)
    targets = read_names(stored["targets"], net.n_outputs // max(1, len(quantiles)), where)
    encodings = encodings_from(stored["encodings"], columns or (), where)
    known = _read_known(reading, columns, targets, encodings, width, where)
    own, horizon = feature_indices(targets, columns), reading.get("horizon") or 1
    others = set(range(len(columns or ())))
    linear = linear_from(stored["linear"], arrays, own, others, len(known.ahead), horizon, where)
    _check_sizes(arrays, AXES if linear is not None else (), width, net.n_outputs, where)
    by_window = stored["by_window"]
    if by_window and (linear is None or net.output != "last" or missing in ("mean", "mask")):
        raise UntrustedFileError(f"{where}: by_window does not fit the network")
    fills = missing in ("mean", "forward", "mask")
    if ("fill" in arrays) != fills or (missing == "mask" and net.n_features % 2):
        raise UntrustedFileError(f"{where}: fill does not match missing {missing}")
    return Transform(
        missing=missing,
        pixels=stored["pixels"],
        change=_read_change(stored["change"], width, net, where),
        fill=arrays.get("fill"),
        scaling=_read_scaling(arrays, "", where),
        target_scaling=_read_scaling(arrays, "target_", where),
        columns=columns,
        targets=targets,
        reading=reading,
        encodings=encodings,
        linear=linear,
        by_window=by_window,
        quantiles=quantiles,
    )


def _read_options(stored: Any, net: Net, where: str) -> tuple[str, dict[str, Any]]:
    """Return what is done about missing values, and the options that the data was read with."""
    options = section_options(DataConfig, net.job)
    try:
        missing = options["missing"].check(stored["missing"])
        for name in stored["reading"]:
            if name not in options or not options[name].kept:
                raise OptionError(f"{printable(name, 40)} is not a reading option")
        return missing, {name: options[name].check(v) for name, v in stored["reading"].items()}
    except OptionError as error:
        raise UntrustedFileError(f"{where}: {error}") from None


def _check_sizes(
    arrays: Params, of_path: Collection[str], width: int, n_outputs: int, where: str
) -> None:
    """Refuse arrays, but those of a linear path, that do not fit features and targets."""
    sizes = {"fill": width, "offset": width, "factor": width}
    sizes |= {"target_offset": n_outputs, "target_factor": n_outputs}
    for name, array in arrays.items():
        if name in of_path:
            continue
        size = sizes.get(name)
        if array.shape != (size,) or array.dtype != np.float64 or not np.isfinite(array).all():
            raise UntrustedFileError(f"{where}: {printable(name, 40)} is not {size} finite numbers")


def _read_known(
    reading: dict[str, Any],
    columns: tuple[str, ...] | None,
    targets: tuple[str, ...] | None,
    encodings: tuple[Encoding, ...],
    width: int,
    where: str,
) -> KnownAhead:
    """Return the features known ahead of a model file, which fit its `width` features."""
    future, static, horizon = (reading.get(name) for name in ("future", "static", "horizon"))
    try:
        known = known_ahead(future, static, horizon, columns, encodings)
    except KeyError:
        raise UntrustedFileError(f"{where}: future or static: no such column") from None
    given = [*known.ahead, *known.static]
    own = feature_indices(targets, columns)
    fits = own is not None and not set(own) & set(given) and len(set(given)) == len(given)
    fits = fits and bool(horizon) and len(known.names) + len(known.ahead) == width
    if given and not fits:
        raise UntrustedFileError(f"{where}: future or static: do not fit the features")
    return known


def _read_scaling(arrays: Params, prefix: str, where: str) -> tuple[Array, Array] | None:
    """Return the offset and the factor whose names begin with `prefix`, if there are any."""
    offset, factor = arrays.get(f"{prefix}offset"), arrays.get(f"{prefix}factor")
    if offset is None and factor is None:
        return None
    if offset is None or factor is None or not factor.all():
        raise UntrustedFileError(f"{where}: {prefix}offset and {prefix}factor are not a scaling")
    return offset, factor


def _read_quantiles(values: list[Any], net: Net, where: str) -> tuple[float, ...]:
    """Return the quantiles that are answered of each target, in rising order."""
    valid = all(isinstance(q, float) and 0 < q < 1 for q in values)
    valid = valid and list(values) == sorted(set(values))
    if not valid or (values and (not net.kind.has_targets or net.n_outputs % len(values))):
        raise UntrustedFileError(f"{where}: quantiles do not fit the network")
    return tuple(values)


def _read_change(
    values: list[Any] | None, width: int, net: Net, where: str
) -> tuple[int, ...] | None:
    """Return the features whose change the targets are, one of the first `width` for each."""
    if values is None:
        return None
    valid = all(type(feature) is int and 0 <= feature < width for feature in values)
    if not valid or len(values) != net.n_outputs or not net.kind.has_targets:
        raise UntrustedFileError(f"{where}: change: expected {net.n_outputs} features")
    return tuple(values)


def read_names(values: list[Any] | None, n_names: int | None, where: str) -> tuple[str, ...] | None:
    """Return names of columns; `n_names` says how many are expected, if that is fixed."""
    if values is None:
        return None
    if n_names not in (None, len(values)) or not all(map(is_text, values)):
        raise UntrustedFileError(f"{where}: expected {n_names or 'a list of'} names")
    return tuple(values)
