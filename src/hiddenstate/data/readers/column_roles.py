"""Decides what each column of a table is: label, target, input, id or time."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from hiddenstate.config import DataConfig
from hiddenstate.data.column_names import ALL, positions_of
from hiddenstate.data.readers.column_content import content_of
from hiddenstate.data.readers.columns import (
    Columns,
    column_index,
    holds_numbers,
    holds_truths,
    is_whole,
    number_error,
    text_error,
)
from hiddenstate.data.readers.dates import are_times_of_day, looks_like_times
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
"""Names of a time column if every row has a larger number than the one before, or a smaller one;
inputs if not."""

INDEX_NAMES = frozenset({"unnamed: 0", "__index_level_0__"})
"""Names that pandas gives to row numbers; such a column is never an input."""

DATES = ("dates", "times of day")
"""Why nothing uses a column of those."""

MAX_FIRST_CLASSES = 100
"""Largest number of different whole numbers in the first column of a file without a header, for
which that column is the label."""

MAX_LIKELY = 5
"""Most columns that a hint names as the probable label or target."""

Part = Literal["training", "test", "new"]
"""What rows are for: training; `--test`; or a model that is trained already."""

Report = Callable[[DataError], None]
"""Takes what is wrong with the roles; raises it, or remembers it where roles are only described."""


@dataclass(frozen=True)
class Roles:
    """The role of each column, by index; `left_out` columns have a known name and are no inputs.

    The columns of `id` together name a series; in a wide table they, and `time`, only name rows.
    `unused` says of each column without a role why it has none.
    """

    long: bool
    inputs: list[int]
    targets: list[int]
    label: int | None = None
    id: tuple[int, ...] = ()
    time: int | None = None
    group: int | None = None
    weight: int | None = None
    left_out: tuple[int, ...] = ()
    label_is_first: bool = False
    unused: Mapping[int, str] = field(default_factory=dict)


def find_roles(
    columns: Columns,
    options: DataConfig,
    job: str,
    require_targets: bool,
    part: Part = "training",
) -> Roles:
    """Decide the roles: as the options say, otherwise by names and kinds.

    Further rows may be without the columns that only training reads, whatever options name them:
    what is dropped, groups, weights, and the id and the time of wide rows.

    Parameters
    ----------
    columns : Columns
    options : DataConfig
    job : {"classify", "regress", "autoencode"}
    require_targets : bool
        Whether labels or targets must be there.
    part : {"training", "test", "new"}

    Raises
    ------
    DataError
        For a column that does not exist, has two roles, or is text where numbers are used; and if
        no label or target can be found.
    """

    def refuse(error: DataError) -> None:
        raise error

    return _decided(columns, options, job, require_targets, refuse, part)


def described_roles(
    columns: Columns, options: DataConfig, job: str
) -> tuple[Roles, DataError | None]:
    """Decide the roles that columns would get, whatever is wrong, and return the first error."""
    errors: list[DataError] = []
    roles = _decided(columns, options, job, True, errors.append)
    return roles, errors[0] if errors else None


def _decided(
    columns: Columns,
    options: DataConfig,
    job: str,
    require_targets: bool,
    report: Report,
    part: Part = "training",
) -> Roles:
    """Decide the roles and report what is wrong, in the order in which a user should hear it."""
    is_further = part != "training"
    names_rows = is_further and options.layout in ("wide", "features")
    named = _named_roles(columns, options, job, require_targets, report, part)
    ids = tuple(_indices(columns, "--id", options.id or (), report, names_rows))
    for j in ids:
        if columns.kinds[j] == "nested":
            report(text_error(columns, j, "--id"))
    targets = _named_targets(columns, options, job, require_targets, report)
    dropped = _indices(columns, "--drop", options.drop or (), report, is_further)
    inputs = _named_inputs(columns, options, dropped, report)
    _check_distinct(columns, options, named, ids, targets, inputs, dropped, report)
    unused = dict.fromkeys(dropped, "--drop")
    taken = {*named.values(), *ids, *targets, *(inputs or ()), *dropped}
    free = [j for j in range(len(columns.names)) if j not in taken]

    left_out = [
        j for j in free if columns.names[j].casefold() in INDEX_NAMES and columns.kinds[j] != "text"
    ]
    unused |= dict.fromkeys(left_out, "row numbers")
    free = [j for j in free if j not in left_out]
    long, ids, time = _id_and_time(columns, options, job, ids, named.get("time"), free, left_out)
    has_series = long and bool(ids) and not {*ids} & {*left_out}
    label, is_first = named.get("label"), False
    absent = options.label is not None and not require_targets  # nothing takes its place
    if job != "regress" and label is None and not absent:
        label, is_first = _guess_label(columns, options, job, require_targets, free, report)
        free = [j for j in free if j != label]
    if job == "regress" and not targets:
        targets = _guess_target(columns, options, require_targets, free, report)
    if inputs is None:
        forecast = options.horizon is not None and bool(targets)
        inputs = list(targets) if forecast else _all_numbers(columns, free, targets, report)
    unused |= {j: _why_unused(columns, j, options) for j in free if j not in (*inputs, *targets)}
    may_be_encoded = options.calendar is not None or options.input == ALL
    if not inputs and not (may_be_encoded and require_targets):
        hint = "; to forecast a target from its own past add --horizon 1" if targets else ""
        report(
            DataError(
                f"{columns.where}: no input columns of numbers; columns: {columns.listed()}{hint}"
            )
        )
    if long and not has_series and job != "regress" and require_targets:
        report(
            DataError(
                f"{columns.where}: no id column that says which series a row belongs to; add "
                f"--id COL; columns: {columns.listed()}"
            )
        )
    trains = part != "new"
    answers = require_targets or job == "autoencode"  # which has a score of the labels
    return Roles(
        long,
        inputs,
        targets if answers else [],
        label if answers else None,
        () if long and not has_series else ids,
        time,
        named.get("group") if trains else None,
        named.get("weight") if trains else None,
        tuple(left_out),
        is_first,
        unused,
    )


def _id_and_time(
    columns: Columns,
    options: DataConfig,
    job: str,
    ids: tuple[int, ...],
    time: int | None,
    free: list[int],
    left_out: list[int],
) -> tuple[bool, tuple[int, ...], int | None]:
    """Decide whether the table is long, its id and its time; guessed columns leave `free`.

    In a wide table they are in `left_out` too, and so is an id that never repeats in a long one.
    """
    if not ids and (guess := _first_named(columns, ID_NAMES, free)) is not None:
        free.remove(guess)
        ids = (guess,)
        if options.layout in ("wide", "features") or not _repeats(columns.arrays[guess]):
            left_out.append(guess)
    has_series = bool(ids) and not {*ids} & {*left_out}
    auto_long = options.layout == "auto" and (has_series or job == "regress")
    long = options.layout == "long" or auto_long
    if time is None and (guess := _guess_time(columns, free)) is not None:
        free.remove(guess)
        time = guess
        if not long:
            left_out.append(guess)
    return long, ids, time


def _why_unused(columns: Columns, j: int, options: DataConfig) -> str:
    """Say why nothing uses a column that nobody named."""
    content = content_of(columns, j)
    if content in ("text", "category"):
        return "text"
    if content == "nested":
        return "a type that cannot be read"
    if content == "date" and columns.kinds[j] != "number":
        return DATES[columns.kinds[j] == "text" and are_times_of_day(columns.arrays[j])]
    return "not in --input" if options.input else "a forecast reads its target alone"


def _indices(
    columns: Columns, flag: str, names: Iterable[str], report: Report, may_miss: bool = False
) -> list[int]:
    """Return the columns that an option names; none that is not there if they `may_miss`."""
    found = []
    for name in names:
        if may_miss and name not in columns.positions:
            continue
        try:
            found.append(column_index(columns, flag, name))
        except DataError as error:
            report(error)
    return found


def _named_roles(
    columns: Columns,
    options: DataConfig,
    job: str,
    require_targets: bool,
    report: Report,
    part: Part,
) -> dict[str, int]:
    """Return the columns that options name for one role; further rows may be without some."""
    is_further = part != "training"
    may_miss = {
        "label": not require_targets,
        "time": is_further and options.layout in ("wide", "features"),
        "group": is_further,
        "weight": is_further,
    }
    roles = {}
    for role in ("label", "time", "group", "weight"):
        name = getattr(options, role)
        if name is None or (role == "label" and job == "regress"):
            continue
        for j in _indices(columns, f"--{role}", [name], report, may_miss[role]):
            roles[role] = j
            if columns.kinds[j] == "nested" and not may_miss[role]:
                report(text_error(columns, j, f"--{role}"))
    return roles


def _named_targets(
    columns: Columns, options: DataConfig, job: str, require_targets: bool, report: Report
) -> list[int]:
    """Return the targets that options name; those that are there, if none is required."""
    names = options.target if job == "regress" and options.target is not None else ()
    targets = _indices(columns, "--target", names, report, may_miss=not require_targets)
    for j in targets:
        if require_targets and not holds_numbers(columns, j):
            report(text_error(columns, j, "--target"))
    return targets


def _named_inputs(
    columns: Columns, options: DataConfig, dropped: list[int], report: Report
) -> list[int] | None:
    """Return the inputs that options name, without those that are dropped; None if none are."""
    if options.input is None or (options.input == ALL and ALL[0] not in columns.names):
        return None
    try:
        inputs = positions_of(options.input, columns.names, columns.where)
    except DataError as error:
        report(error)
        return None
    if len(set(inputs)) < len(inputs):
        twice = next(name for name, n in Counter(options.input).items() if n > 1)
        report(DataError(f"{columns.where}: --input names {printable(twice, 40)} twice"))
    return [j for j in inputs if j not in dropped]


def _check_distinct(
    columns: Columns,
    options: DataConfig,
    named: dict[str, int],
    ids: tuple[int, ...],
    targets: list[int],
    inputs: list[int] | None,
    dropped: list[int],
    report: Report,
) -> None:
    """Refuse a column with two roles that exclude each other."""
    held = [(f"--{role}", j) for role, j in named.items()]
    at = 1 if "label" in named else 0
    held[at:at] = [("--id", j) for j in ids]
    held += [("--target", j) for j in targets] + [("--drop", j) for j in dropped]
    before: dict[int, list[str]] = {}
    all_inputs = frozenset(inputs or ())
    for flag, j in held:
        name = printable(columns.names[j], 40)
        for other in before.setdefault(j, []):
            if {flag, other} != {"--id", "--group"}:
                twice = f"{flag} names {name} twice"
                both = (
                    f"column {name} is both {other} and {flag}; name another column for one of them"
                )
                report(DataError(f"{columns.where}: {twice if other == flag else both}"))
        may_be_input = flag in ("--time", "--group") or (flag == "--target" and options.horizon)
        before[j].append(flag)
        if j in all_inputs and not may_be_input:
            hint = " or add --horizon 1" if flag == "--target" else ""
            why = "" if flag in ("--id", "--weight") else ", so the network would see the answer"
            report(
                DataError(
                    f"{columns.where}: column {name} is both {flag} and --input{why}; leave it out "
                    f"of --input{hint}"
                )
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
        if columns.kinds[j] != "text" or looks_like_times(
            columns.arrays[j], columns.names[j], or_numbers=True
        ):
            return j
        left.remove(j)
    counter = _first_named(columns, COUNTER_NAMES, free)
    if counter is not None and columns.kinds[counter] == "number":
        steps = np.diff(columns.arrays[counter].astype(float))
        counts = (steps > 0).all() or (steps < 0).all()
        return counter if len(steps) and counts else None
    return None


def _repeats(array: Array) -> bool:
    """Return whether a value occurs twice."""
    if array.dtype.kind == "O":
        return len(set(array)) < len(array)
    return len(np.unique(array)) < len(array)


def _guess_label(
    columns: Columns,
    options: DataConfig,
    job: str,
    require_targets: bool,
    free: list[int],
    report: Report,
) -> tuple[int | None, bool]:
    """Return the label column, and whether it is one only because it is the first."""
    coordinates = {"x", "y"} <= {name.casefold() for name in columns.names}
    names = tuple(name for name in LABEL_NAMES if not (name == "y" and coordinates))
    by_name = _first_named(columns, names, free)
    if by_name is not None and columns.kinds[by_name] != "date":
        return by_name, False
    texts = [j for j in free if columns.kinds[j] == "text" and content_of(columns, j) != "date"]
    truths = [j for j in free if holds_truths(columns, j)]
    for only in ([j for j in texts if j not in truths], truths):
        if len(only) == 1 and columns.n_rows:
            if columns.kinds[only[0]] == "text" and (error := number_error(columns, only[0])):
                report(error)
            return only[0], False
    if job != "classify" or not require_targets:
        return None, False
    unnamed = not columns.named and options.label is None
    if unnamed and 0 in free and _few_whole(columns.arrays[0]):
        return 0, True
    for j in texts:
        if (error := number_error(columns, j)) is not None:
            report(error)
    report(
        DataError(
            f"{columns.where}: no label column (one named label, class, target or y, or the only "
            f"column of text); add --label COL{_classes_hint(columns, free)}; columns: "
            f"{columns.listed()}"
        )
    )
    return None, False


def _classes_hint(columns: Columns, free: list[int]) -> str:
    """Say which columns hold classes, by their content: texts or whole numbers that repeat."""
    likely = [j for j in free if content_of(columns, j) == "category" or holds_truths(columns, j)]
    if not likely:
        numbers = [j for j in free if columns.kinds[j] == "number"]
        likely = [j for j in numbers if _few_whole(columns.arrays[j])]
    return f" (probably {columns.listed(likely)})" if 0 < len(likely) <= MAX_LIKELY else ""


def _numbers_hint(columns: Columns, free: list[int]) -> str:
    """Say which columns may be predicted: those of numbers, if there are few."""
    likely = [j for j in free if columns.names[j].casefold() not in COUNTER_NAMES]
    few = 0 < len(likely) <= MAX_LIKELY and len(likely) < len(columns.names)
    return f" (probably {columns.listed(likely)})" if few else ""


def _few_whole(array: Array) -> bool:
    """Return whether values look like classes: few different whole numbers, each many times."""
    if array.dtype.kind not in "fiu" or not is_whole(array):
        return False
    return 2 <= len(np.unique(array)) <= min(MAX_FIRST_CLASSES, len(array) // 2)


def _guess_target(
    columns: Columns,
    options: DataConfig,
    require_targets: bool,
    free: list[int],
    report: Report,
) -> list[int]:
    """Return the only column of numbers, if it is to be forecast."""
    free = [j for j in free if columns.kinds[j] == "number"]
    unnamed = options.target is None and options.input is None
    if options.horizon is not None and unnamed and len(free) == 1:
        return free
    if require_targets and options.target is None:
        probably = _numbers_hint(columns, free)
        report(
            DataError(
                f"{columns.where}: no target column; add --target COL{probably}; "
                f"columns: {columns.listed()}"
            )
        )
    return []


def _all_numbers(
    columns: Columns, free: list[int], targets: list[int], report: Report
) -> list[int]:
    """Return the columns of numbers without a role; text that was meant to hold them is refused."""
    found = []
    for j in free:
        if j in targets:
            continue
        if holds_numbers(columns, j):
            found.append(j)
        elif columns.kinds[j] == "text" and (error := number_error(columns, j)) is not None:
            report(error)
    return found
