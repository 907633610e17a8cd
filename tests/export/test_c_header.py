"""The C header: its answers, what it refuses, and that it needs nothing of a target."""

import re
import subprocess
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.config import make_config
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.export import export_model
from hiddenstate.export.c import header as c_header
from hiddenstate.export.c import run as c_run
from hiddenstate.export.c.arrays import arrays_of
from hiddenstate.export.c.layout import layout_of
from hiddenstate.export.int8 import stored
from hiddenstate.export.target import Source, source_of
from hiddenstate.export.trial import difference, float_rounding, scale_of
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net
from tests.export.compiled import checked, compiled, sanitized, tool
from tests.export.models import random_model

LIMIT = 2e-6
CORTEX = Path(__file__).parents[2] / "examples" / "cortex_m4"


def header_of(model: Any, weights: str = "float32", name: str = "m") -> tuple[Source, str]:
    source = source_of(model, name, weights, stored)
    return source, c_header.build(source)[".h"].decode()


def largest(source: Source, answers_to: Any) -> float:
    """The largest difference of the answers to the trials of a model, by their scale, beyond the
    rounding of numbers in float32."""
    trials, found = source.trials, 0.0
    scale = scale_of(source.model, trials)
    for trial in trials:
        answers, stream = answers_to(trial)
        spare = float_rounding(answers, trial.answers, scale)
        found = max(found, trial.difference(answers) - spare)
        if trial.stream is not None:
            found = max(found, difference(stream, trial.stream) - spare)
    return found / scale


FIXED: dict[str, Any] = {"job": "classify", "missing": "mask", "stem": True}


@pytest.mark.parametrize(
    ("seed", "weights", "wanted"),
    [
        (4, "float32", {}),
        (14, "float32", {}),
        (36, "float32", {}),
        (1, "float32", {"convolutions": 0.25, "steps": 14, **FIXED}),
        (2, "int8", {"convolutions": 0.75, "steps": 23, **FIXED}),
    ],
)
def test_a_header_is_cpp_as_well_and_tests_itself(seed, weights, wanted, tmp_path):
    _, header = header_of(random_model(seed, **wanted), weights)
    text = f"#define M_SELFTEST\n{header}"
    options = (*sanitized(), "-Wold-style-cast")
    assert "passed" in checked(compiled(tmp_path, text, *options, compiler="g++"))


def test_a_program_in_cpp_reserves_scratch_without_casts_of_c(tmp_path):
    _, header = header_of(random_model(3, job="classify", bidirectional=True))
    (tmp_path / "m.h").write_text(header)
    text = "#include <stdio.h>\n#define M_IMPLEMENTATION\n" + textwrap.dedent("""
        #include "m.h"
        int main() {
            float x[2 * M_FEATURES] = {}, y[M_OUTPUTS], scratch[M_SCRATCH(2)];
            printf("%d", m_run(x, 2, y, scratch) == M_OK);
        }
    """)
    assert checked(compiled(tmp_path, text, "-Wold-style-cast", compiler="g++")) == "1"


@pytest.mark.parametrize("level", ["-O2", "-O3"])
def test_a_header_gives_the_answers_of_the_model_on_32_bits_without_a_warning(level, tmp_path):
    (tmp_path / "main.c").write_text("#include <stdio.h>\nint main(void) { return 0; }\n")
    words = [tool("gcc"), "-m32", tmp_path / "main.c", "-o", tmp_path / "main"]
    if subprocess.run(words, capture_output=True).returncode:
        pytest.skip("gcc has no libraries of 32 bits (gcc-multilib)")
    for seed, cell in enumerate(("lstm", "gru", "rnn")):
        wanted: dict[str, Any] = {"job": "classify", "cell": cell, "hidden_size": 32, "layers": 1}
        _, header = header_of(random_model(seed, stem=False, members=1, **wanted))
        program = compiled(tmp_path, f"#define M_SELFTEST\n{header}", "-m32", level)
        assert "passed" in checked(program)


def test_without_a_compiler_the_report_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    report = export_model(random_model(3, job="classify"), "c", tmp_path / "m.h")
    assert "in float32, without a C compiler" in report.computed_by
    assert report.difference < LIMIT


def test_a_compiler_that_does_not_work_counts_as_none(tmp_path, monkeypatch):
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    monkeypatch.setattr(c_run, "COMPILERS", ("cc",))
    assert c_run.find_compiler() is None


