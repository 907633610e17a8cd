"""Names options in errors as a caller in Python does: parameters instead of `--options`."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from hiddenstate.config.config import job_options
from hiddenstate.config.option import JOBS, Option
from hiddenstate.errors import HiddenstateError

LIVE_VIEWS = ("window", "notebook", "terminal")
"""Views that follow a run in progress."""

VIEWS = ("auto", *LIVE_VIEWS, "off")
"""Views in Python; `auto` is the first of the live views that is possible."""

_TEXTS = {"to", "weights"}
"""Options of `export` whose values are texts; `config` does not know which."""

_OPTION = re.compile(
    r"(?<![^\s(])--(no-)?([a-z][a-z-]*)"
    r"(?: (?:([a-z]\w*|\d+(?:\.\d+)?)\b|((?:COL|FILE)\b(?:,\.\.\.)?)))?"
)
"""An option of a command, with its value or the name of one if it follows; none in a quoted cell or
the name of a file."""


@contextmanager
def errors_for_python() -> Iterator[None]:
    """Name parameters in errors as in Python, instead of as command-line options.

    Commands between backquotes stay as they are.
    """
    try:
        yield
    except HiddenstateError as error:
        error.args = (for_python(str(error)),)
        raise


def for_python(text: str) -> str:
    """Return a text that names options, with parameters as in :func:`errors_for_python`."""
    parts = text.split("`")
    parts[::2] = [_OPTION.sub(_as_parameter, part) for part in parts[::2]]
    return "`".join(parts)


@cache
def _options() -> dict[str, Option]:
    return {option.name: option for job in JOBS for _, option in job_options(job)}


def _as_parameter(match: re.Match[str]) -> str:
    """`device='cpu'` for `--device cpu`, and `stateful=False` for `--no-stateful`."""
    name, value = match[2].replace("-", "_"), match[3]
    option = _options().get(name)
    if name == "dtype":  # which an estimator takes from X
        return f"{value} X" if value else "the type of X"
    name = {"seed": "random_state", "teach": "teacher"}.get(name, name)
    if match[4] == "FILE":
        return name
    if match[4]:  # columns
        return f"{name}='COL'" if match[4] == "COL" else f"{name}=['COL', ...]"
    if match[1]:
        return f"{name}=False" + (f" {value}" if value else "")
    choices = VIEWS if name == "view" else (option and option.choices) or ()
    is_flag = option is not None and option.kind is bool
    is_added = is_flag and match.string.endswith("add ", 0, match.start())
    if name in ("force", "stem_causal") or is_added:
        return f"{name}=True" + (f" {value}" if value else "")
    if (name, value) == ("level", "none"):
        return "level=None"
    if option and option.none and value == "none":
        return f"{name}='none'"
    if value in choices or (value and name in _TEXTS):
        return f"{name}={value!r}"
    if value and value[0].isdigit():
        return f"{name}={value}"
    return f"{name} {value}" if value else name
