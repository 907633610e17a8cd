"""The command line: commands that parse options and delegate; only `__main__` imports it."""

import os
import sys
import time
from typing import NoReturn

import click

from hiddenstate import __version__
from hiddenstate.cli.control import ctl
from hiddenstate.cli.doctor import doctor
from hiddenstate.cli.export import export
from hiddenstate.cli.forecast import forecast
from hiddenstate.cli.inspect import inspect
from hiddenstate.cli.output import ReadingNotes, fail, report_internal_error
from hiddenstate.cli.predict import evaluate, predict
from hiddenstate.cli.runs import compare, runs
from hiddenstate.cli.studio import studio
from hiddenstate.cli.track import track
from hiddenstate.cli.train import autoencode, classify, regress, resume
from hiddenstate.cli.tune import tune
from hiddenstate.cli.verify import verify
from hiddenstate.cli.view import figures, film, report, watch
from hiddenstate.config import job_options
from hiddenstate.config.option import JOBS
from hiddenstate.errors import HiddenstateError, did_you_mean
from hiddenstate.system.memory import out_of_memory
from hiddenstate.system.reading_progress import watched

READER_LEFT = 128 + 13
"""Exit code when the reader of stdout has left: that of a shell for SIGPIPE."""


GROUPS: dict[str, tuple[click.Command, ...]] = {
    "Data": (inspect,),
    "Training": (classify, regress, autoencode, resume, ctl, tune),
    "Using a model": (predict, evaluate, forecast, export),
    "Views and reports": (watch, studio, track, figures, report, film),
    "Runs and machine": (runs, compare, verify, doctor),
}
"""The commands by heading in the help, in the order they are used."""


class _Group(click.Group):
    """Lists commands in groups, and suggests a name for an unknown command."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(self.commands)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands of each group under its heading."""
        limit = formatter.width - 6 - max(map(len, self.commands))
        for heading, commands in GROUPS.items():
            with formatter.section(heading):
                formatter.write_dl(
                    [(each.name or "", each.get_short_help_str(limit)) for each in commands],
                    col_max=max(map(len, self.commands)),
                )

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in self.commands and not name.startswith("-"):
            raise click.UsageError(f"no such command {name!r}{did_you_mean(name, self.commands)}")
        return super().resolve_command(context, args)


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with `hiddenstate classify`. Each command has its own --help.",
)
@click.version_option(__version__, prog_name="hiddenstate", message="%(prog)s %(version)s")
def cli() -> None:
    """Train small recurrent networks and autoencoders and watch their hidden states form."""


for _commands in GROUPS.values():
    for _command in _commands:
        cli.add_command(_command)


def main(args: list[str] | None = None) -> NoReturn:
    """Run a command and exit with its code; docs/cli.md lists the codes."""
    args = sys.argv[1:] if args is None else args
    debug = "--debug" in args
    try:
        code = _run([arg for arg in args if arg != "--debug"])
    except click.UsageError as error:
        code = fail(_usage(error), 2)
    except (KeyboardInterrupt, click.Abort):
        code = fail("interrupted", 130)
    except BrokenPipeError:
        code = READER_LEFT
    except Exception as error:
        if debug:
            raise
        code = _report(error)
    if code == READER_LEFT or not _is_flushed():
        # Print nothing more: Python flushes stdout at exit, and would end with another code.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(code)


def _is_flushed() -> bool:
    """Write what is left for stdout, and return whether it could be written."""
    try:
        sys.stdout.flush()
    except OSError:
        return False
    return True


def _run(args: list[str]) -> int:
    """Run a command; return its exit code, or raise its error."""
    try:
        with (
            cli.make_context("hiddenstate", args) as context,
            watched(ReadingNotes(time.monotonic)),
        ):
            cli.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
    return 0


def _report(error: Exception) -> int:
    """Print an error; return its exit code."""
    match error:
        case HiddenstateError() | click.ClickException():
            if error.exit_code != READER_LEFT:
                fail(str(error), error.exit_code)
            return error.exit_code
        case OSError():
            return fail(f"{error.strerror or error}: {error.filename or 'standard output'}", 3)
        case MemoryError():
            return fail(str(out_of_memory(error)), 3)
        case ImportError():  # a missing extra is a MachineError; this is a broken library
            hint = "see `hiddenstate doctor`"
            return fail(f"a library cannot be loaded: {_first_cause(error)}; {hint}", 3)
    return report_internal_error(error)


def _first_cause(error: BaseException) -> str:
    """The first error of a chain, in one line; libraries wrap a loader's error in long advice."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return " ".join(str(error).split())


def _usage(error: click.UsageError) -> str:
    """The message of click in one line, with a suggestion or a hint to the help."""
    command = error.ctx.command_path if error.ctx else "hiddenstate"
    hint = f"; see `{command} --help`"
    if isinstance(error, click.NoSuchOption):
        own = error.ctx.command.params if error.ctx else ()
        spelled = error.option_name.casefold().replace("_", "-")
        options = [flag for param in own for flag in (*param.opts, *param.secondary_opts)]
        if spelled in options:
            return f"no such option {error.option_name}; did you mean {spelled}?"
        name = error.option_name.removeprefix("--").removeprefix("no-").replace("-", "_")
        owners = [job for job in JOBS if any(o.name == name for _, o in job_options(job))]
        if owners:
            return f"no such option {error.option_name} here; it belongs to {', '.join(owners)}"
        nearest = did_you_mean(error.option_name, options)
        return f"no such option {error.option_name}{nearest or hint}"
    message = " ".join(error.format_message().rstrip(".").split())
    return f"{message[:1].lower()}{message[1:]}{hint}"
