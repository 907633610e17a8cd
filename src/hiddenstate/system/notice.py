"""A message to the user that is not an error."""

from dataclasses import dataclass
from typing import Literal


class Remark(str):
    """One line on how data was prepared, with its `part`: "train", "test" or "valid"."""

    part: str

    def __new__(cls, text: str, part: str = "train") -> "Remark":
        line = super().__new__(cls, text)
        line.part = part
        return line


@dataclass(frozen=True)
class Notice:
    """One line that a user should see, with how serious it is.

    Parameters
    ----------
    level : {"note", "warning"}
        A note states what was done; a warning says that a result may not be what was expected.
    text : str
        One line, without the level.
    """

    level: Literal["note", "warning"]
    text: str

    def __str__(self) -> str:
        return f"{self.level}: {self.text}"


def note(text: str) -> Notice:
    """Return a notice of level "note"."""
    return Notice("note", text)


def warning(text: str) -> Notice:
    """Return a notice of level "warning"."""
    return Notice("warning", text)
