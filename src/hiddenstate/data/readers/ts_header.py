"""Reads the header of a .ts archive file."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from hiddenstate.data.readers.text_lines import TextLines
from hiddenstate.errors import DataError, did_you_mean, printable

FIELDS = (
    "problemName",
    "timeStamps",
    "missing",
    "univariate",
    "dimension",
    "dimensions",
    "equalLength",
    "seriesLength",
    "classLabel",
    "targetLabel",
    "data",
)
"""All header fields."""


@dataclass
class Header:
    """Values of the header fields; None if a field is absent."""

    missing: bool | None = None
    univariate: bool | None = None
    dimensions: int | None = None
    equal: bool | None = None
    length: int | None = None
    stamped: bool = False
    labels: dict[str, str] | None = None
    """The declared labels by the spellings allowed in rows: as declared, or in lower case."""
    target: bool = False

    @property
    def has_targets(self) -> bool:
        """Whether each row ends with a label or target."""
        return self.target or self.labels is not None


def content(lines: TextLines) -> Iterator[tuple[str, str]]:
    """Yield `(FILE:LINE, text)` of each line that is neither empty nor a comment."""
    for line in lines:
        text = line.strip()
        if text and text[0] not in "#%":
            yield f"{lines.where}:{lines.number}", text


def read_header(texts: Iterator[tuple[str, str]], where: str) -> Header:
    """Read the header fields up to @data, the last.

    Parameters
    ----------
    texts : iterator
        Lines as :func:`content` yields them.
    where : str
        Name of the file in messages.

    Raises
    ------
    DataError
        For a field that is unknown, invalid or contradicts another.
    """
    given: dict[str, tuple[str, str]] = {}
    fields = {name.lower(): name for name in FIELDS}
    for place, text in texts:
        word, *rest = text.split(maxsplit=1)
        name, value = word[1:].lower(), rest[0] if rest else ""
        if not word.startswith("@"):
            raise DataError(
                f"{place}: expected a header field such as @classLabel, or @data, found "
                f"{printable(text, 40)}"
            )
        if name not in fields:
            raise DataError(
                f"{place}: {printable(word, 40)} is not a header field of a .ts file"
                f"{did_you_mean(f'@{name}', [f'@{field}' for field in fields])}"
            )
        if name == "data":
            if value:
                raise DataError(
                    f"{place}: @data must be alone on its line; series start on the next"
                )
            return _make_header(given, where)
        name = name.replace("dimensions", "dimension")
        place = f"{place}: @{fields[word[1:].lower()]}"
        if name != "problemname" and given.get(name, ("", value))[1] != value:
            raise DataError(f"{place}: given twice with different values")
        given[name] = place, value
    raise DataError(f"{where}: no @data; not a .ts archive file, or truncated")


def _make_header(given: dict[str, tuple[str, str]], where: str) -> Header:
    """Make a header from the text of its fields."""

    def value_of(name: str, read: Callable[[str, str], Any]) -> Any:
        return read(*given[name]) if name in given else None

    header = Header(
        missing=value_of("missing", _truth),
        univariate=value_of("univariate", _truth),
        dimensions=value_of("dimension", _count),
        equal=value_of("equallength", _truth),
        length=value_of("serieslength", _count),
        stamped=value_of("timestamps", _truth) or False,
        labels=value_of("classlabel", _declared),
        target=value_of("targetlabel", _truth) or False,
    )
    if header.univariate and header.dimensions not in (None, 1):
        raise DataError(f"{given['dimension'][0]}: {header.dimensions}, but @univariate is true")
    if header.target and header.labels is not None:
        raise DataError(
            f"{given['targetlabel'][0]}: true, but @classLabel is true too; use one of them"
        )
    if not {"classlabel", "targetlabel"} & set(given):
        raise DataError(
            f"{where}: neither @classLabel nor @targetLabel; add @classLabel false if rows have no "
            "label, or @classLabel true and the labels"
        )
    return header


def _truth(place: str, value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise DataError(f"{place}: expected true or false, found {printable(value, 40)}")
    return value.lower() == "true"


def _count(place: str, value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,12}", value, re.ASCII) or int(value) == 0:
        raise DataError(
            f"{place}: expected a whole number of at least 1, found {printable(value, 40)}"
        )
    return int(value)


def _declared(place: str, value: str) -> dict[str, str] | None:
    """Return the labels by their spelling, or None if there are none."""
    words = value.split()
    if not _truth(place, words[0] if words else ""):
        return None
    if len(words) == 1:
        raise DataError(f"{place}: true, but no labels follow; list all labels")
    return {word.lower(): word for word in words[1:]} | {word: word for word in words[1:]}
