"""A run told in words: what was trained on what, with which options, and what happened."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from hiddenstate.config import AutoencoderConfig, job_options
from hiddenstate.errors import HiddenstateError, MachineError, UntrustedFileError, printable
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net
from hiddenstate.runs import Run
from hiddenstate.runs.requests import describe_request
from hiddenstate.runs.snapshots import StaticFacts
from hiddenstate.system.typing import NamedArrays

CLASSES_NAMED = 50
"""Class labels that are listed; of more, so many and how many there are."""

NAME_LENGTH = 60
"""Characters of a label or a name that are shown."""

Pairs = list[tuple[str, str]]

STATES = {
    "done": "The run came to its end.",
    "running": "The run is under way: this is how it stands now.",
    "interrupted": "The run was interrupted and can be gone on with: it has no model yet.",
    "failed": "The run failed before its end: it has no model.",
    "gone": "The run was moved or removed while this was written.",
    "stopped": "The run stopped without a word, as when the machine goes down: it has no model.",
}

TASKS = {
    "classify": "Sequences named by class",
    "regress": "A signal followed",
    "autoencode": "Rows pressed into codes",
}


@dataclass(frozen=True)
class Setting:
    """An option of the run: its flag, its value and its default as text, and its help."""

    flag: str
    value: str
    default: str
    help: str

    @property
    def changed(self) -> bool:
        """Whether it differs from the default."""
        return self.value != self.default


class RunFacts:
    """What a run's folder says of it; nothing that is missing or damaged stops the rest.

    Parameters
    ----------
    run : Run
    """

    def __init__(self, run: Run) -> None:
        self.run, self.config, self.job = run, run.config, run.config.job
        self.state = run.status()
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
        self.problems += self.run.damaged_snapshots()
        if self.results:
            try:
                self.model = self.run.model()
            except HiddenstateError as error:
                self.problems.append(str(error))

    @property
    def title(self) -> str:
        """What was done, on what, in a few words."""
        return f"{TASKS[self.job]}: {self.data_name}"

    @property
    def data_name(self) -> str:
        """The data's own name."""
        name = printable(self.run.data_fact("name"), NAME_LENGTH)
        facts = self.static_facts
        return name or printable(facts.data if facts else "unknown data", NAME_LENGTH)

    @property
    def bundled(self) -> bool:
        """Whether the data came with the program."""
        return self.run.data_fact("source") == "bundled"

    @cached_property
    def classes(self) -> list[str]:
        """Every class label as text; empty without classes."""
        labels = (self.static_facts and self.static_facts.classes) or ()
        return [printable(label, NAME_LENGTH) for label in labels]

    def label(self, number: Any) -> str:
        """The class label of a class number."""
        number = int(number)
        return self.classes[number] if number < len(self.classes) else str(number)

    def rows(self, part: str) -> int | None:
        """How many rows the data's part `train`, `valid` or `test` had, where that was noted."""
        data = self.run.record.get("data")
        sizes = data.get("sizes") if isinstance(data, dict) else None
        for line in sizes if isinstance(sizes, list) else ():
            found = re.match(rf"{part} data: \((\d{{1,15}})[,)]", str(line))
            if found:
                return int(found[1])
        return None

    def data(self) -> Pairs:
        """What the run was trained on."""
        sources = {
            "bundled": "comes with the program",
            "file": "a file or folder of the user's",
            "arrays": "arrays in Python, which no command can load again",
        }
        source = self.run.data_fact("source")
        found: Pairs = [("name", self.data_name), ("source", sources.get(source, "unknown"))]
        for name in ("data", "test", "answers", "weights"):
            path = self.config.flat().get(name)
            if path:
                found.append(({"data": "path"}.get(name, name), printable(path, 400)))
        data = self.run.record.get("data")
        sizes = data.get("sizes") if isinstance(data, dict) else None
        for line in sizes if isinstance(sizes, list) else ():
            part, _, rest = printable(line).partition(": ")
            found.append((part, rest))
        if self.classes:
            named = ", ".join(self.classes[:CLASSES_NAMED])
            more = len(self.classes) - CLASSES_NAMED
            found.append((f"{len(self.classes)} classes", named + (f", {more} more" * (more > 0))))
        found += self._preparation()
        found.append(("fingerprint (SHA-256)", printable(self.run.data_fact("fingerprint"), 80)))
        return found

    def _preparation(self) -> Pairs:
        """What is done to rows before the net reads them."""
        if self.model is None:
            return []
        own, found = self.model.transform, []
        for title, names in (("columns read", own.columns), ("targets", own.targets)):
            if names:
                shown = ", ".join(printable(name, NAME_LENGTH) for name in names[:CLASSES_NAMED])
                more = len(names) - CLASSES_NAMED
                found.append((title, shown + (f", {more} more" * (more > 0))))
        done = ["pixels from 0 to 255 read as fractions"] if own.pixels else []
        if own.missing not in ("error", "drop"):
            done.append(f"missing values: {own.missing}")
        done += ["features scaled"] if own.scaling is not None else []
        done += ["targets scaled"] if own.target_scaling is not None else []
        done += ["learnt as the change from the value now"] if own.change is not None else []
        return [*found, ("prepared", "; ".join(done) or "nothing is done to the rows")]

    def net(self) -> Net | None:
        """The net that was trained; of a run without a model from its checkpoint's arrays."""
        if self.model is not None:
            return self.model.net
        try:
            found = self.run.checkpoint()
        except (UntrustedFileError, MachineError):
            return None
        shapes = {name: array.shape for name, array in (found[0] if found else {}).items()}
        first = [s for n, s in shapes.items() if n in _FIRST_LAYERS and len(s) == 2]
        last = [s for n, s in shapes.items() if n.startswith("params/out.") and len(s) == 2]
        if not first:
            return None
        model, n_features = self.config.model, first[0][1]
        if isinstance(model, AutoencoderConfig):
            unknown = model.output_activation == "auto"  # settled by the data, told by the model
            model = replace(model, output_activation="linear") if unknown else model
            return Net(self.job, model, n_features, n_features)
        output = self.config.flat().get("output", "last")
        return Net(self.job, model, n_features, last[0][0], output) if last else None

    def settings(self) -> list[Setting]:
        """Every option of the job."""
        values = self.config.flat()
        return [
            Setting(
                known.flag.removeprefix("--") if known.name == "data" else known.flag,
                _as_text(values[known.name]),
                _as_text(known.default_for(self.job)),
                known.help,
            )
            for _, known in job_options(self.job)
        ]

    def environment(self) -> Pairs:
        """What computed it, and with what."""
        found: Pairs = []
        for part in ("engine", "environment"):
            told = self.run.record.get(part)
            for name, value in (told if isinstance(told, dict) else {}).items():
                title = "engine" if (part, name) == ("engine", "name") else str(name)
                title = f"engine's {name}" if (part, name) == ("engine", "version") else title
                found.append((printable(title, NAME_LENGTH), printable(value, NAME_LENGTH)))
        return [*found, ("seed", str(self.config.training.seed)), ("began", self.run.started())]

    def story(self) -> Pairs:
        """When what happened: starts, ends, interruptions, warnings, and every control."""
        told, answered = [], set()
        for n, entry in enumerate(e for e in self.journal if e["event"] != "checkpoint"):
            if entry["event"] == "control":
                answered.add((entry.get("step"), entry.get("do")))
            told.append((_when(entry), _in_words(entry, n == 0)))
        for event in self.history:
            known = event["event"] in ("log", "valid", "end")
            if not known and (event.get("step"), event.get("do")) not in answered:
                step = printable(event.get("step", "?"), 20)
                told.append((f"after step {step}", _in_words(event, False)))
        n_saved = sum(entry["event"] == "checkpoint" for entry in self.journal)
        return [*told, ("checkpoints", f"{n_saved} written")] if n_saved else told

    def warnings(self) -> Iterator[str]:
        """What a reader should know before anything else."""
        if self.state != "done":
            yield STATES[self.state]
        for entry in self.journal:
            if entry["event"] == "failed" and entry is self.journal[-1]:
                yield f"Why it failed: {printable(entry.get('why', 'unknown'), 400)}"
        yield from self.problems


