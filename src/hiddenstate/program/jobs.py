"""The jobs, each declared once: what its rows and answers are. Code asks for these facts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class JobKind:
    """What a job learns from rows.

    Parameters
    ----------
    name : str
        Of its command, and in every file.
    title : str
        What a run of it is, in reports.
    summary : str
        What its command does.
    answers : {"classes", "targets", "codes"}
    score : str
        Its main score, as the results of a run name it after `test_` and `baseline_`.
    images : bool, default False
        Whether it reads images.
    """

    name: str
    title: str
    summary: str
    answers: str
    score: str
    images: bool = False

    @property
    def has_classes(self) -> bool:
        """Whether an answer is one of several classes: labels are learned, outputs are logits."""
        return self.answers == "classes"

    @property
    def has_targets(self) -> bool:
        """Whether an answer is a number or several, which are compared with targets."""
        return self.answers == "targets"

    @property
    def has_codes(self) -> bool:
        """Whether rows are flat and their own targets: codes and reconstructed rows answer."""
        return self.answers == "codes"

    @property
    def has_series(self) -> bool:
        """Whether rows are series with labels or targets, which a recurrent net reads by step."""
        return not self.has_codes


KINDS = {
    kind.name: kind
    for kind in (
        JobKind(
            "classify",
            "Sequence classification",
            "Train a recurrent network to classify sequences.",
            "classes",
            "accuracy",
            images=True,
        ),
        JobKind(
            "regress",
            "Sequence regression",
            "Train a recurrent network to predict a signal.",
            "targets",
            "mse",
        ),
        JobKind(
            "autoencode",
            "Autoencoder",
            "Train an autoencoder and draw its codes.",
            "codes",
            "mse",
            images=True,
        ),
    )
}
"""The jobs by name, in the order in which they are listed."""


def kind_of(job: str) -> JobKind:
    """Return what the job of this name is."""
    return KINDS[job]


def first_with(answers: str) -> str:
    """Return the name of the first job with such answers."""
    return next(kind.name for kind in KINDS.values() if kind.answers == answers)
