"""The C export: one header in C99 without malloc, globals that change, or libraries but libm."""

import re
from typing import Any

from hiddenstate.export.c import parts, series
from hiddenstate.export.c.comment import introduction
from hiddenstate.export.c.convolutions import DOUBLES, FIXED
from hiddenstate.export.c.layout import Layout, layout_of
from hiddenstate.export.c.numbers import array, string
from hiddenstate.export.c.run import run
from hiddenstate.export.c.selftest import LIMIT, selftest
from hiddenstate.export.int8 import stored
from hiddenstate.export.program import Program
from hiddenstate.export.target import Contents, Source, Target

STATUSES = (
    ("OK", 0, "the answers are there"),
    ("MISSING", "(-1)", "a number is NaN or infinite, and nothing fills it in"),
    ("NOT_POSITIVE", "(-2)", "a number of which the logarithm is read is 0 or less"),
    ("TOO_LARGE", "(-3)", "a number is too large for float; reset the state"),
    ("NO_STEPS", "(-4)", "there are no steps"),
)

PUBLIC = """\
# if no autoencode
# if streams
/* What is remembered of a series. Copy it, keep it, have as many as you like. */
typedef struct @_state {
    float h[$_LAYERS][$_HIDDEN];
# if lstm
    float c[$_LAYERS][$_HIDDEN];
# end
# if mean
    float sum[$_HIDDEN], sum_low[$_HIDDEN];
    unsigned long steps;
# end
# if forward
    float known[$_FEATURES];
# end
# if linear
    @_path path;
# end
} @_state;

/* Begins a series. */
void @_reset(@_state *state);

/* Reads a step x of $_FEATURES numbers, and gives the $_OUTPUTS answers after it.
   Returns a status. If it is not $_OK, the answers are NaN; the state is the one before, unless
   the status is $_TOO_LARGE. */
int @_step(@_state *state, const float *x, float *y);

# end
/* Reads a whole series x of steps by $_FEATURES numbers, from a state of zeros.
# if steps
   Gives steps by $_OUTPUTS answers.
# end
# if no steps
   Gives $_OUTPUTS answers.
# end
# if streams
   `scratch` is not used: NULL will do.
# end
# if no streams
   `scratch` are $_SCRATCH(steps) floats that it may overwrite.
# end
   Returns a status; if it is not $_OK, the answers are NaN. */
int @_run(const float *x, int steps, float *y, float *scratch);

# end
# if autoencode
/* Encodes a row x of $_FEATURES numbers to a code of $_CODE. All functions return a status; if it
   is not $_OK, the answers are NaN. */
int @_encode(const float *x, float *code);

/* Decodes a code to a row in the units of the data. */
int @_decode(const float *code, float *row);

/* Encodes and decodes a row; the error is the mean square of the difference that the network
   sees. */
int @_run(const float *x, float *code, float *row, float *error);

# end
# if classes
/* The number of the most probable class; -1 if the answers are NaN. */
int @_class(const float *y);

# end
# if names
/* The name of an output; an empty text if there is no such output. */
const char *@_label(int number);

# end
"""

STRUCTURES = """\
# if no alone
# if no autoencode
typedef struct {
    const @WEIGHT *input; /* inputs by gates times $_HIDDEN */
# if bytes
    const float *input_scale;
# end
    const @WEIGHT *state; /* $_HIDDEN by gates times $_HIDDEN */
# if bytes
    const float *state_scale;
# end
    const float *bias;
# if gru
    const float *state_bias; /* of the candidate */
# end
    int inputs;
} @_layer;

# end
typedef struct {
    const @WEIGHT *weight; /* inputs by outputs */
# if bytes
    const float *scale;
# end
    const float *bias;
    int inputs, outputs;
# if autoencode
    int activation;
# end
} @_dense;

# if stem
typedef struct {
    const @WEIGHT *weight; /* width by inputs by channels */
# if bytes
    const float *scale;
# end
    const float *bias;
    int inputs, channels, width;
} @_convolution;

# end
# end
# if autoencode
enum { $_LINEAR, $_TANH, $_RELU, $_SIGMOID };

# end
"""

