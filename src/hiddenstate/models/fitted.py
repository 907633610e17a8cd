"""A trained net with what its inputs and outputs mean, and the file it is kept in."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.config import DataConfig, section_options
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.errors import DataError, OptionError, UntrustedFileError, printable
from hiddenstate.models.net import Net, Params, net_from_dict
from hiddenstate.system.array_file import Layout, read_arrays, write_arrays
from hiddenstate.system.atomic_file import clear_stale
from hiddenstate.system.strict_json import check_fields


@dataclass(frozen=True)
class FittedModel:
    """A trained net: its shape, its arrays, and what its inputs and outputs mean.

    Parameters
    ----------
    net : Net
    params : dict of ndarray
        Weights by torch name.
    classes : list, optional
        The label of each output of a classifier.
    row_shape : tuple of int
        The shape of one row of X it was trained on, without the sample axis: (T, I), of which
        T may differ in use, or (F,).
    stateful : bool
        Whether rows follow one another (regress).
    transform : Transform
        What is done to rows before the net reads them, and to its outputs after.
    """

    net: Net
    params: Params = field(repr=False)
    classes: list[Any] | None = None
    row_shape: tuple[int, ...] = ()
    stateful: bool = False
    transform: Transform = field(default_factory=Transform)

    @property
    def n_features(self) -> int:
        """Features of a step, or of a flat row, as the data has them."""
        return self.transform.n_features(self.net.n_features)

    @property
    def dtype(self) -> Any:
        """The float type of the weights, and of all arithmetic with them."""
        return next(iter(self.params.values())).dtype

    def require_classes(self) -> list[Any]:
        """Return the labels of a classifier (`RuntimeError` of any other model)."""
        if self.classes is None:
            raise RuntimeError(f"a {self.net.job} model has no classes")
        return self.classes

    def folded(self) -> Params:
        """The weights with all scaling folded into the first and the last layer.

        A net with these takes X as the data has it, and gives targets or rows in their own
        units: a first layer W ((x - offset) factor) + b is (W factor) x + b - W (offset factor).

        Raises
        ------
        DataError
            If rows are prepared in a way that is no part of a net.
        """
        prep, params = self.transform, dict(self.params)
        sigmoid = getattr(self.net.config, "output_activation", "") == "sigmoid"
        for what, there, mend in (
            ("the mask of missing values", prep.missing == "mask", "another --missing"),
            ("a scaled sigmoid", prep.scaling is not None and sigmoid, "another --scale"),
            ("adding a change to the last value", prep.change is not None, "--no-change"),
        ):
            if there:
                raise DataError(f"{what} is no part of a net; train with {mend}")
        ends = [(n, n.replace("weight", "bias")) for n in params if "weight_ih_l0" in n]
        ends = ends or [("encoder.0.weight", "encoder.0.bias")]
        if prep.scaling is not None:
            offset, factor = prep.scaling
            for weight, bias in ends:
                W = params[weight].astype(np.float64)
                params[bias] = (params[bias] - W @ (offset * factor)).astype(self.dtype)
                params[weight] = (W * factor).astype(self.dtype)
        autoencoder = self.net.job == "autoencode"
        last = prep.scaling if autoencoder else prep.target_scaling
        if last is not None:
            offset, factor = last
            weight = [n for n in params if n.endswith("weight") and not n.startswith("rnn.")][-1]
            bias = weight.replace("weight", "bias")
            params[weight] = (params[weight] / factor[:, None]).astype(self.dtype)
            params[bias] = (params[bias] / factor + offset).astype(self.dtype)
        return params

    def facts(self) -> dict[str, Any]:
        """All but the arrays, as JSON takes it."""
        return {
            "net": self.net.to_dict(),
            "classes": self.classes,
            "row_shape": list(self.row_shape),
            "stateful": self.stateful,
            "preparation": transform_to_dict(self.transform),
        }

    def save(self, path: Path, extra: Mapping[str, Any] | None = None) -> None:
        """Write the model to `path`, whole or not at all; `extra` is kept beside it."""
        arrays = self.params | _arrays_of(self.transform)
        clear_stale(path.parent)
        write_arrays(path, "model", arrays, {**self.facts(), "extra": dict(extra or {})})


def load_model(path: Path) -> tuple[FittedModel, dict[str, Any]]:
    """Read a model file: the model, and the extra facts kept with it.

    Raises
    ------
    UntrustedFileError
        If it is damaged, foreign, or its weights do not fit its net.
    """
    where = str(path)

    def fits(layout: Layout, facts: dict[str, Any]) -> None:
        _check_layout(layout, _checked_facts(facts, where)[0], where)

    arrays, facts = read_arrays(path, "model", fits)
    net, facts = _checked_facts(facts, where)
    own = {n.removeprefix(PREFIX): arrays.pop(n) for n in list(arrays) if n.startswith(PREFIX)}
    params = net.check(arrays, where)
    prep = _read_transform(facts["preparation"], own, net, where)
    row_shape = tuple(facts["row_shape"])
    model = FittedModel(net, params, facts["classes"], row_shape, facts["stateful"], prep)
    return model, facts["extra"]


def _checked_facts(facts: dict[str, Any], where: str) -> tuple[Net, dict[str, Any]]:
    """The net that a model file's facts tell of, and the facts, all there and fitting it.

    Raises
    ------
    UntrustedFileError
        Naming `where` and the fact.
    """
    where = printable(where)
    fields: dict[str, Any] = {
        "net": dict,
        "classes": (list, type(None)),
        "row_shape": list,
        "stateful": bool,
        "preparation": dict,
        "extra": dict,
    }
    facts = {"preparation": transform_to_dict(Transform())} | facts  # format 1 had none
    facts = check_fields(facts, fields, f"{where}: damaged facts")
    net = net_from_dict(facts["net"], where)
    classes, row_shape = facts["classes"], facts["row_shape"]
    if not _fits(row_shape, net):
        raise UntrustedFileError(f"{where}: row_shape does not fit the net")
    if (classes is not None) != (net.job == "classify"):
        raise UntrustedFileError(f"{where}: classes belong to a classifier, and to it alone")
    if classes is not None and not _are_labels(classes, net.n_outputs):
        raise UntrustedFileError(f"{where}: expected {net.n_outputs} different labels as classes")
    return net, facts


def _check_layout(layout: Layout, net: Net, where: str) -> None:
    """Refuse arrays that are neither the net's weights nor a vector of its transform."""
    net.check_layout({n: a for n, a in layout.items() if not n.startswith(PREFIX)}, where)
    for name, (dtype, shape) in layout.items():
        fitting = dtype == np.float64 and len(shape) == 1
        if name.startswith(PREFIX) and not (
            fitting and shape[0] <= max(net.n_features, net.n_outputs)
        ):
            raise UntrustedFileError(
                f"{printable(where)}: damaged transform: {printable(name, 60)} is {dtype} "
                f"{shape}, expected one axis of float64"
            )


