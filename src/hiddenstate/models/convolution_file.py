"""The arrays and facts of fixed convolutions in a model file, and their checks."""

from typing import Any, TypedDict

import numpy as np

from hiddenstate.errors import UntrustedFileError, printable
from hiddenstate.models.convolutions import ConvolutionPath, Convolutions
from hiddenstate.models.net import Net, Params
from hiddenstate.program.companions import KERNELS
from hiddenstate.system.array_file import Layout
from hiddenstate.system.strict_json import check_fields

PATH_PREFIX = "convolutions/"
"""Prefix of the names of the arrays of fixed convolutions in a model file."""

_TYPES = {
    "dilations": (np.int64, 1),
    "counts": (np.int64, 1),
    "uses": (np.uint8, 3),
    "biases": (np.float32, 1),
    "weights": (np.float32, 2),
    "bias": (np.float32, 1),
}
"""Type and number of axes of each array."""

LARGEST = 2**31
"""Above all dilations and counts."""


class PathFacts(TypedDict):
    """Everything of a path but its arrays."""

    net_share: float
    net_scale: float


def arrays_of_path(path: ConvolutionPath) -> Params:
    """Return the arrays of a path by their names in a model file."""
    own = path.convolutions
    named = {
        "dilations": own.dilations,
        "counts": own.counts,
        "uses": own.uses.astype(np.uint8),
        "biases": own.biases,
        "weights": path.weights,
        "bias": path.bias,
    }
    return {PATH_PREFIX + name: array for name, array in named.items()}


def check_path_layout(layout: Layout, where: str) -> None:
    """Refuse arrays of other names, types or axes than those of a path."""
    for name, (dtype, shape) in layout.items():
        wanted = _TYPES.get(name.removeprefix(PATH_PREFIX))
        if wanted is None or dtype != wanted[0] or len(shape) != wanted[1]:
            raise UntrustedFileError(
                f"{printable(where)}: damaged convolutions: {printable(name, 60)} is {dtype} "
                f"{shape}"
            )


def path_from(stored: Any, arrays: Params, net: Net, where: str) -> ConvolutionPath | None:
    """Return the path of a model file, or None if it has none.

    Parameters
    ----------
    stored : object
        The facts of the path, or None.
    arrays : dict of ndarray
        Those whose names begin with `PATH_PREFIX`, without it.
    net : Net
    where : str
        Names the file in errors.

    Raises
    ------
    UntrustedFileError
        If facts and arrays are damaged, or do not fit one another or the net.
    """
    where = f"{printable(where)}: damaged convolutions"
    if stored is None and not arrays:
        return None
    fields = {"net_share": (float, int), "net_scale": (float, int)}
    facts = check_fields(stored or {}, fields, where)
    if net.job != "classify":
        raise UntrustedFileError(f"{where}: only a classifier has some")
    if set(arrays) != set(_TYPES):
        raise UntrustedFileError(f"{where}: expected the arrays {', '.join(_TYPES)}")
    check_path_layout({PATH_PREFIX + n: (a.dtype, a.shape) for n, a in arrays.items()}, where)
    share, scale = float(facts["net_share"]), float(facts["net_scale"])
    if not _fit(arrays, net) or not 0 <= share <= 1 or not 0 < scale < LARGEST:
        raise UntrustedFileError(f"{where}: they do not fit one another or the network")
    convolutions = Convolutions(
        arrays["dilations"], arrays["counts"], arrays["uses"].astype(bool), arrays["biases"]
    )
    return ConvolutionPath(convolutions, arrays["weights"], arrays["bias"], share, scale)


def _fit(arrays: Params, net: Net) -> bool:
    dilations, counts, uses = (arrays[name] for name in ("dilations", "counts", "uses"))
    n = len(arrays["biases"])
    shapes = {
        "counts": dilations.shape,
        "uses": (len(dilations), len(KERNELS), net.n_features),
        "weights": (net.n_outputs, n),
        "bias": (net.n_outputs,),
    }
    if any(arrays[name].shape != shape for name, shape in shapes.items()):
        return False
    ranges = ((dilations > 0) & (dilations < LARGEST) & (counts >= 0) & (counts < LARGEST)).all()
    finite = all(np.isfinite(arrays[name]).all() for name in ("biases", "weights", "bias"))
    whole = n > 0 and int(counts.sum()) * len(KERNELS) == n
    return bool(ranges and finite and whole and (uses <= 1).all() and uses.any(axis=2).all())
