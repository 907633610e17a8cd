"""The command sweep: one model for each group of a table."""

import re
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

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
from hiddenstate.cli.run_argument import RunName
from hiddenstate.cli.sweep_models import sweep_folder
from hiddenstate.config.option import JOBS
from hiddenstate.errors import OptionError, RunInterruptedError, count, listed, printable
from hiddenstate.scale.sweep.options import Shard, sweep_options
from hiddenstate.system.signals import SIGINT

if TYPE_CHECKING:
    from hiddenstate.cli.signals import InterruptHandler
    from hiddenstate.scale.sweep.groups import Key
    from hiddenstate.scale.sweep.pool import Trainers
    from hiddenstate.scale.sweep.records import Record
    from hiddenstate.scale.sweep.start import Sweep
    from hiddenstate.scale.sweep.store import SweepFolder
    from hiddenstate.scale.sweep.work import Outcome

SHOWN = 20
"""Most failed groups that are printed."""

EVERY = 10.0
"""Seconds between two notes on how far a sweep is, without a terminal."""

TELLING = ("label", "target", "horizon", "code_size")
"""Options that say which job is meant, the first that has them, where --job is left out."""


def _run_sweep(data: str, by: str | None, runs_dir: Path, as_json: bool, **values: Any) -> None:
    """The command `sweep`."""
    own = (
        "name",
        "jobs",
        "scheduler",
        "shard",
        "retry_failed",
        "collect",
        "extract",
        "config_file",
        "job",
    )
    how = {name: values.pop(name) for name in own}
    values = {name: value for name, value in values.items() if value is not None}
    if by is None or how["extract"] is not None or how["collect"]:
        if by is not None:
            flag = "--extract" if how["extract"] is not None else "--collect"
            raise OptionError(f"{flag}: reads a sweep; pass its folder as TABLE, without --by")
        _with_existing(data, runs_dir, how, values, as_json)
        return
    job = how["job"] or _job_of(values)
    values = option_values(job, how["config_file"], _for_job(job, values))
    columns = tuple(name.strip() for name in by.split(","))
    name = how["name"] or _default_name(data, columns)
    _train(Path(data), columns, job, values, runs_dir / name, how, as_json)


def _job_of(values: Mapping[str, Any]) -> str:
    """Return the job that the set options are for."""
    for name in TELLING:
        if name in values:
            return next(job for job in JOBS if name in sweep_options(job))
    raise OptionError(f"--job: expected {listed(JOBS)}; or name --label or --target")


