"""The style that all pages share, with the colours of the themes; draws nothing."""

from importlib.resources import files
from string import Template

from hiddenstate.views.themes import BY_NAME

ROLES = ("ground", "paper", "ink", "muted", "faint", "target", "prediction", "wrong", "valid")
"""Colours that are variables of the style, by their role in figures."""


def base_style() -> str:
    """Return the style that all pages share: colours, text, cards, buttons."""
    text = files(__package__).joinpath("base.css").read_text("utf-8").strip()
    return Template(text).substitute({name: _variables(name) for name in BY_NAME})


def _variables(name: str) -> str:
    """Return the colours of a theme as CSS variables."""
    return " ".join(f"--{role}: {getattr(BY_NAME[name], role)};" for role in ROLES)
