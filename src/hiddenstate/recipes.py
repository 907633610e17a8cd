"""The automatic recipe: sizes, rate and stopping from what the data is, by a few written rules.

The rules are told in docs/recipes.md, with what they reach.
"""

from collections.abc import Mapping
from typing import Any

from hiddenstate.data import SequenceDataset


def suggest(job: str, dataset: SequenceDataset, given: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the options that the data decides.

    Parameters
    ----------
    job : str
    dataset : SequenceDataset
        As it was read.
    given : mapping
        What was asked for: other values follow from it.
    """
    return {"classify": _classify, "regress": _regress, "autoencode": _autoencode}[job](
        dataset, given
    )


def _classify(dataset: SequenceDataset, given: Mapping[str, Any]) -> dict[str, Any]:
    return {"scale": "auto"}


def _regress(dataset: SequenceDataset, given: Mapping[str, Any]) -> dict[str, Any]:
    per_series = dataset.y is not None and dataset.y.ndim == 2
    values = {"scale": "auto", "stateful": False, "test_fraction": 0.2}
    values |= {"batch_size": 64, "shuffle": True, "hold": 0, "lr_schedule": "constant", "eps": 1e-8}
    if per_series:
        values["output"] = "last"
    return values


def _autoencode(dataset: SequenceDataset, given: Mapping[str, Any]) -> dict[str, Any]:
    return {"scale": "auto"}
