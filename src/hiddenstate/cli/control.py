"""The command ctl: sends a request to a run in progress."""

from pathlib import Path

import click

from hiddenstate.cli.options import GroupedCommand, debug_option, runs_dir_option
from hiddenstate.cli.output import note, say
from hiddenstate.cli.run_argument import named_run, run_argument

ANSWER_SECONDS = 5.0
"""How long `ctl` waits for a run to carry out a request."""


@click.command(
    cls=GroupedCommand,
    help="Send a request to a run in progress, from any terminal.\n\n\b\n"
    "  stop       finish early: keep the best weights and end the run as done\n"
    "  pause, go  pause training, continue it\n"
    "  step       make one update, save a snapshot and pause\n"
    "  lr X       set the learning rate to X; a schedule continues from it\n"
    "  snapshot   save a snapshot for the views\n\n"
    "Each request that is carried out becomes an event in the history of the run. To interrupt a "
    "run so that it can be resumed, press Ctrl-C in its terminal or send it SIGTERM."
    "\n\n\b\nExample:\n  hiddenstate ctl last lr 0.001",
    context_settings={"ignore_unknown_options": True},  # -1 is a value, out of range
)
@run_argument
@click.argument("request", metavar="stop|pause|go|step|lr|snapshot")
@click.argument("value", required=False)
@runs_dir_option
@debug_option
def ctl(run: str, request: str, value: str | None, runs_dir: Path) -> None:
    """The command `ctl`."""
    from hiddenstate.runs.requests import await_answer, describe_request, make_request, send_request

    make_request(request, value)  # an invalid request is reported before a missing run
    running = named_run(run, runs_dir)
    answer = await_answer(running, send_request(running.path, request, value), ANSWER_SECONDS)
    if answer is not None:
        say(f"{running.path}: {describe_request(answer)}")
    elif running.status() == "running":
        note(f"{running.path}: request sent; it is carried out after the current step")
    else:
        note(f"{running.path}: the run ended before it read the request")
