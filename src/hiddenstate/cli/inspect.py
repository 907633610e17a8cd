"""The command inspect: what data contains and which job fits it."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

import click

from hiddenstate.cli.findings import Planned, advice, column_lines, report, samples
from hiddenstate.cli.findings_json import as_json_object
from hiddenstate.cli.options import (
    GroupedCommand,
    command_option,
    complete_files,
    config_option,
    debug_option,
    json_option,
)
from hiddenstate.cli.output import say, say_json
from hiddenstate.cli.stdin import named, stdin_as_file
from hiddenstate.config import Config, DataConfig, make_config, section_options
from hiddenstate.config.option import JOBS
from hiddenstate.errors import DataError, HiddenstateError, OptionError, Setting, printable
from hiddenstate.program.jobs import KINDS, first_with

if TYPE_CHECKING:
    from hiddenstate.data import SequenceDataset
    from hiddenstate.data.job_fit import Fit
    from hiddenstate.data.readers.columns import Columns


NAMES_ROLES = {"label", "id", "time", "layout", "input", "target", "horizon"}
"""Options after which nothing of a table is guessed that may fail."""


def _reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a command with the reading options of all jobs; unset ones arrive as None."""
    for option in reversed(section_options(DataConfig).values()):
        if option.reading:
            command = config_option(option.jobs[0], option.name, default=None)(command)
    return command


@click.command(
    cls=GroupedCommand,
    name="inspect",
    help="Inspect data before training on it.\n\nDATA is a file or folder in any supported format. "
    "The command reports sizes, columns, classes or targets, missing values and possible "
    "problems, draws some rows, and prints the command of each job that fits. Of a large file it "
    "looks at the first rows only, and says so. It trains nothing and writes nothing.\n\n"
    "\b\nExample:\n  hiddenstate inspect sensors.csv --id series",
)
@click.argument("data", shell_complete=complete_files)
@command_option(
    "job", str, None, "Job to read the data for; default: the first that can read it.", choices=JOBS
)
@_reading_options
@json_option
@debug_option
def inspect(data: str, job: str | None, as_json: bool, **reading: Any) -> None:
    """The command `inspect`."""
    with stdin_as_file(data) as stdin:
        try:
            _inspect(data, stdin, job, as_json, reading)
        except HiddenstateError as error:
            if as_json:
                fixes = [hint.options for hint in error.hints if isinstance(hint, Setting)]
                say_json({"error": named(str(error), stdin), "fixes": fixes})
            raise


def _inspect(
    data: str, stdin: Path | None, job: str | None, as_json: bool, reading: Mapping[str, Any]
) -> None:
    """Inspect DATA, or the file with what stdin held, and print what was found."""
    from hiddenstate.data.inspect import inspect_dataset, with_found_leaks
    from hiddenstate.data.prepare.leakage import columns_that_answer
    from hiddenstate.data.readers.column_roles import describe_columns, described_roles
    from hiddenstate.models.streaming import obstacles_before_training

    values = {name: value for name, value in reading.items() if value is not None}
    width = max(40, min(get_terminal_size((80, 24)).columns, 100))
    path = str(stdin or data)
    table = _table({"data": path, **values})
    try:
        config, dataset, refusals = _read_as_possible({"data": path, **values}, job, table)
    except DataError:
        if table is not None and not as_json:
            own = section_options(DataConfig)
            options = DataConfig(**{name: own[name].check(value) for name, value in values.items()})
            roles, _ = described_roles(table, options, job or JOBS[0])
            for line in column_lines(describe_columns(table, roles), len(table.names), width):
                say(line)
        raise
    dataset = replace(dataset, remarks=tuple(named(text, stdin) for text in dataset.remarks))
    findings = inspect_dataset(dataset, config, refusals, table)
    if "season" in values:  # which no other job has
        more = {"season": section_options(DataConfig)["season"].check(values["season"])}
        with_season = [
            replace(fit, options={**fit.options, **more}) if "horizon" in fit.options else fit
            for fit in findings.fits
        ]
        findings = replace(findings, fits=tuple(with_season))
    plans: dict[str, Planned] = {}
    if table is not None and not findings.unread:
        fits = tuple(_tried(fit, path, plans) for fit in findings.fits)
        findings = replace(findings, fits=fits)
    # Of a sample, or of no job that fits, only the columns are known.
    first = next(iter(plans.values()), None)
    leaks = first.leaks if first else columns_that_answer(dataset, config, findings.reading)
    findings = with_found_leaks(findings, leaks)
    for fit in findings.fits if as_json or dataset.picture is None else ():
        if not fit.why_not and fit.job not in plans:
            plan = _plan(fit, path, None if table is not None else dataset)
            if plan is not None:
                plans[fit.job] = Planned(plan, obstacles_before_training(plan, dataset))
    if as_json:
        say_json(as_json_object(findings, dataset, config.data, data, plans))
        return
    for line in report(findings, dataset, data, width):
        say(line)
    for line, is_drawing in samples(dataset, width):
        if is_drawing:
            click.echo(line)  # with colour codes of our own, without text from the file
        else:
            say(line)
    for line in advice(findings, data, width, plans):
        say(line)