PATH = """\
/* The last values of each target, the newest first. */
typedef struct @_path {
    float value[$_OUTPUTS][$_PAST];
    int started;
} @_path;

"""

C_CASTS = """\
#if defined(__cplusplus) && defined(__GNUC__) /* what follows is C, with the casts of C */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#endif

"""

CASTS_AGAIN = """\
#if defined(__cplusplus) && defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

"""


def build(source: Source) -> Contents:
    """Return the header."""
    layout = layout_of(source.program, source.weights)
    names = _names(source)
    layout.words |= {"names"} if names else set()
    prefix = source.identifier
    pieces = [
        introduction(source, layout),
        "#ifndef $_H\n#define $_H\n\n#include <stddef.h>\n\n"
        '#ifdef __cplusplus\nextern "C" {\n#endif\n\n',
        _sizes(layout),
        _statuses(layout),
        PATH if "linear" in layout.words and "streams" in layout.words else "",
        PUBLIC,
        "#ifdef __cplusplus\n}\n#endif\n\n#endif /* $_H */\n\n",
        "#if defined($_SELFTEST) && !defined($_IMPLEMENTATION)\n"
        "#define $_IMPLEMENTATION\n#endif\n\n"
        "#if defined($_IMPLEMENTATION) && !defined($_IMPLEMENTED)\n#define $_IMPLEMENTED\n\n"
        "#include <math.h>\n#include <stdint.h>\n#include <string.h>\n\n",
        C_CASTS,
        "#ifdef __FAST_MATH__\n"
        '#error "compile this file without -ffast-math: it recognises NaN and splits offsets"\n'
        "#endif\n\n",
        DOUBLES,
        _restrict(),
        _private_sizes(layout),
        PATH if "linear" in layout.words and "streams" not in layout.words else "",
        STRUCTURES,
        _arrays(layout, prefix),
        _name_table(names),
        _tables(layout),
        parts.ARITHMETIC,
        "\n",
        parts.PREPARATION,
        "\n",
    ]
    if source.program.job == "autoencode":
        pieces.append(parts.AUTOENCODER)
    else:
        pieces += [parts.CELL, "\n", FIXED, series.STREAM, series.ROWS]
    pieces += ["\n", parts.NAMES, "\n", selftest(source, layout)]
    pieces += [CASTS_AGAIN, "#endif /* $_IMPLEMENTATION */\n"]
    text = _expanded("".join(pieces), layout)
    text = text.replace("@_", f"{prefix}_").replace("$_", f"{prefix.upper()}_")
    return {".h": re.sub(r"\n{3,}", "\n\n", text).encode()}


def _expanded(text: str, layout: Layout) -> str:
    """Keep the lines whose conditions hold, and write the calls that depend on the weights."""
    lines, holds = [], [True]
    for line in text.split("\n"):
        if line.startswith("# if no "):
            holds.append(line[8:] not in layout.words)
        elif line.startswith("# if "):
            holds.append(line[5:] in layout.words)
        elif line == "# end":
            holds.pop()
        elif all(holds):
            lines.append(line)
    text = "\n".join(lines)
    quantised = "bytes" in layout.words
    for call, struct, weight in (
        ("INPUT", "layer", "input"),
        ("STATE", "layer", "state"),
        ("HEAD", "head", ""),
        ("DENSE", "layer", ""),
        ("TAP", "layer", ""),
    ):
        inputs = {"STATE": "$_HIDDEN", "HEAD": "$_SUMMARY"}.get(call, f"{struct}->inputs")
        field = weight or "weight"
        scale = f"{struct}->{f'{weight}_scale' if weight else 'scale'}"
        name = "@_add_bytes" if quantised else "@_add"
        start = " + (size_t)j * each" if call == "TAP" else ""
        middle = f"{struct}->{field}{start}" + (f", {scale}" if quantised else "")
        text = re.sub(
            rf"@ADD_{call}\((\w+), (.+), (.+)\);",
            rf"{name}(\1, {middle}, \2, \3, {inputs});",
            text,
        )
    text = text.replace("@PATH ", "&path, " if "linear" in layout.words else "")
    return text.replace("@WEIGHT", "signed char" if quantised else "float")


