"""Lists the pictures of each job, in their order."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from typing import Any

from hiddenstate.program.jobs import kind_of
from hiddenstate.runs.static_facts import StaticFacts
from hiddenstate.system.typing import Array
from hiddenstate.views import explained
from hiddenstate.views.pictures import words
from hiddenstate.views.pictures.picture import Frame, Picture
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


def _of_shown_rows(frame: Frame, facts: StaticFacts) -> Frame:
    of_training = facts.shown_split == "train"
    return replace(frame, title="What it makes of rows") if of_training else frame


def _of_windows(frame: Frame, facts: StaticFacts) -> Frame:
    """Return the frame of windows, which may be predicted before they are learned from."""
    return ARRIVING if facts.appended else frame


ARRIVING = Frame(
    "Each window is predicted before it learns from it",
    "Windows arrive one after another, as they do in training: the net predicts each, and "
    "then learns from it. The error below has the same time axis; its scale stays the same "
    "over the run.",
    "The first windows arrive in a moment.",
    wide=True,
)
AUGMENTED = Picture(("plain", "augmented"), rows=True)
LEARNING = Picture(
    only_if=_has_history,
    caption="The losses of single batches, their mean since the previous logged line, and the "
    "evaluations on other rows during training.",
    frame=Frame(
        "The loss as it learns",
        "Mean loss of the batches since the line before; orange, if there are validation rows, "
        "their loss after each epoch. Where that rises again the network begins to learn the "
        "training rows by heart.",
        "The loss of the first updates appears here in a moment.",
    ),
)
EXAMPLE = Picture(
    ("example",), rows=True, only_if=_has_examples, words=words.labels_in("example_label")
)
MEMORY = Picture(
    arrays=("eigenvalue",),
    words=words.reaches,
    frame=Frame(
        "How far states reach back",
        "Each step turns and shrinks a complex state: its eigenvalue is a point in the plane. The"
        " closer it is to the circle, the longer the state remembers; its angle is how far it "
        "turns. A bar is the steps until a response falls to 37 %, the longest first; a dot is "
        "the period in steps.",
        wide=True,
    ),
)
WHY = Picture(
    arrays=("why", "why_row"),
    caption="Integrated gradients, or occlusion where fixed convolutions answer: what each value "
    "adds to the answer, compared with the mean of training; hiddenstate predict --why explains "
    "any other one.",
    words=explained.in_words,
)

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
            frame=Frame(
                "What it makes of rows it never learns from",
                "The first bar of each row is the probability of its true class; below it are the"
                " classes that it takes the row for, at some moment of the run. Choose a row to "
                "see it being read.",
                wide=True,
            ),
            frame_of=_of_shown_rows,
        ),
        "probabilities": Picture(arrays=("probability",)),
        "decision": Picture(
            ("shown", "read"),
            ("hidden",),
            classes=True,
            rows=True,
            only_if=_is_read_in_steps,
            caption="Rows are read step by step; the probabilities are those if the row ended "
            "there.",
            frame=Frame(
                "How it reads a row, and when it decides",
                "The row, the hidden state after each step, and the probability of each class if "
                "the row ended there, on one axis of time. Units stand in the order in which they"
                " respond. The dashed line is where the answer became what it stayed. Click a "
                "unit to see what excites it.",
                "The hidden state of the first rows appears here with the first snapshot, and how"
                " sure the network is after each step.",
                wide=True,
            ),
        ),
        "memory": MEMORY,
        "confusion": Picture(
            arrays=("confusion",),
            classes=True,
            is_error=True,
            frame=Frame(
                "What each class is taken for",
                "A line for each true class: the shares of its test rows by the class that they "
                "are taken for; the diagonal is right. At the right: recall, the share of the "
                "class that is found. Below: precision, the share of those taken for a class that"
                " belong to it.",
                "Test rows are counted here by their true class and the class that they are taken"
                " for, for up to 50 classes, as soon as there is a snapshot.",
            ),
        ),
        "recall": Picture(classes=True, is_error=True, only_if=_has_past),
        "worst": Picture(
            arrays=("worst_row", "worst_label", "worst_chosen", "worst_chance"),
            rows=True,
            is_error=True,
            words=words.worst,
            frame=Frame(
                "The errors it is surest of",
                "Test rows whose true class has the lowest probability at this moment: the true "
                "class, what it is taken for, and the probability of the true class. Some are "
                "mislabelled, or hard for anyone.",
            ),
        ),
        "why": WHY,
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
        "tracking": Picture(
            arrays=("time", "target", "prediction"),
            only_if=_has_windows,
            frame=Frame(
                "What it makes of training windows",
                "The same windows at each moment, predicted with the weights of then.",
                "The first windows arrive in a moment.",
                wide=True,
            ),
            frame_of=_of_windows,
            on_page=lambda facts, arrays: facts.appended or "held_target" not in arrays,
        ),
        "held_out": Picture(
            ("held_of",),
            ("held_prediction",),
            is_error=True,
            frame=Frame(
                "The part that it never learns from",
                "Left of the border is the end of what it learns from, right of it the held-out "
                "part: the target, the prediction with the weights of the moment, and, dashed, a "
                "simple forecast or the mean. The error below has the same axis.",
                "The held-out part appears with the first snapshot.",
                wide=True,
            ),
            on_page=lambda facts, arrays: "held_target" in arrays,
        ),
        "why": WHY,
        "error": Picture(arrays=("target", "prediction"), is_error=True, only_if=_has_errors),
        "spectrum": Picture(arrays=("spectrum",), is_error=True),
        "hidden": Picture(
            arrays=("hidden", "hidden_time"),
            frame=Frame(
                "Hidden units over time",
                "Each line is a unit: red above zero, blue below, always in the same order. "
                "Below, where the state is carried from window to window: the same with each "
                "window started from zeros, and how far apart both are.",
                "The units appear with the first snapshot.",
            ),
        ),
        "portrait": Picture(
            arrays=("hidden", "hidden_time"),
            frame=Frame(
                "Where the hidden state goes",
                "The state of all units after each step, seen from where it varies most: the "
                "first two principal components, which stay the same over the run. The path goes "
                "from pale to dark; dashed is the state that starts anew with each window.",
                "The path of the hidden state appears with the first snapshot.",
            ),
        ),
        "streams": Picture(
            arrays=("stream_state",),
            only_if=_has_streams,
            words=words.states_of_streams,
            frame=Frame(
                "The states of all streams",
                "Each line is a stream that is read at the same time, each column a unit of the "
                "state that it carries: red above zero, blue below. Streams that have ended are "
                "pale; the windows above are of the one that is marked.",
                wide=True,
            ),
            on_page=lambda facts, arrays: facts.stream is not None,
        ),
        "memory": MEMORY,
    },
    "codes": {
        "example": EXAMPLE,
        "augmented": AUGMENTED,
        "learning": LEARNING,
        "pca": Picture(("pca_train_mse",), only_if=_has_history),
        "codes": Picture(
            arrays=("code",),
            classes=True,
            frame=Frame(
                "Codes: rows that are alike come together",
                "Each point is a row, pressed into the numbers of its code. Drag to turn, click a"
                " point to look at its row, drag the ring to see what other codes decode to. "
                "Keys: arrows turn or move, + and - zoom, N and P choose a row, D changes what "
                "dragging does, Home resets.",
                "The codes appear with the first snapshot, in a tangle that training unfolds.",
            ),
        ),
        "reconstructions": Picture(
            ("original",),
            ("reconstruction",),
            rows=True,
            frame=Frame(
                "What is left of a row",
                "Rows that it never learns from, what it makes of their codes, and the "
                "difference: red is too much, blue too little; of pictures in colour, grey is "
                "none. Below is the mean squared error of each, in scaled numbers. Click one to "
                "see where its code lies.",
                "Rows and their reconstructions appear with the first snapshot.",
                wide=True,
            ),
            on_page=lambda facts, arrays: len(arrays.get("original", ())) > 0,
        ),
        "grid": Picture(
            arrays=("grid",),
            frame=Frame(
                "A map of what it can decode",
                "Codes on a square in the plane in which the codes vary most, two standard "
                "deviations to each side, decoded. Click one to go there.",
                "What codes between those of rows decode to appears with the first snapshot.",
            ),
        ),
        "walk": Picture(
            arrays=("walk",),
            rows=True,
            frame=Frame(
                "From one row to another in ten steps",
                "The codes on the straight line between those of two rows, decoded. In a good "
                "space of codes each step is a row that could be.",
                "The way between two rows appears with the first snapshot.",
            ),
        ),
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


def frames_of(
    job: str, facts: StaticFacts | None, arrays: Mapping[str, Array]
) -> dict[str, dict[str, Any]]:
    """Return the frames of the pictures on the page of a run by name, in order, as JSON."""
    pictures = PICTURES[kind_of(job).answers]
    frames = {name: picture.framed(facts, arrays) for name, picture in pictures.items()}
    return {name: asdict(frame) for name, frame in frames.items() if frame is not None}
