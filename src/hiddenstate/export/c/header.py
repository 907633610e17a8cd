"""The C export: one header in C99 without malloc, globals that change, or libraries but libm."""

from typing import Any

from hiddenstate.export.c import integer_header
from hiddenstate.export.c.arrays import array, string
from hiddenstate.export.c.comment import introduction
from hiddenstate.export.c.content import Layout
from hiddenstate.export.c.folders import FOLDERS
from hiddenstate.export.c.integer_layout import LAYERS
from hiddenstate.export.c.layout import KINDS, layout_of
from hiddenstate.export.c.run import run
from hiddenstate.export.c.selftest import LIMIT, vectors
from hiddenstate.export.c.text import text_of
from hiddenstate.export.int8 import stored
from hiddenstate.export.target import Contents, Source, Target, in_integers

CARRIED = (
    *("LAYERS", "STATES", "HIDDEN", "COMPLEX", "SUMMARY", "RECENT", "POOLED", "POOL"),
    *("PAST", "OTHERS", "LAGS"),
)
"""Constants of `Layout` that a state needs."""


def build(source: Source) -> Contents:
    """Return the header."""
    if in_integers(source.program):
        return integer_header.build(source)
    layout = layout_of(source.program, source.weights, source.identifier)
    names = _names(source)
    layout.has |= {"NAMES"} if names else set()
    given = {
        "sample/sizes.h": _sizes(layout),
        "sample/arrays.h": _arrays(layout) + _name_table(layout, names) + _tables(layout),
        "sample/vectors.h": vectors(source, layout),
    }
    text = text_of("model.c", layout.prefix, layout.has, given)
    return {".h": (introduction(source, layout) + text).encode()}


def _define(layout: Layout, name: str, value: Any, comment: str = "") -> str:
    head = f"#define {layout.prefix.upper()}_{name} {value}"
    return f"{head:<32}/* {comment} */\n" if comment else f"{head}\n"


def _sizes(layout: Layout) -> str:
    """Return the constants that a caller needs."""
    program, c = layout.program, layout.constants
    what = program.kind.answers if program.kind.has_series else ""
    each = "step" if what else "row"
    text = _define(layout, "FEATURES", program.n_features, f"numbers of a {each}")
    if program.kind.has_codes:
        return text + _define(layout, "CODE", c["CODE"], "numbers of a code")
    text += _define(layout, "OUTPUTS", program.n_outputs, what)
    if program.window:
        steps = "steps of the windows that it was trained on"
        text += _define(layout, "WINDOW", program.window, steps)
    text += _horizon(layout)
    if "STREAMS" in layout.has:
        for name in CARRIED:
            text += _define(layout, name, c[name]) if name in c else ""
        return text + _define(layout, "SCRATCH(steps)", 0)
    name = f"{layout.prefix.upper()}_run"
    text += f"/* Floats that {name.lower()} needs beside its inputs and answers. */\n"
    size = layout.n_inputs + 2 * c["WIDEST"]
    size += program.n_outputs if {"HORIZON", "STEPS"} <= layout.has else 0
    cast, own = (f"({kind}(steps) * {size})" for kind in ("(size_t)", "static_cast<size_t>"))
    return text + (
        f"#ifdef __cplusplus\n{_define(layout, 'SCRATCH(steps)', own)}#else\n"
        f"{_define(layout, 'SCRATCH(steps)', cast)}#endif\n"
    )


def _horizon(layout: Layout) -> str:
    """Return the constants of a forecast."""
    program, ahead = layout.program, layout.program.ahead
    if not program.horizon or not program.kind.has_targets:
        return ""
    if ahead is None:
        return _define(layout, "HORIZON", program.horizon, "steps ahead that an answer is for")
    text = _define(layout, "HORIZON", program.horizon, "steps ahead that are forecast")
    text += _define(layout, "LEAST", program.least, "fewest steps that a forecast reads")
    if ahead.levels:
        levels = " and ".join(f"{100 * level:g} %" for level in ahead.levels)
        text += _define(layout, "INTERVALS", len(ahead.levels), f"that cover {levels}")
    return text


def _arrays(layout: Layout) -> str:
    """Return the constants of the implementation, and the arrays."""
    streams = "STREAMS" in layout.has
    convolves = "CONVOLUTION" in layout.has
    left_out = {"OUTPUTS", "CODE", "SUMS"}
    left_out |= {*CARRIED, "DIRECTIONS", "MEMBERS", "CAUSAL"} if streams else set()
    left_out |= {"WIDEST"} if streams and not convolves else set()
    left_out |= set() if "BYTES" in layout.has else {"MOST_ROWS"}
    left_out |= set() if convolves else {"CONVOLUTIONS"}
    text = _define(layout, "INPUTS", layout.n_inputs, "numbers that the network reads")
    for name, value in layout.constants.items():
        text += _define(layout, name, value) if name not in left_out else ""
    arrays = (array(layout.named(name), own) for name, own in layout.arrays.items())
    return text + "\n" + "\n".join(arrays) + "\n"


def _tables(layout: Layout) -> str:
    text = ""
    for name, (kind, lines) in layout.tables.items():
        body = "".join(f"    {{{line}}},\n" for line in lines)
        head = f"static const {layout.named(kind)} {layout.named(name)}[{len(lines)}]"
        text += f"{head} = {{\n{body}}};\n\n"
    return text


def _names(source: Source) -> list[str]:
    """Return the names of the outputs."""
    facts = source.facts
    if source.program.kind.has_codes:
        return []
    return [str(name) for name in facts["classes"] or facts["targets"] or ()]


def _name_table(layout: Layout, names: list[str]) -> str:
    if not names:
        return ""
    body = "".join(f"    {string(name)},\n" for name in names)
    head = f"static const char *const {layout.named('names')}[{len(names)}]"
    return f"{head} = {{\n{body}}};\n\n"


TARGET = Target(
    "c",
    ".h",
    LIMIT,
    ("float32", "int8"),
    integer_header.refusal,
    build,
    run,
    stored,
    forecasts=True,
    remark=integer_header.costs,
    folders=FOLDERS,
    kinds={*KINDS, *LAYERS},
)
