"""Joins modules of JavaScript into one script, so that a page is one file without a build step."""

import posixpath
import re
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from importlib.resources import files

IMPORT = re.compile(r'import (?:\{ (\w+(?:, \w+)*) \} from )?"(\.\.?/[\w./-]+\.js)";')
"""An import that `joined` understands: of names as they are, or of none, in one line."""

DECLARATION = re.compile(
    r"(export )?(?:(?:async )?function\b\*?|(?:class|const|let|var)\b)(?: (\w+))?"
)
"""The start of a line that declares a name of a module."""

FUNCTION = re.compile(
    r"^function (\w+)\(.*?^}\n|^const (\w+) = \([^\n]*;\n", re.MULTILINE | re.DOTALL
)
"""A function of a script, which does nothing until it is called."""

COMMENT = re.compile(
    r"^[ \t]*//[^\n]*\n|[ \t]*/\*\*.*?\*/|(?<=[;,{}()\]]) // [^\n\"'`]*$", re.MULTILINE | re.DOTALL
)
EMPTY = re.compile(r"\n(?:[ \t]*\n)+")
INDENT = re.compile(r"^ +", re.MULTILINE)
SPACE = re.compile(r" ?([=(){},;:?<>*&|!\[\]]+) ?")
"""A sign that needs no space around it, outside of texts and patterns."""
BETWEEN = re.compile(r"(?<=[\w)\]]) ?([+\-/%]=?) ?(?=[\w(\[])")
"""A sign between two values, or one that changes a value; next to no other sign."""
TEXT = re.compile(r'("(?:[^"\\]|\\.)*"|`[^`]*`)')

LEFT = re.compile(r"^\s*(?:import|export)\b.*|\bimport\s*[(.].*", re.MULTILINE)


def source(name: str) -> str:
    """Return the text of a module, named from the package, such as `web/colors.js`."""
    return (files("hiddenstate") / name).read_text("utf-8")


def ordered(
    names: Iterable[str], before: Iterable[str] = (), read: Callable[[str], str] = source
) -> tuple[str, ...]:
    """Return modules with all that they import, each after those, without those of `before`."""
    done = dict.fromkeys(before)
    first = len(done)

    def take(name: str) -> None:
        if name in done:
            return
        for match in IMPORT.finditer(read(name)):
            take(_target(name, match[2]))
        done[name] = None

    for name in names:
        take(name)
    return tuple(done)[first:]


def joined(
    names: Iterable[str], before: Iterable[str] = (), read: Callable[[str], str] = source
) -> str:
    """Return modules as one script.

    The script is without the lines that import, the word `export`, comments (except those at the
    end of a line with quotation marks), and half of the indentation. All names are in one scope.

    Parameters
    ----------
    names : iterable of str
        The modules, each after those that it imports.
    before : iterable of str
        Modules of the page's scripts before this one, which these may import too.
    read : callable, optional
        Returns the text of a module.

    Raises
    ------
    ValueError
        If a module imports or exports in another way than `import { a, b } from "./x.js";` and
        `export` before a declaration; if it imports a name that no module before it exports; or if
        two modules declare the same name; or if a template has several lines, which are changed.
    """
    before = tuple(before)
    exports: dict[str, set[str]] = {}
    declared: dict[str, str] = {}
    parts = ['"use strict";']
    for name in (*before, *names):
        code = EMPTY.sub("\n", COMMENT.sub("", read(name) + "\n")).strip()
        code = INDENT.sub(lambda match: " " * (len(match[0]) // 2), code)
        lines = []
        exports[name] = set()
        for line in code.split("\n"):
            if line.count("`") % 2:
                raise ValueError(f"{name}: expected the end of a template in the line: {line}")
            if line.startswith("import"):
                _check_import(name, line, exports)
                continue
            if match := DECLARATION.match(line):
                exported, own = match.groups()
                if own is None or own in declared:
                    other = "one name a line" if own is None else f"another than {declared[own]}"
                    raise ValueError(f"{name}: expected {other} to declare: {line}")
                declared[own] = name
                if exported:
                    exports[name].add(own)
                    line = line.removeprefix(exported)
            lines.append(line)
        code = "\n".join(lines)
        if match := LEFT.search(code):
            raise ValueError(f"{name}: expected no other import or export: {match[0].strip()}")
        if name not in before:
            parts.append(code)
    return "\n".join(parts)


def trimmed(script: str, used: str = "") -> str:
    """Return a script without the functions whose names stand nowhere else in it, nor in the text
    that is `used` with it, and compact."""
    words = Counter(re.findall(r"\w+", script + used))

    def kept(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        inside = re.findall(r"\w+", match[0]).count(name)
        return match[0] if words[name] > inside else ""

    shorter = FUNCTION.sub(kept, script)
    return compact(script) if shorter == script else trimmed(shorter, used)


def without(script: str, names: Iterable[str]) -> str:
    """Return a joined script without the entries of its tables that have one of the names."""
    entry = rf"^ (?:\* ?)?(?:{'|'.join(names)})\b[:(].*?\n(?= [\w*]|}}\)*;)"
    return re.sub(entry, "", script, flags=re.MULTILINE | re.DOTALL)


def compact(script: str) -> str:
    """Return a script without indentation, nor spaces around signs outside of texts, in lines
    without patterns, texts in single quotes and templates in templates, and without the ends of
    lines after which a sign says that another follows."""
    lines = [_compact_line(line) for line in INDENT.sub("", script).split("\n")]
    ends = [
        "" if line.endswith((";", "{", "}", ",")) and "//" not in line else "\n" for line in lines
    ]
    return "".join(map("".join, zip(lines, [*ends[:-1], ""], strict=True)))


@cache
def _compact_line(line: str) -> str:
    parts = TEXT.split(line)
    code = "".join(parts[::2]).replace(" / ", "")
    templates = [text for text in parts[1::2] if text.startswith("`")]
    if any(text.count("${") != text.count("}") for text in templates) or set(code) & set("'`/"):
        return line
    parts[::2] = [BETWEEN.sub(r"\1", SPACE.sub(r"\1", part)) for part in parts[::2]]
    return "".join(parts)


def _check_import(name: str, line: str, exports: dict[str, set[str]]) -> None:
    """Refuse a line unless it imports names that a module before this one exports."""
    match = IMPORT.fullmatch(line)
    if match is None:
        raise ValueError(f'{name}: expected import {{ a, b }} from "./x.js"; found: {line}')
    other = _target(name, match[2])
    if other == name or other not in exports:
        raise ValueError(f"{name}: {other} is not among the modules before it")
    for wanted in match[1].split(", ") if match[1] else ():
        if wanted not in exports[other]:
            raise ValueError(f"{name}: {other} does not export {wanted}")


def _target(name: str, address: str) -> str:
    """Return the module at an address that a module imports from."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), address))
