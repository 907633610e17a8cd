"""Engines, which compute training steps and predictions: one interface, two engines.

An engine is made from a `Task` and a `TrainingState` and runs steps by number. From the same
weights, moments, carried state and step number, every engine computes the same step.
"""

from hiddenstate.engines.choose import kernel_notices, make_engine, make_predictor
from hiddenstate.engines.interface import Chunk, Engine, EngineInfo, Predictor, Task, TrainingState

__all__ = [
    "Chunk",
    "Engine",
    "EngineInfo",
    "Predictor",
    "Task",
    "TrainingState",
    "kernel_notices",
    "make_engine",
    "make_predictor",
]
