"""The commands that ask a trained model: predict, evaluate."""

import csv
import io
from pathlib import Path
from typing import Any

import click

from hiddenstate.cli.output import note, say, say_json
from hiddenstate.cli.train import runs_dir_option
from hiddenstate.errors import OptionError

_run_argument = click.argument("run")
_data_argument = click.argument("data", required=False)
_device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="auto",
    help="Where to compute.  [default: auto]",
)
_debug_option = click.option(
    "--debug", is_flag=True, expose_value=False, help="Show the trace of an error."
)


@click.command(
    help="Predict for new rows, as CSV.\n\nRUN is a run, its folder, or a model file. DATA is an "
    ".npy, an .npz with X, or idx files; without it, the run's own test rows. A classifier gives "
    "labels, a regressor its outputs, an autoencoder its codes.\n\n\b\nExample:\n"
    "  hiddenstate predict classify-1 digits.npy --output labels.csv"
)
@_run_argument
@_data_argument
@click.option("--proba", is_flag=True, help="Add the probability of each class.")
@click.option("--output", type=click.Path(path_type=Path), help="Write here instead of stdout.")
@_device_option
@runs_dir_option
@_debug_option
def predict(
    run: str, data: str | None, proba: bool, output: Path | None, device: str, runs_dir: Path
) -> None:
    """The command `predict`."""
    from hiddenstate.cli.asking import OWN, open_model, own_test_rows, state_before
    from hiddenstate.data import load_inputs
    from hiddenstate.engines.torch import TorchPredictor

    model, found = open_model(run, runs_dir)
    if proba and model.net.job != "classify":
        raise OptionError(f"--proba: is for classifiers; this is a {model.net.job} model")
    predictor = TorchPredictor(model, device)
    X, where = (load_inputs(data)[0], data) if data else (own_test_rows(found)[0], OWN)
    state = {} if data else state_before(predictor, model, found)
    head, rows = _prediction_rows(model, predictor, X, where, proba, state)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    if output is None:
        click.echo(text.getvalue(), nl=False)
        return
    from hiddenstate.storage import write_atomically

    write_atomically(output, text.getvalue().encode())
    note(f"{len(rows)} rows written to {output}")


def _prediction_rows(
    model: Any, predictor: Any, X: Any, where: str, proba: bool, state: Any
) -> tuple[list[str], list[list[Any]]]:
    """The head and the rows of the CSV."""
    from hiddenstate.predicting import class_labels, lay_out, probabilities, signal_rows

    if model.net.job == "classify":
        outputs = predictor.predict(lay_out(model, X, where))
        labels = class_labels(model, outputs)
        head, rows = ["row", "label"], [[i, label] for i, label in enumerate(labels.tolist())]
        if proba:
            head += [f"p_{name}" for name in model.classes]
            for row, chances in zip(rows, probabilities(outputs).tolist(), strict=True):
                row += chances
        return head, rows
    if model.net.job == "autoencode":
        codes = predictor.encode(lay_out(model, X, where))
        head = ["row", *(f"code_{i + 1}" for i in range(codes.shape[1]))]
        return head, [[i, *code] for i, code in enumerate(codes.tolist())]
    windows = signal_rows(model, X, where)
    outputs = predictor.follow(windows, state)[0] if model.stateful else predictor.predict(windows)
    flat = outputs.reshape(-1, outputs.shape[-1])
    head = ["step", *(f"y_{i + 1}" for i in range(flat.shape[1]))]
    return head, [[i, *values] for i, values in enumerate(flat.tolist())]


@click.command(
    help="Measure a run on its test rows, or on other data with known answers.\n\nRUN is a run, "
    "its folder, or a model file. DATA is an .npz with X and y, idx files, or, for an "
    "autoencoder, an .npy.\n\n\b\nExample:\n  hiddenstate evaluate classify-1"
)
@_run_argument
@_data_argument
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, nothing else.")
@_device_option
@runs_dir_option
@_debug_option
def evaluate(run: str, data: str | None, as_json: bool, device: str, runs_dir: Path) -> None:
    """The command `evaluate`."""
    from hiddenstate.cli.asking import OWN, measure, open_model, own_test_rows
    from hiddenstate.data import load_inputs

    model, found = open_model(run, runs_dir)
    X, y = load_inputs(data) if data else own_test_rows(found)
    figures = measure(model, found, X, y, data or OWN, device)
    if as_json:
        path = str(found.path) if found else run
        say_json({"job": model.net.job, "run": path, "data": data, **figures})
        return
    for name, value in figures.items():
        say(f"{name}: {value:.6g}" if isinstance(value, float) else f"{name}: {value}")
