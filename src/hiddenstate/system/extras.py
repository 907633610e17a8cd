"""Optional dependencies: which extra brings each, and one message where it is missing."""

import importlib
import importlib.util
import json
import os
import shlex
from types import ModuleType

from hiddenstate.errors import MissingExtraError

EXTRAS = {
    "torch": "torch",
    "pyarrow": "tables",
    "openpyxl": "excel",
    "av": "film",
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
    "trackio": "trackio",
    "statsforecast": "peers",
    "river": "river",
    "anywidget": "notebook",
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
    """Return the command that installs an optional package: from the registry, or again from the
    folder that hiddenstate was installed from."""
    extra, source = EXTRAS[module], _source()
    if source is None:
        return f"pip install 'hiddenstate[{extra}]'"
    folder, is_editable = source
    return f"pip install {'-e ' * is_editable}{shlex.quote(f'{folder}[{extra}]')}"


def _source() -> tuple[str, bool] | None:
    """Return the folder that pip installed hiddenstate from, and whether it is run from there.

    None if it came from a registry or a file. Python's packaging specification calls the record
    direct_url.json.
    """
    from importlib import metadata
    from urllib.parse import unquote, urlsplit

    try:
        text = metadata.distribution("hiddenstate").read_text("direct_url.json")
        record = json.loads(text or "{}")
        url, about = urlsplit(record["url"]), record["dir_info"]
        folder = unquote(url.path)
        if url.scheme != "file" or not os.path.isfile(os.path.join(folder, "pyproject.toml")):
            return None
        return folder, bool(about.get("editable"))
    except (metadata.PackageNotFoundError, OSError, ValueError, LookupError, TypeError):
        return None


def is_installed(module: str) -> bool:
    """Whether an optional package can be found; it is not imported."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # something that takes the place of a package, and is none
        return False
