"""What is asked of a contender, how its work is cut into pieces, and where it is found."""

import importlib
import importlib.util
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Contender(ABC):
    """One way to do one job. It imports its library with its module and builds in `__init__`."""

    @classmethod  # noqa: B027  (most have nothing left to import)
    def imports(cls, options: dict[str, Any]) -> None:
        """Import what building with `options` would import late."""

    @abstractmethod
    def train(self, first: int, last: int) -> float:
        """Take steps `first` to `last` - 1; the last one's loss, so all is done on return."""

    def look(self) -> None:  # noqa: B027  (regress looks at nothing)
        """What the job evaluates between steps."""

    def score(self) -> float:
        """How good the net is by now, on all test rows."""
        return float("nan")


@dataclass(frozen=True)
class Work:
    """How a job is cut into pieces, and what makes an epoch.

    Parameters
    ----------
    size, every : int
        Steps in a piece, and steps between two looks.
    epoch, looks : int
        Steps and looks in the epoch that a piece is scaled to.
    """

    size: int
    every: int
    epoch: int
    looks: int


class Lap(NamedTuple):
    """One timed piece: seconds training and looking, cores kept busy by it and by others meanwhile,
    and the last loss."""

    train: float
    look: float
    cores: float
    others: float
    loss: float

    def epoch(self, work: Work) -> float:
        """Seconds an epoch takes at this pace, looks and all."""
        return self.bare_epoch(work) + self.look * work.looks * work.every / work.size

    def bare_epoch(self, work: Work) -> float:
        """Seconds an epoch takes at this pace without a look."""
        return self.train * work.epoch / work.size


@dataclass(frozen=True)
class Entry:
    """Where a contender is found and what it needs.

    Parameters
    ----------
    name : str
        What the tables call it.
    kind : str
        `module:class` in this package.
    needs : tuple of str
        Packages without which it is left out.
    options : dict
        Arguments of the class, beside `threads`.
    """

    name: str
    kind: str
    needs: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)

    def missing(self) -> str | None:
        """Why it cannot take part, or None."""
        for package in self.needs:
            if importlib.util.find_spec(package) is None:
                return f"{package} is not installed"
        engine = self.options.get("engine")
        return None if engine is None or has_engine(engine) else f"there is no engine {engine}"

    def load(self) -> Any:
        """Import the class, and the library with it."""
        module, name = self.kind.split(":")
        return getattr(importlib.import_module(f"contenders.{module}"), name)


def has_engine(engine: str) -> bool:
    """Whether this hiddenstate knows the engine."""
    from hiddenstate.config import make_config
    from hiddenstate.errors import OptionError

    try:
        make_config("classify", {"engine": engine})
    except OptionError:
        return False
    return True
