"""The tutorials run, print what they say they print, and are the same in both languages."""

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from hiddenstate.runs import Run
from hiddenstate.views.catalog import drawings
from hiddenstate.views.timeline import Timeline
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
    assert NAMES == ["autoencode.md", "classify.md", "index.md", "regress.md", "what-changed.md"]


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
    for pattern in (r"!\[[^\]]*\]\(([^)]+)\)", r"^(#+) ", r"\b\d\.\d{3,}\b"):
        there = [re.findall(pattern, prose(page), re.MULTILINE) for page in (english, chinese)]
        if pattern.startswith(r"\b"):  # each language puts its numbers in its own order
            there = [sorted(numbers) for numbers in there]
        assert there[0] == there[1], pattern


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_a_page_begins_with_the_way_to_its_twin(path: Path) -> None:
    other = "zh" if path.parent.name == "en" else "en"
    assert f"](../{other}/{path.name})" in "".join(path.read_text("utf-8").splitlines()[:4])


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
    """A line without its numbers: they differ between processors."""
    if line.endswith("prediction number"):
        return "prediction number"
    return re.sub(r"\d+(\.\d+)?(e[+-]?\d+)?", "#", line.rstrip())


@pytest.mark.parametrize("name", [name for name in NAMES if blocks(DOCS / "en" / name, "console")])
def test_commands_print_what_the_page_says(
    name: str, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for block in blocks(DOCS / "en" / name, "console"):
        command, *expected = block.strip().splitlines()
        words = command.removeprefix("$ hiddenstate ").split()
        trains = words[0] in ("classify", "regress", "autoencode")
        done = cli(*words, *(["--view", "off"] if trains else []))
        assert done.code == (5 if any("error:" in line for line in expected) else 0), done.err
        printed = iter(masked(line) for line in (done.out + done.err).splitlines())
        for line in expected:
            assert line == "..." or masked(line) in printed, f"{command}: not printed: {line}"


@pytest.mark.parametrize("job", ["classify", "regress", "autoencode"])
def test_chinese_pages_translate_the_words_on_their_figures(
    job: str, run_of: Callable[[str], Run]
) -> None:
    page = (DOCS / "zh" / f"{job}.md").read_text("utf-8")
    section = page.partition("## 怎么看这些图")[2].partition("\n## ")[0]
    keys = dict(re.findall(r"^\*\*(\w+)\uff08.*\n\n图上的文字\uff1a(.*)$", section, re.MULTILINE))
    assert len(keys) == section.count("](../images/")
    timeline = Timeline(run_of(job))
    draws = drawings(timeline, timeline.moment())
    for name, translated in keys.items():
        figure = draws[name](None)
        words = [figure.texts[0].get_text()]
        for axes in figure.axes:
            words += [axes.get_xlabel(), axes.get_ylabel()]
            words += axes.get_legend_handles_labels()[1]
        for word in words:
            assert word.partition(",")[0].strip(" →") in translated, name
