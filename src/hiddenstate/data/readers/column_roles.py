"""Decides what each column of a table is: label, target, input, id or time."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, NamedTuple

from hiddenstate.config import DataConfig
from hiddenstate.config.data_fields import NO_CALENDAR
from hiddenstate.data.column_names import ALL, positions_of
from hiddenstate.data.readers.columns import (
    Columns,
    column_index,
    missing_cells,
    text_error,
)
from hiddenstate.data.readers.dates import are_times_of_day
from hiddenstate.data.readers.role_guesses import (
    ID_NAMES,
    INDEX_NAMES,
    Report,
    all_numbers,
    check_counters,
    first_named,
    guess_label,
    guess_target,
    guess_time,
    is_static,
    repeats,
)
from hiddenstate.errors import DataError, Flag, printable

Part = Literal["training", "test", "new"]
"""What rows are for: training; `--test`; or a model that is trained already."""


class Unused(Enum):
    """Why nothing uses a column, with the words for it."""

    EMPTY = "no values"
    ROW_NUMBERS = "row numbers"
    IDS = "ids"
    DROPPED = "--drop"
    NOT_NAMED = "not in --input"
    TEXT = "text"
    CATEGORIES = "text; an input with --input all"
    DATES = "dates"
    TIMES_OF_DAY = "times of day"
    UNREADABLE = "a type that cannot be read"
    STATIC = "static; an input with --static"
    NOT_TARGET = "a forecast reads its target alone; --input and --future add others"


TEXT = (Unused.TEXT, Unused.CATEGORIES)
"""Any text, and text whose few values repeat."""

MAY_BE_BOTH = ({"--id", "--group"}, {"--time", "--future"}, {"--group", "--static"})
"""Pairs of roles that one column may have."""

MAY_NAME = (*TEXT, Unused.DROPPED, Unused.NOT_NAMED)
"""Of columns that may still name the person or session that a row comes from."""


@dataclass(frozen=True)
class Roles:
    """The role of each column, by index; `left_out` columns have a known name and are no inputs.

    The columns of `id` together name a series; in a wide table they, and `time`, only name rows.
    `unused` says of each column without a role why it has none. Inputs that are known ahead are in
    `ahead`, and those with one value in each series in `static`. Any of `other_labels` could be the
    label as well.
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
    unused: Mapping[int, Unused] = field(default_factory=dict)
    ahead: tuple[int, ...] = ()
    static: tuple[int, ...] = ()
    other_labels: tuple[int, ...] = ()


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
    named = _named(columns, options, job, require_targets, report, part)
    targets, inputs = named.targets, named.inputs
    taken = {*named.roles.values(), *named.ids, *targets, *(inputs or ()), *named.dropped}
    free = [j for j in range(len(columns.names)) if j not in taken]
    left_out = [
        j for j in free if columns.names[j].casefold() in INDEX_NAMES and columns.kinds[j] != "text"
    ]
    unused = dict.fromkeys(named.dropped, Unused.DROPPED)
    unused |= dict.fromkeys(left_out, Unused.ROW_NUMBERS)
    free = [j for j in free if j not in left_out]
    long, ids, time = _id_and_time(columns, options, job, named, free, left_out)
    beside = list(dict.fromkeys(j for _, j in named.known if j != time))  # its calendar is an input
    free = [j for j in free if j not in beside]
    if long and time is None and part != "new":
        check_counters(columns, free, report)
    has_series = long and bool(ids) and not {*ids} & {*left_out}
    label, is_first, others = named.roles.get("label"), False, tuple[int, ...]()
    absent = options.label is not None and not require_targets  # nothing takes its place
    if job != "regress" and label is None and not absent:
        own_ids = ids if has_series else ()
        label, is_first, others = guess_label(
            columns, options, job, require_targets, free, report, own_ids
        )
        free = [j for j in free if j != label]
    if job == "regress" and not targets:
        targets = guess_target(columns, options, require_targets, free, report)
    if inputs is None:
        forecast = options.horizon is not None and bool(targets)
        filled = part != "training" or options.missing != "error"
        inputs = list(targets) if forecast else all_numbers(columns, free, targets, filled, report)
    inputs = [*inputs, *(j for j in beside if j not in inputs)]
    free = [j for j in free if j not in inputs and j not in targets]
    unused |= {j: _why_unused(columns, j, options) for j in free}
    if has_series and options.horizon is not None and options.input is None:
        unused |= dict.fromkeys((j for j in free if is_static(columns, j, ids)), Unused.STATIC)
    if not inputs:
        _refuse_no_inputs(columns, options, targets, require_targets, report)
    if long and not has_series and job != "regress" and require_targets:
        what = (
            f"{columns.where}: no id column that says which series a row belongs to; add --id COL"
        )
        report(DataError(f"{what}; columns: {columns.listed()}"))
    answers = require_targets or job == "autoencode"  # which has a score of the labels
    return Roles(
        long,
        inputs,
        targets if answers else [],
        label if answers else None,
        () if long and not has_series else ids,
        time,
        _group(columns, named.roles.get("group"), answers, part),
        named.roles.get("weight") if part != "new" else None,
        tuple(left_out),
        is_first,
        unused,
        tuple(j for flag, j in named.known if flag == "--future"),
        tuple(j for flag, j in named.known if flag == "--static"),
        others if answers else (),
    )


class _Named(NamedTuple):
    """The columns that options name, by index: one for each of `roles`, and inputs if any are;
    `known` ones are known ahead or static, each with the option that says so."""

    roles: dict[str, int]
    ids: tuple[int, ...]
    targets: list[int]
    inputs: list[int] | None
    dropped: list[int]
    known: list[tuple[str, int]]


