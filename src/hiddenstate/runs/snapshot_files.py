"""Reads the files in `snapshots/` of a run folder, and refuses arrays that do not fit.

`snapshots` lists what each file may hold.
"""

import math
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.data.framing import Framing
from hiddenstate.errors import UntrustedFileError, printable
from hiddenstate.program.jobs import kind_of
from hiddenstate.runs.array_spec import MAY_BE_EMPTY, NUMBERS
from hiddenstate.runs.record import own_facts
from hiddenstate.runs.snapshots import (
    ArrayTable,
    array_tables,
)
from hiddenstate.runs.static_facts import StaticFacts
from hiddenstate.system.array_file import Layout, read_arrays
from hiddenstate.system.strict_json import check_fields
from hiddenstate.system.typing import Arrays, NamedArrays

MAX_STEP = 2**53
"""Upper limit of a step number; above it a float no longer holds every whole number."""

ABOUT_ROWS: dict[str, type | tuple[type, ...]] = {
    "channels": list,
    "row_shape": list,
    "time_step": (float, int),
    "time_unit": str,
    "channel_ranges": list,
    "targets": list,
    "held_series": int,
    "dates": bool,
    "series": str,
    "stream": list,
    "stream_names": list,
    "stream_round": list,
    "sound": dict,
}
"""Facts about rows that files may have, and their types."""

Sizes = dict[str, int]
"""Lengths of the axes of a run's arrays, by letter, as far as they are known."""


def read_static_arrays(path: Path, job: str, run_id: str | None) -> tuple[NamedArrays, StaticFacts]:
    """Read a shown.safetensors of `job`.

    Raises
    ------
    UntrustedFileError
        As :func:`~hiddenstate.system.array_file.read_arrays`; or if a fact or an array does not
        fit, naming it, what was expected and what it is.
    MachineError
        If it cannot be read.
    """
    where, tables = printable(path), array_tables(job)

    def check(layout: Layout, values: dict[str, Any]) -> None:
        facts = _check_facts(own_facts(values, run_id, where), job, where)
        _check_present(layout, tables.always, where)
        _check_groups(layout, tables.static, where)
        sizes = _fit(layout, tables.static, _sizes(facts), where)
        _check_picture(facts.picture, sizes, job, where)
        _check_axes(facts, sizes, where)

    arrays, values = read_arrays(path, "shown", check)
    facts = _check_facts(own_facts(values, run_id, where), job, where)
    _check_values(arrays, sizes_of_static_arrays(arrays, facts), where)
    return arrays, facts


def sizes_of_static_arrays(arrays: Arrays, facts: StaticFacts) -> Sizes:
    """Return the lengths of axes in a run with these static arrays."""
    return _fit(_layout(arrays), array_tables(facts.job).static, _sizes(facts), "")


def read_snapshot(
    path: Path, job: str, run_id: str | None, one_target: bool, sizes: Sizes
) -> tuple[NamedArrays, Sizes]:
    """Read a snapshot whose name is the number of updates made.

    Parameters
    ----------
    path : Path
    job : str
    run_id : str or None
        The run that it must belong to.
    one_target : bool
        Whether a window of regress has one target, not one for each step.
    sizes : dict
        Lengths of axes in the run's other files.

    Returns
    -------
    arrays : dict of ndarray
    sizes : dict
        Those lengths, and the ones of this file.

    Raises
    ------
    UntrustedFileError, MachineError
        As :func:`read_static_arrays`.
    """
    where, table = printable(path), dict(array_tables(job).snapshot)
    for name, spec in table.items():
        if one_target and spec.last_shape:
            table[name] = spec._replace(shape=spec.last_shape)

    def check(layout: Layout, values: dict[str, Any]) -> None:
        facts = own_facts(values, run_id, where)
        check_fields(facts, {"step": int}, f"{where}: damaged facts")
        check_step(path, facts)
        _check_layout(layout, table, sizes, where)

    arrays = read_arrays(path, "snapshot", check)[0]
    all_sizes = _fit(_layout(arrays), table, sizes, where)
    _check_values(arrays, all_sizes, where)
    return arrays, all_sizes


