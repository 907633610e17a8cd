"""The comment at the top of the C header: what the model is, how it is used, what it costs."""

from collections.abc import Callable
from typing import Any

from hiddenstate.export.c.arrays import commented, row_of_table
from hiddenstate.export.c.content import Layout
from hiddenstate.export.target import Source
from hiddenstate.program.cells import CELLS
from hiddenstate.program.companions import KERNELS, Companion, FixedConvolutions
from hiddenstate.program.layers import Dense, Layer
from hiddenstate.program.order import step_of
from hiddenstate.program.steps import Forecast, Logarithm
from hiddenstate.program.words import COMPANIONS

DOUBLE = (
    "inputs are prepared, and fixed convolutions added up, in double, which must have 64 bits: in "
    "float a value close to its bias may fall on the other side. A processor without a unit for "
    "doubles computes them in software, which is slow"
)
"""What the comment says about doubles."""

PREPARATION = (
    ("FRACTIONS", "divided by 255"),
    ("LOGARITHM", "logarithms"),
    ("SCALE", "scaled"),
    ("CHANGE", "inputs are added to the outputs"),
    ("WINDOW_SCALE", "windows in units of their own deviation"),
    ("FORECAST", "a linear path is added"),
    ("TARGET_SCALE", "outputs are scaled back"),
)
"""What the comment says about steps other than those that fill in."""


def introduction(source: Source, layout: Layout) -> str:
    """Return the comment."""
    facts, name = source.facts, commented(source.name)
    rows = [
        ("Model", _model(source, layout)),
        ("SHA-256", facts["model_sha256"]),
        ("Classes", ", ".join(map(str, facts["classes"])) if facts["classes"] else ""),
        ("Targets", ", ".join(facts["targets"]) if facts["targets"] else ""),
        ("Columns", ", ".join(facts["columns"]) if facts["columns"] else ""),
        ("Inputs", inputs_of(source)),
        ("Preparation", _preparation(layout)),
        ("Answers", answers_of(source)),
        ("Forecasts", _forecasts(source)),
        ("Flash", f"{layout.flash:,} bytes of constants, and the code"),
        ("RAM", _memory(layout)),
        ("Work", _work(layout)),
        ("Double", DOUBLE if "FIXED" in layout.has else ""),
    ]
    table = "\n".join(row_of_table(title, text) for title, text in rows if text)
    test = f"-D{layout.prefix.upper()}_SELFTEST"
    return (
        f"/* {name}.h: a trained model in C99, written by hiddenstate {facts['hiddenstate']}.\n\n"
        f"{_usage(name, layout)}\n{table}\n\n"
        f"   Compiled with {test}, this file is a program that compares its answers with\n"
        "   those of the model:\n\n"
        f"       cc -O2 {test} -x c {name}.h -o selftest -lm && ./selftest\n*/\n"
    )


def _usage(name: str, layout: Layout) -> str:
    """Return how a program includes and calls it."""
    own, sizes, has = layout.prefix, layout.prefix.upper(), layout.has
    text = (
        f"   In one file of a program define {sizes}_IMPLEMENTATION before including it. It needs\n"
        "   no library but libm, allocates nothing, and changes no memory but what you pass.\n\n"
        f'       #define {sizes}_IMPLEMENTATION\n       #include "{name}.h"\n\n'
    )
    if "AUTOENCODER" in has:
        return text + (
            f"       float code[{sizes}_CODE], row[{sizes}_FEATURES], error;\n"
            f"       if ({own}_run(x, code, row, &error) == {sizes}_OK) ...\n"
        )
    if "STREAMS" in has:
        text += f"       {own}_state state;\n       float y[{sizes}_OUTPUTS];\n"
        text += f"       {own}_reset(&state);\n"
        text += f"       for each step x: if ({own}_step(&state, x, y) == {sizes}_OK) ... "
        text += f"{own}_label({own}_class(y))\n" if "CLASSES" in has else "y[0]\n"
        return text + _usage_ahead(layout)
    answers = f"STEPS * {sizes}_OUTPUTS" if "STEPS" in has else f"{sizes}_OUTPUTS"
    return (
        text
        + (
            f"       float y[{answers}], scratch[{sizes}_SCRATCH(STEPS)];\n"
            f"       if ({own}_run(x, STEPS, y, scratch) == {sizes}_OK) ...\n\n"
            f"   There is no {own}_step: its answers need a whole series.\n"
        )
        + _usage_ahead(layout)
    )


def _usage_ahead(layout: Layout) -> str:
    """Return how forecasts of all steps are asked for."""
    own, sizes = layout.prefix, layout.prefix.upper()
    if "HORIZON" not in layout.has:
        return ""
    scratch = "NULL" if "STREAMS" in layout.has else "scratch"
    space = "" if scratch == "NULL" else f", scratch[{sizes}_SCRATCH({sizes}_WINDOW)]"
    text = f"\n       float later[{sizes}_HORIZON * {sizes}_OUTPUTS]{space};\n"
    text += f"       if ({own}_forecast(x, STEPS, later, {scratch}) == {sizes}_OK) ...\n"
    if "INTERVALS" in layout.has:
        text += f"           {own}_interval(0, x, STEPS, later, low, high);\n"
    return text


def _work(layout: Layout) -> str:
    """Return what is computed for a step or a row."""
    each = "a row" if "AUTOENCODER" in layout.has else "a step"
    parts = [f"{layout.work:,} multiply-adds {each}"] if layout.tables else []
    parts += [WORK[type(each)](layout, each) for each in layout.program.companions]
    return "; ".join(parts)


