"""The commands that train: classify, regress, autoencode, resume."""

import os
import shlex
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hiddenstate.cli.findings import two_lines
from hiddenstate.cli.live_view import VIEWS, check_view, start_view
from hiddenstate.cli.options import (
    JobCommand,
    config_options,
    debug_option,
    json_option,
    option_values,
    runs_dir_option,
)
from hiddenstate.cli.output import note, say, say_json
from hiddenstate.config import make_config
from hiddenstate.errors import DataError, OptionError

if TYPE_CHECKING:
    from hiddenstate.cli.signals import StopSignal
    from hiddenstate.data import SequenceDataset
    from hiddenstate.training.start import Session

_DEFAULTS = (
    "\n\nDefaults are those of the classic scripts. For DATA, what is not given follows from rules "
    "that look at it (--recipe auto, the default there)."
)


@dataclass(frozen=True)
class Asked:
    """How a command was asked to behave, beside its config."""

    runs_dir: Path
    view: str
    as_json: bool


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a training command with what is not part of its config."""
    view_option = click.option(
        "--view",
        type=click.Choice(VIEWS),
        metavar="|".join(VIEWS),
        default="auto",
        help="Where it is seen while it trains: a window, the notebook this runs in, this "
        "terminal, in figure files at the end alone, or not at all; auto takes the first there "
        "is.  [default: auto]",
    )
    for option in (debug_option, json_option, view_option, runs_dir_option):
        command = option(command)
    return command


def job_command(
    job: str, summary: str, example: str
) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a training command of `job`: all its config options and the run options."""

    def decorate(function: Callable[..., Any]) -> click.Command:
        command = run_options(function)
        command = click.option(
            "--seeds",
            type=click.IntRange(1, 1000, clamp=False),
            default=1,
            metavar="N",
            help="Train N times, seed by seed, and give mean and deviation.",
        )(command)
        command = click.option(
            "--config",
            "config_file",
            type=click.Path(),
            metavar="FILE",
            help="Read options from a run's config.json or a TOML file.",
        )(command)
        if job != "regress":
            command = click.option(
                "--data-dir",
                type=click.Path(),
                metavar="DIR",
                help="Same as DATA.",
            )(command)
        command = config_options(job)(command)
        short = summary.partition("\n")[0]
        made = click.command(
            job, cls=JobCommand, short_help=short, help=f"{summary}\n\n\b\nExample:\n  {example}"
        )
        return made(command)

    return decorate


@job_command(
    "classify",
    "Train a recurrent net to name the class of each sequence.\n\nWithout DATA it learns the "
    "bundled MNIST digits, read row by row. DATA is a table (.csv, .tsv, .parquet), a .ts archive, "
    ".npy or .npz arrays, idx files or a folder of images a class; `hiddenstate inspect DATA` says "
    "how it is read." + _DEFAULTS,
    "hiddenstate classify sensors.csv --label activity",
)
def classify(**given: Any) -> None:
    """The command `classify`."""
    _train_command("classify", given)


@job_command(
    "regress",
    "Train a recurrent net to follow a signal.\n\nIts state is carried from window to window. "
    "Without DATA it turns a sine into a cosine. DATA is one long signal or many series: a table "
    "with --target COL, and --horizon 1 to forecast it, a .ts archive, or arrays X and y."
    + _DEFAULTS,
    "hiddenstate regress demand.csv --target demand --horizon 1",
)
def regress(**given: Any) -> None:
    """The command `regress`."""
    _train_command("regress", given)


@job_command(
    "autoencode",
    "Train an autoencoder and draw its codes.\n\nWithout DATA it learns the bundled MNIST digits. "
    "DATA is anything the other jobs read, with rows of one length; labels only colour the codes."
    + _DEFAULTS,
    "hiddenstate autoencode --code-size 2 --epochs 5",
)
def autoencode(**given: Any) -> None:
    """The command `autoencode`."""
    _train_command("autoencode", given)


