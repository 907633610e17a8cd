"""Lists the pictures of each job, in their order."""

from collections.abc import Collection

from hiddenstate.views.pictures import words
from hiddenstate.views.pictures.picture import Picture
from hiddenstate.views.timeline import Moment, Timeline


def _has_history(timeline: Timeline, moment: Moment) -> bool:
    return bool(moment.history)


def _has_examples(timeline: Timeline, moment: Moment) -> bool:
    return len(timeline.static_arrays["example"]) > 0


def _is_read_in_steps(timeline: Timeline, moment: Moment) -> bool:
    return not timeline.form.is_quantities


def _has_past(timeline: Timeline, moment: Moment) -> bool:
    return len(timeline.over_time("confusion", until=moment.step)[0]) > 1


def _follows_rows(timeline: Timeline, moment: Moment) -> bool:
    """Whether the same rows are followed over several snapshots."""
    steps, (rows,) = timeline.over_time("followed", until=moment.step)
    return len(steps) > 1 and bool((rows == rows[-1]).all())


def _has_windows(timeline: Timeline, moment: Moment) -> bool:
    return len(moment.arrays["target"]) > 0


def _has_errors(timeline: Timeline, moment: Moment) -> bool:
    """Whether there are errors of windows that no held-out part has instead."""
    held_out = PICTURES["targets"]["held_out"].is_there(timeline, moment)
    return _has_windows(timeline, moment) and (timeline.facts.appended or not held_out)


def _has_streams(timeline: Timeline, moment: Moment) -> bool:
    return timeline.facts.stream is not None


AUGMENTED = Picture(("plain", "augmented"), rows=True)
LEARNING = Picture(
    only_if=_has_history,
    caption="The losses of single batches, their mean since the previous logged line, and the "
    "evaluations on other rows during training.",
)
EXAMPLE = Picture(
    ("example",), rows=True, only_if=_has_examples, words=words.labels_in("example_label")
)
MEMORY = Picture(arrays=("eigenvalue",), words=words.reaches)

PICTURES: dict[str, dict[str, Picture]] = {
    "classes": {
        "example": EXAMPLE,
        "augmented": AUGMENTED,
        "learning": LEARNING,
        "predictions": Picture(
            ("shown", "shown_label"),
            ("probability",),
            rows=True,
            caption="The predicted label is above each row.",
            words=words.predicted,
        ),
        "probabilities": Picture(arrays=("probability",)),
        "confusion": Picture(arrays=("confusion",), classes=True, is_error=True),
        "recall": Picture(classes=True, is_error=True, only_if=_has_past),
        "worst": Picture(
            arrays=("worst_row", "worst_label", "worst_chosen", "worst_chance"),
            rows=True,
            is_error=True,
            words=words.worst,
        ),
        "decision": Picture(
            ("shown", "read"),
            ("hidden",),
            classes=True,
            rows=True,
            only_if=_is_read_in_steps,
            caption="Rows are read step by step; the probabilities are those if the row ended "
            "there.",
        ),
        "memory": MEMORY,
        "dynamics": Picture(arrays=("followed",), classes=True, only_if=_follows_rows),
        "calibration": Picture(
            arrays=("calibration_rows",),
            is_error=True,
            caption="The bars are 95 % intervals of the shares.",
        ),
        "curves": Picture(arrays=("roc",), classes=True, is_error=True),
    },
    "targets": {
        "signals": Picture(("time", "input", "target"), words=words.signals),
        "augmented": AUGMENTED,
        "learning": LEARNING,
        "held_out": Picture(("held_of",), ("held_prediction",), is_error=True),
        "tracking": Picture(arrays=("time", "target", "prediction"), only_if=_has_windows),
        "error": Picture(arrays=("target", "prediction"), is_error=True, only_if=_has_errors),
        "spectrum": Picture(arrays=("spectrum",), is_error=True),
        "hidden": Picture(arrays=("hidden", "hidden_time")),
        "portrait": Picture(arrays=("hidden", "hidden_time")),
        "streams": Picture(
            arrays=("stream_state",), only_if=_has_streams, words=words.states_of_streams
        ),
        "memory": MEMORY,
    },
    "codes": {
        "example": EXAMPLE,
        "augmented": AUGMENTED,
        "learning": LEARNING,
        "pca": Picture(("pca_train_mse",), only_if=_has_history),
        "reconstructions": Picture(("original",), ("reconstruction",), rows=True),
        "codes": Picture(arrays=("code",), classes=True),
        "grid": Picture(arrays=("grid",)),
        "walk": Picture(arrays=("walk",), rows=True),
        "worst": Picture(
            arrays=("worst_row", "worst_rebuilt", "worst_error"),
            rows=True,
            is_error=True,
            words=words.labels_in("worst_label"),
        ),
    },
}
"""Pictures by what the job answers and by name; a run has those that it has the arrays for."""

LEADS = {
    "classes": ("predictions", "dynamics", "learning"),
    "targets": ("held_out", "tracking", "learning"),
    "codes": ("codes", "reconstructions", "learning"),
}
"""The picture that stands for a run, by what its job answers: the first of these that it has."""


def pictures_there(
    timeline: Timeline, moment: Moment, among: Collection[str], filled: bool = False
) -> list[str]:
    """Return the pictures `among` some names that a run has arrays for at a moment, in order; with
    `filled` only those without an empty one."""
    return [
        name
        for name, picture in PICTURES[timeline.kind.answers].items()
        if name in among
        and picture.is_there(timeline, moment)
        and not (filled and picture.is_empty(timeline, moment))
    ]
