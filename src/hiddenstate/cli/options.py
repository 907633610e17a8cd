"""Command-line options made from the fields of `hiddenstate.config`, and from config files."""

import os
from collections.abc import Callable, Container, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import click

from hiddenstate.cli.refused_options import refuse_values
from hiddenstate.config import SECTIONS, config_from_dict, job_options, make_config
from hiddenstate.config.option import Option
from hiddenstate.errors import DataError, OptionError, did_you_mean, printable
from hiddenstate.program.jobs import kind_of

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Command = Callable[..., Any]

Decorator = Callable[[Command], Command]
"""Adds an option or an argument to a command."""

MAX_CONFIG = 2**20
"""Longest config file that is read, in bytes."""

DEFAULT_RUNS_DIR = Path("runs")


def complete_files(
    context: click.Context, param: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    """Let the shell complete the names of files."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


class FilePath(click.Path):
    """A path that is not empty."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path, or refuse an empty one, which would be the current folder."""
        if not str(value):
            self.fail("the path is empty", param, ctx)
        return super().convert(value, param, ctx)


class OptionType(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.2
    """Parses a value as its config option does, with the same errors."""

    def __init__(self, option: Option) -> None:
        self.option = option
        self.name = option.kind.__name__

    def convert(self, value: Any, param: Any, context: Any) -> Any:
        """Return the value in the option's own type."""
        return self.option.parse(value) if isinstance(value, str) else value

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> "list[CompletionItem]":
        """Return the choices that begin so, or let the shell complete a file."""
        if self.get_metavar(param, ctx) == "FILE":
            return complete_files(ctx, param, incomplete)
        return click.Choice(self.option.choices or ()).shell_complete(ctx, param, incomplete)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Return the placeholder of the value in the help."""
        if self.option.placeholder:
            return self.option.placeholder
        if self.option.choices:
            return "|".join(self.option.choices)
        placeholders = {int: "N", float: "X", str: "FILE", tuple: "N,N,..."}
        return placeholders[self.option.kind]


class GroupedCommand(click.Command):
    """A command whose help lists its options in groups, and says what RUN can be."""

    headings: Mapping[str | None, str] = MappingProxyType(
        {None: "Options", "data": "Reading DATA", "training": "Computing"}
    )
    """Headings in the help, by section of the config; None is for options of the command alone."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if any(param.name in ("run", "names") for param in self.params):
            self.epilog = "RUN is a run folder, the name of one in --runs-dir, or last."

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options of each section under its heading."""
        by_section: dict[str | None, list[tuple[str, str]]] = {key: [] for key in self.headings}
        for param in self.get_params(context):
            record = param.get_help_record(context)
            if record and isinstance(param, click.Option):
                by_section[getattr(param, "section", None)].append(record)
        for section, heading in self.headings.items():
            if by_section[section]:
                with formatter.section(heading):
                    formatter.write_dl(by_section[section])


class JobCommand(GroupedCommand):
    """A command that trains: it has every option of its job."""

    headings = MappingProxyType(
        {
            "data": "Data",
            "model": "Model",
            "training": "Training",
            "display": "Evaluation and display",
            None: "Run",
        }
    )


class SearchCommand(JobCommand):
    """A command whose own options come first: with those of all jobs, there are many."""

    headings = MappingProxyType({None: ""} | JobCommand.headings | {None: "Options"})


class _ConfigOption(click.Option):
    """An option with a `section`, the one it belongs to in the config."""

    section: str | None = None


debug_option = click.option(
    "--debug", is_flag=True, expose_value=False, help="Show the traceback of an error."
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object on stdout and nothing else."
)
runs_dir_option = click.option(
    "--runs-dir",
    type=FilePath(path_type=Path),
    metavar="DIR",
    default=DEFAULT_RUNS_DIR,
    help="Folder that holds the run folders.  [default: runs]",
)


def command_option(name: str, kind: type, default: Any, help: str, **facts: Any) -> Decorator:
    """Decorate a command with an option that is not part of a config.

    `facts` are the range, choices and unit, as :class:`hiddenstate.config.option.Option` has them.
    """
    option = Option(name=name, kind=kind, default=default, help=help, **facts)
    return click.option(*_spelling(option), **_click_arguments(option, ""), default=default)


def config_option(job: str, name: str, **changes: Any) -> Decorator:
    """Decorate a command with one option of `job`; if unset, it arrives as its default.

    `changes` override what :func:`click.option` gets, such as `default=None`.
    """
    section, option = next(each for each in job_options(job) if each[1].name == name)
    return _in_section(section, option, job, {"default": option.default_for(job)} | changes)


def _in_section(section: str, option: Option, job: str, changes: Mapping[str, Any]) -> Decorator:
    """Return the decorator that adds an option of `job`, which also notes its section."""
    arguments = {**_click_arguments(option, job), **changes}
    add = click.option(*_spelling(option), cls=_ConfigOption, **arguments)

    def decorate(command: Command) -> Command:
        decorated: Any = add(command)
        decorated.__click_params__[-1].section = section  # click's own list has no type
        return decorated  # type: ignore[no-any-return]

    return decorate


def config_options(
    jobs: Iterable[str], offered: Callable[[str], Container[str]] | None = None
) -> list[Decorator]:
    """Return what decorates a command with every option of `jobs` except DATA.

    Those unset arrive as None. Range and default in the help are those of the first job that has
    the option. `offered` returns the names that the command has of a job; all by default.
    """
    found: dict[str, Decorator] = {}
    for job in jobs:
        names = None if offered is None else offered(job)
        for section, option in job_options(job):
            name = option.name
            if name not in found and name != "data" and (names is None or name in names):
                found[name] = _in_section(section, option, job, {"default": None})
    return list(found.values())


config_file_option = click.option(
    "--config",
    "config_file",
    type=click.Path(),
    metavar="FILE",
    help="Read options from a TOML file or from the config.json of a run; the command line takes "
    "precedence.",
)


def make_command(
    cls: type[click.Command],
    name: str,
    text: str,
    run: Callable[..., None],
    *options: Decorator,
) -> click.Command:
    """Return a command that calls `run` with the values of `options`.

    Parameters
    ----------
    cls : type
    name, text : str
        Its name and help.
    run : callable
    *options : callable
        What decorates a command with an argument or an option, in the order of the help.
    """

    def command(**values: Any) -> None:
        run(**values)

    decorated: Command = command
    for add in reversed((*options, runs_dir_option, json_option, debug_option)):
        decorated = add(decorated)
    return click.command(name, cls=cls, help=text)(decorated)


def _spelling(option: Option) -> list[str]:
    if option.kind is bool:
        return [f"{option.flag}/--no-{option.flag[2:]}"]
    return [option.flag]


def _click_arguments(option: Option, job: str) -> dict[str, Any]:
    """Type and help of an option; the help ends in its default and range."""
    default = option.default_for(job)
    if option.kind is bool:
        text = option.flag[2:] if default else f"no-{option.flag[2:]}"
        return {"help": f"{option.help}  [default: {text}]"}
    text = option.text(default)
    if option.unit:
        text += " " + (option.unit.removesuffix("s") if default == 1 else option.unit)
    parts = ([] if default is None else [f"default: {text}"]) + [option.bounds()]
    brackets = "; ".join(part for part in parts if part)
    return {
        "type": OptionType(option),
        "help": option.help + (f"  [{brackets}]" if brackets else ""),
    }


def option_values(
    job: str, config_file: str | None, command_line: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the options that are set, by name: the command line overrides the config file.

    Raises
    ------
    OptionError
        If a value is invalid; names the option or the file.
    DataError
        If the file cannot be read.
    """
    values = {} if config_file is None else read_config_file(Path(config_file), job)
    values.update({name: value for name, value in command_line.items() if value is not None})
    make_config(job, values, together=False)
    return values


def read_config_file(path: Path, job: str) -> dict[str, Any]:
    """Read option values from the config.json of a run, or from a TOML file.

    A TOML file holds `name = value` lines, which may be grouped in the tables [data], [model],
    [training] and [display].

    Raises
    ------
    OptionError
        If the file has an option that `job` does not have.
    DataError
        If it cannot be read.
    """
    where = printable(path)
    stored = _parse_config_file(path, where)
    if "config" in stored:
        values = _values_of_run(stored, job, where)
    else:
        values = _values_of_file(stored, job, where)
    if kind_of(job).has_targets:
        refuse_values("training of targets", values, where)
    return values


def _values_of_file(stored: Mapping[str, Any], job: str, where: str) -> dict[str, Any]:
    """Option values from tables that a person wrote."""
    values: dict[str, Any] = {}
    for name, value in stored.items():
        if isinstance(value, dict) and name not in SECTIONS[job]:
            raise OptionError(
                f"{where}: unknown table [{printable(name, 40)}]; expected "
                + ", ".join(f"[{section}]" for section in SECTIONS[job])
            )
        values.update(value if isinstance(value, dict) else {name: value})
    if len({name.replace("-", "_") for name in values}) < len(values):
        raise OptionError(f"{where}: an option is set twice, spelled with - and with _")
    values = {name.replace("-", "_"): value for name, value in values.items()}
    names = {option.name for _, option in job_options(job)}
    for name in sorted(set(values) - names):
        hint = did_you_mean(name, names)
        raise OptionError(f"{where}: {job} has no option {printable(name, 40)}{hint}")
    return values


def _parse_config_file(path: Path, where: str) -> dict[str, Any]:
    import tomllib

    from hiddenstate.system.atomic_file import open_regular
    from hiddenstate.system.strict_json import parse_json

    if not os.path.isfile(path):  # false for a name that is too long, where Path raises
        raise DataError(f"{where}: no such config file")
    try:
        with open_regular(path) as stream:
            data = stream.read(MAX_CONFIG + 1)
        if len(data) > MAX_CONFIG:
            raise ValueError(f"longer than {MAX_CONFIG} bytes")
        text = data.decode()
        stored = tomllib.loads(text) if path.suffix == ".toml" else parse_json(text)
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"{where}: cannot be read as a config.json or a .toml file ({printable(error, 80)})"
        ) from None
    if not isinstance(stored, dict):
        raise OptionError(f"{where}: expected options by name")
    return stored


def _values_of_run(record: Mapping[str, Any], job: str, where: str) -> dict[str, Any]:
    """Option values from the config.json of a run of the same job."""
    config = config_from_dict(record["config"], where)
    if config.job != job:
        raise OptionError(
            f"{where}: belongs to a {config.job} run; use it with `hiddenstate {config.job}`"
        )
    data = record.get("data")
    if isinstance(data, dict) and data.get("source") == "arrays":
        raise OptionError(
            f"{where}: belongs to a run on Python arrays, which cannot be read again; pass its "
            "options on the command line, with a file as DATA"
        )
    return config.flat()
