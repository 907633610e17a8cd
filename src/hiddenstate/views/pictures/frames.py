"""The words around the pictures of a run on a page; pages translate them."""

from dataclasses import asdict, dataclass

from hiddenstate.program.jobs import kind_of
from hiddenstate.runs.static_facts import StaticFacts
from hiddenstate.views.pictures.table import PICTURES


@dataclass(frozen=True)
class Frame:
    """What stands around a picture.

    Parameters
    ----------
    title : str
        What there is to see, in a few words.
    caption : str
        What it means, for whoever asks.
    empty : str, optional
        What stands in its place until there is something to draw.
    """

    title: str
    caption: str
    empty: str = ""


LEARNING = Frame(
    "The loss as it learns",
    "Mean loss of the batches since the line before; orange, if there are validation rows, "
    "their loss after each epoch. Where that rises again the network begins to learn the "
    "training rows by heart.",
    "The loss of the first updates appears here in a moment.",
)

MEMORY = Frame(
    "How far states reach back",
    "Each step turns and shrinks a complex state: its eigenvalue is a point in the plane. The"
    " closer it is to the circle, the longer the state remembers; its angle is how far it "
    "turns. A bar is the steps until a response falls to 37 %, the longest first; a dot is "
    "the period in steps.",
)

FRAMES = {
    "classes": {
        "learning": LEARNING,
        "predictions": Frame(
            "What it makes of rows it never learns from",
            "The first bar of each row is the probability of its true class; below it are the"
            " classes that it takes the row for, at some moment of the run. Choose a row to "
            "see it being read.",
        ),
        "confusion": Frame(
            "What each class is taken for",
            "A line for each true class: the shares of its test rows by the class that they "
            "are taken for; the diagonal is right. At the right: recall, the share of the "
            "class that is found. Below: precision, the share of those taken for a class that"
            " belong to it.",
            "Test rows are counted here by their true class and the class that they are taken"
            " for, for up to 50 classes, as soon as there is a snapshot.",
        ),
        "worst": Frame(
            "The errors it is surest of",
            "Test rows whose true class has the lowest probability at this moment: the true "
            "class, what it is taken for, and the probability of the true class. Some are "
            "mislabelled, or hard for anyone.",
        ),
        "decision": Frame(
            "How it reads a row, and when it decides",
            "The row, the hidden state after each step, and the probability of each class if "
            "the row ended there, on one axis of time. Units stand in the order in which they"
            " respond. The dashed line is where the answer became what it stayed. Click a "
            "unit to see what excites it.",
            "The hidden state of the first rows appears here with the first snapshot, and how"
            " sure the network is after each step.",
        ),
        "memory": MEMORY,
    },
    "targets": {
        "learning": LEARNING,
        "held_out": Frame(
            "The part that it never learns from",
            "Left of the border is the end of what it learns from, right of it the held-out "
            "part: the target, the prediction with the weights of the moment, and, dashed, a "
            "simple forecast or the mean. The error below has the same axis.",
            "The held-out part appears with the first snapshot.",
        ),
        "tracking": Frame(
            "What it makes of training windows",
            "The same windows at each moment, predicted with the weights of then.",
            "The first windows arrive in a moment.",
        ),
        "hidden": Frame(
            "Hidden units over time",
            "Each line is a unit: red above zero, blue below, always in the same order. "
            "Below, where the state is carried from window to window: the same with each "
            "window started from zeros, and how far apart both are.",
            "The units appear with the first snapshot.",
        ),
        "portrait": Frame(
            "Where the hidden state goes",
            "The state of all units after each step, seen from where it varies most: the "
            "first two principal components, which stay the same over the run. The path goes "
            "from pale to dark; dashed is the state that starts anew with each window.",
            "The path of the hidden state appears with the first snapshot.",
        ),
        "streams": Frame(
            "The states of all streams",
            "Each line is a stream that is read at the same time, each column a unit of the "
            "state that it carries: red above zero, blue below. Streams that have ended are "
            "pale; the windows above are of the one that is marked.",
        ),
        "memory": MEMORY,
    },
    "codes": {
        "learning": LEARNING,
        "reconstructions": Frame(
            "What is left of a row",
            "Rows that it never learns from, what it makes of their codes, and the "
            "difference: red is too much, blue too little. Below is the mean squared error "
            "of each, in scaled numbers. Click one to see where its code lies.",
            "Rows and their reconstructions appear with the first snapshot.",
        ),
        "codes": Frame(
            "Codes: rows that are alike come together",
            "Each point is a row, pressed into the numbers of its code. Drag to turn, click a"
            " point to look at its row, drag the ring to see what other codes decode to. "
            "Keys: arrows turn or move, + and - zoom, N and P choose a row, D changes what "
            "dragging does, Home resets.",
            "The codes appear with the first snapshot, in a tangle that training unfolds.",
        ),
        "grid": Frame(
            "A map of what it can decode",
            "Codes on a square in the plane in which the codes vary most, two standard "
            "deviations to each side, decoded. Click one to go there.",
            "What codes between those of rows decode to appears with the first snapshot.",
        ),
        "walk": Frame(
            "From one row to another in ten steps",
            "The codes on the straight line between those of two rows, decoded. In a good "
            "space of codes each step is a row that could be.",
            "The way between two rows appears with the first snapshot.",
        ),
    },
}
"""The frames of pictures that pages show, by what the job answers and by name."""

ARRIVING = Frame(
    "Each window is predicted before it learns from it",
    "Windows arrive one after another, as they do in training: the net predicts each, and "
    "then learns from it. The error below has the same time axis; its scale stays the same "
    "over the run.",
    "The first windows arrive in a moment.",
)
"""The frame of `tracking` where windows are predicted before they are learned from."""

SHOWN_TRAINING = "What it makes of rows"
"""The title of `predictions` of training rows."""


def frames_of(job: str, facts: StaticFacts | None) -> dict[str, dict[str, str]]:
    """Return the frames of the pictures of a run by name, in their order, as JSON has them."""
    kind = kind_of(job)
    own = FRAMES[kind.answers]
    frames = {name: own[name] for name in PICTURES[kind.answers] if name in own}
    if facts is not None and facts.appended and kind.has_targets:
        frames["tracking"] = ARRIVING
    if facts is not None and facts.shown_split == "train" and kind.has_classes:
        shown = frames["predictions"]
        frames["predictions"] = Frame(SHOWN_TRAINING, shown.caption, shown.empty)
    return {name: asdict(frame) for name, frame in frames.items()}
