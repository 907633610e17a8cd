"""Starts or continues a sweep: all options are checked, and compared with those of the folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hiddenstate.config import Config, make_config
from hiddenstate.data.readers import formats
from hiddenstate.errors import OptionError, count, listed, printable
from hiddenstate.scale.sweep.groups import GroupedTable, Key, fingerprint, read_groups
from hiddenstate.scale.sweep.options import EXCLUDED, Shard
from hiddenstate.scale.sweep.records import Record
from hiddenstate.scale.sweep.store import SweepFolder
from hiddenstate.scale.sweep.work import DAMAGED, as_values
from hiddenstate.system.atomic_file import TEMPORARY
from hiddenstate.system.strict_json import canonical_json
from hiddenstate.version import __version__


@dataclass(frozen=True)
class Sweep:
    """A table cut into groups, how each is trained, and the folder that holds the models.

    Parameters
    ----------
    table : GroupedTable
    job : {"classify", "regress", "autoencode"}
    values : dict
        The options that were set, by name; `data` is the path of the table.
    folder : SweepFolder
    """

    table: GroupedTable
    job: str
    values: dict[str, Any]
    folder: SweepFolder

    @property
    def packet_facts(self) -> dict[str, Any]:
        """What a worker must know beside the rows of a packet."""
        values = {**self.values, "threads": 1}
        return {
            "version": __version__,
            "job": self.job,
            "values": values,
            "name": self.table.path.name,
        }

    def missing(self, records: Mapping[Key, Record], shard: Shard, retry_failed: bool) -> list[int]:
        """Return the groups of a shard that are to be trained, by number."""
        again = (DAMAGED, "failed") if retry_failed else (DAMAGED,)
        kept = {key for key, record in records.items() if record.outcome.status not in again}
        return [
            number
            for number, key in enumerate(self.table.keys)
            if key not in kept and shard.holds(key)
        ]

    @cached_property
    def table_facts(self) -> dict[str, Any]:
        """What identifies the table, for JSON."""
        return {
            "name": self.table.path.name,
            "path": str(self.table.path.absolute()),
            "sha256": fingerprint(self.table.path),
            "rows": self.table.columns.n_rows,
        }


def checked_config(job: str, values: Mapping[str, Any]) -> Config:
    """Return the config that the set options make, before the table is read.

    Raises
    ------
    OptionError
        If one is out of range, or does not apply to a sweep.
    """
    for name in EXCLUDED:
        if name != "data" and values.get(name) is not None:
            raise OptionError(f"--{name.replace('_', '-')}: a sweep does not have this option")
    return make_config(job, values, together=False)


def open_sweep(
    path: Path, by: tuple[str, ...], job: str, values: Mapping[str, Any], folder: Path
) -> Sweep:
    """Read a table and check everything; nothing is written before :func:`begin`.

    Parameters
    ----------
    path : Path
        The table.
    by : tuple of str
        The columns whose values together name a group.
    job : {"classify", "regress", "autoencode"}
    values : mapping
        The options that were set, by name.
    folder : Path
        The folder of the sweep, which may hold a part of it already.

    Raises
    ------
    HiddenstateError
        If the table or the options do not fit, or the folder holds another sweep.
    """
    values = {name: value for name, value in values.items() if value is not None}
    values["data"] = str(path)
    config = checked_config(job, values)
    flat = config.flat()
    values = {name: flat.get(name, value) for name, value in values.items()}
    formats.check_applies(vars(config.data), path)
    store = SweepFolder(folder)
    if not store.exists and _is_used(folder):
        raise OptionError(
            f"--name: {printable(folder)} already exists and is no sweep; use another name"
        )
    earlier = store.about() if store.exists else None
    if earlier is not None:
        _check_same(earlier, by, job, values, store)
    table = read_groups(path, config.data, by, job)
    sweep = Sweep(table, job, dict(values), store)
    if earlier is not None:
        _check_table(earlier["table"], sweep)
    return sweep


def _is_used(folder: Path) -> bool:
    """Return whether there is something that this or another command did not just begin."""
    if not folder.is_dir():
        return folder.exists()
    return any(not path.name.startswith(TEMPORARY) for path in folder.iterdir())


def begin(sweep: Sweep) -> None:
    """Make the folder of a new sweep.

    Raises
    ------
    OptionError
        If another command has begun another sweep there since :func:`open_sweep`.
    """
    if not sweep.folder.exists:
        sweep.folder.create(_about(sweep))
    about = sweep.folder.about()
    _check_same(about, sweep.table.by, sweep.job, sweep.values, sweep.folder)
    _check_table(about["table"], sweep)


def _own(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that make a model what it is."""
    return {name: value for name, value in values.items() if name not in EXCLUDED}


def _about(sweep: Sweep) -> dict[str, Any]:
    table = sweep.table
    return {
        "job": sweep.job,
        "by": list(table.by),
        "by_text": list(table.by_text),
        "options": _own(sweep.values),
        "table": sweep.table_facts,
        "groups": len(table),
    }


def _check_same(
    earlier: Mapping[str, Any],
    by: tuple[str, ...],
    job: str,
    values: Mapping[str, Any],
    folder: SweepFolder,
) -> None:
    """Refuse to continue a sweep with other options (`OptionError`)."""
    where, hint = printable(folder.path), "use the same, or another --name"
    if earlier["job"] != job:
        raise OptionError(f"{where}: a sweep of {earlier['job']}, not {job}; {hint}")
    if tuple(earlier["by"]) != by:
        raise OptionError(
            f"{where}: a sweep --by {listed(earlier['by'])}, not {listed(by)}; {hint}"
        )
    before, now = as_values(earlier["options"]), _own(values)
    for name in sorted({*before, *now}):
        old, new = before.get(name), now.get(name)
        if canonical_json(old) != canonical_json(new):
            told = ["not set" if v is None else printable(_written(v), 60) for v in (old, new)]
            raise OptionError(
                f"{where}: was started with --{name.replace('_', '-')} {told[0]}, and is now "
                f"{told[1]}; {hint}"
            )


def _written(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _check_table(earlier: Mapping[str, Any], sweep: Sweep) -> None:
    """Refuse to continue a sweep with another table (`OptionError`)."""
    now = sweep.table_facts
    if now["sha256"] == earlier.get("sha256") and now["name"] == earlier.get("name"):
        return
    if now["name"] != earlier.get("name"):
        what = f"the table {printable(earlier.get('name'), 60)}, not {printable(now['name'], 60)}"
    else:
        what = (
            f"{printable(now['name'], 60)} with other contents "
            f"({count(int(earlier.get('rows', 0)), 'row')} then, {now['rows']:,} now)"
        )
    raise OptionError(
        f"{printable(sweep.folder.path)}: a sweep of {what}; use another --name for this table"
    )
