"""The cell grid: what stands where on the screen, and what must be written to make it so."""

import unicodedata
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.views.terminal.colors import DEFAULT, Depth, code

Array = NDArray[Any]

SPACE, REST = 32, 0
"""Characters: nothing drawn, and the right half of a wide one."""

BOLD, REVERSE = 1, 2
MARKS = {0: "0", BOLD: "0;1", REVERSE: "0;7", BOLD | REVERSE: "0;1;7"}

BEYOND = 0x110000
"""Numbers from here on stand for characters with others combined."""

_combined: list[str] = []
_numbers: dict[str, int] = {}


@dataclass
class Canvas:
    """A part of the screen to draw in; what falls outside is cut off.

    Parameters
    ----------
    depth : Depth
        Colours the terminal has.
    glyph, ink, ground, mark : ndarray (h, w)
        Of each cell: its character's number, its colours as RGB or `DEFAULT`, `BOLD`, `REVERSE`.
        Parts of a canvas share these.
    """

    depth: Depth
    glyph: Array = field(repr=False)
    ink: Array = field(repr=False)
    ground: Array = field(repr=False)
    mark: Array = field(repr=False)

    @classmethod
    def blank(cls, width: int, height: int, depth: Depth = Depth.TRUE) -> "Canvas":
        """An empty screen of `width` columns and `height` rows."""
        shape = (height, width)
        grids = [np.full(shape, value, np.int32) for value in (SPACE, DEFAULT, DEFAULT, 0)]
        return cls(depth, *grids)

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.glyph.shape[1])

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.glyph.shape[0])

    def part(self, x: int, y: int, width: int, height: int) -> "Canvas":
        """The part from column `x` and row `y` on, as far as it lies inside."""
        rows, columns = slice(max(y, 0), max(y + height, 0)), slice(max(x, 0), max(x + width, 0))
        grids = (self.glyph, self.ink, self.ground, self.mark)
        return Canvas(self.depth, *(grid[rows, columns] for grid in grids))

    def text(self, x: int, y: int, text: str, ink: int = DEFAULT, mark: int = 0) -> int:
        """Write `text` from column `x` of row `y` on; return the column after it."""
        if not 0 <= y < self.height or x >= self.width:
            return x + width_of(text)
        if x < 0:
            text, x = _without(text, -x), 0
        glyphs = glyphs_of(text)
        room = self.width - x
        if len(glyphs) > room:
            whole = len(glyphs)
            glyphs = glyphs[:room].copy()
            if whole > room and glyphs_of(text)[room] == REST:
                glyphs[-1] = SPACE  # half a wide character is none
        end = x + len(glyphs)
        self.glyph[y, x:end] = glyphs
        self.ink[y, x:end] = ink
        self.mark[y, x:end] = mark
        return end

    def right(self, y: int, text: str, ink: int = DEFAULT, mark: int = 0) -> int:
        """Write `text` at the right end of row `y`; return the column it begins in."""
        begin = max(self.width - width_of(text), 0)
        self.text(begin, y, clip(text, self.width), ink, mark)
        return begin

    def middle(self, y: int, text: str, ink: int = DEFAULT, mark: int = 0) -> None:
        """Write `text` in the middle of row `y`."""
        text = clip(text, self.width)
        self.text((self.width - width_of(text)) // 2, y, text, ink, mark)

    def clear(self) -> None:
        """Take away all that stands here."""
        self.glyph[:], self.ink[:], self.ground[:], self.mark[:] = SPACE, DEFAULT, DEFAULT, 0


def changes(new: Canvas, old: Canvas | None) -> str:
    """What to write to a screen that shows `old` so that it shows `new`, and no more.

    Without `old`, or where the sizes differ, the screen is cleared and drawn whole.
    """
    out: list[str] = []
    if old is None or old.glyph.shape != new.glyph.shape:
        old = Canvas.blank(new.width, new.height, new.depth)
        out.append("\x1b[0m\x1b[2J")
    differs = (new.glyph != old.glyph) | (new.ground != old.ground) | (new.mark != old.mark)
    differs |= (new.ink != old.ink) & ((new.glyph != SPACE) | (new.mark != 0))
    differs[:, :-1] |= differs[:, 1:] & (new.glyph[:, 1:] == REST)
    style = (DEFAULT, DEFAULT, 0)
    for y in np.flatnonzero(differs.any(axis=1)).tolist():
        style = _write_row(new, y, np.flatnonzero(differs[y]).tolist(), style, out)
    if out and style != (DEFAULT, DEFAULT, 0):
        out.append("\x1b[0m")
    return "".join(out)


def _write_row(
    new: Canvas, y: int, places: list[int], style: tuple[int, int, int], out: list[str]
) -> tuple[int, int, int]:
    """Write the cells at columns `places` of row `y`, and return the style they leave."""
    glyphs, inks = new.glyph[y].tolist(), new.ink[y].tolist()
    grounds, marks = new.ground[y].tolist(), new.mark[y].tolist()
    ink, ground, mark = style
    depth, cursor = new.depth, -1
    for x in places:
        glyph = glyphs[x]
        if glyph == REST:
            continue
        if x != cursor:
            out.append(f"\x1b[{y + 1};{x + 1}H")
        now = (inks[x] if glyph != SPACE or marks[x] else ink, grounds[x], marks[x])
        if now != (ink, ground, mark):
            out.append(_restyle(ink, ground, mark, *now, depth))
            ink, ground, mark = now
        if glyph < BEYOND:
            out.append(chr(glyph))
            cursor = x + 1 if is_safe(glyph) else -1
        else:
            out.append(_combined[glyph - BEYOND])
            cursor = -1
    return ink, ground, mark


@lru_cache(maxsize=20_000)
def _restyle(
    ink: int, ground: int, mark: int, new_ink: int, new_ground: int, new_mark: int, depth: Depth
) -> str:
    """The SGR sequence from one style to another."""
    parts = []
    if mark != new_mark:
        parts.append(MARKS[new_mark])
        ink = ground = DEFAULT
    if ink != new_ink:
        parts.append(code(new_ink, False, depth))
    if ground != new_ground:
        parts.append(code(new_ground, True, depth))
    return f"\x1b[{';'.join(parts)}m" if parts else ""


def is_safe(glyph: int) -> bool:
    """Whether every terminal gives the character one column; after others the cursor is set."""
    return 32 <= glyph < 127 or 0x2500 <= glyph < 0x25A0 or 0x2800 <= glyph < 0x2900


@cache
def _width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def width_of(text: str) -> int:
    """Columns `text` takes: wide characters two, combining ones none."""
    return len(text) if text.isascii() else sum(map(_width, text))


@lru_cache(maxsize=2000)
def glyphs_of(text: str) -> Array:
    """Numbers of the cells of `text` (columns,); a wide character's second one is `REST`."""
    if text.isascii():
        return np.frombuffer(text.encode(), np.uint8).astype(np.int32)
    cells: list[str] = []
    for character in text:
        width = _width(character)
        if width:
            cells += [character, ""][:width]
        elif cells:  # combined with the one before
            place = len(cells) - (2 if cells[-1] == "" else 1)
            cells[place] += character
    return np.array([_number(cell) for cell in cells], np.int32)


def _number(cell: str) -> int:
    if len(cell) < 2:
        return ord(cell) if cell else REST
    if cell not in _numbers:
        _numbers[cell] = BEYOND + len(_combined)
        _combined.append(cell)
    return _numbers[cell]


def clip(text: str, width: int) -> str:
    """`text` if it fits in `width` columns, else its beginning and an ellipsis."""
    if width_of(text) <= width:
        return text
    kept, used = "", 0
    for character in text:
        used += _width(character)
        if used > width - 1:
            break
        kept += character
    return kept + "…" if width > 0 else ""


def clip_label(text: str, width: int) -> str:
    """`text` if it fits in `width` columns, else its beginning and its end: labels differ there."""
    if width_of(text) <= width or width < 5:
        return clip(text, width)
    tail = ""
    while width_of(text[len(text) - len(tail) - 1] + tail) <= (width - 1) // 2:
        tail = text[len(text) - len(tail) - 1] + tail
    return clip(text, width - width_of(tail)) + tail


def _without(text: str, columns: int) -> str:
    """`text` without what stands in its first `columns`."""
    while text and columns > 0:
        columns -= _width(text[0])
        text = text[1:]
    return text