def _define(name: str, value: Any, comment: str = "") -> str:
    head = f"#define $_{name} {value}"
    return f"{head:<32}/* {comment} */\n" if comment else f"{head}\n"


def _sizes(layout: Layout) -> str:
    """The constants that a caller needs."""
    program, c = layout.program, layout.constants
    if program.job == "autoencode":
        return _define("FEATURES", program.n_features, "numbers of a row") + _define(
            "CODE", c["CODE"], "numbers of a code"
        )
    what = "classes" if program.job == "classify" else "targets"
    text = _define("FEATURES", program.n_features, "numbers of a step")
    text += _define("OUTPUTS", program.n_outputs, what)
    if program.window:
        text += _define("WINDOW", program.window, "steps of the windows that it was trained on")
    if "streams" in layout.words:
        text += _define("LAYERS", c["LAYERS"]) + _define("HIDDEN", c["HIDDEN"])
        if "PAST" in c:
            text += _define("PAST", c["PAST"])
        return text + _define("SCRATCH(steps)", 0)
    text += "/* Floats that $_run needs beside its inputs and answers. */\n"
    each = layout.n_inputs + 2 * c["WIDEST"]
    cast, own = (f"({kind}(steps) * {each})" for kind in ("(size_t)", "static_cast<size_t>"))
    return text + (
        f"#ifdef __cplusplus\n{_define('SCRATCH(steps)', own)}#else\n"
        f"{_define('SCRATCH(steps)', cast)}#endif\n"
    )


def _private_sizes(layout: Layout) -> str:
    words, c = layout.words, layout.constants
    text = _define("INPUTS", layout.n_inputs, "numbers that the network reads")
    public = {"OUTPUTS", "CODE"} | ({"LAYERS", "HIDDEN", "PAST"} if "streams" in words else set())
    unused = {"WIDEST", "DIRECTIONS", "MEMBERS"} if "streams" in words else set()
    unused |= set() if "bytes" in words else {"MOST_ROWS"}
    for name, value in c.items():
        if name not in public | unused:
            text += _define(name, value)
    return text + "\n"


def _statuses(layout: Layout) -> str:
    return "\n/* What functions return. */\n" + "".join(_define(*each) for each in STATUSES) + "\n"


def _restrict() -> str:
    return (
        "#if defined(__GNUC__) || defined(_MSC_VER)\n#define $_ONLY __restrict\n"
        "#elif defined(__cplusplus)\n#define $_ONLY\n#else\n#define $_ONLY restrict\n#endif\n\n"
    )


def _arrays(layout: Layout, prefix: str) -> str:
    texts = (array(f"{prefix}_{name}", values) for name, values in layout.arrays.items())
    return "\n".join(texts) + "\n"


def _tables(layout: Layout) -> str:
    text = ""
    for name, (kind, lines) in layout.tables.items():
        body = "".join(f"    {{{line}}},\n" for line in lines)
        text += f"static const @_{kind} @_{name}[{len(lines)}] = {{\n{body}}};\n\n"
    return text


def _names(source: Source) -> list[str]:
    """Return the names of the outputs."""
    facts = source.facts
    if source.program.job == "autoencode":
        return []
    return [str(name) for name in facts["classes"] or facts["targets"]]


def _name_table(names: list[str]) -> str:
    if not names:
        return ""
    body = "".join(f"    {_safe(string(name))},\n" for name in names)
    return f"static const char *const @_names[{len(names)}] = {{\n{body}}};\n\n"


def _safe(text: str) -> str:
    """Keep marks of the template out of names."""
    return text.replace("@", "\\100").replace("$", "\\044")


def refusal(program: Program) -> str | None:
    """Return why the header cannot hold a program; None if it can."""
    return None


TARGET = Target(
    "c", ".h", LIMIT, ("float32", "int8"), refusal, build, run, stored, convolutions=True
)
