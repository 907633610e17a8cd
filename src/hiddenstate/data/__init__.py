"""File or array -> `SequenceDataset`; one small reader per format."""

from hiddenstate.data.dataset import Rows, SequenceDataset, as_rows, fractions, in_pieces
from hiddenstate.data.open import load_dataset, read_data, read_dataset, read_like
from hiddenstate.data.preparation import Preparation
from hiddenstate.data.prepare import prepare

__all__ = [
    "Preparation",
    "Rows",
    "SequenceDataset",
    "as_rows",
    "fractions",
    "in_pieces",
    "load_dataset",
    "prepare",
    "read_data",
    "read_dataset",
    "read_like",
]
