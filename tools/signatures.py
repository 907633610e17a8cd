"""Writes what follows from the declarations of options: estimators' parameters and rows of docs.

    python -m tools.signatures

An option is declared once, in `config/`. Here the rows of docs/cli.md are made of it, and of each
estimator the signature and the first line of each parameter in its docstring. A new option gets a
parameter after the one that is declared before it, and its help as text. Values in the signature
that differ from those of the commands, and texts of docstrings, stay as they are written there.
"""

import ast
import inspect
import itertools
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from hiddenstate.config import JOBS, job_options
from hiddenstate.config.option import Option
from hiddenstate.config.parameters import for_python
from hiddenstate.estimators.files import ESTIMATORS
from hiddenstate.estimators.options import LEFT_OUT

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "cli.md"

NOT_PARAMETERS = {
    *("data", "stride", "windows", "split", "test_fraction", "split_seed", "test_scores"),
    *("seed", "dtype", "teach", "n_evaluated"),
}
"""Options that a new parameter is not made of, and so all that say how a file is read."""

OWN_TYPES = {
    "random_state": "int in [0, 2**63 - 1], RandomState or None",
    "class_weight": "{'none', 'balanced'}, dict or None",
    "weights": "str, path-like or None",
    "teacher": "estimator, array-like, str, path-like or None",
    "recipe": "{'auto'} or None",
    "last_target": "bool",
    "verbose": "int in [0, inf)",
    "future": "sequence of str or int, or None",
    "static": "sequence of str or int, or None",
    "season": "int, tuple of int, 'none' or None",
    "input": "sequence of str or int, or None",
    "time": "str or None",
    "id": "str, sequence of str or None",
    "every": "str or None",
    "calendar": "str, sequence of str or None",
    "augment": "str or tuple of str",
    "quantile": "float or tuple of float in (0, 1)",
}
"""Parameters that take more than the option of the commands does, and their types in words."""

OWN_ANNOTATIONS = {"augment", *OWN_TYPES} - {"recipe", "time", "every"}
"""Parameters whose annotation is written by hand."""


def number(value: float) -> str:
    """Return a bound as it is written in Python."""
    if not isinstance(value, int):
        return f"{value:g}"
    return f"{value:_}" if value >= 10_000 else f"{value}"


def interval(option: Option) -> str:
    """Return the range of a number in mathematical notation, [0, 1)."""
    if option.above is not None:
        low = f"({number(option.above)}"
    else:
        assert option.low is not None, option.name
        low = f"[{number(option.low)}"
    if option.high is not None:
        return f"{low}, {number(option.high)}]"
    return f"{low}, inf)" if option.below is None else f"{low}, {number(option.below)})"


def type_in_words(job: str, name: str, options: dict[str, Option], default: object) -> str:
    """Return what a parameter takes, as docstrings state it."""
    if name in OWN_TYPES:
        return OWN_TYPES[name]
    option = options[name]
    if option.choices:
        choices = [c for c in option.choices if c not in LEFT_OUT.get((job, name), ())]
        if isinstance(default, str) and default not in choices:  # lr_schedule="auto"
            choices.insert(0, default)
        kind = "{" + ", ".join(map(repr, choices)) + "}"
    elif option.allowed:
        kind = "{" + ", ".join(map(str, option.allowed)) + "}"
    elif option.kind in (bool, str):
        kind = option.kind.__name__
    else:
        noun = "tuple of int" if option.kind is tuple else option.kind.__name__
        kind = f"{noun} in {interval(option)}" + " or 'auto'" * (job in option.auto)
    return f"{kind} or None" if default is None or option.optional else kind


def annotation(job: str, option: Option, default: object) -> str:
    """Return the type of a parameter."""
    kind = f"tuple[{option.item.__name__}, ...]" if option.kind is tuple else option.kind.__name__
    kind += " | str" * (job in option.auto)
    return kind + " | None" * (default is None or option.optional)


def with_new(there: Iterable[str], declared: Iterable[str]) -> list[str]:
    """Return names with those that are declared besides, each after the one declared before it."""
    names = list(there)
    for before, name in itertools.pairwise(["", *declared]):
        if name not in names:
            names.insert(names.index(before) + 1 if before in names else len(names), name)
    return names


