"""Why a model has no answer before the end of a series, and the options that change that."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hiddenstate.config import Config, RecurrentConfig
from hiddenstate.data import Dataset, PreparedDataset
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.models.companions import kinds_of
from hiddenstate.program.jobs import kind_of
from hiddenstate.program.words import Words

if TYPE_CHECKING:
    from hiddenstate.models.fitted import FittedModel


MOST_WEIGHTS = 30_000
"""Most numbers of a net of `--streamable`: in a C header they take 120 kB."""


@dataclass(frozen=True)
class Obstacle:
    """One reason why a model cannot answer step by step.

    Parameters
    ----------
    name : str
    reason : str
        What the model does, as a clause that begins with its verb.
    option : str
        The option of training without it; empty if there is none.
    """

    name: str
    reason: str
    option: str = ""


AUTOENCODER = Obstacle("autoencoder", "reads whole rows, not steps")
ENCODINGS = Obstacle("encodings", "encodes text, where a stream reads numbers")
BY_WINDOW = Obstacle(
    "window",
    "reads each window in units of its own deviation, which is known at its end",
    "--scale auto",
)
BIDIRECTIONAL = Obstacle("bidirectional", "reads series in both directions", "--no-bidirectional")
STEM = Obstacle("stem", "has convolutional layers that read later steps", "--stem-causal")
MEMBERS = Obstacle("members", "averages several nets, which carry no state", "--members 1")


def _obstacles(
    recurrent: RecurrentConfig, beside: Iterable[Words], transform: Transform
) -> tuple[Obstacle, ...]:
    """Return why a recurrent network, with companions `beside` it, cannot stream."""
    applies = {
        ENCODINGS: any(e.values for e in transform.encodings),
        BY_WINDOW: transform.by_window,
        BIDIRECTIONAL: recurrent.bidirectional,
        STEM: recurrent.stem and not recurrent.stem_causal,
        MEMBERS: recurrent.members > 1,
    }
    own = (obstacle for obstacle, is_there in applies.items() if is_there)
    return (*own, *(_of_companion(words) for words in beside))


def _of_companion(words: Words) -> Obstacle:
    reason = f"has {words.title}, which read whole series"
    return Obstacle(words.name, reason, f"--no-{words.name}")


def obstacles_of_model(model: "FittedModel") -> tuple[Obstacle, ...]:
    """Return why a trained model cannot stream; none if it can."""
    if model.net.kind.has_codes:
        return (AUTOENCODER,)
    beside = [each.words for each in model.companions]
    return _obstacles(model.net.recurrent, beside, model.transform)


def obstacles_before_training(config: Config, dataset: Dataset) -> tuple[Obstacle, ...]:
    """Return why the model of series will not stream; none of data that is no series.

    Parameters
    ----------
    config : Config
    dataset : PreparedDataset or SequenceDataset
        Of one as read, what its columns are encoded as is not known yet.
    """
    recurrent = config.model
    if not isinstance(recurrent, RecurrentConfig) or config.data.layout == "features":
        return ()
    if dataset.picture is not None or dataset.X.ndim < 2 or dataset.X.shape[1] < 2:
        return ()
    transform = Transform(by_window=config.data.scale == "window")
    if isinstance(dataset, PreparedDataset):
        transform = dataset.transform
    beside = [kind.words for kind in kinds_of(config.flat())]
    return _obstacles(recurrent, beside, transform)


def reasons(against: Sequence[Obstacle]) -> str:
    """Return the reasons in words: `reads series in both directions, and has ...`."""
    *first, last = [obstacle.reason for obstacle in against]
    return f"{', '.join(first)}, and {last}" if first else last


def streaming_options(against: Sequence[Obstacle]) -> str:
    """Return the options of training a model that streams; empty if there are none for all."""
    options = [obstacle.option for obstacle in against]
    return " ".join(options) if all(options) else ""


def streaming_note(job: str, against: Sequence[Obstacle]) -> str:
    """Return what such a model will not be able to do, and the options that change that."""
    options = streaming_options(against)
    hint = f"; to stream, add {options}" if options else ""
    if options and kind_of(job).has_classes:
        hint = f"; --streamable trains one small net that will{hint}"
    return (
        "the model will not answer step by step (predict --stream, export --to triton), as it "
        f"{reasons(against)}{hint}"
    )
