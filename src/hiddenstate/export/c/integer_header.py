"""The C export of a net in integers: one header in C99, without a number of floating point where
`NO_FLOAT` is defined."""

import re

import numpy as np

from hiddenstate.export.c.arrays import SIZED_TYPES, array, commented, row_of_table, string
from hiddenstate.export.c.comment import answers_of, inputs_of
from hiddenstate.export.c.integer_layout import CARRIED, STEPS, IntegerLayout, layout_of
from hiddenstate.export.c.text import text_of
from hiddenstate.export.target import Contents, Source, in_integers
from hiddenstate.program.cells import CELLS
from hiddenstate.program.integers import IntegerDense
from hiddenstate.program.layers import run_layers
from hiddenstate.program.order import step_of
from hiddenstate.program.program import Program
from hiddenstate.program.steps import Fill, Forecast
from hiddenstate.system.typing import Array

MOST_STEPS, ROWS = 28, 2
"""Of the self-test."""

PUBLIC = ("FEATURES", "INPUTS", "OUTPUTS", "CODE", *CARRIED)
"""Sizes that a caller needs."""


def refusal(program: Program) -> str | None:
    """Return why a header cannot hold a program in integers; None if it can."""
    other = "use --arithmetic float"
    if not in_integers(program):
        return None
    for step in program.steps:
        if type(step) not in STEPS:
            what = "a linear path" if isinstance(step, Forecast) else type(step).__name__
            return f"cannot hold {what} beside a net in integers; {other}"
    fill = step_of(program.steps, Fill)
    if program.kind.has_codes:
        return None
    if not program.streams or (fill is not None and fill.backward):
        return f"integers are for models that answer after each step (--streamable); {other}"
    if program.ahead is not None:
        return f"gives no forecasts of all steps in integers; {other}"
    return None


def build(source: Source) -> Contents:
    """Return the header."""
    layout = layout_of(source.program, source.identifier)
    names = [str(each) for each in source.facts["classes"] or source.facts["targets"] or ()]
    names = [] if source.program.kind.has_codes else names
    layout.has |= {"NAMES"} if names else set()
    given = {
        "sample/sizes.h": _sizes(layout),
        "sample/arrays.h": _arrays(layout, names),
        "sample/vectors.h": _vectors(source, layout),
    }
    text = text_of("model.c", layout.prefix, layout.has, given)
    return {".h": (_introduction(source, layout) + text).encode()}


def costs(contents: Contents) -> str:
    """Return the lines of the comment about flash and RAM, of a header in integers alone."""
    head = contents[".h"].decode().partition("*/")[0]
    if " computes in integers " not in head:
        return ""
    rows = re.findall(r"^   (Flash|RAM) +(.*(?:\n {16}.*)*)", head, re.MULTILINE)
    return "\n".join(f"{name}: {' '.join(text.split())}" for name, text in rows)


def _define(layout: IntegerLayout, name: str, value: object) -> str:
    return f"#define {layout.prefix.upper()}_{name} {value}\n"


def _sizes(layout: IntegerLayout) -> str:
    """Return the constants that a caller needs."""
    own = layout.sizes
    names = [name for name in own if name in PUBLIC or name.endswith(("_BITS", "_MOST"))]
    text = "".join(_define(layout, name, own[name]) for name in names)
    return text + ("" if "AUTOENCODER" in layout.has else _define(layout, "SCRATCH(steps)", 0))


def _arrays(layout: IntegerLayout, names: list[str]) -> str:
    """Return the other constants, the arrays and the tables."""
    public = {name for name in layout.sizes if name in PUBLIC or name.endswith(("_BITS", "_MOST"))}
    text = "".join(
        _define(layout, name, value) for name, value in layout.sizes.items() if name not in public
    )
    floats = [name for name, own in layout.arrays.items() if own.dtype.kind == "f"]
    floats += ["change"] if "change" in layout.arrays else []
    floats += ["fill"] if "fill" in layout.arrays and "FORWARD" not in layout.has else []
    flash = f" {layout.prefix.upper()}_FLASH"
    for name, own in layout.arrays.items():
        if name not in floats:
            text += "\n" + array(layout.named(name), own, "", flash, SIZED_TYPES)
    if floats:
        text += "\n#ifndef NO_FLOAT\n"
        for name in floats:
            place = flash if name == "fill" else ""
            text += array(layout.named(name), layout.arrays[name], "", place, SIZED_TYPES)
        text += "#endif\n"
    for name, (kind, lines) in layout.tables.items():
        body = "".join(f"    {{{line}}},\n" for line in lines)
        head = f"static const {layout.named(kind)} {layout.named(name)}[{len(lines)}]"
        text += f"\n{head} = {{\n{body}}};\n"
    if names:
        body = "".join(f"    {string(name)},\n" for name in names)
        head = f"static const char *const {layout.named('names')}[{len(names)}]"
        text += f"\n{head} = {{\n{body}}};\n"
    return text + "\n"


def _vectors(source: Source, layout: IntegerLayout) -> str:
    """Return rows and answers of the self-test, in integers."""
    program = source.program
    X = source.trials[0].X[:ROWS]
    X = X if program.kind.has_codes else X[:, :MOST_STEPS]
    x, y = integers_of(program, X)
    prefix = layout.prefix.upper()
    sizes = {"TEST_ROWS": len(X), "TEST_ANSWERS": y[0].size}
    if not program.kind.has_codes:
        y = y[:, -1]
        sizes |= {"TEST_STEPS": X.shape[1], "TEST_ANSWERS": y[0].size}
    text = "".join(f"#define {prefix}_{name} {value}\n" for name, value in sizes.items())
    for name, values, kind in (("x", x, np.int16), ("y", y, np.int32)):
        own = values.reshape(len(X), -1).astype(kind)
        text += "\n" + array(layout.named(f"test_{name}"), own, "", f" {prefix}_FLASH", SIZED_TYPES)
    return text


