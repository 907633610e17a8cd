"""The settings of a study: what all its workers must agree on, checked before anything is made."""

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.config import SECTIONS, Config, config_from_dict, make_config, section_options
from hiddenstate.config.augment_kinds import AUTO
from hiddenstate.config.data_fields import STDIN
from hiddenstate.data import PreparedDataset, SequenceDataset, read_dataset
from hiddenstate.data.prepare.leakage import with_leaks
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.errors import (
    DataError,
    HiddenstateError,
    OptionError,
    UntrustedFileError,
    printable,
)
from hiddenstate.jobs import make_job
from hiddenstate.models.weight_file import encodings_of
from hiddenstate.program.jobs import kind_of
from hiddenstate.scale.tune.space import Space, check_cells, default_space, fitting, make_space
from hiddenstate.scale.tune.suggest import PRUNERS
from hiddenstate.system.atomic_file import open_regular, write_atomically
from hiddenstate.system.checksums import check_object, object_with_checksum
from hiddenstate.system.strict_json import canonical_json
from hiddenstate.training.augmenting import with_augmentation
from hiddenstate.training.initial_state import CHANGEABLE
from hiddenstate.training.start import plan

FORMAT = 1
"""Version of study.json."""

FILE = "study.json"

HELD_OUT = 0.2
"""Fraction of the training rows that a study holds out for validation, unless an option says."""

MAX_SETTINGS = 2**22
"""Longest study.json that is read, in bytes."""


@dataclass(frozen=True)
class Settings:
    """What all workers of a study agree on.

    Parameters
    ----------
    name : str
        Of the study, its folder and its entry in the database.
    config : Config
        That of every trial, but for the options of the space and the seed.
    space : Space
    fingerprint : str
        Of the data as it was read.
    judged : str
        Of the validation targets, which all trials share.
    n_trials, seeds : int
        Number of trials, and of runs of each.
    sampler, pruner : str
    refit_fraction : float
        Fraction of the training rows held out for validation when the best is trained again.
    data_name : str
        Name of the data, for people.
    test_scores : bool, default True
        Whether the best is scored on the test rows; trials never are.
    storage : str, optional
        Address of the database without a password; None for a file in the folder.
    """

    name: str
    config: Config
    space: Space
    fingerprint: str
    judged: str
    n_trials: int
    seeds: int
    sampler: str
    pruner: str
    refit_fraction: float
    data_name: str
    test_scores: bool = True
    storage: str | None = None

    @property
    def job(self) -> str:
        """The job of the trials."""
        return self.config.job

    @property
    def seed(self) -> int:
        """Seed of the sampler, of the split, and of the first run of each trial."""
        return self.config.training.seed

    @property
    def id(self) -> str:
        """What studies of the same search have in common: 32 hexadecimal digits."""
        facts = {name: value for name, value in self.shared().items() if name != "n_trials"}
        return hashlib.sha256(canonical_json(facts).encode()).hexdigest()[:32]

    def shared(self) -> dict[str, Any]:
        """Return what must be the same for every worker, for JSON."""
        config = self.config.flat()
        own = {n: v for n, v in config.items() if n not in CHANGEABLE - {"epochs", "max_steps"}}
        return {
            "job": self.job,
            "data": self.fingerprint,
            "options": {n: list(v) if isinstance(v, tuple) else v for n, v in own.items()},
            "space": self.space.to_dict(),
            "n_trials": self.n_trials,
            "seeds": self.seeds,
            "sampler": self.sampler,
            "pruner": self.pruner,
            "refit_fraction": self.refit_fraction,
            "judged": self.judged,
            "test_scores": self.test_scores,
        }

    def trial_config(self, params: Mapping[str, Any], number: int, threads: int = 0) -> Config:
        """Return the config of run `number` (from 0) of a trial with these parameters.

        Raises
        ------
        OptionError
            If the parameters exclude each other.
        """
        values = self.space.option_values(params)
        own = {"seed": (self.seed + number) % 2**63, "threads": threads}
        return make_config(self.job, {**self.config.flat(), **values, **own})

    def best_config(self, params: Mapping[str, Any], epochs: int) -> Config:
        """Return the config that the best trial is trained with again."""
        values = {**self.config.flat(), **self.space.option_values(params)}
        values |= {"valid_fraction": self.refit_fraction, "test_scores": self.test_scores}
        if not self.refit_fraction:
            values |= {"epochs": epochs, "patience": 0}
        return make_config(self.job, values)

    def to_dict(self) -> dict[str, Any]:
        """Return everything, for JSON."""
        return {
            "format": FORMAT,
            "name": self.name,
            "config": self.config.to_dict(),
            "data_name": self.data_name,
            "storage": self.storage,
            **{n: v for n, v in self.shared().items() if n not in ("job", "options")},
        }

    def save(self, folder: Path) -> None:
        """Write study.json."""
        write_atomically(folder / FILE, object_with_checksum(self.to_dict()))


