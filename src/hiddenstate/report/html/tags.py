"""Builds small pieces of HTML; every text from a run passes through :func:`text`."""

import html
import json
from collections.abc import Iterable, Sequence
from typing import Any

from hiddenstate.errors import printable
from hiddenstate.report.html.pictures import Picture

MAX_TEXT = 2000
"""Characters of a text that are shown."""


def text(value: object) -> str:
    """Escape a text for HTML, on one line and without invisible characters."""
    return html.escape(printable(value, MAX_TEXT))


def name(value: object) -> str:
    """Escape a text as :func:`text`, and isolate its writing direction."""
    return f"<bdi>{text(value)}</bdi>"


def code(value: str, label: str) -> str:
    """Show lines to copy."""
    return (
        f'<div class="code"><pre class="scroll" role="group" aria-label="{text(label)}">'
        f"<code>{html.escape(value)}</code></pre></div>"
    )


def terms(pairs: Iterable[tuple[str, str]]) -> str:
    """Show names with their texts."""
    rows = "".join(
        f"<div><dt>{text(term)}</dt><dd>{name(about)}</dd></div>" for term, about in pairs
    )
    return f'<dl class="terms">{rows}</dl>'


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], caption: str, numeric: Sequence[int] = ()
) -> str:
    """Show a table, which scrolls if it is wide.

    Parameters
    ----------
    head : sequence of str
        Titles of the columns.
    rows : iterable of sequence of str
        Cells as HTML; the first one is the heading of the row.
    caption : str
        What the table shows, for screen readers.
    numeric : sequence of int, optional
        Columns of numbers.
    """
    kind = ["n" if place in numeric else "t" for place in range(len(head))]
    titles = "".join(
        f'<th scope="col" class="{k}">{text(title)}</th>'
        for k, title in zip(kind, head, strict=True)
    )
    body = ""
    for first, *others in rows:
        cells = "".join(
            f'<td class="{k}">{cell}</td>' for k, cell in zip(kind[1:], others, strict=True)
        )
        body += f'<tr><th scope="row">{first}</th>{cells}</tr>'
    return (
        f'<div class="wide scroll" role="group" aria-label="{text(caption)}"><table>'
        f"<caption>{text(caption)}</caption>"
        f"<thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def folded(title: str, inside: str) -> str:
    """Show content that the reader can unfold."""
    return f"<details><summary>{text(title)}</summary>{inside}</details>"


def picture(drawn: Picture, headed: bool = True) -> str:
    """Show a figure in every theme; the style hides all but the current one."""
    images = "".join(
        f'<img class="{theme}-only" src="{source}" width="{drawn.width}" height="{drawn.height}" '
        f'loading="lazy" decoding="async" alt="{text(drawn.title)}: {text(drawn.caption)}">'
        for theme, source in drawn.sources.items()
    )
    title = f"<h3>{name(drawn.title)}</h3>" if headed else ""
    return (
        f'<figure id="figure-{text(drawn.name)}" class="figure">{title}'
        f"<figcaption>{name(drawn.caption)}</figcaption>"
        f'<div class="scroll">{images}</div></figure>'
    )


def inert_json(value: Any) -> str:
    """Return JSON that is safe inside a script element, whatever it contains."""

    written = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        written = written.replace(character, f"\\u{ord(character):04x}")
    return written
