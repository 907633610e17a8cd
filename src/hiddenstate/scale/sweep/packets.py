"""Packs the rows of groups, and what becomes of them, as plain bytes that any process can read.

A packet is one line of JSON, then its arrays one after the other. Text is packed as its different
values and a number for each cell, dates as microseconds. Nothing is pickled.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hiddenstate.data.readers.cells import as_text
from hiddenstate.data.readers.columns import Columns, Places
from hiddenstate.data.readers.number_text import NumberMarks
from hiddenstate.data.readers.profiles import fits_byte, text_to_numbers
from hiddenstate.scale.sweep.groups import GroupedTable
from hiddenstate.system.typing import Array


@dataclass(frozen=True)
class Group:
    """The rows of one group in a packet.

    Parameters
    ----------
    number : int
        The number of the group.
    columns : Columns
        Its rows, as a file that holds no others would be read.
    """

    number: int
    columns: Columns


def pack_groups(table: GroupedTable, numbers: Sequence[int], facts: Mapping[str, Any]) -> bytes:
    """Return a packet with the rows of some groups.

    Parameters
    ----------
    table : GroupedTable
    numbers : sequence of int
        The groups, by number.
    facts : mapping
        What else the packet holds, as values for JSON.
    """
    columns = table.columns
    parts = [table.rows(number) for number in numbers]
    rows = np.concatenate(parts)
    numbers_in_file = np.asarray(columns.places.number(rows), np.int64)
    body: list[bytes] = [numbers_in_file.tobytes()]
    heads: list[dict[str, Any]] = []
    arrays = [*columns.arrays, *table.written.values()]
    for array in arrays:
        head, content = _packed(array[rows])
        heads.append(head)
        body.append(content)
    marks = columns.marks
    header = {
        "facts": dict(facts),
        "names": list(columns.names),
        "kinds": list(columns.kinds),
        "where": columns.where,
        "what": columns.what,
        "named": columns.named,
        "marks": None if marks is None else [marks.decimal, marks.thousands],
        "truths": sorted(columns.truths),
        "clocks": sorted(columns.clocks),
        "form": columns.places.form,
        "letters": list(columns.places.letters),
        "untyped": table.has_untyped_cells,
        "texts": list(table.texts),
        "written": list(table.written),
        "groups": [[number, len(part)] for number, part in zip(numbers, parts, strict=True)],
        "arrays": heads,
    }
    return json.dumps(header).encode() + b"\n" + b"".join(body)


def facts_of(packet: bytes) -> tuple[dict[str, Any], dict[str, Any], int]:
    """Return the facts of a packet, its whole header, and where its arrays begin."""
    end = packet.index(b"\n")
    header: dict[str, Any] = json.loads(packet[:end])
    return header["facts"], header, end + 1


def unpack_groups(packet: bytes) -> list[Group]:
    """Return the groups that :func:`pack_groups` packed."""
    _, header, at = facts_of(packet)
    n_rows = sum(n for _, n in header["groups"])
    places = np.frombuffer(packet, np.int64, n_rows, at)
    at += places.nbytes
    arrays = []
    for head in header["arrays"]:
        array, at = _unpacked(packet, head, n_rows, at)
        arrays.append(array)
    n_columns, first, groups = len(header["names"]), 0, []
    for number, n in header["groups"]:
        part = slice(first, first + n)
        own = [array[part] for array in arrays[:n_columns]]
        texts = [array[part] for array in arrays[n_columns:]]
        written = dict(zip(header["written"], texts, strict=True))
        groups.append(Group(number, _columns(header, own, written, places[part])))
        first += n
    return groups


def group_columns(table: GroupedTable, number: int) -> Columns:
    """Return the rows of one group, as a file that holds no others would be read."""
    return unpack_groups(pack_groups(table, [number], {}))[0].columns


def _packed(array: Array) -> tuple[dict[str, Any], bytes]:
    """Return what describes a column in a packet, and its bytes."""
    if array.dtype.kind == "O":
        seen: dict[str, int] = {}
        codes = np.array([seen.setdefault(cell, len(seen)) for cell in array], np.int32)
        return {"type": "text", "values": list(seen)}, codes.tobytes()
    if array.dtype.kind == "M":
        return {"type": "date"}, array.astype("M8[us]").astype(np.int64).tobytes()
    return {"type": array.dtype.str}, np.ascontiguousarray(array).tobytes()


def _unpacked(packet: bytes, head: Mapping[str, Any], n: int, at: int) -> tuple[Array, int]:
    """Return a column (n,) that begins at `at`, and where the next one does."""
    kind = head["type"]
    dtype = np.dtype({"text": "<i4", "date": "<i8"}.get(kind, kind))
    array: Array = np.frombuffer(packet, dtype, n, at)
    at += array.nbytes
    if kind == "text":
        values = np.empty(len(head["values"]), object)
        values[:] = head["values"]
        return values[array], at
    return (array.astype("M8[us]") if kind == "date" else array), at


def _columns(
    header: Mapping[str, Any], arrays: list[Array], written: dict[int, Array], places: Array
) -> Columns:
    """Return the columns of a group, with the types that its own cells have."""
    kinds = list(header["kinds"])
    marks = None if header["marks"] is None else NumberMarks(*header["marks"])
    if header["untyped"]:
        for j, array in enumerate(arrays):
            may_be_numbers = kinds[j] == "text" and header["names"][j] not in header["texts"]
            if may_be_numbers and (values := text_to_numbers(array, marks)) is not None:
                arrays[j], kinds[j] = values, "number"
                written.setdefault(j, array)
            if kinds[j] == "number":
                arrays[j] = _narrowed(arrays[j])
    columns = Columns(
        tuple(header["names"]),
        arrays,
        tuple(kinds),
        len(places),
        header["where"],
        header["what"],
        Places(lambda i: places[i], header["form"], tuple(header["letters"])),
        header["named"],
        marks,
        truths=frozenset(header["truths"]),
        clocks=frozenset(header["clocks"]),
    )
    if not header["untyped"]:
        return columns
    return replace(columns, written=_written(arrays, written))


def _written(
    arrays: list[Array], texts: dict[int, Array]
) -> Callable[[Sequence[int]], list[Array]]:
    """Return what gives columns as they are written; of most, only their numbers are known."""

    def written(which: Sequence[int]) -> list[Array]:
        return [texts[j].copy() if j in texts else as_text(arrays[j]).copy() for j in which]

    return written


def _narrowed(array: Array) -> Array:
    """Return numbers of a text file in the type that its reader gives them."""
    if array.dtype != np.uint8 and fits_byte(array):
        return array.astype(np.uint8)
    if array.dtype == np.int64 and np.abs(array.astype(np.float64)).max(initial=0) < 2**53:
        return array.astype(np.float64)
    return array
