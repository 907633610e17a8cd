"""A network as named arrays, and the file that holds a trained one."""

from hiddenstate.models.fitted import FittedModel, load_model
from hiddenstate.models.net import Net, Params

__all__ = ["FittedModel", "Net", "Params", "load_model"]
