"""Lists the contenders of each job of `speed.py`.

script
    The plain torch loop of the classic tutorials: `DataLoader`, items converted one by one.
torch in memory
    The same network in torch with the data in one float tensor, index batches and fused Adam.
hiddenstate torch, hiddenstate native
    The library, through its jobs and engines.
jax
    One jitted training step, data in one device array.
keras
    `fit`, on jax if it is installed and on torch otherwise.
"""

from contenders.base import Entry, Lap, Work, has_engine
from contenders.workers import LostError, Worker, wanted, working

WORK = {
    "classify": Work(size=100, every=50, epoch=938, looks=19),
    "autoencode": Work(size=100, every=100, epoch=938, looks=10),
}
"""The work of jobs measured per epoch; regress is measured per window."""

TORCH, JAX, KERAS = ("torch", "PIL"), ("jax",), ("keras",)


def _by_the_epoch(job: str) -> tuple[Entry, ...]:
    """Return the contenders of classify or autoencode."""
    title = job.title()
    return (
        Entry("script", f"with_torch:Script{title}", TORCH),
        Entry("torch in memory", f"with_torch:Memory{title}", TORCH),
        Entry("hiddenstate torch", "with_library:Library", TORCH, {"job": job, "engine": "torch"}),
        Entry("hiddenstate native", "with_library:Library", (), {"job": job, "engine": "native"}),
        Entry("jax", f"with_jax:Jax{title}", JAX),
        Entry("keras", "with_keras:Keras", KERAS, {"job": job}),
    )


_LIBRARY = {"job": "regress"}

STEPPING = (
    Entry("script", "with_torch:ScriptRegress", TORCH),
    Entry("torch in memory", "with_torch:MemoryRegress", TORCH),
    Entry("hiddenstate native, step", "with_library:Stepper", (), {"engine": "native"}),
    Entry("jax, jitted step", "with_jax:JaxRegress", JAX),
)
"""Contenders of regress with one call per window."""

LOOPS = (
    Entry("hiddenstate torch, run", "with_library:Library", TORCH, _LIBRARY | {"engine": "torch"}),
    Entry("hiddenstate native, run", "with_library:Library", (), _LIBRARY | {"engine": "native"}),
    Entry("jax, scan over windows", "with_jax:JaxRegress", JAX, {"scan": True}),
    Entry("keras, fit", "with_keras:Keras", KERAS, _LIBRARY),
)
"""Contenders of regress with many windows per call."""

CONTENDERS = {
    "classify": _by_the_epoch("classify"),
    "autoencode": _by_the_epoch("autoencode"),
    "regress": STEPPING + LOOPS,
}

__all__ = [
    "CONTENDERS",
    "LOOPS",
    "STEPPING",
    "WORK",
    "Entry",
    "Lap",
    "LostError",
    "Work",
    "Worker",
    "has_engine",
    "wanted",
    "working",
]
