"""What the self-test of the C header compares with: rows, and the answers of the model to them."""

from hiddenstate.export.c.arrays import array, literal
from hiddenstate.export.c.content import Layout
from hiddenstate.export.magnitude import answer_limits
from hiddenstate.export.target import Source

LIMIT = 2e-6
"""Largest difference of an answer, by the scale of the targets."""

MOST_STEPS = 28
"""Most steps of a row of the self-test: the vectors are part of the file."""

ROWS = 2

ANSWERS = {
    "classes": {"y": "probabilities"},
    "targets": {"y": "y"},
    "codes": {"code": "code", "reconstruction": "reconstruction", "error": "error"},
}
"""The arrays of answers of each kind, and how a program names them."""


def vectors(source: Source, layout: Layout) -> str:
    """Return the rows and the answers as arrays of C."""
    program = source.program
    X = source.trials[0].X[:ROWS]
    X = X if program.kind.has_codes else X[:, :MOST_STEPS]
    found = program.predict(X)
    answers = {own: found[name] for own, name in ANSWERS[program.kind.answers].items()}
    limits = answer_limits(
        source, {name: found[name] for name in ANSWERS[program.kind.answers].values()}, LIMIT
    )
    limit = limits[
        "reconstruction" if program.kind.has_codes else ANSWERS[program.kind.answers]["y"]
    ]
    numbers = {"TEST_ROWS": str(len(X)), "TEST_LIMIT": f"{limit:.9g}"}
    if program.kind.has_codes:
        numbers |= {
            f"{name.upper()}_SHARE": literal(limit / limits[name]) for name in ("code", "error")
        }
    else:
        numbers["TEST_STEPS"] = str(X.shape[1])
    prefix = layout.prefix.upper()
    text = "".join(f"#define {prefix}_{name} {value}\n" for name, value in numbers.items())
    for name, values in {"x": X, **answers}.items():
        own = values.reshape(len(X), -1).astype("float32")
        text += "\n" + array(layout.named(f"test_{name}"), own)
    return text
