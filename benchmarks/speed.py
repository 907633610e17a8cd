"""How fast the three jobs train, beside plain torch, jax and keras.

    python benchmarks/speed.py [classify|regress|autoencode|layers|command|busy|all|accuracy]

One command, one table each. Contenders (see `contenders/`) live in processes of their own and
take turns in short pieces of the same work: the same net, batch of 64, Adam, number of steps and
evaluations ("looks"). A piece is scaled to an epoch. Each figure is the median of all rounds, with
the lowest and highest in brackets; `ratio` is how many times as long the plain torch script took in
the same round. `cores` is how many the contender kept busy, `others` how many something else did in
the worst piece: where that is far from 0 the figures are worth little. The loss is the last
batch's, keras's a mean; the score is on all test rows, after the pieces and no more.

Whatever is not installed is named and left out. jax and keras need not be in hiddenstate's own
environment: installed in another, that one's site-packages may stand in PYTHONPATH. `all` is
everything but `accuracy`, which trains an epoch for each engine and seed. `--toy` takes one round
of the smallest sizes, to try the script; its figures mean nothing.
"""

import argparse
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import layers
import processes
from contenders import (
    CONTENDERS,
    LOOPS,
    STEPPING,
    WORK,
    Entry,
    Lap,
    LostError,
    Worker,
    wanted,
    working,
)
from timing import interleave, machine, print_machine, print_table, ratio_cell, spread

ROUNDS = {"classify": 9, "autoencode": 9, "regress": 7}
"""Rounds unless told otherwise; nine pieces of 100 steps are most of an epoch."""

SIZES = (200, 1000, 10_000, 50_000)
"""Windows in a piece of regress: the most that take a second at most."""

FIRST = 100
"""Windows of the classic regress script."""

TOY = 2
"""Steps or windows in a piece with `--toy`."""

ZERO = 0.5
"""What predicting zero costs in regress."""


def by_the_epoch(job: str, asked: argparse.Namespace) -> dict[str, Any]:
    """classify or autoencode: seconds an epoch."""
    work, rounds = WORK[job], asked.rounds or ROUNDS[job]
    work = replace(work, size=TOY, every=TOY) if asked.toy else work
    print(f"## {job}: seconds an epoch, from {rounds} pieces of {work.size} steps each")
    with working(wanted(CONTENDERS[job], asked.only), asked.threads) as workers:
        first = {name: worker.lap(2, 2) for name, worker in workers.items()}
        pieces = {
            name: partial(worker.lap, work.size, work.every) for name, worker in workers.items()
        }
        laps = interleave(pieces, rounds)
        scores = {name: worker.score() for name, worker in workers.items()}
    epochs = {name: [lap.epoch(work) for lap in done] for name, done in laps.items()}
    rows = [
        (
            name,
            f"{spread(epochs[name]):.2f}",
            ratio_cell(epochs, name),
            f"{spread([lap.bare_epoch(work) for lap in done]).median:.2f}",
            *core_cells(done),
            f"{first[name].train + first[name].look:.2f}",
            f"{first[name].loss:.3f} -> {done[-1].loss:.3f}",
            f"{scores[name]:.4f}",
        )
        for name, done in laps.items()
    ]
    score = "test accuracy" if job == "classify" else "test error"
    head = ("contender", "s an epoch", "ratio", "no looks", "cores", "others")
    print()
    print_table((*head, "first 2 steps, s", "loss", score), rows)
    for name, done in laps.items():
        if not done[-1].loss < first[name].loss:
            print(f"warning: {name} did not learn; its last loss is {done[-1].loss}")
    kept = {name: [lap._asdict() for lap in done] for name, done in laps.items()}
    return {"laps": kept, "seconds": epochs, "scores": scores}


def core_cells(done: list[Lap]) -> tuple[str, str]:
    """Cores kept busy in the middle of all pieces, and by others in the worst."""
    busy = spread([lap.cores for lap in done]).median
    return f"{busy:.1f}", f"{max(lap.others for lap in done):.1f}"