def _tried(fit: "Fit", path: str, plans: dict[str, Planned]) -> "Fit":
    """Return a job that fits if its command would train on the table, else with the reason.

    Adds what it would train to `plans`; leaks are looked for only in the rows of the first job.
    """
    from hiddenstate.data.job_fit import Fit
    from hiddenstate.data.prepare.leakage import find_leaks
    from hiddenstate.data.prepare.pipeline import prepare
    from hiddenstate.jobs import without_teacher
    from hiddenstate.models.streaming import obstacles_before_training
    from hiddenstate.training.start import plan

    if fit.why_not:
        return fit
    try:
        config, dataset = plan(fit.job, {**fit.options, "data": path})
        prepared = prepare(dataset, config)
        without_teacher(make_config(fit.job, {**config.flat(), "augment": ()}), prepared)
        leaks = find_leaks(dataset, config, prepared) if not plans else ()
    except HiddenstateError as error:
        return Fit.refused(fit.job, error, path)
    plans[fit.job] = Planned(config, obstacles_before_training(config, prepared), leaks)
    return fit


def _plan(fit: "Fit", path: str, dataset: "SequenceDataset | None") -> Config | None:
    """Return the settings that follow from the rows that were read; none if these are too few.

    Of a table, only a sample was read: a number of epochs keeps the recipe from trying what only
    few rows allow.
    """
    from hiddenstate.data.readers.open import read_dataset
    from hiddenstate.training.start import plan

    def read(config: Config) -> "SequenceDataset":
        return read_dataset(config, sample=True) if dataset is None else dataset

    values = {**fit.options, "data": path, **({"epochs": 1} if dataset is None else {})}
    with contextlib.suppress(HiddenstateError):
        return plan(fit.job, values, read=read)[0]
    return None


def _table(values: Mapping[str, Any]) -> "Columns | None":
    """Read a sample of the columns of a table; None for other data."""
    from hiddenstate.data.readers.formats import is_table
    from hiddenstate.data.readers.open import TEXT_OPTIONS, existing, sample_columns

    own = section_options(DataConfig)
    path = existing(own["data"].check(values["data"]))
    if not is_table(path):
        return None
    options = {name: own[name].check(values[name]) for name in TEXT_OPTIONS if name in values}
    return sample_columns(path, DataConfig(**options))


def _read_as_possible(
    values: Mapping[str, Any], job: str | None, table: "Columns | None"
) -> "tuple[Config, SequenceDataset, dict[str, HiddenstateError]]":
    """Read data as :func:`_read_for_job`, without a guess of the columns of a table that fails.

    If the columns that seem to hold ids, times or labels do not, each row is read by itself: first
    without the former as inputs, then with all numbers as inputs.
    """

    try:
        return _read_for_job(values, job)
    except DataError as error:
        if job is not None or table is None or values.keys() & NAMES_ROLES:
            raise
        columns = range(len(table.names))
        numbers = [
            j for j in columns if table.profile(j).holds_numbers and not table.profile(j).is_empty
        ]
        named = {"input": tuple(table.names[j] for j in numbers)} if numbers else {}
        for more in ({}, named):
            with contextlib.suppress(DataError, OptionError):
                own = {**values, "layout": "wide", **more}
                config, dataset, refusals = _read_for_job(own, None)
                remark = f"{error}; until options name its columns, each row is read by itself"
                return config, replace(dataset, remarks=(*dataset.remarks, remark)), refusals
        raise


