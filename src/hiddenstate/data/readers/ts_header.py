"""The header of a .ts archive file: its fields, and what they say."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from hiddenstate.data.readers.text_lines import Lines
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
"""Every header field there is."""


@dataclass
class Header:
    """What the header says; None where it does not."""

    missing: bool | None = None
    univariate: bool | None = None
    dimensions: int | None = None
    equal: bool | None = None
    length: int | None = None
    stamped: bool = False
    labels: dict[str, str] | None = None
    """The declared labels, by how a row may spell them: as declared, or in small letters."""
    target: bool = False

    @property
    def answered(self) -> bool:
        """Whether a row ends with a label or target."""
        return self.target or self.labels is not None


def content(lines: Lines) -> Iterator[tuple[str, str]]:
    """Yield `(FILE:LINE, text)` of the lines that are neither empty nor comment."""
    for line in lines:
        text = line.strip()
        if text and text[0] not in "#%":
            yield f"{lines.where}:{lines.number}", text


def read_header(texts: Iterator[tuple[str, str]], where: str) -> Header:
    """Read the fields up to @data, which is the last.

    Raises
    ------
    DataError
        For a field that is unknown, contradicts another or says nothing.
    """
    given: dict[str, tuple[str, str]] = {}
    known = {name.lower(): name for name in FIELDS}
    for place, text in texts:
        word, *rest = text.split(maxsplit=1)
        name, value = word[1:].lower(), rest[0] if rest else ""
        if not word.startswith("@"):
            raise DataError(
                f"{place}: expected a header field as @classLabel, or @data, found "
                f"{printable(text, 40)}"
            )
        if name not in known:
            raise DataError(
                f"{place}: {printable(word, 40)} is no header field of a .ts file"
                f"{did_you_mean(name, known)}"
            )
        if name == "data":
            if value:
                raise DataError(f"{place}: @data has a line of its own; series begin on the next")
            return _make_header(given, where)
        name = name.replace("dimensions", "dimension")
        place = f"{place}: @{known[word[1:].lower()]}"
        if name != "problemname" and given.get(name, ("", value))[1] != value:
            raise DataError(f"{place}: given twice, and differently")
        given[name] = place, value
    raise DataError(f"{where}: no @data; not a .ts archive file, or cut short")


def _make_header(given: dict[str, tuple[str, str]], where: str) -> Header:
    """A header from the text of its fields."""

    def said(name: str, read: Callable[[str, str], Any]) -> Any:
        return read(*given[name]) if name in given else None

    header = Header(
        missing=said("missing", _truth),
        univariate=said("univariate", _truth),
        dimensions=said("dimension", _count),
        equal=said("equallength", _truth),
        length=said("serieslength", _count),
        stamped=said("timestamps", _truth) or False,
        labels=said("classlabel", _declared),
        target=said("targetlabel", _truth) or False,
    )
    if header.univariate and header.dimensions not in (None, 1):
        raise DataError(f"{given['dimension'][0]}: {header.dimensions}, but @univariate is true")
    if header.target and header.labels is not None:
        raise DataError(f"{given['targetlabel'][0]}: true, and so is @classLabel; one can be")
    if not {"classlabel", "targetlabel"} & set(given):
        raise DataError(
            f"{where}: neither @classLabel nor @targetLabel; add @classLabel false if rows have no "
            "label, else @classLabel true and the labels"
        )
    return header


def _truth(place: str, value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise DataError(f"{place}: expected true or false, found {printable(value, 40)}")
    return value.lower() == "true"


def _count(place: str, value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,12}", value, re.ASCII) or int(value) == 0:
        raise DataError(f"{place}: expected a number from 1, found {printable(value, 40)}")
    return int(value)


def _declared(place: str, value: str) -> dict[str, str] | None:
    """Labels by their spelling, or None where there are none."""
    words = value.split()
    if not _truth(place, words[0] if words else ""):
        return None
    if len(words) == 1:
        raise DataError(f"{place}: true, but no labels follow; list them all")
    return {word.lower(): word for word in words[1:]} | {word: word for word in words[1:]}
