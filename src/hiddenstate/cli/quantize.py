"""The command quantize: writes a model in integers, and says what is lost by them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hiddenstate.cli.options import FilePath, GroupedCommand, json_option
from hiddenstate.cli.output import note, say, say_json, table
from hiddenstate.cli.output_file import check_figure, refuse_overwriting, write_figure
from hiddenstate.cli.predict import data_argument, model_options, note_remarks, opened_model
from hiddenstate.cli.refused_options import refuse_options
from hiddenstate.cli.run_argument import check_order, run_argument
from hiddenstate.cli.stdin import new_data
from hiddenstate.errors import OptionError, printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hiddenstate.inference.quantising import Lost
    from hiddenstate.models.fitted import FittedModel
    from hiddenstate.runs import Run

ENDING = "-int8.safetensors"
"""What follows the name of the run in that of the model, unless one is named."""

SHOWN_ZEROS = 0.5
"""Share of zeros from which it is printed: with fewer, no matrix is sparse in a file."""


@click.command(
    cls=GroupedCommand,
    help="Write the model that answers in integers: weights of 8 bits, numbers between layers of "
    "16 or 8.\n\nRUN is a run, its folder, or a model file. Nothing is trained: the ranges of "
    "numbers are found on rows, the training rows of the run or some of DATA, and what is lost is "
    "measured on others, its test rows or the rest of DATA.\n\n\b\nExample:\n"
    "  hiddenstate quantize classify-1 --output digits-int8.safetensors\n"
    "  hiddenstate quantize digits.safetensors digits.csv --state-bits 8 --figure lost.png",
)
@run_argument
@data_argument
@click.option(
    "--state-bits",
    type=click.Choice(("16", "8")),
    default="16",
    metavar="16|8",
    help="Bits of inputs, of what layers give and of states.  [default: 16]",
)
@click.option(
    "--rows",
    type=click.IntRange(10),
    default=1000,
    metavar="N",
    help="Rows that ranges are found on, at most.  [default: 1000]",
)
@click.option(
    "--range",
    "percent",
    type=click.FloatRange(50, 100),
    default=99.99,
    metavar="P",
    help="Percent of the numbers of each vector that fit; the others are cut.  [default: 99.99]",
)
@click.option(
    "--output",
    type=FilePath(path_type=Path),
    metavar="FILE",
    help="The file to write, instead of RUN-int8.safetensors in the current folder.",
)
@click.option(
    "--figure",
    type=FilePath(path_type=Path),
    metavar="FILE",
    help="Draw what is lost; FILE is a .png, .svg or .pdf.",
)
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@json_option
@model_options
def quantize(
    run: str,
    data: str | None,
    state_bits: str,
    rows: int,
    percent: float,
    output: Path | None,
    figure: Path | None,
    force: bool,
    as_json: bool,
    device: str,
    threads: int,
    runs_dir: Path,
    **reading: Any,
) -> None:
    """The command `quantize`."""
    from hiddenstate.models.sparse import share_of_zeros
    from hiddenstate.system.atomic_file import check_output

    if device not in ("auto", "cpu"):
        raise OptionError(f"--device {device}: integers are computed on the CPU; leave it out")
    check_figure(figure)
    check_order(run, data, runs_dir)
    model, trained_run = opened_model(run, runs_dir)
    name = trained_run.name if trained_run is not None else Path(run).stem
    path = output or Path(f"{name}{ENDING}")
    if path.suffix.lower() != ".safetensors" and not path.is_dir():  # which is refused
        path = path.with_name(f"{path.name}.safetensors")
    check_output(path)
    refuse_overwriting(path, run, data, trained_run)
    if path.exists() and not force:
        raise OptionError(f"--output: {printable(path)} already exists; add --force to replace it")
    integer, lost = _made(model, trained_run, data, int(state_bits), percent / 100, rows, reading)
    integer.save(path, _extra(run, trained_run))
    if figure is not None:
        words = f"what is lost in integers: largest difference {lost.largest:.2g}"
        write_figure(figure, lambda: _figure(lost, name, int(state_bits)), words)
    sizes = path.stat().st_size, len(model.encode())
    zeros = share_of_zeros(integer.params)
    if as_json:
        say_json(_facts(lost, path, sizes, int(state_bits)) | {"zeros": zeros})
        return
    share = f", {zeros:.1%} of the weights are 0" if zeros >= SHOWN_ZEROS else ""
    say(f"{path}: {sizes[0]:,} bytes, {sizes[0] / sizes[1]:.1%} of the model in floats{share}")
    say_lost(model, lost)
    if figure is not None:
        note(f"figure: {figure}")


def _made(
    model: "FittedModel",
    run: "Run | None",
    data: str | None,
    state_bits: int,
    share: float,
    most: int,
    reading: dict[str, Any],
) -> "tuple[FittedModel, Lost]":
    from threadpoolctl import threadpool_limits

    from hiddenstate.inference.quantising import check_has_form, quantised_on, quantised_run
    from hiddenstate.runs.run_data import unchanged_dataset

    check_has_form(model)
    if data is None:
        refuse_options("own data")
        if run is None:
            raise OptionError("a model file has no training rows; pass DATA after it")
        with threadpool_limits(1):  # small products, for which threads wait longer than they work
            return quantised_run(model, unchanged_dataset(run), state_bits, share, most)
    with new_data(model, data, reading, model.net.kind.has_series) as (dataset, stdin):
        note_remarks(dataset.remarks, stdin)
        with threadpool_limits(1):
            return quantised_on(model, dataset, state_bits, share, most)


def _extra(run: str, trained_run: "Run | None") -> dict[str, Any]:
    """Return what is stored beside the model: the data of the run, or the estimator of the file,
    which carries no state."""
    from hiddenstate.models.fitted import load_model

    if trained_run is not None:
        return {"data": trained_run.data_record().get("name")}
    extra = load_model(Path(run))[1]
    if "estimator" in extra:
        return {**extra, "state": {}}
    return {"data": extra["data"]} if "data" in extra else {}


def _unit(lost: "Lost") -> str:
    return {"accuracy": "probability", "rmse": "answer"}[lost.score]


def say_lost(model: "FittedModel", lost: "Lost") -> None:
    """Print the scores of both models, and the share of cut numbers of each vector."""
    from hiddenstate.inference.quantising import ranges_of

    is_share = lost.score == "accuracy"
    form = "{:.2%}" if is_share else "{:.6g}"
    names = [f"error of {name}" for name in lost.names] or ["accuracy" if is_share else "error"]
    scores = zip(names, lost.floats, lost.integers, strict=True)
    table(
        [f"{lost.n_rows:,} held-out rows", "floats", "integers"],
        [[name, *(form.format(value) for value in pair)] for name, *pair in scores],
        numbers=1,
    )
    text = f"largest difference of {'a probability' if is_share else 'an answer'}: "
    text += f"{lost.largest:.3g}"
    if lost.changed is not None:
        text += f"; {lost.changed:.2%} of rows get another class"
    say(text)
    rows = [[each.name, str(each.bits), f"{each.share * 100:.2g}%"] for each in lost.saturated]
    if model.transform.has_path:
        rows.append(["linear path", "", "in floats"])
    table(["vector", "bits", "cut numbers"], rows, numbers=1)
    ranges = ranges_of(lost.n_calibrated)
    note(str(ranges) if ranges.level == "warning" else ranges.text)


def _facts(lost: "Lost", path: Path, sizes: tuple[int, int], state_bits: int) -> dict[str, Any]:
    return {
        "model": str(path),
        "bytes": sizes[0],
        "float_bytes": sizes[1],
        "state_bits": state_bits,
        **lost_facts(lost),
    }


def lost_facts(lost: "Lost") -> dict[str, Any]:
    """Return what was lost as values for JSON."""
    return {
        "calibrated_rows": lost.n_calibrated,
        "rows": lost.n_rows,
        "score": lost.score,
        "targets": list(lost.names) or None,
        "floats": list(lost.floats),
        "integers": list(lost.integers),
        "largest_difference": lost.largest,
        "other_class": lost.changed,
        "vectors": [vars(each) for each in lost.saturated],
    }


def _figure(lost: "Lost", name: str, state_bits: int) -> "Figure":
    from hiddenstate.views.figures.integers import Rounded, integers

    if lost.score == "accuracy":
        scores = f"accuracy {lost.floats[0]:.2%} in floats, {lost.integers[0]:.2%} in integers"
    else:
        pairs = zip(lost.names or ("",), lost.floats, lost.integers, strict=True)
        scores = "; ".join(f"error {n} {a:.4g} in floats, {b:.4g} in integers" for n, a, b in pairs)
    return integers(
        Rounded(
            lost.differences,
            _unit(lost),
            [f"{each.name}, {each.bits} bits" for each in lost.saturated],
            [each.share for each in lost.saturated],
            f"{name} in integers, states of {state_bits} bits",
            f"{lost.n_rows:,} held-out rows; {scores}",
        )
    )
