"""The page on formats lists the arrays of snapshots and the letters of their axes."""

from pathlib import Path

import pytest

from hiddenstate.config import JOBS
from hiddenstate.runs.array_spec import AXES, NUMBERS
from hiddenstate.runs.snapshots import array_tables

pytestmark = pytest.mark.usefixtures("coarse")


ROOT = Path(__file__).parents[2]


def shape_words(shape: str) -> str:
    axes = shape.split()
    return f"({', '.join(axes)}{',' * (len(axes) == 1)})"


def array_lines(file: str) -> list[str]:
    """Return the lines of docs/format.md for the arrays of one kind of file."""
    lines = []
    for job in JOBS:
        tables = array_tables(job)
        for name, spec in getattr(tables, file).items():
            shape = shape_words(spec.shape)
            if spec.last_shape:
                shape += f", or {shape_words(spec.last_shape)} with `output` = `last`"
            required = file == "static" and name in tables.always
            presence = f"group {spec.group}" if spec.group else "always" if required else ""
            numbers = NUMBERS[spec.kinds]
            lines.append(
                f"| {job} | `{name}` | {numbers} | {shape} | {presence} | {spec.meaning} |"
            )
    return lines


def test_the_format_page_lists_exactly_these_arrays_and_letters():
    page = (ROOT / "docs" / "format.md").read_text("utf-8")
    section = page.split("\n### Snapshots\n")[1].split("\n### ")[0]
    tables = [part.splitlines()[2:] for part in section.split("\n\n") if part.startswith("| ")]
    files = [array_lines(file) for file in ("static", "snapshot", "final")]
    assert tables == [*files, [f"| {letter} | {what} |" for letter, what in AXES.items()]]


def test_every_letter_of_a_shape_is_explained():
    for job in JOBS:
        tables = array_tables(job)
        for table in (tables.static, tables.snapshot, tables.final):
            for spec in table.values():
                assert {axis for axis in spec.axes if isinstance(axis, str)} <= set(AXES)
