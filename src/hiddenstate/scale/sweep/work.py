"""Trains the groups of a packet one by one, each as a run on its rows alone would."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hiddenstate.config import Config
from hiddenstate.data import SequenceDataset
from hiddenstate.data.prepare.leakage import with_leaks
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.data.readers.columns import Columns
from hiddenstate.data.readers.table import to_dataset
from hiddenstate.engines import make_engine
from hiddenstate.errors import DataError, HiddenstateError, printable
from hiddenstate.jobs import taught_job
from hiddenstate.jobs.memory import check_memory
from hiddenstate.metrics.comparison import compare
from hiddenstate.metrics.headline import headline
from hiddenstate.models.labels import check_labels
from hiddenstate.models.weight_file import encodings_of
from hiddenstate.runs.record import with_run
from hiddenstate.scale.sweep.packets import facts_of, unpack_groups
from hiddenstate.system.memory import out_of_memory
from hiddenstate.system.strict_json import replace_nan
from hiddenstate.training.augmenting import with_augmentation
from hiddenstate.training.budget import with_budget
from hiddenstate.training.initial_state import run_id, starting_state
from hiddenstate.training.start import plan
from hiddenstate.training.trainer import Trainer
from hiddenstate.version import __version__

DAMAGED = "damaged"

STATUSES = ("done", "beaten", "failed", DAMAGED)
"""What becomes of a group: trained, trained but worse than its baseline, failed, or stored in a
record that cannot be read any more."""


@dataclass(frozen=True)
class Outcome:
    """What became of a group.

    Parameters
    ----------
    status : {"done", "beaten", "failed", "damaged"}
    rows : int
        Its rows in the table.
    reason : str
        Why it failed, what it is worse than, and what makes its score too good; empty otherwise.
    score : str, optional
        The name of its main result.
    value, baseline : float, optional
        That result, and that of a prediction without a network on the same rows.
    updates : int
        Updates made.
    seconds : float
        Time taken.
    level : str, optional
        The processor instructions that it was computed with, as `Engine.about` has them.
    net_part : float, optional
        Part of the network in its held-out forecasts, where it adds to a path.
    """

    status: str
    rows: int
    reason: str = ""
    score: str | None = None
    value: float | None = None
    baseline: float | None = None
    updates: int = 0
    seconds: float = 0.0
    level: str | None = None
    net_part: float | None = None

    @classmethod
    def read(cls, facts: Mapping[str, Any]) -> "Outcome":
        """Return the outcome that `facts` describe, whatever else they hold."""
        return cls(**{name: facts[name] for name in cls.__dataclass_fields__ if name in facts})

    def facts(self) -> dict[str, Any]:
        """Return it as values for JSON."""
        values: dict[str, Any] = replace_nan(vars(self))
        return values


def train_packet(packet: bytes) -> bytes:
    """Train the groups of a packet; return their outcomes and models as bytes.

    Parameters
    ----------
    packet : bytes
        As :func:`hiddenstate.scale.sweep.packets.pack_groups` returns it, with the facts `job`,
        `values` and `name`.

    Returns
    -------
    bytes
        As :func:`outcomes_of` reads them.
    """
    facts = facts_of(packet)[0]
    if facts["version"] != __version__:
        return json.dumps({"version": __version__}).encode()
    values = as_values(facts["values"])
    parts: list[bytes] = []
    for group in unpack_groups(packet):
        columns = replace(group.columns, where=printable(facts["name"]))
        outcome, model = try_group(columns, facts["job"], values, facts["name"])
        head = {"number": group.number, "bytes": len(model), **outcome.facts()}
        parts += [json.dumps(head).encode(), b"\n", model]
    return b"".join(parts)


def outcomes_of(answer: bytes) -> Iterator[tuple[int, Outcome, bytes]]:
    """Yield the number, the outcome and the model of each group; no bytes if it failed.

    Raises
    ------
    VersionError
        If the process that trained has another version of hiddenstate.
    """
    at = 0
    while at < len(answer):
        end = answer.find(b"\n", at)
        head = json.loads(answer[at : end if end >= 0 else None])
        if "version" in head:
            raise VersionError(head["version"])
        at = end + 1 + head["bytes"]
        yield head["number"], Outcome.read(head), answer[end + 1 : at]


class VersionError(Exception):
    """A process has another version of hiddenstate, which is the only argument."""


def as_values(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return options as the command line gives them, from JSON, where tuples are lists."""
    return {name: tuple(v) if isinstance(v, list) else v for name, v in stored.items()}