@pytest.mark.parametrize(
    ("seed", "wanted"),
    [
        (1, {"job": "regress", "linear": True, "missing": "forward", "steps": 5}),
        (2, {"job": "classify", "bidirectional": True, "stem": True, "members": 3}),
        (3, {"job": "classify", "bidirectional": False, "stem": False, "members": 1}),
        (4, {"job": "autoencode"}),
        (1, {"job": "classify", "convolutions": 0.25, "steps": 14}),
    ],
)
def test_an_object_has_no_globals_that_change_and_calls_no_malloc(seed, wanted, tmp_path):
    _, header = header_of(random_model(seed, **wanted))
    # A second inclusion changes nothing.
    text = "#define M_IMPLEMENTATION\n" + 2 * '#include "m.h"\n'
    (tmp_path / "m.h").write_text(header)
    symbols = checked(tool("nm"), compiled(tmp_path, text, "-O2", "-fno-pic", "-c"))
    assert not re.findall(r" [BCDbcds] .*", symbols)
    needed = set(re.findall(r" U (\w+)", symbols))
    own = {"exp", "log", "log1p", "nextafterf"} if "convolutions" in wanted else {"expf", "logf"}
    assert needed <= own | {"memcpy", "memset", "__stack_chk_fail"}


STATUSES = """
#define M_IMPLEMENTATION
#include "m.h"
#include <stdio.h>
int main(void)
{
    static float x[12 * M_FEATURES], y[12 * M_OUTPUTS], scratch[12 * 200];
    m_state one, two;
    int i;
    for (i = 0; i < 12 * M_FEATURES; i++)
        x[i] = 0.5f + (float)i / 100.0f;
    m_reset(&one);
    m_step(&one, x, y);
    printf("%d ", m_run(x, 12, y, scratch));
    printf("%d ", m_run(x, 0, y, scratch));
    printf("%d ", y[0] != y[0]);
    for (i = 0; i < 4; i++) {
        x[0] = i == 0 ? NAN : i == 1 ? -INFINITY : i == 2 ? -1.0f : 3e38f;
        two = one;
        printf("%d ", m_step(&one, x, y));
        printf("%d ", y[0] != y[0] && y[M_OUTPUTS - 1] != y[M_OUTPUTS - 1]);
        printf("%d ", memcmp(&one, &two, sizeof one) == 0);
    }
    LAST
    return 0;
}
"""


def statuses(tmp_path: Path, last: str, **wanted: Any) -> list[str]:
    fixed = {"bidirectional": False, "stem": False, "members": 1, "pixels": False} | wanted
    model = random_model(11, **fixed)
    scaling = model.transform.scaling
    assert scaling is not None
    steep = (scaling[0], np.abs(scaling[1]) * 0 + 100)
    model = replace(model, transform=replace(model.transform, scaling=steep))
    (tmp_path / "m.h").write_text(header_of(model)[1])
    program = compiled(tmp_path, STATUSES.replace("LAST", last), *sanitized())
    return checked(program).split()


def test_inputs_that_a_classifier_refuses_never_give_a_class(tmp_path):
    last = r'printf("%d %s.", m_class(y), m_label(m_class(y)));'
    found = statuses(tmp_path, last, job="classify", missing="error")
    missing, large, read = ["-1", "1", "1"], ["-3", "1", "1"], ["0", "0", "0"]
    assert found == ["0", "-4", "1", *missing, *missing, *read, *large, "-1", "."]


def test_logarithms_of_nothing_are_refused(tmp_path):
    found = statuses(tmp_path, "", job="regress", missing="mean", linear=True, log=True)
    filled, refused = ["0", "0", "0"], ["-2", "1", "1"]
    assert found[:12] == ["0", "-4", "1", *filled, *refused, *refused]


@pytest.mark.parametrize(
    "wanted",
    [
        {"job": "regress", "cell": "lstm", "output": "steps", "missing": "forward"},
        {"job": "classify", "cell": "gru", "readout": "mean", "missing": "error"},
    ],
)
def test_ten_thousand_steps_stay_within_1e_5(wanted, tmp_path):
    fixed: dict[str, Any] = {"bidirectional": False, "stem": False, "members": 1, "layers": 1}
    fixed["linear"] = False
    source, header = header_of(random_model(8, **fixed, **wanted))
    T = 10_000
    trial = source.trials[0]
    X = np.resize(trial.X[0], (1, T, source.program.n_features))
    long = replace(trial, X=X, stream=None)
    expected = source.program.predict(X)
    program = compiled(tmp_path, c_run.header_program(source, header), "-O2")
    answers, _ = c_run._parsed(
        source, checked(program, given=c_run._rows_text(long)).splitlines(), long
    )
    scale = scale_of(source.model, [trial])
    assert difference(answers, expected) <= 1e-5 * scale + float_rounding(answers, expected, scale)