def integers_of(program: Program, X: Array) -> tuple[Array, Array]:
    """Return the integers that nets read of rows of equal length, and those that they answer: after
    each step (N, T, O), or codes and rows (N, Z + F) of an autoencoder."""
    (first, *layers, _), kept = program.nets[0], program.kept(X)
    x, _, _ = first.forward(kept, None, {})
    if program.kind.has_codes:
        code, _, _ = run_layers(layers, x)
        rows, _, _ = run_layers(program.decoder[:-1], program.outputs(kept))
        return x, np.concatenate([code, rows], axis=1)
    state, parts = program.state(len(X)), []
    for t in range(x.shape[1]):
        y, _, state = run_layers(layers, x[:, t : t + 1], None, state)
        parts.append(y if y.ndim == 3 else y[:, None])
    return x, np.concatenate(parts, axis=1)


def _introduction(source: Source, layout: IntegerLayout) -> str:
    """Return the comment at the top."""
    facts, name = source.facts, commented(source.name)
    sizes = layout.prefix.upper()
    each = "row" if "AUTOENCODER" in layout.has else "step"
    rows = [
        ("Model", _model(source, layout)),
        ("SHA-256", facts["model_sha256"]),
        ("Classes", ", ".join(map(str, facts["classes"])) if facts["classes"] else ""),
        ("Targets", ", ".join(facts["targets"]) if facts["targets"] else ""),
        ("Columns", ", ".join(facts["columns"]) if facts["columns"] else ""),
        ("Inputs", inputs_of(source)),
        ("Answers", answers_of(source)),
        ("Flash", f"{layout.flash:,} bytes of constants, and {code_of(layout)}"),
        ("RAM", memory_of(layout)),
        ("Work", f"{layout.work:,} multiply-adds of integers a {each}"),
    ]
    table = "\n".join(row_of_table(title, text) for title, text in rows if text)
    test = f"-D{sizes}_SELFTEST"
    return (
        f"/* {name}.h: a trained model in C99 that computes in integers alone, written by\n"
        f"   hiddenstate {facts['hiddenstate']}.\n\n{_usage(name, layout)}\n{table}\n\n"
        f"   Compiled with {test}, this file is a program that compares its integers with\n"
        "   those of the model, which are the same on every processor:\n\n"
        f"       cc -O2 {test} -x c {name}.h -o selftest -lm && ./selftest\n*/\n"
    )


def code_of(layout: IntegerLayout) -> str:
    """Return how large the code is: measured of all cells, of stems and of autoencoders, with -Os
    and -DNO_FLOAT."""
    cortex, avr = (3, 7.5) if "LRU" in layout.has else (2, 4)
    return f"the code: with -Os less than {cortex} KB on a Cortex-M, {avr} KB on an AVR"


def memory_of(layout: IntegerLayout) -> str:
    """Return the bytes of RAM."""
    stack = f"about {layout.stack:,} bytes of stack"
    if "AUTOENCODER" in layout.has:
        return stack
    return f"{layout.state:,} bytes of state; {stack} in a step"


def _usage(name: str, layout: IntegerLayout) -> str:
    own, sizes = layout.prefix, layout.prefix.upper()
    text = (
        f"   In one file of a program define {sizes}_IMPLEMENTATION before including it. It\n"
        "   allocates nothing, and changes no memory but what you pass. With NO_FLOAT defined in\n"
        "   all files, it has the functions of integers alone, whose names end in _q.\n\n"
        f'       #define {sizes}_IMPLEMENTATION\n       #include "{name}.h"\n\n'
    )
    if "AUTOENCODER" in layout.has:
        return text + (
            f"       float code[{sizes}_CODE], row[{sizes}_FEATURES], error;\n"
            f"       if ({own}_run(x, code, row, &error) == {sizes}_OK) ...\n"
            f"       {own}_encode_q(integers, code_of_integers);\n"
        )
    label = f"{own}_label({own}_class(y))" if "CLASSES" in layout.has else "y[0]"
    whole = f"{own}_class_q(q)" if "CLASSES" in layout.has else "q[0]"
    return text + (
        f"       {own}_state state;\n       float y[{sizes}_OUTPUTS];\n"
        f"       int32_t q[{sizes}_OUTPUTS];\n"
        f"       {own}_reset(&state);\n"
        f"       for each step x: if ({own}_step(&state, x, y) == {sizes}_OK) ... {label}\n"
        f"       for each step x of integers: {own}_step_q(&state, x, q); ... {whole}\n"
    )


def _model(source: Source, layout: IntegerLayout) -> str:
    program, own = layout.program, layout.sizes
    if program.kind.has_codes:
        dense = [each for net in (program.nets[0], program.decoder) for each in net]
        rows = [len(each.product.bias) for each in dense if isinstance(each, IntegerDense)]
        text = f"an autoencoder, {'-'.join(map(str, [program.width, *rows]))}"
    else:
        cell = next(CELLS[name].title for name in CELLS if name.upper() in layout.has)
        text = f"{cell}, {own['LAYERS']} x {own['HIDDEN']}"
        text += f", matrices of rank {own['RANK']}" if "RANK" in own else ""
        text += f", a stem of {own['CONVOLUTIONS']} convolutions" if own["CONVOLUTIONS"] else ""
        text += ", answers from the mean state" if "MEAN" in layout.has else ""
    return f"{text}; int8 weights with a scale for each row, int16 numbers between layers"
