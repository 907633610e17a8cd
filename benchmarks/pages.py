"""Measures the pages of `hiddenstate export --to html` in node: `python benchmarks/pages.py`.

Of each model, with random weights: the bytes of its page and of its scripts; the time to decode the
weights and give the first answer to a row; and the processor time of one more step of a stream, or
of decoding one code. Both are those of the fastest of `--rounds`.
"""

import argparse
import json
import re
import shutil
import subprocess
from typing import Any

from timing import print_table

from hiddenstate.config import make_config
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.export.html import node
from hiddenstate.export.html.page import TARGET, default_weights, stored
from hiddenstate.export.target import source_of
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net

MODELS: dict[str, dict[str, Any] | None] = {
    "LSTM, 28 features, 64 units": {"cell": "lstm"},
    "LRU, 28 features, 64 units, 32 states": {"cell": "lru"},
    "GRU, 28 features, 64 units": {"cell": "gru"},
    "RNN, 28 features, 64 units": {"cell": "rnn"},
    "minGRU, 28 features, 64 units": {"cell": "mingru"},
    "FastGRNN of rank 8, 28 features, 64 units": {"cell": "fastgrnn", "rank": 8},
    "autoencoder 784-128-64-12-3": None,
}

DRIVER = """
const clock = performance.now();
const { program } = JSON.parse(PAGE);
const model = new Model(unpacked(program));
const steps = Array.from({ length: program.n_steps || 1 }, (_, t) => (
  Float64Array.from({ length: program.n_features }, (_, i) => (37 * t + 11 * i) % 256)));
const answer = model.predict(steps);
const first = performance.now() - clock;
const stream = program.job === "autoencode" ? null : model.stream();
const more = (k) => (stream ? stream.step(steps[k % steps.length]) : model.decode(answer.code));
for (let k = 0; k < COUNT; k += 1) more(k);
const before = process.cpuUsage().user;
for (let k = 0; k < COUNT; k += 1) more(k);
console.log(JSON.stringify([first, (process.cpuUsage().user - before) / COUNT]));
"""


def model_of(options: dict[str, Any] | None) -> FittedModel:
    """Return a model with random weights, for rows of 28 x 28 pixels."""
    pixels = Transform(pixels=True)
    if options is None:
        config = make_config("autoencode", {"output_activation": "sigmoid"}).model
        net = Net("autoencode", config, 784, 784)
        return FittedModel(net, net.initial(0, "float32"), None, (784,), False, pixels)
    config = make_config("classify", {"hidden_size": 64, **options}).model
    net = Net("classify", config, 28, 10)
    classes = [str(digit) for digit in range(10)]
    return FittedModel(net, net.initial(0, "float32"), classes, (28, 28), False, pixels)


def measured(name: str, args: argparse.Namespace) -> list[str]:
    """Return the cells of a model."""
    model = model_of(MODELS[name])
    weights = default_weights(model)
    source = source_of(stored(model, weights), "page", weights)
    page = TARGET.build(source)[".html"].decode()
    code = sum(map(len, re.findall(r'<script(?: id="net")?>(.*?)</script>', page, re.DOTALL)))
    cells = [name, weights, f"{len(page):,}", f"{code:,}"]
    program = shutil.which("node")
    if program is None:
        return [*cells, "no node", "no node"]
    count = 20 if args.toy else 300 if MODELS[name] is None else 3000
    script = f"{node.program_text(page)}\nconst PAGE = {json.dumps(node.data_text(page))};\n"
    script += f"const COUNT = {count};\n{DRIVER}"
    times = []
    for _ in range(1 if args.toy else args.rounds):
        done = subprocess.run(
            [program, "-"], input=script, capture_output=True, text=True, check=True
        )
        times.append(json.loads(done.stdout))
    first, step = (min(each) for each in zip(*times, strict=True))
    return [*cells, f"{first:.0f}", f"{step:.0f}"]


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each model")
    parser.add_argument("--toy", action="store_true", help="measure once, and little")
    return parser


def main() -> None:
    """Measure and print every model."""
    args = arguments().parse_args()
    head = ["model", "weights", "page, bytes", "scripts, bytes", "first answer, ms", "step, us"]
    print_table(head, [measured(name, args) for name in MODELS])


if __name__ == "__main__":
    main()
