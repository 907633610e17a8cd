"""The commands that train: classify, regress, autoencode, resume."""

import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from hiddenstate.cli.options import JobCommand, config_options, gather
from hiddenstate.cli.output import note, say, say_json
from hiddenstate.config import Config
from hiddenstate.errors import DataError, OptionError

VIEWS = ("auto", "window", "files", "off")


@dataclass(frozen=True)
class Asked:
    """How a command was asked to behave, beside its config."""

    runs_dir: Path
    view: str
    as_json: bool


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a training command with what is not part of its config."""
    for option in (
        click.option(
            "--debug", is_flag=True, expose_value=False, help="Show the trace of an error."
        ),
        click.option(
            "--json", "as_json", is_flag=True, help="Print one JSON object, nothing else."
        ),
        click.option(
            "--view",
            type=click.Choice(VIEWS),
            metavar="|".join(VIEWS),
            default="auto",
            help="Live window, figure files at the end alone, or nothing drawn; auto opens a "
            "window where there is a display.  [default: auto]",
        ),
        runs_dir_option,
    ):
        command = option(command)
    return command


runs_dir_option = click.option(
    "--runs-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    default=Path("runs"),
    help="Folder that run folders are made in.  [default: runs]",
)


def job_command(
    job: str, summary: str, example: str
) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a training command of `job`: all its config options and the run options."""

    def decorate(function: Callable[..., Any]) -> click.Command:
        command = run_options(function)
        command = click.option(
            "--seeds", type=click.IntRange(1, 1000, clamp=False), default=1, metavar="N",
            help="Train N times, seed by seed, and give mean and deviation.",
        )(command)  # fmt: skip
        command = click.option(
            "--config", "config_file", type=click.Path(), metavar="FILE",
            help="Read options from a run's config.json or a TOML file.",
        )(command)  # fmt: skip
        if job != "regress":
            command = click.option(
                "--data-dir", type=click.Path(), metavar="DIR", help="Same as DATA.",
            )(command)  # fmt: skip
        command = config_options(job)(command)
        made = click.command(job, cls=JobCommand, help=f"{summary}\n\n\b\nExample:\n  {example}")
        return made(command)

    return decorate


@job_command(
    "classify",
    "Train a recurrent net to name the class of each sequence.\n\nWithout DATA it learns the "
    "bundled MNIST digits, read row by row. DATA is a folder of idx files or an .npz with X and y.",
    "hiddenstate classify --cell gru --hidden-size 128 --epochs 3",
)
def classify(**given: Any) -> None:
    """The command `classify`."""
    _train_command("classify", given)


@job_command(
    "regress",
    "Train a recurrent net to follow a signal, its state carried from window to window.\n\n"
    "Without DATA it turns a sine into a cosine. DATA is an .npz with X (steps, features) and y "
    "(steps, targets).",
    "hiddenstate regress --windows 1000",
)
def regress(**given: Any) -> None:
    """The command `regress`."""
    _train_command("regress", given)


@job_command(
    "autoencode",
    "Train an autoencoder and draw its codes.\n\nWithout DATA it learns the bundled MNIST digits. "
    "DATA is a folder of idx files, an .npz with X, or an .npy.",
    "hiddenstate autoencode --code-size 2 --epochs 5",
)
def autoencode(**given: Any) -> None:
    """The command `autoencode`."""
    _train_command("autoencode", given)


@click.command(
    help="Go on with a run where it stopped, or train a finished one for longer.\n\n\b\nExample:\n"
    "  hiddenstate resume classify-1 --epochs +1"
)
@click.argument("run")
@click.option("--epochs", metavar="N|+N", help="Passes in all, or with + how many more.")
@click.option("--windows", metavar="N|+N", help="Windows of the bundled waves, likewise (regress).")
@click.option("--max-steps", metavar="N|+N", help="Updates in all, likewise.")
@click.option("--allow-changed", is_flag=True, help="Go on although the data changed.")
@run_options
def resume(
    run: str, epochs: str | None, windows: str | None, max_steps: str | None,
    allow_changed: bool, **asked: Any,
) -> None:  # fmt: skip
    """The command `resume`."""
    changes = {"epochs": epochs, "windows": windows, "max_steps": max_steps}
    how = Asked(**asked)
    results = _resume(run, {n: v for n, v in changes.items() if v is not None}, allow_changed, how)
    _print_results([results], how)


def _train_command(job: str, given: dict[str, Any]) -> None:
    how = Asked(given.pop("runs_dir"), given.pop("view"), given.pop("as_json"))
    seeds, config_file = given.pop("seeds"), given.pop("config_file")
    folder = given.pop("data_dir", None)
    if folder and given.get("data"):
        raise OptionError("--data-dir: DATA is named already; give one of the two")
    given["data"] = given.get("data") or folder
    config = gather(job, config_file, given)
    results = []
    for number in range(seeds):
        training = replace(config.training, seed=config.training.seed + number)
        results.append(_train(replace(config, training=training), how))
    _print_results(results, how)


def _train(config: Config, how: Asked) -> dict[str, Any]:
    """Check everything, make the run folder, train; return the run's results."""
    from hiddenstate.data import load_dataset
    from hiddenstate.engines import make_engine
    from hiddenstate.jobs import make_job
    from hiddenstate.runs import create_next_run, make_record
    from hiddenstate.weights import starting_state

    _check_view(how.view)
    dataset = load_dataset(config)
    job = make_job(config, dataset)
    job.check_memory()
    engine = make_engine(job.task(), starting_state(job.net, config.training))
    record = make_record(config, job.about_data(), engine)
    with create_next_run(how.runs_dir, config.job, record) as writer:
        return _run(job, engine, writer, how)


