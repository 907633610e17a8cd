"""The command track: follows runs into TensorBoard, MLflow, Weights & Biases or Trackio."""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hiddenstate.cli.options import (
    DEFAULT_RUNS_DIR,
    FilePath,
    GroupedCommand,
    debug_option,
    runs_dir_option,
)
from hiddenstate.cli.output import note, note_damage, say
from hiddenstate.cli.refused_options import refuse_options
from hiddenstate.cli.run_argument import complete_runs, named_run
from hiddenstate.errors import HiddenstateError, OptionError, count, printable

if TYPE_CHECKING:
    from hiddenstate.runs import Run
    from hiddenstate.scale.track import Destination, Follower

TRACKERS = ("tensorboard", "mlflow", "wandb", "trackio")

FOLDERS = {"tensorboard": Path("tensorboard"), "wandb": Path(".")}
"""Folder that each tracker writes in unless told otherwise."""


@click.command(
    cls=GroupedCommand,
    help="Follow a run, or all runs, into an experiment tracker: numbers while it trains, and "
    "figures, model card and model when it ends.\n\nTraining knows nothing of it: this process "
    "reads the run folder, during training or afterwards. It can end at any time; the same "
    "command continues, and no point is missing or written twice. Tokens are read from the "
    "environment alone: MLFLOW_TRACKING_TOKEN, WANDB_API_KEY.\n\n\b\nExample:\n"
    "  hiddenstate track last --to tensorboard",
)
@click.argument("run", required=False, shell_complete=complete_runs)
@click.option(
    "--to",
    "tracker",
    type=click.Choice(TRACKERS),
    required=True,
    metavar="tensorboard|mlflow|wandb|trackio",
    help="The tracker.",
)
@click.option(
    "--all",
    "every",
    is_flag=True,
    help="Follow every run in --runs-dir, also those that begin later.",
)
@click.option(
    "--keep",
    is_flag=True,
    help="Do not end when no run is being trained; wait for a server that is away at the start.",
)
@click.option(
    "--into",
    type=FilePath(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder for TensorBoard's event files, for wandb's, or for Trackio's database.  "
    "[default: tensorboard; wandb; $TRACKIO_DIR or Trackio's own]",
)
@click.option(
    "--url",
    metavar="URL",
    help="Address of the MLflow server, or of a W&B server of your own.  "
    "[default: $MLFLOW_TRACKING_URI, else http://127.0.0.1:5000]",
)
@click.option(
    "--project",
    metavar="NAME",
    default=None,
    help="MLflow's experiment, or the project of W&B or Trackio.  [default: hiddenstate]",
)
@click.option(
    "--register",
    metavar="NAME",
    default=None,
    help="Name of a registered model of MLflow, which gets the run's model as a new version.",
)
@runs_dir_option
@debug_option
def track(
    run: str | None,
    tracker: str,
    every: bool,
    keep: bool,
    into: Path | None,
    url: str | None,
    project: str | None,
    register: str | None,
    runs_dir: Path,
) -> None:
    """The command `track`."""
    from hiddenstate.cli.signals import InterruptHandler
    from hiddenstate.views.offscreen import lower_priority

    if every and run is not None:
        raise OptionError("--all: follows every run in --runs-dir; name no run beside it")
    if run is None and not every:
        raise OptionError("no run; name one, use last, or --all for every run in --runs-dir")
    refuse_options(tracker)
    make = _maker(tracker, into, url, project, register)
    find = _every(runs_dir, make, keep) if run is None else _one(named_run(run, runs_dir), make)
    lower_priority()  # runs may be training on the same processors
    with InterruptHandler() as interrupt:
        interrupt.arm()
        error = _follow(find, interrupt, keep, every)
    if interrupt.number is not None:
        from hiddenstate.errors import RunInterruptedError

        raise RunInterruptedError(
            "interrupted; what was read is written, and the same command continues",
            interrupt.number,
        )
    if error is not None:
        raise error


Make = Callable[["Run"], "Destination"]
Find = Callable[[], Iterable["Follower"]]


def _maker(
    tracker: str, into: Path | None, url: str | None, project: str | None, register: str | None
) -> Make:
    """Return what makes the destination of a run, after a check of the options."""
    name = "hiddenstate" if project is None else project
    if not name.strip() or len(name) > 100 or printable(name) != name:
        raise OptionError("--project: expected a name of 1 to 100 printable characters")
    if tracker == "tensorboard":
        from hiddenstate.scale.track.tensorboard import TensorBoard

        folder = into or FOLDERS[tracker]
        return lambda run: TensorBoard(folder, run.path.resolve().name)
    if tracker == "mlflow":
        from hiddenstate.scale.track.mlflow import DEFAULT_URL, Mlflow, check_server

        address = url or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URL
        check_server(address)
        return lambda run: Mlflow(address, name, note, register)
    if tracker == "trackio":
        from hiddenstate.scale.track.trackio import Trackio

        return lambda run: Trackio(into, name, note)
    from hiddenstate.scale.track.wandb import Wandb

    return lambda run: Wandb(into or FOLDERS[tracker], name, url, note)


def _one(run: "Run", make: Make) -> Find:
    """Return what finds the follower of one run, once."""
    from hiddenstate.scale.track import Follower

    note_damage(run)
    left = [Follower(run, make(run), note)]

    def find() -> list[Follower]:
        new = left[:]
        left.clear()
        return new

    return find


def _every(runs_dir: Path, make: Make, keep: bool) -> Find:
    """Return what finds followers of runs that are new in a folder."""
    from hiddenstate.errors import DataError
    from hiddenstate.runs import list_runs
    from hiddenstate.runs.listing import missing_folder
    from hiddenstate.scale.track import Follower

    told: set[str] = set()

    def warn(problem: str) -> None:
        if problem not in told:
            told.add(problem)
            note(f"warning: {problem}; the run is left out")

    if not runs_dir.is_dir() and not (keep and runs_dir == DEFAULT_RUNS_DIR):
        raise DataError(missing_folder(runs_dir))
    if not keep and not list_runs(runs_dir, warn):
        raise DataError(f"{printable(runs_dir)}: no runs in this folder; --keep waits for one")
    seen: dict[str, tuple[int, int]] = {}
    followed: dict[str, str | None] = {}  # ids by name: another run may get the name of one

    def find() -> Iterable[Follower]:
        nonlocal seen
        before, seen = seen, _records_in(runs_dir)
        if seen == before:
            return
        for name in followed.keys() - seen.keys():
            del followed[name]
        for run in list_runs(runs_dir, warn):
            if run.name not in followed or followed[run.name] != run.id:
                followed[run.name] = run.id
                with suppress(HiddenstateError):  # which the follower meets too
                    note_damage(run)
                yield Follower(run, make(run), note)

    return find


def _records_in(runs_dir: Path) -> dict[str, tuple[int, int]]:
    """Return what tells the config.json of each folder from another that takes its place."""
    records = {}
    for path in runs_dir.glob("*/config.json"):
        with suppress(OSError):
            status = path.stat()
            records[path.parent.name] = status.st_ino, status.st_mtime_ns
    return records


def _follow(
    find: Find, should_stop: Callable[[], bool], keep: bool, every: bool
) -> HiddenstateError | None:
    """Follow, and print what was written; return the first error that concerned one run of many."""
    from hiddenstate.scale.track import follow

    errors: list[HiddenstateError] = []

    def finished(follower: "Follower") -> None:
        status, where = follower.run.status(), follower.destination.where
        new = count(follower.n_points, "new point")
        say(f"{follower.run.name}: {status}, {new} in {where}")
        follower.n_points = 0

    def failed(follower: "Follower", error: HiddenstateError) -> None:
        note(f"warning: {error}; the run is left out")
        errors.append(error)

    follow(
        find,
        should_stop,
        note,
        keep=keep,
        finished=finished,
        failed=failed if every else None,
    )
    return errors[0] if errors else None
