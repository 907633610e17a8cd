"""File or array -> `SequenceDataset`; one small reader per format."""

from hiddenstate.data.dataset import Rows, SequenceDataset, as_rows, fractions, in_pieces
from hiddenstate.data.prepare.transform import Preparation
from hiddenstate.data.readers.open import load_dataset, read_data, read_dataset, read_like

__all__ = [
    "Preparation",
    "Rows",
    "SequenceDataset",
    "as_rows",
    "fractions",
    "in_pieces",
    "load_dataset",
    "read_data",
    "read_dataset",
    "read_like",
]
