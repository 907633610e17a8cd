"""Streams of nets in integers on emulated processors: the integers of numpy on each."""

import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hiddenstate.config import make_config
from hiddenstate.export.c.header import build
from hiddenstate.export.target import source_of
from hiddenstate.export.trial import trials_of
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.meaning import program_of
from hiddenstate.models.net import Net
from hiddenstate.program.calibrating import calibrated
from hiddenstate.program.layers import run_layers
from hiddenstate.program.program import Program
from hiddenstate.system.typing import Array
from tools.stress.processes import Outcome

FOLDER = Path(__file__).parent / "boards"
CORTEX = Path(__file__).parents[2] / "examples" / "cortex_m4"
THUMB = (
    *("-mthumb", "-mfloat-abi=soft", "-nostartfiles", "--specs=rdimon.specs"),
    *(f"-Wl,-T,{CORTEX / 'memory.ld'}", str(CORTEX / "startup.c")),
)
BOARD = ("qemu-system-arm", "-nographic", "-semihosting", "-icount", "shift=0")


@dataclass(frozen=True)
class Chip:
    """A processor.

    Parameters
    ----------
    compiler : tuple of str
        With the options of the processor.
    emulator : tuple of str
        What runs a program; nothing where it runs as it is.
    ticks : float
        Instructions, or cycles, of one tick that a program counts; 0 if it counts none.
    """

    compiler: tuple[str, ...]
    emulator: tuple[str, ...] = ()
    ticks: float = 0.0

    @property
    def missing(self) -> str | None:
        """The program that is not installed."""
        needed = (self.compiler[0], *self.emulator[:1])
        return next((name for name in needed if shutil.which(name) is None), None)


def _cortex(cpu: str, board: str, ticks: float, *sizes: str) -> Chip:
    compiler = ("arm-none-eabi-gcc", f"-mcpu={cpu}", *THUMB, *sizes)
    return Chip(compiler, (*BOARD, "-M", board, "-kernel"), ticks)


CHIPS = {
    "x86-64": Chip(("gcc",)),
    "x86-64, clang": Chip(("clang",)),
    "aarch64": Chip(("aarch64-linux-gnu-gcc", "-static"), ("qemu-aarch64",)),
    "Cortex-M0": _cortex(
        *("cortex-m0", "microbit", 62.5),
        *("-Wl,--defsym=FLASH_SIZE=256K", "-Wl,--defsym=RAM_SIZE=16K"),
    ),
    "Cortex-M3": _cortex("cortex-m3", "mps2-an385", 40),
    "Cortex-M4": _cortex("cortex-m4", "mps2-an386", 40),
    "AVR": Chip(
        ("avr-gcc", "-mmcu=atmega328p"), ("simavr", "-m", "atmega328p", "-f", "16000000"), 8
    ),
}
"""The instructions of a Cortex-M are counted by its clock, which advances by a nanosecond an
instruction (microbit 16 MHz, mps2 25 MHz), and the cycles of an AVR by a timer."""


