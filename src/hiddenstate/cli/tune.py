"""The command tune: searches the options of a job that learn best."""

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from hiddenstate.cli.options import (
    FilePath,
    SearchCommand,
    command_option,
    complete_files,
    config_file_option,
    config_options,
    make_command,
    option_values,
)
from hiddenstate.cli.output import note, say, say_json, table
from hiddenstate.cli.paths import absolute_paths
from hiddenstate.cli.refused_options import refuse_options
from hiddenstate.cli.run_argument import RunName
from hiddenstate.config import job_options
from hiddenstate.config.fields import NO_TEACHER
from hiddenstate.config.option import JOBS
from hiddenstate.errors import MachineError, OptionError, RunInterruptedError, count, printable
from hiddenstate.program.jobs import kind_of
from hiddenstate.system.signals import SIGINT

if TYPE_CHECKING:
    from hiddenstate.cli.signals import InterruptHandler
    from hiddenstate.cli.tune_progress import SearchProgress
    from hiddenstate.runs import Run
    from hiddenstate.scale.tune.ledger import Slot
    from hiddenstate.scale.tune.settings import Settings, StudyData
    from hiddenstate.scale.tune.storage import Address
    from hiddenstate.scale.tune.worker import Study

STORAGE_VARIABLE = "HIDDENSTATE_STORAGE"
"""Environment variable that names a database, so that a password is in no list of processes."""


@dataclass(frozen=True)
class Manner:
    """How the command behaves, apart from what all workers share."""

    runs_dir: Path
    as_json: bool
    workers: int
    storage: str | None
    grace: int
    at_home: bool = False
    """Train the best here, wherever the study was made."""
    own_pruner: bool = True
    """Whether the pruner was chosen; otherwise a study that goes on keeps its own."""


storage_option = click.option(
    "--storage",
    metavar="URL",
    envvar=STORAGE_VARIABLE,
    help="Database of the study: postgresql://USER@HOST/DATABASE for workers on several machines, "
    "or sqlite:///FILE. A password is written nowhere; PGPASSWORD and ~/.pgpass work too.  "
    f"[default: {STORAGE_VARIABLE}, or a file in the study's folder]",
)
workers_option = command_option(
    "workers", int, 1, "Worker processes on this machine; they share its cores.", low=1, high=256
)
grace_option = command_option(
    "grace",
    int,
    60,
    "Seconds without a sign of life after which a trial is given to another worker.",
    low=2,
    high=86_400,
)


def _run_tune(data: str, **values: Any) -> None:
    """The command `tune`."""
    from hiddenstate.scale.tune.settings import make_settings, study_name
    from hiddenstate.scale.tune.space import read_space
    from hiddenstate.scale.tune.storage import parse_address
    from hiddenstate.system.extras import require

    require("optuna", "hiddenstate tune")
    names = ("runs_dir", "as_json", "workers", "storage", "grace")
    options = Manner(*(values.pop(name) for name in names))
    own = {n: values.pop(n) for n in ("trials", "space", "sampler", "pruner", "seeds", "name")}
    options = replace(options, own_pruner=own["pruner"] is not None)
    job, reading = _job(data, values.pop("job"), values)
    if kind_of(job).has_targets:
        refuse_options("training of targets")
    config_file = values.pop("config_file")
    given = {n: value for n, value in {**values, **reading}.items() if value is not None}
    _refuse_foreign(job, given)
    fixed = absolute_paths(option_values(job, config_file, {**given, "data": data}))
    if fixed.get("teach") == NO_TEACHER:
        fixed["teach"] = None
    name = own["name"] or study_name(job, data)
    folder = options.runs_dir / name
    address = parse_address(options.storage, folder)
    space = own["space"]
    settings, study_data = make_settings(
        name,
        job,
        fixed,
        n_trials=own["trials"],
        seeds=own["seeds"],
        sampler=own["sampler"],
        pruner=own["pruner"],
        make_space=(lambda job: read_space(space, job)) if space else None,
    )
    shown = address.shown if options.storage else None
    settings = replace(settings, storage=shown)
    _search(settings, study_data, address, folder, options)


