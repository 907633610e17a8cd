"""Defines contenders, the pieces of their work, and the entries that load them."""

import importlib
import importlib.util
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Contender(ABC):
    """An implementation of a job. Its module imports its library; `__init__` builds the network."""

    @classmethod  # noqa: B027  (most import nothing late)
    def imports(cls, options: dict[str, Any]) -> None:
        """Import the modules that building with `options` would import late."""

    @abstractmethod
    def train(self, first: int, last: int) -> float:
        """Do steps `first` to `last` - 1; return the last loss, once all steps are complete."""

    def evaluate(self) -> None:  # noqa: B027  (regress evaluates nothing)
        """Evaluate the network as the job does between steps."""

    def score(self) -> float:
        """Return the present test accuracy or error, on all test rows."""
        return float("nan")


@dataclass(frozen=True)
class Work:
    """The sizes of a piece and of an epoch of a job.

    Parameters
    ----------
    size, every : int
        Steps in a piece, and steps between two evaluations.
    epoch, looks : int
        Steps and evaluations in the epoch that a piece is scaled to.
    """

    size: int
    every: int
    epoch: int
    looks: int


class Lap(NamedTuple):
    """The measurements of one piece.

    Parameters
    ----------
    train, look : float
        Seconds of training and of evaluation.
    cores, others : float
        Average number of cores that the contender and other processes kept busy.
    loss : float
        Loss of the last step.
    """

    train: float
    look: float
    cores: float
    others: float
    loss: float

    def epoch(self, work: Work) -> float:
        """Return the seconds of an epoch at this speed, including evaluations."""
        return self.bare_epoch(work) + self.look * work.looks * work.every / work.size

    def bare_epoch(self, work: Work) -> float:
        """Return the seconds of an epoch at this speed, without evaluations."""
        return self.train * work.epoch / work.size


@dataclass(frozen=True)
class Entry:
    """The class of a contender and its requirements.

    Parameters
    ----------
    name : str
        Name in the tables.
    kind : str
        `module:class` in this package.
    needs : tuple of str
        Required packages; without them it is skipped.
    options : dict
        Arguments of the class other than `threads`.
    """

    name: str
    kind: str
    needs: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)

    def missing(self) -> str | None:
        """Return why the contender cannot run here, or None."""
        for package in self.needs:
            if importlib.util.find_spec(package) is None:
                return f"{package} is not installed"
        engine = self.options.get("engine")
        return None if engine is None or has_engine(engine) else f"there is no engine {engine}"

    def load(self) -> Any:
        """Import and return the class, which imports the library."""
        module, name = self.kind.split(":")
        return getattr(importlib.import_module(f"contenders.{module}"), name)


def has_engine(engine: str) -> bool:
    """Return whether this version of hiddenstate has the engine, and it can be used here."""
    from hiddenstate.config import make_config
    from hiddenstate.errors import OptionError
    from hiddenstate.kernels import level

    if engine == "native" and level() is None:
        return False
    try:
        make_config("classify", {"engine": engine})
    except OptionError:
        return False
    return True
