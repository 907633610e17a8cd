"""The Python export: one file that needs numpy alone, with a command line of its own."""

import ast
import base64
import json
from dataclasses import fields, is_dataclass
from functools import cache
from importlib.abc import InspectLoader
from importlib.resources import files
from importlib.util import module_from_spec, spec_from_loader
from typing import Any

import numpy as np

from hiddenstate.errors import printable
from hiddenstate.export.python.encoded import read_columns
from hiddenstate.export.python.integers import INTEGER_PARTS
from hiddenstate.export.python.model import PARTS
from hiddenstate.export.target import (
    BACKWARD,
    Contents,
    Run,
    Source,
    Target,
    holds_all,
    identifier,
    in_integers,
)
from hiddenstate.export.trial import Trial
from hiddenstate.program.cells import CELLS

WIDTH = 96
"""Characters of a line of numbers."""

MODULES = (
    *(
        f"hiddenstate.program.{name}"
        for name in ("jobs", "cells", "rows", "equations", "steps", "order", "ahead", "layers")
    ),
    *(f"hiddenstate.program.{name}" for name in ("companions", "program", "encoding")),
    "hiddenstate.export.facts",
    *(f"hiddenstate.export.python.{name}" for name in ("model", "values", "times")),
    *(f"hiddenstate.export.python.{name}" for name in ("encoded", "table", "command", "selftest")),
)
"""The modules whose text is the file."""

OF_INTEGERS = ("hiddenstate.program.integers", "hiddenstate.export.python.integers")
"""Those of a net in integers."""

INTRODUCTION = '''"""{name}: a trained model, with the numpy code that computes its answers.

    python {name}.py ROWS.csv > answers.csv
{forecast}    python {name}.py --selftest
{use}
SHA-256 of the model: {sha}
"""

from __future__ import annotations

'''

ALONE = """
ALONE = __name__ not in sys.modules  # loaded by its path
if ALONE:  # dataclasses look up their module there
    sys.modules[__name__] = type(sys)(__name__)
"""

AS_THEY_ARE = (np.bool_, np.int8)
"""The types of numbers that are stored as such."""

OLDER = (("\nArray = NDArray[Any]\n", "\nArray = np.ndarray\n"), ("NDArray[np.bool_]", "Array"))
"""What numpy 1.18 does not have, and what stands for it."""


