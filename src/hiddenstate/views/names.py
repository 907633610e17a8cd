"""Shortens names; those that begin and end alike stay different."""

from collections.abc import Callable, Sequence


def differing(name: str, others: Sequence[str], limit: int, width: Callable[[str], int]) -> str:
    """Return as many first letters as fit of a name, and of each part in which it differs.

    Parameters
    ----------
    name : str
    others : sequence of str
        The names that it stays different from.
    limit : int
        Width of the result at most.
    width : callable
        Returns the width of a text.
    """
    starts = {_first_difference(name, other) for other in others} - {len(name)}
    best = cut(f"…{name[max(starts, default=0) :]}", limit, width)
    for n in range(1, limit + 1):
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


def cut(text: str, limit: int, width: Callable[[str], int]) -> str:
    """Return `text` without its end if it is too wide."""
    if width(text) <= limit:
        return text
    while text and width(text) >= max(limit, 2):
        text = text[:-1]
    return f"{text.rstrip()}…"
