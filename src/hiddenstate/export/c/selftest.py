"""The self-test of the C header: rows, the answers of the model to them, and a `main`."""

import numpy as np

from hiddenstate.export.c.layout import Layout
from hiddenstate.export.c.numbers import array, literal
from hiddenstate.export.magnitude import answer_limits
from hiddenstate.export.program import plain
from hiddenstate.export.python.runtime import Model
from hiddenstate.export.target import Source
from hiddenstate.export.trial import Answers

LIMIT = 2e-6
"""Largest difference of an answer, by the scale of the targets."""

MOST_STEPS = 28
"""Most steps of a row of the self-test: the vectors are part of the file."""

ROWS = 2

TEMPLATE = """\
#ifdef $_SELFTEST

#include <stdio.h>

VECTORS
/* The larger of `worst` and the differences of n answers from those of the model, times `share`. */
static float @_worse(float worst, float share, const float *y, const float *expected, int n)
{
    int i;
    for (i = 0; i < n; i++) {
        float difference = y[i] - expected[i];
        difference = (difference < 0.0f ? -difference : difference) * share;
        if (worst == worst && !(difference <= worst)) /* NaN is the worst, and stays */
            worst = difference;
    }
    return worst;
}

int main(void)
{
    float worst = 0.0f;
    int row, passed, status = $_OK;
    for (row = 0; row < N_ROWS && status == $_OK; row++) {
        const float *x = @_test_x + row * N_X;
        const float *expected = @_test_y + row * N_Y;
        float y[N_Y];
# if autoencode
        const int error = $_CODE + $_FEATURES;
        status = @_run(x, y, y + $_CODE, y + error);
        worst = @_worse(worst, CODE_SHARE, y, expected, $_CODE);
        worst = @_worse(worst, 1.0f, y + $_CODE, expected + $_CODE, $_FEATURES);
        worst = @_worse(worst, ERROR_SHARE, y + error, expected + error, 1);
# end
# if no autoencode
        float scratch[$_SCRATCH(N_STEPS) + 1];
        status = @_run(x, N_STEPS, y, scratch);
        worst = @_worse(worst, 1.0f, y, expected, N_Y);
# end
# if streams
        {
            @_state state;
            int t;
            @_reset(&state);
            for (t = 0; t < N_STEPS && status == $_OK; t++) {
                status = @_step(&state, x + t * $_FEATURES, y);
# if steps
                worst = @_worse(worst, 1.0f, y, expected + t * $_OUTPUTS, $_OUTPUTS);
# end
            }
# if no steps
            worst = @_worse(worst, 1.0f, y, expected, $_OUTPUTS);
# end
        }
# end
    }
    passed = status == $_OK && worst <= (float)LIMIT;
    printf("status %d, largest difference %.3g in %d rows, limit %.3g: %s\\n", status,
           (double)worst, N_ROWS, LIMIT, passed ? "passed" : "FAILED");
    return !passed;
}

#endif /* $_SELFTEST */

"""


def selftest(source: Source, layout: Layout) -> str:
    """Return the program, as a part of the template."""
    program = source.program
    trials = source.trials
    X = trials[0].X[:ROWS, :MOST_STEPS] if program.job != "autoencode" else trials[0].X[:ROWS]
    answers: Answers = Model(plain(program), source.facts).predict(X)
    names = {
        "classify": ("probabilities",),
        "regress": ("y",),
        "autoencode": ("code", "reconstruction", "error"),
    }[program.job]
    y = np.concatenate([answers[name].reshape(len(X), -1) for name in names], axis=1)
    x = X.reshape(len(X), -1)
    vectors = array("@_test_x", x.astype(np.float32)) + "\n"
    vectors += array("@_test_y", y.astype(np.float32))
    text = TEMPLATE.replace("VECTORS", vectors)
    limits = answer_limits(source, {name: answers[name] for name in names}, LIMIT)
    limit = limits["reconstruction" if program.job == "autoencode" else names[0]]
    numbers = {
        "N_ROWS": len(X),
        "N_X": x.shape[1],
        "N_Y": y.shape[1],
        "N_STEPS": X.shape[1],
        "LIMIT": f"{limit:.9g}",
        **{f"{n.upper()}_SHARE": literal(limit / each) for n, each in limits.items()},
    }
    for name, value in numbers.items():
        text = text.replace(name, str(value))
    return text