def _resume(name: str, changes: dict[str, str], allow_changed: bool, how: Asked) -> dict[str, Any]:
    from hiddenstate.callbacks import unpack_state
    from hiddenstate.cli.resuming import changed_config, checked_dataset
    from hiddenstate.engines import make_engine
    from hiddenstate.jobs import make_job
    from hiddenstate.runs import find_run, make_record, reopen_run
    from hiddenstate.weights import starting_state

    _check_view(how.view)
    run = find_run(name, how.runs_dir)
    config = changed_config(run, changes)
    with reopen_run(run) as writer:
        dataset = checked_dataset(run, config, allow_changed)
        job = make_job(config, dataset)
        found = run.checkpoint()
        state, progress = starting_state(job.net, config.training), None
        kept: dict[str, Any] = {}
        if found:
            state, progress, kept = unpack_state(found[0], found[1]["step"])
            state.params = job.net.check(state.params, str(run.path / "checkpoints"))
        if state.step >= job.total_steps and run.results() is not None:
            raise OptionError(
                f"{run.path}: is done after {job.total_steps} steps; add some with "
                + ("--windows +100" if config.job == "regress" else "--epochs +1")
            )
        engine = make_engine(job.task(), state)
        writer.cut_back(state.step, config.training.log_every)
        writer.write_record(make_record(config, job.about_data(), engine))
        note(f"going on after step {state.step} of {job.total_steps}")
        return _run(job, engine, writer, how, state.step, progress, kept.get("waiting"))


def _check_view(view: str) -> None:
    """Refuse a window where none can be, before anything is made."""
    if view == "window":
        from hiddenstate.views.window import display_missing

        missing = display_missing()
        if missing:
            from hiddenstate.errors import MachineError

            raise MachineError(f"--view window: {missing}; use --view files")


def _run(
    job: Any, engine: Any, writer: Any, how: Asked,
    step: int = 0, progress: Any = None, waiting: Any = None,
) -> dict[str, Any]:  # fmt: skip
    """Train in an open run folder, showing it, and see the run to its end."""
    from hiddenstate.callbacks import Lines, ProgressBar, Recorder
    from hiddenstate.errors import DivergedError, RunInterruptedError
    from hiddenstate.runs import Run
    from hiddenstate.signals import StopSignal
    from hiddenstate.trainer import Trainer

    if not how.as_json:
        for line in (*job.sizes(), job.net.describe()):
            say(line)
    note(
        f"{engine.name} on {engine.device}, {engine.threads} threads, "
        f"{job.config.training.dtype}, seed {job.config.training.seed}; run {writer.path}"
    )
    for line in job.remarks():
        note(line)
    callbacks: list[Any] = [Recorder(writer, waiting)]
    view, viewer = _start_view(how.view, writer.path)
    callbacks += [viewer] if viewer else []
    bar = ProgressBar(sys.stderr, shared=sys.stdout.isatty()) if sys.stderr.isatty() else None
    callbacks += [bar] if bar else []
    began = time.monotonic()
    with StopSignal() as stopped:
        callbacks += [] if how.as_json else [Lines(partial(_say_or_stop, stopped))]
        trainer = Trainer(job, engine, callbacks, step, progress, stopped)
        try:
            results = trainer.train()
        except DivergedError as error:
            writer.add_journal("failed", step=trainer.step, why=str(error))
            raise
        finally:
            if bar:
                bar.close()
        if results is None:
            assert stopped.number is not None
            writer.add_journal("interrupted", step=trainer.step, signal=stopped.number)
            raise RunInterruptedError(
                f"interrupted after step {trainer.step} of {trainer.total_steps}, saved; go on "
                f"with `hiddenstate resume {writer.path}`",
                stopped.number,
            )
    seconds = time.monotonic() - began
    if not how.as_json:
        for line in job.closing(engine, results):
            say(line)
    if view != "off":
        from hiddenstate.views.save import save_figures

        save_figures(Run(writer.path))
    return {
        "job": job.config.job,
        "run": str(writer.path),
        "seed": job.config.training.seed,
        "engine": engine.name,
        "steps": trainer.step,
        "seconds": round(seconds, 3),
        **results,
    }


def _say_or_stop(stopped: Any, line: str) -> None:
    """Say a line; if nobody reads any more, ask training to save and stop."""
    try:
        say(line)
    except BrokenPipeError:
        stopped.stop(signal.SIGPIPE)


def _start_view(view: str, path: Path) -> tuple[str, Any]:
    """The view that really is to be had, and the hook that opens its window if it has one."""
    if view in ("off", "files"):
        return view, None
    from hiddenstate.views.window import Window, display_missing

    missing = display_missing()
    if missing:
        note(f"{missing}: figures will be written to {path / 'figures'}")
        return "files", None
    note("a window opens to show it; training goes on if you close it")
    return "window", Window(path)


def _print_results(results: list[dict[str, Any]], how: Asked) -> None:
    """The end of a command: one JSON object, or where things are and what to try."""
    if len(results) == 1:
        if how.as_json:
            say_json(results[0])
        else:
            _say_next(results[0], how)
        return
    import statistics

    from hiddenstate.jobs import headline

    key = headline(results[0]["job"])
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


def _say_next(result: dict[str, Any], how: Asked) -> None:
    run = result["run"]
    say(f"run: {run}  ({result['steps']} steps in {result['seconds']:.1f} s)")
    drawn = Path(run) / "figures"
    if any(drawn.iterdir()):
        say(f"figures: {', '.join(sorted(path.name for path in drawn.iterdir()))} in {drawn}")
        say(f"next: hiddenstate evaluate {run}")
    else:
        say(f"next: hiddenstate figures {run}")
