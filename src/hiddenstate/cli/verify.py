"""The command verify: whether a run is sound, and going on with it exact."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hiddenstate.cli.options import debug_option, json_option, runs_dir_option
from hiddenstate.cli.output import note, say, say_json
from hiddenstate.errors import HiddenstateError, UntrustedFileError, printable

if TYPE_CHECKING:
    from hiddenstate.training.verify import Proof


@click.command(
    short_help="Check a run's files, and that going on with it is exact.",
    help="Check a run's files, and that going on with it is exact.\n\nEvery file that a run's "
    "reader trusts is read and its hash compared. Then the first steps of the run's own job are "
    "trained anew in a temporary folder, in one go and again with stops, each gone on with from "
    "the files alone: weights, optimiser, history and snapshots must be equal, byte for byte. "
    "Nothing is changed in the run.\n\n\b\nExample:\n  hiddenstate verify classify-1",
)
@click.argument("run")
@click.option(
    "--steps",
    type=click.IntRange(2),
    default=100,
    metavar="N",
    help="Steps that are trained anew, each time.  [default: 100]",
)
@click.option("--files-only", is_flag=True, help="Check the files, and train nothing.")
@json_option
@runs_dir_option
@debug_option
def verify(run: str, steps: int, files_only: bool, as_json: bool, runs_dir: Path) -> None:
    """The command `verify`."""
    from hiddenstate.runs import find_run
    from hiddenstate.training.verify import check_files, prove

    found = find_run(run, runs_dir)
    files: dict[str, str] = {}
    resumes: list[dict[str, Any]] = []
    for name, what in check_files(found):
        files[name] = what or "sound"
        if not as_json:
            say(f"{name}: {'DAMAGED' if what else 'sound'}")
            if what:
                note(what)
    if not files_only:
        for proof in _in_temporary_folder(lambda folder: prove(found, steps, folder)):
            resumes.append({"stopped_after": list(proof.stops), "differing": proof.differing})
            if not as_json:
                stops = ", ".join(map(str, proof.stops))
                same = "equal, byte for byte"
                told = f"DIFFERENT: {', '.join(proof.differing)}" if proof.differing else same
                say(f"stopped after step {stops} and gone on with: {told}")
    if as_json:
        say_json({"run": str(found.path), "files": files, "resumes": resumes})
    damaged = [name for name, what in files.items() if what != "sound"]
    if damaged:
        raise UntrustedFileError(
            f"{printable(found.path)}: {len(damaged)} of {len(files)} files damaged: "
            f"{', '.join(damaged[:3])}{_mend(damaged, files)}"
        )
    if any(resume["differing"] for resume in resumes):
        raise HiddenstateError(
            f"{printable(found.path)}: going on with it is not exact on this machine; please "
            "report it"
        )


def _mend(damaged: list[str], files: Mapping[str, str]) -> str:
    """What is left to do about damaged files, by which they are."""
    checkpoints = [name for name in files if name.startswith("checkpoints")]
    if any(name in ("history.jsonl", "config.json") for name in damaged):
        return "; restore what is damaged before you go on with it"
    if set(damaged) & set(checkpoints) and set(checkpoints) - set(damaged):
        return "; `hiddenstate resume` uses the newest sound checkpoint"
    return "; restore what is damaged from a copy"


def _in_temporary_folder(work: "Callable[[Path], Iterator[Proof]]") -> "Iterator[Proof]":
    """Yield what `work` does in a folder that is gone afterwards, also after a signal."""
    import signal

    from hiddenstate.cli.signals import StopSignal
    from hiddenstate.errors import RunInterruptedError

    with StopSignal() as stopped:
        stopped.arm()
        try:
            with (
                stopped.interrupting(),
                tempfile.TemporaryDirectory(prefix="hiddenstate-verify-") as folder,
            ):
                yield from work(Path(folder))
        except KeyboardInterrupt:
            number = stopped.number or signal.SIGINT
            raise RunInterruptedError("interrupted; nothing was changed", number) from None