def regress(asked: argparse.Namespace) -> dict[str, Any]:
    """regress: windows a second, stepping and in loops, and the first hundred."""
    rounds = asked.rounds or ROUNDS["regress"]
    print(f"## regress: windows of 10 steps a second, in {rounds} rounds")
    with working(wanted(CONTENDERS["regress"], asked.only), asked.threads) as workers:
        sizes = {name: TOY if asked.toy else piece_size(worker) for name, worker in workers.items()}
        pieces = {
            name: partial(worker.lap, sizes[name], sizes[name]) for name, worker in workers.items()
        }
        laps = interleave(pieces, rounds)
    each = {name: [lap.train / sizes[name] for lap in done] for name, done in laps.items()}
    rows = []
    for name, done in laps.items():
        pace = spread([1 / seconds for seconds in each[name]])
        rows.append((name, f"{pace:,.0f}", ratio_cell(each, name), *core_cells(done)))
    print()
    stepping = {entry.name for entry in STEPPING}
    head = ("windows a second", "ratio", "cores", "others")
    print_table(("one window at a time", *head), [row for row in rows if row[0] in stepping])
    print_table(("many in one call", *head), [row for row in rows if row[0] not in stepping])
    return {"seconds a window": each, "first": first_windows(asked)}


def piece_size(worker: Worker) -> int:
    """The largest of `SIZES` that takes a second at most, by a trial of the smallest.

    The trial comes twice, since the first includes whatever is made or compiled at first use;
    so does a first piece of the size found.
    """
    worker.lap(SIZES[0], SIZES[0])
    each = worker.lap(SIZES[0], SIZES[0]).train / SIZES[0]
    size = max([size for size in SIZES if size * each <= 1] or [SIZES[0]])
    worker.lap(size, size)
    return size


def first_windows(asked: argparse.Namespace) -> dict[str, Any]:
    """The first hundred windows in a fresh process, net and optimiser built and libraries imported.

    Building has a column of its own. Most of torch's is an import it puts off until the first
    optimiser is made; jax compiles in the first training step.
    """
    rounds, size = min(asked.rounds or 5, 5), TOY if asked.toy else FIRST
    entries = {entry.name: entry for entry in wanted(STEPPING + LOOPS, asked.only)}

    def once(entry: Entry) -> tuple[float, float, float]:
        worker = Worker(entry, asked.threads)
        try:
            lap = worker.lap(size, size)
        finally:
            worker.close()
        return worker.build_seconds, lap.train, lap.loss

    for name in list(entries):
        try:
            once(entries[name])
        except LostError as error:
            print(f"{name}: left out, {error}")
            del entries[name]
    found = interleave({name: partial(once, entry) for name, entry in entries.items()}, rounds)
    trained = {name: [train for _, train, _ in done] for name, done in found.items()}
    rows = [
        (
            name,
            f"{spread([1e3 * build for build, _, _ in done]):.1f}",
            f"{spread([1e3 * train for train in trained[name]]):.1f}",
            ratio_cell(trained, name),
            f"{done[-1][2]:.4f}",
        )
        for name, done in found.items()
    ]
    head = ("the first 100 windows", "build, ms", "train, ms", "ratio", "last loss")
    print_table(head, rows)
    for name, done in found.items():
        if not done[-1][2] < ZERO:
            print(f"warning: {name} did not learn; its last loss is {done[-1][2]}")
    return dict(found)


TASKS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "classify": partial(by_the_epoch, "classify"),
    "regress": regress,
    "autoencode": partial(by_the_epoch, "autoencode"),
    "layers": layers.measure,
    "command": processes.command,
    "busy": processes.busy,
    "accuracy": processes.accuracy,
}


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add(
        "what",
        nargs="?",
        choices=(*TASKS, "all"),
        default="all",
        help="all is everything but accuracy",
    )
    add("--rounds", type=int, default=0, help="turns of each contender; 0 takes each table's own")
    add("--threads", type=int, default=0, help="0 leaves the choice to each library")
    add("--only", default="", help="contenders whose name holds one of these words, by commas")
    add("--seeds", type=int, default=10, help="seeds of accuracy")
    add("--cell", choices=("lstm", "gru", "rnn"), default="lstm", help="cell of layers")
    add("--grid", action="store_true", help="layers: every size with every other, not one by one")
    add("--figure", type=Path, help="layers: draw this file")
    add("--json", type=Path, help="write every single measurement here")
    add("--toy", action="store_true", help="one round of the smallest sizes, to try the script")
    return parser


def main(words: Sequence[str] | None = None) -> None:
    """Measure what the command line names."""
    asked = arguments().parse_args(words)
    if asked.toy:
        asked.rounds, asked.seeds = 1, 1
    facts = machine(asked.threads)
    print_machine(facts)
    names = [name for name in TASKS if name != "accuracy"] if asked.what == "all" else [asked.what]
    found: dict[str, Any] = {"machine": facts}
    for name in names:
        found[name] = TASKS[name](asked)
        facts["load at end"] = round(os.getloadavg()[0], 2)
        if asked.json:
            asked.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