def _work_of_convolutions(layout: Layout, path: FixedConvolutions) -> str:
    uses = int(path.uses.sum()) if "CHANNELS" in layout.has else 0
    sums = 9 * len(KERNELS) * len(path.dilations) + uses
    return (
        f"for the fixed convolutions {sums:,} additions of doubles and {path.size:,} comparisons "
        f"of floats a step, and {path.weight.size:,} multiply-adds of doubles a series"
    )


WORK: dict[type, Callable[[Layout, Any], str]] = {FixedConvolutions: _work_of_convolutions}
"""Returns what is computed of a companion."""


def _described(companion: Companion) -> str:
    """Return what stands beside the nets."""
    text = f"{companion.size:,} {COMPANIONS[type(companion)].title}"
    if companion.share:
        return f"beside {text}, whose share is {1 - companion.share:.0%}"
    return f"{text} alone: the share of the network is 0"


def _model(source: Source, layout: Layout) -> str:
    program, c, has = layout.program, layout.constants, layout.has

    def sizes(layers: tuple[Layer, ...]) -> list[int]:
        return [len(each.bias) for each in layers if isinstance(each, Dense)]

    if program.kind.has_codes:
        numbers = [layout.n_inputs, *sizes(program.nets[0]), *sizes(program.decoder)]
        return f"an autoencoder, {'-'.join(map(str, numbers))}"
    parts = []
    if "RECURRENT" in has:
        (cell,) = (cell for name, cell in CELLS.items() if name.upper() in has)
        parts += [f"{cell.title}, {c['LAYERS']} x {c['HIDDEN']}"]
        parts += [f"{c['COMPLEX']} complex states a layer"] if "COMPLEX" in c else []
        parts += [f"matrices of rank {c['RANK']}"] if "RANK" in c else []
        parts += ["both directions"] if "BOTH" in has else []
        parts += [f"a stem of {c['CONVOLUTIONS']} convolutions"] if c["CONVOLUTIONS"] else []
        parts += ["answers from the mean state"] if "MEAN" in has else []
        parts += [f"{c['MEMBERS']} members"] if c["MEMBERS"] > 1 else []
    parts += [_described(companion) for companion in program.companions]
    if source.model.transform.has_path and not source.model.network_counts:
        parts += ["which does not answer: the linear path alone does"]
    parts += ["weights in bytes with a scale for each row"] if "BYTES" in has else []
    return ", ".join(parts)


def inputs_of(source: Source) -> str:
    program, facts = source.program, source.facts
    each = "row" if program.kind.has_codes else "step"
    many = "s" if program.n_features > 1 else ""
    text = f"{program.n_features} number{many} a {each}, in the units of the data, not scaled"
    if facts["pixels"]:
        text = f"{program.n_features} pixel{many} a {each}, numbers from 0 to 255"
    if facts["encodings"]:
        text += "; text and dates are encoded by the caller, as the JSON beside it says"
    if program.n_moved:
        text += f"; the last {program.n_moved} are those known ahead, at the time of the answer"
    if program.window:
        text += f"; trained on windows of {program.window} steps"
        text += ", the state carried between them" if program.stateful else ", each from zeros"
    return text


def answers_of(source: Source) -> str:
    """Return what an answer is, and what it is for."""
    program, text = source.program, str(source.facts["units"]["answers"])
    if not program.horizon:
        return text
    steps = f"{program.horizon} steps" if program.horizon > 1 else "the step"
    return f"{text}; that of _run is for {steps} after the last one of x"


def _forecasts(source: Source) -> str:
    """Return what a forecast of all steps is."""
    program, ahead = source.program, source.program.ahead
    if ahead is None:
        return ""
    H = program.horizon
    text = f"_forecast gives the next {H} steps, for which it reads the last {program.window} "
    text += f"steps {H} times" if H > 1 else "steps"
    if H > 1 and not ahead.nearer:
        text += f": step j is the answer to the window that ended {H} - j steps earlier"
    if not ahead.levels:
        return f"{text}; it has no intervals: they follow from the data of a run"
    levels = " and ".join(f"{100 * level:g}" for level in ahead.levels)
    text += f"; _interval gives those that covered {levels} % of the held-out steps of the run"
    text += ", in the scale of x"
    if not all(log for each in program.steps if isinstance(each, Logarithm) for log in each.log):
        return f"{text}, for which pass the whole series"
    return text


def _preparation(layout: Layout) -> str:
    """Return what is done to inputs and outputs."""
    has, fill = layout.has, "missing numbers (NaN) become the mean"
    if "FORWARD" in has:
        fill = "missing numbers (NaN) become the last that was there"
    elif "MASK" in has:
        fill += ", and the network sees which"
    parts = [fill] if "FILL" in has else []
    parts += [text for name, text in PREPARATION if name in has]
    path = step_of(layout.program.steps, Forecast)
    if path is not None and path.inputs:
        parts[parts.index("a linear path is added")] += ", which reads the past of other inputs"
    parts = parts or ["none"]
    parts += [] if "FILL" in has else ["missing numbers are refused"]
    return "; ".join(parts)


def _memory(layout: Layout) -> str:
    stack, c, has = f"about {layout.stack:,} bytes of stack", layout.constants, layout.has
    if "AUTOENCODER" in has:
        return stack
    if "STREAMS" not in has:
        return f"{4 * (layout.n_inputs + 2 * c['WIDEST'])} bytes of scratch a step; {stack}"
    return f"{4 * layout.state:,} bytes of state; {stack} in a step, and a state more in _run"
