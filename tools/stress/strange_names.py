"""Runs all commands that print names with names that contain control characters or markup."""

import json
import os
import pty
import re
import select
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tools.stress import processes
from tools.stress.processes import Ended, Outcome

NAMES = {
    "newline": "evil\nline",
    "escape codes": "evil\x1b[5;95m\x1b]0;title\x07",
    "markup": "evil<script>alert(1)<b>&amp;[red]x[bold]",
    "a formula": "evil$\\frac{$x_{$$",
    "directions": "evil\u202e\u2066gnp\u200f",
    "quotes": "evil'\"`${HOME};",
    "not UTF-8": os.fsdecode(b"evil\xff\xfe"),
    "long": "evil" + "é" * 100,
    "all of these": "evil\nline\x1b[5;95m\x1b]0;title\x07\u202e\u2066gnp\u200f"
    "<script>alert(1)<b>&amp;[red]x[bold]$\\frac{$x_{$$",
}
"""Unusual names of a file, a folder, a column, a label or a series."""

RAW = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
"""Characters that must be printed escaped; the program's own escape codes begin with \\x1b."""

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""Escape codes that the program itself sends to a terminal: colours and cursor positions."""

OWN = re.compile(r"\x1b\[5;95m|\x1b\]0;title")
"""Escape codes of a name, which must not reach a terminal."""


def write_table(path: Path, name: str) -> None:
    """Write twelve series of two classes; column, labels and series names contain `name`."""
    drawn = np.random.default_rng(2)
    text = name.replace('"', '""').encode("utf-8", "replace").decode()
    lines = [f'"series","label","{text} x"']
    for series in range(12):
        label = f"{text} {series % 2}"
        for value in drawn.normal(size=4) + series % 2:
            lines.append(f'"{text} {series}","{label}",{value:.3f}')
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")


def commands(table: str, runs: str) -> list[list[str]]:
    """Return all commands that print names; each follows those whose files it reads."""
    quick = ["--max-steps", "3", "--threads", "1", "--batch-size", "4", "--runs-dir", runs]
    where = ["--runs-dir", runs]
    roles = ["--id", "series", "--label", "label"]
    return [
        ["inspect", table],
        ["inspect", table, "--json"],
        ["classify", table, *roles, *quick, "--view", "files"],
        ["classify", table, *roles, *quick, "--view", "off", "--json"],
        ["runs", *where],
        ["runs", *where, "--json"],
        ["compare", "classify-1", "classify-2", *where],
        ["compare", "classify-1", "classify-2", *where, "--json"],
        ["watch", "classify-1", "--view", "lines", *where],
        ["figures", "classify-1", "--format", "svg", *where],
        ["resume", "classify-1", "--max-steps", "+2", "--view", "off", *where],
        ["predict", "classify-1", table, *where],
        ["predict", "classify-1", "--proba", *where],
        ["evaluate", "classify-1", table, *where],
        ["evaluate", "classify-1", "--json", *where],
        # missing or invalid inputs
        ["classify", f"{table}.absent"],
        ["classify", table, "--label", "absent", "--id", "series"],
        ["predict", table, table],
        ["resume", f"{runs}/absent", *where],
    ]


def on_a_terminal(args: Sequence[str], folder: Path) -> Ended:
    """Run a command on a pseudo-terminal; all that it prints is in `out`."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*processes.COMMAND, *args],
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**processes.ENVIRONMENT, "TERM": "xterm-256color", "COLUMNS": "200"},
    )
    os.close(theirs)
    received = b""
    while True:
        if not select.select([ours], [], [], processes.HANGS)[0]:
            process.kill()
            break
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        received += part
    os.close(ours)
    return Ended(process.wait(), received.decode("utf-8", "replace").replace("\r\n", "\n"), "")


Run = Callable[[Sequence[str], Path], Ended]


def names(
    folder: Path,
    kinds: Sequence[str] = tuple(NAMES),
    run: Run = processes.hiddenstate,
    terminal: Run | None = on_a_terminal,
) -> Outcome:
    """Run all commands with each name for a folder, a file, a column, labels and series at once.

    `run` and, if given, `terminal` run a command in a folder.
    """
    outcome = Outcome()
    plain = _run_all(folder / "plain", "plain", run, terminal)
    for kind in kinds:
        place = folder / re.sub(r"\W", "-", kind)
        for (args, tty), done in _run_all(place, NAMES[kind], run, terminal).items():
            outcome.done += 1
            what = f"{kind}, {args[0]}{' on a terminal' if tty else ''}"
            faults = judge(done, args, tty, plain[args, tty])
            outcome.findings += [f"{what}: {fault}" for fault in faults]
        for figure in place.rglob("*.svg"):
            outcome.counts["svg figures read"] += 1
            outcome.findings += [f"{kind}, {figure.name}: {f}" for f in _svg_faults(figure)]
        shutil.rmtree(place)
    return outcome


def _run_all(
    place: Path, name: str, run: Run, terminal: Run | None
) -> dict[tuple[tuple[str, ...], bool], Ended]:
    """Run all commands with `name`, piped and on a terminal; keys are arguments without `name`."""
    place.mkdir(parents=True)
    table, runs = f"{name}.csv", f"runs {name}"
    write_table(place / table, name)
    ends = {}
    for args in commands(table, runs):
        key = tuple(arg.replace(name, "NAME") for arg in args)
        ends[key, False] = run(args, place)
        if terminal and args[0] not in ("classify", "resume"):
            ends[key, True] = terminal(args, place)
    return ends


def judge(done: Ended, args: Sequence[str], tty: bool, plain: Ended) -> list[str]:
    """Return what is wrong with the output of a command, compared with that for a plain name."""
    faults = []
    if done.code != plain.code:
        faults.append(f"ended with {done.code}, with a plain name {plain.code}: {done.last[:200]}")
    if "Traceback" in done.out + done.err:
        faults.append("a traceback")
    data = args[0] == "predict" and not tty  # CSV with the labels of the file, unchanged
    streams = (("stdout", done.out, plain.out), ("stderr", done.err, plain.err))
    for where, text, sound in streams:
        if data and where == "stdout":
            continue
        match = OWN.search(text) or RAW.search(ESCAPES.sub("", text) if tty else text)
        match = match or (None if tty else re.search("\x1b", text))
        if match:
            faults.append(f"{where} has {match[0]!r} unescaped")
        lines, usual = text.count("\n"), sound.count("\n")
        if not tty and lines != usual:
            faults.append(f"{where} has {lines} lines, with a plain name {usual}")
    if "--json" in args and done.code == 0 and not tty:
        try:
            json.loads(done.out)
        except ValueError:
            faults.append("invalid JSON")
    return faults


def _svg_faults(figure: Path) -> list[str]:
    """Return the elements of an SVG file that could run or embed other content."""
    try:
        root = ET.parse(figure).getroot()
    except ET.ParseError as error:
        return [f"invalid XML: {error}"]
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    return [f"has <{tag}>" for tag in sorted(tags & {"script", "foreignObject", "iframe"})]