def check_step(path: Path, facts: Mapping[str, Any]) -> None:
    """Refuse a file whose name is not the number of updates in its facts (`UntrustedFileError`)."""
    step = facts.get("step")
    if type(step) is not int or step != int(path.stem) or step >= MAX_STEP:
        raise UntrustedFileError(
            f"{printable(path)}: damaged facts: step is {printable(step, 40)}, expected that of "
            "its name"
        )


def read_final_arrays(path: Path, job: str, run_id: str | None, sizes: Sizes) -> NamedArrays:
    """Read a closing.safetensors of `job`; the rest as :func:`read_snapshot`."""
    where, table = printable(path), array_tables(job).final

    def check(layout: Layout, facts: dict[str, Any]) -> None:
        check_fields(own_facts(facts, run_id, where), {}, f"{where}: damaged facts")
        _check_layout(layout, table, sizes, where)

    arrays = read_arrays(path, "closing", check)[0]
    _check_values(arrays, sizes, where)
    return arrays


def _check_facts(facts: dict[str, Any], job: str, where: str) -> StaticFacts:
    """Check the facts of a shown.safetensors of `job`."""
    optional = (list, type(None))
    fields: dict[str, Any] = {
        "job": str,
        "data": str,
        "classes": optional,
        "picture": optional,
        "shown_split": str,
        "appended": bool,
    }
    optional_fields: dict[str, Any] = {
        name: kind for name, kind in ABOUT_ROWS.items() if name in facts
    }
    check_fields(facts, fields | optional_fields, f"{where}: damaged facts")
    for name, (right, wanted) in _expected(facts, job).items():
        if not right:
            got = printable(repr(facts[name]), 60)
            raise UntrustedFileError(f"{where}: damaged facts: {name} is {got}, expected {wanted}")
    classes, picture, row_shape = facts["classes"], facts["picture"], facts.get("row_shape")
    stream, steps = facts.get("stream"), facts.get("stream_round")
    return StaticFacts(
        job,
        facts["data"],
        None if classes is None else tuple(classes),
        None if picture is None else tuple(picture),
        facts["shown_split"],
        facts["appended"],
        tuple(facts["channels"]) if "channels" in facts else None,
        None if row_shape is None else (row_shape[0], row_shape[1]),
        facts.get("time_step"),
        facts.get("time_unit"),
        tuple((low, high) for low, high in facts["channel_ranges"])
        if "channel_ranges" in facts
        else None,
        tuple(facts["targets"]) if "targets" in facts else None,
        facts.get("held_series"),
        facts.get("dates", False),
        facts.get("series"),
        None if stream is None else (stream[0], stream[1]),
        tuple(facts["stream_names"]) if "stream_names" in facts else None,
        None if steps is None else (steps[0], steps[1]),
        Framing(**facts["sound"]) if "sound" in facts else None,
    )


