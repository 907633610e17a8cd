"""Our recurrent layers beside torch's: forward and backward, over sizes, lengths and threads.

One size moves at a time, the others stay at a hidden size of 64, 28 steps and a batch of 64;
`--grid` takes every size with every other. Each pass goes over the whole sequence and back to the
gradients of every weight and of the input. `hiddenstate.nn` has torch.nn's names and signatures,
so both layers hold the same weights, and the largest difference of their outputs is printed. So is
how many cores something else kept busy: two threads on two cores are at its mercy.
"""

import argparse
import itertools
import multiprocessing
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from timing import Clock, environment, interleave, note, print_table, ratios, spread, thread_limits

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AXES = {
    "hidden": (8, 16, 32, 64, 128, 256, 512, 1024),
    "steps": (1, 10, 28, 100, 784, 1000),
    "batch": (1, 16, 64, 256),
}
"""What moves, and over which sizes."""

TOY = {"hidden": (8,), "steps": (1, 10), "batch": (1,)}
"""The same with `--toy`."""

TITLES = {"hidden": "hidden size", "steps": "time steps", "batch": "rows in a batch"}
GATES = {"rnn": 1, "gru": 3, "lstm": 4}
THREADS = (1, 2)
LONGEST = 200.0
"""Billions of multiplications and additions in a pass; a size that needs more is left out."""

ENOUGH = 0.02
"""Seconds a measurement takes at least, in as many passes as that needs."""

PATIENCE = 10.0
"""Seconds for all rounds of a point; one that needs more gets fewer rounds."""

SIDES = ("torch", "hiddenstate")


@dataclass(frozen=True)
class Point:
    """One layer on one batch."""

    cell: str
    hidden: int = 64
    steps: int = 28
    batch: int = 64
    threads: int = 1
    features: int = 28

    @property
    def billions(self) -> float:
        """Billions of operations forward and, twice that, backward."""
        each = 2 * GATES[self.cell] * self.hidden * (self.hidden + self.features)
        return 3e-9 * each * self.batch * self.steps


@dataclass(frozen=True)
class Timed:
    """What a point took: seconds a pass by side and round, the cores that something else kept busy
    meanwhile, and how far the outputs differ."""

    point: Point
    seconds: dict[str, list[float]]
    others: float
    difference: float | None

    def median(self, side: str) -> float:
        """Seconds a pass of `side`."""
        return spread(self.seconds[side]).median


def points(
    cell: str, grid: bool, threads: Sequence[int], axes: Mapping[str, Sequence[int]] = AXES
) -> list[Point]:
    """What to measure, for each number of threads."""
    if grid:
        every = [
            Point(cell, hidden, steps, batch)
            for hidden, steps, batch in itertools.product(*axes.values())
        ]
    else:
        base = Point(cell)
        moved = (_moved(base, axis, n) for axis, sizes in axes.items() for n in sizes)
        every = list(dict.fromkeys(moved))
    return [replace(point, threads=n) for n in threads for point in every]


def _moved(point: Point, axis: str, size: int) -> Point:
    """`point` with `size` along `axis`."""
    sizes: dict[str, Any] = {axis: size}
    return replace(point, **sizes)


def time_point(point: Point, rounds: int) -> Timed:
    """Measure one point, both sides in turns; runs in a process of its own."""
    import torch

    torch.set_num_threads(point.threads)
    torch.manual_seed(0)
    layers = _layers(point)
    x = torch.randn(point.batch, point.steps, point.features, requires_grad=True)
    above = torch.randn(point.batch, point.steps, point.hidden)

    def passes(side: str, n: int) -> float:
        layer, clock = layers[side], Clock()
        with clock.running():
            for _ in range(n):
                layer.zero_grad(set_to_none=True)
                x.grad = None
                layer(x)[0].backward(above)
        return clock.wall / n

    numbers, one_round = {}, 0.0
    for side in layers:
        passes(side, 1)
        each = passes(side, 1)
        numbers[side] = max(1, int(ENOUGH / each))
        one_round += numbers[side] * each
    tasks = {side: partial(passes, side, n) for side, n in numbers.items()}
    whole = Clock()
    with whole.running():
        seconds = interleave(tasks, max(1, min(rounds, int(PATIENCE / one_round))))
    difference = None
    if len(layers) == 2:
        with torch.no_grad():
            ours, theirs = (layers[side](x)[0] for side in SIDES)
            difference = float((ours - theirs).abs().max())
    return Timed(point, seconds, whole.others, difference)


def _layers(point: Point) -> dict[str, Any]:
    """Both sides' layers, with the same weights; torch's alone if ours is not there yet."""
    import torch

    name = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}[point.cell]
    made = {"torch": getattr(torch.nn, name)(point.features, point.hidden, batch_first=True)}
    if has_layers():
        import hiddenstate.nn as ours

        layer = getattr(ours, name)(point.features, point.hidden, batch_first=True)
        layer.load_state_dict(made["torch"].state_dict())
        made["hiddenstate"] = layer
    return made


