"""Measures the autoencoder beside UMAP, PCA and an isolation forest.

    python benchmarks/codes.py codes [--seeds 3] [NAME ...]
    python benchmarks/codes.py anomalies [--seeds 3] [NAME ...]

The sets are the digits and the breast cancer data of scikit-learn, and 4,000 rows of MNIST. Three
tenths of each are held out, with the same share of each class; every method is fitted on the rest,
with its defaults, ours by the automatic recipe. Pixels are fractions, other columns are
standardised.

`codes`: of codes of 2 and of 3 numbers the accuracy of ten nearest neighbours, fitted on codes of
training rows, on those of held-out rows; the trustworthiness of held-out codes (Venna and Kaski,
2001; how many of the ten neighbours of a code are neighbours of its row); and the share of the
variance of held-out rows that the reconstruction leaves. UMAP, of the package umap-learn, is left
out if that is not installed. Seconds are of the processor.

`anomalies`: each class in turn is left out of training. The area under the ROC curve says how well
a score tells its held-out rows from those of the other classes: the squared error of a
reconstruction from 3 and from 8 numbers, or the score of an isolation forest. Means over all
classes.
"""

import argparse
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

NEIGHBOURS = 10


@dataclass(frozen=True)
class Split:
    """Training and held-out rows (n, F), scaled, and their classes (n,)."""

    train: np.ndarray
    test: np.ndarray
    y_train: np.ndarray
    y_test: np.ndarray


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Return 1,797 digits of 8 x 8 pixels, as fractions, and their classes."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return X / 16, y


