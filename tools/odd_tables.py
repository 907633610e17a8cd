"""Makes odd tables from a seed, and says what a table is read as: its roles, order and encodings.

`python -m tools.odd_tables` writes what they are read as to `tests/golden/odd_tables.txt`, of which
`tests/data/test_odd_tables.py` checks a share.
"""

import gzip
import hashlib
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from hiddenstate.config import DataConfig
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.readers.column_roles import described_roles
from hiddenstate.data.readers.open import read_path, sample_columns
from hiddenstate.errors import HiddenstateError

GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "odd_tables.txt"
SEED, TABLES = 9, 300

MISSING = ("", "NA", "nan", "NaN", "null", "None", "?", "-", "N/A", "<NA>", "#N/A", " ")
NAMES = ("value", "x", "y", "speed", "temp (°C)", "a b", "Größe", "sensor_1", "2021", "7", "class")
ID_NAMES = (
    "id",
    "series",
    "customer_id",
    "PassengerId",
    "CustomerNo",
    "trial",
    "zip",
    "session_id",
)
TIME_NAMES = ("time", "t", "date", "timestamp", "day", "step", "month", "when", "Datum", "index")
LABEL_NAMES = ("label", "class", "target", "y", "kind", "outcome")
WORDS = ("rest", "walk", "run", "Zürich", "naïve", "true", "no", "A", "b c", "1st", "=1+1", "ok")


@dataclass(frozen=True)
class Table:
    """A file by the ending of its name, its content, and the options that it is read with."""

    name: str
    content: bytes
    job: str
    options: dict[str, Any]


