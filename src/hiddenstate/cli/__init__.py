"""The command line: commands that parse options and delegate; only `__main__` imports it."""

import os
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

import click

from hiddenstate.cli.output import ReadingNotes, fail, report_internal_error
from hiddenstate.errors import HiddenstateError, did_you_mean, printable
from hiddenstate.program.jobs import KINDS
from hiddenstate.system.reading_progress import watched
from hiddenstate.version import __version__

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMPLETE = "_HIDDENSTATE_COMPLETE"
"""Environment variable in which a shell asks for completion."""

READER_LEFT = 128 + 13
"""Exit code when the reader of stdout has left: that of a shell for SIGPIPE."""


GROUPS: dict[str, dict[str, tuple[str, str]]] = {
    "Data": {
        "inspect": ("inspect", "Inspect data before training on it."),
    },
    "Training": {
        **{job: (job, kind.summary) for job, kind in KINDS.items()},
        "resume": ("resume", "Resume a run, or train it for longer."),
        "ctl": ("control", "Finish, pause, step or continue a run, or change its learning rate."),
        "tune": ("tune", "Search the options that learn best."),
        "sweep": ("sweep", "Train one model for each group of a table."),
    },
    "Using a model": {
        "predict": ("predict", "Predict new rows."),
        "evaluate": ("predict", "Evaluate a model on test rows or on other data."),
        "forecast": ("forecast", "Forecast the steps after the end of series."),
        "export": ("export", "Write a model for another language or runtime."),
        "quantize": ("quantize", "Write a model that answers in integers."),
        "publish": ("publish", "Write a folder to upload to the Hugging Face Hub."),
    },
    "Views and reports": {
        "watch": ("view", "Watch a run in progress, or replay a finished one."),
        "studio": ("studio", "Open data and runs in the browser: train, watch, compare."),
        "track": ("track", "Follow runs into TensorBoard, MLflow, W&B or Trackio."),
        "figures": ("view", "Draw the figures of a run into its figures folder."),
        "report": ("view", "Write the report and the model card of a run."),
        "film": ("view", "Write a film of a run's training, GIF or MP4."),
    },
    "Runs and machine": {
        "runs": ("runs", "List the runs."),
        "compare": ("runs", "Compare runs: options that differ, and scores."),
        "verify": ("verify", "Check the files of a run, and that resuming it is exact."),
        "doctor": ("doctor", "Report versions, devices and display of this machine."),
    },
}
"""Module and short text of each command, by heading in the help, in the order they are used."""

COMMANDS = {name: entry for commands in GROUPS.values() for name, entry in commands.items()}
"""Module and short text of each command."""


class _Group(click.Group):
    """Lists commands in groups, imports one when it is named, and suggests one for a wrong name."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name in COMMANDS and name not in self.commands:
            module, text = COMMANDS[name]
            command = getattr(import_module(f"hiddenstate.cli.{module}"), name)
            command.short_help = text
            self.add_command(command)
        return super().get_command(context, name)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Return the commands, and the options, that begin so; imports no command."""
        from click.shell_completion import CompletionItem

        commands = [
            CompletionItem(name, help=text)
            for name, (_, text) in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands of each group under its heading."""
        for heading, commands in GROUPS.items():
            with formatter.section(heading):
                formatter.write_dl([(name, text) for name, (_, text) in commands.items()])

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from hiddenstate.cli.ranks import check_command

        name = args[0]
        check_command(name)
        if name not in COMMANDS and not name.startswith("-") and not context.resilient_parsing:
            raise click.UsageError(f"no such command {name!r}{did_you_mean(name, COMMANDS)}")
        return super().resolve_command(context, args)


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with `hiddenstate classify`. Each command has its own --help.",
)
@click.version_option(__version__, prog_name="hiddenstate", message="%(prog)s %(version)s")
def cli() -> None:
    """Train small recurrent networks and autoencoders and watch their hidden states form."""


def main(args: list[str] | None = None) -> NoReturn:
    """Run a command and exit with its code; docs/cli.md lists the codes."""
    if shell := os.environ.get(COMPLETE):
        sys.exit(_complete(shell))
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


def _complete(instruction: str) -> int:
    """Print the script of a shell that completes commands, or what completes one; return a code."""
    from click.shell_completion import shell_complete

    try:
        code = shell_complete(cli, {}, "hiddenstate", COMPLETE, instruction)
    except (click.ClickException, HiddenstateError):  # of the words so far; nothing completes them
        return 0
    if code:
        shells = "bash_source, zsh_source or fish_source"
        return fail(f"{COMPLETE}: expected {shells}, got {printable(instruction, 40)}", 2)
    return code


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
            from hiddenstate.system.memory import out_of_memory

            return fail(str(out_of_memory(error)), 3)
        case ImportError():  # a missing extra is a MachineError; this is a broken library
            hint = "see `hiddenstate doctor`"
            return fail(f"a library cannot be loaded: {_first_cause(error)}; {hint}", 3)
        case UnicodeDecodeError() if name := _settings_of_matplotlib(error):
            where = printable(os.path.abspath(name))
            return fail(f"{where}: matplotlib's settings are not UTF-8; correct or remove it", 3)
    return report_internal_error(error)


def _settings_of_matplotlib(error: Exception) -> str:
    """The matplotlibrc that matplotlib was reading, which happens when it is imported; or ""."""
    import traceback

    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_globals.get("__name__") == "matplotlib" and "fname" in frame.f_locals:
            return str(frame.f_locals["fname"])
    return ""


def _first_cause(error: BaseException) -> str:
    """The first error of a chain that says something, in one line; libraries wrap a loader's error
    in long advice."""
    words = ""
    cause: BaseException | None = error
    while cause is not None:
        words = " ".join(str(cause).split()) or words
        cause = cause.__cause__ or cause.__context__
    return words or type(error).__name__


def _usage(error: click.UsageError) -> str:
    """The message of click in one line, with a suggestion or a hint to the help."""
    command = error.ctx.command_path if error.ctx else "hiddenstate"
    hint = f"; see `{command} --help`"
    if isinstance(error, click.NoSuchOption):
        from hiddenstate.cli.synonyms import SYNONYMS
        from hiddenstate.config import JOBS, job_options

        own = error.ctx.command.params if error.ctx else ()
        spelled = error.option_name.casefold().replace("_", "-")
        options = [flag for param in own for flag in (*param.opts, *param.secondary_opts)]
        meant = spelled if spelled in options else SYNONYMS.get(spelled.removeprefix("--"))
        if meant in options:
            return f"no such option {error.option_name}; did you mean {meant}?"
        name = error.option_name.removeprefix("--").removeprefix("no-").replace("-", "_")
        owners = [job for job in JOBS if any(o.name == name for _, o in job_options(job))]
        if owners:
            return f"no such option {error.option_name} here; it belongs to {', '.join(owners)}"
        nearest = did_you_mean(error.option_name, options)
        return f"no such option {error.option_name}{nearest or hint}"
    if isinstance(error, click.MissingParameter) and error.param is not None:
        words = (error.param.metavar or "").split("|")
        if len(words) > 1:
            return f"missing option '{error.param.opts[0]}'; expected one of {', '.join(words)}"
    message = " ".join(error.format_message().rstrip(".").split())
    return f"{message[:1].lower()}{message[1:]}{hint}"
