"""Counts the models that a worker of a sweep trains in a second of processor time.

`classic` are groups of 1,000 rows with the classic recipe: 100 windows of ten steps, an RNN of 32
units, one update a window. `auto` are forecasts of groups of 120 rows with the automatic recipe. A
packet is read, trained and answered as in a worker process, with one thread. Processor time is what
a core needs alone; on a busy machine the time on the wall says little.

    python benchmarks/sweep.py [--groups 200] [--profile]
"""

import argparse
import cProfile
import pstats
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from timing import print_table, spread

from hiddenstate import __version__
from hiddenstate.config import make_config
from hiddenstate.scale.sweep.groups import read_groups
from hiddenstate.scale.sweep.packets import pack_groups
from hiddenstate.scale.sweep.work import outcomes_of, train_packet

KINDS: dict[str, tuple[int, dict[str, Any]]] = {
    "classic": (1000, {"recipe": "classic"}),
    "auto": (120, {"recipe": "auto", "horizon": 1, "input": ("y",)}),
}
"""Rows of a group, and options, of each kind."""


def table(folder: Path, n_groups: int, n_rows: int) -> Path:
    """Write a table of noisy waves."""
    numbers = np.random.default_rng(0)
    path = folder / "waves.csv"
    t = np.arange(n_rows)
    with path.open("w", encoding="utf-8") as file:
        file.write("site,t,x,y\n")
        for group in range(n_groups):
            phase = numbers.uniform(0, 6)
            x = np.sin(t / 5 + phase) + 0.05 * numbers.normal(size=n_rows)
            y = np.cos(t / 5 + phase) + 0.05 * numbers.normal(size=n_rows)
            file.writelines(f"S{group},{i},{x[i]:.5f},{y[i]:.5f}\n" for i in t)
    return path


def measure(kind: str, n_groups: int, rounds: int, profile: bool) -> tuple[str, ...]:
    """Return the row of a kind: models a second of processor time, and of time on the wall."""
    n_rows, changes = KINDS[kind]
    values = {"target": ("y",), "time": "t", "threads": 1, **changes}
    with tempfile.TemporaryDirectory() as folder:
        values["data"] = str(table(Path(folder), n_groups, n_rows))
        options = make_config("regress", values, together=False).data
        groups = read_groups(Path(values["data"]), options, ("site",), "regress")
    facts = {"version": __version__, "job": "regress", "values": values, "name": "waves.csv"}
    packet = pack_groups(groups, range(n_groups), facts)
    answers = list(outcomes_of(train_packet(packet)))
    if any(outcome.status == "failed" for _, outcome, _ in answers):
        raise SystemExit(f"{kind}: {answers[0][1].reason}")
    rates, wall = [], []
    for _ in range(rounds):
        began, first = time.perf_counter(), time.process_time()
        train_packet(packet)
        rates.append(n_groups / (time.process_time() - first))
        wall.append(n_groups / (time.perf_counter() - began))
    if profile:
        with cProfile.Profile() as profiler:
            train_packet(packet)
        pstats.Stats(profiler).sort_stats("tottime").print_stats(20)
    size = sum(len(model) for _, _, model in answers) / n_groups
    updates = answers[0][1].updates
    return kind, f"{updates}", f"{spread(rates):.1f}", f"{spread(wall):.1f}", f"{size / 1024:.1f}"


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--groups", type=int, default=200, help="groups of each packet")
    parser.add_argument("--rounds", type=int, default=5, help="times that each is trained")
    parser.add_argument("--only", choices=KINDS, help="one kind")
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    parser.add_argument("--toy", action="store_true", help="two groups, once")
    return parser


def main() -> None:
    """Measure and print a table."""
    args = arguments().parse_args()
    n, rounds = (2, 1) if args.toy else (args.groups, args.rounds)
    rows = []
    for kind in [args.only] if args.only else KINDS:
        own = n if kind == "classic" else max(2, n // 10)
        rows.append(measure(kind, own, rounds, args.profile))
    head = ("kind", "updates", "models / s of a core", "models / s on the wall", "KiB a model")
    print_table(head, rows)


if __name__ == "__main__":
    main()
