"""A grid of characters with colours, and what to write to a terminal to show it."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache

import numpy as np

from hiddenstate.system.typing import Array
from hiddenstate.views.names import kept_apart
from hiddenstate.views.terminal.colors import DEFAULT, Depth, code

SPACE, REST = 32, 0
"""Glyphs: an empty place, and the right half of a wide character."""

BOLD, REVERSE = 1, 2
MARKS = {0: "0", BOLD: "0;1", REVERSE: "0;7", BOLD | REVERSE: "0;1;7"}

COMBINED = 0x110000
"""Glyphs from here on stand for characters combined with others."""

_combined: list[str] = []
_numbers: dict[str, int] = {}


@dataclass
class Canvas:
    """A part of the screen to draw in; what does not fit is cut off.

    Parameters
    ----------
    depth : Depth
        Number of colours of the terminal.
    glyph, ink, ground, mark : ndarray (h, w)
        For each place: code point of its character, foreground and background colour as RGB or
        `DEFAULT`, and `BOLD` or `REVERSE`. The parts of a canvas share these arrays.
    """

    depth: Depth
    glyph: Array = field(repr=False)
    ink: Array = field(repr=False)
    ground: Array = field(repr=False)
    mark: Array = field(repr=False)

    @classmethod
    def blank(cls, width: int, height: int, depth: Depth = Depth.TRUE) -> "Canvas":
        """Return an empty canvas of `width` columns and `height` lines."""
        shape = (height, width)
        grids = [np.full(shape, value, np.int32) for value in (SPACE, DEFAULT, DEFAULT, 0)]
        return cls(depth, *grids)

    @property
    def width(self) -> int:
        """Number of columns."""
        return int(self.glyph.shape[1])

    @property
    def height(self) -> int:
        """Number of lines."""
        return int(self.glyph.shape[0])

    def part(self, x: int, y: int, width: int, height: int) -> "Canvas":
        """Return the part that starts at column `x` and line `y`, as far as it lies inside."""
        rows, columns = slice(max(y, 0), max(y + height, 0)), slice(max(x, 0), max(x + width, 0))
        grids = (self.glyph, self.ink, self.ground, self.mark)
        return Canvas(self.depth, *(grid[rows, columns] for grid in grids))

    def text(self, x: int, y: int, text: str, ink: int = DEFAULT, mark: int = 0) -> int:
        """Write `text` from column `x` of line `y` on; return the column after it."""
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
                glyphs[-1] = SPACE  # a wide character does not fit by half
        end = x + len(glyphs)
        self.glyph[y, x:end] = glyphs
        self.ink[y, x:end] = ink
        self.mark[y, x:end] = mark
        return end

    def right(self, y: int, text: str, ink: int = DEFAULT, mark: int = 0) -> int:
        """Write `text` at the right end of line `y`; return the column it begins in."""
        begin = max(self.width - width_of(text), 0)
        self.text(begin, y, clip(text, self.width), ink, mark)
        return begin

    def middle(self, y: int, text: str, ink: int = DEFAULT, mark: int = 0) -> None:
        """Write `text` in the middle of line `y`."""
        text = clip(text, self.width)
        self.text((self.width - width_of(text)) // 2, y, text, ink, mark)

    def clear(self) -> None:
        """Remove everything."""
        self.glyph[:], self.ink[:], self.ground[:], self.mark[:] = SPACE, DEFAULT, DEFAULT, 0


def changes(new: Canvas, old: Canvas | None) -> str:
    """Return what to write to a screen that shows `old` so that it shows `new`.

    Without `old`, or if the sizes differ, the screen is cleared first.
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
        style = _write_line(new, y, np.flatnonzero(differs[y]).tolist(), style, out)
    if out and style != (DEFAULT, DEFAULT, 0):
        out.append("\x1b[0m")
    return "".join(out)


