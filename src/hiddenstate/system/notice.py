"""A message to the user that is not an error."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hiddenstate.errors import Setting


class Remark(str):
    """One line on how data was prepared.

    Parameters
    ----------
    text : str
    part : {"train", "test", "valid"}
        The part of the data that it is about.
    fix : dict, optional
        The options by name that the line offers to set.
    """

    part: str
    fix: Mapping[str, str | int | bool] | None

    def __new__(
        cls,
        text: str,
        part: str = "train",
        fix: Mapping[str, str | int | bool] | None = None,
    ) -> "Remark":
        line = super().__new__(cls, text)
        line.part, line.fix = part, fix
        return line


def offering(text: str, setting: Setting) -> Remark:
    """Return a line that ends with a setting that would be another way."""
    return Remark(f"{text}{setting}", fix=setting.options)


def renamed(remark: str, old: str, new: str) -> str:
    """Return a remark with another name in its text."""
    text = remark.replace(old, new)
    return Remark(text, remark.part, remark.fix) if isinstance(remark, Remark) else text


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