def words_of(chip: Chip, steps: int, options: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return what compiles C of so many steps, without and with places of this checkout."""
    words = [*chip.compiler, "-Wall", "-Wextra", f"-DSTEPS={steps}", "-DNO_FLOAT", *options]
    places = ["-I", str(FOLDER), *(word for word in words if str(CORTEX) in word)]
    return [*(word for word in words if word not in places), "-x", "c"], places


def built(chip: Chip, header: str, steps: int, folder: Path, options: Sequence[str]) -> Path:
    """Return a program that reads so many steps."""
    (folder / "m.h").write_text(header)
    program, (words, places) = folder / "steps.elf", words_of(chip, steps, options)
    command = [*words, "-I", str(folder), *places, str(FOLDER / "steps.c"), "-o", str(program)]
    done = subprocess.run(command, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()[:2000]
    return program


def printed(chip: Chip, program: Path, seconds: float = 600) -> tuple[int, int]:
    """Return the checksum that a program prints, and the ticks of its steps (of an AVR, of one)."""
    command = [*chip.emulator, str(program)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds)
    text = (done.stdout + done.stderr).decode("ascii", "replace")  # qemu prints to stderr
    words = [word.strip(".") for line in text.splitlines() for word in _numbers(line)]
    assert len(words) == 2, text
    return int(words[0], 16), int(words[1], 16)


def _numbers(line: str) -> list[str]:
    """Return the words of a line that holds two numbers of eight places, without colours."""
    words = line.replace("\\x1b[32m", "").replace("\x1b[32m", "").split()
    places = [word.strip(".") for word in words]
    return words if len(words) == 2 and all(len(word) == 8 for word in places) else []


def given_steps(program: Program, steps: int) -> Array:
    """Return the integers (1, steps, I) that steps.c reads."""
    most = program.nets[0][0].format.most  # type: ignore[attr-defined]
    seed, values = 1, np.zeros(steps * program.width, np.int64)
    for i in range(len(values)):
        seed = (seed * 1664525 + 1013904223) & 0xFFFFFFFF
        value = (seed >> 16) - 32768
        size = 1 << (seed >> 8 & 3)
        values[i] = -(-value // size) if value < 0 else value // size  # as C divides
    return values.clip(-most, most).reshape(1, steps, program.width)


def checksum(program: Program, steps: int) -> int:
    """Return the checksum of the integers that a program answers."""
    x, layers = given_steps(program, steps), program.nets[0][1:-1]
    if program.decoder:
        code, _, _ = run_layers(program.nets[0][1:], x[0])
        own, _, _ = run_layers(program.nets[0][1:-1], x[0])
        rows, _, _ = run_layers(program.decoder[:-1], code)
        answers = np.concatenate([own, rows], axis=1)
    else:
        state, parts = program.state(1), []
        for t in range(steps):
            y, _, state = run_layers(layers, x[:, t : t + 1], None, state)
            parts.append(y.reshape(-1))
        answers = np.concatenate(parts)
    total = 2166136261
    for value in answers.ravel().tolist():
        total = ((total ^ (value & 0xFFFFFFFF)) * 16777619) & 0xFFFFFFFF
    return total


def net(cell: str, units: int, inputs: int, rank: int = 0, floats: bool = False) -> FittedModel:
    """Return a classifier of ten classes with random weights, in integers or in floats."""
    options: dict[str, object] = {"cell": cell, "hidden_size": units}
    options |= {"rank": rank} if rank else {}
    own = Net("classify", make_config("classify", options).model, inputs, 10)
    names = [f"class {i}" for i in range(10)]
    model = FittedModel(own, own.initial(1, "float32"), names, (28, inputs))
    if floats:
        return model
    program, trial = program_of(model), trials_of(model)[0]
    return model.in_integers(calibrated(program, program.kept(trial.X)))


NETS: dict[str, tuple[str, int, int, int]] = {
    "LSTM 28 -> 64": ("lstm", 64, 28, 0),
    "GRU 6 -> 32": ("gru", 32, 6, 0),
    "FastGRNN 6 -> 16": ("fastgrnn", 16, 6, 0),
    "FastGRNN 6 -> 16, rank 4": ("fastgrnn", 16, 6, 4),
    "RNN 6 -> 32": ("rnn", 32, 6, 0),
}

LEVELS = ("-O2", "-Os")


def every_chip(folder: Path, steps: int, say: Callable[[str], None]) -> Outcome:
    """Compare streams of so many steps on each processor that is installed, and say what a step
    takes: instructions of a Cortex-M, cycles of an AVR."""
    outcome = Outcome()
    for name, sizes in NETS.items():
        model = net(*sizes)
        header = build(source_of(model, "m", "int8"))[".h"].decode()
        expected = checksum(program_of(model), steps)
        for chip, own in CHIPS.items():
            if own.missing:
                outcome.counts[f"{chip} skipped: no {own.missing}"] += 1
                continue
            if chip == "AVR" and len(header) > 100_000:
                continue  # more flash than it has
            for level in (*LEVELS, "-O2 -DM_PLAIN"):
                program = built(own, header, steps, folder, level.split())
                found, ticks = printed(own, program, 3600)
                outcome.expect(found == expected, f"{name} on {chip}, {level}: other integers")
                outcome.done += 1
                count = ticks * own.ticks / (1 if chip == "AVR" else steps)
                say(f"{name}, {chip}, {level}: {count:,.0f} a step" if count else "")
    return outcome
