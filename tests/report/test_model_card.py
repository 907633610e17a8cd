"""The model card, the report as text."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from hiddenstate.report import write_report
from hiddenstate.report.model_card import card_text
from hiddenstate.runs import Run
from tests.conftest import write_digits
from tests.report_html import train, train_digits, write_hostile

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train_digits(tmp_path_factory.mktemp("runs"))


def test_a_card_has_every_required_part(run: Run) -> None:
    card = card_text(run)
    headings = [line[3:] for line in card.splitlines() if line.startswith("## ")]
    assert headings == ["Intended use", "Data", "Training", "Results", "Limits", "Use it"]
    results = run.results()
    assert results is not None
    assert f"**{100 * results['test_accuracy']:.2f} %** of 30 test rows correct" in card
    assert run.data_fact("fingerprint") in card
    assert "not tested for any other use" in card
    low, high = (100 * results[f"test_accuracy_{end}"] for end in ("low", "high"))
    assert f"30 test rows correct; 95 % interval {low:.2f} % to {high:.2f} %" in card
    assert "from hiddenstate import load" in card
    assert f"hiddenstate predict {run.path} DATA" in card
    assert "hiddenstate classify " in card


@pytest.fixture(scope="module")
def waves(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train("regress", {"windows": 2}, tmp_path_factory.mktemp("runs"))


def test_a_card_begins_with_what_the_hub_reads(run: Run, codes: Run, waves: Run) -> None:
    tasks = ("image-classification", "tabular-regression", "feature-extraction")
    for each, task in zip((run, waves, codes), tasks, strict=True):
        first, head, _ = card_text(each).split("---\n", 2)
        assert first == ""
        values = dict(line.split(": ") for line in head.splitlines() if ": " in line)
        assert values == {"library_name": "hiddenstate", "pipeline_tag": task}
        tags = head.split("tags:\n")[1].splitlines()
        assert tags[0] == "- hiddenstate"
        assert all(re.fullmatch(r"- [a-z-]+", tag) for tag in tags)


def test_only_bundled_digits_have_a_licence_note(run: Run, codes: Run, waves: Run) -> None:
    assert "Creative Commons" not in card_text(run)
    assert "Creative Commons" in card_text(codes)
    assert "Creative Commons" not in card_text(waves)


def test_hostile_names_are_escaped(tmp_path: Path) -> None:
    data = str(write_hostile(tmp_path / "hostile.csv"))
    run = train("classify", {"data": data, "hidden_size": 2, "epochs": 1}, tmp_path)
    card = card_text(run)
    assert "\u202e" not in card
    prose = re.sub(r"^(`{3,})\w*\n.*?^\1$", "", card, flags=re.DOTALL | re.MULTILINE)
    prose = re.sub(r"`[a-z-]+( 5)?`", "", prose)  # names of options
    assert re.findall(r"(?<!\\)[<\[`$]", prose) == []
    assert "https://" not in prose
    assert "http://" not in prose
    for line in prose.splitlines():
        if line.startswith("| ") and "script" in line:
            assert len(re.findall(r"(?<!\\)\|", line)) == 5


def test_rows_of_a_table_have_equal_widths(run: Run) -> None:
    widths: list[int] = []
    for line in [*card_text(run).splitlines(), ""]:
        if line.startswith("|"):
            widths.append(len(re.findall(r"(?<!\\)\|", line)))
        elif widths:
            assert len(set(widths)) == 1
            assert len(widths) >= 3
            widths = []


def test_an_unfinished_run_has_a_card_in_which_backticks_have_a_longer_fence(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "a ``` b"
    folder.mkdir()
    data = str(write_digits(folder / "digits"))
    card = card_text(train("autoencode", {"data": data}, folder, steps=2))
    assert "> The run was interrupted" in card
    assert "load(" not in card  # it has no model
    assert "It was not tested on held-out rows" in card
    fences = re.findall(r"^(`{3,})", card, flags=re.MULTILINE)
    assert fences[::2] == fences[1::2]
    assert "````" in fences


@pytest.mark.parametrize("version", sorted(path.name for path in GOLDEN.glob("v*")))
def test_older_runs_have_a_card(version: str) -> None:
    assert "## Results" in card_text(Run(GOLDEN / version / "regress"))


@pytest.mark.usefixtures("coarse", "blank")
def test_the_card_is_written_beside_the_model(run: Run) -> None:
    write_report(run)
    assert (run.path / "README.md").read_text("utf-8") == card_text(run)


def test_a_card_needs_no_view_no_drawing_and_no_torch(run: Run) -> None:
    code = (
        "import sys; from pathlib import Path; from hiddenstate.runs import Run\n"
        "from hiddenstate.report.model_card import card_text\n"
        f"card_text(Run(Path({str(run.path)!r})))\n"
        "print({'torch', 'matplotlib', 'sklearn', 'hiddenstate.views'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