def try_group(
    columns: Columns, job: str, values: Mapping[str, Any], name: str
) -> tuple[Outcome, bytes]:
    """Train one group; whatever goes wrong becomes the reason of its outcome."""
    began = time.perf_counter()
    try:
        return train_group(columns, job, values, name)
    except HiddenstateError as error:
        reason = str(error)
    except MemoryError as error:
        reason = str(out_of_memory(error))
    except Exception as error:  # noqa: BLE001  a defect in one group must not end the others
        reason = f"internal error: {type(error).__name__}: {printable(error, 200)}"
    seconds = time.perf_counter() - began
    return Outcome("failed", columns.n_rows, reason, seconds=round(seconds, 6)), b""


def group_dataset(columns: Columns, config: Config, name: str) -> SequenceDataset:
    """Return the data of one group, read as training rows."""
    encodings = encodings_of(config.training.weights)
    dataset = to_dataset(columns, config.data, config.job, True, name, encodings)
    return replace(dataset, source="file")


def train_group(
    columns: Columns, job: str, values: Mapping[str, Any], name: str
) -> tuple[Outcome, bytes]:
    """Train one group as a run on a file with its rows alone does, without a run folder.

    Parameters
    ----------
    columns : Columns
        The rows of the group.
    job : {"classify", "regress", "autoencode"}
    values : mapping
        The options that were set, by name.
    name : str
        Name of the file.

    Returns
    -------
    Outcome
    bytes
        The model file, equal to that of the run.

    Raises
    ------
    HiddenstateError
        Whatever the run would end with.
    """
    began = time.perf_counter()
    config, dataset = plan(job, values, read=lambda config: group_dataset(columns, config, name))
    try:
        prepared = prepare(dataset, config)
    except DataError as error:
        if error.file_row is None:
            raise
        raise DataError(f"{columns.row(error.file_row)}: {error.what}") from None
    prepared = with_leaks(prepared, dataset, config)
    config, prepared = with_budget(*with_augmentation(config, prepared))
    work = taught_job(config, dataset, prepared)
    check_labels(work.dataset.classes or [])
    check_memory(work)
    state = starting_state(work)
    engine = make_engine(work.task(), state)
    about = engine.about()
    run = run_id(config, work.dataset.facts(), about, state, work.taught)
    trainer = Trainer(work, engine)
    results = trainer.train()
    if results is None:
        raise RuntimeError("training without requests was interrupted")
    model = work.fitted(engine.export().params)
    content = model.encode(with_run({"data": name, "results": results}, run))
    compared = compare(job, results, config.flat())
    score, value, baseline, reason, status = _main_result(job, results), None, None, "", "done"
    if compared is not None:
        value, baseline = compared.value, compared.other
        if compared.worse:
            status, reason = "beaten", compared.warning()
    elif score is not None:
        value = float(results[score])
    notes = [*([reason] if reason else []), *(leak.in_words() for leak in work.dataset.leaks)]
    outcome = Outcome(
        status,
        columns.n_rows,
        "; ".join(notes),
        score,
        value,
        baseline,
        trainer.step,
        round(time.perf_counter() - began, 6),
        about.get("level"),
        results.get("net_part"),
    )
    return outcome, content


def _main_result(job: str, results: Mapping[str, Any]) -> str | None:
    """Return the name of the main result of a run, if it has one."""
    name = headline(job, results)
    return name if name in results else None
