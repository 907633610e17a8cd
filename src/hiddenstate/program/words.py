"""What companions, and what else stands beside the nets of a model, are called."""

from __future__ import annotations

from dataclasses import dataclass

from hiddenstate.program.companions import FixedConvolutions
from hiddenstate.program.jobs import KINDS


@dataclass(frozen=True)
class Words:
    """What a kind of companion, or what else stands beside nets, is called.

    Parameters
    ----------
    name : str
        Of its option, and of its facts and arrays in a model file.
    answers : {"classes", "targets"}
        What jobs answer that have it.
    title : str
        Of a companion a plural, as in "adds nothing to ..." and "9,996 ...".
    method : str
        What answers if it stands alone.
    definition : str
        Of its score alone, in the glossary of results.
    adds : bool
        Whether the outputs of nets are added to it; else probabilities are averaged.
    """

    name: str
    answers: str
    title: str
    method: str
    definition: str
    adds: bool = False

    @property
    def result(self) -> str:
        """Name of its score alone."""
        return f"{self.name}_{'mse' if self.adds else 'accuracy'}"


COMPANIONS: dict[type, Words] = {
    FixedConvolutions: Words(
        "convolutions",
        "classes",
        "fixed convolutions",
        "fixed convolutions with a linear classifier",
        "Share of test rows that a linear classifier labels right, trained on the shares of "
        "positive values of convolutions that are not trained (MiniRocket).",
    )
}
"""All kinds of companions, in the order in which they join the nets."""

FORECAST = Words(
    "linear",
    "targets",
    "linear path",
    "the linear path alone",
    "Mean squared error, on the same test targets, of the linear function of the last values that "
    "the network adds to, alone.",
    adds=True,
)
"""What the step `Forecast` is called."""

BESIDE = {
    job: tuple(w for w in (*COMPANIONS.values(), FORECAST) if w.answers == kind.answers)
    for job, kind in KINDS.items()
}
"""What may stand beside the nets of a job."""