def _for_job(job: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that are set, if the job has them."""
    for name in values:
        if name not in sweep_options(job):
            raise OptionError(f"--{name.replace('_', '-')}: {job} does not have this option")
    return dict(values)


def _default_name(data: str, by: tuple[str, ...]) -> str:
    """Return the name of a sweep: that of its table and its groups."""
    stem = Path(data).name.partition(".")[0]
    plain = re.sub(r"[^\w.-]+", "-", f"{stem}-by-{'-'.join(by)}").strip("-.")
    return plain.encode()[:100].decode(errors="ignore") or "sweep"


def _train(
    path: Path,
    by: tuple[str, ...],
    job: str,
    values: dict[str, Any],
    folder: Path,
    how: Mapping[str, Any],
    as_json: bool,
) -> None:
    """Train the missing groups of a sweep and print what became of all."""
    from hiddenstate.cli.signals import InterruptHandler
    from hiddenstate.jobs.lines import CARRIED
    from hiddenstate.scale.sweep.drive import Driver
    from hiddenstate.scale.sweep.options import carries_state
    from hiddenstate.scale.sweep.results import damage_lines, write_results
    from hiddenstate.scale.sweep.start import begin, open_sweep

    shard = Shard.parse(how["shard"]) if how["shard"] is not None else Shard()
    made = open_sweep(path, by, job, values, folder)
    if carried := carries_state(values):
        note(CARRIED.format("models carry their"))
    workers = _workers(how)
    with InterruptHandler() as interrupt:
        interrupt.arm()
        try:
            begin(made)
            with made.folder.lock(shard.number, shard.n):
                records, unnamed = made.folder.contents(is_writer=True)
                for line in damage_lines(records, unnamed, shard, by):
                    note(f"damaged: {line}")
                missing = made.missing(records, shard, how["retry_failed"])
                began = time.monotonic()
                bar = _Progress(len(missing), by)
                note(
                    f"{count(len(made.table), 'group')} in {printable(path.name, 60)}, "
                    f"{len(missing):,} to train, by {workers.where}"
                )
                with bar:
                    complete = Driver(made, workers, shard, bar.advance).train(missing, interrupt)
                records = write_results(made.folder, by)
        finally:
            workers.close()
    if not complete:
        raise _interrupted(bar.done, len(missing), interrupt)
    _report(made, bar.done, time.monotonic() - began, shard, as_json)
    _refuse_all_failed(bar)
    if not as_json and any(each.outcome.status != "failed" for each in records.values()):
        name = shlex.quote(str(folder))
        forecasts = values.get("horizon") and not carried
        use = (
            f"forecast {name} --horizon {values['horizon']}"
            if forecasts
            else f"predict {name} TABLE"
        )
        say(f"next: hiddenstate {use}")


def _workers(how: Mapping[str, Any]) -> "Trainers":
    from hiddenstate.scale.sweep.cluster import DaskCluster
    from hiddenstate.scale.sweep.pool import LocalPool

    if how["scheduler"] is None:
        return LocalPool(how["jobs"])
    if how["jobs"]:
        raise OptionError("--jobs: with --scheduler the cluster has its own workers; leave it out")
    return DaskCluster(how["scheduler"])


def _interrupted(done: int, n: int, interrupt: "InterruptHandler") -> RunInterruptedError:
    return RunInterruptedError(
        f"interrupted: {done:,} of {count(n, 'group')} were trained and saved; the same command "
        "again trains the others",
        interrupt.number or SIGINT,
    )


class _Progress:
    """Shows how far a sweep is: a bar in a terminal, else a note now and then.

    Parameters
    ----------
    n : int
        Number of groups to train.
    by : tuple of str
    """

    def __init__(self, n: int, by: tuple[str, ...]) -> None:
        self.n, self.done, self.failed, self.reason = n, 0, 0, ""
        self._by, self._next = by, time.monotonic() + EVERY
        self._bar: Any = None

    def __enter__(self) -> "_Progress":
        if sys.stderr.isatty() and self.n:
            from hiddenstate.cli.progress_bar import CountBar

            self._bar = CountBar(sys.stderr, "groups", self.n)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, key: tuple[str, ...], outcome: "Outcome") -> None:
        """Count a group."""
        self.done += 1
        if outcome.status == "failed":
            self.failed += 1
            self.reason = outcome.reason
        if self._bar is not None:
            self._bar.advance(f"{self.failed:,} failed" if self.failed else "")
        elif time.monotonic() > self._next:
            self._next = time.monotonic() + EVERY
            note(f"{self.done:,} of {self.n:,} groups, {self.failed:,} failed")


def _refuse_all_failed(bar: _Progress) -> None:
    """End with an error if nothing could be trained: something is wrong for every group."""
    from hiddenstate.errors import DataError

    if bar.failed and bar.failed == bar.n:
        raise DataError(f"all {count(bar.n, 'group')} failed, the last one: {bar.reason}")


def _report(made: "Sweep", trained: int, seconds: float, shard: Shard, as_json: bool) -> None:
    """Print what became of the groups."""
    facts = {
        "trained": trained,
        "seconds": round(seconds, 3),
        "shard": f"{shard.number}/{shard.n}" if shard.n > 1 else None,
    }
    _print_results(made.folder, len(made.table), facts, as_json)
    if not as_json and trained:
        each = f"{trained / seconds:,.1f} per second"
        note(f"{count(trained, 'group')} trained in {seconds:.1f} s ({each})")


def _print_results(
    folder: "SweepFolder", n_groups: int, facts: Mapping[str, Any], as_json: bool
) -> None:
    """Print how many groups have each status, and those that failed or are damaged."""
    from hiddenstate.scale.sweep.results import counts, result_rows, write_results

    about, (records, unnamed) = folder.about(), folder.contents()
    statuses = counts(records)
    missing = n_groups - len(records)
    if statuses["damaged"]:  # since the table was written
        write_results(folder, about["by"])
    if as_json:
        say_json(
            {
                "job": about["job"],
                "sweep": str(folder.path),
                "by": about["by"],
                "groups": n_groups,
                **statuses,
                "missing": missing,
                "unreadable": len(unnamed),
                **facts,
                "results": result_rows(records, about["by"]),
            }
        )
        return
    words = [
        f"{statuses['done']:,} done",
        f"{statuses['beaten']:,} worse than their baseline",
        f"{statuses['failed']:,} failed",
    ]
    if statuses["damaged"]:
        words.append(f"{statuses['damaged']:,} damaged")
    if missing:
        words.append(f"{missing:,} not trained yet")
    say(f"{count(n_groups, 'group')}: {', '.join(words)}")
    for status in ("failed", "damaged"):
        _print_reasons(records, status, about["by"])
    for damage in unnamed[:SHOWN]:
        say(f"damaged: {damage.reason}")
    if unnamed or statuses["damaged"]:
        note("the command that trained the sweep trains damaged groups again")
    say(f"table: {folder.path / 'results.csv'}")


def _print_reasons(records: "Mapping[Key, Record]", status: str, by: Sequence[str]) -> None:
    """Print the first groups with a status, and why they have it."""
    from hiddenstate.scale.sweep.groups import name_of

    keys = sorted(key for key, record in records.items() if record.outcome.status == status)
    if keys:
        rows = [[name_of(key, by), records[key].outcome.reason] for key in keys[:SHOWN]]
        table([status, "reason"], rows)
    if len(keys) > SHOWN:
        say(f"and {len(keys) - SHOWN:,} more in the table")


def _with_existing(
    data: str, runs_dir: Path, how: Mapping[str, Any], values: Mapping[str, Any], as_json: bool
) -> None:
    """Print the results of a sweep, add other folders to it, or take a model out of it."""
    from hiddenstate.scale.sweep.results import write_results
    from hiddenstate.scale.sweep.store import SweepFolder

    folder = SweepFolder(found_sweep(data, runs_dir, "--by COL is required to train one"))
    own = ("scheduler", "shard", "name", "jobs", "job", "retry_failed", "config_file")
    for name in [*values, *(name for name in own if how[name] not in (None, 0, False))]:
        flag = name.removesuffix("_file").replace("_", "-")
        raise OptionError(f"--{flag}: only with --by, to train; name the table and the columns")
    if how["extract"] is not None and how["collect"]:
        raise OptionError("--extract: and --collect are two commands; give one of them")
    about = folder.about()
    if how["extract"] is not None:
        _extract(folder, *how["extract"])
        return
    others = [SweepFolder(path) for path in how["collect"]]
    for other in others:
        check_same_sweep(about, other)
    if others:
        with folder.lock(0, 1):
            for other in others:
                note(f"{count(folder.copy_from(other), 'group')} added from {other.path}")
            write_results(folder, about["by"])
    _print_results(folder, about["groups"], {}, as_json)


def found_sweep(name: str, runs_dir: Path, hint: str) -> Path:
    """Return the folder of the sweep that a user names: a path, or a name in `runs_dir`."""
    path = sweep_folder(name, runs_dir)
    if path is not None:
        return path
    raise OptionError(f"{printable(name)}: not a sweep; {hint}")


def check_same_sweep(about: Mapping[str, Any], other: "SweepFolder") -> None:
    """Refuse a folder of another sweep (`OptionError`)."""
    theirs = other.about()
    for name in ("job", "by", "by_text", "options"):
        if theirs[name] != about[name]:
            raise OptionError(f"--collect: {printable(other.path)}: a sweep with other {name}")
    if theirs["table"].get("sha256") != about["table"].get("sha256"):
        raise OptionError(f"--collect: {printable(other.path)}: a sweep of another table")


def _extract(folder: "SweepFolder", group: str, file: str) -> None:
    """Write the model file of one group."""
    from hiddenstate.scale.sweep.models import SweepModels
    from hiddenstate.system.atomic_file import check_output, write_output

    output = Path(file)
    if not file:
        raise OptionError("--extract: the path is empty")
    check_output(output)
    models = SweepModels(folder)
    write_output(output, models.model_bytes(models.key_of(group)))
    say(f"model: {output}")
    note(f"next: hiddenstate predict {shlex.quote(file)} DATA")


sweep = make_command(
    SearchCommand,
    "sweep",
    "Train one model for each group of a table.\n\nTABLE is a table in any supported format, "
    "and --by names the columns whose values tell its groups apart. Each group is trained as "
    "`hiddenstate classify`, `regress` or `autoencode` trains a file with its rows alone, in "
    "processes of this machine or on a Dask cluster. A group that fails is listed with its reason "
    "and ends nothing. The same command again trains only what is missing. Without --by, TABLE is "
    "a sweep, whose results are printed.\n\n\b\nExample:\n"
    "  hiddenstate sweep sales.csv --by site --time day --target units --horizon 1\n"
    "  hiddenstate forecast sales-by-site --horizon 12 --output forecast.csv",
    _run_sweep,
    click.argument("data", metavar="TABLE", shell_complete=complete_files),
    click.option("--by", metavar="COL,...", help="Columns whose values together name a group."),
    command_option(
        "job",
        str,
        None,
        "Job of every group; default: classify with --label, regress with --target or --horizon, "
        "autoencode with --code-size.",
        choices=JOBS,
    ),
    click.option(
        "--name",
        type=RunName(),
        metavar="NAME",
        help="Name of the sweep's folder in --runs-dir.  [default: the table and its groups, "
        "such as sales-by-site]",
    ),
    command_option(
        "jobs", int, 0, "Processes on this machine; 0 is one for each core.", low=0, high=1024
    ),
    click.option(
        "--scheduler",
        metavar="URL",
        help="Train on the workers of the Dask scheduler at URL (tcp://host:8786) instead.",
    ),
    click.option(
        "--shard",
        default=None,
        metavar="I/N",
        help="Train only shard I of N, counted from 0: groups whose hash modulo N is I.",
    ),
    click.option("--retry-failed", is_flag=True, help="Train groups again that failed before."),
    click.option(
        "--collect",
        multiple=True,
        type=FilePath(path_type=Path),
        metavar="DIR",
        help="Add the groups of another folder of the same sweep to TABLE, a sweep; may be "
        "repeated.",
    ),
    click.option(
        "--extract",
        nargs=2,
        metavar="GROUP FILE",
        help="Write the model of one group of TABLE, a sweep, to FILE; the values of several "
        "columns are separated by commas.",
    ),
    config_file_option,
    *config_options(JOBS, sweep_options),
)
