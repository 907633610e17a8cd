"""Where training starts: fresh weights, a model file, or a classic script's state_dict."""

import warnings
from pathlib import Path

from hiddenstate.errors import DataError, UntrustedFileError, printable
from hiddenstate.models.fitted import load_model
from hiddenstate.models.net import Params


def read_weights(path: Path) -> Params:
    """Weights by name from a model file of ours or from a tensors-only state_dict.

    A state_dict is read by torch with `weights_only=True`: plain tensors, and no code.

    Raises
    ------
    UntrustedFileError
        If the file is anything else.
    """
    if path.is_dir():
        raise DataError(f"{printable(path)}: a folder; expected a model or state_dict file")
    if path.suffix == ".safetensors":
        return load_model(path)[0].params
    return _state_dict(path)


def refuse_code(path: Path) -> None:
    """Refuse a file that is a pickle, or torch's archive of one, before anything reads it.

    Raises
    ------
    UntrustedFileError
        If it is.
    """
    with path.open("rb") as stream:
        start = stream.read(4)
    # A pickle opens with its protocol's opcode, torch's archive is a zip file.
    if start[:1] == b"\x80" or start == b"PK\x03\x04":
        raise UntrustedFileError(
            f"{printable(path)}: is a pickle, which can run code; convert where it was made, or "
            "start a run from its state_dict with --weights"
        )


def _state_dict(path: Path) -> Params:
    import pickle

    import torch

    where = printable(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of old pickles above our one line
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise UntrustedFileError(
            f"{where}: is not plain tensors and can run code; convert it where it was made, with "
            "torch.save(net.state_dict(), FILE)"
        ) from None
    except Exception:  # noqa: BLE001  torch's reader raises anything on a damaged file
        raise UntrustedFileError(
            f"{where}: not a file of weights; expected a model.safetensors, or what "
            "torch.save(net.state_dict(), FILE) wrote"
        ) from None
    if not isinstance(loaded, dict) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in loaded.items()
    ):
        raise UntrustedFileError(f"{where}: expected a state_dict of tensors by name")
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
