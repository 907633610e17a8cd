"""The search space of a study: ranges and choices of options, checked as the options are."""

import json
import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hiddenstate.config import Config, RecurrentConfig, job_options, make_config
from hiddenstate.config.option import Option
from hiddenstate.errors import DataError, OptionError, count, did_you_mean, printable
from hiddenstate.program.cells import CELLS, with_option
from hiddenstate.program.jobs import kind_of
from hiddenstate.system.atomic_file import open_regular

MAX_SPACE = 2**20
"""Longest file of a search space that is read, in bytes."""

MAX_CHOICES = 100
"""Largest number of choices of one option."""

DEFAULTS: dict[str, dict[str, Any]] = {
    "classes": {
        "lr": {"low": 3e-4, "high": 3e-2, "log": True},
        "hidden_size": {"low": 16, "high": 128, "log": True},
        "cell": ["gru", "lstm", "mingru", "lru"],
        "layers": [1, 2],
        "batch_size": [16, 32, 64],
    },
    "targets": {
        "lr": {"low": 3e-4, "high": 3e-2, "log": True},
        "hidden_size": {"low": 8, "high": 128, "log": True},
        "cell": ["rnn", "gru", "lstm", "mingru", "lru"],
        "layers": [1, 2],
    },
    "codes": {
        "lr": {"low": 3e-4, "high": 3e-2, "log": True},
        "encoder_sizes": [[64, 32], [128, 64], [256, 64], [128, 64, 32], [256, 128, 64]],
        "batch_size": [16, 32, 64],
    },
}
"""The search space by what the job answers: what decides most, and does not change what the loss
measures. The size of a code is none of it, as more numbers always reconstruct better."""

_FIXED = {
    **dict.fromkeys(("data", "test", "answers"), "all trials share the data"),
    **dict.fromkeys(
        ("split", "split_seed", "test_fraction", "valid_fraction", "group"),
        "all trials are compared on the same rows",
    ),
    "seed": "use --seeds, which scores the mean",
    **dict.fromkeys(("threads", "engine", "device"), "it does not change what is learned"),
    **dict.fromkeys(("log_every", "checkpoint_every"), "it does not change what is learned"),
    **dict.fromkeys(("teach", "teach_temperature", "teach_weight"), "trials have no teacher"),
    **dict.fromkeys(("loss", "quantile"), "trials are compared by the same loss"),
    **dict.fromkeys(("recipe", "streamable"), "it sets other options"),
    "weights": "all trials start alike",
    "test_scores": "trials never read test rows",
}
"""Options that are the same for all trials of a study, and why."""

_FIELDS = {"low", "high", "log", "step", "choices"}


