"""Which column of a table is the label, a target, an input, the id or the time."""

from dataclasses import dataclass

import numpy as np

from hiddenstate.config import DataConfig
from hiddenstate.data.readers.columns import (
    Columns,
    find,
    instants,
    is_whole,
    numbers,
    refuse_text,
    spoilt,
)
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
COUNTED = ("year", "month", "week", "day", "hour", "minute", "second", "quarter")
"""Names of a clock where every row has a later number, and of an input where not."""

INDEX_NAMES = frozenset({"unnamed: 0", "__index_level_0__"})
"""The row numbers pandas writes along; never anything that is meant to be learnt."""

MAX_FIRST_CLASSES = 100
"""Most different whole numbers for which the first column of a headerless file is the label."""


@dataclass(frozen=True)
class Roles:
    """The columns, by number, and what they are for; `left_out` was guessed and is not read."""

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


def find_roles(columns: Columns, how: DataConfig, job: str, answered: bool) -> Roles:
    """Settle the roles: as the options say, the others by name and kind.

    Raises
    ------
    DataError
        For a column that is not there, has two roles, or is text and has none; and where no
        label or target can be told.
    """
    given = _given(columns, how, job, answered)
    targets = _given_targets(columns, how, job, answered)
    inputs = _given_inputs(columns, how)
    _check_apart(columns, how, given, targets, inputs)
    taken = {*given.values(), *targets, *(inputs or ())}
    free = [j for j in range(len(columns.names)) if j not in taken]

    left_out = [j for j in free if columns.names[j].casefold() in INDEX_NAMES]
    free = [j for j in free if j not in left_out]
    long, id_, time = _id_and_time(columns, how, job, given, free, left_out)
    label, is_first = given.get("label"), False
    if job != "regress" and label is None:
        label, is_first = _guess_label(columns, how, job, answered, free)
        free = [j for j in free if j != label]
    if job == "regress" and not targets:
        targets = _guess_target(columns, how, answered, free)
    if inputs is None:
        forecast = how.horizon is not None and bool(targets)
        inputs = list(targets) if forecast else _all_numbers(columns, free, targets)
    if not inputs:
        mend = "; to forecast a target from itself add --horizon 1" if targets else ""
        raise DataError(
            f"{columns.where}: no column of numbers to read; it has {columns.some()}{mend}"
        )
    if long and id_ is None and job != "regress" and answered:
        raise DataError(
            f"{columns.where}: no column whose equal values say which series a row belongs to; "
            f"add --id COL; columns: {columns.some()}"
        )
    return Roles(
        long,
        inputs,
        targets,
        label,
        id_ if long else None,
        time if long else None,
        given.get("group"),
        given.get("weight"),
        tuple(left_out),
        is_first,
    )


def _id_and_time(
    columns: Columns,
    how: DataConfig,
    job: str,
    given: dict[str, int],
    free: list[int],
    left_out: list[int],
) -> tuple[bool, int | None, int | None]:
    """Whether the table is long, its id and its time; what is guessed is taken from `free`."""
    id_, time = given.get("id"), given.get("time")
    if id_ is None and (guess := _by_name(columns, ID_NAMES, free)) is not None:
        free.remove(guess)
        if how.layout != "wide" and _repeats(columns.arrays[guess]):
            id_ = guess
        else:
            left_out.append(guess)
    long = how.layout == "long" or (how.layout == "auto" and (id_ is not None or job == "regress"))
    if time is None and (guess := _time_by_name(columns, free)) is not None:
        free.remove(guess)
        time = guess
        if not long:
            left_out.append(guess)
    return long, id_, time


def _given(columns: Columns, how: DataConfig, job: str, answered: bool) -> dict[str, int]:
    """The columns options name for one role; what only training needs may else be absent."""
    found = {}
    for role in ("label", "id", "time", "group", "weight"):
        name = getattr(how, role)
        if name is None or (role == "label" and job == "regress"):
            continue
        spared = not answered and role in ("label", "group", "weight")
        if not (spared and name not in columns.names):
            found[role] = find(columns, f"--{role}", name)
            if columns.kinds[found[role]] == "nested":
                refuse_text(columns, found[role])
    return found


def _given_targets(columns: Columns, how: DataConfig, job: str, answered: bool) -> list[int]:
    """The targets options name; without answers all of them are there or none."""
    names = how.target if job == "regress" and how.target is not None else ()
    there = [name for name in names if name in columns.names]
    if not answered and len(there) < len(names):
        return []
    return [find(columns, "--target", name) for name in names]


