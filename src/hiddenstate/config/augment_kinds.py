"""The kinds of augmentation, their strengths, and how an option names them."""

from collections.abc import Iterable
from dataclasses import dataclass

from hiddenstate.errors import OptionError, did_you_mean, printable

AUTO = ("auto",)
"""The value that leaves the kinds to the training rows."""


BLEND = "blend"
"""The kind that mixes rows of different classes."""


@dataclass(frozen=True)
class Kind:
    """One way to change a row.

    Parameters
    ----------
    strength : float
        How much, unless an option says it.
    most : float
        Largest strength.
    help : str
        What it does, and the unit of the strength.
    """

    strength: float
    most: float
    help: str


KINDS: dict[str, Kind] = {
    "mix": Kind(0.5, 1.0, "adds another row of the class, with at most this share"),
    BLEND: Kind(0.5, 0.5, "adds a row of any class, which only a teacher labels"),
    "warp": Kind(0.25, 1.0, "stretches time by a smooth curve of this deviation"),
    "crop": Kind(0.15, 0.9, "cuts off at most this part of the steps and stretches the rest"),
    "shift": Kind(0.05, 0.9, "moves the steps by at most this part of the row"),
    "rotate": Kind(10.0, 180.0, "turns a picture by at most so many degrees"),
    "scale": Kind(0.12, 1.0, "multiplies by 1 and a smooth curve of this deviation"),
    "jitter": Kind(0.06, 10.0, "adds noise of at most so many deviations of the feature"),
}
"""Each kind by its name, in the order in which they are applied."""


def parse_kinds(values: Iterable[str], flag: str = "--augment") -> dict[str, float]:
    """Return the strength of each kind that an option names, in the order of `KINDS`.

    Parameters
    ----------
    values : iterable of str
        `KIND` or `KIND:STRENGTH`; nothing for no augmentation.
    flag : str
        Name of the option in messages.

    Raises
    ------
    OptionError
        For an unknown kind, a kind named twice, or a strength out of range.
    """
    given: dict[str, float] = {}
    parts = [part.strip() for text in values for part in text.split(",")]
    for value in parts:
        if value in AUTO:
            raise OptionError("auto stands alone; leave the kinds to it, or name them", place=flag)
        name, colon, number = value.partition(":")
        if name not in KINDS:
            supported = f"expected none, auto or some of {', '.join(KINDS)}"
            near = did_you_mean(name, KINDS)
            raise OptionError(f"{supported}; got {printable(value, 40)}{near}", place=flag)
        if name in given:
            raise OptionError(f"{name} is given twice; name each kind once", place=flag)
        kind = KINDS[name]
        strength = _number(number) if colon else kind.strength
        if strength is None or not 0 < strength <= kind.most:
            raise OptionError(
                f"{name}: expected a strength above 0 and at most {kind.most:g}, got "
                f"{printable(number, 40)}",
                place=flag,
            )
        given[name] = strength
    return {name: given[name] for name in KINDS if name in given}


def kinds_as_values(kinds: dict[str, float]) -> tuple[str, ...]:
    """Return kinds and their strengths as :func:`parse_kinds` reads them."""
    return tuple(
        name if strength == KINDS[name].strength else f"{name}:{strength:g}"
        for name, strength in kinds.items()
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
