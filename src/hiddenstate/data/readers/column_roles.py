"""Decides what each column of a table is: label, target, input, id or time."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from hiddenstate.config import DataConfig
from hiddenstate.data.column_names import ALL, positions_of
from hiddenstate.data.readers.columns import (
    Columns,
    column_index,
    is_whole,
    number_error,
    refuse_text,
    text_to_numbers,
)
from hiddenstate.data.readers.dates import looks_like_times, timestamps
from hiddenstate.errors import DataError, printable
from hiddenstate.system.typing import Array

LABEL_NAMES = ("label", "class", "target", "y")
ID_NAMES = (
    "id",
    "series",
    "series_id",
    "sequence",
    "sequence_id",
    "sample_id",
    "case",
    "recording",
    "recording_id",
    "trial",
    "trial_id",
    "session",
    "session_id",
)
TIME_NAMES = ("time", "t", "timestamp", "step", "date", "datetime", "index")
COUNTER_NAMES = ("year", "month", "week", "day", "hour", "minute", "second", "quarter")
"""Names of a time column if every row has a larger number than the one before; inputs if not."""

INDEX_NAMES = frozenset({"unnamed: 0", "__index_level_0__"})
"""Names that pandas gives to row numbers; such a column is never an input."""

MAX_FIRST_CLASSES = 100
"""Largest number of different whole numbers in the first column of a file without a header, for
which that column is the label."""


@dataclass(frozen=True)
class Roles:
    """The role of each column, by index; `left_out` columns have a known name and are no inputs.

    The `id` and the `time` of a wide table only name its rows.
    `texts` are columns without a role that hold text or dates; they are not read.
    """

    long: bool
    inputs: list[int]
    targets: list[int]
    label: int | None = None
    id: int | None = None
    time: int | None = None
    group: int | None = None
    weight: int | None = None
    left_out: tuple[int, ...] = ()
    label_is_first: bool = False
    texts: tuple[int, ...] = ()


def find_roles(columns: Columns, options: DataConfig, job: str, require_targets: bool) -> Roles:
    """Decide the roles: as the options say, otherwise by names and kinds.

    Parameters
    ----------
    columns : Columns
    options : DataConfig
    job : {"classify", "regress", "autoencode"}
    require_targets : bool
        Whether labels or targets must be there.

    Raises
    ------
    DataError
        For a column that does not exist, has two roles, or is text without a role; and if no label
        or target can be found.
    """
    named = _named_roles(columns, options, job, require_targets)
    targets = _named_targets(columns, options, job, require_targets)
    inputs = _named_inputs(columns, options)
    _check_distinct(columns, options, named, targets, inputs)
    taken = {*named.values(), *targets, *(inputs or ())}
    free = [j for j in range(len(columns.names)) if j not in taken]

    left_out = [j for j in free if columns.names[j].casefold() in INDEX_NAMES]
    free = [j for j in free if j not in left_out]
    long, id_, time = _id_and_time(columns, options, job, named, free, left_out)
    has_series = long and id_ is not None and id_ not in left_out
    label, is_first = named.get("label"), False
    if job != "regress" and label is None:
        label, is_first = _guess_label(columns, options, job, require_targets, free)
        free = [j for j in free if j != label]
    if job == "regress" and not targets:
        targets = _guess_target(columns, options, require_targets, free)
    texts: list[int] = []
    if inputs is None:
        forecast = options.horizon is not None and bool(targets)
        inputs = (
            list(targets)
            if forecast
            else _all_numbers(columns, free, targets, ordered=not long or time is not None)
        )
        texts = [] if forecast else sorted(set(free) - {*inputs, *targets})
    if not inputs:
        hint = "; to forecast a target from its own past add --horizon 1" if targets else ""
        raise DataError(
            f"{columns.where}: no input columns of numbers; columns: {columns.listed()}{hint}"
        )
    if long and not has_series and job != "regress" and require_targets:
        raise DataError(
            f"{columns.where}: no id column that says which series a row belongs to; add "
            f"--id COL; columns: {columns.listed()}"
        )
    return Roles(
        long,
        inputs,
        targets,
        label,
        None if long and not has_series else id_,
        time,
        named.get("group"),
        named.get("weight"),
        tuple(left_out),
        is_first,
        tuple(texts),
    )


def _id_and_time(
    columns: Columns,
    options: DataConfig,
    job: str,
    named: dict[str, int],
    free: list[int],
    left_out: list[int],
) -> tuple[bool, int | None, int | None]:
    """Decide whether the table is long, its id and its time; guessed columns leave `free`.

    In a wide table they are in `left_out` too, and so is an id that never repeats in a long one.
    """
    id_, time = named.get("id"), named.get("time")
    if id_ is None and (guess := _first_named(columns, ID_NAMES, free)) is not None:
        free.remove(guess)
        id_ = guess
        if options.layout in ("wide", "features") or not _repeats(columns.arrays[guess]):
            left_out.append(guess)
    has_series = id_ is not None and id_ not in left_out
    auto_long = options.layout == "auto" and (has_series or job == "regress")
    long = options.layout == "long" or auto_long
    if time is None and (guess := _guess_time(columns, free)) is not None:
        free.remove(guess)
        time = guess
        if not long:
            left_out.append(guess)
    return long, id_, time


def _named_roles(
    columns: Columns, options: DataConfig, job: str, require_targets: bool
) -> dict[str, int]:
    """Return the columns that options name for one role.

    Columns that only training needs may be absent from data without targets.
    """
    roles = {}
    for role in ("label", "id", "time", "group", "weight"):
        name = getattr(options, role)
        if name is None or (role == "label" and job == "regress"):
            continue
        may_be_absent = not require_targets and role in ("label", "group", "weight")
        if not (may_be_absent and name not in columns.positions):
            roles[role] = column_index(columns, f"--{role}", name)
            if columns.kinds[roles[role]] == "nested":
                refuse_text(columns, roles[role])
    return roles


def _named_targets(
    columns: Columns, options: DataConfig, job: str, require_targets: bool
) -> list[int]:
    """Return the targets that options name; data without targets has all of them or none."""
    names = options.target if job == "regress" and options.target is not None else ()
    present = [name for name in names if name in columns.positions]
    if not require_targets and len(present) < len(names):
        return []
    return [column_index(columns, "--target", name) for name in names]


def _named_inputs(columns: Columns, options: DataConfig) -> list[int] | None:
    if options.input is None or (options.input == ALL and ALL[0] not in columns.names):
        return None
    inputs = positions_of(options.input, columns.names, columns.where)
    if len(set(inputs)) < len(inputs):
        twice = next(name for name, n in Counter(options.input).items() if n > 1)
        raise DataError(f"{columns.where}: --input names {printable(twice, 40)} twice")
    return inputs


def _check_distinct(
    columns: Columns,
    options: DataConfig,
    named: dict[str, int],
    targets: list[int],
    inputs: list[int] | None,
) -> None:
    """Refuse a column with two roles that exclude each other."""
    held = [(f"--{role}", j) for role, j in named.items()] + [("--target", j) for j in targets]
    before: dict[int, list[str]] = {}
    all_inputs = frozenset(inputs or ())
    for flag, j in held:
        name = printable(columns.names[j], 40)
        for other in before.setdefault(j, []):
            if {flag, other} != {"--id", "--group"}:
                if other == flag:
                    raise DataError(f"{columns.where}: {flag} names {name} twice")
                raise DataError(
                    f"{columns.where}: column {name} is both {other} and {flag}; name another "
                    "column for one of them"
                )
        may_be_input = flag in ("--time", "--group") or (flag == "--target" and options.horizon)
        before[j].append(flag)
        if j in all_inputs and not may_be_input:
            hint = " or add --horizon 1" if flag == "--target" else ""
            why = "" if flag in ("--id", "--weight") else ", so the network would see the answer"
            raise DataError(
                f"{columns.where}: column {name} is both {flag} and --input{why}; leave it out of "
                f"--input{hint}"
            )


def _first_named(columns: Columns, names: tuple[str, ...], free: list[int]) -> int | None:
    """Return the free column with the first of `names`, in any case, or None."""
    present = {
        columns.names[j].casefold(): j for j in reversed(free) if columns.kinds[j] != "nested"
    }
    return next((present[name] for name in names if name in present), None)


def _guess_time(columns: Columns, free: list[int]) -> int | None:
    """Return the free column with a name of time that holds numbers or dates, or None.

    If most of its cells are times, the others are errors; the reader refuses them.
    """
    left = list(free)
    while (j := _first_named(columns, TIME_NAMES, left)) is not None:
        if columns.kinds[j] != "text" or looks_like_times(columns.arrays[j], or_numbers=True):
            return j
        left.remove(j)
    counter = _first_named(columns, COUNTER_NAMES, free)
    if counter is not None and columns.kinds[counter] == "number":
        steps = np.diff(columns.arrays[counter].astype(float))
        return counter if len(steps) and (steps > 0).all() else None
    return None


def _repeats(array: Array) -> bool:
    """Return whether a value occurs twice."""
    if array.dtype.kind == "O":
        return len(set(array)) < len(array)
    return len(np.unique(array)) < len(array)


def _guess_label(
    columns: Columns, options: DataConfig, job: str, require_targets: bool, free: list[int]
) -> tuple[int | None, bool]:
    """Return the label column, and whether it is one only because it is the first."""
    coordinates = {"x", "y"} <= {name.casefold() for name in columns.names}
    names = tuple(name for name in LABEL_NAMES if not (name == "y" and coordinates))
    by_name = _first_named(columns, names, free)
    if by_name is not None and columns.kinds[by_name] != "date":
        return by_name, False
    texts = [j for j in free if columns.kinds[j] == "text"]
    if len(texts) == 1 and columns.n_rows and timestamps(columns.arrays[texts[0]][:1]) is None:
        if (error := number_error(columns, texts[0])) is not None:
            raise error
        return texts[0], False
    if job != "classify" or not require_targets:
        return None, False
    unnamed = not columns.named and options.label is None
    if unnamed and 0 in free and _few_whole(columns.arrays[0]):
        return 0, True
    if len(texts) > 1:
        for j in texts:
            if (error := number_error(columns, j)) is not None:
                raise error
    raise DataError(
        f"{columns.where}: no label column (one named label, class, target or y, or the only "
        f"column of text); add --label COL; columns: {columns.listed()}"
    )


def _few_whole(array: Array) -> bool:
    """Return whether values look like classes: few different whole numbers, each many times."""
    if array.dtype.kind not in "fiu" or not is_whole(array):
        return False
    return 2 <= len(np.unique(array)) <= min(MAX_FIRST_CLASSES, len(array) // 2)


def _guess_target(
    columns: Columns, options: DataConfig, require_targets: bool, free: list[int]
) -> list[int]:
    """Return the only column of numbers, if it is to be forecast."""
    free = [j for j in free if columns.kinds[j] == "number"]
    unnamed = options.target is None and options.input is None
    if options.horizon is not None and unnamed and len(free) == 1:
        return free
    if not require_targets:
        return []
    raise DataError(
        f"{columns.where}: no target column; add --target COL; columns: {columns.listed()}"
    )


def _all_numbers(columns: Columns, free: list[int], targets: list[int], ordered: bool) -> list[int]:
    """Return the columns of numbers without a role; text and dates are left out.

    Refused are text that was meant to hold numbers, columns that cannot be read and, unless rows
    are `ordered` by a column or need no order, dates.
    """
    taken, found = set(targets), []
    for j in free:
        if j in taken:
            continue
        if columns.kinds[j] == "number" or _text_holds_numbers(columns, j):
            found.append(j)
        elif columns.kinds[j] == "nested" or (not ordered and holds_dates(columns, j)):
            refuse_text(columns, j, free)
    return found


def holds_dates(columns: Columns, j: int) -> bool:
    """Return whether a column holds dates, if only most of them are sound."""
    if columns.kinds[j] == "text" and columns.n_rows:
        return looks_like_times(columns.arrays[j])
    return columns.kinds[j] == "date"


def _text_holds_numbers(columns: Columns, j: int) -> bool:
    """Return whether all cells of a column of text are numbers, or true and false."""
    if columns.kinds[j] != "text":
        return False
    if text_to_numbers(columns.arrays[j]) is not None:
        return True
    if (error := number_error(columns, j)) is not None:
        raise error
    return False