@click.command(
    short_help="Go on with a run, or train it for longer.",
    help="Go on with a run where it stopped, or train a finished one for longer.\n\n\b\nExample:\n"
    "  hiddenstate resume classify-1 --epochs +1",
)
@click.argument("run")
@click.option("--epochs", metavar="N|+N", help="Passes in all, or with + how many more.")
@click.option("--windows", metavar="N|+N", help="Windows of the bundled waves, likewise (regress).")
@click.option("--max-steps", metavar="N|+N", help="Updates in all, likewise.")
@click.option(
    "--allow-changed", is_flag=True, help="Go on although the data or the history changed."
)
@run_options
def resume(
    run: str,
    epochs: str | None,
    windows: str | None,
    max_steps: str | None,
    allow_changed: bool,
    **asked: Any,
) -> None:
    """The command `resume`."""
    from hiddenstate.cli.signals import StopSignal
    from hiddenstate.runs import find_run
    from hiddenstate.training.resume import resume_run

    how = Asked(**asked)
    changes = {"epochs": epochs, "windows": windows, "max_steps": max_steps}
    check_view(how.view)
    found = find_run(run, how.runs_dir)
    given = {name: text for name, text in changes.items() if text is not None}
    with StopSignal() as stopped, resume_run(found, given, allow_changed, stopped.arm) as session:
        note(f"going on after step {session.step} of {session.job.total_steps}")
        results = _run(session, how, stopped)
    _print_results([results], how)


def _train_command(job: str, given: dict[str, Any]) -> None:
    how = Asked(given.pop("runs_dir"), given.pop("view"), given.pop("as_json"))
    seeds, config_file = given.pop("seeds"), given.pop("config_file")
    folder = given.pop("data_dir", None)
    if folder and given.get("data"):
        raise OptionError("--data-dir: DATA is named already; give one of the two")
    given["data"] = given.get("data") or folder
    values = option_values(job, config_file, given)
    for name in ("data", "test", "answers", "weights"):  # a run is gone on with from any folder
        if values.get(name):
            values[name] = os.path.abspath(os.path.expanduser(values[name]))
    first = values.get("seed", 0)
    for n in range(seeds):  # all are checked before any is trained
        make_config(job, {**values, "seed": first + n}, together=False)
    if seeds > 1 and how.view == "auto":  # not a view a run
        how = replace(how, view="files")
    _print_results([_train(job, {**values, "seed": first + n}, how) for n in range(seeds)], how)


def _train(job: str, values: dict[str, Any], how: Asked) -> dict[str, Any]:
    """Check everything, make the run folder, train; return the run's results."""
    from hiddenstate.cli.signals import StopSignal
    from hiddenstate.training.start import plan, start

    check_view(how.view)
    with StopSignal() as stopped:
        config, dataset = plan(job, values)
        with start(config, how.runs_dir, stopped.arm, dataset) as session:
            return _run(session, how, stopped, dataset)


def _run(
    session: "Session", how: Asked, stopped: "StopSignal", raw: "SequenceDataset | None" = None
) -> dict[str, Any]:
    """Train in an open run folder, showing it, and see the run to its end."""
    from hiddenstate.report.model_card import write_card
    from hiddenstate.runs import Run

    job, engine, path = session.job, session.engine, session.writer.path
    _introduce(session, how, raw)
    view, callbacks = start_view(how.view, path, how.as_json, stopped)
    with _telling_how_to_go_on(path):
        results = session.train(callbacks, stopped)
    if results is None:
        step = int(Run(path).checkpoint_paths()[0].stem)
        raise _interrupted(
            f"interrupted after step {step} of {job.total_steps}, saved; go on with "
            f"`hiddenstate resume {shlex.quote(str(path))}`",
            stopped,
        )
    if not how.as_json:
        for line in job.summary_lines(engine, results):
            say(line)
    seconds = Run(path).seconds() or 0.0  # without what its view took to end
    try:
        with stopped.interrupting():
            write_card(Run(path))
            if view != "off":
                from hiddenstate.views.save import save_figures

                save_figures(Run(path))
    except KeyboardInterrupt:
        raise _interrupted(
            "interrupted when training was done and saved; "
            f"`hiddenstate figures {shlex.quote(str(path))}` draws it",
            stopped,
        ) from None
    if not how.as_json:
        _say_where(session, seconds)
    return {
        "job": job.config.job,
        "run": str(path),
        "seed": job.config.training.seed,
        "engine": engine.name,
        "steps": engine.export().step,
        "seconds": round(seconds, 3),
        **results,
    }