def resume_study(folder: Path, options: Manner) -> None:
    """Go on with the study in a folder; what the command `resume` does for one."""
    from hiddenstate.scale.tune.settings import load_data, read_settings
    from hiddenstate.scale.tune.storage import parse_address
    from hiddenstate.system.extras import require

    require("optuna", "resuming a study")
    settings = read_settings(folder)
    address = own = parse_address(settings.storage, folder)
    if options.storage is not None:  # it may have a password, which no study keeps
        address = parse_address(options.storage, folder)
    source = click.get_current_context().get_parameter_source("storage")
    if source is ParameterSource.ENVIRONMENT and address.shown != own.shown:
        note(f"{STORAGE_VARIABLE}: names another database; the study's own, {own.shown}, is used")
        address = own
    _search(settings, load_data(settings), address, folder, options)


def study_folder(name: str, runs_dir: Path) -> Path | None:
    """Return the folder of a study that a user names, or None if it is none."""
    for path in (Path(name), runs_dir / name):
        try:
            if (path / "study.json").is_file():
                return path
        except OSError:
            continue
    return None


def _job(data: str, job: str | None, values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the job to search for, and the options that it takes to read the data.

    It is the one that was named, or the first that fits the data.
    """
    if job is not None:
        return job, {}
    from hiddenstate.cli.inspect import fitting_job

    found, options = fitting_job(data, values)
    flags = "".join(f" --{n.replace('_', '-')} {_option_text(v)}" for n, v in options.items())
    note(f"job: {found}{flags}, the first that fits {printable(data)}; --job names another")
    return found, options


def _option_text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _refuse_foreign(job: str, given: Mapping[str, Any]) -> None:
    own = {option.name for _, option in job_options(job)}
    foreign = [name for name in given if name not in own]
    if foreign:
        raise OptionError(f"--{foreign[0].replace('_', '-')}: {job} has no such option")


def _search(
    settings: "Settings",
    data: "StudyData",
    address: "Address",
    folder: Path,
    options: Manner,
) -> None:
    """Open the study, train what is left of it, and print what it found."""
    from hiddenstate.cli.signals import InterruptHandler
    from hiddenstate.cli.tune_progress import SearchProgress
    from hiddenstate.scale.tune.space import describe
    from hiddenstate.scale.tune.study import open_study
    from hiddenstate.system.memory import return_freed_arrays

    return_freed_arrays()
    progress = SearchProgress()
    with InterruptHandler() as interrupt:
        try:
            study = open_study(
                settings,
                data,
                address,
                folder,
                progress.say,
                interrupted=interrupt,
                grace=options.grace,
                before_writing=interrupt.arm,
                own_pruner=options.own_pruner,
            )
        except MachineError:
            if not interrupt():
                raise
            number = interrupt.number or SIGINT
            raise RunInterruptedError("interrupted; nothing was trained", number) from None
        slots = study.slots()
        n_valid = len(data.prepared(settings.config).valid or ())
        note(f"study {settings.name} in {address.shown}; searching {describe(settings.space)}")
        end = "only the best is scored on them, at the end"
        note(
            f"trials are compared on {n_valid:,} validation rows alone; test rows are held out, "
            f"and {end if settings.test_scores else 'nothing is scored on them'}"
        )
        _train_all(study, address, options, progress, interrupt, slots)
        _finish(study, options, interrupt)


def _train_all(
    study: "Study",
    address: "Address",
    options: Manner,
    progress: "SearchProgress",
    interrupt: "InterruptHandler",
    slots: "Sequence[Slot]",
) -> None:
    """Train until all trials are finished; raise if interrupted before."""
    from hiddenstate.scale.tune.pool import Order, Pool
    from hiddenstate.scale.tune.worker import Worker

    threads = threads_each(options.workers, study.settings.config.training.threads)
    progress.start(slots)
    try:
        if options.workers == 1:
            complete = Worker(study, progress, interrupt, threads).run()
        else:
            order = Order(study.folder, address, options.grace, threads)
            complete = Pool(study, order, options.workers, progress, interrupt).run()
    except MachineError as error:
        if not interrupt():
            raise MachineError(f"{error}; {_hint(study)}") from None
        complete = False
    finally:
        progress.stop()
    if not complete:
        raise _interrupted(study, interrupt)


def threads_each(workers: int, threads: int) -> int:
    """Return the threads of one of several workers: a share of the cores, unless they are set."""
    if threads or workers == 1:
        return threads
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, (cores or 1) // workers)


def _hint(study: "Study") -> str:
    return f"nothing is lost; `hiddenstate resume {shlex.quote(str(study.folder))}` goes on"


def _interrupted(study: "Study", interrupt: "InterruptHandler") -> Exception:
    return RunInterruptedError(f"interrupted; {_hint(study)}", interrupt.number or SIGINT)


def _finish(study: "Study", options: Manner, interrupt: "InterruptHandler") -> None:
    """Train the best once more, draw the figures, and print the results."""
    from hiddenstate.scale.tune.best import home_of
    from hiddenstate.scale.tune.results import (
        counts_line,
        importances,
        none_complete,
        ranked,
        save_figures,
    )

    settings, slots = study.settings, study.slots()
    best, home = ranked(slots), None if options.at_home else home_of(study)
    shares = importances(settings, slots)
    paths = save_figures(settings, slots, study.folder, shares)
    if not options.as_json:
        _print_table(settings, best)
        say(counts_line(slots))
        for name, share in shares:
            say(f"importance of {name}: {share:.0%}")
        for path in paths:
            say(f"figure: {path}")
    run = None
    if best and home is None:
        run = _train_best(study, best[0], options, interrupt)
    elif best:
        here = shlex.quote(str(study.folder))
        note(
            f"the best is trained once more where the study was made, in {home}; to have it here "
            f"too: hiddenstate resume {here}"
        )
    if options.as_json:
        say_json(_json(study, slots, shares, run))
    if not best:
        raise none_complete(slots)


def _print_table(settings: "Settings", best: "Sequence[Slot]") -> None:
    from hiddenstate.scale.tune.results import LISTED

    names = settings.space.names
    rows = [
        [
            str(slot.number),
            f"{slot.value:.5g}",
            *(_cell(slot.params.get(name)) for name in names),
            f"{slot.attribute('best_epoch', '')} of {slot.attribute('epochs', '')}",
        ]
        for slot in best[:LISTED]
    ]
    if rows:
        table(["trial", "valid_loss", *names, "best epoch"], rows)


def _cell(value: Any) -> str:
    from hiddenstate.metrics.glossary import written

    return written(value) if isinstance(value, float) else str(value)


def _train_best(
    study: "Study", slot: "Slot", options: Manner, interrupt: "InterruptHandler"
) -> "Run":
    """Train the best trial once more, and print how it is scored on the test rows."""
    from hiddenstate.cli.live_view import view_callbacks
    from hiddenstate.report.model_card import write_card
    from hiddenstate.scale.tune.best import train_best, trained_best

    settings = study.settings
    how = f"on all training rows, for the {count(slot.attribute('best_epoch', 1), 'epoch')} that "
    how += "its kept weights had"
    if settings.refit_fraction:
        how = "with validation rows held out, as --valid-fraction is set"
    if trained_best(study, slot) is None:
        note(f"training the best, trial {slot.number}, once more {how}")
    run = train_best(
        study,
        slot,
        lambda session: view_callbacks("off", session.writer.path, True, interrupt),
        interrupt,
    )
    if run is None:
        raise _interrupted(study, interrupt)
    write_card(run)
    if not options.as_json:
        from hiddenstate.metrics.glossary import is_shown, written
        from hiddenstate.metrics.intervals import ends_of, interval_of
        from hiddenstate.metrics.target_scores import target_scores, with_targets

        results = run.results() or {}
        for score in target_scores(results, with_targets(run.config.flat(), run.data_record())):
            say(score.in_words())
        for name, value in results.items():
            if name.startswith(("test_", "baseline_")) and is_shown(name, results):
                interval = interval_of(name, results) if ends_of(name, results) else None
                words = f", {interval.in_words(written)}" if interval else ""
                say(f"{name}: {written(value)}{words}")
        say(f"best: {run.path}")
        _warn(run)
        say(f"next: hiddenstate predict {shlex.quote(str(run.path))} DATA")
    return run


def _warn(run: "Run") -> None:
    """Say so if the best is no better than its baseline, or its score too good."""
    from hiddenstate.data.leaks import leaks_from
    from hiddenstate.metrics.comparison import compare
    from hiddenstate.metrics.target_scores import with_targets

    options = with_targets(run.config.flat(), run.data_record())
    compared = compare(run.config.job, run.results() or {}, options)
    if compared is not None and compared.warning():
        note(f"{compared.who.replace('the', 'the best', 1)} is {compared.warning()}")
    for leak in leaks_from(run.data_record()):
        note(leak.in_words())


def _json(
    study: "Study",
    slots: "Sequence[Slot]",
    shares: Sequence[tuple[str, float]],
    run: "Run | None",
) -> dict[str, Any]:
    from hiddenstate.scale.tune.results import counts, ranked, row_of

    settings, best = study.settings, ranked(slots)[:1]
    return {
        "study": settings.name,
        "job": settings.job,
        "folder": str(study.folder),
        **counts(slots),
        "best_trial": best[0].number if best else None,
        "best_valid_loss": best[0].value if best else None,
        "best_params": best[0].params if best else None,
        "best_run": None if run is None else str(run.path),
        "results": None if run is None else run.results(),
        "importance": dict(shares),
        "trials": [row_of(slot, settings) for slot in slots],
    }


tune = make_command(
    SearchCommand,
    "tune",
    "Search the options that learn best.\n\nTrains runs of a job with different options, "
    "compares them on validation rows alone, and trains the best once more on "
    "all training rows. Test rows are held out, and only that last run is scored on them. The same "
    "command, started again or elsewhere with the same --storage, is one more worker of the same "
    "study; each trial is an ordinary run folder. Options that are set stay fixed.\n\n"
    "\b\nExample:\n  hiddenstate tune sensors.csv --label activity --trials 50",
    _run_tune,
    click.argument("data", shell_complete=complete_files),
    command_option("job", str, None, "Job; default: the first that fits the data.", choices=JOBS),
    command_option("trials", int, 50, "Number of trials, of all workers.", low=1, high=100_000),
    click.option(
        "--space",
        type=FilePath(path_type=Path),
        metavar="FILE",
        help="TOML file with the options to search: choices, or low and high with log or step. "
        "[default: a short one for each job]",
    ),
    command_option(
        "sampler",
        str,
        "tpe",
        "How parameters are chosen: tpe learns from finished trials, random does not.",
        choices=("tpe", "random"),
    ),
    command_option(
        "pruner",
        str,
        None,
        "How bad trials are ended early, by their validation loss after 1/27, 1/9 and 1/3 of the "
        "epochs: median, if worse than half of the others; hyperband, by brackets of successive "
        "halving; none. Default: that of a study that goes on; none for a new one.",
        choices=("none", "median", "hyperband"),
    ),
    command_option(
        "seeds",
        int,
        1,
        "Runs of each trial, with consecutive seeds; the mean of their losses is compared.",
        low=1,
        high=100,
    ),
    storage_option,
    workers_option,
    grace_option,
    click.option(
        "--name",
        type=RunName(),
        metavar="NAME",
        help="Name of the study, its folder, and its entry in the database.  [default: tune- and "
        "the name of the data]",
    ),
    config_file_option,
    *config_options(JOBS),
)
