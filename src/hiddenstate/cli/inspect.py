"""The command that looks into data: inspect; in words that findings.py has."""

from collections.abc import Callable, Mapping
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

import click

from hiddenstate.cli.findings import advice, as_json_object, report, samples
from hiddenstate.cli.options import config_option, debug_option, json_option
from hiddenstate.cli.output import say, say_json
from hiddenstate.config import Config, DataConfig, make_config, section_options
from hiddenstate.config.option import JOBS
from hiddenstate.errors import DataError, HiddenstateError, OptionError

if TYPE_CHECKING:
    from hiddenstate.data import SequenceDataset


def _reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a command with the options of reading of all jobs; unset ones arrive as None."""
    for option in reversed(section_options(DataConfig).values()):
        if option.reading:
            command = config_option(option.jobs[0], option.name, default=None)(command)
    return command


@click.command(
    name="inspect",
    short_help="Look into data before training on it.",
    help="Look into data before training on it.\n\nDATA is a file or folder in any format the "
    "program reads. Told are its sizes, classes or targets, missing values and what else may be "
    "wrong with it, and the command of each job that fits; some rows are drawn. Nothing is "
    "trained or written.\n\n\b\nExample:\n  hiddenstate inspect sensors.csv --id series",
)
@click.argument("data")
@click.option(
    "--job",
    type=click.Choice(JOBS),
    metavar="|".join(JOBS),
    help="Read it for this job; without it, for the first that can.",
)
@_reading_options
@json_option
@debug_option
def inspect(data: str, job: str | None, as_json: bool, **given: Any) -> None:
    """The command `inspect`."""
    from hiddenstate.data.inspect import inspect_dataset

    values = {"data": data} | {name: value for name, value in given.items() if value is not None}
    config, dataset, refused = read_for(values, job)
    found = inspect_dataset(dataset, config.data, config.job, refused)
    if as_json:
        say_json(as_json_object(found, data))
        return
    width = max(40, min(get_terminal_size((80, 24)).columns, 100))
    for line in report(found, dataset, data, width):
        say(line)
    for line, drawn in samples(dataset, config.data, width):
        if drawn:
            click.echo(line)  # colour codes of ours, nothing of the file
        else:
            say(line)
    for line in advice(found, data, width):
        say(line)


def read_for(
    values: Mapping[str, Any], job: str | None = None
) -> "tuple[Config, SequenceDataset, dict[str, str]]":
    """Read `data` of `values` raw for `job`, or for the first job that can, with what was given.

    The third of what it gives is why other jobs could not read it. Raises what a reader raised
    if none could.
    """
    from hiddenstate.data.readers.open import PARQUET, TABLES, read_dataset

    if job is None and ("target" in values or "horizon" in values):
        job = "regress"
    tries: list[tuple[str, dict[str, Any]]] = (
        [(job, {})]
        if job
        else [
            ("classify", {}),
            ("regress", {}),
            ("autoencode", {}),
            ("regress", {"horizon": 1}),
        ]
    )
    if not job and str(values["data"]).lower().endswith((*TABLES, *PARQUET)):
        del tries[1]  # a table's targets are named, or there are none
    refused: dict[str, HiddenstateError] = {}
    for name, more in tries:
        own = section_options(DataConfig, name)
        strange = [known for known in values if known not in own]
        if job and strange:
            flag = "--" + strange[0].replace("_", "-")
            raise OptionError(f"{flag}: {job} has no such option")
        try:
            kept = {known: value for known, value in values.items() if known in own}
            config = make_config(name, {**kept, **more}, together=False)
            dataset = read_dataset(config)
        except (DataError, OptionError) as error:
            refused.setdefault(name, error)
        else:
            return config, dataset, {name: str(error) for name, error in refused.items()}
    raise refused.get("autoencode", next(iter(refused.values())))


# --- in words
