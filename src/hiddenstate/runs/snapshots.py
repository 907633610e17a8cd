"""What the files in `snapshots/` must hold, and readers that refuse all else.

The tables say it by job, as docs/format.md does. A letter is a size that is the same wherever it
stands in the files of a run: A, N, R, M rows, D rows followed, T steps, P, S steps kept, I or F
features, C classes, H units, Z numbers of a code, Q places of the square, O targets. K is of a
file alone.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.errors import UntrustedFileError, printable
from hiddenstate.system.array_file import Layout, read_arrays
from hiddenstate.system.strict_json import check_fields

Arrays = dict[str, NDArray[Any]]

Sizes = dict[str, int]
"""What letters stand for, those that are known."""

Table = Mapping[str, tuple[str, tuple[str | int, ...]]]
"""By name the kinds of numbers, as numpy calls them, and the shape."""

MAY_BE_NONE = frozenset("ANRMK")
"""Letters that may stand for 0."""

LAST_STEP = 2**53
"""No run has made so many updates."""

_WORDS = {"f": "floats", "i": "whole numbers", "uf": "floats or bytes", "if": "numbers"}

_SHOWN: dict[str, Table] = {
    "classify": {
        "example": ("uf", ("A", "T", "I")),
        "example_label": ("i", ("A",)),
        "shown": ("uf", ("N", "T", "I")),
        "shown_label": ("i", ("N",)),
        "read": ("i", ("P",)),
    },
    "autoencode": {
        "example": ("uf", ("A", "F")),
        "example_label": ("i", ("A",)),
        "original": ("uf", ("R", "F")),
        "code_label": ("i", ("N",)),
        "code_row": ("uf", ("M", "F")),
        "walk_end": ("uf", (2, "F")),
        "pca_train_mse": ("f", (1,)),
        "pca_mse": ("f", (1,)),
        "pca_evaluated_mse": ("f", (1,)),
    },
    "regress": {
        "time": ("if", ("P",)),
        "input": ("uf", ("P", "I")),
        "target": ("f", ("P", "O")),
    },
}

_WORST: Table = {
    "worst": ("i", ("K",)),
    "worst_row": ("uf", ("K", "T", "I")),
    "worst_label": ("i", ("K",)),
    "worst_chosen": ("i", ("K",)),
    "worst_chance": ("f", ("K",)),
    "confusion": ("i", ("C", "C")),
}

_SNAPSHOT: dict[str, Table] = {
    "classify": {
        "probability": ("f", ("N", "C")),
        "hidden": ("f", ("D", "P", "H")),
        "decision": ("f", ("D", "P", "C")),
        **_WORST,
    },
    "autoencode": {
        "reconstruction": ("uf", ("R", "F")),
        "code": ("f", ("N", "Z")),
        "grid_code": ("f", ("Q", "Z")),
        "grid": ("uf", ("Q", "F")),
        "walk": ("uf", (10, "F")),
    },
    "regress": {
        "hidden_time": ("if", ("S",)),
        "hidden": ("f", ("S", "H")),
        "hidden_reset": ("f", ("S", "H")),
        "target": ("f", ("K", "T", "O")),
        "prediction": ("f", ("K", "T", "O")),
        "time": ("if", ("K", "T")),
    },
}

_ONE_ANSWER: Table = {"target": ("f", ("K", "O")), "prediction": ("f", ("K", "O"))}
"""What differs where a window has one answer."""

_CLOSING: dict[str, Table] = {
    "classify": _WORST,
    "autoencode": {
        "worst": ("i", ("K",)),
        "worst_row": ("uf", ("K", "F")),
        "worst_rebuilt": ("uf", ("K", "F")),
        "worst_error": ("f", ("K",)),
        "worst_label": ("i", ("K",)),
        "code_rebuilt": ("uf", ("M", "F")),
    },
    "regress": {},
}

_ALWAYS = {
    "classify": {"example", "example_label", "shown", "shown_label"},
    "autoencode": {"example", "original"},
    "regress": set[str](),
}
"""What every shown.safetensors of a job holds."""

_TOGETHER: dict[str, tuple[set[str], ...]] = {
    "classify": ({"worst", "worst_row", "worst_label", "worst_chosen", "worst_chance"},),
    "autoencode": ({"grid", "grid_code"}, {"worst", "worst_row", "worst_rebuilt", "worst_error"}),
    "regress": ({"target", "prediction"}, {"hidden", "hidden_time"}),
}
"""Arrays of the other files of which all are there or none."""


def read_static_arrays(path: Path, job: str) -> tuple[Arrays, dict[str, Any]]:
    """Arrays and facts of a shown.safetensors of `job`.

    Raises
    ------
    UntrustedFileError
        As :func:`~hiddenstate.system.array_file.read_arrays`; or naming the fact or array that is
        not what such a file holds, what was expected and what was found.
    MachineError
        If it cannot be read.
    """
    where = printable(path)

    def fits(layout: Layout, facts: dict[str, Any]) -> None:
        _check_facts(facts, job, where)
        _together(layout, _ALWAYS[job], where)
        if job == "regress" and layout:
            _together(layout, set(_SHOWN[job]), where)
        sizes = _fit(layout, _SHOWN[job], _of_facts(facts), where)
        _check_picture(facts["picture"], sizes, job, where)

    arrays, facts = read_arrays(path, "shown", fits)
    _check_values(arrays, sizes_of_static_arrays(arrays, facts, job), where)
    return arrays, facts


def sizes_of_static_arrays(arrays: Arrays, facts: dict[str, Any], job: str) -> Sizes:
    """What letters stand for in the run whose shown.safetensors holds that."""
    return _fit(_layout(arrays), _SHOWN[job], _of_facts(facts), "")


def read_snapshot(path: Path, job: str, one_answer: bool, sizes: Sizes) -> tuple[Arrays, Sizes]:
    """Arrays of a snapshot named by the updates made, and what letters stand for in it.

    Parameters
    ----------
    path : Path
    job : str
    one_answer : bool
        Whether a window of regress has one answer, not one a step.
    sizes : dict
        What is known of the run's other files.

    Raises
    ------
    UntrustedFileError, MachineError
        As :func:`read_static_arrays`.
    """
    where, table = printable(path), dict(_SNAPSHOT[job])
    table |= _ONE_ANSWER if one_answer and job == "regress" else {}

    def fits(layout: Layout, facts: dict[str, Any]) -> None:
        check_fields(facts, {"step": int}, f"{where}: damaged facts")
        if facts["step"] != int(path.stem) or facts["step"] >= LAST_STEP:
            raise UntrustedFileError(
                f"{where}: damaged facts: step is {printable(facts['step'], 40)}, expected that "
                "of its name"
            )
        _check_layout(layout, table, job, sizes, where)

    arrays = read_arrays(path, "snapshot", fits)[0]
    found = _fit(_layout(arrays), table, sizes, where)
    _check_values(arrays, found, where)
    return arrays, found


def read_final_arrays(path: Path, job: str, sizes: Sizes) -> Arrays:
    """Arrays of a closing.safetensors of `job`; `sizes` and errors as :func:`read_snapshot`."""
    where = printable(path)

    def fits(layout: Layout, facts: dict[str, Any]) -> None:
        check_fields(facts, {}, f"{where}: damaged facts")
        _check_layout(layout, _CLOSING[job], job, sizes, where)

    arrays = read_arrays(path, "closing", fits)[0]
    _check_values(arrays, sizes, where)
    return arrays


def _check_facts(facts: dict[str, Any], job: str, where: str) -> None:
    """Refuse facts that are not those of a shown.safetensors of `job`."""
    maybe = (list, type(None))
    fields: dict[str, Any] = {
        "job": str,
        "data": str,
        "classes": maybe,
        "picture": maybe,
        "shown_split": str,
        "appended": bool,
    }
    check_fields(facts, fields, f"{where}: damaged facts")
    classes, picture = facts["classes"], facts["picture"]
    plain = all(isinstance(label, (str, int, float)) for label in classes or ())
    different = plain and len(set(classes or ())) == len(classes or ())
    sides = picture is None or [type(side) is int and side > 0 for side in picture] == [True] * 2
    expected = {
        "job": (facts["job"] == job, job),
        "classes": (different and classes != [], "different labels, or null"),
        "picture": (sides, "a height and a width, or null"),
        "shown_split": (facts["shown_split"] in ("test", "train"), "test or train"),
        "appended": (job == "regress" or not facts["appended"], "false"),
    }
    if job == "classify" and classes is None:
        expected["classes"] = (False, "different labels")
    for name, (right, wanted) in expected.items():
        if not right:
            got = printable(repr(facts[name]), 60)
            raise UntrustedFileError(f"{where}: damaged facts: {name} is {got}, expected {wanted}")


def _check_picture(picture: list[int] | None, sizes: Sizes, job: str, where: str) -> None:
    """Refuse a picture that has not as many numbers as a row."""
    names = {"classify": ("T", "I"), "autoencode": ("F",)}.get(job)
    if picture and names and math.prod(picture) != math.prod(sizes[name] for name in names):
        shape = " x ".join(str(sizes[name]) for name in names)
        got = " x ".join(printable(side, 20) for side in picture)
        raise UntrustedFileError(
            f"{where}: damaged facts: picture is {got}, expected as many numbers as a row, {shape}"
        )


def _of_facts(facts: dict[str, Any]) -> Sizes:
    return {} if facts["classes"] is None else {"C": len(facts["classes"])}


def _layout(arrays: Arrays) -> Layout:
    return {name: (array.dtype, array.shape) for name, array in arrays.items()}


def _check_layout(layout: Layout, table: Table, job: str, sizes: Sizes, where: str) -> None:
    """Refuse arrays that are not those of `table`, or of which some are missing."""
    for names in _TOGETHER[job]:
        if names <= set(table) and names & set(layout):
            _together(layout, names, where)
    found = _fit(layout, table, sizes, where)
    if found.get("D", 0) > found.get("N", LAST_STEP):
        raise UntrustedFileError(
            f"{where}: hidden has {found['D']} rows, expected at most {found['N']}, those shown"
        )


def _together(layout: Layout, names: set[str], where: str) -> None:
    for name in sorted(names - set(layout)):
        raise UntrustedFileError(f"{where}: {name} is missing, expected {', '.join(sorted(names))}")


def _fit(layout: Layout, table: Table, sizes: Sizes, where: str) -> Sizes:
    """What letters stand for, once every array is one of `table` and fits all others.

    Raises
    ------
    UntrustedFileError
        Naming `where`, the array, what was expected and what was found.
    """
    for name in sorted(set(layout) - set(table)):
        names = ", ".join(table) or "no array"
        raise UntrustedFileError(f"{where}: {printable(name, 60)} is unknown, expected {names}")
    found = dict(sizes)
    for name, (kinds, letters) in table.items():
        if name not in layout:
            continue
        (dtype, shape), before = layout[name], dict(found)
        right = dtype.kind in kinds and len(shape) == len(letters)
        for letter, size in zip(letters, shape, strict=False):
            known = letter if isinstance(letter, int) else found.setdefault(letter, size)
            right = right and size == known and (size > 0 or letter in MAY_BE_NONE)
        if not right:
            wanted = ", ".join(str(before.get(str(letter), letter)) for letter in letters)
            raise UntrustedFileError(
                f"{where}: {name} is {dtype} {shape}, expected {_WORDS[kinds]} ({wanted}"
                f"{',' * (len(letters) == 1)})"
            )
    return found


def _check_values(arrays: Arrays, sizes: Sizes, where: str) -> None:
    """Refuse class numbers there is no class of, counts below 0, and steps out of order."""
    most = sizes.get("C", LAST_STEP) - 1
    for name, array in arrays.items():
        if array.dtype.kind != "i" or not array.size or name.endswith("time"):
            continue
        label = name.endswith(("_label", "_chosen"))
        last = {"read": sizes.get("T", LAST_STEP)}.get(name, most if label else LAST_STEP)
        low, high = int(array.min()), int(array.max())
        first = int(name == "read")
        if low < first or high > last:
            known = f"from {first} to {last}" if last < LAST_STEP - 1 else f"{first} or more"
            raise UntrustedFileError(f"{where}: {name} is from {low} to {high}, expected {known}")
        if name == "read" and (np.diff(array) <= 0).any():
            raise UntrustedFileError(f"{where}: read does not grow, expected steps in order")
