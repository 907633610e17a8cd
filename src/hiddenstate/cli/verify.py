"""The command verify: whether the files of a run are sound, and resuming it is exact."""

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hiddenstate.cli.options import (
    GroupedCommand,
    command_option,
    debug_option,
    json_option,
    runs_dir_option,
)
from hiddenstate.cli.output import note, say, say_json
from hiddenstate.cli.refused_options import refuse_options
from hiddenstate.cli.run_argument import named_run, run_argument
from hiddenstate.cli.sweep_models import sweep_folder
from hiddenstate.cli.tune import study_folder
from hiddenstate.cli.verify_searches import verify_study, verify_sweep
from hiddenstate.errors import HiddenstateError, UntrustedFileError, printable
from hiddenstate.system.signals import SIGINT

if TYPE_CHECKING:
    from hiddenstate.runs import Run
    from hiddenstate.training.verify import Proof


@click.command(
    cls=GroupedCommand,
    help="Check the files of a run, and that resuming it is exact.\n\nThe command reads every file "
    "of the run and compares its checksum. Then it trains the first steps of the run again in a "
    "temporary folder: once without interruption, and several times interrupted and resumed from "
    "the files alone. Weights, optimiser state, history and snapshots must be byte-identical. "
    "Nothing in the run is changed. The first line of the output is the verdict. Of a sweep or a "
    "study, it checks each group, or the database and each run, and trains nothing."
    "\n\n\b\nExample:\n  hiddenstate verify classify-1",
)
@run_argument
@command_option("steps", int, 100, "Steps that are trained again each time.", low=2)
@click.option("--all", "show_all", is_flag=True, help="List the sound files too.")
@click.option("--files-only", is_flag=True, help="Check the files and train nothing.")
@json_option
@runs_dir_option
@debug_option
def verify(
    run: str, steps: int, show_all: bool, files_only: bool, as_json: bool, runs_dir: Path
) -> None:
    """The command `verify`."""
    sweep, study = sweep_folder(run, runs_dir), study_folder(run, runs_dir)
    if folder := sweep or study:
        refuse_options("sweep or study")
        (verify_sweep if sweep else verify_study)(folder, show_all, as_json)
        return
    from hiddenstate.training.verify import check_files

    if files_only:
        refuse_options("files only")
    checked = named_run(run, runs_dir)
    damage = dict(check_files(checked))
    damaged = [name for name, what in damage.items() if what]
    try:
        proofs = [] if files_only else _check_resuming(checked, steps)
    except HiddenstateError:
        _print_findings(checked, damage, [], show_all, as_json)
        raise
    _print_findings(checked, damage, proofs, show_all, as_json)
    if damaged:
        raise UntrustedFileError(
            f"{printable(checked.path)}: {len(damaged)} of {len(damage)} files damaged: "
            f"{', '.join(damaged[:3])}{_hint(damaged, damage)}"
        )
    if any(proof.differing for proof in proofs):
        raise HiddenstateError(
            f"{printable(checked.path)}: resuming is not exact on this machine; please report it"
        )


def _check_resuming(run: "Run", steps: int) -> "list[Proof]":
    """Where training was interrupted, and the files that differed after it was resumed."""
    from hiddenstate.training.verify import prove

    if sys.stderr.isatty():
        note(f"training the first {steps} steps again, interrupted and resumed")
    return list(_in_temporary_folder(lambda folder: prove(run, steps, folder)))


def _print_findings(
    run: "Run",
    damage: Mapping[str, str | None],
    proofs: "list[Proof]",
    show_all: bool,
    as_json: bool,
) -> None:
    """Print the verdict, then what is wrong; with `show_all`, also what is sound."""
    if as_json:
        resumes = [{"stopped_after": list(p.stops), "differing": p.differing} for p in proofs]
        files = {name: what or "sound" for name, what in damage.items()}
        say_json({"run": str(run.path), "files": files, "resumes": resumes})
        return
    say(f"{run.path}: {_verdict(damage, proofs)}")
    for name, what in damage.items():
        if what or show_all:
            say(f"{name}: {'DAMAGED' if what else 'sound'}")
        if what:
            note(what)
    for proof in proofs:
        if proof.differing or show_all:
            say(_describe(proof))


def _verdict(damage: Mapping[str, str | None], proofs: "list[Proof]") -> str:
    """The result of all checks, in a line."""
    n_damaged = sum(what is not None for what in damage.values())
    files = f"{n_damaged} of {len(damage)} files DAMAGED" if n_damaged else "every file is sound"
    n_differing = sum(bool(proof.differing) for proof in proofs)
    if not proofs:
        return f"{files}; resuming was not tested"
    if n_differing:
        return f"{files}; resuming is NOT EXACT in {n_differing} of {len(proofs)} tests"
    return f"{files}; resuming is exact in {len(proofs)} tests"


def _describe(proof: "Proof") -> str:
    """The result of interrupting and resuming, in a line."""
    where = f"step{'s' * (len(proof.stops) > 1)} {', '.join(map(str, proof.stops))}"
    result = f"DIFFERENT: {', '.join(proof.differing)}" if proof.differing else "byte-identical"
    return f"interrupted after {where} and resumed: {result}"


def _hint(damaged: list[str], files: Mapping[str, Any]) -> str:
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
            number = interrupt.number or SIGINT
            raise RunInterruptedError("interrupted; nothing was changed", number) from None
