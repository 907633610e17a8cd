"""One run's settings: the sections of `sections.py` put together, checked and written as JSON.

From the options' metadata come the command-line options, the check of a `config.json` or TOML
file, and the parameter lists in the estimators' docs. Nothing here imports torch or numpy.
"""

import dataclasses
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hiddenstate.config.fields import (
    AutoencoderConfig,
    DataConfig,
    DisplayConfig,
    RecurrentConfig,
    TrainingConfig,
)
from hiddenstate.config.option import JOBS, Option
from hiddenstate.errors import OptionError, did_you_mean, printable

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


def make_config(job: str, values: Mapping[str, Any] | None = None, together: bool = True) -> Config:
    """Build the config of `job` from its defaults and `values` by option name.

    Without `together` it is not asked whether options exclude each other.

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
    if together:
        _check_together(config)
    return config


def config_from_dict(stored: Any, where: str = "config", whole: bool = False) -> Config:
    """Build a config from what :meth:`Config.to_dict` gave; nothing may be unknown.

    With `whole` nothing may be missing either, but what later formats
    added; else defaults stand in.

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
    first = [known.name for _, known in job_options(job) if whole and known.since == 1]
    missing = [name for name in first if name not in values]
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
    mean = isinstance(model, RecurrentConfig) and model.readout == "mean"
    if mean and config.job == "regress" and config.data.output == "steps":
        raise OptionError("--readout: mean needs one answer a window; add --output last")
    if config.job == "regress" and config.data.stateful:
        _check_stateful(config)
    if config.job == "regress" and config.data.change and not config.data.horizon:
        raise OptionError("--change: is for forecasts; add --horizon 1")
    if training.patience and not config.data.valid_fraction:
        raise OptionError("--patience: is counted on validation rows; add --valid-fraction 0.1")
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
