"""A trained network with the meaning of its inputs and outputs, and its file."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import numpy as np

from hiddenstate.data.prepare.transform import Transform
from hiddenstate.errors import DataError, UntrustedFileError, printable
from hiddenstate.models.companions import KINDS, PREFIXES, FittedCompanion
from hiddenstate.models.headroom import headroom
from hiddenstate.models.integers import (
    IntegerFacts,
    calibration_from,
    facts_of,
    layout_of_floats,
    longer,
    params_on_grid,
    program_of_nets,
    restored,
    shorter,
    stored,
)
from hiddenstate.models.labels import check_labels
from hiddenstate.models.linear_file import AXES, fits_layout
from hiddenstate.models.net import Net, NetFacts, Params, is_of_head, member_params, net_from_dict
from hiddenstate.models.transform_file import (
    PREFIX,
    TransformFacts,
    arrays_of_transform,
    read_names,
    transform_from,
    transform_to_dict,
)
from hiddenstate.program.calibrating import Calibration, NotInteger
from hiddenstate.program.layers import multiplied
from hiddenstate.program.quantising import in_integers
from hiddenstate.program.steps import Fill, Fractions, Scale, TargetScale
from hiddenstate.system.array_file import (
    Layout,
    decode_arrays,
    encode_arrays,
    read_arrays,
    read_facts,
)
from hiddenstate.system.atomic_file import write_output
from hiddenstate.system.strict_json import check_fields


class ModelFacts(TypedDict):
    """Everything of a model but its arrays and its companions, as values for JSON.

    The transform is called `preparation`, as in the model file.
    """

    net: NetFacts
    classes: list[Any] | None
    row_shape: list[int]
    stateful: bool
    preparation: TransformFacts
    integer: NotRequired[IntegerFacts]


@dataclass(frozen=True)
class FittedModel:
    """A trained network: its architecture, its weights, and the meaning of its inputs and outputs.

    Parameters
    ----------
    net : Net
    params : dict of ndarray
        Weights by torch name.
    classes : list, optional
        The label of each output of a classifier.
    row_shape : tuple of int
        The shape of one row of the X it was trained on: (T, I), where T may differ in use, or,
        for an autoencoder, (F,) or any shape with F numbers.
    stateful : bool, default False
        Whether each row continues the one before it (regress).
    transform : Transform
        What is done to rows before the net reads them, and to its outputs after.
    companions : tuple of FittedCompanion, optional
        What stands beside the net of a classifier; the answer is a mean of all.
    integer : Calibration, optional
        Of a model that answers in integers, the bits of its vectors. Its matrices are then
        multiples of a scale for each row; see :func:`hiddenstate.models.integers.params_on_grid`.
    gives_states : bool, default False
        Whether its outputs are the hidden states of the last layer: its head is the identity.
    """

    net: Net
    params: Params = field(repr=False)
    classes: list[Any] | None = None
    row_shape: tuple[int, ...] = ()
    stateful: bool = False
    transform: Transform = field(default_factory=Transform)
    companions: tuple[FittedCompanion, ...] = field(default=(), repr=False)
    integer: Calibration | None = field(default=None, repr=False)
    gives_states: bool = field(default=False, repr=False)

    @property
    def n_features(self) -> int:
        """Features of a step, or of a flat row, as the data has them."""
        return self.transform.n_features(self.net.n_features) - len(self.transform.known.ahead)

    @property
    def window(self) -> int:
        """Steps in the windows that a regressor reads; 0 if it reads whole series."""
        reading = self.transform.reading
        return int(reading["window"]) if "window" in reading else self.row_shape[0]

    @property
    def washout(self) -> int:
        """First steps after a state of zero that were in no loss, and are not scored."""
        return int(self.transform.reading.get("washout") or 0)

    @property
    def dtype(self) -> Any:
        """The float type of the weights, and of the arithmetic with them; float64 of an integer
        model, which makes integers of rows in it."""
        if self.integer is not None:
            return np.dtype(np.float64)
        return next(iter(self.params.values())).dtype

    @cached_property
    def headroom(self) -> dict[str, float]:
        """How large the inputs of each layer may be before one of its sums can overflow.

        By the name of the layer's weight; see :mod:`hiddenstate.models.headroom`.
        """
        return headroom(self.net, self.params, self.dtype)

    @property
    def network_counts(self) -> bool:
        """Whether a recurrent net answers anything: not if its share is 0."""
        heads = (array for name, array in self.params.items() if is_of_head(name))
        return any(array.any() for array in heads)

    def beside(self) -> list[str]:
        """Return what stands beside the nets, in words."""
        path = self.transform.linear
        words = [] if path is None else [f"learned beside {path.about()}"]
        return words + [
            f"{each.about()} beside the network, whose share is {each.net_share:.0%}"
            for each in self.companions
        ]

    @property
    def n_members(self) -> int:
        """Number of nets whose answers are averaged."""
        return self.net.n_members

    def members(self) -> list["FittedModel"]:
        """Return the models of all members; of the net alone if it has none."""
        return [self.member(number) for number in range(self.n_members)]

    def member(self, number: int) -> "FittedModel":
        """Return the model of one member of a net with members, else of the net, alone."""
        if self.n_members == 1:
            return replace(self, companions=())
        params, integer = member_params(self.params, number), self.integer
        if integer is not None:
            integer = replace(integer, nets=integer.nets[number : number + 1])
        net = self.net.member()
        return replace(self, net=net, params=params, companions=(), integer=integer)

    def require_classes(self) -> list[Any]:
        """Return the labels of a classifier (`RuntimeError` of any other model)."""
        if self.classes is None:
            raise RuntimeError(f"a {self.net.job} model has no classes")
        return self.classes

    def in_integers(self, calibration: Calibration) -> "FittedModel":
        """Return the model that answers in integers: with its matrices on their grid.

        Raises
        ------
        NotInteger
            If a part of it has no form in integers.
        """
        params = params_on_grid(self.net, self.params)
        if self.companions:
            raise NotInteger("what stands beside the net has no form in integers")
        in_integers(program_of_nets(self.net, params), calibration)
        return replace(self, params=params, integer=calibration)

    def folded(self) -> Params:
        """Return the weights with all scaling folded into the first and the last layer.

        A network with these weights takes X as it is in the data and returns targets or rows in
        their own units: a first layer W ((x - offset) factor) + b equals
        (W factor) x + b - W (offset factor). A stem, outside of whose series are zeros, gets X
        scaled.

        Raises
        ------
        DataError
            If the transform has a step that no layer can express.
        """
        transform, params = self.transform, dict(self.params)
        sigmoid = getattr(self.net.config, "output_activation", "") == "sigmoid"
        added = "--no-change" if transform.reading.get("horizon") else "--no-input-skip"
        for what, applies, hint in (
            ("the mask of missing values", transform.missing == "mask", "another --missing"),
            ("a scaled sigmoid", transform.scaling is not None and sigmoid, "another --scale"),
            ("adding inputs to the outputs", transform.change is not None, added),
            ("a linear path", transform.linear is not None, "--no-linear"),
            ("sorting quantiles", len(transform.quantiles) > 1, "one --quantile"),
        ):
            if applies:
                raise DataError(f"{what} cannot be folded into the weights; train with {hint}")
        for step in transform.steps:
            if not isinstance(step, (Fractions, Fill, Scale, TargetScale)):
                raise DataError(f"{type(step).__name__} cannot be folded into the weights")
        first: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
        if self.net.kind.has_codes:
            first = [(("encoder.0.weight",), ("encoder.0.bias",))]
        else:
            shifted = self.net.cell.shifted
            for names in self.net.readers():
                place = names[0].rpartition("_l0")[2]
                first.append((names, tuple(f"rnn.{own}_l0{place}" for own in shifted)))
        if transform.scaling is not None and "stem.0.conv.weight" not in params:
            offset, factor = transform.scaling
            for names, biases in first:
                factors = [params[name].astype(np.float64) for name in names]
                shift = multiplied(tuple(factors), offset * factor)
                for bias in biases:
                    params[bias] = (params[bias] - shift).astype(self.dtype)
                params[names[-1]] = (factors[-1] * factor).astype(self.dtype)
        autoencoder = self.net.kind.has_codes
        last = transform.scaling if autoencoder else transform.target_scaling
        if last is not None:
            offset, factor = last
            inner = ("rnn.", "stem.")
            weight = [n for n in params if n.endswith("weight") and not n.startswith(inner)][-1]
            bias = weight.replace("weight", "bias")
            params[weight] = (params[weight] / factor[:, None]).astype(self.dtype)
            params[bias] = (params[bias] / factor + offset).astype(self.dtype)
        return params

    def facts(self) -> dict[str, Any]:
        """Return everything but the arrays, as values for JSON: `ModelFacts`, and the facts of
        each companion by its name.

        Raises
        ------
        DataError
            If a label has no form in a file; see :func:`check_labels`.
        """
        check_labels(self.classes or [])
        facts: ModelFacts = {
            "net": self.net.to_dict(),
            "classes": self.classes,
            "row_shape": list(self.row_shape),
            "stateful": self.stateful,
            "preparation": transform_to_dict(self.transform),
        }
        if self.integer is not None:
            facts["integer"] = facts_of(self.integer, self.params)
            return shorter({**facts})
        return {**facts, **{each.words.name: each.facts() for each in self.companions}}

    def arrays(self) -> Params:
        """Return the weights and all other arrays, by their names in a model file.

        Matrices of an integer model are int8, with scales.
        """
        params = self.params if self.integer is None else stored(self.net, self.params)
        arrays = params | arrays_of_transform(self.transform)
        for each in self.companions:
            arrays |= {each.prefix() + name: array for name, array in each.arrays().items()}
        return arrays

    def save(self, path: Path, extra: Mapping[str, Any] | None = None) -> None:
        """Write the model to `path`, with the facts `extra` beside it; see `write_output`.

        Errors also as :meth:`facts`, before anything is written.
        """
        write_output(path, self.encode(extra))

    def encode(self, extra: Mapping[str, Any] | None = None) -> bytes:
        """Return the bytes of the model's file, with the facts `extra` beside it."""
        return encode_arrays("model", self.arrays(), {**self.facts(), "extra": dict(extra or {})})