def cancer() -> tuple[np.ndarray, np.ndarray]:
    """Return 569 rows of 30 measurements, standardised, and their two classes."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.preprocessing import StandardScaler

    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def mnist() -> tuple[np.ndarray, np.ndarray]:
    """Return 4,000 digits of 28 x 28 pixels, as fractions, and their classes."""
    from hiddenstate import load_mnist

    data = load_mnist()
    return data.X[:4000].reshape(4000, -1) / 255, data.y[:4000]


SETS = {"digits": digits, "cancer": cancer, "mnist": mnist}


def split_of(name: str, seed: int) -> Split:
    """Return a set with three tenths held out."""
    from sklearn.model_selection import train_test_split

    X, y = SETS[name]()
    parts = train_test_split(X, y, test_size=0.3, random_state=seed, stratify=y)
    return Split(*(np.ascontiguousarray(part) for part in parts))


Fitted = tuple[np.ndarray, np.ndarray, np.ndarray | None]
"""Codes of training and of held-out rows, and reconstructions of the latter, if there are any."""


def ours(split: Split, size: int, seed: int, toy: bool = False) -> Fitted:
    """The autoencoder, by the automatic recipe."""
    from hiddenstate import Autoencoder

    steps: dict[str, Any] = {"max_steps": 5} if toy else {}
    model = Autoencoder(code_size=size, recipe="auto", random_state=seed, **steps)
    codes = model.fit(split.train).transform(split.train)
    held = model.transform(split.test)
    return codes, held, model.inverse_transform(held)


def pca(split: Split, size: int, seed: int, toy: bool = False) -> Fitted:
    """Principal components."""
    from sklearn.decomposition import PCA

    model = PCA(size, random_state=seed).fit(split.train)
    held = model.transform(split.test)
    return model.transform(split.train), held, model.inverse_transform(held)


def umap(split: Split, size: int, seed: int, toy: bool = False) -> Fitted:
    """UMAP; held-out rows are placed among the training rows."""
    import importlib

    kind = importlib.import_module("umap").UMAP
    model = kind(n_components=size, random_state=seed, n_epochs=5 if toy else None)
    codes = model.fit_transform(split.train)
    return codes, model.transform(split.test), None


METHODS: dict[str, Callable[..., Fitted]] = {"hiddenstate": ours, "PCA": pca, "UMAP": umap}


def accuracy(split: Split, train: np.ndarray, test: np.ndarray) -> float:
    """Return the accuracy of ten nearest neighbours."""
    from sklearn.neighbors import KNeighborsClassifier

    model = KNeighborsClassifier(NEIGHBOURS).fit(train, split.y_train)
    return float(model.score(test, split.y_test))


def unexplained(split: Split, rows: np.ndarray | None) -> float:
    """Return the squared error of reconstructions, as a share of the variance of held-out rows."""
    if rows is None:
        return float("nan")
    total = ((split.test - split.train.mean(axis=0)) ** 2).mean()
    return float(((rows - split.test) ** 2).mean() / total)


def codes(args: argparse.Namespace) -> None:
    """Print the table of codes."""
    from sklearn.manifold import trustworthiness

    methods = available()
    print("| set | numbers | method | 10-NN accuracy | trustworthiness | variance left | seconds |")
    print("|" + " --- |" * 7)
    for name in args.names or SETS:
        for size in (2, 3):
            for method, fit in methods.items():
                each = []
                for seed in range(1 if args.toy else args.seeds):
                    split, began = split_of(name, seed), time.process_time()
                    train, test, rows = fit(split, size, seed, args.toy)
                    seconds = time.process_time() - began
                    trust = trustworthiness(split.test, test, n_neighbors=NEIGHBOURS)
                    scores = (accuracy(split, train, test), trust, unexplained(split, rows))
                    each.append((*scores, seconds))
                cells = [written(column) for column in list(zip(*each, strict=True))[:3]]
                time_of = statistics.fmean(row[3] for row in each)
                print(
                    f"| {name} | {size} | {method} | {' | '.join(cells)} | {time_of:.1f} |",
                    flush=True,
                )


def available() -> dict[str, Callable[..., Fitted]]:
    """Return the methods that are installed, and say what is left out."""
    import importlib.util

    if importlib.util.find_spec("umap") is None:
        print("UMAP is left out: pip install umap-learn\n")
        return {name: fit for name, fit in METHODS.items() if name != "UMAP"}
    return METHODS


def written(values: Sequence[float]) -> str:
    """Return the mean of values, and their deviation."""
    if np.isnan(values).any():
        return ""
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.fmean(values):.3f} +- {spread:.3f}"


def anomalies(args: argparse.Namespace) -> None:
    """Print the table of anomalies."""
    scores = {
        "hiddenstate, 3": scored(ours, 3),
        "hiddenstate, 8": scored(ours, 8),
        "PCA, 3": scored(pca, 3),
        "PCA, 8": scored(pca, 8),
        "isolation forest": forest,
    }
    print(f"| set, ROC AUC | {' | '.join(scores)} |\n|" + " --- |" * (len(scores) + 1))
    for name in args.names or SETS:
        cells = []
        for score in scores.values():
            seeds = range(1 if args.toy else args.seeds)
            cells.append(written([mean_area(name, seed, score, args.toy) for seed in seeds]))
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


Score = Callable[[Split, int, bool], np.ndarray]
"""From a split, a seed and whether it is a toy to a number for each held-out row."""


def mean_area(name: str, seed: int, score: Score, toy: bool) -> float:
    """Return the mean area under the ROC curve over the classes that are left out."""
    from sklearn.metrics import roc_auc_score

    split, areas = split_of(name, seed), []
    classes = np.unique(split.y_train)
    for label in classes[:1] if toy else classes:
        known = split.y_train != label
        part = Split(split.train[known], split.test, split.y_train[known], split.y_test)
        areas.append(roc_auc_score(split.y_test == label, score(part, seed, toy)))
    return statistics.fmean(areas)


def scored(fit: Callable[..., Fitted], size: int) -> Score:
    """Return what scores rows by the error of their reconstruction from `size` numbers."""

    def score(split: Split, seed: int, toy: bool) -> np.ndarray:
        rows: Any = fit(split, size, seed, toy)[2]
        return np.asarray(((rows - split.test) ** 2).mean(axis=1))

    return score


def forest(split: Split, seed: int, toy: bool) -> np.ndarray:
    """Score rows by an isolation forest."""
    from sklearn.ensemble import IsolationForest

    model = IsolationForest(random_state=seed, n_estimators=5 if toy else 100)
    return np.asarray(-model.fit(split.train).score_samples(split.test))


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("codes", "anomalies"))
    parser.add_argument("names", nargs="*", help="sets to measure; all by default")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--toy", action="store_true", help="one seed, few steps, to test the script"
    )
    return parser


def main(words: Sequence[str] | None = None) -> None:
    """Measure what is asked for."""
    args = arguments().parse_args(words)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        {"codes": codes, "anomalies": anomalies}[args.what](args)


if __name__ == "__main__":
    main()
