"""Exported C headers compiled as one program, and exported pages run in one process of node."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from hiddenstate.export.html.node import data_text, program_text
from hiddenstate.export.python.file import packed
from hiddenstate.export.trial import Trial
from hiddenstate.system.typing import Array
from tests.contract.reference import Case, Reply
from tests.export.compiled import build, sanitized

# C.

STRICT = (
    *("-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wdouble-promotion"),
    "-Werror",
)
"""Options with which headers have no warning."""

START = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static float given[10000], found[10000], spare[100000];
static int steps_of_row(void)
{
    int steps = 0;
    return fread(&steps, sizeof steps, 1, stdin) == 1 ? steps : 0;
}
static void read_row(int n)
{
    if (fread(given, sizeof(float), (size_t)n, stdin) != (size_t)n)
        exit(1);
}
static void answer(int status, int n)
{
    int i;
    for (i = 0; status && i < n; i++)
        found[i] = (float)NAN;
    fwrite(found, sizeof(float), (size_t)n, stdout);
}
"""

RECURRENT = """
static void @_answers(void)
{
    int steps;
    while ((steps = steps_of_row()) > 0) {
        read_row(steps * $_FEATURES);
        if ((size_t)$_SCRATCH(steps) * sizeof(float) > sizeof spare)
            exit(2);
        answer(@_run(given, steps, found, spare), WHOLE * $_OUTPUTS);
#if STREAMS
        {
            @_state one, two;
            int t, handed;
            for (handed = 0; handed < 2; handed++) {
                @_reset(&one);
                for (t = 0; t < steps; t++) {
                    if (handed && t == steps / 2) {
                        two = one;
                        @_reset(&one);
                    }
                    answer(@_step(handed && t >= steps / 2 ? &two : &one,
                                  given + t * $_FEATURES, found), $_OUTPUTS);
                }
            }
        }
#endif
    }
}
"""

CODES = """
static void @_answers(void)
{
    while (steps_of_row() > 0) {
        read_row($_FEATURES);
        answer(@_run(given, found, found + $_CODE, found + $_CODE + $_FEATURES),
               $_CODE + $_FEATURES + 1);
    }
}
"""


def c_program(headers: Sequence[str], cases: Sequence[Case]) -> str:
    """Return a program of headers with the prefixes m0, m1, ..., which answers their cases."""
    parts = ["#include <math.h>\n", START]
    for number, (header, case) in enumerate(zip(headers, cases, strict=True)):
        every = case.model.net.job == "regress" and case.model.net.output == "steps"
        text = CODES if case.ragged is None else RECURRENT
        text = text.replace("WHOLE", "steps" if every else "1")
        text = text.replace("STREAMS", str(int(case.whole.stream is not None)))
        text = text.replace("@", f"m{number}").replace("$", f"M{number}")
        parts.append(f"#define M{number}_IMPLEMENTATION\n{header}{text}")
    calls = "".join(f"    m{number}_answers();\n" for number in range(len(cases)))
    return "".join([*parts, f"int main(void)\n{{\n{calls}    return 0;\n}}\n"])