def load_model(path: Path) -> tuple[FittedModel, dict[str, Any]]:
    """Read a model file and return the model and the extra facts saved with it.

    Raises
    ------
    UntrustedFileError
        If it is damaged, was not written by hiddenstate, or its weights do not fit its network.
    """
    where = str(path)
    return _of_file(*read_arrays(path, "model", _layout_check(where)), where)


def model_of_bytes(content: bytes, where: str) -> tuple[FittedModel, dict[str, Any]]:
    """Return the model in the bytes of a model file, and the extra facts saved with it.

    `where` names them in errors, which are those of :func:`load_model`.
    """
    return _of_file(*decode_arrays(content, where, "model", _layout_check(where)), where)


def _layout_check(where: str) -> Callable[[Layout, dict[str, Any]], None]:
    """Return what refuses a file before memory is allocated for its arrays."""

    def check(layout: Layout, facts: dict[str, Any]) -> None:
        net, facts = _checked_facts(facts, where)
        if facts["integer"] is not None:
            layout = layout_of_floats(layout, net, where)
        _check_layout(layout, net, where)

    return check


def _of_file(arrays: Params, facts: Any, where: str) -> tuple[FittedModel, dict[str, Any]]:
    model, extra = model_from_facts(facts, arrays, where), facts["extra"]
    if extra.get("feature_names") is not None:  # up to version 0.4, beside the model
        model = with_names(model, extra["feature_names"])
    return model, extra


