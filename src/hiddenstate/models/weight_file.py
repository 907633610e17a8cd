"""Reads weights to start training from: a model file, or the state_dict of a classic script."""

import shlex
import warnings
import zipfile
from pathlib import Path
from typing import Any

from hiddenstate.data.prepare.encoding import Encoding
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.data.readers.open import existing
from hiddenstate.errors import DataError, UntrustedFileError, listed, printable
from hiddenstate.models.fitted import load_model
from hiddenstate.models.net import Params
from hiddenstate.system.array_file import MAX_HEADER
from hiddenstate.system.extras import require


def read_weights(path: Path, columns: tuple[str, ...] | None = None) -> Params:
    """Return the weights in a model file, or in a state_dict with nothing but tensors.

    torch reads a state_dict with `weights_only=True`, so that no code in it runs. `columns` are
    the names of the input columns that the weights are for, if they have names.

    Raises
    ------
    DataError
        If `path` is a folder, or a model of the same columns in another order.
    UntrustedFileError
        If the file is anything else.
    """
    if path.is_dir():
        raise DataError(f"{printable(path)}: a folder; expected a model or state_dict file")
    if path.suffix == ".safetensors":
        model = load_model(path)[0]
        own = model.transform.names or ()
        if columns is not None and own != columns and sorted(own) == sorted(columns):
            order = ",".join(own)
            hint = f" with --input {shlex.quote(order)}" if len(order) <= 200 else ""
            raise DataError(
                f"{printable(path)}: was trained on columns {listed(own)}, but the data has them "
                f"as {listed(columns)}; put the columns in that order{printable(hint, 300)}"
            )
        return model.params
    return _state_dict(path)


def transform_of(weights: str | None) -> Transform | None:
    """Return how the model file that `--weights` names reads its data; None of other weights.

    Raises
    ------
    DataError
        If there is no such file.
    UntrustedFileError
        If it is a model file that is damaged.
    """
    path = existing(weights) if weights else None
    if path is None or path.suffix != ".safetensors" or path.is_dir():
        return None
    return load_model(path)[0].transform


def encodings_of(weights: str | None) -> tuple[Encoding, ...] | None:
    """Return how the inputs of such a model file are encoded; None of any file without encodings.

    Errors are those of :func:`transform_of`.
    """
    transform = transform_of(weights)
    return None if transform is None else transform.encodings or None


def refuse_code(path: Path) -> None:
    """Refuse a pickle, or torch's archive of one, before anything reads the file.

    Raises
    ------
    UntrustedFileError
        If the file is a pickle.
    """
    with path.open("rb") as stream:
        start = stream.read(9)
    # A pickle begins with the opcode of its protocol; torch's archive is a zip file. A
    # safetensors file begins with the length of its header, of which one in 32 has that low byte.
    length, header = int.from_bytes(start[:8], "little"), start[8:]
    is_safetensors = length <= MAX_HEADER and header == b"{"
    if (start[:1] == b"\x80" and not is_safetensors) or start[:4] == b"PK\x03\x04":
        raise UntrustedFileError(
            f"{printable(path)}: is a pickle, which can run code; convert it where it was made, or "
            "start a run from its state_dict with --weights"
        )


def _damaged_member(path: Path) -> str | None:
    """Return the first member of a zip archive that is damaged; torch does not check them."""
    if not zipfile.is_zipfile(path):  # torch before 1.6 wrote no archive, and no checksums
        return None
    with zipfile.ZipFile(path) as archive:
        return archive.testzip()


def _state_dict(path: Path) -> Params:
    import pickle

    torch: Any = require("torch", "reading a state_dict")
    where = printable(path)
    try:
        damaged = _damaged_member(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of old pickles; the error is one line
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise UntrustedFileError(
            f"{where}: contains more than tensors and can run code; convert it where it was made, "
            "with torch.save(net.state_dict(), FILE)"
        ) from None
    except Exception:  # noqa: BLE001  torch's reader raises anything on a damaged file
        raise UntrustedFileError(
            f"{where}: not a weights file; expected a model.safetensors, or a file that "
            "torch.save(net.state_dict(), FILE) wrote"
        ) from None
    if damaged is not None:
        raise UntrustedFileError(
            f"{where}: {printable(damaged, 60)} in the archive does not have its CRC-32; the file "
            "was damaged or changed, use another copy"
        )
    if not isinstance(loaded, dict) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in loaded.items()
    ):
        raise UntrustedFileError(f"{where}: expected a state_dict: tensors by name")
    params = {}
    for name, value in loaded.items():
        try:
            params[name] = value.detach().numpy()  # its shape is checked before it is copied
        except (TypeError, RuntimeError, NotImplementedError):
            raise UntrustedFileError(
                f"{where}: {printable(name, 60)} is {value.dtype} {value.layout}, expected a "
                "plain float32 or float64 tensor"
            ) from None
    return params
