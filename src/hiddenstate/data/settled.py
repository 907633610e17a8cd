"""Settles what no option says of a table that is trained on: rows or steps, and columns of ids."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hiddenstate.config import Config
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.identifiers import numbered_ids
from hiddenstate.data.prepare.examples import are_examples, examples_remark
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.errors import listed, printable


@dataclass(frozen=True)
class Settled:
    """Data, and the options that it should be read with from now on.

    Parameters
    ----------
    dataset : SequenceDataset
        Read with `options`, and with the layout `wide` if `layout` is set.
    options : dict
        Options by name that the data settled.
    layout : str, optional
        The layout of rows that are examples, unless their columns say more.
    remarks : tuple of str
        What was settled and how to choose otherwise, one line each.
    """

    dataset: SequenceDataset
    options: dict[str, Any] = field(default_factory=dict)
    layout: str | None = None
    remarks: tuple[str, ...] = ()


def settled(
    dataset: SequenceDataset,
    config: Config,
    given: Mapping[str, Any],
    read: Callable[[dict[str, Any]], SequenceDataset],
    trained: Transform | None = None,
) -> Settled:
    """Settle the layout of a table and the inputs that are ids.

    Models and runs hold the result, so this is for data that is about to be trained on.

    Parameters
    ----------
    dataset : SequenceDataset
        As read with the options that were set.
    config : Config
        That it was read with.
    given : mapping
        The options that were set, by name.
    read : callable
        Reads the data with further options.
    trained : Transform, optional
        That of the model whose weights training starts from: its layout and columns are kept.
    """
    where, options, remarks = printable(dataset.name), dict[str, Any](), []
    layout = None
    of_model = None if trained is None else trained.reading.get("layout")
    if are_examples(dataset, config.job, given, of_model):
        layout = "wide" if given.get("steps") else "features"
        dataset = read({"layout": "wide"})
        remarks.append(examples_remark(dataset))
    ids = numbered_ids(dataset, config.data)
    ids = tuple(name for name in ids if trained is None or name not in (trained.names or ()))
    if ids:
        options["drop"] = (*(config.data.drop or ()), *ids)
        dataset = read({**({"layout": "wide"} if layout else {}), **options})
        hold = "holds ids, by its name, and is" if len(ids) == 1 else "hold ids, by name, and are"
        remarks.append(
            f"{where}: column{'s' * (len(ids) > 1)} {listed(ids, each=40)} {hold} not used as "
            f"input{'s' * (len(ids) > 1)}; to use {'it' if len(ids) == 1 else 'them'}, name all "
            "inputs with --input COL,..."
        )
    return Settled(dataset, options, layout, tuple(remarks))