def row_shape_of(path: Path) -> tuple[int, ...]:
    """Return the shape of a row of a model, as its file states it; the weights are not read.

    Errors as :func:`load_model`.
    """
    return tuple(_checked_facts(read_facts(path, "model"), str(path))[1]["row_shape"])


def with_names(model: FittedModel, names: Any) -> FittedModel:
    """Return a model of an older version with the names of the columns of its flat rows."""
    if model.transform.columns is not None:
        return model
    columns = read_names(list(names), None, "feature_names")
    reading = {**model.transform.reading, "layout": "wide"}
    return replace(model, transform=replace(model.transform, columns=columns, reading=reading))


def model_from_facts(facts: Mapping[str, Any], arrays: Params, where: str) -> FittedModel:
    """Return the model that :meth:`FittedModel.facts` and :meth:`FittedModel.arrays` described.

    Raises
    ------
    UntrustedFileError
        If they are damaged or do not fit one another; the message begins with `where`.
    """
    net, facts = _checked_facts({"extra": {}, **facts}, where)
    if facts["integer"] is not None:
        arrays = restored(arrays, net, facts["integer"], where)
    own = {n.removeprefix(PREFIX): a for n, a in arrays.items() if n.startswith(PREFIX)}
    params = net.check({n: a for n, a in arrays.items() if not _is_beside(n)}, where)
    transform = transform_from(facts["preparation"], own, net, where)
    found = [kind.read(facts[kind.words.name], arrays, net, where) for kind in KINDS]
    companions = tuple(each for each in found if each is not None)
    row_shape, stateful = tuple(facts["row_shape"]), facts["stateful"]
    integer = facts["integer"]
    if integer is not None:
        integer = calibration_from(integer, net, params, where)
        if companions:
            raise UntrustedFileError(f"{printable(where)}: an integer model has no companions")
    return FittedModel(
        net, params, facts["classes"], row_shape, stateful, transform, companions, integer
    )


