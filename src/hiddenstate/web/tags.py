"""Builds small pieces of HTML; every text from a run passes through :func:`text`."""

import html
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from hiddenstate.errors import printable
from hiddenstate.version import __version__

MAX_TEXT = 2000
"""Characters of a text that are shown."""


HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="hiddenstate {version}">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}</style>
</head>"""


PLAY = (
    '<svg viewBox="0 0 16 16" aria-hidden="true"><path class="go" d="M4 2l10 6-10 6z"/>'
    '<path class="hold" d="M3 2h4v12H3zM9 2h4v12H9z"/></svg>'
)
"""Signs of a button that plays, of which the style shows one."""


def text(value: object) -> str:
    """Escape a text for HTML, on one line and without invisible characters."""
    return html.escape(printable(value, MAX_TEXT))


def name(value: object) -> str:
    """Escape a text as :func:`text`, and isolate its writing direction."""
    return f"<bdi>{text(value)}</bdi>"


def prose(value: object) -> str:
    """Escape a text as :func:`name`, and keep its small numbers on one line: browsers break 2e-07
    after the sign."""
    return re.sub(r"\d[\d.]*e-\d+", r'<span class="whole">\g<0></span>', name(value))


def code(value: str, label: str) -> str:
    """Show lines to copy."""
    return (
        f'<div class="code"><pre role="group" aria-label="{text(label)}">'
        f"<code>{html.escape(value)}</code></pre></div>"
    )


def terms(pairs: Iterable[tuple[str, str]]) -> str:
    """Show names with their texts."""
    rows = "".join(
        f"<div><dt>{text(term)}</dt><dd>{name(about)}</dd></div>" for term, about in pairs
    )
    return f'<dl class="terms">{rows}</dl>'


MAX_COLUMNS = 5
"""Columns of a table for which a phone has space."""


def head(title: str, style: str, policy: str) -> str:
    """Return what is before the body of a page in one file, which loads nothing.

    Parameters
    ----------
    title : str
    style : str
    policy : str
        The Content-Security-Policy of the page.
    """
    return HEAD.format(title=text(title), style=style, policy=policy, version=text(__version__))


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    caption: str,
    numeric: Sequence[int] = (),
    long: bool = False,
) -> str:
    """Show a table; on a phone each row of a wide one is a list, without its empty cells.

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
    long : bool, default False
        Whether cells have long texts.
    """
    kind = ["n" if place in numeric else "t" for place in range(len(head))]
    names = [text(title) for title in head]
    titles = "".join(
        f'<th scope="col" class="{k}">{title}</th>' for k, title in zip(kind, names, strict=True)
    )
    body = ""
    for first, *others in rows:
        cells = "".join(
            f'<td class="{k}" data-label="{title}">{cell}</td>'
            for k, title, cell in zip(kind[1:], names[1:], others, strict=True)
        )
        body += f'<tr><th scope="row">{first}</th>{cells}</tr>'
    lists = ' class="lists"' if long or len(head) > MAX_COLUMNS else ""
    return (
        f'<div class="scroll" role="group" aria-label="{text(caption)}">'
        f"<table{lists}>"
        f"<caption>{text(caption)}</caption>"
        f"<thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def folded(key: str, title: str, inside: str) -> str:
    """Show content that the reader can unfold."""
    return f'<details id="{key}"><summary>{text(title)}</summary>{inside}</details>'


def time_bar(prefix: str) -> str:
    """Return a button that plays, a slider under the learning curve, and the moment in words."""
    return (
        f'<div class="time" id="{prefix}-time"><button type="button" id="{prefix}-play" '
        f'aria-label="Play the training">{PLAY}</button><div class="track">'
        f'<svg id="{prefix}-curve" viewBox="0 0 100 20" preserveAspectRatio="none" '
        'aria-hidden="true"></svg>'
        f'<input type="range" id="{prefix}-moment" min="0" step="1" '
        'aria-label="Moment of the training"></div>'
        f'<output id="{prefix}-step" for="{prefix}-moment"></output></div>'
    )


def inert_json(value: Any) -> str:
    """Return JSON that is safe inside a script element, whatever it contains."""

    written = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        written = written.replace(character, f"\\u{ord(character):04x}")
    return written