def answers_in_c(headers: Sequence[str], cases: Sequence[Case], strict: bool) -> list[Reply]:
    """Return what headers answer to their cases: one compiler, one process."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    options = [*STRICT, *sanitized()[1:]] if strict else []
    options = [each for each in options if each != "-g"]  # and so faster
    with TemporaryDirectory() as folder:
        program = Path(folder) / "answers"
        words = [compiler, "-std=c99", *options, "-x", "c"]
        build(program, words, c_program(headers, cases).encode())
        asked = b"".join(_rows_in_c(case) for case in cases)
        done = subprocess.run([program], input=asked, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()[:2000]
    numbers = iter(np.frombuffer(done.stdout, np.float32))
    return [_reply_in_c(case, numbers) for case in cases]


def _rows_in_c(case: Case) -> bytes:
    parts = []
    for trial in case.trials:
        for row, end in zip(trial.X.astype(np.float32), ends_of(trial), strict=True):
            parts += [np.int32(end).tobytes(), (row if row.ndim == 1 else row[:end]).tobytes()]
    return b"".join([*parts, np.int32(0).tobytes()])


def _reply_in_c(case: Case, numbers: Any) -> Reply:
    """Return the answers of a model from the numbers that the program printed."""

    def take(*shape: int) -> Array:
        return np.array([next(numbers) for _ in range(int(np.prod(shape)))]).reshape(shape)

    reply: Reply = {}
    for question, trial in zip(("rows", "unequal"), case.trials, strict=False):
        parts: dict[str, list[Array]] = {name: [] for name in trial.answers if name != "class"}
        steps: tuple[list[Array], list[Array]] = [], []
        for end in ends_of(trial):
            for name, own in parts.items():
                found = np.zeros(trial.answers[name].shape[1:])
                read = found[:end] if found.ndim == 2 else found
                read[...] = take(*read.shape)
                own.append(found.astype(np.float32))
            for each in steps if case.whole.stream is not None else ():
                each.append(take(end, case.model.net.n_outputs))
        reply[question] = {name: np.array(own) for name, own in parts.items()}
        if case.whole.stream is not None and question == "rows":
            (name,) = case.whole.stream
            reply["steps"], reply["handed over"] = ({name: np.array(each)} for each in steps)
    return reply


def ends_of(trial: Trial) -> list[int]:
    """Return the number of steps of each row; 1 of rows without steps."""
    steps = trial.X.shape[1] if trial.X.ndim == 3 else 1
    return [steps] * len(trial.X) if trial.lengths is None else trial.lengths.tolist()


# JavaScript.

DRIVER = """
const plain = (value) => (value.length === undefined ? value : Array.from(value, plain));
function handed(model, steps) {
  const [first, second] = [model.stream(), model.stream()];
  const half = steps.length >> 1;
  const before = steps.slice(0, half).map((step) => first.step(step));
  for (const key of Object.keys(first)) {
    if (key !== "model" && key !== "net") second[key] = structuredClone(first[key]);
  }
  first.reset();
  return [...before, ...steps.slice(half).map((step) => second.step(step))];
}
function replyOf({ program, trials, stream }) {
  const model = new Model(unpacked(program));
  const I = program.n_features;
  return trials.map(({ X, T, lengths }) => {
    const values = numbersOf(X);
    return lengths.map((length, row) => {
      const at = (t) => values.subarray((row * T + t) * I, (row * T + t + 1) * I);
      const steps = Array.from({ length }, (_, t) => at(t));
      const { states, ...answers } = model.predict(steps);
      if (stream) {
        const reader = model.stream();
        answers.steps = steps.map((step) => Object.values(reader.step(step))[0]);
        answers.handed = handed(model, steps).map((each) => Object.values(each)[0]);
      }
      return Object.fromEntries(Object.entries(answers).map(([name, each]) => [name, plain(each)]));
    });
  });
}
"""


def answers_in_node(pages: Sequence[str], cases: Sequence[Case]) -> list[Reply]:
    """Return what the interpreters of pages answer to their cases, in one process."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    groups: dict[str, list[int]] = {}
    for number, page in enumerate(pages):
        groups.setdefault(program_text(page), []).append(number)
    scripts = ["const found = {};\n"]
    for text, numbers in groups.items():
        asked = {n: {"page": data_text(pages[n]), **_asked_in_node(cases[n])} for n in numbers}
        scripts.append(
            f"(() => {{\n{text}\n{DRIVER}\n"
            f"for (const [n, {{ page, ...asked }}] of Object.entries({json.dumps(asked)})) {{\n"
            "found[n] = replyOf({ ...asked, program: JSON.parse(page).program });\n}\n})();\n"
        )
    script = "".join([*scripts, "console.log(JSON.stringify(found));\n"])
    done = subprocess.run([node, "-"], input=script, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr[:2000]
    found = json.loads(done.stdout)
    return [_reply_in_node(case, found[str(n)]) for n, case in enumerate(cases)]


def _asked_in_node(case: Case) -> dict[str, Any]:
    trials = [
        {
            "X": packed(np.asarray(trial.X, np.float64), ()),
            "T": trial.X.shape[1] if trial.X.ndim == 3 else 1,
            "lengths": ends_of(trial),
        }
        for trial in case.trials
    ]
    return {"trials": trials, "stream": case.whole.stream is not None}


def _reply_in_node(case: Case, found: list[list[dict[str, Any]]]) -> Reply:
    reply: Reply = {}
    for question, trial, rows in zip(("rows", "unequal"), case.trials, found, strict=False):
        reply[question] = {
            name: _rows_of(own, [row[name] for row in rows])
            for name, own in trial.answers.items()
            if name != "class"
        }
    if case.whole.stream is not None:
        for question, key in (("steps", "steps"), ("handed over", "handed")):
            reply[question] = {
                name: np.array([row[key] for row in found[0]]) for name in case.whole.stream
            }
    return reply


def _rows_of(expected: Array, rows: list[Any]) -> Array:
    """Return answers of rows in the shape that is expected, 0 after the end of a row."""
    found = np.zeros(expected.shape)
    for number, row in enumerate(rows):
        values = np.array(row, np.float64)
        if expected.ndim == 3:
            found[number, : len(values)] = values
        else:
            found[number] = values.reshape(expected.shape[1:])
    return found
