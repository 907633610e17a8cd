"""Compares hiddenstate's recurrent layers with torch's, over sizes, lengths and threads.

One size varies at a time; the others stay at a hidden size of 64, 28 steps and a batch of 64.
`--grid` combines every size with every other. A pass is forward over the whole sequence and
backward to the gradients of every weight and of the input. `hiddenstate.nn` has the names and
signatures of torch.nn, so both layers get the same weights. With one thread, processor time is
counted; with two, wall time. The table shows the largest difference between their outputs, and the
number of cores that other processes kept busy, which can distort the figures for two threads on two
cores.
"""

import argparse
import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from timing import (
    Clock,
    context,
    environment,
    interleave,
    note,
    print_table,
    ratios,
    spread,
    thread_limits,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AXES = {
    "hidden": (8, 16, 32, 64, 128, 256, 512, 1024),
    "steps": (1, 10, 28, 100, 784, 1000),
    "batch": (1, 16, 64, 256),
}
"""The sizes that vary and their values."""

TOY = {"hidden": (8,), "steps": (1, 10), "batch": (1,)}
"""`AXES` for `--toy`."""

TITLES = {"hidden": "hidden size", "steps": "time steps", "batch": "rows in a batch"}
GATES = {"rnn": 1, "gru": 3, "lstm": 4}
THREADS = (1, 2)
LONGEST = 200.0
"""Largest number of operations in a pass, in billions; larger sizes are skipped."""

ENOUGH = 0.02
"""Shortest time of a measurement in seconds, reached by repeating passes."""

PATIENCE = 10.0
"""Longest time for all rounds of a point in seconds; a slow point gets fewer rounds."""

SIDES = ("torch", "hiddenstate")


@dataclass(frozen=True)
class Point:
    """The sizes of a layer and its batch."""

    cell: str
    hidden: int = 64
    steps: int = 28
    batch: int = 64
    threads: int = 1
    features: int = 28
    layers: int = 1
    directions: int = 1

    @property
    def billions(self) -> float:
        """Return the billions of operations of a pass; backward takes twice those of forward."""
        inputs = self.features + (self.layers - 1) * self.hidden * self.directions
        weights = GATES[self.cell] * self.hidden * (self.layers * self.hidden + inputs)
        return 6e-9 * weights * self.directions * self.batch * self.steps


@dataclass(frozen=True)
class Timed:
    """The measurements of a point.

    Parameters
    ----------
    point : Point
    seconds : dict
        Seconds per pass, by side and round.
    others : float
        Average number of cores that other processes kept busy.
    difference : float or None
        Largest difference between the outputs of both sides.
    """

    point: Point
    seconds: dict[str, list[float]]
    others: float
    difference: float | None

    def median(self, side: str) -> float:
        """Return the median seconds per pass of `side`."""
        return spread(self.seconds[side]).median


def points(
    cell: str, grid: bool, threads: Sequence[int], axes: Mapping[str, Sequence[int]] = AXES
) -> list[Point]:
    """Return the points to measure, for each number of threads."""
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
    """Return `point` with `size` along `axis`."""
    sizes: dict[str, Any] = {axis: size}
    return replace(point, **sizes)


def time_point(point: Point, rounds: int, jax: bool = False) -> Timed:
    """Measure one point, alternating between the sides; runs in a separate process."""
    import torch

    torch.set_num_threads(point.threads)
    torch.manual_seed(0)
    layers = _layers(point)
    x = torch.randn(point.batch, point.steps, point.features, requires_grad=True)
    above = torch.randn(point.batch, point.steps, point.directions * point.hidden)
    tasks: dict[str, Callable[[], None]] = {
        side: partial(_torch_pass, layer, x, above) for side, layer in layers.items()
    }
    if jax:
        from contenders.jax_layers import jax_pass

        tasks["jax"] = jax_pass(layers["torch"], x.detach().numpy(), above.numpy())
    whole = Clock()
    with whole.running():
        seconds = _seconds(tasks, rounds, point.threads)
    difference = None
    if "hiddenstate" in layers:
        with torch.no_grad():
            ours, theirs = (layers[side](x)[0] for side in SIDES)
            difference = float((ours - theirs).abs().max())
    return Timed(point, seconds, whole.others, difference)


def _torch_pass(layer: Any, x: Any, above: Any) -> None:
    layer.zero_grad(set_to_none=True)
    x.grad = None
    layer(x)[0].backward(above)


def _seconds(
    tasks: dict[str, Callable[[], None]], rounds: int, threads: int
) -> dict[str, list[float]]:
    """Return the seconds of a pass of each side in each round, after two passes to warm up."""

    def passes(side: str, n: int) -> float:
        clock = Clock()
        with clock.running():
            for _ in range(n):
                tasks[side]()
        return (clock.cpu if threads == 1 else clock.wall) / n

    numbers, one_round = {}, 0.0
    for side in tasks:
        passes(side, 1)
        each = passes(side, 1)
        numbers[side] = max(1, int(ENOUGH / each))
        one_round += numbers[side] * each
    pieces = {side: partial(passes, side, n) for side, n in numbers.items()}
    return interleave(pieces, max(1, min(rounds, int(PATIENCE / one_round))))


def _layers(point: Point) -> dict[str, Any]:
    """Return the layers of both sides with the same weights; only torch's without ours."""
    import torch

    name = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}[point.cell]
    options: dict[str, Any] = {"num_layers": point.layers, "bidirectional": point.directions == 2}
    sizes = point.features, point.hidden
    made = {"torch": getattr(torch.nn, name)(*sizes, batch_first=True, **options)}
    if has_layers():
        import hiddenstate.nn as ours

        layer = getattr(ours, name)(*sizes, batch_first=True, **options)
        layer.load_state_dict(made["torch"].state_dict())
        made["hiddenstate"] = layer
    return made


