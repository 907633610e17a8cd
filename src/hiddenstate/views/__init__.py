"""Figures, films and live views of a run, drawn from its folder alone.

`timeline` reads a run as it was at any moment, `figures` draws arrays with matplotlib, `catalog`
lists the figures of a run, and `window` and `terminal` show them live.
"""

LIVE_VIEWS = ("window", "notebook", "terminal")
"""Views that follow a run in progress."""

VIEWS = ("auto", *LIVE_VIEWS, "off")
"""Views in Python; `auto` is the first of the live views that is possible."""

TRAINING_VIEWS = ("auto", *LIVE_VIEWS, "files", "off")
"""Views of a command that trains; `files` writes figures at the end."""

WATCH_VIEWS = ("auto", "window", "terminal", "lines")
"""Views of the command `watch`; `lines` prints the logged lines."""
