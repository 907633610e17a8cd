"""The command verify for a sweep or a study in the place of RUN: which of its parts are sound."""

from collections.abc import Iterable
from pathlib import Path

from hiddenstate.cli.output import note, say, say_json
from hiddenstate.errors import UntrustedFileError, count, printable

NAMED = 3
"""Most damaged parts that the error names."""


def verify_sweep(folder: Path, show_all: bool, as_json: bool) -> None:
    """Check every group of a sweep (`UntrustedFileError`)."""
    from hiddenstate.scale.sweep.models import REPAIR, open_models

    models = open_models(folder)
    _print(folder, "sweep", "group", models.check(), REPAIR, show_all, as_json)


def verify_study(folder: Path, show_all: bool, as_json: bool) -> None:
    """Check the settings, the database and every run of a study (`UntrustedFileError`)."""
    from hiddenstate.scale.tune.check import check_study

    hint = "for details, run `hiddenstate verify` on the folder of a run"
    _print(folder, "study", "part", check_study(folder), hint, show_all, as_json)


def _print(
    folder: Path,
    kind: str,
    part: str,
    checked: Iterable[tuple[str, str | None]],
    hint: str,
    show_all: bool,
    as_json: bool,
) -> None:
    """Print the verdict, then what is wrong; with `show_all`, also what is sound."""
    faults = dict(checked)
    damaged = {name: what for name, what in faults.items() if what}
    if as_json:
        say_json({kind: str(folder), f"{part}s": {n: w or "sound" for n, w in faults.items()}})
    else:
        parts = count(len(faults), part)
        say(
            f"{folder}: {len(damaged):,} of {parts} DAMAGED"
            if damaged
            else f"{folder}: {parts}, every one is sound"
        )
        for name, what in faults.items():
            if what or show_all:
                say(f"{name}: {'DAMAGED' if what else 'sound'}")
            if what:
                note(what)
    if damaged:
        names = ", ".join(printable(name, 60) for name in list(damaged)[:NAMED])
        more = f" and {len(damaged) - NAMED:,} more" if len(damaged) > NAMED else ""
        raise UntrustedFileError(
            f"{printable(folder)}: {len(damaged):,} of {count(len(faults), part)} damaged: "
            f"{names}{more}; {hint}"
        )
