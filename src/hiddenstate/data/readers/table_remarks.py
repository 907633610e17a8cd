"""Says what a table was read as, where that may not be what a user expects."""

from collections.abc import Sequence

from hiddenstate.config import DataConfig
from hiddenstate.data.calendar import MissingSteps
from hiddenstate.data.column_names import ALL
from hiddenstate.data.prepare.encoding import Encoding
from hiddenstate.data.readers.column_roles import Roles, Unused
from hiddenstate.data.readers.columns import Columns
from hiddenstate.data.readers.profiles import cell_text
from hiddenstate.data.readers.role_guesses import LABEL_NAMES, Likely, counter_within
from hiddenstate.data.readers.row_order import Doubt, RowOrder, dates_beside, unnamed_time
from hiddenstate.data.table_series import counted_series
from hiddenstate.errors import Setting, listed, printable
from hiddenstate.program.jobs import kind_of
from hiddenstate.system.notice import Remark, offering


def kind_words(columns: Columns, roles: Roles) -> str:
    """Return what a table is, and what is not read as data by itself."""
    kind = f"a {'long' if roles.long else 'wide'} {columns.what}"
    if roles.why_label is Likely.FIRST:
        kind += ", its first column the label"
    if roles.left_out:
        kind += f", without its column {columns.listed(roles.left_out)}"
    return kind


def label_remarks(
    columns: Columns, roles: Roles, options: DataConfig, job: str, where: str
) -> tuple[str, ...]:
    """Say which column was taken as the label, if others could be, or if only its place says so."""
    if not kind_of(job).has_classes or options.label is not None or roles.label is None:
        return ()
    name = printable(columns.names[roles.label], 40)
    if roles.other_labels:
        others = listed([columns.names[j] for j in roles.other_labels], 8, 40)
        return (f"{where}: the label is {name}; it could also be {others}: choose with --label",)
    counter = counter_within(columns, roles.label) if roles.why_label is Likely.ONLY else None
    if counter is not None and not roles.long:
        rises = printable(columns.names[counter], 40)
        text = (
            f"{where}: the label is {name}, and {rises} rises in the rows of each; if {name} is "
            "the name of a series, "
        )
        add = Setting("add", id=columns.names[roles.label], time=columns.names[counter])
        return (offering(text, add),)
    truths = columns.profile(roles.label).holds_truths
    if roles.why_label is Likely.FLAG and not truths and name.casefold() not in LABEL_NAMES:
        return (f"{where}: the label is {name}, the last column, of 0 and 1; see --label",)
    return ()


def unused_remarks(
    columns: Columns, roles: Roles, options: DataConfig, where: str
) -> tuple[str, ...]:
    """Say which columns nothing uses, and why, unless the user chose the inputs."""
    dates = None if roles.time is None else dates_beside(columns, roles.time, roles.unused)
    skipped = {*roles.left_out, unnamed_time(columns, roles), dates}
    unused = {
        j: why for j, why in roles.unused.items() if j not in skipped and why is not Unused.DROPPED
    }
    if options.input not in (None, ALL) or not unused:
        return ()
    reasons = [
        f"{printable(columns.names[j], 40)} ({why.value}"
        + (f": remove {sign} to use its numbers)" if (sign := columns.profile(j).sign) else ")")
        for j, why in unused.items()
    ]
    text = f"{where}: left out, as nothing uses them: {listed(reasons, each=160)}"
    return (Remark(text, fix={"input": ALL[0]} if Unused.CATEGORIES in unused.values() else None),)


def series_remarks(
    columns: Columns, roles: Roles, options: DataConfig, where: str
) -> tuple[str, ...]:
    """Say which column may name series whose steps are read as rows of their own."""
    name = counted_series(columns, roles) if options.layout == "auto" else None
    if name is None:
        return ()
    text = (
        f"{where}: rows with the same {printable(name, 40)} follow one another and have one label; "
        "if they are the steps of a series, "
    )
    return (offering(text, Setting("add", id=name)),)


def encoding_remarks(where: str, encodings: Sequence[Encoding]) -> tuple[str, ...]:
    """Say which columns are encoded, and as how many features."""
    if not encodings:
        return ()
    words = [
        f"{printable(e.column, 40)} ("
        + (f"{len(e.values)} values" if e.values else ", ".join(e.calendar))
        + ")"
        for e in encodings
    ]
    n = sum(len(e.features) for e in encodings)
    return (f"{where}: read as {n} features: {listed(words, each=80)}",)


def order_remarks(columns: Columns, roles: Roles, order: RowOrder, where: str) -> tuple[str, ...]:
    """Say in which order the rows are, if that may not be what a user expects."""
    if order.doubt is not None:
        text = f"{where}: the rows are in the order of the file; "
        doubt = _doubt(columns, order.doubt, order.which)
        if order.doubt is Doubt.CALENDAR:
            return (f"{text}{doubt}",)
        add = Setting("add", time=columns.names[order.which[0]])
        return (offering(f"{text}{doubt}", add),)
    name = "" if roles.time is None else printable(columns.names[roles.time], 40)
    remarks = [f"{where}: the rows are not in the order of {name}; ordered by it"][: order.moved]
    if order.dates is not None:
        dates = printable(columns.names[order.dates], 40)
        remarks.append(f"{where}: {name} is joined with the dates in {dates}")
    if order.nights:
        times = "once" if order.nights == 1 else f"{order.nights} times"
        remarks.append(
            f"{where}: {name} passes midnight {times}; what follows is read as the next day"
        )
    return tuple(remarks)


def _doubt(columns: Columns, doubt: Doubt, which: tuple[int, ...]) -> str:
    """Say which columns of a long table without a time may order its rows, up to what to add."""
    if doubt is Doubt.CALENDAR:
        names = columns.listed(which)
        return (
            f"if columns {names} say when, sort the rows by them, or name the series with --id COL"
        )
    j = which[0]
    column = f"column {printable(columns.names[j], 40)}"
    cell = columns.arrays[j][0]
    if doubt is Doubt.DATES:
        return f"if {column} orders them, "
    if doubt is Doubt.UNREAD:
        return f"if {column} orders them, write '{printable(cell, 40)}' like 2020-12-31 and "
    what = {
        Doubt.FALLS: "falls from row to row, so the newest may be first",
        Doubt.COUNTS: "counts, but not in the order of the rows",
        Doubt.UNIX: "holds Unix times, by its values, that do not rise from row to row",
        Doubt.COMPACT: f"holds dates such as {cell_text(cell)}, by its values",
    }
    return f"{column} {what[doubt]}; if it orders them, "


def missing_remarks(found: MissingSteps | None, options: DataConfig, where: str) -> tuple[str, ...]:
    """Say how many steps are missing, and what fills them in."""
    if found is None:
        return ()
    every, words = found.calendar.every, f"{where}: {found.in_words()}"
    if options.every is None:
        hint = f"; --every {every} fills them in" if every else ""
        return (f"{words}, the first {found.at()}{hint}",)
    if options.missing in ("error", "drop"):
        return (f"{words}, the first {found.at()}; added as missing values (--every {every})",)
    return (f"{words}: filled in (--every {every} --missing {options.missing})",)
