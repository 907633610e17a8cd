"""Measures how fast the three jobs train, compared with plain torch, jax and keras.

    python benchmarks/speed.py [TASK]

TASK says what to measure: classify, regress, autoencode, cells, layers, shapes, stream, carried,
limit, scale, command, busy, accuracy, or all, which leaves out shapes and accuracy, as these take
an hour.

Contenders (see `contenders/`) run in separate processes and alternate in short pieces of the same
work: the same network, batches of 64, Adam, and the same number of steps and of evaluations. A
piece is scaled to an epoch. Each figure is the median of all rounds, with the lowest and highest in
brackets. `ratio` is the time of the plain torch script in the same round divided by that of the
contender. `cores` is the number of cores that the contender kept busy, and `other cores` the number
that other processes kept busy in the worst piece: if it is far from 0, the figures are unreliable.
The loss is that of the last batch, and a mean for keras. The score is measured on all test rows
after the pieces alone.

A contender whose library is not installed is reported and skipped. jax, keras and onnxruntime can
be installed in another environment: put its site-packages in PYTHONPATH. `accuracy` trains an epoch
for each engine and seed. `--toy` runs one round of the smallest sizes, to test the script; its
figures mean nothing.
"""

import argparse
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import carried
import cell_steps
import layers
import limit
import processes
import shapes
import streams
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
from timing import fork_workers, interleave, machine, print_machine, print_table, ratio_cell, spread

import scale

ROUNDS = {"classify": 9, "autoencode": 9, "regress": 7}
"""Default number of rounds; nine pieces of 100 steps are most of an epoch."""

SIZES = (200, 1000, 10_000, 50_000)
"""Possible numbers of windows in a piece of regress."""

FIRST = 100
"""Number of windows of the classic regress script."""

TOY = 2
"""Number of steps or windows in a piece with `--toy`."""

ZERO = 0.5
"""Loss of predicting zero in regress."""


def by_the_epoch(job: str, args: argparse.Namespace) -> dict[str, Any]:
    """Measure classify or autoencode in seconds per epoch."""
    work, rounds = WORK[job], args.rounds or ROUNDS[job]
    work = replace(work, size=TOY, every=TOY) if args.toy else work
    print(f"## {job}: seconds per epoch, from {rounds} pieces of {work.size} steps each")
    with working(wanted(CONTENDERS[job], args.only), args.threads) as workers:
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
    head = ("contender", "epoch, s", "ratio", "without evaluations, s", "cores", "other cores")
    print()
    print_table((*head, "first 2 steps, s", "loss", score), rows)
    for name, done in laps.items():
        if not done[-1].loss < first[name].loss:
            print(f"warning: {name} did not learn; its last loss is {done[-1].loss}")
    kept = {name: [lap._asdict() for lap in done] for name, done in laps.items()}
    return {"laps": kept, "seconds": epochs, "scores": scores}


def core_cells(done: list[Lap]) -> tuple[str, str]:
    """Return the median of the contender's cores and the maximum of other cores."""
    busy = spread([lap.cores for lap in done]).median
    return f"{busy:.1f}", f"{max(lap.others for lap in done):.1f}"


def regress(args: argparse.Namespace) -> dict[str, Any]:
    """Measure regress in windows per second, and the first hundred windows."""
    rounds = args.rounds or ROUNDS["regress"]
    print(f"## regress: windows of 10 steps per second, in {rounds} rounds")
    with working(wanted(CONTENDERS["regress"], args.only), args.threads) as workers:
        sizes = {name: TOY if args.toy else piece_size(worker) for name, worker in workers.items()}
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
    head = ("windows a second", "ratio", "cores", "other cores")
    print_table(("one window at a time", *head), [row for row in rows if row[0] in stepping])
    print_table(("many in one call", *head), [row for row in rows if row[0] not in stepping])
    return {"seconds a window": each, "first": first_windows(args)}