def _is_beside(name: str) -> bool:
    """Return whether an array of a model file is no weight of its network."""
    return name.startswith((PREFIX, *PREFIXES))


def _checked_facts(facts: dict[str, Any], where: str) -> tuple[Net, dict[str, Any]]:
    """Return the network that a model's facts describe, and the facts, complete and checked.

    Raises
    ------
    UntrustedFileError
        If a fact is missing or wrong; the message names `where` and the fact.
    """
    where = printable(where)
    fields: dict[str, Any] = {
        "net": dict,
        "classes": (list, type(None)),
        "row_shape": list,
        "stateful": bool,
        "preparation": dict,
        **{kind.words.name: (dict, type(None)) for kind in KINDS},
        "integer": (dict, type(None)),
        "extra": dict,
    }
    # Format 1 had no transform.
    facts = {
        "preparation": transform_to_dict(Transform()),
        **{kind.words.name: None for kind in KINDS},
        "integer": None,
        **facts,
    }
    facts = check_fields(facts, fields, f"{where}: damaged facts")
    if facts["integer"] is not None:
        facts = longer(facts)
    net = net_from_dict(facts["net"], where)
    classes, row_shape = facts["classes"], facts["row_shape"]
    if not _fits(row_shape, net):
        raise UntrustedFileError(f"{where}: row_shape does not fit the network")
    if (classes is not None) != (net.kind.has_classes):
        raise UntrustedFileError(f"{where}: a classifier, and no other model, has classes")
    if classes is not None and not _are_labels(classes, net.n_outputs):
        raise UntrustedFileError(f"{where}: classes: expected {net.n_outputs} different labels")
    return net, facts


def _check_layout(layout: Layout, net: Net, where: str) -> None:
    """Refuse arrays that are neither the network's weights nor vectors of its transform."""
    net.check_layout({n: a for n, a in layout.items() if not _is_beside(n)}, where)
    for kind in KINDS:
        kind.check_layout(layout, where)
    for name, (dtype, shape) in layout.items():
        most = max(net.n_features, net.n_outputs)
        fits = dtype == np.float64 and len(shape) == 1 and shape[0] <= most
        if name.removeprefix(PREFIX) in AXES:
            fits = fits_layout(name.removeprefix(PREFIX), dtype, shape, net.n_outputs)
        if name.startswith(PREFIX) and not fits:
            raise UntrustedFileError(
                f"{printable(where)}: damaged transform: {printable(name, 60)} is {dtype} "
                f"{shape}, expected a vector of float64"
            )


def _fits(row_shape: list[Any], net: Net) -> bool:
    """Return whether the network reads rows of this shape."""
    if not all(type(size) is int and 0 < size < 2**31 for size in row_shape):
        return False
    if net.kind.has_codes:
        return math.prod(row_shape) == net.n_features and bool(row_shape)
    return len(row_shape) == 2 and row_shape[1] == net.n_features


def _are_labels(classes: list[Any], n: int) -> bool:
    """Return whether `classes` are `n` different texts or numbers."""
    try:
        check_labels(classes)
    except DataError:
        return False
    return len(classes) == n and len(set(classes)) == n
