"""The command verify: whether the files of a run are sound, and resuming it is exact."""

import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hiddenstate.cli.options import command_option, debug_option, json_option, runs_dir_option
from hiddenstate.cli.output import note, say, say_json
from hiddenstate.errors import HiddenstateError, UntrustedFileError, printable

if TYPE_CHECKING:
    from hiddenstate.runs import Run
    from hiddenstate.training.verify import Proof


@click.command(
    short_help="Check the files of a run, and that resuming it is exact.",
    help="Check the files of a run, and that resuming it is exact.\n\nThe command reads every file "
    "of the run and compares its checksum. Then it trains the first steps of the run again in a "
    "temporary folder: once without interruption, and several times interrupted and resumed from "
    "the files alone. Weights, optimiser state, history and snapshots must be byte-identical. "
    "Nothing in the run is changed.\n\n\b\nExample:\n  hiddenstate verify classify-1",
)
@click.argument("run")
@command_option("steps", int, 100, "Steps that are trained again each time.", low=2)
@click.option("--files-only", is_flag=True, help="Check the files and train nothing.")
@json_option
@runs_dir_option
@debug_option
def verify(run: str, steps: int, files_only: bool, as_json: bool, runs_dir: Path) -> None:
    """The command `verify`."""
    from hiddenstate.runs import find_run

    checked = find_run(run, runs_dir)
    files = _check_files(checked, quiet=as_json)
    resumes = [] if files_only else _check_resuming(checked, steps, quiet=as_json)
    if as_json:
        say_json({"run": str(checked.path), "files": files, "resumes": resumes})
    damaged = [name for name, what in files.items() if what != "sound"]
    if damaged:
        raise UntrustedFileError(
            f"{printable(checked.path)}: {len(damaged)} of {len(files)} files damaged: "
            f"{', '.join(damaged[:3])}{_hint(damaged, files)}"
        )
    if any(resume["differing"] for resume in resumes):
        raise HiddenstateError(
            f"{printable(checked.path)}: resuming is not exact on this machine; please report it"
        )


def _check_files(run: "Run", quiet: bool) -> dict[str, str]:
    """What is wrong with each file of the run, by name; "sound" if nothing is."""
    from hiddenstate.training.verify import check_files

    files = {}
    for name, damage in check_files(run):
        files[name] = damage or "sound"
        if not quiet:
            say(f"{name}: {'DAMAGED' if damage else 'sound'}")
            if damage:
                note(damage)
    return files


def _check_resuming(run: "Run", steps: int, quiet: bool) -> list[dict[str, Any]]:
    """Where training was interrupted, and the files that differed after it was resumed."""
    from hiddenstate.training.verify import prove

    resumes = []
    for proof in _in_temporary_folder(lambda folder: prove(run, steps, folder)):
        resumes.append({"stopped_after": list(proof.stops), "differing": proof.differing})
        if not quiet:
            say(_describe(proof))
    return resumes


def _describe(proof: "Proof") -> str:
    """The result of interrupting and resuming, in a line."""
    where = f"step{'s' * (len(proof.stops) > 1)} {', '.join(map(str, proof.stops))}"
    result = f"DIFFERENT: {', '.join(proof.differing)}" if proof.differing else "byte-identical"
    return f"interrupted after {where} and resumed: {result}"


def _hint(damaged: list[str], files: Mapping[str, str]) -> str:
    """What can be done about the damaged files."""
    checkpoints = {name for name in files if name.startswith("checkpoints")}
    if any(name in ("history.jsonl", "config.json") for name in damaged):
        return "; restore them before you resume the run"
    if checkpoints & set(damaged) and checkpoints - set(damaged):
        return "; `hiddenstate resume` uses the newest sound checkpoint"
    return "; restore them from a copy"


def _in_temporary_folder(work: "Callable[[Path], Iterator[Proof]]") -> "Iterator[Proof]":
    """Yield from `work` in a folder that is removed afterwards, also after a signal."""
    from hiddenstate.cli.signals import InterruptHandler
    from hiddenstate.errors import RunInterruptedError

    with InterruptHandler() as interrupt:
        interrupt.arm()
        try:
            with (
                interrupt.raising(),
                tempfile.TemporaryDirectory(prefix="hiddenstate-verify-") as folder,
            ):
                yield from work(Path(folder))
        except KeyboardInterrupt:
            number = interrupt.number or signal.SIGINT
            raise RunInterruptedError("interrupted; nothing was changed", number) from None
