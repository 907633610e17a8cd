"""From a CSV file to a program on a Cortex-M4, which an emulator runs: a net in integers.

The file has 120 gestures of 30 steps, made by formula: circles, shakes and taps, as an
accelerometer with three axes sees them.

Usage: python gestures_on_chip.py [FOLDER]
(needs arm-none-eabi-gcc with newlib, and qemu-system-arm)
"""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "examples-output")
folder.mkdir(parents=True, exist_ok=True)
HERE = Path(__file__).resolve().parent
CHIP = HERE / "cortex_m4"


def gestures(n: int, seed: int) -> list[str]:
    """Return lines of n gestures: number, three accelerations in g, and the name of the gesture."""
    own, lines = np.random.default_rng(seed), []
    for number in range(n):
        t, name = np.arange(30), ("circle", "shake", "tap")[number % 3]
        angle = t * own.uniform(0.25, 0.4) + own.uniform(0, 6)
        x = {
            "circle": np.stack([np.cos(angle), np.sin(angle), 0 * t]),
            "shake": np.stack([np.sin(4 * angle), 0 * t, 0 * t]),
            "tap": np.stack([0 * t, 0 * t, 2 * np.exp(-(((t - own.uniform(8, 20)) / 1.5) ** 2))]),
        }[name]
        x = own.uniform(0.5, 1) * x + [[0], [0], [1]] + own.normal(0, 0.3, x.shape)
        lines += [",".join([str(number), *(f"{v:.3f}" for v in step), name]) for step in x.T]
    return lines


def command(*words: object) -> str:
    """Run a command of hiddenstate in the folder, print it with what it says, and return that."""
    print("$ hiddenstate", *words)
    start = [sys.executable, "-m", "hiddenstate", *map(str, words), "--runs-dir", "."]
    done = subprocess.run(start, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout + done.stderr


(folder / "gestures.csv").write_text("\n".join(["id,x,y,z,gesture", *gestures(120, 0)]) + "\n")
new = [line.rpartition(",")[0] for line in gestures(30, 1)]
(folder / "new.csv").write_text("\n".join(["id,x,y,z", *new]) + "\n")

shutil.rmtree(folder / "gestures", ignore_errors=True)  # an earlier run of this script
said = command(
    *("classify", "gestures.csv", "--streamable", "--quantize", "int8"),
    *("--cell", "fastgrnn", "--hidden-size", 16, "--name", "gestures", "--view", "off"),
    *("--max-steps", 200),  # by default 800
)
wanted = ("test accuracy", "note: the net")
print(*(line for line in said.splitlines() if line.startswith(wanted)), sep="\n")
command("predict", "gestures", "new.csv", "--proba", "--output", "predicted.csv")
print(command("export", "gestures", "--to", "c", "--force"), end="")

compiler, emulator = shutil.which("arm-none-eabi-gcc"), shutil.which("qemu-system-arm")
if compiler is None or emulator is None:
    sys.exit("the program was not built: install arm-none-eabi-gcc, newlib and qemu-system-arm")
build: list[str | Path] = [
    *("arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"),
    *("-O2", "--specs=rdimon.specs", "-nostartfiles", "-T", CHIP / "memory.ld", "-I", "."),
    *(CHIP / "startup.c", HERE / "gestures_on_chip.c", "-lm", "-o", "gestures.elf"),
]
board: list[str | Path] = [
    *("qemu-system-arm", "-M", "mps2-an386", "-display", "none", "-serial", "none"),
    *("-monitor", "none", "-semihosting-config", "enable=on,target=native"),
    *("-kernel", "gestures.elf"),
]
print("$", *(each.name if isinstance(each, Path) else each for each in build))
subprocess.run(build, cwd=folder, check=True)
print("$", *board, "< new.csv")
with (folder / "new.csv").open() as given:
    done = subprocess.run(
        board, cwd=folder, stdin=given, check=True, stdout=subprocess.PIPE, text=True
    )
answers = [line.split(",") for line in done.stdout.splitlines()]
lines = (folder / "predicted.csv").read_text().splitlines()[1:]
expected = [line.split(",") for line in lines]
same = sum(own[:2] == other[:2] for own, other in zip(answers, expected, strict=True))
numbers = np.array([own[2:] for own in answers], float), np.array([e[2:] for e in expected], float)
print(done.stdout.splitlines()[0], "...", sep="\n")
print(f"the class that predict gives: {same} of {len(expected)} gestures")
print(f"largest difference of a probability: {np.abs(numbers[0] - numbers[1]).max():.0e}")
