"""Optional dependencies: which extra brings each, and one message where it is missing."""

import importlib
import importlib.util
from types import ModuleType

from hiddenstate.errors import MissingExtraError

EXTRAS = {
    "torch": "torch",
    "pyarrow": "tables",
    "openpyxl": "excel",
    "imageio_ffmpeg": "film",
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "starlette": "studio",
    "uvicorn": "studio",
    "optuna": "tune",
    "psycopg": "tune",
    "dask": "dask",
    "distributed": "dask",
    "tensorboard": "tensorboard",
    "mlflow": "mlflow",
    "wandb": "wandb",
}
"""Extra of each optional package, as pyproject.toml has them, by the name that is imported."""


def require(module: str, purpose: str) -> ModuleType:
    """Import an optional package.

    Parameters
    ----------
    module : str
        A key of `EXTRAS`.
    purpose : str
        What needs it, as the start of a sentence: `reading Parquet`.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:  # it is there, and what it imports is not
            raise
    raise missing(module, purpose)


def missing(module: str, purpose: str) -> MissingExtraError:
    """Return the error for `purpose` without `module`."""
    return MissingExtraError(f"{purpose} requires {module}; {install(module)}")


def install(module: str) -> str:
    """Return how to install an optional package."""
    return f"install it with: {command(module)}"


def command(module: str) -> str:
    """Return the command that installs an optional package."""
    return f"pip install 'hiddenstate[{EXTRAS[module]}]'"


def is_installed(module: str) -> bool:
    """Whether an optional package can be found; it is not imported."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # something that takes the place of a package, and is none
        return False
