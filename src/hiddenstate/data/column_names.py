"""The rule by which the columns of new data become the inputs of a model, for files and arrays.

If both have names, columns are matched by name, in any order. Without names they are taken in
order; and a model without names takes named columns only if the user chooses them.
"""

import itertools
import re
from collections.abc import Sequence

from hiddenstate.errors import DataError, did_you_mean, listed

ALL = ("all",)
"""The value of `--input` that chooses all numeric columns without another role, in their order."""


def are_names(names: Sequence[str] | None) -> bool:
    """Return whether columns have names, and not only the numbers that readers give them."""
    return names is not None and not all(name.isdecimal() for name in names)


def table_names(columns: tuple[str, ...] | None, layout: object) -> tuple[str, ...] | None:
    """Return the names of columns of a table, which has a layout: others are not in the data."""
    return columns if layout in ("wide", "features", "long") else None


def names_count(names: Sequence[str]) -> bool:
    """Return whether names are equal but for numbers, which count up: t0, t1; 1x1, 1x2, 2x1."""
    parts = [re.split(r"(\d+)", name, flags=re.ASCII) for name in names]
    if any(part[::2] != parts[0][::2] for part in parts) or len(parts[0]) < 2:
        return False
    numbers = [tuple(int(digits[:18]) for digits in part[1::2]) for part in parts]
    return all(a < b for a, b in itertools.pairwise(numbers))


def positions_of(wanted: Sequence[str], names: Sequence[str], where: str) -> list[int]:
    """Return the position of each wanted column among `names`.

    Raises
    ------
    DataError
        If some are missing; names them, and the most similar name of the first.
    """
    place = {name: j for j, name in enumerate(names)}
    missing = [name for name in wanted if name not in place]
    if not missing:
        return [place[name] for name in wanted]
    hint = did_you_mean(missing[0], (name for name in names if name not in wanted))
    if are_names(names) and not are_names(wanted):
        hint = ", as the columns have names; name the inputs with --input COL,..."
    plural = "s" if len(missing) > 1 else ""
    raise DataError(
        f"{where}: no input column{plural} {listed(missing)}{hint}; columns: {listed(names)}"
    )


def match_columns(
    trained: Sequence[str] | None, given: Sequence[str] | None, where: str, chosen: bool = False
) -> list[int] | None:
    """Return which columns of new data are the inputs of a model, in the order of the model.

    Parameters
    ----------
    trained, given : sequence of str or None
        Names of the model's input columns and of the new columns; None if there are none.
    where : str
        Name of the new data in messages.
    chosen : bool, default False
        Whether the user chose the columns and their order (`--input`).

    Returns
    -------
    list of int or None
        None if the columns are taken in their order.

    Raises
    ------
    DataError
        If a column is missing, or only the new columns have names and nobody chose them.
    """
    if trained is not None and given is not None and set(trained) <= set(given):
        return positions_of(trained, given, where)
    if given is None or not are_names(given):
        return None
    if are_names(trained):
        return positions_of(trained or (), given, where)
    if not chosen:
        raise DataError(
            f"{where}: has named columns ({listed(given)}), but the model was trained on columns "
            "without names; choose the columns with --input COL,..., or add --input all to use "
            "them in this order"
        )
    return None


def order_note(trained: Sequence[str] | None, given: Sequence[str] | None, where: str) -> str:
    """Return what a user should know if new columns have no names, or an empty text."""
    if are_names(given):
        return ""
    model = f": {listed(trained or ())}" if are_names(trained) else ""
    return f"{where}: no column names; columns are used in the order of the training data{model}"
