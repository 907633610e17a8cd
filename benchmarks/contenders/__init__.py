"""Who takes part in which job of `speed.py`.

script
    the plain torch loop of the classic tutorials: `DataLoader`, items converted one by one.
torch in memory
    the same net in torch with the data as one float tensor, index batches and fused Adam.
hiddenstate torch, hiddenstate native
    the library, through its jobs and engines.
jax
    one jitted training step, data as one device array.
keras
    `fit`, on jax where it is installed and on torch else.
"""

from contenders.base import Entry, Lap, Work, has_engine
from contenders.workers import LostError, Worker, wanted, working

WORK = {
    "classify": Work(size=100, every=50, epoch=938, looks=19),
    "autoencode": Work(size=100, every=100, epoch=938, looks=10),
}
"""Jobs measured by the epoch; regress is measured by the window."""

TORCH, JAX, KERAS = ("torch", "PIL"), ("jax",), ("keras",)


def _by_the_epoch(job: str) -> tuple[Entry, ...]:
    """The contenders of classify or autoencode."""
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
"""Regress, one window at a time from Python."""

LOOPS = (
    Entry("hiddenstate torch, run", "with_library:Library", TORCH, _LIBRARY | {"engine": "torch"}),
    Entry("hiddenstate native, run", "with_library:Library", (), _LIBRARY | {"engine": "native"}),
    Entry("jax, scan over windows", "with_jax:JaxRegress", JAX, {"scan": True}),
    Entry("keras, fit", "with_keras:Keras", KERAS, _LIBRARY),
)
"""Regress, many windows in one call."""

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
