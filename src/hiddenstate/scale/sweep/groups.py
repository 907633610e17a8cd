"""Reads a table and cuts it into groups: the rows that share the values of some columns."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hiddenstate.config import DataConfig
from hiddenstate.data.readers.cells import plain_values
from hiddenstate.data.readers.columns import Columns, refuse_missing
from hiddenstate.data.readers.formats import DELIMITED, TABLES, has_ending, is_table
from hiddenstate.data.readers.number_names import reason_for_text
from hiddenstate.data.readers.open import existing, read_table
from hiddenstate.data.readers.role_guesses import LABEL_NAMES
from hiddenstate.errors import DataError, OptionError, did_you_mean, printable
from hiddenstate.program.jobs import kind_of
from hiddenstate.system.typing import Array

Key = tuple[str, ...]
"""The values of the columns of `--by` in a group, as text."""

COLUMN_OPTIONS = ("input", "target", "label", "id", "time", "group", "weight", "drop")
"""Options that name columns."""


@dataclass(frozen=True)
class GroupedTable:
    """A table of N rows, and its G groups in the order of their first rows.

    Parameters
    ----------
    path : Path
    columns : Columns
        The columns of the file but for those of `by`.
    by : tuple of str
        The columns whose values together name a group.
    keys : list of tuple of str
        The values of each group (G,).
    order : ndarray (N,)
        The rows, by group; those of a group in the order of the file.
    starts : ndarray (G + 1,)
        Where the rows of each group begin in `order`.
    written : dict of int to ndarray
        Columns of numbers that may be names, (N,) as they are written.
    by_text : tuple of bool
        Whether the cells of each column of `by` count as they are written: 007 is not 7.
    texts : tuple of str
        Columns that stay text in a group in which all their cells are numbers.
    """

    path: Path
    columns: Columns
    by: tuple[str, ...]
    keys: list[Key]
    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    written: dict[int, Array]
    by_text: tuple[bool, ...]
    texts: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def numbers(self) -> dict[Key, int]:
        """The number of each group by its values."""
        return {key: number for number, key in enumerate(self.keys)}

    @property
    def has_untyped_cells(self) -> bool:
        """Whether the types of the columns follow from the text of the cells."""
        return has_ending(self.path, DELIMITED)

    def rows(self, number: int) -> NDArray[np.int64]:
        """Return the rows (n,) of a group."""
        return self.order[self.starts[number] : self.starts[number + 1]]

    def sizes(self) -> NDArray[np.int64]:
        """Return the number of rows of each group (G,)."""
        return np.diff(self.starts)


def read_groups(
    path: Path,
    options: DataConfig,
    by: tuple[str, ...],
    job: str,
    by_text: tuple[bool, ...] | None = None,
    named: bool = True,
    texts: tuple[str, ...] = (),
) -> GroupedTable:
    """Read a table, and find its groups.

    Parameters
    ----------
    path : Path
    options : DataConfig
    by : tuple of str
    job : {"classify", "regress", "autoencode"}
    by_text : tuple of bool, optional
        As in :class:`GroupedTable`, for further rows; by default, that follows from the cells.
    named : bool, default True
        Whether the columns that `options` name must be there.
    texts : tuple of str
        Columns that are text, whatever they look like.

    Raises
    ------
    DataError, OptionError
        If it is no table, has no rows, lacks a column, or a row belongs to no group.
    """
    path = existing(str(path))
    if path.is_dir() or not is_table(path):
        raise DataError(
            f"{printable(path)}: not a table; a sweep reads {', '.join(TABLES)} files with a "
            "column that names the group of each row"
        )
    columns = read_table(path, options, texts=texts)
    _check_by(columns, options, by, named)
    if columns.n_rows == 0:
        raise DataError(f"{columns.where}: no rows, so there are no groups")
    which = [columns.positions[name] for name in by]
    values, as_text = _texts(columns, which, by_text)
    inverse, keys = _numbered(values)
    order = np.argsort(inverse, kind="stable").astype(np.int64)
    starts = np.zeros(len(keys) + 1, np.int64)
    np.cumsum(np.bincount(inverse.astype(np.intp, copy=False), minlength=len(keys)), out=starts[1:])
    rest = _without(columns, which)
    names = _may_be_names(rest, options, job)
    written = dict(zip(names, rest.written(names), strict=True)) if names and rest.written else {}
    return GroupedTable(path, rest, by, keys, order, starts, written, as_text, texts)


def fingerprint(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def name_of(key: Key, by: Sequence[str]) -> str:
    """Return the name of a group in messages: `A` or, of two columns, `site=A, line=3`."""
    if len(key) == 1:
        return printable(key[0], 60)
    return ", ".join(f"{printable(n, 40)}={printable(v, 40)}" for n, v in zip(by, key, strict=True))


def _check_by(columns: Columns, options: DataConfig, by: tuple[str, ...], named: bool) -> None:
    """Refuse columns that are not there, and a column of `by` with another use."""
    for j, name in enumerate(by):
        if not name and name not in columns.positions:
            raise OptionError("--by: the name of a column is empty; name columns as COL,COL")
        if name in by[:j]:
            raise OptionError(f"--by: names {printable(name, 40)} twice")
        if name not in columns.positions:
            raise _no_column(columns, name, "--by")
        if columns.kinds[columns.positions[name]] == "nested":
            raise DataError(
                f"{columns.where}: column {printable(name, 40)} has a type that cannot be read; "
                "name another column with --by"
            )
    for option in COLUMN_OPTIONS:
        value = getattr(options, option, None)
        for name in (value,) if isinstance(value, str) else value or ():
            if name in by:
                raise OptionError(
                    f"--{option}: {printable(name, 40)} is a column of --by, which is the same in "
                    "all rows of a group; leave it out"
                )
            if named and name not in columns.positions and name != "all":
                raise _no_column(columns, name, f"--{option}")


def _no_column(columns: Columns, name: str, flag: str) -> DataError:
    return DataError(
        f"{columns.where}: no column {printable(name, 40)} ({flag})"
        f"{did_you_mean(name, columns.names)}; columns: {columns.listed()}"
    )


def _texts(
    columns: Columns, which: list[int], as_text: tuple[bool, ...] | None
) -> tuple[list[Array], tuple[bool, ...]]:
    """Return the columns of `by` as text (N,), and whether each counts as it is written."""
    texts, written = [], []
    for k, j in enumerate(which):
        refuse_missing(columns, j, "belongs to no group")
        own = columns.arrays[j]
        # A group 007 beside A is text, and stays it in rows that have no A.
        is_text = own.dtype.kind == "O" if as_text is None else as_text[k]
        if columns.kinds[j] == "number" and columns.written is not None:
            cells = columns.written([j])[0]
            if as_text is None:
                is_text = bool(reason_for_text(cells.tolist(), own.tolist()))
            own = cells if is_text else own
        texts.append(own)
        written.append(is_text)
    return texts, tuple(written)


def _numbered(texts: list[Array]) -> tuple[NDArray[np.int64], list[Key]]:
    """Return the group of each row (N,), and the values of each group, in order of appearance."""
    group = np.zeros(len(texts[0]), np.int64)
    for values in texts:
        each = _in_order(values)
        group = _in_order(group * (int(each.max()) + 1) + each)
    firsts = np.empty(int(group.max()) + 1, np.int64)
    firsts[group[::-1]] = np.arange(len(group))[::-1]
    return group, list(zip(*(_names(values[firsts]) for values in texts), strict=True))


def _names(values: Array) -> list[str]:
    """Return values as text, each the same whatever the others are."""
    if values.dtype.kind == "M":  # plain_values gives all dates as many parts as one needs
        return [str(plain_values(values[k : k + 1])[0]) for k in range(len(values))]
    return [_as_text(value) for value in plain_values(values).tolist()]


def _in_order(values: Array) -> NDArray[np.int64]:
    """Return the number of each value (N,), in the order of first appearance."""
    if values.dtype.kind == "O":
        seen: dict[str, int] = {}
        return np.array([seen.setdefault(value, len(seen)) for value in values], np.int64)
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return np.asarray(rank[inverse])


def _without(columns: Columns, which: list[int]) -> Columns:
    """Return a table without some of its columns, and without those that cannot be read."""
    kept = [j for j, k in enumerate(columns.kinds) if j not in which and k != "nested"]
    own_written, places = columns.written, columns.places
    return replace(
        columns,
        names=tuple(columns.names[j] for j in kept),
        arrays=[columns.arrays[j] for j in kept],
        kinds=tuple(columns.kinds[j] for j in kept),
        stack=None,
        places=replace(places, letters=tuple(places.letters[j] for j in kept if places.letters)),
        written=None if own_written is None else lambda js: own_written([kept[j] for j in js]),
        plain=frozenset(k for k, j in enumerate(kept) if j in columns.plain),
        truths=frozenset(k for k, j in enumerate(kept) if j in columns.truths),
        clocks=frozenset(k for k, j in enumerate(kept) if j in columns.clocks),
    )


def _may_be_names(columns: Columns, options: DataConfig, job: str) -> list[int]:
    """Return the columns of numbers that may be ids, groups or labels, where 007 is not 7."""
    stated = [*(getattr(options, "id", None) or ())]
    stated += [getattr(options, name, None) for name in ("group", "label")]
    which = {columns.positions[name] for name in stated if name in columns.positions}
    if kind_of(job).has_classes and options.label is None and columns.names:
        own = {j for j, name in enumerate(columns.names) if name.casefold() in LABEL_NAMES}
        which |= own | {0, len(columns.names) - 1}
    return sorted(j for j in which if columns.kinds[j] == "number")


def _as_text(value: object) -> str:
    """Return a value of a group as text: whole numbers without a decimal point."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
