"""What the commands that train share: classify, regress, autoencode, and resume."""

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from hiddenstate.cli.live_view import check_view, view_callbacks
from hiddenstate.cli.options import (
    JobCommand,
    command_option,
    complete_files,
    config_file_option,
    config_options,
    make_command,
    option_values,
)
from hiddenstate.cli.output import note, say, say_json
from hiddenstate.cli.paths import absolute_paths, teacher_path
from hiddenstate.cli.ranks import (
    Ranks,
    check_options,
    how_to_resume,
    is_follower,
    is_launched,
    joined,
    let_one_rank_speak,
    run_before,
    train_as_rank,
)
from hiddenstate.cli.refused_options import refuse_options
from hiddenstate.cli.run_argument import RunName, check_new
from hiddenstate.cli.stdin import KEPT, named, stdin_as_file
from hiddenstate.cli.step_tables import say_steps, step_rows
from hiddenstate.cli.training_output import (
    print_introduction,
    print_location,
    scores_by_step,
)
from hiddenstate.config import make_config
from hiddenstate.config.fields import OWN_TEACHERS
from hiddenstate.errors import OptionError
from hiddenstate.program.jobs import kind_of
from hiddenstate.system.signals import SIGINT
from hiddenstate.views import TRAINING_VIEWS

if TYPE_CHECKING:
    from hiddenstate.cli.signals import InterruptHandler
    from hiddenstate.data import SequenceDataset
    from hiddenstate.runs.events import Figures
    from hiddenstate.training.start import MakeEngine, Session


@dataclass(frozen=True)
class Settings:
    """How a training command behaves, apart from its config.

    Parameters
    ----------
    runs_dir : Path
        Folder that holds the run folders.
    view : str
        One of `TRAINING_VIEWS`.
    as_json : bool
        Print one JSON object instead of lines.
    name : str, optional
        Name of the run folder; by default the job and the next free number.
    introduces : bool, default True
        Print the engine, the folder and the notices before training.
    stdin : Path, optional
        The file with what stdin held, if DATA is `-`.
    """

    runs_dir: Path
    view: str
    as_json: bool
    name: str | None = None
    introduces: bool = True
    stdin: Path | None = None


view_option = command_option(
    "view",
    str,
    "auto",
    "Where training is shown: in a window, in this notebook, in this terminal, in figure files at "
    "the end (files), or nowhere (off); auto uses the notebook, the window or the terminal, "
    "whichever is available first, otherwise files.",
    choices=TRAINING_VIEWS,
)
_seeds_option = command_option(
    "seeds",
    int,
    1,
    "Train N runs with consecutive seeds and print one table of them, with the mean and the "
    "standard deviation of their main score.",
    low=1,
    high=1000,
)
_name_option = click.option(
    "--name",
    type=RunName(),
    metavar="NAME",
    help="Name of the run folder, which must be new; with --seeds, -seedN is added.  [default: the "
    "job and the next free number]",
)
_data_dir_option = click.option(
    "--data-dir", type=click.Path(), metavar="DIR", help="Same as DATA."
)


def job_command(job: str, details: str, example: str) -> click.Command:
    """Make the command that trains `job`, with all its config options."""
    text = (
        f"{kind_of(job).summary}\n\n{details}\n\nDefaults are those of the classic scripts. With "
        "DATA, options that are not set follow from the data (--recipe auto).\n\n\b\nExample:\n  "
        f"{example}"
    )
    return make_command(
        JobCommand,
        job,
        text,
        partial(_train_command, job),
        click.argument("data", required=False, shell_complete=complete_files),
        *config_options([job]),
        *([_data_dir_option] if not kind_of(job).has_targets else []),
        *(config_file_option, _name_option, _seeds_option, view_option),
    )


