"""Compares hiddenstate's recurrent layers with torch's over the shapes that are in use.

One and two layers in both directions, forward and backward to the gradients of every weight and of
the input, as in `layers`, which measures each point. jax takes part for LSTMs where it is
installed. `lowest` is the fastest round; a ratio is the time of torch or jax divided by that of
hiddenstate.
"""

import argparse
import itertools
import os
import statistics
from importlib.util import find_spec
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
    jax = args.cell == "lstm" and find_spec("jax") is not None
    if not jax:
        print("jax: skipped, it is not installed, or the cell is not an LSTM")
    sides = ("torch", "jax") if jax else ("torch",)
    cores = 1 if args.toy else args.threads or os.cpu_count() or 1
    timed: list[Timed] = []
    for threads in (n for n in layers.THREADS if n <= cores):
        timed += layers.with_threads(points(args, threads), threads, rounds, jax)
    head = ("layers", "hidden", "steps", "rows", "threads", "ours, lowest")
    compared = [cell for side in sides for cell in (f"{side}, lowest", "ratio")]
    print()
    print_table((*head, *compared), [_row(one, sides) for one in timed])
    for threads, side in itertools.product(
        dict.fromkeys(one.point.threads for one in timed), sides
    ):
        own = sorted(_ratio(one, side) for one in timed if one.point.threads == threads)
        print(
            f"{threads} threads, {side}: {statistics.median(own):.2f} in the median, at least"
            f" {own[0]:.2f}, at most {own[-1]:.2f}; {sum(r < 1 for r in own)} of {len(own)} below 1"
        )
    print()
    return {"points": [vars(one.point) | one.seconds for one in timed]}


def _ratio(timed: Timed, side: str) -> float:
    return ratios(timed.seconds["hiddenstate"], timed.seconds[side]).median


def _row(timed: Timed, sides: tuple[str, ...]) -> tuple[str, ...]:
    p, lowest = timed.point, {side: 1e3 * min(took) for side, took in timed.seconds.items()}
    return (
        *(str(size) for size in (p.layers, p.hidden, p.steps, p.batch, p.threads)),
        f"{lowest['hiddenstate']:.2f}",
        *(cell for s in sides for cell in (f"{lowest[s]:.2f}", f"{_ratio(timed, s):.2f}")),
    )
