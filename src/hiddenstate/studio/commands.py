"""Builds the commands that the studio starts from what a page sends; nothing else is started.

Each word is checked as the command line checks it, or stands in a table here.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hiddenstate.config import DataConfig, job_options, section_options
from hiddenstate.config.exports import LAYOUTS, TARGETS, WEIGHTS
from hiddenstate.config.fields import NO_TEACHER, OWN_TEACHERS
from hiddenstate.config.option import JOBS, Option
from hiddenstate.errors import DataError, OptionError, did_you_mean, printable
from hiddenstate.runs.run import own_names

FILES = ("data", "test", "answers", "weights", "teach")
"""Options whose value is a path, which the caller checks."""

EXPORT = {"weights", "layout"}
"""Options of an export besides its target."""

NAMED = tuple(("teach", name) for name in (NO_TEACHER, *OWN_TEACHERS))
"""Values of these options that are no path."""


def training(job: Any, data: str | None, options: Mapping[str, Any]) -> list[str]:
    """Return the words that train a job.

    Parameters
    ----------
    job : str
    data : str or None
        A checked path; None for the bundled data.
    options : mapping
        Values by the names of options; text as on the command line, or numbers.

    Raises
    ------
    OptionError
        If there is no such job or option, or a value is not valid.
    """
    if job not in JOBS:
        raise OptionError(f"{printable(job, 40)}: unknown job; expected one of " + ", ".join(JOBS))
    known = {option.name: option for _, option in job_options(job)}
    words = [job, *([] if data is None else [data])]
    return [*words, *_options(known, options), "--view", "off"]


def inspection(data: str, job: str | None, options: Mapping[str, Any]) -> list[str]:
    """Return the words that inspect data; errors as of :func:`training`."""
    words = ["inspect", data, "--json"]
    if job is not None:
        if job not in JOBS:
            raise OptionError(f"{printable(job, 40)}: unknown job")
        words += ["--job", job]
    known = {n: option for n, option in section_options(DataConfig).items() if option.reading}
    return words + _options(known, options)


def _options(known: Mapping[str, Option], options: Mapping[str, Any]) -> list[str]:
    words = []
    for name, value in options.items():
        if name == "data" or name not in known:
            near = did_you_mean(str(name), known)
            raise OptionError(f"{printable(name, 40)}: unknown option{near}")
        option = known[name]
        if option.kind is bool:
            if not isinstance(value, bool):
                raise OptionError(f"{option.flag}: expected true or false")
            words.append(option.flag if value else f"--no-{option.flag[2:]}")
            continue
        text = value if isinstance(value, str) else str(value)
        if "\0" in text or len(text) > 4096:
            raise OptionError(f"{option.flag}: expected {option.expected()}")
        option.parse(text)
        # One word, so that a value that starts with - is not taken for an option.
        words.append(f"{option.flag}={text}")
    return words


def about_run(command: Any, run: Path, options: Mapping[str, Any]) -> list[str]:
    """Return the words of a command about a run: report, film, verify, figures, resume, export,
    predict, forecast.

    Parameters
    ----------
    command : str
    run : Path
    options : mapping
        Of `predict` and `forecast`: `output`, the file to write, and checked paths of files, `data`
        and `future`.

    Raises
    ------
    OptionError
        If the command is not one of these, or an option is not one that it takes here.
    """
    path = str(run)
    match command, dict(options):
        case "predict", {"output": output, **rest} if set(rest) <= {"data", "proba"}:
            words = [*_present(rest.get("data")), *(["--proba"] if rest.get("proba") else [])]
            return ["predict", path, *words, "--output", str(output)]
        case "forecast", {"output": output, **rest} if set(rest) <= {"data", "future", "horizon"}:
            words = [*_present(rest.get("data")), *_present(rest.get("future"), "--future")]
            if "horizon" in rest:
                words += ["--horizon", _whole("--horizon", rest["horizon"], 10_000)]
            drawn = str(Path(output).with_suffix(".json"))
            return ["forecast", path, *words, "--output", str(output), "--figure", drawn]
        case "report" | "verify" | "film" | "figures", {**rest} if not rest:
            return [str(command), path]
        case "resume", {**rest} if set(rest) <= {"epochs"}:
            return ["resume", path, *_more_epochs(rest.get("epochs"))]
        case "export", {"to": str(to), **rest} if to in TARGETS and set(rest) <= EXPORT:
            words = ["export", path, "--to", to, "--force", "--json"]
            weights, layout = rest.get("weights"), rest.get("layout")
            if layout is not None:
                if layout not in LAYOUTS:
                    raise OptionError(f"--layout: expected one of {', '.join(LAYOUTS)}")
                words += ["--layout", str(layout)]
            if weights is None:
                return words
            if weights not in WEIGHTS:
                raise OptionError(f"--weights: expected one of {', '.join(WEIGHTS)}")
            return [*words, "--weights", str(weights)]
    raise OptionError("the studio has no such command")


def _present(path: Any, *option: str) -> list[str]:
    return [] if path is None else [*option, str(path)]


def _whole(option: str, value: Any, most: int) -> str:
    if type(value) is not int or not 1 <= value <= most:
        raise OptionError(f"{option}: expected a whole number from 1 to {most:,}")
    return str(value)


def _more_epochs(value: Any) -> list[str]:
    return [] if value is None else ["--epochs", f"+{_whole('--epochs', value, 10**6)}"]


def uploaded_name(name: str) -> str:
    """Return the name of a file that a browser sent, without what is not plain.

    Raises
    ------
    DataError
        If nothing is left of it.
    """
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)
    plain = plain.strip("._-")[-80:]
    if not plain:
        raise DataError("the file has no name")
    if plain in own_names():  # a folder with these looks like a run
        return f"file-{plain}"
    return plain