def _fits(row_shape: list[Any], net: Net) -> bool:
    """Whether rows of that shape are what the net reads."""
    if not all(type(size) is int and 0 < size < 2**31 for size in row_shape):
        return False
    if net.job == "autoencode":
        return math.prod(row_shape) == net.n_features and bool(row_shape)
    return len(row_shape) == 2 and row_shape[1] == net.n_features


def _are_labels(classes: list[Any], n: int) -> bool:
    """Whether `classes` are `n` different texts or numbers."""
    plain = all(isinstance(label, (str, int, float)) for label in classes)
    return plain and len(classes) == n and len(set(classes)) == n


PREFIX = "preparation/"
"""What the names of a transform's arrays begin with in a model file."""


def transform_to_dict(transform: Transform) -> dict[str, Any]:
    """All of a transform but its arrays, as JSON takes it."""
    p = transform
    return {
        "missing": p.missing,
        "pixels": p.pixels,
        "change": None if p.change is None else list(p.change),
        "columns": None if p.columns is None else list(p.columns),
        "targets": None if p.targets is None else list(p.targets),
        "reading": {n: list(v) if isinstance(v, tuple) else v for n, v in p.reading.items()},
    }


def _arrays_of(transform: Transform) -> Params:
    """A transform's arrays by their name in a model file."""
    p = transform
    offset, factor = p.scaling or (None, None)
    target_offset, target_factor = p.target_scaling or (None, None)
    named = {
        "fill": p.fill,
        "offset": offset,
        "factor": factor,
        "target_offset": target_offset,
        "target_factor": target_factor,
    }
    return {PREFIX + name: array for name, array in named.items() if array is not None}


