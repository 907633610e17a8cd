"""The arrays of a classifier in `snapshots/` of a run folder: their numbers, axes and meaning."""

from typing import Annotated, Required, TypedDict

from hiddenstate.runs.array_spec import (
    EIGENVALUE,
    ArraySpec,
    Explained,
)
from hiddenstate.system.typing import Array

PROBABILITY = ArraySpec("f", "N C", "class probabilities of `shown`")

DECISION = "class probabilities if the row ended there; for at most 50 classes"


class AugmentedRows(TypedDict, total=False):
    """Training rows before and after augmentation; none of windows that are scaled each."""

    plain: Annotated[Array, ArraySpec("uf", "U T I", "training rows as they are", "augmented")]
    augmented: Annotated[
        Array, ArraySpec("uf", "U T I", "these rows as augmented in a first epoch", "augmented")
    ]


class ClassifyStatic(AugmentedRows, total=False):
    """Arrays of a classifier that training never changes."""

    example: Annotated[
        Required[Array], ArraySpec("uf", "A T I", "training rows shown before training")
    ]
    example_label: Annotated[Required[Array], ArraySpec("i", "A", "class numbers of `example`")]
    shown: Annotated[
        Required[Array], ArraySpec("uf", "N T I", "the rows whose predictions are shown")
    ]
    shown_label: Annotated[Required[Array], ArraySpec("i", "N", "class numbers of `shown`")]
    read: Annotated[
        Array,
        ArraySpec(
            "i",
            "P",
            "numbers of steps read, after which states are saved: evenly spread, last T",
        ),
    ]
    wave: Annotated[
        Array,
        ArraySpec(
            "uf",
            "h s",
            "of sounds read in bands: the samples x of the frames of the first shown rows, the "
            "mean of their channels, as bytes 128 + 127 sign(x) log(1 + 255 |x|) / log(256), then "
            "128",
        ),
    ]
    majority_evaluated: Annotated[
        Array,
        ArraySpec(
            "f",
            "1",
            "the accuracy of the most frequent training class on the first `n_evaluated` test rows",
        ),
    ]


class ClassifyEvaluated(TypedDict, total=False):
    """Arrays of a classifier over the evaluated test rows."""

    confusion: Annotated[
        Array,
        ArraySpec(
            "i",
            "C C",
            "counts of the evaluated test rows, first axis the true class; for at most 50 classes",
        ),
    ]
    worst: Annotated[
        Array,
        ArraySpec(
            "i",
            "K",
            "numbers of the wrong rows whose true class has the lowest probability, at most 10; if "
            "no row is wrong, of the rows where this probability is lowest",
            "worst",
        ),
    ]
    worst_row: Annotated[Array, ArraySpec("uf", "K T I", "those rows, in at most 64 KiB", "worst")]
    worst_label: Annotated[Array, ArraySpec("i", "K", "their true class numbers", "worst")]
    worst_chosen: Annotated[Array, ArraySpec("i", "K", "their predicted class numbers", "worst")]
    worst_chance: Annotated[
        Array, ArraySpec("f", "K", "the probabilities of their true classes", "worst")
    ]
    followed: Annotated[
        Array,
        ArraySpec("i", "E", "numbers of some of the evaluated test rows", "followed"),
    ]
    followed_label: Annotated[Array, ArraySpec("i", "E", "their true class numbers", "followed")]
    followed_right: Annotated[
        Array,
        ArraySpec("i", "E", "1 where the predicted class is the true one, else 0", "followed"),
    ]
    followed_chance: Annotated[
        Array, ArraySpec("f", "E", "the probabilities of their true classes", "followed")
    ]
    calibration_rows: Annotated[
        Array,
        ArraySpec(
            "i",
            "10",
            "counts of the evaluated test rows by the probability of their predicted class, in "
            "intervals of 0.1",
            "calibration",
        ),
    ]
    calibration_confidence: Annotated[
        Array,
        ArraySpec(
            "f", "10", "the mean of this probability in each interval, or NaN", "calibration"
        ),
    ]
    calibration_accuracy: Annotated[
        Array,
        ArraySpec("f", "10", "the share of correct rows in each interval, or NaN", "calibration"),
    ]
    roc: Annotated[
        Array,
        ArraySpec(
            "f",
            "C 101",
            "the largest true positive rate of each class against all others at false positive "
            "rates 0, 0.01, ... 1; only at the end, for at most 50 classes; NaN for a class "
            "without test rows",
            "curves",
        ),
    ]
    precision: Annotated[
        Array,
        ArraySpec("f", "C 101", "likewise, the precision at recalls 0, 0.01, ... 1", "curves"),
    ]
    roc_area: Annotated[Array, ArraySpec("f", "C", "the area under the ROC curve", "curves")]
    average_precision: Annotated[Array, ArraySpec("f", "C", "the average precision", "curves")]


class ClassifySnapshot(ClassifyEvaluated, total=False):
    """Arrays of a classifier with the current weights; the network answers alone until the end."""

    probability: Annotated[Array, PROBABILITY]
    hidden: Annotated[
        Array,
        ArraySpec(
            "f",
            "V P H",
            "states of the top layer for the first shown rows, after each number of steps in "
            "`read`",
        ),
    ]
    decision: Annotated[
        Array,
        ArraySpec(
            "f",
            "V P C",
            DECISION,
        ),
    ]
    eigenvalue: Annotated[Array, EIGENVALUE]


class NetworkAlone(TypedDict, total=False):
    """What the network alone says where something else answers with it or in its place."""

    net_probability: Annotated[Array, ArraySpec("f", "N C", "`probability` of the network alone")]
    net_decision: Annotated[Array, ArraySpec("f", "V P C", "likewise, `decision`", "decision")]
    net_confusion: Annotated[Array, ArraySpec("i", "C C", "likewise, `confusion`")]
    net_worst: Annotated[Array, ArraySpec("i", "k", "likewise, `worst`", "net_worst")]
    net_worst_row: Annotated[Array, ArraySpec("uf", "k T I", "those rows", "net_worst")]
    net_worst_label: Annotated[Array, ArraySpec("i", "k", "their true class numbers", "net_worst")]
    net_worst_chosen: Annotated[
        Array, ArraySpec("i", "k", "their class numbers by the network alone", "net_worst")
    ]
    net_worst_chance: Annotated[
        Array,
        ArraySpec("f", "k", "its probabilities of their true classes", "net_worst"),
    ]
    net_followed_right: Annotated[
        Array, ArraySpec("i", "E", "`followed_right` of the network alone", "net_followed")
    ]
    net_followed_chance: Annotated[
        Array, ArraySpec("f", "E", "likewise, `followed_chance`", "net_followed")
    ]


class ExplainedClasses(Explained, total=False):
    """What the answers to telling rows rest on."""

    why_label: Annotated[Array, ArraySpec("i", "e", "their true class numbers", "why")]


class ClassifyFinal(ClassifyEvaluated, NetworkAlone, ExplainedClasses, total=False):
    """Arrays of a classifier at the end, by the model: the network with what answers beside it,
    which is what `predict` gives. Those over test rows are over all of them."""

    probability: Annotated[Array, PROBABILITY]
    decision: Annotated[
        Array, ArraySpec("f", "V P C", DECISION + ", by the model, if this is short", "decision")
    ]


class ClassifyMoment(ClassifySnapshot, ClassifyFinal, total=False):
    """Arrays of a classifier as views draw them: a snapshot, and at the end the final ones."""
