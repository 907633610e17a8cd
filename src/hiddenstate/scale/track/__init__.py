"""Follows runs into experiment trackers: TensorBoard, MLflow, Weights & Biases and Trackio.

`follower` reads a run folder and hands what is new to a `Destination`; each tracker is one module
that writes with the tracker's own client. Training knows nothing of it.
"""

from hiddenstate.scale.track.destination import AwayError, Destination
from hiddenstate.scale.track.follower import Follower, follow

__all__ = ["AwayError", "Destination", "Follower", "follow"]
