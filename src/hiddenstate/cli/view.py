"""The commands that show a run: watch, figures, report, film."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hiddenstate.cli.options import (
    FilePath,
    GroupedCommand,
    command_option,
    debug_option,
    runs_dir_option,
)
from hiddenstate.cli.output import note_damage, say
from hiddenstate.cli.report_tables import report_tables
from hiddenstate.cli.run_argument import named_run, run_argument
from hiddenstate.errors import DivergedError, printable
from hiddenstate.views import WATCH_VIEWS

if TYPE_CHECKING:
    from hiddenstate.runs import Run

POLL_SECONDS = 0.2
"""Time between two checks for new lines of a run."""

TITLE = 48
"""Letters of the title of a result at most."""

_theme_option = command_option(
    "theme", str, "light", "Draw on a white or a black background.", choices=("light", "dark")
)


def _find_readable_run(name: str, runs_dir: Path) -> "Run":
    """The run of this name, with a warning for each part of it that is damaged."""
    run = named_run(name, runs_dir)
    note_damage(run, snapshots=True)
    return run


@click.command(
    cls=GroupedCommand,
    help="Watch a run in progress, in any process, or replay a finished one.\n\nKeys pause, "
    "step and change the speed; in a terminal they can also ask the run to stop, pause or lower "
    "its learning rate (press ? for a list).\n\n\b\nExample:\n  hiddenstate watch last",
)
@run_argument
@command_option(
    "view",
    str,
    "auto",
    "Where the run is shown: in a window, in this terminal, or as logged lines; auto uses the "
    "first that is available.",
    choices=WATCH_VIEWS,
)
@click.option(
    "--replay", is_flag=True, help="Start from the first moment, even if the run is in progress."
)
@command_option("speed", float, 1.0, "Speed of a replay; 2 is twice as fast.", low=1 / 16, high=16)
@runs_dir_option
@debug_option
def watch(run: str, view: str, replay: bool, speed: float, runs_dir: Path) -> None:
    """The command `watch`."""
    from hiddenstate.live import launch
    from hiddenstate.views.offscreen import lower_priority

    watched = _find_readable_run(run, runs_dir)
    is_followed = watched.status() == "running"
    view = "off" if view == "lines" else launch.choose_view(view)
    if view == "off":
        _follow_lines(watched)
    else:
        lower_priority()  # the run may be training on the same processors
        launch.watch(watched, view, replay, speed)
    if is_followed and watched.status() == "diverged":
        raise DivergedError(f"{printable(watched.path)}: {watched.failure()}")


def _follow_lines(run: "Run") -> None:
    """Print the logged lines of `run`, and new ones until it ends."""
    from hiddenstate.jobs.lines import log_line
    from hiddenstate.runs.requests import describe_request

    n_printed = 0
    while True:
        is_running = run.status() == "running"  # before the lines are read, or the last are missed
        events = [event for event in run.history() if event["event"] in ("log", "control")]
        for event in events[n_printed:]:
            is_log = event["event"] == "log"
            say(log_line(event, run.config) if is_log else describe_request(event))
        n_printed = len(events)
        if not is_running:
            break
        time.sleep(POLL_SECONDS)
    end = run.failure()
    say(f"{run.status()}: {end}" if end else run.status())
    if run.results():
        for line in _results_in_words(run):
            say(line)


def _results_in_words(run: "Run") -> Iterator[str]:
    """Write the main result and its comparison, and a line for each other, as reports do."""
    from hiddenstate.metrics.glossary import result_rows, target_rows
    from hiddenstate.report.facts import RunFacts
    from hiddenstate.report.results import headline

    facts = RunFacts(run)
    main = headline(facts)
    yield f"{main.value} {main.name}. {main.comparison}"
    rows = target_rows(facts.results, facts.options) + result_rows(facts.results, facts.job)
    titles = [printable(row.entry.title, TITLE) for row in rows]
    wide = max(map(len, titles), default=0)
    for title, row in zip(titles, rows, strict=True):
        yield f"  {title:<{wide}}  {row.value}"


@click.command(
    cls=GroupedCommand,
    help="Draw the figures of a run into its figures folder.\n\n\b\nExample:\n"
    "  hiddenstate figures classify-1 --format svg",
)
@run_argument
@command_option("format", str, "png", "File format.", choices=("png", "svg", "pdf"))
@_theme_option
@runs_dir_option
@debug_option
def figures(run: str, format: str, theme: str, runs_dir: Path) -> None:
    """The command `figures`."""
    from hiddenstate.views.save import save_figures

    for path in save_figures(_find_readable_run(run, runs_dir), format, theme):
        say(str(path))


@click.command(
    cls=GroupedCommand,
    help="Write the report and the model card of a run.\n\nThe report, report.html in the run "
    "folder, is one page that works offline; the model card, README.md, has the same facts as "
    "text.\n\n\b\nExample:\n  hiddenstate report classify-1",
)
@run_argument
@runs_dir_option
@debug_option
def report(run: str, runs_dir: Path) -> None:
    """The command `report`."""
    from hiddenstate.report import write_report

    trained = _find_readable_run(run, runs_dir)
    say(str(write_report(trained, *report_tables(trained))))


@click.command(
    cls=GroupedCommand,
    help="Write a film of a run's training.\n\nA GIF needs no other program; an MP4 needs ffmpeg."
    "\n\n\b\nExample:\n  hiddenstate film autoencode-1 --output learning.mp4",
)
@run_argument
@click.option(
    "--output",
    type=FilePath(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="A .gif or .mp4 file.  [default: figures/film.gif in the run folder]",
)
@command_option("seconds", float, 12.0, "Length of the film.", above=0, high=600, unit="seconds")
@command_option("fps", int, 12, "Frames per second.", low=1, high=50)
@_theme_option
@runs_dir_option
@debug_option
def film(
    run: str, output: Path | None, seconds: float, fps: int, theme: str, runs_dir: Path
) -> None:
    """The command `film`."""
    from hiddenstate.views.film import make_film

    trained = _find_readable_run(run, runs_dir)
    path = output or trained.path / "figures" / "film.gif"
    made = make_film(trained, path, seconds, fps, theme=theme, progress=_print_progress)
    say(str(made))


def _print_progress(done: int, total: int) -> None:
    """Print how many frames are drawn, on one line of a terminal."""
    if sys.stderr.isatty():
        click.echo(f"\r{done} of {total} frames drawn" + "\n" * (done == total), nl=False, err=True)
