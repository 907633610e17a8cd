"""The command resume: resumes a run or a study."""

from typing import TYPE_CHECKING, Any

import click

from hiddenstate.cli.live_view import check_view
from hiddenstate.cli.options import GroupedCommand, debug_option, json_option, runs_dir_option
from hiddenstate.cli.output import say_json
from hiddenstate.cli.ranks import is_follower, joined, let_one_rank_speak
from hiddenstate.cli.run_argument import named_run, run_argument
from hiddenstate.cli.train import Settings, open_and_train, view_option
from hiddenstate.cli.tune import (
    Manner,
    grace_option,
    resume_study,
    storage_option,
    study_folder,
    workers_option,
)
from hiddenstate.errors import OptionError

if TYPE_CHECKING:
    from hiddenstate.training.start import MakeEngine, Session


@click.command(
    cls=GroupedCommand,
    help="Resume an interrupted run from its last checkpoint, or train a finished one for longer; "
    "or go on with a study of `hiddenstate tune`.\n\n\b\nExample:\n"
    "  hiddenstate resume classify-1 --epochs +1",
)
@run_argument
@click.option(
    "--epochs",
    metavar="N|+N",
    help="Train N epochs in total, or N more than the run was to have (+N).",
)
@click.option(
    "--windows",
    metavar="N|+N",
    help="Train on N windows of the bundled waves in total, or N more than the run was to have "
    "(regress).",
)
@click.option(
    "--max-steps",
    metavar="N|+N",
    help="Make at most N updates in total, or N more than the run was to make, with the epochs "
    "they take.",
)
@click.option(
    "--allow-changed", is_flag=True, help="Resume even if the data or the history changed."
)
@storage_option
@workers_option
@grace_option
@runs_dir_option
@view_option
@json_option
@debug_option
def resume(
    run: str,
    epochs: str | None,
    windows: str | None,
    max_steps: str | None,
    allow_changed: bool,
    storage: str | None,
    workers: int,
    grace: int,
    **settings: Any,
) -> None:
    """The command `resume`."""
    from hiddenstate.cli.signals import InterruptHandler
    from hiddenstate.system.memory import return_freed_arrays
    from hiddenstate.training.resume import resume_run

    return_freed_arrays()
    let_one_rank_speak()
    how_long = {"epochs": epochs, "windows": windows, "max_steps": max_steps}
    changes = {name: text for name, text in how_long.items() if text is not None}
    options = Settings(**settings)
    folder = study_folder(run, options.runs_dir)
    if folder is not None:
        if changes or allow_changed:
            raise OptionError(f"{run}: is a study, whose trials are not trained for longer")
        resume_study(
            folder, Manner(options.runs_dir, options.as_json, workers, storage, grace, at_home=True)
        )
        return
    if workers > 1:
        raise OptionError(f"--workers: applies to a study, and {run} is none")
    if not is_follower():
        check_view(options.view)
    with InterruptHandler() as interrupt, joined() as ranks:

        def open_run(make: "MakeEngine") -> "Session":
            earlier = named_run(run, options.runs_dir)
            return resume_run(earlier, changes, allow_changed, interrupt.arm, make)

        command = {**changes, "run": run, "allow_changed": allow_changed}
        results = open_and_train(ranks, command, open_run, options, interrupt)
    if options.as_json and results is not None:
        say_json(results)
