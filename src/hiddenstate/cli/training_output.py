"""What a training command prints before and after training."""

import shlex
from typing import TYPE_CHECKING, Any

from hiddenstate.cli.findings import two_lines
from hiddenstate.cli.output import note, say, say_json
from hiddenstate.errors import DataError

if TYPE_CHECKING:
    from hiddenstate.data import SequenceDataset
    from hiddenstate.training.start import Session


def print_introduction(session: "Session", raw: "SequenceDataset | None", as_json: bool) -> None:
    """Print the data, the network, where it is trained, and the notices.

    `raw` is the data as read, for a new run. With `as_json`, stdout stays empty.
    """
    job, engine, training = session.job, session.engine, session.job.config.training
    if not as_json:
        is_file = job.dataset.source == "file"
        for line in two_lines(job.dataset, job.config, raw) if is_file else job.dataset.sizes():
            say(line)
        for line in job.net.describe().splitlines():
            say(line)
    threads = f"{engine.threads} thread{'s' * (engine.threads != 1)}"
    note(
        f"{engine.name} on {engine.device}, {threads}, {training.dtype}, seed {training.seed}; "
        f"run {session.writer.path}"
    )
    for notice in session.notices:
        note(str(notice))


def print_location(session: "Session", seconds: float) -> None:
    """Print where the run and its figures are, and a command to try next."""
    path, folder = session.writer.path, session.writer.path / "figures"
    say(f"run: {path}  ({session.engine.export().step} steps in {seconds:.1f} s)")
    names = sorted(figure.name for figure in folder.iterdir())
    if names:
        say(f"figures: {', '.join(names)} in {folder}")
    command = "evaluate" if len(session.job.dataset.X_test) else "watch"
    say(f"next: hiddenstate {command if names else 'figures'} {shlex.quote(str(path))}")


def print_results(results: list[dict[str, Any]], as_json: bool) -> None:
    """Print the JSON of one run, or the mean and deviation of several."""
    if len(results) > 1:
        _print_mean(results, as_json)
    elif as_json:
        say_json(results[0])


def _print_mean(results: list[dict[str, Any]], as_json: bool) -> None:
    """Print the headline score of each run, its mean and its standard deviation."""
    import statistics

    from hiddenstate.metrics.headline import headline

    key = headline(results[0]["job"], results[0])
    values = [result[key] for result in results if key in result]
    if not values:
        raise DataError(f"none of the runs has a {key} to compare")
    mean, deviation = statistics.fmean(values), statistics.stdev(values)
    if as_json:
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