def printed(canvas: Canvas) -> list[str]:
    """Return the canvas as lines to print, without moving the cursor; see :func:`changes`."""
    lines = []
    for y in range(canvas.height):
        visible = (canvas.glyph[y] != SPACE) | (canvas.ground[y] != DEFAULT) | (canvas.mark[y] != 0)
        end = int(np.flatnonzero(visible)[-1]) + 1 if visible.any() else 0
        line, style = "", (DEFAULT, DEFAULT, 0)
        for x in range(end):
            glyph = int(canvas.glyph[y, x])
            if glyph == REST:
                continue
            now = (int(canvas.ink[y, x]), int(canvas.ground[y, x]), int(canvas.mark[y, x]))
            if now != style and canvas.depth != Depth.PLAIN:
                line += _restyle(*style, *now, canvas.depth)
                style = now
            line += chr(glyph) if glyph < COMBINED else _combined[glyph - COMBINED]
        lines.append(line + "\x1b[0m" * (style != (DEFAULT, DEFAULT, 0)))
    return lines


def _write_line(
    new: Canvas, y: int, places: list[int], style: tuple[int, int, int], out: list[str]
) -> tuple[int, int, int]:
    """Write the characters at columns `places` of line `y`; return the style they leave."""
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
        if glyph < COMBINED:
            out.append(chr(glyph))
            cursor = x + 1 if is_safe(glyph) else -1
        else:
            out.append(_combined[glyph - COMBINED])
            cursor = -1
    return ink, ground, mark


@lru_cache(maxsize=20_000)
def _restyle(
    ink: int, ground: int, mark: int, new_ink: int, new_ground: int, new_mark: int, depth: Depth
) -> str:
    """Return the SGR sequence from one style to another."""
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
    """Whether every terminal gives the character one column; after others the cursor is moved."""
    return 32 <= glyph < 127 or 0x2500 <= glyph < 0x25A0 or 0x2800 <= glyph < 0x2900


@cache
def _width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def width_of(text: str) -> int:
    """Return the columns that `text` takes: two per wide character, none per combining one."""
    return len(text) if text.isascii() else sum(map(_width, text))


@lru_cache(maxsize=2000)
def glyphs_of(text: str) -> Array:
    """Return the glyphs of `text`, one per column; the second of a wide character is `REST`."""
    if text.isascii():
        return np.frombuffer(text.encode(), np.uint8).astype(np.int32)
    places: list[str] = []
    for character in text:
        width = _width(character)
        if width:
            places += [character, ""][:width]
        elif places:  # combined with the one before
            last = len(places) - (2 if places[-1] == "" else 1)
            places[last] += character
    return np.array([_glyph(characters) for characters in places], np.int32)


def _glyph(characters: str) -> int:
    if len(characters) < 2:
        return ord(characters) if characters else REST
    if characters not in _numbers:
        _numbers[characters] = COMBINED + len(_combined)
        _combined.append(characters)
    return _numbers[characters]


def clip(text: str, width: int) -> str:
    """Return `text` if it fits in `width` columns, else its beginning and an ellipsis."""
    if width_of(text) <= width:
        return text
    beginning, used = "", 0
    for character in text:
        used += _width(character)
        if used > width - 1:
            break
        beginning += character
    return beginning + "…" if width > 0 else ""


def clip_labels(texts: Sequence[str], width: int) -> list[str]:
    """Return labels as :func:`clip_label` does; of those that would become equal, only the
    beginnings of the parts in which they differ from others."""
    return kept_apart(texts, [clip_label(text, width) for text in texts], width, width_of)


def clip_label(text: str, width: int) -> str:
    """As :func:`clip`, but of a long text also the end is left, where labels often differ."""
    if width_of(text) <= width or width < 5:
        return clip(text, width)
    tail = ""
    while width_of(text[len(text) - len(tail) - 1] + tail) <= (width - 1) // 2:
        tail = text[len(text) - len(tail) - 1] + tail
    return clip(text, width - width_of(tail)) + tail


def _without(text: str, columns: int) -> str:
    """Return `text` without its first `columns` columns."""
    while text and columns > 0:
        columns -= _width(text[0])
        text = text[1:]
    return text
