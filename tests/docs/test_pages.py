"""The pages are true: their code and commands run, their links and tables match the program."""

import re
from contextlib import nullcontext
from pathlib import Path

import click
import joblib
import pytest
from matplotlib.figure import Figure

from hiddenstate.cli import COMMANDS, cli
from hiddenstate.config import JOBS
from hiddenstate.views.catalog import FIGURES

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "SECURITY.md",
    ROOT / "examples" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
WITH_CODE = [path for path in PAGES if "```python" in path.read_text("utf-8")]


def named(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", WITH_CODE, ids=named)
def test_python_blocks_run_in_order(path, tmp_path, monkeypatch):
    """Searches in processes of loky run in threads: tests/estimators has one in processes."""
    threads = joblib.parallel_config
    monkeypatch.setattr(joblib, "parallel_config", lambda backend: nullcontext())
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)  # a page may import a file that it wrote
    text = path.read_text("utf-8")
    names = {"__name__": "page"}
    with threads(backend="threading"):
        for block in re.finditer(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            # Blank lines first, so that a traceback gives the line of the page.
            before = text[: block.start(1)].count("\n")
            exec(compile("\n" * before + block[1], str(path), "exec"), names)


def masked(line):
    """A line without what varies between processors: digits, times, shares and predictions."""
    if line.endswith("prediction number"):
        return "prediction number"
    return re.sub(r"\d+\.\d+(e-?\d+)?|\d+(?= s\))|\d+(?=% by )", "#", line.rstrip())


SHORT = {"digits.csv", "pictures", "sensors.csv", "Gestures_TRAIN.ts"}
"""What own-data.md trains on with the automatic recipe for 160 to 800 updates, here for 4."""

OF_LENGTH = re.compile(r"Epoch: |answer: |test accuracy|\['|run: |the network is ")
"""How lines begin that depend on the number of updates."""

OWN_DATA = (ROOT / "docs" / "own-data.md").read_text("utf-8")
PARTS = OWN_DATA.split("\n## A folder of images\n")


@pytest.mark.parametrize("part", range(len(PARTS)))
def test_commands_of_the_page_on_own_data_print_what_it_shows(part, cli, blank, monkeypatch):
    """Every command of the page, in order, on the files that its first block creates.

    What the automatic recipe gives after its last update is shown by those on small tables. Of
    figures the page shows the names.
    """
    monkeypatch.setattr("hiddenstate.views.catalog._draw", lambda *_: Figure((1, 1)))
    monkeypatch.setenv("COLUMNS", "80")
    exec(re.search(r"^```python\n(.*?)^```", OWN_DATA, re.DOTALL | re.MULTILINE)[1], {})
    for run in re.findall(r"^run: (runs/\S+)", "".join(PARTS[:part]), re.MULTILINE):
        Path(run).mkdir(parents=True)  # its name is taken
    blocks = re.findall(r"^```console\n(.*?)^```", PARTS[part], re.DOTALL | re.MULTILINE)
    asked = [part for block in blocks for part in block.split("$ hiddenstate ")[1:]]
    assert len(asked) >= 8
    for command, *expected in (part.splitlines() for part in asked):
        job, data, *_ = words = command.split()
        words += ["--view", "files"] if job in JOBS else []
        if job in JOBS and data in SHORT:
            words += ["--max-steps", 4]
            expected = [line for line in expected if not OF_LENGTH.match(line)]
        done = cli(*words)
        assert done.code == 0, done.err
        printed = iter(masked(line) for line in (done.out + done.err).splitlines())
        for line in expected:
            assert line == "..." or masked(line) in printed, f"{command}: not printed: {line}"


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_links_lead_somewhere(path):
    text = re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith(("http://", "https://")):
            continue
        target, _, anchor = link.partition("#")
        page = (path.parent / target).resolve() if target else path
        assert page.exists(), f"{link} leads nowhere"
        if anchor:
            heads = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
            assert anchor in slugs, f"{link}: no such heading"


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_source_files_that_pages_name_exist(path):
    names = re.findall(
        r"\b(?:src|tools|benchmarks|examples|tests)/[\w/.]*\w", path.read_text("utf-8")
    )
    missing = [name for name in names if not (ROOT / name).exists()]
    assert not missing


def test_every_guarantee_names_tests_that_exist():
    page = (ROOT / "docs" / "reliability.md").read_text("utf-8")
    guarantees = page.split("## The guarantees\n")[1].split("\n## ")[0]
    table = page.split("### The tests of each guarantee\n")[1].split("\n## ")[0]
    rows = [re.split(r" *\| *", line)[1:-1] for line in table.splitlines() if line[:1] == "|"][2:]
    assert [row[0] for row in rows if row[0]] == re.findall(r"^\*\*(.+)\.\*\*", guarantees, re.M)
    for *_, tests in rows:
        named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", tests)
        assert len(named) == tests.count("`") / 2, tests
        for path, name in named:
            source = ROOT / "tests" / path
            assert f"\ndef {name}(" in source.read_text("utf-8"), f"{path}::{name}"


def command_of(name):
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    return command


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_a_section_and_help_with_an_example(name):
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    assert f"### {name}\n" in page
    command = command_of(name)
    text = command.get_help(click.Context(command, info_name=name))
    assert "Example:" in text
    assert f"hiddenstate {name}" in text.split("Example:")[1]


def test_documented_commands_exist():
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    assert set(re.findall(r"^### (\w+)$", page, re.MULTILINE)) == set(COMMANDS)


def test_every_option_of_every_command_is_documented():
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    there = set(re.findall(r"--[a-z][a-z-]*", page))
    for name in COMMANDS:
        for parameter in command_of(name).params:
            if isinstance(parameter, click.Option):
                assert set(parameter.opts) <= there, f"{name}: {parameter.opts}"


def test_the_index_lists_every_page():
    text = (ROOT / "docs" / "index.md").read_text("utf-8")
    links = set(re.findall(r"\]\(([^)\s#]+)", text))
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert pages | {"en/index.md", "zh/index.md"} <= links


def test_figures_are_named_where_they_are_explained():
    text = (ROOT / "docs" / "getting-started.md").read_text("utf-8")
    for names in FIGURES.values():
        for name in names:
            assert f"`{name}.png`" in text


def test_pictures_are_small():
    for path in (ROOT / "docs" / "images").iterdir():
        most = 3_000_000 if path.suffix == ".gif" else 150_000  # a film is longer
        assert path.stat().st_size < most, path.name
