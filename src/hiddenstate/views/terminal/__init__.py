"""The live view of a run in a terminal: curves, bars and pictures as characters.

`app` is the loop, `screen` the terminal and `keys` its input. `dashboard` draws a moment on a
`canvas` with `shapes`; `layout` places the panels of each job.
"""

from hiddenstate.views.terminal.app import show_terminal
from hiddenstate.views.terminal.screen import terminal_missing

__all__ = ["show_terminal", "terminal_missing"]