def test_bytes_take_a_quarter_and_a_scale_for_each_row():
    """The net of the classic digits: 28 numbers a step, 64 units, 10 classes."""
    net = Net("classify", make_config("classify", {}).model, 28, 10)
    classes = [str(i) for i in range(10)]
    transform = Transform(pixels=True)
    model = FittedModel(net, net.initial(1, "float32"), classes, (28, 28), False, transform)
    sizes = {
        weights: layout_of(source_of(model, "m", weights, stored).program, weights).flash
        for weights in ("float32", "int8")
    }
    assert sizes["int8"] <= 0.28 * sizes["float32"]


def test_bytes_are_those_nearest_to_the_weights():
    model = random_model(6, job="classify", cell="lstm", stem=False, members=1)
    arrays = arrays_of(header_of(model, "int8")[1])
    steps = arrays["m_head0_weight"].reshape(-1, model.net.n_outputs).T
    found = steps * arrays["m_head0_weight_scale"][:, None].astype(float)
    weight = model.params["out.weight"]
    assert (np.abs(steps).max(axis=1) == 127).all()
    half = np.abs(weight).max(axis=1, keepdims=True) / 254
    assert (np.abs(found - weight) <= half * 1.001).all()


NAMES = [
    *('say "no"', "back\\slash", "what??/ever", "*/ int", "a@b $c WEIGHT", "été 雪", "two\nlines"),
    "",
]


def test_names_of_any_text_are_given_back(tmp_path):
    model = random_model(5, job="classify", missing="error")
    net = replace(model.net, n_outputs=len(NAMES))
    params = net.initial(1, "float32")
    names = tuple(f"{name} # end" for name in NAMES[: model.n_features])
    transform = replace(model.transform, columns=names)
    model = replace(model, net=net, params=params, classes=NAMES, transform=transform)
    (tmp_path / "m.h").write_text(header_of(model)[1])
    text = """#define M_IMPLEMENTATION
#include "m.h"
#include <stdio.h>
int main(void)
{
    int i;
    for (i = -1; i <= M_OUTPUTS; i++)
        printf("[%s]", m_label(i));
    return 0;
}
"""
    for compiler in ("gcc", "g++"):
        found = checked(compiled(tmp_path, text, compiler=compiler))
        assert found == "".join(f"[{name}]" for name in ["", *NAMES, ""])


def test_a_header_runs_on_a_cortex_m4(tmp_path):
    """Compiled for the processor, and run on an emulated board."""
    compiler, emulator = tool("arm-none-eabi-gcc"), tool("qemu-system-arm")
    model = random_model(7, job="classify", cell="lstm", bidirectional=False, stem=False, members=1)
    (tmp_path / "m.h").write_text(header_of(model, "int8")[1])
    (tmp_path / "m.c").write_text('#define M_SELFTEST\n#include "m.h"\n')
    cpu = ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16")
    linked = ("--specs=rdimon.specs", "-nostartfiles", "-T", CORTEX / "memory.ld")
    files = (CORTEX / "startup.c", tmp_path / "m.c", "-lm", "-o", tmp_path / "m.elf")
    checked(compiler, "-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", *cpu, *linked, *files)
    board = ("-M", "mps2-an386", "-nographic", "-semihosting-config", "enable=on,target=native")
    assert "passed" in checked(emulator, *board, "-kernel", tmp_path / "m.elf")


def test_targets_far_larger_than_their_scale_may_be_rounded_to_float(tmp_path):
    """Around a million a float has steps of 1/16: the limit is that, and no more."""
    model = random_model(3, job="regress", cell="gru", linear=False, missing="error", pixels=False)
    factor = np.ones(model.net.n_outputs)
    transform = replace(model.transform, target_scaling=(1e6 * factor, factor))
    report = export_model(replace(model, transform=transform), "c", tmp_path / "m.h")
    assert report.difference <= report.limit
    assert 1e6 * 2**-23 < report.limit < 1.2e6 * 2**-23 + LIMIT
