"""Makes the sound files that abuses start from, and the phrases in which abuses are written."""

import csv
import io
import json
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tools.stress import samples
from tools.stress.abuses.harness import Abuse, Answer, Base, Done, Files, Make, Run, shell

ROWS: list[list[float]] = [
    [0.5, 0.25, 0.75],
    [1.5, -2.25, 0],
    [0, 3, 0.001],
    [-1, 0.125, 2],
    [0.625, 0.5, -0.5],
    [2, 1, 0.375],
]
"""New rows of the table that `wide.safetensors` was trained on."""

SMALL = "--max-steps 2 --hidden-size 4 --threads 1 --view off"

TRAINING = {
    "wide": f"classify t.csv --missing mean {SMALL}",
    "long": f"classify l.csv {SMALL}",
    "cube": f"classify x.npz {SMALL}",
    "pics": f"classify pics {SMALL}",
    "code": "autoencode t.csv --max-steps 2 --encoder-sizes 4 --threads 1 --view off",
    "next": f"regress s.csv --horizon 1 {SMALL}",
    "text": f"classify e.csv --input color,price --layout features {SMALL}",
    "dates": f"classify e.csv --input price --calendar weekday,month --layout features {SMALL}",
    "flow": f"regress s.csv --horizon 1 --stateful --no-bidirectional {SMALL}",
}
"""The commands that train the sound models."""


def signal(n: int = 60) -> str:
    """Return a table of one signal."""
    rows = [f"{t},{np.sin(t / 3):.3f}" for t in range(n)]
    return "\n".join(["step,u", *rows, ""])


COLORS = ("red", "green", "blue")


def shop(n: int = 24) -> str:
    """Return a table of text, prices, dates and labels."""
    rows = [
        f"{COLORS[k % 3]},{k * 0.5},2024-{1 + k % 12:02d}-{1 + k:02d},{'pq'[k % 2]}"
        for k in range(n)
    ]
    return "\n".join(["color,price,date,label", *rows, ""])


def make_base(folder: Path, run: Run = shell) -> Base:
    """Make the sound files, models and runs in `folder`."""
    (folder / "matplotlib").mkdir(parents=True)
    base = Base(folder, run)
    work = base.new_place("training")
    sound: dict[str, bytes | str] = {
        "t.csv": samples.wide(),
        "l.csv": samples.long(),
        "s.csv": signal(),
        "e.csv": shop(),
        "x.npz": samples.npz(**samples.ARRAYS),
    }
    sound |= {f"pics/{name}": data for name, data in samples.images("png")().items()}
    base.fill(work, "", sound)
    for name, words in TRAINING.items():
        done = run(f"hiddenstate {words} --runs-dir runs-{name}", work, 2048)
        if done.code:
            raise SystemExit(f"{words} ended with {done.code}: {done.err}")
        made = next((work / f"runs-{name}").iterdir())
        sound[f"{name}.safetensors"] = (made / "model.safetensors").read_bytes()
        if name in ("wide", "code", "next"):
            (folder / "sound").mkdir(exist_ok=True)
            made.rename(folder / "sound" / made.name)
    base.fill(folder / "sound", "", sound)
    return base


# --- phrases


def text_table(rows: Sequence[Sequence[Any]] = ROWS, sep: str = ",", end: str = "\n") -> str:
    """Return rows as a table with the header a, b, c."""
    lines = [["a", "b", "c"], *[[str(cell) for cell in row] for row in rows]]
    return "".join(sep.join(line) + end for line in lines)


def with_cell(cell: str, row: int = 2, column: int = 1) -> str:
    """Return the table with one cell replaced."""
    rows: list[list[Any]] = [list(cells) for cells in ROWS]
    rows[row][column] = cell
    return text_table(rows)


def with_value(value: float, row: int = 2, column: int = 1) -> list[list[float]]:
    """Return the rows with one value replaced."""
    rows = [list(cells) for cells in ROWS]
    rows[row][column] = value
    return rows


def predicts(
    name: str,
    data: bytes | str | None,
    truth: Sequence[Sequence[float]] | str | bytes = ROWS,
    options: str = "",
    file: str = "d.csv",
    model: str = "wide",
    **facts: Any,
) -> Abuse:
    """Return an abuse that must predict what it does for `truth`, a table or the text of one."""
    clean = truth if isinstance(truth, (str, bytes)) else text_table(truth)
    clean_file = facts.pop("clean_file", "clean.csv")
    proba = "" if model in ("code", "next") else " --proba"
    return Abuse(
        name,
        f"hiddenstate predict {model}.safetensors {shlex.quote(file)}{proba} {options}".strip(),
        {} if data is None else {file: data},
        same=(f"hiddenstate predict {model}.safetensors {clean_file}{proba}", {clean_file: clean}),
        **facts,
    )


