"""The command line: thin commands that parse and delegate; nothing imports it."""

import os
import sys
from typing import NoReturn

import click

from hiddenstate import __version__
from hiddenstate.cli.inspect import inspect
from hiddenstate.cli.output import fail, report_defect
from hiddenstate.cli.predict import evaluate, predict
from hiddenstate.cli.runs import compare, doctor, runs
from hiddenstate.cli.train import autoencode, classify, regress, resume
from hiddenstate.cli.verify import verify
from hiddenstate.cli.view import ctl, figures, film, report, watch
from hiddenstate.config import job_options
from hiddenstate.config.option import JOBS
from hiddenstate.errors import HiddenstateError, did_you_mean
from hiddenstate.system.memory import out_of_memory

READER_LEFT = 128 + 13
"""Exit code when whoever read our output has left: a shell's for SIGPIPE."""


class _Group(click.Group):
    """Commands in the order they are used, and the nearest name for an unknown one."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(self.commands)

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
    """Train small recurrent networks and autoencoders, and watch their hidden states form."""


for _command in (
    inspect, classify, regress, autoencode, resume, predict, evaluate, watch, ctl, figures, report,
    film, runs, compare, verify, doctor,
):  # fmt: skip
    cli.add_command(_command)


def main(args: list[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code; they are listed in docs/cli.md."""
    args = sys.argv[1:] if args is None else args
    debug = "--debug" in args
    args = [arg for arg in args if arg != "--debug"]
    code = 0
    try:
        with cli.make_context("hiddenstate", args) as context:
            cli.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as ended:
        code = ended.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
    except click.UsageError as error:
        code = fail(_usage(error), 2)
    except (HiddenstateError, click.ClickException) as error:
        if debug:
            raise
        code = error.exit_code
        if code != READER_LEFT:
            fail(str(error), code)
    except (KeyboardInterrupt, click.Abort):
        code = fail("interrupted", 130)
    except BrokenPipeError:
        code = READER_LEFT
    except OSError as error:
        if debug:
            raise
        code = fail(f"{error.strerror or error}: {error.filename or 'standard output'}", 3)
    except MemoryError as error:
        if debug:
            raise
        code = fail(str(out_of_memory(error)), 3)
    except ImportError as error:  # no part of ours is looked for where it may be missing
        if debug:
            raise
        code = fail(
            f"a library cannot be loaded: {_first_cause(error)}; see `hiddenstate doctor`", 3
        )
    except Exception as error:  # a defect of ours: one line, and the trace in a file
        if debug:
            raise
        code = report_defect(error)
    if code == READER_LEFT:
        # Say nothing more, also not while Python closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(code)


def _first_cause(error: BaseException) -> str:
    """What an error began with: libraries wrap a loader's line in pages of advice."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return " ".join(str(error).split())


def _usage(error: click.UsageError) -> str:
    """click's words on one line, with the nearest name or where to look."""
    command = error.ctx.command_path if error.ctx else "hiddenstate"
    look = f"; see `{command} --help`"
    if isinstance(error, click.NoSuchOption):
        name = error.option_name.removeprefix("--").removeprefix("no-").replace("-", "_")
        owners = [job for job in JOBS if any(o.name == name for _, o in job_options(job))]
        if owners:
            return f"no such option {error.option_name} here; it belongs to {', '.join(owners)}"
        nearest = did_you_mean(error.option_name, error.possibilities or ())
        return f"no such option {error.option_name}{nearest or look}"
    message = " ".join(error.format_message().rstrip(".").split())
    return f"{message[:1].lower()}{message[1:]}{look}"
