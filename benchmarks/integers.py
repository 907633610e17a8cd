"""Measures what nets lose in integers, with and without training for it.

    python benchmarks/quality.py integers [--seeds 5] [NAME ...]

`mnist` is the classic job: an LSTM of 64 units that reads digits row by row, an epoch. The others
are series sets of the archives (aeon), one GRU each by the automatic recipe without fixed
convolutions; `NAME:fastgrnn` has another cell. For each seed a model is trained in floats and
scored on the test rows; `quantize` makes integers of it without training, with states of 16 and of
8 bits; and the same seed is trained with `--quantize int8`. Losses are points of accuracy, the mean
of the seeds, each with its own model in floats, and the standard error of that mean. The bytes are
those of the model file.
"""

import argparse
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recipes import place, run
from sets import EIGHT

TRAINED = {16: "trained, 16", 8: "trained, 8"}


def integers(args: argparse.Namespace) -> None:
    """Print a table of sets: accuracy in floats, and the loss of each way to integers."""
    head = ["floats", "quantize, 16", "quantize, 8", *TRAINED.values(), "bytes, of floats"]
    print(f"| set, points lost | {' | '.join(head)} |")
    print("|" + " --- |" * (len(head) + 1))
    for name in args.names or ("mnist", *EIGHT):
        runs = [measured(name, seed, args.toy) for seed in range(1 if args.toy else args.seeds)]
        cells = [f"{100 * statistics.fmean(each['floats'] for each in runs):.2f}"]
        for column in head[1:-1]:
            lost = [100 * (each["floats"] - each[column]) for each in runs]
            error = statistics.stdev(lost) / len(lost) ** 0.5 if len(lost) > 1 else 0.0
            cells.append(f"{statistics.fmean(lost):.2f} ± {error:.2f}")
        cells.append(f"{statistics.fmean(each['bytes'] for each in runs):.1%}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def measured(name: str, seed: int, toy: bool) -> dict[str, Any]:
    """Return the accuracy of a seed in floats and by each way to integers, and the share of bytes
    of the file in integers."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        quiet = ("--view", "off", "--json", "--runs-dir", folder)
        words = [*words_of(name), "--seed", seed, *(("--max-steps", 2) if toy else ()), *quiet]
        floats = run(*words, "--name", "floats")
        found["floats"] = floats["test_accuracy"]
        for bits, lost in quantized(Path(folder)):
            found[f"quantize, {bits}"] = lost["integers"][0]
            found["bytes"] = lost["bytes"] / lost["float_bytes"]
        for bits, column in TRAINED.items():
            own = ("--quantize", "int8", "--state-bits", bits, "--name", f"integers-{bits}")
            found[column] = run(*words, *own)["test_accuracy"]
    return found


def quantized(folder: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield what `quantize` says with states of 16 and of 8 bits."""
    for bits in (16, 8):
        output = ("--output", folder / f"{bits}.safetensors", "--json", "--runs-dir", folder)
        yield bits, run("quantize", folder / "floats", "--state-bits", bits, *output)


def words_of(name: str) -> list[Any]:
    """Return the command that trains on a set."""
    if name == "mnist":
        return ["classify"]
    name, _, cell = name.partition(":")
    path = place("aeon", f"datasets/data/{name}/{name}_TRAIN.ts")
    return ["classify", path, "--no-convolutions", "--cell", cell or "gru", "--threads", 1]