def packed(value: Any, kinds: tuple[str, ...] = ("<f4",)) -> Any:
    """Return a program as values for JSON, its arrays as base64 of little-endian floats.

    An array is stored in the first of `kinds` that has its values exactly, or else in float64; one
    of truth values or of int8 is stored as it is, and other integers say that they are `whole`. A
    part of a program has its fields and, as `part`, its kind.
    """
    if is_dataclass(value):
        packed_fields = {
            field.name: packed(getattr(value, field.name), kinds) for field in fields(value)
        }
        return {"part": type(value).__name__, **packed_fields}
    if isinstance(value, dict):
        return {name: packed(each, kinds) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [packed(each, kinds) for each in value]
    if not isinstance(value, np.ndarray):
        return value
    with np.errstate(over="ignore"):  # a value too large for a kind is infinite, and not exact
        exact = (kind for kind in kinds if (value.astype(kind).astype(np.float64) == value).all())
        dtype = value.dtype.str if value.dtype in AS_THEY_ARE else next(exact, "<f8")
    content = base64.b64encode(np.ascontiguousarray(value, dtype).tobytes()).decode()
    whole = {"whole": True} if value.dtype.kind == "i" and dtype[1] == "f" else {}
    return {"dtype": dtype, "shape": list(value.shape), "base64": content, **whole}


def build(source: Source) -> Contents:
    """Return the file."""
    ahead = source.program.ahead is not None
    head = INTRODUCTION.format(
        name=source.name,
        use=_use(source) if source.name == identifier(source.name) else "",
        sha=source.facts["model_sha256"],
        forecast=f"    python {source.name}.py --forecast ROWS.csv\n" if ahead else "",
    )
    about = {**source.facts, "usage": _usage(source)}
    end = (
        f"\n\nABOUT = (\n{_literal(json.dumps(about))}\n)\n"
        f"PROGRAM = (\n{_literal(json.dumps(packed(source.program)))}\n)\n"
        "model = loaded(PROGRAM, ABOUT)\n"
        "if ALONE:\n    del sys.modules[__name__]\n\n"
        'if __name__ == "__main__":\n'
        '    sys.exit(selftest(model) if sys.argv[1:] == ["--selftest"] else main(model))\n'
    )
    more = OF_INTEGERS if in_integers(source.program) else ()
    return {".py": (head + code(more) + end).encode()}


@cache
def code(more: tuple[str, ...] = ()) -> str:
    """Return the text of `MODULES` and `more` as that of one: imports from elsewhere first."""
    plain, named, texts = set[str](), dict[str, set[str]](), []
    for module in (*MODULES, *more):
        package, _, name = module.rpartition(".")
        text = files(package).joinpath(f"{name}.py").read_text("utf-8")
        lines, body = text.splitlines(), ast.parse(text).body
        for node in body:
            if isinstance(node, ast.Import):
                plain.add(ast.unparse(node))
            elif isinstance(node, ast.ImportFrom):
                named.setdefault(str(node.module), set()).update(n.name for n in node.names)
            elif node is not body[0]:  # what the module is
                continue
            assert node.end_lineno is not None
            lines[node.lineno - 1 : node.end_lineno] = [""] * (node.end_lineno - node.lineno + 1)
        texts.append("\n".join(lines).strip() + "\n")
    left_out = ("hiddenstate", "__future__", "numpy")
    names = {name: ", ".join(sorted(named[name])) for name in sorted(named)}
    lines = sorted(plain - {"import numpy as np"})
    lines += [
        f"from {name} import {each}"
        for name, each in names.items()
        if name.split(".")[0] not in left_out
    ]
    text = "\n".join([*lines, "", "import numpy as np", ALONE, "", "\n\n".join(texts)])
    for newer, older in OLDER:
        text = text.replace(newer, older)
    return text


def _use(source: Source) -> str:
    name = source.name
    lines = ["", f"import {name}", f"{name}.model.predict(X)"]
    if source.program.ahead is not None:
        lines.append(f"{name}.model.forecast(X)")
    if source.program.streams:
        lines += [f"stream = {name}.model.stream()", "stream.step(x)"]
    return "\n".join(f"    {line}" if line else line for line in lines) + "\n"


def _literal(text: str) -> str:
    """Return an expression for `text` in lines of `WIDTH` characters."""
    pieces = [text[i : i + WIDTH] for i in range(0, len(text), WIDTH)]
    return "\n".join(f"    {piece!r}" for piece in pieces)


def _usage(source: Source) -> str:
    program, facts = source.program, source.facts
    columns, flat = facts["columns"], facts["rows_are_series"]
    names = [printable(name, 40) for name in (read_columns(facts) if columns else ())]
    what = f"the columns {', '.join(names)}" if columns else f"{program.n_features} numbers"
    if flat and not columns:
        return f"Each line of ROWS.csv is a series: steps of {what}, one after the other."
    each = "a row" if program.kind.has_codes or flat else "a step"
    roles = ([], []) if flat else (facts["id"], facts["time"])
    ids, time = ([printable(name, 40) for name in role] for role in roles)
    more = f"; {' and '.join(ids)} names the series" if ids else ""
    more += f"; {time[0]} orders the lines" if time else ""
    text = f"Each line of ROWS.csv is {each}: {what}{more}."
    if program.horizon:
        steps = f"{program.horizon} steps" if program.horizon > 1 else "a step"
        text += f"\nAn answer is for {steps} after the line that it stands at, at target_time."
    if program.ahead is not None:
        text += f"\n--forecast: the next {program.horizon} after the last line of each series."
    if program.n_moved:
        text += "\nLines after the last target say what is known ahead."
    return text


def run(source: Source, contents: Contents, trial: Trial) -> Run:
    """Import the file, and return its answers to a trial."""
    loader = _InMemory(contents[".py"].decode())
    spec = spec_from_loader(source.identifier, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    model = module.model
    if trial.ahead:
        return Run(model.forecast(trial.X), None, f"numpy {np.__version__}")
    answers = model.predict(trial.X, trial.lengths)
    stream = None
    if trial.stream is not None:
        steps = model.stream(len(trial.X))
        each = [steps.step(trial.X[:, t]) for t in range(trial.X.shape[1])]
        stream = {name: np.stack([one[name] for one in each], axis=1) for name in each[0]}
    return Run(answers, stream, f"numpy {np.__version__}")


class _InMemory(InspectLoader):
    """Imports the text of a module."""

    def __init__(self, text: str) -> None:
        self._text = text

    def get_source(self, fullname: str) -> str:
        """Return the text."""
        return self._text


KINDS: frozenset[type | str] = frozenset({*PARTS.values(), *INTEGER_PARTS, *CELLS, BACKWARD})
TARGET = Target(
    "python",
    ".py",
    1e-12,
    ("float32",),
    holds_all,
    build,
    run,
    wide_inputs=True,
    forecasts=True,
    kinds=KINDS,
)