@dataclass(frozen=True)
class Dimension:
    """One option of a search space: a range or some choices.

    Parameters
    ----------
    name : str
        Name of the option.
    low, high : int or float, optional
        The ends of a range, both among its values.
    log : bool, default False
        Whether the range is searched on a logarithmic scale.
    step : int or float, optional
        Distance between two values of a range that is not logarithmic.
    choices : tuple, optional
        The values instead of a range; several whole numbers stand as text, such as `"64,32"`.
    """

    name: str
    low: Any = None
    high: Any = None
    log: bool = False
    step: Any = None
    choices: tuple[Any, ...] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that are set, for JSON."""
        facts = {"low": self.low, "high": self.high, "log": self.log or None, "step": self.step}
        set_ones = {name: value for name, value in facts.items() if value is not None}
        return set_ones | ({} if self.choices is None else {"choices": list(self.choices)})

    def suggest(self, trial: Any) -> Any:
        """Return what an Optuna trial suggests for the option."""
        if self.choices is not None:
            return trial.suggest_categorical(self.name, list(self.choices))
        if isinstance(self.low, int):
            step = {} if self.log else {"step": int(self.step or 1)}
            return trial.suggest_int(self.name, self.low, self.high, log=self.log, **step)
        return trial.suggest_float(self.name, self.low, self.high, log=self.log, step=self.step)

    def distribution(self) -> Any:
        """Return the Optuna distribution of the option."""
        from optuna import distributions

        if self.choices is not None:
            return distributions.CategoricalDistribution(list(self.choices))
        if isinstance(self.low, int):
            step = 1 if self.log else int(self.step or 1)
            return distributions.IntDistribution(self.low, self.high, log=self.log, step=step)
        return distributions.FloatDistribution(self.low, self.high, log=self.log, step=self.step)

    def ends(self) -> tuple[Any, ...]:
        """Return the choices, or the ends of the range."""
        return (self.low, self.high) if self.choices is None else self.choices

    def __str__(self) -> str:
        if self.choices is not None:
            return f"{self.name} " + " | ".join(map(str, self.choices))
        return f"{self.name} {self.low:g} to {self.high:g}" + (" (log)" if self.log else "")


@dataclass(frozen=True)
class Space:
    """The options that a study searches, for a job.

    Parameters
    ----------
    job : {"classify", "regress", "autoencode"}
    dimensions : tuple of Dimension
    """

    job: str
    dimensions: tuple[Dimension, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the options."""
        return tuple(each.name for each in self.dimensions)

    def to_dict(self) -> dict[str, Any]:
        """Return the space by option, for JSON; :func:`make_space` reads it."""
        return {each.name: each.to_dict() for each in self.dimensions}

    def distributions(self) -> dict[str, Any]:
        """Return the Optuna distribution of each option."""
        return {each.name: each.distribution() for each in self.dimensions}

    def option_values(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a trial was given, by option and in the option's own type.

        Raises
        ------
        OptionError
            For an option that is not in the space, or a value out of range.
        """
        options = _options(self.job)
        return {name: _parsed(options[name], value) for name, value in params.items()}

    def params_of(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of a trial whose options are `values`, as Optuna keeps them."""
        options = _options(self.job)
        return {name: _scalar(options[name].check(values[name])) for name in self.names}


def default_space(job: str, fixed: Iterable[str] = ()) -> Space:
    """Return the search space of `job`, without the options that are `fixed`."""
    left = {
        name: spec
        for name, spec in DEFAULTS[kind_of(job).answers].items()
        if name not in set(fixed)
    }
    if not left:
        raise OptionError(
            "--space: every option that is searched by default was set; leave one out, or name "
            "others in a --space file"
        )
    return make_space(job, left)


def make_space(job: str, specs: Mapping[str, Any], where: str = "space") -> Space:
    """Return a checked search space.

    Parameters
    ----------
    job : {"classify", "regress", "autoencode"}
    specs : mapping
        A list of choices, or `low` and `high` with `log` or `step`, for each option.
    where : str
        Where they stand, in messages.

    Raises
    ------
    OptionError
        With all that is wrong, in one line.
    """
    options, problems, dimensions = _options(job), [], []
    for written, spec in specs.items():
        name = str(written).replace("-", "_")
        try:
            dimensions.append(_dimension(job, name, spec, options))
        except OptionError as error:
            problems.append(f"{printable(name, 40)}: {error.what}")
    names = [each.name for each in dimensions]
    twice = sorted({name for name in names if names.count(name) > 1})
    problems += [f"{name}: is there twice" for name in twice]
    if not specs:
        problems.append("no option is named, such as hidden_size = [32, 64]")
    if problems:
        more = f" (and {len(problems) - 4} more)" if len(problems) > 4 else ""
        raise OptionError(f"{where}: " + "; ".join(problems[:4]) + more)
    return Space(job, tuple(dimensions))


def read_space(path: Path, job: str) -> Space:
    """Read a search space from a TOML file, from its table [space] if it has one.

    Raises
    ------
    DataError
        If it cannot be read.
    OptionError
        If anything in it is wrong.
    """
    where = printable(path)
    try:
        with open_regular(path) as stream:
            data = stream.read(MAX_SPACE + 1)
        if len(data) > MAX_SPACE:
            raise ValueError(f"longer than {MAX_SPACE} bytes")
        stored = tomllib.loads(data.decode())
    except FileNotFoundError:
        raise DataError(f"{where}: no such file") from None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{where}: not a TOML file ({printable(error, 80)})") from None
    space = stored.get("space", stored)
    if not isinstance(space, dict) or (space is not stored and len(stored) > 1):
        others = sorted(set(stored) - {"space"})
        raise OptionError(f"{where}: expected one table [space], got {printable(others, 60)} too")
    return make_space(job, space, where)


def _options(job: str) -> dict[str, Option]:
    return {option.name: option for _, option in job_options(job)}


def _dimension(job: str, name: str, spec: Any, options: Mapping[str, Option]) -> Dimension:
    """Return one checked dimension (`OptionError` without the name)."""
    if name not in options:
        raise OptionError(f"{job} has no such option{did_you_mean(name, options)}")
    if name in _FIXED:
        raise OptionError(f"is not searched: {_FIXED[name]}")
    if isinstance(spec, list):
        spec = {"choices": spec}
    if not isinstance(spec, Mapping):
        raise OptionError("expected choices [a, b] or a range {low = a, high = b}")
    unknown = sorted(set(map(str, spec)) - _FIELDS)
    if unknown:
        nearest = did_you_mean(unknown[0], _FIELDS) or "; expected low, high, log, step, choices"
        raise OptionError(f"{printable(unknown[0], 40)} is unknown{nearest}")
    if "choices" in spec:
        return Dimension(name, choices=_choices(options[name], spec))
    return _range(options[name], spec)


def _choices(option: Option, spec: Mapping[str, Any]) -> tuple[Any, ...]:
    values = spec["choices"]
    if set(spec) != {"choices"}:
        raise OptionError("choices stand alone, without low, high, log or step")
    if not isinstance(values, (list, tuple)) or not values:
        raise OptionError("has no choices")
    if len(values) > MAX_CHOICES:
        raise OptionError(f"expected at most {MAX_CHOICES} choices, got {len(values)}")
    choices = tuple(_scalar(_parsed(option, value)) for value in values)
    if len({json.dumps(value) for value in choices}) < len(choices):
        raise OptionError("a choice is there twice")
    if option.name == "augment" and "auto" in choices:
        raise OptionError("auto is decided where one run is trained; list kinds")
    return choices


def _range(option: Option, spec: Mapping[str, Any]) -> Dimension:
    if option.kind not in (int, float):
        raise OptionError("has no range; list its choices, as in [a, b]")
    if {"low", "high"} - set(spec):
        raise OptionError("expected low and high")
    log, step = spec.get("log", False), spec.get("step")
    if not isinstance(log, bool):
        raise OptionError(f"log: expected true or false, got {printable(repr(log), 20)}")
    low, high = option.check(spec["low"]), option.check(spec["high"])
    if low is None or high is None:
        raise OptionError("expected numbers as low and high")
    if low >= high:
        raise OptionError(f"the range from {low:g} to {high:g} is empty; low must be below high")
    if log and low <= 0:
        raise OptionError(f"a logarithmic range starts above 0, got {low:g}")
    if step is not None:
        is_number = isinstance(step, (int, float)) and not isinstance(step, bool)
        if log or not is_number or not math.isfinite(step) or not 0 < step <= high - low:
            raise OptionError("step: expected a number up to high - low, and no log")
        if option.kind is int and step != int(step):
            raise OptionError(f"step: expected a whole number, got {step:g}")
        last = low + int((high - low) / step + 1e-9) * step  # the last value of the range
        high = int(last) if option.kind is int else float(f"{last:.12g}")  # 0.3, not 0.30...04
    return Dimension(option.name, low, high, log, step)


def _parsed(option: Option, value: Any) -> Any:
    """Return a value in the option's own type; several numbers may stand as text."""
    if option.kind is tuple and isinstance(value, str):
        return option.parse(value)
    return option.check(value)


def _scalar(value: Any) -> Any:
    """Return a value as Optuna keeps it: several stand as text."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else value


def describe(space: Space) -> str:
    """Return the space in one line."""
    return f"{count(len(space.dimensions), 'option')}: " + "; ".join(map(str, space.dimensions))


SIZES = ("cell", "hidden_size", "layers")
"""Options that a net of `--streamable` has from its rules: most others have too many weights."""


def fitting(space: Space, config: Config) -> Space:
    """Return a default space without choices that exclude what else is set."""
    dimensions: list[Dimension] = []
    for each in space.dimensions:
        if config.training.streamable and each.name in SIZES:
            continue
        if each.choices is None:
            dimensions.append(each)
            continue
        choices = tuple(c for c in each.choices if _fits(space, config, {each.name: c}))
        if choices:
            dimensions.append(replace(each, choices=choices))
    return Space(space.job, tuple(dimensions))


def check_cells(space: Space, config: Config) -> None:
    """Refuse an option of one cell in a search of others (`OptionError`)."""
    if not isinstance(config.model, RecurrentConfig):
        return
    cells = {each.name: each.choices for each in space.dimensions}.get("cell")
    for each in space.dimensions:
        owners = {cell.option for cell in CELLS.values() if each.name in cell.options}
        others = [cell for cell in cells or (config.model.cell,) if cell not in owners]
        if owners and others:
            raise OptionError(
                f"space: {each.name} applies to {with_option(each.name)}, not to {others[0]}; "
                f"search that cell alone, with --cell {with_option(each.name)}"
            )


def _fits(space: Space, config: Config, params: Mapping[str, Any]) -> bool:
    try:
        make_config(config.job, {**config.flat(), **space.option_values(params)})
    except OptionError:
        return False
    return True
