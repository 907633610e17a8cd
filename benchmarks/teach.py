"""Nets that answer alone: the recipe, a net that streams, and what augmentation and teacher add.

    python benchmarks/quality.py teach [--seeds 5] [--out FILE] [NAME ...]

measures the twenty sets of sets.py, each on its own split. A way is one training command on one
thread. `--out FILE` gets a line of JSON for each command that ended; a command whose line is there
is not repeated, so that a long measurement can be continued.

Accuracies are means over the seeds, with their deviation. Seconds are of the processor, of the
whole command.
"""

import argparse
import json
import math
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recipes import run
from sets import EIGHT, TWELVE, file_of, is_there

WAYS: dict[str, tuple[object, ...]] = {
    "0.5": ("--convolutions",),
    "automatic": (),
    "no augmentation": ("--augment", "none"),
    "taught": ("--teach", "convolutions"),
    "streamable": ("--streamable",),
    "streamable, in integers": ("--streamable", "--quantize", "int8"),
}
"""The options of each way to train, by its name."""

PARTS = ("automatic", "no augmentation", "taught")
"""The ways whose nets are compared."""

RECORDS = {
    "accuracy": "test_accuracy",
    "convolutions": "convolutions_accuracy",
    "nets": "net_accuracy",
    "share": "net_share",
    "full": "full_accuracy",
    "teacher": "teacher_accuracy",
    "untaught": "untaught_accuracy",
    "who": "answered_by",
    "members": "nets",
    "updates": "net_updates",
}
"""What is kept of the output of a command, and its names there."""

Records = dict[tuple[str, int, str], dict[str, Any]]
"""What is kept of each command, by set, seed and way."""


def teach(args: argparse.Namespace) -> None:
    """Measure the sets, and print the tables."""
    names = [name for name in args.names or (*EIGHT, *TWELVE) if is_there(name)]
    seeds = range(1 if args.toy else args.seeds)
    records = read(args.out)
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            path = file_of(name, Path(folder))
            for seed in seeds:
                for way, options in WAYS.items():
                    if (name, seed, way) not in records:
                        words = (*options, *(("--max-steps", 1) if args.toy else ()))
                        record = measured(path, seed, words, Path(folder))
                        records[name, seed, way] = record
                        add(args.out, {"set": name, "seed": seed, "way": way, **record})
    print_accuracies(names, seeds, records)
    print_parts(names, seeds, records)
    print_seconds(names, seeds, records)


def read(path: Path | None) -> Records:
    """Return the commands of an earlier measurement."""
    lines = path.read_text().splitlines() if path and path.exists() else []
    records = {}
    for line in map(json.loads, lines):
        records[line.pop("set"), line.pop("seed"), line.pop("way")] = line
    return records


def add(path: Path | None, record: dict[str, Any]) -> None:
    """Add a line to a file, if there is one."""
    if path:
        with path.open("a") as stream:
            stream.write(json.dumps(record) + "\n")


def measured(path: Path, seed: int, options: Sequence[object], folder: Path) -> dict[str, Any]:
    """Return the accuracies and the processor seconds of a training command."""
    quiet = ("--view", "off", "--json", "--threads", 1, "--runs-dir", folder)
    began = time.process_time()
    done = run("classify", path, "--seed", seed, *options, *quiet)
    seconds = time.process_time() - began
    kept = {name: done[key] for name, key in RECORDS.items() if done.get(key) is not None}
    alone = kept.get("share", 1.0) == 1.0
    if alone:  # nothing stands beside the nets
        kept["nets"] = kept["accuracy"]
    kept.setdefault("full", kept["accuracy"])
    return kept | {"alone": float(alone), "seconds": seconds}


def values(
    name: str, seeds: Sequence[int], records: Records, way: str, key: str = "accuracy"
) -> list[float]:
    """Return what the seeds of a way reach; nothing if the way was not measured."""
    each = [records.get((name, seed, way), {}) for seed in seeds]
    return [record[key] for record in each if key in record]


def in_words(numbers: Sequence[float]) -> str:
    """Return the mean and the deviation of numbers."""
    if not numbers:
        return ""
    spread = statistics.stdev(numbers) if len(numbers) > 1 else 0.0
    return f"{statistics.fmean(numbers):.3f} +- {spread:.3f}"


def print_accuracies(names: Sequence[str], seeds: Sequence[int], records: Records) -> None:
    """Print what each way reaches, and where nets alone answer."""
    columns: dict[str, tuple[str, str]] = {
        "0.5": ("0.5", "accuracy"),
        "automatic": ("automatic", "accuracy"),
        "its nets": ("automatic", "nets"),
        "the full answer": ("automatic", "full"),
        "the convolutions": ("0.5", "convolutions"),
        "streamable": ("streamable", "accuracy"),
        "the same, in integers": ("streamable, in integers", "accuracy"),
        "the same, untaught": ("streamable", "untaught"),
    }
    print(f"| set, accuracy | {' | '.join(columns)} | nets answer |")
    print("|" + " --- |" * (len(columns) + 2))
    table: dict[str, list[list[float]]] = {}
    shares: dict[str, float] = {}
    for name in names:
        table[name] = [values(name, seeds, records, *column) for column in columns.values()]
        alone = values(name, seeds, records, "automatic", "alone")
        shares[name] = statistics.fmean(alone)
        cells = " | ".join(map(in_words, table[name]))
        print(f"| {name} | {cells} | {shares[name]:.0%} |", flush=True)
    for title, part in (("the eight", EIGHT), ("the others", TWELVE)):
        own = [name for name in names if name in part]
        if own:
            each = zip(*(table[name] for name in own), strict=True)
            cells = " | ".join(mean_of(column) for column in each)
            often = sum(shares[name] > 0.5 for name in own)
            print(f"| mean of {title} | {cells} | {often} of {len(own)} |", flush=True)
    print()


def mean_of(column: Sequence[Sequence[float]]) -> str:
    """Return the mean over sets of the mean of each; nothing if one was not measured."""
    whole = all(column)
    return f"{statistics.fmean(map(statistics.fmean, column)):.3f}" if whole else ""


def print_parts(names: Sequence[str], seeds: Sequence[int], records: Records) -> None:
    """Print what the nets of the recipe reach without augmentation, and with a teacher."""
    print(f"| set, accuracy of the nets | {' | '.join(PARTS)} |\n|" + " --- |" * (len(PARTS) + 1))
    table = []
    for name in names:
        table.append([values(name, seeds, records, way, "nets") for way in PARTS])
        print(f"| {name} | {' | '.join(map(in_words, table[-1]))} |")
    print(f"| mean | {' | '.join(mean_of(column) for column in zip(*table, strict=True))} |\n")


def print_seconds(names: Sequence[str], seeds: Sequence[int], records: Records) -> None:
    """Print the processor seconds of each way, and their ratio to those of 0.5."""
    print(f"| set, processor time | {' | '.join(WAYS)} |\n|" + " --- |" * (len(WAYS) + 1))
    ratios: dict[str, list[float]] = {way: [] for way in WAYS}
    for name in names:
        least, cells = statistics.fmean(values(name, seeds, records, "0.5", "seconds")), []
        for way in WAYS:
            mean = statistics.fmean(values(name, seeds, records, way, "seconds"))
            ratios[way].append(mean / least)
            cells.append(f"{mean:.1f} s, {mean / least:.2f}")
        print(f"| {name} | {' | '.join(cells)} |")
    cells = [
        f"{math.exp(statistics.fmean(map(math.log, each))):.2f}, at most {max(each):.2f}"
        for each in ratios.values()
    ]
    print(f"| geometric mean | {' | '.join(cells)} |")