def _read_transform(stored: Any, arrays: Params, net: Net, where: str) -> Transform:
    """The transform of a model file, sure that it fits `net` (`UntrustedFileError`)."""
    optional = (list, type(None))
    fields: dict[str, Any] = {
        "missing": str,
        "pixels": bool,
        "change": optional,
        "columns": optional,
        "targets": optional,
        "reading": dict,
    }
    where = f"{printable(where)}: damaged transform"
    stored = check_fields(stored, fields, where)
    known = section_options(DataConfig, net.job)
    try:
        missing = known["missing"].check(stored["missing"])
        strange = [n for n in stored["reading"] if n not in known or not known[n].kept]
        if strange:
            raise OptionError(f"{printable(strange[0], 40)} is no option of reading")
        reading = {name: known[name].check(v) for name, v in stored["reading"].items()}
    except OptionError as error:
        raise UntrustedFileError(f"{where}: {error}") from None
    width = net.n_features // (2 if missing == "mask" else 1)
    sizes = {"fill": width, "offset": width, "factor": width}
    sizes |= {"target_offset": net.n_outputs, "target_factor": net.n_outputs}
    for name, array in arrays.items():
        size = sizes.get(name)
        if array.shape != (size,) or array.dtype != np.float64 or not np.isfinite(array).all():
            raise UntrustedFileError(f"{where}: {printable(name, 40)} is not {size} finite numbers")
    fill_wanted = missing in ("mean", "forward", "mask")
    if ("fill" in arrays) != fill_wanted or (missing == "mask" and net.n_features % 2):
        raise UntrustedFileError(f"{where}: fill does not go with missing {missing}")
    return Transform(
        missing=missing,
        pixels=stored["pixels"],
        change=_places(stored["change"], width, net, where),
        fill=arrays.get("fill"),
        scaling=_pair(arrays, "offset", "factor", where),
        target_scaling=_pair(arrays, "target_offset", "target_factor", where),
        columns=_names(stored["columns"], None, where),
        targets=_names(stored["targets"], net.n_outputs, where),
        reading=reading,
    )


def _pair(arrays: Params, offset: str, factor: str, where: str) -> Any:
    if (offset in arrays) != (factor in arrays) or not arrays.get(factor, np.ones(1)).all():
        raise UntrustedFileError(f"{where}: {offset} and {factor} do not scale anything")
    return (arrays[offset], arrays[factor]) if offset in arrays else None


def _places(values: list[Any] | None, width: int, net: Net, where: str) -> tuple[int, ...] | None:
    if values is None:
        return None
    known = all(type(place) is int and 0 <= place < width for place in values)
    if not known or len(values) != net.n_outputs or net.job != "regress":
        raise UntrustedFileError(f"{where}: change is not {net.n_outputs} features")
    return tuple(values)


def _names(values: list[Any] | None, width: int | None, where: str) -> tuple[str, ...] | None:
    if values is None:
        return None
    if width not in (None, len(values)) or not all(isinstance(name, str) for name in values):
        raise UntrustedFileError(f"{where}: expected {width or 'a list of'} names")
    return tuple(values)
