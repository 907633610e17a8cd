"""How to run a run again and how to use its model: commands and lines of Python as text."""

import shlex
from pathlib import Path
from typing import Any

from hiddenstate.config import Config, job_options
from hiddenstate.config.option import Option
from hiddenstate.errors import OptionError
from hiddenstate.runs import Run


def command(run: Run) -> str | None:
    """The command that trains what `run` trained, quoted for a shell.

    It names every option whose value is not the default, and with the automatic recipe all that
    the recipe would fill in. Options no command line can carry, as a column's name with a comma,
    are left to the run's own config.json.

    Returns
    -------
    str or None
        None for a run on arrays in Python, which no command can load.
    """
    if run.data_fact("source") == "arrays":
        return None
    words = ["hiddenstate", run.config.job]
    try:
        words += arguments(run.config)
    except OptionError:
        words += ["--config", str(run.path / "config.json")]
    return " ".join(quoted(word) for word in words)


def arguments(config: Config) -> list[str]:
    """The words after `hiddenstate JOB` that make `config`.

    Raises
    ------
    OptionError
        If an option's value cannot be said on a command line.
    """
    values, words = config.flat(), []
    data, recipe = values.pop("data"), values["recipe"]
    if data is not None:
        words.append(data)
    usual = "classic" if data is None else "auto"
    for known in (option for _, option in job_options(config.job) if option.name != "data"):
        value = values[known.name]
        told = value != known.default_for(config.job)
        if known.name == "recipe":
            told = value != usual
        elif recipe == "auto" and known.recipe:
            told = value is not None
        if told:
            words += _spelled(known, value)
    return words


def _spelled(known: Option, value: Any) -> list[str]:
    """An option and its value as words of a command line."""
    if known.kind is bool:
        return [known.flag if value else f"--no-{known.flag[2:]}"]
    text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    if known.parse(text) != value:
        raise OptionError(f"{known.flag}: cannot be told on a command line")
    return [known.flag, text]


def quoted(word: str) -> str:
    """A word as a shell takes it, on one line and with nothing in it that cannot be seen.

    What is not printable is escaped in `$'...'`, which bash, zsh and POSIX shells of 2024 know.
    """
    if word.isprintable():
        return shlex.quote(word)
    return "$'" + "".join(_escaped(character) for character in word) + "'"


def _escaped(character: str) -> str:
    number = ord(character)
    if 0xDC80 <= number <= 0xDCFF:  # a byte of a file's name that is no UTF-8
        return f"\\x{number - 0xDC00:02x}"
    if character in "\\'":
        return "\\" + character
    if character.isprintable():
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "backslashreplace"))


def uses(run: Run) -> list[tuple[str, str]]:
    """What one may do with the run from a shell: what it is, and the command."""
    path = quoted(str(run.path))
    if not (run.path / "model.safetensors").is_file():
        going_on = [("go on where it stopped", f"hiddenstate resume {path}")]
        return going_on if run.data_fact("source") != "arrays" else []
    found = [("ask the model about new rows", f"hiddenstate predict {path} DATA")]
    found += [("measure it on rows with known answers", f"hiddenstate evaluate {path} DATA")]
    return [*found, ("see it learn again", f"hiddenstate watch {path}")]


def python(run: Run, row_shape: tuple[int, ...]) -> str:
    """Lines of Python that load the model and ask it.

    Parameters
    ----------
    run : Run
    row_shape : tuple of int
        Shape of one row of X.
    """
    shape = ", ".join(["n_samples", *map(str, row_shape)])
    lines = ["from hiddenstate import load", "", f"model = load({_literal(run.path)})"]
    if run.config.job == "classify":
        lines += [f"labels = model.predict(X)  # X: ({shape})", "chances = model.predict_proba(X)"]
    elif run.config.job == "regress":
        lines += [f"answers = model.predict(X)  # X: ({shape})"]
    else:
        lines += [f"codes = model.transform(X)  # X: ({shape})"]
        lines += ["rebuilt = model.inverse_transform(codes)"]
    return "\n".join([*lines, "net = model.to_torch()  # a torch.nn.Module"])


def _literal(folder: Path) -> str:
    """The model's path as a Python string of ASCII alone."""
    return ascii(str(folder / "model.safetensors"))
