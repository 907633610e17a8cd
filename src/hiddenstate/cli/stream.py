"""Answers each line of stdin at once: `hiddenstate predict RUN - --stream`."""

import csv
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any

from hiddenstate.cli.output import note
from hiddenstate.errors import DataError, MachineError, OptionError, printable
from hiddenstate.system.strict_json import replace_nan

if TYPE_CHECKING:
    from hiddenstate.inference.stream import Stream
    from hiddenstate.models.fitted import FittedModel
    from hiddenstate.system.typing import Array

MAX_LINE = 1 << 24
"""Largest number of bytes of a line."""


def predict_lines(
    model: "FittedModel", changes: Mapping[str, Any], proba: bool, as_json: bool, stream: "Stream"
) -> None:
    """Read a step from each line of stdin, and print the answer to it before reading the next.

    Lines that name series in an id column are answered from the state of their series.

    Parameters
    ----------
    model : FittedModel
    changes : mapping
        Reading options that differ from training, by name.
    proba : bool
        Add the probability of each class (classifiers).
    as_json : bool
        Print JSON lines, otherwise CSV.
    stream : Stream
        Of the same model, one row, in its first state.

    Raises
    ------
    DataError
        If a line is wrong, with its number; the answers to the lines before it are printed.
    """
    from hiddenstate.inference.predict import class_labels, probability_columns, target_columns
    from hiddenstate.inference.step_lines import StepLines

    lines = StepLines(model, changes, "stdin")
    write = _json_writer() if as_json else _csv_writer()
    streams: dict[str, Stream] = {}
    steps: dict[str, int] = {}
    for line in _lines_of_stdin():
        parsed = lines.parse(line)
        if parsed is None:
            continue
        series, values = parsed
        if not streams and lines.remark:
            note(f"note: {lines.remark}")
        if series not in streams:
            streams[series] = stream.copy()
        answer = _answer(streams[series], values, f"stdin:{lines.number}")
        row: dict[str, Any] = {"series": series} if lines.ids else {}
        row["step"] = steps.get(series, 0)
        steps[series] = row["step"] + 1
        if model.net.kind.has_targets:
            columns = target_columns(model, answer)
        else:
            columns = {"label": class_labels(model, answer)}
            columns |= probability_columns(model, answer) if proba else {}
        write(row | {name: column.tolist()[0] for name, column in columns.items()})
    if not streams:
        raise DataError("stdin: no rows")


def _answer(stream: "Stream", values: "Array", at: str) -> "Array":
    """Return the answer to a step; errors name the line instead of the row."""
    try:
        return stream.step(values)
    except DataError as error:
        message = str(error).removeprefix("x: ").removeprefix("row 0 has ").removeprefix("row 0: ")
        raise DataError(f"{at}: {message}") from None


def _lines_of_stdin() -> Iterator[bytes]:
    """Yield each line of stdin as soon as it is there."""
    source: IO[bytes] | None = sys.stdin.buffer if sys.stdin else None
    if source is None:
        raise OptionError("--stream: stdin is closed; pipe lines into the command")
    number = 0
    try:
        while line := source.readline(MAX_LINE + 1):
            number += 1
            if len(line) > MAX_LINE:
                raise DataError(f"stdin:{number}: a line of more than {MAX_LINE} bytes")
            yield line
    except OSError as error:
        raise MachineError(f"stdin: cannot be read: {error.strerror or error}") from None


def _print(line: str) -> None:
    """Print a line at once; on a terminal, names from the data may contain escape sequences."""
    sys.stdout.write(f"{printable(line, 10**9) if sys.stdout.isatty() else line}\n")
    sys.stdout.flush()


def _json_writer() -> Callable[[dict[str, Any]], None]:
    def write(row: dict[str, Any]) -> None:
        _print(json.dumps(replace_nan(row), allow_nan=False, ensure_ascii=False))

    return write


class _Lines:
    """A file for csv.writer that prints each record."""

    def write(self, record: str) -> None:
        _print(record)


def _csv_writer() -> Callable[[dict[str, Any]], None]:
    writer = csv.writer(_Lines(), lineterminator="")
    begun = False

    def write(row: dict[str, Any]) -> None:
        nonlocal begun
        if not begun:
            writer.writerow(row)
            begun = True
        writer.writerow(row.values())

    return write
