"""How the times of a table are written: found once, and used to write further times alike."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.system.typing import Array

LOOKED_AT = 60
"""Times of a table that a way of writing must reproduce."""

MEASURED = 10_000
"""Times of a table of which the shortest and the longest are looked at, too."""

LAST_YEAR = 9999
"""The last year that dates have."""

_SHAPE = re.compile(
    r"(?P<date>\d+(?:[-/.]\d+)*(?=$|T|,|\s))?(?P<between>T|,?\s+)?"
    r"(?:(?P<hour>\d{1,2})(?:(?P<minute>:\d{2})(?P<second>:\d{2})?(?:\.(?P<part>\d{1,6}))?)?"
    r"(?P<half>\s*[ap]m)?(?P<zone>\s*(?:Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?))?)?",
    re.IGNORECASE | re.ASCII,
)
_WITHOUT_MARKS = {
    8: ("%Y%m%d", "%d%m%Y", "%m%d%Y"),
    6: ("%Y%m", "%y%m%d", "%d%m%y", "%m%d%y"),
    4: ("%Y",),
}


@dataclass(frozen=True)
class Form:
    """A way of writing times.

    Parameters
    ----------
    pattern : str
        As of `strftime`.
    digits : int
        Decimals of a second after it.
    zone : str
        How the offset is written, by the example of UTC: `Z`, `+00:00`, `+0000`, `+00`; or empty.
    lower : bool
        Whether am and pm are written small.
    per_second : float
        Of numbers that count since 1970: how many there are in a second. 0 of other times.
    number : bool
        Whether times are whole numbers: 20241231, or seconds since 1970.
    """

    pattern: str = "%Y-%m-%dT%H:%M:%S"
    digits: int = 0
    zone: str = ""
    lower: bool = False
    per_second: float = 0
    number: bool = False

    def written(self, local: NDArray[np.int64], offset: NDArray[np.int64]) -> Array:
        """Return moments (n,) as text or numbers; None for those after the year 9999."""
        texts = np.full(len(local), None, object)
        last = np.datetime64(f"{LAST_YEAR}-12-31").astype("M8[us]").astype(np.int64)
        for i, (moment, shift) in enumerate(zip(local.tolist(), offset.tolist(), strict=True)):
            if moment < last:
                texts[i] = self._written(moment, shift)
        return texts

    def read(self, numbers: Array) -> NDArray[np.int64] | None:
        """Return whole numbers such as 20241231 (n,) as local times; None if they are none."""
        width = len(datetime(2000, 12, 31).strftime(self.pattern))
        try:
            texts = [str(int(value)).zfill(width) for value in numbers.tolist()]
            dates = [datetime.strptime(text, self.pattern) for text in texts]
        except (ValueError, OverflowError):
            return None
        return np.array(dates, "M8[us]").astype(np.int64)

    def _written(self, local: int, offset: int) -> Any:
        if self.per_second:
            value = (local - offset) * self.per_second / 1e6
            return round(value) if self.number else value
        date = datetime(1970, 1, 1) + timedelta(microseconds=local)
        text = date.strftime(self.pattern)
        if self.number:
            return int(text)
        if self.digits:
            text += f".{date.microsecond:06}"[: self.digits + 1]
        text = text.lower() if self.lower else text
        return text + _zone_text(self.zone, offset)


def _zone_text(zone: str, offset: int) -> str:
    """Return an offset in microseconds as a `zone` such as +00:00."""
    if "+" not in zone:
        return zone
    lead, _, rest = zone.partition("+")
    minutes = abs(offset) // 60_000_000
    sign, colon = "-" if offset < 0 else "+", ":" if ":" in rest else ""
    hours = f"{lead}{sign}{minutes // 60:02}"
    return hours if len(rest) == 2 and not minutes % 60 else f"{hours}{colon}{minutes % 60:02}"


def form_of(
    cells: Sequence[Any], local: NDArray[np.int64], offset: NDArray[np.int64], zoned: bool
) -> Form:
    """Return how times (n,) are written; as ISO 8601 has them if they are not written alike.

    Parameters
    ----------
    cells : sequence
        Text, or whole numbers such as 20241231.
    local, offset : ndarray (n,)
        The same times, in microseconds.
    zoned : bool
        Whether the cells hold offsets.
    """
    n = len(cells)
    rows = np.unique(np.linspace(0, n - 1, min(n, MEASURED)).astype(int))
    sizes = [len(str(cells[i])) for i in rows.tolist()]
    some = {0, len(rows) - 1, int(np.argmin(sizes)), int(np.argmax(sizes))}
    some |= set(np.linspace(0, len(rows) - 1, min(n, LOOKED_AT)).astype(int).tolist())
    which = rows[sorted(some)].tolist()
    looked = [(str(cells[i]), int(local[i]), int(offset[i])) for i in which]
    number = not isinstance(cells[0], str)
    for form in _possible(looked[-1][0], number):
        if all(_reproduces(form, *each) for each in looked):
            return form
    has_clock = bool((local % 86_400_000_000).any())
    has_parts = bool((local % 60_000_000).any())
    clock = ("T%H:%M:%S" if has_parts else "T%H:%M") if has_clock or zoned else ""
    return Form(f"%Y-%m-%d{clock}", zone="+00:00" if zoned else "")


def _reproduces(form: Form, text: str, local: int, offset: int) -> bool:
    try:
        return str(form._written(local, offset)) == (text.lstrip("0") if form.number else text)
    except (OverflowError, ValueError):
        return False


def _possible(text: str, number: bool) -> Iterator[Form]:
    """Yield the forms of the shape of a text."""
    match = _SHAPE.fullmatch(text.strip())
    if match is None:
        return
    hour, half, zone = match["hour"], match["half"] or "", match["zone"] or ""
    if zone and "+" not in zone and "-" in zone:
        zone = zone.replace("-", "+")
    zone = re.sub(r"\d", "0", zone)
    between = match["between"] or ""
    lower = half.islower()
    for date in _dates(match["date"] or "", number):
        if hour is None:
            yield Form(date, number=number)
            continue
        letter = "I" if half else "H"
        for mark in ("", "-"):
            clock = f"%{mark}{letter}"
            clock += (":%M" if match["minute"] else "") + (":%S" if match["second"] else "")
            if half:
                clock += f"{' ' * (len(half) - 2)}%p"
            yield Form(
                date + between + clock,
                digits=len(match["part"] or "") if not half else 0,
                zone=zone,
                lower=lower,
            )


def _dates(text: str, number: bool) -> Iterator[str]:
    """Yield the patterns that a date may be written in."""
    if not text:
        yield ""
        return
    mark = next((c for c in text if not c.isdigit()), "")
    if not mark:
        sizes = (len(text), len(text) + 1) if number else (len(text),)
        for size in sizes:
            yield from _WITHOUT_MARKS.get(size, ())
        return
    parts = text.split(mark)
    if len(parts) == 2:
        yield from (f"%Y{mark}%m", f"%Y{mark}%-m")
        return
    if len(parts) != 3:
        return
    orders = ("Ymd",) if len(parts[0]) == 4 else ("dmY", "mdY") if len(parts[2]) == 4 else ()
    for order in orders or ("dmy", "mdy", "ymd"):
        yield mark.join(f"%{each}" for each in order)
        yield mark.join(f"%{each}" if each in "yY" else f"%-{each}" for each in order)
