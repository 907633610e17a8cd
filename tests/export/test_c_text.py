"""The C that headers are made of: a compiler reads it alone, and a model takes what it needs."""

import re
from pathlib import Path

import pytest

from hiddenstate.export.c.layout import layout_of
from hiddenstate.export.c.text import reduced, text_of
from hiddenstate.models.meaning import program_of
from tests.contract.forecasts import MODELS, source
from tests.contract.models import KINDS, model_of
from tests.export.compiled import STRICT, checked, tool

FOLDER = Path(__file__).parents[2] / "src" / "hiddenstate" / "export" / "c"
"""The sources, with the samples that a compiler reads them with and a wheel leaves out."""

TEXT = """\
#if HAS_A
a
#elif HAS_B && !HAS_C
b
#ifdef OTHER
other
#else
not other
#endif
#elif HAS_B || HAS_C
b or c
#else
none
#endif
#if !HAS_A
not a
#endif
"""


@pytest.mark.parametrize(
    ("has", "kept"),
    [
        ("A", "a"),
        ("AB", "a"),
        ("B", "b|#ifdef OTHER|other|#else|not other|#endif|not a"),
        ("BC", "b or c|not a"),
        ("C", "b or c|not a"),
        ("", "none|not a"),
    ],
)
def test_parts_that_hold_are_kept(has: str, kept: str) -> None:
    assert reduced(TEXT, set(has)).split() == kept.replace("|", "\n").split()


def compiles(*options: str) -> None:
    """A compiler reads model.c with the sample beside it, without a warning."""
    words = ("-x", "c", "-std=c99", *STRICT, "-Werror", *options, "-DMODEL_SELFTEST")
    checked(tool("gcc"), *words, "-c", FOLDER / "model.c", "-o", "/dev/null")


@pytest.mark.parametrize(
    "more", ["", "STREAMS", "BYTES", "AUTOENCODER BYTES", "FIXED BYTES", "FIXED CHANNELS"]
)
def test_a_compiler_reads_everything_alone(more: str) -> None:
    compiles("-Wno-unused-function", *(f"-DHAS_{name}=1" for name in more.split()))


def test_a_compiler_reads_what_each_kind_of_model_needs() -> None:
    """Functions that a model does not need would be warnings. No part is of no model."""
    parts = set[str]()
    programs = {name: program_of(model_of(name)) for name in KINDS}
    for name, program in {**programs, **{n: source(n).program for n in MODELS}}.items():
        layout = layout_of(program, "int8" if "rnn" in name else "float32")
        layout.has |= {"NAMES"} if layout.program.job != "autoencode" else set()
        if layout.has - parts:
            compiles("-DHAS_CHOSEN", *(f"-DHAS_{each}=1" for each in layout.has))
            parts |= layout.has
    files = [*FOLDER.glob("*.c"), *FOLDER.glob("*.h")]
    used = {part for file in files for part in re.findall(r"\bHAS_(\w+)", file.read_text())}
    assert used <= parts | {"INTEGERS"}


def test_a_text_is_renamed_but_not_what_it_is_given() -> None:
    given = {f"sample/{name}.h": f'"model_ MODEL_ {name}"' for name in ("sizes", "arrays")}
    text = text_of("model.c", "own", {"RECURRENT"}, {**given, "sample/vectors.h": ""})
    assert "own_layer" in text
    assert re.findall(r"\w*model_\w*|MODEL_\w*", text, re.IGNORECASE) == ["model_", "MODEL_"] * 2
    assert "HAS_" not in text
    assert '#include "' not in text
