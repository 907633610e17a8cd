"""A program in C that sounds like an amplifier: a small LSTM learns it from a recording.

The recording is made by formula: plucked strings, and the same strings through an amplifier. With
one of your own, name two WAV files of the same moments: what went in, and what came out.

Usage: python amplifier.py [FOLDER [DRY.wav WET.wav]]    (and a C compiler)
"""

import shutil
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 48_000
Array = NDArray[np.float64]

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "examples-output")
folder.mkdir(parents=True, exist_ok=True)


def strings(notes: list[tuple[float, float]]) -> Array:
    """Return strings that are plucked one after the other: (frequency in Hz, second) each."""
    t = np.arange(int((notes[-1][1] + 0.6) * RATE)) / RATE
    sound = np.zeros_like(t)
    for frequency, second in notes:
        own = np.maximum(t - second, 0)
        for k in range(1, 13):  # overtones are slightly sharp, and end sooner
            level = np.sin(0.6 * k) / k * np.exp(-own * (1 + 0.6 * k))
            sound += level * np.sin(2 * np.pi * k * frequency * (1 + 1e-4 * k * k) * own)
    return np.asarray(0.6 * sound / np.abs(sound).max())


def amplified(sound: Array) -> Array:
    """Return what an amplifier makes of a sound: fewer lows, a soft clipping, fewer highs."""
    after, low, high = np.empty_like(sound), 0.0, 0.0
    for k, x in enumerate(sound):
        low += 0.015 * (x - low)
        high += 0.4 * (np.tanh(5 * (x - low) + 0.3) - np.tanh(0.3) - high)
        after[k] = 0.7 * high
    return after


def write(path: Path, sound: Array) -> None:
    """Write samples in [-1, 1) as 16 bits."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(np.rint(32768 * sound).astype("<i2").tobytes())


def read(path: Path) -> Array:
    """Return the samples of a file of 16 bits."""
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768


def command(*words: object) -> None:
    """Run a command of hiddenstate in the folder, and print it with what it says."""
    print("$ hiddenstate", *words)
    start = [sys.executable, "-m", "hiddenstate", *map(str, words)]
    done = subprocess.run(start, cwd=folder, check=True, capture_output=True, text=True)
    said = (done.stdout + done.stderr).splitlines()
    print(*(line for line in said if "train loss" not in line), sep="\n")


tune = strings([(82.4, 0), (123.5, 0.01), (164.8, 0.02), (110, 0.4), (247, 0.8)])
new = strings([(98, 0), (146.8, 0.01), (196, 0.02), (370, 0.4)])
dry, wet = Path("dry.wav"), Path("wet.wav")
if len(sys.argv) > 3:
    dry, wet = Path(sys.argv[2]).resolve(), Path(sys.argv[3]).resolve()
else:
    write(folder / dry, tune)
    write(folder / wet, amplified(tune))
write(folder / "new.wav", new)

shutil.rmtree(folder / "amp", ignore_errors=True)  # an earlier run of this script
command(
    *("regress", dry, "--answers", wet, "--runs-dir", ".", "--name", "amp", "--view", "off"),
    *("--stateful", "--cell", "lstm", "--hidden-size", 12, "--loss", "esr"),
    *("--epochs", 80),  # by default three times as many, and half the error
)
command("predict", "amp", "new.wav", "--output", "amplified.wav", "--runs-dir", ".")
for to in ("c", "nam"):
    command("export", "amp", "--to", to, "--force", "--runs-dir", ".")
target, made = amplified(new), read(folder / "amplified.wav")
print(f"error-to-signal ratio: {np.sum((target - made) ** 2) / np.sum(target**2):.4f}")

compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
if compiler is None:
    sys.exit("no C compiler (cc, gcc or clang) is installed, so the program was not built")
program = folder.resolve() / "amplifier"
source = Path(__file__).with_name("amplifier.c")
subprocess.run([compiler, "-O2", "-I", folder, source, "-o", program, "-lm"], check=True)
played = [str(program), "new.wav", "from_c.wav"]
done = subprocess.run(played, cwd=folder, check=True, capture_output=True, text=True)
steps = np.abs(read(folder / "from_c.wav") - made).max() * 32768
print(f"the program in C: {done.stdout.strip()}")
print(f"largest difference of its samples, in steps of 16 bits: {steps:.0f}")
print(f"listen to {folder / 'new.wav'} and {folder / 'from_c.wav'}")
