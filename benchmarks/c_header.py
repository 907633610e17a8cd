"""Times a step of an exported C header, and says how large it is.

    python benchmarks/c_header.py [--cells lstm,gru] [--rounds N] [--toy]

The net reads 28 numbers a step and has 64 units and 10 classes. Contenders are the options of the
compiler; each is a program that times itself, by the processor's time, so that other work of the
machine counts little.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from timing import interleave, machine, print_machine, print_table, spread

from hiddenstate.config import make_config
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.export.c import header as c_header
from hiddenstate.export.c.layout import layout_of
from hiddenstate.export.int8 import stored
from hiddenstate.export.target import Source, source_of
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net
from hiddenstate.program.cells import CHOICES

HIDDEN, FEATURES, OUTPUTS = 64, 28, 10
OPTIONS = ("-O2", "-O3 -march=native")

PROGRAM = """
#define STEP_IMPLEMENTATION
#include "step.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
int main(int argc, char **argv)
{
    static float x[64 * STEP_FEATURES];
    const long n = argc > 1 ? atol(argv[1]) : 1;
    step_state state;
    float y[STEP_OUTPUTS], sum = 0.0f;
    clock_t start;
    long i;
    for (i = 0; i < 64 * STEP_FEATURES; i++)
        x[i] = (float)(i * 37 % 256);
    step_reset(&state);
    start = clock();
    for (i = 0; i < n; i++) {
        if (step_step(&state, x + i % 64 * STEP_FEATURES, y) != STEP_OK)
            return 1;
        sum += y[0];
    }
    printf("%.9g %g\\n", (double)(clock() - start) / CLOCKS_PER_SEC / (double)n, (double)sum);
    return 0;
}
"""


def measure(args: argparse.Namespace) -> None:
    """Print a table of the microseconds of a step and the bytes of flash."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        print("C header: skipped, there is no C compiler", file=sys.stderr)
        return
    rounds = 1 if args.toy else args.rounds
    steps = 100 if args.toy else 20000
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        tasks = {}
        sizes = {}
        for cell in args.cells.split(","):
            for weights in ("float32", "int8"):
                source = exported(cell, weights)
                sizes[cell, weights] = layout_of(source.program, weights).flash
                for options in OPTIONS:
                    own = Path(folder) / f"{cell}-{weights}-{len(options)}"
                    program = compiled(compiler, source, options, own)
                    tasks[cell, weights, options] = partial(seconds, program, steps)
        for (cell, weights, options), took in interleave(tasks, rounds).items():
            each = spread([1e6 * second for second in took])
            size = f"{sizes[cell, weights]:,}"
            rows.append((cell, weights, size, options, f"{each.low:.2f}", f"{each.median:.2f}"))
    print_machine(machine(1))
    print(f"## C header: microseconds per step, {FEATURES}-{HIDDEN}-{OUTPUTS}, {rounds} rounds\n")
    print_table(("cell", "weights", "bytes", "gcc", "lowest, us", "median, us"), rows)


def exported(cell: str, weights: str) -> Source:
    """Return a net with random weights, to be exported as `step.h`."""
    config = make_config("classify", {"hidden_size": HIDDEN, "cell": cell})
    net = Net("classify", config.model, FEATURES, OUTPUTS)
    names = [str(i) for i in range(OUTPUTS)]
    transform = Transform(pixels=True)
    model = FittedModel(net, net.initial(0, "float32"), names, (28, FEATURES), False, transform)
    return source_of(model, "step", weights, stored)


def compiled(compiler: str, source: Source, options: str, folder: Path) -> Path:
    """Compile the program in `folder`, and return its path."""
    folder.mkdir()
    (folder / "step.h").write_bytes(c_header.build(source)[".h"])
    (folder / "main.c").write_text(PROGRAM)
    words = [compiler, "-std=c99", *options.split(), "main.c", "-o", "step", "-lm"]
    subprocess.run(words, cwd=folder, check=True)
    return folder / "step"


def seconds(program: Path, steps: int) -> float:
    """Return the seconds of a step that a program measures."""
    done = subprocess.run([program, str(steps)], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[0])


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cells", default=",".join(CHOICES), help="all by default")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--toy", action="store_true", help="few steps, to see that it runs")
    return parser


if __name__ == "__main__":
    measure(arguments().parse_args())