class Dice:
    """Random choices that no version of Python makes in another way."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed).random

    def below(self, n: int) -> int:
        return int(self.random() * n)

    def of(self, choices: Any) -> Any:
        return choices[self.below(len(choices))]

    def chance(self, share: float) -> bool:
        return self.random() < share


def tables(n: int = TABLES, every: int = 1) -> Iterator[tuple[int, Table]]:
    """Return every few of `n` tables by number; each has a seed of its own."""
    return ((i, _table(Dice(1000 * SEED + i))) for i in range(0, n, every))


# --- cells of a column


def _numbers(dice: Dice, n: int) -> list[str]:
    form: Callable[[], str] = dice.of(
        (
            lambda: f"{dice.random() * 10 - 5:.3f}",
            lambda: str(dice.below(40) - 20),
            lambda: str(dice.below(256)),
            lambda: f"{dice.random() * 1e9:.2e}",
            lambda: str(2**53 + dice.below(9)),
            lambda: dice.of(
                (f"{dice.below(999) / 100}".replace(".", ","), f"{dice.below(9000000):,}")
            ),
            lambda: str(dice.below(4)),
            lambda: f"{dice.below(100)}%",
            lambda: f"$ {dice.below(100)}.50",
            lambda: f"+{dice.below(10)}.0",
            lambda: dice.of(("0", "1")),
            lambda: dice.of(("inf", "1", "-2.5")),
        )
    )
    return [form() for _ in range(n)]


def _steady(dice: Dice, n: int) -> list[str]:
    return [dice.of(("5", "0.5", "x", ""))] * n


def _names(dice: Dice, n: int) -> list[str]:
    form: Callable[[int], str] = dice.of(
        (
            lambda i: f"{i % 9:03d}",
            lambda i: f"{i % 7}" if i % 2 else f"{i % 7}.0",
            lambda i: f"{10**6 + i}",
            lambda i: f"P{i % 8}",
            lambda i: f"{i:05d}",
        )
    )
    return [form(dice.below(n) if dice.chance(0.2) else i) for i in range(n)]


def _texts(dice: Dice, n: int) -> list[str]:
    most = dice.of((1, 2, 3, len(WORDS)))
    return [WORDS[dice.below(most)] for _ in range(n)]


def _remarks(dice: Dice, n: int) -> list[str]:
    return [f"{dice.of(WORDS)} {dice.below(1000)} {dice.of(WORDS)}" for _ in range(n)]


def _truths(dice: Dice, n: int) -> list[str]:
    words = dice.of((("true", "false"), ("TRUE", "FALSE"), ("True", "False"), ("yes", "no")))
    return [dice.of(words) for _ in range(n)]


def _dates(dice: Dice, n: int) -> list[str]:
    step = dice.of((timedelta(days=1), timedelta(minutes=15), timedelta(days=31), timedelta(0)))
    form = dice.of(
        ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%Y%m%d", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M",
         "%H:%M", "%b %Y", "%s", "%d/%m/%y", "%Y")
    )  # fmt: skip
    start, gaps, back = datetime(2021, 1 + dice.below(12), 1 + dice.below(28)), 0, dice.chance(0.2)
    cells = []
    for i in range(n):
        gaps += dice.chance(0.05)
        when = start + step * (i + gaps)
        cells.append(f"{i * 60 + 10**9}" if form == "%s" else when.strftime(form))
    return cells[::-1] if back else cells


def _counts(dice: Dice, n: int) -> list[str]:
    step, length = dice.of((1, 2, 10)), dice.of((n, 7, 12))
    cells = [str(step * (i % length)) for i in range(n)]
    if dice.chance(0.2):
        cells[dice.below(n)] = cells[dice.below(n)]
    return cells


def _mixed(dice: Dice, n: int) -> list[str]:
    share = dice.of((0.02, 0.7, 0.95))
    return [dice.of(WORDS) if dice.chance(share) else str(dice.below(50)) for _ in range(n)]


COLUMNS = (
    (_numbers, NAMES), (_numbers, NAMES), (_numbers, NAMES), (_steady, NAMES), (_texts, NAMES),
    (_texts, LABEL_NAMES), (_remarks, NAMES), (_truths, LABEL_NAMES), (_truths, NAMES),
    (_mixed, NAMES), (_dates, TIME_NAMES), (_counts, TIME_NAMES), (_names, ID_NAMES),
    (_numbers, LABEL_NAMES),
)  # fmt: skip


# --- a table


def _table(dice: Dice) -> Table:
    n, few = dice.of((1, 2, 5, 24, 24, 24, 60, 60, 60, 60)), dice.chance(0.85)
    names, columns = [], []
    if dice.chance(0.35):  # a long table
        names.append(dice.of(ID_NAMES))
        first = dice.of(("", "0", "s"))
        columns.append([f"{first}{i * 4 // n}" for i in range(n)])
    for _ in range(1 + dice.below(6) if few else 60 + dice.below(60)):
        make, called = dice.of(COLUMNS) if few else (_numbers, NAMES)
        name = dice.of(called) if dice.chance(0.8) else f"c{len(names)}"
        if name in names:
            name += f"_{len(names)}"
        names.append(name)
        columns.append(make(dice, n))
    if not few and dice.chance(0.5):
        columns[1:] = [[str(dice.below(256)) for _ in range(n)] for _ in columns[1:]]
    if dice.chance(0.4):
        spelling = dice.of(MISSING)
        for cells in columns:
            if dice.chance(0.4):
                cells[:] = [spelling if dice.chance(0.1) else cell for cell in cells]
    if dice.chance(0.5):
        names.append("last")
        columns.append([str(dice.below(3)) for _ in range(n)])
    if len(names) > 1 and dice.chance(0.03):
        names[-1] = names[0]
    suffix = dice.of((".csv", ".csv", ".csv", ".tsv", ".txt", ".csv.gz", ".jsonl"))
    headed = suffix == ".jsonl" or dice.chance(0.85)
    job = dice.of(("classify", "regress", "autoencode"))
    options = _options(dice, names if headed else list(map(str, range(len(names)))), job)
    rows = list(zip(*columns, strict=True))
    if suffix == ".jsonl":
        objects = [json.dumps({k: _typed(v) for k, v in zip(names, r, strict=True)}) for r in rows]
        return Table(f"t{suffix}", "\n".join(objects).encode(), job, options)
    delimiter = dice.of(("\t",) if suffix == ".tsv" else (",", ",", ",", ";", "|"))
    lines: list[Any] = [names, *rows] if headed else rows
    text = _text(dice, lines, delimiter)
    if delimiter in ";|" and dice.chance(0.8):
        options["delimiter"] = delimiter
    if delimiter == ";" and dice.chance(0.5):
        options["decimal"] = ","
        text = text if dice.chance(0.3) else re.sub(r"(?<=\d)\.(?=\d)", ",", text)
    elif dice.chance(0.08):
        options["thousands"] = dice.of((",", "'", "space"))
    encoding = dice.of(("utf-8",) * 9 + ("utf-8-sig", "cp1252", "utf-16"))
    if encoding in ("cp1252", "utf-16") and dice.chance(0.8):
        options["encoding"] = encoding
    content = text.encode(encoding, "replace")
    if suffix == ".csv.gz":
        content = gzip.compress(content, mtime=0)
    return Table(f"t{suffix}", content, job, options)


def _typed(cell: str) -> Any:
    """Return a cell as a program would write it as JSON."""
    if cell in MISSING:
        return None
    if cell in ("true", "false"):
        return cell == "true"
    try:
        return int(cell) if cell.isdecimal() and str(int(cell)) == cell else float(cell)
    except ValueError:
        return cell


def _text(dice: Dice, rows: list[Any], delimiter: str) -> str:
    quotes, spaces = dice.chance(0.1), dice.chance(0.1)
    newline = dice.of(("\n", "\n", "\r\n", "\r"))
    lines = []
    for row in rows:
        cells = [
            '"' + cell.replace('"', '""') + '"' if quotes or delimiter in cell else cell
            for cell in row
        ]
        lines.append((delimiter + " " if spaces else delimiter).join(cells))
        if dice.chance(0.005):
            lines.append("")
        if dice.chance(0.001):
            lines[-1] += delimiter + "more"
    return f"{newline.join(lines)}{dice.of((newline, ''))}"


def _options(dice: Dice, names: list[str], job: str) -> dict[str, Any]:
    """Return some options that name columns, most of them sensible."""
    options: dict[str, Any] = {}
    left = list(names)

    def one() -> str:
        """Return a name, most often one that no other option has."""
        name: str = dice.of(left if left and dice.chance(0.95) else names)
        if name in left:
            left.remove(name)
        return name

    def end() -> str:
        name: str = dice.of((names[-1], names[-1], names[0]))
        left[:] = [each for each in left if each != name]
        return name

    def maybe(share: float, option: str, values: Callable[[], Any]) -> None:
        if dice.chance(share):
            options[option] = values()

    maybe(0.9 if job == "regress" else 0, "target", lambda: (end(),))
    maybe(0.5 if job == "regress" else 0, "horizon", lambda: 1)
    maybe(0.5 if job == "classify" else 0.05, "label", end)
    maybe(0.08, "id", lambda: (one(),))
    maybe(0.05, "time", one)
    maybe(0.05, "group", one)
    maybe(0.02, "weight", one)
    maybe(0.1, "drop", lambda: (one(),))
    maybe(0.15, "input", lambda: dice.of((("all",), ("all",), (one(), "c1"), (one(),))))
    maybe(0.05, "static", lambda: (one(),))
    maybe(0.05, "future", lambda: (one(),))
    maybe(0.15, "layout", lambda: dice.of(("wide", "wide", "long", "features")))
    maybe(0.06, "calendar", lambda: dice.of((("auto",), ("day", "week"), ("none",))))
    maybe(0.1, "dates", lambda: dice.of(("dmy", "mdy", "ymd")))
    maybe(0.03, "every", lambda: dice.of(("1d", "15min", "1")))
    maybe(0.4, "missing", lambda: "mean")
    maybe(0.1, "split", lambda: "time")
    return options


# --- what a table is read as


def reading(table: Table, folder: Path) -> str:
    """Return what a table is read as, in a line: roles and a checksum of all the rest, or why it is
    refused; before it, the roles that a description of its columns gives for each job."""
    path = folder / table.name
    path.write_bytes(table.content)
    options = DataConfig(**table.options)
    try:
        columns = sample_columns(path, options)
    except HiddenstateError as error:
        return f"refused: {_short(str(error), folder)}"
    described = []
    for job in ("classify", "regress", "autoencode"):
        try:
            described.append(_LABEL.sub(_is_first, repr(described_roles(columns, options, job))))
        except (HiddenstateError, IndexError, ValueError) as error:
            described.append(repr(error))
    try:
        dataset = read_path(str(path), options, table.job)
    except (HiddenstateError, IndexError, ValueError) as error:
        result = f"{type(error).__name__}: {error}"
    else:
        result = _roles(dataset, folder)
    shape = f"{columns.n_rows}x{len(columns.names)}"
    return _short(f"{table.job} {shape} {_sum(described, folder)} {result}", folder)


_LABEL = re.compile(r"why_label=<Likely\.(\w+): '.*?'>")


def _is_first(label: re.Match[str]) -> str:
    """Return why a column is the label in the words that the golden file was made with."""
    return f"label_is_first={label[1] == 'FIRST'}"


def _roles(dataset: SequenceDataset, folder: Path) -> str:
    rows = dataset.train
    roles = {"inputs": dataset.columns, "targets": dataset.targets, **dataset.read_as}
    unused = (
        None if dataset.unused is None else {k: _bytes(v) for k, v in dataset.unused.cells.items()}
    )
    arrays = (
        rows.X,
        rows.y,
        rows.lengths,
        rows.weights,
        rows.groups,
        rows.times,
        rows.ids,
        rows.clock,
    )
    facts: list[Any] = [
        dataset.remarks,
        dataset.encodings,
        dataset.numbers_as_text,
        dataset.unread,
        unused,
    ]
    facts += [[None if a is None else _array(a) for a in arrays], dataset.missing_steps]
    rest = _sum((*facts, repr(rows.origin)), folder)
    words = " ".join(
        f"{k}={v if isinstance(v, str) else ','.join(v)}" for k, v in roles.items() if v
    )
    return f"{dataset.kind}: {words} {rest}"


def _array(array: Any) -> tuple[str, Any, bytes]:
    return str(np.asarray(array).dtype), np.shape(array), _bytes(array)


def _bytes(array: Any) -> bytes:
    values = np.asarray(array)
    return repr(values.tolist()).encode() if values.dtype.kind in "OU" else values.tobytes()


def _sum(facts: Any, folder: Path) -> str:
    text = repr(facts).replace(f"{folder}/", "")
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:10]


def _short(text: str, folder: Path) -> str:
    text = text.replace(f"{folder}/", "").replace("\n", " ")
    return text if len(text) <= 240 else f"{text[:220]}… {_sum(text, folder)}"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        lines = [f"{i:03d} {t.name} {reading(t, Path(folder))}" for i, t in tables()]
    GOLDEN.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
