"""Which kinds of augmentation suit a job and its data."""

from collections.abc import Mapping

from hiddenstate.config import Config
from hiddenstate.config.augment_kinds import AUTO, BLEND, KINDS, parse_kinds
from hiddenstate.data.dataset import PreparedDataset
from hiddenstate.data.prepare.augment import FEWEST_STEPS, Augmentation, augmentation
from hiddenstate.errors import OptionError, count, printable

OF_TIME = ("warp", "crop", "shift")


def kinds_of_data(config: Config, dataset: PreparedDataset) -> dict[str, float]:
    """Return the kinds that the options name, with their strengths.

    Raises
    ------
    OptionError
        If one does not suit the data, or if the choice is still open.
    """
    given = config.training.augment
    if given == AUTO:
        raise OptionError(
            "auto is decided where a single run or estimator is trained; name the kinds, such as "
            "mix,warp",
            place="--augment",
        )
    kinds, reasons = parse_kinds(given), unsuited(config, dataset)
    for name in kinds:
        if name in reasons:
            raise OptionError(f"{name}: {reasons[name]}; leave it out", place="--augment")
    return kinds


def usual_kinds(config: Config, dataset: PreparedDataset) -> dict[str, float]:
    """Return all kinds that suit the data without a teacher, with their usual strengths."""
    reasons = {**unsuited(config, dataset), BLEND: ""}
    return {name: kind.strength for name, kind in KINDS.items() if name not in reasons}


def picture_of(dataset: PreparedDataset) -> tuple[int, ...] | None:
    """Return the shape of rows that are changed as pictures; None of other rows, and of
    pictures whose missing values are marked: the marks follow changes of series alone."""
    return None if dataset.transform.missing == "mask" else dataset.picture


def unsuited(config: Config, dataset: PreparedDataset) -> dict[str, str]:
    """Return why each kind that does not suit the data does not, by name."""
    X, where = dataset.X, printable(dataset.name)
    picture, reasons = picture_of(dataset), dict[str, str]()
    if not config.kind.has_classes:
        reasons["mix"] = "adds rows of the same class, which only classify has"
        reasons[BLEND] = "adds rows of other classes, which only classify has"
    if picture is None:
        has = "none" if dataset.picture is None else "marks of missing values"
        reasons["rotate"] = f"applies to pictures, and {where} has {has}"
    if config.kind.has_codes:
        if picture is None:
            flat = "applies to series and pictures, and autoencode reads flat rows"
            reasons |= dict.fromkeys(("scale", *OF_TIME), flat)
    elif picture is None and X.shape[1] < FEWEST_STEPS:
        short = f"changes the time of a row, and rows of {where} have {count(X.shape[1], 'step')}"
        reasons |= dict.fromkeys(("scale", *OF_TIME), short)
    if config.kind.has_targets and not _has_one_answer(config, dataset):
        targets = "would move steps away from their targets"
        reasons |= dict.fromkeys(("rotate", *OF_TIME), targets)
    return reasons


def _has_one_answer(config: Config, dataset: PreparedDataset) -> bool:
    """Return whether the target of a row belongs to all of it, not to a step."""
    y = dataset.y
    is_part = bool(config.data.horizon) or bool(dataset.transform.reading.get("window"))
    return y is not None and y.ndim == 2 and not is_part


def augmentation_of(
    config: Config, dataset: PreparedDataset, kinds: Mapping[str, float]
) -> Augmentation | None:
    """Return what is done to training rows in each draw; None if nothing is."""
    train, transform = dataset.train, dataset.transform
    if not kinds:
        return None
    return augmentation(
        transform.net_inputs(train.X, train.lengths, config.training.dtype),
        kinds,
        train.y if config.kind.has_classes else None,
        train.lengths,
        train.weights,
        transform.missing == "mask",
        picture_of(dataset),
    )
