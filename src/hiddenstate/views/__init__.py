"""Figures, films and live views of a run, drawn from its folder alone.

`timeline` reads a run as it was at any moment, `figures` draws arrays with matplotlib, `catalog`
lists the figures of a run, and `window` and `terminal` show them live.
"""

from hiddenstate.config.parameters import LIVE_VIEWS as LIVE_VIEWS
from hiddenstate.config.parameters import VIEWS as VIEWS

TRAINING_VIEWS = ("auto", *LIVE_VIEWS, "files", "off")
"""Views of a command that trains; `files` writes figures at the end."""

WATCH_VIEWS = ("auto", "window", "terminal", "lines")
"""Views of the command `watch`; `lines` prints the logged lines."""
