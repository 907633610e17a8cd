"""File or array -> `SequenceDataset`; one small reader per format."""

from hiddenstate.data.dataset import SequenceDataset, as_rows, fractions
from hiddenstate.data.open import load_dataset, load_inputs

__all__ = ["SequenceDataset", "as_rows", "fractions", "load_dataset", "load_inputs"]