def _expected(facts: dict[str, Any], job: str) -> dict[str, tuple[bool, str]]:
    """Return of each of the facts of `job` whether it is right, and what is."""
    classes, picture = facts["classes"], facts["picture"]
    plain = all(isinstance(label, (str, int, float)) for label in classes or ())
    different = plain and len(set(classes or ())) == len(classes or ())
    in_color = picture is not None and picture[2:] == [3]
    sides = picture is None or _are_sizes(picture[:2] if in_color else picture)
    expected = {
        "job": (facts["job"] == job, job),
        "classes": (different and classes != [], "different labels, or null"),
        "picture": (sides, "a height and a width, or null; in colour also 3"),
        "shown_split": (facts["shown_split"] in ("test", "train"), "test or train"),
        "appended": (kind_of(job).has_targets or not facts["appended"], "false"),
    }
    if kind_of(job).has_classes and classes is None:
        expected["classes"] = (False, "different labels")
    channels, row_shape = facts.get("channels", ["x"]), facts.get("row_shape", [1, 1])
    ranges, stream = facts.get("channel_ranges", []), facts.get("stream", [1, 1])
    names, steps = facts.get("stream_names", ["x"]), facts.get("stream_round", [1, 1])
    expected |= {
        "channels": (_are_names(channels), "the name of each feature"),
        "targets": (_are_names(facts.get("targets", ["y"])), "the name of each target"),
        "held_series": (facts.get("held_series", 1) > 0, "more than 0"),
        "row_shape": (_are_sizes(row_shape) and kind_of(job).has_codes, "steps and features"),
        "stream": (_are_sizes(stream) and stream[0] <= stream[1], "a number and how many"),
        "stream_names": (_are_names(names) and len(names) == stream[1], "the name of each stream"),
        "stream_round": (_are_sizes(steps) and steps[0] <= steps[1], "windows, and steps"),
        "channel_ranges": (all(map(_is_range, ranges)), "a lower and an upper end of each feature"),
        "time_step": (0 < facts.get("time_step", 1) < math.inf, "more than 0"),
    }
    sound = facts.get("sound", {})
    expected["sound"] = (_is_framing(sound), "channels, a rate, samples of a frame, and bands")
    return {name: what for name, what in expected.items() if name in facts}


def _are_names(names: Any) -> bool:
    """Whether a fact is one or more names."""
    return bool(names) and all(type(name) is str for name in names)


def _are_sizes(sizes: Any) -> bool:
    """Whether a fact is two sizes."""
    return [type(size) is int and size > 0 for size in sizes] == [True] * 2


def _is_framing(sound: dict[str, Any]) -> bool:
    """Whether a fact is how sounds are cut into frames."""
    names = [part.name for part in fields(Framing)]
    if sorted(sound) != sorted(names) or not _are_sizes([sound["channels"], sound["rate"]]):
        return False
    frame, bands = sound["frame"], sound["bands"]
    return type(frame) is type(bands) is int and 0 < frame < MAX_STEP and 0 <= bands <= frame // 2


def _is_range(ends: Any) -> bool:
    """Whether a fact is a lower and an upper end, both finite."""
    numbers = isinstance(ends, list) and [type(end) for end in ends] == [float] * 2
    return numbers and -(MAX_STEP**3) < ends[0] <= ends[1] < MAX_STEP**3


def _check_axes(facts: StaticFacts, sizes: Sizes, where: str) -> None:
    """Refuse a shape of rows with more or fewer numbers than a row, and names of other features."""
    shape, F = facts.row_shape, sizes.get("F")
    if shape is not None and F is not None and math.prod(shape) != F:
        got = " x ".join(printable(size, 20) for size in shape)
        raise UntrustedFileError(
            f"{where}: damaged facts: row_shape is {got}, expected as many numbers as a row, {F}"
        )
    n = shape[1] if shape is not None else sizes.get("I")
    width = None if facts.sound is None else facts.sound.width
    if width is not None and n is not None and width != n:
        raise UntrustedFileError(
            f"{where}: damaged facts: sound has {width} numbers a step, expected {n}"
        )
    for name, values in (("channels", facts.channels), ("channel_ranges", facts.channel_ranges)):
        if values is not None and n is not None and len(values) != n:
            raise UntrustedFileError(
                f"{where}: damaged facts: {name} has length {len(values)}, expected {n}"
            )


def _check_picture(picture: tuple[int, ...] | None, sizes: Sizes, job: str, where: str) -> None:
    """Refuse a picture of more or fewer numbers than a row has."""
    names = {"classes": ("T", "I"), "codes": ("F",)}.get(kind_of(job).answers)
    if picture and names and math.prod(picture) != math.prod(sizes[name] for name in names):
        shape = " x ".join(str(sizes[name]) for name in names)
        got = " x ".join(printable(side, 20) for side in picture)
        raise UntrustedFileError(
            f"{where}: damaged facts: picture is {got}, expected as many numbers as a row, {shape}"
        )


