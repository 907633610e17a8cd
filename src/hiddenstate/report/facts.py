"""Describes a run in words: the data, the network, the options, and what happened."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from hiddenstate.config import AutoencoderConfig, job_options
from hiddenstate.config.data_fields import FLAGS
from hiddenstate.data.leaks import leaks_from
from hiddenstate.data.prepare.augment_choice import choice_from
from hiddenstate.errors import HiddenstateError, MachineError, UntrustedFileError, printable
from hiddenstate.metrics.answer import Answer, answer_of
from hiddenstate.metrics.target_scores import with_targets
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net
from hiddenstate.models.sparse import share_of_zeros
from hiddenstate.runs import Run
from hiddenstate.runs.requests import describe_request
from hiddenstate.runs.static_facts import StaticFacts
from hiddenstate.system.typing import NamedArrays

MAX_NAMES = 50
"""Class labels or columns that are listed; of more, the number of the others."""

NAME_LENGTH = 60
"""Characters of a label or a name that are shown."""

Pairs = list[tuple[str, str]]
"""Names, each with a text."""

STATUSES = {
    "done": "The run is complete.",
    "running": "The run is in progress; this is its state so far.",
    "interrupted": "The run was interrupted and can be resumed; it has no model yet.",
    "diverged": "Training diverged; the run has no model.",
    "failed": "The run failed; it has no model.",
    "gone": "The run was moved or removed while this was written.",
    "stopped": "The run stopped unexpectedly, for example because the machine went down; it has "
    "no model.",
}
"""Sentences for the status of a run."""


@dataclass(frozen=True)
class Setting:
    """An option of the run: its flag, its value and default as text, and its help."""

    flag: str
    value: str
    default: str
    help: str

    @property
    def changed(self) -> bool:
        """Whether the value differs from the default."""
        return self.value != self.default


class RunFacts:
    """What the folder of a run says; missing or damaged files do not prevent the rest.

    Parameters
    ----------
    run : Run

    Attributes
    ----------
    job, status : str
    history, journal : list of dict
    results : dict
        Empty before the end of the run.
    static_arrays, final_arrays : dict of ndarray
    static_facts : StaticFacts or None
    model : FittedModel or None
    problems : list of str
        What cannot be read, one line each, of all but the snapshots.
    """

    def __init__(self, run: Run) -> None:
        self.run, self.config, self.job = run, run.config, run.config.job
        self.kind = run.config.kind
        self.status = run.status()
        self.history, self.journal = run.history(), run.journal()
        self.results = run.results() or {}
        self.problems: list[str] = []
        self.static_arrays: NamedArrays = {}
        self.static_facts: StaticFacts | None = None
        self.final_arrays: NamedArrays = {}
        self.model: FittedModel | None = None
        self._read()

    def _read(self) -> None:
        """Read static arrays, final arrays and model; note what cannot be read."""
        try:
            self.static_arrays, self.static_facts = self.run.static_arrays
        except (UntrustedFileError, MachineError) as error:
            self.problems.append(str(error))
        try:
            self.final_arrays = self.run.final_arrays()
        except (UntrustedFileError, MachineError) as error:
            self.problems.append(str(error))
        if self.results:
            try:
                self.model = self.run.model()
            except HiddenstateError as error:
                self.problems.append(str(error))

    @property
    def options(self) -> dict[str, Any]:
        """The options of the run by name, with the names of its targets."""
        return with_targets(self.config.flat(), self.run.data_record())

    @property
    def answer(self) -> Answer:
        """Who answers by the run, as far as it has results."""
        return answer_of(self.job, self.results, self.config.flat())

    @property
    def answered(self) -> str:
        """Who answers, as a line; nothing of an autoencoder, and before the end."""
        if self.kind.has_codes or not self.results:
            return ""
        return f"Answer: {self.answer.in_words()}."

    @property
    def title(self) -> str:
        """The task and the data."""
        task = self.kind.title
        if self.config.flat().get("layout") == "features":  # rows without time
            task = task.removeprefix("Sequence ").capitalize()
        return f"{task}: {self.data_name}"

    @property
    def data_name(self) -> str:
        """The name of the data."""
        in_snapshots = self.static_facts.data if self.static_facts else "unknown data"
        return printable(self.run.data_fact("name") or in_snapshots, NAME_LENGTH)

    @property
    def bundled(self) -> bool:
        """Whether the data is included with the program."""
        return self.run.data_fact("source") == "bundled"

    @cached_property
    def classes(self) -> list[str]:
        """The class labels as text; empty without classes."""
        labels = (self.static_facts.classes if self.static_facts else None) or ()
        return [printable(label, NAME_LENGTH) for label in labels]

    def label(self, number: Any) -> str:
        """Return the label of a class number."""
        number = int(number)
        return self.classes[number] if number < len(self.classes) else str(number)

    def data(self) -> Pairs:
        """What the run was trained on."""
        sources = {
            "bundled": "included with the program",
            "file": "a file or folder of the user",
            "arrays": "arrays in Python, which no command can load again",
        }
        source = self.run.data_fact("source")
        pairs: Pairs = [("name", self.data_name), ("source", sources.get(source, "unknown"))]
        for name in ("data", "test", "answers", "weights"):
            path = self.config.flat().get(name)
            if path:
                pairs.append(({"data": "path"}.get(name, name), printable(path, 400)))
        sizes = self.run.data_record().get("sizes")
        for line in sizes if isinstance(sizes, list) else ():
            part, _, rest = printable(line).partition(": ")
            pairs.append((part, rest))
        if self.classes:
            pairs.append((f"{len(self.classes)} classes", _listed(self.classes)))
        if choice := choice_from(self.run.data_record()):
            pairs.append(("augmentation", choice.in_words()))
        pairs += self._transform()
        pairs.append(("fingerprint (SHA-256)", printable(self.run.data_fact("fingerprint"), 80)))
        return pairs

    def _transform(self) -> Pairs:
        """What happens to rows before the network reads them."""
        if self.model is None:
            return []
        transform = self.model.transform
        pairs = [
            (title, _listed([printable(name, NAME_LENGTH) for name in names]))
            for title, names in (
                ("columns", transform.names or transform.columns),
                ("targets", transform.targets),
            )
            if names
        ]
        pairs += [
            (
                f"column {printable(e.column, NAME_LENGTH)}",
                f"a feature for each of {len(e.values)} values: "
                + _listed([printable(value, NAME_LENGTH) for value in e.values])
                if e.values
                else _calendar_words(e.calendar),
            )
            for e in transform.encodings
        ]
        steps = ["pixels from 0 to 255 read as fractions"] if transform.pixels else []
        if transform.missing not in ("error", "drop"):
            steps.append(f"missing values: {transform.missing}")
        steps += ["features scaled"] if transform.scaling is not None else []
        steps += ["targets scaled"] if transform.target_scaling is not None else []
        if transform.change is not None:
            forecast = transform.reading.get("horizon")
            steps.append(
                "learned as the change from the current value"
                if forecast
                else "the first inputs added to the outputs"
            )
        steps += self.model.beside()
        return [*pairs, ("preparation", "; ".join(steps) or "none")]

    def zeros(self) -> float | None:
        """Return the share of weights that are 0 of a model that was trained to have some."""
        if self.model is None or self.config.training.sparsity is None:
            return None
        return share_of_zeros(self.model.params)

    def net(self) -> Net | None:
        """Return the trained network; for a run without a model, from its checkpoint."""
        if self.model is not None:
            return self.model.net
        try:
            checkpoint = self.run.checkpoint()
        except (UntrustedFileError, MachineError):
            return None
        shapes = {name: array.shape for name, array in (checkpoint or ({},))[0].items()}
        first = [s for n, s in shapes.items() if n in _FIRST_LAYERS and len(s) == 2]
        last = [s for n, s in shapes.items() if n.startswith("params/out.") and len(s) == 2]
        if not first:
            return None
        model, n_features = self.config.model, first[0][1]
        if isinstance(model, AutoencoderConfig):
            unknown = model.output_activation == "auto"  # depends on the data; the model records it
            model = replace(model, output_activation="linear") if unknown else model
            return Net(self.job, model, n_features, n_features)
        output = self.config.flat().get("output", "last")
        return Net(self.job, model, n_features, last[0][0], output) if last else None

    def settings(self) -> list[Setting]:
        """Return the options of the job."""
        values = self.config.flat()
        return [
            Setting(
                option.flag.removeprefix("--") if option.name == "data" else option.flag,
                _as_text(values[option.name]),
                _as_text(option.default_for(self.job)),
                option.help,
            )
            for _, option in job_options(self.job)
        ]

    def environment(self) -> Pairs:
        """The engine, the machine and the versions."""
        pairs: Pairs = []
        for part in ("engine", "environment"):
            recorded = self.run.record.get(part)
            for name, value in (recorded if isinstance(recorded, dict) else {}).items():
                title = "engine" if (part, name) == ("engine", "name") else str(name)
                title = "engine version" if (part, name) == ("engine", "version") else title
                pairs.append((printable(title, NAME_LENGTH), printable(value, NAME_LENGTH)))
        seed, started = str(self.config.training.seed), self.run.started()
        return [*pairs, ("seed", seed), ("started", started)]

    def events(self) -> Pairs:
        """When what happened: starts, ends, interruptions, warnings, and requests."""
        pairs, in_journal = [], set()
        for n, entry in enumerate(e for e in self.journal if e["event"] != "checkpoint"):
            if entry["event"] == "control":
                in_journal.add((entry.get("step"), entry.get("do")))
            pairs.append((_when(entry), _sentence(entry, n == 0)))
        for event in self.history:
            usual = event["event"] in ("log", "valid", "end")
            if not usual and (event.get("step"), event.get("do")) not in in_journal:
                step = printable(event.get("step", "?"), 20)
                pairs.append((f"after step {step}", _sentence(event, False)))
        n_checkpoints = sum(entry["event"] == "checkpoint" for entry in self.journal)
        return [*pairs, ("checkpoints", f"{n_checkpoints} written")] if n_checkpoints else pairs

    def warnings(self) -> Iterator[str]:
        """What a reader should know first."""
        if self.status != "done":
            yield STATUSES[self.status]
        if self.journal and (why := self.run.failure()):
            yield f"Error: {why}"
        yield from self.problems
        for leak in leaks_from(self.run.data_record()):
            yield leak.in_words()


_FIRST_LAYERS = (
    "params/rnn.weight_ih_l0",
    "params/rnn.weight_ih_in_l0",
    "params/rnn.weight_in_l0",
    "params/encoder.0.weight",
)


def _calendar_words(periods: tuple[str, ...]) -> str:
    """Say which features a calendar has."""
    flags = [period for period in periods if period in FLAGS]
    circles = [period for period in periods if period not in FLAGS]
    words = [f"sine and cosine of {', '.join(circles)}"] if circles else []
    words += [f"a feature for each of the {', '.join(flags)}"] if flags else []
    return "; ".join(words)


def _listed(names: list[str]) -> str:
    """List names with commas, and of many the number of the others."""
    more = len(names) - MAX_NAMES
    return ", ".join(names[:MAX_NAMES]) + (f", {more} more" if more > 0 else "")


def _as_text(value: Any) -> str:
    """Format the value of an option as on a command line."""
    if value is None or value == ():
        return "not set" if value is None else "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return printable(text, 400)


def _when(entry: Mapping[str, Any]) -> str:
    """Format the time of a journal entry, to the second."""
    try:
        return f"{datetime.fromisoformat(entry['time']):%Y-%m-%d %H:%M:%S %Z}"
    except (KeyError, ValueError, TypeError):
        return "at an unknown time"


def _sentence(entry: Mapping[str, Any], first: bool) -> str:
    """Describe a journal entry."""
    step = printable(entry.get("step", "?"), 20)
    if entry["event"] == "start":
        names = ("name", "version", "device")
        engine = " ".join(printable(entry[n], 20) for n in names if n in entry)
        began = "training started" if first else f"resumed after step {step}"
        return f"{began} ({engine}, {printable(entry.get('threads', '?'), 20)} threads)"
    if entry["event"] == "end":
        return f"completed after step {step}"
    if entry["event"] == "interrupted":
        return f"interrupted after step {step}; everything is saved"
    if entry["event"] == "failed":
        return f"failed after step {step}: {printable(entry.get('why', 'unknown'), 400)}"
    if entry["event"] == "control":
        return printable(describe_request(entry), 200)
    return _listed_values(entry)


def _listed_values(event: Mapping[str, Any]) -> str:
    """List the values of an event of another kind."""
    values = [
        f"{printable(name, 40)} {printable(value, 200)}"
        for name, value in event.items()
        if name not in ("event", "step", "time")
    ]
    return ", ".join([printable(event["event"], 40), *values])