def refuses(
    name: str,
    data: bytes | str | None,
    says: str,
    command: str = "predict wide.safetensors d.csv",
    file: str = "d.csv",
    ends: tuple[int, ...] = (2,),
    **facts: Any,
) -> Abuse:
    """Return an abuse that must be refused."""
    files = {} if data is None else {file: data}
    return Abuse(name, f"hiddenstate {command}", files, ends=ends, says=says, **facts)


JOBS = ("classify", "regress", "autoencode")


def refused(
    name: str,
    data: bytes | str | Files | None,
    *says: str,
    by: tuple[str, ...] = ("classify",),
    file: str = "d.csv",
    **facts: Any,
) -> Iterator[Abuse]:
    """Iterate over the abuses that each command of `by` must refuse, in these words in order.

    A command without arguments reads the file; `data` may hold several.
    """
    files = data if isinstance(data, dict) else {} if data is None else {file: data}
    for command in by:
        line = command if " " in command else f"{command} {file}"
        facts = {"ends": (2,), "files": files, "says": ".*".join(map(re.escape, says)), **facts}
        yield Abuse(f"{name}, {line}", f"hiddenstate {line}", **facts)


def everywhere(
    name: str,
    data: bytes | str | Files | None,
    *says: str,
    file: str = "d.csv",
    jobs: tuple[str, ...] = JOBS,
    model: str = "wide",
    **facts: Any,
) -> Iterator[Abuse]:
    """Iterate over the abuses of a file as data of jobs, as test rows and as new rows."""
    new = (
        f"predict {model}.safetensors {file} --output o.csv",
        f"evaluate {model}.safetensors {file}",
        f"classify t.csv --test {file}",
    )
    return refused(name, data, *says, by=(*jobs, *new), file=file, **facts)


def either(abuse: Abuse) -> Abuse:
    """Allow an abuse that must be read correctly to be refused instead."""
    return Abuse(**{**abuse.__dict__, "ends": (0, 2)})


def inspects(
    name: str,
    data: bytes | str | None,
    options: str = "",
    file: str = "d.csv",
    ends: tuple[int, ...] = (0,),
    says: str = "",
    make: Make | None = None,
    **expected: Any,
) -> Abuse:
    """Return an abuse of which `inspect --json` must report these facts."""

    def answer(done: Done) -> str:
        facts = json.loads(done.out)
        wrong = {key: facts.get(key) for key, value in expected.items() if facts.get(key) != value}
        return f"{wrong}, expected { ({key: expected[key] for key in wrong}) }" if wrong else ""

    line = f"hiddenstate inspect {shlex.quote(file)} --json {options}".strip()
    files = {} if data is None else {file: data}
    return Abuse(name, line, files, make, ends, says, answer=answer)


def labelled(labels: Sequence[str], values: Sequence[float] | None = None) -> str:
    """Return a table of two numbers and labels, quoted where CSV requires it."""
    stream = io.StringIO()
    write = csv.writer(stream, lineterminator="\n")
    write.writerow(["a", "b", "label"])
    write.writerows([k, (k * 7) % 5, label] for k, label in enumerate(labels))
    return stream.getvalue()


def classes(name: str, *labels: str, options: str = "", **facts: Any) -> Abuse:
    """Return an abuse with labels that must stay distinct and exactly as they are."""
    data = labelled([label for label in labels for _ in range(3)])
    return inspects(
        name, data, options, classes=dict.fromkeys(labels, 3), n_train=3 * len(labels), **facts
    )


def python(
    name: str, snippet: str, ends: tuple[int, ...] = (0,), says: str = "", **facts: Any
) -> Abuse:
    """Return an abuse of the Python interface; the code asserts what must be true."""
    line = f"python -P {shlex.quote(str(Path(__file__).parent / 'snippet.py'))} ../snippet.py"
    return Abuse(name, line, ends=ends, says=says, snippet=snippet, **facts)


def lines_of(out: str, n: int) -> str:
    """Return a complaint unless CSV output has a header and `n` rows."""
    rows = list(csv.reader(io.StringIO(out)))
    return "" if len(rows) == n + 1 else f"{len(rows) - 1} rows, expected {n}"


def n_rows(n: int) -> Answer:
    """Return a check that CSV output has `n` rows."""
    return lambda done: lines_of(done.out, n)
