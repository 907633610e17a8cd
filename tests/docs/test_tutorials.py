"""The tutorials run, print what they say they print, and are the same in both languages."""

import ast
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import warm
from tests.conftest import Cli

DOCS = Path(__file__).parents[2] / "docs"
NAMES = sorted(path.name for path in (DOCS / "en").glob("*.md"))
PAGES = [DOCS / language / name for language in ("en", "zh") for name in NAMES]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def blocks(path: Path, kind: str) -> list[str]:
    """The fenced blocks of `kind`, each after as many blank lines as stand before it."""
    text = path.read_text("utf-8")
    found = [match for match in FENCE.finditer(text) if match[1] == kind]
    return ["\n" * text[: match.start(2)].count("\n") + match[2] for match in found]


def prose(path: Path) -> str:
    return FENCE.sub("", path.read_text("utf-8"))


def test_every_page_is_there_in_both_languages() -> None:
    assert sorted(path.name for path in (DOCS / "zh").glob("*.md")) == NAMES
    tutorials = ["autoencode.md", "classify.md", "regress.md", "what-changed.md"]
    assert sorted([*tutorials, "glossary.md", "index.md"]) == NAMES


@pytest.mark.parametrize("name", [name for name in NAMES if blocks(DOCS / "en" / name, "python")])
def test_python_blocks_run_in_order(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the Chinese pages are the same, as the next test shows."""
    import torch

    path = DOCS / "en" / name

    monkeypatch.chdir(tmp_path)
    known = {"__name__": "paper"}
    try:
        for block in blocks(path, "python"):
            exec(compile(block, str(path), "exec"), known)
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_show_the_same(name: str) -> None:
    """Code equal up to comments; commands, figures, numbers of a table and headings alike."""
    english, chinese = (DOCS / language / name for language in ("en", "zh"))
    codes = [
        [ast.dump(ast.parse(block)) for block in blocks(page, "python")]
        for page in (english, chinese)
    ]
    assert codes[0] == codes[1]
    consoles = [[b.strip() for b in blocks(page, "console")] for page in (english, chinese)]
    assert consoles[0] == consoles[1]
    for pattern in (r"!\[[^\]]*\]\((?:\.\./)?([^)]+)\)", r"^(#+) ", r"\b\d\.\d{3,}\b"):
        there = [re.findall(pattern, prose(page), re.MULTILINE) for page in (english, chinese)]
        if pattern.startswith(r"\b"):  # each language puts its numbers in its own order
            there = [sorted(numbers) for numbers in there]
        assert there[0] == there[1], pattern


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_a_page_begins_with_the_way_to_its_twin(path: Path) -> None:
    other = "zh" if path.parent.name == "en" else "en"
    assert f"](../{other}/{path.name})" in "".join(path.read_text("utf-8").splitlines()[:4])


@pytest.mark.parametrize("job", ["classify", "regress", "autoencode"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_tutorial_shows_the_page_that_its_model_is_exported_to(language: str, job: str) -> None:
    """The link is alone on its line, which makes the site show the page in a frame."""
    text = (DOCS / language / f"{job}.md").read_text("utf-8")
    page = {"classify": "digits", "regress": "waves", "autoencode": "codes"}[job]
    assert re.search(rf"^\[[^\]]+\]\(\.\./pages/{page}\.html\)$", text, re.MULTILINE)


def terms(language: str) -> list[str]:
    return re.findall(r"^### (.+)$", prose(DOCS / language / "glossary.md"), re.MULTILINE)


def test_the_glossaries_have_the_same_terms_in_the_same_order() -> None:
    english, chinese = terms("en"), terms("zh")
    assert len(english) == len(set(english)) >= 50
    for term, both in zip(english, chinese, strict=True):
        assert both.endswith(term) or both.startswith(f"{term}\uff08"), both


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_term_of_the_glossary_is_explained_and_links_to_where_it_matters(
    language: str,
) -> None:
    parts = re.split(r"^#+ .+$", prose(DOCS / language / "glossary.md"), flags=re.MULTILINE)
    entries = [part.strip() for part in parts if part.strip()][1:-1]  # between head and figures
    assert len(entries) == len(terms(language))
    for entry in entries:
        assert re.search(r"\S\s?\[[^\]]+\]\([^)]+\)$", entry), entry
        assert len(entry) < 350, entry


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_links_lead_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(path)):
        if link.startswith("https://"):
            continue
        target, _, anchor = link.partition("#")
        found = (path.parent / target).resolve() if target else path
        assert found.exists(), f"{link} leads nowhere"
        if anchor:
            heads = re.findall(r"^#+ (.+)$", prose(found), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
            assert anchor in slugs, f"{link}: no such heading"


def masked(line: str) -> str:
    """A line without what differs between machines: numbers, tools, and the token of the studio."""
    if line.endswith("prediction number"):
        return "prediction number"
    line = re.sub(r"computed by .*: |token=\S+", "", line.rstrip())
    return re.sub(r"\d+(\.\d+)?(e[+-]?\d+)?", "#", line)


def studio(*words: str) -> list[str]:
    """Start the studio, and end it as Ctrl-C does once it has printed its address."""
    process = warm.Piped(["-m", "hiddenstate", "studio", *words, "--no-browser"], Path.cwd())
    lines = [process.stdout.readline() for _ in range(2)]
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode in (0, 130)
    return lines


EPOCH = {"hiddenstate classify", "hiddenstate autoencode --epochs 1"}
"""What the pages train for 938 updates, here for 310, which print as many lines as they show."""


def printed(command: str, code: int, cli: Cli) -> tuple[list[str], list[str]]:
    """What a command of a page prints to stdout and to stderr; a page may show either first."""
    program, *words = shlex.split(command)
    if program == "python":
        done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True)
        return done.stdout.splitlines(), []
    assert program == "hiddenstate"
    if words[0] == "studio":
        return studio(*words[1:]), []
    trains = words[0] in ("classify", "regress", "autoencode")
    short = ["--max-steps", 310] if command in EPOCH else []
    answer = cli(*words, *(["--view", "off"] if trains else []), *short)
    assert answer.code == code, answer.err
    return answer.out.splitlines(), answer.err.splitlines()


def first_missing(expected: list[str], lines: list[str]) -> str | None:
    """The first line that is not among `lines`, in order; `...` stands for any."""
    rest = iter([masked(line) for line in lines])
    return next((line for line in expected if line != "..." and masked(line) not in rest), None)


@pytest.mark.parametrize("name", [name for name in NAMES if blocks(DOCS / "en" / name, "console")])
def test_commands_print_what_the_page_says(
    name: str, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command of the page, in order, on the file that a block of the page makes."""
    monkeypatch.setenv("COLUMNS", "80")
    page = DOCS / "en" / name
    for block in blocks(page, "python"):
        if ".csv" in block:
            exec(compile(block, str(page), "exec"), {})
    commands = [part for block in blocks(page, "console") for part in block.split("\n$ ")[1:]]
    assert commands
    for command, *expected in (part.splitlines() for part in commands):
        code = 5 if any(line.startswith("error:") for line in expected) else 0
        out, err = printed(command, code, cli)
        missing = first_missing(expected, out + err) and first_missing(expected, err + out)
        assert missing is None, f"{command}: not printed: {missing}"