def _say_where(session: "Session", seconds: float) -> None:
    """Where the run is, and a command to try on it."""
    path, drawn = session.writer.path, session.writer.path / "figures"
    say(f"run: {path}  ({session.engine.export().step} steps in {seconds:.1f} s)")
    names = sorted(figure.name for figure in drawn.iterdir())
    if names:
        say(f"figures: {', '.join(names)} in {drawn}")
    verb = "evaluate" if len(session.job.dataset.X_test) else "watch"
    say(f"next: hiddenstate {verb if names else 'figures'} {shlex.quote(str(path))}")


@contextmanager
def _telling_how_to_go_on(path: Path) -> Iterator[None]:
    """Where the machine gets in the way of training, say what is left to do."""
    from hiddenstate.errors import MachineError, RunMovedError
    from hiddenstate.system.memory import out_of_memory

    mend = f"when it is mended, go on with `hiddenstate resume {shlex.quote(str(path))}`"
    try:
        yield
    except RunMovedError:  # it cannot be, from here
        raise
    except MachineError as error:
        raise MachineError(f"{error}; {mend}") from None
    except MemoryError as error:
        raise MachineError(f"{out_of_memory(error)}; {mend}") from None


def _interrupted(message: str, stopped: "StopSignal") -> Exception:
    from hiddenstate.errors import RunInterruptedError

    return RunInterruptedError(message, stopped.number or signal.SIGINT)


def _introduce(session: "Session", how: Asked, raw: "SequenceDataset | None") -> None:
    """Say what is about to be trained, and on what; `raw` is the data as it was read."""
    job, engine = session.job, session.engine
    if not how.as_json:
        own = job.dataset.source == "file"
        for line in two_lines(job.dataset, job.config, raw) if own else job.sizes():
            say(line)
        for line in job.net.describe().splitlines():
            say(line)
    note(
        f"{engine.name} on {engine.device}, {engine.threads} thread{'s' * (engine.threads != 1)}, "
        f"{job.config.training.dtype}, seed {job.config.training.seed}; run {session.writer.path}"
    )
    for line in session.remarks:
        note(line)


def _print_results(results: list[dict[str, Any]], how: Asked) -> None:
    """The end of a command: one JSON object, or the mean over seeds."""
    if len(results) == 1:
        if how.as_json:
            say_json(results[0])
        return
    import statistics

    from hiddenstate.metrics.headline import headline

    key = headline(results[0]["job"], results[0])
    values = [result[key] for result in results if key in result]
    if not values:
        raise DataError(f"no run has a {key} to compare")
    mean, deviation = statistics.fmean(values), statistics.stdev(values)
    if how.as_json:
        say_json(
            {
                "job": results[0]["job"],
                "runs": [result["run"] for result in results],
                "seeds": [result["seed"] for result in results],
                key: values,
                f"{key}_mean": mean,
                f"{key}_deviation": deviation,
            }
        )
        return
    for result in results:
        say(f"seed {result['seed']}: {key} {result[key]:.4f}  {result['run']}")
    say(f"{key} over {len(values)} seeds: mean {mean:.4f}, deviation {deviation:.4f}")
