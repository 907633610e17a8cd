"""Reads files and arrays into data sets, and prepares them for a job."""

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