def read_settings(folder: Path) -> Settings:
    """Read study.json of a study's folder.

    Raises
    ------
    DataError
        If there is none.
    UntrustedFileError
        If it is damaged, or newer than this version reads.
    """
    path = folder / FILE
    where = printable(path)
    try:
        with open_regular(path) as stream:
            stored = check_object(stream.read(MAX_SETTINGS), required=True)
        if stored["format"] != FORMAT:
            raise UntrustedFileError(
                f"{where}: has format {printable(stored['format'], 20)}, expected {FORMAT}; update "
                "hiddenstate"
            )
        config = config_from_dict(stored["config"], where)
        return Settings(
            name=str(stored["name"]),
            config=config,
            space=make_space(config.job, stored["space"], where),
            fingerprint=str(stored["data"]),
            judged=str(stored["judged"]),
            n_trials=int(stored["n_trials"]),
            seeds=int(stored["seeds"]),
            sampler=str(stored["sampler"]),
            pruner=str(stored["pruner"]),
            refit_fraction=float(stored["refit_fraction"]),
            data_name=str(stored["data_name"]),
            test_scores=bool(stored["test_scores"]),
            storage=stored["storage"],
        )
    except FileNotFoundError:
        raise DataError(f"{where}: no such study") from None
    except OSError as error:
        raise DataError(f"{where}: cannot be read: {error.strerror}") from None
    except HiddenstateError as error:
        raise UntrustedFileError(str(error)) from None
    except (ValueError, KeyError, TypeError) as error:
        raise UntrustedFileError(f"{where}: damaged: {printable(error, 80)}") from None


