"""The style that all pages share, with the colours of the themes; draws nothing."""

import re
from importlib.resources import files
from string import Template

from hiddenstate.views.themes import BY_NAME

ROLES = ("ground", "paper", "ink", "muted", "faint", "target", "prediction", "wrong", "valid")
"""Colours that are variables of the style, by their role in figures."""


def style_of(own: str, *shared: str) -> str:
    """Return the style of a page, compact: colours, text, cards and buttons as all pages have them,
    the `shared` styles of this folder, and its `own`."""
    text = "".join(files(__package__).joinpath(f"{each}.css").read_text("utf-8") for each in shared)
    base = Template(files(__package__).joinpath("base.css").read_text("utf-8"))
    return compact_style(base.substitute({name: _variables(name) for name in BY_NAME}) + text + own)


def compact_style(text: str) -> str:
    """Return a style without comments and the space that does not matter."""
    short = re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL))
    short = re.sub(r" ?([{};,]) ?", r"\1", short).replace(": ", ":").replace(";}", "}")
    return re.sub(r"(?<![\w.])0\.", ".", short).strip()


_NAMED = re.compile(r"(?<![\w:@(=\"-])(?:[.#])?([a-zA-Z][\w-]*)(?![\w-]*[\"=\]])")
"""The elements, classes and ids of a selector."""


def used_style(style: str, text: str) -> str:
    """Return a compact style for the elements, classes and ids that a text names."""
    names = set(re.findall(r"[\w-]+", text))

    def kept(rule: re.Match[str]) -> str:
        every = [rule[1]] if "(" in rule[1] else rule[1].split(",")
        used = [each for each in every if set(_NAMED.findall(each)) <= names]
        return ",".join(used) + rule[2] if used else ""

    return re.sub(r"([^{}]+)(\{[^{}]*\})", kept, style)


def _variables(name: str) -> str:
    """Return the colours of a theme as CSS variables."""
    return " ".join(f"--{role}: {getattr(BY_NAME[name], role)};" for role in ROLES)
