"""Shortens names; those that begin and end alike stay different."""

from collections.abc import Callable, Sequence
from itertools import accumulate


def cut(text: str, limit: float, width: Callable[[str], float] = len) -> str:
    """Return `text` without its end if it is too wide."""
    if width(text) <= limit:
        return text
    return f"{text[: max(fitting(text, limit - width('…'), width), 1)].rstrip()}…"


def fitting(text: str, limit: float, width: Callable[[str], float] = len) -> int:
    """Return how many first letters of `text` fit."""
    return sum(wide <= limit for wide in accumulate(map(width, text)))


def kept_apart(
    names: Sequence[str], short: Sequence[str], limit: float, width: Callable[[str], float] = len
) -> list[str]:
    """Return shortened names; of different ones that would be equal, only the beginnings of the
    parts in which each differs from another, as far as they fit.

    Parameters
    ----------
    names, short : sequence of str (n,)
        The names, and how each is shortened alone.
    limit : float
        Width of a shortened name at most.
    width : callable, optional
        Returns the width of a text; by default the number of its letters.
    """
    full: dict[str, set[str]] = {}
    for name, text in zip(names, short, strict=True):
        full.setdefault(text, set()).add(name)
    others = sorted(set(names))
    return [
        text if len(full[text]) == 1 else _differing(name, others, limit, width)
        for name, text in zip(names, short, strict=True)
    ]


def _differing(
    name: str, others: Sequence[str], limit: float, width: Callable[[str], float]
) -> str:
    """Return as many first letters as fit of a name, and of each part from which one of the others
    differs from it."""
    starts = {_first_difference(name, other) for other in others} - {len(name)}
    best = cut(f"…{name[max(starts, default=0) :]}", limit, width)
    for n in range(1, int(limit) + 1):
        kept = {place for start in starts | {0} for place in range(start, start + n)}
        kept |= {place for place in range(len(name)) if {place - 1, place + 1} <= kept}
        text = "".join(
            name[place] if place in kept else "…" * (place - 1 in kept)
            for place in range(len(name))
        )
        if width(text) > limit:
            break
        best = text
    return best


def _first_difference(one: str, other: str) -> int:
    """Return the number of letters with which both texts begin."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))
