"""Every constant of a run, once: the options of data, model, training and display.

A field's metadata gives its default for each job, its range, its unit and one line of help.
From it (`options.py`) come the command-line options, the check of a `config.json` or TOML
file, and the parameter lists in the estimators' docs. Nothing here imports torch or numpy.
"""

import dataclasses
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hiddenstate.errors import OptionError, did_you_mean, printable
from hiddenstate.options import JOBS, Option, option

RECURRENT = ("classify", "regress")


@dataclass(frozen=True)
class DataConfig:
    """Which data, and how rows become sequences."""

    data: str | None = option(
        None, "File or folder to learn from; without it the data bundled with the program."
    )
    steps: int | None = option(
        None,
        "Time steps in a flat row: a row of 784 numbers with 28 steps has 28 features a step.",
        low=1,
        jobs=RECURRENT,
        unit="steps",
    )
    window: int = option(
        10, "Length of a window cut from the signal.", low=1, jobs=("regress",), unit="steps"
    )
    windows: int = option(
        100, "How many windows of the bundled waves.", low=1, jobs=("regress",), unit="windows"
    )
    stateful: bool = option(
        True,
        "Rows are consecutive windows: the hidden state is carried from one to the next.",
        jobs=("regress",),
    )
    output: str = option(
        "steps",
        "What is predicted: a target at every step, or one after the last.",
        choices=("steps", "last"),
        jobs=("regress",),
    )
    max_unpacked: float | None = option(
        None,
        "Largest size an archive may unpack to; unset, 8 and 1,000 times its packed size.",
        above=0,
        unit="GiB",
    )
    test_fraction: float = option(
        0.2,
        "Share of the rows held out for testing where the data brings no test set.",
        above=0,
        below=1,
        jobs=("classify", "autoencode"),
    )


@dataclass(frozen=True)
class RecurrentConfig:
    """A recurrent stack and its linear head (classify, regress)."""

    cell: str = option(
        "lstm", "Recurrent cell.", choices=("rnn", "gru", "lstm"), jobs=RECURRENT, regress="rnn"
    )
    nonlinearity: str = option(
        "tanh",
        "Activation of the rnn cell; gru and lstm have their own.",
        choices=("tanh", "relu"),
        jobs=RECURRENT,
    )
    hidden_size: int = option(
        64,
        "Hidden size H of every layer.",
        low=1,
        high=65536,
        jobs=RECURRENT,
        regress=32,
    )
    layers: int = option(1, "Stacked recurrent layers.", low=1, high=64, jobs=RECURRENT)
    bidirectional: bool = option(False, "Read the sequence in both directions.", jobs=RECURRENT)
    dropout: float = option(
        0.0,
        "Share of values zeroed between stacked layers while training.",
        low=0,
        below=1,
        jobs=RECURRENT,
    )


@dataclass(frozen=True)
class AutoencoderConfig:
    """An encoder of dense layers and its mirror (autoencode)."""

    encoder_sizes: tuple[int, ...] = option(
        (128, 64, 12),
        "Hidden layers of the encoder; the decoder mirrors them.",
        low=1,
        high=1_000_000,
        jobs=("autoencode",),
    )
    code_size: int = option(3, "Numbers in a code.", low=1, high=65536, jobs=("autoencode",))
    activation: str = option(
        "tanh",
        "Activation between layers.",
        choices=("tanh", "relu", "sigmoid"),
        jobs=("autoencode",),
    )
    output_activation: str = option(
        "auto",
        "Activation at the end; auto is sigmoid for data in [0, 1], else linear.",
        choices=("auto", "sigmoid", "linear"),
        jobs=("autoencode",),
    )