def _train_command(job: str, **values: Any) -> None:
    """Train one run, or one per seed, and print the results."""
    if kind_of(job).has_targets:
        refuse_options("training of targets")
    options = Settings(*(values.pop(name) for name in ("runs_dir", "view", "as_json", "name")))
    n, config_file = values.pop("seeds"), values.pop("config_file")
    if is_launched():
        let_one_rank_speak()
        check_options(values, n)
    data_dir = values.pop("data_dir", None)
    if data_dir is not None and values["data"] is not None:
        raise OptionError("--data-dir: DATA is given too; use one of them")
    values["data"] = data_dir if values["data"] is None else values["data"]
    values = absolute_paths(option_values(job, config_file, values))
    if values.get("teach"):
        values["teach"] = teacher_path(values["teach"], options.runs_dir)
    if not kind_of(job).has_targets and values.get("data") is None and not is_launched():
        from hiddenstate.data.bundled.unpack import unpack_ahead

        unpack_ahead()  # while modules are imported
    with stdin_as_file(values.get("data"), KEPT) as stdin:
        _train_runs(job, values, replace(options, stdin=stdin), n)


def _train_runs(job: str, values: dict[str, Any], options: Settings, n: int) -> None:
    """Train `n` runs of consecutive seeds, and print the results."""
    seeds = [values.get("seed", 0) + k for k in range(n)]
    if values.get("teach") not in (None, *OWN_TEACHERS) and values.get("split_seed") is None:
        values = {**values, "split_seed": seeds[0]}  # a teacher knows the rows of one split
    plans = [{**values, "seed": seed} for seed in seeds]
    for each in plans:  # check all before training any
        make_config(job, each, together=False)
    if n == 1:
        if not is_launched():  # the ranks check it once they have met
            check_new(options.runs_dir, options.name)
        results = _start_and_train(job, plans[0], options)
        if options.as_json and results is not None:
            say_json(results)
        return
    names = [options.name and f"{options.name}-seed{seed}" for seed in seeds]
    for name in names:
        check_new(options.runs_dir, name)
    view = "files" if options.view == "auto" else options.view  # rather than one view per run
    quiet = replace(options, view=view, as_json=True)
    each_with = [replace(quiet, name=name, introduces=k == 0) for k, name in enumerate(names)]
    trainings = [
        partial(_start_and_train, job, *each) for each in zip(plans, each_with, strict=True)
    ]
    from hiddenstate.cli.seeds import train_seeds

    train_seeds(cast("list[Callable[[], dict[str, Any]]]", trainings), n, options.as_json)


def _start_and_train(job: str, values: dict[str, Any], options: Settings) -> dict[str, Any] | None:
    """Check everything, make the run folder, train; return the results, on rank 0 alone."""
    from hiddenstate.cli.signals import InterruptHandler
    from hiddenstate.system.memory import return_freed_arrays
    from hiddenstate.training.resume import resume_run
    from hiddenstate.training.start import plan, start

    return_freed_arrays()
    if not is_follower():
        check_view(options.view)
    raw: list[SequenceDataset] = []
    with InterruptHandler() as interrupt, joined() as ranks:

        def open_run(make: "MakeEngine") -> "Session":
            before = run_before(ranks, options.runs_dir) if ranks else None
            if before is not None:
                return resume_run(before, {}, before_writing=interrupt.arm, make=make)
            check_new(options.runs_dir, options.name)
            config, dataset = plan(job, values, options.stdin)
            remarks = tuple(named(remark, options.stdin) for remark in dataset.remarks)
            raw.append(replace(dataset, remarks=remarks))
            folder, name = options.runs_dir, options.name
            return start(config, folder, interrupt.arm, raw[0], name, options.stdin, make)

        return open_and_train(ranks, {**values, "job": job}, open_run, options, interrupt, raw)


def open_and_train(
    ranks: Ranks | None,
    command: Mapping[str, Any],
    open_run: "Callable[[MakeEngine], Session]",
    options: Settings,
    interrupt: "InterruptHandler",
    raw: "Sequence[SequenceDataset]" = (),
) -> dict[str, Any] | None:
    """Open a run, with other ranks if there are any, and train it; None on a rank other than 0.

    `raw` is the data as read, once a new run is open.
    """
    from hiddenstate.training.start import one_process

    opened = train_as_rank(ranks, command, open_run, interrupt) if ranks else open_run(one_process)
    if opened is None:
        return None
    with opened as session:
        if not raw:
            note(f"resuming after step {session.step} of {session.job.total_steps}")
        return _train(session, options, interrupt, ranks, raw[0] if raw else None)


