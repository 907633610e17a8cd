"""The same integers on every processor, emulated where it is another one, and their code's size."""

import shutil
import subprocess
from dataclasses import replace
from functools import cache

import pytest
from tools.stress.chips import CHIPS, CORTEX, FOLDER, checksum, net, printed, words_of

from hiddenstate.export.c.header import build
from hiddenstate.export.target import source_of
from hiddenstate.models.meaning import program_of
from tests.contract.integers import in_integers, integer_case
from tests.export import compiled

STEPS = 400

NAMES = (
    *(
        "lru, 16 bits",
        "lstm, 16 bits",
        "gru, 8 bits",
        "fastgrnn of rank 2, 16 bits",
        "rnn relu, 16 bits",
    ),
    *("pooling causal stem, mean, 16 bits", "autoencoder, tanh, 8 bits", "sparse lstm, 16 bits"),
)

WAYS = (
    *(("x86-64", (level,)) for level in ("-O0", "-O1", "-O2", "-O3", "-Os")),
    *(("x86-64, clang", (level,)) for level in ("-O0", "-O2")),
    ("x86-64", ("-O2", "-DM_PLAIN")),
    ("aarch64", ("-O2",)),
    ("Cortex-M0", ("-Os",)),
    ("Cortex-M3", ("-O2",)),
    ("Cortex-M4", ("-O2",)),
    ("Cortex-M4", ("-O2", "-DM_PLAIN")),
    ("AVR", ("-Os",)),
    ("AVR", ("-O2", "-DM_PLAIN")),
)


def built(chip, header, steps, folder, options):
    """A program that reads so many steps, compiled when it, the boards or the compiler are new."""
    program, (words, places) = folder / "steps.elf", words_of(chip, steps, options)
    (folder / "m.h").write_text(header)
    texts = {path.name: path.read_bytes() for own in (FOLDER, CORTEX) for path in own.iterdir()}
    places = ["-I", str(folder), *places]
    compiled.build(program, words, b'#include "steps.c"\n', {**texts, "m.h": header}, places)
    return program


@cache
def header_and_sum(name: str) -> tuple[str, int]:
    model = integer_case(name).model
    header = build(source_of(model, "m", "int8"))[".h"].decode()
    return header, checksum(program_of(model), STEPS)


@pytest.mark.parametrize(("chip", "options"), WAYS)
def test_a_processor_computes_the_integers_of_the_program(chip, options, tmp_path) -> None:
    own = CHIPS[chip]
    if own.missing:
        pytest.skip(f"{own.missing} is not installed")
    plain = "-DM_PLAIN" in options  # a second time on the same processor
    names = (
        NAMES[len("".join(options)) % 3 :: 3]
        if chip.startswith("x86")
        else NAMES[plain :: 1 + plain]
    )
    for name in names:
        header, expected = header_and_sum(name)
        found, _ = printed(own, built(own, header, STEPS, tmp_path, options))
        assert found == expected, name


@pytest.mark.parametrize(
    ("chip", "cell", "inputs", "rank"),
    [
        *(("x86-64", "lstm", 17, 0), ("x86-64, clang", "gru", 28, 0), ("x86-64", "gru", 23, 0)),
        *(("x86-64, clang", "fastgrnn", 2, 3), ("x86-64", "rnn", 34, 0)),
    ],
)
def test_four_units_at_once_compute_the_integers_of_the_program(
    chip, cell, inputs, rank, tmp_path
) -> None:
    """On x86-64, where their number is a multiple of four; also of sums that are cut."""
    own = CHIPS[chip]
    if own.missing:
        pytest.skip(f"{own.missing} is not installed")
    small = net(cell, 12, inputs, rank, floats=True)
    large = {name: 40 * a if a.ndim > 1 else a for name, a in small.params.items()}
    for floats in (small, replace(small, params=large)):
        model = in_integers(floats)
        header = build(source_of(model, "m", "int8"))[".h"].decode()
        found, _ = printed(own, built(own, header, 200, tmp_path, ("-O2",)))
        assert found == checksum(program_of(model), 200)


@pytest.mark.parametrize("level", ["-Os", "-O2"])
@pytest.mark.skipif(shutil.which("avr-gcc") is None, reason="avr-gcc is not installed")
def test_code_is_small_on_an_avr(level, tmp_path) -> None:
    (tmp_path / "m.h").write_text(header_and_sum("lstm, 16 bits")[0])
    source = '#define M_IMPLEMENTATION\n#include "m.h"\n'
    words = ["avr-gcc", "-mmcu=atmega328p", "-DNO_FLOAT", level, "-c", "-x", "c", "-", "-o", "m.o"]
    subprocess.run(words, cwd=tmp_path, input=source.encode(), check=True)
    done = subprocess.run(["avr-size", "-A", "m.o"], cwd=tmp_path, capture_output=True, check=True)
    rows = [line.split() for line in done.stdout.decode().splitlines()]
    assert sum(int(row[1]) for row in rows if row and row[0] == ".text") <= 2048
