"""More than 2,000 abuses of the program, as users and hostile files commit them, and their judge.

    python -m tools.stress abuses                # all, in half an hour
    python -m tools.stress.abuses WORD ...       # only those whose names contain a word

Nothing is drawn at random: the abuses are tables, and each runs in a new folder. The tests run in
their own process what one command must refuse, and have the readers alone refuse it.
"""

import re
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.stress.abuses import (
    array_inputs,
    bad_files,
    bad_headers,
    bad_options,
    bad_tables,
    newer_formats,
    options,
    python_inputs,
    run_files,
    series_inputs,
    surroundings,
    text_inputs,
)
from tools.stress.abuses.harness import Abuse, Base, try_abuse
from tools.stress.abuses.sound import make_base
from tools.stress.processes import Outcome
from tools.stress.tables import markdown

ABUSES: tuple[Abuse, ...] = (
    *bad_tables.ALL,
    *bad_files.ALL,
    *bad_headers.ALL,
    *bad_options.ALL,
    *text_inputs.ALL,
    *array_inputs.ALL,
    *options.ALL,
    *run_files.ALL,
    *python_inputs.ALL,
    *newer_formats.ALL,
    *series_inputs.ALL,
    *surroundings.ALL,
)


def abuses(folder: Path, chosen: Sequence[Abuse] = ABUSES, base: Base | None = None) -> Outcome:
    """Commit abuses, two at a time, in folders below `folder`, and print a table by area."""
    place = base or make_base(folder / "base")
    outcome, by_area = Outcome(), Counter[tuple[str, str]]()
    with ThreadPoolExecutor(2) as pool:
        ends = pool.map(lambda abuse: try_abuse(abuse, place), chosen)
        for abuse, (code, faults) in zip(chosen, ends, strict=True):
            outcome.done += 1
            end = "answered" if code == 0 else "refused"
            outcome.counts[end] += 1
            by_area[abuse.area, end] += 1
            by_area[abuse.area, "findings"] += bool(faults)
            outcome.findings += [f"{abuse.name}: {'; '.join(faults[:3])}"] if faults else []
    heads = ("answered", "refused", "findings")
    areas = dict.fromkeys(abuse.area for abuse in chosen)
    rows = [(area, *(by_area[area, head] for head in heads)) for area in areas]
    print(markdown(("area", *heads), rows))
    return outcome


def refusals() -> list[Abuse]:
    """Return the abuses of one command that it must refuse, but for those of gigabytes."""
    return [
        abuse
        for abuse in ABUSES
        if abuse.line.startswith("hiddenstate ")
        and not re.search(r"[;|&<>$`*#]", re.sub(r"'[^']*'", "", abuse.line))
        and 0 not in abuse.ends
        and "gigabytes" not in abuse.name
    ]


def named(words: Sequence[str]) -> list[Abuse]:
    """Return the abuses whose names contain one of the words; all without words."""
    return [a for a in ABUSES if not words or any(word in a.name for word in words)]
