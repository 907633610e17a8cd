"""What a target of an export is: what it makes of a model, and how the result is tried."""

import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hiddenstate.data.prepare.transform import Transform
from hiddenstate.export.facts import Facts, Preparation
from hiddenstate.export.trial import Answers, Trial, of_features, trial_ahead, trials_of
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.meaning import program_of
from hiddenstate.program.integers import IntegerBeside, IntegerLayer, IntegerRecurrent
from hiddenstate.program.jobs import kind_of
from hiddenstate.program.layers import Beside, Layer, Recurrent
from hiddenstate.program.order import step_of
from hiddenstate.program.program import Program
from hiddenstate.program.steps import Fill, Logarithm
from hiddenstate.version import __version__

if TYPE_CHECKING:
    from hiddenstate.export.present import Present
    from hiddenstate.runs import Run as TrainedRun

Contents = dict[str, bytes]
"""Files by what follows the name of the export: {".onnx": ..., ".stream.onnx": ...}; the first is
the one that a user names."""


@dataclass(frozen=True)
class Source:
    """What is exported.

    Parameters
    ----------
    model : FittedModel
        Whose inputs are features: columns of text and dates are encoded by the caller.
    name : str
        Of the export: of its files, and of what it declares.
    weights : str
        How weights are stored: `float32`, `float16` or `int8`; `float64` for a model in float64.
    run : Run, optional
        The run that trained it, which has rows to show.
    present : Present, optional
        The series of the run of a forecast, and intervals around what follows them.
    """

    model: FittedModel
    name: str
    weights: str
    facts: Facts
    run: "TrainedRun | None" = None
    present: "Present | None" = None

    @property
    def identifier(self) -> str:
        """The name as an identifier of C and Python, in lower case."""
        return identifier(self.name).lower()

    @cached_property
    def program(self) -> Program:
        """The model as what it computes, in float64; with the intervals of its run's forecast."""
        program = program_of(self.model)
        if program.ahead is None or self.present is None:
            return program
        return replace(program, ahead=self.present.calibrated(program.ahead))

    @cached_property
    def trials(self) -> list[Trial]:
        """Rows to try the export on, with the answers of the model."""
        return trials_of(self.model)

    @cached_property
    def trial_ahead(self) -> Trial | None:
        """Series to try forecasts of all steps on; None if there are none."""
        return trial_ahead(self.model, self.program)


def identifier(name: str) -> str:
    """Return a name as an identifier of C and Python."""
    word = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
    return word if word and not word[0].isdigit() else f"model_{word}".rstrip("_")


def holds_all(program: Program) -> None:
    """Refuse no program of the kinds that a target has."""


@dataclass(frozen=True)
class Target:
    """A target of `hiddenstate export`.

    Parameters
    ----------
    name : str
        As `--to` has it.
    ending : str
        Of the file that a user names; "" if that is a folder, and files are named from it on, as
        "/config.pbtxt".
    limit : float
        Largest difference of an answer from the reference, in units of the targets' scale.
    weights : tuple of str
        How weights can be stored, the default first.
    refusal : callable
        Returns why it cannot hold a program of its `kinds`, and which target can; None if it can.
    build : callable
        Returns the files.
    run : callable
        Returns the answers of these files to a trial, and what computed them, such as
        `onnxruntime 1.23.2`; also the answers of the stream if the trial has some.
    stored : callable, optional
        Returns a model with its weights as they are stored, by what `weights` names. The export is
        compared with that model. By default weights do not change.
    default_weights : callable, optional
        Returns how the weights of a model are stored unless a user says so; by default the first
        way.
    change_limit : float, optional
        Largest change of an answer by rounded weights, as a share of its scale; not limited by
        default.
    only_streams : bool, default False
        Whether it holds only models that answer after every step.
    wide_inputs : bool, default False
        Whether it reads float64; else rows are float32, or rounded to it.
    forecasts : bool, default False
        Whether it gives forecasts of all steps up to a horizon.
    remark : callable, optional
        Returns what a user must know of the files, such as which of his rows they hold.
    folders : mapping, optional
        By the name of each layout what puts its file into a folder: from the folder's name, the
        source and the contents to files that are named from the folder on. It refuses a name by
        an `OptionError`.
    kinds : collection, optional
        The kinds of steps, layers and companions, and the names of cells, that it has something
        for. A program with another kind is refused.
    """

    name: str
    ending: str
    limit: float
    weights: tuple[str, ...]
    refusal: Callable[[Program], str | None]
    build: Callable[[Source], Contents]
    run: Callable[[Source, Contents, Trial], "Run"]
    stored: Callable[[FittedModel, str], FittedModel] | None = None
    default_weights: Callable[[FittedModel], str] | None = None
    change_limit: float | None = None
    only_streams: bool = False
    wide_inputs: bool = False
    forecasts: bool = False
    remark: Callable[[Contents], str] | None = None
    folders: Mapping[str, Callable[[str, Source, Contents], Contents]] = field(default_factory=dict)
    kinds: Collection[type | str] = ()

    def has(self, kind: type | str) -> bool:
        """Return whether it has something for a kind of step, layer or companion, or a cell."""
        return kind in self.kinds


