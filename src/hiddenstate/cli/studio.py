"""The command studio: runs and data in the browser."""

from pathlib import Path

import click

from hiddenstate.cli.options import GroupedCommand, debug_option, runs_dir_option
from hiddenstate.cli.output import note, say
from hiddenstate.cli.run_argument import complete_runs

LOCAL = "127.0.0.1"

WAITING = "hiddenstate.cli.waiting"
"""The module that waits for the next command of the page."""


@click.command(
    cls=GroupedCommand,
    help="Open the studio: a page in the browser that shows data, trains on it, and shows what "
    "networks learn while they learn it.\n\nDATA is a file or folder to look at first; RUN is a "
    "run to show. The page is served to this machine "
    "alone, at the address that is printed, which works once. Everything that it starts is a "
    "command of this program, shown on the page, and goes on when the studio ends.\n\n\b\n"
    "Example:\n  hiddenstate studio sensors.csv",
)
@click.argument("name", required=False, metavar="[DATA|RUN]", shell_complete=complete_runs)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="N",
    help="Port to listen on; 0 takes one that is free.  [default: 0]",
)
@click.option(
    "--host",
    default=LOCAL,
    metavar="ADDRESS",
    help="Address to listen on, if not this machine's own; the connection is not "
    "encrypted.  [default: 127.0.0.1]",
)
@click.option("--no-browser", is_flag=True, help="Do not open the browser.")
@runs_dir_option
@debug_option
def studio(name: str | None, port: int, host: str, no_browser: bool, runs_dir: Path) -> None:
    """The command `studio`."""
    from hiddenstate.system import platform
    from hiddenstate.system.extras import require

    platform.require("open folders")  # it follows no link out of those that it may read
    require("starlette", "the studio")
    require("uvicorn", "the studio")
    from hiddenstate.studio.serve import serve

    start, run, roots = _start(name, runs_dir)
    if host not in (LOCAL, "localhost", "::1"):
        note(
            f"warning: whoever can reach {host} can read what passes, which is not encrypted; the "
            "address with its token lets its owner train and read files here"
        )
    running = serve(runs_dir, start, run, roots, host, port, not no_browser, say, WAITING)
    for command in running:
        note(f"still running: {command}")


def _start(
    name: str | None, runs_dir: Path
) -> tuple[dict[str, str], Path | None, tuple[Path, ...]]:
    """What the page opens: data or a run; a run that lies elsewhere; the folders it may name.

    Raises
    ------
    DataError
        If there is neither; a name with a suffix was meant as a file.
    """
    from hiddenstate.cli.run_argument import named_run
    from hiddenstate.errors import DataError, did_you_mean, printable
    from hiddenstate.studio.index import id_of

    here = (Path.cwd(),)
    if name is None:
        return {}, None, here
    path = Path(name)
    is_run = name == "last" or any((p / "config.json").is_file() for p in (path, runs_dir / name))
    if not is_run and path.exists():
        whole = path.resolve()
        return {"data": str(whole)}, None, (*here, whole.parent)
    if not is_run and path.suffix:
        beside = [each.name for each in path.parent.glob("*")]
        raise DataError(f"{printable(name)}: no such file{did_you_mean(path.name, beside)}")
    run = named_run(name, runs_dir)
    return {"run": id_of(run.path.resolve().name)}, run.path.resolve(), here
