"""What computes training steps: one interface, one engine a file.

An engine is made from a `Task` and a `TrainingState` and then runs steps by number. From the
same weights, moments, carried state and step numbers every engine takes the same steps.
"""

from hiddenstate.engines.choose import kernel_notices, make_engine, make_predictor
from hiddenstate.engines.interface import Chunk, Engine, Predictor, Task, TrainingState

__all__ = [
    "Chunk",
    "Engine",
    "Predictor",
    "Task",
    "TrainingState",
    "kernel_notices",
    "make_engine",
    "make_predictor",
]
