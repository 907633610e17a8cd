"""Compares hiddenstate's recurrent layers with torch's over the shapes that are in use.

One and two layers in both directions, forward and backward to the gradients of every weight and of
the input, as in `layers`, which measures each point. `lowest` is the fastest round; a ratio is the
time of torch divided by that of hiddenstate.
"""

import argparse
import itertools
import os
import statistics
from typing import Any

import layers
from layers import Point, Timed
from timing import print_table, ratios

HIDDEN, STEPS, BATCH, DEPTHS = (20, 64, 128, 512), (24, 100, 500, 1500), (1, 8, 64), (1, 2)


def points(args: argparse.Namespace, threads: int) -> list[Point]:
    """Return every shape, or the smallest if `args.toy`."""
    axes = (HIDDEN, STEPS, BATCH, DEPTHS)
    if args.toy:
        axes = tuple(axis[:1] for axis in axes)  # type: ignore[assignment]
    return [
        Point(args.cell, hidden, steps, batch, threads, layers=depth, directions=2)
        for hidden, steps, batch, depth in itertools.product(*axes)
    ]


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Measure and print every shape, and how the ratios are spread."""
    rounds = args.rounds or 5
    print(f"## shapes: {args.cell} in both directions, ms per pass, {rounds} rounds")
    if not layers.has_layers():
        print("skipped, this version has no hiddenstate.nn")
        return {}
    cores = 1 if args.toy else args.threads or os.cpu_count() or 1
    timed: list[Timed] = []
    for threads in (n for n in layers.THREADS if n <= cores):
        timed += layers.with_threads(points(args, threads), threads, rounds)
    head = (
        "layers",
        "hidden",
        "steps",
        "rows",
        "threads",
        "torch, lowest",
        "ours, lowest",
        "ratio",
    )
    print()
    print_table(head, [_row(one) for one in timed])
    for threads in dict.fromkeys(one.point.threads for one in timed):
        own = sorted(_ratio(one) for one in timed if one.point.threads == threads)
        print(
            f"{threads} threads: {statistics.median(own):.2f} in the median, at least {own[0]:.2f},"
            f" at most {own[-1]:.2f}; {sum(ratio < 1 for ratio in own)} of {len(own)} below 1"
        )
    print()
    return {"points": [vars(one.point) | one.seconds for one in timed]}


def _ratio(timed: Timed) -> float:
    return ratios(timed.seconds["hiddenstate"], timed.seconds["torch"]).median


def _row(timed: Timed) -> tuple[str, ...]:
    p = timed.point
    return (
        *(str(size) for size in (p.layers, p.hidden, p.steps, p.batch, p.threads)),
        *(f"{1e3 * min(timed.seconds[side]):.2f}" for side in layers.SIDES),
        f"{_ratio(timed):.2f}",
    )