@dataclass(frozen=True)
class Run:
    """What an export answered to a trial.

    Parameters
    ----------
    answers : dict of ndarray
    stream : dict of ndarray or None
        After every step; None if the files have no stream.
    computed_by : str
    """

    answers: Answers
    stream: Answers | None
    computed_by: str


BACKWARD = "backward"
"""The kind of a `Fill` that repeats values backwards, too."""


def layers_in(net: Sequence[Layer]) -> list[Layer]:
    """Return the layers of a net, a `Beside` followed by those that it has."""
    layers = []
    for layer in net:
        beside = layer.layers if isinstance(layer, (Beside, IntegerBeside)) else ()
        layers += [layer, *layers_in(beside)]
    return layers


def in_integers(program: Program) -> bool:
    """Return whether the nets of a program compute in integers."""
    return isinstance(program.nets[0][0], IntegerLayer)


def kinds_of(program: Program) -> list[type | str]:
    """Return the kinds of steps, layers and companions of a program, and the names of its cells."""
    kinds: dict[type | str, None] = dict.fromkeys(type(step) for step in program.steps)
    fill = step_of(program.steps, Fill)
    if fill is not None and fill.forward and fill.backward:
        kinds[BACKWARD] = None
    for layer in (each for net in (*program.nets, program.decoder) for each in layers_in(net)):
        kinds[type(layer)] = None
        if isinstance(layer, (Recurrent, IntegerRecurrent)):
            kinds[layer.cell] = None
    return [*kinds, *dict.fromkeys(type(companion) for companion in program.companions)]


def source_of(
    model: FittedModel,
    name: str,
    weights: str,
    stored: Callable[[FittedModel, str], FittedModel] | None = None,
) -> Source:
    """Return what is exported of a model, with its weights as `stored` has them."""
    own = model if stored is None or model.integer is not None else stored(model, weights)
    return Source(of_features(own), name, weights, facts_of(model))


def facts_of(model: FittedModel) -> Facts:
    """Return what an engineer must know of a model beside its arithmetic, as values for JSON.

    Values of a field that does not apply are None. The same model gives the same facts.
    """
    program, transform = program_of(model), model.transform
    reading = transform.reading
    columns = _input_names(model)
    targets = transform.answer_names(model.net.n_outputs)
    layout = reading.get("layout")
    flat = layout in ("wide", "features") or (model.net.kind.has_classes and layout != "long")
    facts: Facts = {
        "hiddenstate": __version__,
        "model_sha256": hashlib.sha256(model.encode()).hexdigest(),
        "job": model.net.job,
        "classes": model.classes,
        "columns": columns,
        "targets": list(targets) if model.net.kind.has_targets else None,
        "id": list(_as_tuple(reading.get("id"))),
        "time": list(_as_tuple(reading.get("time"))),
        "dates": reading.get("dates"),
        "rows_are_series": flat,
        "delimiter": reading.get("delimiter"),
        "decimal": reading.get("decimal") or ".",
        "thousands": reading.get("thousands"),
        "encoding": reading.get("encoding") or "utf-8",
        "n_features": program.n_features,
        "n_steps": program.n_steps,
        "window": program.window,
        "stateful": program.stateful,
        "readout": program.readout,
        "horizon": reading.get("horizon"),
        "pixels": "uint8; a network reads x / 255" if transform.pixels else None,
        "units": _units(model.net.job),
        "preparation": _preparation(transform),
        "encodings": [each.facts() for each in transform.encodings],
    }
    if reading.get("every"):
        facts["every"] = reading["every"]
    return facts


def _as_tuple(value: Any) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)


def _input_names(model: FittedModel) -> list[str] | None:
    """Return the name of each feature of a step, or of each number of a flat row."""
    columns = model.transform.feature_names
    named = model.transform.names is not None and columns is not None
    return [str(name) for name in columns] if named and columns is not None else None


def _units(job: str) -> dict[str, str]:
    """Return in which units inputs and answers are."""
    answers = {
        "classes": "probabilities from 0 to 1",
        "targets": "as the targets in the data",
        "codes": "codes have none; reconstructions as the data; errors as the network reads",
    }
    return {"inputs": "as in the data, not scaled", "answers": answers[kind_of(job).answers]}


def _preparation(transform: Transform) -> Preparation:
    """Return what the export does to inputs and outputs by itself."""

    def numbers(array: Any) -> Any:
        return None if array is None else array.tolist()

    offset, factor = transform.scaling or (None, None)
    target_offset, target_factor = transform.target_scaling or (None, None)
    logarithm = step_of(transform.steps, Logarithm)
    return {
        "missing": "error" if transform.fill is None else transform.missing,
        "fill": numbers(transform.fill),
        "offset": numbers(offset),
        "factor": numbers(factor),
        "target_offset": numbers(target_offset),
        "target_factor": numbers(target_factor),
        "change": None if transform.change is None else list(transform.change),
        "logarithms": [] if logarithm is None else list(logarithm.features),
    }


def facts_json(facts: Mapping[str, object]) -> bytes:
    """Return facts as the text of a JSON file, in which numbers of a list share a line."""
    text = json.dumps(facts, indent=2, ensure_ascii=False)
    number = r"(?:null|[-+.\deE]+)"
    lists = rf"\[\n\s+{number}(?:,\n\s+{number})*\n\s+\]"
    text = re.sub(lists, lambda found: f"[{' '.join(found[0][1:-1].split())}]", text)
    return (text + "\n").encode()
