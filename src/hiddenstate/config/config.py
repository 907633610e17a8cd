"""Holds the settings of one run: built from option values, checked, written and read as JSON.

The command-line options, the checks of `config.json` and TOML files, and the documentation of the
estimators use the options declared in `data_fields.py`, `preparing_fields.py`, `fields.py` and
`display_fields.py`.
Nothing here imports torch or numpy.
"""

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hiddenstate.config.augment_kinds import AUTO, BLEND, parse_kinds
from hiddenstate.config.conflicts import check_quantised, check_streamable
from hiddenstate.config.display_fields import DisplayConfig
from hiddenstate.config.fields import (
    OWN_TEACHERS,
    AutoencoderConfig,
    RecurrentConfig,
    TrainingConfig,
)
from hiddenstate.config.option import AUTO_NUMBER, JOBS, Option
from hiddenstate.config.preparing_fields import DataConfig
from hiddenstate.errors import OptionError, did_you_mean, printable
from hiddenstate.program.cells import CELLS, cells_with, with_option
from hiddenstate.program.jobs import JobKind, kind_of

SECTIONS: dict[str, dict[str, type]] = {
    job: {
        "data": DataConfig,
        "model": AutoencoderConfig if kind_of(job).has_codes else RecurrentConfig,
        "training": TrainingConfig,
        "display": DisplayConfig,
    }
    for job in JOBS
}
"""The sections of a config by name, for each job."""


def section_options(section: type, job: str | None = None) -> dict[str, Option]:
    """Return the options of a section by name; with `job`, only those that job has."""
    return _section_options(section, job)


@functools.cache
def _section_options(section: type, job: str | None) -> dict[str, Option]:
    options = _options(section)
    return {n: option for n, option in options.items() if job is None or job in option.jobs}


@functools.cache
def _options(section: type) -> dict[str, Option]:
    """Return the options that the fields of a section declare, by name."""
    hints = typing.get_type_hints(section)
    options = {}
    for field in dataclasses.fields(section):
        hint = hints[field.name]
        members = typing.get_args(hint) if typing.get_origin(hint) is types.UnionType else (hint,)
        kind = next(member for member in members if member is not type(None))
        options[field.name] = Option(
            name=field.name,
            kind=typing.get_origin(kind) or kind,
            default=field.default,
            optional=type(None) in members,
            **field.metadata["option"],
        )
    return options


@functools.cache
def job_options(job: str) -> tuple[tuple[str, Option], ...]:
    """Return `(section name, option)` for every option of `job`."""
    return tuple(
        (name, option)
        for name, section in SECTIONS[job].items()
        for option in section_options(section, job).values()
    )