def piece_size(worker: Worker) -> int:
    """Return the largest of `SIZES` that takes at most a second, estimated from the smallest.

    The trial runs twice, because the first one includes compilation and other work of a first use.
    For the same reason, one piece of the chosen size runs before the measurement.
    """
    worker.lap(SIZES[0], SIZES[0])
    each = worker.lap(SIZES[0], SIZES[0]).train / SIZES[0]
    size = max([size for size in SIZES if size * each <= 1] or [SIZES[0]])
    worker.lap(size, size)
    return size


def first_windows(args: argparse.Namespace) -> dict[str, Any]:
    """Measure the first hundred windows in a new process, after imports and building.

    Building has its own column. Most of torch's is an import that is delayed until the first
    optimiser is made. jax compiles in the first training step.
    """
    rounds, size = min(args.rounds or 5, 5), TOY if args.toy else FIRST
    entries = {entry.name: entry for entry in wanted(STEPPING + LOOPS, args.only)}

    def once(entry: Entry) -> tuple[float, float, float]:
        worker = Worker(entry, args.threads)
        try:
            lap = worker.lap(size, size)
        finally:
            worker.close()
        return worker.build_seconds, lap.train, lap.loss

    for name in list(entries):
        try:
            once(entries[name])
        except LostError as error:
            print(f"{name}: skipped, {error}")
            del entries[name]
    runs = interleave({name: partial(once, entry) for name, entry in entries.items()}, rounds)
    trained = {name: [train for _, train, _ in done] for name, done in runs.items()}
    rows = [
        (
            name,
            f"{spread([1e3 * build for build, _, _ in done]):.1f}",
            f"{spread([1e3 * train for train in trained[name]]):.1f}",
            ratio_cell(trained, name),
            f"{done[-1][2]:.4f}",
        )
        for name, done in runs.items()
    ]
    head = ("the first 100 windows", "build, ms", "train, ms", "ratio", "last loss")
    print_table(head, rows)
    for name, done in runs.items():
        if not done[-1][2] < ZERO:
            print(f"warning: {name} did not learn; its last loss is {done[-1][2]}")
    return dict(runs)


TASKS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "classify": partial(by_the_epoch, "classify"),
    "regress": regress,
    "autoencode": partial(by_the_epoch, "autoencode"),
    "cells": cell_steps.measure,
    "layers": layers.measure,
    "shapes": shapes.measure,
    "stream": streams.measure,
    "carried": carried.measure,
    "limit": limit.measure,
    "scale": scale.measure,
    "command": processes.command,
    "busy": processes.busy,
    "accuracy": processes.accuracy,
}


LONG = ("accuracy", "shapes")
"""Tasks that take an hour, and are not in `all`."""


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add(
        "what",
        nargs="?",
        choices=(*TASKS, "all"),
        default="all",
        help="all is everything except accuracy and shapes",
    )
    add("--rounds", type=int, default=0, help="number of rounds; 0 for the default of each table")
    add("--threads", type=int, default=0, help="0 for the default of each library")
    add("--only", default="", help="comma-separated words; contenders whose name contains one")
    add("--seeds", type=int, default=10, help="accuracy: number of seeds")
    add("--cell", choices=("lstm", "gru", "rnn"), default="lstm", help="layers: the cell")
    add("--grid", action="store_true", help="layers: combine every size with every other")
    add("--figure", type=Path, help="layers, scale: save a figure to this file")
    add("--json", type=Path, help="write all measurements to this file")
    add("--toy", action="store_true", help="one round of the smallest sizes, to test the script")
    return parser


def main(words: Sequence[str] | None = None) -> None:
    """Run the selected measurements."""
    args = arguments().parse_args(words)
    if args.toy:
        args.rounds, args.seeds = 1, 1
        fork_workers()
    facts = machine(args.threads)
    print_machine(facts)
    names = [name for name in TASKS if name not in LONG] if args.what == "all" else [args.what]
    results: dict[str, Any] = {"machine": facts}
    for name in names:
        results[name] = TASKS[name](args)
        facts["load at end"] = round(os.getloadavg()[0], 2)
        if args.json:
            args.json.write_text(json.dumps(results, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
