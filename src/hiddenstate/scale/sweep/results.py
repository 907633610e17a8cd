"""The table of a sweep: what became of each group."""

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from hiddenstate.scale.sweep.groups import Key, name_of
from hiddenstate.scale.sweep.options import Shard
from hiddenstate.scale.sweep.records import Damage, Record
from hiddenstate.scale.sweep.store import SweepFolder
from hiddenstate.scale.sweep.work import DAMAGED, STATUSES

COLUMNS = (
    "status",
    "score",
    "value",
    "baseline",
    "net_part",
    "rows",
    "updates",
    "seconds",
    "reason",
)
"""Columns of the table after those of the groups."""

NAMED = 5
"""Most damaged groups that are named."""

ROUNDS = 5
"""Most times that the table is written while other commands add groups."""


def result_rows(records: Mapping[Key, Record], by: Sequence[str]) -> list[dict[str, Any]]:
    """Return one row a group, by its values: those, then `COLUMNS`."""
    names = [f"group_{name}" if name in COLUMNS else name for name in by]
    rows = []
    for key, record in sorted(records.items()):
        facts = record.outcome.facts()
        if record.outcome.status == DAMAGED:  # nothing is known of it
            facts = dict.fromkeys(COLUMNS) | {name: facts[name] for name in ("status", "reason")}
        rows.append(dict(zip(names, key, strict=True)) | {name: facts[name] for name in COLUMNS})
    return rows


def encode_results(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return rows as CSV with a header line."""
    if not rows:
        return b""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows[0])
    writer.writerows(["" if v is None else v for v in row.values()] for row in rows)
    return text.getvalue().encode("utf-8", "backslashreplace")


def write_results(folder: SweepFolder, by: Sequence[str]) -> dict[Key, Record]:
    """Write the table of a folder, and return the records in it.

    Commands that train other shards may add groups meanwhile: the table is written again then.
    """
    for _ in range(ROUNDS):
        before = _sizes(folder)
        records = folder.records()
        folder.write_results(encode_results(result_rows(records, by)))
        if _sizes(folder) == before:
            break
    return records


def counts(records: Mapping[Key, Record]) -> dict[str, int]:
    """Return how many groups have each status."""
    statuses = Counter(record.outcome.status for record in records.values())
    return {status: statuses[status] for status in STATUSES}


def damage_lines(
    records: Mapping[Key, Record], unnamed: Sequence[Damage], shard: Shard, by: Sequence[str]
) -> list[str]:
    """Return what is to be said of the damage in a shard that is about to be trained again."""
    damaged = [
        key
        for key, record in records.items()
        if record.outcome.status == DAMAGED and shard.holds(key)
    ]
    lines = [
        f"group {name_of(key, by)}: {records[key].outcome.reason}; it is trained again"
        for key in damaged[:NAMED]
    ]
    if len(damaged) > NAMED:
        lines.append(f"{len(damaged) - NAMED:,} more groups are damaged, and trained again")
    lines += [f"{damage.reason}; groups without a record are trained" for damage in unnamed[:NAMED]]
    return lines


def _sizes(folder: SweepFolder) -> list[int]:
    return [path.stat().st_size for path in folder.files()]