def _given_inputs(columns: Columns, how: DataConfig) -> list[int] | None:
    if how.input is None:
        return None
    found = [find(columns, "--input", name) for name in how.input]
    for name in how.input:
        if how.input.count(name) > 1:
            raise DataError(f"{columns.where}: --input names {printable(name, 40)} twice")
    return found


def _check_apart(
    columns: Columns,
    how: DataConfig,
    given: dict[str, int],
    targets: list[int],
    inputs: list[int] | None,
) -> None:
    """Refuse a column with two roles, but those it can have at once."""
    held = [(f"--{role}", j) for role, j in given.items()] + [("--target", j) for j in targets]
    for k, (flag, j) in enumerate(held):
        for other, i in held[:k]:
            if i == j and {flag, other} != {"--id", "--group"}:
                name = printable(columns.names[j], 40)
                if other == flag:
                    raise DataError(f"{columns.where}: {flag} names {name} twice")
                raise DataError(f"{columns.where}: column {name} is both {other} and {flag}")
        may_be_input = flag in ("--time", "--group") or (flag == "--target" and how.horizon)
        if j in (inputs or ()) and not may_be_input:
            name = printable(columns.names[j], 40)
            mend = " or add --horizon 1" if flag == "--target" else ""
            raise DataError(
                f"{columns.where}: column {name} is both {flag} and --input, so the answer would "
                f"be known; drop it from --input{mend}"
            )


def _by_name(columns: Columns, names: tuple[str, ...], free: list[int]) -> int | None:
    """The first of `names`, in their order, that a free column has in any case."""
    there = {columns.names[j].casefold(): j for j in reversed(free) if columns.kinds[j] != "nested"}
    return next((there[name] for name in names if name in there), None)


def _time_by_name(columns: Columns, free: list[int]) -> int | None:
    """The free column named like a clock that holds numbers or dates."""
    left = list(free)
    while (j := _by_name(columns, TIME_NAMES, left)) is not None:
        if columns.kinds[j] != "text" or instants(columns.arrays[j]) is not None:
            return j
        left.remove(j)
    counted = _by_name(columns, COUNTED, free)
    if counted is not None and columns.kinds[counted] == "number":
        steps = np.diff(columns.arrays[counted].astype(float))
        return counted if len(steps) and (steps > 0).all() else None
    return None


def _repeats(array: Array) -> bool:
    """Whether a value comes twice."""
    if array.dtype.kind == "O":
        return len(set(array)) < len(array)
    return len(np.unique(array)) < len(array)


def _guess_label(
    columns: Columns, how: DataConfig, job: str, answered: bool, free: list[int]
) -> tuple[int | None, bool]:
    """The label's column, and whether it is one only for being the first."""
    coordinates = {"x", "y"} <= {name.casefold() for name in columns.names}
    names = tuple(name for name in LABEL_NAMES if not (name == "y" and coordinates))
    by_name = _by_name(columns, names, free)
    if by_name is not None and columns.kinds[by_name] != "date":
        return by_name, False
    texts = [j for j in free if columns.kinds[j] == "text"]
    if len(texts) == 1 and columns.n_rows and instants(columns.arrays[texts[0]][:1]) is None:
        if (error := spoilt(columns, texts[0])) is not None:
            raise error
        return texts[0], False
    if job != "classify" or not answered:
        return None, False
    if not columns.named and how.label is None and 0 in free and _few_whole(columns.arrays[0]):
        return 0, True
    if len(texts) > 1:
        for j in texts:
            if (error := spoilt(columns, j)) is not None:
                raise error
    raise DataError(
        f"{columns.where}: no column with the labels (named label, class, target or y, or the "
        f"only one of text); add --label COL; columns: {columns.some()}"
    )


def _few_whole(array: Array) -> bool:
    """Whether values look like classes: whole numbers, few different ones, each many times."""
    if array.dtype.kind not in "fiu" or not is_whole(array):
        return False
    return 2 <= len(np.unique(array)) <= min(MAX_FIRST_CLASSES, len(array) // 2)


def _guess_target(columns: Columns, how: DataConfig, answered: bool, free: list[int]) -> list[int]:
    """The only column of numbers, if it is to be forecast."""
    free = [j for j in free if columns.kinds[j] == "number"]
    if how.horizon is not None and how.target is None and how.input is None and len(free) == 1:
        return free
    if not answered:
        return []
    raise DataError(
        f"{columns.where}: which column to predict? add --target COL; columns: {columns.some()}"
    )


def _all_numbers(columns: Columns, free: list[int], targets: list[int]) -> list[int]:
    """The columns without a role, all of which must be numbers."""
    left = [j for j in free if j not in set(targets)]
    for j in left:
        if columns.kinds[j] != "number":
            numbers(columns, j, left)
    return left