def has_layers() -> bool:
    """Return whether this version of hiddenstate has `hiddenstate.nn`."""
    from importlib.util import find_spec

    return find_spec("hiddenstate.nn") is not None


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Measure and print all points, and draw them to `args.figure` if it is set."""
    rounds, cores = args.rounds or 7, 1 if args.toy else os.cpu_count() or 1
    axes = TOY if args.toy else AXES
    print(f"## layers: {args.cell}, ms per pass forward and backward, {rounds} rounds")
    if not has_layers():
        print("hiddenstate: skipped, this version has no hiddenstate.nn")
    timed = []
    for threads in (n for n in THREADS if n <= cores):
        timed += with_threads(points(args.cell, args.grid, [threads], axes), threads, rounds)
    print()
    print_table(
        (
            "hidden",
            "steps",
            "batch",
            "threads",
            *(f"{side}, ms" for side in SIDES),
            "ratio",
            "other cores",
            "off by",
        ),
        [_row(one) for one in timed],
    )
    if args.figure:
        draw(timed, args.cell).savefig(args.figure)
        print(f"saved {args.figure}\n")
    return {"points": [vars(one.point) | one.seconds | {"others": one.others} for one in timed]}


def with_threads(chosen: list[Point], threads: int, rounds: int, jax: bool = False) -> list[Timed]:
    """Measure points in one new process limited to `threads` threads, also in jax if `jax`."""
    timed = []
    with environment(thread_limits(threads)), ProcessPoolExecutor(1, context()) as pool:
        for number, point in enumerate(chosen):
            if point.billions > LONGEST:
                print(f"{point}: skipped, needs {point.billions:.0f} billion operations")
                continue
            note(f"{threads} threads, {number + 1} of {len(chosen)}")
            timed.append(pool.submit(time_point, point, rounds, jax).result())
    note("")
    return timed


def _row(timed: Timed) -> tuple[str, ...]:
    p, has_ours = timed.point, "hiddenstate" in timed.seconds
    return (
        *(str(size) for size in (p.hidden, p.steps, p.batch, p.threads)),
        *(f"{1e3 * timed.median(s):.3f}" if s in timed.seconds else "-" for s in SIDES),
        f"{ratios(timed.seconds['hiddenstate'], timed.seconds['torch']):.2f}" if has_ours else "-",
        f"{timed.others:.1f}",
        f"{timed.difference:.0e}" if timed.difference is not None else "-",
    )


def draw(timed: Sequence[Timed], cell: str) -> "Figure":
    """Draw the time per pass along each axis and the speed-up over torch below it."""
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
    grid[0, 0].set_ylabel("ms per pass")
    grid[1, 0].set_ylabel("speed-up over torch")
    grid[0, 0].legend(fontsize=8, frameon=False)
    base = Point(cell)
    figure.suptitle(
        f"{cell}, forward and backward; hidden size {base.hidden}, {base.steps} steps and "
        f"{base.batch} rows unless varied",
        fontsize=10,
    )
    return figure


def _on_axis(point: Point, axis: str, threads: int) -> Point:
    """Return the point on `axis` with the same size along it as `point`."""
    return _moved(Point(point.cell, threads=threads), axis, getattr(point, axis))


def _draw_line(places: Any, line: list[Timed], axis: str, threads: int) -> None:
    """Draw one axis at one number of threads: the time of both sides above, their ratio below."""
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