def _read_for_job(
    values: Mapping[str, Any], job: str | None
) -> "tuple[Config, SequenceDataset, dict[str, HiddenstateError]]":
    """Read data for `job`, or for the first job that can read it.

    Parameters
    ----------
    values : mapping
        `data` and the reading options that are set, by name.
    job : str or None

    Returns
    -------
    config : Config
        That of the job.
    dataset : SequenceDataset
    refusals : dict of HiddenstateError
        Why other jobs could not read the data, by job.

    Raises
    ------
    DataError, OptionError
        The error of the reader, if no job can read the data.
    """
    from hiddenstate.data.prepare.examples import are_examples, examples_remark
    from hiddenstate.data.readers.open import read_dataset

    if job is None and ("target" in values or "horizon" in values):
        job = first_with("targets")
    refusals: dict[str, HiddenstateError] = {}
    for name, more in _attempts(values, job):
        own = section_options(DataConfig, name)
        foreign = [option for option in values if option not in own]
        if job and foreign:
            raise OptionError(f"--{foreign[0].replace('_', '-')}: {job} has no such option")
        try:
            kept = {option: value for option, value in values.items() if option in own}
            config = make_config(name, {**kept, **more}, together=False)
            dataset = read_dataset(config, sample=True)
            if are_examples(dataset, name, {**kept, **more}):
                as_rows = replace(config, data=replace(config.data, layout="wide"))
                dataset = read_dataset(as_rows, sample=True)
                remarks = (*dataset.remarks, examples_remark(dataset))
                dataset = replace(dataset, remarks=remarks)
        except (DataError, OptionError) as error:
            refusals.setdefault(name, error)
        else:
            return config, dataset, refusals
    raise refusals.get(first_with("codes"), next(iter(refusals.values())))


def _attempts(values: Mapping[str, Any], job: str | None) -> list[tuple[str, dict[str, Any]]]:
    """The jobs to read the data for, in order, with the options that each adds."""
    from hiddenstate.data.readers.formats import SOUNDS, has_ending, is_table

    if job:
        return [(job, {})]
    path, ahead = Path(values["data"]), {"horizon": 1}
    if has_ending(path, SOUNDS):
        more = {} if values.get("answers") else ahead
        return [(first_with("targets"), more), (first_with("codes"), {})]
    forecasts = [(job, ahead) for job, kind in KINDS.items() if kind.has_targets]
    if is_table(path):  # the targets of a table are named, or there are none
        return [*((job, {}) for job, kind in KINDS.items() if not kind.has_targets), *forecasts]
    return [*((job, {}) for job in KINDS), *forecasts]


def fitting_job(data: str, values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the first job that fits DATA, and the options that it takes to train it.

    Parameters
    ----------
    data : str
    values : mapping
        Options by name; those that are set say how the data is read.

    Raises
    ------
    DataError, OptionError
        If no job can read the data, or none fits; with the reason.
    """
    from hiddenstate.data.inspect import inspect_dataset

    reading = {
        option.name
        for job in JOBS
        for option in section_options(DataConfig, job).values()
        if option.reading
    }
    given = {n: value for n, value in values.items() if n in reading and value is not None}
    table = _table({"data": data, **given})
    config, dataset, refusals = _read_for_job({"data": data, **given}, None)
    findings = inspect_dataset(dataset, config, refusals, table)
    for fit in findings.fits:
        if not fit.why_not:
            return fit.job, {n: v for n, v in fit.options.items() if n not in ("data", *given)}
    reasons = "; ".join(f"{fit.job}: {fit.why_not}" for fit in findings.fits)
    raise DataError(f"{printable(data)}: no job fits ({reasons})")
