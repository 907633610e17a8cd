"""Measures what nets lose in integers, with and without training for it.

    python benchmarks/quality.py integers [--seeds 5] [--sparsity .5,.8] [NAME ...]

`mnist` is the classic job: an LSTM of 64 units that reads digits row by row, an epoch. The others
are series sets of the archives (aeon), one GRU each by the automatic recipe without fixed
convolutions; `NAME:fastgrnn` has another cell. `watch` are 140 recordings of seven exercises of the
shoulder, six channels of a watch and 900 to 2,500 steps, of ten people (Burns et al., "Shoulder
physiotherapy exercise recognition: machine learning the inertial signals from a smartwatch", 2018;
`pip install --no-deps seglearn`): people 1 to 7 train, 8 to 10 test. For each seed a model is
trained in floats and scored on the test rows; `quantize` makes integers of it without training,
with states of 16 and of 8 bits; and the same seed is trained with `--quantize int8`, and once more
with each `--sparsity`, states of 16 bits. Losses are points of accuracy, the mean of the seeds,
each with its own model in floats, and the standard error of that mean. The bytes are those of the
model file without zeros, and of each one with them.
"""

import argparse
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from recipes import place, run
from sets import EIGHT, write_ts

from hiddenstate.datasets import load_mnist

TRAINED = {16: "trained, 16", 8: "trained, 8"}


def integers(args: argparse.Namespace) -> None:
    """Print a table of sets: accuracy in floats, and the loss of each way to integers."""
    shares = args.sparsity.split(",") if args.sparsity else []
    head = ["floats", "quantize, 16", "quantize, 8", *TRAINED.values(), *map(of_zeros, shares)]
    head.append("bytes, of floats")
    print(f"| set, points lost | {' | '.join(head)} |")
    print("|" + " --- |" * (len(head) + 1))
    for name in args.names or ("mnist", *EIGHT):
        seeds = range(1 if args.toy else args.seeds)
        runs = [measured(name, seed, args.toy, shares) for seed in seeds]
        cells = [f"{100 * statistics.fmean(each['floats'] for each in runs):.2f}"]
        for column in head[1:-1]:
            lost = [100 * (each["floats"] - each[column]) for each in runs]
            error = statistics.stdev(lost) / len(lost) ** 0.5 if len(lost) > 1 else 0.0
            cells.append(f"{statistics.fmean(lost):.2f} ± {error:.2f}")
        sizes = [statistics.fmean(each[f"bytes{s}"] for each in runs) for s in ("", *shares)]
        cells.append(", ".join(f"{size:.1%}" for size in sizes))
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def of_zeros(share: str) -> str:
    """Return the title of the column of nets with a share of zeros."""
    return f"trained, {float(share):.0%} zeros"


def measured(name: str, seed: int, toy: bool, shares: Sequence[str] = ()) -> dict[str, Any]:
    """Return the accuracy of a seed in floats and by each way to integers, and the share of bytes
    of the file in integers, also with shares of zeros."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        quiet = ("--view", "off", "--json", "--runs-dir", folder)
        steps = ("--max-steps", 8 if shares else 2) if toy else ()
        words = [*words_of(name, Path(folder), toy), "--seed", seed, *steps, *quiet]
        floats = run(*words, "--name", "floats")
        found["floats"] = floats["test_accuracy"]
        for bits, lost in quantized(Path(folder)):
            found[f"quantize, {bits}"] = lost["integers"][0]
            found["bytes"], size = lost["bytes"] / lost["float_bytes"], lost["float_bytes"]
        for bits, column in TRAINED.items():
            own = ("--quantize", "int8", "--state-bits", bits, "--name", f"integers-{bits}")
            found[column] = run(*words, *own)["test_accuracy"]
        for share in shares:
            sparse = ("--quantize", "int8", "--sparsity", share, "--name", f"sparse-{share}")
            found[of_zeros(share)] = run(*words, *sparse)["test_accuracy"]
            path = Path(folder) / f"sparse-{share}" / "model.safetensors"
            found[f"bytes{share}"] = path.stat().st_size / size
    return found


def quantized(folder: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield what `quantize` says with states of 16 and of 8 bits."""
    for bits in (16, 8):
        output = ("--output", folder / f"{bits}.safetensors", "--json", "--runs-dir", folder)
        yield bits, run("quantize", folder / "floats", "--state-bits", bits, *output)


def words_of(name: str, folder: Path, toy: bool) -> list[Any]:
    """Return the command that trains on a set; files that it needs are written to a folder."""
    if name == "mnist":
        own = (few_digits(folder), "--recipe", "classic") if toy else ()
        return ["classify", *own]
    name, _, cell = name.partition(":")
    if name == "watch":
        path = watch_files(place("seglearn", "data/watch_dataset.npy"), folder)
    else:
        path = place("aeon", f"datasets/data/{name}/{name}_TRAIN.ts")
    one = ("--no-convolutions", "--members", 1, "--threads", 1)  # a header holds one net
    return ["classify", path, "--cell", cell or "gru", *one]


def few_digits(folder: Path) -> Path:
    """Write 500 digits for training and 50 to test; return their file."""
    data, path = load_mnist(), folder / "digits.npz"
    assert data.test is not None
    arrays: dict[str, Any] = {}
    for part, rows, n in (("train", data.train, 500), ("test", data.test, 50)):
        arrays[f"X_{part}"] = rows.series()[:n]
        arrays[f"y_{part}"] = rows.require_targets()[:n]
    np.savez(path, **arrays)
    return path


def watch_files(stored: Path, folder: Path) -> Path:
    """Write the recordings of people 1 to 7 as training rows, with those of 8 to 10 as test rows
    beside them; return the file of the first."""
    own = np.load(stored, allow_pickle=True).item()
    recordings, labels = own["X"], np.array(own["y_labels"])[np.asarray(own["y"])]
    trains = np.asarray(own["subject"]) <= 7
    for part, which in (("TEST", ~trains), ("TRAIN", trains)):
        series = [recordings[row] for row in np.flatnonzero(which)]
        path = write_ts(folder / f"watch_{part}.ts", series, labels[which])
    return path
