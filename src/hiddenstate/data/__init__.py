"""Reads files and arrays into data sets, and prepares them for a job.

The names are imported when they are first used, so that a module here that needs no numpy, such as
`bundled.unpack`, can be imported without it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the names of _MODULES, with their types
    from hiddenstate.data.dataset import Dataset, PreparedDataset, SequenceDataset
    from hiddenstate.data.prepare.transform import Transform
    from hiddenstate.data.readers.open import load_dataset, read_data, read_dataset, read_like
    from hiddenstate.data.rows import Rows, as_rows, fractions, in_pieces

__all__ = [
    "Dataset",
    "PreparedDataset",
    "Rows",
    "SequenceDataset",
    "Transform",
    "as_rows",
    "fractions",
    "in_pieces",
    "load_dataset",
    "read_data",
    "read_dataset",
    "read_like",
]

_MODULES = {
    "dataset": ("Dataset", "PreparedDataset", "SequenceDataset"),
    "prepare.transform": ("Transform",),
    "readers.open": ("load_dataset", "read_data", "read_dataset", "read_like"),
    "rows": ("Rows", "as_rows", "fractions", "in_pieces"),
}
"""The names of each module."""

if not TYPE_CHECKING:  # for a type checker, it would give a type to any name

    def __getattr__(name: str) -> Any:
        from importlib import import_module

        for module, names in _MODULES.items():
            if name in names:
                return getattr(import_module(f"{__name__}.{module}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