@dataclass(frozen=True)
class TrainingConfig:
    """How a net is trained."""

    epochs: int = option(
        1, "Passes over the training data.", low=1, high=10**9, autoencode=10, unit="epochs"
    )
    max_steps: int | None = option(
        None, "Stop after this many updates, whatever the epochs.", low=1, unit="updates"
    )
    batch_size: int = option(
        64, "Rows in a batch; 1 where state is carried.", low=1, unit="rows", regress=1
    )
    shuffle: bool = option(True, "Visit the rows in a new order each epoch.", regress=False)
    optimizer: str = option("adam", "Update rule.", choices=("adam", "adamw", "sgd"))
    lr: float = option(0.01, "Learning rate.", above=0, regress=0.02, autoencode=0.005)
    momentum: float = option(0.0, "Momentum of sgd.", low=0, below=1)
    weight_decay: float = option(0.0, "Weight decay (L2 for adam and sgd).", low=0)
    eps: float = option(
        1e-8,
        "Smallest denominator of adam and adamw once --hold steps are over; 1e-8 before.",
        above=0,
        regress=1e-2,
    )
    clip: float | None = option(
        None,
        "Largest norm of the whole gradient once --hold steps are over.",
        above=0,
        regress=1.0,
    )
    lr_schedule: str = option(
        "constant",
        "How the rate moves after --hold steps: constant; inverse, lr*hold/step; "
        "cosine, to 0 at the last step.",
        choices=("constant", "inverse", "cosine"),
        regress="inverse",
    )
    hold: int = option(
        0,
        "Updates made at the full rate, unclipped, before --lr-schedule, --clip and --eps begin.",
        low=0,
        regress=100,
        unit="updates",
    )
    seed: int = option(0, "Seed of weights, batch order and dropout.", low=0, high=2**63 - 1)
    dtype: str = option("float32", "Float type of all arithmetic.", choices=("float32", "float64"))
    device: str = option(
        "auto",
        "Where to compute; auto is the cpu for the native engine, and for torch cuda where "
        "there is one (mps only by name).",
        choices=("auto", "cpu", "cuda", "mps"),
    )
    threads: int = option(
        0, "Processor threads; 0 leaves the choice to the engine.", low=0, high=4096
    )
    engine: str = option(
        "auto",
        "What computes the steps; auto is native, compiled and on the cpu, where that can.",
        choices=("auto", "native", "torch"),
    )
    weights: str | None = option(
        None,
        "Start from this model file, or from a tensors-only state_dict of a classic script.",
    )
    log_every: int = option(
        50, "Updates between two logged lines.", low=1, regress=10, autoencode=100, unit="updates"
    )
    checkpoint_every: int = option(
        0,
        "Updates between two checkpoints; 0 saves by time alone, every 30 s.",
        low=0,
        unit="updates",
    )


@dataclass(frozen=True)
class DisplayConfig:
    """How much is evaluated and shown."""

    example: int = option(
        0, "First training row shown as an example.", low=0, jobs=("classify", "autoencode"),
        autoencode=2,
    )  # fmt: skip
    n_shown: int = option(
        1, "Examples shown before training.", low=0, high=64, jobs=("classify", "autoencode"),
    )  # fmt: skip
    n_evaluated: int = option(
        2000,
        "First test rows evaluated at every logged line; 0 evaluates none.",
        low=0,
        jobs=("classify", "autoencode"),
        autoencode=0,
        unit="rows",
    )
    n_predicted: int = option(
        10, "Test rows whose prediction is shown at the end.", low=0, high=1000,
        jobs=("classify",), unit="rows",
    )  # fmt: skip
    n_reconstructed: int = option(
        5, "Test rows reconstructed as the net learns.", low=0, high=1000,
        jobs=("autoencode",), unit="rows",
    )  # fmt: skip
    n_scattered: int = option(
        200, "Test rows whose codes are drawn.", low=0, high=100_000,
        jobs=("autoencode",), unit="rows",
    )  # fmt: skip


SECTIONS: dict[str, dict[str, type]] = {
    job: {
        "data": DataConfig,
        "model": AutoencoderConfig if job == "autoencode" else RecurrentConfig,
        "training": TrainingConfig,
        "display": DisplayConfig,
    }
    for job in JOBS
}


def section_options(section: type, job: str | None = None) -> dict[str, Option]:
    """The options of a section by name; with `job`, only those that job has."""
    hints = typing.get_type_hints(section)
    found = {}
    for field in dataclasses.fields(section):
        hint = hints[field.name]
        members = typing.get_args(hint) if typing.get_origin(hint) is types.UnionType else (hint,)
        kind = next(member for member in members if member is not type(None))
        found[field.name] = Option(
            name=field.name,
            kind=typing.get_origin(kind) or kind,
            default=field.default,
            optional=type(None) in members,
            **field.metadata["option"],
        )
    return {n: o for n, o in found.items() if job is None or job in o.jobs}


def job_options(job: str) -> Iterator[tuple[str, Option]]:
    """Yield `(section name, option)` for everything `job` can be told."""
    for name, section in SECTIONS[job].items():
        for known in section_options(section, job).values():
            yield name, known


