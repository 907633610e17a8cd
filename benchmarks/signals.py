"""Measures nets that carry a state through made signals, beside linear models.

    python benchmarks/quality.py signals [NAME ...] [--seeds 3]

Each signal is a system that reads an input u and gives an output y, 12,000 steps of each, of which
the last fifth is held out. The systems are those that text books of identification and of audio
begin with (`SYSTEMS`); all numbers follow from the seed. The scores are error-to-signal ratios,
sum (y - y')^2 / sum y^2: of a linear model of the last 64 inputs, fitted by ridge regression, and
of nets. Seconds are of the processor, of the whole training command on one thread.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from recipes import run
from scipy.signal import butter, lfilter  # type: ignore[import-untyped]
from timing import machine, print_machine, print_table

Signal = NDArray[np.float64]

STEPS, HELD_OUT, TAPS, NOISE = 12_000, 0.2, 64, (0.001, 0.5)


def excitation(random: np.random.Generator, cutoff: float = 0.2) -> Signal:
    """Return noise below `cutoff` of half the rate, whose size changes slowly."""
    noise = lfilter(*butter(3, cutoff), random.normal(size=STEPS))
    knots = random.uniform(0.2, 1.0, STEPS // 400 + 2)
    size = np.interp(np.arange(STEPS), 400 * np.arange(len(knots)), knots)
    return np.asarray(size * noise / noise.std())


def resonance(u: Signal, period: float, radius: float) -> Signal:
    """Filter by two poles of a radius at a period, with gain 1 at rest."""
    a = np.array([1, -2 * radius * np.cos(2 * np.pi / period), radius**2])
    return np.asarray(lfilter([a.sum()], a, u))


def wiener(u: Signal) -> Signal:
    """A linear filter, then a bend that is not symmetrical."""
    v = resonance(u, 25, 0.85)
    return np.asarray(np.where(v > 0, np.tanh(1.5 * v), 0.5 * np.tanh(3 * v)))


def hammerstein(u: Signal) -> Signal:
    """A bend, then a linear filter."""
    return resonance(np.tanh(2 * u) + 0.4 * np.minimum(u**2, 4), 18, 0.9)


def wiener_hammerstein(u: Signal) -> Signal:
    """A filter, a bend, a filter: Schoukens et al., 2009, "Wiener-Hammerstein benchmark"."""
    v = resonance(u, 30, 0.9)
    return resonance(np.where(v > 0, np.tanh(4 * v), v), 12, 0.8)


def hysteresis(u: Signal) -> Signal:
    """What remembers the way it came: Bouc and Wen's model (Wen, 1976), by Euler's method."""
    z, out = 0.0, np.empty(len(u))
    for step, change in enumerate(np.diff(u, prepend=u[0])):
        z += change - 0.8 * abs(change) * abs(z) * z - 0.4 * change * z**2
        out[step] = z
    return 0.3 * u + out


def delay(u: Signal) -> Signal:
    """A bent signal 15 steps late, and half of its own output 12 steps before."""
    bent, out = np.tanh(1.5 * u), np.zeros(len(u))
    for step in range(15, len(u)):
        out[step] = bent[step - 15] + 0.5 * np.tanh(out[step - 12])
    return out


def amplifier(u: Signal) -> Signal:
    """A tube: a bend whose working point sinks with the level, without its constant part."""
    driven = 3 * resonance(u, 40, 0.5)
    sag = lfilter([0.01], [1, -0.99], np.abs(driven))
    v = np.tanh(driven - 0.8 * sag) - np.tanh(-0.8 * sag)
    return np.asarray(lfilter([0.995, -0.995], [1, -0.99], resonance(v, 8, 0.4)))


SYSTEMS: dict[str, Callable[[Signal], Signal]] = {
    "wiener": wiener,
    "hammerstein": hammerstein,
    "wiener-hammerstein": wiener_hammerstein,
    "hysteresis": hysteresis,
    "delay": delay,
    "amplifier": amplifier,
}


def made(name: str, seed: int, noise: float) -> tuple[Signal, Signal]:
    """Return the input and the output of a system, with noise in units of its deviation."""
    random = np.random.default_rng([seed, list(SYSTEMS).index(name)])
    u = excitation(random)
    y = SYSTEMS[name](u)
    return u, y + noise * y.std() * random.normal(size=STEPS)


def ratio(y: Signal, answer: Signal) -> float:
    """Return the error-to-signal ratio."""
    return float(((y - answer) ** 2).sum() / (y**2).sum())


def linear(u: Signal, y: Signal) -> float:
    """Return the ratio of a linear model of the last inputs on the steps that are held out."""
    padded = np.concatenate([np.zeros(TAPS - 1), u])
    X = np.lib.stride_tricks.sliding_window_view(padded, TAPS)
    X = np.concatenate([X, np.ones((len(u), 1))], axis=1)
    n = round(len(u) * (1 - HELD_OUT))
    gram = X[:n].T @ X[:n] + 1e-6 * n * np.eye(TAPS + 1)
    return ratio(y[n:], X[n:] @ np.linalg.solve(gram, X[:n].T @ y[:n]))


def write(name: str, seed: int, noise: float, folder: Path) -> Path:
    """Write a signal as a table, and return its file."""
    file = folder / f"{name}-{seed}-{noise:g}.csv"
    table = np.stack(made(name, seed, noise), axis=1)
    np.savetxt(file, table, "%.9g", ",", header="u,y", comments="")
    return file


NETS: dict[str, tuple[str, ...]] = {
    "state carried": ("--recipe=auto", "--stateful"),
    "windows": ("--recipe=auto", "--no-stateful"),
    "GRU, one stream": (
        "--recipe=classic",
        "--stateful",
        "--cell=gru",
        "--hidden-size=32",
        "--window=50",
        "--epochs=20",
        "--scale=standard",
        f"--test-fraction={HELD_OUT}",
    ),
}
"""The options of each net: the automatic recipe in both ways, and the classic loop."""


def measure(args: argparse.Namespace) -> None:
    """Print the ratios of each signal, with little noise and with much."""
    print_machine(machine(1))
    seeds = range(1 if args.toy else args.seeds)
    for noise in NOISE:
        rows = []
        for name in args.names or SYSTEMS:
            of_linear = statistics.median(linear(*made(name, seed, noise)) for seed in seeds)
            cells: list[str] = [name, f"{of_linear:.4f}"]
            for words in NETS.values():
                words = (*words, "--max-steps=1") if args.toy else words
                with tempfile.TemporaryDirectory() as folder:
                    done = [trained(name, seed, noise, words, Path(folder)) for seed in seeds]
                score, seconds = map(statistics.median, zip(*done, strict=True))
                cells.append(f"{score:.4f} ({seconds:.1f} s)")
            rows.append(tuple(cells))
        print(f"## signals: error to signal, noise {noise:g}, median of {len(seeds)} seeds\n")
        print_table(("signal", f"linear, {TAPS} inputs", *NETS), rows)


def trained(
    name: str, seed: int, noise: float, words: tuple[str, ...], folder: Path
) -> tuple[float, float]:
    """Return the ratio that a net reaches on the steps that are held out, and the seconds."""
    file, began = write(name, seed, noise, folder), time.process_time()
    own = ("--input=u", "--target=y", *words, f"--seed={seed}", "--threads=1")
    done = run("regress", file, *own, "--view=off", "--json", f"--runs-dir={folder}")
    y = made(name, seed, noise)[1][STEPS - done["test_steps"] :]
    return done["test_mse"] / float((y**2).mean()), time.process_time() - began
