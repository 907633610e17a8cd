"""Compares the time of a training step over 784 steps with torch, jax and tsfast.

The networks are those of contenders/with_cells.py: a GRU of 128 units, and two LRU blocks of 128
channels and 64 complex states; minGRU and FastGRNN stand beside the GRU. A step is one update of 64
series with Adam. `GFLOP/s` counts six operations for each weight of a product, step and row;
`sgemm` is numpy's product of two matrices of 2,048 rows and columns, with as many threads.
tsfast can be installed in another environment, as jax can.
"""

import argparse
from dataclasses import replace
from functools import partial
from typing import Any

from contenders import Entry, wanted, working
from contenders.with_cells import ROWS, SIDE, STEPS
from timing import interleave, print_table, ratios, spread

TORCH = ("torch",)
ENTRIES = {
    "gru": (
        Entry("torch", "with_cells:InTorch", TORCH, {"cell": "gru"}),
        Entry("jax", "jax_cells:InJax", ("jax",), {"cell": "gru"}),
        Entry("hiddenstate", "with_cells:Ours", (), {"cell": "gru"}),
        Entry("hiddenstate, minGRU", "with_cells:Ours", (), {"cell": "mingru"}),
        Entry("hiddenstate, FastGRNN", "with_cells:Ours", (), {"cell": "fastgrnn"}),
    ),
    "lru": (
        Entry("tsfast", "with_cells:InTsfast", (*TORCH, "tsfast"), {"cell": "lru"}),
        Entry("jax", "jax_cells:InJax", ("jax",), {"cell": "lru"}),
        Entry("hiddenstate", "with_cells:Ours", (), {"cell": "lru"}),
    ),
}
PIECE = 4
"""Updates in a round."""

WEIGHTS = {"gru": 3 * 128 * 129, "lru": 128 + 2 * 128 * (128 + 128 + 256)}
"""Weights of products of each network; those of minGRU and FastGRNN are fewer."""


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Print a table for each network."""
    steps, rounds = (8, 1) if args.toy else (STEPS, args.rounds or 7)
    return {cell: network(cell, steps, rounds, args) for cell in ENTRIES}


def network(cell: str, steps: int, rounds: int, args: argparse.Namespace) -> dict[str, Any]:
    """Measure and print the contenders of a network."""
    print(f"## cells: an update of {ROWS} series of {steps} steps, {cell}, {rounds} rounds")
    own = (
        replace(e, options={**e.options, "steps": steps}) for e in wanted(ENTRIES[cell], args.only)
    )
    with working([*own, Entry("sgemm", "with_cells:Sgemm")], args.threads) as workers:
        for worker in workers.values():
            worker.lap(2, 2)
        tasks = {name: partial(worker.lap, PIECE, PIECE) for name, worker in workers.items()}
        laps = interleave(tasks, rounds)
    seconds = {name: [lap.train / PIECE for lap in done] for name, done in laps.items()}
    best = spread([2e-9 * SIDE**3 / each for each in seconds.pop("sgemm")]).median
    rows = []
    for name, each in seconds.items():
        rate = 6e-9 * WEIGHTS[cell] * steps * ROWS / spread(each).median
        alike = name == "hiddenstate" or name in ("torch", "jax", "tsfast")
        rows.append(
            (
                name,
                f"{spread([1e3 * one for one in each]):.1f}",
                f"{ratios(seconds['hiddenstate'], each):.2f}" if "hiddenstate" in seconds else "-",
                f"{rate:.0f}" if alike else "-",
                f"{rate / best:.0%}" if alike else "-",
                f"{max(lap.others for lap in laps[name]):.1f}",
            )
        )
    print(f"\nsgemm: {best:.0f} GFLOP/s\n")
    head = ("contender", "update, ms", "time / ours", "GFLOP/s", "of sgemm", "other cores")
    print_table(head, rows)
    return seconds