def _sizes(facts: StaticFacts) -> Sizes:
    return {} if facts.classes is None else {"C": len(facts.classes)}


def _layout(arrays: Arrays) -> Layout:
    return {name: (array.dtype, array.shape) for name, array in arrays.items()}


def _check_layout(layout: Layout, table: ArrayTable, sizes: Sizes, where: str) -> None:
    """Refuse arrays that `table` does not list, or lists otherwise, and incomplete groups."""
    _check_groups(layout, table, where)
    all_sizes = _fit(layout, table, sizes, where)
    if all_sizes.get("V", 0) > all_sizes.get("N", MAX_STEP):
        raise UntrustedFileError(
            f"{where}: hidden has {all_sizes['V']} rows, expected at most {all_sizes['N']}, those "
            "shown"
        )


def _check_groups(layout: Layout, table: ArrayTable, where: str) -> None:
    groups: dict[str, set[str]] = {}
    for name, spec in table.items():
        if spec.group:
            groups.setdefault(spec.group, set()).add(name)
    for names in groups.values():
        if names & set(layout):
            _check_present(layout, names, where)


def _check_present(layout: Layout, names: set[str] | frozenset[str], where: str) -> None:
    for name in sorted(names - set(layout)):
        raise UntrustedFileError(f"{where}: {name} is missing, expected {', '.join(sorted(names))}")


def _fit(layout: Layout, table: ArrayTable, sizes: Sizes, where: str) -> Sizes:
    """Return the lengths of all axes, if every array is one of `table` and fits the others.

    Raises
    ------
    UntrustedFileError
        Naming the array, what was expected and what it is.
    """
    for name in sorted(set(layout) - set(table)):
        names = ", ".join(table) or "no array"
        raise UntrustedFileError(f"{where}: {printable(name, 60)} is unknown, expected {names}")
    lengths = dict(sizes)
    for name, spec in table.items():
        if name not in layout:
            continue
        (dtype, shape), before = layout[name], dict(lengths)
        right = dtype.kind in spec.kinds and len(shape) == len(spec.axes)
        for axis, length in zip(spec.axes, shape, strict=False):
            wanted = axis if isinstance(axis, int) else lengths.setdefault(axis, length)
            right = right and length == wanted and (length > 0 or axis in MAY_BE_EMPTY)
        if not right:
            expected = ", ".join(str(before.get(str(axis), axis)) for axis in spec.axes)
            raise UntrustedFileError(
                f"{where}: {name} is {dtype} {shape}, expected {NUMBERS[spec.kinds]} ({expected}"
                f"{',' * (len(spec.axes) == 1)})"
            )
    return lengths


def _check_values(arrays: Arrays, sizes: Sizes, where: str) -> None:
    """Refuse numbers of classes that do not exist, counts below 0, and steps out of order."""
    last_class = sizes.get("C", MAX_STEP) - 1
    for name, array in arrays.items():
        if array.dtype.kind != "i" or not array.size or name.endswith("time"):
            continue
        is_class = name.endswith(("_label", "_chosen"))
        last = {"read": sizes.get("T", MAX_STEP)}.get(name, last_class if is_class else MAX_STEP)
        low, high = int(array.min()), int(array.max())
        first = int(name == "read")
        if low < first or high > last:
            wanted = f"from {first} to {last}" if last < MAX_STEP - 1 else f"{first} or more"
            raise UntrustedFileError(f"{where}: {name} is from {low} to {high}, expected {wanted}")
        if name == "read" and (np.diff(array) <= 0).any():
            raise UntrustedFileError(f"{where}: read does not grow, expected steps in order")
