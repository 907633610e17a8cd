"""Command-line options made from the fields of `config.py`."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from hiddenstate.config import SECTIONS, config_from_dict, job_options, make_config
from hiddenstate.config.option import Option
from hiddenstate.errors import DataError, OptionError, did_you_mean, printable

HEADINGS = {
    "data": "Data",
    "model": "Model",
    "training": "Training",
    "display": "Evaluated and shown",
    None: "Run",
}


class OptionType(click.ParamType):  # type: ignore[type-arg]
    """Parses text as its config option does, with the same errors."""

    def __init__(self, known: Option) -> None:
        self.known = known
        self.name = known.kind.__name__

    def convert(self, value: Any, param: Any, context: Any) -> Any:
        """The value in the option's own type."""
        return self.known.parse(value) if isinstance(value, str) else value

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """What stands for the value in the help."""
        if self.known.placeholder:
            return self.known.placeholder
        if self.known.choices:
            return "|".join(self.known.choices)
        kinds = {int: "N", float: "X", str: "FILE", tuple: "N,N,..."}
        return kinds[self.known.kind]


class JobCommand(click.Command):
    """A command whose help lists its options under headings."""

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each option under the section of the config it belongs to."""
        by_section: dict[str | None, list[tuple[str, str]]] = {key: [] for key in HEADINGS}
        for param in self.get_params(context):
            record = param.get_help_record(context)
            if record and isinstance(param, click.Option):
                by_section[getattr(param, "section", None)].append(record)
        for section, heading in HEADINGS.items():
            if by_section[section]:
                with formatter.section(heading):
                    formatter.write_dl(by_section[section])


class _ConfigOption(click.Option):
    """An option that knows its section."""

    section: str | None = None


debug_option = click.option(
    "--debug", is_flag=True, expose_value=False, help="Show the trace of an error."
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object, nothing else."
)
runs_dir_option = click.option(
    "--runs-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    default=Path("runs"),
    help="Folder that run folders are made in.  [default: runs]",
)


def config_option(
    job: str, name: str, **changes: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a command with one option of `job`; it arrives as its default when unset."""
    known = next(option for _, option in job_options(job) if option.name == name)
    facts = _facts(known, job) | {"default": known.default_for(job)} | changes
    return click.option(*_spelling(known), **facts)


def config_options(job: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a command with every option of `job`; unset ones arrive as None."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for section, known in reversed(list(job_options(job))):
            if known.name == "data":
                continue
            made = click.option(*_spelling(known), cls=_ConfigOption, **_facts(known, job))
            command = made(command)
            command.__click_params__[-1].section = section  # type: ignore[attr-defined]
        return click.argument("data", required=False)(command)

    return decorate


def _spelling(known: Option) -> list[str]:
    if known.kind is bool:
        return [f"{known.flag}/--no-{known.flag[2:]}"]
    return [known.flag]


def _facts(known: Option, job: str) -> dict[str, Any]:
    default = known.default_for(job)
    if known.kind is bool:
        shown = known.flag[2:] if default else f"no-{known.flag[2:]}"
        return {"default": None, "help": f"{known.help}  [default: {shown}]"}
    shown = ",".join(map(str, default)) if isinstance(default, tuple) else f"{default}"
    if known.unit:
        shown += " " + (known.unit.removesuffix("s") if default == 1 else known.unit)
    parts = ([] if default is None else [f"default: {shown}"]) + [known.bounds()]
    extra = "; ".join(part for part in parts if part)
    help_line = known.help + (f"  [{extra}]" if extra else "")
    return {"type": OptionType(known), "default": None, "help": help_line}


def gather(job: str, config_file: str | None, given: dict[str, Any]) -> dict[str, Any]:
    """What a command was told, by option name: its file's values, then what stands on the line.

    Raises
    ------
    OptionError
        Naming the option or the file.
    """
    values = {} if config_file is None else read_config_file(Path(config_file), job)
    values.update({name: value for name, value in given.items() if value is not None})
    make_config(job, values, together=False)
    return values


def read_config_file(path: Path, job: str) -> dict[str, Any]:
    """Option values from a run's config.json, or from a TOML file of `name = value` lines.

    A TOML file may group its lines in [data], [model], [training] and [display].

    Raises
    ------
    OptionError
        If the file says what `job` cannot be told.
    DataError
        If it cannot be read.
    """
    from hiddenstate.system.strict_json import parse_json

    where = printable(path)
    if not path.is_file():
        raise DataError(f"{where}: no such file of settings")
    try:
        text = path.read_text("utf-8")
        stored = tomllib.loads(text) if path.suffix == ".toml" else parse_json(text)
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"{where}: cannot be read as a config.json or a .toml file ({printable(error, 80)})"
        ) from None
    if not isinstance(stored, dict):
        raise OptionError(f"{where}: expected settings by name")
    if "config" in stored:
        config = config_from_dict(stored["config"], where)
        if config.job != job:
            raise OptionError(f"{where}: is of a {config.job} run; start `{config.job}` with it")
        data = stored.get("data")
        if isinstance(data, dict) and data.get("source") == "arrays":
            raise OptionError(f"{where}: is of a run on arrays in Python; give the options alone")
        return config.flat()
    values: dict[str, Any] = {}
    for name, value in stored.items():
        if isinstance(value, dict) and name not in SECTIONS[job]:
            raise OptionError(
                f"{where}: unknown table [{printable(name, 40)}]; expected "
                + ", ".join(f"[{section}]" for section in SECTIONS[job])
            )
        values.update(value if isinstance(value, dict) else {name: value})
    names = {known.name for _, known in job_options(job)}
    if len({name.replace("-", "_") for name in values}) < len(values):
        raise OptionError(f"{where}: an option stands twice, with - and with _")
    values = {name.replace("-", "_"): value for name, value in values.items()}
    unknown = sorted(set(values) - names)
    if unknown:
        near = did_you_mean(unknown[0], names)
        raise OptionError(f"{where}: {job} has no option {printable(unknown[0], 40)}{near}")
    return values
