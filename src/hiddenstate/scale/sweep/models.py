"""The models of a sweep, by group."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from hiddenstate.errors import (
    DataError,
    UntrustedFileError,
    count,
    did_you_mean,
    listed,
    printable,
)
from hiddenstate.models.fitted import FittedModel, model_of_bytes
from hiddenstate.scale.sweep.groups import Key, name_of
from hiddenstate.scale.sweep.records import Damage, Record
from hiddenstate.scale.sweep.store import SweepFolder
from hiddenstate.scale.sweep.work import DAMAGED

REPAIR = "the command that trained the sweep trains it again"
"""What helps against a damaged record."""


class SweepModels:
    """The trained groups of a folder.

    Parameters
    ----------
    folder : SweepFolder
    """

    def __init__(self, folder: SweepFolder) -> None:
        self.folder = folder
        self.about: dict[str, Any] = folder.about()
        self.by: tuple[str, ...] = tuple(self.about["by"])

    @cached_property
    def _contents(self) -> tuple[dict[Key, Record], list[Damage]]:
        return self.folder.contents()

    @property
    def records(self) -> dict[Key, Record]:
        """What became of each group."""
        return self._contents[0]

    def __iter__(self) -> Iterator[Key]:
        return (key for key, record in self.records.items() if record.n_bytes)

    def key_of(self, text: str) -> Key:
        """Return the values of the group that is written as `text`, with commas between them.

        Raises
        ------
        DataError
            If the text has another number of values, or may mean several groups.
        """
        if len(self.by) == 1:
            return (text,)
        keys = [key for key in self.records if ",".join(key) == text]
        if len(keys) > 1:
            raise DataError(
                f"{printable(self.folder.path)}: {printable(text, 60)} may be "
                f"{' or '.join(name_of(key, self.by) for key in keys)}; use load_sweep in Python"
            )
        return keys[0] if keys else tuple(text.split(","))

    def model_bytes(self, key: Key) -> bytes:
        """Return the model file of a group.

        Raises
        ------
        DataError
            If there is no such group, or it has no model.
        UntrustedFileError
            If its record is damaged.
        """
        return self._record(key).model_bytes()

    def model(self, key: Key) -> FittedModel:
        """Return the model of a group; errors as :meth:`model_bytes`."""
        record = self._record(key)
        return model_of_bytes(record.model_bytes(), f"{record.path}: {name_of(key, self.by)}")[0]

    def why_not(self, key: Key) -> str:
        """Return why a group has no model; empty if it has one."""
        record = self.records.get(key)
        if record is None:
            lost = [f"; {damage.reason}" for damage in self._contents[1][:1]]
            return f"is not in the sweep, or not trained yet{''.join(lost)}"
        if record.outcome.status == DAMAGED:
            return f"is damaged: {record.outcome.reason}"
        return f"failed: {record.outcome.reason}" if not record.n_bytes else ""

    def is_damaged(self, key: Key) -> bool:
        """Whether the record of a group is damaged, or may be one of those that are."""
        record = self.records.get(key)
        if record is None:
            return bool(self._contents[1])
        return record.outcome.status == DAMAGED

    def check(self) -> Iterator[tuple[str, str | None]]:
        """Yield the name of each group, and what is wrong with its record, or None."""
        for key, record in self.records.items():
            is_damaged = record.outcome.status == DAMAGED
            yield name_of(key, self.by), record.outcome.reason if is_damaged else None
        for number, damage in enumerate(self._contents[1], 1):
            yield f"unnamed record {number}", damage.reason

    def _record(self, key: Key) -> Record:
        if len(key) != len(self.by):
            raise DataError(
                f"{printable(self.folder.path)}: expected {count(len(self.by), 'value')}, of "
                f"{listed(self.by)}, got {printable(','.join(key), 60)}"
            )
        if self.is_damaged(key):
            raise UntrustedFileError(
                f"{printable(self.folder.path)}: group {name_of(key, self.by)} "
                f"{self.why_not(key)}; {REPAIR}"
            )
        record = self.records.get(key)
        if record is None:
            named = {name_of(each, self.by): each for each in self.records}
            hint = did_you_mean(name_of(key, self.by), named)
            raise DataError(
                f"{printable(self.folder.path)}: no trained group {name_of(key, self.by)}{hint}"
            )
        if not record.n_bytes:
            raise DataError(
                f"{printable(self.folder.path)}: group {name_of(key, self.by)} {self.why_not(key)}"
            )
        return record


def open_models(path: Path) -> SweepModels:
    """Return the models of the sweep in a folder; errors as :meth:`SweepFolder.about`."""
    return SweepModels(SweepFolder(path))
