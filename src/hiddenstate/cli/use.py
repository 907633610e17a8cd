"""The commands that ask a trained model: predict, evaluate."""

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hiddenstate.cli.options import config_option, debug_option, json_option, runs_dir_option
from hiddenstate.cli.output import note, say, say_json
from hiddenstate.errors import OptionError

if TYPE_CHECKING:
    from hiddenstate.data.dataset import Array
    from hiddenstate.engines import Predictor
    from hiddenstate.models import FittedModel, Params
    from hiddenstate.runs import Run

_run_argument = click.argument("run")
_data_argument = click.argument("data", required=False)
_device_option = config_option("classify", "device")
_threads_option = config_option("classify", "threads")
_unpacked_option = config_option("classify", "max_unpacked")


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
@_unpacked_option
@_device_option
@_threads_option
@runs_dir_option
@debug_option
def predict(
    run: str, data: str | None, proba: bool, output: Path | None,
    max_unpacked: float | None, device: str, threads: int, runs_dir: Path,
) -> None:  # fmt: skip
    """The command `predict`."""
    from hiddenstate.data import load_inputs
    from hiddenstate.engines import make_predictor
    from hiddenstate.evaluating import OWN, own_test_rows, state_before

    model, found = _open(run, runs_dir)
    if proba and model.net.job != "classify":
        raise OptionError(f"--proba: is for classifiers; this is a {model.net.job} model")
    predictor = make_predictor(model, device, threads)
    X, where = (
        (load_inputs(data, max_unpacked)[0], data) if data else (own_test_rows(found)[0], OWN)
    )
    state = {} if data else state_before(predictor, model, found)
    head, rows = _prediction_rows(model, predictor, X, where, proba, state)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    if output is None:
        click.echo(text.getvalue(), nl=False)
        return
    from hiddenstate.storage import write_answer

    write_answer(output, text.getvalue())
    note(f"{len(rows)} rows written to {output}")


def _open(name: str, runs_dir: Path) -> "tuple[FittedModel, Run | None]":
    """The model, with a word if its run has gone on since and not ended."""
    from hiddenstate.evaluating import open_model

    model, run = open_model(name, runs_dir)
    if run and run.results() is None:
        note(f"{run.path} is {run.state()}: this is its model from before it went on")
    return model, run


def _prediction_rows(
    model: "FittedModel", predictor: "Predictor", X: "Array", where: str, proba: bool,
    state: "Params",
) -> tuple[list[str], list[list[Any]]]:  # fmt: skip
    """The head and the rows of the CSV."""
    from hiddenstate.metrics import softmax
    from hiddenstate.predicting import class_labels, lay_out, signal_rows

    if model.net.job == "classify":
        outputs = predictor.predict(lay_out(model, X, where))
        labels = class_labels(model, outputs)
        head, rows = ["row", "label"], [[i, label] for i, label in enumerate(labels.tolist())]
        if proba:
            head += [f"p_{name}" for name in model.classes or []]
            for row, chances in zip(rows, softmax(outputs).tolist(), strict=True):
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
    short_help="Measure a run on its test rows, or on other data.",
    help="Measure a run on its test rows, or on other data with known answers.\n\nRUN is a run, "
    "its folder, or a model file. DATA is an .npz with X and y, idx files, or, for an "
    "autoencoder, an .npy.\n\n\b\nExample:\n  hiddenstate evaluate classify-1",
)
@_run_argument
@_data_argument
@json_option
@_unpacked_option
@_device_option
@_threads_option
@runs_dir_option
@debug_option
def evaluate(
    run: str, data: str | None, as_json: bool,
    max_unpacked: float | None, device: str, threads: int, runs_dir: Path,
) -> None:  # fmt: skip
    """The command `evaluate`."""
    from hiddenstate.data import load_inputs
    from hiddenstate.engines import make_predictor
    from hiddenstate.evaluating import OWN, measure, own_test_rows, state_before

    model, found = _open(run, runs_dir)
    X, y = load_inputs(data, max_unpacked) if data else own_test_rows(found)
    predictor = make_predictor(model, device, threads)
    state = None if data else state_before(predictor, model, found)
    figures = measure(model, predictor, X, y, data or OWN, state)
    if as_json:
        path = str(found.path) if found else run
        say_json({"job": model.net.job, "run": path, "data": data, **figures})
        return
    for name, value in figures.items():
        say(f"{name}: {value:.6g}" if isinstance(value, float) else f"{name}: {value}")
