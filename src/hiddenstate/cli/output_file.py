"""Writes predictions to the file of --output, or prints them."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hiddenstate.cli.output import note
from hiddenstate.errors import OptionError, printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hiddenstate.inference.predict import Prediction
    from hiddenstate.models.fitted import FittedModel
    from hiddenstate.runs import Run

FORMATS = {
    ".csv": "csv",
    ".json": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".xlsx": "xlsx",
}
"""The format of predictions by the ending of the file's name."""

FIGURES = (".png", ".svg", ".pdf")
"""Endings of the names of figures."""

SOUND = "wav"
"""The format of the samples that a model makes of a sound."""


def refuse_overwriting(
    output: Path, model: str, data: str | None, trained_run: "Run | None"
) -> None:
    """Refuse to write over the data, the model, the training data or a file of a run."""
    from hiddenstate.runs.run import is_own_file

    if not output.exists():
        return
    inputs = [data]
    if trained_run is None:
        inputs.append(model)
    else:
        read = trained_run.config.data
        inputs += [read.data, read.test, read.answers]
    target, refused = output.resolve(), is_own_file(output)
    for path in (Path(name).expanduser() for name in inputs if name):
        # A folder of data holds arrays or images, no tables: earlier predictions may be replaced.
        holds = path.is_dir() and path.resolve() in target.parents and target.suffix not in FORMATS
        refused |= holds or (path.exists() and path.samefile(output))
    if refused:
        raise OptionError(
            f"--output: {printable(output)} exists and is an input, or belongs to a run; name "
            "another file"
        )


def resolved_format(file_format: str, output: Path | None, sounds: bool = False) -> str:
    """The output format, "auto" replaced by that of the ending of the file's name.

    With `sounds` it may be a WAV file.

    Raises
    ------
    OptionError
        If there is no format for the ending, or the format cannot be printed.
    MachineError
        If the package that writes the format is not installed.
    """
    from hiddenstate.inference.output_formats import check_format

    binary = {"parquet": "Parquet", "xlsx": "a workbook", SOUND: "a WAV file"}
    if file_format in binary and output is None:
        name = binary[file_format]
        raise OptionError(f"--format: {name} is not printed; add --output FILE")
    if file_format != "auto":
        check_format(file_format)
        return file_format
    suffix = output.suffix.lower() if output else ""
    formats = FORMATS | ({f".{SOUND}": SOUND} if sounds else {})
    if suffix and suffix not in formats:
        raise OptionError(
            f"--output: {printable(output)}: unsupported format {printable(suffix, 40)}; "
            f"supported: {', '.join(formats)}; or name the format with --format"
        )
    file_format = formats.get(suffix, "csv")
    check_format(file_format)
    return file_format


def write_sound(
    model: "FittedModel",
    data: Path,
    output: Path,
    reading: Mapping[str, Any],
    device: str,
    threads: int,
) -> None:
    """Write what a model makes of the WAV file `data` as a WAV file, and say how fast it is."""
    from hiddenstate.inference.sound import core_share, sound_of
    from hiddenstate.system.atomic_file import write_output

    sound = sound_of(model, data, reading, device, threads)
    write_output(output, sound.content)
    note(f"{output}: {sound.form}")
    for remark in sound.remarks:
        note(f"note: {remark}")
    if (share := core_share(model)) is not None:
        rate = model.transform.reading["rate"]
        note(f"a stream of the model takes {share:.2%} of one core here at {rate:,} Hz")


def write_prediction(prediction: "Prediction", output: Path | None, file_format: str) -> None:
    """Write the predictions to a file, or print them."""
    from hiddenstate.inference.output_formats import encode_prediction
    from hiddenstate.system.atomic_file import write_output

    content = encode_prediction(prediction, file_format)
    if output is not None:
        write_output(output, content)
        note(f"{len(prediction)} rows written to {output}")
        return
    text = content.decode()
    if sys.stdout.isatty():  # labels and names from a file may contain escape sequences
        text = "".join(f"{printable(line, 10**9)}\n" for line in text.splitlines())
    click.echo(text, nl=False, color=True)  # otherwise click removes escape codes from a pipe


def check_figure(path: Path | None) -> None:
    """Refuse the file of --figure if its name has no ending of a figure, or cannot be written."""
    from hiddenstate.system.atomic_file import check_output

    if path is None:
        return
    if path.suffix.lower() not in FIGURES:
        raise OptionError(f"--figure: expected a name that ends in {', '.join(FIGURES)}")
    check_output(path)


def write_figure(path: Path, draw: "Callable[[], Figure]", words: str) -> None:
    """Draw a figure in the light theme into a file, with what it shows in `words`."""
    import io

    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from hiddenstate.system.atomic_file import write_output
    from hiddenstate.views import style

    content = io.BytesIO()
    with style.theme():
        figure = draw()
        FigureCanvasAgg(figure)
        ending = path.suffix[1:].lower()
        field = {"png": "Description", "svg": "Description", "pdf": "Subject"}[ending]
        figure.savefig(content, format=ending, metadata={field: words})
    write_output(path, content.getvalue())
