"""Computes the answers of a C header: compiled, or with numpy where there is no compiler."""

import re
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from hiddenstate.errors import DataError, printable
from hiddenstate.export.c.arrays import arrays_of
from hiddenstate.export.c.content import Layout
from hiddenstate.export.c.integer_header import integers_of
from hiddenstate.export.c.integer_layout import IntegerLayout
from hiddenstate.export.c.integer_layout import layout_of as integer_layout
from hiddenstate.export.c.layout import layout_of
from hiddenstate.export.c.text import text_of
from hiddenstate.export.target import Contents, Run, Source, in_integers
from hiddenstate.export.trial import Answers, Trial
from hiddenstate.program.jobs import kind_of
from hiddenstate.program.program import Program
from hiddenstate.system import processes
from hiddenstate.system.typing import Array

COMPILERS = ("cc", "gcc", "clang")
OPTIONS = ("-std=c99", "-O2")
SECONDS = 300
"""Longest time that a compiler or the program may take."""


def run(source: Source, contents: Contents, trial: Trial) -> Run:
    """Return the answers of the header to a trial."""
    header = contents[".h"].decode()
    compiler = find_compiler()
    if in_integers(source.program):
        return _run_integers(source, header, trial, compiler)
    if compiler is None:
        answers, stream = answers_of_header(source, header, trial)
        return Run(answers, stream, f"numpy {np.__version__} in float32, without a C compiler")
    with tempfile.TemporaryDirectory(prefix="hiddenstate-") as folder:
        program = Path(folder) / "trial"
        text = header_program(source, header)
        _compile(compiler, text, program)
        lines = _execute(program, _rows_text(trial))
    answers, stream = _parsed(source, lines, trial)
    return Run(answers, stream, f"{compiler_name(compiler)}, {' '.join(OPTIONS)}")


def _run_integers(source: Source, header: str, trial: Trial, compiler: str | None) -> Run:
    """Return the answers of a header that computes in integers.

    Raises
    ------
    DataError
        If an integer differs from that of the program.
    """
    program = source.program
    if compiler is None:  # the arrays of the header are all that could differ
        read, layout = arrays_of(header), integer_layout(program, source.identifier)
        same = all(
            np.array_equal(read[layout.named(n)], a.ravel()) for n, a in layout.arrays.items()
        )
        answers, stream = program.predict(trial.X, trial.lengths), None
        if trial.stream is not None:
            stream, _ = program.advance(trial.X, program.state(len(trial.X)))
        computed_by = f"numpy {np.__version__}, without a C compiler"
    else:
        with tempfile.TemporaryDirectory(prefix="hiddenstate-") as folder:
            compiled = Path(folder) / "trial"
            _compile(compiler, header_program(source, header), compiled)
            lines = _execute(compiled, _rows_text(trial))
        same = _same_integers(program, trial, lines)
        answers, stream = _parsed(source, [line for line in lines if line[:1] != "q"], trial)
        computed_by = f"{compiler_name(compiler)}, {' '.join(OPTIONS)}"
    if not same:
        raise DataError("--to c: internal error: integers differ from those of the model")
    return Run(answers, stream, computed_by)


def _same_integers(program: Program, trial: Trial, lines: list[str]) -> bool:
    """Return whether the integers that a program printed, in lines that begin with q, are those of
    numpy."""
    found = iter(line.split()[1:] for line in lines if line[:1] == "q")
    for row in range(len(trial.X)):
        n = None if trial.lengths is None else int(trial.lengths[row])
        _, right = integers_of(program, trial.X[row : row + 1, :n])
        for expected in right.reshape(-1, right.shape[-1]):
            if next(found) != [str(each) for each in expected.tolist()]:
                return False
    return True


def find_compiler() -> str | None:
    """Return a C compiler that makes programs that run here; None if there is none."""
    for name in COMPILERS:
        path = processes.program(name)
        if path is not None and _works(path):
            return path
    return None


def compiler_name(path: str) -> str:
    """Return the name and version of a compiler, such as `gcc 12.2`."""
    text = _called([path, "--version"], "").output.decode("utf-8", "replace")
    version = re.search(r"\d+\.\d+", text)
    name = "clang" if "clang" in text else "gcc" if "Free Software" in text else Path(path).name
    return f"{name} {version[0]}" if version else name


def header_program(source: Source, header: str) -> str:
    """Return a program that reads rows, and prints the answers of a header to them."""
    layout: Layout | IntegerLayout
    if in_integers(source.program):
        layout = integer_layout(source.program, source.identifier)
    else:
        layout = layout_of(source.program, source.weights, source.identifier)
    return text_of("trial.c", layout.prefix, layout.has, {"model.c": header})