@dataclass(frozen=True)
class Config:
    """One run's settings, complete; make one with :func:`make_config`."""

    job: str
    data: DataConfig
    model: RecurrentConfig | AutoencoderConfig
    training: TrainingConfig
    display: DisplayConfig

    def to_dict(self) -> dict[str, Any]:
        """The config as JSON takes it: the job and a dict a section."""
        return {"job": self.job} | {
            name: section_to_dict(getattr(self, name), self.job) for name in SECTIONS[self.job]
        }

    def flat(self) -> dict[str, Any]:
        """Every option of the job by its name."""
        return {
            known.name: getattr(getattr(self, section), known.name)
            for section, known in job_options(self.job)
        }


def section_to_dict(section: Any, job: str) -> dict[str, Any]:
    """One section's options as JSON takes them, only those `job` has."""
    values = {name: getattr(section, name) for name in section_options(type(section), job)}
    return {n: list(v) if isinstance(v, tuple) else v for n, v in values.items()}


def make_config(job: str, values: Mapping[str, Any] | None = None) -> Config:
    """Build the config of `job` from its defaults and `values` by option name.

    Raises
    ------
    OptionError
        For an unknown job or option, a value out of range, or two that exclude each other.
    """
    if job not in JOBS:
        raise OptionError(
            f"job: expected one of {', '.join(JOBS)}, got {printable(repr(job), 40)}"
            + did_you_mean(str(job), JOBS)
        )
    given = dict(values or {})
    options = {known.name: (section, known) for section, known in job_options(job)}
    for name in given:
        if name not in options:
            raise OptionError(
                f"{printable(name, 40)}: {job} has no such option{did_you_mean(name, options)}"
            )
    sections: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS[job]}
    for name, (section, known) in options.items():
        sections[section][name] = known.check(given.get(name, known.default_for(job)))
    built = {name: SECTIONS[job][name](**kept) for name, kept in sections.items()}
    config = Config(job=job, **built)
    _check_together(config)
    return config


def config_from_dict(stored: Any, where: str = "config", whole: bool = False) -> Config:
    """Build a config from what :meth:`Config.to_dict` gave; nothing may be unknown.

    With `whole` nothing may be missing either; else defaults stand in.

    Raises
    ------
    OptionError
        Naming `where` and the field.
    """
    if not isinstance(stored, dict) or stored.get("job") not in JOBS:
        raise OptionError(f"{where}: no job named; expected one of {', '.join(JOBS)}")
    job = stored["job"]
    values: dict[str, Any] = {}
    for name, content in stored.items():
        if name == "job":
            continue
        if name not in SECTIONS[job] or not isinstance(content, dict):
            raise OptionError(f"{where}: unknown section {printable(name, 40)}")
        known = section_options(SECTIONS[job][name], job)
        for field in content:
            if field not in known:
                raise OptionError(f"{where}: {name} has no option {printable(field, 40)}")
        values.update(content)
    missing = [known.name for _, known in job_options(job) if whole and known.name not in values]
    if missing:
        raise OptionError(f"{where}: {', '.join(missing[:3])} missing")
    try:
        return make_config(job, values)
    except OptionError as error:
        raise OptionError(f"{where}: {error}") from None


def _check_together(config: Config) -> None:
    """Refuse options that exclude each other."""
    model, training = config.model, config.training
    if isinstance(model, RecurrentConfig) and model.dropout > 0 and model.layers == 1:
        raise OptionError("--dropout: acts between stacked layers and there is one; add --layers 2")
    if training.momentum > 0 and training.optimizer != "sgd":
        raise OptionError(
            f"--momentum: belongs to sgd, not {training.optimizer}; add --optimizer sgd"
        )
    if config.job == "regress" and config.data.stateful:
        _check_stateful(config)
    if training.lr_schedule == "inverse" and training.hold == 0:
        raise OptionError("--lr-schedule: inverse starts where --hold ends; add --hold 100")
    if training.device == "mps" and training.dtype == "float64":
        raise OptionError("--dtype: mps has no float64; use --device cpu or --dtype float32")


def _check_stateful(config: Config) -> None:
    """Refuse what cannot go with a state carried from row to row."""
    in_the_way = {
        "--shuffle: would visit the windows out of order": config.training.shuffle,
        "--batch-size: windows follow one another, so they come one at a time": (
            config.training.batch_size != 1
        ),
        "--bidirectional: the backward state would come from the future": (
            isinstance(config.model, RecurrentConfig) and config.model.bidirectional
        ),
    }
    for reason, true in in_the_way.items():
        if true:
            raise OptionError(f"{reason}; drop it or add --no-stateful")
