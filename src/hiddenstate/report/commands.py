"""Writes the commands and the lines of Python that train a run again and use its model."""

import shlex
from pathlib import Path
from typing import Any

from hiddenstate.config import Config, job_options
from hiddenstate.config.option import Option
from hiddenstate.errors import OptionError
from hiddenstate.runs import Run


def training_command(run: Run) -> str | None:
    """Return the command that trains what `run` trained, quoted for a shell.

    It has every option that differs from its default and, with the automatic recipe, every option
    that the recipe would set. If a value cannot be written on a command line, as the name of a
    column with a comma, the command refers to the run's config.json instead.

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
    """Return the words after `hiddenstate JOB` that give `config`.

    Raises
    ------
    OptionError
        If the value of an option cannot be written on a command line.
    """
    words = [] if config.data.data is None else [config.data.data]
    for option, value in set_options(config):
        if isinstance(value, bool):
            words.append(option.flag if value else f"--no-{option.flag[2:]}")
        else:
            words += [option.flag, value]
    return words


def set_options(config: Config) -> list[tuple[Option, str | bool]]:
    """Return the options that give `config`, each with its value: text as on a command line, or
    whether it is on. Errors as of :func:`arguments`."""
    values, needs = config.flat(), []
    data, recipe = values.pop("data"), values["recipe"]
    default_recipe = "classic" if data is None else "auto"
    for option in (option for _, option in job_options(config.job) if option.name != "data"):
        value = values[option.name]
        needed = value != option.default_for(config.job)
        if option.name == "recipe":
            needed = value != default_recipe
        elif recipe == "auto" and option.recipe:
            needed = value is not None
        if needed:
            needs.append((option, value if option.kind is bool else _text(option, value)))
    return needs


def _text(option: Option, value: Any) -> str:
    """Return the value of an option as a word of a command line."""
    text = option.text(value)
    if option.parse(text) != value:
        raise OptionError(f"{option.flag}: the value cannot be written on a command line")
    return text


def quoted(word: str) -> str:
    """Quote a word for a shell, on one line and without invisible characters.

    Characters that are not printable are escaped in `$'...'`, as in bash, zsh and POSIX 2024.
    """
    if word.isprintable():
        return shlex.quote(word)
    return "$'" + "".join(_escaped(character) for character in word) + "'"


def _escaped(character: str) -> str:
    number = ord(character)
    if 0xDC80 <= number <= 0xDCFF:  # a byte of a file name that is not UTF-8
        return f"\\x{number - 0xDC00:02x}"
    if character in "\\'":
        return "\\" + character
    if character.isprintable():
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "backslashreplace"))


def uses(run: Run, file: str | None = None) -> list[tuple[str, str]]:
    """Return what can be done with the run from a shell, or with the model `file` alone: titles and
    commands."""
    path = quoted(file or str(run.path))
    if not (run.path / "model.safetensors").is_file():
        resume = [("Resume training", f"hiddenstate resume {path}")]
        return resume if run.data_fact("source") != "arrays" else []
    return [
        ("Predict new rows", f"hiddenstate predict {path} DATA"),
        ("Evaluate the model on rows with targets", f"hiddenstate evaluate {path} DATA"),
        *([] if file else [("Replay the training", f"hiddenstate watch {path}")]),
    ]


def python_lines(run: Run, row_shape: tuple[int, ...], file: str | None = None) -> str:
    """Return lines of Python that load the model and use it.

    Parameters
    ----------
    run : Run
    row_shape : tuple of int
        Shape of one row of X.
    file : str, optional
        The model file, if it is not that of the run's folder.
    """
    shape = ", ".join(["n_samples", *map(str, row_shape)])
    lines = ["from hiddenstate import load", "", f"model = load({_literal(run.path, file)})"]
    if run.config.kind.has_classes:
        lines += [f"labels = model.predict(X)  # X: ({shape})"]
        lines += ["probabilities = model.predict_proba(X)"]
    elif run.config.kind.has_targets:
        lines += [f"y = model.predict(X)  # X: ({shape})"]
    else:
        lines += [f"codes = model.transform(X)  # X: ({shape})"]
        lines += ["reconstructions = model.inverse_transform(codes)"]
    return "\n".join([*lines, "net = model.to_torch()  # a torch.nn.Module"])


def _literal(folder: Path, file: str | None) -> str:
    """Return the path of the model as a Python string in ASCII."""
    return ascii(file or str(folder / "model.safetensors"))