def answers_of_header(source: Source, header: str, trial: Trial) -> tuple[Answers, Answers | None]:
    """Return what the numbers of a header answer to a trial, and after each step if it streams.

    They are read back into a program, whose networks are computed in float32.
    """
    prefix = f"{source.identifier}_"
    read = {name.removeprefix(prefix): each for name, each in arrays_of(header).items()}
    layout = layout_of(source.program, source.weights, source.identifier, read)
    if trial.ahead:
        found = layout.program.forecast(trial.X.astype(np.float32))
        return {name: each.astype(np.float32) for name, each in found.items()}, None
    answers = _computed(layout, trial.X, trial.lengths)
    if trial.stream is None or "STEPS" in layout.has:
        return answers, answers
    N, T = trial.X.shape[:2]
    steps = [_computed(layout, trial.X, np.full(N, t + 1)) for t in range(T)]
    return answers, {name: np.stack([each[name] for each in steps], axis=1) for name in answers}


def _computed(layout: Layout, X: Array, lengths: Array | None) -> Answers:
    """Return the answers of a program to rows, float32."""
    program = layout.program
    x = program.kept(X.astype(np.float32), lengths).astype(np.float32)
    answers = program.predict_kept(x, lengths)
    return {name: each.astype(np.float32) for name, each in answers.items()}


@cache
def _works(compiler: str) -> bool:
    """Whether a compiler has what a program needs, and the program may run."""
    try:
        with tempfile.TemporaryDirectory(prefix="hiddenstate-") as folder:
            program = Path(folder) / "trial"
            _compile(
                compiler,
                "#include <math.h>\n#include <stdio.h>\nint main(void){return 0;}",
                program,
            )
            _execute(program, "")
    except (DataError, OSError):
        return False
    return True


def _compile(compiler: str, text: str, program: Path) -> None:
    done = _called([compiler, *OPTIONS, "-x", "c", "-", "-o", str(program), "-lm"], text)
    if done.code:
        lines = done.errors.decode("utf-8", "replace").splitlines()
        first = next((line for line in lines if "error" in line), "no message")
        raise DataError(f"--to c: internal error: {Path(compiler).name}: {printable(first, 200)}")


def _execute(program: Path, text: str) -> list[str]:
    done = _called([str(program)], text)
    if done.code:
        raise DataError(f"--to c: internal error: the program ended with {done.code}")
    return done.output.decode("ascii", "replace").splitlines()


def _called(command: list[str], text: str) -> processes.Ended:
    try:
        return processes.call(command, text.encode(), SECONDS)
    except TimeoutError as error:
        name = Path(command[0]).name
        raise DataError(f"--to c: {name} took longer than {SECONDS} s") from error


def _rows_text(trial: Trial) -> str:
    rows = []
    for number, row in enumerate(trial.X.astype(np.float32)):
        steps = len(row) if trial.lengths is None else int(trial.lengths[number])
        values = row[:steps] if row.ndim == 2 else row
        number_of_steps = -steps if trial.ahead else steps  # as trial.c tells forecasts
        rows.append(
            f"{number_of_steps} " + " ".join(_hexadecimal(each) for each in values.ravel().tolist())
        )
    return "\n".join(rows) + "\n"


def _hexadecimal(value: float) -> str:
    return value.hex() if np.isfinite(value) else str(value)


def _parsed(source: Source, lines: list[str], trial: Trial) -> tuple[Answers, Answers | None]:
    """Return the answers that the program printed, NaN where it refused a row."""
    values = iter([float.fromhex(word) for word in line.split()[1:]] for line in lines)
    program = source.program
    N = len(trial.X)
    if program.kind.has_codes:
        table = np.array([next(values) for _ in range(N)], np.float32)
        code = table.shape[1] - program.n_features - 1
        return {
            "code": table[:, :code],
            "reconstruction": table[:, code:-1],
            "error": table[:, -1],
        }, None
    T, n_outputs = trial.X.shape[1], program.n_outputs
    if trial.ahead:
        shape = program.horizon, n_outputs
        read = [{name: next(values) for name in trial.answers} for _ in range(N)]
        return {
            name: np.array([each[name] for each in read], np.float32).reshape(N, *shape)
            for name in trial.answers
        }, None
    every = program.readout == "steps"
    y = np.zeros((N, T, n_outputs) if every else (N, n_outputs), np.float32)
    stream = np.zeros((N, T, n_outputs), np.float32)
    for row in range(N):
        steps = T if trial.lengths is None else int(trial.lengths[row])
        found = np.array(next(values), np.float32)
        if every:
            y[row, :steps] = found.reshape(steps, n_outputs)
        else:
            y[row] = found
        for t in range(steps if program.streams else 0):
            stream[row, t] = next(values)
    return named_answers(program.job, y), named_answers(program.job, stream)


def named_answers(job: str, y: Array) -> Answers:
    """Return answers of a recurrent net by name."""
    if kind_of(job).has_targets:
        return {"y": y}
    return {"probabilities": y, "class": y.argmax(axis=-1)}
