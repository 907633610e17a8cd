"""What a training command prints before and after training."""

import shlex
from typing import TYPE_CHECKING

from hiddenstate.cli.findings import two_lines
from hiddenstate.cli.output import note, say
from hiddenstate.errors import count

if TYPE_CHECKING:
    from hiddenstate.data import SequenceDataset
    from hiddenstate.engines import Engine
    from hiddenstate.inference.step_scores import StepScores
    from hiddenstate.jobs import Job
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
        if is_file and (line := _about_streams(session)):
            note(line)
    threads = count(engine.threads, "thread")
    ranks = engine.about().get("ranks")
    each = f"{count(ranks, 'rank')} of {threads}" if ranks else threads
    note(
        f"{engine.name} on {engine.device}, {each}, {training.dtype}, seed {training.seed}; "
        f"run {session.writer.path}"
    )
    for notice in session.notices:
        note(str(notice))


def _about_streams(session: "Session") -> str:
    """Return that the model of series will not answer step by step; nothing if it will."""
    from hiddenstate.models.streaming import obstacles_before_training, streaming_note

    against = obstacles_before_training(session.job.config, session.job.dataset)
    return f"note: {streaming_note(session.job.config.job, against)}" if against else ""


def print_location(session: "Session", seconds: float) -> None:
    """Print where the run and its figures are, and a command to try next."""
    path, folder = session.writer.path, session.writer.path / "figures"
    say(f"run: {path}  ({session.engine.export().step} steps in {seconds:.1f} s)")
    names = sorted(figure.name for figure in folder.iterdir())
    if names:
        say(f"figures: {', '.join(names)} in {folder}")
    command = "evaluate" if len(session.job.dataset.X_test) else "watch"
    say(f"next: hiddenstate {command if names else 'figures'} {shlex.quote(str(path))}")


def scores_by_step(
    job: "Job", engine: "Engine", raw: "SequenceDataset | None"
) -> "StepScores | None":
    """Return the scores of forecasts of the test rows by step ahead and series; None of other data,
    of test rows that are too few, and without the data as read."""
    if raw is None or not job.config.kind.has_targets or job.dataset.test is None:
        return None
    from hiddenstate.data.prepare.missing import infinite_as_missing
    from hiddenstate.engines import make_predictor
    from hiddenstate.inference.rolled import can_be_rolled, rolled_test, unless_short

    model = job.fitted(engine.export().params)
    if not can_be_rolled(model) or raw.source != "file":
        return None
    predictor = make_predictor(model, "cpu", job.config.training.threads)
    if job.config.data.missing != "error":
        raw = raw.map(infinite_as_missing)
    made = unless_short(lambda: rolled_test(model, predictor, raw, job.dataset))
    return None if made is None else made.steps