_FIRST_LAYERS = ("params/rnn.weight_ih_l0", "params/encoder.0.weight")


def _as_text(value: Any) -> str:
    """An option's value as a command line has it."""
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return printable(text, 400)


def _when(entry: Mapping[str, Any]) -> str:
    """The time of a journal entry, to the second."""
    try:
        return f"{datetime.fromisoformat(entry['time']):%Y-%m-%d %H:%M:%S %Z}"
    except (KeyError, ValueError, TypeError):
        return "at an unknown time"


def _in_words(entry: Mapping[str, Any], first: bool) -> str:
    """A journal entry as a sentence."""
    step = printable(entry.get("step", "?"), 20)
    if entry["event"] == "start":
        names = ("name", "version", "device")
        engine = " ".join(printable(entry[n], 20) for n in names if n in entry)
        began = "training began" if first else f"taken up again after step {step}"
        return f"{began} ({engine}, {printable(entry.get('threads', '?'), 20)} threads)"
    if entry["event"] == "end":
        return f"came to its end after step {step}"
    if entry["event"] == "interrupted":
        return f"interrupted after step {step}, all saved"
    if entry["event"] == "failed":
        return f"failed after step {step}: {printable(entry.get('why', 'unknown'), 400)}"
    if entry["event"] == "control":
        return printable(describe_request(entry), 200)
    return _facts(entry)


def _facts(event: Mapping[str, Any]) -> str:
    """An event of another kind, with all it says."""
    told = [
        f"{printable(name, 40)} {printable(value, 200)}"
        for name, value in event.items()
        if name not in ("event", "step", "time")
    ]
    return ", ".join([printable(event["event"], 40), *told])
