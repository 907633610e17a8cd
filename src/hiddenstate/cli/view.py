"""The commands that show a run: watch, ctl, figures, report, film."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hiddenstate.cli.options import debug_option, runs_dir_option
from hiddenstate.cli.output import note, note_damage, say

if TYPE_CHECKING:
    from hiddenstate.runs import Run

ANSWER_SECONDS = 5.0
"""How long `ctl` waits for a run to say what it did."""

WATCHED = ("auto", "window", "terminal", "lines")

theme_option = click.option(
    "--theme",
    type=click.Choice(["light", "dark"]),
    default="light",
    help="Drawn on white, or on black.  [default: light]",
)


@click.command(
    short_help="Watch a run under way, or see a finished one again.",
    help="Watch a run under way in any process, or see a finished one again.\n\nIn a window or a "
    "terminal keys pause, step and change the speed; in a terminal they also ask the run to stop, "
    "pause or slow its learning (? lists them).\n\n\b\nExample:\n  hiddenstate watch last",
)
@click.argument("run")
@click.option(
    "--view",
    type=click.Choice(WATCHED),
    metavar="|".join(WATCHED),
    default="auto",
    help="A window, this terminal, or the logged lines; auto is the first of them there is.  "
    "[default: auto]",
)
@click.option("--replay", is_flag=True, help="From the first moment on, though it is under way.")
@click.option(
    "--speed",
    type=click.FloatRange(1 / 16, 16),
    default=1.0,
    metavar="X",
    help="How much faster than usual a replay goes.  [default: 1; 0.0625 to 16]",
)
@runs_dir_option
@debug_option
def watch(run: str, view: str, replay: bool, speed: float, runs_dir: Path) -> None:
    """The command `watch`."""
    from hiddenstate.live import launch
    from hiddenstate.runs import find_run
    from hiddenstate.views.offscreen import be_nice

    found = find_run(run, runs_dir)
    note_damage(found, snapshots=True)
    chosen = "off" if view == "lines" else launch.choose_view(view)
    if chosen == "off":
        _follow_lines(found)
    else:
        be_nice()  # what it shows may be training beside it
        launch.watch(found, chosen, replay, speed)


def _follow_lines(run: "Run") -> None:
    """Print the logged lines of `run`, those there and those still to come."""
    from hiddenstate.jobs.lines import log_line
    from hiddenstate.runs.requests import describe_request

    said = 0
    while True:
        live = run.status() == "running"
        events = [event for event in run.history() if event["event"] in ("log", "control")]
        for event in events[said:]:
            log = event["event"] == "log"
            say(log_line(event, run.config) if log else describe_request(event))
        said = len(events)
        if not live:
            break
        time.sleep(0.2)
    results = run.results()
    say(f"{run.status()}: {_figures_in_words(results)}" if results else run.status())


@click.command(
    short_help="Ask a run under way to stop, pause, go on or change.",
    help="Ask a run under way, in any terminal.\n\n\b\n"
    "  stop       end now and keep the best weights\n"
    "  pause, go  stand still, go on\n"
    "  lr X       learn at rate X from here on; a schedule goes on from it\n"
    "  snapshot   keep what the views draw of this moment\n\n"
    "What was done is an event in the run's history.\n\n\b\nExample:\n"
    "  hiddenstate ctl last lr 0.001",
    context_settings={"ignore_unknown_options": True},  # -1 is a value, out of range
)
@click.argument("run")
@click.argument("request", metavar="stop|pause|go|lr|snapshot")
@click.argument("value", required=False)
@runs_dir_option
@debug_option
def ctl(run: str, request: str, value: str | None, runs_dir: Path) -> None:
    """The command `ctl`."""
    from hiddenstate.runs import find_run
    from hiddenstate.runs.requests import await_answer, describe_request, make_request, send_request

    make_request(request, value)
    found = find_run(run, runs_dir)
    answer = await_answer(found, send_request(found.path, request, value), ANSWER_SECONDS)
    if answer is not None:
        say(f"{found.path}: {describe_request(answer)}")
    elif found.status() == "running":
        note(f"{found.path}: asked; it does so when the step under way is made")
    else:
        note(f"{found.path}: ended before it was asked")


@click.command(
    help="Draw a run's figures into its figures folder.\n\n\b\nExample:\n"
    "  hiddenstate figures classify-1 --format svg"
)
@click.argument("run")
@click.option(
    "--format",
    "suffix",
    type=click.Choice(["png", "svg", "pdf"]),
    default="png",
    help="File format.  [default: png]",
)
@theme_option
@runs_dir_option
@debug_option
def figures(run: str, suffix: str, theme: str, runs_dir: Path) -> None:
    """The command `figures`."""
    from hiddenstate.runs import find_run
    from hiddenstate.views.save import save_figures

    found = find_run(run, runs_dir)
    note_damage(found, snapshots=True)
    for path in save_figures(found, suffix, theme):
        say(str(path))


@click.command(
    short_help="Write a run's report: one page, and a model card.",
    help="Write report.html into the run's folder, one page that needs no network, and README.md, "
    "a card that says the same in text.\n\n\b\nExample:\n  hiddenstate report classify-1",
)
@click.argument("run")
@runs_dir_option
@debug_option
def report(run: str, runs_dir: Path) -> None:
    """The command `report`."""
    from hiddenstate.report import write_report
    from hiddenstate.runs import find_run

    found = find_run(run, runs_dir)
    note_damage(found, snapshots=True)
    say(str(write_report(found)))


@click.command(
    short_help="Write a run's learning as a film, GIF or MP4.",
    help="Write how a run learnt as a film.\n\nA GIF needs nothing more, an MP4 needs ffmpeg.\n\n"
    "\b\nExample:\n  hiddenstate film autoencode-1 --output learning.mp4",
)
@click.argument("run")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="A .gif or .mp4 file.  [default: figures/film.gif in the run's folder]",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0, 600, min_open=True),
    default=12.0,
    metavar="X",
    help="How long it takes.  [default: 12 seconds]",
)
@click.option(
    "--fps",
    type=click.IntRange(1, 50),
    default=12,
    metavar="N",
    help="Pictures a second.  [default: 12]",
)
@theme_option
@runs_dir_option
@debug_option
def film(
    run: str, output: Path | None, seconds: float, fps: int, theme: str, runs_dir: Path
) -> None:
    """The command `film`."""
    from hiddenstate.runs import find_run
    from hiddenstate.views.film import make_film

    found = find_run(run, runs_dir)
    note_damage(found, snapshots=True)
    path = output or found.path / "figures" / "film.gif"
    say(str(make_film(found, path, seconds, fps, theme=theme, progress=_progress)))


def _progress(done: int, whole: int) -> None:
    """How many of a film's pictures are drawn, in place, on a terminal."""
    if sys.stderr.isatty():
        click.echo(f"\r{done} of {whole} drawn" + "\n" * (done == whole), nl=False, err=True)


def _figures_in_words(results: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in results.items()
    )
