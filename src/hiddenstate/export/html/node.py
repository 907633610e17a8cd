"""Runs the program inside a page, in node if there is one."""

import json
import os
import re
from typing import Any

import numpy as np

from hiddenstate.errors import DataError
from hiddenstate.export.python.file import packed
from hiddenstate.export.python.model import unpacked
from hiddenstate.export.target import Run, in_integers
from hiddenstate.export.trial import Answers, Trial
from hiddenstate.program.layers import run_layers
from hiddenstate.program.order import for_nets
from hiddenstate.program.program import Program
from hiddenstate.system import processes
from hiddenstate.system.typing import Array

LONGEST = 120
"""Seconds that node may take; a page that takes longer is tried with numpy."""

DRIVER = """
const { program } = JSON.parse(PAGE);
const { X, T, lengths, stream, ahead, integers } = JSON.parse(TRIAL);
const model = new Model(unpacked(program));
const values = numbersOf(X);
const I = program.n_features;
const found = {};
const keep = (name, value) => (found[name] = found[name] || []).push(value);
const plain = (value) => (value.length === undefined ? value : Array.from(value, plain));
lengths.forEach((length, row) => {
  const steps = [];
  for (let t = 0; t < length; t += 1) {
    steps.push(values.subarray((row * T + t) * I, (row * T + t + 1) * I));
  }
  if (ahead) {
    for (const [name, value] of Object.entries(forecastOf(model, steps))) keep(name, plain(value));
    return;
  }
  const { states, y, ...answers } = model.predict(steps);
  if (y) answers.y = model.every ? y : y[0];
  for (const [name, value] of Object.entries(answers)) keep(name, plain(value));
  if (integers) {
    const { nets, decoder, steps: parts } = model.program;
    const inputs = applied(parts, model.prepare(steps), {}, true);
    const all = nets.map((net) => outputsOf(net, inputs).outputs);
    if (answers.code) all.push(outputsOf(decoder, all[0]).outputs);
    keep("integers", plain(all));
  }
  if (!stream) return;
  const reader = model.stream();
  keep("stream", steps.map((step) => plain(Object.values(reader.step(step))[0])));
});
console.log(JSON.stringify(found));
"""
"""What is added to the page's interpreter to answer a trial."""


def program_text(page: str) -> str:
    """Return the text of a page's interpreter."""
    return _inside(page, '<script id="net">')


def data_text(page: str) -> str:
    """Return the JSON of a page: the program and what is shown."""
    return _inside(page, '<script type="application/json" id="model-data">')


def _inside(page: str, start: str) -> str:
    match = re.search(re.escape(start) + "(.*?)</script>", page, re.DOTALL)
    assert match is not None
    return match[1]


def answers_of(page: str, trial: Trial) -> Run:
    """Return what a page answers to a trial: in node, or with the numpy runtime without it.

    Raises
    ------
    DataError
        If it computes in integers, and one is another than in numpy.
    """
    node = processes.program("node") or processes.program("nodejs")
    program: Program = unpacked(json.loads(data_text(page))["program"])
    found = None if node is None else _in_node(node, page, program, trial)
    if found is not None:
        answers, stream, version = found
        return Run(answers, stream, f"node {version}")
    stream = None
    if trial.stream is not None:
        stream, _ = program.advance(trial.X, program.state(len(trial.X)))
    X, ahead = trial.X, trial.ahead
    answers = program.forecast(X) if ahead else program.predict(X, trial.lengths)
    computed_by = f"numpy {np.__version__} from the weights of the page, without node"
    return Run(answers, stream, computed_by)


def _in_node(
    node: str, page: str, program: Program, trial: Trial
) -> tuple[Answers, Answers | None, str] | None:
    """Return answers, those of the stream, and the version; None if node cannot answer."""
    steps = 1 if trial.X.ndim == 2 else trial.X.shape[1]
    lengths = np.full(len(trial.X), steps) if trial.lengths is None else trial.lengths
    asked = {
        "X": packed(np.asarray(trial.X, np.float64), ()),
        "T": steps,
        "lengths": lengths.tolist(),
        "stream": trial.stream is not None,
        "ahead": trial.ahead,
        "integers": in_integers(program),
    }
    constants = f"const PAGE = {json.dumps(data_text(page))};\n"
    constants += f"const TRIAL = {json.dumps(json.dumps(asked))};\n"
    script = f"{program_text(page)}\n{constants}{DRIVER}"
    ended = _ended([node, "-"], script)
    version = _ended([node, "--version"], "")
    if ended is None or version is None:
        return None
    found = json.loads(ended)
    _check_integers(found.pop("integers", []), program, trial)
    longest = steps if not trial.ahead else trial.answers["y"].shape[1]
    answers = {name: _padded(rows, longest) for name, rows in found.items() if name != "stream"}
    stream = None
    if trial.stream is not None:
        stream = {next(iter(trial.stream)): np.array(found["stream"], np.float64)}
    return answers, stream, version.strip().removeprefix("v")


def _check_integers(found: list[list[Any]], program: Program, trial: Trial) -> None:
    """Refuse outputs of layers in node, of each row those of each net and of the decoder, that are
    not those in numpy (`DataError`)."""
    if not found:
        return
    x, lengths = program.kept(trial.X, trial.lengths), trial.lengths
    read = for_nets(program.steps, x, lengths)
    expected = [run_layers(net, read, lengths)[0] for net in program.nets]
    if program.decoder:
        expected.append(run_layers(program.decoder, expected[0])[0])
    for row, nets in enumerate(found):
        for outputs, own in zip(nets, expected, strict=True):
            right = own[row, : len(outputs)] if own.ndim == 3 else own[row : row + 1]
            if not np.array_equal(outputs, right):
                raise DataError(
                    "--to html: nothing was written: node computes other integers than numpy"
                )


def _ended(command: list[str], text: str) -> str | None:
    """Return what a command printed; None if it failed or took too long."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NODE_")}
    try:
        done = processes.call(command, text.encode(), LONGEST, environment)
        return None if done.code else done.output.decode()
    except (OSError, UnicodeError):
        return None


def _padded(rows: list[Any], steps: int) -> Array:
    """Return answers of rows; with one answer a step, those after the end of a row are 0."""
    arrays = [np.array(row, np.float64) for row in rows]
    if arrays[0].ndim < 2:
        return np.stack(arrays)
    after = [np.zeros((steps - len(array), array.shape[1])) for array in arrays]
    return np.stack([np.concatenate(pair) for pair in zip(arrays, after, strict=True)])
