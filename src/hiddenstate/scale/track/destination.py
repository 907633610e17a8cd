"""What every tracker must be able to do, and what it is given."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from hiddenstate.errors import MachineError
from hiddenstate.scale.track.facts import RunFacts
from hiddenstate.scale.track.written import Written
from hiddenstate.system.typing import Array


class AwayError(Exception):
    """A tracker that cannot be reached, or cannot store anything now; it may be back later.

    The message says why, in a few words without an address or a secret.
    """


RESULT = "final/"
"""What the names of a run's results begin with: `final/test_accuracy` is of all test rows, and
`test_accuracy` of those that are evaluated during training."""


class RefusedError(MachineError):
    """A tracker that no run can be written to: a wrong token, an address of something else."""


class Line(NamedTuple):
    """The numbers of one line of history.jsonl.

    Parameters
    ----------
    number : int
        Its place among the lines that have numbers, from 0 on; a resumed run keeps it.
    step : int
        The step it belongs to, from 0.
    values : dict
        Its numbers by name.
    time : int
        When the training that wrote it was last known to be before this step, in ms since 1970:
        the same whenever it is read.
    seen : float
        About when it was written, in seconds since 1970.
    """

    number: int
    step: int
    values: Mapping[str, float]
    time: int
    seen: float


class Ending(NamedTuple):
    """How a run stands once no process trains it.

    Parameters
    ----------
    status : str
        As :meth:`Run.status` returns it.
    step : int
        Updates made, as far as the history says.
    results : mapping
        The results of a run that is done.
    n_lines : int
        Lines with numbers in the history.
    check : str
        Checksum of the end of the history.
    time : int
        When training ended, in ms since 1970.
    figures : mapping
        PNG images by name.
    files : mapping
        The settings and, of a run that is done, the model, by file name.
    card : str
        The model card, in Markdown.
    example : ndarray, optional
        A row as the model reads it, if the run shows one.
    """

    status: str
    step: int
    results: Mapping[str, float]
    n_lines: int
    check: str
    time: int
    figures: Mapping[str, bytes]
    files: Mapping[str, Path]
    card: str
    example: Array | None = None

    @property
    def name(self) -> str:
        """What tells this ending of a run from an earlier one."""
        return f"{self.status} after {self.n_lines} lines, step {self.step} ({self.check})"


class Destination(Protocol):
    """A run at a tracker.

    Whatever it raises but :class:`AwayError` ends the follower. After an `AwayError`, `open` is
    called again before anything else: what a failed call has left there is read back.
    """

    where: str
    """Where the run is found there, without secrets, for messages; known after `open`."""

    def open(self, facts: RunFacts) -> Written:
        """Find or make the run of `facts`, and return what is already there.

        Raises
        ------
        AwayError
            If it cannot be reached.
        HiddenstateError
            If it refuses, or there is something else in the run's place.
        """

    def write(self, lines: Sequence[Line]) -> None:
        """Write lines, in the order of their steps; when it returns they are stored."""

    def rewind(self, step: int) -> bool:
        """Drop what is there from `step` on, because the run has other values since it was resumed;
        return whether that is possible."""

    def is_finished(self, name: str) -> bool:
        """Return whether the :attr:`Ending.name` is the one that is stored."""

    def finish(self, ending: Ending) -> None:
        """Write how the run ended, its figures and its model; when it returns they are stored."""

    def close(self) -> None:
        """Let go of files and connections; never raises."""
