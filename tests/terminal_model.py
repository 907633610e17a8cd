"""A model of a terminal, for the places and colours of what the view writes."""

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any

from hiddenstate.views.terminal.canvas import Canvas, changes
from hiddenstate.views.terminal.panels import Selection

PIECE = re.compile(
    r"\x1b\[([?>]?)([0-9;]*)([@-~])|\x1b([^\[])|([\x00-\x1a\x1c-\x1f])|([^\x00-\x1f])"
)


@dataclass
class Cell:
    """One place on the screen."""

    text: str = " "
    style: tuple[str, str, str] = ("39", "49", "0")


@dataclass
class TerminalModel:
    """Interprets what the view writes: places, styles, clearing, modes; refuses the rest."""

    width: int
    height: int
    modes: dict[str, bool] = field(default_factory=dict)
    written: int = 0
    _rest: str = ""

    def __post_init__(self) -> None:
        self.clear()
        self.x = self.y = 0
        self.style = ("39", "49", "0")

    def clear(self) -> None:
        self.cells = [[Cell() for _ in range(self.width)] for _ in range(self.height)]

    def resize(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.clear()

    def feed(self, text: str) -> None:
        text = self._rest + text
        cut = text.rfind("\x1b")
        if cut >= 0 and not PIECE.match(text, cut):
            text, self._rest = text[:cut], text[cut:]
        else:
            self._rest = ""
        place = 0
        while place < len(text):
            piece = PIECE.match(text, place)
            assert piece, repr(text[place : place + 20])
            place = piece.end()
            self._take(*piece.groups())

    def _take(self, private, numbers, final, escape, control, character) -> None:
        if character:
            self._print(character)
        elif private == "?" and final in "hl":
            self.modes[numbers] = final == "h"
            if numbers == "1049":
                self.clear()
        elif final == "H":
            row, column = (int(n) for n in numbers.split(";"))
            assert 1 <= row <= self.height, numbers
            assert 1 <= column <= self.width, numbers
            self.x, self.y = column - 1, row - 1
        elif final == "J":
            assert numbers == "2"
            self.clear()
        elif final == "m":
            self._restyle(numbers.split(";"))
        elif control == "\r":
            self.x = 0
        elif control == "\n":
            self.y = min(self.y + 1, self.height - 1)
        else:
            assert control == "\x18", (private, numbers, final, escape, control)

    def _restyle(self, numbers: list[str]) -> None:
        ink, ground, mark = self.style
        while numbers:
            number = numbers.pop(0)
            if number in ("38", "48"):
                n = 4 if numbers[0] == "2" else 2
                whole = ";".join([number, *numbers[:n]])
                del numbers[:n]
                ink, ground = (whole, ground) if number == "38" else (ink, whole)
            elif number in ("", "0"):
                ink, ground, mark = "39", "49", "0"
            elif number in ("1", "7"):
                mark += number
            elif number[0] == "3":
                ink = number
            else:
                assert number == "49", number
                ground = number
        self.style = (ink, ground, mark)

    def _print(self, character: str) -> None:
        if unicodedata.category(character) in ("Mn", "Me"):
            self.cells[self.y][max(self.x - 1, 0)].text += character
            return
        wide = unicodedata.east_asian_width(character) in "WF"
        assert self.x + wide < self.width, "nothing is written past the edge"
        self.written += 1
        self.cells[self.y][self.x] = Cell(character, self.style)
        if wide:
            self.cells[self.y][self.x + 1] = Cell("", self.style)
        self.x += 1 + wide

    @property
    def lines(self) -> list[str]:
        return ["".join(cell.text for cell in row).rstrip() for row in self.cells]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def panel_text(draw: Any, width: int, height: int, timeline: Any, moment: Any) -> str:
    """Return what a panel of the view shows."""
    canvas, model = Canvas.blank(width, height), TerminalModel(width, height)
    draw(canvas, timeline, moment, Selection())
    model.feed(changes(canvas, None))
    return model.text
