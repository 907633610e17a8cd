"""What stands beside the nets of a classifier: one module a kind.

A new kind is a class in `program/companions.py`, which computes it, and its words in
`program/words.py`; a module here, which fits, describes and stores it; a line in `KINDS`; and the
option of its name in `config/fields.py`. Translations have tables of their own, and refuse kinds
that are not there.
"""

from collections.abc import Mapping
from typing import Any

from hiddenstate.models.companions.companion import Fit, FittedCompanion
from hiddenstate.models.companions.convolutions import ConvolutionPath

KINDS: tuple[type[FittedCompanion], ...] = (ConvolutionPath,)
"""All kinds, in the order in which they join the nets."""

PREFIXES = tuple(kind.prefix() for kind in KINDS)
"""How the names of arrays of companions begin in a model file."""

__all__ = ["KINDS", "PREFIXES", "Fit", "FittedCompanion", "kinds_of"]


def kinds_of(options: Mapping[str, Any]) -> tuple[type[FittedCompanion], ...]:
    """Return the kinds that stand beside the nets of a run with these options."""
    return tuple(kind for kind in KINDS if options.get(kind.words.name))