def _named(
    columns: Columns,
    options: DataConfig,
    job: str,
    require_targets: bool,
    report: Report,
    part: Part,
) -> _Named:
    """Return the columns that options name, and report those that cannot be what they say."""
    is_further = part != "training"
    names_rows = is_further and options.layout in ("wide", "features")
    roles = _named_roles(columns, options, job, require_targets, report, part)
    ids = tuple(_indices(columns, "--id", options.id or (), report, names_rows))
    for j in ids:
        if columns.kinds[j] == "nested":
            report(text_error(columns, j, "--id"))
    targets = _named_targets(columns, options, job, require_targets, report)
    dropped = _indices(columns, "--drop", options.drop or (), report, is_further)
    inputs = _named_inputs(columns, options, dropped, report)
    known = _known_inputs(columns, options, report)
    named = _Named(roles, ids, targets, inputs, dropped, known)
    _check_distinct(columns, options, named, report)
    return named


def _refuse_no_inputs(
    columns: Columns,
    options: DataConfig,
    targets: list[int],
    require_targets: bool,
    report: Report,
) -> None:
    """Refuse a table without inputs, unless text or dates may become some."""
    may_be_encoded = options.calendar not in (None, NO_CALENDAR) or options.input == ALL
    if not (may_be_encoded and require_targets):
        ahead = ("to forecast a target from its own past add ", Flag("--horizon", "1"))
        what = f"{columns.where}: no input columns of numbers; columns: {columns.listed()}"
        report(DataError(what, *[ahead] * bool(targets)))


def _group(columns: Columns, group: int | None, answers: bool, part: Part) -> int | None:
    """Return the column of groups, if it is used: of new rows for the intervals of scores, which
    draw whole groups."""
    if group is None or part != "new":
        return group
    whole = columns.kinds[group] != "nested" and not missing_cells(columns.arrays[group]).any()
    return group if answers and whole else None


def _id_and_time(
    columns: Columns,
    options: DataConfig,
    job: str,
    named: _Named,
    free: list[int],
    left_out: list[int],
) -> tuple[bool, tuple[int, ...], int | None]:
    """Decide whether the table is long, its id and its time; guessed columns leave `free`.

    In a wide table they are in `left_out` too, and so is an id that never repeats in a long one.
    """
    ids, time = named.ids, named.roles.get("time")
    if not ids and (guess := first_named(columns, ID_NAMES, free)) is not None:
        free.remove(guess)
        ids = (guess,)
        if options.layout in ("wide", "features") or not repeats(columns.arrays[guess]):
            left_out.append(guess)
    has_series = bool(ids) and not {*ids} & {*left_out}
    auto_long = options.layout == "auto" and (has_series or job == "regress")
    long = options.layout == "long" or auto_long
    if time is None and (guess := guess_time(columns, free)) is not None:
        free.remove(guess)
        time = guess
        if not long:
            left_out.append(guess)
    return long, ids, time


def _why_unused(columns: Columns, j: int, options: DataConfig) -> Unused:
    """Return why nothing uses a column that nobody named."""
    if columns.profile(j).is_empty:
        return Unused.EMPTY
    content = columns.profile(j).content
    if content in ("text", "category"):
        few = content == "category" and len(columns.profile(j).texts) > 1
        few = few and options.input is None and not columns.profile(j).sign
        return Unused.CATEGORIES if few else Unused.TEXT
    if content == "nested":
        return Unused.UNREADABLE
    if content == "date" and columns.kinds[j] != "number":
        is_clock = columns.kinds[j] == "text" and are_times_of_day(columns.arrays[j])
        return Unused.TIMES_OF_DAY if is_clock else Unused.DATES
    return Unused.NOT_NAMED if options.input else Unused.NOT_TARGET


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
        if require_targets and not columns.profile(j).holds_numbers:
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


def _known_inputs(columns: Columns, options: DataConfig, report: Report) -> list[tuple[str, int]]:
    """Return the columns known ahead, and the static ones, each with the option that names it."""
    return [
        (flag, j)
        for flag, names in (("--future", options.future), ("--static", options.static))
        for j in _indices(columns, flag, names or (), report)
    ]


def _check_distinct(columns: Columns, options: DataConfig, named: _Named, report: Report) -> None:
    """Refuse a column with two roles that exclude each other."""
    held = [(f"--{role}", j) for role, j in named.roles.items()]
    at = 1 if "label" in named.roles else 0
    held[at:at] = [("--id", j) for j in named.ids]
    held += [("--target", j) for j in named.targets] + [("--drop", j) for j in named.dropped]
    held += named.known
    before: dict[int, list[str]] = {}
    all_inputs = frozenset(named.inputs or ())
    for flag, j in held:
        name = printable(columns.names[j], 40)
        for other in before.setdefault(j, []):
            if {flag, other} not in MAY_BE_BOTH:
                twice = f"{flag} names {name} twice"
                both = (
                    f"column {name} is both {other} and {flag}; name another column for one of them"
                )
                report(DataError(f"{columns.where}: {twice if other == flag else both}"))
        may_be_input = flag in ("--time", "--group", "--future", "--static") or (
            flag == "--target" and options.horizon
        )
        before[j].append(flag)
        if j in all_inputs and not may_be_input:
            ahead = (" or add ", Flag("--horizon", "1")) if flag == "--target" else ()
            why = "" if flag in ("--id", "--weight") else ", so the network would see the answer"
            report(
                DataError(
                    f"{columns.where}: column {name} is both {flag} and --input{why}",
                    ("leave it out of ", Flag("--input"), *ahead),
                )
            )
