"""Headers in integers: their answers, what they refuse, and that they need no float."""

import re
from pathlib import Path

import pytest

from hiddenstate.errors import DataError, OptionError
from hiddenstate.export import export_model
from hiddenstate.export.c import run as c_run
from hiddenstate.export.c.header import build
from hiddenstate.export.c.integer_header import integers_of
from hiddenstate.export.target import source_of
from tests.contract.integers import integer_case
from tests.contract.programs import answers_in_c
from tests.contract.translations import differences
from tests.export.compiled import checked, compiled, tool

LIMIT = 2e-6
KINDS = (
    *(
        "lstm, 16 bits",
        "lru, 16 bits",
        "mingru, 16 bits",
        "sparse lstm, 16 bits",
        "gru, 8 bits",
        "rnn relu, 16 bits",
        "rnn tanh, 8 bits",
    ),
    *(
        "fastgrnn of rank 2, 16 bits",
        "mask, 16 bits",
        "three layers, 8 bits",
        "far, filled, 16 bits",
    ),
    *("pooling causal stem, mean, 16 bits", "causal stem, change, 16 bits"),
    *("input skip of pixels, 8 bits", "autoencoder, tanh, 8 bits", "autoencoder, sigmoid, 16 bits"),
)
"""Of the contract, at least one of each kind of layer, step and answer."""

OF_INTEGERS = {"memcpy", "memset", "memmove", "__aeabi_lmul", "__aeabi_llsl", "__aeabi_lasr"}
"""What an object may call: those of 64 bits are for sums that are rescaled to more than 2^-16."""


def header_of(name: str, own: str = "m") -> str:
    return build(source_of(integer_case(name).model, own, "int8"))[".h"].decode()


def test_headers_answer_as_their_programs() -> None:
    """Compiled with all warnings and sanitizers; also a state that is handed over."""
    cases = [integer_case(name) for name in KINDS]
    headers = [header_of(name, f"m{number}") for number, name in enumerate(KINDS)]
    for case, reply in zip(cases, answers_in_c(headers, cases, strict=True), strict=True):
        for question, (_, excess) in differences(case, reply).items():
            assert excess <= LIMIT, (case.name, question, excess)


@pytest.mark.parametrize(
    ("compiler", "options"),
    [
        ("gcc", ["-O3", "-DNO_FLOAT"]),
        ("gcc", ["-O0", "-DM_PLAIN"]),
        ("g++", ["-O2", "-Wold-style-cast"]),
        ("clang", ["-Os"]),
    ],
)
@pytest.mark.parametrize("name", ["lstm, 16 bits", "gru, 8 bits"])
def test_a_self_test_passes_everywhere(name, compiler, options, tmp_path) -> None:
    text = f"#define M_SELFTEST\n{header_of(name)}"
    program = compiled(tmp_path, text, *options, compiler=compiler)
    assert checked(program) == "0 integers differ in 2 rows: passed\n"


def test_an_object_without_floats_calls_nothing_of_them(tmp_path) -> None:
    """Soft-float routines would be undefined symbols on a processor that has no such unit."""
    compiler, nm = tool("arm-none-eabi-gcc"), tool("arm-none-eabi-nm")
    for name in ("lstm, 16 bits", "fastgrnn of rank 2, 16 bits", "autoencoder, tanh, 8 bits"):
        (tmp_path / "m.c").write_text(f"#define M_IMPLEMENTATION\n{header_of(name)}")
        words = ("-mcpu=cortex-m0", "-mthumb", "-Os", "-DNO_FLOAT", "-c", tmp_path / "m.c")
        checked(compiler, *words, "-o", tmp_path / "m.o")
        symbols = checked(nm, tmp_path / "m.o")
        assert not re.findall(r" [BDbd] .*", symbols)
        assert set(re.findall(r" U (\w+)", symbols)) <= OF_INTEGERS


def test_an_integer_that_differs_is_not_written(tmp_path, monkeypatch) -> None:
    def wrong(program, X):
        x, y = integers_of(program, X)
        return x, y + (y == y.max())

    monkeypatch.setattr(c_run, "integers_of", wrong)
    with pytest.raises(DataError, match="integers differ"):
        export_model(integer_case("lstm, 16 bits").model, "c", tmp_path / "m.h")
    assert not list(tmp_path.iterdir())


def test_without_a_compiler_the_arrays_of_the_header_are_compared(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    report = export_model(integer_case("gru, 8 bits").model, "c", tmp_path / "m.h")
    assert "without a C compiler" in report.computed_by
    assert report.weights == "int8"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("both directions, 16 bits", "answer after each step"),
        ("linear path, 16 bits", "cannot hold a linear path"),
    ],
)
def test_what_needs_whole_rows_or_floats_is_refused(name, reason, tmp_path) -> None:
    with pytest.raises(OptionError, match=f"--to c: .*{reason}.*; use --arithmetic float"):
        export_model(integer_case(name).model, "c", tmp_path / "m.h")


@pytest.mark.parametrize("words", ["arm-none-eabi-gcc -mcpu=cortex-m0", "avr-gcc -mmcu=atmega328p"])
def test_the_example_for_chips_compiles(words, tmp_path) -> None:
    compiler, option = words.split()
    (tmp_path / "net.h").write_text(header_of("lstm, 16 bits", "net"))
    strict = ("-std=gnu99", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-Os", "-DNO_FLOAT")
    example = Path(__file__).parents[2] / "examples" / "steps_on_chip.c"
    words = (*strict, "-I", tmp_path, "-c", example, "-o", tmp_path / "a.o")
    checked(tool(compiler), option, *words)
