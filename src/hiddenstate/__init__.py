"""Train small recurrent networks and autoencoders, and watch their hidden states form.

The public names are listed in `__all__` and imported when they are first used.
"""

from __future__ import annotations

TYPE_CHECKING = False  # not imported from typing: __main__ says why
if TYPE_CHECKING:
    from typing import Any

__version__ = "0.4.0"

_PUBLIC = {
    "RecurrentClassifier": "hiddenstate.estimators",
    "RecurrentRegressor": "hiddenstate.estimators",
    "Autoencoder": "hiddenstate.estimators",
    "load": "hiddenstate.estimators",
    "read_data": "hiddenstate.data",
    "load_mnist": "hiddenstate.datasets",
    "load_waves": "hiddenstate.datasets",
    "watch": "hiddenstate.live.launch",
    "Callback": "hiddenstate.training.callback",
    "Run": "hiddenstate.runs",
    "HiddenstateError": "hiddenstate.errors",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    import importlib

    if name not in _PUBLIC:
        raise AttributeError(f"module 'hiddenstate' has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