def difference(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str | None:
    """Say what differs between the shared settings of two workers; None if nothing does.

    The number of trials may differ. An option that a study of an earlier version lacks has its
    default there.
    """
    if ours["data"] != theirs.get("data"):
        return f"data: fingerprint {ours['data'][:12]}, there {printable(theirs.get('data'), 12)}"
    for name, value in ours.items():
        other = theirs.get(name)
        if isinstance(value, dict) and isinstance(other, dict):
            if name == "options":
                other = _defaults(ours["job"], value) | other
            keys = dict.fromkeys((*value, *other))
            for key in sorted(keys, key="split_seed".__eq__):  # it follows from the seed
                if value.get(key) != other.get(key):
                    return f"{key}: {_shown(value.get(key))}, there {_shown(other.get(key))}"
        elif name not in ("n_trials", "judged") and value != other:
            return f"{name}: {_shown(value)}, there {_shown(other)}"
    return None


def _defaults(job: str, names: Iterable[str]) -> dict[str, Any]:
    """Return the defaults of options, for JSON."""
    sections = [section_options(section, job) for section in SECTIONS[job].values()]
    options = {name: option for section in sections for name, option in section.items()}
    defaults = {name: options[name].default_for(job) for name in names}
    return {n: list(v) if isinstance(v, tuple) else v for n, v in defaults.items()}


def _shown(value: Any) -> str:
    return "unset" if value is None else printable(value, 60)


class StudyData:
    """The data of a study, read once and prepared once for each way that trials prepare it.

    Parameters
    ----------
    dataset : SequenceDataset
        As read.
    read : callable, optional
        Reads the data as a config says, where the space has options of reading.
    """

    def __init__(
        self,
        dataset: SequenceDataset,
        config: Config,
        read: Callable[[Config], SequenceDataset] | None = None,
    ) -> None:
        self._datasets = {_reading_key(config): dataset}
        self._prepared: dict[str, PreparedDataset] = {}
        self._read = read

    def prepared(self, config: Config) -> PreparedDataset:
        """Return the data as `config` prepares it; raises as `prepare`."""
        how = config.to_dict()["data"]
        key = canonical_json([how, config.split_seed, config.training.dtype])
        if key not in self._prepared:
            if len(self._prepared) > 3:
                self._prepared.clear()
            dataset = self._dataset(config)
            self._prepared[key] = with_leaks(prepare(dataset, config), dataset, config)
        return self._prepared[key]

    def _dataset(self, config: Config) -> SequenceDataset:
        key = _reading_key(config)
        if key not in self._datasets:
            if self._read is None:
                raise DataError("the data cannot be read in another way than it was")
            self._datasets = {key: self._read(config)}
        return self._datasets[key]


def _reading_key(config: Config) -> str:
    from hiddenstate.config import DataConfig, section_options

    options = section_options(DataConfig, config.job)
    values = config.to_dict()["data"]
    return canonical_json({n: values[n] for n, each in options.items() if each.reading})


def judged_by(dataset: PreparedDataset, job: str) -> str:
    """Return the fingerprint of the targets that the validation loss is computed from.

    Raises
    ------
    OptionError
        If there are no validation rows.
    """
    valid = dataset.valid
    if valid is None:
        raise OptionError(
            "--valid-fraction: trials are compared on validation rows; expected more than 0"
        )
    digest = hashlib.sha256()
    targets = valid.X[:] if kind_of(job).has_codes else valid.require_targets()
    for array in (targets, valid.lengths):
        if array is not None:
            values = np.ascontiguousarray(array, np.float32)
            digest.update(f"{values.shape}".encode())
            digest.update(values.tobytes())
    return digest.hexdigest()


def make_settings(
    name: str,
    job: str,
    values: Mapping[str, Any],
    *,
    n_trials: int,
    seeds: int = 1,
    sampler: str = "tpe",
    pruner: str | None = None,
    make_space: Callable[[str], Space] | None = None,
    read: Callable[[Config], SequenceDataset] | None = None,
) -> tuple[Settings, StudyData]:
    """Check everything about a study and return its settings, and its data.

    Parameters
    ----------
    name : str
    job : {"classify", "regress", "autoencode"}
    values : mapping
        The options that were set, by name.
    n_trials, seeds, sampler, pruner
        As in :class:`Settings`; `pruner` is the default one if it is None.
    make_space : callable, optional
        Returns the search space of the job; by default the job's own.
    read : callable, optional
        Reads the data as a config says.

    Raises
    ------
    HiddenstateError
        For anything invalid; nothing is written.
    """
    if values.get("data") == STDIN:
        raise OptionError("-: other workers cannot read stdin; save the rows in a file")
    held_out = values.get("valid_fraction")
    chosen = make_space(job) if make_space else None
    fixed = [n for n in (chosen.names if chosen else ()) if values.get(n) is not None]
    if fixed:
        option = f"--{fixed[0].replace('_', '-')}"
        raise OptionError(f"{option}: is in the search space too; set it in one place only")
    own = {
        "split_seed": values.get("seed", 0),
        "valid_fraction": HELD_OUT,
        **({} if kind_of(job).has_codes else {"teach": None}),  # trials have no teacher
        **values,
        "test_scores": False,
    }
    config, dataset = plan(job, own, read=read)
    data = StudyData(dataset, config, read or _reader)
    if config.training.augment == AUTO:  # one choice for all trials
        config, _ = with_augmentation(config, data.prepared(config))
    space = chosen or fitting(default_space(job, values), config)
    settings = checked_settings(
        config,
        data,
        name=name,
        space=space,
        n_trials=n_trials,
        seeds=seeds,
        sampler=sampler,
        pruner=pruner or PRUNERS[0],
        refit_fraction=held_out or 0.0,
        test_scores=values.get("test_scores") is not False,
    )
    return settings, data


def checked_settings(config: Config, data: StudyData, **others: Any) -> Settings:
    """Return the settings of a study on `data`, once the job can be made and trials be compared.

    Parameters
    ----------
    config : Config
        What all trials have in common.
    data : StudyData
    **others
        What :class:`Settings` has besides the config and what follows from the data.

    Raises
    ------
    HiddenstateError
        For anything that does not fit.
    """
    if config.flat().get("stateful"):
        raise OptionError(
            "--stateful: trials are compared on validation rows, and rows held out in the middle "
            "would break the carried state; add --no-stateful"
        )
    prepared = data.prepared(config)
    make_job(config, prepared)
    check_cells(others["space"], config)
    settings = Settings(
        config=config,
        fingerprint=prepared.facts()["fingerprint"],
        judged=judged_by(prepared, config.job),
        data_name=printable(prepared.name),
        **others,
    )
    check_comparable(settings, data)
    return settings


def _reader(config: Config) -> SequenceDataset:
    return read_dataset(config, encodings=encodings_of(config.training.weights))


def load_data(settings: Settings) -> StudyData:
    """Read the data of a study again.

    Raises
    ------
    DataError
        If it cannot be read, or changed.
    """
    config = settings.config
    if config.data.data is None:
        raise DataError(
            f"{settings.name}: searches on arrays in Python, which no command can load; continue "
            "in Python"
        )
    data = StudyData(_reader(config), config, _reader)
    fingerprint = data.prepared(config).facts()["fingerprint"]
    if fingerprint != settings.fingerprint:
        raise DataError(
            f"{settings.data_name}: data changed: fingerprint {settings.fingerprint[:12]} became "
            f"{fingerprint[:12]}; restore it, or start a study with another --name"
        )
    return data


def check_comparable(settings: Settings, data: StudyData) -> None:
    """Refuse options of the space that change which targets a loss is computed from."""
    before = settings.config.to_dict()["data"]
    for each in settings.space.dimensions:
        if each.name not in before and each.name != "dtype":
            continue
        for end in each.ends():
            try:
                config = settings.trial_config({each.name: end}, 0)
                targets = judged_by(data.prepared(config), settings.job)
            except OptionError:  # with others of the space it may be valid
                continue
            if targets != settings.judged:
                raise OptionError(
                    f"{each.name} = {_shown(end)}: changes the validation targets or their units, "
                    "so losses could not be compared; leave it out of the space"
                )


def study_name(job: str, data: str | None) -> str:
    """Return the name that a study has by default: `tune-sensors` for sensors.csv."""
    stem = Path(data or job).name
    for suffix in (".gz", ".zip"):
        stem = stem.removesuffix(suffix)
    stem = os.path.splitext(stem)[0]
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in stem)
    return f"tune-{plain.strip('-')[:60] or job}"
