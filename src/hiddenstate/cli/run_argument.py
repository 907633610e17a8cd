"""The argument RUN: finds the run, and notices data in its place."""

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hiddenstate.cli.options import DEFAULT_RUNS_DIR, complete_files
from hiddenstate.errors import DataError, OptionError, printable

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from hiddenstate.runs import Run

MODELS = (".safetensors", ".pt", ".pth", ".pkl", ".pickle")
"""Endings of files that hold a model, or are refused as one."""


class RunName(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.2
    """A new name of a run, which is never a path and needs no quotes in a shell."""

    name = "name"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Return the name, or refuse it."""
        from hiddenstate.runs.listing import check_name

        return check_name(value, "--name")


def check_new(runs_dir: Path, name: str | None) -> None:
    """Refuse the name of a run that exists, before anything is read."""
    if name is not None and os.path.lexists(runs_dir / name):
        raise OptionError(
            f"--name: {printable(runs_dir / name)} already exists; use another name, or remove it"
        )


def complete_runs(
    context: click.Context, param: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    """Return the runs in --runs-dir that begin so, or let the shell complete files."""
    from click.shell_completion import CompletionItem

    folder = Path(context.params.get("runs_dir") or DEFAULT_RUNS_DIR)
    names = sorted(path.name for path in folder.glob("*") if _is_run(path))
    items = [CompletionItem(name) for name in (*names, "last") if name.startswith(incomplete)]
    return items if incomplete and items else [*items, *complete_files(context, param, incomplete)]


run_argument: Callable[[Callable[..., Any]], Callable[..., Any]] = click.argument(
    "run", shell_complete=complete_runs
)


def named_run(name: str, runs_dir: Path) -> "Run":
    """Return the run that a user names; errors as :func:`hiddenstate.runs.find_run`.

    If the name is that of a data file, the error has the command for the run trained on it.
    """
    from hiddenstate.runs import find_run, list_runs

    try:
        return find_run(name, runs_dir)
    except DataError as error:
        command, runs = click.get_current_context().command_path, list_runs(runs_dir)
        newest = _trained_on(name, runs)
        if not newest and not os.path.isfile(name):
            raise
        if _is_model(name):
            raise DataError(
                f"{printable(name)}: a model file, which has no history; name the folder of its run"
            ) from error
        if newest:
            hint = f"use `{command} {shlex.quote(newest.name)}`, a run trained on it"
        elif runs:
            hint = f"name a run, for example `{command} last`"
        else:
            hint = f"no run is there yet; `hiddenstate inspect {shlex.quote(name)}` helps to start"
        raise DataError(f"{printable(name)}: not a run; {hint}") from error


def check_order(run: str, data: str | None, runs_dir: Path) -> None:
    """Refuse DATA in the place of RUN, with the right command.

    Raises
    ------
    OptionError
        If RUN is data, and DATA a run or a model; or if DATA is missing, and RUN is the data of a
        run.
    """
    from hiddenstate.runs import list_runs

    if not _is_data(run) or _is_run(runs_dir / run):  # data may have the name of a run
        return
    if data is None:
        trained = _trained_on(run, list_runs(runs_dir))
        right = trained.name if trained else None
    else:
        is_run = data == "last" or _is_run(Path(data)) or _is_run(runs_dir / data)
        right = data if is_run or _is_model(data) else None
    if right is not None:
        command = click.get_current_context().command_path
        raise OptionError(
            f"{printable(run)}: not a run, and RUN comes before DATA; use "
            f"`{command} {shlex.quote(right)} {shlex.quote(run)}`"
        )


def _trained_on(name: str, runs: "list[Run]") -> "Run | None":
    """The newest run that was trained on a file, if there is one."""
    path = os.path.abspath(name)
    trained = [run for run in runs if path in (run.config.data.data, run.config.data.test)]
    return max(trained, key=lambda run: run.started(), default=None)


def _is_data(name: str) -> bool:
    """Whether something of this name is there that is neither a run nor a model."""
    try:
        path = Path(name)
        return path.exists() and not _is_run(path) and not _is_model(name)
    except OSError:
        return False


def _is_run(path: Path) -> bool:
    """Whether a folder is a run, or a sweep, which has many models."""
    return (path / "config.json").is_file() or (path / "sweep.json").is_file()


def _is_model(name: str) -> bool:
    return Path(name).is_file() and Path(name).suffix.lower() in MODELS
