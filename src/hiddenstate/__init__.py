"""Train small recurrent networks and autoencoders, and watch their hidden states form.

The public names are listed in `__all__` and imported when they are first used.
"""

from __future__ import annotations

TYPE_CHECKING = False  # not imported from typing: __main__ says why
if TYPE_CHECKING:  # the names of _PUBLIC, with their types
    from typing import Any

    from hiddenstate.data import read_data as read_data
    from hiddenstate.datasets import load_mnist as load_mnist
    from hiddenstate.datasets import load_waves as load_waves
    from hiddenstate.errors import HiddenstateError as HiddenstateError
    from hiddenstate.estimators import Autoencoder as Autoencoder
    from hiddenstate.estimators import RecurrentClassifier as RecurrentClassifier
    from hiddenstate.estimators import RecurrentRegressor as RecurrentRegressor
    from hiddenstate.estimators import load as load
    from hiddenstate.live.launch import watch as watch
    from hiddenstate.runs import Run as Run
    from hiddenstate.scale.sweep.interface import load_sweep as load_sweep
    from hiddenstate.scale.sweep.interface import sweep as sweep
    from hiddenstate.scale.tune.search import tune as tune
    from hiddenstate.training.callback import LoggerCallback as LoggerCallback
    from hiddenstate.training.trainer import Callback as Callback
    from hiddenstate.version import __version__ as __version__

_PUBLIC = {
    "__version__": "hiddenstate.version",
    "RecurrentClassifier": "hiddenstate.estimators",
    "RecurrentRegressor": "hiddenstate.estimators",
    "Autoencoder": "hiddenstate.estimators",
    "load": "hiddenstate.estimators",
    "read_data": "hiddenstate.data",
    "load_mnist": "hiddenstate.datasets",
    "load_waves": "hiddenstate.datasets",
    "sweep": "hiddenstate.scale.sweep.interface",
    "load_sweep": "hiddenstate.scale.sweep.interface",
    "watch": "hiddenstate.live.launch",
    "tune": "hiddenstate.scale.tune.search",
    "Callback": "hiddenstate.training.trainer",
    "LoggerCallback": "hiddenstate.training.callback",
    "Run": "hiddenstate.runs",
    "HiddenstateError": "hiddenstate.errors",
}

__all__ = [*_PUBLIC]


if not TYPE_CHECKING:  # for a type checker, it would give a type to any name

    def __getattr__(name: str) -> Any:
        import importlib

        if name not in _PUBLIC:
            raise AttributeError(f"module 'hiddenstate' has no attribute {name!r}")
        return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
