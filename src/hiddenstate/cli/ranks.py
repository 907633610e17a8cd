"""Data parallel training on the command line: what each of torchrun's processes prints and does."""

import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from hiddenstate.cli.output import fail, note
from hiddenstate.config import JOBS
from hiddenstate.config.data_fields import STDIN
from hiddenstate.errors import (
    HiddenstateError,
    LostRankError,
    MachineError,
    OptionError,
    RunInterruptedError,
    printable,
)
from hiddenstate.scale.launch import STARTED, Launch, launch_of
from hiddenstate.system.signals import SIGTERM

TRAINING = (*JOBS, "resume")
"""The commands that several processes can run together."""

if TYPE_CHECKING:
    from hiddenstate.cli.signals import InterruptHandler
    from hiddenstate.runs import Run
    from hiddenstate.scale.distributed import Group
    from hiddenstate.training.start import MakeEngine, Session


PRINTING = 0.5
"""Seconds in which rank 0 prints an error that all ranks have."""

_streams: list[TextIO] = []
"""stdout and stderr of a process that prints nothing."""


def is_launched() -> bool:
    """Whether torchrun started this process as one of several that train together."""
    return launch_of() is not None


def is_follower() -> bool:
    """Whether another process, rank 0, prints and shows what this one helps to train."""
    launch = launch_of()
    return launch is not None and launch.rank > 0


def let_one_rank_speak() -> None:
    """Print nothing on the ranks of a host but the first, until rank 0 alone prints."""
    launch = launch_of()
    if launch is not None and launch.local_rank:
        _silence()


def _silence() -> None:
    if not _streams:
        _streams.extend((sys.stdout, sys.stderr))
        sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def check_command(name: str) -> None:
    """Refuse a command that does not train: each of torchrun's processes would do the same.

    Raises
    ------
    OptionError
        With the commands that do.
    """
    if name not in TRAINING and STARTED in os.environ and is_launched():
        let_one_rank_speak()
        raise OptionError(
            f"{name}: torchrun starts {', '.join(TRAINING)} only; run `hiddenstate {name}` without "
            "it, or unset RANK"
        )


def check_options(values: Mapping[str, Any], n_seeds: int) -> None:
    """Refuse what only one process can do, before the ranks meet.

    Raises
    ------
    OptionError
        With the option and what to use instead.
    """
    if n_seeds > 1:
        raise OptionError("--seeds: torchrun trains one run; start it once for each --seed")
    if values.get("data") == STDIN:
        raise OptionError("DATA: - is the stdin of one process; name a file that every rank reads")
    if values.get("engine") == "native":
        raise OptionError(
            "--engine native: it trains in one process; under torchrun use --engine torch"
        )


class Ranks:
    """This process among those that train together, on the command line.

    Parameters
    ----------
    launch : Launch
    """

    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self.group: Group | None = None
        self._hint = ""
        self._note_loss: Callable[[str], None] | None = None

    def join(self) -> "Group":
        """Meet the other ranks; from then on rank 0 alone prints."""
        from hiddenstate.scale.distributed import Group

        self.group = Group(self._launch, self._report_loss)
        if self._launch.rank:
            _silence()
        return self.group

    def records_in(self, session: "Session") -> None:
        """Say where the run is if a rank is lost, and note it there."""
        path = session.writer.path
        self._hint = f"; {how_to_resume(path)}"

        def note_loss(why: str) -> None:
            session.writer.add_journal("failed", step=session.engine.export().step, why=why)

        self._note_loss = note_loss

    def _report_loss(self, why: str) -> None:
        """Print that a rank was lost, in the thread that noticed while the main thread waits."""
        from hiddenstate.scale.distributed import lost_line

        line = lost_line(self._launch, why)
        if self.group is not None and self.group.is_waiting and self._note_loss is not None:
            # The main thread writes nothing, because it waits for the lost rank.
            with suppress(MachineError):
                self._note_loss(line)
        self.end(line + self._hint)

    def end(self, line: str) -> NoReturn:
        """Print an error about a lost rank, and end at once: torch may wait for it at exit."""
        # Rank 0 prints for all. If it is lost, rank 1 does, and one rank on each other host.
        speaks = self._launch.rank == 1 or not self._launch.local_rank
        if _streams and speaks and "rank 0" in line:
            sys.stdout, sys.stderr = _streams
        code = fail(line, MachineError.exit_code)
        sys.stdout.flush()
        os._exit(code)


def how_to_resume(path: Path) -> str:
    """Return what is saved of a run, and the command that resumes it."""
    from hiddenstate.runs import Run

    saved = Run(path).checkpoint_paths()
    step = int(saved[0].stem) if saved else 0
    what = f"saved up to step {step}" if saved else "no checkpoint yet"
    return (
        f"{what}; resume with `torchrun ... -m hiddenstate resume {shlex.quote(str(path))}` (with "
        "--max-restarts, torchrun does)"
    )


@contextmanager
def joined() -> Iterator[Ranks | None]:
    """Join the other ranks, if torchrun started this process; yield None otherwise."""
    launch = launch_of()
    if launch is None:
        yield None
        return
    ranks = Ranks(launch)
    with ranks.join() as group:
        try:
            yield ranks
        except LostRankError as error:
            ranks.end(str(error))
        except RunInterruptedError:
            group.leave()
            raise
        except HiddenstateError:
            if launch.rank:  # torchrun ends the others once one has ended; rank 0 prints first
                time.sleep(PRINTING)
            raise


def train_as_rank(
    ranks: Ranks,
    command: Mapping[str, Any],
    open_run: "Callable[[MakeEngine], Session]",
    interrupt: "InterruptHandler",
) -> "Session | None":
    """Return the session of rank 0, ready to train; on other ranks train, and return None.

    Parameters
    ----------
    ranks : Ranks
    command : mapping
        What the user set, ready for JSON.
    open_run : callable
        Opens the run on rank 0.
    interrupt : InterruptHandler

    Raises
    ------
    RunInterruptedError
        On other ranks, if a signal came.
    """
    from hiddenstate.scale.rank_training import follow, lead

    group = ranks.group
    assert group is not None
    if group.rank == 0:
        session = lead(group, command, open_run)
        group.remember(session.writer.path.name)
        ranks.records_in(session)
        return session
    follower = follow(group, command)
    interrupt.arm()
    if not follower.train(interrupt):
        raise RunInterruptedError("interrupted", interrupt.number or SIGTERM)
    group.leave()
    return None


def run_before(ranks: Ranks, runs_dir: Path) -> "Run | None":
    """Return the run that these ranks trained before torchrun started them again.

    Raises
    ------
    MachineError
        If it is not on this host.
    """
    from hiddenstate.runs import Run

    group = ranks.group
    name = group.remembered() if group is not None and group.rank == 0 else None
    if name is None:
        return None
    path = runs_dir / name
    if not (path / "config.json").is_file():
        raise MachineError(
            f"{printable(path)}: the run to resume is on the host that was rank 0 before; use a "
            "--runs-dir that all hosts share"
        )
    note(f"torchrun started the ranks again: resuming {printable(path)}")
    return Run(path)
