"""Lets pickles of version 0.4 load, whose classes have other names and modules today.

A pickle names each class by its module, and that of an estimator names the estimator's class first.
So the modules below exist by the time that pickle looks them up. Pickles of this version name no
class but the estimator's (see `Estimator.__getstate__`); remove this module with version 0.6.
"""

import sys
from types import ModuleType
from typing import Any

from hiddenstate.config import AutoencoderConfig, RecurrentConfig
from hiddenstate.data import Transform
from hiddenstate.engines import TrainingState
from hiddenstate.models import FittedModel


class OldModel(FittedModel):
    """A `FittedModel` of version 0.4, which becomes one of today when pickle sets its state."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        renamed = {"transform" if name == "preparation" else name: v for name, v in state.items()}
        vars(self).update(renamed)
        object.__setattr__(self, "__class__", FittedModel)


MOVED: dict[str, dict[str, type]] = {
    "hiddenstate.data.preparation": {"Preparation": Transform},
    "hiddenstate.engines.base": {"TrainingState": TrainingState},
    "hiddenstate.fitted": {"FittedModel": OldModel},
    "hiddenstate.sections": {
        "AutoencoderConfig": AutoencoderConfig,
        "RecurrentConfig": RecurrentConfig,
    },
}
"""Modules of version 0.4 and the classes that pickles look up in them."""


def register() -> None:
    """Make the modules of version 0.4 importable."""
    for name, classes in MOVED.items():
        module = ModuleType(name, "Classes of version 0.4, for pickles.")
        vars(module).update(classes)
        sys.modules.setdefault(name, module)