def has_layers() -> bool:
    """Whether this hiddenstate has layers of its own."""
    from importlib.util import find_spec

    return find_spec("hiddenstate.nn") is not None


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Print the table of all points, and draw it if a file is named."""
    rounds, cores = asked.rounds or 7, 1 if asked.toy else os.cpu_count() or 1
    axes = TOY if asked.toy else AXES
    print(f"## layers: {asked.cell}, ms a pass forward and backward, {rounds} rounds in turns")
    if not has_layers():
        print("hiddenstate: left out, there is no hiddenstate.nn")
    timed = []
    for threads in (n for n in THREADS if n <= cores):
        timed += _with_threads(points(asked.cell, asked.grid, [threads], axes), threads, rounds)
    print()
    print_table(
        (
            "hidden",
            "steps",
            "batch",
            "threads",
            *(f"{side}, ms" for side in SIDES),
            "ratio",
            "others",
            "off by",
        ),
        [_row(one) for one in timed],
    )
    if asked.figure:
        draw(timed, asked.cell).savefig(asked.figure)
        print(f"drew {asked.figure}\n")
    return {"points": [vars(one.point) | one.seconds | {"others": one.others} for one in timed]}


def _with_threads(chosen: list[Point], threads: int, rounds: int) -> list[Timed]:
    """Measure points in one process that has `threads` threads from its start."""
    timed = []
    context = multiprocessing.get_context("spawn")
    with environment(thread_limits(threads)), ProcessPoolExecutor(1, context) as pool:
        for number, point in enumerate(chosen):
            if point.billions > LONGEST:
                print(f"{point}: left out, takes {point.billions:.0f} billion operations")
                continue
            note(f"{threads} threads, {number + 1} of {len(chosen)}")
            timed.append(pool.submit(time_point, point, rounds).result())
    note("")
    return timed


def _row(timed: Timed) -> tuple[str, ...]:
    p, there = timed.point, "hiddenstate" in timed.seconds
    return (
        *(str(size) for size in (p.hidden, p.steps, p.batch, p.threads)),
        *(f"{1e3 * timed.median(s):.3f}" if s in timed.seconds else "-" for s in SIDES),
        f"{ratios(timed.seconds['hiddenstate'], timed.seconds['torch']):.2f}" if there else "-",
        f"{timed.others:.1f}",
        f"{timed.difference:.0e}" if timed.difference is not None else "-",
    )


def draw(timed: Sequence[Timed], cell: str) -> "Figure":
    """How the cost grows along each axis, and how many times faster ours is there."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 5.6), layout="constrained", dpi=90)
    grid = figure.subplots(2, len(AXES), sharex="col", sharey="row", squeeze=False)
    for column, axis in enumerate(AXES):
        for threads in THREADS:
            line = [one for one in timed if one.point == _on_axis(one.point, axis, threads)]
            line.sort(key=lambda one: getattr(one.point, axis))
            _draw_line(grid[:, column], line, axis, threads)
        grid[1, column].set_xlabel(TITLES[axis])
        grid[0, column].set(xscale="log", yscale="log")
        grid[1, column].axhline(1, color="black", linewidth=0.8)
        for place in grid[:, column]:
            place.spines[["top", "right"]].set_visible(False)
        ticks = AXES[axis][:-1] if axis == "steps" else AXES[axis]
        grid[1, column].set_xticks(ticks, [str(size) for size in ticks])
        grid[1, column].minorticks_off()
    grid[0, 0].set_ylabel("ms a pass")
    grid[1, 0].set_ylabel("times as fast as torch")
    grid[0, 0].legend(fontsize=8, frameon=False)
    base = Point(cell)
    figure.suptitle(
        f"{cell}, forward and backward; hidden size {base.hidden}, {base.steps} steps and "
        f"{base.batch} rows where they do not move",
        fontsize=10,
    )
    return figure


def _on_axis(point: Point, axis: str, threads: int) -> Point:
    """The point of `axis` that `point` is, if it lies there."""
    return _moved(Point(point.cell, threads=threads), axis, getattr(point, axis))


def _draw_line(places: Any, line: list[Timed], axis: str, threads: int) -> None:
    """One axis at one number of threads: the cost of both sides above, their ratio below."""
    sizes = [getattr(one.point, axis) for one in line]
    style = {"linestyle": "-" if threads == 1 else "--", "marker": ".", "linewidth": 1.2}
    label = f"{threads} thread" + ("s" if threads > 1 else "")
    for side, colour in zip(SIDES, ("tab:gray", "tab:blue"), strict=True):
        if all(side in one.seconds for one in line):
            costs = [1e3 * one.median(side) for one in line]
            places[0].plot(sizes, costs, color=colour, label=f"{side}, {label}", **style)
    if all("hiddenstate" in one.seconds for one in line):
        faster = [ratios(one.seconds["hiddenstate"], one.seconds["torch"]).median for one in line]
        places[1].plot(sizes, faster, color="tab:blue", **style)