def signature(job: str, source: str) -> str:
    """Return the source of an estimator with the parameters of its job's options; as it is if its
    class has none of its own."""
    options = {option.name: option for _, option in job_options(job)}
    declared = [n for n, o in options.items() if n not in NOT_PARAMETERS and not o.reading]
    tree = next(n for n in ast.walk(ast.parse(source)) if _is_class(n, ESTIMATORS[job].__name__))
    inits = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == "__init__")
    if (init := next(inits, None)) is None:  # it has the parameters of the class it inherits from
        return source
    given = [*init.args.args[1:], *init.args.kwonlyargs]
    values = [*init.args.defaults, *init.args.kw_defaults]
    defaults = {arg.arg: ast.unparse(v) for arg, v in zip(given, values, strict=True) if v}
    written = {arg.arg: ast.unparse(arg.annotation) for arg in given if arg.annotation}
    there = [name for name in defaults if name in options or name in OWN_TYPES]
    names, first = with_new(there, declared), init.args.kwonlyargs[0].arg
    lines, words = ["        self,\n"], []
    for name in names:
        option, kind = options.get(name), written.get(name, "")
        new = "" if option is None else repr(option.default_for(job))
        value = ast.literal_eval(defaults.get(name, new))
        if option is not None and name not in OWN_ANNOTATIONS:
            kind = annotation(job, option, value)
        lines.append("        *,\n" * (name == first))
        lines.append(f"        {name}: {kind} = {_quoted(value)},\n")
        words.append(
            f"    {name} : {type_in_words(job, name, options, value)}, default={value!r}\n"
        )
    rows = source.splitlines(keepends=True)
    begin, end = init.lineno, init.body[0].lineno - 2
    rows[begin:end] = lines
    return _documented("".join(rows), dict(zip(names, words, strict=True)), options)


def _documented(source: str, words: dict[str, str], options: dict[str, Option]) -> str:
    """Return source with the first lines of the parameters of its docstring."""
    head, rest = source.split("    Parameters\n    ----------\n", 1)
    section, rest = rest.split("\n\n", 1)
    parts = re.split(r"^    (?=\w)", section + "\n", flags=re.MULTILINE)[1:]
    texts = {part.split(" : ")[0]: part.split("\n", 1)[1] for part in parts}
    made = []
    for name, line in words.items():
        made.append(line)
        made.append(texts.get(name) or _text(options[name]))
    return f"{head}    Parameters\n    ----------\n{''.join(made)}\n{rest}"


def _text(option: Option) -> str:
    """Return the help of an option as the text of a parameter."""
    lines = textwrap.wrap(for_python(option.help), 92, break_on_hyphens=False)
    return textwrap.indent("\n".join(lines) + "\n", 8 * " ")


def _quoted(value: object) -> str:
    """Return a value as the formatter writes it."""
    if isinstance(value, str):
        return f'"{value}"'
    return repr(value)


def _is_class(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.ClassDef) and node.name == name


def page(text: str) -> str:
    """Return docs/cli.md with a row for each option of a job."""
    each = {job: {option.name: option for _, option in job_options(job)} for job in JOBS}
    options = {name: option for own in each.values() for name, option in own.items()}
    names: list[str] = []
    for own in each.values():
        names = with_new(names, own)
    names.remove("data")
    lines = text.splitlines(keepends=True)
    before = "| `--"
    for name in names:
        option = options[name]
        shown = [_shown(each[job].get(name), job) for job in JOBS]
        bounds = ", ".join(option.choices or ()) or option.bounds()
        said = option.help.removesuffix(".") + (f" ({bounds})" if bounds else "")
        row = f"| `{option.flag}` | {' | '.join(shown)} | {said} |\n"
        begin = f"| `{option.flag}` |"
        at = [k for k, line in enumerate(lines) if line.startswith(begin) and line.count("|") == 6]
        if at:
            lines[at[0]] = row
        else:
            lines.insert(
                next(k for k, line in enumerate(lines) if line.startswith(before)) + 1, row
            )
        before = begin
    return "".join(lines)


def _shown(option: Option | None, job: str) -> str:
    """Return the default of an option as the page shows it; nothing where a job has none."""
    if option is None:
        return ""
    text = option.text(option.default_for(job))
    return {"True": "yes", "False": "no", "None": "none"}.get(text, text)


def files() -> Iterator[tuple[Path, str]]:
    """Yield each file that follows from the declarations, and what it should be."""
    yield PAGE, page(PAGE.read_text("utf-8"))
    for job, estimator in ESTIMATORS.items():
        path = Path(inspect.getfile(estimator))
        yield path, signature(job, path.read_text("utf-8"))


def main(write: Callable[[Path, str], object] = lambda p, t: p.write_text(t, "utf-8")) -> None:
    """Write the files that differ, and print their names."""
    for path, text in list(files()):
        if text != path.read_text("utf-8"):
            write(path, text)
            print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