def _train(
    session: "Session",
    options: Settings,
    interrupt: "InterruptHandler",
    ranks: Ranks | None,
    raw: "SequenceDataset | None" = None,
) -> dict[str, Any]:
    """Train in an open run folder, show it, and write the model card and the figures.

    `ranks` are the processes that train together; `raw` is the data as read, for a new run.
    """
    from hiddenstate.data.leaks import leaks_as_facts
    from hiddenstate.jobs.answering import answer_facts
    from hiddenstate.jobs.lines import summary_lines
    from hiddenstate.runs import Run

    job, engine, path = session.job, session.engine, session.writer.path
    if options.introduces:
        print_introduction(session, raw, options.as_json)
    figures = _train_until_interrupted(session, options, interrupt)
    if ranks is not None and ranks.group is not None:
        ranks.group.leave()
    steps = scores_by_step(job, engine, raw)
    if not options.as_json:
        for line in summary_lines(job, engine, figures):
            say(line)
        if steps is not None:
            say_steps(steps)
    seconds = Run(path).seconds() or 0.0  # before the figures are drawn
    n_steps = engine.export().step
    _write_card_and_figures(path, options.view, interrupt)
    if not options.as_json:
        print_location(session, seconds)
    return {
        "job": job.config.job,
        "run": str(path),
        "seed": job.config.training.seed,
        "engine": engine.name,
        "epochs": job.batches.epoch_of(max(n_steps - 1, 0)) + 1,
        "steps": n_steps,
        "seconds": round(seconds, 3),
        **figures,
        **answer_facts(job, figures),
        **({} if steps is None else {"steps_ahead": step_rows(steps)}),
        **leaks_as_facts(job.dataset.leaks),
    }


def _train_until_interrupted(
    session: "Session", options: Settings, interrupt: "InterruptHandler"
) -> "Figures":
    """Train to the end; raise RunInterruptedError, with a hint, if a signal came before."""
    from hiddenstate.runs import Run

    path = session.writer.path
    callbacks = view_callbacks(options.view, path, options.as_json, interrupt)
    with _hint_to_resume(path):
        figures = session.train(callbacks, interrupt)
    if figures is None:
        step = int(Run(path).checkpoint_paths()[0].stem)
        raise _interrupted(
            f"interrupted after step {step} of {session.job.total_steps} and saved; "
            f"resume with `hiddenstate resume {shlex.quote(str(path))}`",
            interrupt,
        )
    return figures


def _write_card_and_figures(path: Path, view: str, interrupt: "InterruptHandler") -> None:
    """Write the model card of a finished run and, unless the view is off, its figures."""
    from hiddenstate.report.model_card import write_card
    from hiddenstate.runs import Run

    try:
        with interrupt.raising():
            write_card(Run(path))
            if view != "off":
                from hiddenstate.views.save import save_figures

                save_figures(Run(path))
    except KeyboardInterrupt:
        raise _interrupted(
            "interrupted after training was done and saved; draw the figures with "
            f"`hiddenstate figures {shlex.quote(str(path))}`",
            interrupt,
        ) from None


@contextmanager
def _hint_to_resume(path: Path) -> Iterator[None]:
    """Add a hint to resume the run to errors of the environment."""
    from hiddenstate.errors import LostRankError, MachineError, RunMovedError
    from hiddenstate.system.memory import out_of_memory

    hint = f"once this is fixed, resume with `hiddenstate resume {shlex.quote(str(path))}`"
    try:
        yield
    except RunMovedError:  # it cannot be resumed from this path
        raise
    except LostRankError as error:
        raise LostRankError(f"{error}; {how_to_resume(path)}") from None
    except MachineError as error:
        raise MachineError(f"{error}; {hint}") from None
    except MemoryError as error:
        raise MachineError(f"{out_of_memory(error)}; {hint}") from None


def _interrupted(message: str, interrupt: "InterruptHandler") -> Exception:
    from hiddenstate.errors import RunInterruptedError

    return RunInterruptedError(message, interrupt.number or SIGINT)