@functools.cache
def _defaults(job: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the defaults of `job` by section and name, checked."""
    sections: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS[job]}
    for section, option in job_options(job):
        sections[section][option.name] = option.check(option.default_for(job))
    return sections


@dataclass(frozen=True)
class Config:
    """All settings of one run; made by :func:`make_config`."""

    job: str
    data: DataConfig
    model: RecurrentConfig | AutoencoderConfig
    training: TrainingConfig
    display: DisplayConfig

    def to_dict(self) -> dict[str, Any]:
        """Return the config as a JSON object: the job, and an object for each section."""
        return {"job": self.job} | {
            name: section_to_dict(getattr(self, name), self.job) for name in SECTIONS[self.job]
        }

    @property
    def kind(self) -> JobKind:
        """What the job is."""
        return kind_of(self.job)

    @property
    def split_seed(self) -> int:
        """Seed of the choice of rows held out."""
        seed = self.data.split_seed
        return self.training.seed if seed is None else seed

    def settings(self) -> dict[str, Any]:
        """Return the value of every option by name, without those that a stored config omits."""
        sections = self.to_dict()
        stored = {name for section in SECTIONS[self.job] for name in sections[section]}
        return {name: value for name, value in self.flat().items() if name in stored}

    def flat(self) -> dict[str, Any]:
        """Return the value of every option of the job by name."""
        return {
            option.name: getattr(getattr(self, section), option.name)
            for section, option in job_options(self.job)
        }


def section_to_dict(section: Any, job: str) -> dict[str, Any]:
    """Return the options of a section that `job` has as a JSON object."""
    options = section_options(type(section), job)
    values = {name: getattr(section, name) for name in options}
    values = {
        name: value
        for name, value in values.items()
        if not options[name].omitted or value != options[name].default_for(job)
    }
    return {n: list(v) if isinstance(v, tuple) else v for n, v in values.items()}


def make_config(job: str, values: Mapping[str, Any] | None = None, together: bool = True) -> Config:
    """Build the config of `job` from defaults and `values`.

    Parameters
    ----------
    job : str
        One of `JOBS`.
    values : mapping, optional
        Option values by name.
    together : bool, default True
        Whether to refuse options that exclude each other.

    Raises
    ------
    OptionError
        For an unknown job or option, a value out of range, or options that exclude each other.
    """
    if job not in JOBS:
        raise OptionError(
            f"job: expected one of {', '.join(JOBS)}, got {printable(repr(job), 40)}"
            + did_you_mean(str(job), JOBS)
        )
    given = dict(values or {})
    options = {option.name: (section, option) for section, option in job_options(job)}
    for name in given:
        if name not in options:
            raise OptionError(
                f"{printable(name, 40)}: {job} has no such option{did_you_mean(name, options)}"
            )
    sections = {name: dict(settings) for name, settings in _defaults(job).items()}
    for name, (section, option) in options.items():
        if name in given:
            sections[section][name] = option.check(given[name])
    built = {name: SECTIONS[job][name](**settings) for name, settings in sections.items()}
    config = Config(job=job, **built)
    if together:
        _check_together(config)
    return config


def config_from_dict(stored: Any, where: str = "config", whole: bool = False) -> Config:
    """Build a config from the object that :meth:`Config.to_dict` made.

    Parameters
    ----------
    stored : dict
    where : str
        Name of the file in messages.
    whole : bool, default False
        Whether every option of format version 1 must be there; by default, missing options get
        their defaults.

    Raises
    ------
    OptionError
        For a section or option that is unknown, missing or invalid; names `where` and the option.
    """
    if not isinstance(stored, dict) or stored.get("job") not in JOBS:
        raise OptionError(f"{where}: no job; expected one of {', '.join(JOBS)}")
    job = stored["job"]
    values: dict[str, Any] = {}
    for name, content in stored.items():
        if name == "job":
            continue
        if name not in SECTIONS[job] or not isinstance(content, dict):
            raise OptionError(f"{where}: unknown section {printable(name, 40)}")
        options = section_options(SECTIONS[job][name], job)
        for field in content:
            if field not in options:
                raise OptionError(f"{where}: {name} has no option {printable(field, 40)}")
        values.update(content)
    required = [option.name for _, option in job_options(job) if whole and option.since == 1]
    missing = [name for name in required if name not in values]
    if missing:
        raise OptionError(f"{where}: {', '.join(missing[:3])} missing")
    try:
        return make_config(job, values)
    except OptionError as error:
        raise OptionError(f"{where}: {error}") from None


def _check_together(config: Config) -> None:
    """Refuse options that exclude each other (`OptionError`)."""
    model, training = config.model, config.training
    if isinstance(model, RecurrentConfig) and model.dropout > 0 and model.layers == 1:
        raise OptionError("--dropout: applies between layers, but --layers is 1; add --layers 2")
    if isinstance(model, RecurrentConfig):
        _check_cell(model)
    if isinstance(model, RecurrentConfig) and model.stem:
        _check_stem(config, model)
    stateful = config.kind.has_targets and config.data.stateful
    if isinstance(model, RecurrentConfig) and model.members > 1 and stateful:
        raise OptionError(
            "--members: each would need a carried state of its own; leave it out or add "
            "--no-stateful"
        )
    if training.augment not in ((), AUTO):
        parse_kinds(training.augment)
    if training.augment and stateful:
        raise OptionError(
            "--augment: rows follow one another with a carried state; leave it out or add "
            "--no-stateful"
        )
    if training.streamable and isinstance(model, RecurrentConfig):
        check_streamable(training, model)
    _check_teacher(config)
    check_quantised(training, model)
    if training.prefer_nets and not training.convolutions:
        raise OptionError(
            "--prefer-nets: there are no fixed convolutions to leave out; add --convolutions"
        )
    if training.fold_epochs:
        _check_fold_epochs(config)
    if config.kind.has_targets:
        _check_loss(config)
    if training.momentum > 0 and training.optimizer != "sgd":
        raise OptionError(
            f"--momentum: applies to sgd, not to {training.optimizer}; add --optimizer sgd"
        )
    _check_data(config)
    if training.patience and not config.data.valid_fraction:
        raise OptionError("--patience: requires validation rows; add --valid-fraction 0.1")
    if training.lr_schedule == "inverse" and training.hold == 0:
        raise OptionError("--lr-schedule: inverse starts after --hold updates; add --hold 100")
    if training.device == "mps" and training.dtype == "float64":
        raise OptionError("--dtype: mps has no float64; use --device cpu or --dtype float32")


def _check_data(config: Config) -> None:
    """Refuse options of the data that exclude each other, or those of the network."""
    model, training = config.model, config.training
    mean = isinstance(model, RecurrentConfig) and model.readout == "mean"
    if mean and config.kind.has_targets and config.data.output == "steps":
        raise OptionError("--readout: mean requires one target per window; add --output last")
    if config.data.layout == "features":
        _check_features(config)
    if config.kind.has_targets and config.data.stateful:
        _check_stateful(config)
    elif training.streams is not None:
        raise OptionError("--streams: applies only to a carried state; add --stateful")
    elif training.epochs == AUTO_NUMBER:
        raise OptionError("--epochs: auto is for a carried state; give a number or add --stateful")
    if config.kind.has_targets and config.data.washout and config.data.output == "last":
        raise OptionError(
            "--washout: with one target per window no first step has a loss; leave it out or add "
            "--output steps"
        )
    if config.kind.has_targets and config.data.change and not config.data.horizon:
        raise OptionError("--change: applies only to forecasts; add --horizon 1")
    if config.kind.has_targets and config.data.input_skip and config.data.horizon:
        raise OptionError(
            "--input-skip: a forecast adds to the current value of its targets; use --change"
        )
    if config.kind.has_targets and config.data.linear:
        _check_linear(config)
    if config.kind.has_targets and config.data.linear_inputs and not config.data.linear:
        raise OptionError("--linear-inputs: applies only with a linear path; add --linear")
    if config.data.scale == "window":
        _check_window_scale(config)
    if config.kind.has_targets:
        _check_known_ahead(config.data)
        if config.data.season and not config.data.horizon:
            raise OptionError("--season: applies only to forecasts; add --horizon 1")
        seasons = config.data.season or ()
        if twice := next((each for each in seasons if seasons.count(each) > 1), None):
            raise OptionError(f"--season: {twice} is given twice; name each season once")
    if config.data.calendar is not None and {"none"} < set(config.data.calendar):
        raise OptionError("--calendar: none stands alone; leave it out, or leave out the others")


def _check_teacher(config: Config) -> None:
    """Refuse options that do not work with a teacher, or without one (`OptionError`)."""
    training = config.training
    if training.teach is None:
        labelled = config.kind.has_classes and training.augment != AUTO
        if labelled and BLEND in parse_kinds(training.augment):
            raise OptionError(
                f"--augment: {BLEND} mixes rows of different classes, which only a teacher labels; "
                f"add --teach, or leave {BLEND} out"
            )
        for name, option in section_options(TrainingConfig, config.job).items():
            if name.startswith("teach_") and getattr(training, name) != option.default:
                raise OptionError(
                    f"{option.flag}: applies only with a teacher; add --teach, or leave it out"
                )
        return
    if config.kind.has_targets and config.data.stateful and training.teach_weight == AUTO_NUMBER:
        raise OptionError(
            "--teach-weight: auto leaves out rows, which follow one another with a carried state; "
            "give a number, or add --no-stateful"
        )
    if training.augment and config.kind.has_targets and config.data.horizon:
        raise OptionError(
            "--augment: a teacher answers no augmented windows of forecasts; leave out --augment "
            "or --teach"
        )
    if not config.kind.has_classes and training.teach in OWN_TEACHERS:
        raise OptionError(
            f"--teach: {training.teach} teach only classify; name a run, model or .npy file"
        )
    if training.convolutions and training.teach not in OWN_TEACHERS:
        raise OptionError(
            "--convolutions: rows that a net left out give its share, but its teacher knows them; "
            "use --teach convolutions, which leaves them out, or add --no-convolutions"
        )


def _check_loss(config: Config) -> None:
    """Refuse options that do not work with a loss (`OptionError`)."""
    data, training = config.data, config.training
    quantiles = training.quantile
    if training.loss != "quantile" and quantiles:
        raise OptionError("--quantile: applies only with --loss quantile; add it, or leave it out")
    if training.loss == "quantile":
        if not quantiles:
            raise OptionError("--loss: quantile of which share? Add --quantile 0.9, or several")
        if list(quantiles) != sorted(set(quantiles)):
            raise OptionError("--quantile: expected different shares in rising order")
        if training.teach is not None:
            raise OptionError("--teach: a teacher answers no quantiles; leave out --teach")
    if training.loss == "esr" and data.output != "steps":
        raise OptionError(
            "--loss: esr compares each step with the one before; add --output steps, or use "
            "--loss mse"
        )
    if training.loss in ("quantile", "esr") and data.linear:
        raise OptionError(
            f"--loss: {training.loss} is not one of what a linear path leaves; add --no-linear, or "
            "use --loss mse"
        )


def _check_fold_epochs(config: Config) -> None:
    """Refuse options that do not work with nets that turn to all rows (`OptionError`)."""
    training = config.training
    if not training.convolutions:
        raise OptionError("--fold-epochs: without --convolutions no net leaves out a fold; add it")
    if config.data.valid_fraction:
        raise OptionError(
            "--fold-epochs: the weights of the least validation loss may be of either part of "
            "training; use --fold-epochs 0, or --valid-fraction 0"
        )


def _check_linear(config: Config) -> None:
    """Refuse options that do not work with a linear path (`OptionError`)."""
    data = config.data
    if not data.horizon:
        raise OptionError("--linear: applies only to forecasts; add --horizon 1")
    if data.change:
        raise OptionError("--change: --linear forecasts the level already; leave one out")
    if data.stateful:
        raise OptionError(
            "--linear: a window without those before it lacks last values; add --no-stateful"
        )


def _check_window_scale(config: Config) -> None:
    """Refuse options that do not work with windows in units of their own (`OptionError`)."""
    data = config.data
    if not config.kind.has_targets or not data.linear:
        raise OptionError(
            "--scale: window applies only to forecasts with a linear path; add --horizon 1 "
            "--linear, or use --scale standard"
        )
    if data.output == "steps":
        raise OptionError("--scale: window requires one target per window; add --output last")
    if data.missing in ("mean", "mask"):
        raise OptionError(
            f"--scale: with --missing {data.missing} all series have one mean, which window does "
            "without; use --missing forward or drop, or --scale standard"
        )


def _check_known_ahead(data: DataConfig) -> None:
    """Refuse options that do not work with inputs known ahead, or static ones (`OptionError`)."""
    for flag, names in (("--future", data.future), ("--static", data.static)):
        if names and not data.horizon:
            raise OptionError(f"{flag}: applies only to forecasts; add --horizon 1")


def _check_cell(model: RecurrentConfig) -> None:
    """Refuse options of another cell (`OptionError`)."""
    options = section_options(RecurrentConfig)
    for cell in CELLS.values():
        if cell.option == model.cell and cell.kind == "block" and model.hidden_size == 1:
            raise OptionError(
                f"--hidden-size: {model.cell} normalises over its channels, and a single one is "
                "always 0 then; use 2 or more"
            )
        for name in cell.options:
            others = model.cell not in cells_with(name)
            if others and getattr(model, name) != options[name].default:
                raise OptionError(
                    f"{options[name].flag}: applies to {with_option(name)}, not to {model.cell}; "
                    f"add --cell {cell.option}"
                )
    if model.ring_min >= model.ring_max:
        raise OptionError(
            f"--ring-min: {model.ring_min:g} is not below --ring-max, {model.ring_max:g}"
        )


def _check_stem(config: Config, model: RecurrentConfig) -> None:
    """Refuse options that do not work with convolutional layers (`OptionError`)."""
    n_channels, n_kernels = len(model.stem_channels), len(model.stem_kernels)
    if n_channels != n_kernels:
        raise OptionError(
            f"--stem-kernels: has {n_kernels} sizes for the {n_channels} layers of "
            "--stem-channels; give one for each layer"
        )
    if not config.kind.has_targets:
        return
    if config.data.stateful:
        why = "reads the steps around each step, which a carried state does not have"
        if model.stem_causal:
            why = "begins anew in each window, where a carried state goes on"
        raise OptionError(f"--stem: {why}; leave it out or add --no-stateful")
    if config.data.output == "steps" and model.stem_pool > 1:
        raise OptionError(
            "--stem-pool: averages steps, so it requires one target per window; leave it out or "
            "add --output last"
        )


def _check_features(config: Config) -> None:
    """Refuse options of series where each column is a feature of a single step (`OptionError`)."""
    data = config.data
    for name, option in section_options(TrainingConfig, config.job).items():
        if option.series and getattr(config.training, name):
            raise OptionError(f"{option.flag}: requires series; use --layout long or wide")
    if data.steps not in (None, 1):
        raise OptionError("--steps: with --layout features a row is one step; leave one out")
    if data.missing == "forward":
        raise OptionError(
            "--missing: with --layout features no value comes before another; use mean or mask"
        )
    if data.horizon:
        raise OptionError("--horizon: requires series; use --layout long")


def _check_stateful(config: Config) -> None:
    """Refuse options that do not work with a state carried from row to row (`OptionError`)."""
    conflicts = {
        "--shuffle: consecutive windows must stay in order": config.training.shuffle,
        "--batch-size: consecutive windows are read one after the other, and those of several "
        "streams side by side with --streams": config.training.batch_size != 1,
        "--bidirectional: the backward state would come from the future": (
            isinstance(config.model, RecurrentConfig) and config.model.bidirectional
        ),
    }
    for reason, conflicting in conflicts.items():
        if conflicting:
            raise OptionError(f"{reason}; leave it out or add --no-stateful")
