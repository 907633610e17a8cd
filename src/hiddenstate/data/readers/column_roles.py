"""Decides what each column of a table is, label, target, input, id or time, and describes it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

import numpy as np

from hiddenstate.config import DataConfig
from hiddenstate.config.data_fields import NO_CALENDAR
from hiddenstate.data.column_names import ALL, positions_of
from hiddenstate.data.readers.cells import text_cells
from hiddenstate.data.readers.columns import Columns, column_index, text_error
from hiddenstate.data.readers.profiles import cell_text, missing_cells
from hiddenstate.data.readers.role_guesses import (
    ID_NAMES,
    INDEX_NAMES,
    Likely,
    Part,
    Question,
    all_numbers,
    check_counters,
    first_named,
    guess_label,
    guess_target,
    guess_time,
    is_static,
)
from hiddenstate.errors import DataError, Flag, printable


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
    `ahead`, and those with one value in each series in `static`. `why_label` says why the label is
    one; any of `other_labels` could be it as well.
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
    why_label: Likely = Likely.NAMED
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

    return _decided(Question(columns, options, job, require_targets, refuse, part))


def described_roles(
    columns: Columns, options: DataConfig, job: str
) -> tuple[Roles, DataError | None]:
    """Decide the roles that columns would get, whatever is wrong, and return the first error."""
    errors: list[DataError] = []
    roles = _decided(Question(columns, options, job, True, errors.append))
    return roles, errors[0] if errors else None


def _decided(ask: Question) -> Roles:
    """Decide the roles and report what is wrong, in the order in which a user should hear it."""
    columns, options = ask.columns, ask.options
    named = _named(ask)
    targets, inputs = named.targets, named.inputs
    taken = {*named.roles.values(), *named.ids, *targets, *(inputs or ()), *named.dropped}
    free = [j for j in range(len(columns.names)) if j not in taken]
    left_out = [
        j for j in free if columns.names[j].casefold() in INDEX_NAMES and columns.kinds[j] != "text"
    ]
    unused = dict.fromkeys(named.dropped, Unused.DROPPED)
    unused |= dict.fromkeys(left_out, Unused.ROW_NUMBERS)
    free = [j for j in free if j not in left_out]
    long, ids, time = _id_and_time(ask, named, free, left_out)
    beside = list(dict.fromkeys(j for _, j in named.known if j != time))  # its calendar is an input
    free = [j for j in free if j not in beside]
    if long and time is None and ask.part != "new":
        check_counters(ask, free)
    has_series = long and bool(ids) and not {*ids} & {*left_out}
    label, why, others = named.roles.get("label"), Likely.NAMED, tuple[int, ...]()
    absent = options.label is not None and not ask.require_targets  # nothing takes its place
    if not ask.kind.has_targets and label is None and not absent:
        label, why, others = guess_label(ask, free, ids if has_series else ())
        free = [j for j in free if j != label]
    if ask.kind.has_targets and not targets:
        targets = guess_target(ask, free)
    if inputs is None:
        forecast = options.horizon is not None and bool(targets)
        filled = ask.is_further or options.missing != "error"
        others_free = [j for j in free if j not in targets]
        inputs = list(targets) if forecast else all_numbers(ask, others_free, filled)
    inputs = [*inputs, *(j for j in beside if j not in inputs)]
    free = [j for j in free if j not in inputs and j not in targets]
    unused |= {j: _why_unused(columns, j, options) for j in free}
    if has_series and options.horizon is not None and options.input is None:
        unused |= dict.fromkeys((j for j in free if is_static(columns, j, ids)), Unused.STATIC)
    if not inputs:
        _refuse_no_inputs(ask, targets)
    if long and not has_series and not ask.kind.has_targets and ask.require_targets:
        what = (
            f"{columns.where}: no id column that says which series a row belongs to; add --id COL"
        )
        ask.report(DataError(f"{what}; columns: {columns.listed()}"))
    answers = ask.require_targets or ask.kind.has_codes  # which has a score of the labels
    return Roles(
        long,
        inputs,
        targets if answers else [],
        label if answers else None,
        () if long and not has_series else ids,
        time,
        _group(ask, named.roles.get("group"), answers),
        named.roles.get("weight") if ask.part != "new" else None,
        tuple(left_out),
        why,
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


def _named(ask: Question) -> _Named:
    """Return the columns that options name, and report those that cannot be what they say."""
    options = ask.options
    roles = _named_roles(ask)
    ids = tuple(_indices(ask, "--id", options.id or (), ask.is_further and ask.reads_wide))
    for j in ids:
        if ask.columns.kinds[j] == "nested":
            ask.report(text_error(ask.columns, j, "--id"))
    targets = _named_targets(ask)
    dropped = _indices(ask, "--drop", options.drop or (), ask.is_further)
    inputs = _named_inputs(ask, dropped)
    known = [
        (flag, j)
        for flag, names in (("--future", options.future), ("--static", options.static))
        for j in _indices(ask, flag, names or ())
    ]
    named = _Named(roles, ids, targets, inputs, dropped, known)
    _check_distinct(ask, named)
    return named


def _refuse_no_inputs(ask: Question, targets: list[int]) -> None:
    """Refuse a table without inputs, unless text or dates may become some."""
    columns, options = ask.columns, ask.options
    may_be_encoded = options.calendar not in (None, NO_CALENDAR) or options.input == ALL
    if not (may_be_encoded and ask.require_targets):
        ahead = ("to forecast a target from its own past add ", Flag("--horizon", "1"))
        what = f"{columns.where}: no input columns of numbers; columns: {columns.listed()}"
        ask.report(DataError(what, *[ahead] * bool(targets)))


def _group(ask: Question, group: int | None, answers: bool) -> int | None:
    """Return the column of groups, if it is used: of new rows for the intervals of scores, which
    draw whole groups."""
    if group is None or ask.part != "new":
        return group
    profile = ask.columns.profile(group)
    return group if answers and profile.kind != "nested" and not profile.has_gaps else None


def _id_and_time(
    ask: Question, named: _Named, free: list[int], left_out: list[int]
) -> tuple[bool, tuple[int, ...], int | None]:
    """Decide whether the table is long, its id and its time; guessed columns leave `free`.

    In a wide table they are in `left_out` too, and so is an id that never repeats in a long one.
    """
    columns, ids, time = ask.columns, named.ids, named.roles.get("time")
    if not ids and (guess := first_named(columns, ID_NAMES, free)) is not None:
        free.remove(guess)
        ids = (guess,)
        if ask.reads_wide or not columns.profile(guess).repeats:
            left_out.append(guess)
    has_series = bool(ids) and not {*ids} & {*left_out}
    auto_long = ask.options.layout == "auto" and (has_series or ask.kind.has_targets)
    long = ask.options.layout == "long" or auto_long
    rising = ids if has_series and not ask.is_further else ()  # a model has its inputs
    if time is None and (guess := guess_time(columns, free, rising)) is not None:
        free.remove(guess)
        time = guess
        if not long:
            left_out.append(guess)
    return long, ids, time


def _why_unused(columns: Columns, j: int, options: DataConfig) -> Unused:
    """Return why nothing uses a column that nobody named."""
    profile = columns.profile(j)
    if profile.is_empty:
        return Unused.EMPTY
    if profile.content in ("text", "category"):
        few = profile.has_few_texts and options.input is None and not profile.sign
        return Unused.CATEGORIES if few else Unused.TEXT
    if profile.content == "nested":
        return Unused.UNREADABLE
    if profile.content == "date" and profile.kind != "number":
        is_clock = profile.kind == "text" and profile.holds_times_of_day
        return Unused.TIMES_OF_DAY if is_clock else Unused.DATES
    return Unused.NOT_NAMED if options.input else Unused.NOT_TARGET


def _indices(ask: Question, flag: str, names: Iterable[str], may_miss: bool = False) -> list[int]:
    """Return the columns that an option names; none that is not there if they `may_miss`."""
    found = []
    for name in names:
        if may_miss and name not in ask.columns.positions:
            continue
        try:
            found.append(column_index(ask.columns, flag, name))
        except DataError as error:
            ask.report(error)
    return found


def _named_roles(ask: Question) -> dict[str, int]:
    """Return the columns that options name for one role; further rows may be without some."""
    may_miss = {
        "label": not ask.require_targets,
        "time": ask.is_further and ask.reads_wide,
        "group": ask.is_further,
        "weight": ask.is_further,
    }
    roles = {}
    for role in may_miss:
        name = getattr(ask.options, role)
        if name is None or (role == "label" and ask.kind.has_targets):
            continue
        for j in _indices(ask, f"--{role}", [name], may_miss[role]):
            roles[role] = j
            if ask.columns.kinds[j] == "nested" and not may_miss[role]:
                ask.report(text_error(ask.columns, j, f"--{role}"))
    return roles


def _named_targets(ask: Question) -> list[int]:
    """Return the targets that options name; those that are there, if none is required."""
    needed = ask.require_targets
    names = ask.options.target if ask.kind.has_targets and ask.options.target is not None else ()
    targets = _indices(ask, "--target", names, may_miss=not needed)
    for j in targets:
        if needed and not ask.columns.profile(j).holds_numbers:
            ask.report(text_error(ask.columns, j, "--target"))
    return targets


def _named_inputs(ask: Question, dropped: list[int]) -> list[int] | None:
    """Return the inputs that options name, without those that are dropped; None if none are."""
    columns, names = ask.columns, ask.options.input
    if names is None or (names == ALL and ALL[0] not in columns.names):
        return None
    try:
        inputs = positions_of(names, columns.names, columns.where)
    except DataError as error:
        ask.report(error)
        return None
    if len(set(inputs)) < len(inputs):
        twice = next(name for name, n in Counter(names).items() if n > 1)
        ask.report(DataError(f"{columns.where}: --input names {printable(twice, 40)} twice"))
    return [j for j in inputs if j not in dropped]


def _check_distinct(ask: Question, named: _Named) -> None:
    """Refuse a column with two roles that exclude each other."""
    columns = ask.columns
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
                ask.report(DataError(f"{columns.where}: {twice if other == flag else both}"))
        may_be_input = flag in ("--time", "--group", "--future", "--static") or (
            flag == "--target" and ask.options.horizon
        )
        before[j].append(flag)
        if j in all_inputs and not may_be_input:
            ahead = (" or add ", Flag("--horizon", "1")) if flag == "--target" else ()
            why = "" if flag in ("--id", "--weight") else ", so the network would see the answer"
            ask.report(
                DataError(
                    f"{columns.where}: column {name} is both {flag} and --input{why}",
                    ("leave it out of ", Flag("--input"), *ahead),
                )
            )


# --- columns described, with their roles

MAX_DESCRIBED = 1000
"""Largest number of columns that are described."""

EXAMPLES, EXAMPLE_ROWS = 3, 100
"""Different values given as examples, and the number of first rows they are taken from."""


@dataclass(frozen=True)
class ColumnFacts:
    """What is known of one column.

    Parameters
    ----------
    name : str
        As in the file, not yet made printable.
    kind : {"number", "boolean", "text", "date", "nested"}
    examples : tuple of str
        Some different values.
    missing : int
        Number of missing cells among the rows that were read.
    role : str
        What it is used for: `input`, `label`, ...; or `left out` and why.
    """

    name: str
    kind: str
    examples: tuple[str, ...]
    missing: int
    role: str


def describe_columns(columns: Columns, roles: Roles) -> tuple[ColumnFacts, ...]:
    """Describe the columns of a sample in memory; at most `MAX_DESCRIBED`.

    Columns with a role other than input come first where there are more columns than that.

    Parameters
    ----------
    columns : Columns
    roles : Roles
        Those that the columns have, or would get.
    """
    names = _role_names(roles)
    order = list(range(len(columns.names)))
    if len(order) > MAX_DESCRIBED:
        others = [j for j in order if names.get(j, "input") != "input"][: MAX_DESCRIBED // 2]
        order = sorted({*others, *order[: MAX_DESCRIBED - len(others)]})
    return tuple(_describe(columns, j, names) for j in order)


def _describe(columns: Columns, j: int, roles: Mapping[int, str]) -> ColumnFacts:
    profile, role = columns.profile(j), roles.get(j, "left out")
    kind, name = profile.kind, profile.name
    if kind == "nested":
        return ColumnFacts(name, kind, (), 0, role)
    kind = "date" if profile.content == "date" else kind
    cells = profile.cells
    if profile.holds_truths:
        kind, cells = "boolean", text_cells(columns, j)
    absent = missing_cells(cells)
    present = np.flatnonzero(~absent[:EXAMPLE_ROWS])
    examples = dict.fromkeys(_example(cells[row]) for row in present.tolist())
    return ColumnFacts(name, kind, tuple(examples)[:EXAMPLES], int(absent.sum()), role)


def _example(value: object) -> str:
    """Return a value in at most 20 characters."""
    if isinstance(value, (float, np.floating)) and not float(value).is_integer():
        return f"{float(value):.6g}"
    return printable(cell_text(value), 20)


def _role_names(roles: Roles) -> dict[int, str]:
    """Return the role of each column that has one, in words."""
    names = dict.fromkeys(roles.inputs, "input")
    for which, words in ((roles.ahead, "known ahead"), (roles.static, "static")):
        names |= {j: f"{names[j]}, {words}" if j in names else words for j in which}
    for j in roles.targets:
        names[j] = f"{names[j]}, target" if j in names else "target"
    held = [(role, getattr(roles, role)) for role in ("label", "time", "group", "weight")]
    for role, j in [*(("id", j) for j in roles.id), *held]:
        if j is not None:
            names[j] = f"{names[j]}, {role}" if j in names else role
    return {j: f"left out ({why.value})" for j, why in roles.unused.items()} | names
