"""Declares the options of what is evaluated and shown while a run trains.

The metadata of a field is that of an :class:`~hiddenstate.config.option.Option`.
"""

from dataclasses import dataclass

from hiddenstate.config.option import CLASSES, CODES, IMAGES, option


@dataclass(frozen=True)
class DisplayConfig:
    """How much is evaluated and shown."""

    example: int = option(
        0,
        "Index of the first training row shown as an example.",
        low=0,
        jobs=IMAGES,
        codes=2,
    )
    n_shown: int = option(
        1,
        "Number of examples shown before training.",
        low=0,
        high=64,
        jobs=IMAGES,
    )
    n_evaluated: int = option(
        2000,
        "Number of test rows, the first ones, evaluated at every logged line; 0 evaluates none.",
        low=0,
        jobs=IMAGES,
        codes=0,
        unit="rows",
    )
    n_predicted: int = option(
        10,
        "Number of test rows whose predictions are shown at the end.",
        low=0,
        high=1000,
        jobs=CLASSES,
        unit="rows",
    )
    n_reconstructed: int = option(
        5,
        "Number of test rows shown with their reconstructions.",
        low=0,
        high=1000,
        jobs=CODES,
        unit="rows",
    )
    n_scattered: int = option(
        200,
        "Number of test rows whose codes are drawn.",
        low=0,
        high=100_000,
        jobs=CODES,
        unit="rows",
    )
