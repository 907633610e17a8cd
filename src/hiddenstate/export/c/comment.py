"""The comment at the top of the C header: what the model is, how it is used, what it costs."""

import re

from hiddenstate.export.c.convolutions import DOUBLE, described, work_of
from hiddenstate.export.c.layout import Layout
from hiddenstate.export.c.numbers import commented, row_of_table
from hiddenstate.export.target import Source

CELLS = {"rnn_tanh": "RNN (tanh)", "rnn_relu": "RNN (relu)", "gru": "GRU", "lstm": "LSTM"}


def introduction(source: Source, layout: Layout) -> str:
    """Return the comment."""
    facts = source.facts
    name = _unmarked(commented(source.name))
    rows = [
        ("Model", _model(layout)),
        ("SHA-256", facts["model_sha256"]),
        ("Classes", ", ".join(map(str, facts["classes"])) if facts["classes"] else ""),
        ("Targets", ", ".join(facts["targets"]) if facts["targets"] else ""),
        ("Columns", ", ".join(facts["columns"]) if facts["columns"] else ""),
        ("Inputs", _inputs(source)),
        ("Preparation", _preparation(layout)),
        ("Answers", facts["units"]["answers"]),
        ("Flash", f"{layout.flash:,} bytes of constants, and the code"),
        ("RAM", _memory(layout)),
        ("Work", _work(layout)),
        ("Double", DOUBLE if "fixed" in layout.words else ""),
    ]
    table = "\n".join(row_of_table(title, text) for title, text in rows if text)
    table = _unmarked(table)
    return (
        f"/* {name}.h: a trained model in C99, written by hiddenstate {facts['hiddenstate']}.\n\n"
        f"{_usage(name, layout)}\n{table}\n\n"
        "   Compiled with -D$_SELFTEST, this file is a program that compares its answers with\n"
        "   those of the model:\n\n"
        f"       cc -O2 -D$_SELFTEST -x c {name}.h -o selftest -lm && ./selftest\n*/\n"
    )


def _unmarked(text: str) -> str:
    """Keep the marks of the template out of names."""
    return re.sub(r"([@$])(?=[_A-Z])", r"\1 ", text)


def _usage(name: str, layout: Layout) -> str:
    """Return how a program includes and calls it."""
    words = layout.words
    text = (
        "   In one file of a program define $_IMPLEMENTATION before it is included; it needs no\n"
        "   library but libm, allocates nothing, and changes no memory but what you pass.\n\n"
        f'       #define $_IMPLEMENTATION\n       #include "{name}.h"\n\n'
    )
    if "autoencode" in words:
        return text + (
            "       float code[$_CODE], row[$_FEATURES], error;\n"
            "       if (@_run(x, code, row, &error) == $_OK) ...\n"
        )
    if "streams" in words:
        text += "       @_state state;\n       float y[$_OUTPUTS];\n       @_reset(&state);\n"
        text += "       for each step x: if (@_step(&state, x, y) == $_OK) ... "
        return text + ("@_label(@_class(y))\n" if "classes" in words else "y[0]\n")
    answers = "STEPS * $_OUTPUTS" if "steps" in words else "$_OUTPUTS"
    return text + (
        f"       float y[{answers}], scratch[$_SCRATCH(STEPS)];\n"
        "       if (@_run(x, STEPS, y, scratch) == $_OK) ...\n\n"
        "   There is no @_step: its answers need a whole series.\n"
    )


def _each(layout: Layout) -> str:
    return "a row" if "autoencode" in layout.words else "a step"


def _work(layout: Layout) -> str:
    """Return what is computed for a step or a row."""
    text = f"{layout.work:,} multiply-adds {_each(layout)}"
    path = layout.program.convolutions
    if path is None:
        return text
    return work_of(path, layout) if "alone" in layout.words else f"{text}; {work_of(path, layout)}"


def _model(layout: Layout) -> str:
    program = layout.program
    if program.job == "autoencode":
        sizes = [layout.n_inputs, *(len(dense.bias) for dense in program.encoder)]
        sizes += [len(dense.bias) for dense in program.decoder]
        return f"an autoencoder, {'-'.join(map(str, sizes))}"
    path = program.convolutions
    rounded = ["weights in bytes with a scale for each row"] if layout.weights == "int8" else []
    if path is not None and "alone" in layout.words:
        return ", ".join([described(path, layout), *rounded])
    net, hidden = program.nets[0], layout.constants["HIDDEN"]
    parts = [f"{CELLS[net.cell]}, {len(net.layers)} x {hidden}"]
    parts += ["both directions"] if len(net.layers[0]) == 2 else []
    parts += [f"a stem of {len(net.stem)} convolutions"] if net.stem else []
    parts += ["answers from the mean state"] if net.readout == "mean" else []
    parts += [f"{len(program.nets)} members"] if len(program.nets) > 1 else []
    parts += [f"beside {described(path, layout)}"] if path is not None else []
    return ", ".join([*parts, *rounded])


def _inputs(source: Source) -> str:
    program = source.program
    each = "row" if program.job == "autoencode" else "step"
    many = "s" if program.n_features > 1 else ""
    text = f"{program.n_features} number{many} a {each}, in the units of the data, not scaled"
    if program.pixels:
        text = f"{program.n_features} pixel{many} a {each}, numbers from 0 to 255"
    if source.facts["encodings"]:
        text += "; text and dates are encoded by the caller, as the JSON beside it says"
    if program.window:
        text += f"; trained on windows of {program.window} steps"
        text += ", the state carried between them" if program.stateful else ", each from zeros"
    return text


def _preparation(layout: Layout) -> str:
    """Return what is done to inputs and outputs."""
    program, words = layout.program, layout.words
    fills = {
        "mean": "missing numbers (NaN) become the mean",
        "forward": "missing numbers (NaN) become the last that was there",
        "mask": "missing numbers (NaN) become the mean, and the network sees which",
    }
    parts = [] if program.fill is None else [fills[program.missing]]
    parts += ["divided by 255"] if program.pixels else []
    parts += ["logarithms"] if "log" in words else []
    parts += ["scaled"] if "scaled" in words else []
    parts += ["outputs are changes of the inputs"] if "change" in words else []
    parts += ["windows in units of their own deviation"] if "by_window" in words else []
    parts += ["a linear path is added"] if "linear" in words else []
    parts += ["outputs are scaled back"] if "target_scaled" in words else []
    parts = parts or ["none"]
    parts += [] if program.fill is not None else ["missing numbers are refused"]
    return "; ".join(parts)


def _memory(layout: Layout) -> str:
    stack = f"about {layout.stack:,} bytes of stack"
    if "autoencode" in layout.words:
        return stack
    c = layout.constants
    if "rows" in layout.words:
        return f"{4 * (layout.n_inputs + 2 * c['WIDEST'])} bytes of scratch a step; {stack}"
    numbers = c["LAYERS"] * c["HIDDEN"] * (2 if "lstm" in layout.words else 1)
    numbers += 2 * c["HIDDEN"] + 2 if "mean" in layout.words else 0
    numbers += layout.program.n_features if "forward" in layout.words else 0
    numbers += c["OUTPUTS"] * c["PAST"] + 1 if "linear" in layout.words else 0
    return f"{4 * numbers:,} bytes of state; {stack} in a step, and a state more in _run"
